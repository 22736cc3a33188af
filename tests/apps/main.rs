//! Applications that know nothing of Countersign, behind it: Django's admin and Node-RED, unmodified.
//!
//! The scripts beside this file install and start them; what they install is kept under `target/tmp` between runs.

#[path = "../browser/story.rs"]
mod story;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use story::Gateway;

#[test]
fn django_is_reached_by_a_code_and_then_by_its_own_login() {
    let app = Application::start("django");
    let gate = Gate::before(&app);
    gate.play("django.mjs");
}

#[test]
fn node_red_is_reached_by_a_code_and_keeps_its_websocket() {
    let app = Application::start("nodered");
    let gate = Gate::before(&app);
    let refused = gate.upgrade("/comms");
    assert!(
        refused.starts_with("HTTP/1.1 401 "),
        "an upgrade without a grant got {refused:?}"
    );
    let met = app.upgrade("/comms");
    assert!(
        met.starts_with("HTTP/1.1 101 "),
        "the application itself asks nobody: {met:?}"
    );
    gate.play("nodered.mjs");
}

/// An application that runs on a port of its own; stopped when dropped.
struct Application {
    name: &'static str,
    port: u16,
}

impl Application {
    fn start(name: &'static str) -> Self {
        let app = Self {
            name,
            port: free_port(),
        };
        // One that an interrupted run left behind would have another port.
        app.script("stop");
        app.script("start");
        app
    }

    fn script(&self, action: &str) {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps");
        let done = Command::new("bash")
            .arg(scripts.join(format!("{}.sh", self.name)))
            .arg(action)
            .env(
                "APPS_STATE",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("apps"),
            )
            .env("PORT", self.port.to_string())
            .status()
            .expect("bash is on every machine that runs ./test");
        assert!(done.success(), "{}.sh {action}: {done}", self.name);
    }

    fn upgrade(&self, path: &str) -> String {
        upgrade(self.port, path)
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        // Not `script`: a second panic while one is under way would hide the first.
        let _ = std::panic::catch_unwind(|| self.script("stop"));
    }
}

/// A gateway that asks for a code before it lets anybody reach the application.
struct Gate {
    gateway: Gateway,
    port: u16,
    /// Configuration, users and state; removed with it.
    _folder: tempfile::TempDir,
}

impl Gate {
    fn before(app: &Application) -> Self {
        let folder = tempfile::tempdir().expect("a place for temporary files");
        let (port, root) = (free_port(), folder.path());
        let config = write(root, "countersign.toml", &configuration(port, app, root));
        write(root, "users.toml", USERS);

        // The gateway tells systemd when it is ready; here it tells us, and nobody has to knock until it answers.
        let socket = root.join("notify");
        let notify = UnixDatagram::bind(&socket).expect("a fresh folder");
        notify.set_read_timeout(Some(PATIENCE)).expect("not zero");
        let config = config.to_str().expect("temporary folders have plain names");
        let gateway = Gateway::start(&["run", "--config", config], &[("NOTIFY_SOCKET", &socket)]);
        let mut said = [0; 4096];
        loop {
            let length = notify
                .recv(&mut said)
                .expect("the gateway says that it is ready");
            if said[..length]
                .split(|byte| *byte == b'\n')
                .any(|line| line == b"READY=1")
            {
                return Self {
                    gateway,
                    port,
                    _folder: folder,
                };
            }
        }
    }

    fn upgrade(&self, path: &str) -> String {
        upgrade(self.port, path)
    }

    fn play(self, script: &str) {
        self.gateway
            .play(script, &format!("http://localhost:{}/", self.port), &[]);
    }
}

fn configuration(port: u16, app: &Application, folder: &Path) -> String {
    let (name, upstream, folder) = (app.name, app.port, folder.display());
    format!(
        r#"
[listen]
http = ["127.0.0.1:{port}"]

[sites.{name}]
name = "Legacy {name}"
url = "http://localhost:{port}"
upstream = "http://127.0.0.1:{upstream}"
support = "Help desk, +1 202 555 0100"
directory = "staff"
scopes = ["login"]

[scopes.login]
title = "Sign in"

[directory.staff.file]
path = "{folder}/users.toml"

[carriers.trial.console]

[delivery]
sms = ["trial"]

[store.memory]
path = "{folder}/state"
"#
    )
}

/// Asks for a WebSocket without any cookie and returns the head of the answer.
fn upgrade(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .expect("it reads what it is sent");
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("an answer in time") == 1 {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// A port that was free a moment ago. It has to be known before the one who listens there starts.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .expect("a fresh folder");
    path
}

const USERS: &str = r#"
[[user]]
name = "alice"
phone = "+12025550143"
"#;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
