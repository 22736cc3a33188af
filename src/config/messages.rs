//! What the text messages of the scopes cost, and how soon the code is read: each text as each of its sites sends it.
//!
//! Everything that is put into a message but the digits is known from the configuration, so the text that is judged is
//! as long as any that will be sent.

use std::ptr;

use super::SiteSettings;
use super::diagnostic::{Diagnostic, Place};
use super::file::File;
use super::file::site as written;
use super::notes::Notes;
use super::rule::Rule;
use crate::message::language::Tag;
use crate::message::segments::{self, Count};
use crate::message::wording::Wording;
use crate::message::{self, Channel, Foreign, Template, Values};
use crate::scope::Scope;

/// How much of a message a locked phone shows, about: the code is to be in it.
const PREVIEW: usize = 40;

/// Says which messages cost more than one segment, and which have their code late: each text once, for the site where it
/// is worst. Of the house's own texts one speaks for all: the one for everybody if it is to be told, else the worst.
pub(super) fn warn(file: &File, sites: &[SiteSettings], notes: &Notes) {
    let house = Wording::default();
    for scope in &file.scopes {
        let own = |site| Sender::of(scope, site, sites);
        let senders: Vec<Sender<'_>> = file.sites.iter().filter_map(own).collect();
        let texts = senders.iter().map(|sender| texts(sender, &house));
        let mut sent: Vec<Sent<'_>> = senders
            .iter()
            .zip(texts)
            .flat_map(|(sender, texts)| texts.into_iter().map(|text| Sent::of(sender, text)))
            .collect();
        let several = senders.len() > 1;
        while let Some(first) = sent.first() {
            let place = first.text.place;
            let same;
            (same, sent) = sent
                .into_iter()
                .partition(|sent| ptr::eq(sent.text.place, place));
            // Of equals the first, in the order of the file.
            let mut costly: Vec<&Sent<'_>> = same.iter().rev().collect();
            let mut late = costly.clone();
            costly.retain(|sent| sent.count.segments > 1);
            costly.sort_by_key(|sent| (sent.for_all(), sent.count.segments, sent.count.units));
            late.retain(|sent| sent.code_ends > PREVIEW);
            late.sort_by_key(|sent| (sent.for_all(), sent.code_ends));
            if let Some(sent) = costly.last() {
                notes.add(sent.costly(several));
            }
            if let Some(sent) = late.last() {
                notes.add(sent.late(several));
            }
        }
    }
}

/// A site that sends text messages for a scope.
struct Sender<'f> {
    scope: &'f written::Scope,
    site: &'f written::Site,
    meant: &'f Scope,
    settings: &'f SiteSettings,
}

impl<'f> Sender<'f> {
    /// `None` if the site has no such scope, or sends no text messages for it.
    fn of(
        scope: &'f written::Scope,
        site: &'f written::Site,
        sites: &'f [SiteSettings],
    ) -> Option<Self> {
        let settings = sites
            .iter()
            .find(|settings| settings.site.name == site.name.value)?;
        let meant: &Scope = settings.site.scope(scope.name.value.as_str())?;
        let texts = meant.channels.contains(&Channel::Sms);
        texts.then_some(Self {
            scope,
            site,
            meant,
            settings,
        })
    }
}

/// A text that somebody gets.
struct Text<'f> {
    /// Whose language it is in; `None`: everybody's.
    locale: Option<Tag>,
    /// Where it stands; where the house's own is sent, the name of the scope.
    place: &'f Place,
    template: Template,
}

