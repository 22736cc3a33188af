//! Tokens: what an application gives to a script in the place of a cookie, and where a request shows one again.

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderName};
use percent_encoding::percent_decode;
use serde_json::Value;

use crate::grant::Grant;
use crate::grant::prints::Print;
use crate::moment::Moment;
use crate::target::Target;

/// What stands for a cookie's name where a token is kept or printed: no cookie's name has a `=` in it.
pub const NAME: &[u8] = b"=token";

/// Outside Authorization and query no shorter word of a head is looked up: shorter ones make no session (design section 3).
pub(super) const SHORTEST: usize = 16;

/// The longest answer to a login that is given to its script (design section 3).
pub const LONGEST: usize = 64 * 1024;

/// The most tokens of one answer: a session has one, with a second that renews it.
pub const MOST: usize = 16;

/// Members whose text is a token, at whatever depth they stand: what applications call them (design section 3), and the
/// one that renews another (RFC 6749 section 5.1).
const MEMBERS: [&str; 6] = [
    "access_token",
    "token",
    "jwt",
    "id_token",
    "session_id",
    "refresh_token",
];

/// The name by which RFC 6750 sections 2.2 and 2.3 let a token stand in a query or a form.
pub(super) const IN_QUERY: &str = "access_token";

/// What becomes of the answer to a login that a script sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// It is held, as a person's is.
    #[default]
    Held,
    /// The script gets it at once, without its cookies; its tokens open nothing until the code is right.
    Relayed {
        /// JSON pointers (RFC 6901) to its tokens, besides the members that are tokens by their name.
        tokens: Vec<Box<str>>,
    },
}

/// The tokens of an answer. They are as good as a password: nothing prints them.
#[derive(Default)]
pub struct Found {
    /// Each once.
    pub values: Vec<Box<[u8]>>,
    /// Whether one stood where the operator says that a login's stands: only a good login's answer has it.
    pub named: bool,
}

impl Answer {
    /// Whether scripts get theirs at once.
    #[must_use]
    pub fn relays(&self) -> bool {
        matches!(self, Self::Relayed { .. })
    }

    /// The tokens in an answer's body, which is out of its coding. `None` if it is no JSON, or has more than [`MOST`]:
    /// nobody can tell what it gives away.
    #[must_use]
    pub fn tokens(&self, body: &[u8]) -> Option<Found> {
        let Self::Relayed { tokens } = self else {
            return Some(Found::default());
        };
        let mut found = Found::default();
        if body.trim_ascii().is_empty() {
            return Some(found);
        }
        let json: Value = serde_json::from_slice(body).ok()?;
        for pointed in tokens.iter().filter_map(|token| json.pointer(token)) {
            found.named |= found.take(pointed);
        }
        // A text alone, as some applications answer, is nothing but the token.
        if json.is_string() {
            found.take(&json);
        }
        found.search(&json);
        (found.values.len() <= MOST).then_some(found)
    }
}

impl Found {
    fn take(&mut self, value: &Value) -> bool {
        let text = match value {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            Value::Number(number) => Cow::Owned(number.to_string()),
            _ => return false,
        };
        // An application may give it with the scheme that it is to be shown with.
        let token = credentials(text.as_bytes());
        if !token.is_empty() && !self.values.iter().any(|known| **known == *token) {
            self.values.push(token.into());
        }
        !token.is_empty()
    }

    /// `serde_json` goes 128 deep at most, and so does this.
    fn search(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    if MEMBERS.contains(&name.as_str()) && member.is_string() {
                        self.take(member);
                    }
                    self.search(member);
                }
            }
            Value::Array(all) => all.iter().for_each(|one| self.search(one)),
            _ => {}
        }
    }
}

/// The token that the Authorization of a request shows: what stands behind the scheme, whatever that is, or all of it
/// where there is none. `None` without one, and with two, of which servers read either.
#[must_use]
pub fn shown(fields: &HeaderMap) -> Option<&[u8]> {
    let mut all = fields.get_all(header::AUTHORIZATION).iter();
    let (first, more) = (all.next()?, all.next());
    more.is_none().then(|| credentials(first.as_bytes()))
}

