//! A grant belongs to a person, not to a browser: logins as somebody else, changed sessions, second ways in
//! (design section 3).

use super::{
    ANYBODYS, FORM, PARTS, asked, bound, follow, form, gate, location, log_in, parts, released,
    script, see, send, setup, signed_in, theirs, with_cookie,
};
use crate::support::browser::Browser;
use crate::support::gate::Gate;
use crate::support::legacy::{Legacy, PASSWORD, SID, Session, SignedIn, WRONG};

/// Signed-in people see a form on the login page, as in most applications that let them change who they are.
fn switching() -> Legacy {
    Legacy {
        signed_in: SignedIn::Page,
        ..Legacy::default()
    }
}

/// Posts a login without looking at the page first.
fn post(browser: &mut Browser, user: &str, password: &str) -> crate::support::wire::Answer {
    browser.post("/login", &[("username", user), ("password", password)])
}

#[test]
fn a_login_as_somebody_else_ends_the_grant_and_asks() {
    for manner in [switching(), Legacy::in_place()] {
        for capture in ["", "auth_cookies = [\"sid\"]"] {
            let portal = manner.start();
            let gate = setup(&portal, capture).start();
            let mut browser = gate.browser();
            signed_in(&gate, &mut browser, "/login", "ann");
            assert!(see(&mut browser, "/home").contains("Hello ann"));
            let hers = browser.clone();
            let mut answer = post(&mut browser, "bob", PASSWORD);
            if answer.status() == 200 {
                // Her session went into the login and came out the same: nobody can tell whose it is now.
                assert!(answer.text().to_lowercase().contains("sign in again"));
                assert_eq!(gate.sent(), 1);
                browser.get("/login");
                answer = post(&mut browser, "bob", PASSWORD);
            }
            let page = asked(&answer);
            assert_eq!(gate.sent(), 2);
            assert!(gate.messages.all().contains("+12025550167"));
            // Neither with what the browser has now, nor with what it had before.
            for before in [&browser, &hers] {
                let mut one = before.clone();
                assert_eq!(one.get("/home").status(), 303);
                assert!(!see(&mut one, "/home").contains("Hello"));
            }
            let free = released(&mut browser, &page, &gate.messages.code(2));
            follow(&mut browser, free);
            assert!(see(&mut browser, "/home").contains("Hello bob"));
            assert!(!see(&mut hers.clone(), "/home").contains("Hello"));
        }
    }
}

#[test]
fn a_login_as_somebody_else_that_fails_ends_nothing() {
    let portal = switching().start();
    let gate = bound(&portal);
    let mut browser = gate.browser();
    let free = signed_in(&gate, &mut browser, "/login", "ann");
    follow(&mut browser, free);
    let refused = post(&mut browser, "bob", "wrong");
    assert!(refused.text().contains(WRONG), "{}", refused.text());
    assert!(browser.get("/home").text().contains("Hello ann"));
    assert_eq!(gate.sent(), 1);
}

#[test]
fn a_login_as_the_same_person_under_a_grant_asks_nothing() {
    for manner in [switching(), Legacy::in_place()] {
        let portal = manner.start();
        let gate = bound(&portal);
        let mut browser = gate.browser();
        let free = signed_in(&gate, &mut browser, "/login", "ann");
        follow(&mut browser, free);
        for name in ["ann", "Ann@Example.com"] {
            let before = browser.jar[SID].clone();
            let answer = post(&mut browser, name, PASSWORD);
            assert!(matches!(answer.status(), 302 | 303), "{}", answer.head.raw);
            assert_eq!(location(&answer), "/home");
            let same = browser.jar[SID] == before;
            assert_eq!(same, manner.session == Session::Kept);
            assert!(
                browser.get("/home").text().contains("Hello "),
                "the grant has moved along"
            );
            assert!(browser.get("/open/news").text().contains("Hello "));
        }
        assert_eq!(gate.sent(), 1);
    }
}

/// After a wrong code for bob nobody is signed in as bob, and ann is asked like everybody.
#[test]
fn who_gives_up_being_somebody_else_logs_in_again() {
    let portal = switching().start();
    let gate = bound(&portal);
    let mut browser = gate.browser();
    signed_in(&gate, &mut browser, "/login", "ann");
    let page = asked(&post(&mut browser, "bob", PASSWORD));
    browser.press(&page, "cancel");
    assert_eq!(location(&browser.get("/home")), "/login");
    signed_in(&gate, &mut browser, "/login", "ann");
    assert!(see(&mut browser, "/home").contains("Hello ann"));
}

