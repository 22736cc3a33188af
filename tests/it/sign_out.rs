//! Signing out ends what was granted, for everybody who has the cookies.

use std::io::Write;

use super::support::app::App;
use super::support::browser::{Browser, path_of, token};
use super::support::gate::{Gate, Setup};
use super::support::legacy::{Legacy, PASSWORD};
use super::support::wire::Answer;

const SIGN_OUT: &str = "/.countersign/sign-out";

fn gate(app: &App) -> Gate {
    Setup::new(&app.url()).start()
}

fn location(answer: &Answer) -> String {
    path_of(answer.field("location").unwrap_or_default())
}

fn sign_out(browser: &mut Browser) -> Answer {
    let page = browser.get(SIGN_OUT);
    assert_eq!(page.status(), 200);
    browser.post(SIGN_OUT, &[("token", &token(&page))])
}

#[test]
fn s5_signing_out_ends_the_grants_even_for_who_kept_the_cookies() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    browser.pass_step_up("/admin", &gate.messages);
    assert_eq!(browser.get("/admin").status(), 200);
    let thief = browser.clone();
    let answer = sign_out(&mut browser);
    assert_eq!((answer.status(), &*location(&answer)), (303, SIGN_OUT));
    let left: Vec<&String> = browser.jar.keys().collect();
    assert_eq!(
        left,
        ["__Host-countersign-app.known"],
        "only the mark stays"
    );
    assert!(browser.get(SIGN_OUT).text().contains("You are signed out"));
    let before = app.seen().len();
    // Every worker knows: connections are spread over them.
    for _ in 0..10 {
        for path in ["/", "/admin"] {
            let refused = thief.clone().get(path);
            assert_eq!(refused.status(), 303);
            assert!(location(&refused).starts_with("/.countersign/ask/"));
        }
    }
    assert_eq!(app.seen().len(), before);
    // A revocation does not run out before the grant does, and is no grant that ran out.
    gate.later(31 * 60);
    gate.running().flow().store.sweep(gate.clock.now());
    assert!(location(&thief.clone().get("/")).starts_with("/.countersign/ask/"));
}

#[test]
fn s5_signing_out_ends_the_renewal_of_grants_that_ran_out() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    gate.later(31 * 60);
    let thief = browser.clone();
    assert!(location(&thief.clone().get("/")).starts_with("/.countersign/c/"));
    sign_out(&mut browser);
    assert!(browser.cookie("-login").is_none());
    assert!(location(&thief.clone().get("/")).starts_with("/.countersign/ask/"));
}

#[test]
fn signing_out_is_a_post_with_a_token() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    for _ in 0..3 {
        assert!(browser.get(SIGN_OUT).text().contains("Sign out?"));
        browser.send("HEAD", SIGN_OUT, &[], b"");
    }
    for token in ["", "AAAAAAAAAAAAAAAAAAAAAA"] {
        let answer = browser.post(SIGN_OUT, &[("token", token)]);
        assert_eq!((answer.status(), &*location(&answer)), (303, SIGN_OUT));
        assert!(answer.head.all("set-cookie").is_empty());
    }
    // Another browser's token is none of this one's.
    let mut bob = gate.signed_in("bob");
    let others = token(&bob.get(SIGN_OUT));
    browser.post(SIGN_OUT, &[("token", &others)]);
    assert_eq!(browser.get("/").status(), 200);
}

#[test]
fn signing_out_twice_is_signing_out() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    let form = [("token", &*token(&browser.get(SIGN_OUT)))];
    let mut second = browser.clone();
    for browser in [&mut browser, &mut second] {
        for _ in 0..2 {
            let answer = browser.post(SIGN_OUT, &form);
            assert_eq!((answer.status(), &*location(&answer)), (303, SIGN_OUT));
            assert!(browser.get(SIGN_OUT).text().contains("You are signed out"));
        }
    }
}

