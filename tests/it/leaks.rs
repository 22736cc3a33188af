//! What is never written down: codes, whole numbers, cookies, tokens (C8, A9).

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use super::support::app::App;
use super::support::browser::{Browser, path_of, token};
use super::support::gate::{Setup, other_than};

/// Everything that was logged in this process.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What a browser has that nobody else may have.
fn secrets(browser: &Browser, all: &mut Vec<String>) {
    all.extend(browser.jar.values().cloned());
}

#[test]
fn c8_a9_nothing_that_opens_anything_is_ever_logged() {
    let log = Log::default();
    let logger = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(logger).unwrap();
    let mut secret = Vec::new();
    let codes = live_through_much(&mut secret);

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for event in [
        "a code is asked for",
        "a code was sent",
        "an answer was refused",
        "a grant was issued",
        "a held request went on",
        "a grant was ended",
        "no message went out",
        "could be read in two ways",
        "users file has changed",
    ] {
        assert!(log.contains(event), "the stories tell of {event:?}: {log}");
    }
    assert!(codes.len() >= 6);
    let standing_alone = |code: &str| {
        log.match_indices(code).any(|(at, _)| {
            let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
            !digit(log[..at].chars().next_back()) && !digit(log[at + code.len()..].chars().next())
        })
    };
    // Times in the log have six digits behind the point as well: a code counts where it is not one of these.
    for code in &codes {
        let stamped = log.matches(&format!(".{code}Z")).count();
        assert!(
            !standing_alone(code) || log.matches(code.as_str()).count() == stamped,
            "the code {code} was logged"
        );
    }
    for text in [
        "2025550143",
        "2025550167",
        "555-0143",
        "hunter2",
        "the-held-body",
        "TopSecretBearer",
        "12345678",
    ] {
        assert!(!log.contains(text), "{text} was logged");
    }
    assert!(log.contains("••••43"), "numbers are masked");
    assert!(secret.len() > 10);
    for value in secret {
        assert!(
            value.len() > 16 && !log.contains(&value),
            "{value} was logged"
        );
    }
}

/// Goes through all the stories, adds what browsers were given, and gives the codes that were sent.
fn live_through_much(secret: &mut Vec<String>) -> Vec<String> {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .with("[limits]\nsends_per_hour = { number = 100, network = 100 }\nsends_per_day = { number = 100 }")
        .start();
    // Wrong codes, a resend, a call, the right code, a double click.
    let mut browser = gate.browser();
    let page = browser.ask("/private?password=hunter2", "(202) 555-0143");
    secrets(&browser, secret);
    let shown = browser.get(&page);
    secret.push(token(&shown));
    let wrong = other_than(&gate.messages.code(1));
    browser.answer(&page, &wrong);
    browser.answer(&page, "12 34 5678");
    gate.later(31);
    browser.press(&page, "send");
    gate.settle();
    gate.later(61);
    browser.press(&page, "voice");
    gate.settle();
    let mut second = browser.clone();
    browser.answer(&page, &gate.messages.code(3));
    let form = [
        ("token", &*token(&shown)),
        ("code", &*gate.messages.code(3)),
        ("do", "answer"),
    ];
    second.post(&page, &form);
    secrets(&browser, secret);
    assert_eq!(browser.get("/private?password=hunter2").status(), 200);
    // A held POST, replayed.
    let own = [
        ("origin", "http://app.localhost"),
        ("authorization", "Bearer TopSecretBearer"),
    ];
    let held = browser.send("POST", "/admin/save", &own, b"the-held-body");
    let admin = path_of(held.field("location").unwrap());
    let before = gate.sent();
    browser.press(&admin, "send");
    browser.answer(&admin, &gate.messages.after(before));
    secrets(&browser, secret);
    browser.get("/admin/save");
    // Carriers down, a lock, a sign-out, a forged cookie, a malformed request, no application.
    gate.messages.break_down();
    gate.browser().ask("/", "bob");
    gate.settle();
    gate.messages.come_back();
    for _ in 0..2 {
        let mut stranger = gate.browser();
        let before = gate.sent();
        let page = stranger.ask("/", "ann");
        let wrong = other_than(&gate.messages.after(before));
        for _ in 0..6 {
            stranger.answer(&page, &wrong);
        }
        secrets(&stranger, secret);
    }
    let out = "/.countersign/sign-out";
    let leaving = token(&browser.get(out));
    let forged = format!("{}x", browser.cookie("-login").unwrap());
    secret.push(forged.clone());
    browser.post(out, &[("token", &leaving)]);
    let mut intruder = gate.browser();
    intruder
        .jar
        .insert("__Host-countersign-app-login".to_owned(), forged);
    intruder.get("/");
    intruder.send("GET", "/%zz?secret=hunter2", &[], b"");
    std::fs::write(
        gate.file("users.toml"),
        "[[user]]\nname = \"x\"\nphone = \"(202) 555-0143\"\n",
    )
    .unwrap();
    gate.browser().ask("/", "ann");
    (1..=gate.sent()).map(|n| gate.messages.code(n)).collect()
}
