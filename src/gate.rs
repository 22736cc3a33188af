//! May this request pass? The one place that says yes.

use std::sync::Arc;

use http::{HeaderMap, Method, header};
use smallvec::SmallVec;

use crate::form::Form;
use crate::grant::Grant;
use crate::request::Checked;
use crate::route::{Asked, Opening, Requirement};
use crate::scope::Scope;
use crate::site::Site;

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
    /// Nobody gets there.
    Refuse(Reason),
}

/// Why nobody gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A route says so.
    Denied,
    /// Another site's page sent it.
    CrossOrigin,
}

/// The permission to forward one request. Only [`decide`] makes one, and the upstream client takes it by value.
#[derive(Debug)]
pub struct Pass {
    way: Way,
}

/// How a request goes on.
#[derive(Debug)]
pub enum Way {
    /// Without Cookie and Authorization, and answered without Set-Cookie: the anonymous zone.
    Anonymous,
    /// As it is, with no grant behind it.
    Open,
    /// Under these grants, the first scope's first. Never empty.
    Granted(Grants),
}

impl Pass {
    /// How the request goes on.
    pub fn way(&self) -> &Way {
        &self.way
    }

    /// Takes the grants out, for as long as the answer runs.
    pub fn into_way(self) -> Way {
        self.way
    }
}

/// Decides by the site's routes, the request's own bytes and the grants it brought.
///
/// `held` are live, unrevoked grants of this site. Headers other than Origin, Sec-Fetch-Site and the upgrade take
/// no part (R5).
pub fn decide<'s>(site: &'s Site, asked: &Checked, form: &Form, held: &[Grant]) -> Verdict<'s> {
    if (asked.unsafe_method() || asked.websocket()) && !same_origin(site, asked.fields()) {
        return Verdict::Refuse(Reason::CrossOrigin);
    }
    let question = Asked {
        method: asked.method(),
        target: asked.target(),
        websocket: asked.websocket(),
        form,
        logins: &[],
    };
    let pass = |way| Verdict::Forward(Pass { way });
    let first = site.first_scope();
    match site.routes.judge(&question) {
        Requirement::Deny(_) => Verdict::Refuse(Reason::Denied),
        Requirement::Open(Opening::PublicFull | Opening::LoginPage | Opening::Capture, _) => {
            pass(Way::Open)
        }
        Requirement::Open(Opening::Public, _) => {
            match granted(site, held, std::iter::once(first.name.as_str())) {
                Ok(grants) => pass(Way::Granted(grants)),
                Err(_)
                    if matches!(*asked.method(), Method::GET | Method::HEAD)
                        && !asked.websocket() =>
                {
                    pass(Way::Anonymous)
                }
                Err(missing) => challenge(site, asked, missing),
            }
        }
        Requirement::Scopes(needed) => {
            match granted(site, held, needed.scopes().map(super::name::Name::as_str)) {
                Ok(grants) => pass(Way::Granted(grants)),
                Err(missing) => challenge(site, asked, missing),
            }
        }
    }
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
