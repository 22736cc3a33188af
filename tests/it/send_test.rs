//! An operator tries the carriers out: `countersign send-test`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::metrics::{Key, sample};
use super::support::app::App;
use super::support::gate::{Gate, HOST, Setup};
use super::support::program::Program;
use super::support::wire::{connect, read_answer};

const TAKES: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"id\":\"hook1\"}";
const REFUSES: &str = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n";
const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\nConnection: close\r\n\r\n{\"id\"";

/// What the command said and how it ended.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    /// The steps of `--json` by their names.
    fn steps(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
            .collect()
    }

    fn names(&self) -> Vec<String> {
        let steps = self.steps();
        steps
            .iter()
            .map(|step| step["step"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn command(config: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .arg("send-test")
        .args(arguments)
        .arg("--config")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn send_test(gate: &Gate, arguments: &[&str]) -> Said {
    let output = command(&gate.file("countersign.toml"), arguments)
        .output()
        .unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The files of a gateway that does not run, with `main` posting to `hook`.
fn files(app: &App, key: &Key, hook: &App) -> Gate {
    setup(app, key, hook).start().stopped()
}

fn setup(app: &App, key: &Key, hook: &App) -> Setup {
    Setup::new(&app.url())
        .with(&key.hook("main", hook))
        .with("[delivery]\nsms = [\"main\"]\nvoice = [\"main\"]\npublic_url = \"http://app.localhost\"")
        .with("[admin]\nsocket = \"admin.sock\"")
}

const NUMBER: &str = "+12025550143";

#[test]
fn without_a_gateway_the_command_sends_by_itself_and_tells_every_step() {
    let (app, key, hook) = (App::new(), Key::new(), App::answering(TAKES));
    let gate = files(&app, &key, &hook);
    let said = send_test(&gate, &[NUMBER]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(
        said.err.contains("admin.sock") && said.err.contains("receipts cannot be followed"),
        "{}",
        said.err
    );
    for part in [
        "countersign.toml read",
        "+12025550143: a number kept for fiction, US",
        "order for sms: main",
        "main: asked",
        " ms, as hook1; 1 segment, 0.010000 USD",
        "no receipt: no gateway that runs takes it in",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    let posted: Value = serde_json::from_slice(&hook.last().body).unwrap();
    let text = posted["text"].as_str().unwrap();
    let code = text
        .strip_prefix("Example Portal: test message ")
        .and_then(|rest| rest.strip_suffix(". It opens nothing."))
        .unwrap_or_else(|| panic!("{text}"));
    assert_eq!(code.len(), 6);
    assert!(!said.out.contains(code), "c8: {}", said.out);
    assert_eq!(posted["receipts"], Value::Null, "nobody would take one in");
}

#[test]
fn a_carrier_that_refuses_or_does_not_say_is_told_in_plain_words() {
    for (answer, class, reason) in [
        (REFUSES, "config", "the answer was 401"),
        (
            HALF,
            "unknown",
            "the carrier did not say whether it took the message",
        ),
    ] {
        let (app, key, hook) = (App::new(), Key::new(), App::answering(answer));
        let said = send_test(&files(&app, &key, &hook), &[NUMBER, "--json"]);
        assert_eq!(said.code, 1, "{}", said.out);
        assert_eq!(
            said.names(),
            [
                "configuration",
                "address",
                "order",
                "asked",
                "failed",
                "unsent",
                "end"
            ]
        );
        let failed = &said.steps()[4];
        assert_eq!(
            (&failed["carrier"], &failed["class"]),
            (&"main".into(), &class.into())
        );
        assert!(
            failed["reason"].as_str().unwrap().contains(reason),
            "{failed}"
        );
        assert_eq!(said.steps()[6]["ok"], false);
        assert_eq!(hook.seen().len(), 1);
    }
}

#[test]
fn a_dry_run_shows_the_text_and_rings_nobody() {
    let (app, key, hook) = (App::new(), Key::new(), App::answering(TAKES));
    let gate = setup(&app, &key, &hook).start();
    for live in [true, false] {
        let gate = if live {
            &gate
        } else {
            &files(&app, &key, &hook)
        };
        for channel in ["sms", "voice"] {
            let said = send_test(gate, &[NUMBER, "--dry-run", "--channel", channel]);
            assert_eq!(said.code, 0, "{}{}", said.out, said.err);
            assert!(said.out.contains("Example Portal"), "{}", said.out);
            assert!(!said.out.contains("asked"), "{}", said.out);
        }
    }
    assert_eq!(hook.seen().len(), 0);
}

#[test]
fn a_number_in_another_form_gets_the_right_one() {
    let (app, key, hook) = (App::new(), Key::new(), App::answering(TAKES));
    let gate = files(&app, &key, &hook);
    for (arguments, why) in [
        (&["(202) 555-0143"] as &[&str], "write \"+12025550143\""),
        (&["2025550143"], "write \"+12025550143\""),
        (&["+1 202 555 0143"], "write \"+12025550143\""),
        (&["5550143"], "begins with + and the country code"),
        (&["-5550143"], "begins with + and the country code"),
        (&["ann@nowhere"], "such as ann@example.com"),
        (
            &[NUMBER, "--channel", "email"],
            "email does not go to a number",
        ),
        (&[NUMBER, "--channel", "fax"], "a channel is"),
        (&[NUMBER, "--wait", "1h"], "at most 10m"),
    ] {
        let said = send_test(&gate, arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {}", said.err);
        assert!(said.err.contains(why), "{arguments:?}: {}", said.err);
        assert_eq!(said.out, "");
    }
    assert_eq!(hook.seen().len(), 0);
}

#[test]
fn a_carrier_that_does_not_exist_gets_the_one_that_was_meant() {
    let (app, key, hook) = (App::new(), Key::new(), App::answering(TAKES));
    let gate = setup(&app, &key, &hook).start();
    let meant = "no carrier is named `mian`; did you mean `main`?";
    for gate in [&gate, &files(&app, &key, &hook)] {
        let said = send_test(gate, &[NUMBER, "--carrier", "mian"]);
        assert_eq!(said.code, 5, "{}", said.err);
        assert!(said.err.contains(meant), "{}", said.err);
        let said = send_test(gate, &[NUMBER, "--carrier", "mian", "--json"]);
        assert_eq!((said.code, said.names()), (5, vec!["refused".to_owned()]));
        assert_eq!(said.steps()[0]["why"], meant);
    }
    assert_eq!(hook.seen().len(), 0);
}

#[test]
fn c6_numbers_that_nobody_is_sent_to_are_refused_here_too() {
    let (app, key, hook) = (App::new(), Key::new(), App::answering(TAKES));
    let gate = setup(&app, &key, &hook).start();
    for (number, why) in [
        ("+19005550123", "not sent to: a premium number"),
        (
            "+442079460000",
            "not sent to: GB is not among the countries that are sent to",
        ),
    ] {
        let said = send_test(&gate, &[number]);
        assert_eq!(said.code, 1, "{}", said.out);
        assert!(said.out.contains(why), "{}", said.out);
    }
    assert_eq!(hook.seen().len(), 0);
}

#[test]
fn a_configuration_with_errors_is_told_where_no_gateway_answers() {
    let (app, key, hook) = (App::new(), Key::new(), App::answering(TAKES));
    let gate = files(&app, &key, &hook);
    let path = gate.file("countersign.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("sms = [\"main\"]", "sms = [\"mian\"]")).unwrap();
    let said = send_test(&gate, &[NUMBER]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("error[C0104]"), "{}", said.err);
}

/// The whole way: the gateway sends, the vendor reports by a signed receipt, the command tells it and ends.
#[test]
fn the_gateway_that_runs_sends_and_its_receipts_are_followed() {
    for (state, told, code) in [("delivered", "delivered", 0), ("failed", "landline", 1)] {
        let (app, key, hook) = (App::new(), Key::new(), App::answering(TAKES));
        let gate = setup(&app, &key, &hook).start();
        let mut child = command(
            &gate.file("countersign.toml"),
            &[NUMBER, "--json", "--wait", "30s"],
        )
        .spawn()
        .unwrap();
        let mut steps = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let step: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if step["step"] == "waiting" {
                report(&gate, &hook, "sent");
                report(&gate, &hook, state);
            }
            steps.push(step);
        }
        assert_eq!(child.wait().unwrap().code(), Some(code), "{steps:#?}");
        let names: Vec<&str> = steps
            .iter()
            .map(|step| step["step"].as_str().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "configuration",
                "address",
                "order",
                "asked",
                "taken",
                "waiting",
                "receipt",
                "receipt",
                "end"
            ]
        );
        assert_eq!(steps[0]["gateway"], true);
        assert_eq!(steps[6]["state"], "sent");
        assert_eq!(steps[7]["state"], told);
        assert_eq!(hook.seen().len(), 1);
    }
}

/// Posts a receipt of the last message as the receiver of a webhook does.
fn report(gate: &Gate, hook: &App, state: &str) {
    let posted: Value = serde_json::from_slice(&hook.last().body).unwrap();
    let address = posted["receipts"]
        .as_str()
        .expect("an address for receipts");
    let path = address.strip_prefix("http://app.localhost").unwrap();
    let body = format!("{{\"id\":\"hook1\",\"state\":\"{state}\",\"reason\":\"landline\"}}");
    let time = gate.clock.now().unix;
    let mac = Hmac::<Sha256>::new_from_slice(Key::TEXT.as_bytes())
        .unwrap()
        .chain_update(format!("{time}.{body}"))
        .finalize()
        .into_bytes();
    let mac: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Countersign-Signature: t={time},v1={mac}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = connect(gate.address);
    stream.get_mut().write_all(request.as_bytes()).unwrap();
    let answer = read_answer(&mut stream, false).unwrap();
    assert_eq!(answer.status(), 204, "{}", answer.text());
}

/// It costs nobody a message of theirs, its numbers are counted, and the log knows who did it and no number.
#[test]
fn a9_c8_a_test_counts_in_metrics_and_in_nobodys_limits_and_is_logged_by_who_did_it() {
    let (app, key, hook) = (App::new(), Key::new(), App::answering(TAKES));
    let gate = setup(&app, &key, &hook)
        .with("[limits]\nsends_per_hour = { number = 1 }")
        .start()
        .stopped();
    let program = Program::start(&gate);
    for _ in 0..3 {
        let said = send_test(&gate, &[NUMBER, "--wait", "0s"]);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        assert!(said.out.contains("the gateway at "), "{}", said.out);
    }
    program.browser().ask("/", "ann");
    assert_eq!(
        program.logs(&["challenge.sent", "challenge.unsent"], 0),
        "challenge.sent"
    );

    let stream = std::os::unix::net::UnixStream::connect(gate.file("admin.sock")).unwrap();
    let mut stream = BufReader::new(stream);
    let request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.get_mut().write_all(request).unwrap();
    let text = read_answer(&mut stream, false).unwrap().text();
    for (series, value) in [
        (
            r#"countersign_messages_total{carrier="main",channel="sms",result="taken"}"#,
            4.0,
        ),
        (
            r#"countersign_message_cost_usd_total{carrier="main",channel="sms"}"#,
            0.04,
        ),
    ] {
        assert_eq!(sample(&text, series), Some(value), "{series}\n{text}");
    }
    let log = program.log();
    let ordered: Vec<Value> = log
        .lines()
        .filter(|line| line.contains("\"admin.command\""))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(ordered.len(), 3);
    let own = rustix::process::getuid().as_raw();
    assert_eq!(ordered[0]["uid"], own);
    assert_eq!(ordered[0]["command"], "send-test");
    assert!(ordered[0]["pid"].as_i64().is_some());
    assert!(
        log.contains("+1••••43") && !log.contains("2025550143"),
        "{log}"
    );
    for sent in hook.seen() {
        let posted: Value = serde_json::from_slice(&sent.body).unwrap();
        let text = posted["text"].as_str().unwrap();
        let code = text.split_once("test message ").map(|(_, rest)| &rest[..6]);
        assert!(code.is_none_or(|code| !log.contains(code)), "{log}");
    }
}
