//! Terraform's variable files: others read what leafseal writes, and read the same values in it. `hcl-edit` and, where it is installed,
//! terraform itself are the judges.

use std::path::Path;
use std::process::{Command, Stdio};

use hcl_edit::expr::{Expression, ObjectKey};
use leafseal::document::node::{Node, Tree};
use leafseal::document::{Document, Duplicates, Format, Layout, convert};
use leafseal::value::ValueType;

use super::support::{encrypt, files_in, format_of, policy, shared, testdata};

/// The tfvars files of our own cases and of the corpus, as far as it is there.
fn texts() -> Vec<String> {
    let mut files = files_in(&testdata("lossless"));
    files.extend(shared("corpus/tfvars").iter().flat_map(|folder| files_in(folder)));
    let tfvars = files.iter().filter(|file| format_of(file) == Format::Tfvars);
    tfvars.map(|file| String::from_utf8(std::fs::read(file).unwrap()).unwrap()).collect()
}

fn node(text: &str) -> Node {
    let doc = Document::scan(text.to_owned(), Format::Tfvars, Duplicates::Keep).unwrap();
    doc.node(doc.roots[0]).unwrap()
}

/// Whether a tree has the value that hcl-edit reads.
fn agrees(ours: &Node, theirs: &Expression) -> bool {
    match (&ours.kind, theirs) {
        (Tree::Scalar(value), Expression::Null(_)) => value.kind() == ValueType::Null,
        (Tree::Scalar(value), Expression::Bool(truth)) => value.as_bool() == Some(*truth.value()),
        (Tree::Scalar(value), Expression::Number(number)) => {
            let float = value.as_int().map(|int| int as f64).or(value.as_float());
            float == number.value().as_f64()
        }
        (Tree::Scalar(value), Expression::String(text)) => value.as_str() == Some(text.value().as_str()),
        // With escaped `${`, or a heredoc: its text is compared through terraform.
        (Tree::Scalar(value), _) => {
            value.kind() == ValueType::Str || value.as_int().is_some_and(|n| n < 0) || value.as_float().is_some()
        }
        (Tree::Seq(_), Expression::Array(array)) => {
            ours.items().count() == array.len() && ours.items().zip(array.iter()).all(|(ours, theirs)| agrees(ours, theirs))
        }
        (Tree::Map(_), Expression::Object(object)) => {
            ours.pairs().count() == object.len()
                && ours.pairs().zip(object.iter()).all(|((key, _, ours), (name, theirs))| {
                    let same = match name {
                        ObjectKey::Ident(name) => name.as_str() == key,
                        ObjectKey::Expression(Expression::String(name)) => name.value() == key,
                        ObjectKey::Expression(Expression::Number(name)) => name.value().to_string() == key,
                        ObjectKey::Expression(Expression::Variable(name)) => name.as_str() == key,
                        ObjectKey::Expression(_) => true,
                    };
                    same && agrees(ours, theirs.expr())
                })
        }
        _ => false,
    }
}

#[test]
fn another_reader_finds_the_same_values_in_the_same_places() {
    let mut compared = 0;
    for text in texts() {
        // hcl-edit takes none of these; terraform does.
        if text.starts_with('\u{feff}') || text.ends_with('\r') || text.contains("\\U") {
            continue;
        }
        let body = hcl_edit::parser::parse_body(&text).unwrap_or_else(|error| panic!("{error}"));
        let tree = node(&text);
        let theirs: Vec<_> = body.attributes().collect();
        assert_eq!(tree.pairs().count() - body.blocks().count(), theirs.len());
        for attribute in theirs {
            let ours = tree.get(attribute.key.as_str()).expect("the same names");
            assert!(agrees(ours, &attribute.value), "{} in:\n{text}", attribute.key.as_str());
            compared += 1;
        }
    }
    assert!(compared >= 15, "{compared}");
}

#[test]
fn a_sealed_file_is_still_hcl() {
    for text in texts() {
        let Ok(sealed) = encrypt(&text, Format::Tfvars, &policy()) else { continue };
        let sealed = String::from_utf8(sealed.text).unwrap();
        let sealed = sealed.trim_start_matches('\u{feff}');
        let body = hcl_edit::parser::parse_body(sealed).unwrap_or_else(|error| panic!("{error}"));
        assert!(body.get_attribute("sops").is_some_and(|sops| sops.value.is_object()));
    }
}

