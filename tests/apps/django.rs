//! Django's admin: CSRF tokens that hang on cookies, a session that is new at login, an upload behind a second code.

use super::burglar::{Burglar, Door};
use super::gate::{ALICE, Application, BOB, Gate, LONG};
use super::visitor::{Visitor, code_page, location, shapes, value_of};
use super::wire::Answer;

const SITE: &str = r#"
scopes = ["login", "admin"]

[[sites.django.routes]]
path = "/upload"
require = "admin"
[[sites.django.routes]]
path = "/static/**"
require = "public"
[[sites.django.routes]]
path = "/admin/login/"
capture = "form"

[sites.django.captures.form]
scope = "login"
username = "username"
password = "password"
probe = "/admin/"
auth_cookies = ["sessionid"]

[scopes.admin]
title = "Administration"
"#;

/// The project's own page is told of as for any site; the rest is known.
const PRESET: &str = r#"
preset = "django"
scopes = ["login"]
"#;

const PASSWORD: &str = "Dj-pw-1";
const LOGIN: &str = "/admin/login/";

/// What Django says of a wrong password.
const WRONG: &str = "Please enter the correct username and password";

/// What stands on the admin's pages and on no other.
const PRIVATE: &str = "Site administration";

const MARKS: [&str; 4] = [
    PRIVATE,
    "<strong>alice</strong>",
    "<strong>bob</strong>",
    "name=\"file\"",
];

const DOORS: [Door; 21] = [
    Door::opens("GET /admin/"),
    Door::opens("GET //admin/"),
    Door::shut("GET ///admin//"),
    Door::opens("GET /%61dmin/"),
    Door::opens("GET /%61%64%6d%69%6e%2f"),
    Door::opens("GET /admin%2f"),
    Door::opens("GET /admin/?next=/admin/login/"),
    Door::opens("GET /admin/auth/user/"),
    Door::opens("GET /upload/"),
    Door::opens("GET //upload/"),
    Door::opens("GET /%75pload/"),
    Door::shut("GET /admin"),
    Door::shut("GET /ADMIN/"),
    Door::shut("GET /admin;x/"),
    Door::shut("GET /x/../admin/"),
    Door::shut("GET /./admin/"),
    Door::shut("GET /admin/login/../"),
    Door::shut("GET /admin/login/%2e%2e/"),
    Door::shut("GET /static/../admin/"),
    Door::shut("GET /static/..%2fadmin/"),
    // The login page itself sends away who is signed in, and so may show nothing either.
    Door::shut("GET /admin/login/?next=/admin/"),
];

/// The form itself, with a password that is wrong. Tried last: a session that comes along with it may be kept back after.
const FORM: [Door; 1] = [Door::shut_with(
    "POST /admin/login/",
    "username=alice&password=wrong",
)];

