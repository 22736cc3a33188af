//! The carriers' adapters against the real thing: published contracts behind Prism, the vendors' own SDKs as oracles,
//! Debian's Kannel and gammu, a real SMTP server.

#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::print_stderr,
    reason = "a helper of tests fails the test, may be slow, and says why it does nothing"
)]

mod bandwidth;
mod bench;
mod gammu;
mod kannel;
mod prism;
mod smtp;
mod twilio;
mod webhook;
