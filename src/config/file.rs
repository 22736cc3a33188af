//! The file as written: every key of every table, each value checked by itself and still at its place.
//!
//! What a value means beside the others (does that scope exist? who carries a call?) is not asked here.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

use self::admin::Admin;
use self::api::Api;
use self::carriers::Carrier;
use self::delivery::{Delivery, Directory};
use self::site::{Scope, Site};
use super::LogFormat;
use super::diagnostic::Place;
use super::reader::{List, Reader};
use super::secret::Reference;
use super::value::At;
use crate::limit;

pub(super) mod admin;
pub(super) mod api;
pub(super) mod capture;
pub(super) mod carriers;
pub(super) mod delivery;
pub(super) mod site;

/// The whole configuration, main file and included ones together.
pub(super) struct File {
    pub(super) place: Place,
    pub(super) listen: Listen,
    pub(super) sites: Vec<Site>,
    /// True if there is a `[sites.…]`, even one that could not be read.
    pub(super) sites_written: bool,
    pub(super) scopes: Vec<Scope>,
    pub(super) api: Option<Api>,
    pub(super) directories: Vec<Directory>,
    pub(super) carriers: Vec<Carrier>,
    pub(super) delivery: Delivery,
    pub(super) limits: limit::Settings,
    /// The state directory, and whether what is counted is kept in it.
    pub(super) store: (Option<At<PathBuf>>, bool),
    pub(super) session_keys: List<Reference>,
    pub(super) show_phone: u8,
    pub(super) log_format: LogFormat,
    pub(super) admin: Admin,
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
    pub(super) proxy_protocol: Option<At<bool>>,
}

/// `cert` and `key`, of `[listen]` itself or of one of `certificates`.
pub(super) struct Certificate {
    pub(super) chain: At<PathBuf>,
    pub(super) key: At<Reference>,
}

impl File {
    /// Reads all of it; what is wrong goes to the reader's notes.
    pub(super) fn read(mut root: Reader<'_>) -> Self {
        // Followed before anything else was read; here only its type is checked.
        let _ = root.list::<String>("include");
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
            api: root.table_if_written("api").map(Api::read),
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
            store: store(root.table("store")),
            session_keys: session_keys(root.table("session")),
            show_phone: pages(root.table("pages")),
            log_format: log(root.table("log")),
            admin: Admin::read(root.table("admin")),
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
            proxy_protocol: table.optional("proxy_protocol"),
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

fn store(mut table: Reader<'_>) -> (Option<At<PathBuf>>, bool) {
    table.not_yet("redis", "leave it out: one gateway keeps its own state");
    let mut memory = table.table("memory");
    let durable = memory
        .optional("durable")
        .is_none_or(|durable| durable.value);
    let path = memory.optional("path");
    memory.finish();
    table.finish();
    (path, durable)
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
