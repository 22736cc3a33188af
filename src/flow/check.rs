//! What was posted to a challenge: an answer, a wish for another message, or good-bye.

use std::sync::Arc;

use http::{HeaderValue, Method};

use super::capture::{PAGE, RELEASE};
use super::consult::Opinion;
use super::own::{code_path, sign_out_path};
use super::posted::{NotOurs, Posted};
use super::quarantine::SAME;
use super::sign_out::Leaving;
use super::{Flow, Reply, Visit, random, see_other, with_cookies};
use crate::challenge::{self, Browser, Entry, Mistake, Verified};
use crate::code::{Mistyped, Typed};
use crate::event::What;
use crate::grant::Grant;
use crate::grant::prints::Prints;
use crate::hold::release::{Release, Way};
use crate::hold::{Destination, Hold, Kept, Sealed, Waiting};
use crate::message::Channel;
use crate::moment::Moment;
use crate::page::Refusal;
use crate::seal::{BrowserSecret, cookies, print_id};
use crate::site::Site;
use crate::store::holds::Fetched;
use crate::store::{Attempt, Lost, Refused, Reward, View};
use crate::subject::Subject;
use crate::upstream::body::Upload;

/// How long a browser is remembered as one that passed a code, in seconds: as long as people keep a phone at hand.
const KNOWN: u64 = 90 * 24 * 3600;

/// How long the cookie that says what is to be replayed lives, in seconds: as long as the replay waits.
const REPLAY: u64 = 60;

impl Flow {
    /// Does what one of the code page's forms says.
    pub(super) async fn act(
        self: &Arc<Self>,
        visit: &Visit<'_>,
        id: &challenge::Id,
        body: Upload,
    ) -> Reply {
        let action = code_path(id);
        let posted = self.posted(visit, &action, body).await;
        let browser = self.known_browser(visit).map(|(_, browser)| browser);
        let view = browser.and_then(|browser| Some((browser, self.asked_of(visit, id, &browser)?)));
        let (posted, secret) = match posted {
            Ok(posted) => posted,
            Err(NotOurs::CrossOrigin) => return self.refuse(visit, Refusal::CrossOrigin),
            Err(NotOurs::NoSecret) => return self.refuse(visit, Refusal::CookiesNeeded),
            Err(NotOurs::Unreadable) => return self.refuse(visit, Refusal::BadRequest),
            Err(NotOurs::Stale) => {
                // A second click may come with the secret that the first one brought: the page knows the way on.
                if let Some((browser, _)) = view {
                    self.store.note(id, &browser, Mistake::Stale);
                }
                return see_other(&action);
            }
        };
        let Some((browser, view)) = view else {
            return self.refuse(visit, Refusal::UnknownChallenge { again: "/" });
        };
        let channels = &view.question.scope.channels;
        match posted.field("do") {
            "send" if channels.contains(&Channel::Sms) => {
                self.send_again(visit, id, &browser, view, Channel::Sms)
                    .await
            }
            "voice" if channels.contains(&Channel::Voice) => {
                self.send_again(visit, id, &browser, view, Channel::Voice)
                    .await
            }
            "email" if channels.contains(&Channel::Email) => {
                self.send_again(visit, id, &browser, view, Channel::Email)
                    .await
            }
            "cancel" => {
                let jar = self.discarded(visit, &view.question, secret);
                self.store.cancel(id, &browser);
                let capture = visit.door.site.capture_for(&view.question.scope.name);
                let forget = capture.map(|capture| self.forgetting(visit, capture));
                let cookies = self.end_all(visit).into_iter();
                let mut reply = with_cookies(
                    self.kept(visit, see_other(&sign_out_path())).await,
                    cookies.chain(forget.unwrap_or_default()),
                );
                Leaving::on(&mut reply, &jar, true);
                reply
            }
            "answer" | "" => {
                let answer = self
                    .answer(visit, id, &browser, secret, &view, &posted)
                    .await;
                self.kept(visit, answer).await
            }
            _ => self.refuse(visit, Refusal::BadRequest),
        }
    }

