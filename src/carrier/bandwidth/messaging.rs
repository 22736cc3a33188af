//! Text messages by Messaging v2, with codes of ours.

use std::time::Duration;

use serde::Serialize;

use super::super::{Cause, Failure, Message};
use super::{Bandwidth, body, refusal, sender, taken};
use crate::phone::sender::Sender;

impl Bandwidth {
    /// Sends one text and gives the vendor's name for it.
    pub(super) async fn text(
        &self,
        message: &Message,
        from: Option<&Sender>,
        within: Duration,
    ) -> Result<String, Failure> {
        let application = self.messaging_application.as_deref();
        let text = message.text();
        if text.as_str().chars().count() > LONGEST {
            return Err(Failure::Config(Cause::Setup(
                "the text with its values has more than 2048 characters",
            )));
        }
        let body = body(
            &Create {
                application_id: application.ok_or(Failure::Config(Cause::Setup(
                    "it has no `messaging_application`",
                )))?,
                to: [message.to.as_str()],
                from: sender(from)?,
                text: text.as_str(),
                tag: message.id.as_str(),
                priority: "high",
                expiration: expiration(message),
            },
            text.as_str().len(),
        );
        let reply = self.api.post(&self.messages, body, within).await?;
        match refusal(&reply, message.now.unix) {
            None => taken(&reply, "id"),
            Some(failure) => Err(failure),
        }
    }
}

/// Characters of a text (Bandwidth's contract, `messageText`).
pub(super) const LONGEST: usize = 2048;

/// What is posted (Bandwidth's contract, `messageRequest`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Create<'a> {
    application_id: &'a str,
    /// More than one would be a group conversation.
    to: [&'a str; 1],
    from: &'a str,
    text: &'a str,
    /// Comes back in every receipt.
    tag: &'a str,
    /// A code is wanted now; the account's other messages can wait.
    priority: &'a str,
    expiration: String,
}

/// The end of the code's life (RFC 3339): after that the vendor gives up.
fn expiration(message: &Message) -> String {
    let end = i64::try_from(message.now.later(message.life).unix).ok();
    end.and_then(|unix| jiff::Timestamp::from_second(unix).ok())
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}
