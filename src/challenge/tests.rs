//! Challenges as tables: what was done, `now`, what came of it.

use super::*;
use crate::message::wording::Wording;

/// A scope with the defaults of the configuration.
pub(crate) fn scope(name: &str) -> Scope {
    Scope {
        name: Name::parse(name).unwrap(),
        title: name.to_owned(),
        digits: 6,
        code_life: Duration::from_secs(300),
        grant_life: Duration::from_secs(12 * 3600),
        idle: Duration::from_secs(1800),
        shadow: false,
        channels: vec![Channel::Sms, Channel::Voice],
        message: Wording::default(),
    }
}

/// A question of `subject` by the browser `[7; 32]`.
pub(crate) fn question(scope_name: &str, subject: &str) -> Question {
    Question {
        site: Name::parse("portal").unwrap(),
        scope: Arc::new(scope(scope_name)),
        subject: Subject::parse(subject).unwrap(),
        named: Subject::parse(subject).unwrap(),
        entry: Entry::Ask,
        browser: [7; 32],
    }
}

/// The proof that a right answer gives.
pub(crate) fn verified(scope: &str, subject: &str) -> Verified {
    let mut challenge = Challenge::ask(question(scope, subject), at(0));
    challenge.send([1; 32], Channel::Sms, at(0));
    match challenge.answer(&[1; 32], 5, at(1)) {
        Answer::Right(verified) => verified,
        other => panic!("{other:?}"),
    }
}

/// So many seconds after the process began.
pub(crate) fn at(seconds: u64) -> Moment {
    Moment {
        unix: 1_800_000_000 + seconds,
        mono: Duration::from_secs(seconds),
    }
}

const RIGHT: Mac = [1; 32];
const WRONG: Mac = [9; 32];

fn sent() -> Challenge {
    let mut challenge = Challenge::ask(question("login", "ann"), at(0));
    challenge.send(RIGHT, Channel::Sms, at(0));
    challenge
}

#[test]
fn a_right_answer_proves_subject_scope_and_site() {
    let (site, scope, subject, entry) = verified("admin", "ann").into_parts();
    assert_eq!(
        (site.as_str(), scope.name.as_str(), subject.as_str(), entry),
        ("portal", "admin", "ann", Entry::Ask)
    );
}

#[test]
fn c4_the_fifth_wrong_answer_spends_the_challenge() {
    let mut challenge = sent();
    for left in (1..5).rev() {
        assert!(matches!(challenge.answer(&WRONG, 5, at(1)), Answer::Wrong));
        assert_eq!(challenge.left(5), left);
    }
    assert!(matches!(challenge.answer(&WRONG, 5, at(1)), Answer::Spent));
    assert!(!challenge.compares(5, at(1)));
    assert!(
        matches!(challenge.answer(&RIGHT, 5, at(1)), Answer::Spent),
        "the right one is not compared any more"
    );
    assert_eq!(challenge.may_send(4, 5, at(100)), MaySend::BeginAnew);
}

#[test]
fn c1_a_code_ends_after_its_life_and_does_not_count_as_wrong() {
    let mut challenge = sent();
    assert!(matches!(
        challenge.answer(&WRONG, 5, at(299)),
        Answer::Wrong
    ));
    assert!(matches!(
        challenge.answer(&RIGHT, 5, at(300)),
        Answer::Expired
    ));
    assert_eq!(
        (challenge.mistake(), challenge.left(5)),
        (Some(Mistake::Expired), 4)
    );
}

#[test]
fn c2_three_codes_live_side_by_side_and_share_one_budget() {
    let mut challenge = sent();
    for (n, when) in [(2, 30), (3, 90), (4, 210)] {
        assert_eq!(challenge.may_send(4, 5, at(when)), MaySend::Yes, "send {n}");
        challenge.send([n; 32], Channel::Sms, at(when));
    }
    assert_eq!(challenge.living(at(211)), 3);
    assert!(
        matches!(challenge.answer(&RIGHT, 5, at(211)), Answer::Wrong),
        "the oldest of four has ended"
    );
    assert_eq!(challenge.left(5), 4);
    assert!(
        matches!(challenge.answer(&[3; 32], 5, at(211)), Answer::Right(_)),
        "an earlier code is good to its own end"
    );
    assert!(
        matches!(challenge.answer(&[4; 32], 5, at(212)), Answer::Finished),
        "but only one of them opens"
    );
}

#[test]
fn c6_sends_wait_30_60_and_120_seconds_and_end_after_four() {
    let mut challenge = Challenge::ask(question("login", "ann"), at(0));
    assert_eq!(challenge.may_send(4, 5, at(0)), MaySend::Yes);
    let mut now = 0;
    for wait in [30, 60, 120] {
        challenge.send(RIGHT, Channel::Sms, at(now));
        assert_eq!(
            challenge.may_send(4, 5, at(now + wait - 1)),
            MaySend::Wait(Duration::from_secs(1))
        );
        now += wait;
        assert_eq!(challenge.may_send(4, 5, at(now)), MaySend::Yes);
    }
    challenge.send(RIGHT, Channel::Sms, at(now));
    assert_eq!(challenge.may_send(4, 5, at(now + 300)), MaySend::NoMore);
    assert_eq!(challenge.sends(), 4);
}