    async fn answer(
        self: &Arc<Self>,
        visit: &Visit<'_>,
        id: &challenge::Id,
        browser: &Browser,
        secret: &BrowserSecret,
        view: &View,
        posted: &Posted,
    ) -> Reply {
        let page = see_other(&code_path(id));
        let question = &view.question;
        let typed = match Typed::parse(posted.field("code"), question.scope.digits) {
            Ok(typed) => typed,
            Err(mistyped) => {
                self.store.note(id, browser, mistake(mistyped));
                return page;
            }
        };
        let (Ok(grant_id), Ok(new), Ok(nonce)) = (random(), random(), random()) else {
            return self.refuse(visit, Refusal::Internal);
        };
        let new = BrowserSecret::new(new);
        let mac = self.ring.code(id, typed.as_str());
        let part = self.part(visit, &question.subject);
        let reward = |verified, hold| {
            let secrets = Secrets {
                old: secret,
                new,
                nonce,
            };
            self.reward(visit, (id, view), verified, hold, grant_id, secrets)
        };
        let known = (id, browser);
        let opinion = if self.dispatcher.is_managed(&question.scope.channels) {
            let proven = question.entry.proven();
            self.opinion(known, (mac, part), typed, proven, visit.now)
                .await
        } else {
            Opinion::Ours
        };
        let attempt = match opinion {
            Opinion::Ours => self
                .store
                .answer(id, browser, &mac, part, visit.now, reward),
            Opinion::Right => self
                .store
                .conclude(id, browser, &mac, part, visit.now, reward),
            Opinion::Wrong => self.store.missed(id, browser, visit.now),
            Opinion::Refused(refused) => Attempt::Refused(refused),
            Opinion::Unknown => {
                self.store.unchecked(id, browser, visit.now);
                return page;
            }
        };
        let failed = |why| {
            self.record(
                visit,
                What::ChallengeFailed {
                    scope: &question.scope.name,
                    subject: &question.subject,
                    why,
                },
            );
        };
        match attempt {
            Attempt::Opened {
                reward,
                first,
                brought,
            } => {
                if let Some(brought) = brought {
                    self.dispatcher.entered(&brought.carrier, brought.channel);
                }
                let mut ended = Vec::new();
                if first {
                    let what = What::ChallengeVerified {
                        scope: &question.scope.name,
                        subject: &question.subject,
                        entry: question.entry,
                    };
                    self.record(visit, what);
                    ended = self.end_others(visit, reward.grant.subject());
                    let site = &visit.door.site.name;
                    let owner = self.ring.owner(secret, site, &question.named);
                    self.store
                        .quarantine
                        .free(&owner, |other| other[..SAME] == owner[..SAME]);
                }
                self.release(visit, id, &reward, ended)
            }
            Attempt::Refused(refused) => {
                failed(match refused {
                    Refused::Wrong => "not the code",
                    Refused::Expired => "no code lives",
                    Refused::Spent => "the challenge's answers are used up",
                    Refused::Locked => "the subject is locked",
                    Refused::Finished => "answered before",
                });
                page
            }
            Attempt::Gone => self.refuse(visit, Refusal::UnknownChallenge { again: "/" }),
        }
    }

    /// Makes what the right answer gets. Called at most once for a challenge, under the store's lock.
    fn reward(
        &self,
        visit: &Visit<'_>,
        (id, view): (&challenge::Id, &View),
        verified: Verified,
        hold: Option<Hold>,
        grant_id: [u8; 16],
        secrets: Secrets<'_>,
    ) -> Reward {
        let grant = Grant::issue(verified, grant_id, visit.now);
        let Secrets { old, new, nonce } = secrets;
        let browser = self.ring.browser(&new);
        let site = &visit.door.site;
        // A login whose answer waits no longer is posted again; under the new grant that asks for no code.
        let login = Some(view.question.entry)
            .filter(|entry| matches!(entry, Entry::Capture | Entry::Doubt))
            .and_then(|_| site.capture_for(grant.scope()))
            .map(|capture| Destination::of(&capture.page));
        let hold = hold.unwrap_or_else(|| Hold {
            target: login.clone().unwrap_or_else(|| Destination::of("/")),
            request: Waiting::Nothing,
        });
        let mut destination = hold.target;
        let mut lost = matches!(hold.request, Waiting::Lost).then_some(Lost::Request);
        let mut replay = false;
        let mut prints = self.prints_for(visit, &grant);
        let mut release = None;
        let key = self.ring.hold(old, grant.scope().as_str().as_bytes());
        let fetched_under = self.ring.hold(&new, id);
        match hold.request {
            Waiting::Nothing | Waiting::Lost => {}
            // From the old secret to the new one: the browser brings that when it comes for the answer.
            Waiting::Request(kept) => match kept.reseal(&key, &fetched_under, nonce) {
                Ok(kept) => {
                    let what = Fetched::Request(kept);
                    self.store.holds.will_fetch(
                        *id,
                        what,
                        browser,
                        destination.as_str(),
                        visit.now,
                    );
                    replay = true;
                }
                Err(_) => lost = Some(Lost::Request),
            },
            Waiting::Answer {
                sealed,
                life,
                prints: bound,
                ..
            } => {
                let in_time = view
                    .last_send
                    .is_some_and(|send| visit.now.since(send.at) < life);
                let opened = in_time
                    .then(|| sealed.open(RELEASE, &key).ok())
                    .flatten()
                    .and_then(|bytes| Release::from_bytes(&bytes));
                if let Some(mut opened) = opened {
                    prints = bound;
                    let page = opened.page.take().and_then(|page| {
                        Sealed::seal(page.to_bytes(), PAGE, &fetched_under, nonce).ok()
                    });
                    if let Some(page) = page {
                        let (what, at) = (Fetched::Page(page), destination.as_str());
                        self.store
                            .holds
                            .will_fetch(*id, what, browser, at, visit.now);
                        replay = true;
                    }
                    release = Some(Arc::new(opened));
                } else if let Some(login) = login {
                    destination = login;
                    lost = Some(Lost::Login);
                }
            }
        }
        Reward {
            grant: grant.bound_to(Prints::of(prints)),
            secret: new,
            browser,
            destination,
            replay,
            lost,
            release,
        }
    }

