//! The program itself, as a service manager runs it: for what a process can lose and a thread cannot.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};

use super::browser::Browser;
use super::gate::{Gate, HOST, Messages};
use super::wire::{PATIENCE, connect, read_answer};

/// One that runs. Dropping it tells it to end, and it has to do so well.
pub struct Program {
    process: Process,
    /// Where it listens.
    pub address: SocketAddr,
    /// What its console carrier printed.
    pub messages: Messages,
}

/// One that was started and has not said yet where it listens.
pub struct Starting {
    process: Process,
    messages: Messages,
}

struct Process {
    child: Child,
    log: Log,
    readers: Vec<JoinHandle<()>>,
    ended: bool,
}

/// Its log so far, line by line, and whether there will be more.
type Log = Arc<(Mutex<(Vec<String>, bool)>, Condvar)>;

impl Program {
    /// Runs it from the files of a gateway that has stopped.
    pub fn start(gate: &Gate) -> Self {
        Self::begin(gate, Messages::default()).ready()
    }

    /// Runs it where these commands of the shell have set limits: `ulimit -n 128`.
    pub fn limited(gate: &Gate, limits: &str) -> Self {
        Self::under(gate, Messages::default(), limits).ready()
    }

    /// Begins to run it; what its console carrier prints goes to `messages`.
    pub fn begin(gate: &Gate, messages: Messages) -> Starting {
        Self::under(gate, messages, ":")
    }

