//! What waits for a code, by browser, site and scope; the newest replaces the older.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;

use super::{Full, room};
use crate::challenge::{self, Browser, Entry};
use crate::hold::{Hold, Kept, Waiting};
use crate::moment::Moment;
use crate::name::Name;
use crate::peer::Network;

/// All holds, bounded in number and in bytes, in all and for each source network.
#[derive(Debug)]
pub struct Holds {
    waiting: DashMap<(Browser, Name, Name), Place>,
    replays: DashMap<challenge::Id, Replay>,
    networks: DashMap<Network, usize>,
    count: AtomicUsize,
    bytes: AtomicUsize,
    most: usize,
}

#[derive(Debug)]
struct Place {
    hold: Hold,
    network: Network,
    until: Duration,
}

#[derive(Debug)]
struct Replay {
    kept: Kept,
    browser: Browser,
    target: String,
    until: Duration,
}

/// The most bytes of all holds together.
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// One network may have this part of the places, so that none can fill them.
const SHARE: usize = 8;

/// How long a held request waits for the browser to come back after the right code.
const REPLAY: Duration = Duration::from_mins(1);

impl Holds {
    /// None yet, at most so many.
    pub fn new(most: usize) -> Self {
        let (waiting, replays, networks) = Default::default();
        Self {
            waiting,
            replays,
            networks,
            count: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            most,
        }
    }

    /// Keeps `hold` for this browser, whose subject came by `entry`, until the longest life of a challenge is over.
    ///
    /// # Errors
    /// [`Full`] at a bound; what was held before stays.
    pub fn keep(
        &self,
        browser: Browser,
        site: &Name,
        scope: &Name,
        hold: Hold,
        (network, entry): (Network, Entry),
        now: Moment,
    ) -> Result<(), Full> {
        let key = (browser, site.clone(), scope.clone());
        let bytes = size(&hold);
        let place = Place {
            hold,
            network,
            until: now.mono + challenge::LONGEST,
        };
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > MOST_BYTES {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Full);
        }
        // A browser that has a place keeps it.
        if let Some(mut old) = self.waiting.get_mut(&key) {
            self.bytes.fetch_sub(size(&old.hold), Ordering::Relaxed);
            let network = old.network;
            *old = Place { network, ..place };
            return Ok(());
        }
        if !self.reserve(network, room(self.most, entry)) {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Full);
        }
        if let Some(old) = self.waiting.insert(key, place) {
            self.freed(&old);
        }
        Ok(())
    }

    /// Whether something waits for this browser.
    pub fn waits(&self, browser: &Browser, site: &Name, scope: &Name, now: Moment) -> bool {
        self.waiting
            .get(&(*browser, site.clone(), scope.clone()))
            .is_some_and(|place| place.until > now.mono)
    }

    /// What waits for this browser, if anything does; it waits no longer.
    pub fn take(&self, browser: &Browser, site: &Name, scope: &Name) -> Option<Hold> {
        let (_, place) = self
            .waiting
            .remove(&(*browser, site.clone(), scope.clone()))?;
        self.freed(&place);
        Some(place.hold)
    }

    /// Keeps a held request for its browser's way to `target`, after the right answer to challenge `id`.
    pub fn will_replay(
        &self,
        id: challenge::Id,
        kept: Kept,
        browser: Browser,
        target: &str,
        now: Moment,
    ) {
        self.bytes.fetch_add(kept.size(), Ordering::Relaxed);
        self.replays.insert(
            id,
            Replay {
                kept,
                browser,
                target: target.to_owned(),
                until: now.mono + REPLAY,
            },
        );
    }

    /// Hands the held request out, once, to its browser at its target.
    pub fn replay(
        &self,
        id: &challenge::Id,
        browser: &Browser,
        target: &str,
        now: Moment,
    ) -> Option<Kept> {
        let fits = |_: &challenge::Id, replay: &Replay| {
            replay.browser == *browser && replay.target == target && replay.until > now.mono
        };
        let (_, replay) = self.replays.remove_if(id, fits)?;
        self.bytes.fetch_sub(replay.kept.size(), Ordering::Relaxed);
        Some(replay.kept)
    }

    /// Forgets what waited too long.
    pub fn sweep(&self, now: Moment) {
        self.waiting.retain(|_, place| {
            let stays = place.until > now.mono;
            if !stays {
                self.freed(place);
            }
            stays
        });
        self.replays.retain(|_, replay| {
            let stays = replay.until > now.mono;
            if !stays {
                self.bytes.fetch_sub(replay.kept.size(), Ordering::Relaxed);
            }
            stays
        });
        self.networks.retain(|_, count| *count > 0);
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes are held.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn reserve(&self, network: Network, most: usize) -> bool {
        if self.count.fetch_add(1, Ordering::Relaxed) >= most {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        let mut share = self.networks.entry(network).or_insert(0);
        if *share >= (self.most / SHARE).max(1) {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        *share += 1;
        true
    }

    fn freed(&self, place: &Place) {
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(size(&place.hold), Ordering::Relaxed);
        if let Some(mut share) = self.networks.get_mut(&place.network) {
            *share = share.saturating_sub(1);
        }
    }
}

fn size(hold: &Hold) -> usize {
    let body = match &hold.request {
        Waiting::Request(kept) => kept.size(),
        Waiting::Nothing | Waiting::Lost => 0,
    };
    // The place itself, its key and its share of the map.
    hold.target.as_str().len() + body + 256
}
