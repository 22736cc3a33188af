//! What a text message costs: networks carry it in segments, and each is paid for.
//!
//! A text is sent in seven bits a character if all of it is in the GSM alphabet; one character outside, and all of it
//! goes in sixteen (3GPP TS 23.038 sections 4 and 6.2.1). What a carrier does to a text on the way, such as turning
//! quotation marks straight, is not known here: it may cost less than is counted, not more.

use unicode_normalization::UnicodeNormalization as _;

/// What a text comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How it is written.
    pub alphabet: Alphabet,
    /// Its length in that alphabet's units: septets, or units of UTF-16.
    pub units: usize,
    /// How many segments that takes. Never 0: an empty message is one, too.
    pub segments: usize,
}

/// How a text is written on the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// The GSM 7-bit default alphabet and its extension; a character of the extension takes two septets.
    Gsm7,
    /// UTF-16, under its older name; a character beyond the basic plane, such as an emoji, takes two units.
    Ucs2 {
        /// The first character that is not in the GSM alphabet.
        forced_by: char,
        /// The number of that character in the text, from 1.
        column: usize,
    },
}

impl Alphabet {
    /// How many units fit into a message that is one segment: 140 octets.
    #[must_use]
    pub fn alone(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 { .. } => 70,
        }
    }

    /// How many fit into each of several: six octets tell the phone how to join them (TS 23.040 section 9.2.3.24.1).
    #[must_use]
    pub fn each(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 { .. } => 67,
        }
    }
}

/// Counts the segments of `text`.
#[must_use]
pub fn count(text: &str) -> Count {
    let foreign = text
        .chars()
        .zip(1..)
        .find(|&(character, _)| septets(character).is_none());
    let alphabet = match foreign {
        None => Alphabet::Gsm7,
        Some((forced_by, column)) => Alphabet::Ucs2 { forced_by, column },
    };
    let sizes = text.chars().map(|character| match alphabet {
        // There is none that has no septets: it would have been found.
        Alphabet::Gsm7 => septets(character).unwrap_or_default(),
        Alphabet::Ucs2 { .. } => character.len_utf16(),
    });
    let units = sizes.clone().sum();
    let segments = if units <= alphabet.alone() {
        1
    } else {
        pack(sizes, alphabet.each())
    };
    Count {
        alphabet,
        units,
        segments,
    }
}

/// What a character takes in the GSM alphabet: 1, or 2 in its extension. `None`: it is not in there.
#[must_use]
pub fn septets(character: char) -> Option<usize> {
    if BASIC.contains(character) {
        Some(1)
    } else if EXTENSION.contains(character) {
        Some(2)
    } else {
        None
    }
}

/// What can be written in the GSM alphabet for a character that is not in it: the letter without its marks, the
/// straight quotation mark, the ordinary blank.
#[must_use]
pub fn alike(character: char) -> Option<String> {
    let alike = match character {
        '‘' | '’' | '‚' | '‛' | '′' | '`' | '´' => "'".to_owned(),
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' => "\"".to_owned(),
        '‐' | '‑' | '‒' | '–' | '—' | '−' => "-".to_owned(),
        '•' | '·' => "*".to_owned(),
        // Those that compatibility does not take apart; it does so with no-break blanks, ellipses and wide letters.
        'ł' => "l".to_owned(),
        'Ł' => "L".to_owned(),
        'œ' => "oe".to_owned(),
        'Œ' => "OE".to_owned(),
        other => other
            .nfkd()
            .filter(|part| !unicode_normalization::char::is_combining_mark(*part))
            .collect(),
    };
    let written = !alike.is_empty() && alike.chars().all(|part| septets(part).is_some());
    written.then_some(alike)
}

/// Fills segments one after the other. Neither the two septets of one character nor the two halves of a surrogate pair
/// are put into different segments: a phone that shows them as they come would show neither.
fn pack(sizes: impl Iterator<Item = usize>, each: usize) -> usize {
    let (mut segments, mut used) = (1, 0);
    for size in sizes {
        if used + size > each {
            (segments, used) = (segments + 1, 0);
        }
        used += size;
    }
    segments
}

/// TS 23.038 section 6.2.1 from 0x00 to 0x7F, without 0x1B, which leads to the extension. 0x09 is the capital letter:
/// tables that have the small one follow the standard's first print.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// TS 23.038 section 6.2.1.1.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

#[cfg(test)]
mod tests;
