//! From the file as written to what it means: names become the things they name, references become secrets.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use super::diagnostic::{Diagnostic, Place, Source};
use super::file::delivery as written;
use super::file::{self, File};
use super::names::{repeated, twice};
use super::notes::Notes;
use super::pem::{certified, readable};
use super::reader::List;
use super::rule::Rule;
use super::secret::{self, Environment};
use super::value::At;
use super::{Config, api, delivery, messages, shadow, sites};
use crate::message::Channel;
use crate::message::wording::Wording;
use crate::name::Name;
use crate::scope::Scope;
use crate::secret::Secret;
use crate::{admin, directory, server, store};

/// systemd's StateDirectory=countersign, for those who start the gateway by hand.
const STATE_DIRECTORY: &str = "/var/lib/countersign";

/// What a key of HMAC-SHA-256 must have (S10: 256 bits).
const KEY_BYTES: usize = 32;

/// A scope and where its table stands.
pub(super) type KnownScope = At<Arc<Scope>>;

/// Puts everything together. `None` only if something is wrong, which is then in `notes`; not always the other way
/// round.
pub(super) fn resolve(file: File, notes: &Notes, environment: &Environment) -> Option<Config> {
    let scopes = scopes(&file, notes);
    let session_keys = file
        .session_keys
        .written
        .then(|| session_keys(&file.session_keys, notes, environment));
    let listen = listen(&file, notes, environment);
    let trusted_proxies = trusted_proxies(&file.listen, notes);
    let directories: Vec<directory::Settings> = file
        .directories
        .iter()
        .filter_map(|directory| directory_settings(directory, notes))
        .collect();
    let delivery = delivery::resolve(&file, notes);
    let carriers = file
        .carriers
        .iter()
        .filter_map(|carrier| carrier.settings(delivery.public.as_deref(), notes, environment))
        .collect();
    let admin = admin(&file, notes, environment);
    for carrier in &file.carriers {
        carrier.placed(&delivery, notes);
    }
    let api = api::resolve(&file, notes, environment);
    let sites = sites::resolve(&file, &scopes, notes, environment);
    if notes.sound() {
        warn_of_unused(&file, notes);
        sites::warn_of_scopes_never_asked(&file, notes);
        shadow::warn(&file, notes);
        messages::warn(&file, sites.as_deref().unwrap_or_default(), notes);
    }
    Some(Config {
        listen,
        trusted_proxies,
        sites: sites?,
        api,
        directories,
        carriers,
        delivery,
        limits: file.limits,
        store: store::Settings {
            path: file
                .store
                .0
                .map_or_else(|| state_directory(environment), |path| path.value),
            durable: file.store.1,
        },
        session_keys,
        show_phone: file.show_phone,
        log_format: file.log_format,
        admin,
    })
}

fn scopes(file: &File, notes: &Notes) -> Vec<KnownScope> {
    let (mut scopes, house) = (Vec::new(), Arc::new(Wording::default()));
    for scope in &file.scopes {
        repeated(&scope.channels, "channel", notes, |channel| *channel);
        let channels: Vec<Channel> = if scope.channels.written {
            scope
                .channels
                .items
                .iter()
                .map(|channel| channel.value)
                .collect()
        } else {
            vec![Channel::Sms]
        };
        for (index, channel) in channels.iter().enumerate() {
            let (word, carriers) = match channel {
                Channel::Sms => ("sms", &file.delivery.sms),
                Channel::Voice => ("voice", &file.delivery.voice),
                Channel::Email => ("email", &file.delivery.email),
            };
            if !carriers.written {
                let place = scope
                    .channels
                    .items
                    .get(index)
                    .map_or(&scope.name.place, |channel| &channel.place);
                let example = file
                    .carriers
                    .first()
                    .map_or("NAME", |carrier| carrier.name.value.as_str());
                let problem = Diagnostic::new(
                    Rule::NoCarrier,
                    format!("nobody carries `{word}`"),
                    place,
                    format!("scope `{}` uses it", scope.name.value),
                );
                notes.add(problem.help(format!(
                    "name a carrier: [delivery] {word} = [\"{example}\"]"
                )));
            }
        }
        let meant = Scope {
            name: scope.name.value.clone(),
            title: scope.title.as_ref().map_or_else(
                || scope.name.value.to_string(),
                |title| title.value.0.clone(),
            ),
            digits: scope.digits,
            code_life: scope.code_life,
            grant_life: scope.grant_life,
            idle: scope.idle,
            shadow: scope.shadow.as_ref().is_some_and(|shadow| shadow.value),
            channels,
            // Where a text of the operator's cannot be sent that is noted, and nothing comes of this configuration.
            message: scope.messages.over(&house),
        };
        scopes.push(At {
            value: Arc::new(meant),
            place: scope.name.place.clone(),
        });
    }
    scopes
}