#[test]
fn the_password_is_djangos_business_then_the_code_and_then_everything_works() {
    let app = Application::start("django");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();

    let (at, form) = alice.walk("/admin/");
    assert_eq!(at, LOGIN);
    assert!(form.text().contains("name=\"password\""), "{}", form.text());
    let style = gate.visitor().get("/static/admin/css/base.css");
    assert_eq!(style.status(), 200, "a stranger's login page has its style");

    let refused = log_in(&mut alice, "alice", "wrong");
    assert_eq!(refused.status(), 200);
    assert!(refused.text().contains(WRONG), "{}", refused.text());
    let held = log_in(&mut alice, "alice", PASSWORD);
    let page = code_page(&held);
    let message = gate.message();
    assert_eq!(message.to, ALICE, "the wrong password has sent nothing");
    let released = alice.enter(&page, &message.code);
    let (at, home) = alice.follow(&page, released);
    assert_eq!(at, "/admin/");
    assert!(home.text().contains(PRIVATE), "{}", home.text());

    // Its own forms.
    let add = alice.get("/admin/auth/group/add/");
    let token = value_of(&add.text(), "csrfmiddlewaretoken");
    // The database outlives the test.
    let name = format!("heron keepers {} {}", std::process::id(), app.port);
    let added = alice.post(
        "/admin/auth/group/add/",
        &[("csrfmiddlewaretoken", &token), ("name", &name)],
    );
    assert_eq!(added.status(), 302, "{}", added.text());
    assert!(alice.get("/admin/auth/group/").text().contains(&name));

    // An upload, behind a code of its own.
    let page = code_page(&alice.get("/upload/"));
    assert_ne!(alice.enter(&page, &message.code).status(), 500);
    code_page(&alice.get("/upload/"));
    alice.ask_for_code(&page);
    let second = gate.message();
    assert_eq!(second.to, ALICE);
    if second.code != message.code {
        alice.enter(&page, &message.code);
        code_page(&alice.get("/upload/"));
    }
    let opened = alice.enter(&page, &second.code);
    let (at, form) = alice.follow(&page, opened);
    assert_eq!(
        at, "/upload/",
        "the login code does not open it, its own does"
    );
    let token = value_of(&form.text(), "csrfmiddlewaretoken");
    let file = vec![b'x'; 5_000_000];
    let received = alice.upload(
        "/upload/",
        &[("csrfmiddlewaretoken", &token)],
        ("file", "scan.bin", &file),
    );
    assert_eq!(
        received.text(),
        "received scan.bin 5000000 bytes from alice"
    );

    // Its own logout, and in again: the grant is still alice's.
    let token = value_of(&alice.get("/admin/").text(), "csrfmiddlewaretoken");
    let left = alice.post("/admin/logout/", &[("csrfmiddlewaretoken", &token)]);
    assert!(left.text().contains("Logged out"), "{}", left.text());
    assert_eq!(alice.jar.value("sessionid"), None);
    let (at, form) = alice.walk("/admin/");
    assert!(at.starts_with(LOGIN), "{at}");
    assert!(!form.text().contains(PRIVATE));
    let again = log_in(&mut alice, "alice", PASSWORD);
    assert_eq!(location(&again), "/admin/", "{}", again.head.raw);
    assert!(alice.get("/admin/").text().contains(PRIVATE));

    gate.ends_having_sent(2);
}

#[test]
fn no_cookie_of_any_moment_opens_the_admin_without_its_grant() {
    let app = Application::start("django");
    nobody_comes_in_without_a_grant(&app, SITE);
}

#[test]
fn the_preset_alone_lets_alice_in_and_no_burglar() {
    let app = Application::start("django");
    nobody_comes_in_without_a_grant(&app, PRESET);
}

fn nobody_comes_in_without_a_grant(app: &Application, site: &str) {
    let mut gate = Gate::before(app, site);
    // An attacker who was signed in before there was a gateway.
    let mut old = app.visitor();
    let old_home = log_in(&mut old, "alice", PASSWORD);
    assert_eq!(location(&old_home), "/admin/");
    let mut bobs = app.visitor();
    log_in(&mut bobs, "bob", PASSWORD);

    let mut alice = gate.visitor();
    alice.walk("/admin/");
    let before = alice.jar.clone();
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();
    let during = alice.jar.clone();
    assert_eq!(during.value("sessionid"), None, "the session is held");

    let at = |doors| Burglar {
        gate: &gate,
        app,
        doors,
        marks: &MARKS,
        sessions: &["sessionid"],
        password: PASSWORD,
    };
    let burglar = at(&DOORS);
    burglar.knows_the_application(&old.jar);
    burglar.gets_nothing(&[&before, &during, &old.jar, &bobs.jar]);

    let released = alice.enter(&page, &message.code);
    let (_, home) = alice.follow(&page, released);
    assert!(home.text().contains(PRIVATE), "{}", home.text());
    let after = alice.jar.without_ours();
    assert!(after.value("sessionid").is_some());
    // What there was before the code is no better now; neither is the session without the grant.
    burglar.gets_nothing(&[&before, &during, &after]);
    assert!(
        alice.get("/admin/").text().contains(PRIVATE),
        "alice goes on"
    );
    at(&FORM).gets_nothing(&[&before, &during, &after, &old.jar, &bobs.jar]);
    gate.ends_having_sent(1);
}

