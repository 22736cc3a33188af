//! What an answer means, by the operator's rules.
//!
//! In this order: where `success` is written and holds, the message was taken; the first of `errors` that holds says why
//! not; a status that is no success says so as with every carrier. What is left is a success by its status. Without
//! `success` that is enough. With it, the answer says neither yes nor no: the vendor may have taken the message, so
//! nobody knows, and nobody else is asked.

use http::StatusCode;
use serde_json::Value;

use crate::carrier::http_client::Reply;
use crate::carrier::taxonomy;
use crate::carrier::vendor_id;
use crate::carrier::{Cause, Failure, Message};

/// `success`, `errors` and `id` of a webhook.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// What the answer to a message that was taken looks like.
    pub success: Option<Condition>,
    /// What others look like, and what they mean; the first that holds.
    pub errors: Vec<(Condition, Class)>,
    /// Where the vendor's name for the message stands: a JSON pointer (RFC 6901).
    pub id: Option<String>,
}

/// What holds of an answer: all that is written.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// One of these statuses; empty: whichever.
    pub status: Vec<StatusCode>,
    /// Where the value stands that is looked at: a JSON pointer. `None`: the whole body as text.
    pub pointer: Option<String>,
    /// The value is one of these; numbers are compared as they are written.
    pub equals: Vec<String>,
    /// The value begins with one of these.
    pub starts_with: Vec<String>,
}

/// The classes of `carriers/errors.toml`, as far as an answer can be of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// [`Failure::BadNumber`]
    BadNumber,
    /// [`Failure::Blocked`]
    Blocked,
    /// [`Failure::OptedOut`]
    OptedOut,
    /// [`Failure::Landline`]
    Landline,
    /// [`Failure::Config`]
    Config,
    /// [`Failure::Throttled`]
    Throttled,
    /// [`Failure::Transient`]
    Transient,
    /// [`Failure::Unknown`]
    Unknown,
}

impl Class {
    /// All of them, as they are written.
    pub const NAMES: [(&'static str, Self); 8] = [
        ("bad_number", Self::BadNumber),
        ("blocked", Self::Blocked),
        ("opted_out", Self::OptedOut),
        ("landline", Self::Landline),
        ("config", Self::Config),
        ("throttled", Self::Throttled),
        ("transient", Self::Transient),
        ("unknown", Self::Unknown),
    ];
}

impl Rules {
    /// What became of the message: the vendor's name for it, if it has one.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) fn read(&self, reply: &Reply, message: &Message) -> Result<Option<String>, Failure> {
        let answer = Answer::of(reply);
        let refusal = reply.refusal(message.now.unix);
        if self
            .success
            .as_ref()
            .is_some_and(|success| answer.meets(success))
        {
            return Ok(self.named(&answer, message));
        }
        if let Some((condition, class)) = self
            .errors
            .iter()
            .find(|(condition, _)| answer.meets(condition))
        {
            return Err(class.failure(answer.cause(condition, message), refusal.as_ref()));
        }
        match refusal {
            Some(failure) => Err(failure),
            None if self.success.is_some() => Err(Failure::Unknown(Cause::Unreadable)),
            None => Ok(self.named(&answer, message)),
        }
    }

    fn named(&self, answer: &Answer<'_>, message: &Message) -> Option<String> {
        vendor_id::fit(&answer.value(self.id.as_deref()?)?, message)
    }
}

impl Class {
    /// `refusal` is what the status says: it knows for how long to wait.
    fn failure(self, cause: Cause, refusal: Option<&Failure>) -> Failure {
        match self {
            Self::BadNumber => Failure::BadNumber(cause),
            Self::Blocked => Failure::Blocked(cause),
            Self::OptedOut => Failure::OptedOut(cause),
            Self::Landline => Failure::Landline(cause),
            Self::Config => Failure::Config(cause),
            Self::Throttled => Failure::Throttled {
                retry_after: match refusal {
                    Some(Failure::Throttled { retry_after, .. }) => *retry_after,
                    _ => None,
                },
                cause,
            },
            Self::Transient => Failure::Transient(cause),
            Self::Unknown => Failure::Unknown(cause),
        }
    }
}

/// An answer as the rules look at it.
struct Answer<'a> {
    status: StatusCode,
    text: std::borrow::Cow<'a, str>,
    json: Option<Value>,
}

impl<'a> Answer<'a> {
    fn of(reply: &'a Reply) -> Self {
        Self {
            status: reply.status,
            text: String::from_utf8_lossy(&reply.body),
            json: serde_json::from_slice(&reply.body).ok(),
        }
    }

    fn meets(&self, condition: &Condition) -> bool {
        if !condition.status.is_empty() && !condition.status.contains(&self.status) {
            return false;
        }
        let value = match &condition.pointer {
            None => Some(self.text.trim().to_owned()),
            // That it is there is a condition of its own.
            Some(pointer) if condition.equals.is_empty() && condition.starts_with.is_empty() => {
                return self.member(pointer).is_some();
            }
            Some(pointer) => self.value(pointer),
        };
        let equals = |value: &str| {
            condition.equals.is_empty() || condition.equals.iter().any(|own| own == value)
        };
        let starts = |value: &str| {
            let begun = |own: &String| value.starts_with(own.as_str());
            condition.starts_with.is_empty() || condition.starts_with.iter().any(begun)
        };
        value.is_some_and(|value| equals(&value) && starts(&value))
    }

    fn member(&self, pointer: &str) -> Option<&Value> {
        let member = self.json.as_ref()?.pointer(pointer)?;
        (!member.is_null()).then_some(member)
    }

    /// What stands at the pointer as text, unless it is a list or an object.
    fn value(&self, pointer: &str) -> Option<String> {
        match self.member(pointer)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(is) => Some(is.to_string()),
            _ => None,
        }
    }

    /// What is said in the log: the vendor's code, unless it tells of the message (C8).
    fn cause(&self, condition: &Condition, message: &Message) -> Cause {
        let value = condition.pointer.as_deref().and_then(|at| self.value(at));
        match value.filter(|value| !vendor_id::tells(value, message)) {
            Some(value) => Cause::Vendor {
                status: self.status,
                code: taxonomy::shown(&value),
                means: None,
            },
            None => Cause::Status(self.status),
        }
    }
}
