//! May this request pass? The one place that says yes.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, Method, header};
use smallvec::SmallVec;

use crate::capture::token::Bearer;
use crate::capture::{Capture, basic};
use crate::form::Form;
use crate::grant::Grant;
use crate::login::{self, Ambiguous};
use crate::name::Name;
use crate::request::{Checked, Framing};
use crate::route::{self, Asked, Class, Opening, Requirement, Route};
use crate::scope::Scope;
use crate::site::Site;
use crate::target::Target;

pub mod shadow;

use self::shadow::Would;

/// The grants behind one request: nearly always one, and moved along with it many times.
pub type Grants = SmallVec<[Grant; 1]>;

/// What is to be done with a request.
#[derive(Debug)]
pub enum Verdict<'s> {
    /// It goes on.
    Forward(Pass),
    /// A grant for this scope is missing.
    Ask(&'s Arc<Scope>),
    /// A preflight, answered by us; `true` if the asking origin is one of the site's (design section 2).
    Preflight(bool),
    /// A login page goes on, and its answer is looked at: it may be one that only the signed-in see.
    LoginPage(Pass, &'s Capture),
    /// A posted login goes on, and its answer waits for a code.
    Login(Pass, &'s Capture),
    /// It goes on because a scope is in shadow, and this would have been done otherwise.
    Shadow(Pass, Option<Would<'s>>),
    /// Nobody gets there.
    Refuse(Reason),
}

/// What a request says besides its head.
#[derive(Clone, Copy, Debug)]
pub struct Said<'r> {
    /// Its body as a form.
    pub form: &'r Form,
    /// The captures whose login it carries.
    pub logins: &'r [&'r Name],
    /// Where any server could find the password of a capture of this site.
    pub password: Mentioned,
    /// The token of its Authorization, where grants of this site are bound to tokens.
    pub bearer: Option<&'r Bearer>,
}

impl<'r> Said<'r> {
    /// The whole of a request, as routes look at it.
    fn of(&self, asked: &'r Checked) -> Asked<'r> {
        Asked {
            method: asked.method(),
            overriding: asked.overriding(),
            target: asked.target(),
            websocket: asked.websocket(),
            form: self.form,
            logins: self.logins,
        }
    }
}

/// Where a password is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mentioned {
    /// In no reading of the request.
    #[default]
    Nowhere,
    /// In the body.
    Body,
    /// In the query, where logs and histories keep it.
    Query,
}

impl Mentioned {
    /// Looks for every capture's password in the query and in `body`, as much as was read of it.
    pub fn find(site: &Site, asked: &Checked, body: &[u8]) -> Self {
        let places = || {
            let forms = site.captures.iter().filter_map(Capture::form);
            forms.map(|wanted| &wanted.password)
        };
        let query = asked.target().query();
        let hidden = || asked.target().hidden_queries();
        if places().any(|place| {
            query.is_some_and(|query| login::in_query(place, query))
                || hidden().any(|query| {
                    std::str::from_utf8(query).is_ok_and(|query| login::in_query(place, query))
                })
        }) {
            Self::Query
        } else if !body.is_empty() {
            let kind = asked.field(header::CONTENT_TYPE);
            if places().any(|place| login::in_body(place, kind, body)) {
                Self::Body
            } else {
                Self::Nowhere
            }
        } else {
            Self::Nowhere
        }
    }
}

/// Why nobody gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A route says so.
    Denied,
    /// Another site's page sent it.
    CrossOrigin,
    /// It carries a password where none belongs: another login than the one that is captured.
    Credentials,
    /// Two servers could read this login differently.
    Ambiguous(Ambiguous),
}

/// A password in an address is kept by logs and histories, and some servers read it before any body.
const MISPLACED: Ambiguous = Ambiguous("the password is in the query, or in a GET");

/// A condition of the capture's route holds for some servers only.
const DOUBTFUL: Ambiguous = Ambiguous("a condition of the capture does not match exactly once");

