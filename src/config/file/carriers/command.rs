//! `[carriers.NAME.command]`

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::carrier::command::Settings;
use crate::carrier::command::argument::{Argument, BadArgument};
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::notes::Notes;
use crate::config::reader::{List, Reader};
use crate::config::rule::Rule;
use crate::config::secret::Environment;
use crate::config::value::At;

/// As written.
pub(in crate::config) struct Written {
    place: Place,
    argv: List<String>,
    /// Whether it is written, rightly or not.
    has_argv: bool,
    /// Whether the carrier has senders.
    from: bool,
}

impl Written {
    pub(super) fn read(table: &mut Reader<'_>) -> Self {
        Self {
            place: table.place().clone(),
            has_argv: table.has("argv"),
            argv: table.one_or_some("argv"),
            from: table.has("from"),
        }
    }

    pub(super) fn settings(&self, notes: &Notes, _: &Environment) -> Option<Settings> {
        let Some((program, arguments)) = self.argv.items.split_first() else {
            if !self.has_argv {
                let problem = wrong("a command without a program", &self.place, "has no `argv`");
                notes.add(problem.help("add: argv = [\"/usr/local/bin/send-text\"]"));
            }
            return None;
        };
        let runs = runs(program, notes);
        let parsed: Vec<Argument> = arguments
            .iter()
            .filter_map(|argument| self.argument(argument, notes))
            .collect();
        (runs && self.argv.whole && parsed.len() == arguments.len()).then(|| Settings {
            program: program.value.clone(),
            arguments: parsed,
        })
    }

    fn argument(&self, written: &At<String>, notes: &Notes) -> Option<Argument> {
        let place = &written.place;
        let bad = match Argument::parse(&written.value) {
            Ok(argument) if argument.has_sender() && !self.from => {
                let problem = wrong("a sender that is not there", place, "says {FROM}");
                notes.add(problem.help("add: from = [\"+12025550101\"]"));
                return None;
            }
            Ok(argument) => return Some(argument),
            Err(bad) => bad,
        };
        let problem = wrong("an argument that cannot be one", place, &bad.to_string());
        notes.add(match bad {
            BadArgument::Visible => {
                problem.help("leave it out: the text is on the program's standard input")
            }
            BadArgument::Option => problem.help("write it behind something: \"--id={ID}\""),
            BadArgument::Unknown(_) | BadArgument::Nul => problem,
        });
        None
    }
}

/// Whether there is such a program, as far as can be told: a plain name is looked for when it is run.
fn runs(program: &At<String>, notes: &Notes) -> bool {
    let (text, place) = (&program.value, &program.place);
    if !text.contains('/') && !text.is_empty() && !text.contains(['\0', '{', ' ']) {
        return true;
    }
    if !text.starts_with('/') || text.contains(['\0', '{']) {
        let problem = wrong(
            format!("`{text}` is no program"),
            place,
            "an absolute path is wanted",
        );
        notes.add(problem.help("the program and each argument is a text of its own: argv = [\"/usr/bin/gammu-smsd-inject\", \"TEXT\", \"{TO}\"]"));
        return false;
    }
    let label = match fs::metadata(Path::new(text)) {
        Ok(found) if !found.is_file() => "no file".to_owned(),
        Ok(found) if found.permissions().mode() & 0o111 == 0 => "nobody may run it".to_owned(),
        Ok(_) => return true,
        Err(error) => error.to_string(),
    };
    notes.add(wrong(format!("`{text}` cannot be run"), place, &label));
    false
}

fn wrong(title: impl Into<String>, place: &Place, label: &str) -> Diagnostic {
    Diagnostic::new(Rule::BadCarrier, title, place, label)
}
