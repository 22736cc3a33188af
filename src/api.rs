//! The HTTP API for applications that can be changed a little: send a code by message or voice, verify it.
//!
//! Its calls, fields, statuses and bodies are those of Bandwidth's two-factor service, so that Bandwidth's own SDKs can
//! call it. Read [`Api::answer`] from top to bottom: one request in, one response out. What it sends goes by the carriers
//! of `[delivery]`, under limits of its own; the codes are ours, and kept as keyed hashes until they are used.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::HeaderMap;
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::Incoming;
use ipnet::IpNet;

mod answer;
mod code;
mod login;
mod request;
mod route;

use self::answer::{Answer, RequestId};
use self::login::{Accounts, Denied};
use self::request::{Fault, Order, Question};
use self::route::{Call, Route};
use crate::carrier;
use crate::code::Reference;
use crate::event::api::Outcome;
use crate::event::{self, Event, What};
use crate::flow::Flow;
use crate::gateway::peer_of;
use crate::message::Channel;
use crate::moment::Moment;
use crate::name::Name;
use crate::observe;
use crate::peer::Peer;
use crate::phone::sender::Sender;
use crate::request::Checked;
use crate::secret::Secret;
use crate::server::{Connection, Service};
use crate::upstream::body::Upload;

/// `[api]`
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens: in clear text on loopback, elsewhere with the certificates of `[listen]`.
    pub listen: SocketAddr,
    /// Who may call. Not empty; no two have the same id or the same username.
    pub accounts: Vec<Account>,
}

/// `[api.accounts.ID]`
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id in the path of every call: 1 to 20 of `0-9A-Za-z_-`.
    pub id: String,
    /// `{NAME}` in its messages.
    pub name: String,
    /// What its callers log in as; with `OAuth2` the client's id.
    pub username: String,
    /// Its password; with `OAuth2` the client's secret.
    pub password: Secret,
}

impl Settings {
    /// Whether it speaks TLS.
    pub fn tls(&self) -> bool {
        speaks_tls(self.listen)
    }
}

/// Codes and passwords go over no network in clear text.
pub fn speaks_tls(listen: SocketAddr) -> bool {
    !listen.ip().to_canonical().is_loopback()
}

/// What answers calls: the API of the newest configuration. Cloning it gives another handle on the same one.
#[derive(Clone)]
pub struct Current(Arc<ArcSwap<Shared>>);

/// The API by one configuration. A call has one from its beginning to its end (A6).
#[derive(Clone)]
pub struct Api(Arc<Shared>);

struct Shared {
    flow: Arc<Flow>,
    accounts: Accounts,
    senders: Senders,
    trusted: Vec<IpNet>,
}

/// What the carriers of text messages and of calls send from.
#[derive(Clone, Debug, Default)]
pub struct Senders {
    sms: Vec<Sender>,
    voice: Vec<Sender>,
}

impl Senders {
    /// Of all carriers that `delivery` names for the channel. Those that make codes of their own carry none of the API's.
    pub fn of(carriers: &[carrier::Settings], delivery: &carrier::Delivery) -> Self {
        let listed = |names: &[Name]| {
            let named = carriers
                .iter()
                .filter(|own| names.contains(&own.name) && !own.kind.is_managed());
            named.flat_map(|own| own.from.iter().cloned()).collect()
        };
        Self {
            sms: listed(&delivery.sms),
            voice: listed(&delivery.voice),
        }
    }

    /// Whether a caller may ask for this one: any if no carrier of the channel lists its own.
    fn allow(&self, sender: &Sender, channel: Channel) -> bool {
        let listed = match channel {
            Channel::Voice => &self.voice,
            Channel::Sms | Channel::Email => &self.sms,
        };
        listed.is_empty() || listed.contains(sender)
    }
}

/// A body is at most so long: no call needs more than 4 KiB.
const LONGEST_BODY: usize = 64 * 1024;

/// How long a token is good (design section 8).
const TOKEN_LIFE: Duration = Duration::from_hours(1);

/// One call on its way.
struct Visit {
    id: RequestId,
    reference: Reference,
    peer: Peer,
    now: Moment,
}

impl Current {
    /// The first one.
    pub fn new(api: &Api) -> Self {
        Self(Arc::new(ArcSwap::new(Arc::clone(&api.0))))
    }

    /// From now on every call goes by this one.
    pub fn replace(&self, api: &Api) {
        self.0.store(Arc::clone(&api.0));
    }
}

impl Service for Current {
    type Body = Full<Bytes>;

    async fn call(
        &self,
        request: Request<Incoming>,
        connection: &Rc<Connection>,
    ) -> Response<Self::Body> {
        let api = Api(self.0.load_full());
        Box::pin(api.answer(request, connection)).await
    }
}

