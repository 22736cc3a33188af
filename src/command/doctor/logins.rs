//! Whether the logins that are captured are where the captures say: a login that goes past its capture is asked for no code.

use http::header;

use super::Visit;
use super::ask::{Answer, Question};
use super::finding::Finding;
use crate::capture::{Capture, look};
use crate::config::rule::Severity;
use crate::login::Place;
use crate::scout::form::Kind;

/// What is wrong with a capture.
struct Wrong {
    severity: Severity,
    why: String,
    write: String,
}

/// Looks at every capture's page.
pub(super) async fn look(visit: &mut Visit<'_>) {
    let captures = &visit.settings.site.captures;
    for capture in captures {
        let Some((question, answer)) = page_of(visit, capture).await else {
            continue;
        };
        let Some(wrong) = wrong(capture, &answer) else {
            continue;
        };
        let site = visit.site_name();
        visit.found(Finding {
            severity: wrong.severity,
            site: Some(site.clone()),
            seen: format!("{question}: {}", answer.status.as_u16()),
            why: wrong.why,
            write: format!(
                "in [sites.{site}.captures.{}]: {}",
                capture.name, wrong.write
            ),
        });
    }
    if !captures.is_empty() {
        let pages = super::counted(captures.len(), "capture");
        visit.tried(format!("the login page of {pages}"));
    }
}

/// Whether there are captures, and each has its login where it says.
pub(super) async fn are_there(visit: &mut Visit<'_>) -> bool {
    let captures = &visit.settings.site.captures;
    for capture in captures {
        let page = page_of(visit, capture).await;
        if page.is_none_or(|(_, answer)| wrong(capture, &answer).is_some()) {
            return false;
        }
    }
    !captures.is_empty()
}

async fn page_of(visit: &mut Visit<'_>, capture: &Capture) -> Option<(Question, Answer)> {
    let page = match &capture.probe {
        Some(probe) if capture.is_basic() => probe,
        _ => &capture.page,
    };
    let question = Question::get(page);
    let answer = visit.ask(&question).await?;
    Some((question, answer))
}

fn wrong(capture: &Capture, answer: &Answer) -> Option<Wrong> {
    let Some(wanted) = capture.form() else {
        let asks = answer.schemes().contains(&"Basic");
        return (!asks && answer.status.is_success()).then(|| Wrong {
            severity: Severity::Error,
            why: "it is shown to everybody, so it tells nothing of a login by HTTP Basic"
                .to_owned(),
            write: "probe = \"/PATH\", a page that asks for the login".to_owned(),
        });
    };
    // A member of JSON stands in no page.
    let Place::Field(password) = &wanted.password else {
        return None;
    };
    if look::has_field(&answer.body, password) {
        return None;
    }
    if let Some(location) = answer
        .field(&header::LOCATION)
        .filter(|_| answer.status.is_redirection())
    {
        let location = location.escape_debug();
        return Some(Wrong {
            severity: Severity::Warning,
            why: format!(
                "the login page of capture `{}` leads to {location}",
                capture.name
            ),
            write: format!("page = \"{location}\", if the form is there"),
        });
    }
    let page = answer.page();
    let fields = page.forms.iter().flat_map(|form| &form.fields);
    let other = fields
        .filter(|field| field.kind == Kind::Password && !field.name.is_empty())
        .map(|field| field.name.escape_debug().to_string())
        .next();
    if let Some(other) = other {
        return Some(Wrong {
            severity: Severity::Error,
            why: format!(
                "its password field is `{other}`, and capture `{}` waits for `{password}`: no login is captured there",
                capture.name
            ),
            write: format!("password = \"{other}\""),
        });
    }
    // A script that gets the answer to its login draws its form, too.
    (!capture.answer.relays()).then(|| Wrong {
        severity: Severity::Warning,
        why: format!(
            "the login page of capture `{}` has no field `{password}`: it is elsewhere, or a script draws it",
            capture.name
        ),
        write: "page = \"/PATH\" of the login form; if a script draws it, see whether its login is captured".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Credentials;

    const HTML: (&str, &str) = ("content-type", "text/html");

    fn said(capture: &Capture, answer: &Answer) -> Option<(Severity, String)> {
        wrong(capture, answer).map(|wrong| (wrong.severity, wrong.write))
    }

    #[test]
    fn a_page_with_the_captures_field_is_right_whatever_else_it_has() {
        let form = Capture::plain();
        for (status, body) in [
            (
                200,
                "<form><input name=username><input name=password type=password></form>",
            ),
            (
                401,
                "<form><input name=password type=password></form><form><input name=q></form>",
            ),
        ] {
            assert_eq!(
                said(&form, &Answer::made(status, &[HTML], body)),
                None,
                "{body}"
            );
        }
    }

    #[test]
    fn another_field_another_place_and_none_are_three_things() {
        let form = Capture::plain();
        let other = "<form><input name=log><input name=pwd type=password></form>";
        let told = said(&form, &Answer::made(200, &[HTML], other)).unwrap();
        assert_eq!(told, (Severity::Error, "password = \"pwd\"".to_owned()));
        let moved = Answer::made(302, &[("location", "/signin")], "");
        let told = said(&form, &moved).unwrap();
        assert_eq!(told.0, Severity::Warning);
        assert!(told.1.starts_with("page = \"/signin\""), "{}", told.1);
        let script = Answer::made(200, &[HTML], "<div id=app></div>");
        assert_eq!(said(&form, &script).unwrap().0, Severity::Warning);
    }

    #[test]
    fn http_basic_is_asked_for_by_its_probe() {
        let mut basic = Capture::plain();
        basic.credentials = Credentials::Basic;
        let asks = Answer::made(401, &[("www-authenticate", "Basic realm=x")], "");
        assert_eq!(said(&basic, &asks), None);
        assert_eq!(
            said(&basic, &Answer::made(200, &[], "")).unwrap().0,
            Severity::Error
        );
        // Another error says nothing.
        assert_eq!(said(&basic, &Answer::made(403, &[], "")), None);
    }
}
