//! The head that comes down, cleaned of what is none of the visitor's business (R8, S6).

use std::net::Ipv4Addr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode, Version};

use super::body::Body;
use super::head::Surroundings;
use super::{Failed, HostMode, Settings};
use crate::gate::{Pass, Way};
use crate::request::fields::is_hop_by_hop;
use crate::seal::cookies;
use crate::site::Site;

mod own;

use self::own::Own;

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// Cleans the head of an answer that came back under `pass`.
pub(super) fn clean(
    response: &mut Response<Body>,
    pass: &Pass,
    settings: &Settings,
    surroundings: &Surroundings<'_>,
) -> Result<(), Failed> {
    let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    check_framing(response)?;
    // The version is each hop's own: an old application does not end the visitor's connection (RFC 9110 section 2.5).
    *response.version_mut() = Version::HTTP_11;
    let fields = response.headers_mut();
    let seen = Seen::read(fields);
    if seen.odd_length {
        return Err(Failed::Unsound("Content-Length is no number"));
    }
    if seen.lengths > 1
        && let Some(length) = fields.get(header::CONTENT_LENGTH).cloned()
    {
        // All are equal, or hyper would have refused them; HTTP/2 takes one only.
        fields.insert(header::CONTENT_LENGTH, length);
    }
    if seen.hop_by_hop {
        drop_hop_by_hop(fields);
    }
    if upgraded {
        fields.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    if seen.clears {
        // Clearing cookies, or everything, would take ours: the visitor would be signed out of the gate.
        fields.remove(CLEAR_SITE_DATA);
    }
    if matches!(pass.way(), Way::Anonymous) {
        fields.remove(header::SET_COOKIE);
        fields.append(header::VARY, HeaderValue::from_static("Cookie"));
    } else if seen.cookies {
        mend_cookies(fields, settings, surroundings.site);
    }
    if settings.host == HostMode::Upstream
        && seen.leads
        && let Some(own) = Own::of(settings)
    {
        map_back(fields, &own, surroundings.site);
    }
    Ok(())
}

/// The body has one end for every reader. hyper reads to the end of the connection whatever coding it does not know.
fn check_framing(response: &Response<Body>) -> Result<(), Failed> {
    let mut codings = response.headers().get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else {
        return Ok(());
    };
    if response.headers().contains_key(header::CONTENT_LENGTH) {
        return Err(Failed::Unsound("both Content-Length and Transfer-Encoding"));
    }
    let chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    if !chunked || codings.next().is_some() || response.version() != Version::HTTP_11 {
        return Err(Failed::Unsound(
            "a Transfer-Encoding other than one chunked",
        ));
    }
    Ok(())
}

/// What one walk over the fields finds.
#[derive(Default)]
struct Seen {
    hop_by_hop: bool,
    cookies: bool,
    leads: bool,
    clears: bool,
    lengths: usize,
    /// hyper takes a list of equal numbers for the number; not every reader does (RFC 9110 section 8.6).
    odd_length: bool,
}

impl Seen {
    fn read(fields: &HeaderMap) -> Self {
        let mut seen = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "content-length" => {
                    seen.lengths += 1;
                    seen.odd_length |= !value.as_bytes().iter().all(u8::is_ascii_digit);
                }
                "set-cookie" => seen.cookies = true,
                "location" | "content-location" | "refresh" => seen.leads = true,
                "clear-site-data" => {
                    let clears = |part: &[u8]| {
                        value
                            .as_bytes()
                            .windows(part.len())
                            .any(|window| window == part)
                    };
                    seen.clears |=
                        clears(b"\"cookies\"") || clears(b"\"*\"") || clears(b"\"storage\"");
                }
                name if is_hop_by_hop(name) => seen.hop_by_hop = true,
                _ => {}
            }
        }
        seen
    }
}

fn drop_hop_by_hop(fields: &mut HeaderMap) {
    let named = fields
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b','));
    let named = named.map(<[u8]>::trim_ascii);
    let mut gone: Vec<HeaderName> = named
        // What nearly all of them say, and no field but one of those below.
        .filter(|token| !token.eq_ignore_ascii_case(b"keep-alive"))
        .filter_map(|token| HeaderName::from_bytes(token).ok())
        .collect();
    gone.retain(|name| {
        !matches!(
            *name,
            header::SET_COOKIE | header::CONTENT_LENGTH | header::CONTENT_TYPE | header::LOCATION
        )
    });
    gone.extend(
        fields
            .keys()
            .filter(|name| is_hop_by_hop(name.as_str()))
            .cloned(),
    );
    for name in gone {
        fields.remove(name);
    }
}

