//! Terraform's files on the command line: what is sealed, what is refused and where, and the way into other formats and back.

use super::harness::Session;

const VARIABLES: &str = "# Database\ndb_user     = \"shop\" # the owner\ndb_password = \"hunter2\"\n\nports = [5432, 5433]\nratio = 1.50\nmotd  = <<EOT\nhello\nEOT\n";

#[test]
fn variables_are_sealed_one_by_one_and_come_back_byte_for_byte() {
    let mut session = Session::encrypting();
    session.file("secret.auto.tfvars", VARIABLES);
    session.args(&["encrypt", "-i", "secret.auto.tfvars"]).stdout("").stderr("").exit(0);
    let sealed = session.read_text("secret.auto.tfvars");
    assert!(sealed.contains("db_password = \"ENC[AES256_GCM,") && sealed.contains("\nsops = {\n"), "{sealed}");
    assert!(!sealed.contains("hunter2") && !sealed.contains("hello") && !sealed.contains("Database"), "{sealed}");
    session.args(&["decrypt", "secret.auto.tfvars"]).stdout(VARIABLES).stderr("").exit(0);
    session.args(&["set", "secret.auto.tfvars", "[\"ports\"][1]", "5434"]).stdout("").exit(0);
    session.args(&["decrypt", "secret.auto.tfvars"]).stdout(VARIABLES.replace("5433", "5434")).exit(0);
    let after = session.read_text("secret.auto.tfvars");
    let changed = sealed.lines().zip(after.lines()).filter(|(before, after)| before != after).count();
    assert!((2..=3).contains(&changed), "the value, the MAC and, a second later, lastmodified: {changed}");
}

#[test]
fn what_is_no_literal_is_refused_with_its_position() {
    let mut session = Session::encrypting();
    for (text, place) in [
        ("a = \"x\"\nb = var.other\n", "b (line 2, column 5)"),
        ("a = file(\"x\")\n", "a (line 1, column 5)"),
        ("a = [1, 2 + 3]\n", "a[1] (line 1, column 9)"),
        ("a = true ? 1 : 2\n", "a (line 1, column 5)"),
        ("a = [for x in y : x]\n", "a (line 1, column 5)"),
        ("resource \"x\" {\n  y = \"s3cr3t\"\n}\n", "resource (line 1, column 10)"),
    ] {
        session
            .file("x.tfvars", text)
            .args(&["encrypt", "-i", "x.tfvars"])
            .stdout("")
            .stderr_has(&format!("error: x.tfvars: {place}: not a literal value"))
            .stderr_lacks("s3cr3t")
            .expect_file("x.tfvars", text)
            .exit(23);
    }
}

#[test]
fn what_is_no_literal_stays_in_clear_where_the_selection_leaves_it_out() {
    let mut session = Session::encrypting();
    let text = "key_secret = \"x\"\nb = file(\"y\")\nmodule \"m\" {\n  z = 1\n}\n";
    session
        .file("x.tfvars", text)
        .args(&["encrypt", "-i", "--encrypted-suffix", "_secret", "x.tfvars"])
        .stderr_has("warning: x.tfvars: line 2, column 5: b is an expression or a block, not a literal value: it stays in clear\n")
        .stderr_has("line 3, column 8: module is an expression")
        .expect_file_has("x.tfvars", "b = file(\"y\")\nmodule \"m\" {\n  z = 1\n}\n")
        .expect_file_has("x.tfvars", "key_secret = \"ENC[")
        .exit(0);
    session.args(&["set", "x.tfvars", "[\"module\"]", "1"]).stderr_has("line 3, column 1: a block is no value").exit(1);
    session.args(&["decrypt", "x.tfvars"]).stdout(text).stderr("").exit(0);
}

