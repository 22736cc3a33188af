//! Whether people and the gateway get to where a capture leads, and what else `check` warns of in one.

use http::Method;

use super::captures::{place_of, routes_of, takes};
use super::diagnostic::Diagnostic;
use super::file::capture as written;
use super::file::site::{Route, Site};
use super::notes::Notes;
use super::rule::Rule;
use super::sample::{self, address, some_of, target};
use crate::capture::Capture;
use crate::form::Form;
use crate::route::{Asked, Class, Explanation, Opening, Outcome, Requirement, Table};

/// What `check` warns of where a site and its captures are right as far as they go.
pub(super) fn warn(site: &Site, captures: &[Capture], table: &Table, notes: &Notes) {
    let view = View { site, table, notes };
    for (capture, meant) in site.captures.iter().zip(captures) {
        if meant.is_basic() {
            // Every request carries its login: no route has to lead to it.
            view.probe_closed(capture);
            view.machines_pass(capture, meant);
            continue;
        }
        if routes_of(capture, site).next().is_none() {
            let problem = Diagnostic::new(
                Rule::NotUsed,
                format!("capture `{}` is not used", meant.name),
                &capture.name.place,
                "no route names it",
            );
            notes.add(problem.help(format!(
                "add to the route of the application's login: capture = \"{}\"",
                meant.name
            )));
            continue;
        }
        if !routes_of(capture, site).any(|route| takes(route, &Method::POST)) {
            let problem = Diagnostic::new(
                Rule::NotUsed,
                format!("capture `{}` sees no login", meant.name),
                &capture.name.place,
                "no route of it takes POST",
            );
            notes.add(problem.help("add \"POST\" to the `methods` of its route"));
        }
        view.skipped(capture, meant);
        unbound(capture, meant, notes);
        in_doubt(capture, meant, notes);
        let reached = view.login_reached(capture, meant);
        // By default the page is on such a route: one word about it is enough.
        if reached || capture.paged {
            view.page_reached(capture, meant);
        }
        view.probe_closed(capture);
        view.tokens_kept(capture, meant);
    }
}

fn unbound(capture: &written::Capture, meant: &Capture, notes: &Notes) {
    // A token is bound as a cookie is.
    if !capture.auth_cookies.written && !capture.tokens.written {
        let problem = Diagnostic::new(
            Rule::Unbound,
            format!(
                "grants of capture `{}` are not bound to the application's session",
                meant.name
            ),
            &capture.name.place,
            "no `auth_cookies`",
        );
        notes.add(
            problem
                .help("add: auth_cookies = [\"NAME\"], the cookies that make a session of the application")
                .help("without them nobody notices when another person's session is opened beside the grant: that person is then asked for no code"),
        );
    }
}

fn in_doubt(capture: &written::Capture, meant: &Capture, notes: &Notes) {
    let judged = capture.probe.is_some()
        || capture.success_cookie.written
        || capture.success_location.is_some()
        || capture.tokens.written
        // A preset without them stands for an application in which following the redirect tells.
        || capture.name.place.named().is_some();
    if !judged {
        let problem = Diagnostic::new(
            Rule::InDoubt,
            format!("logins of capture `{}` may be in doubt", meant.name),
            &capture.name.place,
            "neither `probe` nor `success_cookie` nor `success_location`",
        );
        notes.add(
            problem
                .help("add: probe = \"/PATH\", a page that only a signed-in user gets: the surest judge of a login")
                .help("in doubt a code is sent, though the password may have been wrong: it costs a message, and rings somebody's phone"),
        );
    }
}

/// A site's routes as they are judged, and where they are written.
struct View<'s> {
    site: &'s Site,
    table: &'s Table,
    notes: &'s Notes,
}

