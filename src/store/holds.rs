//! What waits for a code, by browser, site, scope and person; the newest replaces the older.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;

use super::{Full, room};
use crate::challenge::{self, Browser, Entry, Question};
use crate::grant::prints::Print;
use crate::hold::{Hold, Kept, Sealed, Waiting};
use crate::moment::Moment;
use crate::name::Name;
use crate::peer::Network;
use crate::site::Origin;
use crate::subject::Subject;

/// All holds, bounded in number and in bytes, in all and for each source network.
#[derive(Debug)]
pub struct Holds {
    waiting: DashMap<Key, Place>,
    replays: DashMap<challenge::Id, Replay>,
    budget: Arc<Budget>,
}

/// For what it waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    browser: Browser,
    site: Name,
    scope: Name,
    /// Whose login it answers: it is released by that person's code and by no other. None where the browser is to go on
    /// by itself, whoever it is.
    named: Option<Subject>,
}

/// What all holds may take up, and do.
#[derive(Debug)]
struct Budget {
    networks: DashMap<Network, Share>,
    count: AtomicUsize,
    bytes: AtomicUsize,
    most: usize,
}

/// What the holds of one network take up.
#[derive(Debug, Default)]
struct Share {
    places: usize,
    bytes: usize,
}

/// Room for one hold; it is free again when this is dropped.
#[derive(Debug)]
pub struct Room {
    budget: Arc<Budget>,
    /// Whose place it takes; none for what has had its code and only waits to be fetched.
    network: Option<Network>,
    bytes: usize,
}

#[derive(Debug)]
struct Place {
    hold: Hold,
    room: Room,
    until: Duration,
}

#[derive(Debug)]
struct Replay {
    what: Fetched,
    browser: Browser,
    target: String,
    until: Duration,
    _room: Room,
}

/// What waits for a browser at one address after the right code.
#[derive(Debug)]
pub enum Fetched {
    /// A request of its own, sent in the place of the GET that fetches it.
    Request(Kept),
    /// A page of the application, a [`crate::hold::release::HeldPage`], given in the place of an answer.
    Page(Sealed),
}

/// The most bytes of all holds together.
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// What is kept free for the answer to a login before its password goes up: head and cookies, as upstreams send them.
/// A body that finds no more room than this is not held.
const ANSWER: usize = 64 * 1024;

/// One network may have this part of the places and of the bytes, so that none can fill them.
const SHARE: usize = 8;

/// How long a held request or page waits for the browser to come back after the right code.
const FETCH: Duration = Duration::from_mins(1);

