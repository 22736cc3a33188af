//! The fields of a head: what they say of the message, which of them end at this hop, and which nobody may send.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Version};

use super::claim::is_reserved;
use super::{Framing, MAX_FIELDS, MAX_HEAD, Malformed};

/// What one walk over the fields finds.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) hosts: usize,
    pub(super) length: Option<u64>,
    pub(super) chunked: bool,
    pub(super) connection: bool,
    pub(super) hop_by_hop: bool,
    pub(super) identity: bool,
    pub(super) overridden: bool,
    pub(super) expects: bool,
    pub(super) upgrades_to_websocket: bool,
}

impl Seen {
    pub(super) fn read(fields: &HeaderMap, version: Version) -> Result<Self, Malformed> {
        let mut seen = Self::default();
        if fields.len() > MAX_FIELDS {
            return Err(Malformed::TooLarge);
        }
        let (mut bytes, mut codings, mut upgrades, mut upgrade_named) = (0, 0, 0, false);
        for (name, value) in fields {
            let name = name.as_str();
            // Of all that is no token (RFC 9110 section 5.6.2), only this goes for a name with HTTP/2.
            if version == Version::HTTP_2 && name.as_bytes().contains(&b'"') {
                return Err(Malformed::Ambiguous("a quotation mark in a field name"));
            }
            bytes += name.len() + value.len() + 4;
            match name {
                "host" => seen.hosts += 1,
                "content-length" => {
                    let length = decimal(value.as_bytes())
                        .ok_or(Malformed::Ambiguous("Content-Length is no number"))?;
                    if seen.length.is_some_and(|other| other != length) {
                        return Err(Malformed::Ambiguous("two different Content-Lengths"));
                    }
                    seen.length = Some(length);
                }
                "transfer-encoding" => {
                    codings += 1;
                    if version != Version::HTTP_11
                        || codings > 1
                        || !value.as_bytes().eq_ignore_ascii_case(b"chunked")
                    {
                        return Err(Malformed::Ambiguous(
                            "a Transfer-Encoding other than one chunked",
                        ));
                    }
                    seen.chunked = true;
                }
                "connection" => {
                    seen.connection = true;
                    upgrade_named |=
                        tokens(value).any(|token| token.eq_ignore_ascii_case(b"upgrade"));
                }
                "upgrade" => {
                    seen.hop_by_hop = true;
                    upgrades += 1;
                    seen.upgrades_to_websocket =
                        value.as_bytes().eq_ignore_ascii_case(b"websocket");
                }
                "expect" => {
                    if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") {
                        return Err(Malformed::Expectation);
                    }
                    seen.expects = true;
                    seen.hop_by_hop = true;
                }
                _ if is_hop_by_hop(name) => seen.hop_by_hop = true,
                _ if frames_alike(name) => {
                    return Err(Malformed::Ambiguous(
                        "a field that looks like a framing field",
                    ));
                }
                _ if is_reserved(name) => seen.identity = true,
                _ if is_overriding(name) => seen.overridden = true,
                _ => {}
            }
        }
        seen.upgrades_to_websocket &= upgrade_named && upgrades == 1;
        if bytes > MAX_HEAD {
            Err(Malformed::TooLarge)
        } else {
            Ok(seen)
        }
    }
}

/// RFC 6455 section 4.2.1: GET, HTTP/1.1, version 13, a key of 16 bytes in base64.
pub(super) fn check_websocket(
    method: &Method,
    version: Version,
    framing: Framing,
    fields: &HeaderMap,
) -> Result<(), Malformed> {
    let one = |name: &str| {
        let mut all = fields.get_all(name).iter();
        all.next()
            .filter(|_| all.next().is_none())
            .map(HeaderValue::as_bytes)
    };
    let key = one("sec-websocket-key").unwrap_or_default();
    let key_fits = key.len() == 24
        && key.ends_with(b"==")
        && key[..22]
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
    let fits = method == Method::GET
        && version == Version::HTTP_11
        && framing == Framing::Empty
        && key_fits
        && one("sec-websocket-version") == Some(b"13");
    if fits {
        Ok(())
    } else {
        Err(Malformed::Ambiguous("a WebSocket handshake that is none"))
    }
}

/// Takes the hop-by-hop fields off, and those that Connection names (R8; RFC 9110 section 7.6.1).
pub(super) fn drop_hop_by_hop(
    fields: &mut HeaderMap,
    only_connection: bool,
) -> Result<(), Malformed> {
    let mut named = Vec::new();
    for value in fields.get_all(header::CONNECTION) {
        for token in tokens(value) {
            if [&b"keep-alive"[..], b"close", b"upgrade"]
                .iter()
                .any(|common| token.eq_ignore_ascii_case(common))
            {
                continue;
            }
            // What is no field name cannot name a field.
            let Ok(name) = HeaderName::from_bytes(token) else {
                continue;
            };
            if is_end_to_end(name.as_str()) {
                return Err(Malformed::Ambiguous(
                    "Connection names a field that must go on",
                ));
            }
            named.push(name);
        }
    }
    fields.remove(header::CONNECTION);
    if !only_connection {
        named.extend(
            fields
                .keys()
                .filter(|name| is_hop_by_hop(name.as_str()))
                .cloned(),
        );
    }
    for name in named {
        fields.remove(name);
    }
    Ok(())
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value
        .as_bytes()
        .split(|b| *b == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
}

fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    text.iter().try_fold(0_u64, |sum, b| {
        b.is_ascii_digit().then(|| sum * 10 + u64::from(b - b'0'))
    })
}

/// Fields that end at this hop, whatever Connection says (R8).
pub fn is_hop_by_hop(name: &str) -> bool {
    let listed = matches!(
        name,
        "connection"
            | "keep-alive"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "expect"
            | "proxy"
    );
    listed || name.starts_with("proxy-")
}

/// Names of fields that applications take for the method (R5), with any mark for a `-`, since CGI reads them all as `_`.
pub fn is_overriding(name: &str) -> bool {
    const NAMES: [&str; 3] = [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ];
    // Nearly every field leaves here.
    name.starts_with('x')
        && matches!(name.len(), 13 | 17 | 22)
        && NAMES.iter().any(|known| {
            let alike = |(a, b): (u8, u8)| a == b || (a == b'-' && !b.is_ascii_alphanumeric());
            known.len() == name.len() && known.bytes().zip(name.bytes()).all(alike)
        })
}

/// Whether an application could take a name, which is none of these, for one that frames (R6). lighttpd reads any mark as a
/// dash, and so did Apache before 2.4; CGI and what is like it read `_` so; marks at the ends are some reader's blanks.
fn frames_alike(name: &str) -> bool {
    const NAMES: [&str; 7] = [
        "content-length",
        "transfer-encoding",
        "host",
        "connection",
        "upgrade",
        "te",
        "trailer",
    ];
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    // Nearly every field leaves here, by its length or its first letter.
    NAMES.iter().any(|known| {
        let alike = |(a, b): (u8, u8)| a == b || (a == b'-' && !b.is_ascii_alphanumeric());
        known.len() == name.len() && known.bytes().zip(name.bytes()).all(alike)
    })
}

/// Fields that Connection must not take away: what is judged, what frames, and what this gateway sets (R8).
fn is_end_to_end(name: &str) -> bool {
    matches!(
        name,
        "host" | "cookie" | "authorization" | "origin" | "referer" | "forwarded" | "x-real-ip"
    ) || name.starts_with("content-")
        || name.starts_with("x-forwarded-")
        || name.starts_with("x-countersign-")
        || name.starts_with("sec-websocket-")
}