#[test]
fn errors_in_the_text_have_a_position_and_nothing_is_written() {
    let mut session = Session::encrypting();
    for (name, text, place) in [
        ("x.tfvars", b"a = <<EOT\ns3cr3t\n".as_slice(), "line 3, column 1"),
        ("x.tfvars", b"a = \"${ {x = {\"\n", "line 1, column 16"),
        ("x.tfvars", b"a = 1\na = \"s3cr3t\"\n", "line 2, column 1"),
        ("x.tfvars", b"a = \"s3cr3t\xff\"\n", "line 1, column 12"),
        ("x.toml", b"a = 1\n[b]\n[a]\n", "line 3, column 2"),
        ("x.toml", b"a = \"s3cr3t\n", "line 1, column 5"),
        ("x.toml", b"a = 'x\xff'\n", "line 1, column 7"),
    ] {
        session
            .file(name, text)
            .args(&["encrypt", "-i", name])
            .stdout("")
            .stderr_has(place)
            .stderr_lacks("s3cr3t")
            .expect_file(name, text)
            .exit(2);
    }
}

#[test]
fn variables_in_json_are_json() {
    let mut session = Session::encrypting();
    let text = "{\n  \"db_password\": \"hunter2\",\n  \"ports\": [5432]\n}\n";
    session.file("x.auto.tfvars.json", text);
    session.args(&["encrypt", "-i", "x.auto.tfvars.json"]).expect_file_has("x.auto.tfvars.json", "\"sops\": {").exit(0);
    session.args(&["decrypt", "x.auto.tfvars.json"]).stdout(text).exit(0);
}

#[test]
fn the_name_of_the_output_brings_variables_into_yaml_and_back() {
    let mut session = Session::encrypting();
    session.file("secret.auto.tfvars", VARIABLES);
    session.args(&["encrypt", "secret.auto.tfvars", "--output", "secrets.enc.yaml"]).stdout("").stderr("").exit(0);
    session.args(&["decrypt", "secrets.enc.yaml"]).stdout_has("db_password: hunter2\n").stdout_has("# Database\n").exit(0);
    let back = session.args(&["decrypt", "secrets.enc.yaml", "--output-type", "tfvars"]).stdout_has("ratio").exit(0);
    session.args(&["decrypt", "secrets.enc.yaml", "--output", "again.auto.tfvars"]).stdout("").exit(0);
    session.expect_file("again.auto.tfvars", &back.stdout).expect_mode("again.auto.tfvars", 0o600);
    let back = String::from_utf8(back.stdout).unwrap();
    for line in ["# Database\n", "# the owner\n", "\"hunter2\"\n", "1.50\n", "<<EOT\nhello\nEOT\n"] {
        assert!(back.contains(line), "{line:?} in:\n{back}");
    }
}

/// A session with the encrypted file that Terraform asks for.
fn asked() -> Session {
    let mut session = Session::encrypting();
    session.file("s.yaml", "# c\ndb:\n  user: shop\n  ports: [5432, 5433]\non: true\nratio: 1.50\nnone:\n");
    session.args(&["encrypt", "s.yaml", "--output", "s.enc.yaml"]).exit(0);
    session
}

