//! Numbers: one that is read is E.164, and is the same number when it is read again.

use countersign::phone::Phone;
use countersign::phone::sender::Sender;

/// What numbers are bent with.
pub const WORDS: &[&str] = &[
    "+", "00", "+1", "1", "(0)", "(", ")", "-", ".", " ", "/", "\u{ff0b}", "\u{ff11}", "\u{a0}",
    "\u{2011}", "202", "555", "0143", "+44", "+49", "ext", "tel:", "\u{202a}", "0", "911", "*",
    "#",
];

/// Numbers are there, as programs and as people write them.
pub const DEPTH: &[(&str, u64)] = &[(WRITTEN, 5), (TYPED, 20)];

const WRITTEN: &str = "a number as it is written";
const TYPED: &str = "a number as it is typed";

/// What a person typed, as a destination and as a sender.
pub fn phone(bytes: &[u8]) -> &'static str {
    let Ok(text) = str::from_utf8(bytes) else {
        return "no text";
    };
    let (typed, strict) = (Phone::typed(text), Phone::parse(text));
    if let Ok(phone) = &strict {
        assert_eq!(phone.e164(), text);
    }
    if let Ok(phone) = &typed {
        let whole = phone.e164();
        let digits = whole.strip_prefix('+').expect("a plus");
        assert!(digits.len() <= 15 && !digits.starts_with('0'), "{whole}");
        assert!(digits.bytes().all(|b| b.is_ascii_digit()), "{whole}");
        assert!(
            Phone::parse(whole).as_ref() == Ok(phone),
            "{whole} is another number"
        );
        assert!(!phone.masked().contains(digits) && !format!("{phone:?}").contains(digits));
    }
    if let Ok(sender) = Sender::parse(text) {
        assert!(
            Sender::parse(sender.as_str()).is_ok(),
            "{}",
            sender.as_str()
        );
    }
    match (strict.is_ok(), typed.is_ok()) {
        (true, _) => WRITTEN,
        (false, true) => TYPED,
        (false, false) => "no number",
    }
}
