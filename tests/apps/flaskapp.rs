//! A Flask application: a session that is all in its cookie, a cookie that remembers, a login by script, and `/legacy`,
//! which elevates the session that the browser has already and answers right and wrong alike.

use super::burglar::{Burglar, Door};
use super::gate::{ALICE, Application, BOB, Gate, LONG};
use super::visitor::{Jar, NAVIGATION, Visitor, code_page, location, shapes};
use super::wire::Answer;

const SITE: &str = r#"
scopes = ["login", "admin"]
logout = "/logout"

[[sites.flaskapp.routes]]
path = "/admin"
require = "admin"
[[sites.flaskapp.routes]]
path = "/login"
capture = "form"
[[sites.flaskapp.routes]]
path = "/legacy/login"
capture = "legacy"

[sites.flaskapp.captures.form]
scope = "login"
username = "username"
password = "password"
probe = "/private"
auth_cookies = ["session", "remember_token"]

[sites.flaskapp.captures.legacy]
scope = "login"
username = "username"
password = "password"
page = "/legacy/login"
probe = "/legacy/home"
auth_cookies = ["LEGACYSID"]

[scopes.admin]
title = "Administration"
"#;

const PASSWORD: &str = "Fl-pw-1";
const FORM: &str = "/login";
const LEGACY: &str = "/legacy/login";

/// Every private page greets its user by name.
const MARKS: [&str; 6] = [
    "Hello alice",
    "Hello bob",
    "user=alice",
    "\"user\":\"alice\"",
    "\"user\":\"bob\"",
    "access_token",
];

const DOORS: [Door; 14] = [
    Door::opens("GET /private"),
    Door::opens("GET //private"),
    Door::opens("GET /%70rivate"),
    Door::opens("GET /private?next=/login"),
    Door::opens("GET /"),
    Door::opens("GET /admin/"),
    Door::opens("GET /api/me"),
    Door::opens_with(
        "POST /api/login",
        "{\"username\":\"alice\",\"password\":\"Fl-pw-1\"}",
    ),
    Door::shut("GET /PRIVATE"),
    Door::shut("GET /private;x"),
    Door::shut("GET /login/../private"),
    Door::shut("GET /login/%2e%2e/private"),
    Door::shut("GET /login?next=/private"),
    Door::shut("GET /login/"),
];

const LEGACY_DOORS: [Door; 5] = [
    Door::opens("GET /legacy/home"),
    Door::opens("GET /legacy%2fhome"),
    Door::opens("GET /%6cegacy/home?x=/legacy/login"),
    Door::shut("GET /legacy/login/../home"),
    Door::shut("GET /legacy/login"),
];

/// The forms themselves, with a password that is wrong. Tried last: a session that comes along with it may be kept back after.
const FORMS: [Door; 2] = [
    Door::shut_with("POST /login", "username=alice&password=wrong"),
    Door::shut_with("POST /legacy/login", "username=alice&password=wrong"),
];

