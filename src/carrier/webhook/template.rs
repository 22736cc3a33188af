//! A text of the operator's with places in it, each filled as befits where it stands.

use std::fmt::Write as _;

use serde::de::IgnoredAny;
use zeroize::Zeroizing;

/// A text that was taken apart, for one home: what is put into it can neither break out of it nor change its sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// Where a text stands, and so how what is put into it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// An address's path and query: percent-encoded.
    Url,
    /// A header's value.
    Header,
    /// A JSON document: escaped, in quotes; a number and an NCCO also outside of them.
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
    /// XML: as references.
    Xml,
    /// Text: as it is.
    Plain,
}

/// What a pair of braces stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `{TO}`: the number in E.164, or the mail address.
    To,
    /// `{TO_DIGITS}`: the number without its `+`.
    ToDigits,
    /// `{FROM}`: the sender as it is written in `from`.
    From,
    /// `{FROM_DIGITS}`: the sender without a `+`.
    FromDigits,
    /// `{TEXT}`: the text message, or what a call says.
    Text,
    /// `{CODE}`: the digits alone.
    Code,
    /// `{ID}`: our name for the message.
    Id,
    /// `{SITE}`: whose message it is.
    Site,
    /// `{CHANNEL}`: `sms`, `voice` or `email`.
    Channel,
    /// `{LOCALE}`: the language, `en` where none was chosen.
    Locale,
    /// `{EXPIRES}`: when the code is worthless, in RFC 3339.
    Expires,
    /// `{LIFE}`: seconds until then.
    Life,
    /// `{MINUTES}`: the same in minutes, rounded up.
    Minutes,
    /// `{SECRET}`: what `secret` refers to.
    Secret,
    /// `{RECEIPT_URL}`: where receipts for this carrier come in.
    ReceiptUrl,
    /// `{TWIML}`: what a call says, in `TwiML`.
    Twiml,
    /// `{BXML}`: the same in BXML.
    Bxml,
    /// `{NCCO}`: the same as an NCCO, a JSON list.
    Ncco,
}

