//! Draw, render, carrier: how a code gets to its person.

use std::sync::Arc;

use super::own::code_path;
use super::{Door, Flow, Reply, Visit, random, see_other};
use crate::address::Address;
use crate::carrier::delivery::Proof;
use crate::carrier::{Failure, Message};
use crate::challenge::{self, Browser, Entry, Mistake, Question, Trouble};
use crate::code::{Code, Reference};
use crate::directory::Person;
use crate::event::{Event, What};
use crate::message::draft::Draft;
use crate::message::{self, Channel};
use crate::moment::Moment;
use crate::observe;
use crate::page::Refusal;
use crate::scope::Scope;
use crate::store::durable::NotKept;
use crate::store::{Sending, View};

/// Where a message goes, if there is anybody to send it to.
#[derive(Debug, Clone)]
pub struct Recipient {
    phone: Option<Address>,
    email: Option<Address>,
    locale: Option<String>,
}

impl Recipient {
    /// A person of the directory.
    pub fn of(person: &Person) -> Self {
        Self {
            phone: person.phone.clone().map(Address::Phone),
            email: person.email.clone().map(Address::Email),
            locale: person.locale.clone(),
        }
    }

    /// Nobody: everything goes on as if, and no message goes out.
    pub fn nobody() -> Self {
        Self {
            phone: None,
            email: None,
            locale: None,
        }
    }

    /// The first of those channels that reaches them.
    pub fn first_of(&self, channels: &[Channel]) -> Option<Channel> {
        let mut channels = channels.iter().copied();
        channels.find(|channel| self.by(*channel).is_some())
    }

    /// Where a message by this channel goes.
    pub(super) fn by(&self, channel: Channel) -> Option<&Address> {
        match channel {
            Channel::Sms | Channel::Voice => self.phone.as_ref(),
            Channel::Email => self.email.as_ref(),
        }
    }
}

/// What somebody is told whom none of the scope's channels reaches.
pub(super) fn nowhere(scope: &Scope) -> Refusal<'static> {
    if scope.channels.contains(&Channel::Email) {
        Refusal::NoAddress
    } else {
        Refusal::NoPhone
    }
}

/// One message on its way, with everything it needs to be sent from another runtime.
struct Errand {
    door: Arc<Door>,
    id: challenge::Id,
    placeholder: challenge::Mac,
    question: Question,
    recipient: Recipient,
    channel: Channel,
    reference: Reference,
    now: Moment,
}

impl Flow {
    /// Sends the first code of a challenge that was just begun: to somebody who has shown who they are by the first
    /// channel that reaches them, else by the scope's first for everybody (C7). Returns when that is counted on disk, and
    /// does not wait for the message.
    ///
    /// # Errors
    /// [`NotKept`]: it cannot be counted, and no message goes out.
    pub(super) async fn send_first(
        self: &Arc<Self>,
        visit: &Visit<'_>,
        id: &challenge::Id,
        browser: &Browser,
        recipient: Recipient,
    ) -> Result<(), NotKept> {
        let Some(view) = self.store.view(id, browser, visit.now) else {
            return Ok(());
        };
        let channels = &view.question.scope.channels;
        let reaches = Some(&recipient)
            .filter(|_| view.question.entry.proven())
            .and_then(|recipient| recipient.first_of(channels));
        let channel = reaches
            .or_else(|| channels.first().copied())
            .unwrap_or(Channel::Sms);
        let Ok(placeholder) = random() else {
            return Ok(());
        };
        if self.store.send(
            id,
            browser,
            placeholder,
            channel,
            visit.peer.network(),
            visit.now,
        ) != Sending::Go
        {
            return Ok(());
        }
        // Taken before the message is on its way: what that counts, for a number that there is, is not waited for (C7).
        let settled = self.store.settled();
        drop(self.dispatch(visit, id, placeholder, view.question, recipient, channel));
        settled.await
    }

