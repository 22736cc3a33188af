//! Every page in every state, as values.

use std::time::Duration;

use super::super::*;
use crate::challenge::fate::{Fate, Heard};
use crate::message::Channel;

/// 2026-11-22 14:32:00 UTC.
pub(super) const NOW: u64 = 1_795_357_920;
pub(super) const ACTION: &str = "/.countersign/c/4f1b";
pub(super) const LOOK: Look<'static> = Look {
    site: "Example Portal",
    support: Some("help@example.com"),
    accent: None,
};
pub(super) const REFERENCE: &str = "K7QF-2M9D";

pub(in crate::page) const REFUSALS: [Refusal<'static>; 24] = [
    Refusal::NotFound,
    Refusal::Denied,
    Refusal::CrossOrigin,
    Refusal::BadRequest,
    Refusal::AmbiguousLogin,
    Refusal::CredentialsElsewhere,
    Refusal::LoginExpired { again: "/login" },
    Refusal::Misdirected,
    Refusal::MethodNotAllowed,
    Refusal::UnknownChallenge { again: "/" },
    Refusal::TooMany { until: NOW + 900 },
    Refusal::NoPhone,
    Refusal::NoAddress,
    Refusal::Full,
    Refusal::LoginsFull,
    Refusal::NothingCanSend,
    Refusal::UpstreamBusy,
    Refusal::UpstreamDown,
    Refusal::NotReleased {
        again: "/.countersign/c/4f1b",
    },
    Refusal::UpstreamSlow,
    Refusal::BodyTooLarge,
    Refusal::HeadTooLarge,
    Refusal::CookiesNeeded,
    Refusal::Internal,
];

pub(super) const ASK: AskPage<'static> = AskPage {
    action: "/.countersign/ask",
    token: "dG9rZW4",
    scope: "Login",
    who: Who::Anyone,
    channels: &[Channel::Sms, Channel::Voice],
    error: None,
};

pub(super) const CODE: CodePage<'static> = CodePage {
    action: ACTION,
    token: "dG9rZW4",
    scope: "Login",
    digits: 6,
    channel: Channel::Sms,
    other_channels: &[Channel::Voice],
    to: Some("67"),
    state: State::Sent { until: NOW + 300 },
    notice: None,
    error: None,
    resend_in: Duration::ZERO,
    heard: None,
    ask: None,
};

/// As `page`, for codes that go out so.
fn by(page: AskPage<'static>, channels: &'static [Channel]) -> AskPage<'static> {
    AskPage { channels, ..page }
}

/// A code page after an error.
pub(super) fn wrong(error: CodeError) -> CodePage<'static> {
    CodePage {
        error: Some(error),
        ..CODE
    }
}