/// Whatever in the head of a request could be a token: the values of its fields and their parts, its cookies' values and
/// those of its query in any reading. The gateway's own cookies are among them, and are nobody's token. Nor are those in
/// fields that stay behind where a request goes up anonymously.
pub fn candidates<'r>(
    fields: &'r HeaderMap,
    target: &'r Target,
    anonymous: bool,
) -> impl Iterator<Item = Cow<'r, [u8]>> {
    // A list, as of WebSocket protocols, or pairs, as of cookies.
    let apart = |b: &u8| matches!(b, b' ' | b'\t' | b',' | b';' | b'"');
    let goes_up = move |name: &HeaderName| {
        !anonymous || (name != header::AUTHORIZATION && name != header::COOKIE)
    };
    let fields = fields.iter().filter(move |(name, _)| goes_up(name));
    let parts = fields.flat_map(move |(name, value)| {
        let least = if name == header::AUTHORIZATION {
            1
        } else {
            SHORTEST
        };
        let parts = value.as_bytes().split(apart);
        let parts = parts.filter(move |part| part.len() >= least);
        parts.flat_map(|part| {
            let named = part.iter().position(|b| *b == b'=');
            let value = named.map(|at| &part[at + 1..]);
            std::iter::once(part).chain(value.filter(|value| !value.is_empty()))
        })
    });
    let queries = queries(target).map(|(_, value)| value);
    let words = target.each().flat_map(|reading| {
        let words = reading.exact.split(|b| matches!(b, b'/' | b';' | b'='));
        words.filter(|word| word.len() >= SHORTEST)
    });
    let path = words.map(|word| Cow::from(percent_decode(word)));
    parts.map(Cow::Borrowed).chain(queries).chain(path)
}

/// The tokens of a query by the one name that every server of bearer tokens may read.
pub fn in_query(target: &Target) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let named = |name: &[u8]| {
        let decoded: Vec<u8> = percent_decode(name).collect();
        decoded.eq_ignore_ascii_case(IN_QUERY.as_bytes())
    };
    queries(target).filter_map(move |(name, value)| named(name).then_some(value))
}

/// The pairs of a query, in any reading: the value decoded, `+` as it stands, for tokens in base64 have it.
fn queries(target: &Target) -> impl Iterator<Item = (&[u8], Cow<'_, [u8]>)> {
    let all = target.query().map(str::as_bytes).into_iter();
    all.chain(target.hidden_queries()).flat_map(|query| {
        let pairs = query.split(|b| matches!(b, b'&' | b';' | b'?' | b'#'));
        pairs.map(|pair| {
            let at = pair.iter().position(|b| *b == b'=');
            let (name, value) = at.map_or((pair, pair), |at| (&pair[..at], &pair[at + 1..]));
            let value: Cow<'_, [u8]> = percent_decode(value).into();
            let scheme = value.iter().position(|b| matches!(b, b' ' | b'+'));
            // `access_token=Bearer+TOKEN`
            let behind = scheme.filter(|at| value[..*at].eq_ignore_ascii_case(b"bearer"));
            let value = match behind {
                Some(at) => Cow::Owned(value[at + 1..].to_vec()),
                None => value,
            };
            (name, value)
        })
    })
}

/// What stands behind the scheme (RFC 9110 section 11.4).
fn credentials(field: &[u8]) -> &[u8] {
    let field = field.trim_ascii();
    match field.iter().position(|b| matches!(b, b' ' | b'\t')) {
        Some(at) => field[at..].trim_ascii(),
        None => field,
    }
}

/// What grants may know of the token that a request shows.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// Its print under each key in use.
    pub prints: Vec<Print>,
    /// When.
    pub now: Moment,
}

