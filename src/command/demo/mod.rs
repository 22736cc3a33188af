//! `countersign demo`: the main job with nothing configured.
//!
//! A small application of ours plays somebody's old one, with its own login; the gateway before it is the real one and
//! captures that login. It runs from a configuration that is written to a folder of its own and removed afterwards.

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::run::until_stopped;
use super::{Exit, check, fail};
use crate::code::Reference;
use crate::config;
use crate::observe;
use crate::run::{self, NotStarted, Running, Surroundings};
use crate::server;
use crate::server::bind::Bound;

pub mod app;

/// The port that is tried first.
const PORT: u16 = 8080;

/// Why there is no demonstration.
#[derive(Debug, thiserror::Error)]
enum NotShown {
    /// Its folder, or the application's socket.
    #[error("cannot set the demonstration up in {0}")]
    Folder(PathBuf, #[source] io::Error),
    /// The application's socket.
    #[error("cannot start the small application")]
    Application(#[source] io::Error),
    /// The gateway.
    #[error(transparent)]
    Gateway(#[from] NotStarted),
    /// Our own configuration has a mistake.
    #[error("the demonstration's own configuration has a mistake, which is printed above")]
    Configuration,
}

/// Shows the main job on `port`; on 8080, or any that is free, if none is named.
pub fn demo(port: Option<u16>) -> Exit {
    match show(port) {
        Ok(exit) => exit,
        Err(error) => fail(&error),
    }
}

fn show(port: Option<u16>) -> Result<Exit, NotShown> {
    // What goes well shows in the browser and in the messages.
    observe::begin_with_warnings();
    let folder = Folder::make()?;
    let bound = match (listen(port.unwrap_or(PORT)), port) {
        (Err(_), None) => listen(0)?,
        (bound, _) => bound?,
    };
    let port = bound.addresses()[0].socket.port();
    let application = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(NotShown::Application)?;
    let listener = application
        .block_on(app::bind())
        .map_err(NotShown::Application)?;
    let behind = listener.local_addr().map_err(NotShown::Application)?;
    let running = start(&folder, bound, port, behind)?;
    let ended = CancellationToken::new();
    let served = application.spawn(app::serve(listener, ended.clone()));
    // A closed pipe only means that nobody reads this.
    drop(greet(&mut io::stdout(), port));
    let exit = until_stopped(running);
    ended.cancel();
    drop(application.block_on(served));
    Ok(exit)
}

/// Both loopback addresses, since a browser may take either for `localhost`.
fn listen(port: u16) -> Result<Bound, NotStarted> {
    let four = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let six = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    let bind = |http: Vec<SocketAddr>| {
        run::bind(
            &server::Settings {
                http,
                ..server::Settings::default()
            },
            run::workers(),
        )
    };
    // With any port the second address could get another one than the first.
    if port == 0 {
        return bind(vec![four]);
    }
    bind(vec![four, six]).or_else(|_| bind(vec![four]))
}

fn start(
    folder: &Folder,
    bound: Bound,
    port: u16,
    behind: SocketAddr,
) -> Result<Running, NotShown> {
    let users = folder.write("users.toml", USERS)?;
    let path = folder.write(
        "countersign.toml",
        &configuration(port, behind, &users, &folder.path),
    )?;
    let loaded = config::load(&path);
    let Some(config) = loaded.config else {
        check::tell(&loaded.problems);
        return Err(NotShown::Configuration);
    };
    Ok(run::start(config, bound, Surroundings::default())?)
}

fn greet(to: &mut impl Write, port: u16) -> io::Result<()> {
    let [(ann, password), (bob, _)] = app::USERS;
    writeln!(
        to,
        "Countersign demonstration: a small application, and the gateway before it.\n\n  \
         Open      http://localhost:{port}/\n  \
         Log in    as {ann} or {bob}, password `{password}`, in the application's own form; then type the code\n  \
         Try       a wrong password, which sends no message; the admin area, which wants a code of its own; an upload,\n            \
                   the clock, both ways to sign out\n  \
         Messages  appear below as they are sent; Ctrl-C ends\n"
    )?;
    to.flush()
}

/// A folder for the configuration, the users and the key; removed at the end.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn make() -> Result<Self, NotShown> {
        let path = std::env::temp_dir().join(format!("countersign-demo-{}", Reference::draw()));
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| NotShown::Folder(path.clone(), error))?;
        Ok(Self { path })
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, NotShown> {
        let path = self.path.join(name);
        let file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| NotShown::Folder(path.clone(), error))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in the folder for temporary files.
        drop(fs::remove_dir_all(&self.path));
    }
}

