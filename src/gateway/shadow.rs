//! What passes because a scope is in shadow: it goes up as if nobody stood there, and what would have been done is said.

use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

use super::Gateway;
use super::captured::{Posted, by_script, makes_session, theirs};
use super::heard::{Heard, Looked};
use super::passing::{Passing, Upgrade, is_navigation, set_our_cookie};
use super::refusal::{told, told_to, whole};
use crate::capture::basic::{self, Shown};
use crate::capture::judge::{self, Judgement};
use crate::capture::{Capture, look};
use crate::event::What;
use crate::flow::shadow::Outcome;
use crate::flow::{Flow, Visit, addressed};
use crate::gate::shadow::{Would, is_free};
use crate::gate::{Pass, Reason, Way};
use crate::hold::Destination;
use crate::peer::Peer;
use crate::request::Checked;
use crate::target::Target;
use crate::upstream::body::{Body, Upload};

/// A request as it goes up.
pub(super) struct Through {
    pub(super) asked: Checked,
    pub(super) body: Upload,
    /// The same body in one piece, if it carries the login.
    pub(super) posted: Option<Posted>,
    pub(super) upgrade: Option<Upgrade>,
}

impl Gateway {
    /// Says what would have been done, and sends it up all the same.
    pub(super) async fn shadow(
        &self,
        pass: Pass,
        would: Option<Would<'_>>,
        through: Through,
        peer: Peer,
        mut passing: Passing<'_>,
    ) -> Response<Body> {
        let flow = &self.0.shared.flow;
        let door = &passing.front.door;
        let site = &door.site;
        let Through {
            asked,
            body,
            posted,
            upgrade,
        } = through;
        // Whoever a session is made for here, a grant of another scope must not come to serve it.
        passing.searched &= !is_free(site, &passing.held.live)
            && !asked.fields().contains_key(header::AUTHORIZATION);
        let granted = !passing.held.live.is_empty();
        let rest = if site.watches() {
            None
        } else {
            flow.without_quarantined(site, asked.fields(), granted, None, passing.now)
        };
        // As with cookies: what a login or a grant in force keeps back does not go up in an address either.
        let guarded = !site.watches() || matches!(pass.way(), Way::Granted(_));
        let up = match rest {
            Some(rest) => asked.clone().with_cookies(rest),
            None => asked.clone(),
        };
        if guarded && addressed::strays(site, up.target(), Some(up.fields())) {
            return passing.strayed(flow, &asked, body, peer).await;
        }
        let visit = Visit::new(flow, door, &asked, &passing.held, peer, passing.now);
        let mut credentials = None;
        let mut looks = None;
        match would {
            Some(Would::Hold(capture)) => {
                if let Some(posted) = posted {
                    return self
                        .watched_login(&pass, (capture, up), &visit, &passing, posted)
                        .await;
                }
            }
            Some(Would::Ask(scope, route)) => {
                let login = site.basic().filter(|_| visit.held.live.is_empty());
                credentials = login.map(|capture| (capture, basic::read(visit.asked.fields())));
                if let Some((_, Err(why))) = credentials {
                    let reason = Reason::Ambiguous(why);
                    flow.record(&visit, What::WouldRefuse { reason });
                } else {
                    flow.would_ask(&visit, scope, route);
                }
            }
            Some(Would::Refuse(reason)) => flow.record(&visit, What::WouldRefuse { reason }),
            Some(Would::LookAt(capture)) => looks = Some(capture),
            None => {}
        }
        let cookies = theirs(&asked);
        // A session that is given to somebody who brings none is nobody's.
        let notes = looks.is_some_and(|capture| {
            let mut pairs = cookies.pairs();
            !pairs.any(|(name, value)| makes_session(capture, name, value))
        });
        if passing.held.replay.is_some() {
            return Box::pin(self.replay(pass, up, body, upgrade, passing)).await;
        }
        let response = match self.forward(pass, up, body, upgrade, &passing).await {
            Ok(response) => response,
            Err(failed) => {
                let navigation = is_navigation(&asked);
                return whole(told(flow, &passing, &failed, navigation), true);
            }
        };
        if notes {
            flow.note_fresh(site, response.headers(), passing.now);
        }
        if let Some((capture, Ok(Some(shown)))) = credentials
            && basic::is_persons(asked.method(), asked.fields())
        {
            let status = response.status();
            self.watched_basic(capture, &shown, status, &visit, &passing)
                .await;
        }
        response
    }

