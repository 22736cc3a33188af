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
    /// Takes an address as it stands in a file: trimmed, with one `@`, a domain with a dot or `localhost`, at most 254
    /// octets (RFC 5321 section 4.5.3.1.3), all of it visible ASCII.
    ///
    /// # Errors
    /// [`NotAnEmail`].
    pub fn parse(text: &str) -> Result<Self, NotAnEmail> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnEmail)?;
        let visible = text.bytes().all(|b| b.is_ascii_graphic());
        let plain = !text.contains(['"', '(', ')', ',', ':', ';', '<', '>', '[', ']', '\\']);
        let fits = (1..=64).contains(&local.len()) && text.len() <= 254 && !local.contains('@');
        let routed = domain == "localhost" || domain.split('.').count() > 1;
        let whole = domain.split('.').all(|label| !label.is_empty());
        if visible && plain && fits && routed && whole {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnEmail)
        }
    }

    /// The whole address, for the carrier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or_default();
        let first = local.chars().next().unwrap_or('•');
        write!(f, "{first}••••@{domain}")
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
        for good in [
            "ann@example.com",
            " a.b+c@mail.example.org ",
            "root@localhost",
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
            "a b@example.com",
            "a@b@example.com",
            "<ann@example.com>",
            "ann@example.com\r\nBcc: x@example.com",
            "änn@example.com",
        ] {
            assert_eq!(Email::parse(bad), Err(NotAnEmail), "{bad}");
        }
    }

    #[test]
    fn c8_an_address_prints_itself_masked() {
        let email = Email::parse("ann@example.com").unwrap();
        assert_eq!(
            format!("{email} {email:?}"),
            "a••••@example.com a••••@example.com"
        );
    }
}
