//! What a Content-Type says: which kind of form a body is, and in which charset.

use encoding_rs::{Encoding, UTF_8};

use super::Ambiguous;

/// The kinds of body that carry a login, each with the charset that the type names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `application/x-www-form-urlencoded`.
    Urlencoded(Option<&'static Encoding>),
    /// `multipart/form-data`.
    Multipart(Option<&'static Encoding>),
    /// `application/json`, and `application/….+json`.
    Json(Option<&'static Encoding>),
    /// Anything else, or nothing.
    Other,
}

/// A type that servers understand differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Odd {
    /// No `type/subtype` followed by parameters, or a form's name at a place where only some look for it.
    Malformed,
    /// A parameter that forms do not have, or one twice.
    Parameter,
    /// A charset that gives ASCII bytes another meaning, or that nobody knows.
    Charset,
}

impl From<Odd> for Ambiguous {
    fn from(odd: Odd) -> Self {
        Self(match odd {
            Odd::Malformed => "the content type is malformed",
            Odd::Parameter => "the content type has a surprising parameter",
            Odd::Charset => "the content type names a charset that is not safe to read",
        })
    }
}

/// The kind of a body by its Content-Type (RFC 9110 section 8.3.1).
///
/// # Errors
/// [`Odd`] where the type is, or may be taken for, one of a form, but says more than browsers say.
pub(super) fn of(content_type: Option<&str>) -> Result<Kind, Odd> {
    let text = content_type
        .unwrap_or_default()
        .trim_matches([' ', '\t'])
        .to_ascii_lowercase();
    let (essence, parameters) = text.split_once(';').unwrap_or((&text, ""));
    let essence = essence.trim_end_matches([' ', '\t']);
    let kind = match essence {
        "" if text.is_empty() => return Ok(Kind::Other),
        "application/x-www-form-urlencoded" => Kind::Urlencoded,
        "multipart/form-data" => Kind::Multipart,
        "application/json" => Kind::Json,
        _ if essence.ends_with("+json") && is_type(essence) => Kind::Json,
        _ if is_type(essence) && !speaks_of_forms(parameters) => return Ok(Kind::Other),
        // PHP cuts the type at commas and blanks, too; Perl's CGI.pm looks at its beginning only.
        _ => {
            return Err(
                read_parameters(parameters, true).map_or_else(|odd| odd, |_| Odd::Malformed)
            );
        }
    };
    let charset = read_parameters(parameters, essence == "multipart/form-data")?;
    Ok(kind(charset))
}

/// The charset, if there is one. Of several oddities the charset's is told: it matters to those who read on all the same.
fn read_parameters(
    parameters: &str,
    takes_boundary: bool,
) -> Result<Option<&'static Encoding>, Odd> {
    let (mut charset, mut odd) = (None, None);
    // A semicolon between quotes leaves halves that are nothing.
    for parameter in parameters.split(';') {
        let parameter = parameter.trim_matches([' ', '\t']);
        if parameter.is_empty() {
            continue;
        }
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let quoted = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        match name.trim() {
            "charset" => {
                let label = quoted.unwrap_or(value);
                let known = Encoding::for_label(label.as_bytes())
                    .filter(|known| known.is_ascii_compatible())
                    .ok_or(Odd::Charset)?;
                if name != "charset" || !is_token(label) {
                    odd = Some(Odd::Malformed);
                }
                if charset.replace(known).is_some() {
                    return Err(Odd::Charset);
                }
            }
            // Whether it can be one is for the reader of such forms to say.
            "boundary" if takes_boundary && (quoted.is_some() || is_token(value)) => {}
            name if is_token(name) => odd = Some(Odd::Parameter),
            _ => odd = Some(Odd::Malformed),
        }
    }
    odd.map_or(Ok(charset), Err)
}

fn speaks_of_forms(text: &str) -> bool {
    ["urlencoded", "multipart", "json"]
        .iter()
        .any(|form| text.contains(form))
}

fn is_type(essence: &str) -> bool {
    essence
        .split_once('/')
        .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// How the text of a form is to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Charset {
    /// What decides.
    pub(super) main: &'static Encoding,
    /// What a server takes that does not look where we looked: the site's own, and what the form says of itself.
    rivals: [Option<&'static Encoding>; 2],
}

impl Charset {
    /// What the type names wins over the site's own. Scripts name UTF-8 whatever their page is written in; any other
    /// charset is believed only where the site's own could not be meant: PHP never looks at it.
    ///
    /// # Errors
    /// [`Odd::Charset`] where the site's own is none that forms are sent in.
    pub(super) fn of(
        named: Option<&'static Encoding>,
        site: &'static Encoding,
    ) -> Result<Self, Odd> {
        let main = named.unwrap_or(site);
        if !main.is_ascii_compatible() {
            return Err(Odd::Charset);
        }
        let rival = (main != site && main != UTF_8).then_some(site);
        Ok(Self {
            main,
            rivals: [rival, None],
        })
    }

    /// Takes in what the pairs of a form say: browsers fill `_charset_` with the form's charset (HTML, form submission), and some
    /// servers believe it.
    ///
    /// # Errors
    /// [`Odd::Charset`] where it names none that is safe to read.
    pub(super) fn declared<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        mut self,
        mut fields: impl Iterator<Item = (N, V)>,
    ) -> Result<Self, Odd> {
        let field = fields.find(|(name, _)| name.as_ref().eq_ignore_ascii_case(b"_charset_"));
        if let Some((_, label)) = field.filter(|(_, label)| !label.as_ref().is_empty()) {
            let label = Encoding::for_label(label.as_ref());
            let safe = label.filter(|charset| charset.is_ascii_compatible());
            self.rivals[1] = Some(safe.ok_or(Odd::Charset)?);
        }
        Ok(self)
    }

    /// The text, if it can be read in one way.
    ///
    /// # Errors
    /// [`Ambiguous`] where it is invalid, or says something else in a rival charset.
    pub(super) fn read(&self, bytes: &[u8]) -> Result<String, Ambiguous> {
        let text = decode(self.main, bytes).ok_or(Ambiguous(
            "the user name is not valid in the form's charset",
        ))?;
        let mut rivals = self.rivals.into_iter().flatten();
        if rivals.any(|rival| decode(rival, bytes).is_some_and(|other| other != text)) {
            return Err(Ambiguous(
                "the user name says something else in another charset of the form",
            ));
        }
        Ok(text)
    }
}

fn decode(charset: &'static Encoding, bytes: &[u8]) -> Option<String> {
    charset
        .decode_without_bom_handling_and_without_replacement(bytes)
        .map(Into::into)
}
