//! A request that may go on: up to its application, and the answer back.

use std::cell::LazyCell;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use tokio_util::sync::CancellationToken;

use super::refusal::{drained, refused, told, whole};
use super::{Front, Gateway, form_of};
use crate::capture::Capture;
use crate::challenge::AGAIN;
use crate::code::Reference;
use crate::event::{Event, What};
use crate::flow::{Flow, Reply, Visit, addressed, look, reply};
use crate::gate::{self, Grants, Mentioned, Pass, Reason, Said, Verdict, Way};
use crate::grant::Grant;
use crate::grant::prints::Print;
use crate::moment::Moment;
use crate::observe::{self, clock::Clock};
use crate::page::{Page, Refusal};
use crate::peer::Peer;
use crate::request::Checked;
use crate::seal::{Held, cookies};
use crate::server::Connection;
use crate::site::Site;
use crate::upstream::body::{Body, Upload, Watch};
use crate::upstream::head::Surroundings;
use crate::upstream::{Failed, Upstream, tunnel};

/// A request that may go on, with what its answer needs.
pub(super) struct Passing<'a> {
    pub(super) front: &'a Front,
    pub(super) upstream: &'a Upstream,
    pub(super) held: Held,
    pub(super) peer_text: HeaderValue,
    pub(super) now: Moment,
    /// Drawn only for those whose answer needs one.
    pub(super) reference: LazyCell<Reference>,
    pub(super) connection: &'a Connection,
    /// Whether all of its body was searched for a password, and none was found: if not, a session that its answer sets
    /// may be another person's.
    pub(super) searched: bool,
    /// Whether it may be the one that signs the holder of a live grant out of the application.
    pub(super) leaves: bool,
    /// What its grants are to know of their token, where the keys were rotated since.
    pub(super) token: Option<Print>,
    /// Whose tokens its answer may renew.
    pub(super) renews: Option<&'a Capture>,
}

/// What a request becomes a tunnel with, should it become one.
pub(super) struct Upgrade {
    pub(super) visitor: OnUpgrade,
    pub(super) shutdown: CancellationToken,
}

