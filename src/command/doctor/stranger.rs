//! What a stranger meets at the gate: somebody without any grant.

use http::{Method, header};

use super::ask::Question;
use crate::capture::Capture;
use crate::form::Form;
use crate::gate::{self, Mentioned, Said, Verdict, Way};
use crate::login;
use crate::name::Name;
use crate::request::{self, Checked};
use crate::route::Asked;
use crate::site::Site;

/// What becomes of a stranger's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meets {
    /// A code, or a refusal.
    Shut,
    /// A login that is captured, or its page.
    Captured,
    /// The application, without the visitor's cookies and Authorization: nobody is anybody there.
    Anonymous,
    /// The application.
    Open {
        /// With Authorization, too.
        authorization: bool,
    },
}

/// What the gate says to this question when a stranger asks it.
pub(super) fn meets(site: &Site, question: &Question) -> Meets {
    if question.basic && site.basic().is_some() {
        // The gateway asks about it itself, and sends nothing on before the code.
        return Meets::Captured;
    }
    let Some((checked, body)) = checked(site, question) else {
        return Meets::Shut;
    };
    if checked.target().reaches("/.countersign") {
        return Meets::Shut;
    }
    let kind = checked.field(header::CONTENT_TYPE);
    let form = Form::read(kind, &body);
    let Some(logins) = logins(site, &checked, &body, &form) else {
        return Meets::Shut;
    };
    let said = Said {
        form: &form,
        logins: &logins,
        password: Mentioned::find(site, &checked, &body),
        bearer: None,
    };
    // What stands open while a scope is in shadow is meant to: what counts is what will.
    match gate::decide_in_force(site, &checked, said, &[]) {
        Verdict::Forward(pass) | Verdict::Shadow(pass, _) => match pass.way() {
            Way::Anonymous => Meets::Anonymous,
            Way::Captured => Meets::Captured,
            Way::Open | Way::Granted(_) | Way::Shadow => Meets::Open {
                authorization: pass.authorization(),
            },
        },
        Verdict::LoginPage(..) | Verdict::Login(..) => Meets::Captured,
        Verdict::Ask(_) | Verdict::Preflight(_) | Verdict::Refuse(_) => Meets::Shut,
    }
}

fn checked(site: &Site, question: &Question) -> Option<(Checked, Vec<u8>)> {
    let (parts, _) = question.request(site.origin.authority())?.into_parts();
    let body = question.body.as_ref();
    let body = body.map_or_else(Vec::new, |(_, text)| text.as_bytes().to_vec());
    let checked = request::check(parts, true).ok()?;
    Some((checked, body))
}

/// The captures whose login the body carries; `None` where the gateway refuses it as one that can be read in two ways.
fn logins<'s>(
    site: &'s Site,
    checked: &Checked,
    body: &[u8],
    form: &Form,
) -> Option<Vec<&'s Name>> {
    let asked = Asked {
        method: checked.method(),
        overriding: checked.overriding(),
        target: checked.target(),
        websocket: checked.websocket(),
        form,
        logins: &[],
    };
    let mut found = Vec::new();
    if *checked.method() != Method::POST {
        return Some(found);
    }
    for name in site.routes.captures(&asked) {
        let Some(wanted) = site.capture(name).and_then(Capture::form) else {
            continue;
        };
        let kind = checked.field(header::CONTENT_TYPE);
        let query = checked.target().query();
        if login::read(wanted, site.charset, kind, body, query)
            .ok()?
            .is_some()
        {
            found.push(name);
        }
    }
    Some(found)
}
