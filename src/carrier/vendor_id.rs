//! What a message is called in the words of whoever took it.

use super::Message;

/// The name, if it can stand in logs: up to 128 visible ASCII characters, and neither the number nor the code (C8).
pub(super) fn fit(name: &str, message: &Message) -> Option<String> {
    let visible = (1..=128).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
    (visible && !tells(name, message)).then(|| name.to_owned())
}

/// Whether `text` holds what may not be logged of the message: where it goes, or its code by itself.
pub(super) fn tells(text: &str, message: &Message) -> bool {
    let to = message.to.as_str();
    let digits = to.trim_start_matches('+');
    // A code in a longer row of digits is chance: vendors' names are numbers, too.
    let code = message.code.as_str();
    text.contains(digits)
        || text
            .split(|c: char| !c.is_ascii_digit())
            .any(|run| run == code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::tests::message;

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
            ("049271", false),
            ("sent-049271-now", false),
        ] {
            let named = fit(name, &message("049271"));
            assert_eq!(named.as_deref(), fits.then_some(name), "{name}");
        }
    }
}
