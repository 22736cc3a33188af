//! Bandwidth: Messaging v2 and Voice v2 with codes of ours, or MFA v1 with codes of theirs.
//!
//! | service | asked | taken | its receipts |
//! | --- | --- | --- | --- |
//! | texts | `POST {base_url}/users/{account}/messages` | 202 with `id` | of the messaging application |
//! | calls | `POST {voice_base_url}/accounts/{account}/calls` | 201 with `callId` | each call names their address |
//! | MFA | `POST {base_url}/accounts/{account}/code/…` | 200 with `messageId` or `callId` | each request names their address |
//!
//! What an answer means is decided by its status; where that is 400, by the field that is blamed. All words and codes
//! of the vendor are data (`carriers/errors.toml`); its sentences are never repeated, since they hold numbers (C8).

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{Request, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use zeroize::Zeroizing;

use self::login::{Basic, Door};
use self::voice::Calls;
use super::endpoint::{self, BadUrl};
use super::http_client::{HttpClient, Reply};
use super::{
    Accepted, Carrier, Cause, Failure, Means, Message, NotTaken, Receipt, Report, Sending, Service,
    taxonomy, vendor_id,
};
use crate::message::{Channel, Text};
use crate::phone::sender::Sender;
use crate::secret::Secret;

mod login;
mod messaging;
mod mfa;
mod receipts;
mod voice;

/// `[carriers.NAME.bandwidth]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The account's number.
    pub account: String,
    /// Who we are there.
    pub login: Login,
    /// Who makes the code.
    pub product: Product,
    /// The application that texts belong to; without one there are none.
    pub messaging_application: Option<String>,
    /// The application that calls belong to; without one there are none.
    pub voice_application: Option<String>,
    /// Where texts are sent, or where MFA is: a full prefix with its version.
    pub base_url: String,
    /// Where calls are made: a full prefix with its version.
    pub voice_base_url: String,
    /// The user name and password that the account's callbacks carry, if they carry any.
    pub callback: Option<(String, Secret)>,
}

/// Which of Bandwidth's services is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// Messaging v2 and Voice v2: the code is ours.
    Messaging,
    /// MFA v1: the code is theirs.
    Mfa,
}

/// Who we are to Bandwidth.
#[derive(Clone, Debug)]
pub enum Login {
    /// A user of the account.
    User {
        /// The user's name.
        name: String,
        /// The proof.
        password: Secret,
    },
    /// A client by OAuth 2.0 (RFC 6749 section 4.4), for tokens.
    Client {
        /// The client's identifier.
        id: String,
        /// The proof.
        secret: Secret,
        /// Where tokens are.
        token_url: String,
    },
}

/// The carrier made ready.
///
/// # Errors
/// [`BadUrl`] for an address that cannot be posted to.
pub(super) fn open(settings: &Settings, means: Means) -> Result<Service, BadUrl> {
    let api = Api {
        client: means.client.clone(),
        door: Door::new(&settings.login, means.client)?,
    };
    let callback = settings.callback.as_ref();
    let callback = callback.map(|(name, password)| Basic::new(name, password.expose()));
    let (account, base) = (&settings.account, &settings.base_url);
    Ok(match settings.product {
        Product::Messaging => Service::Transport(Box::new(Bandwidth {
            messages: endpoint::parse(&format!("{base}/users/{account}/messages"))?,
            messaging_application: settings.messaging_application.clone(),
            calls_url: endpoint::parse(&format!(
                "{}/accounts/{account}/calls",
                settings.voice_base_url
            ))?,
            voice_application: settings.voice_application.clone(),
            calls: Calls::new(means.voice),
            receipts: means.receipts,
            callback,
            api,
        })),
        Product::Mfa => Service::Managed(Box::new(mfa::Mfa::new(
            settings,
            means.receipts,
            callback,
            api,
        )?)),
    })
}

