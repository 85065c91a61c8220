//! Owns [`PossibleKey`]: where a mapping key without `?` might have started. Whether it did is known only at its `:`.

use super::scanner::{Fault, Scanner, Step, continuation_bytes};

/// How many characters a key without `?` may have.
const MAX_KEY: usize = 1024;

/// Where a key might have started whose `:` has not been seen.
#[derive(Clone, Copy, Default)]
pub(super) struct PossibleKey {
    pub(super) possible: bool,
    /// At the column of a block mapping: not being a key would be an error.
    required: bool,
    /// The number of its first token.
    pub(super) number: usize,
    pub(super) at: usize,
    line: u32,
    pub(super) column: usize,
}

impl Scanner<'_> {
    /// Whether the head token may turn out to start a key.
    pub(super) fn head_may_be_key(&mut self) -> Step<bool> {
        let head = self.queue.head_number();
        while let Some(key) = self.keys.get(self.first_key) {
            if key.possible && key.number >= head {
                return Ok(key.number == head && self.key_holds(self.first_key)?);
            }
            self.first_key += 1;
        }
        Ok(false)
    }

    /// Whether a possible key is still one at the scanner's place.
    pub(super) fn key_holds(&mut self, level: usize) -> Step<bool> {
        let key = self.keys[level];
        if !key.possible {
            return Ok(false);
        }
        if key.line < self.line || self.is_beyond_key(key.at) {
            if key.required {
                return Err(Fault { at: key.at, message: "expected `:` after this key" });
            }
            self.keys[level].possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    fn is_beyond_key(&self, start: usize) -> bool {
        let bytes = self.at - start;
        bytes > MAX_KEY && (self.ascii || bytes - continuation_bytes(&self.text[start..self.at]) > MAX_KEY)
    }

    /// Remembers that a key may start here, if one may.
    pub(super) fn save_key(&mut self) -> Step<()> {
        if !self.key_allowed {
            return Ok(());
        }
        self.drop_key()?;
        let column = self.column();
        let level = self.keys.len() - 1;
        self.first_key = self.first_key.min(level);
        self.keys[level] = PossibleKey {
            possible: true,
            required: self.flow == 0 && self.indent == column as isize,
            number: self.queue.next_number(),
            at: self.at,
            line: self.line,
            column,
        };
        Ok(())
    }

    /// Forgets the possible key of this level: another token took its place.
    pub(super) fn drop_key(&mut self) -> Step<()> {
        let level = self.keys.len() - 1;
        let key = &mut self.keys[level];
        if key.possible && key.required {
            return Err(Fault { at: key.at, message: "expected `:` after this key" });
        }
        key.possible = false;
        Ok(())
    }
}
