//! What becomes of a message after a carrier took it, as far as the carrier tells.

use crate::moment::Moment;

/// How far a message came.
///
/// Receipts come late, twice, and in any order: what is known of a message is the greatest of what was told. A vendor
/// that has told of a delivery knows more than one that gave it up, so that this is the last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// A carrier took it, and sends it on.
    Sent,
    /// It did not arrive. A carrier may be wrong about that: its code stays good.
    Failed,
    /// It arrived, as far as the carrier can tell.
    Delivered,
}

/// What is known of a message, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// How far it came.
    pub fate: Fate,
    /// When that was told.
    pub at: Moment,
}

impl Heard {
    /// What is known once `fate` is told at `now`; what says no more than `known` changes nothing, not even the time.
    #[must_use]
    pub fn after(known: Option<Self>, fate: Fate, now: Moment) -> Self {
        match known {
            Some(known) if known.fate >= fate => known,
            _ => Self { fate, at: now },
        }
    }

    /// Whether nothing more will be told that a page has to wait for.
    #[must_use]
    pub fn is_final(self) -> bool {
        self.fate != Fate::Sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenge::tests::at;

    /// All orders of one story end alike, and the time is that of the word which counts.
    #[test]
    fn receipts_in_any_order_tell_the_same() {
        use Fate::{Delivered, Failed, Sent};
        for (told, end, since) in [
            (vec![Sent], Sent, 0),
            (vec![Sent, Delivered], Delivered, 1),
            (vec![Delivered, Sent], Delivered, 0),
            (vec![Delivered, Delivered, Sent], Delivered, 0),
            (vec![Sent, Failed], Failed, 1),
            (vec![Failed, Sent, Failed], Failed, 0),
            (vec![Delivered, Failed], Delivered, 0),
            (vec![Failed, Delivered], Delivered, 1),
        ] {
            let heard = told.iter().zip(0..).fold(None, |known, (fate, second)| {
                Some(Heard::after(known, *fate, at(second)))
            });
            let heard = heard.unwrap();
            assert_eq!((heard.fate, heard.at), (end, at(since)), "{told:?}");
            assert_eq!(heard.is_final(), end != Sent);
        }
    }
}
