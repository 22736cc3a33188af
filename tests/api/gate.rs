//! A gateway with an API and nothing else: in this process, where its clock can be put forward, or as the program.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use countersign::config;
use countersign::message::Channel;
use countersign::observe::clock::Clock;
use countersign::run::{self, Running, Surroundings};
use countersign::store::MOST_CHALLENGES;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::support::gate::Messages;

/// The account that the stories call for, and the one beside it.
pub(crate) const ACCOUNT: &str = "9900000";
pub(crate) const OTHER_ACCOUNT: &str = "9900001";
pub(crate) const USER: &str = "example";
pub(crate) const PASSWORD: &str = "a password with é";

/// What the paper carrier of [`FROM`] sends from; `loose` configurations have none listed.
pub(crate) const FROM: &str = "+12025550101";

/// What a webhook carrier signs with, and its receipts: `file:hook.key`.
pub(crate) const HOOK_KEY: &str = "a key for the hook";

/// Everything but the carriers.
const API: &str = r#"
[api]
listen = "127.0.0.1:0"
[api.accounts.9900000]
name = "Example"
username = "example"
password = "file:api.key"
[api.accounts.9900001]
name = "Other"
username = "other"
password = "file:other.key"
[store.memory]
path = "state"
"#;

/// Messages and calls are printed.
pub(crate) const PAPER: &str = r#"
[carriers.paper.console]
[delivery]
sms = ["paper"]
voice = ["paper"]
"#;

/// What runs.
pub(crate) struct Api {
    /// Where the API is.
    pub(crate) address: SocketAddr,
    /// What was printed in place of being sent.
    pub(crate) messages: Messages,
    work: Work,
    folder: TempDir,
}

enum Work {
    Here(Box<Option<Running>>, Clock),
    Program(Child, Vec<JoinHandle<()>>, Arc<Mutex<String>>),
}

impl Api {
    /// In this process, with these carriers.
    pub(crate) fn here(carriers: &str) -> Self {
        let (folder, clock) = (folder(carriers), Clock::start());
        Self::run(folder, clock, Messages::default())
    }

    fn run(folder: TempDir, clock: Clock, messages: Messages) -> Self {
        let loaded = config::load(&folder.path().join("countersign.toml"));
        let config = loaded
            .config
            .unwrap_or_else(|| panic!("{}", config::diagnostic::render(&loaded.problems, false)));
        let writer: Box<dyn Write + Send> = Box::new(messages.clone());
        let surroundings = Surroundings {
            clock: clock.clone(),
            console: Arc::new(Mutex::new(writer)),
            most_challenges: MOST_CHALLENGES,
            configuration: Some(folder.path().join("countersign.toml")),
        };
        let bound = run::bind(&config.listen, NonZeroUsize::MIN).unwrap();
        let running = run::start(config, bound, surroundings).unwrap();
        Self {
            address: running.api().unwrap().socket,
            messages,
            work: Work::Here(Box::new(Some(running)), clock),
            folder,
        }
    }

    /// Stops it, and starts another with the same files on another port.
    pub(crate) fn restart(mut self) -> Self {
        let Work::Here(running, clock) = &mut self.work else {
            panic!("the program is not restarted");
        };
        running.take().unwrap().stop().unwrap();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        Self::run(folder, clock.clone(), self.messages.clone())
    }

    /// The program itself, with these carriers.
    pub(crate) fn program(carriers: &str) -> Self {
        let folder = folder(carriers);
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["run", "--config"])
            .arg(folder.path().join("countersign.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (messages, log) = (Messages::default(), Arc::<Mutex<String>>::default());
        let (mut printed, mut paper) = (child.stdout.take().unwrap(), messages.clone());
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut address = None;
        while address.is_none() {
            let mut line = String::new();
            let read = said.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended: {}", log.lock().unwrap());
            address = line
                .split_once("\"api\":\"")
                .and_then(|(_, rest)| rest.split('"').next()?.parse().ok());
            log.lock().unwrap().push_str(&line);
        }
        let own = Arc::clone(&log);
        let readers = vec![
            thread::spawn(move || drop(io::copy(&mut printed, &mut paper))),
            thread::spawn(move || {
                for line in said.lines().map_while(Result::ok) {
                    let mut log = own.lock().unwrap();
                    log.push_str(&line);
                    log.push('\n');
                }
            }),
        ];
        Self {
            address: address.unwrap(),
            messages,
            work: Work::Program(child, readers, log),
            folder,
        }
    }

    /// What an SDK is pointed at.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/api/v1", self.address)
    }

    /// Where the program's sites are, if it has any.
    pub(crate) fn sites(&self) -> SocketAddr {
        let Work::Program(_, _, log) = &self.work else {
            panic!("only the program tells it");
        };
        let log = log.lock().unwrap();
        let (_, rest) = log.split_once("\"address\":\"").expect("a site");
        rest.split('"').next().unwrap().parse().unwrap()
    }

    /// How the carrier of a channel does: codes that it took, and codes that were entered.
    pub(crate) fn health(&self, channel: Channel) -> (u64, u64) {
        let Work::Here(running, _) = &self.work else {
            panic!("the program tells nobody");
        };
        let flow = running.as_ref().as_ref().unwrap().flow();
        let health = flow.dispatcher.health();
        let own = health.iter().find(|own| own.channel == channel).unwrap();
        (own.sent, own.entered)
    }

    /// Puts its clock forward.
    pub(crate) fn later(&self, seconds: u64) {
        let Work::Here(_, clock) = &self.work else {
            panic!("the program's clock is the system's");
        };
        clock.advance(Duration::from_secs(seconds));
    }

    /// Writes this into one of its files, and lets it read its configuration again.
    pub(crate) fn reload(&self, file: &str, text: &str) {
        let Work::Here(running, _) = &self.work else {
            panic!("the program is told otherwise");
        };
        fs::write(self.folder.path().join(file), text).unwrap();
        let running = running.as_ref().as_ref().unwrap();
        running.block_on(running.reload()).unwrap();
    }

    /// Stops the program, gently, and gives everything that it logged.
    pub(crate) fn log(mut self) -> String {
        self.end();
        let Work::Program(_, _, log) = &self.work else {
            panic!("only the program has a log of its own");
        };
        log.lock().unwrap().clone()
    }

    fn end(&mut self) {
        match &mut self.work {
            Work::Here(running, _) => {
                if let Some(running) = running.take() {
                    running.stop().unwrap();
                }
            }
            Work::Program(child, readers, _) if !readers.is_empty() => {
                kill_process(Pid::from_child(child), Signal::TERM).unwrap();
                let ended = child.wait().unwrap();
                for reader in readers.drain(..) {
                    reader.join().unwrap();
                }
                assert!(ended.success() || thread::panicking(), "{ended}");
            }
            Work::Program(..) => {}
        }
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.end();
    }
}

fn folder(carriers: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("countersign.toml", format!("{API}{carriers}")),
        ("api.key", PASSWORD.to_owned()),
        ("other.key", "another".to_owned()),
        ("hook.key", HOOK_KEY.to_owned()),
        ("users.toml", String::new()),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    folder
}
