//! An application on a port of its own, and a gateway before it whose messages are read and counted.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;

use super::engine::Engine;
use super::tls::Trust;
use super::visitor::Visitor;
use super::wire::PATIENCE;

/// An application that runs; stopped when dropped.
pub struct Application {
    name: &'static str,
    settings: &'static [(&'static str, &'static str)],
    pub port: u16,
}

impl Application {
    /// Installs it where that was not done yet, and starts it.
    pub fn start(name: &'static str) -> Self {
        Self::start_with(name, &[])
    }

    /// The same with what its script takes from the environment.
    pub fn start_with(
        name: &'static str,
        settings: &'static [(&'static str, &'static str)],
    ) -> Self {
        let app = Self {
            name,
            settings,
            port: free_port(),
        };
        // One that an interrupted run left behind would have another port.
        app.script("stop");
        app.script("start");
        app
    }

    /// Somebody who talks to it directly, past the gateway.
    pub fn visitor(&self) -> Visitor {
        Visitor::at("127.0.0.1", self.port)
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
            .envs(self.settings.iter().copied())
            .status()
            .expect("bash is on every machine that runs ./test");
        assert!(done.success(), "{}.sh {action}: {done}", self.name);
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        // Not `script`: a second panic while one is under way would hide the first.
        let _ = std::panic::catch_unwind(|| self.script("stop"));
    }
}

/// A gateway before an application.
pub struct Gate {
    engine: Engine,
    pub port: u16,
    /// What its visitors trust, where it speaks TLS.
    trust: Option<Trust>,
    read: usize,
    /// Configuration, users and state; removed with it.
    _folder: TempDir,
}

/// What came to a phone.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// The number.
    pub to: String,
    pub code: String,
}

/// The public name of a gate that speaks TLS: none of the application's own.
pub const PUBLIC: &str = "app.example.test";

/// Nearly as long as a login is held and its code is good (both 5 minutes where nothing is said).
pub const LONG: Duration = Duration::from_secs(290);

/// The numbers on record.
pub const ALICE: &str = "+12025550143";
pub const BOB: &str = "+12025550144";

impl Gate {
    /// Starts one on `http://localhost`. `site` are further lines of the site's table, with its routes, captures and scopes of
    /// its own; `preset`, `host` and the like before the first of them.
    pub fn before(app: &Application, site: &str) -> Self {
        Self::plain(app, site, Engine::program)
    }

    /// The same inside the test: its clock can be put forward.
    pub fn with_a_clock(app: &Application, site: &str) -> Self {
        Self::plain(app, site, |config, _| Engine::inside(config))
    }

    /// The same with its first scope in shadow.
    pub fn in_shadow_before(app: &Application, site: &str) -> Self {
        let folder = tempfile::tempdir().expect("a place for temporary files");
        let port = free_port();
        let listen = format!("http = [\"127.0.0.1:{port}\"]");
        let text = configuration(&listen, &format!("http://localhost:{port}"), app, site);
        let text = text.replace("[scopes.login]\n", "[scopes.login]\nshadow = true\n");
        Self::start(folder, port, None, &text, Engine::program)
    }

    fn plain(app: &Application, site: &str, engine: fn(&Path, &Path) -> Engine) -> Self {
        let folder = tempfile::tempdir().expect("a place for temporary files");
        let port = free_port();
        let listen = format!("http = [\"127.0.0.1:{port}\"]");
        let url = format!("http://localhost:{port}");
        let text = configuration(&listen, &url, app, site);
        Self::start(folder, port, None, &text, engine)
    }

    /// Starts one on `http://localhost` with whatever site is written for that address.
    pub fn of(site: impl FnOnce(&str) -> String) -> Self {
        let folder = tempfile::tempdir().expect("a place for temporary files");
        let port = free_port();
        let listen = format!("http = [\"127.0.0.1:{port}\"]");
        let text = around(&listen, &site(&format!("http://localhost:{port}")));
        Self::start(folder, port, None, &text, Engine::program)
    }

    /// Starts one on `https://app.example.test`, with a certificate of its own making. Everything an application says of its
    /// own scheme, name and port is wrong there.
    pub fn over_tls(app: &Application, site: &str) -> Self {
        let folder = tempfile::tempdir().expect("a place for temporary files");
        let port = free_port();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([PUBLIC.to_owned()]).expect("a plain name");
        let chain = write(folder.path(), "cert.pem", &cert.pem());
        let key = write(folder.path(), "key.pem", &signing_key.serialize_pem());
        let listen = format!(
            "https = [\"127.0.0.1:{port}\"]\ncert = \"{}\"\nkey = \"file:{}\"",
            chain.display(),
            key.display()
        );
        let url = format!("https://{PUBLIC}:{port}");
        let trust = Trust::of(cert.der());
        let text = configuration(&listen, &url, app, site);
        Self::start(folder, port, Some(trust), &text, Engine::program)
    }

