//! The one strict reader of a posted login: who logs in, as every server would read it, or nobody.
//!
//! What two servers could read differently is [`Ambiguous`]: the request is refused before anybody's phone rings. The
//! password is found and never kept.

use encoding_rs::Encoding;

mod json;
mod kind;
mod like;
mod multipart;
#[cfg(test)]
mod tests;
mod urlencoded;

use kind::{Charset, Kind, Odd};
use like::Name;
use urlencoded::Pair;

/// Where a credential stands in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A form field, or a member at the top of a JSON object.
    Field(Box<str>),
    /// A JSON pointer (RFC 6901), with its leading slash.
    Pointer(Box<str>),
}

/// The credentials that a capture looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Who; `None` for applications that ask for a password alone.
    pub username: Option<Place>,
    /// The password.
    pub password: Place,
}

/// A login that every server reads alike.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Who, as typed; `None` where nobody is asked for.
    pub username: Option<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(…)")
    }
}

/// What two servers could read differently; the text says where, never what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Ambiguous(pub &'static str);

impl Ambiguous {
    /// More than [`LIMIT`]: nobody has read it to its end.
    pub const TOO_LONG: Self = Self("the body is longer than 64 KiB");
}

/// The longest body that may carry a login (design section 3).
pub const LIMIT: usize = 64 * 1024;

/// Reads a posted body. `query` is the target's own, as received; `charset` the site's, for forms that name none.
///
/// `Ok(None)`: no server finds both credentials here, this is no login. The user name is as typed, and may be empty.
///
/// # Errors
/// [`Ambiguous`]: a credential stands there twice, in the query as well, or in a way that servers read differently.
pub fn read(
    wanted: &Wanted,
    charset: &'static Encoding,
    content_type: Option<&str>,
    body: &[u8],
    query: Option<&str>,
) -> Result<Option<Login>, Ambiguous> {
    let kind = kind::of(content_type)?;
    if kind == Kind::Other {
        return Ok(None);
    }
    if body.len() > LIMIT {
        return Err(Ambiguous::TOO_LONG);
    }
    let mut sought: Vec<Sought> = (wanted.username.iter().map(|place| (place, Role::User)))
        .chain([(&wanted.password, Role::Password)])
        .map(|(place, role)| Sought::new(place, role))
        .collect();
    match kind {
        Kind::Urlencoded(named) => {
            let charset = Charset::of(named, charset)?;
            let pairs = urlencoded::pairs(body, charset)?;
            let charset = charset.declared(pairs.iter().map(|pair| (pair.name(), pair.value())))?;
            for sought in &mut sought {
                sought.look_at_pairs(&pairs, charset);
            }
        }
        Kind::Multipart(named) => {
            let charset = Charset::of(named, charset)?;
            let fields = multipart::fields(content_type.unwrap_or_default(), body)?;
            let charset =
                charset.declared(fields.iter().map(|field| (&field.name, &field.value)))?;
            for sought in &mut sought {
                sought.look_at_fields(&fields, charset);
            }
        }
        Kind::Json(named) => json::look(body, named, &mut sought)?,
        Kind::Other => {}
    }
    settle(sought, query.unwrap_or_default())
}

/// Whether any server could find this field anywhere in a query string.
pub fn in_query(place: &Place, query: &str) -> bool {
    Name::of(place).is_in_query(query)
}

/// Whether any server could find this field in a body, or in as much of it as was read. Wide where [`read`] is strict.
pub fn in_body(place: &Place, content_type: Option<&str>, body: &[u8]) -> bool {
    if body.is_empty() {
        return false;
    }
    let name = Name::of(place);
    let in_parts = || {
        multipart::names(content_type, body)
            .iter()
            .any(|found| name.is_like(found))
    };
    let in_json = || {
        json::names(body)
            .iter()
            .any(|found| name.is_member(&found.name, found.depth))
    };
    let in_pairs = || urlencoded::names(body).any(|found| name.is_like(&found));
    match kind::of(content_type) {
        // Every byte may mean another one.
        Err(Odd::Charset) => true,
        Ok(Kind::Multipart(_)) => in_parts(),
        Ok(Kind::Json(_)) => in_json() || !json::is_likely(body) && in_pairs(),
        Ok(Kind::Urlencoded(_)) => in_pairs() || json::is_likely(body) && in_json(),
        Err(_) => in_pairs() || in_json() || in_parts(),
        // Scripts that never look at the type; a text that is JSON and nothing else has its ampersands in values.
        Ok(Kind::Other) => {
            let whole = serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
            let in_plain = || urlencoded::plain_names(body).any(|found| name.is_like(&found));
            json::is_likely(body) && in_json() || in_parts() || !whole && in_plain()
        }
    }
}

