//! The page that asks for a code, in all its states.

use std::time::Duration;

use http::StatusCode;
use minijinja::value::Value;
use minijinja::{HtmlEscape, context};

use crate::challenge::fate::{Fate, Heard};
use crate::message::Channel;
use crate::moment::Moment;

use super::text::{Fill, Texts};
use super::{Draft, Look, Outcome, minutes_left, time};

/// What the code page of one challenge shows now.
///
/// Whether the subject is known must not show (C7): two challenges with equal values here get equal bytes.
#[derive(Clone, Copy, Debug)]
pub struct CodePage<'a> {
    /// Where both forms are posted: `token`, `do` (`answer`, `send`, `voice`, `email` or `cancel`), and with `answer`
    /// the `code`.
    pub action: &'a str,
    /// The value that binds a post to the browser secret (S8).
    pub token: &'a str,
    /// The scope's title.
    pub scope: &'a str,
    /// How many digits a code has.
    pub digits: u8,
    /// How codes are sent now.
    pub channel: Channel,
    /// Other ways to send them, offered beside it in this order; this one among them counts for nothing.
    pub other_channels: &'a [Channel],
    /// What is shown of where they go: the number's last digits, or the mail address, masked. Only once the first
    /// factor held.
    pub to: Option<&'a str>,
    /// How far it has come.
    pub state: State,
    /// What went well since the last page.
    pub notice: Option<Notice>,
    /// What went wrong since the last page.
    pub error: Option<CodeError>,
    /// How long until another code may be asked for; zero if at once.
    pub resend_in: Duration,
    /// What became of the newest message: only once the first factor held (C7).
    pub heard: Option<Heard>,
    /// Where the page's script asks what became of it, as long as more may be told; only once the first factor held.
    pub ask: Option<&'a str>,
}

/// How far a challenge has come. Times are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was sent: a GET must not send, so a button does.
    NotSent,
    /// A code is on its way or there; there is a field for it.
    Sent {
        /// When the newest code ends.
        until: u64,
    },
    /// No code is good any more, or none could be sent: a new one is all that helps.
    Over,
    /// Nothing helps before that time. Answered with 429.
    Locked {
        /// When it may be tried again.
        until: u64,
    },
}

/// What went well. Times are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A code was sent, and no earlier one is good.
    Sent {
        /// When.
        at: u64,
    },
    /// A code was sent beside one that is still good.
    SentAgain {
        /// When.
        at: u64,
    },
}

/// What went wrong. Times are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeError {
    /// Nothing was typed.
    Empty,
    /// Digits, but too many or too few.
    WrongLength {
        /// How many there were.
        typed: usize,
    },
    /// Something other than digits.
    NotDigits,
    /// Nobody could say whether it is the code.
    Unchecked,
    /// Not the code.
    Wrong {
        /// How many more tries there are, where that is to be said.
        left: Option<u8>,
    },
    /// Right once, but too old.
    Expired,
    /// The challenge has had all the wrong codes it may have.
    TriesUsedUp,
    /// No more sends for now.
    SendLimit {
        /// When there are again.
        until: u64,
    },
    /// No carrier took the message.
    CarrierTrouble,
    /// The number or mail address cannot be reached over this channel.
    NumberCannot,
    /// Another code was asked for before its time.
    TooEarly {
        /// How long to wait.
        seconds: u64,
    },
    /// The form's token was not this browser's, or no longer.
    Stale,
    /// The carrier took the message and could not deliver it. The code is good all the same: a carrier may be wrong.
    Undelivered,
}

impl CodeError {
    fn is_about_the_field(self) -> bool {
        matches!(
            self,
            Self::Empty
                | Self::WrongLength { .. }
                | Self::NotDigits
                | Self::Unchecked
                | Self::Wrong { .. }
        )
    }
}

