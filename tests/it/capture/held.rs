//! What is held, for whom, for how long, and how it is released (design section 3; S7, S9).

use std::sync::mpsc;

use super::{
    FORM, OWN, asked, direct, follow, form, gate, location, log_in, pending, released, see, send,
    setup, signed_in, submit, text, theirs,
};
use crate::support::bare::wait;
use crate::support::browser::{Browser, token};
use crate::support::gate::other_than;
use crate::support::legacy::{Framing, Legacy, PASSWORD, Portal, SID, Success};
use crate::support::wire::Answer;

/// A page, and further cookies, as an application with a past sends them.
const BAGGAGE: [&str; 4] = [
    "phpMyAdmin=first; Path=/; HttpOnly",
    "username-localhost=\"2|1:0|10:17=|x%20y\"; Path=/; expires=Fri, 31 Dec 2027 23:59:59 GMT",
    "phpMyAdmin=second-counts; path=/; HttpOnly; SameSite=Strict",
    "gone=deleted; Path=/; Max-Age=0",
];

fn page_of(size: usize) -> Legacy {
    Legacy {
        success: Success::Page(size),
        ..Legacy::default()
    }
}

#[test]
fn s7_no_cookie_of_the_application_leaves_before_the_code() {
    let portal = Legacy {
        cookies: &BAGGAGE,
        steps: 2,
        ..Legacy::default()
    }
    .start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let (page, code) = pending(&gate, &mut browser, "/login", "ann");
    let waiting = browser.clone();
    let mut answers = vec![browser.get(&page)];
    answers.push(browser.answer(&page, &other_than(&code)));
    answers.push(browser.get(&page));
    gate.later(31);
    answers.push(browser.press(&page, "send"));
    answers.push(browser.get("/home"));
    answers.push(browser.get("/admin"));
    answers.push(browser.get("/.countersign/ask/login"));
    for answer in &answers {
        assert!(theirs(answer).is_empty(), "{}", answer.head.raw);
        assert!(!answer.text().contains("Hello ann"));
        assert_eq!(answer.field("cache-control"), Some("no-store"));
    }
    let kept = |browser: &Browser| {
        let names = browser.jar.keys().map(String::as_str);
        names
            .filter(|name| !name.starts_with("__Host-"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(kept(&waiting), [SID], "the one from before the login");
    assert_eq!(kept(&browser), [SID]);
}

#[test]
fn s7_what_is_released_is_one_redirect_with_every_cookie_in_order_and_raw() {
    let manner = Legacy {
        cookies: &BAGGAGE,
        steps: 2,
        ..Legacy::default()
    };
    let (portal, twin) = (manner.start(), manner.start());
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let (page, code) = pending(&gate, &mut browser, "/login", "ann");
    assert_eq!(
        portal.app.lines(),
        [
            "GET /login HTTP/1.1",
            "POST /login HTTP/1.1",
            "GET /step/1 HTTP/1.1",
            "GET /step/2 HTTP/1.1",
            "GET /home HTTP/1.1"
        ]
    );
    // What a browser without a gateway is given on the same way.
    let mut alone = direct(&twin);
    alone.get("/login");
    let mut answer = alone.post("/login", &[("username", "ann"), ("password", PASSWORD)]);
    let mut expected = Vec::new();
    while answer.status() == 302 {
        expected.extend(theirs(&answer).into_iter().map(str::to_owned));
        answer = alone.get(&location(&answer));
    }
    assert_eq!(expected.len(), 7);
    let free = released(&mut browser, &page, &code);
    assert_eq!((free.status(), &*location(&free)), (303, "/home"));
    assert_eq!(theirs(&free), expected);
    assert_eq!(free.field("cache-control"), Some("no-store"));
    assert!(free.body.is_empty());
    assert!(
        browser
            .get("/home")
            .text()
            .contains("Hello ann, this is /home")
    );
    assert_eq!(portal.app.lines().len(), 6, "no step is taken twice");
}

/// A browser would otherwise put it where the code was typed, and the application never saw it again.
#[test]
fn s7_a_held_cookie_without_a_path_is_for_the_folder_of_the_page_that_set_it() {
    let portal = Legacy {
        cookies: &[
            "plain=1; HttpOnly",
            "odd=\"2|x\"; Path=here",
            "told=3; Path=/elsewhere",
        ],
        ..Legacy::default()
    }
    .start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let (page, code) = pending(&gate, &mut browser, "/login", "ann");
    let free = released(&mut browser, &page, &code);
    let given = theirs(&free);
    for expected in [
        "plain=1; HttpOnly; Path=/",
        "odd=\"2|x\"; Path=here; Path=/",
        "told=3; Path=/elsewhere",
    ] {
        assert!(given.contains(&expected), "{expected}: {given:?}");
    }
}

/// The gateway asks for what lies behind a login as the browser would: by GET, with the cookies that it would bring.
#[test]
fn what_is_followed_is_asked_for_as_the_browser_would() {
    let portal = Legacy {
        cookies: &BAGGAGE,
        steps: 1,
        basic: true,
        ..Legacy::default()
    }
    .start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    browser.jar.insert("lang".to_owned(), "de".to_owned());
    browser.jar.insert("gone".to_owned(), "not yet".to_owned());
    browser.get("/login");
    let body = form(&[("username", "ann"), ("password", PASSWORD)]);
    asked(&send(&mut browser, "POST", "/login", FORM, &body));
    let last = portal.app.last();
    assert_eq!(last.head.first, "GET /home HTTP/1.1");
    let cookies = last.head.field("cookie").unwrap();
    for pair in [
        "lang=de",
        "phpMyAdmin=second-counts",
        "username-localhost=\"2|1:0|10:17=|x%20y\"",
        "step1=passed1",
    ] {
        assert_eq!(cookies.matches(pair).count(), 1, "{cookies}");
    }
    for none in ["phpMyAdmin=first", "gone=", "countersign"] {
        assert!(!cookies.contains(none), "{cookies}");
    }
    assert_eq!(cookies.matches("sid=").count(), 1);
    assert!(last.body.is_empty());
    for name in [
        "content-type",
        "content-length",
        "authorization",
        "origin",
        "if-none-match",
        "range",
    ] {
        assert_eq!(last.head.field(name), None, "{name}");
    }
}

#[test]
fn s7_a_held_page_is_given_once_at_its_own_address() {
    for (gzip, framing) in [
        (false, Framing::Length),
        (true, Framing::Chunked),
        (false, Framing::Close),
    ] {
        let portal = Legacy {
            gzip,
            framing,
            ..page_of(5000)
        }
        .start();
        let gate = gate(&portal);
        let mut browser = gate.browser();
        let (page, code) = pending(&gate, &mut browser, "/login", "ann");
        let free = released(&mut browser, &page, &code);
        assert_eq!((&*location(&free), free.body.len()), ("/login", 0));
        let before = portal.count();
        let held = browser.get("/login");
        assert_eq!(held.status(), 200);
        assert!(text(&held).contains("Welcome ann"), "{}", text(&held));
        assert!(text(&held).ends_with("<p>The end</p>"));
        assert_eq!(held.field("content-type"), Some("text/html; charset=utf-8"));
        assert!(held.field("cache-control").unwrap().contains("no-store"));
        assert_eq!(portal.count(), before, "it was answered long ago");
        let cookies = [theirs(&free), theirs(&held)].concat();
        assert_eq!(
            cookies
                .iter()
                .filter(|line| line.starts_with("sid="))
                .count(),
            1
        );
        // A reload asks the application.
        let again = browser.get("/login");
        assert!(!text(&again).contains("Welcome"));
        assert_eq!(portal.count(), before + 1);
        assert!(see(&mut browser, "/home").contains("Hello ann, this is /home"));
    }
}

/// Posts the same code twice from the same page, as two clicks do.
fn twice(browser: &mut Browser, page: &str, code: &str) -> (Answer, Answer) {
    let shown = browser.get(page);
    let form = [("token", &*token(&shown)), ("code", code), ("do", "answer")];
    let mut second = browser.clone();
    let first = browser.post(page, &form);
    (first, second.post(page, &form))
}

#[test]
fn a_double_click_on_continue_loses_nothing() {
    for manner in [
        Legacy {
            cookies: &BAGGAGE,
            ..Legacy::default()
        },
        page_of(100),
    ] {
        let portal = manner.start();
        let gate = gate(&portal);
        let mut browser = gate.browser();
        let (page, code) = pending(&gate, &mut browser, "/login", "ann");
        let (first, second) = twice(&mut browser, &page, &code);
        assert_eq!(location(&first), location(&second));
        assert_eq!(theirs(&first), theirs(&second));
        assert!(!theirs(&first).is_empty());
        // The browser shows the second answer, and goes on with its cookies.
        browser.keep(&second);
        let seen = follow(&mut browser, second);
        assert!(seen.text().contains("ann"), "{}", seen.text());
        assert!(see(&mut browser, "/home").contains("Hello ann"));
        // Once the grant is used, that is over.
        let mut late = browser.clone();
        let over = late.get(&page);
        assert!(theirs(&over).is_empty());
    }
}

#[test]
fn c2_s7_nothing_is_released_to_another_browser() {
    for manner in [Legacy::default(), page_of(100)] {
        let portal = manner.start();
        let gate = gate(&portal);
        let mut browser = gate.browser();
        let (page, code) = pending(&gate, &mut browser, "/login", "ann");
        let shown = browser.get(&page);
        // Everything but the secret, the code included; and a secret of its own.
        let mut without = browser.clone();
        without.jar.retain(|name, _| !name.starts_with("__Host-"));
        let mut other = gate.browser();
        let (own_page, _) = pending(&gate, &mut other, "/login", "bob");
        assert_ne!(page, own_page);
        for thief in [&mut without, &mut other] {
            let form = [
                ("token", &*token(&shown)),
                ("code", &code),
                ("do", "answer"),
            ];
            let refused = thief.post(&page, &form);
            assert!(theirs(&refused).is_empty(), "{}", refused.head.raw);
            assert_eq!(thief.get(&page).status(), 410);
            assert_eq!(location(&thief.get("/home")), "/login");
        }
        // His page does not take her code, and it costs her nothing.
        let refused = other.answer(&own_page, &code);
        assert_eq!(location(&refused), own_page);
        released(&mut browser, &page, &code);
        for thief in [&mut without, &mut other] {
            let answer = thief.get("/login");
            assert!(!answer.text().contains("Welcome") && !answer.text().contains("Hello"));
        }
        assert!(see(&mut browser, "/login").contains("ann"));
    }
}

#[test]
fn a_held_answer_is_still_good_after_four_minutes() {
    for manner in [
        Legacy::default(),
        Legacy::in_place(),
        Legacy::one_script(),
        page_of(100),
    ] {
        let portal = manner.start();
        let gate = gate(&portal);
        let mut browser = gate.browser();
        let (page, code) = pending(&gate, &mut browser, manner.at, "ann");
        gate.later(4 * 60);
        let free = released(&mut browser, &page, &code);
        follow(&mut browser, free);
        assert!(see(&mut browser, "/home").contains("Hello ann, this is /home"));
    }
}

#[test]
fn s7_nothing_is_released_after_its_time() {
    for manner in [Legacy::default(), page_of(100)] {
        let portal = manner.start();
        let gate = gate(&portal);
        // The code has ended with the hold.
        let mut browser = gate.browser();
        let (page, code) = pending(&gate, &mut browser, "/login", "ann");
        gate.later(5 * 60 + 1);
        let late = browser.answer(&page, &code);
        assert!(theirs(&late).is_empty(), "{}", late.head.raw);
        assert_eq!(location(&browser.get("/home")), "/login");
        // Long after, too.
        gate.later(20 * 60);
        let gone = browser.get(&page);
        assert_eq!(gone.status(), 410);
        assert!(!browser.get("/login").text().contains("Welcome"));
    }
}

/// A resend is a new code, and what is held waits for it.
#[test]
fn a_hold_lives_until_the_last_code_of_its_challenge() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let (page, _) = pending(&gate, &mut browser, "/login", "ann");
    gate.later(4 * 60);
    browser.press(&page, "send");
    gate.later(4 * 60);
    let free = released(&mut browser, &page, &gate.messages.code(2));
    assert_eq!(location(&free), "/home");
    assert!(browser.get("/home").text().contains("Hello ann"));
}

/// An operator may hold for a shorter time than the code is good for: the code opens the gate, and what is gone is said.
#[test]
fn a_hold_that_ended_before_its_code_is_not_released() {
    let portal = page_of(100).start();
    let gate = setup(&portal, "hold = \"1m\"").start();
    let mut browser = gate.browser();
    let (page, code) = pending(&gate, &mut browser, "/login", "ann");
    gate.later(90);
    let answer = browser.answer(&page, &code);
    assert!(theirs(&answer).is_empty(), "{}", answer.head.raw);
    assert!(answer.status() < 500);
    let seen = follow(&mut browser, answer);
    assert!(seen.status() < 500);
    assert!(!seen.text().contains("Welcome"));
}

#[test]
fn an_application_that_dies_meanwhile_does_not_keep_back_what_is_held() {
    for manner in [
        Legacy {
            cookies: &BAGGAGE,
            ..Legacy::default()
        },
        page_of(100),
    ] {
        let portal = manner.start();
        let gate = gate(&portal);
        let mut browser = gate.browser();
        let (page, code) = pending(&gate, &mut browser, "/login", "ann");
        portal.die();
        let free = released(&mut browser, &page, &code);
        assert!(!theirs(&free).is_empty());
        let seen = browser.get(&location(&free));
        if manner.success == Success::Redirect {
            assert_eq!(seen.status(), 502);
            assert!(seen.text().contains("is not answering"));
        } else {
            assert!(seen.text().contains("Welcome ann"));
        }
    }
}

/// What is too long to be held leaves head and cookies behind: the visitor is signed in, and lands at the login.
#[test]
fn a_page_that_is_too_long_to_be_held_costs_the_page_alone() {
    for framing in [Framing::Length, Framing::Chunked, Framing::Close] {
        let portal = Legacy {
            framing,
            cookies: &BAGGAGE,
            ..page_of(2 * 1024 * 1024)
        }
        .start();
        let gate = gate(&portal);
        let mut browser = gate.browser();
        let (page, code) = pending(&gate, &mut browser, "/login", "ann");
        let held = gate.running().flow().store.holds.bytes();
        assert!(held < 100_000, "{held} bytes are held");
        let free = released(&mut browser, &page, &code);
        assert_eq!(location(&free), "/login");
        assert_eq!(theirs(&free).len(), 1 + BAGGAGE.len());
        // The application sends who is signed in on from there.
        let seen = follow(&mut browser, free);
        assert!(
            text(&seen).contains("Hello ann, this is /home"),
            "{framing:?}"
        );
    }
}

#[test]
fn a_way_to_another_origin_is_allowed_to_the_form_and_to_nothing_else() {
    for (to, origin) in [
        (
            "https://elsewhere.example/app?x=1#top",
            "https://elsewhere.example",
        ),
        (
            "https://elsewhere.example:8443/",
            "https://elsewhere.example:8443",
        ),
        ("//elsewhere.example/app", "http://elsewhere.example"),
    ] {
        let portal = Legacy {
            to,
            ..Legacy::default()
        }
        .start();
        let gate = gate(&portal);
        let mut browser = gate.browser();
        let (page, code) = pending(&gate, &mut browser, "/login", "ann");
        let shown = browser.get(&page);
        let policy = shown.field("content-security-policy").unwrap().to_owned();
        assert_eq!(form_action(&policy), format!("'self' {origin}"));
        let before = portal.count();
        let free = browser.answer(&page, &code);
        assert_eq!(free.status(), 303);
        let sent = free.field("location").unwrap();
        assert!(sent == to || sent == format!("http:{to}"), "{sent}");
        assert_eq!(portal.count(), before);
        assert!(!theirs(&free).is_empty());
    }
    // What leads nowhere else widens nothing, and what is no address cannot break out of the policy.
    for to in [
        "/home",
        "http://app.localhost/home",
        "https://e.example; script-src *",
        "javascript:alert(1)",
        "/a;b,c",
    ] {
        let portal = Legacy {
            to,
            ..Legacy::default()
        }
        .start();
        let gate = gate(&portal);
        let mut browser = gate.browser();
        let (page, _) = pending(&gate, &mut browser, "/login", "ann");
        let shown = browser.get(&page);
        let policy = shown.field("content-security-policy").unwrap();
        assert_eq!(form_action(policy), "'self'", "{to}");
    }
}

fn form_action(policy: &str) -> &str {
    let mut all = policy.split(';').map(str::trim);
    let own = all
        .find_map(|one| one.strip_prefix("form-action "))
        .unwrap();
    assert_eq!(policy.matches("form-action").count(), 1);
    own
}

/// Where room is short the newest stranger is turned away before the application is given the password (A1).
#[test]
fn a1_a_login_that_could_not_be_held_is_not_posted() {
    let portal = page_of(1000).start();
    let gate = setup(&portal, "").most(16).start();
    let mut turned_away = None;
    for n in 0..40 {
        let mut browser = gate.browser();
        let before = portal.logins().len();
        let answer = log_in(&mut browser, "/login", "ann", PASSWORD);
        if answer.status() == 503 {
            assert!(answer.field("retry-after").is_some());
            assert_eq!(portal.logins().len(), before, "the password stays here");
            assert!(theirs(&answer).is_empty());
            turned_away = Some(n);
            break;
        }
        asked(&answer);
        assert_eq!(portal.logins().len(), before + 1);
    }
    assert!((1..=16).contains(&turned_away.expect("there is an end")));
    // A wrong password needs no room for long: when some is left again, it goes on.
    gate.later(30 * 60);
    gate.running().flow().store.sweep(gate.clock.now());
    let (mut browser, sent) = (gate.browser(), gate.sent());
    for _ in 0..40 {
        log_in(&mut browser, "/login", "ann", "wrong");
    }
    assert_eq!(gate.sent(), sent);
    signed_in(&gate, &mut browser, "/login", "ann");
}

/// Who is signed in is not turned away with the strangers (A1).
#[test]
fn a1_a_full_house_does_not_shut_out_who_has_a_grant() {
    let portal = page_of(1000).start();
    let gate = setup(&portal, "").most(16).start();
    let mut inside = gate.browser();
    signed_in(&gate, &mut inside, "/login", "bob");
    for _ in 0..20 {
        log_in(&mut gate.browser(), "/login", "ann", PASSWORD);
    }
    assert!(see(&mut inside, "/home").contains("Hello bob"));
}

#[test]
fn a_second_tab_joins_and_the_newest_login_is_released() {
    let portal = Legacy {
        token: true,
        ..Legacy::default()
    }
    .start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let (first, code) = pending(&gate, &mut browser, "/login", "ann");
    let shown = browser.get("/login");
    let second = asked(&submit(&mut browser, "/login", &shown, "ann", PASSWORD));
    assert_eq!(first, second);
    assert_eq!(gate.sent(), 1, "no second message");
    let sids = fresh(&portal);
    assert_eq!(sids.len(), 2);
    let free = released(&mut browser, &second, &code);
    let line = theirs(&free).join("\n");
    assert!(
        line.contains(&sids[1]) && !line.contains(&sids[0]),
        "{line}"
    );
    assert!(browser.get("/home").text().contains("Hello ann"));
    // The first tab finds its way as well.
    let back = browser.get(&first);
    assert_eq!((back.status(), &*location(&back)), (303, "/home"));
}

/// The session cookies that the application was brought by what was followed, in order.
fn fresh(portal: &Portal) -> Vec<String> {
    let all = portal.app.seen().into_iter();
    let home = all.filter(|one| one.head.first.starts_with("GET /home"));
    home.map(|one| {
        let cookies = one.head.field("cookie").unwrap().to_owned();
        let (_, rest) = cookies.split_once("sid=").unwrap();
        rest.split(';').next().unwrap().to_owned()
    })
    .collect()
}

/// Somebody who clicks twice on the button of the application's form.
#[test]
fn a_double_click_on_the_login_itself_asks_once() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let shown = browser.get("/login");
    let first = asked(&submit(&mut browser, "/login", &shown, "ann", PASSWORD));
    let second = asked(&submit(&mut browser, "/login", &shown, "ann", PASSWORD));
    assert_eq!(first, second);
    assert_eq!(gate.sent(), 1);
    released(&mut browser, &second, &gate.messages.code(1));
    assert!(browser.get("/home").text().contains("Hello ann"));
}

/// The second click of a browser gives up what the first one waits for.
#[test]
fn a_click_that_was_given_up_keeps_nothing_back_once_the_code_is_right() {
    let named = "auth_cookies = [\"sid\"]\nprobe = \"/home\"";
    for (capture, manner, at) in [
        ("", Legacy::default(), "POST /login "),
        ("", Legacy::in_place(), "POST /login "),
        (named, Legacy::default(), "POST /login "),
        (named, Legacy::in_place(), "POST /login "),
        // The probe before the password goes up.
        (named, Legacy::default(), "GET /home "),
        (named, Legacy::in_place(), "GET /home "),
    ] {
        let portal = manner.start();
        let gate = setup(&portal, capture).start();
        let mut browser = gate.browser();
        let shown = browser.get("/login");
        let (told, hears) = mpsc::channel();
        let (goes_on, waits) = mpsc::channel::<()>();
        portal.before(at, move || {
            told.send(()).unwrap();
            let _ = waits.recv();
        });
        let first = [("username", "ann"), ("password", PASSWORD)];
        let click = browser.begin_post("/login", &first);
        wait(&hears);
        drop(click);
        let page = asked(&submit(&mut browser, "/login", &shown, "ann", PASSWORD));
        let free = released(&mut browser, &page, &gate.messages.code(1));
        follow(&mut browser, free);
        let home = see(&mut browser, "/home");
        assert!(home.contains("Hello ann"), "{capture} {at}: {home}");
        drop(goes_on);
    }
}

#[test]
fn a_login_as_somebody_else_begins_its_own_challenge() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let (hers, her_code) = pending(&gate, &mut browser, "/login", "ann");
    let (his, his_code) = pending(&gate, &mut browser, "/login", "bob");
    assert_ne!(hers, his);
    assert_eq!(gate.sent(), 2);
    let refused = browser.answer(&his, &her_code);
    assert!(theirs(&refused).is_empty());
    let free = released(&mut browser, &his, &his_code);
    assert!(!theirs(&free).is_empty());
    assert!(browser.get("/home").text().contains("Hello bob"));
    // Her code does not bring his browser her session under his grant.
    let mut other = browser.clone();
    let shown = other.get(&hers);
    if shown.status() == 200 {
        other.post(
            &hers,
            &[
                ("token", &token(&shown)),
                ("code", &her_code),
                ("do", "answer"),
            ],
        );
    }
    assert!(!see(&mut browser, "/home").contains("Hello ann"));
}

