//! What waits while a code is asked for: where to go afterwards, and perhaps a request to be replayed, or an answer to
//! be released.

use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use bytes::Bytes;
use http::{HeaderValue, Method};
use percent_encoding::percent_decode_str;

use crate::grant::prints::Print;
use crate::site::Origin;

pub mod release;

/// What happens after the right code. It lives on the server, never in a query string (S9).
#[derive(Debug)]
pub struct Hold {
    /// Path and query, safe to send a browser back to.
    pub target: Destination,
    /// With what.
    pub request: Waiting,
}

/// What of a request is kept.
#[derive(Debug)]
pub enum Waiting {
    /// It was a GET: going there again is enough.
    Nothing,
    /// A whole request, replayed once.
    Request(Kept),
    /// What the application answered to a login, released once.
    Answer {
        /// A [`release::Release`].
        sealed: Sealed,
        /// How long it may be released, counted from the last code.
        life: Duration,
        /// What the grant is bound to.
        prints: Vec<Print>,
        /// The other origin that it leads to, if it does.
        leads_to: Option<Box<Origin>>,
    },
    /// It could not be kept: the visitor must submit it again.
    Lost,
}

/// A request that changes something, sealed under a key that only its browser can bring.
#[derive(Debug)]
pub struct Kept {
    /// Its method.
    pub method: Method,
    /// Its Content-Type.
    pub content_type: Option<HeaderValue>,
    body: Sealed,
}

/// Bytes under a key that only one browser can bring. They are dropped with the value.
#[derive(Debug)]
pub struct Sealed {
    bytes: Vec<u8>,
    nonce: [u8; 12],
}

/// The most bytes of a body that are held (design section 3).
pub const MAX_BODY: usize = 1024 * 1024;

/// The key does not fit, or the bytes were changed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the held request cannot be opened with this browser's secret")]
pub struct NotOurs;

impl Sealed {
    /// Seals `plain` under `key`; what opens it must name the same `what`. One key seals few texts, those of one browser
    /// for one scope, so that random nonces do (NIST SP 800-38D section 8.3).
    ///
    /// # Errors
    /// [`NotOurs`] if the cipher refuses, which it does for no text of a few megabytes.
    pub fn seal(
        mut plain: Vec<u8>,
        what: &[u8],
        key: &[u8; 32],
        nonce: [u8; 12],
    ) -> Result<Self, NotOurs> {
        cipher(key)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(what),
                &mut plain,
            )
            .map_err(|_| NotOurs)?;
        Ok(Self {
            bytes: plain,
            nonce,
        })
    }

    /// The text, if `key` and `what` are those it was sealed with.
    ///
    /// # Errors
    /// [`NotOurs`] for any other.
    pub fn open(mut self, what: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, NotOurs> {
        let plain = cipher(key)?
            .open_in_place(
                Nonce::assume_unique_for_key(self.nonce),
                Aad::from(what),
                &mut self.bytes,
            )
            .map_err(|_| NotOurs)?
            .len();
        self.bytes.truncate(plain);
        Ok(self.bytes)
    }

    /// How many bytes it takes up.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

impl Kept {
    /// Seals a body under `key`.
    ///
    /// # Errors
    /// [`NotOurs`] if the cipher refuses, which it does for no body of up to [`MAX_BODY`].
    pub fn seal(
        method: Method,
        content_type: Option<HeaderValue>,
        body: &[u8],
        key: &[u8; 32],
        nonce: [u8; 12],
    ) -> Result<Self, NotOurs> {
        let body = Sealed::seal(body.to_vec(), method.as_str().as_bytes(), key, nonce)?;
        Ok(Self {
            method,
            content_type,
            body,
        })
    }

    /// The body, if `key` is the one it was sealed under. The sealed bytes are dropped with the value.
    ///
    /// # Errors
    /// [`NotOurs`] for any other key.
    pub fn open(self, key: &[u8; 32]) -> Result<(Method, Option<HeaderValue>, Bytes), NotOurs> {
        let body = self.body.open(self.method.as_str().as_bytes(), key)?;
        Ok((self.method, self.content_type, body.into()))
    }

    /// The same body under another key: the browser's secret has changed.
    ///
    /// # Errors
    /// [`NotOurs`] if `old` does not open it.
    pub fn reseal(self, old: &[u8; 32], new: &[u8; 32], nonce: [u8; 12]) -> Result<Self, NotOurs> {
        let (method, content_type, body) = self.open(old)?;
        Self::seal(method, content_type, &body, new, nonce)
    }

    /// How many bytes it takes up.
    pub fn size(&self) -> usize {
        self.body.size()
    }
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, NotOurs> {
    Ok(LessSafeKey::new(
        UnboundKey::new(&AES_256_GCM, key).map_err(|_| NotOurs)?,
    ))
}

/// A path and query on the site itself that a browser may be sent to (S9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination(Box<str>);

impl Destination {
    /// Takes a target as received; what could lead off the site or into the gateway's own pages becomes `/`.
    pub fn of(raw: &str) -> Self {
        let once = percent_decode_str(raw).decode_utf8_lossy();
        let safe = [raw, &once].into_iter().all(|text| {
            let path = text.split(['?', '#']).next().unwrap_or_default();
            text.starts_with('/')
                && !text.starts_with("//")
                && !path.contains('\\')
                && !text.chars().any(char::is_control)
                && !path.to_ascii_lowercase().contains("/.countersign")
        });
        Self(if safe { raw.into() } else { "/".into() })
    }

    /// Path and query.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s9_a_destination_stays_on_the_site_and_off_our_pages() {
        for good in [
            "/",
            "/a/b?c=d",
            "/a?next=//evil.example",
            "/a%2Fb",
            "/x?u=https://e",
            "/a?p=%5c",
        ] {
            assert_eq!(Destination::of(good).as_str(), good);
        }
        for bad in [
            "//evil.example",
            "/\\evil.example",
            "\\\\evil",
            "https://evil.example/",
            "evil",
            "",
            "/%5cevil",
            "/%2fevil.example",
            "/a\nb",
            "/a%0d%0ab",
            " /a",
            "/.countersign/sign-out",
            "/%2ecountersign/c/1",
            "/x/../.countersign/ask",
        ] {
            assert_eq!(Destination::of(bad).as_str(), "/", "{bad:?}");
        }
    }

    #[test]
    fn s7_a_held_body_opens_for_its_browser_only() {
        let kept = || Kept::seal(Method::POST, None, b"title=x", &[7; 32], [1; 12]).unwrap();
        assert!(
            !kept().body.bytes.windows(5).any(|part| part == b"title"),
            "it is not kept in clear"
        );
        assert_eq!(kept().open(&[7; 32]).unwrap().2, "title=x");
        assert_eq!(kept().open(&[8; 32]).unwrap_err(), NotOurs);
        let mut changed = kept();
        changed.method = Method::DELETE;
        assert_eq!(changed.open(&[7; 32]).unwrap_err(), NotOurs);
    }
}
