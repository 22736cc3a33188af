//! What Twilio tells of messages and calls: forms, signed with a key that we share.
//!
//! The signature is Twilio's own scheme: the base64 of an HMAC over the public address and every name with its value,
//! sorted, nothing between them. Its servers sign sometimes with the port in the address and sometimes without, so
//! both are tried, as its own libraries do. There is no time in it: an old receipt can be told again, and says the
//! same then.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Hash, Signature, VENDOR};
use crate::carrier::{Fate, NotTaken, Receipt, Report, taxonomy};

/// The receipts in a report, at most one.
///
/// # Errors
/// [`NotTaken::Forged`] if the signature is not Twilio's, [`NotTaken::Unreadable`] if it is and nothing is named.
pub(super) fn read(signature: &Signature, report: &Report<'_>) -> Result<Vec<Receipt>, NotTaken> {
    let told = Told::of(report).ok_or(NotTaken::Forged)?;
    let signed = match &told {
        Told::Form(pairs) => pairs.clone(),
        Told::Document(_) => BTreeSet::new(),
    };
    if !is_signed(signature, report, &signed) {
        return Err(NotTaken::Forged);
    }
    let value = |name| told.value(name).filter(|value| !value.is_empty());
    let (id, fate) = if let Some(id) = value("MessageSid") {
        let status = value("MessageStatus").ok_or(NotTaken::Unreadable)?;
        (id, of_a_message(&status, value("ErrorCode").as_deref()))
    } else {
        let id = value("CallSid").ok_or(NotTaken::Unreadable)?;
        let status = value("CallStatus").ok_or(NotTaken::Unreadable)?;
        (id, of_a_call(&status, value("ErrorCode").as_deref()))
    };
    let id = id.into_owned();
    Ok(fate.map(|fate| Receipt { id, fate }).into_iter().collect())
}

/// What became of a message. `None` while it is on its way to be sent, and for words that are not known.
fn of_a_message(status: &str, code: Option<&str>) -> Option<Fate> {
    match status {
        "sent" => Some(Fate::Sent),
        "delivered" | "read" => Some(Fate::Delivered),
        "undelivered" | "failed" | "canceled" => Some(failed("transient", code, None)),
        _ => None,
    }
}

/// What became of a call. It was heard if somebody picked up.
fn of_a_call(status: &str, code: Option<&str>) -> Option<Fate> {
    match status {
        "ringing" | "in-progress" => Some(Fate::Sent),
        "completed" => Some(Fate::Delivered),
        "busy" | "no-answer" | "canceled" => Some(failed("transient", code, Some(status))),
        // "Most likely because the phone number was non-existent", says Twilio of it.
        "failed" => Some(failed("bad_number", code, Some(status))),
        _ => None,
    }
}

/// A failure by its code; by `class` where there is none, or one that is not in the table.
fn failed(class: &'static str, code: Option<&str>, word: Option<&str>) -> Fate {
    let known = code.and_then(|code| taxonomy::fate(VENDOR, code));
    known.unwrap_or_else(|| Fate::Failed {
        class,
        code: code.or(word).map(taxonomy::shown),
    })
}

/// A report's body.
enum Told<'a> {
    /// Names and values, sorted, each pair once.
    Form(BTreeSet<(Cow<'a, str>, Cow<'a, str>)>),
    /// JSON, of which the signed address holds the hash.
    Document(serde_json::Value),
}

impl<'a> Told<'a> {
    /// `None` if the body is not the one that the address speaks of.
    fn of(report: &Report<'a>) -> Option<Self> {
        let is_form = is_form(report.headers);
        match body_hash(report.url).filter(|_| !is_form) {
            None => Some(Self::Form(form_urlencoded::parse(report.body).collect())),
            Some(told) => {
                let hash = hex(&Sha256::digest(report.body));
                let same = bool::from(hash.as_bytes().ct_eq(told.as_bytes()));
                // What is no JSON names nothing, which is told once the signature is known to be right.
                same.then(|| {
                    Self::Document(serde_json::from_slice(report.body).unwrap_or_default())
                })
            }
        }
    }

    fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Form(pairs) => {
                let found = pairs.iter().find(|(own, _)| own == name);
                found.map(|(_, value)| Cow::Borrowed(&**value))
            }
            Self::Document(object) => match object.get(name)? {
                serde_json::Value::String(text) => Some(Cow::Borrowed(text)),
                serde_json::Value::Number(number) => Some(Cow::Owned(number.to_string())),
                _ => None,
            },
        }
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let written = headers.get(CONTENT_TYPE).and_then(|own| own.to_str().ok());
    let kind = written.unwrap_or_default().split(';').next();
    kind.unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// `bodySHA256` of the address's query, the first that says something.
fn body_hash(url: &str) -> Option<Cow<'_, str>> {
    let query = url.split('#').next()?.split_once('?')?.1;
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, value)| name == "bodySHA256" && !value.is_empty())
        .map(|(_, value)| value)
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half & 15)]);
    bytes
        .iter()
        .flat_map(|&byte| [digit(byte >> 4), digit(byte)])
        .collect()
}

/// Whether `X-Twilio-Signature`, once and whole, is ours over the address with or without its port.
fn is_signed(
    signature: &Signature,
    report: &Report<'_>,
    pairs: &BTreeSet<(Cow<'_, str>, Cow<'_, str>)>,
) -> bool {
    let mut written = report.headers.get_all("x-twilio-signature").iter();
    let (Some(written), None) = (written.next(), written.next()) else {
        return false;
    };
    let Ok(written) = STANDARD.decode(written.as_bytes()) else {
        return false;
    };
    let key = signature.key.expose();
    let [one, other] = with_and_without_port(report.url).map(|url| match signature.hash {
        Hash::Sha1 => verifies::<Hmac<Sha1>>(key, &url, pairs, &written),
        Hash::Sha256 => verifies::<Hmac<Sha256>>(key, &url, pairs, &written),
    });
    one | other
}

fn verifies<M: Mac + KeyInit>(
    key: &[u8],
    url: &str,
    pairs: &BTreeSet<(Cow<'_, str>, Cow<'_, str>)>,
    written: &[u8],
) -> bool {
    let mut mac =
        <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length (RFC 2104)");
    mac.update(url.as_bytes());
    for (name, value) in pairs {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    // In constant time.
    mac.verify_slice(written).is_ok()
}

/// The address with its port, or that of its scheme, and without.
fn with_and_without_port(url: &str) -> [Cow<'_, str>; 2] {
    let Some((scheme, rest)) = url.split_once("://") else {
        return [Cow::Borrowed(url), Cow::Borrowed(url)];
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let port = authority
        .rsplit_once(':')
        .filter(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    let changed = if let Some((host, _)) = port {
        format!("{scheme}://{host}{path}")
    } else {
        let port = if scheme == "https" { 443 } else { 80 };
        format!("{scheme}://{authority}:{port}{path}")
    };
    [Cow::Borrowed(url), Cow::Owned(changed)]
}

#[cfg(test)]
mod tests;
