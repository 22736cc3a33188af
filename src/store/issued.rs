//! Codes that the API sent: the newest of each account, number and scope, and how often somebody was wrong about it.
//!
//! Unlike a challenge's, such a code is not tied to a browser: who shows the account's credentials may ask about it. So
//! wrong answers are counted here by account, number and scope, whatever codes come and go meanwhile. All of it ends with
//! the process: people ask for a new code then, and what may be sent to their number is kept elsewhere
//! ([`Counters`](super::counters::Counters)).

use std::collections::VecDeque;
use std::time::Duration;

use dashmap::{DashMap, Entry};
use subtle::ConstantTimeEq;

use super::Full;
use crate::challenge::Brought;
use crate::limit::{DAY, HOUR};
use crate::moment::Moment;

/// A keyed hash that stands for an account, a number and a scope.
pub type Line = [u8; 16];

/// A keyed hash of a code and its line (C8).
pub type Mac = [u8; 32];

/// Who asks about a code may look back at most so far (Bandwidth's `expirationTimeInMinutes`).
pub const LONGEST: Duration = Duration::from_mins(15);

/// The most lines. At the bound no code goes out for a new one, and nothing is counted about one without a code: there
/// is nothing to guess. A line takes some 200 bytes, so they end at 40 MB.
const MOST: usize = 200_000;

/// One in so many of them is for lines with a code alone: an account that asks about numbers to which nobody sent
/// anything cannot keep the others from sending (A1).
const FOR_CODES: usize = 2;

/// Wrong answers before nothing is compared for a while (design section 8).
const WRONG: usize = 5;

/// For how long (the words of Bandwidth's answer say so, too).
const REST: Duration = Duration::from_mins(2);

/// Wrong answers without a right one between them, after which each rest lasts for [`HOUR`] (C4, NIST SP 800-63B section
/// 5.2.2): with 4 digits, a day of guessing then finds one code in forty instead of one in three.
const IN_A_ROW: u32 = 100;

/// All of them.
#[derive(Debug)]
pub struct Issued {
    lines: DashMap<Line, State>,
    most: usize,
}

/// A code that went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    mac: Mac,
    made: Duration,
    /// Who took it and how, once that is known.
    by: Option<Brought>,
}

/// What an answer came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the code, and was not used before; now it is. With who brought it, if that is known.
    Right(Option<Brought>),
    /// Another code, or one that is too old or used, or none was ever sent.
    Wrong,
    /// There were too many wrong ones: not compared.
    Resting,
}

#[derive(Debug, Default)]
struct State {
    sent: Option<Sent>,
    wrong: Wrong,
}

/// Wrong answers on one line.
#[derive(Debug, Default)]
struct Wrong {
    /// Those that count towards the next rest.
    times: VecDeque<Duration>,
    last: Duration,
    in_a_row: u32,
    rests_until: Option<Duration>,
}

impl Issued {
    /// For so many lines.
    pub fn bounded(most: usize) -> Self {
        Self {
            lines: DashMap::new(),
            most,
        }
    }

    /// Takes in a code that is about to go out, in the place of the one before, which is given back. What was wrong
    /// before stays wrong: a new code gives no new guesses.
    ///
    /// # Errors
    /// [`Full`]: it must not go out.
    pub fn issue(&self, line: Line, mac: Mac, now: Moment) -> Result<Option<Sent>, Full> {
        let sent = Sent {
            mac,
            made: now.mono,
            by: None,
        };
        // Asked before the entry is held: the map takes each of its locks for it.
        let full = self.lines.len() >= self.most;
        match self.lines.entry(line) {
            Entry::Occupied(mut entry) => Ok(entry.get_mut().sent.replace(sent)),
            Entry::Vacant(_) if full => Err(Full),
            Entry::Vacant(entry) => {
                entry.insert(State {
                    sent: Some(sent),
                    wrong: Wrong::default(),
                });
                Ok(None)
            }
        }
    }

