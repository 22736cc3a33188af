//! Bytes that nobody thought of, out of bytes that somebody did.

/// Random numbers that are the same on every machine: `SplitMix64` (Steele, Lea, Flood 2014).
pub struct Dice(u64);

impl Dice {
    /// The numbers of one case.
    #[must_use]
    pub fn of(seed: u64, case: u64) -> Self {
        let mut dice = Self(seed);
        Self(dice.draw() ^ case.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        // The remainder prefers small numbers by less than anybody could notice.
        usize::try_from(self.draw() % (end.max(1) as u64)).unwrap_or_default()
    }

    fn one<'a, T>(&mut self, among: &'a [T]) -> Option<&'a T> {
        among.get(self.below(among.len()))
    }
}

/// The longest case: over the limit of a target (8 KiB), and of a head with a few of the long fields.
const LONGEST: usize = 40 * 1024;

/// A case: one of the corpus, changed in a few places; now and then only words. What is changed a little gets far, what is
/// changed much gets where nobody has been: half of the cases have one change, a quarter two, and so on up to eight.
#[must_use]
pub fn case(dice: &mut Dice, corpus: &[Vec<u8>], words: &[&str], apart: u8) -> Vec<u8> {
    let mut bytes = match dice.below(24) {
        0 => Vec::new(),
        _ => dice.one(corpus).cloned().unwrap_or_default(),
    };
    let changes = if bytes.is_empty() {
        12
    } else {
        // The lowest bit that is set: 0 of a half of all numbers, 1 of a quarter.
        1 + (dice.draw() | 1 << 7).trailing_zeros()
    };
    for _ in 0..changes {
        change(&mut bytes, dice, corpus, words, apart);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, dice: &mut Dice, corpus: &[Vec<u8>], words: &[&str], apart: u8) {
    let mut at = dice.below(bytes.len() + 1);
    if dice.below(2) == 0 {
        // Behind the next of the marks that part one thing from another.
        let next = bytes[at..].iter().position(|&b| b == apart);
        at = next.map_or(at, |next| at + next + 1);
    }
    let until = (at + 1 + dice.below(8)).min(bytes.len());
    match dice.below(22) {
        // Most of what is interesting is a word in the wrong place.
        0..=6 => {
            let word = dice.one(words).copied().unwrap_or_default();
            let end = if dice.below(3) == 0 { until } else { at };
            bytes.splice(at..end.max(at), word.bytes());
        }
        18..=20 => part(bytes, dice, corpus, apart),
        21 => bytes.extend_from_slice(dice.one(corpus).map(Vec::as_slice).unwrap_or_default()),
        7 | 8 => escape(bytes, at),
        9 => drop(bytes.drain(at..until.max(at))),
        10 => {
            let again = bytes[at..until.max(at)].to_vec();
            bytes.splice(at..at, again);
        }
        11 => {
            let other = dice.one(corpus).map(Vec::as_slice).unwrap_or_default();
            let from = dice.below(other.len() + 1);
            let most = 1 + dice.below(64);
            let part: Vec<u8> = other[from..].iter().take(most).copied().collect();
            bytes.splice(at..at, part);
        }
        12 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = u8::try_from(dice.below(256)).unwrap_or_default();
            }
        }
        13 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        14 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = byte.wrapping_add(1);
            }
        }
        // All of a part at once: what is hidden by one escape is seldom hidden well.
        15 => (at..until).rev().for_each(|at| escape(bytes, at)),
        16 => {
            for byte in &mut bytes[at..until.max(at)] {
                if byte.is_ascii_alphabetic() {
                    *byte ^= 0x20;
                }
            }
        }
        _ => {
            // A great many of something, rarely: limits are found so.
            let part = bytes[at..until.max(at)].to_vec();
            let times = if dice.below(64) == 0 { 2_000 } else { 3 };
            bytes.splice(at..at, part.repeat(times));
        }
    }
}

/// A part between two marks is gone, there twice, in another's place, or one of another case.
fn part(bytes: &mut Vec<u8>, dice: &mut Dice, corpus: &[Vec<u8>], apart: u8) {
    let parts = |bytes: &[u8]| -> Vec<Vec<u8>> {
        let parts = bytes.split_inclusive(|&b| b == apart);
        parts.map(<[u8]>::to_vec).collect()
    };
    let mut own = parts(bytes);
    let at = dice.below(own.len());
    match dice.below(4) {
        _ if own.is_empty() => {}
        0 => drop(own.remove(at)),
        1 => own.insert(at, own[at].clone()),
        2 => {
            let other = dice.below(own.len());
            own.swap(at, other);
        }
        _ => {
            let others = parts(dice.one(corpus).map(Vec::as_slice).unwrap_or_default());
            own.insert(at, dice.one(&others).cloned().unwrap_or_default());
        }
    }
    *bytes = own.concat();
}

/// The byte there, percent-encoded.
fn escape(bytes: &mut Vec<u8>, at: usize) {
    if let Some(&byte) = bytes.get(at) {
        bytes.splice(at..=at, format!("%{byte:02x}").into_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_follows_from_its_seed_and_number() {
        let corpus = vec![b"/admin".to_vec(), b"/public/x".to_vec()];
        let of = |seed, number| case(&mut Dice::of(seed, number), &corpus, &["..", "%2f"], b'/');
        for number in 0..200 {
            assert_eq!(of(1, number), of(1, number));
        }
        assert!((0..200).any(|number| of(1, number) != of(2, number)));
        assert!((0..200).any(|number| of(1, number) != of(1, number + 1)));
    }
}
