//! Owns the texts of timestamps: what sops (Go's `time`) writes and what it reads back.
//!
//! Rules: `docs/format.md`, "Types". Pure; uses nothing of the crate.

/// Reads a timestamp as sops does on decrypt (RFC 3339 as Go's `time.Parse` takes it: one-digit hours, a comma before the
/// fraction and more than nine digits in it are fine) and gives its canonical text: nanoseconds as needed, zone kept, `Z` for no offset.
///
/// `None` for everything else, and for what sops cannot write again: an offset of 24 hours or more.
pub fn rfc3339(text: &[u8]) -> Option<String> {
    let mut rest = text;
    let date = date(&mut rest, 2)?;
    symbol(&mut rest, b'T')?;
    let time = time(&mut rest, 2)?;
    let offset = offset(&mut rest)?;
    if !rest.is_empty() {
        return None;
    }
    written(date, time, offset)
}

/// What a plain YAML scalar is, looked at as a timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum YamlTime {
    /// A timestamp, with its canonical text.
    Time(String),
    /// A timestamp that sops reads and cannot write: its offset is 24 hours or more.
    Unwritable,
    /// Something else.
    No,
}

/// Reads a timestamp as YAML readers of sops (go-yaml) do: a date alone, date and time with a zone, or with a blank between and
/// without a zone; one-digit months, days, hours, minutes and seconds are fine.
pub fn yaml(text: &[u8]) -> YamlTime {
    // Most scalars that start with a digit leave here.
    if text.len() < 8 || text[4] != b'-' || !text[..4].iter().all(u8::is_ascii_digit) {
        return YamlTime::No;
    }
    let mut rest = text;
    let Some(date) = date(&mut rest, 1) else {
        return YamlTime::No;
    };
    if rest.is_empty() {
        return written(date, Clock::default(), 0).map_or(YamlTime::No, YamlTime::Time);
    }
    let read = match rest[0] {
        b'T' | b't' => {
            rest = &rest[1..];
            time(&mut rest, 1).and_then(|time| Some((time, offset(&mut rest)?)))
        }
        b' ' => {
            let blanks = rest.iter().take_while(|&&c| c == b' ').count();
            rest = &rest[blanks..];
            time(&mut rest, 1).map(|time| (time, 0))
        }
        _ => None,
    };
    match read {
        Some((time, offset)) if rest.is_empty() => written(date, time, offset).map_or(YamlTime::Unwritable, YamlTime::Time),
        _ => YamlTime::No,
    }
}

/// The canonical text without its fraction of a second, which sops drops in dotenv and INI.
pub fn without_fraction(canonical: &str) -> String {
    match canonical.split_once('.') {
        None => canonical.to_owned(),
        Some((head, tail)) => format!("{head}{}", tail.trim_start_matches(|c: char| c.is_ascii_digit())),
    }
}

/// Year, month, day.
type Date = (u32, u32, u32);

#[derive(Clone, Copy, Default)]
struct Clock {
    hour: u32,
    minute: u32,
    second: u32,
    nanosecond: u32,
}

/// `None` if the offset, in minutes, has no writable text.
fn written((year, month, day): Date, clock: Clock, offset: i32) -> Option<String> {
    let Clock { hour, minute, second, nanosecond } = clock;
    let mut out = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if nanosecond != 0 {
        let fraction = format!("{nanosecond:09}");
        out.push('.');
        out.push_str(fraction.trim_end_matches('0'));
    }
    if offset == 0 {
        out.push('Z');
    } else {
        let size = offset.unsigned_abs();
        if size >= 24 * 60 {
            return None;
        }
        out.push(if offset < 0 { '-' } else { '+' });
        out.push_str(&format!("{:02}:{:02}", size / 60, size % 60));
    }
    Some(out)
}

/// A valid day of the calendar; months and days have two digits, or at least as many as said.
fn date(rest: &mut &[u8], least: usize) -> Option<Date> {
    let year = number(rest, 4, 4)?;
    symbol(rest, b'-')?;
    let month = number(rest, least, 2)?;
    symbol(rest, b'-')?;
    let day = number(rest, least, 2)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=days).contains(&day).then_some((year, month, day))
}

/// Hours, minutes, seconds, and a fraction of any length after a point or comma. Hours may have one digit, minutes and seconds as
/// few as said.
fn time(rest: &mut &[u8], least: usize) -> Option<Clock> {
    let hour = number(rest, 1, 2)?;
    symbol(rest, b':')?;
    let minute = number(rest, least, 2)?;
    symbol(rest, b':')?;
    let second = number(rest, least, 2)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut nanosecond = 0;
    if let [b'.' | b',', b'0'..=b'9', ..] = rest {
        let digits = rest[1..].iter().take_while(|c| c.is_ascii_digit()).count();
        for place in 1..=9 {
            nanosecond = nanosecond * 10 + if place <= digits { u32::from(rest[place] - b'0') } else { 0 };
        }
        *rest = &rest[1 + digits..];
    }
    Some(Clock { hour, minute, second, nanosecond })
}

