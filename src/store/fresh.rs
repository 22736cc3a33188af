//! Sessions of applications that are nobody's yet: the gateway saw them being given to strangers.
//!
//! A login that goes into a session which it does not change says nothing of whose that session is, unless it was
//! nobody's before.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::quarantine::Print;
use crate::moment::Moment;

/// The sessions that are nobody's. Forgetting one costs its visitor another look at the login page, and no more.
///
/// One lock of the standard library: it is held for a look into a map, on the way to a login page or a login.
#[derive(Debug, Default)]
pub struct Fresh(Mutex<Generations>);

/// When the young ones are too many the old ones go: a flood of strangers costs those that waited longest, never the
/// next one who comes.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Print, Duration>,
    old: HashMap<Print, Duration>,
}

/// The most of a generation: at about 40 bytes each, 4 MB for both.
const MOST: usize = 50_000;

/// How long a login page may be looked at before its form is sent.
const LIFE: Duration = Duration::from_hours(1);

impl Fresh {
    /// This session was given to somebody who is not signed in.
    pub fn put(&self, session: Print, now: Moment) {
        let mut all = self.all();
        if all.young.len() >= MOST {
            all.old = mem::take(&mut all.young);
        }
        all.old.remove(&session);
        all.young.insert(session, now.mono + LIFE);
    }

    /// Whether it was nobody's; asked once, since whoever asks is about to sign in with it.
    pub fn take(&self, session: &Print, now: Moment) -> bool {
        let mut all = self.all();
        let until = all.young.remove(session).or(all.old.remove(session));
        until.is_some_and(|until| until > now.mono)
    }

    /// Whether it is nobody's, as far as is known. It may be asked again.
    pub fn knows(&self, session: &Print, now: Moment) -> bool {
        let all = self.all();
        let until = all.young.get(session).or_else(|| all.old.get(session));
        until.is_some_and(|until| *until > now.mono)
    }

    /// Forgets those that were given out long ago.
    pub fn sweep(&self, now: Moment) {
        let mut all = self.all();
        all.young.retain(|_, until| *until > now.mono);
        all.old.retain(|_, until| *until > now.mono);
    }

    fn all(&self) -> MutexGuard<'_, Generations> {
        // Each step leaves the maps whole, even one that panics between two.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenge::tests::at;

    #[test]
    fn g2_a_session_is_nobodys_once() {
        let fresh = Fresh::default();
        fresh.put([1; 16], at(0));
        assert!(
            !fresh.take(&[2; 16], at(1)) && !fresh.knows(&[2; 16], at(1)),
            "another"
        );
        assert!(fresh.knows(&[1; 16], at(1)), "to ask takes nothing away");
        assert!(fresh.take(&[1; 16], at(1)));
        assert!(!fresh.knows(&[1; 16], at(1)));
        assert!(!fresh.take(&[1; 16], at(1)), "somebody may have it now");
    }

    #[test]
    fn a1_what_nobody_came_back_for_is_forgotten() {
        let fresh = Fresh::default();
        fresh.put([1; 16], at(0));
        fresh.put([2; 16], at(60));
        assert!(!fresh.knows(&[1; 16], at(3600)) && !fresh.take(&[1; 16], at(3600)));
        fresh.sweep(at(3600));
        assert_eq!(fresh.all().young.len(), 1);
    }

    #[test]
    fn a1_a_flood_costs_those_who_waited_longest_and_not_the_next() {
        let fresh = Fresh::default();
        let print = |n: usize| {
            let mut print = [0; 16];
            print[..8].copy_from_slice(&n.to_be_bytes());
            print
        };
        for n in 0..=2 * MOST {
            fresh.put(print(n), at(1));
        }
        let all = {
            let all = fresh.all();
            all.young.len() + all.old.len()
        };
        assert!(all <= 2 * MOST, "{all}");
        assert!(!fresh.knows(&print(0), at(2)), "the first went");
        assert!(fresh.knows(&print(2 * MOST), at(2)) && fresh.knows(&print(MOST + 1), at(2)));
        // One that comes again counts as new.
        fresh.put(print(MOST + 1), at(3));
        for n in 0..MOST {
            fresh.put(print(10 * MOST + n), at(3));
        }
        assert!(fresh.take(&print(MOST + 1), at(4)));
    }
}
