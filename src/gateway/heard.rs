//! What an application is asked, for a visitor or of our own, and what it was heard to say.

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, response};
use tokio::time::{Instant, timeout_at};

use super::Gateway;
use super::captured::makes_session;
use super::passing::Passing;
use crate::capture::cookie::{self, Jar};
use crate::capture::judge::{self, Answered, Judgement, Next};
use crate::capture::{Capture, look};
use crate::gate::{self, Pass};
use crate::hold::release::HeldPage;
use crate::request::Checked;
use crate::site::Site;
use crate::target::Target;
use crate::upstream::Failed;
use crate::upstream::body::{Body, Upload};

/// An answer of the application, as much of its body as is looked at, and the rest of it.
pub(super) struct Looked {
    pub(super) head: response::Parts,
    pub(super) start: Bytes,
    /// Whether that is all of it.
    pub(super) whole: bool,
    body: Body,
}

/// The cookies of a login as its answers come: what the browser would have by then, and every Set-Cookie, in order.
pub(super) struct Heard {
    pub(super) jar: Jar,
    pub(super) cookies: Vec<HeaderValue>,
}

/// How long our own GETs of one login may take together: the visitor waits for them with an answer already there.
pub(super) const OUR_OWN: Duration = Duration::from_secs(10);

impl Gateway {
    /// Asks the application on until it is clear how a login went. Gives the page that was followed to, if one was.
    pub(super) async fn ask_on(
        &self,
        capture: &Capture,
        (asked, body): (&Checked, &Bytes),
        mut next: Next,
        heard: &mut Heard,
        passing: &Passing<'_>,
    ) -> (Judgement, Option<(Looked, Target)>) {
        let (site, now) = (&passing.front.door.site, self.0.shared.flow.clock.wall());
        let until = Instant::now() + OUR_OWN;
        let mut last = None;
        let mut hops = 0;
        // Who cannot be asked has not said no.
        loop {
            match next {
                Next::Decided(judgement) => return (judgement, last),
                Next::Probe => {
                    let Some((pass, target)) = probe(site, capture) else {
                        return (Judgement::Doubt, last);
                    };
                    let get = asked.following(target.clone(), heard.jar.field());
                    let Some(probed) = self.look(&pass, get, until, passing).await else {
                        return (Judgement::Doubt, last);
                    };
                    heard.take_in(&probed.head.headers, &target, now);
                    return (probed.judged(judge::probed), last);
                }
                Next::Follow(target) => {
                    let Some(pass) = gate::follow(site, capture, &target) else {
                        return (Judgement::Doubt, last);
                    };
                    hops += 1;
                    let get = asked.following(target.clone(), heard.jar.field());
                    let Some(followed) = self.look(&pass, get, until, passing).await else {
                        return (Judgement::Doubt, last);
                    };
                    heard.take_in(&followed.head.headers, &target, now);
                    let origin = site.origin.text();
                    next = followed.judged(|answered| {
                        judge::followed(capture, asked, body, &target, origin, answered, hops)
                    });
                    last = Some((followed, target));
                }
            }
        }
    }

    /// Whether the application takes this browser for signed in before it has seen the password; `None` if that cannot
    /// be asked.
    pub(super) async fn signed_in_before(
        &self,
        capture: &Capture,
        asked: &Checked,
        sent: &Jar,
        passing: &Passing<'_>,
    ) -> Option<bool> {
        let site = &passing.front.door.site;
        if !sent
            .pairs()
            .any(|(name, value)| makes_session(capture, name, value))
        {
            return Some(false);
        }
        let (pass, target) = probe(site, capture)?;
        let get = asked.following(target, sent.field());
        let until = Instant::now() + OUR_OWN;
        let probed = self.look(&pass, get, until, passing).await?;
        // An application in trouble has said nothing.
        let status = probed.head.status;
        let told =
            status.is_success() || status.is_redirection() || matches!(status.as_u16(), 401 | 403);
        told.then(|| probed.judged(judge::probed) == Judgement::Good)
    }

    /// Sends a GET of ours up. `None` if no answer came, or none in time.
    async fn look(
        &self,
        pass: &Pass,
        get: Checked,
        until: Instant,
        passing: &Passing<'_>,
    ) -> Option<Looked> {
        let asked = self.ask(pass, get, Upload::empty(), passing);
        timeout_at(until, asked).await.ok()?.ok()
    }

    /// Sends a request of ours or a visitor's up and looks into the answer.
    pub(super) async fn ask(
        &self,
        pass: &Pass,
        asked: Checked,
        upload: Upload,
        passing: &Passing<'_>,
    ) -> Result<Looked, Failed> {
        let surroundings = passing.surroundings(&self.0.shared.flow.clock);
        let answer = passing.upstream.forward(pass, asked, upload, &surroundings);
        let response = answer.await?;
        let (head, body) = response.into_parts();
        let (peeked, body) = body
            .peek(look::MOST)
            .await
            .map_err(|_| Failed::Unsound("its answer broke off"))?;
        Ok(Looked {
            head,
            start: peeked.bytes,
            whole: peeked.whole,
            body,
        })
    }
}

impl Heard {
    /// Nothing yet: the browser has what it `sent`.
    pub(super) fn new(sent: &Jar) -> Self {
        Self {
            jar: sent.clone(),
            cookies: Vec::new(),
        }
    }

    /// Takes in what the answer to a request for `at` sets.
    pub(super) fn take_in(&mut self, fields: &HeaderMap, at: &Target, now: u64) {
        for field in fields.get_all(header::SET_COOKIE) {
            if let Some(change) = cookie::set(field, now) {
                self.jar.take_in(&change);
            }
            // They are given to the browser elsewhere.
            self.cookies.push(cookie::placed(field, at.path()));
        }
    }
}

impl Looked {
    /// What was looked at of its body.
    pub(super) fn start(&self) -> &Bytes {
        &self.start
    }

    pub(super) fn judged<T>(&self, judge: impl FnOnce(&Answered<'_>) -> T) -> T {
        let decoded = look::decoded(&self.head.headers, &self.start);
        judge(&Answered {
            status: self.head.status,
            fields: &self.head.headers,
            body: decoded.as_deref(),
        })
    }

    /// It, for a browser that comes for it later.
    pub(super) fn page(&self) -> HeldPage {
        let mut fields = self.head.headers.clone();
        for name in [
            header::SET_COOKIE,
            header::CONTENT_LENGTH,
            header::CONNECTION,
        ] {
            fields.remove(name);
        }
        HeldPage {
            status: self.head.status,
            fields,
            body: self.start.clone(),
        }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        Response::from_parts(self.head, self.body)
    }
}

/// The probe of a capture as a request that may be made.
fn probe(site: &Site, capture: &Capture) -> Option<(Pass, Target)> {
    let path = capture.probe.as_deref()?.parse().ok()?;
    let target = Target::parse(path).ok()?;
    Some((gate::follow(site, capture, &target)?, target))
}
