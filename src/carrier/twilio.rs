//! Twilio: Messages and Calls with codes of ours, or Verify with codes of theirs.
//!
//! Fields and limits are those of Twilio's published contracts (twilio-oai: `api_v2010`, `verify_v2`); what its codes
//! mean is in `carriers/errors.toml`. An error's `message` is never read: it has the number in it (C8).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::http_client::{HttpClient, Reply};
use super::{Carrier, Cause, Failure, Means, Message, NotTaken, Receipt, Report, Sending, Service};
use super::{endpoint, taxonomy, vendor_id};
use crate::message::Channel;
use crate::phone::sender::Sender;
use crate::secret::Secret;

mod calls;
mod messages;
mod receipts;
mod verify;

/// `[carriers.NAME.twilio]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The account, `AC` and 32 hexadecimal digits.
    pub account: String,
    /// Its token: the password where there is no key.
    pub token: Secret,
    /// A key of the account's, in place of the token.
    pub key: Option<ApiKey>,
    /// What of Twilio's is used.
    pub product: Product,
    /// Where the product is: a full prefix with its version.
    pub base_url: String,
}

/// A key that can be withdrawn without changing the account's token.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its name, `SK` and 32 hexadecimal digits.
    pub id: String,
    /// Its secret.
    pub secret: Secret,
}

/// Who makes the code.
#[derive(Clone, Debug)]
pub enum Product {
    /// We do: Messages and Calls.
    Messages {
        /// `MG` and 32 hexadecimal digits: Twilio chooses the sender out of its pool where none is named.
        messaging_service: Option<String>,
        /// How receipts are signed.
        signature: Signature,
    },
    /// Twilio does: Verify.
    Verify {
        /// `VA` and 32 hexadecimal digits.
        service: String,
    },
}

/// How Twilio proves that a receipt is its own.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The hash of the HMAC.
    pub hash: Hash,
    /// Its key: the account's token, or the secret of a shared key.
    pub key: Secret,
}

/// The hash of a signature. What a request says of it is not asked: who forges a request chooses that, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// With the account's token, for every account.
    Sha1,
    /// With a shared key.
    Sha256,
}

/// The carrier made ready.
pub(super) fn open(settings: &Settings, means: Means) -> Service {
    let account = Account::new(settings, means.client);
    match &settings.product {
        Product::Messages {
            messaging_service,
            signature,
        } => Service::Transport(Box::new(Twilio {
            account,
            messaging_service: messaging_service.clone(),
            signature: signature.clone(),
            receipts: means.receipts,
        })),
        Product::Verify { service } => {
            Service::Managed(Box::new(verify::Verify::new(account, service.clone())))
        }
    }
}

/// Whether it reaches nobody's phone, so that numbers nobody has may be sent to.
pub(super) fn is_trial(settings: &Settings) -> bool {
    endpoint::is_loopback(&settings.base_url)
}

/// Messages and calls with codes of ours.
struct Twilio {
    account: Account,
    messaging_service: Option<String>,
    signature: Signature,
    /// Where receipts come in.
    receipts: Option<String>,
}

impl Carrier for Twilio {
    fn send<'a>(
        &'a self,
        message: &'a Message,
        from: Option<&'a Sender>,
        within: Duration,
    ) -> Sending<'a> {
        Box::pin(async move {
            match message.channel {
                Channel::Sms => messages::send(self, message, from, within).await,
                Channel::Voice => calls::send(self, message, from, within).await,
                Channel::Email => Err(Failure::Config(Cause::WrongChannel(message.channel))),
            }
        })
    }

    fn receipts(&self, report: &Report<'_>) -> Result<Vec<Receipt>, NotTaken> {
        receipts::read(&self.signature, report)
    }
}

/// The account as all its products see it.
struct Account {
    id: String,
    base_url: String,
    authorization: HeaderValue,
    client: HttpClient,
}

impl Account {
    fn new(settings: &Settings, client: HttpClient) -> Self {
        let (name, secret) = match &settings.key {
            Some(key) => (&key.id, &key.secret),
            None => (&settings.account, &settings.token),
        };
        let mut pair = Zeroizing::new(Vec::with_capacity(name.len() + 1 + secret.expose().len()));
        pair.extend_from_slice(name.as_bytes());
        pair.push(b':');
        pair.extend_from_slice(secret.expose());
        let mut basic = Zeroizing::new(String::with_capacity(6 + pair.len().div_ceil(3) * 4));
        basic.push_str("Basic ");
        STANDARD.encode_string(&*pair, &mut basic);
        let mut authorization =
            HeaderValue::from_str(&basic).expect("base64 is made of visible ASCII");
        authorization.set_sensitive(true);
        Self {
            id: settings.account.clone(),
            base_url: settings.base_url.trim_end_matches('/').to_owned(),
            authorization,
            client,
        }
    }

