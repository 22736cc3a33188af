//! To be written.
/// A number that can be dialled, in E.164.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);
