//! `receipt` of `[carriers.NAME.webhook]`

use super::answer::pointer;
use super::wrong;
use crate::carrier::webhook::receipt::{Field, Form};
use crate::config::reader::Reader;
use crate::config::value::At;

/// As written; without a form if something is wrong with it.
pub(super) struct Written(Option<Form>);

impl Written {
    pub(super) fn read(mut table: Reader<'_>) -> Self {
        let notes = table.notes();
        let place = table.place().clone();
        let id: Option<At<String>> = table.required("id", "\"/id\"");
        let state: Option<At<String>> = table.required("state", "\"/status\"");
        let code: Option<At<String>> = table.optional("code");
        let each = table.optional("each").map(|each| pointer(&each, notes));
        let sent = table.one_or_some::<String>("sent");
        let delivered = table.one_or_some::<String>("delivered");
        let failed = table.one_or_some::<String>("failed");
        if !sent.written && !delivered.written && !failed.written {
            let problem = wrong("a receipt that means nothing", &place, "no state is named");
            notes.add(problem.help("add: delivered = [\"delivered\"], failed = [\"failed\"]"));
        }
        let form =
            |id: At<String>, state: At<String>| {
                let fields = [Some(&id), Some(&state), code.as_ref()]
                    .into_iter()
                    .flatten();
                let pointers = fields
                    .clone()
                    .filter(|field| field.value.starts_with('/'))
                    .count();
                if pointers != 0 && pointers != fields.clone().count() {
                    let odd = fields
                        .clone()
                        .find(|field| !field.value.starts_with('/'))
                        .unwrap_or(&id);
                    let problem = wrong(
                        "a receipt that is JSON and a form at once",
                        &odd.place,
                        "no pointer",
                    );
                    notes.add(problem.help(
                        "write pointers (\"/id\") for JSON, names (\"id\") for a query or form",
                    ));
                    return None;
                }
                if each.is_some() && pointers == 0 {
                    let problem = wrong(
                        "`each` of something that is no JSON",
                        &id.place,
                        "no pointer",
                    );
                    notes.add(problem.help("write id = \"/id\", a pointer into each of them"));
                    return None;
                }
                Some(Form {
                    each: match &each {
                        // Noted already.
                        Some(None) => return None,
                        Some(Some(each)) => Some(each.clone()),
                        None => None,
                    },
                    id: Field::parse(&id.value),
                    state: Field::parse(&state.value),
                    code: code.as_ref().map(|code| Field::parse(&code.value)),
                    sent: sent.values(),
                    delivered: delivered.values(),
                    failed: failed.values(),
                })
            };
        let form = id.zip(state).and_then(|(id, state)| form(id, state));
        table.finish();
        Self(form)
    }

    pub(super) fn form(&self) -> Option<Form> {
        self.0.clone()
    }
}
