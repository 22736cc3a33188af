//! Which sender a number hears from, and which carriers its country has.

use super::*;
use crate::phone::sender::{Sender, Unfit};

fn senders(texts: &[&str]) -> Vec<Sender> {
    texts
        .iter()
        .map(|text| Sender::parse(text).unwrap())
        .collect()
}

fn lane(from: &[&str]) -> Lane {
    let settings = Settings {
        from: senders(from),
        ..console("main")
    };
    let surroundings = Page::default();
    Lane::open(
        &settings,
        &surroundings.sink(),
        crate::carrier::tests::means(),
    )
    .unwrap()
}

fn everywhere() -> Policy {
    Policy {
        countries: ["US", "CA", "GB"].map(str::to_owned).to_vec(),
        fictional: true,
    }
}

/// What `lane` sends from, to `number`.
fn from<'a>(lane: &'a Lane, message: &Message) -> Result<Option<&'a str>, Failure> {
    let from = lane.fits(message, &everywhere())?;
    Ok(from.map(Sender::as_str))
}

const FOUR: [&str; 4] = [
    "+12025550101",
    "+12025550102",
    "+12025550103",
    "+18005550104",
];

/// 100 numbers.
fn numbers() -> Vec<String> {
    (100..200).map(|n| format!("+1202555{n:04}")).collect()
}

#[test]
fn a_number_keeps_its_sender_and_all_senders_are_used() {
    let (one, other) = (lane(&FOUR), lane(&[FOUR[2], FOUR[0], FOUR[3], FOUR[1]]));
    let mut used = std::collections::BTreeMap::new();
    for number in numbers() {
        let chosen = from(&one, &to(&number)).unwrap().unwrap();
        assert_eq!(
            from(&other, &to(&number)).unwrap(),
            Some(chosen),
            "another gateway, whatever the order in its file, sends from the same"
        );
        *used.entry(chosen.to_owned()).or_insert(0) += 1;
    }
    assert_eq!(used.len(), 4, "{used:?}");
    assert!(used.values().all(|many| *many > 10), "{used:?}");
}

#[test]
fn a_new_sender_takes_its_share_and_moves_nobody_else() {
    let (before, after) = (lane(&FOUR[..3]), lane(&FOUR));
    let mut moved = 0;
    for number in numbers() {
        let (old, new) = (
            from(&before, &to(&number)).unwrap().unwrap(),
            from(&after, &to(&number)).unwrap().unwrap(),
        );
        if old != new {
            assert_eq!(new, FOUR[3], "{number} moved from {old}");
            moved += 1;
        }
    }
    assert!((10..45).contains(&moved), "about a quarter, not {moved}");
}

#[test]
fn the_choice_stays_the_same_for_ever() {
    // Computed by another program: a release that chose otherwise would change everybody's sender.
    let four = lane(&FOUR);
    assert_eq!(
        from(&four, &to("+12025550143")).unwrap(),
        Some("+12025550102")
    );
}

#[test]
fn a_sender_that_its_kind_keeps_from_a_number_is_left_out_for_that_number_alone() {
    let mixed = lane(&["ACME", "73737", "+12025550101"]);
    let call = |number: &str| Message {
        channel: Channel::Voice,
        ..to(number)
    };
    for number in numbers() {
        assert_ne!(
            from(&mixed, &to(&number)).unwrap(),
            Some("ACME"),
            "country code 1 has no names"
        );
        assert_eq!(
            from(&mixed, &call(&number)).unwrap(),
            Some("+12025550101"),
            "only a number calls"
        );
    }
    let british: std::collections::BTreeSet<_> = (0..50)
        .map(|n| {
            from(&mixed, &to(&format!("+4420794600{n:02}")))
                .unwrap()
                .unwrap()
        })
        .collect();
    assert_eq!(british.len(), 3, "abroad all of them do: {british:?}");

    let named = lane(&["ACME"]);
    assert!(matches!(
        from(&named, &to("+12025550143")),
        Err(Failure::Unfit(Unfit::CountryCode1))
    ));
    assert_eq!(from(&named, &to("+442079460000")).unwrap(), Some("ACME"));
    assert!(matches!(
        from(&named, &call("+442079460000")),
        Err(Failure::Unfit(Unfit::Voice(_)))
    ));
    assert_eq!(from(&lane(&[]), &to("+12025550143")).unwrap(), None);
}

