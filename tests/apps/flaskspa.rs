//! The login by script of the Flask application: it gives a cookie and a token at once, and either of them is a session.

use std::io::{BufRead, BufReader, Write};

use super::burglar::{Burglar, Door};
use super::gate::{ALICE, Application, BOB, Gate, LONG};
use super::tls::Stream;
use super::visitor::{Jar, NAVIGATION, Visitor, code_page, value_of};
use super::wire::{Answer, read_head};

const SITE: &str = r#"
preset = "flask"
scopes = ["login"]
logout = "/logout"

[[sites.flaskapp.routes]]
path = "/api/login"
methods = ["POST"]
capture = "api"
[[sites.flaskapp.routes]]
path = "/spa"
require = "public"

[sites.flaskapp.captures.api]
scope = "login"
username = "/username"
password = "/password"
page = "/spa"
answer = "relay"
token = "/access_token"
auth_cookies = ["session", "remember_token"]

[sites.flaskapp.captures.form]
probe = "/private"
"#;

const PASSWORD: &str = "Fl-pw-1";

/// What a script of the page says of itself.
const SCRIPT: &str = "Accept: */*\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Site: same-origin\r\n";

const MARKS: [&str; 5] = [
    "Hello alice",
    "Hello bob",
    "user=alice",
    "\"user\":\"alice\"",
    "\"user\":\"bob\"",
];

const DOORS: [Door; 11] = [
    Door::opens("GET /private"),
    Door::opens("GET //private"),
    Door::opens("GET /%70rivate"),
    Door::opens("GET /"),
    Door::opens("GET /admin/"),
    Door::opens("GET /api/me"),
    Door::opens("GET /api/me?next=/spa"),
    Door::shut("GET /spa"),
    Door::shut("GET /spa/../private"),
    Door::shut("GET /api/login"),
    Door::shut_with(
        "POST /api/login",
        "{\"username\":\"alice\",\"password\":\"wrong\"}",
    ),
];

#[test]
fn the_script_has_its_token_the_code_frees_it_and_the_cookie() {
    let app = Application::start("flaskapp");
    comes_in(&mut Gate::before(&app, SITE));
}

/// The preset's own login stands beside it.
#[test]
fn its_form_is_captured_too() {
    let app = Application::start("flaskapp");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();
    let mut bob = gate.visitor();
    let token = pass(&mut gate, &mut bob, "bob");
    alice.get("/login");
    let wrong = alice.post("/login", &[("username", "alice"), ("password", "wrong")]);
    assert!(wrong.text().contains("Wrong user or password"));
    let right = alice.post("/login", &[("username", "alice"), ("password", PASSWORD)]);
    let page = code_page(&right);
    let freed = alice.enter(&page, &gate.message().code);
    let (at, home) = alice.follow(&page, freed);
    assert_eq!(at, "/private");
    assert!(home.text().contains("Hello alice"), "{}", home.text());
    // Under this grant no token is known.
    assert!(!me(&mut alice, &token).text().contains("bob"));
    assert!(me(&mut bob, &token).text().contains("bob"));
    gate.ends_having_sent(2);
}

/// The application is never told of the name and the scheme.
#[test]
fn so_it_does_over_https_under_another_name() {
    let app = Application::start("flaskapp");
    comes_in(&mut Gate::over_tls(&app, SITE));
}

/// Nearly as long as its code is good: token and cookie.
#[test]
fn a_login_that_waits_for_nearly_five_minutes_is_freed() {
    let app = Application::start("flaskapp");
    let mut gate = Gate::with_a_clock(&app, SITE);
    let mut alice = gate.visitor();
    let token = relayed(&mut alice, "alice");
    let page = code_page(&alice.get("/spa"));
    let message = gate.message();
    gate.later(LONG);
    assert_eq!(me(&mut alice, &token).status(), 401);
    alice.enter(&page, &message.code);
    let home = alice.get("/private");
    assert!(home.text().contains("Hello alice"), "{}", home.text());
    assert!(me(&mut alice, &token).text().contains("alice"));
    gate.ends_having_sent(1);
}