/// The texts that people get from this site, those of most weight first. Some that are written nobody gets: those of a
/// scope whose site has another in the same language.
fn texts<'f>(sender: &Sender<'f>, house: &Wording) -> Vec<Text<'f>> {
    let mut texts: Vec<Text<'f>> = Vec::new();
    let mut add = |locale: Option<&Tag>, place, template: &Template| {
        let chosen = sender.meant.message.choose(locale.map(Tag::as_str));
        let again = texts.iter().any(|text| text.locale.as_ref() == locale);
        if chosen == template && !again {
            texts.push(Text {
                locale: locale.cloned(),
                place,
                template: template.clone(),
            });
        }
    };
    let own = sender.site.messages.iter();
    let own = own.filter(|(name, _)| name.value == sender.scope.name.value);
    let layers = own.map(|(_, own)| own).chain([&sender.scope.messages]);
    for layer in layers {
        for (tag, text) in &layer.by_language {
            add(Some(&tag.value), &text.place, &text.value);
        }
        if let Some(text) = &layer.otherwise {
            add(None, &text.place, &text.value);
        }
    }
    let scope = &sender.scope.name.place;
    add(None, scope, house.choose(None));
    for tag in house.languages() {
        add(Some(tag), scope, house.choose(Some(tag.as_str())));
    }
    texts
}

/// A text as a site sends it.
struct Sent<'f> {
    scope: &'f written::Scope,
    site: &'f written::Site,
    text: Text<'f>,
    rendered: message::Text,
    count: Count,
    foreign: Option<Foreign>,
    code_ends: usize,
}

impl<'f> Sent<'f> {
    fn of(sender: &Sender<'f>, text: Text<'f>) -> Self {
        let Sender {
            scope,
            site,
            meant,
            settings,
        } = *sender;
        let values = Values {
            name: &settings.site.title,
            code: &"0".repeat(meant.digits.into()),
            scope: &meant.title,
            minutes: meant.code_life.as_secs().div_ceil(60),
            host: Some(settings.site.origin.host()),
        };
        let rendered = text.template.render(&values);
        Self {
            scope,
            site,
            count: segments::count(rendered.as_str()),
            rendered,
            foreign: text.template.foreign(&values),
            code_ends: text.template.code_ends(&values),
            text,
        }
    }

    fn for_all(&self) -> bool {
        self.text.locale.is_none()
    }

    /// What it costs and why; `several`: other sites have the scope, too.
    fn costly(&self, several: bool) -> Diagnostic {
        let Count {
            alphabet,
            units,
            segments,
        } = self.count;
        let title = format!(
            "text message costs {segments} segments{}",
            self.where_sent(several)
        );
        let fit = alphabet.alone();
        let Some(foreign) = &self.foreign else {
            let label = format!("{units} units with the line for browsers, {fit} fit");
            let problem = Diagnostic::new(Rule::Costly, title, self.text.place, label)
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
        let home = value.map_or(self.text.place, |value| &value.place);
        let problem = Diagnostic::new(Rule::Costly, title, &home.first(foreign.character), label)
            .help(self.without());
        match value {
            Some(_) => problem.also(self.text.place, "it comes into this message"),
            None => problem,
        }
    }

    /// Which characters of the text take two septets each.
    fn doubled(&self) -> Option<String> {
        let twice = |&character: &char| segments::septets(character) == Some(2);
        let mut doubled: Vec<String> = Vec::new();
        for character in self.rendered.as_str().chars().filter(twice) {
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
        for character in self.rendered.as_str().chars() {
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
            self.where_sent(several)
        );
        let label = format!(
            "it ends at character {}, and locked phones show about {PREVIEW}",
            self.code_ends
        );
        Diagnostic::new(Rule::LateCode, title, self.text.place, label)
            .help("put {CODE} further to the front, or less before it")
    }

    /// Names the language, where the text is not for everybody, and the site if there are several.
    fn where_sent(&self, several: bool) -> String {
        let tag = self.text.locale.as_ref();
        let locale = tag.map(|tag| format!(" in locale `{tag}`"));
        let site = several.then(|| format!(" on site `{}`", self.site.name.value));
        [locale, site].into_iter().flatten().collect()
    }
}

const FOR_ONE: &str = ": then it costs 1 segment";

/// By how much a text is too long for one segment.
fn shorter(count: &Count) -> String {
    let over = count.units.saturating_sub(count.alphabet.alone());
    format!("make it {over} units shorter")
}
