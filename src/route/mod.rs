//! Which route a request is on, and so what it needs.
//!
//! Closing routes (a scope, deny) take whatever any upstream might read as theirs; opening routes only what every upstream
//! reads as theirs. What no route names needs the site's first scope.

use http::{HeaderMap, Method};
use smallvec::SmallVec;

use crate::form::Form;
use crate::name::Name;
use crate::target::{Seen, Target};

mod condition;
mod entry;
mod explain;
mod glob;
mod index;
mod logout;
mod machines;
mod overriding;
mod pattern;

pub use explain::{Explanation, Outcome, Step, Why};
pub use logout::{BadLogout, Logout};
pub use machines::Machines;
pub use overriding::{could_say_another, says_another};
pub use pattern::{BadPattern, Pattern};

use entry::{Entry, Forms, Miss, has_short_name};
use glob::Cover;
use index::{Candidates, Index};

/// Who may reach a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nobody.
    Deny,
    /// Anyone, without cookies, by GET and HEAD.
    Public,
    /// Anyone, as it is.
    PublicFull,
    /// Anyone; a page that must work before login.
    LoginPage,
    /// Anyone, for two things only: the login page by GET or HEAD, and a POST that carries this capture's login.
    Capture(Name),
    /// Whoever has a grant for this scope.
    Scope(Name),
}

/// One entry of a site's list.
#[derive(Clone, Debug)]
pub struct Route {
    /// Any of these.
    pub paths: Vec<Pattern>,
    /// Any of these; empty: every method. On closing routes GET stands for HEAD too, and letter case does not matter.
    /// Methods that a request says beside its own, as by `X-HTTP-Method-Override`, count as well: see [`Asked`].
    pub methods: Vec<Method>,
    /// All of these: name and value, which may be a glob.
    pub query: Vec<(String, String)>,
    /// All of these: name and value, which may be a glob.
    pub form: Vec<(String, String)>,
    /// Only (true) or never (false) for WebSocket upgrades.
    pub websocket: Option<bool>,
    /// Who may.
    pub class: Class,
    /// Where it stands, `file:line`, for `explain` and the log.
    pub place: String,
}

/// What is known of a request when its route is looked up. Headers are no part of it (R5), but for those that say another
/// method to the application: a closing route takes either method for its own, an opening one wants both.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'r> {
    /// The method as received.
    pub method: &'r Method,
    /// The fields, if one of them says another method; see [`is_overriding`](crate::request::fields::is_overriding).
    pub overriding: Option<&'r HeaderMap>,
    /// The target as received.
    pub target: &'r Target,
    /// True for a valid WebSocket upgrade.
    pub websocket: bool,
    /// What the body says; [`Form::Unread`] will do if [`Table::wants_form`] says no.
    pub form: &'r Form,
    /// The captures whose login the body carries, by name.
    pub logins: &'r [&'r Name],
}

/// What a request needs before it may go on.
#[derive(Clone, Debug)]
pub enum Requirement<'t> {
    /// Nothing helps; this route says so.
    Deny(&'t Route),
    /// Nothing is needed; this route says so.
    Open(Opening, &'t Route),
    /// A grant for each of these scopes.
    Scopes(Needed<'t>),
}

/// How a route is open; see [`Class`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// The anonymous zone.
    Public,
    /// As it is.
    PublicFull,
    /// A page that must work before login.
    LoginPage,
    /// The application's own login; which capture, the route says.
    Capture,
}

/// One or more scopes, each once; the site's first scope leads, then the order of routes.
#[derive(Clone, Debug)]
pub struct Needed<'t> {
    first: Need<'t>,
    more: Vec<Need<'t>>,
}

/// A scope, and who asks for it.
#[derive(Clone, Copy, Debug)]
pub struct Need<'t> {
    /// The scope's name.
    pub scope: &'t Name,
    /// The route that asks; none where no route names the path.
    pub route: Option<&'t Route>,
}

impl<'t> Needed<'t> {
    fn only(scope: &'t Name, route: Option<&'t Route>) -> Self {
        Self {
            first: Need { scope, route },
            more: Vec::new(),
        }
    }

    /// The scope to ask for first.
    #[must_use]
    pub fn first(&self) -> Need<'t> {
        self.first
    }

    /// All of them, at least one.
    pub fn iter(&self) -> impl Iterator<Item = Need<'t>> {
        std::iter::once(self.first).chain(self.more.iter().copied())
    }

    /// Their names.
    pub fn scopes(&self) -> impl Iterator<Item = &'t Name> {
        self.iter().map(|need| need.scope)
    }
}

