//! A call by Bandwidth, all of it: the order at the vendor's socket, its question what to say, and how the call ended.
//!
//! What is said holds a code and stands at an address that everybody can reach: most of this is about who is not told.

use std::sync::{Arc, Barrier};
use std::thread;

use serde_json::{Value, json};
use tokio::runtime::Builder;

use self::vendor::{CALLS, Call, Door, Vendor, basic, https, request, said, told};
use crate::http2::client::Client;
use crate::support::app::App;
use crate::support::browser::{Browser, path_of, token};
use crate::support::gate::{Gate, HOST, Setup};
use crate::support::legacy::{Legacy, PASSWORD};
use crate::support::wire::Answer;

mod vendor;

/// Somebody who is signed in and has asked to be called with a code for another scope.
fn called(gate: &Gate, vendor: &Vendor) -> (Browser, String, Call) {
    let mut browser = gate.browser();
    let page = browser.ask("/", "ann");
    assert_eq!(browser.answer(&page, &vendor.code(gate)).status(), 303);
    let page = browser.step_up("/admin");
    browser.press(&page, "send");
    let before = vendor.asked(gate, CALLS).len();
    gate.later(31);
    browser.press(&page, "voice");
    let call = vendor.call(gate);
    assert_eq!(vendor.asked(gate, CALLS).len(), before + 1);
    (browser, page, call)
}

/// What the page of a code says of its newest message, and what it tells its script.
fn outcome(browser: &mut Browser, page: &str) -> (String, Value) {
    let polled = browser.get(&format!("{page}/state"));
    assert_eq!(polled.status(), 200);
    let told = serde_json::from_slice(&polled.body).unwrap();
    (browser.get(page).text(), told)
}

fn in_clear_text() -> (App, Vendor, Gate) {
    let (app, vendor) = (App::new(), Vendor::new());
    let origin = format!("http://{HOST}");
    let gate = Setup::new(&app.url())
        .with(&vendor.tables(&origin, ""))
        .start();
    (app, vendor, gate)
}

#[test]
fn who_picks_up_hears_the_code_once_and_the_page_says_that_the_call_was_answered() {
    let (app, vendor, gate) = in_clear_text();
    let (mut browser, page, call) = called(&gate, &vendor);
    app.forget();
    for (field, value) in [
        ("to", "+12025550143"),
        ("from", "+12025550101"),
        ("applicationId", "calls"),
        ("answerMethod", "POST"),
        ("disconnectMethod", "POST"),
    ] {
        assert_eq!(call.text(field), value);
    }
    // In clear text a password proves nothing, and the vendor refuses one.
    for field in ["username", "password"] {
        assert_eq!(call.order.get(field), None);
    }
    let origin = format!("http://{HOST}");
    let [script, end] = call.paths(&origin);
    let token = script.strip_prefix("/.countersign/voice/").unwrap();
    assert_eq!(token.len(), 43, "256 bits");
    let (text, state) = outcome(&mut browser, &page);
    assert!(text.contains(">We called at <time"), "{text}");
    assert_eq!(state["state"], "sent");

    let door = Door::Clear(gate.address);
    let heard = told(door, script, &[], &call.event("answer", None).to_string());
    let code = said(&heard);
    let again = told(door, script, &[], &call.event("answer", None).to_string());
    assert_eq!(again.status(), 404, "once");
    assert!(!again.text().contains("SpeakSentence"));
    let (_, state) = outcome(&mut browser, &page);
    assert_eq!(state["state"], "sent", "that it rang tells nobody anything");

    let ended = call.event("disconnect", Some("hangup")).to_string();
    assert_eq!(told(door, end, &[], &ended).status(), 204);
    let (text, state) = outcome(&mut browser, &page);
    assert!(text.contains(">The call was answered at <time"), "{text}");
    assert_eq!(state["state"], "delivered");

    let released = browser.answer(&page, &code);
    assert_eq!(path_of(released.field("location").unwrap()), "/admin");
    assert!(app.seen().is_empty(), "nothing of it goes on");
}