/// What is wrong with a text.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadTemplate {
    /// Braces around something that is no place.
    #[error("no place is named {{{name}}}{}", hint(*.like))]
    Unknown {
        /// What stands between the braces.
        name: String,
        /// The place that was perhaps meant.
        like: Option<&'static str>,
    },
    /// `{` without `}`, or the other way round.
    #[error("the brace at character {0} has no partner")]
    Unbalanced(usize),
    /// A place outside of quotes in JSON.
    #[error("{{{0}}} is text: write \"{{{0}}}\", with quotes")]
    Bare(&'static str),
    /// A place that a header cannot hold.
    #[error("{{{0}}} has line ends, and a header has one line")]
    Lines(&'static str),
    /// A character of the operator's own that cannot stand there.
    #[error("{1:?} at character {0} cannot stand here: {2}")]
    Character(usize, char, &'static str),
    /// A body that says it is JSON.
    #[error("it is not JSON once its places are filled: {0}")]
    NotJson(String),
}

impl Template {
    /// Takes a text apart.
    ///
    /// # Errors
    /// [`BadTemplate`], the first fault from the left.
    pub fn parse(text: &str, home: Home) -> Result<Self, BadTemplate> {
        let (mut parts, mut done, mut quoted) = (Vec::new(), 0, false);
        let column = |at: usize| text[..at].chars().count() + 1;
        let mut at = 0;
        while let Some(character) = text[at..].chars().next() {
            let next = at + character.len_utf8();
            match (character, inside(&text[at..])) {
                ('{', Some(name)) => {
                    let place = Place::parse(name).ok_or_else(|| BadTemplate::Unknown {
                        name: name.to_owned(),
                        like: Place::like(name),
                    })?;
                    parts.extend((at > done).then(|| Part::Text(text[done..at].to_owned())));
                    parts.push(Part::Place(place, home.writing(place, quoted)?));
                    at += name.len() + 2;
                    done = at;
                    continue;
                }
                // JSON's own.
                ('{' | '}', _) if home == Home::Json => {}
                ('{' | '}', _) => return Err(BadTemplate::Unbalanced(column(at))),
                ('\\', _) if home == Home::Json && quoted => {
                    // What is escaped never ends the string.
                    let escaped = text[next..].chars().next().map_or(0, char::len_utf8);
                    at = next + escaped;
                    continue;
                }
                ('"', _) if home == Home::Json => quoted = !quoted,
                _ => {
                    if let Some(why) = home.refusal(character) {
                        return Err(BadTemplate::Character(column(at), character, why));
                    }
                }
            }
            at = next;
        }
        parts.extend((done < text.len()).then(|| Part::Text(text[done..].to_owned())));
        let template = Self(parts);
        if home == Home::Json {
            template.is_json()?;
        }
        Ok(template)
    }

    /// Whether the place stands in it.
    #[must_use]
    pub fn has(&self, place: Place) -> bool {
        let stands = |part: &Part| matches!(part, Part::Place(own, _) if *own == place);
        self.0.iter().any(stands)
    }

    /// Whether any place stands in it.
    #[must_use]
    pub fn has_any(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Place(..)))
    }

    /// The text with the places filled, in bytes that are wiped after use (C8).
    ///
    /// # Errors
    /// The place for which there is no value.
    pub(super) fn fill(
        &self,
        value: &dyn Fn(Place) -> Option<Zeroizing<String>>,
    ) -> Result<Zeroizing<Vec<u8>>, Place> {
        let mut values = Vec::with_capacity(self.0.len());
        for part in &self.0 {
            values.push(match part {
                Part::Text(_) => None,
                Part::Place(place, _) => Some(value(*place).ok_or(*place)?),
            });
        }
        // Room for values of which every byte is escaped: a vector that grows leaves a copy behind.
        let room = self.0.iter().zip(&values).map(|(part, value)| match part {
            Part::Text(text) => text.len(),
            Part::Place(..) => 6 * value.as_ref().map_or(0, |value| value.len()),
        });
        let mut filled = Zeroizing::new(Vec::with_capacity(room.sum()));
        for (part, value) in self.0.iter().zip(&values) {
            match (part, value) {
                (Part::Place(_, writing), Some(value)) => writing.write(value, &mut filled),
                (Part::Text(text), _) => filled.extend_from_slice(text.as_bytes()),
                (Part::Place(..), None) => {}
            }
        }
        Ok(filled)
    }

    /// Whether it is JSON, whatever comes into it.
    fn is_json(&self) -> Result<(), BadTemplate> {
        // Digits are JSON with quotes and without; as long as what they stand for, they leave the parser's columns right.
        let filled = self
            .fill(&|place| Some(Zeroizing::new("1".repeat(place.name().len() + 2))))
            .expect("a value for every place");
        serde_json::from_slice::<IgnoredAny>(&filled)
            .map(|_| ())
            .map_err(|error| BadTemplate::NotJson(error.to_string()))
    }
}

/// What stands between braces at the start of `text`, if it looks like the name of a place.
fn inside(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('{')?.split_once('}')?;
    let like_a_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    like_a_name.then_some(name)
}

impl Home {
    /// The home of a body with this media type (RFC 9110 section 8.3.1); `None` if places in it cannot be written.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        let media = content_type.split(';').next().unwrap_or_default().trim();
        let media = media.to_ascii_lowercase();
        match media.as_str() {
            "application/x-www-form-urlencoded" => Some(Self::Form),
            "application/json" => Some(Self::Json),
            "application/xml" | "text/xml" => Some(Self::Xml),
            "text/plain" => Some(Self::Plain),
            other if other.ends_with("+json") => Some(Self::Json),
            other if other.ends_with("+xml") => Some(Self::Xml),
            _ => None,
        }
    }

    fn writing(self, place: Place, quoted: bool) -> Result<Writing, BadTemplate> {
        Ok(match self {
            Self::Url => Writing::Percent,
            Self::Form => Writing::Form,
            Self::Json if quoted => Writing::Escaped,
            Self::Json if place.is_json() => Writing::AsItIs,
            Self::Json => return Err(BadTemplate::Bare(place.name())),
            Self::Xml => Writing::References,
            Self::Header if place.has_lines() => return Err(BadTemplate::Lines(place.name())),
            Self::Header | Self::Plain => Writing::AsItIs,
        })
    }

    /// Why a character of the operator's cannot stand in such a text.
    fn refusal(self, character: char) -> Option<&'static str> {
        match self {
            Self::Url | Self::Form if !character.is_ascii_graphic() => {
                Some("write it percent-encoded")
            }
            Self::Header if !(character.is_ascii_graphic() || character == ' ') => {
                Some("headers are visible ASCII")
            }
            _ => None,
        }
    }
}

