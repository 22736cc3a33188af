//! `countersign learn`: looks at an application, signs in once with good credentials, and prints a block that it has tested.
//!
//! Everything that it sends to the application is told in docs/learn.md. What it learns it tries in a gateway of its own;
//! what does not hold there is not printed.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tokio::runtime::Runtime;

use self::ask::Credentials;
use self::asked::Asked;
use self::block::{Block, Host};
use self::compare::Signs;
use self::failure::Failure;
use self::proof::Trial;
use self::seen::Seen;
use self::visit::{Attempt, Way};
use super::{Exit, fail};
use crate::code::Reference;
use crate::name::Name;
use crate::observe::clock::Clock;
use crate::scout::browser::Browser;
use crate::scout::client::Client;
use crate::site::Origin;
use crate::target::Target;

mod ask;
mod asked;
mod basic;
mod block;
mod compare;
mod failure;
mod known;
mod leave;
mod open;
mod private;
mod proof;
mod seen;
mod visit;
mod words;

/// What is asked.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The login page, at the application's own address, such as <http://127.0.0.1:8080/login>
    page: String,
    /// Where the application listens, if that is not where the page is: <http://HOST:PORT>, <https://HOST> or `unix:/PATH`
    #[arg(long, value_name = "ADDRESS")]
    upstream: Option<String>,
    /// Whose certificates are believed, for an https upstream; a PEM file
    #[arg(long, value_name = "FILE")]
    upstream_ca: Option<PathBuf>,
    /// Who signs in; by default asked for. Where the application asks for a password alone, who gets the code
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// What the site is called in the configuration
    #[arg(long, value_name = "NAME", default_value = "app", value_parser = name)]
    site: Name,
    /// The directory that has people's numbers
    #[arg(long, value_name = "NAME", default_value = "staff", value_parser = name)]
    directory: Name,
    /// The address that people will use, such as <https://wiki.example.com>
    #[arg(long, value_name = "PUBLIC")]
    url: Option<String>,
    /// A page that only a signed-in person gets; by default one is looked for
    #[arg(long, value_name = "PATH")]
    probe: Option<String>,
    /// Write the block to this file, which must not be there, in place of printing it
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn name(text: &str) -> Result<Name, String> {
    Name::parse(text).map_err(|error| error.to_string())
}

/// What was found out, before it is tried.
struct Learned {
    block: Block,
    /// Which hosts are worth a try, the likeliest first.
    hosts: Vec<Host>,
    private: Target,
    /// Whether the application itself gives that page to anybody, without a way to sign out.
    shared: bool,
    /// The status of the application's answer to a wrong password.
    refusal: u16,
}

/// Learns, and prints or writes what was learned.
pub fn learn(arguments: &Arguments) -> Exit {
    match run(arguments) {
        Ok(()) => Exit::Ok,
        Err(failure) => fail(&failure),
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let asked = Asked::read(arguments)?;
    if let Some(path) = arguments.output.as_ref().filter(|path| path.exists()) {
        return Err(Failure::Exists(path.clone()));
    }
    let who = ask::credentials(arguments.username.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    let block = learned(&runtime, &asked, &who)?;
    let text = block.text();
    let Some(path) = &arguments.output else {
        let mut out = io::stdout().lock();
        return out.write_all(text.as_bytes()).map_err(Failure::Print);
    };
    write(path, &text)?;
    say(&format!("written to {}", path.display()));
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    // The gateway's group reads it.
    let file = options.write(true).create_new(true).mode(0o640).open(path);
    match file.and_then(|mut file| file.write_all(text.as_bytes())) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Failure::Exists(path.to_owned()))
        }
        written => written.map_err(|error| Failure::Write(path.to_owned(), error)),
    }
}

/// One line for whoever watches.
fn say(line: &str) {
    // Where nobody reads standard error there is nobody to tell.
    drop(writeln!(io::stderr(), "{line}"));
}

/// A block that holds.
fn learned(runtime: &Runtime, asked: &Asked, who: &Credentials) -> Result<Block, Failure> {
    let client = Client::new(asked.place.clone())?;
    let now = Clock::start().now().unix;
    // Drawn, so that nobody has it; and of letters and digits, which every form takes.
    let wrong = format!("wrong-{}", Reference::draw());
    let explored = runtime.block_on(explore(&client, asked, &asked.own, who, &wrong, now));
    let learned = match explored {
        // An application that knows its public address leads there from wherever it is asked.
        Err(Failure::Away(url))
            if !asked.made_up && is_at(&url, &asked.public) && asked.own != asked.public =>
        {
            say(&format!(
                "it leads to {}: asked by that name from here on",
                asked.public.text()
            ));
            let explored = explore(&client, asked, &asked.public, who, &wrong, now);
            let learned = runtime.block_on(explored)?;
            Learned {
                hosts: vec![Host::Preserved, Host::Rewritten],
                ..learned
            }
        }
        explored => explored?,
    };
    prove(runtime, learned, who, &wrong)
}

