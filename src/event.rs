//! What an operator wants to know happened, each with a fixed name (A9).
//!
//! No variant can carry a code, a whole number, a cookie or a body: there is no field for one.

use std::fmt;
use std::net::IpAddr;

use crate::challenge::Entry;
use crate::code::Reference;
use crate::gate::Reason;
use crate::message::{Channel, Id};
use crate::name::Name;
use crate::subject::Subject;

pub mod api;
pub mod dispatch;

/// An event, with what tells it from others of its kind.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    /// What stands on the visitor's page.
    pub reference: Reference,
    /// The site, once it is known.
    pub site: Option<&'a Name>,
    /// What happened.
    pub what: What<'a>,
}

/// What happened.
#[derive(Clone, Copy)]
pub enum What<'a> {
    /// A request was no request (R3, R6).
    Malformed {
        /// Why, in our words.
        why: &'a dyn fmt::Display,
    },
    /// Its host is none of ours.
    Misdirected,
    /// Its connection was made for another host, and one of both wants certificates of its visitors.
    OtherHandshake,
    /// The gate said no.
    Refused {
        /// Why.
        reason: Reason,
    },
    /// Somebody is asked for a code.
    ChallengeCreated {
        /// For what.
        scope: &'a Name,
        /// How they came.
        entry: Entry,
    },
    /// A message was taken by a carrier.
    ChallengeSent {
        /// For what.
        scope: &'a Name,
        /// How.
        channel: Channel,
        /// By whom.
        carrier: &'a Name,
        /// Which message, as the carriers' lines name it.
        message: &'a Id,
    },
    /// A message was asked for and none went out.
    ChallengeUnsent {
        /// For what.
        scope: &'a Name,
        /// Which message, if it was made at all.
        message: Option<&'a Id>,
        /// Why, in our words.
        why: &'a str,
    },
    /// A wrong answer, or one that was not compared.
    ChallengeFailed {
        /// For what.
        scope: &'a Name,
        /// Who was asked.
        subject: &'a Subject,
        /// Why, in our words.
        why: &'static str,
    },
    /// A right answer: a grant was made.
    ChallengeVerified {
        /// For what.
        scope: &'a Name,
        /// Who proved it.
        subject: &'a Subject,
        /// How they came.
        entry: Entry,
    },
    /// A grant was ended by its owner.
    GrantRevoked {
        /// For what.
        scope: &'a Name,
        /// Whose.
        subject: &'a Subject,
    },
    /// The answer to a login is held.
    LoginCaptured {
        /// For what.
        scope: &'a Name,
        /// How the login went, in our words.
        outcome: &'static str,
    },
    /// The application refused a login.
    LoginFailed {
        /// For what.
        scope: &'a Name,
    },
    /// A program passed with its name and password, and without a code.
    MachinePassed {
        /// From where.
        from: IpAddr,
        /// By whose word: the capture that names it.
        capture: &'a Name,
    },
    /// A posted login could be read in more than one way, and was refused.
    LoginAmbiguous {
        /// Where, in our words.
        why: &'a dyn fmt::Display,
    },
    /// The application takes somebody for signed in who has no grant any more.
    SessionOutlived {
        /// For what.
        scope: &'a Name,
    },
    /// A scope in shadow would ask somebody.
    WouldAsk {
        /// For what.
        scope: &'a Name,
        /// The route that says so, as `file:line`.
        route: &'a str,
        /// What they could make use of, in a word.
        audience: &'static str,
    },
    /// A site in shadow would say no.
    WouldRefuse {
        /// Why.
        reason: Reason,
    },
    /// A scope in shadow would keep the answer to a login, or would have nothing to keep.
    WouldHold {
        /// For what.
        scope: &'a Name,
        /// How the login went, in our words.
        outcome: &'static str,
    },
    /// A scope in shadow would send a code.
    WouldSend {
        /// For what.
        scope: &'a Name,
        /// To whom, masked.
        to: &'a str,
        /// How.
        channel: Channel,
        /// By whom, first.
        carrier: &'a str,
        /// Whether it is in doubt that the login went well.
        doubt: bool,
    },
    /// Somebody has signed out here, and the application may not have signed them out.
    NotSignedOut {
        /// What it said, in our words.
        why: &'a dyn fmt::Display,
    },
    /// Somebody who knows the address of a carrier's receipts posted something else there.
    ReceiptRefused {
        /// Whose.
        carrier: &'a str,
        /// Why, in our words.
        why: &'a dyn fmt::Display,
    },
    /// A request that had been held went on.
    HoldReplayed,
    /// The application did not answer.
    UpstreamFailed {
        /// Why, with its causes.
        why: &'a dyn std::error::Error,
    },
    /// Something is full: a stranger was turned away (A1).
    Full,
    /// A call of the API.
    Api(api::Call<'a>),
}

impl What<'_> {
    /// The fixed name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "request.malformed",
            Self::Misdirected => "request.misdirected",
            Self::OtherHandshake => "request.other_handshake",
            Self::Refused { .. } => "request.refused",
            Self::ChallengeCreated { .. } => "challenge.created",
            Self::ChallengeSent { .. } => "challenge.sent",
            Self::ChallengeUnsent { .. } => "challenge.unsent",
            Self::ChallengeFailed { .. } => "challenge.failed",
            Self::ChallengeVerified { .. } => "challenge.verified",
            Self::GrantRevoked { .. } => "grant.revoked",
            Self::LoginCaptured { .. } => "login.captured",
            Self::LoginFailed { .. } => "login.failed",
            Self::MachinePassed { .. } => "machine.passed",
            Self::LoginAmbiguous { .. } => "login.ambiguous",
            Self::SessionOutlived { .. } => "session.outlived",
            Self::WouldAsk { .. } => "shadow.ask",
            Self::WouldRefuse { .. } => "shadow.refuse",
            Self::WouldHold { .. } => "shadow.login",
            Self::WouldSend { .. } => "shadow.send",
            Self::NotSignedOut { .. } => "sign_out.failed",
            Self::ReceiptRefused { .. } => "receipt.refused",
            Self::HoldReplayed => "hold.replayed",
            Self::UpstreamFailed { .. } => "upstream.failed",
            Self::Full => "store.full",
            Self::Api(call) => call.outcome.name(),
        }
    }
}
