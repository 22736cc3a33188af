//! The application's cookies: names as the operator wrote them, what an answer sets, and what is then sent.
//!
//! Names and values are bytes and stay as they are: real applications have quotes, `|`, `=` and `%` in them, and compare
//! what comes back byte for byte.

use globset::{Candidate, GlobBuilder, GlobMatcher};
use http::HeaderValue;

mod date;
mod like;

use self::like::Like;

/// Cookie names, each a literal or a glob with `*`.
#[derive(Clone, Debug, Default)]
pub struct Names(Vec<Wanted>);

#[derive(Clone, Debug)]
struct Wanted {
    exact: Exact,
    like: Like,
}

#[derive(Clone, Debug)]
enum Exact {
    Literal(Box<str>),
    Glob(GlobMatcher),
}

/// No cookie can be named so.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cookie name has no blanks, controls, or any of = ; , \" and * stands for any letters")]
pub struct NotACookieName;

/// What one Set-Cookie field does, as raw bytes: never re-encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set<'h> {
    /// The name.
    pub name: &'h [u8],
    /// The value as it stands, quotes and all.
    pub value: &'h [u8],
    /// Whether scripts cannot read it.
    pub http_only: bool,
    /// Whether it expires the cookie: Max-Age of 0 or less, a past Expires, or an empty value.
    pub deletes: bool,
}

/// The cookies of one browser for one application while a login is judged: what it sent, and what answers set since.
///
/// Path and Domain are not kept: every page that is asked for on the way gets every cookie.
#[derive(Clone, Debug, Default)]
pub struct Jar {
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Names {
    /// Takes names as written.
    ///
    /// # Errors
    /// [`NotACookieName`] for the first that can be none.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, NotACookieName> {
        names
            .into_iter()
            .map(Wanted::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a cookie of this name is one of them, byte for byte.
    pub fn has(&self, name: &[u8]) -> bool {
        self.0.iter().any(|wanted| wanted.has(name))
    }

    /// Whether some server could find one of them in this cookie, as it stands or however it may read it. An empty one is
    /// what is left where a cookie was taken away without a date (Adminer's `adminer_permanent=`).
    pub fn could_be(&self, name: &[u8], value: &[u8]) -> bool {
        if value.is_empty() && self.has(name) {
            return false;
        }
        let mut wanted = self.0.iter();
        wanted.any(|wanted| wanted.has(name) || wanted.like.is_in(name, value))
    }

    /// Those that are no globs, as written.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|wanted| match &wanted.exact {
            Exact::Literal(literal) => Some(&**literal),
            Exact::Glob(_) => None,
        })
    }
}

impl Wanted {
    fn parse(text: &str) -> Result<Self, NotACookieName> {
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || "=;,\"".contains(c);
        if text.is_empty() || text.contains(is_odd) {
            return Err(NotACookieName);
        }
        if !text.contains('*') {
            return Ok(Self {
                exact: Exact::Literal(text.into()),
                like: Like::literal(text),
            });
        }
        // Only the star is special here: brackets and braces are letters of names such as `user[id]`. Stars in a row
        // mean no more than one.
        let mut starred = text.to_owned();
        while starred.contains("**") {
            starred = starred.replace("**", "*");
        }
        let parts: Vec<String> = starred.split('*').map(globset::escape).collect();
        let glob = GlobBuilder::new(&parts.join("*"))
            .backslash_escape(false)
            .build()
            .map_err(|_| NotACookieName)?;
        Ok(Self {
            exact: Exact::Glob(glob.compile_matcher()),
            like: Like::glob(starred.split('*')).map_err(|_| NotACookieName)?,
        })
    }

    fn has(&self, name: &[u8]) -> bool {
        match &self.exact {
            Exact::Literal(literal) => literal.as_bytes() == name,
            Exact::Glob(glob) => glob.is_match_candidate(&Candidate::from_bytes(name)),
        }
    }
}

/// Reads a Set-Cookie field as browsers do (RFC 6265 section 5.2). `None` if it sets nothing. `now` is unix seconds.
pub fn set(field: &HeaderValue, now: u64) -> Option<Set<'_>> {
    let mut parts = field.as_bytes().split(|&b| b == b';').map(trim);
    let whole = parts.next().unwrap_or_default();
    // A browser keeps `=a=b` as a cookie without a name and sends it back as `a=b`: that is how it is read.
    let (name, value) = pair(whole.strip_prefix(b"=").unwrap_or(whole))?;
    let (mut http_only, mut by_age, mut by_date) = (false, None, None);
    for part in parts {
        let (attribute, value) = split(part);
        if attribute.eq_ignore_ascii_case(b"httponly") {
            http_only = true;
        } else if attribute.eq_ignore_ascii_case(b"max-age") {
            by_age = is_no_age(value).or(by_age);
        } else if attribute.eq_ignore_ascii_case(b"expires") {
            let past = |end| end <= i64::try_from(now).unwrap_or(i64::MAX);
            by_date = date::unix(value).map(past).or(by_date);
        }
    }
    Some(Set {
        name,
        value,
        http_only,
        deletes: value.is_empty() || by_age.or(by_date).unwrap_or(false),
    })
}

