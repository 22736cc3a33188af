//! Grants that are over before their time: a short list, asked on every allowed request.
//!
//! The list itself is behind a lock; each worker reads it through a [`View`] of its own, which looks at one atomic
//! number and takes the lock only when that number has changed.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Full;
use super::durable::restore::Restored;
use super::durable::{Journal, Row, record};
use crate::grant::{self, Grant};
use crate::moment::Moment;

/// The most revocations at once: at 16 bytes each, 16 MB for each worker.
const MOST: usize = 1_000_000;

/// The list, shared by all workers.
#[derive(Debug, Default, Clone)]
pub struct Revoked(Arc<Shared>);

/// Until when a revocation is remembered: until both clocks say that its grant could not come back anyway. The wall
/// clock may be set to a far day and back again, and the grant with it (A5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Until {
    /// Unix seconds.
    pub(super) unix: u64,
    /// On the steady clock.
    pub(super) mono: Duration,
}

#[derive(Debug, Default)]
struct Shared {
    /// Grants issued in this unix second or before are over, all of them: which ones were revoked is not known any more.
    over: Option<u64>,
    journal: Journal,
    /// Changes with the list: the epoch in the upper half, the length in the lower.
    version: AtomicU64,
    // A plain mutex: taken at sign-out and once per worker after one, never on the way of a request otherwise.
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    epoch: u32,
    entries: Vec<(grant::Id, Until)>,
}

impl Revoked {
    /// What was kept, going on.
    pub(super) fn restored(journal: Journal, kept: &mut Restored) -> Self {
        let list = List {
            epoch: 1,
            entries: std::mem::take(&mut kept.revoked),
        };
        let shared = Shared {
            over: kept.used_up.map(|used_up| used_up.unix),
            journal,
            ..Shared::default()
        };
        shared.publish(&list);
        *shared.list.lock().unwrap_or_else(PoisonError::into_inner) = list;
        Self(Arc::new(shared))
    }

    /// Ends a grant for every worker's next request.
    ///
    /// # Errors
    /// [`Full`] at the bound of one million: the caller must say that it did not happen.
    pub fn revoke(&self, grant: &Grant, now: Moment) -> Result<(), Full> {
        let mut list = self.0.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.entries.len() >= MOST {
            return Err(Full);
        }
        let unix = grant.forgettable();
        let left = Duration::from_secs(unix.saturating_sub(now.unix));
        let mono = now.mono.saturating_add(left);
        let until = Until { unix, mono };
        list.entries.push((grant.id(), until));
        let value = || Some(record::until(until));
        self.0.journal.note(Row::Revoked(grant.id()), value);
        self.0.publish(&list);
        Ok(())
    }

    /// A reader for one worker.
    pub fn view(&self) -> View {
        View {
            shared: self.clone(),
            own: RefCell::default(),
        }
    }

    /// Forgets those whose grants could not come back anyway.
    pub fn sweep(&self, now: Moment) {
        let mut list = self.0.list.lock().unwrap_or_else(PoisonError::into_inner);
        let before = list.entries.len();
        list.entries.retain(|(id, until)| {
            let stays = until.unix > now.unix || until.mono > now.mono;
            if !stays {
                self.0.journal.note(Row::Revoked(*id), || None);
            }
            stays
        });
        if list.entries.len() != before {
            list.epoch = list.epoch.wrapping_add(1);
            self.0.publish(&list);
        }
    }
}

impl Shared {
    fn publish(&self, list: &List) {
        let length = u64::try_from(list.entries.len()).unwrap_or(u64::MAX);
        self.version
            .store(u64::from(list.epoch) << 32 | length, Ordering::Release);
    }
}

/// One worker's copy of the list.
#[derive(Debug)]
pub struct View {
    shared: Revoked,
    own: RefCell<Copy>,
}

#[derive(Debug, Default)]
struct Copy {
    version: u64,
    ids: HashSet<grant::Id>,
}