    /// Sends another code because the visitor pressed a button, or begins anew where this challenge cannot.
    pub(super) async fn send_again(
        self: &Arc<Self>,
        visit: &Visit<'_>,
        id: &challenge::Id,
        browser: &Browser,
        view: View,
        channel: Channel,
    ) -> Reply {
        let question = view.question;
        let page = see_other(&code_path(id));
        let Ok(placeholder) = random() else {
            return self.refuse(visit, Refusal::Internal);
        };
        match self.store.send(
            id,
            browser,
            placeholder,
            channel,
            visit.peer.network(),
            visit.now,
        ) {
            Sending::NotNow => return page,
            Sending::Gone => return self.refuse(visit, Refusal::UnknownChallenge { again: "/" }),
            Sending::BeginAnew => return self.begin_anew(visit, browser, question, channel).await,
            Sending::Go => {}
        }
        match self
            .send_now(visit, id, placeholder, question, channel)
            .await
        {
            Ok(()) => page,
            Err(NotKept) => self.refuse(visit, Refusal::NothingCanSend),
        }
    }

    async fn begin_anew(
        self: &Arc<Self>,
        visit: &Visit<'_>,
        browser: &Browser,
        question: Question,
        channel: Channel,
    ) -> Reply {
        let Question {
            scope,
            subject,
            named,
            entry,
            ..
        } = question.clone();
        let begun = random().ok().and_then(|placeholder| {
            let id = self
                .challenge(visit, &scope, subject, named, entry, *browser)
                .ok()?;
            Some((id, placeholder))
        });
        let Some((id, placeholder)) = begun else {
            return self.refuse(visit, Refusal::Full);
        };
        if self.store.send(
            &id,
            browser,
            placeholder,
            channel,
            visit.peer.network(),
            visit.now,
        ) == Sending::Go
            && self
                .send_now(visit, &id, placeholder, question, channel)
                .await
                .is_err()
        {
            return self.refuse(visit, Refusal::NothingCanSend);
        }
        see_other(&code_path(&id))
    }

    async fn send_now(
        self: &Arc<Self>,
        visit: &Visit<'_>,
        id: &challenge::Id,
        placeholder: challenge::Mac,
        question: Question,
        channel: Channel,
    ) -> Result<(), NotKept> {
        let settled = self.store.settled();
        let person = self.person(visit.door, &question.subject).await;
        let recipient = person
            .as_ref()
            .map_or_else(Recipient::nobody, Recipient::of);
        let waits = question.entry.proven();
        let sent = self.dispatch(visit, id, placeholder, question, recipient, channel);
        // Who has shown who they are may wait for the outcome, which the dispatcher bounds; a stranger must not be
        // able to measure it (C7).
        if waits {
            drop(sent.await);
        }
        settled.await
    }

    fn dispatch(
        self: &Arc<Self>,
        visit: &Visit<'_>,
        id: &challenge::Id,
        placeholder: challenge::Mac,
        question: Question,
        recipient: Recipient,
        channel: Channel,
    ) -> tokio::task::JoinHandle<()> {
        let errand = Errand {
            door: Arc::clone(visit.door),
            id: *id,
            placeholder,
            question,
            recipient,
            channel,
            reference: visit.reference,
            now: visit.now,
        };
        let flow = Arc::clone(self);
        self.slow.spawn(
            self.tasks
                .track_future(async move { flow.run(errand).await }),
        )
    }

