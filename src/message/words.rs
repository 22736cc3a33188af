//! What the house says by itself, a language a table: `locales/messages.toml`, which is part of the program.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::language::{NotATag, Tag};
use super::{BadTemplate, Part, Template, split};

/// The words of one language.
pub(super) struct Words {
    /// The text of a message where the operator wrote none.
    pub(super) text: Template,
    subject: Vec<Part>,
    /// The call up to the third time of the code.
    pub(super) call: Vec<Part>,
    /// How long the code is good: for one minute, and for more. Languages with other forms get theirs here together with
    /// their words.
    one: Vec<Part>,
    other: Vec<Part>,
    /// How the call ends.
    pub(super) end: Vec<Part>,
    /// The `locale` of Bandwidth's `SpeakSentence`; without one it has no voice for this language.
    pub(super) bandwidth: Option<String>,
    /// Whose voice Twilio's `Say` has.
    pub(super) twilio: Option<Voice>,
    /// The `language` of Vonage's `talk`.
    pub(super) vonage: Option<String>,
}

/// A voice of Twilio's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Voice {
    /// Its name.
    pub(super) voice: String,
    /// What it speaks.
    pub(super) language: String,
}

/// The words for who speaks `locale`; where there are none, English ones.
pub(super) fn of(locale: Option<&str>) -> &'static Words {
    let tag = locale.and_then(|locale| Tag::parse(locale).ok());
    tag.and_then(|tag| tag.best(all())).unwrap_or_else(english)
}

/// The words for everybody.
pub(super) fn english() -> &'static Words {
    all()
        .iter()
        .find_map(|(tag, words)| (tag.as_str() == "en").then_some(words))
        .expect("the file is part of the program, has English, and is read by a test")
}

/// Every language, by its tag.
pub(super) fn all() -> &'static [(Tag, Words)] {
    static ALL: LazyLock<Vec<(Tag, Words)>> = LazyLock::new(|| {
        parse(include_str!("../../locales/messages.toml"))
            .expect("the file is part of the program, and is read by a test")
    });
    &ALL
}

impl Words {
    /// How long the code is good; nothing if that is not known.
    pub(super) fn good_for(&self, minutes: u64) -> &[Part] {
        match minutes {
            0 => &[],
            1 => &self.one,
            _ => &self.other,
        }
    }

    /// The subject of a mail from `name`.
    pub(super) fn subject(&self, name: &str) -> String {
        let mut subject = String::new();
        for part in &self.subject {
            subject.push_str(match part {
                Part::Text(text) => text,
                // No other place stands in it: a test sees to it.
                Part::Place(_) => name,
            });
        }
        subject
    }
}

