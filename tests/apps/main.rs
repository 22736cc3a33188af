//! Applications that know nothing of Countersign, behind it: Adminer, Django's admin, `DokuWiki`, a Flask application,
//! `JupyterLab`, `MediaWiki`, Node-RED, phpMyAdmin, Radicale, Tiny Tiny RSS, Tomcat's manager and `WordPress`, unmodified.
//!
//! The scripts beside this file install and start them; what they install is kept under `target/tmp` between runs.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(clippy::format_push_string, reason = "a helper of tests may be slow")]

mod burglar;
mod engine;
mod gate;
mod header;
mod socket;
#[path = "../browser/story.rs"]
mod story;
mod tls;
mod visitor;
#[path = "../it/support/wire.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    clippy::assigning_clones,
    reason = "it belongs to other tests; these read answers only"
)]
mod wire;

mod adminer;
mod django;
mod doctor;
mod dokuwiki;
mod flaskapp;
mod flaskspa;
mod jupyter;
mod learn;
mod mediawiki;
mod nodered;
mod phpmyadmin;
mod radicale;
mod shadow;
mod sign_out;
mod tomcat;
mod ttrss;
mod wordpress;