    fn under(gate: &Gate, messages: Messages, limits: &str) -> Starting {
        // A process that writes beyond its limit is ended by a signal, unless it ignores that, as a disk would not send it.
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(format!(
                "{limits} || exit; trap '' XFSZ; exec \"$0\" run --config \"$1\""
            ))
            .arg(env!("CARGO_BIN_EXE_countersign"))
            .arg(gate.file("countersign.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Log::default();
        let (said, own) = (child.stderr.take().unwrap(), Arc::clone(&log));
        let (mut printed, mut paper) = (child.stdout.take().unwrap(), messages.clone());
        let readers = vec![
            thread::spawn(move || {
                let note = |line: Option<String>| {
                    let mut log = own.0.lock().unwrap();
                    log.1 = line.is_none();
                    log.0.extend(line);
                    own.1.notify_all();
                };
                for line in BufReader::new(said).lines() {
                    note(line.ok());
                }
                note(None);
            }),
            thread::spawn(move || drop(io::copy(&mut printed, &mut paper))),
        ];
        Starting {
            process: Process {
                child,
                log,
                readers,
                ended: false,
            },
            messages,
        }
    }

    /// A new browser at its door.
    pub fn browser(&self) -> Browser {
        Browser::new(self.address, HOST)
    }

    /// From now on nothing can be written, or everything.
    pub fn room(&self, is: bool) {
        let current = (!is).then_some(0);
        let limit = Rlimit {
            current,
            maximum: None,
        };
        prlimit(Some(self.process.pid()), Resource::Fsize, limit).unwrap();
    }

    /// From now on it can open no file, or all that this process might; those that are open stay so.
    pub fn files(&self, are: bool) {
        let maximum = getrlimit(Resource::Nofile).maximum;
        let current = if are { maximum } else { Some(0) };
        let limit = Rlimit { current, maximum };
        prlimit(Some(self.process.pid()), Resource::Nofile, limit).unwrap();
    }

    /// From now on it has this much more of address space than it has taken, in bytes, or all there is.
    pub fn memory(&self, more: Option<u64>) {
        let file = format!("/proc/{}/status", self.process.child.id());
        let text = fs::read_to_string(file).unwrap();
        let (_, size) = text.split_once("VmSize:").unwrap();
        let size: u64 = size.split_whitespace().next().unwrap().parse().unwrap();
        let limit = Rlimit {
            current: more.map(|more| size * 1024 + more),
            maximum: None,
        };
        prlimit(Some(self.process.pid()), Resource::As, limit).unwrap();
    }

    /// How much of the processor's time it has used, in ticks of a hundredth of a second.
    pub fn ticks(&self) -> u64 {
        let file = format!("/proc/{}/stat", self.process.child.id());
        let text = fs::read_to_string(file).unwrap();
        // proc(5): what follows the name begins with field 3; 14 and 15 are utime and stime.
        let (_, rest) = text.rsplit_once(") ").unwrap();
        let fields = rest.split(' ').skip(11).take(2);
        fields.map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }

    /// What its metrics say, where the configuration has them.
    pub fn metrics(&self) -> String {
        let admin = self.process.wait_for(|log| {
            log.iter().find_map(|line| {
                let (_, rest) = line.split_once("\"at\":\"")?;
                rest.split('"').next().unwrap().parse().ok()
            })
        });
        let mut watcher = connect(admin);
        let ask = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
        watcher.get_mut().write_all(ask).unwrap();
        read_answer(&mut watcher, false).unwrap().text()
    }

    /// How many files it has open.
    pub fn open(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.process.child.id());
        fs::read_dir(folder).unwrap().count()
    }

    /// Waits until it has no more files open than this.
    pub fn closes(&self, most: usize) {
        let fewer = (0..300_000).any(|_| {
            thread::yield_now();
            self.open() <= most
        });
        assert!(fewer, "{} files are open, not {most}", self.open());
    }

    /// How many lines it has logged so far.
    pub fn lines(&self) -> usize {
        self.process.log.0.lock().unwrap().0.len()
    }

    /// All that it has logged so far.
    pub fn log(&self) -> String {
        self.process.log.0.lock().unwrap().0.join("\n")
    }

    /// Waits until it has logged one of these events, after the first `from` lines. Gives which.
    pub fn logs<'e>(&self, events: &[&'e str], from: usize) -> &'e str {
        let event = |line: &str| {
            let is = |event: &&&str| line.contains(&format!("\"event\":\"{event}\""));
            events.iter().find(is).copied()
        };
        self.process
            .wait_for(|log| log.iter().skip(from).find_map(|line| event(line)))
    }

    /// Waits until it has logged a line with these words.
    pub fn says(&self, words: &str) {
        let said = |log: &[String]| log.iter().any(|line| line.contains(words)).then_some(());
        self.process.wait_for(said);
    }

    /// Lets it read its configuration again, as people do without systemd.
    pub fn hangup(&self) {
        kill_process(self.process.pid(), Signal::HUP).unwrap();
    }

    /// `kill -9`. When this returns it is gone, and everything that it has said has been read.
    pub fn kill(mut self) {
        self.process.kill();
    }
}

impl Starting {
    /// Waits until it listens.
    pub fn ready(self) -> Program {
        let address = self.process.wait_for(|log| {
            log.iter().find_map(|line| {
                let (_, rest) = line.split_once("\"address\":\"")?;
                rest.split('"').next().unwrap().parse().ok()
            })
        });
        Program {
            process: self.process,
            address,
            messages: self.messages,
        }
    }

    /// `kill -9`, wherever it is.
    pub fn kill(mut self) {
        self.process.kill();
    }
}

impl Process {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until this is found in the log.
    fn wait_for<T>(&self, find: impl Fn(&[String]) -> Option<T>) -> T {
        let (log, more) = &*self.log;
        let mut found = None;
        let (log, _) = more
            .wait_timeout_while(log.lock().unwrap(), PATIENCE, |(lines, ended)| {
                found = find(lines);
                found.is_none() && !*ended
            })
            .unwrap();
        found.unwrap_or_else(|| panic!("it did not say so; it said: {:#?}", log.0))
    }

    fn kill(&mut self) {
        kill_process(self.pid(), Signal::KILL).unwrap();
        self.child.wait().unwrap();
        self.ended = true;
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        kill_process(self.pid(), Signal::TERM).unwrap();
        let ended = self.child.wait().unwrap();
        if !thread::panicking() {
            assert!(ended.success(), "{ended}");
        }
    }
}
