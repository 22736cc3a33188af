//! `[carriers.NAME.bandwidth]`

use crate::carrier::bandwidth::Settings;
use crate::config::notes::Notes;
use crate::config::reader::Reader;
use crate::config::secret::{self, Environment, Reference};
use crate::config::value::At;

/// As written.
pub(in crate::config) struct Written {
    account: Option<At<String>>,
    username: Option<At<String>>,
    password: Option<At<Reference>>,
    base_url: Option<At<String>>,
}

impl Written {
    pub(super) fn read(table: &mut Reader<'_>) -> Self {
        Self {
            account: table.required("account", "\"5500001\""),
            username: table.required("username", "\"api-user\""),
            password: table.required("password", "\"credential:bandwidth\""),
            base_url: table.optional("base_url"),
        }
    }

    pub(super) fn settings(&self, notes: &Notes, environment: &Environment) -> Option<Settings> {
        let secret = |reference: &At<Reference>| secret::noted(reference, environment, notes);
        Some(Settings {
            account: self.account.as_ref()?.value.clone(),
            username: self.username.as_ref()?.value.clone(),
            password: self.password.as_ref().and_then(secret)?,
            base_url: self.base_url.as_ref().map_or_else(
                || "https://messaging.bandwidth.com/api/v2".to_owned(),
                |url| url.value.clone(),
            ),
        })
    }
}
