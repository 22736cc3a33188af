//! Where a Location field leads, as browsers read it (WHATWG URL section 4.4).

use std::borrow::Cow;

use http::HeaderValue;
use http::uri::PathAndQuery;
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use crate::target::Target;

/// Where a Location field leads.
#[derive(Clone, Debug)]
pub enum Leads {
    /// To this target of the site, without the fragment.
    Here(Target),
    /// To another origin.
    Elsewhere {
        /// The whole address, with its fragment.
        url: String,
        /// Its scheme, host and port as browsers write them: what `form-action` must allow.
        origin: String,
    },
    /// To nothing that could be asked for: another scheme than http and https, user information, a host or a path that is
    /// none, a path that a browser would take for a host (`//`).
    Nowhere,
}

/// What browsers encode in a path, beside what is no ASCII.
const IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// What browsers encode in a query.
const IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\'');

/// What browsers encode in a fragment.
const IN_FRAGMENT: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

/// Resolves `location` against the target whose answer it is in; `origin` is the site's own as browsers write it.
pub fn resolve(base: &Target, origin: &str, location: &HeaderValue) -> Leads {
    lead(base, origin, location.as_bytes()).unwrap_or(Leads::Nowhere)
}

/// What stands behind the `#` of a Location field, as a browser keeps it: whoever writes the address anew puts it there
/// again.
pub fn fragment(location: &HeaderValue) -> Option<String> {
    let (_, fragment) = cut(location.as_bytes().trim_ascii(), b'#');
    fragment.map(|fragment| percent_encode(fragment, IN_FRAGMENT).to_string())
}

/// An address in pieces: what stands behind the host, the path not yet without dots.
struct Rest<'l> {
    path: Cow<'l, [u8]>,
    query: Option<&'l [u8]>,
    fragment: Option<&'l [u8]>,
}

fn lead(base: &Target, origin: &str, location: &[u8]) -> Option<Leads> {
    // Browsers drop tabs wherever they stand.
    let clean: Vec<u8> = location
        .trim_ascii()
        .iter()
        .copied()
        .filter(|&b| b != b'\t')
        .collect();
    if clean.is_empty() {
        return None;
    }
    let (own, _) = origin.split_once("://")?;
    let reference = match scheme(&clean) {
        None => &clean[..],
        // The site's own scheme may stand before a relative address, too.
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(own.as_bytes()) => rest,
        Some((scheme, rest)) => {
            let known = ["http", "https"]
                .into_iter()
                .find(|known| scheme.eq_ignore_ascii_case(known.as_bytes()))?;
            return absolute(origin, known, rest);
        }
    };
    if let [b'/' | b'\\', b'/' | b'\\', rest @ ..] = reference {
        return absolute(origin, own, rest);
    }
    let mut rest = pieces(reference);
    if rest.path.is_empty() {
        let query = rest.query.or_else(|| base.query().map(str::as_bytes));
        rest = Rest {
            path: Cow::Borrowed(base.path().as_bytes()),
            query,
            ..rest
        };
    } else if !rest.path.starts_with(b"/") {
        let folder = base.path().rfind('/')? + 1;
        let path = [&base.path().as_bytes()[..folder], &rest.path].concat();
        rest.path = Cow::Owned(path);
    }
    rest.here()
}

/// What stands before a colon, if that is a scheme, and what stands behind it.
fn scheme(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = text.iter().position(|&b| b == b':')?;
    let scheme = &text[..colon];
    let is_scheme = scheme.first()?.is_ascii_alphabetic()
        && scheme
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b));
    is_scheme.then_some((scheme, &text[colon + 1..]))
}

/// An address whose host comes next, behind any number of slashes.
fn absolute(own: &str, scheme: &str, text: &[u8]) -> Option<Leads> {
    let start = text.iter().position(|b| !b"/\\".contains(b))?;
    let text = &text[start..];
    let end = text.iter().position(|b| b"/\\?#".contains(b));
    let (authority, rest) = text.split_at(end.unwrap_or(text.len()));
    let origin = format!("{scheme}://{}", authority_of(scheme, authority)?);
    let mut rest = pieces(rest);
    if rest.path.is_empty() {
        rest.path = Cow::Borrowed(b"/");
    }
    if origin == own {
        return rest.here();
    }
    Some(Leads::Elsewhere {
        url: rest.written(&origin),
        origin,
    })
}

/// Host and port as browsers write them. A host in other letters than ASCII or with escapes in it is none here: what a
/// browser makes of it nobody can tell without its tables.
fn authority_of(scheme: &str, authority: &[u8]) -> Option<String> {
    let authority = std::str::from_utf8(authority).ok()?.to_ascii_lowercase();
    let (host, port) = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => {
            (&authority[..colon], Some(&authority[colon + 1..]))
        }
        _ => (&authority[..], None),
    };
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let fits = match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        }
    };
    if !fits {
        return None;
    }
    let standard = if scheme == "https" { 443 } else { 80 };
    match port.filter(|port| !port.is_empty()) {
        None => Some(host.to_owned()),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            let port: u16 = digits.parse().ok()?;
            Some(if port == standard {
                host.to_owned()
            } else {
                format!("{host}:{port}")
            })
        }
        Some(_) => None,
    }
}

fn pieces(text: &[u8]) -> Rest<'_> {
    let (text, fragment) = cut(text, b'#');
    let (path, query) = cut(text, b'?');
    let path = if path.contains(&b'\\') {
        let straight = |&b: &u8| if b == b'\\' { b'/' } else { b };
        Cow::Owned(path.iter().map(straight).collect())
    } else {
        Cow::Borrowed(path)
    };
    Rest {
        path,
        query,
        fragment,
    }
}

fn cut(text: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(mark, text) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

impl Rest<'_> {
    fn here(self) -> Option<Leads> {
        let without_fragment = Self {
            fragment: None,
            ..self
        };
        let whole = without_fragment.written("");
        // Written into a Location, this would lead to another host (S9).
        if whole.starts_with("//") {
            return None;
        }
        let whole = PathAndQuery::try_from(whole).ok()?;
        Target::parse(whole).ok().map(Leads::Here)
    }

    /// As a browser asks for it, with `origin` in front.
    fn written(&self, origin: &str) -> String {
        let mut out = origin.to_owned();
        let path = without_dots(&self.path);
        out.extend(percent_encode(&path, IN_PATH));
        for (mark, part, set) in [
            ('?', self.query, IN_QUERY),
            ('#', self.fragment, IN_FRAGMENT),
        ] {
            if let Some(part) = part {
                out.push(mark);
                out.extend(percent_encode(part, set));
            }
        }
        out
    }
}

/// A path without `.` and `..`, encoded ones too.
fn without_dots(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path
        .strip_prefix(b"/")
        .unwrap_or(path)
        .split(|&b| b == b'/')
        .peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match dots(segment) {
            0 => kept.push(segment),
            dots => {
                if dots == 2 {
                    kept.pop();
                }
                if last {
                    kept.push(b"");
                }
            }
        }
    }
    let mut out = Vec::with_capacity(path.len());
    for segment in kept {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    out
}

/// How many dots a segment is, 1 or 2; 0 if it is anything else.
fn dots(segment: &[u8]) -> usize {
    let mut rest = segment;
    let mut count = 0;
    while !rest.is_empty() {
        rest = match rest {
            [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] if count < 2 => rest,
            _ => return 0,
        };
        count += 1;
    }
    count
}
