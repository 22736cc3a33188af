//! Counters by key: failures of a subject, sends to a number, from a network, for a scope.

use std::hash::Hash;

use dashmap::DashMap;

use crate::challenge::Question;
use crate::limit::{Bound, DAY, Failures, HOUR, Locked, Over, Settings, Tally};
use crate::message::Channel;
use crate::moment::Moment;
use crate::name::Name;
use crate::peer::Network;
use crate::phone::Phone;
use crate::subject::Subject;

/// All counters, under the limits they are held to.
#[derive(Debug)]
pub struct Counters {
    limits: Settings,
    failures: DashMap<(Name, Name, Subject, Part), Failures>,
    numbers: DashMap<(Phone, Channel), Tally>,
    networks: DashMap<(Network, Channel), Tally>,
    scopes: DashMap<(Name, Name, Channel), Tally>,
}

/// Who is counted together for one subject: browsers that passed a code before, and everybody else. Strangers
/// use up only theirs, so nobody can be locked out by others (design section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// A browser with the subject's mark.
    Known,
    /// Any other.
    Stranger,
}

/// The most keys of one kind. At the bound a new key counts as over its limit.
const MOST: usize = 200_000;

impl Counters {
    /// None yet.
    pub fn new(limits: Settings) -> Self {
        let (failures, numbers, networks, scopes) = Default::default();
        Self {
            limits,
            failures,
            numbers,
            networks,
            scopes,
        }
    }

    /// Counts an attempt as a failure before it is compared.
    ///
    /// # Errors
    /// [`Locked`]: it may not be compared.
    pub fn failure(&self, question: &Question, part: Part, now: Moment) -> Result<(), Locked> {
        let key = failure_key(question, part);
        if self.failures.len() >= MOST && !self.failures.contains_key(&key) {
            return Err(Locked { wait: Some(HOUR) });
        }
        self.failures
            .entry(key)
            .or_default()
            .take(self.limits.wrong_per_hour, now)
    }

    /// The attempt that was counted was right: the part starts anew.
    pub fn success(&self, question: &Question, part: Part) {
        self.failures.remove(&failure_key(question, part));
    }

    /// How long this subject's part is locked; `Some(None)` until the operator lifts it.
    pub fn locked(&self, question: &Question, part: Part, now: Moment) -> Option<Locked> {
        let failures = self.failures.get(&failure_key(question, part))?;
        if failures.for_the_operator() {
            return Some(Locked { wait: None });
        }
        failures.locked(now).map(|wait| Locked { wait: Some(wait) })
    }

    /// Counts a send that a network asked for, whoever it was for.
    ///
    /// # Errors
    /// [`Over`] its hourly bound.
    pub fn network(&self, network: Network, channel: Channel, now: Moment) -> Result<(), Over> {
        take(
            &self.networks,
            (network, channel),
            &[bound(self.limits.network_per_hour, HOUR, channel)],
            now,
        )
    }

    /// Counts a send to a number within its scope's budget.
    ///
    /// # Errors
    /// [`Over`] one of the bounds; nothing is counted then.
    pub fn send(
        &self,
        phone: &Phone,
        site: &Name,
        scope: &Name,
        channel: Channel,
        now: Moment,
    ) -> Result<(), Over> {
        let limits = &self.limits;
        let number = [
            bound(limits.number_per_hour, HOUR, channel),
            bound(limits.number_per_day, DAY, channel),
        ];
        take(&self.numbers, (phone.clone(), channel), &number, now)?;
        let all = [
            bound(limits.all_per_hour, HOUR, channel),
            bound(limits.all_per_day, DAY, channel),
        ];
        take(
            &self.scopes,
            (site.clone(), scope.clone(), channel),
            &all,
            now,
        )
        .inspect_err(|_| {
            if let Some(mut tally) = self.numbers.get_mut(&(phone.clone(), channel)) {
                tally.give_back();
            }
        })
    }

    /// Forgets counters in which nothing counts any more.
    pub fn sweep(&self, now: Moment) {
        self.failures.retain(|_, failures| !failures.idle(now));
        self.numbers.retain(|_, tally| !tally.idle(DAY, now));
        self.networks.retain(|_, tally| !tally.idle(HOUR, now));
        self.scopes.retain(|_, tally| !tally.idle(DAY, now));
    }
}

fn failure_key(question: &Question, part: Part) -> (Name, Name, Subject, Part) {
    (
        question.site.clone(),
        question.scope.name.clone(),
        question.subject.clone(),
        part,
    )
}

/// Voice has half of each (design section 12).
fn bound(most: u32, window: std::time::Duration, channel: Channel) -> Bound {
    let most = match channel {
        Channel::Sms => most,
        Channel::Voice => most.div_ceil(2),
    };
    Bound { most, window }
}

fn take<K: Eq + Hash>(
    tallies: &DashMap<K, Tally>,
    key: K,
    bounds: &[Bound],
    now: Moment,
) -> Result<(), Over> {
    if tallies.len() >= MOST && !tallies.contains_key(&key) {
        return Err(Over(HOUR));
    }
    tallies.entry(key).or_default().take(bounds, now)
}
