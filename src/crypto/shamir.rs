//! Owns Shamir shares of a data key: one share a key group, any `threshold` of them give the key back.
//!
//! Rules: `docs/format.md`, "Shares". Each byte is shared by its own random polynomial over GF(2^8) modulo
//! x^8 + x^4 + x^3 + x + 1. A share is the polynomials' values at x, then x itself, which is the group's number from 1.
//! Arithmetic is without tables and without branches on secrets; what was computed on the way is wiped.

use zeroize::Zeroizing;

/// Why a secret could not be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// One share would be the secret itself.
    #[error("the Shamir threshold must be at least 2")]
    ThresholdTooSmall,
    /// The secret could never be put together again.
    #[error("the Shamir threshold is {threshold}, but there are only {parts} key groups")]
    ThresholdAboveParts {
        /// How many shares are asked for.
        parts: usize,
        /// How many of them must be needed.
        threshold: usize,
    },
    /// The field has only 255 places for shares.
    #[error("there are {0} key groups, but at most 255 can share a data key")]
    TooManyParts(usize),
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
}

/// Why shares do not give a secret. Which secret they give when too few or foreign ones are combined cannot be told here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CombineError {
    /// Fewer than two.
    #[error("a single share cannot give back the data key")]
    TooFew,
    /// A share is shorter than two bytes, not as long as the others, or at the place of the secret itself.
    #[error("a share of the data key is malformed")]
    Malformed,
    /// Two shares are for the same place.
    #[error("two shares of the data key are the same part")]
    Duplicate,
}

/// Splits a secret into `parts` shares, of which any `threshold` give it back. Each is one byte longer than the secret; their
/// order is that of the key groups.
///
/// # Errors
/// [`SplitError`], unless 2 ≤ `threshold` ≤ `parts` ≤ 255.
pub fn split(secret: &[u8], parts: usize, threshold: usize) -> Result<Vec<Zeroizing<Vec<u8>>>, SplitError> {
    if parts < threshold {
        return Err(SplitError::ThresholdAboveParts { parts, threshold });
    }
    let last = u8::try_from(parts).map_err(|_| SplitError::TooManyParts(parts))?;
    if threshold < 2 {
        return Err(SplitError::ThresholdTooSmall);
    }
    // The coefficients of one byte's polynomial, highest degree first, without the constant term: that is the byte.
    let degree = threshold - 1;
    let mut coefficients = Zeroizing::new(vec![0; degree * secret.len()]);
    getrandom::fill(&mut coefficients).map_err(|_| SplitError::Random)?;
    let share = |x: u8| {
        let mut share = Zeroizing::new(Vec::with_capacity(secret.len() + 1));
        for (byte, polynomial) in secret.iter().zip(coefficients.chunks_exact(degree)) {
            let above = polynomial.iter().fold(0, |value, coefficient| multiply(value, x) ^ coefficient);
            share.push(multiply(above, x) ^ byte);
        }
        share.push(x);
        share
    };
    Ok((1..=last).map(share).collect())
}

/// Gives back the secret from shares, all of which are used.
///
/// # Errors
/// [`CombineError`]. Shares that do not belong together, or too few of them, give wrong bytes instead.
pub fn combine<S: AsRef<[u8]>>(shares: &[S]) -> Result<Zeroizing<Vec<u8>>, CombineError> {
    let (first, others) = shares.split_first().ok_or(CombineError::TooFew)?;
    if others.is_empty() {
        return Err(CombineError::TooFew);
    }
    let len = first.as_ref().len();
    if len < 2 || others.iter().any(|share| share.as_ref().len() != len) {
        return Err(CombineError::Malformed);
    }
    let places: Vec<u8> = shares.iter().map(|share| share.as_ref()[len - 1]).collect();
    let mut taken = [false; 256];
    for &x in &places {
        if x == 0 {
            return Err(CombineError::Malformed);
        }
        if std::mem::replace(&mut taken[usize::from(x)], true) {
            return Err(CombineError::Duplicate);
        }
    }
    let mut secret = Zeroizing::new(vec![0; len - 1]);
    for (share, &x) in shares.iter().zip(&places) {
        // The Lagrange polynomial that is 1 at x and 0 at the other places, at 0. Subtraction is addition is exclusive or.
        let weight = places.iter().filter(|&&other| other != x).fold(1, |weight, &other| {
            let quotient = multiply(other, invert(other ^ x));
            multiply(weight, quotient)
        });
        for (byte, value) in secret.iter_mut().zip(share.as_ref()) {
            *byte ^= multiply(*value, weight);
        }
    }
    Ok(secret)
}

