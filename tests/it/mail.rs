//! Codes by mail: alone, and beside text messages and calls.

use super::ask::shape;
use super::support::app::App;
use super::support::browser::{Browser, path_of, token};
use super::support::gate::{Gate, Setup, other_than};
use super::support::post::Post;
use super::support::wire::Answer;

/// Who can be reached how.
const PEOPLE: &str = r#"
[[user]]
name = "both"
phone = "+12025550143"
email = "both@example.com"

[[user]]
name = "mailed"
email = "mailed@example.com"

[[user]]
name = "called"
phone = "+12025550167"

[[user]]
name = "lost"
phone = "+12025550168"
email = "lost@example.com"

[[user]]
name = "neither"
"#;

fn gate(app: &App, post: &Post, login: &str, admin: &str) -> Gate {
    setup(app, post, login, admin).start()
}

/// A site whose scopes send by those channels.
fn setup(app: &App, post: &Post, login: &str, admin: &str) -> Setup {
    Setup::new(&app.url())
        .users(PEOPLE)
        .with(&post.tables())
        .with(&format!(
            "[scopes.login]\ntitle = \"Sign in\"\nchannels = [{login}]\n\
             [scopes.admin]\ntitle = \"Administration\"\nchannels = [{admin}]"
        ))
}

fn location(answer: &Answer) -> String {
    path_of(answer.field("location").unwrap_or_default())
}

/// The values of the buttons of a code page, in their order.
fn buttons(page: &Answer) -> Vec<String> {
    let text = page.text();
    let values = text.split("name=\"do\" value=\"").skip(1);
    let values = values.map(|rest| rest.split('"').next().unwrap().to_owned());
    values
        .filter(|value| value != "answer" && value != "cancel")
        .collect()
}

/// A browser that has passed the code of the first scope, sent by mail.
fn signed_in_by_mail(gate: &Gate, post: &Post, user: &str) -> Browser {
    let mut browser = gate.browser();
    let before = post.mails().len();
    let page = browser.ask("/", user);
    let code = post.mail(before + 1).code();
    assert_eq!(location(&browser.answer(&page, &code)), "/");
    browser
}

#[test]
fn a_code_comes_by_mail_and_opens_the_application() {
    let (app, post) = (App::new(), Post::start());
    let gate = gate(&app, &post, "\"email\"", "\"email\"");
    let mut browser = gate.browser();
    let ask = browser.get("/.countersign/ask/login").text();
    assert!(ask.contains("we send a code to your mail address"), "{ask}");
    let page = browser.ask("/private", "mailed");
    let mail = post.mail(1);
    assert_eq!(mail.to, "mailed@example.com");
    let code = mail.code();
    let text = format!("Example Portal: {code} is your Sign in code. Valid 5 min. Never share it.");
    assert!(mail.text.contains(&text), "{}", mail.text);
    assert!(
        !mail.text.contains("@app.localhost"),
        "no line for browsers: {}",
        mail.text
    );
    assert!(mail.text.contains("Subject: Example Portal: your code\r\n"));

    let shown = browser.get(&page);
    let words = shown.text();
    assert!(words.contains("<h1>Check your mail</h1>"), "{words}");
    assert!(
        words.contains("If we have a mail address for you"),
        "{words}"
    );
    assert!(!words.contains("••"), "nothing of the address: {words}");
    assert_eq!(buttons(&shown), ["email"]);

    assert_eq!(location(&browser.answer(&page, &other_than(&code))), page);
    assert_eq!(browser.get("/private").status(), 303);
    assert_eq!(location(&browser.answer(&page, &code)), "/private");
    assert_eq!(browser.get("/private").status(), 200);
    assert_eq!(gate.sent(), 0, "no text message");
}

#[test]
fn every_other_channel_is_offered_and_each_code_of_theirs_opens() {
    let (app, post) = (App::new(), Post::start());
    let gate = gate(&app, &post, "\"sms\", \"email\", \"voice\"", "\"sms\"");
    for (n, by_mail) in [(1, true), (2, false)] {
        let mut browser = gate.browser();
        let page = browser.ask("/", "both");
        let first = gate.messages.code(n);
        let shown = browser.get(&page);
        assert_eq!(buttons(&shown), ["send", "email", "voice"]);
        for words in ["Send a new code", "Send by mail instead", "Call me instead"] {
            assert!(shown.text().contains(words), "{words}");
        }

        gate.later(31);
        assert_eq!(location(&browser.press(&page, "email")), page);
        let second = post.mail(n).code();
        let shown = browser.get(&page);
        assert!(shown.text().contains("<h1>Check your mail</h1>"));
        assert_eq!(buttons(&shown), ["email", "send", "voice"]);
        for words in [
            "Send by text instead",
            "Call me instead",
            "The earlier code still works",
        ] {
            assert!(shown.text().contains(words), "{words}");
        }
        let code = if by_mail { second } else { first };
        assert_eq!(location(&browser.answer(&page, &code)), "/");
        assert_eq!(browser.get("/").status(), 200);
    }
}