/// Whether it reaches nobody's phone, so that numbers nobody has may be sent to: neither by text nor by a call.
pub(super) fn is_trial(settings: &Settings) -> bool {
    let calls = settings.product == Product::Messaging && settings.voice_application.is_some();
    endpoint::is_loopback(&settings.base_url)
        && (!calls || endpoint::is_loopback(&settings.voice_base_url))
}

/// Whether any of its addresses needs certificates to be believed.
pub(super) fn is_https(settings: &Settings) -> bool {
    let token_url = match &settings.login {
        Login::User { .. } => None,
        Login::Client { token_url, .. } => Some(token_url),
    };
    [&settings.base_url, &settings.voice_base_url]
        .into_iter()
        .chain(token_url)
        .any(|url| endpoint::is_https(url))
}

/// Texts and calls with codes of ours.
struct Bandwidth {
    messages: Uri,
    messaging_application: Option<String>,
    calls_url: Uri,
    voice_application: Option<String>,
    calls: Calls,
    receipts: Option<String>,
    callback: Option<Basic>,
    api: Api,
}

impl Carrier for Bandwidth {
    fn send<'a>(
        &'a self,
        message: &'a Message,
        from: Option<&'a Sender>,
        within: Duration,
    ) -> Sending<'a> {
        Box::pin(async move {
            let id = match message.channel {
                Channel::Sms => self.text(message, from, within).await?,
                Channel::Voice => self.call(message, from, within).await?,
                Channel::Email => {
                    return Err(Failure::Config(Cause::WrongChannel(message.channel)));
                }
            };
            Ok(Accepted {
                id: known_as(&id, message),
            })
        })
    }

    fn receipts(&self, report: &Report<'_>) -> Result<Vec<Receipt>, NotTaken> {
        receipts::read(report, self.callback.as_ref(), Some(&self.calls))
    }

    fn speak(&self, token: &str, report: &Report<'_>) -> Option<Text> {
        self.calls.answer(token, report)
    }
}

/// How all of Bandwidth's services are spoken to.
struct Api {
    client: HttpClient,
    door: Door,
}

impl Api {
    /// Posts `body` and reads the answer, whatever it says. An answer that our token is not good (401) was given before
    /// anything was done: a token that was good before is then replaced, and the request made once more.
    async fn post(&self, url: &Uri, body: Bytes, within: Duration) -> Result<Reply, Failure> {
        let deadline = Instant::now() + within;
        let left = || deadline.saturating_duration_since(Instant::now());
        let mut pass = self.door.pass(None, left()).await?;
        loop {
            let request = Request::post(url)
                .header(CONTENT_TYPE, "application/json")
                .header(ACCEPT, "application/json")
                .header(USER_AGENT, AGENT)
                .header(AUTHORIZATION, pass.header.clone())
                .body(body.clone())
                .expect("a parsed address, and header values that are some");
            let reply = self.client.post(request, left()).await?;
            if reply.status != StatusCode::UNAUTHORIZED || !pass.kept {
                return Ok(reply);
            }
            pass = self.door.pass(Some(&pass), left()).await?;
            // Whatever is said to this one holds.
            pass.kept = false;
        }
    }
}

/// What we call ourselves.
const AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));

/// What an answer means that is no success; `None` if it is one. `now` in seconds since 1970.
fn refusal(reply: &Reply, now: u64) -> Option<Failure> {
    let failure = reply.refusal(now)?;
    let status = reply.status;
    let said: Said = serde_json::from_slice(&reply.body).unwrap_or_default();
    if status == StatusCode::BAD_REQUEST
        && let Some(of_field) = said.blamed().find_map(|field| {
            taxonomy::failure("bandwidth", status, &format!("field:{field}"), None)
        })
    {
        return Some(of_field);
    }
    Some(match (failure, said.word()) {
        (Failure::Config(_), Some(word)) => Failure::Config(cause(status, word)),
        (Failure::Transient(_), Some(word)) => Failure::Transient(cause(status, word)),
        (Failure::Throttled { retry_after, .. }, Some(word)) => Failure::Throttled {
            retry_after,
            cause: cause(status, word),
        },
        (failure, _) => failure,
    })
}

