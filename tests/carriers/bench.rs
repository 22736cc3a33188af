//! What the tests of all carriers need: a dispatcher with one carrier, a message, programs of others and where they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign::address::Address;
use countersign::carrier::delivery::{Dispatcher, Surroundings};
use countersign::carrier::{Delivery, Kind, Message, Settings, console};
use countersign::code::Code;
use countersign::event::dispatch::{Dispatch, Told, Witness};
use countersign::message::draft::Draft;
use countersign::message::{Channel, Id, Template};
use countersign::moment::Moment;
use countersign::name::Name;
use countersign::phone::Phone;
use countersign::phone::sender::Sender;

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A carrier named `main` of this kind, and nothing beside it. Its receipts would come in at `https://gw.example`.
pub(crate) fn dispatcher(kind: Kind, from: &[&str]) -> Dispatcher {
    dispatcher_within(kind, from, PATIENCE)
}

/// The same with so much time for a send.
pub(crate) fn dispatcher_within(kind: Kind, from: &[&str], timeout: Duration) -> Dispatcher {
    let main = name("main");
    let carrier = Settings {
        name: main.clone(),
        kind,
        timeout,
        from: from
            .iter()
            .map(|from| Sender::parse(from).unwrap())
            .collect(),
        price: None,
        at_once: 8,
    };
    let delivery = Delivery {
        sms: vec![main.clone()],
        voice: vec![main.clone()],
        email: vec![main],
        by_country: Vec::new(),
        timeout,
        countries: vec!["US".to_owned()],
        fictional: true,
        public: Some("https://gw.example".to_owned()),
    };
    let surroundings = Surroundings {
        sink: console::stdout(),
        witness: Arc::new(Nobody),
        receipt_secret: &|_| "receipt-secret".to_owned(),
    };
    Dispatcher::open(&[carrier], &delivery, &surroundings).unwrap()
}

/// A message to a fictional number.
pub(crate) fn message(channel: Channel) -> Message {
    Message {
        id: Id::draw(),
        site: name("portal"),
        scope: "login".to_owned(),
        to: Address::Phone(Phone::parse("+19195550143").unwrap()),
        channel,
        draft: Draft {
            template: Template::default(),
            name: "Example".to_owned(),
            scope: "Sign in".to_owned(),
            minutes: 5,
            host: Some("portal.example.com".to_owned()),
            digits: 6,
        },
        code: Code::draw(6).unwrap(),
        from: None,
        ours: false,
        locale: None,
        life: Duration::from_mins(5),
        now: Moment {
            unix: 1_795_375_800,
            mono: Duration::from_mins(1),
        },
    }
}

/// Where the vendors' own programs were installed: `tests/vendors`.
pub(crate) fn vendors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vendors")
}

/// A published contract, if the folder that holds them is there; else the reason is printed and the test has nothing
/// to compare with.
pub(crate) fn contract(file: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/specs")
        .join(file);
    if path.exists() {
        return Some(path);
    }
    eprintln!(
        "skipped: {file} is not here; the vendors' contracts are not part of this repository"
    );
    None
}

/// Every status that a published contract has for a POST there and that says no, in its order; `contract` is here.
///
/// Of YAML just so much is read as these files need: keys in lines of their own, by how far they are indented.
pub(crate) fn refusals(contract: &Path, path: &str) -> Vec<u16> {
    let text = std::fs::read_to_string(contract).unwrap();
    let statuses: Vec<u16> = if contract.extension().is_some_and(|kind| kind == "json") {
        let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
        let responses = whole["paths"][path]["post"]["responses"].as_object();
        let named = responses.expect(path).keys();
        named.map(|status| status.parse().expect(status)).collect()
    } else {
        let wanted = ["paths", path, "post", "responses"];
        let mut at: Vec<&str> = Vec::new();
        let mut found = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let depth = (line.len() - line.trim_start().len()) / 2;
            let Some(key) = line.trim().strip_suffix(':').filter(|_| depth <= at.len()) else {
                continue;
            };
            at.truncate(depth);
            if at == wanted {
                let status = key.trim_matches(['\'', '"']);
                found.push(status.parse().expect(status));
            }
            at.push(key);
        }
        found
    };
    let (taken, refused): (Vec<u16>, Vec<u16>) = statuses
        .into_iter()
        .partition(|status| (200..300).contains(status));
    assert!(!taken.is_empty(), "{path} is read wrongly");
    refused
}

struct Nobody;

impl Witness for Nobody {
    fn saw(&self, _: &Dispatch<'_>) {}
    fn heard(&self, _: &Told<'_>) {}
    fn rests(&self, _: &Name, _: bool) {}
}
