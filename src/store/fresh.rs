//! Sessions of applications that are nobody's yet: the gateway saw them being given to strangers.
//!
//! A login that goes into a session which it does not change says nothing of whose that session is, unless it was
//! nobody's before.

use std::time::Duration;

use dashmap::DashMap;

use super::quarantine::Print;
use crate::moment::Moment;

/// The sessions that are nobody's. Forgetting one costs its visitor another look at the login page, and no more.
#[derive(Debug, Default)]
pub struct Fresh {
    until: DashMap<Print, Duration>,
}

/// The most at once: at about 40 bytes each, 4 MB.
const MOST: usize = 100_000;

/// How long a login page may be looked at before its form is sent.
const LIFE: Duration = Duration::from_hours(1);

impl Fresh {
    /// This session was given to somebody who is not signed in. At the bound it is not remembered.
    pub fn put(&self, session: Print, now: Moment) {
        if self.until.len() < MOST || self.until.contains_key(&session) {
            self.until.insert(session, now.mono + LIFE);
        }
    }

    /// Whether it was nobody's; asked once, since whoever asks is about to sign in with it.
    pub fn take(&self, session: &Print, now: Moment) -> bool {
        self.until
            .remove(session)
            .is_some_and(|(_, until)| until > now.mono)
    }

    /// Whether it is nobody's, as far as is known. It may be asked again.
    pub fn knows(&self, session: &Print, now: Moment) -> bool {
        let until = self.until.get(session);
        until.is_some_and(|until| *until > now.mono)
    }

    /// Forgets those that were given out long ago.
    pub fn sweep(&self, now: Moment) {
        self.until.retain(|_, until| *until > now.mono);
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
        assert_eq!(fresh.until.len(), 1);
    }
}
