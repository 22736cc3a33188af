//! The file as written: every key of every table, each value checked by itself and still at its place.
//!
//! What a value means beside the others (does that scope exist? who carries a call?) is not asked here.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Method;
use http::header::HeaderName;
use ipnet::IpNet;

use super::LogFormat;
use super::diagnostic::{Diagnostic, Place};
use super::reader::{List, Reader};
use super::rule::Rule;
use super::secret::Reference;
use super::value::{At, Colour, Country, Hook, Upstream, Words};
use crate::limit;
use crate::message::{Channel, Template};
use crate::name::Name;
use crate::route::Pattern;
use crate::scope::RESERVED;
use crate::site::Origin;
use crate::subject::Subject;
use crate::upstream::HostMode;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The text that a scope without `message` sends (carriers ask for the site first; `ux` for "never share it").
pub(super) const MESSAGE: &str =
    "{NAME}: {CODE} is your {SCOPE} code. Valid {MINUTES} min. Never share it.";

/// The whole configuration, main file and included ones together.
pub(super) struct File {
    pub(super) place: Place,
    pub(super) listen: Listen,
    pub(super) sites: Vec<Site>,
    /// True if there is a `[sites.…]`, even one that could not be read.
    pub(super) sites_written: bool,
    pub(super) scopes: Vec<Scope>,
    pub(super) directories: Vec<Directory>,
    pub(super) carriers: Vec<Carrier>,
    pub(super) delivery: Delivery,
    pub(super) limits: limit::Settings,
    pub(super) state_directory: Option<At<PathBuf>>,
    pub(super) session_keys: List<Reference>,
    pub(super) show_phone: u8,
    pub(super) log_format: LogFormat,
}

/// `[listen]`
pub(super) struct Listen {
    pub(super) place: Place,
    pub(super) https: List<SocketAddr>,
    pub(super) http: List<SocketAddr>,
    /// True if a certificate is written, rightly or not.
    pub(super) certified: bool,
    pub(super) certificates: Vec<Certificate>,
    pub(super) trusted_proxies: List<IpNet>,
}

/// `cert` and `key`, of `[listen]` itself or of one of `certificates`.
pub(super) struct Certificate {
    pub(super) chain: At<PathBuf>,
    pub(super) key: At<Reference>,
}

/// `[sites.NAME]`
pub(super) struct Site {
    pub(super) name: At<Name>,
    pub(super) title: Option<At<Words>>,
    pub(super) url: Option<At<Origin>>,
    pub(super) upstream: Option<At<Upstream>>,
    pub(super) upstream_ca: Option<At<PathBuf>>,
    pub(super) host: HostMode,
    pub(super) support: Option<At<Words>>,
    /// True if `support` is written, rightly or not.
    pub(super) supported: bool,
    pub(super) directory: Option<At<Name>>,
    pub(super) scopes: List<Name>,
    pub(super) accent: Option<At<Colour>>,
    pub(super) origins: List<Origin>,
    pub(super) insecure: Option<At<bool>>,
    pub(super) fixed_user: Option<At<Subject>>,
    pub(super) identity_header: Option<At<HeaderName>>,
    pub(super) routes: Vec<Route>,
}

/// `[[sites.NAME.routes]]`
pub(super) struct Route {
    pub(super) place: Place,
    pub(super) paths: Vec<Pattern>,
    pub(super) methods: Vec<Method>,
    pub(super) query: Vec<(String, String)>,
    pub(super) form: Vec<(String, String)>,
    pub(super) websocket: Option<bool>,
    /// A class or a scope: which of them, only the site knows.
    pub(super) require: Option<At<String>>,
}

/// `[scopes.NAME]`
pub(super) struct Scope {
    pub(super) name: At<Name>,
    pub(super) title: Option<At<Words>>,
    pub(super) digits: u8,
    pub(super) code_life: Duration,
    pub(super) grant_life: Duration,
    pub(super) idle: Duration,
    pub(super) channels: List<Channel>,
    pub(super) message: Option<At<Template>>,
}

/// `[directory.NAME.KIND]`; without a kind if that is wrong or to come.
pub(super) struct Directory {
    pub(super) name: At<Name>,
    pub(super) users: Option<At<PathBuf>>,
}

/// `[carriers.NAME.KIND]`; without a kind if that is wrong or to come.
pub(super) struct Carrier {
    pub(super) name: At<Name>,
    pub(super) timeout: Duration,
    pub(super) kind: Option<CarrierKind>,
}

/// The kinds of carrier as written.
pub(super) enum CarrierKind {
    Console {
        place: Place,
    },
    Webhook {
        url: Option<At<Hook>>,
        signing_key: Option<At<Reference>>,
    },
}

