//! `[sites.…]` and `[scopes.…]` as written.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::header::HeaderName;

use super::capture::Capture;
use crate::config::address::{OwnName, Upstream};
use crate::config::application::{Charset, Page};
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::names::twice;
use crate::config::notes::Notes;
use crate::config::preset::{Base, Preset};
use crate::config::reader::{List, Reader};
use crate::config::rule::Rule;
use crate::config::secret::Reference;
use crate::config::value::{At, Colour, Words};
use crate::message::language::Tag;
use crate::message::wording::Wording;
use crate::message::{Channel, Template};
use crate::name::Name;
use crate::request::claim::Claim;
use crate::route::{Logout, Pattern};
use crate::scope::RESERVED;
use crate::site::Origin;
use crate::subject::Subject;
use crate::upstream::HostMode;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// `[sites.NAME]`
pub(in crate::config) struct Site {
    pub(in crate::config) name: At<Name>,
    /// What `preset` names.
    pub(in crate::config) known: Option<&'static crate::preset::Preset>,
    /// `base`; empty where the application begins at the root.
    pub(in crate::config) base: String,
    pub(in crate::config) title: Option<At<Words>>,
    pub(in crate::config) url: Option<At<Origin>>,
    pub(in crate::config) upstream: Option<At<Upstream>>,
    pub(in crate::config) upstream_ca: Option<At<PathBuf>>,
    pub(in crate::config) client_ca: Option<At<PathBuf>>,
    pub(in crate::config) host: HostMode,
    pub(in crate::config) rewrite: List<OwnName>,
    pub(in crate::config) support: Option<At<Words>>,
    /// True if `support` is written, rightly or not.
    pub(in crate::config) supported: bool,
    pub(in crate::config) directory: Option<At<Name>>,
    pub(in crate::config) scopes: List<Name>,
    pub(in crate::config) accent: Option<At<Colour>>,
    pub(in crate::config) origins: List<Origin>,
    pub(in crate::config) insecure: Option<At<bool>>,
    pub(in crate::config) charset: Option<At<Charset>>,
    pub(in crate::config) fixed_user: Option<At<Subject>>,
    pub(in crate::config) identity: Option<Identity>,
    pub(in crate::config) hsts: Option<Hsts>,
    pub(in crate::config) routes: Vec<Route>,
    pub(in crate::config) captures: Vec<Capture>,
    pub(in crate::config) logout: Vec<Logout>,
    pub(in crate::config) sign_out: Option<SignOut>,
    /// `[sites.NAME.messages.NAME]`: what it says for a scope in place of the scope's own.
    pub(in crate::config) messages: Vec<(At<Name>, Messages)>,
    /// True if nothing in the table is wrong by itself: then what is not there was not meant to be.
    pub(in crate::config) sound: bool,
}

/// `[sites.NAME.identity]`
pub(in crate::config) struct Identity {
    pub(in crate::config) header: Option<At<HeaderName>>,
    pub(in crate::config) strip: List<Claim>,
    pub(in crate::config) sign_key: Option<At<Reference>>,
}

/// `[sites.NAME.sign_out]`
pub(in crate::config) struct SignOut {
    pub(in crate::config) path: Option<At<Page>>,
    pub(in crate::config) method: Option<At<Method>>,
    pub(in crate::config) form: Vec<(String, String)>,
    /// Where the form stands, if one is written.
    pub(in crate::config) formed: bool,
}

/// `[sites.NAME.hsts]`
pub(in crate::config) struct Hsts {
    pub(in crate::config) place: Place,
    pub(in crate::config) life: Duration,
    pub(in crate::config) subdomains: bool,
}

/// `[[sites.NAME.routes]]`
pub(in crate::config) struct Route {
    pub(in crate::config) place: Place,
    pub(in crate::config) paths: Vec<Pattern>,
    pub(in crate::config) methods: Vec<Method>,
    pub(in crate::config) query: Vec<(String, String)>,
    pub(in crate::config) form: Vec<(String, String)>,
    pub(in crate::config) websocket: Option<bool>,
    /// A class or a scope: which of them, only the site knows.
    pub(in crate::config) require: Option<At<String>>,
    /// One of the site's captures; never beside `require`.
    pub(in crate::config) capture: Option<At<Name>>,
}

