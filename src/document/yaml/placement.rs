//! Owns [`Placement`]: from the comments of nodes to the places that sops gives them in its tree.
//!
//! go-yaml moves comments below a value to its key, and those below the last entry of a block mapping to that entry. sops
//! makes each line an entry of the mapping or list around it: comments above and on the line come before the entry,
//! comments below after it; those of a mapping or list that is a value go inside it.

use super::comments::{Line, Sides};
use super::event::{Comment, EventKind, Slot};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Document,
    Sequence,
    Mapping,
}

/// An open container.
struct Frame {
    kind: Kind,
    flow: bool,
    /// Mappings: the next node is a key.
    at_key: bool,
    /// Mappings: an entry is complete.
    filled: bool,
    /// Mappings: the current key keeps a comment below it, so the value keeps its own.
    key_foot: bool,
    /// The comments of the container itself go to its parent.
    outside: bool,
    /// Where the comments below its last entry start in `feet`.
    feet: usize,
}

/// A comment below an entry, to be placed when the next entry or the end comes.
struct Foot {
    line: Line,
    /// Of the value or item: a comment that go-yaml finds later for the key does not replace it.
    of_value: bool,
}

/// Gives each comment its place. Knows the open containers.
#[derive(Default)]
pub(super) struct Placement {
    frames: Vec<Frame>,
    feet: Vec<Foot>,
    out: Vec<Comment>,
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Root,
    Item,
    Key,
    Value,
}

impl Placement {
    /// The comments of the last event.
    pub(super) fn comments(&self) -> &[Comment] {
        &self.out
    }

    /// Whether comments wait for the next entry or the end.
    #[inline]
    pub(super) fn waits(&self) -> bool {
        !self.feet.is_empty()
    }

