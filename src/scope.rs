//! What a code is good for.

use std::time::Duration;

use crate::message::Channel;
use crate::message::wording::Wording;
use crate::name::Name;

/// A scope as the operator set it up: `[scopes.NAME]`.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Its name in routes, cookies and logs.
    pub name: Name,
    /// `{SCOPE}` in messages, and the word on pages.
    pub title: String,
    /// How many digits a code has: 4–8 (design section 12).
    pub digits: u8,
    /// How long a code is good: 1–10 minutes (C1).
    pub code_life: Duration,
    /// The longest life of a grant, however busy (S5).
    pub grant_life: Duration,
    /// How long a grant lives without a request (S5).
    pub idle: Duration,
    /// True while it is only tried out: what it would ask is decided and logged, and nobody is asked.
    pub shadow: bool,
    /// The first is used at once, the others are offered on the page. Never empty.
    pub channels: Vec<Channel>,
    /// The text of a message, by the person's language.
    pub message: Wording,
}

/// Words that [`crate::route::Class`] takes for itself, so no scope may bear them.
pub const RESERVED: [&str; 4] = ["public", "public_full", "login_page", "deny"];
