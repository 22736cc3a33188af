//! A public host and everything that is decided for it: its origin, its scopes, its routes.

use std::net::IpAddr;
use std::sync::Arc;

use encoding_rs::Encoding;
use http::{HeaderValue, Method};

use crate::capture::Capture;
use crate::name::Name;
use crate::route::{Logout, Table};
use crate::scope::Scope;
use crate::subject::Subject;
use crate::target::Target;

pub mod sign_out;

use self::sign_out::SignOut;

/// A site as the operator set it up: `[sites.NAME]`, without what the rooms need to know of it.
#[derive(Debug)]
pub struct Site {
    /// Its name in cookies and logs.
    pub name: Name,
    /// `{NAME}` in messages, and the title of pages.
    pub title: String,
    /// Where browsers find it.
    pub origin: Origin,
    /// Other origins whose pages may post here or call by script.
    pub origins: Vec<Origin>,
    /// True where an `http://` site off loopback was allowed: cookies then go without `Secure`.
    pub insecure: bool,
    /// The scopes of this site; the first guards everything that no route names. Never empty.
    pub scopes: Vec<Arc<Scope>>,
    /// Which path belongs to which class.
    pub routes: Table,
    /// The logins of the application that are captured.
    pub captures: Vec<Capture>,
    /// Where people sign out of the application: that ends its grants in this browser.
    pub logout: Vec<Logout>,
    /// What signs somebody out of the application who signs out of the gateway.
    pub sign_out: Option<SignOut>,
    /// How the application's forms are encoded where they do not say so.
    pub charset: &'static Encoding,
    /// For applications without users: the one subject who is asked.
    pub fixed_user: Option<Subject>,
    /// Whom to turn to; shown where a visitor cannot go on.
    pub support: Option<String>,
    /// The site's own colour, six hexadecimal digits after `#`.
    pub accent: Option<String>,
}

impl Site {
    /// The scope that guards what no route names.
    #[must_use]
    pub fn first_scope(&self) -> &Arc<Scope> {
        // `config` refuses a site without scopes, and `Site` has no way to lose one.
        &self.scopes[0]
    }

    /// The scope of that name, if this site has it.
    #[must_use]
    pub fn scope(&self, name: &str) -> Option<&Arc<Scope>> {
        self.scopes.iter().find(|scope| scope.name.as_str() == name)
    }

    /// Whether a scope of this site is in shadow.
    #[must_use]
    pub fn casts_shadow(&self) -> bool {
        self.scopes.iter().any(|scope| scope.shadow)
    }

    /// Whether that scope is in shadow.
    #[must_use]
    pub fn is_shadow(&self, scope: &Name) -> bool {
        self.scope(scope.as_str()).is_some_and(|scope| scope.shadow)
    }

    /// Whether the gateway only watches how people sign in: the first scope is in shadow, and so is that of every login.
    #[must_use]
    pub fn watches(&self) -> bool {
        let mut captures = self.captures.iter();
        self.first_scope().shadow && captures.all(|capture| self.is_shadow(&capture.scope))
    }

    /// The capture of that name.
    #[must_use]
    pub fn capture(&self, name: &Name) -> Option<&Capture> {
        self.captures.iter().find(|capture| capture.name == *name)
    }

    /// The capture whose code is good for this scope, if logins are captured for it.
    #[must_use]
    pub fn capture_for(&self, scope: &Name) -> Option<&Capture> {
        self.captures.iter().find(|capture| capture.scope == *scope)
    }

    /// The login that strangers begin with who want this scope: its own, else that of the first scope, without which
    /// they are nobody whose phone may ring.
    #[must_use]
    pub fn login_for(&self, scope: &Name) -> Option<&Capture> {
        self.capture_for(scope)
            .or_else(|| self.capture_for(&self.first_scope().name))
    }

    /// Whether this request may sign its visitor out of the application.
    #[must_use]
    pub fn is_logout(&self, method: &Method, target: &Target) -> bool {
        self.logout
            .iter()
            .any(|logout| logout.may_be(method, target))
    }

    /// Whether grants of this site are bound to sessions of the application.
    #[must_use]
    pub fn binds(&self) -> bool {
        self.captures
            .iter()
            .any(|capture| capture.is_basic() || !capture.auth_cookies.is_empty())
    }

    /// The capture of logins that come in the Authorization field; `config` allows one, for the first scope, and no other
    /// beside it.
    #[must_use]
    pub fn basic(&self) -> Option<&Capture> {
        self.captures.iter().find(|capture| capture.is_basic())
    }

    /// Whether scripts get the answers to their logins, tokens and all, before the code.
    #[must_use]
    pub fn relays(&self) -> bool {
        let mut captures = self.captures.iter();
        captures.any(|capture| capture.answer.relays())
    }

