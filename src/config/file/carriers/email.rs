//! `[carriers.NAME.email]`

use crate::carrier::email::Settings;
use crate::config::notes::Notes;
use crate::config::reader::Reader;
use crate::config::secret::{self, Environment, Reference};
use crate::config::value::At;

/// As written.
pub(in crate::config) struct Written {
    host: Option<At<String>>,
    username: Option<At<String>>,
    password: Option<At<Reference>>,
    from: Option<At<String>>,
}

impl Written {
    pub(super) fn read(table: &mut Reader<'_>) -> Self {
        Self {
            host: table.required("host", "\"smtp.example.com\""),
            username: table.optional("username"),
            password: table.optional("password"),
            from: table.required("from", "\"codes@example.com\""),
        }
    }

    pub(super) fn settings(&self, notes: &Notes, environment: &Environment) -> Option<Settings> {
        let secret = |reference: &At<Reference>| secret::noted(reference, environment, notes);
        Some(Settings {
            host: self.host.as_ref()?.value.clone(),
            port: 587,
            login: self.username.as_ref().and_then(|name| {
                Some((name.value.clone(), self.password.as_ref().and_then(secret)?))
            }),
            sender: crate::email::Email::parse(&self.from.as_ref()?.value).ok()?,
        })
    }
}
