//! `WordPress`: an open site with a login beside it, two cookies by path that a login sets, and three more ways in.

use super::burglar::{Burglar, Door};
use super::gate::{ALICE, Application, BOB, Gate, LONG};
use super::visitor::{Visitor, code_page, location, set_by, shapes};
use super::wire::Answer;

/// What an operator adds to the preset: a front for everybody, and one's own profile to look at.
const SITE: &str = r#"
preset = "wordpress"
scopes = ["login", "admin"]

[[sites.wordpress.routes]]
path = "/wp-admin/profile.php"
methods = ["GET", "HEAD"]
require = "login"
[[sites.wordpress.routes]]
path = "/**"
require = "public"

[scopes.admin]
title = "Administration"
"#;

const PASSWORD: &str = "wp-pw-1";
const LOGIN: &str = "/wp-login.php";
const PROFILE: &str = "/wp-admin/profile.php";
const PLAN: &str = "/plan/";

/// What stands in the private post.
const PRIVATE: &str = "heron-4-violet";

/// The last two begin the value of a cookie that makes a session.
const MARKS: [&str; 6] = [
    PRIVATE,
    "Howdy,",
    "alice@example.test",
    "bob@example.test",
    "alice%7C",
    "bob%7C",
];

/// How `XML-RPC` is asked for a profile.
const CALL: &str = "<?xml version=\"1.0\"?><methodCall><methodName>wp.getProfile</methodName><params>\
    <param><value>1</value></param><param><value>alice</value></param><param><value>wp-pw-1</value></param>\
    </params></methodCall>";

const DOORS: [Door; 31] = [
    Door::opens("GET /wp-admin/profile.php"),
    Door::opens("GET //wp-admin/profile.php"),
    Door::opens("GET /%77p-admin/profile.php"),
    Door::opens("GET /wp-admin/profile%2ephp"),
    Door::opens("GET /wp-admin/profile.php/x"),
    Door::opens("GET /wp-admin/profile.php/css/x.css"),
    Door::opens("GET /x/../wp-admin/profile.php"),
    Door::opens("GET /wp-admin/css/../profile.php"),
    Door::opens("GET /wp-includes/%2e%2e/wp-admin/profile.php"),
    Door::opens("GET /wp-admin/"),
    Door::opens("GET /wp-admin/edit.php?post_status=private"),
    Door::shut("GET /wp-admin/admin-post.php"),
    Door::shut("GET /wp-admin/admin-ajax.php?action=query-attachments"),
    Door::opens("GET /plan/"),
    Door::shut("GET /index.php/plan/"),
    Door::opens("GET /?s=heron"),
    Door::shut("GET /wp-login.php?action=logout"),
    // These ask for a nonce of the page, or for an application password.
    Door::shut("GET /wp-json/wp/v2/posts?status=private"),
    Door::shut("GET /?rest_route=/wp/v2/users/me&context=edit"),
    Door::shut("GET /index.php?rest_route=/wp/v2/users/me&context=edit"),
    Door::shut("GET /?%72est_route=/wp/v2/users/me&context=edit"),
    Door::shut("GET /?rest.route=/wp/v2/users/me&context=edit"),
    Door::opens("GET /wp-login.php"),
    Door::opens("GET /wp-login.php?log=alice&pwd=wp-pw-1"),
    Door::opens_with("POST /xmlrpc.php", CALL),
    Door::opens_with("POST //xmlrpc.php", CALL),
    Door::opens_with("POST /xmlrpc.php/x", CALL),
    Door::opens_with("POST /wp-login.php/x", "log=alice&pwd=wp-pw-1"),
    Door::opens_with("POST /wp-login%2ephp/x", "log=alice&pwd=wp-pw-1"),
    Door::shut_with(
        "POST /wp-admin/admin-ajax.php",
        "action=heartbeat&log=alice&pwd=wp-pw-1",
    ),
    Door::shut_with("POST /", "rest_route=/wp/v2/users/me&context=edit"),
];

