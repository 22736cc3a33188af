//! Was the login good? What a wrong password costs, what a right one shows, and what nobody can tell (design section 3).

use super::{
    FORM, OWN, asked, direct, follow, form, gate, location, log_in, released, script, see, send,
    setup, text, theirs,
};
use crate::support::browser::Browser;
use crate::support::gate::Gate;
use crate::support::legacy::{
    EXPIRED, Failure, Framing, LOGGED_IN, Legacy, PASSWORD, Portal, SID, Session, Success, TEST,
    WRONG,
};

/// How sure the gateway was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sure {
    Good,
    Doubt,
}

/// Whether the code page shows digits of the number.
pub(super) fn sure(browser: &mut Browser, page: &str) -> Sure {
    let shown = browser.get(page);
    assert_eq!(shown.status(), 200, "{}", shown.text());
    let text = shown.text();
    assert!(text.contains("name=\"code\""), "{text}");
    assert!(
        !text.contains("2025550143") && !text.contains("0143"),
        "{text}"
    );
    if text.contains("<bdi dir=\"ltr\">••43</bdi>") {
        Sure::Good
    } else {
        assert!(text.contains("If we have a phone number for you"), "{text}");
        assert!(!text.contains("••"), "{text}");
        Sure::Doubt
    }
}

fn opens_nothing(browser: &mut Browser) {
    assert_eq!(location(&browser.get("/home")), "/login");
}

#[test]
fn a_wrong_password_is_answered_by_the_application_alone_byte_for_byte() {
    let relayed = [
        "content-type",
        "content-encoding",
        "set-cookie",
        "location",
        "cache-control",
    ];
    for failure in [Failure::Form(200), Failure::Form(403), Failure::Form(401)] {
        for framing in [Framing::Length, Framing::Chunked, Framing::Close] {
            for gzip in [false, true] {
                let manner = Legacy {
                    failure,
                    gzip,
                    framing,
                    ..Legacy::default()
                };
                let (portal, twin) = (manner.start(), manner.start());
                let gate = gate(&portal);
                let mut browser = gate.browser();
                let mut alone = direct(&twin);
                let body = form(&[("username", "ann"), ("password", "wrong")]);
                for round in ["with no cookie", "with its cookies"] {
                    let through = send(&mut browser, "POST", "/login", FORM, &body);
                    let expected = send(&mut alone, "POST", "/login", FORM, &body);
                    assert_eq!(through.status(), expected.status(), "{framing:?} {round}");
                    for name in relayed {
                        assert_eq!(through.head.all(name), expected.head.all(name), "{name}");
                    }
                    assert!(through.body == expected.body, "{framing:?} {gzip} {round}");
                    assert!(!through.body.is_empty());
                }
                assert_eq!(browser.jar["tries"], "2");
                assert_eq!(gate.sent(), 0);
                // It costs nothing: the session goes on, and the next try is a try.
                assert_eq!(portal.logins().len(), 2);
                asked(&send(
                    &mut browser,
                    "POST",
                    "/login",
                    FORM,
                    &form(&[("username", "ann"), ("password", PASSWORD)]),
                ));
                assert_eq!(gate.sent(), 1);
            }
        }
    }
}

#[test]
fn a_wrong_password_leaves_the_session_and_its_token_alone() {
    let portal = Legacy {
        token: true,
        ..Legacy::default()
    }
    .start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    for _ in 0..3 {
        let refused = log_in(&mut browser, "/login", "ann", "wrong");
        assert!(refused.text().contains(WRONG), "{}", refused.text());
    }
    let shown = browser.get("/login");
    assert!(
        shown.head.all("set-cookie").is_empty(),
        "the session goes on"
    );
    assert!(browser.get("/open/news").text().contains("Hello stranger"));
    let sid = browser.jar[SID].clone();
    assert!(!portal.brought(&sid, 0).is_empty());
    asked(&super::submit(
        &mut browser,
        "/login",
        &shown,
        "ann",
        PASSWORD,
    ));
    assert_eq!(gate.sent(), 1);
}

