//! What a call says, from one source: in plain text, and in the languages in which vendors are told what to say.
//!
//! A person holds the phone in one hand and writes with the other: the digits come slowly, one by one, three times. The
//! words are those of the person's language, where the house has them and the vendor has a voice for it; else English.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::words::{self, Words};
use super::{Part, Place, Text, Values};

/// The words of one call; wiped when dropped.
#[derive(Clone)]
pub struct Script {
    name: String,
    code: Zeroizing<String>,
    /// 0 if it is not known how long the code is good.
    minutes: u64,
    words: &'static Words,
}

impl Script {
    /// Takes the site's name, the digits and the minutes out of `values`, to be said in the language of `locale` (BCP 47).
    /// Of the code only ASCII digits are taken: nothing else can be said digit by digit.
    #[must_use]
    pub fn new(values: &Values<'_>, locale: Option<&str>) -> Self {
        // With room for all of it: growing would leave a copy behind, unwiped.
        let mut code = Zeroizing::new(String::with_capacity(values.code.len()));
        code.extend(values.code.chars().filter(char::is_ascii_digit));
        Self {
            name: values.name.to_owned(),
            code,
            minutes: values.minutes,
            words: words::of(locale),
        }
    }

    /// For carriers that say what they get; commas and full stops are the pauses.
    #[must_use]
    pub fn plain(&self) -> Text {
        Text::of(self.said(self.words, &PLAIN).iter().map(Cow::as_ref))
    }

    /// BXML, Bandwidth's answer to the event that somebody picked up: at most 64 KiB. Where it ends the call does.
    #[must_use]
    pub fn bxml(&self) -> Text {
        let (words, locale) = self.spoken(|words| words.bandwidth.as_deref());
        let head = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Pause duration=\"1\"/><SpeakSentence locale=\"{locale}\">"
        );
        self.marked_up(words, &head, "</SpeakSentence></Response>")
    }

    /// `TwiML`, for the `Twiml` field of Twilio's Calls: at most 4,000 characters. Where it ends the call does.
    ///
    /// The voice is named because the account's own may be one that knows no pauses in a sentence.
    #[must_use]
    pub fn twiml(&self) -> Text {
        let (words, say) = self.spoken(|words| words.twilio.as_ref());
        let (voice, language) = (&say.voice, &say.language);
        let head = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Pause length=\"1\"/><Say voice=\"{voice}\" language=\"{language}\">"
        );
        self.marked_up(words, &head, "</Say></Response>")
    }

    /// An NCCO, for the `ncco` field of Vonage's calls: a list of one action, in JSON. Where it ends the call does.
    #[must_use]
    pub fn ncco(&self) -> Text {
        let (words, language) = self.spoken(|words| words.vonage.as_deref());
        let head = format!(
            "[{{\"action\":\"talk\",\"language\":\"{language}\",\"text\":\"<speak><break time='1s'/>"
        );
        self.marked_up(words, &head, "</speak>\"}]")
    }

    /// The words, and whose voice says them at a vendor's.
    fn spoken<T>(&self, voice: impl Fn(&'static Words) -> Option<T>) -> (&'static Words, T) {
        let own = voice(self.words).map(|own| (self.words, own));
        own.or_else(|| {
            let english = words::english();
            voice(english).map(|own| (english, own))
        })
        .expect("English has a voice at every vendor's: a test sees to it")
    }

    /// What is said in SSML, between two texts. All three vendors know these two of its elements.
    fn marked_up(&self, words: &Words, head: &str, tail: &str) -> Text {
        let said = self.said(words, &SLOWLY);
        let said = said.iter().map(Cow::as_ref);
        let ends = |text| std::iter::once(text);
        Text::of(ends(head).chain(said).chain(ends(tail)))
    }

    /// The source of all forms. The digits, of which no copy is made, are the only part that is never owned.
    fn said<'a>(&'a self, words: &'a Words, manner: &Manner) -> Vec<Cow<'a, str>> {
        let mut parts = Vec::new();
        let mut sentences = [
            &words.call[..],
            words.good_for(self.minutes),
            &words.end[..],
        ]
        .into_iter()
        .filter(|sentence| !sentence.is_empty());
        let mut next = sentences.next();
        while let Some(sentence) = next {
            for part in sentence {
                match part {
                    Part::Text(text) => parts.push((manner.write)(text)),
                    Part::Place(Place::Code) => parts.extend(self.digits(manner)),
                    Part::Place(Place::Minutes) => parts.push(self.minutes.to_string().into()),
                    // No other place stands in what is said: a test sees to it.
                    Part::Place(_) => parts.push((manner.write)(&self.name)),
                }
            }
            next = sentences.next();
            parts.extend(next.map(|_| Cow::Borrowed(" ")));
        }
        parts
    }

    fn digits(&self, manner: &Manner) -> impl Iterator<Item = Cow<'_, str>> {
        let Manner {
            before,
            between,
            after,
            ..
        } = *manner;
        // Each is one byte: they are ASCII.
        let digits = (0..self.code.len()).flat_map(move |at| {
            let pause = if at == 0 { before } else { between };
            [pause, &self.code[at..=at]]
        });
        digits.chain([after]).map(Cow::Borrowed)
    }
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script(…)")
    }
}

/// How a call is written down.
struct Manner {
    /// What becomes of words.
    write: fn(&str) -> Cow<'_, str>,
    /// What stands around digits and between them.
    before: &'static str,
    between: &'static str,
    after: &'static str,
}

const PLAIN: Manner = Manner {
    write: |text| Cow::Borrowed(text),
    before: "",
    between: ", ",
    after: "",
};

/// With apostrophes, so that it can stand in JSON as it is.
const SLOWLY: Manner = Manner {
    write: |text| Cow::Owned(escaped(text)),
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