/// The permission to forward one request. Only [`decide`] makes one, and the upstream client takes it by value.
#[derive(Debug)]
pub struct Pass {
    way: Way,
    authorization: bool,
}

/// How a request goes on.
#[derive(Debug)]
pub enum Way {
    /// Without cookies and, but for the programs that the operator named, without Authorization; answered without
    /// Set-Cookie: the anonymous zone.
    Anonymous,
    /// As it is, with no grant behind it.
    Open,
    /// To the application's own login: with cookies and without Authorization, and its answer is kept back.
    Captured,
    /// Under these grants, the first scope's first. Never empty.
    Granted(Grants),
    /// As it is, because every scope that it needs is in shadow.
    Shadow,
}

impl Pass {
    /// How the request goes on.
    pub fn way(&self) -> &Way {
        &self.way
    }

    /// Whether an Authorization field goes on with it. Where forms are captured it would be a login beside them, which
    /// nothing binds to the subject of a grant, but for a token that the grant was earned with; where it is the captured
    /// login itself, its grant knows it.
    pub fn authorization(&self) -> bool {
        self.authorization
    }

    /// Takes the grants out, for as long as the answer runs.
    pub fn into_way(self) -> Way {
        self.way
    }
}

/// Decides by the site's routes, the request's own bytes and the grants it brought.
///
/// `held` are live, unrevoked grants of this site. Headers other than Origin, Sec-Fetch-Site, the upgrade and those that say
/// another method take no part (R5).
pub fn decide<'s>(site: &'s Site, asked: &Checked, said: Said<'_>, held: &[Grant]) -> Verdict<'s> {
    let strict = decide_in_force(site, asked, said, held);
    if site.casts_shadow() {
        shadow::lifted(site, asked, said, held, strict)
    } else {
        strict
    }
}

/// The same as if no scope were in shadow.
pub fn decide_in_force<'s>(
    site: &'s Site,
    asked: &Checked,
    said: Said<'_>,
    held: &[Grant],
) -> Verdict<'s> {
    let changes = || {
        asked.unsafe_method()
            || asked.websocket()
            // A GET that an application takes for a DELETE.
            || (route::could_say_another(asked)
                && asked.fields().contains_key(header::ORIGIN)
                && route::says_another(asked))
    };
    if changes() && !same_origin(site, asked.fields()) {
        return Verdict::Refuse(Reason::CrossOrigin);
    }
    let question = said.of(asked);
    let pass = |way, authorization| Verdict::Forward(Pass { way, authorization });
    let captures = !site.captures.is_empty();
    let basic = site.basic().is_some();
    let first = site.first_scope();
    // A password that goes anywhere but through its capture is another login, which nobody would hold back.
    let exposed = said.password != Mentioned::Nowhere;
    // Where logins are captured, Authorization is somebody's: it goes up only with the grant that was earned with it.
    let bearer =
        |grants: &[Grant]| !captures || said.bearer.is_some_and(|bearer| bearer.known(grants));
    let granted_pass = |grants: Grants| {
        if exposed {
            Verdict::Refuse(Reason::Credentials)
        } else {
            let bound = basic || bearer(&grants);
            pass(Way::Granted(grants), bound)
        }
    };
    let requirement = site.routes.judge(&question);
    if !said.logins.is_empty()
        && !matches!(requirement, Requirement::Open(Opening::Capture, _))
        && site.routes.is_doubtful_login(&question)
    {
        return Verdict::Refuse(Reason::Ambiguous(DOUBTFUL));
    }
    match requirement {
        Requirement::Deny(_) => Verdict::Refuse(Reason::Denied),
        Requirement::Open(Opening::PublicFull, _) if exposed && !held.is_empty() => {
            Verdict::Refuse(Reason::Credentials)
        }
        // Every live grant knows the Authorization that came with it: without one nothing vouches for it.
        Requirement::Open(Opening::PublicFull, _) if basic => pass(Way::Open, !held.is_empty()),
        Requirement::Open(Opening::PublicFull, _) => {
            pass(Way::Open, held.is_empty() || bearer(held))
        }
        Requirement::Open(Opening::LoginPage, _) if exposed => Verdict::Refuse(Reason::Credentials),
        Requirement::Open(Opening::LoginPage, _) => pass(Way::Open, !captures),
        Requirement::Open(Opening::Capture, _)
            if said.password == Mentioned::Query
                || (exposed && *asked.method() != Method::POST) =>
        {
            Verdict::Refuse(Reason::Ambiguous(MISPLACED))
        }
        Requirement::Open(Opening::Capture, route) => captured(site, asked, route, held),
        Requirement::Open(Opening::Public, _) => {
            match granted(site, held, std::iter::once(first.name.as_str())) {
                Ok(grants) => granted_pass(grants),
                Err(_)
                    if matches!(*asked.method(), Method::GET | Method::HEAD)
                        && !asked.websocket()
                        && !exposed
                        // There are servers that take what follows a GET for the next request.
                        && asked.framing() == Framing::Empty
                        && !route::says_another(asked) =>
                {
                    pass(Way::Anonymous, false)
                }
                Err(missing) => challenge(site, asked, missing),
            }
        }
        Requirement::Scopes(needed) => match granted(site, held, needed.scopes().map(Name::as_str))
        {
            Ok(grants) => granted_pass(grants),
            Err(missing) => challenge(site, asked, missing),
        },
    }
}

