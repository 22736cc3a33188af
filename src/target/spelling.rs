//! What counts as the same letter, blank or slash, byte by byte and character by character.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The byte that the first two of `digits` write in hexadecimal.
pub(crate) fn decode_hex(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// Letters without their case, accents and compatibility forms; bytes that are no UTF-8 stay.
///
/// Upper case comes before lower case, so that `ı`, `ſ`, `ß` and the Kelvin sign fall together with `i`, `s`, `ss` and
/// `k`. ASCII capitals may be left by a caller that compares without case.
pub(crate) fn fold(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        let upper = chunk.valid().nfkd().flat_map(char::to_uppercase);
        let lower = upper
            .flat_map(char::to_lowercase)
            .nfkd()
            .filter(|&c| !is_combining_mark(c));
        out.extend(lower.map(best_letter).collect::<String>().bytes());
        out.extend_from_slice(chunk.invalid());
    }
    out
}

/// The ASCII letter or hyphen that Windows code pages put in the place of `folded`, where removing marks does not lead there.
fn best_letter(folded: char) -> char {
    match folded {
        'đ' | 'ð' | 'δ' => 'd',
        'ħ' | 'һ' => 'h',
        'ł' | 'ƚ' => 'l',
        'ŧ' | 'τ' => 't',
        'ƀ' => 'b',
        'ƶ' => 'z',
        'ǥ' | 'ɡ' | 'γ' => 'g',
        'ø' => 'o',
        'α' => 'a',
        'ε' => 'e',
        'π' => 'p',
        'σ' | 'ς' => 's',
        'φ' => 'f',
        'ɨ' => 'i',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        other => other,
    }
}

/// The slash that a character may be taken for: backslashes, division and fraction slashes, and the currency signs that
/// stand where Japanese and Korean code pages have the backslash.
pub(super) fn best_slash(character: char) -> Option<char> {
    let is_slash = matches!(
        character,
        '\\' | '\u{a5}'
            | '\u{20a9}'
            | '\u{2044}'
            | '\u{2215}'
            | '\u{2216}'
            | '\u{29f5}'
            | '\u{29f8}'
            | '\u{29f9}'
            | '\u{fe68}'
            | '\u{ff0f}'
            | '\u{ff3c}'
            | '\u{1735}'
    );
    is_slash.then_some('/')
}

/// Blanks, controls, and characters that show nothing.
pub(super) fn is_blank(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffd}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// A character at the start of `bytes` that UTF-8 would write otherwise, and how many bytes it takes here: overlong forms,
/// the two-byte ones even with a second byte that is none (`%C0%2F`, `%C1%1C`), and CESU-8 surrogate pairs.
pub(super) fn long_spelling(bytes: &[u8]) -> Option<(char, usize)> {
    let tail = |from: usize, count: usize| {
        let tail = bytes.get(from..from + count)?;
        tail.iter().try_fold(0_u32, |sum, &b| {
            (b & 0xc0 == 0x80).then_some(sum << 6 | u32::from(b & 0x3f))
        })
    };
    let overlong = |count: usize, least: u32| {
        // Of the longer forms only those whose leading bits are all zero can be overlong.
        let lead_bits = u32::from(bytes[0] & (0x3f >> count));
        let code = lead_bits << (6 * count) | tail(1, count)?;
        (code < least).then_some((char::from_u32(code)?, count + 1))
    };
    match bytes {
        [lead @ (0xc0 | 0xc1), second, ..] => {
            Some((char::from((lead & 0x1f) << 6 | second & 0x3f), 2))
        }
        [0xe0, ..] => overlong(2, 0x800),
        [0xf0, ..] => overlong(3, 0x1_0000),
        [0xf8, ..] => overlong(4, 0x20_0000),
        [0xfc, ..] => overlong(5, 0x400_0000),
        [0xed, 0xa0..=0xaf, _, 0xed, 0xb0..=0xbf, ..] => {
            let high = tail(1, 2)? & 0x3ff;
            let low = tail(4, 2)? & 0x3ff;
            Some((char::from_u32(0x1_0000 + (high << 10 | low))?, 6))
        }
        _ => None,
    }
}

/// `text` with each character replaced, or nothing if none changed; bytes that are no UTF-8 stay.
pub(super) fn each_char(text: &[u8], replace: impl Fn(char) -> char) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            out.extend_from_slice(replace(character).encode_utf8(&mut [0; 4]).as_bytes());
        }
        out.extend_from_slice(chunk.invalid());
    }
    (out != text).then_some(out)
}