impl<'s> View<'s> {
    /// On a `public-full` route nobody asks whose token it is once its code was right.
    fn tokens_kept(&self, capture: &written::Capture, meant: &Capture) {
        let Some(answer) = capture.answer.as_ref().filter(|_| meant.answer.relays()) else {
            return;
        };
        let open = self.site.routes.iter().find_map(|route| {
            let require = route.require.as_ref();
            require.filter(|require| require.value == "public-full")
        });
        if let Some(open) = open {
            let problem = Diagnostic::new(
                Rule::WideOpen,
                "a token goes up on a `public-full` route without a grant",
                &open.place,
                "with whatever Authorization it brings",
            );
            self.notes.add(
                problem
                    .also(&answer.place, "scripts are given tokens here")
                    .help("write \"public\" where the application reads no token: nothing of a visitor's goes up there")
                    .help("a token is kept back until its code was right; after that it opens this route in any browser"),
            );
        }
    }

    /// The first scope guards what no route names; any other that no route requires guards nothing.
    fn skipped(&self, capture: &written::Capture, meant: &Capture) {
        let first = self.site.scopes.items.first();
        let required = self
            .site
            .routes
            .iter()
            .filter_map(|route| route.require.as_ref())
            .any(|require| require.value == meant.scope.as_str());
        if required || first.is_some_and(|first| first.value == meant.scope) {
            return;
        }
        if let Some(scope) = &capture.scope {
            let problem = Diagnostic::new(
                Rule::Skipped,
                "this code can be skipped",
                &scope.place,
                format!("no route requires `{}`", meant.scope),
            );
            self.notes.add(problem.help(format!(
                "require it on the pages behind the login: require = \"{}\"",
                meant.scope
            )));
        }
    }

    /// Whether what the capture's routes name gets to them.
    fn login_reached(&self, capture: &written::Capture, meant: &Capture) -> bool {
        let mut reached = true;
        for route in routes_of(capture, self.site) {
            let method = if takes(route, &Method::POST) {
                Method::POST
            } else {
                Method::GET
            };
            let form = Form::Fields(
                route
                    .form
                    .iter()
                    .map(|(name, value)| (name.clone(), some_of(value)))
                    .collect(),
            );
            let first_lost = route.paths.iter().find_map(|path| {
                let address = address(route, path.as_str());
                let target = target(&address)?;
                let explanation = self.table.explain(&Asked {
                    method: &method,
                    overriding: None,
                    target: &target,
                    websocket: false,
                    form: &form,
                    logins: &[&meant.name],
                });
                let captured = match &explanation.requirement {
                    Requirement::Open(Opening::Capture, by) => {
                        by.class == Class::Capture(meant.name.clone())
                    }
                    // A page that the application draws by script may well be public.
                    Requirement::Open(..) => method == Method::GET,
                    _ => false,
                };
                if captured {
                    return None;
                }
                let why_not = self
                    .steps(&explanation)
                    .find_map(|(own, outcome)| match outcome {
                        Outcome::No(why) if std::ptr::eq(own, route) => Some(format!(": {why}")),
                        _ => None,
                    });
                Some((
                    address,
                    self.decider(&explanation),
                    why_not.unwrap_or_default(),
                ))
            });
            if let Some((address, decider, why_not)) = first_lost {
                reached = false;
                let problem = |more: &str| {
                    Diagnostic::new(
                        Rule::NotReached,
                        "a login that is not captured",
                        place_of(route),
                        format!("{method} {address} does not get here{more}"),
                    )
                };
                self.notes.add(match decider {
                    Some(other) => problem("")
                        .also(place_of(other), "this route takes it first")
                        .help("move the route with `capture` above the other"),
                    None => problem(&why_not).help("write the path so that every server reads it alike, without unusual characters"),
                });
            }
        }
        reached
    }

    fn page_reached(&self, capture: &written::Capture, meant: &Capture) {
        let Some(explanation) = self.get(&meant.page) else {
            return;
        };
        let label = match &explanation.requirement {
            Requirement::Open(..) => return,
            Requirement::Deny(_) => format!("nobody gets {}", meant.page),
            Requirement::Scopes(needed) => {
                format!("{} needs scope `{}`", meant.page, needed.first().scope)
            }
        };
        let place = capture
            .page
            .as_ref()
            .map_or(&capture.name.place, |page| &page.place);
        let problem = Diagnostic::new(
            Rule::NotReached,
            "strangers are sent to a page that they do not get",
            place,
            label,
        );
        let path = meant.page.split('?').next().unwrap_or_default();
        self.notes.add(match self.decider(&explanation) {
            Some(other) => problem.also(place_of(other), "by this route").help(format!(
                "open it above that route: path = \"{path}\", capture = \"{}\"",
                meant.name
            )),
            None => problem.help(format!(
                "open it: path = \"{path}\", capture = \"{}\"; or require = \"login-page\" where the form is posted elsewhere",
                meant.name
            )),
        });
    }

