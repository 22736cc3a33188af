//! What a message is called in the words of whoever took it.

use super::Message;

/// The name, if it can stand in logs: up to 128 visible ASCII characters, and neither the number nor the code (C8).
pub(super) fn fit(name: &str, message: &Message) -> Option<String> {
    let visible = (1..=128).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
    (visible && !tells(name, message)).then(|| name.to_owned())
}

/// Whether `text` holds what may not be logged of the message: where it goes, or its code by itself.
pub(super) fn tells(text: &str, message: &Message) -> bool {
    // A code in a longer row of digits is chance: vendors' names are numbers, too.
    let code = message.code.as_str();
    let mut runs = text.split(|c: char| !c.is_ascii_digit());
    names(text, message.to.as_str()) || runs.any(|run| run == code)
}

/// Whether a mail address, or a number however it is written, stands in `text`.
fn names(text: &str, to: &str) -> bool {
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    if to.contains('@') {
        return text.to_ascii_lowercase().contains(&to.to_ascii_lowercase());
    }
    // With or without its country code: the last digits are never left out.
    let to = digits(to);
    let end = to.len().saturating_sub(LAST);
    digits(text).contains(&to[end..])
}

/// Digits of a number that are enough to dial it where it is at home, and too many to stand together by chance.
const LAST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::carrier::tests::message;
    use crate::email::Email;

    #[test]
    fn c8_a_name_that_tells_the_number_or_the_code_is_none() {
        let long = "x".repeat(129);
        for (name, fits) in [
            ("SM-17", true),
            ("90492710000", true),
            ("", false),
            ("a b", false),
            ("a\nb", false),
            ("é", false),
            (&long, false),
            ("out/OUTC_00_+12025550143_sms0.txt", false),
            ("12025550143", false),
            ("2025550143", false),
            ("(202)555-0143", false),
            ("%2B12025550143", false),
            ("555-0143", true),
            ("049271", false),
            ("sent-049271-now", false),
        ] {
            let named = fit(name, &message("049271"));
            assert_eq!(named.as_deref(), fits.then_some(name), "{name}");
        }
    }
    #[test]
    fn c8_nor_one_that_tells_the_mail_address() {
        let mut mail = message("049271");
        mail.to = Address::Email(Email::parse("ann@example.com").unwrap());
        for (name, fits) in [
            ("ann@example.com", false),
            ("<Ann@EXAMPLE.com>", false),
            ("17@example.com", true),
        ] {
            assert_eq!(fit(name, &mail).is_some(), fits, "{name}");
        }
    }
}