/// A GET, or a POST that carries a login, on a capture's route. Who has its grant sees the login page as any other.
fn captured<'s>(site: &'s Site, asked: &Checked, route: &Route, held: &[Grant]) -> Verdict<'s> {
    let capture = match &route.class {
        Class::Capture(name) => site.capture(name),
        _ => None,
    };
    // `config` resolved the name.
    let Some(capture) = capture else {
        return Verdict::Refuse(Reason::Denied);
    };
    let pass = Pass {
        way: Way::Captured,
        authorization: false,
    };
    if *asked.method() == Method::POST {
        return Verdict::Login(pass, capture);
    }
    match granted(site, held, std::iter::once(capture.scope.as_str())) {
        Ok(grants) => Verdict::Forward(Pass {
            way: Way::Granted(grants),
            authorization: false,
        }),
        // A page is asked for without a body: with one it is something else.
        Err(missing) if asked.framing() != Framing::Empty => challenge(site, asked, missing),
        Err(_) => Verdict::LoginPage(pass, capture),
    }
}

/// Whether the gateway itself may GET this page to find out how a login went: nothing that is denied, that another
/// scope guards, or that is the gateway's own (design section 3, step 6).
pub fn follow(site: &Site, capture: &Capture, target: &Target) -> Option<Pass> {
    if target.reaches("/.countersign") {
        return None;
    }
    let allowed = match site.routes.judge(&Asked {
        method: &Method::GET,
        overriding: None,
        target,
        websocket: false,
        form: &Form::Fields(Vec::new()),
        logins: &[],
    }) {
        Requirement::Deny(_) => false,
        Requirement::Open(..) => true,
        Requirement::Scopes(needed) => needed.scopes().all(|scope| *scope == capture.scope),
    };
    allowed.then_some(Pass {
        way: Way::Captured,
        authorization: false,
    })
}

/// Whether the gateway itself may GET the capture's probe with the Authorization that is asked about, and with nothing
/// else: where [`follow`] lets it.
pub fn probe(site: &Site, capture: &Capture, target: &Target) -> Option<Pass> {
    let pass = follow(site, capture, target).filter(|_| capture.is_basic())?;
    Some(Pass {
        authorization: true,
        ..pass
    })
}

