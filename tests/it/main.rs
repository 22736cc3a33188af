//! Stories of users, operators and attackers, against the real gateway over real sockets.

#![allow(unreachable_pub, reason = "a test binary has no outside")]

mod layers;
mod support;

mod ask;