#[test]
fn signing_out_leaves_other_browsers_alone_and_one_may_come_back() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    let mut other = gate.signed_in("ann");
    sign_out(&mut browser);
    assert_eq!(other.get("/").status(), 200);
    browser.pass_ask("/", "ann", &gate.messages);
    assert_eq!(browser.get("/").status(), 200);
}

/// An application that answers each path with a status: the number that its query has behind `status=`, or 200.
fn stated() -> App {
    App::scripted(|request, stream| {
        let line = &request.head.first;
        let status = line
            .split_once("status=")
            .map_or("200", |(_, rest)| &rest[..3]);
        let page = format!("HTTP/1.1 {status} So\r\nContent-Length: 3\r\nLocation: /bye\r\n\r\n");
        let body = if line.starts_with("HEAD ") { "" } else { "bye" };
        stream.get_mut().write_all((page + body).as_bytes()).is_ok()
    })
}

const LOGOUT: &str = "logout = [\"/logout\", \"/user.php?action=logout\"]";

fn is_in(browser: &Browser) -> bool {
    browser.clone().get("/").status() == 200
}

#[test]
fn s5_signing_out_of_the_application_ends_the_grants_even_for_who_kept_the_cookies() {
    let app = stated();
    let gate = Setup::new(&app.url()).site(LOGOUT).start();
    for path in [
        "/logout",
        "/logout?status=302",
        "/LOGOUT/",
        "/x/..%2flogout",
        "/user.php?x=1&action=logout&status=303",
    ] {
        let mut browser = gate.signed_in("ann");
        browser.pass_step_up("/admin", &gate.messages);
        let thief = browser.clone();
        let answer = browser.get(path);
        assert_eq!(answer.text(), "bye", "the application's own answer: {path}");
        assert_eq!(answer.field("cache-control"), Some("private"));
        let left: Vec<&String> = browser.jar.keys().collect();
        assert_eq!(left, ["__Host-countersign-app.known"], "{path}");
        for _ in 0..4 {
            for path in ["/", "/admin"] {
                let refused = thief.clone().get(path);
                assert!(location(&refused).starts_with("/.countersign/ask/"));
            }
        }
        gate.later(24 * 60 * 60);
    }
}

#[test]
fn s5_a_logout_counts_by_any_method_and_on_open_routes() {
    let app = stated();
    for class in ["login", "public", "login-page", "public-full"] {
        let gate = Setup::new(&app.url())
            .site(LOGOUT)
            .routes(&[("/logout", class)])
            .start();
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            let mut browser = gate.signed_in("ann");
            let answer = browser.send(method, "/logout", &[("sec-purpose", "prefetch")], b"");
            assert_eq!(answer.status(), 200, "{class} {method}");
            assert!(!is_in(&browser), "{class} {method}");
            assert!(browser.cookie("-login").is_none(), "{class} {method}");
            gate.later(24 * 60 * 60);
        }
    }
}

#[test]
fn s5_a_logout_outlives_a_restart() {
    let app = stated();
    let gate = Setup::new(&app.url()).site(LOGOUT).start();
    let mut browser = gate.signed_in("ann");
    let thief = browser.clone();
    browser.get("/logout");
    let gate = gate.restart();
    assert!(!is_in(&thief.at(gate.address)));
}

#[test]
fn a_logout_that_the_application_refuses_signs_nobody_out() {
    let app = stated();
    let gate = Setup::new(&app.url()).site(LOGOUT).start();
    let mut browser = gate.signed_in("ann");
    for status in ["400", "403", "405", "500", "503"] {
        let answer = browser.get(&format!("/logout?status={status}"));
        assert_eq!(answer.status().to_string(), status);
        assert!(answer.head.all("set-cookie").is_empty());
    }
    // Nor does what is no logout, or one that no application carries out.
    for path in ["/logouts", "/user.php?action=show", "/a?next=/logout"] {
        browser.get(path);
    }
    browser.send("OPTIONS", "/logout", &[], b"");
    assert!(is_in(&browser));
    app.forget();
    let mut stranger = gate.browser();
    assert_eq!(stranger.get("/logout").status(), 303);
    assert!(app.seen().is_empty(), "a stranger has nothing to end");
}

