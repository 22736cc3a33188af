//! After a password that was good the code goes where it reaches its person.

use super::super::support::legacy::{Legacy, PASSWORD, Success};
use super::super::support::post::Post;
use super::{asked, follow, log_in, released, setup};

const PEOPLE: &str = r#"
[[user]]
name = "ann"
email = "ann@example.com"

[[user]]
name = "bob"
"#;

const SCOPE: &str = "[scopes.login]\ntitle = \"Sign in\"\nchannels = [\"sms\", \"email\"]\n";

#[test]
fn who_has_no_number_gets_the_first_code_by_mail() {
    let (portal, post) = (Legacy::default().start(), Post::start());
    let gate = setup(&portal, "auth_cookies = [\"sid\"]")
        .users(PEOPLE)
        .with(&post.tables())
        .with(SCOPE)
        .start();
    let mut browser = gate.browser();
    let page = asked(&log_in(&mut browser, "/login", "ann", PASSWORD));
    let mail = post.mail(1);
    assert_eq!(mail.to, "ann@example.com");
    let shown = browser.get(&page).text();
    assert!(
        shown.contains("Check your mail") && shown.contains("a••••@e••••.com"),
        "{shown}"
    );
    assert!(
        !shown.contains("value=\"send\""),
        "a text message reaches nobody: {shown}"
    );
    released(&mut browser, &page, &mail.code());
    assert_eq!(gate.sent(), 0);
}

#[test]
fn who_has_neither_number_nor_address_is_told_so() {
    let (portal, post) = (Legacy::default().start(), Post::start());
    let gate = setup(&portal, "auth_cookies = [\"sid\"]")
        .users(PEOPLE)
        .with(&post.tables())
        .with(SCOPE)
        .start();
    let mut browser = gate.browser();
    let answer = log_in(&mut browser, "/login", "bob", PASSWORD);
    let seen = follow(&mut browser, answer);
    assert_eq!(seen.status(), 403);
    assert!(
        seen.text().contains("We have no address for you"),
        "{}",
        seen.text()
    );
    assert!(post.mails().is_empty());
}

/// In doubt everybody gets what everybody gets: the scope's first channel (C7).
#[test]
fn c7_in_doubt_the_first_channel_is_everybodys() {
    let doubtful = Legacy {
        success: Success::Page(50),
        ..Legacy::in_place()
    };
    let (portal, post) = (doubtful.start(), Post::start());
    let gate = setup(&portal, "")
        .users(PEOPLE)
        .with(&post.tables())
        .with(SCOPE)
        .start();
    for user in ["ann", "bob", "nobody"] {
        let mut browser = gate.browser();
        let at = portal.manner.at;
        let page = asked(&log_in(&mut browser, at, user, PASSWORD));
        gate.settle();
        let shown = browser.get(&page).text();
        assert!(
            shown.contains("If we have a phone number for you"),
            "{user}: {shown}"
        );
        assert!(shown.contains("Send by mail instead"), "{user}: {shown}");
    }
    assert!(post.mails().is_empty() && gate.sent() == 0);
}
