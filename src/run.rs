//! Builds everything from the configuration, keeps it running, and takes it down in order.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::bind::{Bound as Watched, NotBound};
use crate::api;
use crate::carrier;
use crate::carrier::console::{self, Sink};
use crate::carrier::delivery::Unusable;
use crate::config::{Config, secret};
use crate::directory;
use crate::flow::Flow;
use crate::moment::Moment;
use crate::name::Name;
use crate::observe::carriers::Carriers;
use crate::observe::clock::Clock;
use crate::observe::fan::{Fan, Relay};
use crate::observe::metrics::Metrics;
use crate::server::bind::{Address, BindError, Bound};
use crate::server::tls::certificates::Certificates;
use crate::server::tls::{Terms, TlsError, Wanted};
use crate::server::worker::{Lost, Workers};
use crate::server::{self, Limits};
use crate::store::Store;
use crate::store::durable::file::NotOpened;
use crate::store::key::NoKey;
use crate::upstream::connect::NoTrust;

mod certificates;
mod generation;
pub(crate) mod inside;
pub mod reload;

use self::certificates::Renewals;
use self::generation::{Ground, Lasting, Made};
use self::inside::Admin;
use self::reload::{Fixed, NotReloaded, Reload, Reloaded};

/// Why a configuration that is right cannot be run here and now.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// A socket is not to be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The admin listener's sockets are not to be had.
    #[error(transparent)]
    Admin(#[from] NotBound),
    /// A certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The key that signs grants is not to be had.
    #[error(transparent)]
    Key(#[from] NoKey),
    /// What the last process counted is not to be had.
    #[error(transparent)]
    State(#[from] NotOpened),
    /// A directory cannot be read.
    #[error(transparent)]
    Directory(#[from] directory::Unusable),
    /// A carrier cannot be used.
    #[error(transparent)]
    Carrier(#[from] Unusable),
    /// An application's certificate could not be checked.
    #[error("cannot trust the application of site `{0}`")]
    Upstream(Name, #[source] NoTrust),
    /// The system gives no threads.
    #[error("the system does not let this process start its threads")]
    Threads(#[from] io::Error),
    /// No key was given and none was made.
    #[error("there is no key to sign with")]
    NoKeys,
}

/// How often what has ended is forgotten.
const SWEEP: Duration = Duration::from_secs(1);

/// So many seconds that the machine's clock is behind are told: as many as a grant of another clock may lie ahead (A5).
const BEHIND: u64 = 60;

/// The longest that all of a stop may take: less than the `TimeoutStopSec` of the systemd unit, after which it kills.
const STOP: Duration = Duration::from_secs(42);

/// What a send needs beside the carriers' time: its count on the disk, and what became of it.
const BESIDE: Duration = Duration::from_secs(1);

/// What is given from outside: tests and the demonstration set these, `run` takes the defaults.
pub struct Surroundings {
    /// The time.
    pub clock: Clock,
    /// Where the console carrier prints.
    pub console: Sink,
    /// The most challenges, and as many holds.
    pub most_challenges: usize,
    /// The file that the configuration was read from and is read from again. Without one there is no reload.
    pub configuration: Option<PathBuf>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            clock: Clock::start(),
            console: console::stdout(),
            most_challenges: crate::store::MOST_CHALLENGES,
            configuration: None,
        }
    }
}

/// A gateway at work.
pub struct Running {
    addresses: Vec<Address>,
    admin: Admin,
    api: Option<(Address, Workers)>,
    shutdown: CancellationToken,
    workers: Workers,
    reload: Arc<Reload>,
    slow: Runtime,
    renewals: Option<Renewals>,
    /// `[delivery] timeout`
    send: Duration,
}

/// One worker for each core.
pub fn workers() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Opens the sockets of a configuration, so that whoever needs their addresses has them before it starts.
///
/// # Errors
/// [`NotStarted::Bind`].
pub fn bind(listen: &server::Settings, workers: NonZeroUsize) -> Result<Bound, NotStarted> {
    Ok(Bound::bind(listen, workers)?)
}

/// Starts everything. When this returns, connections are taken in.
///
/// # Errors
/// [`NotStarted`], with nothing left running.
pub fn start(
    config: Config,
    bound: Bound,
    surroundings: Surroundings,
) -> Result<Running, NotStarted> {
    let fixed = Fixed::of(&config);
    let watched = Watched::bind(&config.admin)?;
    let certificates = certificates(&config)?;
    // Before anything else is open, as the sites' sockets were: a mistake in its address ends the start.
    let api = ApiDoor::open(&config, certificates.as_ref())?;
    let wanted = wanted(&config);
    let tls = certificates.as_ref().map(|own| Terms::new(own, &wanted));
    let tls = tls.transpose()?;
    let slow = slow()?;
    let Surroundings {
        clock,
        console,
        most_challenges,
        configuration,
    } = surroundings;
    let (witness, metrics, relay) = witnesses(&config.carriers, clock.now());
    let ground = Ground {
        console,
        witness: Arc::new(witness),
        metrics,
        clock,
        slow: slow.handle().clone(),
        tasks: TaskTracker::new(),
        own_key: OnceLock::new(),
    };
    let limits = Limits {
        trusted: config.trusted_proxies.clone(),
        ..Limits::default()
    };
    // The API has one of its own.
    let limits = limits.affordable(bound.workers() + usize::from(api.is_some()));
    let (kept, send) = (config.store.clone(), config.delivery.timeout);
    let made = Made::of(config, &ground)?;
    let now = ground.clock.now();
    let store = Store::open(&kept, made.limits.clone(), most_challenges, now)?;
    ground.clock.not_before(store.seen());
    let lasting = Lasting {
        ground,
        store: Arc::new(store),
    };
    let first = made.generation(1, &lasting);
    let (clock, store) = (lasting.ground.clock.clone(), Arc::clone(&lasting.store));

    let shutdown = CancellationToken::new();
    let calls = first.api.as_ref().map(api::Current::new);
    let api = match (api, &calls) {
        (Some(door), Some(calls)) => Some(door.serve(calls.clone(), &limits, &shutdown)?),
        _ => None,
    };
    let current = Arc::new(ArcSwap::from_pointee(first));
    let addresses = bound.addresses().to_vec();
    let most = limits.applications();
    let (posts, seats) = reload::ways(bound.workers());
    let own = Arc::clone(&current);
    let workers = Workers::spawn(bound, tls.as_ref(), &shutdown, &limits, move |_| {
        seats.sit(&own, most)
    })?;
    let reload = Arc::new(Reload {
        path: configuration,
        fixed,
        lasting,
        current,
        posts,
        api: calls,
        turn: Mutex::new(()),
    });
    slow.spawn(sweep(store, clock.clone(), shutdown.clone()));
    let ends = certificates.clone();
    let renewals = certificates.map(|certificates| Renewals { certificates, tls });
    if let Some(renewals) = renewals.clone() {
        slow.spawn(renewals.keep(clock, shutdown.clone()));
    }
    let api_workers = api.as_ref().map(|(_, workers)| workers);
    let tallies = [Some(&workers), api_workers].into_iter().flatten();
    let tallies = tallies.flat_map(Workers::tallies).cloned().collect();
    let own = Arc::clone(&reload);
    let admin = inside::open(watched, own, relay, tallies, ends, &shutdown);
    Ok(Running {
        addresses,
        admin,
        api,
        shutdown,
        workers,
        reload,
        slow,
        renewals,
        send,
    })
}

/// Where carriers, directories and the disk are waited for.
fn slow() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("slow")
        .enable_all()
        .build()
}

/// The certificates, where anything speaks https.
fn certificates(config: &Config) -> Result<Option<Arc<Certificates>>, TlsError> {
    let api = config.api.as_ref().is_some_and(api::Settings::tls);
    if config.listen.https.is_empty() && !api {
        return Ok(None);
    }
    Certificates::open(&config.listen.certificates, secret::again).map(Some)
}

/// Who hears of what carriers do: the log, the counters, and whoever follows a message.
fn witnesses(carriers: &[carrier::Settings], now: Moment) -> (Fan, Arc<Metrics>, Arc<Relay>) {
    let names = carriers.iter().map(|carrier| &carrier.name);
    let metrics = Arc::new(Metrics::new(names, now));
    let relay = Arc::new(Relay::default());
    let fan = Fan(vec![
        Arc::new(Carriers),
        Arc::<Metrics>::clone(&metrics),
        Arc::<Relay>::clone(&relay),
    ]);
    (fan, metrics, relay)
}

/// The hosts that want certificates of their visitors.
fn wanted(config: &Config) -> Vec<Wanted> {
    let sites = config.sites.iter();
    sites
        .filter_map(|settings| {
            Some(Wanted {
                host: settings.site.origin.host().to_owned(),
                ca: settings.client_ca.clone()?,
            })
        })
        .collect()
}

/// The API before it serves: its socket is taken, its certificate read.
struct ApiDoor {
    address: Address,
    bound: Bound,
    tls: Option<Arc<Terms>>,
}

impl ApiDoor {
    /// `None` without `[api]`.
    fn open(
        config: &Config,
        certificates: Option<&Arc<Certificates>>,
    ) -> Result<Option<Self>, NotStarted> {
        let Some(settings) = &config.api else {
            return Ok(None);
        };
        let listen = vec![settings.listen];
        let (https, http) = if settings.tls() {
            (listen, Vec::new())
        } else {
            (Vec::new(), listen)
        };
        let listen = server::Settings {
            https,
            http,
            ..server::Settings::default()
        };
        // One worker is enough: what it does for a call takes microseconds, and the rest is waiting.
        let bound = bind(&listen, NonZeroUsize::MIN)?;
        let tls = certificates
            .filter(|_| settings.tls())
            .map(|own| Terms::new(own, &[]));
        let address = bound.addresses().first().copied();
        Ok(Some(Self {
            address: address.expect("one address was bound"),
            bound,
            tls: tls.transpose()?,
        }))
    }

    fn serve(
        self,
        calls: api::Current,
        limits: &Limits,
        shutdown: &CancellationToken,
    ) -> Result<(Address, Workers), NotStarted> {
        let workers = Workers::spawn(self.bound, self.tls.as_ref(), shutdown, limits, move |_| {
            calls.clone()
        })?;
        Ok((self.address, workers))
    }
}

async fn sweep(store: Arc<Store>, clock: Clock, shutdown: CancellationToken) {
    let mut tick = tokio::time::interval(SWEEP);
    let mut told = false;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = tick.tick() => {}
        }
        let now = clock.now();
        let behind = now.unix.saturating_sub(clock.wall());
        if behind > BEHIND && !told {
            tracing::warn!(
                event = "clock.behind",
                seconds = behind,
                "the machine's clock was set back: grants and limits go on with the time that was seen already; if that was wrong, \
                 stop Countersign, remove its state file, and with it limits and sign-outs, and the session key, and start it"
            );
        }
        told = behind > BEHIND;
        store.sweep(now);
    }
}

impl Running {
    /// Where connections come in.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Where `/metrics` and the like are, if they are served.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.address
    }

    /// The socket that the command talks to, if there is one.
    pub fn admin_socket(&self) -> Option<&Path> {
        self.admin.socket.as_deref()
    }

    /// Where the API is, if there is one.
    pub fn api(&self) -> Option<Address> {
        self.api.as_ref().map(|(address, _)| *address)
    }

    /// What ends it when cancelled: from anywhere, also by a worker that is lost.
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Looks at once whether the files of certificates have changed, instead of within seconds.
    pub fn look_at_certificates(&self) {
        if let Some(renewals) = &self.renewals {
            renewals.look(&self.reload.lasting.ground.clock);
        }
    }

    /// The flow of the configuration that counts, for whoever looks in from outside.
    pub fn flow(&self) -> Arc<Flow> {
        Arc::clone(&self.reload.current.load().flow)
    }

    /// Reads the configuration's file again. When this has gone well, no request begins any more that does not go by it;
    /// else everything is as it was.
    ///
    /// # Errors
    /// [`NotReloaded`].
    pub async fn reload(&self) -> Result<Reloaded, NotReloaded> {
        self.reload.reload().await
    }

    /// Whether there is a file that can be read again.
    pub fn has_file(&self) -> bool {
        self.reload.path.is_some()
    }

    /// Runs slow work beside it.
    pub fn block_on<F: Future>(&self, work: F) -> F::Output {
        self.slow.block_on(work)
    }

    /// Takes no more connections, finishes the requests and sends that are under way, and ends.
    ///
    /// # Errors
    /// [`Lost`] if a worker panicked or could not go on.
    pub fn stop(self) -> Result<(), Lost> {
        let began = Instant::now();
        self.shutdown.cancel();
        let api = self.api.map_or(Ok(()), |(_, workers)| workers.join());
        let lost = self.workers.join().and(api);
        let Lasting { ground, store } = &self.reload.lasting;
        let tasks = &ground.tasks;
        tasks.close();
        // Whatever is not sent by then is lost with its challenge: people ask for a new code (A4).
        let within = last_sends(self.send, began.elapsed());
        drop(
            self.slow
                .block_on(async { tokio::time::timeout(within, tasks.wait()).await }),
        );
        // It waits for its last answers by itself, and not for long.
        drop(self.slow.block_on(self.admin.task));
        self.slow.shutdown_timeout(Duration::from_secs(1));
        store.close();
        lost
    }
}

/// How long sends that are under way may take when the process stops: each has `[delivery] timeout` (`send`), but what the
/// last requests took of [`STOP`] is gone.
fn last_sends(send: Duration, drained: Duration) -> Duration {
    (send + BESIDE).min(STOP.saturating_sub(drained))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a4_a_stop_waits_for_a_send_as_long_as_it_may_take_and_ends_before_systemd_kills() {
        for (send, drained, wait) in [
            (1, 0, 2),
            (10, 0, 11),
            (30, 0, 31),
            (30, 5, 31),
            (30, 31, 11),
            (10, 31, 11),
            (1, 31, 2),
            (30, 50, 0),
        ] {
            let seconds = Duration::from_secs;
            let waits = last_sends(seconds(send), seconds(drained));
            assert_eq!(waits, seconds(wait), "{send} s after {drained} s");
        }
        let unit = include_str!("../systemd/countersign.service");
        let kills = unit
            .lines()
            .find_map(|line| line.strip_prefix("TimeoutStopSec=")?.strip_suffix('s'))
            .and_then(|seconds| seconds.parse().ok())
            .map(Duration::from_secs);
        // The runtime's own second, and the last of the state file.
        assert!(STOP + Duration::from_secs(2) < kills.unwrap());
    }
}
