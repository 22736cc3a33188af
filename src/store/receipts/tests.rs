//! Messages, receipts, and the orders in which they come.

use super::*;
use crate::challenge::fate::Heard;
use crate::challenge::tests::{at, question};
use crate::challenge::{Entry, Question};
use crate::limit;
use crate::message::Id;
use crate::peer::Peer;
use crate::store::Sending;

const BROWSER: challenge::Browser = [7; 32];

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn word(fate: Fate) -> Word {
    let (state, code) = match fate {
        Fate::Sent => ("sent", None),
        Fate::Delivered => ("delivered", None),
        Fate::Failed => ("landline", Some("30006".to_owned())),
    };
    Word { fate, state, code }
}

/// A challenge that somebody began by `entry`, whose first message was asked for at second 0.
fn asked(store: &Store, number: u8, entry: Entry) -> challenge::Id {
    let asked = Question {
        entry,
        ..question("login", &format!("ann{number}"))
    };
    let id = store.ask(asked, [number; 16], at(0)).unwrap();
    send(store, &id, 0);
    id
}

fn send(store: &Store, id: &challenge::Id, second: u64) {
    let network = Peer {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        https: true,
    }
    .network();
    let sending = store.send(id, &BROWSER, [1; 32], Channel::Sms, network, at(second));
    assert_eq!(sending, Sending::Go);
}

/// The carrier `main` took a message that was asked for at that second.
fn carry(
    store: &Store,
    id: &challenge::Id,
    theirs: &str,
    asked: u64,
    taken: u64,
) -> (Id, Vec<Word>) {
    let ours = Id::draw();
    let carried = Carried {
        carrier: &name("main"),
        theirs,
        ours: &ours,
        channel: Channel::Sms,
        challenge: Some((*id, at(asked))),
    };
    let early = store.carried(&carried, at(taken));
    (ours, early)
}

fn told(store: &Store, id: &str, fate: Fate, second: u64) -> Option<Channel> {
    store.told(&name("main"), id, &word(fate), at(second))
}

fn heard(store: &Store, id: &challenge::Id, second: u64) -> Option<Heard> {
    let view = store.view(id, &BROWSER, at(second)).unwrap();
    view.last_send.unwrap().heard
}

fn store() -> Store {
    Store::new(limit::Settings::default())
}

#[test]
fn a_message_is_known_by_its_carriers_name_and_by_ours() {
    let store = store();
    let id = asked(&store, 1, Entry::StepUp);
    assert_eq!(heard(&store, &id, 1), None);
    let (ours, early) = carry(&store, &id, "SM1", 0, 1);
    assert!(early.is_empty());
    let sent = Heard {
        fate: Fate::Sent,
        at: at(1),
    };
    assert_eq!(heard(&store, &id, 2), Some(sent), "a carrier took it");
    assert_eq!(told(&store, "SM1", Fate::Sent, 2), Some(Channel::Sms));
    assert_eq!(heard(&store, &id, 2), Some(sent), "which was known");
    let delivered = Some(Heard {
        fate: Fate::Delivered,
        at: at(3),
    });
    assert_eq!(
        told(&store, ours.as_str(), Fate::Delivered, 3),
        Some(Channel::Sms)
    );
    assert_eq!(heard(&store, &id, 4), delivered);
    // Twice, late, and against better knowledge.
    for fate in [Fate::Delivered, Fate::Sent, Fate::Failed] {
        for name in ["SM1", ours.as_str()] {
            assert_eq!(told(&store, name, fate, 5), None, "{fate:?}");
        }
    }
    assert_eq!(heard(&store, &id, 6), delivered);
}

