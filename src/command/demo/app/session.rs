//! Who is signed in, and which browser a login form was shown to.
//!
//! One cookie does both, as in most applications. Before the login it names a stranger, of whom nothing is kept; a good
//! login draws a new one, so that nobody is signed in by a value that somebody else could have planted.

use std::collections::VecDeque;
use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::Cookie;
use hmac::{Hmac, KeyInit, Mac};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;

use super::lock;

/// Everybody who is signed in. Strangers are not in it, so that they cannot push anybody out.
pub(super) struct Sessions {
    /// The oldest first. A plain lock: it is held for a search of a short list.
    open: Mutex<VecDeque<Session>>,
    /// Makes the tokens of login forms; gone with the process, and they with it.
    key: [u8; 32],
}

struct Session {
    id: String,
    user: &'static str,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            open: Mutex::default(),
            key: rand::random(),
        }
    }
}

impl Sessions {
    /// Signs `user` in under a new identifier.
    pub(super) fn open(&self, user: &'static str) -> String {
        let id = draw();
        let mut open = lock(&self.open);
        if open.len() == MOST {
            open.pop_front();
        }
        open.push_back(Session {
            id: id.clone(),
            user,
        });
        id
    }

    /// Signs out whoever this request speaks for.
    pub(super) fn end(&self, headers: &HeaderMap) {
        let ended: Vec<String> = ids(headers).collect();
        lock(&self.open).retain(|session| !ended.contains(&session.id));
    }

    /// Whom this request speaks for.
    pub(super) fn user(&self, headers: &HeaderMap) -> Option<&'static str> {
        let open = lock(&self.open);
        ids(headers).find_map(|id| {
            open.iter()
                .find(|session| session.id == id)
                .map(|session| session.user)
        })
    }

    /// The value that a form brings back to show that it was shown to the browser with the cookie `id`.
    pub(super) fn token(&self, id: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(id).finalize().into_bytes())
    }

    /// Whether `token` was made for `id`.
    pub(super) fn fits(&self, token: &str, id: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(token)
            .is_ok_and(|token| self.mac(id).verify_slice(&token).is_ok())
    }

    fn mac(&self, id: &str) -> Hmac<Sha256> {
        let mac: Hmac<Sha256> =
            KeyInit::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.chain_update(id)
    }
}

/// A new identifier: 128 bits of chance.
pub(super) fn draw() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The identifiers that a request brings.
pub(super) fn ids(headers: &HeaderMap) -> impl Iterator<Item = String> {
    headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|field| field.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .filter(|cookie| cookie.name() == NAME && !cookie.value().is_empty())
        .map(|cookie| cookie.value().to_owned())
}

/// Gives a browser this identifier, until it is closed.
pub(super) fn cookie(id: &str) -> HeaderValue {
    written(&format!("{NAME}={id}; {ATTRIBUTES}"))
}

/// Takes it away again.
pub(super) fn no_cookie() -> HeaderValue {
    written(&format!("{NAME}=; Max-Age=0; {ATTRIBUTES}"))
}

fn written(cookie: &str) -> HeaderValue {
    HeaderValue::from_str(cookie).expect("names, attributes and hexadecimal digits of ours")
}

/// What the cookie is called; the gateway's configuration names it, too.
pub(in super::super) const NAME: &str = "demo_session";
/// Not Secure, as the application speaks http; not for scripts, and not with another site's forms.
const ATTRIBUTES: &str = "Path=/; HttpOnly; SameSite=Lax";
/// As many people as a demonstration can have; the oldest goes first.
pub(super) const MOST: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_the_browser_it_was_made_for_and_no_other() {
        let sessions = Sessions::default();
        let (ours, theirs) = (draw(), draw());
        let token = sessions.token(&ours);
        assert!(sessions.fits(&token, &ours));
        assert!(!sessions.fits(&token, &theirs));
        assert!(
            !Sessions::default().fits(&token, &ours),
            "another process has another key"
        );
        for bad in ["", "x", &token[1..], &format!("{token}A"), "=!"] {
            assert!(!sessions.fits(bad, &ours), "{bad:?}");
        }
    }

    #[test]
    fn a_cookie_is_read_among_others_and_an_empty_one_is_none() {
        let mut headers = HeaderMap::new();
        headers.append(
            COOKIE,
            HeaderValue::from_static("a=b; demo_session=; demo_session=1"),
        );
        headers.append(
            COOKIE,
            HeaderValue::from_static("xdemo_session=3; demo_session=2"),
        );
        assert_eq!(ids(&headers).collect::<Vec<_>>(), ["1", "2"]);
    }
}
