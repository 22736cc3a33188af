//! One route held against a request.

use http::Method;

use crate::target::{Seen, without_session};

use super::condition::Condition;
use super::glob::Cover;
use super::overriding::Overriding;
use super::{Asked, Class, Route};

/// A route with its conditions made ready.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) route: Route,
    query: Vec<Condition>,
    pub(super) form: Vec<Condition>,
    overriding: Option<Overriding>,
}

/// What to think of a form condition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Forms {
    Judged,
    /// As if it held: to find out whether the body must be read.
    Assumed,
}

/// Why a route does not match; [`Why`](super::Why) without the copies, since nobody asks on the way to a verdict.
pub(super) enum Miss<'e> {
    Path,
    Method,
    /// It says another method beside its own, or the body may.
    Overridden,
    WebSocket(bool),
    Reading(&'e [u8]),
    Query(&'e str),
    Form(&'e str),
    /// A capture's route, and a POST that carries no login of it.
    Login,
}

impl Entry {
    pub(super) fn new(route: Route) -> Self {
        let ready = |fields: &[(String, String)]| {
            fields
                .iter()
                .map(|(name, value)| Condition::new(name, value))
                .collect()
        };
        Self {
            query: ready(&route.query),
            form: ready(&route.form),
            overriding: Overriding::new(&route.methods),
            route,
        }
    }

    /// Why this opening route does not open, if it does not.
    pub(super) fn why_not_open<'e>(&'e self, asked: &Asked<'e>, forms: Forms) -> Option<Miss<'e>> {
        let paths = &self.route.paths;
        // To a first visitor Java servers write the session into the address of the login form.
        let plain = |path: &'e [u8]| match self.route.class {
            Class::Capture(_) => without_session(path),
            _ => path,
        };
        let is_on = |reading: &Seen<'e>| {
            let reading = plain(reading.exact);
            paths.iter().any(|path| path.opens_reading(reading))
        };
        let is_method = |wanted: &Method| wanted == asked.method;
        let first = plain(asked.target.first().exact);
        let form_holds =
            |form: &Condition| forms == Forms::Assumed || form.holds_in_form(asked.form);
        self.why_not_method(asked, is_method)
            .or_else(|| self.why_not_said(asked))
            .or_else(|| self.why_not_captured(asked, forms))
            .or_else(|| (!paths.iter().any(|path| path.opens(first))).then_some(Miss::Path))
            .or_else(|| {
                let other = asked
                    .target
                    .each()
                    .find(|reading| reading.counts && !is_on(reading));
                other.map(|other| Miss::Reading(other.exact))
            })
            .or_else(|| self.why_not_fields(|query| query.holds_in_query(asked.target), form_holds))
    }

    /// Whoever reads a method that is said beside the own one must be on this opening route as well.
    fn why_not_said(&self, asked: &Asked<'_>) -> Option<Miss<'_>> {
        let overriding = self.overriding.as_ref()?;
        (!overriding.in_head(asked).all).then_some(Miss::Overridden)
    }

    /// A capture admits two things: the login page by GET or HEAD, and a POST that carries its login.
    fn why_not_captured(&self, asked: &Asked<'_>, forms: Forms) -> Option<Miss<'_>> {
        let Class::Capture(name) = &self.route.class else {
            return None;
        };
        if asked.websocket {
            return Some(Miss::WebSocket(false));
        }
        match *asked.method {
            Method::GET | Method::HEAD => None,
            Method::POST => {
                let carried = forms == Forms::Assumed || asked.logins.contains(&name);
                (!carried).then_some(Miss::Login)
            }
            _ => Some(Miss::Method),
        }
    }

    /// Whether this route's conditions might hold for some server, however they are read.
    pub(super) fn may_hold(&self, asked: &Asked<'_>) -> bool {
        self.why_not_fields(
            |query| query.may_hold_in_query(asked.target),
            |form| form.may_hold_in_form(asked.form),
        )
        .is_none()
    }

    pub(super) fn covers(&self, reading: Seen<'_>) -> Cover {
        let paths = &self.route.paths;
        let cover = paths
            .iter()
            .map(|path| path.covers(reading.folded))
            .max()
            .unwrap_or(Cover::No);
        let is_short = || {
            has_short_name(reading.folded)
                && paths
                    .iter()
                    .any(|path| path.covers_short_names(reading.folded))
        };
        if cover == Cover::No && is_short() {
            Cover::Partly
        } else {
            cover
        }
    }

    /// Why this closing route does not close a path that it covers, if it does not.
    pub(super) fn why_not_closed<'e>(
        &'e self,
        asked: &Asked<'e>,
        forms: Forms,
    ) -> Option<Miss<'e>> {
        if self.closes_method(asked, forms) == Cover::No {
            return Some(Miss::Method);
        }
        let form_holds =
            |form: &Condition| forms == Forms::Assumed || form.may_hold_in_form(asked.form);
        self.why_not_websocket(asked).or_else(|| {
            self.why_not_fields(|query| query.may_hold_in_query(asked.target), form_holds)
        })
    }

    /// Whether this closing route closes the request's method. It does so in part where that is a method that some server
    /// reads and others do not: then the routes behind it have their say, too.
    pub(super) fn closes_method(&self, asked: &Asked<'_>, forms: Forms) -> Cover {
        let Some(overriding) = &self.overriding else {
            return Cover::Whole;
        };
        let method = asked.method.as_str();
        let own = self.route.methods.iter().any(|wanted| {
            wanted.as_str().eq_ignore_ascii_case(method)
                || (*wanted == Method::GET && method.eq_ignore_ascii_case("HEAD"))
        });
        let said = overriding.anywhere(asked, forms == Forms::Assumed);
        match (own, said.may, said.all) {
            (true, _, true) => Cover::Whole,
            (false, false, _) => Cover::No,
            _ => Cover::Partly,
        }
    }

    /// Whether the body of such a request has a say on this route, if it closes.
    pub(super) fn reads_form(&self, method: &Method) -> bool {
        !self.form.is_empty() || (self.overriding.is_some() && *method == Method::POST)
    }

    fn why_not_method(&self, asked: &Asked<'_>, is: impl Fn(&Method) -> bool) -> Option<Miss<'_>> {
        let methods = &self.route.methods;
        if !methods.is_empty() && !methods.iter().any(is) {
            return Some(Miss::Method);
        }
        self.why_not_websocket(asked)
    }

    fn why_not_websocket(&self, asked: &Asked<'_>) -> Option<Miss<'_>> {
        let websocket = self
            .route
            .websocket
            .filter(|wanted| *wanted != asked.websocket);
        websocket.map(Miss::WebSocket)
    }

    fn why_not_fields(
        &self,
        in_query: impl Fn(&Condition) -> bool,
        in_form: impl Fn(&Condition) -> bool,
    ) -> Option<Miss<'_>> {
        let query = self.query.iter().find(|query| !in_query(query));
        let form = || self.form.iter().find(|form| !in_form(form));
        query
            .map(|query| Miss::Query(query.name()))
            .or_else(|| form().map(|form| Miss::Form(form.name())))
    }
}

/// True if some segment has a tilde and a digit behind its first byte.
pub(super) fn has_short_name(path: &[u8]) -> bool {
    path.windows(3)
        .any(|three| three[0] != b'/' && three[1] == b'~' && three[2].is_ascii_digit())
}
