//! One request in, one response out.
//!
//! Read [`Gateway::answer`] from top to bottom: that is all that happens to a request. Each worker has a [`Gateway`]
//! of its own with its own connections to the applications; what they share is read only, or hides its lock.

use std::cell::LazyCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;

use crate::challenge::AGAIN;
use crate::code::Reference;
use crate::event::{Event, What};
use crate::flow::audience::{self, Audience};
use crate::flow::own::ROOT;
use crate::flow::{Door, Flow, Reply, Visit, empty, look, reply, see_other};
use crate::form::{self, Form};
use crate::gate::{self, Pass, Reason, Verdict, Way};
use crate::grant::Grant;
use crate::moment::Moment;
use crate::observe;
use crate::page::{CONTENT_TYPE, Kind, Look, Page, Problem, Refusal};
use crate::peer::{self, Peer};
use crate::request::{self, Checked, Framing, Malformed};
use crate::seal::{Held, cookies};
use crate::server::{Connection, Service};
use crate::site::Site;
use crate::store::revoked::View;
use crate::upstream::body::{Body, Broken, Standing, Upload, Watch};
use crate::upstream::head::{Constant, Surroundings};
use crate::upstream::{Failed, Upstream, tunnel};

/// A site with everything a request for it needs.
pub struct Front {
    /// The site, and who is behind it.
    pub door: Arc<Door>,
    /// The field that tells the application who it is.
    pub identity: Option<HeaderName>,
    /// What is the same in every request to it.
    pub constant: Constant,
}

/// What all workers share.
pub struct Shared {
    fronts: Vec<Front>,
    https: HashMap<String, usize>,
    http: HashMap<String, usize>,
    flow: Arc<Flow>,
    trusted: Vec<IpNet>,
}

/// One worker's gateway. Cloning it gives another handle on the same one.
#[derive(Clone)]
pub struct Gateway(Rc<Worker>);

struct Worker {
    shared: Arc<Shared>,
    upstreams: Vec<Upstream>,
    revoked: View,
}

/// A request that may go on, with what its answer needs.
struct Passing<'a> {
    front: &'a Front,
    upstream: &'a Upstream,
    held: Held,
    peer: Peer,
    now: Moment,
    /// Drawn only for those whose answer needs one.
    reference: LazyCell<Reference>,
    connection: &'a Connection,
}

/// What a request becomes a tunnel with, should it become one.
struct Upgrade {
    visitor: OnUpgrade,
    shutdown: CancellationToken,
}

/// How much of a refused request's body is read, so that its connection can go on (R7).
const DRAIN: usize = 64 * 1024;

/// And for how long.
const DRAIN_TIME: Duration = Duration::from_secs(2);

impl Shared {
    /// Puts sites, flow and trusted proxies together.
    pub fn new(fronts: Vec<Front>, flow: Arc<Flow>, trusted: Vec<IpNet>) -> Self {
        let named = |https: bool| {
            let all = fronts
                .iter()
                .enumerate()
                .filter(|(_, front)| front.door.site.origin.https() == https);
            all.map(|(index, front)| (front.door.site.origin.authority().to_owned(), index))
                .collect()
        };
        Self {
            https: named(true),
            http: named(false),
            fronts,
            flow,
            trusted,
        }
    }

    /// The flow, for whoever stops the process.
    pub fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// The site of that scheme and authority.
    fn front(&self, https: bool, authority: &str) -> Option<usize> {
        let (sites, port) = if https {
            (&self.https, ":443")
        } else {
            (&self.http, ":80")
        };
        // The scheme's own port may be written out, and letters of either case.
        let name = authority.strip_suffix(port).unwrap_or(authority);
        sites
            .get(name)
            .or_else(|| sites.get(&name.to_ascii_lowercase()))
            .copied()
    }
}

impl Service for Gateway {
    type Body = Body;

    async fn call(
        &self,
        request: Request<Incoming>,
        connection: &Rc<Connection>,
    ) -> Response<Body> {
        // One small allocation for a request in progress, instead of its whole room in every idle connection and a
        // copy of it each time a layer hands it on.
        Box::pin(self.answer(request, connection)).await
    }
}

