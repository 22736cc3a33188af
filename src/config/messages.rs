//! What the text messages of the scopes cost, and how soon the code is read: each as each of its sites sends it.
//!
//! Everything that is put into a message but the digits is known from the configuration, so the text that is judged is
//! as long as any that will be sent.

use super::SiteSettings;
use super::diagnostic::{Diagnostic, Place};
use super::file::File;
use super::file::site as written;
use super::notes::Notes;
use super::rule::Rule;
use crate::message::segments::{self, Count};
use crate::message::{self, Channel, Foreign, Values};
use crate::scope::Scope;

/// How much of a message a locked phone shows, about: the code is to be in it.
const PREVIEW: usize = 40;

/// Says which messages cost more than one segment, and which have their code late: once a scope, for the site where it
/// is worst.
pub(super) fn warn(file: &File, sites: &[SiteSettings], notes: &Notes) {
    for scope in &file.scopes {
        let sent: Vec<Sent<'_>> = file
            .sites
            .iter()
            .filter_map(|site| Sent::of(scope, site, sites))
            .collect();
        let several = sent.len() > 1;
        // Of equals the first, in the order of the file.
        let costliest = sent
            .iter()
            .rev()
            .max_by_key(|sent| (sent.count.segments, sent.count.units));
        if let Some(sent) = costliest.filter(|sent| sent.count.segments > 1) {
            notes.add(sent.costly(several));
        }
        let latest = sent.iter().rev().max_by_key(|sent| sent.code_ends);
        if let Some(sent) = latest.filter(|sent| sent.code_ends > PREVIEW) {
            notes.add(sent.late(several));
        }
    }
}

/// The message of a scope as a site sends it.
struct Sent<'f> {
    scope: &'f written::Scope,
    site: &'f written::Site,
    text: message::Text,
    count: Count,
    foreign: Option<Foreign>,
    code_ends: usize,
}

impl<'f> Sent<'f> {
    /// `None` if the site has no such scope, or sends no text messages for it.
    fn of(
        scope: &'f written::Scope,
        site: &'f written::Site,
        sites: &[SiteSettings],
    ) -> Option<Self> {
        let settings = sites
            .iter()
            .find(|settings| settings.site.name == site.name.value)?;
        let meant: &Scope = settings.site.scope(scope.name.value.as_str())?;
        if !meant.channels.contains(&Channel::Sms) {
            return None;
        }
        let values = Values {
            name: &settings.site.title,
            code: &"0".repeat(meant.digits.into()),
            scope: &meant.title,
            minutes: meant.code_life.as_secs().div_ceil(60),
            host: Some(settings.site.origin.host()),
        };
        let text = meant.message.render(&values);
        Some(Self {
            scope,
            site,
            count: segments::count(text.as_str()),
            text,
            foreign: meant.message.foreign(&values),
            code_ends: meant.message.code_ends(&values),
        })
    }

    /// What it costs and why; `several`: other sites have the scope, too.
    fn costly(&self, several: bool) -> Diagnostic {
        let Count {
            alphabet,
            units,
            segments,
        } = self.count;
        let title = format!("text message costs {segments} segments{}", self.on(several));
        let fit = alphabet.alone();
        let Some(foreign) = &self.foreign else {
            let label = format!("{units} units with the line for browsers, {fit} fit");
            let problem = Diagnostic::new(Rule::Costly, title, self.message(), label)
                .help(shorter(&self.count) + FOR_ONE);
            return match self.doubled() {
                Some(doubled) => problem.help(doubled),
                None => problem,
            };
        };
        let label = format!(
            "`{}` at character {} is not in the GSM-7 alphabet: the whole text becomes UCS-2 ({units} units, {fit} fit)",
            foreign.character.escape_debug(),
            foreign.column
        );
        let value = match foreign.place {
            Some(message::Place::Name) => self.site.title.as_ref(),
            Some(message::Place::Scope) => self.scope.title.as_ref(),
            _ => None,
        };
        let home = value.map_or(self.message(), |value| &value.place);
        let problem = Diagnostic::new(Rule::Costly, title, &home.first(foreign.character), label)
            .help(self.without());
        match value {
            Some(_) => problem.also(self.message(), "it comes into this message"),
            None => problem,
        }
    }

    /// Which characters of the text take two septets each.
    fn doubled(&self) -> Option<String> {
        let twice = |&character: &char| segments::septets(character) == Some(2);
        let mut doubled: Vec<String> = Vec::new();
        for character in self.text.as_str().chars().filter(twice) {
            let shown = format!("`{}`", character.escape_debug());
            if !doubled.contains(&shown) {
                doubled.push(shown);
            }
        }
        (!doubled.is_empty()).then(|| format!("counted double: {}", doubled.join(", ")))
    }

    /// How to write it in the GSM alphabet, and what it costs then.
    fn without(&self) -> String {
        /// More than these are another script, which nobody wants to hear spelt out.
        const FEW: usize = 5;
        let (mut mended, mut seen) = (String::new(), Vec::new());
        let (mut replaced, mut left_out) = (Vec::new(), Vec::new());
        for character in self.text.as_str().chars() {
            let alike = match segments::septets(character) {
                Some(_) => Some(character.to_string()),
                None => segments::alike(character),
            };
            if segments::septets(character).is_none() && !seen.contains(&character) {
                seen.push(character);
                let shown = character.escape_debug();
                match &alike {
                    Some(alike) => replaced.push(format!("`{alike}` for `{shown}`")),
                    None => left_out.push(format!("`{shown}`")),
                }
            }
            mended.extend(alike);
        }
        if seen.len() > FEW {
            return shorter(&self.count) + FOR_ONE;
        }
        let count = segments::count(&mended);
        let steps: Vec<String> = [
            (!replaced.is_empty()).then(|| format!("write {}", replaced.join(", "))),
            (!left_out.is_empty()).then(|| format!("leave out {}", left_out.join(", "))),
            (count.segments > 1).then(|| shorter(&count)),
        ]
        .into_iter()
        .flatten()
        .collect();
        steps.join("; ") + FOR_ONE
    }

    fn late(&self, several: bool) -> Diagnostic {
        let title = format!(
            "the code comes late in the text message{}",
            self.on(several)
        );
        let label = format!(
            "it ends at character {}, and locked phones show about {PREVIEW}",
            self.code_ends
        );
        Diagnostic::new(Rule::LateCode, title, self.message(), label)
            .help("put {CODE} further to the front, or less before it")
    }

    /// Names the site if there are several.
    fn on(&self, several: bool) -> String {
        if several {
            format!(" on site `{}`", self.site.name.value)
        } else {
            String::new()
        }
    }

    /// Where the message stands, or the scope that sends the default one.
    fn message(&self) -> &'f Place {
        self.scope
            .message
            .as_ref()
            .map_or(&self.scope.name.place, |message| &message.place)
    }
}

const FOR_ONE: &str = ": then it costs 1 segment";

/// By how much a text is too long for one segment.
fn shorter(count: &Count) -> String {
    let over = count.units.saturating_sub(count.alphabet.alone());
    format!("make it {over} units shorter")
}
