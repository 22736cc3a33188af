//! What an application says of a login when it leads back to its own login page, and what the visitor said.

use std::io::Write;

use super::judged::{Sure, sure};
use super::{LIMITS, asked};
use crate::support::app::App;
use crate::support::gate::{Gate, Setup};
use crate::support::legacy::PASSWORD;

/// An application that answers every login alike, by a redirect to wherever `to` says.
fn alike(to: &'static str) -> App {
    App::scripted(move |request, stream| {
        let right = request
            .head
            .field("cookie")
            .is_some_and(|cookie| cookie.contains("=right"));
        let first = &*request.head.first;
        let form = "<form><input name=\"auth[username]\"><input type=\"password\" name=\"auth[password]\"></form>";
        let (status, fields, text) = if first.starts_with("POST") {
            let mut typed = form_urlencoded::parse(&request.body);
            let to = typed
                .find(|(name, _)| name == "return")
                .map_or(to.to_owned(), |(_, to)| to.into_owned());
            let how = if form_urlencoded::parse(&request.body).any(|(_, typed)| typed == PASSWORD) {
                "right"
            } else {
                "wrong"
            };
            (
                "302 Found",
                format!("Location: {to}\r\nSet-Cookie: sid={how}; Path=/; HttpOnly\r\n"),
                "",
            )
        } else if right || first.contains("op=") {
            (
                "200 OK",
                "Content-Type: text/html\r\n".to_owned(),
                "<p>nothing to type</p>",
            )
        } else {
            (
                "403 Forbidden",
                "Content-Type: text/html\r\n".to_owned(),
                form,
            )
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n{text}",
            text.len()
        );
        stream.get_mut().write_all(answer.as_bytes()).is_ok()
    })
}

fn alike_gate(app: &App) -> Gate {
    Setup::new(&app.url())
        .with(LIMITS)
        .raw_routes(
            "[[sites.app.routes]]\npath = \"/login\"\ncapture = \"form\"\n\
             [[sites.app.routes]]\npath = \"/admin\"\nrequire = \"admin\"\n\
             [sites.app.captures.form]\nscope = \"login\"\nusername = \"auth[username]\"\npassword = \"auth[password]\"\n",
        )
        .start()
}

/// Adminer: right or wrong, `?server=db&username=ann`.
#[test]
fn a_redirect_to_the_login_page_that_says_only_who_logs_in_is_followed() {
    let app = alike("/login?server=db&username=ann");
    let gate = alike_gate(&app);
    let mut browser = gate.browser();
    let form = |password| {
        [
            ("auth[server]", "db"),
            ("auth[username]", "ann"),
            ("auth[password]", password),
        ]
    };
    let refused = browser.post("/login", &form("wrong"));
    assert_eq!(
        refused.field("location"),
        Some("http://app.localhost/login?server=db&username=ann"),
        "{}",
        refused.head.raw
    );
    assert_eq!(gate.sent(), 0, "a wrong password rings nobody");
    let page = asked(&browser.post("/login", &form(PASSWORD)));
    assert_eq!(sure(&mut browser, &page), Sure::Good);
}

/// tt-rss goes where `return` says, right or wrong: a page of the visitor's choice is no proof of a password.
#[test]
fn g2_a_return_address_that_the_visitor_wrote_proves_nothing_whatever_its_words() {
    for (field, to) in [
        ("return", "/login?op=ann"),
        ("return", "/login?username=ann&op=ann"),
        ("return", "/login?op=forgot"),
        ("return", "/login?op=%61nn"),
    ] {
        let app = alike("/home");
        let gate = alike_gate(&app);
        let mut browser = gate.browser();
        let form = [
            ("auth[username]", "ann"),
            ("auth[op]", "forgot"),
            ("auth[password]", "wrong"),
            (field, to),
        ];
        let page = asked(&browser.post("/login", &form));
        assert_eq!(sure(&mut browser, &page), Sure::Doubt, "{to}");
        assert!(app.lines().iter().all(|line| !line.contains("op=")), "{to}");
    }
}