/// `[scopes.NAME]`
pub(in crate::config) struct Scope {
    pub(in crate::config) name: At<Name>,
    pub(in crate::config) title: Option<At<Words>>,
    pub(in crate::config) digits: u8,
    pub(in crate::config) code_life: Duration,
    pub(in crate::config) grant_life: Duration,
    pub(in crate::config) idle: Duration,
    pub(in crate::config) shadow: Option<At<bool>>,
    pub(in crate::config) channels: List<Channel>,
    pub(in crate::config) messages: Messages,
}

/// The texts of a scope's messages, on all sites or on one.
pub(in crate::config) struct Messages {
    /// For everybody whose language is not there.
    pub(in crate::config) otherwise: Option<At<Template>>,
    /// By language; none of them twice.
    pub(in crate::config) by_language: Vec<(At<Tag>, At<Template>)>,
}

impl Site {
    pub(super) fn read(name: At<Name>, mut table: Reader<'_>) -> Self {
        table.not_yet("logo", "leave it out");
        let notes = table.notes();
        let before = notes.errors();
        let fixed = table.has("fixed_user");
        let (known, base) = based(&mut table);
        let mut site = Self {
            known,
            base,
            title: table.optional("name"),
            url: table.required("url", "\"https://portal.example.com\""),
            upstream: table.required("upstream", "\"http://127.0.0.1:8080\""),
            upstream_ca: table.optional("upstream_ca"),
            client_ca: table.optional("client_ca"),
            host: table
                .optional("host")
                .map_or_else(HostMode::default, |mode| mode.value),
            rewrite: table.list("rewrite"),
            supported: table.has("support"),
            support: table.optional("support"),
            directory: table.required("directory", "\"staff\""),
            scopes: table.list("scopes"),
            accent: table.optional("accent"),
            origins: table.list("origins"),
            insecure: table.optional("insecure"),
            charset: table.optional("charset"),
            fixed_user: table.optional("fixed_user"),
            identity: table.table_if_written("identity").map(Identity::read),
            hsts: table.table_if_written("hsts").map(Hsts::read),
            routes: table.each("routes").into_iter().map(Route::read).collect(),
            captures: table
                .named("captures")
                .into_iter()
                .map(|(name, table)| Capture::read(name, table, fixed))
                .collect(),
            logout: table.one_or_more("logout").values(),
            sign_out: table.table_if_written("sign_out").map(SignOut::read),
            messages: table
                .named("messages")
                .into_iter()
                .map(|(name, table)| (name.clone(), Messages::of_site(&name.value, table)))
                .collect(),
            sound: true,
            name,
        };
        table.finish();
        site.sound = notes.errors() == before;
        site
    }
}

/// `preset` and `base` are followed before anything of the site is read; here their values are checked and kept.
fn based(table: &mut Reader<'_>) -> (Option<&'static crate::preset::Preset>, String) {
    let known = table.optional::<Preset>("preset");
    let base = table.optional::<Base>("base");
    if let (Some(base), false) = (&base, table.has("preset")) {
        let problem = Diagnostic::new(
            Rule::NotUsed,
            "`base` has no effect here",
            &base.place,
            "only beside `preset`",
        );
        table
            .notes()
            .add(problem.help("leave it out: the paths of your own routes are whole"));
    }
    let base = base.map(|base| base.value.0).unwrap_or_default();
    (known.map(|known| known.value.0), base)
}

impl Identity {
    fn read(mut table: Reader<'_>) -> Self {
        let identity = Self {
            header: table.optional("header"),
            strip: table.list("strip"),
            sign_key: table.optional("sign_key"),
        };
        table.finish();
        identity
    }
}

impl Hsts {
    /// A year, the least that OWASP ASVS 5.0 (3.4.1) takes.
    pub(in crate::config) const LIFE: Duration = Duration::from_hours(24 * 365);

    /// Two years, as `humantime` counts them: longer than that nobody means.
    const LONGEST: Duration = Duration::from_secs(2 * 31_557_600);

    fn read(mut table: Reader<'_>) -> Self {
        let subdomains = table.optional("subdomains");
        let hsts = Self {
            place: table.place().clone(),
            // Zero makes browsers forget it.
            life: table.duration("life", Duration::ZERO..=Self::LONGEST, Self::LIFE),
            subdomains: subdomains.is_some_and(|is| is.value),
        };
        table.finish();
        hsts
    }
}

impl SignOut {
    fn read(mut table: Reader<'_>) -> Self {
        let sign_out = Self {
            path: table.required("path", "\"/logout\""),
            method: table.optional("method"),
            formed: table.has("form"),
            form: table.pairs("form"),
        };
        table.finish();
        sign_out
    }
}

