//! Every name that some server could find in a multipart form, whatever else it would make of it.
//!
//! A name too many costs a refusal, a name too few lets a credential pass: where servers differ, all of it is in the list.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memmem;
use percent_encoding::percent_decode;

/// Names of parts that any server could find in a body, or in as much of it as was read; wide where
/// [`fields`](super::fields) is strict.
///
/// A content type that does not speak of multipart has none. Names are found as ASCII or with NULs between (UTF-16); a
/// form whose charset turns other bytes into ASCII (EBCDIC, UTF-7) is for the caller to refuse.
pub(in crate::login) fn names(content_type: Option<&str>, body: &[u8]) -> Vec<Vec<u8>> {
    let mut found = BTreeSet::new();
    if content_type.is_none_or(|text| text.to_ascii_lowercase().contains("multipart")) {
        collect(body, &mut found);
        if body.contains(&0) {
            let without: Vec<u8> = body.iter().copied().filter(|&b| b != 0).collect();
            collect(&without, &mut found);
        }
        // Node's busboy takes a delimiter within a head out of it and reads on.
        if let Some(delimiter) = content_type.and_then(delimiter) {
            let mut without = Vec::with_capacity(body.len());
            let mut rest = 0;
            for at in memmem::find_iter(body, &delimiter) {
                without.extend_from_slice(&body[rest..at]);
                rest = at + delimiter.len();
            }
            without.extend_from_slice(&body[rest..]);
            collect(&without, &mut found);
        }
    }
    found.into_iter().collect()
}

fn delimiter(content_type: &str) -> Option<Vec<u8>> {
    let at = content_type.to_ascii_lowercase().find("boundary=")?;
    let value = &content_type.as_bytes()[at + "boundary=".len()..];
    let boundary = match value.strip_prefix(b"\"") {
        Some(inner) => unescaped(inner, b'"'),
        None => value[..until(value, |b| is_odd(b) || b == b';')].to_vec(),
    };
    Some([b"\r\n--", &boundary[..]].concat())
}

fn collect(body: &[u8], found: &mut BTreeSet<Vec<u8>>) {
    let lower = body.to_ascii_lowercase();
    let mut at = 0;
    while let Some(start) = memmem::find(&lower[at..], b"content-disposition") {
        // The head goes on until its end for those who take the least for one.
        let head = &body[at + start..];
        let end = memmem::find(head, b"\r\n\r\n").unwrap_or(head.len());
        for reading in readings(&head[..end]) {
            scan(&reading, found);
        }
        at += start + end;
    }
    // Rack takes it where there is no name.
    for line in body.split(|&b| is_break(b)) {
        if let Some(at) = memmem::find(&line.to_ascii_lowercase(), CONTENT_ID) {
            add(&line[at + CONTENT_ID.len()..], found);
        }
    }
}

const CONTENT_ID: &[u8] = b"content-id:";

/// A head as it stands, and with its lines joined as PHP does it, by a blank (RFC 9112 section 5.2) and by nothing.
fn readings(head: &[u8]) -> Vec<Vec<u8>> {
    let mut readings = vec![head.to_vec()];
    if head.iter().copied().any(is_break) {
        readings.extend([as_php(head), unfolded(head, b" "), unfolded(head, b"")]);
    }
    readings
}

/// PHP adds a line to the one before as it is, if it begins with a blank or has no colon.
fn as_php(head: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(head.len());
    for line in head.split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let begins_with_blank = line.first().is_some_and(|b| b" \t\r\x0b\x0c".contains(b));
        if line.is_empty() || line.contains(&b':') && !begins_with_blank {
            whole.push(b'\n');
        }
        whole.extend_from_slice(line);
    }
    whole
}

fn unfolded(head: &[u8], between: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(head.len());
    for line in head.split(|&b| is_break(b)).filter(|line| !line.is_empty()) {
        let rest = line.trim_ascii_start();
        whole.extend_from_slice(if rest.len() < line.len() {
            between
        } else {
            b"\n"
        });
        whole.extend_from_slice(rest);
    }
    whole
}