impl Gateway {
    /// Written before the first wait: see [`crate::upstream`].
    pub(super) fn forward(
        &self,
        pass: Pass,
        asked: Checked,
        body: Upload,
        upgrade: Option<Upgrade>,
        passing: &Passing<'_>,
    ) -> impl Future<Output = Result<Response<Body>, Failed>> {
        let closing = asked.closing();
        // What it was let through as, for as long as its tunnel runs.
        let judged = asked.websocket().then(|| Box::new(asked.clone()));
        let upstream = passing.upstream;
        let clock = &self.0.shared.flow.clock;
        let mut written = upstream.write(&pass, asked, body, &passing.surroundings(clock));
        async move {
            let surroundings = passing.surroundings(clock);
            let mut response = upstream.send(&pass, &mut written, &surroundings).await?;
            let mut tokens: Vec<Print> = passing.token.into_iter().collect();
            if let Some(capture) = passing.renews {
                let renewed = Box::pin(self.renewed(capture, response, passing)).await?;
                response = renewed.0;
                tokens.extend(renewed.1);
            }
            let tunnel = response.status() == StatusCode::SWITCHING_PROTOCOLS;
            let stream = is_event_stream(response.headers());
            if stream {
                let shutdown = passing.connection.shutdown.clone();
                response.body_mut().end_at(shutdown);
            }
            let endless = tunnel || stream;
            let over = passing.leaves && !endless && signs_out(response.status());
            if over {
                Box::pin(self.end(passing, &mut response)).await;
            } else {
                let used = match pass.way() {
                    Way::Granted(grants) => grants.as_slice(),
                    // A page that is open to all may renew the session of somebody who has a grant.
                    _ => &[],
                };
                self.keep_up(surroundings.site, used, &tokens, passing, &mut response);
            }
            match pass.into_way() {
                // The answer that says goodbye is whole; one that has no end would outlive the grant.
                Way::Granted(_) if over => {}
                Way::Granted(grants) => {
                    if tunnel {
                        let watch = self.tunnel(judged, grants, surroundings.site);
                        tunnel_through(upgrade, &mut response, watch);
                    } else {
                        let standing = self.standing();
                        response.body_mut().watch(Watch { standing, grants });
                    }
                }
                _ if tunnel => {
                    let watch = self.tunnel(judged, Grants::new(), surroundings.site);
                    tunnel_through(upgrade, &mut response, watch);
                }
                _ => {}
            }
            if closing {
                response
                    .headers_mut()
                    .insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        }
    }

    /// Sends the request that was held for this browser in the place of the one that came for its answer.
    pub(super) async fn replay(
        &self,
        pass: Pass,
        asked: Checked,
        body: Upload,
        upgrade: Option<Upgrade>,
        mut passing: Passing<'_>,
    ) -> Response<Body> {
        let flow = &self.0.shared.flow;
        let site = &passing.front.door.site;
        let target = asked.target().raw().to_owned();
        let forget = cookies::print(site, cookies::REPLAY, "", Some(0));
        let cookies = asked.fields().get_all(header::COOKIE).iter();
        let secret = flow.ring.keepsakes(site, cookies).secret;
        let taken = passing
            .held
            .replay
            .take()
            .zip(secret)
            .filter(|_| *asked.method() == Method::GET && !asked.websocket());
        let opened = taken.as_ref().and_then(|(id, secret)| {
            let browser = flow.ring.browser(secret);
            let kept = flow
                .store
                .holds
                .fetch_request(id, &browser, &target, passing.now)?;
            kept.open(&flow.ring.hold(secret, id)).ok()
        });
        let (Some((method, kind, bytes)), Some((id, secret))) = (opened, taken) else {
            // Not the request that it waits for, which another tab's may overtake: the cookie ends by itself.
            let navigation = is_navigation(&asked);
            let answered = self.forward(pass, asked, body, upgrade, &passing).await;
            return answered
                .unwrap_or_else(|failed| whole(told(flow, &passing, &failed, navigation), true));
        };
        let asked = asked.replaying(method.clone(), kind.clone(), bytes.len() as u64);
        let form = form_of(&asked, &bytes, true);
        // It is another request than the one that was let through: the gate looks at it itself.
        let bearer = flow.bearer(site, asked.fields(), passing.now);
        let said = Said {
            form: &form,
            logins: &[],
            password: Mentioned::find(site, &asked, &bytes),
            bearer: bearer.as_ref(),
        };
        let (Verdict::Forward(pass) | Verdict::Shadow(pass, _)) =
            gate::decide(site, &asked, said, &passing.held.live)
        else {
            return whole(
                passing.page(flow, &Page::SubmitAgain { back: &target }),
                true,
            );
        };
        passing.record(What::HoldReplayed);
        let upload = Upload::bytes(bytes.clone());
        let mut response = match self.forward(pass, asked, upload, upgrade, &passing).await {
            Ok(response) => response,
            // Nothing of it went up: it waits on for another try, and so does its cookie.
            Err(failed)
                if failed.nothing_sent()
                    && flow.keep_again(
                        &id,
                        &secret,
                        (method, kind, &bytes),
                        &target,
                        passing.now,
                    ) =>
            {
                passing.record(What::UpstreamFailed { why: &failed });
                let page = Page::Refused(Refusal::NotReleased { again: &target });
                return whole(passing.page(flow, &page), true);
            }
            Err(failed) => whole(told(flow, &passing, &failed, true), true),
        };
        set_our_cookie(response.headers_mut(), forget);
        response
    }

    /// Keeps the idle time of the grants that were used, ends the codes that they were earned with, and takes the
    /// sessions along that the application has changed, and the tokens that a login has brought.
    pub(super) fn keep_up(
        &self,
        site: &Site,
        used: &[Grant],
        tokens: &[Print],
        passing: &Passing<'_>,
        response: &mut Response<Body>,
    ) {
        let (flow, now) = (&self.0.shared.flow, passing.now);
        for grant in used {
            if now.unix.saturating_sub(grant.issued()) < AGAIN.as_secs() {
                flow.store.used(&grant.id());
            }
        }
        let changes = site.binds() || !tokens.is_empty();
        if changes && passing.searched && !passing.held.live.is_empty() {
            let moved = flow.moved(site, &passing.held, response.headers(), tokens, now);
            if !moved.is_empty() {
                let fields = response.headers_mut();
                for grant in moved {
                    let renewed = if used.iter().any(|used| used.id() == grant.id()) {
                        grant.renewed(now).unwrap_or(grant)
                    } else {
                        grant
                    };
                    set_our_cookie(fields, flow.grant_cookie(site, &renewed, now));
                }
                return;
            }
        }
        for renewed in used.iter().filter_map(|grant| grant.renewed(now)) {
            let cookie = flow.grant_cookie(site, &renewed, now);
            set_our_cookie(response.headers_mut(), cookie);
        }
    }
    /// Ends every grant of the site in this browser, whose owner has signed out of the application, and makes the browser
    /// forget them with the application's answer.
    async fn end(&self, passing: &Passing<'_>, response: &mut Response<Body>) {
        let flow = &self.0.shared.flow;
        let site = &passing.front.door.site;
        for cookie in flow.end(site, &passing.held, passing.now, |what| {
            passing.record(what);
        }) {
            set_our_cookie(response.headers_mut(), cookie);
        }
        // Where the disk fails they have ended all the same, until the next start; the application's answer is not ours
        // to take back (A7).
        let _ = flow.store.settled().await;
    }
}

/// Whether the application did what it was asked for. `WordPress` answers 403 to a logout without its nonce, and asks.
fn signs_out(status: StatusCode) -> bool {
    !status.is_client_error() && !status.is_server_error()
}

/// Puts a cookie of ours on an answer of the application's, which no shared cache may keep then, whatever it says of
/// itself: the next visitor would get this one's grant (RFC 9111 section 5.2.2.7).
pub(super) fn set_our_cookie(fields: &mut HeaderMap, cookie: HeaderValue) {
    fields.append(header::SET_COOKIE, cookie);
    let mut kept = String::from("private");
    for value in fields.get_all(header::CACHE_CONTROL) {
        // A field that is no text says nothing that a cache could read.
        for own in value.to_str().unwrap_or_default().split(',') {
            let own = own.trim();
            let name = own.split('=').next().unwrap_or_default().trim_end();
            let shared = ["public", "private", "s-maxage"];
            if !own.is_empty() && !shared.iter().any(|word| name.eq_ignore_ascii_case(word)) {
                kept.push_str(", ");
                kept.push_str(own);
            }
        }
    }
    let kept =
        HeaderValue::from_str(&kept).unwrap_or_else(|_| HeaderValue::from_static("no-store"));
    fields.insert(header::CACHE_CONTROL, kept);
}

impl Passing<'_> {
    /// What the application's side has to know. What it is told of the time is what its own clock shows.
    pub(super) fn surroundings(&self, clock: &Clock) -> Surroundings<'_> {
        let identity = self.front.identity.as_ref();
        Surroundings {
            site: &self.front.door.site,
            peer_text: &self.peer_text,
            identity,
            unix: identity.map_or(self.now.unix, |_| clock.wall()),
            constant: &self.front.constant,
        }
    }

    pub(super) fn record(&self, what: What<'_>) {
        observe::record(&Event {
            reference: *self.reference,
            site: Some(&self.front.door.site.name),
            what,
        });
    }

    /// A request whose address shows a session that must not go up: somebody who goes there goes on without it.
    pub(super) async fn strayed(
        &self,
        flow: &Flow,
        asked: &Checked,
        body: Upload,
        peer: Peer,
    ) -> Response<Body> {
        let visit = Visit::new(flow, &self.front.door, asked, &self.held, peer, self.now);
        let reply = addressed::without(&visit)
            .unwrap_or_else(|| refused(flow, &visit, Reason::Credentials));
        drained(reply, body, asked).await
    }

    pub(super) fn page(&self, flow: &Flow, page: &Page<'_>) -> Reply {
        let look = look(&self.front.door.site);
        reply(
            &flow
                .pages
                .render(page, &look, &self.reference.to_string(), self.now),
        )
    }
}

