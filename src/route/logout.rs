//! `logout = "/wp-login.php?action=logout"`: whether a request may be the one that signs out at the application.

use http::Method;

use crate::target::{Target, decode_once};

use super::condition::Condition;
use super::entry::has_short_name;
use super::glob::Cover;
use super::pattern::{BadPattern, Pattern};

/// Where people sign out of the application: a path pattern, and the fields that its query must have.
///
/// It is found as a closing route is, in any reading of a request that some server could have: a grant that ends too often
/// costs a code, one that outlives its session opens the application to whoever sits down next (S5).
#[derive(Clone, Debug)]
pub struct Logout {
    path: Pattern,
    query: Vec<Condition>,
}

/// Why a text is no [`Logout`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLogout {
    /// Its path is none.
    #[error(transparent)]
    Path(#[from] BadPattern),
    /// It has a fragment, which no browser sends.
    #[error("browsers do not send what stands behind `#`")]
    Fragment,
    /// It is every path there is, whatever its query.
    #[error(
        "every request would sign out: name the path, or what its query has, as in `/**?do=logout`"
    )]
    Everything,
}

impl Logout {
    /// Takes a path pattern, and behind a `?` any `name=value` joined by `&`, in any order; a name without `=` may have any
    /// value, and a value may be a glob. Escapes mean the characters themselves, as in an address that was copied.
    ///
    /// # Errors
    /// [`BadLogout`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, BadLogout> {
        if text.contains('#') {
            return Err(BadLogout::Fragment);
        }
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let conditions: Vec<Condition> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, "**"));
                Condition::new(&decoded(name), &decoded(value))
            })
            .collect();
        if conditions.is_empty() && matches!(path, "/" | "/*" | "/**") {
            return Err(BadLogout::Everything);
        }
        Ok(Self {
            path: Pattern::parse(path)?,
            query: conditions,
        })
    }

    /// Whether some server could take the request for this one. No application signs out for OPTIONS.
    #[must_use]
    pub fn may_be(&self, method: &Method, target: &Target) -> bool {
        *method != Method::OPTIONS
            && target.each().any(|reading| {
                self.path.covers(reading.folded) > Cover::No
                    || (has_short_name(reading.folded)
                        && self.path.covers_short_names(reading.folded))
            })
            && self
                .query
                .iter()
                .all(|field| field.may_hold_in_query(target))
    }
}

fn decoded(text: &str) -> String {
    let bytes = decode_once(text.as_bytes());
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(logout: &str, method: &Method, target: &str) -> bool {
        let target = Target::parse(target.parse().unwrap()).unwrap();
        Logout::parse(logout).unwrap().may_be(method, &target)
    }

    #[test]
    fn s5_a_logout_is_found_in_every_reading_of_a_request() {
        for (logout, targets) in [
            (
                "/logout",
                &[
                    "/logout",
                    "/logout/",
                    "/LogOut",
                    "/x/../logout",
                    "/%6cogout",
                    "/logout;a=b",
                    "/logout?next=/",
                ][..],
            ),
            (
                "/wp-login.php?action=logout",
                &[
                    "/wp-login.php?action=logout&_wpnonce=1",
                    "/wp-login.php?x&action=log%6fut",
                    "/wp-login.php?action=login&action=logout",
                ],
            ),
            (
                "/**?do=logout",
                &["/doku.php?id=a&do=logout", "/?do=logout", "/a/b?do=logout"],
            ),
            (
                "/index.php?route=/logout",
                &[
                    "/index.php?route=/logout",
                    "/index.php?route=%2Flogout",
                    "/index.php?a&route=/logout",
                ],
            ),
            (
                "/index.php?title=Special%3AUserLogout",
                &[
                    "/index.php?title=Special:UserLogout",
                    "/index.php?title=Special%3AUserLogout&x=1",
                ],
            ),
            ("/?logout", &["/?logout", "/?logout=1", "/?logout="]),
            ("/{logout,exit}", &["/logout", "/exit"]),
        ] {
            for target in targets {
                for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE] {
                    assert!(is(logout, &method, target), "{logout}: {method} {target}");
                }
                assert!(!is(logout, &Method::OPTIONS, target), "{logout}: {target}");
            }
        }
    }

    #[test]
    fn other_requests_are_no_logout() {
        for (logout, targets) in [
            (
                "/logout",
                &["/", "/logouts", "/login", "/a/logout", "/?logout"][..],
            ),
            (
                "/wp-login.php?action=logout",
                &[
                    "/wp-login.php",
                    "/wp-login.php?action=login",
                    "/x.php?action=logout",
                    "/wp-login.php?faction=logout",
                ],
            ),
            (
                "/**?do=logout",
                &["/", "/doku.php?do=show", "/doku.php?id=logout"],
            ),
            ("/?logout", &["/", "/?login"]),
        ] {
            for target in targets {
                assert!(!is(logout, &Method::GET, target), "{logout}: {target}");
            }
        }
    }

    #[test]
    fn every_request_is_no_logout() {
        for text in ["/", "/**", "/*", "/**?", "/?&"] {
            assert_eq!(
                Logout::parse(text).unwrap_err(),
                BadLogout::Everything,
                "{text}"
            );
        }
        assert_eq!(Logout::parse("/a#b").unwrap_err(), BadLogout::Fragment);
        assert_eq!(
            Logout::parse("/a//b").unwrap_err(),
            BadLogout::Path(BadPattern::DoubleSlash)
        );
    }
}