impl Route {
    pub(super) fn read(mut table: Reader<'_>) -> Self {
        let captures = table.has("capture");
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
        match (captures, table.has("require")) {
            (false, false) => {
                let problem = Diagnostic::new(
                    Rule::NoClass,
                    "a route that does not say who may",
                    table.place(),
                    "neither `require` nor `capture`",
                );
                table.notes().add(problem.help("add require = \"SCOPE\", \"public\", \"public-full\", \"login-page\" or \"deny\"; or capture = \"NAME\" where the application's own login is posted"));
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
        let methods = table.one_or_more("methods");
        let websocket = table.optional("websocket");
        if captures {
            meets_logins(&methods, websocket.as_ref(), table.notes());
        }
        let route = Self {
            place: table.place().clone(),
            paths: paths.values(),
            methods: methods.values(),
            query: table.pairs("query"),
            form: table.pairs("form"),
            websocket: websocket.map(|is| is.value),
            require: table.optional("require"),
            capture: table.optional("capture"),
        };
        table.finish();
        route
    }
}

/// A capture takes the login page by GET or HEAD and the login by POST (design section 2): no condition may want more.
fn meets_logins(methods: &List<Method>, websocket: Option<&At<bool>>, notes: &Notes) {
    let taken = [Method::GET, Method::HEAD, Method::POST];
    for method in methods
        .items
        .iter()
        .filter(|method| !taken.contains(&method.value))
    {
        let problem = Diagnostic::new(
            Rule::NoLogin,
            format!("no login comes by {}", method.value),
            &method.place,
            "a capture takes GET, HEAD and POST",
        );
        notes.add(problem.help("leave it out: what is neither the login page nor a login falls through to the routes below"));
    }
    if let Some(websocket) = websocket.filter(|websocket| websocket.value) {
        let problem = Diagnostic::new(
            Rule::NoLogin,
            "no login comes over a WebSocket",
            &websocket.place,
            "nothing would be captured",
        );
        notes.add(problem.help("leave it out"));
    }
}

impl Scope {
    pub(super) fn read(name: At<Name>, mut table: Reader<'_>) -> Self {
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
        let grant_life = table.duration("grant_life", MINUTE..=30 * DAY, 12 * HOUR);
        let scope = Self {
            title: table.optional("title"),
            // Design section 12: a code has 4 to 8 digits and lives 1 to 10 minutes (C1).
            digits: table.number("digits", 4..=8, 6),
            code_life: table.duration("code_life", MINUTE..=10 * MINUTE, 5 * MINUTE),
            grant_life,
            idle: table.duration("idle", MINUTE..=grant_life, grant_life.min(30 * MINUTE)),
            shadow: table.optional("shadow"),
            channels: table.some("channels"),
            messages: Messages::of_scope(&mut table),
            name,
        };
        table.finish();
        scope
    }
}

impl Messages {
    /// `message` for everybody, and `messages` by language.
    fn of_scope(table: &mut Reader<'_>) -> Self {
        let otherwise = table.optional("message");
        let by_language = table.keyed(
            "messages",
            "a table such as { fr = \"{NAME} : {CODE} est votre code.\" }",
        );
        Self::new(otherwise, by_language, table.notes())
    }

    /// A table of its own: `default`, and the languages beside it.
    fn of_site(scope: &Name, mut table: Reader<'_>) -> Self {
        let (notes, otherwise) = (table.notes(), table.optional("default"));
        Self::new(otherwise, table.others(scope.as_str(), "LANGUAGE"), notes)
    }

    fn new(
        otherwise: Option<At<Template>>,
        mut by_language: Vec<(At<Tag>, At<Template>)>,
        notes: &Notes,
    ) -> Self {
        let mut seen: Vec<At<Tag>> = Vec::new();
        // TOML knows `pt-BR` and `pt-br` apart; nobody else does.
        by_language.retain(|(tag, _)| {
            let first = seen.iter().find(|first| first.value == tag.value);
            if let Some(first) = first {
                notes.add(twice("language", &tag.place, &first.place));
                return false;
            }
            seen.push(tag.clone());
            true
        });
        Self {
            otherwise,
            by_language,
        }
    }

    /// What they mean over those that hold where they say nothing.
    pub(in crate::config) fn over(&self, beneath: &Arc<Wording>) -> Wording {
        let texts = self.by_language.iter();
        let texts = texts.map(|(tag, text)| (tag.value.clone(), text.value.clone()));
        let otherwise = self.otherwise.as_ref().map(|text| text.value.clone());
        Wording::new(texts.collect(), otherwise, beneath)
    }
}
