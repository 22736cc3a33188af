//! The real gateway, started from a configuration file on a port of its own.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use countersign::config;
use countersign::observe::clock::Clock;
use countersign::run::reload::{NotReloaded, Reloaded};
use countersign::run::{self, Running, Surroundings};
use countersign::store::MOST_CHALLENGES;
use tempfile::TempDir;

use super::browser::Browser;
use super::wire::PATIENCE;

/// The host that the site of [`Setup::new`] is reached under; the port in its url is the scheme's own, whatever port
/// the gateway listens on.
pub const HOST: &str = "app.localhost";

/// Two people, and one without a number.
pub const USERS: &str = r#"
[[user]]
name = "ann"
phone = "+12025550143"
aliases = ["ann@example.com"]

[[user]]
name = "bob"
phone = "+12025550167"

[[user]]
name = "nophone"

[[user]]
name = "gone"
phone = "+12025550199"
disabled = true
"#;

/// What a gateway is started with.
pub struct Setup {
    upstream: String,
    site: String,
    routes: String,
    rest: String,
    users: String,
    workers: usize,
    most: usize,
    deny_carriers: bool,
}

/// A gateway at work; it stops, and tells of its panics, when this is dropped.
pub struct Gate {
    running: Option<Running>,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its clock, which can be put forward.
    pub clock: Clock,
    /// What its console carrier printed.
    pub messages: Messages,
    folder: Arc<TempDir>,
    workers: NonZeroUsize,
    most: usize,
}

/// What the console carrier printed; it can be out of order for a while.
#[derive(Clone, Default)]
pub struct Messages {
    printed: Arc<(Mutex<String>, Condvar)>,
    down: Arc<AtomicBool>,
}

impl Setup {
    /// One site `http://app.localhost` before `upstream`, scopes login and admin, `/admin` for admin.
    pub fn new(upstream: &str) -> Self {
        Self {
            upstream: upstream.to_owned(),
            site: String::new(),
            routes: "[[sites.app.routes]]\npath = \"/admin\"\nrequire = \"admin\"\n".to_owned(),
            rest: String::new(),
            users: USERS.to_owned(),
            workers: 2,
            most: MOST_CHALLENGES,
            deny_carriers: false,
        }
    }

    /// More lines of `[sites.app]`.
    pub fn site(mut self, lines: &str) -> Self {
        self.site.push_str(lines);
        self.site.push('\n');
        self
    }

    /// Other routes: path and class, each.
    pub fn routes(mut self, routes: &[(&str, &str)]) -> Self {
        self.routes = routes
            .iter()
            .map(|(path, class)| {
                format!("[[sites.app.routes]]\npath = \"{path}\"\nrequire = \"{class}\"\n")
            })
            .collect();
        self
    }

    /// Routes as they stand in the file.
    pub fn raw_routes(mut self, text: &str) -> Self {
        self.routes = text.to_owned();
        self
    }

    /// More tables.
    pub fn with(mut self, tables: &str) -> Self {
        self.rest.push_str(tables);
        self.rest.push('\n');
        self
    }

    /// Other people.
    pub fn users(mut self, users: &str) -> Self {
        self.users = users.to_owned();
        self
    }

    /// So many challenges and holds at the most.
    pub fn most(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// So many workers.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// The console cannot be written to: every send fails.
    pub fn without_carriers(mut self) -> Self {
        self.deny_carriers = true;
        self
    }

    /// Starts it.
    pub fn start(self) -> Gate {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            path.display().to_string()
        };
        let users = write("users.toml", &self.users);
        let state = folder.path().join("state").display().to_string();
        let Self {
            upstream,
            site,
            routes,
            rest,
            ..
        } = &self;
        let scope = |name: &str, title: &str| {
            if rest.contains(&format!("[scopes.{name}]")) {
                return String::new();
            }
            format!("[scopes.{name}]\ntitle = \"{title}\"\nchannels = [\"sms\", \"voice\"]\n")
        };
        let url = if site.contains("url =") {
            ""
        } else {
            "url = \"http://app.localhost\""
        };
        let listen = if rest.contains("[listen]") {
            ""
        } else {
            "[listen]\nhttp = [\"127.0.0.1:0\"]"
        };
        let delivery = if rest.contains("[delivery]") {
            ""
        } else {
            "[delivery]\nsms = [\"paper\"]\nvoice = [\"paper\"]"
        };
        let text = format!(
            "{listen}\n[sites.app]\nname = \"Example Portal\"\n{url}\nupstream = \"{upstream}\"\n\
             support = \"Help desk, +1 202 555 0100\"\ndirectory = \"people\"\nscopes = [\"login\", \"admin\"]\n{site}\n{routes}\n\
             {}\n{}\n[directory.people.file]\npath = \"{users}\"\n[carriers.paper.console]\n{delivery}\n\
             [store.memory]\npath = \"{state}\"\n{rest}\n",
            scope("login", "Sign in"),
            scope("admin", "Administration"),
        );
        let path = folder.path().join("countersign.toml");
        fs::write(&path, &text).unwrap();
        let loaded = config::load(&path);
        let config = loaded.config.unwrap_or_else(|| {
            panic!(
                "{}\n{text}",
                config::diagnostic::render(&loaded.problems, false)
            )
        });
        let messages = Messages::default();
        if self.deny_carriers {
            messages.break_down();
        }
        let workers = NonZeroUsize::new(self.workers).unwrap();
        Gate::launch(
            config,
            Clock::start(),
            messages,
            Arc::new(folder),
            workers,
            self.most,
        )
    }
}

