//! Captures as meant: what they name exists, and strangers have a page to be sent to.

use http::Method;

use super::application::{Cookie, Manner, Username};
use super::classes::{not_of_site, to_blame};
use super::diagnostic::{Diagnostic, Place};
use super::file::File;
use super::file::capture as written;
use super::file::site::{Route, Site};
use super::names::no_such;
use super::notes::Notes;
use super::reader::List;
use super::rule::Rule;
use super::sample::{self, address};
use super::value::At;
use crate::capture::cookie::Names;
use crate::capture::token::Answer;
use crate::capture::{Capture, Credentials};
use crate::login::Wanted;
use crate::name::Name;
use crate::route::Machines;

/// The captures of a site; `None` if one of them cannot be had, which is then noted.
pub(super) fn resolve(site: &Site, file: &File, notes: &Notes) -> Option<Vec<Capture>> {
    let captures: Vec<Option<Capture>> = site
        .captures
        .iter()
        .map(|capture| meant(capture, site, file, notes))
        .collect();
    captures.into_iter().collect()
}

fn meant(capture: &written::Capture, site: &Site, file: &File, notes: &Notes) -> Option<Capture> {
    let scope = capture
        .scope
        .as_ref()
        .and_then(|scope| own_scope(scope, site, file, notes));
    let basic = capture
        .username
        .as_ref()
        .filter(|username| matches!(username.value, Username::Basic));
    if let Some(username) = basic {
        return meant_basic(capture, username, scope, site, notes);
    }
    let page = page(capture, site, notes);
    let username = match &capture.username {
        Some(At {
            value: Username::Field(field),
            ..
        }) => Some(field.clone()),
        _ => None,
    };
    if let (Some(name), Some(password)) = (&capture.username, &capture.password)
        && username.as_ref() == Some(&password.value.0)
    {
        let problem = Diagnostic::new(
            Rule::Repeated,
            "user name and password in one field",
            &password.place,
            "here again",
        );
        notes.add(
            problem
                .also(&name.place, "here first")
                .help("write each as it is named in the application's page"),
        );
    }
    if let (Some(_), Some(fixed)) = (&username, &capture.fixed_user) {
        let problem = Diagnostic::new(
            Rule::NotUsed,
            "`fixed_user` has no effect here",
            &fixed.place,
            "the form says who logs in",
        );
        notes.add(problem.help("leave out one of `username` and `fixed_user`"));
    }
    // Where the form names somebody, nobody else may be asked.
    let fixed_user = if username.is_some() {
        None
    } else {
        capture.fixed_user.as_ref().or(site.fixed_user.as_ref())
    };
    Some(Capture {
        name: capture.name.value.clone(),
        scope: scope?,
        credentials: Credentials::Form(Wanted {
            password: capture.password.as_ref()?.value.0.clone(),
            username,
        }),
        fixed_user: fixed_user.map(|user| user.value.clone()),
        page: page?,
        probe: capture.probe.as_ref().map(|probe| probe.value.0.clone()),
        success_cookie: if capture.success_cookie.written {
            Some(names(&capture.success_cookie)?)
        } else {
            None
        },
        success_location: capture
            .success_location
            .as_ref()
            .map(|location| location.value.0.clone()),
        auth_cookies: names(&capture.auth_cookies)?,
        answer: answer(capture, notes),
        machines: no_machines(capture, notes),
        hold: capture.hold,
    })
}

