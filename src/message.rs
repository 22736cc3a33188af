//! What is sent: a template with places, the text made of it, and the words of a call.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng;
use zeroize::Zeroizing;

pub mod draft;
pub mod language;
pub mod segments;
pub mod voice;
pub mod wording;
mod words;

/// How a code travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// A text message.
    Sms,
    /// A call in which the digits are spoken.
    Voice,
    /// A mail.
    Email,
}

/// The text is no channel.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a channel is \"sms\", \"voice\" or \"email\"")]
pub struct NotAChannel;

impl Channel {
    /// As it is written in `channels = […]` and in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Voice => "voice",
            Self::Email => "email",
        }
    }
}

impl FromStr for Channel {
    type Err = NotAChannel;

    fn from_str(text: &str) -> Result<Self, NotAChannel> {
        match text {
            "sms" => Ok(Self::Sms),
            "voice" => Ok(Self::Voice),
            "email" => Ok(Self::Email),
            _ => Err(NotAChannel),
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A message's text with its places: `{NAME}`, `{CODE}` and `{SCOPE}` as in Bandwidth's API, `{MINUTES}` and `{HOST}`.
///
/// `{CODE}` stands in it at least once. Its default is the text of a scope that names none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// What is put into a template's places.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    /// The site's name.
    pub name: &'a str,
    /// The digits.
    pub code: &'a str,
    /// The scope's title.
    pub scope: &'a str,
    /// How long the code is good, in minutes; 0 if that is not known yet: a call then does not say it.
    pub minutes: u64,
    /// The site's public host, without scheme and port: what the browser compares before it fills the code in. Without
    /// one there is no line for browsers, and nothing stands for `{HOST}`.
    pub host: Option<&'a str>,
}

/// A character that is not in the GSM alphabet, where the operator can find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The character.
    pub character: char,
    /// The place in whose value it stands; `None`: in the template's own text.
    pub place: Option<Place>,
    /// Its number in that value or in the template as written, from 1.
    pub column: usize,
}

/// What is wrong with a template.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadTemplate {
    /// The code is not in it.
    #[error("a message needs {{CODE}} in it")]
    NoCode,
    /// More than 2,048 characters: Bandwidth's limit, and no carrier takes more.
    #[error("a message has at most 2048 characters, this one has {0}")]
    TooLong(usize),
    /// Braces around something that is no place.
    #[error("no place is named {{{name}}}{}", hint(*like))]
    Unknown {
        /// What stands between the braces.
        name: String,
        /// The place that was perhaps meant.
        like: Option<&'static str>,
        /// Where the brace stands: the character's number, from 1.
        column: usize,
    },
    /// `{` without `}`, or the other way round.
    #[error("the brace at character {column} has no partner")]
    Unbalanced {
        /// Where it stands: the character's number, from 1.
        column: usize,
    },
}

impl Template {
    /// Takes a template apart. There is no way to write a brace that is none of a place: in a text message it counts
    /// double, and nobody has needed one.
    ///
    /// # Errors
    /// [`BadTemplate`], the first fault from the left.
    pub fn parse(text: &str) -> Result<Self, BadTemplate> {
        let length = text.chars().count();
        if length > LONGEST {
            return Err(BadTemplate::TooLong(length));
        }
        let parts = split(text)?;
        if !parts.contains(&Part::Place(Place::Code)) {
            return Err(BadTemplate::NoCode);
        }
        Ok(Self(parts))
    }

