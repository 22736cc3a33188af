//! Configurations as operators write them, and what they are told: `tests/golden/config/NAME.toml` and `NAME.txt`.
//!
//! A case is one file; a line `#--- conf.d/NAME.toml` begins another that stands beside it. `UPDATE_GOLDEN=1` writes
//! the answers anew: read them in the diff.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::rule::{Rule, Severity};
use super::secret::Environment;
use super::*;
use crate::message::Channel;
use crate::upstream::{Address, HostMode};

mod captures;
mod delivery;
mod documents;
mod languages;
mod messages;
mod presets;

/// A folder with a configuration and every file that one may name.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(configuration: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let identity =
            rcgen::generate_simple_self_signed(vec!["portal.example.com".to_owned()]).unwrap();
        fs::create_dir(folder.path("conf.d")).unwrap();
        fs::create_dir(folder.path("credentials")).unwrap();
        for (name, mode) in [("spool", 0o750), ("open_spool", 0o755)] {
            fs::create_dir(folder.path(name)).unwrap();
            fs::set_permissions(folder.path(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        for (name, mode, bytes) in [
            (
                "users.toml",
                0o640,
                "[[user]]\nname = \"ann\"\nphone = \"+12025550143\"\n",
            ),
            ("hook.key", 0o600, "a key for the hook\n"),
            ("session.key", 0o640, "0123456789abcdef0123456789abcdef\n"),
            ("short.key", 0o600, "0123456789abcdef0123456789abcde\n"),
            ("empty.key", 0o600, "\n"),
            ("open.key", 0o644, "0123456789abcdef0123456789abcdef"),
            ("tls.pem", 0o644, &identity.cert.pem()),
            ("tls.key", 0o600, &identity.signing_key.serialize_pem()),
            ("credentials/hook", 0o400, "a key for the hook"),
            ("credentials/bandwidth", 0o400, "a password"),
            ("credentials/bandwidth_client", 0o400, "a password"),
            ("credentials/bandwidth_callbacks", 0o400, "a password"),
            ("credentials/twilio", 0o400, "a token"),
            ("credentials/twilio_key", 0o400, "a password"),
            ("credentials/twilio_signature", 0o400, "a shared key"),
            ("credentials/smtp", 0o400, "a password"),
            (
                "credentials/identity",
                0o400,
                "fedcba9876543210fedcba9876543210",
            ),
            ("credentials/api", 0o400, "a password"),
            ("credentials/vendor", 0o400, "a key of the vendor's"),
            (
                "credentials/session_key",
                0o400,
                "0123456789abcdef0123456789abcdef",
            ),
            (
                "credentials/tls_key",
                0o400,
                &identity.signing_key.serialize_pem(),
            ),
        ] {
            folder.write(name, bytes);
            fs::set_permissions(folder.path(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let mut name = "countersign.toml".to_owned();
        let mut text = String::new();
        for line in configuration.lines() {
            if let Some(next) = line.strip_prefix("#--- ") {
                folder.write(&name, &text);
                (name, text) = (next.to_owned(), String::new());
            } else {
                writeln!(text, "{line}").unwrap();
            }
        }
        folder.write(&name, &text);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn load(&self) -> Loaded {
        self.load_with([
            (
                "CREDENTIALS_DIRECTORY",
                self.path("credentials").into_os_string(),
            ),
            ("HOOK", "a key for the hook".into()),
        ])
    }

    fn load_with<const N: usize>(
        &self,
        variables: [(&'static str, std::ffi::OsString); N],
    ) -> Loaded {
        load_in(&self.path("countersign.toml"), &Environment::of(variables))
    }

    /// What the operator is told, with this folder called `/etc/countersign`.
    fn told(&self, loaded: &Loaded) -> String {
        diagnostic::render(&loaded.problems, false)
            .replace(self.0.path().to_str().unwrap(), "/etc/countersign")
    }
}

/// A configuration with nothing wrong in it, as far as it goes.
const GOOD: &str = r#"
[listen]
http = ["127.0.0.1:8080"]
[sites.portal]
url = "http://localhost:8080"
upstream = "http://127.0.0.1:3000"
support = "Help desk"
directory = "staff"
scopes = ["login", "admin"]
[[sites.portal.routes]]
path = "/admin/**"
require = "admin"
[scopes.login]
[scopes.admin]
[directory.staff.file]
path = "users.toml"
[carriers.main.webhook]
url = "https://sms.example.net/send"
signing_key = "file:hook.key"
[delivery]
sms = ["main"]
"#;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/config")
}

/// The cases by name.
fn cases() -> Vec<(String, String)> {
    let mut cases: Vec<(String, String)> = fs::read_dir(golden())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .map(|path| {
            (
                path.file_stem().unwrap().to_str().unwrap().to_owned(),
                fs::read_to_string(&path).unwrap(),
            )
        })
        .collect();
    cases.sort();
    cases
}

#[test]
fn every_mistake_is_told_at_its_place_with_a_way_out() {
    let mut wrong = String::new();
    for (name, configuration) in cases() {
        let folder = Folder::new(&configuration);
        let told = folder.told(&folder.load());
        let answer = golden().join(format!("{name}.txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&answer, &told).unwrap();
        } else if fs::read_to_string(&answer).unwrap_or_default() != told {
            writeln!(wrong, "== {name}: this is told now\n{told}").unwrap();
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong}UPDATE_GOLDEN=1 writes the answers anew"
    );
}

#[test]
fn every_rule_has_a_case() {
    let mut broken: BTreeSet<Rule> = BTreeSet::new();
    for (_, configuration) in cases() {
        broken.extend(
            Folder::new(&configuration)
                .load()
                .problems
                .iter()
                .map(|problem| problem.rule),
        );
    }
    // These depend on more than text: on a variable that is not set, and on the rights of a file.
    broken.extend([Rule::NoCredentials, Rule::UsersShould]);
    let missing: Vec<String> = Rule::ALL
        .iter()
        .filter(|rule| !broken.contains(rule))
        .map(ToString::to_string)
        .collect();
    assert_eq!(missing, [""; 0], "rules that no case breaks");
}

#[test]
fn a_configuration_comes_out_unless_there_is_an_error() {
    for (name, configuration) in cases() {
        let loaded = Folder::new(&configuration).load();
        assert_eq!(
            loaded.config.is_some(),
            loaded.count(Severity::Error) == 0,
            "{name}"
        );
        assert!(!loaded.problems.is_empty(), "{name} shows nothing");
    }
}

#[test]
fn what_is_not_written_has_its_default() {
    let folder = Folder::new(GOOD);
    let loaded = folder.load();
    assert_eq!(folder.told(&loaded), "");
    let config = loaded.config.unwrap();
    let scope = config.sites[0].site.first_scope();
    assert_eq!(
        (scope.title.as_str(), scope.digits, &*scope.channels),
        ("login", 6, &[Channel::Sms] as &[_])
    );
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    assert_eq!(
        (scope.code_life, scope.idle, scope.grant_life),
        (minutes(5), minutes(30), minutes(720))
    );
    assert_eq!(config.limits, limit::Settings::default());
    assert_eq!((config.show_phone, config.log_format), (2, LogFormat::Auto));
    assert_eq!(config.delivery.countries, ["US"]);
    assert!(config.delivery.by_country.is_empty());
    assert_eq!(config.store.path, Path::new("/var/lib/countersign"));
    assert!(config.store.durable);
    assert!(config.session_keys.is_none() && !config.delivery.fictional);
    assert_eq!(
        (config.delivery.timeout, config.carriers[0].timeout),
        (Duration::from_secs(10), Duration::from_secs(5))
    );
    assert_eq!(
        (
            config.sites[0].upstream.host,
            config.sites[0].identity.is_none()
        ),
        (HostMode::Upstream, true)
    );
    assert!(!config.sites[0].site.insecure);
}

#[test]
fn the_state_directory_is_the_one_that_systemd_names() {
    let folder = Folder::new(GOOD);
    let loaded = folder.load_with([("STATE_DIRECTORY", "/var/lib/a:/var/lib/b".into())]);
    assert_eq!(loaded.config.unwrap().store.path, Path::new("/var/lib/a"));
}

#[test]
fn the_admin_socket_is_the_written_one_else_in_the_folder_that_systemd_names() {
    let runtime = |folder: &Folder| {
        let loaded = folder.load_with([("RUNTIME_DIRECTORY", "/run/a:/run/b".into())]);
        loaded.config.unwrap().admin
    };
    let folder = Folder::new(GOOD);
    assert_eq!(
        folder.load().config.unwrap().admin,
        admin::Settings::default()
    );
    assert_eq!(runtime(&folder).socket, Some("/run/a/admin.sock".into()));
    let written = format!("{GOOD}[admin]\nsocket = \"admin.sock\"\nhttp = \"[::1]:9464\"\n");
    let folder = Folder::new(&written);
    let admin = runtime(&folder);
    assert_eq!(admin.socket, Some(folder.path("admin.sock")));
    assert_eq!(admin.http, Some("[::1]:9464".parse().unwrap()));
}

#[test]
fn the_admin_socket_is_found_by_who_cannot_read_the_secrets() {
    let written = format!("{GOOD}[admin]\nsocket = \"admin.sock\"\n");
    let folder = Folder::new(&written.replace("hook.key", "missing.key"));
    assert!(folder.load().config.is_none());
    let path = folder.path("countersign.toml");
    assert_eq!(admin_socket(&path), Some(folder.path("admin.sock")));
    assert_eq!(admin_socket(&folder.path("none.toml")), None);
}

#[test]
fn a_scope_is_shared_by_the_sites_that_list_it() {
    let second = GOOD.replace(
        "[scopes.login]",
        "[sites.second]\nurl = \"http://second.localhost:8080\"\nupstream = \"unix:/run/app.sock\"\nsupport = \"x\"\ndirectory = \"staff\"\nscopes = [\"login\"]\n[scopes.login]",
    );
    let config = Folder::new(&second).load().config.unwrap();
    let names: Vec<&str> = config
        .sites
        .iter()
        .map(|site| site.site.name.as_str())
        .collect();
    assert_eq!(names, ["portal", "second"]);
    assert!(std::sync::Arc::ptr_eq(
        config.sites[0].site.first_scope(),
        config.sites[1].site.first_scope()
    ));
    assert_eq!(
        config.sites[1].upstream.address,
        Address::Unix("/run/app.sock".into())
    );
}

/// RFC 6797: it holds for every port of a host, and on loopback for every site of this machine.
#[test]
fn browsers_are_told_to_come_back_by_https_where_nobody_else_answers_for_the_host() {
    let year = Some("max-age=31536000");
    for (url, written, says) in [
        ("https://portal.example.com", "", year),
        ("https://portal.example.com:443", "", year),
        ("https://portal.example.com:8443", "", None),
        ("https://portal.example.com:8443", "hsts = {}", year),
        ("https://localhost", "", None),
        ("https://localhost", "hsts = {}", year),
        ("http://localhost:8080", "", None),
        ("http://localhost:8080", "hsts = {}", None),
        (
            "https://portal.example.com",
            "hsts = { life = \"0d\" }",
            Some("max-age=0"),
        ),
        (
            "https://portal.example.com",
            "hsts = { life = \"2years\", subdomains = true }",
            Some("max-age=63115200; includeSubDomains"),
        ),
    ] {
        let listen = "[listen]\nhttps = [\"127.0.0.1:0\"]\nhttp = [\"127.0.0.1:0\"]\ncert = \"tls.pem\"\nkey = \"file:tls.key\"\n";
        let text = format!(
            "{listen}[sites.a]\nurl = \"{url}\"\n{written}\nupstream = \"unix:/run/app.sock\"\nsupport = \"x\"\n\
             directory = \"staff\"\nscopes = [\"login\"]\n[scopes.login]\n[directory.staff.file]\npath = \"users.toml\"\n\
             [carriers.main.console]\n[delivery]\nsms = [\"main\"]\n"
        );
        let folder = Folder::new(&text);
        let loaded = folder.load();
        let told = folder.told(&loaded);
        let config = loaded.config.unwrap_or_else(|| panic!("{told}"));
        let hsts = config.sites[0].hsts.as_ref();
        assert_eq!(
            hsts.map(|hsts| hsts.to_str().unwrap()),
            says,
            "{url} {written}"
        );
    }
}

#[test]
fn an_upstream_is_a_socket_and_the_name_that_the_application_has() {
    let tcp = |host: &str, port| Address::Tcp {
        host: host.to_owned(),
        port,
    };
    for (written, address, authority) in [
        (
            "http://127.0.0.1:3000",
            tcp("127.0.0.1", 3000),
            "127.0.0.1:3000",
        ),
        (
            "http://App.Internal/",
            tcp("app.internal", 80),
            "app.internal",
        ),
        ("http://[::1]:3000", tcp("::1", 3000), "[::1]:3000"),
        (
            "https://app.internal",
            Address::Tls {
                host: "app.internal".to_owned(),
                port: 443,
                ca: None,
            },
            "app.internal",
        ),
        (
            "unix:/run/app.sock",
            Address::Unix("/run/app.sock".into()),
            "localhost",
        ),
    ] {
        let config = Folder::new(&GOOD.replace("http://127.0.0.1:3000", written))
            .load()
            .config
            .unwrap();
        assert_eq!(
            (
                &config.sites[0].upstream.address,
                config.sites[0].upstream.authority.as_str()
            ),
            (&address, authority),
            "{written}"
        );
    }
}

#[test]
fn secrets_come_from_a_credential_a_file_or_the_environment_without_their_line_end() {
    for place in ["credential:hook", "file:hook.key", "env:HOOK"] {
        let config = Folder::new(&GOOD.replace("file:hook.key", place))
            .load()
            .config
            .unwrap();
        let carrier::Kind::Webhook(webhook) = &config.carriers[0].kind else {
            panic!("{place}")
        };
        assert_eq!(
            webhook.signing_key.as_ref().unwrap().expose(),
            b"a key for the hook",
            "{place}"
        );
    }
}

#[test]
fn s10_the_session_keys_are_those_named_in_their_order() {
    let keys =
        GOOD.to_owned() + "[session]\nkeys = [\"credential:session_key\", \"file:session.key\"]\n";
    let folder = Folder::new(&keys);
    folder.write("session.key", "another key of at least 32 bytes");
    let keys = folder.load().config.unwrap().session_keys.unwrap();
    assert_eq!(
        [keys[0].expose(), keys[1].expose()],
        [
            b"0123456789abcdef0123456789abcdef",
            b"another key of at least 32 bytes"
        ]
    );
}

#[test]
fn c8_a_literal_secret_is_told_and_not_shown() {
    let folder = Folder::new(&GOOD.replace("file:hook.key", "hunter2é"));
    let loaded = folder.load();
    assert_eq!(
        loaded
            .problems
            .iter()
            .map(|problem| problem.rule)
            .collect::<Vec<_>>(),
        [Rule::LiteralSecret]
    );
    let told = folder.told(&loaded)
        + &loaded.problems[0].to_json().to_string()
        + &format!("{:?}", loaded.problems);
    assert!(!told.contains("hunter2"), "{told}");
}

/// Whoever prints a configuration, whole or a part of it, prints no secret. The example has every kind of carrier.
#[test]
fn c8_a_configuration_prints_no_secret() {
    let folder = Folder::new(&example(false));
    let config = folder.load().config.unwrap();
    let shown = format!("{config:?} {config:#?}");
    let files = fs::read_dir(folder.path("credentials")).unwrap();
    let mut secrets: Vec<String> = files
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert!(secrets.len() > 10);
    // A careless derive prints bytes as a list.
    let listed = |text: &String| {
        let list = format!("{:?}", text.as_bytes());
        list.trim_matches(['[', ']']).to_owned()
    };
    secrets.extend(secrets.iter().map(listed).collect::<Vec<_>>());
    // Numbers that messages come from, and the address of mail.
    secrets.extend((1..=6).map(|n| format!("202555010{n}")));
    secrets.push("codes@".to_owned());
    for secret in secrets {
        assert!(!shown.contains(&secret), "{secret}");
    }
    for kind in [
        "Bandwidth(",
        "Twilio(",
        "Webhook(",
        "Email(",
        "Command(",
        "Spool(",
        "Console",
    ] {
        assert!(shown.contains(kind), "{kind}");
    }
}

#[test]
fn without_a_credentials_directory_a_credential_says_how_to_have_one() {
    let folder = Folder::new(&GOOD.replace("file:hook.key", "credential:hook"));
    let loaded = folder.load_with([]);
    assert_eq!(
        loaded
            .problems
            .iter()
            .map(|problem| problem.rule)
            .collect::<Vec<_>>(),
        [Rule::NoCredentials]
    );
    assert!(folder.told(&loaded).contains("LoadCredential=hook:"));
}

#[test]
fn a_message_that_cannot_be_sent_is_told_in_the_words_of_its_parser() {
    let value::Wrong::Refused { rule, label, .. } =
        value::bad_template(&crate::message::BadTemplate::NoCode)
    else {
        panic!()
    };
    assert_eq!(
        (rule, label),
        (
            Rule::BadTemplate,
            crate::message::BadTemplate::NoCode.to_string()
        )
    );
}

#[test]
fn a_file_that_is_not_there_is_told_once() {
    let folder = Folder::new("");
    fs::remove_file(folder.path("countersign.toml")).unwrap();
    let loaded = folder.load();
    assert_eq!(
        loaded
            .problems
            .iter()
            .map(|problem| problem.rule)
            .collect::<Vec<_>>(),
        [Rule::Unreadable]
    );
    assert!(
        folder
            .told(&loaded)
            .contains("/etc/countersign/countersign.toml"),
        "{}",
        folder.told(&loaded)
    );
}

#[test]
fn included_files_come_in_name_order_and_hidden_ones_do_not() {
    let site = |name: &str| {
        format!(
            "[sites.{name}]\nurl = \"http://{name}.localhost:8080\"\nupstream = \"http://127.0.0.1:1\"\nsupport = \"x\"\ndirectory = \"staff\"\nscopes = [\"login\"]\n"
        )
    };
    let folder = Folder::new(&format!("include = [\"conf.d/*.toml\"]\n{GOOD}"));
    for name in ["b", "a"] {
        folder.write(&format!("conf.d/{name}.toml"), &site(name));
    }
    folder.write("conf.d/.c.toml", &site("c"));
    folder.write("conf.d/d.toml~", &site("d"));
    let config = folder.load().config.unwrap();
    assert_eq!(
        config
            .sites
            .iter()
            .map(|site| site.site.name.as_str())
            .collect::<Vec<_>>(),
        ["portal", "a", "b"]
    );
}

#[test]
fn a_route_knows_where_it_stands() {
    let config = Folder::new(GOOD).load().config.unwrap();
    assert!(format!("{:?}", config.sites[0].site.routes).contains("countersign.toml:10"));
}

/// The example, with its secrets and files replaced by those of [`Folder`]; `defaults` takes the `#` from every line
/// that shows a default.
fn example(defaults: bool) -> String {
    let text = include_str!("../../config.example.toml")
        .replace("/etc/countersign/tls/fullchain.pem", "tls.pem")
        .replace("/etc/countersign/tls/app-ca.pem", "tls.pem")
        .replace("/etc/countersign/tls/client-ca.pem", "tls.pem")
        .replace("/etc/countersign/users.toml", "users.toml")
        .replace("/usr/local/bin/send-text", "/bin/sh")
        .replace("/var/spool/countersign", "spool");
    let shows_default = |line: &str| {
        line.strip_prefix("# ").is_some_and(|rest| {
            rest.split_once(" = ")
                .is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        })
    };
    text.lines()
        .map(|line| {
            if defaults && shows_default(line) {
                line[2..].to_owned()
            } else {
                line.to_owned()
            }
        })
        .collect::<Vec<_>>()
        .join("\n")
}

proptest::proptest! {
    /// A hand that slips anywhere in a configuration gets an answer, and never an error without a place.
    #[test]
    fn any_slip_of_the_hand_is_told(start in 0..12000usize, length in 0..60usize, text in "[\\[\\]{}\"'=,.#a-z0-9é\\n -]{0,12}") {
        let mut configuration = example(false);
        let floor = |at: usize| (0..=at.min(configuration.len())).rev().find(|at| configuration.is_char_boundary(*at)).unwrap();
        let slip = floor(start)..floor(start + length);
        configuration.replace_range(slip, &text);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("countersign.toml");
        fs::write(&path, configuration).unwrap();
        let loaded = load_in(&path, &Environment::of([]));
        assert!(loaded.config.is_none(), "its secrets are not there");
        for problem in &loaded.problems {
            assert!(problem.render(false).contains("countersign.toml"), "{}", problem.render(false));
            let _ = problem.to_json();
        }
    }
}

#[test]
fn the_example_is_a_good_configuration() {
    let folder = Folder::new(&example(false));
    let loaded = folder.load();
    assert_eq!(loaded.count(Severity::Error), 0, "{}", folder.told(&loaded));
    let warnings: Vec<Rule> = loaded.problems.iter().map(|problem| problem.rule).collect();
    assert_eq!(
        warnings,
        [Rule::Skipped, Rule::NotUsed, Rule::ForTrials],
        "{}",
        folder.told(&loaded)
    );
}

#[test]
fn the_defaults_in_the_example_are_the_defaults() {
    let shown = |defaults| {
        let folder = Folder::new(&example(defaults));
        let loaded = folder.load();
        let config = loaded
            .config
            .as_ref()
            .unwrap_or_else(|| panic!("{}", folder.told(&loaded)));
        format!("{config:#?}").replace(folder.0.path().to_str().unwrap(), "")
    };
    assert_ne!(example(true), example(false));
    assert_eq!(shown(true), shown(false));
}

/// The keys that a text sets, as [`notes::Notes::asked`] writes them.
fn keys_of(text: &str) -> BTreeSet<String> {
    fn walk(table: &tree::Table, path: &str, keys: &mut BTreeSet<String>) {
        for entry in &table.entries {
            let above_named = [
                "sites",
                "sites.NAME.captures",
                "sites.NAME.messages",
                "scopes",
                "directory",
                "carriers",
                "api.accounts",
            ]
            .contains(&path);
            let own = match path {
                "api.accounts" => "ID",
                "sites.NAME.messages.NAME" if entry.key != "default" => "LANGUAGE",
                _ if above_named => "NAME",
                _ => &entry.key,
            };
            let path = if path.is_empty() {
                own.to_owned()
            } else {
                format!("{path}.{own}")
            };
            if !above_named {
                keys.insert(path.clone());
            }
            match &entry.value.kind {
                // The names in these are the operator's.
                tree::Kind::Table(_)
                    if ["query", "form", "by_country", "headers"].contains(&own) => {}
                tree::Kind::Table(_) if path == "scopes.NAME.messages" => {}
                tree::Kind::Table(table) => walk(table, &path, keys),
                tree::Kind::List(items) => {
                    for item in items {
                        if let tree::Kind::Table(table) = &item.kind {
                            walk(table, &path, keys);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    let folder = Folder::new(text);
    let mut keys = BTreeSet::new();
    walk(
        &tree::read(&folder.path("countersign.toml"), &mut Vec::new()).unwrap(),
        "",
        &mut keys,
    );
    keys
}

/// The keys that there are.
fn known_keys() -> BTreeSet<String> {
    let folder = Folder::new(&example(true));
    let root = tree::read(&folder.path("countersign.toml"), &mut Vec::new()).unwrap();
    let notes = notes::Notes::new(Vec::new());
    file::File::read(reader::Reader::root(&root, &notes));
    notes.asked()
}

#[test]
fn the_example_has_every_key_that_exists() {
    // Keys of this version that take one value alone: the example leaves them to the versions that give a choice.
    let only = [
        "directory.NAME.file.without_phone",
        "pages.locales",
        "scopes.NAME.remember",
    ]
    .map(str::to_owned);
    let mut known = known_keys();
    known.retain(|key| !only.contains(key));
    assert_eq!(keys_of(&example(true)), known);
}

#[test]
fn the_reference_lists_every_key_and_every_rule() {
    let reference = include_str!("../../docs/configuration.md");
    for key in known_keys() {
        let (table, last) = key.rsplit_once('.').unwrap_or(("", &key));
        let section = if table.is_empty() {
            "## The files".to_owned()
        } else {
            format!("`[{table}]`")
        };
        let listed = reference.split("\n## ").any(|part| {
            format!("## {part}").contains(&section) && part.contains(&format!("| `{last}` |"))
        });
        let is_table = known_keys()
            .iter()
            .any(|other| other.starts_with(&format!("{key}.")));
        assert!(listed || is_table, "{key} is not in docs/configuration.md");
    }
    let rules: Vec<String> = Rule::ALL
        .iter()
        .map(|rule| {
            format!(
                "| {rule} | {} | {} |",
                rule.severity().word(),
                rule.meaning()
            )
        })
        .collect();
    let listed: Vec<&str> = reference
        .lines()
        .filter(|line| line.starts_with("| C"))
        .collect();
    assert_eq!(
        listed,
        rules,
        "the list of rules should read\n{}\n",
        rules.join("\n")
    );
}

#[test]
fn a_users_file_that_everybody_can_read_is_told() {
    let folder = Folder::new(&example(true));
    fs::set_permissions(folder.path("users.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    let loaded = folder.load();
    let told: Vec<Rule> = loaded.problems.iter().map(|problem| problem.rule).collect();
    assert!(
        told.contains(&Rule::UsersShould),
        "{}",
        folder.told(&loaded)
    );
    assert!(loaded.config.is_some());
}