#[test]
fn g2_a_session_that_the_visitor_puts_in_place_of_their_own_is_not_shown() {
    let portal = Legacy::default().start();
    let gate = bound(&portal);
    let mut hers = gate.browser();
    signed_in(&gate, &mut hers, "/login", "ann");
    let mut his = gate.browser();
    signed_in(&gate, &mut his, "/login", "bob");
    let swapped = |value: &str| {
        let mut swapped = his.clone();
        swapped.jar.insert(SID.to_owned(), value.to_owned());
        swapped
    };
    for value in [&*hers.jar[SID], "0123456789abcdef0123456789abcdef", "x"] {
        let from = portal.count();
        for path in ["/home", "/private", "/api/me"] {
            let answer = swapped(value).get(path);
            assert_eq!(
                (answer.status(), &*location(&answer)),
                (303, "/login"),
                "{value:?} {path}"
            );
        }
        let answer = script(&mut swapped(value), "GET", "/api/me", "");
        assert_eq!(answer.status(), 401);
        assert!(portal.app.seen().len() == from, "{value:?}");
    }
    // Beside his own, too: which of the two counts is for the application to say.
    let both = format!("{}; sid={}", his.cookies().unwrap(), hers.jar[SID]);
    let mut own = gate.browser();
    let answer = own.send(
        "GET",
        "/home",
        &[
            ("cookie", &both),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ],
        b"",
    );
    assert!(!answer.text().contains("Hello"), "{}", answer.text());
    // His own still is his.
    assert!(his.get("/home").text().contains("Hello bob"));
    assert!(hers.get("/home").text().contains("Hello ann"));
}

/// Servers differ in what they take for the name of a cookie. Django strips a no-break space off it: bob's grant with
/// ann's session behind one showed her pages.
#[test]
fn g2_a_session_under_another_spelling_of_its_name_is_not_shown_either() {
    let portal = Legacy::default().start();
    let gate = bound(&portal);
    let mut hers = gate.browser();
    signed_in(&gate, &mut hers, "/login", "ann");
    let mut his = gate.browser();
    signed_in(&gate, &mut his, "/login", "bob");
    let (own, session) = (his.cookies().unwrap(), &hers.jar[SID]);
    let grant = own.split("; ").find(|cookie| !cookie.starts_with("sid="));
    let from = portal.count();
    for spelled in [
        "\u{a0}sid",
        "\u{2003}sid",
        "SID",
        "%73id",
        "x=1, sid",
        "x=1 sid",
        "\"sid\"",
    ] {
        for beside in [own.as_str(), grant.unwrap()] {
            for cookies in [
                format!("{beside}; {spelled}={session}"),
                format!("{spelled}={session}; {beside}"),
            ] {
                let answer = gate
                    .browser()
                    .send("GET", "/home", &[("cookie", &cookies)], b"");
                assert_eq!(
                    (answer.status(), &*location(&answer)),
                    (303, "/login"),
                    "{cookies:?}"
                );
            }
        }
    }
    assert_eq!(portal.count(), from);
    assert!(his.get("/home").text().contains("Hello bob"));
}

/// Nor does the application see such a cookie from a stranger, where what is kept back would pass by it.
#[test]
fn g3_a_stranger_brings_no_session_under_another_spelling() {
    let portal = Legacy::default().start();
    let gate = bound(&portal);
    for path in ["/login", "/open/news", "/lost"] {
        for cookies in [
            "\u{a0}sid=0123456789abcdef; lang=de",
            "lang=de; x=1 sid=1",
            "SID=1; lang=de",
        ] {
            gate.browser()
                .send("GET", path, &[("cookie", cookies)], b"");
            let seen = portal.app.last();
            assert!(seen.head.first.starts_with(&format!("GET {path} ")));
            assert_eq!(
                seen.head.field("cookie"),
                Some("lang=de"),
                "{path} {cookies:?}"
            );
        }
    }
    // By its name it passes as ever: it may be what the form's own protection hangs on.
    gate.browser()
        .send("GET", "/login", &[("cookie", "sid=0123456789abcdef")], b"");
    assert_eq!(
        portal.app.last().head.field("cookie"),
        Some("sid=0123456789abcdef")
    );
}