impl CodePage<'_> {
    pub(super) fn draft(
        &self,
        texts: &Texts,
        look: &Look<'_>,
        reference: &str,
        now: Moment,
    ) -> Draft {
        let say = |key: &str, fills: &[(&str, Fill<'_>)]| texts.html(key, fills);
        let (title, heading) = match self.state {
            State::NotSent => ("code.heading_unsent", "code.heading_unsent"),
            State::Sent { .. } => (
                "code.title",
                self.by_channel("code.heading", "code.heading", "code.heading_mail"),
            ),
            State::Over => ("code.heading_over", "code.heading_over"),
            State::Locked { .. } => ("code.heading_locked", "code.heading_locked"),
        };
        let field = match self.state {
            State::Sent { until } => {
                let wrong = self.error.is_some_and(CodeError::is_about_the_field);
                Some(context! { wrong, seconds => until.saturating_sub(now.unix) })
            }
            _ => None,
        };
        let (status, retry_after) = match self.state {
            State::Locked { until } => (
                StatusCode::TOO_MANY_REQUESTS,
                Some(until.saturating_sub(now.unix).max(1)),
            ),
            _ => (StatusCode::OK, None),
        };
        let reference = Fill::Html(format!("<bdi dir=\"ltr\">{}</bdi>", HtmlEscape(reference)));
        let lost_what = self.by_channel("code.lost", "code.lost", "code.lost_mail");
        let lost = match look.support {
            Some(support) => say(
                "code.lost_help",
                &[("support", Fill::Words(support)), ("reference", reference)],
            ),
            None => say(
                "code.lost_nobody",
                &[("site", Fill::Words(look.site)), ("reference", reference)],
            ),
        };
        let rest = context! {
            action => self.action,
            token => self.token,
            notice => self.notice.map(|notice| self.notice_text(texts, notice)),
            how => self.how(texts, now),
            fate => self.fate(texts),
            field,
            label => say("code.label", &[("n", self.count())]),
            sends => self.sends(texts),
            wait => self.wait(texts),
            lost_what => say(lost_what, &[]),
            lost,
        };
        Draft {
            status,
            retry_after,
            title: say(title, &[]),
            error: self.error(texts, look, now),
            scope: Some(self.scope.to_owned()),
            ..Draft::new("code.html", say(heading, &[]), rest)
        }
    }

    /// The summary on top: the lock, or what went wrong and where to mend it.
    fn error(&self, texts: &Texts, look: &Look<'_>, now: Moment) -> Option<Value> {
        match self.state {
            State::Locked { until } => {
                let help = look.support.map(|support| texts.html("page.help", &[("support", Fill::Words(support))]));
                let text = texts.html("code.error.locked", &[("until", time(until)), ("n", minutes_left(until, now))]);
                Some(context! { text, at => (), help })
            }
            _ => self.error.map(|error| context! { text => self.error_text(texts, error), at => self.error_place(error), help => () }),
        }
    }

    /// How long until the next code: minutes and seconds, which need no plural while the script counts them down.
    fn wait(&self, texts: &Texts) -> Option<Value> {
        if self.resend_in.is_zero() || matches!(self.state, State::Locked { .. }) {
            return None;
        }
        let seconds = self.resend_in.as_secs() + u64::from(self.resend_in.subsec_nanos() > 0);
        let left = Fill::Html(format!(
            "<span id=\"left\">{}:{:02}</span>",
            seconds / 60,
            seconds % 60
        ));
        Some(context! { seconds, text => texts.html("code.wait.line", &[("left", left)]) })
    }

    /// The sentence above the field: what was sent, where to, how long it works.
    fn how(&self, texts: &Texts, now: Moment) -> Option<Value> {
        let say = |key: &str, fills: &[(&str, Fill<'_>)]| texts.html(key, fills).to_string();
        let stage = match self.state {
            State::NotSent => "unsent",
            State::Sent { .. } => "sent",
            State::Over | State::Locked { .. } => return None,
        };
        let how = match self.to {
            Some(to) => {
                let dots = self.by_channel("••", "••", "");
                let to = Fill::Html(format!("<bdi dir=\"ltr\">{dots}{}</bdi>", HtmlEscape(to)));
                say(
                    &format!("code.{stage}.{}", word(self.channel)),
                    &[("n", self.count()), ("to", to)],
                )
            }
            None => say(
                &format!("code.{stage}.{}_hidden", word(self.channel)),
                &[("n", self.count())],
            ),
        };
        Some(Value::from_safe_string(match self.state {
            State::Sent { until } => {
                let minutes = minutes_left(until, now);
                format!(
                    "{how} {}",
                    say("code.sent.until", &[("until", time(until)), ("n", minutes)])
                )
            }
            _ => how,
        }))
    }

    /// Where its script asks, if it does.
    pub(super) fn asks(&self) -> Option<&str> {
        self.ask
            .filter(|_| matches!(self.state, State::Sent { .. }))
    }

    /// The line that tells what became of the message; empty as long as nobody knows, so that the script has a place.
    fn fate(&self, texts: &Texts) -> Option<Value> {
        // Where the summary on top says it, once is enough.
        let beside =
            matches!(self.state, State::Sent { .. }) && self.error != Some(CodeError::Undelivered);
        let heard = self.heard.filter(|_| beside);
        let outcome = heard.map(|heard| self.outcome(heard));
        (outcome.is_some() || self.asks().is_some()).then(|| {
            context! {
                text => outcome.as_ref().map(|outcome| outcome.html(texts)),
                failed => outcome.is_some_and(|outcome| outcome.heard.fate == Fate::Failed),
                ask => self.asks(),
            }
        })
    }

    fn outcome(&self, heard: Heard) -> Outcome {
        Outcome {
            heard,
            channel: self.channel,
            other_channel: self.others().next(),
        }
    }

    /// The buttons that send, this channel's first unless it cannot work; the first is the main one where there is no field.
    fn sends(&self, texts: &Texts) -> Vec<Value> {
        let first = |channel| match (self.state, channel) {
            (State::NotSent, Channel::Sms) => "code.send",
            (State::NotSent, Channel::Voice) => "code.call",
            (State::NotSent, Channel::Email) => "code.mail",
            (_, Channel::Sms) => "code.send_again",
            (_, Channel::Voice) => "code.call_again",
            (_, Channel::Email) => "code.mail_again",
        };
        let button = |channel, key, main: bool| context! { does => does(channel), text => texts.html(key, &[]), main };
        match self.state {
            State::Locked { .. } => Vec::new(),
            state => {
                let own = std::iter::once((self.channel, first(self.channel)));
                let others = self.others().map(|channel| (channel, instead(channel)));
                let mut ways: Vec<_> = own.chain(others).collect();
                // What has just failed for good is not the first thing to press.
                if self.error == Some(CodeError::NumberCannot) {
                    ways.rotate_left(1);
                }
                let main = !matches!(state, State::Sent { .. });
                let ways = ways.into_iter().enumerate();
                ways.map(|(place, (channel, key))| button(channel, key, main && place == 0))
                    .collect()
            }
        }
    }

    /// The other channels, without this one.
    fn others(&self) -> impl Iterator<Item = Channel> {
        let all = self.other_channels.iter().copied();
        all.filter(|other| *other != self.channel)
    }

    /// What it is for a text message, for a call, for a mail.
    fn by_channel<T>(&self, sms: T, voice: T, email: T) -> T {
        match self.channel {
            Channel::Sms => sms,
            Channel::Voice => voice,
            Channel::Email => email,
        }
    }

    fn notice_text(&self, texts: &Texts, notice: Notice) -> Value {
        let (at, again) = match notice {
            Notice::Sent { at } => (at, ""),
            Notice::SentAgain { at } => (at, "_again"),
        };
        texts.html(
            &format!("code.notice.{}{again}", word(self.channel)),
            &[("at", time(at))],
        )
    }

    fn error_text(&self, texts: &Texts, error: CodeError) -> Value {
        // Of several ways out one is said: the link in the summary leads there, and the others stand below it.
        let instead = self.others().next().map(instead);
        let instead = instead.map(|key| ("instead", Fill::Html(texts.html(key, &[]).to_string())));
        let or = |alone: &'static str, or: &'static str| match &instead {
            Some(_) => (or, instead.clone().into_iter().collect()),
            None => (alone, vec![]),
        };
        let call = |message: &'static str, call: &'static str| {
            (self.by_channel(message, call, message), vec![])
        };
        let (key, fills): (_, Vec<(&str, Fill<'_>)>) = match error {
            CodeError::Empty => ("empty", vec![("n", self.count())]),
            CodeError::WrongLength { typed } => (
                "wrong_length",
                vec![("n", self.count()), ("typed", Fill::Count(typed as u64))],
            ),
            CodeError::NotDigits => ("not_digits", vec![]),
            CodeError::Unchecked => ("unchecked", vec![]),
            CodeError::Wrong { .. } => call("wrong", "wrong_call"),
            CodeError::Expired => call("expired", "expired_call"),
            CodeError::TriesUsedUp => call("tries_used_up", "tries_used_up_call"),
            CodeError::SendLimit { until } => ("send_limit", vec![("until", time(until))]),
            CodeError::CarrierTrouble => match self.channel {
                Channel::Sms | Channel::Email => or("trouble", "trouble_or"),
                Channel::Voice => or("trouble_call", "trouble_call_or"),
            },
            CodeError::NumberCannot => match self.channel {
                Channel::Sms => or("number_cannot", "number_cannot_or"),
                Channel::Voice => or("number_cannot_call", "number_cannot_call_or"),
                Channel::Email => or("address_cannot", "address_cannot_or"),
            },
            CodeError::TooEarly { seconds } => ("too_early", vec![("n", Fill::Count(seconds))]),
            CodeError::Stale => ("stale", vec![]),
            CodeError::Undelivered => return self.undelivered(texts),
        };
        let text = texts.html(&format!("code.error.{key}"), &fills);
        match error {
            CodeError::Wrong { left: Some(left) } => {
                let left = texts.html("code.error.wrong_left", &[("n", Fill::Count(left.into()))]);
                Value::from_safe_string(format!("{text}. {left}"))
            }
            _ => text,
        }
    }

    fn undelivered(&self, texts: &Texts) -> Value {
        // Its words name no moment.
        let at = Moment {
            unix: 0,
            mono: Duration::ZERO,
        };
        self.outcome(Heard {
            fate: Fate::Failed,
            at,
        })
        .html(texts)
    }

    /// The id of what mends the error: the field, or the button to press.
    fn error_place(&self, error: CodeError) -> Option<&'static str> {
        match error {
            CodeError::Expired | CodeError::TriesUsedUp | CodeError::TooEarly { .. } => {
                Some(does(self.channel))
            }
            CodeError::CarrierTrouble | CodeError::Undelivered => {
                Some(does(self.others().next().unwrap_or(self.channel)))
            }
            CodeError::NumberCannot => self.others().next().map(does),
            _ if error.is_about_the_field() && matches!(self.state, State::Sent { .. }) => {
                Some("code")
            }
            _ => None,
        }
    }

    fn count(&self) -> Fill<'static> {
        Fill::Count(self.digits.into())
    }
}

/// The channel's part of a text's key.
fn word(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms => "sms",
        Channel::Voice => "voice",
        Channel::Email => "email",
    }
}

/// The text of the button that sends over this channel and not the one before.
pub(super) fn instead(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms => "code.send_instead",
        Channel::Voice => "code.call_instead",
        Channel::Email => "code.mail_instead",
    }
}

/// The value of `do`, and the id, of the button that sends over the channel.
fn does(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms => "send",
        Channel::Voice => "voice",
        Channel::Email => "email",
    }
}