    /// Says what would have come of a name and a password that went up with a request of a person's.
    async fn watched_basic(
        &self,
        capture: &Capture,
        shown: &Shown,
        status: StatusCode,
        visit: &Visit<'_>,
        passing: &Passing<'_>,
    ) {
        let outcome = if matches!(basic::heard(status), basic::Heard::No) {
            Outcome::Bad
        } else {
            let Some(probe) = super::basic::probe(&visit.door.site, capture) else {
                return;
            };
            match self.judge_basic(probe, visit.asked, shown, passing).await {
                Ok((_, judgement)) => Outcome::from(judgement),
                Err(_) => Outcome::Lost,
            }
        };
        let flow = &self.0.shared.flow;
        let name = Some(&*shown.username);
        // Every grant knows the credentials that it was earned with: there is nobody else's to end.
        drop(flow.would_hold(visit, capture, name, outcome).await);
    }

    /// Sends a login up, gives its answer to its sender, and says what would have come of it: nothing is held, kept back
    /// or sent.
    async fn watched_login(
        &self,
        pass: &Pass,
        (capture, asked): (&Capture, Checked),
        visit: &Visit<'_>,
        passing: &Passing<'_>,
        posted: Posted,
    ) -> Response<Body> {
        let flow = &self.0.shared.flow;
        let site = &visit.door.site;
        let name = posted.login.username.as_deref();
        let sent = theirs(&asked);
        let upload = Upload::bytes(posted.body.clone());
        let first = match self.ask(pass, asked.clone(), upload, passing).await {
            Ok(first) => first,
            Err(failed) => {
                let ended = if failed.nothing_sent() {
                    Vec::new()
                } else {
                    flow.would_hold(visit, capture, name, Outcome::Lost).await
                };
                let mut response = whole(told_to(flow, visit, &failed), true);
                for cookie in ended {
                    set_our_cookie(response.headers_mut(), cookie);
                }
                return response;
            }
        };
        let mut heard = Heard::new(&sent);
        heard.take_in(&first.head.headers, asked.target(), flow.clock.wall());
        let own = heard.cookies.len();
        let origin = site.origin.text();
        let next = first.judged(|answered| {
            let now = flow.clock.wall();
            judge::posted(capture, &asked, &posted.body, &sent, origin, answered, now)
        });
        let (judgement, last) = self
            .ask_on(capture, (&asked, &posted.body), next, &mut heard, passing)
            .await;
        let given = gives_tokens(visit, capture, &first);
        let outcome = match judgement {
            Judgement::Bad if first.head.status.is_server_error() => Outcome::Lost,
            _ if given => Outcome::Good,
            judgement => Outcome::from(judgement),
        };
        let ended = flow.would_hold(visit, capture, name, outcome).await;
        let closing = visit.asked.closing();
        let waits = self.keep_page(visit, last);
        let mut response = first.into_response();
        let fields = response.headers_mut();
        // What the application set while it was asked on is the browser's, too.
        for cookie in heard.cookies.drain(own..) {
            fields.append(header::SET_COOKIE, cookie);
        }
        for cookie in ended.into_iter().chain(waits) {
            set_our_cookie(fields, cookie);
        }
        if closing {
            fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// The page that was followed to may be one that the application shows only once: when the browser comes for it, it
    /// finds what we have fetched. Gives the cookies that it comes with.
    fn keep_page(&self, visit: &Visit<'_>, last: Option<(Looked, Target)>) -> Vec<HeaderValue> {
        let Some((looked, target)) = last.filter(|(looked, _)| looked.whole) else {
            return Vec::new();
        };
        let Ok((secret, cookie)) = Flow::browser(visit) else {
            return Vec::new();
        };
        let flow = &self.0.shared.flow;
        let at = Destination::of(target.raw());
        let waits = flow.will_wait(visit, &secret, &looked.page(), &at);
        waits.into_iter().chain(cookie).collect()
    }
}

/// Whether the answer gives its script a token that only a good login is given.
fn gives_tokens(visit: &Visit<'_>, capture: &Capture, first: &Looked) -> bool {
    let relays = capture.answer.relays() && by_script(visit);
    let clear = relays
        .then(|| look::decoded(&first.head.headers, first.start()))
        .flatten();
    let found = clear.and_then(|clear| capture.answer.tokens(&clear));
    found.is_some_and(|found| found.named)
}
