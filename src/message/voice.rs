//! What a call says, from one source: in plain text, and in the languages in which vendors are told what to say.
//!
//! A person holds the phone in one hand and writes with the other: the digits come slowly, one by one, three times. All
//! of it is in English.

use zeroize::Zeroizing;

use super::{Text, Values};

/// The words of one call; wiped when dropped.
#[derive(Clone)]
pub struct Script {
    name: String,
    code: Zeroizing<String>,
    life: String,
}

impl Script {
    /// Takes the site's name, the digits and the minutes out of `values`. Of the code only ASCII digits are taken:
    /// nothing else can be said digit by digit.
    #[must_use]
    pub fn new(values: &Values<'_>) -> Self {
        // With room for all of it: growing would leave a copy behind, unwiped.
        let mut code = Zeroizing::new(String::with_capacity(values.code.len()));
        code.extend(values.code.chars().filter(char::is_ascii_digit));
        Self {
            name: values.name.to_owned(),
            code,
            life: match values.minutes {
                0 => String::new(),
                1 => "1 minute".to_owned(),
                more => format!("{more} minutes"),
            },
        }
    }

    /// For carriers that say what they get; commas and full stops are the pauses.
    #[must_use]
    pub fn plain(&self) -> Text {
        Text::of(self.said(&self.name, &PLAIN))
    }

    /// BXML, Bandwidth's answer to the event that somebody picked up: at most 64 KiB. Where it ends the call does.
    #[must_use]
    pub fn bxml(&self) -> Text {
        self.marked_up(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Pause duration=\"1\"/><SpeakSentence locale=\"en_US\">",
            "</SpeakSentence></Response>",
        )
    }

    /// `TwiML`, for the `Twiml` field of Twilio's Calls: at most 4,000 characters. Where it ends the call does.
    ///
    /// The voice is named because the account's own may be one that knows no pauses in a sentence.
    #[must_use]
    pub fn twiml(&self) -> Text {
        self.marked_up(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Pause length=\"1\"/><Say voice=\"Polly.Joanna\">",
            "</Say></Response>",
        )
    }

    /// An NCCO, for the `ncco` field of Vonage's calls: a list of one action, in JSON. Where it ends the call does.
    #[must_use]
    pub fn ncco(&self) -> Text {
        self.marked_up(
            "[{\"action\":\"talk\",\"language\":\"en-US\",\"text\":\"<speak><break time='1s'/>",
            "</speak>\"}]",
        )
    }

    /// What is said in SSML, between two texts. All three vendors know these two of its elements.
    fn marked_up(&self, head: &str, tail: &str) -> Text {
        let name = escaped(&self.name);
        let mut parts = vec![head];
        parts.extend(self.said(&name, &SLOWLY));
        parts.push(tail);
        Text::of(parts)
    }

    /// The source of all forms.
    fn said<'a>(&'a self, name: &'a str, manner: &Manner) -> Vec<&'a str> {
        let digits = self.digits(manner);
        let mut parts = vec!["Hello, this is ", name, ". Your code is "];
        parts.extend(&digits);
        for _ in 0..2 {
            parts.push(". Again: ");
            parts.extend(&digits);
        }
        if !self.life.is_empty() {
            parts.extend([". It is good for ", &self.life]);
        }
        parts.push(". If you did not ask for this, hang up.");
        parts
    }

    fn digits(&self, manner: &Manner) -> Vec<&str> {
        let mut parts = vec![manner.before];
        for at in 0..self.code.len() {
            if at > 0 {
                parts.push(manner.between);
            }
            // Each is one byte: they are ASCII.
            parts.push(&self.code[at..=at]);
        }
        parts.push(manner.after);
        parts
    }
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script(…)")
    }
}

/// How digits are said.
struct Manner {
    before: &'static str,
    between: &'static str,
    after: &'static str,
}

const PLAIN: Manner = Manner {
    before: "",
    between: ", ",
    after: "",
};

/// With apostrophes, so that it can stand in JSON as it is.
const SLOWLY: Manner = Manner {
    before: "<prosody rate='slow'>",
    between: "<break time='500ms'/>",
    after: "</prosody>",
};

/// Text in XML, and in XML in a JSON string: every character that either of them reads as its own is a reference. What
/// XML 1.0 cannot hold at all (section 2.2) nobody could hear either, and becomes a blank.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\\' => escaped.push_str("&#92;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push(' '),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