    /// Posts a form to `path` below the product's address.
    async fn post(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        within: Duration,
    ) -> Result<Reply, Failure> {
        let request = Request::post(format!("{}{path}", self.base_url))
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .header(
                USER_AGENT,
                concat!("countersign/", env!("CARGO_PKG_VERSION")),
            )
            .body(Bytes::from_owner(form(fields)))
            .map_err(|error| Failure::Config(Cause::Connect(error.into())))?;
        self.client.post(request, within).await
    }
}

/// The fields as a form, in bytes that are wiped after use (C8): the code is in them.
fn form(fields: &[(&str, &str)]) -> Zeroizing<Vec<u8>> {
    // Room for text of which every byte is escaped: a string that grows leaves a copy behind.
    let most = fields
        .iter()
        .map(|(name, value)| name.len() + 3 * value.len() + 2);
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(most.sum()));
    form.extend_pairs(fields);
    Zeroizing::new(form.finish().into_bytes())
}

/// What a success says; other members are none of ours.
#[derive(Deserialize)]
struct Answer {
    sid: Option<String>,
    status: Option<String>,
    /// Of Messages: why it failed at once.
    error_code: Option<Value>,
    /// Of Verify's check.
    valid: Option<bool>,
}

/// The answer, if it was a success; else the failure that it tells of. `now` in seconds since 1970.
fn answer(reply: &Reply, now: u64) -> Result<Answer, Failure> {
    match refusal(reply, now) {
        Some(failure) => Err(failure),
        None => {
            serde_json::from_slice(&reply.body).map_err(|_| Failure::Unknown(Cause::Unreadable))
        }
    }
}

/// The failure that an answer tells of, by its code where there is one: `{"code": 21211, …}`.
fn refusal(reply: &Reply, now: u64) -> Option<Failure> {
    let by_status = reply.refusal(now)?;
    if !reply.status.is_client_error() {
        return Some(by_status);
    }
    let Some(code) = code(reply) else {
        return Some(by_status);
    };
    let retry_after = match by_status {
        Failure::Throttled { retry_after, .. } => retry_after,
        _ => None,
    };
    let by_code = |vendor| taxonomy::failure(vendor, reply.status, &code, retry_after);
    let found = by_code(VENDOR).or_else(|| {
        let malformed = reply.status == StatusCode::BAD_REQUEST;
        malformed.then(|| by_code(VENDOR_400)).flatten()
    });
    let cause = Cause::Vendor {
        status: reply.status,
        code: taxonomy::shown(&code),
        means: None,
    };
    Some(found.unwrap_or_else(|| match by_status {
        Failure::Throttled { retry_after, .. } => Failure::Throttled { retry_after, cause },
        Failure::Transient(_) => Failure::Transient(cause),
        _ => Failure::Config(cause),
    }))
}

/// The code in the body of an error.
fn code(reply: &Reply) -> Option<String> {
    #[derive(Deserialize)]
    struct Problem {
        code: Option<Value>,
    }
    let problem: Problem = serde_json::from_slice(&reply.body).ok()?;
    plain(problem.code?)
}

/// A code as text, whether it came as a number or as text.
fn plain(code: Value) -> Option<String> {
    match code {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// The name of something of Twilio's: two letters of its kind and 32 more characters. It is logged.
fn sid(answer: &Answer, kinds: &[&str]) -> Result<String, Failure> {
    let sid = answer.sid.as_deref().filter(|sid| {
        sid.len() == 34
            && sid.bytes().all(|b| b.is_ascii_alphanumeric())
            && kinds.iter().any(|kind| sid.starts_with(kind))
    });
    // It said yes: whatever it calls it, it may be on its way.
    sid.map(str::to_owned)
        .ok_or(Failure::Unknown(Cause::Unreadable))
}

/// The name by which a message is known from now on: ours in place of one that tells of the message (C8).
fn known_as(sid: &str, message: &Message) -> String {
    vendor_id::fit(sid, message).unwrap_or_else(|| message.id.to_string())
}

/// The table of `carriers/errors.toml`.
const VENDOR: &str = "twilio";

/// The table of what a code says that is not in the first one, with the status 400.
const VENDOR_400: &str = "twilio_400";

#[cfg(test)]
pub(super) mod tests;
