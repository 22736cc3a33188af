//! Several witnesses of what carriers do, as one; and one that tells receipts on to whoever waits for them.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::event::dispatch::{Dispatch, Told, Witness};
use crate::message::Channel;
use crate::name::Name;

/// Tells each of them everything, in their order.
pub struct Fan(pub Vec<Arc<dyn Witness>>);

impl Witness for Fan {
    fn saw(&self, dispatch: &Dispatch<'_>) {
        for witness in &self.0 {
            witness.saw(dispatch);
        }
    }

    fn heard(&self, told: &Told<'_>) {
        for witness in &self.0 {
            witness.heard(told);
        }
    }

    fn rests(&self, carrier: &Name, rests: bool) {
        for witness in &self.0 {
            witness.rests(carrier, rests);
        }
    }

    fn conversion(&self, carrier: &Name, channel: Channel, percent: u8) {
        for witness in &self.0 {
            witness.conversion(carrier, channel, percent);
        }
    }
}

/// Hands receipts to whoever follows a message now. Who does not keep up misses some, and nobody waits for them.
pub struct Relay(broadcast::Sender<Heard>);

/// A receipt, to keep. Its `id` names a message and nobody else, so there is `Debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Which carrier.
    pub carrier: Name,
    /// The vendor's name for the message, or ours.
    pub id: String,
    /// `sent`, `delivered`, or the word for a failure.
    pub state: &'static str,
    /// The vendor's code of a failure.
    pub code: Option<String>,
}

/// Receipts that may wait for one follower. A storm of more costs it some.
const WAITING: usize = 256;

impl Relay {
    /// From now on.
    #[must_use]
    pub fn follow(&self) -> broadcast::Receiver<Heard> {
        self.0.subscribe()
    }
}

impl Default for Relay {
    fn default() -> Self {
        Self(broadcast::Sender::new(WAITING))
    }
}

impl Witness for Relay {
    fn saw(&self, _: &Dispatch<'_>) {}

    fn heard(&self, told: &Told<'_>) {
        if self.0.receiver_count() == 0 {
            return;
        }
        // Fails where the last follower has just gone.
        drop(self.0.send(Heard {
            carrier: told.carrier.clone(),
            id: told.id.to_owned(),
            state: told.state,
            code: told.code.map(str::to_owned),
        }));
    }

    fn rests(&self, _: &Name, _: bool) {}
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast::error::TryRecvError;

    use super::*;

    fn told<'a>(carrier: &'a Name, id: &'a str, state: &'static str) -> Told<'a> {
        Told {
            carrier,
            id,
            channel: Channel::Sms,
            state,
            code: (state == "blocked").then_some("30007"),
        }
    }

    #[test]
    fn every_witness_of_a_fan_hears_the_receipt() {
        let (one, two) = (Arc::new(Relay::default()), Arc::new(Relay::default()));
        let fan = Fan(vec![one.clone(), two.clone()]);
        let (mut first, mut second) = (one.follow(), two.follow());
        let main = Name::parse("main").unwrap();
        fan.heard(&told(&main, "SM1", "blocked"));
        let heard = first.try_recv().unwrap();
        assert_eq!((heard.id.as_str(), heard.state), ("SM1", "blocked"));
        assert_eq!(heard.code.as_deref(), Some("30007"));
        assert_eq!(second.try_recv().unwrap(), heard);
    }

    #[test]
    fn a_receipt_waits_for_nobody_and_a_storm_costs_only_who_is_slow() {
        let relay = Relay::default();
        let main = Name::parse("main").unwrap();
        relay.heard(&told(&main, "SM0", "sent"));
        let mut follower = relay.follow();
        assert_eq!(follower.try_recv(), Err(TryRecvError::Empty));
        for _ in 0..=WAITING {
            relay.heard(&told(&main, "SM1", "sent"));
        }
        assert_eq!(follower.try_recv(), Err(TryRecvError::Lagged(1)));
        assert!(follower.try_recv().is_ok());
    }
}
