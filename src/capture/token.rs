//! Tokens: what an application gives to a script in the place of a cookie, and where a request shows one again.

use std::borrow::Cow;
use std::fmt;

use http::header::{self, HeaderMap, HeaderName};
use percent_encoding::percent_decode;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::look;
use crate::form;
use crate::grant::Grant;
use crate::grant::prints::Print;
use crate::moment::Moment;
use crate::target::Target;

/// What stands for a cookie's name where a token is kept or printed: no cookie's name has a `=` in it.
pub const NAME: &[u8] = b"=token";

/// Outside Authorization and query no shorter word of a head is looked up: shorter ones make no session (design section 3).
const SHORTEST: usize = 16;

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
const IN_QUERY: &str = "access_token";

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

/// What a body carries that could be a token.
#[derive(Default)]
pub struct Carried {
    /// By the one name that every server of bearer tokens may read (RFC 6750 section 2.2).
    pub named: Vec<Box<[u8]>>,
    /// Whatever is long enough, by any name: some interfaces have the token in each body that they take.
    pub others: Vec<Box<[u8]>>,
    /// The same, by names under which the sender's program is described (RFC 6749 sections 2.3.1 and 4).
    pub about: Vec<Box<[u8]>>,
    /// Whether there is something by any other name that is no token, such as a name or a number: it may say who somebody is.
    pub short: bool,
}

/// How the names of such values begin.
const ABOUT: [&[u8]; 4] = [b"client_", b"grant_type", b"redirect_uri", b"scope"];

impl Carried {
    /// Unpacks a body as its fields say and reads it with [`Carried::of`], as far as bodies are read. `whole` says
    /// whether that is all of it: a part cannot be unpacked. `None` if nobody can tell what it carries.
    #[must_use]
    pub fn packed(fields: &HeaderMap, body: &[u8], whole: bool) -> Option<Self> {
        if !whole || !fields.contains_key(header::CONTENT_ENCODING) {
            return Some(Self::of(body));
        }
        let clear = look::decoded(fields, body)?;
        Some(Self::of(&clear[..clear.len().min(form::LIMIT)]))
    }

