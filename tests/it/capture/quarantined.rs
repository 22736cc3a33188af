//! Cookies of a login that waits for its code: they open nothing, whoever brings them (design section 3, *quarantine*).

use std::sync::mpsc;

use super::{
    ANYBODYS, FORM, asked, bound, follow, form, gate, location, log_in, pending, released, see,
    send, setup, signed_in, theirs, with_cookie,
};
use crate::support::bare::wait;
use crate::support::browser::{Browser, path_of};
use crate::support::gate::{Gate, other_than};
use crate::support::legacy::{LOGGED_IN, Legacy, PASSWORD, Portal, SID, Session, Success, TEST};
use crate::support::wire::Answer;

const HOUR: u64 = 3600;

/// The session cookie that the application takes for `ann`: the newest that it was brought.
fn elevated(portal: &Portal) -> String {
    let all = portal.app.seen().into_iter().rev();
    let mut cookies = all.filter_map(|one| one.head.field("cookie").map(str::to_owned));
    let cookies = cookies.find(|all| all.contains("sid=")).unwrap();
    let (_, rest) = cookies.split_once("sid=").unwrap();
    rest.split(';').next().unwrap().to_owned()
}

/// What `browser` gets on a page, with the answer's cookies thrown away.
fn look(browser: &Browser, path: &str) -> Answer {
    browser.clone().get(path)
}

/// This cookie, in any of these browsers, shows nothing of ann's and does not even get to the application.
fn opens_nothing(portal: &Portal, name: &str, value: &str, browsers: &[&Browser]) {
    let from = portal.count();
    for browser in browsers {
        let mut browser = (*browser).clone();
        browser.jar.insert(name.to_owned(), value.to_owned());
        let paths = ["/home", "/", "/private", "/login", "/admin", "/step/1"];
        for path in ANYBODYS.iter().chain(&paths) {
            let answer = look(&browser, path);
            assert!(!answer.text().contains("Hello ann"), "{path}");
            for method in ["HEAD", "POST", "PUT"] {
                let answer = send(&mut browser.clone(), method, path, FORM, b"a=b");
                assert!(!answer.text().contains("Hello ann"), "{method} {path}");
            }
        }
        assert_eq!(portal.brought(value, from), [""; 0]);
    }
}

/// As [`opens_nothing`], and it does once the code was there.
#[test]
fn g1_a_session_that_waits_for_its_code_opens_nothing_and_afterwards_everything() {
    for manner in [
        Legacy::default(),
        Legacy::in_place(),
        Legacy::one_script(),
        Legacy {
            success: Success::Page(100),
            ..Legacy::in_place()
        },
        Legacy {
            session: Session::AtLogin,
            ..Legacy::default()
        },
    ] {
        for capture in ["", "auth_cookies = [\"sid\"]", "probe = \"/home\""] {
            let portal = manner.start();
            let gate = setup(&portal, capture).start();
            let mut browser = gate.browser();
            let (page, code) = pending(&gate, &mut browser, manner.at, "ann");
            let before = browser.jar.get(SID).cloned();
            let sid = elevated(&portal);
            let stranger = gate.browser();
            for value in before.iter().chain([&sid]) {
                opens_nothing(&portal, SID, value, &[&stranger, &browser]);
            }
            let free = released(&mut browser, &page, &code);
            let from = portal.count();
            follow(&mut browser, free);
            assert!(see(&mut browser, "/home").contains("Hello ann, this is /home"));
            let brought = browser.jar[SID].clone();
            assert!(look(&browser, "/open/news").text().contains("Hello ann"));
            assert!(look(&browser, "/lost").text().contains("Hello ann"));
            assert!(portal.brought(&brought, from).len() >= 3);
            // It was the code that did it, and not the time: she is signed in everywhere that takes cookies.
            let elsewhere = with_cookie(&gate, SID, &brought);
            assert!(look(&elsewhere, "/open/news").text().contains("Hello ann"));
            assert_eq!(
                location(&look(&elsewhere, "/private")),
                location(&look(&stranger, "/private"))
            );
        }
    }
}

/// Some applications elevate the cookie first and answer a good while later.
#[test]
fn g1_the_quarantine_begins_before_the_application_answers() {
    let portal = Legacy {
        success: Success::Page(100),
        ..Legacy::in_place()
    }
    .start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let shown = browser.get("/login");
    let sid = browser.jar[SID].clone();
    let thief = with_cookie(&gate, SID, &sid);
    let (told, hears) = mpsc::channel();
    portal.meanwhile(move || {
        for path in ANYBODYS {
            told.send(look(&thief, path).text()).unwrap();
        }
    });
    let from = portal.count();
    asked(&super::submit(
        &mut browser,
        "/login",
        &shown,
        "ann",
        PASSWORD,
    ));
    for _ in ANYBODYS {
        let text = wait(&hears);
        assert!(text.contains("Hello stranger"), "{text}");
    }
    assert_eq!(portal.brought(&sid, from), [""; 0]);
}

/// How a login ends that gets no right code.
type End = fn(&Gate, &mut Browser, &str, &str);

