//! Methods that a request says beside its own: `X-HTTP-Method-Override: DELETE`, `?_method=delete`, and the same in a body.
//!
//! Applications take them for the method: `WordPress` on any request, Rails, Laravel, Symfony and Spring on a POST. So each is
//! one more reading of the request, and can only make it stricter (R5).

use http::{HeaderMap, Method};

use crate::form::Form;
use crate::request::Checked;
use crate::request::fields::is_overriding;
use crate::target::Target;

use super::Asked;
use super::condition::{Condition, loose, pairs, rounds};

/// The methods of a route, as they may be said.
#[derive(Debug)]
pub(super) struct Overriding {
    methods: Vec<Method>,
    said: Condition,
}

/// What the methods that are said mean for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// Some server could read one of them as a method of the route.
    pub(super) may: bool,
    /// All of them, or none at all, are methods of the route.
    pub(super) all: bool,
}

/// Whether there is anything in the head that could say a method beside its own: most requests have nothing.
#[must_use]
pub fn could_say_another(asked: &Checked) -> bool {
    let target = asked.target();
    asked.overridden() || target.query().is_some() || target.hidden_queries().next().is_some()
}

/// Whether the head says a method beside its own.
#[must_use]
pub fn says_another(asked: &Checked) -> bool {
    asked.overridden() || in_query(asked.target(), |_| ())
}

impl Overriding {
    /// None for a route that every method is on.
    pub(super) fn new(methods: &[Method]) -> Option<Self> {
        let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
        let value = match &names[..] {
            [] => return None,
            [only] => (*only).to_owned(),
            many => format!("{{{}}}", many.join(",")),
        };
        Some(Self {
            methods: methods.to_vec(),
            said: Condition::new("_method", &value),
        })
    }

    /// What the head says.
    pub(super) fn in_head(&self, asked: &Asked<'_>) -> Heard {
        let mut heard = Heard {
            may: false,
            all: true,
        };
        let mut hear = |value: &[u8]| self.hear(&mut heard, value);
        for (name, value) in asked.overriding.into_iter().flat_map(HeaderMap::iter) {
            if is_overriding(name.as_str()) {
                hear(value.as_bytes());
            }
        }
        in_query(asked.target, hear);
        heard
    }

    /// What head and body say; the body of a POST only, since no framework looks for it in another.
    pub(super) fn anywhere(&self, asked: &Asked<'_>, assumed: bool) -> Heard {
        let mut heard = self.in_head(asked);
        if *asked.method != Method::POST {
            return heard;
        }
        match asked.form {
            _ if assumed => heard.may = true,
            // `Table::wants_form` has it read wherever it has a say.
            Form::Unread => {}
            Form::Unreadable => heard.may = true,
            Form::Fields(fields) | Form::Members(fields) => {
                for (name, value) in fields {
                    if is_name(name.as_bytes()) {
                        self.hear(&mut heard, value.as_bytes());
                    }
                }
            }
        }
        heard
    }

    fn hear(&self, heard: &mut Heard, value: &[u8]) {
        heard.may |= self.said.may_be_valued(value);
        heard.all &= self
            .methods
            .iter()
            .any(|method| method.as_str().as_bytes().eq_ignore_ascii_case(value));
    }
}

/// Tells `hear` of each method that any server could find in the query, and says whether there was one.
fn in_query(target: &Target, mut hear: impl FnMut(&[u8])) -> bool {
    let asked = target.query().map(str::as_bytes);
    let mut said = false;
    for query in asked.into_iter().chain(target.hidden_queries()) {
        if !may_be_in(query) {
            continue;
        }
        let (rounds, _) = rounds(query);
        for (name, value) in rounds.iter().flat_map(|query| pairs(query)) {
            if is_name(name) {
                said = true;
                hear(value);
            }
        }
    }
    said
}

/// Nearly every query leaves here, before anything is allocated for it.
fn may_be_in(query: &[u8]) -> bool {
    query.contains(&b'%')
        || query
            .windows(METHOD.len())
            .any(|part| part.eq_ignore_ascii_case(METHOD))
}

const METHOD: &[u8] = b"method";

/// `_method`, as PHP would fold it too, or the name of one of the fields; a `method` that is nothing but that is the
/// application's own.
fn is_name(name: &[u8]) -> bool {
    if name.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let (names, settled) = rounds(name);
    !settled
        || names.iter().any(|name| {
            let whole = name.split(|&b| b == 0).next().unwrap_or_default();
            let plain = whole.iter().skip(1).position(|&b| b == b'[');
            let name = loose(plain.map_or(whole, |at| &whole[..=at]), false);
            name == METHOD
                || name.strip_prefix(b"x").is_some_and(|name| {
                    matches!(
                        name,
                        b"httpmethod" | b"httpmethodoverride" | b"methodoverride"
                    )
                })
        })
}
