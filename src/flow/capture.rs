//! A login of the application's own: what is kept back before it goes up, and what becomes of its answer.
//!
//! The gateway sends the login up and finds out how it went; everything that waits, and every word to the visitor, is
//! decided here.

use std::sync::Arc;

use http::header::{self, HeaderValue};

use super::audience::{self, Audience};
use super::entry::NotBegun;
use super::own::code_path;
use super::quarantine::SAME;
use super::send::{Recipient, nowhere};
use super::session::foreign;
use super::{Flow, NoRandomness, Reply, Visit, random, see_other, with_cookies};
use crate::capture::Capture;
use crate::capture::cookie;
use crate::capture::judge::Judgement;
use crate::capture::token;
use crate::challenge::{self, Entry, Question};
use crate::directory::Person;
use crate::event::What;
use crate::grant::prints::Print;
use crate::hold::release::{HeldPage, Release, Way};
use crate::hold::{Destination, Hold, Sealed, Waiting};
use crate::login::Login;
use crate::page::{Page, Refusal};
use crate::scope::Scope;
use crate::seal::{BrowserSecret, cookies, print_id};
use crate::site::Origin;
use crate::store::Full;
use crate::store::holds::{Fetched, Room};
use crate::store::quarantine::{Owner, Reserved, Weight};
use crate::subject::Subject;

/// What a sealed release is called when it is opened.
pub(super) const RELEASE: &[u8] = b"release";

/// What a sealed page is called when it is opened.
pub(super) const PAGE: &[u8] = b"page";

/// What the heads of the answers to a login may take up beside a body.
const HEADS: usize = 128 * 1024;

/// How many values one login may set without the quarantine's bound giving way.
const VALUES: usize = 64;

/// A login that may go up. Dropping it gives its room back; its cookies stay kept back.
pub struct Admitted {
    named: Subject,
    person: Option<Person>,
    /// Whether their grant for the capture's scope came along.
    granted: bool,
    /// Whose the login is once it has gone well, until its code is right.
    owner: Owner,
    /// The same for this one attempt: if it fails, nothing else is let go.
    attempt: Owner,
    secret: BrowserSecret,
    /// Sets the secret, where it is new.
    cookie: Option<HeaderValue>,
    room: Room,
    _reserved: Reserved,
}

impl Admitted {
    /// Whose login it is, as the quarantine knows them.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Whether their grant for the capture's scope came along: then nothing is asked.
    pub fn granted(&self) -> bool {
        self.granted
    }

    /// Whether one of the scope's channels reaches them.
    fn can_be_reached(&self, scope: &Scope) -> bool {
        let recipient = self.person.as_ref().map(Recipient::of);
        recipient.is_some_and(|recipient| recipient.first_of(&scope.channels).is_some())
    }

    fn subject(&self) -> &Subject {
        self.person
            .as_ref()
            .map_or(&self.named, |person| &person.subject)
    }
}

/// What the application said to a login, as it would be released.
pub struct Answers {
    /// Every Set-Cookie of every answer, in order.
    pub cookies: Vec<HeaderValue>,
    /// What a grant keeps of the session cookies that the browser has then.
    pub prints: Vec<Print>,
    /// Cookies that no answer sets and the session may rest on.
    pub needs: Vec<HeaderValue>,
    /// Where the browser goes, and the page that waits there.
    pub to: Way,
    /// The page, if the last answer was one.
    pub page: Option<HeldPage>,
    /// The origin that the way leads to, where it is another.
    pub leads_to: Option<Origin>,
    /// Its tokens.
    pub tokens: Vec<Box<[u8]>>,
    /// What its script gets at once.
    pub relay: Option<Reply>,
}

/// What becomes of an answer to a login that went well.
pub enum Held {
    /// It goes on to the browser: its person has a grant already.
    Through,
    /// It waits; this is said instead.
    Waits(Reply),
}

