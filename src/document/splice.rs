//! Owns [`Splice`] and [`splice`]: edits of a text as replacements of spans, applied in one pass (invariant I1).

use super::Span;

/// The bytes of a span give way to a text. An empty span inserts. `Debug` shows no text.
#[derive(Clone, PartialEq, Eq)]
pub struct Splice {
    /// What goes.
    pub span: Span,
    /// What comes.
    pub text: String,
}

impl Splice {
    /// Replaces the bytes from `start` to `end`.
    pub fn new(start: usize, end: usize, text: impl Into<String>) -> Self {
        Self { span: Span::new(start, end), text: text.into() }
    }

    /// Inserts before the byte at `at`.
    pub fn insert(at: usize, text: impl Into<String>) -> Self {
        Self::new(at, at, text)
    }
}

impl std::fmt::Debug for Splice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Splice({}..{}, {} bytes)", self.span.start, self.span.end, self.text.len())
    }
}

/// Applies edits that are sorted by their start and do not overlap; several insertions at one place keep their order.
///
/// An edit that overlaps the one before it, or lies outside the text, is not a splice of that text: `None`.
pub fn splice(text: &str, edits: &[Splice]) -> Option<String> {
    let added: usize = edits.iter().map(|e| e.text.len()).sum();
    let removed: usize = edits.iter().map(|e| e.span.len()).sum();
    let mut out = String::with_capacity((text.len() + added).saturating_sub(removed));
    let mut done = 0;
    for edit in edits {
        let span = edit.span.range();
        out.push_str(text.get(done..span.start)?);
        text.get(span.clone())?;
        out.push_str(&edit.text);
        done = span.end;
    }
    out.push_str(text.get(done..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_change_their_spans_only() {
        let text = "a: one\nb: two\n";
        let edits = [Splice::new(3, 6, "1"), Splice::insert(7, "x: 0\n"), Splice::insert(7, "y: 0\n"), Splice::new(10, 13, "")];
        assert_eq!(splice(text, &edits).unwrap(), "a: 1\nx: 0\ny: 0\nb: \n");
        assert_eq!(splice(text, &[]).unwrap(), text);
    }

    #[test]
    fn edits_that_overlap_or_split_a_character_are_refused() {
        let overlap = [Splice::new(0, 4, ""), Splice::new(3, 5, "")];
        assert_eq!(splice("abcdef", &overlap), None);
        assert_eq!(splice("abc", &[Splice::new(2, 9, "")]), None);
        assert_eq!(splice("\u{e9}", &[Splice::insert(1, "x")]), None);
    }
}
