//! Which carrier is asked, in which order, and when the next one.

use std::error::Error;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::RootCertStore;
use tokio::time::Instant;
use tracing::warn;

use super::console::{Console, Sink};
use super::endpoint::{self, BadUrl};
use super::http_client::HttpClient;
use super::price::Price;
use super::webhook::Webhook;
use super::{
    Cause, Delivery, Failure, Kind, Means, Message, NotTaken, Receipt, Report, Service, Settings,
    bandwidth, command, email, spool, twilio,
};
use crate::challenge::Remote;
use crate::event::dispatch::{Dispatch, Step, Witness};
use crate::message::{Channel, Text, segments};
use crate::name::Name;
use crate::phone::Policy;
use crate::phone::sender::Sender;

/// Sends messages by the carriers of each channel, in the operator's order.
///
/// The next carrier is asked where the last one failed by its own fault ([`Failure::is_of_the_carrier`]): never about a
/// number that is at fault, and never where the message may already be on its way.
pub struct Dispatcher {
    lanes: Vec<Arc<Lane>>,
    orders: [Vec<Arc<Lane>>; 3],
    trouble: [AtomicBool; 3],
    policy: Policy,
    timeout: Duration,
    witness: Arc<dyn Witness>,
}

/// The message was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// By whom.
    pub carrier: Name,
    /// What that carrier calls it.
    pub id: String,
    /// Who knows the code.
    pub proof: Proof,
}

/// Who knows what the right code is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// We do: it was the message's own.
    Ours,
    /// The vendor does: it drew its own, and the message's was not used.
    Theirs(Remote),
}

/// The message was not taken, or nobody knows.
#[derive(Debug, thiserror::Error)]
#[error("a message was not sent")]
pub struct Failed {
    /// The last carrier asked; `None` if none was.
    pub carrier: Option<Name>,
    /// What became of it there.
    #[source]
    pub failure: Failure,
}

/// The carriers cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// `[delivery]` names a carrier that is not there.
    #[error("no carrier is named {0}")]
    NoCarrier(Name),
    /// An address that cannot be posted to.
    #[error("carrier {0}")]
    Url(Name, #[source] BadUrl),
    /// A carrier is reached by https and the system has no certificates to believe.
    #[error("the system's certificate store is empty: no carrier can be reached by https")]
    NoRoots,
    /// rustls refuses its own provider.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// What a dispatcher needs of its surroundings.
pub struct Surroundings<'a> {
    /// Where console carriers print.
    pub sink: Sink,
    /// Who hears of every step.
    pub witness: Arc<dyn Witness>,
    /// The secret in the address of each carrier's receipts.
    pub receipt_secret: &'a dyn Fn(&Name) -> String,
}

impl Dispatcher {
    /// Makes every carrier ready. Asks nobody anything yet.
    ///
    /// # Errors
    /// [`Unusable`], the first thing found.
    pub fn open(
        carriers: &[Settings],
        delivery: &Delivery,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, Unusable> {
        let roots = if carriers.iter().any(|carrier| carrier.kind.is_https()) {
            native_roots()?
        } else {
            RootCertStore::empty()
        };
        Self::with_roots(carriers, delivery, surroundings, roots)
    }

    fn with_roots(
        carriers: &[Settings],
        delivery: &Delivery,
        surroundings: &Surroundings<'_>,
        roots: RootCertStore,
    ) -> Result<Self, Unusable> {
        let client = HttpClient::new(roots).map_err(Unusable::Tls)?;
        let means = |name: &Name| {
            let public = delivery.public.as_deref();
            let secret = &surroundings.receipt_secret;
            Means {
                client: client.clone(),
                receipts: public.map(|public| format!("{public}{RECEIPTS}{name}/{}", secret(name))),
                voice: public.map(|public| format!("{public}{VOICE}")),
            }
        };
        let lanes = carriers.iter().map(|carrier| {
            Lane::open(carrier, &surroundings.sink, means(&carrier.name)).map(Arc::new)
        });
        let lanes: Vec<Arc<Lane>> = lanes.collect::<Result<_, _>>()?;
        let order = |names: &[Name]| -> Result<Vec<_>, Unusable> {
            let find = |name: &Name| lanes.iter().find(|lane| lane.name == *name).cloned();
            names
                .iter()
                .map(|name| find(name).ok_or_else(|| Unusable::NoCarrier(name.clone())))
                .collect()
        };
        let orders = [
            order(&delivery.sms)?,
            order(&delivery.voice)?,
            order(&delivery.email)?,
        ];
        Ok(Self {
            lanes,
            orders,
            trouble: Default::default(),
            policy: Policy {
                countries: delivery.countries.clone(),
                fictional: delivery.fictional,
            },
            timeout: delivery.timeout,
            witness: Arc::clone(&surroundings.witness),
        })
    }

    /// Sends one message, at most for as long as `[delivery] timeout`. Every step is told to the witness, with nothing
    /// of the message in it but the masked number.
    ///
    /// # Errors
    /// [`Failed`], with what the last carrier said.
    pub async fn send(&self, message: &Message) -> Result<Sent, Failed> {
        let sent = self.try_in_order(message).await;
        match &sent {
            Err(Failed {
                failure: Failure::Refused(_),
                ..
            }) => {}
            Err(Failed { failure, .. }) => self.note(message.channel, failure.is_of_the_carrier()),
            Ok(_) => self.note(message.channel, false),
        }
        sent
    }

    /// Whether `typed` is the code that a managed service sent.
    ///
    /// # Errors
    /// [`Failure`]: nobody knows, and it does not count as right.
    pub async fn check(&self, remote: &Remote, typed: &str) -> Result<bool, Failure> {
        let lane = self.lanes.iter().find(|lane| lane.name == remote.carrier);
        match lane.map(|lane| (&lane.service, lane.timeout)) {
            Some((Service::Managed(managed), within)) => {
                managed.check(&remote.handle, typed, within).await
            }
            _ => Ok(false),
        }
    }

    /// Whether a code by one of these channels may be one that its vendor checks.
    #[must_use]
    pub fn is_managed(&self, channels: &[Channel]) -> bool {
        let managed = |lane: &Arc<Lane>| matches!(lane.service, Service::Managed(_));
        channels
            .iter()
            .any(|channel| self.orders[place(*channel)].iter().any(managed))
    }

    /// What the vendor behind a carrier tells of messages that it took earlier. That the address held the right secret
    /// is checked before.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn receipts(
        &self,
        carrier: &str,
        report: &Report<'_>,
    ) -> Result<(Name, Vec<Receipt>), NotTaken> {
        let lane = self
            .lanes
            .iter()
            .find(|lane| lane.name.as_str() == carrier)
            .ok_or(NotTaken::None)?;
        let receipts = match &lane.service {
            Service::Transport(carrier) => carrier.receipts(report)?,
            Service::Managed(_) => return Err(NotTaken::None),
        };
        Ok((lane.name.clone(), receipts))
    }

