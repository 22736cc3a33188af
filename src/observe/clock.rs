//! The one place that reads the clocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::moment::Moment;

/// The clock of a process. Cloning it gives another hand on the same one.
#[derive(Clone, Debug)]
pub struct Clock {
    began: Instant,
    /// What the wall clock showed then, since 1970.
    from: Duration,
    /// Seconds that a test has put it forward.
    ahead: Arc<AtomicU64>,
}

impl Clock {
    /// A clock that begins now.
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub fn start() -> Self {
        Self {
            began: Instant::now(),
            from: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            ahead: Arc::default(),
        }
    }

    /// The time, read once a request.
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub fn now(&self) -> Moment {
        // Relaxed: only tests write it, and they wait for nothing else by it.
        let ahead = Duration::from_secs(self.ahead.load(Ordering::Relaxed));
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Moment {
            unix: (wall + ahead).as_secs(),
            mono: self.from + self.began.elapsed() + ahead,
        }
    }

    /// Puts both clocks forward, so that a test need not wait for minutes to pass.
    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(by.as_secs(), Ordering::Relaxed);
    }
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
}
