//! Who is asked for a code.

use std::fmt;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

/// A person as the application knows them, in canonical form: trimmed, NFC, lower case; 1–128 bytes.
///
/// Two spellings of one name must be one subject, or each would have failure counters of its own (C4).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(Arc<str>);

/// The text can be nobody's name: empty, over 128 bytes, or with control characters in it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a user name has 1 to 128 bytes and no control characters")]
pub struct NotASubject;

impl Subject {
    /// Brings a name as typed or as written in a file into its canonical form.
    ///
    /// # Errors
    /// [`NotASubject`] if nothing is left of it, it is too long, or it holds control characters.
    pub fn parse(text: &str) -> Result<Self, NotASubject> {
        if text.len() > 512 {
            return Err(NotASubject);
        }
        let canonical: String = text
            .trim()
            .nfc()
            .flat_map(char::to_lowercase)
            .nfc()
            .collect();
        let fits = !canonical.is_empty()
            && canonical.len() <= 128
            && !canonical.chars().any(char::is_control);
        if fits {
            Ok(Self(canonical.into()))
        } else {
            Err(NotASubject)
        }
    }

    /// A name that was canonical when it was sealed into a cookie, which only we can make: it is not worked out
    /// again for every request.
    pub(crate) fn sealed(text: &str) -> Self {
        Self(text.into())
    }

    /// The canonical form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c4_spellings_of_one_name_are_one_subject() {
        let ann = Subject::parse("ann\u{e9}").unwrap();
        for same in ["ANN\u{c9}", "  ann\u{e9}\t", "anne\u{301}", "AnnE\u{301}"] {
            assert_eq!(Subject::parse(same).unwrap(), ann, "{same:?}");
        }
        assert_ne!(Subject::parse("anne").unwrap(), ann);
    }

    #[test]
    fn a_name_that_can_be_nobody_is_refused() {
        for bad in ["", "  ", "a\nb", "a\0b", &"x".repeat(129), &" ".repeat(600)] {
            assert_eq!(Subject::parse(bad), Err(NotASubject), "{bad:?}");
        }
    }
}