impl Gateway {
    /// A worker's gateway; `upstreams` in the order of the sites.
    pub fn new(shared: Arc<Shared>, upstreams: Vec<Upstream>) -> Self {
        let revoked = shared.flow.store.revoked.view();
        Self(Rc::new(Worker {
            shared,
            upstreams,
            revoked,
        }))
    }

    async fn answer(
        &self,
        mut request: Request<Incoming>,
        connection: &Connection,
    ) -> Response<Body> {
        let shared = &*self.0.shared;
        let flow = &shared.flow;
        let now = flow.clock.now();
        let peer = peer_of(request.headers(), connection, &shared.trusted);
        // Only a request that could be upgraded has it, and only that one pays for the token.
        let upgrade = request.extensions_mut().remove().map(|visitor| Upgrade {
            visitor,
            shutdown: connection.shutdown.clone(),
        });
        let (parts, incoming) = request.into_parts();
        let asked = match request::check(parts, incoming.is_end_stream()) {
            Ok(asked) => asked,
            Err(malformed) => {
                return self.nobodys(
                    &What::Malformed { why: &malformed },
                    refusal_of(malformed),
                    now,
                );
            }
        };
        let authority = asked.authority().to_str().unwrap_or_default();
        let Some(index) = shared.front(peer.https, authority) else {
            let elsewhere = (!peer.https)
                .then(|| shared.front(true, authority))
                .flatten();
            return match elsewhere {
                Some(index) => whole(to_https(&shared.fronts[index].door.site, &asked), true),
                None => self.nobodys(&What::Misdirected, Refusal::Misdirected, now),
            };
        };
        let front = &shared.fronts[index];
        let site = &front.door.site;
        let mut held = flow
            .ring
            .open_all(site, asked.fields().get_all(header::COOKIE).iter(), now);
        held.live
            .retain(|grant| !self.0.revoked.contains(&grant.id()));
        held.run_out
            .retain(|grant| !self.0.revoked.contains(&grant.id()));
        let body = match asked.framing() {
            Framing::Empty => Upload::empty(),
            Framing::Length(_) | Framing::Chunked => Upload::stream(Bytes::new(), incoming),
        };
        // Everything but an allowed request goes through boxes: what waits in an idle connection stays small.
        let visit = || Visit::new(flow, &front.door, &asked, &held, peer, now);
        let closing = asked.closing() || has_body(&asked);

        if let Some(own) = own_path(&asked) {
            let visit = visit();
            let reply = match own {
                Own::Page(path) => Box::pin(flow.own(&visit, path, body)).await,
                Own::Spelling => flow.refuse(&visit, Refusal::NotFound),
            };
            return whole(reply, closing);
        }
        let (method, target) = (asked.method(), asked.target());
        let (form, body) = if site.routes.wants_form(method, target, asked.websocket()) {
            match Box::pin(read_form(&asked, body)).await {
                Ok(read) => read,
                Err(_) => return whole(flow.refuse(&visit(), Refusal::BadRequest), true),
            }
        } else {
            (Form::Unread, body)
        };
        let pass = match gate::decide(site, &asked, &form, &held.live) {
            Verdict::Forward(pass) => pass,
            Verdict::Ask(scope) => {
                let reply = Box::pin(flow.missing(&visit(), scope, body)).await;
                return whole(reply, closing);
            }
            Verdict::Preflight(allowed) => {
                return Box::pin(drained(preflight(&asked, allowed), body, &asked)).await;
            }
            Verdict::Refuse(reason) => {
                let reply = refused(flow, &visit(), reason);
                return Box::pin(drained(reply, body, &asked)).await;
            }
        };
        let passing = Passing {
            front,
            upstream: &self.0.upstreams[index],
            held,
            peer,
            now,
            reference: LazyCell::new(Reference::draw),
            connection,
        };
        if passing.held.replay.is_some() {
            return Box::pin(self.replay(pass, asked, body, upgrade, passing)).await;
        }
        let navigation = is_navigation(&asked);
        match self.forward(pass, asked, body, upgrade, &passing).await {
            Ok(response) => response,
            Err(failed) => whole(told(flow, &passing, &failed, navigation), true),
        }
    }

