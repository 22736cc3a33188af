//! What must be remembered between requests: challenges and holds, counters, revocations.
//!
//! Everything is in memory, bounded, and hides its locks behind methods that do one whole step. A lock of one map
//! may be taken under a lock of another only in the order challenges, running, holds, failures, tallies, quarantine, and
//! the journal's under any; that of receipts is taken alone. Counters, revocations and the quarantine are written to disk
//! as they change; an answer that rests on them waits for [`Store::settled`].
//! The step that answers a challenge compares, counts and spends under one lock (C3).

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use dashmap::DashMap;
use dashmap::mapref::one::RefMut;

use crate::challenge::{self, Answer, Brought, Challenge, MaySend, Mistake, Question, Trouble};
use crate::grant::{self, Grant};
use crate::hold::release::Release;
use crate::hold::{Destination, Hold};
use crate::limit;
use crate::message::Channel;
use crate::moment::Moment;
use crate::name::Name;
use crate::peer::Network;
use crate::seal::BrowserSecret;
use crate::subject::Subject;

pub mod counters;
pub mod durable;
pub mod entrusted;
pub mod fresh;
pub mod holds;
pub mod issued;
pub mod key;
pub mod logins;
mod print;
pub mod quarantine;
pub mod receipts;
pub mod relayed;
pub mod revoked;

use self::counters::{Counters, Part};
use self::durable::file::NotOpened;
use self::durable::restore::Restored;
use self::durable::{Journal, NotKept};
use self::fresh::Fresh;
use self::holds::Holds;
use self::issued::Issued;
use self::logins::Logins;
use self::quarantine::Quarantine;
use self::receipts::Receipts;
use self::revoked::Revoked;

/// `[store.memory]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The state directory: the session key is made here at first start, and the state file.
    pub path: PathBuf,
    /// Whether limits, sign-outs and the quarantine outlive the process.
    pub durable: bool,
}

/// Everything that is remembered, shared by all workers.
#[derive(Debug)]
pub struct Store {
    /// Whose grants are over.
    pub revoked: Revoked,
    /// What happened how often.
    pub counters: Counters,
    /// What waits for a code.
    pub holds: Holds,
    /// Sessions of applications that are nobody's yet.
    pub fresh: Fresh,
    /// Cookie values of logins that wait for a code.
    pub quarantine: Quarantine,
    /// Browsers whose scripts have logged in, and which have yet to give a code.
    pub relayed: relayed::Relayed,
    /// Which challenge a message belongs to.
    receipts: Receipts,
    /// Codes that the API sent.
    pub issued: Issued,
    /// Failed logins at the API.
    pub logins: Logins,
    journal: Journal,
    seen: u64,
    challenges: DashMap<challenge::Id, Entry>,
    running: DashMap<Running, (challenge::Id, Duration)>,
    unused: DashMap<grant::Id, (challenge::Id, Duration)>,
    count: AtomicUsize,
    most: usize,
    /// Those of [`Counters`].
    limits: Arc<ArcSwap<limit::Settings>>,
}

/// The most challenges at once. One takes about 0.5 KB, so they end at some 50 MB.
pub const MOST_CHALLENGES: usize = 100_000;

/// A map is at its bound: the newest stranger is refused, never an existing session (A1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no room for another one now")]
pub struct Full;

/// A second tab joins what runs for the same browser, site, scope and name of the subject.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Running {
    browser: challenge::Browser,
    site: Name,
    scope: Name,
    named: Subject,
}

#[derive(Debug)]
struct Entry {
    challenge: Challenge,
    reward: Option<Reward>,
    turn: Option<Arc<tokio::sync::Mutex<()>>>,
}

/// What the right answer gets, and gets again on a double click.
#[derive(Debug, Clone)]
pub struct Reward {
    /// The grant.
    pub grant: Grant,
    /// The browser's new secret (S4).
    pub secret: BrowserSecret,
    /// And what a challenge keeps of it.
    pub browser: challenge::Browser,
    /// Where to go.
    pub destination: Destination,
    /// Whether a held request is replayed there.
    pub replay: bool,
    /// What was lost on the way, so that the visitor must do it again.
    pub lost: Option<Lost>,
    /// What the application answered to the login that began it.
    pub release: Option<Arc<Release>>,
}

