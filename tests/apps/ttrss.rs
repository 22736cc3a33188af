//! Tiny Tiny RSS: the same answer with a cookie to a right and a wrong password, told apart by a page that only people who are
//! signed in get.

use super::burglar::{Burglar, Door};
use super::gate::{ALICE, Application, BOB, Gate, LONG};
use super::visitor::{Visitor, code_page, set_by, shapes};
use super::wire::Answer;

const SITE: &str = r#"
preset = "ttrss"
scopes = ["login", "admin"]

[scopes.admin]
title = "Settings"
"#;

const PASSWORD: &str = "rss-pw-1";
const LOGIN: &str = "/index.php";
const POST: &str = "/public.php";
const SETTINGS: &str = "/prefs.php";

/// What stands on pages of who is signed in.
const HOME: &str = "id=\"feeds-holder\"";

const MARKS: [&str; 4] = [
    HOME,
    "Tiny Tiny RSS : Preferences",
    "\"session_id\"",
    "alice@example.test",
];

const DOORS: [Door; 15] = [
    Door::opens("GET /"),
    Door::opens("GET /index.php"),
    Door::shut("GET //index.php"),
    Door::opens("GET /%69ndex.php"),
    Door::shut("GET /index.php/x"),
    Door::shut("GET /lib/../index.php"),
    Door::opens("GET /prefs.php"),
    Door::shut("GET /prefs.php/x.js"),
    Door::opens("GET /index.php?login=alice&password=rss-pw-1"),
    Door::shut("GET /public.php?op=login&login=alice&password=rss-pw-1"),
    Door::shut("GET /public.php?op=getUnread&login=alice"),
    Door::shut_with("POST /public.php?op=login", "login=alice&password=rss-pw-1"),
    Door::shut_with(
        "POST /api/",
        "{\"op\":\"login\",\"user\":\"alice\",\"password\":\"rss-pw-1\"}",
    ),
    Door::shut_with(
        "POST /api/index.php",
        "{\"op\":\"login\",\"user\":\"alice\",\"password\":\"rss-pw-1\"}",
    ),
    Door::shut_with("POST /backend.php", "op=rpc&method=sanityCheck"),
];

#[test]
fn only_the_right_password_rings_though_both_get_the_same_answer() {
    let app = Application::start("ttrss");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();
    let (at, form) = alice.walk(SETTINGS);
    assert_eq!(at, LOGIN);
    assert!(form.text().contains("name=\"password\""), "{}", form.text());
    for open in ["/lib/prototype.js", "/themes/light.css"] {
        assert_eq!(gate.visitor().get(open).status(), 200, "{open}");
    }

    let refused = log_in(&mut alice, "alice", "wrong");
    let (at, told) = alice.follow(POST, refused);
    assert!(at == "/" || at == LOGIN, "{at}");
    // Its message is shown once, and the gateway has looked.
    let told = told.text();
    assert!(told.contains("name=\"password\""), "{told}");

    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();
    assert_eq!(message.to, ALICE, "the wrong password has sent nothing");
    let released = alice.enter(&page, &message.code);
    assert_eq!(
        sessions_set(&released),
        sessions_set(&log_in(&mut app.visitor(), "alice", PASSWORD)),
        "the same name twice, the last counts"
    );
    let (_, home) = alice.follow(&page, released);
    assert!(home.text().contains(HOME), "{}", home.text());

    // Settings want a code of their own.
    let page = code_page(&alice.get(SETTINGS));
    alice.ask_for_code(&page);
    let second = gate.message();
    alice.enter(&page, &second.code);
    let shown = alice.get(SETTINGS).text();
    assert!(shown.contains("Tiny Tiny RSS : Preferences"), "{shown}");

    // Its own logout, as its script posts it, and in again: she is known here for as long as her grant lasts.
    let (_, rest) = shown.split_once("__csrf_token = \"").expect("a token");
    let token = rest.split('"').next().unwrap_or_default();
    let left = alice.post(POST, &[("op", "logout"), ("csrf_token", token)]);
    assert_eq!(left.status(), 302, "{}", left.text());
    assert!(!alice.get("/").text().contains(HOME));
    let again = log_in(&mut alice, "alice", PASSWORD);
    let (_, home) = alice.follow(POST, again);
    assert!(home.text().contains(HOME), "{}", home.text());
    gate.ends_having_sent(2);
}

