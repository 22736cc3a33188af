use std::io::{self, Write};
use std::sync::Mutex;

use super::*;
use crate::carrier::delivery::{Proof, Surroundings};
use crate::carrier::{Delivery, Kind, Settings};
use crate::phone::sender;

/// What console carriers printed.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A console that cannot be written to.
struct Torn;

impl Write for Torn {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Nobody;

impl Witness for Nobody {
    fn saw(&self, _: &Dispatch<'_>) {}
    fn heard(&self, _: &Told<'_>) {}
    fn rests(&self, _: &Name, _: bool) {}
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// `paper` carries everything; `acme` only texts, and from a name.
fn dispatcher(sink: impl Write + Send + 'static) -> Dispatcher {
    let console = |carrier: &str, from: &[&str]| Settings {
        name: name(carrier),
        kind: Kind::Console,
        timeout: Duration::from_secs(5),
        from: from
            .iter()
            .map(|from| sender::Sender::parse(from).unwrap())
            .collect(),
        price: Some("0.004 USD".parse().unwrap()),
        at_once: 4,
    };
    let carriers = [
        console("acme", &["ACME"]),
        console("paper", &["+12025550101"]),
    ];
    let paper = vec![name("paper")];
    let delivery = Delivery {
        sms: vec![name("acme"), name("paper")],
        voice: paper,
        email: Vec::new(),
        by_country: Vec::new(),
        public: None,
        timeout: Duration::from_secs(10),
        countries: vec!["US".to_owned()],
        fictional: false,
    };
    let surroundings = Surroundings {
        sink: Arc::new(Mutex::new(Box::new(sink))),
        witness: Arc::new(Nobody),
        receipt_secret: &|_| String::new(),
    };
    Dispatcher::open(&carriers, &delivery, &surroundings).unwrap()
}

fn order(to: &str) -> Order {
    Order {
        to: to.to_owned(),
        channel: None,
        carrier: None,
        dry_run: false,
        wait: 30,
    }
}

/// The steps of an order, without their times.
async fn steps(order: &Order, dispatcher: &Dispatcher) -> Vec<Step> {
    let sender = Sender {
        site: name("portal"),
        title: "Example Portal".to_owned(),
        policy: Policy {
            countries: vec!["US".to_owned()],
            fictional: false,
        },
        public: true,
    };
    let now = Moment {
        unix: 1_795_375_800,
        mono: Duration::ZERO,
    };
    let lines = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&lines);
    let tell: Tell = Arc::new(move |line| own.lock().unwrap().push(line));
    let trial = order.understood(dispatcher.names()).unwrap();
    trial
        .run(
            dispatcher,
            &sender,
            None,
            (now, tell),
            std::future::pending(),
        )
        .await;
    let lines = std::mem::take(&mut *lines.lock().unwrap());
    assert!(lines.is_sorted_by_key(|line| line.ms));
    lines.into_iter().map(|line| line.step).collect()
}

fn address(to: &str, kind: &str) -> Step {
    Step::Address {
        to: to.to_owned(),
        country: Some("US".to_owned()),
        kind: kind.to_owned(),
        refused: None,
    }
}

const UNFIT: &str =
    "no sender reaches the number: an alphanumeric sender reaches no number of country code 1";

#[tokio::test]
async fn a_message_is_told_from_its_number_to_what_it_cost() {
    let paper = Paper::default();
    let mut steps = steps(&order("+15087696555"), &dispatcher(paper.clone())).await;
    for step in &mut steps {
        if let Step::Taken { id, took_ms, .. } = step {
            (*id, *took_ms) = ("ID".to_owned(), 0);
        }
    }
    let (carrier, from) = ("paper".to_owned(), Some("+12025550101".to_owned()));
    let asked = Asked {
        carrier: carrier.clone(),
        from: from.clone(),
        managed: false,
        rests: None,
    };
    assert_eq!(
        steps,
        [
            address("+15087696555", "an ordinary number"),
            Step::Order {
                channel: "sms".to_owned(),
                carriers: vec![asked],
            },
            Step::LeftOut {
                carrier: "acme".to_owned(),
                why: UNFIT.to_owned(),
            },
            Step::Asked {
                carrier: carrier.clone(),
                from,
                again: false,
            },
            Step::Taken {
                carrier,
                id: "ID".to_owned(),
                took_ms: 0,
                segments: 1,
                micros: Some(4_000),
            },
            Step::NoReceipt {
                why: "no gateway that runs takes it in".to_owned(),
            },
            Step::End { ok: true },
        ]
    );
    let printed = paper.text();
    assert!(
        printed.contains("Example Portal: test message "),
        "{printed}"
    );
    assert!(printed.contains(". It opens nothing.\n"), "{printed}");
    assert!(!printed.contains('@'), "nothing that a browser fills in");
}

/// Nobody learns the digits from the steps: who has the phone reads them there.
#[tokio::test]
async fn c8_no_step_tells_the_code() {
    let paper = Paper::default();
    let steps = steps(&order("+15087696555"), &dispatcher(paper.clone())).await;
    let printed = paper.text();
    let (_, rest) = printed.split_once("test message ").unwrap();
    let code = &rest[..6];
    assert!(code.bytes().all(|b| b.is_ascii_digit()), "{printed}");
    assert!(!format!("{steps:?}").contains(code));
}

#[tokio::test]
async fn a_dry_run_shows_the_text_and_rings_nobody() {
    for (channel, text, segments) in [
        (
            "sms",
            "Example Portal: test message 000000. It opens nothing.",
            Some(1),
        ),
        ("voice", "0, 0, 0, 0, 0, 0", None),
    ] {
        let paper = Paper::default();
        let order = Order {
            dry_run: true,
            channel: Some(channel.to_owned()),
            ..order("+15087696555")
        };
        let steps = steps(&order, &dispatcher(paper.clone())).await;
        let shown = steps.iter().find_map(|step| match step {
            Step::Text { text, segments } => Some((text, *segments)),
            _ => None,
        });
        let (shown, counted) = shown.unwrap();
        assert!(shown.contains(text), "{shown}");
        assert_eq!(counted, segments);
        assert!(!steps.iter().any(|step| matches!(step, Step::Asked { .. })));
        assert_eq!(steps.last(), Some(&Step::End { ok: true }));
        assert_eq!(paper.text(), "");
    }
}

#[tokio::test]
async fn c6_a_number_that_nobody_is_sent_to_is_refused_before_any_carrier() {
    for (to, why) in [
        ("+19005550123", "a premium number"),
        ("+18005550123", "a toll-free number"),
        (
            "+14165550123",
            "CA is not among the countries that are sent to",
        ),
    ] {
        let paper = Paper::default();
        let steps = steps(&order(to), &dispatcher(paper.clone())).await;
        let [Step::Address { refused, .. }, Step::End { ok: false }] = steps.as_slice() else {
            panic!("{steps:?}");
        };
        assert_eq!(refused.as_deref(), Some(why));
        assert_eq!(paper.text(), "");
    }
}

#[tokio::test]
async fn a_number_of_fiction_goes_where_carriers_are_for_trials() {
    let steps = steps(&order("+12025550143"), &dispatcher(Paper::default())).await;
    assert_eq!(
        steps[0],
        address("+12025550143", "a number kept for fiction")
    );
    assert_eq!(steps.last(), Some(&Step::End { ok: true }));
}

#[tokio::test]
async fn a_carrier_that_fails_is_told_with_its_reason_and_the_end_is_not_good() {
    let steps = steps(&order("+15087696555"), &dispatcher(Torn)).await;
    let failed = steps.iter().find_map(|step| match step {
        Step::Failed { class, reason, .. } => Some((class.as_str(), reason.as_str())),
        _ => None,
    });
    let reason = "the carrier does not work: it cannot be written: broken pipe";
    assert_eq!(failed, Some(("transient", reason)));
    let [.., Step::Unsent { class, .. }, Step::End { ok: false }] = steps.as_slice() else {
        panic!("{steps:?}");
    };
    assert_eq!(class, "transient");
}

#[tokio::test]
async fn one_carrier_alone_is_asked_and_a_channel_without_any_is_told() {
    let alone = Order {
        carrier: Some("acme".to_owned()),
        ..order("+15087696555")
    };
    let told = steps(&alone, &dispatcher(Paper::default())).await;
    let [.., Step::Unsent { class, reason }, Step::End { ok: false }] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!((class.as_str(), reason.as_str()), ("unfit", UNFIT));
    let mail = steps(&order("ann@example.com"), &dispatcher(Paper::default())).await;
    let [.., Step::Unsent { class, .. }, Step::End { ok: false }] = mail.as_slice() else {
        panic!("{mail:?}");
    };
    assert_eq!(class, "config");
}

#[test]
fn an_order_that_makes_no_sense_says_what_would() {
    let dispatcher = dispatcher(Paper::default());
    let told = |to: &str, channel: Option<&str>, carrier: Option<&str>| {
        let order = Order {
            channel: channel.map(str::to_owned),
            carrier: carrier.map(str::to_owned),
            ..order(to)
        };
        let understood = order.understood(dispatcher.names());
        understood.unwrap_err().to_string()
    };
    for (to, why) in [
        ("(508) 769-6555", "write \"+15087696555\""),
        ("15087696555", "write \"+15087696555\""),
        ("+1 508 769 6555", "write \"+15087696555\""),
        (
            "7696555",
            "a phone number begins with + and the country code, as in \"+12025550143\"",
        ),
        ("", "a phone number is missing"),
        (
            "ann@",
            "a mail address is a name, an @ and a domain, such as ann@example.com",
        ),
    ] {
        assert_eq!(told(to, None, None), why, "{to}");
    }
    let good = "+15087696555";
    assert_eq!(
        told(good, Some("fax"), None),
        "a channel is \"sms\", \"voice\" or \"email\""
    );
    assert_eq!(
        told(good, Some("email"), None),
        "email does not go to a number"
    );
    assert_eq!(
        told("ann@example.com", Some("voice"), None),
        "voice does not go to a mail address"
    );
    assert_eq!(
        told(good, None, Some("papr")),
        "no carrier is named `papr`; did you mean `paper`?"
    );
    assert_eq!(
        told(good, None, Some("twilio")),
        "no carrier is named `twilio`; there are `acme`, `paper`"
    );
}

#[test]
fn an_order_without_more_than_a_number_is_one() {
    let order: Order = serde_json::from_str(r#"{"to":"+15087696555"}"#).unwrap();
    let trial = order.understood([].iter()).unwrap();
    assert_eq!((trial.channel, trial.dry), (Channel::Sms, false));
    let long: Order = serde_json::from_str(r#"{"to":"+15087696555","wait":99999}"#).unwrap();
    assert_eq!(long.understood([].iter()).unwrap().wait, LONGEST_WAIT);
    assert!(serde_json::from_str::<Order>(r#"{"to":"x","dryrun":true}"#).is_err());
}

/// What was made of these receipts of message `SM1`, by `main`, and the states that were told.
async fn followed(receipts: &[(&str, &str, &'static str)]) -> (bool, Vec<String>) {
    let relay = Relay::default();
    let following = relay.follow();
    let carriers = [name("main"), name("spare")];
    for (carrier, id, state) in receipts {
        relay.heard(&Told {
            carrier: carriers
                .iter()
                .find(|name| name.as_str() == *carrier)
                .unwrap(),
            id,
            channel: Channel::Sms,
            state,
            code: None,
        });
    }
    drop(relay);
    let told = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&told);
    let tell: Tell = Arc::new(move |line| {
        if let Step::Receipt { state, .. } = line.step {
            own.lock().unwrap().push(state);
        }
    });
    let teller = Teller {
        began: Instant::now(),
        tell,
    };
    let sent = Sent {
        carrier: name("main"),
        id: "SM1".to_owned(),
        proof: Proof::Ours,
    };
    let ok = follow(following, &sent, &message::Id::draw(), &teller).await;
    let told = told.lock().unwrap().clone();
    (ok, told)
}

#[tokio::test]
async fn only_receipts_of_the_own_message_are_told_until_the_last() {
    for (receipts, ok, told) in [
        (
            &[
                ("main", "SM2", "delivered"),
                ("spare", "SM1", "blocked"),
                ("main", "SM1", "sent"),
                ("main", "SM1", "delivered"),
                ("main", "SM1", "blocked"),
            ] as &[_],
            true,
            &["sent", "delivered"] as &[&str],
        ),
        (
            &[("main", "SM1", "landline"), ("main", "SM1", "delivered")],
            false,
            &["landline"],
        ),
        // A gateway that goes down says nothing about the message.
        (&[("main", "SM1", "sent")], true, &["sent"]),
    ] {
        let (arrived, states) = followed(receipts).await;
        assert_eq!(
            (arrived, states.as_slice()),
            (
                ok,
                &*told.iter().map(ToString::to_string).collect::<Vec<_>>()
            )
        );
    }
}

#[tokio::test]
async fn a_storm_of_other_receipts_does_not_end_the_wait() {
    let mut receipts = vec![("main", "SM2", "delivered"); 1_000];
    receipts.push(("main", "SM1", "delivered"));
    assert_eq!(
        followed(&receipts).await,
        (true, vec!["delivered".to_owned()])
    );
}
