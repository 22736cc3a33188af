//! A page that only a signed-in person gets, and the cookies that open it.

use std::collections::BTreeSet;

use http::uri::PathAndQuery;

use super::compare::{asks_again, is_session_like};
use super::failure::Failure;
use super::leave;
use super::visit::{Attempt, Door, Way};
use super::words::{is_token, rank};
use crate::capture::judge::Leads;
use crate::scout::browser::{Browser, Met};
use crate::scout::client::Silence;
use crate::scout::jar::Jar;
use crate::scout::page::Page;
use crate::target::Target;

/// A page that only a signed-in person gets.
#[derive(Clone, Debug)]
pub(super) struct Private {
    /// Where it is.
    pub(super) at: Target,
    /// Whether it has no password field of any kind, so that the gateway can judge by it.
    pub(super) judges: bool,
    /// Whether strangers get it, too, but without a way to sign out.
    pub(super) shared: bool,
    /// What it says.
    pub(super) page: Page,
}

/// Pages that many applications have; tried last.
const USUAL: [&str; 14] = [
    "/",
    "/home",
    "/profile",
    "/account",
    "/accounts/profile/",
    "/settings",
    "/dashboard",
    "/user",
    "/me",
    "/private",
    "/users/me",
    "/app",
    "/index.php",
    "/admin/",
];

/// How many pages are looked at before it is given up.
const MOST: usize = 30;

/// Finds one. `field` is the password's field of the login form; `known` are pages that are private in applications which
/// look like this one.
pub(super) async fn find(
    door: &Door,
    right: &Attempt<'_>,
    wrong: &Attempt<'_>,
    field: &str,
    named: Option<&Target>,
    known: &[Target],
) -> Result<Option<Private>, Failure> {
    if let Some(named) = named {
        let told = |why| Failure::Probe(named.raw().to_owned(), why);
        return match try_one(named, right, wrong, field).await? {
            Tried::Private(private) if private.judges => Ok(Some(*private)),
            Tried::Private(private) if !private.shared => Err(told("it has a password field")),
            Tried::Private(_) | Tried::Open => Err(told("anybody gets it")),
            Tried::Closed => Err(told("this person does not get it")),
        };
    }
    let mut second: Option<Private> = None;
    for candidate in candidates(door, right, known).into_iter().take(MOST) {
        // A page that breaks off or does not end is no judge.
        let Ok(Tried::Private(private)) = try_one(&candidate, right, wrong, field).await else {
            continue;
        };
        if private.judges {
            return Ok(Some(*private));
        }
        if second
            .as_ref()
            .is_none_or(|second| second.shared && !private.shared)
        {
            second = Some(*private);
        }
    }
    Ok(second)
}

enum Tried {
    Private(Box<Private>),
    Open,
    Closed,
}

async fn try_one(
    at: &Target,
    right: &Attempt<'_>,
    wrong: &Attempt<'_>,
    field: &str,
) -> Result<Tried, Silence> {
    let met = right.browser.clone().get(at).await?;
    if !opens(&met, field) {
        return Ok(Tried::Closed);
    }
    let page = Page::read(&met.answer.text());
    let mut shared = false;
    for mut stranger in [right.browser.fresh(), wrong.browser.clone()] {
        let theirs = stranger.get(at).await?;
        shared |= opens(&theirs, field) || theirs.opens();
        // Many pages are everybody's, and say by a way out who is in.
        if shared && (signs_out(&theirs) || leave::ways(&page).is_empty()) {
            return Ok(Tried::Open);
        }
    }
    Ok(Tried::Private(Box::new(Private {
        at: at.clone(),
        judges: met.opens() && !shared,
        shared,
        page,
    })))
}

/// Whether somebody is signed in, as a private page shows it. `shared` is that of the page.
pub(super) fn is_in(met: &Met, field: &str, shared: bool) -> bool {
    opens(met, field) && (!shared || signs_out(met))
}

