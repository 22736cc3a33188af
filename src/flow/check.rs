//! What was posted to a challenge: an answer, a wish for another message, or good-bye.

use std::sync::Arc;

use http::{HeaderValue, Method};

use super::own::{code_path, sign_out_path};
use super::posted::{NotOurs, Posted};
use super::{Flow, Reply, Visit, random, see_other, with_cookies};
use crate::challenge::{self, Browser, Mistake, Verified};
use crate::code::{Mistyped, Typed};
use crate::event::What;
use crate::grant::Grant;
use crate::hold::{Destination, Hold, Kept, Waiting};
use crate::message::Channel;
use crate::moment::Moment;
use crate::page::Refusal;
use crate::seal::{BrowserSecret, cookies, print_id};
use crate::store::{Attempt, Refused, Reward, View};
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
        let view =
            browser.and_then(|browser| Some((browser, self.store.view(id, &browser, visit.now)?)));
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
            "cancel" => {
                self.store.cancel(id, &browser);
                let cookies = self.end_all(visit);
                with_cookies(self.kept(visit, see_other(&sign_out_path())).await, cookies)
            }
            "answer" | "" => {
                let answer = self.answer(visit, id, &browser, secret, &view, &posted);
                self.kept(visit, answer).await
            }
            _ => self.refuse(visit, Refusal::BadRequest),
        }
    }

    fn answer(
        &self,
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
        let attempt = self
            .store
            .answer(id, browser, &mac, part, visit.now, |verified, hold| {
                let secrets = Secrets {
                    old: secret,
                    new,
                    nonce,
                };
                self.reward(visit, id, verified, hold, grant_id, secrets)
            });
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
            Attempt::Opened { reward, first } => {
                if first {
                    let what = What::ChallengeVerified {
                        scope: &question.scope.name,
                        subject: &question.subject,
                        entry: question.entry,
                    };
                    self.record(visit, what);
                    self.end_others(visit, reward.grant.subject());
                }
                self.release(visit, id, &reward)
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
        id: &challenge::Id,
        verified: Verified,
        hold: Option<Hold>,
        grant_id: [u8; 16],
        secrets: Secrets<'_>,
    ) -> Reward {
        let grant = Grant::issue(verified, grant_id, visit.now);
        let Secrets { old, new, nonce } = secrets;
        let browser = self.ring.browser(&new);
        let hold = hold.unwrap_or(Hold {
            target: Destination::of("/"),
            request: Waiting::Nothing,
        });
        let (mut replay, mut lost) = (false, matches!(hold.request, Waiting::Lost));
        if let Waiting::Request(kept) = hold.request {
            let key = self.ring.hold(old, grant.scope().as_str().as_bytes());
            // From the old secret to the new one: the browser brings that when it comes for the answer.
            match kept.reseal(&key, &self.ring.hold(&new, id), nonce) {
                Ok(kept) => {
                    self.store.holds.will_replay(
                        *id,
                        kept,
                        browser,
                        hold.target.as_str(),
                        visit.now,
                    );
                    replay = true;
                }
                Err(_) => lost = true,
            }
        }
        Reward {
            grant,
            secret: new,
            browser,
            destination: hold.target,
            replay,
            lost,
        }
    }

    /// A grant belongs to a subject, not to a browser: who comes in as another person ends what the first one had
    /// here (design section 3).
    fn end_others(&self, visit: &Visit<'_>, subject: &Subject) {
        let held = visit.held.live.iter().chain(&visit.held.run_out);
        for grant in held.filter(|grant| grant.subject() != subject) {
            self.revoke(visit, grant);
        }
    }

    /// The answer to the right code: cookies, and the way on.
    fn release(&self, visit: &Visit<'_>, id: &challenge::Id, reward: &Reward) -> Reply {
        let site = &visit.door.site;
        let to = if reward.lost {
            code_path(id)
        } else {
            format!("{}{}", site.origin.text(), reward.destination.as_str())
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
        with_cookies(see_other(&to), set.into_iter().chain(replay))
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
                .will_replay(*id, kept, browser, target, now);
            true
        })
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
