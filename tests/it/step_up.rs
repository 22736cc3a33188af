//! A second code for a second scope, what is held meanwhile, and grants that run out.

use std::io::Write;

use super::support::app::{App, Asleep};
use super::support::browser::{Browser, path_of, token};
use super::support::gate::{Gate, HOST, Setup};
use super::support::wire::{Answer, connect, read_answer};

const HELD: usize = 1024 * 1024;

fn gate(app: &App) -> Gate {
    Setup::new(&app.url()).start()
}

fn location(answer: &Answer) -> String {
    path_of(answer.field("location").unwrap_or_default())
}

/// Submits something as a page of the site does.
fn submit(browser: &mut Browser, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
    let fields = [
        ("content-type", kind),
        ("origin", "http://app.localhost"),
        ("referer", "http://app.localhost/admin/form?id=7"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-site", "same-origin"),
    ];
    browser.send(method, path, &fields, body)
}

/// Sends the code by the button, types it, and gives the answer.
fn pass(gate: &Gate, browser: &mut Browser, page: &str) -> Answer {
    let before = gate.sent();
    browser.press(page, "send");
    browser.answer(page, &gate.messages.after(before))
}

#[test]
fn admin_needs_a_second_code_and_a_get_sends_nothing() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    let page = browser.step_up("/admin/users?page=2");
    let shown = browser.get(&page).text();
    assert_eq!(gate.sent(), 1, "only the button sends");
    assert!(shown.contains("Confirm it is you"), "{shown}");
    assert!(shown.contains("<bdi dir=\"ltr\">••43</bdi>"), "{shown}");
    assert!(!shown.contains("0143"), "no more than two digits");
    assert!(!shown.contains("name=\"code\""), "nothing to type yet");
    let released = pass(&gate, &mut browser, &page);
    assert_eq!(gate.sent(), 2);
    assert!(gate.messages.all().contains("Administration"));
    assert_eq!(location(&released), "/admin/users?page=2");
    assert_eq!(browser.get("/admin/users?page=2").status(), 200);
    assert_eq!(browser.get("/").status(), 200, "and the first grant stays");
    assert_eq!(
        app.lines(),
        ["GET /admin/users?page=2 HTTP/1.1", "GET / HTTP/1.1"]
    );
}

#[test]
fn a_held_post_is_replayed_once_whole_and_at_its_own_address() {
    let bytes: Vec<u8> = (0..HELD).map(|n| u8::try_from(n % 251).unwrap()).collect();
    for (method, path, kind, body) in [
        (
            "POST",
            "/admin/save?id=7",
            "application/x-www-form-urlencoded",
            &b"a=b&c=%20"[..],
        ),
        ("PUT", "/admin/file", "application/octet-stream", &bytes[..]),
        ("POST", "/admin/empty", "text/plain", &b""[..]),
        (
            "DELETE",
            "/admin/7",
            "text/plain; charset=utf-16",
            &[0, 255, 13, 10][..],
        ),
    ] {
        let app = App::new();
        let gate = gate(&app);
        let mut browser = gate.signed_in("ann");
        let asked = submit(&mut browser, method, path, kind, body);
        assert_eq!((asked.status(), asked.body.len()), (303, 0), "{path}");
        let page = location(&asked);
        assert_eq!(gate.sent(), 1, "a POST sends nothing either");
        let released = pass(&gate, &mut browser, &page);
        assert_eq!(location(&released), path);
        assert!(app.seen().is_empty(), "not before the browser is back");
        let answer = browser.get(path);
        assert_eq!(answer.text(), format!("app saw {method} {path} HTTP/1.1"));
        let replayed = app.last();
        assert_eq!(replayed.body, body, "{path}");
        assert_eq!(replayed.head.field("content-type"), Some(kind));
        // Once: a reload is a GET.
        assert!(browser.cookie(".replay").is_none());
        assert_eq!(
            browser.get(path).text(),
            format!("app saw GET {path} HTTP/1.1")
        );
        assert_eq!(app.seen().len(), 2);
    }
}