/// Python's reader of JSON takes the last of two members.
#[test]
fn a_login_that_two_servers_read_differently_rings_nobody() {
    let app = Application::start("flaskapp");
    let gate = Gate::before(&app, SITE);
    for (target, body) in [
        (
            "/api/login",
            r#"{"username":"alice","username":"bob","password":"Fl-pw-1"}"#,
        ),
        (
            "/api/login",
            r#"{"username":"alice","\u0075sername":"bob","password":"Fl-pw-1"}"#,
        ),
        (
            "/api/login",
            r#"{"username":"alice","password":"x","password":"Fl-pw-1"}"#,
        ),
        (
            "/api/login?username=bob",
            r#"{"username":"alice","password":"Fl-pw-1"}"#,
        ),
    ] {
        let visitor = gate.visitor();
        let origin = visitor.origin();
        let fields = format!("{SCRIPT}Content-Type: application/json\r\nOrigin: {origin}\r\n");
        let answer = visitor.exchange("POST", target, &fields, body.as_bytes());
        assert_eq!(answer.status(), 400, "{target} {body}: {}", answer.text());
    }
    gate.ends_having_sent(0);
}

fn comes_in(gate: &mut Gate) {
    let mut alice = gate.visitor();
    assert!(alice.get("/spa").text().contains("<title>spa"));
    let refused = log_in(&mut alice, "alice", "wrong");
    assert_eq!(refused.status(), 401);
    assert!(
        refused.text().contains("invalid_credentials"),
        "its own words: {}",
        refused.text()
    );
    let token = relayed(&mut alice, "alice");
    let message = gate.message();
    assert_eq!(message.to, ALICE, "the wrong password has sent nothing");
    assert_eq!(
        alice.jar.without_ours(),
        Jar::default(),
        "its cookie is held"
    );

    let told = me(&mut alice, &token);
    assert_eq!(told.status(), 401);
    assert_eq!(told.field("content-type"), Some("application/problem+json"));
    // Wherever the person goes, be it a page that is open to all.
    let page = code_page(&alice.get("/spa"));
    assert!(told.text().contains(&page), "{}", told.text());
    assert_eq!(code_page(&alice.get("/private")), page);
    let freed = alice.enter(&page, &message.code);
    let (at, home) = alice.follow(&page, freed);
    assert_eq!(at, "/private");
    assert!(home.text().contains("Hello alice"), "{}", home.text());
    assert!(alice.jar.value("session").is_some(), "the held cookie");

    // By the token, by the cookie, and by both.
    let answer = me(&mut alice, &token);
    assert!(answer.text().contains("alice"), "{}", answer.text());
    let by_cookie = alice.send("GET", "/api/me", SCRIPT, b"");
    assert!(by_cookie.text().contains("alice"), "{}", by_cookie.text());
    let mut bare = alice.clone();
    bare.jar = alice.jar.ours();
    let by_token = me(&mut bare, &token);
    assert!(by_token.text().contains("alice"), "{}", by_token.text());

    // A further login of hers asks nothing, and its token is good at once.
    let second = relayed(&mut alice, "alice");
    assert!(me(&mut alice, &second).text().contains("alice"));
    assert!(me(&mut alice, &token).text().contains("alice"));
}

