//! From when and until when a certificate is good: the one thing in it that the TLS library does not tell.

use std::ops::RangeInclusive;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Seconds since 1970 of `notBefore` and `notAfter` (RFC 5280 section 4.1.2.5) of a certificate in DER. `None` if it is
/// none: whoever uses it as one says so.
pub(super) fn of(certificate: &[u8]) -> Option<RangeInclusive<u64>> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    // version [0], missing in version 1; serialNumber, signature and issuer follow it.
    if let Some((_, after)) = element(rest, VERSION) {
        rest = after;
    }
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        rest = element(rest, tag)?.1;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    let (from, rest) = time(validity)?;
    let (until, _) = time(rest)?;
    Some(from..=until)
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The content of the first element, which has this tag, and what follows it (X.690 section 8.1).
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        // No certificate has more than three bytes of length: TLS could not carry it.
        let bytes = usize::from(first & 0x7f);
        let (length, rest) = rest.split_at_checked(bytes).filter(|_| bytes <= 3)?;
        let join = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        (length.iter().fold(0, join), rest)
    };
    rest.split_at_checked(length)
}

/// `YYMMDDHHMMSSZ` from 1950 to 2049, `YYYYMMDDHHMMSSZ` after; nothing else is allowed in a certificate.
fn time(der: &[u8]) -> Option<(u64, &[u8])> {
    let short = element(der, UTC_TIME);
    let (text, rest) = short.or_else(|| element(der, GENERALIZED_TIME))?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let (year, text) = text.split_at_checked(if short.is_some() { 2 } else { 4 })?;
    if !digits || text.len() != 10 {
        return None;
    }
    let year: i16 = year.parse().ok()?;
    let year = match (short.is_some(), year) {
        (true, 50..) => 1900 + year,
        (true, _) => 2000 + year,
        (false, _) => year,
    };
    let part = |at: usize| text[at..at + 2].parse::<i8>().ok();
    let (month, day) = (part(0)?, part(2)?);
    let (hour, minute, second) = (part(4)?, part(6)?, part(8)?);
    let time = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let time = time.to_zoned(TimeZone::UTC).ok()?.timestamp();
    // What began before 1970 has begun.
    Some((time.as_second().try_into().unwrap_or(0), rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn der(from: (i32, u8, u8), until: (i32, u8, u8)) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(until.0, until.1, until.2);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn both_ends_are_read_in_both_spellings() {
        for (from, until, seconds) in [
            ((2026, 1, 2), (2026, 12, 31), 1_767_312_000..=1_798_675_200),
            // From 2050 on times are written otherwise.
            ((1999, 12, 31), (2050, 1, 1), 946_598_400..=2_524_608_000),
            ((1960, 1, 1), (2100, 3, 1), 0..=4_107_542_400),
        ] {
            assert_eq!(of(&der(from, until)), Some(seconds));
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_validity_and_harms_nobody() {
        let whole = der((2026, 1, 2), (2026, 12, 31));
        for end in 0..whole.len() {
            assert_eq!(of(&whole[..end]), None, "cut at {end}");
        }
        for at in 0..whole.len() {
            for value in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut bent = whole.clone();
                bent[at] = value;
                let _ = of(&bent);
            }
        }
    }
}
