//! What is answered without asking the application: refusals, preflights, redirects.

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Limited};

use super::passing::Passing;
use crate::code::Reference;
use crate::event::What;
use crate::flow::audience::{self, Audience};
use crate::flow::{Flow, Reply, Visit, empty, see_other};
use crate::gate::Reason;
use crate::moment::Moment;
use crate::page::{CONTENT_TYPE, Kind, Page, Problem, Refusal};
use crate::request::{Checked, Framing, Malformed};
use crate::site::Site;
use crate::upstream::Failed;
use crate::upstream::body::{Body, Upload};

/// How much of a refused request's body is read, so that its connection can go on (R7).
const DRAIN: usize = 64 * 1024;

/// And for how long.
const DRAIN_TIME: Duration = Duration::from_secs(2);

pub(super) fn refused(flow: &Flow, visit: &Visit<'_>, reason: Reason) -> Reply {
    flow.record(
        visit,
        match &reason {
            Reason::Ambiguous(why) => What::LoginAmbiguous { why },
            _ => What::Refused { reason },
        },
    );
    let refusal = match reason {
        Reason::Denied => Refusal::Denied,
        Reason::CrossOrigin => Refusal::CrossOrigin,
        Reason::Credentials => Refusal::CredentialsElsewhere,
        Reason::Ambiguous(_) => Refusal::AmbiguousLogin,
    };
    match audience::of(visit.asked.fields(), visit.asked.websocket()) {
        Audience::Navigation | Audience::Frame => flow.refuse(visit, refusal),
        _ => problem(&refusal, visit.reference, visit.now),
    }
}

/// An application that fails is told to people as a page and to scripts as JSON.
pub(super) fn told(flow: &Flow, passing: &Passing<'_>, failed: &Failed, navigation: bool) -> Reply {
    passing.record(What::UpstreamFailed { why: failed });
    let refusal = failure(failed);
    if navigation {
        passing.page(flow, &Page::Refused(refusal))
    } else {
        problem(&refusal, *passing.reference, passing.now)
    }
}

/// The same for a login.
pub(super) fn told_to(flow: &Flow, visit: &Visit<'_>, failed: &Failed) -> Reply {
    flow.record(visit, What::UpstreamFailed { why: failed });
    let refusal = failure(failed);
    match audience::of(visit.asked.fields(), false) {
        Audience::Navigation | Audience::Frame => flow.refuse(visit, refusal),
        _ => problem(&refusal, visit.reference, visit.now),
    }
}

fn failure(failed: &Failed) -> Refusal<'static> {
    match failed.status() {
        StatusCode::GATEWAY_TIMEOUT => Refusal::UpstreamSlow,
        StatusCode::BAD_REQUEST => Refusal::BadRequest,
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::BodyTooLarge,
        StatusCode::SERVICE_UNAVAILABLE => Refusal::UpstreamBusy,
        _ => Refusal::UpstreamDown,
    }
}

fn problem(refusal: &Refusal<'_>, reference: Reference, now: Moment) -> Reply {
    let kind = Kind::from(refusal);
    let problem = Problem {
        kind,
        scope: None,
        challenge_url: None,
        expires_at: None,
        reference: &reference.to_string(),
    };
    let mut reply = empty(refusal.status()).map(|_| Bytes::from(problem.json()));
    let fields = reply.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    if let Some(seconds) = refusal.retry_after(now) {
        fields.insert(header::RETRY_AFTER, seconds.into());
    }
    reply
}

/// The answer to OPTIONS that no grant stands behind: CORS for a preflight from one of the site's origins, else 403.
pub(super) fn preflight(asked: &Checked, allowed: bool) -> Reply {
    if !allowed {
        return empty(StatusCode::FORBIDDEN);
    }
    let mut reply = empty(StatusCode::NO_CONTENT);
    let copies = [
        (header::ORIGIN, header::ACCESS_CONTROL_ALLOW_ORIGIN),
        (
            header::ACCESS_CONTROL_REQUEST_METHOD,
            header::ACCESS_CONTROL_ALLOW_METHODS,
        ),
        (
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            header::ACCESS_CONTROL_ALLOW_HEADERS,
        ),
    ];
    for (asked_for, allowed) in copies {
        if let Some(value) = asked.fields().get(asked_for) {
            reply.headers_mut().insert(allowed, value.clone());
        }
    }
    reply.headers_mut().insert(
        header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    reply
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("Origin"));
    reply
}

/// The same page by https. A body would have travelled in clear already: only what can be asked again is redirected.
pub(super) fn to_https(site: &Site, asked: &Checked) -> Reply {
    if asked.unsafe_method() || asked.websocket() {
        return empty(StatusCode::FORBIDDEN);
    }
    let mut reply = see_other(&format!("{}{}", site.origin.text(), asked.target().raw()));
    *reply.status_mut() = StatusCode::PERMANENT_REDIRECT;
    reply
}

pub(super) fn refusal_of(malformed: Malformed) -> Refusal<'static> {
    match malformed {
        Malformed::Method => Refusal::MethodNotAllowed,
        Malformed::TooLarge => Refusal::HeadTooLarge,
        Malformed::Target(_) | Malformed::Ambiguous(_) | Malformed::Expectation => {
            Refusal::BadRequest
        }
    }
}

/// Reads what a refused request still sends, within a bound, so that none of it is taken for the next one (R7).
pub(super) async fn drained(reply: Reply, body: Upload, asked: &Checked) -> Response<Body> {
    let small = match asked.framing() {
        Framing::Empty => true,
        Framing::Length(length) => length <= DRAIN as u64,
        Framing::Chunked => false,
    };
    let read = small && !asked.expects_continue() && {
        let rest = Limited::new(body, DRAIN).collect();
        matches!(tokio::time::timeout(DRAIN_TIME, rest).await, Ok(Ok(_)))
    };
    whole(reply, !read || asked.closing())
}

/// A reply of ours as a response; `closing` says that its connection ends with it.
pub(super) fn whole(reply: Reply, closing: bool) -> Response<Body> {
    let mut response =
        reply.map(|bytes| Body::Bytes(Some(bytes).filter(|bytes| !bytes.is_empty())));
    if closing {
        // hyper drops it where it has no meaning: over HTTP/2.
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