#[test]
fn c1_no_code_outlives_ten_minutes_from_the_beginning() {
    let mut challenge = Challenge::ask(question("login", "ann"), at(0));
    challenge.send([1; 32], Channel::Sms, at(500));
    assert_eq!(challenge.code_until(), Some(Duration::from_secs(600)));
    assert!(matches!(
        challenge.answer(&[1; 32], 5, at(600)),
        Answer::Expired
    ));
    assert_eq!(challenge.ends(), Duration::from_secs(600));
    assert_eq!(
        Challenge::ask(question("login", "ann"), at(0)).may_send(4, 5, at(541)),
        MaySend::BeginAnew,
        "a code for less than a minute is not sent"
    );
}

#[test]
fn a_double_click_gets_the_same_until_the_grant_is_used_or_a_minute_has_passed() {
    let mut challenge = sent();
    assert!(matches!(
        challenge.answer(&RIGHT, 5, at(1)),
        Answer::Right(_)
    ));
    assert!(matches!(challenge.answer(&RIGHT, 5, at(60)), Answer::Again));
    assert!(
        matches!(challenge.answer(&WRONG, 5, at(60)), Answer::Finished),
        "only the same code"
    );
    assert!(matches!(
        challenge.answer(&RIGHT, 5, at(61)),
        Answer::Finished
    ));
    let mut challenge = sent();
    assert!(matches!(
        challenge.answer(&RIGHT, 5, at(1)),
        Answer::Right(_)
    ));
    challenge.used();
    assert!(matches!(
        challenge.answer(&RIGHT, 5, at(2)),
        Answer::Finished
    ));
}

#[test]
fn a_code_that_did_not_go_out_is_not_one() {
    let mut challenge = Challenge::ask(question("login", "ann"), at(0));
    challenge.send([0; 32], Channel::Sms, at(0));
    assert!(challenge.arm(&[0; 32], RIGHT));
    assert!(!challenge.arm(&[0; 32], WRONG), "a place is taken once");
    challenge.report(&RIGHT, Some(Trouble::Carrier));
    assert_eq!(challenge.living(at(1)), 0);
    assert!(matches!(
        challenge.answer(&RIGHT, 5, at(1)),
        Answer::Expired
    ));
    assert_eq!(challenge.trouble(), Some(Trouble::Carrier));
    challenge.send(RIGHT, Channel::Sms, at(30));
    assert_eq!(challenge.trouble(), None, "a new send is a new try");
}

/// The first carrier may say no when the second message is long on its way: it is the first code that ends.
#[test]
fn a_late_failure_takes_no_newer_code_away() {
    let mut challenge = sent();
    challenge.send([2; 32], Channel::Voice, at(30));
    challenge.report(&RIGHT, Some(Trouble::Carrier));
    assert_eq!((challenge.living(at(31)), challenge.trouble()), (1, None));
    challenge.report(&WRONG, Some(Trouble::Number));
    assert_eq!((challenge.living(at(31)), challenge.trouble()), (1, None));
    assert!(matches!(
        challenge.answer(&[2; 32], 5, at(31)),
        Answer::Right(_)
    ));
}

#[test]
fn c3_under_all_orders_of_three_steps_a_code_opens_once() {
    // Every sequence of three steps out of: right, wrong, resend, a long wait.
    for order in 0..64_u32 {
        let mut challenge = sent();
        let (mut opened, mut now) = (0, 0);
        for step in [order % 4, order / 4 % 4, order / 16] {
            now += 31;
            match step {
                0 => {
                    opened += u32::from(matches!(
                        challenge.answer(&RIGHT, 5, at(now)),
                        Answer::Right(_)
                    ));
                }
                1 => drop(challenge.answer(&WRONG, 5, at(now))),
                2 => challenge.send([2; 32], Channel::Sms, at(now)),
                _ => now += 300,
            }
        }
        opened += u32::from(matches!(
            challenge.answer(&[2; 32], 5, at(now + 1)),
            Answer::Right(_)
        ));
        opened += u32::from(matches!(
            challenge.answer(&RIGHT, 5, at(now + 1)),
            Answer::Right(_)
        ));
        assert!(opened <= 1, "order {order} opened {opened} times");
    }
}

fn remote(handle: &str) -> Remote {
    Remote {
        carrier: Name::parse("main").unwrap(),
        handle: handle.to_owned(),
    }
}

const NONE: Mac = [5; 32];

