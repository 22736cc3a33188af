//! MFA v1: Bandwidth makes the code, sends or says it, and says whether what was typed is it.
//!
//! It keeps a code under account, number and scope alone, and chooses how long codes are good only when one is checked.
//! So each challenge has a scope of its own, drawn here, and the handle holds all that a check needs.

use std::time::Duration;

use http::{StatusCode, Uri};
use rand::RngExt as _;
use serde::Serialize;

use super::super::endpoint::{self, BadUrl};
use super::super::{
    Cause, Checking, Failure, Managed, Message, NotTaken, Receipt, Report, Started, Starting,
};
use super::login::Basic;
use super::{Api, Settings, body, known_as, messaging, receipts, refusal, sender, taken};
use crate::message::Channel;
use crate::message::draft::Draft;
use crate::phone::sender::{Kind, Sender};

/// The managed service.
pub(super) struct Mfa {
    texts: Uri,
    calls: Uri,
    verify: Uri,
    messaging_application: Option<String>,
    voice_application: Option<String>,
    receipts: Option<String>,
    callback: Option<Basic>,
    api: Api,
}

impl Mfa {
    /// The service of that account.
    ///
    /// # Errors
    /// [`BadUrl`].
    pub(super) fn new(
        settings: &Settings,
        receipts: Option<String>,
        callback: Option<Basic>,
        api: Api,
    ) -> Result<Self, BadUrl> {
        let (base, account) = (&settings.base_url, &settings.account);
        let url = |what: &str| endpoint::parse(&format!("{base}/accounts/{account}/code/{what}"));
        Ok(Self {
            texts: url("messaging")?,
            calls: url("voice")?,
            verify: url("verify")?,
            messaging_application: settings.messaging_application.clone(),
            voice_application: settings.voice_application.clone(),
            receipts,
            callback,
            api,
        })
    }

    async fn send(
        &self,
        message: &Message,
        from: Option<&Sender>,
        within: Duration,
    ) -> Result<Started, Failure> {
        let config = |why| Failure::Config(Cause::Setup(why));
        let (url, application, name) = match message.channel {
            Channel::Sms => {
                let application = self.messaging_application.as_deref();
                let application = application.ok_or(config("it has no `messaging_application`"))?;
                (&self.texts, application, "messageId")
            }
            Channel::Voice => {
                let application = self.voice_application.as_deref();
                let application = application.ok_or(config("it has no `voice_application`"))?;
                (&self.calls, application, "callId")
            }
            Channel::Email => return Err(Failure::Config(Cause::WrongChannel(message.channel))),
        };
        if from.is_some_and(|from| matches!(from.kind(), Kind::ShortCode | Kind::Alphanumeric)) {
            return Err(config(
                "MFA sends from numbers with their country code only",
            ));
        }
        // What browsers read is not to be said.
        let text = match message.channel {
            Channel::Voice => Draft {
                host: None,
                ..message.draft.clone()
            }
            .blank(),
            _ => message.draft.blank(),
        };
        if text.as_str().chars().count() > messaging::LONGEST {
            return Err(config(
                "the text with its values has more than 2048 characters",
            ));
        }
        let handle = Handle {
            scope: draw_scope(),
            to: message.to.as_str().to_owned(),
            seconds: message.life.as_secs().clamp(60, 15 * 60),
        };
        let body = body(
            &Send {
                to: &handle.to,
                from: sender(from)?,
                application_id: application,
                scope: &handle.scope,
                message: text.as_str(),
                digits: message.draft.digits,
                callback_url: self.receipts.as_deref(),
            },
            text.as_str().len(),
        );
        let reply = self.api.post(url, body, within).await?;
        match refusal(&reply, message.now.unix) {
            None => Ok(Started {
                id: known_as(&taken(&reply, name)?, message),
                handle: handle.to_text(),
            }),
            Some(failure) => Err(failure),
        }
    }