#[test]
fn alices_grant_never_serves_bob() {
    let app = Application::start("django");
    let mut gate = Gate::before(&app, SITE);
    let mut bobs = app.visitor();
    log_in(&mut bobs, "bob", PASSWORD);
    let mut alice = gate.visitor();
    pass(&mut gate, &mut alice, "alice");

    // Another's session, beside her own or in its place.
    let (theirs, ours) = (bobs.jar.without_ours(), alice.jar.ours());
    for jar in [
        ours.and(&theirs),
        alice.jar.and(&theirs),
        theirs.and(&alice.jar),
    ] {
        let mut thief = gate.visitor();
        thief.jar = jar;
        let shown = thief.get("/admin/").text();
        assert!(!shown.contains("<strong>bob</strong>"), "{shown}");
        assert!(!shown.contains(PRIVATE), "{shown}");
    }

    // A login as bob that fails changes nothing, and neither does one as alice.
    assert!(log_in(&mut alice, "bob", "wrong").text().contains(WRONG));
    assert!(alice.get("/admin/").text().contains(PRIVATE));
    let again = log_in(&mut alice, "alice", PASSWORD);
    assert_eq!(location(&again), "/admin/", "{}", again.head.raw);
    assert!(alice.get("/admin/").text().contains(PRIVATE));

    // One that succeeds ends her grant, wherever it is kept, and asks bob.
    let mut copy = alice.clone();
    let page = code_page(&log_in(&mut alice, "bob", PASSWORD));
    let message = gate.message();
    assert_eq!(message.to, BOB);
    for visitor in [&mut alice, &mut copy] {
        let answer = visitor.get("/admin/");
        assert!(!answer.text().contains(PRIVATE), "{}", answer.text());
    }
    let released = alice.enter(&page, &message.code);
    let (_, home) = alice.follow(&page, released);
    assert!(
        home.text().contains("<strong>bob</strong>"),
        "{}",
        home.text()
    );
    gate.ends_having_sent(2);
}

/// Who has come by a session of alice's gets nowhere with a code of his own: neither by a password that is wrong, whatever
/// the probe shows to that session, nor by one that is right.
#[test]
fn anothers_session_is_not_to_be_had_with_ones_own_code() {
    let app = Application::start("django");
    let mut gate = Gate::before(&app, SITE);
    let mut old = app.visitor();
    log_in(&mut old, "alice", PASSWORD);
    let mut bob = gate.visitor();
    bob.jar = old.jar.clone();
    let refused = post_form(&mut bob, "bob", "wrong");
    assert_eq!(refused.status(), 200, "{}", refused.head.raw);
    assert!(!refused.text().contains("<strong>alice</strong>"));

    let answer = post_form(&mut bob, "bob", PASSWORD);
    if answer.status() == 303 {
        let page = code_page(&answer);
        bob.enter(&page, &gate.message().code);
    } else {
        // The token belonged to a session that was not sent on; a new form has a new one.
        bob = gate.visitor();
        pass(&mut gate, &mut bob, "bob");
    }
    for jar in [
        bob.jar.ours().and(&old.jar),
        bob.jar.and(&old.jar),
        old.jar.and(&bob.jar),
    ] {
        let mut thief = bob.clone();
        thief.jar = jar;
        let shown = thief.get("/admin/").text();
        assert!(!shown.contains("<strong>alice</strong>"), "{shown}");
    }
    gate.ends_having_sent(1);
}

