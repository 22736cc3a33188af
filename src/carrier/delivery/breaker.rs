//! When a carrier is left alone: it failed again and again, or asked for it. Pure: the time and the dice are arguments.
//!
//! ```text
//!            LIMIT faults                    the rest is over, or nobody else is left
//!   closed ───────────────▶ open ─────────────────────────────────────────▶ probing
//!     ▲                      ▲   the probe fails: it rests twice as long       │ │
//!     │                      └──────────────────────────────────────────────────┘ │
//!     └────────────────────────────── the probe is answered ──────────────────────┘
//! ```
//! Only one message at a time finds out whether the carrier works again. What was begun before it was left alone tells
//! nothing any more.

use std::time::Duration;

use tokio::time::Instant;

/// One carrier's.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    /// How many rests followed each other without a message between them that was taken.
    rests: u32,
    /// What it asked for itself (`Retry-After`).
    asked_until: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { faults: u32 },
    Open { until: Instant },
    Probing { until: Instant },
}

/// What may be done with a carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Send, as ever.
    Go,
    /// Send: whether it works shows by this message, and nobody else may try before it has.
    Probe,
    /// Another message is finding out.
    Probed,
    /// Leave it alone.
    Rests,
}

/// What a message shows of its carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It answered, if only that this number cannot be sent to.
    Works,
    /// It asks to be left alone for so long.
    Asks(Duration),
    /// It did not work.
    Fails,
    /// It refuses us as such: that seldom mends itself, so it counts twice.
    Misfits,
    /// Nothing: it was not asked, or the message was given up.
    Nothing,
}

impl Breaker {
    /// One that has seen nothing.
    pub(super) fn new() -> Self {
        Self {
            state: State::Closed { faults: 0 },
            rests: 0,
            asked_until: None,
        }
    }

    /// Until when it is to be left alone; `None` if it may be asked.
    pub(super) fn rests_until(&self, now: Instant) -> Option<Instant> {
        match self.state {
            State::Closed { .. } => self.asked_until.filter(|until| *until > now),
            State::Open { until } => Some(until).filter(|until| *until > now),
            State::Probing { until } => Some(until),
        }
    }

    /// Whether it failed so often that it is left alone, or is being tried again after that.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }

    /// Begins a message. `last`: nobody else is left, so that rest is no reason not to try.
    pub(super) fn begin(&mut self, last: bool, now: Instant) -> Turn {
        let rests = self.rests_until(now).is_some();
        match self.state {
            State::Probing { .. } if last => Turn::Probed,
            _ if rests && !last => Turn::Rests,
            State::Open { until } => {
                self.state = State::Probing { until };
                Turn::Probe
            }
            State::Closed { .. } | State::Probing { .. } => Turn::Go,
        }
    }

    /// Ends a message. `dice`, from 0 to 1, spreads the ends of rests that began together.
    pub(super) fn end(&mut self, probe: bool, sign: Sign, now: Instant, dice: f64) {
        match (self.state, sign) {
            (State::Probing { .. }, Sign::Nothing) if probe => {
                self.state = State::Open { until: now };
            }
            (State::Open { .. }, _) | (_, Sign::Nothing) => {}
            (State::Probing { .. }, _) if !probe => {}
            (State::Probing { .. }, Sign::Fails | Sign::Misfits) => self.rest(now, dice),
            (State::Closed { faults }, Sign::Fails | Sign::Misfits) => {
                let faults = faults + if sign == Sign::Misfits { 2 } else { 1 };
                if faults < LIMIT {
                    self.state = State::Closed { faults };
                } else {
                    self.rest(now, dice);
                }
            }
            (State::Closed { .. } | State::Probing { .. }, Sign::Works | Sign::Asks(_)) => {
                self.state = State::Closed { faults: 0 };
                self.rests = 0;
                if let Sign::Asks(wait) = sign {
                    self.asked_until = Some(now + wait.min(LONGEST_REST));
                }
            }
        }
    }

    fn rest(&mut self, now: Instant, dice: f64) {
        let doubled = FIRST_REST.saturating_mul(1 << self.rests.min(8));
        let rest = doubled
            .min(LONGEST_REST)
            .mul_f64(1.0 - SPREAD * dice.clamp(0.0, 1.0));
        self.rests = self.rests.saturating_add(1);
        self.state = State::Open { until: now + rest };
    }
}

/// Faults in a row after which a carrier is left alone. Fewer would take a moment's trouble for an outage.
const LIMIT: u32 = 5;

/// How long it is left alone at first; twice as long each time it has not recovered.
const FIRST_REST: Duration = Duration::from_secs(30);

/// And at the longest, also where it asks for more itself: a wrong clock must not silence a carrier for a day.
const LONGEST_REST: Duration = Duration::from_mins(5);

