//! Between the login of a script, which has its answer already, and the code: the token opens nothing, and the person
//! meets the code page wherever they go next (design section 3).

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};

use super::audience::{self, Audience};
use super::own::code_path;
use super::{Flow, Reply, Visit, empty, see_other};
use crate::capture::carried::Carried;
use crate::capture::token::{self, Bearer};
use crate::challenge::{self, Question};
use crate::grant::Grant;
use crate::grant::prints::Print;
use crate::hold::Destination;
use crate::moment::Moment;
use crate::site::Site;
use crate::store::quarantine::Weight;

/// Fields of the application's answer that a script needs to read it. Any other could carry a token past the quarantine.
const READ_BY: [HeaderName; 7] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::VARY,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
];

impl Flow {
    /// What grants may know of the token in this request's Authorization, where the site's are bound to tokens.
    pub fn bearer(&self, site: &Site, fields: &HeaderMap, now: Moment) -> Option<Bearer> {
        if !site.relays() {
            return None;
        }
        let shown = token::shown(fields)?;
        Some(Bearer {
            prints: self.ring.prints(site, token::NAME, shown).collect(),
            now,
        })
    }

    /// Whether a request shows a token that is not its sender's to show: one that waits for a code, wherever it stands, or
    /// under a grant one in the query or the body that the grant does not know. `body` is what was read of it, and whether that is all; `anonymous`
    /// says that neither its cookies nor its Authorization go up, so that an application's own start page works for who
    /// has an old token still.
    pub fn shows_anothers(
        &self,
        visit: &Visit<'_>,
        (body, whole): (&[u8], bool),
        anonymous: bool,
    ) -> bool {
        let (site, held, now) = (&visit.door.site, visit.held, visit.now);
        if !site.relays() {
            return false;
        }
        let (fields, target) = (visit.asked.fields(), visit.asked.target());
        let Some(carried) = Carried::packed(fields, body, whole) else {
            return !held.live.is_empty() || !self.store.quarantine.is_empty();
        };
        let unknown = |token: &[u8]| {
            let prints = self.ring.prints(site, token::NAME, token).collect();
            !Bearer { prints, now }.known(&held.live)
        };
        if !held.live.is_empty()
            && (token::in_query(target).any(|token| unknown(&token))
                || carried.named.iter().any(|token| unknown(token)))
        {
            return true;
        }
        let waits = |token: &[u8]| {
            let mut prints = self.ring.quarantined(site, token::NAME, token);
            prints.any(|print| {
                let kept = self.store.quarantine.look(&print, now);
                kept.is_some_and(|kept| kept.weight == Weight::Named)
            })
        };
        !self.store.quarantine.is_empty()
            && (token::candidates(fields, target, anonymous).any(|token| waits(&token))
                || carried.all().any(waits))
    }

    /// What is said to such a request: nothing of it goes up.
    pub fn token_waits(&self, visit: &Visit<'_>) -> Reply {
        let site = &visit.door.site;
        let audience = audience::of(visit.asked.fields(), visit.asked.websocket());
        if let Some((id, question)) = self.relayed(visit) {
            let until = visit.now.later(challenge::LONGEST).unix;
            let page = code_path(&id);
            return self.turn_away(visit, audience, &question.scope, Some((&page, Some(until))));
        }
        let scope = site.first_scope();
        let page = site.login_for(&scope.name);
        let page = page.map(|capture| (capture.page.as_str(), None));
        self.turn_away(visit, audience, scope, page)
    }

    /// The way to the code page, for a person whose script has logged in and who goes anywhere on the site; they come back
    /// to where they were going. `None` for everybody else.
    pub fn code_first(&self, visit: &Visit<'_>) -> Option<Reply> {
        let asked = visit.asked;
        let goes = *asked.method() == Method::GET
            && audience::of(asked.fields(), asked.websocket()) == Audience::Navigation;
        let (id, question) = self.relayed(visit).filter(|_| goes)?;
        if audience::prefetches(asked.fields()) {
            return Some(empty(StatusCode::SERVICE_UNAVAILABLE));
        }
        let target = Destination::of(asked.target().raw());
        self.store.holds.lead_to(&question, target);
        Some(see_other(&code_path(&id)))
    }

    /// The challenge that this browser has yet to answer for what its script was given.
    pub(super) fn relayed(&self, visit: &Visit<'_>) -> Option<(challenge::Id, Question)> {
        let site = &visit.door.site;
        if !site.relays() {
            return None;
        }
        let (_, browser) = self.known_browser(visit)?;
        let id = self.store.relayed.of(&browser, &site.name, visit.now)?;
        let view = self.asked_of(visit, &id, &browser)?;
        // Who has no try left begins with another login: that page must be within reach.
        let open = view.reward.is_none() && view.left > 0;
        open.then_some((id, view.question))
    }

    /// The live grants as they are bound once a login of their person has brought these tokens.
    pub(super) fn with_tokens(held: &[Grant], tokens: &[Print], now: Moment) -> Vec<Grant> {
        let subject = held.first().map(Grant::subject);
        held.iter()
            .filter(|grant| Some(grant.subject()) == subject)
            .filter_map(|grant| {
                let prints = grant.prints().moved(&[], tokens, now)?;
                Some(grant.clone().bound_to(prints))
            })
            .collect()
    }
}

/// The answer to a login as its script gets it: status and body, and nothing that makes a session.
pub fn given(status: StatusCode, fields: &HeaderMap, body: Bytes) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    for name in READ_BY {
        for value in fields.get_all(&name) {
            reply.headers_mut().append(name.clone(), value.clone());
        }
    }
    let never = HeaderValue::from_static("no-store");
    reply.headers_mut().insert(header::CACHE_CONTROL, never);
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_gets_nothing_of_a_head_that_makes_a_session() {
        let mut fields = HeaderMap::new();
        for (name, value) in [
            ("content-type", "application/json"),
            ("content-encoding", "gzip"),
            ("set-cookie", "sid=1"),
            ("authorization", "Bearer x"),
            ("x-auth-token", "x"),
            ("cache-control", "public"),
        ] {
            fields.insert(name, HeaderValue::from_static(value));
        }
        let reply = given(StatusCode::CREATED, &fields, Bytes::from_static(b"{}"));
        assert_eq!(
            (reply.status(), &reply.body()[..]),
            (StatusCode::CREATED, &b"{}"[..])
        );
        let mut names: Vec<&str> = reply.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["cache-control", "content-encoding", "content-type"]);
        assert_eq!(reply.headers()[header::CACHE_CONTROL], "no-store");
    }
}
