//! The head that comes down, cleaned of what is none of the visitor's business (R8, S6).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode, Version};

use super::body::Body;
use super::head::Surroundings;
use super::{Address, Failed, HostMode, Settings, head};
use crate::gate::{Pass, Way};
use crate::request::fields::is_hop_by_hop;
use crate::seal::cookies;
use crate::site::Site;

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
    if settings.host == HostMode::Upstream && seen.leads {
        for name in [header::LOCATION, header::CONTENT_LOCATION, REFRESH] {
            if let Some(mapped) = fields
                .get(&name)
                .and_then(|value| map_back(&name, value, settings, surroundings.site))
            {
                fields.insert(name, mapped);
            }
        }
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
}

impl Seen {
    fn read(fields: &HeaderMap) -> Self {
        let mut seen = Self::default();
        for (name, value) in fields {
            match name.as_str() {
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
    let mut gone: Vec<HeaderName> = named
        .filter_map(|token| HeaderName::from_bytes(token.trim_ascii()).ok())
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

/// Takes out cookies of our names, and a Domain that names the application's own host; order and bytes stay.
fn mend_cookies(fields: &mut HeaderMap, settings: &Settings, site: &Site) {
    let touches = |value: &HeaderValue| cookies::sets_ours(value) || names_domain(value);
    if !fields.get_all(header::SET_COOKIE).iter().any(touches) {
        return;
    }
    let header::Entry::Occupied(entry) = fields.entry(header::SET_COOKIE) else {
        return;
    };
    let (_, all) = entry.remove_entry_mult();
    let kept: Vec<HeaderValue> = all
        .filter(|value| !cookies::sets_ours(value))
        .map(|value| map_domain(value, settings, site))
        .collect();
    for value in kept {
        fields.append(header::SET_COOKIE, value);
    }
}

fn names_domain(value: &HeaderValue) -> bool {
    attributes(value.as_bytes()).any(|part| domain(part).is_some())
}

/// A cookie for the application's own host is one for the public host alone: without Domain.
fn map_domain(value: HeaderValue, settings: &Settings, site: &Site) -> HeaderValue {
    let own = host_of(&settings.authority).as_bytes();
    let foreign = |part: &&[u8]| {
        !domain(part).is_some_and(|named| {
            settings.host == HostMode::Upstream
                && named.eq_ignore_ascii_case(own)
                && !own.eq_ignore_ascii_case(site.origin.host().as_bytes())
        })
    };
    let bytes = value.as_bytes();
    if attributes(bytes).all(|part| foreign(&part)) {
        return value;
    }
    let kept: Vec<&[u8]> = bytes
        .split(|b| *b == b';')
        .enumerate()
        .filter(|(at, part)| *at == 0 || foreign(part))
        .map(|(_, part)| part)
        .collect();
    HeaderValue::from_bytes(&kept.join(&b';')).unwrap_or(value)
}

fn attributes(cookie: &[u8]) -> impl Iterator<Item = &[u8]> {
    cookie.split(|b| *b == b';').skip(1)
}

/// The host that a Domain attribute names, without a leading dot (RFC 6265 section 5.2.3).
fn domain(attribute: &[u8]) -> Option<&[u8]> {
    let (name, value) = attribute.split_at_checked(attribute.iter().position(|b| *b == b'=')?)?;
    let value = value[1..].trim_ascii();
    name.trim_ascii()
        .eq_ignore_ascii_case(b"domain")
        .then(|| value.strip_prefix(b".").unwrap_or(value))
}

/// A reference to the application's own origin as one to the public origin; anything else stays as it is.
fn map_back(
    name: &HeaderName,
    value: &HeaderValue,
    settings: &Settings,
    site: &Site,
) -> Option<HeaderValue> {
    let text = value.to_str().ok()?;
    // Refresh alone carries its address behind a number and `url=`, perhaps in quotes.
    let start = if *name == REFRESH {
        text.to_ascii_lowercase().find("url=")? + "url=".len()
    } else {
        0
    };
    let reference = text[start..].trim_start_matches([' ', '\'', '"']);
    let before = &text[..text.len() - reference.len()];
    let own = head::origin(settings);
    // Behind a proxy that speaks TLS applications guess the other scheme, or name none.
    let other = if matches!(settings.address, Address::Tls { .. }) {
        "http:"
    } else {
        "https:"
    };
    let rest = strip_origin(reference, &own)
        .or_else(|| strip_origin(reference, &format!("{other}//{}", settings.authority)))
        .or_else(|| strip_origin(reference, &format!("//{}", settings.authority)))?;
    HeaderValue::from_str(&format!("{before}{}{rest}", site.origin.text())).ok()
}

fn strip_origin<'t>(text: &'t str, origin: &str) -> Option<&'t str> {
    let start = text.get(..origin.len())?;
    let rest = &text[origin.len()..];
    (start.eq_ignore_ascii_case(origin) && (rest.is_empty() || rest.starts_with(['/', '?', '#'])))
        .then_some(rest)
}

fn host_of(authority: &str) -> &str {
    match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => &authority[..colon],
        _ => authority,
    }
}
