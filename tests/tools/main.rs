//! The program itself under Debian's own tools for load and for audits: h2load, wrk, slowhttptest, testssl.sh, openssl.
//!
//! None of them was written by us or knows what we think a request is. Nothing here asserts a time.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::format_collect,
    clippy::assigning_clones,
    clippy::print_stderr,
    reason = "a helper of tests fails the test, may be slow, and says what it saw"
)]

mod announced;
mod audit;
#[path = "../it/http2/client.rs"]
#[allow(dead_code, reason = "signing in is all that is needed here")]
mod client;
mod door;
#[path = "../staying/line.rs"]
#[allow(dead_code, reason = "each binary uses its part of this")]
mod line;
mod load;
mod openssl;
mod slow;
#[path = "../it/support/mod.rs"]
mod support;
mod tool;
#[path = "../it/tls/visitor.rs"]
#[allow(dead_code, reason = "the authority is all that is needed here")]
mod visitor;