    async fn forward(
        &self,
        pass: Pass,
        asked: Checked,
        body: Upload,
        upgrade: Option<Upgrade>,
        passing: &Passing<'_>,
    ) -> Result<Response<Body>, Failed> {
        let site = &passing.front.door.site;
        let closing = asked.closing();
        let surroundings = Surroundings {
            site,
            peer: passing.peer,
            identity: passing.front.identity.as_ref(),
            constant: &passing.front.constant,
        };
        let upstream = passing.upstream;
        let mut response = upstream.forward(&pass, asked, body, &surroundings).await?;
        if is_event_stream(response.headers()) {
            let shutdown = passing.connection.shutdown.clone();
            response = response.map(|body| body.endless(shutdown));
        }
        if let Way::Granted(grants) = pass.into_way() {
            for grant in &grants {
                self.keep_up(site, grant, passing, &mut response);
            }
            let watch = Watch {
                standing: Rc::clone(&self.0) as Rc<dyn Standing>,
                grants,
            };
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                tunnel_through(upgrade, &mut response, Some(watch));
            } else {
                response = response.map(|body| body.watched(watch));
            }
        } else if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            tunnel_through(upgrade, &mut response, None);
        }
        if closing {
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }

    /// Sends the request that was held for this browser in the place of the one that came for its answer.
    async fn replay(
        &self,
        pass: Pass,
        asked: Checked,
        body: Upload,
        upgrade: Option<Upgrade>,
        mut passing: Passing<'_>,
    ) -> Response<Body> {
        let flow = &self.0.shared.flow;
        let site = &passing.front.door.site;
        let target = asked.target().raw().to_owned();
        let forget = cookies::print(site, cookies::REPLAY, "", Some(0));
        let cookies = asked.fields().get_all(header::COOKIE).iter();
        let secret = flow.ring.keepsakes(site, cookies).secret;
        let taken = passing
            .held
            .replay
            .take()
            .zip(secret)
            .filter(|_| *asked.method() == Method::GET && !asked.websocket());
        let opened = taken.as_ref().and_then(|(id, secret)| {
            let browser = flow.ring.browser(secret);
            let kept = flow
                .store
                .holds
                .replay(id, &browser, &target, passing.now)?;
            kept.open(&flow.ring.hold(secret, id)).ok()
        });
        let (Some((method, kind, bytes)), Some((id, secret))) = (opened, taken) else {
            // Not the request that it waits for, which another tab's may overtake: the cookie ends by itself.
            let navigation = is_navigation(&asked);
            return match self.forward(pass, asked, body, upgrade, &passing).await {
                Ok(response) => response,
                Err(failed) => whole(told(flow, &passing, &failed, navigation), true),
            };
        };
        let form = Form::read(kind.as_ref().and_then(|kind| kind.to_str().ok()), &bytes);
        let asked = asked.replaying(method.clone(), kind.clone(), bytes.len() as u64);
        // It is another request than the one that was let through: the gate looks at it itself.
        let Verdict::Forward(pass) = gate::decide(site, &asked, &form, &passing.held.live) else {
            let page = passing.page(flow, &Page::SubmitAgain { back: &target });
            return whole(page, true);
        };
        passing.record(What::HoldReplayed);
        let upload = Upload::bytes(bytes.clone());
        let mut response = match self.forward(pass, asked, upload, upgrade, &passing).await {
            Ok(response) => response,
            Err(failed) => {
                // Nothing of it went up: it waits on for another try, and so does its cookie.
                if failed.nothing_sent()
                    && flow.keep_again(&id, &secret, (method, kind, &bytes), &target, passing.now)
                {
                    passing.record(What::UpstreamFailed { why: &failed });
                    let page = Page::Refused(Refusal::NotReleased { again: &target });
                    return whole(passing.page(flow, &page), true);
                }
                whole(told(flow, &passing, &failed, true), true)
            }
        };
        response.headers_mut().append(header::SET_COOKIE, forget);
        response
    }

    /// Keeps the idle time of a grant that was used, and ends the code that it was earned with.
    fn keep_up(
        &self,
        site: &Site,
        grant: &Grant,
        passing: &Passing<'_>,
        response: &mut Response<Body>,
    ) {
        let flow = &self.0.shared.flow;
        if passing.now.unix.saturating_sub(grant.issued()) < AGAIN.as_secs() {
            flow.store.used(&grant.id());
        }
        if let Some(renewed) = grant.renewed(passing.now) {
            response.headers_mut().append(
                header::SET_COOKIE,
                flow.grant_cookie(site, &renewed, passing.now),
            );
        }
    }

    /// A refusal of what belongs to no site.
    fn nobodys(&self, what: &What<'_>, refusal: Refusal<'_>, now: Moment) -> Response<Body> {
        let reference = Reference::draw();
        observe::record(&Event {
            reference,
            site: None,
            what: *what,
        });
        let look = Look {
            site: "Countersign",
            support: None,
            accent: None,
        };
        let page = self.0.shared.flow.pages.render(
            &Page::Refused(refusal),
            &look,
            &reference.to_string(),
            now,
        );
        let mut response = whole(reply(&page), true);
        if refusal == Refusal::MethodNotAllowed {
            response.headers_mut().insert(
                header::ALLOW,
                HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
            );
        }
        response
    }
}

