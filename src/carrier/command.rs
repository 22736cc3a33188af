//! A program of the operator's, with the message on its standard input.

use std::time::Duration;

use super::{Carrier, Cause, Failure, Message, Sending, Service};
use crate::phone::sender::Sender;

/// `[carriers.NAME.command]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program and its arguments; no shell comes between.
    pub argv: Vec<String>,
}

/// The carrier made ready.
pub(super) fn open(settings: &Settings) -> Service {
    Service::Transport(Box::new(Command {
        settings: settings.clone(),
    }))
}

/// The carrier.
struct Command {
    settings: Settings,
}

impl Carrier for Command {
    fn send<'a>(
        &'a self,
        message: &'a Message,
        _from: Option<&'a Sender>,
        _within: Duration,
    ) -> Sending<'a> {
        Box::pin(async move { Err(Failure::Config(Cause::WrongChannel(message.channel))) })
    }
}
