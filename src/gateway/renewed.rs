//! Tokens that an application renews without a password: they go on with the grant of whoever showed the old ones.
//!
//! Only where the login itself is posted to: there every password is captured, so that what is answered to a post without
//! one rests on what its sender has already. And only if the grant knows all that it shows: a renewal by another's
//! token is answered with another's.

use http::{Method, Response};

use super::passing::Passing;
use super::{Gateway, Read};
use crate::capture::carried::Carried;
use crate::capture::token::{self, Bearer};
use crate::capture::{Capture, look};
use crate::form::Form;
use crate::gate::{Pass, Way};
use crate::grant::prints::Print;
use crate::moment::Moment;
use crate::request::Checked;
use crate::route::Asked;
use crate::seal::{Held, Ring};
use crate::site::Site;
use crate::upstream::Failed;
use crate::upstream::body::Body;

/// The capture whose tokens the answer to this request may renew.
pub(super) fn renewing<'s>(
    site: &'s Site,
    ring: &Ring,
    (asked, read): (&Checked, &Read),
    (held, now): (&Held, Moment),
    pass: &Pass,
) -> Option<&'s Capture> {
    if !site.relays() || *asked.method() != Method::POST || asked.target().query().is_some() {
        return None;
    }
    let Way::Granted(grants) = pass.way() else {
        return None;
    };
    let question = Asked {
        method: asked.method(),
        overriding: asked.overriding(),
        target: asked.target(),
        websocket: asked.websocket(),
        form: &Form::Unread,
        logins: &[],
    };
    let captures = site.routes.captures(&question).into_iter();
    let mut captures = captures.filter_map(|name| site.capture(name));
    let capture = captures.find(|capture| {
        capture.answer.relays() && grants.iter().any(|grant| *grant.scope() == capture.scope)
    })?;
    // In anything else nobody can tell what it shows.
    let carried = match read.form {
        _ if !read.whole => return None,
        _ if read.bytes.is_empty() => Carried::default(),
        Form::Fields(_) => Carried::of_form(&read.bytes),
        // A form that looks like JSON is for the server to tell.
        Form::Members(_) if look::is_json(asked.fields()) => Carried::of_json(&read.bytes)?,
        Form::Members(_) | Form::Unread | Form::Unreadable => return None,
    };
    let known = |token: &[u8]| {
        let prints = ring.prints(site, token::NAME, token).collect();
        Bearer { prints, now }.known(grants)
    };
    // One in Authorization goes up only if the grant knows it; others stand in fields that are named for it.
    let named = asked.fields().iter().filter(|(name, _)| {
        let name = name.as_str();
        let has = |word| name.contains(word);
        has("refresh") || (has("token") && !has("csrf") && !has("xsrf"))
    });
    let fields = named.map(|(_, value)| value.as_bytes());
    let mut shown = carried.shown().chain(fields).peekable();
    // Where nothing is shown, what is renewed rests on a session cookie, one that the grant is bound to: unless there is a
    // name or a number, which may be a login of another kind.
    let rests = shown.peek().is_some() || !held.sessions.is_empty() && !carried.short;
    (rests && shown.all(known)).then_some(capture)
}

impl Gateway {
    /// The prints of the tokens in an answer; the answer goes on as it came.
    pub(super) async fn renewed(
        &self,
        capture: &Capture,
        response: Response<Body>,
        passing: &Passing<'_>,
    ) -> Result<(Response<Body>, Vec<Print>), Failed> {
        if !response.status().is_success() || !look::is_json(response.headers()) {
            return Ok((response, Vec::new()));
        }
        let (head, body) = response.into_parts();
        let (peeked, body) = body
            .peek(token::LONGEST)
            .await
            .map_err(|_| Failed::Unsound("its answer broke off"))?;
        let clear = look::decoded(&head.headers, &peeked.bytes).filter(|_| peeked.whole);
        let found = clear.and_then(|clear| capture.answer.tokens(&clear));
        let (site, ring) = (&passing.front.door.site, &self.0.shared.flow.ring);
        let values = found.iter().flat_map(|found| &found.values);
        let prints = values.map(|value| ring.print(site, token::NAME, value));
        let prints = prints.collect();
        Ok((Response::from_parts(head, body), prints))
    }
}
