//! The application under every name that it may have for itself, to find it in what it says of its own address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::upstream::{Address, Settings};

/// An application's own host and port.
pub(super) struct Own {
    host: Host,
    /// None behind a unix socket.
    port: Option<u16>,
}

#[derive(PartialEq)]
enum Host {
    Address(IpAddr),
    /// In lower case.
    Name(String),
}

impl Own {
    /// Of an application of these settings. None if its authority is none, which the configuration refuses.
    pub(super) fn of(settings: &Settings) -> Option<Self> {
        let (host, _) = split(settings.authority.as_bytes())?;
        let port = match settings.address {
            Address::Tcp { port, .. } | Address::Tls { port, .. } => Some(port),
            Address::Unix(_) => None,
        };
        Some(Self { host, port })
    }

    /// What follows the authority of a reference that leads to the application; nothing, or it starts with `/`, `?` or
    /// `#`. None for a reference that leads elsewhere, or says who asks (RFC 3986 section 3.2.1).
    ///
    /// Behind a proxy applications guess the scheme, and with it the port: either scheme is theirs, with the port they
    /// have, with the scheme's own, or with none.
    pub(super) fn rest<'r>(&self, reference: &'r [u8]) -> Option<&'r [u8]> {
        let (after, standard): (_, &[u16]) = match (
            strip_letters(reference, b"https:"),
            strip_letters(reference, b"http:"),
        ) {
            (Some(after), _) => (after, &[443]),
            (_, Some(after)) => (after, &[80]),
            (None, None) => (reference, &[80, 443]),
        };
        let after = after.strip_prefix(b"//")?;
        let end = after.iter().position(|b| b"/?#".contains(b));
        let (authority, rest) = after.split_at(end.unwrap_or(after.len()));
        let (host, port) = split(authority)?;
        let known = port.is_none_or(|port| Some(port) == self.port || standard.contains(&port));
        (known && self.host.is(&host)).then_some(rest)
    }
}

impl Host {
    fn parse(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?;
        if let Some(inner) = text.strip_prefix('[') {
            let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Address(address.into()));
        }
        // The dot at the end of a full name is the same name without it.
        let text = text.strip_suffix('.').unwrap_or(text);
        let address: Result<Ipv4Addr, _> = text.parse();
        Some(match address {
            Ok(address) => Self::Address(address.into()),
            Err(_) => Self::Name(text.to_ascii_lowercase()),
        })
    }

    /// Whether `named` is this host: on loopback applications know themselves by any of three names.
    fn is(&self, named: &Self) -> bool {
        self == named || (self.loopback() && named.local())
    }

    fn loopback(&self) -> bool {
        match self {
            Self::Address(address) => address.is_loopback(),
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }

    fn local(&self) -> bool {
        match self {
            Self::Address(address) => [
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(Ipv6Addr::LOCALHOST),
            ]
            .contains(address),
            Self::Name(name) => name == "localhost",
        }
    }
}

/// Host and port of an authority without user information. An empty port is none (RFC 3986 section 3.2.3).
fn split(authority: &[u8]) -> Option<(Host, Option<u16>)> {
    // The colons of an IPv6 address are in its brackets.
    let inside = authority.iter().position(|b| *b == b']').unwrap_or(0);
    let colon = authority[inside..].iter().position(|b| *b == b':');
    let (host, port) = match colon {
        Some(colon) => (
            &authority[..inside + colon],
            &authority[inside + colon + 1..],
        ),
        None => (authority, &[][..]),
    };
    if host.is_empty() || !port.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let port = match port {
        [] => None,
        digits => Some(str::from_utf8(digits).ok()?.parse().ok()?),
    };
    Some((Host::parse(host)?, port))
}

