//! Countersign stands in front of a web application that cannot be changed and asks for a code.
//!
//! The map of the house, top to bottom; imports go down only (`tests/it/layers.rs` keeps it so):
//!
//! ```text
//! main.rs  command/                                  arguments, exit codes, a file a command
//! run.rs   config/                                   build everything from the file; keep it running
//! gateway.rs  api.rs                                 one request in, one response out
//! flow/                                              from a verdict to a response: ask, send, check, release
//! carrier/ directory/ store/ upstream/ page/ server/ observe/ admin/ scout/    rooms: they talk to the world, not to each other
//! site route capture challenge limit hold grant seal gate event    decisions: pure, `now` is an argument
//! name scope phone email address code message subject peer target request form login moment secret preset    words
//! ```
//!
//! A request goes: accept, handshake, [`request::check`], [`seal::Ring::open_all`], [`gate::decide`], one `match`,
//! then forward, page or refusal. A code goes: draw, render, carrier, challenge, answer,
//! [`challenge::Verified`], [`grant::Grant`], cookie.

pub mod command;
pub mod config;
pub mod run;

pub mod api;
pub mod gateway;

pub mod flow;

pub mod admin;
pub mod carrier;
pub mod directory;
pub mod observe;
pub mod page;
pub mod scout;
pub mod server;
pub mod store;
pub mod upstream;

pub mod capture;
pub mod challenge;
pub mod event;
pub mod gate;
pub mod grant;
pub mod hold;
pub mod limit;
pub mod route;
pub mod seal;
pub mod site;

pub mod address;
pub mod code;
pub mod email;
pub mod form;
pub mod login;
pub mod message;
pub mod moment;
pub mod name;
pub mod peer;
pub mod phone;
pub mod preset;
pub mod request;
pub mod scope;
pub mod secret;
pub mod subject;
pub mod target;
