//! Who carries messages and calls.
//!
//! A carrier takes one message and says what became of it in one vocabulary, [`Failure`]; which carrier is asked, in
//! which order, and what a failure means for the next one is [`delivery`]'s. A carrier never tries twice by itself: it
//! cannot know whether another carrier is to be asked instead.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::address::Address;
use crate::code::Code;
use crate::message::draft::Draft;
use crate::message::voice::Script;
use crate::message::{Channel, Id, Text};
use crate::moment::Moment;
use crate::name::Name;
use crate::phone::sender::{Sender, Unfit};
use crate::phone::{Phone, Undeliverable};

pub mod bandwidth;
pub mod command;
pub mod console;
pub mod delivery;
pub mod email;
pub mod endpoint;
mod http_client;
pub mod price;
pub mod spool;
mod taxonomy;
pub mod twilio;
mod vendor_id;
pub mod webhook;

use self::http_client::HttpClient;
use self::price::Price;

/// `[carriers.NAME.KIND]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name in `[delivery]` and logs.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// How long one send may take (A1).
    pub timeout: Duration,
    /// What its messages and calls come from; a number keeps the one it was given first. Empty where the kind needs none.
    pub from: Vec<Sender>,
    /// What one segment of a text, one minute of a call or one mail costs.
    pub price: Option<Price>,
    /// How many sends it does at once; more wait, within their time.
    pub at_once: usize,
}

/// The carriers there are.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a handful of them, made once at the start"
)]
pub enum Kind {
    /// Prints the message: for trials.
    Console,
    /// A POST of JSON to an address of the operator's, or any request that a template describes.
    Webhook(webhook::Settings),
    /// Bandwidth: Messaging and Voice, or MFA.
    Bandwidth(bandwidth::Settings),
    /// Twilio: Messages and Calls, or Verify.
    Twilio(twilio::Settings),
    /// Mail by SMTP.
    Email(email::Settings),
    /// A program of the operator's, with the message on its standard input.
    Command(command::Settings),
    /// One file a message in a folder.
    Spool(spool::Settings),
}

impl Kind {
    /// Whether the vendor makes the code and says whether what was typed is it: then nobody else's code can go this way.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        match self {
            Self::Bandwidth(own) => own.product == bandwidth::Product::Mfa,
            Self::Twilio(own) => matches!(own.product, twilio::Product::Verify { .. }),
            Self::Console
            | Self::Webhook(_)
            | Self::Email(_)
            | Self::Command(_)
            | Self::Spool(_) => false,
        }
    }
}

/// `[delivery]`: who carries what, in which order.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Carriers for text messages, first to last.
    pub sms: Vec<Name>,
    /// Carriers for calls, first to last.
    pub voice: Vec<Name>,
    /// Carriers for mail, first to last.
    pub email: Vec<Name>,
    /// Another order for texts and calls to some countries (ISO 3166-1 alpha-2, upper case): of the channel's carriers,
    /// those named here, in this order.
    pub by_country: Vec<(String, Vec<Name>)>,
    /// How long all attempts together may take.
    pub timeout: Duration,
    /// Countries (ISO 3166-1 alpha-2, upper case) that are sent to.
    pub countries: Vec<String>,
    /// Whether 555-01xx numbers are sent to.
    pub fictional: bool,
    /// Where vendors reach this gateway, an origin such as `https://portal.example.com`; `None` if they cannot, and
    /// then no receipts are asked for.
    pub public: Option<String>,
}

/// Something that takes a message, with a code of ours in it, to somebody.
///
/// The next vendors (Vonage, Telnyx, Plivo, AWS, SMPP) fit as they stand: the sender is chosen for them, the life of the
/// code is in the message in the one unit from which each makes its own, and a call has its script in four languages.
pub trait Carrier: Send + Sync {
    /// Takes one message and says what became of it, at the latest after `within`. `from` is one of its own senders,
    /// the same for the same number as long as it can; `None` if it has none.
    ///
    /// # Errors
    /// [`Failure`], in the future's output.
    fn send<'a>(
        &'a self,
        message: &'a Message,
        from: Option<&'a Sender>,
        within: Duration,
    ) -> Sending<'a>;

    /// What a vendor tells of messages that it took earlier.
    ///
    /// # Errors
    /// [`NotTaken`]: it is not the vendor who speaks, or it cannot be understood.
    fn receipts(&self, _report: &Report<'_>) -> Result<Vec<Receipt>, NotTaken> {
        Err(NotTaken::None)
    }

    /// The answer to a vendor that has somebody on the line and asks what to say, by the one-time token in the address.
    fn speak(&self, _token: &str, _report: &Report<'_>) -> Option<Text> {
        None
    }
}

