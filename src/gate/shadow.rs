//! What becomes of a verdict where a scope is in shadow: the request goes on as if nobody stood there, and what would
//! have been done is only said.
//!
//! The verdict itself is made as ever, and then lifted as far as scopes in shadow have brought it about. What is not a
//! scope's stays: `deny`, foreign origins, and every scope that is in force.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{Grants, Mentioned, Pass, Reason, Said, Verdict, Way, challenge, granted};
use crate::capture::Capture;
use crate::grant::Grant;
use crate::name::Name;
use crate::request::Checked;
use crate::route::{Asked, Class, Need, Opening, Requirement, Route};
use crate::scope::Scope;
use crate::site::Site;

/// What would have been done, were no scope in shadow.
#[derive(Clone, Copy, Debug)]
pub enum Would<'s> {
    /// Somebody would be asked for this scope, because this route says so, or none names the path.
    Ask(&'s Arc<Scope>, Option<&'s Route>),
    /// Nobody would get there.
    Refuse(Reason),
    /// The answer to this login would wait for a code.
    Hold(&'s Capture),
    /// The login page would be looked at.
    LookAt(&'s Capture),
}

impl<'s> Would<'s> {
    /// The capture whose login it is.
    pub fn login(self) -> Option<&'s Capture> {
        match self {
            Self::Hold(capture) => Some(capture),
            Self::Ask(..) | Self::Refuse(_) | Self::LookAt(_) => None,
        }
    }
}

/// Whether nothing stands behind this request that a scope in force would have to protect: then passwords,
/// Authorization and logins that can be read in two ways are the application's own matter.
///
/// A live grant of a scope in force must not come to serve another person's session, and no login of a capture in force
/// may get past it.
pub fn is_free(site: &Site, held: &[Grant]) -> bool {
    site.watches() && held.iter().all(|grant| site.is_shadow(grant.scope()))
}

/// `strict` as far as scopes in force want it.
pub(super) fn lifted<'s>(
    site: &'s Site,
    asked: &Checked,
    said: Said<'_>,
    held: &[Grant],
    strict: Verdict<'s>,
) -> Verdict<'s> {
    let free = is_free(site, held);
    let through = |would| {
        let pass = Pass {
            way: Way::Shadow,
            authorization: free || site.captures.is_empty() || site.basic().is_some(),
        };
        Verdict::Shadow(pass, would)
    };
    match strict {
        Verdict::Refuse(reason @ (Reason::Credentials | Reason::Ambiguous(_))) if free => {
            return through(Some(Would::Refuse(reason)));
        }
        Verdict::LoginPage(_, capture) if site.is_shadow(&capture.scope) => {
            return through(Some(Would::LookAt(capture)));
        }
        Verdict::Login(pass, capture) if site.is_shadow(&capture.scope) => {
            let pass = Pass {
                authorization: free,
                ..pass
            };
            return Verdict::Shadow(pass, Some(Would::Hold(capture)));
        }
        Verdict::Refuse(_) | Verdict::LoginPage(..) | Verdict::Login(..) | Verdict::Shadow(..) => {
            return strict;
        }
        Verdict::Forward(_) | Verdict::Ask(_) | Verdict::Preflight(_) => {}
    }
    let needed = match needed(site, &said.of(asked)) {
        Some(needed) => needed,
        // The route is open to all; where nothing is in force, the rest of the house is, too.
        None if free => return through(None),
        None => return strict,
    };
    if !needed.iter().any(|need| site.is_shadow(need.scope)) {
        return strict;
    }
    let grants = match in_force(site, held, &needed) {
        Ok(grants) => grants,
        Err(missing) => return challenge(site, asked, missing),
    };
    if said.password != Mentioned::Nowhere && !free {
        return Verdict::Refuse(Reason::Credentials);
    }
    let would = match &strict {
        Verdict::Ask(scope) => {
            let need = needed.iter().find(|need| *need.scope == scope.name);
            Some(Would::Ask(scope, need.and_then(|need| need.route)))
        }
        _ => None,
    };
    if grants.is_empty() {
        return through(would);
    }
    let bound = site.captures.is_empty()
        || site.basic().is_some()
        || said.bearer.is_some_and(|bearer| bearer.known(&grants));
    let pass = Pass {
        way: Way::Granted(grants),
        authorization: bound,
    };
    Verdict::Shadow(pass, would)
}

/// The scopes that a request needs; `None` where it needs none.
fn needed<'s>(site: &'s Site, question: &Asked<'_>) -> Option<SmallVec<[Need<'s>; 2]>> {
    let one = |scope: &'s Name, route| SmallVec::from_iter([Need { scope, route }]);
    match site.routes.judge(question) {
        Requirement::Scopes(needed) => Some(needed.iter().collect()),
        Requirement::Open(Opening::Public, route) => {
            Some(one(&site.first_scope().name, Some(route)))
        }
        Requirement::Open(Opening::Capture, route) => match &route.class {
            Class::Capture(name) => Some(one(&site.capture(name)?.scope, Some(route))),
            _ => None,
        },
        Requirement::Open(Opening::PublicFull | Opening::LoginPage, _) | Requirement::Deny(_) => {
            None
        }
    }
}

/// The grants of the scopes among these that are in force; or the first that has none.
///
/// A scope that strangers come to by the first one's login adds to the first scope: without it the first would guard
/// its routes, and so it does in its shadow.
fn in_force<'s>(
    site: &'s Site,
    held: &[Grant],
    needed: &[Need<'s>],
) -> Result<Grants, &'s Arc<Scope>> {
    let first = &site.first_scope().name;
    let mut rest: SmallVec<[&Name; 2]> = needed
        .iter()
        .map(|need| need.scope)
        .filter(|scope| !site.is_shadow(scope))
        .collect();
    let own_login = needed
        .iter()
        .any(|need| site.capture_for(need.scope).is_some());
    if rest.is_empty() && !site.is_shadow(first) && !own_login {
        rest.push(first);
    }
    granted(site, held, rest.iter().map(|scope| scope.as_str()))
}

#[cfg(test)]
mod tests;