impl Api {
    /// Puts accounts and carriers together.
    pub fn new(
        flow: Arc<Flow>,
        accounts: Vec<Account>,
        senders: Senders,
        trusted: Vec<IpNet>,
    ) -> Self {
        Self(Arc::new(Shared {
            flow,
            accounts: Accounts::new(accounts),
            senders,
            trusted,
        }))
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        connection: &Connection,
    ) -> Response<Full<Bytes>> {
        let visit = Visit {
            id: RequestId::draw(),
            reference: Reference::draw(),
            peer: peer_of(request.headers(), connection, &self.0.trusted),
            now: self.0.flow.clock.now(),
        };
        let (parts, incoming) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let route = Route::find(&path);
        let checked = match crate::request::check(parts, incoming.is_end_stream()) {
            Ok(checked) => checked,
            Err(malformed) => {
                visit.tell(None, Outcome::Malformed { why: &malformed });
                let answer = match (&route, malformed) {
                    (None, _) => Answer::NotFound,
                    (Some(route), crate::request::Malformed::Method) => {
                        Answer::NotAllowed(route.methods())
                    }
                    (Some(_), malformed) => {
                        Answer::Malformed(malformed.status(), malformed.to_string())
                    }
                };
                return answer.response(&visit.id, true);
            }
        };
        // Read before anything is said: what is left of it could otherwise be taken for the next request (R7).
        let body = read(incoming).await;
        let closing = body.is_err() || checked.closing();
        let answer = match route {
            None => Answer::NotFound,
            Some(route) if !route.takes(checked.method()) => Answer::NotAllowed(route.methods()),
            Some(Route::OpenApi) => Answer::OpenApi,
            Some(Route::Token) => self.token(&visit, checked.fields(), body),
            Some(Route::Code { account, call }) => {
                self.code(&visit, account, call, &checked, body).await
            }
        };
        answer.response(&visit.id, closing)
    }

    /// A token for who shows an account's credentials (RFC 6749 section 4.4).
    fn token(&self, visit: &Visit, fields: &HeaderMap, body: Result<Bytes, Fault>) -> Answer {
        let flow = &self.0.flow;
        let body = body.map_err(|fault| Fault {
            text: "invalid_request".to_owned(),
            ..fault
        });
        let grant = body.and_then(|body| login::Grant::read(fields, &body));
        let grant = match grant {
            Ok(grant) => grant,
            Err(fault) => {
                visit.tell(None, Outcome::Malformed { why: &fault.why });
                return Answer::BadGrant(fault.text);
            }
        };
        let (peer, now) = (visit.peer, visit.now);
        let login = self
            .0
            .accounts
            .by_password(&grant.shown, peer, now, &flow.store.logins);
        match login {
            Ok(known) => {
                let until = now.later(TOKEN_LIFE);
                let token = flow
                    .ring
                    .token_of(&known.account.id, &known.credentials, until);
                visit.tell(Some(&known.account.id), Outcome::TokenIssued);
                Answer::Token {
                    token,
                    life: TOKEN_LIFE,
                }
            }
            Err(denied) => {
                visit.tell(None, Outcome::LoginFailed { why: denied.why() });
                match denied {
                    Denied::TooMany => Answer::too_many_logins(),
                    Denied::Because(_) => Answer::BadClient,
                }
            }
        }
    }

    /// One of the three calls about a code.
    async fn code(
        &self,
        visit: &Visit,
        id: &str,
        call: Call,
        checked: &Checked,
        body: Result<Bytes, Fault>,
    ) -> Answer {
        let account = match self.login(visit, id, checked.fields()) {
            Ok(account) => account,
            Err(answer) => return answer,
        };
        let refused = |fault: Fault| {
            visit.tell(Some(id), Outcome::Malformed { why: &fault.why });
            Answer::BadRequest(fault.text)
        };
        match call {
            Call::Messaging | Call::Voice => {
                let channel = call.channel();
                let order = body.and_then(|body| Order::read(&body, channel));
                let order = order.and_then(|order| self.allowed(order, channel));
                match order {
                    Ok(order) => self.send(visit, account, channel, order).await,
                    Err(fault) => refused(fault),
                }
            }
            Call::Verify => match body.and_then(|body| Question::read(&body)) {
                Ok(question) => self.verify(visit, account, &question),
                Err(fault) => refused(fault),
            },
        }
    }

    /// The account that the path names, if the caller may act for it.
    fn login(&self, visit: &Visit, id: &str, fields: &HeaderMap) -> Result<&Account, Answer> {
        let Shared { flow, accounts, .. } = &*self.0;
        let login = accounts.by_field(
            fields,
            visit.peer,
            visit.now,
            &flow.ring,
            &flow.store.logins,
        );
        let (why, answer) = match login {
            Ok(known) if known.account.id == id => return Ok(&known.account),
            Ok(_) => ("a login of another account", Answer::Forbidden),
            Err(denied @ Denied::TooMany) => (denied.why(), Answer::too_many_logins()),
            Err(denied @ Denied::Because(_)) => (denied.why(), Answer::Unauthorized),
        };
        visit.tell(None, Outcome::LoginFailed { why });
        Err(answer)
    }

    fn allowed(&self, order: Order, channel: Channel) -> Result<Order, Fault> {
        if self.0.senders.allow(&order.from, channel) {
            Ok(order)
        } else {
            Err(Fault::said(
                "from number is not one that this gateway sends from",
            ))
        }
    }
}

impl Visit {
    fn tell(&self, account: Option<&str>, outcome: Outcome<'_>) {
        observe::record(&Event {
            reference: self.reference,
            site: None,
            what: What::Api(event::api::Call {
                request: self.id.as_str(),
                account,
                from: self.peer.address,
                outcome,
            }),
        });
    }
}

/// The whole body.
async fn read(incoming: Incoming) -> Result<Bytes, Fault> {
    if incoming.is_end_stream() {
        return Ok(Bytes::new());
    }
    let mut upload = Upload::stream(Bytes::new(), incoming);
    match upload.peek(LONGEST_BODY).await {
        Ok(read) if read.whole => Ok(read.bytes),
        Ok(_) => Err(Fault::said("request body is longer than 64 KiB")),
        Err(_) => Err(Fault::said("request body is not whole")),
    }
}
