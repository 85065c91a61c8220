//! Owns [`Secret`]: a value that never shows itself.
//!
//! Habit 1 of `docs/contributing.md`: a secret is a type. No `Debug`, no `Display`, wiped when dropped.

use zeroize::{Zeroize, Zeroizing};

/// Wraps a secret: wiped when dropped, `Debug` prints `[redacted]`, readable only through [`Secret::expose`].
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes ownership of a secret.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// Gives access to the secret; every call site is a place where it could leak.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let s = Secret::new(String::from("hunter2"));
        assert_eq!(format!("{s:?}"), "[redacted]");
        assert_eq!(s.expose(), "hunter2");
    }
}