    /// Forgets the comments of the last event.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.out.clear();
    }

    /// Follows an event and places the comments it has; takes them.
    #[inline]
    pub(super) fn event(&mut self, kind: EventKind, sides: &mut Sides, dropped: &mut Vec<Line>) {
        if !dropped.is_empty() {
            for line in dropped.drain(..) {
                self.lose(line, Slot::First);
            }
        }
        let bare = sides.is_empty();
        match kind {
            EventKind::Scalar { .. } | EventKind::Alias => {
                if !bare || !self.feet.is_empty() {
                    self.leaf(sides);
                }
                self.node_ended();
            }
            EventKind::MappingStart { flow } => self.start(Kind::Mapping, flow, sides),
            EventKind::SequenceStart { flow } => self.start(Kind::Sequence, flow, sides),
            EventKind::MappingEnd | EventKind::SequenceEnd => self.end(sides),
            EventKind::DocumentStart { .. } => {
                self.put(&sides.head, Slot::First, false);
                self.push(Kind::Document, false, false);
            }
            EventKind::DocumentEnd { .. } => {
                self.put(&sides.foot, Slot::Before, false);
                self.lose_all(&sides.head, Slot::Before);
                self.lose_all(&sides.line, Slot::Before);
                self.frames.pop();
            }
            EventKind::StreamStart => {}
            EventKind::StreamEnd => self.lose_all(&sides.foot, Slot::Before),
        }
        if !bare {
            sides.clear();
        }
    }

    fn push(&mut self, kind: Kind, flow: bool, outside: bool) {
        let feet = self.feet.len();
        self.frames.push(Frame { kind, flow, at_key: true, filled: false, key_foot: false, outside, feet });
    }

    /// What the next node is in the innermost container.
    fn role(&self) -> Role {
        match self.frames.last() {
            Some(Frame { kind: Kind::Mapping, at_key: true, .. }) => Role::Key,
            Some(Frame { kind: Kind::Mapping, .. }) => Role::Value,
            Some(Frame { kind: Kind::Sequence, .. }) => Role::Item,
            Some(Frame { kind: Kind::Document, .. }) | None => Role::Root,
        }
    }

    /// A node of the innermost container is complete.
    #[inline]
    fn node_ended(&mut self) {
        if let Some(frame) = self.frames.last_mut()
            && frame.kind == Kind::Mapping
        {
            frame.filled |= !frame.at_key;
            frame.key_foot &= frame.at_key;
            frame.at_key = !frame.at_key;
        }
    }

    /// A scalar or alias.
    fn leaf(&mut self, sides: &mut Sides) {
        let role = self.role();
        if role == Role::Key {
            self.claim_for_previous(sides);
        }
        if matches!(role, Role::Key | Role::Item) {
            self.flush_feet();
        }
        self.put(&sides.head, Slot::Before, false);
        self.put(&sides.line, Slot::Before, matches!(role, Role::Item | Role::Value));
        match role {
            Role::Root => self.lose_all(&sides.foot, Slot::Before),
            _ => self.keep_feet(&sides.foot, role),
        }
    }

    /// What go-yaml hangs below a key of a block mapping was below the entry before it.
    fn claim_for_previous(&mut self, sides: &mut Sides) {
        if let Some(frame) = self.frames.last()
            && !frame.flow
            && frame.filled
            && !sides.foot.is_empty()
        {
            self.replace_feet(&sides.foot);
            sides.foot.clear();
        }
    }

    fn start(&mut self, kind: Kind, flow: bool, sides: &Sides) {
        let role = self.role();
        let outside = matches!(role, Role::Item | Role::Key);
        if outside && !self.feet.is_empty() {
            self.flush_feet();
        }
        self.put(&sides.head, if outside { Slot::Before } else { Slot::First }, false);
        // go-yaml overwrites these with those of the end.
        self.lose_all(&sides.line, Slot::First);
        self.lose_all(&sides.foot, Slot::First);
        self.push(kind, flow, outside);
    }

    fn end(&mut self, sides: &mut Sides) {
        let Some(frame) = self.frames.last() else { return };
        let outside = frame.outside;
        if frame.kind == Kind::Mapping && !frame.flow && frame.filled && !sides.foot.is_empty() {
            self.replace_feet(&sides.foot);
            sides.foot.clear();
        }
        self.flush_feet();
        self.lose_all(&sides.head, Slot::Before);
        self.frames.pop();
        let role = self.role();
        let slot = if outside { Slot::BackBefore } else { Slot::BackFirst };
        self.put(&sides.line, slot, role == Role::Item);
        let kept_inside = match role {
            Role::Root => true,
            Role::Value => self.frames.last().is_some_and(|parent| parent.key_foot),
            Role::Item | Role::Key => false,
        };
        if kept_inside {
            self.put(&sides.foot, Slot::Before, false);
        } else {
            self.keep_feet(&sides.foot, role);
        }
        self.node_ended();
    }

    /// Keeps comments below a node until the entry is over.
    fn keep_feet(&mut self, lines: &[Line], role: Role) {
        let Some(frame) = self.frames.last_mut() else { return };
        if lines.is_empty() {
            return;
        }
        let of_value = role == Role::Item || role == Role::Value && frame.key_foot;
        let feet = lines.iter().map(|&line| Foot { line, of_value });
        if of_value {
            // Before those of the key.
            self.feet.splice(frame.feet..frame.feet, feet);
        } else {
            self.feet.extend(feet);
        }
        frame.key_foot |= role == Role::Key;
    }

    /// go-yaml found these below the last entry and forgets what it had for its key.
    fn replace_feet(&mut self, lines: &[Line]) {
        let from = self.frames.last().map_or(0, |frame| frame.feet);
        for foot in self.feet.split_off(from) {
            if foot.of_value {
                self.feet.push(foot);
            } else {
                self.lose(foot.line, Slot::Before);
            }
        }
        self.feet.extend(lines.iter().map(|&line| Foot { line, of_value: false }));
    }

    /// Places the comments below the last entry of the innermost container.
    fn flush_feet(&mut self) {
        let from = self.frames.last().map_or(0, |frame| frame.feet);
        for foot in self.feet.drain(from..) {
            self.out.push(Comment { span: foot.line.span, slot: Slot::Before, inline: false, lost: false });
        }
    }

    fn put(&mut self, lines: &[Line], slot: Slot, inline: bool) {
        self.out.extend(lines.iter().map(|line| Comment { span: line.span, slot, inline, lost: false }));
    }

    fn lose_all(&mut self, lines: &[Line], slot: Slot) {
        self.out.extend(lines.iter().map(|line| Comment { span: line.span, slot, inline: false, lost: true }));
    }

    fn lose(&mut self, line: Line, slot: Slot) {
        self.lose_all(&[line], slot);
    }
}

