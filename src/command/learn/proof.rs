//! Whether a block holds: a gateway of its own in this process, before the application, and a browser before it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use super::ask::Credentials;
use super::block::{Block, Capture, Who, quoted};
use super::compare::asks_again;
use super::failure::Failure;
use super::private::is_in;
use super::visit::{self, Way};
use crate::capture::judge::Leads;
use crate::code::Reference;
use crate::config;
use crate::config::rule::Severity;
use crate::observe::clock::Clock;
use crate::run::{self, Running, Surroundings};
use crate::scout::browser::{Browser, Ended, Met};
use crate::scout::client::{Client, Place, Silence};
use crate::scout::form::{Found, login};
use crate::scout::page::Page;
use crate::target::Target;

/// What a block is tried with.
pub(super) struct Trial<'t> {
    /// The block.
    pub(super) block: &'t Block,
    /// Good credentials.
    pub(super) who: &'t Credentials,
    /// A wrong password.
    pub(super) wrong: &'t str,
    /// The status of the application's own answer to a wrong password.
    pub(super) refusal: u16,
    /// A page that the gateway keeps from strangers, and that tells who is signed in.
    pub(super) private: &'t Target,
    /// Whether the application itself gives that page to anybody, without a way to sign out.
    pub(super) shared: bool,
}

/// What did not hold.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// The configuration has mistakes.
    #[error("the block itself has mistakes: {0}")]
    Mistakes(String),
    /// No answer.
    #[error("the gateway did not answer")]
    Silent(#[from] Silence),
    /// A stranger got in.
    #[error("a stranger is shown {0}")]
    Open(String),
    /// The login page is not there.
    #[error("the login page does not come through the gateway: {0}")]
    NoPage(String),
    /// The form leads past the gateway.
    #[error(
        "the login form leads past the gateway, to {0}: the application writes its own address into its pages"
    )]
    Past(String),
    /// A wrong password was taken for a right one.
    #[error("a wrong password is taken for a right one: it would ring somebody's phone")]
    Rings,
    /// Something else came for a wrong password.
    #[error("a wrong password gets {0} in place of the application's own answer {1}")]
    Other(u16, u16),
    /// A right password was not taken.
    #[error("the right password does not lead to the code page, but to {0}")]
    NoCode(String),
    /// The session is open before the code.
    #[error("{0} is open before the code is typed")]
    Early(String),
    /// No message.
    #[error("no message came")]
    NoMessage,
    /// The code opened nothing.
    #[error("the right code does not open {0}: {1}")]
    Shut(String, String),
    /// A file of the login page.
    #[error("{0}, which the login page needs, is shut")]
    NoFile(String),
    /// More than one message.
    #[error("{0} messages were sent in place of one")]
    Many(usize),
}

impl Broken {
    /// Whether another way to tell a good login could mend it.
    pub(super) fn is_of_the_judge(&self) -> bool {
        matches!(
            self,
            Self::Rings | Self::Other(..) | Self::NoCode(_) | Self::NoMessage
        )
    }
}

/// Runs a gateway with this block and signs in through it.
pub(super) fn hold(runtime: &Runtime, trial: &Trial<'_>) -> Result<Result<(), Broken>, Failure> {
    let folder = Folder::make().map_err(gateway)?;
    let subject = match &trial.block.capture {
        Capture::Form {
            who: Who::Fixed(person),
            ..
        } => person,
        _ => &trial.who.username,
    };
    let users = format!(
        "[[user]]\nname = {}\nphone = \"+12025550143\"\n",
        quoted(subject)
    );
    let users = folder.write("users.toml", &users).map_err(gateway)?;
    let text = configuration(trial.block, &users, &folder.path);
    let path = folder.write("countersign.toml", &text).map_err(gateway)?;
    let loaded = config::load(&path);
    let Some(config) = loaded.config else {
        let errors = loaded
            .problems
            .iter()
            .filter(|problem| problem.severity() == Severity::Error);
        let told: Vec<String> = errors.map(|problem| problem.title.clone()).collect();
        return Ok(Err(Broken::Mistakes(told.join("; "))));
    };
    let paper = Paper::default();
    let sink: Box<dyn Write + Send> = Box::new(paper.clone());
    let clock = Clock::start();
    let surroundings = Surroundings {
        clock: clock.clone(),
        console: Arc::new(Mutex::new(sink)),
        ..Surroundings::default()
    };
    let bound = run::bind(&config.listen, NonZeroUsize::MIN).map_err(gateway)?;
    let running = run::start(config, bound, surroundings).map_err(gateway)?;
    let outcome = runtime.block_on(play(trial, &running, &paper, clock.now().unix));
    running.stop().map_err(gateway)?;
    Ok(outcome)
}

