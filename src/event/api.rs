//! What happens at the API, each with a fixed name (A9).

use std::fmt;
use std::net::IpAddr;

use crate::message::Channel;
use crate::name::Name;

/// A call of the API.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// What stands in its answer: `requestId`, and the field `X-Request-Id`.
    pub request: &'a str,
    /// The account, once it is known that the caller may act for it.
    pub account: Option<&'a str>,
    /// Where it came from.
    pub from: IpAddr,
    /// What came of it.
    pub outcome: Outcome<'a>,
}

/// What came of a call.
#[derive(Clone, Copy)]
pub enum Outcome<'a> {
    /// The caller is nobody, or not who may.
    LoginFailed {
        /// Why, in our words.
        why: &'static str,
    },
    /// A token was given out.
    TokenIssued,
    /// A carrier took a code.
    Sent {
        /// How.
        channel: Channel,
        /// Which.
        carrier: &'a Name,
    },
    /// No code went out, or nobody knows.
    Unsent {
        /// How it was to go.
        channel: Channel,
        /// The word for what happened.
        why: &'a str,
    },
    /// The right code was shown.
    Verified,
    /// Another one.
    Wrong,
    /// One that was not compared.
    Resting,
    /// A request that cannot be understood.
    Malformed {
        /// Why: in our words, with nothing of the request.
        why: &'a dyn fmt::Display,
    },
}

impl Outcome<'_> {
    /// The fixed name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LoginFailed { .. } => "api.login_failed",
            Self::TokenIssued => "api.token_issued",
            Self::Sent { .. } => "api.sent",
            Self::Unsent { .. } => "api.unsent",
            Self::Verified => "api.verified",
            Self::Wrong => "api.failed",
            Self::Resting => "api.locked",
            Self::Malformed { .. } => "api.malformed",
        }
    }
}
