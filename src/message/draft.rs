//! A message before its code stands in it.

use super::voice::Script;
use super::{Template, Text, Values};

/// Everything that a message says but the digits: with them it becomes a text or the words of a call. Who lets the
/// vendor make the code gets the text with `{CODE}` where the digits will stand.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The text with its places.
    pub template: Template,
    /// What stands for `{NAME}`.
    pub name: String,
    /// What stands for `{SCOPE}`.
    pub scope: String,
    /// What stands for `{MINUTES}`; 0 if it is not known yet, as in [`Values::minutes`].
    pub minutes: u64,
    /// What stands for `{HOST}`, and whose pages fill the code in; without one there is no such last line.
    pub host: Option<String>,
    /// How many digits the code has.
    pub digits: u8,
}

impl Draft {
    /// The text message with `code` in it.
    #[must_use]
    pub fn text(&self, code: &str) -> Text {
        self.template.render(&self.values(code))
    }

    /// The text of a mail with `code` in it: without the line for browsers, which fill codes in from text messages only.
    #[must_use]
    pub fn mail(&self, code: &str) -> Text {
        self.template.words(&self.values(code))
    }

    /// The words of a call that says `code`, in the language of `locale` (BCP 47).
    #[must_use]
    pub fn script(&self, code: &str, locale: Option<&str>) -> Script {
        Script::new(&self.values(code), locale)
    }

    /// The text with `{CODE}` in the places of the digits, as Bandwidth's MFA wants it.
    #[must_use]
    pub fn blank(&self) -> Text {
        self.text("{CODE}")
    }

    fn values<'a>(&'a self, code: &'a str) -> Values<'a> {
        Values {
            name: &self.name,
            code,
            scope: &self.scope,
            minutes: self.minutes,
            host: self.host.as_deref(),
        }
    }
}
