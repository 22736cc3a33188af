//! `countersign doctor`: ways into an application that lead past the code.
//!
//! It reads the configuration as the gateway would, asks each application directly, and holds what it answers against what
//! the gate would let a stranger do. It changes nothing: it asks by GET, and posts nothing but wrong credentials of nobody,
//! to doors that a preset knows.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Exit, check, fail};
use crate::config::{self, Config, SiteSettings};
use crate::scout::client::Silence;
use crate::upstream::Address;

mod ask;
mod doors;
mod exposed;
mod finding;
mod fits;
mod listening;
mod logins;
mod need;
mod spellings;
mod stranger;
mod written;

use self::ask::{Answer, Application, Question};
use self::finding::{Finding, Report};

/// What `doctor` is asked.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The configuration
    #[arg(long, default_value = super::CONFIG)]
    config: PathBuf,
    /// Look at this site alone
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    /// Post nothing, not even wrong credentials of nobody to the doors that a preset names
    #[arg(long)]
    no_post: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Why nobody can be looked at.
#[derive(Debug, thiserror::Error)]
enum NotLooked {
    #[error("there is no site `{0}`: there are {1}")]
    NoSite(String, String),
    #[error("the system does not let this process start")]
    Runtime(#[source] io::Error),
    #[error("cannot write the answer")]
    Print(#[source] io::Error),
}

/// Looks, and prints what was found: 0 if nothing was, 1 if something was, 4 if nothing was found and an application did
/// not answer, 5 if there is no such site.
pub fn doctor(arguments: &Arguments) -> Exit {
    let loaded = config::load(&arguments.config);
    let Some(config) = &loaded.config else {
        check::tell(&loaded.problems);
        return Exit::Configuration;
    };
    let sites: Vec<&SiteSettings> = config
        .sites
        .iter()
        .filter(|settings| {
            let name = arguments.site.as_deref();
            name.is_none_or(|name| settings.site.name.as_str() == name)
        })
        .collect();
    if let (true, Some(name)) = (sites.is_empty(), &arguments.site) {
        let names: Vec<&str> = config
            .sites
            .iter()
            .map(|own| own.site.name.as_str())
            .collect();
        let name = name.escape_debug().to_string();
        fail(&NotLooked::NoSite(name, names.join(", ")));
        return Exit::NotFound;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(&NotLooked::Runtime(error)),
    };
    let mut report = Report::default();
    if arguments.site.is_none() {
        written::warned(&loaded.problems).for_each(|found| report.add(found));
    }
    runtime.block_on(look(config, &sites, arguments.no_post, &mut report));
    let mut out = io::stdout().lock();
    let printed = if arguments.json {
        report.print_json(&mut out)
    } else {
        report.print(&mut out)
    };
    match printed {
        Err(error) => fail(&NotLooked::Print(error)),
        Ok(()) if !report.findings.is_empty() => Exit::Failed,
        Ok(()) if !report.unreachable.is_empty() => Exit::Unreachable,
        Ok(()) => Exit::Ok,
    }
}

async fn look(config: &Config, sites: &[&SiteSettings], no_post: bool, report: &mut Report) {
    let listen = &config.listen;
    let gateway: Vec<SocketAddr> = listen.http.iter().chain(&listen.https).copied().collect();
    for settings in sites {
        for found in written::look(settings) {
            report.add(found);
        }
        let (name, routes) = (&settings.site.name, settings.site.routes.routes().count());
        report
            .tried
            .push(format!("{name}: {} as written", counted(routes, "route")));
        let reached = match Application::of(settings) {
            Ok(application) => greet(settings, application, report, no_post).await,
            Err(error) => Err(error),
        };
        match reached {
            Ok(mut visit) => {
                fits::look(&mut visit).await;
                doors::look(&mut visit).await;
                spellings::look(&mut visit).await;
                exposed::look(&mut visit, &gateway).await;
            }
            Err(error) => {
                let address = spoken(&settings.upstream.address);
                let why = crate::observe::chain(&error);
                let sentence =
                    format!("{name}: the application at {address} does not answer: {why}");
                report.unreachable.push(sentence);
            }
        }
    }
}

/// Asks for the first page: an application that does not answer is told once, and not for each of fifty questions.
async fn greet<'v>(
    settings: &'v SiteSettings,
    application: Application,
    report: &'v mut Report,
    no_post: bool,
) -> Result<Visit<'v>, Silence> {
    let first = Question::get("/");
    let answer = application.ask(&first).await?;
    let known = answer.map(|answer| (format!("{first:?}"), answer));
    Ok(Visit {
        settings,
        application,
        report,
        no_post,
        said: false,
        known: known.into_iter().collect(),
    })
}

/// A site while it is looked at.
struct Visit<'v> {
    settings: &'v SiteSettings,
    application: Application,
    report: &'v mut Report,
    no_post: bool,
    /// Whether it was said that something is posted.
    said: bool,
    /// Answers to what was asked before: nothing is asked twice.
    known: HashMap<String, Answer>,
}

impl Visit<'_> {
    /// What the application answers; none if it does not.
    async fn ask(&mut self, question: &Question) -> Option<Answer> {
        let key = format!("{question:?}");
        if let Some(known) = self.known.get(&key) {
            return Some(known.clone());
        }
        let answer = self.application.ask(question).await.ok()??;
        self.known.insert(key, answer.clone());
        Some(answer)
    }

    fn found(&mut self, finding: Finding) {
        self.report.add(finding);
    }

    fn tried(&mut self, what: impl AsRef<str>) {
        let line = format!("{}: {}", self.settings.site.name, what.as_ref());
        self.report.tried.push(line);
    }

    fn site_name(&self) -> String {
        self.settings.site.name.to_string()
    }

    /// Said before it is done, once a site.
    fn says_that_it_posts(&mut self) {
        if !std::mem::replace(&mut self.said, true) {
            // Where nobody reads standard error there is nobody to tell.
            drop(writeln!(
                io::stderr(),
                "{}: posts wrong credentials of nobody to doors of its preset that are open; --no-post leaves that out",
                self.settings.site.name
            ));
        }
    }
}

/// As it is written in the configuration.
fn spoken(address: &Address) -> String {
    match address {
        Address::Tcp { host, port } => format!("http://{host}:{port}"),
        Address::Tls { host, port, .. } => format!("https://{host}:{port}"),
        Address::Unix(path) => format!("unix:{}", path.display()),
    }
}

/// `1 door` or `3 doors`
fn counted(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}
