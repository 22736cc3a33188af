//! Our cookies among everybody's: their names, finding them, printing them, and keeping them to ourselves (S1, S6).
//!
//! Cookie fields are read as raw bytes and never re-encoded: what an application set comes back to it unchanged.

use bytes::Bytes;
use cookie::{Cookie, SameSite};
use http::header::{self, HeaderMap, HeaderValue};
use smallvec::SmallVec;

use crate::site::Site;

/// The suffix of the cookie that marks browsers which passed a code. No scope can be named so.
pub const KNOWN: &str = ".known";

/// The suffix of the cookie that says a held request is to be replayed.
pub const REPLAY: &str = ".replay";

const SECURE: &str = "__Host-countersign-";
const INSECURE: &str = "countersign-";

/// The cookies of one site in one request, by what stands behind the site's name.
pub struct Cookies<'h> {
    found: SmallVec<[(&'h str, &'h [u8]); 4]>,
}

/// More than these of our names in one request are not a browser's: then none counts.
const MOST: usize = 24;

impl<'h> Cookies<'h> {
    /// Finds them. What of a name is not UTF-8 was not written here, and is no name.
    pub fn read(site: &Site, fields: impl Iterator<Item = &'h HeaderValue>) -> Self {
        let mut found = SmallVec::new();
        for pair in fields.flat_map(|field| pairs(field.as_bytes())) {
            let Some(suffix) = suffix(site, pair) else {
                continue;
            };
            // Everything behind the name up to `=` is the suffix.
            let (suffix, value) = match memchr::memchr(b'=', suffix) {
                Some(at) => (&suffix[..at], &suffix[at + 1..]),
                None => (suffix, &[][..]),
            };
            if let Ok(suffix) = std::str::from_utf8(suffix.trim_ascii_end()) {
                found.push((suffix, value.trim_ascii()));
            }
        }
        if found.len() > MOST {
            found.clear();
        }
        Self { found }
    }

    /// Those that came exactly once (S4).
    pub fn once(&self) -> impl Iterator<Item = (&'h str, &'h [u8])> {
        let count = |suffix: &str| {
            self.found
                .iter()
                .filter(|(other, _)| *other == suffix)
                .count()
        };
        self.found
            .iter()
            .copied()
            .filter(move |(suffix, _)| count(suffix) == 1)
    }
}

/// The Cookie field without any cookie of ours, of whatever site; the rest byte for byte. `None` if nothing is left.
pub fn without_ours(fields: &HeaderMap) -> Option<HeaderValue> {
    let cookies = || fields.get_all(header::COOKIE).iter();
    let mut all = cookies();
    let (only, more) = (all.next()?, all.next());
    if more.is_none() && !pairs(only.as_bytes()).any(is_ours) {
        return Some(only.clone());
    }
    // HTTP/2 clients split the field: an HTTP/1.1 application gets one (RFC 9113 section 8.2.3).
    let mut kept = Vec::with_capacity(only.len());
    for pair in cookies()
        .flat_map(|field| pairs(field.as_bytes()))
        .filter(|pair| !is_ours(pair))
    {
        if !kept.is_empty() {
            kept.extend_from_slice(b"; ");
        }
        kept.extend_from_slice(pair);
    }
    if kept.is_empty() {
        return None;
    }
    // Parts of valid field values joined by "; " are one.
    HeaderValue::from_maybe_shared(Bytes::from(kept)).ok()
}

/// Whether a Set-Cookie field of an application names one of ours, of whatever site (S6).
pub fn sets_ours(field: &HeaderValue) -> bool {
    let first = pairs(field.as_bytes()).next();
    // A browser keeps `=a=b` as a cookie without a name, and sends it back as `a=b`.
    first.is_some_and(|pair| is_ours(pair.strip_prefix(b"=").unwrap_or(pair).trim_ascii_start()))
}

/// A Set-Cookie field for a cookie of `site`; `max_age` in seconds, none for a session cookie, 0 to expire it.
pub fn print(site: &Site, suffix: &str, value: &str, max_age: Option<u64>) -> HeaderValue {
    let secure = is_secure(site);
    let prefix = if secure { SECURE } else { INSECURE };
    let mut cookie = Cookie::build((format!("{prefix}{}{suffix}", site.name), value.to_owned()))
        .path("/")
        .secure(secure)
        .http_only(true)
        .same_site(SameSite::Lax);
    if let Some(seconds) = max_age {
        cookie = cookie.max_age(cookie::time::Duration::seconds(
            i64::try_from(seconds).unwrap_or(i64::MAX),
        ));
    }
    // Names and base64url values are visible ASCII; anything else must not become a cookie.
    HeaderValue::from_str(&cookie.to_string()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Browsers take Secure cookies over cleartext from this machine itself, and nowhere else (S1).
fn is_secure(site: &Site) -> bool {
    site.origin.https() || (site.origin.loopback() && !site.insecure)
}

fn suffix<'h>(site: &Site, pair: &'h [u8]) -> Option<&'h [u8]> {
    let prefix = if is_secure(site) { SECURE } else { INSECURE };
    let rest = pair
        .strip_prefix(prefix.as_bytes())?
        .strip_prefix(site.name.as_str().as_bytes())?;
    // The site's name ends here, or it is another site's that begins alike.
    matches!(rest.first(), Some(b'=' | b'-' | b'.' | b' ') | None).then_some(rest)
}

/// Whether a cookie's name, or a pair that begins with it, is one of ours, of whatever site.
pub fn is_ours(pair: &[u8]) -> bool {
    // Nearly every cookie of an application leaves here.
    if !matches!(pair.first(), Some(b'_' | b'c' | b'C')) {
        return false;
    }
    // Servers that fold case, or cut a prefix off, must not see one either.
    let starts = |prefix: &str| {
        pair.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    starts(SECURE) || starts(INSECURE)
}

fn pairs(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(field);
    std::iter::from_fn(move || {
        let field = rest?;
        let (pair, after) = match memchr::memchr(b';', field) {
            Some(at) => (&field[..at], Some(&field[at + 1..])),
            None => (field, None),
        };
        rest = after;
        Some(pair.trim_ascii())
    })
    .filter(|pair| !pair.is_empty())
}