/// Django sends who is signed in away from its login page. Whoever has its session and no grant, because they deleted our
/// cookie or it ended long ago, must not be sent back and forth.
#[test]
fn a_session_that_outlived_its_grant_goes_round_in_no_circle() {
    let app = Application::start("django");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();
    pass(&mut gate, &mut alice, "alice");
    alice.jar = alice.jar.without_ours();
    let (_, shown) = alice.walk("/admin/");
    assert!(!shown.text().contains(PRIVATE), "{}", shown.text());
    gate.ends_having_sent(1);
}

#[test]
fn the_presets_logout_ends_the_grant() {
    let app = Application::start("django");
    let mut gate = Gate::before(&app, PRESET);
    let mut alice = gate.visitor();
    pass(&mut gate, &mut alice, "alice");
    let mut thief = alice.clone();
    let token = value_of(&alice.get("/admin/").text(), "csrfmiddlewaretoken");
    let left = alice.post("/admin/logout/", &[("csrfmiddlewaretoken", &token)]);
    assert!(left.text().contains("Logged out"), "{}", left.text());
    assert!(!thief.walk("/admin/").1.text().contains(PRIVATE));
    pass(&mut gate, &mut alice, "alice");
    gate.ends_having_sent(2);
}

/// A site with a scope for administration wants a code of that scope for all of the admin's pages, after the login's own.
#[test]
fn the_presets_admin_scope_wants_a_code_of_its_own() {
    let app = Application::start("django");
    let site = PRESET.replace("[\"login\"]", "[\"login\", \"admin\"]");
    let mut gate = Gate::before(
        &app,
        &format!("{site}\n[scopes.admin]\ntitle = \"Admin\"\n"),
    );
    let mut alice = gate.visitor();
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let first = gate.message();
    alice.enter(&page, &first.code);
    let page = code_page(&alice.get("/admin/"));
    alice.ask_for_code(&page);
    let opened = alice.enter(&page, &gate.message().code);
    let (_, home) = alice.follow(&page, opened);
    assert!(home.text().contains(PRIVATE), "{}", home.text());
    gate.ends_having_sent(2);
}

/// Nearly as long as a login is held at all; and its cookies come as Django set them, in its order, and work.
#[test]
fn a_login_held_for_nearly_five_minutes_is_released_as_it_came() {
    let app = Application::start("django");
    let mut gate = Gate::with_a_clock(&app, SITE);
    let given = shapes(&log_in(&mut app.visitor(), "alice", PASSWORD));
    assert!(given.iter().any(|line| line.starts_with("sessionid=")));
    let mut alice = gate.visitor();
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();
    gate.later(LONG);
    let released = alice.enter(&page, &message.code);
    // What the probe was given follows: Django sets its token on every page.
    assert!(
        shapes(&released).starts_with(&given),
        "{}",
        released.head.raw
    );
    let (_, home) = alice.follow(&page, released);
    assert!(home.text().contains(PRIVATE), "{}", home.text());
    gate.ends_having_sent(1);
}

/// Django takes the last of two fields, cuts blanks around a name, and reads a wide letter as a plain one.
#[test]
fn a_code_goes_to_nobody_but_whom_django_logs_in() {
    let app = Application::start("django");
    let mut gate = Gate::before(&app, SITE);
    let kind = "application/x-www-form-urlencoded";
    for names in [
        "username=alice&username=bob",
        "username=alice&%20username=bob",
        "username=alice&username%00x=bob",
        "username=alice&username[]=bob",
        "username=alice&Username=bob&username=bob",
    ] {
        let mut visitor = gate.visitor();
        visitor.get(LOGIN);
        let token = visitor.jar.value("csrftoken").expect("it is set");
        let body = format!("csrfmiddlewaretoken={token}&{names}&password={PASSWORD}");
        let answer = visitor.post_bytes(LOGIN, kind, body.as_bytes());
        assert_eq!(answer.status(), 400, "{names}: {}", answer.text());
    }
    let mut visitor = gate.visitor();
    visitor.get(LOGIN);
    let twice = visitor.post(
        "/admin/login/?username=bob",
        &[("username", "alice"), ("password", PASSWORD)],
    );
    assert_eq!(twice.status(), 400, "{}", twice.text());

    let wide = "\u{ff41}lice";
    assert_eq!(
        location(&log_in(&mut app.visitor(), wide, PASSWORD)),
        "/admin/",
        "to Django she is alice"
    );
    let unknown = log_in(&mut gate.visitor(), wide, PASSWORD);
    assert_eq!(unknown.status(), 403, "{}", unknown.text());
    assert!(
        shapes(&unknown)
            .iter()
            .all(|line| line.contains("Max-Age=0"))
    );
    code_page(&log_in(&mut gate.visitor(), " alice ", PASSWORD));
    assert_eq!(gate.message().to, ALICE, "the wide one rings nobody");
    let mut bob = gate.visitor();
    bob.get(LOGIN);
    let token = bob.jar.value("csrftoken").expect("it is set").to_owned();
    let form = [
        ("csrfmiddlewaretoken", &*token),
        ("username", "bob"),
        ("password", PASSWORD),
    ];
    code_page(&bob.upload(LOGIN, &form, ("alice", "alice", b"alice")));
    assert_eq!(gate.message().to, BOB, "in parts, too");
    gate.ends_having_sent(2);
}

