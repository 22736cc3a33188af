//! Other logins that reach the application: those that the preset knows, and those that many applications have.
//!
//! What the site's routes keep from strangers is shut, whatever is behind it: it is counted and not asked about.

use http::Method;

use super::Visit;
use super::ask::{Answer, INVENTED, Question};
use super::finding::Finding;
use super::need::parsed;
use super::stranger::{Meets, meets};
use crate::capture::judge::Leads;
use crate::config::rule::Severity;
use crate::preset::Door;
use crate::scout::form::{Field, Form, Kind};

/// Where applications take logins, as measured on fifteen of them and as their makers document it.
const USUAL: [&str; 46] = [
    "/",
    "/login",
    "/login/",
    "/login.php",
    "/signin",
    "/users/sign_in",
    "/user/login",
    "/account/login",
    "/accounts/login/",
    "/auth/login",
    "/auth/token",
    "/session",
    "/sessions",
    "/j_security_check",
    "/admin",
    "/admin/",
    "/admin/login",
    "/admin/login/",
    "/administrator/",
    "/wp-login.php",
    "/wp-json/wp/v2/users/me",
    "/?rest_route=/wp/v2/users/me",
    "/xmlrpc.php",
    "/jsonrpc.php",
    "/lib/exe/xmlrpc.php",
    "/lib/exe/jsonrpc.php",
    "/api",
    "/api/",
    "/api.php",
    "/api/login",
    "/api/v1/login",
    "/api/auth/login",
    "/api/token",
    "/rest",
    "/rest/",
    "/graphql",
    "/oauth/token",
    "/oauth2/token",
    "/.well-known/caldav",
    "/remote.php/dav/",
    "/webdav/",
    "/phpmyadmin/",
    "/adminer.php",
    "/cockpit/login",
    "/manager/html",
    "/host-manager/html",
];

/// A path that no application has: what answers there says nothing.
const NOWHERE: &str = "/countersign-doctor-5e1f";

/// The most links that are followed from login pages.
const MOST_LINKS: usize = 30;

const FORM: &str = "application/x-www-form-urlencoded";

/// Looks behind the doors that strangers reach.
pub(super) async fn look(visit: &mut Visit<'_>) {
    let base = visit.settings.base.clone();
    let mut known_paths = Vec::new();
    if let Some(known) = visit.settings.known {
        known_paths.extend(
            known
                .doors
                .iter()
                .map(|door| format!("{base}{}", door.path)),
        );
        let open: Vec<&Door> = known
            .doors
            .iter()
            .filter(|door| opens(visit, &question(&base, door)))
            .collect();
        let shut = known.doors.len() - open.len();
        for door in open {
            known_door(visit, &base, door).await;
        }
        if !known.doors.is_empty() {
            let doors = super::counted(known.doors.len(), "door");
            visit.tried(format!("{doors} of preset {}, {shut} shut", known.name));
        }
    }
    let mut paths: Vec<String> = USUAL.iter().map(|&path| path.to_owned()).collect();
    if !base.is_empty() {
        paths.extend(USUAL.iter().map(|path| format!("{base}{path}")));
    }
    paths.retain(|path| !known_paths.contains(path));
    let all = paths.len();
    let mut open = 0;
    for path in paths {
        open += usize::from(usual_door(visit, &path).await);
    }
    visit.tried(format!(
        "{all} addresses where applications take logins, {} shut",
        all - open
    ));
    let linked = links(visit).await;
    if linked > 0 {
        let links = super::counted(linked, "link");
        visit.tried(format!("{links} of the login page"));
    }
}

/// How a door of the preset is knocked at, by somebody who is nobody.
fn question(base: &str, door: &Door) -> Question {
    let (user, password) = INVENTED;
    let path = door
        .path
        .replace("USER", user)
        .replace("PASSWORD", password);
    let target = format!("{base}{}", path.replace("TOKEN", password));
    let websocket = door.what.contains("WebSocket");
    if door.method != "POST" {
        return Question {
            basic: !websocket && !carries(door),
            websocket,
            ..Question::get(target)
        };
    }
    if door.path.contains("xmlrpc") {
        let value = |text: &str| format!("<param><value><string>{text}</string></value></param>");
        let (user, password) = (value(user), value(password));
        let call = format!(
            "<?xml version=\"1.0\"?><methodCall><methodName>wp.getUsersBlogs</methodName><params>{user}{password}</params></methodCall>"
        );
        return Question::post(target, "text/xml", call);
    }
    if door.path.contains("jsonrpc") {
        let call = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"core.login\",\"params\":[\"{user}\",\"{password}\"]}}"
        );
        return Question::post(target, "application/json", call);
    }
    let form = format!("username={user}&password={password}&grant_type=password");
    Question::post(target, FORM, form)
}

