//! Ways round that a stranger tried before this was opened, and promises that were held against what was built.

use super::{
    FORM, asked, bound, follow, form, gate, location, log_in, pending, released, see, send, setup,
    signed_in, theirs,
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
