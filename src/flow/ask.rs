//! *Ask*: the visitor names themself before the application is seen. Known and unknown look alike (C7).

use std::sync::Arc;

use super::own::{ask_path, code_path};
use super::posted::NotOurs;
use super::send::Recipient;
use super::{Door, Flow, Reply, Visit, see_other, with_cookies};
use crate::challenge::Entry;
use crate::page::{AskError, AskPage, Page, Refusal, Who};
use crate::phone::Phone;
use crate::scope::Scope;
use crate::subject::Subject;
use crate::upstream::body::Upload;

impl Flow {
    /// The page with the one question.
    pub(super) fn ask_page(&self, visit: &Visit<'_>, scope: &Scope) -> Reply {
        self.ask_page_with(visit, scope, None)
    }

    fn ask_page_with(&self, visit: &Visit<'_>, scope: &Scope, error: Option<AskError>) -> Reply {
        let Ok((secret, cookie)) = Self::browser(visit) else {
            return self.refuse(visit, Refusal::Internal);
        };
        let action = ask_path(scope.name.as_str());
        let token = self.ring.token(&secret, &action);
        let who = if visit.door.site.fixed_user.is_some() {
            Who::Fixed
        } else {
            Who::Anyone
        };
        let error = error.or_else(|| error_of(visit.asked.target().query()));
        let page = Page::Ask(AskPage {
            action: &action,
            token: &token,
            scope: &scope.title,
            who,
            channels: &scope.channels,
            error,
        });
        with_cookies(self.page(visit, &page), cookie)
    }

    /// The answer to it: a challenge for whoever was named, sent to where the directory says, if it says anything.
    ///
    /// The message goes out behind the answer, never before it: the time this takes tells nothing (C7).
    pub(super) async fn name_oneself(
        self: &Arc<Self>,
        visit: &Visit<'_>,
        scope: &Arc<Scope>,
        body: Upload,
    ) -> Reply {
        let action = ask_path(scope.name.as_str());
        let again = |why: &str| see_other(&format!("{action}?{why}"));
        let (posted, secret) = match self.posted(visit, &action, body).await {
            Ok(posted) => posted,
            Err(NotOurs::CrossOrigin) => return self.refuse(visit, Refusal::CrossOrigin),
            Err(NotOurs::NoSecret) => return self.refuse(visit, Refusal::CookiesNeeded),
            Err(NotOurs::Stale) => return again(STALE),
            Err(NotOurs::Unreadable) => return self.refuse(visit, Refusal::BadRequest),
        };
        let named = match &visit.door.site.fixed_user {
            Some(fixed) => Named::Name(fixed.clone()),
            None => match named(posted.field("name")) {
                Ok(named) => named,
                Err(why) => return again(why),
            },
        };
        let name = named.as_typed().clone();
        let (subject, recipient) = self.resolve(visit.door, named).await;
        let browser = self.ring.browser(secret);
        let Ok(id) = self.challenge(visit, scope, subject, name, Entry::Ask, browser) else {
            return self.refuse(visit, Refusal::Full);
        };
        let begun = self
            .store
            .view(&id, &browser, visit.now)
            .is_some_and(|view| view.last_send.is_none());
        // A second tab joins the running challenge: no second message.
        if begun
            && self
                .send_first(visit, &id, &browser, recipient)
                .await
                .is_err()
        {
            return self.refuse(visit, Refusal::NothingCanSend);
        }
        see_other(&code_path(&id))
    }

    /// Finds out who is meant. A name that nobody has is a subject like any other from here on, with nobody to send to.
    async fn resolve(&self, door: &Arc<Door>, named: Named) -> (Subject, Recipient) {
        let at = Arc::clone(door);
        let found = self.slow.spawn(async move {
            match named {
                Named::Name(name) => (at.directory.lookup(&name), name),
                Named::Number(phone, name) => (at.directory.by_phone(&phone), name),
            }
        });
        match found.await {
            Ok((Some(person), _)) => (person.subject.clone(), Recipient::of(&person)),
            Ok((None, name)) => (name, Recipient::nobody()),
            // The lookup broke down, which is logged where it did: nobody is asked, and nobody can tell.
            Err(_) => (
                Subject::parse("?").expect("one character is a name"),
                Recipient::nobody(),
            ),
        }
    }
}

/// What somebody typed about themself.
enum Named {
    Name(Subject),
    /// The number, and how it stands for a person while nobody is found by it.
    Number(Phone, Subject),
}

impl Named {
    /// What was typed, in its canonical form.
    fn as_typed(&self) -> &Subject {
        match self {
            Self::Name(name) | Self::Number(_, name) => name,
        }
    }
}

/// The reasons that the ask page is told by its address. They come from what was typed alone.
const EMPTY: &str = "empty";
const UNUSABLE: &str = "unusable";
const STALE: &str = "again";

fn error_of(query: Option<&str>) -> Option<AskError> {
    match query? {
        EMPTY => Some(AskError::Empty),
        UNUSABLE => Some(AskError::Unusable),
        STALE => Some(AskError::Stale),
        _ => None,
    }
}

fn named(typed: &str) -> Result<Named, &'static str> {
    if typed.trim().is_empty() {
        return Err(EMPTY);
    }
    // What can be dialled is a number; whoever is known by a number as a name is found by it all the same.
    if let Ok(phone) = Phone::typed(typed) {
        let name = Subject::parse(phone.e164()).map_err(|_| UNUSABLE)?;
        return Ok(Named::Number(phone, name));
    }
    Subject::parse(typed).map(Named::Name).map_err(|_| UNUSABLE)
}
