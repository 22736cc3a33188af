//! To be written.
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::secret::Secret;

/// `[listen]`: where connections come in.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Sockets that speak TLS.
    pub https: Vec<SocketAddr>,
    /// Sockets that speak cleartext.
    pub http: Vec<SocketAddr>,
    /// Chosen by server name; the first is the default. Not empty if `https` is not.
    pub certificates: Vec<Certificate>,
}
/// A certificate chain and its key.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// A PEM file, the leaf first.
    pub chain: PathBuf,
    /// The PEM text of the private key.
    pub key: Secret,
}
