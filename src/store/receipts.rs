//! Whose a message was: carriers tell of it later, by a name of theirs or of ours.
//!
//! A receipt may come before the carrier's own answer was read: what is told of a message that nobody knows yet waits
//! a while for it. Nothing of this is kept over a restart; a receipt that nobody knows changes nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::Store;
use crate::challenge::fate::Fate;
use crate::challenge::{self, LONGEST};
use crate::message::{self, Channel};
use crate::moment::Moment;
use crate::name::Name;

/// The messages on their way, bounded: the oldest is forgotten first.
#[derive(Debug)]
pub struct Receipts {
    kept: Mutex<Kept>,
    most: usize,
}

/// A message that a carrier took.
#[derive(Clone, Copy, Debug)]
pub struct Carried<'a> {
    /// The carrier. What another one tells by the same name is not about this message.
    pub carrier: &'a Name,
    /// The carrier's name for the message.
    pub theirs: &'a str,
    /// Ours.
    pub ours: &'a message::Id,
    /// How it goes.
    pub channel: Channel,
    /// The challenge, and when the message was asked for there; none where nobody waits at a page.
    pub challenge: Option<(challenge::Id, Moment)>,
}

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// For the page.
    pub fate: Fate,
    /// For logs and metrics: `sent`, `delivered`, or the word for a failure.
    pub state: &'static str,
    /// The vendor's code of a failure.
    pub code: Option<String>,
}

/// How long after it was taken receipts of a message are heard: as long as anybody can wait for its code, and some
/// minutes more, in which they still count in metrics.
pub const LATE: Duration = LONGEST.saturating_add(Duration::from_mins(5));

/// How long a receipt waits for its message: as long as a carrier's own answer can take (`[delivery] timeout`).
const EARLY: Duration = Duration::from_secs(30);

/// And how many do. Only who has the secret of the address comes so far: with a vendor's account that sends more than
/// codes, receipts of all its other messages come in as well.
const MOST_EARLY: usize = 1_000;

/// Of a carrier's name and a message's. A vendor's own may be of any length, and a hash is not.
type Key = [u8; 16];

#[derive(Debug, Default)]
struct Kept {
    /// The numbers of messages by their names. None: two claim the name, so that it is nobody's.
    numbers: HashMap<Key, Option<u64>>,
    /// In the order in which they were taken.
    notes: VecDeque<Note>,
    /// The number of the first of them.
    first: u64,
    early: VecDeque<Early>,
}

#[derive(Debug)]
struct Note {
    keys: [Key; 2],
    channel: Channel,
    challenge: Option<(challenge::Id, Moment)>,
    fate: Option<Fate>,
    until: Duration,
}

#[derive(Debug)]
struct Early {
    key: Key,
    word: Word,
    until: Duration,
}

impl Store {
    /// A carrier took a message. Gives what was told of it already, and is news.
    pub fn carried(&self, carried: &Carried<'_>, now: Moment) -> Vec<Word> {
        let early = self.receipts.note(carried, now);
        if let Some(challenge) = &carried.challenge {
            for fate in std::iter::once(Fate::Sent).chain(early.iter().map(|word| word.fate)) {
                self.told_to(challenge, fate, now);
            }
        }
        early
    }

    /// What a carrier tells of a message by its name or ours. Gives how that message went, if this is news; what was
    /// told before, or is about no message of ours, changes nothing.
    pub fn told(&self, carrier: &Name, id: &str, word: &Word, now: Moment) -> Option<Channel> {
        let (channel, challenge) = self.receipts.told(carrier, id, word, now)?;
        if let Some(challenge) = &challenge {
            self.told_to(challenge, word.fate, now);
        }
        Some(channel)
    }

    fn told_to(&self, (id, sent): &(challenge::Id, Moment), fate: Fate, now: Moment) {
        if let Some(mut entry) = self.challenges.get_mut(id) {
            entry.challenge.told(*sent, fate, now);
        }
    }
}

impl Receipts {
    /// None yet, at most so many.
    pub fn bounded(most: usize) -> Self {
        Self {
            kept: Mutex::default(),
            most,
        }
    }

    fn note(&self, carried: &Carried<'_>, now: Moment) -> Vec<Word> {
        let name = |id| key(carried.carrier, id);
        let keys = [name(carried.theirs), name(carried.ours.as_str())];
        let mut kept = self.kept();
        kept.forget_ended(now);
        while kept.notes.len() >= self.most.max(1) {
            kept.forget_oldest();
        }
        let mut note = Note {
            keys,
            channel: carried.channel,
            challenge: carried.challenge,
            fate: None,
            until: now.mono + LATE,
        };
        let mut news = Vec::new();
        kept.early.retain(|early| {
            let its = keys.contains(&early.key);
            if its && note.learns(early.word.fate) {
                news.push(early.word.clone());
            }
            !its
        });
        kept.keep(note);
        news
    }

    fn told(
        &self,
        carrier: &Name,
        id: &str,
        word: &Word,
        now: Moment,
    ) -> Option<(Channel, Option<(challenge::Id, Moment)>)> {
        let key = key(carrier, id);
        let mut kept = self.kept();
        kept.forget_ended(now);
        if let Some(number) = kept.numbers.get(&key).copied() {
            let note = kept.note(number?)?;
            return note
                .learns(word.fate)
                .then_some((note.channel, note.challenge));
        }
        if kept.early.len() >= MOST_EARLY {
            kept.early.pop_front();
        }
        kept.early.push_back(Early {
            key,
            word: word.clone(),
            until: now.mono + EARLY,
        });
        None
    }

    /// Forgets what nobody will tell of any more.
    pub fn sweep(&self, now: Moment) {
        self.kept().forget_ended(now);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Whole after each step: a panic in another one leaves nothing half done that would matter.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn keep(&mut self, note: Note) {
        let number = self.first + self.notes.len() as u64;
        let [theirs, ours] = note.keys;
        for key in std::iter::once(theirs).chain((ours != theirs).then_some(ours)) {
            let claimed = self.numbers.entry(key);
            claimed.and_modify(|it| *it = None).or_insert(Some(number));
        }
        self.notes.push_back(note);
    }

    fn note(&mut self, number: u64) -> Option<&mut Note> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.notes.get_mut(place)
    }

    fn forget_ended(&mut self, now: Moment) {
        while self
            .notes
            .front()
            .is_some_and(|note| note.until <= now.mono)
        {
            self.forget_oldest();
        }
        while self
            .early
            .front()
            .is_some_and(|early| early.until <= now.mono)
        {
            self.early.pop_front();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(note) = self.notes.pop_front() else {
            return;
        };
        for key in note.keys {
            // A later message may have taken over a name that two had claimed.
            if self
                .numbers
                .get(&key)
                .is_some_and(|number| number.is_none_or(|number| number == self.first))
            {
                self.numbers.remove(&key);
            }
        }
        self.first += 1;
    }
}

impl Note {
    /// Takes in what was told. False if it says no more than what was told before.
    fn learns(&mut self, fate: Fate) -> bool {
        let news = self.fate.is_none_or(|known| known < fate);
        if news {
            self.fate = Some(fate);
        }
        news
    }
}

fn key(carrier: &Name, id: &str) -> Key {
    // A carrier's name has no line break in it.
    let hash = Sha256::new()
        .chain_update(carrier.as_str())
        .chain_update("\n")
        .chain_update(id)
        .finalize();
    let mut key = Key::default();
    key.copy_from_slice(&hash[..16]);
    key
}

#[cfg(test)]
mod tests;
