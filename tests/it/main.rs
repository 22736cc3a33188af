//! Stories of users, operators and attackers, against the real gateway over real sockets.

mod layers;
mod support;

mod ask;
