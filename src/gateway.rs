//! One request in, one response out.
//!
//! Read `Gateway::answer` from top to bottom: that is all that happens to a request. Each worker has a gateway of its
//! own with its own connections to the applications; what they share is read only, or hides its lock. A reload puts
//! another one in its place ([`Current`]).

use std::cell::{LazyCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response};
use http_body::Body as _;
use hyper::body::Incoming;
use ipnet::IpNet;
use smallvec::SmallVec;

mod basic;
mod captured;
mod heard;
mod passing;
mod refusal;
mod renewed;
mod shadow;
mod sign_out;
mod standing;

use crate::capture::Capture;
use crate::code::Reference;
use crate::event::{Event, What};
use crate::flow::own::ROOT;
use crate::flow::sign_out::Leaving;
use crate::flow::{Door, Flow, Visit, addressed, reply};
use crate::form::{self, Form};
use crate::gate::shadow::Would;
use crate::gate::{self, Mentioned, Reason, Said, Verdict, Way};
use crate::hold::release::HeldPage;
use crate::login::{self, Ambiguous, Login};
use crate::moment::Moment;
use crate::name::Name;
use crate::observe;
use crate::page::{Look, Page, Refusal};
use crate::peer::{self, Peer};
use crate::request::{self, Checked, Framing};
use crate::route::Asked;
use crate::seal::Held;
use crate::server::{Connection, Service, address_text};
use crate::site::Site;
use crate::store::revoked::View;
use crate::upstream::Upstream;
use crate::upstream::body::{Body, Broken, Upload};
use crate::upstream::head::Constant;
use crate::upstream::identity::Identity;

use self::captured::Posted;
use self::passing::{Passing, Upgrade, is_navigation};
use self::refusal::{drained, preflight, refusal_of, refused, to_https, told, whole};
use self::shadow::Through;

/// A site with everything a request for it needs.
pub struct Front {
    /// The site, and who is behind it.
    pub door: Arc<Door>,
    /// How the application is told who it is.
    pub identity: Option<Identity>,
    /// What its answers say in `Strict-Transport-Security`, unless the application says something itself.
    pub hsts: Option<HeaderValue>,
    /// Whether its visitors have to show a certificate in their handshake.
    pub wants_certificate: bool,
    /// What is the same in every request to it.
    pub constant: Constant,
}

/// What all workers share.
pub struct Shared {
    fronts: Vec<Front>,
    /// The hosts of sites whose visitors show a certificate.
    certified: HashSet<String>,
    https: HashMap<String, usize>,
    http: HashMap<String, usize>,
    flow: Arc<Flow>,
    trusted: Vec<IpNet>,
}

/// What answers one worker's requests: the gateway of the newest configuration. Cloning it gives another handle on the
/// same one.
#[derive(Clone)]
pub struct Current(Rc<Turn>);

/// Whose turn it is. Nobody waits for it and nothing of it is atomic: it never leaves its worker.
struct Turn(RefCell<Gateway>);

/// One worker's gateway by one configuration. A request has one from its beginning to its end (A6).
#[derive(Clone)]
struct Gateway(Rc<Worker>);

struct Worker {
    shared: Arc<Shared>,
    upstreams: Vec<Upstream>,
    revoked: View,
    /// Who says whether a grant still stands while an answer to it runs: whoever comes after.
    turn: Weak<Turn>,
}

