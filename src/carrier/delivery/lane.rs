//! A carrier made ready: what it may be asked, from which sender, how many at once, and how it does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};

use super::breaker::{self, Breaker, Sign};
use super::health::{Health, Window};
use super::{Proof, Sent, Unusable};
use crate::carrier::console::{Console, Sink};
use crate::carrier::price::Price;
use crate::carrier::webhook::Webhook;
use crate::carrier::{
    Cause, Failure, Kind, Means, Message, Service, Settings, bandwidth, command, email, endpoint,
    spool, twilio,
};
use crate::challenge::Remote;
use crate::event::dispatch::Witness;
use crate::message::Channel;
use crate::name::Name;
use crate::phone::sender::Sender;
use crate::phone::{Phone, Policy};

/// A carrier as `[delivery]` sees it.
pub(super) struct Lane {
    pub(super) name: Name,
    pub(super) service: Service,
    /// For one message: a second try is within it.
    pub(super) timeout: Duration,
    pub(super) price: Option<Price>,
    from: Vec<Sender>,
    /// Whether it reaches nobody's phone, so that numbers nobody has may be sent to.
    trial: bool,
    at_once: usize,
    places: Semaphore,
    /// A lock of the standard library: it is held for a comparison and never while anything is awaited.
    breaker: Mutex<Breaker>,
    /// Wakes those who wait for the end of a probe.
    probe_ended: Notify,
    /// By channel, as [`super::place`] counts them; locked as `breaker` is.
    windows: Mutex<[Window; 3]>,
}

