//! Failed logins at the API, by where they come from.
//!
//! Guesses from one network are bounded together (C5); an address from which the right password came within a day has a
//! bound of its own, so that its neighbours cannot lock it out. In memory alone: a password is no six digits, and a
//! restart gives a guesser nothing worth having.

use std::net::IpAddr;
use std::time::Duration;

use dashmap::DashMap;

use crate::limit::{Bound, DAY, Over, Tally};
use crate::moment::Moment;
use crate::peer::{Network, Peer};

/// Wrong passwords from one network.
const WRONG: Bound = Bound {
    most: 20,
    window: Duration::from_mins(10),
};

/// The most networks and addresses of each kind that are remembered. At the bound a new network counts as over its
/// limit; addresses that are known to be right go on.
const MOST: usize = 50_000;

/// Where wrong passwords come from.
#[derive(Debug)]
pub struct Logins {
    wrong: DashMap<Door, Tally>,
    known: DashMap<IpAddr, Duration>,
    most: usize,
}

/// Who is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Door {
    Network(Network),
    Known(IpAddr),
}

impl Logins {
    /// For so many.
    fn bounded(most: usize) -> Self {
        Self {
            wrong: DashMap::new(),
            known: DashMap::new(),
            most,
        }
    }

    /// Counts a wrong password before it is compared, so that simultaneous guesses cannot share one place; a right one
    /// is then [taken back](Self::right).
    ///
    /// # Errors
    /// [`Over`]: it may not be compared.
    pub fn guess(&self, peer: Peer, now: Moment) -> Result<(), Over> {
        let door = self.door(peer, now);
        let full = self.wrong.len() >= self.most;
        if full && !self.wrong.contains_key(&door) {
            return match door {
                Door::Known(_) => Ok(()),
                Door::Network(_) => Err(Over(WRONG.window)),
            };
        }
        self.wrong.entry(door).or_default().take(&[WRONG], now)
    }

    /// The guess that was just counted was right.
    pub fn right(&self, peer: Peer, now: Moment) {
        if let Some(mut tally) = self.wrong.get_mut(&self.door(peer, now)) {
            tally.give_back();
        }
        if self.known.len() < self.most || self.known.contains_key(&peer.address) {
            self.known.insert(peer.address, now.mono + DAY);
        }
    }

    /// Forgets what does not count any more.
    pub fn sweep(&self, now: Moment) {
        self.wrong.retain(|_, tally| !tally.idle(WRONG.window, now));
        self.known.retain(|_, until| *until > now.mono);
    }

    fn door(&self, peer: Peer, now: Moment) -> Door {
        let known = self.known.get(&peer.address);
        if known.is_some_and(|until| *until > now.mono) {
            Door::Known(peer.address)
        } else {
            Door::Network(peer.network())
        }
    }
}

impl Default for Logins {
    fn default() -> Self {
        Self::bounded(MOST)
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

    fn from(address: &str) -> Peer {
        Peer {
            address: address.parse().unwrap(),
            https: true,
        }
    }

    #[test]
    fn c5_twenty_wrong_passwords_from_a_network_in_ten_minutes_are_compared() {
        let logins = Logins::default();
        for n in 0..20 {
            let peer = from(&format!("192.0.2.{n}"));
            assert_eq!(logins.guess(peer, at(1000 + n)), Ok(()), "{n}");
        }
        let over = logins.guess(from("192.0.2.99"), at(1020));
        assert_eq!(over, Err(Over(Duration::from_secs(580))));
        assert_eq!(logins.guess(from("198.51.100.1"), at(1020)), Ok(()));
        assert_eq!(logins.guess(from("192.0.2.99"), at(1600)), Ok(()));
    }

    #[test]
    fn a_right_password_does_not_count_and_neighbours_cannot_lock_it_out() {
        let logins = Logins::default();
        let good = from("192.0.2.1");
        for n in 0..100 {
            logins.guess(good, at(1000 + n)).unwrap();
            logins.right(good, at(1000 + n));
        }
        for _ in 0..20 {
            logins.guess(from("192.0.2.2"), at(1100)).unwrap();
        }
        assert!(logins.guess(from("192.0.2.2"), at(1100)).is_err());
        assert!(logins.guess(from("192.0.2.3"), at(1100)).is_err());
        assert_eq!(logins.guess(good, at(1100)), Ok(()));
        // What it gets wrong itself counts.
        for _ in 1..20 {
            logins.guess(good, at(1100)).unwrap();
        }
        assert!(logins.guess(good, at(1100)).is_err());
    }

    #[test]
    fn a1_at_the_bound_known_addresses_go_on_and_what_is_idle_is_forgotten() {
        let logins = Logins::bounded(1);
        let good = from("203.0.113.1");
        logins.guess(good, at(1000)).unwrap();
        logins.right(good, at(1000));
        logins.sweep(at(1000));
        logins.guess(from("192.0.2.1"), at(1000)).unwrap();
        assert!(logins.guess(from("198.51.100.1"), at(1000)).is_err());
        assert_eq!(logins.guess(good, at(1000)), Ok(()));
        logins.sweep(at(1600));
        assert_eq!(logins.guess(from("198.51.100.1"), at(1600)), Ok(()));
        logins.sweep(at(1000 + 24 * 3600));
        assert!(logins.known.is_empty() && logins.wrong.is_empty());
    }
}
