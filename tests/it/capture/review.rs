//! Ways round that a stranger tried before this was opened, and promises that were held against what was built.

use super::{
    asked, bound, follow, gate, location, log_in, pending, released, see, setup, signed_in, theirs,
};
use crate::support::browser::Browser;
use crate::support::gate::Gate;
use crate::support::legacy::{Legacy, PASSWORD, Portal, SID, Success};
use crate::support::wire::Answer;

/// Somebody with a password of ann's, a grant and a phone of his own, and `sid`, a session of hers.
fn with_sid(browser: &Browser, sid: &str) -> Browser {
    let mut browser = browser.clone();
    browser.jar.insert(SID.to_owned(), sid.to_owned());
    browser
}

/// Types what the phone got into the page of a challenge that waits for its button.
fn press_and_answer(gate: &Gate, browser: &mut Browser, page: &str) -> Answer {
    let before = gate.sent();
    browser.press(page, "send");
    browser.answer(page, &gate.messages.after(before))
}

/// Bob begins a login of his own, then posts one with ann's password: his code is no code for what waits for hers.
#[test]
fn g2_s7_a_code_of_ones_own_does_not_release_what_waits_for_another_persons() {
    for manner in [
        Legacy::default(),
        Legacy::in_place(),
        Legacy {
            success: Success::Page(100),
            ..Legacy::default()
        },
    ] {
        for capture in ["", "auth_cookies = [\"sid\"]", "probe = \"/home\""] {
            let portal = manner.start();
            let gate = setup(&portal, capture).start();
            let mut browser = gate.browser();
            let (his, his_code) = pending(&gate, &mut browser, manner.at, "bob");
            asked(&log_in(&mut browser, manner.at, "ann", PASSWORD));
            let free = browser.answer(&his, &his_code);
            assert_eq!(free.status(), 303);
            assert!(!free.text().contains("ann"));
            let there = follow(&mut browser, free);
            for seen in [there.text(), see(&mut browser, "/home")] {
                assert!(!seen.contains("Hello ann"), "{capture}: {seen}");
                assert!(!seen.contains("Welcome ann"), "{capture}: {seen}");
            }
        }
    }
}

/// A second login is no harm to the first: each person's answer waits for that person's code.
#[test]
fn what_waits_for_one_person_is_not_lost_to_a_login_as_another() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let (hers, her_code) = pending(&gate, &mut browser, "/login", "ann");
    asked(&log_in(&mut browser, "/login", "bob", PASSWORD));
    let free = released(&mut browser, &hers, &her_code);
    assert_eq!(theirs(&free).len(), 1, "{}", free.head.raw);
    assert!(see(&mut browser, "/home").contains("Hello ann"));
}
/// Bob's phone, ann's stolen session: his code for another scope must not take her session into his new grant.
#[test]
fn g2_a_step_up_is_not_bound_to_a_session_that_the_first_grant_does_not_know() {
    let portal = Legacy::default().start();
    let gate = bound(&portal);
    let hers = inside(&gate, "ann");
    let mut his = inside(&gate, "bob");
    let page = his.step_up("/admin");
    let mut thief = with_sid(&his, &hers.jar[SID]);
    press_and_answer(&gate, &mut thief, &page);
    thief.jar.insert(SID.to_owned(), hers.jar[SID].clone());
    shows_nothing_of_hers(&portal, &mut thief, &hers.jar[SID]);
}

/// The same with the code that renews a grant.
#[test]
fn g2_a_renewal_is_not_bound_to_a_session_that_the_grant_did_not_know() {
    let portal = Legacy::default().start();
    let gate = bound(&portal);
    let mut his = inside(&gate, "bob");
    gate.later(31 * 60);
    let hers = inside(&gate, "ann");
    let page = his.step_up("/private");
    let mut thief = with_sid(&his, &hers.jar[SID]);
    press_and_answer(&gate, &mut thief, &page);
    thief.jar.insert(SID.to_owned(), hers.jar[SID].clone());
    shows_nothing_of_hers(&portal, &mut thief, &hers.jar[SID]);
}

/// The same with the ask page of a scope for which no login is captured: nobody has shown a password there.
#[test]
fn g2_a_grant_by_asking_is_not_bound_to_a_session_of_a_captured_login() {
    let portal = Legacy::default().start();
    let gate = bound(&portal);
    let hers = inside(&gate, "ann");
    let mut thief = gate.browser();
    let page = thief.ask("/admin", "bob");
    thief.jar.insert(SID.to_owned(), hers.jar[SID].clone());
    thief.answer(&page, &gate.messages.after(1));
    thief.jar.insert(SID.to_owned(), hers.jar[SID].clone());
    shows_nothing_of_hers(&portal, &mut thief, &hers.jar[SID]);
}

/// The same with a captured login whose answer was not fetched in time.
#[test]
fn g2_a_login_that_was_lost_is_not_bound_to_a_session_that_came_instead() {
    let portal = Legacy::default().start();
    let gate = setup(&portal, "auth_cookies = [\"sid\"]\nhold = \"1m\"").start();
    let hers = inside(&gate, "ann");
    let mut thief = gate.browser();
    let (page, code) = pending(&gate, &mut thief, "/login", "bob");
    gate.later(120);
    thief.jar.insert(SID.to_owned(), hers.jar[SID].clone());
    thief.answer(&page, &code);
    thief.jar.insert(SID.to_owned(), hers.jar[SID].clone());
    shows_nothing_of_hers(&portal, &mut thief, &hers.jar[SID]);
}

/// Somebody who has logged in and typed the code.
fn inside(gate: &Gate, user: &str) -> Browser {
    let mut browser = gate.browser();
    let free = signed_in(gate, &mut browser, "/login", user);
    follow(&mut browser, free);
    browser
}

fn shows_nothing_of_hers(portal: &Portal, thief: &mut Browser, sid: &str) {
    let from = portal.count();
    for path in ["/admin", "/home", "/private"] {
        let answer = thief.clone().get(path);
        assert!(!answer.text().contains("Hello ann"), "{path}");
    }
    assert_eq!(portal.brought(sid, from), [""; 0]);
}

/// What was asked for before the login knows no session, and is asked for once more with it.
#[test]
fn a_scope_that_was_reached_by_asking_is_stepped_up_to_after_the_login() {
    let portal = Legacy::default().start();
    let gate = bound(&portal);
    let mut browser = gate.browser();
    browser.pass_ask("/admin", "bob", &gate.messages);
    assert_eq!(
        location(&browser.get("/admin")),
        "/login",
        "the application's own word"
    );
    let free = signed_in(&gate, &mut browser, "/login", "bob");
    follow(&mut browser, free);
    let page = browser.step_up("/admin");
    press_and_answer(&gate, &mut browser, &page);
    assert!(browser.get("/admin").text().contains("Hello bob"));
    assert!(browser.get("/home").text().contains("Hello bob"));
    assert_eq!(gate.sent(), 3);
}