    async fn run(&self, errand: Errand) {
        let Errand {
            door,
            id,
            question,
            channel,
            now,
            ..
        } = &errand;
        let (scope, open) = (&question.scope, question.entry.proven());
        let place = &errand.placeholder;
        let Some(to) = errand.recipient.by(*channel) else {
            // For somebody this would be counted.
            self.store.touch();
            errand.unsent(match channel {
                Channel::Sms | Channel::Voice => "nobody by that name has a number",
                Channel::Email => "nobody by that name has a mail address",
            });
            return self
                .store
                .report(id, place, open.then_some(Trouble::Number));
        };
        let counters = &self.store.counters;
        if let Err(over) = counters.send(to, &door.site.name, &scope.name, *channel, *now) {
            self.store.touch();
            self.metrics.limit("sends");
            errand.unsent("the number or address, or the scope, has had its messages");
            if open {
                self.store.report(id, place, Some(Trouble::Carrier));
                let until = now.unix + over.0.as_secs();
                self.store
                    .note(id, &question.browser, Mistake::SendLimit { until });
            }
            return;
        }
        // No message goes out that a crash could make us forget.
        if self.store.settled().await.is_err() {
            errand.unsent("what is counted cannot be kept");
            return self
                .store
                .report(id, place, open.then_some(Trouble::Carrier));
        }
        let Ok(code) = Code::draw(scope.digits) else {
            errand.unsent("the operating system's random generator failed");
            return self
                .store
                .report(id, place, open.then_some(Trouble::Carrier));
        };
        let mac = self.ring.code(id, code.as_str());
        if !self.store.arm(id, place, mac) {
            return errand.unsent("the challenge ended meanwhile");
        }
        let message = errand.compose(to, code, self.clock.outside(*now));
        match self.dispatcher.send(&message).await {
            Ok(sent) => {
                self.taken(&message, &sent, Some((*id, *now)));
                match sent.proof {
                    Proof::Ours => self.store.sent(id, &mac, &sent.carrier),
                    // The code that was drawn here went nowhere: its place is taken by what no code has.
                    Proof::Theirs(remote) => {
                        self.store.entrust(id, &mac, remote, *place);
                    }
                }
                errand.record(What::ChallengeSent {
                    scope: &scope.name,
                    channel: *channel,
                    carrier: &sent.carrier,
                    message: &message.id,
                });
            }
            Err(failed) => {
                errand.record(What::ChallengeUnsent {
                    scope: &scope.name,
                    message: Some(&message.id),
                    why: failed.failure.class(),
                });
                let trouble = trouble(&failed.failure, question.entry);
                self.store.report(id, &mac, trouble);
            }
        }
    }
}

impl Errand {
    /// The message for a code, sent `now` as its carrier has it.
    fn compose(&self, to: &Address, code: Code, now: Moment) -> Message {
        let (site, scope) = (&self.door.site, &self.question.scope);
        let locale = self.recipient.locale.clone();
        Message {
            id: message::Id::draw(),
            site: site.name.clone(),
            scope: scope.name.to_string(),
            to: to.clone(),
            channel: self.channel,
            draft: Draft {
                template: scope.message.choose(locale.as_deref()).clone(),
                name: site.title.clone(),
                scope: scope.title.clone(),
                minutes: scope.code_life.as_secs().div_ceil(60),
                host: Some(site.origin.host().to_owned()),
                digits: scope.digits,
            },
            code,
            from: None,
            ours: false,
            locale,
            life: scope.code_life,
            now,
        }
    }

    fn record(&self, what: What<'_>) {
        observe::record(&Event {
            reference: self.reference,
            site: Some(&self.door.site.name),
            what,
        });
    }

    fn unsent(&self, why: &str) {
        let scope = &self.question.scope.name;
        self.record(What::ChallengeUnsent {
            scope,
            message: None,
            why,
        });
    }
}

/// What a page may say of a failed send. To a stranger nothing of their own send is told, only how the carriers do
/// for everybody (`code_page`): the outcome, and when it is known, would say that there is a number (C7).
fn trouble(failure: &Failure, entry: Entry) -> Option<Trouble> {
    match failure {
        _ if !entry.proven() => None,
        // It may have gone out: the code stays good, and nobody is told to expect nothing.
        Failure::Unknown(_) => None,
        failure if failure.is_of_the_carrier() => Some(Trouble::Carrier),
        _ => Some(Trouble::Number),
    }
}
