//! Owns [`Remarks`]: comments on their way from the scanner to the node they hang on: above it (head), on its line, or
//! below it (foot).
//!
//! go-yaml decides that while it scans, from indentation, blank lines and the two tokens it knows ahead. sops seals a
//! comment under the path of the container that it lands in, so the decisions are the same here, odd ones included
//! (a line that ends in CR LF counts as followed by a blank line; whitespace is looked through for 512 bytes).

use std::collections::VecDeque;

use super::super::Span;
use super::input::{BLANK, BREAK, CLASS, break_len};
use super::scanner::{Mark, Scanner};
use super::token::{Token, TokenKind};

/// How many bytes of whitespace are looked through for the next comment.
const REACH: usize = 512;

/// A comment line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) span: Span,
    /// A blank line follows.
    pub(super) gap: bool,
}

/// On which side of a node a comment hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Head,
    Line,
    Foot,
}

/// Comment lines that wait for the token they belong to.
struct Pending {
    side: Side,
    /// They go with the first token that starts here or later.
    owner: usize,
    start: Mark,
    /// Where the whitespace after them was left.
    end: usize,
    /// Where the whitespace before them starts.
    scan: usize,
    lines: usize,
}

/// The comments of a node.
#[derive(Default)]
pub(super) struct Sides {
    pub(super) head: Vec<Line>,
    pub(super) line: Vec<Line>,
    pub(super) foot: Vec<Line>,
}

impl Sides {
    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty() && self.line.is_empty() && self.foot.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.head.clear();
        self.line.clear();
        self.foot.clear();
    }
}

/// Comments that were scanned and hang on no node yet.
#[derive(Default)]
pub(super) struct Remarks {
    pending: VecDeque<Pending>,
    /// The lines of `pending`, in order.
    lines: VecDeque<Line>,
    /// For the next node.
    pub(super) held: Sides,
    /// For the block collection that is an item of a block sequence: what stood above its `-`.
    pub(super) stem: Vec<Line>,
    /// Comments that go-yaml drops while it scans (on the line of a directive).
    pub(super) dropped: Vec<Line>,
}

impl Remarks {
    /// Whether some wait for their token.
    #[inline]
    pub(super) fn pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether there are any at all.
    #[inline]
    pub(super) fn any(&self) -> bool {
        self.pending() || !self.held.is_empty() || !self.stem.is_empty() || !self.dropped.is_empty()
    }

    /// Hands over the comments that go with this token.
    pub(super) fn unfold(&mut self, token: Token) {
        while let Some(first) = self.pending.front()
            && token.start as usize >= first.owner
        {
            let to = match first.side {
                // Nothing hangs above an end: they are for the token that follows.
                Side::Head if token.kind == TokenKind::BlockEnd => return,
                Side::Head => &mut self.held.head,
                Side::Line => &mut self.held.line,
                Side::Foot => &mut self.held.foot,
            };
            to.extend(self.lines.drain(..first.lines));
            self.pending.pop_front();
        }
    }

    /// Where a block collection of this column ends: before the comments that stand at its column at the end of it.
    pub(super) fn block_end(&self, mut end: usize, indent: isize) -> usize {
        let mut stop = end;
        for comment in self.pending.iter().rev() {
            if comment.end < stop {
                break;
            }
            if comment.start.column as isize == indent + 1 {
                end = comment.start.at;
            }
            stop = comment.scan;
        }
        end
    }

    /// Moves what is left of everything to `out`: no node will take it.
    pub(super) fn drain(&mut self, out: &mut Vec<Line>) {
        self.pending.clear();
        for list in [&mut self.stem, &mut self.held.head, &mut self.held.line, &mut self.held.foot, &mut self.dropped] {
            out.append(list);
        }
        out.extend(self.lines.drain(..));
        out.sort_by_key(|line| line.span.start);
    }
}

