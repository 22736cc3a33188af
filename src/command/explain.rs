//! `countersign explain METHOD URL`: which routes were tried for a request, which matched, and why.

use std::io::{self, Write};
use std::path::Path;

use http::{Method, Uri};

use super::{Exit, check, fail};
use crate::config::{self, SiteSettings};
use crate::form::Form;
use crate::route::{Asked, Explanation, Outcome, Requirement};
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
        target: &target,
        websocket: question.websocket,
        form: &Form::Unread,
        logins: &[],
    };
    let explanation = settings.site.routes.explain(&asked);
    let printed = if json {
        print_json(&explanation, to)
    } else {
        print(question, settings, &explanation, to)
    };
    printed.map_err(NotExplained::Print)
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
    explanation: &Explanation<'_>,
    to: &mut impl Write,
) -> io::Result<()> {
    writeln!(
        to,
        "{} {}   (site {})",
        question.method, question.url, settings.site.name
    )?;
    writeln!(to, "{explanation}")?;
    let Requirement::Scopes(needed) = &explanation.requirement else {
        return Ok(());
    };
    for scope in needed
        .scopes()
        .filter_map(|name| settings.site.scope(name.as_str()))
    {
        let channels: Vec<&str> = scope
            .channels
            .iter()
            .map(|channel| channel.as_str())
            .collect();
        writeln!(
            to,
            "  without a grant: a {}-digit code by {}, asked for in directory {}",
            scope.digits,
            channels.join(" or "),
            settings.directory
        )?;
    }
    Ok(())
}

fn print_json(explanation: &Explanation<'_>, to: &mut impl Write) -> io::Result<()> {
    let steps: Vec<_> = explanation
        .steps
        .iter()
        .map(|step| {
            let (matched, why) = match &step.outcome {
                Outcome::Match(reading) => (true, format!("read as {reading}")),
                Outcome::No(why) => (false, why.to_string()),
            };
            serde_json::json!({ "number": step.number, "path": step.pattern, "class": step.route.class.to_string(), "matched": matched, "why": why, "place": step.route.place })
        })
        .collect();
    writeln!(
        to,
        "{}",
        serde_json::json!({ "routes": steps, "requirement": explanation.requirement.to_string() })
    )
}
