//! The configuration: what it means, once everything in it is known to be right.
//!
//! [`load`] reads the file and what it includes (`tree`), with what presets bring (`preset`), key by key (`reader`, `file`), and then turns names into
//! the things they name (`resolve`, `sites`). Every step goes on past a mistake, so that one run tells all of them; a
//! [`Config`] comes out only if there was none. Who has one never asks "is this set?".

use std::path::{Path, PathBuf};

use http::header::HeaderValue;
use ipnet::IpNet;

use crate::name::Name;
use crate::secret::Secret;
use crate::site::Site;
use crate::{admin, carrier, directory, limit, server, store, upstream};

mod address;
mod api;
mod application;
mod captures;
mod classes;
mod delivery;
pub mod diagnostic;
mod file;
mod language;
mod messages;
mod names;
mod notes;
mod pem;
mod preset;
mod reach;
mod reader;
mod resolve;
pub mod rule;
pub mod sample;
pub(crate) mod secret;
mod shadow;
mod sites;
mod tree;
mod value;

#[cfg(test)]
mod tests;

use diagnostic::Diagnostic;
pub(crate) use reader::nearest;
use rule::Severity;

/// A configuration that can be run.
#[derive(Debug)]
pub struct Config {
    /// `[listen]`
    pub listen: server::Settings,
    /// Whose word about the visitor's address counts (R10).
    pub trusted_proxies: Vec<IpNet>,
    /// `[sites.…]`, in the order in which they are written. Not empty unless there is an API.
    pub sites: Vec<SiteSettings>,
    /// `[api]`
    pub api: Option<crate::api::Settings>,
    /// `[directory.…]`
    pub directories: Vec<directory::Settings>,
    /// `[carriers.…]`
    pub carriers: Vec<carrier::Settings>,
    /// `[delivery]`; names only carriers that exist.
    pub delivery: carrier::Delivery,
    /// `[limits]`
    pub limits: limit::Settings,
    /// `[store.memory]`: its directory is also where the session key is kept, if none is named.
    pub store: store::Settings,
    /// The first signs, all verify; at least 32 bytes each (S10). `None`: a key is made in the state directory.
    pub session_keys: Option<Vec<Secret>>,
    /// How many last digits of a number are shown: 0–4.
    pub show_phone: u8,
    /// `[log] format`
    pub log_format: LogFormat,
    /// `[admin]`
    pub admin: admin::Settings,
}

/// A site, and what the rooms need to know of it.
#[derive(Debug)]
pub struct SiteSettings {
    /// What decisions need.
    pub site: Site,
    /// Where its application is.
    pub upstream: upstream::Settings,
    /// What its `preset` knows of the application.
    pub known: Option<&'static crate::preset::Preset>,
    /// Where the application begins, such as `/blog`; empty where it begins at the root.
    pub base: String,
    /// Who has which number; names one of [`Config::directories`].
    pub directory: Name,
    /// How the application is told who it is.
    pub identity: Option<upstream::identity::Settings>,
    /// Who signs the certificates that its visitors have to show: a PEM file.
    pub client_ca: Option<PathBuf>,
    /// What its answers say in `Strict-Transport-Security`.
    pub hsts: Option<HeaderValue>,
}

/// `[log] format`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// What came of reading a configuration.
#[derive(Debug)]
pub struct Loaded {
    /// There if no problem is an error.
    pub config: Option<Config>,
    /// Errors and warnings, by file and line.
    pub problems: Vec<Diagnostic>,
}

impl Loaded {
    /// How many problems are of that severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.problems
            .iter()
            .filter(|problem| problem.severity() == severity)
            .count()
    }
}

/// Reads the configuration at `path`, the files that it includes, and the secrets that it names.
#[must_use]
pub fn load(path: &Path) -> Loaded {
    load_in(path, &secret::Environment::of_process())
}

/// The admin socket of the gateway that runs from the configuration at `path`, if one is named there. Nothing else of it
/// is asked for: who talks to the gateway need not be able to read its secrets.
#[must_use]
pub fn admin_socket(path: &Path) -> Option<PathBuf> {
    let root = tree::read(path, &mut Vec::new())?;
    let notes = notes::Notes::new(Vec::new());
    let file = file::File::read(reader::Reader::root(&root, &notes));
    resolve::admin(&file, &notes, &secret::Environment::of_process()).socket
}

fn load_in(path: &Path, environment: &secret::Environment) -> Loaded {
    let mut problems = Vec::new();
    let Some(mut root) = tree::read(path, &mut problems) else {
        return Loaded {
            config: None,
            problems,
        };
    };
    preset::complete(&mut root);
    let notes = notes::Notes::new(problems);
    let file = file::File::read(reader::Reader::root(&root, &notes));
    let config = resolve::resolve(file, &notes, environment);
    let problems = notes.into_problems();
    let good = problems
        .iter()
        .all(|problem| problem.severity() == Severity::Warning);
    Loaded {
        config: config.filter(|_| good),
        problems,
    }
}
