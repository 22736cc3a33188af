//! What a capture lets through before the code, and where everybody else is sent (design section 2).

use countersign::seal::BrowserSecret;

use super::{
    ANYBODYS, FORM, LIMITS, OWN, PARTS, asked, form, gate, location, log_in, parts, released,
    script, send, setup, with_cookie,
};
use crate::support::browser::path_of;
use crate::support::gate::Setup;
use crate::support::legacy::{Legacy, PASSWORD};

#[test]
fn strangers_are_sent_to_the_applications_own_login_page() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    for path in ["/", "/home", "/private?x=1", "/.htaccess", "/login/x"] {
        let sent = gate.browser().get(path);
        assert_eq!(
            (sent.status(), &*location(&sent)),
            (303, "/login"),
            "{path}"
        );
    }
    let mut browser = gate.browser();
    let answer = script(&mut browser, "GET", "/data", "");
    assert_eq!(answer.status(), 401);
    assert_eq!(
        answer.field("content-type"),
        Some("application/problem+json")
    );
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(problem["challenge_url"], "/login");
    assert_eq!(problem["scope"], "login");
    assert_eq!(
        answer.field("www-authenticate"),
        Some("Countersign scope=\"login\", challenge=\"/login\"")
    );
    let frame = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    let framed = browser.send("GET", "/part", &frame, b"");
    assert_eq!(framed.status(), 401);
    assert!(framed.text().contains("&#x2f;login") || framed.text().contains("\"/login\""));
    let image = [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
    let turned_away = browser.send("GET", "/logo.png", &image, b"");
    assert_eq!((turned_away.status(), turned_away.body.len()), (401, 0));
    assert!(portal.app.seen().is_empty());
}

#[test]
fn strangers_are_sent_to_the_page_that_the_capture_names() {
    let portal = Legacy::default().start();
    let gate = setup(&portal, "page = \"/login?lang=en\"").start();
    let mut browser = gate.browser();
    let sent = browser.get("/home");
    assert_eq!(location(&sent), "/login?lang=en");
    assert!(browser.get("/login?lang=en").text().contains("Log in"));
    assert_eq!(portal.app.lines(), ["GET /login?lang=en HTTP/1.1"]);
}

/// Who could name themself at the gate would leave out the password: for the scope that is captured, and for any other
/// of its site, where a code would ring the phone of whoever was named.
#[test]
fn g2_there_is_no_ask_page_where_the_login_is_captured() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let (login, admin) = ("/.countersign/ask/login", "/.countersign/ask/admin");
    for path in [login, admin, "/.countersign/ask", "/admin", "/admin/users"] {
        let mut browser = gate.browser();
        let offered = browser.get(path);
        assert!(!offered.text().contains("name=\"name\""), "{path}");
        let to = location(&offered);
        assert!(to == "/login" || to == login, "{path}: {to}");
    }
    // Not even with a token that fits.
    for ask in [login, admin] {
        let secret = BrowserSecret::new([7; 16]);
        let token = gate.running().flow().ring.token(&secret, ask);
        let mut browser = with_cookie(&gate, "__Host-countersign-app", secret.value());
        let named = browser.post(ask, &[("token", &token), ("name", "ann")]);
        assert!(!location(&named).starts_with("/.countersign/c/"), "{ask}");
    }
    assert_eq!(gate.sent(), 0);
    assert!(portal.app.seen().is_empty());
}

#[test]
fn the_login_page_passes_with_cookies_and_never_with_authorization() {
    let portal = Legacy {
        basic: true,
        ..Legacy::default()
    }
    .start();
    let gate = gate(&portal);
    let mut browser = with_cookie(&gate, "lang", "de|\"x\"");
    // ann:correct horse, battery
    let basic = (
        "authorization",
        "Basic YW5uOmNvcnJlY3QgaG9yc2UsIGJhdHRlcnk=",
    );
    for (method, target) in [
        ("GET", "/login"),
        ("HEAD", "/login"),
        ("GET", "/login?x=%2F&y"),
    ] {
        let shown = browser.send(method, target, &[basic], b"");
        assert_eq!(shown.status(), 200, "{method} {target}");
        assert_eq!(shown.text().contains("Log in"), method == "GET");
        let last = portal.app.last();
        assert_eq!(last.head.first, format!("{method} {target} HTTP/1.1"));
        assert_eq!(last.head.field("authorization"), None);
        let cookies = last.head.field("cookie").unwrap();
        assert!(cookies.contains("lang=de|\"x\""), "{cookies}");
    }
    let sid = browser.jar["sid"].clone();
    assert_eq!(
        sid.len(),
        32,
        "the application's cookie reaches the browser"
    );
    let body = form(&[("username", "ann"), ("password", "wrong")]);
    let fields = [("content-type", FORM), ("origin", OWN), basic];
    let refused = browser.send("POST", "/login", &fields, &body);
    assert_eq!(refused.status(), 200);
    let post = portal.logins().pop().unwrap();
    assert_eq!(post.head.field("authorization"), None);
    assert!(post.head.field("cookie").unwrap().contains(&sid));
    // Nor does it open anything else.
    for path in ANYBODYS.iter().chain(&["/home"]) {
        let answer = browser.send("GET", path, &[basic], b"");
        assert!(
            !answer.text().contains("Hello ann") || *path == "/open/news",
            "{path}"
        );
    }
    assert_eq!(gate.sent(), 0);
}

