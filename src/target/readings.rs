//! All the paths that an upstream may take one path for: its closure under the turns.

use std::collections::HashMap;

use super::turn::{self, Effect, Turn};
use super::{NotATarget, Seen, fold};

/// What the path of a target may be read as.
#[derive(Clone, Debug)]
pub enum Readings {
    /// Only as itself: no turn changes it. Nothing was allocated for it.
    Plain,
    /// As each of these.
    Many(Box<Closure>),
}

/// One path that an upstream may take the target for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    path: Vec<u8>,
    folded: Vec<u8>,
    counts: bool,
    /// How many rounds of decoding made it.
    rounds: u8,
}

/// Paths that turn into one another, the one as received first.
#[derive(Clone, Debug, Default)]
pub struct Closure {
    all: Vec<Reading>,
    queries: Vec<Box<[u8]>>,
}

/// Far above what a real address has, and few enough that working them out costs a stranger nothing to speak of.
const MOST_READINGS: usize = 256;
/// All readings together; sixteen readings of the longest path.
const MOST_BYTES: usize = 128 * 1024;
/// R2: decoded to a fixed point, at most 5 rounds.
const MOST_ROUNDS: u8 = 5;

impl Readings {
    /// How an upstream may read `path`, which is visible ASCII without bad escapes.
    pub(super) fn of(path: &[u8]) -> Result<Self, NotATarget> {
        if is_plain(path) {
            return Ok(Self::Plain);
        }
        Self::slowly(path)
    }

    pub(super) fn slowly(path: &[u8]) -> Result<Self, NotATarget> {
        if path == b"*" {
            return Ok(Self::Plain);
        }
        Ok(Self::Many(Box::new(closure(path)?)))
    }

    /// True if the path reads as itself only.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::Plain)
    }
}

impl Reading {
    /// The path, which need not be UTF-8.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// True if it is as likely as the path itself, so that routes which open must match it too; false for a farther
    /// guess, which only closing routes look at.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.counts
    }

    pub(super) fn seen(&self) -> Seen<'_> {
        Seen {
            exact: &self.path,
            folded: &self.folded,
            counts: self.counts,
        }
    }
}

/// Where each reading stands in a [`Closure`] in the making.
type Known = HashMap<Vec<u8>, usize>;

impl Closure {
    /// The readings, the path as received first. Never empty.
    #[must_use]
    pub fn all(&self) -> &[Reading] {
        &self.all
    }

    /// What followed a `?` that came to light in the path.
    pub(super) fn queries(&self) -> &[Box<[u8]>] {
        &self.queries
    }

    /// Takes in one more reading, or learns that a known one counts after all; says which one is news.
    fn learn(
        &mut self,
        known: &mut Known,
        path: Vec<u8>,
        counts: bool,
        rounds: u8,
    ) -> Option<usize> {
        if let Some(&at) = known.get(&path) {
            let known = &mut self.all[at];
            if known.counts || !counts {
                return None;
            }
            known.counts = true;
            return Some(at);
        }
        if let Some(cut) = path.iter().position(|&b| b == b'?') {
            let query = &path[cut + 1..];
            if !self.queries.iter().any(|known| **known == *query) {
                self.queries.push(query.into());
            }
        }
        known.insert(path.clone(), self.all.len());
        self.all.push(Reading {
            folded: fold(&path),
            path,
            counts,
            rounds,
        });
        Some(self.all.len() - 1)
    }
}

/// Everything that `path` turns into, in any order of turning.
///
/// A reading that was reached by a wide turn does not count, unless it has a dot segment, even one that was
/// there before: a guess that climbs out of a public folder must close that folder, and what a turn changes in front of
/// the dots changes where they lead.
pub(crate) fn closure(path: &[u8]) -> Result<Closure, NotATarget> {
    closure_by(&turn::ALL, path)
}

/// The same by these turns alone.
pub(super) fn closure_by(turns: &[Turn], path: &[u8]) -> Result<Closure, NotATarget> {
    let mut closure = Closure::default();
    let mut known = Known::new();
    let mut bytes = path.len();
    let mut news: Vec<usize> = closure
        .learn(&mut known, path.to_vec(), true, 0)
        .into_iter()
        .collect();
    // What took the fewest rounds goes first, so that no reading is blamed for a longer way to it.
    while let Some(next) = (0..news.len()).min_by_key(|&next| closure.all[news[next]].rounds) {
        let at = news.swap_remove(next);
        for turn in turns {
            let Reading {
                path,
                counts,
                rounds,
                ..
            } = &closure.all[at];
            let Some(turned) = (turn.apply)(path) else {
                continue;
            };
            if turned.contains(&0) {
                return Err(NotATarget::Nul);
            }
            let climbs = turn::has_dot_segment(&turned);
            let counts =
                climbs || (*counts && matches!(turn.effect, Effect::Same | Effect::Decodes));
            let rounds = rounds + u8::from(turn.effect == Effect::Decodes);
            let size = turned.len();
            let before = closure.all.len();
            let Some(learnt) = closure.learn(&mut known, turned, counts, rounds) else {
                continue;
            };
            if counts || turn.effect != Effect::Last {
                news.push(learnt);
            }
            if closure.all.len() > before {
                bytes += size;
            }
            if rounds > MOST_ROUNDS || bytes > MOST_BYTES || closure.all.len() > MOST_READINGS {
                return Err(NotATarget::TooManyReadings);
            }
        }
    }
    Ok(closure)
}

/// True only if no turn changes `path`: it has none of the bytes that they look for, no empty segment but the last, no
/// segment that ends in a dot, and no script with something behind it. A test holds this against the turns themselves.
fn is_plain(path: &[u8]) -> bool {
    if path == b"*" {
        return true;
    }
    let mut start = 1;
    for (at, &byte) in path.iter().enumerate().skip(1) {
        match byte {
            b'/' => {
                let segment = &path[start..at];
                if segment.is_empty() || segment.ends_with(b".") || turn::is_script(segment) {
                    return false;
                }
                start = at + 1;
            }
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'_'
            | b'.'
            | b'~'
            | b'-'
            | b','
            | b'='
            | b':'
            | b'@'
            | b'!' => {}
            _ => return false,
        }
    }
    path.last() != Some(&b'.')
}
