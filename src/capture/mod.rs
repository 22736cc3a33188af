//! Capture: the application checks its own password, and what it answers waits for the code (design section 3).
//!
//! Everything here is pure. Whoever executes it asks [`judge`] what to do next, does it, and asks again.

use std::time::Duration;

use crate::login::Wanted;
use crate::name::Name;
use crate::route::Pattern;
use crate::subject::Subject;

pub mod cookie;
pub mod judge;
pub mod look;
pub mod token;

/// `[sites.SITE.captures.NAME]`.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Its name in routes and logs.
    pub name: Name,
    /// What its code is good for.
    pub scope: Name,
    /// The credentials that a login carries.
    pub wanted: Wanted,
    /// Who is asked where the form asks for nobody.
    pub fixed_user: Option<Subject>,
    /// Path and query of the login page, where strangers are sent.
    pub page: String,
    /// Path and query of a page that only a signed-in user gets.
    pub probe: Option<String>,
    /// A cookie that only a good login sets.
    pub success_cookie: Option<cookie::Names>,
    /// Where only a good login leads: a pattern over the path of Location.
    pub success_location: Option<Pattern>,
    /// The cookies that make a session of the application. The grant is bound to their values.
    pub auth_cookies: cookie::Names,
    /// What becomes of the answer to a login by script.
    pub answer: token::Answer,
    /// How long an answer is held, counted from the last code: 1–10 minutes.
    pub hold: Duration,
}

#[cfg(test)]
impl Capture {
    /// The form at `/login` with the fields `username` and `password`, and nothing else set.
    pub(crate) fn plain() -> Self {
        let name = |text| Name::parse(text).unwrap();
        Self {
            name: name("form"),
            scope: name("login"),
            wanted: Wanted {
                username: Some(crate::login::Place::of("username")),
                password: crate::login::Place::of("password"),
            },
            fixed_user: None,
            page: "/login".to_owned(),
            probe: None,
            success_cookie: None,
            success_location: None,
            auth_cookies: cookie::Names::default(),
            answer: token::Answer::default(),
            hold: Duration::from_secs(300),
        }
    }
}
