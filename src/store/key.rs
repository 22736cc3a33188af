//! The key that signs grants, made in the state directory at first start (S10).

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rand::TryRng;
use rand::rngs::SysRng;

use crate::secret::Secret;

/// Bytes of a key: as many as the MAC has.
const LENGTH: usize = 32;

/// Its name in the state directory.
const NAME: &str = "session_key";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// The directory or the file is out of reach.
    #[error(
        "cannot keep the session key in {0}: create the directory for this user, or name another with [store.memory] path"
    )]
    Unreachable(PathBuf, #[source] io::Error),
    /// It is not what was made.
    #[error(
        "the session key {0} has fewer than {LENGTH} bytes: restore it, or remove it to sign everybody out"
    )]
    Short(PathBuf),
    /// Others can read it.
    #[error(
        "the session key {0} can be read by others: chmod 600 it, or remove it to have a new one made"
    )]
    Readable(PathBuf),
    /// No randomness.
    #[error("the operating system's random generator failed")]
    Generator,
}

/// The key that is kept in `directory`; made, with the directory, if there is none.
///
/// # Errors
/// [`NoKey`], and then nothing may start: a key that changes at every start would be no key.
pub fn kept_in(directory: &Path) -> Result<Secret, NoKey> {
    let path = directory.join(NAME);
    let unreachable = |error| NoKey::Unreachable(directory.to_owned(), error);
    match OpenOptions::new().read(true).open(&path) {
        Ok(file) => read(file, &path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)
                .map_err(unreachable)?;
            make(directory, &path)
        }
        Err(error) => Err(unreachable(error)),
    }
}

/// The key that is kept in `directory`; `None` if there is none yet. Makes nothing: whoever only looks may be another user
/// than the one that serves, who could not read a key of theirs.
///
/// # Errors
/// [`NoKey`].
pub fn found_in(directory: &Path) -> Result<Option<Secret>, NoKey> {
    let path = directory.join(NAME);
    match OpenOptions::new().read(true).open(&path) {
        Ok(file) => read(file, &path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(NoKey::Unreachable(directory.to_owned(), error)),
    }
}

fn read(mut file: fs::File, path: &Path) -> Result<Secret, NoKey> {
    let unreachable = |error| NoKey::Unreachable(path.to_owned(), error);
    if file.metadata().map_err(unreachable)?.mode() & 0o077 != 0 {
        return Err(NoKey::Readable(path.to_owned()));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(unreachable)?;
    if bytes.len() < LENGTH {
        Err(NoKey::Short(path.to_owned()))
    } else {
        Ok(Secret::new(bytes))
    }
}

/// Writes it whole under another name first: a crash leaves no half key behind.
fn make(directory: &Path, path: &Path) -> Result<Secret, NoKey> {
    let unreachable = |error| NoKey::Unreachable(path.to_owned(), error);
    let mut key = vec![0; LENGTH];
    SysRng
        .try_fill_bytes(&mut key)
        .map_err(|_| NoKey::Generator)?;
    let half = directory.join(format!("{NAME}.{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&half)
        .map_err(unreachable)?;
    file.write_all(&key)
        .and_then(|()| file.sync_all())
        .map_err(unreachable)?;
    // Two first starts at once: one of them wins, and both read the same.
    let linked = fs::hard_link(&half, path);
    fs::remove_file(&half).map_err(unreachable)?;
    match linked {
        Ok(()) => Ok(Secret::new(key)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(fs::File::open(path).map_err(unreachable)?, path)
        }
        Err(error) => Err(unreachable(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn who_only_looks_for_a_key_makes_none() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state");
        assert_eq!(found_in(&state).unwrap(), None);
        assert!(!state.exists());
        let made = kept_in(&state).unwrap();
        assert_eq!(found_in(&state).unwrap(), Some(made));
    }

    #[test]
    fn s10_a_key_is_made_once_and_only_its_owner_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("a/b");
        let first = kept_in(&state).unwrap();
        assert_eq!(first.expose().len(), LENGTH);
        assert!(first.expose().iter().any(|byte| *byte != 0));
        assert_eq!(kept_in(&state).unwrap(), first);
        assert_eq!(
            fs::metadata(state.join(NAME)).unwrap().mode() & 0o777,
            0o600
        );
        assert_eq!(
            fs::read_dir(&state).unwrap().count(),
            1,
            "no half key is left"
        );
    }

    #[test]
    fn s10_a_short_or_readable_key_stops_the_start() {
        let directory = tempfile::tempdir().unwrap();
        kept_in(directory.path()).unwrap();
        let path = directory.path().join(NAME);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(kept_in(directory.path()), Err(NoKey::Readable(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, b"short").unwrap();
        assert!(matches!(kept_in(directory.path()), Err(NoKey::Short(_))));
    }

    #[test]
    fn a_directory_out_of_reach_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, b"").unwrap();
        assert!(matches!(
            kept_in(&file.join("state")),
            Err(NoKey::Unreachable(..))
        ));
    }
}
