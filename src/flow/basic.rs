//! HTTP Basic: who is asked for name and password by their browser, and whose credentials are shown to the application.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};

use super::audience::{self, Audience};
use super::capture::{Admitted, Answers};
use super::entry::referer;
use super::own::code_path;
use super::{Flow, Reply, Visit, empty};
use crate::capture::Capture;
use crate::capture::basic::{self, Shown};
use crate::challenge;
use crate::hold::Destination;
use crate::hold::release::Way;
use crate::login::Login;
use crate::page::Refusal;
use crate::subject::Subject;

/// What a browser shows whose visitor does not want to say who they are.
const WHO: &str =
    "This page is for people with a name and a password. Load it again to be asked for them.\n";

impl Flow {
    /// Answers a request that says nothing of who it is: the browser asks its visitor, a script is told where a person can.
    pub fn ask_for_basic(&self, visit: &Visit<'_>, capture: &Capture) -> Reply {
        let fields = visit.asked.fields();
        let audience = audience::of(fields, visit.asked.websocket());
        if audience::prefetches(fields) {
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        }
        if matches!(audience, Audience::Nobody | Audience::Grpc) || !basic::may_ask(fields) {
            return self.turned_away(visit, capture, audience, &capture.page, None);
        }
        let mut reply = empty(StatusCode::UNAUTHORIZED).map(|_| Bytes::from_static(WHO.as_bytes()));
        let fields = reply.headers_mut();
        fields.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        fields.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        fields.insert(
            header::WWW_AUTHENTICATE,
            basic::challenge(&visit.door.site.title),
        );
        reply
    }

    /// Takes credentials in that the application is to judge. Programs are turned away unheard, and so is who has been
    /// asked for the code of these very credentials: nothing goes up, and nothing rings.
    ///
    /// # Errors
    /// The reply, and nothing may go up.
    pub async fn admit_basic(
        &self,
        visit: &Visit<'_>,
        capture: &Capture,
        shown: &Shown,
    ) -> Result<Admitted, Reply> {
        let (method, fields) = (visit.asked.method(), visit.asked.fields());
        let audience = audience::of(fields, visit.asked.websocket());
        if audience::prefetches(fields) {
            return Err(empty(StatusCode::SERVICE_UNAVAILABLE));
        }
        let Ok(named) = Subject::parse(&shown.username) else {
            return Err(self.refuse(visit, Refusal::AmbiguousLogin));
        };
        let persons = basic::is_persons(method, fields)
            && matches!(audience, Audience::Navigation | Audience::Frame);
        let audience = match audience {
            Audience::Navigation | Audience::Frame if !persons => Audience::Script,
            other => other,
        };
        if let Some(id) = self.asked_before(visit, capture, &named, shown) {
            let until = visit.now.later(challenge::LONGEST).unix;
            let page = code_path(&id);
            return Err(self.turned_away(visit, capture, audience, &page, Some(until)));
        }
        if !persons {
            return Err(self.turned_away(visit, capture, audience, &capture.page, None));
        }
        let login = Login {
            username: Some(shown.username.clone()),
        };
        self.admit(visit, capture, &login).await
    }

    /// What is released for credentials that the application took: nothing of its own, and the way back.
    pub fn basic_answers(&self, visit: &Visit<'_>, capture: &Capture, shown: &Shown) -> Answers {
        let asked = visit.asked;
        let back = if matches!(*asked.method(), Method::GET | Method::HEAD) {
            Destination::of(asked.target().raw())
        } else {
            referer(visit)
        };
        let site = &visit.door.site;
        Answers {
            // A session of earlier is nobody's: the new grant would not know it, and ask again.
            cookies: if capture.auth_cookies.is_empty() {
                Vec::new()
            } else {
                self.forgetting(visit, capture)
            },
            prints: vec![self.ring.print(site, basic::PRINT, shown.credentials())],
            needs: Vec::new(),
            to: Way::Here(back),
            page: None,
            leads_to: None,
            tokens: Vec::new(),
            relay: None,
        }
    }

    /// The challenge of this browser that these credentials began.
    fn asked_before(
        &self,
        visit: &Visit<'_>,
        capture: &Capture,
        named: &Subject,
        shown: &Shown,
    ) -> Option<challenge::Id> {
        let (_, browser) = self.known_browser(visit)?;
        let site = &visit.door.site;
        let place = (&site.name, &capture.scope);
        let print = self.ring.print(site, basic::PRINT, shown.credentials());
        let waits = self
            .store
            .holds
            .answered(&browser, place, named, &print, visit.now);
        waits
            .then(|| self.store.joined(&browser, place, named, visit.now))
            .flatten()
    }

    fn turned_away(
        &self,
        visit: &Visit<'_>,
        capture: &Capture,
        audience: Audience,
        page: &str,
        until: Option<u64>,
    ) -> Reply {
        match visit.door.site.scope(capture.scope.as_str()) {
            Some(scope) => self.turn_away(visit, audience, scope, Some((page, until))),
            // `config` resolved the name.
            None => self.refuse(visit, Refusal::Internal),
        }
    }
}