#[test]
fn g1_what_is_no_login_needs_the_grant_like_everything_else() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let login = form(&[("username", "ann"), ("password", PASSWORD)]);
    let user = form(&[("username", "ann")]);
    let password = form(&[("password", PASSWORD)]);
    let in_parts = parts(&[("username", "ann")]);
    let other = form(&[("user", "ann"), ("pass", PASSWORD)]);
    for (method, path, kind, body) in [
        ("POST", "/login", FORM, &*user),
        ("POST", "/login", FORM, &password),
        ("POST", "/login", FORM, &other),
        ("POST", "/login", FORM, b""),
        ("POST", "/login", PARTS, &in_parts),
        (
            "POST",
            "/login",
            "application/json",
            b"{\"username\": \"ann\"}",
        ),
        ("POST", "/login", "application/json", b"[]"),
        ("POST", "/login", "application/octet-stream", b"\0\x01\x02"),
        ("PUT", "/login", FORM, &login),
        ("PATCH", "/login", FORM, &login),
        ("DELETE", "/login", FORM, b""),
        ("POST", "/login/", FORM, &login),
        ("POST", "/login/x", FORM, &login),
        ("POST", "//login", FORM, &login),
        ("POST", "/x/../login", FORM, &login),
        ("POST", "/%6cogin;x=1", FORM, &login),
        ("POST", "/LOGIN", FORM, &login),
        ("POST", "/home", FORM, &login),
        ("GET", "//login", FORM, b""),
        ("GET", "/login/x", FORM, b""),
    ] {
        let answer = send(&mut gate.browser(), method, path, kind, body);
        let scripted = kind == "application/json" && answer.status() == 401;
        assert!(
            scripted || (answer.status(), &*location(&answer)) == (303, "/login"),
            "{method} {path} {kind}: {}",
            answer.head.raw
        );
    }
    let answer = gate.browser().send("OPTIONS", "/login", &[], b"");
    assert_eq!(answer.status(), 403);
    assert!(portal.app.seen().is_empty(), "{:?}", portal.app.lines());
    assert_eq!(gate.sent(), 0);
}

#[test]
fn with_the_grant_the_login_page_takes_everything_again() {
    let portal = Legacy {
        signed_in: crate::support::legacy::SignedIn::Page,
        ..Legacy::default()
    }
    .start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    super::signed_in(&gate, &mut browser, "/login", "ann");
    let body = form(&[("language", "de")]);
    for method in ["POST", "PUT"] {
        send(&mut browser, method, "/login", FORM, &body);
        let last = portal.app.last();
        assert_eq!(last.head.first, format!("{method} /login HTTP/1.1"));
        assert_eq!(last.body, body);
    }
    assert!(
        browser
            .get("/login")
            .text()
            .contains("Hello ann, this is /login")
    );
}

#[test]
fn a_password_in_the_address_is_refused() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let body = form(&[("username", "ann"), ("password", PASSWORD)]);
    for query in [
        "username=ann&password=x",
        "password=x",
        "password",
        "a=b&%70assword=x",
        "+password=x",
        "password%00x=y",
        "password[]=x",
    ] {
        let target = format!("/login?{query}");
        for method in ["GET", "HEAD", "POST"] {
            let sent: &[u8] = if method == "POST" { &body } else { b"" };
            let answer = send(&mut gate.browser(), method, &target, FORM, sent);
            assert_eq!(answer.status(), 400, "{method} {target}");
        }
    }
    assert!(portal.app.seen().is_empty());
    assert_eq!(gate.sent(), 0);
}

