//! What a program that watches the gateway sees: numbers after a story of sends that work and fail, and health.

use std::io::{BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use tempfile::TempDir;

use super::support::app::App;
use super::support::browser::token;
use super::support::gate::{Setup, other_than};
use super::support::program::Program;
use super::support::wire::{Answer, connect, read_answer};

const REFUSES: &str = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n";

/// A file with a signing key, and the folder that it is in.
pub struct Key {
    folder: TempDir,
}

impl Key {
    pub const TEXT: &str = "a key for the hook";

    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hook.key");
        std::fs::write(&path, Self::TEXT).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        Self { folder }
    }

    /// A carrier that posts to `app`.
    pub fn hook(&self, carrier: &str, app: &App) -> String {
        format!(
            "[carriers.{carrier}.webhook]\nurl = \"{}/send\"\nsigning_key = \"file:{}\"\nprice = \"0.01 USD\"\n",
            app.url(),
            self.path().display()
        )
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("hook.key")
    }
}

fn get(address: SocketAddr, path: &str, host: &str) -> Answer {
    let mut stream = connect(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.get_mut().write_all(request.as_bytes()).unwrap();
    read_answer(&mut stream, false).unwrap()
}

/// The value of a series; `None` if it is not there.
pub fn sample(text: &str, series: &str) -> Option<f64> {
    let mut lines = text.lines().filter_map(|line| line.rsplit_once(' '));
    lines
        .find(|(own, _)| *own == series)
        .map(|(_, value)| value.parse().unwrap())
}

#[test]
fn sends_that_work_and_fail_and_codes_that_are_right_and_wrong_are_counted() {
    let (app, key, hook) = (App::new(), Key::new(), App::answering(REFUSES));
    let gate = Setup::new(&app.url())
        .with(&key.hook("main", &hook))
        .with("[delivery]\nsms = [\"main\", \"paper\"]\nvoice = [\"paper\"]")
        .with("[admin]\nhttp = \"127.0.0.1:0\"")
        .start();
    let address = gate.running().admin_address().unwrap();
    let mut browser = gate.browser();
    let page = browser.ask("/private", "ann");
    let code = gate.messages.code(1);
    let form = token(&browser.get(&page));
    let wrong = other_than(&code);
    browser.post(&page, &[("token", &form), ("code", &wrong)]);
    let answer = browser.post(&page, &[("token", &form), ("code", &code)]);
    assert_eq!(answer.status(), 303);
    gate.settle();

    let answer = get(address, "/metrics", "localhost");
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.field("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let text = answer.text();
    for (series, value) in [
        (
            r#"countersign_messages_total{carrier="main",channel="sms",result="config"}"#,
            1.0,
        ),
        (
            r#"countersign_messages_total{carrier="paper",channel="sms",result="taken"}"#,
            1.0,
        ),
        (
            r#"countersign_carrier_failovers_total{from="main",to="paper"}"#,
            1.0,
        ),
        (r#"countersign_carrier_up{carrier="paper"}"#, 1.0),
        (
            r#"countersign_message_segments_total{carrier="paper"}"#,
            1.0,
        ),
        (
            r#"countersign_message_send_duration_seconds_count{carrier="main"}"#,
            1.0,
        ),
        (
            r#"countersign_challenges_total{scope="login",flow="ask"}"#,
            1.0,
        ),
        (
            r#"countersign_code_checks_total{scope="login",result="wrong"}"#,
            1.0,
        ),
        (
            r#"countersign_code_checks_total{scope="login",result="right"}"#,
            1.0,
        ),
        (
            r#"countersign_challenge_outcomes_total{scope="login",outcome="verified"}"#,
            1.0,
        ),
    ] {
        assert_eq!(sample(&text, series), Some(value), "{series}\n{text}");
    }
    // Prices are main's, and main took nothing.
    assert!(!text.contains("cost_usd_total{"), "{text}");
    for secret in [code.as_str(), "2025550143", "\"ann\""] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn health_is_told_part_by_part_and_only_to_this_machine() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .with("[admin]\nhttp = \"127.0.0.1:0\"")
        .start();
    let address = gate.running().admin_address().unwrap();
    assert_eq!(get(address, "/livez", "127.0.0.1").text(), "ok\n");
    let ready = get(address, "/readyz?verbose", "[::1]:9464");
    assert_eq!(
        (ready.status(), ready.text().as_str()),
        (
            200,
            "[+] configuration: ok\n[+] store: ok\n[+] sms: ok\n[+] voice: ok\nready\n"
        )
    );
    let bent = get(address, "/metrics", "evil.example");
    assert_eq!(bent.status(), 421);
    assert!(!bent.text().contains("countersign_"));
    // Nothing of it is where visitors are.
    for path in ["/metrics", "/readyz", "/.countersign/metrics"] {
        let answer = gate.browser().get(path);
        assert!(!answer.text().contains("countersign_"), "{path}");
        assert_ne!(answer.status(), 200, "{path}");
    }
}

#[test]
fn the_gateway_is_not_ready_where_nothing_can_be_kept() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .with("[admin]\nsocket = \"admin.sock\"")
        .start()
        .stopped();
    let socket = gate.file("admin.sock");
    assert!(!socket.exists(), "it went with the process");
    let program = Program::start(&gate);
    let ready = |what: &str| {
        let stream = UnixStream::connect(&socket).unwrap();
        let mut stream = BufReader::new(stream);
        let request = format!("GET {what} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        let answer = read_answer(&mut stream, false).unwrap();
        (answer.status(), answer.text())
    };
    assert_eq!(ready("/readyz"), (200, "ready\n".to_owned()));
    program.room(false);
    let (status, text) = ready("/readyz");
    assert_eq!(status, 503);
    assert!(
        text.contains("[-] store: the state file cannot be written\n"),
        "{text}"
    );
    assert_eq!(ready("/livez").0, 200);
    program.room(true);
    assert_eq!(
        std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777,
        0o660
    );
    drop(program);
    assert!(!socket.exists());
}

#[test]
fn what_a_killed_gateway_left_behind_is_replaced() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .with("[admin]\nsocket = \"admin.sock\"")
        .start()
        .stopped();
    Program::start(&gate).kill();
    assert!(gate.file("admin.sock").exists());
    let _program = Program::start(&gate);
    assert!(UnixStream::connect(gate.file("admin.sock")).is_ok());
}
