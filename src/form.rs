//! What a request body says as a form, for the `form = { … }` conditions of routes.
//!
//! This reader is wide on purpose: a field that any server could find here is in the list, even twice. It never decides who
//! logs in.

use crate::target::{decode_once, spell_out};

/// The fields of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Nobody has read the body. A closing route with a form condition holds, an opening one does not.
    Unread,
    /// These fields, names and values decoded once; none if the body is empty.
    Fields(Vec<(String, String)>),
    /// The body is longer than [`LIMIT`], no urlencoded form, or in another charset: it may say anything.
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
        if body.len() > LIMIT || !content_type.is_some_and(is_urlencoded) {
            return Self::Unreadable;
        }
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
        Self::Fields(fields)
    }
}

fn is_urlencoded(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
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
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") && parts.all(plain)
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
