//! How what is remembered stands in the file: big-endian numbers, times in nanoseconds since 1970.

use std::collections::VecDeque;
use std::time::Duration;

use crate::limit::{Failures, Tally};
use crate::moment::Moment;
use crate::store::quarantine::Weight;
use crate::store::revoked::Until;

/// Lists of more times than this keep only the last of each minute, for all of that minute: a budget of a million
/// messages a day must not be written whole for each of them. The last one: nothing leaves its window sooner for it.
const EXACT: usize = 4096;

/// A list of times, each with how often it stands there.
pub(in crate::store) fn tally(tally: &Tally) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_times(&mut bytes, &tally.times);
    bytes
}

/// The tally that [`tally`] wrote.
pub(super) fn read_tally(bytes: &[u8]) -> Option<Tally> {
    let times = times(Rest(bytes))?;
    Some(Tally { times })
}

/// Failures in a row, locks in a row, the end of the lock or zero, then the times.
pub(in crate::store) fn failures(failures: &Failures) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(failures.in_a_row.to_be_bytes());
    bytes.extend(
        u32::try_from(failures.locks)
            .unwrap_or(u32::MAX)
            .to_be_bytes(),
    );
    bytes.extend(nanos(failures.locked_until.unwrap_or_default()).to_be_bytes());
    put_times(&mut bytes, &failures.times);
    bytes
}

/// The failures that [`failures`] wrote.
pub(super) fn read_failures(bytes: &[u8]) -> Option<Failures> {
    let mut rest = Rest(bytes);
    Some(Failures {
        in_a_row: u32::from_be_bytes(rest.take()?),
        locks: usize::try_from(u32::from_be_bytes(rest.take()?)).ok()?,
        locked_until: Some(rest.time()?).filter(|until| !until.is_zero()),
        times: times(rest)?,
    })
}

/// Until when a revocation is remembered, on both clocks.
pub(in crate::store) fn until(until: Until) -> Vec<u8> {
    [until.unix.to_be_bytes(), nanos(until.mono).to_be_bytes()].concat()
}

/// What [`until`] wrote.
pub(super) fn read_until(bytes: &[u8]) -> Option<Until> {
    let mut rest = Rest(bytes);
    let until = Until {
        unix: u64::from_be_bytes(rest.take()?),
        mono: rest.time()?,
    };
    rest.is_empty().then_some(until)
}

/// How firmly a value is kept back, and until when.
pub(in crate::store) fn quarantined(weight: Weight, until: Duration) -> Vec<u8> {
    let weight = match weight {
        Weight::Seen => 1,
        Weight::Named => 2,
    };
    let mut bytes = vec![weight];
    bytes.extend(nanos(until).to_be_bytes());
    bytes
}

/// What [`quarantined`] wrote.
pub(super) fn read_quarantined(bytes: &[u8]) -> Option<(Weight, Duration)> {
    let mut rest = Rest(bytes);
    let weight = match rest.take()? {
        [1] => Weight::Seen,
        [2] => Weight::Named,
        _ => return None,
    };
    let until = rest.time()?;
    rest.is_empty().then_some((weight, until))
}

/// Both clocks.
pub(super) fn moment(moment: Moment) -> Vec<u8> {
    [moment.unix.to_be_bytes(), nanos(moment.mono).to_be_bytes()].concat()
}

/// What [`moment`] wrote.
pub(super) fn read_moment(bytes: &[u8]) -> Option<Moment> {
    let Until { unix, mono } = read_until(bytes)?;
    Some(Moment { unix, mono })
}

/// A time as the file has it. Until the year 2554 nothing is cut off.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn put_times(bytes: &mut Vec<u8>, times: &VecDeque<Duration>) {
    let minutes = times.len() > EXACT;
    let same = |one: Duration, other: Duration| {
        one == other || (minutes && one.as_secs() / 60 == other.as_secs() / 60)
    };
    let mut times = times.iter().copied().peekable();
    let (mut newest, mut count) = (Duration::ZERO, 0_u32);
    while let Some(time) = times.next() {
        newest = newest.max(time);
        count = count.saturating_add(1);
        if times.peek().is_none_or(|next| !same(time, *next)) {
            bytes.extend(nanos(newest).to_be_bytes());
            bytes.extend(count.to_be_bytes());
            (newest, count) = (Duration::ZERO, 0);
        }
    }
}