#[test]
fn whoever_asks_otherwise_is_told_nothing_and_takes_nothing_away() {
    let (_app, vendor, gate) = in_clear_text();
    let (mut browser, page, call) = called(&gate, &vendor);
    let (_, _, other) = called(&gate, &vendor);
    let origin = format!("http://{HOST}");
    let ([script, _], [others, _]) = (call.paths(&origin), other.paths(&origin));
    assert_ne!(script, others);
    let door = Door::Clear(gate.address);
    let right = call.event("answer", None).to_string();
    let unknown = told(door, "/.countersign/nothing", &[], &right);
    let no_object = format!("[{right}]");
    let (short, long) = (&script[..script.len() - 1], format!("{script}A"));
    for (path, body) in [
        (script, call.spoiled("callId", &other.id)),
        (script, call.spoiled("callId", "")),
        (script, call.spoiled("tag", other.text("tag"))),
        (script, call.spoiled("tag", "")),
        (script, call.spoiled("eventType", "initiate")),
        (script, call.spoiled("eventType", "disconnect")),
        (script, other.event("answer", None).to_string()),
        (script, no_object),
        (script, "{}".to_owned()),
        (script, String::new()),
        (others, right.clone()),
        (short, right.clone()),
        (&long, right.clone()),
    ] {
        let answer = told(door, path, &[], &body);
        assert_eq!(answer.status(), 404, "{body}");
        assert_eq!(answer.body.len(), unknown.body.len(), "as any other");
    }
    for method in ["GET", "HEAD"] {
        assert_eq!(request(door, method, script, &[], "").status(), 404);
    }
    for method in ["PUT", "DELETE", "OPTIONS"] {
        assert_eq!(request(door, method, script, &[], &right).status(), 405);
    }
    // Of many at once who ask rightly one is told.
    let (gather, asks) = (Arc::new(Barrier::new(8)), 0..8);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let asking: Vec<_> = asks
            .map(|_| {
                let gather = Arc::clone(&gather);
                let right = &right;
                scope.spawn(move || {
                    gather.wait();
                    told(door, script, &[], right)
                })
            })
            .collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let heard: Vec<String> = answers
        .iter()
        .filter(|answer| answer.status() != 404)
        .map(said)
        .collect();
    assert_eq!(heard.len(), 1);
    // And the other call is as it was.
    let door = Door::Clear(gate.address);
    let others_code = said(&told(
        door,
        others,
        &[],
        &other.event("answer", None).to_string(),
    ));
    if others_code != heard[0] {
        let answer = browser.answer(&page, &others_code);
        assert_ne!(answer.field("location"), Some("/admin"), "it opens nothing");
    }
    let released = browser.answer(&page, &heard[0]);
    assert_eq!(path_of(released.field("location").unwrap()), "/admin");
}

#[test]
fn a_call_that_reached_nobody_is_told_and_its_code_stays_good() {
    let (_app, vendor, gate) = in_clear_text();
    let origin = format!("http://{HOST}");
    for cause in ["busy", "timeout", "rejected", "error"] {
        let (mut browser, page, call) = called(&gate, &vendor);
        let [script, end] = call.paths(&origin);
        let door = Door::Clear(gate.address);
        let code = said(&told(
            door,
            script,
            &[],
            &call.event("answer", None).to_string(),
        ));
        let ended = call.event("disconnect", Some(cause)).to_string();
        assert_eq!(told(door, end, &[], &ended).status(), 204);
        let (text, state) = outcome(&mut browser, &page);
        assert_eq!(state["state"], "failed", "{cause}");
        assert!(text.contains(REACHED_NOBODY), "{cause}: {text}");
        let released = browser.answer(&page, &code);
        assert_eq!(path_of(released.field("location").unwrap()), "/admin");
    }
}

#[test]
fn c1_what_to_say_is_known_for_as_long_as_its_code_is_good() {
    let (_app, vendor, gate) = in_clear_text();
    let origin = format!("http://{HOST}");
    for (seconds, status) in [(280, 200), (301, 404)] {
        let (_, _, call) = called(&gate, &vendor);
        let [script, _] = call.paths(&origin);
        gate.later(seconds);
        let asked = call.event("answer", None).to_string();
        let answer = told(Door::Clear(gate.address), script, &[], &asked);
        assert_eq!(answer.status(), status, "{seconds}");
    }
}