#[test]
fn the_password_is_the_applications_business_then_the_code_and_then_everything_works() {
    let app = Application::start("flaskapp");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();

    let (at, form) = alice.walk("/private");
    assert_eq!(at, FORM);
    assert!(form.text().contains("type=password"), "{}", form.text());
    let refused = log_in(&mut alice, FORM, "alice", "wrong");
    assert_eq!(refused.status(), 200);
    assert!(refused.text().contains("Wrong user or password"));
    let page = code_page(&log_in(&mut alice, FORM, "alice", PASSWORD));
    let message = gate.message();
    assert_eq!(message.to, ALICE, "the wrong password has sent nothing");
    let released = alice.enter(&page, &message.code);
    let (at, home) = alice.follow(&page, released);
    assert_eq!(at, "/private");
    assert!(home.text().contains("Hello alice"), "{}", home.text());
    assert!(
        alice.jar.value("remember_token").is_some(),
        "all of the held cookies"
    );

    // The code for the login is none for the admin.
    let step_up = code_page(&alice.get("/admin/"));
    alice.enter(&step_up, &message.code);
    code_page(&alice.get("/admin/"));
    alice.ask_for_code(&step_up);
    let second = gate.message();
    let opened = alice.enter(&step_up, &second.code);
    let (at, admin) = alice.follow(&step_up, opened);
    assert_eq!(at, "/admin/");
    assert!(admin.text().contains("<h1>Admin</h1>Hello alice"));

    // Its own logout ends the grants, and in again is with a code again.
    let thief = alice.jar.clone();
    assert_eq!(location(&alice.get("/logout")), "/");
    assert_eq!(alice.jar.value("remember_token"), None);
    let (at, _) = alice.walk("/private");
    assert!(at.starts_with(FORM), "{at}");
    let page = code_page(&log_in(&mut alice, FORM, "alice", PASSWORD));
    let third = gate.message();
    let released = alice.enter(&page, &third.code);
    let (_, home) = alice.follow(&page, released);
    assert!(home.text().contains("Hello alice"), "{}", home.text());
    alice.jar = thief;
    let (at, _) = alice.walk("/private");
    assert!(at.starts_with(FORM), "a copy of the cookies: {at}");
    gate.ends_having_sent(3);
}

#[test]
fn no_cookie_of_any_moment_opens_a_page_without_its_grant() {
    let app = Application::start("flaskapp");
    let mut gate = Gate::before(&app, SITE);
    let mut old = app.visitor();
    log_in(&mut old, FORM, "alice", PASSWORD);
    let mut alice = gate.visitor();
    alice.walk("/private");
    log_in(&mut alice, FORM, "alice", "wrong");
    let before = alice.jar.clone();
    let page = code_page(&log_in(&mut alice, FORM, "alice", PASSWORD));
    let message = gate.message();
    let during = alice.jar.clone();
    assert_eq!(during.value("remember_token"), None, "it is held");

    let burglar = burglar(&gate, &app, &DOORS, &["remember_token"]);
    burglar.knows_the_application(&old.jar);
    burglar.gets_nothing(&[&before, &during, &old.jar]);
    let released = alice.enter(&page, &message.code);
    alice.follow(&page, released);
    let after = alice.jar.without_ours();
    assert!(after.value("remember_token").is_some());
    burglar.gets_nothing(&[&before, &during, &after]);
    assert!(
        alice.get("/private").text().contains("Hello alice"),
        "alice goes on"
    );
    self::burglar(&gate, &app, &FORMS, &["remember_token"])
        .gets_nothing(&[&before, &during, &after, &old.jar]);
    gate.ends_having_sent(1);
}

/// The worst that was ever measured: nothing in the answer says whether the password was right, and the cookie from before
/// the login is the session afterwards.
#[test]
fn a_session_elevated_in_place_opens_nothing_before_the_code() {
    let app = Application::start("flaskapp");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();
    let form = alice.get(LEGACY);
    assert_eq!(form.status(), 200);
    let sid = alice.jar.without_ours();
    assert!(sid.value("LEGACYSID").is_some());

    // Wrong: the application's own redirect, which leads back to a login, and no message.
    let wrong = log_in(&mut alice, LEGACY, "alice", "wrong");
    assert_eq!(
        (wrong.status(), location(&wrong).as_str()),
        (302, "/legacy/home")
    );
    let (_, back) = alice.walk("/legacy/home");
    assert!(back.text().contains("type=password"), "{}", back.text());
    assert_eq!(alice.jar.without_ours(), sid, "and it may be tried again");

    let page = code_page(&log_in(&mut alice, LEGACY, "alice", PASSWORD));
    let message = gate.message();
    assert_eq!(message.to, ALICE, "the wrong password has sent nothing");
    let during = alice.jar.clone();
    assert!(
        hello(&app, &sid).contains("Hello alice"),
        "the cookie from before is signed in at the application"
    );
    let burglar = burglar(&gate, &app, &LEGACY_DOORS, &[]);
    burglar.knows_the_application(&sid);
    burglar.gets_nothing(&[&sid, &during]);

    let released = alice.enter(&page, &message.code);
    let (at, home) = alice.follow(&page, released);
    assert_eq!(at, "/legacy/home");
    assert!(home.text().contains("Hello alice"), "{}", home.text());
    burglar.gets_nothing(&[&sid, &during, &alice.jar.without_ours()]);
    assert!(
        alice.get("/legacy/home").text().contains("Hello alice"),
        "alice goes on"
    );
    self::burglar(&gate, &app, &FORMS, &[]).gets_nothing(&[&sid, &during]);
    gate.ends_having_sent(1);
}

