//! To be written.

pub mod app;
