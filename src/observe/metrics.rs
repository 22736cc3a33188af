//! What is counted, and the text in which Prometheus reads it.
//!
//! Carriers come in by [`Witness`], challenges by [`Metrics::record`]; a request that the gate lets pass is not counted
//! here at all. Every label holds a [`Word`], and those are made of names in the configuration and of words in this
//! program alone: no number, code, person or address can become one (A9, C8). The one beside is a file's path, as the
//! configuration has it.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::challenge::Entry;
use crate::event::dispatch::{Dispatch, Step, Told, Witness};
use crate::event::{Event, What};
use crate::message::{Channel, Id};
use crate::moment::Moment;
use crate::name::Name;

/// The media type of [`Metrics::text`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All counters of one gateway.
pub struct Metrics {
    registry: Registry,
    messages: Family<Message, Counter>,
    deliveries: Family<Delivery, Counter>,
    durations: Family<Carrier, Histogram, fn() -> Histogram>,
    segments: Family<Carrier, Counter>,
    costs: Family<Way, Counter<f64, AtomicU64>>,
    failovers: Family<Failover, Counter>,
    up: Family<Carrier, Gauge>,
    challenges: Family<Challenge, Counter>,
    outcomes: Family<Outcome, Counter>,
    checks: Family<Check, Counter>,
    limits: Family<Limit, Counter>,
    shadow: Family<Shadow, Counter>,
    connections: Family<Connection, Counter>,
    certificates: Family<Certificate, Gauge>,
    reload_went_well: Gauge,
    reloaded_at: Gauge,
    /// The carrier that failed last with a message that is still on its way. A plain mutex: held for one step in a small
    /// map, never while a metric is written out.
    failed: Mutex<HashMap<Id, Name>>,
}

/// So many messages are never on their way at once; beyond it one that was given up half-way is forgotten.
const UNDER_WAY: usize = 10_000;

/// Seconds: a carrier in the same house, one on the same continent, one that is slow, and the longest `timeout`.
const SEND_SECONDS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 7.0, 10.0];

