//! One carrier's attempt at a message: its place, its turn, its time, and the second try.

use std::error::Error as _;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::lane::Lane;
use super::{Dispatcher, Sent, story};
use crate::carrier::{Cause, Failure, Message};
use crate::event::dispatch::Step;
use crate::message::{Channel, segments};
use crate::phone::sender::Sender;

/// A carrier that may take a message, and what it would send from.
pub(super) struct Way<'a> {
    pub(super) lane: &'a Arc<Lane>,
    pub(super) from: Option<&'a Sender>,
    /// As it was when the message came.
    pub(super) rests_until: Option<Instant>,
}

/// What there is besides the carrier that is being asked.
#[derive(Clone, Copy)]
pub(super) struct Hope {
    /// No carrier that works is left: one that is left alone is asked all the same.
    pub(super) last: bool,
    /// No carrier at all is left.
    pub(super) alone: bool,
}

impl Dispatcher {
    /// Asks one carrier, and once more if that may help, all within the carrier's own time and the message's.
    pub(super) async fn ask(
        &self,
        message: &Message,
        way: &Way<'_>,
        hope: Hope,
        deadline: Instant,
    ) -> Result<Sent, Failure> {
        let Way { lane, from, .. } = way;
        let begun = Instant::now();
        let end = deadline.min(begun + lane.timeout);
        let half = (end - begun) / 2;
        let mut again = false;
        loop {
            // The next carrier has the other half, as it has of a connection that does not come about.
            let patience = if hope.alone {
                end.checked_sub(TOO_SHORT).unwrap_or(begun)
            } else {
                begun + half
            };
            let leave = async {
                let place = lane.place(patience).await?;
                let turn = lane.turn(hope.last, &*self.witness, patience).await?;
                Ok((place, turn))
            };
            let (place, turn) = leave.await.inspect_err(|failure: &Failure| {
                let why = failure.source().map(ToString::to_string);
                self.leave_out(message, way, why.as_deref().unwrap_or_default());
            })?;
            let carrier = &lane.name;
            self.tell(
                message,
                Step::Asked {
                    carrier,
                    from: *from,
                    again,
                },
            );
            let start = Instant::now();
            let within = end.saturating_duration_since(start);
            let result = lane.send(message, *from, within).await;
            turn.end(&result);
            drop(place);
            let failure = match result {
                Ok(sent) => {
                    self.taken(message, lane, &sent, start.elapsed());
                    return Ok(sent);
                }
                Err(failure) => failure,
            };
            self.tell(
                message,
                Step::Failed {
                    carrier,
                    class: failure.class(),
                    reason: &story(&failure),
                    took: start.elapsed(),
                },
            );
            let pause = pause(&failure, hope).filter(|pause| {
                // In a hurry, a message that was certainly not sent could become one of which nobody knows.
                let left = end.saturating_duration_since(Instant::now());
                let fits = pause.saturating_add(half) <= left;
                fits && !again && !lane.is_failing()
            });
            let Some(pause) = pause else {
                return Err(failure);
            };
            sleep(pause).await;
            again = true;
        }
    }

    fn taken(&self, message: &Message, lane: &Lane, sent: &Sent, took: Duration) {
        let channel = message.channel;
        let segments = match channel {
            Channel::Sms => segments::count(message.text().as_str()).segments,
            Channel::Voice | Channel::Email => 1,
        };
        self.tell(
            message,
            Step::Taken {
                carrier: &lane.name,
                vendor_id: &sent.id,
                took,
                segments,
                micros: lane.price.map(|price| price.times(segments).micros()),
            },
        );
        if let Some(percent) = lane.sent(channel) {
            self.witness.conversion(&lane.name, channel, percent);
        }
    }

    pub(super) fn leave_out(&self, message: &Message, way: &Way<'_>, why: &str) {
        self.tell(
            message,
            Step::LeftOut {
                carrier: &way.lane.name,
                why,
            },
        );
    }
}

/// How long to wait before the same carrier is asked once more; `None` if that would help nobody, or could send the
/// message twice.
fn pause(failure: &Failure, hope: Hope) -> Option<Duration> {
    let jitter = Duration::from_millis(rand::random_range(RETRY));
    match failure {
        // Found out without asking it, after waiting long enough.
        Failure::Transient(Cause::Busy | Cause::Resting) => None,
        Failure::Transient(_) => Some(jitter),
        // Whoever asks to wait means it: somebody else is quicker, if there is anybody.
        Failure::Throttled {
            retry_after: Some(wait),
            ..
        } if hope.alone => Some(wait.saturating_add(jitter)),
        _ => None,
    }
}

/// Milliseconds before a carrier is asked again: long enough for a restarted worker of the vendor's to be there, short
/// enough for somebody who waits, and spread, so that messages that failed together do not come back together.
const RETRY: Range<u64> = 200..400;

/// With less time than this nobody is asked any more: a connection, TLS and an answer take about that long, and a message
/// cut short is one of which nobody knows.
pub(super) const TOO_SHORT: Duration = Duration::from_millis(500);
