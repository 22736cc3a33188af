use std::sync::Mutex;

use super::*;
use crate::address::Address;
use crate::carrier::delivery::Surroundings;
use crate::carrier::tests::peer::Peer;
use crate::carrier::tests::{PATIENCE, Page, message, name};
use crate::carrier::{Delivery, Kind, Settings, webhook};
use crate::event::dispatch::Step;
use crate::phone::Phone;
use crate::secret::Secret;

const TAKEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const MISTAKEN: &str = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n";

/// Which carriers were asked, in their order.
#[derive(Default)]
struct Asked(Mutex<Vec<String>>);

impl Witness for Asked {
    fn saw(&self, dispatch: &Dispatch<'_>) {
        if let Step::Asked { carrier, .. } = dispatch.step {
            self.0.lock().unwrap().push(carrier.to_string());
        }
    }

    fn heard(&self, _: &Told<'_>) {}

    fn rests(&self, carrier: &Name, rests: bool) {
        self.0.lock().unwrap().push(format!("{carrier} {rests}"));
    }

    fn conversion(&self, carrier: &Name, _: Channel, percent: u8) {
        self.0.lock().unwrap().push(format!("{carrier} {percent}"));
    }
}

impl Asked {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn settings(carrier: &str, kind: Kind, from: &[&str]) -> Settings {
    Settings {
        name: name(carrier),
        kind,
        timeout: PATIENCE,
        from: from
            .iter()
            .map(|from| Sender::parse(from).unwrap())
            .collect(),
        price: None,
        at_once: 32,
    }
}

fn hook(url: &str) -> Kind {
    let key = Secret::new(b"hook key".to_vec());
    Kind::Webhook(webhook::Settings::signed(url.to_owned(), key))
}

/// `main` and `spare` carry texts in this order, `other` is in no order.
fn dispatcher(main: &str, spare: &str, other: &str, witness: &Arc<Asked>) -> Dispatcher {
    let carriers = [
        settings("main", hook(main), &["+12025550101"]),
        settings("spare", hook(spare), &["ACME"]),
        settings("other", hook(other), &[]),
        settings("paper", Kind::Console, &[]),
    ];
    let delivery = Delivery {
        sms: vec![name("main"), name("spare")],
        voice: Vec::new(),
        email: Vec::new(),
        by_country: vec![("CA".to_owned(), vec![name("spare")])],
        public: None,
        timeout: PATIENCE,
        countries: vec!["US".to_owned(), "CA".to_owned(), "FR".to_owned()],
        fictional: false,
    };
    let surroundings = Surroundings {
        sink: Page::default().sink(),
        witness: Arc::<Asked>::clone(witness),
        receipt_secret: &|_| "secret".to_owned(),
    };
    Dispatcher::open(&carriers, &delivery, &surroundings).unwrap()
}

fn to(number: &str) -> Message {
    Message {
        to: Address::Phone(Phone::parse(number).unwrap()),
        ..message("049271")
    }
}

const NOWHERE: &str = "http://127.0.0.1:9/";

#[tokio::test]
async fn a_plan_says_who_would_be_asked_from_what_and_who_not_and_asks_nobody() {
    let (peer, asked) = (Peer::answers(TAKEN).await, Arc::new(Asked::default()));
    let dispatcher = dispatcher(&peer.url, &peer.url, &peer.url, &asked);
    let told = |number: &str| -> Vec<String> {
        let plan = dispatcher.plan(&to(number)).into_iter();
        plan.map(|plan| match plan.from {
            Ok(from) => format!(
                "{} from {}",
                plan.carrier,
                from.map_or(String::new(), |from| from.as_str().to_owned())
            ),
            Err(why) => format!("{} not: {why}", plan.carrier),
        })
        .collect()
    };
    assert_eq!(
        told("+12025550143"),
        [
            "main from +12025550101",
            "spare not: no sender reaches the number: an alphanumeric sender reaches no number of country code 1"
        ]
    );
    assert_eq!(told("+33612345678")[1], "spare from ACME");
    assert_eq!(
        told("+14165550123"),
        [
            "spare not: no sender reaches the number: an alphanumeric sender reaches no number of country code 1"
        ],
        "another country, another order"
    );
    assert_eq!(
        told("+19005550123")[0],
        "main not: not sent to: a premium number"
    );
    assert_eq!((peer.seen().len(), asked.all()), (0, Vec::new()));
}

#[tokio::test]
async fn one_carrier_alone_is_asked_though_delivery_does_not_list_it() {
    let (peer, asked) = (Peer::answers(TAKEN).await, Arc::new(Asked::default()));
    let dispatcher = dispatcher(NOWHERE, NOWHERE, &peer.url, &asked);
    let own = Arc::new(Asked::default());
    let other = name("other");
    let aside = dispatcher.aside(Some(&other), Arc::<Asked>::clone(&own));
    let message = to("+12025550143");
    assert_eq!(aside.plan(&message).len(), 1);
    assert_eq!(aside.send(&message).await.unwrap().carrier, other);
    assert_eq!(own.all(), ["other"]);
    assert_eq!(asked.all(), ["other"], "everybody's witness hears it, too");
}

#[tokio::test]
async fn a_trial_that_fails_is_no_trouble_of_anybodys_page() {
    let (peer, asked) = (Peer::answers(MISTAKEN).await, Arc::new(Asked::default()));
    let dispatcher = dispatcher(&peer.url, &peer.url, NOWHERE, &asked);
    let aside = dispatcher.aside(None, Arc::new(Asked::default()));
    let failed = aside.send(&to("+12025550143")).await.unwrap_err();
    assert_eq!(failed.failure.class(), "config");
    assert!(!dispatcher.trouble(Channel::Sms, 1));
}

#[tokio::test]
async fn both_witnesses_hear_of_carriers_that_rest_and_of_codes_that_nobody_types() {
    let (one, two) = (Arc::new(Asked::default()), Arc::new(Asked::default()));
    let both = Both(Arc::<Asked>::clone(&one), Arc::<Asked>::clone(&two));
    both.rests(&name("main"), true);
    both.conversion(&name("main"), Channel::Sms, 7);
    assert_eq!(one.all(), ["main true", "main 7"]);
    assert_eq!(two.all(), one.all());
}

#[tokio::test]
async fn a_carrier_that_tells_nothing_later_is_known_before_anybody_waits() {
    let dispatcher = dispatcher(NOWHERE, NOWHERE, NOWHERE, &Arc::default());
    let now = message("049271").now;
    assert!(dispatcher.has_receipts(&name("main"), now));
    assert!(!dispatcher.has_receipts(&name("paper"), now));
    assert!(!dispatcher.has_receipts(&name("nobody"), now));
    let all: Vec<&str> = dispatcher.names().map(Name::as_str).collect();
    assert_eq!(all, ["main", "spare", "other", "paper"]);
}
