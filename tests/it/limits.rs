//! How often something may happen, and who notices when it may not.

use std::collections::BTreeSet;

use super::support::app::App;
use super::support::browser::{Browser, path_of, token};
use super::support::gate::{Gate, Setup, other_than};
use super::support::wire::Answer;

/// Sends without number, so that answers can be counted.
const SENDS: &str = "[limits]\nsends_per_hour = { number = 1000, network = 1000 }\nsends_per_day = { number = 1000 }";

/// The tests' own address speaks for visitors anywhere.
const PROXIED: &str = "[listen]\nhttp = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.0/8\"]";

fn location(answer: &Answer) -> String {
    path_of(answer.field("location").unwrap_or_default())
}

/// Asks as `user` and gives the page and its code.
fn asked(gate: &Gate, browser: &mut Browser, user: &str) -> (String, String) {
    let before = gate.sent();
    let page = browser.ask("/", user);
    (page, gate.messages.after(before))
}

/// Types so many wrong codes into new challenges of new browsers, five each.
fn fail(gate: &Gate, user: &str, times: usize) {
    let mut left = times;
    while left > 0 {
        let mut browser = gate.browser();
        let (page, code) = asked(gate, &mut browser, user);
        for _ in 0..left.min(5) {
            browser.answer(&page, &other_than(&code));
        }
        left -= left.min(5);
    }
}

fn people(count: usize) -> String {
    (0..count)
        .map(|n| {
            format!(
                "[[user]]\nname = \"user{n}\"\nphone = \"+1202555{:04}\"\n",
                100 + n
            )
        })
        .collect()
}

#[test]
fn c4_the_fifth_wrong_answer_spends_the_challenge() {
    let app = App::new();
    let gate = Setup::new(&app.url()).with(SENDS).start();
    let mut browser = gate.browser();
    let (page, code) = asked(&gate, &mut browser, "ann");
    let shown = browser.get(&page);
    for _ in 0..5 {
        browser.answer(&page, &other_than(&code));
    }
    let spent = browser.get(&page).text();
    assert!(
        spent.contains("Too many wrong codes. Send a new code"),
        "{spent}"
    );
    assert!(!spent.contains("name=\"code\""));
    let form = [
        ("token", &*token(&shown)),
        ("code", &*code),
        ("do", "answer"),
    ];
    let answer = browser.post(&page, &form);
    assert_eq!(location(&answer), page, "the right code comes too late");
    assert!(browser.cookie("-login").is_none());
    // A new code is a new challenge, in which the old code is wrong.
    let again = browser.press(&page, "send");
    let next = location(&again);
    assert_ne!(next, page);
    assert_eq!(gate.sent(), 2);
    assert_eq!(location(&browser.answer(&next, &code)), next);
    assert_eq!(
        location(&browser.answer(&next, &gate.messages.code(2))),
        "/"
    );
}