    /// A carrier took the code. Nothing happens if it has been used or replaced meanwhile.
    pub fn carried(&self, line: &Line, mac: &Mac, by: Brought) {
        if let Some(mut state) = self.lines.get_mut(line)
            && let Some(sent) = state.sent.as_mut().filter(|sent| sent.mac == *mac)
        {
            sent.by = Some(by);
        }
    }

    /// The code certainly did not go out: the one before it, if any, is good again. Nothing happens if it has been
    /// replaced meanwhile.
    pub fn withdraw(&self, line: &Line, mac: &Mac, before: Option<Sent>) {
        if let Some(mut state) = self.lines.get_mut(line)
            && state.sent.as_ref().is_some_and(|sent| sent.mac == *mac)
        {
            state.sent = before;
        }
    }

    /// One answer, whole: counts it, compares it, and spends the code if it is right (C3).
    pub fn answer(&self, line: Line, mac: &Mac, window: Duration, now: Moment) -> Verdict {
        let full = self.lines.len() >= self.most - self.most / FOR_CODES;
        let mut entry = match self.lines.entry(line) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(_) if full => return Verdict::Wrong,
            Entry::Vacant(entry) => entry.insert_entry(State::default()),
        };
        let state = entry.get_mut();
        if state.wrong.rests(now) {
            return Verdict::Resting;
        }
        let right = state
            .sent
            .as_ref()
            .is_some_and(|sent| bool::from(sent.mac.ct_eq(mac)) && sent.lives(window, now));
        if right {
            Verdict::Right(entry.remove().sent.and_then(|sent| sent.by))
        } else {
            state.wrong.count(now);
            Verdict::Wrong
        }
    }

    /// Forgets what has ended.
    pub fn sweep(&self, now: Moment) {
        self.lines.retain(|_, state| {
            let sent = state.sent.as_ref();
            if sent.is_some_and(|sent| !sent.lives(LONGEST, now)) {
                state.sent = None;
            }
            state.sent.is_some() || !state.wrong.idle(now)
        });
    }
}

impl Default for Issued {
    fn default() -> Self {
        Self::bounded(MOST)
    }
}

impl Sent {
    fn lives(&self, window: Duration, now: Moment) -> bool {
        now.mono.saturating_sub(self.made) <= window.min(LONGEST)
    }
}

impl Wrong {
    fn rests(&self, now: Moment) -> bool {
        self.rests_until.is_some_and(|until| until > now.mono)
    }

    fn count(&mut self, now: Moment) {
        if now.mono.saturating_sub(self.last) >= DAY {
            self.in_a_row = 0;
        }
        while self
            .times
            .front()
            .is_some_and(|time| now.mono.saturating_sub(*time) >= LONGEST)
        {
            self.times.pop_front();
        }
        self.times.push_back(now.mono);
        self.last = now.mono;
        self.in_a_row = self.in_a_row.saturating_add(1);
        if self.times.len() >= WRONG {
            self.times.clear();
            let rest = if self.in_a_row >= IN_A_ROW {
                HOUR
            } else {
                REST
            };
            self.rests_until = Some(now.mono + rest);
        }
    }

