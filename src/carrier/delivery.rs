//! Which carrier is asked, in which order, and when the next one.

use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::RootCertStore;
use smallvec::SmallVec;
use tokio::time::Instant;
use tracing::warn;

use super::console::Sink;
use super::endpoint::{self, BadUrl};
use super::http_client::HttpClient;
use super::{
    Cause, Delivery, Failure, Kind, Means, Message, NotTaken, Receipt, Report, Service, Settings,
};
use crate::address::Address;
use crate::challenge::Remote;
use crate::event::dispatch::{Dispatch, Step, Witness};
use crate::message::{Channel, Text};
use crate::name::Name;
use crate::phone::{Phone, Policy};

mod attempt;
mod breaker;
pub mod health;
mod lane;
pub mod trial;

use self::attempt::{Hope, TOO_SHORT, Way};
use self::health::Health;
use self::lane::Lane;

/// Sends messages by the carriers of each channel, in the operator's order.
///
/// The next carrier is asked where the last one failed by its own fault ([`Failure::is_of_the_carrier`]): never about a
/// number that is at fault, and never where the message may already be on its way. A carrier that failed in a way that
/// may pass is asked once more first, and one that fails again and again is asked last.
pub struct Dispatcher {
    lanes: Vec<Arc<Lane>>,
    orders: [Vec<Arc<Lane>>; 3],
    by_country: Vec<(Policy, [Vec<Arc<Lane>>; 3])>,
    /// By channel, who got no message for the carriers' sake since the last that was taken: see [`Missed`]. A lock of the
    /// standard library: nothing is awaited under it.
    missed: Mutex<[Missed; 3]>,
    hasher: RandomState,
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
                receipts: public.map(|public| receipts_at(public, name, &secret(name))),
                voice: public.map(|public| format!("{public}{VOICE}")),
            }
        };
        let lanes = carriers.iter().map(|carrier| {
            Lane::open(carrier, &surroundings.sink, means(&carrier.name)).map(Arc::new)
        });
        let lanes = lanes.collect::<Result<_, _>>()?;
        Self::of(lanes, delivery, Arc::clone(&surroundings.witness))
    }

    fn of(
        lanes: Vec<Arc<Lane>>,
        delivery: &Delivery,
        witness: Arc<dyn Witness>,
    ) -> Result<Self, Unusable> {
        let find = |name: &Name| {
            let lane = lanes.iter().find(|lane| lane.name == *name);
            lane.cloned()
                .ok_or_else(|| Unusable::NoCarrier(name.clone()))
        };
        let order = |names: &[Name]| names.iter().map(find).collect::<Result<Vec<_>, _>>();
        let orders = [
            order(&delivery.sms)?,
            order(&delivery.voice)?,
            order(&delivery.email)?,
        ];
        let mut by_country = Vec::new();
        for (country, names) in &delivery.by_country {
            let named = order(names)?;
            // Of a channel none of whose carriers is named, the order stays as it is.
            let own = orders.each_ref().map(|order| {
                let carries = |lane: &&Arc<Lane>| order.iter().any(|own| Arc::ptr_eq(own, lane));
                let own: Vec<_> = named.iter().filter(carries).cloned().collect();
                if own.is_empty() { order.clone() } else { own }
            });
            let there = Policy {
                countries: vec![country.clone()],
                fictional: false,
            };
            by_country.push((there, own));
        }
        Ok(Self {
            lanes,
            orders,
            by_country,
            missed: Mutex::default(),
            hasher: RandomState::new(),
            policy: Policy {
                countries: delivery.countries.clone(),
                fictional: delivery.fictional,
            },
            timeout: delivery.timeout,
            witness,
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
            Ok(_) => self.note(message, false),
            // One that no carrier was asked to take says nothing about them, unless there is none.
            Err(Failed {
                carrier: None,
                failure,
            }) => {
                if matches!(failure, Failure::Config(Cause::NoCarrier(_))) {
                    self.note(message, true);
                }
            }
            Err(failed) => self.note(message, failed.failure.is_of_the_carrier()),
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
            Service::Managed(managed) => managed.receipts(report)?,
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

    /// The carrier that would be asked first to take something there by that channel.
    #[must_use]
    pub fn first(&self, to: &Address, channel: Channel) -> Option<&Name> {
        let phone = match to {
            Address::Phone(phone) => Some(phone),
            Address::Email(_) => None,
        };
        let mut order = self.order_for(phone, channel).iter();
        order.next().map(|lane| &lane.name)
    }

    /// The witness, for what happens to messages elsewhere.
    #[must_use]
    pub fn witness(&self) -> &dyn Witness {
        &*self.witness
    }

    /// Whether messages of `channel` find no carrier that works, as so many `people` in a row have shown.
    ///
    /// A page for somebody who gets no message at all must say what everybody's says, and one message must not change
    /// what they all say: whether there was one would show (C7).
    #[must_use]
    pub fn trouble(&self, channel: Channel, people: usize) -> bool {
        let missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        missed[place(channel)].len() >= people
    }

    /// A code that this carrier took to somebody was typed, and was right.
    pub fn entered(&self, carrier: &Name, channel: Channel) {
        if let Some(lane) = self.lanes.iter().find(|lane| lane.name == *carrier) {
            lane.entered(channel);
        }
    }

    /// How each carrier does by each channel that it is listed for.
    #[must_use]
    pub fn health(&self) -> Vec<Health> {
        let listed = |channel: Channel| {
            let order = &self.orders[place(channel)];
            order.iter().map(move |lane| lane.health(channel))
        };
        [Channel::Sms, Channel::Voice, Channel::Email]
            .into_iter()
            .flat_map(listed)
            .collect()
    }

    async fn try_in_order(&self, message: &Message) -> Result<Sent, Failed> {
        let start = Instant::now();
        let deadline = start + self.timeout;
        let mut last = Failed {
            carrier: None,
            failure: Failure::Config(Cause::NoCarrier(message.channel)),
        };
        let mut ways = Vec::new();
        for lane in self.order(message) {
            match lane.fits(message, &self.policy) {
                Ok(from) => ways.push(Way {
                    lane,
                    from,
                    rests_until: lane.rests_until(start),
                }),
                // A carrier for trials, further down, may still take a fictional number.
                Err(failure) => last.failure = failure,
            }
        }
        // Carriers that are left alone come last, the one that will be back first before the others: last and not never,
        // since people must be able to sign in.
        ways.sort_by_key(|way| way.rests_until);
        let awake = ways.partition_point(|way| way.rests_until.is_none());
        if awake > 0 {
            for way in &ways[awake..] {
                self.leave_out(message, way, way.lane.why_it_rests());
            }
        }
        for (place, way) in ways.iter().enumerate() {
            if deadline.saturating_duration_since(Instant::now()) < TOO_SHORT {
                break;
            }
            let hope = Hope {
                last: place >= awake || place + 1 == ways.len(),
                alone: place + 1 == ways.len(),
            };
            let failure = match self.ask(message, way, hope, deadline).await {
                Ok(sent) => return Ok(sent),
                Err(failure) => failure,
            };
            let go_on = failure.is_of_the_carrier();
            last = Failed {
                carrier: Some(way.lane.name.clone()),
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

    /// The carriers of the message's channel, first to last, as its country has them.
    fn order(&self, message: &Message) -> &[Arc<Lane>] {
        self.order_for(message.phone(), message.channel)
    }

    fn order_for(&self, phone: Option<&Phone>, channel: Channel) -> &[Arc<Lane>] {
        let place = place(channel);
        let Some(phone) = phone else {
            return &self.orders[place];
        };
        let country = phone.country().unwrap_or_default();
        let (mut exact, mut wide) = (self.by_country.iter(), self.by_country.iter());
        let own = exact
            .find(|(there, _)| there.countries == [country])
            // The United States bring their territories with them, as in `countries`.
            .or_else(|| wide.find(|(there, _)| there.reaches(country)));
        own.map_or(&self.orders[place], |(_, orders)| &orders[place])
    }

    fn tell(&self, message: &Message, step: Step<'_>) {
        self.witness.saw(&Dispatch {
            id: &message.id,
            to: &message.to,
            channel: message.channel,
            step,
        });
    }

    fn note(&self, message: &Message, trouble: bool) {
        let who = self.hasher.hash_one(message.to.as_str());
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        let missed = &mut missed[place(message.channel)];
        if !trouble {
            missed.clear();
        } else if missed.len() < SEVERAL && !missed.contains(&who) {
            missed.push(who);
        }
    }
}

/// People in a row whom no carrier took a message to, after which it is said to be so for everybody. With fewer, a
/// stranger could try a name and see it by that; a number of which the carriers want nothing would tell it every time.
pub const SEVERAL: usize = 3;

/// Hashes of addresses, each once, [`SEVERAL`] at the most.
type Missed = SmallVec<[u64; SEVERAL]>;

/// Where our own paths for vendors begin (design section 8); the carrier's name and a secret follow.
pub const RECEIPTS: &str = "/.countersign/receipts/";

/// The public address at which the receipts of one carrier come in.
#[must_use]
pub fn receipts_at(public: &str, carrier: &Name, secret: &str) -> String {
    format!("{public}{RECEIPTS}{carrier}/{secret}")
}

/// And where scripts for calls are; a one-time token follows.
pub const VOICE: &str = "/.countersign/voice/";

fn place(channel: Channel) -> usize {
    match channel {
        Channel::Sms => 0,
        Channel::Voice => 1,
        Channel::Email => 2,
    }
}

impl Kind {
    /// Whether it needs certificates to be believed.
    fn is_https(&self) -> bool {
        match self {
            Self::Webhook(own) => endpoint::is_https(&own.url),
            Self::Bandwidth(own) => super::bandwidth::is_https(own),
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
pub(super) fn native_roots() -> Result<RootCertStore, Unusable> {
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
