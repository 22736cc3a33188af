//! Builds everything from the configuration, keeps it running, and takes it down in order.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::bind::{Bound as Watched, NotBound};
use crate::api::{Account, Api, Senders};
use crate::carrier;
use crate::carrier::console::{self, Sink};
use crate::carrier::delivery::{self, Dispatcher, Unusable};
use crate::config::{Config, SiteSettings, secret};
use crate::directory::{self, Directory};
use crate::flow::{Door, Flow};
use crate::gateway::{Front, Gateway, Shared};
use crate::moment::Moment;
use crate::name::Name;
use crate::observe::carriers::Carriers;
use crate::observe::clock::Clock;
use crate::observe::fan::{Fan, Relay};
use crate::observe::metrics::Metrics;
use crate::page::Pages;
use crate::seal::Ring;
use crate::server::bind::{Address, BindError, Bound};
use crate::server::tls::certificates::Certificates;
use crate::server::tls::{Terms, TlsError, Wanted};
use crate::server::worker::{Lost, Workers};
use crate::server::{self, Limits};
use crate::site::Site;
use crate::store::Store;
use crate::store::durable::file::NotOpened;
use crate::store::key::{self, NoKey};
use crate::upstream::connect::{self, NoTrust};
use crate::upstream::head::Constant;
use crate::upstream::identity::Identity;
use crate::upstream::room::Room;
use crate::upstream::{self, Upstream};

mod certificates;
pub(crate) mod inside;

use self::certificates::Renewals;
use self::inside::Admin;

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
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            clock: Clock::start(),
            console: console::stdout(),
            most_challenges: crate::store::MOST_CHALLENGES,
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
    flow: Arc<Flow>,
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
    let sender = inside::sender(&config);
    let watched = Watched::bind(&config.admin)?;
    let certificates = certificates(&config)?;
    // Before anything else is open, as the sites' sockets were: a mistake in its address ends the start.
    let api = ApiDoor::open(&config, certificates.as_ref())?;
    let wanted = wanted(&config);
    let tls = certificates.as_ref().map(|own| Terms::new(own, &wanted));
    let tls = tls.transpose()?;
    let keys = match config.session_keys {
        Some(keys) => keys,
        None => vec![key::kept_in(&config.store.path)?],
    };
    let ring = Ring::new(&keys).ok_or(NotStarted::NoKeys)?;
    let directories = config
        .directories
        .iter()
        .map(|settings| Directory::open(settings).map(Arc::new))
        .collect::<Result<Vec<_>, _>>()?;
    let slow = slow()?;
    let Surroundings {
        clock,
        console,
        most_challenges,
    } = surroundings;
    let (witness, metrics, relay) = witnesses(&config.carriers, clock.now());
    let dispatcher = Arc::new(Dispatcher::open(
        &config.carriers,
        &config.delivery,
        &delivery::Surroundings {
            sink: console,
            witness: Arc::new(witness),
            receipt_secret: &|name| ring.receipt_secret(name.as_str()),
        },
    )?);
    let store = Store::open(&config.store, config.limits, most_challenges, clock.now())?;
    clock.not_before(store.seen());
    let flow = Arc::new(Flow {
        store,
        ring,
        pages: Pages::new(),
        dispatcher,
        metrics,
        clock,
        show_phone: config.show_phone,
        slow: slow.handle().clone(),
        tasks: TaskTracker::new(),
    });

    let (mut fronts, mut upstreams) = (Vec::new(), Vec::new());
    for settings in config.sites {
        if let Some((front, application)) = opened(settings, &directories)? {
            fronts.push(front);
            upstreams.push(application);
        }
    }
    let limits = Limits {
        trusted: config.trusted_proxies.clone(),
        ..Limits::default()
    };
    // The API has one of its own.
    let limits = limits.affordable(bound.workers() + usize::from(api.is_some()));
    let shutdown = CancellationToken::new();
    let api = match api {
        Some(door) => Some(door.serve(&flow, &limits, &shutdown)?),
        None => None,
    };
    let shared = Arc::new(Shared::new(
        fronts,
        Arc::clone(&flow),
        config.trusted_proxies,
    ));
    let addresses = bound.addresses().to_vec();
    let most = limits.applications();
    let workers = Workers::spawn(bound, tls.as_ref(), &shutdown, &limits, move |_| {
        let room = Room::new(most, upstreams.len());
        let own = upstreams
            .iter()
            .map(|(settings, trust)| Upstream::new(Arc::clone(settings), trust.clone(), &room));
        Gateway::new(Arc::clone(&shared), own.collect())
    })?;
    slow.spawn(sweep(Arc::clone(&flow), shutdown.clone()));
    let ends = certificates.clone();
    let renewals = certificates.map(|certificates| Renewals { certificates, tls });
    if let Some(renewals) = renewals.clone() {
        slow.spawn(renewals.keep(flow.clock.clone(), shutdown.clone()));
    }
    let api_workers = api.as_ref().map(|(_, workers)| workers);
    let tallies = [Some(&workers), api_workers].into_iter().flatten();
    let tallies = tallies.flat_map(Workers::tallies).cloned().collect();
    let own = Arc::clone(&flow);
    let admin = inside::open(watched, own, relay, sender, tallies, ends, &shutdown);
    Ok(Running {
        addresses,
        admin,
        api,
        shutdown,
        workers,
        flow,
        slow,
        renewals,
        send: config.delivery.timeout,
    })
}