impl Metrics {
    /// Nothing has happened yet, and these carriers work. `now` is when the process began.
    pub fn new<'a>(carriers: impl IntoIterator<Item = &'a Name>, now: Moment) -> Self {
        let metrics = Self {
            registry: Registry::default(),
            messages: Family::default(),
            deliveries: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(SEND_SECONDS)),
            segments: Family::default(),
            costs: Family::default(),
            failovers: Family::default(),
            up: Family::default(),
            challenges: Family::default(),
            outcomes: Family::default(),
            checks: Family::default(),
            limits: Family::default(),
            shadow: Family::default(),
            connections: Family::default(),
            certificates: Family::default(),
            reload_went_well: Gauge::default(),
            reloaded_at: Gauge::default(),
            failed: Mutex::default(),
        };
        for name in carriers {
            metrics.up.get_or_create(&Carrier::of(name)).set(1);
        }
        metrics.reloaded(true, now.unix);
        metrics.registered(now)
    }

    fn registered(mut self, now: Moment) -> Self {
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        let began = Gauge::<i64>::default();
        began.set(i64::try_from(now.unix).unwrap_or(i64::MAX));
        let registry = &mut self.registry;
        registry.register("countersign_build", "What runs", build);
        registry.register(
            "process_start_time_seconds",
            "When it began, in seconds since 1970",
            began,
        );
        registry.register(
            "countersign_messages",
            "What carriers did with messages: taken, or the class of the failure",
            self.messages.clone(),
        );
        registry.register(
            "countersign_message_deliveries",
            "Receipts: sent, delivered, or the class of the failure",
            self.deliveries.clone(),
        );
        registry.register(
            "countersign_message_send_duration_seconds",
            "How long a carrier took to take a message or to fail",
            self.durations.clone(),
        );
        registry.register(
            "countersign_message_segments",
            "Segments of the text messages that were taken; a call or a mail is one",
            self.segments.clone(),
        );
        registry.register(
            "countersign_message_cost_usd",
            "What they cost, where the carrier has a price",
            self.costs.clone(),
        );
        registry.register(
            "countersign_carrier_failovers",
            "Messages that went on to another carrier after a failure",
            self.failovers.clone(),
        );
        registry.register(
            "countersign_carrier_up",
            "0 while a carrier is left out after failing again and again",
            self.up.clone(),
        );
        registry.register(
            "countersign_challenges",
            "Challenges that were begun, and how",
            self.challenges.clone(),
        );
        registry.register(
            "countersign_challenge_outcomes",
            "What came of challenges",
            self.outcomes.clone(),
        );
        registry.register(
            "countersign_code_checks",
            "What came of answers",
            self.checks.clone(),
        );
        registry.register(
            "countersign_limit_hits",
            "What a limit refused",
            self.limits.clone(),
        );
        registry.register(
            "countersign_shadow",
            "What scopes in shadow would have done",
            self.shadow.clone(),
        );
        registry.register(
            "countersign_connections",
            "Connections of visitors, and what became of them",
            self.connections.clone(),
        );
        registry.register(
            "countersign_certificate_expires_seconds",
            "When a certificate in use ends, in seconds since 1970",
            self.certificates.clone(),
        );
        registry.register(
            "countersign_config_last_reload_successful",
            "1 if the configuration's file was taken when it was last read, 0 if it was refused",
            self.reload_went_well.clone(),
        );
        registry.register(
            "countersign_config_last_reload_success_timestamp_seconds",
            "When it was last taken, in seconds since 1970",
            self.reloaded_at.clone(),
        );
        self
    }

    /// Everything, as version 1.0 of `OpenMetrics` has it.
    ///
    /// # Errors
    /// Whatever the library's own writer says; a `String` takes everything.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Counts an event of the flow, if it is one of a challenge.
    pub fn record(&self, event: &Event<'_>) {
        match event.what {
            What::ChallengeCreated { scope, entry } => {
                let labels = Challenge {
                    scope: scope.into(),
                    flow: flow(entry).into(),
                };
                self.challenges.get_or_create(&labels).inc();
            }
            What::ChallengeVerified { scope, .. } => {
                self.check(scope, "right");
                self.outcome(scope, "verified");
            }
            What::ChallengeFailed { scope, why, .. } => {
                let result = result(why);
                self.check(scope, result);
                match result {
                    "spent" => self.limit("wrong_per_challenge"),
                    "locked" => self.limit("wrong_per_hour"),
                    _ => {}
                }
            }
            What::Full => self.limit("room"),
            What::WouldAsk { scope, .. } => self.would(scope.into(), "ask"),
            What::WouldRefuse { .. } => self.would(Word::NOBODY, "refuse"),
            What::WouldHold { scope, .. } => self.would(scope.into(), "nothing"),
            What::WouldSend { scope, .. } => self.would(scope.into(), "send"),
            _ => {}
        }
    }

    /// So much has come of connections since the process began: the workers count for themselves, and the sum over them is
    /// asked for when somebody looks.
    pub fn connections(&self, counts: impl IntoIterator<Item = (&'static str, u64)>) {
        let mut sums = HashMap::<&'static str, u64>::new();
        for (what, count) in counts {
            *sums.entry(what).or_default() += count;
        }
        for (what, sum) in sums {
            let labels = Connection { what: what.into() };
            // It never falls: two who look at once may set it in turn, by what happened between them.
            self.connections
                .get_or_create(&labels)
                .inner()
                .fetch_max(sum, Relaxed);
        }
    }

    /// So long are the certificates in use good: the file of each, and its last second since 1970. They are asked for when
    /// somebody looks.
    pub fn certificates<'a>(&self, ends: impl IntoIterator<Item = (&'a Path, u64)>) {
        for (file, until) in ends {
            let labels = Certificate {
                file: file.display().to_string(),
            };
            let until = i64::try_from(until).unwrap_or(i64::MAX);
            self.certificates.get_or_create(&labels).set(until);
        }
    }

    /// The configuration's file was read at this time, in seconds since 1970, and taken or refused.
    pub fn reloaded(&self, taken: bool, unix: u64) {
        self.reload_went_well.set(taken.into());
        if taken {
            self.reloaded_at
                .set(i64::try_from(unix).unwrap_or(i64::MAX));
        }
    }

    /// A limit refused something.
    pub fn limit(&self, limit: &'static str) {
        let labels = Limit {
            limit: limit.into(),
        };
        self.limits.get_or_create(&labels).inc();
    }

    fn would(&self, scope: Word, would: &'static str) {
        let labels = Shadow {
            scope,
            would: would.into(),
        };
        self.shadow.get_or_create(&labels).inc();
    }

    fn check(&self, scope: &Name, result: &'static str) {
        let labels = Check {
            scope: scope.into(),
            result: result.into(),
        };
        self.checks.get_or_create(&labels).inc();
    }

    fn outcome(&self, scope: &Name, outcome: &'static str) {
        let labels = Outcome {
            scope: scope.into(),
            outcome: outcome.into(),
        };
        self.outcomes.get_or_create(&labels).inc();
    }

    fn message(&self, carrier: Word, channel: Channel, result: &'static str) {
        let labels = Message {
            carrier,
            channel: channel.into(),
            result: result.into(),
        };
        self.messages.get_or_create(&labels).inc();
    }

    fn took(&self, carrier: &Name, took: Duration) {
        let seconds = took.as_secs_f64();
        self.durations
            .get_or_create(&Carrier::of(carrier))
            .observe(seconds);
    }

    fn on_their_way(&self) -> MutexGuard<'_, HashMap<Id, Name>> {
        // A panic in between leaves at worst one fail-over uncounted.
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Witness for Metrics {
    fn saw(&self, dispatch: &Dispatch<'_>) {
        let Dispatch {
            id, channel, step, ..
        } = *dispatch;
        match step {
            Step::LeftOut { .. } => {}
            Step::Asked { carrier, .. } => {
                let before = self.on_their_way().remove(id);
                if let Some(from) = before.filter(|before| before != carrier) {
                    let labels = Failover {
                        from: (&from).into(),
                        to: carrier.into(),
                    };
                    self.failovers.get_or_create(&labels).inc();
                }
            }
            Step::Taken {
                carrier,
                took,
                segments,
                micros,
                ..
            } => {
                self.message(carrier.into(), channel, "taken");
                self.took(carrier, took);
                let segments = u64::try_from(segments).unwrap_or(u64::MAX);
                self.segments
                    .get_or_create(&Carrier::of(carrier))
                    .inc_by(segments);
                if let Some(micros) = micros {
                    let labels = Way {
                        carrier: carrier.into(),
                        channel: channel.into(),
                    };
                    self.costs.get_or_create(&labels).inc_by(dollars(micros));
                }
            }
            Step::Failed {
                carrier,
                class,
                took,
                ..
            } => {
                self.message(carrier.into(), channel, class);
                self.took(carrier, took);
                let mut failed = self.on_their_way();
                if failed.len() >= UNDER_WAY {
                    failed.clear();
                }
                failed.insert(id.clone(), carrier.clone());
            }
            // What a carrier said is counted already. Where none was asked, that is all there is to count.
            Step::Unsent { class, .. } => {
                if self.on_their_way().remove(id).is_none() {
                    self.message(Word::NOBODY, channel, class);
                }
            }
        }
    }

    fn heard(&self, told: &Told<'_>) {
        let labels = Delivery {
            carrier: told.carrier.into(),
            channel: told.channel.into(),
            status: told.state.into(),
        };
        self.deliveries.get_or_create(&labels).inc();
    }

    fn rests(&self, carrier: &Name, rests: bool) {
        let up = i64::from(!rests);
        self.up.get_or_create(&Carrier::of(carrier)).set(up);
    }
}

