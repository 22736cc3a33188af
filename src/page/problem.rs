//! What a script is told in place of a page: problem details (RFC 9457).

use http::StatusCode;
use serde::Serialize;

use super::{Refusal, timestamp};

/// The media type of a problem.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// A problem, with what a script needs to go on.
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a> {
    /// What it is.
    pub kind: Kind,
    /// The name of the scope it is about.
    pub scope: Option<&'a str>,
    /// The page where a person can solve it: a path of the site.
    pub challenge_url: Option<&'a str>,
    /// When that page ends, in seconds since 1970.
    pub expires_at: Option<u64>,
    /// What stands in the log.
    pub reference: &'a str,
}

/// The kinds of problems there are. The last part of `type` and the status are a promise to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 401: no grant for the scope.
    CodeRequired,
    /// 401: not the code.
    CodeWrong,
    /// 401: the code, or the page to type it in, has ended.
    CodeExpired,
    /// 429: too many wrong codes.
    Locked,
    /// 429: more than a limit allows.
    RateLimited,
    /// 403: no number to send to.
    NoPhone,
    /// 403: a closed route.
    Denied,
    /// 403: the call came from a page of another origin.
    CrossOrigin,
    /// 400: a login that could be read in two ways.
    AmbiguousLogin,
    /// 403: credentials in a call that is no login.
    CredentialsElsewhere,
    /// 503: no message can be sent.
    CarrierUnavailable,
    /// 502: the application does not answer.
    UpstreamUnavailable,
    /// 504: the application took too long.
    UpstreamTimeout,
    /// 503: a bounded place is full.
    Busy,
    /// Anything else that its status says in full.
    Other(StatusCode),
}

impl Problem<'_> {
    /// The JSON of the answer's body.
    ///
    /// # Panics
    /// Never: texts and numbers under fixed keys are always JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let kind = self.kind.name().map_or_else(
            || "about:blank".to_owned(),
            |name| format!("https://countersign.invalid/problems/{name}"),
        );
        let body = Body {
            kind,
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            scope: self.scope,
            challenge_url: self.challenge_url,
            expires_at: self.expires_at.map(|unix| timestamp(unix).to_string()),
            reference: self.reference,
        };
        serde_json::to_string(&body).expect("texts and numbers under fixed keys are always JSON")
    }
}

impl Kind {
    /// The status it is answered with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::CodeRequired | Self::CodeWrong | Self::CodeExpired => StatusCode::UNAUTHORIZED,
            Self::Locked | Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::AmbiguousLogin => StatusCode::BAD_REQUEST,
            Self::NoPhone | Self::Denied | Self::CrossOrigin | Self::CredentialsElsewhere => {
                StatusCode::FORBIDDEN
            }
            Self::CarrierUnavailable | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::UpstreamUnavailable => StatusCode::BAD_GATEWAY,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Other(status) => status,
        }
    }

    fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::CodeRequired => "code-required",
            Self::CodeWrong => "code-wrong",
            Self::CodeExpired => "code-expired",
            Self::Locked => "locked",
            Self::RateLimited => "rate-limited",
            Self::NoPhone => "no-phone",
            Self::Denied => "denied",
            Self::CrossOrigin => "cross-origin",
            Self::AmbiguousLogin => "ambiguous-login",
            Self::CredentialsElsewhere => "credentials-elsewhere",
            Self::CarrierUnavailable => "carrier-unavailable",
            Self::UpstreamUnavailable => "upstream-unavailable",
            Self::UpstreamTimeout => "upstream-timeout",
            Self::Busy => "busy",
            Self::Other(_) => return None,
        })
    }

    /// For the developer who reads the answer, so in English whatever the visitor speaks.
    fn title(self) -> &'static str {
        match self {
            Self::CodeRequired => "A code is required",
            Self::CodeWrong => "That is not the code",
            Self::CodeExpired => "The code has expired",
            Self::Locked => "Signing in is locked for a while",
            Self::RateLimited => "Too many requests",
            Self::NoPhone => "There is no number or address to send a code to",
            Self::Denied => "Nobody may use this route",
            Self::CrossOrigin => "The request came from another origin",
            Self::AmbiguousLogin => "The login could be read in two ways",
            Self::CredentialsElsewhere => "Credentials were sent outside of the login",
            Self::CarrierUnavailable => "No code can be sent at the moment",
            Self::UpstreamUnavailable => "The application does not answer",
            Self::UpstreamTimeout => "The application took too long to answer",
            Self::Busy => "Too busy at the moment",
            // RFC 9457 section 4.2.1: with `about:blank` the title is the status's own phrase.
            Self::Other(status) => status.canonical_reason().unwrap_or("Error"),
        }
    }
}