/// Takes out cookies of our names, and the Domain that the public host is not under; order and bytes stay.
fn mend_cookies(fields: &mut HeaderMap, settings: &Settings, site: &Site) {
    let strays = |value: &HeaderValue| settings.host == HostMode::Upstream && strays(value, site);
    let touches = |value: &HeaderValue| cookies::sets_ours(value) || strays(value);
    if !fields.get_all(header::SET_COOKIE).iter().any(touches) {
        return;
    }
    let header::Entry::Occupied(entry) = fields.entry(header::SET_COOKIE) else {
        return;
    };
    let (_, all) = entry.remove_entry_mult();
    let kept: Vec<HeaderValue> = all
        .filter(|value| !cookies::sets_ours(value))
        .map(|value| {
            if strays(&value) {
                without_domain(value)
            } else {
                value
            }
        })
        .collect();
    for value in kept {
        fields.append(header::SET_COOKIE, value);
    }
}

/// Whether a browser that knows the public host alone would throw the cookie away: of several Domains the last counts
/// (RFC 6265 section 5.3). It was set for some name of the application's, and is meant for whoever asked.
fn strays(cookie: &HeaderValue, site: &Site) -> bool {
    attributes(cookie.as_bytes())
        .filter_map(domain)
        .last()
        .is_some_and(|named| !covers(named, site.origin.host()))
}

/// The same cookie for the host that it comes from, and for no other.
fn without_domain(cookie: HeaderValue) -> HeaderValue {
    let parts = cookie.as_bytes().split(|b| *b == b';').enumerate();
    let kept: Vec<&[u8]> = parts
        .filter(|(at, part)| *at == 0 || domain(part).is_none())
        .map(|(_, part)| part)
        .collect();
    HeaderValue::from_bytes(&kept.join(&b';')).unwrap_or(cookie)
}

fn attributes(cookie: &[u8]) -> impl Iterator<Item = &[u8]> {
    cookie.split(|b| *b == b';').skip(1)
}

/// The host that a Domain attribute names, without a leading dot; an empty one names none (RFC 6265 section 5.2.3).
fn domain(attribute: &[u8]) -> Option<&[u8]> {
    let (name, value) = attribute.split_at_checked(attribute.iter().position(|b| *b == b'=')?)?;
    let value = value[1..].trim_ascii();
    (name.trim_ascii().eq_ignore_ascii_case(b"domain") && !value.is_empty())
        .then(|| value.strip_prefix(b".").unwrap_or(value))
}

/// Whether `host` is the domain or under it (RFC 6265 section 5.1.3). Nothing is under an address.
fn covers(domain: &[u8], host: &str) -> bool {
    let address = host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok();
    let Some(above) = host.len().checked_sub(domain.len()) else {
        return false;
    };
    let (below, end) = host.as_bytes().split_at(above);
    end.eq_ignore_ascii_case(domain) && (below.is_empty() || (below.ends_with(b".") && !address))
}

/// References to the application's own address become references to the public one. Everything else of a value stays
/// byte for byte.
fn map_back(fields: &mut HeaderMap, own: &Own, site: &Site) {
    for name in [header::LOCATION, header::CONTENT_LOCATION, REFRESH] {
        let refresh = name == REFRESH;
        let header::Entry::Occupied(mut entry) = fields.entry(name) else {
            continue;
        };
        for value in entry.iter_mut() {
            let bytes = value.as_bytes();
            // Refresh alone carries its address behind a number.
            let place = if refresh {
                own::refresh(bytes)
            } else {
                Some(0..bytes.len())
            };
            let mapped = place.and_then(|place| {
                let rest = own.rest(&bytes[place.clone()])?;
                let public = site.origin.text().as_bytes();
                let whole = [&bytes[..place.start], public, rest, &bytes[place.end..]].concat();
                HeaderValue::from_bytes(&whole).ok()
            });
            if let Some(mapped) = mapped {
                *value = mapped;
            }
        }
    }
}
