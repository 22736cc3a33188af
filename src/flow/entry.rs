//! A grant is missing: who is asked, what is kept of the request, and in which form the answer comes.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};

use super::audience::{self, Audience};
use super::own::{ask_path, code_path};
use super::{Flow, NoRandomness, Reply, Visit, empty, random, see_other, with_cookies};
use crate::challenge::{self, Browser, Entry, Question};
use crate::event::What;
use crate::hold::{Destination, Hold, Kept, MAX_BODY, Waiting};
use crate::page::{CONTENT_TYPE, Kind, Page, Problem, Refusal};
use crate::request::Framing;
use crate::scope::Scope;
use crate::seal::BrowserSecret;
use crate::store::Full;
use crate::subject::Subject;
use crate::upstream::body::Upload;

/// Why nothing could be begun.
pub(super) enum NotBegun {
    Full,
    NoRandomness,
}

impl Flow {
    /// Answers a request that needs a grant for `scope` and has none.
    pub async fn missing(&self, visit: &Visit<'_>, scope: &Arc<Scope>, body: Upload) -> Reply {
        let audience = audience::of(visit.asked.fields(), visit.asked.websocket());
        if audience::prefetches(visit.asked.fields()) {
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        }
        let forget = if visit.held.unbound.is_empty() {
            Vec::new()
        } else {
            Self::forgetting_unbound(visit)
        };
        if matches!(audience, Audience::Nobody | Audience::Grpc) {
            return with_cookies(self.turn_away(visit, audience, scope, None), forget);
        }
        if let (None, Some(capture)) = (who(visit, scope), visit.door.site.login_for(&scope.name)) {
            // Its script may have asked for it already.
            if let Some((id, _)) = self.relayed(visit) {
                let until = visit.now.later(challenge::LONGEST).unix;
                let page = code_path(&id);
                let reply = self.turn_away(visit, audience, scope, Some((&page, Some(until))));
                return with_cookies(reply, forget);
            }
            // The application asks for its password first.
            let page = Some((capture.page.as_str(), None));
            return with_cookies(self.turn_away(visit, audience, scope, page), forget);
        }
        let begun = match audience {
            Audience::Nobody | Audience::Grpc => {
                return self.turn_away(visit, audience, scope, None);
            }
            Audience::Navigation | Audience::Frame => self.begin(visit, scope, Some(body)).await,
            Audience::Script | Audience::Htmx => self.begin(visit, scope, None).await,
        };
        match begun {
            Ok((url, until, cookie)) => with_cookies(
                self.turn_away(visit, audience, scope, Some((&url, until))),
                cookie,
            ),
            Err(NotBegun::Full) => self.refuse(visit, Refusal::Full),
            Err(NotBegun::NoRandomness) => self.refuse(visit, Refusal::Internal),
        }
    }

    /// Keeps where they were going and begins, or joins, a challenge if it is known who they are. Gives the page to
    /// go to, when it ends in unix seconds, and the cookie that is new.
    async fn begin(
        &self,
        visit: &Visit<'_>,
        scope: &Arc<Scope>,
        body: Option<Upload>,
    ) -> Result<(String, Option<u64>, Option<HeaderValue>), NotBegun> {
        let site = &visit.door.site;
        let (secret, cookie) = Self::browser(visit)?;
        let browser = self.ring.browser(&secret);
        let subject = who(visit, scope);
        let entry = subject.as_ref().map_or(Entry::Ask, |(_, entry)| *entry);
        let hold = match body {
            Some(body) => Some(
                self.hold(visit, &secret, scope, subject.is_some(), body)
                    .await?,
            ),
            // A script that goes on calling must not push out what a person has sent.
            None if self
                .store
                .holds
                .waits(&browser, &site.name, &scope.name, visit.now) =>
            {
                None
            }
            // A script calls again by itself: it is the page it runs in that they come back to.
            None => Some(Hold {
                target: referer(visit),
                request: Waiting::Nothing,
            }),
        };
        if let Some(hold) = hold {
            self.store.holds.keep(
                browser,
                &site.name,
                &scope.name,
                hold,
                (visit.peer.network(), entry),
                visit.now,
            )?;
        }
        let Some((subject, entry)) = subject else {
            return Ok((ask_path(scope.name.as_str()), None, cookie));
        };
        let id = self.challenge(visit, scope, subject.clone(), subject, entry, browser)?;
        let until = visit.now.later(challenge::LONGEST).unix;
        Ok((code_path(&id), Some(until), cookie))
    }

