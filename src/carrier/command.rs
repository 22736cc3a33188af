//! A program of the operator's, with the message on its standard input.
//!
//! No shell comes between, and the text is in no argument: everybody on the machine can read those. The program gets a
//! PATH and a LANG and nothing else of our environment, `/` as its folder, and a process group of its own, which is
//! killed when its time is over.
//!
//! | it ends with | means (sysexits.h) |
//! | --- | --- |
//! | 0 | taken; the first line of its output may name the message: up to 128 visible ASCII characters |
//! | 65 (`EX_DATAERR`), 67 (`EX_NOUSER`) | nobody has this number; nobody else is asked |
//! | 64 (`EX_USAGE`), 77 (`EX_NOPERM`), 78 (`EX_CONFIG`), 126, 127 | not set up right; the next carrier is asked |
//! | 76 (`EX_PROTOCOL`), 128 and more, a signal, no end in time | it may have sent: nobody else is asked |
//! | any other, 75 (`EX_TEMPFAIL`) among them | not sent; the next carrier is asked |
//!
//! A program that cannot say whether the message went out must therefore end with 76 and not with 1.

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

use super::{Accepted, Carrier, Cause, Failure, Message, Sending, Service, vendor_id};
use crate::phone::sender::Sender;

pub mod argument;

use self::argument::Argument;

/// `[carriers.NAME.command]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program: an absolute path, or a name that is looked for in PATH.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<Argument>,
}

/// The carrier made ready.
pub(super) fn open(settings: &Settings) -> Service {
    Service::Transport(Box::new(Command {
        settings: settings.clone(),
    }))
}

/// The carrier.
struct Command {
    settings: Settings,
}

impl Command {
    async fn run(
        &self,
        message: &Message,
        from: Option<&Sender>,
        within: Duration,
    ) -> Result<Accepted, Failure> {
        let mut program = tokio::process::Command::new(&self.settings.program);
        for argument in &self.settings.arguments {
            program.arg(
                argument
                    .fill(message, from)
                    .map_err(|place| Failure::Config(Cause::Unfilled(place.name())))?,
            );
        }
        let ours =
            |name: &str, default: &str| std::env::var_os(name).unwrap_or_else(|| default.into());
        program
            .env_clear()
            .env("PATH", ours("PATH", "/usr/local/bin:/usr/bin:/bin"))
            .env("LANG", ours("LANG", "C.UTF-8"))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What a program says about a message may hold the message (C8).
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        let mut running = program
            .spawn()
            .map_err(|error| Failure::Config(Cause::Start(error)))?;
        // Until it has ended, whoever gives it up ends all that it started.
        let mut group = Group::of(&running);
        let (input, output) = (running.stdin.take(), running.stdout.take());
        let ended = timeout(within, attend(&mut running, input, output, message)).await;
        let (status, output) = ended.map_err(|_| Failure::Unknown(Cause::Silence))??;
        group.has_ended();
        match failure(status) {
            Some(failure) => Err(failure),
            None => Ok(Accepted {
                id: first_line(&output)
                    .and_then(|name| vendor_id::fit(name, message))
                    .unwrap_or_else(|| message.id.to_string()),
            }),
        }
    }
}

impl Carrier for Command {
    fn send<'a>(
        &'a self,
        message: &'a Message,
        from: Option<&'a Sender>,
        within: Duration,
    ) -> Sending<'a> {
        Box::pin(self.run(message, from, within))
    }
}

/// Writes the message, takes what the program says, and waits for its end: all at once, since any of them can block it.
async fn attend(
    running: &mut Child,
    input: Option<ChildStdin>,
    mut output: Option<ChildStdout>,
    message: &Message,
) -> Result<(ExitStatus, Vec<u8>), Failure> {
    let text = message.text();
    let write = async {
        if let Some(mut input) = input {
            // A program that ends without reading is judged by its end.
            let _ = input.write_all(text.as_str().as_bytes()).await;
        }
    };
    let mut said = Vec::new();
    let listen = async {
        if let Some(output) = &mut output {
            let mut buffer = [0; 1024];
            while let Ok(1..) = output
                .read(&mut buffer)
                .await
                .inspect(|&read| keep(&mut said, &buffer[..read]))
            {}
        }
        // What it left running may keep its output open: its own end is what counts.
        std::future::pending::<()>().await;
    };
    let status = tokio::select! {
        ((), status) = async { tokio::join!(write, running.wait()) } => status,
        () = listen => unreachable!("it never ends"),
    };
    let status = status.map_err(|error| Failure::Unknown(Cause::Broken(error.into())))?;
    if let Some(rest) = output.and_then(|output| output.into_owned_fd().ok()) {
        keep(&mut said, &at_hand(rest));
    }
    Ok((status, said))
}

/// What can be read at once: the end of a program can be seen before the last of its output.
fn at_hand(output: OwnedFd) -> Vec<u8> {
    let mut rest = Vec::new();
    // Tokio hands it back as one that blocks, and what the program left running may never close the other end.
    if ioctl_fionbio(&output, true).is_err() {
        return rest;
    }
    let (mut output, mut buffer) = (std::fs::File::from(output), [0; 1024]);
    while rest.len() < LONGEST_LINE {
        match output.read(&mut buffer) {
            Ok(read @ 1..) => rest.extend_from_slice(&buffer[..read]),
            _ => break,
        }
    }
    rest
}

/// Keeps as much as a first line can have; a program may say more, and nobody listens.
fn keep(said: &mut Vec<u8>, more: &[u8]) {
    let room = LONGEST_LINE.saturating_sub(said.len());
    said.extend_from_slice(&more[..more.len().min(room)]);
}

/// Longer than any name of a message.
const LONGEST_LINE: usize = 1024;

fn first_line(output: &[u8]) -> Option<&str> {
    let line = output.split(|&byte| byte == b'\n').next()?;
    Some(std::str::from_utf8(line).ok()?.trim())
}

/// What the end of the program means; `None` if it took the message.
fn failure(status: ExitStatus) -> Option<Failure> {
    let cause = Cause::Exit(status);
    match status.code() {
        Some(0) => None,
        Some(65 | 67) => Some(Failure::BadNumber(cause)),
        Some(64 | 77 | 78 | 126 | 127) => Some(Failure::Config(cause)),
        // Shells say 128 and more of what a signal ended.
        Some(76 | 128..) | None => Some(Failure::Unknown(cause)),
        Some(_) => Some(Failure::Transient(cause)),
    }
}

/// The processes that the program and its children are, until it has ended.
struct Group(Option<Pid>);

impl Group {
    fn of(running: &Child) -> Self {
        let id = running.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    fn has_ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // The program is still ours to wait for, so the number is nobody else's. One that has just ended is no loss.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

#[cfg(test)]
pub(in crate::carrier) mod tests;