/// Where in a Refresh field the address stands, as browsers read it: a number, then `;`, `,` or a blank, then perhaps
/// `url=`, then perhaps a quote (HTML, "shared declarative refresh steps").
pub(super) fn refresh(value: &[u8]) -> Option<Range<usize>> {
    let text = value.trim_ascii_start();
    let number = text
        .iter()
        .take_while(|b| b.is_ascii_digit() || **b == b'.')
        .count();
    let after = &text[number..];
    let separated = after.starts_with(b";") || after.starts_with(b",");
    if number == 0 || !(separated || after.first()?.is_ascii_whitespace()) {
        return None;
    }
    let after = after.trim_ascii_start();
    let after = match after {
        [b';' | b',', after @ ..] => after.trim_ascii_start(),
        _ => after,
    };
    let named =
        strip_letters(after, b"url").and_then(|after| after.trim_ascii_start().strip_prefix(b"="));
    let address = named.map_or(after, <[u8]>::trim_ascii_start);
    let end = value.len();
    // Browsers do not agree on what ends a quote in the middle; at the end they do.
    Some(match address {
        [quote @ (b'\'' | b'"'), inner @ ..] => {
            end - inner.len()..end - usize::from(inner.ends_with(&[*quote]))
        }
        bare => end - bare.len()..end,
    })
}