/// Nearly as long as a login is held at all; and its cookies come as they were set, in their order.
#[test]
fn a_login_held_for_nearly_five_minutes_is_released_as_it_came() {
    let app = Application::start("ttrss");
    let mut gate = Gate::with_a_clock(&app, SITE);
    let given = shapes(&log_in(&mut app.visitor(), "alice", PASSWORD));
    let mut alice = gate.visitor();
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();
    gate.later(LONG);
    let released = alice.enter(&page, &message.code);
    assert!(
        shapes(&released).starts_with(&given),
        "{given:?}: {}",
        released.head.raw
    );
    let (_, home) = alice.follow(&page, released);
    assert!(home.text().contains(HOME), "{}", home.text());
    gate.ends_having_sent(1);
}

/// By the public name, which it is told of, as the preset has it.
#[test]
fn https_under_another_name_is_none_of_ttrss_business() {
    let app = Application::start("ttrss");
    let mut gate = Gate::over_tls(&app, SITE);
    let mut alice = gate.visitor();
    log_in(&mut alice, "alice", "wrong-password");
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();
    assert_eq!(message.to, ALICE, "the wrong password has sent nothing");
    let released = alice.enter(&page, &message.code);
    let to = released.field("location").unwrap_or_default();
    let own = to.starts_with('/') || to.starts_with(&alice.origin());
    assert!(own, "{}", released.head.raw);
    let (_, home) = alice.follow(&page, released);
    assert!(home.text().contains(HOME), "{}", home.text());
    gate.ends_having_sent(1);
}

/// PHP takes the last of two fields, drops blanks before a name and cuts it at NUL.
#[test]
fn a_login_that_php_reads_differently_rings_nobody() {
    let app = Application::start("ttrss");
    let gate = Gate::before(&app, SITE);
    let kind = "application/x-www-form-urlencoded";
    for (target, more) in [
        (POST, "&login=bob"),
        (POST, "&%20login=bob"),
        (POST, "&login%00x=bob"),
        (POST, "&login[]=bob"),
        (POST, "&password=x"),
        ("/public.php?login=bob", ""),
    ] {
        let mut visitor = gate.visitor();
        visitor.get(LOGIN);
        let body = format!("op=login&profile=0&login=alice&password={PASSWORD}{more}");
        let answer = visitor.post_bytes(target, kind, body.as_bytes());
        assert_eq!(answer.status(), 400, "{target} {more}: {}", answer.text());
    }
    gate.ends_having_sent(0);
}

#[test]
fn no_cookie_of_any_moment_opens_ttrss_without_its_grant() {
    let app = Application::start("ttrss");
    let mut gate = Gate::before(&app, SITE);
    let mut old = app.visitor();
    log_in(&mut old, "alice", PASSWORD);
    let mut alice = gate.visitor();
    alice.walk(SETTINGS);
    let before = alice.jar.clone();
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();
    let during = alice.jar.clone();
    let burglar = Burglar {
        gate: &gate,
        app: &app,
        doors: &DOORS,
        marks: &MARKS,
        // Everybody gets its one cookie, and it is tried in every jar.
        sessions: &[],
        password: PASSWORD,
    };
    burglar.knows_the_application(&old.jar);
    burglar.gets_nothing(&[&before, &during, &old.jar]);
    let released = alice.enter(&page, &message.code);
    alice.follow(&page, released);
    assert!(alice.get("/").text().contains(HOME));
    burglar.gets_nothing(&[&before, &alice.jar.without_ours()]);

    // The grant is alice's.
    let mut bobs = app.visitor();
    log_in(&mut bobs, "bob", PASSWORD);
    let mut thief = gate.visitor();
    thief.jar = alice.jar.ours().and(&bobs.jar);
    assert!(!thief.get("/").text().contains(HOME));
    code_page(&log_in(&mut alice, "bob", PASSWORD));
    assert_eq!(gate.message().to, BOB);
    gate.ends_having_sent(2);
}

/// How often and by which names an answer makes a session.
fn sessions_set(answer: &Answer) -> Vec<String> {
    let lines = answer.head.all("set-cookie");
    let names = lines.into_iter().filter_map(|line| {
        let (name, value) = set_by(line)?;
        (value.is_some() && name == "ttrss_sid").then(|| name.to_owned())
    });
    names.collect()
}

/// Opens the login page and submits its form.
fn log_in(visitor: &mut Visitor, user: &str, password: &str) -> Answer {
    visitor.get(LOGIN);
    let target = format!(
        "{POST}?return={}%2F",
        visitor.origin().replace(':', "%3A").replace('/', "%2F")
    );
    visitor.post(
        &target,
        &[
            ("op", "login"),
            ("login", user),
            ("password", password),
            ("profile", "0"),
        ],
    )
}