impl Bearer {
    /// Whether one of these grants was earned with it.
    #[must_use]
    pub fn known<'g>(&self, grants: impl IntoIterator<Item = &'g Grant>) -> bool {
        let knows = |grant: &Grant| {
            let mut prints = self.prints.iter();
            prints.any(|print| grant.prints().know(print, self.now))
        };
        grants.into_iter().any(knows)
    }

    /// Its print under the key in use, where these grants know it by an older key's alone: they are to know it by this one
    /// before that key goes (S10).
    #[must_use]
    pub fn renewed(&self, grants: &[Grant]) -> Option<Print> {
        let first = *self.prints.first()?;
        let fresh = !grants
            .iter()
            .any(|grant| grant.prints().know(&first, self.now));
        (fresh && self.known(grants)).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn relayed(tokens: &[&str]) -> Answer {
        Answer::Relayed {
            tokens: tokens.iter().map(|&token| token.into()).collect(),
        }
    }

    fn found(answer: &Answer, body: &str) -> (Vec<String>, bool) {
        let found = answer.tokens(body.as_bytes()).unwrap();
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        (
            found.values.iter().map(|value| text(value)).collect(),
            found.named,
        )
    }

    #[test]
    fn tokens_are_found_where_they_are_said_to_stand_and_by_their_names_anywhere() {
        let said = relayed(&["/data/key", "/list/1"]);
        for (answer, body, values, named) in [
            (
                &relayed(&[]),
                r#"{"access_token": "a", "name": "ann"}"#,
                &["a"][..],
                false,
            ),
            (
                &relayed(&[]),
                r#"{"data": [{"jwt": "b"}], "refresh_token": "c"}"#,
                &["b", "c"],
                false,
            ),
            (
                &relayed(&[]),
                r#"{"token": {"token": "d"}, "session_id": 5}"#,
                &["d"],
                false,
            ),
            (&relayed(&[]), r#""bare""#, &["bare"], false),
            (&relayed(&[]), " ", &[], false),
            (
                &said,
                r#"{"data": {"key": "Bearer e"}, "token": "f"}"#,
                &["e", "f"],
                true,
            ),
            (&said, r#"{"list": ["x", 77]}"#, &["77"], true),
            (
                &said,
                r#"{"data": {"key": ""}, "token": "g"}"#,
                &["g"],
                false,
            ),
            (&Answer::Held, r#"{"token": "h"}"#, &[], false),
        ] {
            let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
            assert_eq!(found(answer, body), (values, named), "{body}");
        }
    }

    #[test]
    fn as_many_tokens_as_a_session_may_have_are_found() {
        let many: Vec<String> = (0..MOST)
            .map(|n| format!("{{\"token\": \"{n}\"}}"))
            .collect();
        let many = format!("[{}]", many.join(","));
        assert_eq!(found(&relayed(&[]), &many).0.len(), MOST);
    }

    #[test]
    fn an_answer_that_nobody_can_read_is_told_apart_from_one_without_tokens() {
        let many: Vec<String> = (0..=MOST)
            .map(|n| format!("{{\"token\": \"{n}\"}}"))
            .collect();
        let many = format!("[{}]", many.join(","));
        for body in ["<html>", "token=x", "{\"token\": \"x\"", many.as_str()] {
            assert!(relayed(&[]).tokens(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn a_token_is_what_stands_behind_the_scheme() {
        for (field, token) in [
            ("Bearer abc", "abc"),
            ("token  abc ", "abc"),
            ("abc", "abc"),
        ] {
            let mut fields = HeaderMap::new();
            fields.insert(header::AUTHORIZATION, HeaderValue::from_static(field));
            assert_eq!(shown(&fields), Some(token.as_bytes()), "{field}");
            fields.append(
                header::AUTHORIZATION,
                HeaderValue::from_static("Bearer abc"),
            );
            assert_eq!(shown(&fields), None);
        }
        assert_eq!(shown(&HeaderMap::new()), None);
    }

    #[test]
    fn a_token_is_seen_wherever_a_head_can_carry_it() {
        for (field, value, path) in [
            ("authorization", "Bearer T0k/en+x0123456=", "/"),
            ("x-auth-token", "T0k/en+x0123456=", "/"),
            ("sec-websocket-protocol", "chat, T0k/en+x0123456=", "/"),
            ("cookie", "a=b; session=T0k/en+x0123456=", "/"),
            ("accept", "*/*", "/a?b=c&whatever=T0k/en+x0123456="),
            ("accept", "*/*", "/a?b=c&whatever=T0k%2Fen%2bx0123456%3D"),
            ("accept", "*/*", "/a?access_token=Bearer%20T0k/en+x0123456="),
            ("accept", "*/*", "/a%3Ftoken=T0k/en+x0123456="),
            ("accept", "*/*", "/bot/T0k%2Fen+x0123456%3D/get"),
            ("accept", "*/*", "/a;t=T0k%2Fen%2Bx0123456%3D"),
        ] {
            let mut fields = HeaderMap::new();
            fields.insert(field, HeaderValue::from_static(value));
            let target = Target::parse(path.parse().unwrap()).unwrap();
            let mut all = candidates(&fields, &target, false);
            assert!(
                all.any(|value| *value == *b"T0k/en+x0123456="),
                "{field} {path}"
            );
        }
    }

    #[test]
    fn what_goes_up_anonymously_leaves_its_credentials_behind() {
        let target = Target::parse("/".parse().unwrap()).unwrap();
        for (field, stays) in [("authorization", true), ("cookie", true), ("x-auth", false)] {
            let mut fields = HeaderMap::new();
            fields.insert(field, HeaderValue::from_static("a=token-0123456789"));
            let mut all = candidates(&fields, &target, true);
            assert_eq!(
                !all.any(|value| *value == *b"token-0123456789"),
                stays,
                "{field}"
            );
        }
    }

    #[test]
    fn a_bearer_token_in_a_query_is_told_by_its_name() {
        let target = Target::parse("/a?x=1&Access%5Ftoken=abc&token=d".parse().unwrap()).unwrap();
        let all: Vec<_> = in_query(&target).collect();
        assert_eq!(all, [&b"abc"[..]]);
    }
}
