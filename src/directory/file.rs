//! The users file on the disk: read at start, and again when it has changed.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, TryLockError};

use arc_swap::ArcSwap;
use tracing::{error, info, warn};

use super::problem::Problem;
use super::users::Users;
use crate::name::Name;

/// Reads a users file, whole.
///
/// # Errors
/// Every [`Problem`] of the file; one, of line 0, if it cannot be read at all.
pub fn read(path: &Path) -> Result<Users, Vec<Problem>> {
    read_once(path).map(|(_, users)| users)
}

/// A users file in use. What it said last is kept until it says something else that makes sense.
pub(super) struct UsersFile {
    name: Name,
    path: PathBuf,
    current: ArcSwap<Reading>,
    /// Held by whoever reads the file again; the others go on with what was read before.
    reading: Mutex<()>,
}

/// What was in use after the file was last looked at.
struct Reading {
    /// The file's state then; `None` if it was not there.
    stamp: Option<Stamp>,
    users: Arc<Users>,
}

impl UsersFile {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// As for [`read`].
    pub(super) fn open(name: Name, path: PathBuf) -> Result<Self, Vec<Problem>> {
        let (stamp, users) = read_once(&path)?;
        for warning in users.warnings() {
            warn!(directory = %name, path = %path.display(), "{warning}");
        }
        let current = ArcSwap::from_pointee(Reading {
            stamp: Some(stamp),
            users: Arc::new(users),
        });
        Ok(Self {
            name,
            path,
            current,
            reading: Mutex::new(()),
        })
    }

    /// The people as of now: one `stat`, and the file again if it is not what it was.
    pub(super) fn current(&self) -> Arc<Users> {
        if self.is_changed() {
            // Poisoned: somebody panicked while reading, and left what was in use before.
            let reading = match self.reading.try_lock() {
                Err(TryLockError::WouldBlock) => return Arc::clone(&self.current.load().users),
                Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
                Ok(guard) => guard,
            };
            // Whoever held the lock a moment ago may have read it.
            if self.is_changed() {
                self.read_again();
            }
            drop(reading);
        }
        Arc::clone(&self.current.load().users)
    }

    fn is_changed(&self) -> bool {
        Stamp::of(&self.path) != self.current.load().stamp
    }

    /// Takes the new file if it makes sense. If not, its state is noted all the same: one change, one complaint.
    fn read_again(&self) {
        let (directory, path) = (&self.name, self.path.display());
        let before = Stamp::of(&self.path);
        let read = read_once(&self.path);
        if Stamp::of(&self.path) != before {
            // It was written meanwhile: this may be half of it. The next lookup sees it whole.
            return;
        }
        match read {
            Ok((stamp, users)) => {
                info!(%directory, %path, people = users.len(), "the users file has changed and is in use");
                for warning in users.warnings() {
                    warn!(%directory, %path, "{warning}");
                }
                self.current.store(Arc::new(Reading {
                    stamp: Some(stamp),
                    users: Arc::new(users),
                }));
            }
            Err(problems) => {
                // Without the help, which may hold a number; `check` prints all of it.
                let first = problems
                    .first()
                    .map(|problem| (problem.line, problem.message.as_str()));
                let (line, message) = first.unwrap_or_default();
                let mistakes = problems.len();
                error!(%directory, %path, mistakes, line, "the users file has changed and is not used: {message}");
                let users = Arc::clone(&self.current.load().users);
                self.current.store(Arc::new(Reading {
                    stamp: before,
                    users,
                }));
            }
        }
    }
}

/// What tells one state of a file from the next. The time of change is there because nobody can set it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    written: (i64, i64),
    changed: (i64, i64),
    size: u64,
    file: (u64, u64),
}

impl Stamp {
    /// The state of the file at `path`; `None` if there is none.
    fn of(path: &Path) -> Option<Self> {
        fs::metadata(path)
            .ok()
            .map(|metadata| Self::from(&metadata))
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            written: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            size: metadata.size(),
            file: (metadata.dev(), metadata.ino()),
        }
    }
}

fn read_once(path: &Path) -> Result<(Stamp, Users), Vec<Problem>> {
    let (metadata, text) = text_of(path).map_err(|unread| vec![unread])?;
    let mut users = Users::parse(&text)?;
    if metadata.mode() & 0o006 != 0 {
        let message = "the file is open to all users of this machine, and holds phone numbers";
        users.warnings.push(Problem::of_file(
            message,
            Some("take their rights: chmod o-rwx"),
        ));
    }
    Ok((Stamp::from(&metadata), users))
}

fn text_of(path: &Path) -> Result<(Metadata, String), Problem> {
    let unread =
        |error: io::Error| Problem::of_file(format!("the file cannot be read: {error}"), None);
    // Asked before it is opened: to open a pipe waits for somebody who writes.
    if !fs::metadata(path).map_err(unread)?.is_file() {
        return Err(Problem::of_file("this is no file", None));
    }
    let file = File::open(path).map_err(unread)?;
    let metadata = file.metadata().map_err(unread)?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(unread)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Problem::of_file(
            "the file is larger than 64 MiB",
            Some("so many people need a database"),
        ));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let mut problem =
            Problem::of_file("this line is not UTF-8", Some("save the file as UTF-8"));
        problem.line = good.split(|&byte| byte == b'\n').count();
        problem.column = 1;
        problem
    })?;
    Ok((metadata, text))
}

/// Half a million people: read in about a second, and that is long enough.
const LARGEST: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests;
