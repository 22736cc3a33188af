//! Our own JSON: what a webhook posts where no other body is written, and what a spool keeps.
//!
//! # The request
//! ```text
//! POST /send HTTP/1.1
//! Content-Type: application/json
//! Idempotency-Key: 3q2-7wAAAAAAAAAAAAAAAA
//! X-Countersign-Signature: t=1795375800,v1=5257a869…
//!
//! {"id":"3q2-7wAAAAAAAAAAAAAAAA","site":"portal","scope":"login","channel":"sms","to":"+12025550143",
//!  "from":"+12025550101","text":"Example Portal: 049271 is …","locale":"en","expires_at":"2026-11-22T19:30:00Z",
//!  "receipts":"https://portal.example.com/.countersign/receipts/inhouse/4kGy…"}
//! ```
//! - `id` and `Idempotency-Key` are the same text; one that was seen before must not be sent again.
//! - `channel` is `sms`, `voice` or `email`; `text` is what is to be sent, or said; `to` is a number, or for `email` a
//!   mail address. `from` is missing where the carrier has no senders, `locale` where none was chosen.
//! - Under `receipts`, where vendors can reach us, the receiver may tell later what became of the message.
//! - After `expires_at` (RFC 3339) the code is worthless: do not send it any more.
//! - `v1` is the HMAC-SHA-256, in hexadecimal, over the text of `t`, a full stop, and the body's bytes, under the
//!   signing key. Whoever receives it computes the same, compares in constant time, and refuses a `t` (seconds since
//!   1970) that is more than five minutes off.
//!
//! # The answer
//! | status | means |
//! | --- | --- |
//! | 2xx | taken. `{"id": "…"}` may name it in the receiver's words: up to 128 visible ASCII characters |
//! | 400, 422 with `{"refused": "bad_number"}` | the number's fault, also `"blocked"`, `"opted_out"`, `"landline"`; nobody else is asked |
//! | 429, and 408, 425, 5xx with `Retry-After` | too much at once; the next carrier is asked |
//! | 408, 425, 5xx | not sent; the next carrier is asked |
//! | any other, redirects too | not set up right; the next carrier is asked |
//!
//! No answer, half an answer, or one of more than 64 KiB: nobody knows whether it was sent, and nobody else is asked.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::carrier::http_client::Reply;
use crate::carrier::{Cause, Failure, Message};
use crate::phone::sender::Sender;
use crate::secret::Secret;

/// The body, in bytes that are wiped after use (C8): the code is in it.
pub(in crate::carrier) fn render(
    message: &Message,
    from: Option<&Sender>,
    receipts: Option<&str>,
) -> Zeroizing<Vec<u8>> {
    let text = message.text();
    let posted = Posted {
        id: message.id.as_str(),
        site: message.site.as_str(),
        scope: message.scope.as_str(),
        channel: message.channel.as_str(),
        to: message.to.as_str(),
        from: from.map(Sender::as_str),
        text: text.as_str(),
        locale: message.locale.as_deref(),
        expires_at: expires(message),
        receipts,
    };
    let room = 512 + 6 * posted.text.len() + receipts.map_or(0, str::len);
    // Room for a text of which every character is escaped: a vector that grows leaves a copy behind.
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    serde_json::to_writer(&mut *body, &posted)
        .expect("strings are JSON, and a vector takes all bytes");
    body
}

/// When the code is worthless, in RFC 3339.
pub(in crate::carrier) fn expires(message: &Message) -> String {
    i64::try_from(message.now.later(message.life).unix)
        .ok()
        .and_then(|unix| jiff::Timestamp::from_second(unix).ok())
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}

/// Signs bodies.
pub(super) struct Signature(Hmac<Sha256>);

impl Signature {
    pub(super) fn new(key: &Secret) -> Self {
        Self(Hmac::new_from_slice(key.expose()).expect("HMAC takes a key of any length (RFC 2104)"))
    }

    /// What it is made with: the receiver's own reports are signed alike.
    pub(super) fn key(&self) -> &Hmac<Sha256> {
        &self.0
    }

    /// The value of the header for a body that is sent at `unix`.
    pub(super) fn sign(&self, unix: u64, body: &[u8]) -> String {
        let time = unix.to_string();
        let signed = self
            .0
            .clone()
            .chain_update(&time)
            .chain_update(".")
            .chain_update(body);
        let mut header = format!("t={time},v1=");
        for byte in signed.finalize().into_bytes() {
            // Writing to a string cannot fail.
            let _ = write!(header, "{byte:02x}");
        }
        header
    }
}

#[derive(Serialize)]
struct Posted<'a> {
    id: &'a str,
    site: &'a str,
    scope: &'a str,
    channel: &'a str,
    to: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<&'a str>,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipts: Option<&'a str>,
}

/// What an answer may say; other members are none of ours.
#[derive(Deserialize)]
struct Answer {
    id: Option<String>,
    refused: Option<String>,
}

/// The receiver's own name for the message.
pub(super) fn named(reply: &Reply) -> Option<String> {
    serde_json::from_slice::<Answer>(&reply.body).ok()?.id
}

/// The failure, if the receiver says that the number is at fault.
pub(super) fn of_the_number(reply: &Reply) -> Option<Failure> {
    if ![StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY].contains(&reply.status) {
        return None;
    }
    let refused = serde_json::from_slice::<Answer>(&reply.body)
        .ok()?
        .refused?;
    let said = Cause::Status(reply.status);
    match refused.as_str() {
        "bad_number" => Some(Failure::BadNumber(said)),
        "blocked" => Some(Failure::Blocked(said)),
        "opted_out" => Some(Failure::OptedOut(said)),
        "landline" => Some(Failure::Landline(said)),
        _ => None,
    }
}
