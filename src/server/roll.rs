//! Who is connected to a worker: bounds their number, and looks after those who keep us waiting.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::time::Instant;

use super::watch::{Clock, Order, Overdue, Watch};
use super::{Limits, Tally};
use crate::peer;

/// The connections of one worker.
#[derive(Clone, Debug)]
pub(super) struct Roll(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    tally: Arc<Tally>,
    began: Instant,
    clock: Clock,
    present: RefCell<Present>,
}

#[derive(Debug, Default)]
struct Present {
    places: Vec<Option<Arc<Watch>>>,
    /// Places given back, to be taken first.
    free: Vec<usize>,
    sources: HashMap<IpAddr, usize>,
}

/// There is no room for one more, in all or from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// A place on the roll, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    /// What is known of the connection.
    pub(super) watch: Arc<Watch>,
    roll: Roll,
    place: usize,
    source: Option<IpAddr>,
}

impl Roll {
    /// An empty roll, whose clock begins now.
    pub(super) fn new(limits: Limits, tally: Arc<Tally>) -> Self {
        Self(Rc::new(Inner {
            limits,
            tally,
            began: Instant::now(),
            clock: Clock::new(),
            present: RefCell::default(),
        }))
    }

    /// Takes a connection in.
    ///
    /// # Errors
    /// [`Full`]: the newest is turned away, those who are here stay (A1).
    pub(super) fn admit(&self, peer: IpAddr) -> Result<Seat, Full> {
        let Inner { limits, tally, .. } = &*self.0;
        let mut present = self.0.present.borrow_mut();
        if present.places.len() - present.free.len() >= limits.connections {
            return Err(Full);
        }
        let source = present.count(peer, limits)?;
        let watch = Arc::new(Watch::new(self.0.clock.clone()));
        let place = present.free.pop().unwrap_or_else(|| {
            present.places.push(None);
            present.places.len() - 1
        });
        present.places[place] = Some(Arc::clone(&watch));
        tally.accepted.fetch_add(1, Relaxed);
        Ok(Seat {
            watch,
            roll: self.clone(),
            place,
            source,
        })
    }

    /// Whether `peer` is a proxy whose word counts.
    pub(super) fn trusts(&self, peer: IpAddr) -> bool {
        peer::is_trusted(peer, &self.0.limits.trusted)
    }

    /// Moves the clock on and sends away who is overdue; to be called once a second.
    pub(super) fn sweep(&self) {
        let Inner { clock, tally, .. } = &*self.0;
        clock.set(self.0.began.elapsed().as_secs());
        for watch in self.0.present.borrow().places.iter().flatten() {
            let Some(overdue) = watch.overdue() else {
                continue;
            };
            let order = match overdue {
                Overdue::Idle => Order::Leave,
                Overdue::Head | Overdue::Stall | Overdue::Leave => Order::Cut,
            };
            if watch.order() < order {
                if matches!(overdue, Overdue::Head | Overdue::Stall) {
                    tally.overdue.fetch_add(1, Relaxed);
                }
                watch.give(order);
            }
        }
    }

    /// Gives the same order to all who are here, and tells how many they are.
    pub(super) fn give(&self, order: Order) -> usize {
        let present = self.0.present.borrow();
        present
            .places
            .iter()
            .flatten()
            .map(|watch| watch.give(order))
            .count()
    }
}

impl Seat {
    /// The proxy that took the place has said whom it speaks for: the visitor counts, as if there were no proxy.
    ///
    /// # Errors
    /// [`Full`]: there is no room for one more from there.
    pub(super) fn speaks_for(&mut self, visitor: IpAddr) -> Result<(), Full> {
        let Inner { limits, .. } = &*self.roll.0;
        if self.source.is_none() {
            self.source = self.roll.0.present.borrow_mut().count(visitor, limits)?;
        }
        Ok(())
    }
}

impl Present {
    /// Counts one more from there; `None` for a trusted proxy, which speaks for many.
    fn count(&mut self, peer: IpAddr, limits: &Limits) -> Result<Option<IpAddr>, Full> {
        if peer::is_trusted(peer, &limits.trusted) {
            return Ok(None);
        }
        let source = source(peer);
        let open = self.sources.entry(source).or_insert(0);
        if *open >= limits.per_source {
            return Err(Full);
        }
        *open += 1;
        Ok(Some(source))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.roll.0.tally.closed.fetch_add(1, Relaxed);
        let mut present = self.roll.0.present.borrow_mut();
        present.places[self.place] = None;
        present.free.push(self.place);
        if let Some(source) = self.source
            && let Some(open) = present.sources.get_mut(&source)
        {
            *open -= 1;
            if *open == 0 {
                present.sources.remove(&source);
            }
        }
    }
}