/// Joins both ends of an upgraded connection. The server waits for the visitor's end of it.
fn tunnel_through(upgrade: Option<Upgrade>, response: &mut Response<Body>, watch: Option<Watch>) {
    let application = hyper::upgrade::on(response);
    if let Some(Upgrade { visitor, shutdown }) = upgrade {
        tokio::task::spawn_local(tunnel::run(visitor, application, watch, shutdown));
    }
}

/// Whether the answer goes on until somebody leaves (WHATWG HTML section 9.2).
fn is_event_stream(fields: &HeaderMap) -> bool {
    const KIND: &[u8] = b"text/event-stream";
    let kind = fields
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.as_bytes().get(..KIND.len()));
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(KIND))
}

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

pub(super) fn is_navigation(asked: &Checked) -> bool {
    asked
        .fields()
        .get(SEC_FETCH_MODE)
        .is_none_or(|mode| mode == "navigate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_no_shared_cache_keeps_an_answer_with_a_cookie_of_ours() {
        for (said, kept) in [
            (&[][..], "private"),
            (&["public, max-age=60"], "private, max-age=60"),
            (&["max-age=60", "no-cache"], "private, max-age=60, no-cache"),
            (
                &["s-maxage=9, Public , must-revalidate"],
                "private, must-revalidate",
            ),
            (&["private=\"x\", no-store"], "private, no-store"),
            (&["no-store"], "private, no-store"),
        ] {
            let mut fields = HeaderMap::new();
            for value in said {
                fields.append(header::CACHE_CONTROL, HeaderValue::from_static(value));
            }
            set_our_cookie(&mut fields, HeaderValue::from_static("a=b"));
            let all: Vec<_> = fields.get_all(header::CACHE_CONTROL).iter().collect();
            assert_eq!(all, [kept], "{said:?}");
            assert_eq!(fields[header::SET_COOKIE], "a=b");
        }
    }
}