#[test]
fn c4_ten_wrong_answers_an_hour_lock_strangers_out_and_nobody_else() {
    let app = App::new();
    let gate = Setup::new(&app.url()).with(SENDS).start();
    // A browser that has passed before, and is signed out now.
    let mut known = gate.signed_in("ann");
    for cookie in ["__Host-countersign-app", "__Host-countersign-app-login"] {
        known.jar.remove(cookie);
    }
    fail(&gate, "ann", 9);
    let mut stranger = gate.browser();
    let (page, code) = asked(&gate, &mut stranger, "ann");
    let shown = stranger.get(&page);
    assert_eq!(shown.status(), 200, "nine are not ten");
    stranger.answer(&page, &other_than(&code));
    let locked = stranger.get(&page);
    assert_eq!(locked.status(), 429);
    let wait: u64 = locked.field("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    let text = locked.text();
    assert!(text.contains("Signing in is locked until"), "{text}");
    assert!(text.contains("Help desk") && !text.contains("name=\"code\""));
    let form = [
        ("token", &*token(&shown)),
        ("code", &*code),
        ("do", "answer"),
    ];
    assert!(
        stranger
            .post(&page, &form)
            .head
            .all("set-cookie")
            .is_empty()
    );
    assert_eq!(stranger.get("/").status(), 303);

    let (own, sent) = asked(&gate, &mut known, "ann");
    assert_eq!(known.get(&own).status(), 200);
    assert_eq!(location(&known.answer(&own, &sent)), "/");
    assert_eq!(known.get("/").status(), 200);
    // Nor does it reach another person, or another scope.
    gate.signed_in("bob");
    let mut admin = gate.browser();
    admin.pass_ask("/admin", "ann", &gate.messages);
    // And it ends.
    gate.later(61);
    assert_eq!(location(&stranger.answer(&page, &code)), "/");
}

#[test]
fn c4_the_waits_grow() {
    let app = App::new();
    let gate = Setup::new(&app.url()).with(SENDS).start();
    fail(&gate, "ann", 9);
    for (shorter, longest) in [(0, 61), (60, 301), (300, 901), (900, 3601)] {
        let mut browser = gate.browser();
        let (page, code) = asked(&gate, &mut browser, "ann");
        browser.answer(&page, &other_than(&code));
        let locked = browser.get(&page);
        assert_eq!(locked.status(), 429);
        let wait: u64 = locked.field("retry-after").unwrap().parse().unwrap();
        assert!(wait > shorter && wait <= longest, "{wait} s of {longest}");
        gate.later(wait + 1);
    }
}

#[test]
fn c4_a_right_code_clears_what_was_wrong_before() {
    let app = App::new();
    let gate = Setup::new(&app.url()).with(SENDS).start();
    for _ in 0..3 {
        fail(&gate, "ann", 9);
        gate.signed_in("ann");
    }
}

#[test]
fn c4_names_of_one_person_share_their_wrong_answers() {
    let app = App::new();
    let gate = Setup::new(&app.url()).with(SENDS).start();
    for name in [
        "ann",
        " ANN",
        "ann@example.com",
        "(202) 555-0143",
        "Ann@Example.com",
    ] {
        fail(&gate, name, 2);
    }
    // None of the names had ten, so that no page may tell (C7); the person had, and nothing is compared.
    let mut browser = gate.browser();
    let (page, code) = asked(&gate, &mut browser, "ann");
    assert_eq!(browser.get(&page).status(), 200);
    browser.answer(&page, &code);
    assert!(
        browser
            .get(&page)
            .text()
            .contains("That is not the code we sent")
    );
    gate.later(61);
    assert_eq!(location(&browser.answer(&page, &code)), "/");
}

#[test]
fn c6_a_number_gets_five_messages_an_hour_and_a_stranger_sees_nothing_of_it() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let mut signed_in = gate.signed_in("ann");
    for _ in 0..4 {
        gate.browser().ask("/", "ann");
    }
    assert_eq!(gate.sent(), 5);
    let mut stranger = gate.browser();
    let page = stranger.ask("/", "ann@example.com");
    let shown = stranger.get(&page).text();
    assert_eq!(gate.sent(), 5, "the sixth is not sent");
    assert!(shown.contains("If we have a phone number for you, we sent"));
    assert!(!shown.contains("cannot send") && !shown.contains("could not"));
    // Who has shown who they are is told.
    let page = signed_in.step_up("/admin");
    signed_in.press(&page, "send");
    let shown = signed_in.get(&page).text();
    assert_eq!(gate.sent(), 5);
    assert!(shown.contains("We cannot send more codes until"), "{shown}");
    assert!(!shown.contains("name=\"code\""), "there is nothing to type");
    // Another number is another number, and the hour passes.
    gate.browser().ask("/", "bob");
    assert_eq!(gate.sent(), 6);
    gate.later(3601);
    gate.browser().ask("/", "ann");
    assert_eq!(gate.sent(), 7);
}

#[test]
fn c6_a_number_gets_ten_messages_a_day() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    for _ in 0..4 {
        for _ in 0..5 {
            gate.browser().ask("/", "ann");
        }
        gate.later(3601);
    }
    assert_eq!(gate.sent(), 10);
}

#[test]
fn c6_a_network_asks_for_twenty_messages_an_hour() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .users(&people(30))
        .with(PROXIED)
        .start();
    let from = |address: &str| {
        let mut browser = gate.browser();
        browser.from = Some(address.to_owned());
        browser
    };
    // Known or not, and from anywhere in the /24: it counts.
    for n in 0..10 {
        from(&format!("192.0.2.{n}")).ask("/", &format!("user{n}"));
        from("192.0.2.99").ask("/", &format!("nobody{n}"));
    }
    assert_eq!(gate.sent(), 10);
    let mut alike = Vec::new();
    for name in ["user20", "nobody20"] {
        let mut late = from("192.0.2.200");
        let page = late.ask("/", name);
        let shown = late.get(&page).text();
        assert!(shown.contains("We cannot send more codes until"), "{shown}");
        alike.push(shown.len());
    }
    assert_eq!(alike[0], alike[1]);
    assert_eq!(gate.sent(), 10);
    from("198.51.100.7").ask("/", "user21");
    assert_eq!(gate.sent(), 11, "another network is not held to it");
    gate.later(3601);
    from("192.0.2.1").ask("/", "user22");
    assert_eq!(gate.sent(), 12);
}

#[test]
fn c6_a_scope_has_a_budget() {
    let app = App::new();
    let limits = "[limits]\nsends_per_hour = { all = 3 }";
    let gate = Setup::new(&app.url())
        .users(&people(10))
        .with(limits)
        .start();
    let pages: Vec<(Browser, String)> = (0..5)
        .map(|n| {
            let mut browser = gate.browser();
            let page = browser.ask("/", &format!("user{n}"));
            gate.settle();
            (browser, page)
        })
        .collect();
    assert_eq!(gate.sent(), 3);
    let lengths: BTreeSet<usize> = pages
        .into_iter()
        .map(|(mut browser, page)| {
            let text = browser.get(&page).text();
            assert!(text.contains("we sent a 6-digit code"), "{text}");
            text.len()
        })
        .collect();
    assert_eq!(lengths.len(), 1, "a stranger sees what everybody sees");
    // Each scope has its own.
    gate.browser().ask("/admin", "user6");
    assert_eq!(gate.sent(), 4);
}