/// Two people, with numbers that are nobody's (NANP, 555-0100 to 0199).
const USERS: &str = r#"[[user]]
name = "ann"
phone = "+12025550143"
aliases = ["ann@example.com"]

[[user]]
name = "bob"
phone = "+12025550167"
"#;

fn configuration(port: u16, behind: SocketAddr, users: &Path, state: &Path) -> String {
    let quoted = |path: &Path| toml::Value::String(path.display().to_string()).to_string();
    let (users, state) = (quoted(users), quoted(state));
    let (title, session) = (app::TITLE, app::session::NAME);
    format!(
        r#"[listen]
http = ["127.0.0.1:{port}"]

[sites.demo]
name = "{title}"
url = "http://localhost:{port}"
upstream = "http://{behind}"
support = "Help desk, +1 202 555 0100"
directory = "people"
scopes = ["login", "admin"]

[[sites.demo.routes]]
path = "/login"
capture = "form"

[[sites.demo.routes]]
path = "/style.css"
require = "public"

[[sites.demo.routes]]
path = "/admin"
require = "admin"

[sites.demo.captures.form]
scope = "login"
username = "user"
password = "password"
probe = "/home"
auth_cookies = ["{session}"]

[scopes.login]
title = "Sign in"
channels = ["sms", "voice"]

[scopes.admin]
title = "Administration"
grant_life = "15m"
idle = "10m"
channels = ["sms", "voice"]
message = "{{NAME}}: {{CODE}} opens the ADMIN pages. Valid {{MINUTES}} min. Not you? Call the help desk."

[directory.people.file]
path = {users}

[carriers.terminal.console]

[delivery]
sms = ["terminal"]
voice = ["terminal"]

[store.memory]
path = {state}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::rule::Rule;

    fn configured() -> config::Loaded {
        let folder = Folder::make().unwrap();
        let users = folder.write("users.toml", USERS).unwrap();
        let behind = "127.0.0.1:9000".parse().unwrap();
        let text = configuration(8080, behind, &users, &folder.path);
        config::load(&folder.write("countersign.toml", &text).unwrap())
    }

    #[test]
    fn the_demonstration_has_a_configuration_without_a_mistake() {
        let loaded = configured();
        assert!(loaded.config.is_some(), "{:?}", loaded.problems);
        for problem in &loaded.problems {
            assert_eq!(
                problem.rule,
                Rule::ForTrials,
                "that it is a demonstration is all there is to warn of: {problem:?}"
            );
        }
    }

    #[test]
    fn the_demonstration_captures_the_login_of_its_application() {
        let config = configured().config.unwrap();
        let site = &config.sites[0].site;
        let capture = site.capture_for(&site.first_scope().name).unwrap();
        assert_eq!(capture.page, "/login");
        assert!(capture.probe.is_some(), "no login is in doubt");
        assert!(capture.auth_cookies.has(app::session::NAME.as_bytes()));
    }

    #[test]
    fn its_folder_is_gone_afterwards() {
        let folder = Folder::make().unwrap();
        let path = folder.path.clone();
        folder.write("a", "b").unwrap();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn the_greeting_says_where_to_go() {
        let mut said = Vec::new();
        greet(&mut said, 1234).unwrap();
        let said = String::from_utf8(said).unwrap();
        assert!(
            said.contains("http://localhost:1234/") && said.contains("ann or bob, password `demo`"),
            "{said}"
        );
    }
}
