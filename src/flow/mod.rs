//! From a verdict to a response: ask, send, check, release.
//!
//! What is here is shared by all workers and waits for nothing slow on them: directories, carriers and the disk are
//! on a runtime of their own, and answer through join handles. A [`Reply`] is whole bytes; the gateway sends it.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use rand::TryRng;
use rand::rngs::SysRng;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::carrier::delivery::Dispatcher;
use crate::challenge::{self, Browser};
use crate::code::Reference;
use crate::directory::{Directory, Person};
use crate::event::{Event, What};
use crate::grant::Grant;
use crate::moment::Moment;
use crate::observe;
use crate::observe::clock::Clock;
use crate::observe::metrics::Metrics;
use crate::page::{Look, Page, Pages, Refusal, Rendered};
use crate::peer::Peer;
use crate::request::Checked;
use crate::seal::{BrowserSecret, Held, Keepsakes, Ring, cookies};
use crate::site::{Origin, Site};
use crate::store::counters::Part;
use crate::store::durable::NotKept;
use crate::store::{Store, View};
use crate::subject::Subject;

pub mod addressed;
pub mod ask;
pub mod audience;
pub mod basic;
pub mod capture;
pub mod check;
pub mod code_page;
mod consult;
pub mod entry;
pub mod own;
pub mod posted;
pub mod quarantine;
pub mod receipts;
pub mod relay;
pub mod send;
mod session;
pub mod shadow;
pub mod sign_out;
pub mod trial;

/// A whole answer of ours.
pub type Reply = Response<Bytes>;

/// Everything that answers need, shared by all workers.
pub struct Flow {
    /// What is remembered: the same from one configuration to the next.
    pub store: Arc<Store>,
    /// The keys.
    pub ring: Ring,
    /// The pages.
    pub pages: Pages,
    /// Who carries messages.
    pub dispatcher: Arc<Dispatcher>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Clock,
    /// How many last digits of a number are shown: 0–4.
    pub show_phone: u8,
    /// Where slow work is done.
    pub slow: Handle,
    /// Sends that are under way: whoever stops the process waits for them.
    pub tasks: TaskTracker,
}

/// A site, and who is behind it.
pub struct Door {
    /// The site.
    pub site: Site,
    /// Who has which number.
    pub directory: Arc<Directory>,
}

/// One request on its way through the flow.
pub struct Visit<'a> {
    /// Where it came.
    pub door: &'a Arc<Door>,
    /// The request.
    pub asked: &'a Checked,
    /// The grants it brought, without those that were revoked.
    pub held: &'a Held,
    /// What else its browser keeps.
    pub keepsakes: Keepsakes,
    /// From whom.
    pub peer: Peer,
    /// When.
    pub now: Moment,
    /// What stands on the page and in the log.
    pub reference: Reference,
}

impl<'a> Visit<'a> {
    /// Looks at a request for the sake of a page: this opens the rest of its cookies and draws a reference.
    pub fn new(
        flow: &Flow,
        door: &'a Arc<Door>,
        asked: &'a Checked,
        held: &'a Held,
        peer: Peer,
        now: Moment,
    ) -> Self {
        let cookies = asked.fields().get_all(header::COOKIE).iter();
        let keepsakes = flow.ring.keepsakes(&door.site, cookies);
        Self {
            door,
            asked,
            held,
            keepsakes,
            peer,
            now,
            reference: Reference::draw(),
        }
    }
}

/// The operating system gave no random bytes: nothing can be begun.
#[derive(Debug, thiserror::Error)]
#[error("the operating system's random generator failed")]
pub struct NoRandomness;

impl Flow {
    /// A page of ours as a reply.
    pub fn page(&self, visit: &Visit<'_>, page: &Page<'_>) -> Reply {
        reply(&self.pages.render(
            page,
            &look(&visit.door.site),
            &visit.reference.to_string(),
            visit.now,
        ))
    }

    /// The answer, once what it rests on is on disk; else a page that says to try again (A4, A7).
    pub async fn kept(&self, visit: &Visit<'_>, answer: Reply) -> Reply {
        match self.store.settled().await {
            Ok(()) => answer,
            Err(NotKept) => self.refuse(visit, Refusal::NothingCanSend),
        }
    }

    /// A refusal as a reply.
    pub fn refuse(&self, visit: &Visit<'_>, refusal: Refusal<'_>) -> Reply {
        if refusal == Refusal::Full {
            self.record(visit, What::Full);
        }
        self.page(visit, &Page::Refused(refusal))
    }