#[test]
fn a_held_post_is_replayed_in_its_own_browser_alone_and_never_twice() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    let asked = submit(&mut browser, "POST", "/admin/pay", "text/plain", b"100");
    let page = location(&asked);
    pass(&gate, &mut browser, &page);
    let replay = browser.cookie(".replay").expect("a held POST").to_owned();
    // Another browser of the same person, with everything but the secret.
    let mut other = gate.signed_in("ann");
    other.pass_step_up("/admin", &gate.messages);
    other
        .jar
        .insert("__Host-countersign-app.replay".to_owned(), replay);
    assert_eq!(
        other.get("/admin/pay").text(),
        "app saw GET /admin/pay HTTP/1.1"
    );
    let kept = browser.clone();
    assert_eq!(
        browser.get("/admin/pay").text(),
        "app saw POST /admin/pay HTTP/1.1"
    );
    for mut again in [kept.clone(), kept] {
        assert_eq!(
            again.get("/admin/pay").text(),
            "app saw GET /admin/pay HTTP/1.1"
        );
    }
    let posts = app
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("POST"));
    assert_eq!(posts.count(), 1);
}

/// Another tab of the same browser asks for something between the right code and the way back.
#[test]
fn another_tab_does_not_lose_the_held_post() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    let asked = submit(&mut browser, "POST", "/admin/save", "text/plain", b"1");
    pass(&gate, &mut browser, &location(&asked));
    assert_eq!(browser.get("/news").text(), "app saw GET /news HTTP/1.1");
    let image = [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
    browser.send("GET", "/logo", &image, b"");
    browser.send(
        "POST",
        "/admin/save",
        &[("origin", "http://app.localhost")],
        b"2",
    );
    assert_eq!(
        browser.get("/admin/save").text(),
        "app saw POST /admin/save HTTP/1.1"
    );
    assert_eq!(app.last().body, b"1");
}

/// A path that can be read in two ways needs both grants: what was sent there waits for both codes.
#[test]
fn a_held_post_waits_for_a_second_code_where_one_is_not_enough() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    gate.later(31 * 60);
    let path = "/x/%2e%2e/admin/save";
    let asked = submit(&mut browser, "POST", path, "text/plain", b"both");
    let first = location(&asked);
    let released = pass(&gate, &mut browser, &first);
    assert_eq!(location(&released), path);
    let second = browser.step_up(path);
    assert_ne!(first, second);
    let released = pass(&gate, &mut browser, &second);
    assert_eq!(location(&released), path);
    browser.get(path);
    assert_eq!(app.lines(), [format!("POST {path} HTTP/1.1")]);
    assert_eq!(app.last().body, b"both");
}

/// A page that polls must not push out what its reader has just sent.
#[test]
fn a_script_does_not_push_out_a_held_post() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    let asked = submit(&mut browser, "POST", "/admin/save", "text/plain", b"1");
    let page = location(&asked);
    let script = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")];
    assert_eq!(
        browser.send("GET", "/admin/poll", &script, b"").status(),
        401
    );
    let released = pass(&gate, &mut browser, &page);
    assert_eq!(location(&released), "/admin/save");
    browser.get("/admin/save");
    assert_eq!(app.last().body, b"1");
}

#[test]
fn what_is_too_long_to_be_held_is_to_be_sent_again() {
    let app = App::new();
    let gate = gate(&app);
    for (n, person) in ["ann", "bob"].into_iter().enumerate() {
        let mut browser = gate.signed_in(person);
        let body = vec![b'x'; HELD + 1 + n * 20 * HELD];
        let asked = submit(&mut browser, "POST", "/admin/save", "text/plain", &body);
        assert_eq!(asked.status(), 303);
        let page = location(&asked);
        let released = pass(&gate, &mut browser, &page);
        assert_eq!(location(&released), page);
        let shown = browser.get(&page);
        assert_eq!(shown.status(), 200);
        assert!(shown.text().contains("Please send that again"));
        assert!(
            shown.text().contains("&#x2f;admin&#x2f;form?id=7"),
            "{}",
            shown.text()
        );
        assert!(app.seen().iter().all(|seen| seen.body.is_empty()));
        assert_eq!(browser.get("/admin").status(), 200, "the grant is there");
    }
}

