//! A tool that is run to its end, or while something else happens.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Lines};
use std::mem;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// No tool runs for longer: `timeout` ends it then, and the test has failed.
const MOST: &str = "240";

/// One that runs. What it says on both of its outputs is read line by line. Dropping it ends it.
pub struct Tool {
    name: String,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    said: String,
    ended: bool,
}

impl Tool {
    /// Starts it.
    pub fn start(name: &str, arguments: &[&dyn Display]) -> Self {
        // Line by line also where the output is no terminal; both outputs are one.
        let mut child = Command::new("timeout")
            .args([MOST, "stdbuf", "-oL", "sh", "-c"])
            .args(["exec \"$0\" \"$@\" 2>&1", name])
            .args(arguments.iter().map(ToString::to_string))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            name: name.to_owned(),
            child,
            lines,
            said: String::new(),
            ended: false,
        }
    }

    /// The next line without colours; `None` when it has ended.
    pub fn line(&mut self) -> Option<String> {
        let line = plain(&self.lines.next()?.unwrap());
        self.said.push_str(&line);
        self.said.push('\n');
        Some(line)
    }

    /// Everything that it says until it has ended, however it does.
    pub fn said(mut self) -> String {
        self.read().1
    }

    /// Everything that it says until it has ended, and it has to end well.
    pub fn end(mut self) -> String {
        let (code, said) = self.read();
        assert!(code.success(), "{}: {code}", self.name);
        said
    }

    fn read(&mut self) -> (ExitStatus, String) {
        while self.line().is_some() {}
        let code = self.child.wait().unwrap();
        self.ended = true;
        let (name, said) = (&self.name, mem::take(&mut self.said));
        eprintln!("{name} said:\n{said}");
        let installed = code.code() != Some(127);
        assert!(installed, "{name} is not installed: ./test does that");
        (code, said)
    }
}

/// `timeout` tells the tool to end as it is told itself.
impl Drop for Tool {
    fn drop(&mut self) {
        if !self.ended {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            drop(self.child.wait());
        }
    }
}

/// Runs it to its end.
pub fn run(name: &str, arguments: &[&dyn Display]) -> String {
    Tool::start(name, arguments).end()
}

/// The number that stands before `word` in the first line that has both.
pub fn before(text: &str, word: &str) -> usize {
    let number = |line: &str| {
        let (head, _) = line.split_once(word)?;
        head.split_whitespace().last()?.parse().ok()
    };
    text.lines()
        .find_map(number)
        .unwrap_or_else(|| panic!("no number before {word:?} in:\n{text}"))
}

fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((text, colour)) = rest.split_once("\u{1b}[") {
        plain.push_str(text);
        let end = colour.find(|c: char| c.is_ascii_alphabetic());
        rest = end.map_or("", |end| &colour[end + 1..]);
    }
    plain + rest
}
