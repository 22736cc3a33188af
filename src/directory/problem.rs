//! A mistake in a directory's file: where it stands, what is wrong, and how to mend it.

use std::fmt;
use std::ops::Range;

/// Something in a users file that must, or should, be mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its line, from 1; 0 if it is the file as a whole.
    pub line: usize,
    /// The character in the line, from 1; 0 if it is the file as a whole.
    pub column: usize,
    /// What is wrong. Fit for a log: numbers are not in it.
    pub message: String,
    /// How to mend it. For whoever wrote the file: a number may be in it.
    pub help: Option<String>,
    /// The bytes of the file that are meant; empty if it is the file as a whole.
    pub span: Range<usize>,
    pub(super) what: What,
}

impl Problem {
    /// A problem of the file as a whole.
    pub(super) fn of_file(message: impl Into<String>, help: Option<&str>) -> Self {
        let (message, help) = (message.into(), help.map(str::to_owned));
        Self {
            line: 0,
            column: 0,
            message,
            help,
            span: 0..0,
            what: What::Wrong,
        }
    }
}

impl fmt::Display for Problem {
    /// `line:column: message; help`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}: ", self.line, self.column)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

/// Whether something is there and wrong, or is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Wrong,
    Missing,
}

/// Where lines begin, so that a place is found without counting from the start each time.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self { text, starts }
    }

    /// Line and character of a byte, both from 1.
    pub(super) fn place(&self, at: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|&start| start <= at).max(1);
        let before = self.text.get(self.starts[line - 1]..at).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}
