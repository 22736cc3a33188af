//! `kill -9` at random points of fifty logins: nothing opens that was shut (A4, design section 5).
//!
//! The program runs on one state directory all the time and dies once in every login. Sometimes its disk takes nothing
//! any more from a moment before on: what it has said by then must be on the disk already, however slow that is. What
//! is shut is known from what the browser was told and from what the application did, never from the gateway's own word
//! afterwards.
//!
//! Where the draw fell stands in the output of a run that fails; `CRASH_SEED` draws anew.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::format_collect,
    clippy::assigning_clones,
    reason = "a helper of tests fails the test, and may be slow"
)]

mod cut;
mod login;
mod story;
#[path = "../it/support/mod.rs"]
mod support;

use cut::{Card, Draw, Step, When};
use story::Story;
use support::legacy::Legacy;

/// How many logins of each kind.
const LOGINS: usize = 50;

/// Which draw it is, unless `CRASH_SEED` says another.
const SEED: u64 = 1;

/// Every way to die: in which step, from when on the disk takes nothing, and when the process is killed. Each comes at
/// least once, in the order that is drawn.
const DECK: [Card; 38] = {
    use Step::{Cancel, MoreLogins, Password, RightCode, SignOut, SomebodyElse, WrongCode};
    use When::{Answered, Before, Elevated, Logged, Soon, SoonAfterwards};
    [
        Card::new(Password, None, Before),
        Card::new(Password, None, Soon),
        Card::new(Password, None, Elevated),
        Card::new(Password, None, SoonAfterwards),
        Card::new(Password, None, Logged("login.captured")),
        Card::new(Password, None, Logged("challenge.sent")),
        Card::new(Password, None, Answered),
        Card::new(Password, Some(Before), Answered),
        Card::new(Password, Some(Elevated), Answered),
        Card::new(Password, Some(Logged("login.captured")), Answered),
        Card::new(WrongCode, None, Soon),
        Card::new(WrongCode, None, Logged("challenge.failed")),
        Card::new(WrongCode, None, Answered),
        Card::new(WrongCode, Some(Before), Answered),
        Card::new(MoreLogins, None, Soon),
        Card::new(MoreLogins, None, SoonAfterwards),
        Card::new(MoreLogins, None, Logged("challenge.sent")),
        Card::new(MoreLogins, None, Answered),
        Card::new(MoreLogins, Some(Elevated), Answered),
        Card::new(RightCode, None, Before),
        Card::new(RightCode, None, Soon),
        Card::new(RightCode, None, Logged("challenge.verified")),
        Card::new(RightCode, None, Answered),
        Card::new(RightCode, Some(Before), Answered),
        Card::new(Cancel, None, Soon),
        Card::new(Cancel, None, Answered),
        Card::new(Cancel, Some(Before), Answered),
        Card::new(SignOut, None, Before),
        Card::new(SignOut, None, Soon),
        Card::new(SignOut, None, Logged("grant.revoked")),
        Card::new(SignOut, None, Answered),
        Card::new(SignOut, Some(Before), Answered),
        Card::new(SomebodyElse, None, Soon),
        Card::new(SomebodyElse, None, Elevated),
        Card::new(SomebodyElse, None, Logged("grant.revoked")),
        Card::new(SomebodyElse, None, Answered),
        Card::new(SomebodyElse, Some(Before), Answered),
        Card::new(SomebodyElse, Some(Elevated), Answered),
    ]
};

/// The cookie that the browser has is the one that is signed in: nothing but the quarantine shuts it.
#[test]
fn a4_a_session_elevated_in_place_stays_shut_when_the_process_is_killed() {
    play(Legacy::in_place());
}

/// The answer that is held sets another.
#[test]
fn a4_a_session_begun_by_the_login_stays_shut_when_the_process_is_killed() {
    play(Legacy::default());
}

#[expect(
    clippy::print_stderr,
    reason = "the harness catches it, and shows it beside the test's name"
)]
fn play(manner: Legacy) {
    let seed = std::env::var("CRASH_SEED").map_or(SEED, |seed| seed.parse().unwrap());
    let mut draw = Draw::new(seed);
    let mut deck = DECK.to_vec();
    draw.shuffle(&mut deck);
    let mut story = Story::begin(manner, draw);
    for number in 0..LOGINS {
        let card = match deck.get(number) {
            Some(card) => *card,
            None => DECK[story.draw.below(DECK.len())],
        };
        eprintln!("CRASH_SEED={seed}, login {number}: {card:?}");
        story.login(number, card);
    }
    story.end();
}