/// A service that makes the code itself, sends it, and says whether what was typed is it.
pub trait Managed: Send + Sync {
    /// Lets the vendor send a code. The draft says what stands around it; the message's own code is not used.
    ///
    /// # Errors
    /// [`Failure`], in the future's output.
    fn start<'a>(
        &'a self,
        message: &'a Message,
        from: Option<&'a Sender>,
        within: Duration,
    ) -> Starting<'a>;

    /// Whether `typed` is the code that was sent under `handle`. A code that has expired, was used, or was never sent
    /// is not.
    ///
    /// # Errors
    /// [`Failure`], in the future's output: then nobody knows, and the code does not count as right.
    fn check<'a>(&'a self, handle: &'a str, typed: &'a str, within: Duration) -> Checking<'a>;

    /// As [`Carrier::receipts`].
    ///
    /// # Errors
    /// [`NotTaken`].
    fn receipts(&self, _report: &Report<'_>) -> Result<Vec<Receipt>, NotTaken> {
        Err(NotTaken::None)
    }
}

/// A carrier made ready: who makes the code?
pub(in crate::carrier) enum Service {
    /// We do.
    Transport(Box<dyn Carrier>),
    /// The vendor does.
    Managed(Box<dyn Managed>),
}

/// A send under way. Dropping it gives the message up; whether it was sent is then not known.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Accepted, Failure>> + Send + 'a>>;

/// A send by a managed service under way.
pub type Starting<'a> = Pin<Box<dyn Future<Output = Result<Started, Failure>> + Send + 'a>>;

/// A check under way.
pub type Checking<'a> = Pin<Box<dyn Future<Output = Result<bool, Failure>> + Send + 'a>>;

/// One message on its way. Without `Debug`: its code must not come into a log (C8).
pub struct Message {
    /// What names it to the carrier and in logs.
    pub id: Id,
    /// Whose message it is: a site, or an account of the API.
    pub site: Name,
    /// What its code is good for.
    pub scope: String,
    /// Where it goes: a number for [`Channel::Sms`] and [`Channel::Voice`], a mail address for [`Channel::Email`].
    pub to: Address,
    /// How it goes: what the text is for, the eye or the ear.
    pub channel: Channel,
    /// What is sent or said around the code.
    pub draft: Draft,
    /// The code.
    pub code: Code,
    /// The sender that must be used; `None`: any. Carriers that list others are left out.
    pub from: Option<Sender>,
    /// Whether the code must be ours, so that managed services are left out.
    pub ours: bool,
    /// The language of the person (BCP 47), where it is known: of the call and its voice, and of a mail's subject.
    pub locale: Option<String>,
    /// How long its code is good: after that a carrier need not try any more.
    pub life: Duration,
    /// When it was made.
    pub now: Moment,
}

impl Message {
    /// What is to be read: the text of a text message or mail, or the words of a call in plain text.
    #[must_use]
    pub fn text(&self) -> Text {
        match self.channel {
            Channel::Sms => self.draft.text(self.code.as_str()),
            Channel::Email => self.draft.mail(self.code.as_str()),
            Channel::Voice => self.script().plain(),
        }
    }

    /// What is to be said, for every language of calls.
    #[must_use]
    pub fn script(&self) -> Script {
        let locale = self.locale.as_deref();
        self.draft.script(self.code.as_str(), locale)
    }

    /// The number, where it goes to one.
    #[must_use]
    pub fn phone(&self) -> Option<&Phone> {
        self.to.phone()
    }
}

/// What the house gives an adapter.
#[derive(Clone)]
pub(in crate::carrier) struct Means {
    /// The HTTP client of all carriers.
    client: HttpClient,
    /// The public address at which the vendor's receipts for this carrier come in; `None`: nobody can reach us.
    receipts: Option<String>,
    /// What the public address of a one-time call script begins with; the token follows.
    voice: Option<String>,
}

/// The carrier took the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The carrier's own name for the message, else ours. Its receipts name the message by it, or by ours.
    pub id: String,
}

/// The vendor took the order to send a code of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The vendor's own name for the message.
    pub id: String,
    /// What [`Managed::check`] needs. It may hold the number: it is not for logs.
    pub handle: String,
}

/// What a vendor posted, or asked for, at one of our own addresses.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The header fields as they came.
    pub headers: &'a HeaderMap,
    /// The body, byte for byte; empty for a GET.
    pub body: &'a Bytes,
    /// The public address at which it came, whole, with its query: vendors sign it.
    pub url: &'a str,
    /// When.
    pub now: Moment,
}

