//! To be written.
use http::Method;

use crate::name::Name;

/// Who may reach a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nobody.
    Deny,
    /// Anyone, without cookies, by GET and HEAD.
    Public,
    /// Anyone, as it is.
    PublicFull,
    /// Anyone; a page that must work before login.
    LoginPage,
    /// Whoever has a grant for this scope.
    Scope(Name),
}
/// A path as the operator wrote it: a literal or a glob.
#[derive(Clone, Debug)]
pub struct Pattern(String);
/// The text is no pattern.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("to be written")]
pub struct BadPattern;
impl Pattern {
    /// To be written.
    ///
    /// # Errors
    /// To be written.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        Ok(Self(text.to_owned()))
    }
}
/// One entry of a site's list.
#[derive(Clone, Debug)]
pub struct Route {
    /// Any of these.
    pub paths: Vec<Pattern>,
    /// Any of these; empty: every method.
    pub methods: Vec<Method>,
    /// All of these: name and value.
    pub query: Vec<(String, String)>,
    /// All of these: name and value.
    pub form: Vec<(String, String)>,
    /// Only (true) or never (false) for WebSocket upgrades.
    pub websocket: Option<bool>,
    /// Who may.
    pub class: Class,
    /// Where it stands, `file:line`, for `explain` and the log.
    pub place: String,
}
/// A site's routes.
#[derive(Debug)]
pub struct Table(Vec<Route>, Name);
impl Table {
    /// The routes in the order they are tried, and the scope that guards what none of them names.
    #[must_use]
    pub fn new(routes: Vec<Route>, first_scope: Name) -> Self {
        Self(routes, first_scope)
    }
}
