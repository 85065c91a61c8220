//! Owns [`convert`] and [`extract`]: a document, or a part of it, as text of another format, newly laid out with sops's rules.

use std::collections::HashSet;

use super::dotenv::Dialect;
use super::find::LocateError;
use super::json::JsonIndent;
use super::node::{Entry, Item, Node, Tree};
use super::steps::Step;
use super::yaml::emit::EmitLayout;
use super::{Document, Format, Layout, ParseError, binary, dotenv, flat, ini, json, tfvars, toml, yaml};
use crate::value::{Value, ValueType};

/// Why a document cannot be written in a format.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConvertError {
    /// A value cannot be read.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A number that JSON has not.
    #[error(transparent)]
    Emit(#[from] json::EmitError),
    /// Binary: no top-level string `data`, or several documents.
    #[error("a binary file is the top-level string `data` of one document: there is none (give --output-type for another format)")]
    NotBinary,
    /// dotenv: a list or a mapping as a value; the key.
    #[error("cannot use complex value in dotenv file; offending key {0}: only a mapping of single values can be written so")]
    NotFlat(String),
    /// INI: not mappings of mappings of single values; the key path.
    #[error("cannot be written as INI: {0} is not what a section of keys and single values needs there")]
    NotSections(String),
    /// dotenv, INI, shell: a name that would be read otherwise; the key path.
    #[error("the key {0} cannot be written in this format")]
    KeyForm(String),
    /// dotenv, INI, shell: a value that would be read otherwise; the key path.
    #[error("the value of {0} cannot be written in this format so that it reads back the same")]
    Unspellable(String),
    /// TOML: a null; the key path.
    #[error("TOML has no null: {0} is one")]
    NoNull(String),
    /// An expression or a template, which only HCL has; the key path.
    #[error("{0} is not a literal value: what it stands for cannot be told (write `$${{` where the text itself is meant)")]
    NotLiteral(String),
    /// YAML, INI: equal keys in one mapping, which JSON allows; the key path.
    #[error("the format does not allow the key {0} twice in one mapping")]
    DuplicateKey(String),
}

/// Why a part of a document cannot be given.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtractError {
    /// The path leads nowhere.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// The part cannot be written in the format.
    #[error(transparent)]
    Convert(#[from] ConvertError),
}

/// The first document of a file as text of a format. Metadata is left out, JSON has no comments, times become strings there.
///
/// # Errors
///
/// See [`ConvertError`].
pub fn convert(document: &Document, to: Format, layout: &Layout) -> Result<Vec<u8>, ConvertError> {
    if to == Format::Binary && document.roots.len() != 1 {
        return Err(ConvertError::NotBinary);
    }
    refuse_expressions(document)?;
    if to == Format::Ini {
        // As sops: the sections of all documents.
        let nodes = document.roots.iter().map(|&root| document.node(root)).collect::<Result<Vec<_>, _>>()?;
        return Ok(ini::emit(&nodes.iter().collect::<Vec<_>>())?.into_bytes());
    }
    let Some(&root) = document.roots.first() else { return file(&Node::map([]), to, layout) };
    file(&document.node(root)?, to, layout)
}

/// The first document of a file, or the mapping or value that a path leads to in it, as lines that a shell may `eval`.
///
/// # Errors
///
/// See [`ExtractError`].
pub fn shell(document: &Document, steps: &[Step]) -> Result<Vec<u8>, ExtractError> {
    let node = document.node(document.locate(steps)?).map_err(ConvertError::from)?;
    Ok(dotenv::posix::emit_exports(&node)?.into_bytes())
}

/// The value that a path leads to in the first document, as `--extract` prints it: a string raw, a mapping as a file, anything
/// else as text of the format (YAML with a line break at the end, JSON without).
///
/// # Errors
///
/// See [`ExtractError`].
pub fn extract(document: &Document, steps: &[Step], to: Format, layout: &Layout) -> Result<Vec<u8>, ExtractError> {
    let place = document.locate(steps)?;
    let node = document.node(place).map_err(ConvertError::from)?;
    match (&node.kind, to) {
        (Tree::Scalar(value), _) if value.kind() == ValueType::Str => Ok(value.canonical().to_vec()),
        (Tree::Map(_), _) => Ok(file(&node, to, layout)?),
        (_, Format::Yaml) => Ok(yaml_text(&node, layout)?),
        (_, Format::Json) => Ok(json::emit_value(&node, layout.json_indent).map_err(ConvertError::from)?.into_bytes()),
        (_, Format::Ini) => {
            let text = json::emit_value(&node, JsonIndent::Tab).map_err(ConvertError::from)?;
            Ok(text.replace(['\n', '\t'], "").into_bytes())
        }
        (_, Format::Tfvars) => Ok(tfvars::emit_value(&node)?.into_bytes()),
        (_, Format::Toml) => Ok(toml::emit_value(&node)?.into_bytes()),
        (_, Format::Dotenv) => Err(ConvertError::NotFlat(String::from("of the path")).into()),
        (_, Format::Binary) => Err(ConvertError::NotBinary.into()),
    }
}

