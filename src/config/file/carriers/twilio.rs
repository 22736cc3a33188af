//! `[carriers.NAME.twilio]`

use crate::carrier::twilio::Settings;
use crate::config::notes::Notes;
use crate::config::reader::Reader;
use crate::config::secret::{self, Environment, Reference};
use crate::config::value::At;

/// As written.
pub(in crate::config) struct Written {
    account: Option<At<String>>,
    token: Option<At<Reference>>,
    base_url: Option<At<String>>,
}

impl Written {
    pub(super) fn read(table: &mut Reader<'_>) -> Self {
        Self {
            account: table.required("account", "\"AC00000000000000000000000000000000\""),
            token: table.required("token", "\"credential:twilio\""),
            base_url: table.optional("base_url"),
        }
    }

    pub(super) fn settings(&self, notes: &Notes, environment: &Environment) -> Option<Settings> {
        let secret = |reference: &At<Reference>| secret::noted(reference, environment, notes);
        Some(Settings {
            account: self.account.as_ref()?.value.clone(),
            token: self.token.as_ref().and_then(secret)?,
            base_url: self.base_url.as_ref().map_or_else(
                || "https://api.twilio.com/2010-04-01".to_owned(),
                |url| url.value.clone(),
            ),
        })
    }
}
