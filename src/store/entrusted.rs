//! Answers that somebody else compares: the vendor of a managed code is asked between two steps of the store.

use std::sync::Arc;

use super::counters::Part;
use super::{Attempt, Refused, Reward, Store};
use crate::challenge::{self, Mistake, Remote};
use crate::hold::Hold;
use crate::moment::Moment;

/// Who says whether an answer is right.
#[derive(Debug)]
pub enum Consult {
    /// Nobody else has to be asked.
    Nobody,
    /// The vendor of the code.
    Vendor(Remote),
    /// Nobody has it: no code was sent, or none but ours. It is counted as if a vendor were asked.
    Void,
    /// It is not compared at all.
    Refused(Refused),
}

impl Store {
    /// A vendor took it and sent a code of its own instead; nothing has the hash `none`.
    pub fn entrust(
        &self,
        id: &challenge::Id,
        mac: &challenge::Mac,
        remote: Remote,
        none: challenge::Mac,
    ) {
        if let Some(mut entry) = self.challenges.get_mut(id) {
            entry.challenge.entrust(mac, remote, none);
        }
    }

    /// Where answers queue while a vendor is asked about one: at every challenge alike, whether it has a vendor's code or
    /// nobody's (C7).
    ///
    /// A lock that may be held over an await: it guards nothing but the order, and each holder has a deadline.
    pub fn turn(&self, id: &challenge::Id) -> Option<Arc<tokio::sync::Mutex<()>>> {
        let mut entry = self.challenges.get_mut(id)?;
        Some(Arc::clone(entry.turn.get_or_insert_default()))
    }

    /// Whether a vendor must be asked before an attempt can be compared. If so, the attempt is already counted, and stays so
    /// unless somebody [vouches](Self::vouch) for it.
    ///
    /// `veiled`: nobody may see which attempts those are, so all that are no code of ours are counted here (C7).
    pub fn consult(
        &self,
        id: &challenge::Id,
        browser: &challenge::Browser,
        mac: &challenge::Mac,
        part: Part,
        veiled: bool,
        now: Moment,
    ) -> Consult {
        let Some(mut entry) = self.of(id, browser, now) else {
            return Consult::Nobody;
        };
        let limit = self.limits.load().wrong_per_challenge;
        let consult = match entry.challenge.entrusted(mac, limit, now) {
            Some(remote) => Consult::Vendor(remote),
            None if veiled
                && entry.challenge.compares(limit, now)
                && !entry.challenge.knows(mac, now) =>
            {
                Consult::Void
            }
            None => return Consult::Nobody,
        };
        if let Err(refused) = self.admit(&mut entry, part, now) {
            return Consult::Refused(refused);
        }
        entry.challenge.reserve();
        consult
    }

    /// The vendor says that the answer with this hash is its code: from now on it is as good as one of ours, whether or not
    /// whoever typed it has waited. A double click must not lose a login (design section 3, Codes).
    pub fn vouch(&self, id: &challenge::Id, remote: &Remote, mac: challenge::Mac) {
        if let Some(mut entry) = self.challenges.get_mut(id) {
            entry.challenge.give_back();
            entry.challenge.vouched(remote, mac);
        }
    }

    /// The rest of an attempt that [`Self::consult`] counted and somebody vouched for.
    pub fn conclude(
        &self,
        id: &challenge::Id,
        browser: &challenge::Browser,
        mac: &challenge::Mac,
        part: Part,
        now: Moment,
        reward: impl FnOnce(challenge::Verified, Option<Hold>) -> Reward,
    ) -> Attempt {
        match self.of(id, browser, now) {
            Some(mut entry) => self.compare(id, &mut entry, mac, part, now, reward),
            None => Attempt::Gone,
        }
    }

    /// The rest of one that nobody vouched for.
    pub fn missed(&self, id: &challenge::Id, browser: &challenge::Browser, now: Moment) -> Attempt {
        let Some(mut entry) = self.of(id, browser, now) else {
            return Attempt::Gone;
        };
        entry.challenge.note(Mistake::Wrong);
        Attempt::Refused(
            match entry.challenge.left(self.limits.load().wrong_per_challenge) {
                0 => Refused::Spent,
                _ => Refused::Wrong,
            },
        )
    }

    /// The rest of one about which the vendor could not be asked: of this challenge's answers it took none.
    pub fn unchecked(&self, id: &challenge::Id, browser: &challenge::Browser, now: Moment) {
        if let Some(mut entry) = self.of(id, browser, now) {
            entry.challenge.give_back();
            entry.challenge.note(Mistake::Unchecked);
        }
    }
}