impl Holds {
    /// None yet, at most so many.
    pub fn new(most: usize) -> Self {
        let (waiting, replays, networks) = Default::default();
        Self {
            waiting,
            replays,
            budget: Arc::new(Budget {
                networks,
                count: AtomicUsize::new(0),
                bytes: AtomicUsize::new(0),
                most,
            }),
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
        let key = Key::of(browser, site, scope, None);
        let until = now.mono + challenge::LONGEST;
        // A browser that has a place keeps it.
        if let Some(mut old) = self.waiting.get_mut(&key) {
            old.room.resize(size(&hold))?;
            (old.hold, old.until) = (hold, until);
            return Ok(());
        }
        let room = Budget::room(&self.budget, network, entry, size(&hold))?;
        self.waiting.insert(key, Place { hold, room, until });
        Ok(())
    }

    /// Keeps room for the answer to a login that is about to go up. What its subject has shown is not known yet.
    ///
    /// # Errors
    /// [`Full`]: the login must not go up.
    pub fn room(&self, network: Network) -> Result<Room, Full> {
        Budget::room(&self.budget, network, Entry::Doubt, ANSWER)
    }

    /// Keeps the answer to the login of `named` in the room that was made for it, in the place of an earlier one of theirs.
    pub fn keep_in(
        &self,
        mut room: Room,
        browser: Browser,
        (site, scope): (&Name, &Name),
        named: &Subject,
        hold: Hold,
        now: Moment,
    ) {
        room.take(size(&hold));
        let until = now.mono + challenge::LONGEST;
        self.waiting.insert(
            Key::of(browser, site, scope, Some(named)),
            Place { hold, room, until },
        );
    }

    /// Whether something waits for this browser, whoever it is.
    pub fn waits(&self, browser: &Browser, site: &Name, scope: &Name, now: Moment) -> bool {
        self.waiting
            .get(&Key::of(*browser, site, scope, None))
            .is_some_and(|place| place.until > now.mono)
    }

    /// What waits for the answer to this question, if anything does; it waits no longer. The answer to the login that
    /// began it comes before a page that its browser only wanted to see.
    pub fn take(&self, question: &Question) -> Option<Hold> {
        let [theirs, anybodys] = Key::both(question).map(|key| self.waiting.remove(&key));
        theirs.or(anybodys).map(|(_, place)| place.hold)
    }

    /// Where the answer to this question leads from now on, if one waits: its browser has gone on meanwhile.
    pub fn lead_to(&self, question: &Question, target: crate::hold::Destination) {
        let [theirs, _] = Key::both(question);
        if let Some(mut place) = self.waiting.get_mut(&theirs) {
            place.hold.target = target;
        }
    }

    /// Keeps something for its browser's way to `target`, by the name of the challenge that was answered rightly.
    pub fn will_fetch(
        &self,
        id: challenge::Id,
        what: Fetched,
        browser: Browser,
        target: &str,
        now: Moment,
    ) {
        let mut room = Room {
            budget: Arc::clone(&self.budget),
            network: None,
            bytes: 0,
        };
        // Its place was free a moment ago: it is not refused now.
        room.take(match &what {
            Fetched::Request(kept) => kept.size(),
            Fetched::Page(page) => page.size(),
        });
        self.replays.insert(
            id,
            Replay {
                what,
                browser,
                target: target.to_owned(),
                until: now.mono + FETCH,
                _room: room,
            },
        );
    }

    /// Hands out the request that waits, once, to its browser at its target.
    pub fn fetch_request(
        &self,
        id: &challenge::Id,
        browser: &Browser,
        target: &str,
        now: Moment,
    ) -> Option<Kept> {
        match self.fetch(id, browser, target, now, |what| {
            matches!(what, Fetched::Request(_))
        })? {
            Fetched::Request(kept) => Some(kept),
            Fetched::Page(_) => None,
        }
    }

    /// Hands out the page that waits, once, to its browser at its target.
    pub fn fetch_page(
        &self,
        id: &challenge::Id,
        browser: &Browser,
        target: &str,
        now: Moment,
    ) -> Option<Sealed> {
        match self.fetch(id, browser, target, now, |what| {
            matches!(what, Fetched::Page(_))
        })? {
            Fetched::Page(page) => Some(page),
            Fetched::Request(_) => None,
        }
    }

    fn fetch(
        &self,
        id: &challenge::Id,
        browser: &Browser,
        target: &str,
        now: Moment,
        is_wanted: impl Fn(&Fetched) -> bool,
    ) -> Option<Fetched> {
        let fits = |_: &challenge::Id, replay: &Replay| {
            is_wanted(&replay.what)
                && replay.browser == *browser
                && replay.target == target
                && replay.until > now.mono
        };
        let (_, replay) = self.replays.remove_if(id, fits)?;
        Some(replay.what)
    }

    /// Whether an answer to a login as this person waits whose grant would know this.
    pub fn answered(
        &self,
        browser: &Browser,
        (site, scope): (&Name, &Name),
        named: &Subject,
        print: &Print,
        now: Moment,
    ) -> bool {
        let key = Key::of(*browser, site, scope, Some(named));
        let place = self
            .waiting
            .get(&key)
            .filter(|place| place.until > now.mono);
        place.is_some_and(|place| match &place.hold.request {
            Waiting::Answer { prints, .. } => prints.contains(print),
            Waiting::Nothing | Waiting::Request(_) | Waiting::Lost => false,
        })
    }

    /// The other origin that what waits for the answer to this question leads to, if it does.
    pub fn leads_to(&self, question: &Question) -> Option<Origin> {
        let [theirs, _] = Key::both(question);
        let place = self.waiting.get(&theirs)?;
        match &place.hold.request {
            Waiting::Answer { leads_to, .. } => leads_to.as_deref().cloned(),
            Waiting::Nothing | Waiting::Request(_) | Waiting::Lost => None,
        }
    }

    /// Forgets what waited too long.
    pub fn sweep(&self, now: Moment) {
        self.waiting.retain(|_, place| place.until > now.mono);
        self.replays.retain(|_, replay| replay.until > now.mono);
        self.budget.networks.retain(|_, share| share.places > 0);
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.budget.count.load(Ordering::Relaxed)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes are held.
    pub fn bytes(&self) -> usize {
        self.budget.bytes.load(Ordering::Relaxed)
    }
}

impl Key {
    fn of(browser: Browser, site: &Name, scope: &Name, named: Option<&Subject>) -> Self {
        Self {
            browser,
            site: site.clone(),
            scope: scope.clone(),
            named: named.cloned(),
        }
    }

    fn both(question: &Question) -> [Self; 2] {
        let (site, scope) = (&question.site, &question.scope.name);
        [Some(&question.named), None].map(|named| Self::of(question.browser, site, scope, named))
    }
}

impl Budget {
    fn room(
        budget: &Arc<Self>,
        network: Network,
        entry: Entry,
        bytes: usize,
    ) -> Result<Room, Full> {
        if budget.count.fetch_add(1, Ordering::Relaxed) >= room(budget.most, entry) {
            budget.count.fetch_sub(1, Ordering::Relaxed);
            return Err(Full);
        }
        let mut share = budget.networks.entry(network).or_default();
        if share.places >= (budget.most / SHARE).max(1) {
            drop(share);
            budget.count.fetch_sub(1, Ordering::Relaxed);
            return Err(Full);
        }
        share.places += 1;
        drop(share);
        let mut place = Room {
            budget: Arc::clone(budget),
            network: Some(network),
            bytes: 0,
        };
        place.resize(bytes)?;
        Ok(place)
    }
}

impl Room {
    /// Makes it as large as this, if that fits.
    ///
    /// # Errors
    /// [`Full`]: it is as large as before.
    pub fn resize(&mut self, bytes: usize) -> Result<(), Full> {
        let before = self.bytes;
        let theirs = self.take(bytes);
        let full =
            self.budget.bytes.load(Ordering::Relaxed) > MOST_BYTES || theirs > MOST_BYTES / SHARE;
        if bytes > before && full {
            self.take(before);
            return Err(Full);
        }
        Ok(())
    }

    /// Makes it as large as this, whether it fits or not: the bound gives way by one head. Gives what its network takes
    /// up then.
    fn take(&mut self, bytes: usize) -> usize {
        self.budget.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.budget.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        let before = mem::replace(&mut self.bytes, bytes);
        let share = self
            .network
            .and_then(|network| self.budget.networks.get_mut(&network));
        share.map_or(0, |mut share| {
            share.bytes = (share.bytes + bytes).saturating_sub(before);
            share.bytes
        })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.take(0);
        let Some(network) = self.network else { return };
        self.budget.count.fetch_sub(1, Ordering::Relaxed);
        if let Some(mut share) = self.budget.networks.get_mut(&network) {
            share.places = share.places.saturating_sub(1);
        }
    }
}

fn size(hold: &Hold) -> usize {
    let body = match &hold.request {
        Waiting::Request(kept) => kept.size(),
        Waiting::Answer { sealed, .. } => sealed.size(),
        Waiting::Nothing | Waiting::Lost => 0,
    };
    // The place itself, its key and its share of the map.
    hold.target.as_str().len() + body + 256
}
