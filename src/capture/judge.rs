//! Was the login good? The seven steps of design section 3, in their order.
//!
//! A page that is followed to was never asked for by somebody with a grant, and the password may be all that a thief has: so
//! nothing is followed that the visitor had a hand in. Whether the gate lets a target pass (deny, another scope, a place of
//! ours) is not looked at here: whoever executes [`Next::Follow`] asks it first, and takes its no for [`Judgement::Doubt`].

use http::header;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

use super::cookie::{self, Jar, Set};
use super::{Capture, look};
use crate::form::Form;
use crate::login::Place;
use crate::request::Checked;
use crate::route::{Asked, Class, Pattern, Requirement, Route, Table};
use crate::target::Target;

mod leads;
mod sent;

pub use leads::{Leads, fragment, resolve};
use sent::Sent;

/// An answer as far as it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// Its status.
    pub status: StatusCode,
    /// Its fields, mapped back to the public origin.
    pub fields: &'a HeaderMap,
    /// Its body out of its coding, or as much of it as is looked at, as [`look::decoded`] gives it: `None` if nobody can
    /// tell what it says.
    pub body: Option<&'a [u8]>,
}

/// What to do after an answer.
#[derive(Clone, Debug)]
pub enum Next {
    /// It is decided.
    Decided(Judgement),
    /// Ask the application for the capture's probe with the merged cookies, and come back with [`probed`].
    Probe,
    /// Ask for this page with the merged cookies, if the gate lets it pass, and come back with [`followed`].
    Follow(Target),
}

/// Whether the application took the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// No: the answer goes on to the browser, and nobody's phone rings.
    Bad,
    /// Yes.
    Good,
    /// Nobody can tell: a code is asked for, and nothing is told about the number.
    Doubt,
}

/// The most redirects that are followed (design section 3); of 15 applications measured one needed 2, the others 1.
const MOST_HOPS: usize = 3;

/// The answer to the posted login itself. `jar` is what the browser sent, `origin` the site's own as browsers write it,
/// `now` unix seconds.
pub fn posted(
    capture: &Capture,
    asked: &Checked,
    body: &[u8],
    jar: &Jar,
    origin: &str,
    answered: &Answered<'_>,
    now: u64,
) -> Next {
    if is_failure(answered.status) {
        return Next::Decided(Judgement::Bad);
    }
    let sets = || set_by(answered.fields, now);
    let by_cookie = capture
        .success_cookie
        .as_ref()
        .map(|names| sets().any(|set| names.has(set.name)));
    let by_location = capture
        .success_location
        .as_ref()
        .map(|pattern| leads_into(capture, pattern, asked.target(), origin, answered));
    match (by_cookie, by_location) {
        (None, None) => {}
        (Some(false), _) | (_, Some(false)) => return Next::Decided(Judgement::Bad),
        _ => return Next::Decided(Judgement::Good),
    }
    if capture.probe.is_some() {
        return Next::Probe;
    }
    if answered.status.is_redirection() {
        return follow(capture, asked, body, asked.target(), origin, answered, 0);
    }
    Next::Decided(if !answered.status.is_success() {
        Judgement::Doubt
    } else if look::is_json(answered.fields) {
        by_json(answered)
    } else if shows_password_field(answered) == Some(true) {
        let known = |name: &[u8]| jar.pairs().any(|(known, _)| known == name);
        // WordPress without its test cookie shows the form again, with an error, and three cookies that are good.
        if sets().any(|set| set.http_only && !known(set.name)) {
            Judgement::Doubt
        } else {
            Judgement::Bad
        }
    } else {
        Judgement::Doubt
    })
}

/// The answer to a page that was followed to, which is `at`; `asked` and `body` are the posted login's, `hops` how many
/// redirects were followed so far, this one included.
pub fn followed(
    capture: &Capture,
    asked: &Checked,
    body: &[u8],
    at: &Target,
    origin: &str,
    answered: &Answered<'_>,
    hops: usize,
) -> Next {
    if answered.status.is_redirection() {
        return follow(capture, asked, body, at, origin, answered, hops);
    }
    // A page that fails proves nothing, it may be out of order or not meant for this person; but a login page that asks for
    // the password again has said no (Adminer, with 403).
    let asks = || {
        at.path() == asked.target().path()
            && answered.status.is_client_error()
            && shows_password_field(answered) == Some(true)
    };
    Next::Decided(if answered.status.is_success() {
        by_page(answered)
    } else if asks() {
        Judgement::Bad
    } else {
        Judgement::Doubt
    })
}