impl From<&Refusal<'_>> for Kind {
    fn from(refusal: &Refusal<'_>) -> Self {
        match refusal {
            Refusal::Denied => Self::Denied,
            Refusal::CrossOrigin => Self::CrossOrigin,
            Refusal::TooMany { .. } => Self::RateLimited,
            Refusal::NoPhone | Refusal::NoAddress => Self::NoPhone,
            Refusal::AmbiguousLogin => Self::AmbiguousLogin,
            Refusal::CredentialsElsewhere => Self::CredentialsElsewhere,
            Refusal::Full | Refusal::LoginsFull | Refusal::UpstreamBusy => Self::Busy,
            Refusal::NothingCanSend => Self::CarrierUnavailable,
            Refusal::UpstreamDown | Refusal::NotReleased { .. } => Self::UpstreamUnavailable,
            Refusal::UpstreamSlow => Self::UpstreamTimeout,
            Refusal::NotFound
            | Refusal::BadRequest
            | Refusal::Misdirected
            | Refusal::MethodNotAllowed
            | Refusal::UnknownChallenge { .. }
            | Refusal::LoginExpired { .. }
            | Refusal::BodyTooLarge
            | Refusal::HeadTooLarge
            | Refusal::CookiesNeeded
            | Refusal::Internal => Self::Other(refusal.status()),
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    reference: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_told_where_a_person_can_go_on() {
        let problem = Problem {
            kind: Kind::CodeRequired,
            scope: Some("admin"),
            challenge_url: Some("/.countersign/c/1"),
            expires_at: Some(1_795_375_800),
            reference: "K7QF-2M9D",
        };
        assert_eq!(
            problem.json(),
            r#"{"type":"https://countersign.invalid/problems/code-required","title":"A code is required","status":401,"scope":"admin","challenge_url":"/.countersign/c/1","expires_at":"2026-11-22T19:30:00Z","reference":"K7QF-2M9D"}"#
        );
    }

    #[test]
    fn a_problem_says_no_more_than_it_knows() {
        let problem = |kind| {
            Problem {
                kind,
                scope: None,
                challenge_url: None,
                expires_at: None,
                reference: "R\"<",
            }
            .json()
        };
        assert_eq!(
            problem(Kind::RateLimited),
            r#"{"type":"https://countersign.invalid/problems/rate-limited","title":"Too many requests","status":429,"reference":"R\"<"}"#
        );
        assert_eq!(
            problem(Kind::from(&Refusal::AmbiguousLogin)),
            r#"{"type":"https://countersign.invalid/problems/ambiguous-login","title":"The login could be read in two ways","status":400,"reference":"R\"<"}"#
        );
        assert_eq!(
            problem(Kind::from(&Refusal::BadRequest)),
            r#"{"type":"about:blank","title":"Bad Request","status":400,"reference":"R\"<"}"#
        );
    }

    #[test]
    fn a_refusal_has_one_status_whoever_asks() {
        for refusal in super::super::tests::states::REFUSALS {
            assert_eq!(
                Kind::from(&refusal).status(),
                refusal.status(),
                "{refusal:?}"
            );
        }
    }
}
