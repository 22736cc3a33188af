//! Was the login good? The seven steps of design section 3, in their order.

use http::{HeaderMap, HeaderValue, StatusCode};

use super::Capture;
use super::cookie::Jar;
use crate::request::Checked;
use crate::site::Origin;
use crate::target::Target;

/// An answer as far as it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// Its status.
    pub status: StatusCode,
    /// Its fields, mapped back to the public origin.
    pub fields: &'a HeaderMap,
    /// Its body out of its coding, as much of it as is looked at; `None` if the coding is not known.
    pub body: Option<&'a [u8]>,
}

/// What to do after an answer.
#[derive(Clone, Debug)]
pub enum Next {
    /// It is decided.
    Decided(Judgement),
    /// Ask the application for the capture's probe with the merged cookies, and come back with [`probed`].
    Probe,
    /// Ask for this page with the merged cookies, if the gate lets it pass, and come back with [`followed`].
    Follow(Target),
}

/// Whether the application took the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// No: the answer goes on to the browser, and nobody's phone rings.
    Bad,
    /// Yes.
    Good,
    /// Nobody can tell: a code is asked for, and nothing is told about the number.
    Doubt,
}

/// The answer to the posted login itself. `jar` is what the browser sent, `origin` the site's own as browsers write it,
/// `now` unix seconds.
pub fn posted(
    capture: &Capture,
    asked: &Checked,
    body: &[u8],
    jar: &Jar,
    origin: &str,
    answered: &Answered<'_>,
    now: u64,
) -> Next {
    let _ = (capture, asked, body, jar, origin, answered, now);
    Next::Decided(Judgement::Doubt)
}

/// The answer to a page that was followed to; `asked` and `body` are the posted login's, `hops` how many redirects were
/// followed so far, this one included.
pub fn followed(
    capture: &Capture,
    asked: &Checked,
    body: &[u8],
    origin: &str,
    answered: &Answered<'_>,
    hops: usize,
) -> Next {
    let _ = (capture, asked, body, origin, answered, hops);
    Next::Decided(Judgement::Doubt)
}

/// The answer to the probe.
pub fn probed(answered: &Answered<'_>) -> Judgement {
    let _ = answered;
    Judgement::Doubt
}

/// Where a Location leads.
#[derive(Clone, Debug)]
pub enum Leads {
    /// Within the site.
    Here(Target),
    /// To another origin: the whole address, and its origin if it is one that a browser writes.
    Elsewhere(HeaderValue, Option<Origin>),
    /// Nowhere that can be read.
    Nowhere,
}

/// Where a Location leads.
pub fn resolve(base: &Target, origin: &str, location: &HeaderValue) -> Leads {
    let _ = (base, origin, location);
    Leads::Nowhere
}

/// Whether it is shown.
pub fn admits(fields: &HeaderMap, status: StatusCode, body: &[u8], capture: &Capture) -> bool {
    let _ = (fields, status, body, capture);
    true
}
