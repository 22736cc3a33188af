//! phpMyAdmin: a login in place at the site's root, a session whose name a login changes twice in one answer, and pages
//! that a word in the query or the body names.

use super::burglar::{Burglar, Door};
use super::gate::{ALICE, Application, BOB, Gate, LONG};
use super::visitor::{Visitor, code_page, set_by, shapes, value_of};
use super::wire::Answer;

/// What an operator adds to the preset: what asks other servers is shut.
const SITE: &str = r#"
preset = "phpmyadmin"
scopes = ["login", "admin"]

[[sites.phpmyadmin.routes]]
path = "/**"
query = { route = "/version-check" }
require = "deny"

[scopes.admin]
title = "Administration"
"#;

const PASSWORD: &str = "pma-pw-1";
const LOGIN: &str = "/index.php?route=/";
const PLAN: &str = "/index.php?route=/sql&db=garden&table=plan";
const DEPTH: &str = "/index.php?route=/sql&db=pond&table=depth";

/// What stands in alice's table, and in bob's.
const PRIVATE: &str = "heron-4-violet";
const BOBS: &str = "carp-7-orange";

/// The last is the script of every page of who is signed in.
const MARKS: [&str; 4] = [PRIVATE, BOBS, "User accounts overview", "logged_in:true"];

const DOORS: [Door; 26] = [
    Door::opens("GET /"),
    Door::opens("GET /index.php"),
    Door::opens("GET /index.php?route=/"),
    Door::opens("GET /index.php?route=/sql&db=garden&table=plan"),
    Door::opens("GET /index.php?route=%2Fsql&db=garden&table=plan"),
    Door::opens("GET /index.php?%72oute=/sql&db=garden&table=plan"),
    Door::opens("GET /index.php?+route=/sql&db=garden&table=plan"),
    Door::opens("GET /?route=/sql&db=garden&table=plan"),
    Door::opens("GET //index.php?route=/sql&db=garden&table=plan"),
    Door::opens("GET /%69ndex.php?route=/sql&db=garden&table=plan"),
    Door::opens("GET /js/../index.php?route=/sql&db=garden&table=plan"),
    Door::opens("GET /themes/%2e%2e/index.php?route=/sql&db=garden&table=plan"),
    Door::opens("GET /index.php/x?route=/sql&db=garden&table=plan"),
    Door::opens("GET /index.php?db=garden&table=plan"),
    // The page of a login, and another one.
    Door::opens("GET /index.php?route=/&db=garden&table=plan"),
    Door::opens("GET /index.php?route=/&route=/sql&db=garden&table=plan"),
    Door::opens("GET /index.php?route[]=/&route=/sql&db=garden&table=plan"),
    Door::opens("GET /index.php?route=/&route%00=/sql&db=garden&table=plan"),
    Door::opens("GET /index.php?route=/server/privileges"),
    Door::opens("GET /index.php?route=/server/databases"),
    Door::opens("GET /index.php?pma_username=alice&pma_password=pma-pw-1"),
    Door::shut("GET /js/messages.php?l=en&pma_username=alice&pma_password=pma-pw-1"),
    Door::shut("GET /url.php?url=https://www.phpmyadmin.net/"),
    Door::opens_with(
        "POST /index.php",
        "route=/&pma_username=alice&pma_password=pma-pw-1",
    ),
    Door::shut_with(
        "POST /js/messages.php",
        "pma_username=alice&pma_password=pma-pw-1",
    ),
    Door::opens_with("POST /index.php?route=/sql", "db=garden&table=plan"),
];

/// All that the word in the query, or in the body, says of pages of the server.
const SERVER: [&str; 7] = [
    "/index.php?route=/server/privileges",
    "/?route=/server/privileges",
    "/index.php?route=%2Fserver%2Fprivileges",
    "/index.php?%20route=/server/privileges",
    "/index.php?route=/&route=/server/privileges",
    "/index.php/x?route=/server/privileges",
    "//index.php?route=/server/databases",
];

