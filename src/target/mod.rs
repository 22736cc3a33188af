//! What a request asks for: a path and a query, byte for byte as received, and every path an upstream may take it for.
//!
//! A [`Target`] in hand may be forwarded: [`Target::raw`] is what was judged and what is sent (R1). Nobody else parses
//! a path.

use http::uri::PathAndQuery;

mod reach;
mod readings;
mod session;
mod spelling;
mod turn;

pub(crate) use readings::closure;
pub use readings::{Closure, Reading, Readings};
pub(crate) use session::{NAMES as SESSION_NAMES, is_value, without_session};
pub(crate) use spelling::{decode_hex, fold};
pub(crate) use turn::{decode_once, read_latin_1, spell_out};

/// An origin-form request target (RFC 9112 section 3.2.1), or the `*` of OPTIONS (3.2.4).
#[derive(Clone, Debug)]
pub struct Target {
    whole: PathAndQuery,
    readings: Readings,
}

/// Why no [`Target`] could be made: the request gets 400 and nothing of it is forwarded (R3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotATarget {
    /// Over 8 KiB (A1).
    #[error("the target is longer than {} bytes", Target::LIMIT)]
    TooLong,
    /// It begins with something else than a slash, and is not exactly `*`.
    #[error("the target is no path")]
    NoPath,
    /// It has a byte outside `!` to `~`.
    #[error("the target has a byte outside the visible ASCII ones")]
    BadByte,
    /// A `%` without two hexadecimal digits behind it, in the path or in the query.
    #[error("the target has a bad % escape")]
    BadEscape,
    /// `%00`, or a NUL that shows after decoding the path once more.
    #[error("the target has a NUL in it")]
    Nul,
    /// It can be read in more ways than are worth trying, or is encoded more than five times over (R2).
    #[error("the target can be read in too many ways")]
    TooManyReadings,
}

impl Target {
    /// The most bytes of path and query together.
    pub const LIMIT: usize = 8 * 1024;

    /// Takes the path and query of a request and works out its readings.
    ///
    /// The caller has dealt with the method, with absolute-form and its authority, and with the Host.
    ///
    /// # Errors
    /// [`NotATarget`] for what is malformed, and for what could be read in so many ways that nobody can decide.
    pub fn parse(whole: PathAndQuery) -> Result<Self, NotATarget> {
        // A URL without a path (`http://host`) and an HTTP/2 path that is all fragment (`#x`) are kept as nothing. It
        // says that it is `/`, but nothing is what would be sent.
        let whole = match whole.as_str() {
            "/" => PathAndQuery::from_static("/"),
            _ => whole,
        };
        let raw = whole.as_str();
        if raw.len() > Self::LIMIT {
            return Err(NotATarget::TooLong);
        }
        if !raw.starts_with('/') && raw != "*" {
            return Err(NotATarget::NoPath);
        }
        check_bytes(raw.as_bytes())?;
        let readings = Readings::of(whole.path().as_bytes())?;
        Ok(Self { whole, readings })
    }

    /// Path and query exactly as received: the bytes that go upstream.
    #[must_use]
    pub fn raw(&self) -> &str {
        self.whole.as_str()
    }

    /// The path exactly as received.
    #[must_use]
    pub fn path(&self) -> &str {
        self.whole.path()
    }

    /// What stands behind the first `?`, exactly as received.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.whole.query()
    }

    /// Every path that an upstream may take this for (R2).
    #[must_use]
    pub fn readings(&self) -> &Readings {
        &self.readings
    }

    /// The readings one by one, the path as received first.
    pub(crate) fn each(&self) -> impl Iterator<Item = Seen<'_>> {
        let (plain, many) = match &self.readings {
            Readings::Plain => (Some(Seen::plain(self.path().as_bytes())), &[][..]),
            Readings::Many(many) => (None, many.all()),
        };
        plain.into_iter().chain(many.iter().map(Reading::seen))
    }

    /// The path as received.
    pub(crate) fn first(&self) -> Seen<'_> {
        Seen::plain(self.path().as_bytes())
    }

    /// Query strings that come to light when a `?` shows up in the path by decoding.
    pub(crate) fn hidden_queries(&self) -> impl Iterator<Item = &[u8]> {
        let many = match &self.readings {
            Readings::Plain => &[][..],
            Readings::Many(many) => many.queries(),
        };
        many.iter().map(AsRef::as_ref)
    }

    /// The same target with its readings worked out the long way, for tests of the short one.
    #[cfg(test)]
    pub(crate) fn parse_slowly(whole: PathAndQuery) -> Result<Self, NotATarget> {
        let quick = Self::parse(whole)?;
        let readings = Readings::slowly(quick.path().as_bytes())?;
        Ok(Self { readings, ..quick })
    }
}

/// One reading as the matcher wants it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'r> {
    /// As it reads; what opening routes compare.
    pub(crate) exact: &'r [u8],
    /// In folded letters, but for ASCII capitals; what closing routes compare.
    pub(crate) folded: &'r [u8],
    /// True unless only closing routes look at it.
    pub(crate) counts: bool,
}

impl<'r> Seen<'r> {
    fn plain(path: &'r [u8]) -> Self {
        Self {
            exact: path,
            folded: path,
            counts: true,
        }
    }
}

fn check_bytes(raw: &[u8]) -> Result<(), NotATarget> {
    let mut rest = raw;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'%' => match decode_hex(tail) {
                None => return Err(NotATarget::BadEscape),
                Some(0) => return Err(NotATarget::Nul),
                Some(_) => rest = &tail[2..],
            },
            b'!'..=b'~' => {}
            _ => return Err(NotATarget::BadByte),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
