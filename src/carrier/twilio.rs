//! Twilio: Messages and Calls with codes of ours, or Verify with codes of theirs.

use std::time::Duration;

use super::{Carrier, Cause, Failure, Means, Message, Sending, Service};
use crate::phone::sender::Sender;
use crate::secret::Secret;

/// `[carriers.NAME.twilio]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The account, `AC` and 32 hexadecimal digits.
    pub account: String,
    /// Its token: the password, and the key of the receipts' signatures.
    pub token: Secret,
    /// Where the service is: a full prefix with its version.
    pub base_url: String,
}

/// The carrier made ready.
pub(super) fn open(settings: &Settings, means: Means) -> Service {
    Service::Transport(Box::new(Twilio {
        settings: settings.clone(),
        means,
    }))
}

/// Whether it reaches nobody's phone, so that numbers nobody has may be sent to.
pub(super) fn is_trial(settings: &Settings) -> bool {
    super::endpoint::is_loopback(&settings.base_url)
}

/// The carrier.
struct Twilio {
    settings: Settings,
    means: Means,
}

impl Carrier for Twilio {
    fn send<'a>(
        &'a self,
        message: &'a Message,
        _from: Option<&'a Sender>,
        _within: Duration,
    ) -> Sending<'a> {
        Box::pin(async move { Err(Failure::Config(Cause::WrongChannel(message.channel))) })
    }
}