/// What did not wait until the right code came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// A request that was to be replayed.
    Request,
    /// The application's answer to the login: it had waited for longer than it may.
    Login,
}

/// What a page shows of a challenge.
#[derive(Debug, Clone)]
pub struct View {
    /// What is asked of whom.
    pub question: Question,
    /// The last send.
    pub last_send: Option<challenge::Send>,
    /// How often a message was asked for.
    pub sends: u8,
    /// How many codes could be entered now.
    pub living: usize,
    /// When the newest code ends.
    pub code_until: Option<Duration>,
    /// Why no message came.
    pub trouble: Option<Trouble>,
    /// What the visitor did last.
    pub mistake: Option<Mistake>,
    /// Wrong answers left.
    pub left: u8,
    /// Whether another code may be asked for.
    pub may_send: MaySend,
    /// Where the finished one led.
    pub reward: Option<Reward>,
}

/// What an attempt came to.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, taken apart where it is made"
)]
pub enum Attempt {
    /// The right answer, first or repeated.
    Opened {
        /// What to hand out.
        reward: Reward,
        /// False for a double click.
        first: bool,
        /// The message that brought the code, the first time.
        brought: Option<Brought>,
    },
    /// Not opened; the page says why.
    Refused(Refused),
    /// There is no such challenge for this browser.
    Gone,
}

/// Why an attempt opened nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Another code than those sent.
    Wrong,
    /// No code lives.
    Expired,
    /// This challenge's wrong answers are used up.
    Spent,
    /// This subject's are, for a while.
    Locked,
    /// It was answered before.
    Finished,
}

/// What asking for a message came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// A message may go out.
    Go,
    /// Not now; the page says why.
    NotNow,
    /// Not from this challenge: begin another one.
    BeginAnew,
    /// There is no such challenge for this browser.
    Gone,
}

impl Store {
    /// An empty one under these limits, which ends with the process.
    pub fn new(limits: limit::Settings) -> Self {
        Self::bounded(limits, MOST_CHALLENGES)
    }

    /// The same, for so many challenges and as many holds.
    pub fn bounded(limits: limit::Settings, most: usize) -> Self {
        let counters = Counters::new(limits);
        let rest = (Revoked::default(), Quarantine::default());
        Self::with(most, Journal::default(), counters, rest)
    }

    /// One that goes on where the last one in this state directory ended, or, with `durable` off, begins anew.
    ///
    /// # Errors
    /// [`NotOpened`], and then nothing may start: counting from nothing would make every limit easier (A4).
    pub fn open(
        settings: &Settings,
        limits: limit::Settings,
        most: usize,
        now: Moment,
    ) -> Result<Self, NotOpened> {
        if !settings.durable {
            return Ok(Self::bounded(limits, most));
        }
        let (journal, kept) = Journal::open(&settings.path, now)?;
        Ok(Self::restored(limits, most, journal, kept))
    }