#[test]
fn a_sender_that_is_asked_for_is_used_or_the_carrier_is_not() {
    let four = lane(&FOUR);
    let asking = |from: &str, number: &str| Message {
        from: Some(Sender::parse(from).unwrap()),
        ..to(number)
    };
    for number in numbers() {
        assert_eq!(
            from(&four, &asking(FOUR[1], &number)).unwrap(),
            Some(FOUR[1])
        );
    }
    for wanted in ["+12025550199", "73737"] {
        assert!(matches!(
            from(&four, &asking(wanted, "+12025550143")),
            Err(Failure::Config(Cause::NoSender))
        ));
    }
    assert_eq!(
        from(&lane(&[]), &asking(FOUR[0], "+12025550143")).unwrap(),
        None,
        "a carrier without senders sends as whoever it is"
    );
}

#[tokio::test]
async fn a_sender_that_nobody_has_is_no_trouble_of_the_carriers() {
    let page = Page::default();
    let carriers = [Settings {
        from: senders(&FOUR),
        ..console("trial")
    }];
    let dispatcher = open(&carriers, &delivery(&carriers), &page).unwrap();
    let wanted = Message {
        from: Some(Sender::parse("73737").unwrap()),
        ..message("049271")
    };
    let failed = dispatcher.send(&wanted).await.unwrap_err();
    assert!(matches!(failed.failure, Failure::Config(Cause::NoSender)));
    assert!(!dispatcher.trouble(Channel::Sms, 1));
    assert!(page.text().is_empty());
}

#[tokio::test]
async fn a_country_has_its_own_order() {
    let page = Page::default();
    let carriers = ["main", "spare", "third"].map(console);
    let settings = Delivery {
        voice: vec![name("main")],
        by_country: vec![
            ("CA".to_owned(), vec![name("third"), name("spare")]),
            ("US".to_owned(), vec![name("spare")]),
            ("VI".to_owned(), vec![name("third")]),
        ],
        countries: ["US", "CA", "GB"].map(str::to_owned).to_vec(),
        ..delivery(&carriers)
    };
    let dispatcher = open(&carriers, &settings, &page).unwrap();
    for (number, channel, carrier) in [
        ("+14165550200", Channel::Sms, "third"),
        ("+12025550143", Channel::Sms, "spare"),
        // Puerto Rico comes with the United States, and the Virgin Islands have a line of their own.
        ("+17875550143", Channel::Sms, "spare"),
        ("+13405550143", Channel::Sms, "third"),
        ("+442079460000", Channel::Sms, "main"),
        // None of Canada's carriers calls: the order of calls stays.
        ("+14165550200", Channel::Voice, "main"),
    ] {
        let message = Message {
            channel,
            ..to(number)
        };
        let sent = dispatcher.send(&message).await.unwrap();
        assert_eq!(sent.carrier, name(carrier), "{number} {channel}");
    }
    let missing = Delivery {
        by_country: vec![("CA".to_owned(), vec![name("nobody")])],
        ..delivery(&carriers)
    };
    assert!(matches!(
        open(&carriers, &missing, &page),
        Err(Unusable::NoCarrier(carrier)) if carrier == name("nobody")
    ));
}

#[tokio::test]
async fn the_carriers_of_a_country_stand_in_for_each_other_and_no_others_do() {
    let broken = Peer::answers(MISTAKEN).await;
    let works = Peer::answers(TAKEN).await;
    let carriers = [
        hook("main", &works.url),
        hook("first", &broken.url),
        hook("second", &broken.url),
    ];
    let settings = Delivery {
        by_country: vec![("US".to_owned(), vec![name("second"), name("first")])],
        ..delivery(&carriers)
    };
    let dispatcher = open(&carriers, &settings, &Page::default()).unwrap();
    let failed = dispatcher.send(&message("049271")).await.unwrap_err();
    assert_eq!(failed.carrier, Some(name("first")));
    assert_eq!((broken.seen().len(), works.seen().len()), (2, 0));
}
