//! What somebody who tries the carriers out may ask beside sending: who would be asked, and one of them alone.

use std::hash::RandomState;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::HeaderMap;

use super::{Dispatcher, story};
use crate::carrier::{Message, NotTaken, Report, Service};
use crate::event::dispatch::{Dispatch, Told, Witness};
use crate::message::Channel;
use crate::moment::Moment;
use crate::name::Name;
use crate::phone::sender::Sender;

/// A carrier's part in a message that is not sent yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which carrier.
    pub carrier: Name,
    /// What it would send from, if it has senders; or why it is not asked, in our words.
    pub from: Result<Option<Sender>, String>,
    /// Whether the vendor makes the code and words the message.
    pub managed: bool,
    /// Why it is left alone for now: then it comes last.
    pub rests: Option<&'static str>,
}

impl Dispatcher {
    /// The same carriers, with the same troubles, told to another witness, too. With `only` it alone is asked, whatever
    /// `[delivery]` says. What comes of its messages is no trouble of anybody's page.
    #[must_use]
    pub fn aside(&self, only: Option<&Name>, further: Arc<dyn Witness>) -> Self {
        let (mut orders, mut by_country) = (self.orders.clone(), self.by_country.clone());
        if let Some(only) = only {
            let lanes = self.lanes.iter().filter(|lane| lane.name == *only);
            let alone: Vec<_> = lanes.cloned().collect();
            orders = [alone.clone(), alone.clone(), alone];
            by_country.clear();
        }
        Self {
            lanes: self.lanes.clone(),
            orders,
            by_country,
            missed: Mutex::default(),
            hasher: RandomState::new(),
            policy: self.policy.clone(),
            timeout: self.timeout,
            witness: Arc::new(Both(Arc::clone(&self.witness), further)),
        }
    }

    /// Who would be asked to take this message, in this order.
    #[must_use]
    pub fn plan(&self, message: &Message) -> Vec<Plan> {
        let now = tokio::time::Instant::now();
        let lanes = self.order(message).iter();
        let mut ways: Vec<_> = lanes
            .map(|lane| {
                let rests_until = lane.rests_until(now);
                let from = lane.fits(message, &self.policy);
                let plan = Plan {
                    carrier: lane.name.clone(),
                    from: from
                        .map(Option::<&Sender>::cloned)
                        .map_err(|why| story(&why)),
                    managed: matches!(lane.service, Service::Managed(_)),
                    rests: rests_until.map(|_| lane.why_it_rests()),
                };
                (rests_until, plan)
            })
            .collect();
        ways.sort_by_key(|(rests_until, _)| *rests_until);
        ways.into_iter().map(|(_, plan)| plan).collect()
    }

    /// All carriers there are, in the order of the configuration.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.lanes.iter().map(|lane| &lane.name)
    }

    /// Whether this carrier tells what becomes of its messages: one that does not says so of any report, before it
    /// looks at it.
    #[must_use]
    pub fn has_receipts(&self, carrier: &Name, now: Moment) -> bool {
        let nothing = Report {
            headers: &HeaderMap::new(),
            body: &Bytes::new(),
            url: "",
            now,
        };
        !matches!(
            self.receipts(carrier.as_str(), &nothing),
            Err(NotTaken::None)
        )
    }
}

/// Two witnesses of the same.
struct Both(Arc<dyn Witness>, Arc<dyn Witness>);

impl Witness for Both {
    fn saw(&self, dispatch: &Dispatch<'_>) {
        self.0.saw(dispatch);
        self.1.saw(dispatch);
    }

    fn heard(&self, told: &Told<'_>) {
        self.0.heard(told);
        self.1.heard(told);
    }

    fn rests(&self, carrier: &Name, rests: bool) {
        self.0.rests(carrier, rests);
        self.1.rests(carrier, rests);
    }

    fn conversion(&self, carrier: &Name, channel: Channel, percent: u8) {
        self.0.conversion(carrier, channel, percent);
        self.1.conversion(carrier, channel, percent);
    }
}

#[cfg(test)]
mod tests;
