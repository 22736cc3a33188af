//! Small promises of a capture, each of which could be broken without any of the longer stories noticing.

use std::io::Write;

use super::{
    CLASSES, FORM, LIMITS, asked, bound, direct, follow, form, gate, location, log_in, parts,
    pending, released, see, send, setup, signed_in, text, theirs, with_cookie,
};
use crate::support::app::{App, Asleep, Recorded};
use crate::support::browser::{Browser, token};
use crate::support::gate::{Gate, Setup};
use crate::support::legacy::{Legacy, PASSWORD, SID, SignedIn, Success, WRONG};
use crate::support::wire::Answer;

/// A session of the application, as long as real ones.
const SESSION: &str = "0123456789abcdef0123456789abcdef";

/// The login page of an application that a test scripts.
const LOGIN: &str = "<form method=\"post\"><input name=\"username\"><input type=\"password\" name=\"password\"></form>";

/// An application that says this to a request; nothing at all ends the connection.
fn says(answer: impl Fn(&Recorded) -> String + Send + Sync + 'static) -> App {
    App::scripted(move |request, stream| {
        let answer = answer(request);
        !answer.is_empty() && stream.get_mut().write_all(answer.as_bytes()).is_ok()
    })
}

/// An answer with these fields, and a page.
fn reply(status: &str, fields: &[&str], page: &str) -> String {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let length = page.len();
    format!(
        "HTTP/1.1 {status}\r\n{fields}Content-Type: text/html\r\nContent-Length: {length}\r\n\r\n{page}"
    )
}

fn is(request: &Recorded, line: &str) -> bool {
    request.head.first == format!("{line} HTTP/1.1")
}

/// As [`setup`], before an application that a test scripts.
fn before(url: &str, capture: &str) -> Gate {
    Setup::new(url)
        .with(LIMITS)
        .raw_routes(&format!(
            "{CLASSES}[[sites.app.routes]]\npath = \"/login\"\ncapture = \"form\"\n\
             [sites.app.captures.form]\nscope = \"login\"\nusername = \"username\"\npassword = \"password\"\n{capture}\n"
        ))
        .start()
}

fn post(browser: &mut Browser, user: &str, password: &str) -> Answer {
    browser.post("/login", &[("username", user), ("password", password)])
}

/// A browser that has signed in and seen where that leads.
fn inside(gate: &Gate, user: &str) -> Browser {
    let mut browser = gate.browser();
    let free = signed_in(gate, &mut browser, "/login", user);
    follow(&mut browser, free);
    browser
}

/// Whether an answer makes the browser forget this cookie.
fn forgets(answer: &Answer, name: &str) -> bool {
    let gone = |line: &&str| line.starts_with(&format!("{name}=;")) && line.contains("Max-Age=0");
    answer.head.all("set-cookie").iter().any(gone)
}

fn says_sign_in_again(answer: &Answer) -> bool {
    answer.status() == 200 && answer.text().to_lowercase().contains("sign in again")
}

/// A grant moves along with an answer only if nobody could have signed in with the request: a body that was not read
/// whole, or is packed, may have been a login as somebody else.
#[test]
fn g2_a_grant_moves_along_only_with_what_was_searched() {
    let portal = Legacy {
        rotates: true,
        ..Legacy::default()
    }
    .start();
    let gate = bound(&portal);
    let long = vec![b'x'; 100_000];
    for (path, fields, body, moves) in [
        ("/save", &[("content-type", FORM)][..], &b"a=b"[..], true),
        ("/save", &[("content-type", "text/plain")], &*long, false),
        (
            "/save",
            &[("content-type", FORM), ("content-encoding", "gzip")],
            b"a=b",
            false,
        ),
        ("/open/save", &[("content-type", FORM)], b"a=b", true),
    ] {
        let mut browser = inside(&gate, "ann");
        let session = browser.jar[SID].clone();
        let saved = browser.send("POST", path, fields, body);
        assert!(
            saved.text().contains("Hello ann"),
            "{path} {fields:?}: {}",
            saved.text()
        );
        assert_ne!(browser.jar[SID], session);
        let next = browser.get("/home");
        let expected = if moves { 200 } else { 303 };
        assert_eq!(next.status(), expected, "{path} {fields:?}");
    }
}

