//! Grants that are over before their time: a short list, asked on every allowed request.
//!
//! The list itself is behind a lock; each worker reads it through a [`View`] of its own, which looks at one atomic
//! number and takes the lock only when that number has changed.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Full;
use crate::grant::{self, Grant};
use crate::moment::Moment;

/// The most revocations at once: at 24 bytes each, 24 MB for each worker.
const MOST: usize = 1_000_000;

/// The list, shared by all workers.
#[derive(Debug, Default, Clone)]
pub struct Revoked(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Changes with the list: the epoch in the upper half, the length in the lower.
    version: AtomicU64,
    // A plain mutex: taken at sign-out and once per worker after one, never on the way of a request otherwise.
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    epoch: u32,
    entries: Vec<(grant::Id, u64)>,
}

impl Revoked {
    /// Ends a grant for every worker's next request.
    ///
    /// # Errors
    /// [`Full`] at the bound of one million: the caller must say that it did not happen.
    pub fn revoke(&self, grant: &Grant) -> Result<(), Full> {
        let mut list = self.0.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.entries.len() >= MOST {
            return Err(Full);
        }
        list.entries.push((grant.id(), grant.forgettable()));
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
        list.entries.retain(|(_, until)| *until > now.unix);
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
    pub fn contains(&self, id: &grant::Id) -> bool {
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
    use std::time::Duration;

    use super::*;
    use crate::challenge::tests::verified;

    fn grant(n: u8, unix: u64) -> Grant {
        Grant::issue(verified("login", "ann"), [n; 16], at(unix))
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
        assert!(!one.contains(&[1; 16]));
        revoked.revoke(&grant(1, 1000)).unwrap();
        revoked.revoke(&grant(2, 1000)).unwrap();
        for view in [&one, &two] {
            assert!(view.contains(&[1; 16]) && view.contains(&[2; 16]) && !view.contains(&[3; 16]));
        }
        revoked.revoke(&grant(3, 1000)).unwrap();
        assert!(one.contains(&[3; 16]));
    }

    #[test]
    fn what_could_not_come_back_is_forgotten_and_the_rest_stays() {
        let revoked = Revoked::default();
        let view = revoked.view();
        revoked.revoke(&grant(1, 1000)).unwrap();
        revoked.revoke(&grant(2, 90_000)).unwrap();
        assert!(view.contains(&[1; 16]));
        let forgettable = grant(1, 1000).forgettable();
        revoked.sweep(at(forgettable - 1));
        assert!(view.contains(&[1; 16]));
        revoked.sweep(at(forgettable));
        assert!(!view.contains(&[1; 16]) && view.contains(&[2; 16]));
        revoked.revoke(&grant(3, 90_000)).unwrap();
        assert!(view.contains(&[3; 16]) && revoked.view().contains(&[2; 16]));
    }
}
