//! Another configuration for the gateway that runs: read and built aside, then taken whole by each worker, or refused
//! whole (A6).
//!
//! What connections come in by, and where things are kept, stays as it was at the start: [`Fixed`]. A file that wants it
//! otherwise is refused, too, since half of a file would be none that anybody has written.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use sd_notify::NotifyState;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinError;
use tokio::time::timeout;

use super::NotStarted;
use super::generation::{Generation, Lasting, Made};
use crate::config::{self, Config, LogFormat, diagnostic};
use crate::gateway::Current;
use crate::observe;
use crate::upstream::room::Room;
use crate::{admin, api, server, store};

/// So long a worker may take to answer between two pieces of its work: it never waits, so that this is long.
const TURN: Duration = Duration::from_secs(10);

/// Why another configuration was not taken. What answered before goes on.
#[derive(Debug, thiserror::Error)]
pub enum NotReloaded {
    /// This gateway was not started from a file.
    #[error("there is no file to read again")]
    NoFile,
    /// The file has mistakes, or one that it includes.
    #[error("the configuration has errors")]
    Configuration {
        /// All of them, and the warnings, as `check` shows them.
        problems: String,
    },
    /// It wants to be otherwise what is settled at the start.
    #[error("{} cannot change while Countersign runs: restart it", .0.join(", "))]
    Fixed(Vec<String>),
    /// Something that it names is not to be had.
    #[error("the configuration cannot be used")]
    NotUsable(#[source] NotStarted),
    /// It could not be read for a reason of our own.
    #[error("the configuration could not be read")]
    NotRead(#[source] JoinError),
    /// The process ends.
    #[error("Countersign is stopping")]
    Stopping,
    /// A worker is stuck: it goes by the new configuration as soon as it does anything.
    #[error("a worker has not taken the configuration over in time: restart Countersign")]
    Late,
}

impl NotReloaded {
    /// Whether mending the file would help.
    pub fn is_configuration(&self) -> bool {
        matches!(
            self,
            Self::Configuration { .. } | Self::Fixed(_) | Self::NotUsable(_)
        )
    }
}

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// Which configuration of this process it is; that of the start is 1.
    pub generation: u64,
    /// The warnings in it, as `check` shows them; usually empty.
    pub warnings: String,
}

/// What reloads.
pub(super) struct Reload {
    pub(super) path: Option<PathBuf>,
    pub(super) fixed: Fixed,
    pub(super) lasting: Lasting,
    pub(super) current: Arc<ArcSwap<Generation>>,
    pub(super) posts: Posts,
    pub(super) api: Option<api::Current>,
    /// One at a time: two files would overtake each other on their way to the workers.
    pub(super) turn: Mutex<()>,
}

/// The ways to the workers.
pub(super) struct Posts(Vec<mpsc::UnboundedSender<Handover>>);

/// Where workers find what comes by them, each one of them.
pub(super) struct Seats(Lock<Vec<mpsc::UnboundedReceiver<Handover>>>);

/// A generation for a worker, who says when it goes by it.
struct Handover {
    generation: Arc<Generation>,
    taken: oneshot::Sender<()>,
}

impl Reload {
    /// Reads the file and lets everybody go by it, or nobody. Tells what came of it in the log and in the metrics.
    ///
    /// When this returns `Ok`, no request begins any more that does not go by it.
    ///
    /// # Errors
    /// [`NotReloaded`], with everything as it was.
    pub(super) async fn reload(self: &Arc<Self>) -> Result<Reloaded, NotReloaded> {
        let _turn = self.turn.lock().await;
        begins();
        let outcome = self.taken().await;
        let ground = &self.lasting.ground;
        ground
            .metrics
            .reloaded(outcome.is_ok(), ground.clock.wall());
        match &outcome {
            Ok(Reloaded {
                generation,
                warnings,
            }) => {
                let warnings = Some(warnings).filter(|warnings| !warnings.is_empty());
                tracing::info!(
                    event = "reload.applied",
                    generation,
                    warnings,
                    "every request goes by the new configuration"
                );
            }
            Err(error) => {
                let problems = match error {
                    NotReloaded::Configuration { problems } => Some(problems),
                    _ => None,
                };
                tracing::error!(event = "reload.refused", error = %observe::chain(error), problems, "the configuration stays as it was");
            }
        }
        drop(sd_notify::notify(&[NotifyState::Ready]));
        outcome
    }

    async fn taken(self: &Arc<Self>) -> Result<Reloaded, NotReloaded> {
        let own = Arc::clone(self);
        // Files, and pages that are made ready: nothing that a runtime should wait for.
        let built = tokio::task::spawn_blocking(move || own.built());
        let (made, warnings) = built.await.map_err(NotReloaded::NotRead)??;
        let number = self.current.load().number + 1;
        let limits = made.limits.clone();
        let next = Arc::new(made.generation(number, &self.lasting));
        // From here on nothing can fail but a worker, and with one the process ends.
        self.lasting.store.hold_to(limits);
        self.current.store(Arc::clone(&next));
        if let (Some(api), Some(next)) = (&self.api, &next.api) {
            api.replace(next);
        }
        self.posts.hand_over(&next).await?;
        Ok(Reloaded {
            generation: number,
            warnings,
        })
    }

