//! Signing out ends what was granted, for everybody who has the cookies.

use super::support::app::App;
use super::support::browser::{Browser, path_of, token};
use super::support::gate::{Gate, Setup};
use super::support::wire::Answer;

const SIGN_OUT: &str = "/.countersign/sign-out";

fn gate(app: &App) -> Gate {
    Setup::new(&app.url()).start()
}

fn location(answer: &Answer) -> String {
    path_of(answer.field("location").unwrap_or_default())
}

fn sign_out(browser: &mut Browser) -> Answer {
    let page = browser.get(SIGN_OUT);
    assert_eq!(page.status(), 200);
    browser.post(SIGN_OUT, &[("token", &token(&page))])
}

#[test]
fn s5_signing_out_ends_the_grants_even_for_who_kept_the_cookies() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    browser.pass_step_up("/admin", &gate.messages);
    assert_eq!(browser.get("/admin").status(), 200);
    let thief = browser.clone();
    let answer = sign_out(&mut browser);
    assert_eq!((answer.status(), &*location(&answer)), (303, SIGN_OUT));
    let left: Vec<&String> = browser.jar.keys().collect();
    assert_eq!(
        left,
        ["__Host-countersign-app.known"],
        "only the mark stays"
    );
    assert!(browser.get(SIGN_OUT).text().contains("You are signed out"));
    let before = app.seen().len();
    // Every worker knows: connections are spread over them.
    for _ in 0..10 {
        for path in ["/", "/admin"] {
            let refused = thief.clone().get(path);
            assert_eq!(refused.status(), 303);
            assert!(location(&refused).starts_with("/.countersign/ask/"));
        }
    }
    assert_eq!(app.seen().len(), before);
    // A revocation does not run out before the grant does, and is no grant that ran out.
    gate.later(31 * 60);
    gate.running().flow().store.sweep(gate.clock.now());
    assert!(location(&thief.clone().get("/")).starts_with("/.countersign/ask/"));
}

#[test]
fn s5_signing_out_ends_the_renewal_of_grants_that_ran_out() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    gate.later(31 * 60);
    let thief = browser.clone();
    assert!(location(&thief.clone().get("/")).starts_with("/.countersign/c/"));
    sign_out(&mut browser);
    assert!(browser.cookie("-login").is_none());
    assert!(location(&thief.clone().get("/")).starts_with("/.countersign/ask/"));
}

#[test]
fn signing_out_is_a_post_with_a_token() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    for _ in 0..3 {
        assert!(browser.get(SIGN_OUT).text().contains("Sign out?"));
        browser.send("HEAD", SIGN_OUT, &[], b"");
    }
    for token in ["", "AAAAAAAAAAAAAAAAAAAAAA"] {
        let answer = browser.post(SIGN_OUT, &[("token", token)]);
        assert_eq!((answer.status(), &*location(&answer)), (303, SIGN_OUT));
        assert!(answer.head.all("set-cookie").is_empty());
    }
    // Another browser's token is none of this one's.
    let mut bob = gate.signed_in("bob");
    let others = token(&bob.get(SIGN_OUT));
    browser.post(SIGN_OUT, &[("token", &others)]);
    assert_eq!(browser.get("/").status(), 200);
}

#[test]
fn signing_out_twice_is_signing_out() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    let form = [("token", &*token(&browser.get(SIGN_OUT)))];
    let mut second = browser.clone();
    for browser in [&mut browser, &mut second] {
        for _ in 0..2 {
            let answer = browser.post(SIGN_OUT, &form);
            assert_eq!((answer.status(), &*location(&answer)), (303, SIGN_OUT));
            assert!(browser.get(SIGN_OUT).text().contains("You are signed out"));
        }
    }
}

#[test]
fn signing_out_leaves_other_browsers_alone_and_one_may_come_back() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    let mut other = gate.signed_in("ann");
    sign_out(&mut browser);
    assert_eq!(other.get("/").status(), 200);
    browser.pass_ask("/", "ann", &gate.messages);
    assert_eq!(browser.get("/").status(), 200);
}
