//! Applications whose login is posted by a script of theirs.

use super::{asked, gate, location, pending, script, see, theirs};
use crate::support::browser::Browser;
use crate::support::legacy::{Legacy, PASSWORD, SID, Session};
use crate::support::wire::Answer;

fn credentials(user: &str) -> String {
    format!("{{\"username\": \"{user}\", \"password\": \"{PASSWORD}\"}}")
}

/// The code page that a script is told of.
fn told(answer: &Answer) -> String {
    assert_eq!(answer.status(), 401, "{}", answer.text());
    assert_eq!(
        answer.field("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    assert!(theirs(answer).is_empty(), "{}", answer.head.raw);
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        problem["type"],
        "https://countersign.invalid/problems/code-required"
    );
    assert_eq!(
        (&problem["status"], &problem["scope"]),
        (&401.into(), &"login".into())
    );
    assert!(problem["expires_at"].is_string() && problem["reference"].is_string());
    let url = problem["challenge_url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("/.countersign/c/"), "{url}");
    let header = format!("Countersign scope=\"login\", challenge=\"{url}\"");
    assert_eq!(answer.field("www-authenticate"), Some(&*header));
    assert!(!answer.text().contains("\"ok\""));
    url
}

fn finish(browser: &mut Browser, page: &str, code: &str) {
    let free = browser.answer(page, code);
    assert_eq!(free.status(), 303);
    let to = location(&free);
    assert!(
        to.starts_with('/') && !to.starts_with("/.countersign/"),
        "{to}"
    );
    assert!(see(browser, &to).len() > 5);
    assert!(see(browser, "/home").contains("Hello ann, this is /home"));
}

#[test]
fn a_script_is_told_of_the_code_page_and_its_session_is_released_there() {
    for manner in [
        Legacy::scripted(),
        Legacy {
            session: Session::Kept,
            ..Legacy::scripted()
        },
        Legacy::default(),
    ] {
        let portal = manner.start();
        let gate = gate(&portal);
        let mut browser = gate.browser();
        browser.get("/login");
        let page = told(&script(&mut browser, "POST", "/login", &credentials("ann")));
        assert_eq!(portal.logins().len(), 1);
        assert_eq!(gate.sent(), 1);
        // Its page goes on calling: it is told the same, and nothing is lost by it.
        for _ in 0..2 {
            let answer = script(&mut browser, "GET", "/api/me", "");
            assert_eq!(answer.status(), 401);
        }
        assert_eq!(location(&browser.get("/home")), "/login");
        let shown = browser.get(&page);
        assert_eq!(shown.status(), 200);
        finish(&mut browser, &page, &gate.messages.code(1));
        let me = script(&mut browser, "GET", "/api/me", "");
        assert!(me.text().contains("Hello ann"));
        assert!(browser.jar.contains_key(SID));
    }
}

/// A script's fetch follows redirects by itself: a form sent by one gets no page either.
#[test]
fn a_form_that_a_script_posts_is_answered_to_the_script() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let body = super::form(&[("username", "ann"), ("password", PASSWORD)]);
    let fields = [
        ("content-type", super::FORM),
        ("origin", super::OWN),
        ("x-requested-with", "XMLHttpRequest"),
    ];
    let page = told(&browser.send("POST", "/login", &fields, &body));
    finish(&mut browser, &page, &gate.messages.code(1));
}

/// The same challenge, whether a person or a script of the same browser logged in.
#[test]
fn a_person_and_a_script_of_one_browser_share_a_challenge() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let (page, code) = pending(&gate, &mut browser, "/login", "ann");
    let same = told(&script(&mut browser, "POST", "/login", &credentials("ann")));
    assert_eq!(page, same);
    assert_eq!(gate.sent(), 1);
    finish(&mut browser, &page, &code);
    // Under the grant the script logs in as it always did.
    let answer = script(&mut browser, "POST", "/login", &credentials("ann"));
    assert!(matches!(answer.status(), 302 | 303), "{}", answer.head.raw);
    assert_eq!(gate.sent(), 1);
    let begun = browser
        .clone()
        .post("/login", &[("username", "bob"), ("password", PASSWORD)]);
    asked(&begun);
}