#[test]
fn a_logout_leaves_other_browsers_alone() {
    let app = stated();
    let gate = Setup::new(&app.url()).site(LOGOUT).start();
    let mut browser = gate.signed_in("ann");
    let other = gate.signed_in("ann");
    browser.get("/logout");
    assert!(!is_in(&browser));
    assert!(is_in(&other));
}

/// What signs out of an application that wants the token of its cookie back.
const THERE: &str = "sign_out = { path = \"/bye?now=1\", method = \"POST\", form = { csrf = \"{cookie:csrftoken}\", go = \"on\" } }";

/// An application that forgets its visitor's session, with this status.
fn forgetful(status: &'static str) -> App {
    App::scripted(move |_, stream| {
        let page = format!(
            "HTTP/1.1 {status} So\r\nContent-Length: 3\r\nLocation: /bye\r\nSet-Cookie: sid=; Path=/; Max-Age=0\r\n\r\nbye"
        );
        stream.get_mut().write_all(page.as_bytes()).is_ok()
    })
}

/// Ann, with two cookies of the application.
fn ann(gate: &Gate) -> Browser {
    let mut browser = gate.signed_in("ann");
    let theirs = [("sid", "0123456789abcdef"), ("csrftoken", "a=b")];
    let theirs = theirs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    browser.jar.extend(theirs);
    browser
}