#[test]
fn the_password_is_the_databases_business_then_the_code_and_then_everything_works() {
    let app = Application::start("phpmyadmin");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();

    let (at, form) = alice.walk(PLAN);
    assert_eq!(at, LOGIN);
    assert!(form.text().contains("name=\"pma_password\""));
    for open in ["/js/messages.php?l=en", "/themes/pmahomme/css/theme.css"] {
        let answer = gate.visitor().get(open);
        assert_eq!(answer.status(), 200, "{open}");
        assert_eq!(answer.field("set-cookie"), None, "{open}");
    }

    let denied = log_in(&mut alice, "alice", "wrong");
    assert_eq!(denied.status(), 200);
    assert!(denied.text().contains("Access denied"), "{}", denied.text());
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();
    assert_eq!(message.to, ALICE, "the wrong password has sent nothing");
    let answer = alice.enter(&page, &message.code);
    let set = names_set(&answer);
    assert_eq!(
        set,
        names_set(&log_in(&mut app.visitor(), "alice", PASSWORD))
    );
    let ids = set.iter().filter(|name| *name == "phpMyAdmin").count();
    assert_eq!(ids, 2, "the session twice, the last counts: {set:?}");
    let (_, home) = alice.follow(&page, answer);
    assert!(home.text().contains("logged_in:true"), "{}", home.text());
    assert!(alice.get(PLAN).text().contains(PRIVATE));

    // SQL is run, by script, and a file is taken in.
    let token = value_of(&alice.get(PLAN).text(), "token");
    let ran = alice.post(
        "/index.php?route=/sql",
        &[
            ("token", &token),
            ("db", "garden"),
            ("ajax_request", "true"),
            ("sql_query", "SELECT CONCAT('swan-', 6 * 7) AS bird"),
        ],
    );
    assert!(ran.text().contains("swan-42"), "{}", ran.text());
    let page = code_page(&alice.get("/index.php?route=/database/import&db=garden"));
    alice.ask_for_code(&page);
    let code = gate.message().code;
    alice.enter(&page, &code);
    let sql = "CREATE OR REPLACE TABLE garden.beds (name TEXT);\nINSERT INTO garden.beds VALUES ('tulip-9-white');\n"
        .to_owned()
        + &format!("-- {}\n", "x".repeat(997)).repeat(1000);
    let imported = alice.upload(
        "/index.php?route=/import",
        &[
            ("token", &token),
            ("db", "garden"),
            ("import_type", "database"),
            ("format", "sql"),
            ("charset_of_file", "utf-8"),
        ],
        ("import_file", "beds.sql", sql.as_bytes()),
    );
    assert_eq!(imported.status(), 200, "{}", imported.text());
    let beds = alice.get("/index.php?route=/sql&db=garden&table=beds");
    assert!(beds.text().contains("tulip-9-white"), "{}", beds.text());

    // Its own logout, and in again: with a new code.
    let left = alice.post("/index.php?route=/logout", &[("token", &token)]);
    assert_eq!(left.status(), 302, "{}", left.text());
    assert!(!alice.get(PLAN).text().contains(PRIVATE));
    pass(&mut gate, &mut alice, "alice");
    assert!(alice.get(PLAN).text().contains(PRIVATE));
    gate.ends_having_sent(3);
}

#[test]
fn no_cookie_of_any_moment_opens_phpmyadmin_without_its_grant() {
    let app = Application::start("phpmyadmin");
    let mut gate = Gate::before(&app, SITE);
    let mut old = app.visitor();
    log_in(&mut old, "alice", PASSWORD);
    let mut alice = gate.visitor();
    alice.walk(PLAN);
    let before = alice.jar.clone();
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();
    let during = alice.jar.clone();

    let burglar = Burglar {
        gate: &gate,
        app: &app,
        doors: &DOORS,
        marks: &MARKS,
        sessions: &["pmaAuth", "pmaUser"],
        password: PASSWORD,
    };
    burglar.knows_the_application(&old.jar);
    burglar.gets_nothing(&[&before, &during, &old.jar]);
    let released = alice.enter(&page, &message.code);
    alice.follow(&page, released);
    // Her session does not outlive it: phpMyAdmin gives a new one to whoever comes to its login page with that cookie alone.
    assert!(alice.get(PLAN).text().contains(PRIVATE));
    burglar.gets_nothing(&[&before, &alice.jar.without_ours()]);
    gate.ends_having_sent(1);
}

