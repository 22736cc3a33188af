//! A telephone number that can be dialled, and which of them are sent to.
//!
//! Form and policy are two questions: `+18005550100` is a number, so it may be a sender, but no destination. The form
//! is asked once, when text becomes a [`Phone`]; the policy is asked by whoever sends.

use std::fmt;
use std::ops::RangeInclusive;

use unicode_normalization::UnicodeNormalization;

use self::nanp::Area;

mod country;
mod nanp;
pub mod sender;

/// A number in E.164: `+`, country code, at most 15 digits; of country code 1, one that the North American plan allows,
/// of another known one, as long as numbers there are.
///
/// It prints itself masked (`+1••••43`, C8); [`Phone::e164`] is the one way to the whole.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

impl Phone {
    /// Takes a number as it must stand in a file: `+12025550143`, nothing between the digits.
    ///
    /// # Errors
    /// [`NotAPhone`] says what is wrong. Its text may hold the number: it is for the person who wrote it, not for logs.
    pub fn parse(text: &str) -> Result<Self, NotAPhone> {
        let phone = Self::typed(text)?;
        if phone.0 == text {
            Ok(phone)
        } else {
            Err(NotAPhone::Spelling { right: phone })
        }
    }

    /// Takes a number as people type it: blanks, dashes, dots, slashes and parentheses are dropped, full-width digits
    /// and signs are read, `00` stands for `+`, and the `(0)` that many write behind their country code is left out.
    /// Ten digits (or eleven that begin with 1) without `+` are a number of country code 1.
    ///
    /// # Errors
    /// [`NotAPhone`], as for [`Phone::parse`].
    pub fn typed(text: &str) -> Result<Self, NotAPhone> {
        if text.len() > LONGEST_TYPED {
            return Err(NotAPhone::Length);
        }
        let plain: String = text.nfkc().filter(|&c| !is_dressing(c)).collect();
        let (international, digits) = match plain.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, plain.as_str()),
        };
        if let Some(odd) = digits.chars().find(|c| !c.is_ascii_digit()) {
            return Err(NotAPhone::Character(odd));
        }
        let (international, digits) = match digits.strip_prefix("00") {
            Some(rest) if !international => (true, rest),
            _ => (international, digits),
        };
        let digits = match (international, digits.len()) {
            (false, 0) => return Err(NotAPhone::Empty),
            (true, _) => digits.to_owned(),
            (false, 10) if !digits.starts_with(['0', '1']) => format!("1{digits}"),
            (false, 11) if digits.starts_with('1') => digits.to_owned(),
            (false, _) => return Err(NotAPhone::CountryCode),
        };
        if digits.starts_with('0') {
            return Err(NotAPhone::LeadingZero);
        }
        if let Some(national) = digits.strip_prefix('1') {
            nanp::check(national)?;
            return Ok(Self(format!("+{digits}")));
        }
        let digits = without_trunk_zero(digits);
        if !(8..=15).contains(&digits.len()) {
            return Err(NotAPhone::Length);
        }
        let (code, national) = digits.split_at(country::code_length(&digits));
        match country::lengths(&digits) {
            Some(lengths) if !lengths.contains(&national.len()) => Err(NotAPhone::National {
                code: code.to_owned(),
                lengths,
                found: national.len(),
            }),
            // One was dropped: read again, it would be another number.
            _ if national.starts_with('0') && !country::may_begin_with_zero(&digits) => {
                Err(NotAPhone::TwoZeros)
            }
            _ => Ok(Self(format!("+{digits}"))),
        }
    }

    /// The whole number, for the carrier that dials it.
    #[must_use]
    pub fn e164(&self) -> &str {
        &self.0
    }

    /// The last two digits: as much as a page may show.
    #[must_use]
    pub fn ending(&self) -> &str {
        &self.0[self.0.len() - 2..]
    }

    /// The number as logs and pages may show it: country code and the last two digits, `+1••••43` (C8).
    #[must_use]
    pub fn masked(&self) -> String {
        let digits = &self.0[1..];
        let code = &digits[..country::code_length(digits)];
        format!("+{code}••••{}", self.ending())
    }

    /// The country by ISO 3166-1 alpha-2 (Kosovo by `XK`), if the number's prefix is known; `None` too for country code
    /// 1's numbers that belong to no place (toll-free and the like).
    #[must_use]
    pub fn country(&self) -> Option<&'static str> {
        let Some(national) = self.north_american() else {
            return country::of(&self.0[1..]);
        };
        match nanp::area(&national[..3]) {
            Some(Area::Place(country)) => Some(country),
            _ => None,
        }
    }

    /// Why nothing is sent to this number under `policy`; `None` if it may be sent to.
    #[must_use]
    pub fn refusal(&self, policy: &Policy) -> Option<Undeliverable> {
        if let Some(refusal) = self.service(policy.fictional) {
            return Some(refusal);
        }
        let Some(country) = self.country() else {
            return Some(Undeliverable::UnknownPrefix);
        };
        if policy.reaches(country) {
            None
        } else {
            Some(Undeliverable::Country(country))
        }
    }

    /// What the number is, if it is not somebody's ordinary one, wherever that is.
    fn service(&self, fictional: bool) -> Option<Undeliverable> {
        match self.north_american() {
            Some(national) => nanp::service(national, fictional),
            None => country::is_premium(&self.0[1..]).then_some(Undeliverable::Premium),
        }
    }

    /// The ten digits after `+1`.
    fn north_american(&self) -> Option<&str> {
        self.0.strip_prefix("+1")
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is wrong with a text that should be a number.
///
/// For whoever wrote it: [`NotAPhone::Spelling`] shows the whole number, so none of this belongs in a log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotAPhone {
    /// Nothing is there.
    #[error("a phone number is missing")]
    Empty,
    /// A number, but dressed up, or without its country code.
    #[error("write \"{}\"", right.0)]
    Spelling {
        /// The same number as it must be written.
        right: Phone,
    },
    /// No `+`, and not ten digits either.
    #[error("a phone number begins with + and the country code, as in \"+12025550143\"")]
    CountryCode,
    /// Something that is no digit.
    #[error("a phone number has digits only after the +, not {0:?}")]
    Character(char),
    /// `+0…`: no country code begins so (E.164 section 6).
    #[error("no country code begins with 0")]
    LeadingZero,
    /// Two zeros behind the country code of a country where no number begins with one.
    #[error("a number there does not begin with 0: leave the zeros behind the country code out")]
    TwoZeros,
    /// Fewer than 8 digits or more than 15 (E.164 section 6.1). Those few that have fewer, on Niue and Tokelau and old
    /// short landlines, are nobody's phone for a code.
    #[error("a phone number has 8 to 15 digits with its country code")]
    Length,
    /// More or fewer digits than numbers of that country code have.
    #[error(
        "a number of country code {code} has {} digits after +{code}, not {found}",
        Span(lengths)
    )]
    National {
        /// The country code.
        code: String,
        /// How many there may be.
        lengths: RangeInclusive<usize>,
        /// How many there are.
        found: usize,
    },
    /// `+1` and not ten digits.
    #[error("a number of country code 1 has ten digits after +1")]
    TenDigits,
    /// `+1` and three digits that are no area code.
    #[error("{0} is no area code of country code 1")]
    AreaCode(String),
    /// `+1`, an area code, and three digits that are no exchange.
    #[error("no number has {0} after the area code")]
    Exchange(String),
}

