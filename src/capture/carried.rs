//! What a body carries that could be a token, however it says it.

use std::borrow::Cow;
use std::fmt;

use http::header::{self, HeaderMap};
use percent_encoding::percent_decode;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::look;
use super::token::{IN_QUERY, SHORTEST};
use crate::form;

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

/// A place in JSON, by the name that it has there. Unlike [`serde_json::Value`] it sees every member of one name: servers read either.
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

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
}
