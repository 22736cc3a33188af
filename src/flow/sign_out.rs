//! Signing out, here or at the application, ends every grant of the site in this browser, for the next request of any
//! worker (S5).

use http::HeaderValue;

use super::own::sign_out_path;
use super::posted::NotOurs;
use super::session::foreign;
use super::{Flow, Reply, Visit, see_other, with_cookies};
use crate::capture::cookie::Jar;
use crate::event::What;
use crate::grant::Grant;
use crate::moment::Moment;
use crate::page::{Page, Refusal};
use crate::seal::{Held, cookies};
use crate::site::Site;
use crate::upstream::body::Upload;

/// Somebody who has just signed out: the reply carries it to whoever can ask the application.
#[derive(Clone)]
pub struct Leaving {
    /// The application's cookies that the browser has, or would have been given.
    pub jar: Option<HeaderValue>,
    /// Whether some of them were held back from it: nobody has had a code for that session.
    pub unproven: bool,
}

impl Leaving {
    /// Marks a reply.
    pub(super) fn on(reply: &mut Reply, jar: &Jar, unproven: bool) {
        let jar = jar.field();
        if jar.is_some() {
            reply.extensions_mut().insert(Self { jar, unproven });
        }
    }
}

impl Flow {
    /// The button; or, with nothing left to end, the word that it is so.
    pub(super) fn sign_out_page(&self, visit: &Visit<'_>) -> Reply {
        let Some(secret) = visit
            .keepsakes
            .secret
            .as_ref()
            .filter(|_| !(visit.held.live.is_empty() && visit.held.run_out.is_empty()))
        else {
            return self.page(visit, &Page::SignedOut { again: "/" });
        };
        let action = sign_out_path();
        let token = self.ring.token(secret, &action);
        self.page(
            visit,
            &Page::SignOut {
                action: &action,
                token: &token,
            },
        )
    }

    /// Ends the grants.
    pub(super) async fn sign_out(&self, visit: &Visit<'_>, body: Upload) -> Reply {
        let action = sign_out_path();
        match self.posted(visit, &action, body).await {
            Ok(_) => {
                let cookies = self.end_all(visit);
                let mut reply = with_cookies(self.kept(visit, see_other(&action)).await, cookies);
                Leaving::on(&mut reply, &Jar::of(foreign(visit)), false);
                reply
            }
            Err(NotOurs::CrossOrigin) => self.refuse(visit, Refusal::CrossOrigin),
            Err(NotOurs::Unreadable) => self.refuse(visit, Refusal::BadRequest),
            // The page has a fresh token, or says that there is nothing to end.
            Err(NotOurs::NoSecret | NotOurs::Stale) => see_other(&action),
        }
    }

    /// Revokes what the browser brought and gives the cookies that make it forget.
    ///
    /// At the bound of the list a grant cannot be revoked; its cookie goes all the same, and the log says so.
    pub(super) fn end_all(&self, visit: &Visit<'_>) -> Vec<HeaderValue> {
        self.end(&visit.door.site, visit.held, visit.now, |what| {
            self.record(visit, what);
        })
    }

    /// The same without a visit: the application has signed its visitor out.
    pub fn end(
        &self,
        site: &Site,
        held: &Held,
        now: Moment,
        record: impl Fn(What<'_>),
    ) -> Vec<HeaderValue> {
        for grant in held.live.iter().chain(&held.run_out).chain(&held.unbound) {
            record(self.end_one(grant, now));
        }
        let scopes = site.scopes.iter().map(|scope| format!("-{}", scope.name));
        let names = scopes.chain([String::new(), cookies::REPLAY.to_owned()]);
        names
            .map(|suffix| cookies::print(site, &suffix, "", Some(0)))
            .collect()
    }

    /// Ends one grant for the next request of any worker.
    pub(super) fn revoke(&self, visit: &Visit<'_>, grant: &Grant) {
        self.record(visit, self.end_one(grant, visit.now));
    }

    /// Ends it, and gives what is to be said of it.
    fn end_one<'g>(&self, grant: &'g Grant, now: Moment) -> What<'g> {
        let (scope, subject) = (grant.scope(), grant.subject());
        match self.store.revoked.revoke(grant, now) {
            Ok(()) => What::GrantRevoked { scope, subject },
            Err(_) => What::Full,
        }
    }
}
