//! Secrets are never written in the configuration: it says where they are, and this reads them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::diagnostic::Diagnostic;
use super::notes::Notes;
use super::rule::Rule;
use super::tree::Value;
use super::value::{At, Leaf, Wrong, beside};
use crate::secret::Secret;

/// Longer than any key file; a wrong path must not fill the memory.
const MOST_BYTES: u64 = 1024 * 1024;

/// The variables of the process, taken once, so that tests can bring their own.
pub(super) struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    pub(super) fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    #[cfg(test)]
    pub(super) fn of(variables: impl IntoIterator<Item = (&'static str, OsString)>) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    }

    /// The variable, unless it is not set or empty.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }
}

/// Where a secret is.
#[derive(Clone, Debug)]
pub(super) enum Reference {
    /// `credential:NAME`: a file in `$CREDENTIALS_DIRECTORY` (systemd).
    Credential(String),
    /// `file:PATH`
    File(PathBuf),
    /// `env:NAME`
    Variable(String),
}

impl Leaf for Reference {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let Ok(text) = String::read(value) else {
            value.place.hide();
            return Err(Wrong::Type(
                "where a secret is, such as \"credential:NAME\"",
            ));
        };
        match text.split_once(':') {
            Some(("credential", name)) if is_credential(name) => {
                Ok(Self::Credential(name.to_owned()))
            }
            Some(("file", path)) => beside(path, &value.place).map(Self::File),
            Some(("env", name)) if !name.is_empty() && !name.contains(['=', '\0']) => {
                Ok(Self::Variable(name.to_owned()))
            }
            Some(("credential" | "env", _)) => Err(Wrong::new(
                Rule::NoSecret,
                "this names no secret",
                "a plain name is wanted after the colon",
            )),
            _ => {
                // Excerpts of this and of other problems must not show it (C8).
                value.place.hide();
                let wrong = Wrong::new(
                    Rule::LiteralSecret,
                    "a secret is written in the file",
                    "secrets are never written here",
                );
                let path = text
                    .starts_with('/')
                    .then(|| format!("if it is a path, write \"file:{text}\""));
                Err(path
                    .into_iter()
                    .fold(wrong, Wrong::help)
                    .help("write \"credential:NAME\" (systemd), \"file:/path\" or \"env:NAME\""))
            }
        }
    }
}

/// A file name and nothing else (systemd.exec(5), `LoadCredential=`).
fn is_credential(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0'])
}

/// The secret that is meant; what is wrong with it is noted.
pub(super) fn noted(
    reference: &At<Reference>,
    environment: &Environment,
    notes: &Notes,
) -> Option<Secret> {
    read(reference, environment)
        .map_err(|problem| notes.add(problem))
        .ok()
}

/// The file that it is in, if it is in one.
pub(super) fn path(reference: &Reference, environment: &Environment) -> Option<PathBuf> {
    match reference {
        Reference::File(path) => Some(path.clone()),
        Reference::Credential(name) => {
            let folder = environment.get("CREDENTIALS_DIRECTORY")?;
            Some(Path::new(folder).join(name))
        }
        Reference::Variable(_) => None,
    }
}

/// Reads a secret's file once more, by the rules of [`read`], while the gateway runs.
///
/// # Errors
/// What is wrong with it now.
pub(crate) fn again(path: &Path) -> io::Result<Secret> {
    let bytes = file(path).map_err(|unfit| match unfit {
        Unfit::Unreadable(error) => error,
        Unfit::Open(mode) => io::Error::other(format!(
            "everybody on this machine can get at it: its mode is {mode:04o}"
        )),
        Unfit::TooLong => io::Error::other("it is too long for a secret"),
    })?;
    Ok(Secret::new(without_line_end(bytes)))
}

/// Fetches the secret.
///
/// # Errors
/// What is wrong with it: not there, empty, or open to everybody on this machine (S10).
pub(super) fn read(
    reference: &At<Reference>,
    environment: &Environment,
) -> Result<Secret, Diagnostic> {
    let place = &reference.place;
    let bytes = match &reference.value {
        Reference::Variable(name) => match environment.get(name) {
            Some(value) => value.to_owned().into_vec(),
            None => {
                return Err(Diagnostic::new(
                    Rule::NoSecret,
                    format!("the variable {name} is not set"),
                    place,
                    "not in the environment",
                ));
            }
        },
        Reference::File(path) => file(path).map_err(|wrong| wrong.at(path, reference))?,
        Reference::Credential(name) => {
            let Some(folder) = environment.get("CREDENTIALS_DIRECTORY") else {
                return Err(Diagnostic::new(Rule::NoCredentials, "$CREDENTIALS_DIRECTORY is not set", place, "a credential of systemd")
                    .help(format!("for the service: LoadCredential={name}:/etc/countersign/credentials/{name} in the unit"))
                    .help("by hand: CREDENTIALS_DIRECTORY=/etc/countersign/credentials countersign check"));
            };
            let path = Path::new(folder).join(name);
            file(&path).map_err(|wrong| wrong.at(&path, reference))?
        }
    };
    let bytes = without_line_end(bytes);
    if bytes.is_empty() {
        return Err(Diagnostic::new(
            Rule::EmptySecret,
            "a secret is empty",
            place,
            "nothing is in it",
        ));
    }
    Ok(Secret::new(bytes))
}

enum Unfit {
    Unreadable(io::Error),
    Open(u32),
    TooLong,
}

impl Unfit {
    fn at(self, path: &Path, reference: &At<Reference>) -> Diagnostic {
        let (path, place) = (path.display(), &reference.place);
        match self {
            Self::Unreadable(error) => Diagnostic::new(
                Rule::NoSecret,
                format!("cannot read {path}: {error}"),
                place,
                "the secret is wanted",
            ),
            Self::Open(mode) => Diagnostic::new(
                Rule::OpenSecret,
                format!("everybody on this machine can get at {path}"),
                place,
                format!("its mode is {mode:04o}"),
            )
            .help(format!(
                "chmod o= {path}, and think about a new secret: this one may be known"
            )),
            Self::TooLong => Diagnostic::new(
                Rule::NoSecret,
                format!("{path} is too long for a secret"),
                place,
                format!("more than {MOST_BYTES} bytes"),
            ),
        }
    }
}

fn file(path: &Path) -> Result<Vec<u8>, Unfit> {
    let file = fs::File::open(path).map_err(Unfit::Unreadable)?;
    // Of the open file, not of the name: the two could differ.
    let metadata = file.metadata().map_err(Unfit::Unreadable)?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o007 != 0 {
        return Err(Unfit::Open(mode));
    }
    if metadata.len() > MOST_BYTES {
        return Err(Unfit::TooLong);
    }
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, MOST_BYTES), &mut bytes)
        .map_err(Unfit::Unreadable)?;
    Ok(bytes)
}

/// Editors and `echo` end a file with a line end that is no part of the secret.
fn without_line_end(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    bytes
}