#[test]
fn no_token_and_no_cookie_of_any_moment_opens_anything_without_its_grant() {
    let app = Application::start("flaskapp");
    let mut gate = Gate::before(&app, SITE);
    let mut old = app.visitor();
    let old_token = token_of(&log_in(&mut old, "alice", PASSWORD));
    let mut alice = gate.visitor();
    let token = relayed(&mut alice, "alice");
    let message = gate.message();
    let during = alice.jar.clone();

    let burglar = Burglar {
        gate: &gate,
        app: &app,
        doors: &DOORS,
        marks: &MARKS,
        sessions: &["session", "remember_token"],
        password: PASSWORD,
    };
    burglar.knows_the_application(&old.jar);
    assert!(
        me(&mut app.visitor(), &token).text().contains("alice"),
        "it is a session there"
    );
    burglar.gets_nothing(&[&during, &old.jar]);
    opens_nothing(&gate, &during, &[&old_token, &token]);
    let page = code_page(&alice.get("/spa"));
    let freed = alice.enter(&page, &message.code);
    alice.follow(&page, freed);
    let after = alice.jar.without_ours();
    assert!(after.value("session").is_some());
    burglar.gets_nothing(&[&during, &after]);
    opens_nothing(&gate, &after, &[&old_token, &token]);
    assert!(
        me(&mut alice, &token).text().contains("alice"),
        "alice goes on"
    );
    gate.ends_having_sent(1);
}

/// Whoever shows a token, and wherever.
fn opens_nothing(gate: &Gate, jar: &Jar, tokens: &[&String]) {
    for token in tokens {
        for fields in [
            format!("{SCRIPT}{}", bearer(token)),
            format!("{NAVIGATION}{}", bearer(token)),
            bearer(token),
            format!("{SCRIPT}Cookie: session={token}\r\n"),
        ] {
            for target in ["/api/me", "//api/me", "/%61pi/me", "/", "/private", "/spa"] {
                for query in [String::new(), format!("?access_token={token}")] {
                    let mut visitor = gate.visitor();
                    if !fields.contains("Cookie") {
                        visitor.jar = jar.clone();
                    }
                    let answer = visitor.send("GET", &format!("{target}{query}"), &fields, b"");
                    let text = answer.text();
                    assert!(
                        !MARKS.iter().any(|mark| text.contains(mark)),
                        "{target}{query} {fields}: {text}"
                    );
                }
            }
        }
    }
}

#[test]
fn alices_grant_serves_neither_bobs_token_nor_his_cookie() {
    let app = Application::start("flaskapp");
    let mut gate = Gate::before(&app, SITE);
    let mut direct = app.visitor();
    let direct_token = token_of(&log_in(&mut direct, "bob", PASSWORD));
    let mut alice = gate.visitor();
    let own = pass(&mut gate, &mut alice, "alice");
    let mut bob = gate.visitor();
    let passed = pass(&mut gate, &mut bob, "bob");
    // She knows his password, and has another browser.
    let waiting = relayed(&mut gate.visitor(), "bob");
    assert_eq!(gate.message().to, BOB);

    for token in [&direct_token, &passed, &waiting] {
        for target in [
            "/api/me".to_owned(),
            format!("/api/me?access_token={token}"),
        ] {
            let answer = alice.send("GET", &target, &format!("{SCRIPT}{}", bearer(token)), b"");
            assert!(
                !answer.text().contains("\"bob\""),
                "{target}: {}",
                answer.text()
            );
        }
    }
    let theirs = [direct.jar.clone(), bob.jar.without_ours()];
    for jar in &theirs {
        for jar in [
            alice.jar.ours().and(jar),
            alice.jar.and(jar),
            jar.and(&alice.jar),
        ] {
            let mut thief = gate.visitor();
            thief.jar = jar;
            for fields in [SCRIPT.to_owned(), format!("{SCRIPT}{}", bearer(&own))] {
                let answer = thief.send("GET", "/api/me", &fields, b"");
                assert!(!answer.text().contains("\"bob\""), "{}", answer.text());
            }
        }
    }
    assert!(
        me(&mut alice, &own).text().contains("alice"),
        "alice goes on"
    );
    gate.ends_having_sent(3);
}

#[test]
fn his_login_in_her_browser_ends_her_grant_and_asks_him() {
    let app = Application::start("flaskapp");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();
    let own = pass(&mut gate, &mut alice, "alice");
    let his = relayed(&mut alice, "bob");
    let message = gate.message();
    assert_eq!(message.to, BOB);
    for token in [&own, &his] {
        assert_eq!(me(&mut alice, token).status(), 401);
    }
    let page = code_page(&alice.get("/spa"));
    alice.enter(&page, &message.code);
    assert!(me(&mut alice, &his).text().contains("bob"));
    assert!(!me(&mut alice, &own).text().contains("alice"));
    gate.ends_having_sent(2);
}

