//! Owns [`variables`]: the values of a mapping as environment variables.
//!
//! Rules: those of sops's `exec-env`. Text stays as it is, numbers, booleans and times are spelled as in dotenv files.

use super::flat::bytes_of;
use super::flatten::{FlattenError, below, flatten};
use super::node::{Node, Tree};
use crate::value::{Value, ValueType};
use zeroize::Zeroizing;

/// An environment variable.
pub struct Variable {
    /// Its name: not empty, without `=` and NUL.
    pub name: String,
    /// The path for people of the value that it holds.
    pub path: String,
    /// Its text: without NUL. Empty for a null.
    pub text: Zeroizing<Vec<u8>>,
    /// Whether the value is a null, which no variable can hold.
    pub is_null: bool,
}

/// Why a mapping is no environment. Paths only.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VariableError {
    /// The place is a list or a scalar.
    #[error("only a mapping can become an environment: there is another kind of value")]
    NotAMapping,
    /// A value that is a list or a mapping.
    #[error("cannot use complex value in environment; offending key {0}")]
    Complex(String),
    /// A name with `=`.
    #[error("cannot use keys with '=' in environment: {0}")]
    EqualSign(String),
    /// A name that is empty, or has a NUL.
    #[error("cannot use a key that is empty or has a NUL character in environment: {0}")]
    Name(String),
    /// A value with a NUL.
    #[error("cannot use a value with a NUL character in environment; offending key {0}")]
    Nul(String),
    /// There is no flat form.
    #[error(transparent)]
    Flatten(#[from] FlattenError),
}

/// The values of a mapping as variables, in order; with a separator, nested ones too, see [`flatten`].
///
/// # Errors
///
/// See [`VariableError`].
pub fn variables(node: &Node, separator: Option<&str>) -> Result<Vec<Variable>, VariableError> {
    if !matches!(node.kind, Tree::Map(_)) {
        return Err(VariableError::NotAMapping);
    }
    if let Some(separator) = separator {
        return flatten(node, separator)?.into_iter().map(|flat| variable(flat.name, flat.path, flat.value)).collect();
    }
    let pair = |(key, _, child): (&str, u32, &Node)| match &child.kind {
        Tree::Scalar(value) => variable(key.to_owned(), below("", key), value),
        _ => Err(VariableError::Complex(below("", key))),
    };
    node.pairs().map(pair).collect()
}

fn variable(name: String, path: String, value: &Value<'_>) -> Result<Variable, VariableError> {
    if name.contains('=') {
        return Err(VariableError::EqualSign(path));
    }
    if name.is_empty() || name.contains('\0') {
        return Err(VariableError::Name(path));
    }
    let text = Zeroizing::new(bytes_of(value).into_owned());
    if text.contains(&0) {
        return Err(VariableError::Nul(path));
    }
    Ok(Variable { name, path, text, is_null: value.kind() == ValueType::Null })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Duplicates, Format};

    fn of(text: &str, separator: Option<&str>) -> Result<Vec<String>, VariableError> {
        let document = Document::scan(text.to_owned(), Format::Yaml, Duplicates::Keep).unwrap();
        let tree = document.node(document.roots[0]).unwrap();
        let line = |variable: Variable| format!("{}={}", variable.name, String::from_utf8_lossy(&variable.text));
        Ok(variables(&tree, separator)?.into_iter().map(line).collect())
    }

    #[test]
    fn values_are_spelled_as_sops_spells_them() {
        let text = "s: \" a\\nb \"\ni: 5\nf: 1.0\ng: 1e6\nb: TRUE\nt: 2023-01-02T03:04:05.5Z\nn: null\n# c\ne: ''\n";
        let expected = ["s= a\nb ", "i=5", "f=1.0", "g=1E+06", "b=true", "t=2023-01-02T03:04:05Z", "n=", "e="];
        assert_eq!(of(text, None).unwrap(), expected);
    }

    #[test]
    fn what_no_variable_can_hold_is_refused_by_its_path() {
        let refused = |text, separator| of(text, separator).unwrap_err().to_string();
        assert_eq!(refused("a: {b: 1}", None), "cannot use complex value in environment; offending key a");
        assert_eq!(refused("a: []", None), "cannot use complex value in environment; offending key a");
        assert!(refused("a=b: 1", None).ends_with(": \"a=b\""));
        assert!(refused("'': 1", None).contains("empty"));
        assert!(refused("\"a\\0\": 1", None).contains("NUL"));
        assert_eq!(
            refused("a: {b: \"x\\0y\"}", Some("_")),
            "cannot use a value with a NUL character in environment; offending key a.b"
        );
        assert_eq!(variables(&Node::str("x"), None).err(), Some(VariableError::NotAMapping));
    }

    #[test]
    fn nested_values_are_named_by_their_paths() {
        assert_eq!(of("a: {b: [x, y]}\nc: 1\n", Some("_")).unwrap(), ["a_b_0=x", "a_b_1=y", "c=1"]);
    }
}