/// Runs terraform in a folder of its own; `None`, with a note, where there is none.
fn terraform(folder: &Path, args: &[&str], stdin: &str) -> Option<(bool, String)> {
    let mut child = Command::new("terraform")
        .args(args)
        .current_dir(folder)
        .env("CHECKPOINT_DISABLE", "1")
        .env("TF_CLI_CONFIG_FILE", if cfg!(windows) { "NUL" } else { "/dev/null" })
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|_| eprintln!("skipped: terraform is not installed"))
        .ok()?;
    std::io::Write::write_all(&mut child.stdin.take()?, stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Some((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// The values that terraform reads from a text, as JSON.
fn read_by_terraform(text: &str) -> Option<serde_json::Value> {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = node(text).pairs().map(|(key, _, _)| key.to_owned()).filter(|key| key != "sops").collect();
    let variables: String = names.iter().map(|name| format!("variable \"{name}\" {{}}\n")).collect();
    std::fs::write(folder.path().join("main.tf"), variables).unwrap();
    std::fs::write(folder.path().join("x.tfvars"), text).unwrap();
    let fields: Vec<String> = names.iter().map(|name| format!("\"{name}\" = var.{name}")).collect();
    let ask = format!("jsonencode({{{}}})\n", fields.join(", "));
    let (done, printed) = terraform(folder.path(), &["console", "-var-file=x.tfvars"], &ask)?;
    assert!(done, "terraform refuses the file");
    let text: String = serde_json::from_str(printed.trim().lines().next_back().unwrap_or_default()).expect("a text");
    Some(serde_json::from_str(&text).unwrap())
}

/// The same with all numbers as floats: JSON does not tell `1000` from `1000.0`.
fn as_floats(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(items) => items.into_iter().map(as_floats).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, as_floats(value))).collect(),
        other => other,
    }
}

/// The same values, as leafseal converts them to JSON.
fn converted(text: &str) -> serde_json::Value {
    let doc = Document::scan(text.to_owned(), Format::Tfvars, Duplicates::Refuse).unwrap();
    serde_json::from_slice(&convert::convert(&doc, Format::Json, &Layout::default()).unwrap()).unwrap()
}

#[test]
fn terraform_reads_the_values_that_leafseal_does() {
    for file in ["values.tfvars", "heredocs.tfvars", "crlf.tfvars", "bom.tfvars"] {
        let text = String::from_utf8(std::fs::read(testdata("lossless").join(file)).unwrap()).unwrap();
        let Some(theirs) = read_by_terraform(&text) else { return };
        assert_eq!(as_floats(converted(&text)), as_floats(theirs), "{file}");
        let sealed = String::from_utf8(encrypt(&text, Format::Tfvars, &policy()).unwrap().text).unwrap();
        assert!(read_by_terraform(&sealed).is_some());
    }
}

#[test]
fn what_is_newly_laid_out_is_as_terraform_fmt_would_have_it() {
    let yaml = "a: 1\nlonger: two\n# of m\nm:\n  k: v\n  long_key: |\n    text\n    ${more}\n  last: [1, {x: y, zz: null}]\nempty: {}\nnone: []\nz: \"q\\\"\\t\"\n";
    let doc = Document::scan(yaml.to_owned(), Format::Yaml, Duplicates::Refuse).unwrap();
    let text = String::from_utf8(convert::convert(&doc, Format::Tfvars, &Layout::default()).unwrap()).unwrap();
    let sealed = String::from_utf8(encrypt(&text, Format::Tfvars, &policy()).unwrap().text).unwrap();
    for text in [&text, &sealed] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.tfvars"), text).unwrap();
        let Some((done, changed)) = terraform(folder.path(), &["fmt", "-check", "-diff"], "") else { return };
        assert!(done, "{changed}");
    }
    let back = Document::scan(text, Format::Tfvars, Duplicates::Refuse).unwrap();
    let back = convert::convert(&back, Format::Json, &Layout::default()).unwrap();
    assert_eq!(back, convert::convert(&doc, Format::Json, &Layout::default()).unwrap());
}