#[test]
fn alices_grant_never_serves_the_databases_bob() {
    let app = Application::start("phpmyadmin");
    let mut gate = Gate::before(&app, SITE);
    let mut bobs = app.visitor();
    log_in(&mut bobs, "bob", PASSWORD);
    assert!(bobs.get(DEPTH).text().contains(BOBS));
    let mut alice = gate.visitor();
    pass(&mut gate, &mut alice, "alice");

    let ours = alice.jar.ours();
    for jar in [
        ours.and(&bobs.jar),
        alice.jar.and(&bobs.jar),
        bobs.jar.and(&alice.jar),
    ] {
        let mut thief = gate.visitor();
        thief.jar = jar;
        let shown = thief.get(DEPTH).text();
        assert!(!shown.contains(BOBS), "{shown}");
    }
    let bob = [("pma_username", "bob"), ("pma_password", PASSWORD)];
    for target in [
        "/index.php?route=/sql&pma_username=bob",
        "/js/messages.php",
        "/url.php",
    ] {
        let answer = alice.clone().post(target, &bob);
        assert!(
            matches!(answer.status(), 400 | 403),
            "{target}: {}",
            answer.text()
        );
    }

    // Failing as bob ends nothing; succeeding does, and asks bob.
    log_in(&mut alice.clone(), "bob", "wrong");
    let mut copy = alice.clone();
    let page = code_page(&log_in(&mut alice, "bob", PASSWORD));
    let message = gate.message();
    assert_eq!(message.to, BOB);
    for visitor in [&mut alice, &mut copy] {
        let shown = visitor.get(PLAN).text();
        assert!(!shown.contains(PRIVATE), "{shown}");
    }
    let released = alice.enter(&page, &message.code);
    alice.follow(&page, released);
    assert!(alice.get(DEPTH).text().contains(BOBS));

    // A login in the middle of a session: phpMyAdmin goes on with the session, so nobody knows whose it is now.
    for target in ["/index.php", "/index.php?route=/sql"] {
        let mut alice = gate.visitor();
        pass(&mut gate, &mut alice, "alice");
        let mut copy = alice.clone();
        let answer = alice.post(target, &bob);
        assert!(answer.text().contains("Sign in again"), "{}", answer.text());
        for visitor in [&mut alice, &mut copy] {
            for page in [PLAN, DEPTH] {
                let shown = visitor.get(page).text();
                assert!(!shown.contains(BOBS) && !shown.contains(PRIVATE), "{shown}");
            }
        }
    }
    gate.ends_having_sent(4);
}

#[test]
fn the_login_code_does_not_open_the_pages_of_the_server() {
    let app = Application::start("phpmyadmin");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();
    pass(&mut gate, &mut alice, "alice");
    for target in SERVER {
        code_page(&alice.get(target));
    }
    for route in ["/server/privileges", "/user-password", "/import"] {
        code_page(&alice.post("/index.php", &[("route", route)]));
    }
    let shut = alice.get("/index.php?route=/version-check");
    assert_eq!(shut.status(), 403, "{}", shut.head.raw);
    assert!(alice.get(PLAN).text().contains(PRIVATE), "alice goes on");

    let page = code_page(&alice.get(SERVER[0]));
    alice.ask_for_code(&page);
    let second = gate.message();
    assert_eq!(second.to, ALICE);
    alice.enter(&page, &second.code);
    assert!(
        alice
            .get(SERVER[0])
            .text()
            .contains("User accounts overview")
    );
    gate.ends_having_sent(2);
}

/// PHP takes the last of two fields, drops blanks before a name, cuts it at NUL, makes a dot a line, and makes arrays.
#[test]
fn a_login_that_phpmyadmin_reads_differently_rings_nobody() {
    let app = Application::start("phpmyadmin");
    let gate = Gate::before(&app, SITE);
    let kind = "application/x-www-form-urlencoded";
    for more in [
        "pma_username=bob",
        "%20pma_username=bob",
        "pma.username=bob",
        "pma+username=bob",
        "pma[username=bob",
        "pma_username%00zz=bob",
        "pma_username[]=bob",
        "pma_password=x",
        "pma_username[=bob",
        "%00pma_username=bob",
        "pma_username[x]=bob",
        "%70ma_username=bob",
    ] {
        let mut visitor = gate.visitor();
        let shown = visitor.get(LOGIN).text();
        let body = format!(
            "route=/&server=1&token={}&set_session={}&pma_username=alice&pma_password=pma-pw-1&{more}",
            value_of(&shown, "token"),
            value_of(&shown, "set_session"),
        );
        let answer = visitor.post_bytes(LOGIN, kind, body.as_bytes());
        assert_eq!(answer.status(), 400, "{body}: {}", answer.text());
    }
    let both = gate.visitor().post_bytes(
        "/index.php?route=/&pma_username=bob",
        kind,
        b"pma_username=alice&pma_password=pma-pw-1",
    );
    assert_eq!(both.status(), 400, "{}", both.text());
    // In parts nothing is searched for its route, so that no login is taken that way.
    let form = [
        ("route", "/"),
        ("pma_username", "alice"),
        ("pma_password", PASSWORD),
    ];
    for more in [&[][..], &[("pma_username", "bob")]] {
        let answer = gate
            .visitor()
            .upload(LOGIN, &[&form[..], more].concat(), ("x", "x", b"x"));
        assert!(matches!(answer.status(), 303 | 400), "{}", answer.head.raw);
        assert!(names_set(&answer).is_empty(), "{}", answer.head.raw);
    }
    gate.ends_having_sent(0);
}

