//! To be written.
use std::path::PathBuf;

use crate::name::Name;

/// `[directory.NAME.KIND]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name in `[sites.…] directory`.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
}
/// The directories there are.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A users file (design section 11), read again when it changes.
    File(PathBuf),
}
