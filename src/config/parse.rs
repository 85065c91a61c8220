//! Reads the bytes of a `.sops.yaml` into its tree.

use super::model::{Config, ConfigError, ConfigWarning, Origin, WarningKind};
use crate::document::node::Node;
use crate::document::yaml::event::EventKind;
use crate::document::{Document, Duplicates, Format, ParseError, position, yaml};
use crate::value::Value;

impl Config {
    /// Reads a config. An empty file is one without any setting; a second YAML document is ignored with a warning.
    ///
    /// # Errors
    /// [`ConfigError::Yaml`] if the bytes are no YAML, else as [`Config::decode`].
    pub fn parse(bytes: &[u8], origin: Origin) -> Result<Self, ConfigError> {
        let (document, root) = match tree(bytes) {
            Ok(tree) => tree,
            Err(error) => return Err(ConfigError::Yaml { path: origin.path, error }),
        };
        let mut config = Self::decode(&document.text, &root, origin)?;
        if let Some(&second) = document.roots.get(1) {
            let place = document.paths.node(second).entry;
            if !place.is_empty() {
                config.warnings.push(ConfigWarning {
                    position: position(document.text.as_bytes(), place.start as usize),
                    field: String::new(),
                    kind: WarningKind::SecondDocument,
                });
            }
        }
        Ok(config)
    }
}

pub(super) fn tree(bytes: &[u8]) -> Result<(Document, Node), ParseError> {
    let text = yaml::text_of(bytes)?;
    check_top(text)?;
    let document = Document::scan(text.to_owned(), Format::Yaml, Duplicates::Keep)?;
    let root = match document.roots.first() {
        Some(&root) => document.node(root)?.merged(),
        None => Node::scalar(Value::NULL),
    };
    Ok((document, root))
}

/// Whether the top level is a mapping, or nothing: in words for a config, before the scan says it in words for a sealed file.
fn check_top(text: &str) -> Result<(), ParseError> {
    let mut parser = yaml::Parser::new(text)?;
    loop {
        let event = parser.next_event()?;
        let found = match event.kind {
            EventKind::StreamStart | EventKind::DocumentStart { .. } => continue,
            EventKind::SequenceStart { .. } => "a list",
            EventKind::Scalar { .. } if !matches!(&text[event.span.range()], "" | "~" | "null" | "Null" | "NULL") => "a scalar",
            _ => return Ok(()),
        };
        let message = format!("expected a mapping, found {found}: `creation_rules:` stands at the top level of a config");
        return Err(ParseError::at(text.as_bytes(), event.span.start as usize, message));
    }
}

#[cfg(test)]
mod tests {
    // Whole configs: the vectors in `testdata/config`, each compared with the reference when it was written, and the example.

    use super::*;
    use crate::config::{FilePath, KeyOverride, Layout, Overrides, Source, explain, names, resolve};
    use crate::keys::KeyType;
    use std::path::{Path, PathBuf};

    /// The recipients that vectors call R1, R2 and R3.
    const RECIPIENTS: [&str; 3] = [
        "age15gg02tmkutg6x8m2h97tvthjera8edkldch93gkd73fmae7ym9pqvqknw4",
        "age185zuy7pce9zfx8uh97uywxdanf96gm47grcntm2xgaruu084sa2qx0wuaw",
        "age1vlaxr0dmk0jxn58wrycxefwjgp4tns6g7fl7frdvjsqvyh2vdydsp7p4dy",
    ];

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    fn origin() -> Origin {
        Origin { path: "/repo/.sops.yaml".into(), directory: "/repo".into() }
    }

    fn long(text: &str) -> String {
        (0..3).fold(text.to_owned(), |text, i| text.replace(&format!("R{}", i + 1), RECIPIENTS[i]))
    }

    fn short(text: &str) -> String {
        (0..3).fold(text.to_owned(), |text, i| text.replace(RECIPIENTS[i], &format!("R{}", i + 1)))
    }

    fn overrides(flags: &[&str]) -> Overrides {
        let mut given = Overrides::default();
        for flag in flags {
            let (name, text) = flag.split_once('=').expect("name=text");
            match name {
                "age" => given.keys.push(KeyOverride { key_type: KeyType::Age, text: long(text), source: Source::Flag("--age") }),
                "encrypted-regex" => given.selectors.encrypted_regex = text.into(),
                "encrypted-suffix" => given.selectors.encrypted_suffix = text.into(),
                "shamir-secret-sharing-threshold" => given.threshold = text.parse().expect("a number"),
                other => panic!("unknown flag {other}"),
            }
        }
        given
    }