fn times(mut rest: Rest<'_>) -> Option<VecDeque<Duration>> {
    /// More than any setting lets through: a count that is not ours must not fill the memory.
    const MOST: usize = 2_000_000;
    let mut times = VecDeque::new();
    while !rest.is_empty() {
        let time = rest.time()?;
        let count = usize::try_from(u32::from_be_bytes(rest.take()?)).ok()?;
        if times.len() + count > MOST {
            return None;
        }
        times.extend(std::iter::repeat_n(time, count));
    }
    Some(times)
}

/// What is left of a record.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(*head)
    }

    fn time(&mut self) -> Option<Duration> {
        Some(Duration::from_nanos(u64::from_be_bytes(self.take()?)))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3600;

    fn times(from: impl IntoIterator<Item = u64>) -> VecDeque<Duration> {
        from.into_iter().map(Duration::from_millis).collect()
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        for list in [vec![], vec![7], vec![1, 1, 1, 2, 2, 9], (0..4096).collect()] {
            let kept = Tally { times: times(list) };
            assert_eq!(read_tally(&tally(&kept)), Some(kept));
        }
        let kept = Failures {
            times: times([1, 2, 3]),
            in_a_row: 99,
            locks: 3,
            locked_until: Some(Duration::from_nanos(17)),
        };
        assert_eq!(read_failures(&failures(&kept)), Some(kept));
        let none = Failures::default();
        assert_eq!(read_failures(&failures(&none)), Some(none));
        let both = Until {
            unix: 5,
            mono: Duration::from_nanos(6),
        };
        assert_eq!(read_until(&until(both)), Some(both));
        for weight in [Weight::Seen, Weight::Named] {
            let kept = (weight, Duration::from_nanos(8));
            assert_eq!(read_quarantined(&quarantined(kept.0, kept.1)), Some(kept));
        }
    }

    #[test]
    fn a4_a_long_list_is_short_in_the_file_and_never_easier() {
        // A hundred thousand in a day: one in 864 ms.
        let kept = Tally {
            times: times((0..100_000).map(|n| n * DAY / 100)),
        };
        let bytes = tally(&kept);
        assert!(bytes.len() <= 1441 * 12, "{} bytes", bytes.len());
        let read = read_tally(&bytes).unwrap();
        assert_eq!(read.times.len(), kept.times.len());
        let pairs = || read.times.iter().zip(&kept.times);
        assert!(pairs().all(|(read, kept)| read >= kept));
        let within =
            |(read, kept): (&Duration, &Duration)| read.saturating_sub(*kept).as_secs() < 60;
        assert!(pairs().all(within));
        assert_eq!(
            read.times.back(),
            kept.times.back(),
            "and none is in the future"
        );
    }

    #[test]
    fn what_is_no_record_is_none() {
        let good: [Vec<u8>; 4] = [
            failures(&Failures {
                times: times([1]),
                ..Failures::default()
            }),
            until(Until {
                unix: 1,
                mono: Duration::ZERO,
            }),
            quarantined(Weight::Seen, Duration::ZERO),
            tally(&Tally { times: times([1]) }),
        ];
        let reads: [fn(&[u8]) -> bool; 4] = [
            |bytes| read_failures(bytes).is_some(),
            |bytes| read_until(bytes).is_some(),
            |bytes| read_quarantined(bytes).is_some(),
            |bytes| read_tally(bytes).is_some(),
        ];
        for (bytes, read) in good.iter().zip(reads) {
            assert!(read(bytes));
            assert!(!read(&bytes[..bytes.len() - 1]));
            assert!(!read(&[&bytes[..], b"x"].concat()));
        }
        assert!(read_quarantined(&[3, 0, 0, 0, 0, 0, 0, 0, 0]).is_none());
        let endless = [[0; 8].as_slice(), &[0xff; 4]].concat();
        assert!(read_tally(&endless).is_none());
    }
}