/// Checks that a document has the values of the one it was converted from: in dotenv and INI each is text, and not every text comes
/// back (dotenv reads a backslash and an `n` as a line break).
///
/// # Errors
///
/// `Unspellable` with the first key path that differs.
pub fn check_converted(from: &Document, to: &Document) -> Result<(), ConvertError> {
    if !matches!(to.format, Format::Dotenv | Format::Ini) {
        return Ok(());
    }
    let count = if to.format == Format::Ini { from.roots.len() } else { 1 };
    let mut meant = Vec::new();
    for &root in from.roots.iter().take(count) {
        meant.extend(flat::flatten(&from.node(root)?));
    }
    same_texts(&meant, to)
}

/// As [`check_converted`], for a tree.
///
/// # Errors
///
/// As there.
pub fn check_same(node: &Node, to: &Document) -> Result<(), ConvertError> {
    same_texts(&flat::flatten(node), to)
}

fn same_texts(meant: &[(String, String)], to: &Document) -> Result<(), ConvertError> {
    let mut found = Vec::new();
    for &root in &to.roots {
        found.extend(flat::flatten(&to.node(root)?));
    }
    match meant.iter().zip(&found).find(|(meant, found)| meant != found) {
        Some(((key, _), _)) => Err(ConvertError::Unspellable(key.replace("__map_", "."))),
        None => Ok(()),
    }
}

/// Whether two numbers are the same although one is an integer and one a float: a float of a whole number is spelled as an
/// integer by sops.
pub fn same_number(left: &Value<'_>, right: &Value<'_>) -> bool {
    let is_number = |value: &Value<'_>| matches!(value.kind(), ValueType::Int | ValueType::Float);
    let is_zero = |value: &Value<'_>| matches!(value.canonical(), b"0" | b"-0");
    is_number(left) && is_number(right) && (left.canonical() == right.canonical() || (is_zero(left) && is_zero(right)))
}

/// A tree as a whole file.
///
/// # Errors
///
/// See [`ConvertError`].
pub fn file(node: &Node, to: Format, layout: &Layout) -> Result<Vec<u8>, ConvertError> {
    match to {
        Format::Yaml => yaml_text(node, layout),
        Format::Json => Ok(json::emit(node, layout.json_indent)?.into_bytes()),
        Format::Dotenv if layout.dotenv == Dialect::Posix => Ok(dotenv::posix::emit(node)?.into_bytes()),
        Format::Dotenv => Ok(dotenv::emit(node)?.into_bytes()),
        Format::Ini => Ok(ini::emit(&[node])?.into_bytes()),
        Format::Tfvars => {
            refuse_duplicates(node)?;
            Ok(tfvars::emit(node)?.into_bytes())
        }
        Format::Toml => {
            refuse_duplicates(node)?;
            Ok(toml::emit(node)?.into_bytes())
        }
        Format::Binary => Ok(binary::content(node)?.to_vec()),
    }
}

fn yaml_text(node: &Node, layout: &Layout) -> Result<Vec<u8>, ConvertError> {
    refuse_duplicates(node)?;
    let indent = layout.yaml_indent;
    Ok(yaml::emit::emit(node, &EmitLayout { indent, ..EmitLayout::default() }).into_bytes())
}

/// Refuses what has a meaning in HCL only.
fn refuse_expressions(document: &Document) -> Result<(), ConvertError> {
    if document.format != Format::Tfvars {
        return Ok(());
    }
    let text = &document.text;
    let is_such = |leaf: &&super::Leaf| tfvars::is_expression(text, leaf) || tfvars::is_template(text, leaf);
    match document.leaves.iter().find(is_such) {
        Some(leaf) => Err(ConvertError::NotLiteral(document.paths.display(leaf.path, text))),
        None => Ok(()),
    }
}