    /// Takes apart what a program sends with every message, as Bandwidth's API does: `{CODE}`, `{NAME}` and `{SCOPE}` are
    /// places, and every other brace is text. An operator's template is read once, with somebody there to mend it; here a
    /// call would fail for a brace that never did harm.
    ///
    /// # Errors
    /// [`BadTemplate::NoCode`] and [`BadTemplate::TooLong`].
    pub fn lenient(text: &str) -> Result<Self, BadTemplate> {
        let length = text.chars().count();
        if length > LONGEST {
            return Err(BadTemplate::TooLong(length));
        }
        let (mut parts, mut done, mut from) = (Vec::new(), 0, 0);
        while let Some(brace) = text[from..].find('{').map(|found| from + found) {
            from = brace + 1;
            let place = [Place::Code, Place::Name, Place::Scope]
                .into_iter()
                .find(|place| {
                    let rest = text[from..].strip_prefix(place.name());
                    rest.is_some_and(|rest| rest.starts_with('}'))
                });
            let Some(place) = place else { continue };
            parts.extend((brace > done).then(|| Part::Text(text[done..brace].to_owned())));
            parts.push(Part::Place(place));
            done = from + place.name().len() + 1;
            from = done;
        }
        parts.extend((done < text.len()).then(|| Part::Text(text[done..].to_owned())));
        if !parts.contains(&Part::Place(Place::Code)) {
            return Err(BadTemplate::NoCode);
        }
        Ok(Self(parts))
    }

    /// The text message: the template's text, an empty line, and the line by which browsers fill the code in.
    ///
    /// That line is the last, `@host #code`, one blank, nothing after it (WICG, origin-bound one-time codes).
    #[must_use]
    pub fn render(&self, values: &Values<'_>) -> Text {
        let minutes = values.minutes.to_string();
        Text::of(self.pieces(values, &minutes).map(|(_, text)| text))
    }

    /// The template's text alone, without the line for browsers.
    #[must_use]
    pub fn words(&self, values: &Values<'_>) -> Text {
        let minutes = values.minutes.to_string();
        Text::of(self.own(values, &minutes).map(|(_, text)| text))
    }

    /// The first character of the rendered text that is not in the GSM alphabet, and where it comes from.
    #[must_use]
    pub fn foreign(&self, values: &Values<'_>) -> Option<Foreign> {
        let minutes = values.minutes.to_string();
        let mut before = 0;
        for (place, text) in self.pieces(values, &minutes) {
            let found = text
                .chars()
                .zip(1..)
                .find(|&(character, _)| segments::septets(character).is_none());
            if let Some((character, inside)) = found {
                return Some(Foreign {
                    character,
                    place,
                    column: place.map_or(before + inside, |_| inside),
                });
            }
            before += place.map_or(text.chars().count(), |place| place.name().len() + 2);
        }
        None
    }

    /// How many characters of the rendered text there are up to the end of the first code.
    #[must_use]
    pub fn code_ends(&self, values: &Values<'_>) -> usize {
        let minutes = values.minutes.to_string();
        let mut ends = 0;
        for (place, text) in self.pieces(values, &minutes) {
            ends += text.chars().count();
            if place == Some(Place::Code) {
                break;
            }
        }
        ends
    }

    /// The text in stretches, each with the place whose value it is: the template's, and then those of the last line.
    fn pieces<'a>(
        &'a self,
        values: &Values<'a>,
        minutes: &'a str,
    ) -> impl Iterator<Item = (Option<Place>, &'a str)> + Clone {
        let Values { code, host, .. } = *values;
        let last = host.into_iter().flat_map(move |host| {
            [
                (None, "\n\n@"),
                (Some(Place::Host), host),
                (None, " #"),
                (Some(Place::Code), code),
            ]
        });
        self.own(values, minutes).chain(last)
    }

    /// Those of the template itself.
    fn own<'a>(
        &'a self,
        values: &Values<'a>,
        minutes: &'a str,
    ) -> impl Iterator<Item = (Option<Place>, &'a str)> + Clone {
        filled(&self.0, values, minutes)
    }
}

impl Default for Template {
    /// `{NAME}: {CODE} is your {SCOPE} code. Valid {MINUTES} min. Never share it.`
    fn default() -> Self {
        words::of(None).text.clone()
    }
}

/// The subject of a mail with a code, in the language of `locale` (BCP 47): servers write it into their logs, and
/// telephones show it to everybody, so the code is not in it (C8).
#[must_use]
pub fn subject(name: &str, locale: Option<&str>) -> String {
    words::of(locale).subject(name)
}

/// A text with a code in it: wiped when dropped, and not to be printed by accident (C8).
#[derive(Clone, PartialEq, Eq)]
pub struct Text(Zeroizing<String>);