/// What counts as one source: an IPv4 address, or a /64, of which a single machine may use every address.
fn source(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    fn roll(connections: usize, per_source: usize) -> Roll {
        let limits = Limits {
            connections,
            per_source,
            trusted: vec!["10.0.0.0/8".parse().unwrap()],
        };
        Roll::new(limits, Arc::default())
    }

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a1_the_newest_is_turned_away_and_a_place_is_used_again() {
        let roll = roll(2, 2);
        let first = roll.admit(at("192.0.2.1")).unwrap();
        let _second = roll.admit(at("192.0.2.2")).unwrap();
        assert_eq!(roll.admit(at("192.0.2.3")).err(), Some(Full));
        drop(first);
        let _third = roll.admit(at("192.0.2.3")).unwrap();
        assert_eq!(roll.admit(at("192.0.2.4")).err(), Some(Full));
        assert_eq!(roll.0.present.borrow().places.len(), 2);
    }

    #[tokio::test]
    async fn a1_one_source_has_a_bound_of_its_own() {
        for (here, neighbour, other) in [
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
        ] {
            let roll = roll(10, 1);
            let seat = roll.admit(at(here)).unwrap();
            assert_eq!(roll.admit(at(neighbour)).err(), Some(Full));
            assert!(roll.admit(at(other)).is_ok());
            drop(seat);
            assert!(roll.admit(at(neighbour)).is_ok());
            assert!(
                roll.0.present.borrow().sources.is_empty(),
                "nothing is kept of those who left"
            );
        }
    }

    #[tokio::test]
    async fn a_trusted_proxy_speaks_for_many() {
        let roll = roll(3, 1);
        let seats: Vec<_> = (0..4).map(|_| roll.admit(at("10.1.2.3"))).collect();
        assert_eq!(seats.iter().filter(|seat| seat.is_ok()).count(), 3);
    }

    #[tokio::test]
    async fn a1_who_comes_through_a_proxy_counts_as_who_they_are() {
        let roll = roll(9, 1);
        let mut seats: Vec<_> = (0..3)
            .map(|_| roll.admit(at("10.1.2.3")).unwrap())
            .collect();
        assert_eq!(seats[0].speaks_for(at("192.0.2.1")), Ok(()));
        assert_eq!(seats[1].speaks_for(at("192.0.2.1")), Err(Full));
        assert!(roll.admit(at("192.0.2.1")).is_err(), "by whatever way");
        assert_eq!(seats[1].speaks_for(at("192.0.2.2")), Ok(()));
        assert_eq!(seats[2].speaks_for(at("10.9.9.9")), Ok(()), "a proxy, too");
        drop(seats);
        assert!(roll.0.present.borrow().sources.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a1_the_idle_are_asked_to_go_and_the_slow_are_cut() {
        let roll = roll(9, 9);
        let idle = roll.admit(at("192.0.2.1")).unwrap();
        let slow = roll.admit(at("192.0.2.1")).unwrap();
        slow.watch.bytes_came();
        let busy = roll.admit(at("192.0.2.1")).unwrap();
        busy.watch.request_begins(false, false);
        let orders = || [&idle, &slow, &busy].map(|seat| seat.watch.order());

        advance(Duration::from_secs(10)).await;
        roll.sweep();
        assert_eq!(orders(), [Order::Stay; 3]);
        advance(Duration::from_secs(1)).await;
        roll.sweep();
        assert_eq!(orders(), [Order::Stay, Order::Cut, Order::Stay]);
        advance(Duration::from_secs(50)).await;
        roll.sweep();
        assert_eq!(orders(), [Order::Leave, Order::Cut, Order::Stay]);
        advance(Duration::from_secs(11)).await;
        roll.sweep();
        assert_eq!(
            orders(),
            [Order::Cut, Order::Cut, Order::Stay],
            "who does not go is cut"
        );
        assert_eq!(roll.0.tally.overdue.load(Relaxed), 1);
        assert_eq!(roll.give(Order::Leave), 3);
        assert_eq!(orders(), [Order::Cut, Order::Cut, Order::Leave]);
    }
}
