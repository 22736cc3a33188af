//! An address that mail goes to.

use std::fmt;

/// A mail address as a directory knows it: `ann@example.com`. It prints itself masked; [`Email::as_str`] is the whole.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// The text is no mail address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a mail address is a name, an @ and a domain, such as ann@example.com")]
pub struct NotAnEmail;

impl Email {
    /// Takes an address as it stands in a file: trimmed, with one `@`, at most 254 octets (RFC 5321 section 4.5.3.1.3).
    /// Before it words of visible ASCII joined by full stops (its Dot-string), after it a domain with a dot or
    /// `localhost`, which is kept in lower case. Quotes and numeric addresses in brackets are nobody's.
    ///
    /// # Errors
    /// [`NotAnEmail`].
    pub fn parse(text: &str) -> Result<Self, NotAnEmail> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnEmail)?;
        let fits = local.len() <= 64 && text.len() <= 254;
        let words = local
            .split('.')
            .all(|word| !word.is_empty() && word.bytes().all(is_atext));
        let routed = domain.eq_ignore_ascii_case("localhost") || domain.contains('.');
        if fits && words && routed && domain.split('.').all(is_label) {
            Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
        } else {
            Err(NotAnEmail)
        }
    }

    /// The whole address, for the carrier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local(&self) -> &str {
        self.parts().0
    }

    /// What stands behind it, in lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        self.0.rsplit_once('@').unwrap_or_default()
    }
}

/// A character of a word (RFC 5321 section 4.1.2, `atext` of RFC 5322 section 3.2.3).
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// A part of a host's name (RFC 1123 section 2.1).
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Masked: the first letter of the name and of the domain, and the domain's last part, as in `a••••@e••••.com`. How
/// long each is does not show.
impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, domain) = self.parts();
        let first = |text: &str| text.chars().next().unwrap_or('•');
        write!(f, "{}••••@{}••••", first(local), first(domain))?;
        match domain.rsplit_once('.') {
            Some((_, last)) => write!(f, ".{last}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_or_refused_whole() {
        let long = format!("{}@example.com", "a".repeat(64));
        for good in [
            "ann@example.com",
            " a.b+c@mail.example.org ",
            "o'neil{x}/y=z@xn--bcher-kva.example",
            "root@localhost",
            &long,
        ] {
            assert_eq!(Email::parse(good).unwrap().as_str(), good.trim());
        }
        for bad in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "ann@example",
            "ann@.com",
            "ann@example..com",
            "ann@example.com.",
            "ann@-example.com",
            "ann@exa_mple.com",
            "ann@[192.0.2.1]",
            ".ann@example.com",
            "ann.@example.com",
            "a..n@example.com",
            "a b@example.com",
            "\"a b\"@example.com",
            "a@b@example.com",
            "<ann@example.com>",
            "ann@example.com,bob@example.com",
            "ann@example.com\r\nBcc: x@example.com",
            "ann\r\nRCPT TO:<x@example.com>@example.com",
            "änn@example.com",
            &format!("a{long}"),
            &format!("ann@{}.com", "e".repeat(64)),
            &format!("ann@{}com", "example.".repeat(31)),
        ] {
            assert_eq!(Email::parse(bad), Err(NotAnEmail), "{bad}");
        }
    }

    #[test]
    fn a_domain_is_the_same_in_all_spellings_and_a_name_may_not_be() {
        let parsed = |text| Email::parse(text).unwrap();
        assert_eq!(parsed("ann@Example.COM"), parsed("ann@example.com"));
        assert_ne!(parsed("Ann@example.com"), parsed("ann@example.com"));
        let email = parsed("Ann@Example.com");
        assert_eq!((email.local(), email.domain()), ("Ann", "example.com"));
    }

    #[test]
    fn c8_an_address_prints_itself_masked() {
        for (text, masked) in [
            ("ann@example.com", "a••••@e••••.com"),
            ("bob@mail.example.co.uk", "b••••@m••••.uk"),
            ("a@b.example", "a••••@b••••.example"),
            ("root@localhost", "r••••@l••••"),
        ] {
            let email = Email::parse(text).unwrap();
            assert_eq!(format!("{email} {email:?}"), format!("{masked} {masked}"));
        }
    }
}
