//! Who gets a page and who gets JSON, decided from the request's own words in a fixed order.

use http::header::{self, HeaderMap};

/// What somebody can make use of who must be asked for a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// A browser that goes somewhere: 303 to a page.
    Navigation,
    /// A browser that fills a frame: a small page with a link for the whole window.
    Frame,
    /// A script that reads answers: problem+json.
    Script,
    /// htmx: problem+json with its own redirect.
    Htmx,
    /// A gRPC client: status 16.
    Grpc,
    /// An image, a style, a WebSocket: nobody would read a body.
    Nobody,
}

impl Audience {
    /// The word for it in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Navigation => "navigation",
            Self::Frame => "frame",
            Self::Script => "script",
            Self::Htmx => "htmx",
            Self::Grpc => "grpc",
            Self::Nobody => "nobody",
        }
    }
}

/// Decides by the fields alone; the first rule that fits counts.
pub fn of(fields: &HeaderMap, websocket: bool) -> Audience {
    let text = |name: &str| {
        fields
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let kind = text(header::CONTENT_TYPE.as_str());
    let starts = |text: &str, start: &str| {
        text.get(..start.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(start))
    };
    if websocket {
        return Audience::Nobody;
    }
    if starts(kind, "application/grpc") {
        return Audience::Grpc;
    }
    if text("hx-request").eq_ignore_ascii_case("true") {
        return Audience::Htmx;
    }
    match (text("sec-fetch-mode"), text("sec-fetch-dest")) {
        ("navigate", "document") => Audience::Navigation,
        ("navigate", "iframe" | "frame" | "embed" | "object") => Audience::Frame,
        ("", _) => {
            let json = starts(kind, "application/json") || kind.contains("+json");
            let accepts = text(header::ACCEPT.as_str());
            let scripted = fields.contains_key("x-requested-with");
            // A field that is not there at all is an old browser's or a tool's: it gets the redirect.
            if scripted
                || json
                || (!accepts.is_empty() && !accepts.contains("text/html") && accepts != "*/*")
            {
                Audience::Script
            } else {
                Audience::Navigation
            }
        }
        (_, "empty") => Audience::Script,
        _ => Audience::Nobody,
    }
}

/// Whether a browser fetches this before anybody asked for it: then nothing may begin.
pub fn prefetches(fields: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-moz"].iter().any(|name| {
        fields
            .get(*name)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.contains("prefetch") || value.contains("prerender"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audience(lines: &[(&str, &str)], websocket: bool) -> Audience {
        of(&fields(lines), websocket)
    }

    fn fields(lines: &[(&str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| {
                (
                    header::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    value.parse().unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn pages_are_for_people_and_json_is_for_scripts() {
        for (lines, who) in [
            (
                &[
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "document"),
                ] as &[_],
                Audience::Navigation,
            ),
            (
                &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
                Audience::Frame,
            ),
            (
                &[
                    ("sec-fetch-mode", "cors"),
                    ("sec-fetch-dest", "empty"),
                    ("accept", "text/html"),
                ],
                Audience::Script,
            ),
            (
                &[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
                Audience::Nobody,
            ),
            (
                &[("hx-request", "true"), ("sec-fetch-mode", "cors")],
                Audience::Htmx,
            ),
            (
                &[("content-type", "application/grpc+proto")],
                Audience::Grpc,
            ),
            (
                &[
                    ("x-requested-with", "XMLHttpRequest"),
                    ("accept", "text/html"),
                ],
                Audience::Script,
            ),
            (
                &[("content-type", "application/json; charset=utf-8")],
                Audience::Script,
            ),
            (&[("accept", "application/json")], Audience::Script),
            (&[("accept", "text/html,*/*;q=0.8")], Audience::Navigation),
            (&[("accept", "*/*")], Audience::Navigation),
            (&[], Audience::Navigation),
        ] {
            assert_eq!(audience(lines, false), who, "{lines:?}");
        }
        assert_eq!(
            audience(
                &[
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "document")
                ],
                true
            ),
            Audience::Nobody
        );
    }

    #[test]
    fn a_prefetch_is_known_as_one() {
        for line in [
            ("sec-purpose", "prefetch;prerender"),
            ("purpose", "prefetch"),
            ("x-moz", "prefetch"),
        ] {
            assert!(prefetches(&fields(&[line])), "{line:?}");
        }
        assert!(!prefetches(&fields(&[("accept", "prefetch")])));
    }
}