#[test]
fn a_login_that_another_site_posts_is_refused() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let body = form(&[("username", "ann"), ("password", PASSWORD)]);
    for fields in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "http://other.app.localhost")],
        &[("origin", "https://app.localhost")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
        &[("origin", "null")],
    ] {
        let fields: Vec<_> = [("content-type", FORM)]
            .iter()
            .chain(fields)
            .copied()
            .collect();
        let answer = gate.browser().send("POST", "/login", &fields, &body);
        assert_eq!(answer.status(), 403, "{fields:?}");
    }
    assert!(portal.app.seen().is_empty());
    assert_eq!(gate.sent(), 0);
    // A tool that names no origin is no page of another site.
    let answer = gate
        .browser()
        .send("POST", "/login", &[("content-type", FORM)], &body);
    asked(&answer);
}

#[test]
fn r9_there_is_no_socket_on_the_way_of_a_capture() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let upgrade = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("origin", OWN),
    ];
    let mut stream = crate::support::wire::connect(gate.address);
    let fields: String = upgrade
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let head = format!("GET /login HTTP/1.1\r\nHost: app.localhost\r\n{fields}\r\n");
    std::io::Write::write_all(stream.get_mut(), head.as_bytes()).unwrap();
    let answer = crate::support::wire::read_answer(&mut stream, false).unwrap();
    assert_eq!((answer.status(), answer.body.len()), (401, 0));
    assert!(portal.app.seen().is_empty());
}

/// An application whose form is drawn by script: the page is public, and only the POST is captured.
#[test]
fn a_capture_of_the_post_alone_leaves_the_page_to_another_route() {
    let portal = Legacy::default().start();
    let gate = Setup::new(&portal.url())
        .with(LIMITS)
        .raw_routes(
            "[[sites.app.routes]]\npath = \"/login\"\nmethods = [\"GET\"]\nrequire = \"public\"\n\
             [[sites.app.routes]]\npath = \"/login\"\nmethods = [\"POST\"]\ncapture = \"form\"\n\
             [[sites.app.routes]]\npath = \"/admin\"\nrequire = \"admin\"\n\
             [sites.app.captures.form]\nscope = \"login\"\nusername = \"username\"\npassword = \"password\"\npage = \"/login\"\n",
        )
        .start();
    let mut browser = with_cookie(&gate, "sid", "0123456789abcdef");
    let shown = browser.get("/login");
    assert_eq!(shown.status(), 200);
    assert!(shown.head.all("set-cookie").is_empty());
    assert_eq!(portal.app.last().head.field("cookie"), None);
    let page = asked(&super::submit(
        &mut browser,
        "/login",
        &shown,
        "ann",
        PASSWORD,
    ));
    let free = released(&mut browser, &page, &gate.messages.code(1));
    assert_eq!(location(&free), "/home");
    assert!(browser.get("/home").text().contains("Hello ann"));
}

/// Conditions of a route hold for captures as well: one address can take a login and other things.
#[test]
fn a_capture_can_depend_on_the_query() {
    let portal = Legacy::default().start();
    let gate = Setup::new(&portal.url())
        .with(LIMITS)
        .raw_routes(
            "[[sites.app.routes]]\npath = \"/login\"\nquery = { do = \"login\" }\ncapture = \"form\"\n\
             [[sites.app.routes]]\npath = \"/admin\"\nrequire = \"admin\"\n\
             [sites.app.captures.form]\nscope = \"login\"\nusername = \"username\"\npassword = \"password\"\npage = \"/login?do=login\"\n",
        )
        .start();
    let mut browser = gate.browser();
    assert_eq!(location(&browser.get("/login")), "/login?do=login");
    assert_eq!(location(&browser.get("/login?do=other")), "/login?do=login");
    assert!(portal.app.seen().is_empty());
    // Twice is not exactly once: servers differ in which one counts.
    let body = form(&[("username", "ann"), ("password", PASSWORD)]);
    for target in ["/login?do=login&do=other", "/login?do=login&do=login"] {
        let answer = send(&mut gate.browser(), "POST", target, FORM, &body);
        assert!(
            answer.status() == 400 || location(&answer) == "/login?do=login",
            "{target}: {}",
            answer.head.raw
        );
    }
    assert!(portal.logins().is_empty());
    let at = "/login?do=login";
    let page = asked(&log_in(&mut browser, at, "ann", PASSWORD));
    assert!(path_of(&page).starts_with("/.countersign/c/"));
    assert_eq!(gate.sent(), 1);
}
