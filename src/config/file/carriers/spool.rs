//! `[carriers.NAME.spool]`

use crate::carrier::spool::Settings;
use crate::config::notes::Notes;
use crate::config::reader::Reader;
use crate::config::secret::Environment;
use crate::config::value::At;

/// As written.
pub(in crate::config) struct Written {
    path: Option<At<std::path::PathBuf>>,
}

impl Written {
    pub(super) fn read(table: &mut Reader<'_>) -> Self {
        Self {
            path: table.required("path", "\"/var/spool/countersign\""),
        }
    }

    pub(super) fn settings(&self, _: &Notes, _: &Environment) -> Option<Settings> {
        Some(Settings {
            path: self.path.as_ref()?.value.clone(),
        })
    }
}