impl View {
    /// Whether this grant was revoked. One atomic load if nothing was revoked since the last call.
    pub fn contains(&self, grant: &Grant) -> bool {
        self.shared
            .0
            .over
            .is_some_and(|over| grant.issued() <= over)
            || self.lists(&grant.id())
    }

    fn lists(&self, id: &grant::Id) -> bool {
        let version = self.shared.0.version.load(Ordering::Acquire);
        let mut own = self.own.borrow_mut();
        if own.version != version {
            own.catch_up(&self.shared.0);
        }
        !own.ids.is_empty() && own.ids.contains(id)
    }
}

impl Copy {
    fn catch_up(&mut self, shared: &Shared) {
        let list = shared.list.lock().unwrap_or_else(PoisonError::into_inner);
        let (epoch, known) = (
            self.version >> 32,
            usize::try_from(self.version & u64::from(u32::MAX)).unwrap_or(0),
        );
        let new = if epoch == u64::from(list.epoch) {
            list.entries.get(known..).unwrap_or_default()
        } else {
            self.ids.clear();
            &list.entries[..]
        };
        self.ids.extend(new.iter().map(|(id, _)| *id));
        let length = u64::try_from(list.entries.len()).unwrap_or(u64::MAX);
        self.version = u64::from(list.epoch) << 32 | length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenge::tests::verified;

    fn grant(n: u8, unix: u64) -> Grant {
        Grant::issue(verified("login", "ann"), [n; 16], at(unix))
    }

    /// Whether grant `n` counts as revoked.
    fn over(view: &View, n: u8) -> bool {
        view.contains(&grant(n, 1000))
    }

    fn at(unix: u64) -> Moment {
        Moment {
            unix,
            mono: Duration::from_secs(unix),
        }
    }

    #[test]
    fn s5_a_revocation_reaches_every_view_at_its_next_look() {
        let revoked = Revoked::default();
        let (one, two) = (revoked.view(), revoked.view());
        assert!(!over(&one, 1));
        revoked.revoke(&grant(1, 1000), at(1000)).unwrap();
        revoked.revoke(&grant(2, 1000), at(1000)).unwrap();
        for view in [&one, &two] {
            assert!(over(view, 1) && over(view, 2) && !over(view, 3));
        }
        revoked.revoke(&grant(3, 1000), at(1000)).unwrap();
        assert!(over(&one, 3));
    }

    #[test]
    fn what_could_not_come_back_is_forgotten_and_the_rest_stays() {
        let revoked = Revoked::default();
        let view = revoked.view();
        revoked.revoke(&grant(1, 1000), at(1000)).unwrap();
        revoked.revoke(&grant(2, 90_000), at(90_000)).unwrap();
        assert!(over(&view, 1));
        let forgettable = grant(1, 1000).forgettable();
        revoked.sweep(at(forgettable - 1));
        assert!(over(&view, 1));
        revoked.sweep(at(forgettable));
        assert!(!over(&view, 1) && over(&view, 2));
        revoked.revoke(&grant(3, 90_000), at(90_000)).unwrap();
        assert!(over(&view, 3) && over(&revoked.view(), 2));
    }

    #[test]
    fn a5_a_clock_that_was_far_ahead_for_a_while_revives_no_grant() {
        let revoked = Revoked::default();
        let view = revoked.view();
        revoked.revoke(&grant(1, 1000), at(1000)).unwrap();
        let far = Moment {
            unix: 1_000_000_000,
            ..at(1010)
        };
        revoked.sweep(far);
        assert!(over(&view, 1));
        // And one that was far back: the wall clock says when the cookie ends.
        let left = grant(1, 1000).forgettable();
        revoked.sweep(Moment {
            unix: left - 1,
            ..at(left + 1_000_000)
        });
        assert!(over(&view, 1));
        revoked.sweep(at(left));
        assert!(!over(&view, 1));
    }
}
