//! HTTP Basic before the code: the credentials alone go up, with a GET of the gateway's own, and nothing of the visitor's.

use http::{Response, header};
use tokio::time::{Instant, timeout_at};

use super::Gateway;
use super::heard::{Looked, OUR_OWN};
use super::passing::Passing;
use super::refusal::{refused, told_to, whole};
use crate::capture::Capture;
use crate::capture::basic::{self, Shown};
use crate::capture::judge::Judgement;
use crate::event::What;
use crate::flow::Visit;
use crate::flow::capture::Held;
use crate::gate::{self, Pass, Reason};
use crate::page::Refusal;
use crate::peer::Peer;
use crate::request::Checked;
use crate::site::Site;
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
        let Some(probe) = probe(&door.site, capture) else {
            flow.dismiss(&admitted).await;
            return whole(flow.refuse(&visit, Refusal::Internal), closing);
        };
        let (looked, judgement) = match self.judge_basic(probe, asked, &shown, &passing).await {
            Ok(judged) => judged,
            Err(failed) => {
                flow.dismiss(&admitted).await;
                return whole(told_to(flow, &visit, &failed), closing);
            }
        };
        if judgement == Judgement::Bad {
            flow.dismiss(&admitted).await;
            let scope = &capture.scope;
            flow.record(&visit, What::LoginFailed { scope });
            let mut response = looked.into_response();
            // What it sets is for a session that nobody has had a code for.
            response.headers_mut().remove(header::SET_COOKIE);
            return response;
        }
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

    /// Asks for the probe with the credentials and, unless that is a no by itself, as nobody: what differs tells.
    pub(super) async fn judge_basic(
        &self,
        probe: Probe,
        asked: &Checked,
        shown: &Shown,
        passing: &Passing<'_>,
    ) -> Result<(Looked, Judgement), Failed> {
        let until = Instant::now() + OUR_OWN;
        let get = asked.showing(probe.target, shown.field.clone());
        let with = self.ask(&probe.somebodys, get.clone(), Upload::empty(), passing);
        let looked = timeout_at(until, with)
            .await
            .unwrap_or(Err(Failed::Timeout))?;
        let status = looked.head.status;
        match basic::heard(status) {
            basic::Heard::No => return Ok((looked, Judgement::Bad)),
            basic::Heard::Nothing => return Err(Failed::Unsound("it failed over the probe")),
            basic::Heard::Perhaps => {}
        }
        let without = self.ask(&probe.nobodys, get, Upload::empty(), passing);
        let without = timeout_at(until, without).await.ok().and_then(Result::ok);
        let without = without.map(|looked| looked.head.status);
        Ok((looked, basic::judged(status, without)))
    }
}

/// The gateway's own question: where, and by which leave.
pub(super) struct Probe {
    target: Target,
    /// With the credentials.
    somebodys: Pass,
    /// Without them: whatever Authorization it has stays here.
    nobodys: Pass,
}

pub(super) fn probe(site: &Site, capture: &Capture) -> Option<Probe> {
    let path = capture.probe.as_deref().unwrap_or("/").parse().ok()?;
    let target = Target::parse(path).ok()?;
    Some(Probe {
        somebodys: gate::probe(site, capture, &target)?,
        nobodys: gate::follow(site, capture, &target)?,
        target,
    })
}