const ENDS: [(&str, End); 3] = [
    ("cancelled", |_, browser, page, _| {
        let out = browser.press(page, "cancel");
        assert_eq!(out.status(), 303);
        assert!(
            browser.jar.get(SID).is_none_or(String::is_empty),
            "{:?}",
            browser.jar
        );
    }),
    ("five wrong codes", |_, browser, page, code| {
        for _ in 0..5 {
            assert!(
                theirs(&browser.answer(page, &other_than(code)))
                    .iter()
                    .all(|line| expires(line))
            );
        }
        assert!(browser.get(page).text().contains("Too many wrong codes"));
        let late = browser.answer(page, code);
        assert!(theirs(&late).iter().all(|line| expires(line)));
    }),
    ("expired", |gate, browser, page, code| {
        gate.later(5 * 60 + 1);
        let late = browser.answer(page, code);
        assert!(
            theirs(&late).iter().all(|line| expires(line)),
            "{}",
            late.head.raw
        );
        gate.later(10 * 60);
        assert_eq!(browser.get(page).status(), 410);
    }),
];

fn expires(line: &str) -> bool {
    line.contains("Max-Age=0") || line.contains("Expires=Thu, 01 Jan 1970")
}

#[test]
fn a_login_that_was_given_up_leaves_no_cookie_that_works_for_a_day() {
    for (what, end) in ENDS {
        for manner in [Legacy::default(), Legacy::in_place()] {
            let portal = manner.start();
            let gate = gate(&portal);
            let mut browser = gate.browser();
            let (page, code) = pending(&gate, &mut browser, "/login", "ann");
            let before = browser.jar[SID].clone();
            let sid = elevated(&portal);
            end(&gate, &mut browser, &page, &code);
            for hours in [0, 12, 11] {
                gate.later(hours * HOUR);
                for value in [&before, &sid] {
                    opens_nothing(&portal, SID, value, &[&gate.browser(), &browser]);
                }
            }
            // It is kept back for a day and not for ever: by then the application has long forgotten it.
            gate.later(2 * HOUR);
            let from = portal.count();
            look(&with_cookie(&gate, SID, &sid), "/open/news");
            assert_eq!(portal.brought(&sid, from).len(), 1, "{what}");
        }
    }
}

/// The next login of the same person works, whatever became of the one before.
#[test]
fn a_login_that_was_given_up_does_not_stand_in_the_way_of_the_next() {
    for (what, end) in ENDS {
        for manner in [
            Legacy {
                token: true,
                ..Legacy::default()
            },
            Legacy {
                token: true,
                ..Legacy::in_place()
            },
        ] {
            let portal = manner.start();
            let gate = gate(&portal);
            let mut browser = gate.browser();
            let (page, code) = pending(&gate, &mut browser, "/login", "ann");
            end(&gate, &mut browser, &page, &code);
            let free = signed_in(&gate, &mut browser, "/login", "ann");
            follow(&mut browser, free);
            assert!(see(&mut browser, "/home").contains("Hello ann"), "{what}");
        }
    }
}

#[test]
fn a4_a_restart_does_not_let_go_what_was_kept_back() {
    for manner in [Legacy::default(), Legacy::in_place()] {
        let portal = manner.start();
        let gate = gate(&portal);
        let mut browser = gate.browser();
        pending(&gate, &mut browser, "/login", "ann");
        let before = browser.jar[SID].clone();
        let sid = elevated(&portal);
        let gate = gate.restart();
        let browser = browser.at(gate.address);
        for value in [&before, &sid] {
            opens_nothing(&portal, SID, value, &[&gate.browser(), &browser]);
        }
        let gate = gate.restart();
        opens_nothing(&portal, SID, &sid, &[&gate.browser()]);
    }
}

#[test]
fn other_cookies_of_the_browser_go_on_meanwhile() {
    let portal = Legacy::in_place().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    browser.jar.insert("lang".to_owned(), "de".to_owned());
    browser.jar.insert("zz".to_owned(), "\"a b\"".to_owned());
    pending(&gate, &mut browser, "/login", "ann");
    look(&browser, "/open/news");
    assert_eq!(
        portal.app.last().head.field("cookie"),
        Some("lang=de; zz=\"a b\"")
    );
    look(&browser, "/public/news");
    assert_eq!(portal.app.last().head.field("cookie"), None);
}

