//! Tokens that an application renews without a password, where its login is posted to (RFC 6749 section 6).

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::relayed::{PLAIN, call, nothing, relayed, serve, setup, signed_in, with_token};
use crate::support::app::{App, Recorded};
use crate::support::browser::Browser;
use crate::support::gate::Gate;
use crate::support::wire::Answer;

/// Another address of the same login.
const REFRESH: &str =
    "[[sites.app.routes]]\npath = \"/api/refresh\"\nmethods = \"POST\"\ncapture = \"api\"\n";

/// An application that gives another token to whoever posts one, or comes with its cookie, wherever that is.
fn app() -> App {
    App::scripted(renew_or)
}

fn renew_or(request: &Recorded, stream: &mut BufReader<TcpStream>) -> bool {
    static DRAWN: AtomicUsize = AtomicUsize::new(1);
    let body = String::from_utf8(request.body.clone()).unwrap();
    if !request.head.first.starts_with("POST") || body.contains("password") {
        return serve(PLAIN, request, stream);
    }
    let field = |name: &str| request.head.field(name).unwrap_or_default().to_owned();
    let body = if body.contains("\"pin\"") {
        // Another kind of login: whoever knows the number is bob.
        "-of-bob".to_owned()
    } else {
        body
    };
    let mut shown = body + &request.head.first + &field("x-refresh-token");
    if !shown.contains("-of-") {
        shown = field("cookie");
    }
    // The last that is shown counts.
    let place = |user: &&str| shown.rfind(&format!("-of-{user}"));
    let user = ["ann", "bob"]
        .into_iter()
        .max_by_key(|user| place(user))
        .unwrap();
    let drawn = DRAWN.fetch_add(1, Ordering::Relaxed);
    let text = format!("{{\"access_token\": \"token-of-{user}-renewed-{drawn:0>8}\"}}");
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        text.len()
    );
    let answer = head + &text;
    stream.get_mut().write_all(answer.as_bytes()).is_ok()
}

fn gate(app: &App) -> Gate {
    setup(app, REFRESH).start()
}

fn token_of(answer: &Answer) -> String {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    said["access_token"].as_str().unwrap().to_owned()
}

/// Renews by a body of JSON.
fn renew(browser: &mut Browser, path: &str, body: &str) -> String {
    token_of(&call(browser, "POST", path, &[], body))
}

/// Whose the application says that a token is, without its cookie.
fn whose(browser: &mut Browser, token: &str) -> String {
    let mut browser = browser.clone();
    browser.jar.remove("sid");
    let text = with_token(&mut browser, "/flows", token).text();
    let (_, you) = text
        .split_once("\"you\": ")
        .unwrap_or_else(|| panic!("{text}"));
    you.trim_end_matches('}').to_owned()
}

fn refresh(token: &str) -> String {
    format!("{{\"grant_type\": \"refresh_token\", \"refresh_token\": \"{token}\"}}")
}

#[test]
fn a_renewed_token_goes_on_with_the_grant() {
    let app = app();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let first = signed_in(&gate, &mut browser, "ann");
    let second = renew(&mut browser, "/api/refresh", &refresh(&first));
    assert_eq!(whose(&mut browser, &second), "[\"ann\"]");
    // The same by the login's own address, by a form, with what is said of the program, and from the renewed one.
    let third = renew(&mut browser, "/api/login", &refresh(&second));
    let form = format!("client_id=0123456789abcdef&refresh_token={third}");
    let urlencoded = [("content-type", "application/x-www-form-urlencoded")];
    let fields: Vec<_> = urlencoded
        .into_iter()
        .chain([("origin", super::OWN)])
        .collect();
    let script = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")];
    let fields: Vec<_> = fields.into_iter().chain(script).collect();
    let fourth = token_of(&browser.send("POST", "/api/refresh", &fields, form.as_bytes()));
    for token in [&first, &second, &third, &fourth] {
        assert_eq!(whose(&mut browser, token), "[\"ann\"]", "{token}");
    }
    assert_eq!(gate.sent(), 1);
}