/// Where a login page leads: another origin, a page that is open to all, or into what only a session opens.
#[test]
fn g1_a_login_page_may_lead_away_and_not_inside() {
    for (to, shown) in [
        ("https://sso.example/start", true),
        ("/public/start", true),
        ("/open/start", true),
        ("/home", false),
        ("/", false),
    ] {
        let app = says(move |_| reply("302 Found", &[&format!("Location: {to}")], ""));
        let gate = before(&app.url(), "");
        let answer = with_cookie(&gate, SID, SESSION).get("/login");
        if shown {
            assert_eq!((answer.status(), answer.field("location")), (302, Some(to)));
        } else {
            assert!(says_sign_in_again(&answer), "{to}: {}", answer.head.raw);
            assert!(forgets(&answer, SID), "{to}: {}", answer.head.raw);
        }
    }
}

/// Both clicks on the button of one login page come from one browser, so it has its secret before the first.
#[test]
fn c2_the_login_page_brings_a_secret_once() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    browser.get("/login");
    let secret = browser.cookie("").expect("a secret").to_owned();
    browser.get("/login");
    assert_eq!(browser.cookie(""), Some(&*secret));
}

/// A password that never left keeps nothing back; one that was on its way when the connection broke may have signed
/// somebody in.
#[test]
fn g3_only_a_login_that_did_not_leave_keeps_nothing_back() {
    let breaks = says(|request| {
        if is(request, "POST /login") {
            String::new()
        } else {
            reply("200 OK", &[], LOGIN)
        }
    });
    let asleep = Asleep::new();
    for (url, kept) in [(asleep.url(), false), (breaks.url(), true)] {
        let gate = before(&url, "");
        let mut browser = with_cookie(&gate, SID, SESSION);
        let failed = post(&mut browser, "ann", PASSWORD);
        assert!(failed.status() >= 500, "{}", failed.head.raw);
        let store = &gate.running().flow().store;
        assert_eq!(!store.quarantine.is_empty(), kept, "{url}");
        assert!(store.holds.is_empty(), "{url}");
    }
}

/// A session that was ann's went into bob's login and came out as it was. Nobody can tell whose it is: she is out, he
/// is not in, and it opens nothing any more.
#[test]
fn g2_a_session_that_could_be_anybodys_is_given_to_nobody() {
    let portal = Legacy::in_place().start();
    let gate = bound(&portal);
    let mut browser = inside(&gate, "ann");
    let mut late = browser.clone();
    let session = browser.jar[SID].clone();
    let answer = post(&mut browser, "bob", PASSWORD);
    assert!(says_sign_in_again(&answer), "{}", answer.head.raw);
    assert_eq!(gate.sent(), 1, "nobody's phone rings");
    assert_eq!(browser.cookie("-login"), None, "her grant is taken back");
    assert!(!browser.jar.contains_key(SID));
    // And it has ended: without the session, which a request need not bring, it would still count.
    late.jar.remove(SID);
    let from = portal.count();
    assert_eq!(location(&late.get("/home")), "/login");
    assert_eq!(portal.count(), from);
    let thief = with_cookie(&gate, SID, &session);
    for path in ["/open/news", "/lost", "/login"] {
        let shown = thief.clone().get(path).text();
        assert!(
            !shown.contains("Hello ann") && !shown.contains("Hello bob"),
            "{path}"
        );
    }
    assert_eq!(portal.brought(&session, from), [""; 0]);
}

/// A session that waits goes up with the next login of the same person, who may have clicked twice, and with nobody
/// else's.
#[test]
fn g2_a_session_that_waits_goes_up_with_logins_of_its_own_person_only() {
    let portal = Legacy::in_place().start();
    let gate = bound(&portal);
    let mut hers = gate.browser();
    pending(&gate, &mut hers, "/login", "ann");
    let session = hers.jar[SID].clone();
    let goes_up = |browser: &Browser, user| {
        post(&mut browser.clone(), user, PASSWORD);
        let login = portal.logins().pop().unwrap();
        let cookies = login.head.field("cookie").unwrap_or_default().to_owned();
        cookies.contains(&session)
    };
    assert!(goes_up(&hers, "ann"), "a double click");
    assert!(!goes_up(&hers, "bob"), "somebody else in her browser");
    let mut his = gate.browser();
    his.get("/login");
    his.jar.insert(SID.to_owned(), session.clone());
    assert!(!goes_up(&his, "ann"), "her name in another browser");
}

