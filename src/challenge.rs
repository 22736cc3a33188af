//! One question to one browser: is it them?
//!
//! A challenge is a value that [`crate::store`] keeps under a lock; everything here is pure. The codes themselves
//! are never in it, only their keyed hashes (C8).

use std::sync::Arc;
use std::time::Duration;

use subtle::ConstantTimeEq;

use crate::message::Channel;
use crate::moment::Moment;
use crate::name::Name;
use crate::scope::Scope;
use crate::subject::Subject;

pub mod fate;

use self::fate::{Fate, Heard};

/// 128 random bits that name a challenge in its address. Not a secret: the browser secret is asked for as well.
pub type Id = [u8; 16];

/// A keyed hash of a code, bound to one challenge.
pub type Mac = [u8; 32];

/// A keyed hash of a browser secret.
pub type Browser = [u8; 32];

/// How the subject came to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// They named themself on the ask page; nothing is proven about them.
    Ask,
    /// They hold a grant for another scope of the site.
    StepUp,
    /// Their grant for this scope ran out.
    Renewal,
    /// The application took their password.
    Capture,
    /// They posted a login, and nobody can tell whether the application took it.
    Doubt,
}

impl Entry {
    /// Whether the subject has shown anything before this code: only then are digits of the number shown, and what
    /// became of the message told.
    #[must_use]
    pub fn proven(self) -> bool {
        match self {
            Self::Ask | Self::Doubt => false,
            Self::StepUp | Self::Renewal | Self::Capture => true,
        }
    }
}

/// A code that a vendor made and checks: we know only how to ask. It may hold the number: it is not for logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    /// The carrier to ask.
    pub carrier: Name,
    /// What to ask it for.
    pub handle: String,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Remote({})", self.carrier)
    }
}

/// What a right code proves: this subject, for this scope of this site. Only [`Challenge::answer`] makes one.
#[derive(Debug)]
pub struct Verified {
    site: Name,
    scope: Arc<Scope>,
    subject: Subject,
    entry: Entry,
}

impl Verified {
    /// Site, scope, subject and entry, for the grant.
    pub(crate) fn into_parts(self) -> (Name, Arc<Scope>, Subject, Entry) {
        (self.site, self.scope, self.subject, self.entry)
    }
}

/// What is asked of whom.
#[derive(Debug, Clone)]
pub struct Question {
    /// The site's name.
    pub site: Name,
    /// What the code will be good for.
    pub scope: Arc<Scope>,
    /// Who is asked; for a name that nobody has, the name as typed.
    pub subject: Subject,
    /// What they are called by whoever began it. Two names of one person begin two challenges, as two names that
    /// nobody has do: joining them would tell who has both (C7).
    pub named: Subject,
    /// How they came.
    pub entry: Entry,
    /// The browser that may answer.
    pub browser: Browser,
}

/// A question, the codes that answer it, and what became of it.
#[derive(Debug)]
pub struct Challenge {
    question: Question,
    began: Moment,
    codes: Vec<Live>,
    sends: u8,
    last_send: Option<Send>,
    trouble: Option<Trouble>,
    wrong: u8,
    mistake: Option<Mistake>,
    won: Option<Won>,
    brought: Option<Brought>,
}

#[derive(Debug)]
struct Live {
    mac: Mac,
    until: Duration,
    channel: Channel,
    /// Who took the message, once that is known.
    carrier: Option<Name>,
    /// What to ask its vendor, if the code is the vendor's own; then nothing has the hash `mac`.
    remote: Option<Remote>,
}

#[derive(Debug, Clone, Copy)]
struct Won {
    mac: Mac,
    at: Duration,
    used: bool,
}

/// A message that brought the right code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// Who carried it.
    pub carrier: Name,
    /// How.
    pub channel: Channel,
}

/// The last send of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Send {
    /// When.
    pub at: Moment,
    /// How.
    pub channel: Channel,
    /// What became of its message, as far as the carrier tells; always none where nothing is proven ([`Entry::proven`]).
    pub heard: Option<Heard>,
}

/// Why no message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No carrier took it; another try may help.
    Carrier,
    /// The number cannot get it this way.
    Number,
}