    /// Writes an event of this visit down, and counts it.
    pub fn record(&self, visit: &Visit<'_>, what: What<'_>) {
        let event = Event {
            reference: visit.reference,
            site: Some(&visit.door.site.name),
            what,
        };
        observe::record(&event);
        self.metrics.record(&event);
    }

    /// The cookie of a grant. It outlives the grant by a day, in which it tells who to ask.
    pub fn grant_cookie(&self, site: &Site, grant: &Grant, now: Moment) -> HeaderValue {
        let life = grant.forgettable().saturating_sub(now.unix);
        cookies::print(
            site,
            &format!("-{}", grant.scope()),
            &self.ring.seal(grant),
            Some(life),
        )
    }

    /// Looks somebody up where it may be slow.
    async fn person(&self, door: &Arc<Door>, subject: &Subject) -> Option<Person> {
        let (door, subject) = (Arc::clone(door), subject.clone());
        self.slow
            .spawn(async move { door.directory.lookup(&subject) })
            .await
            .ok()
            .flatten()
    }

    /// Which of a subject's two counters this browser uses up (C4).
    fn part(&self, visit: &Visit<'_>, subject: &Subject) -> Part {
        let mark = self.ring.mark(&visit.door.site.name, subject);
        if visit.keepsakes.known.contains(&mark) {
            Part::Known
        } else {
            Part::Stranger
        }
    }

    /// A challenge of this browser's, if its scope is still one of the site's: what a reload took away is asked of nobody
    /// any more (A6).
    fn asked_of(&self, visit: &Visit<'_>, id: &challenge::Id, browser: &Browser) -> Option<View> {
        let view = self.store.view(id, browser, visit.now)?;
        let scope = visit.door.site.scope(view.question.scope.name.as_str());
        scope.map(|_| view)
    }

    /// The browser's secret, or a new one and the cookie that sets it.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn browser(
        visit: &Visit<'_>,
    ) -> Result<(BrowserSecret, Option<HeaderValue>), NoRandomness> {
        if let Some(secret) = &visit.keepsakes.secret {
            Ok((secret.clone(), None))
        } else {
            let secret = BrowserSecret::new(random()?);
            let cookie = cookies::print(&visit.door.site, "", secret.value(), None);
            Ok((secret, Some(cookie)))
        }
    }

    /// What a challenge keeps of this visit's browser, if it has a secret.
    fn known_browser<'v>(&self, visit: &'v Visit<'_>) -> Option<(&'v BrowserSecret, Browser)> {
        visit
            .keepsakes
            .secret
            .as_ref()
            .map(|secret| (secret, self.ring.browser(secret)))
    }
}

/// How a site presents itself.
pub fn look(site: &Site) -> Look<'_> {
    Look {
        site: &site.title,
        support: site.support.as_deref(),
        accent: site.accent.as_deref(),
    }
}

/// A rendered page with its headers.
pub fn reply(rendered: &Rendered) -> Reply {
    reply_to(rendered, None)
}

/// A rendered page with its headers; what comes of its form may lead to another origin.
fn reply_to(rendered: &Rendered, leads_to: Option<&Origin>) -> Reply {
    let mut reply = Response::new(Bytes::copy_from_slice(rendered.html.as_bytes()));
    *reply.status_mut() = rendered.status;
    *reply.headers_mut() = rendered.headers(leads_to);
    reply
}

/// 303 to a path of the site, never kept by a cache.
pub fn see_other(location: &str) -> Reply {
    let mut reply = empty(StatusCode::SEE_OTHER);
    // Paths of ours, and destinations that were received as valid targets, are field values.
    let location =
        HeaderValue::from_str(location).unwrap_or_else(|_| HeaderValue::from_static("/"));
    reply.headers_mut().insert(header::LOCATION, location);
    reply
}

/// No body, and never kept by a cache.
pub fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Bytes::new());
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

fn with_cookies(mut reply: Reply, cookies: impl IntoIterator<Item = HeaderValue>) -> Reply {
    let fields: &mut HeaderMap = reply.headers_mut();
    for cookie in cookies {
        fields.append(header::SET_COOKIE, cookie);
    }
    reply
}

/// Bytes of the operating system's generator, for identifiers and secrets.
fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|_| NoRandomness)?;
    Ok(bytes)
}