#[cfg(test)]
mod tests {
    use super::super::outline::outline;

    fn places(cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(outline(text).as_deref(), Ok(*expected), "{text:?}");
        }
    }

    #[test]
    fn comments_above_and_on_the_line_come_before_an_entry_and_those_below_after_it() {
        places(&[
            ("# h\na: 1 # l\n# f\n\n# g\nb: 2\n", "( { #h a ~#l 1 #f #g b 2 } )"),
            ("a: 1\n\n# g\nb: 2\n# z\n", "( { a 1 #g b 2 #z } )"),
            ("# h\n- 1 # l\n# f\n\n# g\n- 2\n# z\n", "( [ #h ~#l 1 #f #g 2 #z ] )"),
            ("a: | # c\n  x\n# z\n", "( { a ~#c |x\\n #z } )"),
            ("a: *b # c\n", "( { a ~#c *b } )"),
        ]);
    }

    #[test]
    fn comments_of_a_collection_go_inside_it_unless_it_is_an_item() {
        places(&[
            ("a: # l\n  b: 1\n", "( { #l a { b 1 } } )"),
            ("a:\n  # h\n  b: 1\n", "( { a { #h b 1 } } )"),
            ("a: {b: c} # l\n", "( { a <{ b c back#l } } )"),
            ("- {b: c} # l\n", "( [ <{ b c up~#l } ] )"),
            ("a: [1,\n  # c\n  2] # l\n", "( { a <[ 1 #c 2 back#l ] } )"),
            ("a: [\n  1\n  # c\n]\n", "( { a <[ 1 #c ] } )"),
            ("- # h\n  - x\n", "( [ [ #h x ] ] )"),
            ("# s\n- a: 1\n  # h\n  b: 2\n", "( [ #s { a 1 #h b 2 } ] )"),
        ]);
    }

    #[test]
    fn the_end_of_a_block_is_told_by_indentation() {
        places(&[
            ("a:\n  b: 1\n  # in\n# out\nc: 2\n", "( { a { b 1 #in } #out c 2 } )"),
            ("a:\n  b: 1\n# out\n\nc: 2\n", "( { a { b 1 } #out c 2 } )"),
            ("a:\n  - 1\n  # in\n\n  # in2\nb: 2\n", "( { a [ 1 #in ] #in2 b 2 } )"),
            ("a:\n  b:\n    c: 1\n    # c\n  # b\n# a\n", "( { a { b { c 1 #c } #b } #a } )"),
        ]);
    }

    #[test]
    fn comments_around_documents() {
        places(&[
            ("# d\n\n# h\na: 1\n", "in#d ( { #h a 1 } )"),
            ("# d\n---\na: 1\n", "--- { #d a 1 } )"),
            ("a: 1\n# e\n---\n# h\nb: 2\n", "( { a 1 } #e ) --- { #h b 2 } )"),
            ("a: 1\n...\n# z\n", "( { a 1 } #z ..."),
        ]);
    }

    #[test]
    fn comments_that_sops_loses_come_once_all_the_same() {
        places(&[
            ("a: [ # l\n  1]\n", "( { a inlost#l <[ 1 ] } )"),
            ("%YAML 1.1 # c\n---\na: 1\n", "inlost#c --- { a 1 } )"),
            ("# only\n", "lost#only"),
        ]);
    }

    #[test]
    fn a_crlf_counts_as_a_blank_line_after_a_comment() {
        places(&[("# d\n# h\na: 1\n", "( { #d #h a 1 } )"), ("# d\r\n# h\r\na: 1\r\n", "in#d in#h ( { a 1 } )")]);
    }
}
