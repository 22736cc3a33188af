//! The steps of a trial, as they go to whoever tries: one JSON object a line.
//!
//! They may hold the number, whole: they are for the person who typed it, and never for a log. A code is only in
//! [`Step::Text`], and that one is made up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A step and when it happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Milliseconds since the trial began.
    pub ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub step: Step,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Where the carriers are set up.
    Configuration {
        /// The socket of the gateway that sends, or the file.
        from: String,
        /// Whether a gateway that runs sends it: only then receipts can be seen.
        gateway: bool,
    },
    /// The address was looked at.
    Address {
        /// The whole of it.
        to: String,
        /// By ISO 3166-1, where the number tells.
        country: Option<String>,
        /// What it is, in our words.
        kind: String,
        /// Why nothing is sent there.
        refused: Option<String>,
    },
    /// Who is asked, first to last.
    Order {
        /// For this channel.
        channel: String,
        /// The carriers.
        carriers: Vec<Asked>,
    },
    /// What would be sent.
    Text {
        /// With a code that is made up.
        text: String,
        /// Segments of a text message.
        segments: Option<usize>,
    },
    /// A carrier is not asked.
    LeftOut {
        /// Which.
        carrier: String,
        /// Why.
        why: String,
    },
    /// A carrier is asked.
    Asked {
        /// Which.
        carrier: String,
        /// The sender.
        from: Option<String>,
        /// Whether it failed before.
        again: bool,
    },
    /// It took the message.
    Taken {
        /// Which.
        carrier: String,
        /// The vendor's name for the message.
        id: String,
        /// How long it took.
        took_ms: u64,
        /// How many segments.
        segments: usize,
        /// Millionths of a dollar, where a price is set.
        micros: Option<u64>,
    },
    /// It did not, or nobody knows.
    Failed {
        /// Which.
        carrier: String,
        /// The word.
        class: String,
        /// The story.
        reason: String,
        /// How long it took.
        took_ms: u64,
    },
    /// No carrier took it.
    Unsent {
        /// The word.
        class: String,
        /// The story.
        reason: String,
    },
    /// Receipts are waited for.
    Waiting {
        /// For so long at the most.
        seconds: u64,
    },
    /// A receipt.
    Receipt {
        /// Of which carrier.
        carrier: String,
        /// `sent`, `delivered`, or the word for a failure.
        state: String,
        /// The vendor's code of a failure.
        code: Option<String>,
    },
    /// No further receipt is waited for.
    NoReceipt {
        /// Why.
        why: String,
    },
    /// The order is not carried out.
    Refused {
        /// Why.
        why: String,
    },
    /// It is over.
    End {
        /// Whether a carrier took it (would take it) and nothing says that it did not arrive.
        ok: bool,
    },
}

/// A carrier that is going to be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Which.
    pub carrier: String,
    /// The sender.
    pub from: Option<String>,
    /// Whether the vendor makes the code and words the message.
    pub managed: bool,
    /// Why it is left alone for now.
    pub rests: Option<String>,
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
