//! Cookie values that open nothing until a code was right: from the posted login on (design section 3, Quarantine).

use crate::moment::Moment;

use super::Full;

/// A keyed hash of a cookie's name and value at one site.
pub type Print = [u8; 16];

/// Who put it there: a keyed hash of the browser secret, the site and the subject who logs in.
pub type Owner = [u8; 16];

/// How firmly a value is kept back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The browser brought it, or an answer set it: it may be a value that many browsers share, and is kept back only
    /// from who has no grant.
    Seen,
    /// One of the capture's `auth_cookies`: kept back from everybody.
    Named,
}

/// What is known of a value that is kept back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The firmest of its owners' weights.
    pub weight: Weight,
    /// Whose logins it belongs to.
    pub owners: Vec<Owner>,
}

/// All of them. At most [`MOST`], each for [`LIFE`].
#[derive(Debug, Default)]
pub struct Quarantine {}

/// Places that are kept free for a login that is on its way to the application; given back when dropped.
#[derive(Debug)]
pub struct Reserved {}

/// The most values at once (design section 3).
pub const MOST: usize = 100_000;

/// How long a value is kept back if its code never comes, in seconds: 24 hours.
pub const LIFE: u64 = 24 * 3600;

impl Quarantine {
    /// Keeps `places` free.
    ///
    /// # Errors
    /// [`Full`]: the login must not be sent on.
    pub fn reserve(&self, places: usize) -> Result<Reserved, Full> {
        let _ = places;
        Ok(Reserved {})
    }

    /// Keeps these values back. Beyond what was reserved the bound gives way rather than the wall: never fails.
    pub fn put(&self, owner: Owner, values: &[(Print, Weight)], now: Moment) {
        let _ = (owner, values, now);
    }

    /// The code was right, or the login was none: what this owner put there is free, unless others keep it back too.
    pub fn lift(&self, owner: &Owner) {
        let _ = owner;
    }

    /// Whether nothing is kept back: one atomic load, for the way of an allowed request.
    pub fn is_empty(&self) -> bool {
        true
    }

    /// Whether this value is kept back now, and for whom.
    pub fn look(&self, value: &Print, now: Moment) -> Option<Kept> {
        let _ = (value, now);
        None
    }

    /// Forgets what has been kept back for [`LIFE`].
    pub fn sweep(&self, now: Moment) {
        let _ = now;
    }
}