impl Place {
    /// Text that begins with a slash is a JSON pointer, any other names a field.
    pub fn of(text: &str) -> Self {
        if text.starts_with('/') {
            Self::Pointer(text.into())
        } else {
            Self::Field(text.into())
        }
    }
}

/// One field of a form out of its transfer encoding; name and value still in the form's charset.
pub(super) struct Field {
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
    pub(super) file: bool,
}

/// Whose text it is: a password is looked at and left where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    User,
    Password,
}

/// A credential on its way to be found.
struct Sought {
    role: Role,
    /// The name of a form's field; none for a pointer.
    field: Option<Box<str>>,
    name: Name,
    /// The way through JSON.
    path: Vec<json::Step>,
    /// How often it stands in the body, under whatever name.
    count: usize,
    /// What it says where it stands under its own.
    text: Result<String, Ambiguous>,
}

impl Sought {
    fn new(place: &Place, role: Role) -> Self {
        let (field, path) = match place {
            Place::Field(name) => (Some(name.clone()), vec![name.to_string()]),
            Place::Pointer(pointer) => (None, json::tokens(pointer).collect()),
        };
        Self {
            role,
            field,
            name: Name::of(place),
            path: path.into_iter().map(json::Step::of).collect(),
            count: 0,
            text: Err(Ambiguous(
                "a credential stands under another spelling of its name",
            )),
        }
    }

    fn look_at_pairs(&mut self, pairs: &[Pair<'_>], charset: Charset) {
        for pair in pairs {
            if let Some(exact) = self.compare(&pair.name(), charset) {
                let role = self.role;
                self.found(exact && !pair.aside, || pair.text(role, charset));
            }
        }
    }

    fn look_at_fields(&mut self, fields: &[Field], charset: Charset) {
        for field in fields {
            if let Some(exact) = self.compare(&field.name, charset) {
                let role = self.role;
                self.found(exact, || {
                    if field.file {
                        return Err(Ambiguous("a credential is a file"));
                    }
                    text(role, &field.value, charset)
                });
            }
        }
    }

    /// Whether a field's name is this one's own; `None` if no server takes it for this.
    fn compare(&self, name: &[u8], charset: Charset) -> Option<bool> {
        let field = self.field.as_ref()?;
        let exact = charset.main.encode(field).0 == name;
        let is_like = || {
            self.name.is_like(name)
                || !name.is_ascii()
                    && self
                        .name
                        .is_like(charset.main.decode_without_bom_handling(name).0.as_bytes())
        };
        (exact || is_like()).then_some(exact)
    }

    fn found(&mut self, exact: bool, text: impl FnOnce() -> Result<String, Ambiguous>) {
        self.count += 1;
        if exact {
            self.text = text();
        }
    }
}

/// What the credentials make together.
fn settle(sought: Vec<Sought>, query: &str) -> Result<Option<Login>, Ambiguous> {
    let in_query = |sought: &Sought| sought.name.is_in_query(query);
    if sought
        .iter()
        .any(|sought| sought.count == 0 && !in_query(sought))
    {
        return Ok(None);
    }
    let mut username = None;
    for sought in sought {
        if in_query(&sought) {
            return Err(Ambiguous("a credential stands in the query"));
        }
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
fn text(role: Role, value: &[u8], charset: Charset) -> Result<String, Ambiguous> {
    if value.contains(&0) {
        return Err(Ambiguous("a credential has a NUL"));
    }
    match role {
        Role::User => presentable(role, &charset.read(value)?),
        Role::Password => Ok(String::new()),
    }
}

/// The text of a user, if it has no controls; of a password only that there is one, without a NUL.
fn presentable(role: Role, text: &str) -> Result<String, Ambiguous> {
    if text.contains('\0') {
        return Err(Ambiguous("a credential has a NUL"));
    }
    match role {
        Role::User if text.chars().any(char::is_control) => {
            Err(Ambiguous("the user name has control characters"))
        }
        Role::User => Ok(text.to_owned()),
        Role::Password => Ok(String::new()),
    }
}