/// Adminer: one address, one answer, a new cookie in either case. Only the page behind it tells, and tells once.
#[test]
fn where_right_and_wrong_are_one_answer_the_page_behind_it_decides() {
    for manner in [Legacy::one_script(), Legacy::in_place()] {
        for gzip in [false, true] {
            let manner = Legacy { gzip, ..manner };
            let portal = manner.start();
            let gate = gate(&portal);
            let mut browser = gate.browser();
            for _ in 0..2 {
                let answer = log_in(&mut browser, manner.at, "ann", "wrong");
                let seen = follow(&mut browser, answer);
                assert!(text(&seen).contains(WRONG), "{}", text(&seen));
                assert_eq!(gate.sent(), 0, "a wrong password sends nothing");
            }
            let page = asked(&log_in(&mut browser, manner.at, "ann", PASSWORD));
            assert_eq!(sure(&mut browser, &page), Sure::Good);
            assert_eq!(gate.sent(), 1);
            let free = released(&mut browser, &page, &gate.messages.code(1));
            assert_eq!(location(&free), manner.to);
            let seen = browser.get(manner.to);
            assert!(text(&seen).contains("Hello ann"));
        }
    }
}

/// The oldest pattern: a session elevated in place, and the same redirect in either case. Its operator names a page.
#[test]
fn a_probe_decides_where_the_answer_says_nothing() {
    for steps in [0, 5] {
        let portal = Legacy {
            steps,
            ..Legacy::in_place()
        }
        .start();
        let gate = setup(&portal, "probe = \"/private/profile\"").start();
        let mut browser = gate.browser();
        let answer = log_in(&mut browser, "/login", "ann", "wrong");
        assert_eq!(
            portal.app.last().head.first,
            "GET /private/profile HTTP/1.1"
        );
        assert_eq!(gate.sent(), 0);
        assert!(follow(&mut browser, answer).text().contains(WRONG));
        let page = asked(&log_in(&mut browser, "/login", "ann", PASSWORD));
        let probe = portal.app.last();
        assert_eq!(probe.head.first, "GET /private/profile HTTP/1.1");
        assert!(probe.body.is_empty());
        assert_eq!(sure(&mut browser, &page), Sure::Good);
        let free = released(&mut browser, &page, &gate.messages.code(1));
        assert_eq!(free.status(), 303);
        assert!(see(&mut browser, "/home").contains("Hello ann, this is /home"));
    }
}

#[test]
fn digits_are_shown_to_who_typed_the_password_and_to_nobody_in_doubt() {
    use Sure::{Doubt, Good};
    let with = |change: fn(&mut Legacy)| {
        let mut manner = Legacy::default();
        change(&mut manner);
        manner
    };
    let page = with(|m| m.success = Success::Page(100));
    for (what, manner, capture, expected) in [
        ("a redirect into a page", with(|_| ()), "", Good),
        ("two redirects", with(|m| m.steps = 1), "", Good),
        ("three redirects", with(|m| m.steps = 2), "", Good),
        ("four redirects", with(|m| m.steps = 3), "", Doubt),
        ("chunks", with(|m| m.framing = Framing::Chunked), "", Good),
        ("no length", with(|m| m.framing = Framing::Close), "", Good),
        ("gzip", with(|m| m.gzip = true), "", Good),
        ("303", with(|m| m.status = 303), "", Good),
        ("301", with(|m| m.status = 301), "", Good),
        ("307", with(|m| m.status = 307), "", Doubt),
        ("308", with(|m| m.status = 308), "", Doubt),
        (
            "away",
            with(|m| m.to = "https://elsewhere.example/"),
            "",
            Doubt,
        ),
        ("a page", page, "", Doubt),
        ("JSON", Legacy::scripted(), "", Doubt),
        ("a page, probed", page, "probe = \"/home\"", Good),
        (
            "a page with its cookie",
            page,
            "success_cookie = \"sid\"",
            Good,
        ),
        ("a cookie by pattern", page, "success_cookie = \"s*\"", Good),
        (
            "307 to the place",
            with(|m| m.status = 307),
            "success_location = \"/ho*\"",
            Good,
        ),
    ] {
        let portal = manner.start();
        let gate = setup(&portal, capture).start();
        let mut browser = gate.browser();
        let page = asked(&log_in(&mut browser, "/login", "ann", PASSWORD));
        assert_eq!(sure(&mut browser, &page), expected, "{what}");
        assert_eq!(gate.sent(), 1, "{what}");
        opens_nothing(&mut browser);
    }
}

