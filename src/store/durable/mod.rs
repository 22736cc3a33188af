//! What must outlive the process is noted here as it changes, and written to one file by one thread.
//!
//! Memory is what counts while the process lives; the file is what the next one begins with. Whoever gives an answer
//! that rests on something counted waits for [`Journal::settled`] first: then no crash makes a limit easier (A4). Every
//! note carries the whole new value of its row, so that many notes become one transaction, the newest of a row wins, and
//! a transaction that failed is simply tried again. The file keeps each print under a key of its own, no number, network
//! or name.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::watch;

use super::quarantine::{Owner, Print};
use crate::grant;
use crate::moment::Moment;

pub mod file;
pub(super) mod record;
pub(super) mod restore;
mod unusable;

use self::file::{NotOpened, Opener, StateFile};
use self::restore::Restored;

/// What was counted could not be kept: whatever rests on it must not be given (A7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state file cannot be written")]
pub struct NotKept;

/// Where changes are noted. The default keeps nothing: memory alone counts, and everything is settled at once.
#[derive(Clone, Debug, Default)]
pub struct Journal(Option<Arc<Shared>>);

/// One row of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Row {
    Failures(Print),
    Number(Print),
    Network(Print),
    Scope(Print),
    Revoked(grant::Id),
    Quarantined(Print, Owner),
}

/// Rows with their new values; without one they go.
type Notes = HashMap<Row, Option<Vec<u8>>>;

#[derive(Debug)]
struct Shared {
    // A plain mutex: held for one insertion into a map. It is the innermost lock of all: notes are made under the lock of
    // the map that they are about, or an older value could overtake a newer one.
    pending: Mutex<Pending>,
    wake: Condvar,
    progress: watch::Sender<Progress>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Pending {
    notes: Notes,
    /// How many notes there have been.
    noted: u64,
    /// How many of them the writer has taken.
    taken: u64,
    /// The newest time that anybody came with.
    now: Moment,
    /// When the time is next noted for its own sake, in seconds since 1970.
    due: u64,
    closing: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// How many notes are on disk.
    kept: u64,
    /// Whether the last transaction failed.
    failing: bool,
    /// How many transactions there were for notes.
    commits: u64,
    /// And how many for the sake of the file alone.
    echoes: u64,
}

/// What the writer does next.
enum Turn {
    Write(Batch),
    /// The same once more, since nothing is going on.
    Echo(Moment),
    Close(Batch),
}

struct Batch {
    notes: Notes,
    noted: u64,
    now: Moment,
}

/// How long an answer waits for the disk. A disk that takes longer is as good as none.
const PATIENCE: Duration = Duration::from_secs(5);

/// The time is written this often at least, in seconds. As much as a grant of another clock may lie ahead (A5).
const MINUTE: u64 = 60;

/// How long the writer leaves a file alone that could not be written.
const RETRY: Duration = Duration::from_secs(1);

/// After so long without a note the last transaction is followed by an empty one. Of the two that the file keeps,
/// damage to the newer makes `redb` take the older: now both say the same, and nothing is forgotten by that.
const QUIET: Duration = Duration::from_millis(500);

impl Journal {
    /// Opens the file in this directory, or makes it, and says what was in it.
    ///
    /// # Errors
    /// [`NotOpened`], and then nothing may start.
    pub(super) fn open(directory: &Path, now: Moment) -> Result<(Self, Restored), NotOpened> {
        Self::open_with(directory, now, file::opener())
    }

    /// The same on another kind of disk.
    pub(super) fn open_with(
        directory: &Path,
        now: Moment,
        opener: Opener,
    ) -> Result<(Self, Restored), NotOpened> {
        let (file, restored) = StateFile::open(directory, now, opener)?;
        let shared = Arc::new(Shared {
            pending: Mutex::new(Pending {
                notes: Notes::new(),
                noted: 0,
                taken: 0,
                // What it ends with if it ends at once: nothing earlier than what the last one saw.
                now: Moment {
                    unix: restored.seen,
                    ..now
                },
                due: now.unix.saturating_add(MINUTE),
                closing: false,
            }),
            wake: Condvar::new(),
            progress: watch::Sender::default(),
            thread: Mutex::default(),
        });
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("state".to_owned())
            .spawn(move || own.write(file))
            .map_err(NotOpened::Thread)?;
        *lock(&shared.thread) = Some(thread);
        Ok((Self(Some(shared)), restored))
    }

    /// Notes the new value of a row, or with `None` that it goes. Called under the lock of the map that it stands in.
    pub(super) fn note(&self, row: Row, value: impl FnOnce() -> Option<Vec<u8>>) {
        let Some(shared) = &self.0 else { return };
        let value = value();
        shared.pending().add(Some((row, value)));
        shared.wake.notify_one();
    }

    /// Writes though nothing changed: what is done for one and not for another must not show in how long the disk takes.
    pub(super) fn touch(&self) {
        let Some(shared) = &self.0 else { return };
        shared.pending().add(None);
        shared.wake.notify_one();
    }

    /// The time, which the next transaction keeps. Somebody who set the wall clock is a reason for one: how old
    /// everything is must be right in the file, too. So is a minute that has passed: the next process must not begin
    /// earlier, or what ended in the meantime would begin again (A5).
    pub(super) fn tick(&self, now: Moment) {
        let Some(shared) = &self.0 else { return };
        let mut pending = shared.pending();
        let set = ahead(now).abs_diff(ahead(pending.now)) > 1;
        pending.now = now;
        if set || now.unix >= pending.due {
            pending.due = now.unix.saturating_add(MINUTE);
            pending.add(None);
            shared.wake.notify_one();
        }
    }

