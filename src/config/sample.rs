//! Some request that a route means: what becomes of it can then be asked.

use std::fmt::Write;

use super::file::site::Route;
use crate::target::Target;

/// One of the texts that a pattern means: of braces the first choice, a word for a star.
pub fn some_of(pattern: &str) -> String {
    let mut text = pattern.to_owned();
    while let Some(end) = text.find('}') {
        let Some(start) = text[..end].rfind('{') else {
            break;
        };
        let choice = text[start + 1..end]
            .split(',')
            .next()
            .unwrap_or_default()
            .to_owned();
        text.replace_range(start..=end, &choice);
    }
    text.replace("**", "x").replace('*', "x")
}

/// A path and query that the route means, with the path taken from `pattern`.
pub(super) fn address(route: &Route, pattern: &str) -> String {
    let mut address = path(&some_of(pattern));
    for (index, (name, value)) in route.query.iter().enumerate() {
        address.push(if index == 0 { '?' } else { '&' });
        address.push_str(&in_query(name));
        address.push('=');
        address.push_str(&in_query(&some_of(value)));
    }
    address
}

fn in_query(text: &str) -> String {
    // RFC 3986 section 2.3: these stand for themselves everywhere.
    const ENCODED: percent_encoding::AsciiSet = percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    percent_encoding::utf8_percent_encode(text, &ENCODED).to_string()
}

/// The target of such an address; `None` if it can be read in too many ways to tell.
pub(super) fn target(address: &str) -> Option<Target> {
    Target::parse(address.parse().ok()?).ok()
}

/// A literal pattern as a browser asks for it: what is encoded in a pattern means the character itself.
pub(super) fn path(literal: &str) -> String {
    let decoded: Vec<u8> = percent_encoding::percent_decode_str(literal).collect();
    written(&decoded, b"%?#")
}

/// The text as a browser writes it in a path or query; what is encoded already stays so.
pub(super) fn visible(text: &str) -> String {
    written(text.as_bytes(), b"")
}

fn written(bytes: &[u8], special: &[u8]) -> String {
    let mut written = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_graphic() && !special.contains(byte) {
            written.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(written, "%{byte:02X}");
        }
    }
    written
}