/// What is set up and never named anywhere is either forgotten or misspelt elsewhere.
fn warn_of_unused(file: &File, notes: &Notes) {
    let carrying: BTreeSet<&Name> = file
        .delivery
        .sms
        .items
        .iter()
        .chain(&file.delivery.voice.items)
        .chain(&file.delivery.email.items)
        .map(|name| &name.value)
        .collect();
    for carrier in file
        .carriers
        .iter()
        .filter(|carrier| !carrying.contains(&carrier.name.value))
    {
        let problem = Diagnostic::new(
            Rule::NotUsed,
            format!("carrier `{}` is not used", carrier.name.value),
            &carrier.name.place,
            "not in [delivery]",
        );
        notes.add(problem);
    }
    let asked: BTreeSet<&Name> = file
        .sites
        .iter()
        .filter_map(|site| site.directory.as_ref())
        .map(|name| &name.value)
        .collect();
    for directory in file
        .directories
        .iter()
        .filter(|directory| !asked.contains(&directory.name.value))
    {
        let problem = Diagnostic::new(
            Rule::NotUsed,
            format!("directory `{}` is not used", directory.name.value),
            &directory.name.place,
            "no site names it",
        );
        notes.add(problem);
    }
}

fn session_keys(
    keys: &List<secret::Reference>,
    notes: &Notes,
    environment: &Environment,
) -> Vec<Secret> {
    let mut read = Vec::new();
    for reference in &keys.items {
        let Some(key) = noted(secret::read(reference, environment), notes) else {
            continue;
        };
        long_enough(&key, "a session key", &reference.place, notes);
        read.push(key);
    }
    read
}

/// A shorter key of `what` is noted.
pub(super) fn long_enough(key: &Secret, what: &str, place: &Place, notes: &Notes) {
    if key.expose().len() < KEY_BYTES {
        let problem = Diagnostic::new(
            Rule::ShortSecret,
            format!("{what} is too short"),
            place,
            format!("{} bytes, {KEY_BYTES} are needed", key.expose().len()),
        );
        notes.add(problem.help("make one: openssl rand -base64 32"));
    }
}

fn listen(file: &File, notes: &Notes, environment: &Environment) -> server::Settings {
    let listen = &file.listen;
    let mut certificates = Vec::new();
    for certificate in &listen.certificates {
        certified(&certificate.chain, "certificate", notes);
        let Some(key) = noted(secret::read(&certificate.key, environment), notes) else {
            continue;
        };
        if PrivateKeyDer::from_pem_slice(key.expose()).is_err() {
            let problem = Diagnostic::new(
                Rule::NoSecret,
                "no private key is in there",
                &certificate.key.place,
                "a PEM file with a PRIVATE KEY is wanted",
            );
            notes.add(problem);
        }
        certificates.push(server::Certificate {
            chain: certificate.chain.value.clone(),
            key,
            key_file: secret::path(&certificate.key.value, environment),
        });
    }
    if listen.https.written && !listen.certified {
        let problem = Diagnostic::new(
            Rule::NoTls,
            "https without a certificate",
            &listen.https.place,
            "needs `cert` and `key`",
        );
        notes.add(problem.help("add to [listen]: cert = \"/etc/countersign/tls/fullchain.pem\" and key = \"credential:tls_key\""));
    }
    // The API has its own listener, and takes the same certificates.
    if let (false, None, Some(certificate)) =
        (listen.https.written, &file.api, listen.certificates.first())
    {
        let problem = Diagnostic::new(
            Rule::NotUsed,
            "a certificate that is not used",
            &certificate.chain.place,
            "there is no https listener",
        );
        notes.add(problem.help("add to [listen]: https = [\"0.0.0.0:443\"]"));
    }
    let mut seen: Vec<&At<std::net::SocketAddr>> = Vec::new();
    for address in listen.https.items.iter().chain(&listen.http.items) {
        // Port 0 is a new port each time.
        match seen
            .iter()
            .find(|known| known.value == address.value && known.value.port() != 0)
        {
            Some(first) => notes.add(twice(
                &format!("address {}", address.value),
                &address.place,
                &first.place,
            )),
            None => seen.push(address),
        }
    }
    let proxied = listen.proxy_protocol.as_ref().filter(|on| on.value);
    if let (Some(proxied), false) = (proxied, listen.trusted_proxies.written) {
        let problem = Diagnostic::new(
            Rule::Missing,
            "`proxy_protocol` without `trusted_proxies`",
            &proxied.place,
            "nobody could connect",
        );
        notes.add(problem.help("name the addresses of your proxies: trusted_proxies = [\"10.0.0.0/8\"]; from others no PROXY header is taken"));
    }
    let values = |list: &List<std::net::SocketAddr>| {
        list.items.iter().map(|address| address.value).collect()
    };
    server::Settings {
        https: values(&listen.https),
        http: values(&listen.http),
        certificates,
        proxy_protocol: proxied.is_some(),
    }
}

