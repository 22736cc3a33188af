//! What the configuration alone tells: scopes that nothing requires, routes that never match, and openings in front of what
//! they were not meant for.

use http::Method;

use super::finding::Finding;
use super::need::parsed;
use crate::config::diagnostic::Diagnostic;
use crate::config::rule::{Rule, Severity};
use crate::config::{SiteSettings, sample};
use crate::form::Form;
use crate::name::Name;
use crate::preset::Preset;
use crate::route::{Asked, Class, Opening, Outcome, Pattern, Requirement, Route, Step, Table};
use crate::site::Site;

/// A part of a path that nobody has.
const NOBODY: &str = "zq7doctor";

/// The most combinations of alternatives that are tried of one pattern.
const MOST: usize = 32;

/// What `check` warns of that makes a code one that can be skipped, or a login one that is not captured.
pub(super) fn warned(problems: &[Diagnostic]) -> impl Iterator<Item = Finding> {
    let matters = |problem: &&Diagnostic| {
        matches!(
            problem.rule,
            Rule::Skipped | Rule::NeverAsked | Rule::NotReached | Rule::OpenProbe
        )
    };
    problems.iter().filter(matters).map(|problem| Finding {
        severity: Severity::Warning,
        site: None,
        seen: format!("{} ({})", problem.place(), problem.rule),
        why: problem.title.clone(),
        write: match problem.help.first() {
            Some(help) => help.clone(),
            None => "`countersign check` shows the place".to_owned(),
        },
    })
}

/// What a site's routes tell.
pub(super) fn look(settings: &SiteSettings) -> Vec<Finding> {
    let site = &settings.site;
    let mut found = Vec::new();
    for (at, route) in site.routes.routes().enumerate() {
        if let Some(known) = settings.known.filter(|_| from_preset(route)) {
            found.extend(opened(site, known, route));
        } else {
            found.extend(covered(site, at, route));
        }
    }
    found.extend(in_front(site));
    found
}

/// Whether it stands in a preset's own file.
fn from_preset(route: &Route) -> bool {
    route.place.starts_with("preset ")
}

/// A route of the preset that closes, and an own route before it that opens as it is.
fn opened(site: &Site, known: &Preset, route: &Route) -> Option<Finding> {
    if route.class.opening().is_some() {
        return None;
    }
    requests(route).into_iter().find_map(|request| {
        let judged = request.judge(&site.routes)?;
        let Requirement::Open(Opening::PublicFull, by) = judged else {
            return None;
        };
        Some(Finding {
            severity: Severity::Error,
            site: Some(site.name.to_string()),
            seen: format!(
                "{} {} is {} ({})",
                request.method, request.target, by.class, by.place
            ),
            why: format!("preset {} shuts it: {}", known.name, route.class),
            write: format!(
                "take the route at {} out, or name only the paths that everybody needs",
                by.place
            ),
        })
    })
}

/// A route that no request can come to.
fn covered(site: &Site, at: usize, route: &Route) -> Option<Finding> {
    let requests = requests(route);
    let mut by = None;
    for request in &requests {
        let explanation = request.with(|asked| site.routes.explain(asked))?;
        let matched = |step: &&Step<'_>| matches!(step.outcome, Outcome::Match(_));
        let mut steps = explanation.steps.iter().filter(matched);
        let first = steps.next()?.route;
        if std::ptr::eq(first, route) || steps.any(|step| std::ptr::eq(step.route, route)) {
            return None;
        }
        by = Some((
            first.class.to_string(),
            first.class.opening(),
            first.place.clone(),
        ));
    }
    let (class, opening, place) = by?;
    let closes = route.class.opening().is_none();
    let severity = if closes && opening.is_some() {
        Severity::Error
    } else {
        Severity::Warning
    };
    let patterns: Vec<&str> = route.paths.iter().map(Pattern::as_str).collect();
    Some(Finding {
        severity,
        site: Some(site.name.to_string()),
        seen: format!(
            "route {} ({}: {}, {})",
            at + 1,
            patterns.join(", "),
            route.class,
            route.place
        ),
        why: format!("it never matches: the route at {place} ({class}) takes all of it first"),
        write: format!("move it above {place}, or take it out"),
    })
}

