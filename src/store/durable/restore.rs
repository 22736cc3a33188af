//! What was in the file, on the clock of the process that reads it.

use std::time::Duration;

use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};

use super::unusable::Unusable;
use super::{Row, record};
use crate::grant;
use crate::limit::{Failures, HOUR, Tally};
use crate::moment::Moment;
use crate::store::print::{KEY, Prints};
use crate::store::quarantine::{self, Owner, Print, Weight};
use crate::store::revoked::Until;

/// Everything that was in the file.
#[derive(Debug)]
pub(in crate::store) struct Restored {
    /// What its rows are named by.
    pub(in crate::store) prints: Prints,
    /// The latest time that the last process is known to have seen, in seconds since 1970.
    pub(in crate::store) seen: u64,
    /// Since when every limit counts as used up, if another file was found damaged.
    pub(in crate::store) used_up: Option<Moment>,
    pub(in crate::store) failures: Vec<(Print, Failures)>,
    pub(in crate::store) numbers: Vec<(Print, Tally)>,
    pub(in crate::store) networks: Vec<(Print, Tally)>,
    pub(in crate::store) scopes: Vec<(Print, Tally)>,
    pub(in crate::store) revoked: Vec<(grant::Id, Until)>,
    pub(in crate::store) quarantined: Vec<(Print, Owner, Weight, Duration)>,
}

/// A table of rows, or of what stands once.
pub(super) type Rows = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// What stands once: [`SCHEMA_KEY`], [`PRINTS_KEY`], [`CLOCK_KEY`] and [`USED_UP_KEY`].
pub(super) const ONCE: Rows = TableDefinition::new("once");
const FAILURES: Rows = TableDefinition::new("failures");
const NUMBERS: Rows = TableDefinition::new("numbers");
const NETWORKS: Rows = TableDefinition::new("networks");
const SCOPES: Rows = TableDefinition::new("scopes");
const REVOKED: Rows = TableDefinition::new("revoked");
const QUARANTINED: Rows = TableDefinition::new("quarantined");

/// Every table there is.
pub(super) const ALL: [Rows; 7] = [
    ONCE,
    FAILURES,
    NUMBERS,
    NETWORKS,
    SCOPES,
    REVOKED,
    QUARANTINED,
];

/// Which version of this the file has: four bytes.
pub(super) const SCHEMA_KEY: &[u8] = b"schema";
/// The key of its prints.
pub(super) const PRINTS_KEY: &[u8] = b"prints";
/// When it was last written, on both clocks of the process that did.
pub(super) const CLOCK_KEY: &[u8] = b"clock";
/// When a file before it was found damaged.
pub(super) const USED_UP_KEY: &[u8] = b"used up";

/// The version that this is. A file with a larger number is not read.
pub(super) const SCHEMA: u32 = 1;

impl Row {
    /// Where it stands.
    pub(super) fn table(&self) -> Rows {
        match self {
            Self::Failures(_) => FAILURES,
            Self::Number(_) => NUMBERS,
            Self::Network(_) => NETWORKS,
            Self::Scope(_) => SCOPES,
            Self::Revoked(_) => REVOKED,
            Self::Quarantined(..) => QUARANTINED,
        }
    }

    /// What it stands under.
    pub(super) fn key(&self) -> Vec<u8> {
        match self {
            Self::Failures(print)
            | Self::Number(print)
            | Self::Network(print)
            | Self::Scope(print) => print.to_vec(),
            Self::Revoked(id) => id.to_vec(),
            Self::Quarantined(print, owner) => [*print, *owner].concat(),
        }
    }
}

