//! Names of fields by which an application could be told who the visitor is: none of them is the visitor's to say (R10). And
//! of those by which it could be told another address than the one that is judged, which is nobody's to say (R5).
//!
//! Applications read fields as variables (`HTTP_X_REMOTE_USER`), and servers come to that name in ways of their own: capitals
//! for small letters, and `_` for `-`, or for whatever is neither a letter nor a digit. So all such spellings are one name
//! here.

use http::HeaderName;

/// A name, or the beginning of one, that visitors must not use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// In small letters and dashes.
    name: Box<[u8]>,
    /// What begins so is meant, too.
    all: bool,
}

/// The text is neither the name of a field nor the beginning of one with a `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a header is wanted, or its beginning and a `*`")]
pub struct NoClaim;

impl Claim {
    /// `X-User`, or `X-Auth-*` for all that begin so.
    ///
    /// # Errors
    /// [`NoClaim`]
    pub fn parse(text: &str) -> Result<Self, NoClaim> {
        let (name, all) = match text.strip_suffix('*') {
            Some(start) => (start, true),
            None => (text, false),
        };
        // Never `*` alone, nor a letter and `*`: too much would go with it.
        let named = name.len() > 2 && HeaderName::from_bytes(name.as_bytes()).is_ok();
        if !named || name.contains('*') {
            return Err(NoClaim);
        }
        Ok(Self {
            name: name.bytes().map(fold).collect(),
            all,
        })
    }

    /// That name, in any spelling.
    pub fn of(name: &HeaderName) -> Self {
        Self {
            name: name.as_str().bytes().map(fold).collect(),
            all: false,
        }
    }

    /// Whether `name` is one of its spellings.
    pub fn covers(&self, name: &str) -> bool {
        begins(name.as_bytes(), &self.name) && (self.all || name.len() == self.name.len())
    }
}

/// Whether no site's visitors may use that name: what proxies in front of applications are known to call their users, and
/// what this gateway writes itself.
pub(super) fn is_reserved(name: &str) -> bool {
    let name = name.as_bytes();
    // Every name that can match begins with one of these letters: the common fields leave here.
    if !matches!(name.first(), Some(b'x' | b'r' | b's' | b'f')) {
        return false;
    }
    RESERVED
        .iter()
        .any(|own| begins(name, own) && (own.ends_with(b"-") || own.len() == name.len()))
}

/// In small letters; with a dash at its end a beginning.
///
/// A module of IIS writes the address as it came into `X-Original-URL`, another one into `X-Rewrite-URL`, and `MediaWiki`, Yii
/// and old versions of Symfony and Zend take them for the address whoever wrote them (CVE-2018-14773).
const RESERVED: [&[u8]; 12] = [
    b"remote-user",
    b"forwarded",
    b"x-remote-user",
    b"x-real-ip",
    b"x-original-url",
    b"x-rewrite-url",
    b"x-webauth-user",
    b"x-forwarded-",
    b"x-countersign-",
    b"x-auth-request-",
    b"ssl-client-",
    b"x-ssl-",
];

/// Byte by byte: most names differ in the first or third, and none is copied.
fn begins(name: &[u8], start: &[u8]) -> bool {
    name.len() >= start.len()
        && name
            .iter()
            .zip(start)
            .all(|(own, other)| fold(*own) == *other)
}

fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() {
        byte.to_ascii_lowercase()
    } else {
        b'-'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r10_every_spelling_of_a_reserved_name_is_that_name() {
        for name in [
            "x-remote-user",
            "x_remote_user",
            "x-remote_user",
            "x.remote.user",
            "x-remote~user",
            "remote_user",
            "remote!user",
            "x_forwarded_for",
            "x-forwarded-anything",
            "x_countersign.user",
            "x-countersign-",
            "ssl_client_s_dn",
            "x-ssl-client-cn",
            "x-webauth-user",
            "x_auth_request_email",
            "forwarded",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in [
            "x-remote-users",
            "x-remoteuser",
            "remote-user-agent",
            "x-requested-with",
            "referer",
            "sec-fetch-site",
            "forwarded-for",
            "x-forwarded",
            "x",
            "",
            "accept",
        ] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn r10_a_claim_covers_its_spellings_and_no_other_name() {
        for (text, covered, other) in [
            (
                "X-App_User",
                &["x-app-user", "x_app_user", "x-app.user"] as &[&str],
                &["x-app-user2", "x-app-use", "app-user"] as &[&str],
            ),
            (
                "X-Auth-*",
                &["x-auth-", "x_auth_name", "x-auth-a-b"],
                &["x-auth", "x-authority"],
            ),
            ("Auth*", &["auth", "authorization", "auth_x"], &["aut"]),
        ] {
            let claim = Claim::parse(text).unwrap();
            for name in covered {
                assert!(claim.covers(name), "{text} {name}");
            }
            for name in other {
                assert!(!claim.covers(name), "{text} {name}");
            }
        }
        for text in [
            "", "*", "x*", "x-*", "a b", "X-Us*er", "X-User**", "X-Usér", "X:User",
        ] {
            assert_eq!(Claim::parse(text), Err(NoClaim), "{text}");
        }
    }
}
