//! `MediaWiki`: a login page with two addresses, a session whose cookies carry the name, and an API that signs people in.

use super::burglar::{Burglar, Door};
use super::gate::{ALICE, Application, BOB, Gate, LONG};
use super::visitor::{Visitor, code_page, set_by, shapes};
use super::wire::Answer;

const SITE: &str = r#"
preset = "mediawiki"
scopes = ["login", "admin"]

[scopes.admin]
title = "Administration"
"#;

const PASSWORD: &str = "wiki-pw-1-long";
const LOGIN: &str = "/index.php?title=Special:UserLogin";
const PLAN: &str = "/index.php/Plan";

/// What stands on a page that only people with a login may read.
const PRIVATE: &str = "heron-4-violet";

/// Not the name of who is signed in: the login page says it to whoever brings the session, and asks whether they mean it.
const MARKS: [&str; 4] = [
    PRIVATE,
    "mw-prefs-form",
    "mw-userrights",
    "\"status\":\"PASS\"",
];

const DOORS: [Door; 17] = [
    Door::opens("GET /index.php/Plan"),
    Door::opens("GET /index.php?title=Plan"),
    Door::opens("GET //index.php/Plan"),
    Door::shut("GET /%69ndex.php/Plan"),
    Door::opens("GET /index.php?title=Plan&action=raw"),
    Door::opens("GET /load.php/../index.php/Plan"),
    Door::opens("GET /index.php?title=Special:UserLogin&title=Plan"),
    Door::opens("GET /index.php?title=Special:UserLogin&curid=2"),
    Door::opens("GET /index.php?title=Special:Preferences"),
    Door::opens("GET /index.php?title=Special:UserRights"),
    Door::opens("GET /api.php?action=query&prop=revisions&rvprop=content&titles=Plan&format=json"),
    Door::shut("GET /api.php?action=query&meta=userinfo&format=json"),
    Door::opens("GET /rest.php/v1/page/Plan"),
    Door::shut_with(
        "POST /api.php?action=clientlogin&format=json",
        "username=Alice&password=wiki-pw-1-long&loginreturnurl=http://localhost/&logintoken=x",
    ),
    Door::shut_with(
        "POST /api.php",
        "action=clientlogin&format=json&username=Alice&password=wiki-pw-1-long&logintoken=x",
    ),
    Door::shut_with(
        "POST /api.php?action=login&format=json",
        "lgname=Alice&lgpassword=wiki-pw-1-long&lgtoken=x",
    ),
    Door::shut_with(
        "POST /index.php?title=Special:ChangeCredentials",
        "wpName=Alice&wpPassword=wiki-pw-1-long",
    ),
];

#[test]
fn the_password_is_mediawikis_business_then_the_code_and_then_everything_works() {
    let app = Application::start("mediawiki");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();
    let (at, form) = alice.walk(PLAN);
    assert_eq!(at, LOGIN);
    assert!(form.text().contains("wpLoginToken"), "{}", form.text());
    let style = "/load.php?lang=en&modules=skins.vector.styles.legacy&only=styles&skin=vector";
    assert_eq!(gate.visitor().get(style).status(), 200);

    let refused = log_in(&mut alice, "Alice", "wrong-password");
    assert_eq!(refused.status(), 200);
    let told = refused.text();
    assert!(told.contains("Incorrect username or password"), "{told}");
    let page = code_page(&log_in(&mut alice, "Alice", PASSWORD));
    let message = gate.message();
    assert_eq!(message.to, ALICE, "the wrong password has sent nothing");
    let released = alice.enter(&page, &message.code);
    assert_eq!(
        names_set(&released),
        names_set(&log_in(&mut app.visitor(), "Alice", PASSWORD)),
        "as MediaWiki sets them, in order"
    );
    let (at, home) = alice.follow(&page, released);
    assert_eq!(at, "/index.php/Main_Page");
    assert!(home.text().contains("pt-userpage"), "{}", home.text());
    assert!(alice.get(PLAN).text().contains(PRIVATE));

    // A page is written, by the API as the editor's scripts do.
    let token = csrf(&mut alice);
    let written = alice.post(
        "/api.php",
        &[
            ("action", "edit"),
            ("format", "json"),
            ("title", "Note"),
            ("text", "Feed the heron."),
            ("token", &token),
        ],
    );
    let told = written.text();
    assert!(told.contains("\"result\":\"Success\""), "{told}");
    assert!(
        alice
            .get("/index.php/Note")
            .text()
            .contains("Feed the heron.")
    );

    // Administration wants a code of its own, by both addresses.
    for target in [
        "/index.php?title=Special:UserRights",
        "/index.php/Special:UserRights/Bob",
        "/index.php/Special:Userrights",
        "/index.php?title=special:block",
    ] {
        code_page(&alice.get(target));
    }
    let left = alice.post(
        "/api.php",
        &[("action", "logout"), ("format", "json"), ("token", &token)],
    );
    assert_eq!(left.status(), 200, "{}", left.head.raw);
    assert!(!alice.get(PLAN).text().contains(PRIVATE));
    gate.ends_having_sent(1);
}

/// Nearly as long as a login is held at all; and its cookies come as they were set, in their order.
#[test]
fn a_login_held_for_nearly_five_minutes_is_released_as_it_came() {
    let app = Application::start("mediawiki");
    let mut gate = Gate::with_a_clock(&app, SITE);
    let given = shapes(&log_in(&mut app.visitor(), "Alice", PASSWORD));
    let mut alice = gate.visitor();
    let page = code_page(&log_in(&mut alice, "Alice", PASSWORD));
    let message = gate.message();
    gate.later(LONG);
    let released = alice.enter(&page, &message.code);
    assert!(
        shapes(&released).starts_with(&given),
        "{given:?}: {}",
        released.head.raw
    );
    let (_, home) = alice.follow(&page, released);
    assert!(home.text().contains("pt-userpage"), "{}", home.text());
    gate.ends_having_sent(1);
}

