//! Which carrier is asked, in which order, and when the next one.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::RootCertStore;
use tokio::time::Instant;
use tracing::{info, warn};

use super::console::{Console, Sink};
use super::http_client::HttpClient;
use super::webhook::{self, BadUrl, Webhook};
use super::{Carrier, Cause, Delivery, Failure, Kind, Message, Settings};
use crate::message::Channel;
use crate::name::Name;
use crate::phone::Policy;

/// Sends messages by the carriers of each channel, in the operator's order.
///
/// The next carrier is asked where the last one failed by its own fault ([`Failure::is_of_the_carrier`]): never about a
/// number that is at fault, and never where the message may already be on its way.
pub struct Dispatcher {
    sms: Vec<Arc<Lane>>,
    voice: Vec<Arc<Lane>>,
    policy: Policy,
    timeout: Duration,
    sms_trouble: AtomicBool,
    voice_trouble: AtomicBool,
}

/// The message was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// By whom.
    pub carrier: Name,
    /// What that carrier calls it.
    pub id: String,
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

impl Dispatcher {
    /// Makes every carrier ready; console carriers print to `sink`. Asks nobody anything yet.
    ///
    /// # Errors
    /// [`Unusable`], the first thing found.
    pub fn open(carriers: &[Settings], delivery: &Delivery, sink: &Sink) -> Result<Self, Unusable> {
        let https = |carrier: &Settings| matches!(&carrier.kind, Kind::Webhook(own) if webhook::is_https(&own.url));
        let roots = if carriers.iter().any(https) {
            native_roots()?
        } else {
            RootCertStore::empty()
        };
        Self::with_roots(carriers, delivery, sink, roots)
    }

    fn with_roots(
        carriers: &[Settings],
        delivery: &Delivery,
        sink: &Sink,
        roots: RootCertStore,
    ) -> Result<Self, Unusable> {
        let client = HttpClient::new(roots).map_err(Unusable::Tls)?;
        let lanes = carriers
            .iter()
            .map(|carrier| Lane::open(carrier, sink, &client).map(Arc::new));
        let lanes: Vec<Arc<Lane>> = lanes.collect::<Result<_, _>>()?;
        let order = |names: &[Name]| -> Result<Vec<_>, Unusable> {
            let find = |name: &Name| lanes.iter().find(|lane| lane.name == *name).cloned();
            names
                .iter()
                .map(|name| find(name).ok_or_else(|| Unusable::NoCarrier(name.clone())))
                .collect()
        };
        Ok(Self {
            sms: order(&delivery.sms)?,
            voice: order(&delivery.voice)?,
            policy: Policy {
                countries: delivery.countries.clone(),
                fictional: delivery.fictional,
            },
            timeout: delivery.timeout,
            sms_trouble: AtomicBool::new(false),
            voice_trouble: AtomicBool::new(false),
        })
    }

    /// Sends one message, at most for as long as `[delivery] timeout`. Logs what happens, with nothing of the message
    /// in it but the masked number.
    ///
    /// # Errors
    /// [`Failed`], with what the last carrier said.
    pub async fn send(&self, message: &Message) -> Result<Receipt, Failed> {
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

    /// Whether the last message of `channel` found no carrier that works.
    ///
    /// A page for somebody who gets no message at all must then say what everybody's says (C7).
    #[must_use]
    pub fn trouble(&self, channel: Channel) -> bool {
        self.trouble_of(channel).load(Ordering::Relaxed)
    }

    async fn try_in_order(&self, message: &Message) -> Result<Receipt, Failed> {
        let deadline = Instant::now() + self.timeout;
        let mut last = Failed {
            carrier: None,
            failure: Failure::Config(Cause::NoCarrier(message.channel)),
        };
        for lane in self.order(message.channel) {
            let allowed = Policy {
                fictional: self.policy.fictional || lane.trial,
                ..self.policy.clone()
            };
            if let Some(refusal) = message.to.refusal(&allowed) {
                // A carrier for trials, further down, may still take a fictional number.
                if last.carrier.is_none() {
                    last.failure = Failure::Refused(refusal);
                }
                continue;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let failure = match lane.carrier.send(message, left.min(lane.timeout)).await {
                Ok(accepted) => {
                    let (id, to) = (&message.id, &message.to);
                    info!(carrier = %lane.name, %id, %to, channel = %message.channel, vendor_id = accepted.id, "sent");
                    return Ok(Receipt {
                        carrier: lane.name.clone(),
                        id: accepted.id,
                    });
                }
                Err(failure) => failure,
            };
            report(Some(lane), message, &failure);
            let go_on = failure.is_of_the_carrier();
            last = Failed {
                carrier: Some(lane.name.clone()),
                failure,
            };
            if !go_on {
                break;
            }
        }
        if last.carrier.is_none() {
            report(None, message, &last.failure);
        }
        Err(last)
    }

    fn order(&self, channel: Channel) -> &[Arc<Lane>] {
        match channel {
            Channel::Sms => &self.sms,
            Channel::Voice => &self.voice,
        }
    }

    fn note(&self, channel: Channel, trouble: bool) {
        self.trouble_of(channel).store(trouble, Ordering::Relaxed);
    }

    fn trouble_of(&self, channel: Channel) -> &AtomicBool {
        match channel {
            Channel::Sms => &self.sms_trouble,
            Channel::Voice => &self.voice_trouble,
        }
    }
}

/// A carrier as `[delivery]` sees it.
struct Lane {
    name: Name,
    carrier: Box<dyn Carrier>,
    timeout: Duration,
    /// Whether it reaches nobody's phone, so that numbers nobody has may be sent to.
    trial: bool,
}

impl Lane {
    fn open(settings: &Settings, sink: &Sink, client: &HttpClient) -> Result<Self, Unusable> {
        let (carrier, trial): (Box<dyn Carrier>, bool) = match &settings.kind {
            Kind::Console => (Box::new(Console::new(Arc::clone(sink))), true),
            Kind::Webhook(own) => {
                let webhook = Webhook::new(own, client.clone());
                let webhook =
                    webhook.map_err(|error| Unusable::Url(settings.name.clone(), error))?;
                (Box::new(webhook), webhook::is_loopback(&own.url))
            }
        };
        Ok(Self {
            name: settings.name.clone(),
            carrier,
            timeout: settings.timeout,
            trial,
        })
    }
}

/// One log line for a failure: which side, what, and every cause below it.
fn report(lane: Option<&Arc<Lane>>, message: &Message, failure: &Failure) {
    let carrier = lane.map_or("-", |lane| lane.name.as_str());
    let (id, to) = (&message.id, &message.to);
    let mut reason = failure.to_string();
    let mut source = failure.source();
    while let Some(cause) = source {
        reason.push_str(": ");
        reason.push_str(&cause.to_string());
        source = cause.source();
    }
    warn!(carrier, %id, %to, channel = %message.channel, class = failure.class(), reason, "not sent");
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