/// The value of a test cookie is the same in every browser in the world: one login that waits must not lock out others.
#[test]
fn g3_a_cookie_that_everybody_has_locks_out_nobody() {
    assert!(TEST.1.len() >= 16, "long enough to be taken for a secret");
    let portal = Legacy::wordpress().start();
    let gate = gate(&portal);
    // Inside already, with it.
    let mut inside = gate.browser();
    signed_in(&gate, &mut inside, "/login", "bob");
    assert!(inside.jar.contains_key(TEST.0) && inside.jar.contains_key(LOGGED_IN));
    // Somebody begins a login and leaves it there.
    let mut waiting = gate.browser();
    let (page, code) = pending(&gate, &mut waiting, "/login", "ann");
    let from = portal.count();
    assert!(inside.get("/home").text().contains("Hello bob"));
    assert!(inside.get("/open/news").text().contains("Hello bob"));
    assert_eq!(portal.brought(TEST.1, from).len(), 2);
    // Somebody else comes for the first time.
    let mut second = gate.browser();
    let free = signed_in(&gate, &mut second, "/login", "bob");
    let post = portal.logins().pop().unwrap();
    assert!(post.head.field("cookie").unwrap().contains(TEST.1));
    assert_eq!(location(&free), "/home");
    assert!(second.get("/home").text().contains("Hello bob"));
    // And she herself, from another browser and from this one.
    let mut elsewhere = gate.browser();
    signed_in(&gate, &mut elsewhere, "/login", "ann");
    assert!(elsewhere.get("/home").text().contains("Hello ann"));
    released(&mut waiting, &page, &code);
    assert!(waiting.get("/home").text().contains("Hello ann"));
}

/// A login that was given up leaves the common value kept back for a day: still nobody is locked out.
#[test]
fn g3_nor_does_it_when_the_login_is_given_up() {
    let portal = Legacy::wordpress().start();
    let gate = setup(&portal, &format!("auth_cookies = [\"{LOGGED_IN}\"]")).start();
    let mut given_up = gate.browser();
    let (page, _) = pending(&gate, &mut given_up, "/login", "ann");
    given_up.press(&page, "cancel");
    for user in ["bob", "ann"] {
        let mut browser = gate.browser();
        signed_in(&gate, &mut browser, "/login", user);
        assert!(
            browser
                .get("/home")
                .text()
                .contains(&format!("Hello {user}"))
        );
        // A browser that everything was taken from but the test cookie.
        let mut next = with_cookie(&gate, TEST.0, TEST.1);
        signed_in(&gate, &mut next, "/login", user);
        assert!(next.get("/home").text().contains(&format!("Hello {user}")));
    }
}

/// Mallory has ann's password, and a grant of his own: her session, elevated by him, is still hers.
#[test]
fn g2_a_grant_of_somebody_else_does_not_open_a_session_that_waits() {
    for manner in [Legacy::default(), Legacy::in_place()] {
        let portal = manner.start();
        let gate = bound(&portal);
        let mut his = gate.browser();
        signed_in(&gate, &mut his, "/login", "bob");
        assert!(see(&mut his, "/home").contains("Hello bob"));
        let mut hers = gate.browser();
        pending(&gate, &mut hers, "/login", "ann");
        let before = hers.jar[SID].clone();
        let sid = elevated(&portal);
        for value in [&before, &sid] {
            opens_nothing(&portal, SID, value, &[&his]);
        }
        // Beside his own, in either order.
        let from = portal.count();
        for (first, last) in [(&sid, &his.jar[SID]), (&his.jar[SID], &sid)] {
            let mut own = his.clone();
            own.jar.remove(SID);
            let both = format!("{}; {SID}={first}; {SID}={last}", own.cookies().unwrap());
            own.jar.clear();
            for path in ["/home", "/open/news", "/lost"] {
                let answer = own.send("GET", path, &[("cookie", &both)], b"");
                assert!(!answer.text().contains("Hello ann"), "{path}");
            }
        }
        assert_eq!(portal.brought(&sid, from), [""; 0]);
        assert!(
            see(&mut his, "/home").contains("Hello bob"),
            "his own goes on"
        );
    }
}

/// A password alone elevates nothing for anybody: even the login page is asked for without the session that waits.
#[test]
fn the_login_page_shows_nothing_of_a_session_that_waits() {
    use crate::support::legacy::SignedIn;
    for signed_in in [SignedIn::Page, SignedIn::Away] {
        let portal = Legacy {
            signed_in,
            ..Legacy::in_place()
        }
        .start();
        let gate = gate(&portal);
        let mut browser = gate.browser();
        pending(&gate, &mut browser, "/login", "ann");
        let shown = look(&browser, "/login");
        assert!(
            shown.text().contains("type=\"password\""),
            "{}",
            shown.text()
        );
        assert_eq!(path_of(shown.field("location").unwrap_or_default()), "");
    }
}

/// A wrong password frees what was kept back for it: the session of before goes on.
#[test]
fn what_was_kept_back_for_a_wrong_password_is_free_at_once() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    log_in(&mut browser, "/login", "ann", "wrong");
    let sid = browser.jar[SID].clone();
    let from = portal.count();
    look(&browser, "/open/news");
    look(&browser, "/lost");
    look(&browser, "/login");
    assert_eq!(portal.brought(&sid, from).len(), 3);
    // But not what an earlier right one is kept back for.
    pending(&gate, &mut browser, "/login", "ann");
    let elevated = elevated(&portal);
    let body = form(&[("username", "ann"), ("password", "wrong")]);
    send(&mut browser, "POST", "/login", FORM, &body);
    opens_nothing(&portal, SID, &elevated, &[&gate.browser()]);
}