/// The answer to the probe: 2xx without a password field is good, anything else is not. A page in a coding that cannot be
/// read is in doubt, since a person with the right password would be sent round in circles.
pub fn probed(answered: &Answered<'_>) -> Judgement {
    if answered.status.is_success() {
        by_page(answered)
    } else {
        Judgement::Bad
    }
}

/// Whether this answer to a GET of the login page may be shown to a visitor without a grant (design section 2).
///
/// A 2xx that is no page with a login on it is what a session sees that outlived its grant: the visitor is to sign in again.
/// Redirects and failures pass here; where a redirect leads is the caller's concern, and so is HEAD, whose answers have no
/// page to look at.
pub fn admits(capture: &Capture, answered: &Answered<'_>) -> bool {
    if !answered.status.is_success() {
        return true;
    }
    let Some(page) = answered.body.filter(|_| look::is_html(answered.fields)) else {
        return false;
    };
    let asks_who = || match capture.form().and_then(|wanted| wanted.username.as_ref()) {
        Some(Place::Field(name)) => look::has_field(page, name),
        Some(Place::Pointer(_)) | None => false,
    };
    look::has_password_field(page) || asks_who()
}

fn is_failure(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// The cookies that an answer sets, without those that it takes away.
fn set_by(fields: &HeaderMap, now: u64) -> impl Iterator<Item = Set<'_>> {
    fields
        .get_all(header::SET_COOKIE)
        .iter()
        .filter_map(move |field| cookie::set(field, now))
        .filter(|set| !set.deletes)
}

/// Whether Location leads to a path of the site that the pattern means as an opening route would: exactly, and in every
/// reading.
fn leads_into(
    capture: &Capture,
    pattern: &Pattern,
    base: &Target,
    origin: &str,
    answered: &Answered<'_>,
) -> bool {
    let Some(Leads::Here(target)) = location(base, origin, answered) else {
        return false;
    };
    let route = Route {
        paths: vec![pattern.clone()],
        methods: Vec::new(),
        query: Vec::new(),
        form: Vec::new(),
        websocket: None,
        class: Class::PublicFull,
        place: String::new(),
    };
    let asked = Asked {
        method: &Method::GET,
        overriding: None,
        target: &target,
        websocket: false,
        form: &Form::Unread,
        logins: &[],
    };
    matches!(
        Table::new(vec![route], capture.scope.clone()).judge(&asked),
        Requirement::Open(..)
    )
}

/// Where the answer leads; `None` if it says so not exactly once.
fn location(base: &Target, origin: &str, answered: &Answered<'_>) -> Option<Leads> {
    let mut all = answered.fields.get_all(header::LOCATION).iter();
    match (all.next(), all.next()) {
        (Some(only), None) => Some(resolve(base, origin, only)),
        _ => None,
    }
}

/// Step 4. An application that answers in JSON can say that the login failed; that it did not say so proves nothing.
fn by_json(answered: &Answered<'_>) -> Judgement {
    let text = answered.body.unwrap_or_default();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let Ok(Value::Object(members)) = serde_json::from_slice(text) else {
        return Judgement::Doubt;
    };
    let says_no = members.iter().any(|(name, value)| {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        ((is("error") || is("errors")) && !is_nothing(value))
            || ((is("ok") || is("success")) && *value == Value::Bool(false))
    });
    if says_no {
        Judgement::Bad
    } else {
        Judgement::Doubt
    }
}

/// As applications say that there was no error.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

/// What a 2xx page says that only a person who is signed in should see.
fn by_page(answered: &Answered<'_>) -> Judgement {
    match shows_password_field(answered) {
        Some(true) => Judgement::Bad,
        Some(false) => Judgement::Good,
        None => Judgement::Doubt,
    }
}

/// Whether the answer is a page with a password field; `None` if it is a page that cannot be read.
fn shows_password_field(answered: &Answered<'_>) -> Option<bool> {
    if look::is_html(answered.fields) {
        answered.body.map(look::has_password_field)
    } else {
        Some(false)
    }
}

/// Step 6: follows a redirect, if it may be followed. 307 and 308 would send the password again.
fn follow(
    capture: &Capture,
    asked: &Checked,
    body: &[u8],
    at: &Target,
    origin: &str,
    answered: &Answered<'_>,
    hops: usize,
) -> Next {
    let by_get = matches!(
        answered.status,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER
    );
    match location(at, origin, answered) {
        Some(Leads::Here(target))
            if by_get
                && hops < MOST_HOPS
                && !Sent::of(capture, asked, body).had_a_hand_in(&target) =>
        {
            Next::Follow(target)
        }
        _ => Next::Decided(Judgement::Doubt),
    }
}

#[cfg(test)]
mod tests;
