//! What every story in a browser needs: a gateway that talks, and a script that listens to it.

use std::io::{BufRead, BufReader, Write, stderr};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

/// A gateway that runs, and the lines it prints. Ends when dropped.
pub(crate) struct Gateway {
    process: Running,
    /// What it says on its standard output, from the first line on.
    pub(crate) printed: Receiver<String>,
}

impl Gateway {
    /// Starts the binary under test with these arguments and additions to the environment. `logged` hears each line of its
    /// log.
    pub(crate) fn start(
        arguments: &[&str],
        environment: &[(&str, &Path)],
        logged: impl Fn(String) + Send + 'static,
    ) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary was built for this test");
        let lines = BufReader::new(process.stderr.take().expect("piped above")).lines();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = writeln!(stderr(), "{line}");
                logged(line);
            }
        });
        let lines = BufReader::new(process.stdout.take().expect("piped above")).lines();
        let (sender, printed) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = writeln!(stderr(), "gateway| {line}");
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            process: Running(process),
            printed,
        }
    }

    /// Plays a script of `tests/browser/` against `url`; it reads on its standard input what the gateway prints.
    ///
    /// # Panics
    /// If the script ends with anything but success, or the gateway does when it is told to stop afterwards.
    pub(crate) fn play(self, script: &str, url: &str, environment: &[(&str, &str)]) {
        let mut node = Command::new("node")
            .arg(
                Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("tests/browser")
                    .join(script),
            )
            .env("GATE", url)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .spawn()
            .expect("./test installs node");
        let mut ear = node.stdin.take().expect("piped above");
        let Self {
            mut process,
            printed,
        } = self;
        let told = thread::spawn(move || {
            // Ends with the gateway, or with the script's interest in it.
            for line in printed {
                if writeln!(ear, "{line}").is_err() {
                    break;
                }
            }
        });
        let ended = node.wait().expect("a child of ours");
        let stopped = process.stop();
        told.join().expect("it only passes lines on");
        assert!(
            ended.success(),
            "{script}: {ended}; its steps and what was on the page are printed above"
        );
        assert!(stopped.success(), "the gateway, told to stop: {stopped}");
    }
}

/// A process that does not outlive its test.
struct Running(Child);

impl Running {
    /// Asks it to end, as a supervisor does, so that it takes its folders along; and waits until it has.
    fn stop(&mut self) -> ExitStatus {
        if let Ok(None) = self.0.try_wait() {
            let id = Pid::from_child(&self.0);
            kill_process(id, Signal::TERM).expect("a child of ours that was not waited for");
        }
        self.0.wait().expect("a child of ours")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}
