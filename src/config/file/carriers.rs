//! `[carriers.…]` as written and as meant: what all kinds have; a file for each kind.

use std::time::Duration;

use super::delivery::one_kind;
use crate::carrier::price::Price;
use crate::carrier::{self, Kind};
use crate::config::notes::Notes;
use crate::config::reader::{List, Reader};
use crate::config::secret::Environment;
use crate::config::value::At;
use crate::name::Name;
use crate::phone::sender::Sender;

mod bandwidth;
mod command;
mod console;
mod email;
mod spool;
mod twilio;
mod webhook;

/// `[carriers.NAME.KIND]`; without a kind if that is wrong or to come.
pub(in crate::config) struct Carrier {
    pub(in crate::config) name: At<Name>,
    common: Common,
    pub(in crate::config) kind: Option<Written>,
}

/// What every carrier has.
struct Common {
    timeout: Duration,
    price: Option<Price>,
    at_once: usize,
    from: Vec<Sender>,
}

/// The kinds as written.
#[expect(
    clippy::large_enum_variant,
    reason = "a handful of them, made once when a file is read"
)]
pub(in crate::config) enum Written {
    Console(console::Written),
    Webhook(Box<webhook::Written>),
    Bandwidth(Box<bandwidth::Written>),
    Twilio(twilio::Written),
    Email(email::Written),
    Command(command::Written),
    Spool(spool::Written),
}

/// The names of the kinds, and how each is read.
type Read = fn(&mut Reader<'_>) -> Written;

const KINDS: [(&str, Read); 7] = [
    ("bandwidth", |table| {
        Written::Bandwidth(Box::new(bandwidth::Written::read(table)))
    }),
    ("twilio", |table| {
        Written::Twilio(twilio::Written::read(table))
    }),
    ("webhook", |table| {
        Written::Webhook(Box::new(webhook::Written::read(table)))
    }),
    ("email", |table| Written::Email(email::Written::read(table))),
    ("command", |table| {
        Written::Command(command::Written::read(table))
    }),
    ("spool", |table| Written::Spool(spool::Written::read(table))),
    ("console", |table| {
        Written::Console(console::Written::read(table))
    }),
];

/// Those that a later version will have.
const TO_COME: [&str; 8] = [
    "smpp",
    "vonage",
    "plivo",
    "telnyx",
    "sinch",
    "infobip",
    "messagebird",
    "sns",
];

impl Carrier {
    pub(super) fn read(name: At<Name>, mut table: Reader<'_>) -> Self {
        let instead = "write [carriers.NAME.webhook], which can speak to most vendors, or [carriers.NAME.console] for trials";
        let mut many = TO_COME
            .iter()
            .filter(|kind| table.not_yet(kind, instead))
            .count();
        let (mut common, mut kind) = (Common::default(), None);
        for (word, read) in KINDS {
            if let Some(mut own) = table.table_if_written(word) {
                common = Common::read(&mut own, word);
                kind = Some(read(&mut own));
                own.finish();
                many += 1;
            }
        }
        one_kind(
            &table,
            &name,
            many,
            "[carriers.NAME.bandwidth], twilio, webhook, email, command, spool or console",
        );
        table.finish();
        Self { name, common, kind }
    }

    /// What it means; `public` is where vendors reach this gateway. `None` if something is wrong with it, which is noted.
    pub(in crate::config) fn settings(
        &self,
        public: Option<&str>,
        notes: &Notes,
        environment: &Environment,
    ) -> Option<carrier::Settings> {
        let name = &self.name.value;
        let kind = match self.kind.as_ref()? {
            Written::Console(own) => Some(own.kind(name, notes)),
            Written::Webhook(own) => own.settings(public, notes, environment).map(Kind::Webhook),
            Written::Bandwidth(own) => own
                .settings(&self.common.from, notes, environment)
                .map(Kind::Bandwidth),
            Written::Twilio(own) => own.settings(notes, environment).map(Kind::Twilio),
            Written::Email(own) => own.settings(notes, environment).map(Kind::Email),
            Written::Command(own) => own.settings(notes, environment).map(Kind::Command),
            Written::Spool(own) => own.settings(notes, environment).map(Kind::Spool),
        }?;
        Some(carrier::Settings {
            name: name.clone(),
            kind,
            timeout: self.common.timeout,
            from: self.common.from.clone(),
            price: self.common.price,
            at_once: self.common.at_once,
        })
    }
}

impl Carrier {
    /// Notes what cannot work in the places that `[delivery]` gives it.
    pub(in crate::config) fn placed(&self, delivery: &carrier::Delivery, notes: &Notes) {
        if let Some(Written::Bandwidth(own)) = &self.kind {
            own.placed(&self.name.value, delivery, notes);
        }
    }
}

impl Common {
    fn read(table: &mut Reader<'_>, kind: &str) -> Self {
        let default = Self::default();
        // A mail's `from` is an address; the others without one send as whoever they are.
        let from: List<Sender> =
            if ["bandwidth", "twilio", "webhook", "command", "spool"].contains(&kind) {
                table.some("from")
            } else {
                return Self {
                    timeout: timeout(table),
                    price: price(table),
                    at_once: table.number("at_once", 1..=1000, default.at_once),
                    from: Vec::new(),
                };
            };
        Self {
            timeout: timeout(table),
            price: price(table),
            at_once: table.number("at_once", 1..=1000, default.at_once),
            from: from.values(),
        }
    }
}

impl Default for Common {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            price: None,
            at_once: 32,
            from: Vec::new(),
        }
    }
}

/// How long one send may take, 10 seconds at most (A1).
fn timeout(table: &mut Reader<'_>) -> Duration {
    table.duration(
        "timeout",
        Duration::from_secs(1)..=Duration::from_secs(10),
        Duration::from_secs(5),
    )
}

fn price(table: &mut Reader<'_>) -> Option<Price> {
    table.optional("price").map(|price| price.value)
}
