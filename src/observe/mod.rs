//! What an operator sees: the clock is read here and the log is written here.

use std::io;

use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

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

/// Begins to log to standard error. `COUNTERSIGN_LOG` chooses more or less, as `tracing-subscriber` reads it.
pub fn begin(format: Format) {
    let filter =
        EnvFilter::try_from_env("COUNTERSIGN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let logger = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false);
    // A second call, as in tests, finds a logger there already: that one goes on.
    let begun = match format {
        Format::Text => logger.with_ansi(false).try_init(),
        Format::Json => logger.json().flatten_event(true).try_init(),
    };
    drop(begun);
}

/// Writes one line. Every field from outside is escaped by the writer (A9).
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
        } => {
            info!(event = name, reference, site, scope = %scope, channel = %channel.as_str(), carrier = %carrier, "a code was sent");
        }
        What::ChallengeUnsent { scope, why } => {
            warn!(event = name, reference, site, scope = %scope, why, "no message went out");
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
        What::LoginAmbiguous { why } => {
            warn!(event = name, reference, site, why = %why, "a login was refused: it could be read in two ways");
        }
        What::SessionOutlived { scope } => {
            info!(event = name, reference, site, scope = %scope, "a session of the application outlived its grant");
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
