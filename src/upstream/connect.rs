//! Sockets to applications: TCP, TLS over TCP, unix.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Address;
use super::room::Place;

/// How to get a connection to one application.
pub(super) struct Connector {
    address: Address,
    tls: Option<Arc<ClientConfig>>,
}

/// A connection of any kind, with the place that it takes up: whoever has it at last, a tunnel for one, gives that back.
pub struct Stream {
    socket: Socket,
    _place: Arc<Place>,
}

/// What it is made of.
pub(super) enum Socket {
    /// Cleartext.
    Tcp(TcpStream),
    /// TLS.
    Tls(Box<TlsStream<TcpStream>>),
    /// A unix socket.
    Unix(UnixStream),
}

/// Why an application's certificate could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum NoTrust {
    /// The authority's file cannot be read.
    #[error("cannot read the certificates in {0}")]
    Unreadable(PathBuf, #[source] rustls::pki_types::pem::Error),
    /// The file, or the system's store, has no certificate.
    #[error("there is no certificate authority in {0}: name a PEM file with upstream_ca")]
    Nobody(String),
    /// The host of the address is neither a name nor an address.
    #[error("no certificate can be made out to the host of the upstream address")]
    Host(#[from] InvalidDnsNameError),
    /// rustls refuses the settings.
    #[error("the TLS settings cannot be used")]
    Rustls(#[from] rustls::Error),
}

/// What it takes to trust the application behind an address; `None` where there is no TLS.
///
/// # Errors
/// [`NoTrust`] if nothing could be trusted: better found at start than at the first request.
pub fn trust(address: &Address) -> Result<Option<Arc<ClientConfig>>, NoTrust> {
    let Address::Tls { ca, host, .. } = address else {
        return Ok(None);
    };
    ServerName::try_from(host.as_str())?;
    let mut roots = RootCertStore::empty();
    let from = if let Some(path) = ca {
        add(&mut roots, path)?;
        path.display().to_string()
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        "the system's store".to_owned()
    };
    if roots.is_empty() {
        return Err(NoTrust::Nobody(from));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Arc::new(config)))
}

fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), NoTrust> {
    let unreadable = |error| NoTrust::Unreadable(path.to_owned(), error);
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        roots.add(certificate.map_err(unreadable)?)?;
    }
    Ok(())
}

impl Connector {
    pub(super) fn new(address: &Address, tls: Option<Arc<ClientConfig>>) -> Self {
        Self {
            address: address.clone(),
            tls,
        }
    }

    pub(super) async fn connect(&self, place: Arc<Place>) -> io::Result<Stream> {
        Ok(Stream::of(self.socket().await?, place))
    }

    async fn socket(&self) -> io::Result<Socket> {
        match &self.address {
            Address::Unix(path) => UnixStream::connect(path).await.map(Socket::Unix),
            Address::Tcp { host, port } => tcp(host, *port).await.map(Socket::Tcp),
            Address::Tls { host, port, .. } => {
                let config = self
                    .tls
                    .clone()
                    .ok_or_else(|| io::Error::other("no TLS settings for this application"))?;
                let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
                let stream = TlsConnector::from(config)
                    .connect(name, tcp(host, *port).await?)
                    .await?;
                Ok(Socket::Tls(Box::new(stream)))
            }
        }
    }
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    // An IPv6 address stands in brackets in a URL and without them in a socket address.
    let host = host
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(host);
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Stream {
    pub(super) fn of(socket: Socket, place: Arc<Place>) -> Self {
        Self {
            socket,
            _place: place,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Socket::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Socket::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Socket::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Socket::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Socket::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Socket::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.socket {
            Socket::Tcp(stream) => stream.is_write_vectored(),
            Socket::Tls(stream) => stream.is_write_vectored(),
            Socket::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Socket::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Socket::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Socket::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Socket::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