/// The offset in minutes: `Z`, or a sign and `hh:mm`. Go lets 24 hours and 60 minutes pass.
fn offset(rest: &mut &[u8]) -> Option<i32> {
    if let [b'Z', tail @ ..] = rest {
        *rest = tail;
        return Some(0);
    }
    let sign = match rest.first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return None,
    };
    *rest = &rest[1..];
    let hours = number(rest, 2, 2)?;
    symbol(rest, b':')?;
    let minutes = number(rest, 2, 2)?;
    (hours <= 24 && minutes <= 60).then(|| sign * (hours * 60 + minutes) as i32)
}

/// A number of `least` to `most` digits, as many as there are.
fn number(rest: &mut &[u8], least: usize, most: usize) -> Option<u32> {
    let digits = rest.iter().take(most).take_while(|c| c.is_ascii_digit()).count();
    if digits < least {
        return None;
    }
    let value = rest[..digits].iter().fold(0, |sum, c| sum * 10 + u32::from(c - b'0'));
    *rest = &rest[digits..];
    Some(value)
}

fn symbol(rest: &mut &[u8], wanted: u8) -> Option<()> {
    let (&first, tail) = rest.split_first()?;
    *rest = tail;
    (first == wanted).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_times_are_read_as_go_reads_them() {
        for (text, canonical) in [
            ("2024-01-02T03:04:05Z", Some("2024-01-02T03:04:05Z")),
            ("2024-01-02T03:04:05.500Z", Some("2024-01-02T03:04:05.5Z")),
            ("2024-01-02T03:04:05,5Z", Some("2024-01-02T03:04:05.5Z")),
            ("2024-01-02T03:04:05.1234567899Z", Some("2024-01-02T03:04:05.123456789Z")),
            ("2024-01-02T3:04:05+00:00", Some("2024-01-02T03:04:05Z")),
            ("2024-01-02T03:04:05-07:30", Some("2024-01-02T03:04:05-07:30")),
            ("2024-01-02T03:04:05+22:60", Some("2024-01-02T03:04:05+23:00")),
            ("0000-02-29T00:00:00Z", Some("0000-02-29T00:00:00Z")),
            ("2024-01-02T03:04:05+24:00", None),
            ("2024-01-02T03:04:05+25:00", None),
            ("2024-01-02", None),
            ("2024-1-02T03:04:05Z", None),
            ("2024-01-02T03:4:05Z", None),
            ("2024-01-02t03:04:05Z", None),
            ("2024-01-02T03:04:05", None),
            ("2024-01-02T24:04:05Z", None),
            ("2024-01-02T03:04:60Z", None),
            ("2023-02-29T03:04:05Z", None),
            ("2024-01-02T03:04:05.Z", None),
            ("2024-01-02T03:04:05Z ", None),
            ("", None),
        ] {
            assert_eq!(rfc3339(text.as_bytes()).as_deref(), canonical, "{text}");
        }
    }

    #[test]
    fn yaml_knows_four_shapes_of_time() {
        for (text, canonical) in [
            ("2024-01-02", "2024-01-02T00:00:00Z"),
            ("2024-1-2", "2024-01-02T00:00:00Z"),
            ("2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00"),
            ("2024-1-2T3:4:5Z", "2024-01-02T03:04:05Z"),
            ("2024-01-02 03:04:05", "2024-01-02T03:04:05Z"),
            ("2024-01-02   3:4:5,25", "2024-01-02T03:04:05.25Z"),
        ] {
            assert_eq!(yaml(text.as_bytes()), YamlTime::Time(canonical.to_owned()), "{text}");
        }
        for text in [
            "2024-01-02t03:04:05z",
            "2024-01-02T03:04:05",
            "2024-01-02 03:04:05Z",
            "2024-01-02 03:04:05 +2",
            "2024-13-01",
            "2024-02-30",
            "2024-01",
            "2024-01-02x",
            "12024-01-02",
        ] {
            assert_eq!(yaml(text.as_bytes()), YamlTime::No, "{text}");
        }
        assert_eq!(yaml(b"2024-01-02T03:04:05+24:00"), YamlTime::Unwritable);
    }

    #[test]
    fn flat_formats_drop_the_fraction() {
        assert_eq!(without_fraction("2024-01-02T03:04:05.25+02:00"), "2024-01-02T03:04:05+02:00");
        assert_eq!(without_fraction("2024-01-02T03:04:05Z"), "2024-01-02T03:04:05Z");
    }
}