/// Routes that open by a glob, in front of routes that close a folder: `/**.css` before `/admin/**`.
fn in_front(site: &Site) -> Vec<Finding> {
    let routes: Vec<&Route> = site.routes.routes().collect();
    let mut found = Vec::new();
    for (at, open) in routes.iter().enumerate() {
        // On a capture only the login page is shown.
        let opens = open
            .class
            .opening()
            .is_some_and(|how| how != Opening::Capture);
        if !opens {
            continue;
        }
        for close in &routes[at + 1..] {
            let both = from_preset(open) && from_preset(close);
            if close.class.opening().is_some() || both || !close.form.is_empty() {
                continue;
            }
            let pairs = open.paths.iter().flat_map(|open| {
                let close = close.paths.iter();
                close.filter_map(|close| under(open.as_str(), close.as_str()))
            });
            let request = pairs
                .map(|target| Request {
                    method: Method::GET,
                    target,
                    form: Vec::new(),
                    login: None,
                    websocket: false,
                })
                .find(|request| is_opened(site, open, close, request));
            if let Some(request) = request {
                found.push(Finding {
                    severity: Severity::Warning,
                    site: Some(site.name.to_string()),
                    seen: format!("GET {} is {} ({})", request.target, open.class, open.place),
                    why: format!(
                        "the route at {} ({}) was perhaps meant to close it",
                        close.place, close.class
                    ),
                    write: format!(
                        "move the route at {} above {}, or name the folders that are open",
                        close.place, open.place
                    ),
                });
            }
        }
    }
    found
}

fn is_opened(site: &Site, open: &Route, close: &Route, request: &Request) -> bool {
    let by_open = matches!(
        request.judge(&site.routes),
        Some(Requirement::Open(_, by)) if by.place == open.place
    );
    let alone = Table::new(vec![close.clone()], site.first_scope().name.clone());
    let closes = match request.judge(&alone) {
        Some(Requirement::Deny(_)) => true,
        Some(Requirement::Scopes(needed)) => needed.iter().any(|need| need.route.is_some()),
        _ => false,
    };
    by_open && closes
}

/// A path that a glob which is not about the folder opens within it: `/admin/zq7doctor.css`.
fn under(open: &str, close: &str) -> Option<String> {
    let (open, close) = (sample_braces(open), sample_braces(close));
    let star = open.find('*')?;
    let tail = &open[open.rfind('*')? + 1..];
    let folder = close.split('*').next().unwrap_or_default();
    let folder = folder.trim_end_matches('/');
    let wider = folder.len() > star && folder.starts_with(&open[..star]);
    wider.then(|| format!("{folder}/{NOBODY}{tail}"))
}

fn sample_braces(pattern: &str) -> String {
    alternatives(pattern).into_iter().next().unwrap_or_default()
}

/// A request that a route is for.
#[derive(Debug)]
struct Request {
    method: Method,
    target: String,
    form: Vec<(String, String)>,
    login: Option<Name>,
    websocket: bool,
}

impl Request {
    /// Has it looked up; none where nothing could be asked for so.
    fn with<T>(&self, look_up: impl FnOnce(&Asked<'_>) -> T) -> Option<T> {
        let target = parsed(&self.target)?;
        let form = Form::Fields(self.form.clone());
        let logins: Vec<&Name> = self.login.iter().collect();
        Some(look_up(&Asked {
            method: &self.method,
            overriding: None,
            target: &target,
            websocket: self.websocket,
            form: &form,
            logins: &logins,
        }))
    }

    fn judge<'t>(&self, table: &'t Table) -> Option<Requirement<'t>> {
        self.with(|asked| table.judge(asked))
    }
}

/// Requests that the route is for, by method and by alternative; none where they cannot be told.
fn requests(route: &Route) -> Vec<Request> {
    let (form, login) = match &route.class {
        Class::Capture(name) => (route.form.clone(), Some(name.clone())),
        _ => (route.form.clone(), None),
    };
    let form: Vec<(String, String)> = form
        .into_iter()
        .map(|(name, value)| (name, sample::some_of(&value)))
        .collect();
    let methods = if route.methods.is_empty() {
        vec![Method::GET, Method::POST]
    } else {
        route.methods.clone()
    };
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(
            route
                .query
                .iter()
                .map(|(name, value)| (name, sample::some_of(value))),
        )
        .finish();
    let behind = if query.is_empty() {
        query
    } else {
        format!("?{query}")
    };
    let mut requests = Vec::new();
    for pattern in &route.paths {
        for path in alternatives(pattern.as_str()) {
            let target = format!(
                "{}{behind}",
                path.replace("**", NOBODY).replace('*', NOBODY)
            );
            for method in &methods {
                requests.push(Request {
                    method: method.clone(),
                    target: target.clone(),
                    form: form.clone(),
                    login: login.clone().filter(|_| *method == Method::POST),
                    websocket: route.websocket == Some(true),
                });
            }
        }
    }
    requests
}