fn refuse_duplicates(root: &Node) -> Result<(), ConvertError> {
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        match &node.kind {
            Tree::Scalar(_) => {}
            Tree::Map(entries) => {
                let mut seen = HashSet::with_capacity(entries.len());
                for entry in entries {
                    if let Entry::Pair(key, _, child) = entry {
                        if !seen.insert(key.as_str()) {
                            return Err(ConvertError::DuplicateKey(key.clone()));
                        }
                        open.push(child);
                    }
                }
            }
            Tree::Seq(items) => open.extend(items.iter().filter_map(|item| match item {
                Item::Node(node) => Some(node),
                Item::Comment(_) => None,
            })),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Duplicates;
    use super::super::steps::parse_steps;
    use super::*;

    fn open(text: &str, format: Format) -> Document {
        Document::scan(text.to_owned(), format, Duplicates::Keep).unwrap()
    }

    fn converted(text: &str, from: Format, to: Format) -> Result<String, ConvertError> {
        convert(&open(text, from), to, &Layout::default()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    fn extracted(text: &str, from: Format, path: &str, to: Format) -> Result<String, ExtractError> {
        let steps = parse_steps(path).unwrap();
        extract(&open(text, from), &steps, to, &Layout::default()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    const YAML: &str = "# note\na: 1.50\nl:\n    # item\n    - x # y\n    - 2024-01-02\n    - []\ne: {}\nn:\n---\nb: 2\n";

    #[test]
    fn yaml_becomes_json_as_sops_writes_it() {
        assert_eq!(
            converted(YAML, Format::Yaml, Format::Json).unwrap(),
            "{\n\t\"a\": 1.50,\n\t\"l\": [\n\t\t\"x\",\n\t\t\"2024-01-02T00:00:00Z\",\n\t\t[]\n\t],\n\t\"e\": {},\n\t\"n\": null\n}\n"
        );
        let infinite = converted("a:\n    - b: .inf\n", Format::Yaml, Format::Json).unwrap_err();
        assert!(infinite.to_string().contains("a[].b"));
    }

    #[test]
    fn json_becomes_yaml_but_for_double_keys() {
        let json = r#"{"a": 1, "s": "true", "l": [1.0, {"x": null}], "sops": {"mac": "m"}}"#;
        let yaml = converted(json, Format::Json, Format::Yaml).unwrap();
        let again = converted(&yaml, Format::Yaml, Format::Json).unwrap();
        assert_eq!(again.replace(['\n', '\t'], ""), r#"{"a": 1,"s": "true","l": [1.0,{"x": null}]}"#,);
        let twice = converted(r#"{"a": {"b": 1, "b": 2}}"#, Format::Json, Format::Yaml);
        assert_eq!(twice, Err(ConvertError::DuplicateKey(String::from("b"))));
    }

    #[test]
    fn real_json_files_come_back_from_yaml() {
        let shared = std::env::var_os("LEAFSEAL_SHARED").map_or_else(|| "../shared".into(), std::path::PathBuf::from);
        let Ok(files) = std::fs::read_dir(shared.join("corpus/json")) else { return eprintln!("skipped: no corpus") };
        let mut compared = 0;
        for path in files.map(|file| file.unwrap().path()) {
            let Ok(doc) = Document::scan_bytes(&std::fs::read(&path).unwrap(), Format::Json, Duplicates::Keep) else { continue };
            let Ok(json) = convert(&doc, Format::Json, &Layout::default()) else { continue };
            let yaml = match convert(&doc, Format::Yaml, &Layout::default()) {
                Ok(yaml) => Document::scan_bytes(&yaml, Format::Yaml, Duplicates::Refuse).unwrap(),
                Err(ConvertError::DuplicateKey(_)) => continue,
                Err(error) => panic!("{}: {error}", path.display()),
            };
            assert!(convert(&yaml, Format::Json, &Layout::default()) == Ok(json), "{}", path.display());
            compared += 1;
        }
        assert!(compared > 100);
    }

    #[test]
    fn binary_is_the_string_under_data() {
        assert_eq!(converted(r#"{"data": "\u0001x"}"#, Format::Json, Format::Binary).unwrap(), "\u{1}x");
        assert_eq!(converted(r#"{"data": 1}"#, Format::Json, Format::Binary), Err(ConvertError::NotBinary));
        assert_eq!(converted("data: x\n---\ndata: y\n", Format::Yaml, Format::Binary), Err(ConvertError::NotBinary));
    }

    #[test]
    fn a_part_is_printed_by_its_kind() {
        let json = r#"{"s": "raw\n", "m": {"k": 1}, "l": [1, "x"], "f": 1.10, "n": null}"#;
        let part = |path: &str, to| extracted(json, Format::Json, path, to).unwrap();
        assert_eq!(part(r#"["s"]"#, Format::Json), "raw\n");
        assert_eq!(part(r#"["s"]"#, Format::Binary), "raw\n");
        assert_eq!(part(r#"["l"][1]"#, Format::Yaml), "x");
        assert_eq!(part(r#"["m"]"#, Format::Json), "{\n\t\"k\": 1\n}\n");
        assert_eq!(part(r#"["l"]"#, Format::Json), "[\n\t1,\n\t\"x\"\n]");
        assert_eq!(part(r#"["f"]"#, Format::Json), "1.10");
        assert_eq!(part(r#"["n"]"#, Format::Json), "null");
        assert_eq!(part(r#"["m"]"#, Format::Yaml), "k: 1\n");
        assert_eq!(part(r#"["l"]"#, Format::Yaml), "- 1\n- x\n");
        assert_eq!(part(r#"["f"]"#, Format::Yaml), "1.10\n");
        assert_eq!(extracted(json, Format::Json, r#"["f"]"#, Format::Binary), Err(ConvertError::NotBinary.into()));
    }

    #[test]
    fn a_path_that_leads_nowhere_is_an_error() {
        let error = extracted(r#"{"sops": {"mac": "m"}}"#, Format::Json, r#"["sops"]"#, Format::Json).unwrap_err();
        assert_eq!(error.to_string(), r#"["sops"] not found"#);
    }

    #[test]
    fn whole_floats_are_the_integers_they_are_spelled_as() {
        assert!(same_number(&Value::float(5.0), &Value::int(5)));
        assert!(same_number(&Value::float(-0.0), &Value::int(0)));
        assert!(!same_number(&Value::float(5.5), &Value::int(5)));
        assert!(!same_number(&Value::str(&b"5"[..]), &Value::int(5)));
    }
}