#[test]
fn a_session_that_the_application_renews_takes_the_grant_along() {
    let portal = Legacy::default().start();
    let gate = bound(&portal);
    let mut browser = gate.browser();
    signed_in(&gate, &mut browser, "/login", "ann");
    browser.get("/home");
    for _ in 0..3 {
        let old = browser.jar[SID].clone();
        assert!(browser.get("/rotate").text().contains("Hello ann"));
        assert_ne!(browser.jar[SID], old);
        assert!(browser.get("/home").text().contains("Hello ann"));
        // What was on its way with the old one.
        let mut late = browser.clone();
        late.jar.insert(SID.to_owned(), old);
        gate.later(50);
        assert!(late.clone().get("/home").text().contains("Hello ann"));
        gate.later(15);
        let answer = late.get("/home");
        assert_eq!(
            (answer.status(), &*location(&answer)),
            (303, "/login"),
            "65 s later"
        );
        assert!(browser.get("/home").text().contains("Hello ann"));
    }
    assert_eq!(gate.sent(), 1);
}

#[test]
fn an_application_that_renews_its_session_on_every_page_is_no_trouble() {
    let portal = Legacy {
        rotates: true,
        ..Legacy::default()
    }
    .start();
    let gate = bound(&portal);
    let mut browser = gate.browser();
    let free = signed_in(&gate, &mut browser, "/login", "ann");
    follow(&mut browser, free);
    for n in 0..30 {
        assert!(
            browser.get("/home").text().contains("Hello ann"),
            "page {n}"
        );
        if n % 10 == 9 {
            gate.later(20 * 60);
        }
    }
    assert!(browser.get("/open/news").text().contains("Hello ann"));
    assert!(
        browser.get("/home").text().contains("Hello ann"),
        "whatever class renewed it"
    );
    assert_eq!(gate.sent(), 1);
}

/// Cookies have paths: not every request brings the session, and what it does not bring cannot be wrong.
#[test]
fn a_request_without_the_session_cookie_is_not_refused() {
    let portal = Legacy {
        path: "/app",
        session: Session::AtLogin,
        ..Legacy::default()
    }
    .start();
    let gate = bound(&portal);
    let mut browser = gate.browser();
    signed_in(&gate, &mut browser, "/login", "ann");
    let sid = browser.jar.remove(SID).unwrap();
    let from = portal.count();
    // The application has nothing to say to it, but it is the application that says so.
    let answer = browser.get("/elsewhere");
    assert_eq!((answer.status(), &*location(&answer)), (302, "/login"));
    assert_eq!(portal.count(), from + 1);
    browser.jar.insert(SID.to_owned(), sid);
    assert!(browser.get("/app/home").text().contains("Hello ann"));
    assert_eq!(gate.sent(), 1);
}

/// Without `auth_cookies` nothing is known of sessions, and changes of theirs are the application's business.
#[test]
fn where_no_session_cookie_is_named_changes_are_not_looked_at() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    signed_in(&gate, &mut browser, "/login", "ann");
    browser.get("/rotate");
    assert!(browser.get("/home").text().contains("Hello ann"));
    browser.jar.insert(
        SID.to_owned(),
        "0123456789abcdef0123456789abcdef".to_owned(),
    );
    assert_eq!(
        browser.get("/home").status(),
        302,
        "the application does not know it"
    );
    assert_eq!(gate.sent(), 1);
}

