//! How often something may happen: pure counters, which `store` keeps by key.

use std::collections::VecDeque;
use std::time::Duration;

use crate::moment::Moment;

/// `[limits]`, as counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Wrong answers that spend a challenge (C4).
    pub wrong_per_challenge: u8,
    /// Wrong answers an hour for one subject and scope, in each of the two parts (C4).
    pub wrong_per_hour: u32,
    /// Sends of one challenge, the first included (C6).
    pub sends_per_challenge: u8,
    /// Sends an hour to one number or mail address (C6).
    pub number_per_hour: u32,
    /// Sends a day to one number or mail address (C6).
    pub number_per_day: u32,
    /// Sends an hour asked for from one source network (C6).
    pub network_per_hour: u32,
    /// Sends an hour for one scope (C6).
    pub all_per_hour: u32,
    /// Sends a day for one scope (C6).
    pub all_per_day: u32,
}

impl Default for Settings {
    /// The numbers of design section 12; the hourly budget of a scope is a quarter of the daily one.
    fn default() -> Self {
        Self {
            wrong_per_challenge: 5,
            wrong_per_hour: 10,
            sends_per_challenge: 4,
            number_per_hour: 5,
            number_per_day: 10,
            network_per_hour: 20,
            all_per_hour: 500,
            all_per_day: 2000,
        }
    }
}

/// At most `most` in any `window`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// How many.
    pub most: u32,
    /// In how long.
    pub window: Duration,
}

/// An hour and a day.
pub const HOUR: Duration = Duration::from_hours(1);
/// A day.
pub const DAY: Duration = Duration::from_hours(24);

/// The times at which something happened, as far back as its bounds look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub(crate) times: VecDeque<Duration>,
}

/// A bound is reached: not before so long from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over(pub Duration);

impl Tally {
    /// Counts one more if every bound allows it.
    ///
    /// # Errors
    /// [`Over`] with the wait until all bounds allow it; nothing is counted then.
    pub fn take(&mut self, bounds: &[Bound], now: Moment) -> Result<(), Over> {
        let longest = bounds
            .iter()
            .map(|bound| bound.window)
            .max()
            .unwrap_or_default();
        while self
            .times
            .front()
            .is_some_and(|time| now.mono.saturating_sub(*time) >= longest)
        {
            self.times.pop_front();
        }
        let wait = bounds
            .iter()
            .filter_map(|bound| self.wait(*bound, now))
            .max();
        if let Some(wait) = wait {
            Err(Over(wait))
        } else {
            self.times.push_back(now.mono);
            Ok(())
        }
    }

    /// Takes the newest back: it was counted for something that did not happen.
    pub fn give_back(&mut self) {
        self.times.pop_back();
    }

    /// Whether nothing in it counts any more under a bound of this window.
    pub fn idle(&self, window: Duration, now: Moment) -> bool {
        self.times
            .back()
            .is_none_or(|time| now.mono.saturating_sub(*time) >= window)
    }

    fn wait(&self, bound: Bound, now: Moment) -> Option<Duration> {
        let Some(index) = usize::try_from(bound.most).ok()?.checked_sub(1) else {
            return Some(bound.window);
        };
        // The `most`-th newest must have left the window.
        let decisive = self.times.get(self.times.len().checked_sub(index + 1)?)?;
        let leaves = *decisive + bound.window;
        (leaves > now.mono).then(|| leaves.saturating_sub(now.mono))
    }
}

/// Wrong answers for one subject and scope, in one of its two parts (C4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    pub(crate) times: VecDeque<Duration>,
    pub(crate) in_a_row: u32,
    /// How many locks there were without a quiet hour between them.
    pub(crate) locks: usize,
    pub(crate) locked_until: Option<Duration>,
}

/// Nothing is compared for this subject now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locked {
    /// For so long; `None`: until the operator lifts it.
    pub wait: Option<Duration>,
}

/// Growing waits after [`Settings::wrong_per_hour`] failures in an hour (C4).
const WAITS: [Duration; 4] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
];

/// Failures without a success between them, after which only the operator helps (NIST SP 800-63B section 5.2.2).
const IN_A_ROW: u32 = 100;

impl Failures {
    /// Counts a failure **before** the comparison, so that simultaneous answers cannot share one place; a right
    /// answer then [clears](Self::clear) it.
    ///
    /// # Errors
    /// [`Locked`]: nothing may be compared, and nothing was counted.
    pub fn take(&mut self, per_hour: u32, now: Moment) -> Result<(), Locked> {
        if self.in_a_row >= IN_A_ROW {
            return Err(Locked { wait: None });
        }
        if let Some(wait) = self.locked(now) {
            return Err(Locked { wait: Some(wait) });
        }
        while self
            .times
            .front()
            .is_some_and(|time| now.mono.saturating_sub(*time) >= HOUR)
        {
            self.times.pop_front();
        }
        let full = usize::try_from(per_hour).unwrap_or(usize::MAX);
        if self.times.len() < full.saturating_sub(1) {
            self.locks = 0;
        }
        self.times.push_back(now.mono);
        self.in_a_row += 1;
        if self.times.len() >= full {
            self.locked_until = Some(now.mono + WAITS[self.locks.min(WAITS.len() - 1)]);
            self.locks += 1;
        }
        Ok(())
    }

