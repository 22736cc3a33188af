//! The code page: what a challenge looks like now. A GET shows; it sends nothing and spends nothing.

use std::time::Duration;

use super::check::onward;
use super::own::{code_path, state_path};
use super::send::{Recipient, nowhere};
use super::{Flow, Reply, Visit, look, reply_to};
use crate::address::Address;
use crate::carrier::delivery::SEVERAL;
use crate::challenge::fate::{Fate, Heard};
use crate::challenge::{self, MaySend, Mistake, Trouble};
use crate::limit::Locked;
use crate::message::Channel;
use crate::page::{CodeError, CodePage, Notice, Page, Refusal, State};
use crate::store::{Lost, View};

/// Until when a lock that only the operator lifts is said to last: nobody knows, and it can be asked again then.
const OPERATOR: u64 = 3600;

impl Flow {
    /// The page of a challenge, for the browser that it belongs to.
    pub(super) async fn code_page(&self, visit: &Visit<'_>, id: &challenge::Id) -> Reply {
        let view = self
            .known_browser(visit)
            .and_then(|(secret, browser)| Some((secret, self.asked_of(visit, id, &browser)?)));
        let Some((secret, mut view)) = view else {
            return self.refuse(visit, Refusal::UnknownChallenge { again: "/" });
        };
        if !view.question.entry.proven() {
            // A stranger is told how the carriers do for everybody, never how their own message fared (C7).
            // Where everybody is one and the same person there is nobody to find out about.
            let people = match visit.door.site.fixed_user {
                Some(_) => 1,
                None => SEVERAL,
            };
            let down = |send: &challenge::Send| self.dispatcher.trouble(send.channel, people);
            view.trouble = view.last_send.filter(down).map(|_| Trouble::Carrier);
            // A vendor keeps one code at a time: how many live would tell whether there is a vendor's.
            if self.dispatcher.is_managed(&view.question.scope.channels) {
                view.living = view.living.min(1);
            }
        }
        if let Some(reward) = &view.reward {
            let again = reward.destination.as_str();
            return match reward.lost {
                None => onward(&visit.door.site, reward),
                Some(Lost::Request) => self.page(visit, &Page::SubmitAgain { back: again }),
                Some(Lost::Login) => self.refuse(visit, Refusal::LoginExpired { again }),
            };
        }
        let recipient = match self.shown_recipient(visit, &view).await {
            Ok(recipient) => recipient,
            Err(refusal) => return self.refuse(visit, refusal),
        };
        let action = code_path(id);
        let token = self.ring.token(secret, &action);
        let locked = self.store.counters.locked(
            &view.question,
            self.part(visit, &view.question.subject),
            visit.now,
        );
        let scope = &view.question.scope;
        let (channels, to) = self.ways(&view, recipient.as_ref());
        let first = channels.first().copied().unwrap_or(Channel::Sms);
        let channel = view.last_send.map_or(first, |send| send.channel);
        let to = to(channel);
        let state = state(&view, locked, visit);
        let heard = view.last_send.and_then(|send| send.heard);
        // To who has shown nothing nothing will be told either.
        let more = view.question.entry.proven() && !heard.is_some_and(Heard::is_final);
        let polled = state_path(id);
        let page = CodePage {
            action: &action,
            token: &token,
            scope: &scope.title,
            digits: scope.digits,
            channel,
            other_channels: &channels,
            to: to.as_deref(),
            state,
            notice: notice(&view, self.dispatcher.is_managed(&scope.channels)),
            error: error(&view, visit),
            resend_in: resend_in(&view),
            heard,
            ask: more.then_some(polled.as_str()),
        };
        let rendered = self.pages.render(
            &Page::Code(page),
            &look(&visit.door.site),
            &visit.reference.to_string(),
            visit.now,
        );
        let leads_to = self.store.holds.leads_to(&view.question);
        reply_to(&rendered, leads_to.as_ref())
    }