/// No cookie of a login that elevates in place can be given a second time.
#[test]
fn a_look_at_another_tab_while_the_code_is_awaited_does_not_lose_the_login() {
    let app = Application::start("flaskapp");
    let mut gate = Gate::before(&app, SITE);
    for tab in ["/legacy/home", LEGACY] {
        let mut alice = gate.visitor();
        let page = code_page(&log_in(&mut alice, LEGACY, "alice", PASSWORD));
        let (_, shown) = alice.walk(tab);
        assert!(!shown.text().contains("Hello"), "{}", shown.text());
        let released = alice.enter(&page, &gate.message().code);
        let (_, home) = alice.follow(&page, released);
        assert!(
            home.text().contains("Hello alice"),
            "after a look at {tab}: {}",
            home.text()
        );
    }
    gate.ends_having_sent(2);
}

#[test]
fn alices_grant_never_serves_bob() {
    let app = Application::start("flaskapp");
    let mut gate = Gate::before(&app, SITE);
    let mut bobs = app.visitor();
    log_in(&mut bobs, FORM, "bob", PASSWORD);
    let mut alice = gate.visitor();
    pass(&mut gate, &mut alice, FORM, "alice");

    let (theirs, ours) = (bobs.jar.clone(), alice.jar.ours());
    for jar in [
        ours.and(&theirs),
        alice.jar.and(&theirs),
        theirs.and(&alice.jar),
    ] {
        let mut thief = gate.visitor();
        thief.jar = jar;
        let shown = thief.get("/private").text();
        assert!(!shown.contains("Hello"), "{shown}");
    }
    // The other ways in that the application has.
    let login = "{\"username\":\"bob\",\"password\":\"Fl-pw-1\"}";
    let by_script = alice
        .clone()
        .post_bytes("/api/login", "application/json", login.as_bytes());
    assert_eq!(by_script.status(), 403, "{}", by_script.text());
    let elsewhere = alice.clone().get("/private?username=bob&password=Fl-pw-1");
    assert_eq!(elsewhere.status(), 403, "{}", elsewhere.text());

    // Failing as bob ends nothing; succeeding does, and asks bob. (The application counts failures in the session cookie:
    // the copy that has the new one may be asked again, the one that has the old is not.)
    let refused = log_in(&mut alice.clone(), FORM, "bob", "wrong");
    assert!(refused.text().contains("Wrong user or password"));
    assert!(alice.get("/private").text().contains("Hello alice"));
    let mut copy = alice.clone();
    let page = code_page(&log_in(&mut alice, FORM, "bob", PASSWORD));
    let message = gate.message();
    assert_eq!(message.to, BOB);
    for visitor in [&mut alice, &mut copy] {
        let answer = visitor.get("/private");
        assert!(!answer.text().contains("Hello"), "{}", answer.text());
    }
    let released = alice.enter(&page, &message.code);
    let (_, home) = alice.follow(&page, released);
    assert!(home.text().contains("Hello bob"), "{}", home.text());
    gate.ends_having_sent(2);
}

