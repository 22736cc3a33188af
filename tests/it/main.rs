//! Stories of users, operators and attackers, against the real gateway over real sockets.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::assigning_clones,
    reason = "a helper of tests fails the test, and may be slow"
)]

mod layers;
mod support;

mod alike;
mod applications;
mod ask;
mod audience;
mod basic;
mod capture;
mod disk_full;
mod doctor;
mod faults;
mod http2;
mod languages;
mod leaks;
mod leaks_of_carriers;
mod learn;
mod limits;
mod mail;
mod managed;
mod methods;
mod metrics;
mod presets;
mod proxy;
mod receipts;
mod reload;
mod requirements;
mod restart;
mod send_test;
mod senders;
mod shadow;
mod sign_out;
mod step_up;
mod tls;
mod voice;
mod websocket;
mod wire;