/// Applications that sign in on any page: under bob's grant nobody becomes ann by the way.
#[test]
fn g2_a_password_elsewhere_is_refused_under_a_grant() {
    let portal = Legacy {
        anywhere: true,
        fields: (Some("u"), "p"),
        ..Legacy::default()
    }
    .start();
    let gate = gate(&portal);
    let mut browser = granted(&gate, "bob");
    let from = portal.count();
    let login = form(&[("u", "ann"), ("p", PASSWORD)]);
    let folded = form(&[("u", "ann"), (" p", PASSWORD)]);
    let in_parts = parts(&[("u", "ann"), ("p", PASSWORD)]);
    let json = format!("{{\"u\": \"ann\", \"p\": \"{PASSWORD}\"}}");
    for (method, path, kind, body) in [
        ("GET", "/home?u=ann&p=x", FORM, &b""[..]),
        ("HEAD", "/home?p=x", FORM, b""),
        ("GET", "/home?a=b&%70=x", FORM, b""),
        ("GET", "/home?+p=x", FORM, b""),
        ("GET", "/home?p", FORM, b""),
        ("POST", "/home?p=x", FORM, b"a=b"),
        ("POST", "/home", FORM, &login),
        ("PUT", "/home", FORM, &login),
        ("POST", "/home", FORM, &folded),
        ("POST", "/home", FORM, b"a=b&p[]=x"),
        ("POST", "/home", PARTS, &in_parts),
        ("POST", "/home", "application/json", json.as_bytes()),
        ("POST", "/api/any", "application/json", b"{\"p\": 1}"),
        ("POST", "/public/news", FORM, &login),
    ] {
        let what = format!("{method} {path} {kind} {}", String::from_utf8_lossy(body));
        let answer = send(&mut browser.clone(), method, path, kind, body);
        assert_eq!(answer.status(), 403, "{what}: {}", answer.head.raw);
    }
    assert_eq!(portal.app.lines()[from..], [""; 0]);
    assert!(browser.get("/home").text().contains("Hello bob"));
    assert_eq!(gate.sent(), 1);
}

fn granted(gate: &Gate, user: &str) -> Browser {
    let mut browser = gate.browser();
    let shown = browser.get("/login");
    assert_eq!(shown.status(), 200);
    let answer = browser.post("/login", &[("u", user), ("p", PASSWORD)]);
    let page = asked(&answer);
    let free = released(&mut browser, &page, &gate.messages.code(1));
    follow(&mut browser, free);
    browser
}

#[test]
fn what_is_no_password_passes_under_a_grant_whole() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    signed_in(&gate, &mut browser, "/login", "ann");
    let upload: Vec<u8> = [
        &b"--line\r\nContent-Disposition: form-data; name=\"file\"; filename=\"password.txt\"\r\nContent-Type: text/plain\r\n\r\n"[..],
        &b"password=hunter2&name=\"password\"\r\n".repeat(10_000),
        b"\r\n--line--\r\n",
    ]
    .concat();
    let binary = vec![7; 100_000];
    let small: Vec<u8> = upload
        .iter()
        .copied()
        .take(20_000)
        .chain(*b"\r\n--line--\r\n")
        .collect();
    for (method, path, kind, body) in [
        ("POST", "/upload", PARTS, &*upload),
        ("POST", "/upload", PARTS, &small),
        ("PUT", "/file", "application/octet-stream", &binary),
        (
            "POST",
            "/save",
            FORM,
            b"passwords=1&my_password=2&old=password&x[password]=3",
        ),
        (
            "POST",
            "/save",
            "application/json",
            b"{\"a\": {\"text\": \"password\"}}",
        ),
        ("POST", "/save?passwords=1", FORM, b""),
    ] {
        let answer = send(&mut browser, method, path, kind, body);
        assert_eq!(answer.status(), 200, "{path} {kind}: {}", answer.text());
        let last = portal.app.last();
        assert!(last.body == body, "{path} {kind}");
        assert_eq!(last.head.field("content-type"), Some(kind));
    }
}

/// A header that signs in on any page would be a second login beside the captured one.
#[test]
fn authorization_is_taken_off_under_a_grant() {
    let portal = Legacy {
        basic: true,
        ..Legacy::default()
    }
    .start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    signed_in(&gate, &mut browser, "/login", "bob");
    let sid = browser.jar.remove(SID).unwrap();
    for basic in [
        "Basic YW5uOmNvcnJlY3QgaG9yc2UsIGJhdHRlcnk=",
        "Bearer abc",
        "basic x",
    ] {
        for path in ANYBODYS.iter().chain(&["/home", "/api/me", "/login"]) {
            let answer = browser.send("GET", path, &[("authorization", basic)], b"");
            assert!(!answer.text().contains("Hello ann"), "{path}");
        }
    }
    for seen in portal.app.seen() {
        assert_eq!(
            seen.head.field("authorization"),
            None,
            "{}",
            seen.head.first
        );
    }
    browser.jar.insert(SID.to_owned(), sid);
    assert!(browser.get("/home").text().contains("Hello bob"));
}

