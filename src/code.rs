//! The digits that are sent, the digits that come back, and the reference people read out to the help desk.

use std::fmt;

use rand::rngs::{SysError, SysRng};
use rand::{Rng, TryRng};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// A one-time code: 4 to 8 digits, each code of its length as likely as any other (C1).
///
/// Wiped when dropped, and without `Debug`: a code must not come into a log by way of a struct that holds it (C8).
pub struct Code(Zeroizing<String>);

/// The operating system gave no random bytes. There is no second source: nothing can be sent.
#[derive(Debug, thiserror::Error)]
#[error("the operating system's random generator failed")]
pub struct NoRandomness(#[from] SysError);

impl Code {
    /// Draws a code from the operating system's generator. `digits` below 4 counts as 4, above 8 as 8: fewer could be
    /// guessed, more are not typed (`config` refuses both).
    ///
    /// # Errors
    /// [`NoRandomness`] if the generator fails.
    pub fn draw(digits: u8) -> Result<Self, NoRandomness> {
        let digits = digits.clamp(4, 8);
        let bound = 10_u32.pow(u32::from(digits));
        loop {
            if let Some(number) = fair(SysRng.try_next_u32()?, bound) {
                return Ok(Self(Zeroizing::new(format!(
                    "{number:0width$}",
                    width = usize::from(digits)
                ))));
            }
        }
    }

    /// The code that a test expects.
    #[cfg(test)]
    pub(crate) fn of(digits: &str) -> Self {
        Self(Zeroizing::new(digits.to_owned()))
    }

    /// The digits, leading zeros included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Maps a random word to `0..bound`, or refuses it: the words above the last whole multiple of `bound` would make the
/// low numbers more likely (C1, no modulo bias). Fewer than one word in forty is refused.
fn fair(word: u32, bound: u32) -> Option<u32> {
    let over = (u32::MAX % bound + 1) % bound;
    (word <= u32::MAX - over).then_some(word % bound)
}

/// Digits that somebody typed, fit to be compared: as many as the code has.
///
/// Wiped when dropped and without `Debug`, since it may be right.
pub struct Typed(Zeroizing<String>);

/// What a person typed cannot be the code. The counts are shown to them (the table of messages of the code page).
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Mistyped {
    /// Nothing is there.
    #[error("nothing was typed")]
    Empty,
    /// Digits, but not as many.
    #[error("the code has {digits} digits, not {typed}")]
    Length {
        /// How many were typed.
        typed: usize,
        /// How many the code has.
        digits: u8,
    },
    /// Something else, or a message in which the code cannot be told from other numbers.
    #[error("the code has digits only")]
    NotDigits,
}

impl Typed {
    /// Reads what was typed for a code of `digits` digits.
    ///
    /// Decimal digits of every script count as 0–9 (NFKC, then general category Nd). Up to 64 characters may hold
    /// blanks, dashes and dots between the digits. A pasted message, up to 4,096 bytes, is accepted if one run of digits
    /// in it has the right length; the same code twice is one (our own messages hold it twice, the second time in the
    /// last line, for autofill).
    ///
    /// # Errors
    /// [`Mistyped`], as the page tells it.
    pub fn parse(text: &str, digits: u8) -> Result<Self, Mistyped> {
        if text.len() > LONGEST_MESSAGE {
            return Err(Mistyped::NotDigits);
        }
        // Both have room from the start: a string that grows leaves its old bytes behind, unwiped.
        let mut plain = Zeroizing::new(String::with_capacity(text.len()));
        plain.extend(text.nfkc().map(ascii_digit));
        let mut compact = Zeroizing::new(String::with_capacity(plain.len()));
        compact.extend(plain.chars().filter(|&c| !is_spacing(c)));
        if compact.is_empty() {
            return Err(Mistyped::Empty);
        }
        if text.chars().count() <= LONGEST_CODE && compact.bytes().all(|b| b.is_ascii_digit()) {
            let typed = compact.len();
            let fits = typed == usize::from(digits);
            return if fits {
                Ok(Self(compact))
            } else {
                Err(Mistyped::Length { typed, digits })
            };
        }
        let runs = plain.split(|c: char| !c.is_ascii_digit());
        let mut fitting = runs.filter(|run| run.len() == usize::from(digits));
        let code = fitting.next().ok_or(Mistyped::NotDigits)?;
        if fitting.any(|other| other != code) {
            return Err(Mistyped::NotDigits);
        }
        Ok(Self(Zeroizing::new(code.to_owned())))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A short mark like `K7QF-2M9D` on a page and in the log, by which the help desk finds one by the other.
///
/// 40 random bits: unlikely to come twice in a log, too few to be a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reference([u8; 8]);

impl Reference {
    /// Draws a new one. It opens nothing, so the thread's own generator will do, and it may be drawn for every refusal.
    #[must_use]
    pub fn draw() -> Self {
        let mut random = [0; 8];
        rand::rng().fill_bytes(&mut random);
        Self(random.map(|byte| ALPHABET[usize::from(byte % 32)]))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, &letter) in self.0.iter().enumerate() {
            if place == 4 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(letter))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Digits and letters without those that are taken for each other: no 0 and O, no 1 and I.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// As many characters may hold a code that is typed with something between its digits.
const LONGEST_CODE: usize = 64;

/// No message of ours is longer in bytes, last line included.
const LONGEST_MESSAGE: usize = 4096;

/// What people and messengers put between digits: blanks, dashes, dots, and marks that cannot be seen.
fn is_spacing(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '.' | '\u{b7}' | '\u{2022}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ad}'
        )
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A decimal digit of any script as 0–9; everything else as it is.
fn ascii_digit(c: char) -> char {
    // The last zero at or below `c`: each script's ten digits follow their zero.
    let below = ZEROS.partition_point(|&zero| zero <= u32::from(c));
    let Some(&zero) = below.checked_sub(1).and_then(|last| ZEROS.get(last)) else {
        return c;
    };
    char::from_digit(u32::from(c) - zero, 10).unwrap_or(c)
}

/// The zero of every script's decimal digits (Unicode 17, general category Nd), in order; those that NFKC turns into
/// ASCII are not needed.
const ZEROS: [u32; 68] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6,
    0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50,
    0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0x104a0,
    0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650,
    0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50, 0x11da0,
    0x11de0, 0x11f50, 0x16130, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1e140, 0x1e2f0, 0x1e4f0,
    0x1e5f1, 0x1e950,
];

#[cfg(test)]
mod tests;