    fn built(&self) -> Result<(Made, String), NotReloaded> {
        let path = self.path.as_ref().ok_or(NotReloaded::NoFile)?;
        let loaded = config::load(path);
        let problems = diagnostic::render(&loaded.problems, false);
        let Some(config) = loaded.config else {
            return Err(NotReloaded::Configuration { problems });
        };
        let changed = self.fixed.changed(&Fixed::of(&config));
        if !changed.is_empty() {
            return Err(NotReloaded::Fixed(changed));
        }
        let made = Made::of(config, &self.lasting.ground).map_err(NotReloaded::NotUsable)?;
        Ok((made, problems))
    }
}

/// Tells systemd, where it listens; elsewhere nobody does, and that is no error (`sd_notify(3)`).
fn begins() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        drop(sd_notify::notify(&[NotifyState::Reloading, now]));
    }
}

/// Ways to so many workers, and where these find what comes.
pub(super) fn ways(workers: usize) -> (Posts, Seats) {
    let (posts, seats) = (0..workers).map(|_| mpsc::unbounded_channel()).unzip();
    (Posts(posts), Seats(Lock::new(seats)))
}

impl Posts {
    async fn hand_over(&self, generation: &Arc<Generation>) -> Result<(), NotReloaded> {
        let mut answers = Vec::new();
        for post in &self.0 {
            let (taken, answer) = oneshot::channel();
            let generation = Arc::clone(generation);
            post.send(Handover { generation, taken })
                .map_err(|_| NotReloaded::Stopping)?;
            answers.push(answer);
        }
        for answer in answers {
            timeout(TURN, answer)
                .await
                .map_err(|_| NotReloaded::Late)?
                .map_err(|_| NotReloaded::Stopping)?;
        }
        Ok(())
    }
}

impl Seats {
    /// Begins a worker's answers, on its own runtime, with what is current; what comes later is taken there between two
    /// pieces of its work.
    pub(super) fn sit(&self, current: &ArcSwap<Generation>, most: usize) -> Current {
        let seat = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let first = current.load_full();
        let mut room = Room::new(most, first.sites());
        let (shared, upstreams) = first.for_worker(&room);
        let own = Current::new(shared, upstreams);
        if let Some(mut seat) = seat {
            let answers = own.clone();
            tokio::task::spawn_local(async move {
                while let Some(Handover { generation, taken }) = seat.recv().await {
                    room = room.anew(generation.sites());
                    let (shared, upstreams) = generation.for_worker(&room);
                    answers.replace(shared, upstreams);
                    // Who asked may have left: the worker goes by it all the same.
                    let _ = taken.send(());
                }
            });
        }
        own
    }
}

/// What is settled at the start, for as long as the process runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fixed {
    https: Vec<SocketAddr>,
    http: Vec<SocketAddr>,
    proxy_protocol: bool,
    /// The files of each chain and key. What is in them is renewed by itself.
    certificates: Vec<(PathBuf, Option<PathBuf>)>,
    trusted_proxies: Vec<IpNet>,
    /// By host, who signs the certificates of its visitors: part of its handshakes.
    client_ca: BTreeSet<(String, PathBuf)>,
    api: Option<SocketAddr>,
    store: store::Settings,
    admin: admin::Settings,
    log: LogFormat,
}

impl Fixed {
    pub(super) fn of(config: &Config) -> Self {
        let server::Settings {
            https,
            http,
            certificates,
            proxy_protocol,
        } = &config.listen;
        let files = |own: &server::Certificate| (own.chain.clone(), own.key_file.clone());
        let wanted = super::wanted(config).into_iter();
        Self {
            https: https.clone(),
            http: http.clone(),
            proxy_protocol: *proxy_protocol,
            certificates: certificates.iter().map(files).collect(),
            trusted_proxies: config.trusted_proxies.clone(),
            client_ca: wanted.map(|wanted| (wanted.host, wanted.ca)).collect(),
            api: config.api.as_ref().map(|api| api.listen),
            store: config.store.clone(),
            admin: config.admin.clone(),
            log: config.log_format,
        }
    }

    /// The keys that `other` has otherwise.
    fn changed(&self, other: &Self) -> Vec<String> {
        let same = [
            ("[listen] https", self.https == other.https),
            ("[listen] http", self.http == other.http),
            (
                "[listen] proxy_protocol",
                self.proxy_protocol == other.proxy_protocol,
            ),
            (
                "[[listen.certificates]]",
                self.certificates == other.certificates,
            ),
            (
                "[listen] trusted_proxies",
                self.trusted_proxies == other.trusted_proxies,
            ),
            ("[api] listen", self.api == other.api),
            ("[store.memory]", self.store == other.store),
            ("[admin]", self.admin == other.admin),
            ("[log] format", self.log == other.log),
        ];
        let keys = same.iter().filter(|(_, same)| !same);
        let mut changed: Vec<String> = keys.map(|(key, _)| (*key).to_owned()).collect();
        let hosts = self.client_ca.symmetric_difference(&other.client_ca);
        let hosts: BTreeSet<&str> = hosts.map(|(host, _)| host.as_str()).collect();
        changed.extend(hosts.iter().map(|host| format!("client_ca of {host}")));
        changed
    }
}
