//! A point in time, read once a request at the edge and handed down as `now`.

use std::time::Duration;

/// One reading of both clocks.
///
/// What lives in memory is measured on `mono`, which never steps; what is signed into a cookie carries `unix`,
/// which survives a restart (requirement A5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970-01-01 UTC.
    pub unix: u64,
    /// Time since the process began.
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
