//! dotenv and INI from the command line, and conversions between formats.

use super::harness::Session;

#[test]
fn a_dotenv_file_goes_through_every_command() {
    let mut session = Session::encrypting();
    let plain = "# c\nexport A=\"one\"\n\nB=x\\ny";
    session.file("s.env", plain);
    session.args(&["encrypt", "-i", "s.env"]).exit(0);
    assert!(session.read_text("s.env").contains("\nsops_mac=ENC["));
    session.args(&["filestatus", "s.env"]).stdout("{\"encrypted\":true}\n").exit(0);
    session.args(&["decrypt", "s.env"]).stdout(plain).exit(0);
    session.args(&["decrypt", "--extract", "[\"B\"]", "s.env"]).stdout("x\ny").exit(0);
    session.args(&["set", "s.env", "[\"C\"]", "5"]).exit(0);
    session.args(&["unset", "s.env", "[\"B\"]"]).exit(0);
    session.args(&["rotate", "-i", "s.env"]).exit(0);
    session.args(&["decrypt", "s.env"]).stdout("# c\nexport A=\"one\"\n\nC=5").exit(0);
    session.args(&["decrypt", "--output-type", "json", "s.env"]).stdout_has("\"C\": \"5\"").exit(0);
    session.args(&["encrypt", "s.env"]).exit(203);
    session.file("bad.env", "A=1\nSECRET LINE\n");
    session.args(&["encrypt", "bad.env"]).stderr_has("line 2, column 1").exit(2);
}

#[test]
fn an_ini_file_goes_through_every_command() {
    let mut session = Session::encrypting();
    let plain = "; head\n[s] ; behind\n# of a\na = 'one' ; inline\nlonger = x\n\n; end\n";
    session.file("s.ini", plain);
    session.args(&["encrypt", "-i", "s.ini"]).exit(0);
    session.args(&["filestatus", "s.ini"]).stdout("{\"encrypted\":true}\n").exit(0);
    session.args(&["decrypt", "s.ini"]).stdout(plain).exit(0);
    session.args(&["set", "s.ini", "[\"s\"][\"a\"]", "\"it#s\""]).exit(0);
    session.args(&["set", "s.ini", "[\"t\"][\"b\"]", "true"]).exit(0);
    session.args(&["rotate", "-i", "s.ini"]).exit(0);
    let changed = plain.replace("'one'", "`it#s`").replace("\n\n; end", "\n\n[t]\nb = true\n\n; end");
    session.args(&["decrypt", "s.ini"]).stdout(changed).exit(0);
    session.args(&["decrypt", "--output-type", "json", "s.ini"]).stdout_has("\"DEFAULT\": {}").exit(0);
    session.args(&["decrypt", "--output-type", "dotenv", "s.ini"]).stdout("").exit(4);
    session.args(&["set", "s.ini", "[\"s\"][\"a\"]", "[1]"]).exit(4);
}

#[test]
fn conversions_refuse_what_would_be_read_otherwise() {
    let mut session = Session::encrypting();
    session.file("s.yaml", "a: 1.0\nb: true\nc:\nd: x\n");
    session.args(&["encrypt", "-i", "s.yaml"]).exit(0);
    session.args(&["decrypt", "--output-type", "dotenv", "s.yaml"]).stdout("a=1.0\nb=true\nc=\nd=x\n").exit(0);
    session.args(&["decrypt", "--output-type", "ini", "s.yaml"]).stdout("").exit(4);
    session.file("nested.yaml", "s:\n    # c\n    a: x\n    l: [1]\n");
    session.args(&["encrypt", "--output-type", "ini", "nested.yaml"]).stderr_has("s.l").exit(4);
    session.file("escape.json", "{\"a\": \"C:\\\\new\"}");
    session.args(&["encrypt", "--output-type", "dotenv", "escape.json"]).stderr_has("a cannot be written").exit(4);
}

#[test]
fn dotenv_of_shells_is_read_and_printed_for_them() {
    let mut session = Session::encrypting();
    let plain = "# c\nexport A=\"two\nlines\" # d\n\nB='it is'\r\nKEY=\"a\\nb\"\n";
    session.file("s.env", plain);
    session.args(&["encrypt", "s.env"]).exit(2);
    session.args(&["encrypt", "-i", "--dotenv-dialect", "posix", "s.env"]).exit(0);
    session.args(&["decrypt", "s.env"]).stdout(plain).exit(0);
    session.args(&["decrypt", "--extract", "[\"A\"]", "s.env"]).stdout("two\nlines").exit(0);
    session.args(&["set", "s.env", "[\"B\"]", "\"it's\""]).exit(0);
    session.args(&["decrypt", "s.env"]).stdout(plain.replace("'it is'", "'it'\\''s'")).exit(0);
    let shell = "export A='two\nlines'\nexport B='it'\\''s'\nexport KEY='a\\nb'\n";
    session.args(&["decrypt", "--output-type", "shell", "s.env"]).stdout(shell).exit(0);
    session.file("odd.yaml", "not a name: x\n");
    session.args(&["encrypt", "-i", "odd.yaml"]).exit(0);
    session.args(&["decrypt", "--output-type", "shell", "odd.yaml"]).stdout("").exit(4);
    session.file("stores.yaml", "stores:\n  dotenv:\n    dialect: posix\n");
    session.file("t.env", "A='x y'\n");
    session.args(&["encrypt", "--config", "stores.yaml", "-i", "t.env"]).exit(0);
    session.args(&["decrypt", "--output-type", "json", "t.env"]).stdout_has("\"A\": \"x y\"").exit(0);
}
