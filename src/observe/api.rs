//! What happens at the API, in the log.

use tracing::{info, warn};

use crate::code::Reference;
use crate::event::api::{Call, Outcome};

/// Writes one line. Every field from outside is escaped by the writer (A9).
pub(super) fn record(reference: Reference, call: &Call<'_>) {
    let event = call.outcome.name();
    let reference = reference.to_string();
    let (request, from) = (call.request, call.from);
    let account = call.account.unwrap_or_default();
    match call.outcome {
        Outcome::LoginFailed { why } => {
            warn!(event, reference, request, %from, why, "a login at the API was refused");
        }
        Outcome::TokenIssued => {
            info!(event, reference, request, account, %from, "a token of the API was given out");
        }
        Outcome::Sent { channel, carrier } => {
            info!(event, reference, request, account, %from, %channel, %carrier, "a code was sent for the API");
        }
        Outcome::Unsent { channel, why } => {
            warn!(event, reference, request, account, %from, %channel, why, "no code went out for the API");
        }
        Outcome::Verified => {
            info!(event, reference, request, account, %from, "the right code was shown to the API");
        }
        Outcome::Wrong => {
            info!(event, reference, request, account, %from, "the API was shown a wrong code");
        }
        Outcome::Resting => {
            warn!(event, reference, request, account, %from, "the API was shown a code after too many wrong ones");
        }
        Outcome::Malformed { why } => {
            info!(event, reference, request, account, %from, why = %why, "a request to the API was refused");
        }
    }
}
