//! Whether what a carrier says it sent arrives: codes entered of codes sent (conversion). Pure: the time is an argument.
//!
//! A carrier that takes every message and delivers none looks well to a breaker; people who type no codes tell. It
//! changes no order by itself: strangers who ask for codes that they never type would rule it (C6).

use std::time::Duration;

use tokio::time::Instant;

use crate::message::Channel;
use crate::name::Name;

/// How one carrier does by one channel: for the status page and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Which carrier.
    pub carrier: Name,
    /// By which channel.
    pub channel: Channel,
    /// Codes that it took in the last 35 minutes.
    pub sent: u64,
    /// Codes of it that were entered in that time.
    pub entered: u64,
    /// Codes entered of a hundred sent, at most 100; `None` before there are enough to say so.
    pub percent: Option<u8>,
    /// Whether it is left alone because it failed again and again.
    pub rests: bool,
    /// How many sends it has under way, by all channels.
    pub under_way: usize,
}

/// The codes of the last minutes, by minute.
#[derive(Debug)]
pub(super) struct Window {
    began: Instant,
    minutes: [Minute; KEPT],
    low: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    number: u64,
    sent: u64,
    entered: u64,
}

impl Window {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            minutes: [Minute::default(); KEPT],
            low: false,
        }
    }

    /// A code was sent. The conversion, once each time it falls below what a carrier should have.
    pub(super) fn sent(&mut self, now: Instant) -> Option<u8> {
        self.minute(now).sent += 1;
        let percent = self.percent(now)?;
        let fell = !self.low && percent < LOW;
        // It has to come well above before it can fall again: one code more or less is no news.
        self.low = percent < if self.low { WELL } else { LOW };
        fell.then_some(percent)
    }

    /// A code was entered.
    pub(super) fn entered(&mut self, now: Instant) {
        self.minute(now).entered += 1;
    }

    /// Codes sent and entered.
    pub(super) fn counts(&self, now: Instant) -> (u64, u64) {
        let known = self.since(KEPT as u64 - 1, now);
        known.fold((0, 0), |(sent, entered), minute| {
            (sent + minute.sent, entered + minute.entered)
        })
    }

    /// Codes entered of a hundred sent. A code that was just sent is still on its way to its person's fingers: it is
    /// not counted before its time is over, so that a rush of visitors does not look like a carrier that is down.
    pub(super) fn percent(&self, now: Instant) -> Option<u8> {
        let (all, entered) = self.counts(now);
        let recent: u64 = self.since(TO_TYPE, now).map(|minute| minute.sent).sum();
        let sent = all - recent;
        if sent < ENOUGH {
            return None;
        }
        u8::try_from((entered * 100 / sent).min(100)).ok()
    }

    /// The minutes from `back` minutes ago to this one.
    fn since(&self, back: u64, now: Instant) -> impl Iterator<Item = &Minute> {
        let number = self.number(now);
        self.minutes
            .iter()
            .filter(move |minute| minute.number + back >= number)
    }

    fn minute(&mut self, now: Instant) -> &mut Minute {
        let number = self.number(now);
        let place = usize::try_from(number % KEPT as u64).unwrap_or_default();
        let minute = &mut self.minutes[place];
        if minute.number != number {
            *minute = Minute {
                number,
                ..Minute::default()
            };
        }
        minute
    }

    fn number(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs() / MINUTE.as_secs()
    }
}

const MINUTE: Duration = Duration::from_mins(1);

/// Minutes within which a code that was sent counts as not yet entered: as long as one lives by default.
const TO_TYPE: u64 = 5;

/// Minutes that are kept: half an hour, the time to type, and the one that has begun.
const KEPT: usize = 36;

/// Fewer codes than this say nothing.
const ENOUGH: u64 = 20;

/// Below this share, in percent, somebody should look.
const LOW: u8 = 60;

/// And above this it is well again.
const WELL: u8 = 70;

#[cfg(test)]
mod tests {
    use super::*;

    struct Trial {
        window: Window,
        now: Instant,
    }

    impl Trial {
        fn new() -> Self {
            let now = Instant::now();
            Self {
                window: Window::new(now),
                now,
            }
        }

        fn later(&mut self, minutes: u64) {
            self.now += Duration::from_mins(minutes);
        }

        /// Sends so many, of which so many are entered; gives what was told.
        fn codes(&mut self, sent: u64, entered: u64) -> Vec<u8> {
            for _ in 0..entered {
                self.window.entered(self.now);
            }
            (0..sent)
                .filter_map(|_| self.window.sent(self.now))
                .collect()
        }
    }

    #[test]
    fn few_codes_say_nothing_and_enough_say_their_share() {
        for (sent, entered, percent) in [
            (0, 0, None),
            (19, 0, None),
            (20, 0, Some(0)),
            (20, 11, Some(55)),
            (20, 20, Some(100)),
            // Of codes that were sent before the window.
            (20, 23, Some(100)),
            (1000, 599, Some(59)),
        ] {
            let mut trial = Trial::new();
            trial.codes(sent, entered);
            trial.later(TO_TYPE + 1);
            assert_eq!(trial.window.percent(trial.now), percent, "{entered}/{sent}");
            assert_eq!(trial.window.counts(trial.now), (sent, entered));
        }
    }

    #[test]
    fn a_rush_is_no_outage() {
        let mut trial = Trial::new();
        assert!(trial.codes(500, 0).is_empty());
        assert_eq!(trial.window.percent(trial.now), None);
        trial.later(TO_TYPE);
        assert!(trial.codes(500, 430).is_empty());
        trial.later(1);
        assert!(trial.codes(1, 0).is_empty());
        assert_eq!(trial.window.percent(trial.now), Some(86));
    }

    #[test]
    fn a_fall_is_told_once_until_it_is_well_again() {
        let mut trial = Trial::new();
        trial.codes(100, 90);
        trial.later(6);
        assert!(trial.codes(100, 0).is_empty());
        trial.later(6);
        assert_eq!(trial.codes(2, 0), [45]);
        // A little above and below again: not told again.
        trial.codes(0, 36);
        assert!(trial.codes(1, 0).is_empty());
        trial.codes(20, 0);
        trial.later(6);
        assert!(trial.codes(3, 0).is_empty());
        assert!(trial.window.percent(trial.now).unwrap() < LOW);
        trial.codes(0, 100);
        assert!(trial.codes(1, 0).is_empty());
        assert!(!trial.window.low);
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let mut trial = Trial::new();
        trial.codes(100, 0);
        trial.later(KEPT as u64 - 1);
        assert_eq!(trial.window.counts(trial.now), (100, 0));
        trial.later(1);
        assert_eq!(trial.window.counts(trial.now), (0, 0));
        trial.codes(30, 30);
        trial.later(10 * KEPT as u64);
        assert_eq!(trial.window.counts(trial.now), (0, 0));
        assert_eq!(trial.window.percent(trial.now), None);
    }
}
