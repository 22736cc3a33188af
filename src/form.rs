//! What a request body says as a form, for the `form = { … }` conditions of routes.
//!
//! This reader is wide on purpose: a field that any server could find here is in the list, even twice. It never decides who
//! logs in.

use crate::target::{decode_once, spell_out};

mod members;

/// The fields of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Nobody has read the body. A closing route with a form condition holds, an opening one does not.
    Unread,
    /// These fields, names and values decoded once; none if the body is empty.
    Fields(Vec<(String, String)>),
    /// The same of JSON, and of what some server may take for JSON whatever it is called. An opening route with a form
    /// condition does not hold: which of the fields counts differs from server to server.
    Members(Vec<(String, String)>),
    /// The body is longer than [`LIMIT`], neither an urlencoded form nor JSON, or in another charset: it may say anything.
    Unreadable,
}

/// The longest body that is read for a condition (design section 2).
pub const LIMIT: usize = 64 * 1024;

impl Form {
    /// Reads a whole body.
    #[must_use]
    pub fn read(content_type: Option<&str>, body: &[u8]) -> Self {
        if body.is_empty() {
            return Self::Fields(Vec::new());
        }
        let kind = content_type.filter(|_| body.len() <= LIMIT);
        let Some(kind) = kind.and_then(Kind::of) else {
            return Self::Unreadable;
        };
        if kind == Kind::Urlencoded && !may_be_json(body) {
            return Self::Fields(urlencoded(body));
        }
        // There are servers that look at the bytes and not at what they are called.
        match members::pairs(body) {
            Some(members) => Self::Members(members.into_iter().chain(urlencoded(body)).collect()),
            None => Self::Unreadable,
        }
    }
}

/// What a body is called, where it can be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Urlencoded,
    Json,
}

impl Kind {
    fn of(content_type: &str) -> Option<Self> {
        let mut parts = content_type.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        // A charset such as UTF-16 or IBM037 gives every byte another meaning.
        let plain = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let charset = value.trim_matches(['"', '\'', ' ', '\t']);
            name.is_empty()
                || name.trim().eq_ignore_ascii_case("boundary")
                || name.trim().eq_ignore_ascii_case("charset")
                    && ["utf-8", "utf8", "us-ascii", "iso-8859-1"]
                        .iter()
                        .any(|known| charset.eq_ignore_ascii_case(known))
        };
        let kind = match &*essence {
            "application/x-www-form-urlencoded" => Self::Urlencoded,
            "application/json" | "text/json" => Self::Json,
            // RFC 6839 section 3.1.
            other if other.starts_with("application/") && other.ends_with("+json") => Self::Json,
            _ => return None,
        };
        parts.all(plain).then_some(kind)
    }
}

fn urlencoded(body: &[u8]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for pair in body.split(|&b| b == b'&') {
        fields.push(field(pair));
        if let Some(spelled) = overlong(pair) {
            fields.push(field(&spelled));
        }
        // Some servers split at semicolons too. Where that makes a difference both fields are there, and a condition
        // that wants exactly one does not hold.
        if pair.contains(&b';') {
            fields.extend(pair.split(|&b| b == b';').map(field));
        }
    }
    fields
}

/// Whether it begins as an object or an array does. No browser writes these characters in a form.
fn may_be_json(body: &[u8]) -> bool {
    let begins = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    matches!(begins.trim_ascii_start(), [b'{' | b'[', ..])
}

fn field(pair: &[u8]) -> (String, String) {
    let equals = pair.iter().position(|&b| b == b'=').unwrap_or(pair.len());
    (
        text(&pair[..equals]),
        text(pair.get(equals + 1..).unwrap_or_default()),
    )
}

/// The pair as a server reads it that takes overlong UTF-8, if it has any.
fn overlong(pair: &[u8]) -> Option<Vec<u8>> {
    let decoded = decode_once(pair).unwrap_or_else(|| pair.to_vec());
    let is_odd = std::str::from_utf8(&decoded).is_err();
    is_odd.then(|| spell_out(pair)).flatten()
}