    /// A grant belongs to a subject, not to a browser: who comes in as another person ends what the first one had
    /// here (design section 3). Gives the cookies that make the browser forget it.
    pub(super) fn end_others(&self, visit: &Visit<'_>, subject: &Subject) -> Vec<HeaderValue> {
        let held = visit.held;
        let all = held.live.iter().chain(&held.run_out).chain(&held.unbound);
        let others = all.filter(|grant| grant.subject() != subject);
        others
            .map(|grant| {
                self.revoke(visit, grant);
                let suffix = format!("-{}", grant.scope());
                cookies::print(&visit.door.site, &suffix, "", Some(0))
            })
            .collect()
    }

    /// The answer to the right code: cookies, and the way on.
    fn release(
        &self,
        visit: &Visit<'_>,
        id: &challenge::Id,
        reward: &Reward,
        ended: Vec<HeaderValue>,
    ) -> Reply {
        let site = &visit.door.site;
        let to = if reward.lost.is_some() {
            see_other(&code_path(id))
        } else {
            onward(site, reward)
        };
        let mark = self.ring.mark(&site.name, reward.grant.subject());
        let marks = self.ring.seal_marks(&visit.keepsakes.known, mark);
        let replay = reward
            .replay
            .then(|| cookies::print(site, cookies::REPLAY, &print_id(id), Some(REPLAY)));
        let set = [
            self.grant_cookie(site, &reward.grant, visit.now),
            cookies::print(site, "", reward.secret.value(), None),
            cookies::print(site, cookies::KNOWN, &marks, Some(KNOWN)),
        ];
        // The application's own first, in the order in which it set them.
        let release = reward.release.as_deref();
        let restored = release.map(|release| Self::restoring(visit, &release.needs));
        let theirs = release.into_iter().flat_map(|release| &release.cookies);
        let theirs = restored.into_iter().flatten().chain(theirs.cloned());
        // First what goes, then what comes: the new grant may bear the name of an old one.
        with_cookies(to, theirs.chain(ended).chain(set).chain(replay))
    }

    /// Keeps a held request on for another try: the application was not reached. False if that cannot be.
    pub fn keep_again(
        &self,
        id: &challenge::Id,
        secret: &BrowserSecret,
        request: (Method, Option<HeaderValue>, &[u8]),
        target: &str,
        now: Moment,
    ) -> bool {
        let (method, kind, body) = request;
        let key = self.ring.hold(secret, id);
        let sealed = random()
            .ok()
            .and_then(|nonce| Kept::seal(method, kind, body, &key, nonce).ok());
        sealed.is_some_and(|kept| {
            let browser = self.ring.browser(secret);
            self.store
                .holds
                .will_fetch(*id, Fetched::Request(kept), browser, target, now);
            true
        })
    }
}

/// Where a finished challenge leads.
pub(super) fn onward(site: &Site, reward: &Reward) -> Reply {
    match reward.release.as_deref() {
        Some(Release {
            to: Way::Elsewhere(address),
            ..
        }) => see_other(address.to_str().unwrap_or("/")),
        _ => see_other(&format!(
            "{}{}",
            site.origin.text(),
            reward.destination.as_str()
        )),
    }
}

/// What the reward is sealed with.
struct Secrets<'a> {
    old: &'a BrowserSecret,
    new: BrowserSecret,
    nonce: [u8; 12],
}

fn mistake(mistyped: Mistyped) -> Mistake {
    match mistyped {
        Mistyped::Empty => Mistake::Empty,
        Mistyped::Length { typed, .. } => Mistake::Length(typed),
        Mistyped::NotDigits => Mistake::NotDigits,
    }
}
