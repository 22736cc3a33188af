//! `[carriers.NAME.webhook]`

use crate::carrier::webhook::Settings;
use crate::config::address::Hook;
use crate::config::diagnostic::Diagnostic;
use crate::config::notes::Notes;
use crate::config::reader::Reader;
use crate::config::rule::Rule;
use crate::config::secret::{self, Environment, Reference};
use crate::config::value::At;

/// As written.
pub(in crate::config) struct Written {
    url: Option<At<Hook>>,
    signing_key: Option<At<Reference>>,
}

impl Written {
    pub(super) fn read(table: &mut Reader<'_>) -> Self {
        Self {
            url: table.required("url", "\"https://sms.example.net/send\""),
            signing_key: table.required("signing_key", "\"credential:hook\""),
        }
    }

    pub(super) fn settings(&self, notes: &Notes, environment: &Environment) -> Option<Settings> {
        if let Some(url) = self
            .url
            .as_ref()
            .filter(|url| !url.value.origin.https() && !url.value.origin.loopback())
        {
            let problem = Diagnostic::new(
                Rule::CleartextHook,
                "codes and numbers go over the network in clear text",
                &url.place,
                "not encrypted",
            );
            notes.add(problem.help("write https://"));
        }
        let key = self
            .signing_key
            .as_ref()
            .and_then(|reference| secret::noted(reference, environment, notes));
        Some(Settings {
            url: self.url.as_ref()?.value.url.clone(),
            signing_key: key?,
        })
    }
}
