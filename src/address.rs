//! Where a message goes.

use std::fmt;

use crate::email::Email;
use crate::phone::Phone;

/// A number or a mail address. It prints itself masked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// For text messages and calls.
    Phone(Phone),
    /// For mail.
    Email(Email),
}

impl Address {
    /// The number, if it is one.
    #[must_use]
    pub fn phone(&self) -> Option<&Phone> {
        match self {
            Self::Phone(phone) => Some(phone),
            Self::Email(_) => None,
        }
    }

    /// The whole of it, as a carrier gets it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Phone(phone) => phone.e164(),
            Self::Email(email) => email.as_str(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phone(phone) => phone.fmt(f),
            Self::Email(email) => email.fmt(f),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