/// By the public name, which it is told of, as the preset has it.
#[test]
fn https_under_another_name_is_none_of_mediawikis_business() {
    let app = Application::start("mediawiki");
    let mut gate = Gate::over_tls(&app, SITE);
    let mut alice = gate.visitor();
    log_in(&mut alice, "Alice", "wrong-password");
    let page = code_page(&log_in(&mut alice, "Alice", PASSWORD));
    let message = gate.message();
    assert_eq!(message.to, ALICE, "the wrong password has sent nothing");
    let released = alice.enter(&page, &message.code);
    let to = released.field("location").unwrap_or_default();
    let own = to.starts_with('/') || to.starts_with(&alice.origin());
    assert!(own, "{}", released.head.raw);
    let (_, home) = alice.follow(&page, released);
    assert!(home.text().contains("pt-userpage"), "{}", home.text());
    gate.ends_having_sent(1);
}

/// PHP takes the last of two fields, drops blanks before a name and cuts it at NUL.
#[test]
fn a_login_that_php_reads_differently_rings_nobody() {
    let app = Application::start("mediawiki");
    let gate = Gate::before(&app, SITE);
    let kind = "application/x-www-form-urlencoded";
    for (target, more) in [
        ("/index.php/Special:UserLogin", "&wpName=Bob"),
        ("/index.php/Special:UserLogin", "&%20wpName=Bob"),
        ("/index.php/Special:UserLogin", "&wpName%00x=Bob"),
        ("/index.php/Special:UserLogin", "&wpName[]=Bob"),
        ("/index.php/Special:UserLogin", "&wpPassword=x"),
        ("/index.php/Special:UserLogin?wpName=Bob", ""),
    ] {
        let mut visitor = gate.visitor();
        visitor.get(LOGIN);
        let body = format!(
            "title=Special:UserLogin&authAction=login&wpName=Alice&wpPassword={PASSWORD}{more}"
        );
        let answer = visitor.post_bytes(target, kind, body.as_bytes());
        assert_eq!(answer.status(), 400, "{target} {more}: {}", answer.text());
    }
    gate.ends_having_sent(0);
}

#[test]
fn no_cookie_of_any_moment_opens_mediawiki_without_its_grant() {
    let app = Application::start("mediawiki");
    let mut gate = Gate::before(&app, SITE);
    let mut old = app.visitor();
    log_in(&mut old, "Alice", PASSWORD);
    let mut alice = gate.visitor();
    alice.walk(PLAN);
    let before = alice.jar.clone();
    let page = code_page(&log_in(&mut alice, "Alice", PASSWORD));
    let message = gate.message();
    let during = alice.jar.clone();
    let burglar = Burglar {
        gate: &gate,
        app: &app,
        doors: &DOORS,
        marks: &MARKS,
        sessions: &["my_wikiUserID", "my_wikiUserName", "my_wikiToken"],
        password: PASSWORD,
    };
    burglar.knows_the_application(&old.jar);
    burglar.gets_nothing(&[&before, &during, &old.jar]);
    let released = alice.enter(&page, &message.code);
    alice.follow(&page, released);
    burglar.gets_nothing(&[&before, &alice.jar.without_ours()]);
    assert!(alice.get(PLAN).text().contains(PRIVATE));

    // Whoever has a grant signs in by no other way, either.
    let clientlogin = [
        ("username", "Bob"),
        ("password", PASSWORD),
        ("format", "json"),
    ];
    let denied = alice.post("/api.php?action=clientlogin", &clientlogin);
    assert_eq!(denied.status(), 403, "{}", denied.text());
    let mut bob = alice.clone();
    let page = code_page(&log_in(&mut bob, "Bob", PASSWORD));
    assert_eq!(gate.message().to, BOB);
    assert!(!alice.get(PLAN).text().contains(PRIVATE), "{page}");
    gate.ends_having_sent(2);
}

/// A token for what changes something.
fn csrf(visitor: &mut Visitor) -> String {
    let told = visitor
        .get("/api.php?action=query&meta=tokens&format=json")
        .text();
    let (_, rest) = told.split_once("\"csrftoken\":\"").expect("a token");
    rest.split('"')
        .next()
        .unwrap_or_default()
        .replace("\\\\", "\\")
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

/// Opens the login page and submits its form.
fn log_in(visitor: &mut Visitor, user: &str, password: &str) -> Answer {
    let mut nobody = visitor.clone();
    let mut shown = visitor.get(LOGIN).text();
    if !shown.contains("name=\"wpLoginToken\"") {
        // Who is signed in is asked whether they mean it; the form is for somebody else.
        nobody.jar = nobody.jar.ours();
        shown = nobody.get(LOGIN).text();
        *visitor = nobody;
    }
    let token = shown
        .split_once("name=\"wpLoginToken\"")
        .and_then(|(_, rest)| rest.split_once("value=\""))
        .and_then(|(_, rest)| rest.split('"').next());
    visitor.post(
        "/index.php/Special:UserLogin",
        &[
            ("title", "Special:UserLogin"),
            ("wpName", user),
            ("wpPassword", password),
            ("wpEditToken", "+\\"),
            ("authAction", "login"),
            ("force", ""),
            ("wpLoginToken", token.expect("the form has one")),
        ],
    )
}