/// The application still knows somebody whom the gateway does not: it must not show through at its login page, nor
/// send them round and round.
#[test]
fn g1_a_session_that_outlived_its_grant_has_to_sign_in_again() {
    for signed_in_page in [SignedIn::Page, SignedIn::Away] {
        for capture in ["", "auth_cookies = [\"sid\"]"] {
            let portal = Legacy {
                signed_in: signed_in_page,
                ..Legacy::default()
            }
            .start();
            let gate = setup(&portal, capture).start();
            let mut browser = gate.browser();
            signed_in(&gate, &mut browser, "/login", "ann");
            let sid = browser.jar[SID].clone();
            gate.later(3 * 24 * 3600);
            let sent = browser.get("/home");
            assert_eq!(location(&sent), "/login");
            let seen = follow(&mut browser, sent);
            let words = seen.text().to_lowercase();
            assert!(!words.contains("hello"), "{words}");
            assert!(words.contains("sign in again"), "{words}");
            assert!(
                browser.jar.get(SID).is_none_or(String::is_empty),
                "{:?}",
                browser.jar
            );
            assert_eq!(seen.field("cache-control"), Some("no-store"));
            // The way on from there is the form, and through it everything.
            let free = signed_in(&gate, &mut browser, "/login", "ann");
            follow(&mut browser, free);
            assert!(see(&mut browser, "/home").contains("Hello ann"));
            assert_ne!(browser.jar[SID], sid);
        }
    }
}

/// Where a probe tells that somebody is signed in, whoever comes back after days gets the form at once, and one that
/// fits: its token is of the session that the login goes up with.
#[test]
fn who_comes_back_with_a_session_that_outlived_its_grant_signs_in_at_the_first_try() {
    for signed_in_page in [SignedIn::Page, SignedIn::Away] {
        for capture in ["", "auth_cookies = [\"sid\"]"] {
            let portal = Legacy {
                token: true,
                signed_in: signed_in_page,
                ..Legacy::default()
            }
            .start();
            let gate = setup(&portal, &format!("probe = \"/home\"\n{capture}")).start();
            let mut browser = gate.browser();
            signed_in(&gate, &mut browser, "/login", "ann");
            let sid = browser.jar[SID].clone();
            gate.later(3 * 24 * 3600);
            assert_eq!(location(&browser.get("/home")), "/login");
            let free = signed_in(&gate, &mut browser, "/login", "ann");
            follow(&mut browser, free);
            assert!(see(&mut browser, "/home").contains("Hello ann"));
            assert_ne!(browser.jar[SID], sid);
        }
    }
}

/// And who sends a form of that old session gets another, in a session that stays.
#[test]
fn a_form_of_a_session_that_outlived_its_grant_fails_once_and_not_again() {
    let portal = Legacy {
        token: true,
        ..Legacy::default()
    }
    .start();
    let gate = setup(&portal, "probe = \"/home\"\nauth_cookies = [\"sid\"]").start();
    let mut browser = gate.browser();
    signed_in(&gate, &mut browser, "/login", "ann");
    gate.later(3 * 24 * 3600);
    let stale = post(&mut browser, "ann", PASSWORD);
    assert_eq!(stale.status(), 403, "{}", stale.text());
    let next = super::submit(&mut browser, "/login", &stale, "ann", PASSWORD);
    asked(&next);
}

/// A session that the gateway has seen given to a stranger needs no probe when its page is looked at again.
#[test]
fn the_login_page_costs_a_stranger_no_more_requests_than_it_would() {
    let portal = Legacy::default().start();
    let gate = setup(&portal, "probe = \"/home\"\nauth_cookies = [\"sid\"]").start();
    let mut browser = gate.browser();
    for _ in 0..3 {
        assert!(browser.get("/login").text().contains("Log in"));
    }
    assert!(browser.jar.contains_key(SID));
    assert_eq!(portal.app.lines(), ["GET /login HTTP/1.1"; 3]);
}

