//! The page that asks who somebody is, before they see anything of the application.

use minijinja::context;

use super::text::{Fill, Texts};
use super::{Draft, Look};
use crate::message::Channel;

/// Shown as a number's right form, on one line; from the range that is nobody's (NANP, 555-0100 to 0199).
const EXAMPLE_NUMBER: &str = "+1\u{a0}202\u{a0}555\u{a0}0143";

/// Who is it?
#[derive(Clone, Copy, Debug)]
pub struct AskPage<'a> {
    /// Where it is posted: `token` and, unless the subject is fixed, `name`.
    pub action: &'a str,
    /// The value that binds the post to the browser secret (S8).
    pub token: &'a str,
    /// The scope's title.
    pub scope: &'a str,
    /// How much of it is left to say.
    pub who: Who,
    /// How codes can go out: to phones, to mailboxes or to both.
    pub channels: &'a [Channel],
    /// What went wrong since the last page.
    pub error: Option<AskError>,
}

/// Who the ask page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever they say they are: a field for a name or a number.
    Anyone,
    /// The one subject of an application without users: a button only.
    Fixed,
}

/// What went wrong on the ask page. All of it can be told from what was posted alone (C7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskError {
    /// Nothing was typed.
    Empty,
    /// It can be nobody's name and is no number.
    Unusable,
    /// The form's token was not this browser's, or no longer.
    Stale,
}

impl AskPage<'_> {
    /// Where the code will go, as far as everybody may know.
    fn lead(&self) -> &'static str {
        let mail = self.channels.contains(&Channel::Email);
        let phone = self
            .channels
            .iter()
            .any(|channel| *channel != Channel::Email);
        match (self.who, mail, phone) {
            (Who::Anyone, false, _) => "ask.lead",
            (Who::Anyone, true, false) => "ask.lead_mail",
            (Who::Anyone, true, true) => "ask.lead_any",
            (Who::Fixed, false, _) => "ask.lead_fixed",
            (Who::Fixed, true, false) => "ask.lead_fixed_mail",
            (Who::Fixed, true, true) => "ask.lead_fixed_any",
        }
    }

    pub(super) fn draft(&self, texts: &Texts, look: &Look<'_>) -> Draft {
        let say = |key: &str| texts.html(key, &[("site", Fill::Words(look.site))]);
        let number = Fill::Html(format!("<bdi dir=\"ltr\">{EXAMPLE_NUMBER}</bdi>"));
        let rest = context! {
            action => self.action,
            token => self.token,
            lead => say(self.lead()),
            hint => texts.html("ask.hint", &[("example", number)]),
            field => self.who == Who::Anyone,
            wrong => matches!(self.error, Some(AskError::Empty | AskError::Unusable)),
        };
        let error = self.error.map(|error| {
            let (text, at) = match error {
                AskError::Empty => ("ask.empty", Some("name")),
                AskError::Unusable => ("ask.unusable", Some("name")),
                AskError::Stale => ("ask.stale", None),
            };
            context! { text => say(text), at => at.filter(|_| self.who == Who::Anyone), help => () }
        });
        Draft {
            error,
            scope: Some(self.scope.to_owned()),
            ..Draft::new("ask.html", say("ask.heading"), rest)
        }
    }
}
