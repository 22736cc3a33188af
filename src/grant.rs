//! The right to reach one scope of one site, earned by a code; it lives in a cookie that [`crate::seal`] signs.

use std::time::Duration;

use crate::challenge::{Entry, Verified};
use crate::moment::Moment;
use crate::name::Name;
use crate::scope::Scope;
use crate::subject::Subject;

pub mod prints;

use self::prints::Prints;

/// 128 random bits that name one grant, in its cookie and in the list of revocations (S2).
pub type Id = [u8; 16];

/// One subject's right to one scope of one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub(crate) id: Id,
    pub(crate) site: Name,
    pub(crate) scope: Name,
    pub(crate) subject: Subject,
    pub(crate) entry: Entry,
    /// Unix seconds.
    pub(crate) issued: u64,
    /// Unix seconds of the last re-issue; idle time counts from here.
    pub(crate) used: u64,
    /// Unix seconds after which it is over, however busy.
    pub(crate) expires: u64,
    pub(crate) prints: Prints,
}

/// What a grant is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It opens its scope.
    Live,
    /// It ran out within the last [`RENEWABLE`]: its subject may be asked again without naming themself.
    RunOut,
    /// It is nothing: too old, or from a time that has not come (A5).
    Void,
}

/// How long after its end a grant still tells who to ask (design section 3).
pub const RENEWABLE: Duration = Duration::from_hours(24);

/// How far in the future a signed time may lie (A5), in seconds.
const SKEW: u64 = 60;

/// Idle time is kept by re-issuing at most this often, in seconds (design section 3).
const REISSUE: u64 = 60;

impl Grant {
    /// A new grant for what was verified. This is the only way to one but a cookie with our signature.
    pub fn issue(verified: Verified, id: Id, now: Moment) -> Self {
        let (site, scope, subject, entry) = verified.into_parts();
        let expires = now.unix.saturating_add(scope.grant_life.as_secs());
        Self {
            id,
            site,
            scope: scope.name.clone(),
            subject,
            entry,
            issued: now.unix,
            used: now.unix,
            expires,
            prints: Prints::default(),
        }
    }

    /// The same grant, bound to these session cookies of the application.
    #[must_use]
    pub fn bound_to(self, prints: Prints) -> Self {
        Self { prints, ..self }
    }

    /// The session cookies of the application that it is bound to, where the site names any.
    pub fn prints(&self) -> &Prints {
        &self.prints
    }

    /// What names it.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The site that it is for.
    pub fn site(&self) -> &Name {
        &self.site
    }

    /// The scope that it opens.
    pub fn scope(&self) -> &Name {
        &self.scope
    }

    /// Who earned it.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Unix seconds of the issue.
    pub fn issued(&self) -> u64 {
        self.issued
    }

    /// Unix seconds after which nothing needs to remember that it was revoked.
    pub fn forgettable(&self) -> u64 {
        self.expires.saturating_add(RENEWABLE.as_secs())
    }

    /// Unix seconds at which it runs out if nothing is done with it.
    pub fn until(&self, scope: &Scope) -> u64 {
        self.longest(scope)
            .min(self.used.saturating_add(scope.idle.as_secs()))
    }

    /// Unix seconds at which it runs out however busy it is.
    pub fn longest(&self, scope: &Scope) -> u64 {
        // A life that was shortened since the issue counts at once.
        self.expires
            .min(self.issued.saturating_add(scope.grant_life.as_secs()))
    }

    /// What it is worth `now` under the settings of its scope.
    pub fn standing(&self, scope: &Scope, now: Moment) -> Standing {
        if self.issued > now.unix + SKEW || self.used > now.unix + SKEW {
            return Standing::Void;
        }
        let until = self.until(scope);
        if now.unix < until {
            Standing::Live
        } else if now.unix - until < RENEWABLE.as_secs() {
            Standing::RunOut
        } else {
            Standing::Void
        }
    }

    /// The grant with its idle time begun anew, if that was not done within the last minute.
    pub fn renewed(&self, now: Moment) -> Option<Self> {
        (now.unix >= self.used.saturating_add(REISSUE)).then(|| Self {
            used: now.unix,
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenge::tests::{scope, verified};

    fn at(unix: u64) -> Moment {
        Moment {
            unix,
            mono: Duration::from_secs(unix),
        }
    }

    #[test]
    fn s5_a_grant_ends_by_idleness_and_by_age() {
        let scope = scope("login"); // 12 h, 30 min idle
        let grant = Grant::issue(verified("login", "ann"), [1; 16], at(1_000_000));
        for (seconds, standing) in [
            (0, Standing::Live),
            (1799, Standing::Live),
            (1800, Standing::RunOut),
            (1800 + 24 * 3600 - 1, Standing::RunOut),
            (1800 + 24 * 3600, Standing::Void),
        ] {
            assert_eq!(
                grant.standing(&scope, at(1_000_000 + seconds)),
                standing,
                "after {seconds} s"
            );
        }
        let mut busy = grant.clone();
        let mut now = 1_000_000;
        while now < 1_000_000 + 12 * 3600 {
            assert_eq!(
                busy.standing(&scope, at(now)),
                Standing::Live,
                "busy at {now}"
            );
            busy = busy.renewed(at(now)).unwrap_or(busy);
            now += 1000;
        }
        assert_eq!(
            busy.standing(&scope, at(1_000_000 + 12 * 3600)),
            Standing::RunOut
        );
    }

    #[test]
    fn a5_a_grant_from_the_future_is_nothing() {
        let scope = scope("login");
        let grant = Grant::issue(verified("login", "ann"), [1; 16], at(1_000_061));
        assert_eq!(grant.standing(&scope, at(1_000_000)), Standing::Void);
        assert_eq!(grant.standing(&scope, at(1_000_001)), Standing::Live);
    }

    #[test]
    fn it_is_reissued_at_most_once_a_minute() {
        let grant = Grant::issue(verified("login", "ann"), [1; 16], at(1000));
        assert_eq!(grant.renewed(at(1059)), None);
        let renewed = grant.renewed(at(1060)).unwrap();
        assert_eq!(
            (renewed.used, renewed.issued, renewed.expires, renewed.id),
            (1060, 1000, grant.expires, grant.id)
        );
    }

    #[test]
    fn a_shortened_life_counts_for_grants_already_out() {
        let mut scope = scope("login");
        let grant = Grant::issue(verified("login", "ann"), [1; 16], at(1000));
        scope.grant_life = Duration::from_secs(600);
        assert_eq!(grant.standing(&scope, at(1599)), Standing::Live);
        assert_eq!(grant.standing(&scope, at(1600)), Standing::RunOut);
    }
}
