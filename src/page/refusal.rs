//! What a visitor is told who cannot go on.

use http::StatusCode;
use minijinja::context;

use crate::moment::Moment;

use super::text::{Fill, Texts};
use super::{Draft, Look, minutes_left, time};

/// Why nothing else is shown. Each has its status and its words; none says more than the visitor may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal<'a> {
    /// 404: no page of ours.
    NotFound,
    /// 403: a route that nobody may use.
    Denied,
    /// 403: the request came from a page of another origin.
    CrossOrigin,
    /// 400: it could not be read, or could be read in two ways.
    BadRequest,
    /// 400: a captured login that two servers could read differently.
    AmbiguousLogin,
    /// 403: credentials in a request that is no captured login.
    CredentialsElsewhere,
    /// 410: the code was right, but the login was no longer held.
    LoginExpired {
        /// The application's sign-in page.
        again: &'a str,
    },
    /// 421: no site of that name here.
    Misdirected,
    /// 405: not with that method. The caller adds `Allow`.
    MethodNotAllowed,
    /// 410: a challenge that is over or never was.
    UnknownChallenge {
        /// Where to start again.
        again: &'a str,
    },
    /// 429, with `Retry-After`: more than a limit allows.
    TooMany {
        /// When there is room again, in seconds since 1970.
        until: u64,
    },
    /// 403: the first factor held, but there is no number to send to.
    NoPhone,
    /// 403: the same where codes go by mail, too.
    NoAddress,
    /// 503, with `Retry-After`: a bounded place is full, and the newest stranger waits (A1).
    Full,
    /// 503, with `Retry-After`: no login can be kept until its code has come.
    LoginsFull,
    /// 503, with `Retry-After`: no carrier works.
    NothingCanSend,
    /// 503, with `Retry-After`: as many requests are at the application as there is room for (A1).
    UpstreamBusy,
    /// 502: the application cannot be reached.
    UpstreamDown,
    /// 502: the code was right, and then the application could not be reached.
    NotReleased {
        /// Where to try again.
        again: &'a str,
    },
    /// 504: the application took too long.
    UpstreamSlow,
    /// 413: a body over its limit.
    BodyTooLarge,
    /// 431: a request head over its limit.
    HeadTooLarge,
    /// 400: the browser secret did not come back.
    CookiesNeeded,
    /// 500: something of ours broke.
    Internal,
}

impl Refusal<'_> {
    /// The status it is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Denied
            | Self::CrossOrigin
            | Self::CredentialsElsewhere
            | Self::NoPhone
            | Self::NoAddress => StatusCode::FORBIDDEN,
            Self::BadRequest | Self::AmbiguousLogin | Self::CookiesNeeded => {
                StatusCode::BAD_REQUEST
            }
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnknownChallenge { .. } | Self::LoginExpired { .. } => StatusCode::GONE,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Full | Self::LoginsFull | Self::NothingCanSend | Self::UpstreamBusy => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::UpstreamDown | Self::NotReleased { .. } => StatusCode::BAD_GATEWAY,
            Self::UpstreamSlow => StatusCode::GATEWAY_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// For `Retry-After`, in seconds, where waiting helps. The fixed ones are guesses: a full place empties as
    /// challenges end, held logins last minutes, a carrier that is down is tried again about once a minute, and an application
    /// that is slow answers at last.
    #[must_use]
    pub fn retry_after(&self, now: Moment) -> Option<u64> {
        match self {
            Self::TooMany { until } => Some(until.saturating_sub(now.unix).max(1)),
            Self::Full => Some(30),
            Self::UpstreamBusy => Some(10),
            Self::LoginsFull | Self::NothingCanSend => Some(60),
            _ => None,
        }
    }

    pub(super) fn draft(&self, texts: &Texts, look: &Look<'_>, now: Moment) -> Draft {
        let say = |part: &str, fills: &[(&str, Fill<'_>)]| {
            texts.html(&format!("refused.{}.{part}", self.word()), fills)
        };
        let mut fills = vec![("site", Fill::Words(look.site))];
        if let Self::TooMany { until } = *self {
            fills.extend([("until", time(until)), ("n", minutes_left(until, now))]);
        }
        let link = match *self {
            Self::UnknownChallenge { again }
            | Self::LoginExpired { again }
            | Self::NotReleased { again } => {
                Some(context! { to => again, text => say("link", &[]), top => false })
            }
            _ => None,
        };
        let help = look
            .support
            .map(|support| texts.html("page.help", &[("support", Fill::Words(support))]));
        let rest = context! { lead => say("lead", &fills), help, link };
        Draft {
            status: self.status(),
            retry_after: self.retry_after(now),
            ..Draft::new("plain.html", say("heading", &[]), rest)
        }
    }

    /// Its part of a text's key.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Denied => "denied",
            Self::CrossOrigin => "cross_origin",
            Self::BadRequest => "bad_request",
            Self::AmbiguousLogin => "ambiguous_login",
            Self::CredentialsElsewhere => "credentials_elsewhere",
            Self::LoginExpired { .. } => "login_expired",
            Self::Misdirected => "misdirected",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::UnknownChallenge { .. } => "unknown_challenge",
            Self::TooMany { .. } => "too_many",
            Self::NoPhone => "no_phone",
            Self::NoAddress => "no_address",
            Self::Full => "full",
            Self::LoginsFull => "logins_full",
            Self::NothingCanSend => "nothing_can_send",
            Self::UpstreamBusy => "upstream_busy",
            Self::UpstreamDown => "upstream_down",
            Self::NotReleased { .. } => "not_released",
            Self::UpstreamSlow => "upstream_slow",
            Self::BodyTooLarge => "body_too_large",
            Self::HeadTooLarge => "head_too_large",
            Self::CookiesNeeded => "cookies_needed",
            Self::Internal => "internal",
        }
    }
}
