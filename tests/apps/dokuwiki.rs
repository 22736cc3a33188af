//! `DokuWiki`: a login form on every page, two more ways in on every page, and an admin area behind a word in the query.

use super::burglar::{Burglar, Door};
use super::gate::{ALICE, Application, BOB, Gate, LONG};
use super::visitor::{Visitor, code_page, location, shapes, value_of};
use super::wire::Answer;

/// The login page is a GET that says so in its query, the login a POST that says so in its body. `?do=profile` would be no
/// probe: to strangers it shows the wiki's start page, and to who is signed in a form with passwords.
const SITE: &str = r#"
scopes = ["login", "admin"]

[[sites.dokuwiki.routes]]
path = "/lib/exe/{xmlrpc,jsonrpc}.php"
require = "deny"
[[sites.dokuwiki.routes]]
path = "/**"
query = { do = "admin" }
require = "admin"
[[sites.dokuwiki.routes]]
path = "/doku.php"
form = { do = "admin" }
require = "admin"
[[sites.dokuwiki.routes]]
path = "/doku.php"
methods = ["GET", "HEAD"]
query = { do = "login" }
capture = "form"
[[sites.dokuwiki.routes]]
path = "/doku.php"
methods = ["POST"]
form = { do = "login" }
capture = "form"
[[sites.dokuwiki.routes]]
path = ["/lib/exe/{css,js,jquery}.php", "/lib/tpl/**", "/lib/images/**"]
require = "public"

[sites.dokuwiki.captures.form]
scope = "login"
username = "u"
password = "p"
page = "/doku.php?do=login"
success_cookie = "DW*"
auth_cookies = ["DW*"]

[scopes.admin]
title = "Administration"
"#;

const PRESET: &str = r#"
preset = "dokuwiki"
scopes = ["login"]
"#;

const PASSWORD: &str = "wiki-pw-1";
const LOGIN: &str = "/doku.php?do=login";
const FORM: &str = "/doku.php?id=start";
const PLAN: &str = "/doku.php?id=vault:plan";

/// What stands on the private page.
const PRIVATE: &str = "heron-4-violet";

const MARKS: [&str; 5] = [
    PRIVATE,
    "Logged in as",
    "Alice A",
    "Bob B",
    "alice@example.test",
];

const DOORS: [Door; 29] = [
    Door::opens("GET /doku.php?id=vault:plan"),
    Door::opens("GET //doku.php?id=vault:plan"),
    Door::opens("GET /%64oku.php?id=vault:plan"),
    Door::opens("GET /x/../doku.php?id=vault:plan"),
    Door::opens("GET /lib/tpl/../../doku.php?id=vault:plan"),
    Door::opens("GET /lib/images/%2e%2e/%2e%2e/doku.php?id=vault:plan"),
    Door::opens("GET /doku.php/vault:plan"),
    Door::opens("GET /doku.php/x?id=vault:plan&do=login"),
    Door::opens("GET /doku.php?do=export_raw&id=vault:plan"),
    Door::opens("GET /doku.php?do=search&q=heron"),
    Door::opens("GET /doku.php?do=profile"),
    Door::opens("GET /feed.php?mode=list&ns=vault"),
    Door::opens("GET /lib/exe/mediamanager.php?u=alice&p=wiki-pw-1&id=vault:plan"),
    Door::shut("GET /DOKU.PHP?id=vault:plan"),
    Door::shut("GET /doku.php;x?id=vault:plan"),
    // The login page shows the page itself to who is signed in, or whatever else it is asked for.
    Door::opens("GET /doku.php?do=login&id=vault:plan"),
    Door::opens("GET /doku.php?do=login&do[profile]=1"),
    Door::opens("GET /doku.php?do=login&do%5bprofile%5d=1"),
    Door::opens("GET /doku.php?do[login]=1&id=vault:plan"),
    Door::opens("GET /doku.php?do=login&do=show&id=vault:plan"),
    // It takes a name and a password anywhere.
    Door::opens("GET /doku.php?id=vault:plan&u=bob&p=wiki-pw-1"),
    Door::opens("GET /doku.php?do=login&id=vault:plan&u=bob&p=wiki-pw-1"),
    Door::opens("GET /doku.php?id=vault:plan&%20u=bob&%20p=wiki-pw-1"),
    Door::opens("GET /feed.php?mode=list&ns=vault&u=bob&p=wiki-pw-1"),
    Door::shut("GET /lib/exe/css.php?u=bob&p=wiki-pw-1"),
    Door::opens_with("POST /doku.php/vault:plan", "u=alice&p=wiki-pw-1"),
    Door::opens_with("POST /feed.php?mode=list&ns=vault", "u=alice&p=wiki-pw-1"),
    Door::shut_with(
        "POST /lib/exe/ajax.php",
        "call=qsearch&q=plan&u=alice&p=wiki-pw-1",
    ),
    Door::shut("GET /lib/exe/xmlrpc.php"),
];