    /// What a vector says in its `#| name text` lines.
    fn said<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
        let lines = text.lines().filter_map(|line| line.trim_start_matches('\u{feff}').strip_prefix("#| "));
        lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).collect()
    }

    /// The outcome of a config, in the words of the vectors.
    fn outcome(text: &str) -> (Vec<String>, Vec<String>) {
        let name = said(text, "file")[0];
        let file = FilePath { absolute: format!("/repo/{name}"), windows: false };
        let format = if name.ends_with(".bin") { Format::Binary } else { Format::Yaml };
        let config = match Config::parse(text.as_bytes(), origin()) {
            Ok(config) => config,
            Err(error) => return (vec![format!("error {error}")], Vec::new()),
        };
        let mut warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
        let result = match resolve(Some(&config), &file, &overrides(&said(text, "flag")), format) {
            Ok(policy) => {
                warnings.extend(policy.warnings.iter().map(ToString::to_string));
                let group =
                    |group: &crate::keys::KeyGroup| group.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
                let selector = match policy.selection {
                    crate::selection::SelectionRule::Implicit => "none".to_owned(),
                    rule => format!("{} {}", rule.field(), rule.text()),
                };
                vec![
                    format!("groups {}", short(&policy.groups.iter().map(group).collect::<Vec<_>>().join(" | "))),
                    format!("threshold {}", policy.threshold),
                    format!("selector {selector}"),
                    format!("mac_only_encrypted {}", policy.mac_only_encrypted),
                ]
            }
            Err(error) => vec![format!("error {error}")],
        };
        (result, warnings)
    }

    #[test]
    fn every_vector_has_its_outcome() {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(root().join("testdata/config")).expect("vectors").map(|e| e.expect("an entry").path()).collect();
        paths.sort();
        assert!(paths.len() > 70, "found {} vectors", paths.len());
        let mut wrong = Vec::new();
        for path in &paths {
            let text = std::fs::read_to_string(path).expect("a vector");
            let (result, warnings) = outcome(&text);
            let as_said = match said(&text, "error").first() {
                Some(error) => result.len() == 1 && result[0].starts_with("error ") && result[0].contains(error),
                None => result.iter().all(|line| {
                    let (name, value) = line.split_once(' ').expect("name and value");
                    said(&text, name) == [value]
                }),
            };
            let expected = said(&text, "warning");
            let warned = warnings.len() == expected.len() && expected.iter().zip(&warnings).all(|(want, have)| have.contains(want));
            if !as_said || !warned {
                wrong.push(format!("{}: {result:?} {warnings:?}", path.display()));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    fn example() -> String {
        std::fs::read_to_string(root().join(".sops.yaml.example")).expect("the example")
    }

    /// The example with every option switched on: a `#` that no blank follows.
    fn all_options() -> String {
        let on = |line: &str| match line.find('#') {
            Some(at) if line[..at].trim().is_empty() && line[at + 1..].starts_with(|c: char| c != ' ') => line.replacen('#', "", 1),
            // Below a switched-off key the lines keep their indentation behind the `#`.
            Some(at) if line[..at].trim().is_empty() && line[at + 1..].starts_with("  ") => line.replacen('#', "", 1),
            _ => line.to_owned(),
        };
        example().lines().map(on).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_example_is_a_config_without_warnings_with_and_without_its_options() {
        for text in [example(), all_options()] {
            let config = Config::parse(text.as_bytes(), origin()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(config.warnings, []);
            for (path, selector) in [
                ("production/a.yaml", "encrypted_regex"),
                ("vault/a.yaml", "unencrypted_suffix"),
                ("a.plain-suffix.yaml", "unencrypted_suffix"),
                ("a.suffix.yaml", "encrypted_suffix"),
                ("a.plain.yaml", "unencrypted_regex"),
                ("a.plain-comment.yaml", "unencrypted_comment_regex"),
                ("a.comment.yaml", "encrypted_comment_regex"),
                ("a.yaml", "unencrypted_suffix"),
            ] {
                let file = FilePath { absolute: format!("/repo/{path}"), windows: false };
                let policy =
                    resolve(Some(&config), &file, &Overrides::default(), Format::Yaml).unwrap_or_else(|e| panic!("{path}: {e}"));
                assert_eq!(policy.selection.field(), selector, "{path}");
            }
            assert_eq!(Layout::new(Some(&config.indents), None).expect("a layout"), Layout::default());
        }
    }

    #[test]
    fn the_example_shows_every_option() {
        let text = all_options();
        let known = [
            names::TOP,
            names::CREATION_RULE,
            names::KEY_GROUP,
            names::KMS,
            names::GCP_KMS,
            names::HCKMS,
            names::AZURE,
            names::DESTINATION_RULE,
            names::STORES,
            names::LAYOUT,
        ];
        for name in known.into_iter().flatten() {
            let shown = text.lines().any(|line| line.trim_start_matches([' ', '-']).starts_with(&format!("{name}:")));
            assert!(shown, "{name}");
        }
    }

    #[test]
    fn text_that_is_no_config_is_refused_without_showing_it() {
        for text in [
            "hunter2: [",
            "hunter2",
            "- hunter2",
            "creation_rules: hunter2",
            "creation_rules: [{age: {hunter2: x}, shamir_threshold: hunter2}]",
        ] {
            let error = Config::parse(text.as_bytes(), origin()).expect_err("no config").to_string();
            assert!(!error.contains("hunter2"), "{error}");
            assert!(error.starts_with("/repo/.sops.yaml: line 1, column "), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in r"(creation_rules|age|key_groups|merge|<<|stores|yaml|indent|&a|\*a|[-:\[\]{},#|>'\n 0-9a.])*") {
            if let Ok(config) = Config::parse(text.as_bytes(), origin()) {
                let file = FilePath { absolute: "/repo/a".into(), windows: false };
                explain(Some(&config), &file, &Overrides::default(), Format::Yaml).lines();
            }
        }
    }
}
