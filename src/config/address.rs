//! What an address can be: of a site, an application, a webhook, a listener, a network.

use std::net::{IpAddr, SocketAddr};

use http::Uri;
use ipnet::IpNet;

use super::rule::Rule;
use super::tree::Value;
use super::value::{Leaf, Wrong};
use crate::site::Origin;
use crate::upstream::Address;

impl Leaf for Origin {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("an address such as \"https://portal.example.com\"")?;
        Self::parse(text).map_err(|error| {
            let wrong = Wrong::new(
                Rule::BadOrigin,
                format!("`{text}` is no origin"),
                error.to_string(),
            );
            match nearest_origin(text) {
                Some(origin) => wrong.help(format!("write \"{origin}\"")),
                None => wrong,
            }
        })
    }
}

/// What was probably meant: without the path, or with a scheme.
fn nearest_origin(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
    let authority = rest.split(['/', '?', '#']).next()?;
    Origin::parse(&format!("{scheme}://{authority}"))
        .ok()
        .map(|origin| origin.text().to_owned())
}

/// One of `rewrite`: what the application may call itself in its pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OwnName {
    /// As its `upstream` is written.
    Upstream,
    /// Some other origin.
    Origin(Origin),
}

impl Leaf for OwnName {
    fn read(value: &Value) -> Result<Self, Wrong> {
        match value.text("\"upstream\", or an address such as \"http://old.example.com\"")? {
            "upstream" => Ok(Self::Upstream),
            _ => Origin::read(value).map(Self::Origin),
        }
    }
}

/// `upstream = "…"`: the socket, and what the application calls itself.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    pub(super) address: Address,
    pub(super) authority: String,
}

impl Leaf for Upstream {
    fn read(value: &Value) -> Result<Self, Wrong> {
        const FORMS: &str =
            "write \"http://127.0.0.1:8080\", \"https://app.internal\" or \"unix:/run/app.sock\"";
        let text = value.text("an address such as \"http://127.0.0.1:8080\"")?;
        if let Some(path) = text.strip_prefix("unix:") {
            if !path.starts_with('/') || path.contains('\0') {
                return Err(Wrong::new(
                    Rule::BadUpstream,
                    format!("`{text}` is no upstream"),
                    "a socket's path starts with `/`",
                )
                .help(FORMS));
            }
            return Ok(Self {
                address: Address::Unix(path.into()),
                authority: "localhost".to_owned(),
            });
        }
        let origin = Origin::parse(text).map_err(|_| {
            let wrong = Wrong::new(
                Rule::BadUpstream,
                format!("`{text}` is no upstream"),
                "http:// or https://, a host and perhaps a port, without a path; or unix:",
            );
            match nearest_origin(text).filter(|_| text.contains("://")) {
                Some(origin) => wrong.help(format!("write \"{origin}\": paths go up as they came")),
                None => wrong.help(FORMS),
            }
        })?;
        let (host, port) = (
            origin.host().trim_matches(['[', ']']).to_owned(),
            origin.port(),
        );
        let address = if origin.https() {
            Address::Tls {
                host,
                port,
                ca: None,
            }
        } else {
            Address::Tcp { host, port }
        };
        Ok(Self {
            address,
            authority: origin.authority().to_owned(),
        })
    }
}

/// Where a webhook takes its messages.
#[derive(Clone, Debug)]
pub(super) struct Hook {
    pub(super) url: String,
    /// Its scheme, host and port.
    pub(super) origin: Origin,
}

impl Leaf for Hook {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("an address such as \"https://sms.example.net/send\"")?;
        let parsed = text.parse::<Uri>().ok().filter(|_| !text.contains('#'));
        let origin = parsed.and_then(|uri| {
            Origin::parse(&format!("{}://{}", uri.scheme_str()?, uri.authority()?)).ok()
        });
        match origin {
            Some(origin) => Ok(Self {
                url: text.to_owned(),
                origin,
            }),
            None => Err(Wrong::new(
                Rule::BadUrl,
                format!("`{text}` is no web address"),
                "http:// or https://, a host, and a path",
            )),
        }
    }
}

impl Leaf for SocketAddr {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("an address such as \"0.0.0.0:443\"")?;
        if text.starts_with("systemd:") {
            return Err(Wrong::new(
                Rule::NotYet,
                "sockets of systemd are not in this version yet",
                "not known here",
            )
            .help("write the address itself, such as \"0.0.0.0:443\""));
        }
        text.parse().map_err(|_| {
            let wrong = Wrong::new(
                Rule::BadListener,
                format!("`{text}` cannot be listened on"),
                "an IP address and a port are wanted",
            );
            match text.trim_start_matches(['*', ':']).parse::<u16>() {
                Ok(port) => wrong.help(format!(
                    "write \"0.0.0.0:{port}\", or \"[::]:{port}\" for IPv6"
                )),
                Err(_) => wrong.help("write \"0.0.0.0:443\", \"127.0.0.1:8080\" or \"[::]:443\""),
            }
        })
    }
}

impl Leaf for IpNet {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a network such as \"10.0.0.0/8\"")?;
        let one = || text.parse::<IpAddr>().map(Self::from);
        text.parse().or_else(|_| one()).map_err(|_| {
            Wrong::new(
                Rule::BadNetwork,
                format!("`{text}` is no network"),
                "an IP address, or one with the length of its prefix",
            )
            .help("write \"10.0.0.0/8\" or \"2001:db8::/32\"")
        })
    }
}