impl Flow {
    /// Takes a login in: whoever it is for, its cookies are kept back from here on, and there is room for its answer.
    ///
    /// # Errors
    /// The reply, and nothing may go up.
    pub async fn admit(
        &self,
        visit: &Visit<'_>,
        capture: &Capture,
        login: &Login,
    ) -> Result<Admitted, Reply> {
        let typed = login.username.as_deref().map(Subject::parse);
        let named = match (typed, &capture.fixed_user) {
            (Some(Ok(named)), _) => named,
            // An application may take any name; nobody has this one here.
            (Some(Err(_)), _) => {
                return Err(self.refuse(visit, Refusal::AmbiguousLogin));
            }
            (None, Some(fixed)) => fixed.clone(),
            (None, None) => return Err(self.refuse(visit, Refusal::Internal)),
        };
        let full = |_: Full| {
            self.record(visit, What::Full);
            self.refuse(visit, Refusal::LoginsFull)
        };
        if !self.store.has_room(Entry::Doubt) {
            return Err(full(Full));
        }
        let room = self.store.holds.room(visit.peer.network()).map_err(full)?;
        let (secret, cookie) =
            Self::browser(visit).map_err(|NoRandomness| self.refuse(visit, Refusal::Internal))?;
        let site = &visit.door.site;
        let owner = self.ring.owner(&secret, &site.name, &named);
        let mut attempt = owner;
        let tag: [u8; 4] =
            random().map_err(|NoRandomness| self.refuse(visit, Refusal::Internal))?;
        attempt[SAME..].copy_from_slice(&tag);
        let person = self.person(visit.door, &named).await;
        let subject = person.as_ref().map_or(&named, |person| &person.subject);
        let granted = visit
            .held
            .live
            .iter()
            .any(|grant| *grant.scope() == capture.scope && grant.subject() == subject);
        let brought: Vec<_> = if granted {
            // Their other windows go on meanwhile.
            Vec::new()
        } else {
            self.brought(visit, capture).collect()
        };
        if brought.len() > VALUES {
            // No browser has so many sessions of one application; one login must not fill the quarantine.
            return Err(self.refuse(visit, Refusal::AmbiguousLogin));
        }
        let reserved = self
            .store
            .quarantine
            .reserve(VALUES + brought.len())
            .map_err(full)?;
        self.store.quarantine.put(attempt, &brought, visit.now);
        // On disk before the password goes up: a session that it opens must not outlive a crash unguarded (A4).
        if self.store.settled().await.is_err() {
            self.store.quarantine.lift(&attempt);
            return Err(self.refuse(visit, Refusal::LoginsFull));
        }
        Ok(Admitted {
            named,
            person,
            granted,
            owner,
            attempt,
            secret,
            cookie,
            room,
            _reserved: reserved,
        })
    }

    /// The login was none, or never arrived: nothing of it is kept back.
    pub async fn dismiss(&self, admitted: &Admitted) {
        self.store.quarantine.lift(&admitted.attempt);
        // If that is not kept, the values stay back for a day after a crash: no wall falls by it.
        let _ = self.store.settled().await;
    }

    /// Holds the answers to a login that went well, or may have, and asks for the code.
    pub async fn captured(
        self: &Arc<Self>,
        visit: &Visit<'_>,
        capture: &Capture,
        admitted: Admitted,
        judgement: Judgement,
        answers: Answers,
    ) -> Held {
        let site = &visit.door.site;
        let Some(scope) = site.scope(capture.scope.as_str()) else {
            return Held::Waits(self.refuse(visit, Refusal::Internal));
        };
        if admitted.granted {
            self.dismiss(&admitted).await;
            return Held::Through;
        }
        let set = answers
            .cookies
            .iter()
            .filter_map(|field| cookie::set(field, self.clock.wall()))
            .filter(|set| !set.deletes)
            .flat_map(|set| self.weighed(site, capture, set.name, set.value));
        let tokens = answers.tokens.iter().filter_map(|token| {
            let mut prints = self.ring.quarantined(site, token::NAME, token);
            prints.next().map(|print| (print, Weight::Named))
        });
        let brought = self.brought(visit, capture);
        let all: Vec<_> = brought.chain(set).chain(tokens).collect();
        // From here on they are the person's, until the code is right.
        self.store.quarantine.put(admitted.owner, &all, visit.now);
        self.store.quarantine.lift(&admitted.attempt);
        let ended = self.end_others(visit, admitted.subject());
        let good = judgement == Judgement::Good;
        let reply = if good && !admitted.can_be_reached(scope) {
            // Nothing can come of it: what it set stays kept back, and the browser forgets it.
            self.note_captured(visit, scope, "nobody by that name can be reached");
            let page = self.page(visit, &Page::Refused(nowhere(scope)));
            with_cookies(page, self.forgetting(visit, capture))
        } else {
            let (entry, outcome) = if good {
                (Entry::Capture, "the application took the password")
            } else {
                (Entry::Doubt, "in doubt")
            };
            self.note_captured(visit, scope, outcome);
            match self
                .ask_for_the_code(visit, capture, scope, entry, admitted, answers)
                .await
            {
                Ok(reply) => reply,
                Err(refusal) => self.refuse(visit, refusal),
            }
        };
        // Before anybody hears of it: what the answers set is kept back whatever happens to this process (A4).
        let reply = self.kept(visit, reply).await;
        Held::Waits(with_cookies(reply, ended))
    }