fn cause(status: StatusCode, word: &str) -> Cause {
    Cause::Vendor {
        status,
        code: taxonomy::shown(word),
        means: taxonomy::means("bandwidth", word),
    }
}

/// What the services write into an answer that says no. Messaging has a `type` and names the fields it blames; Voice
/// has a `type` and a sentence that begins with the field; MFA has a sentence alone.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    r#type: Option<String>,
    description: Option<String>,
    error: Option<String>,
    #[serde(rename = "fieldErrors")]
    field_errors: Vec<FieldError>,
}

#[derive(Deserialize)]
struct FieldError {
    #[serde(rename = "fieldName", default)]
    name: String,
}

impl Said {
    /// The fields that are blamed. One that the operator can mend comes before the number: then it is not certain that
    /// nobody else can do better.
    fn blamed(&self) -> impl Iterator<Item = &str> {
        let named = self.field_errors.iter().map(|error| error.name.as_str());
        let sentences = [self.description.as_deref(), self.error.as_deref()];
        let first = sentences.into_iter().flatten().filter_map(|sentence| {
            // "Invalid to: …" and "to number is required"; not just any sentence that begins with a field's name.
            let number = || sentence[first_word(sentence).len()..].starts_with(" number ");
            let invalid = sentence.strip_prefix("Invalid ");
            invalid.or_else(|| number().then_some(sentence))
        });
        let mut fields: Vec<&str> = named.chain(first).map(first_word).collect();
        fields.sort_by_key(|field| *field == "to");
        fields.into_iter()
    }

    /// The `type`, if it is a word as all of theirs are: it comes into logs.
    fn word(&self) -> Option<&str> {
        let word = self.r#type.as_deref()?;
        let plain = |b: u8| b.is_ascii_lowercase() || b == b'-';
        (!word.is_empty() && word.bytes().all(plain)).then_some(word)
    }
}

/// `to` of `to[0]`, and of `to number is required`.
fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric());
    &text[..end.unwrap_or(text.len())]
}

/// The vendor's own name for what it took, which is the whole proof that it did. It is logged: nothing that could write
/// a line of its own.
fn taken(reply: &Reply, name: &str) -> Result<String, Failure> {
    let said: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
    let id = said.as_ref().and_then(|said| said.get(name)?.as_str());
    id.filter(|id| is_name(id))
        .map(str::to_owned)
        .ok_or(Failure::Unknown(Cause::Unreadable))
}

/// The name by which the message is known from now on: ours in place of one that tells of the message (C8). Of a code
/// that the vendor drew we know only how it looks: up to 8 digits, which is no name of theirs.
fn known_as(id: &str, message: &Message) -> String {
    let code = id.len() <= 8 && id.bytes().all(|b| b.is_ascii_digit());
    vendor_id::fit(id, message)
        .filter(|_| !code)
        .unwrap_or_else(|| message.id.to_string())
}

/// Whether a text may be a message's name.
fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A body in bytes that are wiped after use (C8). `length` is that of the texts in it.
fn body(of: &impl Serialize, length: usize) -> Bytes {
    // Room for a text of which every character is escaped: a vector that grows leaves a copy behind.
    let mut body = Zeroizing::new(Vec::with_capacity(4096 + 6 * length));
    serde_json::to_writer(&mut *body, of).expect("strings are JSON, and a vector takes all bytes");
    Bytes::from_owner(body)
}

/// The sender, which every service of theirs needs.
fn sender(from: Option<&Sender>) -> Result<&str, Failure> {
    let from = from.ok_or(Failure::Config(Cause::Setup("it has no `from`")))?;
    Ok(from.as_str())
}

#[cfg(test)]
pub(super) mod tests;