/// A body whose length is not known beforehand is held as well, as far as there is room.
#[test]
fn a_post_in_chunks_is_held_up_to_the_same_bound() {
    let app = App::new();
    let gate = gate(&app);
    for (length, held) in [(3000, true), (HELD, true), (HELD + 1, false)] {
        let mut browser = gate.signed_in("ann");
        let body = vec![b'c'; length];
        let mut chunked = Vec::new();
        for chunk in body.chunks(1000) {
            chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
            chunked.extend(chunk.iter().chain(b"\r\n"));
        }
        chunked.extend(b"0\r\n\r\n");
        let head = format!(
            "POST /admin/save HTTP/1.1\r\nHost: {HOST}\r\nCookie: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
            browser.cookies().unwrap()
        );
        let mut stream = connect(gate.address);
        let sent = [head.as_bytes(), &chunked].concat();
        drop(stream.get_mut().write_all(&sent));
        let asked = read_answer(&mut stream, false).unwrap();
        assert_eq!(asked.status(), 303);
        browser.keep(&asked);
        let page = location(&asked);
        let released = pass(&gate, &mut browser, &page);
        if held {
            assert_eq!(location(&released), "/admin/save");
            browser.get("/admin/save");
            assert!(app.last().body == body, "{length} bytes");
            assert!(app.last().head.first.starts_with("POST "));
        } else {
            assert_eq!(location(&released), page);
            assert!(browser.get(&page).text().contains("Please send that again"));
        }
        gate.later(24 * 3600);
    }
}

#[test]
fn a_strangers_post_is_not_held() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let asked = submit(&mut browser, "POST", "/comment", "text/plain", b"spam");
    assert_eq!(location(&asked), "/.countersign/ask/login");
    let held = gate.running().flow().store.holds.bytes();
    assert!(held < 1024, "{held} bytes are held for a stranger");
    let form = browser.get("/.countersign/ask/login");
    let named = browser.post(
        "/.countersign/ask/login",
        &[("token", &token(&form)), ("name", "ann")],
    );
    let page = location(&named);
    let released = browser.answer(&page, &gate.messages.code(1));
    assert_eq!(location(&released), page);
    assert!(browser.get(&page).text().contains("Please send that again"));
    assert!(app.seen().is_empty());
}

/// No browser is sent back to an address that could lead elsewhere (S9), and a held POST goes nowhere but to its own.
#[test]
fn s9_a_post_to_a_doubtful_address_is_not_replayed_elsewhere() {
    let app = App::new();
    let gate = gate(&app);
    for path in ["/admin/a%5Cb", "/admin/x%0Ay", "//admin/x"] {
        let mut browser = gate.signed_in("bob");
        let asked = submit(&mut browser, "POST", path, "text/plain", b"1");
        if asked.status() == 303 {
            let page = location(&asked);
            let released = pass(&gate, &mut browser, &page);
            assert_eq!(location(&released), page, "{path}");
            assert!(browser.get(&page).text().contains("Please send that again"));
        }
        browser.get("/");
        gate.later(24 * 3600);
    }
    assert!(app.lines().iter().all(|line| line.starts_with("GET")));
}

#[test]
fn a_second_tab_joins_and_the_newest_destination_counts() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    let first = browser.step_up("/admin/a");
    browser.press(&first, "send");
    let second = browser.step_up("/admin/b");
    assert_eq!(first, second);
    assert!(browser.get(&second).text().contains("name=\"code\""));
    assert_eq!(gate.sent(), 2, "no second message");
    let released = browser.answer(&second, &gate.messages.code(2));
    assert_eq!(location(&released), "/admin/b");
    let back = browser.get(&first);
    assert_eq!((back.status(), &*location(&back)), (303, "/admin/b"));
}

#[test]
fn grants_of_two_people_do_not_combine() {
    let app = App::new();
    let gate = gate(&app);
    let mut ann = gate.signed_in("ann");
    let mut bob = gate.signed_in("bob");
    bob.pass_step_up("/admin", &gate.messages);
    assert_eq!(bob.get("/admin").status(), 200);
    let admin = "__Host-countersign-app-admin";
    ann.jar.insert(admin.to_owned(), bob.jar[admin].clone());
    let page = ann.step_up("/admin");
    assert!(ann.get(&page).text().contains("••43"), "ann is asked");
    assert_eq!(app.seen().len(), 1);
}

