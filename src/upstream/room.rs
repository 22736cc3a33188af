//! How many connections one worker has to applications: a bound of its own, so that few visitors with many requests under
//! way at slow applications use up neither the files (A7) nor what those with a grant need (A1).
//!
//! Connections are counted where they are made and closed, not where they are used; only strangers' requests are, since
//! they leave a part of the room to others. Counts are atomic because hyper wants what it reads from to be `Send`: all of
//! them stay with their worker.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use super::wire::Pool;

/// The room of one worker for connections to all of its applications.
#[derive(Clone)]
pub struct Room(Rc<All>);

struct All {
    count: Arc<Count>,
    /// The most of one site.
    each: usize,
    /// Where connections rest that may make way.
    pools: RefCell<Vec<Weak<Pool>>>,
}

/// One site's part of a room.
pub(super) struct Share {
    room: Room,
    own: Arc<Count>,
}

/// What one connection takes up, from before it is made until it is closed, whatever has become of it.
pub struct Place {
    counts: [Arc<Count>; 2],
    /// Whether it works for a stranger.
    stranger: AtomicBool,
}

struct Count {
    most: usize,
    taken: AtomicUsize,
    /// How many of them work for strangers.
    strangers: AtomicUsize,
}

impl Room {
    /// So many connections to the applications of so many sites. One of several sites gets half of it at most, so that a
    /// slow application leaves the others something.
    pub fn new(most: usize, sites: usize) -> Self {
        Self(Rc::new(All {
            count: Count::new(most),
            each: each(most, sites),
            pools: RefCell::default(),
        }))
    }

    /// The same room for what other sites have: what those before still use of it counts, and what rests of theirs makes way.
    #[must_use]
    pub fn anew(&self, sites: usize) -> Self {
        let most = self.0.count.most;
        let before = self.0.pools.borrow();
        let resting = before.iter().filter(|pool| pool.strong_count() > 0);
        Self(Rc::new(All {
            count: Arc::clone(&self.0.count),
            each: each(most, sites),
            pools: RefCell::new(resting.cloned().collect()),
        }))
    }

    /// The part of one more site, whose connections rest here.
    pub(super) fn share(&self, pool: &Rc<Pool>) -> Share {
        self.0.pools.borrow_mut().push(Rc::downgrade(pool));
        Share {
            room: self.clone(),
            own: Count::new(self.0.each),
        }
    }

    /// Closes the one that has rested longest where most do. Whether there was any.
    fn make_way(&self) -> bool {
        let pools = self.0.pools.borrow();
        let fullest = pools
            .iter()
            .filter_map(Weak::upgrade)
            .max_by_key(|pool| pool.resting());
        fullest.is_some_and(|pool| pool.close_oldest())
    }
}

impl Share {
    /// Whether another request of a stranger has room: they leave a quarter of it.
    pub(super) fn takes_strangers(&self) -> bool {
        self.counts().iter().all(|count| {
            let strangers = count.strangers.load(Relaxed);
            strangers < count.most - count.most / 4
        })
    }

    /// A place for a connection that is to be made. One that rests makes way for it.
    pub(super) async fn take(&self, stranger: bool) -> Option<Arc<Place>> {
        /// The task of a connection closes it within one turn of the runtime; over TLS it may take another.
        const TURNS: usize = 4;
        if self.room.0.count.is_full() && self.room.make_way() {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
                if !self.room.0.count.is_full() {
                    break;
                }
            }
        }
        let counts = self.counts();
        if counts.iter().any(|count| count.is_full()) {
            return None;
        }
        for count in counts {
            count.taken.fetch_add(1, Relaxed);
        }
        let place = Place {
            counts: counts.map(Arc::clone),
            stranger: AtomicBool::new(false),
        };
        if stranger {
            place.works_for_stranger();
        }
        Some(Arc::new(place))
    }

    fn counts(&self) -> [&Arc<Count>; 2] {
        [&self.own, &self.room.0.count]
    }
}

impl Place {
    /// It does from now on.
    pub(super) fn works_for_stranger(&self) {
        if !self.stranger.swap(true, Relaxed) {
            for count in &self.counts {
                count.strangers.fetch_add(1, Relaxed);
            }
        }
    }

    /// It works for nobody now.
    pub(super) fn rests(&self) {
        // Looked at first: for nearly everybody there is nothing to write.
        if self.stranger.load(Relaxed) {
            self.stranger.store(false, Relaxed);
            for count in &self.counts {
                count.strangers.fetch_sub(1, Relaxed);
            }
        }
    }

    /// One that nothing is bounded by.
    #[cfg(test)]
    pub(super) fn anywhere() -> Arc<Self> {
        let count = Count::new(usize::MAX);
        count.taken.fetch_add(2, Relaxed);
        Arc::new(Self {
            counts: [Arc::clone(&count), count],
            stranger: AtomicBool::new(false),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.rests();
        for count in &self.counts {
            count.taken.fetch_sub(1, Relaxed);
        }
    }
}

impl Count {
    fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: AtomicUsize::default(),
            strangers: AtomicUsize::default(),
        })
    }

    fn is_full(&self) -> bool {
        self.taken.load(Relaxed) >= self.most
    }
}

/// The most of one of so many sites.
fn each(most: usize, sites: usize) -> usize {
    if sites > 1 { most.div_ceil(2) } else { most }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a1_strangers_leave_a_quarter_and_what_is_closed_gives_its_place_back() {
        let pool = Rc::new(Pool::default());
        let share = Room::new(8, 1).share(&pool);
        let mut places = Vec::new();
        for _ in 0..6 {
            assert!(share.takes_strangers());
            places.push(share.take(true).await.unwrap());
        }
        assert!(!share.takes_strangers());
        for _ in 0..2 {
            places.push(share.take(false).await.unwrap());
        }
        assert!(share.take(false).await.is_none());
        places[0].rests();
        assert!(share.takes_strangers(), "over a connection that rests");
        places[0].works_for_stranger();
        places[0].works_for_stranger();
        assert!(!share.takes_strangers());
        places.clear();
        assert!(share.takes_strangers() && share.take(false).await.is_some());
    }

    #[tokio::test]
    async fn a1_one_of_several_sites_takes_half_of_the_room_at_most() {
        let pools: [Rc<Pool>; 3] = Default::default();
        let room = Room::new(8, 3);
        let shares = pools.each_ref().map(|pool| room.share(pool));
        let mut places = Vec::new();
        for (share, taken) in shares.iter().zip([4, 4, 0]) {
            for _ in 0..9 {
                places.extend(share.take(false).await);
            }
            let own = share.own.taken.load(Relaxed);
            assert_eq!(own, taken, "in all there are eight");
        }
    }
}
