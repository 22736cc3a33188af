//! Stands in for the reader of multipart bodies.

use super::{Ambiguous, Field};

/// The fields of a multipart/form-data body, as every server reads them.
pub(super) fn fields(content_type: &str, body: &[u8]) -> Result<Vec<Field>, Ambiguous> {
    let _ = (content_type, body);
    Err(Ambiguous("multipart"))
}

/// Names of parts that any server could find in a body, or in as much of it as was read; wide where `fields` is strict.
pub(super) fn names(content_type: Option<&str>, body: &[u8]) -> Vec<Vec<u8>> {
    let _ = (content_type, body);
    Vec::new()
}