    /// What to say to somebody who has just picked up, once, by the token in the address.
    #[must_use]
    pub fn speak(&self, token: &str, report: &Report<'_>) -> Option<Text> {
        self.lanes.iter().find_map(|lane| match &lane.service {
            Service::Transport(carrier) => carrier.speak(token, report),
            Service::Managed(_) => None,
        })
    }

    /// The witness, for what happens to messages elsewhere.
    #[must_use]
    pub fn witness(&self) -> &dyn Witness {
        &*self.witness
    }

    /// Whether the last message of `channel` found no carrier that works.
    ///
    /// A page for somebody who gets no message at all must then say what everybody's says (C7).
    #[must_use]
    pub fn trouble(&self, channel: Channel) -> bool {
        self.trouble[place(channel)].load(Ordering::Relaxed)
    }

    async fn try_in_order(&self, message: &Message) -> Result<Sent, Failed> {
        let deadline = Instant::now() + self.timeout;
        let mut last = Failed {
            carrier: None,
            failure: Failure::Config(Cause::NoCarrier(message.channel)),
        };
        for lane in &self.orders[place(message.channel)] {
            let from = match lane.fits(message, &self.policy) {
                Ok(from) => from,
                Err(failure) => {
                    // A carrier for trials, further down, may still take a fictional number.
                    if last.carrier.is_none() {
                        last.failure = failure;
                    }
                    continue;
                }
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let carrier = &lane.name;
            self.tell(
                message,
                Step::Asked {
                    carrier,
                    from,
                    again: false,
                },
            );
            let start = Instant::now();
            let failure = match lane.send(message, from, left.min(lane.timeout)).await {
                Ok(sent) => {
                    let segments = match message.channel {
                        Channel::Sms => segments::count(message.text().as_str()).segments,
                        Channel::Voice | Channel::Email => 1,
                    };
                    self.tell(
                        message,
                        Step::Taken {
                            carrier,
                            vendor_id: &sent.id,
                            took: start.elapsed(),
                            segments,
                            micros: lane.price.map(|price| price.times(segments).micros()),
                        },
                    );
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
            let go_on = failure.is_of_the_carrier();
            last = Failed {
                carrier: Some(carrier.clone()),
                failure,
            };
            if !go_on {
                break;
            }
        }
        self.tell(
            message,
            Step::Unsent {
                class: last.failure.class(),
                reason: &story(&last.failure),
            },
        );
        Err(last)
    }

    fn tell(&self, message: &Message, step: Step<'_>) {
        self.witness.saw(&Dispatch {
            id: &message.id,
            to: &message.to,
            channel: message.channel,
            step,
        });
    }

    fn note(&self, channel: Channel, trouble: bool) {
        self.trouble[place(channel)].store(trouble, Ordering::Relaxed);
    }
}

/// Where our own paths for vendors begin (design section 8); the carrier's name and a secret follow.
pub const RECEIPTS: &str = "/.countersign/receipts/";

/// And where scripts for calls are; a one-time token follows.
pub const VOICE: &str = "/.countersign/voice/";

fn place(channel: Channel) -> usize {
    match channel {
        Channel::Sms => 0,
        Channel::Voice => 1,
        Channel::Email => 2,
    }
}

/// A carrier as `[delivery]` sees it.
struct Lane {
    name: Name,
    service: Service,
    timeout: Duration,
    from: Vec<Sender>,
    price: Option<Price>,
    /// Whether it reaches nobody's phone, so that numbers nobody has may be sent to.
    trial: bool,
}

impl Lane {
    fn open(settings: &Settings, sink: &Sink, means: Means) -> Result<Self, Unusable> {
        let (service, trial) = match &settings.kind {
            Kind::Console => {
                let console = Console::new(Arc::clone(sink));
                (Service::Transport(Box::new(console)), true)
            }
            Kind::Webhook(own) => {
                let webhook = Webhook::new(own, means);
                let webhook =
                    webhook.map_err(|error| Unusable::Url(settings.name.clone(), error))?;
                let trial = endpoint::is_loopback(&own.url);
                (Service::Transport(Box::new(webhook)), trial)
            }
            Kind::Bandwidth(own) => (bandwidth::open(own, means), bandwidth::is_trial(own)),
            Kind::Twilio(own) => (twilio::open(own, means), twilio::is_trial(own)),
            Kind::Email(own) => (email::open(own), email::is_trial(own)),
            Kind::Command(own) => (command::open(own), false),
            Kind::Spool(own) => (spool::open(own), true),
        };
        Ok(Self {
            name: settings.name.clone(),
            service,
            timeout: settings.timeout,
            from: settings.from.clone(),
            price: settings.price,
            trial,
        })
    }

    /// Whether the message may go this way, and from what.
    fn fits(&self, message: &Message, policy: &Policy) -> Result<Option<&Sender>, Failure> {
        if message.ours && matches!(self.service, Service::Managed(_)) {
            return Err(Failure::Config(Cause::WrongChannel(message.channel)));
        }
        let Some(phone) = message.phone() else {
            return Ok(None);
        };
        let allowed = Policy {
            fictional: policy.fictional || self.trial,
            ..policy.clone()
        };
        if let Some(refusal) = phone.refusal(&allowed) {
            return Err(Failure::Refused(refusal));
        }
        let mut unfit = None;
        let mut fit: Vec<&Sender> = Vec::new();
        for sender in &self.from {
            match sender.refusal(phone, message.channel) {
                None => fit.push(sender),
                Some(why) => unfit = Some(why),
            }
        }
        if let Some(wanted) = message.from.as_ref().filter(|_| !self.from.is_empty()) {
            let found = fit.into_iter().find(|sender| *sender == wanted);
            return found.map(Some).ok_or(Failure::Config(Cause::NoSender));
        }
        // The same number hears from the same sender, in this process and the next.
        let mut hasher = DefaultHasher::new();
        phone.e164().hash(&mut hasher);
        let many = u64::try_from(fit.len()).unwrap_or(u64::MAX).max(1);
        let place = usize::try_from(hasher.finish() % many).unwrap_or_default();
        match (fit.get(place), unfit) {
            (Some(sender), _) => Ok(Some(sender)),
            (None, Some(why)) => Err(Failure::Unfit(why)),
            (None, None) => Ok(None),
        }
    }

    async fn send(
        &self,
        message: &Message,
        from: Option<&Sender>,
        within: Duration,
    ) -> Result<Sent, Failure> {
        let carrier = self.name.clone();
        Ok(match &self.service {
            Service::Transport(transport) => Sent {
                carrier,
                id: transport.send(message, from, within).await?.id,
                proof: Proof::Ours,
            },
            Service::Managed(managed) => {
                let started = managed.start(message, from, within).await?;
                let remote = Remote {
                    carrier: carrier.clone(),
                    handle: started.handle,
                };
                Sent {
                    carrier,
                    id: started.id,
                    proof: Proof::Theirs(remote),
                }
            }
        })
    }
}

impl Kind {
    /// Whether it needs certificates to be believed.
    fn is_https(&self) -> bool {
        match self {
            Self::Webhook(own) => endpoint::is_https(&own.url),
            Self::Bandwidth(own) => endpoint::is_https(&own.base_url),
            Self::Twilio(own) => endpoint::is_https(&own.base_url),
            Self::Console | Self::Email(_) | Self::Command(_) | Self::Spool(_) => false,
        }
    }
}

/// Every cause of a failure, the nearest first.
fn story(failure: &Failure) -> String {
    let mut reason = failure.to_string();
    let mut source = failure.source();
    while let Some(cause) = source {
        reason.push_str(": ");
        reason.push_str(&cause.to_string());
        source = cause.source();
    }
    reason
}

/// The certificates that the system believes.
fn native_roots() -> Result<RootCertStore, Unusable> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        warn!(%error, "part of the system's certificate store cannot be read");
    }
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        Err(Unusable::NoRoots)
    } else {
        Ok(roots)
    }
}

#[cfg(test)]
mod tests;
