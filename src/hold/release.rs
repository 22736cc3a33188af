//! What becomes of a login once its code was right: cookies, a way on, and perhaps a page.
//!
//! It waits as bytes, sealed under a key of the browser that posted the login; [`Release::to_bytes`] and
//! [`Release::from_bytes`] are the two ends of that.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use super::Destination;

/// The answers to one login, ready to be given to its browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Where the browser goes.
    pub to: Way,
    /// Every Set-Cookie of the answers, in order, as the application wrote it.
    pub cookies: Vec<HeaderValue>,
    /// Cookies, `name=value`, that no answer set and the session may rest on: the browser had them when it posted the
    /// login, and may have lost them to another look at the login page since.
    pub needs: Vec<HeaderValue>,
    /// The page that waits for the browser there, if the application answered with one.
    pub page: Option<HeldPage>,
}

/// Where a browser goes after the right code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Within the site.
    Here(Destination),
    /// To another origin, as the application says: the whole address.
    Elsewhere(HeaderValue),
}

/// A page of the application that is given once, at its own address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPage {
    /// Its status.
    pub status: StatusCode,
    /// Its fields, without Set-Cookie and without those of its framing.
    pub fields: HeaderMap,
    /// Its body, in whatever coding its fields say.
    pub body: Bytes,
}

impl Release {
    /// All of it in one piece.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match &self.to {
            Way::Here(destination) => put(&mut bytes, HERE, destination.as_str().as_bytes()),
            Way::Elsewhere(address) => put(&mut bytes, ELSEWHERE, address.as_bytes()),
        }
        for cookie in &self.cookies {
            put(&mut bytes, COOKIE, cookie.as_bytes());
        }
        for needed in &self.needs {
            put(&mut bytes, NEEDED, needed.as_bytes());
        }
        if let Some(page) = &self.page {
            page.write(&mut bytes);
        }
        bytes
    }

    /// The same again. `None` for bytes that [`Self::to_bytes`] did not make.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (mut to, mut cookies, mut needs) = (None, Vec::new(), Vec::new());
        let mut rest = bytes;
        while let Some((kind, text, after)) = take(rest) {
            match kind {
                HERE => to = Some(Way::Here(Destination::of(std::str::from_utf8(text).ok()?))),
                ELSEWHERE => to = Some(Way::Elsewhere(HeaderValue::from_bytes(text).ok()?)),
                COOKIE => cookies.push(HeaderValue::from_bytes(text).ok()?),
                NEEDED => needs.push(HeaderValue::from_bytes(text).ok()?),
                _ => break,
            }
            rest = after;
        }
        let page = if rest.is_empty() {
            None
        } else {
            Some(HeldPage::from_bytes(rest)?)
        };
        Some(Self {
            to: to?,
            cookies,
            needs,
            page,
        })
    }
}

impl HeldPage {
    /// All of it in one piece.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    /// The same again. `None` for bytes that [`Self::to_bytes`] did not make.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (mut status, mut fields, mut body) = (None, HeaderMap::new(), None);
        let mut name: Option<HeaderName> = None;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (kind, text, after) = take(rest)?;
            match kind {
                STATUS => status = Some(StatusCode::from_bytes(text).ok()?),
                NAME => name = Some(HeaderName::from_bytes(text).ok()?),
                VALUE => drop(fields.append(name.clone()?, HeaderValue::from_bytes(text).ok()?)),
                BODY => body = Some(Bytes::copy_from_slice(text)),
                _ => return None,
            }
            rest = after;
        }
        Some(Self {
            status: status?,
            fields,
            body: body?,
        })
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        put(bytes, STATUS, self.status.as_str().as_bytes());
        for (name, value) in &self.fields {
            put(bytes, NAME, name.as_str().as_bytes());
            put(bytes, VALUE, value.as_bytes());
        }
        put(bytes, BODY, &self.body);
    }
}

const HERE: u8 = 1;
const ELSEWHERE: u8 = 2;
const COOKIE: u8 = 3;
const STATUS: u8 = 4;
const NAME: u8 = 5;
const VALUE: u8 = 6;
const BODY: u8 = 7;
const NEEDED: u8 = 8;

/// A kind, a length of four bytes, and so many bytes.
fn put(bytes: &mut Vec<u8>, kind: u8, text: &[u8]) {
    bytes.push(kind);
    // Nothing that is held is longer than a few megabytes.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(text);
}

fn take(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (text, rest) = rest.split_at_checked(length)?;
    Some((*kind, text, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> HeaderValue {
        HeaderValue::from_bytes(text.as_bytes()).unwrap()
    }

    fn releases() -> Vec<Release> {
        let page = HeldPage {
            status: StatusCode::OK,
            fields: [
                ("content-type", "text/html"),
                ("x-a", "1"),
                ("x-a", "\u{e9}"),
            ]
            .map(|(name, text)| (HeaderName::from_static(name), value(text)))
            .into_iter()
            .collect(),
            body: Bytes::from_static(b"<p>\0\xff</p>"),
        };
        vec![
            Release {
                to: Way::Here(Destination::of("/home?a=b")),
                cookies: vec![
                    value("sid=1; Path=/"),
                    value("sid=\"2|3\"; HttpOnly"),
                    value("sid=1; Path=/"),
                ],
                needs: vec![value("sid=1"), value("a=\"b\"")],
                page: None,
            },
            Release {
                to: Way::Elsewhere(value("https://other.example/x")),
                cookies: Vec::new(),
                needs: Vec::new(),
                page: None,
            },
            Release {
                to: Way::Here(Destination::of("/login")),
                cookies: vec![value("a=b")],
                needs: Vec::new(),
                page: Some(page),
            },
        ]
    }

    #[test]
    fn s7_what_is_held_comes_back_byte_for_byte_and_in_order() {
        for release in releases() {
            assert_eq!(Release::from_bytes(&release.to_bytes()), Some(release));
        }
    }

    #[test]
    fn bytes_that_are_cut_or_strange_are_nothing() {
        for release in releases() {
            let bytes = release.to_bytes();
            for end in 0..bytes.len() {
                let cut = Release::from_bytes(&bytes[..end]);
                assert_ne!(cut.as_ref(), Some(&release), "{end}");
            }
        }
        for strange in [
            &b""[..],
            b"\x09\0\0\0\0",
            b"\x01\0\0\0\x05/a",
            b"\x03\0\0\0\x01a",
        ] {
            assert_eq!(Release::from_bytes(strange), None, "{strange:?}");
        }
    }
}
