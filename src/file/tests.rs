//! Round trips in memory, with a key service that wraps without cryptography. Most cases were found by the fuzz target
//! `roundtrip`.

use super::*;
use crate::config::{Policy, Source, Sources};
use crate::keys::service::{KeyError, Reason, Unwrapped};
use crate::keys::{KeyGroup, MasterKey, WrappedKey, parse};
use crate::secret::Secret;
use crate::selection::SelectionRule;

struct Hex;

impl KeyService for Hex {
    fn wrap(&self, _: &MasterKey, data_key: &[u8]) -> Result<String, KeyError> {
        Ok(data_key.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn unwrap(&self, key: &WrappedKey) -> Result<Unwrapped, KeyError> {
        let bytes: Option<Vec<u8>> =
            (0..key.enc.len()).step_by(2).map(|i| u8::from_str_radix(key.enc.get(i..i + 2)?, 16).ok()).collect();
        Ok(bytes.map_or_else(|| Unwrapped::NothingHere(Reason::default()), |bytes| Unwrapped::Opened(Secret::new(bytes))))
    }
}

fn policy() -> Policy {
    let none = || Source::Default;
    Policy {
        groups: vec![KeyGroup { keys: vec![parse::pgp("FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4")] }],
        threshold: 0,
        selection: SelectionRule::default(),
        mac_only_encrypted: false,
        sources: Sources { rule: None, keys: Vec::new(), threshold: none(), selection: none(), mac_only_encrypted: none() },
        warnings: Vec::new(),
    }
}

/// The encrypted text and what comes back from it.
fn there_and_back(plain: &str, format: Format) -> (String, String) {
    let (order, layout) = (DecryptionOrder::stored(), Layout::default());
    let context = Context { services: &[&Hex], order: &order, now: "2026-11-22T07:14:39Z", layout: &layout };
    let encrypted = encrypt(plain.as_bytes(), format, format, &policy(), &context).unwrap_or_else(|e| panic!("{plain:?}: {e}"));
    let file = EncryptedFile::parse(&encrypted.text, format).unwrap_or_else(|e| panic!("{plain:?}: {e}"));
    let opened = file.open(MacPolicy::Verify, &context).unwrap_or_else(|e| panic!("{plain:?}: {e}"));
    let back = opened.text().unwrap_or_else(|e| panic!("{plain:?}: {e}"));
    (String::from_utf8(encrypted.text).unwrap(), String::from_utf8(back).unwrap())
}

#[test]
fn every_spelling_comes_back() {
    for plain in [
        "s: [U:]\n",
        "s: [U\u{2028}(~, ]\n",
        "k: >\u{85}  one\n  two\n",
        "k: |  # c\u{2028}  one\n  two\nb: 1\n",
        "k: |+\n  a\n\n  ",
        "k: |+\n\n  ",
        "k: |\n  a\n \n  ",
        "k: v\n\n  ",
        "k:",
        "---\na: \"x\"\n# c\n%YAML 1.1\n---\nb: 1\n",
        "? >2-\n\n: v\n",
    ] {
        assert_eq!(there_and_back(plain, Format::Yaml).1, plain);
    }
}

/// The metadata behind it must not give the last value a line break that it has not.
#[test]
fn a_block_scalar_in_clear_may_end_the_text() {
    for plain in ["k_unencrypted: |\n  a", "k_unencrypted: >+\n  a\n\n  b"] {
        assert_eq!(there_and_back(plain, Format::Yaml).1, plain);
    }
    let (encrypted, _) = there_and_back("k_unencrypted: |\n  a\n  b", Format::Yaml);
    assert!(encrypted.starts_with("k_unencrypted: |-\n  a\n  b\nsops:\n"), "{encrypted}");
    let (encrypted, _) = there_and_back("k_unencrypted: |\n  a\n", Format::Yaml);
    assert!(encrypted.starts_with("k_unencrypted: |\n  a\nsops:\n"), "{encrypted}");
}

/// What cannot be written so that it reads the same is refused, never changed.
#[test]
fn blanks_that_are_part_of_a_clear_value_at_the_end_are_refused() {
    let (order, layout) = (DecryptionOrder::stored(), Layout::default());
    let context = Context { services: &[&Hex], order: &order, now: "2026-11-22T07:14:39Z", layout: &layout };
    let plain = b"k_unencrypted: |+\n  a\n\n  ";
    let refused = encrypt(plain, Format::Yaml, Format::Yaml, &policy(), &context);
    assert!(matches!(refused, Err(EncryptError::NotReadBack)));
}

#[test]
fn changing_one_value_leaves_sealed_spellings_that_did_not_change() {
    let (order, layout) = (DecryptionOrder::stored(), Layout::default());
    let context = |now| Context { services: &[&Hex], order: &order, now, layout: &layout };
    let first = context("2026-11-22T07:14:39Z");
    let encrypted = encrypt(b"a: one\nb: 0x1F\n", Format::Yaml, Format::Yaml, &policy(), &first).unwrap();
    let file = EncryptedFile::parse(&encrypted.text, Format::Yaml).unwrap().open(MacPolicy::Verify, &first).unwrap();
    let later = context("2026-11-23T07:14:39Z");
    let steps = crate::document::steps::parse_steps(r#"["a"]"#).unwrap();
    let set = file.set(&steps, &crate::document::node::Node::str("two"), &later).unwrap().unwrap();
    let edited = file.merge(b"a: two\nb: 0x1F\n", &later).unwrap().unwrap();
    for changed in [set, edited] {
        let (old, new) = (String::from_utf8(encrypted.text.clone()).unwrap(), String::from_utf8(changed.text).unwrap());
        let lines: Vec<&str> =
            old.lines().zip(new.lines()).filter(|(a, b)| a != b).map(|(a, _)| a.trim().split(':').next().unwrap()).collect();
        assert_eq!(lines, ["a", "lastmodified", "mac"]);
    }
}

mod flat {
    //! dotenv and INI: what was found by generated files.

    use super::*;
    use proptest::prelude::*;

    /// Encrypts and decrypts what is accepted, with everything sealed and with some keys alone.
    fn comes_back(plain: &str, format: Format) {
        let (order, layout) = (DecryptionOrder::stored(), Layout::default());
        let context = Context { services: &[&Hex], order: &order, now: "2026-11-22T07:14:39Z", layout: &layout };
        for selection in [SelectionRule::default(), SelectionRule::EncryptedRegex("^[kmoAE]".into())] {
            let policy = Policy { selection, ..policy() };
            let text = match encrypt(plain.as_bytes(), format, format, &policy, &context) {
                Err(EncryptError::Parse(_)) => return,
                Err(error) => panic!("{plain:?}: {error}"),
                Ok(encrypted) => encrypted.text,
            };
            let opened = EncryptedFile::parse(&text, format).and_then(|file| file.open(MacPolicy::Verify, &context));
            let back = opened.and_then(|file| file.text()).unwrap_or_else(|e| panic!("{plain:?}: {e}"));
            assert_eq!(String::from_utf8(back).unwrap(), plain);
        }
    }

    const INI: &[&str] = &[
        "[a]\n",
        "[b c] ; d\n",
        "[a] rest # c\n",
        "k = v\n",
        "k: w ; c\n",
        "  l=\"x\"\r\n",
        "m = 'y' # z\n",
        "n = `a\n;b`\n",
        "o = \"\"\"p\nq\"\"\" r ; s\n",
        "# c\n",
        "  ; d\n\n",
        "####\n",
        "t = u \\\n  v\n",
        "- = w\n",
        "\n",
        "k = x",
        "`k e` = \\\n\n",
        "e =\n",
        "f = ; only\n",
        "\u{feff}g=h\n",
        "; ENC[AES256_GCM,data:x]\n",
        "\t# x\ny",
        "=",
        "#\n# z\n",
        "k=v\\ ; c\n",
        "\"",
        "`",
    ];

    const DOTENV: &[&str] = &[
        "A=1\n",
        "A=2\n",
        "# c\n",
        "#\n",
        "\n",
        "\r\n",
        "  \n",
        "B=x\\ny\r\n",
        "export C='d'\n",
        "=\n",
        "E=\n",
        "F=\\\\n",
        "\t",
        "#",
        "\r",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn ini_comes_back(parts in prop::collection::vec(prop::sample::select(INI), 0..9)) {
            comes_back(&parts.concat(), Format::Ini);
        }

        #[test]
        fn dotenv_comes_back(parts in prop::collection::vec(prop::sample::select(DOTENV), 0..9)) {
            comes_back(&parts.concat(), Format::Dotenv);
        }
    }
}

/// Enough values to be worked on by all cores.
fn large(line: impl Fn(usize) -> String) -> String {
    (0..3_000).map(line).collect()
}

#[test]
fn many_values_come_back_in_every_format() {
    let yaml = large(|i| match i % 9 {
        0 => format!("s{i}: # c\n"),
        1 => format!("  # comment {i}\n  a: value {i}\n"),
        2 => format!("  b: {i}\n  c: [x, 'y {i}', {{z: 1.50}}]\n"),
        3 => format!("  d: |\n    line {i}\n\n    more\n"),
        4 => format!("  e:\n    - # inner\n      f: null\n    - \"g \\u00e9 {i}\"\n"),
        5 => format!("  h: 2024-01-{:02}\n\n", 1 + i % 28),
        6 => format!("  i: 'it''s'\n  # below {i}\n"),
        7 => String::from("  # last\n  j: !!str 5\n"),
        _ => format!("t{i}_unencrypted: clear\n"),
    });
    let json = format!("{{{}\n}}\n", large(|i| format!("{}\n  \"k{i}\": [{i}, \"v\\u0041\", null]", if i > 0 { "," } else { "" })));
    let dotenv = large(|i| if i % 7 == 0 { format!("# c {i}\n") } else { format!("K{i}=v {i}\n") });
    let ini = large(|i| if i % 50 == 0 { format!("[s{i}]\n; c\n") } else { format!("k{i} = v {i}\n") });
    let tfvars = large(|i| if i % 7 == 0 { format!("# c {i}\n") } else { format!("k{i} = [\"v\", {i}, true]\n") });
    let toml = large(|i| if i % 50 == 0 { format!("[s{i}]\n# c\n") } else { format!("k{i} = {{ a = {i}, b = 'x' }}\n") });
    for (plain, format) in [
        (yaml, Format::Yaml),
        (json, Format::Json),
        (dotenv, Format::Dotenv),
        (ini, Format::Ini),
        (tfvars, Format::Tfvars),
        (toml, Format::Toml),
    ] {
        assert!(there_and_back(&plain, format).1 == plain, "{format:?}");
    }
}

fn opened(text: &str) -> Result<Vec<u8>, OpenError> {
    let (order, layout) = (DecryptionOrder::stored(), Layout::default());
    let context = Context { services: &[&Hex], order: &order, now: "2026-11-22T07:14:39Z", layout: &layout };
    EncryptedFile::parse(text.as_bytes(), Format::Yaml)?.open(MacPolicy::Verify, &context)?.text()
}

/// Items of a list have the same additional data: only the MAC knows their order.
#[test]
fn the_mac_holds_for_the_order_of_many_values() {
    let (encrypted, _) = there_and_back(&format!("list:\n{}", large(|i| format!("  - v{i}\n"))), Format::Yaml);
    assert!(opened(&encrypted).is_ok());
    let mut lines: Vec<&str> = encrypted.lines().collect();
    for (one, other) in [(1, 2), (5, 2_900), (1_024, 1_025), (2_999, 3_000)] {
        lines.swap(one, other);
        assert!(matches!(opened(&(lines.join("\n") + "\n")), Err(OpenError::Mac(_))), "{one} and {other}");
        lines.swap(one, other);
    }
}

#[test]
fn the_first_of_many_values_that_does_not_open_is_named() {
    let (encrypted, _) = there_and_back(&large(|i| format!("k{i}: v{i}\n")), Format::Yaml);
    let mut lines: Vec<String> = encrypted.lines().map(str::to_owned).collect();
    for at in [2_950, 1_500, 700] {
        lines[at] = lines[at].replacen("data:", "data:A", 1);
        match opened(&lines.join("\n")) {
            Err(error @ OpenError::Leaf { .. }) => assert!(format!("{error:?}").contains(&format!("k{at}")), "{error:?}"),
            other => panic!("{:?}", other.map(|_| ())),
        }
    }
}

#[test]
fn the_metadata_of_many_values_may_stand_between_them() {
    let plain = large(|i| format!("k{i}: v{i}\n"));
    let (encrypted, _) = there_and_back(&plain, Format::Yaml);
    let (values, metadata) = encrypted.split_at(encrypted.find("sops:\n").expect("metadata"));
    let middle = values.find("k1500:").expect("a value");
    let moved = [&values[..middle], metadata, &values[middle..]].concat();
    assert_eq!(opened(&moved).expect("opens"), plain.as_bytes());
    assert_eq!(opened(&(metadata.to_owned() + values)).expect("opens"), plain.as_bytes());
}