    fn start(
        folder: TempDir,
        port: u16,
        trust: Option<Trust>,
        text: &str,
        engine: fn(&Path, &Path) -> Engine,
    ) -> Self {
        let root = folder.path();
        let config = write(root, "countersign.toml", text);
        write(root, "users.toml", &users());
        Self {
            engine: engine(&config, root),
            port,
            trust,
            read: 0,
            _folder: folder,
        }
    }

    /// A new browser at its door.
    pub fn visitor(&self) -> Visitor {
        match &self.trust {
            Some(trust) => Visitor::over_tls(PUBLIC, self.port, trust.clone()),
            None => Visitor::at("localhost", self.port),
        }
    }

    /// The next message. Panics if none comes.
    pub fn message(&mut self) -> Message {
        self.read += 1;
        next(|| self.engine.printed().recv_timeout(PATIENCE).ok()).expect("a message comes")
    }

    /// Puts its clock forward; the application's stays.
    pub fn later(&self, by: Duration) {
        self.engine.later(by);
    }

    /// Stops it. Since it ends what it has begun, everything that it sent has been printed then: exactly `sent` messages.
    /// Gives its log, line by line.
    pub fn ends_having_sent(self, sent: usize) -> Vec<String> {
        let (printed, log) = self.engine.ended();
        let mut printed = printed.into_iter();
        let mut unread = Vec::new();
        while let Some(message) = next(|| printed.next()) {
            unread.push(message);
        }
        assert_eq!(
            self.read + unread.len(),
            sent,
            "nobody waited for {unread:?}"
        );
        log
    }

    /// Plays a script of `tests/browser/` against it. Its browser believes any certificate.
    pub fn play(self, script: &str) {
        let url = format!("{}/", self.visitor().origin());
        let Engine::Program(gateway, _) = self.engine else {
            panic!("a browser's story is played against the program");
        };
        gateway.play(script, &url, &[]);
    }
}

/// Reads a message as the console prints it: a line that names the number, one that ends in `@host #code`.
fn next(mut line: impl FnMut() -> Option<String>) -> Option<Message> {
    let mut to = None;
    loop {
        let line = line()?;
        if let Some((_, rest)) = line.split_once(" text message to ") {
            to = rest.split(' ').next().map(str::to_owned);
        }
        let code = ["localhost", PUBLIC]
            .iter()
            .find_map(|host| Some(line.split_once(&format!("@{host} #"))?.1));
        if let (Some(to), Some(code)) = (&to, code) {
            return Some(Message {
                to: to.clone(),
                code: code.trim().to_owned(),
            });
        }
    }
}

/// What `countersign doctor` says of an application behind a site of these lines, and its exit code; no gateway runs.
pub fn doctor(app: &Application, site: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a place for temporary files");
    let listen = "http = [\"127.0.0.1:8080\"]";
    let text = configuration(listen, "http://localhost:8080", app, site);
    let config = write(folder.path(), "countersign.toml", &text);
    write(folder.path(), "users.toml", &users());
    let said = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["doctor", "--config"])
        .arg(config)
        .output()
        .expect("it was built for these tests");
    let text = [said.stdout, said.stderr].concat();
    (
        said.status.code(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

fn configuration(listen: &str, url: &str, app: &Application, site: &str) -> String {
    let (name, upstream) = (app.name, app.port);
    let site = format!(
        r#"[sites.{name}]
name = "Legacy {name}"
url = "{url}"
upstream = "http://127.0.0.1:{upstream}"
support = "Help desk, +1 202 555 0100"
directory = "staff"
{site}"#
    );
    around(listen, &site)
}

/// A configuration with this site.
fn around(listen: &str, site: &str) -> String {
    format!(
        r#"
[listen]
{listen}

{site}

[scopes.login]
title = "Sign in"

[directory.staff.file]
path = "users.toml"

[carriers.trial.console]

[delivery]
sms = ["trial"]

[limits]
sends_per_hour = {{ number = 100 }}
sends_per_day = {{ number = 100 }}

[store.memory]
path = "state"
"#
    )
}

/// Who is on record. Some applications take a mail address for a name.
fn users() -> String {
    let user = |name, phone| {
        format!(
            "[[user]]\nname = \"{name}\"\naliases = [\"{name}@example.test\"]\nphone = \"{phone}\"\n"
        )
    };
    user("alice", ALICE) + &user("bob", BOB)
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
