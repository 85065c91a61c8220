//! Reads sops's audit configuration: which databases are told who encrypted and decrypted what.

use super::decoder::Decoder;
use super::model::{ConfigError, ConfigWarning};
use super::parse;
use crate::document::node::Node;

/// What an audit configuration says.
#[derive(Debug, Default)]
pub struct AuditConfig {
    /// The connection strings of PostgreSQL databases, in their order. They may hold a password.
    pub postgres: Vec<String>,
    /// Fields that are unknown: perhaps a database that is not told anything.
    pub warnings: Vec<ConfigWarning>,
}

impl AuditConfig {
    /// Reads `backends: {postgres: [{connection_string: …}]}`. Unknown fields are warnings; an empty file names no database.
    ///
    /// # Errors
    /// [`ConfigError`], when it is no YAML or a field has a wrong type. `path` is for the message.
    pub fn parse(bytes: &[u8], path: &str) -> Result<Self, ConfigError> {
        let (document, root) = match parse::tree(bytes) {
            Ok(tree) => tree,
            Err(error) => return Err(ConfigError::Yaml { path: path.to_owned(), error }),
        };
        let mut decoder = Decoder::new(&document.text);
        let mut postgres = Vec::new();
        each(&mut decoder, &root, &["backends"], |decoder, _, backends| {
            each(decoder, backends, &["postgres"], |decoder, _, databases| {
                postgres = decoder.list(databases, "a list of databases", Decoder::database);
            });
        });
        if !decoder.problems.is_empty() {
            return Err(ConfigError::Fields { path: path.to_owned(), problems: decoder.problems });
        }
        Ok(Self { postgres, warnings: decoder.into_warnings() })
    }
}

impl Decoder<'_> {
    fn database(&mut self, node: &Node) -> String {
        let mut connection = String::new();
        each(self, node, &["connection_string"], |decoder, _, text| connection = decoder.string(text));
        connection
    }
}

/// Each known field of a mapping.
fn each<'t>(
    decoder: &mut Decoder<'t>,
    node: &Node,
    known: &'static [&'static str],
    mut work: impl FnMut(&mut Decoder<'t>, &'static str, &Node),
) {
    for (name, value) in decoder.fields(node, known) {
        decoder.enter(name);
        work(decoder, name, value);
        decoder.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_named_in_their_order() {
        let text = b"backends:\n  postgres:\n    - connection_string: postgres://a\n    - connection_string: host=b\n";
        let config = AuditConfig::parse(text, "/etc/sops/audit.yaml").expect("a configuration");
        assert_eq!(config.postgres, ["postgres://a", "host=b"]);
        assert!(config.warnings.is_empty());
    }

    #[test]
    fn what_names_no_database_is_none_but_told() {
        for (text, warnings) in
            [("", 0), ("backends:\n", 0), ("backends: {}\n", 0), ("backend: {}\n", 1), ("backends: {postgre: []}\n", 1)]
        {
            let config = AuditConfig::parse(text.as_bytes(), "a").expect("a configuration");
            assert_eq!((config.postgres.len(), config.warnings.len()), (0, warnings), "{text}");
        }
    }

    #[test]
    fn a_configuration_that_cannot_be_read_is_an_error_that_shows_no_connection_string() {
        for text in ["backends: [postgres://u:canary@h]\n", "backends: {postgres: postgres://u:canary@h}\n", "a: [canary"] {
            let error = AuditConfig::parse(text.as_bytes(), "/etc/sops/audit.yaml").expect_err("unreadable").to_string();
            assert!(error.contains("/etc/sops/audit.yaml") && !error.contains("canary"), "{error}");
        }
    }
}
