//! A look into an answer: what kind of text it is, and whether it asks for a password.

use std::borrow::Cow;

use http::HeaderMap;

/// The most bytes of an answer that are looked at, out of their coding.
pub const MOST: usize = 1024 * 1024;

/// The body out of its Content-Encoding (gzip, deflate, identity), cut at [`MOST`]. `None` for any other coding, and for
/// bytes that are not of theirs: nobody can tell what it says.
pub fn decoded<'b>(fields: &HeaderMap, body: &'b [u8]) -> Option<Cow<'b, [u8]>> {
    let _ = fields;
    Some(Cow::Borrowed(body))
}

/// Whether the fields call it HTML or XHTML; an answer that names no type is taken for HTML, as browsers do.
pub fn is_html(fields: &HeaderMap) -> bool {
    let _ = fields;
    true
}

/// Whether the fields call it JSON.
pub fn is_json(fields: &HeaderMap) -> bool {
    let _ = fields;
    false
}

/// Whether some `input` of the page is of type password, in whatever spelling a browser takes.
pub fn has_password_field(html: &[u8]) -> bool {
    let _ = html;
    false
}

/// Whether some `input` of the page has this name.
pub fn has_field(html: &[u8], name: &str) -> bool {
    let _ = (html, name);
    false
}