#[test]
fn the_password_is_wordpress_business_then_the_code_and_then_everything_works() {
    let app = Application::start("wordpress");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();

    // The site is open, and says nothing private; the rest leads to WordPress's own login.
    for open in ["/", "/?s=heron", "/wp-includes/css/buttons.css", "/feed/"] {
        let answer = gate.visitor().get(open);
        assert_eq!(answer.status(), 200, "{open}");
        assert_eq!(answer.field("set-cookie"), None, "{open}");
        assert!(!answer.text().contains(PRIVATE), "{open}");
    }
    let (at, form) = alice.walk(PROFILE);
    assert_eq!(at, LOGIN);
    assert!(form.text().contains("name=\"pwd\""), "{}", form.text());

    let refused = log_in(&mut alice, "alice", "wrong");
    assert_eq!(refused.status(), 200);
    assert!(
        refused.text().contains("is incorrect"),
        "{}",
        refused.text()
    );
    let nobody = log_in(&mut alice, "mallory", PASSWORD);
    assert!(nobody.text().contains("is not registered"));
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();
    assert_eq!(message.to, ALICE, "a wrong password has sent nothing");
    let released = alice.enter(&page, &message.code);
    assert_eq!(
        sessions_set(&released),
        sessions_set(&log_in(&mut app.visitor(), "alice", PASSWORD)),
        "as WordPress sets them, in order"
    );
    let (at, home) = alice.follow(&page, released);
    assert_eq!(at, "/wp-admin/");
    assert!(home.text().contains("Howdy,"), "{}", home.text());
    assert!(alice.get(PLAN).text().contains(PRIVATE));
    assert!(
        alice.get("/").text().contains("Howdy,"),
        "the open site too"
    );

    // A post is written, by script.
    let nonce = alice
        .get("/wp-admin/admin-ajax.php?action=rest-nonce")
        .text();
    let fields = format!(
        "Content-Type: application/json\r\nX-WP-Nonce: {nonce}\r\nOrigin: {}\r\n",
        alice.origin()
    );
    let post = br#"{"title":"Note","content":"Feed the heron.","status":"publish"}"#;
    let written = alice.send("POST", "/wp-json/wp/v2/posts", &fields, post);
    assert_eq!(written.status(), 201, "{}", written.text());
    let link = location(&written);
    assert!(link.starts_with("/wp-json/wp/v2/posts/"), "{link}");
    let id = link.rsplit('/').next().unwrap_or_default().to_owned();
    let (_, shown) = gate.visitor().walk(&format!("/?p={id}"));
    assert!(shown.text().contains("Feed the heron."), "{}", shown.text());
    let edited = alice.send("PUT", &link, &fields, br#"{"content":"Feed both herons."}"#);
    assert_eq!(edited.status(), 200, "{}", edited.text());

    // A file is kept.
    let media = alice.get("/wp-admin/media-new.php").text();
    let (_, rest) = media
        .split_once("\"_wpnonce\":\"")
        .expect("a nonce for uploads");
    let nonce = rest.split('"').next().unwrap_or_default();
    let file = [&b"%PDF-1.4\n"[..], &vec![b'x'; 3_000_000]].concat();
    let kept = alice.upload(
        "/wp-admin/async-upload.php",
        &[
            ("action", "upload-attachment"),
            ("_wpnonce", nonce),
            ("name", "scan.pdf"),
        ],
        ("async-upload", "scan.pdf", &file),
    );
    assert_eq!(kept.status(), 200);
    assert!(kept.text().contains("\"success\":true"), "{}", kept.text());
    let at = unescaped(&kept.text(), "\"url\":\"");
    let (_, path) = at
        .split_once(&alice.origin())
        .expect("an address of this site");
    let fetched = gate.visitor().get(path);
    assert_eq!(fetched.body.len(), file.len(), "{}", fetched.head.raw);

    // Its own logout, which asks where it is not sure, and in again: with a new code.
    let asked = alice.get("/wp-login.php?action=logout");
    assert_eq!(asked.status(), 403, "{}", asked.head.raw);
    let home = alice.get("/wp-admin/").text();
    let (_, rest) = home
        .split_once("action=logout")
        .and_then(|(_, rest)| rest.split_once("_wpnonce="))
        .expect("a link to leave by");
    let nonce: String = rest
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    let left = alice.get(&format!("/wp-login.php?action=logout&_wpnonce={nonce}"));
    assert_eq!(left.status(), 302, "{}", left.head.raw);
    assert_eq!(
        location(&left),
        "/wp-login.php?loggedout=true&wp_lang=en_US"
    );
    assert!(!alice.get(PLAN).text().contains(PRIVATE));
    pass(&mut gate, &mut alice, "alice");
    assert!(alice.get(PLAN).text().contains(PRIVATE));
    gate.ends_having_sent(2);
}

#[test]
fn no_cookie_of_any_moment_opens_wordpress_without_its_grant() {
    let app = Application::start("wordpress");
    let mut gate = Gate::before(&app, SITE);
    let mut old = app.visitor();
    log_in(&mut old, "alice", PASSWORD);
    let mut alice = gate.visitor();
    alice.walk(PROFILE);
    let before = alice.jar.clone();
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();
    let during = alice.jar.clone();

    // An application password opens the REST interface by both addresses, and no gateway hands it on.
    let key = format!("Authorization: Basic {APPLICATION_PASSWORD}\r\n");
    for target in [
        "/wp-json/wp/v2/users/me?context=edit",
        "/?rest_route=/wp/v2/users/me&context=edit",
    ] {
        let opened = app.visitor().exchange("GET", target, &key, b"");
        assert!(opened.text().contains("alice@example.test"), "{target}");
        let refused = gate.visitor().exchange("GET", target, &key, b"");
        assert!(
            matches!(refused.status(), 303 | 401 | 403),
            "{target}: {}",
            refused.head.raw
        );
    }

    let burglar = Burglar {
        gate: &gate,
        app: &app,
        doors: &DOORS,
        marks: &MARKS,
        sessions: &["wordpress_logged_in", "wordpress_1", "wordpress_sec"],
        password: PASSWORD,
    };
    burglar.knows_the_application(&old.jar);
    burglar.gets_nothing(&[&before, &during, &old.jar]);
    let released = alice.enter(&page, &message.code);
    alice.follow(&page, released);
    burglar.gets_nothing(&[&before, &alice.jar.without_ours()]);
    assert!(alice.get(PLAN).text().contains(PRIVATE), "alice goes on");
    gate.ends_having_sent(1);
}

#[test]
fn alices_grant_never_serves_wordpress_bob() {
    let app = Application::start("wordpress");
    let mut gate = Gate::before(&app, SITE);
    let mut bobs = app.visitor();
    log_in(&mut bobs, "bob", PASSWORD);
    let mut alice = gate.visitor();
    pass(&mut gate, &mut alice, "alice");

    // WordPress asks the cookie for `wp-admin` first, whichever of the two names somebody: each of bob's is tried alone.
    let mut jars = vec![alice.jar.ours().and(&bobs.jar)];
    for stolen in bobs.jar.each().chain([bobs.jar.clone()]) {
        jars.extend([alice.jar.and(&stolen), stolen.and(&alice.jar)]);
    }
    for jar in jars {
        for target in [PROFILE, PLAN, "/", "/wp-admin/"] {
            let mut thief = gate.visitor();
            thief.jar = jar.clone();
            let shown = thief.get(target).text();
            assert!(
                !shown.contains("bob@example.test") && !shown.contains(">bob<"),
                "{target} {jar:?}: {shown}"
            );
        }
    }

    // Neither Basic nor another login beside the captured one makes her bob.
    let basic = "Authorization: Basic Ym9iOndwLXB3LTE=\r\n";
    let shown = alice.send("GET", PROFILE, basic, b"").text();
    assert!(shown.contains("alice@example.test"), "{shown}");
    let denied = alice.post_bytes("/xmlrpc.php", "text/xml", CALL.as_bytes());
    assert_eq!(denied.status(), 403);
    for target in ["/wp-login.php/x", "/wp-admin/admin-ajax.php", "/"] {
        let form = [("log", "bob"), ("pwd", PASSWORD)];
        let answer = alice.clone().post(target, &form);
        assert_eq!(answer.status(), 403, "{target}: {}", answer.text());
        let answer = alice.clone().upload(target, &form, ("upload", "x", b"x"));
        assert!(
            matches!(answer.status(), 303 | 400 | 403),
            "{target} in parts: {}",
            answer.head.raw
        );
    }

    // Failing as bob ends nothing; succeeding does, and asks bob.
    log_in(&mut alice.clone(), "bob", "wrong");
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
    alice.follow(&page, released);
    assert!(alice.get(PROFILE).text().contains("bob@example.test"));
    gate.ends_having_sent(2);
}

#[test]
fn the_login_code_opens_neither_plugins_nor_users_nor_options() {
    let app = Application::start("wordpress");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();
    pass(&mut gate, &mut alice, "alice");
    let mut old = app.visitor();
    log_in(&mut old, "alice", PASSWORD);
    for target in [
        "/wp-admin/plugins.php",
        "/wp-admin/users.php",
        "/wp-admin/user-new.php",
        "/wp-admin/options-general.php",
        "/wp-admin/options.php",
        "//wp-admin/users.php",
        "/wp-admin/users%2ephp",
        "/wp-admin/users.php/x",
        "/wp-admin/edit.php/../users.php",
        "/wp-admin/tools.php",
        "/wp-admin/update-core.php",
        "/wp-admin/customize.php",
    ] {
        assert_eq!(old.get(target).status(), 200, "{target}");
        code_page(&alice.get(target));
    }
    // Saving a profile saves that of anybody who is named.
    code_page(&alice.post(PROFILE, &[("user_id", "2"), ("action", "update")]));
    let denied = alice.get("/wp-admin/edit.php?rest_route=/wp/v2/users/2&context=edit");
    assert_eq!(denied.status(), 403, "{}", denied.head.raw);
    // By script, too.
    let nonce = alice
        .get("/wp-admin/admin-ajax.php?action=rest-nonce")
        .text();
    let fields = format!(
        "Content-Type: application/json\r\nX-WP-Nonce: {nonce}\r\nOrigin: {}\r\n",
        alice.origin()
    );
    let user = br#"{"username":"eve","email":"eve@example.test","password":"x","roles":["administrator"]}"#;
    for target in [
        "/wp-json/wp/v2/users",
        "/wp-json//wp/v2/users/",
        "/wp-json/wp/v2/users/me/application-passwords",
        "/wp-json/batch/v1",
        "/index.php/wp-json/wp/v2/users",
        "/?rest_route=/wp/v2/users",
    ] {
        let refused = alice.send("POST", target, &fields, user);
        assert!(
            matches!(refused.status(), 401 | 403),
            "{target}: {}",
            refused.head.raw
        );
    }

    // WordPress takes the field's word for the method, whatever the request's own is.
    let said = format!("{fields}X-HTTP-Method-Override: POST\r\n");
    let list = alice.send("GET", "/wp-json/wp/v2/users", &fields, b"");
    assert_eq!(list.status(), 200, "{}", list.head.raw);
    let users = list.text();
    for (method, target, fields) in [
        ("GET", "/wp-json/wp/v2/users", &said),
        ("GET", "/wp-json/wp/v2/users?_method=POST", &fields),
        ("PROPFIND", "/wp-json/wp/v2/users", &said),
    ] {
        let refused = alice.send(method, target, fields, user);
        assert!(
            matches!(refused.status(), 401 | 403),
            "{method} {target}: {}",
            refused.head.raw
        );
    }
    let list = alice.send("GET", "/wp-json/wp/v2/users", &fields, b"");
    assert_eq!(list.text(), users, "nobody was added");

    let updates = alice.post("/wp-admin/admin-ajax.php", &[("action", "update-plugin")]);
    code_page(&updates);

    let page = code_page(&alice.get("/wp-admin/users.php"));
    alice.ask_for_code(&page);
    let second = gate.message();
    assert_eq!(second.to, ALICE);
    alice.enter(&page, &second.code);
    assert!(
        alice
            .get("/wp-admin/users.php")
            .text()
            .contains("bob@example.test")
    );
    gate.ends_having_sent(2);
}

/// A correct password without the test cookie gets the form again, a complaint, and three cookies that work.
#[test]
fn without_the_test_cookie_no_session_gets_out() {
    let app = Application::start("wordpress");
    let mut gate = Gate::before(&app, SITE);
    let form = [("log", "alice"), ("pwd", PASSWORD), ("testcookie", "1")];
    let straight = app.visitor().post(LOGIN, &form);
    assert_eq!(straight.status(), 200);
    assert_eq!(sessions_set(&straight).len(), 3, "{}", straight.head.raw);

    let mut visitor = gate.visitor();
    let answer = visitor.post(LOGIN, &form);
    assert!(sessions_set(&answer).is_empty(), "{}", answer.head.raw);
    for jar in [visitor.jar.clone(), visitor.jar.without_ours()] {
        let mut thief = gate.visitor();
        thief.jar = jar;
        assert!(!thief.get(PLAN).text().contains(PRIVATE));
    }
    assert_eq!(gate.message().to, ALICE, "the password was right");
    gate.ends_having_sent(1);
}

/// `WordPress` takes a mail address for a name; the code goes to the same person.
#[test]
fn a_mail_address_rings_the_same_phone_and_opens_the_same_account() {
    let app = Application::start("wordpress");
    let mut gate = Gate::before(&app, SITE);
    for (user, number, mine) in [
        ("alice@example.test", ALICE, "alice@example.test"),
        ("bob@example.test", BOB, "bob@example.test"),
    ] {
        let mut visitor = gate.visitor();
        let page = code_page(&log_in(&mut visitor, user, PASSWORD));
        let message = gate.message();
        assert_eq!(message.to, number);
        let released = visitor.enter(&page, &message.code);
        visitor.follow(&page, released);
        assert!(visitor.get(PROFILE).text().contains(mine));
    }
    gate.ends_having_sent(2);
}

/// PHP takes the last of two fields, drops blanks before a name, cuts it at NUL and makes arrays.
#[test]
fn a_login_that_wordpress_reads_differently_rings_nobody() {
    let app = Application::start("wordpress");
    let gate = Gate::before(&app, SITE);
    let kind = "application/x-www-form-urlencoded";
    for body in [
        "log=alice&pwd=wp-pw-1&log=bob",
        "log=alice&pwd=wp-pw-1&%20log=bob",
        "log=alice&pwd=wp-pw-1&+log=bob",
        "log=alice&pwd=wp-pw-1&log%00zz=bob",
        "log=alice&pwd=wp-pw-1&log[]=bob",
        "log=alice&pwd=wp-pw-1&log%5B%5D=bob",
        "log=alice%00&pwd=wp-pw-1",
        "log=alice&pwd=x&pwd=wp-pw-1",
        "log=%ff&pwd=wp-pw-1",
        "log=alice&pwd=wp-pw-1&log[=bob",
        "log=alice&pwd=wp-pw-1&%00log=bob",
        "log%00=alice&log=bob&pwd=wp-pw-1",
        "log[x]=alice&log=bob&pwd=wp-pw-1",
        "log=alice&pwd=wp-pw-1&%6cog=bob",
    ] {
        let mut visitor = gate.visitor();
        visitor.get(LOGIN);
        let answer = visitor.post_bytes(LOGIN, kind, body.as_bytes());
        assert_eq!(answer.status(), 400, "{body}: {}", answer.text());
    }
    let mut visitor = gate.visitor();
    let twice = visitor.post_bytes("/wp-login.php?log=bob", kind, b"log=alice&pwd=wp-pw-1");
    assert_eq!(twice.status(), 400, "{}", twice.text());
    let in_parts = visitor.upload(
        LOGIN,
        &[("log", "alice"), ("pwd", PASSWORD), ("log", "bob")],
        ("x", "x", b"x"),
    );
    assert_eq!(in_parts.status(), 400, "{}", in_parts.text());
    let kind = "multipart/form-data; boundary=x";
    for name in ["log", " log", "log[]", "log[", "log\0", "\\\"log"] {
        let part = |name: &str, value: &str| {
            format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body = part("log", "alice") + &part("pwd", PASSWORD) + &part(name, "bob") + "--x--\r\n";
        let answer = gate.visitor().post_bytes(LOGIN, kind, body.as_bytes());
        assert_eq!(answer.status(), 400, "{body}: {}", answer.text());
    }
    let in_query = visitor.get("/wp-login.php?log=alice&pwd=wp-pw-1");
    assert_eq!(in_query.status(), 400, "{}", in_query.text());
    gate.ends_having_sent(0);
}

#[test]
fn a_login_in_parts_is_a_login_like_any_other() {
    let app = Application::start("wordpress");
    let mut gate = Gate::before(&app, SITE);
    let mut bob = gate.visitor();
    bob.get(LOGIN);
    let form = [("log", "bob"), ("pwd", PASSWORD), ("testcookie", "1")];
    let page = code_page(&bob.upload(LOGIN, &form, ("x", "x", b"x")));
    let message = gate.message();
    assert_eq!(message.to, BOB);
    let released = bob.enter(&page, &message.code);
    bob.follow(&page, released);
    assert!(bob.get(PROFILE).text().contains("bob@example.test"));
    gate.ends_having_sent(1);
}

#[test]
fn a_lost_password_page_works_and_lets_nobody_in() {
    let app = Application::start("wordpress");
    let gate = Gate::before(&app, SITE);
    let mut visitor = gate.visitor();
    let asked = visitor.get("/wp-login.php?action=lostpassword").text();
    assert!(asked.contains("name=\"user_login\""), "{asked}");
    let target = "/wp-login.php?action=lostpassword";
    let sent = visitor.post(target, &[("user_login", "bob"), ("redirect_to", "")]);
    // It takes the name of this machine for no place to send mail from.
    assert!(
        sent.status() == 302 || sent.text().contains("could not be sent"),
        "{}",
        sent.text()
    );
    assert!(sessions_set(&sent).is_empty());
    for target in [target, "/wp-login.php?action=resetpass"] {
        let login = visitor.post(target, &[("log", "alice"), ("pwd", PASSWORD)]);
        assert!(
            sessions_set(&login).is_empty(),
            "{target}: {}",
            login.head.raw
        );
    }
    assert!(!visitor.get(PLAN).text().contains(PRIVATE));
    gate.ends_having_sent(0);
}

/// While a code is awaited somebody else comes and goes, the password is tried again elsewhere, and what is held stays good.
#[test]
fn what_is_held_is_released_whatever_happened_in_between() {
    let app = Application::start("wordpress");
    let mut gate = Gate::with_a_clock(&app, SITE);
    let mut alice = gate.visitor();
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();

    let mut tab = alice.clone();
    assert!(!tab.get(PLAN).text().contains(PRIVATE));
    let wrong = log_in(&mut gate.visitor(), "alice", "wrong");
    assert!(wrong.text().contains("is incorrect"), "{}", wrong.text());
    let given = shapes(&log_in(&mut app.visitor(), "alice", PASSWORD));
    let mut bob = gate.visitor();
    pass(&mut gate, &mut bob, "bob");
    bob.get("/wp-login.php?action=logout");
    assert!(bob.get(PLAN).text().contains(PRIVATE));

    gate.later(LONG);
    let released = alice.enter(&page, &message.code);
    assert!(
        shapes(&released).starts_with(&given),
        "{}",
        released.head.raw
    );
    assert_eq!(sessions_set(&released).len(), 3, "{}", released.head.raw);
    let (at, home) = alice.follow(&page, released);
    assert_eq!(at, "/wp-admin/");
    assert!(home.text().contains("Howdy,"), "{}", home.text());
    gate.ends_having_sent(2);
}

/// By the public name, which `WordPress` is told; and by its own, with its addresses rewritten in the pages.
#[test]
fn https_under_another_name_is_none_of_wordpress_business() {
    let app = Application::start("wordpress");
    for more in ["", "host = \"upstream\"\nrewrite = [\"upstream\"]\n"] {
        let mut gate = Gate::over_tls(&app, &format!("{more}{SITE}"));
        let mut alice = gate.visitor();
        let (at, form) = alice.walk(PROFILE);
        assert_eq!(at, LOGIN, "{more}");
        let action = format!("action=\"{}{LOGIN}\"", alice.origin());
        assert!(form.text().contains(&action), "{more}: {}", form.text());
        let wrong = log_in(&mut alice, "alice", "wrong");
        assert!(wrong.text().contains("is incorrect"), "{}", wrong.text());
        pass(&mut gate, &mut alice, "alice");
        let shown = alice.get(PROFILE).text();
        assert!(shown.contains("alice@example.test"), "{more}: {shown}");
        assert!(!shown.contains("//127.0.0.1"), "{more}: {shown}");
        gate.ends_having_sent(1);
    }
}

#[test]
fn the_story_of_a_post_is_the_same_in_a_browser() {
    let app = Application::start("wordpress");
    Gate::before(&app, SITE).play("wordpress.mjs");
}

/// alice's application password, as the script sets it.
const APPLICATION_PASSWORD: &str = "YWxpY2U6YWJjZCBlZmdoIGlqa2wgbW5vcCBxcnN0IHV2d3g=";

/// Names and attributes of the session cookies that an answer sets, in order.
fn sessions_set(answer: &Answer) -> Vec<(String, String)> {
    let lines = answer.head.all("set-cookie");
    let sessions = lines.into_iter().filter_map(|line| {
        let (name, value) = set_by(line)?;
        let is_session = name.starts_with("wordpress_") && name != "wordpress_test_cookie";
        let attributes = line.split_once(';').map_or("", |(_, rest)| rest);
        (is_session && value.is_some()).then(|| (name.to_owned(), attributes.to_owned()))
    });
    sessions.collect()
}

/// A string of JSON after `before`.
fn unescaped(text: &str, before: &str) -> String {
    let (_, rest) = text.split_once(before).expect("it stands there");
    rest.split('"').next().unwrap_or_default().replace('\\', "")
}

/// Password and code. Panics where `WordPress` does not follow.
fn pass(gate: &mut Gate, visitor: &mut Visitor, user: &str) {
    let page = code_page(&log_in(visitor, user, PASSWORD));
    let released = visitor.enter(&page, &gate.message().code);
    let (_, home) = visitor.follow(&page, released);
    assert!(home.text().contains("Howdy,"), "{}", home.text());
}

/// Opens the login page and submits its form.
fn log_in(visitor: &mut Visitor, user: &str, password: &str) -> Answer {
    visitor.get(LOGIN);
    visitor.post(
        LOGIN,
        &[
            ("log", user),
            ("pwd", password),
            ("wp-submit", "Log In"),
            ("testcookie", "1"),
        ],
    )
}