    /// How long nothing is compared, if so.
    pub fn locked(&self, now: Moment) -> Option<Duration> {
        self.locked_until
            .filter(|until| *until > now.mono)
            .map(|until| until.saturating_sub(now.mono))
    }

    /// Whether only the operator can lift the lock.
    pub fn for_the_operator(&self) -> bool {
        self.in_a_row >= IN_A_ROW
    }

    /// A right answer: nothing is held against this part any more.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether forgetting it changes nothing.
    pub fn idle(&self, now: Moment) -> bool {
        self.in_a_row < IN_A_ROW
            && self.locked(now).is_none()
            && self
                .times
                .back()
                .is_none_or(|time| now.mono.saturating_sub(*time) >= DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment {
            unix: seconds,
            mono: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn c6_the_sixth_send_in_an_hour_waits_for_the_first_to_leave_it() {
        let bounds = [
            Bound {
                most: 5,
                window: HOUR,
            },
            Bound {
                most: 10,
                window: DAY,
            },
        ];
        let mut tally = Tally::default();
        for n in 0..5 {
            assert_eq!(tally.take(&bounds, at(n * 60)), Ok(()), "send {n}");
        }
        assert_eq!(
            tally.take(&bounds, at(300)),
            Err(Over(Duration::from_secs(3300)))
        );
        assert_eq!(
            tally.take(&bounds, at(3599)),
            Err(Over(Duration::from_secs(1)))
        );
        assert_eq!(tally.take(&bounds, at(3600)), Ok(()));
    }

    #[test]
    fn c6_the_eleventh_send_in_a_day_waits_for_the_day() {
        let bounds = [
            Bound {
                most: 5,
                window: HOUR,
            },
            Bound {
                most: 10,
                window: DAY,
            },
        ];
        let mut tally = Tally::default();
        for n in 0..10 {
            assert_eq!(tally.take(&bounds, at(n * 3600)), Ok(()), "send {n}");
        }
        assert_eq!(
            tally.take(&bounds, at(36000)),
            Err(Over(Duration::from_secs(24 * 3600 - 36000)))
        );
        assert_eq!(tally.take(&bounds, at(24 * 3600)), Ok(()));
    }

    #[test]
    fn what_is_given_back_does_not_count_and_a_bound_of_none_allows_none() {
        let bounds = [Bound {
            most: 1,
            window: HOUR,
        }];
        let mut tally = Tally::default();
        tally.take(&bounds, at(0)).unwrap();
        tally.give_back();
        assert_eq!(tally.take(&bounds, at(1)), Ok(()));
        assert!(
            Tally::default()
                .take(
                    &[Bound {
                        most: 0,
                        window: HOUR
                    }],
                    at(0)
                )
                .is_err()
        );
        assert!(!tally.idle(HOUR, at(3600)));
        assert!(tally.idle(HOUR, at(3601)));
    }

    #[test]
    fn c4_ten_failures_in_an_hour_lock_and_the_waits_grow() {
        let mut failures = Failures::default();
        for n in 0..10 {
            assert_eq!(failures.take(10, at(n)), Ok(()), "failure {n}");
        }
        let mut now = 9;
        for wait in [60, 300, 900, 3600 - 1] {
            assert!(
                failures.take(10, at(now + wait - 1)).is_err(),
                "still locked {wait} s on"
            );
            now += wait.max(60);
            if wait < 3599 {
                assert_eq!(failures.take(10, at(now)), Ok(()), "after a wait of {wait}");
            }
        }
    }

    #[test]
    fn c4_a_right_answer_clears_and_a_quiet_hour_forgets_the_growth() {
        let mut failures = Failures::default();
        for n in 0..10 {
            failures.take(10, at(n)).unwrap();
        }
        assert!(failures.locked(at(20)).is_some());
        failures.clear();
        assert_eq!(failures.take(10, at(20)), Ok(()));
        let mut failures = Failures::default();
        for n in 0..10 {
            failures.take(10, at(n)).unwrap();
        }
        failures.take(10, at(100)).unwrap();
        assert_eq!(failures.locked(at(100)), Some(Duration::from_secs(300)));
        for n in 0..10 {
            failures.take(10, at(8000 + n)).unwrap();
        }
        assert_eq!(
            failures.locked(at(8009)),
            Some(Duration::from_secs(60)),
            "the growth begins anew"
        );
    }

    #[test]
    fn c4_a_hundred_failures_in_a_row_are_for_the_operator() {
        let mut failures = Failures::default();
        let mut now = 0;
        let mut compared = 0;
        loop {
            match failures.take(10, at(now)) {
                Ok(()) => compared += 1,
                Err(Locked { wait: Some(wait) }) => now += wait.as_secs(),
                Err(Locked { wait: None }) => break,
            }
            assert!(compared <= 100);
        }
        assert_eq!(compared, 100);
        assert!(
            !failures.idle(at(now + 10 * 24 * 3600)),
            "a lock for the operator is not forgotten"
        );
    }
}