impl Passing<'_> {
    fn record(&self, what: What<'_>) {
        observe::record(&Event {
            reference: *self.reference,
            site: Some(&self.front.door.site.name),
            what,
        });
    }

    fn page(&self, flow: &Flow, page: &Page<'_>) -> Reply {
        let look = look(&self.front.door.site);
        reply(
            &flow
                .pages
                .render(page, &look, &self.reference.to_string(), self.now),
        )
    }
}

/// Joins both ends of an upgraded connection. The server waits for the visitor's end of it.
fn tunnel_through(upgrade: Option<Upgrade>, response: &mut Response<Body>, watch: Option<Watch>) {
    let application = hyper::upgrade::on(response);
    if let Some(Upgrade { visitor, shutdown }) = upgrade {
        tokio::task::spawn_local(tunnel::run(visitor, application, watch, shutdown));
    }
}

impl Standing for Worker {
    fn stands(&self, grant: &Grant) -> bool {
        let now = self.shared.flow.clock.now();
        let scope = self
            .shared
            .fronts
            .iter()
            .find(|front| front.door.site.name == *grant.site())
            .and_then(|front| front.door.site.scope(grant.scope().as_str()));
        // A running answer keeps its grant from being idle: only its whole life and a revocation end it.
        let lives = scope.is_some_and(|scope| now.unix < grant.longest(scope));
        lives && !self.revoked.contains(&grant.id())
    }
}

/// The visitor's address and scheme; fields are believed from trusted proxies only (R10).
fn peer_of(fields: &HeaderMap, connection: &Connection, trusted: &[IpNet]) -> Peer {
    if trusted.is_empty() || !peer::is_trusted(connection.peer, trusted) {
        return Peer {
            address: connection.peer,
            https: connection.tls,
        };
    }
    let hops: Vec<&str> = fields
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let proto = fields
        .get("x-forwarded-proto")
        .and_then(|value| value.to_str().ok());
    Peer::behind(connection.peer, connection.tls, trusted, &hops, proto)
}

/// A path that any reader could take for one of ours; it is never forwarded.
enum Own<'a> {
    /// Ours byte for byte: what stands behind [`ROOT`].
    Page(&'a str),
    /// Ours in another spelling only: nobody's.
    Spelling,
}

fn own_path(asked: &Checked) -> Option<Own<'_>> {
    let target = asked.target();
    target
        .reaches("/.countersign")
        .then(|| match target.path().strip_prefix(ROOT) {
            Some(page) => Own::Page(page),
            None => Own::Spelling,
        })
}

/// Reads as much of the body as a route's condition on it needs.
async fn read_form(asked: &Checked, body: Upload) -> Result<(Form, Upload), Broken> {
    let (head, body) = body.peek(form::LIMIT).await?;
    let form = if head.whole {
        Form::read(asked.field(header::CONTENT_TYPE), &head.bytes)
    } else {
        Form::Unreadable
    };
    Ok((form, body))
}

fn refused(flow: &Flow, visit: &Visit<'_>, reason: Reason) -> Reply {
    flow.record(visit, What::Refused { reason });
    let refusal = match reason {
        Reason::Denied => Refusal::Denied,
        Reason::CrossOrigin => Refusal::CrossOrigin,
    };
    match audience::of(visit.asked.fields(), visit.asked.websocket()) {
        Audience::Navigation | Audience::Frame => flow.refuse(visit, refusal),
        _ => problem(&refusal, visit.reference),
    }
}

