//! `success`, `errors` and `id` of `[carriers.NAME.webhook]`

use http::StatusCode;

use super::wrong;
use crate::carrier::webhook::answer::{Class, Condition, Rules};
use crate::config::notes::Notes;
use crate::config::reader::Reader;
use crate::config::tree::{Kind, Value};
use crate::config::value::{At, Leaf, Wrong, choose};

pub(super) fn read(table: &mut Reader<'_>) -> Rules {
    let success = table.table_if_written("success").map(|mut own| {
        let place = own.place().clone();
        let success = condition(&mut own, 200..=299);
        if !own.has("status")
            && !own.has("pointer")
            && !own.has("equals")
            && !own.has("starts_with")
        {
            let problem = wrong(
                "`success` says nothing",
                &place,
                "every answer would be one",
            );
            own.notes()
                .add(problem.help("write success = { status = [200] }, or leave it out: any 2xx"));
        }
        own.finish();
        success
    });
    let mut errors = Vec::new();
    for mut own in table.each("errors") {
        let condition = condition(&mut own, 200..=599);
        let class: Option<At<Class>> = own.required("class", "\"bad_number\"");
        errors.extend(class.map(|class| (condition, class.value)));
        own.finish();
    }
    let notes = table.notes();
    Rules {
        success,
        errors,
        id: table.optional("id").and_then(|id| pointer(&id, notes)),
    }
}

fn condition(table: &mut Reader<'_>, statuses: std::ops::RangeInclusive<u16>) -> Condition {
    let mut status = Vec::new();
    for At { value, place } in table.one_or_some::<i64>("status").items {
        let known = u16::try_from(value)
            .ok()
            .filter(|value| statuses.contains(value));
        match known.and_then(|value| StatusCode::from_u16(value).ok()) {
            Some(known) => status.push(known),
            None => table.notes().add(wrong(
                format!("no answer here has the status {value}"),
                &place,
                &format!("from {} to {}", statuses.start(), statuses.end()),
            )),
        }
    }
    let notes = table.notes();
    let at = table.optional("pointer").and_then(|at| pointer(&at, notes));
    let literal = |literals: Vec<Literal>| literals.into_iter().map(|literal| literal.0).collect();
    Condition {
        status,
        pointer: at,
        equals: literal(table.one_or_some("equals").values()),
        starts_with: literal(table.one_or_some("starts_with").values()),
    }
}

/// A JSON pointer (RFC 6901): the slash at its start is what people forget.
pub(super) fn pointer(written: &At<String>, notes: &Notes) -> Option<String> {
    let text = &written.value;
    if text.starts_with('/') {
        return Some(text.clone());
    }
    let problem = wrong(
        format!("`{text}` is no pointer"),
        &written.place,
        "a pointer starts with `/`",
    );
    let meant = text.replace(['.', '['], "/").replace(']', "");
    notes.add(problem.help(format!(
        "write \"/{}\"",
        meant.trim_start_matches('$').trim_matches('/')
    )));
    None
}

/// What a value of an answer is compared with: numbers and words of JSON as they are written.
struct Literal(String);

impl Leaf for Literal {
    fn read(value: &Value) -> Result<Self, Wrong> {
        match &value.kind {
            Kind::Text(text) => Ok(Self(text.clone())),
            Kind::Number(Some(number)) => Ok(Self(number.to_string())),
            Kind::Boolean(is) => Ok(Self(is.to_string())),
            _ => Err(Wrong::Type("a text or a number")),
        }
    }
}

impl Leaf for Class {
    fn read(value: &Value) -> Result<Self, Wrong> {
        choose(value, "a class such as \"bad_number\"", &Self::NAMES, &[])
    }
}