/// How an application is reached: each worker asks it by connections of its own.
type Application = (Arc<upstream::Settings>, Option<Arc<ClientConfig>>);

/// A site with what requests for it need. `None` without its directory: `config` resolved the name.
fn opened(
    settings: SiteSettings,
    directories: &[Arc<Directory>],
) -> Result<Option<(Front, Application)>, NotStarted> {
    let name = &settings.site.name;
    tell_of_shadow(&settings.site);
    let trust = connect::trust(&settings.upstream.address)
        .map_err(|error| NotStarted::Upstream(name.clone(), error))?;
    let mut directories = directories.iter();
    let directory = directories.find(|directory| *directory.name() == settings.directory);
    let Some(directory) = directory.cloned() else {
        return Ok(None);
    };
    let front = Front {
        constant: Constant::new(&settings.upstream, &settings.site),
        door: Arc::new(Door {
            site: settings.site,
            directory,
        }),
        identity: settings.identity.map(Identity::new),
        hsts: settings.hsts,
        wants_certificate: settings.client_ca.is_some(),
    };
    Ok(Some((front, (Arc::new(settings.upstream), trust))))
}

/// What stands open because its scope is in shadow is said in the log, too, which is read more often than `check`.
fn tell_of_shadow(site: &Site) {
    let name = &site.name;
    for scope in site.scopes.iter().filter(|scope| scope.shadow) {
        let scope = &scope.name;
        tracing::warn!(event = "shadow", site = %name, "scope {scope} is in shadow: nobody is asked for its code");
    }
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
    let api = config.api.as_ref().is_some_and(crate::api::Settings::tls);
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
    accounts: Vec<Account>,
    senders: Senders,
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
            accounts: settings.accounts.clone(),
            senders: Senders::of(&config.carriers, &config.delivery),
            address: address.expect("one address was bound"),
            bound,
            tls: tls.transpose()?,
        }))
    }

    fn serve(
        self,
        flow: &Arc<Flow>,
        limits: &Limits,
        shutdown: &CancellationToken,
    ) -> Result<(Address, Workers), NotStarted> {
        let trusted = limits.trusted.clone();
        let api = Api::new(Arc::clone(flow), self.accounts, self.senders, trusted);
        let workers = Workers::spawn(self.bound, self.tls.as_ref(), shutdown, limits, move |_| {
            api.clone()
        })?;
        Ok((self.address, workers))
    }
}

async fn sweep(flow: Arc<Flow>, shutdown: CancellationToken) {
    let mut tick = tokio::time::interval(SWEEP);
    let mut told = false;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = tick.tick() => {}
        }
        let now = flow.clock.now();
        let behind = now.unix.saturating_sub(flow.clock.wall());
        if behind > BEHIND && !told {
            tracing::warn!(
                event = "clock.behind",
                seconds = behind,
                "the machine's clock was set back: grants and limits go on with the time that was seen already; if that was wrong, \
                 stop Countersign, remove its state file, and with it limits and sign-outs, and the session key, and start it"
            );
        }
        told = behind > BEHIND;
        flow.store.sweep(now);
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
            renewals.look(&self.flow.clock);
        }
    }

    /// The flow, for whoever looks in from outside.
    pub fn flow(&self) -> &Arc<Flow> {
        &self.flow
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
        self.flow.tasks.close();
        let tasks = &self.flow.tasks;
        // Whatever is not sent by then is lost with its challenge: people ask for a new code (A4).
        let within = last_sends(self.send, began.elapsed());
        drop(
            self.slow
                .block_on(async { tokio::time::timeout(within, tasks.wait()).await }),
        );
        // It waits for its last answers by itself, and not for long.
        drop(self.slow.block_on(self.admin.task));
        self.slow.shutdown_timeout(Duration::from_secs(1));
        self.flow.store.close();
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
