//! What runs behind a door: the program as it is installed, or the same gateway inside the test, whose clock can be put forward.

use std::io::{self, Write, stderr};
use std::num::NonZeroUsize;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::config;
use countersign::observe::clock::Clock;
use countersign::run::{self, Running, Surroundings};
use countersign::store::MOST_CHALLENGES;

use super::story::Gateway;
use super::wire::PATIENCE;

pub enum Engine {
    /// The program, and what it logs, line by line.
    Program(Gateway, Receiver<String>),
    /// The same without a process of its own.
    Inside {
        running: Box<Running>,
        clock: Clock,
        /// What its console carrier printed.
        printed: Receiver<String>,
    },
}

/// How often somebody looks whether a gateway that is not ready yet is still there.
const STEP: Duration = Duration::from_millis(250);

impl Engine {
    /// Starts the program; `folder` is one for its notes.
    pub fn program(config: &Path, folder: &Path) -> Self {
        // The gateway tells systemd when it is ready; here it tells us, and nobody has to knock until it answers.
        let socket = folder.join("notify");
        let notify = UnixDatagram::bind(&socket).expect("a fresh folder");
        notify.set_read_timeout(Some(STEP)).expect("not zero");
        let config = config.to_str().expect("temporary folders have plain names");
        let (sender, log) = channel();
        let gateway = Gateway::start(
            &["run", "--config", config],
            &[("NOTIFY_SOCKET", &socket)],
            // Most tests do not listen.
            move |line| drop(sender.send(line)),
        );
        let mut said = [0; 4096];
        for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
            let length = notify.recv(&mut said).unwrap_or_default();
            let mut lines = said[..length].split(|byte| *byte == b'\n');
            if lines.any(|line| line == b"READY=1") {
                return Self::Program(gateway, log);
            }
            let ended = gateway.printed.try_recv() == Err(TryRecvError::Disconnected);
            assert!(!ended, "the gateway ended; what it said is printed above");
        }
        panic!("the gateway is not ready after {PATIENCE:?}");
    }

    /// Starts one in this process.
    pub fn inside(config: &Path) -> Self {
        let loaded = config::load(config);
        let config = loaded
            .config
            .unwrap_or_else(|| panic!("{}", config::diagnostic::render(&loaded.problems, false)));
        let (sender, printed) = channel();
        let console: Box<dyn Write + Send> = Box::new(Lines {
            sender,
            begun: Vec::new(),
        });
        let clock = Clock::start();
        let surroundings = Surroundings {
            clock: clock.clone(),
            console: Arc::new(Mutex::new(console)),
            most_challenges: MOST_CHALLENGES,
            configuration: None,
        };
        let bound = run::bind(&config.listen, NonZeroUsize::MIN).expect("a port that was free");
        let running = run::start(config, bound, surroundings).expect("a whole configuration");
        Self::Inside {
            running: Box::new(running),
            clock,
            printed,
        }
    }

    /// What it prints, line by line.
    pub fn printed(&self) -> &Receiver<String> {
        match self {
            Self::Program(gateway, _) => &gateway.printed,
            Self::Inside { printed, .. } => printed,
        }
    }

    /// Puts its clock forward; the application's goes on as it does.
    pub fn later(&self, by: Duration) {
        match self {
            Self::Program(..) => panic!("nobody moves the clock of a program"),
            Self::Inside { clock, .. } => clock.advance(by),
        }
    }

    /// Ends it, with what it has begun. Gives what was printed and not read, and its log: none where it is no process.
    pub fn ended(self) -> (Vec<String>, Vec<String>) {
        match self {
            Self::Program(gateway, log) => {
                // Whatever is left of a gateway whose lines are taken out ends in this block.
                let printed = { gateway }.printed;
                (printed.iter().collect(), log.iter().collect())
            }
            Self::Inside {
                running, printed, ..
            } => {
                running.stop().expect("it ends what it has begun");
                (printed.try_iter().collect(), Vec::new())
            }
        }
    }
}

/// Passes on what is printed, a line at a time.
struct Lines {
    sender: Sender<String>,
    begun: Vec<u8>,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            if *byte != b'\n' {
                self.begun.push(*byte);
                continue;
            }
            let line = String::from_utf8_lossy(&self.begun).into_owned();
            self.begun.clear();
            let _ = writeln!(stderr(), "gateway| {line}");
            // Nobody listens any more where a test has failed.
            let _ = self.sender.send(line);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
