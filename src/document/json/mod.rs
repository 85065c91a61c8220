//! JSON documents: scanned strictly, edited in place, laid out as sops does where there is no layout to keep.

mod edit;
mod emit;
mod fragment;
pub(in crate::document) mod glance;
mod layout;
mod number;
mod read;
mod scan;
mod segments;
mod spell;
mod string;

pub use edit::{cut_metadata, metadata_splices, set, unset};
pub use emit::{EmitError, JsonIndent, emit, emit_value};
pub use fragment::read_value;
pub use read::value;
pub use scan::{MAX_DEPTH, scan, scan_bytes};
pub use spell::spell;

#[cfg(test)]
mod corpus {
    //! Real JSON files, and JSONTestSuite's, whose names say what must happen to them.

    use std::path::PathBuf;

    use super::super::node::Node;
    use super::super::splice::splice;
    use super::super::{Document, LeafKind};
    use super::*;

    fn corpus() -> Option<PathBuf> {
        let shared = std::env::var_os("LEAFSEAL_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
        let corpus = shared.join("corpus");
        corpus.is_dir().then_some(corpus)
    }

    fn refusal(bytes: &[u8]) -> Option<String> {
        scan_bytes(bytes).err().map(|error| error.message)
    }

    /// What must hold for every file that is read.
    fn check(doc: &Document, name: &str) {
        let text = &doc.text;
        for leaf in doc.leaves.iter().filter(|leaf| leaf.kind == LeafKind::Scalar) {
            // `1e400` and the like: refused with a position when they are read.
            let Ok(meant) = value(text, leaf) else { continue };
            let mut spelled = String::new();
            spell(&meant, &mut spelled);
            let read = scan(format!("{{\"v\":{spelled}}}")).unwrap();
            assert_eq!(value(&read.text, &read.leaves[0]).unwrap(), meant, "{name}");
        }
        let metadata = Node::map([(String::from("mac"), Node::str("m"))]);
        let sealed = splice(text, &metadata_splices(doc, &metadata, JsonIndent::Tab)).unwrap();
        let sealed = scan(sealed).unwrap();
        if doc.metadata.is_empty() {
            assert_eq!(splice(&sealed.text, &cut_metadata(&sealed)).as_deref(), Some(text.as_str()), "{name}");
        }
        assert_eq!(sealed.metadata.len(), 1, "{name}");
    }

    #[test]
    fn every_file_is_read_or_refused_with_a_reason() {
        let Some(corpus) = corpus() else { return eprintln!("skipped: no corpus") };
        let index = std::fs::read_to_string(corpus.join("index.tsv")).unwrap();
        let (mut read, mut refused) = (0, 0);
        for line in index.lines().filter(|line| line.starts_with("json/")) {
            let fields: Vec<&str> = line.split('\t').collect();
            let bytes = std::fs::read(corpus.join(fields[0])).unwrap();
            let name = fields[2].rsplit('/').next().unwrap();
            let refusal = refusal(&bytes);
            let other_top = refusal.as_ref().is_some_and(|reason| reason.contains("--input-type binary"));
            let valid = serde_json::from_slice::<serde_json::Value>(&bytes);
            match name.split_at(2.min(name.len())).0 {
                "n_" => assert!(refusal.is_some(), "{line}"),
                "y_" => assert!(refusal.is_none() || other_top, "{line}: {refusal:?}"),
                "i_" => {}
                _ => assert_eq!(refusal.is_none(), valid.as_ref().is_ok_and(|v| v.is_object()), "{line}: {refusal:?}"),
            }
            if valid.is_ok_and(|v| !v.is_object()) {
                assert!(other_top, "{line}");
            }
            match scan_bytes(&bytes) {
                Ok(doc) => {
                    check(&doc, line);
                    read += 1;
                }
                Err(_) => refused += 1,
            }
        }
        eprintln!("{read} files read, {refused} refused");
        assert!(read > 100);
    }

    #[test]
    fn files_of_the_reference_lose_their_metadata_and_nothing_else() {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/reference/json"));
        for case in std::fs::read_dir(folder).unwrap() {
            let case = case.unwrap().path();
            let read = |name: &str| std::fs::read_to_string(case.join(name)).unwrap();
            let (sealed, plain) = (scan(read("enc.json")).unwrap(), scan(read("dec.json")).unwrap());
            let cut = scan(splice(&sealed.text, &cut_metadata(&sealed)).unwrap()).unwrap();
            // sops lays out both files: apart from the values they are the same.
            let mut back = Vec::new();
            for (leaf, original) in cut.leaves.iter().zip(&plain.leaves) {
                back.push(super::super::splice::Splice { span: leaf.span, text: plain.text[original.span.range()].to_owned() });
            }
            assert_eq!(splice(&cut.text, &back).as_deref(), Some(plain.text.as_str()), "{}", case.display());
        }
    }
}