/// Where the operator has said what a good login is, nothing else makes one.
#[test]
fn what_the_operator_named_decides_alone() {
    for (manner, capture) in [
        (Legacy::default(), "success_cookie = \"other_*\""),
        (Legacy::default(), "success_location = \"/dashboard/**\""),
        (Legacy::default(), "probe = \"/login\""),
    ] {
        let portal = manner.start();
        let gate = setup(&portal, capture).start();
        let mut browser = gate.browser();
        let answer = log_in(&mut browser, "/login", "ann", PASSWORD);
        if capture.starts_with("probe") {
            // Signed-in people are sent away from that page: no 2xx.
            assert_eq!(portal.app.last().head.first, "GET /login HTTP/1.1");
        }
        assert_eq!((answer.status(), &*location(&answer)), (302, "/home"));
        assert_eq!(gate.sent(), 0);
        opens_nothing(&mut browser);
    }
}

/// `WordPress` without its test cookie: 200, the form, an error, and three cookies that open everything.
#[test]
fn a_form_that_comes_with_a_new_session_is_not_handed_out() {
    let portal = Legacy::wordpress().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let body = form(&[("username", "ann"), ("password", PASSWORD)]);
    let page = asked(&send(&mut browser, "POST", "/login", FORM, &body));
    assert_eq!(sure(&mut browser, &page), Sure::Doubt);
    assert!(!browser.jar.contains_key(LOGGED_IN));
    opens_nothing(&mut browser);
    // After the code they get what the application said, cookies and all.
    let free = released(&mut browser, &page, &gate.messages.code(1));
    let seen = follow(&mut browser, free);
    assert!(seen.text().contains(EXPIRED), "{}", seen.text());
    assert!(browser.get("/home").text().contains("Hello ann"));
    // With it, and a wrong password: the form with nothing new.
    let mut browser = gate.browser();
    let refused = log_in(&mut browser, "/login", "ann", "wrong");
    assert_eq!(browser.jar[TEST.0], TEST.1);
    assert!(refused.text().contains(WRONG));
    assert_eq!(gate.sent(), 1);
}