/// Who can be reached how is nobody's business before a first factor held.
#[test]
fn c7_people_with_a_number_an_address_both_or_neither_look_alike() {
    let (app, post) = (App::new(), Post::start());
    for channels in [
        "\"email\"",
        "\"email\", \"sms\"",
        "\"sms\", \"email\", \"voice\"",
    ] {
        let gate = setup(&app, &post, channels, "\"sms\"")
            .with("[limits]\nsends_per_hour = { network = 10000 }")
            .start();
        let mut all = Vec::new();
        for user in ["both", "mailed", "called", "neither", "nobody"] {
            let mut browser = gate.browser();
            let ask = browser.get("/.countersign/ask/login");
            let named = browser.post(
                "/.countersign/ask/login",
                &[("token", &token(&ask)), ("name", user)],
            );
            let page = location(&named);
            let mut seen = vec![shape(&named)];
            gate.settle();
            let first = browser.get(&page);
            seen.push(shape(&first));
            for button in buttons(&first) {
                gate.later(130);
                seen.push(shape(&browser.press(&page, &button)));
                gate.settle();
                let shown = browser.get(&page);
                assert!(!shown.text().contains("••"), "{user} {button}");
                seen.push(shape(&shown));
            }
            all.push((user, seen));
        }
        for (user, seen) in &all[1..] {
            assert_eq!(*seen, all[0].1, "{channels}: {user}");
        }
    }
    let to = post.mails().into_iter().map(|mail| mail.to);
    assert!(
        to.into_iter()
            .all(|to| to == "both@example.com" || to == "mailed@example.com")
    );
}

#[test]
fn who_has_shown_who_they_are_is_offered_what_reaches_them() {
    let (app, post) = (App::new(), Post::start());
    let gate = gate(
        &app,
        &post,
        "\"email\", \"sms\"",
        "\"voice\", \"sms\", \"email\"",
    );
    let mut browser = signed_in_by_mail(&gate, &post, "mailed");
    let page = browser.step_up("/admin");
    let shown = browser.get(&page);
    assert_eq!(buttons(&shown), ["email"], "no number, no texts and calls");
    let masked = "by mail to <bdi dir=\"ltr\">m••••@e••••.com</bdi>";
    assert!(shown.text().contains(masked), "{}", shown.text());
    browser.press(&page, "email");
    let code = post.mail(2).code();
    assert!(browser.get(&page).text().contains(masked));
    assert_eq!(location(&browser.answer(&page, &code)), "/admin");

    let mut browser = signed_in_by_mail(&gate, &post, "both");
    let page = browser.step_up("/admin");
    let shown = browser.get(&page);
    assert_eq!(buttons(&shown), ["voice", "send", "email"]);
    let text = shown.text();
    assert!(text.contains("••43") && !text.contains("@e"), "{text}");
    browser.press(&page, "email");
    let shown = browser.get(&page).text();
    assert!(
        shown.contains("b••••@e••••.com") && !shown.contains("••43"),
        "{shown}"
    );

    let mut browser = gate.browser();
    let page = browser.ask("/", "called");
    gate.later(31);
    browser.press(&page, "send");
    assert_eq!(
        location(&browser.answer(&page, &gate.messages.code(1))),
        "/"
    );
    let page = browser.step_up("/admin");
    assert_eq!(
        buttons(&browser.get(&page)),
        ["voice", "send"],
        "no address, no mail"
    );
}

#[test]
fn who_can_be_reached_by_none_of_the_scopes_channels_is_told_so() {
    let (app, post) = (App::new(), Post::start());
    let gate = gate(&app, &post, "\"sms\"", "\"email\"");
    let mut browser = gate.browser();
    browser.pass_ask("/", "called", &gate.messages);
    let page = browser.step_up("/admin");
    let shown = browser.get(&page);
    assert_eq!(shown.status(), 403);
    assert!(
        shown.text().contains("Nowhere to send a code"),
        "{}",
        shown.text()
    );
    // Who posts all the same gets nothing sent.
    let mut browser = gate.signed_in("both");
    let page = browser.step_up("/admin");
    assert_eq!(browser.press(&page, "send").status(), 400);
    assert_eq!(gate.sent(), 2);
}

#[test]
fn an_address_that_nobody_has_leads_to_another_channel() {
    let (app, post) = (App::new(), Post::start());
    let gate = gate(&app, &post, "\"sms\"", "\"email\", \"sms\"");
    let mut browser = gate.signed_in("lost");
    let page = browser.step_up("/admin");
    browser.press(&page, "email");
    let shown = browser.get(&page).text();
    assert!(
        shown.contains("That address cannot get mail. Send by text instead"),
        "{shown}"
    );
    gate.later(31);
    browser.press(&page, "send");
    let code = gate.messages.code(2);
    assert_eq!(location(&browser.answer(&page, &code)), "/admin");
    assert!(post.mails().is_empty());
}

#[test]
fn without_digits_of_numbers_nothing_of_an_address_is_shown() {
    let (app, post) = (App::new(), Post::start());
    let gate = setup(&app, &post, "\"email\"", "\"email\"")
        .with("[pages]\nshow_phone = 0")
        .start();
    let mut browser = signed_in_by_mail(&gate, &post, "mailed");
    let page = browser.step_up("/admin");
    let shown = browser.get(&page).text();
    assert!(
        shown.contains("to the mail address on record") && !shown.contains("••"),
        "{shown}"
    );
}

#[test]
fn c6_one_address_gets_five_mails_an_hour() {
    let (app, post) = (App::new(), Post::start());
    let gate = gate(&app, &post, "\"email\", \"sms\"", "\"sms\"");
    for _ in 0..7 {
        gate.browser().ask("/", "both");
        gate.settle();
    }
    assert_eq!(post.mails().len(), 5);
    let mut browser = gate.browser();
    let page = browser.ask("/", "both");
    browser.press(&page, "send");
    gate.later(31);
    browser.press(&page, "send");
    assert_eq!(gate.sent(), 1, "text messages count for themselves");
}
