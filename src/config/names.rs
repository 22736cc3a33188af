//! Names that refer to things: those that refer to nothing, and those that stand there twice.

use super::diagnostic::{Diagnostic, Place};
use super::notes::Notes;
use super::reader::{List, nearest};
use super::rule::Rule;
use super::value::At;
use crate::name::Name;

/// Whether `name` is one of `known`; if not, that is noted, with the one that was probably meant.
pub(super) fn refer(
    by: &str,
    what: &str,
    name: &At<Name>,
    known: &[&At<Name>],
    notes: &Notes,
) -> bool {
    if known.iter().any(|other| other.value == name.value) {
        return true;
    }
    if !notes.spoilt(name.value.as_str()) {
        notes.add(no_such(by, what, name.value.as_str(), &name.place, known));
    }
    false
}

/// `by` names `text`, and there is no such thing.
pub(super) fn no_such(
    by: &str,
    what: &str,
    text: &str,
    place: &Place,
    known: &[&At<Name>],
) -> Diagnostic {
    let problem = Diagnostic::new(
        Rule::NoSuchThing,
        format!("{by} refers to a {what} that does not exist"),
        place,
        format!("no {what} is named `{text}`"),
    );
    let near = nearest(text, known.iter().map(|other| other.value.as_str()));
    if let Some(near) = known
        .iter()
        .find(|other| Some(other.value.as_str()) == near)
    {
        return problem
            .also(&near.place, format!("a {what} with a similar name"))
            .help(format!("did you mean `{}`?", near.value));
    }
    match known {
        [] => problem.help(format!("there is no {what} at all yet")),
        _ => problem.help(format!(
            "those that exist: {}",
            known
                .iter()
                .map(|other| format!("`{}`", other.value))
                .collect::<Vec<_>>()
                .join(", ")
        )),
    }
}

/// Notes what stands in `list` for the second time.
pub(super) fn repeated<T, K: PartialEq>(
    list: &List<T>,
    what: &str,
    notes: &Notes,
    key: impl Fn(&T) -> K,
) {
    for (index, item) in list.items.iter().enumerate() {
        if let Some(first) = list.items[..index]
            .iter()
            .find(|earlier| key(&earlier.value) == key(&item.value))
        {
            notes.add(twice(what, &item.place, &first.place));
        }
    }
}

/// The same thing at two places.
pub(super) fn twice(what: &str, place: &Place, first: &Place) -> Diagnostic {
    Diagnostic::new(
        Rule::Repeated,
        format!("the same {what} twice"),
        place,
        "here again",
    )
    .also(first, "here first")
    .help("leave one of them out")
}