/// A link into the login page must not make the gateway do what it says, signed in as the visitor.
#[test]
fn g3_nothing_that_the_visitor_named_is_fetched_before_the_code() {
    const DELETE: &str = "/items/delete?id=77";
    let whole = "http://app.localhost/items/delete?id=77";
    let next = Legacy {
        next: true,
        ..Legacy::default()
    };
    let fixed = Legacy {
        to: DELETE,
        ..Legacy::default()
    };
    let referer = "http://app.localhost/login?task=77";
    for (what, manner, query, field, referer) in [
        (
            "in the query",
            next,
            "?next=/items/delete?id=77",
            None,
            None,
        ),
        (
            "in the query, encoded",
            next,
            "?next=%2Fitems%2Fdelete%3Fid%3D77",
            None,
            None,
        ),
        ("in the form", next, "", Some(("next", DELETE)), None),
        (
            "whole, in the form",
            fixed,
            "",
            Some(("redirect_to", whole)),
            None,
        ),
        ("in part, in the query", fixed, "?task=77", None, None),
        (
            "in part, in the form",
            fixed,
            "",
            Some(("task", "77")),
            None,
        ),
        (
            "twice encoded",
            fixed,
            "?back=%252Fitems%252Fdelete%253Fid%253D77",
            None,
            None,
        ),
        ("in the referrer", fixed, "", None, Some(referer)),
    ] {
        let portal = manner.start();
        let gate = gate(&portal);
        let mut browser = gate.browser();
        let mut fields = vec![("username", "ann"), ("password", PASSWORD)];
        fields.extend(field);
        let own = [
            ("content-type", FORM),
            ("origin", OWN),
            ("referer", referer.unwrap_or("http://app.localhost/login")),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        let target = format!("/login{query}");
        let page = asked(&browser.send("POST", &target, &own, &form(&fields)));
        assert_eq!(sure(&mut browser, &page), Sure::Doubt, "{what}");
        assert_eq!(portal.count(), 1, "{what}: {:?}", portal.app.lines());
        // The browser goes there itself once it has the cookies, as it would have done without a gateway.
        let free = released(&mut browser, &page, &gate.messages.code(1));
        assert_eq!(location(&free), DELETE, "{what}");
        assert!(browser.get(DELETE).text().contains("Hello ann"));
    }
}

#[test]
fn g1_no_redirect_is_followed_into_another_scope_or_a_closed_page() {
    for to in [
        "/admin/users",
        "/closed",
        "/x/../admin",
        "https://elsewhere.example/home",
    ] {
        for steps in [0, 1] {
            let portal = Legacy {
                to,
                steps,
                ..Legacy::default()
            }
            .start();
            let gate = gate(&portal);
            let mut browser = gate.browser();
            let page = asked(&log_in(&mut browser, "/login", "ann", PASSWORD));
            assert_eq!(sure(&mut browser, &page), Sure::Doubt);
            let lines = portal.app.lines();
            let fetched = lines.iter().filter(|line| {
                line.starts_with("GET /admin") || line.contains("/closed") || line.contains("..")
            });
            assert_eq!(fetched.count(), 0, "{lines:?}");
            assert_eq!(lines.len(), 2 + steps, "{lines:?}");
        }
    }
}

/// 307 asks to post the password again, to wherever it says.
#[test]
fn a_redirect_that_keeps_the_method_is_never_followed() {
    for status in [307, 308] {
        let portal = Legacy {
            status,
            ..Legacy::default()
        }
        .start();
        let gate = gate(&portal);
        let mut browser = gate.browser();
        let page = asked(&log_in(&mut browser, "/login", "ann", PASSWORD));
        assert_eq!(
            portal.app.lines(),
            ["GET /login HTTP/1.1", "POST /login HTTP/1.1"]
        );
        let free = released(&mut browser, &page, &gate.messages.code(1));
        assert_eq!((free.status(), &*location(&free)), (303, "/home"));
    }
}

#[test]
fn an_application_that_breaks_down_over_a_login_rings_nobody() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let shown = browser.get("/login");
    portal.die();
    let down = super::submit(&mut browser, "/login", &shown, "ann", PASSWORD);
    assert_eq!(down.status(), 502);
    assert!(down.text().contains("is not answering"));
    assert_eq!(gate.sent(), 0);
    for status in [500, 503, 400, 404, 429] {
        let portal = Legacy {
            failure: Failure::Form(status),
            ..Legacy::default()
        }
        .start();
        let gate = super::gate(&portal);
        let refused = log_in(&mut gate.browser(), "/login", "ann", "wrong");
        assert_eq!(refused.status(), status);
        assert!(refused.text().contains(WRONG));
        assert_eq!(gate.sent(), 0);
    }
}

/// The page behind the login cannot be had: nobody can tell, and the wall stands in either case.
#[test]
fn an_application_that_dies_behind_a_good_login_leaves_it_in_doubt() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let shown = browser.get("/login");
    let dying = portal.clone();
    portal.meanwhile(move || dying.die());
    let page = asked(&super::submit(
        &mut browser,
        "/login",
        &shown,
        "ann",
        PASSWORD,
    ));
    assert_eq!(sure(&mut browser, &page), Sure::Doubt);
    assert_eq!(gate.sent(), 1);
}

/// What a visitor sees of a code page, without what is drawn anew each time.
fn alike(browser: &mut Browser, page: &str) -> (u16, usize) {
    let shown = browser.get(page);
    (shown.status(), shown.body.len())
}

