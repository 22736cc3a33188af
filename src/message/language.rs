//! The name of a language, and which of several texts is in the one that somebody reads.

use std::fmt;
use std::iter::successors;

/// A language tag in form (BCP 47): `fr`, `pt-BR`, `zh-Hans`; in the letter case that RFC 5646 section 2.1.1 recommends.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

/// The text is no [`Tag`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a language is two or three letters, with a country or script after a dash if need be")]
pub struct NotATag;

impl Tag {
    /// Takes `text` as a language: two or three letters, then groups of letters and digits. Whether there is such a
    /// language is not asked.
    ///
    /// # Errors
    /// [`NotATag`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NotATag> {
        let groups: Vec<&str> = text.split('-').collect();
        let [language, rest @ ..] = &groups[..] else {
            return Err(NotATag);
        };
        let fits = (2..=3).contains(&language.len())
            && language.bytes().all(|b| b.is_ascii_alphabetic())
            && rest.iter().all(|group| {
                (1..=8).contains(&group.len()) && group.bytes().all(|b| b.is_ascii_alphanumeric())
            });
        if !fits {
            return Err(NotATag);
        }
        let mut tag = language.to_ascii_lowercase();
        for group in rest {
            let mut group = group.to_ascii_lowercase();
            match group.len() {
                2 => group.make_ascii_uppercase(),
                4 => group[..1].make_ascii_uppercase(),
                _ => {}
            }
            tag.push('-');
            tag.push_str(&group);
        }
        Ok(Self(tag))
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first group: the language without country or script.
    #[must_use]
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// Of several texts the one for who reads this language: the tag itself, else without its last group, and so on (RFC
    /// 4647 section 3.4); else the first in the same language, of whatever country: it is better understood than one
    /// in another.
    #[must_use]
    pub fn best<'a, T>(&self, among: &'a [(Self, T)]) -> Option<&'a T> {
        let mut wider = successors(Some(self.as_str()), |tag| {
            tag.rsplit_once('-').map(|(wider, _)| wider)
        });
        let lookup = wider.find_map(|tag| among.iter().find(|(own, _)| own.0 == tag));
        let kin = || {
            among
                .iter()
                .find(|(own, _)| own.language() == self.language())
        };
        lookup.or_else(kin).map(|(_, text)| text)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Tag {
        Tag::parse(text).unwrap()
    }

    #[test]
    fn a_tag_is_read_in_any_letter_case_and_written_in_one() {
        for (text, written) in [
            ("fr", "fr"),
            ("FR", "fr"),
            ("pt-br", "pt-BR"),
            ("PT-BR", "pt-BR"),
            ("zh-hans-cn", "zh-Hans-CN"),
            ("ZH-HANT", "zh-Hant"),
            ("gsw-ch", "gsw-CH"),
            ("es-419", "es-419"),
            ("ca-ES-VALENCIA", "ca-ES-valencia"),
        ] {
            assert_eq!(tag(text).as_str(), written);
            assert_eq!(tag(written), tag(text));
            assert_eq!(tag(text).to_string(), written);
        }
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for text in [
            "",
            "-",
            "f",
            "french",
            "fr_FR",
            "fr-",
            "-fr",
            "fr--FR",
            "fr ",
            "f1",
            "pt-brazilian",
            "fré",
            "fr-é",
            "default",
        ] {
            assert_eq!(Tag::parse(text), Err(NotATag), "{text:?}");
        }
    }

    #[test]
    fn the_best_is_the_tag_itself_then_a_wider_one_then_the_same_language() {
        let texts: Vec<(Tag, &str)> = ["pt-BR", "fr-CA", "fr", "zh-Hant", "zh", "es-MX", "es-419"]
            .into_iter()
            .map(|text| (tag(text), text))
            .collect();
        for (wanted, best) in [
            ("fr", Some("fr")),
            ("fr-CA", Some("fr-CA")),
            ("FR-ca", Some("fr-CA")),
            ("fr-BE", Some("fr")),
            ("fr-BE-x-1", Some("fr")),
            ("pt-BR", Some("pt-BR")),
            ("pt", Some("pt-BR")),
            ("pt-PT", Some("pt-BR")),
            ("zh-Hant-TW", Some("zh-Hant")),
            ("zh-Hans", Some("zh")),
            // Of several in other countries' form, the first that is written.
            ("es", Some("es-MX")),
            ("es-AR", Some("es-MX")),
            ("es-419", Some("es-419")),
            ("en", None),
            ("frr", None),
            ("p", None),
        ] {
            let found = Tag::parse(wanted).ok().and_then(|tag| tag.best(&texts));
            assert_eq!(found.copied(), best, "{wanted}");
        }
        assert_eq!(tag("fr").best::<()>(&[]), None);
    }
}
