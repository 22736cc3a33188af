//! The fields of a posted multipart form (RFC 7578): as every server reads them, or not at all.
//!
//! Servers differ in all that browsers never send: what ends a line, where a boundary counts, which of two names wins.
//! [`fields`] takes the one spelling that browsers and the usual clients use; [`names`] finds what any server could.

use memchr::memmem;

use super::{Ambiguous, Field};

mod wide;

pub(super) use wide::names;

/// The most parts of a form: PHP and others drop what comes after the first 1,000, or refuse it.
const MOST_PARTS: usize = 1000;

/// The longest head of a part. Django looks for its end in the first 1,024 bytes behind the delimiter, two line ends
/// included, and takes a part with a longer one for no field.
const LONGEST_HEAD: usize = 1024 - 6;

/// The fields of a multipart/form-data body, as every server reads them.
///
/// A file part is a field with `file` set. One whose file name is empty is empty, too; some servers take it for a field.
///
/// # Errors
/// [`Ambiguous`] where any server could find other fields than another.
pub(super) fn fields(content_type: &str, body: &[u8]) -> Result<Vec<Field>, Ambiguous> {
    let boundary = boundary(content_type).ok_or(Ambiguous("the boundary of the multipart form"))?;
    // Wherever this text stands, some server sees a delimiter: Django within a line, PHP behind the last part.
    let delimiter = format!("--{boundary}");
    let finder = memmem::Finder::new(&delimiter);
    let mut rest = body
        .strip_prefix(delimiter.as_bytes())
        .ok_or(Ambiguous("before the first part of the multipart form"))?;
    let mut fields = Vec::new();
    loop {
        if let Some(epilogue) = rest.strip_prefix(b"--") {
            return match epilogue {
                b"" | b"\r\n" => Ok(fields),
                _ => Err(Ambiguous("behind the last part of the multipart form")),
            };
        }
        let part = rest
            .strip_prefix(b"\r\n")
            .ok_or(Ambiguous("behind a delimiter of the multipart form"))?;
        let end = finder
            .find(part)
            .ok_or(Ambiguous("the end of the multipart form"))?;
        let content = part[..end]
            .strip_suffix(b"\r\n")
            .ok_or(Ambiguous("a delimiter within a line of the multipart form"))?;
        if fields.len() == MOST_PARTS {
            return Err(Ambiguous("too many parts in the multipart form"));
        }
        fields.push(field(content)?);
        rest = &part[end + delimiter.len()..];
    }
}

/// The boundary of a content type that has this one parameter. In quotes any character of RFC 2046 section 5.1.1 but
/// the blank, without quotes those that need none; never of dashes alone, so that no delimiter begins within another.
fn boundary(content_type: &str) -> Option<&str> {
    let parameters = content_type.strip_prefix("multipart/form-data;")?;
    let value = parameters
        .strip_prefix(' ')
        .unwrap_or(parameters)
        .strip_prefix("boundary=")?;
    let quoted = value
        .strip_prefix('"')
        .and_then(|inner| inner.strip_suffix('"'));
    let marks = if quoted.is_some() {
        "'()+_,-./:=?"
    } else {
        "+_-."
    };
    let boundary = quoted.unwrap_or(value);
    let fits = boundary.len() <= 70
        && boundary
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || marks.as_bytes().contains(&b))
        && boundary.bytes().any(|b| b != b'-')
        && !boundary.contains("=?"); // Tomcat decodes RFC 2047 words even here.
    fits.then_some(boundary)
}

/// A part between its delimiters, without the line ends that belong to them.
fn field(part: &[u8]) -> Result<Field, Ambiguous> {
    let end = memmem::find(part, b"\r\n\r\n")
        .filter(|&end| end <= LONGEST_HEAD)
        .ok_or(Ambiguous("the end of the head of a part"))?;
    let head = Head::read(&part[..end])?;
    let value = &part[end + 4..];
    match head.filename {
        Some("") if !value.is_empty() => Err(Ambiguous("a part with an empty file name")),
        None if begins_with_mark(value) => Err(Ambiguous("a byte order mark before a value")),
        // Java and others decode by the type of the part, PHP does not look at it.
        None if head.content_type.is_some() && !value.is_ascii() => {
            Err(Ambiguous("a part with a charset of its own"))
        }
        filename => Ok(Field {
            name: head.name.as_bytes().to_vec(),
            value: value.to_vec(),
            file: filename.is_some(),
        }),
    }
}

