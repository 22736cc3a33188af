//! What carriers do, step by step: for the log, for metrics, and for whoever tries a carrier out.

use std::time::Duration;

use crate::address::Address;
use crate::message::{Channel, Id};
use crate::name::Name;
use crate::phone::sender::Sender;

/// A step of one message's way.
#[derive(Clone, Copy)]
pub struct Dispatch<'a> {
    /// The message.
    pub id: &'a Id,
    /// Where it goes.
    pub to: &'a Address,
    /// How.
    pub channel: Channel,
    /// What happened.
    pub step: Step<'a>,
}

/// What happened to a message.
#[derive(Clone, Copy)]
pub enum Step<'a> {
    /// A carrier was not asked.
    LeftOut {
        /// Which.
        carrier: &'a Name,
        /// Why, in our words.
        why: &'a str,
    },
    /// A carrier is asked.
    Asked {
        /// Which.
        carrier: &'a Name,
        /// What it sends from.
        from: Option<&'a Sender>,
        /// Whether it failed before and is asked once more.
        again: bool,
    },
    /// It took the message.
    Taken {
        /// Which.
        carrier: &'a Name,
        /// The vendor's name for the message.
        vendor_id: &'a str,
        /// How long it took.
        took: Duration,
        /// How many segments the text has, or 1.
        segments: usize,
        /// What it costs in millionths of a dollar, where a price is set.
        micros: Option<u64>,
    },
    /// It did not, or nobody knows.
    Failed {
        /// Which.
        carrier: &'a Name,
        /// The word for what happened.
        class: &'static str,
        /// The whole story, with every cause.
        reason: &'a str,
        /// How long it took.
        took: Duration,
    },
    /// No carrier took it.
    Unsent {
        /// The word for what happened.
        class: &'static str,
        /// The whole story, with every cause.
        reason: &'a str,
    },
}

/// What became of a message later, as its vendor tells.
#[derive(Clone, Copy)]
pub struct Told<'a> {
    /// Which carrier.
    pub carrier: &'a Name,
    /// The vendor's name for the message, or ours.
    pub id: &'a str,
    /// How it went.
    pub channel: Channel,
    /// `sent`, `delivered`, or the word for a failure.
    pub state: &'static str,
    /// The vendor's code of a failure.
    pub code: Option<&'a str>,
}

/// Who hears of every step. It must not wait for anything.
pub trait Witness: Send + Sync {
    /// One step.
    fn saw(&self, dispatch: &Dispatch<'_>);

    /// One receipt.
    fn heard(&self, told: &Told<'_>);

    /// Whether a carrier is asked, or left out because it failed too often.
    fn rests(&self, carrier: &Name, rests: bool);

    /// Of the codes that a carrier took, fewer are entered than should be: so many of a hundred. Told once when it falls
    /// that low. Who hears of one message alone need not care.
    fn conversion(&self, _carrier: &Name, _channel: Channel, _percent: u8) {}
}