#[test]
fn a_session_elevated_as_bob_is_not_served_to_alice() {
    let app = Application::start("flaskapp");
    let mut gate = Gate::before(&app, SITE);
    let mut by_legacy = gate.visitor();
    pass(&mut gate, &mut by_legacy, LEGACY, "alice");
    let mut by_form = gate.visitor();
    pass(&mut gate, &mut by_form, FORM, "alice");

    // Alice knows bob's password, but not his phone.
    let mut second = gate.visitor();
    second.get(LEGACY);
    code_page(&log_in(&mut second, LEGACY, "bob", PASSWORD));
    assert_eq!(gate.message().to, BOB);
    let elevated = second.jar.without_ours();
    assert!(hello(&app, &elevated).contains("Hello bob"));
    let not_served = |visitor: &Visitor| {
        for jar in [
            visitor.jar.ours().and(&elevated),
            visitor.jar.and(&elevated),
            elevated.and(&visitor.jar),
        ] {
            let mut thief = visitor.clone();
            thief.jar = jar;
            let shown = thief.get("/legacy/home").text();
            assert!(!shown.contains("Hello bob"), "{shown}");
        }
    };
    not_served(&by_legacy);
    not_served(&by_form);

    // A login that fails afterwards, from the same browser, sets nothing free.
    log_in(&mut second, LEGACY, "bob", "wrong");
    not_served(&by_legacy);
    not_served(&by_form);

    // In her own browser the session would become bob's under her grant: his login goes up without it, so that it stays
    // hers, and no message is sent for a login that the application could not take.
    let again = log_in(&mut by_legacy, LEGACY, "bob", PASSWORD);
    assert_eq!(again.status(), 302, "{}", again.head.raw);
    let shown = by_legacy.get("/legacy/home").text();
    assert!(shown.contains("Hello alice"), "{shown}");
    gate.ends_having_sent(3);
}

/// Who has come by a session of alice's gets nowhere with a code of his own. The probe shows her page to that session
/// whatever password was posted, and after the old login nothing else tells right from wrong.
#[test]
fn anothers_session_is_not_to_be_had_with_ones_own_code() {
    let app = Application::start("flaskapp");
    let mut gate = Gate::before(&app, SITE);
    let mut sent = 0;
    for (at, home) in [(FORM, "/private"), (LEGACY, "/legacy/home")] {
        let mut old = app.visitor();
        log_in(&mut old, at, "alice", PASSWORD);
        assert!(old.get(home).text().contains("Hello alice"));
        for password in ["wrong", PASSWORD] {
            let mut bob = gate.visitor();
            bob.jar = old.jar.clone();
            let kind = "application/x-www-form-urlencoded";
            let body = format!("username=bob&password={password}");
            let answer = bob.post_bytes(at, kind, body.as_bytes());
            if location(&answer).starts_with("/.countersign/c/") {
                sent += 1;
                let page = code_page(&answer);
                let message = gate.message();
                assert_eq!(message.to, BOB);
                bob.enter(&page, &message.code);
            }
            for jar in [
                bob.jar.clone(),
                bob.jar.ours().and(&old.jar),
                bob.jar.and(&old.jar),
                old.jar.and(&bob.jar),
            ] {
                let mut thief = bob.clone();
                thief.jar = jar;
                let shown = thief.get(home).text();
                assert!(!shown.contains("Hello alice"), "{at} {password}: {shown}");
            }
        }
    }
    gate.ends_having_sent(sent);
}

