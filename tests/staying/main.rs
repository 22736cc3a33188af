//! The program itself when something around it gives way: files, memory, the application (A3, A7, A8).
//!
//! What happens is the real thing: a limit of the kernel, a process that is killed, a socket that is reset.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::format_collect,
    clippy::assigning_clones,
    reason = "a helper of tests fails the test, and may be slow"
)]

mod application;
#[allow(dead_code, reason = "a part of it is used here")]
#[path = "../it/http2/client.rs"]
mod client;
mod clock;
mod files;
mod line;
mod memory;
mod panics;
mod room;
mod state;
#[path = "../it/support/mod.rs"]
mod support;
