//! The one file, `state.redb`: opened, checked whole, set aside when damaged, written by transactions.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::TryRng;
use rand::rngs::SysRng;
use redb::backends::FileBackend;
use redb::{Database, DatabaseError, TableHandle};

use super::restore::{
    ALL, CLOCK_KEY, ONCE, PRINTS_KEY, Restored, SCHEMA, SCHEMA_KEY, USED_UP_KEY, restore,
};
use super::unusable::Unusable;
use super::{Notes, record};
use crate::moment::Moment;
use crate::store::print::KEY;

/// Its name in the state directory.
pub const NAME: &str = "state.redb";

/// Locked for as long as a process uses the directory; the file itself is closed and opened again after a failure.
const LOCK: &str = "state.lock";

/// Why there is no state to begin with.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// The directory or the file is out of reach.
    #[error(
        "cannot keep the state in {0}: create the directory for this user, or name another with [store.memory] path"
    )]
    Unreachable(PathBuf, #[source] io::Error),
    /// Two would count apart, and each lose what the other wrote.
    #[error(
        "another process uses the state in {0}: stop it, or name another directory with [store.memory] path"
    )]
    Locked(PathBuf),
    /// A later version wrote it.
    #[error(
        "a later version of Countersign wrote {0} (schema {1}, this one knows {SCHEMA}): run that version; or remove the file, \
         and with it limits and sign-outs"
    )]
    Newer(PathBuf, u32),
    /// The database cannot work there.
    #[error("cannot open the state file {0}")]
    Database(PathBuf, #[source] Box<redb::Error>),
    /// No randomness.
    #[error("the operating system's random generator failed")]
    Generator,
    /// No thread to write with.
    #[error("the system does not let this process start a thread that writes its state")]
    Thread(#[source] io::Error),
}

/// Why a transaction did not come about.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotWritten {
    #[error("the database failed")]
    Database(#[source] Box<redb::Error>),
    #[error("the file cannot be opened")]
    File(#[source] io::Error),
    #[error("the database broke down")]
    Panic,
}

/// How a file becomes a database.
pub(super) type Opener = Arc<dyn Fn(File) -> Result<Database, DatabaseError> + Send + Sync>;

/// On the disk, with every page checked: a file that was changed by others must not be believed.
pub(super) fn opener() -> Opener {
    Arc::new(|file| builder().create_with_backend(FileBackend::new(file)?))
}

/// The settings of the database.
pub(super) fn builder() -> redb::Builder {
    /// It is read once, at the start; afterwards it is only written. Bytes.
    const CACHE: usize = 16 * 1024 * 1024;
    let mut builder = Database::builder();
    builder.set_check_integrity_on_open(true);
    builder.set_cache_size(CACHE);
    builder
}

/// The file while a process uses it.
pub(super) struct StateFile {
    path: PathBuf,
    opener: Opener,
    /// Gone after a failure, until the next writing opens it again.
    database: Option<Database>,
    _lock: File,
}

impl StateFile {
    /// Opens the file in this directory, makes it at the first start, and sets it aside if it is damaged. Then its place
    /// is taken by an empty one that says that all limits are used up since now (A4): not even the next start makes them
    /// easier.
    pub(super) fn open(
        directory: &Path,
        now: Moment,
        opener: Opener,
    ) -> Result<(Self, Restored), NotOpened> {
        let unreachable = |error| NotOpened::Unreachable(directory.to_owned(), error);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(unreachable)?;
        let lock = lock(directory)?;
        let path = directory.join(NAME);
        if !path.try_exists().map_err(unreachable)? {
            begin(&path, now, None, &opener)?;
        }
        let (database, restored) = match load(&path, now, &opener) {
            Err(error) if error.is_damage() => {
                set_aside(&path, now, &opener, &error)?;
                load(&path, now, &opener)
            }
            loaded => loaded,
        }
        .map_err(|error| error.refusal(&path))?;
        let file = Self {
            path,
            opener,
            database: Some(database),
            _lock: lock,
        };
        Ok((file, restored))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// One transaction, on the disk when this returns: the rows, and the time.
    pub(super) fn write(&mut self, notes: &Notes, now: Moment) -> Result<(), NotWritten> {
        let database = match self.database.take() {
            Some(database) => database,
            None => self.reopen()?,
        };
        // A panic in the database must not end the writer: whoever waits would wait for nothing.
        let written = catch_unwind(AssertUnwindSafe(|| {
            let written = write(&database, notes, now);
            // After a failure it takes no more transactions: it is opened again for the next try.
            written.map(|()| database)
        }));
        let database = written
            .map_err(|_| NotWritten::Panic)?
            .map_err(|error| NotWritten::Database(Box::new(error)))?;
        self.database = Some(database);
        Ok(())
    }

    /// Closes it, so that the next process need not repair it.
    pub(super) fn close(self) {
        let Some(database) = self.database else {
            return;
        };
        if let Err(error) = database.close() {
            tracing::warn!(event = "state.not_closed", %error, "the state file is checked at the next start");
        }
    }

    fn reopen(&self) -> Result<Database, NotWritten> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&self.path)
            .map_err(NotWritten::File)?;
        catch_unwind(AssertUnwindSafe(|| (self.opener)(file)))
            .map_err(|_| NotWritten::Panic)?
            .map_err(|error| NotWritten::Database(Box::new(error.into())))
    }
}

fn lock(directory: &Path) -> Result<File, NotOpened> {
    let unreachable = |error| NotOpened::Unreachable(directory.to_owned(), error);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(directory.join(LOCK))
        .map_err(unreachable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(NotOpened::Locked(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(unreachable(error)),
    }
}

/// Makes a file and puts it in its place whole: a crash on the way leaves what was there.
fn begin(
    path: &Path,
    now: Moment,
    used_up: Option<Moment>,
    opener: &Opener,
) -> Result<(), NotOpened> {
    let unreachable = |error| NotOpened::Unreachable(path.to_owned(), error);
    let mut key = [0; KEY];
    SysRng
        .try_fill_bytes(&mut key)
        .map_err(|_| NotOpened::Generator)?;
    let new = path.with_extension("redb.new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unreachable(error)),
        _ => {}
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .map_err(unreachable)?;
    let write = |database: &Database| -> Result<(), redb::Error> {
        let transaction = database.begin_write()?;
        for table in ALL {
            transaction.open_table(table)?;
        }
        {
            let mut once = transaction.open_table(ONCE)?;
            once.insert(SCHEMA_KEY, &SCHEMA.to_be_bytes()[..])?;
            once.insert(PRINTS_KEY, &key[..])?;
            once.insert(CLOCK_KEY, &*record::moment(now))?;
            if let Some(used_up) = used_up {
                once.insert(USED_UP_KEY, &*record::moment(used_up))?;
            }
        }
        Ok(transaction.commit()?)
    };
    opener(file)
        .map_err(redb::Error::from)
        .and_then(|database| {
            write(&database)?;
            Ok(database.close()?)
        })
        .map_err(|error| NotOpened::Database(path.to_owned(), Box::new(error)))?;
    fs::rename(&new, path)
        .and_then(|()| sync_directory(path))
        .map_err(unreachable)
}

/// Keeps the damaged file under another name and begins a new one.
fn set_aside(path: &Path, now: Moment, opener: &Opener, error: &Unusable) -> Result<(), NotOpened> {
    let unreachable = |error| NotOpened::Unreachable(path.to_owned(), error);
    let name = |n: u32| {
        let more = if n == 0 {
            String::new()
        } else {
            format!("-{n}")
        };
        path.with_extension(format!("redb.damaged-{}{more}", now.unix))
    };
    // Not renamed: until the new file has taken its place in one step, a start would find none and begin with empty limits.
    let aside = (0..1000)
        .map(name)
        .find_map(|aside| match fs::hard_link(path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
            // There are filesystems without hard links.
            Err(_) => Some(fs::copy(path, &aside).map(|_| aside)),
            Ok(()) => Some(Ok(aside)),
        })
        .unwrap_or_else(|| Err(io::ErrorKind::AlreadyExists.into()))
        .map_err(unreachable)?;
    begin(path, now, Some(now), opener)?;
    tracing::error!(
        event = "state.damaged",
        error = error as &dyn std::error::Error,
        aside = %aside.display(),
        file = %path.display(),
        "the state file was damaged and is kept aside. What it counted is not known, so every limit counts as used up: no \
         code is sent for 24 hours, nobody's answer is taken for one, and everybody has to sign in again. To begin with \
         empty limits at once: stop Countersign, remove the file, start it"
    );
    Ok(())
}

fn load(path: &Path, now: Moment, opener: &Opener) -> Result<(Database, Restored), Unusable> {
    let io = |error: io::Error| Unusable::Database(Box::new(redb::Error::Io(error)));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(io)?;
    file.set_permissions(Permissions::from_mode(0o600))
        .map_err(io)?;
    if file.metadata().map_err(io)?.len() == 0 {
        // The database would take it for a new one.
        return Err(Unusable::Empty);
    }
    // It says so itself: of a file that others changed it may panic.
    catch_unwind(AssertUnwindSafe(|| {
        let database = opener(file)?;
        let transaction = database.begin_write()?;
        let restored = restore(&transaction, now)?;
        transaction.commit()?;
        Ok((database, restored))
    }))
    .unwrap_or(Err(Unusable::Panic))
}

fn write(database: &Database, notes: &Notes, now: Moment) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    // Each table is opened once: a table that is open cannot be opened again.
    for definition in ALL {
        let mut table = None;
        for (row, value) in notes {
            if row.table().name() != definition.name() {
                continue;
            }
            let table = match &mut table {
                Some(table) => table,
                none => none.insert(transaction.open_table(definition)?),
            };
            match value {
                Some(value) => drop(table.insert(&*row.key(), &**value)?),
                None => drop(table.remove(&*row.key())?),
            }
        }
    }
    transaction
        .open_table(ONCE)?
        .insert(CLOCK_KEY, &*record::moment(now))?;
    Ok(transaction.commit()?)
}

/// A name is on disk when its directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}
