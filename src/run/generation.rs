//! What one configuration becomes: all that answers go by, built aside and handed over whole (A6).
//!
//! What must go on from one configuration to the next is not in it, but in [`Lasting`]: what is remembered, what is
//! counted, the time. A generation ends when the last request that began with it does.

use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use super::{NotStarted, inside};
use crate::api::{self, Api, Senders};
use crate::carrier::console::Sink;
use crate::carrier::delivery::{self, Dispatcher};
use crate::config::{Config, SiteSettings};
use crate::directory::Directory;
use crate::event::dispatch::Witness;
use crate::flow::trial::Sender;
use crate::flow::{Door, Flow};
use crate::gateway::{Front, Shared};
use crate::limit;
use crate::observe::clock::Clock;
use crate::observe::metrics::Metrics;
use crate::page::Pages;
use crate::seal::Ring;
use crate::secret::Secret;
use crate::site::Site;
use crate::store::{Store, key};
use crate::upstream::connect;
use crate::upstream::head::Constant;
use crate::upstream::identity::Identity;
use crate::upstream::room::Room;
use crate::upstream::{self, Upstream};

/// All that answers go by.
pub(super) struct Generation {
    /// Which it is: the configuration of the start is 1.
    pub(super) number: u64,
    pub(super) flow: Arc<Flow>,
    /// Whose a test message is.
    pub(super) sender: Sender,
    pub(super) api: Option<Api>,
    shared: Arc<Shared>,
    applications: Vec<Application>,
}

/// How an application is reached: each worker asks it by connections of its own.
type Application = (Arc<upstream::Settings>, Option<Arc<ClientConfig>>);

/// What is there before the first configuration is, and after every one.
pub(super) struct Ground {
    /// Where the console carrier prints.
    pub(super) console: Sink,
    /// Who hears of what carriers do.
    pub(super) witness: Arc<dyn Witness>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Clock,
    /// Where slow work is done.
    pub(super) slow: Handle,
    pub(super) tasks: TaskTracker,
    /// The key that we keep ourselves: read once, so that a file that goes while we run takes nobody's grant along.
    pub(super) own_key: OnceLock<Secret>,
}

/// What goes on from one configuration to the next.
pub(super) struct Lasting {
    pub(super) ground: Ground,
    /// Challenges, holds, counters, revocations.
    pub(super) store: Arc<Store>,
}

/// A configuration of which everything can be had that it names: nothing can go wrong with it any more.
pub(super) struct Made {
    pub(super) limits: limit::Settings,
    ring: Ring,
    dispatcher: Arc<Dispatcher>,
    fronts: Vec<Front>,
    applications: Vec<Application>,
    sender: Sender,
    api: Option<(api::Settings, Senders)>,
    trusted: Vec<ipnet::IpNet>,
    show_phone: u8,
}

impl Made {
    /// Opens whatever the configuration names. Nothing that runs is touched.
    ///
    /// # Errors
    /// [`NotStarted`].
    pub(super) fn of(config: Config, ground: &Ground) -> Result<Self, NotStarted> {
        let sender = inside::sender(&config);
        let keys = match config.session_keys {
            Some(keys) => keys,
            None => vec![ground.own_key(&config.store.path)?],
        };
        let ring = Ring::new(&keys).ok_or(NotStarted::NoKeys)?;
        let directories = config
            .directories
            .iter()
            .map(|settings| Directory::open(settings).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        let dispatcher = Arc::new(Dispatcher::open(
            &config.carriers,
            &config.delivery,
            &delivery::Surroundings {
                sink: Arc::clone(&ground.console),
                witness: Arc::clone(&ground.witness),
                receipt_secret: &|name| ring.receipt_secret(name.as_str()),
            },
        )?);
        let (mut fronts, mut applications) = (Vec::new(), Vec::new());
        for settings in config.sites {
            if let Some((front, application)) = opened(settings, &directories)? {
                fronts.push(front);
                applications.push(application);
            }
        }
        let senders = || Senders::of(&config.carriers, &config.delivery);
        Ok(Self {
            limits: config.limits,
            ring,
            dispatcher,
            fronts,
            applications,
            sender,
            api: config.api.map(|settings| (settings, senders())),
            trusted: config.trusted_proxies,
            show_phone: config.show_phone,
        })
    }

    /// Puts it together with what lasts.
    pub(super) fn generation(self, number: u64, lasting: &Lasting) -> Generation {
        let Lasting { ground, store } = lasting;
        let flow = Arc::new(Flow {
            store: Arc::clone(store),
            ring: self.ring,
            pages: Pages::new(),
            dispatcher: self.dispatcher,
            metrics: Arc::clone(&ground.metrics),
            clock: ground.clock.clone(),
            show_phone: self.show_phone,
            slow: ground.slow.clone(),
            tasks: ground.tasks.clone(),
        });
        let api = self.api.map(|(settings, senders)| {
            let trusted = self.trusted.clone();
            Api::new(Arc::clone(&flow), settings.accounts, senders, trusted)
        });
        let shared = Shared::new(self.fronts, Arc::clone(&flow), self.trusted);
        Generation {
            number,
            shared: Arc::new(shared),
            flow,
            sender: self.sender,
            api,
            applications: self.applications,
        }
    }
}

impl Ground {
    fn own_key(&self, folder: &std::path::Path) -> Result<Secret, key::NoKey> {
        if let Some(key) = self.own_key.get() {
            return Ok(key.clone());
        }
        let key = key::kept_in(folder)?;
        Ok(self.own_key.get_or_init(|| key).clone())
    }
}

impl Generation {
    /// What a worker answers by: the sites, and connections of its own to their applications, within `room`.
    pub(super) fn for_worker(&self, room: &Room) -> (Arc<Shared>, Vec<Upstream>) {
        let own = self
            .applications
            .iter()
            .map(|(settings, trust)| Upstream::new(Arc::clone(settings), trust.clone(), room));
        (Arc::clone(&self.shared), own.collect())
    }

    /// How many sites there are.
    pub(super) fn sites(&self) -> usize {
        self.applications.len()
    }
}

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
