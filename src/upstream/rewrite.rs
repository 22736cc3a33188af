//! Absolute addresses of the application in its pages, led to the public origin while the page streams.
//!
//! Only on sites with `rewrite`. What is no page, is packed, or is a part of something, passes as it is.

use std::sync::Arc;

use bytes::Bytes;
use encoding_rs::Encoding;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body::Body as _;

use super::Settings;
use super::body::Body;
use crate::capture::look;
use crate::site::Site;

mod stream;

use self::stream::{Needles, Stream};

/// What is rewritten in the pages of a site.
#[derive(Clone, Debug)]
pub(super) struct Rewrite {
    needles: Arc<Needles>,
}

/// A page on its way down.
pub(super) struct Rewriter {
    stream: Stream,
    ended: bool,
}

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
const DIGEST: HeaderName = HeaderName::from_static("digest");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

impl Rewrite {
    /// For a site before an application of these settings. None if there is nothing to do.
    pub(super) fn new(settings: &Settings, site: &Site) -> Option<Self> {
        let needles = Arc::new(Needles::new(&settings.rewrite, &site.origin)?);
        Some(Self { needles })
    }

    /// A page that comes packed cannot be read: what may be one is asked for as it is.
    pub(super) fn ask(request: &mut HeaderMap) {
        if may_be_page(request) {
            request.insert(
                header::ACCEPT_ENCODING,
                HeaderValue::from_static("identity"),
            );
        }
    }

    /// Rewrites the answer if it is a page that can be read; its body does the work as it runs.
    pub(super) fn begin(&self, response: &mut Response<Body>) {
        // The answer to a HEAD, 204 and 304 have no body; 206 has a part that fits to others only as it is.
        if response.body().is_end_stream()
            || response.status() == StatusCode::PARTIAL_CONTENT
            || !is_readable_page(response.headers())
        {
            return;
        }
        mend(response.headers_mut());
        response.body_mut().rewrite(Rewriter {
            stream: Stream::new(Arc::clone(&self.needles)),
            ended: false,
        });
    }
}

impl Rewriter {
    /// The next piece of the page; gives what can be told of it by now, which may be nothing.
    pub(super) fn push(&mut self, piece: Bytes) -> Bytes {
        self.stream.push(piece)
    }

    /// What was held back; once.
    pub(super) fn finish(&mut self) -> Option<Bytes> {
        self.ended = true;
        Some(self.stream.finish()).filter(|rest| !rest.is_empty())
    }

    /// Whether all was given.
    pub(super) fn has_ended(&self) -> bool {
        self.ended && self.stream.is_empty()
    }
}

/// Whether the answer may be shown as a page. Browsers say what they want it for; others say what they take.
fn may_be_page(request: &HeaderMap) -> bool {
    if let Some(purpose) = request.get(SEC_FETCH_DEST) {
        // Fetch section 2.2.5; `empty` is fetch(), which may fetch a piece of a page.
        let frames: [&[u8]; 8] = [
            b"document",
            b"iframe",
            b"frame",
            b"embed",
            b"object",
            b"fencedframe",
            b"empty",
            b"",
        ];
        return frames.contains(&purpose.as_bytes());
    }
    let mut accepts = request.get_all(header::ACCEPT).iter().peekable();
    accepts.peek().is_none()
        || accepts.any(|accept| {
            let takes = |kind: &[u8]| {
                let mut parts = accept.as_bytes().windows(kind.len());
                parts.any(|part| part.eq_ignore_ascii_case(kind))
            };
            takes(b"html") || takes(b"*/*") || takes(b"text/*")
        })
}

/// HTML or XHTML in clear, in an encoding whose ASCII is ASCII.
fn is_readable_page(fields: &HeaderMap) -> bool {
    let packed = fields
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|coding| {
            let coding = coding.as_bytes().trim_ascii();
            !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")
        });
    fields.contains_key(header::CONTENT_TYPE)
        && look::is_html(fields)
        && !packed
        && is_ascii(fields)
}

/// An encoding that nobody knows is none for browsers either, and they fall back to one of ASCII's.
fn is_ascii(fields: &HeaderMap) -> bool {
    fields.get_all(header::CONTENT_TYPE).iter().all(|value| {
        value
            .as_bytes()
            .split(|b| *b == b';')
            .filter_map(charset)
            .all(|label| Encoding::for_label(label).is_none_or(Encoding::is_ascii_compatible))
    })
}

