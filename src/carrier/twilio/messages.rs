//! Text messages by Twilio's Messages.

use std::time::Duration;

use super::{Answer, Twilio, VENDOR, answer, known_as, plain, sid};
use crate::carrier::http_client::Reply;
use crate::carrier::{Accepted, Cause, Failure, Message, taxonomy};
use crate::phone::sender::Sender;

/// Orders one message. Twilio gives it up when its code has run out.
pub(super) async fn send(
    twilio: &Twilio,
    message: &Message,
    from: Option<&Sender>,
    within: Duration,
) -> Result<Accepted, Failure> {
    let service = twilio.messaging_service.as_deref();
    if from.is_none() && service.is_none() {
        return Err(Failure::Config(Cause::NoSender));
    }
    let (text, life) = (message.text(), validity(message.life).to_string());
    let mut fields = vec![("To", message.to.as_str())];
    // Both may be there: then the sender is one of the service's.
    fields.extend(from.map(|from| ("From", from.as_str())));
    fields.extend(service.map(|service| ("MessagingServiceSid", service)));
    fields.extend([("Body", text.as_str()), ("ValidityPeriod", &life)]);
    let receipts = twilio.receipts.as_deref();
    fields.extend(receipts.map(|receipts| ("StatusCallback", receipts)));
    let path = format!("/Accounts/{}/Messages.json", twilio.account.id);
    let reply = twilio.account.post(&path, &fields, within).await?;
    let answer = answer(&reply, message.now.unix)?;
    match failed(&answer, &reply) {
        Some(failure) => Err(failure),
        None => Ok(Accepted {
            id: known_as(&sid(&answer, &["SM", "MM"])?, message),
        }),
    }
}

/// `ValidityPeriod` in seconds, 1 to 36,000.
fn validity(life: Duration) -> u64 {
    life.as_secs().clamp(1, 36_000)
}

/// The failure in an answer whose status is a success: a message can be refused as soon as it is made.
fn failed(answer: &Answer, reply: &Reply) -> Option<Failure> {
    let code = answer.error_code.clone().and_then(plain);
    let status = answer.status.as_deref().unwrap_or_default();
    let over = ["failed", "undelivered", "canceled"].contains(&status);
    if code.is_none() && !over {
        return None;
    }
    let code = code.as_deref().unwrap_or(status);
    let known = taxonomy::failure(VENDOR, reply.status, code, None);
    Some(known.unwrap_or_else(|| {
        Failure::Transient(Cause::Vendor {
            status: reply.status,
            code: taxonomy::shown(code),
            means: None,
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_lives_as_long_as_its_code_within_what_twilio_takes() {
        for (life, seconds) in [(0, 1), (300, 300), (36_000, 36_000), (90_000, 36_000)] {
            assert_eq!(validity(Duration::from_secs(life)), seconds);
        }
    }
}