/// `[delivery]`
pub(super) struct Delivery {
    pub(super) sms: List<Name>,
    pub(super) voice: List<Name>,
    pub(super) timeout: Duration,
    pub(super) countries: Option<Vec<String>>,
    pub(super) fictional: bool,
}

impl File {
    /// Reads all of it; what is wrong goes to the reader's notes.
    pub(super) fn read(mut root: Reader<'_>) -> Self {
        // Followed before anything else was read; here only its type is checked.
        let _ = root.list::<String>("include");
        root.not_yet("api", "leave the table out");
        root.not_yet(
            "admin",
            "leave the table out: there is no admin socket and no metrics port yet",
        );
        let file = Self {
            place: root.place().clone(),
            listen: Listen::read(root.table("listen")),
            sites_written: root.has("sites"),
            sites: root
                .named("sites")
                .into_iter()
                .map(|(name, table)| Site::read(name, table))
                .collect(),
            scopes: root
                .named("scopes")
                .into_iter()
                .map(|(name, table)| Scope::read(name, table))
                .collect(),
            directories: root
                .named("directory")
                .into_iter()
                .map(|(name, table)| Directory::read(name, table))
                .collect(),
            carriers: root
                .named("carriers")
                .into_iter()
                .map(|(name, table)| Carrier::read(name, table))
                .collect(),
            delivery: Delivery::read(root.table("delivery")),
            limits: limits(root.table("limits")),
            state_directory: state_directory(root.table("store")),
            session_keys: session_keys(root.table("session")),
            show_phone: pages(root.table("pages")),
            log_format: log(root.table("log")),
        };
        root.finish();
        file
    }
}

impl Listen {
    fn read(mut table: Reader<'_>) -> Self {
        table.not_yet("acme", "get the certificate by another client, and name its files: cert = \"…\" and key = \"file:…\"");
        let certified = ["cert", "key", "certificates"]
            .iter()
            .any(|key| table.has(key));
        let mut certificates = Vec::new();
        if table.has("cert") || table.has("key") {
            certificates.extend(certificate(&mut table));
        } else {
            // Neither is written: known, and not missing.
            let _ = (
                table.optional::<PathBuf>("cert"),
                table.optional::<PathBuf>("key"),
            );
        }
        for mut further in table.each("certificates") {
            certificates.extend(certificate(&mut further));
            further.finish();
        }
        let listen = Self {
            place: table.place().clone(),
            https: table.list("https"),
            http: table.list("http"),
            certified,
            certificates,
            trusted_proxies: table.list("trusted_proxies"),
        };
        table.finish();
        listen
    }
}

fn certificate(table: &mut Reader<'_>) -> Option<Certificate> {
    let chain = table.required("cert", "\"/etc/countersign/tls/fullchain.pem\"");
    let key = table.required("key", "\"credential:tls_key\"");
    Some(Certificate {
        chain: chain?,
        key: key?,
    })
}

impl Site {
    fn read(name: At<Name>, mut table: Reader<'_>) -> Self {
        table.not_yet(
            "preset",
            "leave it out, and write the routes that the application needs",
        );
        table.not_yet(
            "captures",
            "leave it out: visitors name themselves at the gate before they see the application",
        );
        table.not_yet("logo", "leave it out");
        table.not_yet("client_ca", "leave it out");
        table.not_yet(
            "logout",
            "leave it out: people sign out at /.countersign/sign-out",
        );
        let site = Self {
            title: table.optional("name"),
            url: table.required("url", "\"https://portal.example.com\""),
            upstream: table.required("upstream", "\"http://127.0.0.1:8080\""),
            upstream_ca: table.optional("upstream_ca"),
            host: table
                .optional("host")
                .map_or_else(HostMode::default, |mode| mode.value),
            supported: table.has("support"),
            support: table.optional("support"),
            directory: table.required("directory", "\"staff\""),
            scopes: table.list("scopes"),
            accent: table.optional("accent"),
            origins: table.list("origins"),
            insecure: table.optional("insecure"),
            fixed_user: table.optional("fixed_user"),
            identity_header: identity(table.table_if_written("identity")),
            routes: table.each("routes").into_iter().map(Route::read).collect(),
            name,
        };
        table.finish();
        site
    }
}

fn identity(table: Option<Reader<'_>>) -> Option<At<HeaderName>> {
    let mut table = table?;
    table.not_yet(
        "sign_key",
        "leave it out: the header alone is sent, so let the application listen to the gateway only",
    );
    let header = table.required("header", "\"X-Remote-User\"");
    table.finish();
    header
}

