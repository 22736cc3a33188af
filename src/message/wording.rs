//! What a scope says, in every language it was written in: on all sites, or on one.

use std::sync::Arc;

use super::Template;
use super::language::Tag;
use super::words;

/// Texts by language, and what is said to everybody else.
///
/// Its default is what the house says where the operator wrote nothing, in the languages it knows.
#[derive(Clone, Debug)]
pub struct Wording {
    by_language: Vec<(Tag, Template)>,
    otherwise: Otherwise,
}

/// For whom there is no text in their language.
#[derive(Clone, Debug)]
enum Otherwise {
    /// One text.
    Text(Template),
    /// Texts of less weight: the scope's under a site's, the house's under a scope's.
    Beneath(Arc<Wording>),
}

impl Wording {
    /// Texts by language, the text for everybody else, and what holds where that is not given.
    #[must_use]
    pub fn new(
        by_language: Vec<(Tag, Template)>,
        otherwise: Option<Template>,
        beneath: &Arc<Self>,
    ) -> Self {
        Self {
            by_language,
            otherwise: otherwise
                .map_or_else(|| Otherwise::Beneath(Arc::clone(beneath)), Otherwise::Text),
        }
    }

    /// The languages of the texts of most weight.
    pub fn languages(&self) -> impl Iterator<Item = &Tag> {
        self.by_language.iter().map(|(tag, _)| tag)
    }

    /// The text for somebody whose language is `locale` (BCP 47), as [`Tag::best`] finds it; `None`, or what is no tag:
    /// the text for everybody.
    #[must_use]
    pub fn choose(&self, locale: Option<&str>) -> &Template {
        let tag = locale.and_then(|locale| Tag::parse(locale).ok());
        let mut wording = self;
        loop {
            if let Some(text) = tag.as_ref().and_then(|tag| tag.best(&wording.by_language)) {
                return text;
            }
            match &wording.otherwise {
                Otherwise::Text(text) => return text,
                Otherwise::Beneath(beneath) => wording = beneath,
            }
        }
    }
}

impl Default for Wording {
    fn default() -> Self {
        let texts = words::all().iter();
        Self {
            by_language: texts
                .map(|(tag, words)| (tag.clone(), words.text.clone()))
                .collect(),
            otherwise: Otherwise::Text(Template::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Template {
        Template::parse(&format!("{text} {{CODE}}")).unwrap()
    }

    fn texts(texts: &[&str]) -> Vec<(Tag, Template)> {
        texts
            .iter()
            .map(|written| {
                let (tag, words) = written.split_once(' ').unwrap();
                (Tag::parse(tag).unwrap(), text(words))
            })
            .collect()
    }

    #[test]
    fn a_text_in_ones_language_is_chosen_else_the_one_for_everybody() {
        let house = Arc::new(Wording::default());
        let wording = Wording::new(
            texts(&["fr french", "pt-BR brazilian"]),
            Some(text("own")),
            &house,
        );
        for (locale, wanted) in [
            (Some("fr"), "french"),
            (Some("fr-CA"), "french"),
            (Some("pt-BR"), "brazilian"),
            (Some("pt"), "brazilian"),
            // The house has German; who wrote a text for everybody has not asked for it.
            (Some("de"), "own"),
            (Some("en"), "own"),
            (Some("no tag"), "own"),
            (None, "own"),
        ] {
            assert_eq!(*wording.choose(locale), text(wanted), "{locale:?}");
        }
    }

    #[test]
    fn without_a_text_for_everybody_the_one_beneath_speaks() {
        let house = Arc::new(Wording::default());
        let scope = Arc::new(Wording::new(texts(&["fr french"]), None, &house));
        let site = Wording::new(texts(&["it italian", "fr-CA canadian"]), None, &scope);
        assert_eq!(*site.choose(Some("it")), text("italian"));
        assert_eq!(*scope.choose(Some("it")), *house.choose(Some("it")));
        assert_eq!(*scope.choose(Some("fr-CA")), text("french"));
        // The site's own words, though of another country, before those of all sites.
        assert_eq!(*site.choose(Some("fr")), text("canadian"));
        assert_eq!(*site.choose(Some("de")), *house.choose(Some("de")));
        assert_eq!(*site.choose(None), Template::default());
        let own = Wording::new(Vec::new(), Some(text("own")), &scope);
        for locale in [None, Some("fr"), Some("de")] {
            assert_eq!(*own.choose(locale), text("own"), "{locale:?}");
        }
    }

    #[test]
    fn the_house_speaks_its_languages_and_else_english() {
        let house = Wording::default();
        for locale in [None, Some("en"), Some("en-GB"), Some("ja"), Some("")] {
            assert_eq!(*house.choose(locale), Template::default(), "{locale:?}");
        }
        for locale in ["es", "fr", "pt-BR", "de", "it"] {
            assert_ne!(*house.choose(Some(locale)), Template::default(), "{locale}");
        }
    }
}
