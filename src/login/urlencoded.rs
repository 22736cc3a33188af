//! `application/x-www-form-urlencoded`, as forms are sent and as servers split them.

use std::borrow::Cow;

use crate::target::decode_hex;

use super::Ambiguous;
use super::kind::Charset;
use super::sought::{self, Role};

/// A name and what follows it.
#[derive(Clone, Copy)]
pub(super) struct Pair<'b> {
    name: &'b [u8],
    /// Still encoded; `None` without an equals sign.
    value: Option<&'b [u8]>,
    /// Only those see this pair who take a semicolon for a separator, as Python did up to 3.9 and Perl does.
    pub(super) aside: bool,
}

const BAD_ESCAPE: Ambiguous = Ambiguous("the form has a bad % escape");

/// The pairs of a body; where a semicolon makes a difference, those too that only some servers see.
pub(super) fn pairs(body: &[u8], charset: Charset) -> Result<Vec<Pair<'_>>, Ambiguous> {
    // Browsers send ASCII. What is not may swallow a separator in a charset of several bytes, and where it is invalid.
    let stays_apart = body.is_ascii()
        || charset.main.is_single_byte()
        || charset.main == encoding_rs::UTF_8 && std::str::from_utf8(body).is_ok();
    if !stays_apart {
        return Err(Ambiguous("the form has bytes that browsers would escape"));
    }
    let pairs: Vec<_> = split(body).collect();
    if pairs.iter().any(|pair| has_bad_escape(pair.name)) {
        return Err(BAD_ESCAPE);
    }
    Ok(pairs)
}

/// Every name that any server could find in a query or a body, decoded once.
pub(super) fn names(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    split(text).map(|pair| pair.name())
}

/// As [`names`], in what nobody calls a form: only what is written as in one.
pub(super) fn plain_names(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    split(text)
        .filter(|pair| pair.value.is_some() && pair.name.iter().all(u8::is_ascii_graphic))
        .map(|pair| pair.name())
}

fn split(text: &[u8]) -> impl Iterator<Item = Pair<'_>> {
    let wholes = text.split(|&b| b == b'&').filter(|whole| !whole.is_empty());
    wholes.flat_map(|whole| {
        // The first part begins as the whole does, and what its name ends with is looked at there.
        let parts = whole.split(|&b| b == b';').skip(1);
        std::iter::once(Pair::of(whole, false)).chain(parts.map(|part| Pair::of(part, true)))
    })
}

impl<'b> Pair<'b> {
    fn of(text: &'b [u8], aside: bool) -> Self {
        let equals = text.iter().position(|&b| b == b'=');
        Self {
            name: &text[..equals.unwrap_or(text.len())],
            value: equals.map(|equals| &text[equals + 1..]),
            aside,
        }
    }

    /// The name, decoded once.
    pub(super) fn name(&self) -> Vec<u8> {
        decode(self.name).into_owned()
    }

    /// What it says of a user; of a password only whether it can be read in one way.
    pub(super) fn text(&self, role: Role, charset: Charset) -> Result<String, Ambiguous> {
        let value = self
            .value
            .ok_or(Ambiguous("a credential has no equals sign"))?;
        if has_bad_escape(value) {
            return Err(BAD_ESCAPE);
        }
        // Old scripts split at every equals sign; `;` ends the value for some; and what is not ASCII has been decoded by
        // the one and is still to be decoded by the other. Browsers escape all of them.
        let is_split = value.iter().any(|b| b"=;".contains(b) || !b.is_ascii());
        if role == Role::User && is_split {
            return Err(Ambiguous(
                "the user name has bytes that browsers would escape",
            ));
        }
        sought::text(role, &decode(value), charset)
    }

    /// The value, decoded once, of a field that is no credential.
    pub(super) fn value(&self) -> Cow<'b, [u8]> {
        decode(self.value.unwrap_or_default())
    }
}

fn has_bad_escape(text: &[u8]) -> bool {
    text.split(|&b| b == b'%')
        .skip(1)
        .any(|digits| decode_hex(digits).is_none())
}

fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|b| b"%+".contains(b)) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match (byte, decode_hex(tail)) {
            (b'%', Some(decoded)) => {
                out.push(decoded);
                rest = &tail[2..];
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(*byte),
        }
    }
    Cow::Owned(out)
}
