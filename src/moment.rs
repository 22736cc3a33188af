//! A point in time, read once a request at the edge and handed down as `now`.

use std::time::Duration;

/// One reading of both clocks.
///
/// What is counted and what waits is measured on `mono`, which never steps; what is signed into a cookie carries
/// `unix`, which means the same to every process (requirement A5). `mono` begins at what the wall clock shows when the
/// process starts, so that times of one process can be kept for the next one; where the two clocks drift apart, since
/// somebody set the wall clock, `store` makes up for it when it reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970-01-01 UTC; never less than before, whatever becomes of the wall clock.
    pub unix: u64,
    /// Time since 1970-01-01 UTC as the wall clock had it when the process began, and steadily on from there.
    pub mono: Duration,
}

impl Moment {
    /// The point `by` later on both clocks; whole seconds on the wall clock.
    #[must_use]
    pub fn later(self, by: Duration) -> Self {
        Self {
            unix: self.unix.saturating_add(by.as_secs()),
            mono: self.mono.saturating_add(by),
        }
    }

    /// How long after `earlier` this is on the monotonic clock; zero if it is not later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.mono.saturating_sub(earlier.mono)
    }

    /// How long until `later`; zero if it has come.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        later.mono.saturating_sub(self.mono)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_between_two_moments_is_never_negative() {
        let early = Moment {
            unix: 100,
            mono: Duration::from_secs(1),
        };
        let late = early.later(Duration::from_secs(5));
        assert_eq!(
            (late.since(early), early.since(late)),
            (Duration::from_secs(5), Duration::ZERO)
        );
        assert_eq!(
            (early.until(late), late.until(early)),
            (Duration::from_secs(5), Duration::ZERO)
        );
        assert_eq!(late.unix, 105);
    }
}