#[test]
fn a_grant_that_ran_out_is_renewed_by_its_own_challenge() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    gate.later(31 * 60);
    let page = browser.step_up("/private?x=1");
    let shown = browser.get(&page).text();
    assert!(shown.contains("••43"), "{shown}");
    assert_eq!(gate.sent(), 1, "nothing is sent unasked");
    let old = browser.clone();
    let released = pass(&gate, &mut browser, &page);
    assert_eq!(location(&released), "/private?x=1");
    assert_eq!(browser.get("/private?x=1").status(), 200);
    assert_eq!(old.clone().get("/private").status(), 303);
    // What was sent in the meantime is held as in a step-up.
    gate.later(31 * 60);
    let asked = submit(&mut browser, "POST", "/save", "text/plain", b"long letter");
    pass(&gate, &mut browser, &location(&asked));
    assert_eq!(browser.get("/save").text(), "app saw POST /save HTTP/1.1");
    assert_eq!(app.last().body, b"long letter");
}

#[test]
fn a_grant_that_ran_out_a_day_ago_is_nothing() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    gate.later(30 * 60 + 24 * 3600 - 30);
    assert!(location(&browser.get("/")).starts_with("/.countersign/c/"));
    gate.later(60);
    assert_eq!(location(&browser.get("/")), "/.countersign/ask/login");
}

#[test]
fn s5_idle_time_is_kept_by_reissuing_at_most_once_a_minute() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    let first = browser.cookie("-login").unwrap().to_owned();
    for _ in 0..3 {
        assert!(browser.get("/").head.all("set-cookie").is_empty());
    }
    gate.later(60);
    let renewed = browser.get("/");
    let lines = renewed.head.all("set-cookie");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("__Host-countersign-app-login="));
    assert_ne!(browser.cookie("-login").unwrap(), first);
    assert!(browser.get("/").head.all("set-cookie").is_empty());
    // The time of the first one ends, and the newer goes on.
    gate.later(29 * 60 + 30);
    let mut stale = browser.clone();
    stale
        .jar
        .insert("__Host-countersign-app-login".to_owned(), first);
    assert_eq!(stale.get("/").status(), 303);
    assert_eq!(browser.get("/").status(), 200);
}

#[test]
fn s5_a_grant_ends_after_its_whole_life_however_busy() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    for round in 0..35 {
        gate.later(20 * 60);
        assert_eq!(browser.get("/").status(), 200, "after {} min", round * 20);
    }
    gate.later(20 * 60);
    assert_eq!(browser.get("/").status(), 303, "after twelve hours");
}

#[test]
fn who_has_lost_their_number_is_told_so() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    std::fs::write(gate.file("users.toml"), "[[user]]\nname = \"ann\"\n").unwrap();
    let page = browser.step_up("/admin");
    let shown = browser.get(&page);
    assert_eq!(shown.status(), 403);
    assert!(shown.text().contains("We have no phone number for you"));
    assert!(shown.text().contains("Help desk"));
}

#[test]
fn an_application_that_is_down_costs_neither_the_grant_nor_the_held_post() {
    let asleep = Asleep::new();
    let gate = Setup::new(&asleep.url()).start();
    let mut browser = gate.signed_in("ann");
    let down = browser.get("/");
    assert_eq!(down.status(), 502);
    assert!(down.text().contains("Example Portal is not answering"));
    let asked = submit(&mut browser, "POST", "/admin/save", "text/plain", b"kept");
    pass(&gate, &mut browser, &location(&asked));
    for _ in 0..2 {
        let down = browser.get("/admin/save");
        assert_eq!(down.status(), 502);
        assert!(down.text().contains("Your code was right; try again"));
    }
    let app = asleep.wake();
    assert_eq!(
        browser.get("/admin/save").text(),
        "app saw POST /admin/save HTTP/1.1"
    );
    assert_eq!(app.last().body, b"kept");
    assert_eq!(browser.get("/").status(), 200);
}

#[test]
fn a_step_up_is_told_that_carriers_are_down() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    let page = browser.step_up("/admin");
    gate.messages.break_down();
    browser.press(&page, "send");
    let shown = browser.get(&page).text();
    assert!(shown.contains("We could not send the message"), "{shown}");
    assert!(!shown.contains("name=\"code\""), "no code is on its way");
    gate.messages.come_back();
    gate.later(31);
    let released = pass(&gate, &mut browser, &page);
    assert_eq!(location(&released), "/admin");
}
