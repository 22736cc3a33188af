//! What an operator sees: the clock is read here and the log is written here.

use std::panic::{self, PanicHookInfo};
use std::{io, thread};

use tracing::field::display;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, dispatcher, error, info, warn};
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::{EnvFilter, fmt, registry};

use crate::event::{Event, What};

mod api;
pub mod carriers;
pub mod clock;
pub mod fan;
pub mod metrics;

/// `[log] format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One object a line (A9).
    Json,
}

/// Begins to log to standard error, as much as `COUNTERSIGN_LOG` asks for.
pub fn begin(format: Format) {
    begin_at(format, "info");
}

/// As [`begin`], for a terminal in which something else is shown: only what went wrong.
pub fn begin_with_warnings() {
    begin_at(Format::Text, "warn");
}

fn begin_at(format: Format, usual: &str) {
    let wanted = std::env::var("COUNTERSIGN_LOG").unwrap_or_else(|_| usual.to_owned());
    // A second call, as in tests, finds a logger there already: that one goes on.
    let begun = dispatcher::set_global_default(logger(format, &wanted, io::stderr));
    drop(begun);
    panic::set_hook(Box::new(tell_of_panic));
}

/// Every panic is a line of the log, wherever it happens (A8, A9): by itself it would be some lines that nobody looks for.
fn tell_of_panic(panic: &PanicHookInfo<'_>) {
    error!(
        event = "panic",
        said = panic.payload_as_str().unwrap_or("no message"),
        at = panic.location().map(display),
        thread = thread::current().name(),
        "a fault in the program: please report it"
    );
}

/// What writes the log. `wanted` says more or less, as `tracing-subscriber` reads it (`debug`,
/// `countersign::carrier=trace`); what cannot be read means `info`.
///
/// Only lines of our own are written, whatever is asked for: a library knows nothing of codes and numbers, and what it
/// tells of its work, at `trace` or in its next version at `info`, is what went through it (C8).
pub fn logger<W>(format: Format, wanted: &str, writer: W) -> tracing::Dispatch
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let wanted = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(wanted)
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let of_ours = filter_fn(is_ours).with_max_level_hint(LevelFilter::TRACE);
    let lines = fmt::layer()
        .with_ansi(false)
        .with_writer(writer)
        .with_target(false);
    let lines = match format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    registry()
        .with(lines.with_filter(wanted.and(of_ours)))
        .into()
}

fn is_ours(line: &Metadata<'_>) -> bool {
    let root = line.target().split("::").next();
    root == Some(env!("CARGO_CRATE_NAME"))
}