#[test]
fn a_receipt_that_comes_before_the_carriers_answer_waits_for_it() {
    for first in [Fate::Delivered, Fate::Failed] {
        let store = store();
        let id = asked(&store, 1, Entry::StepUp);
        for fate in [Fate::Sent, first, Fate::Sent] {
            assert_eq!(told(&store, "SM1", fate, 1), None);
        }
        assert_eq!(told(&store, "SM2", Fate::Failed, 1), None, "another one's");
        assert_eq!(heard(&store, &id, 1), None);
        let (_, early) = carry(&store, &id, "SM1", 0, 2);
        assert_eq!(early, [word(Fate::Sent), word(first)], "each is news once");
        assert_eq!(heard(&store, &id, 3).unwrap().fate, first);
        assert_eq!(told(&store, "SM1", first, 3), None);
        // It was taken out: the next message of that name has nothing to do with it.
        let other = asked(&store, 2, Entry::StepUp);
        assert!(carry(&store, &other, "SM1", 0, 3).1.is_empty());
    }
}

#[test]
fn a_receipt_waits_no_longer_than_a_carrier_may_take() {
    let store = store();
    let id = asked(&store, 1, Entry::StepUp);
    told(&store, "SM1", Fate::Delivered, 1);
    let late = 1 + EARLY.as_secs();
    assert!(carry(&store, &id, "SM1", 0, late).1.is_empty());
    assert_eq!(heard(&store, &id, late).unwrap().fate, Fate::Sent);
}

#[test]
fn only_the_newest_message_shows_and_the_others_count() {
    let store = store();
    let id = asked(&store, 1, Entry::StepUp);
    carry(&store, &id, "SM1", 0, 1);
    send(&store, &id, 40);
    assert_eq!(heard(&store, &id, 40), None, "the new one is under way");
    assert_eq!(
        told(&store, "SM1", Fate::Failed, 41),
        Some(Channel::Sms),
        "news for metrics"
    );
    assert_eq!(heard(&store, &id, 41), None);
    carry(&store, &id, "SM2", 40, 42);
    told(&store, "SM2", Fate::Delivered, 43);
    assert_eq!(told(&store, "SM1", Fate::Delivered, 44), Some(Channel::Sms));
    let shown = heard(&store, &id, 45).unwrap();
    assert_eq!((shown.fate, shown.at), (Fate::Delivered, at(43)));
}

#[test]
fn c7_of_a_strangers_message_nothing_is_kept() {
    for entry in [Entry::Ask, Entry::Doubt] {
        let store = store();
        let id = asked(&store, 1, entry);
        told(&store, "SM1", Fate::Failed, 1);
        carry(&store, &id, "SM1", 0, 2);
        assert_eq!(
            told(&store, "SM1", Fate::Delivered, 3),
            Some(Channel::Sms),
            "it counts"
        );
        assert_eq!(heard(&store, &id, 4), None);
    }
}

#[test]
fn c9_a_carrier_tells_of_its_own_messages_only() {
    let store = store();
    let id = asked(&store, 1, Entry::StepUp);
    let (ours, _) = carry(&store, &id, "SM1", 0, 1);
    for (carrier, id) in [
        ("other", "SM1"),
        ("other", ours.as_str()),
        ("main", "SM2"),
        ("main", ""),
    ] {
        let told = store.told(&name(carrier), id, &word(Fate::Failed), at(2));
        assert_eq!(told, None, "{carrier} {id}");
    }
    // A carrier whose name and message run together to the same text.
    assert_ne!(key(&name("ab"), "c"), key(&name("a"), "bc"));
    assert_eq!(heard(&store, &id, 3).unwrap().fate, Fate::Sent);
}

#[test]
fn a_name_that_two_messages_have_is_nobodys() {
    let store = store();
    let ids = [1, 2].map(|number| asked(&store, number, Entry::StepUp));
    let [(ours, _), (other, _)] = [0, 1].map(|n| carry(&store, &ids[n], "ok", 0, 1));
    assert_eq!(told(&store, "ok", Fate::Failed, 2), None);
    for id in &ids {
        assert_eq!(heard(&store, id, 2).unwrap().fate, Fate::Sent);
    }
    told(&store, ours.as_str(), Fate::Delivered, 3);
    assert_eq!(heard(&store, &ids[0], 3).unwrap().fate, Fate::Delivered);
    assert_eq!(heard(&store, &ids[1], 3).unwrap().fate, Fate::Sent);
    told(&store, other.as_str(), Fate::Failed, 3);
    assert_eq!(heard(&store, &ids[1], 3).unwrap().fate, Fate::Failed);
    // A carrier that has no names of its own uses ours: that is one name, not two.
    let third = asked(&store, 3, Entry::StepUp);
    let ours = Id::draw();
    let carried = Carried {
        carrier: &name("main"),
        theirs: ours.as_str(),
        ours: &ours,
        channel: Channel::Voice,
        challenge: Some((third, at(0))),
    };
    store.carried(&carried, at(4));
    assert_eq!(
        told(&store, ours.as_str(), Fate::Failed, 5),
        Some(Channel::Voice)
    );
}