/// ASP.NET takes these off and decodes the rest by them, whatever the charset of the form is.
fn begins_with_mark(value: &[u8]) -> bool {
    [
        &b"\xef\xbb\xbf"[..],
        b"\xfe\xff",
        b"\xff\xfe",
        b"\0\0\xfe\xff",
    ]
    .iter()
    .any(|mark| value.starts_with(mark))
}

/// What the head of a part says.
struct Head<'a> {
    name: &'a str,
    filename: Option<&'a str>,
    content_type: Option<&'a str>,
}

impl<'a> Head<'a> {
    fn read(head: &'a [u8]) -> Result<Self, Ambiguous> {
        let text =
            std::str::from_utf8(head).map_err(|_| Ambiguous("the head of a part is no UTF-8"))?;
        let (mut disposition, mut content_type, mut encoding) = (None, None, None);
        for line in text.split("\r\n") {
            // Some readers of lines break them at the separators of Unicode, too.
            if line.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
                return Err(Ambiguous("a control character in the head of a part"));
            }
            let (name, value) = line
                .split_once(": ")
                .ok_or(Ambiguous("a line in the head of a part"))?;
            let known = match name.to_ascii_lowercase().as_str() {
                "content-disposition" => &mut disposition,
                "content-type" => &mut content_type,
                "content-transfer-encoding" => &mut encoding,
                _ => return Err(Ambiguous("an unknown header of a part")),
            };
            if known.replace(value).is_some() {
                return Err(Ambiguous("a header of a part that is there twice"));
            }
        }
        if encoding.is_some_and(|encoding| !is_plain(encoding)) {
            return Err(Ambiguous("the transfer encoding of a part"));
        }
        let (name, filename) = disposition
            .and_then(names_of)
            .ok_or(Ambiguous("the disposition of a part"))?;
        let fits = match filename {
            None => content_type.is_none_or(is_text),
            Some(_) => content_type.is_none_or(is_single),
        };
        if !fits {
            return Err(Ambiguous("the content type of a part"));
        }
        Ok(Self {
            name,
            filename,
            content_type,
        })
    }
}

/// Name and file name of a disposition that is written as browsers write it.
fn names_of(disposition: &str) -> Option<(&str, Option<&str>)> {
    let (name, rest) = disposition
        .strip_prefix("form-data; name=\"")?
        .split_once('"')?;
    let filename = match rest {
        "" => None,
        _ => Some(rest.strip_prefix("; filename=\"")?.strip_suffix('"')?),
    };
    let name_fits = !name.is_empty()
        && name.trim_matches(' ') == name // Tomcat trims
        && !name.contains('\\') // an escape for some
        && !name.eq_ignore_ascii_case("_charset_") // the charset of all the others, RFC 7578 section 4.6
        && is_inert(name);
    let filename_fits = filename.is_none_or(|filename| {
        !filename.contains('"') && !filename.ends_with('\\') && is_inert(filename)
    });
    (name_fits && filename_fits).then_some((name, filename))
}

/// Nothing in it that a reader of parameters could find in spite of the quotes, and no RFC 2047 word, which Tomcat and
/// ASP.NET decode.
fn is_inert(quoted: &str) -> bool {
    let mut pieces = quoted.split(['=', '*']);
    pieces.next_back(); // nothing follows it
    let has_parameter = pieces.any(|before| {
        let word = before.trim_ascii_end();
        word.len() >= 4 && word.as_bytes()[word.len() - 4..].eq_ignore_ascii_case(b"name")
    });
    !has_parameter && !quoted.contains("=?")
}

/// Encodings that change nothing (RFC 2045 section 6.2).
fn is_plain(encoding: &str) -> bool {
    ["7bit", "8bit", "binary"]
        .iter()
        .any(|plain| encoding.eq_ignore_ascii_case(plain))
}

/// A type with which every server takes a part for text. Node's busboy makes a file of an octet stream, Python's cgi a
/// form of a urlencoded part.
fn is_text(content_type: &str) -> bool {
    let lower = content_type.to_ascii_lowercase();
    lower.strip_prefix("text/plain").is_some_and(|rest| {
        [
            "",
            ";charset=utf-8",
            "; charset=utf-8",
            "; charset=\"utf-8\"",
        ]
        .contains(&rest)
    })
}

/// A type of a file that no server takes apart.
fn is_single(content_type: &str) -> bool {
    let lower = content_type.to_ascii_lowercase();
    let essence = lower.split(';').next().unwrap_or_default();
    let is_token = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    essence.split_once('/').is_some_and(|(top, sub)| {
        is_token(top) && is_token(sub) && !["multipart", "message"].contains(&top)
    }) && essence != "application/x-www-form-urlencoded"
}

#[cfg(test)]
mod tests;
