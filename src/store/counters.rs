//! Counters by key: failures of a subject, sends to a number, from a network, for a scope.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use dashmap::{DashMap, Entry};
use smallvec::SmallVec;

use super::durable::restore::Restored;
use super::durable::{Journal, Row, record};
use super::print::{Kind, Prints};
use super::quarantine::Print;
use crate::address::Address;
use crate::challenge::Question;
use crate::limit::{Bound, DAY, Failures, HOUR, Locked, Over, Settings, Tally};
use crate::message::Channel;
use crate::moment::Moment;
use crate::name::Name;
use crate::peer::Network;

/// All counters, under the limits they are held to. Whom they are about stands in none of them: see [`Prints`].
#[derive(Debug)]
pub struct Counters {
    /// Changed by a reload alone, and read by no request that is let through.
    limits: Arc<ArcSwap<Settings>>,
    prints: Prints,
    journal: Journal,
    /// Since when what is not known counts as used up: the file that knew it was damaged (A4).
    used_up: Option<Duration>,
    failures: DashMap<Print, Failures>,
    numbers: DashMap<Print, Tally>,
    networks: DashMap<Print, Tally>,
    scopes: DashMap<Print, Tally>,
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

impl Part {
    fn word(self) -> &'static [u8] {
        match self {
            Self::Known => b"known",
            Self::Stranger => b"stranger",
        }
    }
}

/// The most keys of one kind. At the bound a new key counts as over its limit.
const MOST: usize = 200_000;

impl Counters {
    /// None yet, and none kept.
    pub fn new(limits: Settings) -> Self {
        let (failures, numbers, networks, scopes) = Default::default();
        Self {
            limits: Arc::new(ArcSwap::from_pointee(limits)),
            prints: Prints::of_this_process(),
            journal: Journal::default(),
            used_up: None,
            failures,
            numbers,
            networks,
            scopes,
        }
    }

    /// What they are held to, for who holds others to the same.
    pub(super) fn limits(&self) -> Arc<ArcSwap<Settings>> {
        Arc::clone(&self.limits)
    }

    /// What was kept, going on.
    pub(super) fn restored(limits: Settings, journal: Journal, kept: &mut Restored) -> Self {
        Self {
            limits: Arc::new(ArcSwap::from_pointee(limits)),
            prints: kept.prints.clone(),
            journal,
            used_up: kept.used_up.map(|used_up| used_up.mono),
            failures: kept.failures.drain(..).collect(),
            numbers: kept.numbers.drain(..).collect(),
            networks: kept.networks.drain(..).collect(),
            scopes: kept.scopes.drain(..).collect(),
        }
    }

    /// Counts an attempt as a failure before it is compared: of the subject, or, as long as nothing is proven, of the name
    /// that was given. This is what a page tells of; two names of one person must not be seen to be locked together (C7).
    ///
    /// # Errors
    /// [`Locked`]: it may not be compared.
    pub fn failure(&self, question: &Question, part: Part, now: Moment) -> Result<(), Locked> {
        self.fail(self.told_of(question, part), now)
    }

    /// Counts it for the person behind the name as well, if that is not what [`Self::failure`] did: more names are no more
    /// tries (C4).
    ///
    /// # Errors
    /// [`Locked`]: it may not be compared, and only who has shown who they are may learn why.
    pub fn failure_behind(
        &self,
        question: &Question,
        part: Part,
        now: Moment,
    ) -> Result<(), Locked> {
        if question.entry.proven() {
            return Ok(());
        }
        self.fail(self.failures_of(question, part), now)
    }

    fn fail(&self, print: Print, now: Moment) -> Result<(), Locked> {
        let full = self.failures.len() >= MOST;
        match self.failures.entry(print) {
            Entry::Occupied(mut entry) => {
                entry
                    .get_mut()
                    .take(self.limits.load().wrong_per_hour, now)?;
                self.note_failures(print, entry.get());
            }
            Entry::Vacant(_) if full => return Err(Locked { wait: Some(HOUR) }),
            Entry::Vacant(entry) => {
                if let Some(wait) = self.used_up(HOUR, now) {
                    return Err(Locked { wait: Some(wait) });
                }
                let mut failures = Failures::default();
                failures.take(self.limits.load().wrong_per_hour, now)?;
                self.note_failures(print, &failures);
                entry.insert(failures);
            }
        }
        Ok(())
    }