fn text(encoded: &[u8]) -> String {
    let spaced: Vec<u8> = encoded
        .iter()
        .map(|&b| if b == b'+' { b' ' } else { b })
        .collect();
    let decoded = decode_once(&spaced).unwrap_or(spaced);
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URLENCODED: Option<&str> = Some("application/x-www-form-urlencoded");

    fn fields(body: &str) -> Vec<(String, String)> {
        match Form::read(URLENCODED, body.as_bytes()) {
            Form::Fields(fields) => fields,
            other => panic!("{other:?}"),
        }
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn fields_are_decoded_once_and_kept_in_order() {
        assert_eq!(
            fields("do=admin&a%20b=c+d&x&y=%2525&=z&e=%C3%A9&bad=%zz"),
            [
                pair("do", "admin"),
                pair("a b", "c d"),
                pair("x", ""),
                pair("y", "%25"),
                pair("", "z"),
                pair("e", "é"),
                pair("bad", "%zz"),
            ]
        );
    }

    #[test]
    fn what_one_server_splits_and_another_does_not_is_there_both_ways() {
        assert_eq!(
            fields("a=1;do=admin"),
            [pair("a", "1;do=admin"), pair("a", "1"), pair("do", "admin")]
        );
    }

    #[test]
    fn an_empty_body_is_a_form_without_fields_whatever_it_is_called() {
        for content_type in [None, URLENCODED, Some("application/json")] {
            assert_eq!(Form::read(content_type, b""), Form::Fields(Vec::new()));
        }
    }

    #[test]
    fn what_may_say_anything_is_unreadable() {
        for content_type in [
            None,
            Some(""),
            Some("text/plain"),
            Some("application/json"),
            Some("application/json; charset=utf-16"),
            Some("application/jsonp"),
            Some("multipart/form-data; boundary=x"),
            Some("application/x-www-form-urlencoded; charset=utf-16"),
            Some("application/x-www-form-urlencoded; charset=ibm037"),
            Some("application/x-www-form-urlencoded;Charset=\"utf-7\""),
            Some("application/x-www-form-urlencoded, multipart/form-data"),
            Some("application/x-www-form-urlencoded; surprise=1"),
        ] {
            assert_eq!(
                Form::read(content_type, b"do=admin"),
                Form::Unreadable,
                "{content_type:?}"
            );
        }
        assert_eq!(
            Form::read(URLENCODED, &vec![b'a'; LIMIT + 1]),
            Form::Unreadable
        );
    }

    #[test]
    fn json_is_read_whatever_it_is_called_and_never_as_a_form_alone() {
        let body = br#"{"a": [{"do": "admin"}], "b": "x&c=d&e"}"#;
        for content_type in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/vnd.api+json",
            "text/json",
            "application/x-www-form-urlencoded",
        ] {
            let Form::Members(members) = Form::read(Some(content_type), body) else {
                panic!("{content_type}");
            };
            assert!(members.contains(&pair("do", "admin")), "{content_type}");
            // As who does not look at its name reads it.
            assert!(members.contains(&pair("c", "d")), "{content_type}");
        }
        for body in [
            &b" {'do': 'admin'}"[..],
            b"\xef\xbb\xbf{\"do\": \"admin\"}",
            b"[do=admin",
        ] {
            for content_type in [URLENCODED, Some("application/json")] {
                assert_eq!(Form::read(content_type, body), Form::Unreadable);
            }
        }
    }

    #[test]
    fn forms_as_browsers_label_them_are_read() {
        for content_type in [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-Form-URLEncoded;charset=UTF-8",
            "application/x-www-form-urlencoded; charset=\"utf-8\"",
            "application/x-www-form-urlencoded;",
        ] {
            assert_eq!(
                Form::read(Some(content_type), b"do=admin"),
                Form::Fields(vec![pair("do", "admin")]),
                "{content_type}"
            );
        }
        assert!(matches!(
            Form::read(URLENCODED, &vec![b'a'; LIMIT]),
            Form::Fields(_)
        ));
    }
}
