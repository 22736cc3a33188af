//! Whether the application is the one that the site's preset is for.

use http::header;

use super::Visit;
use super::ask::{Answer, Question};
use super::finding::Finding;
use super::logins;
use crate::config::rule::Severity;
use crate::preset::{self, Mark, Preset};

/// Where applications are often found that are not at the root.
const BASES: [&str; 12] = [
    "/blog",
    "/wordpress",
    "/wp",
    "/wiki",
    "/w",
    "/dokuwiki",
    "/mediawiki",
    "/phpmyadmin",
    "/adminer",
    "/tt-rss",
    "/app",
    "/jupyter",
];

/// Asks for the preset's marks and for the logins that are captured; tells what is wrong if they are not there.
pub(super) async fn look(visit: &mut Visit<'_>) {
    let Some(known) = visit.settings.known else {
        logins::look(visit).await;
        return;
    };
    let base = visit.settings.base.clone();
    let mut failed = Vec::new();
    for mark in &known.marks {
        let Err(seen) = fits(visit, &base, mark).await else {
            visit.tried(format!("the marks of preset {}", known.name));
            logins::look(visit).await;
            return;
        };
        failed.push(format!("{seen}, expected {}", expected(mark)));
    }
    // Behind another server an application may have lost its mark; what counts is that its logins are captured.
    if logins::are_there(visit).await {
        let line = format!(
            "preset {}: none of its marks, and its login where it says",
            known.name
        );
        visit.tried(line);
        return;
    }
    let (why, write) = match elsewhere(visit, known, &base).await {
        Some(Elsewhere::Base(found)) if found.is_empty() => (
            format!("{} answers so at the root of this address", known.title),
            "take `base` out of the site".to_owned(),
        ),
        Some(Elsewhere::Base(found)) => (
            format!("{} answers so under {found}", known.title),
            format!("write: base = \"{found}\""),
        ),
        Some(Elsewhere::Preset(other)) => (
            format!("this looks like {}", other.title),
            format!("write: preset = \"{}\"", other.name),
        ),
        None => (
            format!(
                "this does not look like {}: its logins are not captured, and its other doors are not shut",
                known.title
            ),
            format!(
                "look at `upstream` and `base`; or take preset = \"{}\" out and write routes of your own",
                known.name
            ),
        ),
    };
    visit.found(Finding {
        severity: Severity::Error,
        site: Some(visit.site_name()),
        seen: failed.join("; "),
        why: format!("preset {} does not fit: {why}", known.name),
        write,
    });
}

enum Elsewhere {
    Base(String),
    Preset(&'static Preset),
}

/// Looks for the application below other paths, and for other applications in its place.
async fn elsewhere(visit: &mut Visit<'_>, known: &Preset, base: &str) -> Option<Elsewhere> {
    let mut bases = vec![String::new()];
    bases.push(format!("/{}", known.name));
    // The root often leads to where the application is.
    if let Some(root) = visit.ask(&Question::get("/")).await
        && let Some(first) = root.leads_to().and_then(first_segment)
    {
        bases.push(format!("/{first}"));
    }
    bases.extend(BASES.iter().map(|&base| base.to_owned()));
    let mut asked: Vec<&str> = vec![base];
    for base in &bases {
        if asked.contains(&base.as_str()) {
            continue;
        }
        asked.push(base);
        for mark in &known.marks {
            if fits(visit, base, mark).await.is_ok() {
                return Some(Elsewhere::Base(base.clone()));
            }
        }
    }
    // Its mark is any password field: it fits too much to be a find.
    let others = preset::all().iter();
    for other in others.filter(|other| other.name != known.name && other.name != "generic") {
        for mark in &other.marks {
            if fits(visit, base, mark).await.is_ok() {
                return Some(Elsewhere::Preset(other));
            }
        }
    }
    None
}

/// Whether the answer has the mark; else the request and what came.
async fn fits(visit: &mut Visit<'_>, base: &str, mark: &Mark) -> Result<(), String> {
    let question = Question::get(format!("{base}{}", mark.path));
    let Some(answer) = visit.ask(&question).await else {
        return Err(format!("{question}: no answer"));
    };
    if has(&answer, mark) {
        return Ok(());
    }
    let leads = match answer.field(&header::LOCATION) {
        Some(location) => format!(" to {}", location.escape_debug()),
        None => String::new(),
    };
    Err(format!("{question}: {}{leads}", answer.status.as_u16()))
}

fn has(answer: &Answer, mark: &Mark) -> bool {
    // A page of errors may name what it has not got.
    let there = !answer.is_nothing() && !answer.status.is_server_error();
    let body = mark
        .body
        .as_ref()
        .is_some_and(|text| there && memchr::memmem::find(&answer.body, text.as_bytes()).is_some());
    let cookie = mark.cookie.as_ref().is_some_and(|name| {
        let set = answer.fields.get_all(header::SET_COOKIE).iter();
        set.filter_map(|line| line.as_bytes().split(|&b| b == b'=').next())
            .any(|own| own.trim_ascii() == name.as_bytes())
    });
    let header = mark.header.as_ref().is_some_and(|line| {
        let Some((name, start)) = line.split_once(": ") else {
            return false;
        };
        let values = answer.fields.get_all(name).iter();
        let mut values = values.filter_map(|value| value.to_str().ok());
        values.any(|value| value.starts_with(start))
    });
    body || cookie || header
}

fn expected(mark: &Mark) -> String {
    match (&mark.body, &mark.cookie, &mark.header) {
        (Some(text), ..) => format!("`{text}` in the body"),
        (_, Some(name), _) => format!("the cookie `{name}`"),
        (.., Some(line)) => format!("the field `{line}`"),
        _ => "an answer".to_owned(),
    }
}

/// `blog` of `http://host/blog/index.php` and of `/blog/`.
fn first_segment(location: &str) -> Option<&str> {
    let path = match location.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => location.strip_prefix('/')?,
    };
    let (first, _) = path.split_once('/')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    (!first.is_empty() && first.chars().all(plain)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_segment_is_a_folder() {
        for (location, first) in [
            ("/blog/", Some("blog")),
            ("http://app.example.com/wiki/doku.php?id=a", Some("wiki")),
            ("/login", None),
            ("login/", None),
            ("//evil/x/", None),
            ("/", None),
        ] {
            assert_eq!(first_segment(location), first, "{location}");
        }
    }

    #[test]
    fn a_mark_is_in_the_body_in_a_cookie_or_in_a_field() {
        let mark = |body: Option<&str>, cookie: Option<&str>, header: Option<&str>| Mark {
            path: "/".to_owned(),
            body: body.map(str::to_owned),
            cookie: cookie.map(str::to_owned),
            header: header.map(str::to_owned),
        };
        let fields = [
            ("set-cookie", "a=b; Path=/"),
            ("set-cookie", "sid=1"),
            ("server", "Radicale/3"),
        ];
        let answer = |status: u16| Answer::made(status, &fields, "<p>wp-submit</p>");
        for mark in [
            mark(Some("wp-submit"), None, None),
            mark(None, Some("a"), None),
            mark(None, None, Some("server: Radicale")),
        ] {
            assert!(
                has(&answer(200), &mark) && has(&answer(401), &mark),
                "{mark:?}"
            );
        }
        for mark in [
            mark(Some("wp-admin"), None, None),
            mark(None, Some("b"), None),
            mark(None, None, Some("server: adicale")),
        ] {
            assert!(!has(&answer(200), &mark), "{mark:?}");
        }
        assert!(!has(&answer(404), &mark(Some("wp-submit"), None, None)));
    }
}
