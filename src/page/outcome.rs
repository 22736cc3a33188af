//! What became of a message, in words: for the code page, and for its script.

use minijinja::value::Value;
use serde::Serialize;

use crate::challenge::fate::{Fate, Heard};
use crate::message::Channel;

use super::code::instead;
use super::text::{Fill, Texts};
use super::{Pages, time, timestamp};

/// What became of the newest message of a challenge: only for who has shown who they are (C7).
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// What its carrier told, and when.
    pub heard: Heard,
    /// How it went.
    pub channel: Channel,
    /// Another way to send one, offered beside it.
    pub other_channel: Option<Channel>,
}

impl Pages {
    /// The JSON that tells a page's script: `state` is `none`, `sent`, `delivered` or `failed`; `text` is a line for
    /// people, in which `time` stands for the moment `at` (RFC 3339) where it names one.
    ///
    /// # Panics
    /// Never: texts under fixed keys are always JSON.
    #[must_use]
    pub fn outcome(&self, outcome: Option<&Outcome>) -> String {
        #[derive(Serialize)]
        struct Body {
            state: &'static str,
            text: String,
            #[serde(flatten)]
            moment: Option<Named>,
        }
        #[derive(Serialize)]
        struct Named {
            at: String,
            time: String,
        }
        let body = outcome.map_or_else(
            || Body {
                state: "none",
                text: String::new(),
                moment: None,
            },
            |outcome| {
                let at = timestamp(outcome.heard.at.unix);
                let time = at.strftime("%H:%M UTC").to_string();
                Body {
                    state: outcome.state(),
                    text: match outcome.offer() {
                        Some(offer) => {
                            let offer = self.texts.plain(offer, "", "");
                            self.texts.plain(outcome.key(), "{instead}", &offer)
                        }
                        None => self.texts.plain(outcome.key(), "{at}", &time),
                    },
                    moment: outcome.named().then(|| Named {
                        at: at.to_string(),
                        time,
                    }),
                }
            },
        );
        serde_json::to_string(&body).expect("texts under fixed keys are always JSON")
    }
}

impl Outcome {
    pub(super) fn html(&self, texts: &Texts) -> Value {
        match self.offer() {
            Some(offer) => {
                let offer = Fill::Html(texts.html(offer, &[]).to_string());
                texts.html(self.key(), &[("instead", offer)])
            }
            None if self.named() => texts.html(self.key(), &[("at", time(self.heard.at.unix))]),
            None => texts.html(self.key(), &[]),
        }
    }

    fn state(&self) -> &'static str {
        match self.heard.fate {
            Fate::Sent => "sent",
            Fate::Delivered => "delivered",
            Fate::Failed => "failed",
        }
    }

    /// Whether its line names a moment: when it failed helps nobody.
    fn named(&self) -> bool {
        self.heard.fate != Fate::Failed
    }

    fn key(&self) -> &'static str {
        match (self.heard.fate, self.channel, self.offer()) {
            (Fate::Sent, Channel::Voice, _) => "code.fate.called",
            (Fate::Sent, ..) => "code.fate.sent",
            (Fate::Delivered, Channel::Voice, _) => "code.fate.answered",
            (Fate::Delivered, ..) => "code.fate.delivered",
            (Fate::Failed, Channel::Voice, Some(_)) => "code.fate.failed_call_or",
            (Fate::Failed, Channel::Voice, None) => "code.fate.failed_call",
            (Fate::Failed, _, Some(_)) => "code.fate.failed_or",
            (Fate::Failed, _, None) => "code.fate.failed",
        }
    }

    /// The words of another way, where this one failed.
    fn offer(&self) -> Option<&'static str> {
        let other = self.other_channel.filter(|other| *other != self.channel);
        other
            .filter(|_| self.heard.fate == Fate::Failed)
            .map(instead)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::moment::Moment;

    fn told(fate: Fate, channel: Channel, other_channel: Option<Channel>) -> serde_json::Value {
        let at = Moment {
            unix: 1_795_357_920,
            mono: Duration::ZERO,
        };
        let outcome = Outcome {
            heard: Heard { fate, at },
            channel,
            other_channel,
        };
        serde_json::from_str(&Pages::new().outcome(Some(&outcome))).unwrap()
    }

    #[test]
    fn a_script_gets_words_and_the_moment_that_stands_in_them() {
        let nothing: serde_json::Value = serde_json::from_str(&Pages::new().outcome(None)).unwrap();
        assert_eq!(nothing, serde_json::json!({"state": "none", "text": ""}));
        assert_eq!(
            told(Fate::Sent, Channel::Sms, None),
            serde_json::json!({
                "state": "sent", "text": "Sent at 14:32 UTC",
                "at": "2026-11-22T14:32:00Z", "time": "14:32 UTC",
            })
        );
        assert_eq!(
            told(Fate::Delivered, Channel::Email, None)["text"],
            "Delivered at 14:32 UTC"
        );
        assert_eq!(
            told(Fate::Failed, Channel::Sms, Some(Channel::Voice)),
            serde_json::json!({
                "state": "failed",
                "text": "It could not be delivered. Call me instead, or send a new code",
            })
        );
    }

    #[test]
    fn a_failure_offers_what_else_there_is() {
        use Channel::{Email, Sms, Voice};
        for (channel, other, offer) in [
            (Sms, Some(Voice), "Call me instead"),
            (Email, Some(Voice), "Call me instead"),
            (Voice, Some(Sms), "Send by text instead"),
            (Sms, Some(Email), "Send by mail instead"),
            (Sms, None, "Send a new code"),
            (Sms, Some(Sms), "Send a new code"),
            (Email, Some(Sms), "Send by text instead"),
            (Voice, None, "another call"),
            (Voice, Some(Email), "Send by mail instead"),
        ] {
            let text = told(Fate::Failed, channel, other)["text"].to_string();
            assert!(text.contains(offer), "{channel} {other:?}: {text}");
            assert_eq!(
                text.contains("instead"),
                offer.contains("instead"),
                "{text}"
            );
        }
    }
}