impl Route {
    fn read(mut table: Reader<'_>) -> Self {
        let capture = table.not_yet("capture", "write require = \"SCOPE\": visitors name themselves at the gate before they see the application");
        let paths = table.one_or_more("path");
        if !paths.written {
            let problem = Diagnostic::new(
                Rule::NoPath,
                "a route without a path",
                table.place(),
                "which path is it?",
            );
            table.notes().add(problem.help("add path = \"/admin/**\"; to guard everything, name the scope first in the site's `scopes`"));
        }
        match (capture, table.has("require")) {
            (false, false) => {
                let problem = Diagnostic::new(
                    Rule::NoClass,
                    "a route that does not say who may",
                    table.place(),
                    "neither `require` nor `capture`",
                );
                table.notes().add(problem.help("add require = \"SCOPE\", \"public\", \"public-full\", \"login-page\" or \"deny\""));
            }
            (true, true) => {
                let problem = Diagnostic::new(
                    Rule::NoClass,
                    "a route that says twice who may",
                    table.place(),
                    "both `require` and `capture`",
                );
                table.notes().add(problem.help("leave one of them"));
            }
            _ => {}
        }
        let route = Self {
            place: table.place().clone(),
            paths: paths.values(),
            methods: table.one_or_more("methods").values(),
            query: table.pairs("query"),
            form: table.pairs("form"),
            websocket: table.optional("websocket").map(|is| is.value),
            require: table.optional("require"),
        };
        table.finish();
        route
    }
}

impl Scope {
    fn read(name: At<Name>, mut table: Reader<'_>) -> Self {
        if RESERVED.contains(&name.value.as_str()) {
            let problem = Diagnostic::new(
                Rule::BadName,
                format!("no scope can be named `{}`", name.value),
                &name.place,
                "`require` has another use for this word",
            );
            table
                .notes()
                .add(problem.help("choose another name, such as `login`"));
        }
        table.only(
            "remember",
            "0d",
            "leave it out: every browser is asked each time",
        );
        table.not_yet(
            "trusted_networks",
            "leave it out: people are asked wherever they come from",
        );
        table.not_yet("shadow", "leave it out");
        let grant_life = table.duration("grant_life", MINUTE..=30 * DAY, 12 * HOUR);
        let scope = Self {
            title: table.optional("title"),
            // Design section 12: a code has 4 to 8 digits and lives 1 to 10 minutes (C1).
            digits: table.number("digits", 4..=8, 6),
            code_life: table.duration("code_life", MINUTE..=10 * MINUTE, 5 * MINUTE),
            grant_life,
            idle: table.duration("idle", MINUTE..=grant_life, grant_life.min(30 * MINUTE)),
            channels: table.some("channels"),
            message: table.optional("message"),
            name,
        };
        table.finish();
        scope
    }
}

impl Directory {
    fn read(name: At<Name>, mut table: Reader<'_>) -> Self {
        let instead = "write [directory.NAME.file] and a users file";
        let to_come = ["ldap", "sql", "http"]
            .map(|kind| table.not_yet(kind, instead))
            .contains(&true);
        let users = table.table_if_written("file").map(|mut file| {
            file.only(
                "without_phone",
                "deny",
                "leave it out: who has no number cannot go on",
            );
            let path = file.required("path", "\"/etc/countersign/users.toml\"");
            file.finish();
            path
        });
        one_kind(
            &table,
            &name,
            usize::from(table.has("file")) + usize::from(to_come),
            "[directory.NAME.file]",
        );
        table.finish();
        Self {
            name,
            users: users.flatten(),
        }
    }
}

impl Carrier {
    fn read(name: At<Name>, mut table: Reader<'_>) -> Self {
        let instead = "write [carriers.NAME.webhook] and let a script of yours call the carrier, or [carriers.NAME.console] for trials";
        let to_come = [
            "bandwidth",
            "twilio",
            "smpp",
            "vonage",
            "plivo",
            "telnyx",
            "sinch",
            "infobip",
            "messagebird",
            "sns",
            "email",
            "spool",
        ]
        .map(|kind| table.not_yet(kind, instead))
        .contains(&true);
        let mut timeout = Duration::ZERO;
        let mut kinds = Vec::new();
        if let Some(mut console) = table.table_if_written("console") {
            timeout = common(&mut console);
            kinds.push(CarrierKind::Console {
                place: console.place().clone(),
            });
            console.finish();
        }
        if let Some(mut webhook) = table.table_if_written("webhook") {
            timeout = common(&mut webhook);
            let url = webhook.required("url", "\"https://sms.example.net/send\"");
            kinds.push(CarrierKind::Webhook {
                url,
                signing_key: webhook.required("signing_key", "\"credential:hook\""),
            });
            webhook.finish();
        }
        let here = ["console", "webhook"]
            .iter()
            .filter(|kind| table.has(kind))
            .count();
        one_kind(
            &table,
            &name,
            here + usize::from(to_come),
            "[carriers.NAME.webhook] or [carriers.NAME.console]",
        );
        table.finish();
        Self {
            name,
            timeout,
            kind: kinds.pop(),
        }
    }
}

