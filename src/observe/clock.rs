//! The one place that reads the clocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::moment::Moment;

/// The clock of a process. Cloning it gives another hand on the same one.
///
/// What the wall clock shows may be set back by whoever runs the machine, by its battery or by the network. This one never
/// goes back: it goes on from the latest time that it has seen, so that nothing that ended begins again (A5).
#[derive(Clone, Debug)]
pub struct Clock {
    began: Instant,
    /// What the wall clock showed then, since 1970.
    from: Duration,
    /// Milliseconds that the wall clock has been ahead of the steady one at the most.
    lead: Arc<AtomicU64>,
    /// Seconds that a test has put it forward.
    ahead: Arc<AtomicU64>,
}

impl Clock {
    /// A clock that begins now.
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub fn start() -> Self {
        Self {
            from: since_1970(),
            began: Instant::now(),
            lead: Arc::default(),
            ahead: Arc::default(),
        }
    }

    /// The time, read once a request.
    pub fn now(&self) -> Moment {
        // Relaxed: only tests write it, and they wait for nothing else by it.
        let ahead = Duration::from_secs(self.ahead.load(Relaxed));
        // The wall clock first: what passes between the two readings must not make it seem ahead.
        let wall = since_1970() + ahead;
        let mono = self.from + self.began.elapsed() + ahead;
        let shown = millis(wall.saturating_sub(mono));
        let mut lead = self.lead.load(Relaxed);
        if shown > lead {
            // Only somebody who sets the clock brings anybody here, once a worker.
            lead = self.lead.fetch_max(shown, Relaxed).max(shown);
        }
        Moment {
            unix: (mono + Duration::from_millis(lead)).as_secs(),
            mono,
        }
    }

    /// Has seen this time, in seconds since 1970: from now on it is not earlier than that. For what the last process saw.
    pub fn not_before(&self, unix: u64) {
        let behind = unix.saturating_sub(self.now().unix);
        self.lead.fetch_add(behind.saturating_mul(1000), Relaxed);
    }

    /// What the wall clock shows, in seconds since 1970: for what others compare with their own clocks, and for nothing
    /// that ends.
    pub fn wall(&self) -> u64 {
        since_1970().as_secs() + self.ahead.load(Relaxed)
    }

    /// The same moment as others have it.
    #[must_use]
    pub fn outside(&self, now: Moment) -> Moment {
        Moment {
            unix: self.wall(),
            ..now
        }
    }

    /// Puts both clocks forward, so that a test need not wait for minutes to pass.
    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(by.as_secs(), Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
fn since_1970() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_go_forward_together() {
        let clock = Clock::start();
        let other = clock.clone();
        let before = clock.now();
        other.advance(Duration::from_secs(300));
        let after = clock.now();
        assert!(after.since(before) >= Duration::from_secs(300));
        assert!(after.unix >= before.unix + 300);
    }

    #[test]
    fn a5_the_steady_clock_begins_at_the_wall_clock() {
        let now = Clock::start().now();
        assert!(now.unix > 1_700_000_000 && now.unix.abs_diff(now.mono.as_secs()) <= 1);
    }

    #[test]
    fn a5_what_the_last_process_saw_is_the_earliest_that_it_shows() {
        let clock = Clock::start();
        let (other, before) = (clock.clone(), clock.now());
        clock.not_before(before.unix + 3600);
        clock.not_before(before.unix);
        let after = other.now();
        assert!((3600..3700).contains(&(after.unix - before.unix)));
        assert!(after.since(before) < Duration::from_secs(100));
        assert!(other.wall().abs_diff(before.unix) < 100, "others see that");
    }
}