/// Reads everything, and writes it anew where its clock is not ours.
///
/// # Errors
/// [`Unusable`]: damaged, newer, or the disk.
pub(super) fn restore(transaction: &WriteTransaction, now: Moment) -> Result<Restored, Unusable> {
    let mut once = open(transaction, ONCE)?;
    let schema = read(&once, SCHEMA_KEY, |bytes| {
        bytes.try_into().ok().map(u32::from_be_bytes)
    })?;
    match schema {
        Some(SCHEMA) => {}
        Some(newer) if newer > SCHEMA => return Err(Unusable::Newer(newer)),
        _ => return Err(Unusable::Record("schema")),
    }
    let prints: Option<[u8; KEY]> = read(&once, PRINTS_KEY, |bytes| bytes.try_into().ok())?;
    let clock = read(&once, CLOCK_KEY, record::read_moment)?;
    let (Some(prints), Some(clock)) = (prints, clock) else {
        return Err(Unusable::Record("clock"));
    };
    let shift = Shift::between(clock, now);
    let used_up = read(&once, USED_UP_KEY, record::read_moment)?.map(|used_up| Moment {
        mono: shift.past(used_up.mono),
        ..used_up
    });
    if let Some(used_up) = used_up {
        once.insert(USED_UP_KEY, &*record::moment(used_up))?;
    }
    // Not earlier than what was there: a process that ends at once must not make it forgotten.
    let seen = clock.unix.max(now.unix);
    once.insert(CLOCK_KEY, &*record::moment(Moment { unix: seen, ..now }))?;
    let reader = Reader { transaction, shift };
    let tally = |bytes: &[u8]| {
        let mut tally = record::read_tally(bytes)?;
        tally
            .times
            .iter_mut()
            .for_each(|time| *time = shift.past(*time));
        Some(tally)
    };
    Ok(Restored {
        prints: Prints::new(&prints),
        seen,
        used_up,
        failures: reader.rows(
            FAILURES,
            |bytes| {
                let mut failures = record::read_failures(bytes)?;
                failures
                    .times
                    .iter_mut()
                    .for_each(|time| *time = shift.past(*time));
                failures.locked_until = failures.locked_until.map(|until| shift.until(until, HOUR));
                Some(failures)
            },
            record::failures,
        )?,
        numbers: reader.rows(NUMBERS, tally, record::tally)?,
        networks: reader.rows(NETWORKS, tally, record::tally)?,
        scopes: reader.rows(SCOPES, tally, record::tally)?,
        revoked: reader.rows(
            REVOKED,
            |bytes| {
                let until = record::read_until(bytes)?;
                let mono = shift.until(until.mono, Duration::MAX);
                Some(Until { mono, ..until })
            },
            |until| record::until(*until),
        )?,
        quarantined: reader
            .rows(
                QUARANTINED,
                |bytes| {
                    let (weight, until) = record::read_quarantined(bytes)?;
                    Some((
                        weight,
                        shift.until(until, Duration::from_secs(quarantine::LIFE)),
                    ))
                },
                |(weight, until)| record::quarantined(*weight, *until),
            )?
            .into_iter()
            .map(|(key, (weight, until)): ([u8; 32], _)| {
                let (print, owner) = key.split_at(16);
                let sixteen = |half: &[u8]| half.try_into().expect("half of 32 bytes");
                (sixteen(print), sixteen(owner), weight, until)
            })
            .collect(),
    })
}

struct Reader<'t> {
    transaction: &'t WriteTransaction,
    shift: Shift,
}

impl Reader<'_> {
    /// All rows of a table whose keys have `N` bytes.
    fn rows<const N: usize, T>(
        &self,
        definition: Rows,
        read: impl Fn(&[u8]) -> Option<T>,
        write: impl Fn(&T) -> Vec<u8>,
    ) -> Result<Vec<([u8; N], T)>, Unusable> {
        let mut table = open(self.transaction, definition)?;
        let mut found: Vec<([u8; N], T)> = Vec::new();
        for row in table.iter()? {
            let (key, value) = row?;
            let row = key.value().try_into().ok().zip(read(value.value()));
            found.push(row.ok_or(Unusable::Record("row"))?);
        }
        if !self.shift.is_none() {
            for (key, value) in &found {
                table.insert(key.as_slice(), &*write(value))?;
            }
        }
        Ok(found)
    }
}

type Opened<'t> = Table<'t, &'static [u8], &'static [u8]>;

fn open(transaction: &WriteTransaction, definition: Rows) -> Result<Opened<'_>, Unusable> {
    Ok(transaction.open_table(definition)?)
}

/// What stands once, if it does; what cannot be read is damage.
fn read<T>(
    once: &Opened<'_>,
    key: &'static [u8],
    read: impl Fn(&[u8]) -> Option<T>,
) -> Result<Option<T>, Unusable> {
    once.get(key)?
        .map(|value| read(value.value()).ok_or(Unusable::Record("once")))
        .transpose()
}

