//! TLS as a visitor's side of it: one certificate is believed, and no other.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// What a visitor writes to and reads from: a connection, or a connection with TLS on it.
pub trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// The certificate that somebody believes.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    pub fn of(certificate: &CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).expect("a certificate");
        let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("the provider has all of them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self(Arc::new(config))
    }

    /// TLS over a connection to `host`. What is wrong with its certificate is told at the first byte.
    pub fn shake_hands(&self, host: &'static str, plain: TcpStream) -> Box<dyn Stream> {
        let name = ServerName::try_from(host).expect("a name");
        let tls = ClientConnection::new(Arc::clone(&self.0), name).expect("a plain configuration");
        Box::new(StreamOwned::new(tls, plain))
    }
}