/// What every carrier has: how long one send may take, 10 seconds at most (A1).
fn common(table: &mut Reader<'_>) -> Duration {
    table.not_yet("price", "leave it out: there is no budget yet");
    table.duration(
        "timeout",
        Duration::from_secs(1)..=Duration::from_secs(10),
        Duration::from_secs(5),
    )
}

fn one_kind(table: &Reader<'_>, name: &At<Name>, kinds: usize, forms: &str) {
    let title = match kinds {
        0 => format!("`{}` has no kind", name.value),
        1 => return,
        _ => format!("`{}` has more than one kind", name.value),
    };
    let help = format!(
        "the kind is the last name of the table: {}",
        forms.replace("NAME", name.value.as_str())
    );
    table
        .notes()
        .add(Diagnostic::new(Rule::OneKind, title, &name.place, "what is it?").help(help));
}

impl Delivery {
    fn read(mut table: Reader<'_>) -> Self {
        table.not_yet(
            "by_country",
            "leave it out: one order holds for all countries",
        );
        table.not_yet("public_url", "leave it out: receipts are not taken yet");
        let countries: List<Country> = table.some("countries");
        let delivery = Self {
            sms: table.list("sms"),
            voice: table.list("voice"),
            // All attempts of one message: the visitor is waiting for the page.
            timeout: table.duration(
                "timeout",
                Duration::from_secs(1)..=Duration::from_secs(30),
                Duration::from_secs(10),
            ),
            countries: countries.written.then(|| {
                countries
                    .values()
                    .into_iter()
                    .map(|country| country.0)
                    .collect()
            }),
            fictional: table.optional("fictional").is_some_and(|is| is.value),
        };
        table.finish();
        delivery
    }
}

fn limits(mut table: Reader<'_>) -> limit::Settings {
    const MOST: u32 = 1_000_000;
    table.not_yet(
        "daily_budget",
        "leave it out, and bound what is sent: sends_per_day = { all = 2000 }",
    );
    let default = limit::Settings::default();
    let mut hour = table.table("sends_per_hour");
    let mut day = table.table("sends_per_day");
    let limits = limit::Settings {
        // C4: never more than 100 wrong answers in a row.
        wrong_per_challenge: table.number(
            "wrong_per_challenge",
            1..=10,
            default.wrong_per_challenge,
        ),
        wrong_per_hour: table.number("wrong_per_hour", 1..=100, default.wrong_per_hour),
        sends_per_challenge: table.number(
            "sends_per_challenge",
            1..=10,
            default.sends_per_challenge,
        ),
        number_per_hour: hour.number("number", 1..=MOST, default.number_per_hour),
        network_per_hour: hour.number("network", 1..=MOST, default.network_per_hour),
        all_per_hour: hour.number("all", 1..=MOST, default.all_per_hour),
        number_per_day: day.number("number", 1..=MOST, default.number_per_day),
        all_per_day: day.number("all", 1..=MOST, default.all_per_day),
    };
    hour.finish();
    day.finish();
    table.finish();
    limits
}

fn state_directory(mut table: Reader<'_>) -> Option<At<PathBuf>> {
    table.not_yet("redis", "leave it out: one gateway keeps its own state");
    let mut memory = table.table("memory");
    memory.not_yet("durable", "leave it out");
    let path = memory.optional("path");
    memory.finish();
    table.finish();
    path
}

fn session_keys(mut table: Reader<'_>) -> List<Reference> {
    let keys = table.some("keys");
    table.finish();
    keys
}

fn pages(mut table: Reader<'_>) -> u8 {
    table.only("locales", "en", "leave it out: pages are in English");
    table.not_yet("templates", "leave it out");
    let show_phone = table.number("show_phone", 0..=4, 2);
    table.finish();
    show_phone
}

fn log(mut table: Reader<'_>) -> LogFormat {
    table.not_yet("audit", "leave it out: security events stand in the log");
    let format = table
        .optional("format")
        .map_or_else(LogFormat::default, |format| format.value);
    table.finish();
    format
}
