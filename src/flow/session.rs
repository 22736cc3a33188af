//! The application's sessions in a browser: which its grants are bound to, and which it is to forget.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};

use super::{Flow, Visit};
use crate::capture::{Capture, cookie};
use crate::grant::Grant;
use crate::grant::prints::Print;
use crate::moment::Moment;
use crate::seal::{Held, cookies};
use crate::site::Site;

impl Flow {
    /// Set-Cookie fields that make the browser forget its sessions of the application: those that are named, and where
    /// none are, all that it brought.
    pub fn forgetting(&self, visit: &Visit<'_>, capture: &Capture) -> Vec<HeaderValue> {
        let by_name = !capture.auth_cookies.is_empty();
        let mut names: Vec<&[u8]> = foreign(visit)
            .map(|(name, _)| name)
            .filter(|name| !by_name || capture.auth_cookies.has(name))
            .collect();
        names.extend(capture.auth_cookies.literals().map(str::as_bytes));
        names.sort_unstable();
        names.dedup();
        expiring(&names, visit.asked.target().path(), &capture.page)
    }

    /// Set-Cookie fields for the sessions of the application that no grant of this browser knows.
    pub(super) fn forgetting_unbound(visit: &Visit<'_>) -> Vec<HeaderValue> {
        let site = &visit.door.site;
        let mut names: Vec<&[u8]> = foreign(visit)
            .filter(|(name, value)| site.is_session(name, value))
            .map(|(name, _)| name)
            .collect();
        names.sort_unstable();
        names.dedup();
        expiring(&names, visit.asked.target().path(), "/")
    }

    /// What a grant of this person is bound to that no login earned: what their other grants know.
    ///
    /// A session that only came along with the code is nobody's word: whoever types it may have found it. It counts where
    /// the application's own login comes behind the gate, and nothing of this person is known yet.
    pub(super) fn prints_for(&self, visit: &Visit<'_>, grant: &Grant) -> Vec<Print> {
        let site = &visit.door.site;
        let held = visit.held.live.iter().chain(&visit.held.run_out);
        let mut prints: Vec<Print> = held
            .filter(|held| held.subject() == grant.subject())
            .flat_map(|held| held.prints().current().iter().copied())
            .collect();
        let first = &site.first_scope().name;
        if grant.scope() == first && site.capture_for(first).is_none() {
            let cookies = visit.asked.fields().get_all(header::COOKIE).iter();
            let brought = self.ring.sessions(site, cookies);
            prints.extend(brought.into_iter().map(|session| session.print));
        }
        prints
    }

    /// The live grants as they are bound once an answer has changed the application's sessions, or a login has brought
    /// tokens; none if nothing has changed.
    pub fn moved(
        &self,
        site: &Site,
        held: &Held,
        fields: &HeaderMap,
        tokens: &[Print],
        now: Moment,
    ) -> Vec<Grant> {
        let changes: Vec<_> = fields
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|field| cookie::set(field, self.clock.wall()))
            .filter(|set| site.is_session(set.name, set.value))
            .collect();
        if changes.is_empty() {
            return Self::with_tokens(&held.live, tokens, now);
        }
        let brought: Vec<Print> = held
            .sessions
            .iter()
            .filter(|session| changes.iter().any(|set| *set.name == session.name[..]))
            .map(|session| session.print)
            .collect();
        let set: Vec<Print> = changes
            .iter()
            .filter(|set| !set.deletes)
            .map(|set| self.ring.print(site, set.name, set.value))
            .chain(tokens.iter().copied())
            .collect();
        let subject = held.live.first().map(Grant::subject);
        held.live
            .iter()
            .filter(|grant| Some(grant.subject()) == subject)
            .filter_map(|grant| {
                let prints = grant.prints().moved(&brought, &set, now)?;
                Some(grant.clone().bound_to(prints))
            })
            .collect()
    }

    /// Set-Cookie fields for what the session rests on and the browser does not show any more.
    pub(super) fn restoring(visit: &Visit<'_>, needs: &[HeaderValue]) -> Vec<HeaderValue> {
        let secure = if visit.door.site.origin.https() {
            "; Secure"
        } else {
            ""
        };
        let has = |needed: &HeaderValue| {
            foreign(visit).any(|(name, value)| [name, b"=", value].concat() == needed.as_bytes())
        };
        let lost = needs.iter().filter(|needed| !has(needed));
        lost.filter_map(|needed| {
            let attributes = format!("; Path=/; HttpOnly; SameSite=Lax{secure}");
            let field = [needed.as_bytes(), attributes.as_bytes()].concat();
            HeaderValue::from_maybe_shared(Bytes::from(field)).ok()
        })
        .collect()
    }
}

/// The application's cookies in a request: all but ours.
pub(super) fn foreign<'v>(visit: &'v Visit<'_>) -> impl Iterator<Item = (&'v [u8], &'v [u8])> {
    cookie::pairs(visit.asked.fields().get_all(header::COOKIE).iter())
        .filter(|(name, _)| !cookies::is_ours(name))
}

/// Expires cookies of these names wherever they may have been set on the way to one of these pages: a browser finds a
/// cookie by its name and its path.
fn expiring(names: &[&[u8]], here: &str, page: &str) -> Vec<HeaderValue> {
    let mut paths: Vec<&str> = vec!["/"];
    for page in [here, page] {
        let path = page.split('?').next().unwrap_or_default();
        let ends = path.match_indices('/').map(|(at, _)| at).skip(1);
        for end in ends.chain([path.len()]) {
            paths.extend([&path[..end], path.get(..=end).unwrap_or(path)]);
        }
    }
    paths.retain(|path| path.starts_with('/') && !path.contains([';', ',']));
    paths.sort_unstable();
    paths.dedup();
    // A path of many segments must not make a head of many kilobytes.
    paths.truncate(8);
    let fields = names.iter().flat_map(|name| {
        paths.iter().filter_map(move |path| {
            let field = [name, &b"=; Path="[..], path.as_bytes(), b"; Max-Age=0"].concat();
            HeaderValue::from_maybe_shared(Bytes::from(field)).ok()
        })
    });
    fields.take(64).collect()
}
