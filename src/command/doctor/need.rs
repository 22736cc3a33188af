//! What a GET of a page needs, and which of two pages needs less.

use std::collections::BTreeSet;

use http::Method;

use crate::form::Form;
use crate::name::Name;
use crate::route::{Asked, Opening, Requirement, Route};
use crate::site::Site;
use crate::target::Target;

/// What a GET of a page needs: who needs less gets more.
#[derive(Clone, Debug)]
pub(super) enum Need<'s> {
    /// Nothing, and this route says so.
    Nothing(&'s Route),
    /// A grant for each of these.
    Scopes(BTreeSet<&'s str>),
    /// There is no way.
    Nowhere,
}

impl Need<'_> {
    /// Whether somebody who has not what `page` needs can have what this needs.
    pub(super) fn is_less_than(&self, page: &Self) -> bool {
        match (self, page) {
            (Need::Nowhere, _) | (_, Need::Nothing(_)) => false,
            (Need::Nothing(_), _) | (_, Need::Nowhere) => true,
            (Need::Scopes(own), Need::Scopes(page)) => !page.is_subset(own),
        }
    }

    /// In words, behind "needs".
    pub(super) fn words(&self) -> String {
        match self {
            Need::Nothing(route) => format!("nothing ({}   {})", route.class, route.place),
            Need::Scopes(scopes) => {
                let scopes: Vec<String> = scopes.iter().map(|name| format!("`{name}`")).collect();
                format!("scope {}", scopes.join(" and "))
            }
            Need::Nowhere => "more than anybody has".to_owned(),
        }
    }
}

/// What this address needs; what is refused whatever its route, and what is captured, is nowhere to be got.
pub(super) fn need<'s>(site: &'s Site, target: &str) -> Need<'s> {
    let Some(target) = parsed(target) else {
        return Need::Nowhere;
    };
    if target.reaches("/.countersign") {
        return Need::Nowhere;
    }
    let asked = Asked {
        method: &Method::GET,
        overriding: None,
        target: &target,
        websocket: false,
        form: &Form::Fields(Vec::new()),
        logins: &[],
    };
    match site.routes.judge(&asked) {
        // Its page is looked at before a stranger gets it.
        Requirement::Deny(_) | Requirement::Open(Opening::Capture, _) => Need::Nowhere,
        Requirement::Open(_, route) => Need::Nothing(route),
        Requirement::Scopes(needed) => Need::Scopes(needed.scopes().map(Name::as_str).collect()),
    }
}

/// The target, if anything could be asked for so.
pub(super) fn parsed(target: &str) -> Option<Target> {
    Target::parse(target.parse().ok()?).ok()
}
