//! `[carriers.NAME.console]`

use crate::carrier::Kind;
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::notes::Notes;
use crate::config::reader::Reader;
use crate::config::rule::Rule;
use crate::name::Name;

/// As written.
pub(in crate::config) struct Written {
    place: Place,
}

impl Written {
    pub(super) fn read(table: &mut Reader<'_>) -> Self {
        Self {
            place: table.place().clone(),
        }
    }

    pub(super) fn kind(&self, name: &Name, notes: &Notes) -> Kind {
        let problem = Diagnostic::new(
            Rule::ForTrials,
            format!("carrier `{name}` is for trials"),
            &self.place,
            "codes are printed, not sent",
        );
        notes.add(problem.help(
            "people get their codes by [carriers.NAME.bandwidth], twilio, webhook and others",
        ));
        Kind::Console
    }
}