    /// Holds the answers and begins, or joins, the challenge.
    async fn ask_for_the_code(
        self: &Arc<Self>,
        visit: &Visit<'_>,
        capture: &Capture,
        scope: &Arc<Scope>,
        entry: Entry,
        admitted: Admitted,
        mut answers: Answers,
    ) -> Result<Reply, Refusal<'static>> {
        let relay = answers.relay.take();
        let recipient = admitted
            .person
            .as_ref()
            .map_or_else(Recipient::nobody, Recipient::of);
        let subject = admitted.subject().clone();
        let Admitted {
            named,
            secret,
            cookie,
            mut room,
            ..
        } = admitted;
        let audience = audience::of(visit.asked.fields(), false);
        let key = self.ring.hold(&secret, scope.name.as_str().as_bytes());
        let hold = hold(visit, capture, audience, &key, &mut room, answers)
            .map_err(|NoRandomness| Refusal::Internal)?;
        let browser = self.ring.browser(&secret);
        let id = self
            .challenge(visit, scope, subject, named.clone(), entry, browser)
            .map_err(|not_begun| match not_begun {
                NotBegun::Full => Refusal::LoginsFull,
                NotBegun::NoRandomness => Refusal::Internal,
            })?;
        let place = (&visit.door.site.name, &scope.name);
        self.store
            .holds
            .keep_in(room, browser, place, &named, hold, visit.now);
        let fresh = self
            .store
            .view(&id, &browser, visit.now)
            .is_some_and(|view| view.last_send.is_none());
        // A second tab, or a double click, joins the running challenge: no second message.
        if fresh {
            self.send_first(visit, &id, &browser, recipient)
                .await
                .map_err(|_| Refusal::NothingCanSend)?;
        }
        let reply = if let Some(relay) = relay {
            let site = &visit.door.site.name;
            self.store.relayed.put(browser, site, id, visit.now);
            relay
        } else {
            let until = visit.now.later(challenge::LONGEST).unix;
            let page = (code_path(&id), Some(until));
            self.turn_away(visit, audience, scope, Some((&page.0, page.1)))
        };
        Ok(with_cookies(reply, cookie))
    }

    fn note_captured(&self, visit: &Visit<'_>, scope: &Scope, outcome: &'static str) {
        let scope = &scope.name;
        self.record(visit, What::LoginCaptured { scope, outcome });
    }

    /// The cookie that gives a browser without a secret a new one.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn new_secret(visit: &Visit<'_>) -> Result<HeaderValue, NoRandomness> {
        let secret = BrowserSecret::new(random()?);
        Ok(cookies::print(&visit.door.site, "", secret.value(), None))
    }

    /// A login went into a session that was signed in before, and the application does not say as whom now: what other
    /// people hold here ends, its cookies stay kept back from everybody, and the visitor signs in with a new one.
    pub async fn start_over(
        &self,
        visit: &Visit<'_>,
        capture: &Capture,
        admitted: &Admitted,
    ) -> Reply {
        // The attempt itself is never let go: nobody can tell whose session it is.
        let ended = self.end_others(visit, admitted.subject());
        let reply = self.sign_in_again(visit, capture);
        with_cookies(self.kept(visit, reply).await, ended)
    }

    /// The application shows a page to somebody who has no grant, as if they were signed in: its session outlived the
    /// grant. They sign in again, with that session forgotten.
    pub fn sign_in_again(&self, visit: &Visit<'_>, capture: &Capture) -> Reply {
        self.record(
            visit,
            What::SessionOutlived {
                scope: &capture.scope,
            },
        );
        let again = &*capture.page;
        let audience = audience::of(visit.asked.fields(), visit.asked.websocket());
        let reply = match (audience, visit.door.site.scope(capture.scope.as_str())) {
            // To a script a page with status 200 would be a login that went well.
            (Audience::Script | Audience::Htmx, Some(scope)) => {
                self.turn_away(visit, audience, scope, Some((again, None)))
            }
            _ => self.page(visit, &Page::SignInAgain { again }),
        };
        with_cookies(reply, self.forgetting(visit, capture))
    }

    /// The application's cookies that the browser would have, were the answer to its login released. The answer is not
    /// kept after that.
    pub(super) fn discarded(
        &self,
        visit: &Visit<'_>,
        question: &Question,
        secret: &BrowserSecret,
    ) -> cookie::Jar {
        let mut jar = cookie::Jar::of(foreign(visit));
        let hold = self.store.holds.take(question);
        let key = self
            .ring
            .hold(secret, question.scope.name.as_str().as_bytes());
        let sealed = hold.and_then(|hold| match hold.request {
            Waiting::Answer { sealed, .. } => Some(sealed),
            Waiting::Nothing | Waiting::Lost | Waiting::Request(_) => None,
        });
        let opened = sealed.and_then(|sealed| sealed.open(RELEASE, &key).ok());
        let release = opened.and_then(|bytes| Release::from_bytes(&bytes));
        for field in release.iter().flat_map(|release| &release.cookies) {
            if let Some(set) = cookie::set(field, self.clock.wall()) {
                jar.take_in(&set);
            }
        }
        jar
    }

    /// The page that waits for this browser at this address, if one does: given once, and kept by no cache (S7).
    pub fn waiting_page(&self, visit: &Visit<'_>, id: &challenge::Id) -> Option<HeldPage> {
        let (secret, browser) = self.known_browser(visit)?;
        let raw = visit.asked.target().raw();
        let sealed = self.store.holds.fetch_page(id, &browser, raw, visit.now)?;
        let bytes = sealed.open(PAGE, &self.ring.hold(secret, id)).ok()?;
        let mut page = HeldPage::from_bytes(&bytes)?;
        let forget = cookies::print(&visit.door.site, cookies::REPLAY, "", Some(0));
        page.fields.append(header::SET_COOKIE, forget);
        page.fields
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Some(page)
    }

    /// A failed login whose message stands on a page that was followed to: the browser goes there, and finds the page
    /// that the gateway has already fetched, which an application shows once.
    pub fn told_elsewhere(
        &self,
        visit: &Visit<'_>,
        admitted: &Admitted,
        page: &HeldPage,
        at: &Destination,
        set: Vec<HeaderValue>,
    ) -> Option<Reply> {
        let fetch = self.will_wait(visit, &admitted.secret, page, at)?;
        let site = &visit.door.site;
        let reply = see_other(&format!("{}{}", site.origin.text(), at.as_str()));
        let ours = admitted.cookie.iter().cloned().chain([fetch]);
        Some(with_cookies(reply, set.into_iter().chain(ours)))
    }

    /// Keeps a page for the browser with this secret, which finds it at that place when it brings the cookie given.
    pub fn will_wait(
        &self,
        visit: &Visit<'_>,
        secret: &BrowserSecret,
        page: &HeldPage,
        at: &Destination,
    ) -> Option<HeaderValue> {
        let (id, nonce) = (random().ok()?, random().ok()?);
        let key = self.ring.hold(secret, &id);
        let sealed = Sealed::seal(page.to_bytes(), PAGE, &key, nonce).ok()?;
        self.store.holds.will_fetch(
            id,
            Fetched::Page(sealed),
            self.ring.browser(secret),
            at.as_str(),
            visit.now,
        );
        let site = &visit.door.site;
        Some(cookies::print(
            site,
            cookies::REPLAY,
            &print_id(&id),
            Some(60),
        ))
    }
}