/// Where the gateway of this configuration is looked into.
pub(super) fn admin(file: &File, notes: &Notes, environment: &Environment) -> admin::Settings {
    let listen = file
        .listen
        .https
        .items
        .iter()
        .chain(&file.listen.http.items);
    if let Some(http) = &file.admin.http
        && let Some(first) = listen
            .into_iter()
            .find(|address| address.value == http.value && http.value.port() != 0)
    {
        let what = format!("address {}", http.value);
        notes.add(twice(&what, &http.place, &first.place));
    }
    let written = file.admin.socket.as_ref().map(|path| path.value.clone());
    admin::Settings {
        http: file.admin.http.as_ref().map(|http| http.value),
        socket: written.or_else(|| {
            let folder = first_of(environment, "RUNTIME_DIRECTORY")?;
            Some(folder.join("admin.sock"))
        }),
    }
}

fn trusted_proxies(listen: &file::Listen, notes: &Notes) -> Vec<ipnet::IpNet> {
    for net in listen
        .trusted_proxies
        .items
        .iter()
        .filter(|net| net.value.prefix_len() == 0)
    {
        let problem = Diagnostic::new(
            Rule::TrustsAll,
            "everybody is believed about their address",
            &net.place,
            "every peer is a trusted proxy",
        );
        notes.add(problem.help("name the addresses of your proxies: a visitor who picks an address of their own evades the limits"));
    }
    listen
        .trusted_proxies
        .items
        .iter()
        .map(|net| net.value)
        .collect()
}

fn directory_settings(
    directory: &written::Directory,
    notes: &Notes,
) -> Option<directory::Settings> {
    let users = directory.users.as_ref()?;
    if readable(users, notes) {
        judge_users(users, notes);
    }
    Some(directory::Settings {
        name: directory.name.value.clone(),
        kind: directory::Kind::File(users.value.clone()),
    })
}

/// Problems of users files are told after those of the configuration's own files.
const USERS_RANK: usize = 1_000_000;

/// The directory judges its file; what it finds is told here, beside the rest, at its place in that file.
fn judge_users(users: &At<PathBuf>, notes: &Notes) {
    let (rule, problems) = match directory::file::read(&users.value) {
        Ok(read) => (Rule::UsersShould, read.warnings().to_vec()),
        Err(problems) => (Rule::BadUsers, problems),
    };
    // The file may have changed since it was judged: a place that is not there any more is the file as a whole.
    let text = std::fs::read_to_string(&users.value).unwrap_or_default();
    let source = Source::new(users.value.clone(), text, USERS_RANK);
    for problem in problems {
        let whole = problem.line == 0 || source.text().get(problem.span.clone()).is_none();
        let place = if whole {
            users.place.clone()
        } else {
            Place::new(&source, problem.span)
        };
        let told = Diagnostic::new(
            rule,
            problem.message,
            &place,
            if whole { "this file" } else { "here" },
        );
        notes.add(match problem.help {
            Some(help) => told.help(help),
            None => told,
        });
    }
}

fn state_directory(environment: &Environment) -> PathBuf {
    first_of(environment, "STATE_DIRECTORY").unwrap_or_else(|| PathBuf::from(STATE_DIRECTORY))
}

/// Such a variable may name several directories (systemd.exec(5)); the first is ours.
fn first_of(environment: &Environment, variable: &str) -> Option<PathBuf> {
    let paths = environment.get(variable)?.to_str()?;
    paths.split(':').next().map(PathBuf::from)
}

fn noted<T>(read: Result<T, Diagnostic>, notes: &Notes) -> Option<T> {
    read.map_err(|problem| notes.add(problem)).ok()
}
