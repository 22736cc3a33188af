//! Calls by Twilio's Calls, which are told at once what to say: nobody has to fetch a script from us.

use std::time::Duration;

use super::{Twilio, answer, known_as, sid};
use crate::carrier::{Accepted, Cause, Failure, Message};
use crate::phone::sender::Sender;

/// Orders one call.
pub(super) async fn send(
    twilio: &Twilio,
    message: &Message,
    from: Option<&Sender>,
    within: Duration,
) -> Result<Accepted, Failure> {
    // A messaging service has no voice: a call is from a number.
    let from = from.ok_or(Failure::Config(Cause::NoSender))?;
    let script = message.script().twiml();
    let mut fields = vec![
        ("To", message.to.as_str()),
        ("From", from.as_str()),
        ("Twiml", script.as_str()),
        ("Timeout", RINGS),
    ];
    // Without more words it is told once, when the call is over. (Each event more would be a field of the same name,
    // and the phone that rings tells it as well.)
    let receipts = twilio.receipts.as_deref();
    fields.extend(receipts.map(|receipts| ("StatusCallback", receipts)));
    let path = format!("/Accounts/{}/Calls.json", twilio.account.id);
    let reply = twilio.account.post(&path, &fields, within).await?;
    let answer = answer(&reply, message.now.unix)?;
    Ok(Accepted {
        id: known_as(&sid(&answer, &["CA"])?, message),
    })
}

/// Seconds that it rings. Most answering machines begin later: a code on one is anybody's who hears it off.
const RINGS: &str = "20";
