//! A scout goes to an application as a browser without scripts does, and reports what it met.
//!
//! It is for the commands that look at applications (`learn`, `doctor`), never for the gateway: nothing that a visitor sent
//! passes here. What it sends is what it is told to send, one request after the other, each over a connection of its own;
//! it keeps cookies, reads pages, fills forms in, and follows a redirect only where it is asked to.

pub mod browser;
pub mod client;
pub mod form;
pub mod jar;
pub mod page;
