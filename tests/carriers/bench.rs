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

struct Nobody;

impl Witness for Nobody {
    fn saw(&self, _: &Dispatch<'_>) {}
    fn heard(&self, _: &Told<'_>) {}
    fn rests(&self, _: &Name, _: bool) {}
}
