//! Who carries messages and calls.
//!
//! A carrier takes one message and says what became of it in one vocabulary, [`Failure`]; which carrier is asked, in
//! which order, and what a failure means for the next one is [`delivery`]'s. A carrier never tries twice by itself: it
//! cannot know whether another carrier is to be asked instead.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use http::StatusCode;

use crate::message::{Channel, Id, Text};
use crate::moment::Moment;
use crate::name::Name;
use crate::phone::{Phone, Undeliverable};

pub mod console;
pub mod delivery;
mod http_client;
pub mod webhook;

/// `[carriers.NAME.KIND]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name in `[delivery]` and logs.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// How long one send may take (A1).
    pub timeout: Duration,
}

/// The carriers there are.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Prints the message: for trials.
    Console,
    /// A signed POST of JSON to an address of the operator's.
    Webhook(webhook::Settings),
}

/// `[delivery]`: who carries what, in which order.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Carriers for text messages, first to last.
    pub sms: Vec<Name>,
    /// Carriers for calls, first to last.
    pub voice: Vec<Name>,
    /// How long all attempts together may take.
    pub timeout: Duration,
    /// Countries (ISO 3166-1 alpha-2, upper case) that are sent to.
    pub countries: Vec<String>,
    /// Whether 555-01xx numbers are sent to.
    pub fictional: bool,
}

/// Something that takes a message to a number.
pub trait Carrier: Send + Sync {
    /// Takes one message and says what became of it, at the latest after `within`.
    ///
    /// # Errors
    /// [`Failure`], in the future's output.
    fn send<'a>(&'a self, message: &'a Message, within: Duration) -> Sending<'a>;
}

/// A send under way. Dropping it gives the message up; whether it was sent is then not known.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Accepted, Failure>> + Send + 'a>>;

/// One message on its way.
#[derive(Clone, Debug)]
pub struct Message {
    /// What names it to the carrier and in logs.
    pub id: Id,
    /// Whose message it is.
    pub site: Name,
    /// What its code is good for.
    pub scope: Name,
    /// Where it goes.
    pub to: Phone,
    /// How it goes: what the text is for, the eye or the ear.
    pub channel: Channel,
    /// What is sent or said.
    pub text: Text,
    /// The language of the text (BCP 47), where one was chosen: the voice that says it.
    pub locale: Option<String>,
    /// How long its code is good: after that a carrier need not try any more.
    pub life: Duration,
    /// When it was made.
    pub now: Moment,
}

/// The carrier took the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The carrier's own name for the message, else ours.
    pub id: String,
}

/// Why a message was not sent, in the one vocabulary of all carriers.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody has this number.
    #[error("the number does not exist")]
    BadNumber,
    /// The number is barred, or the text was taken for spam.
    #[error("the number is blocked")]
    Blocked,
    /// Its owner said STOP.
    #[error("the number's owner opted out")]
    OptedOut,
    /// A text message cannot reach it; a call can.
    #[error("the number is a landline")]
    Landline,
    /// Our own policy does not send there (C6); no carrier was asked.
    #[error("not sent to: {0}")]
    Refused(Undeliverable),
    /// The operator must mend something: address, account, credentials, sender.
    #[error("the carrier is not set up right")]
    Config(#[source] Cause),
    /// Too much at once.
    #[error("the carrier asks to wait")]
    Throttled {
        /// For how long, if it said so.
        retry_after: Option<Duration>,
    },
    /// It was certainly not sent, and may work later or elsewhere.
    #[error("the carrier does not work")]
    Transient(#[source] Cause),
    /// It may have been sent: sending it again could send it twice.
    #[error("the carrier did not say whether it took the message")]
    Unknown(#[source] Cause),
}

impl Failure {
    /// The word for logs.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::BadNumber => "bad_number",
            Self::Blocked => "blocked",
            Self::OptedOut => "opted_out",
            Self::Landline => "landline",
            Self::Refused(_) => "refused",
            Self::Config(_) => "config",
            Self::Throttled { .. } => "throttled",
            Self::Transient(_) => "transient",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Whether it is the carrier's fault and not the number's, so that another carrier may do better.
    ///
    /// False for [`Failure::Unknown`]: the next carrier's message could be the second.
    #[must_use]
    pub fn is_of_the_carrier(&self) -> bool {
        matches!(
            self,
            Self::Config(_) | Self::Throttled { .. } | Self::Transient(_)
        )
    }
}

/// What happened, for the operator's log; nothing of the message is in it.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// An HTTP answer that says no.
    #[error("the answer was {0}")]
    Status(StatusCode),
    /// No connection came about.
    #[error("no connection")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No connection came about in time.
    #[error("no connection in time")]
    SlowConnect,
    /// The request went out, and no answer came in time.
    #[error("no answer in time")]
    Silence,
    /// The request went out, and the connection broke before the answer was whole.
    #[error("the connection broke before the answer was whole")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An answer longer than any carrier's.
    #[error("the answer is longer than 64 KiB")]
    Oversized,
    /// The console cannot be written to.
    #[error("it cannot be written")]
    Write(#[source] io::Error),
    /// `[delivery]` names nobody for this channel.
    #[error("no carrier for {0}")]
    NoCarrier(Channel),
}

#[cfg(test)]
mod tests;
