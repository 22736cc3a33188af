//! One request in, one response out.
//!
//! Read [`Gateway::answer`] from top to bottom: that is all that happens to a request. Each worker has a [`Gateway`]
//! of its own with its own connections to the applications; what they share is read only, or hides its lock.

use std::cell::LazyCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response};
use http_body::Body as _;
use hyper::body::Incoming;
use ipnet::IpNet;

mod passing;
mod refusal;

use crate::code::Reference;
use crate::event::{Event, What};
use crate::flow::own::ROOT;
use crate::flow::{Door, Flow, Visit, reply};
use crate::form::{self, Form};
use crate::gate::{self, Verdict};
use crate::moment::Moment;
use crate::observe;
use crate::page::{Look, Page, Refusal};
use crate::peer::{self, Peer};
use crate::request::{self, Checked, Framing};
use crate::server::{Connection, Service, address_text};
use crate::store::revoked::View;
use crate::upstream::Upstream;
use crate::upstream::body::{Body, Broken, Upload};
use crate::upstream::head::Constant;

use self::passing::{Passing, Upgrade, is_navigation};
use self::refusal::{drained, preflight, refusal_of, refused, to_https, told, whole};

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
        held.live.retain(|grant| !self.0.revoked.contains(grant));
        held.run_out.retain(|grant| !self.0.revoked.contains(grant));
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
            // The connection's own, unless a trusted proxy speaks for somebody else.
            peer_text: if peer.address == connection.peer {
                connection.peer_text.clone()
            } else {
                address_text(peer.address)
            },
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

fn has_body(asked: &Checked) -> bool {
    asked.framing() != Framing::Empty
}