/// Where a probe tells that the browser is signed in already, the login goes without that session, and with everything
/// else.
#[test]
fn g2_a_login_goes_up_without_the_session_of_whoever_was_signed_in() {
    let portal = Legacy::in_place().start();
    let gate = setup(&portal, "probe = \"/private/profile\"").start();
    let mut outside = direct(&portal);
    outside.get("/login");
    post(&mut outside, "ann", PASSWORD);
    let hers = outside.jar[SID].clone();
    assert_eq!(portal.sessions_of("ann"), std::slice::from_ref(&hers));
    for password in ["wrong", PASSWORD] {
        let mut browser = with_cookie(&gate, SID, &hers);
        browser.jar.insert("lang".to_owned(), "de".to_owned());
        let answer = post(&mut browser, "bob", password);
        let login = portal.logins().pop().unwrap();
        assert_eq!(login.head.field("cookie"), Some("lang=de"), "{password}");
        if password == PASSWORD {
            let page = asked(&answer);
            let free = released(&mut browser, &page, &gate.messages.code(1));
            follow(&mut browser, free);
            assert!(see(&mut browser, "/home").contains("Hello bob"));
        } else {
            assert!(forgets(&answer, SID), "the next try would meet it again");
        }
        assert_eq!(
            portal.sessions_of("ann"),
            std::slice::from_ref(&hers),
            "untouched"
        );
    }
}

/// Somebody with a grant who fails as somebody else stays who they are.
#[test]
fn a_failed_login_under_a_grant_takes_no_session_away() {
    let portal = Legacy::in_place().start();
    let gate = setup(&portal, "probe = \"/private/profile\"").start();
    let mut browser = inside(&gate, "ann");
    let refused = post(&mut browser, "bob", "wrong");
    assert!(!forgets(&refused, SID), "{}", refused.head.raw);
    assert!(see(&mut browser, "/home").contains("Hello ann"));
}