    /// What it means that programs need no code, and whether they get anywhere.
    fn machines_pass(&self, capture: &written::Capture, meant: &Capture) {
        for machines in &capture.machines {
            let networks = machines.from.items.iter();
            let networks: Vec<String> = networks.map(|at| at.value.to_string()).collect();
            for path in &machines.paths.items {
                let address = sample::path(&some_of(path.value.as_str()));
                let Some(explanation) = self.get(&address) else {
                    continue;
                };
                let label = match &explanation.requirement {
                    Requirement::Scopes(needed)
                        if needed.scopes().all(|scope| *scope == meant.scope) =>
                    {
                        let problem = Diagnostic::new(
                            Rule::Skipped,
                            "programs pass here without a code",
                            &path.place,
                            "with a name and a password that the application takes",
                        );
                        self.notes.add(problem.help(format!(
                            "whoever can call from {} needs no code here: name no more paths and addresses than programs need",
                            networks.join(", ")
                        )));
                        continue;
                    }
                    Requirement::Scopes(needed) => {
                        let other = needed.scopes().find(|scope| **scope != meant.scope);
                        format!(
                            "{address} needs scope `{}`",
                            other.unwrap_or(needed.first().scope)
                        )
                    }
                    Requirement::Deny(_) => format!("nobody gets {address}"),
                    Requirement::Open(..) => format!("anybody gets {address}"),
                };
                let problem = Diagnostic::new(
                    Rule::NotUsed,
                    "programs are let in where that changes nothing",
                    &path.place,
                    label,
                );
                let problem = match self.decider(&explanation) {
                    Some(other) => problem.also(place_of(other), "by this route"),
                    None => problem,
                };
                self.notes.add(problem.help(format!(
                    "add above that route: path = \"{}\", require = \"{}\"",
                    path.value.as_str(),
                    meant.scope
                )));
            }
        }
    }

    fn probe_closed(&self, capture: &written::Capture) {
        let Some(probe) = &capture.probe else { return };
        let Some(explanation) = self.get(&probe.value.0) else {
            return;
        };
        if !matches!(explanation.requirement, Requirement::Open(..)) {
            return;
        }
        let problem = Diagnostic::new(
            Rule::OpenProbe,
            "a probe that anybody gets",
            &probe.place,
            "it is open, so it tells nothing of a login",
        );
        let problem = match self.decider(&explanation) {
            Some(other) => problem.also(place_of(other), "by this route"),
            None => problem,
        };
        self.notes
            .add(problem.help("name a page that only a signed-in user gets"));
    }

    /// What a GET of this path and query needs.
    fn get(&self, address: &str) -> Option<Explanation<'_>> {
        let target = target(address)?;
        Some(self.table.explain(&Asked {
            method: &Method::GET,
            overriding: None,
            target: &target,
            websocket: false,
            form: &Form::Fields(Vec::new()),
            logins: &[],
        }))
    }

    /// The first route that has a say.
    fn decider(&self, explanation: &Explanation<'_>) -> Option<&'s Route> {
        self.steps(explanation)
            .find(|(_, outcome)| matches!(outcome, Outcome::Match(_)))
            .map(|(route, _)| route)
    }

    /// The routes that were tried, as written, and what came of it.
    fn steps<'e>(
        &self,
        explanation: &'e Explanation<'_>,
    ) -> impl Iterator<Item = (&'s Route, &'e Outcome)> {
        let routes = &self.site.routes;
        let steps = explanation.steps.iter();
        steps.filter_map(|step| Some((routes.get(step.number - 1)?, &step.outcome)))
    }
}