/// The same for a browser that has lost its grant, or that never had one: a stolen session is no way in.
#[test]
fn g1_a_session_without_a_grant_shows_nothing_at_the_login_page() {
    let portal = switching().start();
    let gate = gate(&portal);
    let mut hers = gate.browser();
    signed_in(&gate, &mut hers, "/login", "ann");
    let thief = with_cookie(&gate, SID, &hers.jar[SID]);
    for method in ["GET", "HEAD"] {
        let answer = thief.clone().send(method, "/login", &[], b"");
        assert!(!answer.text().contains("Hello ann"), "{}", answer.text());
        assert!(
            theirs(&answer)
                .iter()
                .all(|line| line.contains("Max-Age=0") || line.contains("Expires="))
        );
    }
    assert_eq!(location(&thief.clone().get("/home")), "/login");
    // It costs her nothing.
    assert!(hers.get("/home").text().contains("Hello ann"));
    assert!(
        hers.get("/login")
            .text()
            .contains("Hello ann, this is /login")
    );
}

/// Logging in over a session that waits, that ran out or that somebody else left behind: the form is always there.
#[test]
fn the_login_page_is_there_for_everybody_who_needs_it() {
    let portal = Legacy {
        token: true,
        ..Legacy::in_place()
    }
    .start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let mut page = String::new();
    for user in ["ann", "bob", "ann"] {
        page = asked(&log_in(&mut browser, "/login", user, PASSWORD));
    }
    assert_eq!(gate.sent(), 2, "hers goes on");
    let free = released(&mut browser, &page, &gate.messages.code(1));
    follow(&mut browser, free);
    assert!(see(&mut browser, "/home").contains("Hello ann"));
}

/// What is left of a cookie that was taken away without a date, as Adminer does: no session, and everybody's.
#[test]
fn g2_a_session_cookie_that_is_empty_is_no_session() {
    let portal = Legacy::default().start();
    let gate = bound(&portal);
    let mut hers = gate.browser();
    signed_in(&gate, &mut hers, "/login", "ann");
    let mut his = gate.browser();
    signed_in(&gate, &mut his, "/login", "bob");
    let own = his.jar[SID].clone();
    let ours = {
        let mut bare = his.clone();
        bare.jar.remove(SID);
        bare.cookies().unwrap()
    };
    let with = |cookies: &str| {
        let fields = [
            ("cookie", cookies),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        gate.browser().send("GET", "/home", &fields, b"")
    };
    // It goes up as what it is: his grant is none the less for it, and nobody is signed in by it.
    let from = portal.count();
    let answer = with(&format!("{ours}; sid="));
    assert_eq!((answer.status(), &*location(&answer)), (302, "/login"));
    assert_eq!(portal.count(), from + 1);
    for both in [format!("sid={own}; sid="), format!("sid=; sid={own}")] {
        let from = portal.count();
        with(&format!("{ours}; {both}"));
        assert_eq!(portal.count(), from + 1, "{both}");
    }
    // Beside hers, or in a guise that some server takes for a value, it takes nobody past his grant.
    for odd in [
        format!("sid=; sid={}", hers.jar[SID]),
        format!("sid={}; sid=", hers.jar[SID]),
        format!("sid=, sid={}", hers.jar[SID]),
        format!("sid=; SID={}", hers.jar[SID]),
        "sid=\"\"".to_owned(),
        "sid=%20".to_owned(),
    ] {
        let from = portal.count();
        let answer = with(&format!("{ours}; {odd}"));
        assert!(!answer.text().contains("Hello"), "{odd}: {}", answer.text());
        assert_eq!(portal.count(), from, "{odd}");
    }
}

/// Nor is it kept back with a login that waits: it would lock out everybody who has it.
#[test]
fn g3_an_empty_session_cookie_is_kept_back_for_nobody() {
    let portal = Legacy::default().start();
    let gate = bound(&portal);
    let mut waiting = gate.browser();
    waiting.jar.insert(SID.to_owned(), String::new());
    asked(&post(&mut waiting, "ann", PASSWORD));
    let mut other = gate.browser();
    other.jar.insert(SID.to_owned(), String::new());
    let from = portal.count();
    assert_eq!(other.get("/open/news").status(), 200);
    let up = portal.brought("sid=", from);
    assert_eq!(up.len(), 1, "it goes up like any other");
}