/// The answers to a login as they wait for its code.
fn hold(
    visit: &Visit<'_>,
    capture: &Capture,
    audience: Audience,
    key: &[u8; 32],
    room: &mut Room,
    answers: Answers,
) -> Result<Hold, NoRandomness> {
    let mut release = Release {
        to: answers.to,
        cookies: answers.cookies,
        needs: answers.needs,
        page: answers.page,
    };
    if !matches!(audience, Audience::Navigation | Audience::Frame) {
        // A script's answer is no page: its person comes back to the one the script runs in.
        release.to = Way::Here(super::entry::referer(visit));
        release.page = None;
    }
    let target = match &release.to {
        Way::Here(destination) => destination.clone(),
        Way::Elsewhere(_) => Destination::of("/"),
    };
    let no_room = |page: &HeldPage| room.resize(page.body.len() + HEADS).is_err();
    if release.page.as_ref().is_some_and(no_room) {
        // Head and cookies are kept: the browser asks for the page itself.
        release.page = None;
    }
    let sealed =
        Sealed::seal(release.to_bytes(), RELEASE, key, random()?).map_err(|_| NoRandomness)?;
    let request = Waiting::Answer {
        sealed,
        life: capture.hold,
        prints: answers.prints,
        leads_to: answers.leads_to.map(Box::new),
    };
    Ok(Hold { target, request })
}
