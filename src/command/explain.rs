//! `countersign explain METHOD URL`: which routes were tried for a request, which matched, and why.
//!
//! What a POST needs can depend on its body: where a route captures a login, both readings are told.

use std::io::{self, Write};
use std::path::Path;

use http::{Method, Uri};
use ipnet::IpNet;
use serde_json::{Value, json};

use super::{Exit, check, fail};
use crate::capture::Capture;
use crate::config::{self, SiteSettings, sample};
use crate::form::Form;
use crate::login;
use crate::route::{Asked, Class, Explanation, Needed, Opening, Outcome, Requirement, Route};
use crate::scope::Scope;
use crate::target::{NotATarget, Target};

/// What is asked.
#[derive(Debug)]
pub struct Question {
    /// A method.
    pub method: String,
    /// A whole address, or a path of the only site.
    pub url: String,
    /// Whether it is a WebSocket handshake.
    pub websocket: bool,
}

/// Why nothing can be explained.
#[derive(Debug, thiserror::Error)]
enum NotExplained {
    #[error("`{0}` is no method: write one such as GET or POST")]
    Method(String),
    #[error("`{0}` is no address: write one such as https://portal.example.com/some/path")]
    Address(String),
    #[error("no site has the url {0}; there are: {1}")]
    NoSite(String, String),
    #[error("the gateway refuses this request with 400, whatever its route")]
    Refused(#[source] NotATarget),
    #[error("cannot write the answer")]
    Print(#[source] io::Error),
}

/// Prints the answer.
pub fn explain(question: &Question, config: &Path, json: bool) -> Exit {
    let loaded = config::load(config);
    let Some(config) = loaded.config else {
        check::tell(&loaded.problems);
        return Exit::Configuration;
    };
    match tell(question, &config.sites, json, &mut io::stdout().lock()) {
        Ok(()) => Exit::Ok,
        Err(error) => fail(&error),
    }
}

fn tell(
    question: &Question,
    sites: &[SiteSettings],
    json: bool,
    to: &mut impl Write,
) -> Result<(), NotExplained> {
    let Ok(method) = Method::from_bytes(question.method.as_bytes()) else {
        return Err(NotExplained::Method(question.method.clone()));
    };
    let (settings, target) = find(&question.url, sites)?;
    let asked = Asked {
        method: &method,
        overriding: None,
        target: &target,
        websocket: question.websocket,
        form: &Form::Unread,
        logins: &[],
    };
    let explanation = settings.site.routes.explain(&asked);
    let logins = logins(settings, &asked, &explanation);
    let printed = if json {
        print_json(settings, &target, &explanation, &logins, to)
    } else {
        print(question, settings, &target, &explanation, &logins, to)
    };
    printed.map_err(NotExplained::Print)
}

/// A login that the request would be if its body carried it.
struct Login<'s> {
    capture: &'s Capture,
    /// What the body carries: names of fields, or `name=value` where the route wants a value.
    carries: Vec<String>,
    explanation: Explanation<'s>,
}

/// The logins that are captured on the routes that were tried.
fn logins<'s>(
    settings: &'s SiteSettings,
    asked: &Asked<'_>,
    without: &Explanation<'s>,
) -> Vec<Login<'s>> {
    let mut logins: Vec<Login<'_>> = Vec::new();
    if *asked.method != Method::POST {
        return logins;
    }
    for step in &without.steps {
        let Some(capture) = captured(settings, step.route) else {
            continue;
        };
        let fields = step.route.form.iter();
        let form = fields
            .map(|(name, value)| (name.clone(), sample::some_of(value)))
            .collect();
        let explanation = settings.site.routes.explain(&Asked {
            form: &Form::Fields(form),
            logins: &[&capture.name],
            ..*asked
        });
        let taken = match &explanation.requirement {
            Requirement::Open(Opening::Capture, route) => std::ptr::eq(*route, step.route),
            _ => false,
        };
        if let Some(wanted) = capture.form().filter(|_| taken) {
            let username = wanted.username.as_ref();
            let wanted = username.into_iter().chain([&wanted.password]);
            let conditions = step.route.form.iter();
            logins.push(Login {
                capture,
                carries: wanted
                    .map(|place| written(place).to_owned())
                    .chain(conditions.map(|(name, value)| format!("{name}={value}")))
                    .collect(),
                explanation,
            });
        }
    }
    logins
}

/// The capture of a route, if it has one.
fn captured<'s>(settings: &'s SiteSettings, route: &Route) -> Option<&'s Capture> {
    match &route.class {
        Class::Capture(name) => settings.site.capture(name),
        _ => None,
    }
}