impl Scanner<'_> {
    /// The end of the line: the offset of its break or of the end of the text.
    pub(super) fn line_end(&self, from: usize) -> usize {
        let rest = self.text.get(from..).unwrap_or_default();
        let len = if self.ascii {
            memchr::memchr2(b'\n', b'\r', rest)
        } else {
            rest.iter()
                .enumerate()
                .find(|&(i, &b)| CLASS[b as usize] & BREAK != 0 && break_len(self.text, from + i) > 0)
                .map(|(i, _)| i)
        };
        from + len.unwrap_or(rest.len())
    }

    /// Takes the comment that the scanner stands before. It runs to the end of the line.
    fn take_comment(&mut self) -> Line {
        let end = self.line_end(self.at);
        let line = Line { span: Span::new(self.at, end), gap: false };
        self.at = end;
        self.newlines = 0;
        line
    }

    /// Takes a comment on the line of the token that was just scanned. `owner` is the start of the token it goes with.
    pub(super) fn line_comment(&mut self, owner: usize) {
        let blanks = self.text[self.at..].iter().take(REACH).take_while(|&&b| CLASS[b as usize] == BLANK).count();
        if blanks == REACH || self.byte_at(self.at + blanks) != b'#' {
            return;
        }
        self.at += blanks;
        let start = self.mark();
        let line = self.take_comment();
        self.remarks.lines.push_back(line);
        self.remarks.pending.push_back(Pending { side: Side::Line, owner, start, end: 0, scan: 0, lines: 1 });
    }

    /// Drops the comment on the line of a directive.
    pub(super) fn drop_comment(&mut self) {
        let line = self.take_comment();
        self.remarks.dropped.push(line);
    }

    /// A line comment before the first `-` of a sequence is a heading of what comes.
    pub(super) fn raise_line_comment(&mut self) {
        if self.queue.last().is_none_or(|t| t.kind != TokenKind::BlockEntry)
            || self.queue.before_last().is_none_or(|t| t.kind != TokenKind::BlockSequenceStart)
            || self.at_break() > 0
        {
            return;
        }
        if let Some(last) = self.remarks.pending.back_mut()
            && last.side == Side::Line
        {
            last.side = Side::Head;
            if last.start.line + 1 == self.line {
                last.owner = self.at;
            }
        }
    }

    /// Takes the comment lines from here to the next token, with the blank lines between them, and decides on which side
    /// of what they hang. `before` is where the whitespace before them starts.
    pub(super) fn comment_run(&mut self, before: Mark) {
        let Some(mut token) = self.queue.last() else { return };
        if token.kind == TokenKind::FlowEntry {
            token = self.queue.before_last().unwrap_or(token);
        }
        // A comment that starts on this line, right below the content, may be its foot.
        let foot_line = match before.line {
            0 => -1,
            _ => i64::from(self.line) - i64::from(self.newlines) + 1 + i64::from(self.newlines == 0 && self.column() > 1),
        };
        let after_value = token.kind == TokenKind::Value;
        let indent = self.indent.max(0) as usize;
        let mut run = Run { owner: token.start as usize, scan: before.at, start: Mark::default(), lines: 0 };
        let mut first_gap = self.newlines <= 1;
        let mut in_gap = false;
        let (mut line, mut column) = (self.line, self.column());
        let mut ahead = 0;
        while ahead < REACH {
            column += 1;
            let at = self.at + ahead;
            let byte = self.byte_at(at);
            let closes = self.flow > 0 && matches!(byte, b']' | b'}');
            let breaks = break_len(self.text, at) > 0;
            if CLASS[byte as usize] == BLANK {
                ahead += 1;
            } else if closes || breaks || at >= self.text.len() {
                if closes || !in_gap {
                    let dedented = run.start.column.saturating_sub(1) < indent;
                    if closes || first_gap && (i64::from(run.start.line) == foot_line && !after_value || dedented) {
                        if run.lines > 0 && dedented {
                            run.owner = run.start.at;
                        }
                        self.end_run(&mut run, Side::Foot, at, at);
                    } else if run.lines > 0
                        && breaks
                        && let Some(last) = self.remarks.lines.back_mut()
                    {
                        last.gap = true;
                    }
                }
                if !breaks {
                    break;
                }
                first_gap = false;
                in_gap = true;
                column = 0;
                line += 1;
                ahead += 1;
            } else {
                if column - 1 < indent && column != run.start.column {
                    self.end_run(&mut run, Side::Foot, at, at);
                }
                if byte != b'#' {
                    break;
                }
                if run.lines == 0 {
                    run.start = Mark { at, line, column };
                }
                run.lines += 1;
                in_gap = false;
                self.pass_whitespace(at);
                let comment = self.take_comment();
                self.remarks.lines.push_back(comment);
                ahead = 1;
                column = 0;
                line = self.line;
            }
        }
        run.owner = run.start.at;
        let end = (self.at + ahead).saturating_sub(1);
        self.end_run(&mut run, Side::Head, end, end);
    }

    /// The lines of the run hang on this side; another run may start at `next`.
    fn end_run(&mut self, run: &mut Run, side: Side, end: usize, next: usize) {
        if run.lines == 0 {
            return;
        }
        let Run { owner, scan, start, lines } = *run;
        self.remarks.pending.push_back(Pending { side, owner, start, end, scan, lines });
        *run = Run { owner: next, scan: next, start, lines: 0 };
    }

    fn pass_whitespace(&mut self, to: usize) {
        while self.at < to {
            match self.at_break() {
                0 => self.at += 1,
                len => self.pass_break(len),
            }
        }
    }
}

/// Comment lines that go together.
struct Run {
    owner: usize,
    scan: usize,
    start: Mark,
    lines: usize,
}
