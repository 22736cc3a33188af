//! A look into an answer: what kind of text it is, and whether it asks for a password.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::{self, HeaderName};

mod tags;

/// The most bytes of an answer that are looked at, out of their coding.
pub const MOST: usize = 1024 * 1024;

/// The body out of its Content-Encoding (gzip, deflate, identity), cut at [`MOST`]. `None` for any other coding, for more
/// than one, and for bytes that are not of theirs or end too soon: nobody can tell what it says.
pub fn decoded<'b>(fields: &HeaderMap, body: &'b [u8]) -> Option<Cow<'b, [u8]>> {
    let mut codings = items(fields, &header::CONTENT_ENCODING)
        .filter(|coding| !coding.is_empty() && !is(coding, "identity"));
    let (coding, more) = (codings.next(), codings.next());
    if more.is_some() {
        return None;
    }
    match coding {
        // The answer to a HEAD, and most redirects, have nothing to decode whatever they say of it.
        _ if body.is_empty() => Some(Cow::Borrowed(body)),
        None => Some(Cow::Borrowed(&body[..body.len().min(MOST)])),
        Some(gzip) if is(gzip, "gzip") || is(gzip, "x-gzip") => read(GzDecoder::new(body)),
        // Named so in RFC 9110 section 8.4.1.2, the zlib form is meant; many servers send the bare one.
        Some(deflate) if is(deflate, "deflate") => {
            read(ZlibDecoder::new(body)).or_else(|| read(DeflateDecoder::new(body)))
        }
        Some(_) => None,
    }
}

/// Whether the fields call it HTML or XHTML; an answer that names no type is taken for HTML, as browsers do.
pub fn is_html(fields: &HeaderMap) -> bool {
    let mut types = types(fields).peekable();
    types.peek().is_none()
        || types.any(|essence| {
            essence.is_empty() || is(essence, "text/html") || is(essence, "application/xhtml+xml")
        })
}

/// Whether the fields call it JSON.
pub fn is_json(fields: &HeaderMap) -> bool {
    types(fields).any(|essence| {
        let suffix = essence.len().checked_sub("+json".len());
        is(essence, "application/json")
            || is(essence, "text/json")
            || suffix.is_some_and(|at| is(&essence[at..], "+json"))
    })
}

/// Whether some `input` of the page is of type password, in whatever spelling a browser takes.
///
/// What stands in a comment, or as text in a script, a style, a title or a text area, is none; what stands in a `noscript`
/// or a `template` is one.
pub fn has_password_field(html: &[u8]) -> bool {
    tags::any_input(html, |input| input.kind().eq_ignore_ascii_case(b"password"))
}

/// Whether some `input` of the page has this name.
pub fn has_field(html: &[u8], name: &str) -> bool {
    tags::any_input(html, |input| *input.name() == *name.as_bytes())
}

fn read<'b>(mut decoder: impl Read) -> Option<Cow<'b, [u8]>> {
    let mut text = Vec::new();
    let most = u64::try_from(MOST).unwrap_or(u64::MAX);
    decoder.by_ref().take(most).read_to_end(&mut text).ok()?;
    Some(Cow::Owned(text))
}

/// The types that an answer is called, without their parameters. More than one is a mistake; nobody knows which of them
/// a browser believes.
fn types(fields: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    items(fields, &header::CONTENT_TYPE).map(|item| {
        let essence = item.split(|&b| b == b';').next().unwrap_or_default();
        essence.trim_ascii()
    })
}

fn items<'f>(fields: &'f HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'f [u8]> {
    fields
        .get_all(name)
        .iter()
        .flat_map(|field| field.as_bytes().split(|&b| b == b','))
        .map(<[u8]>::trim_ascii)
}

fn is(text: &[u8], name: &str) -> bool {
    text.eq_ignore_ascii_case(name.as_bytes())
}

#[cfg(test)]
mod tests;
