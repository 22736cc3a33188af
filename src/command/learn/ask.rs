//! Who signs in: name and password, typed at a prompt or given as two lines on standard input; never as arguments.

use std::io::{self, BufRead, IsTerminal, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::failure::Failure;
use crate::secret::Secret;

/// Good credentials. The password is wiped when they are dropped.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: Secret,
}

impl Credentials {
    /// The password, for the one form or field that it is written into.
    pub(super) fn password(&self) -> &str {
        // It was read as text.
        std::str::from_utf8(self.password.expose()).unwrap_or_default()
    }
}

/// The longest line that is read: no name or password is longer.
const LONGEST: usize = 4096;

/// Asks for what is not given.
pub(super) fn credentials(username: Option<&str>) -> Result<Credentials, Failure> {
    let input = io::stdin();
    let mut input = input.lock();
    let typed = input.is_terminal();
    let username = if let Some(username) = username {
        username.to_owned()
    } else {
        prompt(typed, "User name in the application: ")?;
        line(&mut input)?.to_string()
    };
    prompt(typed, "Password (not shown, not kept): ")?;
    let password = {
        let _quiet = typed
            .then(Quiet::begin)
            .transpose()
            .map_err(Failure::Unread)?;
        line(&mut input)?
    };
    if typed {
        // The line end that was typed did not show either.
        prompt(true, "\n")?;
    }
    if username.trim().is_empty() || password.is_empty() {
        return Err(Failure::Nobody);
    }
    Ok(Credentials {
        username,
        password: Secret::new(password.as_bytes().to_vec()),
    })
}

fn prompt(shown: bool, text: &str) -> Result<(), Failure> {
    let mut err = io::stderr();
    if shown {
        let written = err.write_all(text.as_bytes()).and_then(|()| err.flush());
        written.map_err(Failure::Unread)?;
    }
    Ok(())
}

/// One line without its end. Of an input that has ended it is empty.
fn line(from: &mut impl BufRead) -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::with_capacity(LONGEST));
    let mut limited = io::Read::take(from, LONGEST as u64);
    limited.read_line(&mut line).map_err(Failure::Unread)?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}

/// As long as this lives the terminal shows nothing of what is typed.
struct Quiet(Termios);

impl Quiet {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Where it fails the terminal is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_to_their_end_whatever_it_is() {
        let mut input = &b"ann\r\n pass word \nmore"[..];
        assert_eq!(*line(&mut input).unwrap(), "ann");
        assert_eq!(*line(&mut input).unwrap(), " pass word ");
        assert_eq!(*line(&mut input).unwrap(), "more");
        assert_eq!(*line(&mut input).unwrap(), "");
    }

    #[test]
    fn c8_a_password_is_not_in_the_debug_text() {
        let credentials = Credentials {
            username: "ann".to_owned(),
            password: Secret::new(b"hunter2".to_vec()),
        };
        assert!(!format!("{credentials:?}").contains("hunter2"));
        assert_eq!(credentials.password(), "hunter2");
    }
}
