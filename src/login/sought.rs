//! Two credentials on their way to be found, and what they make together.

use super::kind::Charset;
use super::like::{Name, Spellings};
use super::urlencoded::{self, Pair};
use super::{Ambiguous, Field, Login, Place, Wanted, json};

/// Whose text it is: a password is looked at and left where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    User,
    Password,
}

/// What was found of one credential.
pub(super) struct Sought {
    pub(super) role: Role,
    /// The way through JSON.
    pub(super) path: Vec<json::Step>,
    /// The name of a form's field; none for a pointer.
    field: Option<Box<str>>,
    name: Name,
    /// How often it stands in the body, under whatever name.
    count: usize,
    /// What it says where it stands under its own.
    text: Result<String, Ambiguous>,
}

impl Sought {
    /// One for each of what is wanted: two at most.
    pub(super) fn all(wanted: &Wanted) -> Vec<Self> {
        let username = wanted.username.iter().map(|place| (place, Role::User));
        let all = username.chain([(&wanted.password, Role::Password)]);
        all.map(|(place, role)| Self::new(place, role)).collect()
    }

    fn new(place: &Place, role: Role) -> Self {
        let (field, path) = match place {
            Place::Field(name) => (Some(name.clone()), vec![name.to_string()]),
            Place::Pointer(pointer) => (None, json::tokens(pointer).collect()),
        };
        Self {
            role,
            path: path.into_iter().map(json::Step::of).collect(),
            field,
            name: Name::of(place),
            count: 0,
            text: Err(Ambiguous(
                "a credential stands under another spelling of its name",
            )),
        }
    }

    /// It stands there, or what some server takes for it; `text` is asked only where it is itself.
    pub(super) fn found(&mut self, exact: bool, text: impl FnOnce() -> Result<String, Ambiguous>) {
        self.count += 1;
        if exact {
            self.text = text();
        }
    }

    fn is_exactly(&self, name: &[u8], charset: Charset) -> bool {
        self.field
            .as_ref()
            .is_some_and(|field| charset.main.encode(field).0 == name)
    }

    fn is_in_query(&self, query: &str) -> bool {
        urlencoded::names(query.as_bytes()).any(|name| self.name.is_like(&Spellings::of(&name)))
    }
}

/// Tells each of `sought` what the pairs of an urlencoded form have for it.
pub(super) fn look_at_pairs(sought: &mut [Sought], pairs: &[Pair<'_>], charset: Charset) {
    for pair in pairs {
        look(sought, &pair.name(), charset, |sought, exact| {
            let role = sought.role;
            sought.found(exact && !pair.aside, || pair.text(role, charset));
        });
    }
}

/// Tells each of `sought` what the fields of a multipart form have for it.
pub(super) fn look_at_fields(sought: &mut [Sought], fields: &[Field], charset: Charset) {
    for field in fields {
        look(sought, &field.name, charset, |sought, exact| {
            let role = sought.role;
            sought.found(exact, || {
                if field.file {
                    return Err(Ambiguous("a credential is a file"));
                }
                text(role, &field.value, charset)
            });
        });
    }
}

/// Calls those of `sought` for which some server takes `name`.
fn look(
    sought: &mut [Sought],
    name: &[u8],
    charset: Charset,
    mut found: impl FnMut(&mut Sought, bool),
) {
    let mut spellings = Spellings::of(name);
    if !name.is_ascii() && charset.main != encoding_rs::UTF_8 {
        spellings.add(charset.main.decode_without_bom_handling(name).0.as_bytes());
    }
    // Pointers lead through JSON alone.
    for sought in sought.iter_mut().filter(|sought| sought.field.is_some()) {
        let exact = sought.is_exactly(name, charset);
        if exact || sought.name.is_like(&spellings) {
            found(sought, exact);
        }
    }
}

/// What the credentials make together with a query.
pub(super) fn settle(sought: Vec<Sought>, query: &str) -> Result<Option<Login>, Ambiguous> {
    let in_query: Vec<bool> = sought.iter().map(|s| s.is_in_query(query)).collect();
    let mut found = sought.iter().zip(&in_query);
    if found.any(|(sought, in_query)| sought.count == 0 && !in_query) {
        return Ok(None);
    }
    if in_query.contains(&true) {
        return Err(Ambiguous("a credential stands in the query"));
    }
    let mut username = None;
    for sought in sought {
        if sought.count > 1 {
            return Err(Ambiguous("a credential stands there twice"));
        }
        let text = sought.text?;
        if sought.role == Role::User {
            username = Some(text);
        }
    }
    Ok(Some(Login { username }))
}

/// What a value in its charset says, as far as it may be kept.
pub(super) fn text(role: Role, value: &[u8], charset: Charset) -> Result<String, Ambiguous> {
    if value.contains(&0) {
        return Err(NUL);
    }
    match role {
        Role::User => presentable(role, &charset.read(value)?),
        Role::Password => Ok(String::new()),
    }
}

/// The text of a user, if it has no controls; of a password nothing but that there is one without a NUL.
pub(super) fn presentable(role: Role, text: &str) -> Result<String, Ambiguous> {
    match role {
        _ if text.contains('\0') => Err(NUL),
        Role::User if text.chars().any(char::is_control) => {
            Err(Ambiguous("the user name has control characters"))
        }
        Role::User => Ok(text.to_owned()),
        Role::Password => Ok(String::new()),
    }
}

const NUL: Ambiguous = Ambiguous("a credential has a NUL");
