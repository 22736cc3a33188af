//! Why a file is not begun with: its bytes are at fault, or somebody else is.

use std::io;
use std::path::Path;

use super::file::NotOpened;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("the database refuses it")]
    Database(#[source] Box<redb::Error>),
    #[error("it has no bytes")]
    Empty,
    #[error("a {0} in it cannot be read")]
    Record(&'static str),
    #[error("the database breaks down on it")]
    Panic,
    #[error("schema {0} is newer")]
    Newer(u32),
}

impl Unusable {
    /// Whether the bytes of the file are at fault, and not the disk, the system or another process.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Empty | Self::Record(_) | Self::Panic => true,
            Self::Newer(_) => false,
            Self::Database(error) => match &**error {
                // `redb` says so of a file that is none of its own, and of one that ends too soon.
                redb::Error::Io(error) => matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData
                        | io::ErrorKind::InvalidInput
                        | io::ErrorKind::UnexpectedEof
                ),
                redb::Error::DatabaseAlreadyOpen
                | redb::Error::LockProtocolMismatch
                | redb::Error::Backend(_)
                | redb::Error::Unsupported
                | redb::Error::DatabaseClosed
                | redb::Error::PreviousIo => false,
                _ => true,
            },
        }
    }

    /// Why nothing can start with it, where nothing is set aside.
    pub(super) fn refusal(self, path: &Path) -> NotOpened {
        let path = path.to_owned();
        match self {
            Self::Newer(schema) => NotOpened::Newer(path, schema),
            Self::Database(error) => match *error {
                redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                    NotOpened::Locked(path)
                }
                redb::Error::Io(error) => NotOpened::Unreachable(path, error),
                error => NotOpened::Database(path, Box::new(error)),
            },
            // A file that was just made: the disk does not give back what it took.
            Self::Empty | Self::Record(_) | Self::Panic => {
                NotOpened::Unreachable(path, io::ErrorKind::InvalidData.into())
            }
        }
    }
}

/// What the database calls its errors, by where they come from: all of them say what is wrong with a file.
macro_rules! unusable_from {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for Unusable {
            fn from(error: redb::$error) -> Self {
                Self::Database(Box::new(error.into()))
            }
        }
    )*};
}
unusable_from!(
    DatabaseError,
    TransactionError,
    TableError,
    StorageError,
    CommitError
);