/// A capture of HTTP Basic: the login is in every request, so there is no page of it, and nothing of a form.
fn meant_basic(
    capture: &written::Capture,
    username: &At<Username>,
    scope: Option<Name>,
    site: &Site,
    notes: &Notes,
) -> Option<Capture> {
    let unused = [
        ("password", capture.password.as_ref().map(|at| &at.place)),
        (
            "fixed_user",
            capture.fixed_user.as_ref().map(|at| &at.place),
        ),
        ("page", capture.page.as_ref().map(|at| &at.place)),
        (
            "success_location",
            capture.success_location.as_ref().map(|at| &at.place),
        ),
        (
            "success_cookie",
            Some(&capture.name.place).filter(|_| capture.success_cookie.written),
        ),
    ];
    for (key, place) in unused {
        if let Some(place) = place {
            let problem = Diagnostic::new(
                Rule::NotUsed,
                format!("`{key}` has no effect with HTTP Basic"),
                place,
                "the browser sends name and password itself",
            );
            notes.add(problem.help("leave it out: `probe` says how a login went"));
        }
    }
    let mut sound = true;
    let mut wrong = |problem: Diagnostic| {
        sound = false;
        notes.add(problem);
    };
    for route in routes_of(capture, site) {
        let problem = Diagnostic::new(
            Rule::NoLogin,
            format!(
                "no login of capture `{}` is posted here",
                capture.name.value
            ),
            place_of(route),
            "with HTTP Basic every request carries the login",
        );
        wrong(problem.help(format!(
            "write require = \"{}\", or leave the route out",
            capture.scope.as_ref().map_or("login", |scope| scope.value.as_str())
        )));
    }
    for other in &site.captures {
        if other.name.value != capture.name.value {
            let problem = Diagnostic::new(
                Rule::NotYet,
                format!("capture `{}` beside HTTP Basic", other.name.value),
                &other.name.place,
                "a site with HTTP Basic has this one login",
            );
            wrong(
                problem.also(&username.place, "HTTP Basic here").help(
                    "leave one of them out, or make two sites of it, each with its own `url`",
                ),
            );
        }
    }
    let scope = scope?;
    if let Some(first) = site
        .scopes
        .items
        .first()
        .filter(|first| first.value != scope)
        && let Some(place) = capture.scope.as_ref().map(|scope| &scope.place)
    {
        let problem = Diagnostic::new(
            Rule::NotYet,
            "HTTP Basic for another scope than the site's first",
            place,
            format!("the first is `{}`", first.value),
        );
        wrong(problem.help(format!(
            "write scope = \"{}\"; routes can require more scopes of the same person",
            first.value
        )));
    }
    let probe = capture
        .probe
        .as_ref()
        .map_or_else(|| "/".to_owned(), |probe| probe.value.0.clone());
    sound.then_some(())?;
    Some(Capture {
        name: capture.name.value.clone(),
        scope,
        credentials: Credentials::Basic,
        fixed_user: None,
        page: probe.clone(),
        probe: Some(probe),
        success_cookie: None,
        success_location: None,
        auth_cookies: names(&capture.auth_cookies)?,
        hold: capture.hold,
        answer: Answer::Held,
        machines: capture.machines.iter().map(machines).collect(),
    })
}

fn machines(written: &written::Machines) -> Machines {
    let paths = written.paths.items.iter();
    let from = written.from.items.iter();
    Machines {
        paths: paths.map(|path| path.value.clone()).collect(),
        from: from.map(|network| network.value).collect(),
    }
}

/// A program that logs in by a form has a session and no password in each request: nothing here could tell it from a person.
fn no_machines(capture: &written::Capture, notes: &Notes) -> Vec<Machines> {
    if let Some(first) = capture.machines.first() {
        let problem = Diagnostic::new(
            Rule::NotUsed,
            "`machines` has no effect here",
            &first.place,
            "only with HTTP Basic",
        );
        notes.add(problem.help(
            "leave it out: a program that logs in by a form is asked for a code as people are",
        ));
    }
    Vec::new()
}

