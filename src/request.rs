//! The check that every request passes before anybody looks at it, and the value that says it passed.
//!
//! hyper refuses much by itself; what it lets through (CONNECT, TRACE, two or no Host fields, odd
//! Transfer-Encodings, targets with an authority but no scheme) is refused here. A [`Checked`] can only be made
//! by [`check`], and the upstream client takes nothing else, so what goes up is what was judged (R1, R6).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, StatusCode, Version};

pub mod claim;
pub mod fields;

use crate::target::{NotATarget, Target};

use self::claim::is_reserved;
use self::fields::{Seen, check_websocket, drop_hop_by_hop};

/// A request head that a strict reader of RFC 9112 and RFC 9113 takes in one way only.
///
/// Its fields hold no hop-by-hop field, no Host, no framing field and no identity header: whoever writes it to an
/// upstream adds those anew. Nobody but [`check`] makes one, or changes what one says:
///
/// ```compile_fail
/// use countersign::request::{Checked, Framing};
///
/// fn longer(checked: Checked) -> Checked {
///     Checked { framing: Framing::Length(5), ..checked }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Checked {
    method: Method,
    target: Target,
    authority: HeaderValue,
    fields: HeaderMap,
    framing: Framing,
    websocket: bool,
    closing: bool,
    expects_continue: bool,
    overridden: bool,
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
    let path = match uri.into_parts().path_and_query {
        Some(path) => path,
        // RFC 9113 section 8.3.1. h2 lets it pass where there is no `:authority` either.
        None if two => return Err(Malformed::Ambiguous("no :path")),
        None => PathAndQuery::from_static("/"),
    };
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
            .filter(|name| is_reserved(name.as_str()))
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
        overridden: seen.overridden,
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

    /// Whether a field says another method than the own one to the application (R5).
    pub fn overridden(&self) -> bool {
        self.overridden
    }

    /// The fields, if one of them says another method.
    pub fn overriding(&self) -> Option<&HeaderMap> {
        self.overridden.then_some(&self.fields)
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

impl Checked {
    /// A GET of the gateway's own to `target`, as the browser that sent this request would send it, with these cookies.
    #[must_use]
    pub fn following(&self, target: Target, cookies: Option<HeaderValue>) -> Self {
        let mut fields = self.fields.clone();
        // Only what tells whose browser it is: a field that turns the request into another must not ride on ours.
        let described: Vec<HeaderName> = fields
            .keys()
            .filter(|name| {
                let name = name.as_str();
                !(matches!(
                    name,
                    "user-agent" | "accept" | "accept-language" | "referer"
                ) || name.starts_with("sec-"))
            })
            .cloned()
            .collect();
        for name in described {
            fields.remove(name);
        }
        if let Some(cookies) = cookies {
            fields.insert(header::COOKIE, cookies);
        }
        Self {
            method: Method::GET,
            target,
            authority: self.authority.clone(),
            fields,
            framing: Framing::Empty,
            websocket: false,
            closing: false,
            expects_continue: false,
            overridden: false,
        }
    }

    /// A POST of the gateway's own to `target`, of a form of that many bytes, from a page of `origin`.
    #[must_use]
    pub fn posting(
        &self,
        target: Target,
        cookies: Option<HeaderValue>,
        origin: Option<HeaderValue>,
        length: u64,
    ) -> Self {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let get = self.following(target, cookies);
        let mut posted = get.replaying(Method::POST, Some(form), length);
        if let Some(origin) = origin {
            posted.fields.insert(header::ORIGIN, origin);
        }
        posted
    }

    /// A GET of the gateway's own to `target` with this Authorization, and with nothing else of the visitor's.
    #[must_use]
    pub fn showing(&self, target: Target, authorization: HeaderValue) -> Self {
        let mut fields = HeaderMap::new();
        fields.insert(header::AUTHORIZATION, authorization);
        Self {
            method: Method::GET,
            target,
            authority: self.authority.clone(),
            fields,
            framing: Framing::Empty,
            websocket: false,
            closing: false,
            expects_continue: false,
            overridden: false,
        }
    }

    /// The same request with another Cookie field, or with none.
    #[must_use]
    pub fn with_cookies(mut self, cookies: Option<HeaderValue>) -> Self {
        self.set_cookies(cookies);
        self
    }

    /// Puts another Cookie field in the place of its own, or none.
    pub fn set_cookies(&mut self, cookies: Option<HeaderValue>) {
        self.fields.remove(header::COOKIE);
        if let Some(cookies) = cookies {
            self.fields.insert(header::COOKIE, cookies);
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

#[cfg(test)]
mod tests;
