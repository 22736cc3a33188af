//! A carrier of the operator's own: a signed POST of JSON to one address, for a gateway in the house or a small script.
//!
//! # The request
//! ```text
//! POST /send HTTP/1.1
//! Content-Type: application/json
//! Idempotency-Key: 3q2-7wAAAAAAAAAAAAAAAA
//! X-Countersign-Signature: t=1795375800,v1=5257a869…
//!
//! {"id":"3q2-7wAAAAAAAAAAAAAAAA","site":"portal","scope":"login","channel":"sms","to":"+12025550143",
//!  "text":"Example Portal: 049271 is …","locale":"en","expires_at":"2026-11-22T19:30:00Z",
//!  "receipts":"https://portal.example.com/.countersign/receipts/inhouse/4kGy…"}
//! ```
//! - `id` and `Idempotency-Key` are the same text; one that was seen before must not be sent again.
//! - `channel` is `sms`, `voice` or `email`; `text` is what is to be sent, or said; `to` is a number, or for `email` a
//!   mail address. `locale` is missing where none was chosen.
//! - After `expires_at` (RFC 3339) the code is worthless: do not send it any more.
//! - Under `receipts`, where `[delivery] public_url` is set, the receiver may tell later what became of the message.
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
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{Request, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::endpoint::{self, BadUrl};
use super::http_client::{HttpClient, Reply};
use super::{
    Accepted, Carrier, Cause, Failure, Means, Message, NotTaken, Receipt, Report, Sending,
};
use crate::phone::sender::Sender;
use crate::secret::Secret;

mod receipts;

/// `[carriers.NAME.webhook]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the message is posted: http or https.
    pub url: String,
    /// The key of the signature.
    pub signing_key: Secret,
}

/// Posts each message to the address.
pub struct Webhook {
    url: Uri,
    signature: Hmac<Sha256>,
    client: HttpClient,
    receipts: Option<String>,
}

impl Webhook {
    /// A carrier that posts by these means.
    ///
    /// # Errors
    /// [`BadUrl`] for an address that cannot be posted to.
    pub(super) fn new(settings: &Settings, means: Means) -> Result<Self, BadUrl> {
        let signature = Hmac::new_from_slice(settings.signing_key.expose())
            .expect("HMAC takes a key of any length (RFC 2104)");
        Ok(Self {
            url: endpoint::parse(&settings.url)?,
            signature,
            client: means.client,
            receipts: means.receipts,
        })
    }

    async fn post(&self, message: &Message, within: Duration) -> Result<Accepted, Failure> {
        let body = render(message, self.receipts.as_deref());
        let request = Request::post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .header(
                USER_AGENT,
                concat!("countersign/", env!("CARGO_PKG_VERSION")),
            )
            .header(IDEMPOTENCY_KEY, message.id.as_str())
            .header(SIGNATURE, self.sign(message.now.unix, &body))
            .body(Bytes::from_owner(body))
            .expect("a parsed address, and header values of visible ASCII");
        let reply = self.client.post(request, within).await?;
        match reply.refusal(message.now.unix) {
            None => Ok(Accepted {
                id: named(&reply).unwrap_or_else(|| message.id.to_string()),
            }),
            Some(failure) => Err(of_the_number(&reply).unwrap_or(failure)),
        }
    }

    fn sign(&self, unix: u64, body: &[u8]) -> String {
        let time = unix.to_string();
        let signed = self
            .signature
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

impl Carrier for Webhook {
    fn send<'a>(
        &'a self,
        message: &'a Message,
        _from: Option<&'a Sender>,
        within: Duration,
    ) -> Sending<'a> {
        Box::pin(self.post(message, within))
    }

    fn receipts(&self, report: &Report<'_>) -> Result<Vec<Receipt>, NotTaken> {
        receipts::read(&self.signature, report)
    }
}

/// The body, in bytes that are wiped after use (C8): the code is in it.
fn render(message: &Message, receipts: Option<&str>) -> Zeroizing<Vec<u8>> {
    let expires_at = i64::try_from(message.now.later(message.life).unix).ok();
    let expires_at = expires_at
        .and_then(|unix| jiff::Timestamp::from_second(unix).ok())
        .unwrap_or(jiff::Timestamp::MAX);
    let text = message.text();
    let posted = Posted {
        id: message.id.as_str(),
        site: message.site.as_str(),
        scope: message.scope.as_str(),
        channel: message.channel.as_str(),
        to: message.to.as_str(),
        text: text.as_str(),
        locale: message.locale.as_deref(),
        expires_at: expires_at.to_string(),
        receipts,
    };
    // Room for a text of which every character is escaped: a vector that grows leaves a copy behind.
    let room = 512 + 6 * posted.text.len() + receipts.map_or(0, str::len);
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    serde_json::to_writer(&mut *body, &posted)
        .expect("strings are JSON, and a vector takes all bytes");
    body
}

#[derive(Serialize)]
struct Posted<'a> {
    id: &'a str,
    site: &'a str,
    scope: &'a str,
    channel: &'a str,
    to: &'a str,
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

/// The receiver's own name for the message. It is logged: nothing that could write a line of its own.
fn named(reply: &Reply) -> Option<String> {
    let id = serde_json::from_slice::<Answer>(&reply.body).ok()?.id?;
    let visible = (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    visible.then_some(id)
}

/// The failure, if the receiver says that the number is at fault.
fn of_the_number(reply: &Reply) -> Option<Failure> {
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

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const SIGNATURE: HeaderName = HeaderName::from_static("x-countersign-signature");

#[cfg(test)]
mod tests;