fn charset(parameter: &[u8]) -> Option<&[u8]> {
    let equals = parameter.iter().position(|b| *b == b'=')?;
    let (name, value) = parameter.split_at(equals);
    let value = value[1..].trim_ascii();
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    name.trim_ascii()
        .eq_ignore_ascii_case(b"charset")
        .then_some(value.strip_suffix(b"\"").unwrap_or(value))
}

/// The fields that speak of the very bytes.
fn mend(fields: &mut HeaderMap) {
    for name in [
        header::CONTENT_LENGTH,
        header::ACCEPT_RANGES,
        CONTENT_MD5,
        DIGEST,
        CONTENT_DIGEST,
        REPR_DIGEST,
    ] {
        fields.remove(name);
    }
    // Weak: it means the same, and is not the same byte for byte (RFC 9110 section 8.8.1).
    if let Some(tag) = fields.get_mut(header::ETAG)
        && !tag.as_bytes().starts_with(b"W/")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())
    {
        *tag = weak;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
        let lines = lines.iter().map(|(name, value)| {
            let value = HeaderValue::from_str(value).unwrap();
            (HeaderName::from_static(name), value)
        });
        lines.collect()
    }

    #[test]
    fn what_may_be_a_page_is_asked_for_in_clear() {
        for (lines, page) in [
            (vec![], true),
            (
                vec![("accept", "text/html,application/xhtml+xml;q=0.9")],
                true,
            ),
            (vec![("accept", "*/*")], true),
            (vec![("accept", "application/json")], false),
            (vec![("accept", "*/*"), ("sec-fetch-dest", "script")], false),
            (
                vec![
                    ("accept", "image/avif,*/*;q=0.8"),
                    ("sec-fetch-dest", "image"),
                ],
                false,
            ),
            (vec![("accept", "*/*"), ("sec-fetch-dest", "empty")], true),
            (
                vec![("accept", "text/html"), ("sec-fetch-dest", "iframe")],
                true,
            ),
        ] {
            let mut request = fields(&lines);
            request.insert(
                header::ACCEPT_ENCODING,
                HeaderValue::from_static("gzip, br"),
            );
            Rewrite::ask(&mut request);
            let expected = if page { "identity" } else { "gzip, br" };
            assert_eq!(request[header::ACCEPT_ENCODING], expected, "{lines:?}");
        }
    }

    #[test]
    fn only_a_page_in_clear_and_in_ascii_letters_is_read() {
        for (kind, coding, readable) in [
            ("text/html", "", true),
            ("Text/HTML; charset=utf-8", "identity", true),
            ("application/xhtml+xml;charset=\"ISO-8859-1\"", "", true),
            ("text/html; charset=shift_jis", "", true),
            ("text/html; charset=unheard-of", "", true),
            ("text/html; charset=utf-16", "", false),
            ("text/html; Charset=\"UTF-16LE\"", "", false),
            ("text/html; charset=iso-2022-jp", "", false),
            ("text/html", "gzip", false),
            ("text/html", "identity, br", false),
            ("application/json", "", false),
            ("text/event-stream", "", false),
            ("text/css", "", false),
        ] {
            let fields = fields(&[("content-type", kind), ("content-encoding", coding)]);
            assert_eq!(is_readable_page(&fields), readable, "{kind} {coding}");
        }
        assert!(!is_readable_page(&HeaderMap::new()));
    }

    #[test]
    fn what_speaks_of_the_very_bytes_is_taken_away_and_the_tag_is_weak() {
        let mut page = fields(&[
            ("content-length", "5"),
            ("accept-ranges", "bytes"),
            ("content-md5", "x"),
            ("digest", "x"),
            ("content-digest", "x"),
            ("repr-digest", "x"),
            ("etag", "\"v1\""),
            ("cache-control", "no-store"),
        ]);
        mend(&mut page);
        assert_eq!(
            page,
            fields(&[("etag", "W/\"v1\""), ("cache-control", "no-store")])
        );
        mend(&mut page);
        assert_eq!(page[header::ETAG], "W/\"v1\"");
    }
}