/// Logins by another `do` than the form's: what a route tells by that word refuses them, the preset takes them for logins.
const UNTOLD: [Door; 3] = [
    Door::opens_with("POST /doku.php", "id=vault:plan&u=bob&p=wiki-pw-1"),
    Door::opens_with(
        "POST /doku.php?id=vault:plan",
        "do=show&u=alice&p=wiki-pw-1",
    ),
    Door::opens_with("POST /doku.php?do=login", "do=profile&u=alice&p=wiki-pw-1"),
];

/// The form itself, with a password that is wrong: it costs the wiki time.
const LAST: [Door; 1] = [Door::shut_with(
    "POST /doku.php?id=vault:plan",
    "do=login&u=alice&p=wrong",
)];

/// `DokuWiki` drops what is no letter from a `do`, and takes the key of an array for it.
const ADMIN_AREA: [&str; 5] = [
    "/doku.php?do=admin",
    "/doku.php?do=ADMIN",
    "/doku.php?do=a.d.m.i.n",
    "/doku.php?do=adm0in",
    "/doku.php?do[admin]=1",
];

const ADMIN: &str = "User Manager";

#[test]
fn the_password_is_the_wikis_business_then_the_code_and_then_everything_works() {
    let app = Application::start("dokuwiki");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();

    let (at, form) = alice.walk(PLAN);
    assert_eq!(at, LOGIN);
    assert!(form.text().contains("name=\"p\""), "{}", form.text());
    for open in [
        "/lib/exe/css.php?t=dokuwiki",
        "/lib/exe/jquery.php",
        "/lib/tpl/dokuwiki/images/logo.png",
    ] {
        let answer = gate.visitor().get(open);
        assert_eq!(answer.status(), 200, "{open}");
        assert_eq!(answer.field("set-cookie"), None, "{open}");
    }

    let refused = log_in(&mut alice, "alice", "wrong");
    assert_eq!(refused.status(), 403);
    assert!(refused.text().contains("username or password was wrong"));
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();
    assert_eq!(message.to, ALICE, "the wrong password has sent nothing");
    let released = alice.enter(&page, &message.code);
    let (at, home) = alice.follow(&page, released);
    assert_eq!(at, FORM);
    assert!(home.text().contains("Logged in as"), "{}", home.text());
    assert!(alice.get(PLAN).text().contains(PRIVATE));

    // A page is written.
    let edit = alice.get("/doku.php?id=vault:note&do=edit").text();
    let hidden = |name: &str| value_of(&edit, name);
    let saved = alice.post(
        "/doku.php?id=vault:note",
        &[
            ("sectok", &hidden("sectok")),
            ("id", "vault:note"),
            ("rev", &hidden("rev")),
            ("date", &hidden("date")),
            ("prefix", &hidden("prefix")),
            ("suffix", &hidden("suffix")),
            ("changecheck", &hidden("changecheck")),
            ("target", &hidden("target")),
            ("wikitext", "Feed the heron."),
            ("summary", "created"),
            ("do[save]", "1"),
        ],
    );
    let (_, note) = alice.follow("/doku.php?id=vault:note", saved);
    assert!(note.text().contains("Feed the heron."), "{}", note.text());

    // A file is kept.
    let manager = "/lib/exe/mediamanager.php";
    let token = value_of(
        &alice.get("/lib/exe/mediamanager.php?ns=vault").text(),
        "sectok",
    );
    let file = vec![b'x'; 3_000_000];
    let kept = alice.upload(
        manager,
        &[("sectok", &token), ("ns", "vault"), ("mediaid", "scan.zip")],
        ("upload", "scan.zip", &file),
    );
    assert_eq!(kept.status(), 200);
    let fetched = alice.get("/lib/exe/fetch.php?media=vault:scan.zip");
    assert_eq!(fetched.body.len(), file.len(), "{}", fetched.head.raw);

    // Its own logout, and in again.
    let shown = alice.get(FORM).text();
    let (_, rest) = shown
        .split_once("do=logout&amp;sectok=")
        .expect("a link to leave by");
    let token = rest.split('"').next().unwrap_or_default();
    let left = alice.get(&format!("/doku.php?id=start&do=logout&sectok={token}"));
    assert!(matches!(left.status(), 200 | 302), "{}", left.head.raw);
    let stranger = alice.get(PLAN).text();
    assert!(
        !stranger.contains(PRIVATE) && stranger.contains("Permission Denied"),
        "{stranger}"
    );
    let again = log_in(&mut alice, "alice", PASSWORD);
    assert_eq!(location(&again), FORM, "{}", again.head.raw);
    assert!(alice.get(PLAN).text().contains(PRIVATE));
    gate.ends_having_sent(1);
}