#[test]
fn a1_a_full_map_turns_the_newest_stranger_away_and_nobody_else_notices() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .users(&(people(1) + super::support::gate::USERS))
        .with(PROXIED)
        .with(SENDS)
        .most(16)
        .start();
    let mut person = gate.signed_in("ann");
    let mut refused = 0;
    for n in 0..40 {
        let mut stranger = gate.browser();
        stranger.from = Some(format!("10.0.{n}.1"));
        let ask = stranger.get("/private");
        if ask.status() == 303 {
            let form = stranger.get("/.countersign/ask/login");
            let named = [("token", &*token(&form)), ("name", "nobody")];
            let answer = stranger.post("/.countersign/ask/login", &named);
            if answer.status() == 303 {
                continue;
            }
            assert_eq!(answer.status(), 503);
        } else {
            assert_eq!((ask.status(), ask.field("retry-after")), (503, Some("30")));
            assert!(ask.text().contains("Very busy"));
        }
        refused += 1;
    }
    assert!(refused >= 24, "{refused} were turned away");
    assert!(gate.running().flow().store.len() <= 16);
    for _ in 0..5 {
        assert_eq!(person.get("/").status(), 200);
    }
    person.pass_step_up("/admin", &gate.messages);
    assert_eq!(person.get("/admin").status(), 200);
    // Room comes back with time.
    gate.later(601);
    gate.running().flow().store.sweep(gate.clock.now());
    let mut stranger = gate.browser();
    stranger.pass_ask("/", "user0", &gate.messages);
}

#[test]
fn a1_one_network_cannot_fill_the_places() {
    let app = App::new();
    let gate = Setup::new(&app.url()).with(PROXIED).most(16).start();
    for n in 0..20 {
        let mut stranger = gate.browser();
        stranger.from = Some(format!("192.0.2.{n}"));
        let status = stranger.get("/private").status();
        assert_eq!(status, if n < 2 { 303 } else { 503 }, "visitor {n}");
    }
    let mut other = gate.browser();
    other.from = Some("198.51.100.1".to_owned());
    assert_eq!(other.get("/private").status(), 303);
}

#[test]
fn c3_of_a_thousand_right_answers_at_once_one_grant_comes() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let mut browser = gate.browser();
    let (page, code) = asked(&gate, &mut browser, "ann");
    let token = token(&browser.get(&page));
    let form = [("token", &*token), ("code", &*code), ("do", "answer")];
    let issued: Vec<Option<String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..40)
            .map(|_| {
                scope.spawn(|| {
                    let answers = (0..25).map(|_| {
                        let mut clicking = browser.clone();
                        let answer = clicking.post(&page, &form);
                        assert_eq!(answer.status(), 303);
                        clicking.cookie("-login").map(str::to_owned)
                    });
                    answers.collect::<Vec<_>>()
                })
            })
            .collect();
        let all = threads.into_iter().map(|thread| thread.join().unwrap());
        all.flatten().collect()
    });
    assert_eq!(issued.len(), 1000);
    let grants: BTreeSet<String> = issued.into_iter().flatten().collect();
    assert_eq!(
        grants.len(),
        1,
        "one grant, handed out again to a double click"
    );
}

#[test]
fn c3_of_a_thousand_right_answers_after_the_first_request_none_opens() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let mut browser = gate.browser();
    let (page, code) = asked(&gate, &mut browser, "ann");
    let token = token(&browser.get(&page));
    let form = [("token", &*token), ("code", &*code), ("do", "answer")];
    let waiting = browser.clone();
    browser.post(&page, &form);
    assert_eq!(browser.get("/").status(), 200);
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let answer = waiting.clone().post(&page, &form);
                    assert!(answer.head.all("set-cookie").is_empty());
                }
            });
        }
    });
}

#[test]
fn c3_of_many_wrong_answers_at_once_five_are_compared() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let mut browser = gate.browser();
    let (page, code) = asked(&gate, &mut browser, "ann");
    let (token, wrong) = (token(&browser.get(&page)), other_than(&code));
    let form = |code| {
        [
            ("token", token.clone()),
            ("code", code),
            ("do", "answer".to_owned()),
        ]
    };
    let waiting = browser.clone();
    let post = |code: &String| {
        let form = form(code.clone());
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, &**value)).collect();
        waiting.clone().post(&page, &form)
    };
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(location(&post(&wrong)), page);
                }
            });
        }
    });
    // Of a hundred five were counted: the subject is not locked, and this challenge is spent.
    let spent = browser.get(&page);
    assert_eq!(spent.status(), 200);
    assert!(spent.text().contains("Too many wrong codes"));
    assert_eq!(location(&post(&code)), page);
}