/// What the visitor did last, to be told on the next page (post/redirect/get).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// Nothing was typed.
    Empty,
    /// So many digits were typed.
    Length(usize),
    /// Something else than digits was typed.
    NotDigits,
    /// A code that was not sent.
    Wrong,
    /// Nobody could say whether it is the code: its vendor did not answer.
    Unchecked,
    /// Right once, or not, but no code lives any more.
    Expired,
    /// A form whose token was not for this browser.
    Stale,
    /// Asked for another code before the wait was over.
    TooEarly,
    /// Asked for another code when the challenge, the number, the network or the scope had had enough.
    SendLimit {
        /// When it may be asked again, unix seconds.
        until: u64,
    },
    /// Too many wrong answers for this subject: nothing is compared until then.
    Locked {
        /// Unix seconds; `None` means until the operator lifts it.
        until: Option<u64>,
    },
}

/// What an answer did.
#[derive(Debug)]
pub enum Answer {
    /// It was right: the first to say so gets the proof.
    Right(Verified),
    /// The same right answer again, within [`AGAIN`] and before the grant was used: a double click.
    Again,
    /// It was not one of the codes.
    Wrong,
    /// There is no living code to compare with.
    Expired,
    /// The wrong answers are used up.
    Spent,
    /// Answered before.
    Finished,
}

/// Whether and how a code may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaySend {
    /// Now.
    Yes,
    /// After so long.
    Wait(Duration),
    /// No more from this challenge: it had all its sends.
    NoMore,
    /// Not from this challenge: it is spent, or ends within [`TOO_LATE`]. A new one may be begun.
    BeginAnew,
}

/// A double click gets the same answer again for so long (design section 3).
pub const AGAIN: Duration = Duration::from_mins(1);

/// The longest life of a challenge, whatever its codes (design section 3).
pub const LONGEST: Duration = Duration::from_mins(10);

/// A code that would live shorter than this is not worth its message.
const TOO_LATE: Duration = Duration::from_mins(1);

/// Waits before the second, third and further sends (C6).
const WAITS: [Duration; 3] = [
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(2),
];

/// How many codes of one challenge live side by side (C2).
const SIDE_BY_SIDE: usize = 3;

impl Challenge {
    /// A question that is asked now; no code has been sent for it yet.
    pub fn ask(question: Question, now: Moment) -> Self {
        Self {
            question,
            began: now,
            codes: Vec::new(),
            sends: 0,
            last_send: None,
            trouble: None,
            wrong: 0,
            mistake: None,
            won: None,
            brought: None,
        }
    }

    /// What is asked of whom.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// When it is forgotten: [`LONGEST`] after it began, or [`AGAIN`] after a right answer if that is later.
    ///
    /// Its codes end before; until it is forgotten the page can still say so and offer another.
    pub fn ends(&self) -> Duration {
        let longest = self.began.mono + LONGEST;
        self.won.map_or(longest, |won| longest.max(won.at + AGAIN))
    }

    /// When the newest code ends; none if none was sent.
    pub fn code_until(&self) -> Option<Duration> {
        self.codes
            .last()
            .map(|code| code.until.min(self.began.mono + LONGEST))
    }

    /// The last send, if there was one.
    pub fn last_send(&self) -> Option<Send> {
        self.last_send
    }

    /// How many messages were asked for.
    pub fn sends(&self) -> u8 {
        self.sends
    }