fn strip_letters<'t>(text: &'t [u8], letters: &[u8]) -> Option<&'t [u8]> {
    let (start, rest) = text.split_at_checked(letters.len())?;
    start.eq_ignore_ascii_case(letters).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::HostMode;

    fn own(upstream: &str) -> Own {
        let (address, authority) = match upstream.split_once("://") {
            None => (Address::Unix(upstream.into()), "localhost"),
            Some((scheme, authority)) => {
                let tls = scheme == "https";
                let (_, port) = split(authority.as_bytes()).unwrap();
                let host = String::new();
                let address = match (tls, port) {
                    (true, port) => Address::Tls {
                        host,
                        port: port.unwrap_or(443),
                        ca: None,
                    },
                    (false, port) => Address::Tcp {
                        host,
                        port: port.unwrap_or(80),
                    },
                };
                (address, authority)
            }
        };
        Own::of(&Settings {
            address,
            authority: authority.to_owned(),
            host: HostMode::Upstream,
            rewrite: Vec::new(),
        })
        .unwrap()
    }

    /// Each line: an upstream, then references that are known to be its own, or are known not to be.
    fn check(lines: &str, known: bool) {
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            let mut words = line.split_whitespace();
            let own = own(words.next().unwrap());
            for reference in words {
                let rest = own.rest(reference.as_bytes());
                assert_eq!(rest, known.then_some(&b""[..]), "{reference} in {line}");
            }
        }
    }

    #[test]
    fn an_application_is_known_with_every_port_that_it_may_think_it_has() {
        check(
            "
            http://app.internal:8080  http://app.internal:8080  https://app.internal:8080  //app.internal:8080
            http://app.internal:8080  http://app.internal       https://app.internal       //app.internal
            http://app.internal:8080  http://app.internal:80    https://app.internal:443   //app.internal:80
            http://app.internal:8080  http://app.internal:      http://app.internal:08080  //app.internal:443
            https://app.internal      https://app.internal      https://app.internal:443   //app.internal
            https://app.internal      http://app.internal       http://app.internal:80     http://app.internal:443
            ",
            true,
        );
        check(
            "
            http://app.internal:8080  http://app.internal:443   https://app.internal:80    http://app.internal:8081
            http://app.internal:8080  http://app.internal:80801 http://app.internal:73616  http://app.internal:+80
            http://app.internal:8080  http://app.internal:80a   http://app.internal:80:80  http://app.internal:-1
            https://app.internal      https://app.internal:80   https://app.internal:8443
            ",
            false,
        );
    }

    #[test]
    fn an_application_is_known_by_its_host_in_every_spelling_and_by_no_other() {
        check(
            "
            http://app.internal:8080    hTTp://APP.Internal:8080   http://app.internal.:8080  http://app.internal.
            http://10.0.0.5:8080        http://10.0.0.5:8080       https://10.0.0.5           //10.0.0.5.:80
            http://[2001:db8::5]:8080   http://[2001:db8::5]:8080  https://[2001:DB8:0::0:5]  //[2001:db8::5]:
            ",
            true,
        );
        check(
            "
            http://app.internal:8080    http://internal:8080       http://x.app.internal:8080 http://app.internal..
            http://app.internal:8080    http://localhost:8080      http://app.internal.evil.example:8080
            http://app.internal:8080    http://app.internal:8080@evil.example                 http://@app.internal
            http://app.internal:8080    http://ann@app.internal:8080    http://ann:secret@app.internal:8080
            http://app.internal:8080    http://app.internal:8080\\  http://app.internal\\evil  http://app.internal'
            http://app.internal:8080    http:app.internal          http:/app.internal         http:///app.internal
            http://app.internal:8080    ftp://app.internal         wss://app.internal:8080    app.internal:8080
            http://app.internal:8080    http://%61pp.internal      http://\u{e4}pp.internal    http://  //  /  ?
            http://10.0.0.5:8080        http://10.0.0.50:8080      http://127.0.0.1:8080      http://[::a00:5]:8080
            http://[2001:db8::5]:8080   http://2001:db8::5:8080    http://[2001:db8::5        http://[::1]:8080
            http://[2001:db8::5]:8080   http://[2001:db8::5]8080   http://[2001:db8::5]x:80   http://[2001:db8::6]
            ",
            false,
        );
        assert_eq!(own("http://app").rest(b""), None);
    }

    #[test]
    fn on_loopback_three_names_are_one_host() {
        for upstream in [
            "127.0.0.1",
            "localhost",
            "[::1]",
            "127.0.0.2",
            "app.localhost",
        ] {
            let known = "http://localhost:8080 https://127.0.0.1 //[::1]:80 http://LocalHost.:8080 http://[0:0::1]:8080";
            check(&format!("http://{upstream}:8080 {known}"), true);
            let unknown = "http://localhost:8081 http://127.0.0.3:8080 http://10.0.0.5:8080 http://localhost.example:8080 http://x.localhost:8080";
            check(&format!("http://{upstream}:8080 {unknown}"), false);
        }
        // Behind a unix socket there is no port.
        check("/run/app.sock http://localhost https://127.0.0.1:443", true);
        check("/run/app.sock http://localhost:8080", false);
    }

    #[test]
    fn what_follows_the_authority_stays() {
        for rest in [
            "",
            "/",
            "/a?b#c",
            "?a",
            "#a",
            "/a@b:c",
            "?u=http://app/",
            "/caf\u{e9}",
            "/'",
            "//x",
        ] {
            let reference = format!("http://app:8080{rest}");
            assert_eq!(
                own("http://app:8080").rest(reference.as_bytes()),
                Some(rest.as_bytes()),
                "{reference}"
            );
        }
    }

    #[test]
    fn the_address_of_a_refresh_is_where_browsers_find_it() {
        for (value, address) in [
            ("0;url=A", Some("A")),
            ("0; url=A", Some("A")),
            ("0; URL = A", Some("A")),
            ("5,url=A", Some("A")),
            ("5 , Url=A", Some("A")),
            ("5 url=A", Some("A")),
            ("0;A", Some("A")),
            ("0 A", Some("A")),
            (" 1.5 ;\tA", Some("A")),
            (".5;A", Some("A")),
            ("0;url='A'", Some("A")),
            ("0;url=\"A\"", Some("A")),
            ("0; url= 'A", Some("A")),
            ("0;'A'", Some("A")),
            // Where the quote is not the one that was opened, or stands in the middle, it is part of the address.
            ("0;url='A\"", Some("A\"")),
            ("0;url='A'B", Some("A'B")),
            ("0;url=A'", Some("A'")),
            ("0;url A", Some("url A")),
            ("0;uri=A", Some("uri=A")),
            ("0;;A", Some(";A")),
            ("0;", Some("")),
            ("0;url=", Some("")),
            ("0;url='", Some("")),
            ("0", None),
            ("", None),
            ("A", None),
            ("url=A", None),
            (";url=A", None),
            ("0x;url=A", None),
            ("-1;url=A", None),
        ] {
            let found = refresh(value.as_bytes()).map(|range| &value[range]);
            assert_eq!(found, address, "{value}");
        }
    }
}
