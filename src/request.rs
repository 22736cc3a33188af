//! The check that every request passes before anybody looks at it, and the value that says it passed.
//!
//! hyper refuses much by itself; what it lets through (CONNECT, TRACE, two or no Host fields, odd
//! Transfer-Encodings, targets with an authority but no scheme) is refused here. A [`Checked`] can only be made
//! by [`check`], and the upstream client takes nothing else, so what goes up is what was judged (R1, R6).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, StatusCode, Version};

use crate::target::{NotATarget, Target};

/// A request head that a strict reader of RFC 9112 and RFC 9113 takes in one way only.
///
/// Its fields hold no hop-by-hop field, no Host, no framing field and no identity header: whoever writes it to an
/// upstream adds those anew.
#[derive(Debug)]
pub struct Checked {
    method: Method,
    target: Target,
    authority: HeaderValue,
    fields: HeaderMap,
    framing: Framing,
    websocket: bool,
    closing: bool,
    expects_continue: bool,
}

/// How long the body is, as far as the head tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Empty,
    /// So many bytes.
    Length(u64),
    /// Until the last chunk, or the end of the HTTP/2 stream.
    Chunked,
}

/// Why a request is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Its target cannot be read.
    #[error("the target cannot be read: {0}")]
    Target(NotATarget),
    /// CONNECT or TRACE (R3).
    #[error("this method is never forwarded")]
    Method,
    /// More than [`MAX_FIELDS`] fields or [`MAX_HEAD`] bytes (A1).
    #[error("the head is too large")]
    TooLarge,
    /// An Expect other than `100-continue` (RFC 9110 section 10.1.1).
    #[error("this expectation cannot be met")]
    Expectation,
    /// Two readers could read it differently; the text says where.
    #[error("{0}")]
    Ambiguous(&'static str),
}

/// The most fields a head may have (A1).
pub const MAX_FIELDS: usize = 100;

/// The most bytes that the names and values of a head may have together (A1).
pub const MAX_HEAD: usize = 32 * 1024;

impl Malformed {
    /// The status a client is answered with.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::Target(_) | Self::Ambiguous(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Checks a head that hyper has parsed; `ended` says that the body is known to be empty (HTTP/2's `END_STREAM`).
///
/// # Errors
/// [`Malformed`]: what is to be refused, with the connection closed after the answer.
pub fn check(parts: Parts, ended: bool) -> Result<Checked, Malformed> {
    let Parts {
        method,
        uri,
        version,
        headers: mut fields,
        ..
    } = parts;
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(Malformed::Method);
    }
    let two = version == Version::HTTP_2;
    let seen = Seen::read(&fields, version)?;
    let authority = authority(&uri, &fields, &seen, two)?;
    let path = uri
        .into_parts()
        .path_and_query
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    if path.as_str() == "*" && method != Method::OPTIONS {
        return Err(Malformed::Ambiguous("the target * belongs to OPTIONS"));
    }
    let target = Target::parse(path).map_err(Malformed::Target)?;
    let framing = match (seen.chunked, seen.length) {
        (true, Some(_)) => {
            return Err(Malformed::Ambiguous(
                "both Content-Length and Transfer-Encoding",
            ));
        }
        (true, None) => Framing::Chunked,
        (false, Some(0)) => Framing::Empty,
        (false, Some(length)) => Framing::Length(length),
        (false, None) if two && !ended => Framing::Chunked,
        (false, None) => Framing::Empty,
    };
    let websocket = seen.upgrades_to_websocket && !two;
    if websocket {
        check_websocket(&method, version, framing, &fields)?;
    }
    if seen.connection || seen.hop_by_hop {
        drop_hop_by_hop(&mut fields, !seen.hop_by_hop)?;
    }
    // Host and framing are written anew from what was checked, never copied.
    fields.remove(header::HOST);
    if seen.length.is_some() || seen.chunked {
        fields.remove(header::CONTENT_LENGTH);
        fields.remove(header::TRANSFER_ENCODING);
    }
    if seen.identity {
        let names: Vec<HeaderName> = fields
            .keys()
            .filter(|name| is_identity(name.as_str()))
            .cloned()
            .collect();
        for name in names {
            fields.remove(name);
        }
    }
    // hyper has already dropped a Content-Length that came after the Transfer-Encoding, so it cannot be seen here:
    // RFC 9112 section 6.1 then wants the connection closed, and so every chunked request over HTTP/1 closes.
    let closing = seen.chunked && !two;
    Ok(Checked {
        method,
        target,
        authority,
        fields,
        framing,
        websocket,
        closing,
        expects_continue: seen.expects,
    })
}

impl Checked {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The target as received.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Host, or HTTP/2's `:authority`, as the client wrote it.
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// The fields that may go on.
    pub fn fields(&self) -> &HeaderMap {
        &self.fields
    }

    /// A field's value, if it is there once and readable as ASCII.
    pub fn field(&self, name: impl header::AsHeaderName) -> Option<&str> {
        let mut all = self.fields.get_all(name).iter();
        match (all.next(), all.next()) {
            (Some(only), None) => only.to_str().ok(),
            _ => None,
        }
    }

    /// How long the body is.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether it asks, correctly, for a WebSocket (R9).
    pub fn websocket(&self) -> bool {
        self.websocket
    }