#[test]
fn c7_in_doubt_people_without_a_number_look_like_everybody() {
    for manner in [
        Legacy {
            status: 307,
            ..Legacy::default()
        },
        Legacy {
            success: Success::Page(50),
            ..Legacy::default()
        },
        Legacy {
            success: Success::Page(50),
            ..Legacy::in_place()
        },
    ] {
        let portal = manner.start();
        let gate = gate(&portal);
        let mut seen = Vec::new();
        for user in ["ann", "nophone", "gone", "nobody"] {
            let mut browser = gate.browser();
            let page = asked(&log_in(&mut browser, "/login", user, PASSWORD));
            assert_eq!(sure(&mut browser, &page), Sure::Doubt, "{user}");
            seen.push(alike(&mut browser, &page));
            browser.answer(&page, "000000");
            seen.push(alike(&mut browser, &page));
        }
        let (first, rest) = seen.split_at(2);
        assert!(rest.chunks(2).all(|one| one == first), "{seen:?}");
        assert_eq!(gate.sent(), 1, "ann alone");
    }
}

fn without_a_number(portal: &Portal, gate: &Gate, user: &str, named: &str) {
    let mut browser = gate.browser();
    let answer = log_in(&mut browser, "/login", user, PASSWORD);
    assert!(
        theirs(&answer)
            .iter()
            .all(|line| line.contains("Max-Age=0") || line.contains("Expires=")),
        "{}",
        answer.head.raw
    );
    let before = portal.app.last();
    let sid = before.head.field("cookie").unwrap_or_default().to_owned();
    let seen = follow(&mut browser, answer);
    assert_eq!(seen.status(), 403, "{user}: {}", seen.text());
    assert!(seen.text().contains("We have no phone number for you"));
    assert!(seen.text().contains("Help desk"));
    // Nothing that works is left behind.
    assert!(
        browser.jar.get(named).is_none_or(String::is_empty),
        "{:?}",
        browser.jar
    );
    let from = portal.count();
    for pair in sid.split("; ") {
        let (name, value) = pair.split_once('=').unwrap();
        let mut thief = super::with_cookie(gate, name, value);
        for path in super::ANYBODYS {
            assert!(!thief.get(path).text().contains(&format!("Hello {user}")));
        }
        assert_eq!(portal.brought(value, from), [""; 0]);
    }
}

#[test]
fn who_has_no_number_is_told_so_after_a_good_password_and_left_with_nothing() {
    for manner in [
        Legacy::default(),
        Legacy::in_place(),
        Legacy {
            session: Session::AtLogin,
            ..Legacy::default()
        },
    ] {
        for capture in ["", "auth_cookies = [\"sid\"]"] {
            let portal = manner.start();
            let gate = setup(&portal, capture).start();
            for user in ["nophone", "gone", "nobody"] {
                without_a_number(&portal, &gate, user, SID);
            }
            assert_eq!(gate.sent(), 0);
        }
    }
}

#[test]
fn people_are_asked_by_any_of_their_names() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    for (n, name) in ["ann", " Ann ", "ANN@example.com"].into_iter().enumerate() {
        let mut browser = gate.browser();
        let page = asked(&log_in(&mut browser, "/login", name, PASSWORD));
        released(&mut browser, &page, &gate.messages.code(n + 1));
    }
    assert_eq!(gate.messages.all().matches("+12025550143").count(), 3);
}

/// Nobody is called what was typed: a doubtful login sends nothing, and stays a page like every other.
#[test]
fn a_name_that_nobody_can_have_sends_nothing() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    for name in ["", " ", &"x".repeat(5000), "\u{202e}nna", "a\nb"] {
        let body = form(&[("username", name), ("password", PASSWORD)]);
        let answer = send(&mut gate.browser(), "POST", "/login", FORM, &body);
        assert!(answer.status() < 500, "{name:?}: {}", answer.head.raw);
        assert!(
            theirs(&answer)
                .iter()
                .all(|line| !line.starts_with("sid=") || line.starts_with("sid=;")),
            "{name:?}: {}",
            answer.head.raw
        );
    }
    assert_eq!(gate.sent(), 0);
}

#[test]
fn a_login_by_script_that_fails_is_answered_by_the_application() {
    let portal = Legacy::scripted().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let answer = script(
        &mut browser,
        "POST",
        "/login",
        "{\"username\": \"ann\", \"password\": \"x\"}",
    );
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.text(), "{\"ok\": false, \"error\": \"invalid\"}");
    assert_eq!(answer.field("content-type"), Some("application/json"));
    assert_eq!(browser.jar["tries"], "1");
    assert_eq!(gate.sent(), 0);
}