#[test]
fn no_cookie_of_any_moment_opens_the_wiki_without_its_grant() {
    let app = Application::start("dokuwiki");
    nobody_comes_in_without_a_grant(&app, SITE, &[&DOORS, &UNTOLD]);
}

#[test]
fn the_preset_alone_lets_alice_in_and_no_burglar() {
    let app = Application::start("dokuwiki");
    nobody_comes_in_without_a_grant(&app, PRESET, &[&DOORS]);
    let mut gate = Gate::before(&app, PRESET);
    for door in &UNTOLD {
        let (_, target) = door.line.split_once(' ').expect("a method and a target");
        let kind = "application/x-www-form-urlencoded";
        code_page(
            &gate
                .visitor()
                .post_bytes(target, kind, door.body.as_bytes()),
        );
        let called = if door.body.contains("u=bob") {
            BOB
        } else {
            ALICE
        };
        assert_eq!(gate.message().to, called, "{}", door.body);
    }
    gate.ends_having_sent(UNTOLD.len());
}

fn nobody_comes_in_without_a_grant(app: &Application, site: &str, tables: &[&[Door]]) {
    let mut gate = Gate::before(app, site);
    let mut old = app.visitor();
    log_in(&mut old, "alice", PASSWORD);
    let mut alice = gate.visitor();
    alice.walk(PLAN);
    let before = alice.jar.clone();
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();
    let during = alice.jar.clone();

    let at = |doors| Burglar {
        gate: &gate,
        app,
        doors,
        marks: &MARKS,
        sessions: &["DW"],
        password: PASSWORD,
    };
    for doors in tables {
        at(doors).knows_the_application(&old.jar);
        at(doors).gets_nothing(&[&before, &during, &old.jar]);
    }
    let released = alice.enter(&page, &message.code);
    alice.follow(&page, released);
    let after = alice.jar.without_ours();
    for doors in tables {
        at(doors).gets_nothing(&[&before, &during, &after]);
    }
    assert!(alice.get(PLAN).text().contains(PRIVATE), "alice goes on");
    at(&LAST).gets_nothing(&[&before, &after, &old.jar]);
    gate.ends_having_sent(1);
}