#[test]
fn receipts_are_heard_for_as_long_as_a_challenge_and_some_minutes() {
    let store = store();
    let id = asked(&store, 1, Entry::StepUp);
    carry(&store, &id, "SM1", 0, 0);
    let last = LATE.as_secs() - 1;
    assert!(LATE > LONGEST);
    store.sweep(at(last));
    assert_eq!(
        told(&store, "SM1", Fate::Failed, last),
        Some(Channel::Sms),
        "for metrics"
    );
    store.sweep(at(last + 1));
    assert_eq!(told(&store, "SM1", Fate::Delivered, last + 1), None);
    let kept = store.receipts.kept();
    assert_eq!(
        (kept.notes.len(), kept.numbers.len()),
        (0, 0),
        "nothing is left"
    );
}

#[test]
fn a_message_without_a_challenge_counts() {
    let store = store();
    let ours = Id::draw();
    let carried = Carried {
        carrier: &name("main"),
        theirs: "SM1",
        ours: &ours,
        channel: Channel::Sms,
        challenge: None,
    };
    store.carried(&carried, at(0));
    assert_eq!(told(&store, "SM1", Fate::Delivered, 1), Some(Channel::Sms));
}

#[test]
fn a1_the_oldest_message_is_forgotten_first() {
    let store = Store::bounded(limit::Settings::default(), 3);
    let id = [1; 16];
    let mut ours = Vec::new();
    for n in 0..10 {
        // Every third one has the same name as the one before it.
        let theirs = format!("SM{}", n - usize::from(n % 3 == 2));
        ours.push(carry(&store, &id, &theirs, 0, 1).0);
    }
    for (n, id) in ours.iter().enumerate() {
        let known = told(&store, id.as_str(), Fate::Delivered, 2).is_some();
        assert_eq!(known, n >= 7, "{n}");
    }
    {
        let kept = store.receipts.kept();
        assert!(kept.notes.len() == 3 && kept.numbers.len() <= 6, "{kept:?}");
    }
    store.receipts.sweep(at(1 + LATE.as_secs()));
    assert!(store.receipts.kept().numbers.is_empty());
}

#[test]
fn a1_a_flood_of_receipts_that_nobody_knows_is_bounded() {
    let store = store();
    for n in 0..3 * MOST_EARLY {
        told(&store, &format!("{n}"), Fate::Failed, 1);
    }
    assert_eq!(store.receipts.kept().early.len(), MOST_EARLY);
    // The newest of them is there still.
    let id = asked(&store, 1, Entry::StepUp);
    let newest = format!("{}", 3 * MOST_EARLY - 1);
    assert_eq!(carry(&store, &id, &newest, 0, 2).1.len(), 1);
    store.receipts.sweep(at(1 + EARLY.as_secs()));
    assert_eq!(store.receipts.kept().early.len(), 0);
}

/// Both orders at once, many times: whoever comes first, the outcome is the same.
#[test]
fn a_receipt_is_never_lost_between_the_answer_and_the_note() {
    for n in 0..200 {
        let store = store();
        let id = asked(&store, 1, Entry::StepUp);
        let theirs = format!("SM{n}");
        let news = std::thread::scope(|scope| {
            let vendor = scope.spawn(|| told(&store, &theirs, Fate::Delivered, 1));
            let early = carry(&store, &id, &theirs, 0, 1).1;
            usize::from(vendor.join().unwrap().is_some()) + early.len()
        });
        assert_eq!(news, 1, "told once");
        assert_eq!(heard(&store, &id, 1).unwrap().fate, Fate::Delivered);
    }
}