    /// Whether the connection must be closed after the answer.
    pub fn closing(&self) -> bool {
        self.closing
    }

    /// Whether the client waits for a 100 before it sends its body: reading the body would send one.
    pub fn expects_continue(&self) -> bool {
        self.expects_continue
    }

    /// Whether the method may change something (RFC 9110 section 9.2.1).
    pub fn unsafe_method(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS)
    }

    /// Takes the checked parts out, to be written to an upstream.
    pub fn into_parts(self) -> (Method, Target, HeaderMap, Framing) {
        (self.method, self.target, self.fields, self.framing)
    }

    /// The same request by another method and with another body, for a held request that is replayed once.
    ///
    /// Only what describes the body changes place; everything was checked when it came in.
    #[must_use]
    pub fn replaying(self, method: Method, content_type: Option<HeaderValue>, length: u64) -> Self {
        let mut fields = self.fields;
        // Conditions and ranges were meant for the GET that brought the visitor back.
        for name in [
            header::RANGE,
            header::IF_RANGE,
            header::IF_NONE_MATCH,
            header::IF_MODIFIED_SINCE,
        ] {
            fields.remove(name);
        }
        if let Some(kind) = content_type {
            fields.insert(header::CONTENT_TYPE, kind);
        }
        let framing = if length == 0 {
            Framing::Empty
        } else {
            Framing::Length(length)
        };
        Self {
            method,
            fields,
            framing,
            websocket: false,
            ..self
        }
    }
}

/// What one walk over the fields finds.
#[derive(Default)]
struct Seen {
    hosts: usize,
    length: Option<u64>,
    chunked: bool,
    connection: bool,
    hop_by_hop: bool,
    identity: bool,
    expects: bool,
    upgrades_to_websocket: bool,
}

impl Seen {
    fn read(fields: &HeaderMap, version: Version) -> Result<Self, Malformed> {
        let mut seen = Self::default();
        if fields.len() > MAX_FIELDS {
            return Err(Malformed::TooLarge);
        }
        let (mut bytes, mut codings, mut upgrades, mut upgrade_named) = (0, 0, 0, false);
        for (name, value) in fields {
            let name = name.as_str();
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
                _ if name.contains('_') && is_framing(&name.replace('_', "-")) => {
                    return Err(Malformed::Ambiguous(
                        "a field that looks like a framing field",
                    ));
                }
                _ if is_identity(name) => seen.identity = true,
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

/// Host and the target's own authority, which must agree (R3, R6, R11).
fn authority(
    uri: &http::Uri,
    fields: &HeaderMap,
    seen: &Seen,
    two: bool,
) -> Result<HeaderValue, Malformed> {
    let host = match seen.hosts {
        0 => None,
        1 => fields.get(header::HOST),
        _ => return Err(Malformed::Ambiguous("more than one Host")),
    };
    let Some(named) = uri.authority() else {
        return host
            .filter(|host| !host.is_empty())
            .cloned()
            .ok_or(Malformed::Ambiguous("no Host"));
    };
    if uri.scheme().is_none() {
        return Err(Malformed::Ambiguous(
            "a target with an authority but no scheme",
        ));
    }
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(Malformed::Ambiguous(
            "a target with another scheme than http or https",
        ));
    }
    if named.as_str().contains('@') {
        return Err(Malformed::Ambiguous("user information in the target"));
    }
    match host {
        Some(host)
            if host
                .as_bytes()
                .eq_ignore_ascii_case(named.as_str().as_bytes()) =>
        {
            Ok(host.clone())
        }
        Some(_) => Err(Malformed::Ambiguous(
            "the target's authority is not the Host",
        )),
        // RFC 9112 section 3.2: an HTTP/1.1 request has a Host even with a target in absolute form.
        None if !two => Err(Malformed::Ambiguous("no Host")),
        None => HeaderValue::from_str(named.as_str()).map_err(|_| Malformed::Ambiguous("no Host")),
    }
}

/// RFC 6455 section 4.2.1: GET, HTTP/1.1, version 13, a key of 16 bytes in base64.
fn check_websocket(
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
fn drop_hop_by_hop(fields: &mut HeaderMap, only_connection: bool) -> Result<(), Malformed> {
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

fn is_framing(name: &str) -> bool {
    matches!(
        name,
        "content-length"
            | "transfer-encoding"
            | "host"
            | "connection"
            | "upgrade"
            | "te"
            | "trailer"
    )
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

/// Names by which an application could be told who the visitor is (R10), compared with `_` as `-`.
fn is_identity(name: &str) -> bool {
    // Every name that can match begins with one of these letters: the common fields leave here.
    if !matches!(name.as_bytes().first(), Some(b'x' | b'r' | b's' | b'f')) {
        return false;
    }
    let folded;
    let name = if name.contains('_') {
        folded = name.replace('_', "-");
        folded.as_str()
    } else {
        name
    };
    matches!(
        name,
        "remote-user" | "forwarded" | "x-remote-user" | "x-real-ip" | "x-webauth-user"
    ) || [
        "x-forwarded-",
        "x-countersign-",
        "x-auth-request-",
        "ssl-client-",
        "x-ssl-",
    ]
    .iter()
    .any(|p| name.starts_with(p))
}

#[cfg(test)]
mod tests;
