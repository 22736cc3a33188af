//! No way round: what attackers send, to Countersign and to other gateways before the same application, in the same run.
//!
//! Servers are Debian's, each a private instance on a port and in a folder of its own.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::format_collect,
    clippy::assigning_clones,
    reason = "a helper of tests fails the test, and may be slow"
)]

mod ask;
mod bend;
mod framing;
mod gate;
mod instance;
mod list;
mod reader;
mod recorder;
mod rival;
mod served;
mod server;
mod spellings;
mod strict;
#[path = "../it/support/mod.rs"]
mod support;
mod tape;
