//! Cookie values that open nothing until a code was right: from the posted login on (design section 3, Quarantine).
//!
//! One value may belong to several logins: it is free when none of them keeps it back any more. A *place* is one value of
//! one login, and places are what is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::{DashMap, Entry};
use smallvec::SmallVec;

use super::Full;
use super::durable::restore::Restored;
use super::durable::{Journal, Row, record};
use crate::moment::Moment;

/// A keyed hash of a cookie's name and value at one site.
pub type Print = [u8; 16];

/// Who put it there: a keyed hash of the browser secret, the site and the subject who logs in.
pub type Owner = [u8; 16];

/// How firmly a value is kept back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The browser brought it, or an answer set it: it may be a value that many browsers share, and is kept back only
    /// from who has no grant.
    Seen,
    /// One of the capture's `auth_cookies`: kept back from everybody.
    Named,
}

/// What is known of a value that is kept back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The firmest of its owners' weights.
    pub weight: Weight,
    /// Whose logins it belongs to.
    pub owners: SmallVec<[Owner; 2]>,
}

/// All of them. At most [`MOST`], each for [`LIFE`].
#[derive(Debug, Default)]
pub struct Quarantine {
    journal: Journal,
    // Where both are locked, a shard of this one is locked first.
    values: DashMap<Print, SmallVec<[Place; 1]>>,
    owners: DashMap<Owner, SmallVec<[Print; 4]>>,
    /// Places in use: raised before a value is put there, lowered after it has gone, so that zero is always true.
    kept: AtomicUsize,
    reserved: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    owner: Owner,
    weight: Weight,
    until: Duration,
}

/// Places that are kept free for a login that is on its way to the application; given back when dropped.
#[derive(Debug)]
pub struct Reserved {
    places: usize,
    of: Arc<AtomicUsize>,
}

/// The most values at once (design section 3).
pub const MOST: usize = 100_000;

/// How long a value is kept back if its code never comes, in seconds: 24 hours.
pub const LIFE: u64 = 24 * 3600;

impl Quarantine {
    /// What was kept, going on.
    pub(super) fn restored(journal: Journal, kept: &mut Restored) -> Self {
        let quarantine = Self {
            journal,
            ..Self::default()
        };
        for (print, owner, weight, until) in kept.quarantined.drain(..) {
            let place = Place {
                owner,
                weight,
                until,
            };
            quarantine.values.entry(print).or_default().push(place);
            quarantine.owners.entry(owner).or_default().push(print);
            quarantine.kept.fetch_add(1, Ordering::Relaxed);
        }
        quarantine
    }

    /// Keeps `places` free.
    ///
    /// # Errors
    /// [`Full`]: the login must not be sent on.
    pub fn reserve(&self, places: usize) -> Result<Reserved, Full> {
        // Counting first keeps the bound under simultaneous reservations.
        let reserved = self.reserved.fetch_add(places, Ordering::AcqRel);
        let taken = Reserved {
            places,
            of: Arc::clone(&self.reserved),
        };
        let all = reserved
            .saturating_add(places)
            .saturating_add(self.kept.load(Ordering::Acquire));
        if all > MOST { Err(Full) } else { Ok(taken) }
    }

    /// Keeps these values back. Beyond what was reserved the bound gives way rather than the wall: never fails.
    ///
    /// A value that this owner has put there already is kept back anew, and not less firmly than before.
    pub fn put(&self, owner: Owner, values: &[(Print, Weight)], now: Moment) {
        let until = now.mono.saturating_add(Duration::from_secs(LIFE));
        for (print, weight) in values {
            let mut places = self.values.entry(*print).or_default();
            let place = if let Some(place) = places.iter_mut().find(|place| place.owner == owner) {
                place.weight = place.weight.max(*weight);
                place.until = place.until.max(until);
                *place
            } else {
                let place = Place {
                    owner,
                    weight: *weight,
                    until,
                };
                self.kept.fetch_add(1, Ordering::AcqRel);
                places.push(place);
                self.owners.entry(owner).or_default().push(*print);
                place
            };
            self.journal.note(Row::Quarantined(*print, owner), || {
                Some(record::quarantined(place.weight, place.until))
            });
        }
    }

    /// The login was none: what this owner put there is free, unless others keep it back too.
    pub fn lift(&self, owner: &Owner) {
        self.free(owner, |_| false);
    }

    /// The code was right: what this owner put there is free, unless others keep it back too. For these values the same
    /// person's other owners in the same browser, which `same` tells, are no others: a login that was given up on its way
    /// is never heard of again, and would keep the session back that the next one signed in.
    pub fn free(&self, owner: &Owner, same: impl Fn(&Owner) -> bool) {
        let Some((_, prints)) = self.owners.remove(owner) else {
            return;
        };
        for print in prints {
            let Entry::Occupied(mut entry) = self.values.entry(print) else {
                continue;
            };
            entry.get_mut().retain(|place| {
                let stays = place.owner != *owner && !same(&place.owner);
                if !stays {
                    self.forget(&print, &place.owner);
                }
                stays
            });
            if entry.get().is_empty() {
                entry.remove();
            }
        }
    }

    /// Whether nothing is kept back: one atomic load, for the way of an allowed request.
    pub fn is_empty(&self) -> bool {
        self.kept.load(Ordering::Acquire) == 0
    }

    /// How many places are in use.
    pub fn len(&self) -> usize {
        self.kept.load(Ordering::Acquire)
    }

    /// Whether this value is kept back now, and for whom.
    pub fn look(&self, value: &Print, now: Moment) -> Option<Kept> {
        let places = self.values.get(value)?;
        let living = || places.iter().filter(|place| place.until > now.mono);
        Some(Kept {
            weight: living().map(|place| place.weight).max()?,
            owners: living().map(|place| place.owner).collect(),
        })
    }

    /// Forgets what has been kept back for [`LIFE`].
    pub fn sweep(&self, now: Moment) {
        self.values.retain(|print, places| {
            places.retain(|place| {
                let stays = place.until > now.mono;
                if !stays {
                    self.forget(print, &place.owner);
                }
                stays
            });
            !places.is_empty()
        });
    }

    /// What else goes with a place.
    fn forget(&self, print: &Print, owner: &Owner) {
        self.journal.note(Row::Quarantined(*print, *owner), || None);
        if let Entry::Occupied(mut entry) = self.owners.entry(*owner) {
            entry.get_mut().retain(|own| *own != *print);
            if entry.get().is_empty() {
                entry.remove();
            }
        }
        self.kept.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.of.fetch_sub(self.places, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