    /// Resolves when everything that was noted before this call is on disk.
    ///
    /// # Errors
    /// [`NotKept`] if it cannot be written, or not within five seconds. It counts all the same, and is written as soon
    /// as that works again.
    pub fn settled(&self) -> impl Future<Output = Result<(), NotKept>> + Send + use<> {
        // Not at the first poll: what others note meanwhile is not this one's to wait for.
        let waiting = self
            .0
            .as_ref()
            .map(|shared| (shared.pending().noted, shared.progress.subscribe()));
        async move {
            let Some((noted, mut progress)) = waiting else {
                return Ok(());
            };
            let kept = async {
                progress
                    .wait_for(|progress| progress.kept >= noted || progress.failing)
                    .await
                    .is_ok_and(|progress| progress.kept >= noted)
            };
            match tokio::time::timeout(PATIENCE, kept).await {
                Ok(true) => Ok(()),
                Ok(false) | Err(_) => Err(NotKept),
            }
        }
    }

    /// Writes what is left and closes the file. What is noted afterwards is not kept.
    pub(super) fn close(&self) {
        let Some(shared) = &self.0 else { return };
        shared.pending().closing = true;
        shared.wake.notify_one();
        let thread = lock(&shared.thread).take();
        if let Some(thread) = thread {
            // It catches panics of the database; one of its own has been told by the hook.
            drop(thread.join());
        }
    }

    /// How many transactions there have been.
    #[cfg(test)]
    pub(super) fn commits(&self) -> u64 {
        self.0
            .as_ref()
            .map_or(0, |shared| shared.progress.borrow().commits)
    }
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        lock(&self.pending)
    }

    /// The writer, until the journal is closed.
    fn write(&self, mut file: StateFile) {
        let (mut failing, mut echoed) = (false, false);
        loop {
            match self.next(failing, echoed) {
                Turn::Write(batch) => {
                    failing = !self.put(&mut file, batch, failing);
                    echoed = failing;
                }
                Turn::Echo(now) => {
                    // What was noted is on disk; a failure here shows at the next note.
                    drop(file.write(&Notes::new(), now));
                    echoed = true;
                    self.progress.send_modify(|progress| progress.echoes += 1);
                }
                Turn::Close(batch) => {
                    self.put(&mut file, batch, failing);
                    // Nobody writes any more: what is noted from now on cannot be kept.
                    self.progress
                        .send_modify(|progress| progress.failing = true);
                    return file.close();
                }
            }
        }
    }

    /// Waits for something to do. After a failure that is another try, a while later.
    fn next(&self, failing: bool, echoed: bool) -> Turn {
        let idle = |pending: &mut Pending| !pending.closing && pending.taken == pending.noted;
        let mut pending = self.pending();
        if failing {
            let waited = self
                .wake
                .wait_timeout_while(pending, RETRY, |pending| !pending.closing);
            pending = waited.unwrap_or_else(PoisonError::into_inner).0;
        } else if echoed {
            let waited = self.wake.wait_while(pending, idle);
            pending = waited.unwrap_or_else(PoisonError::into_inner);
        } else {
            let waited = self.wake.wait_timeout_while(pending, QUIET, idle);
            let (after, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() {
                return Turn::Echo(after.now);
            }
            pending = after;
        }
        let closing = pending.closing;
        let batch = pending.take();
        if closing {
            Turn::Close(batch)
        } else {
            Turn::Write(batch)
        }
    }

    /// Writes one batch; what cannot be written goes back. Told once when that begins, and once when it ends.
    fn put(&self, file: &mut StateFile, batch: Batch, failing: bool) -> bool {
        let Batch { notes, noted, now } = batch;
        let written = file.write(&notes, now);
        match &written {
            Ok(()) if failing => {
                tracing::info!(event = "state.kept", "the state file can be written again");
            }
            Err(error) if !failing => tracing::error!(
                event = "state.not_kept",
                error = error as &dyn std::error::Error,
                file = %file.path().display(),
                "the state file cannot be written: codes are neither sent nor taken until it can; make room on its disk"
            ),
            _ => {}
        }
        if written.is_err() {
            self.pending().give_back(notes);
        }
        self.progress.send_modify(|progress| {
            progress.failing = written.is_err();
            if written.is_ok() {
                progress.kept = noted;
                progress.commits += 1;
            }
        });
        written.is_ok()
    }
}

impl Pending {
    fn add(&mut self, note: Option<(Row, Option<Vec<u8>>)>) {
        self.noted += 1;
        self.notes.extend(note);
    }

    fn take(&mut self) -> Batch {
        self.taken = self.noted;
        Batch {
            notes: std::mem::take(&mut self.notes),
            noted: self.noted,
            now: self.now,
        }
    }

    fn give_back(&mut self, notes: Notes) {
        for (row, value) in notes {
            // What was noted meanwhile is newer.
            self.notes.entry(row).or_insert(value);
        }
    }
}

/// By how many seconds the wall clock is ahead of the steady one.
fn ahead(now: Moment) -> i64 {
    now.unix
        .cast_signed()
        .wrapping_sub(now.mono.as_secs().cast_signed())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
