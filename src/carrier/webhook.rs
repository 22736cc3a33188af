//! To be written.
use crate::secret::Secret;

/// `[carriers.NAME.webhook]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the message is posted: http or https.
    pub url: String,
    /// The key of the signature.
    pub signing_key: Secret,
}