impl Lane {
    pub(super) fn open(settings: &Settings, sink: &Sink, means: Means) -> Result<Self, Unusable> {
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
            Kind::Bandwidth(own) => {
                let service = bandwidth::open(own, means);
                let service =
                    service.map_err(|error| Unusable::Url(settings.name.clone(), error))?;
                (service, bandwidth::is_trial(own))
            }
            Kind::Twilio(own) => (twilio::open(own, means), twilio::is_trial(own)),
            Kind::Email(own) => (email::open(own)?, email::is_trial(own)),
            Kind::Command(own) => (command::open(own), false),
            Kind::Spool(own) => (spool::open(own), true),
        };
        Ok(Self::new(settings, service, trial))
    }

    pub(super) fn new(settings: &Settings, service: Service, trial: bool) -> Self {
        let now = Instant::now();
        Self {
            name: settings.name.clone(),
            service,
            timeout: settings.timeout,
            price: settings.price,
            from: settings.from.clone(),
            trial,
            at_once: settings.at_once,
            places: Semaphore::new(settings.at_once),
            breaker: Mutex::new(Breaker::new()),
            probe_ended: Notify::new(),
            windows: Mutex::new([Window::new(now), Window::new(now), Window::new(now)]),
        }
    }

    /// Whether the message may go this way, and from what.
    pub(super) fn fits(
        &self,
        message: &Message,
        policy: &Policy,
    ) -> Result<Option<&Sender>, Failure> {
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
        match (sticky(phone, &fit), unfit) {
            (Some(sender), _) => Ok(Some(sender)),
            (None, Some(why)) => Err(Failure::Unfit(why)),
            (None, None) => Ok(None),
        }
    }

    /// Until when it is to be left alone; `None` if it may be asked.
    pub(super) fn rests_until(&self, now: Instant) -> Option<Instant> {
        self.breaker().rests_until(now)
    }

    /// Whether it is left alone because it failed again and again.
    pub(super) fn is_failing(&self) -> bool {
        self.breaker().is_open()
    }

    /// Why it is left alone.
    pub(super) fn why_it_rests(&self) -> &'static str {
        if self.is_failing() {
            "it failed again and again"
        } else {
            "it asked to wait"
        }
    }

    /// Waits for a place among those who send at once.
    pub(super) async fn place(&self, end: Instant) -> Result<SemaphorePermit<'_>, Failure> {
        match timeout_at(end, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => Err(Failure::Transient(Cause::Busy)),
        }
    }

    /// Waits for leave to send: none is given while the carrier is left alone, but to the `last` hope.
    pub(super) async fn turn<'a>(
        &'a self,
        last: bool,
        witness: &'a dyn Witness,
        end: Instant,
    ) -> Result<Turn<'a>, Failure> {
        loop {
            let ended = self.probe_ended.notified();
            tokio::pin!(ended);
            // From here on no end of a probe is missed.
            ended.as_mut().enable();
            let begun = self.breaker().begin(last, Instant::now());
            match begun {
                breaker::Turn::Go | breaker::Turn::Probe => {
                    return Ok(Turn {
                        lane: self,
                        witness,
                        probe: begun == breaker::Turn::Probe,
                        sign: Sign::Nothing,
                    });
                }
                breaker::Turn::Rests => return Err(Failure::Transient(Cause::Resting)),
                breaker::Turn::Probed => {
                    let in_time = timeout_at(end, ended).await.is_ok();
                    // What the probe found holds for those who waited for it: they would only queue up to find the same.
                    if !in_time || self.is_failing() {
                        return Err(Failure::Transient(Cause::Resting));
                    }
                }
            }
        }
    }

    /// Sends, at most for as long as `within`.
    pub(super) async fn send(
        &self,
        message: &Message,
        from: Option<&Sender>,
        within: Duration,
    ) -> Result<Sent, Failure> {
        // The carrier keeps to `within` by itself, and knows better what is known when it is over; but the visitor waits.
        timeout(within, self.ask(message, from, within))
            .await
            .unwrap_or(Err(Failure::Unknown(Cause::Silence)))
    }

    async fn ask(
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

    /// A code was sent. The conversion, if it has just fallen.
    pub(super) fn sent(&self, channel: Channel) -> Option<u8> {
        self.windows()[super::place(channel)].sent(Instant::now())
    }

    /// A code that it sent was entered.
    pub(super) fn entered(&self, channel: Channel) {
        self.windows()[super::place(channel)].entered(Instant::now());
    }

    pub(super) fn health(&self, channel: Channel) -> Health {
        let now = Instant::now();
        let (counts, percent) = {
            let window = &self.windows()[super::place(channel)];
            (window.counts(now), window.percent(now))
        };
        Health {
            carrier: self.name.clone(),
            channel,
            sent: counts.0,
            entered: counts.1,
            percent,
            rests: self.is_failing(),
            under_way: self.at_once - self.places.available_permits(),
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn windows(&self) -> MutexGuard<'_, [Window; 3]> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave to send one message. It is given back when this is dropped, also if the message is given up.
pub(super) struct Turn<'a> {
    lane: &'a Lane,
    witness: &'a dyn Witness,
    probe: bool,
    sign: Sign,
}

impl Turn<'_> {
    /// What became of the message.
    pub(super) fn end(mut self, result: &Result<Sent, Failure>) {
        self.sign = match result {
            Ok(_) => Sign::Works,
            Err(failure) => sign(failure),
        };
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let (before, after) = {
            let mut breaker = self.lane.breaker();
            let before = breaker.is_open();
            breaker.end(self.probe, self.sign, Instant::now(), rand::random());
            (before, breaker.is_open())
        };
        if self.probe {
            self.lane.probe_ended.notify_waiters();
        }
        if before != after {
            self.witness.rests(&self.lane.name, after);
        }
    }
}

/// What a failure shows of the carrier.
fn sign(failure: &Failure) -> Sign {
    match failure {
        // It answered.
        Failure::BadNumber(_)
        | Failure::Blocked(_)
        | Failure::OptedOut(_)
        | Failure::Landline(_) => Sign::Works,
        // A wait that is over already, by its clock or by ours, is none: it would fail for ever and never rest.
        Failure::Throttled {
            retry_after: Some(wait),
            ..
        } if !wait.is_zero() => Sign::Asks(*wait),
        // Found out without asking it.
        Failure::Refused(_)
        | Failure::Unfit(_)
        | Failure::Transient(Cause::Busy | Cause::Resting)
        | Failure::Config(Cause::WrongChannel(_) | Cause::NoSender | Cause::NoCarrier(_)) => {
            Sign::Nothing
        }
        Failure::Throttled { .. } | Failure::Transient(_) | Failure::Unknown(_) => Sign::Fails,
        Failure::Config(_) => Sign::Misfits,
    }
}

/// The sender of this number: of those that fit, the same one each time, in every process, and where one is added or
/// taken away another one for as few numbers as can be (rendezvous hashing, Thaler and Ravishankar 1998). A person who
/// knows the sender trusts its messages, and vendors ask that nobody hears from several.
fn sticky<'a>(phone: &Phone, fit: &[&'a Sender]) -> Option<&'a Sender> {
    let weight = |sender: &Sender| -> [u8; 32] {
        let hash = Sha256::new()
            .chain_update(phone.e164())
            .chain_update([0])
            .chain_update(sender.as_str());
        hash.finalize().into()
    };
    fit.iter().copied().max_by_key(|sender| weight(sender))
}