#[test]
fn what_rests_on_a_bound_cookie_is_renewed_too() {
    let app = app();
    let gate = gate(&app);
    let mut browser = gate.browser();
    signed_in(&gate, &mut browser, "ann");
    for body in ["", "{}"] {
        let renewed = renew(&mut browser, "/api/refresh", body);
        assert_eq!(whose(&mut browser, &renewed), "[\"ann\"]", "{body}");
    }
    // Without it nobody can tell on what the answer rests.
    let mut bare = browser.clone();
    bare.jar.remove("sid");
    let renewed = renew(&mut bare, "/api/refresh", "");
    assert_eq!(whose(&mut bare, &renewed), "[]");
}

/// G2: a renewal by another's token is answered with another's.
#[test]
fn anothers_token_is_not_renewed_under_anns_grant() {
    let app = app();
    let gate = gate(&app);
    let mut ann = gate.browser();
    let own = signed_in(&gate, &mut ann, "ann");
    let his = signed_in(&gate, &mut gate.browser(), "bob");
    let unknown = "token-of-bob-from-elsewhere";
    for token in [&*his, unknown] {
        let (json, form) = ("application/json", "application/x-www-form-urlencoded");
        let part = format!(
            "--x\r\nContent-Disposition: form-data; name=\"refresh_token\"\r\n\r\n{token}\r\n--x--\r\n"
        );
        let query = format!("/api/refresh?refresh_token={token}");
        let path = "/api/refresh";
        for (path, kind, field, body) in [
            (path, json, "", refresh(token)),
            (
                path,
                json,
                "",
                format!("{{\"a\": \"{own}\", \"b\": \"{token}\"}}"),
            ),
            (path, form, "", format!("a={own}&b={token}")),
            // What the application alone can read.
            (path, "multipart/form-data; boundary=x", "", part),
            (
                path,
                "text/plain",
                "",
                format!("<refresh>{token}</refresh>"),
            ),
            (path, json, token, "{}".to_owned()),
            (&query, json, "", "{}".to_owned()),
        ] {
            let fields = [("content-type", kind), ("x-refresh-token", field)];
            let script = [
                ("sec-fetch-mode", "cors"),
                ("sec-fetch-dest", "empty"),
                ("origin", super::OWN),
            ];
            let fields: Vec<_> = fields.into_iter().chain(script).collect();
            let answer = ann.send("POST", path, &fields, body.as_bytes());
            let renewed = token_of(&answer);
            assert!(renewed.contains("-of-bob-"), "{path} {body}: {renewed}");
            assert_eq!(whose(&mut ann, &renewed), "[]", "{path} {body}");
        }
        // And what two servers would read differently goes up to neither.
        let twice = format!("{{\"refresh_token\": \"{own}\", \"refresh_token\": \"{token}\"}}");
        assert_eq!(call(&mut ann, "POST", path, &[], &twice).status(), 400);
    }
    assert_eq!(whose(&mut ann, &own), "[\"ann\"]");
}

#[test]
fn only_where_the_login_is_posted_to() {
    let app = app();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let first = signed_in(&gate, &mut browser, "ann");
    let other = renew(&mut browser, "/api/keys", &refresh(&first));
    assert_eq!(whose(&mut browser, &other), "[]");
    // Nor before the code.
    let mut waiting = gate.browser();
    let token = relayed(&mut waiting, "bob");
    app.forget();
    for body in [refresh(&token), "{}".to_owned()] {
        nothing(
            &app,
            &call(&mut waiting, "POST", "/api/refresh", &[], &body),
        );
    }
}

/// G2: what says who somebody is may be short, and an application may take it in the place of a password.
#[test]
fn a_login_of_another_kind_is_no_renewal_of_anns_session() {
    let app = app();
    let gate = gate(&app);
    let mut ann = gate.browser();
    signed_in(&gate, &mut ann, "ann");
    for body in [
        "{\"user\": \"bob\", \"pin\": \"4711\"}",
        "{\"pin\": 4711}",
        "{\"grant_type\": \"pin\", \"\": [\"pin\", -4711], \"pin\": {}}",
    ] {
        let other = renew(&mut ann, "/api/refresh", body);
        assert!(other.contains("-of-bob-"), "{other}");
        assert_eq!(whose(&mut ann, &other), "[]", "{body}");
    }
    let kind = "{\"grant_type\": \"refresh_token\", \"remember\": true, \"scope\": null}";
    let renewed = renew(&mut ann, "/api/refresh", kind);
    assert_eq!(whose(&mut ann, &renewed), "[\"ann\"]");
}
