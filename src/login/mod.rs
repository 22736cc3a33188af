//! The one strict reader of a posted login: who logs in, as every server would read it, or nobody.
//!
//! What two servers could read differently is [`Ambiguous`]: the request is refused before anybody's phone rings. The
//! password is found and never kept.

use encoding_rs::Encoding;

mod multipart;

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

/// One field of a form out of its transfer encoding; name and value still in the form's charset.
pub(super) struct Field { pub(super) name: Vec<u8>, pub(super) value: Vec<u8>, pub(super) file: bool }

/// The longest body that may carry a login (design section 3).
pub const LIMIT: usize = 64 * 1024;

/// Reads a posted body. `query` is the target's own, as received; `charset` the site's, for forms that name none.
///
/// `Ok(None)`: no server finds both credentials here, this is no login.
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
    let _ = (wanted, charset, content_type, body, query);
    Ok(None)
}

/// Whether any server could find this field anywhere in a query string.
pub fn in_query(place: &Place, query: &str) -> bool {
    let _ = (place, query);
    false
}

/// Whether any server could find this field in a body, or in as much of it as was read. Wide where [`read`] is strict.
pub fn in_body(place: &Place, content_type: Option<&str>, body: &[u8]) -> bool {
    let _ = (place, content_type, body);
    false
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
