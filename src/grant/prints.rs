//! What binds a grant to the application's own session: keyed hashes of the cookies that make it.

use smallvec::SmallVec;

use crate::moment::Moment;

/// The beginning of a keyed hash of a cookie's name and value at one site: to meet one by chance takes 2^48 requests.
pub type Print = [u8; 6];

/// How many cookies a grant is bound to; 8 leave the grant's own cookie within 512 bytes (S2).
pub const MOST: usize = 8;

/// How long a value counts on after the application has changed it, in seconds: requests are on their way meanwhile
/// (design section 3).
const ALONGSIDE: u64 = 60;

/// The session cookies that a grant knows. A request may bring fewer, as cookies have paths, but no other.
///
/// In a box, since grants are moved along with every request and most are bound to nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prints(Option<Box<Known>>);

/// What is known, where anything is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) current: SmallVec<[Print; 4]>,
    pub(crate) old: SmallVec<[Print; 4]>,
    /// Unix seconds until which `old` counts.
    pub(crate) old_until: u64,
}

impl Prints {
    /// Those cookies, each once; what is beyond [`MOST`] is not known.
    pub fn of(prints: impl IntoIterator<Item = Print>) -> Self {
        let mut current = SmallVec::new();
        for print in prints {
            if current.len() < MOST && !current.contains(&print) {
                current.push(print);
            }
        }
        Self::from_known(Known {
            current,
            ..Known::default()
        })
    }

    /// What was sealed.
    pub(crate) fn from_known(known: Known) -> Self {
        let nothing = known.current.is_empty() && known.old.is_empty();
        Self((!nothing).then(|| Box::new(known)))
    }

    /// What is to be sealed; none if nothing is known.
    pub(crate) fn known(&self) -> Option<&Known> {
        self.0.as_deref()
    }

    /// Those that count for as long as the application does not change them.
    pub fn current(&self) -> &[Print] {
        self.0.as_ref().map_or(&[], |known| &known.current)
    }

    /// Whether this one is known.
    pub fn know(&self, print: &Print, now: Moment) -> bool {
        self.0.as_ref().is_some_and(|known| {
            known.current.contains(print)
                || (now.unix < known.old_until && known.old.contains(print))
        })
    }

    /// The application has set these values, where the request brought those. `None` if nothing changes.
    pub fn moved(&self, brought: &[Print], set: &[Print], now: Moment) -> Option<Self> {
        let known = self.current();
        let fresh = set.iter().filter(|print| !known.contains(print));
        let gone: SmallVec<[Print; 4]> = brought
            .iter()
            .filter(|print| known.contains(print) && !set.contains(print))
            .copied()
            .collect();
        let mut current: SmallVec<[Print; 4]> = fresh.copied().collect();
        if current.is_empty() && gone.is_empty() {
            return None;
        }
        current.extend(known.iter().filter(|print| !gone.contains(print)).copied());
        // The newest stand first: what was set long ago and never seen since falls out.
        current.truncate(MOST);
        let mut old = gone;
        if let Some(known) = self.0.as_ref().filter(|known| now.unix < known.old_until) {
            let older = known.old.iter().filter(|print| !old.contains(print));
            let older: SmallVec<[Print; 4]> = older.copied().collect();
            old.extend(older);
        }
        old.truncate(MOST);
        Some(Self::from_known(Known {
            current,
            old_until: now.unix.saturating_add(ALONGSIDE),
            old,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(unix: u64) -> Moment {
        Moment {
            unix,
            mono: Duration::from_secs(unix),
        }
    }

    fn print(n: u8) -> Print {
        [n; 6]
    }

    #[test]
    fn g2_a_session_that_the_grant_does_not_know_is_another() {
        let prints = Prints::of([print(1), print(2)]);
        for (brought, known) in [(print(1), true), (print(2), true), (print(3), false)] {
            assert_eq!(prints.know(&brought, at(0)), known, "{brought:?}");
        }
        assert!(!Prints::default().know(&print(1), at(0)));
    }

    #[test]
    fn what_the_application_changes_moves_along_and_the_old_value_counts_a_minute_more() {
        let prints = Prints::of([print(1), print(2)]);
        let moved = prints.moved(&[print(1)], &[print(3)], at(100)).unwrap();
        for new in [print(3), print(2)] {
            assert!(moved.know(&new, at(9999)));
        }
        assert!(moved.know(&print(1), at(159)));
        assert!(!moved.know(&print(1), at(160)));
        let again = moved.moved(&[print(3)], &[print(4)], at(130)).unwrap();
        for alongside in [print(1), print(3), print(4)] {
            assert!(again.know(&alongside, at(131)));
        }
    }

    #[test]
    fn the_same_value_set_again_changes_nothing() {
        let prints = Prints::of([print(1)]);
        assert_eq!(prints.moved(&[print(1)], &[print(1)], at(0)), None);
        assert_eq!(prints.moved(&[], &[print(1)], at(0)), None);
        assert_eq!(prints.moved(&[], &[], at(0)), None);
    }

    #[test]
    fn no_more_than_eight_are_kept_and_the_newest_stay() {
        let mut prints = Prints::of((0..20).map(print));
        assert_eq!(prints.current().len(), MOST);
        for n in 20..40 {
            prints = prints.moved(&[], &[print(n)], at(0)).unwrap();
        }
        assert_eq!(prints.current().len(), MOST);
        assert!(prints.know(&print(39), at(0)) && prints.know(&print(32), at(0)));
        assert!(!prints.know(&print(31), at(0)));
    }
}
