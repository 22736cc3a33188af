//! Reads a table key by key, notes everything that is wrong with it, and knows at the end what nobody asked for.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::diagnostic::{Diagnostic, Place};
use super::notes::Notes;
use super::rule::Rule;
use super::tree::{Entry, Kind, Table, Value};
use super::value::{At, Leaf, Wrong, name};
use crate::name::Name;

/// A list as written. `written` is true if it was there and not empty, even if none of its items could be read: then
/// nothing may be said about its being empty. `whole` is false if an item could not be read.
pub(super) struct List<T> {
    pub(super) items: Vec<At<T>>,
    pub(super) written: bool,
    pub(super) whole: bool,
    pub(super) place: Place,
}

impl<T> List<T> {
    pub(super) fn values(self) -> Vec<T> {
        self.items.into_iter().map(|item| item.value).collect()
    }
}

/// One table being read.
pub(super) struct Reader<'a> {
    notes: &'a Notes,
    table: &'a Table,
    /// How the table is shown: its name.
    place: Place,
    /// As in `Notes::asked`.
    path: String,
    known: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    pub(super) fn root(table: &'a Table, notes: &'a Notes) -> Self {
        Self {
            notes,
            table,
            place: table.place.clone(),
            path: String::new(),
            known: Vec::new(),
        }
    }

    /// Where the table's name stands.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn notes(&self) -> &'a Notes {
        self.notes
    }

    /// Whether the key is written, rightly or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// A key that can be left out. `None`, too, if its value is wrong, which is noted.
    pub(super) fn optional<T: Leaf>(&mut self, key: &'static str) -> Option<At<T>> {
        let entry = self.take(key)?;
        self.leaf(key, &entry.value)
    }

    /// A key that must be there. `None` if it is not, or if its value is wrong: either is noted.
    pub(super) fn required<T: Leaf>(&mut self, key: &'static str, example: &str) -> Option<At<T>> {
        if !self.has(key) {
            let problem = Diagnostic::new(
                Rule::Missing,
                format!("`{key}` is missing"),
                &self.place,
                format!("has no `{key}`"),
            );
            self.notes
                .add(problem.help(format!("add: {key} = {example}")));
        }
        self.optional(key)
    }

    /// A list that can be left out. Items that are wrong are noted and left out.
    pub(super) fn list<T: Leaf>(&mut self, key: &'static str) -> List<T> {
        let entry = self.take(key);
        self.list_of(key, entry)
    }

    fn list_of<T: Leaf>(&self, key: &str, entry: Option<&Entry>) -> List<T> {
        let mut list = List {
            items: Vec::new(),
            written: false,
            whole: true,
            place: self.place.clone(),
        };
        let Some(entry) = entry else {
            return list;
        };
        list.place = entry.place.clone();
        if let Kind::List(items) = &entry.value.kind {
            list.written = !items.is_empty();
            list.items = items
                .iter()
                .filter_map(|item| self.leaf(key, item))
                .collect();
            list.whole = list.items.len() == items.len();
        } else {
            (list.written, list.whole) = (true, false);
            self.wrong(key, &entry.value, Wrong::Type("a list"));
        }
        list
    }

    /// Lists under keys of the operator's making, in a table: `by_country = { CA = ["spare"] }`. A key that is wrong is
    /// noted and left out; a list says something.
    pub(super) fn lists<K: Leaf, T: Leaf>(
        &mut self,
        key: &'static str,
        example: &'static str,
    ) -> Vec<(At<K>, List<T>)> {
        let Some(entry) = self.take(key) else {
            return Vec::new();
        };
        let Kind::Table(table) = &entry.value.kind else {
            self.wrong(key, &entry.value, Wrong::Type(example));
            return Vec::new();
        };
        let read = table.entries.iter().filter_map(|entry| {
            let own = Value {
                place: entry.place.clone(),
                kind: Kind::Text(entry.key.clone()),
            };
            let list = self.list_of(&entry.key, Some(entry));
            if !list.written {
                self.is_empty(&entry.key, &list.place);
            }
            Some((self.leaf(key, &own)?, list))
        });
        read.collect()
    }

    /// A list that can be left out but, where it is written, says something.
    pub(super) fn some<T: Leaf>(&mut self, key: &'static str) -> List<T> {
        let list = self.list(key);
        self.says_something(key, &list);
        list
    }

    /// One value or a list of them, which can be left out but, where it is written, says something.
    pub(super) fn one_or_some<T: Leaf>(&mut self, key: &'static str) -> List<T> {
        let list = self.one_or_more(key);
        self.says_something(key, &list);
        list
    }

    fn says_something<T>(&self, key: &str, list: &List<T>) {
        if self.has(key) && !list.written {
            self.is_empty(key, &list.place);
        }
    }

    fn is_empty(&self, key: &str, place: &Place) {
        let problem = Diagnostic::new(
            Rule::Missing,
            format!("`{key}` is empty"),
            place,
            "nothing is in it",
        );
        self.notes
            .add(problem.help("write at least one, or leave the key out"));
    }

    /// One value or a list of them.
    pub(super) fn one_or_more<T: Leaf>(&mut self, key: &'static str) -> List<T> {
        match self.table.get(key) {
            Some(Entry { place, value, .. }) if !matches!(value.kind, Kind::List(_)) => {
                self.take(key);
                let items: Vec<At<T>> = self.leaf(key, value).into_iter().collect();
                List {
                    written: true,
                    whole: !items.is_empty(),
                    items,
                    place: place.clone(),
                }
            }
            _ => self.list(key),
        }
    }

    /// A whole number within `range`.
    pub(super) fn number<T>(&mut self, key: &'static str, range: RangeInclusive<T>, default: T) -> T
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        let Some(At { value, place }) = self.optional::<i64>(key) else {
            return default;
        };
        match T::try_from(value) {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.out_of_range(
                    key,
                    &place,
                    &range.start().to_string(),
                    &range.end().to_string(),
                );
                default
            }
        }
    }

    /// A duration within `range`.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
        default: Duration,
    ) -> Duration {
        let Some(At { value, place }) = self.optional::<Duration>(key) else {
            return default;
        };
        if range.contains(&value) {
            return value;
        }
        let shown = |bound: &Duration| {
            format!("\"{}\"", humantime::format_duration(*bound)).replace("days", "d")
        };
        self.out_of_range(key, &place, &shown(range.start()), &shown(range.end()));
        default
    }

    /// Pairs of the operator's making, in a table: `query = { do = "admin" }`.
    pub(super) fn pairs(&mut self, key: &'static str) -> Vec<(String, String)> {
        self.placed_pairs(key, "a table such as { do = \"admin\" }")
            .into_iter()
            .map(|(own, value)| (own.value, value.value))
            .collect()
    }

    /// The same, each with where it stands; `wanted` is said where there is something else.
    pub(super) fn placed_pairs(
        &mut self,
        key: &'static str,
        wanted: &'static str,
    ) -> Vec<(At<String>, At<String>)> {
        let Some(entry) = self.take(key) else {
            return Vec::new();
        };
        let Kind::Table(table) = &entry.value.kind else {
            self.wrong(key, &entry.value, Wrong::Type(wanted));
            return Vec::new();
        };
        let pair = |pair: &Entry| {
            let name = At {
                value: pair.key.clone(),
                place: pair.place.clone(),
            };
            Some((name, self.leaf(&pair.key, &pair.value)?))
        };
        table.entries.iter().filter_map(pair).collect()
    }

    /// Values under keys that are values, too, in a table that says something: `messages = { fr = "…" }`. What is wrong
    /// is noted and left out.
    pub(super) fn keyed<K: Leaf, T: Leaf>(
        &mut self,
        key: &'static str,
        wanted: &'static str,
    ) -> Vec<(At<K>, At<T>)> {
        let Some(entry) = self.take(key) else {
            return Vec::new();
        };
        let Kind::Table(table) = &entry.value.kind else {
            self.wrong(key, &entry.value, Wrong::Type(wanted));
            return Vec::new();
        };
        if table.entries.is_empty() {
            self.is_empty(key, &entry.place);
        }
        let pair = |entry| self.pair(key, entry);
        table.entries.iter().filter_map(pair).collect()
    }

    /// The same with what is left of this table, in place of [`Self::finish`]. The operator named the table `own`; the
    /// reference calls the keys `placeholder`.
    pub(super) fn others<K: Leaf, T: Leaf>(
        self,
        own: &str,
        placeholder: &str,
    ) -> Vec<(At<K>, At<T>)> {
        self.notes.ask(self.path_of(placeholder));
        if self.table.entries.is_empty() {
            self.is_empty(own, &self.place);
        }
        let (meant, others): (Vec<_>, Vec<_>) = self
            .table
            .entries
            .iter()
            .filter(|entry| !self.known.contains(&entry.key.as_str()))
            .partition(|entry| nearest(&entry.key, self.known.iter().copied()).is_some());
        for entry in meant {
            self.unknown(entry);
        }
        let pair = |entry| self.pair(placeholder, entry);
        others.into_iter().filter_map(pair).collect()
    }

    fn pair<K: Leaf, T: Leaf>(&self, key: &str, entry: &Entry) -> Option<(At<K>, At<T>)> {
        let own = Value {
            place: entry.place.clone(),
            kind: Kind::Text(entry.key.clone()),
        };
        let value = self.leaf(&entry.key, &entry.value);
        Some((self.leaf(key, &own)?, value?))
    }

    /// A table below this one; an empty one if it is not written.
    pub(super) fn table(&mut self, key: &'static str) -> Reader<'a> {
        self.table_if_written(key)
            .unwrap_or_else(|| self.below(key, self.notes.empty(), self.place.clone()))
    }

    /// A table below this one.
    pub(super) fn table_if_written(&mut self, key: &'static str) -> Option<Reader<'a>> {
        let entry = self.take(key)?;
        if let Kind::Table(table) = &entry.value.kind {
            return Some(self.below(key, table, entry.place.clone()));
        }
        self.wrong(key, &entry.value, Wrong::Type("a table"));
        None
    }

    /// The tables below `key`, each with a name of the operator's making: `[sites.portal]`.
    pub(super) fn named(&mut self, key: &'static str) -> Vec<(At<Name>, Reader<'a>)> {
        let mut named = Vec::new();
        for (text, table) in self.tables(key, "NAME") {
            match name(&text.value) {
                Ok(value) => {
                    let place = text.place;
                    named.push((At { value, place }, table));
                }
                Err(wrong) => {
                    self.note(key, &text.place, wrong);
                    self.notes.spoil(&text.value);
                }
            }
        }
        named
    }

    /// The tables below `key`, each with a text of the operator's for its name, which the reference calls `placeholder`.
    pub(super) fn tables(
        &mut self,
        key: &'static str,
        placeholder: &str,
    ) -> Vec<(At<String>, Reader<'a>)> {
        let Some(entry) = self.take(key) else {
            return Vec::new();
        };
        let Kind::Table(tables) = &entry.value.kind else {
            self.wrong(key, &entry.value, Wrong::Type("a table"));
            return Vec::new();
        };
        let mut named = Vec::new();
        for entry in &tables.entries {
            let Kind::Table(table) = &entry.value.kind else {
                let problem = Diagnostic::new(
                    Rule::WrongType,
                    format!("`{}` should be a table", entry.key),
                    &entry.place,
                    "not a table",
                );
                self.notes.add(problem.help(format!(
                    "each of them has a name: [{}.{placeholder}]",
                    self.path_of(key)
                )));
                self.notes.spoil(&entry.key);
                continue;
            };
            let (value, place) = (entry.key.clone(), entry.place.clone());
            let below = format!("{key}.{placeholder}");
            let reader = self.below(&below, table, place.clone());
            named.push((At { value, place }, reader));
        }
        named
    }

    /// The tables of `[[…]]`, in order.
    pub(super) fn each(&mut self, key: &'static str) -> Vec<Reader<'a>> {
        let Some(entry) = self.take(key) else {
            return Vec::new();
        };
        let Kind::List(items) = &entry.value.kind else {
            self.wrong(key, &entry.value, Wrong::Type("a list of tables"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            match &item.kind {
                Kind::Table(table) => tables.push(self.below(key, table, item.place.clone())),
                _ => self.wrong(key, item, Wrong::Type("a table")),
            }
        }
        tables
    }

    /// A key of which this version knows only that it is to come; true if it is written.
    pub(super) fn not_yet(&mut self, key: &'static str, instead: &str) -> bool {
        // Known, so that it is not also an unknown key; but not asked for: the reference does not list it.
        self.known.push(key);
        let Some(entry) = self.table.get(key) else {
            return false;
        };
        self.not_yet_at(key, &entry.place, instead);
        true
    }

    /// A key that takes, in this version, one value alone.
    pub(super) fn only(&mut self, key: &'static str, only: &str, instead: &str) {
        let Some(entry) = self.take(key) else { return };
        let same = |value: &Value| matches!(&value.kind, Kind::Text(text) if text == only);
        let accepted = match &entry.value.kind {
            Kind::List(items) => matches!(&items[..], [one] if same(one)),
            _ => same(&entry.value),
        };
        if !accepted {
            self.not_yet_at(
                &format!("another `{key}` than \"{only}\""),
                &entry.value.place,
                instead,
            );
        }
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self) {
        for entry in self
            .table
            .entries
            .iter()
            .filter(|entry| !self.known.contains(&entry.key.as_str()))
        {
            self.unknown(entry);
        }
    }

    /// Reports a key that nobody asked for.
    fn unknown(&self, entry: &Entry) {
        let problem = Diagnostic::new(
            Rule::UnknownKey,
            format!("there is no key `{}` here", entry.key),
            &entry.place,
            "not known",
        );
        match nearest(&entry.key, self.known.iter().copied()) {
            Some(near) => self
                .notes
                .add(problem.help(format!("did you mean `{near}`?"))),
            None => self.notes.add_stray(problem, &entry.key),
        }
    }

    /// Notes what is wrong with the value of `key`.
    pub(super) fn wrong(&self, key: &str, value: &Value, wrong: Wrong) {
        let Wrong::Type(wanted) = wrong else {
            return self.note(key, &value.place, wrong);
        };
        let problem = Diagnostic::new(
            Rule::WrongType,
            format!("`{key}` wants {wanted}"),
            &value.place,
            format!("this is {}", value.is_a()),
        );
        let help = match (&value.kind, wanted) {
            (Kind::Text(text), "a list") => Some(format!("write {key} = [\"{text}\"]")),
            (Kind::Text(text), "a whole number") if text.parse::<i64>().is_ok() => {
                Some(format!("write it without the quotes: {text}"))
            }
            (Kind::Text(text), "true or false") if ["true", "false"].contains(&text.as_str()) => {
                Some(format!("write it without the quotes: {text}"))
            }
            _ => None,
        };
        self.notes
            .add(help.into_iter().fold(problem, Diagnostic::help));
    }

    fn note(&self, key: &str, place: &Place, wrong: Wrong) {
        self.notes.add(match wrong {
            Wrong::Type(wanted) => Diagnostic::new(
                Rule::WrongType,
                format!("`{key}` wants {wanted}"),
                place,
                "",
            ),
            Wrong::Refused {
                rule,
                title,
                label,
                help,
            } => help
                .into_iter()
                .fold(Diagnostic::new(rule, title, place, label), Diagnostic::help),
        });
    }

    fn not_yet_at(&self, what: &str, place: &Place, instead: &str) {
        let what = if what.contains('`') {
            what.to_owned()
        } else {
            format!("`{what}`")
        };
        self.notes.add(
            Diagnostic::new(
                Rule::NotYet,
                format!("{what} is not in this version yet"),
                place,
                "not known here",
            )
            .help(instead),
        );
    }

    fn out_of_range(&self, key: &str, place: &Place, least: &str, most: &str) {
        self.notes.add(Diagnostic::new(
            Rule::OutOfRange,
            format!("`{key}` is out of range"),
            place,
            format!("from {least} to {most}"),
        ));
    }

    fn leaf<T: Leaf>(&self, key: &str, value: &Value) -> Option<At<T>> {
        match T::read(value) {
            Ok(read) => Some(At {
                value: read,
                place: value.place.clone(),
            }),
            Err(wrong) => {
                self.wrong(key, value, wrong);
                None
            }
        }
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.known.push(key);
        self.notes.ask(self.path_of(key));
        self.table.get(key)
    }

    fn below(&self, key: &str, table: &'a Table, place: Place) -> Reader<'a> {
        Reader {
            notes: self.notes,
            table,
            place,
            path: self.path_of(key),
            known: Vec::new(),
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

/// The candidate that `text` was probably meant to be: a letter or two away, or the start of it.
pub(crate) fn nearest<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let folded = text.to_lowercase().replace('-', "_");
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&folded, &candidate.to_lowercase().replace('-', "_")),
                candidate,
            )
        })
        .filter(|(distance, candidate)| {
            *distance <= candidate.len().max(text.len()).div_ceil(4)
                || (text.len() > 2 && candidate.starts_with(&folded))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_one_that_could_have_been_meant() {
        for (text, nearest_is) in [
            ("admn", Some("admin")),
            ("Admin", Some("admin")),
            ("public_full", Some("public-full")),
            ("upstreem", Some("upstream")),
            ("up", None),
            ("chanels", Some("channels")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(
                nearest(
                    text,
                    ["admin", "login", "public-full", "upstream", "channels"]
                ),
                nearest_is,
                "{text}"
            );
        }
    }
}
