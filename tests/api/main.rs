//! The API against Bandwidth's own SDKs, a generator of odd requests, and bytes on a socket.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::format_collect,
    clippy::assigning_clones,
    clippy::print_stderr,
    reason = "a helper of tests fails the test, and may be slow"
)]

mod contract;
mod delivery;
mod gate;
mod sdk;
mod stories;
#[path = "../it/support/mod.rs"]
mod support;
mod wire;
