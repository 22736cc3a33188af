//! Telling the application who it is and what they have shown, in a way that it can check (R10).
//!
//! ```text
//! X-Countersign-User: ann
//! X-Countersign-Scope: login
//! X-Countersign-Signature: t=1795375800,v1=0f3c…
//! ```
//! The signature is for applications that others than the gateway can reach: HMAC-SHA-256 under the site's key, in
//! hexadecimal, over seven lines without an end after the last: `v1`, the time in Unix seconds, the site's name, user,
//! scope, method and target as they go up. None of them can hold a line end. The body is not signed.

use std::fmt::Write;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use sha2::Sha256;

use crate::gate::{Grants, Pass, Way};
use crate::request::claim::Claim;
use crate::secret::Secret;
use crate::site::Site;

/// `[sites.NAME.identity]`
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// A further field that carries the user, as the application reads it.
    pub header: Option<HeaderName>,
    /// Names that visitors must not use, beside those that none may.
    pub strip: Vec<Claim>,
    /// At least 32 bytes.
    pub sign_key: Option<Secret>,
}

/// How a site's application is told.
#[derive(Clone, Debug)]
pub struct Identity {
    header: Option<HeaderName>,
    claims: Vec<Claim>,
    key: Option<Hmac<Sha256>>,
}

/// What is signed of a request beside who sends it.
pub(super) struct Signed<'a> {
    pub(super) site: &'a Site,
    pub(super) method: &'a Method,
    pub(super) target: &'a Uri,
    /// The time in Unix seconds.
    pub(super) unix: u64,
}

const USER: HeaderName = HeaderName::from_static("x-countersign-user");
const SCOPE: HeaderName = HeaderName::from_static("x-countersign-scope");
const SIGNATURE: HeaderName = HeaderName::from_static("x-countersign-signature");

impl Identity {
    /// Makes ready what is the same for every request.
    ///
    /// # Panics
    /// Never: HMAC takes a key of any length (RFC 2104).
    pub fn new(settings: Settings) -> Self {
        let Settings {
            header,
            mut strip,
            sign_key,
        } = settings;
        strip.extend(header.as_ref().map(Claim::of));
        Self {
            header,
            claims: strip,
            key: sign_key.map(|key| {
                Hmac::new_from_slice(key.expose()).expect("HMAC takes a key of any length")
            }),
        }
    }

    /// Takes away whatever the visitor said of themself, and says who it is if that is known.
    pub(super) fn tell(&self, fields: &mut HeaderMap, pass: &Pass, signed: &Signed<'_>) {
        self.strip(fields);
        let Way::Granted(grants) = pass.way() else {
            return;
        };
        let Some(first) = grants.first() else { return };
        let subject = first.subject().as_str();
        if let Some(header) = &self.header {
            // As it is, or not at all: what an application makes of other bytes, nobody knows.
            match HeaderValue::from_str(subject) {
                Ok(who) => drop(fields.insert(header, who)),
                Err(_) => drop(fields.remove(header)),
            }
        }
        let (user, scope) = (visible(subject), scopes(grants));
        if let Some(key) = &self.key {
            let signature = signed.signature(key, &user, &scope);
            fields.insert(SIGNATURE, signature);
        }
        for (name, text) in [(USER, user), (SCOPE, scope)] {
            if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(text)) {
                fields.insert(name, value);
            }
        }
    }

    fn strip(&self, fields: &mut HeaderMap) {
        let claimed = |name: &&HeaderName| {
            let claims = &mut self.claims.iter();
            claims.any(|claim| claim.covers(name.as_str()))
        };
        // Nearly always there is none.
        while let Some(name) = fields.keys().find(claimed).cloned() {
            fields.remove(name);
        }
    }
}

impl Signed<'_> {
    fn signature(&self, key: &Hmac<Sha256>, user: &str, scope: &str) -> HeaderValue {
        let target = self.target.path_and_query().map_or("/", |all| all.as_str());
        let (mut text, site) = (String::with_capacity(100), self.site.name.as_str());
        // Writing to a text cannot fail.
        let _ = write!(text, "{}", self.unix);
        let mut mac = key.clone();
        let parts = ["v1", &text, site, user, scope, self.method.as_str(), target];
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                mac.update(b"\n");
            }
            mac.update(part.as_bytes());
        }
        text.insert_str(0, "t=");
        text.push_str(",v1=");
        for byte in mac.finalize().into_bytes() {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
            }
        }
        HeaderValue::from_maybe_shared(Bytes::from(text)).expect("digits, letters and signs")
    }
}

/// The names of the scopes that let the request through, with commas between them.
fn scopes(grants: &Grants) -> String {
    let mut all = String::new();
    for grant in grants {
        if !all.is_empty() {
            all.push(',');
        }
        all.push_str(grant.scope().as_str());
    }
    all
}

/// Visible ASCII as it is but for `%`, every other byte as `%` and two digits (RFC 3986 section 2.1).
fn visible(subject: &str) -> String {
    let mut text = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            text.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::tests::site;

    /// Worked out by Python's `hmac`, as the documentation shows it.
    #[test]
    fn r10_a_signature_is_what_the_documentation_says() {
        let key = Hmac::new_from_slice(b"0123456789abcdef0123456789abcdef").unwrap();
        let site = site(&[]);
        let target = Uri::from_static("/a%20b?c=d|e");
        let signed = Signed {
            site: &site,
            method: &Method::POST,
            target: &target,
            unix: 1_795_375_800,
        };
        let signature = signed.signature(&key, "ann", "login");
        assert_eq!(
            signature.to_str().unwrap(),
            "t=1795375800,v1=47c648949d6617cf782e2cb9220a85cf41c050bd82ae761f88f746fe55e34ba8"
        );
        for (user, scope) in [("anne", "login"), ("ann", "login,admin"), ("an", "nlogin")] {
            assert_ne!(signed.signature(&key, user, scope), signature);
        }
    }

    #[test]
    fn every_name_can_be_said() {
        for (subject, said) in [
            ("ann", "ann"),
            ("ann@example.com", "ann@example.com"),
            ("corp\\ann", "corp\\ann"),
            ("zo\u{eb} m\u{fc}ller", "zo%C3%AB%20m%C3%BCller"),
            ("100%", "100%25"),
        ] {
            assert_eq!(visible(subject), said);
            assert!(HeaderValue::from_str(said).is_ok());
        }
    }
}
