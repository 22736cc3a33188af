//! When a cookie ends, in any of the ways in which servers have written it (RFC 6265 section 5.1.1).

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// Unix seconds of an Expires value; `None` if it is no date, and counts for nothing.
///
/// The order of day, month, year and time does not matter, nor what stands between them; a zone is not looked at.
pub(super) fn unix(text: &[u8]) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text
        .split(|&b| is_delimiter(b))
        .filter(|token| !token.is_empty())
    {
        // Each part is the first token that fits and is not another part yet.
        if time.is_none() && time_of(token).is_some() {
            time = time_of(token);
        } else if day.is_none() && number(token, 1..=2).is_some() {
            day = number(token, 1..=2);
        } else if month.is_none() && month_of(token).is_some() {
            month = month_of(token);
        } else if year.is_none() {
            year = number(token, 2..=4);
        }
    }
    let (hour, minute, second) = time?;
    let year = match year?.0 {
        year @ 0..=69 => year + 2000,
        year @ 70..=99 => year + 1900,
        year @ 1601.. => year,
        _ => return None,
    };
    let narrow = |number: i16| i8::try_from(number).ok();
    let date = DateTime::new(
        year,
        month?,
        narrow(day?.0)?,
        narrow(hour)?,
        narrow(minute)?,
        narrow(second)?,
        0,
    );
    let moment = TimeZone::UTC.to_timestamp(date.ok()?).ok()?;
    Some(moment.as_second())
}

/// `5:4:3`, and anything behind it that is no digit.
fn time_of(token: &[u8]) -> Option<(i16, i16, i16)> {
    let (hour, rest) = number(token, 1..=2)?;
    let (minute, rest) = number(rest.strip_prefix(b":")?, 1..=2)?;
    let (second, _) = number(rest.strip_prefix(b":")?, 1..=2)?;
    Some((hour, minute, second))
}

fn month_of(token: &[u8]) -> Option<i8> {
    let start = token.get(..3)?;
    let at = MONTHS
        .iter()
        .position(|month| start.eq_ignore_ascii_case(*month))?;
    i8::try_from(at + 1).ok()
}

/// So many digits at the start, and what follows, which is no digit.
fn number(text: &[u8], digits: std::ops::RangeInclusive<usize>) -> Option<(i16, &[u8])> {
    let count = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if !digits.contains(&count) {
        return None;
    }
    let (number, rest) = text.split_at(count);
    let value = number
        .iter()
        .fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0'));
    Some((value, rest))
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'/' | b';'..=b'@' | b'['..=b'`' | b'{'..=b'~')
}
