//! Languages as they are written in the configuration: one that nobody has would be a text that nobody gets.

use super::rule::Rule;
use super::tree::Value;
use super::value::{Leaf, Wrong};
use crate::message::language::Tag;

impl Leaf for Tag {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a language such as \"fr\" or \"pt-BR\"")?;
        let wrong = |label: &str| {
            let wrong = Wrong::new(
                Rule::BadTemplate,
                format!("`{text}` is no language"),
                label.to_owned(),
            );
            match meant(text) {
                Some(tag) => wrong.help(format!("write `{tag}`")),
                None => wrong.help("write `fr`, or with a country `pt-BR` (BCP 47)"),
            }
        };
        let tag = Self::parse(text).map_err(|error| wrong(&error.to_string()))?;
        // Of three letters there are thousands (ISO 639-3), and nobody writes them by mistake.
        if tag.language().len() == 2 && !known(tag.language()) {
            return Err(wrong("no language has these two letters"));
        }
        Ok(tag)
    }
}

fn known(language: &str) -> bool {
    LANGUAGES
        .split_ascii_whitespace()
        .any(|known| known == language)
}

/// The language that was probably meant: by its name, by a country's letters, or with an underscore as in POSIX locales.
fn meant(text: &str) -> Option<Tag> {
    let dashed = text.replace('_', "-");
    let dashed = dashed.split('.').next().unwrap_or_default();
    let (first, rest) = dashed.split_once('-').unwrap_or((dashed, ""));
    let first = first.to_lowercase();
    let by_name = MEANT
        .iter()
        .find(|(words, _)| words.split_ascii_whitespace().any(|word| word == first));
    let language = by_name.map_or(&*first, |(_, language)| language);
    let tag = match rest {
        "" => language.to_owned(),
        rest => format!("{language}-{rest}"),
    };
    Tag::parse(&tag).ok().filter(|tag| known(tag.language()))
}

/// What is written where two letters of ISO 639-1 are wanted: names, and the letters of countries that are no language.
const MEANT: [(&str, &str); 17] = [
    ("arabic", "ar"),
    ("chinese cn tw", "zh"),
    ("czech cz", "cs"),
    ("danish dk", "da"),
    ("dutch", "nl"),
    ("english us gb", "en"),
    ("french français francais", "fr"),
    ("german deutsch at", "de"),
    ("greek", "el"),
    ("italian italiano", "it"),
    ("japanese jp", "ja"),
    ("korean kr", "ko"),
    ("polish", "pl"),
    ("portuguese português portugues", "pt"),
    ("russian", "ru"),
    ("spanish español espanol mx", "es"),
    ("vietnamese vn", "vi"),
];

/// ISO 639-1.
const LANGUAGES: &str = "\
    aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo \
    fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb \
    lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc \
    sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_guessed() {
        for (text, wanted) in [
            ("fr_CA", Some("fr-CA")),
            ("fr_FR.UTF-8", Some("fr-FR")),
            ("French", Some("fr")),
            ("Deutsch", Some("de")),
            ("jp", Some("ja")),
            ("cn", Some("zh")),
            ("portuguese-BR", Some("pt-BR")),
            ("defualt", None),
            ("xx", None),
            ("", None),
        ] {
            let tag = meant(text);
            assert_eq!(tag.as_ref().map(Tag::as_str), wanted, "{text}");
        }
    }

    #[test]
    fn languages_are_listed_once_in_order() {
        let all: Vec<&str> = LANGUAGES.split_ascii_whitespace().collect();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(all.len(), 183);
        for (_, language) in MEANT {
            assert!(known(language), "{language}");
        }
    }
}