/// An application that fails is told to people as a page and to scripts as JSON.
fn told(flow: &Flow, passing: &Passing<'_>, failed: &Failed, navigation: bool) -> Reply {
    passing.record(What::UpstreamFailed { why: failed });
    let refusal = match failed.status() {
        StatusCode::GATEWAY_TIMEOUT => Refusal::UpstreamSlow,
        StatusCode::BAD_REQUEST => Refusal::BadRequest,
        _ => Refusal::UpstreamDown,
    };
    if navigation {
        passing.page(flow, &Page::Refused(refusal))
    } else {
        problem(&refusal, *passing.reference)
    }
}

fn problem(refusal: &Refusal<'_>, reference: Reference) -> Reply {
    let kind = Kind::from(refusal);
    let problem = Problem {
        kind,
        scope: None,
        challenge_url: None,
        expires_at: None,
        reference: &reference.to_string(),
    };
    let mut reply = empty(refusal.status()).map(|_| Bytes::from(problem.json()));
    reply
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    reply
}

/// The answer to OPTIONS that no grant stands behind: CORS for a preflight from one of the site's origins, else 403.
fn preflight(asked: &Checked, allowed: bool) -> Reply {
    if !allowed {
        return empty(StatusCode::FORBIDDEN);
    }
    let mut reply = empty(StatusCode::NO_CONTENT);
    let copies = [
        (header::ORIGIN, header::ACCESS_CONTROL_ALLOW_ORIGIN),
        (
            header::ACCESS_CONTROL_REQUEST_METHOD,
            header::ACCESS_CONTROL_ALLOW_METHODS,
        ),
        (
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            header::ACCESS_CONTROL_ALLOW_HEADERS,
        ),
    ];
    for (asked_for, allowed) in copies {
        if let Some(value) = asked.fields().get(asked_for) {
            reply.headers_mut().insert(allowed, value.clone());
        }
    }
    reply.headers_mut().insert(
        header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    reply
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("Origin"));
    reply
}

/// The same page by https. A body would have travelled in clear already: only what can be asked again is redirected.
fn to_https(site: &Site, asked: &Checked) -> Reply {
    if asked.unsafe_method() || asked.websocket() {
        return empty(StatusCode::FORBIDDEN);
    }
    let mut reply = see_other(&format!("{}{}", site.origin.text(), asked.target().raw()));
    *reply.status_mut() = StatusCode::PERMANENT_REDIRECT;
    reply
}

fn refusal_of(malformed: Malformed) -> Refusal<'static> {
    match malformed {
        Malformed::Method => Refusal::MethodNotAllowed,
        Malformed::TooLarge => Refusal::HeadTooLarge,
        Malformed::Target(_) | Malformed::Ambiguous(_) | Malformed::Expectation => {
            Refusal::BadRequest
        }
    }
}

/// Reads what a refused request still sends, within a bound, so that none of it is taken for the next one (R7).
async fn drained(reply: Reply, body: Upload, asked: &Checked) -> Response<Body> {
    let small = match asked.framing() {
        Framing::Empty => true,
        Framing::Length(length) => length <= DRAIN as u64,
        Framing::Chunked => false,
    };
    let read = small && !asked.expects_continue() && {
        let rest = Limited::new(body, DRAIN).collect();
        matches!(tokio::time::timeout(DRAIN_TIME, rest).await, Ok(Ok(_)))
    };
    whole(reply, !read || asked.closing())
}

/// A reply of ours as a response; `closing` says that its connection ends with it.
fn whole(reply: Reply, closing: bool) -> Response<Body> {
    let mut response =
        reply.map(|bytes| Body::Bytes(Some(bytes).filter(|bytes| !bytes.is_empty())));
    if closing {
        // hyper drops it where it has no meaning: over HTTP/2.
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether the answer goes on until somebody leaves (WHATWG HTML section 9.2).
fn is_event_stream(fields: &HeaderMap) -> bool {
    const KIND: &[u8] = b"text/event-stream";
    let kind = fields
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.as_bytes().get(..KIND.len()));
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(KIND))
}

fn has_body(asked: &Checked) -> bool {
    asked.framing() != Framing::Empty
}

fn is_navigation(asked: &Checked) -> bool {
    asked
        .fields()
        .get("sec-fetch-mode")
        .is_none_or(|mode| mode == "navigate")
}