impl Gate {
    fn launch(
        config: config::Config,
        clock: Clock,
        messages: Messages,
        folder: Arc<TempDir>,
        workers: NonZeroUsize,
        most: usize,
    ) -> Self {
        let writer: Box<dyn Write + Send> = Box::new(messages.clone());
        let surroundings = Surroundings {
            clock: clock.clone(),
            console: Arc::new(Mutex::new(writer)),
            most_challenges: most,
            configuration: Some(folder.path().join("countersign.toml")),
        };
        let bound = run::bind(&config.listen, workers).unwrap();
        let running = run::start(config, bound, surroundings).unwrap();
        let address = running.addresses()[0].socket;
        Self {
            running: Some(running),
            address,
            clock,
            messages,
            folder,
            workers,
            most,
        }
    }

    /// Stops it, and starts another with the same files on another port.
    pub fn restart(mut self) -> Self {
        self.running.take().unwrap().stop().unwrap();
        let config = config::load(&self.file("countersign.toml")).config.unwrap();
        Self::launch(
            config,
            self.clock.clone(),
            self.messages.clone(),
            Arc::clone(&self.folder),
            self.workers,
            self.most,
        )
    }

    /// Writes other words in the place of these into its configuration, as an editor does: whole, in the place of the old
    /// file. It has to be told.
    pub fn rewrite(&self, from: &str, to: &str) {
        let path = self.file("countersign.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        let new = path.with_extension("new");
        fs::write(&new, text.replace(from, to)).unwrap();
        fs::rename(&new, &path).unwrap();
    }

    /// Lets it read its configuration again.
    pub fn reload(&self) -> Result<Reloaded, NotReloaded> {
        let running = self.running();
        running.block_on(running.reload())
    }

    /// Stops it; its files stay.
    pub fn stopped(mut self) -> Self {
        self.running.take().unwrap().stop().unwrap();
        self
    }

    /// Waits until every message that was asked for has gone out, or is known not to.
    pub fn settle(&self) {
        let tasks = self.running().flow().tasks.clone();
        tasks.close();
        let ended = async { tokio::time::timeout(PATIENCE, tasks.wait()).await };
        self.running().block_on(ended).expect("every send ends");
        tasks.reopen();
    }

    /// How many messages have gone out, once all that were asked for have.
    pub fn sent(&self) -> usize {
        self.settle();
        self.messages.count()
    }

    /// Puts the clock forward.
    pub fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// A new browser at its door.
    pub fn browser(&self) -> Browser {
        Browser::new(self.address, HOST)
    }

    /// A browser that has asked as `user` and typed the code.
    pub fn signed_in(&self, user: &str) -> Browser {
        let mut browser = self.browser();
        browser.pass_ask("/", user, &self.messages);
        browser
    }

    /// The gateway itself.
    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    /// Where a file of its folder is: `users.toml`, `state/…`.
    pub fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        let stopped = running.stop();
        if !std::thread::panicking() {
            stopped.unwrap();
        }
    }
}

impl Messages {
    /// From now on nothing can be printed.
    pub fn break_down(&self) {
        self.down.store(true, Ordering::Relaxed);
    }

    /// It can again.
    pub fn come_back(&self) {
        self.down.store(false, Ordering::Relaxed);
    }

    /// Everything so far.
    pub fn all(&self) -> String {
        self.printed.0.lock().unwrap().clone()
    }

    /// How many messages went out so far.
    pub fn count(&self) -> usize {
        codes(&self.all()).len()
    }

    /// The code of message number `n`, from 1; waits for it. Panics if it does not come.
    pub fn code(&self, n: usize) -> String {
        let (text, came) = &*self.printed;
        let enough = |text: &mut String| codes(text).len() < n;
        let (text, late) = came
            .wait_timeout_while(text.lock().unwrap(), Duration::from_secs(30), enough)
            .unwrap();
        assert!(
            !late.timed_out(),
            "message {n} did not come; there are: {text}"
        );
        codes(&text)[n - 1].clone()
    }

    /// The newest code, once there are more than `before`.
    pub fn after(&self, before: usize) -> String {
        self.code(before + 1)
    }
}

/// A code that is not this one.
pub fn other_than(code: &str) -> String {
    let last = code.as_bytes()[code.len() - 1];
    let other = if last == b'9' {
        '0'
    } else {
        char::from(last + 1)
    };
    format!("{}{other}", &code[..code.len() - 1])
}

/// The codes of all messages, from their last lines or from the spoken digits.
fn codes(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            let line =
                line.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '@' && c != '#');
            if let Some((_, code)) = line
                .strip_prefix('@')
                .and_then(|line| line.split_once(" #"))
            {
                return Some(
                    code.trim_end_matches(|c: char| !c.is_ascii_digit())
                        .to_owned(),
                );
            }
            let (_, spoken) = line.split_once("Your code is ")?;
            let digits: String = spoken
                .chars()
                .take_while(|c| c.is_ascii_digit() || matches!(c, ',' | ' '))
                .filter(char::is_ascii_digit)
                .collect();
            Some(digits)
        })
        .collect()
}

impl Write for Messages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.down.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.printed
            .0
            .lock()
            .unwrap()
            .push_str(&String::from_utf8_lossy(bytes));
        self.printed.1.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