/// Every text that the braces of a pattern stand for, up to [`MOST`].
fn alternatives(pattern: &str) -> Vec<String> {
    let mut open = vec![pattern.to_owned()];
    let mut done = Vec::new();
    while let Some(text) = open.pop() {
        let braces = text
            .find('}')
            .and_then(|end| Some((text[..end].rfind('{')?, end)));
        match braces {
            Some((start, end)) if open.len() + done.len() < MOST => {
                let choices = text[start + 1..end].split(',');
                open.extend(
                    choices.map(|choice| format!("{}{choice}{}", &text[..start], &text[end + 1..])),
                );
            }
            Some(_) => {}
            None if done.contains(&text) => {}
            None => done.push(text),
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset;

    fn route(path: &str, class: Class) -> Route {
        Route {
            paths: vec![Pattern::parse(path).unwrap()],
            methods: Vec::new(),
            query: Vec::new(),
            form: Vec::new(),
            websocket: None,
            class,
            place: format!("file:{path}"),
        }
    }

    fn scope(name: &str) -> Class {
        Class::Scope(Name::parse(name).unwrap())
    }

    fn site(routes: Vec<Route>) -> Site {
        let mut site = crate::gate::tests::site(&[]);
        let first = site.first_scope().name.clone();
        site.routes = Table::new(routes, first);
        site
    }

    /// Where and why, of all that is found.
    fn seen(routes: Vec<Route>) -> Vec<String> {
        let site = site(routes);
        let each = site.routes.routes().enumerate();
        let mut found: Vec<Finding> = each
            .filter_map(|(at, route)| covered(&site, at, route))
            .collect();
        found.extend(in_front(&site));
        found
            .into_iter()
            .map(|found| format!("{} {}: {}", found.severity.word(), found.seen, found.why))
            .collect()
    }

    #[test]
    fn a_route_behind_one_that_takes_everything_is_told() {
        let told = seen(vec![
            route("/**", Class::PublicFull),
            route("/admin/**", scope("admin")),
        ]);
        assert!(
            told.iter().any(|line| line.starts_with("error route 2 (/admin/**: require scope admin, file:/admin/**): it never matches: the route at file:/**")),
            "{told:#?}"
        );
        let told = seen(vec![
            route("/app", scope("login")),
            route("/app/{a,b}/**", Class::Public),
        ]);
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(told[0].starts_with("warning route 2 "), "{told:#?}");
    }

    #[test]
    fn a_route_that_one_request_can_come_to_is_not() {
        for routes in [
            vec![
                route("/app/a", scope("login")),
                route("/app/{a,b}", scope("admin")),
            ],
            vec![
                route("/app/*.css", Class::Public),
                route("/app/**", scope("admin")),
            ],
            vec![
                Route {
                    methods: vec![Method::GET],
                    ..route("/app/**", Class::PublicFull)
                },
                route("/app/x", scope("admin")),
            ],
            vec![
                Route {
                    query: vec![("do".to_owned(), "x".to_owned())],
                    ..route("/**", scope("login"))
                },
                route("/app", scope("admin")),
            ],
        ] {
            let site = site(routes);
            let found = site
                .routes
                .routes()
                .enumerate()
                .find_map(|(at, route)| covered(&site, at, route));
            assert_eq!(found, None);
        }
    }

    #[test]
    fn a_glob_that_opens_within_a_closed_folder_is_told() {
        let told = seen(vec![
            route("/**.css", Class::Public),
            route("/admin/**", scope("admin")),
        ]);
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(told[0].starts_with("warning GET /admin/zq7doctor.css is public (file:/**.css): the route at file:/admin/** "), "{told:#?}");
        // It was made for that folder, or stands behind it.
        let none: Vec<String> = Vec::new();
        assert_eq!(
            seen(vec![
                route("/admin/**.css", Class::Public),
                route("/admin/**", scope("admin"))
            ]),
            none
        );
        assert_eq!(
            seen(vec![
                route("/admin/**", scope("admin")),
                route("/**.css", Class::Public)
            ]),
            none
        );
        assert_eq!(
            seen(vec![
                route("/static/**", Class::Public),
                route("/admin/**", scope("admin"))
            ]),
            none
        );
    }

    #[test]
    fn what_a_preset_shuts_and_a_route_opens_is_told() {
        let known = preset::named("wordpress").unwrap();
        let mut shut = route("/xmlrpc.php", Class::Deny);
        shut.place = "preset wordpress:30".to_owned();
        for (class, told) in [
            (Class::PublicFull, true),
            (Class::Public, false),
            (scope("login"), false),
        ] {
            let site = site(vec![route("/**.php", class), shut.clone()]);
            let last = site.routes.routes().last().unwrap();
            let found = opened(&site, known, last);
            assert_eq!(found.is_some(), told, "{found:?}");
        }
    }

    #[test]
    fn alternatives_are_all_texts_of_the_braces() {
        let mut all = alternatives("/{a,b{c,d}}/x{,y}");
        all.sort();
        assert_eq!(all, ["/a/x", "/a/xy", "/bc/x", "/bc/xy", "/bd/x", "/bd/xy"]);
        assert_eq!(alternatives("/plain"), ["/plain"]);
        assert!(alternatives("/{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}").len() <= MOST);
    }
}
