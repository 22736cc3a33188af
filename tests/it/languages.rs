//! Each person is written to and called in their own language, and each site has its own words.

use super::support::app::App;
use super::support::browser::Browser;
use super::support::gate::{Gate, HOST, Setup};
use super::support::post::Post;

/// Who reads what. Nobody here knows Japanese.
const PEOPLE: &str = r#"
[[user]]
name = "ann"
phone = "+12025550143"

[[user]]
name = "amelie"
phone = "+12025550144"
email = "amelie@example.com"
locale = "fr-CA"

[[user]]
name = "bia"
phone = "+12025550145"
locale = "pt-BR"

[[user]]
name = "chie"
phone = "+12025550146"
locale = "ja"
"#;

/// A second site before the same application, with words of its own.
const SHOP: &str = r#"
[sites.shop]
name = "The Shop"
url = "http://shop.localhost"
upstream = "UPSTREAM"
support = "Help desk, +1 202 555 0100"
directory = "people"
scopes = ["login"]
[sites.shop.messages.login]
default = "{CODE} lets you into {NAME}."
fr = "{CODE} vous ouvre {NAME}."
"#;

fn gate(app: &App, tables: &str) -> Gate {
    let shop = SHOP.replace("UPSTREAM", &app.url());
    Setup::new(&app.url())
        .users(PEOPLE)
        .with(&(shop + tables))
        .start()
}

/// What `user` is sent by the site at `host`: the message as it came, with `CODE` for its code. The code is typed, and it
/// opens the site.
fn sent(gate: &Gate, host: &str, user: &str) -> String {
    let (before, printed) = (gate.messages.count(), gate.messages.all().len());
    let mut browser = Browser::new(gate.address, host);
    let page = browser.ask("/", user);
    let code = gate.messages.after(before);
    let answer = browser.answer(&page, &code);
    assert_eq!(answer.status(), 303, "{}", answer.text());
    assert_eq!(browser.get("/").status(), 200, "{user} at {host}");
    gate.messages.all()[printed..].replace(&code, "CODE")
}

/// Whether the message is this text, an empty line and the line for browsers, and nothing behind it.
fn is(sent: &str, text: &str, host: &str) -> bool {
    let lines: Vec<&str> = sent
        .lines()
        .map(|line| line.trim_matches(['│', ' ']))
        .collect();
    let last = format!("@{host} #CODE");
    let Some(at) = lines.iter().position(|line| *line == last) else {
        return false;
    };
    let behind = lines[at + 1..].concat();
    lines[..at].join("\n").ends_with(&format!("{text}\n"))
        && !behind.contains(char::is_alphanumeric)
}

#[test]
fn everybody_gets_our_words_in_their_language_where_the_operator_wrote_none() {
    let app = App::new();
    let gate = gate(&app, "");
    for (user, text) in [
        (
            "ann",
            "Example Portal: CODE is your Sign in code. Valid 5 min. Never share it.",
        ),
        (
            "chie",
            "Example Portal: CODE is your Sign in code. Valid 5 min. Never share it.",
        ),
        (
            "amelie",
            "Example Portal : CODE est votre code (Sign in). Valable 5 min. Ne le donnez à personne.",
        ),
        (
            "bia",
            "Example Portal: CODE é seu codigo (Sign in). Vale por 5 min. Nunca o compartilhe.",
        ),
    ] {
        let sent = sent(&gate, HOST, user);
        assert!(is(&sent, text, HOST), "{sent}");
    }
}

#[test]
fn the_operators_words_go_out_in_the_persons_language_and_each_site_has_its_own() {
    let app = App::new();
    let gate = gate(
        &app,
        r#"
[scopes.login]
title = "Sign in"
message = "{NAME}: {CODE}. Good for {MINUTES} min."
messages = { fr = "{NAME} : {CODE}. Bon pour {MINUTES} min.", pt-BR = "{NAME}: {CODE}. Vale {MINUTES} min." }
"#,
    );
    let shop = "shop.localhost";
    for (host, user, text) in [
        (HOST, "ann", "Example Portal: CODE. Good for 5 min."),
        (HOST, "chie", "Example Portal: CODE. Good for 5 min."),
        (HOST, "amelie", "Example Portal : CODE. Bon pour 5 min."),
        (HOST, "bia", "Example Portal: CODE. Vale 5 min."),
        (shop, "ann", "CODE lets you into The Shop."),
        (shop, "amelie", "CODE vous ouvre The Shop."),
        // The shop has words for everybody, so that nobody hears the portal's there.
        (shop, "bia", "CODE lets you into The Shop."),
    ] {
        let sent = sent(&gate, host, user);
        assert!(is(&sent, text, host), "{user} at {host}: {sent}");
    }
}

#[test]
fn a_call_speaks_the_persons_language() {
    let app = App::new();
    let gate = gate(&app, "");
    for (user, words) in [
        ("ann", ["Hello, this is Example Portal.", "hang up."]),
        ("chie", ["Hello, this is Example Portal.", "hang up."]),
        ("amelie", ["Bonjour, ici Example Portal.", "raccrochez."]),
        ("bia", ["Olá, aqui é Example Portal.", "desligue."]),
    ] {
        let mut browser = gate.browser();
        let page = browser.ask("/", user);
        gate.later(120);
        gate.settle();
        let before = gate.messages.all().len();
        assert_eq!(browser.press(&page, "voice").status(), 303);
        gate.settle();
        let said = gate.messages.all()[before..].to_owned();
        let said: Vec<&str> = said.split_whitespace().collect();
        let said = said.join(" ");
        for words in words {
            assert!(said.contains(words), "{user}: {said}");
        }
    }
}

#[test]
fn a_mail_has_its_subject_in_the_persons_language() {
    let (app, post) = (App::new(), Post::start());
    let gate = Setup::new(&app.url())
        .users(PEOPLE)
        .with(&post.tables())
        .with("[scopes.login]\ntitle = \"Sign in\"\nchannels = [\"email\"]")
        .start();
    gate.browser().ask("/", "amelie");
    let mail = post.mail(1);
    let code = mail.code();
    assert!(
        mail.text
            .contains("Subject: Example Portal : votre code\r\n"),
        "{}",
        mail.text
    );
    // In quoted-printable, where `à` is two bytes.
    assert!(
        mail.text
            .contains(&format!("Example Portal : {code} est votre code")),
        "{}",
        mail.text
    );
}
