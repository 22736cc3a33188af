//! Who signs out of the gateway is signed out of the application, too: one request of ours, in nobody's way.

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use tokio::time::timeout;

use super::{Front, Gateway};
use crate::capture::cookie;
use crate::event::What;
use crate::flow::Visit;
use crate::flow::sign_out::Leaving;
use crate::gate;
use crate::server::address_text;
use crate::upstream::Upstream;
use crate::upstream::body::Upload;
use crate::upstream::head::Surroundings;

/// How long the application may take: people wait for the page that says that they are signed out.
const PATIENCE: Duration = Duration::from_secs(5);

impl Gateway {
    /// Sends it up with what the browser has of the application's cookies. Gives those that it sets, or only those that it
    /// takes away where nobody has had a code for the session. A failure is logged, and the sign-out has happened all the
    /// same.
    pub(super) async fn sign_out_there(
        &self,
        front: &Front,
        upstream: &Upstream,
        visit: &Visit<'_>,
        leaving: &Leaving,
    ) -> Vec<HeaderValue> {
        let flow = &self.0.shared.flow;
        let site = &front.door.site;
        let Some(out) = site.sign_out.as_ref() else {
            return Vec::new();
        };
        let Some(pass) = gate::sign_out(site, &out.target) else {
            return Vec::new();
        };
        let jar = leaving.jar.iter();
        let cookies = cookie::pairs(jar).collect::<Vec<_>>();
        let field = leaving.jar.clone();
        let (asked, upload) = match out.body(&cookies) {
            None => (
                visit.asked.following(out.target.clone(), field),
                Upload::empty(),
            ),
            Some(body) => {
                let length = body.len() as u64;
                let origin = HeaderValue::from_str(site.origin.text());
                let asked = visit
                    .asked
                    .posting(out.target.clone(), field, origin.ok(), length);
                (asked, Upload::bytes(Bytes::from(body)))
            }
        };
        let surroundings = Surroundings {
            site,
            peer_text: &address_text(visit.peer.address),
            identity: front.identity.as_ref(),
            unix: flow.clock.wall(),
            constant: &front.constant,
        };
        let answer = upstream.forward(&pass, asked, upload, &surroundings);
        let why = match timeout(PATIENCE, answer).await {
            Ok(Ok(response)) => {
                let status = response.status();
                if status.is_client_error() || status.is_server_error() {
                    flow.record(visit, What::NotSignedOut { why: &status });
                }
                let set = response.headers().get_all(header::SET_COOKIE).iter();
                // Where the session goes on, it may do so under an id that is drawn anew, and that nobody keeps back.
                let is_safe = |field: &&HeaderValue| {
                    let deletes =
                        || cookie::set(field, flow.clock.wall()).is_some_and(|set| set.deletes);
                    !leaving.unproven || deletes()
                };
                return set.filter(is_safe).cloned().collect();
            }
            Ok(Err(failed)) => failed.to_string(),
            Err(_) => "it did not answer in time".to_owned(),
        };
        flow.record(visit, What::NotSignedOut { why: &why });
        Vec::new()
    }
}