    /// Whether forgetting it gives nobody a guess more: only who was never sent to rest is forgotten within the day.
    fn idle(&self, now: Moment) -> bool {
        let quiet = now.mono.saturating_sub(self.last);
        let many = usize::try_from(self.in_a_row).unwrap_or(usize::MAX) >= WRONG;
        quiet >= if many { DAY } else { LONGEST }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::message::Channel;
    use crate::name::Name;

    const LINE: Line = [1; 16];
    const OTHER: Line = [2; 16];
    const RIGHT: Mac = [7; 32];
    const NOT: Mac = [8; 32];
    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Moment {
        Moment {
            unix: seconds,
            mono: Duration::from_secs(seconds),
        }
    }

    /// With one code out since second 1,000.
    fn issued() -> Issued {
        let issued = Issued::default();
        assert_eq!(issued.issue(LINE, RIGHT, at(1000)), Ok(None));
        issued
    }

    fn answer(issued: &Issued, mac: &Mac, seconds: u64) -> Verdict {
        issued.answer(LINE, mac, 3 * MINUTE, at(seconds))
    }

    #[test]
    fn c2_a_code_is_right_once_and_on_its_own_line() {
        let issued = issued();
        assert_eq!(
            issued.answer(OTHER, &RIGHT, LONGEST, at(1001)),
            Verdict::Wrong
        );
        assert_eq!(answer(&issued, &RIGHT, 1001), Verdict::Right(None));
        assert_eq!(answer(&issued, &RIGHT, 1001), Verdict::Wrong);
    }

    #[test]
    fn who_asks_says_how_old_it_may_be_up_to_fifteen_minutes() {
        for (window, after, verdict) in [
            (3 * MINUTE, 180, Verdict::Right(None)),
            (3 * MINUTE, 181, Verdict::Wrong),
            (Duration::from_millis(1), 1, Verdict::Wrong),
            (15 * MINUTE, 900, Verdict::Right(None)),
            (60 * MINUTE, 901, Verdict::Wrong),
        ] {
            let issued = issued();
            assert_eq!(
                issued.answer(LINE, &RIGHT, window, at(1000 + after)),
                verdict,
                "{window:?} after {after}"
            );
        }
        // Too old for one question, it is good for a wider one.
        let issued = issued();
        assert_eq!(
            issued.answer(LINE, &RIGHT, MINUTE, at(1100)),
            Verdict::Wrong
        );
        assert_eq!(
            issued.answer(LINE, &RIGHT, 3 * MINUTE, at(1100)),
            Verdict::Right(None)
        );
    }

    #[test]
    fn the_newest_code_alone_is_good_unless_it_did_not_go_out() {
        let issued = issued();
        let before = issued.issue(LINE, NOT, at(1010)).unwrap();
        assert!(before.is_some());
        assert_eq!(answer(&issued, &RIGHT, 1011), Verdict::Wrong);
        issued.withdraw(&LINE, &NOT, before);
        assert_eq!(answer(&issued, &RIGHT, 1011), Verdict::Right(None));
        // A third one came in the meantime: withdrawing the second leaves it alone.
        let before = issued.issue(LINE, NOT, at(1012)).unwrap();
        issued.issue(LINE, RIGHT, at(1013)).unwrap();
        issued.withdraw(&LINE, &NOT, before);
        assert_eq!(answer(&issued, &RIGHT, 1014), Verdict::Right(None));
        issued.withdraw(&LINE, &RIGHT, None);
    }

    #[test]
    fn the_right_answer_tells_who_brought_the_code_and_no_other_does() {
        let issued = issued();
        let by = |carrier: &str| Brought {
            carrier: Name::parse(carrier).unwrap(),
            channel: Channel::Sms,
        };
        issued.carried(&OTHER, &RIGHT, by("nobody"));
        issued.carried(&LINE, &NOT, by("late"));
        issued.carried(&LINE, &RIGHT, by("main"));
        let before = issued.issue(LINE, NOT, at(1010)).unwrap();
        assert_eq!(answer(&issued, &RIGHT, 1011), Verdict::Wrong);
        // The next one did not go out: the one before comes back as it was.
        issued.withdraw(&LINE, &NOT, before);
        let brought = Verdict::Right(Some(by("main")));
        assert_eq!(answer(&issued, &RIGHT, 1012), brought);
        issued.carried(&LINE, &RIGHT, by("late"));
        issued.issue(LINE, RIGHT, at(1013)).unwrap();
        assert_eq!(answer(&issued, &RIGHT, 1014), Verdict::Right(None));
    }

    #[test]
    fn c4_five_wrong_answers_rest_for_two_minutes_whatever_is_sent() {
        let issued = issued();
        for n in 0..5 {
            assert_eq!(answer(&issued, &NOT, 1001 + n), Verdict::Wrong);
        }
        assert_eq!(answer(&issued, &RIGHT, 1006), Verdict::Resting);
        issued.issue(LINE, RIGHT, at(1007)).unwrap();
        assert_eq!(answer(&issued, &RIGHT, 1008), Verdict::Resting);
        assert_eq!(
            issued.answer(OTHER, &NOT, LONGEST, at(1008)),
            Verdict::Wrong
        );
        assert_eq!(answer(&issued, &RIGHT, 1005 + 119), Verdict::Resting);
        assert_eq!(answer(&issued, &RIGHT, 1005 + 120), Verdict::Right(None));
        // A right answer clears it: five more are compared.
        issued.issue(LINE, RIGHT, at(1200)).unwrap();
        for n in 0..4 {
            assert_eq!(answer(&issued, &NOT, 1200 + n), Verdict::Wrong);
        }
        assert_eq!(answer(&issued, &RIGHT, 1205), Verdict::Right(None));
    }

    #[test]
    fn c4_a_line_without_a_code_counts_alike() {
        let issued = Issued::default();
        for _ in 0..5 {
            assert_eq!(answer(&issued, &NOT, 1000), Verdict::Wrong);
        }
        assert_eq!(answer(&issued, &NOT, 1000), Verdict::Resting);
        issued.issue(LINE, RIGHT, at(1001)).unwrap();
        assert_eq!(answer(&issued, &RIGHT, 1002), Verdict::Resting);
    }

    #[test]
    fn c4_after_a_hundred_in_a_row_each_five_cost_an_hour() {
        let issued = issued();
        let (mut now, mut compared) = (1000, 0);
        while now < 1000 + 24 * 3600 {
            issued.sweep(at(now));
            match answer(&issued, &NOT, now) {
                Verdict::Wrong => compared += 1,
                Verdict::Resting => now += 60,
                Verdict::Right(_) => panic!(),
            }
        }
        assert!((100..100 + 5 * 25).contains(&compared), "{compared}");
        // A day later it is forgotten.
        issued.sweep(at(now + 2 * 24 * 3600));
        assert_eq!(issued.lines.len(), 0);
    }

    #[test]
    fn wrong_answers_that_are_far_apart_do_not_add_up() {
        let issued = issued();
        for n in 0..20 {
            assert_eq!(answer(&issued, &NOT, 1000 + n * 300), Verdict::Wrong);
        }
    }

    #[test]
    fn c3_of_many_at_once_one_is_right_and_five_are_compared() {
        /// How many of a thousand simultaneous answers come to `verdict`.
        fn count(mac: &Mac, verdict: Verdict) -> usize {
            let (issued, counted) = (issued(), AtomicUsize::new(0));
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        for _ in 0..125 {
                            let same = answer(&issued, mac, 1001) == verdict;
                            counted.fetch_add(usize::from(same), Ordering::Relaxed);
                        }
                    });
                }
            });
            counted.into_inner()
        }
        assert_eq!(count(&RIGHT, Verdict::Right(None)), 1);
        assert_eq!(count(&NOT, Verdict::Wrong), WRONG);
    }

    #[test]
    fn a1_at_the_bound_no_new_line_begins_and_old_ones_go_on() {
        let issued = Issued::bounded(1);
        issued.issue(LINE, RIGHT, at(1000)).unwrap();
        assert_eq!(issued.issue(OTHER, RIGHT, at(1000)), Err(Full));
        for _ in 0..10 {
            assert_eq!(
                issued.answer(OTHER, &NOT, LONGEST, at(1000)),
                Verdict::Wrong
            );
        }
        assert!(issued.issue(LINE, RIGHT, at(1001)).is_ok());
        issued.sweep(at(1901));
        assert!(issued.lines.contains_key(&LINE));
        issued.sweep(at(1902));
        assert!(issued.issue(OTHER, RIGHT, at(1902)).is_ok());
    }

    #[test]
    fn a1_who_asks_about_what_was_never_sent_leaves_room_for_what_is() {
        let issued = Issued::bounded(10);
        for n in 10..30 {
            let asked = issued.answer([n; 16], &NOT, LONGEST, at(1000));
            assert_eq!(asked, Verdict::Wrong);
        }
        for n in 0..5 {
            assert!(issued.issue([n; 16], RIGHT, at(1000)).is_ok(), "{n}");
        }
        assert_eq!(issued.issue([5; 16], RIGHT, at(1000)), Err(Full));
    }

    #[test]
    fn c8_a_code_is_not_kept() {
        let issued = issued();
        assert!(!format!("{issued:?}").contains("123456"));
    }
}
