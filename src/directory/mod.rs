//! Who is who, and which number and mail address belong to whom.
//!
//! Lookups may touch the disk: they belong on the slow runtime, never on a worker.

use std::path::PathBuf;
use std::sync::Arc;

use crate::email::Email;
use crate::name::Name;
use crate::phone::Phone;
use crate::subject::Subject;
use file::UsersFile;
use problem::Problem;

pub mod file;
pub mod problem;
pub mod users;

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

/// A directory in use.
pub struct Directory {
    name: Name,
    source: UsersFile,
}

/// Somebody who may be asked for a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who they are; also when they were found by an alias.
    pub subject: Subject,
    /// Where text messages and calls go. Without one there are none.
    pub phone: Option<Phone>,
    /// Where mail goes. Without one there is none.
    pub email: Option<Email>,
    /// The language of their messages (BCP 47), where one was chosen.
    pub locale: Option<String>,
}

/// The directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("directory {name}: {} has {} that must be mended first", path.display(), counted(problems))]
pub struct Unusable {
    /// Which one.
    pub name: Name,
    /// Its file.
    pub path: PathBuf,
    /// What is wrong with it. At least one.
    pub problems: Vec<Problem>,
}

impl Directory {
    /// Reads the directory for the first time.
    ///
    /// # Errors
    /// [`Unusable`] if it cannot be read or has mistakes. Later on, mistakes leave what was read before in use.
    pub fn open(settings: &Settings) -> Result<Self, Unusable> {
        let Kind::File(path) = &settings.kind;
        let name = settings.name.clone();
        let source = UsersFile::open(name.clone(), path.clone());
        let source = source.map_err(|problems| Unusable {
            name: name.clone(),
            path: path.clone(),
            problems,
        })?;
        Ok(Self { name, source })
    }

    /// Its name in `[sites.…] directory`.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The person of that name or alias; nobody who is disabled.
    #[must_use]
    pub fn lookup(&self, name: &Subject) -> Option<Person> {
        self.source
            .current()
            .by_name(name)
            .map(Arc::unwrap_or_clone)
    }

    /// The person whose number that is. Two people with one number are nobody: which of them it is cannot be told.
    #[must_use]
    pub fn by_phone(&self, phone: &Phone) -> Option<Person> {
        self.source
            .current()
            .by_phone(phone)
            .map(Arc::unwrap_or_clone)
    }
}

fn counted(problems: &[Problem]) -> String {
    match problems.len() {
        1 => "a mistake".to_owned(),
        more => format!("{more} mistakes"),
    }
}

#[cfg(test)]
mod tests;