impl Place {
    const ALL: [Self; 18] = [
        Self::To,
        Self::ToDigits,
        Self::From,
        Self::FromDigits,
        Self::Text,
        Self::Code,
        Self::Id,
        Self::Site,
        Self::Channel,
        Self::Locale,
        Self::Expires,
        Self::Life,
        Self::Minutes,
        Self::Secret,
        Self::ReceiptUrl,
        Self::Twiml,
        Self::Bxml,
        Self::Ncco,
    ];

    /// What stands between the braces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::To => "TO",
            Self::ToDigits => "TO_DIGITS",
            Self::From => "FROM",
            Self::FromDigits => "FROM_DIGITS",
            Self::Text => "TEXT",
            Self::Code => "CODE",
            Self::Id => "ID",
            Self::Site => "SITE",
            Self::Channel => "CHANNEL",
            Self::Locale => "LOCALE",
            Self::Expires => "EXPIRES",
            Self::Life => "LIFE",
            Self::Minutes => "MINUTES",
            Self::Secret => "SECRET",
            Self::ReceiptUrl => "RECEIPT_URL",
            Self::Twiml => "TWIML",
            Self::Bxml => "BXML",
            Self::Ncco => "NCCO",
        }
    }

    /// Whether its value is JSON by itself.
    fn is_json(self) -> bool {
        matches!(self, Self::Life | Self::Minutes | Self::Ncco)
    }

    /// Whether its value is more than one line, or any text.
    fn has_lines(self) -> bool {
        matches!(self, Self::Text | Self::Twiml | Self::Bxml | Self::Ncco)
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|own| own.name() == name)
    }

    /// The place whose name looks most like `name`, if one does.
    fn like(name: &str) -> Option<&'static str> {
        let name = name.to_uppercase();
        let scored = Self::ALL
            .into_iter()
            .map(|own| (strsim::jaro_winkler(own.name(), &name), own.name()));
        scored
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|&(score, _)| score > 0.75)
            .map(|(_, own)| own)
    }
}

/// A stretch of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Place, Writing),
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Percent,
    Form,
    Escaped,
    References,
    AsItIs,
}

impl Writing {
    fn write(self, value: &str, into: &mut Zeroizing<Vec<u8>>) {
        for &byte in value.as_bytes() {
            self.write_byte(byte, into);
        }
    }

    /// At most six bytes for one. What is not ASCII is UTF-8 in JSON and XML, too.
    fn write_byte(self, byte: u8, into: &mut Vec<u8>) {
        // RFC 3986 section 2.3: these stand for themselves everywhere.
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        match (self, byte) {
            (Self::Form, b' ') => into.push(b'+'),
            (Self::Percent | Self::Form, _) if !unreserved => {
                into.extend([
                    b'%',
                    HEX[usize::from(byte >> 4)],
                    HEX[usize::from(byte & 15)],
                ]);
            }
            // RFC 8259 section 7.
            (Self::Escaped, b'"' | b'\\') => into.extend([b'\\', byte]),
            (Self::Escaped, 0..=0x1f) => {
                into.extend(*b"\\u00");
                into.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
            (Self::References, b'&') => into.extend(*b"&amp;"),
            (Self::References, b'<') => into.extend(*b"&lt;"),
            (Self::References, b'>') => into.extend(*b"&gt;"),
            (Self::References, b'"') => into.extend(*b"&quot;"),
            (Self::References, b'\'') => into.extend(*b"&#39;"),
            // XML 1.0 cannot hold these at all (section 2.2).
            (Self::References, 0..=8 | 0xb | 0xc | 0xe..=0x1f) => into.push(b' '),
            _ => into.push(byte),
        }
    }
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// The end of [`BadTemplate::Unknown`]'s sentence.
fn hint(like: Option<&'static str>) -> String {
    if let Some(like) = like {
        return format!("; did you mean {{{like}}}?");
    }
    let mut all = "; there are".to_owned();
    for place in Place::ALL {
        // Writing to a string cannot fail.
        let _ = write!(all, " {{{}}}", place.name());
    }
    all
}

#[cfg(test)]
mod tests;