/// Whether a program passes that cannot type a code: from an address and on a path that the operator named, with one
/// clean name and password for the application to judge, and where the capture's own code is all that is missing.
///
/// A browser says what it is up to (Fetch Metadata section 2), and sends a password by itself that it was given before,
/// whatever page asks it to: no browser is a program.
pub fn machine(site: &Site, asked: &Checked, from: IpAddr) -> Option<Pass> {
    let capture = site.basic()?;
    let mut machines = capture.machines.iter();
    let browses = ["sec-fetch-mode", "sec-fetch-site", "sec-fetch-dest"]
        .iter()
        .any(|name| asked.fields().contains_key(*name));
    if browses
        || asked.websocket()
        || !machines.any(|machines| machines.admit(asked.target(), from))
        || !matches!(basic::read(asked.fields()), Ok(Some(_)))
    {
        return None;
    }
    let requirement = site.routes.judge(&Asked {
        method: asked.method(),
        overriding: asked.overriding(),
        target: asked.target(),
        websocket: false,
        // A condition over the body holds on closing routes, since nobody knows what it says.
        form: &Form::Unreadable,
        logins: &[],
    });
    let Requirement::Scopes(needed) = requirement else {
        return None;
    };
    needed
        .scopes()
        .all(|scope| *scope == capture.scope)
        .then_some(Pass {
            way: Way::Anonymous,
            authorization: true,
        })
}

/// Whether the gateway itself may ask for what signs somebody out: anything but what is denied to everybody or our own.
/// Who asked for it has a session of the application and nothing else, and gets none of the answer but its cookies.
pub fn sign_out(site: &Site, target: &Target) -> Option<Pass> {
    let judged = site.routes.judge(&Asked {
        method: &Method::GET,
        overriding: None,
        target,
        websocket: false,
        form: &Form::Fields(Vec::new()),
        logins: &[],
    });
    let allowed = !target.reaches("/.countersign") && !matches!(judged, Requirement::Deny(_));
    // HTTP Basic has no session to end.
    (allowed && site.basic().is_none()).then_some(Pass {
        way: Way::Captured,
        authorization: false,
    })
}

/// Whether somebody without any grant may GET this page: there is no wall that would send them back.
pub fn open_to_strangers(site: &Site, target: &Target) -> bool {
    !target.reaches("/.countersign")
        && matches!(
            site.routes.judge(&Asked {
                method: &Method::GET,
                overriding: None,
                target,
                websocket: false,
                form: &Form::Fields(Vec::new()),
                logins: &[],
            }),
            Requirement::Open(..)
        )
}

/// Origin is the site's own or one that it trusts; `null` only from a page of the same origin; absent passes.
pub fn same_origin(site: &Site, fields: &HeaderMap) -> bool {
    let mut origins = fields.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) if origin == "null" => fields
            .get("sec-fetch-site")
            .is_some_and(|from| from == "same-origin"),
        (Some(origin), None) => site.trusts(origin),
        (Some(_), Some(_)) => false,
    }
}

fn challenge<'s>(site: &'s Site, asked: &Checked, missing: &'s Arc<Scope>) -> Verdict<'s> {
    if *asked.method() == Method::OPTIONS {
        let fields = asked.fields();
        let preflight = fields.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let named = fields
            .get(header::ORIGIN)
            .is_some_and(|origin| site.trusts(origin));
        return Verdict::Preflight(preflight && named);
    }
    Verdict::Ask(missing)
}

/// All the grants that are needed, of one subject; or the first scope that has none.
fn granted<'s, 'n>(
    site: &'s Site,
    held: &[Grant],
    needed: impl Iterator<Item = &'n str>,
) -> Result<Grants, &'s Arc<Scope>> {
    // A grant belongs to a subject, not to a browser: who holds the first scope decides whose the others must be.
    let first = site.first_scope();
    let person = held
        .iter()
        .find(|grant| grant.scope() == &first.name)
        .map(Grant::subject);
    let mut grants = Grants::new();
    for name in needed {
        let person = person.or_else(|| grants.first().map(Grant::subject));
        let fits = |grant: &&Grant| {
            grant.scope().as_str() == name && person.is_none_or(|person| grant.subject() == person)
        };
        match held.iter().find(fits) {
            Some(grant) => grants.push(grant.clone()),
            // A route can only name scopes of its site: `config` resolved them.
            None => return Err(site.scope(name).unwrap_or(first)),
        }
    }
    Ok(grants)
}

#[cfg(test)]
pub(crate) mod tests;