    /// Where codes go, if the subject has shown who they are.
    pub(super) async fn shown_recipient(
        &self,
        visit: &Visit<'_>,
        view: &View,
    ) -> Result<Option<Recipient>, Refusal<'static>> {
        if !view.question.entry.proven() {
            return Ok(None);
        }
        let scope = &view.question.scope;
        let person = self.person(visit.door, &view.question.subject).await;
        let recipient = person.as_ref().map(Recipient::of);
        recipient
            .filter(|recipient| recipient.first_of(&scope.channels).is_some())
            .map(Some)
            .ok_or_else(|| nowhere(scope))
    }

    /// The channels that are offered, and what is shown of where each goes. A stranger is offered all of the scope's, as
    /// everybody is, and shown nothing (C7).
    pub(super) fn ways(
        &self,
        view: &View,
        recipient: Option<&Recipient>,
    ) -> (Vec<Channel>, impl Fn(Channel) -> Option<String>) {
        let all = view.question.scope.channels.iter().copied();
        let reaches =
            |channel: &Channel| recipient.is_none_or(|recipient| recipient.by(*channel).is_some());
        let digits = usize::from(self.show_phone).min(4);
        let shown = move |channel| match recipient?.by(channel)? {
            _ if digits == 0 => None,
            Address::Phone(phone) => {
                let e164 = phone.e164();
                Some(e164[e164.len() - digits..].to_owned())
            }
            Address::Email(email) => Some(email.to_string()),
        };
        (all.filter(reaches).collect(), shown)
    }
}

fn state(view: &View, locked: Option<Locked>, visit: &Visit<'_>) -> State {
    if let Some(Locked { wait }) = locked {
        let seconds = wait.map_or(OPERATOR, |wait| wait.as_secs() + 1);
        return State::Locked {
            until: visit.now.unix + seconds,
        };
    }
    let Some(until) = view
        .code_until
        .filter(|until| *until > visit.now.mono && view.living > 0 && view.left > 0)
    else {
        return if view.last_send.is_none() {
            State::NotSent
        } else {
            State::Over
        };
    };
    State::Sent {
        until: visit.now.unix + until.saturating_sub(visit.now.mono).as_secs(),
    }
}

/// `managed`: a vendor may hold the code, and its newest ends the earlier ones. Whether it does so for a stranger must not
/// show (C7), so nothing is then said of those.
fn notice(view: &View, managed: bool) -> Option<Notice> {
    let send = view
        .last_send
        .filter(|_| view.sends > 1 && view.trouble.is_none() && view.mistake.is_none())
        .filter(|send| !is_lost(send))?;
    let at = send.at.unix;
    let told = view.question.entry.proven() || !managed;
    Some(if view.living > 1 && told {
        Notice::SentAgain { at }
    } else {
        Notice::Sent { at }
    })
}

fn error(view: &View, visit: &Visit<'_>) -> Option<CodeError> {
    if view.left == 0 {
        return Some(CodeError::TriesUsedUp);
    }
    let mistake = view.mistake.and_then(|mistake| {
        Some(match mistake {
            Mistake::Empty => CodeError::Empty,
            Mistake::Length(typed) => CodeError::WrongLength { typed },
            Mistake::NotDigits => CodeError::NotDigits,
            Mistake::Unchecked => CodeError::Unchecked,
            Mistake::Wrong => CodeError::Wrong {
                left: (view.left <= 2).then_some(view.left),
            },
            Mistake::Expired => CodeError::Expired,
            Mistake::Stale => CodeError::Stale,
            Mistake::TooEarly => CodeError::TooEarly {
                seconds: Some(whole_seconds(resend_in(view))).filter(|wait| *wait > 0)?,
            },
            Mistake::SendLimit { until } => CodeError::SendLimit {
                until: Some(until).filter(|until| *until > visit.now.unix)?,
            },
            // While it lasts the page is in its locked state; afterwards there is nothing to say.
            Mistake::Locked { .. } => return None,
        })
    });
    let expired = view.last_send.is_some() && view.living == 0 && view.trouble.is_none();
    mistake.or(match view.trouble {
        Some(Trouble::Carrier) => Some(CodeError::CarrierTrouble),
        Some(Trouble::Number) => Some(CodeError::NumberCannot),
        None if expired => Some(CodeError::Expired),
        None => view
            .last_send
            .filter(is_lost)
            .map(|_| CodeError::Undelivered),
    })
}

fn is_lost(send: &challenge::Send) -> bool {
    send.heard.is_some_and(|heard| heard.fate == Fate::Failed)
}

fn resend_in(view: &View) -> Duration {
    match view.may_send {
        MaySend::Wait(wait) => wait,
        MaySend::Yes | MaySend::NoMore | MaySend::BeginAnew => Duration::ZERO,
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