/// As `page`, but over the phone.
pub(super) fn called(page: CodePage<'static>) -> CodePage<'static> {
    CodePage {
        channel: Channel::Voice,
        other_channels: &[Channel::Sms],
        ..page
    }
}

/// As `page`, but by mail, with text messages and calls beside it.
pub(super) fn mailed(page: CodePage<'static>) -> CodePage<'static> {
    CodePage {
        channel: Channel::Email,
        other_channels: &[Channel::Sms, Channel::Email, Channel::Voice],
        to: Some("a••••@e••••.com"),
        ..page
    }
}

/// As `page`, with mail and calls beside it.
fn of_three(page: CodePage<'static>) -> CodePage<'static> {
    CodePage {
        other_channels: &[Channel::Email, Channel::Voice],
        ..page
    }
}

/// As `page`, without a second channel.
pub(super) fn alone(page: CodePage<'static>) -> CodePage<'static> {
    CodePage {
        other_channels: &[],
        ..page
    }
}

/// As `page`, before the first factor held.
pub(super) fn hidden(page: CodePage<'static>) -> CodePage<'static> {
    CodePage { to: None, ..page }
}

/// As `page`, once its carrier has told that.
pub(super) fn told(fate: Fate, page: CodePage<'static>) -> CodePage<'static> {
    let at = Moment {
        unix: NOW - 60,
        mono: Duration::ZERO,
    };
    CodePage {
        heard: Some(Heard { fate, at }),
        ..page
    }
}

/// As `page`, in another state.
pub(super) fn in_state(state: State, page: CodePage<'static>) -> CodePage<'static> {
    CodePage { state, ..page }
}

/// A code page that has lost its field, and why.
pub(super) fn over(error: CodeError) -> CodePage<'static> {
    in_state(State::Over, wrong(error))
}

/// Every state of the code page, by the name of its golden file.
pub(super) fn code_pages() -> Vec<(&'static str, CodePage<'static>)> {
    let mut all = on_the_way();
    all.extend(after_errors());
    all.extend(after_receipts());
    all
}

fn after_receipts() -> Vec<(&'static str, CodePage<'static>)> {
    let asking = CodePage {
        ask: Some("/.countersign/c/4f1b/state"),
        ..CODE
    };
    let lost = wrong(CodeError::Undelivered);
    vec![
        ("code-under-way", asking),
        ("code-taken", told(Fate::Sent, asking)),
        ("code-taken-voice", called(told(Fate::Sent, asking))),
        ("code-delivered", told(Fate::Delivered, CODE)),
        ("code-delivered-voice", called(told(Fate::Delivered, CODE))),
        ("code-undelivered", told(Fate::Failed, lost)),
        ("code-undelivered-alone", alone(told(Fate::Failed, lost))),
        ("code-undelivered-voice", called(told(Fate::Failed, lost))),
        (
            "code-undelivered-voice-alone",
            alone(called(told(Fate::Failed, lost))),
        ),
        (
            "code-undelivered-wrong",
            told(Fate::Failed, wrong(CodeError::Wrong { left: Some(2) })),
        ),
    ]
}

fn on_the_way() -> Vec<(&'static str, CodePage<'static>)> {
    let last_minute = State::Sent { until: NOW + 60 };
    let locked = |seconds| {
        in_state(
            State::Locked {
                until: NOW + seconds,
            },
            CODE,
        )
    };
    let waiting = |seconds| CodePage {
        resend_in: Duration::from_secs(seconds),
        ..CODE
    };
    let noted = |notice, page| CodePage {
        notice: Some(notice),
        ..page
    };
    let (anew, again) = (Notice::Sent { at: NOW }, Notice::SentAgain { at: NOW });
    let unsent = in_state(State::NotSent, CODE);
    vec![
        ("code", waiting(24)),
        ("code-hidden", hidden(CODE)),
        ("code-voice", called(CODE)),
        ("code-voice-hidden", hidden(called(CODE))),
        ("code-mail", mailed(waiting(24))),
        ("code-mail-hidden", hidden(mailed(CODE))),
        ("code-mail-alone", alone(mailed(CODE))),
        ("code-of-three", of_three(CODE)),
        ("code-alone", alone(CODE)),
        ("code-last-minute", in_state(last_minute, CODE)),
        ("code-8-digits", CodePage { digits: 8, ..CODE }),
        ("code-sent-again", noted(again, waiting(60))),
        ("code-sent-anew", noted(anew, CODE)),
        ("code-called-again", called(noted(again, CODE))),
        ("code-called-anew", called(noted(anew, CODE))),
        ("code-mailed-again", mailed(noted(again, CODE))),
        ("code-mailed-anew", mailed(noted(anew, CODE))),
        ("code-not-sent", unsent),
        ("code-not-sent-mail", mailed(unsent)),
        ("code-not-sent-mail-hidden", hidden(mailed(unsent))),
        ("code-not-sent-hidden", hidden(unsent)),
        ("code-not-sent-voice", called(unsent)),
        ("code-not-sent-voice-hidden", hidden(called(unsent))),
        ("code-locked", locked(900)),
        ("code-locked-last-minute", locked(60)),
    ]
}

fn after_errors() -> Vec<(&'static str, CodePage<'static>)> {
    use CodeError as E;
    let waiting = |page| CodePage {
        resend_in: Duration::from_secs(12),
        ..page
    };
    let (trouble, cannot) = (over(E::CarrierTrouble), over(E::NumberCannot));
    vec![
        ("code-empty", wrong(E::Empty)),
        ("code-wrong-length", wrong(E::WrongLength { typed: 5 })),
        ("code-not-digits", wrong(E::NotDigits)),
        ("code-unchecked", wrong(E::Unchecked)),
        ("code-wrong", wrong(E::Wrong { left: None })),
        ("code-wrong-2-left", wrong(E::Wrong { left: Some(2) })),
        (
            "code-wrong-voice-1-left",
            called(wrong(E::Wrong { left: Some(1) })),
        ),
        (
            "code-send-limit",
            wrong(E::SendLimit { until: NOW + 2_280 }),
        ),
        (
            "code-too-early",
            waiting(wrong(E::TooEarly { seconds: 12 })),
        ),
        ("code-too-early-by-1", wrong(E::TooEarly { seconds: 1 })),
        ("code-stale", wrong(E::Stale)),
        ("code-expired", over(E::Expired)),
        ("code-expired-voice", called(over(E::Expired))),
        ("code-tries-used-up", waiting(over(E::TriesUsedUp))),
        ("code-tries-used-up-voice", called(over(E::TriesUsedUp))),
        ("code-trouble", trouble),
        ("code-trouble-alone", alone(trouble)),
        ("code-trouble-voice", called(trouble)),
        ("code-trouble-voice-alone", alone(called(trouble))),
        ("code-trouble-mail", mailed(trouble)),
        ("code-trouble-of-three", of_three(trouble)),
        ("code-number-cannot", cannot),
        ("code-number-cannot-alone", alone(cannot)),
        ("code-number-cannot-voice", called(cannot)),
        ("code-number-cannot-voice-alone", alone(called(cannot))),
        ("code-address-cannot", mailed(cannot)),
        ("code-address-cannot-alone", alone(mailed(cannot))),
    ]
}

/// Every page there is, by the name of its golden file.
pub(super) fn pages() -> Vec<(String, Page<'static>, Look<'static>)> {
    let ask = |error| {
        Page::Ask(AskPage {
            error: Some(error),
            ..ASK
        })
    };
    let fixed = AskPage {
        who: Who::Fixed,
        ..ASK
    };
    let bare = Look {
        support: None,
        ..LOOK
    };
    let mut all = vec![
        ("ask", Page::Ask(ASK), LOOK),
        ("ask-empty", ask(AskError::Empty), LOOK),
        ("ask-unusable", ask(AskError::Unusable), LOOK),
        ("ask-stale", ask(AskError::Stale), LOOK),
        ("ask-fixed", Page::Ask(fixed), LOOK),
        ("ask-mail", Page::Ask(by(ASK, &[Channel::Email])), LOOK),
        (
            "ask-any",
            Page::Ask(by(ASK, &[Channel::Voice, Channel::Email])),
            LOOK,
        ),
        (
            "ask-fixed-mail",
            Page::Ask(by(fixed, &[Channel::Email])),
            LOOK,
        ),
        (
            "ask-fixed-any",
            Page::Ask(by(fixed, &[Channel::Email, Channel::Sms])),
            LOOK,
        ),
        (
            "ask-fixed-stale",
            Page::Ask(AskPage {
                error: Some(AskError::Stale),
                ..fixed
            }),
            LOOK,
        ),
        (
            "sign-out",
            Page::SignOut {
                action: "/.countersign/sign-out",
                token: "dG9rZW4",
            },
            LOOK,
        ),
        ("signed-out", Page::SignedOut { again: "/" }, LOOK),
        ("sign-in-again", Page::SignInAgain { again: "/login" }, LOOK),
        ("submit-again", Page::SubmitAgain { back: "/upload" }, LOOK),
        ("frame", Page::Frame { link: ACTION }, LOOK),
        (
            "code-accent",
            Page::Code(CODE),
            Look {
                accent: Some("#ffcc00"),
                ..LOOK
            },
        ),
        ("code-without-support", Page::Code(CODE), bare),
        (
            "code-locked-without-support",
            Page::Code(in_state(State::Locked { until: NOW + 900 }, CODE)),
            bare,
        ),
        (
            "refused-without-support",
            Page::Refused(Refusal::NoPhone),
            bare,
        ),
        (
            "refused-too-many-last-minute",
            Page::Refused(Refusal::TooMany { until: NOW + 20 }),
            LOOK,
        ),
    ]
    .into_iter()
    .map(|(name, page, look)| (name.to_owned(), page, look))
    .collect::<Vec<_>>();
    all.extend(
        code_pages()
            .into_iter()
            .map(|(name, page)| (name.to_owned(), Page::Code(page), LOOK)),
    );
    all.extend(REFUSALS.map(|refusal| {
        (
            format!("refused-{}", refusal.word().replace('_', "-")),
            Page::Refused(refusal),
            LOOK,
        )
    }));
    all
}