/// Flask takes the first of two fields, PHP the last: who is asked must not depend on who reads.
#[test]
fn a_login_that_two_servers_read_differently_rings_nobody() {
    let app = Application::start("flaskapp");
    let gate = Gate::before(&app, SITE);
    let kind = "application/x-www-form-urlencoded";
    for body in [
        "username=alice&username=bob&password=Fl-pw-1",
        "username=alice&%20username=bob&password=Fl-pw-1",
        "username=alice&username%00x=bob&password=Fl-pw-1",
        "username=alice&username[]=bob&password=Fl-pw-1",
        "username=alice&password=x&password=Fl-pw-1",
    ] {
        let mut visitor = gate.visitor();
        visitor.get(FORM);
        let answer = visitor.post_bytes(FORM, kind, body.as_bytes());
        assert_eq!(answer.status(), 400, "{body}: {}", answer.text());
    }
    let mut visitor = gate.visitor();
    let twice = visitor.post_bytes(
        "/login?username=bob",
        kind,
        b"username=alice&password=Fl-pw-1",
    );
    assert_eq!(twice.status(), 400, "{}", twice.text());
    let fields = format!("{NAVIGATION}Origin: https://evil.example\r\nContent-Type: {kind}\r\n");
    let foreign = visitor.send("POST", FORM, &fields, b"username=alice&password=Fl-pw-1");
    assert_eq!(foreign.status(), 403, "{}", foreign.text());
    gate.ends_having_sent(0);
}

/// Nearly as long as a login is held at all; and its cookies come as Flask set them, in its order, and work: they are signed.
#[test]
fn a_login_held_for_nearly_five_minutes_is_released_as_it_came() {
    let app = Application::start("flaskapp");
    let mut gate = Gate::with_a_clock(&app, SITE);
    for (at, cookies) in [(FORM, 2), (LEGACY, 0)] {
        let given = shapes(&log_in(&mut app.visitor(), at, "alice", PASSWORD));
        assert_eq!(given.len(), cookies, "{given:?}");
        let mut alice = gate.visitor();
        let page = code_page(&log_in(&mut alice, at, "alice", PASSWORD));
        let message = gate.message();
        gate.later(LONG);
        let released = alice.enter(&page, &message.code);
        if at == FORM {
            assert_eq!(shapes(&released), given);
        }
        let (_, home) = alice.follow(&page, released);
        assert!(home.text().contains("Hello alice"), "{}", home.text());
    }
    gate.ends_having_sent(2);
}

/// By its own name and port, as it is reached behind the gate, and by the public one.
#[test]
fn https_under_another_name_is_none_of_the_applications_business() {
    let app = Application::start("flaskapp");
    for host in ["upstream", "preserve"] {
        let mut gate = Gate::over_tls(&app, &format!("host = \"{host}\"{SITE}"));
        for at in [FORM, LEGACY] {
            let mut alice = gate.visitor();
            log_in(&mut alice, at, "alice", "wrong");
            pass(&mut gate, &mut alice, at, "alice");
            assert_eq!(location(&alice.get("/logout")), "/", "{host}");
        }
        gate.ends_having_sent(2);
    }
}

#[test]
fn the_story_is_the_same_in_a_browser() {
    let app = Application::start("flaskapp");
    Gate::before(&app, SITE).play("flaskapp.mjs");
}

fn burglar<'a>(
    gate: &'a Gate,
    app: &'a Application,
    doors: &'a [Door],
    sessions: &'a [&'a str],
) -> Burglar<'a> {
    Burglar {
        gate,
        app,
        doors,
        marks: &MARKS,
        sessions,
        password: PASSWORD,
    }
}

/// Password and code. Panics where no private page follows.
fn pass(gate: &mut Gate, visitor: &mut Visitor, at: &str, user: &str) {
    let page = code_page(&log_in(visitor, at, user, PASSWORD));
    let released = visitor.enter(&page, &gate.message().code);
    let (_, home) = visitor.follow(&page, released);
    assert!(
        home.text().contains(&format!("Hello {user}")),
        "{}",
        home.text()
    );
}

/// Opens a login form and submits it; with a tick for being remembered, which the old form does not know.
fn log_in(visitor: &mut Visitor, at: &str, user: &str, password: &str) -> Answer {
    visitor.get(at);
    visitor.post(
        at,
        &[
            ("username", user),
            ("password", password),
            ("remember", "on"),
        ],
    )
}

/// The old home page as the application itself shows it to these cookies.
fn hello(app: &Application, jar: &Jar) -> String {
    let mut visitor = app.visitor();
    visitor.jar = jar.clone();
    visitor.get("/legacy/home").text()
}
