//! HTTP Basic before the code: the credentials alone go up, with a GET of the gateway's own, and nothing of the visitor's.

use http::{Response, header};
use tokio::time::{Instant, timeout_at};

use super::Gateway;
use super::captured::OUR_OWN;
use super::passing::Passing;
use super::refusal::{refused, told_to, whole};
use crate::capture::Capture;
use crate::capture::basic;
use crate::capture::judge::Judgement;
use crate::event::What;
use crate::flow::Visit;
use crate::flow::capture::Held;
use crate::gate::{self, Reason};
use crate::page::Refusal;
use crate::peer::Peer;
use crate::request::Checked;
use crate::target::Target;
use crate::upstream::Failed;
use crate::upstream::body::{Body, Upload};

impl Gateway {
    /// A request that no grant stands behind, at a site whose logins come in the Authorization field.
    pub(super) async fn basic(
        &self,
        capture: &Capture,
        asked: &Checked,
        peer: Peer,
        passing: Passing<'_>,
    ) -> Response<Body> {
        let flow = &self.0.shared.flow;
        let door = &passing.front.door;
        let visit = Visit::new(flow, door, asked, &passing.held, peer, passing.now);
        // Nothing of its body was read.
        let closing = asked.closing() || super::has_body(asked);
        let shown = match basic::read(asked.fields()) {
            Ok(Some(shown)) => shown,
            Ok(None) => return whole(flow.ask_for_basic(&visit, capture), closing),
            Err(why) => {
                let reply = refused(flow, &visit, Reason::Ambiguous(why));
                return whole(reply, closing);
            }
        };
        let admitted = match flow.admit_basic(&visit, capture, &shown).await {
            Ok(admitted) => admitted,
            Err(reply) => return whole(reply, closing),
        };
        let site = &door.site;
        let probe = capture.probe.as_deref().unwrap_or("/");
        let probe = probe.parse().ok().and_then(|path| Target::parse(path).ok());
        let probe = probe.and_then(|target| Some((gate::probe(site, capture, &target)?, target)));
        let Some((pass, target)) = probe else {
            flow.dismiss(&admitted).await;
            return whole(flow.refuse(&visit, Refusal::Internal), closing);
        };
        let get = asked.showing(target, shown.field.clone());
        let until = Instant::now() + OUR_OWN;
        let answer = timeout_at(until, self.ask(&pass, get, Upload::empty(), &passing));
        let looked = match answer.await.unwrap_or(Err(Failed::Timeout)) {
            Ok(looked) => looked,
            Err(failed) => {
                flow.dismiss(&admitted).await;
                return whole(told_to(flow, &visit, &failed), closing);
            }
        };
        match basic::judged(looked.head.status) {
            // It has said nothing of the password.
            None => {
                flow.dismiss(&admitted).await;
                let failed = Failed::Unsound("it failed over the probe");
                whole(told_to(flow, &visit, &failed), closing)
            }
            Some(Judgement::Bad) => {
                flow.dismiss(&admitted).await;
                let scope = &capture.scope;
                flow.record(&visit, What::LoginFailed { scope });
                let mut response = looked.into_response();
                // What it sets is for a session that nobody has had a code for.
                response.headers_mut().remove(header::SET_COOKIE);
                response
            }
            Some(judgement) => {
                let answers = flow.basic_answers(&visit, capture, &shown);
                let held = flow
                    .captured(&visit, capture, admitted, judgement, answers)
                    .await;
                match held {
                    Held::Waits(reply) => whole(reply, closing),
                    // It had no grant when it was admitted.
                    Held::Through => whole(flow.refuse(&visit, Refusal::Internal), closing),
                }
            }
        }
    }
}