/// Whether its address itself carries the login.
fn carries(door: &Door) -> bool {
    ["USER", "PASSWORD", "TOKEN"]
        .iter()
        .any(|word| door.path.contains(word))
}

/// Whether a stranger gets there with what it takes to sign in.
fn opens(visit: &Visit<'_>, question: &Question) -> bool {
    match meets(&visit.settings.site, question) {
        Meets::Shut | Meets::Captured => false,
        Meets::Anonymous => !question.basic && !question.websocket && question.body.is_none(),
        Meets::Open { authorization } => authorization || !question.basic,
    }
}

async fn known_door(visit: &mut Visit<'_>, base: &str, door: &Door) {
    let wanted = question(base, door);
    let post = wanted.method == Method::POST;
    let asked = if post && visit.no_post {
        Question::get(wanted.target.clone())
    } else {
        if post {
            visit.says_that_it_posts();
        }
        wanted.clone()
    };
    let nowhere = Question {
        target: format!("{base}{NOWHERE}"),
        ..asked.clone()
    };
    let (answer, nothing) = (visit.ask(&asked).await, visit.ask(&nowhere).await);
    let Some(answer) = answer else { return };
    if answer.is_nothing() || nothing.is_some_and(|nothing| nothing.is_like(&answer)) {
        return;
    }
    let severity = if post && visit.no_post {
        Severity::Warning
    } else {
        Severity::Error
    };
    let why = format!(
        "{}: strangers get there, and no code is asked for",
        door.what
    );
    add(visit, severity, &asked, &answer, why, &wanted.target);
}

/// Looks behind one address, if a stranger gets there; says whether.
async fn usual_door(visit: &mut Visit<'_>, path: &str) -> bool {
    let page = Question::get(path);
    let basic = Question {
        basic: true,
        ..page.clone()
    };
    let takes_basic = opens(visit, &basic);
    let takes_forms = opens(visit, &guessed(path));
    // The form of an open page may be sent elsewhere.
    let shown = matches!(
        meets(&visit.settings.site, &page),
        Meets::Anonymous | Meets::Open { .. }
    );
    if !takes_basic && !takes_forms && !shown {
        return false;
    }
    let Some(answer) = visit.ask(&page).await else {
        return true;
    };
    let schemes = answer.schemes();
    if takes_basic && !schemes.is_empty() {
        let why = format!(
            "another login, by HTTP {}: strangers get there with a user name and a password, and no code is asked for",
            schemes.join(" or ")
        );
        add(visit, Severity::Error, &page, &answer, why, path);
        return true;
    }
    if answer.asks_for_a_password() {
        forms(visit, &page, &answer);
        return true;
    }
    // What takes POST alone says so, or asks for what is missing (RFC 9110 section 15.5.6).
    let speaks = matches!(answer.status.as_u16(), 400 | 401 | 405 | 415 | 422);
    if takes_forms && speaks {
        let nothing = visit.ask(&Question::get(NOWHERE)).await;
        if nothing.is_none_or(|nothing| !nothing.is_like(&answer)) {
            let why = "this may be a login for programs, and strangers may post to it".to_owned();
            add(visit, Severity::Warning, &page, &answer, why, path);
        }
    }
    true
}