/// A checked request for one of the sites.
struct Arrived<'a> {
    asked: Checked,
    body: Upload,
    upgrade: Option<Upgrade>,
    peer: Peer,
    /// With the grants that it brings.
    passing: Passing<'a>,
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
        let certified = fronts.iter().filter(|front| front.wants_certificate);
        let certified = certified
            .map(|front| front.door.site.origin.host().to_owned())
            .collect();
        Self {
            certified,
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

    /// Whether what was agreed in the connection's handshake is good for a site.
    ///
    /// A browser that has a connection to a host sends requests for another one over it, too, where the certificate names
    /// both (RFC 9113 section 9.1.1), and a stranger writes any Host: who wants certificates of their visitors has seen
    /// none then. 421 makes a browser connect anew (RFC 9110 section 15.5.20). Behind a proxy that ends TLS there never
    /// is one.
    fn agreed(&self, site: &Site, connection: &Connection) -> bool {
        if self.certified.is_empty() || !site.origin.https() {
            return true;
        }
        let (host, shook) = (site.origin.host(), connection.server_name.as_deref());
        if self.certified.contains(host) {
            connection.tls && shook == Some(host)
        } else {
            !shook.is_some_and(|other| self.certified.contains(other))
        }
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

impl Current {
    /// A worker's first gateway; `upstreams` in the order of the sites.
    pub fn new(shared: Arc<Shared>, upstreams: Vec<Upstream>) -> Self {
        Self(Rc::new_cyclic(|turn| {
            Turn(RefCell::new(Gateway::new(shared, upstreams, turn.clone())))
        }))
    }

    /// From now on every request goes by these; those that have begun go on by what they began with. What still runs under
    /// a grant looks here, too, whether that stands (S5).
    pub fn replace(&self, shared: Arc<Shared>, upstreams: Vec<Upstream>) {
        let next = Gateway::new(shared, upstreams, Rc::downgrade(&self.0));
        // The one before may end here, with all of its idle connections: after the cell is whole again.
        drop(self.0.0.replace(next));
    }

    fn gateway(&self) -> Gateway {
        self.0.0.borrow().clone()
    }
}

impl Service for Current {
    type Body = Body;

    async fn call(
        &self,
        request: Request<Incoming>,
        connection: &Rc<Connection>,
    ) -> Response<Body> {
        let gateway = self.gateway();
        let arrived = match gateway.receive(request, connection) {
            Ok(arrived) => arrived,
            Err(refused) => return refused,
        };
        // Found by https, so that it is never said in clear text (RFC 6797 section 7.2).
        let hsts = arrived.passing.front.hsts.as_ref();
        // One small allocation for a request in progress, instead of its whole room in every idle connection and a
        // copy of it each time a layer hands it on. Made first and filled where it lies, for the same reason.
        let room = Box::new_uninit();
        let answer = Box::into_pin(Box::write(room, gateway.answer(arrived)));
        let mut response = answer.await;
        if let Some(hsts) = hsts {
            let fields = response.headers_mut();
            fields
                .entry(header::STRICT_TRANSPORT_SECURITY)
                .or_insert_with(|| hsts.clone());
        }
        response
    }
}

impl Gateway {
    fn new(shared: Arc<Shared>, upstreams: Vec<Upstream>, turn: Weak<Turn>) -> Self {
        let revoked = shared.flow.store.revoked.view();
        Self(Rc::new(Worker {
            shared,
            upstreams,
            revoked,
            turn,
        }))
    }

    /// Checks the head, finds whose it is, and opens the grants that it brings; or refuses it, as nobody's.
    #[expect(
        clippy::result_large_err,
        reason = "in a box, every refusal would cost an allocation; what is received is larger"
    )]
    fn receive<'a>(
        &'a self,
        mut request: Request<Incoming>,
        connection: &'a Connection,
    ) -> Result<Arrived<'a>, Response<Body>> {
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
                return Err(self.nobodys(
                    &What::Malformed { why: &malformed },
                    refusal_of(malformed),
                    now,
                ));
            }
        };
        let authority = asked.authority().to_str().unwrap_or_default();
        let Some(index) = shared.front(peer.https, authority) else {
            let elsewhere = (!peer.https)
                .then(|| shared.front(true, authority))
                .flatten();
            return Err(match elsewhere {
                Some(index) => whole(to_https(&shared.fronts[index].door.site, &asked), true),
                None => self.nobodys(&What::Misdirected, Refusal::Misdirected, now),
            });
        };
        let front = &shared.fronts[index];
        if !shared.agreed(&front.door.site, connection) {
            return Err(self.nobodys(&What::OtherHandshake, Refusal::Misdirected, now));
        }
        let site = &front.door.site;
        let mut held = flow.ring.open_all(site, asked.fields(), now);
        held.live.retain(|grant| !self.0.revoked.contains(grant));
        held.run_out.retain(|grant| !self.0.revoked.contains(grant));
        held.unbound.retain(|grant| !self.0.revoked.contains(grant));
        let body = match asked.framing() {
            Framing::Empty => Upload::empty(),
            Framing::Length(_) | Framing::Chunked => Upload::stream(Bytes::new(), incoming),
        };
        let passing = Passing {
            front,
            upstream: &self.0.upstreams[index],
            // The connection's own, unless a trusted proxy speaks for somebody else.
            peer_text: if peer.address == connection.peer {
                connection.peer_text.clone()
            } else {
                address_text(peer.address)
            },
            now,
            reference: LazyCell::new(Reference::draw),
            connection,
            held,
            searched: false,
            leaves: false,
            token: None,
            renews: None,
        };
        Ok(Arrived {
            asked,
            body,
            upgrade,
            peer,
            passing,
        })
    }

    /// What happens to a request that is somebody's.
    ///
    /// Its future lies in one piece of memory that every request makes anew, so it must stay small: nothing large is kept
    /// twice, and everything but an allowed request goes through boxes of its own. `Box::pin(…).await` stands in one
    /// expression there: a future with a name has its room in this one.
    #[expect(
        clippy::too_many_lines,
        reason = "all that happens to a request, to be read from top to bottom"
    )]
    fn answer<'a>(&'a self, arrived: Arrived<'a>) -> impl Future<Output = Response<Body>> + 'a {
        let Arrived {
            mut asked,
            mut body,
            upgrade,
            peer,
            mut passing,
        } = arrived;
        async move {
            let flow = &self.0.shared.flow;
            let front = passing.front;
            let site = &front.door.site;
            let now = passing.now;
            let visit = || Visit::new(flow, &front.door, &asked, &passing.held, peer, now);
            let closing = asked.closing() || has_body(&asked);

            if let Some(own) = own_path(&asked) {
                let visit = visit();
                let mut reply = match own {
                    Own::Page(path) => Box::pin(flow.own(&visit, path, body)).await,
                    Own::Spelling => flow.refuse(&visit, Refusal::NotFound),
                };
                if let Some(leaving) = reply.extensions_mut().remove::<Leaving>() {
                    let upstream = passing.upstream;
                    let set =
                        Box::pin(self.sign_out_there(front, upstream, &visit, &leaving)).await;
                    for cookie in set {
                        reply.headers_mut().append(header::SET_COOKIE, cookie);
                    }
                }
                return whole(reply, closing);
            }
            if let Some(id) = passing
                .held
                .replay
                .filter(|_| *asked.method() == Method::GET)
            {
                let visit = visit();
                if let Some(page) = flow.waiting_page(&visit, &id) {
                    return waited_for(page);
                }
            }
            let read = if body_has_a_say(site, &asked, &passing.held) {
                match Box::pin(read_body(&asked, &mut body)).await {
                    Ok(read) => read,
                    Err(_) => return whole(flow.refuse(&visit(), Refusal::BadRequest), true),
                }
            } else {
                Read::nothing(&asked)
            };
            let logins = match read.logins(site, &asked, &passing.held) {
                Ok(logins) => logins,
                Err(why) if gate::shadow::is_free(site, &passing.held.live) => {
                    let reason = Reason::Ambiguous(why);
                    flow.record(&visit(), What::WouldRefuse { reason });
                    Logins::new()
                }
                Err(why) => {
                    let reply = refused(flow, &visit(), Reason::Ambiguous(why));
                    return Box::pin(drained(reply, body, &asked)).await;
                }
            };
            let names: SmallVec<[&Name; 2]> = logins.iter().map(|(name, _)| *name).collect();
            let bearer = flow.bearer(site, asked.fields(), now);
            let said = Said {
                form: &read.form,
                logins: &names,
                password: Mentioned::find(site, &asked, &read.bytes),
                bearer: bearer.as_ref(),
            };
            passing.searched = site.basic().is_some()
                || (read.whole
                && said.password == Mentioned::Nowhere
                // What is packed cannot be searched.
                && !asked.fields().contains_key(header::CONTENT_ENCODING));
            let granted = !passing.held.live.is_empty();
            passing.leaves = granted && site.is_logout(asked.method(), asked.target());
            passing.token = bearer
                .as_ref()
                .and_then(|bearer| bearer.renewed(&passing.held.live));
            let mut verdict = gate::decide(site, &asked, said, &passing.held.live);
            if site.relays()
                && !site.watches()
                && !matches!(verdict, Verdict::Refuse(_) | Verdict::Preflight(_))
            {
                let anonymous = matches!(&verdict, Verdict::Forward(pass) if matches!(pass.way(), Way::Anonymous));
                // A login goes up without Authorization, which is often that of the one before.
                let waits = || {
                    !matches!(verdict, Verdict::Login(..))
                        && flow.shows_anothers(&visit(), (&read.bytes, read.whole), anonymous)
                };
                let meets = !granted && *asked.method() == Method::GET;
                let first = meets.then(|| flow.code_first(&visit())).flatten();
                if let Some(reply) = first.or_else(|| waits().then(|| flow.token_waits(&visit()))) {
                    return Box::pin(drained(reply, body, &asked)).await;
                }
            }
            let machine = if granted {
                None
            } else {
                let_machine_pass(&mut verdict, site, &asked, peer)
            };
            let (pass, captured) = match verdict {
                Verdict::Forward(pass) => (pass, None),
                Verdict::LoginPage(pass, capture) | Verdict::Login(pass, capture) => {
                    (pass, Some(capture))
                }
                Verdict::Shadow(pass, would) => {
                    let through = Through {
                        posted: posted(logins, would.and_then(Would::login), read.bytes),
                        asked,
                        body,
                        upgrade,
                    };
                    return Box::pin(self.shadow(pass, would, through, peer, passing)).await;
                }
                Verdict::Ask(scope) => {
                    if let Some(capture) = site.basic().filter(|_| !granted) {
                        return Box::pin(self.basic(capture, &asked, peer, passing)).await;
                    }
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
            if passing.searched && captured.is_none() {
                let held = (&passing.held, now);
                passing.renews = renewed::renewing(site, &flow.ring, (&asked, &read), held, &pass);
            }
            if let Some(capture) = machine {
                passing.record(What::MachinePassed {
                    from: peer.address,
                    capture: &capture.name,
                });
            }
            if let Some(capture) = captured {
                let posted = posted(logins, Some(capture), read.bytes);
                return Box::pin(self.capture(pass, capture, posted, asked, peer, passing)).await;
            }
            if let Some(rest) = flow.without_quarantined(site, asked.fields(), granted, None, now) {
                asked.set_cookies(rest);
            }
            // Without its cookie, or with one that is kept back, a session in the address would go up unguarded.
            let anonymous = matches!(pass.way(), Way::Anonymous);
            if addressed::strays(site, asked.target(), (!anonymous).then(|| asked.fields())) {
                return Box::pin(passing.strayed(flow, &asked, body, peer)).await;
            }
            if passing.held.replay.is_some() {
                return Box::pin(self.replay(pass, asked, body, upgrade, passing)).await;
            }
            let navigation = is_navigation(&asked);
            // Nothing is left of a request without a body: its visitor need not find a new connection, which there may be no
            // file for (A7). What a visitor sends who wants another protocol is none of ours.
            let closing = asked.closing() || has_body(&asked) || asked.websocket();
            match self.forward(pass, asked, body, upgrade, &passing).await {
                Ok(response) => response,
                Err(failed) => whole(told(flow, &passing, &failed, navigation), closing),
            }
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
pub(crate) fn peer_of(fields: &HeaderMap, connection: &Connection, trusted: &[IpNet]) -> Peer {
    let believed = !trusted.is_empty() && !connection.untold;
    if !believed || !peer::is_trusted(connection.peer, trusted) {
        return Peer {
            address: connection.peer,
            https: connection.tls,
        };
    }
    let hops: Vec<&[u8]> = fields
        .get_all("x-forwarded-for")
        .iter()
        .map(HeaderValue::as_bytes)
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

/// What was read of a body before the gate.
struct Read {
    form: Form,
    /// As much as was read; nothing if nobody had to know.
    bytes: Bytes,
    /// Whether that is all of it, or all that anybody had to know.
    whole: bool,
    /// Whether anything was read at all.
    searched: bool,
}

/// Whether the body has a say in who may go where: by a condition of a route, by the login that it carries, or by a
/// password where none belongs.
fn body_has_a_say(site: &Site, asked: &Checked, held: &Held) -> bool {
    let question = Asked {
        method: asked.method(),
        overriding: asked.overriding(),
        target: asked.target(),
        websocket: asked.websocket(),
        form: &Form::Unread,
        logins: &[],
    };
    // Without a grant and off every open route nothing in a body changes the verdict: it stays with its sender.
    let searched = || {
        site.captures.iter().any(|capture| capture.form().is_some())
            && has_body(asked)
            && (!held.live.is_empty() || site.routes.may_open(&question))
    };
    searched() || site.routes.wants_form(&question)
}

async fn read_body(asked: &Checked, body: &mut Upload) -> Result<Read, Broken> {
    let head = body.peek(form::LIMIT).await?;
    let form = form_of(asked, &head.bytes, head.whole);
    Ok(Read {
        form,
        bytes: head.bytes,
        whole: head.whole,
        searched: true,
    })
}

/// What a body says as a form. Where it is packed, only a server that unpacks it knows.
fn form_of(asked: &Checked, body: &[u8], whole: bool) -> Form {
    if !whole || asked.fields().contains_key(header::CONTENT_ENCODING) {
        return Form::Unreadable;
    }
    Form::read(asked.field(header::CONTENT_TYPE), body)
}

impl Read {
    /// Nobody had to know.
    fn nothing(asked: &Checked) -> Self {
        Self {
            form: Form::Unread,
            bytes: Bytes::new(),
            whole: !has_body(asked),
            searched: false,
        }
    }

    /// The logins that the body carries, for the captures that its path is for.
    fn logins<'s>(
        &self,
        site: &'s Site,
        asked: &Checked,
        held: &Held,
    ) -> Result<Logins<'s>, Ambiguous> {
        let mut found = Logins::new();
        if !self.searched || *asked.method() != Method::POST || site.captures.is_empty() {
            return Ok(found);
        }
        let question = Asked {
            method: asked.method(),
            overriding: asked.overriding(),
            target: asked.target(),
            websocket: asked.websocket(),
            form: &self.form,
            logins: &[],
        };
        let captures = site.routes.captures(&question);
        if captures.is_empty() {
            return Ok(found);
        }
        if asked.fields().get_all(header::CONTENT_TYPE).iter().count() > 1 {
            return Err(Ambiguous("two Content-Types"));
        }
        if asked.fields().contains_key(header::CONTENT_ENCODING) {
            return Err(Ambiguous("a Content-Encoding"));
        }
        for name in captures {
            let Some((capture, wanted)) = site
                .capture(name)
                .and_then(|capture| Some((capture, capture.form()?)))
            else {
                continue;
            };
            let login = if self.whole {
                login::read(
                    wanted,
                    site.charset,
                    asked.field(header::CONTENT_TYPE),
                    &self.bytes,
                    asked.target().query(),
                )
            } else {
                // A part of it may say something else than the whole.
                Err(Ambiguous::TOO_LONG)
            };
            match login {
                Ok(login) => found.extend(login.map(|login| (name, login))),
                // An upload to the very path of the login page, by somebody who is signed in.
                Err(Ambiguous::TOO_LONG)
                    if held
                        .live
                        .iter()
                        .any(|grant| *grant.scope() == capture.scope) => {}
                Err(why) => return Err(why),
            }
        }
        Ok(found)
    }
}

/// Lets a request through that no grant stands behind, if it is one of the machines that the operator named: whose, if so.
fn let_machine_pass<'s>(
    verdict: &mut Verdict<'s>,
    site: &'s Site,
    asked: &Checked,
    peer: Peer,
) -> Option<&'s Capture> {
    let machine = || gate::machine(site, asked, peer.address);
    match verdict {
        Verdict::Ask(_) | Verdict::Preflight(_) => *verdict = Verdict::Forward(machine()?),
        Verdict::Shadow(_, would @ Some(Would::Ask(..))) => {
            machine()?;
            *would = None;
        }
        _ => return None,
    }
    site.basic()
}

/// The login for this capture, with the bytes that carry it.
fn posted(logins: Logins<'_>, capture: Option<&Capture>, body: Bytes) -> Option<Posted> {
    let mut logins = logins.into_iter();
    let (_, login) = logins.find(|(name, _)| capture.is_some_and(|own| own.name == **name))?;
    Some(Posted { login, body })
}

type Logins<'s> = SmallVec<[(&'s Name, Login); 1]>;