    /// Begins a challenge, or joins the one that runs.
    pub(super) fn challenge(
        &self,
        visit: &Visit<'_>,
        scope: &Arc<Scope>,
        subject: Subject,
        named: Subject,
        entry: Entry,
        browser: Browser,
    ) -> Result<challenge::Id, NotBegun> {
        let question = Question {
            site: visit.door.site.name.clone(),
            scope: Arc::clone(scope),
            subject,
            named,
            entry,
            browser,
        };
        let new = random()?;
        let id = self.store.ask(question, new, visit.now)?;
        if id == new {
            self.record(
                visit,
                What::ChallengeCreated {
                    scope: &scope.name,
                    entry,
                },
            );
        }
        Ok(id)
    }

    /// What is kept of a request whose visitor goes away to type a code.
    async fn hold(
        &self,
        visit: &Visit<'_>,
        secret: &BrowserSecret,
        scope: &Scope,
        proven: bool,
        body: Upload,
    ) -> Result<Hold, NotBegun> {
        let asked = visit.asked;
        let target = Destination::of(asked.target().raw());
        if matches!(*asked.method(), Method::GET | Method::HEAD) {
            let request = self
                .held_before(visit, secret, scope)?
                .map_or(Waiting::Nothing, Waiting::Request);
            return Ok(Hold { target, request });
        }
        let lost = || Hold {
            target: referer(visit),
            request: Waiting::Lost,
        };
        let fits = match asked.framing() {
            Framing::Length(length) => {
                usize::try_from(length).is_ok_and(|length| length <= MAX_BODY)
            }
            Framing::Empty | Framing::Chunked => true,
        };
        // Memory is for people who have shown who they are: a stranger's request is not kept. Nor is one for a place
        // where no browser is sent back to: it would be replayed elsewhere.
        let returns = target.as_str() == asked.target().raw();
        if !proven || !fits || !returns {
            return Ok(lost());
        }
        let Ok(bytes) = Limited::new(body, MAX_BODY)
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
        else {
            return Ok(lost());
        };
        let kind = asked.fields().get(header::CONTENT_TYPE).cloned();
        let key = self.ring.hold(secret, scope.name.as_str().as_bytes());
        match Kept::seal(asked.method().clone(), kind, &bytes, &key, random()?) {
            Ok(kept) => Ok(Hold {
                target,
                request: Waiting::Request(kept),
            }),
            Err(_) => Ok(lost()),
        }
    }

    /// The request that was to be replayed by this very GET, where one code was not enough for it: it goes on waiting.
    fn held_before(
        &self,
        visit: &Visit<'_>,
        secret: &BrowserSecret,
        scope: &Scope,
    ) -> Result<Option<Kept>, NotBegun> {
        let asked = visit.asked;
        let Some(id) = visit.held.replay.filter(|_| *asked.method() == Method::GET) else {
            return Ok(None);
        };
        let browser = self.ring.browser(secret);
        let raw = asked.target().raw();
        let Some(kept) = self
            .store
            .holds
            .fetch_request(&id, &browser, raw, visit.now)
        else {
            return Ok(None);
        };
        let key = self.ring.hold(secret, scope.name.as_str().as_bytes());
        Ok(kept
            .reseal(&self.ring.hold(secret, &id), &key, random()?)
            .ok())
    }

