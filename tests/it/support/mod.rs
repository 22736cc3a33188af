//! A gateway in this process, an application behind it, a browser before it, and what its carrier printed.

#![allow(dead_code, reason = "each story uses its part of this")]

pub mod app;
pub mod bare;
pub mod browser;
pub mod gate;
pub mod legacy;
pub mod post;
pub mod program;
pub mod recorder;
pub mod visitor;
pub mod wire;