/// Looks at the forms of a page, and tells of those that carry a password past the captures.
fn forms(visit: &mut Visit<'_>, page: &Question, answer: &Answer) {
    let read = answer.page();
    let Some(at) = parsed(&page.target) else {
        return;
    };
    let own = visit.settings.site.origin.clone();
    for own_form in &read.forms {
        // Two of them change a password or make an account.
        let mut passwords = own_form.fields.iter().filter(|field| is_password(field));
        let (Some(_), None) = (passwords.next(), passwords.next()) else {
            continue;
        };
        let Leads::Here(action) = read.leads(&at, &own, &own_form.action) else {
            continue;
        };
        let text = filled(own_form);
        let sent = if own_form.post {
            Question::post(action.raw(), FORM, text)
        } else {
            Question::get(format!("{}?{text}", action.path()))
        };
        if opens(visit, &sent) {
            let why = format!(
                "its form with a password field is sent to {}, and goes up as it is: another login, and no code is asked for",
                action.path()
            );
            add(visit, Severity::Error, page, answer, why, action.path());
        }
    }
    // A script takes it, and nobody can tell here where to.
    if read.loose_password && opens(visit, &guessed(&page.target)) {
        let why = "a password field that a script reads, on an address that strangers may post to: perhaps another login".to_owned();
        add(visit, Severity::Warning, page, answer, why, &page.target);
    }
}

/// Looks where the login page leads: what strangers are shown, they try.
async fn links(visit: &mut Visit<'_>) -> usize {
    let site = &visit.settings.site;
    let own = site.origin.clone();
    let pages: Vec<String> = site
        .captures
        .iter()
        .filter(|capture| !capture.is_basic())
        .map(|capture| capture.page.clone())
        .collect();
    let mut seen = Vec::new();
    for page in pages {
        let question = Question::get(page);
        let Some(answer) = visit.ask(&question).await else {
            continue;
        };
        // The page may have more than one form.
        forms(visit, &question, &answer);
        let read = answer.page();
        let Some(at) = parsed(&question.target) else {
            continue;
        };
        for link in &read.links {
            let Leads::Here(to) = read.leads(&at, &own, &link.href) else {
                continue;
            };
            let to = to.raw().to_owned();
            if seen.len() < MOST_LINKS && to != question.target && !seen.contains(&to) {
                seen.push(to);
            }
        }
    }
    for link in &seen {
        usual_door(visit, link).await;
    }
    seen.len()
}

fn is_password(field: &Field) -> bool {
    field.kind == Kind::Password && !field.name.is_empty()
}

/// What nobody would send with it.
fn filled(form: &Form) -> String {
    let named = form.fields.iter().filter(|field| !field.name.is_empty());
    let pairs = named.map(|field| {
        let value = match field.kind {
            Kind::Password => INVENTED.1,
            Kind::Text => INVENTED.0,
            _ => &field.value,
        };
        (&field.name, value)
    });
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// A login in fields that no capture knows.
fn guessed(path: &str) -> Question {
    let (user, password) = INVENTED;
    Question::post(
        path,
        FORM,
        format!("doctor-user={user}&doctor-secret={password}"),
    )
}

fn add(
    visit: &mut Visit<'_>,
    severity: Severity,
    asked: &Question,
    answer: &Answer,
    why: String,
    path: &str,
) {
    let path = path.split('?').next().unwrap_or_default();
    let seen = format!("{asked}: {}", answer.status.as_u16());
    visit.found(Finding {
        severity,
        site: Some(visit.site_name()),
        seen,
        why,
        write: format!(
            "write above the route that opens it: path = \"{path}\", require = \"deny\" or \"{}\"; or capture it, if people need it",
            visit.settings.site.first_scope().name
        ),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset;

    #[test]
    fn every_door_of_every_preset_can_be_knocked_at() {
        for preset in preset::all() {
            for door in &preset.doors {
                let question = question("/base", door);
                assert!(
                    question.request("app").is_some(),
                    "{}: {}",
                    preset.name,
                    door.path
                );
                assert_eq!(question.method, *door.method);
                let target = &question.target;
                assert!(target.starts_with("/base/"), "{target}");
                assert!(
                    !["USER", "PASSWORD", "TOKEN"]
                        .iter()
                        .any(|word| target.contains(word))
                );
            }
        }
    }

    #[test]
    fn usual_doors_are_addresses_each_once() {
        for (at, path) in USUAL.iter().enumerate() {
            assert!(Question::get(*path).request("app").is_some(), "{path}");
            assert!(!USUAL[..at].contains(path), "{path}");
        }
    }
}