/// A place as the operator wrote it.
fn written(place: &login::Place) -> &str {
    match place {
        login::Place::Field(name) | login::Place::Pointer(name) => name,
    }
}

fn find<'s>(
    url: &str,
    sites: &'s [SiteSettings],
) -> Result<(&'s SiteSettings, Target), NotExplained> {
    let no_address = || NotExplained::Address(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| no_address())?;
    let settings = match (uri.scheme_str(), uri.authority(), sites) {
        (None, None, [only]) => only,
        (Some(scheme), Some(authority), _) => {
            let origin = crate::site::Origin::parse(&format!("{scheme}://{authority}"))
                .map_err(|_| no_address())?;
            let found = sites.iter().find(|settings| settings.site.origin == origin);
            let all = || {
                sites
                    .iter()
                    .map(|settings| settings.site.origin.text())
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            found.ok_or_else(|| NotExplained::NoSite(origin.text().to_owned(), all()))?
        }
        _ => return Err(no_address()),
    };
    let path = uri.into_parts().path_and_query.ok_or_else(no_address)?;
    let target = Target::parse(path).map_err(NotExplained::Refused)?;
    Ok((settings, target))
}

fn print(
    question: &Question,
    settings: &SiteSettings,
    target: &Target,
    explanation: &Explanation<'_>,
    logins: &[Login<'_>],
    to: &mut impl Write,
) -> io::Result<()> {
    writeln!(
        to,
        "{} {}   (site {})",
        question.method, question.url, settings.site.name
    )?;
    for (number, login) in logins.iter().enumerate() {
        let any_other = if number + 1 == logins.len() {
            "; any other falls through to:"
        } else {
            ""
        };
        writeln!(to, "{}", login.explanation)?;
        writeln!(
            to,
            "  a POST that carries {} is captured for scope {} (its answer is held for {}{}){any_other}",
            listed(&login.carries),
            login.capture.scope,
            humantime::format_duration(login.capture.hold),
            if settings.site.is_shadow(&login.capture.scope) {
                ", were it not in shadow"
            } else {
                ""
            }
        )?;
    }
    writeln!(to, "{explanation}")?;
    match &explanation.requirement {
        Requirement::Open(Opening::Capture, route) if question.method != "POST" => {
            if let Some(capture) = captured(settings, route) {
                writeln!(to, "  capture {}: the login page, for anyone", capture.name)?;
            }
        }
        Requirement::Scopes(needed) => {
            for scope in needed
                .scopes()
                .filter_map(|name| settings.site.scope(name.as_str()))
            {
                if scope.shadow {
                    let name = &scope.name;
                    writeln!(
                        to,
                        "  `{name}` is in shadow: it goes on without a grant, and the log says so; in force:"
                    )?;
                }
                writeln!(to, "  without a grant: {}", entry(settings, scope))?;
            }
            for network in machines(settings, target, needed) {
                writeln!(
                    to,
                    "  programs from {network} pass without a code, by the name and password of HTTP Basic"
                )?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// From where programs pass without a code.
fn machines<'s>(
    settings: &'s SiteSettings,
    target: &Target,
    needed: &Needed<'_>,
) -> Vec<&'s IpNet> {
    let capture = settings.site.basic();
    let capture = capture.filter(|basic| needed.scopes().all(|scope| *scope == basic.scope));
    let machines = capture.into_iter().flat_map(|basic| &basic.machines);
    let machines = machines.filter(|machines| machines.is_on(target));
    machines.flat_map(|machines| &machines.from).collect()
}

/// What a stranger meets at this scope.
fn entry(settings: &SiteSettings, scope: &Scope) -> String {
    let channels: Vec<&str> = scope
        .channels
        .iter()
        .map(|channel| channel.as_str())
        .collect();
    let login = settings.site.login_for(&scope.name).map(|capture| {
        let page = &capture.page;
        if capture.is_basic() && capture.scope == scope.name {
            format!("HTTP Basic, good if {page} is shown for it, then ")
        } else if capture.scope == scope.name {
            format!("the application's own login at {page}, then ")
        } else {
            format!(
                "the application's own login at {page} and the code for `{}`, then ",
                capture.scope
            )
        }
    });
    format!(
        "{}{} {}-digit code by {}, asked for in directory {}",
        login.unwrap_or_default(),
        if scope.digits == 8 { "an" } else { "a" },
        scope.digits,
        channels.join(" or "),
        settings.directory
    )
}

/// `a`, `b` and `c`
fn listed(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

fn print_json(
    settings: &SiteSettings,
    target: &Target,
    explanation: &Explanation<'_>,
    logins: &[Login<'_>],
    to: &mut impl Write,
) -> io::Result<()> {
    let mut object = told(explanation);
    let logins: Vec<Value> = logins
        .iter()
        .map(|login| {
            let mut told = told(&login.explanation);
            told["capture"] = json!(login.capture.name.as_str());
            told["scope"] = json!(login.capture.scope.as_str());
            told["carries"] = json!(login.carries);
            told["shadow"] = json!(settings.site.is_shadow(&login.capture.scope));
            told["hold_seconds"] = json!(login.capture.hold.as_secs());
            told
        })
        .collect();
    object["logins"] = Value::Array(logins);
    if let Requirement::Scopes(needed) = &explanation.requirement {
        let entries = needed.scopes().map(|name| {
            let page = settings
                .site
                .login_for(name)
                .map(|capture| capture.page.as_str());
            let shadow = settings.site.is_shadow(name);
            json!({ "scope": name.as_str(), "login_page": page, "shadow": shadow })
        });
        object["without_a_grant"] = Value::Array(entries.collect());
        let networks = machines(settings, target, needed);
        if !networks.is_empty() {
            let networks = networks.into_iter().map(IpNet::to_string);
            object["machines_from"] = networks.collect();
        }
    }
    writeln!(to, "{object}")
}

fn told(explanation: &Explanation<'_>) -> Value {
    let steps: Vec<Value> = explanation
        .steps
        .iter()
        .map(|step| {
            let (matched, why) = match &step.outcome {
                Outcome::Match(reading) => (true, format!("read as {reading}")),
                Outcome::No(why) => (false, why.to_string()),
            };
            json!({ "number": step.number, "path": step.pattern, "class": step.route.class.to_string(), "matched": matched, "why": why, "place": step.route.place })
        })
        .collect();
    json!({ "routes": steps, "requirement": explanation.requirement.to_string() })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const PORTAL: &str = r#"
        [listen]
        http = ["127.0.0.1:8080"]
        [sites.portal]
        url = "http://localhost:8080"
        upstream = "http://127.0.0.1:3000"
        support = "Help desk"
        directory = "staff"
        scopes = ["login", "admin"]
        routes = [
            { path = "/admin/**", require = "admin" },
            { path = "/login", capture = "form" },
            { path = "/index", form = { op = "{login,sign in}" }, capture = "index" },
        ]
        [sites.portal.captures.form]
        scope = "login"
        username = "user"
        password = "pass"
        probe = "/home"
        auth_cookies = ["sid"]
        [sites.portal.captures.index]
        scope = "login"
        username = "/user/name"
        password = "pass"
        page = "/login"
        hold = "90s"
        probe = "/home"
        auth_cookies = ["sid"]
        [scopes.login]
        channels = ["sms", "voice"]
        [scopes.admin]
        digits = 8
        [directory.staff.file]
        path = "users.toml"
        [carriers.trial.console]
        [delivery]
        sms = ["trial"]
        voice = ["trial"]
    "#;

    fn explained(configuration: &str, method: &str, url: &str, json: bool) -> String {
        let folder = tempfile::tempdir().unwrap();
        let (config, users) = (
            folder.path().join("countersign.toml"),
            folder.path().join("users.toml"),
        );
        std::fs::write(&users, "[[user]]\nname = \"ann\"\n").unwrap();
        std::fs::set_permissions(&users, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::fs::write(&config, configuration).unwrap();
        let loaded = config::load(&config);
        let sites = loaded
            .config
            .unwrap_or_else(|| panic!("{:?}", loaded.problems))
            .sites;
        let question = Question {
            method: method.to_owned(),
            url: url.to_owned(),
            websocket: false,
        };
        let mut to = Vec::new();
        tell(&question, &sites, json, &mut to).unwrap();
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn the_login_page_is_for_anyone() {
        let told = explained(PORTAL, "GET", "/login", false);
        assert!(
            told.ends_with(
                "  -> capture form   countersign.toml:12\n  capture form: the login page, for anyone\n"
            ),
            "{told}"
        );
    }

    #[test]
    fn a_post_is_told_with_the_login_and_without() {
        let told = explained(PORTAL, "POST", "/login", false);
        let (with, without) = told
            .split_once("  a POST that carries `user` and `pass` is captured for scope login (its answer is held for 5m); any other falls through to:\n")
            .unwrap_or_else(|| panic!("{told}"));
        assert!(
            with.ends_with("  -> capture form   countersign.toml:12\n"),
            "{told}"
        );
        assert!(without.contains("\n  -> "), "{told}");
        assert!(!told.contains("the login page"), "{told}");
    }

    #[test]
    fn what_a_form_condition_wants_is_part_of_the_login() {
        let told = explained(PORTAL, "POST", "/index", false);
        let (with, without) = told
            .split_once("  a POST that carries `/user/name`, `pass` and `op={login,sign in}` is captured for scope login (its answer is held for 1m 30s); any other falls through to:\n")
            .unwrap_or_else(|| panic!("{told}"));
        assert!(
            with.ends_with("  -> capture index   countersign.toml:13\n"),
            "{told}"
        );
        assert!(
            without.contains("  -> require scope login (no route names this path)\n  without a grant: the application's own login at /login, then"),
            "{told}"
        );
    }

    #[test]
    fn strangers_are_sent_to_the_login_page_whatever_scope_they_want() {
        let told = explained(PORTAL, "GET", "http://localhost:8080/home", false);
        assert!(
            told.ends_with("  without a grant: the application's own login at /login, then a 6-digit code by sms or voice, asked for in directory staff\n"),
            "{told}"
        );
        let told = explained(PORTAL, "GET", "/admin/users", false);
        assert!(
            told.ends_with("  without a grant: the application's own login at /login and the code for `login`, then an 8-digit code by sms, asked for in directory staff\n"),
            "{told}"
        );
    }

    #[test]
    fn a_login_that_an_earlier_route_closes_is_told_as_closed() {
        let closed = PORTAL.replace(
            "{ path = \"/admin/**\", require = \"admin\" },",
            "{ path = \"/**\", require = \"deny\" },",
        );
        let told = explained(&closed, "POST", "/login", false);
        assert!(!told.contains("captured"), "{told}");
        assert!(
            told.ends_with("  -> deny   countersign.toml:11\n"),
            "{told}"
        );
    }

    #[test]
    fn programs_get_both_readings_in_one_object() {
        let told = explained(PORTAL, "POST", "/index", true);
        let told: Value = serde_json::from_str(&told).unwrap();
        let login = &told["logins"][0];
        assert_eq!(
            (&login["capture"], &login["scope"], &login["hold_seconds"]),
            (&json!("index"), &json!("login"), &json!(90))
        );
        assert_eq!(
            login["carries"],
            json!(["/user/name", "pass", "op={login,sign in}"])
        );
        assert_eq!(
            login["requirement"],
            json!("capture index   countersign.toml:13")
        );
        assert_eq!(
            told["requirement"],
            json!("require scope login (no route names this path)")
        );
        assert_eq!(
            told["without_a_grant"],
            json!([{ "scope": "login", "login_page": "/login", "shadow": false }])
        );
        let page: Value = serde_json::from_str(&explained(PORTAL, "GET", "/login", true)).unwrap();
        assert_eq!(page["logins"], json!([]));
    }

    #[test]
    fn a_scope_in_shadow_is_told_wherever_it_would_ask() {
        let shaded = PORTAL.replace("[scopes.login]", "[scopes.login]\n        shadow = true");
        assert_ne!(shaded, PORTAL);
        let told = explained(&shaded, "POST", "/index", false);
        assert!(
            told.contains("held for 1m 30s, were it not in shadow)"),
            "{told}"
        );
        assert!(
            told.contains("`login` is in shadow: it goes on without a grant"),
            "{told}"
        );
        let told = explained(&shaded, "POST", "/index", true);
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["without_a_grant"][0]["shadow"], json!(true));
        assert_eq!(told["logins"][0]["shadow"], json!(true));
        let told = explained(&shaded, "GET", "/admin/x", false);
        assert!(!told.contains("shadow"), "{told}");
    }

    #[test]
    fn from_where_programs_need_no_code_is_told_where_it_is_so() {
        let (before, _) = PORTAL.split_once("routes = [").unwrap();
        let (_, after) = PORTAL.split_once("[scopes.login]").unwrap();
        let basic = format!(
            "{before}routes = [{{ path = \"/admin/**\", require = \"admin\" }}]\n[sites.portal.captures.header]\n\
             scope = \"login\"\nusername = \"basic\"\nmachines = [{{ path = [\"/text/**\", \"/admin/**\"], from = [\"10.20.0.0/16\"] }}]\n\
             [scopes.login]{after}"
        );
        let line = "programs from 10.20.0.0/16 pass without a code";
        assert!(explained(&basic, "GET", "/text/list", false).contains(line));
        assert!(!explained(&basic, "GET", "/admin/list", false).contains(line));
        assert!(!explained(&basic, "GET", "/html", false).contains(line));
        let told: Value =
            serde_json::from_str(&explained(&basic, "GET", "/text/list", true)).unwrap();
        assert_eq!(told["machines_from"], json!(["10.20.0.0/16"]));
    }
}