impl Text {
    /// Joins the parts, in a string that never has to grow: growing would leave a copy behind, unwiped.
    fn of<'a>(parts: impl IntoIterator<Item = &'a str, IntoIter: Clone>) -> Self {
        let parts = parts.into_iter();
        let mut text = Zeroizing::new(String::with_capacity(parts.clone().map(str::len).sum()));
        text.extend(parts);
        Self(text)
    }

    /// The text, for the carrier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(…)")
    }
}

/// What names one message to carriers and in logs: 128 random bits, 22 characters of base64url.
///
/// A carrier that is handed the same identifier twice sends once, so it must not come twice by chance.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Id(String);

impl Id {
    /// Draws a new one.
    #[must_use]
    pub fn draw() -> Self {
        let mut random = [0; 16];
        rand::rng().fill_bytes(&mut random);
        Self(URL_SAFE_NO_PAD.encode(random))
    }

    /// The identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A stretch of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Place),
}

/// What a pair of braces stands for: a value of [`Values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `{NAME}`
    Name,
    /// `{CODE}`
    Code,
    /// `{SCOPE}`
    Scope,
    /// `{MINUTES}`
    Minutes,
    /// `{HOST}`
    Host,
}

impl Place {
    const ALL: [Self; 5] = [
        Self::Name,
        Self::Code,
        Self::Scope,
        Self::Minutes,
        Self::Host,
    ];

    /// What stands between the braces.
    fn name(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::Code => "CODE",
            Self::Scope => "SCOPE",
            Self::Minutes => "MINUTES",
            Self::Host => "HOST",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|own| own.name() == name)
    }

    /// The place whose name looks most like `name`, if one does.
    fn like(name: &str) -> Option<&'static str> {
        let name = name.trim().to_uppercase();
        let scored = Self::ALL
            .into_iter()
            .map(|own| (strsim::jaro_winkler(own.name(), &name), own.name()));
        scored
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|&(score, _)| score > 0.75)
            .map(|(_, own)| own)
    }
}

/// The stretches of a text and its places.
fn split(text: &str) -> Result<Vec<Part>, BadTemplate> {
    let column = |at: usize| text[..at].chars().count() + 1;
    let (mut parts, mut done) = (Vec::new(), 0);
    while let Some(brace) = text[done..].find(['{', '}']).map(|found| done + found) {
        let inside = text[brace..]
            .strip_prefix('{')
            .and_then(|rest| rest.split_once(['{', '}']));
        let name = match inside {
            Some((name, _)) if text[brace + 1 + name.len()..].starts_with('}') => name,
            _ => {
                return Err(BadTemplate::Unbalanced {
                    column: column(brace),
                });
            }
        };
        let place = Place::parse(name).ok_or_else(|| BadTemplate::Unknown {
            name: name.to_owned(),
            like: Place::like(name),
            column: column(brace),
        })?;
        parts.extend((brace > done).then(|| Part::Text(text[done..brace].to_owned())));
        parts.push(Part::Place(place));
        done = brace + name.len() + 2;
    }
    parts.extend((done < text.len()).then(|| Part::Text(text[done..].to_owned())));
    Ok(parts)
}

/// The stretches with the values in their places, each with the place whose value it is.
fn filled<'a>(
    parts: &'a [Part],
    values: &Values<'a>,
    minutes: &'a str,
) -> impl Iterator<Item = (Option<Place>, &'a str)> + Clone + use<'a> {
    let Values {
        name,
        code,
        scope,
        host,
        ..
    } = *values;
    parts.iter().map(move |part| match part {
        Part::Text(text) => (None, text.as_str()),
        Part::Place(place) => {
            let value = match place {
                Place::Name => name,
                Place::Code => code,
                Place::Scope => scope,
                Place::Minutes => minutes,
                Place::Host => host.unwrap_or_default(),
            };
            (Some(*place), value)
        }
    })
}

/// Characters of a template.
const LONGEST: usize = 2048;

/// The end of [`BadTemplate::Unknown`]'s sentence.
fn hint(like: Option<&'static str>) -> String {
    match like {
        Some(like) => format!("; did you mean {{{like}}}?"),
        None => "; there are {NAME}, {CODE}, {SCOPE}, {MINUTES} and {HOST}".to_owned(),
    }
}

#[cfg(test)]
mod tests;
