//! To be written.
/// How a code travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// A text message.
    Sms,
    /// A call in which the digits are spoken.
    Voice,
}
/// A message's text with its places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);
/// What is wrong with a template.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadTemplate {
    /// To be written.
    #[error("no {{CODE}}")]
    NoCode,
}
impl Template {
    /// To be written.
    ///
    /// # Errors
    /// To be written.
    pub fn parse(text: &str) -> Result<Self, BadTemplate> {
        Ok(Self(text.to_owned()))
    }
}