/// Writes one line. Every field from outside is escaped by the writer (A9).
#[expect(
    clippy::too_many_lines,
    reason = "one arm for each kind of event, to be read as a list"
)]
pub fn record(event: &Event<'_>) {
    let name = event.what.name();
    let reference = event.reference.to_string();
    let site = event.site.map(ToString::to_string).unwrap_or_default();
    match event.what {
        What::Malformed { why } => {
            warn!(event = name, reference, site, why = %why, "a request was refused: it could be read in two ways");
        }
        What::Misdirected => warn!(
            event = name,
            reference, "a request was refused: its host is no site"
        ),
        What::OtherHandshake => warn!(
            event = name,
            reference,
            "a request was refused: its connection was made for another host, and one of both wants certificates"
        ),
        What::Refused { reason } => {
            warn!(event = name, reference, site, reason = ?reason, "a request was refused");
        }
        What::ChallengeCreated { scope, entry } => {
            info!(event = name, reference, site, scope = %scope, entry = ?entry, "a code is asked for");
        }
        What::ChallengeSent {
            scope,
            channel,
            carrier,
            message,
        } => {
            info!(event = name, reference, site, scope = %scope, channel = %channel.as_str(), carrier = %carrier, id = %message, "a code was sent");
        }
        What::ChallengeUnsent {
            scope,
            message,
            why,
        } => {
            let id = message.map(display);
            warn!(event = name, reference, site, scope = %scope, id, why, "no message went out");
        }
        What::ChallengeFailed {
            scope,
            subject,
            why,
        } => {
            warn!(event = name, reference, site, scope = %scope, subject = %subject, why, "an answer was refused");
        }
        What::ChallengeVerified {
            scope,
            subject,
            entry,
        } => {
            info!(event = name, reference, site, scope = %scope, subject = %subject, entry = ?entry, "a grant was issued");
        }
        What::GrantRevoked { scope, subject } => {
            info!(event = name, reference, site, scope = %scope, subject = %subject, "a grant was ended");
        }
        What::LoginCaptured { scope, outcome } => {
            info!(event = name, reference, site, scope = %scope, outcome, "the answer to a login is held");
        }
        What::LoginFailed { scope } => {
            info!(event = name, reference, site, scope = %scope, "the application refused a login");
        }
        What::MachinePassed { from, capture } => {
            info!(event = name, reference, site, from = %from, capture = %capture, "a program passed without a code");
        }
        What::LoginAmbiguous { why } => {
            warn!(event = name, reference, site, why = %why, "a login was refused: it could be read in two ways");
        }
        What::SessionOutlived { scope } => {
            info!(event = name, reference, site, scope = %scope, "a session of the application outlived its grant");
        }
        What::WouldAsk {
            scope,
            route,
            audience,
        } => {
            info!(event = name, reference, site, scope = %scope, route, audience, "would ask for a code");
        }
        What::WouldRefuse { reason } => {
            info!(event = name, reference, site, reason = ?reason, "would refuse a request");
        }
        What::WouldHold { scope, outcome } => {
            info!(event = name, reference, site, scope = %scope, outcome, "a login was let through");
        }
        What::WouldSend {
            scope,
            to,
            channel,
            carrier,
            doubt,
        } => {
            let channel = channel.as_str();
            info!(event = name, reference, site, scope = %scope, doubt, "would send a code to {to} by {channel} via {carrier}");
        }
        What::NotSignedOut { why } => {
            warn!(event = name, reference, site, why = %why, "the application did not sign somebody out");
        }
        What::ReceiptRefused { carrier, why } => {
            warn!(event = name, reference, site, carrier, why = %why, "a receipt was refused");
        }
        What::HoldReplayed => info!(event = name, reference, site, "a held request went on"),
        What::UpstreamFailed { why } => warn!(
            event = name,
            reference,
            site,
            why = chain(why),
            "the application did not answer"
        ),
        What::Full => warn!(
            event = name,
            reference, site, "no room: a stranger was turned away"
        ),
        What::Api(call) => api::record(event.reference, &call),
    }
}

/// An error and its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing::{debug, error, trace};

    use super::*;

    /// Everything that was logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: Format, wanted: &str, story: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let logger = logger(format, wanted, move || writer.clone());
        // With a second one alive, tracing does not remember what the first line's thread wanted to hear.
        let _second = tracing::Dispatch::new(registry());
        dispatcher::with_default(&logger, story);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn everybody_speaks() {
        trace!("ours at trace");
        debug!("ours at debug");
        info!("ours at info");
        trace!(target: "hyper::proto::h1::role", "theirs at trace");
        debug!(target: "h2::codec", "theirs at debug");
        info!(target: "hyper_util", "theirs at info");
        warn!(target: "rustls", "theirs at warn");
        error!(target: "countersigner", "theirs at error");
    }

    #[test]
    fn c8_libraries_write_nothing_whatever_the_operator_asks_for() {
        for wanted in ["trace", "trace,hyper=trace", "hyper=trace,h2=trace", ""] {
            for format in [Format::Text, Format::Json] {
                let said = logged(format, wanted, everybody_speaks);
                assert!(!said.contains("theirs"), "{wanted}: {said}");
                let for_them = wanted.starts_with("hyper");
                assert_eq!(said.contains("ours at info"), !for_them, "{wanted}: {said}");
            }
        }
    }

    #[test]
    fn the_operator_gets_more_or_less_of_ours() {
        for (wanted, lines) in [
            ("", 1),
            ("no such, =level", 1),
            ("info", 1),
            ("trace", 3),
            ("debug", 2),
            ("countersign=debug", 2),
            ("countersign::observe=trace", 3),
            ("countersign::carrier=trace", 0),
            ("info,countersign::carrier=trace", 1),
            ("warn", 0),
            ("off", 0),
        ] {
            let said = logged(Format::Text, wanted, everybody_speaks);
            assert_eq!(said.lines().count(), lines, "{wanted}: {said}");
        }
    }
}
