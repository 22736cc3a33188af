//! To be written.
use std::time::Duration;

use crate::name::Name;

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