/// A table of the file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    text: String,
    subject: String,
    call: String,
    good_for: Forms,
    end: String,
    bandwidth: Option<String>,
    twilio: Option<Voice>,
    vonage: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forms {
    one: String,
    other: String,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
enum BadWords {
    #[error("not of the form")]
    Form(#[from] toml::de::Error),
    #[error("`{0}` is no language")]
    Language(String, #[source] NotATag),
    #[error("a text of `{0}`")]
    Text(Tag, #[source] BadTemplate),
}

fn parse(file: &str) -> Result<Vec<(Tag, Words)>, BadWords> {
    let tables: BTreeMap<String, Written> = toml::from_str(file)?;
    let read = tables.into_iter().map(|(key, written)| {
        let tag = Tag::parse(&key).map_err(|error| BadWords::Language(key, error))?;
        let words = Words::read(written).map_err(|error| BadWords::Text(tag.clone(), error))?;
        Ok((tag, words))
    });
    read.collect()
}

impl Words {
    fn read(written: Written) -> Result<Self, BadTemplate> {
        Ok(Self {
            text: Template::parse(&written.text)?,
            subject: split(&written.subject)?,
            call: split(&written.call)?,
            one: split(&written.good_for.one)?,
            other: split(&written.good_for.other)?,
            end: split(&written.end)?,
            bandwidth: written.bandwidth,
            twilio: written.twilio,
            vonage: written.vonage,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::segments::{self, Alphabet, Count};
    use crate::message::{LONGEST, Place, Values};

    /// A host of 30 characters, and a name and a title that are not short.
    const VALUES: Values<'_> = Values {
        name: "The Example Portal",
        code: "049271",
        scope: "Administration",
        minutes: 10,
        host: Some("portal-of-people.example.co.uk"),
    };

    fn places(parts: &[Part]) -> Vec<Place> {
        let place = |part: &Part| match part {
            Part::Place(place) => Some(*place),
            Part::Text(_) => None,
        };
        parts.iter().filter_map(place).collect()
    }

    #[test]
    fn the_file_can_be_read_and_has_the_languages() {
        let tags: Vec<&str> = all().iter().map(|(tag, _)| tag.as_str()).collect();
        assert_eq!(tags, ["de", "en", "es", "fr", "it", "pt-BR"]);
    }

    #[test]
    fn every_text_is_one_segment_with_its_code_in_front() {
        for (tag, words) in all() {
            let text = words.text.render(&VALUES);
            let count = segments::count(text.as_str());
            let Count {
                alphabet, segments, ..
            } = count;
            assert_eq!(
                (alphabet, segments),
                (Alphabet::Gsm7, 1),
                "{tag}: {count:?}"
            );
            assert!(words.text.code_ends(&VALUES) <= 40, "{tag}");
            assert!(text.as_str().starts_with("The Example Portal"), "{tag}");
            assert!(
                text.as_str()
                    .ends_with("\n\n@portal-of-people.example.co.uk #049271")
            );
            assert!(!text.as_str().contains("://"), "{tag}");
        }
    }

    #[test]
    fn every_text_says_all_that_the_english_one_says() {
        for (tag, words) in all() {
            let mut own = places(&words.text.0);
            let mut english = places(&english().text.0);
            own.sort_by_key(|place| place.name());
            english.sort_by_key(|place| place.name());
            assert_eq!(own, english, "{tag}");
        }
    }

    #[test]
    fn every_call_says_the_name_once_and_the_code_three_times() {
        use Place::{Code, Minutes, Name};
        for (tag, words) in all() {
            assert_eq!(places(&words.call), [Name, Code, Code, Code], "{tag}");
            assert_eq!(places(words.good_for(0)), [], "{tag}");
            assert_eq!(places(words.good_for(1)), [], "{tag}");
            for more in [2, 5, 15] {
                assert_eq!(places(words.good_for(more)), [Minutes], "{tag}");
            }
            assert_eq!(places(&words.end), [], "{tag}");
            for sentence in [&words.call, &words.one, &words.other, &words.end] {
                let Some(Part::Text(last)) = sentence.last() else {
                    panic!("{tag}: a sentence ends in words")
                };
                assert!(last.ends_with('.'), "{tag}");
            }
        }
    }

    #[test]
    fn c8_no_subject_holds_the_code() {
        for (tag, words) in all() {
            assert_eq!(places(&words.subject), [Place::Name], "{tag}");
            let subject = words.subject(VALUES.name);
            assert!(subject.starts_with("The Example Portal"), "{tag}");
            assert!(!subject.contains("049271") && subject.len() > 22, "{tag}");
        }
        assert_eq!(
            english().subject(VALUES.name),
            "The Example Portal: your code"
        );
    }

    #[test]
    fn a_language_is_found_by_its_tag_or_a_relative() {
        let call = |locale| of(locale).call.clone();
        let english = call(None);
        for (locale, like) in [
            ("pt", "pt-BR"),
            ("PT-pt", "pt-BR"),
            ("de-AT", "de"),
            ("fr-CA", "fr"),
            ("es-419", "es"),
        ] {
            assert_eq!(call(Some(locale)), call(Some(like)));
            assert_ne!(call(Some(locale)), english);
        }
        for unknown in ["ja", "en-GB", "x", ""] {
            assert_eq!(call(Some(unknown)), english, "{unknown}");
        }
    }

    #[test]
    fn a_file_of_another_form_is_refused() {
        let file = |key: &str, text: &str, end: &str| {
            format!(
                "[{key}]\ntext = \"{text}\"\nsubject = \"\"\ncall = \"\"\ngood_for = {{ one = \"\", other = \"\" }}\nend = \"{end}\""
            )
        };
        assert_eq!(
            parse(&file("fr", "{CODE}", "")).map(|all| all.len()).ok(),
            Some(1)
        );
        let long = "x".repeat(LONGEST);
        for (key, text, end) in [
            ("french", "{CODE}", ""),
            ("fr", "no code", ""),
            ("fr", &*format!("{{CODE}}{long}"), ""),
            ("fr", "{CODE}", "{"),
            ("fr", "{CODE}", "\"\nmore = \""),
        ] {
            assert!(parse(&file(key, text, end)).is_err(), "{key} {end}");
        }
        assert!(parse("[fr]").is_err());
    }
}