/// The password is in and the answer to it is there: whatever the probe does, the visitor gets on.
#[test]
fn a1_a_probe_that_never_answers_leaves_a_login_in_doubt() {
    let (_holds, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let app = says(move |request| {
        if is(request, "POST /login") {
            let session = format!("Set-Cookie: sid={SESSION}");
            reply("302 Found", &["Location: /home", &session], "")
        } else if is(request, "GET /private/profile") {
            // Until the test is over.
            let _ = held.lock().unwrap().recv();
            String::new()
        } else {
            reply("200 OK", &[], LOGIN)
        }
    });
    let gate = before(&app.url(), "probe = \"/private/profile\"");
    let mut browser = gate.browser();
    let page = asked(&post(&mut browser, "ann", PASSWORD));
    let shown = browser.get(&page).text();
    assert!(!shown.contains("••43"), "{shown}");
}

/// What the probe sets belongs to the login; and a probe that breaks off has not said no.
#[test]
fn s7_a_probe_may_set_a_cookie_and_may_fail() {
    for answers in [true, false] {
        let app = says(move |request| {
            if is(request, "POST /login") {
                let session = format!("Set-Cookie: sid={SESSION}");
                reply("302 Found", &["Location: /home", &session], "")
            } else if !is(request, "GET /private/profile") {
                reply("200 OK", &[], LOGIN)
            } else if answers {
                reply("200 OK", &["Set-Cookie: seen=1; Path=/"], "Profile")
            } else {
                String::new()
            }
        });
        let gate = before(&app.url(), "probe = \"/private/profile\"");
        let mut browser = gate.browser();
        let page = asked(&post(&mut browser, "ann", PASSWORD));
        let shown = browser.get(&page).text();
        assert_eq!(shown.contains("••43"), answers, "{shown}");
        let free = released(&mut browser, &page, &gate.messages.code(1));
        // It stays where it was set: the browser gets it elsewhere.
        let session = format!("sid={SESSION}; Path=/");
        let expected: &[&str] = if answers {
            &[&session, "seen=1; Path=/"]
        } else {
            &[&session]
        };
        assert_eq!(theirs(&free), expected);
    }
}

/// A wrong password leaves a session nobody's: the next one may be right.
#[test]
fn g2_a_session_stays_nobodys_over_a_wrong_password() {
    let portal = Legacy::in_place().start();
    let gate = bound(&portal);
    let mut browser = gate.browser();
    browser.get("/login");
    let session = browser.jar[SID].clone();
    for _ in 0..2 {
        post(&mut browser, "ann", "wrong");
    }
    assert_eq!(browser.jar[SID], session);
    asked(&post(&mut browser, "ann", PASSWORD));
    // One that began with the wrong password.
    let app = says(|request| {
        let body = String::from_utf8_lossy(&request.body);
        match (is(request, "POST /login"), body.contains("wrong")) {
            (true, true) => reply("200 OK", &[&format!("Set-Cookie: sid={SESSION}")], LOGIN),
            (true, false) => reply("302 Found", &["Location: /home"], ""),
            (false, _) => reply("200 OK", &[], "Home"),
        }
    });
    let gate = before(&app.url(), "auth_cookies = [\"sid\"]");
    let mut browser = gate.browser();
    assert_eq!(post(&mut browser, "ann", "wrong").status(), 200);
    assert_eq!(browser.jar[SID], SESSION);
    asked(&post(&mut browser, "ann", PASSWORD));
}

/// A session that was elevated in place comes back with the release, if another look at the login page has cost the
/// browser its cookie; and nothing comes back that is no session, or that the browser still has.
#[test]
fn s7_what_a_login_rests_on_comes_back_once_if_it_was_lost() {
    for capture in ["", "auth_cookies = [\"sid\"]"] {
        for lost in [true, false] {
            let portal = Legacy::in_place().start();
            let gate = setup(&portal, capture).start();
            let mut browser = with_cookie(&gate, "lang", "de");
            let (page, code) = pending(&gate, &mut browser, "/login", "ann");
            let session = browser.jar[SID].clone();
            if lost {
                browser.get("/login");
                assert_ne!(browser.jar[SID], session, "the page gave it another");
                browser.jar.remove("lang");
            }
            let free = released(&mut browser, &page, &code);
            let back = format!("sid={session}; Path=/; HttpOnly; SameSite=Lax");
            let expected: &[&str] = if lost { &[&back] } else { &[] };
            assert_eq!(theirs(&free), expected, "{capture}");
            for own in ["__Host-countersign-app=", "__Host-countersign-app-login="] {
                let all = free.head.all("set-cookie").into_iter();
                let own = all.filter(|line| line.starts_with(own));
                assert_eq!(own.count(), 1, "{}", free.head.raw);
            }
            assert_eq!(browser.jar[SID], session);
            assert!(see(&mut browser, "/home").contains("Hello ann"));
        }
    }
}

/// What the application has set anew, or taken away, is its own word, and nothing of before comes beside it.
#[test]
fn s7_what_the_answers_say_of_a_cookie_counts_alone() {
    const OLD: &str = "fedcba9876543210fedcba9876543210";
    let set = [
        format!("sid={SESSION}; Path=/app"),
        "old=; Path=/; Max-Age=0".to_owned(),
    ];
    let own = set.clone();
    let app = says(move |request| {
        if is(request, "POST /login") {
            let [sid, old] = own.clone().map(|line| format!("Set-Cookie: {line}"));
            reply("302 Found", &["Location: /home", &sid, &old], "")
        } else {
            reply("200 OK", &[], "Home")
        }
    });
    let gate = before(&app.url(), "");
    let mut browser = with_cookie(&gate, SID, SESSION);
    browser.jar.insert("old".to_owned(), OLD.to_owned());
    let page = asked(&post(&mut browser, "ann", PASSWORD));
    browser.jar.remove(SID);
    browser.jar.remove("old");
    let free = released(&mut browser, &page, &gate.messages.code(1));
    assert_eq!(theirs(&free), set);
}

/// The place within a page that a login leads to survives the code.
#[test]
fn a_way_into_the_middle_of_a_page_is_released_whole() {
    let portal = Legacy {
        status: 307,
        to: "/home#news",
        ..Legacy::default()
    }
    .start();
    let gate = gate(&portal);
    let free = signed_in(&gate, &mut gate.browser(), "/login", "ann");
    assert_eq!(location(&free), "/home#news");
}

/// Somebody who is signed in may upload to the address of the login page; anybody else's body is too long to be told
/// from a login.
#[test]
fn g1_an_upload_to_the_login_page_needs_the_grant_of_the_login() {
    let portal = Legacy {
        signed_in: SignedIn::Page,
        ..Legacy::default()
    }
    .start();
    let gate = gate(&portal);
    let mut browser = inside(&gate, "ann");
    browser.pass_step_up("/admin", &gate.messages);
    let mut other = browser.clone();
    other.jar.remove("__Host-countersign-app-login");
    assert!(other.cookie("-admin").is_some());
    let upload = vec![b'x'; 100_000];
    let from = portal.count();
    for mut stranger in [gate.browser(), other] {
        let refused = send(&mut stranger, "POST", "/login", "text/plain", &upload);
        assert_eq!(refused.status(), 400, "{}", refused.head.raw);
    }
    assert_eq!(portal.count(), from);
    let taken = send(&mut browser, "POST", "/login", "text/plain", &upload);
    assert_eq!(taken.status(), 200, "{}", taken.text());
    assert!(portal.app.last().body == upload);
}

/// A form that is too long to be read may say anything: a route that closes by what it says is closed.
#[test]
fn r2_a_condition_behind_the_part_that_is_read_holds() {
    let portal = Legacy::default().start();
    let gate = Setup::new(&portal.url())
        .with(LIMITS)
        .raw_routes(
            "[[sites.app.routes]]\npath = \"/save\"\nform = { do = \"admin\" }\nrequire = \"admin\"\n\
             [[sites.app.routes]]\npath = \"/login\"\ncapture = \"form\"\n\
             [sites.app.captures.form]\nscope = \"login\"\nusername = \"username\"\npassword = \"password\"\n",
        )
        .start();
    let mut browser = inside(&gate, "ann");
    let padding = "x".repeat(70_000);
    let short = form(&[("do", "show")]);
    let long = form(&[("padding", &padding), ("do", "admin")]);
    let shown = send(&mut browser, "POST", "/save", FORM, &short);
    assert_eq!(shown.status(), 200, "{}", shown.text());
    let from = portal.count();
    let asked = send(&mut browser, "POST", "/save", FORM, &long);
    assert_eq!(asked.status(), 303, "{}", asked.head.raw);
    assert_eq!(portal.count(), from);
}

/// A page that waits is for the GET that comes for it: a form posted to the same address goes to the application.
#[test]
fn s7_a_page_that_waits_is_no_answer_to_a_form() {
    let portal = Legacy {
        success: Success::Page(100),
        ..Legacy::default()
    }
    .start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let (page, code) = pending(&gate, &mut browser, "/login", "ann");
    let free = released(&mut browser, &page, &code);
    let at = location(&free);
    let posted = browser.clone().post(&at, &[("a", "b")]);
    assert!(!posted.text().contains("Welcome"), "{}", posted.text());
    assert_eq!(portal.app.last().body, b"a=b");
    assert!(browser.get(&at).text().contains("Welcome ann"));
}

/// A grant that has ended is nothing: what it once knew is no reason to take a session away.
#[test]
fn s5_a_grant_that_was_signed_out_takes_no_session_away() {
    let portal = Legacy::default().start();
    let gate = bound(&portal);
    let mut browser = inside(&gate, "ann");
    let mut out = browser.clone();
    browser.jar.insert(SID.to_owned(), SESSION.to_owned());
    let unknown = browser.clone().get("/home");
    assert!(forgets(&unknown, SID), "{}", unknown.head.raw);
    let shown = out.get("/.countersign/sign-out");
    out.post("/.countersign/sign-out", &[("token", &token(&shown))]);
    let ended = browser.get("/home");
    assert_eq!(location(&ended), "/login");
    assert!(!forgets(&ended, SID), "{}", ended.head.raw);
}

/// Who logs in as somebody else loses what the first one had in this browser, at once and not with the code.
#[test]
fn a_login_as_somebody_else_takes_the_grant_back_at_once() {
    let portal = Legacy {
        signed_in: SignedIn::Page,
        ..Legacy::default()
    }
    .start();
    let gate = gate(&portal);
    let mut browser = inside(&gate, "ann");
    assert!(browser.cookie("-login").is_some());
    asked(&post(&mut browser, "bob", PASSWORD));
    assert_eq!(browser.cookie("-login"), None);
}

/// People have several names and are one: a grant that was earned under one of them counts under all.
#[test]
fn a_grant_is_for_the_person_and_not_for_the_name_that_they_typed() {
    let portal = Legacy {
        signed_in: SignedIn::Page,
        ..Legacy::default()
    }
    .start();
    let gate = gate(&portal);
    let mut browser = inside(&gate, "Ann@Example.com");
    let through = post(&mut browser, "ann", PASSWORD);
    assert_eq!((through.status(), &*location(&through)), (302, "/home"));
    assert_eq!(gate.sent(), 1);
}

/// What was kept back for a wrong password is free at once, whatever kind of form it came in.
#[test]
fn g3_a_wrong_password_in_parts_keeps_nothing_back() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    browser.get("/login");
    let body = parts(&[("username", "ann"), ("password", "wrong")]);
    let refused = send(&mut browser, "POST", "/login", super::PARTS, &body);
    assert!(text(&refused).contains(WRONG));
    assert!(gate.running().flow().store.quarantine.is_empty());
    asked(&log_in(&mut browser, "/login", "ann", PASSWORD));
}
