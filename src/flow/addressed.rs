//! A session of the application in an address, as Java servers write it for who has no cookie yet, and take it in its place.
//!
//! Sessions are kept back and bound to grants by their cookies. So one in an address goes up beside its cookie alone.

use http::Method;
use http::header::{self, HeaderMap};

use super::{Reply, Visit, see_other};
use crate::capture::cookie;
use crate::site::Site;
use crate::target::{SESSION_NAMES, Target, is_value};

/// Whether an address shows a session whose cookie does not go up with it. `up` are the fields that do.
pub fn strays(site: &Site, target: &Target, up: Option<&HeaderMap>) -> bool {
    if site.captures.is_empty() {
        return false;
    }
    let is_cookie = |name: &[u8]| {
        let mut captures = site.captures.iter();
        SESSION_NAMES.contains(&name) || captures.any(|capture| capture.auth_cookies.has(name))
    };
    let comes = |name: &[u8], id: &[u8]| {
        up.is_some_and(|fields| {
            // By its very name: what is kept back is not known by another.
            cookie::pairs(fields.get_all(header::COOKIE).iter()).any(|(own, value)| {
                own.eq_ignore_ascii_case(name) && is_cookie(own) && is_value(id, value)
            })
        })
    };
    let mut shown = target.sessions(|name| site.is_session(name, b""));
    shown.any(|(name, id)| !comes(name, id))
}

/// The way to the same page without the session that its address shows: an old bookmark, or a page's picture as the
/// application writes it for who has no cookie yet. `None` where a redirect would lose something.
pub fn without(visit: &Visit<'_>) -> Option<Reply> {
    let (asked, site) = (visit.asked, &visit.door.site);
    let goes = matches!(*asked.method(), Method::GET | Method::HEAD) && !asked.websocket();
    let rest = asked
        .target()
        .without_sessions(|name| site.is_session(name, b""));
    let target = Target::parse(rest.parse().ok()?).ok()?;
    let clean = goes && !strays(site, &target, None);
    // With the origin: a path may begin with two slashes.
    clean.then(|| see_other(&format!("{}{}", site.origin.text(), target.raw())))
}
