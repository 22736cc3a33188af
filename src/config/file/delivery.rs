//! `[directory.…]`, `[carriers.…]` and `[delivery]` as written: who is reached, and by whom.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::address::Hook;
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::reader::{List, Reader};
use crate::config::rule::Rule;
use crate::config::secret::Reference;
use crate::config::value::{At, Country};
use crate::name::Name;

/// `[directory.NAME.KIND]`; without a kind if that is wrong or to come.
pub(in crate::config) struct Directory {
    pub(in crate::config) name: At<Name>,
    pub(in crate::config) users: Option<At<PathBuf>>,
}

/// `[carriers.NAME.KIND]`; without a kind if that is wrong or to come.
pub(in crate::config) struct Carrier {
    pub(in crate::config) name: At<Name>,
    pub(in crate::config) timeout: Duration,
    pub(in crate::config) kind: Option<CarrierKind>,
}

/// The kinds of carrier as written.
pub(in crate::config) enum CarrierKind {
    Console {
        place: Place,
    },
    Webhook {
        url: Option<At<Hook>>,
        signing_key: Option<At<Reference>>,
    },
}

/// `[delivery]`
pub(in crate::config) struct Delivery {
    pub(in crate::config) sms: List<Name>,
    pub(in crate::config) voice: List<Name>,
    pub(in crate::config) timeout: Duration,
    pub(in crate::config) countries: Option<Vec<String>>,
    pub(in crate::config) fictional: bool,
}

impl Directory {
    pub(super) fn read(name: At<Name>, mut table: Reader<'_>) -> Self {
        let instead = "write [directory.NAME.file] and a users file";
        let to_come = ["ldap", "sql", "http"]
            .map(|kind| table.not_yet(kind, instead))
            .contains(&true);
        let users = table.table_if_written("file").map(|mut file| {
            file.only(
                "without_phone",
                "deny",
                "leave it out: who has no number cannot go on",
            );
            let path = file.required("path", "\"/etc/countersign/users.toml\"");
            file.finish();
            path
        });
        one_kind(
            &table,
            &name,
            usize::from(table.has("file")) + usize::from(to_come),
            "[directory.NAME.file]",
        );
        table.finish();
        Self {
            name,
            users: users.flatten(),
        }
    }
}

impl Carrier {
    pub(super) fn read(name: At<Name>, mut table: Reader<'_>) -> Self {
        let instead = "write [carriers.NAME.webhook] and let a script of yours call the carrier, or [carriers.NAME.console] for trials";
        let to_come = [
            "bandwidth",
            "twilio",
            "smpp",
            "vonage",
            "plivo",
            "telnyx",
            "sinch",
            "infobip",
            "messagebird",
            "sns",
            "email",
            "spool",
        ]
        .map(|kind| table.not_yet(kind, instead))
        .contains(&true);
        let mut timeout = Duration::ZERO;
        let mut kinds = Vec::new();
        if let Some(mut console) = table.table_if_written("console") {
            timeout = common(&mut console);
            kinds.push(CarrierKind::Console {
                place: console.place().clone(),
            });
            console.finish();
        }
        if let Some(mut webhook) = table.table_if_written("webhook") {
            timeout = common(&mut webhook);
            let url = webhook.required("url", "\"https://sms.example.net/send\"");
            kinds.push(CarrierKind::Webhook {
                url,
                signing_key: webhook.required("signing_key", "\"credential:hook\""),
            });
            webhook.finish();
        }
        let here = ["console", "webhook"]
            .iter()
            .filter(|kind| table.has(kind))
            .count();
        one_kind(
            &table,
            &name,
            here + usize::from(to_come),
            "[carriers.NAME.webhook] or [carriers.NAME.console]",
        );
        table.finish();
        Self {
            name,
            timeout,
            kind: kinds.pop(),
        }
    }
}

/// What every carrier has: how long one send may take, 10 seconds at most (A1).
fn common(table: &mut Reader<'_>) -> Duration {
    table.not_yet("price", "leave it out: there is no budget yet");
    table.duration(
        "timeout",
        Duration::from_secs(1)..=Duration::from_secs(10),
        Duration::from_secs(5),
    )
}

fn one_kind(table: &Reader<'_>, name: &At<Name>, kinds: usize, forms: &str) {
    let title = match kinds {
        0 => format!("`{}` has no kind", name.value),
        1 => return,
        _ => format!("`{}` has more than one kind", name.value),
    };
    let help = format!(
        "the kind is the last name of the table: {}",
        forms.replace("NAME", name.value.as_str())
    );
    table
        .notes()
        .add(Diagnostic::new(Rule::OneKind, title, &name.place, "what is it?").help(help));
}

impl Delivery {
    pub(super) fn read(mut table: Reader<'_>) -> Self {
        table.not_yet(
            "by_country",
            "leave it out: one order holds for all countries",
        );
        table.not_yet("public_url", "leave it out: receipts are not taken yet");
        let countries: List<Country> = table.some("countries");
        let delivery = Self {
            sms: table.list("sms"),
            voice: table.list("voice"),
            // All attempts of one message: the visitor is waiting for the page.
            timeout: table.duration(
                "timeout",
                Duration::from_secs(1)..=Duration::from_secs(30),
                Duration::from_secs(10),
            ),
            countries: countries.written.then(|| {
                countries
                    .values()
                    .into_iter()
                    .map(|country| country.0)
                    .collect()
            }),
            fictional: table.optional("fictional").is_some_and(|is| is.value),
        };
        table.finish();
        delivery
    }
}