/// How a time of the process that wrote the file reads on the steady clock of this one.
///
/// Both clocks begin at what the wall clock shows, so that mostly nothing is to be done. If the wall clock was set while
/// that process ran, its steady clock is off by as much, and everything moves by that. If the wall clock now stands
/// before the last writing, it was set back meanwhile: then no time has passed since (A5). That it was set forward while
/// nothing ran cannot be told from time that passed.
#[derive(Clone, Copy, Debug)]
struct Shift {
    /// Nanoseconds to be added.
    by: i128,
    now: Duration,
}

impl Shift {
    fn between(last: Moment, now: Moment) -> Self {
        let between = nanos(now.mono) - nanos(last.mono);
        // Whole seconds are compared with whole seconds: one may be the boundary between them.
        let set = super::ahead(last).abs_diff(super::ahead(now)) > 1;
        let passed = if set {
            // For the same reason one less, so that nothing grows older than it is.
            let seconds = now.unix.saturating_sub(last.unix).saturating_sub(1);
            nanos(Duration::from_secs(seconds))
        } else {
            between.max(0)
        };
        Self {
            by: between - passed,
            now: now.mono,
        }
    }

    fn is_none(self) -> bool {
        self.by == 0
    }

    /// Of something that happened: never later than now.
    fn past(self, time: Duration) -> Duration {
        self.of(time).min(self.now)
    }

    /// Of something that will end, at most so long from now.
    fn until(self, time: Duration, most: Duration) -> Duration {
        self.of(time).min(self.now.saturating_add(most))
    }

    fn of(self, time: Duration) -> Duration {
        let time = (nanos(time) + self.by).clamp(0, i128::from(u64::MAX));
        Duration::from_nanos(u64::try_from(time).unwrap_or(u64::MAX))
    }
}

fn nanos(time: Duration) -> i128 {
    i128::from(record::nanos(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(unix: u64, mono: u64) -> Moment {
        Moment {
            unix,
            mono: Duration::from_secs(mono),
        }
    }

    #[test]
    fn a5_what_is_kept_grows_as_old_as_the_time_that_passed_and_never_older() {
        // When it was last written, now, and how old something is that was 500 seconds old at the last writing.
        for (last, now, age, why) in [
            ((9000, 9000), (9000, 9000), 500, "at once"),
            ((9000, 9000), (9100, 9100), 600, "the time between counts"),
            (
                (9001, 9000),
                (9100, 9100),
                600,
                "a second's boundary is no step",
            ),
            (
                (9000, 9000),
                (8900, 8900),
                500,
                "set back while nothing ran",
            ),
            (
                (9000, 9000),
                (90, 90),
                90,
                "set back to where this clock cannot say more",
            ),
            (
                (909_000, 9000),
                (909_100, 909_100),
                599,
                "set forward while it ran",
            ),
            ((9000, 909_000), (9100, 9100), 599, "set back while it ran"),
            ((9000, 909_000), (8000, 8000), 500, "and again afterwards"),
            (
                (909_000, 9000),
                (909_100, 9100),
                600,
                "a clock that begins elsewhere, going on",
            ),
        ] {
            let (last, now) = (at(last.0, last.1), at(now.0, now.1));
            let shift = Shift::between(last, now);
            let happened = shift.past(last.mono.saturating_sub(Duration::from_secs(500)));
            assert_eq!(now.mono.saturating_sub(happened).as_secs(), age, "{why}");
            // What was to end 500 seconds after the last writing has that much less to go.
            let ends = shift.until(last.mono + Duration::from_secs(500), HOUR);
            let left = ends.saturating_sub(now.mono).as_secs();
            if age >= 500 {
                assert_eq!(left, 1000 - age, "{why}");
            }
        }
    }

    #[test]
    fn a5_nothing_that_is_kept_lies_further_ahead_than_it_could() {
        let shift = Shift::between(at(1000, 1000), at(1000, 1000));
        let far = Duration::from_secs(1_000_000);
        assert_eq!(shift.past(far), Duration::from_secs(1000));
        assert_eq!(shift.until(far, HOUR), Duration::from_secs(1000) + HOUR);
    }
}
