//! The one strict reader of a posted login: who logs in, as every server would read it, or nobody.
//!
//! What two servers could read differently is [`Ambiguous`]: the request is refused before anybody's phone rings. The
//! password is found and never kept.

use encoding_rs::Encoding;

mod json;
mod kind;
mod like;
mod multipart;
mod sought;
#[cfg(test)]
mod tests;
mod urlencoded;

use kind::{Charset, Kind, Odd};
use like::{Name, Spellings};
use sought::Sought;

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
    let mut sought = Sought::all(wanted);
    match kind {
        Kind::Urlencoded(named) => {
            let charset = Charset::of(named, charset)?;
            let pairs = urlencoded::pairs(body, charset)?;
            let charset = charset.declared(pairs.iter().map(|pair| (pair.name(), pair.value())))?;
            sought::look_at_pairs(&mut sought, &pairs, charset);
        }
        Kind::Multipart(named) => {
            let charset = Charset::of(named, charset)?;
            let fields = multipart::fields(content_type.unwrap_or_default(), body)?;
            sought::look_at_fields(&mut sought, &fields, charset);
        }
        Kind::Json(named) => json::look(body, named, &mut sought)?,
        Kind::Other => {}
    }
    sought::settle(sought, query.unwrap_or_default())
}

/// Whether any server could find this field anywhere in a query string.
pub fn in_query(place: &Place, query: &str) -> bool {
    let name = Name::of(place);
    urlencoded::names(query.as_bytes()).any(|sent| name.is_like(&Spellings::of(&sent)))
}

/// Whether any server could find this field in a body, or in as much of it as was read. Wide where [`read`] is strict.
pub fn in_body(place: &Place, content_type: Option<&str>, body: &[u8]) -> bool {
    if body.is_empty() {
        return false;
    }
    let name = Name::of(place);
    let is_like = |sent: &[u8]| name.is_like(&Spellings::of(sent));
    let in_pairs = || urlencoded::names(body).any(|sent| is_like(&sent));
    let in_parts = || {
        let sent = multipart::names(content_type, body);
        sent.iter().any(|sent| is_like(sent))
    };
    let in_json = || {
        let members = json::names(body);
        let mut sent = members.iter();
        sent.any(|member| name.is_member(&Spellings::of(&member.name), member.depth))
    };
    match kind::of(content_type) {
        // Every byte may mean another one.
        Err(Odd::Charset) => true,
        Err(_) => in_pairs() || in_json() || in_parts(),
        Ok(Kind::Multipart(_)) => in_parts(),
        Ok(Kind::Json(_)) => in_json() || !json::is_likely(body) && in_pairs(),
        Ok(Kind::Urlencoded(_)) => in_pairs() || json::is_likely(body) && in_json(),
        // Some scripts never look at the type. A text that is JSON and nothing else has its ampersands in values.
        Ok(Kind::Other) => {
            let in_plain = || urlencoded::plain_names(body).any(|sent| is_like(&sent));
            json::is_likely(body) && in_json() || in_parts() || !json::is_valid(body) && in_plain()
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
