//! Why a request needs what it needs: what `countersign explain` prints.

use std::fmt;

use http::Method;

use super::entry::{Entry, Forms, Miss};
use super::glob::Cover;
use super::{Asked, Class, Pattern, Requirement, Route, Table};

/// The routes that were tried and what came of it.
#[derive(Clone, Debug)]
pub struct Explanation<'t> {
    /// In the order of routes, up to the last that had a say.
    pub steps: Vec<Step<'t>>,
    /// What [`Table::judge`] says.
    pub requirement: Requirement<'t>,
}

/// One route that was tried.
#[derive(Clone, Debug)]
pub struct Step<'t> {
    /// Its number in the list, from 1.
    pub number: usize,
    /// The route.
    pub route: &'t Route,
    /// Its patterns, by commas.
    pub pattern: String,
    /// Whether it matched.
    pub outcome: Outcome,
}

/// What came of trying a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has a say, for this reading of the path, escaped where it is not visible ASCII.
    Match(String),
    /// It has none.
    No(Why),
}

/// Why a route did not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It names another path, or one that an earlier route took.
    Path,
    /// It wants another method.
    Method {
        /// The request's.
        asked: Method,
        /// The route's.
        wanted: Vec<Method>,
    },
    /// It opens, and the request says another method than the route's beside its own.
    Overridden,
    /// The field of this name in the query.
    Query(String),
    /// The field of this name in the body.
    Form(String),
    /// It takes a POST only if it carries the capture's login.
    Login,
    /// It wants upgrades only (true), or none (false).
    WebSocket(bool),
    /// It opens, but the path can also be read like this.
    Reading(String),
}

pub(super) fn explain<'t>(table: &'t Table, asked: &Asked<'_>) -> Explanation<'t> {
    let open = table.opens(asked, Forms::Judged);
    let requirement = table.judge(asked);
    let mut outcomes: Vec<Option<Outcome>> = vec![None; table.entries.len()];
    let mut end = 0;
    table.closes(asked, open, |closed| match closed.by {
        Some(at) => {
            outcomes[at].get_or_insert_with(|| Outcome::Match(show(closed.reading.exact)));
            end = end.max(at + 1);
        }
        None => end = table.entries.len(),
    });
    if let (Some(at), Requirement::Open(..)) = (open, &requirement) {
        outcomes[at] = Some(Outcome::Match(show(asked.target.path().as_bytes())));
        end = at + 1;
    }
    let steps = table.entries.iter().zip(outcomes).take(end).enumerate();
    let steps = steps.map(|(at, (entry, outcome))| Step {
        number: at + 1,
        route: &entry.route,
        pattern: entry
            .route
            .paths
            .iter()
            .map(Pattern::as_str)
            .collect::<Vec<_>>()
            .join(", "),
        outcome: outcome.unwrap_or_else(|| Outcome::No(why_not(entry, asked))),
    });
    Explanation {
        steps: steps.collect(),
        requirement,
    }
}

fn why_not(entry: &Entry, asked: &Asked<'_>) -> Why {
    let opens = entry.route.class.opening().is_some();
    let miss = if opens {
        entry.why_not_open(asked, Forms::Judged)
    } else {
        entry.why_not_closed(asked, Forms::Judged)
    };
    let is_named = || {
        asked
            .target
            .each()
            .any(|reading| entry.covers(reading) > Cover::No)
    };
    match miss {
        // Said even where the path is another: it is what people look for first.
        Some(Miss::Method) => Why::Method {
            asked: asked.method.clone(),
            wanted: match &entry.route.class {
                Class::Capture(_) if entry.route.methods.is_empty() => {
                    vec![Method::GET, Method::HEAD, Method::POST]
                }
                _ => entry.route.methods.clone(),
            },
        },
        Some(Miss::Overridden) => Why::Overridden,
        Some(Miss::Login) if opens_path(entry, asked) => Why::Login,
        Some(Miss::WebSocket(wanted)) => Why::WebSocket(wanted),
        Some(Miss::Reading(reading)) => Why::Reading(show(reading)),
        Some(Miss::Query(name)) if opens || is_named() => Why::Query(name.to_owned()),
        Some(Miss::Form(name)) if opens || is_named() => Why::Form(name.to_owned()),
        _ => Why::Path,
    }
}

fn opens_path(entry: &Entry, asked: &Asked<'_>) -> bool {
    let first = asked.target.first().exact;
    entry.route.paths.iter().any(|path| path.opens(first))
}

/// A path as it may be printed anywhere.
fn show(path: &[u8]) -> String {
    path.escape_ascii().to_string()
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .steps
            .iter()
            .map(|step| step.pattern.chars().count())
            .max()
            .unwrap_or(0);
        for step in &self.steps {
            writeln!(
                f,
                "{:>3}  {:width$}   {}   {}",
                step.number,
                step.pattern,
                step.said(),
                step.route.place
            )?;
        }
        write!(f, "  -> {}", self.requirement)
    }
}

impl Step<'_> {
    fn said(&self) -> String {
        match &self.outcome {
            Outcome::No(why) => format!("no   {why}"),
            Outcome::Match(reading) => {
                format!("MATCH  -> {} (read as {reading})", self.route.class)
            }
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deny => f.write_str("deny"),
            Self::Public => f.write_str("public"),
            Self::PublicFull => f.write_str("public-full"),
            Self::LoginPage => f.write_str("login-page"),
            Self::Capture(name) => write!(f, "capture {name}"),
            Self::Scope(name) => write!(f, "require scope {name}"),
        }
    }
}

impl fmt::Display for Requirement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deny(route) | Self::Open(_, route) => {
                write!(f, "{}   {}", route.class, route.place)
            }
            Self::Scopes(needed) => {
                for (count, need) in needed.iter().enumerate() {
                    let and = if count == 0 { "require scope" } else { " and" };
                    write!(f, "{and} {}", need.scope)?;
                    match need.route {
                        Some(route) => write!(f, " ({})", route.place)?,
                        None => f.write_str(" (no route names this path)")?,
                    }
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => f.write_str("path"),
            Self::Method { asked, wanted } => {
                let wanted: Vec<&str> = wanted.iter().map(Method::as_str).collect();
                write!(f, "method {asked}, wants {}", wanted.join(" or "))
            }
            Self::Overridden => f.write_str("says another method"),
            Self::Query(name) => write!(f, "query `{name}`"),
            Self::Form(name) => write!(f, "form `{name}`"),
            Self::Login => f.write_str("carries no login"),
            Self::WebSocket(true) => f.write_str("no WebSocket upgrade"),
            Self::WebSocket(false) => f.write_str("a WebSocket upgrade"),
            Self::Reading(reading) => write!(f, "can be read as {reading}"),
        }
    }
}