/// The product in the field.
fn multiply(a: u8, b: u8) -> u8 {
    (0..8).rev().fold(0, |product: u8, bit| {
        let carry = (product >> 7).wrapping_neg() & 0x1b;
        let addend = (b >> bit & 1).wrapping_neg() & a;
        (product << 1) ^ carry ^ addend
    })
}

/// The inverse in the field: the 254th power (2 + 4 + ... + 128).
fn invert(a: u8) -> u8 {
    let mut square = a;
    (0..7).fold(1, |power, _| {
        square = multiply(square, square);
        multiply(power, square)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = *b"the data key of a file, 32 bytes";

    #[test]
    fn the_field_is_the_one_of_aes() {
        // FIPS 197, sections 4.2 and 4.2.1.
        assert_eq!(multiply(0x57, 0x83), 0xc1);
        assert_eq!(multiply(0x57, 0x13), 0xfe);
        assert!((1..=255).all(|a| multiply(a, invert(a)) == 1));
        assert!((0..=255).all(|a| multiply(a, 1) == a && multiply(a, 0) == 0));
    }

    #[test]
    fn shares_end_with_the_number_of_their_group() {
        let shares = split(&SECRET, 3, 2).unwrap();
        assert_eq!(shares.iter().map(|share| (share.len(), share[32])).collect::<Vec<_>>(), [(33, 1), (33, 2), (33, 3)]);
    }

    #[test]
    fn any_threshold_of_shares_gives_the_secret_and_fewer_do_not() {
        let shares = split(&SECRET, 5, 3).unwrap();
        for chosen in 0u32..32 {
            let chosen: Vec<_> = (0..5).filter(|i| chosen >> i & 1 == 1).rev().map(|i| shares[i].as_slice()).collect();
            match chosen.len() {
                0 | 1 => assert_eq!(combine(&chosen), Err(CombineError::TooFew)),
                2 => assert_ne!(**combine(&chosen).unwrap(), SECRET),
                _ => assert_eq!(**combine(&chosen).unwrap(), SECRET),
            }
        }
    }

    #[test]
    fn the_limits_of_the_field_work() {
        let shares = split(&SECRET, 255, 255).unwrap();
        assert_eq!(**combine(&shares).unwrap(), SECRET);
        assert_ne!(**combine(&shares[1..]).unwrap(), SECRET);
    }

    /// f(x) = s + c x over one byte, by hand: s = 0x2a, c = 0x80; 0x80 * 2 = 0x1b.
    #[test]
    fn a_share_written_by_hand_is_combined() {
        assert_eq!(**combine(&[[0x2a ^ 0x80, 1], [0x2a ^ 0x1b, 2]]).unwrap(), [0x2a]);
        assert_eq!(**combine(&[[0x2a ^ 0x1b, 2], [0x2a ^ 0x80 ^ 0x1b, 3]]).unwrap(), [0x2a]);
    }

    #[test]
    fn impossible_splits_are_refused() {
        assert_eq!(split(&SECRET, 2, 3), Err(SplitError::ThresholdAboveParts { parts: 2, threshold: 3 }));
        assert_eq!(split(&SECRET, 3, 1), Err(SplitError::ThresholdTooSmall));
        assert_eq!(split(&SECRET, 0, 0), Err(SplitError::ThresholdTooSmall));
        assert_eq!(split(&SECRET, 256, 2), Err(SplitError::TooManyParts(256)));
    }

    #[test]
    fn damaged_shares_are_refused() {
        assert_eq!(combine(&[vec![1, 1], vec![1, 2, 3]]), Err(CombineError::Malformed));
        assert_eq!(combine(&[[1], [2]]), Err(CombineError::Malformed));
        assert_eq!(combine(&[[1, 0], [2, 1]]), Err(CombineError::Malformed));
        assert_eq!(combine(&[[1, 7], [2, 7]]), Err(CombineError::Duplicate));
        assert_eq!(combine(&[] as &[Vec<u8>]), Err(CombineError::TooFew));
    }
}
