//! Session ids in addresses (`/home;jsessionid=0A1B`), which servers take in the place of a cookie that does not come.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::{Readings, Target};

/// What servers call it and its cookie unless they are told otherwise: Servlet 6.0 section 7.1.3, and PHP's `session.name`.
pub(crate) const NAMES: [&[u8]; 2] = [b"JSESSIONID", b"PHPSESSID"];

/// Between `;jsessionid=` and the end of a segment.
const MARK: &[u8] = b";jsessionid=";

impl Target {
    /// The session ids that some server could find in it, each with its name: parameters of the path in any reading, by the usual names or by one
    /// that `is_session` knows, and by the usual names in the query, where any other name may mean anything.
    pub fn sessions(
        &self,
        is_session: impl Fn(&[u8]) -> bool,
    ) -> impl Iterator<Item = (&[u8], &[u8])> {
        // Nothing stands in a plain path but letters, and nearly every path is plain.
        let odd = matches!(self.readings, Readings::Many(_));
        let readings = odd.then(|| self.each()).into_iter().flatten();
        let parameters = readings.flat_map(|reading| {
            let segments = reading.exact.split(|b| *b == b'/');
            segments.flat_map(|segment| segment.split(|b| *b == b';').skip(1))
        });
        let in_path = parameters.filter_map(move |pair| {
            pair_of(pair).filter(|(name, _)| is_usual(name) || is_session(name))
        });
        let queries = self.query().map(str::as_bytes).into_iter();
        let in_query = queries
            .chain(self.hidden_queries())
            .flat_map(|query| query.split(|b| matches!(b, b'&' | b';' | b'?')))
            .filter_map(|pair| pair_of(pair).filter(|(name, _)| is_usual(name)));
        in_path.chain(in_query)
    }

    /// The same address without them, as far as they stand there in clear.
    #[must_use]
    pub fn without_sessions(&self, is_session: impl Fn(&[u8]) -> bool) -> String {
        let stays = |pair: &&str| {
            pair_of(pair.as_bytes()).is_none_or(|(name, _)| !is_usual(name) && !is_session(name))
        };
        let segments = self.path().split('/').map(|segment| {
            let mut parts = segment.split(';');
            let first = parts.next().unwrap_or_default();
            parts
                .filter(stays)
                .fold(first.to_owned(), |whole, part| whole + ";" + part)
        });
        let path = segments.collect::<Vec<_>>().join("/");
        let is_other =
            |pair: &&str| pair_of(pair.as_bytes()).is_none_or(|(name, _)| !is_usual(name));
        let query = self
            .query()
            .map(|query| query.split('&').filter(is_other).collect::<Vec<_>>());
        match query.filter(|query| !query.is_empty()) {
            Some(query) => format!("{path}?{}", query.join("&")),
            None => path,
        }
    }
}

/// A path without the session id that a Java server writes at its end into the addresses of its forms.
pub(crate) fn without_session(path: &[u8]) -> &[u8] {
    let Some(at) = path.iter().rposition(|b| *b == b';') else {
        return path;
    };
    let is_id = |id: &[u8]| {
        let is_letter = |b: &u8| b.is_ascii_alphanumeric() || b"._-!:".contains(b);
        !id.is_empty() && id.iter().all(is_letter)
    };
    match path[at..].strip_prefix(MARK) {
        Some(id) if is_id(id) => &path[..at],
        _ => path,
    }
}

/// Whether what stands in an address is this value of a cookie.
pub(crate) fn is_value(shown: &[u8], value: &[u8]) -> bool {
    shown == value || Cow::from(percent_decode(shown)) == value
}

/// A name and a value, if neither is empty.
fn pair_of(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = pair.iter().position(|b| *b == b'=')?;
    let (name, value) = (&pair[..at], &pair[at + 1..]);
    (!name.is_empty() && !value.is_empty()).then_some((name, value))
}

fn is_usual(name: &[u8]) -> bool {
    let plain = |name: &[u8]| NAMES.iter().any(|usual| usual.eq_ignore_ascii_case(name));
    // Nearly every name is plain, and nothing is decoded for it.
    if name.iter().any(|b| matches!(b, b'%' | b'+' | b' ')) {
        let name: Vec<u8> = percent_decode(name).collect();
        let name = name.split(|b| *b == 0).next().unwrap_or_default();
        let blanks = name.iter().take_while(|b| matches!(b, b' ' | b'+')).count();
        return plain(&name[blanks..]);
    }
    plain(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        Target::parse(text.parse().unwrap()).unwrap()
    }

    fn is_ours(name: &[u8]) -> bool {
        name.eq_ignore_ascii_case(b"sid")
    }

    #[test]
    fn a_session_is_found_in_every_segment_and_reading() {
        for text in [
            "/a;jsessionid=S",
            "/a;v=1;JSESSIONID=S/b",
            "/;jsessionid=S",
            "/a;sid=S",
            "/a;SID=S;x",
            "/a%3Bjsessionid=S",
            "/a;jsession%69d=S",
            "/a?jsessionid=S",
            "/a?x=1&PHPSESSID=S",
            "/a?x=1;phpsessid=S",
            "/a?PHPSESS%49D=S",
            "/a?+PHPSESSID=S",
            "/a?phpsessid%00x=S",
            "/a%3Fphpsessid=S",
        ] {
            let Ok(target) = Target::parse(text.parse().unwrap()) else {
                assert!(text.contains("%00"), "{text}");
                continue;
            };
            assert!(target.sessions(is_ours).any(|(_, id)| id == b"S"), "{text}");
        }
        for text in [
            "/",
            "/a;b=c",
            "/jsessionid=S",
            "/a?sid=S&x=y",
            "/a;jsessionid=",
            "/a?b=jsessionid",
        ] {
            assert_eq!(target(text).sessions(is_ours).count(), 0, "{text}");
        }
    }

    #[test]
    fn an_address_goes_on_without_it() {
        for (text, rest) in [
            ("/a;jsessionid=S", "/a"),
            ("/a;v=1;jsessionid=S;w/b;sid=S", "/a;v=1;w/b"),
            ("/;jsessionid=S", "/"),
            ("/a;jsessionid=S?x=1&PHPSESSID=S&y", "/a?x=1&y"),
            ("/a?PHPSESSID=S", "/a"),
            ("/a;b=c?d", "/a;b=c?d"),
            ("//evil.example;jsessionid=S", "//evil.example"),
        ] {
            assert_eq!(target(text).without_sessions(is_ours), rest, "{text}");
        }
    }

    #[test]
    fn a_java_servers_mark_at_the_end_of_a_path_is_no_part_of_it() {
        for (path, rest) in [
            ("/login;jsessionid=0A1B.node-1!x:y", "/login"),
            ("/;jsessionid=1", "/"),
            ("/login", "/login"),
            ("/login;x", "/login;x"),
            ("/login;jsessionid=", "/login;jsessionid="),
            ("/login;JSESSIONID=1", "/login;JSESSIONID=1"),
            ("/login;jsessionid=1/x", "/login;jsessionid=1/x"),
            ("/login;jsessionid=1;x", "/login;jsessionid=1;x"),
            ("/login;jsessionid=1%2fx", "/login;jsessionid=1%2fx"),
        ] {
            assert_eq!(without_session(path.as_bytes()), rest.as_bytes(), "{path}");
        }
    }

    #[test]
    fn a_value_is_itself_in_escapes_too() {
        assert!(is_value(b"a%7Cb", b"a|b") && is_value(b"a%7Cb", b"a%7Cb"));
        assert!(!is_value(b"a", b"b"));
    }
}
