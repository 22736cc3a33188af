//! Which paths there are.

use http::Method;

use crate::message::Channel;

/// A path of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// `/api/v1/accounts/{accountId}/code/…`
    Code {
        /// As it stands in the path; perhaps nobody's.
        account: &'a str,
        /// What stands behind it.
        call: Call,
    },
    /// `/api/v1/oauth2/token`
    Token,
    /// `/api/v1/openapi.json`
    OpenApi,
}

/// What is asked of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Send a code by text message.
    Messaging,
    /// Say one on the phone.
    Voice,
    /// Is this the one?
    Verify,
}

impl<'a> Route<'a> {
    /// Byte for byte, without query: another spelling is another path.
    pub(super) fn find(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix("/api/v1/")?;
        match rest {
            "oauth2/token" => return Some(Self::Token),
            "openapi.json" => return Some(Self::OpenApi),
            _ => {}
        }
        let (account, call) = rest.strip_prefix("accounts/")?.split_once("/code/")?;
        let call = match call {
            "messaging" => Call::Messaging,
            "voice" => Call::Voice,
            "verify" => Call::Verify,
            _ => return None,
        };
        let one = !account.is_empty() && !account.contains('/');
        one.then_some(Self::Code { account, call })
    }

    pub(super) fn takes(self, method: &Method) -> bool {
        match self {
            Self::Code { .. } | Self::Token => method == Method::POST,
            Self::OpenApi => method == Method::GET || method == Method::HEAD,
        }
    }

    /// The methods that it takes, for `Allow`.
    pub(super) fn methods(self) -> &'static str {
        match self {
            Self::Code { .. } | Self::Token => "POST",
            Self::OpenApi => "GET, HEAD",
        }
    }
}

impl Call {
    /// How the code goes.
    pub(super) fn channel(self) -> Channel {
        match self {
            Self::Voice => Channel::Voice,
            Self::Messaging | Self::Verify => Channel::Sms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_in_one_spelling_only() {
        let code = |account, call| Some(Route::Code { account, call });
        for (path, route) in [
            (
                "/api/v1/accounts/9900000/code/messaging",
                code("9900000", Call::Messaging),
            ),
            (
                "/api/v1/accounts/a-B_1/code/voice",
                code("a-B_1", Call::Voice),
            ),
            (
                "/api/v1/accounts/9900000/code/verify",
                code("9900000", Call::Verify),
            ),
            ("/api/v1/oauth2/token", Some(Route::Token)),
            ("/api/v1/openapi.json", Some(Route::OpenApi)),
            ("/api/v1/accounts//code/verify", None),
            ("/api/v1/accounts/a/b/code/verify", None),
            ("/api/v1/accounts/9900000/code/verify/", None),
            ("/api/v1/accounts/9900000/code/Verify", None),
            ("/api/v1/accounts/9900000/code", None),
            ("/api/v2/oauth2/token", None),
            ("/api/v1/oauth2/token/", None),
            ("/api/v1", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(Route::find(path), route, "{path}");
        }
    }

    #[test]
    fn what_a_path_takes_is_what_it_says_it_takes() {
        for path in [
            "/api/v1/accounts/1/code/verify",
            "/api/v1/oauth2/token",
            "/api/v1/openapi.json",
        ] {
            let route = Route::find(path).unwrap();
            for method in [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS] {
                let said = route.methods().split(", ").any(|own| own == method);
                assert_eq!(route.takes(&method), said, "{method} {path}");
            }
        }
    }
}
