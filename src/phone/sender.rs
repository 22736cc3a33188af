//! What a message or a call comes from, as the operator writes it in `from`.
//!
//! Carriers lease four kinds of senders under different rules, and refuse the wrong kind late, with an error about
//! something else. So the kind is read from the text once, and asked before anything is sent.

use std::fmt;

use super::nanp::{self, Area};
use super::{NotAPhone, Phone, Undeliverable};
use crate::message::Channel;

/// A sender: `+12025550101`, `+18005550101`, `+442079460000`, `73737` or `ACME`.
///
/// Two are equal if they are written alike. It prints itself with its number masked; [`Sender::as_str`] is what a
/// carrier gets.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sender(Form);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Form {
    Number(Phone),
    ShortCode(String),
    Alphanumeric(String),
}

/// What a sender is, which decides what it may do and what it must be registered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ten digits of country code 1 that belong to a place; messages to the United States need a campaign (10DLC).
    Local,
    /// An 800 number; messages need its verification.
    TollFree,
    /// A number of another country code.
    Abroad,
    /// Five or six digits without country code, under a lease; it reaches the networks it was leased for.
    ShortCode,
    /// A name in place of a number.
    Alphanumeric,
}

impl Sender {
    /// Takes a sender as it stands in a file: a number in E.164, with nothing between the digits; a short code of 5 or 6
    /// digits, the first from 2 to 9; or a name of 3 to 11 characters with a letter among them, out of A–Z, a–z, 0–9,
    /// blank, `-`, `_`, `&` and `+`, that neither begins with `+` nor begins or ends with a blank.
    ///
    /// # Errors
    /// [`NotASender`], for the kind that the text seems to be. It may hold the number, as [`NotAPhone`].
    pub fn parse(text: &str) -> Result<Self, NotASender> {
        let form = if text.trim().is_empty() {
            return Err(NotASender::Empty);
        } else if !text.starts_with('+') && text.contains(char::is_alphabetic) {
            alphanumeric(text)?;
            Form::Alphanumeric(text.to_owned())
        } else if text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit()) {
            if text.len() < 5 || text.starts_with(['0', '1']) {
                return Err(NotASender::ShortCode);
            }
            Form::ShortCode(text.to_owned())
        } else {
            let phone = Phone::parse(text)?;
            if let Some(reason) = unfit(&phone) {
                return Err(NotASender::Unfit(reason));
            }
            Form::Number(phone)
        };
        Ok(Self(form))
    }

    /// The sender as it was written, and as a carrier gets it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Form::Number(phone) => phone.e164(),
            Form::ShortCode(text) | Form::Alphanumeric(text) => text,
        }
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match &self.0 {
            Form::Number(phone) => match phone.north_american().map(|all| nanp::area(&all[..3])) {
                None => Kind::Abroad,
                Some(Some(Area::TollFree)) => Kind::TollFree,
                Some(_) => Kind::Local,
            },
            Form::ShortCode(_) => Kind::ShortCode,
            Form::Alphanumeric(_) => Kind::Alphanumeric,
        }
    }

    /// Why it cannot send to that number by this channel; `None` if it can, as far as its kind tells: what it is
    /// registered for, only the carrier knows.
    #[must_use]
    pub fn refusal(&self, to: &Phone, channel: Channel) -> Option<Unfit> {
        match (self.kind(), channel) {
            (kind @ (Kind::ShortCode | Kind::Alphanumeric), Channel::Voice) => {
                Some(Unfit::Voice(kind))
            }
            (Kind::Alphanumeric, Channel::Sms) if to.north_american().is_some() => {
                Some(Unfit::CountryCode1)
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Number(phone) => phone.fmt(f),
            Form::ShortCode(text) | Form::Alphanumeric(text) => text.fmt(f),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "a local number",
            Self::TollFree => "a toll-free number",
            Self::Abroad => "a number of another country code than 1",
            Self::ShortCode => "a short code",
            Self::Alphanumeric => "an alphanumeric sender",
        })
    }
}

/// What is wrong with a text that should be a sender. For whoever wrote it, not for logs.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotASender {
    /// Nothing is there.
    #[error("a sender is missing")]
    Empty,
    /// It looks like a number and is none.
    #[error(transparent)]
    Number(#[from] NotAPhone),
    /// A number that nobody sends from: premium, directory assistance, an area code of no place.
    #[error("{0} cannot be sent from")]
    Unfit(Undeliverable),
    /// Up to six digits, and no short code.
    #[error("a short code has 5 or 6 digits, the first from 2 to 9")]
    ShortCode,
    /// A name that is too short or too long.
    #[error("an alphanumeric sender has 3 to 11 characters, not {0}")]
    Length(usize),
    /// A name with a character that not every carrier takes.
    #[error("an alphanumeric sender is made of A-Z, a-z, 0-9, blanks, and - _ & +, not {0:?}")]
    Character(char),
    /// A blank where nobody sees it.
    #[error("an alphanumeric sender does not begin or end with a blank")]
    Blank,
}

/// Why a sender does not reach a number.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unfit {
    /// Only numbers call.
    #[error("{0} cannot call")]
    Voice(Kind),
    /// The networks of the United States and Canada take no names.
    #[error("an alphanumeric sender reaches no number of country code 1")]
    CountryCode1,
}

/// What GSM 03.40 can carry as an address (11 septets), less what some carrier refuses.
fn alphanumeric(text: &str) -> Result<(), NotASender> {
    let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '&' | '+');
    if let Some(odd) = text.chars().find(|c| !fits(c)) {
        return Err(NotASender::Character(odd));
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err(NotASender::Blank);
    }
    if !(3..=11).contains(&text.len()) {
        return Err(NotASender::Length(text.len()));
    }
    Ok(())
}

/// Why nobody can have this number to send from. Fictional ones may stand here: trials send from somewhere, too.
fn unfit(phone: &Phone) -> Option<Undeliverable> {
    let reason = phone.service(true)?;
    (reason != Undeliverable::TollFree).then_some(reason)
}

#[cfg(test)]
mod tests;