    /// Whether a cookie makes a session of the application, or could be read as one that does.
    #[must_use]
    pub fn is_session(&self, name: &[u8], value: &[u8]) -> bool {
        self.captures
            .iter()
            .any(|capture| capture.auth_cookies.could_be(name, value))
    }

    /// Whether a cookie could be read as one that makes a session, and is none by its name: nobody sends that who has
    /// it from the application.
    #[must_use]
    pub fn is_disguised(&self, name: &[u8], value: &[u8]) -> bool {
        let mut captures = self.captures.iter();
        self.is_session(name, value) && !captures.any(|capture| capture.auth_cookies.has(name))
    }

    /// Whether a page of `origin` may post here: the site's own, or one that the operator named.
    #[must_use]
    pub fn trusts(&self, origin: &HeaderValue) -> bool {
        std::iter::once(&self.origin)
            .chain(&self.origins)
            .any(|own| own.text().as_bytes() == origin.as_bytes())
    }
}

/// Scheme, host and port as a browser writes them in `Origin` (RFC 6454 section 6.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    text: String,
    https: bool,
    host_start: usize,
    port: u16,
    loopback: bool,
}

/// The text is no origin.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "an origin is http:// or https://, a host name or address, and perhaps a port, without a path"
)]
pub struct NotAnOrigin;

impl Origin {
    /// Takes `https://host[:port]`; a single trailing slash is dropped, letters are folded to lower case, the
    /// scheme's own port is left out.
    ///
    /// # Errors
    /// [`NotAnOrigin`] for another scheme, user information, a path, or a host that is none.
    pub fn parse(text: &str) -> Result<Self, NotAnOrigin> {
        let uri: http::Uri = text
            .strip_suffix('/')
            .unwrap_or(text)
            .to_ascii_lowercase()
            .parse()
            .map_err(|_| NotAnOrigin)?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(NotAnOrigin),
        };
        let authority = uri.authority().ok_or(NotAnOrigin)?;
        let bare = uri.path_and_query().is_none_or(|path| path == "/");
        let host = authority.host();
        let known = host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
        if !bare
            || authority.as_str().contains('@')
            || host.is_empty()
            || !known
            || authority.as_str().ends_with(':')
        {
            return Err(NotAnOrigin);
        }
        let standard = if https { 443 } else { 80 };
        let port = authority.port_u16().unwrap_or(standard);
        let scheme = if https { "https" } else { "http" };
        let text = if port == standard {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{port}")
        };
        Ok(Self {
            host_start: scheme.len() + 3,
            loopback: is_loopback(host),
            text,
            https,
            port,
        })
    }

    /// The whole, as a browser writes it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `host` or `host:port`, as a browser writes it in `Host`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.text[self.host_start..]
    }

    /// The host alone, an IPv6 address in its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = self.authority();
        match authority.rfind(':') {
            Some(colon) if !authority.ends_with(']') => &authority[..colon],
            _ => authority,
        }
    }

    /// The port, named or the scheme's own.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// True for `https`.
    #[must_use]
    pub fn https(&self) -> bool {
        self.https
    }

    /// True where a browser takes the connection for this machine itself, so that Secure cookies work without TLS.
    #[must_use]
    pub fn loopback(&self) -> bool {
        self.loopback
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(host);
    let address = bare
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    address || host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_a_browser_writes_it() {
        for (given, text, authority, host, port) in [
            (
                "https://Portal.Example.com/",
                "https://portal.example.com",
                "portal.example.com",
                "portal.example.com",
                443,
            ),
            (
                "https://portal.example.com:443",
                "https://portal.example.com",
                "portal.example.com",
                "portal.example.com",
                443,
            ),
            (
                "http://localhost:8080",
                "http://localhost:8080",
                "localhost:8080",
                "localhost",
                8080,
            ),
            (
                "http://[::1]:8080",
                "http://[::1]:8080",
                "[::1]:8080",
                "[::1]",
                8080,
            ),
            ("http://[::1]", "http://[::1]", "[::1]", "[::1]", 80),
        ] {
            let origin = Origin::parse(given).unwrap();
            assert_eq!(
                (
                    origin.text(),
                    origin.authority(),
                    origin.host(),
                    origin.port()
                ),
                (text, authority, host, port)
            );
        }
        for bad in [
            "portal.example.com",
            "ftp://x",
            "https://",
            "https://a@b",
            "https://x/path",
            "https://x?y",
            "https://x:",
            "https://a b",
        ] {
            assert_eq!(Origin::parse(bad), Err(NotAnOrigin), "{bad}");
        }
    }

    #[test]
    fn loopback_is_what_browsers_take_for_it() {
        for (text, is) in [
            ("http://localhost:1", true),
            ("http://127.0.0.1", true),
            ("http://[::1]:9", true),
            ("http://app.localhost", true),
            ("http://localhost.example.com", false),
            ("http://127.example.com", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(Origin::parse(text).unwrap().loopback(), is, "{text}");
        }
    }
}