    pub(super) fn turn_away(
        &self,
        visit: &Visit<'_>,
        audience: Audience,
        scope: &Scope,
        page: Option<(&str, Option<u64>)>,
    ) -> Reply {
        let url = page.map(|(url, _)| url);
        match (audience, url) {
            (Audience::Navigation, Some(url)) => see_other(url),
            (Audience::Frame, Some(url)) => challenged(
                self.page(visit, &Page::Frame { link: url }),
                scope,
                Some(url),
            ),
            (Audience::Grpc, _) => {
                let mut reply = empty(StatusCode::OK);
                reply.headers_mut().insert(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("application/grpc"),
                );
                // 16 is UNAUTHENTICATED; without a body the status may stand in the head.
                reply.headers_mut().insert(
                    HeaderName::from_static("grpc-status"),
                    HeaderValue::from_static("16"),
                );
                reply
            }
            (Audience::Script | Audience::Htmx, Some(url)) => {
                let problem = Problem {
                    kind: Kind::CodeRequired,
                    scope: Some(scope.name.as_str()),
                    challenge_url: Some(url),
                    expires_at: page.and_then(|(_, until)| until),
                    reference: &visit.reference.to_string(),
                };
                let mut reply =
                    empty(StatusCode::UNAUTHORIZED).map(|_| Bytes::from(problem.json()));
                reply
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
                if audience == Audience::Htmx
                    && let Ok(url) = HeaderValue::from_str(url)
                {
                    reply
                        .headers_mut()
                        .insert(HeaderName::from_static("hx-redirect"), url);
                }
                allow_origin(visit, challenged(reply, scope, Some(url)))
            }
            _ => challenged(empty(StatusCode::UNAUTHORIZED), scope, None),
        }
    }
}

/// Lets the script of a trusted origin read an answer of ours.
fn allow_origin(visit: &Visit<'_>, mut reply: Reply) -> Reply {
    let origin = visit
        .asked
        .fields()
        .get(header::ORIGIN)
        .filter(|origin| visit.door.site.trusts(origin));
    if let Some(origin) = origin {
        reply
            .headers_mut()
            .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        reply.headers_mut().insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        reply.headers_mut().insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("WWW-Authenticate"),
        );
    }
    reply
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("Origin"));
    reply
}

fn challenged(mut reply: Reply, scope: &Scope, url: Option<&str>) -> Reply {
    let url = url
        .map(|url| format!(", challenge=\"{url}\""))
        .unwrap_or_default();
    // Names and own paths hold no quotes.
    if let Ok(value) = HeaderValue::from_str(&format!("Countersign scope=\"{}\"{url}", scope.name))
    {
        reply.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    reply
}

/// Who is asked, if that is known: the subject of a live grant of this site, else of one for this very scope that
/// ran out within the last day.
fn who(visit: &Visit<'_>, scope: &Scope) -> Option<(Subject, Entry)> {
    let held = visit.held;
    let first = &visit.door.site.first_scope().name;
    let live = held
        .live
        .iter()
        .find(|grant| grant.scope() == first)
        .or_else(|| held.live.first());
    if let Some(grant) = live {
        return Some((grant.subject().clone(), Entry::StepUp));
    }
    held.run_out
        .iter()
        .find(|grant| *grant.scope() == scope.name)
        .map(|grant| (grant.subject().clone(), Entry::Renewal))
}

/// The page of this site that sent the request, or the first one.
pub(super) fn referer(visit: &Visit<'_>) -> Destination {
    let own = visit.door.site.origin.text();
    let path = visit
        .asked
        .field(header::REFERER)
        .and_then(|referer| referer.strip_prefix(own))
        .unwrap_or("/");
    Destination::of(path)
}

impl From<Full> for NotBegun {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl From<NoRandomness> for NotBegun {
    fn from(_: NoRandomness) -> Self {
        Self::NoRandomness
    }
}