fn is_at(url: &str, origin: &Origin) -> bool {
    url.strip_prefix(origin.text())
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
}

/// Tries the block with each host mode, and with each way to tell a good login, until it holds.
fn prove(
    runtime: &Runtime,
    learned: Learned,
    who: &Credentials,
    wrong: &str,
) -> Result<Block, Failure> {
    let Learned {
        mut block,
        hosts,
        private,
        shared,
        refusal,
    } = learned;
    let mut told = String::new();
    for host in hosts {
        for judge in block.judges() {
            (block.host, block.judge) = (host, judge);
            let trial = Trial {
                block: &block,
                who,
                wrong,
                refusal,
                private: &private,
                shared,
            };
            let mode = block.mode();
            match proof::hold(runtime, &trial)? {
                Ok(()) => {
                    say(&format!(
                        "tested in a gateway, {mode}: a stranger is turned away, a wrong password sends nothing, the right one \
                         leads to the code page and opens nothing yet, the code opens {}",
                        private.raw()
                    ));
                    return Ok(block);
                }
                Err(broken) => {
                    told = crate::observe::chain(&broken);
                    say(&format!("tested in a gateway, {mode}: {told}"));
                    if !broken.is_of_the_judge() {
                        break;
                    }
                }
            }
        }
    }
    Err(Failure::DoesNotHold(told))
}

/// Steps 1 to 10: looks, signs in wrongly and rightly, compares, and looks again.
async fn explore(
    client: &Client,
    asked: &Asked,
    own: &Origin,
    who: &Credentials,
    wrong: &str,
    now: u64,
) -> Result<Learned, Failure> {
    let mut browser = Browser::new(client, own.clone(), now);
    let door = visit::door(&mut browser, &asked.page).await?;
    let browser = browser.fresh();
    let Way::Form(form, action) = &door.way else {
        say(&format!("asked for {}: it wants HTTP Basic", door.at.raw()));
        return basic::explore(&browser, &door, asked, who, wrong).await;
    };
    let user = form.username.as_deref().map_or_else(
        || "no user name".to_owned(),
        |field| format!("user name in `{field}`"),
    );
    say(&format!(
        "asked for {}: a login form, {user}, password in `{}`, posted to {}",
        door.at.raw(),
        form.password,
        action.path()
    ));
    say(
        "signing in once with a wrong password, which counts as a failed login, and once with yours",
    );
    let bad = visit::attempt(&browser, &door.at, who, wrong).await?;
    let good = visit::attempt(&browser, &door.at, who, who.password()).await?;
    compare::taken(&good, &bad, &form.password)?;
    let signs = compare::signs(&good, &bad, own, now);
    say(&format!(
        "the wrong one got {}, yours {}{}",
        met(&bad, own),
        met(&good, own),
        match signs.cookies.as_slice() {
            [] => String::new(),
            names => format!(", and with it {}", names.join(" ")),
        }
    ));
    let known = known::like(&browser, &door).await;
    let found = private::find(
        &door,
        &good,
        &bad,
        &form.password,
        asked.probe.as_ref(),
        &known.pages,
    );
    let private = found.await?;
    let Some(private) = private else {
        let told = !signs.cookies.is_empty() || signs.location.is_some();
        return Err(if told {
            Failure::NoPrivate
        } else {
            Failure::Alike
        });
    };
    if !private.judges && signs == Signs::default() {
        return Err(Failure::NoPrivate);
    }
    say(&if private.shared {
        format!(
            "{} shows a way to sign out to who is signed in alone",
            private.at.raw()
        )
    } else {
        format!("{} is for who is signed in alone", private.at.raw())
    });
    let session = private::session(&good, Some(&private), &form.password).await?;
    let seen = Seen {
        door: &door,
        form,
        action,
        good: &good,
        private: &private,
        session: &session,
    };
    let page = seen.page(&browser).await?;
    let taken = [&door.at, action, &private.at];
    let open = open::find(&door, &good, &form.password, &session, &taken, now).await;
    let block = seen.block(asked, page, &signs, open, known.presets, who);
    if !block.auth_cookies.is_empty() {
        say(&format!(
            "the session is in {}",
            block.auth_cookies.join(" ")
        ));
    }
    let hosts = if seen.names_itself(own) {
        say("its pages hold its own address");
        vec![Host::Preserved, Host::Rewritten]
    } else {
        vec![Host::Upstream, Host::Preserved]
    };
    Ok(Learned {
        block,
        hosts,
        private: private.at.clone(),
        shared: private.shared,
        refusal: bad.posted.answer.status.as_u16(),
    })
}

/// What an attempt came to, in a few words.
fn met(attempt: &Attempt<'_>, own: &Origin) -> String {
    let status = attempt.posted.answer.status.as_u16();
    match attempt.browser.lead(&attempt.posted) {
        Some(crate::capture::judge::Leads::Here(to)) => format!("{status} to {}", to.path()),
        Some(_) => format!("{status} away from {}", own.text()),
        None => status.to_string(),
    }
}