#[test]
fn alices_grant_never_serves_bob() {
    let app = Application::start("dokuwiki");
    let mut gate = Gate::before(&app, SITE);
    let mut bobs = app.visitor();
    log_in(&mut bobs, "bob", PASSWORD);
    let mut alice = gate.visitor();
    pass(&mut gate, &mut alice, "alice");

    let (theirs, ours) = (bobs.jar.clone(), alice.jar.ours());
    for jar in [
        ours.and(&theirs),
        alice.jar.and(&theirs),
        theirs.and(&alice.jar),
    ] {
        let mut thief = gate.visitor();
        thief.jar = jar;
        let shown = thief.get(PLAN).text();
        assert!(
            !shown.contains("Bob B") && !shown.contains(PRIVATE),
            "{shown}"
        );
    }

    // The wiki makes her session bob's at a word in the query or the body of any page, if it gets there.
    for target in [
        "/doku.php?id=vault:plan&u=bob&p=wiki-pw-1",
        "/doku.php?id=vault:plan&%20u=bob&%20p=wiki-pw-1",
        "/feed.php?mode=list&ns=vault&u=bob&p=wiki-pw-1",
        "/doku.php/vault:plan?u=bob&p=wiki-pw-1",
    ] {
        let answer = alice.clone().get(target);
        assert_eq!(answer.status(), 403, "{target}: {}", answer.text());
    }
    for (target, form) in [
        (
            "/doku.php?id=vault:plan",
            &[("u", "bob"), ("p", PASSWORD)][..],
        ),
        (
            "/doku.php?id=vault:plan",
            &[("do", "show"), ("u", "bob"), ("p", PASSWORD)][..],
        ),
        ("/feed.php?mode=list", &[("u", "bob"), ("p", PASSWORD)][..]),
        (
            "/lib/exe/ajax.php",
            &[("call", "qsearch"), ("u", "bob"), ("p", PASSWORD)][..],
        ),
    ] {
        let answer = alice.clone().post(target, form);
        assert_eq!(answer.status(), 403, "{target} {form:?}: {}", answer.text());
        // In parts no condition on fields can be told to hold or not: how it is refused depends on the route.
        let answer = alice.clone().upload(target, form, ("upload", "x", b"x"));
        assert!(
            matches!(answer.status(), 303 | 400 | 403),
            "{target} {form:?} in parts: {} {}",
            answer.status(),
            answer.text()
        );
    }
    // By Basic, too: it is taken away, and she stays who she is.
    let basic = "Authorization: Basic Ym9iOndpa2ktcHctMQ==\r\n";
    assert!(
        bobs.exchange("GET", PLAN, basic, b"")
            .text()
            .contains("Bob B")
    );
    let shown = alice.send("GET", PLAN, basic, b"").text();
    assert!(
        shown.contains("Alice A") && !shown.contains("Bob B"),
        "{shown}"
    );
    let denied = alice.get("/lib/exe/xmlrpc.php");
    assert_eq!(denied.status(), 403);

    // Failing as bob ends nothing at the gate; succeeding does, and asks bob. (The wiki takes its cookie away from who
    // fails, so it is a copy of her that does.)
    let refused = log_in(&mut alice.clone(), "bob", "wrong");
    assert_eq!(refused.status(), 403);
    assert!(alice.get(PLAN).text().contains(PRIVATE));
    let again = log_in(&mut alice, "alice", PASSWORD);
    assert_eq!(location(&again), FORM, "{}", again.head.raw);
    assert!(alice.get(PLAN).text().contains(PRIVATE));
    let mut copy = alice.clone();
    let page = code_page(&log_in(&mut alice, "bob", PASSWORD));
    let message = gate.message();
    assert_eq!(message.to, BOB);
    for visitor in [&mut alice, &mut copy] {
        let shown = visitor.get(PLAN).text();
        assert!(!shown.contains(PRIVATE), "{shown}");
    }
    let released = alice.enter(&page, &message.code);
    let (_, home) = alice.follow(&page, released);
    assert!(home.text().contains("Bob B"), "{}", home.text());
    gate.ends_having_sent(2);
}

#[test]
fn the_login_code_does_not_open_the_admin_area() {
    let app = Application::start("dokuwiki");
    let preset = PRESET.replace("[\"login\"]", "[\"login\", \"admin\"]");
    let preset = format!("{preset}\n[scopes.admin]\ntitle = \"Administration\"\n");
    for site in [SITE, &preset] {
        the_admin_area_wants_a_code_of_its_own(&app, site);
    }
}