/// By TLS, behind a login that is captured: a call has a password of its own, which also proves how it ended.
#[test]
fn c9_by_tls_a_call_is_told_and_ends_by_its_own_password() {
    let (portal, vendor) = (Legacy::default().start(), Vendor::new());
    let folder = tempfile::tempdir().unwrap();
    let gate = https(&portal.url(), &vendor, &folder);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut client = runtime.block_on(Client::new(gate.address));
    let page = runtime.block_on(async {
        assert_eq!(client.get("/login").await.status(), 200);
        let form = [("username", "ann"), ("password", PASSWORD)];
        let held = client.post("/login", &form).await;
        path_of(held.field("location").unwrap())
    });
    assert!(page.starts_with("/.countersign/c/"), "{page}");
    assert_eq!(vendor.code(&gate).len(), 6, "the first went by text");
    gate.later(31);
    runtime.block_on(async {
        let shown = client.get(&page).await;
        let form = [("token", &*token(&shown)), ("do", "voice")];
        client.post(&page, &form).await;
    });
    let call = vendor.call(&gate);
    portal.app.forget();
    let origin = format!("https://{HOST}");
    let [script, end] = call.paths(&origin);
    let door = Door::Tls(gate.address);

    let right = call.event("answer", None).to_string();
    let login = call.login();
    let (name, password) = (call.text("username"), call.text("password"));
    assert_eq!(password.len(), 43, "256 bits");
    let bearer = login.replace("Basic", "Bearer");
    let strangers = [
        vec![],
        vec![basic(name, "")],
        vec![basic(name, &password[..42])],
        vec![basic("caller", password)],
        vec![basic("api-user", "the account's")],
        vec![basic("receipts", "of callbacks")],
        vec![bearer],
        vec![login.clone(), login.clone()],
    ];
    for lines in &strangers {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(told(door, script, &lines, &right).status(), 404);
    }
    for (field, value) in [
        ("callId", "c-0"),
        ("tag", "another"),
        ("eventType", "gather"),
    ] {
        let spoiled = call.spoiled(field, value);
        assert_eq!(told(door, script, &[&login], &spoiled).status(), 404);
    }
    // A machine that is no browser, but keeps what looks like the cookies of one.
    let cookie = "Cookie: __Host-countersign-app=x; __Host-countersign-app=y; sid=z";
    let code = said(&told(door, script, &[&login, cookie], &right));
    assert_eq!(told(door, script, &[&login], &right).status(), 404, "once");

    let ended = call.event("disconnect", Some("hangup")).to_string();
    for lines in &strangers {
        // The account's own credentials for callbacks are as good here as the call's.
        if *lines == [basic("receipts", "of callbacks")] {
            continue;
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(told(door, end, &lines, &ended).status(), 403, "{lines:?}");
    }
    let state = |client: &mut Client| {
        let polled = runtime.block_on(client.get(&format!("{page}/state")));
        let told: Value = serde_json::from_slice(&polled.body).unwrap();
        told["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(&mut client), "sent");
    assert_eq!(told(door, end, &[&login], &ended).status(), 204);
    assert_eq!(state(&mut client), "delivered");

    // Texts are told of with the credentials of the account's callbacks.
    let text = json!([{ "type": "message-delivered", "message": { "id": "m-1" } }]).to_string();
    assert_eq!(told(door, end, &[], &text).status(), 403);
    assert_eq!(told(door, end, &[&login], &text).status(), 403);
    let callbacks = basic("receipts", "of callbacks");
    assert_eq!(told(door, end, &[&callbacks], &text).status(), 204);
    assert!(portal.app.seen().is_empty(), "nothing of it goes on");

    let released = runtime.block_on(async {
        let shown = client.get(&page).await;
        let form = [
            ("token", &*token(&shown)),
            ("code", &code),
            ("do", "answer"),
        ];
        client.post(&page, &form).await
    });
    assert_eq!(
        (
            released.status(),
            &*path_of(released.field("location").unwrap())
        ),
        (303, "/home")
    );
}

/// What the page says of a call that nobody answered.
const REACHED_NOBODY: &str =
    "The call did not get through. Send by text instead, or ask for another call";
