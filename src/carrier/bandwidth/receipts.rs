//! What Bandwidth tells later: of texts, in a list of one; of MFA, without the list; of calls, as they end.
//!
//! Nothing of it is signed. That the address held the right secret is checked before; beside it the callbacks of an
//! account may carry a user name and a password, and those of a call carry the call's own.

use serde::Deserialize;

use super::super::{Fate, NotTaken, Receipt, Report, taxonomy};
use super::is_name;
use super::login::Basic;
use super::voice::Calls;

/// What became of the messages that are named; nothing for what is none of ours to know, such as a message that came
/// in: the vendor says it again for a day to whoever refuses it.
///
/// # Errors
/// [`NotTaken::Forged`] where credentials are wanted and others, or none, are shown.
pub(super) fn read(
    report: &Report<'_>,
    wanted: Option<&Basic>,
    calls: Option<&Calls>,
) -> Result<Vec<Receipt>, NotTaken> {
    let known = wanted.is_none_or(|wanted| wanted.shown_in(report.headers));
    let told: Result<Told, _> = serde_json::from_slice(report.body);
    let of_call = |event: &Event| {
        let tag = event.tag.as_deref();
        // One that speaks of a text as well would be believed about that by the password of a call.
        event.of_call.is_some()
            && event.r#type.is_none()
            && event.message.is_none()
            && tag.is_some_and(|tag| calls.is_some_and(|calls| calls.vouches(tag, report)))
    };
    match told {
        Ok(Told::Event(event)) if known || of_call(&event) => {
            Ok(event.receipt().into_iter().collect())
        }
        Ok(Told::Events(events)) if known => Ok(events.iter().filter_map(Event::receipt).collect()),
        Err(_) if known => Err(NotTaken::Unreadable),
        _ => Err(NotTaken::Forged),
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Told {
    /// Of Messaging.
    Events(Vec<Event>),
    /// Of MFA and of Voice.
    Event(Box<Event>),
}

/// The members of all three that matter here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    /// Messaging and MFA: `message-delivered` and the like.
    r#type: Option<String>,
    error_code: Option<serde_json::Value>,
    message: Option<Named>,
    /// Voice: `disconnect` and others.
    #[serde(rename = "eventType")]
    of_call: Option<String>,
    call_id: Option<String>,
    tag: Option<String>,
    cause: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    id: Option<String>,
    tag: Option<String>,
}

impl Event {
    fn receipt(&self) -> Option<Receipt> {
        let fate = match (self.r#type.as_deref(), self.of_call.as_deref()) {
            (Some("message-sent"), _) => Fate::Sent,
            (Some("message-delivered" | "message-read"), _) => Fate::Delivered,
            (Some("message-failed"), _) => self.failed()?,
            (None, Some("disconnect")) => ended(self.cause.as_deref()?)?,
            _ => return None,
        };
        let (tag, id) = match &self.message {
            Some(named) => (&named.tag, &named.id),
            None => (&self.tag, &self.call_id),
        };
        // Our name first: it is known even where the vendor's answer to our request never came.
        let mut names = [tag, id].into_iter().flatten();
        let id = names.find(|name| is_name(name))?.clone();
        Some(Receipt { id, fate })
    }

    /// Why it failed; `None` if the code says that nobody knows whether it did.
    fn failed(&self) -> Option<Fate> {
        let code = match &self.error_code {
            Some(serde_json::Value::Number(number)) => number.to_string(),
            Some(serde_json::Value::String(text)) => text.clone(),
            _ => String::new(),
        };
        if taxonomy::means("bandwidth", &code).is_some() {
            return taxonomy::fate("bandwidth", &code);
        }
        Some(Fate::Failed {
            class: "unknown",
            code: Some(taxonomy::shown(&code)).filter(|code| !code.is_empty()),
        })
    }
}

/// How a call ended. One that was answered ends with `hangup`: the code was heard, as far as anybody can tell.
fn ended(cause: &str) -> Option<Fate> {
    match cause {
        "hangup" => Some(Fate::Delivered),
        cause => taxonomy::fate("bandwidth", &format!("cause:{cause}")),
    }
}
