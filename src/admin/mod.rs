//! Where the gateway is looked into and told what to do from outside: a loopback address for programs that watch it, a
//! unix socket for the command.
//!
//! Nothing that a visitor can reach leads here. What it shows and does comes through [`Inside`]: this room knows the
//! sockets, the addresses and who may ask, and no other room.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::mpsc;

mod answer;
pub mod bind;
pub mod serve;

/// `[admin]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// A loopback address for `/metrics`, `/livez` and `/readyz`.
    pub http: Option<SocketAddr>,
    /// The path of the socket that the command talks to.
    pub socket: Option<PathBuf>,
}

/// What the listener asks of the gateway behind it.
pub trait Inside: Send + Sync {
    /// All metrics, in the form of [`Inside::media_type`]; `None` if they cannot be written out.
    fn metrics(&self) -> Option<String>;

    /// What [`Inside::metrics`] is.
    fn media_type(&self) -> &'static str;

    /// Whether it can work, part by part.
    fn health(&self) -> Pin<Box<dyn Future<Output = Vec<Health>> + Send + '_>>;

    /// Sends a test message as these bytes of JSON describe it. What happens comes line by line, until it is over; who
    /// does not want to hear more lets go of the receiver.
    ///
    /// # Errors
    /// [`Refused`], before anything is sent.
    fn send_test(&self, order: &Bytes) -> Result<Lines, Refused>;

    /// Reads the configuration again. What came of it is a JSON object.
    ///
    /// # Errors
    /// [`Refused`], with everything as it was.
    fn reload(&self) -> Pin<Box<dyn Future<Output = Result<Bytes, Refused>> + Send + '_>>;
}

/// Lines as they come. Each order has a few of them, so that nobody has to wait for who reads slowly.
pub type Lines = mpsc::UnboundedReceiver<Bytes>;

/// One part of the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Which.
    pub part: String,
    /// What is wrong with it, in our words.
    pub trouble: Option<String>,
}

/// An order that is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// 400 for what cannot be understood, 404 for what is not there, 422 for a configuration that is not taken.
    pub status: StatusCode,
    /// A JSON object that says why.
    pub body: Bytes,
}