/// How much shorter than that a rest may be, so that several gateways do not come back in the same instant.
const SPREAD: f64 = 0.2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A breaker, the time, and shorthand for both.
    struct Trial {
        breaker: Breaker,
        now: Instant,
    }

    impl Trial {
        fn new() -> Self {
            Self {
                breaker: Breaker::new(),
                now: Instant::now(),
            }
        }

        fn later(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
        }

        fn begin(&mut self) -> Turn {
            self.breaker.begin(false, self.now)
        }

        fn begin_last(&mut self) -> Turn {
            self.breaker.begin(true, self.now)
        }

        fn end(&mut self, turn: Turn, sign: Sign) {
            self.breaker.end(turn == Turn::Probe, sign, self.now, 0.0);
        }

        /// One message, begun and ended.
        fn message(&mut self, sign: Sign) -> Turn {
            let turn = self.begin();
            if matches!(turn, Turn::Go | Turn::Probe) {
                self.end(turn, sign);
            }
            turn
        }

        /// One that has just been left alone.
        fn open() -> Self {
            let mut trial = Self::new();
            for _ in 0..LIMIT {
                assert_eq!(trial.message(Sign::Fails), Turn::Go);
            }
            assert!(trial.breaker.is_open());
            trial
        }

        /// How many whole seconds of rest are left.
        fn rest(&self) -> Option<u64> {
            let until = self.breaker.rests_until(self.now)?;
            Some((until - self.now).as_secs())
        }
    }

    #[test]
    fn faults_in_a_row_open_it_and_refusals_of_us_do_so_sooner() {
        use Sign::{Asks, Fails, Misfits, Nothing, Works};
        let ask = Asks(Duration::ZERO);
        for (signs, opens) in [
            (&[Fails, Fails, Fails, Fails][..], false),
            (&[Fails, Fails, Fails, Fails, Fails], true),
            (&[Misfits, Misfits], false),
            (&[Misfits, Misfits, Misfits], true),
            (&[Misfits, Fails, Fails, Fails], true),
            // One that is answered begins the count anew; one that shows nothing leaves it as it is.
            (&[Fails, Fails, Fails, Fails, Works, Fails], false),
            (&[Fails, Fails, Fails, Fails, ask, Fails], false),
            (&[Fails, Fails, Fails, Fails, Nothing, Fails], true),
        ] {
            let mut trial = Trial::new();
            for sign in signs {
                assert_eq!(trial.message(*sign), Turn::Go, "{signs:?}");
            }
            assert_eq!(trial.breaker.is_open(), opens, "{signs:?}");
            assert_eq!(trial.begin() == Turn::Rests, opens, "{signs:?}");
        }
    }

    #[test]
    fn after_its_rest_one_message_finds_out_whether_it_works() {
        let mut trial = Trial::open();
        trial.later(29);
        assert_eq!((trial.begin(), trial.rest()), (Turn::Rests, Some(1)));
        trial.later(1);
        assert_eq!(trial.rest(), None);
        assert_eq!(trial.begin(), Turn::Probe);
        // Others keep away from it meanwhile, and those who have nobody else wait.
        assert_eq!(
            (trial.begin(), trial.begin_last()),
            (Turn::Rests, Turn::Probed)
        );
        trial.end(Turn::Probe, Sign::Works);
        assert_eq!((trial.begin(), trial.breaker.is_open()), (Turn::Go, false));
    }

    #[test]
    fn each_rest_is_twice_the_last_up_to_five_minutes() {
        let mut trial = Trial::open();
        for rest in [30, 60, 120, 240, 300, 300] {
            assert_eq!(trial.rest(), Some(rest));
            trial.later(rest);
            assert_eq!(trial.message(Sign::Fails), Turn::Probe);
        }
        trial.later(300);
        assert_eq!(trial.message(Sign::Works), Turn::Probe);
        for _ in 0..LIMIT {
            trial.message(Sign::Fails);
        }
        assert_eq!(trial.rest(), Some(30), "it begins anew");
    }

    #[test]
    fn rests_that_began_together_end_apart() {
        for (dice, rest) in [(0.0, 30), (0.5, 27), (1.0, 24), (7.0, 24)] {
            let mut trial = Trial::open();
            let turn = trial.begin_last();
            trial
                .breaker
                .end(turn == Turn::Probe, Sign::Nothing, trial.now, dice);
            trial.breaker.rests = 0;
            let turn = trial.begin();
            trial
                .breaker
                .end(turn == Turn::Probe, Sign::Fails, trial.now, dice);
            assert_eq!(trial.rest(), Some(rest));
        }
    }

    #[test]
    fn whoever_has_nobody_else_tries_it_all_the_same() {
        let mut trial = Trial::open();
        assert_eq!(trial.begin_last(), Turn::Probe);
        assert_eq!(trial.begin_last(), Turn::Probed);
        trial.end(Turn::Probe, Sign::Fails);
        assert_eq!(trial.rest(), Some(60));
        assert_eq!(trial.begin_last(), Turn::Probe);
        trial.end(Turn::Probe, Sign::Works);
        assert_eq!(trial.rest(), None);
    }

    #[test]
    fn a_probe_that_is_given_up_leaves_the_next_one_free() {
        let mut trial = Trial::open();
        trial.later(30);
        assert_eq!(trial.message(Sign::Nothing), Turn::Probe);
        assert_eq!(trial.begin(), Turn::Probe);
        trial.end(Turn::Probe, Sign::Fails);
        assert_eq!(trial.rest(), Some(60), "and does not lengthen the rest");
    }

    #[test]
    fn what_was_begun_before_tells_nothing_afterwards() {
        let mut trial = Trial::new();
        let slow = trial.begin();
        for _ in 0..LIMIT {
            trial.message(Sign::Fails);
        }
        trial.end(slow, Sign::Works);
        assert_eq!(trial.rest(), Some(30));
        trial.later(30);
        assert_eq!(trial.begin(), Turn::Probe);
        trial.end(slow, Sign::Fails);
        assert_eq!(trial.begin(), Turn::Rests, "the probe is still under way");
    }

    #[test]
    fn a_carrier_that_asks_is_left_alone_for_as_long_but_five_minutes_at_most() {
        for (asked, rest) in [
            (0, None),
            (1, Some(1)),
            (300, Some(300)),
            (86_400, Some(300)),
        ] {
            let mut trial = Trial::new();
            trial.message(Sign::Asks(Duration::from_secs(asked)));
            assert_eq!(trial.rest(), rest, "{asked}");
            assert!(!trial.breaker.is_open());
            assert_eq!(trial.begin_last(), Turn::Go, "where nobody else is left");
            trial.later(rest.unwrap_or(0));
            assert_eq!(trial.begin(), Turn::Go);
        }
    }

    #[derive(Clone, Debug)]
    enum Move {
        Wait(u64),
        Begin(bool),
        End(usize, Sign),
    }

    fn moves() -> impl Strategy<Value = Vec<Move>> {
        let sign = prop_oneof![
            2 => Just(Sign::Works),
            1 => (0..600u64).prop_map(|seconds| Sign::Asks(Duration::from_secs(seconds))),
            6 => Just(Sign::Fails),
            3 => Just(Sign::Misfits),
            1 => Just(Sign::Nothing),
        ];
        let one = prop_oneof![
            2 => (0..120u64).prop_map(Move::Wait),
            5 => any::<bool>().prop_map(Move::Begin),
            5 => (any::<usize>(), sign).prop_map(|(which, sign)| Move::End(which, sign)),
        ];
        prop::collection::vec(one, 0..200)
    }

    proptest! {
        #[test]
        fn there_are_never_two_probes_and_no_rest_is_for_ever(moves in moves(), dice in 0.0..1.0f64) {
            let mut trial = Trial::new();
            let mut under_way: Vec<Turn> = Vec::new();
            for one in moves {
                match one {
                    Move::Wait(seconds) => trial.later(seconds),
                    Move::Begin(last) => {
                        let turn = trial.breaker.begin(last, trial.now);
                        if matches!(turn, Turn::Go | Turn::Probe) {
                            under_way.push(turn);
                        }
                        prop_assert!(!last || turn != Turn::Rests, "nobody else is left");
                    }
                    Move::End(which, sign) if !under_way.is_empty() => {
                        let turn = under_way.swap_remove(which % under_way.len());
                        trial.breaker.end(turn == Turn::Probe, sign, trial.now, dice);
                    }
                    Move::End(..) => {}
                }
                let probes = under_way.iter().filter(|turn| **turn == Turn::Probe).count();
                prop_assert!(probes <= 1, "{probes} probes at once");
                prop_assert_eq!(probes == 1, matches!(trial.breaker.state, State::Probing { .. }));
                let rest = trial.breaker.rests_until(trial.now);
                prop_assert!(rest.is_none_or(|until| until <= trial.now + LONGEST_REST));
            }
            // Once everything that is under way has ended, it is asked again within five minutes.
            for turn in under_way {
                trial.breaker.end(turn == Turn::Probe, Sign::Nothing, trial.now, dice);
            }
            trial.later(LONGEST_REST.as_secs());
            prop_assert!(matches!(trial.begin(), Turn::Go | Turn::Probe));
        }
    }
}