    /// Reads a body as JSON where it is some, as a form and as one in parts, whatever it says that it is; where it is
    /// neither JSON nor a plain form every word of it. What is longer than what is read of a body carries nothing that is seen here.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        let mut carried = Self::default();
        // A text that some readers take for nothing (RFC 8259 section 8.1).
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        // A plain form has its words in its values.
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~+/=%&;*".contains(b);
        if !carried.take_json(body) && !body.iter().all(plain) {
            carried.take_words(body);
        }
        carried.take_form(body);
        carried.take_parts(body);
        carried
    }

    /// What it carries as a form.
    #[must_use]
    pub fn of_form(body: &[u8]) -> Self {
        let mut carried = Self::default();
        carried.take_form(body);
        carried
    }

    /// What it carries as JSON. `None` if it is none to its end.
    #[must_use]
    pub fn of_json(body: &[u8]) -> Option<Self> {
        let mut carried = Self::default();
        carried.take_json(body).then_some(carried)
    }

    /// Whether all of it is JSON.
    fn take_json(&mut self, body: &[u8]) -> bool {
        if !begins_as_json(body) {
            return false;
        }
        let mut json = serde_json::Deserializer::from_slice(body);
        // What stands before a fault was read by servers that read piece by piece.
        let read = Within(self, "").deserialize(&mut json);
        read.and_then(|()| json.end()).is_ok()
    }

    fn take_form(&mut self, body: &[u8]) {
        for pair in body.split(|b| matches!(b, b'&' | b';' | b'\r' | b'\n')) {
            let equals = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
            let name: Cow<'_, [u8]> = percent_decode(&pair[..equals]).into();
            let value: Cow<'_, [u8]> =
                percent_decode(pair.get(equals + 1..).unwrap_or_default()).into();
            self.take(&name, &value);
        }
    }

    /// The token of a part that has its name (RFC 7578 section 4.2), where a server may find the same as in a form.
    fn take_parts(&mut self, body: &[u8]) {
        let is_in = |line: &[u8], word: &[u8]| {
            let mut windows = line.windows(word.len());
            windows.any(|window| window.eq_ignore_ascii_case(word))
        };
        let (mut head, mut named) = (false, false);
        for line in body.split(|b| *b == b'\n').map(<[u8]>::trim_ascii) {
            if line.starts_with(b"--") {
                (head, named) = (true, false);
            } else if head && line.is_empty() {
                head = false;
            } else if head {
                named |= is_in(line, b"name") && is_in(line, IN_QUERY.as_bytes());
            } else if named && !line.is_empty() {
                self.take(IN_QUERY.as_bytes(), line);
                named = false;
            }
        }
    }

    /// All that could be a person's.
    pub fn shown(&self) -> impl Iterator<Item = &[u8]> {
        let all = self.named.iter().chain(&self.others);
        all.map(|token| &**token)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &[u8]> {
        self.shown().chain(self.about.iter().map(|token| &**token))
    }

    /// What is deeper, or more lenient, than this reader goes may be read by others: whatever could be a token then is one.
    fn take_words(&mut self, body: &[u8]) {
        let is_letter = |b: &u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(b);
        let words = body.split(|b| !is_letter(b));
        let either = words.flat_map(|word| {
            let behind = word.iter().position(|b| *b == b'=');
            std::iter::once(word).chain(behind.map(|at| &word[at + 1..]))
        });
        let long = either.filter(|word| word.len() >= SHORTEST);
        self.others.extend(long.map(Into::into));
    }

    fn take(&mut self, name: &[u8], value: &[u8]) {
        let value = value.trim_ascii();
        let value = match value.iter().position(|b| matches!(b, b' ' | b'+')) {
            Some(at) if value[..at].eq_ignore_ascii_case(b"bearer") => &value[at + 1..],
            _ => value,
        };
        let about = ABOUT.iter().any(|start| name.starts_with(start));
        if !value.is_empty() && name.trim_ascii().eq_ignore_ascii_case(IN_QUERY.as_bytes()) {
            self.named.push(value.into());
        } else if value.len() < SHORTEST {
            self.short |= !value.is_empty() && !about;
        } else {
            // JSON in a form, and a form in JSON.
            if value.iter().any(|b| matches!(b, b'"' | b'&' | b'\'')) {
                self.take_words(value);
            }
            let list = if about {
                &mut self.about
            } else {
                &mut self.others
            };
            list.push(value.into());
        }
    }
}

fn begins_as_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'))
}

/// A place in JSON, by the name that it has there. Unlike [`Value`] it sees every member of one name: servers read either.
struct Within<'c, 'n>(&'c mut Carried, &'n str);

