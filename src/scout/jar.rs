//! The cookies of one scout for one host, as a browser keeps them (RFC 6265 section 5.3): by name and path, to their end.
//!
//! `Secure` is kept out of it: a scout goes to an application past any TLS in front of it, and an application that is told
//! of https by a header marks its cookies so.

use http::{HeaderMap, HeaderValue, header};

use crate::capture::cookie;
use crate::target::Target;

/// What is kept, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Jar {
    kept: Vec<Kept>,
}

/// One cookie.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub name: Vec<u8>,
    /// Its value as it stands, quotes and all.
    pub value: Vec<u8>,
    /// The paths it goes to.
    pub path: Vec<u8>,
    /// Whether scripts cannot read it.
    pub http_only: bool,
}

impl Jar {
    /// Takes in what an answer to `at` of `host` sets, in order. `now` is unix seconds.
    pub fn take_in(&mut self, host: &str, at: &Target, fields: &HeaderMap, now: u64) {
        for field in fields.get_all(header::SET_COOKIE) {
            let Some(set) = cookie::set(field, now) else {
                continue;
            };
            if attribute(field, "domain").is_some_and(|domain| !is_of(host, domain)) {
                continue;
            }
            let path = match attribute(field, "path") {
                Some(path) if path.starts_with(b"/") => path.to_vec(),
                _ => cookie::default_path(at.path().as_bytes()).to_vec(),
            };
            let place = |kept: &Kept| kept.name == set.name && kept.path == path;
            let found = self.kept.iter().position(place);
            if set.deletes {
                self.kept.retain(|kept| !place(kept));
                continue;
            }
            let kept = Kept {
                name: set.name.to_vec(),
                value: set.value.to_vec(),
                http_only: set.http_only,
                path,
            };
            match found {
                Some(at) => self.kept[at] = kept,
                None => self.kept.push(kept),
            }
        }
    }

    /// All of them.
    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Those whose name is wanted.
    #[must_use]
    pub fn only(&self, wanted: impl Fn(&[u8]) -> bool) -> Self {
        let kept = self.kept.iter().filter(|kept| wanted(&kept.name));
        Self {
            kept: kept.cloned().collect(),
        }
    }

    /// The Cookie field for a request to `to`: longer paths first, then the older; `None` if there is nothing to send.
    pub fn field(&self, to: &Target) -> Option<HeaderValue> {
        let path = to.path().as_bytes();
        let mut sent: Vec<&Kept> = self
            .kept
            .iter()
            .filter(|kept| covers(&kept.path, path))
            .collect();
        sent.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        let pairs = sent
            .iter()
            .map(|kept| (kept.name.as_slice(), kept.value.as_slice()));
        cookie::Jar::of(pairs).field()
    }
}

/// The name and the length of the value: a session's id opens what a password opens.
impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept")
            .field("name", &String::from_utf8_lossy(&self.name))
            .field("length", &self.value.len())
            .field("path", &String::from_utf8_lossy(&self.path))
            .field("http_only", &self.http_only)
            .finish()
    }
}

/// The last attribute of this name (RFC 6265 section 5.3).
fn attribute<'h>(field: &'h HeaderValue, name: &str) -> Option<&'h [u8]> {
    let mut found = None;
    for part in field.as_bytes().split(|&b| b == b';').skip(1) {
        let end = part.iter().position(|&b| b == b'=').unwrap_or(part.len());
        if part[..end]
            .trim_ascii()
            .eq_ignore_ascii_case(name.as_bytes())
        {
            found = Some(part.get(end + 1..).unwrap_or_default().trim_ascii());
        }
    }
    found.filter(|value| !value.is_empty())
}

/// Whether a host may set a cookie for this domain (RFC 6265 section 5.1.3). There is no list of public suffixes here.
fn is_of(host: &str, domain: &[u8]) -> bool {
    let domain = domain.strip_prefix(b".").unwrap_or(domain);
    let domain = domain.to_ascii_lowercase();
    let host = host.trim_matches(['[', ']']).as_bytes();
    host.strip_suffix(domain.as_slice())
        .is_some_and(|rest| rest.is_empty() || rest.ends_with(b"."))
}

/// RFC 6265 section 5.1.4.
fn covers(own: &[u8], path: &[u8]) -> bool {
    path.strip_prefix(own)
        .is_some_and(|rest| rest.is_empty() || own.ends_with(b"/") || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use http::uri::PathAndQuery;

    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn target(text: &'static str) -> Target {
        Target::parse(PathAndQuery::from_static(text)).unwrap()
    }

    fn jar(at: &'static str, sets: &[&'static str]) -> Jar {
        let mut fields = HeaderMap::new();
        for set in sets {
            fields.append(header::SET_COOKIE, HeaderValue::from_static(set));
        }
        let mut jar = Jar::default();
        jar.take_in("app.test", &target(at), &fields, NOW);
        jar
    }

    fn sent(jar: &Jar, to: &'static str) -> String {
        let field = jar.field(&target(to));
        field.map_or_else(String::new, |field| field.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_cookie_goes_to_its_path_and_what_is_below() {
        let jar = jar("/app/login", &["a=1", "b=2; Path=/", "c=3; Path=/app/x"]);
        assert_eq!(sent(&jar, "/app/login"), "a=1; b=2");
        assert_eq!(sent(&jar, "/app/x/y"), "c=3; a=1; b=2");
        assert_eq!(sent(&jar, "/application"), "b=2");
        assert_eq!(sent(&jar, "/app"), "a=1; b=2");
    }

    #[test]
    fn one_name_for_two_paths_is_two_cookies_and_the_last_of_a_path_counts() {
        let jar = jar("/", &["a=1; Path=/x", "a=2; Path=/", "a=3; Path=/x"]);
        assert_eq!(sent(&jar, "/x"), "a=3; a=2");
        assert_eq!(sent(&jar, "/"), "a=2");
    }

    #[test]
    fn a_deletion_takes_out_the_one_of_its_path() {
        let one = jar("/", &["a=1", "b=2", "a=; Max-Age=0"]);
        assert_eq!(sent(&one, "/"), "b=2");
        let other = jar("/", &["a=1; Path=/x", "a=0; Path=/; Max-Age=0"]);
        assert_eq!(sent(&other, "/x"), "a=1");
    }

    #[test]
    fn nobody_sets_cookies_for_somebody_else() {
        let jar = jar(
            "/",
            &[
                "a=1; Domain=.test",
                "b=2; Domain=other.test",
                "c=3; Domain=APP.test",
                "d=4; Domain=pp.test",
            ],
        );
        assert_eq!(sent(&jar, "/"), "a=1; c=3");
    }

    #[test]
    fn values_stay_as_they_are() {
        let jar = jar("/", &["username-a=\"2|1:0|x=\"; HttpOnly; Path=/"]);
        assert_eq!(sent(&jar, "/lab"), "username-a=\"2|1:0|x=\"");
        assert!(jar.kept()[0].http_only);
        let none = jar.only(|name| name == b"other");
        assert!(none.is_empty() && none.field(&target("/")).is_none());
    }

    #[test]
    fn c8_a_value_is_not_in_its_debug_text() {
        let jar = jar("/", &["sid=5up3rs3cret"]);
        assert!(!format!("{jar:?}").contains("5up3rs3cret"), "{jar:?}");
    }
}