    async fn verify(&self, handle: &str, typed: &str, within: Duration) -> Result<bool, Failure> {
        // A handle that was not made here names no code.
        let Some(handle) = Handle::parse(handle) else {
            return Ok(false);
        };
        if !(4..=8).contains(&typed.len()) || !typed.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(false);
        }
        let body = body(
            &Verify {
                to: &handle.to,
                scope: &handle.scope,
                expiration_time_in_minutes: minutes(handle.seconds),
                code: typed,
            },
            0,
        );
        let reply = self.api.post(&self.verify, body, within).await?;
        // Nobody told the time of day. A wait until a date counts as none, and then the vendor's own sentence holds.
        match refusal(&reply, u64::MAX) {
            None => {}
            Some(Failure::Throttled { retry_after, cause })
                if reply.status == StatusCode::TOO_MANY_REQUESTS =>
            {
                let told = retry_after.filter(|wait| !wait.is_zero());
                return Err(Failure::Throttled {
                    retry_after: told.or(Some(LOCKED)),
                    cause,
                });
            }
            Some(failure) => return Err(failure),
        }
        let said: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
        let valid = said.as_ref().and_then(|said| said.get("valid")?.as_bool());
        valid.ok_or(Failure::Unknown(Cause::Unreadable))
    }
}

impl Managed for Mfa {
    fn start<'a>(
        &'a self,
        message: &'a Message,
        from: Option<&'a Sender>,
        within: Duration,
    ) -> Starting<'a> {
        Box::pin(self.send(message, from, within))
    }

    fn check<'a>(&'a self, handle: &'a str, typed: &'a str, within: Duration) -> Checking<'a> {
        Box::pin(self.verify(handle, typed, within))
    }

    fn receipts(&self, report: &Report<'_>) -> Result<Vec<Receipt>, NotTaken> {
        receipts::read(report, self.callback.as_ref(), None)
    }
}

/// How long a number is locked after too many wrong codes: "please wait 2 minutes" (Bandwidth's MFA documentation).
const LOCKED: Duration = Duration::from_secs(120);

/// `s-` and 12 random characters (design section 4): nobody else's code for this number is under it.
fn draw_scope() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut scope = String::from("s-");
    let mut random = rand::rng();
    scope.extend((0..12).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])));
    scope
}

/// What a check needs to know.
#[derive(Debug, PartialEq, Eq)]
struct Handle {
    scope: String,
    to: String,
    /// The life of the code: 60 to 900, the window that a check may have.
    seconds: u64,
}

impl Handle {
    fn to_text(&self) -> String {
        format!("{} {} {}", self.scope, self.to, self.seconds)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(' ').map(str::to_owned);
        let handle = Self {
            scope: parts.next()?,
            to: parts.next()?,
            seconds: parts.next()?.parse().ok()?,
        };
        (parts.next().is_none() && (60..=900).contains(&handle.seconds)).then_some(handle)
    }
}

/// Seconds in minutes; whole ones without a fraction.
fn minutes(seconds: u64) -> serde_json::Number {
    let exact = u32::try_from(seconds).map(|seconds| f64::from(seconds) / 60.0);
    match (seconds % 60, exact) {
        (1.., Ok(exact)) => serde_json::Number::from_f64(exact),
        _ => None,
    }
    .unwrap_or_else(|| (seconds / 60).into())
}

/// What is posted for a code (Bandwidth's contract, `codeRequest`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Send<'a> {
    to: &'a str,
    from: &'a str,
    application_id: &'a str,
    scope: &'a str,
    message: &'a str,
    digits: u8,
    /// In the documentation of its webhooks, not in the contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<&'a str>,
}

/// What is posted to check one (`verifyCodeRequest`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verify<'a> {
    to: &'a str,
    scope: &'a str,
    expiration_time_in_minutes: serde_json::Number,
    code: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_says_what_a_check_needs_and_nothing_else_is_one() {
        let handle = Handle {
            scope: "s-abcdefghijkm".to_owned(),
            to: "+12025550143".to_owned(),
            seconds: 300,
        };
        assert_eq!(Handle::parse(&handle.to_text()), Some(handle));
        for text in [
            "",
            "s-a",
            "s-a +1",
            "s-a +1 x",
            "s-a +1 59",
            "s-a +1 901",
            "s-a +1 300 more",
        ] {
            assert_eq!(Handle::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_scope_is_drawn_anew_each_time_and_fits() {
        let (one, other) = (draw_scope(), draw_scope());
        assert_ne!(one, other);
        assert_eq!(one.len(), 14);
        assert!(one.starts_with("s-"));
        assert!(one[2..].bytes().all(|b| b.is_ascii_alphanumeric()));
    }

    #[test]
    fn minutes_are_whole_where_they_can_be() {
        assert_eq!(minutes(300).to_string(), "5");
        assert_eq!(minutes(90).to_string(), "1.5");
        assert_eq!(minutes(900).to_string(), "15");
    }
}
