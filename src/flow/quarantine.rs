//! The sessions of an application as a login finds them: what is kept back until its code is right, and what is nobody's
//! yet.

use http::header::{self, HeaderMap, HeaderValue};

use super::session::foreign;
use super::{Flow, Visit};
use crate::capture::{Capture, cookie};
use crate::moment::Moment;
use crate::site::Site;
use crate::store::quarantine::{Owner, Print, Weight};

/// A cookie that the browser brought is kept back from so many bytes on: shorter ones name no session
/// (design section 3).
pub const SESSION: usize = 16;

/// So many bytes of an owner are the same for all attempts of one browser as one person.
pub(super) const SAME: usize = 12;

impl Flow {
    /// The cookies of a login that are kept back while it is judged: those that make a session by name, and those that
    /// are long enough to.
    pub(super) fn brought<'v>(
        &'v self,
        visit: &'v Visit<'_>,
        capture: &'v Capture,
    ) -> impl Iterator<Item = (Print, Weight)> + 'v {
        let site = &visit.door.site;
        // With HTTP Basic no cookie goes up before the code.
        foreign(visit)
            .filter(|_| !capture.is_basic())
            // Empty ones are everybody's.
            .filter(|(name, value)| {
                capture.auth_cookies.has(name) && !value.is_empty() || value.len() >= SESSION
            })
            .flat_map(move |(name, value)| self.weighed(site, capture, name, value))
    }

    pub(super) fn weighed<'v>(
        &'v self,
        site: &'v Site,
        capture: &Capture,
        name: &'v [u8],
        value: &'v [u8],
    ) -> impl Iterator<Item = (Print, Weight)> + 'v {
        let weight = if capture.auth_cookies.has(name) {
            Weight::Named
        } else {
            Weight::Seen
        };
        // New values are kept under the key that signs; what is looked up is tried under each.
        self.ring
            .quarantined(site, name, value)
            .take(1)
            .map(move |print| (print, weight))
    }

    /// The Cookie field of a request without what is kept back from it: everything for who has no grant, the
    /// application's own sessions for everybody. `None` if nothing has to go.
    ///
    /// `owner` is whose login this very request is: what is kept back for that alone goes up with it.
    pub fn without_quarantined(
        &self,
        site: &Site,
        fields: &HeaderMap,
        granted: bool,
        owner: Option<&Owner>,
        now: Moment,
    ) -> Option<Option<HeaderValue>> {
        let all = || cookie::pairs(fields.get_all(header::COOKIE).iter());
        if self.store.quarantine.is_empty() && (granted || !site.binds()) {
            return None;
        }
        let stays = |name: &[u8], value: &[u8]| {
            // What is kept back is known by its name. Under a grant another spelling of it is a session that the
            // grant does not know.
            if !granted && site.is_disguised(name, value) {
                return false;
            }
            let mut kept = self
                .ring
                .quarantined(site, name, value)
                .filter_map(|print| self.store.quarantine.look(&print, now));
            kept.all(|kept| match (kept.weight, owner) {
                // A value that others share must not keep anybody from signing in.
                (Weight::Seen, Some(_)) => true,
                (Weight::Named, Some(own)) => {
                    kept.owners.iter().all(|owner| owner[..SAME] == own[..SAME])
                }
                (Weight::Seen, None) => granted,
                (Weight::Named, None) => false,
            })
        };
        if all().all(|(name, value)| stays(name, value)) {
            return None;
        }
        let jar = cookie::Jar::of(all().filter(|(name, value)| stays(name, value)));
        Some(jar.field())
    }

    /// Whether a session of the application is kept back for another login than this one.
    pub fn kept_for_others(
        &self,
        site: &Site,
        name: &[u8],
        value: &[u8],
        owner: &Owner,
        now: Moment,
    ) -> bool {
        let mut kept = self
            .ring
            .quarantined(site, name, value)
            .filter_map(|print| self.store.quarantine.look(&print, now));
        kept.any(|kept| {
            kept.owners
                .iter()
                .any(|other| other[..SAME] != owner[..SAME])
        })
    }

    /// Notes the sessions that an answer gives to somebody who is not signed in: they are nobody's yet.
    pub fn note_fresh(&self, site: &Site, fields: &HeaderMap, now: Moment) {
        let set = fields
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|field| cookie::set(field, self.clock.wall()))
            .filter(|set| !set.deletes && site.is_session(set.name, set.value));
        for set in set {
            let print = self.ring.quarantined(site, set.name, set.value).next();
            if let Some(print) = print {
                self.store.fresh.put(print, now);
            }
        }
    }

    /// Whether this session was nobody's until now. It counts once: the login that asks may make it somebody's.
    pub fn was_fresh(&self, site: &Site, name: &[u8], value: &[u8], now: Moment) -> bool {
        let mut prints = self.ring.quarantined(site, name, value);
        prints.any(|print| self.store.fresh.take(&print, now))
    }

    /// Whether this session is nobody's, as far as is known.
    pub fn is_fresh(&self, site: &Site, name: &[u8], value: &[u8], now: Moment) -> bool {
        let mut prints = self.ring.quarantined(site, name, value);
        prints.any(|print| self.store.fresh.knows(&print, now))
    }

    /// A login failed in this session: it is nobody's still.
    pub fn still_fresh(&self, site: &Site, name: &[u8], value: &[u8], now: Moment) {
        if let Some(print) = self.ring.quarantined(site, name, value).next() {
            self.store.fresh.put(print, now);
        }
    }
}
