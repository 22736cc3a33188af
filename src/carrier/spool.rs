//! One file a message in a folder, for a program that empties it.

use std::time::Duration;

use super::{Carrier, Cause, Failure, Message, Sending, Service};
use crate::phone::sender::Sender;

/// `[carriers.NAME.spool]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder.
    pub path: std::path::PathBuf,
}

/// The carrier made ready.
pub(super) fn open(settings: &Settings) -> Service {
    Service::Transport(Box::new(Spool {
        settings: settings.clone(),
    }))
}

/// The carrier.
struct Spool {
    settings: Settings,
}

impl Carrier for Spool {
    fn send<'a>(
        &'a self,
        message: &'a Message,
        _from: Option<&'a Sender>,
        _within: Duration,
    ) -> Sending<'a> {
        Box::pin(async move { Err(Failure::Config(Cause::WrongChannel(message.channel))) })
    }
}
