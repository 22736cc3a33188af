//! What a message costs.

use std::fmt;
use std::str::FromStr;

/// An amount of US dollars, in millionths: `"0.004 USD"`. The one currency in which costs are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price(u64);

/// The text is no price.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a price is an amount in US dollars with at most six decimals, such as \"0.004 USD\"")]
pub struct NotAPrice;

impl Price {
    /// Millionths of a dollar.
    #[must_use]
    pub fn micros(self) -> u64 {
        self.0
    }

    /// So many of it.
    #[must_use]
    pub fn times(self, many: usize) -> Self {
        Self(
            self.0
                .saturating_mul(u64::try_from(many).unwrap_or(u64::MAX)),
        )
    }
}

impl FromStr for Price {
    type Err = NotAPrice;

    fn from_str(text: &str) -> Result<Self, NotAPrice> {
        let amount = text.strip_suffix("USD").ok_or(NotAPrice)?.trim_end();
        let (whole, part) = amount.split_once('.').unwrap_or((amount, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || whole.len() > 6 || part.len() > 6 {
            return Err(NotAPrice);
        }
        let micros = format!("{whole}{part:0<6}");
        micros.parse().map(Self).map_err(|_| NotAPrice)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06} USD", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_read_to_the_millionth() {
        for (text, micros) in [
            ("0.004 USD", 4000),
            ("1 USD", 1_000_000),
            ("12.5USD", 12_500_000),
            ("0.000001 USD", 1),
        ] {
            assert_eq!(text.parse::<Price>().unwrap().micros(), micros, "{text}");
        }
        assert_eq!(
            "0.004 USD".parse::<Price>().unwrap().times(3).to_string(),
            "0.012000 USD"
        );
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for text in [
            "",
            "USD",
            "0.004",
            "0.004 EUR",
            "-1 USD",
            ".5 USD",
            "1. USD",
            "0.0000001 USD",
            "1e3 USD",
            "1234567 USD",
        ] {
            assert_eq!(text.parse::<Price>(), Err(NotAPrice), "{text}");
        }
    }
}