impl<'de> DeserializeSeed<'de> for Within<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Within<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.take(self.1.as_bytes(), text.as_bytes());
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.0
            .take(self.1.as_bytes(), number.to_string().as_bytes());
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.0.short = true;
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.0.short = true;
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        while all.next_element_seed(Within(self.0, self.1))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            members.next_value_seed(Within(self.0, &name))?;
        }
        Ok(())
    }
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
    fn a_token_is_seen_wherever_a_body_can_carry_it() {
        let (down, up) = ("[".repeat(200), "]".repeat(200));
        let deep = format!("{{\"a\": {down}{up}, \"auth\": \"T0k/en+x0123456=\"}}");
        for (body, named) in [
            ("access_token=T0k/en+x0123456=", true),
            ("a=b&Access%5Ftoken=T0k%2Fen%2bx0123456%3D&c=d", true),
            ("a=b;access_token=Bearer T0k/en+x0123456=", true),
            (
                "{\"a\": [1, {\"access_token\": \"T0k/en+x0123456=\"}]}",
                true,
            ),
            ("{\"access_token\": [\"T0k/en+x0123456=\"]}", true),
            (
                "{\"access_tok\\u0065n\": \"T0k\\/en+x0123456=\", \"access_token\": \"x\"}",
                true,
            ),
            ("{\"access_token\": \"T0k/en+x0123456=\", \"broken", true),
            ("{\"auth\": \"T0k/en+x0123456=\"}", false),
            ("auth=T0k/en+x0123456=", false),
            (" \"T0k/en+x0123456=\"", false),
            ("\u{feff}{\"auth\": \"T0k/en+x0123456=\"}", false),
            ("{'auth': 'T0k/en+x0123456='}", false),
            ("{} {\"auth\": \"T0k/en+x0123456=\"}", false),
            (&deep, false),
        ] {
            let carried = Carried::of(body.as_bytes());
            let values = if named { carried.named } else { carried.others };
            assert!(
                values.iter().any(|value| **value == *b"T0k/en+x0123456="),
                "{body}"
            );
        }
        assert!(Carried::of(b"token=short&x=%7b").others.is_empty());
        let carried = Carried::of(b"client_id=0123456789abcdef&a=0123456789abcdef");
        assert_eq!((carried.about.len(), carried.others.len()), (1, 1));
        assert_eq!((carried.shown().count(), carried.all().count()), (1, 2));
    }

    #[test]
    fn a_token_is_seen_in_parts_in_other_words_and_inside_of_values() {
        let part = |head: &str| format!("--x\r\n{head}\r\n\r\nT0k/en+x0123456=\r\n--x--\r\n");
        for (body, named) in [
            (
                part("Content-Disposition: form-data; name=\"Access_Token\""),
                true,
            ),
            (
                part("Content-Disposition: form-data;\r\n\tname=access_token"),
                true,
            ),
            (part("Content-Disposition: form-data; name=\"a\""), false),
            ("<auth>T0k/en+x0123456=</auth>".to_owned(), false),
            (
                "payload={%22auth%22:%22T0k/en%2Bx0123456=%22}".to_owned(),
                false,
            ),
            ("{\"a\": \"x=y&auth=T0k/en+x0123456=\"}".to_owned(), false),
        ] {
            let carried = Carried::of(body.as_bytes());
            let values = if named { carried.named } else { carried.others };
            let mut values = values.iter();
            assert!(
                values.any(|value| **value == *b"T0k/en+x0123456="),
                "{body}"
            );
        }
        // A text about it is none.
        let text = "the access_token:\r\n\r\nsomething else";
        assert!(Carried::of(text.as_bytes()).named.is_empty());
    }

    #[test]
    fn what_is_packed_in_an_unknown_way_is_told_apart_from_what_carries_nothing() {
        let mut fields = HeaderMap::new();
        let named = |fields: &HeaderMap, whole| {
            let carried = Carried::packed(fields, b"access_token=abc", whole);
            carried.map(|carried| carried.named.len())
        };
        assert_eq!(named(&fields, true), Some(1));
        for (coding, found) in [("identity", Some(1)), ("br", None), ("gzip", None)] {
            fields.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            assert_eq!(named(&fields, true), found, "{coding}");
        }
        assert_eq!(named(&fields, false), Some(1));
    }

    #[test]
    fn what_could_say_who_somebody_is_is_told_apart_from_what_the_program_is() {
        for (json, short) in [
            ("{\"user\": \"bob\"}", true),
            ("{\"pin\": 4711}", true),
            ("[-1]", true),
            ("[1.5]", true),
            (
                "{\"grant_type\": \"refresh\", \"client_id\": \"web\"}",
                false,
            ),
            ("{\"a\": true, \"b\": null, \"c\": \"\"}", false),
            ("{\"refresh_token\": \"0123456789abcdef\"}", false),
        ] {
            let carried = Carried::of_json(json.as_bytes()).unwrap();
            assert_eq!(carried.short, short, "{json}");
        }
    }

    #[test]
    fn json_is_json_to_its_end() {
        for (body, is) in [
            ("{\"a\": [1, null, true, 1.5, -2]}", true),
            (" \"a\" ", true),
            ("{\"a\": 1} &access_token=b", false),
            ("{\"a\": 1", false),
            ("a=b", false),
            ("", false),
        ] {
            assert_eq!(Carried::of_json(body.as_bytes()).is_some(), is, "{body}");
        }
        assert!(
            Carried::of_form(b"{\"access_token\": \"a\"}")
                .named
                .is_empty()
        );
    }

    #[test]
    fn a_bearer_token_in_a_query_is_told_by_its_name() {
        let target = Target::parse("/a?x=1&Access%5Ftoken=abc&token=d".parse().unwrap()).unwrap();
        let all: Vec<_> = in_query(&target).collect();
        assert_eq!(all, [&b"abc"[..]]);
    }
}