/// S5: at the gateway's own sign-out, and at the application's.
#[test]
fn s5_signing_out_ends_the_event_stream_and_what_the_token_opened() {
    let app = Application::start("flaskapp");
    let mut gate = Gate::before(&app, SITE);
    for out in ["/.countersign/sign-out", "/logout"] {
        let mut alice = gate.visitor();
        let token = pass(&mut gate, &mut alice, "alice");
        assert!(events(&gate.visitor()).is_err(), "not for strangers");
        let mut stream = events(&alice).expect("under a grant");
        assert!(hear(&mut stream).is_some_and(|line| line.contains("tick")));
        let kept = alice.clone();
        let answer = alice.get(out);
        if answer.status() == 200 {
            alice.post(out, &[("token", &value_of(&answer.text(), "token"))]);
        }
        while hear(&mut stream).is_some() {}
        for mut visitor in [alice, kept] {
            assert_eq!(me(&mut visitor, &token).status(), 401);
            assert!(events(&visitor).is_err());
        }
    }
    gate.ends_having_sent(2);
}

#[test]
fn a_page_that_logs_in_by_script_does_so_in_a_browser() {
    let app = Application::start("flaskapp");
    Gate::before(&app, SITE).play("flaskspa.mjs");
}

/// Listens to the application's events; the status where it is refused.
fn events(visitor: &Visitor) -> Result<BufReader<Box<dyn Stream>>, u16> {
    let mut stream = visitor.connect();
    let head = format!(
        "GET /events HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n{}\r\n",
        visitor.authority(),
        visitor.jar.field()
    );
    stream
        .get_mut()
        .write_all(head.as_bytes())
        .expect("somebody listens");
    let head = read_head(&mut stream).expect("an answer");
    match head.first.split(' ').nth(1) {
        Some("200") => Ok(stream),
        status => Err(status
            .and_then(|status| status.parse().ok())
            .expect("a status")),
    }
}

/// The next line with words in it; `None` at the end.
fn hear(stream: &mut BufReader<Box<dyn Stream>>) -> Option<String> {
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line) {
            Ok(1..) if line.contains(':') => return Some(line),
            Ok(1..) => {}
            Ok(0) => return None,
            Err(error) => {
                use std::io::ErrorKind::{TimedOut, WouldBlock};
                assert!(
                    !matches!(error.kind(), TimedOut | WouldBlock),
                    "it goes on for ever"
                );
                return None;
            }
        }
    }
}

/// The whole way in; gives the token.
fn pass(gate: &mut Gate, visitor: &mut Visitor, user: &str) -> String {
    let token = relayed(visitor, user);
    let page = code_page(&visitor.get("/spa"));
    visitor.enter(&page, &gate.message().code);
    token
}

fn relayed(visitor: &mut Visitor, user: &str) -> String {
    token_of(&log_in(visitor, user, PASSWORD))
}

fn log_in(visitor: &mut Visitor, user: &str, password: &str) -> Answer {
    let body = format!("{{\"username\":\"{user}\",\"password\":\"{password}\"}}");
    let origin = visitor.origin();
    let fields = format!("{SCRIPT}Content-Type: application/json\r\nOrigin: {origin}\r\n");
    visitor.send("POST", "/api/login", &fields, body.as_bytes())
}

fn token_of(answer: &Answer) -> String {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let said: serde_json::Value = serde_json::from_str(&answer.text()).expect("JSON");
    said["access_token"].as_str().expect("a token").to_owned()
}

/// Asks the application who this is.
fn me(visitor: &mut Visitor, token: &str) -> Answer {
    visitor.send("GET", "/api/me", &format!("{SCRIPT}{}", bearer(token)), b"")
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}
