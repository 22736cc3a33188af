//! `[sites.SITE.captures.NAME]` as written: which login is captured, and how to tell a good one.

use std::time::Duration;

use ipnet::IpNet;

use crate::config::application::{Cookie, Field, Location, Manner, Page, Token, Username};
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::reader::{List, Reader};
use crate::config::rule::Rule;
use crate::config::value::At;
use crate::name::Name;
use crate::route::Pattern;
use crate::subject::Subject;

/// `[sites.SITE.captures.NAME]`
pub(in crate::config) struct Capture {
    pub(in crate::config) name: At<Name>,
    pub(in crate::config) scope: Option<At<Name>>,
    pub(in crate::config) username: Option<At<Username>>,
    pub(in crate::config) password: Option<At<Field>>,
    pub(in crate::config) page: Option<At<Page>>,
    /// True if `page` is written, rightly or not.
    pub(in crate::config) paged: bool,
    pub(in crate::config) probe: Option<At<Page>>,
    pub(in crate::config) success_cookie: List<Cookie>,
    pub(in crate::config) success_location: Option<At<Location>>,
    pub(in crate::config) auth_cookies: List<Cookie>,
    pub(in crate::config) fixed_user: Option<At<Subject>>,
    pub(in crate::config) answer: Option<At<Manner>>,
    pub(in crate::config) tokens: List<Token>,
    pub(in crate::config) machines: Vec<Machines>,
    pub(in crate::config) hold: Duration,
}

/// One of `[[sites.SITE.captures.NAME.machines]]`
pub(in crate::config) struct Machines {
    pub(in crate::config) place: Place,
    pub(in crate::config) paths: List<Pattern>,
    pub(in crate::config) from: List<IpNet>,
}

impl Capture {
    /// `fixed` says that the site has a `fixed_user`, rightly written or not.
    pub(super) fn read(name: At<Name>, mut table: Reader<'_>, fixed: bool) -> Self {
        let username: Option<At<Username>> = table.optional("username");
        let basic = username
            .as_ref()
            .is_some_and(|username| matches!(username.value, Username::Basic));
        if !table.has("username") && !fixed && !table.has("fixed_user") {
            let problem = Diagnostic::new(
                Rule::Missing,
                "`username` is missing",
                table.place(),
                "nobody could tell who logs in",
            );
            let asks = table.place().named().map(|_| {
                Diagnostic::new(
                    Rule::Missing,
                    "`fixed_user` is missing",
                    table.place(),
                    "this application asks for a password alone",
                )
                .help("add to the site the person who gets the code: fixed_user = \"NAME\"")
            });
            table.notes().add(asks.unwrap_or_else(|| {
                problem
                    .help("add: username = \"FIELD\", as it is named in the application's page")
                    .help("where the application asks for a password alone: fixed_user = \"NAME\"")
            }));
        }
        let capture = Self {
            scope: table.required("scope", "\"login\""),
            username,
            password: if basic {
                table.optional("password")
            } else {
                table.required(
                    "password",
                    "\"FIELD\", as it is named in the application's page",
                )
            },
            paged: table.has("page"),
            page: table.optional("page"),
            probe: table.optional("probe"),
            success_cookie: table.one_or_some("success_cookie"),
            success_location: table.optional("success_location"),
            auth_cookies: table.some("auth_cookies"),
            fixed_user: table.optional("fixed_user"),
            answer: table.optional("answer"),
            tokens: table.one_or_some("token"),
            machines: table
                .each("machines")
                .into_iter()
                .map(Machines::read)
                .collect(),
            // Design section 12: nothing of a challenge lives longer than 10 minutes; some applications forget a login sooner.
            hold: table.duration(
                "hold",
                Duration::from_mins(1)..=Duration::from_mins(10),
                Duration::from_mins(5),
            ),
            name,
        };
        table.finish();
        capture
    }
}

impl Machines {
    fn read(mut table: Reader<'_>) -> Self {
        let needed = |key, label, help| {
            if !table.has(key) {
                let problem = Diagnostic::new(
                    Rule::Missing,
                    format!("`{key}` is missing"),
                    table.place(),
                    label,
                );
                table.notes().add(problem.help(help));
            }
        };
        needed(
            "path",
            "on which paths?",
            "add: path = \"/manager/text/**\"",
        );
        needed(
            "from",
            "from which networks?",
            "add: from = [\"10.20.0.0/16\"], the addresses that these programs call from",
        );
        let machines = Self {
            place: table.place().clone(),
            paths: table.one_or_some("path"),
            from: table.one_or_some("from"),
        };
        table.finish();
        machines
    }
}