/// What becomes of a script's answer. Tokens are told apart only in one that the script gets before the code.
fn answer(capture: &written::Capture, notes: &Notes) -> Answer {
    let manner = capture.answer.as_ref().map(|answer| answer.value);
    if manner == Some(Manner::Relay) {
        let tokens = capture.tokens.items.iter();
        return Answer::Relayed {
            tokens: tokens.map(|token| token.value.0.as_str().into()).collect(),
        };
    }
    if let Some(token) = capture.tokens.items.first() {
        let problem = Diagnostic::new(
            Rule::Missing,
            "`token` without `answer = \"relay\"`",
            &token.place,
            "an answer that is held gives no token to anybody",
        );
        notes.add(
            problem
                .help("add: answer = \"relay\", for an application that signs in by script")
                .help("where a login sets a cookie and nothing else, leave out `token`"),
        );
    }
    Answer::Held
}

/// Each of them was taken for itself already; `None` could not happen, and would be no capture rather than an unbound one.
fn names(cookies: &List<Cookie>) -> Option<Names> {
    Names::parse(cookies.items.iter().map(|cookie| cookie.value.0.as_str())).ok()
}

fn own_scope(scope: &At<Name>, site: &Site, file: &File, notes: &Notes) -> Option<Name> {
    if site.scopes.items.iter().any(|own| own.value == scope.value) {
        return Some(scope.value.clone());
    }
    let text = scope.value.as_str();
    if to_blame(text, site, file, notes) {
        let known: Vec<&At<Name>> = file.scopes.iter().map(|scope| &scope.name).collect();
        let foreign = not_of_site("capture", text, &scope.place, site, file);
        notes.add(
            foreign.unwrap_or_else(|| no_such("capture", "scope", text, &scope.place, &known)),
        );
    }
    None
}

/// Where strangers are sent: as written, else the path of the first route on which the login page is got at its bare path.
fn page(capture: &written::Capture, site: &Site, notes: &Notes) -> Option<String> {
    if let Some(page) = &capture.page {
        return Some(page.value.0.clone());
    }
    if capture.paged {
        return None;
    }
    let bare = |route: &&Route| {
        takes(route, &Method::GET) && route.query.is_empty() && route.form.is_empty()
    };
    let literal = routes_of(capture, site)
        .filter(bare)
        .find_map(|route| route.paths.iter().find_map(|path| path.literal()));
    if let Some(path) = literal {
        return Some(sample::path(path));
    }
    let problem = Diagnostic::new(
        Rule::Missing,
        "`page` is missing",
        &capture.name.place,
        "where is its login page?",
    );
    let Some(first) = routes_of(capture, site).next() else {
        // A route that names a capture that does not exist may mean this one.
        let known = |name: &At<Name>| {
            site.captures
                .iter()
                .any(|other| other.name.value == name.value)
        };
        if site
            .routes
            .iter()
            .all(|route| route.capture.as_ref().is_none_or(known))
        {
            notes.add(problem.help(format!(
                "no route names this capture: add one, path = \"/login\" and capture = \"{}\"",
                capture.name.value
            )));
        }
        return None;
    };
    // Where the path could not be read, that has been said.
    let path = first.paths.first()?;
    notes.add(if takes(first, &Method::GET) {
        problem
            .also(place_of(first), "more than one path, or conditions")
            .help(format!(
                "add the one where strangers are sent, such as: page = \"{}\"",
                address(first, path.as_str())
            ))
    } else {
        problem
            .also(place_of(first), "not by GET")
            .help("add the one that shows the form, such as: page = \"/login\"")
    });
    None
}

/// The routes that name the capture.
pub(super) fn routes_of<'s>(
    capture: &'s written::Capture,
    site: &'s Site,
) -> impl Iterator<Item = &'s Route> {
    site.routes.iter().filter(|route| {
        route
            .capture
            .as_ref()
            .is_some_and(|named| named.value == capture.name.value)
    })
}

pub(super) fn takes(route: &Route, method: &Method) -> bool {
    route.methods.is_empty() || route.methods.contains(method)
}

/// Where a route says who may.
pub(super) fn place_of(route: &Route) -> &Place {
    let capture = route.capture.as_ref().map(|capture| &capture.place);
    let require = route.require.as_ref().map(|require| &require.place);
    capture.or(require).unwrap_or(&route.place)
}