#[test]
fn signing_out_here_signs_out_of_the_application() {
    let app = forgetful("302");
    let gate = Setup::new(&app.url()).site(THERE).start();
    let mut browser = ann(&gate);
    app.forget();
    let answer = sign_out(&mut browser);
    assert_eq!((answer.status(), &*location(&answer)), (303, SIGN_OUT));
    assert_eq!(app.lines(), ["POST /bye?now=1 HTTP/1.1"]);
    let seen = app.last();
    assert_eq!(seen.body, b"csrf=a%3Db&go=on");
    let field = |name| seen.head.field(name);
    assert_eq!(
        field("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(field("cookie"), Some("csrftoken=a=b; sid=0123456789abcdef"));
    assert_eq!(field("origin"), Some(&*app.url()));
    assert!(field("authorization").is_none());
    assert!(
        !browser.jar.contains_key("sid"),
        "its cookies are handed on"
    );
    assert!(!is_in(&browser));
}

#[test]
fn an_application_that_fails_is_in_nobodys_way() {
    for status in ["403", "500"] {
        let app = forgetful(status);
        let gate = Setup::new(&app.url()).site(THERE).start();
        let mut browser = ann(&gate);
        app.forget();
        assert_eq!(sign_out(&mut browser).status(), 303);
        assert_eq!(app.seen().len(), 1);
        assert!(!is_in(&browser));
    }
    let dead = App::scripted(|_, _| false);
    let gate = Setup::new(&dead.url()).site(THERE).start();
    let mut browser = ann(&gate);
    assert_eq!(sign_out(&mut browser).status(), 303);
    assert!(browser.get(SIGN_OUT).text().contains("You are signed out"));
}

#[test]
fn nobody_is_signed_out_of_the_application_by_another_site_or_without_a_session() {
    let app = App::new();
    let site = "sign_out = { path = \"/bye\" }";
    let gate = Setup::new(&app.url()).site(site).start();
    let mut browser = ann(&gate);
    let page = browser.get(SIGN_OUT);
    let body = format!("token={}", token(&page));
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let evil = [kind, ("origin", "https://evil.example")];
    assert_eq!(
        browser
            .send("POST", SIGN_OUT, &evil, body.as_bytes())
            .status(),
        403
    );
    browser.post(SIGN_OUT, &[("token", "AAAAAAAAAAAAAAAAAAAAAA")]);
    gate.browser()
        .post(SIGN_OUT, &[("token", "AAAAAAAAAAAAAAAAAAAAAA")]);
    assert!(app.seen().is_empty());
    // Who has no cookie of the application has no session there.
    sign_out(&mut gate.signed_in("bob"));
    assert!(app.seen().is_empty());
    sign_out(&mut browser);
    assert_eq!(app.lines(), ["GET /bye HTTP/1.1"]);
    assert!(app.last().head.field("origin").is_none());
}

#[test]
fn what_is_denied_to_everybody_is_not_asked_for_either() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .site(THERE)
        .routes(&[("/bye", "deny")])
        .start();
    let mut browser = ann(&gate);
    sign_out(&mut browser);
    assert!(!is_in(&browser));
    assert!(app.seen().is_empty());
}

#[test]
fn s5_cancelling_a_held_login_ends_the_session_that_it_has_opened() {
    let portal = Legacy::default().start();
    let gate = Setup::new(&portal.url())
        .site("sign_out = { path = \"/logout\" }")
        .raw_routes(
            "[[sites.app.routes]]\npath = \"/login\"\ncapture = \"form\"\n\
             [[sites.app.routes]]\npath = \"/admin\"\nrequire = \"admin\"\n\
             [sites.app.captures.form]\nscope = \"login\"\nusername = \"username\"\npassword = \"password\"\n",
        )
        .start();
    let mut browser = gate.browser();
    browser.get("/login");
    let form = [("username", "ann"), ("password", PASSWORD)];
    let page = location(&browser.post("/login", &form));
    assert!(page.starts_with("/.countersign/c/"), "{page}");
    assert_eq!(portal.sessions_of("ann").len(), 1);
    browser.press(&page, "cancel");
    assert!(portal.sessions_of("ann").is_empty());
    assert!(!is_in(&browser));
}

/// Some servers draw a session's id anew with every answer, be it the one that refuses to end it.
#[test]
fn s7_who_cancels_is_given_no_session_by_an_application_that_goes_on() {
    let app = App::scripted(|request, stream| {
        let first = &*request.head.first;
        let (status, fields) = if first.starts_with("POST /login ") {
            (
                "302 Found",
                "Location: /home\r\nSet-Cookie: sid=of-ann-0123456789abcdef; Path=/; HttpOnly\r\n",
            )
        } else if first.starts_with("GET /logout ") {
            (
                "403 Forbidden",
                "Set-Cookie: sid=of-ann-drawn-anew-0123456; Path=/\r\nSet-Cookie: flash=; Max-Age=0\r\n",
            )
        } else {
            ("200 OK", "Content-Type: text/plain\r\n")
        };
        let answer = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: 0\r\n\r\n");
        stream.get_mut().write_all(answer.as_bytes()).is_ok()
    });
    let gate = Setup::new(&app.url())
        .site("sign_out = { path = \"/logout\" }")
        .raw_routes(
            "[[sites.app.routes]]\npath = \"/login\"\ncapture = \"form\"\n\
             [[sites.app.routes]]\npath = \"/admin\"\nrequire = \"admin\"\n\
             [sites.app.captures.form]\nscope = \"login\"\nusername = \"username\"\npassword = \"password\"\n",
        )
        .start();
    let mut browser = gate.browser();
    browser.jar.insert("flash".to_owned(), "hello".to_owned());
    let form = [("username", "ann"), ("password", PASSWORD)];
    let page = location(&browser.post("/login", &form));
    assert!(page.starts_with("/.countersign/c/"), "{page}");
    let cancelled = browser.press(&page, "cancel");
    assert_eq!(app.lines().last().unwrap(), "GET /logout HTTP/1.1");
    assert!(
        !cancelled.head.raw.contains("of-ann"),
        "{}",
        cancelled.head.raw
    );
    assert!(
        !browser.jar.contains_key("flash"),
        "what it takes away goes"
    );
}