    /// The attempt that was counted was right: the part starts anew.
    pub fn success(&self, question: &Question, part: Part) {
        for print in [
            self.failures_of(question, part),
            self.told_of(question, part),
        ] {
            if let Entry::Occupied(entry) = self.failures.entry(print) {
                self.journal.note(Row::Failures(print), || None);
                entry.remove();
            }
        }
    }

    /// How long this subject's part is locked, or their name's as long as nothing is proven; `Some(None)` until the operator
    /// lifts it.
    pub fn locked(&self, question: &Question, part: Part, now: Moment) -> Option<Locked> {
        let Some(failures) = self.failures.get(&self.told_of(question, part)) else {
            let wait = self.used_up(HOUR, now)?;
            return Some(Locked { wait: Some(wait) });
        };
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
        let print = self.print(Kind::Network, &[&network.octets()], channel);
        let bounds = [bound(self.limits.load().network_per_hour, HOUR, channel)];
        self.take(&self.networks, Row::Network(print), print, &bounds, now)
    }

    /// Counts a send to a number or mail address within its scope's budget. Each channel counts for itself, and an address
    /// is the same in capitals: nearly all mail servers hold it so.
    ///
    /// # Errors
    /// [`Over`] one of the bounds; nothing is counted then.
    pub fn send(
        &self,
        to: &Address,
        site: &Name,
        scope: &Name,
        channel: Channel,
        now: Moment,
    ) -> Result<(), Over> {
        let limits = self.limits.load();
        let to = to.as_str().to_ascii_lowercase();
        let number = self.print(Kind::Number, &[to.as_bytes()], channel);
        let bounds = [
            bound(limits.number_per_hour, HOUR, channel),
            bound(limits.number_per_day, DAY, channel),
        ];
        self.take(&self.numbers, Row::Number(number), number, &bounds, now)?;
        let names = [site.as_str().as_bytes(), scope.as_str().as_bytes()];
        let all = self.print(Kind::Scope, &names, channel);
        self.within_all(all, channel, now)
            .inspect_err(|_| self.give_back(number))
    }

    /// Counts a message that an account of the API sends to a number: ten an hour, and within what `[limits]` gives a
    /// scope. Calls have half of each.
    ///
    /// # Errors
    /// [`Over`] one of the bounds; nothing is counted then.
    pub fn account(
        &self,
        to: &Address,
        account: &str,
        channel: Channel,
        now: Moment,
    ) -> Result<(), Over> {
        /// Design section 8.
        const NUMBER_PER_HOUR: u32 = 10;
        let parts: [&[u8]; 2] = [account.as_bytes(), to.as_str().as_bytes()];
        let number = self.print(Kind::Account, &parts, channel);
        let bounds = [bound(NUMBER_PER_HOUR, HOUR, channel)];
        self.take(&self.numbers, Row::Number(number), number, &bounds, now)?;
        let all = self.print(Kind::Account, &[account.as_bytes()], channel);
        self.within_all(all, channel, now)
            .inspect_err(|_| self.give_back(number))
    }

    /// Forgets counters in which nothing counts any more.
    pub fn sweep(&self, now: Moment) {
        self.forget(&self.failures, Row::Failures, |failures| failures.idle(now));
        self.forget(&self.numbers, Row::Number, |tally| tally.idle(DAY, now));
        self.forget(&self.networks, Row::Network, |tally| tally.idle(HOUR, now));
        self.forget(&self.scopes, Row::Scope, |tally| tally.idle(DAY, now));
    }

    /// Some of what is idle, here and in the file: what is left counts for nothing and goes next time. An answer must not
    /// wait for a transaction that takes a whole attack out of the file.
    fn forget<V>(&self, map: &DashMap<Print, V>, row: fn(Print) -> Row, idle: impl Fn(&V) -> bool) {
        /// Some milliseconds of the disk's.
        const AT_ONCE: usize = 2000;
        let mut gone = 0;
        map.retain(|print, value| {
            let goes = gone < AT_ONCE && idle(value);
            if goes {
                gone += 1;
                self.journal.note(row(*print), || None);
            }
            !goes
        });
    }

    /// Counts one more within what a scope, or an account of the API, may send.
    fn within_all(&self, all: Print, channel: Channel, now: Moment) -> Result<(), Over> {
        let bounds = [
            bound(self.limits.load().all_per_hour, HOUR, channel),
            bound(self.limits.load().all_per_day, DAY, channel),
        ];
        self.take(&self.scopes, Row::Scope(all), all, &bounds, now)
    }

