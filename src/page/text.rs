//! The words on a page, by key, in one language.

use std::collections::BTreeMap;

use minijinja::HtmlEscape;
use minijinja::value::Value;

/// Every text of one locale file.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    /// For `<html lang>`: a BCP 47 tag.
    pub(super) language: String,
    /// For `<html dir>`: `ltr` or `rtl`.
    pub(super) direction: String,
    by_key: BTreeMap<String, Text>,
}

#[derive(Clone, Debug)]
enum Text {
    Same(String),
    /// English tells one from more; languages with other forms get theirs here together with their files.
    Counted {
        one: String,
        other: String,
    },
}

/// What goes into a `{place}` of a text.
#[derive(Clone, Debug)]
pub(super) enum Fill<'a> {
    /// Anybody's words: escaped.
    Words(&'a str),
    /// A number; under the name `n` it also picks the form of a counted text.
    Count(u64),
    /// Markup of our own.
    Html(String),
}

/// The file is no locale file.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadTexts {
    #[error("not TOML")]
    Toml(#[from] toml::de::Error),
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`{0}` is neither a text, nor a table of texts, nor a text with `one` and `other`")]
    NotAText(String),
}

impl Texts {
    /// Reads a locale file: tables of texts, whose keys are joined by dots.
    pub(super) fn parse(file: &str) -> Result<Self, BadTexts> {
        let mut table: toml::Table = file.parse()?;
        let mut word = |key| match table.remove(key) {
            Some(toml::Value::String(word)) => Ok(word),
            _ => Err(BadTexts::Missing(key)),
        };
        let (language, direction) = (word("language")?, word("direction")?);
        let mut by_key = BTreeMap::new();
        collect("", table, &mut by_key)?;
        Ok(Self {
            language,
            direction,
            by_key,
        })
    }

    /// The text of `key`, escaped for HTML, its places filled.
    ///
    /// A key that no file has shows as itself: a page with one odd line is better than no page. Tests see to it that
    /// there is none.
    pub(super) fn html(&self, key: &str, fills: &[(&str, Fill<'_>)]) -> Value {
        let count = fills.iter().find_map(|fill| match fill {
            ("n", Fill::Count(n)) => Some(*n),
            _ => None,
        });
        let text = match self.by_key.get(key) {
            Some(Text::Same(text)) => text,
            Some(Text::Counted { one, .. }) if count == Some(1) => one,
            Some(Text::Counted { other, .. }) => other,
            None => key,
        };
        Value::from_safe_string(fill(text, fills))
    }

    /// The text of `key` for scripts, with `at` in its place: plain words, not escaped.
    pub(super) fn plain(&self, key: &str, place: &str, fill: &str) -> String {
        match self.by_key.get(key) {
            Some(Text::Same(text) | Text::Counted { other: text, .. }) => text.replace(place, fill),
            None => key.to_owned(),
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }
}

fn collect(
    path: &str,
    table: toml::Table,
    into: &mut BTreeMap<String, Text>,
) -> Result<(), BadTexts> {
    for (key, value) in table {
        let key = if path.is_empty() {
            key
        } else {
            format!("{path}.{key}")
        };
        match value {
            toml::Value::String(text) => drop(into.insert(key, Text::Same(text))),
            toml::Value::Table(forms) if forms.contains_key("other") => {
                let form = |name| match forms.get(name) {
                    Some(toml::Value::String(text)) => Ok(text.clone()),
                    _ => Err(BadTexts::NotAText(key.clone())),
                };
                let counted = Text::Counted {
                    one: form("one")?,
                    other: form("other")?,
                };
                into.insert(key, counted);
            }
            toml::Value::Table(inner) => collect(&key, inner, into)?,
            _ => return Err(BadTexts::NotAText(key)),
        }
    }
    Ok(())
}

/// One pass over the text, so that a value which looks like a place is not filled again.
fn fill(text: &str, fills: &[(&str, Fill<'_>)]) -> String {
    let mut html = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        html.push_str(&escape(before));
        let known = after.split_once('}').and_then(|(name, after)| {
            let (_, value) = fills.iter().find(|(key, _)| *key == name)?;
            Some((value, after))
        });
        let Some((value, after)) = known else {
            html.push('{');
            rest = after;
            continue;
        };
        match value {
            Fill::Words(words) => html.push_str(&escape(words)),
            Fill::Count(n) => html.push_str(&n.to_string()),
            Fill::Html(own) => html.push_str(own),
        }
        rest = after;
    }
    html.push_str(&escape(rest));
    html
}

fn escape(words: &str) -> String {
    HtmlEscape(words).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Texts {
        let file = "language = \"en\"\ndirection = \"ltr\"\n[a]\nb = \"<{x}> {y\"\nc = { one = \"{n} try\", other = \"{n} tries\" }\n";
        Texts::parse(file).unwrap()
    }

    #[test]
    fn places_are_filled_and_words_escaped() {
        let filled = texts().html("a.b", &[("x", Fill::Words("<{x}&\"'"))]);
        assert_eq!(filled.as_str(), Some("&lt;&lt;{x}&amp;&quot;&#x27;&gt; {y"));
        let own = texts().html("a.b", &[("x", Fill::Html("<b>1</b>".to_owned()))]);
        assert_eq!(own.as_str(), Some("&lt;<b>1</b>&gt; {y"));
        assert!(own.is_safe());
    }

    #[test]
    fn n_picks_the_form() {
        for (n, text) in [(0, "0 tries"), (1, "1 try"), (2, "2 tries")] {
            assert_eq!(
                texts().html("a.c", &[("n", Fill::Count(n))]).as_str(),
                Some(text)
            );
        }
    }

    #[test]
    fn words_for_scripts_are_plain() {
        let file = "language = \"en\"\ndirection = \"ltr\"\n[a]\nb = \"It's {at}\"\n";
        assert_eq!(
            Texts::parse(file).unwrap().plain("a.b", "{at}", "<1>"),
            "It's <1>"
        );
        assert_eq!(texts().plain("a.z", "{at}", "1"), "a.z");
    }

    #[test]
    fn a_missing_text_shows_its_key() {
        assert_eq!(texts().html("a.<z>", &[]).as_str(), Some("a.&lt;z&gt;"));
        assert!(!texts().has("a.z") && texts().has("a.b"));
    }

    #[test]
    fn what_is_no_locale_file_is_refused() {
        for bad in [
            "",
            "language = \"en\"",
            "language = 1\ndirection = \"ltr\"",
            "language = \"en\"\ndirection = \"ltr\"\na = 1",
        ] {
            assert!(Texts::parse(bad).is_err(), "{bad}");
        }
        assert!(
            Texts::parse("language = \"en\"\ndirection = \"ltr\"\na = { other = \"x\" }").is_err()
        );
    }
}
