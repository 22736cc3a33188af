//! The mail itself: what stands in its head, and the text with the code.

use std::time::{Duration, SystemTime};

use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use zeroize::Zeroizing;

use super::Settings;
use crate::carrier::Message;
use crate::email::Email;
use crate::message::subject;

/// The whole mail (RFC 5322), in bytes that are wiped after use.
///
/// The code stands in the text alone: servers write subjects into their logs, and telephones show them to everybody.
///
/// # Errors
/// If the address it comes from is none to the library that writes it; [`Email`] sees to it that it is.
pub(super) fn write(
    message: &Message,
    settings: &Settings,
    to: &Email,
) -> Result<Zeroizing<Vec<u8>>, lettre::error::Error> {
    let site = line(&message.draft.name);
    let name = settings.name.as_deref().map_or_else(|| site.clone(), line);
    let (sender, recipient) = (address(&settings.sender), address(to));
    let made = SystemTime::UNIX_EPOCH + Duration::from_secs(message.now.unix);
    let id = format!("<{}@{}>", message.id, sender.domain());
    let mail = lettre::Message::builder()
        .date(made)
        .from(Mailbox::new(
            Some(name).filter(|name| !name.is_empty()),
            sender.clone(),
        ))
        .to(Mailbox::new(None, recipient.clone()))
        .subject(subject(&site, message.locale.as_deref()))
        .message_id(Some(id))
        // No programme answers it: "I am on holiday" would go back to the sender (RFC 3834).
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .envelope(Envelope::new(Some(sender), vec![recipient])?)
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN)
        .body(message.text().as_str().to_owned())?;
    Ok(Zeroizing::new(mail.formatted()))
}

/// The address as the library knows addresses. What [`Email`] lets through needs no further look.
pub(super) fn address(email: &Email) -> lettre::Address {
    lettre::Address::new_dangerous(email.local(), email.domain())
}

/// What a head may hold of somebody's text: one line, and no more of it than mail programs show.
fn line(text: &str) -> String {
    /// A name of a site that the configuration takes has at most 200; an account of the API can be called anything.
    const LONGEST: usize = 100;
    let visible: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST).collect()
}
