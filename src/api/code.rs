//! A code on its way out, and on its way back.

use std::sync::Arc;

use super::answer::Answer;
use super::request::{Order, Question};
use super::{Account, Api, Visit};
use crate::address::Address;
use crate::carrier::{Failure, Message};
use crate::challenge::Brought;
use crate::code::Code;
use crate::event::api::Outcome;
use crate::message::draft::Draft;
use crate::message::{self, Channel};
use crate::name::Name;
use crate::store::issued::{LONGEST, Verdict};

impl Api {
    /// Draws a code and lets a carrier take it to its number.
    pub(super) async fn send(
        &self,
        visit: &Visit,
        account: &Account,
        channel: Channel,
        order: Order,
    ) -> Answer {
        let (flow, now) = (&self.0.flow, visit.now);
        let unsent = |why: &str, answer: Answer| {
            visit.tell(Some(&account.id), Outcome::Unsent { channel, why });
            answer
        };
        let to = Address::Phone(order.to);
        let counters = &flow.store.counters;
        if counters.account(&to, &account.id, channel, now).is_err() {
            return unsent("limit", Answer::too_many_codes());
        }
        // No message goes out that a crash could make us forget (A4).
        if flow.store.settled().await.is_err() {
            return unsent("what is counted cannot be kept", Answer::Internal);
        }
        let Ok(code) = Code::draw(order.digits) else {
            return unsent("no randomness", Answer::Internal);
        };
        let line = flow.ring.line(&account.id, to.as_str(), &order.scope);
        let mac = flow.ring.code(&line, code.as_str());
        let Ok(before) = flow.store.issued.issue(line, mac, now) else {
            return unsent("no room", Answer::Internal);
        };
        let message = Message {
            id: message::Id::draw(),
            site: account.as_name(),
            scope: order.scope.clone(),
            to,
            channel,
            draft: Draft {
                template: order.template,
                name: account.name.clone(),
                scope: order.scope,
                // Who verifies it says how old it may be.
                minutes: 0,
                host: None,
                digits: order.digits,
            },
            code,
            from: Some(order.from),
            ours: true,
            locale: None,
            life: LONGEST,
            now: flow.clock.outside(now),
        };
        // On the runtime for slow work, and to its end even if the caller goes away: what went out can be verified.
        let own = Arc::clone(flow);
        let errand = async move {
            let sent = own.dispatcher.send(&message).await;
            match &sent {
                // No page waits for it, but logs and metrics hear what became of it.
                Ok(sent) => {
                    let by = Brought {
                        carrier: sent.carrier.clone(),
                        channel,
                    };
                    own.store.issued.carried(&line, &mac, by);
                    own.taken(&message, sent, None);
                }
                // It may have gone out.
                Err(failed) if matches!(failed.failure, Failure::Unknown(_)) => {}
                Err(_) => own.store.issued.withdraw(&line, &mac, before),
            }
            sent
        };
        match flow.slow.spawn(flow.tasks.track_future(errand)).await {
            Ok(Ok(sent)) => {
                let carrier = &sent.carrier;
                visit.tell(Some(&account.id), Outcome::Sent { channel, carrier });
                match channel {
                    Channel::Voice => Answer::Called(sent.id),
                    Channel::Sms | Channel::Email => Answer::Sent(sent.id),
                }
            }
            Ok(Err(failed)) => unsent(failed.failure.class(), told(&failed.failure)),
            Err(_) => unsent("a fault of ours", Answer::Internal),
        }
    }

    /// Whether a code is the one that was sent last.
    pub(super) fn verify(&self, visit: &Visit, account: &Account, question: &Question) -> Answer {
        let (flow, now) = (&self.0.flow, visit.now);
        let line = flow
            .ring
            .line(&account.id, question.to.e164(), &question.scope);
        let mac = flow.ring.code(&line, &question.code);
        let (outcome, answer) = match flow.store.issued.answer(line, &mac, question.window, now) {
            Verdict::Right(brought) => {
                if let Some(Brought { carrier, channel }) = &brought {
                    flow.dispatcher.entered(carrier, *channel);
                }
                (Outcome::Verified, Answer::Valid(true))
            }
            Verdict::Wrong => (Outcome::Wrong, Answer::Valid(false)),
            Verdict::Resting => (Outcome::Resting, Answer::too_many_answers()),
        };
        visit.tell(Some(&account.id), outcome);
        answer
    }
}

impl Account {
    /// Its name where sites have theirs: in what a webhook is told.
    fn as_name(&self) -> Name {
        let id = self.id.to_ascii_lowercase().replace('-', "_");
        let name = Name::parse(&format!("api_{id}"));
        name.expect("an id of 20 letters, digits, dashes and underscores makes a name")
    }
}

/// What a caller is told of a failed send: what is the number's fault, in words; what is ours or a carrier's, nothing.
fn told(failure: &Failure) -> Answer {
    match failure {
        Failure::BadNumber(_)
        | Failure::Blocked(_)
        | Failure::OptedOut(_)
        | Failure::Landline(_)
        | Failure::Refused(_) => Answer::BadRequest(format!("to number is refused: {failure}")),
        Failure::Unfit(unfit) => Answer::BadRequest(format!("from number is refused: {unfit}")),
        Failure::Config(_)
        | Failure::Throttled { .. }
        | Failure::Transient(_)
        | Failure::Unknown(_) => Answer::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::Cause;
    use crate::phone::Undeliverable;
    use crate::phone::sender::{Kind, Unfit};
    use crate::secret::Secret;

    #[test]
    fn the_numbers_faults_are_told_and_carriers_are_not() {
        let cause = || Cause::Silence;
        for (failure, text) in [
            (
                Failure::BadNumber(cause()),
                Some("to number is refused: nobody can be reached there"),
            ),
            (
                Failure::OptedOut(cause()),
                Some("to number is refused: the number's owner opted out"),
            ),
            (
                Failure::Refused(Undeliverable::TollFree),
                Some("to number is refused: not sent to: a toll-free number"),
            ),
            (
                Failure::Unfit(Unfit::Voice(Kind::ShortCode)),
                Some("from number is refused: a short code cannot call"),
            ),
            (Failure::Config(cause()), None),
            (Failure::Transient(cause()), None),
            (Failure::Unknown(cause()), None),
        ] {
            match (told(&failure), text) {
                (Answer::BadRequest(said), Some(text)) => assert_eq!(said, text),
                (Answer::Internal, None) => {}
                _ => panic!("{failure}"),
            }
        }
    }

    #[test]
    fn every_id_that_there_can_be_makes_a_name() {
        for (id, name) in [
            ("9900000", "api_9900000"),
            ("A-b_C", "api_a_b_c"),
            ("12345678901234567890", "api_12345678901234567890"),
        ] {
            let account = Account {
                id: id.to_owned(),
                name: String::new(),
                username: String::new(),
                password: Secret::new(Vec::new()),
            };
            assert_eq!(account.as_name().as_str(), name);
        }
    }
}
