//! What every story in a browser needs: a gateway that talks, and a script that listens to it.

use std::io::{BufRead, BufReader, Write, stderr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// A gateway that runs, and the lines it prints. Ends when dropped.
pub(crate) struct Gateway {
    process: Running,
    /// What it says on its standard output, from the first line on.
    pub(crate) printed: Receiver<String>,
}

impl Gateway {
    /// Starts the binary under test with these arguments and additions to the environment.
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, &Path)]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary was built for this test");
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
    /// If the script ends with anything but success.
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
        let Self { process, printed } = self;
        let told = thread::spawn(move || {
            // Ends with the gateway, or with the script's interest in it.
            for line in printed {
                if writeln!(ear, "{line}").is_err() {
                    break;
                }
            }
        });
        let ended = node.wait().expect("a child of ours");
        drop(process);
        told.join().expect("it only passes lines on");
        assert!(
            ended.success(),
            "{script}: {ended}; its steps and what was on the page are printed above"
        );
    }
}

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
