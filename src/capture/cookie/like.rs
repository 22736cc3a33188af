//! Cookies in which some server could find a wanted one, though their name is another to us.
//!
//! Browsers send names as they were set, and nobody else has reason to write them otherwise. Servers read what they
//! get in many ways: Python and JavaScript strip the blanks of every script off a name, PHP makes `_` of dots and
//! blanks, Rack and Perl decode percents, ASP.NET folds letters, and some take a comma or a blank for the end of a
//! cookie. Only letters and digits are common ground, so they alone are compared.

use globset::{Candidate, GlobMatcher};
use percent_encoding::percent_decode;
use smallvec::SmallVec;

/// A wanted name by its letters and digits.
#[derive(Clone, Debug)]
pub(super) enum Like {
    /// All of them, in lower case. None if the name has none: then there is nothing to be taken for it.
    Literal(Box<[u8]>),
    /// Those between the stars.
    Glob(GlobMatcher),
}

impl Like {
    pub(super) fn literal(name: &str) -> Self {
        Self::Literal(letters(name.as_bytes()).collect())
    }

    /// `parts` stood between stars.
    pub(super) fn glob<'a>(parts: impl Iterator<Item = &'a str>) -> Result<Self, globset::Error> {
        let parts: Vec<String> = parts
            .map(|part| letters(part.as_bytes()).map(char::from).collect())
            .collect();
        let glob = globset::Glob::new(&parts.join("*"))?;
        Ok(Self::Glob(glob.compile_matcher()))
    }

    /// Whether a server could read this name as the wanted one.
    fn is(&self, name: &[u8]) -> bool {
        // A server that decodes percents may end the name at a NUL, or leave it out.
        let cut = || {
            percent_decode(name)
                .take_while(|byte| *byte != 0)
                .filter_map(letter)
        };
        match self {
            Self::Literal(wanted) if wanted.is_empty() => false,
            Self::Literal(wanted) => {
                letters(name).eq(wanted.iter().copied()) || cut().eq(wanted.iter().copied())
            }
            Self::Glob(glob) => {
                let is = |name: SmallVec<[u8; 64]>| {
                    glob.is_match_candidate(&Candidate::from_bytes(&name))
                };
                is(letters(name).collect()) || is(cut().collect())
            }
        }
    }

    /// Whether a server could find the wanted cookie in one that reads `name=value` to us: by its name, behind something
    /// in its name, or inside its value.
    pub(super) fn is_in(&self, name: &[u8], value: &[u8]) -> bool {
        self.is(name)
            || self.is(last(name))
            || memchr::memchr_iter(b'=', value).any(|at| self.is(last(&value[..at])))
    }
}

/// What stands behind the last thing in `text` that could end a cookie; blanks before the `=` do not.
fn last(text: &[u8]) -> &[u8] {
    let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b',' | b'"' | b'\'') || !byte.is_ascii();
    let end = text
        .iter()
        .rposition(|byte| !ends(byte))
        .map_or(0, |at| at + 1);
    let start = text[..end].iter().rposition(ends).map_or(0, |at| at + 1);
    &text[start..end]
}

fn letters(name: &[u8]) -> impl Iterator<Item = u8> {
    percent_decode(name).filter_map(letter)
}

fn letter(byte: u8) -> Option<u8> {
    byte.is_ascii_alphanumeric()
        .then(|| byte.to_ascii_lowercase())
}