/// Finds what could be the value of a parameter `name`, `name*` or `name*0*`.
///
/// Linear, although every value is taken in several ways: values of one way do not overlap.
fn scan(text: &[u8], found: &mut BTreeSet<Vec<u8>>) {
    let lower = text.to_ascii_lowercase();
    let mut piece_end = 0;
    let mut sections: Vec<(u32, &[u8])> = Vec::new();
    for at in memmem::find_iter(&lower, b"name") {
        let rest = &text[at + 4..];
        let gap = until(rest, |b| !(is_odd(b) || b == b'*' || b.is_ascii_digit()));
        let begins_a_word = at == 0 || is_edge(text[at - 1]);
        if !begins_a_word || rest.get(gap) != Some(&b'=') {
            continue;
        }
        let given = &rest[gap..];
        let given = &given[until(given, |b| b != b'=')..]; // PHP skips them all
        let value = &given[until(given, |b| !is_odd(b))..];
        let mut best = &value[..until(value, is_edge)];
        add(best, found);
        add(&best[..until(best, |b| b == b'=')], found);
        let start = text.len() - given.len();
        if start >= piece_end {
            let piece = &given[..until(given, |b| b == b';')];
            piece_end = start + piece.len();
            best = &piece[..until(piece, is_break)];
            add(best, found);
            let bare: Vec<u8> = best
                .iter()
                .copied()
                .filter(|b| !b"\"'\\".contains(b))
                .collect();
            add(&bare, found);
        }
        if let Some(&quote) = value.first().filter(|first| b"\"'".contains(first)) {
            let inner = &value[1..];
            best = &inner[..until(inner, |b| b == quote)];
            add(best, found);
            add(&unescaped(inner, quote), found);
        }
        let digits: String = rest[..gap]
            .iter()
            .filter(|b| b.is_ascii_digit())
            .map(|&b| char::from(b))
            .collect();
        if !digits.is_empty() {
            sections.push((digits.parse().unwrap_or(u32::MAX), best));
        }
    }
    // RFC 2231 section 3, in the order of the numbers or as they come.
    let whole = |sections: &[(u32, &[u8])]| {
        sections
            .iter()
            .flat_map(|(_, text)| *text)
            .copied()
            .collect::<Vec<u8>>()
    };
    add(&whole(&sections), found);
    sections.sort_by_key(|(number, _)| *number);
    add(&whole(&sections), found);
}

/// Text in quotes up to the first one that no backslash stands before, without the backslashes.
fn unescaped(text: &[u8], quote: u8) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next().filter(|&b| b != quote) {
        plain.push(if byte == b'\\' {
            bytes.next().unwrap_or(byte)
        } else {
            byte
        });
    }
    plain
}

/// A name, and what decoding makes of it.
fn add(name: &[u8], found: &mut BTreeSet<Vec<u8>>) {
    if name.is_empty() {
        return;
    }
    let mut put = |name: &[u8]| {
        found.insert(name.to_vec());
        found.insert(name.trim_ascii().to_vec());
    };
    put(name);
    if memmem::find(name, b"=?").is_some() {
        put(&decoded_words(name));
    }
    // RFC 2231 section 4: charset'language'text.
    let text = name.splitn(3, |&b| b == b'\'').nth(2).unwrap_or(name);
    put(text);
    if text.contains(&b'%') {
        put(&percent_decode(text).collect::<Vec<u8>>());
    }
}

/// RFC 2047 words in the place of their text; a charset is taken for a superset of ASCII, but for NULs.
fn decoded_words(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = text;
    while let Some(start) = memmem::find(rest, b"=?") {
        let mut parts = rest[start + 2..].splitn(4, |&b| b == b'?');
        let (Some(_charset), Some(encoding), Some(word), Some(end)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            break;
        };
        plain.extend_from_slice(rest[..start].trim_ascii());
        let decoded = if encoding.eq_ignore_ascii_case(b"b") {
            from_base64(word)
        } else {
            from_q(word)
        };
        plain.extend(decoded.into_iter().filter(|&b| b != 0));
        rest = end.strip_prefix(b"=").unwrap_or(end);
    }
    plain.extend_from_slice(rest);
    plain
}

fn from_base64(word: &[u8]) -> Vec<u8> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let letters: Vec<u8> = word
        .iter()
        .copied()
        .filter(|b| b.is_ascii_alphanumeric() || b"+/".contains(b))
        .collect();
    GeneralPurpose::new(&alphabet::STANDARD, config)
        .decode(letters)
        .unwrap_or_default()
}

/// The Q encoding of RFC 2047 section 4.2, read as percent escapes.
fn from_q(word: &[u8]) -> Vec<u8> {
    let escaped: Vec<u8> = word
        .iter()
        .map(|&b| match b {
            b'=' => b'%',
            b'_' => b' ',
            _ => b,
        })
        .collect();
    percent_decode(&escaped).collect()
}

fn until(text: &[u8], ends: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|&b| ends(b)).unwrap_or(text.len())
}

fn is_break(byte: u8) -> bool {
    byte == b'\r' || byte == b'\n'
}

/// Blanks, and whatever a library may take for one: Python strips the blanks of Unicode.
fn is_odd(byte: u8) -> bool {
    !(0x21..0x7f).contains(&byte)
}

/// What may stand before or behind a word: anything odd and the special characters of RFC 2045 section 5.1, but for `=`.
fn is_edge(byte: u8) -> bool {
    is_odd(byte) || b"()<>@,;:\\\"/[]?{}".contains(&byte)
}