/// Where a login leads is the application's word; it cannot lead into the gateway's own pages or around the site (S9).
#[test]
fn s9_an_odd_way_on_opens_nothing() {
    for to in [
        "/.countersign/sign-out",
        "/\\evil.example",
        "\\\\evil.example",
    ] {
        let portal = Legacy {
            to,
            ..Legacy::default()
        }
        .start();
        let gate = gate(&portal);
        let mut browser = gate.browser();
        let (page, code) = pending(&gate, &mut browser, "/login", "ann");
        let free = browser.answer(&page, &code);
        assert_eq!(free.status(), 303, "{to}");
        let sent = free.field("location").unwrap();
        assert!(
            !sent.starts_with("/\\") && !sent.starts_with('\\'),
            "{sent}"
        );
        assert!(!sent.contains("/.countersign/"), "{sent}");
        assert!(see(&mut browser, "/home").contains("Hello ann"), "{to}");
    }
}

#[test]
fn a4_a_restart_forgets_what_is_held_and_says_so() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    let (page, _) = pending(&gate, &mut browser, "/login", "ann");
    let gate = gate.restart();
    let mut browser = browser.at(gate.address);
    let gone = browser.get(&page);
    assert_eq!(gone.status(), 410);
    assert!(gone.text().contains("Start again"));
    assert_eq!(location(&browser.get("/home")), "/login");
    signed_in(&gate, &mut browser, "/login", "ann");
    assert!(browser.get("/home").text().contains("Hello ann"));
}