    /// Why the last message did not go out, if it is known that it did not.
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }

    /// What became of the send of the code with this hash. A code that did not go out ends at once; the page is told of
    /// it only if no newer one is on its way.
    pub fn report(&mut self, mac: &Mac, trouble: Option<Trouble>) {
        if self.codes.last().is_none_or(|newest| newest.mac == *mac) {
            self.trouble = trouble;
        }
        if trouble.is_some() {
            self.codes.retain(|code| code.mac != *mac);
        }
    }

    /// How many codes could be entered now.
    pub fn living(&self, now: Moment) -> usize {
        self.codes
            .iter()
            .filter(|code| code.until > now.mono)
            .count()
    }

    /// What the visitor is to be told.
    pub fn mistake(&self) -> Option<Mistake> {
        self.mistake
    }

    /// Notes what the visitor is to be told.
    pub fn note(&mut self, mistake: Mistake) {
        self.mistake = Some(mistake);
    }

    /// How many wrong answers are left of `limit`.
    pub fn left(&self, limit: u8) -> u8 {
        limit.saturating_sub(self.wrong)
    }

    /// Whether it was answered rightly.
    pub fn finished(&self) -> bool {
        self.won.is_some()
    }

    /// Whether a code may be sent now.
    pub fn may_send(&self, sends_limit: u8, wrong_limit: u8, now: Moment) -> MaySend {
        if self.wrong >= wrong_limit || now.mono + TOO_LATE > self.began.mono + LONGEST {
            return MaySend::BeginAnew;
        }
        if self.sends >= sends_limit || self.won.is_some() {
            return MaySend::NoMore;
        }
        let Some(last) = self.last_send else {
            return MaySend::Yes;
        };
        let wait = WAITS[usize::from(self.sends.saturating_sub(1)).min(WAITS.len() - 1)];
        let left = (last.at.mono + wait).saturating_sub(now.mono);
        if left.is_zero() {
            MaySend::Yes
        } else {
            MaySend::Wait(left)
        }
    }

    /// Takes in a code that is about to be sent. The oldest of more than three living codes ends here.
    pub fn send(&mut self, mac: Mac, channel: Channel, now: Moment) {
        self.codes.retain(|code| code.until > now.mono);
        if self.codes.len() == SIDE_BY_SIDE {
            self.codes.remove(0);
        }
        let until = (now.mono + self.question.scope.code_life).min(self.began.mono + LONGEST);
        self.codes.push(Live {
            mac,
            until,
            channel,
            carrier: None,
            remote: None,
        });
        self.sends += 1;
        self.last_send = Some(Send {
            at: now,
            channel,
            heard: None,
        });
        self.trouble = None;
        self.mistake = None;
    }

    /// Puts the hash of a real code in the place of `placeholder`. False if that place has ended meanwhile.
    pub fn arm(&mut self, placeholder: &Mac, mac: Mac) -> bool {
        let place = self.codes.iter_mut().find(|code| code.mac == *placeholder);
        place.map(|code| code.mac = mac).is_some()
    }

    /// A carrier took the message whose code has this hash.
    pub fn sent(&mut self, mac: &Mac, carrier: Name) {
        if let Some(code) = self.codes.iter_mut().find(|code| code.mac == *mac) {
            code.carrier = Some(carrier);
        }
    }

    /// The message went out with a code of the vendor's instead of the one with the hash `mac`, which nobody has: `none`,
    /// a hash that no code has, takes its place. The vendor keeps one code at a time, so one that it sent earlier ends.
    ///
    /// A stranger's keeps its place, as it would if nothing had been sent: how many codes live must not show (C7).
    pub fn entrust(&mut self, mac: &Mac, remote: Remote, none: Mac) {
        let Some(place) = self.codes.iter().position(|code| code.mac == *mac) else {
            return;
        };
        let proven = self.question.entry.proven();
        for code in &mut self.codes[..place] {
            if !proven {
                code.remote = None;
            }
        }
        let code = &mut self.codes[place];
        code.mac = none;
        code.carrier = Some(remote.carrier.clone());
        code.remote = Some(remote);
        let mut at = 0;
        self.codes.retain(|code| {
            at += 1;
            at - 1 == place || code.remote.is_none()
        });
    }

    /// Whose vendor must be asked about an answer with this hash: the one of the newest living code that is not ours,
    /// unless the answer is a code of ours or would not be compared.
    pub fn entrusted(&self, mac: &Mac, wrong_limit: u8, now: Moment) -> Option<Remote> {
        if !self.compares(wrong_limit, now) || self.knows(mac, now) {
            return None;
        }
        let mut living = self.codes.iter().rev().filter(|code| code.until > now.mono);
        living.find_map(|code| code.remote.clone())
    }

    /// Whether the hash is that of a living code of ours, or of one that its vendor [vouched](Self::vouched) for.
    pub fn knows(&self, mac: &Mac, now: Moment) -> bool {
        let living = self.codes.iter().filter(|code| code.until > now.mono);
        let known = living.fold(subtle::Choice::from(0), |known, code| {
            known | code.mac.ct_eq(mac)
        });
        bool::from(known)
    }

    /// An answer is on its way to a vendor: it counts as wrong before anybody compares it, so that however many are
    /// under way, and whoever goes away meanwhile, no more are compared than may be (C3).
    pub fn reserve(&mut self) {
        self.wrong = self.wrong.saturating_add(1);
    }

    /// What was [reserved](Self::reserve) was not wrong, or nobody knows.
    pub fn give_back(&mut self) {
        self.wrong = self.wrong.saturating_sub(1);
    }

    /// The vendor behind `remote` says that the answer with this hash is its code.
    pub fn vouched(&mut self, remote: &Remote, mac: Mac) {
        let mut codes = self.codes.iter_mut();
        if let Some(code) = codes.find(|code| code.remote.as_ref() == Some(remote)) {
            code.mac = mac;
        }
    }

    /// The message that brought the right code, once it was answered, if its carrier is known.
    pub fn brought(&self) -> Option<&Brought> {
        self.brought.as_ref()
    }

    /// Whether an answer would be compared with a code at all; only then does it count as a failure.
    pub fn compares(&self, wrong_limit: u8, now: Moment) -> bool {
        self.won.is_none() && self.wrong < wrong_limit && self.living(now) > 0
    }

    /// Compares and spends in one step: of any number of callers under the store's lock one gets
    /// [`Answer::Right`], and no more than `wrong_limit` wrong answers are compared (C3).
    pub fn answer(&mut self, mac: &Mac, wrong_limit: u8, now: Moment) -> Answer {
        if let Some(won) = self.won {
            let same = bool::from(won.mac.ct_eq(mac));
            return if same && !won.used && now.mono < won.at + AGAIN {
                Answer::Again
            } else {
                Answer::Finished
            };
        }
        if self.wrong >= wrong_limit {
            return Answer::Spent;
        }
        let mut living = 0_usize;
        let mut right = subtle::Choice::from(0);
        let mut by = None;
        for code in self.codes.iter().filter(|code| code.until > now.mono) {
            living += 1;
            let this = code.mac.ct_eq(mac);
            if bool::from(this) {
                by = Some((code.carrier.clone(), code.channel));
            }
            right |= this;
        }
        if living == 0 {
            self.mistake = Some(Mistake::Expired);
            return Answer::Expired;
        }
        if bool::from(right) {
            self.won = Some(Won {
                mac: *mac,
                at: now.mono,
                used: false,
            });
            self.codes.clear();
            self.brought = by.and_then(|(carrier, channel)| {
                Some(Brought {
                    carrier: carrier?,
                    channel,
                })
            });
            self.mistake = None;
            let Question {
                site,
                scope,
                subject,
                entry,
                ..
            } = self.question.clone();
            return Answer::Right(Verified {
                site,
                scope,
                subject,
                entry,
            });
        }
        self.wrong += 1;
        self.mistake = Some(Mistake::Wrong);
        if self.wrong >= wrong_limit {
            Answer::Spent
        } else {
            Answer::Wrong
        }
    }

    /// An answer that must not be compared, to somebody who must not see that (C7): it counts as a wrong one.
    pub fn miss(&mut self) {
        self.wrong = self.wrong.saturating_add(1);
        self.mistake = Some(Mistake::Wrong);
    }

    /// What became of the message that was asked for at `sent`; only of the newest one anything is shown.
    ///
    /// Of a stranger's message nothing is kept: that there is a number must not show (C7).
    pub fn told(&mut self, sent: Moment, fate: Fate, now: Moment) {
        let shown = self.question.entry.proven();
        if let Some(send) = self.last_send.as_mut().filter(|send| send.at == sent)
            && shown
        {
            send.heard = Some(Heard::after(send.heard, fate, now));
        }
    }

    /// The grant was used: from now on the same code says nothing any more.
    pub fn used(&mut self) {
        if let Some(won) = &mut self.won {
            won.used = true;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
