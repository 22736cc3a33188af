//! Twilio's Verify, which draws the code, sends it in words of its own, and says whether what was typed is it.
//!
//! Twilio keeps one verification for each service and number at a time, for ten minutes: who asks again meanwhile gets
//! the same code once more, under the same name.

use std::time::Duration;

use http::StatusCode;

use super::{Account, Answer, answer, code, known_as, sid};
use crate::carrier::http_client::Reply;
use crate::carrier::{Cause, Checking, Failure, Managed, Message, Started, Starting};
use crate::message::Channel;
use crate::phone::sender::Sender;

/// Codes of Twilio's.
pub(super) struct Verify {
    account: Account,
    /// `VA` and 32 hexadecimal digits.
    service: String,
}

impl Verify {
    pub(super) fn new(account: Account, service: String) -> Self {
        Self { account, service }
    }

    async fn order(&self, message: &Message, within: Duration) -> Result<Started, Failure> {
        let channel = match message.channel {
            Channel::Sms => "sms",
            Channel::Voice => "call",
            Channel::Email => "email",
        };
        let path = format!("/Services/{}/Verifications", self.service);
        let fields = [("To", message.to.as_str()), ("Channel", channel)];
        let reply = self.account.post(&path, &fields, within).await?;
        let answer = answer(&reply, message.now.unix)?;
        match answer.status.as_deref() {
            Some("pending") => {
                let sid = sid(&answer, &["VE"])?;
                Ok(Started {
                    id: known_as(&sid, message),
                    handle: sid,
                })
            }
            Some(status) if OVER.contains(&status) => Err(Failure::Transient(Cause::Vendor {
                status: reply.status,
                code: status.to_owned(),
                means: Some("the verification ended before it began"),
            })),
            _ => Err(Failure::Unknown(Cause::Unreadable)),
        }
    }

    async fn ask(&self, handle: &str, typed: &str, within: Duration) -> Result<bool, Failure> {
        let path = format!("/Services/{}/VerificationCheck", self.service);
        let fields = [("Code", typed), ("VerificationSid", handle)];
        let reply = self.account.post(&path, &fields, within).await?;
        if is_gone(&reply) {
            return Ok(false);
        }
        // There is no clock here: a wait that is written as a date counts as over.
        verdict(&answer(&reply, u64::MAX)?)
    }
}

impl Managed for Verify {
    fn start<'a>(
        &'a self,
        message: &'a Message,
        _from: Option<&'a Sender>,
        within: Duration,
    ) -> Starting<'a> {
        Box::pin(self.order(message, within))
    }

    fn check<'a>(&'a self, handle: &'a str, typed: &'a str, within: Duration) -> Checking<'a> {
        Box::pin(self.ask(handle, typed, within))
    }
}

/// Whether the verification has ended: it ran out, was used, or had too many wrong answers. Twilio deletes it then.
/// A 404 without Twilio's code is somebody else's.
fn is_gone(reply: &Reply) -> bool {
    reply.status == StatusCode::NOT_FOUND && code(reply).as_deref() == Some("20404")
}

/// Whether the code was right. `status` says so; `valid` is older and must at least not deny it.
fn verdict(answer: &Answer) -> Result<bool, Failure> {
    match (answer.status.as_deref(), answer.valid) {
        (Some("approved"), Some(true) | None) => Ok(true),
        (Some("pending"), Some(false) | None) => Ok(false),
        (Some(status), Some(false) | None) if OVER.contains(&status) => Ok(false),
        _ => Err(Failure::Unknown(Cause::Unreadable)),
    }
}

/// The statuses of a verification that takes no answers any more.
const OVER: [&str; 5] = [
    "canceled",
    "max_attempts_reached",
    "deleted",
    "failed",
    "expired",
];
