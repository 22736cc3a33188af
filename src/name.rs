//! The name an operator gives to a site, a scope, a carrier or a directory.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// A lower-case letter, then up to 31 of `a`–`z`, `0`–`9` and `_`.
///
/// No dash: names of sites and scopes stand in cookie names joined by dashes, and `a-b` + `c` must not read as
/// `a` + `b-c`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

/// The text is no [`Name`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a name is a lower-case letter followed by up to 31 of a-z, 0-9 and _")]
pub struct NotAName;

impl Name {
    /// Takes `text` as a name.
    ///
    /// # Errors
    /// [`NotAName`] if it is empty, longer than 32 bytes, or holds another character.
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        let fits = text.len() <= 32
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(NotAName)
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_lower_case_words_are_names() {
        for good in ["a", "login", "admin_2", "a23456789012345678901234567890ab"] {
            assert_eq!(
                Name::parse(good).map(|n| n.to_string()),
                Ok(good.to_owned())
            );
        }
        for bad in [
            "",
            "2a",
            "_a",
            "Admin",
            "a-b",
            "a.b",
            "a b",
            "é",
            "a234567890123456789012345678901bc",
        ] {
            assert_eq!(Name::parse(bad), Err(NotAName), "{bad:?}");
        }
    }
}
