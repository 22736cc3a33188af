//! The application's cookies: names as the operator wrote them, what an answer sets, and what is then sent.

use globset::GlobMatcher;
use http::HeaderValue;

/// Cookie names, each a literal or a glob with `*`; compared byte for byte.
#[derive(Clone, Debug, Default)]
pub struct Names(Vec<GlobMatcher>);

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
        let _ = names.into_iter().count();
        Ok(Self(Vec::new()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a cookie of this name is one of them.
    pub fn has(&self, name: &[u8]) -> bool {
        let _ = name;
        false
    }

    /// Those that are no globs, as written.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|matcher| matcher.glob().glob())
    }
}

/// Reads a Set-Cookie field as browsers do (RFC 6265 section 5.2). `None` if it sets nothing. `now` is unix seconds.
pub fn set(field: &HeaderValue, now: u64) -> Option<Set<'_>> {
    let _ = (field, now);
    None
}

/// Names and values of Cookie fields, in order, as raw bytes.
pub fn pairs<'h>(
    fields: impl Iterator<Item = &'h HeaderValue>,
) -> impl Iterator<Item = (&'h [u8], &'h [u8])> {
    let _ = fields.count();
    std::iter::empty()
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
    pub fn take_in(&mut self, set: &Set<'_>) {
        let _ = set;
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
        None
    }
}