fn gateway(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    Failure::Gateway(error.into())
}

async fn play(trial: &Trial<'_>, running: &Running, paper: &Paper, now: u64) -> Result<(), Broken> {
    let Some(address) = running.addresses().first() else {
        return Err(Broken::NoPage("it listens nowhere".to_owned()));
    };
    let place = Place::Tcp {
        host: address.socket.ip().to_string(),
        port: address.socket.port(),
    };
    let client = Client::new(place)?;
    let mut stranger = Browser::new(&client, trial.block.url.clone(), now);
    if trial.block.url.https() {
        // As behind a proxy that does TLS.
        let name = HeaderName::from_static("x-forwarded-proto");
        stranger = stranger.with(name, HeaderValue::from_static("https"));
    }
    let met = stranger.fresh().get(trial.private).await?;
    if trial.opens(&met) {
        return Err(Broken::Open(trial.private.raw().to_owned()));
    }
    for files in &trial.block.open.files {
        let met = stranger.fresh().get(&files.sample).await?;
        if !met.answer.status.is_success() {
            return Err(Broken::NoFile(files.sample.raw().to_owned()));
        }
    }
    trial.wrong(&stranger).await?;
    let (mut browser, page) = trial.right(&stranger).await?;
    let code = paper.code().await.ok_or(Broken::NoMessage)?;
    trial.enter(&mut browser, &page, &code).await?;
    match paper.count() {
        1 => Ok(()),
        many => Err(Broken::Many(many)),
    }
}

impl Trial<'_> {
    /// A wrong password gets the application's own answer.
    async fn wrong(&self, stranger: &Browser<'_>) -> Result<(), Broken> {
        let (browser, met) = self.sign_in(stranger, self.wrong).await?;
        if is_code_page(&browser, &met) {
            return Err(Broken::Rings);
        }
        let status = met.answer.status.as_u16();
        // A redirect by 303 in place of 302 says the same.
        let same = status == self.refusal
            || (300..400).contains(&status) && (300..400).contains(&self.refusal);
        if !same || met.at.path().starts_with("/.countersign") {
            return Err(Broken::Other(status, self.refusal));
        }
        Ok(())
    }

    /// The right one leads to the code page, and opens nothing yet. Gives the browser and that page.
    async fn right<'c>(&self, stranger: &Browser<'c>) -> Result<(Browser<'c>, Met), Broken> {
        let (mut browser, met) = self.sign_in(stranger, self.who.password()).await?;
        if !is_code_page(&browser, &met) {
            let status = met.answer.status;
            return Err(Broken::NoCode(match browser.lead(&met) {
                Some(Leads::Here(target)) => target.raw().to_owned(),
                Some(Leads::Elsewhere { url, .. }) => url,
                _ => format!("an answer {status}"),
            }));
        }
        // A browser with another secret has the same cookies of the application, and no way in either.
        let early = browser.clone().get(self.private).await?;
        if self.opens(&early) {
            return Err(Broken::Early(self.private.raw().to_owned()));
        }
        match browser.follow(met).await? {
            Ended::At(page) if page.answer.status.is_success() => Ok((browser, page)),
            _ => Err(Broken::NoCode("a page that does not come".to_owned())),
        }
    }

    /// The code opens the application.
    async fn enter(&self, browser: &mut Browser<'_>, met: &Met, code: &str) -> Result<(), Broken> {
        let shut = |why: String| Broken::Shut(self.private.raw().to_owned(), why);
        let page = Page::read(&met.answer.text());
        let form = page.forms.iter().find(|form| {
            let mut fields = form.fields.iter();
            fields.any(|field| field.name == "code")
        });
        let form = form.ok_or_else(|| shut("there is no code page".to_owned()))?;
        let Leads::Here(action) = page.leads(&met.at, browser.origin(), &form.action) else {
            return Err(shut("its form leads away".to_owned()));
        };
        let sent = form.filled(&[("code", code)]);
        let utf8 = encoding_rs::UTF_8;
        let entered = browser.submit(&met.at, &action, form, &sent, utf8).await?;
        match browser.follow(entered).await? {
            Ended::At(_) => {}
            Ended::Away(url) => return Err(shut(format!("people are led to {url}"))),
            Ended::Endless(_) => return Err(shut("people are led round and round".to_owned())),
            Ended::Nowhere => return Err(shut("people are led nowhere".to_owned())),
        }
        let met = browser.get(self.private).await?;
        let is_in = match &self.block.capture {
            Capture::Form { password, .. } => is_in(&met, password, self.shared),
            Capture::Basic => met.answer.status.is_success(),
        };
        if is_in {
            return Ok(());
        }
        Err(shut(format!("it answers {}", met.answer.status)))
    }

    /// Signs in as a new browser; gives it and the answer to the login.
    async fn sign_in<'c>(
        &self,
        stranger: &Browser<'c>,
        password: &str,
    ) -> Result<(Browser<'c>, Met), Broken> {
        let mut browser = stranger.fresh();
        let Capture::Form { page: at, .. } = &self.block.capture else {
            browser = with_basic(browser, &self.who.username, password);
            let met = browser.get(self.private).await?;
            return Ok((browser, met));
        };
        let no_page = |why: String| Broken::NoPage(why);
        let met = match browser.walk(at).await? {
            Ended::At(met) => met,
            Ended::Away(url) => return Err(Broken::Past(url)),
            Ended::Endless(_) | Ended::Nowhere => {
                return Err(no_page("it redirects without end".to_owned()));
            }
        };
        let page = Page::read(&met.answer.text());
        let Found::One(form) = login(&page.forms) else {
            return Err(no_page(format!(
                "it answers {} without the form",
                met.answer.status
            )));
        };
        let action = match page.leads(&met.at, browser.origin(), &form.form.action) {
            Leads::Here(action) => action,
            Leads::Elsewhere { url, .. } => return Err(Broken::Past(url)),
            Leads::Nowhere => return Err(no_page("its form leads nowhere".to_owned())),
        };
        let door = visit::Door {
            at: met.at.clone(),
            met,
            page,
            way: Way::Form(form, action),
        };
        let met = visit::submit(&mut browser, &door, &self.who.username, password).await?;
        Ok((browser, met))
    }

    fn opens(&self, met: &Met) -> bool {
        let asks = match &self.block.capture {
            Capture::Form { password, .. } => asks_again(met, password),
            Capture::Basic => false,
        };
        met.answer.status.is_success() && !asks && !met.at.path().starts_with("/.countersign")
    }
}

