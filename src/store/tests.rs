//! The store under many hands at once.

use std::sync::atomic::AtomicUsize;

use super::entrusted::Consult;
use super::holds::Fetched;
use super::*;
use crate::address::Address;
use crate::challenge::Remote;
use crate::challenge::tests::{at, question};
use crate::hold::{Destination, Waiting};
use crate::peer::Peer;

const RIGHT: challenge::Mac = [1; 32];
const WRONG: challenge::Mac = [9; 32];
const BROWSER: challenge::Browser = [7; 32];

fn network(last: u8) -> Network {
    Peer {
        address: std::net::Ipv4Addr::new(192, 0, last, 1).into(),
        https: true,
    }
    .network()
}

fn store() -> Store {
    Store::new(limit::Settings::default())
}

fn sent(store: &Store, id: u8, subject: &str) -> challenge::Id {
    let id = store
        .ask(question("login", subject), [id; 16], at(0))
        .unwrap();
    assert_eq!(
        store.send(&id, &BROWSER, RIGHT, Channel::Sms, network(0), at(0)),
        Sending::Go
    );
    id
}

fn reward(verified: challenge::Verified) -> Reward {
    Reward {
        grant: Grant::issue(verified, [9; 16], at(1)),
        secret: BrowserSecret::new([8; 16]),
        browser: [8; 32],
        destination: Destination::of("/"),
        replay: false,
        lost: None,
        release: None,
    }
}

fn answer(
    store: &Store,
    id: &challenge::Id,
    mac: challenge::Mac,
    part: Part,
    seconds: u64,
) -> Attempt {
    store.answer(id, &BROWSER, &mac, part, at(seconds), |verified, _| {
        reward(verified)
    })
}