fn the_admin_area_wants_a_code_of_its_own(app: &Application, site: &str) {
    let mut gate = Gate::before(app, site);
    let mut alice = gate.visitor();
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let login = gate.message();
    let released = alice.enter(&page, &login.code);
    alice.follow(&page, released);

    // The wiki itself takes every one of these for the admin area.
    let mut old = app.visitor();
    log_in(&mut old, "alice", PASSWORD);
    for target in ADMIN_AREA {
        assert!(old.get(target).text().contains(ADMIN), "{target}");
        code_page(&alice.get(target));
    }
    let in_body = [("do", "admin")];
    assert!(old.post(FORM, &in_body).text().contains(ADMIN));
    code_page(&alice.post(FORM, &in_body));

    let page = code_page(&alice.get(ADMIN_AREA[0]));
    alice.enter(&page, &login.code);
    code_page(&alice.get(ADMIN_AREA[0]));
    alice.ask_for_code(&page);
    let second = gate.message();
    assert_eq!(second.to, ALICE);
    alice.enter(&page, &second.code);
    assert!(alice.get(ADMIN_AREA[0]).text().contains(ADMIN));
    gate.ends_having_sent(2);
}

/// The wiki's cookies belong together: the one that a login sets is good only beside the one from before. A tab in which
/// somebody looks at the login page meanwhile must not part them.
#[test]
fn a_look_at_another_tab_while_the_code_is_awaited_does_not_lose_the_login() {
    let app = Application::start("dokuwiki");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let (at, tab) = alice.walk(PLAN);
    assert_eq!(at, LOGIN, "it finds what a stranger does");
    assert!(!tab.text().contains(PRIVATE), "{}", tab.text());
    let released = alice.enter(&page, &gate.message().code);
    let (_, home) = alice.follow(&page, released);
    assert!(home.text().contains("Logged in as"), "{}", home.text());
    gate.ends_having_sent(1);
}

/// Who has come by a session of alice's gets nowhere with a code of his own: neither by a password that is wrong, nor by one
/// that is right.
#[test]
fn anothers_session_is_not_to_be_had_with_ones_own_code() {
    let app = Application::start("dokuwiki");
    let mut gate = Gate::before(&app, SITE);
    let mut old = app.visitor();
    log_in(&mut old, "alice", PASSWORD);
    let mut bob = gate.visitor();
    bob.jar = old.jar.clone();
    let refused = log_in(&mut bob, "bob", "wrong");
    assert_eq!(refused.status(), 403, "{}", refused.head.raw);
    bob.jar = bob.jar.and(&old.jar);
    pass(&mut gate, &mut bob, "bob");
    for jar in [
        bob.jar.ours().and(&old.jar),
        bob.jar.and(&old.jar),
        old.jar.and(&bob.jar),
    ] {
        let mut thief = bob.clone();
        thief.jar = jar;
        let shown = thief.get(PLAN).text();
        assert!(!shown.contains("Alice A"), "{shown}");
    }
    gate.ends_having_sent(1);
}

/// PHP takes the last of two fields, drops blanks before a name and cuts it at NUL.
#[test]
fn a_login_that_php_reads_differently_rings_nobody() {
    let app = Application::start("dokuwiki");
    let gate = Gate::before(&app, SITE);
    let kind = "application/x-www-form-urlencoded";
    for body in [
        "do=login&u=alice&p=wiki-pw-1&u=bob",
        "do=login&u=alice&p=wiki-pw-1&%20u=bob",
        "do=login&u=alice&p=wiki-pw-1&u%00zz=bob",
        "do=login&u=alice&p=wiki-pw-1&u[]=bob",
        "do=login&u=alice&p=x&p=wiki-pw-1",
    ] {
        let played = app.visitor().post_bytes(FORM, kind, body.as_bytes());
        let mut visitor = gate.visitor();
        visitor.get(LOGIN);
        let answer = visitor.post_bytes(FORM, kind, body.as_bytes());
        assert_eq!(
            answer.status(),
            400,
            "{body} (the wiki itself: {}): {}",
            played.status(),
            answer.text()
        );
    }
    let mut visitor = gate.visitor();
    let twice = visitor.post_bytes(
        "/doku.php?id=start&u=bob",
        kind,
        b"do=login&u=alice&p=wiki-pw-1",
    );
    assert_eq!(twice.status(), 400, "{}", twice.text());
    let in_query = visitor.get("/doku.php?do=login&u=alice&p=wiki-pw-1");
    assert_eq!(in_query.status(), 400, "{}", in_query.text());
    gate.ends_having_sent(0);
}