/// A site's routes.
#[derive(Debug)]
pub struct Table {
    entries: Vec<Entry>,
    first_scope: Name,
    closing: Index,
    opening: Index,
    reads_forms: bool,
}

/// That a reading is closed: by the route at a place in the list, or because no route names it.
#[derive(Clone, Copy)]
struct Closed<'r> {
    by: Option<usize>,
    reading: Seen<'r>,
}

impl Table {
    /// The routes in the order they are tried, and the scope that guards what none of them names.
    #[must_use]
    pub fn new(routes: Vec<Route>, first_scope: Name) -> Self {
        let mut table = Self {
            reads_forms: routes.iter().any(|route| {
                !route.form.is_empty()
                    || (route.class.opening().is_none() && !route.methods.is_empty())
            }),
            entries: Vec::with_capacity(routes.len()),
            first_scope,
            closing: Index::default(),
            opening: Index::default(),
        };
        for (at, route) in routes.into_iter().enumerate() {
            if route.class.opening().is_some() {
                table
                    .opening
                    .add(at, route.paths.iter().flat_map(Pattern::asked));
            } else {
                table
                    .closing
                    .add(at, route.paths.iter().flat_map(Pattern::closing));
            }
            table.entries.push(Entry::new(route));
        }
        table
    }

    /// The routes in the order they are tried.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.entries.iter().map(|entry| &entry.route)
    }

    /// What the request needs: the first route of each reading, all readings together. Deny beats a scope, a scope beats
    /// what opens, and every scope that some reading needs is needed.
    pub fn judge<'t>(&'t self, asked: &Asked<'_>) -> Requirement<'t> {
        let open = self.opens(asked, Forms::Judged);
        let mut needed: Option<Needed<'t>> = None;
        let mut denied = None;
        self.closes(asked, open, |closed| match closed.by {
            None => self.need(&mut needed, &self.first_scope, None),
            Some(at) => match &self.entries[at].route.class {
                Class::Scope(scope) => self.need(&mut needed, scope, Some(at)),
                _ => denied = denied.or(Some(&self.entries[at].route)),
            },
        });
        let open = open.map(|at| &self.entries[at].route);
        match (
            denied,
            needed,
            open.and_then(|route| Some((route.class.opening()?, route))),
        ) {
            (Some(route), _, _) => Requirement::Deny(route),
            (None, Some(needed), _) => Requirement::Scopes(needed),
            (None, None, Some((opening, route))) => Requirement::Open(opening, route),
            // Not reached, since the path as received always counts; closed if it should be.
            (None, None, None) => Requirement::Scopes(Needed::only(&self.first_scope, None)),
        }
    }

    /// Whether a route that has a say in this has a form condition, or closes some methods while a POST may say another in
    /// its body, so that the body must be read before it is judged;
    /// what is known of the body yet does not matter.
    #[must_use]
    pub fn wants_form(&self, asked: &Asked<'_>) -> bool {
        if !self.reads_forms {
            return false;
        }
        let mut openings = self.opening.candidates(asked.target.first().folded);
        let open = openings.find(|&at| {
            self.entries[at]
                .why_not_open(asked, Forms::Assumed)
                .is_none()
        });
        let reads_form = |at: usize| self.entries[at].reads_form(asked.method);
        // If the body says no, routes behind it have their say: no need to find out which.
        open.is_some_and(|open| !self.entries[open].form.is_empty())
            || asked.target.each().any(|reading| {
                let closings = self
                    .closing_candidates(reading)
                    .take_while(|&at| open.is_none_or(|open| at < open));
                let mut covers = closings
                    .map(|at| (at, self.cover(asked, reading, at, Forms::Assumed)))
                    .filter(|(_, cover)| *cover > Cover::No);
                let decides = covers.find(|(at, cover)| reads_form(*at) || *cover == Cover::Whole);
                decides.is_some_and(|(at, _)| reads_form(at))
            })
    }

    /// The captures whose login page this path is for every reader: a body posted here may carry their login.
    pub fn captures<'t>(&'t self, asked: &Asked<'_>) -> SmallVec<[&'t Name; 2]> {
        let candidates = self.opening.candidates(asked.target.first().folded);
        let mut found = SmallVec::new();
        for at in candidates {
            let entry = &self.entries[at];
            if let Class::Capture(name) = &entry.route.class
                && !matches!(
                    entry.why_not_open(asked, Forms::Assumed),
                    Some(
                        Miss::Path
                            | Miss::Reading(_)
                            | Miss::Method
                            | Miss::Overridden
                            | Miss::WebSocket(_)
                    )
                )
                && !found.contains(&name)
            {
                found.push(name);
            }
        }
        found
    }

    /// Whether an opening route might open, whatever its body says.
    pub fn may_open(&self, asked: &Asked<'_>) -> bool {
        self.opens(asked, Forms::Assumed).is_some()
    }

    /// Whether a login is posted to a capture whose conditions hold for some server and not for every one.
    pub fn is_doubtful_login(&self, asked: &Asked<'_>) -> bool {
        let mut candidates = self.opening.candidates(asked.target.first().folded);
        candidates.any(|at| {
            let entry = &self.entries[at];
            matches!(&entry.route.class, Class::Capture(name) if asked.logins.contains(&name))
                && matches!(
                    entry.why_not_open(asked, Forms::Judged),
                    Some(Miss::Query(_) | Miss::Form(_))
                )
                && entry.may_hold(asked)
        })
    }

    /// What `judge` says and why, route by route.
    pub fn explain<'t>(&'t self, asked: &Asked<'_>) -> Explanation<'t> {
        explain::explain(self, asked)
    }

    /// The first opening route that every reading that counts is on.
    fn opens(&self, asked: &Asked<'_>, forms: Forms) -> Option<usize> {
        let mut candidates = self.opening.candidates(asked.target.first().folded);
        candidates.find(|&at| self.entries[at].why_not_open(asked, forms).is_none())
    }

    /// Tells `say` of everything that closes a reading before the opening route `open`.
    fn closes<'r>(&self, asked: &Asked<'r>, open: Option<usize>, mut say: impl FnMut(Closed<'r>)) {
        let end = open.unwrap_or(self.entries.len());
        let mut farthest = 0;
        for reading in asked.target.each().filter(|reading| reading.counts) {
            let by = self.closes_reading(asked, reading, end, &mut say);
            farthest = farthest.max(by.unwrap_or(end));
            if by.is_none() && open.is_none() {
                say(Closed { by, reading });
            }
        }
        // A farther guess has a say only before what is known to close: `/app/**` in front of a `/**` that denies means
        // `/app/index.php/x`, though that may be read as `/x`.
        for reading in asked.target.each().filter(|reading| !reading.counts) {
            self.closes_reading(asked, reading, farthest, &mut say);
        }
    }

    /// The first route before `end` that takes in the whole of `reading`; those that do so in part are told and passed.
    fn closes_reading<'r>(
        &self,
        asked: &Asked<'r>,
        reading: Seen<'r>,
        end: usize,
        say: &mut impl FnMut(Closed<'r>),
    ) -> Option<usize> {
        for at in self.closing_candidates(reading).take_while(|&at| at < end) {
            let cover = self.cover(asked, reading, at, Forms::Judged);
            if cover > Cover::No {
                say(Closed {
                    by: Some(at),
                    reading,
                });
            }
            if cover == Cover::Whole {
                return Some(at);
            }
        }
        None
    }

    fn cover(&self, asked: &Asked<'_>, reading: Seen<'_>, at: usize, forms: Forms) -> Cover {
        let entry = &self.entries[at];
        let cover = entry.covers(reading);
        if cover == Cover::No || entry.why_not_closed(asked, forms).is_some() {
            return Cover::No;
        }
        cover.min(entry.closes_method(asked, forms))
    }

    fn closing_candidates(&self, reading: Seen<'_>) -> Candidates<'_> {
        // A short name may begin otherwise than the long one.
        if has_short_name(reading.folded) {
            return self.closing.all();
        }
        self.closing.candidates(reading.folded)
    }

    fn need<'t>(&'t self, needed: &mut Option<Needed<'t>>, scope: &'t Name, at: Option<usize>) {
        let need = Needed::only(scope, at.map(|at| &self.entries[at].route));
        match needed {
            None => *needed = Some(need),
            Some(known) if known.scopes().any(|known| known == scope) => {}
            Some(known) if *scope == self.first_scope => known
                .more
                .insert(0, std::mem::replace(&mut known.first, need.first)),
            Some(known) => known.more.push(need.first),
        }
    }
}

impl Class {
    /// How it is open, if it is.
    #[must_use]
    pub fn opening(&self) -> Option<Opening> {
        match self {
            Self::Public => Some(Opening::Public),
            Self::PublicFull => Some(Opening::PublicFull),
            Self::LoginPage => Some(Opening::LoginPage),
            Self::Capture(_) => Some(Opening::Capture),
            Self::Deny | Self::Scope(_) => None,
        }
    }
}

#[cfg(test)]
mod spellings;
#[cfg(test)]
mod tests;