/// What a label can hold: a name of the configuration, or a word of this program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Word {
    Name(Name),
    Fixed(&'static str),
}

impl Word {
    /// In place of a carrier where none was asked; no name looks like this.
    const NOBODY: Self = Self::Fixed("-");
}

impl From<&Name> for Word {
    fn from(name: &Name) -> Self {
        Self::Name(name.clone())
    }
}

impl From<&'static str> for Word {
    fn from(word: &'static str) -> Self {
        Self::Fixed(word)
    }
}

impl From<Channel> for Word {
    fn from(channel: Channel) -> Self {
        Self::Fixed(channel.as_str())
    }
}

impl EncodeLabelValue for Word {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.as_str().encode(encoder),
            Self::Fixed(word) => word.encode(encoder),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Message {
    carrier: Word,
    channel: Word,
    result: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Delivery {
    carrier: Word,
    channel: Word,
    status: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Carrier {
    carrier: Word,
}

impl Carrier {
    fn of(name: &Name) -> Self {
        Self {
            carrier: name.into(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Way {
    carrier: Word,
    channel: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failover {
    from: Word,
    to: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Challenge {
    scope: Word,
    flow: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    scope: Word,
    outcome: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Check {
    scope: Word,
    result: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Limit {
    limit: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Connection {
    what: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Certificate {
    /// As the configuration has it.
    file: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Shadow {
    scope: Word,
    would: Word,
}

fn flow(entry: Entry) -> &'static str {
    match entry {
        Entry::Ask => "ask",
        Entry::StepUp => "step_up",
        Entry::Renewal => "renewal",
        Entry::Capture => "capture",
        Entry::Doubt => "doubt",
    }
}

/// A word for the sentence in which the log says why an answer was refused.
fn result(why: &str) -> &'static str {
    match why {
        "not the code" => "wrong",
        "no code lives" => "expired",
        "the challenge's answers are used up" => "spent",
        "the subject is locked" => "locked",
        "answered before" => "finished",
        _ => "refused",
    }
}

/// Millionths as dollars: exact to the millionth up to nine thousand million dollars.
#[expect(
    clippy::cast_precision_loss,
    reason = "Prometheus counts in floating point"
)]
fn dollars(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests;