/// Prints `9` or `9 to 11`.
struct Span<'a>(&'a RangeInclusive<usize>);

impl fmt::Display for Span<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (self.0.start(), self.0.end());
        if least == most {
            write!(f, "{least}")
        } else {
            write!(f, "{least} to {most}")
        }
    }
}

/// Who is sent to (C6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Countries by ISO 3166-1 alpha-2, upper case. `US` brings its territories with it, and nobody else's numbers of
    /// country code 1.
    pub countries: Vec<String>,
    /// Whether 555-0100 to 555-0199, which nobody has, are sent to: for trials.
    pub fictional: bool,
}

impl Policy {
    /// Whether numbers of a country (ISO 3166-1 alpha-2) are sent to.
    #[must_use]
    pub fn reaches(&self, country: &str) -> bool {
        let listed = |code: &str| self.countries.iter().any(|listed| listed == code);
        listed(country) || (TERRITORIES.contains(&country) && listed("US"))
    }
}

/// Why nothing is sent to a number that can be dialled.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Undeliverable {
    /// Area code 900, exchange 976, or a premium service abroad: whoever is called earns on it.
    #[error("a premium number")]
    Premium,
    /// An 800 number (also 833 to 888, and what is kept to become so): fit to send from, not to.
    #[error("a toll-free number")]
    TollFree,
    /// An area code that belongs to no place: personal numbers, 700, 710, and those kept for later.
    #[error("an area code that belongs to no place")]
    Service,
    /// 555-1212, the directory.
    #[error("directory assistance")]
    Directory,
    /// 555-0100 to 555-0199.
    #[error("a number kept for fiction")]
    Fictional,
    /// The country is not among those that are sent to.
    #[error("{0} is not among the countries that are sent to")]
    Country(&'static str),
    /// The country cannot be told from the prefix.
    #[error("the country is not known")]
    UnknownPrefix,
}

/// Territories that `US` brings with it: the same carriers, the same price.
const TERRITORIES: [&str; 5] = ["PR", "VI", "GU", "MP", "AS"];

/// No number is typed in more bytes than this, however it is dressed up.
const LONGEST_TYPED: usize = 128;

/// What people put between digits, and the marks that travel along when a number is copied.
fn is_dressing(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '-' | '.' | '(' | ')' | '/')
        || matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ad}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}')
}

/// Drops the 0 that is dialled within a country, as in `+44 (0)20 7946 0000`, where no number begins with one.
fn without_trunk_zero(mut digits: String) -> String {
    let code = country::code_length(&digits);
    if digits[code.min(digits.len())..].starts_with('0') && !country::may_begin_with_zero(&digits) {
        digits.remove(code);
    }
    digits
}

#[cfg(test)]
mod tests;