/// The code that was drawn here never went out: whoever guesses it has guessed nothing.
#[test]
fn c2_a_vendors_code_takes_the_place_of_ours() {
    let mut challenge = sent();
    challenge.entrust(&RIGHT, remote("v1"), NONE);
    assert_eq!(challenge.living(at(1)), 1);
    assert_eq!(challenge.entrusted(&RIGHT, 5, at(1)), Some(remote("v1")));
    assert!(matches!(challenge.answer(&RIGHT, 5, at(1)), Answer::Wrong));

    // Only what the vendor vouches for is right, and it is right once.
    challenge.vouched(&remote("v1"), [3; 32]);
    assert_eq!(challenge.entrusted(&[3; 32], 5, at(1)), None);
    assert!(matches!(
        challenge.answer(&[3; 32], 5, at(1)),
        Answer::Right(_)
    ));
    assert_eq!(
        challenge
            .brought()
            .map(|by| (by.carrier.as_str(), by.channel)),
        Some(("main", Channel::Sms))
    );
    assert!(matches!(
        challenge.answer(&[3; 32], 5, at(2)),
        Answer::Again
    ));
}

#[test]
fn a_vendor_keeps_one_code_and_ours_live_beside_it() {
    let mut challenge = sent();
    challenge.send([2; 32], Channel::Sms, at(30));
    challenge.entrust(&[2; 32], remote("v1"), NONE);
    // Ours is still right, and nobody is asked about it.
    assert_eq!(challenge.entrusted(&RIGHT, 5, at(31)), None);
    assert_eq!(challenge.entrusted(&WRONG, 5, at(31)), Some(remote("v1")));
    // The next one of the vendor's ends the one before, and not ours.
    challenge.send([4; 32], Channel::Voice, at(90));
    challenge.entrust(&[4; 32], remote("v2"), [6; 32]);
    assert_eq!(challenge.entrusted(&WRONG, 5, at(91)), Some(remote("v2")));
    challenge.vouched(&remote("v1"), WRONG);
    assert!(matches!(challenge.answer(&WRONG, 5, at(91)), Answer::Wrong));
    assert!(matches!(
        challenge.answer(&RIGHT, 5, at(91)),
        Answer::Right(_)
    ));
}

/// What is sent to nobody stays in its place; so must what a vendor ended, for who has shown nothing.
#[test]
fn c7_how_many_codes_live_tells_a_stranger_of_no_vendor() {
    for (entry, living) in [(Entry::Ask, 2), (Entry::Doubt, 2), (Entry::Capture, 1)] {
        let question = Question {
            entry,
            ..question("login", "ann")
        };
        let mut challenge = Challenge::ask(question, at(0));
        for (n, vendors) in [(1, "v1"), (2, "v2")] {
            challenge.send([n; 32], Channel::Sms, at(u64::from(n) * 30));
            challenge.entrust(&[n; 32], remote(vendors), [n + 20; 32]);
        }
        assert_eq!(challenge.living(at(61)), living, "{entry:?}");
        assert_eq!(challenge.entrusted(&WRONG, 5, at(61)), Some(remote("v2")));
        // The vendor's first code is none any more, whoever vouches for it.
        challenge.vouched(&remote("v1"), WRONG);
        assert!(matches!(challenge.answer(&WRONG, 5, at(61)), Answer::Wrong));
    }
}

#[test]
fn c4_no_vendor_is_asked_about_what_is_not_compared() {
    let mut challenge = sent();
    challenge.entrust(&RIGHT, remote("v1"), NONE);
    assert_eq!(challenge.entrusted(&WRONG, 5, at(300)), None, "it ended");
    for _ in 0..5 {
        assert!(challenge.entrusted(&WRONG, 5, at(1)).is_some());
        challenge.answer(&WRONG, 5, at(1));
    }
    assert_eq!(challenge.entrusted(&WRONG, 5, at(1)), None, "it is spent");
    let mut challenge = sent();
    challenge.answer(&RIGHT, 5, at(1));
    challenge.entrust(&RIGHT, remote("v1"), NONE);
    assert_eq!(challenge.entrusted(&WRONG, 5, at(1)), None, "it is won");
}

#[test]
fn what_brought_the_right_code_is_known() {
    let mut challenge = sent();
    challenge.sent(&RIGHT, Name::parse("main").unwrap());
    challenge.send([2; 32], Channel::Voice, at(30));
    challenge.sent(&[2; 32], Name::parse("spare").unwrap());
    assert_eq!(challenge.brought(), None);
    challenge.answer(&RIGHT, 5, at(31));
    let brought = challenge.brought().unwrap();
    assert_eq!(
        (brought.carrier.as_str(), brought.channel),
        ("main", Channel::Sms)
    );
}

#[test]
fn c8_a_vendors_handle_is_not_printed() {
    assert_eq!(format!("{:?}", remote("+12025550143")), "Remote(main)");
}
