//! Calls by Voice v2: Bandwidth rings, and asks us what to say when somebody has picked up.
//!
//! So a code waits at an address that the whole world can reach. It is told once, to whoever names a token that only
//! Bandwidth knows, with a password that only Bandwidth knows, for the call that is ours; and never after its life.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use rand::Rng;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::super::{Cause, Failure, Message, Report};
use super::login::Basic;
use super::{Bandwidth, body, refusal, sender, taken};
use crate::message::voice::Script;
use crate::message::{Id, Text};
use crate::moment::Moment;
use crate::phone::sender::Sender;

impl Bandwidth {
    /// Makes one call and gives the vendor's name for it.
    pub(super) async fn call(
        &self,
        message: &Message,
        from: Option<&Sender>,
        within: Duration,
    ) -> Result<String, Failure> {
        let application = self.voice_application.as_deref();
        let application_id = application.ok_or(Failure::Config(Cause::Setup(
            "it has no `voice_application`",
        )))?;
        let from = sender(from)?;
        let (Some(base), Some(receipts)) = (&self.calls.base, &self.receipts) else {
            return Err(Failure::Config(Cause::Setup(
                "its calls need [delivery] public_url, where Bandwidth asks what to say",
            )));
        };
        let token = self.calls.expect(message)?;
        let password = self.calls.password(message.id.as_str());
        let secure = self.calls.is_secure();
        let body = body(
            &Create {
                application_id,
                to: message.to.as_str(),
                from,
                answer_url: &format!("{base}{token}"),
                answer_method: "POST",
                disconnect_url: receipts,
                disconnect_method: "POST",
                username: secure.then_some(CALLER),
                password: secure.then_some(password.as_str()),
                call_timeout: RINGING.min(message.life).as_secs(),
                priority: 1,
                tag: message.id.as_str(),
            },
            0,
        );
        let called = self.api.post(&self.calls_url, body, within).await;
        let called = called.and_then(|reply| match refusal(&reply, message.now.unix) {
            None => taken(&reply, "callId"),
            Some(failure) => Err(failure),
        });
        match &called {
            Ok(id) => self.calls.is_called(&token, id),
            // It may be ringing.
            Err(Failure::Unknown(_)) => {}
            Err(_) => self.calls.forget(&token),
        }
        called
    }
}

/// How long it rings: their default, and about as long as a phone rings before an answering machine takes over.
const RINGING: Duration = Duration::from_secs(30);

/// The user name in a call's own credentials; all that is secret is in the password.
const CALLER: &str = "call";

/// What is posted (Bandwidth's contract, `createCall`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Create<'a> {
    application_id: &'a str,
    to: &'a str,
    from: &'a str,
    answer_url: &'a str,
    answer_method: &'a str,
    disconnect_url: &'a str,
    disconnect_method: &'a str,
    /// Only by https: in clear text they would prove nothing, and the vendor refuses them.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
    call_timeout: u64,
    /// The first in the account's queue.
    priority: u8,
    /// Comes back in every event.
    tag: &'a str,
}

/// The calls that somebody may still pick up.
pub(super) struct Calls {
    /// What the address of a script begins with; the token follows. `None`: nobody can reach us.
    base: Option<String>,
    /// Makes each call's password out of its tag: so that the event of its end can be believed long after the call is
    /// forgotten here.
    key: Hmac<Sha256>,
    /// By token. Looking one up takes a time that depends on the token's keyed hash alone, which tells nothing.
    waiting: Mutex<HashMap<String, Call>>,
}

struct Call {
    script: Script,
    tag: Id,
    /// The vendor's name, once it is known: the answer to our request may come after the question what to say.
    id: Option<String>,
    until: Moment,
}

/// How many calls may be under way. The vendor's default is 100; each holds a few hundred bytes.
pub(super) const MOST: usize = 10_000;

impl Calls {
    pub(super) fn new(base: Option<String>) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rand::rng().fill_bytes(&mut *key);
        Self {
            base,
            key: Hmac::new_from_slice(&*key).expect("HMAC takes a key of any length (RFC 2104)"),
            waiting: Mutex::default(),
        }
    }

    /// A token for a call that will be made, of 256 random bits.
    ///
    /// # Errors
    /// [`Failure::Transient`] if there are too many.
    pub(super) fn expect(&self, message: &Message) -> Result<String, Failure> {
        let mut random = Zeroizing::new([0; 32]);
        rand::rng().fill_bytes(&mut *random);
        let token = URL_SAFE_NO_PAD.encode(*random);
        let call = Call {
            script: message.script(),
            tag: message.id.clone(),
            id: None,
            until: message.now.later(message.life),
        };
        self.waiting(|waiting| {
            waiting.retain(|_, call| call.until.mono > message.now.mono);
            if waiting.len() >= MOST {
                return Err(Failure::Transient(Cause::Busy));
            }
            waiting.insert(token.clone(), call);
            Ok(token)
        })
    }

    /// The call has this name.
    fn is_called(&self, token: &str, id: &str) {
        self.waiting(|waiting| {
            if let Some(call) = waiting.get_mut(token) {
                call.id = Some(id.to_owned());
            }
        });
    }

    /// The call was not made.
    fn forget(&self, token: &str) {
        self.waiting(|waiting| waiting.remove(token));
    }

    /// What to say, once, to somebody who has picked up. Whoever asks in a way that Bandwidth does not is told nothing,
    /// and takes nothing away from Bandwidth.
    pub(super) fn answer(&self, token: &str, report: &Report<'_>) -> Option<Text> {
        let asked: Answered = serde_json::from_slice(report.body).ok()?;
        self.waiting(|waiting| {
            waiting.retain(|_, call| call.until.mono > report.now.mono);
            let call = waiting.get(token)?;
            let ours = asked.event_type == "answer"
                && asked.tag == call.tag.as_str()
                && call.id.as_ref().is_none_or(|id| *id == asked.call_id)
                && (!self.is_secure() || self.vouches(&asked.tag, report));
            let call = ours.then(|| waiting.remove(token)).flatten()?;
            Some(call.script.bxml())
        })
    }

    /// Whether an event of the call with this tag shows the call's own password.
    pub(super) fn vouches(&self, tag: &str, report: &Report<'_>) -> bool {
        Basic::new(CALLER, self.password(tag).as_bytes()).shown_in(report.headers)
    }

    /// 256 bits that nobody can know who has not been told.
    fn password(&self, tag: &str) -> Zeroizing<String> {
        let mac = self.key.clone().chain_update(tag).finalize().into_bytes();
        Zeroizing::new(URL_SAFE_NO_PAD.encode(mac))
    }

    /// Whether passwords come to us unseen.
    fn is_secure(&self) -> bool {
        let base = self.base.as_deref().unwrap_or_default();
        base.starts_with("https://")
    }

    /// One whole step. Nobody panics while holding the lock; if somebody did, the map is still whole.
    fn waiting<T>(&self, step: impl FnOnce(&mut HashMap<String, Call>) -> T) -> T {
        step(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What Bandwidth asks with (its Voice documentation, event `answer`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    event_type: String,
    call_id: String,
    tag: String,
}