/// A Set-Cookie field as it can be given at any address: one without a Path is for the folder of the page that set it
/// (RFC 6265 section 5.1.4), and says so from here on. `path` is that page's, as it was asked for.
pub fn placed(field: &HeaderValue, path: &str) -> HeaderValue {
    let attributes = field.as_bytes().split(|&b| b == b';').skip(1);
    let last = attributes
        .map(|part| split(trim(part)))
        .filter(|(attribute, _)| attribute.eq_ignore_ascii_case(b"path"))
        .last();
    // The last one counts, and only if it is absolute (section 5.2.4).
    if last.is_some_and(|(_, value)| value.starts_with(b"/")) {
        return field.clone();
    }
    // What stands behind a semicolon cannot be written into the attribute: the folder above is the nearest.
    let plain = path.split(';').next().unwrap_or_default();
    let folder = match plain.rfind('/') {
        None | Some(0) => "/",
        Some(at) => &plain[..at],
    };
    HeaderValue::from_bytes(&[field.as_bytes(), b"; Path=", folder.as_bytes()].concat())
        .unwrap_or_else(|_| field.clone())
}

/// Names and values of Cookie fields, in order, as raw bytes. What has no `=` is a value without a name.
pub fn pairs<'h>(
    fields: impl Iterator<Item = &'h HeaderValue>,
) -> impl Iterator<Item = (&'h [u8], &'h [u8])> {
    fields
        .flat_map(|field| field.as_bytes().split(|&b| b == b';'))
        .filter_map(|text| pair(trim(text)))
}

impl Jar {
    /// What the browser sent.
    pub fn of<'h>(cookies: impl Iterator<Item = (&'h [u8], &'h [u8])>) -> Self {
        Self {
            pairs: cookies
                .map(|(name, value)| (name.to_vec(), value.to_vec()))
                .collect(),
        }
    }

    /// Takes in what an answer sets, in order; a deletion takes the cookie out.
    ///
    /// Where the browser sent a name twice, for two paths, one is left: the application must find the new value.
    pub fn take_in(&mut self, set: &Set<'_>) {
        let place = self.pairs.iter().position(|(name, _)| name == set.name);
        self.pairs.retain(|(name, _)| name != set.name);
        if !set.deletes {
            let place = place.unwrap_or(self.pairs.len());
            self.pairs
                .insert(place, (set.name.to_vec(), set.value.to_vec()));
        }
    }

    /// Names and values now.
    pub fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// Whether this very cookie is among them.
    pub fn has(&self, name: &[u8], value: &[u8]) -> bool {
        self.pairs().any(|pair| pair == (name, value))
    }

    /// The Cookie field to send; `None` if there is nothing to send.
    pub fn field(&self) -> Option<HeaderValue> {
        let mut field = Vec::new();
        for (name, value) in &self.pairs {
            if !field.is_empty() {
                field.extend_from_slice(b"; ");
            }
            // Without its own `=` what came as `=a=b` would be sent as a cookie named `a`.
            if !name.is_empty() || value.contains(&b'=') {
                field.extend_from_slice(name);
                field.push(b'=');
            }
            field.extend_from_slice(value);
        }
        // Parts of valid field values joined by "; " are one.
        HeaderValue::from_bytes(&field)
            .ok()
            .filter(|field| !field.is_empty())
    }
}

/// Name and value of one cookie; `None` if there is neither.
fn pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = match memchr::memchr(b'=', text) {
        Some(_) => split(text),
        None => (&[][..], text),
    };
    (!name.is_empty() || !value.is_empty()).then_some((name, value))
}

/// What stands before and behind the first `=`.
fn split(text: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'=', text) {
        Some(at) => (trim(&text[..at]), trim(&text[at + 1..])),
        None => (text, &[]),
    }
}

/// Whether a Max-Age is over at once; `None` if it is no number, and counts for nothing (RFC 6265 section 5.2.2).
fn is_no_age(value: &[u8]) -> Option<bool> {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.len() < value.len() || digits.iter().all(|&digit| digit == b'0'))
}

fn trim(text: &[u8]) -> &[u8] {
    let is_blank = |b: &u8| matches!(b, b' ' | b'\t');
    let start = text.iter().position(|b| !is_blank(b)).unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|b| !is_blank(b))
        .map_or(start, |last| last + 1);
    &text[start..end]
}

#[cfg(test)]
mod tests;