fn signs_out(met: &Met) -> bool {
    !leave::ways(&Page::read(&met.answer.text())).is_empty()
}

/// Whether somebody gets a page, and not the login in its place.
pub(super) fn opens(met: &Met, field: &str) -> bool {
    met.answer.status.is_success() && !asks_again(met, field)
}

/// Where to look: where the login led, what is linked there, what applications like this one have, and what many have.
fn candidates(door: &Door, right: &Attempt<'_>, known: &[Target]) -> Vec<Target> {
    let mut found: Vec<(u8, Target)> = Vec::new();
    if let Some(landed) = &right.landed {
        found.push((0, landed.at.clone()));
        found.extend(known.iter().map(|target| (1, target.clone())));
        let page = Page::read(&landed.answer.text());
        for link in &page.links {
            let Some(rank) = rank(&link.href, &link.text) else {
                continue;
            };
            if let Leads::Here(target) = page.leads(&landed.at, right.browser.origin(), &link.href)
            {
                found.push((2 + rank, target));
            }
        }
    }
    for usual in USUAL {
        let target = PathAndQuery::from_static(usual);
        found.extend(Target::parse(target).ok().map(|target| (5, target)));
    }
    found.sort_by_key(|(rank, _)| *rank);
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for (_, target) in found {
        // What shows the form to strangers is on a route of its own.
        let action = match &door.way {
            Way::Form(_, action) => Some(action),
            Way::Basic => None,
        };
        let is_login = std::iter::once(&door.at).chain(action).any(|page| {
            let theirs = pairs(page);
            page.path() == target.path()
                && (theirs.is_empty() == target.query().is_none())
                && pairs(&target).iter().all(|pair| theirs.contains(pair))
        });
        if !is_login && is_stable(&target) && seen.insert(target.raw().to_owned()) {
            kept.push(target);
        }
    }
    kept
}

fn pairs(target: &Target) -> Vec<(String, String)> {
    form_urlencoded::parse(target.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect()
}

/// Whether an address will mean the same tomorrow, and can stand in the configuration.
fn is_stable(target: &Target) -> bool {
    !target.path().contains(['*', '{', '}', ';'])
        && super::words::hex_run(target.path()).is_none()
        && !pairs(target)
            .iter()
            .any(|(name, value)| is_token(name, value))
}

/// The names of the cookies that make the session: those without which the page closes, and those that the login brought and
/// that look like nothing else.
pub(super) async fn session(
    right: &Attempt<'_>,
    private: Option<&Private>,
    field: &str,
) -> Result<Vec<Vec<u8>>, Silence> {
    let jar = &right.browser.jar;
    let mut names: Vec<&[u8]> = jar.kept().iter().map(|kept| kept.name.as_slice()).collect();
    names.dedup();
    let mut session = Vec::new();
    if let Some(private) = private {
        let get = async |jar: Jar| -> Result<bool, Silence> {
            let mut browser: Browser<'_> = right.browser.fresh();
            browser.jar = jar;
            let met = browser.get(&private.at).await?;
            Ok(is_in(&met, field, private.shared))
        };
        for name in names.iter().take(MOST_COOKIES) {
            if !get(jar.only(|other| other != *name)).await? {
                session.push(name.to_vec());
            }
        }
        // Where each of two keeps somebody in, leaving out one closes nothing.
        if session.is_empty() {
            for name in names.iter().take(MOST_COOKIES) {
                if get(jar.only(|other| other == *name)).await? {
                    session.push(name.to_vec());
                }
            }
        }
    }
    for kept in right.fresh().filter(|kept| is_session_like(kept)) {
        if !session.contains(&kept.name) {
            session.push(kept.name.clone());
        }
    }
    // More than these a grant does not know.
    session.truncate(crate::grant::prints::MOST);
    Ok(session)
}

/// How many cookies are left out in turn; nobody's session hangs on the seventeenth.
const MOST_COOKIES: usize = 16;