/// A grant that ran out is renewed by its own code: the application, which still knows who that is, is not asked again.
#[test]
fn a_grant_that_ran_out_leads_to_the_code_and_not_to_the_login_page() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    signed_in(&gate, &mut browser, "/login", "ann");
    gate.later(31 * 60);
    let page = browser.step_up("/private?x=1");
    let logins = portal.logins().len();
    let sent = gate.sent();
    browser.press(&page, "send");
    let free = browser.answer(&page, &gate.messages.after(sent));
    assert_eq!(location(&free), "/private?x=1");
    assert!(
        browser
            .get("/private?x=1")
            .text()
            .contains("Hello ann, this is /private")
    );
    assert_eq!(portal.logins().len(), logins);
}

/// An application that asks for a password and no name.
#[test]
fn an_application_without_users_asks_its_owner() {
    let portal = Legacy {
        fields: (None, "password"),
        ..Legacy::default()
    }
    .start();
    let gate = setup(&portal, "fixed_user = \"bob\"").start();
    let mut browser = gate.browser();
    let refused = send(
        &mut browser,
        "POST",
        "/login",
        FORM,
        &form(&[("password", "x")]),
    );
    assert!(refused.text().contains("not right"));
    assert_eq!(gate.sent(), 0);
    // Whoever is named there is not asked.
    let body = form(&[("username", "ann"), ("password", PASSWORD)]);
    let page = asked(&send(&mut browser, "POST", "/login", FORM, &body));
    assert!(gate.messages.code(1).len() == 6);
    assert!(gate.messages.all().contains("+12025550167"));
    assert!(!gate.messages.all().contains("+12025550143"));
    let shown = browser.get(&page).text();
    assert!(shown.contains("••67"), "{shown}");
    released(&mut browser, &page, &gate.messages.code(1));
    assert!(browser.get("/home").text().contains("Hello owner"));
    for (n, body) in [&b"user=x"[..], b"password=a&password=b", b""]
        .into_iter()
        .enumerate()
    {
        let answer = send(&mut gate.browser(), "POST", "/login", FORM, body);
        assert!(matches!(answer.status(), 303 | 400), "{n}");
    }
    assert_eq!(portal.logins().len(), 2);
}

/// The code of one scope opens no other, whatever it was earned with (S3).
#[test]
fn s3_a_login_code_does_not_open_admin() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut browser = gate.browser();
    signed_in(&gate, &mut browser, "/login", "ann");
    let page = browser.step_up("/admin/users");
    let before = gate.sent();
    browser.press(&page, "send");
    let free = browser.answer(&page, &gate.messages.after(before));
    assert_eq!(location(&free), "/admin/users");
    assert!(
        browser
            .get("/admin/users")
            .text()
            .contains("Hello ann, this is /admin/users")
    );
}

/// A login that came by a tool without a cookie jar cannot be finished by anybody.
#[test]
fn a_browser_without_cookies_gets_nowhere() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let body = form(&[("username", "ann"), ("password", PASSWORD)]);
    let fields = [("content-type", FORM), ("origin", OWN)];
    let page = asked(&gate.browser().send("POST", "/login", &fields, &body));
    assert_eq!(gate.browser().get(&page).status(), 410);
}