    /// The latest time that the last process here is known to have seen, in seconds since 1970; 0 if nobody knows.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    fn restored(
        limits: limit::Settings,
        most: usize,
        journal: Journal,
        mut kept: Restored,
    ) -> Self {
        let counters = Counters::restored(limits, journal.clone(), &mut kept);
        let rest = (
            Revoked::restored(journal.clone(), &mut kept),
            Quarantine::restored(journal.clone(), &mut kept),
        );
        let mut store = Self::with(most, journal, counters, rest);
        store.seen = kept.seen;
        store
    }

    fn with(
        most: usize,
        journal: Journal,
        counters: Counters,
        (revoked, quarantine): (Revoked, Quarantine),
    ) -> Self {
        let limits = counters.limits();
        Self {
            seen: 0,
            revoked,
            counters,
            holds: Holds::new(most),
            quarantine,
            relayed: relayed::Relayed::default(),
            issued: Issued::default(),
            logins: Logins::default(),
            journal,
            challenges: DashMap::new(),
            running: DashMap::new(),
            unused: DashMap::new(),
            fresh: Fresh::default(),
            receipts: Receipts::bounded(most),
            count: AtomicUsize::new(0),
            most,
            limits,
        }
    }

    /// Other limits count from now on (A6). What was counted stays.
    pub fn hold_to(&self, limits: limit::Settings) {
        self.limits.store(Arc::new(limits));
    }

    /// Resolves when everything that was counted, revoked or kept back before this call is on disk: what rests on it may be
    /// given then, and not before (A4). At once where nothing is kept.
    ///
    /// # Errors
    /// [`NotKept`]: it may not be given (A7).
    pub fn settled(&self) -> impl Future<Output = Result<(), NotKept>> + Send + use<> {
        self.journal.settled()
    }

    /// Writes as if something had been counted: whether it was must not show in how long the next answer takes (C7).
    pub fn touch(&self) {
        self.journal.touch();
    }

    /// Writes what is left and lets go of the state directory. What is counted afterwards is not kept.
    pub fn close(&self) {
        self.journal.close();
    }

    /// Begins a challenge named `id`, or joins the one that runs for the same browser, site, scope and name of the subject.
    ///
    /// # Errors
    /// [`Full`] at the bound.
    pub fn ask(
        &self,
        question: Question,
        id: challenge::Id,
        now: Moment,
    ) -> Result<challenge::Id, Full> {
        let running = Running {
            browser: question.browser,
            site: question.site.clone(),
            scope: question.scope.name.clone(),
            named: question.named.clone(),
        };
        if let Some(joined) = self.runs(&running, now) {
            return Ok(joined);
        }
        let most = room(self.most, question.entry);
        // Counting first keeps the bound under simultaneous beginnings: the map's own length is not a reservation.
        if self.count.fetch_add(1, Ordering::Relaxed) >= most {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return Err(Full);
        }
        self.challenges.insert(
            id,
            Entry {
                challenge: Challenge::ask(question, now),
                reward: None,
                turn: None,
            },
        );
        self.running
            .insert(running, (id, now.mono + challenge::LONGEST));
        Ok(id)
    }

    /// The challenge that [`Store::ask`] would join, if one runs.
    pub fn joined(
        &self,
        browser: &challenge::Browser,
        (site, scope): (&Name, &Name),
        named: &Subject,
        now: Moment,
    ) -> Option<challenge::Id> {
        let running = Running {
            browser: *browser,
            site: site.clone(),
            scope: scope.clone(),
            named: named.clone(),
        };
        self.runs(&running, now)
    }

    fn runs(&self, running: &Running, now: Moment) -> Option<challenge::Id> {
        let open = |id: &challenge::Id| {
            self.challenges.get(id).is_some_and(|entry| {
                let challenge = &entry.challenge;
                let alive = challenge.ends() > now.mono && !challenge.finished();
                alive
                    && challenge.may_send(u8::MAX, self.limits.load().wrong_per_challenge, now)
                        != MaySend::BeginAnew
            })
        };
        self.running.get(running).map(|found| found.0).filter(open)
    }

    /// What a page may show of a challenge to the browser that began it, or that won it.
    pub fn view(
        &self,
        id: &challenge::Id,
        browser: &challenge::Browser,
        now: Moment,
    ) -> Option<View> {
        let entry = self.challenges.get(id)?;
        let Entry {
            challenge, reward, ..
        } = &*entry;
        if challenge.ends() <= now.mono || !entry.is_of(browser) {
            return None;
        }
        Some(View {
            question: challenge.question().clone(),
            last_send: challenge.last_send(),
            sends: challenge.sends(),
            living: challenge.living(now),
            code_until: challenge.code_until(),
            trouble: challenge.trouble(),
            mistake: challenge.mistake(),
            left: challenge.left(self.limits.load().wrong_per_challenge),
            may_send: challenge.may_send(
                self.limits.load().sends_per_challenge,
                self.limits.load().wrong_per_challenge,
                now,
            ),
            reward: reward.clone(),
        })
    }

    /// Counts a send that the visitor asked for and takes in its code's hash, which may be one that no code has.
    pub fn send(
        &self,
        id: &challenge::Id,
        browser: &challenge::Browser,
        mac: challenge::Mac,
        channel: Channel,
        network: Network,
        now: Moment,
    ) -> Sending {
        let Some(mut entry) = self.of(id, browser, now) else {
            return Sending::Gone;
        };
        let challenge = &mut entry.challenge;
        match challenge.may_send(
            self.limits.load().sends_per_challenge,
            self.limits.load().wrong_per_challenge,
            now,
        ) {
            MaySend::Yes => {}
            MaySend::Wait(_) => {
                challenge.note(Mistake::TooEarly);
                return Sending::NotNow;
            }
            MaySend::NoMore => {
                let until = now.unix + challenge.ends().saturating_sub(now.mono).as_secs();
                challenge.note(Mistake::SendLimit { until });
                return Sending::NotNow;
            }
            MaySend::BeginAnew => return Sending::BeginAnew,
        }
        // Known and unknown subjects count alike here: what a network may ask for tells nothing about who exists.
        if let Err(limit::Over(wait)) = self.counters.network(network, channel, now) {
            challenge.note(Mistake::SendLimit {
                until: now.unix + wait.as_secs(),
            });
            return Sending::NotNow;
        }
        challenge.send(mac, channel, now);
        Sending::Go
    }

    /// Puts the hash of a code that is about to go out in the place of the one [`Self::send`] took in.
    /// False if the challenge is gone or that place is.
    pub fn arm(
        &self,
        id: &challenge::Id,
        placeholder: &challenge::Mac,
        mac: challenge::Mac,
    ) -> bool {
        self.challenges
            .get_mut(id)
            .is_some_and(|mut entry| entry.challenge.arm(placeholder, mac))
    }

    /// A carrier took the message whose code has this hash.
    pub fn sent(&self, id: &challenge::Id, mac: &challenge::Mac, carrier: &Name) {
        if let Some(mut entry) = self.challenges.get_mut(id) {
            entry.challenge.sent(mac, carrier.clone());
        }
    }

    /// A challenge that lasts, for a browser that may answer it.
    fn of(
        &self,
        id: &challenge::Id,
        browser: &challenge::Browser,
        now: Moment,
    ) -> Option<RefMut<'_, challenge::Id, Entry>> {
        let entry = self.challenges.get_mut(id)?;
        (entry.challenge.ends() > now.mono && entry.is_of(browser)).then_some(entry)
    }

    /// Notes what became of the send of the code with this hash.
    pub fn report(&self, id: &challenge::Id, mac: &challenge::Mac, trouble: Option<Trouble>) {
        if let Some(mut entry) = self.challenges.get_mut(id) {
            entry.challenge.report(mac, trouble);
        }
    }

    /// Notes what the visitor is to be told.
    pub fn note(&self, id: &challenge::Id, browser: &challenge::Browser, mistake: Mistake) {
        if let Some(mut entry) = self
            .challenges
            .get_mut(id)
            .filter(|entry| entry.is_of(browser))
        {
            entry.challenge.note(mistake);
        }
    }

    /// One attempt, whole: admits it, counts it, compares it, and for the first right one makes the reward.
    ///
    /// `reward` is called under the lock, at most once for a challenge in all its life.
    pub fn answer(
        &self,
        id: &challenge::Id,
        browser: &challenge::Browser,
        mac: &challenge::Mac,
        part: Part,
        now: Moment,
        reward: impl FnOnce(challenge::Verified, Option<Hold>) -> Reward,
    ) -> Attempt {
        let Some(mut entry) = self.of(id, browser, now) else {
            return Attempt::Gone;
        };
        if entry
            .challenge
            .compares(self.limits.load().wrong_per_challenge, now)
            && let Err(refused) = self.admit(&mut entry, part, now)
        {
            return Attempt::Refused(refused);
        }
        self.compare(id, &mut entry, mac, part, now, reward)
    }

    /// Counts an attempt as a failure of its subject before it is compared.
    fn admit(&self, entry: &mut Entry, part: Part, now: Moment) -> Result<(), Refused> {
        let question = entry.challenge.question();
        if let Err(locked) = self.counters.failure(question, part, now) {
            let until = locked.wait.map(|wait| now.unix + wait.as_secs());
            entry.challenge.note(Mistake::Locked { until });
            return Err(Refused::Locked);
        }
        if self.counters.failure_behind(question, part, now).is_err() {
            entry.challenge.miss();
            return Err(Refused::Locked);
        }
        Ok(())
    }

    /// Compares and spends.
    fn compare(
        &self,
        id: &challenge::Id,
        entry: &mut Entry,
        mac: &challenge::Mac,
        part: Part,
        now: Moment,
        reward: impl FnOnce(challenge::Verified, Option<Hold>) -> Reward,
    ) -> Attempt {
        let question = entry.challenge.question().clone();
        let limit = self.limits.load().wrong_per_challenge;
        match entry.challenge.answer(mac, limit, now) {
            Answer::Right(verified) => {
                self.counters.success(&question, part);
                let hold = self.holds.take(&question);
                let made = reward(verified, hold);
                self.unused
                    .insert(made.grant.id(), (*id, now.mono + challenge::AGAIN));
                entry.reward = Some(made.clone());
                Attempt::Opened {
                    reward: made,
                    first: true,
                    brought: entry.challenge.brought().cloned(),
                }
            }
            Answer::Again => match &entry.reward {
                Some(reward) => Attempt::Opened {
                    reward: reward.clone(),
                    first: false,
                    brought: None,
                },
                None => Attempt::Refused(Refused::Finished),
            },
            Answer::Wrong => Attempt::Refused(Refused::Wrong),
            Answer::Expired => Attempt::Refused(Refused::Expired),
            Answer::Spent => Attempt::Refused(Refused::Spent),
            Answer::Finished => Attempt::Refused(Refused::Finished),
        }
    }

    /// A grant was used for a request: the code that earned it says nothing any more (design section 3, Codes).
    pub fn used(&self, grant: &grant::Id) {
        let Some((_, (id, _))) = self.unused.remove(grant) else {
            return;
        };
        if let Some(mut entry) = self.challenges.get_mut(&id) {
            entry.challenge.used();
            // Nobody gets it a second time any more: the application's cookies need not wait in memory.
            if let Some(reward) = &mut entry.reward {
                reward.release = None;
            }
        }
    }

    /// Forgets a challenge and what waited for it: its visitor does not want it any more.
    pub fn cancel(&self, id: &challenge::Id, browser: &challenge::Browser) {
        let removed = self.challenges.remove_if(id, |_, entry| {
            entry.is_of(browser) && !entry.challenge.finished()
        });
        if let Some((_, entry)) = removed {
            self.count.fetch_sub(1, Ordering::Relaxed);
            self.holds.take(entry.challenge.question());
        }
    }

    /// Forgets what has ended. One task calls it about once a second.
    pub fn sweep(&self, now: Moment) {
        self.journal.tick(now);
        self.challenges.retain(|_, entry| {
            let stays = entry.challenge.ends() > now.mono;
            if !stays {
                self.count.fetch_sub(1, Ordering::Relaxed);
            }
            stays
        });
        self.running.retain(|_, (_, until)| *until > now.mono);
        self.unused.retain(|_, (_, until)| *until > now.mono);
        self.fresh.sweep(now);
        self.receipts.sweep(now);
        self.holds.sweep(now);
        self.quarantine.sweep(now);
        self.relayed.sweep(now);
        self.counters.sweep(now);
        self.revoked.sweep(now);
        self.issued.sweep(now);
        self.logins.sweep(now);
    }

    /// Whether another challenge could be begun for who comes so.
    pub fn has_room(&self, entry: challenge::Entry) -> bool {
        self.len() < room(self.most, entry)
    }

    /// How many challenges there are.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether nobody is being asked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// How many of `most` places there are for who comes so. The last eighth is for people who have shown who they are:
/// strangers, however many, leave them their step-up (A1).
fn room(most: usize, entry: challenge::Entry) -> usize {
    if entry.proven() {
        most
    } else {
        most - most / 8
    }
}

impl Entry {
    fn is_of(&self, browser: &challenge::Browser) -> bool {
        // Keyed hashes of 128 random bits: comparing them tells nothing that helps to make one. The browser that won
        // has a new secret, and its second click may come with either.
        self.challenge.question().browser == *browser
            || self
                .reward
                .as_ref()
                .is_some_and(|reward| reward.browser == *browser)
    }
}

#[cfg(test)]
mod tests;