/// While a code is awaited somebody else comes and goes, the password is tried again elsewhere, and what is held stays good.
#[test]
fn what_is_held_is_released_whatever_happened_in_between() {
    let app = Application::start("phpmyadmin");
    let mut gate = Gate::with_a_clock(&app, SITE);
    let mut alice = gate.visitor();
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();

    let mut tab = alice.clone();
    assert!(!tab.get(PLAN).text().contains(PRIVATE));
    let wrong = log_in(&mut gate.visitor(), "alice", "wrong");
    assert!(wrong.text().contains("Access denied"), "{}", wrong.text());
    let given = shapes(&log_in(&mut app.visitor(), "alice", PASSWORD));
    let mut bob = gate.visitor();
    pass(&mut gate, &mut bob, "bob");
    assert!(bob.get(DEPTH).text().contains(BOBS));

    gate.later(LONG);
    let released = alice.enter(&page, &message.code);
    assert!(
        shapes(&released).starts_with(&given),
        "{}",
        released.head.raw
    );
    let (_, home) = alice.follow(&page, released);
    assert!(home.text().contains("logged_in:true"), "{}", home.text());
    assert!(alice.get(PLAN).text().contains(PRIVATE));
    gate.ends_having_sent(2);
}

#[test]
fn https_under_another_name_is_none_of_phpmyadmins_business() {
    let app = Application::start("phpmyadmin");
    for host in ["upstream", "preserve"] {
        let mut gate = Gate::over_tls(&app, &format!("host = \"{host}\"{SITE}"));
        let mut alice = gate.visitor();
        let (at, _) = alice.walk(PLAN);
        assert_eq!(at, LOGIN, "{host}");
        let denied = log_in(&mut alice, "alice", "wrong");
        assert!(denied.text().contains("Access denied"), "{}", denied.text());
        pass(&mut gate, &mut alice, "alice");
        let shown = alice.get(PLAN).text();
        assert!(shown.contains(PRIVATE), "{host}: {shown}");
        assert!(!shown.contains("//127.0.0.1"), "{host}: {shown}");
        gate.ends_having_sent(1);
    }
}

#[test]
fn the_story_of_a_table_is_the_same_in_a_browser() {
    let app = Application::start("phpmyadmin");
    Gate::before(&app, SITE).play("phpmyadmin.mjs");
}

/// Names of the cookies that an answer sets, in order, but for the gateway's own.
fn names_set(answer: &Answer) -> Vec<String> {
    let lines = answer.head.all("set-cookie");
    let names = lines.into_iter().filter_map(|line| {
        let (name, value) = set_by(line)?;
        let theirs = value.is_some() && !name.starts_with("__Host-countersign-");
        theirs.then(|| name.to_owned())
    });
    names.collect()
}

/// Password and code. Panics where phpMyAdmin does not follow.
fn pass(gate: &mut Gate, visitor: &mut Visitor, user: &str) {
    let page = code_page(&log_in(visitor, user, PASSWORD));
    let released = visitor.enter(&page, &gate.message().code);
    let (_, home) = visitor.follow(&page, released);
    assert!(home.text().contains("logged_in:true"), "{}", home.text());
}

/// Opens the login page and submits its form, as it is for who is nobody yet.
fn log_in(visitor: &mut Visitor, user: &str, password: &str) -> Answer {
    let mut nobody = visitor.clone();
    nobody.jar = nobody.jar.ours();
    let shown = nobody.get(LOGIN).text();
    if shown.contains("name=\"set_session\"") {
        *visitor = nobody;
    }
    let hidden = |name: &str| value_of(&shown, name);
    visitor.post(
        LOGIN,
        &[
            ("route", "/"),
            ("lang", "en"),
            ("token", &hidden("token")),
            ("set_session", &hidden("set_session")),
            ("pma_username", user),
            ("pma_password", password),
            ("server", "1"),
        ],
    )
}
