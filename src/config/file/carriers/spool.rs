//! `[carriers.NAME.spool]`

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::carrier::spool::{Format, MODE, Settings};
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::notes::Notes;
use crate::config::reader::Reader;
use crate::config::rule::Rule;
use crate::config::secret::Environment;
use crate::config::tree::Value;
use crate::config::value::{At, Leaf, Wrong, choose};

/// As written.
pub(in crate::config) struct Written {
    path: Option<At<PathBuf>>,
    format: Option<At<Format>>,
    mode: Option<At<Mode>>,
}

impl Written {
    pub(super) fn read(table: &mut Reader<'_>) -> Self {
        Self {
            path: table.required("path", "\"/var/spool/countersign\""),
            format: table.optional("format"),
            mode: table.optional("mode"),
        }
    }

    pub(super) fn settings(&self, notes: &Notes, _: &Environment) -> Option<Settings> {
        let path = self.path.as_ref()?;
        if let Err((label, help)) = fit(&path.value) {
            notes.add(
                wrong(
                    "a folder that no message can be put into",
                    &path.place,
                    &label,
                )
                .help(help),
            );
            return None;
        }
        Some(Settings {
            path: path.value.clone(),
            format: self
                .format
                .as_ref()
                .map_or_else(Format::default, |format| format.value),
            mode: self.mode.as_ref().map_or(MODE, |mode| mode.value.0),
        })
    }
}

/// Whether the folder is there and closed to others: codes lie in it, and names of files tell numbers (C8).
fn fit(path: &std::path::Path) -> Result<(), (String, String)> {
    let shown = path.display();
    let make = format!("install -d -m 0750 -o countersign {shown}");
    let found = fs::metadata(path).map_err(|error| (error.to_string(), make.clone()))?;
    if !found.is_dir() {
        return Err((
            "no folder".to_owned(),
            "name a folder of its own".to_owned(),
        ));
    }
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o007 != 0 {
        let label = format!("everybody on this machine can get at it: its mode is {mode:04o}");
        return Err((label, format!("chmod o= {shown}")));
    }
    Ok(())
}

impl Leaf for Format {
    fn read(value: &Value) -> Result<Self, Wrong> {
        choose(value, "a format such as \"json\"", &Self::NAMES, &[])
    }
}

/// Permission bits of a file, in octal as `chmod` takes them.
struct Mode(u32);

impl Leaf for Mode {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("the mode of files in quotes, such as \"0640\"")?;
        let wrong = |label: &str| {
            Wrong::new(
                Rule::BadCarrier,
                format!("`{text}` is no mode for messages"),
                label,
            )
            .help("write \"0600\", or \"0640\" for a group that reads them")
        };
        let octal =
            (3..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
        let mode = u32::from_str_radix(text, 8).ok().filter(|_| octal);
        let mode = mode.ok_or_else(|| wrong("three octal digits are wanted"))?;
        if mode & 0o007 != 0 {
            return Err(wrong("everybody on this machine could read the codes"));
        }
        // Whoever writes them reads them, and nobody runs them.
        if mode & !0o660 != 0 || mode & 0o600 != 0o600 {
            return Err(wrong("from 0600 to 0660"));
        }
        Ok(Self(mode))
    }
}

fn wrong(title: &str, place: &Place, label: &str) -> Diagnostic {
    Diagnostic::new(Rule::BadCarrier, title, place, label)
}