/// Whether an answer leads to a code page of ours.
fn is_code_page(browser: &Browser<'_>, met: &Met) -> bool {
    let lead = browser.lead(met);
    matches!(lead, Some(Leads::Here(target)) if target.path().starts_with("/.countersign/c/"))
}

/// The browser with the field that it would send after its window.
pub(super) fn with_basic<'c>(browser: Browser<'c>, username: &str, password: &str) -> Browser<'c> {
    let encoded = zeroize::Zeroizing::new(STANDARD.encode(format!("{username}:{password}")));
    let value = HeaderValue::from_str(&format!("Basic {}", *encoded));
    match value {
        Ok(mut value) => {
            value.set_sensitive(true);
            browser.with(AUTHORIZATION, value)
        }
        // Base64 is made of letters that a field can have.
        Err(_) => browser,
    }
}

fn configuration(block: &Block, users: &Path, state: &Path) -> String {
    let path = |path: &Path| quoted(&path.display().to_string());
    format!(
        "[listen]\nhttp = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.1/32\"]\n\n{}\n\
         [scopes.login]\n\n[directory.{}.file]\npath = {}\n\n[carriers.paper.console]\n\n[delivery]\nsms = [\"paper\"]\n\n\
         [store.memory]\npath = {}\n",
        block.text(),
        block.directory,
        path(users),
        path(state),
    )
}

/// What the console carrier printed.
#[derive(Clone, Default)]
struct Paper(Arc<(Mutex<String>, Notify)>);

impl Paper {
    /// The first code; waits for it.
    async fn code(&self) -> Option<String> {
        let came = async {
            loop {
                let more = self.0.1.notified();
                if let Some(code) = self.codes().into_iter().next() {
                    return code;
                }
                more.await;
            }
        };
        tokio::time::timeout(PATIENCE, came).await.ok()
    }

    fn count(&self) -> usize {
        self.codes().len()
    }

    /// The codes behind the `#` of last lines: `@host #123456`.
    fn codes(&self) -> Vec<String> {
        let text = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let codes = text.lines().filter_map(|line| {
            let (_, code) = line.split_once('@')?.1.split_once(" #")?;
            let code = code.trim();
            code.bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| code.to_owned())
        });
        codes.collect()
    }
}

/// The message goes out while the code page is already there.
const PATIENCE: Duration = Duration::from_secs(20);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(&String::from_utf8_lossy(bytes));
        drop(text);
        self.0.1.notify_waiters();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A folder for the gateway's configuration, its users and its key; removed at the end.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn make() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("countersign-learn-{}", Reference::draw()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path })
    }

    fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(text.as_bytes())?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in the folder for temporary files.
        drop(fs::remove_dir_all(&self.path));
    }
}
