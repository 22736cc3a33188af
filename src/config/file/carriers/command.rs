//! `[carriers.NAME.command]`

use crate::carrier::command::Settings;
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::notes::Notes;
use crate::config::reader::Reader;
use crate::config::rule::Rule;
use crate::config::secret::Environment;

/// As written.
pub(in crate::config) struct Written {
    place: Place,
    argv: Vec<String>,
}

impl Written {
    pub(super) fn read(table: &mut Reader<'_>) -> Self {
        Self {
            place: table.place().clone(),
            argv: table.one_or_some("argv").values(),
        }
    }

    pub(super) fn settings(&self, notes: &Notes, _: &Environment) -> Option<Settings> {
        if self.argv.is_empty() {
            let problem = Diagnostic::new(
                Rule::BadCarrier,
                "a command without a program",
                &self.place,
                "has no `argv`",
            );
            notes.add(problem.help("add: argv = [\"/usr/local/bin/send-text\"]"));
            return None;
        }
        Some(Settings {
            argv: self.argv.clone(),
        })
    }
}