/// What became of a message that a carrier took earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The vendor's name for the message as in [`Accepted::id`], or ours, [`Message::id`].
    pub id: String,
    /// What became of it.
    pub fate: Fate,
}

/// What becomes of a message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The carrier sent it on.
    Sent,
    /// It arrived, as far as this carrier can tell.
    Delivered,
    /// It did not arrive and will not.
    Failed {
        /// The word for logs and metrics, as [`Failure::class`].
        class: &'static str,
        /// The vendor's own code; printable ASCII, at most 32 characters.
        code: Option<String>,
    },
}

/// A report that is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// This carrier tells nothing.
    #[error("this carrier has no receipts")]
    None,
    /// It is not signed as the vendor signs, or has other credentials.
    #[error("it is not the vendor who speaks")]
    Forged,
    /// It is not in the vendor's form.
    #[error("it is no receipt")]
    Unreadable,
}

/// Why a message was not sent, in the one vocabulary of all carriers.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody has this number, or this mail address.
    #[error("nobody can be reached there")]
    BadNumber(#[source] Cause),
    /// The number is barred, the mailbox takes nothing, or the text was taken for spam.
    #[error("it is blocked there")]
    Blocked(#[source] Cause),
    /// Its owner said STOP.
    #[error("the number's owner opted out")]
    OptedOut(#[source] Cause),
    /// A text message cannot reach it; a call can.
    #[error("the number is a landline")]
    Landline(#[source] Cause),
    /// Our own policy does not send there (C6); no carrier was asked.
    #[error("not sent to: {0}")]
    Refused(Undeliverable),
    /// None of the carrier's senders reaches the number.
    #[error("no sender reaches the number: {0}")]
    Unfit(Unfit),
    /// The operator must mend something: address, account, credentials, sender.
    #[error("the carrier is not set up right")]
    Config(#[source] Cause),
    /// Too much at once.
    #[error("the carrier asks to wait")]
    Throttled {
        /// For how long, if it said so.
        retry_after: Option<Duration>,
        /// What it said.
        #[source]
        cause: Cause,
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
            Self::BadNumber(_) => "bad_number",
            Self::Blocked(_) => "blocked",
            Self::OptedOut(_) => "opted_out",
            Self::Landline(_) => "landline",
            Self::Refused(_) => "refused",
            Self::Unfit(_) => "unfit",
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
            Self::Config(_) | Self::Throttled { .. } | Self::Transient(_) | Self::Unfit(_)
        )
    }
}

/// What happened, for the operator's log; nothing of the message is in it.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// An HTTP answer that says no.
    #[error("the answer was {0}")]
    Status(StatusCode),
    /// An answer with a code of the vendor's.
    #[error("the answer was {status}, code {code}{}", meant(*.means))]
    Vendor {
        /// The HTTP status.
        status: StatusCode,
        /// The vendor's code: printable ASCII, at most 32 characters.
        code: String,
        /// What that means, in our words.
        means: Option<&'static str>,
    },
    /// A success that is none: it does not say what every success of this vendor says.
    #[error("the answer cannot be understood")]
    Unreadable,
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
    /// A program of the operator's cannot be started.
    #[error("it cannot be started")]
    Start(#[source] io::Error),
    /// A program of the operator's ended so.
    #[error("it ended with {0}")]
    Exit(std::process::ExitStatus),
    /// A folder of the operator's that nobody empties.
    #[error("its folder is full")]
    Full,
    /// A request of the operator's own making asks for something that this message does not have.
    #[error("this message has nothing for {{{0}}}, which the request asks for")]
    Unfilled(&'static str),
    /// A mail server said no.
    #[error("the mail server answered {code}")]
    Smtp {
        /// The reply code (RFC 5321 section 4.2).
        code: u16,
    },
    /// It has as many sends under way as it may.
    #[error("it has too many sends under way")]
    Busy,
    /// It failed so often that it is left out for a while.
    #[error("it is left out for a while after failing")]
    Resting,
    /// Something is missing or wrong in its settings; the words say what.
    #[error("{0}")]
    Setup(&'static str),
    /// This carrier does not do this channel.
    #[error("it does not carry {0}")]
    WrongChannel(Channel),
    /// The message asks for a sender that this carrier does not have.
    #[error("it does not have that sender")]
    NoSender,
    /// `[delivery]` names nobody for this channel.
    #[error("no carrier for {0}")]
    NoCarrier(Channel),
}

fn meant(means: Option<&'static str>) -> String {
    means.map(|means| format!(": {means}")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