#[test]
fn the_data_source_answers_with_a_flat_map_of_strings() {
    let mut session = asked();
    let mut ask = |query: &str, answer: &str| {
        session.args(&["terraform"]).stdin(query).stdout(format!("{answer}\n")).stderr("").exit(0);
    };
    ask(
        r#"{"file": "s.enc.yaml"}"#,
        r#"{"db_ports_0":"5432","db_ports_1":"5433","db_user":"shop","none":"","on":"true","ratio":"1.5"}"#,
    );
    ask(
        r#"{"file": "s.enc.yaml", "extract": "[\"db\"]", "separator": "."}"#,
        r#"{"ports.0":"5432","ports.1":"5433","user":"shop"}"#,
    );
    ask(r#"{"file": "s.enc.yaml", "extract": "[\"db\"][\"user\"]", "type": "yaml"}"#, r#"{"value":"shop"}"#);
    ask(
        r#"{"file": "s.enc.yaml", "extract": "[\"db\"]", "separator": "/"}"#,
        r#"{"/ports/0":"5432","/ports/1":"5433","/user":"shop"}"#,
    );
}

#[test]
fn what_goes_wrong_with_a_query_is_said_on_standard_error_only() {
    let mut session = asked();
    for (query, message, exit) in [
        ("", "is no JSON object of strings", 2),
        (r#"{"file": 1}"#, "is no JSON object of strings", 2),
        (r#"{"path": "x"}"#, "names no `file`", 2),
        (r#"{"file": "s.enc.yaml", "sep": "x"}"#, "has a field \"sep\", which is not one of file, extract, separator, type", 2),
        (r#"{"file": "s.enc.yaml", "separator": ""}"#, "has a wrong `separator`", 2),
        (r#"{"file": "none.yaml"}"#, "none.yaml", 2),
        (r#"{"file": "s.yaml"}"#, "sops metadata not found", 1),
        (r#"{"file": "s.enc.yaml", "extract": "[\"x\"]"}"#, "[\"x\"]", 1),
    ] {
        session.args(&["terraform"]).stdin(query).stdout("").stderr_has(message).stderr_lacks("shop").exit(exit);
    }
    session.env("HOME", "/nonexistent").env("XDG_CONFIG_HOME", "/nonexistent");
    session.args(&["terraform"]).stdin(r#"{"file": "s.enc.yaml"}"#).stdout("").stderr_has("no master key could decrypt").exit(128);
}

#[test]
fn a_flat_map_by_path_is_the_layout_of_parameter_stores() {
    let mut session = Session::encrypting();
    session.file("x.tfvars", "shop = {\n  db = { password = \"hunter2\", ports = [5432] }\n}\nother = 1\n");
    session.args(&["encrypt", "-i", "x.tfvars"]).exit(0);
    let json = "{\n\t\"/shop/db/password\": \"hunter2\",\n\t\"/shop/db/ports/0\": 5432,\n\t\"/other\": 1\n}\n";
    session.args(&["decrypt", "--flatten=/", "--output-type", "json", "x.tfvars"]).stdout(json).exit(0);
    // Names of variables have no slashes.
    session.args(&["decrypt", "--flatten=/", "x.tfvars"]).stderr_has("cannot be written").stdout("").exit(4);
    session
        .args(&["decrypt", "--flatten=/", "--output-type", "yaml", "x.tfvars"])
        .stdout_has("/shop/db/password: hunter2\n")
        .exit(0);
}

#[test]
fn formats_become_each_other_where_the_data_allows() {
    let mut session = Session::encrypting();
    let yaml = "# top\nname: shop # who\nport: 5432\nratio: 1.50\non: true\n";
    session.file("a.yaml", yaml).args(&["encrypt", "a.yaml", "--output", "a.enc.yaml"]).exit(0);
    // Through every format and back: encrypted, decrypted as another one, and so on.
    let mut from = (String::from("a.enc.yaml"), "yaml");
    for kind in ["tfvars", "toml", "json", "tfvars", "yaml", "toml", "yaml"] {
        let (plain, sealed) = (format!("b.{kind}"), format!("b.enc.{kind}"));
        session.args(&["decrypt", &from.0, "--output-type", kind, "--output", &plain]).stdout("").stderr("").exit(0);
        session.args(&["encrypt", "--fresh", &plain, "--output", &sealed]).stdout("").stderr("").exit(0);
        from = (sealed, kind);
    }
    // JSON has no comments, all else came through.
    session.args(&["decrypt", &from.0]).stdout("name: shop\nport: 5432\nratio: 1.50\n\"on\": true\n").exit(0);
    session
        .args(&["decrypt", "a.enc.yaml", "--output-type", "dotenv"])
        .stdout("# top\n# who\nname=shop\nport=5432\nratio=1.5\non=true\n")
        .exit(0);
    session.args(&["decrypt", "a.enc.yaml", "--output-type", "toml"]).stdout_has("# top\nname = \"shop\" # who\n").exit(0);
    session.file("n.yaml", "a:\n  b:\n").args(&["encrypt", "-i", "n.yaml"]).exit(0);
    session.args(&["decrypt", "n.yaml", "--output-type", "toml"]).stderr_has("TOML has no null: a.b is one").exit(4);
}
