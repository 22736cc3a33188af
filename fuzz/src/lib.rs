//! What strangers' bytes must never bring about, asked a great many times over.
//!
//! An [`Aim`] is a function that takes any bytes and panics where a promise is broken; [`dice`] makes bytes of it that
//! look enough like the real thing to get far. Every case follows from a seed and its number alone, so whoever is told
//! of one can run it again, and each aim can be put under another fuzzer as it is.

pub mod aim;
pub mod corpus;
pub mod dice;

pub use aim::{AIMS, Aim};
