//! Capture: the application checks its own password, and what it answers waits for the code (design section 3).
//!
//! Everything here is pure. Whoever executes it asks [`judge`] what to do next, does it, and asks again.

use std::time::Duration;

use crate::login::Wanted;
use crate::name::Name;
use crate::route::{Machines, Pattern};
use crate::subject::Subject;

pub mod basic;
pub mod carried;
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
    /// Where a login carries its credentials.
    pub credentials: Credentials,
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
    /// With HTTP Basic: the programs that pass without a code, because they cannot type one.
    pub machines: Vec<Machines>,
    /// How long an answer is held, counted from the last code: 1–10 minutes.
    pub hold: Duration,
}

/// Where a login carries its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// In the body of a POST: a form, or JSON.
    Form(Wanted),
    /// In the Authorization field of any request (RFC 7617).
    Basic,
}

impl Capture {
    /// What is looked for in a body; `None` where logins come in no body.
    #[must_use]
    pub fn form(&self) -> Option<&Wanted> {
        match &self.credentials {
            Credentials::Form(wanted) => Some(wanted),
            Credentials::Basic => None,
        }
    }

    /// Whether logins come in the Authorization field.
    #[must_use]
    pub fn is_basic(&self) -> bool {
        self.credentials == Credentials::Basic
    }
}

#[cfg(test)]
impl Capture {
    /// The form at `/login` with the fields `username` and `password`, and nothing else set.
    pub(crate) fn plain() -> Self {
        let name = |text| Name::parse(text).unwrap();
        Self {
            name: name("form"),
            scope: name("login"),
            credentials: Credentials::Form(Wanted {
                username: Some(crate::login::Place::of("username")),
                password: crate::login::Place::of("password"),
            }),
            fixed_user: None,
            page: "/login".to_owned(),
            probe: None,
            success_cookie: None,
            success_location: None,
            auth_cookies: cookie::Names::default(),
            answer: token::Answer::default(),
            machines: Vec::new(),
            hold: Duration::from_secs(300),
        }
    }
}
