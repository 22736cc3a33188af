//! What is said of a scope in shadow: whom it would ask, and what would come of a login.
//!
//! Nothing is sent, counted, held or kept back. The one thing that is done is for the scopes in force: what another
//! person holds in this browser ends when somebody signs in, as it always does.

use http::HeaderValue;

use super::send::Recipient;
use super::{Flow, Visit, audience};
use crate::capture::Capture;
use crate::capture::judge::Judgement;
use crate::event::What;
use crate::route::Route;
use crate::scope::Scope;
use crate::subject::Subject;

/// How a login went that nobody held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The application took the password.
    Good,
    /// It did not.
    Bad,
    /// Nobody can tell.
    Doubt,
    /// It failed over it: somebody may be signed in all the same.
    Lost,
}

impl From<Judgement> for Outcome {
    fn from(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Good => Self::Good,
            Judgement::Bad => Self::Bad,
            Judgement::Doubt => Self::Doubt,
        }
    }
}

impl Flow {
    /// Somebody would be asked for `scope`; `route` is the one that says so.
    pub fn would_ask(&self, visit: &Visit<'_>, scope: &Scope, route: Option<&Route>) {
        let audience = audience::of(visit.asked.fields(), visit.asked.websocket());
        let what = What::WouldAsk {
            scope: &scope.name,
            route: route.map_or("no route names it", |route| &route.place),
            audience: audience.as_str(),
        };
        self.record(visit, what);
    }

    /// Says what a login would have led to. Gives the cookies that make the browser forget what another person holds
    /// here.
    pub async fn would_hold(
        &self,
        visit: &Visit<'_>,
        capture: &Capture,
        typed: Option<&str>,
        outcome: Outcome,
    ) -> Vec<HeaderValue> {
        let Some(scope) = visit.door.site.scope(capture.scope.as_str()) else {
            return Vec::new();
        };
        let say = |outcome| {
            let scope = &scope.name;
            self.record(visit, What::WouldHold { scope, outcome });
        };
        if outcome == Outcome::Bad {
            say("the application refused it");
            return Vec::new();
        }
        let named = match (typed.map(Subject::parse), &capture.fixed_user) {
            (Some(named), _) => named.ok(),
            (None, fixed) => fixed.clone(),
        };
        let Some(named) = named else {
            say("it would be refused: nobody can have that name");
            let ended = self.end_all(visit);
            // As with any sign-out, the disk is not the visitor's matter (A7).
            let _ = self.store.settled().await;
            return ended;
        };
        let person = self.person(visit.door, &named).await;
        let subject = person.as_ref().map_or(&named, |person| &person.subject);
        let ended = self.end_others(visit, subject);
        if !ended.is_empty() {
            let _ = self.store.settled().await;
        }
        let mut live = visit.held.live.iter();
        let knows = live.any(|grant| *grant.scope() == scope.name && grant.subject() == subject);
        let recipient = person.as_ref().map(Recipient::of);
        let way = recipient.as_ref().and_then(|recipient| {
            let channel = recipient.first_of(&scope.channels)?;
            Some((channel, recipient.by(channel)?))
        });
        match (outcome, way) {
            (Outcome::Lost, _) => say("the application failed over it"),
            _ if knows => say("its person has a grant already"),
            (Outcome::Good, None) => say("nobody by that name can be reached"),
            (_, None) => say("in doubt, and nobody by that name can be reached"),
            (_, Some((channel, to))) => {
                let carrier = self.dispatcher.first(to, channel);
                let what = What::WouldSend {
                    scope: &scope.name,
                    to: &to.to_string(),
                    channel,
                    carrier: carrier.map_or("nobody", |carrier| carrier.as_str()),
                    doubt: outcome == Outcome::Doubt,
                };
                self.record(visit, what);
            }
        }
        ended
    }
}
