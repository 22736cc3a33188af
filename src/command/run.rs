//! `countersign run`: the gateway in the foreground, under systemd or in a terminal.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

use super::{Exit, check, fail};
use crate::config::{self, LogFormat};
use crate::observe::{self, Format};
use crate::run::{self, NotStarted, Running, Surroundings};

/// Runs until told to stop.
pub fn run(path: &Path) -> Exit {
    let loaded = config::load(path);
    check::tell(&loaded.problems);
    let Some(config) = loaded.config else {
        return Exit::Configuration;
    };
    let text = match config.log_format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => io::stderr().is_terminal(),
    };
    observe::begin(if text { Format::Text } else { Format::Json });
    match start(path, config) {
        Ok(running) => until_stopped(running),
        Err(error) => fail(&error),
    }
}

fn start(path: &Path, config: config::Config) -> Result<Running, NotStarted> {
    let bound = run::bind(&config.listen, run::workers())?;
    // Read again from the same place, wherever this process goes.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let surroundings = Surroundings {
        configuration: Some(path),
        ..Surroundings::default()
    };
    run::start(config, bound, surroundings)
}

/// Waits for SIGTERM, SIGINT or the loss of a worker, then takes everything down. At SIGHUP the configuration's file is read
/// again; where there is none, a terminal was closed.
pub(super) fn until_stopped(running: Running) -> Exit {
    let shutdown = running.shutdown();
    let heard = running.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        // Who reads this may end it at once.
        tell_where(&running);
        notify(&[NotifyState::Ready]);
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                () = shutdown.cancelled() => break,
                _ = hangup.recv() => if !running.has_file() { break },
            }
            // What came of it stands in the log.
            tokio::select! {
                _ = terminate.recv() => break,
                () = shutdown.cancelled() => break,
                _ = running.reload() => {}
            }
        }
        io::Result::Ok(())
    });
    notify(&[NotifyState::Stopping]);
    tracing::info!(event = "stopping", "finishing what is under way");
    match (heard, running.stop()) {
        (Ok(()), Ok(())) => Exit::Ok,
        (Err(error), _) => fail(&error),
        (_, Err(lost)) => fail(&lost),
    }
}

fn tell_where(running: &Running) {
    for address in running.addresses() {
        let scheme = if address.tls { "https" } else { "http" };
        tracing::info!(event = "listening", address = %address.socket, scheme, "taking connections in");
    }
    if let Some(address) = running.api() {
        let scheme = if address.tls { "https" } else { "http" };
        tracing::info!(event = "listening", api = %address.socket, scheme, "taking calls of the API in");
    }
    if let Some(address) = running.admin_address() {
        tracing::info!(event = "watched", at = %address, "metrics and health");
    }
    if let Some(socket) = running.admin_socket() {
        tracing::info!(event = "watched", at = %socket.display(), "metrics, health and orders");
    }
}

/// Tells systemd, where it listens; elsewhere nobody does, and that is no error.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        drop(writeln!(
            io::stderr(),
            "countersign: cannot tell systemd: {error}"
        ));
    }
}
