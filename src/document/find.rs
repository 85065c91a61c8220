//! Owns the walk of steps through a document: [`Document::locate`].

use super::steps::{Step, format_steps};
use super::{Document, Format, NodeKind, PathId};

/// Why steps lead nowhere: the path up to the step at fault.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocateError {
    /// No such key.
    #[error("{0} not found")]
    NotFound(String),
    /// No such item.
    #[error("{0} is out of bounds")]
    OutOfBounds(String),
    /// A key where there is no mapping.
    #[error("{0} is a key, but does not stand on a mapping")]
    NotAMapping(String),
    /// An index where there is no list.
    #[error("{0} is an index, but does not stand on a list")]
    NotAList(String),
}

impl Document {
    /// Where steps lead in the first document. Of equal keys the first is meant; the metadata is no part of the document.
    ///
    /// # Errors
    ///
    /// See [`LocateError`].
    pub fn locate(&self, steps: &[Step]) -> Result<PathId, LocateError> {
        let mut at = self.roots.first().copied().unwrap_or(PathId(0));
        for (index, step) in steps.iter().enumerate() {
            let fault = |variant: fn(String) -> LocateError| variant(format_steps(&steps[..=index]));
            let kind = self.paths.node(at).kind;
            at = match step {
                Step::Key(key) if matches!(kind, NodeKind::BlockMap | NodeKind::FlowMap) => {
                    let mut found = self.children_called(at, key);
                    let first = found.next().ok_or_else(|| fault(LocateError::NotFound))?;
                    match steps.get(index + 1) {
                        // INI has sections of equal names: that which has the key is meant.
                        Some(Step::Key(next)) if index == 0 && self.format == Format::Ini => std::iter::once(first)
                            .chain(found)
                            .find(|&section| self.children_called(section, next).next().is_some())
                            .unwrap_or(first),
                        _ => first,
                    }
                }
                Step::Index(n) if matches!(kind, NodeKind::BlockSeq | NodeKind::FlowSeq) => {
                    self.children(at).nth(*n).ok_or_else(|| fault(LocateError::OutOfBounds))?
                }
                Step::Key(_) => return Err(fault(LocateError::NotAMapping)),
                Step::Index(_) => return Err(fault(LocateError::NotAList)),
            };
        }
        Ok(at)
    }

    /// As [`Document::locate`], where it does not matter why there is nothing.
    pub fn find(&self, steps: &[Step]) -> Option<PathId> {
        self.locate(steps).ok()
    }

    fn children_called<'a>(&'a self, container: PathId, key: &'a str) -> impl Iterator<Item = PathId> + 'a {
        let is_called = move |id: &PathId| self.paths.key(*id, &self.text) == Some(key) && !self.metadata.contains(id);
        self.children(container).filter(is_called)
    }

    /// The steps that lead on from a place of the first document, in order. Metadata is no part of the document.
    pub fn steps_below(&self, steps: &[Step]) -> Vec<Step> {
        let Some(at) = self.find(steps) else { return Vec::new() };
        let step = |(index, id): (usize, PathId)| match self.paths.key(id, &self.text) {
            Some(key) => Step::Key(key.to_owned()),
            None => Step::Index(index),
        };
        self.children(at).filter(|id| !self.metadata.contains(id)).enumerate().map(step).collect()
    }

    /// The places directly in a container, in order. The nodes of a subtree are consecutive.
    pub(crate) fn children(&self, container: PathId) -> impl Iterator<Item = PathId> + '_ {
        (container.0 + 1..self.paths.len() as u32)
            .map(PathId)
            .take_while(move |&id| !self.paths.is_root(id) && self.paths.node(id).parent >= container)
            .filter(move |&id| self.paths.node(id).parent == container)
    }
}

#[cfg(test)]
mod tests {
    use super::super::steps::parse_steps;
    use super::super::{Duplicates, Format};
    use super::*;

    fn places(text: &str, format: Format) -> impl Fn(&str) -> String {
        let doc = Document::scan(text.to_owned(), format, Duplicates::Keep).unwrap();
        move |path| match doc.locate(&parse_steps(path).unwrap()) {
            Ok(id) => doc.text[doc.paths.node(id).value.range()].to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn steps_lead_through_json() {
        let at = places(r#"{"m": {"l": [[1], 2], "a\"b": 3}, "m": 4, "sops": {"mac": "m"}}"#, Format::Json);
        assert_eq!(at(r#"["m"]["l"][1]"#), "2");
        assert_eq!(at(r#"["m"]["l"][0][0]"#), "1");
        assert_eq!(at(r#"["m"]["a"b"]"#), "3");
        assert_eq!(at(r#"["m"]["x"]["y"]"#), r#"["m"]["x"] not found"#);
        assert_eq!(at(r#"["m"]["l"][2]"#), r#"["m"]["l"][2] is out of bounds"#);
        assert_eq!(at("[0]"), "[0] is an index, but does not stand on a list");
        assert_eq!(at(r#"["m"]["l"]["k"]"#), r#"["m"]["l"]["k"] is a key, but does not stand on a mapping"#);
        assert_eq!(at(r#"["sops"]["mac"]"#), r#"["sops"] not found"#);
    }

    #[test]
    fn steps_lead_through_the_first_yaml_document() {
        let at = places("a: &x\n  - 1\n  - k: 2\nb: *x\n---\nc: 3\n", Format::Yaml);
        assert_eq!(at(r#"["a"][1]["k"]"#), "2");
        assert_eq!(at(r#"["b"][0]"#), "1");
        assert_eq!(at(r#"["c"]"#), r#"["c"] not found"#);
    }
}
