//! Browsers whose scripts have the answer to a login already, and whose person has yet to give its code.

use std::time::Duration;

use dashmap::DashMap;

use crate::challenge::{self, Browser};
use crate::moment::Moment;
use crate::name::Name;

/// The challenge of each. It ends with its challenge; after a restart the browser meets the wall instead of the code page.
#[derive(Debug, Default)]
pub struct Relayed {
    running: DashMap<(Browser, Name), (challenge::Id, Duration)>,
}

impl Relayed {
    /// Notes the newest challenge of this browser at this site.
    pub fn put(&self, browser: Browser, site: &Name, id: challenge::Id, now: Moment) {
        let until = now.mono + challenge::LONGEST;
        self.running.insert((browser, site.clone()), (id, until));
    }

    /// The challenge that this browser has to answer at this site.
    pub fn of(&self, browser: &Browser, site: &Name, now: Moment) -> Option<challenge::Id> {
        let running = self.running.get(&(*browser, site.clone()))?;
        (running.1 > now.mono).then_some(running.0)
    }

    /// Forgets those whose challenge has ended.
    pub(super) fn sweep(&self, now: Moment) {
        self.running.retain(|_, (_, until)| *until > now.mono);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_known_at_its_site_until_the_challenge_ends() {
        let (relayed, site) = (Relayed::default(), Name::parse("app").unwrap());
        let at = |seconds| Moment {
            unix: seconds,
            mono: Duration::from_secs(seconds),
        };
        let (ours, theirs) = (Browser::default(), [1; 32]);
        relayed.put(ours, &site, [7; 16], at(0));
        assert_eq!(relayed.of(&ours, &site, at(1)), Some([7; 16]));
        assert_eq!(relayed.of(&theirs, &site, at(1)), None);
        let other = Name::parse("other").unwrap();
        assert_eq!(relayed.of(&ours, &other, at(1)), None);
        let end = challenge::LONGEST.as_secs();
        assert_eq!(relayed.of(&ours, &site, at(end)), None);
        relayed.sweep(at(end));
        assert!(relayed.running.is_empty());
    }
}
