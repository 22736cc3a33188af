//! Who may on a route: a class, a capture of the site, or a scope of it.

use super::diagnostic::{Diagnostic, Place};
use super::file::File;
use super::file::site as written;
use super::names::no_such;
use super::notes::Notes;
use super::reader::nearest;
use super::rule::Rule;
use super::value::At;
use crate::name::Name;
use crate::route::{Class, Route};

/// The routes of a site; `None` if one of them cannot be had, which is then noted.
pub(super) fn routes(site: &written::Site, file: &File, notes: &Notes) -> Option<Vec<Route>> {
    let routes: Vec<Option<Route>> = site
        .routes
        .iter()
        .map(|route| {
            Some(Route {
                class: class(route, site, file, notes)?,
                paths: route.paths.clone(),
                methods: route.methods.clone(),
                query: route.query.clone(),
                form: route.form.clone(),
                websocket: route.websocket,
                place: route.place.to_string(),
            })
        })
        .collect();
    routes.into_iter().collect()
}

fn class(
    route: &written::Route,
    site: &written::Site,
    file: &File,
    notes: &Notes,
) -> Option<Class> {
    if let Some(capture) = &route.capture {
        return own_capture(capture, site, notes).map(Class::Capture);
    }
    let require = route.require.as_ref()?;
    let text = require.value.as_str();
    match text {
        "deny" => return Some(Class::Deny),
        "public" => return Some(Class::Public),
        "login-page" => return Some(Class::LoginPage),
        "public-full" => {
            let problem = Diagnostic::new(
                Rule::WideOpen,
                "this route is open as it is",
                &require.place,
                "anyone, any method, with cookies and all",
            );
            let problem = problem.help("\"public\" lets anyone read without cookies: what the application shows to people who are signed in stays behind the code");
            notes.add(if site.captures.is_empty() {
                problem
            } else {
                problem.help("a login that is posted here is not captured: it goes up as it is, and nobody is asked for a code")
            });
            return Some(Class::PublicFull);
        }
        _ => {}
    }
    if let Some(own) = site
        .scopes
        .items
        .iter()
        .find(|name| name.value.as_str() == text)
    {
        return Some(Class::Scope(own.value.clone()));
    }
    if to_blame(text, site, file, notes) {
        notes.add(unknown_class(require, site, file));
    }
    None
}

fn own_capture(capture: &At<Name>, site: &written::Site, notes: &Notes) -> Option<Name> {
    let known: Vec<&At<Name>> = site.captures.iter().map(|capture| &capture.name).collect();
    let name = &capture.value;
    if known.iter().any(|known| known.value == *name) {
        return Some(name.clone());
    }
    if !notes.spoilt(name.as_str()) {
        let problem = no_such("route", "capture", name.as_str(), &capture.place, &known);
        notes.add(if known.is_empty() {
            problem.help(format!(
                "write [sites.{}.captures.{name}] with its `scope`, `username` and `password`",
                site.name.value
            ))
        } else {
            problem
        });
    }
    None
}

/// Whether who refers to the scope `text`, which the site does not have, is to blame. Where it could not be read, or the
/// site's scopes are wrong themselves, that has been said, and this may be one of them.
pub(super) fn to_blame(text: &str, site: &written::Site, file: &File, notes: &Notes) -> bool {
    let exists = file
        .scopes
        .iter()
        .any(|scope| scope.name.value.as_str() == text);
    !notes.spoilt(text) && !(exists && (site.scopes.items.is_empty() || !site.scopes.whole))
}

fn unknown_class(require: &At<String>, site: &written::Site, file: &File) -> Diagnostic {
    let text = require.value.as_str();
    if let Some(problem) = not_of_site("route", text, &require.place, site, file) {
        return problem;
    }
    let known: Vec<&At<Name>> = file.scopes.iter().map(|scope| &scope.name).collect();
    let problem = no_such("route", "scope", text, &require.place, &known);
    // A scope that is near has its place shown already.
    match nearest(text, ["public", "public-full", "login-page", "deny"]) {
        Some(near) if problem.labels.len() == 1 => Diagnostic::new(
            Rule::NoSuchThing,
            problem.title,
            &require.place,
            format!("no scope is named `{text}`"),
        )
        .help(format!("did you mean `{near}`?")),
        None if problem.labels.len() == 1 => {
            problem.help("or the classes \"public\", \"public-full\", \"login-page\", \"deny\"")
        }
        _ => problem,
    }
}

/// `by` names the scope `text`, which exists, but not on this site.
pub(super) fn not_of_site(
    by: &str,
    text: &str,
    place: &Place,
    site: &written::Site,
    file: &File,
) -> Option<Diagnostic> {
    let scope = file
        .scopes
        .iter()
        .find(|scope| scope.name.value.as_str() == text)?;
    let title = format!(
        "{by} refers to a scope that site `{}` does not have",
        site.name.value
    );
    let problem = Diagnostic::new(Rule::NoSuchThing, title, place, "not one of its `scopes`")
        .also(&scope.name.place, "the scope")
        .also(&site.scopes.place, "the site's scopes")
        .help(format!("add \"{text}\" to the site's `scopes`"));
    Some(problem)
}