#[test]
fn c3_of_a_thousand_simultaneous_right_answers_one_gets_the_grant() {
    let store = store();
    let id = sent(&store, 1, "ann");
    let made = AtomicUsize::new(0);
    let opened = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let attempt = store.answer(
                        &id,
                        &BROWSER,
                        &RIGHT,
                        Part::Stranger,
                        at(1),
                        |verified, _| {
                            made.fetch_add(1, Ordering::Relaxed);
                            reward(verified)
                        },
                    );
                    if let Attempt::Opened { first: true, .. } = attempt {
                        opened.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!((made.into_inner(), opened.into_inner()), (1, 1));
}

#[test]
fn c3_of_a_thousand_simultaneous_wrong_answers_five_are_compared() {
    let store = store();
    let id = sent(&store, 1, "ann");
    let compared = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for n in 0..20_u8 {
            let (store, compared) = (&store, &compared);
            scope.spawn(move || {
                for _ in 0..50 {
                    if let Attempt::Refused(Refused::Wrong) =
                        answer(store, &id, [n + 2; 32], Part::Stranger, 1)
                    {
                        compared.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    // The fifth wrong one spends the challenge.
    assert_eq!(compared.into_inner(), 4);
    assert!(matches!(
        answer(&store, &id, RIGHT, Part::Stranger, 1),
        Attempt::Refused(Refused::Spent)
    ));
}

#[test]
fn c4_ten_failures_lock_a_subject_over_all_challenges_but_not_who_passed_before() {
    let store = store();
    for n in 1..=2 {
        let id = sent(&store, n, "ann");
        for _ in 0..5 {
            answer(&store, &id, [9; 32], Part::Stranger, 1);
        }
    }
    let id = sent(&store, 3, "ann");
    assert!(
        matches!(
            answer(&store, &id, RIGHT, Part::Stranger, 2),
            Attempt::Refused(Refused::Locked)
        ),
        "even the right one is not compared"
    );
    assert!(
        matches!(
            answer(&store, &id, RIGHT, Part::Known, 2),
            Attempt::Opened { first: true, .. }
        ),
        "strangers use up only theirs"
    );
    let other = sent(&store, 4, "bob");
    assert!(
        matches!(
            answer(&store, &other, RIGHT, Part::Stranger, 2),
            Attempt::Opened { .. }
        ),
        "another subject"
    );
}

#[test]
fn c4_a_right_answer_clears_the_failures() {
    let store = store();
    for round in 0..4 {
        let id = sent(&store, round + 1, "ann");
        for _ in 0..4 {
            assert!(
                matches!(
                    answer(&store, &id, [9; 32], Part::Stranger, 1),
                    Attempt::Refused(Refused::Wrong)
                ),
                "round {round}"
            );
        }
        assert!(
            matches!(
                answer(&store, &id, RIGHT, Part::Stranger, 1),
                Attempt::Opened { .. }
            ),
            "round {round}"
        );
    }
}

#[test]
fn c2_a_code_is_good_only_with_its_browser() {
    let store = store();
    let id = sent(&store, 1, "ann");
    let stranger = store.answer(
        &id,
        &[6; 32],
        &RIGHT,
        Part::Stranger,
        at(1),
        |verified, _| reward(verified),
    );
    assert!(matches!(stranger, Attempt::Gone));
    assert!(store.view(&id, &[6; 32], at(1)).is_none());
    assert_eq!(
        store.send(&id, &[6; 32], RIGHT, Channel::Sms, network(0), at(40)),
        Sending::Gone
    );
    assert!(matches!(
        answer(&store, &id, RIGHT, Part::Stranger, 1),
        Attempt::Opened { .. }
    ));
}

#[test]
fn a_second_tab_joins_and_a_spent_challenge_is_not_joined() {
    let store = store();
    let id = sent(&store, 1, "ann");
    assert_eq!(store.ask(question("login", "ann"), [2; 16], at(1)), Ok(id));
    assert_eq!(
        store.ask(question("admin", "ann"), [3; 16], at(1)),
        Ok([3; 16]),
        "another scope is another question"
    );
    assert_eq!(
        store.ask(question("login", "bob"), [4; 16], at(1)),
        Ok([4; 16])
    );
    for _ in 0..5 {
        answer(&store, &id, [9; 32], Part::Stranger, 1);
    }
    assert_eq!(
        store.ask(question("login", "ann"), [5; 16], at(1)),
        Ok([5; 16])
    );
}

#[test]
fn a1_at_the_bound_the_newest_is_refused_and_room_comes_back() {
    let store = Store::bounded(limit::Settings::default(), 2);
    for n in 1..=2 {
        store
            .ask(question("login", &format!("user{n}")), [n; 16], at(0))
            .unwrap();
    }
    assert_eq!(
        store.ask(question("login", "user3"), [3; 16], at(0)),
        Err(Full)
    );
    assert_eq!(
        store.ask(question("login", "user1"), [4; 16], at(0)),
        Ok([1; 16]),
        "who is there already joins"
    );
    store.cancel(&[1; 16], &BROWSER);
    assert_eq!(
        store.ask(question("login", "user3"), [3; 16], at(0)),
        Ok([3; 16])
    );
    assert_eq!(store.len(), 2);
    store.sweep(at(600));
    assert!(store.is_empty());
    assert!(store.view(&[3; 16], &BROWSER, at(600)).is_none());
}

#[test]
fn a1_strangers_leave_the_last_eighth_to_people_who_have_shown_who_they_are() {
    let store = Store::bounded(limit::Settings::default(), 8);
    let by = |n: u8, entry| Question {
        entry,
        ..question("login", &format!("user{n}"))
    };
    for n in 0..7 {
        let begun = store.ask(by(n, challenge::Entry::Ask), [n; 16], at(0));
        assert_eq!(begun, Ok([n; 16]));
    }
    let stranger = by(7, challenge::Entry::Ask);
    assert_eq!(store.ask(stranger, [7; 16], at(0)), Err(Full));
    let person = by(8, challenge::Entry::StepUp);
    assert_eq!(store.ask(person, [8; 16], at(0)), Ok([8; 16]));
    let late = by(9, challenge::Entry::Renewal);
    assert_eq!(store.ask(late, [9; 16], at(0)), Err(Full));
}

#[test]
fn c6_a_network_has_twenty_sends_an_hour_whoever_they_are_for() {
    let store = store();
    for n in 0..20 {
        store
            .ask(question("login", &format!("user{n}")), [n; 16], at(0))
            .unwrap();
        assert_eq!(
            store.send(&[n; 16], &BROWSER, RIGHT, Channel::Sms, network(1), at(0)),
            Sending::Go
        );
    }
    store
        .ask(question("login", "more"), [20; 16], at(0))
        .unwrap();
    assert_eq!(
        store.send(&[20; 16], &BROWSER, RIGHT, Channel::Sms, network(1), at(0)),
        Sending::NotNow
    );
    let view = store.view(&[20; 16], &BROWSER, at(0)).unwrap();
    assert_eq!(
        view.mistake,
        Some(Mistake::SendLimit {
            until: at(3600).unix
        })
    );
    assert_eq!(
        store.send(&[20; 16], &BROWSER, RIGHT, Channel::Sms, network(2), at(0)),
        Sending::Go,
        "another network"
    );
}

#[test]
fn c6_numbers_and_scopes_have_their_own_bounds_and_voice_half() {
    let counters = Counters::new(limit::Settings {
        all_per_hour: 8,
        ..limit::Settings::default()
    });
    let (site, login) = (
        Name::parse("portal").unwrap(),
        Name::parse("login").unwrap(),
    );
    let phone = |n: u32| crate::phone::Phone::parse(&format!("+120255501{n:02}")).unwrap();
    let send = |n, channel| counters.send(&Address::Phone(phone(n)), &site, &login, channel, at(0));
    for _ in 0..5 {
        assert_eq!(send(1, Channel::Sms), Ok(()));
    }
    assert!(send(1, Channel::Sms).is_err(), "five an hour to one number");
    for _ in 0..3 {
        assert_eq!(send(1, Channel::Voice), Ok(()), "calls are counted apart");
    }
    assert!(send(1, Channel::Voice).is_err(), "three calls");
    for _ in 0..3 {
        assert_eq!(send(2, Channel::Sms), Ok(()));
    }
    assert!(
        send(2, Channel::Sms).is_err(),
        "the scope's budget of eight"
    );
    assert!(send(3, Channel::Sms).is_err());
    counters.sweep(at(3600));
    assert_eq!(
        counters.send(
            &Address::Phone(phone(2)),
            &site,
            &login,
            Channel::Sms,
            at(3600)
        ),
        Ok(()),
        "what the budget refused did not count for the number"
    );
}

#[test]
fn c6_mail_counts_for_each_address_and_apart_from_texts_and_calls() {
    let counters = Counters::new(limit::Settings {
        all_per_hour: 7,
        ..limit::Settings::default()
    });
    let (site, login) = (
        Name::parse("portal").unwrap(),
        Name::parse("login").unwrap(),
    );
    let to = |address: &Address, channel| counters.send(address, &site, &login, channel, at(0));
    let phone = Address::Phone(crate::phone::Phone::parse("+12025550143").unwrap());
    let email = |text: &str| Address::Email(crate::email::Email::parse(text).unwrap());
    for _ in 0..5 {
        assert_eq!(to(&phone, Channel::Sms), Ok(()));
    }
    assert!(to(&phone, Channel::Sms).is_err());
    for spelling in ["ann", "ANN", "Ann", "anN", "ann"] {
        let address = email(&format!("{spelling}@example.com"));
        assert_eq!(to(&address, Channel::Email), Ok(()), "not halved");
    }
    let ann = email("ann@Example.com");
    assert!(to(&ann, Channel::Email).is_err(), "five an hour");
    let bob = email("bob@example.com");
    assert_eq!(to(&bob, Channel::Email), Ok(()));
    assert_eq!(to(&bob, Channel::Email), Ok(()));
    assert!(to(&bob, Channel::Email).is_err(), "the scope's mails");
    assert_eq!(to(&phone, Channel::Voice), Ok(()), "and no others");
}

#[test]
fn c6_an_account_of_the_api_has_ten_messages_and_five_calls_an_hour_to_a_number_and_a_budget() {
    let counters = Counters::new(limit::Settings {
        all_per_hour: 12,
        ..limit::Settings::default()
    });
    let phone = |n: u32| crate::phone::Phone::parse(&format!("+120255501{n:02}")).unwrap();
    let send = |n, account: &str, channel| {
        counters.account(&Address::Phone(phone(n)), account, channel, at(0))
    };
    for _ in 0..10 {
        assert_eq!(send(1, "9900000", Channel::Sms), Ok(()));
    }
    assert!(send(1, "9900000", Channel::Sms).is_err());
    for _ in 0..5 {
        assert_eq!(send(1, "9900000", Channel::Voice), Ok(()));
    }
    assert!(send(1, "9900000", Channel::Voice).is_err());
    assert_eq!(send(1, "9900001", Channel::Sms), Ok(()), "another account");
    for _ in 0..2 {
        assert_eq!(send(2, "9900000", Channel::Sms), Ok(()));
    }
    assert!(send(2, "9900000", Channel::Sms).is_err(), "its budget");
    let again = |n| counters.account(&Address::Phone(phone(n)), "9900000", Channel::Sms, at(3600));
    assert_eq!(again(1), Ok(()));
}

#[test]
fn the_newest_hold_replaces_the_older_and_goes_to_its_browser() {
    let holds = Holds::new(16);
    let (site, login) = (
        Name::parse("portal").unwrap(),
        Name::parse("login").unwrap(),
    );
    let hold = |path: &str| Hold {
        target: Destination::of(path),
        request: Waiting::Nothing,
    };
    for path in ["/first", "/second"] {
        holds
            .keep(
                BROWSER,
                &site,
                &login,
                hold(path),
                (network(0), challenge::Entry::Ask),
                at(0),
            )
            .unwrap();
    }
    assert_eq!(holds.len(), 1);
    let elsewhere = Question {
        browser: [6; 32],
        ..question("login", "ann")
    };
    assert!(holds.take(&elsewhere).is_none());
    let taken = holds.take(&question("login", "ann")).unwrap();
    assert_eq!(taken.target.as_str(), "/second");
    assert_eq!((holds.len(), holds.bytes()), (0, 0));
}

#[test]
fn a1_one_network_cannot_fill_the_holds() {
    let holds = Holds::new(16);
    let (site, login) = (
        Name::parse("portal").unwrap(),
        Name::parse("login").unwrap(),
    );
    let keep = |browser: u8, from: u8| {
        let hold = Hold {
            target: Destination::of("/"),
            request: Waiting::Nothing,
        };
        holds.keep(
            [browser; 32],
            &site,
            &login,
            hold,
            (network(from), challenge::Entry::Ask),
            at(0),
        )
    };
    assert_eq!(
        (keep(1, 1), keep(2, 1), keep(3, 1)),
        (Ok(()), Ok(()), Err(Full))
    );
    assert_eq!(keep(1, 1), Ok(()), "who has a place keeps it");
    assert_eq!(keep(3, 2), Ok(()));
    holds.sweep(at(600));
    assert_eq!((holds.len(), holds.bytes()), (0, 0));
    assert_eq!(keep(3, 1), Ok(()), "room comes back");
}

/// 32 MiB of 256: half a mebibyte at a time, the 65th finds no room, and the neighbours do.
#[test]
fn a1_one_network_cannot_fill_the_memory_of_holds() {
    const HALF: usize = 512 * 1024;
    let holds = Holds::new(100_000);
    let room = |from| {
        holds.room(network(from)).and_then(|mut room| {
            room.resize(HALF)?;
            Ok(room)
        })
    };
    let mut taken: Vec<_> = (0..64)
        .map(|n| room(1).unwrap_or_else(|_| panic!("{n}")))
        .collect();
    assert!(room(1).is_err());
    assert_eq!(
        holds.bytes(),
        64 * HALF,
        "what was refused takes nothing up"
    );
    assert!(room(2).is_ok());
    taken.pop();
    assert!(room(1).is_ok(), "room comes back");
    drop(taken);
    assert_eq!((holds.len(), holds.bytes()), (0, 0));
}

#[test]
fn a_held_request_is_replayed_once_to_its_browser_at_its_place() {
    let holds = Holds::new(16);
    let kept =
        || crate::hold::Kept::seal(http::Method::POST, None, b"x", &[1; 32], [0; 12]).unwrap();
    holds.will_fetch([1; 16], Fetched::Request(kept()), BROWSER, "/form", at(0));
    assert!(
        holds
            .fetch_request(&[1; 16], &[6; 32], "/form", at(1))
            .is_none(),
        "another browser"
    );
    assert!(
        holds
            .fetch_request(&[1; 16], &BROWSER, "/other", at(1))
            .is_none(),
        "another place"
    );
    assert!(
        holds
            .fetch_request(&[1; 16], &BROWSER, "/form", at(1))
            .is_some()
    );
    assert!(
        holds
            .fetch_request(&[1; 16], &BROWSER, "/form", at(1))
            .is_none(),
        "once"
    );
    holds.will_fetch([2; 16], Fetched::Request(kept()), BROWSER, "/form", at(0));
    assert!(
        holds
            .fetch_request(&[2; 16], &BROWSER, "/form", at(60))
            .is_none(),
        "not for ever"
    );
    holds.sweep(at(60));
    assert_eq!(holds.bytes(), 0);
}

#[test]
fn s7_the_answer_to_a_login_has_its_room_before_the_password_goes_up() {
    let holds = Holds::new(16);
    let (site, login) = (
        Name::parse("portal").unwrap(),
        Name::parse("login").unwrap(),
    );
    let first = holds.room(network(1)).unwrap();
    let second = holds.room(network(1)).unwrap();
    assert_eq!(
        holds.room(network(1)).unwrap_err(),
        Full,
        "one network's share"
    );
    assert_eq!(holds.len(), 2);
    drop(second);
    let hold = |path: &str| Hold {
        target: Destination::of(path),
        request: Waiting::Nothing,
    };
    let (place, ann) = ((&site, &login), Subject::parse("ann").unwrap());
    holds.keep_in(first, BROWSER, place, &ann, hold("/first"), at(0));
    let third = holds.room(network(1)).unwrap();
    holds.keep_in(third, BROWSER, place, &ann, hold("/second"), at(0));
    assert_eq!(
        holds.len(),
        1,
        "the newest replaces the older, and its room is free"
    );
    let taken = holds.take(&question("login", "ann")).unwrap();
    assert_eq!(taken.target.as_str(), "/second");
    assert_eq!((holds.len(), holds.bytes()), (0, 0));
}

#[test]
fn g2_what_waits_for_one_persons_code_is_not_given_for_anothers() {
    let holds = Holds::new(32);
    let (site, login) = (
        Name::parse("portal").unwrap(),
        Name::parse("login").unwrap(),
    );
    let hold = |path: &str| Hold {
        target: Destination::of(path),
        request: Waiting::Nothing,
    };
    let ann = Subject::parse("ann").unwrap();
    let room = holds.room(network(1)).unwrap();
    holds.keep_in(room, BROWSER, (&site, &login), &ann, hold("/ann"), at(0));
    assert!(holds.take(&question("login", "bob")).is_none());
    // A page that its browser wanted to see is anybody's; the answer to a login goes before it.
    let stranger = (network(1), challenge::Entry::Ask);
    let wanted = hold("/wanted");
    holds
        .keep(BROWSER, &site, &login, wanted, stranger, at(0))
        .unwrap();
    let taken = holds.take(&question("login", "ann")).unwrap();
    assert_eq!(taken.target.as_str(), "/ann");
    assert!(holds.is_empty(), "and what waited beside it goes, too");
}

#[test]
fn a_body_that_finds_no_room_is_refused_and_nothing_else_grows() {
    let holds = Holds::new(16);
    let mut room = holds.room(network(1)).unwrap();
    let before = holds.bytes();
    assert_eq!(room.resize(usize::MAX / 4), Err(Full));
    assert_eq!(holds.bytes(), before);
    assert_eq!(room.resize(1024 * 1024), Ok(()));
    assert_eq!(holds.bytes(), 1024 * 1024);
    drop(room);
    assert_eq!((holds.len(), holds.bytes()), (0, 0));
}

#[test]
fn a_page_and_a_request_are_fetched_each_by_its_own_way() {
    let holds = Holds::new(16);
    let page = crate::hold::Sealed::seal(b"x".to_vec(), b"page", &[1; 32], [0; 12]).unwrap();
    holds.will_fetch([1; 16], Fetched::Page(page), BROWSER, "/login", at(0));
    assert!(
        holds
            .fetch_request(&[1; 16], &BROWSER, "/login", at(1))
            .is_none()
    );
    assert!(
        holds
            .fetch_page(&[1; 16], &[6; 32], "/login", at(1))
            .is_none()
    );
    assert!(
        holds
            .fetch_page(&[1; 16], &BROWSER, "/login", at(1))
            .is_some()
    );
    assert!(
        holds
            .fetch_page(&[1; 16], &BROWSER, "/login", at(1))
            .is_none(),
        "once"
    );
    assert_eq!(holds.bytes(), 0);
}

fn remote() -> Remote {
    Remote {
        carrier: Name::parse("main").unwrap(),
        handle: "handle".to_owned(),
    }
}

/// A challenge whose code a vendor made.
fn entrusted(store: &Store, id: u8, subject: &str) -> challenge::Id {
    let id = sent(store, id, subject);
    store.entrust(&id, &RIGHT, remote(), [5; 32]);
    id
}

/// Two answers at once would show by the time that they take whether there is a vendor to be asked.
#[test]
fn c7_nobodys_answers_queue_as_well() {
    let store = store();
    let (somebody, nobody) = (entrusted(&store, 1, "ann"), sent(&store, 2, "nobody"));
    for id in [&somebody, &nobody] {
        let turn = store.turn(id).unwrap();
        let _first = turn.try_lock().unwrap();
        assert!(store.turn(id).unwrap().try_lock().is_err());
    }
}

fn consult(store: &Store, id: &challenge::Id) -> Consult {
    store.consult(id, &BROWSER, &WRONG, Part::Stranger, false, at(1))
}

fn conclude(store: &Store, id: &challenge::Id) -> Attempt {
    store.conclude(
        id,
        &BROWSER,
        &WRONG,
        Part::Stranger,
        at(1),
        |verified, _| reward(verified),
    )
}

fn left(store: &Store, id: &challenge::Id) -> u8 {
    store.view(id, &BROWSER, at(1)).unwrap().left
}

#[test]
fn a_vendor_is_asked_and_what_it_says_counts() {
    let store = store();
    let id = entrusted(&store, 1, "ann");
    assert!(matches!(consult(&store, &id), Consult::Vendor(asked) if asked == remote()));
    assert!(matches!(
        store.missed(&id, &BROWSER, at(1)),
        Attempt::Refused(Refused::Wrong)
    ));
    assert_eq!(left(&store, &id), 4);
    assert!(matches!(consult(&store, &id), Consult::Vendor(_)));
    store.unchecked(&id, &BROWSER, at(1));
    assert_eq!(left(&store, &id), 4, "nobody knows whether it was wrong");
    assert!(matches!(consult(&store, &id), Consult::Vendor(_)));
    store.vouch(&id, &remote(), WRONG);
    assert!(matches!(
        conclude(&store, &id),
        Attempt::Opened { first: true, .. }
    ));
    // The same code again is a double click, for which nobody is asked.
    assert!(matches!(consult(&store, &id), Consult::Nobody));
    assert!(matches!(
        conclude(&store, &id),
        Attempt::Opened { first: false, .. }
    ));
}

/// A browser gives its first request up for the second click, and by then the vendor has said yes: it says so once.
#[test]
fn what_a_vendor_vouched_for_is_right_whoever_waited() {
    let store = store();
    let id = entrusted(&store, 1, "ann");
    for _ in 0..5 {
        assert!(matches!(consult(&store, &id), Consult::Vendor(_)));
    }
    store.vouch(&id, &remote(), WRONG);
    assert!(matches!(consult(&store, &id), Consult::Nobody));
    let again = answer(&store, &id, WRONG, Part::Stranger, 1);
    assert!(matches!(again, Attempt::Opened { first: true, .. }));
}

/// Whoever goes away before the vendor has said no has used up a try all the same.
#[test]
fn c3_no_sixth_answer_of_a_challenge_is_asked_about() {
    let store = store();
    let id = entrusted(&store, 1, "ann");
    for n in 0..5 {
        assert!(matches!(consult(&store, &id), Consult::Vendor(_)), "{n}");
    }
    assert!(matches!(consult(&store, &id), Consult::Nobody));
    assert!(matches!(
        store.missed(&id, &BROWSER, at(1)),
        Attempt::Refused(Refused::Spent)
    ));
}

/// What is counted while a vendor is asked is counted at the same time where nobody is.
#[test]
fn c7_a_strangers_answer_counts_at_once_whether_or_not_there_is_a_vendor() {
    let store = store();
    let (some, none) = (entrusted(&store, 1, "ann"), sent(&store, 2, "bob"));
    let ask = |id, mac| store.consult(id, &BROWSER, mac, Part::Stranger, true, at(1));
    assert!(matches!(ask(&some, &WRONG), Consult::Vendor(_)));
    assert!(matches!(ask(&none, &WRONG), Consult::Void));
    assert_eq!((left(&store, &some), left(&store, &none)), (4, 4));
    // A code of ours is compared like any other.
    assert!(matches!(ask(&none, &RIGHT), Consult::Nobody));
    for id in [&some, &none] {
        assert!(matches!(
            store.missed(id, &BROWSER, at(1)),
            Attempt::Refused(Refused::Wrong)
        ));
        assert!(store.turn(id).is_some(), "both queue");
        let shown = store.view(id, &BROWSER, at(1)).unwrap();
        assert_eq!((shown.left, shown.mistake), (4, Some(Mistake::Wrong)));
    }
}

/// However many answers are under way at once in however many browsers, no more are compared than may be: each is
/// counted before its vendor is asked.
#[test]
fn c4_an_answer_is_counted_before_its_vendor_is_asked() {
    let store = store();
    let consulted: Vec<Consult> = (1..=12)
        .map(|n| {
            let browser = [n; 32];
            let asked = Question {
                browser,
                ..question("login", "ann")
            };
            let id = store.ask(asked, [n; 16], at(0)).unwrap();
            store.send(&id, &browser, RIGHT, Channel::Sms, network(n), at(0));
            store.entrust(&id, &RIGHT, remote(), [5; 32]);
            store.consult(&id, &browser, &WRONG, Part::Stranger, false, at(1))
        })
        .collect();
    let vendor = |consult: &&Consult| matches!(consult, Consult::Vendor(_));
    assert_eq!(consulted.iter().filter(vendor).count(), 10);
    assert!(matches!(consulted[11], Consult::Refused(Refused::Locked)));
}

#[test]
fn another_browser_gets_no_vendor_asked() {
    let store = store();
    let id = entrusted(&store, 1, "ann");
    let consult = store.consult(&id, &[6; 32], &WRONG, Part::Stranger, false, at(1));
    assert!(matches!(consult, Consult::Nobody));
    let reward = |verified, _| reward(verified);
    let attempt = store.conclude(&id, &[6; 32], &WRONG, Part::Stranger, at(1), reward);
    assert!(matches!(attempt, Attempt::Gone));
}