/// By its own name and port, as it is reached behind the gate, and by the public one: then it has to believe that people come
/// by https, or it takes their origin for a foreign one. One that believes it takes its own name's for a foreign one.
#[test]
fn https_under_another_name_is_none_of_djangos_business() {
    for (settings, host, other) in [
        (&[][..], "upstream", "preserve"),
        (&[("BEHIND_PROXY", "1")][..], "preserve", "upstream"),
    ] {
        let app = Application::start_with("django", settings);
        let site = |host: &str| format!("host = \"{host}\"{SITE}");
        let mut gate = Gate::over_tls(&app, &site(host));
        let mut alice = gate.visitor();
        let (at, _) = alice.walk("/admin/");
        assert_eq!(at, LOGIN, "{host}");
        let refused = log_in(&mut alice, "alice", "wrong").text();
        assert!(refused.contains(WRONG), "{host}: {refused}");
        pass(&mut gate, &mut alice, "alice");
        let token = value_of(&alice.get("/admin/").text(), "csrfmiddlewaretoken");
        let left = alice.post("/admin/logout/", &[("csrfmiddlewaretoken", &token)]);
        assert!(left.text().contains("Logged out"), "{}", left.text());
        gate.ends_having_sent(1);

        let gate = Gate::over_tls(&app, &site(other));
        let foreign = log_in(&mut gate.visitor(), "alice", PASSWORD);
        assert_eq!(foreign.status(), 403, "{other}: {}", foreign.text());
        gate.ends_having_sent(0);
    }
}

#[test]
fn the_story_is_the_same_in_a_browser() {
    let app = Application::start("django");
    Gate::before(&app, SITE).play("django.mjs");
}

/// Password and code. Panics where the admin does not follow.
fn pass(gate: &mut Gate, visitor: &mut Visitor, user: &str) {
    let page = code_page(&log_in(visitor, user, PASSWORD));
    let released = visitor.enter(&page, &gate.message().code);
    let (at, home) = visitor.follow(&page, released);
    assert_eq!(at, "/admin/");
    assert!(home.text().contains(PRIVATE), "{}", home.text());
}

/// Opens the login page and submits its form.
fn log_in(visitor: &mut Visitor, user: &str, password: &str) -> Answer {
    visitor.get(LOGIN);
    post_form(visitor, user, password)
}

/// Submits the login form. Who is signed in is shown none; but Django takes its cookie's value for the token as well.
fn post_form(visitor: &mut Visitor, user: &str, password: &str) -> Answer {
    let token = visitor.jar.value("csrftoken").expect("Django has set it");
    let token = token.to_owned();
    visitor.post(
        LOGIN,
        &[
            ("csrfmiddlewaretoken", &token),
            ("next", "/admin/"),
            ("username", user),
            ("password", password),
        ],
    )
}
