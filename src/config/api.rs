//! The API as meant: its accounts, and what must hold for them.

use std::net::SocketAddr;

use super::diagnostic::Diagnostic;
use super::file::File;
use super::file::api::{Account, Api};
use super::names::twice;
use super::notes::Notes;
use super::rule::Rule;
use super::secret::{self, Environment};
use super::value::At;
use crate::api;

/// Where it listens unless it says so.
const LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 8444);

/// `[api]`, if it is written. `None`, too, if something is wrong with it, which is noted.
pub(super) fn resolve(
    file: &File,
    notes: &Notes,
    environment: &Environment,
) -> Option<api::Settings> {
    let written = file.api.as_ref()?;
    let listen = written
        .listen
        .as_ref()
        .map_or_else(|| SocketAddr::from(LISTEN), |listen| listen.value);
    if !written.accounts_written {
        let problem = Diagnostic::new(
            Rule::Missing,
            "the API has no account",
            &written.place,
            "nobody could call it",
        );
        notes.add(
            problem.help("write [api.accounts.ID] with its `name`, `username` and `password`"),
        );
    }
    carried(file, written, notes);
    let accounts: Vec<Option<api::Account>> = written
        .accounts
        .iter()
        .map(|account| meant(account, notes, environment))
        .collect();
    let names = written
        .accounts
        .iter()
        .filter_map(|own| own.username.as_ref());
    let mut seen: Vec<&At<String>> = Vec::new();
    for name in names {
        match seen.iter().find(|other| other.value == name.value) {
            // A login, and a token got by it, is one account's.
            Some(first) => notes.add(twice("`username`", &name.place, &first.place)),
            None => seen.push(name),
        }
    }
    listens(file, written, listen, notes);
    Some(api::Settings {
        listen,
        accounts: accounts.into_iter().collect::<Option<Vec<_>>>()?,
    })
}

/// Off loopback codes and passwords go over a network: not in clear text.
fn listens(file: &File, written: &Api, listen: SocketAddr, notes: &Notes) {
    let place = written
        .listen
        .as_ref()
        .map_or(&written.place, |listen| &listen.place);
    if api::speaks_tls(listen) && !file.listen.certified {
        let problem = Diagnostic::new(
            Rule::NoTls,
            "the API off loopback without a certificate",
            place,
            "needs `cert` and `key` in [listen]",
        );
        notes.add(
            problem
                .help("add to [listen]: cert = \"/etc/countersign/tls/fullchain.pem\" and key = \"credential:tls_key\"")
                .help("or let it listen on loopback: listen = \"127.0.0.1:8444\""),
        );
    }
    let others = file
        .listen
        .https
        .items
        .iter()
        .chain(&file.listen.http.items);
    // Port 0 is a new port each time.
    for other in others.filter(|other| other.value == listen && other.value.port() != 0) {
        let what = format!("address {listen}");
        notes.add(twice(&what, place, &other.place));
    }
}

fn carried(file: &File, written: &Api, notes: &Notes) {
    if file.delivery.sms.written || file.delivery.voice.written {
        return;
    }
    let problem = Diagnostic::new(
        Rule::NoCarrier,
        "nobody carries what the API sends",
        &written.place,
        "[delivery] has neither `sms` nor `voice`",
    );
    let example = file
        .carriers
        .first()
        .map_or("NAME", |carrier| carrier.name.value.as_str());
    notes.add(problem.help(format!("name a carrier: [delivery] sms = [\"{example}\"]")));
}

fn meant(account: &Account, notes: &Notes, environment: &Environment) -> Option<api::Account> {
    let id = &account.id;
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let fits = (1..=20).contains(&id.value.len()) && id.value.bytes().all(known);
    if !fits {
        let problem = Diagnostic::new(
            Rule::BadName,
            format!("`{}` cannot be an account's id", id.value),
            &id.place,
            "1 to 20 of 0-9, A-Z, a-z, _ and -",
        );
        notes.add(problem.help("as Bandwidth gives them: [api.accounts.9900000]"));
    }
    if let Some(name) = account
        .username
        .as_ref()
        .filter(|name| !typable(&name.value))
    {
        let problem = Diagnostic::new(
            Rule::BadText,
            "a user name that nobody can log in with",
            &name.place,
            "1 to 200 characters, no colon and none that cannot be seen (RFC 7617)",
        );
        notes.add(problem);
    }
    let password = account
        .password
        .as_ref()
        .and_then(|password| secret::noted(password, environment, notes));
    Some(api::Account {
        id: fits.then(|| id.value.clone())?,
        name: account.name.as_ref()?.value.0.clone(),
        username: account.username.as_ref()?.value.clone(),
        password: password?,
    })
}

fn typable(name: &str) -> bool {
    (1..=200).contains(&name.chars().count())
        && !name.contains(|c: char| c == ':' || c.is_control())
}