#[test]
fn the_presets_logout_ends_the_grant() {
    let app = Application::start("dokuwiki");
    let mut gate = Gate::before(&app, PRESET);
    let mut alice = gate.visitor();
    pass(&mut gate, &mut alice, "alice");
    let mut thief = alice.clone();
    assert!(thief.get(PLAN).text().contains(PRIVATE));
    let shown = alice.get(FORM).text();
    let (_, rest) = shown
        .split_once("do=logout&amp;sectok=")
        .expect("a link to leave by");
    let token = rest.split('"').next().unwrap_or_default();
    let left = alice.get(&format!("/doku.php?id=start&do=logout&sectok={token}"));
    assert!(matches!(left.status(), 200 | 302), "{}", left.head.raw);
    assert!(!thief.walk(PLAN).1.text().contains(PRIVATE));
    pass(&mut gate, &mut alice, "alice");
    gate.ends_having_sent(2);
}

/// Nearly as long as a login is held at all; and its cookies come as the wiki set them, in its order, and work.
#[test]
fn a_login_held_for_nearly_five_minutes_is_released_as_it_came() {
    let app = Application::start("dokuwiki");
    let mut gate = Gate::with_a_clock(&app, SITE);
    let given = shapes(&log_in(&mut app.visitor(), "alice", PASSWORD));
    assert!(given.iter().any(|line| line.starts_with("DW")), "{given:?}");
    let mut alice = gate.visitor();
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();
    gate.later(LONG);
    let released = alice.enter(&page, &message.code);
    assert_eq!(shapes(&released), given);
    let (_, home) = alice.follow(&page, released);
    assert!(home.text().contains("Logged in as"), "{}", home.text());
    gate.ends_having_sent(1);
}

/// By its own name and port, as it is reached behind the gate, and by the public one: the addresses that it makes are whole.
#[test]
fn https_under_another_name_is_none_of_the_wikis_business() {
    let app = Application::start("dokuwiki");
    for host in ["upstream", "preserve"] {
        let mut gate = Gate::over_tls(&app, &format!("host = \"{host}\"{SITE}"));
        let mut alice = gate.visitor();
        let (at, _) = alice.walk(PLAN);
        assert_eq!(at, LOGIN, "{host}");
        assert_eq!(log_in(&mut alice, "alice", "wrong").status(), 403);
        let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
        let released = alice.enter(&page, &gate.message().code);
        let home = format!("{}{FORM}", alice.origin());
        let leads = [FORM, &*home].contains(&released.field("location").unwrap_or_default());
        assert!(leads, "{host}: {}", released.head.raw);
        let (_, home) = alice.follow(&page, released);
        assert!(home.text().contains("Logged in as"), "{}", home.text());
        assert!(alice.get(PLAN).text().contains(PRIVATE));
        gate.ends_having_sent(1);
    }
}

#[test]
fn the_story_is_the_same_in_a_browser() {
    let app = Application::start("dokuwiki");
    Gate::before(&app, SITE).play("dokuwiki.mjs");
}

/// Password and code. Panics where the wiki does not follow.
fn pass(gate: &mut Gate, visitor: &mut Visitor, user: &str) {
    let page = code_page(&log_in(visitor, user, PASSWORD));
    let released = visitor.enter(&page, &gate.message().code);
    let (_, home) = visitor.follow(&page, released);
    assert!(home.text().contains("Logged in as"), "{}", home.text());
}

/// Opens the login page and submits its form, as it is for who is nobody yet.
fn log_in(visitor: &mut Visitor, user: &str, password: &str) -> Answer {
    visitor.get(LOGIN);
    visitor.post(
        FORM,
        &[
            ("sectok", ""),
            ("id", "start"),
            ("do", "login"),
            ("u", user),
            ("p", password),
        ],
    )
}