/// A page that waited for its browser.
fn waited_for(page: HeldPage) -> Response<Body> {
    let mut response = Response::new(Body::Bytes(
        Some(page.body).filter(|bytes| !bytes.is_empty()),
    ));
    *response.status_mut() = page.status;
    *response.headers_mut() = page.fields;
    response
}

fn has_body(asked: &Checked) -> bool {
    asked.framing() != Framing::Empty
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;

    /// A proxy that is trusted carries a connection and does not say whose it is: the fields are whoever's.
    #[test]
    fn r10_who_comes_untold_is_not_believed() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let mut fields = HeaderMap::new();
        fields.insert("x-forwarded-for", HeaderValue::from_static("198.51.100.7"));
        fields.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        let proxy = [10, 0, 0, 1].into();
        for (untold, peer) in [(false, [198, 51, 100, 7].into()), (true, proxy)] {
            let connection = Connection {
                peer: proxy,
                untold,
                peer_text: address_text(proxy),
                tls: false,
                server_name: None,
                version2: false,
                shutdown: CancellationToken::new(),
            };
            let found = peer_of(&fields, &connection, &trusted);
            assert_eq!((found.address, found.https), (peer, !untold));
        }
    }

    /// What a visitor writes there stands left of what the proxy adds, in one field with it. A byte that is no text made the
    /// whole field unreadable, and the visitor the proxy: with its address came what is granted to addresses of the house.
    #[test]
    fn r10_no_byte_of_a_visitor_hides_what_the_proxy_says_of_them() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        for said in [
            &b"\xff, 198.51.100.7"[..],
            b"\xc3\xa9, 198.51.100.7",
            b"10.0.0.9,\xff,198.51.100.7",
            b"10.0.0.9, \t, 198.51.100.7",
        ] {
            let mut fields = HeaderMap::new();
            fields.insert("x-forwarded-for", HeaderValue::from_bytes(said).unwrap());
            let connection = Connection {
                peer: [10, 0, 0, 1].into(),
                untold: false,
                peer_text: address_text([10, 0, 0, 1].into()),
                tls: false,
                server_name: None,
                version2: false,
                shutdown: CancellationToken::new(),
            };
            let found = peer_of(&fields, &connection, &trusted).address;
            let visitor: std::net::IpAddr = [198, 51, 100, 7].into();
            assert_eq!(found, visitor, "{}", said.escape_ascii());
        }
    }

    /// What a function gives takes so many bytes.
    fn room<'a, T>(_: fn(&'a Gateway, Arrived<'a>) -> T) -> usize {
        size_of::<T>()
    }

    /// Every allowed request makes this memory, writes to it and gives it back, and an HTTP/2 connection has a hundred of
    /// them at once (A2). It was 8,792 bytes once, half of them copies of what one function had handed to the next.
    #[test]
    fn a_request_in_progress_takes_less_than_4_kib() {
        let room = room(Gateway::answer);
        assert!(room < 4096, "{room} bytes");
    }
}