    /// What was counted for a number did not go out.
    fn give_back(&self, number: Print) {
        if let Some(mut tally) = self.numbers.get_mut(&number) {
            tally.give_back();
            self.note_tally(Row::Number(number), &tally);
        }
    }

    fn take(
        &self,
        tallies: &DashMap<Print, Tally>,
        row: Row,
        print: Print,
        bounds: &[Bound],
        now: Moment,
    ) -> Result<(), Over> {
        let full = tallies.len() >= MOST;
        match tallies.entry(print) {
            Entry::Occupied(mut entry) => {
                entry.get_mut().take(bounds, now)?;
                self.note_tally(row, entry.get());
            }
            Entry::Vacant(_) if full => return Err(Over(HOUR)),
            Entry::Vacant(entry) => {
                let used_up = bounds
                    .iter()
                    .filter_map(|bound| self.used_up(bound.window, now))
                    .max();
                if let Some(wait) = used_up {
                    return Err(Over(wait));
                }
                let mut tally = Tally::default();
                tally.take(bounds, now)?;
                self.note_tally(row, &tally);
                entry.insert(tally);
            }
        }
        Ok(())
    }

    /// How much of a window is left for which nothing is known, and everything counts as used up.
    fn used_up(&self, window: Duration, now: Moment) -> Option<Duration> {
        let left = (self.used_up? + window).saturating_sub(now.mono);
        (!left.is_zero()).then_some(left)
    }

    fn note_failures(&self, print: Print, failures: &Failures) {
        let value = || Some(record::failures(failures));
        self.journal.note(Row::Failures(print), value);
    }

    fn note_tally(&self, row: Row, tally: &Tally) {
        self.journal.note(row, || Some(record::tally(tally)));
    }

    /// Whose failures a page tells of.
    fn told_of(&self, question: &Question, part: Part) -> Print {
        if question.entry.proven() {
            self.failures_of(question, part)
        } else {
            self.failures_print(
                question,
                &[question.named.as_str().as_bytes(), part.word(), b"named"],
            )
        }
    }

    fn failures_of(&self, question: &Question, part: Part) -> Print {
        self.failures_print(
            question,
            &[question.subject.as_str().as_bytes(), part.word()],
        )
    }

    fn failures_print(&self, question: &Question, whose: &[&[u8]]) -> Print {
        let at: [&[u8]; 2] = [
            question.site.as_str().as_bytes(),
            question.scope.name.as_str().as_bytes(),
        ];
        let parts: SmallVec<[&[u8]; 5]> = at.iter().chain(whose).copied().collect();
        self.prints.print(Kind::Failures, &parts)
    }

    fn print(&self, kind: Kind, parts: &[&[u8]], channel: Channel) -> Print {
        let channel: &[u8] = match channel {
            Channel::Sms => b"sms",
            Channel::Voice => b"voice",
            Channel::Email => b"email",
        };
        let parts: SmallVec<[&[u8]; 3]> = parts.iter().copied().chain([channel]).collect();
        self.prints.print(kind, &parts)
    }
}

/// Voice has half of each (design section 12); mail costs little and wakes nobody.
fn bound(most: u32, window: Duration, channel: Channel) -> Bound {
    let most = match channel {
        Channel::Sms | Channel::Email => most,
        Channel::Voice => most.div_ceil(2),
    };
    Bound { most, window }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenge::tests::at;

    #[test]
    fn a1_a_full_map_of_counters_refuses_the_newest_and_nobody_who_is_in_it() {
        let counters = Counters::new(Settings::default());
        let print = |n: usize| (n as u128).to_be_bytes();
        let bounds = [bound(2, HOUR, Channel::Sms)];
        let send = |n| {
            let number = print(n);
            counters.take(
                &counters.numbers,
                Row::Number(number),
                number,
                &bounds,
                at(0),
            )
        };
        for n in 0..MOST {
            assert!(counters.fail(print(n), at(0)).is_ok() && send(n).is_ok());
        }
        assert!(counters.fail(print(MOST), at(0)).is_err() && send(MOST).is_err());
        assert!(counters.fail(print(0), at(0)).is_ok() && send(0).is_ok());
    }
}
