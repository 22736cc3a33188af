//! One request to an application and its whole answer, under a deadline and a bound.
//!
//! It follows nothing, keeps nothing, and tries nothing twice.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use encoding_rs::{Encoding, UTF_8};
use http::header::{self, HeaderMap};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use crate::capture::look;

/// The socket of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `http://host:port`.
    Tcp {
        /// A name or an address; an IPv6 address without its brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// `https://host:port`.
    Tls {
        /// A name or an address; also the name that its certificate must bear.
        host: String,
        /// The port.
        port: u16,
        /// The authorities that are believed, a PEM file; the system's if there is none.
        ca: Option<PathBuf>,
    },
    /// `unix:/path`.
    Unix(PathBuf),
}

/// Goes to one application.
pub struct Client {
    place: Place,
    tls: Option<Arc<ClientConfig>>,
    within: Duration,
    most: usize,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its fields.
    pub fields: HeaderMap,
    /// Its body out of its coding, cut at [`look::MOST`]; `None` where nobody can tell what it says.
    pub body: Option<Vec<u8>>,
}

/// There is no whole answer.
#[derive(Debug, thiserror::Error)]
pub enum Silence {
    /// The name means nothing, nobody listens, or the way there is shut.
    #[error("cannot connect to {0}")]
    Connect(String, #[source] io::Error),
    /// The certificate is not believed, or the other side speaks no TLS.
    #[error("there is no TLS with {0}")]
    Tls(String, #[source] io::Error),
    /// A file of certificates that cannot be used.
    #[error("cannot use the certificates in {0}")]
    Certificates(PathBuf, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// rustls refuses the settings.
    #[error("the TLS settings cannot be used")]
    Settings(#[from] rustls::Error),
    /// It did not end in time.
    #[error("{0} did not answer within {1:?}")]
    Late(String, Duration),
    /// It goes on and on.
    #[error("the answer of {0} is longer than {1} bytes")]
    TooLong(String, usize),
    /// What came is no HTTP, or ended in the middle.
    #[error("{0} does not answer in HTTP/1.1, or broke off")]
    Broken(String, #[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The longest that one exchange may take, name look-up and all.
pub const WITHIN: Duration = Duration::from_secs(15);

/// The most bytes of one body, in its coding: several times the largest page of 22 measured applications.
pub const MOST: usize = 4 * 1024 * 1024;

impl Client {
    /// One that goes to this place.
    ///
    /// # Errors
    /// [`Silence::Certificates`] and [`Silence::Settings`] where nothing could be believed over TLS.
    pub fn new(place: Place) -> Result<Self, Silence> {
        let tls = match &place {
            Place::Tls { ca, .. } => Some(trust(ca.as_deref())?),
            Place::Tcp { .. } | Place::Unix(_) => None,
        };
        Ok(Self {
            place,
            tls,
            within: WITHIN,
            most: MOST,
        })
    }

    /// The same with another deadline and another bound.
    #[must_use]
    pub fn within(self, within: Duration, most: usize) -> Self {
        Self {
            within,
            most,
            ..self
        }
    }

    /// Where it goes.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Sends this request, whose target is a path and whose Host the caller has set, and reads the answer to its end.
    ///
    /// # Errors
    /// [`Silence`].
    pub async fn send(&self, request: Request<Bytes>) -> Result<Answer, Silence> {
        let late = |_| Silence::Late(self.place.to_string(), self.within);
        tokio::time::timeout(self.within, self.exchange(request))
            .await
            .map_err(late)?
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Answer, Silence> {
        let stream = self.connect().await?;
        let broken = |error: hyper::Error| Silence::Broken(self.place.to_string(), error.into());
        let (mut sender, connection) = http1::Builder::new()
            .title_case_headers(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        // It ends with the sender and the answer's body.
        let connection = tokio::spawn(connection);
        let answer = async {
            let response = sender
                .send_request(request.map(Full::new))
                .await
                .map_err(broken)?;
            let (head, body) = response.into_parts();
            let body = match Limited::new(body, self.most).collect().await {
                Ok(body) => body.to_bytes(),
                Err(error) if error.is::<LengthLimitError>() => {
                    return Err(Silence::TooLong(self.place.to_string(), self.most));
                }
                Err(error) => return Err(Silence::Broken(self.place.to_string(), error)),
            };
            Ok(Answer {
                status: head.status,
                body: look::decoded(&head.headers, &body).map(Cow::into_owned),
                fields: head.headers,
            })
        };
        let answer = answer.await;
        connection.abort();
        answer
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, Silence> {
        let refused = |error| Silence::Connect(self.place.to_string(), error);
        match &self.place {
            Place::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(refused)?;
                Ok(Box::new(stream))
            }
            Place::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await;
                Ok(Box::new(stream.map_err(refused)?))
            }
            Place::Tls { host, port, .. } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await;
                let stream = stream.map_err(refused)?;
                let no_tls = |error| Silence::Tls(self.place.to_string(), error);
                let name = ServerName::try_from(host.clone())
                    .map_err(|error| no_tls(io::Error::other(error)))?;
                let config = self.tls.clone();
                let config = config.ok_or_else(|| no_tls(io::Error::other("no TLS settings")))?;
                let stream = TlsConnector::from(config).connect(name, stream).await;
                Ok(Box::new(stream.map_err(no_tls)?))
            }
        }
    }
}

/// What bytes go over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } | Self::Tls { host, port, .. } if host.contains(':') => {
                write!(f, "[{host}]:{port}")
            }
            Self::Tcp { host, port } | Self::Tls { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Answer {
    /// Its body as text, in the charset that its fields or its first kilobyte name, else as UTF-8; nothing where it
    /// cannot be read.
    pub fn text(&self) -> Cow<'_, str> {
        let body = self.body.as_deref().unwrap_or_default();
        self.charset().decode(body).0
    }

    /// The charset that its fields or its first kilobyte name; UTF-8 by default.
    pub fn charset(&self) -> &'static Encoding {
        let kind = self.fields.get(header::CONTENT_TYPE);
        let named = kind.and_then(|kind| charset_in(kind.as_bytes()));
        let body = self.body.as_deref().unwrap_or_default();
        // The first kilobyte is where browsers look (HTML Living Standard section 13.2.3.2).
        let start = &body[..body.len().min(1024)];
        named.or_else(|| charset_in(start)).unwrap_or(UTF_8)
    }

    /// Whether it is called a page, and can be read.
    pub fn is_page(&self) -> bool {
        self.body.is_some() && look::is_html(&self.fields)
    }

    /// Whether it is a page that asks for a password.
    pub fn asks_for_password(&self) -> bool {
        let asks = |body: &Vec<u8>| look::has_password_field(body);
        look::is_html(&self.fields) && self.body.as_ref().is_some_and(asks)
    }

    /// A field, if it is there and is text.
    pub fn field(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.fields.get(name)?.to_str().ok()
    }
}

/// The charset behind `charset=`.
fn charset_in(text: &[u8]) -> Option<&'static Encoding> {
    const MARK: &[u8] = b"charset=";
    let at = text
        .windows(MARK.len())
        .position(|window| window.eq_ignore_ascii_case(MARK))?;
    let rest = &text[at + MARK.len()..];
    let rest = rest.strip_prefix(b"\"").unwrap_or(rest);
    let rest = rest.strip_prefix(b"'").unwrap_or(rest);
    let ends = |b: &u8| !(b.is_ascii_alphanumeric() || b"-_:.".contains(b));
    let end = rest.iter().position(ends).unwrap_or(rest.len());
    Encoding::for_label(&rest[..end])
}

fn trust(ca: Option<&Path>) -> Result<Arc<ClientConfig>, Silence> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let unusable = |error: Box<dyn std::error::Error + Send + Sync>| {
                Silence::Certificates(path.to_owned(), error)
            };
            let all = CertificateDer::pem_file_iter(path).map_err(|e| unusable(e.into()))?;
            for one in all {
                roots.add(one.map_err(|e| unusable(e.into()))?)?;
            }
            if roots.is_empty() {
                return Err(unusable("there is none in it".into()));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request with these bytes; gives the client that goes there and what came.
    async fn served(answer: Vec<u8>) -> (Client, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let peer = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut came = Vec::new();
            while !came.windows(4).any(|end| end == b"\r\n\r\n") {
                let mut piece = [0; 1024];
                let count = stream.read(&mut piece).await.unwrap();
                came.extend_from_slice(&piece[..count]);
            }
            drop(stream.write_all(&answer).await);
            String::from_utf8(came).unwrap()
        });
        let host = "127.0.0.1".to_owned();
        (Client::new(Place::Tcp { host, port }).unwrap(), peer)
    }

    fn asked() -> Request<Bytes> {
        Request::get("/login?a=1")
            .header(header::HOST, "app.test")
            .body(Bytes::new())
            .unwrap()
    }

    #[tokio::test]
    async fn a_page_comes_out_of_its_coding_and_its_charset() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(b"<meta charset='iso-8859-1'>gr\xfc\xdfe")
            .unwrap();
        let body = gzip.finish().unwrap();
        let mut answer = format!(
            "HTTP/1.1 200 \r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        answer.extend(body);
        let (client, peer) = served(answer).await;
        let answer = client.send(asked()).await.unwrap();
        assert!(answer.text().ends_with("grüße"), "{:?}", answer.text());
        assert!(answer.is_page());
        let came = peer.await.unwrap();
        assert!(came.starts_with("GET /login?a=1 HTTP/1.1\r\nHost: app.test\r\n"));
    }

    #[tokio::test]
    async fn an_answer_may_end_with_the_connection_and_be_of_http_1_0() {
        let (client, _) = served(b"HTTP/1.0 200 OK\r\n\r\nall of it".to_vec()).await;
        assert_eq!(client.send(asked()).await.unwrap().text(), "all of it");
    }

    #[tokio::test]
    async fn what_goes_on_and_on_is_cut_off() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n".to_vec();
        let (client, _) = served([answer, vec![b'x'; 5000]].concat()).await;
        let client = client.within(WITHIN, 4096);
        let error = client.send(asked()).await.unwrap_err();
        assert!(matches!(error, Silence::TooLong(_, 4096)), "{error}");
    }

    #[tokio::test]
    async fn who_does_not_answer_in_time_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = "127.0.0.1".to_owned();
        let client = Client::new(Place::Tcp { host, port }).unwrap();
        let client = client.within(Duration::from_millis(50), MOST);
        let error = client.send(asked()).await.unwrap_err();
        assert!(matches!(error, Silence::Late(..)), "{error}");
    }

    #[tokio::test]
    async fn what_is_no_http_and_where_nobody_is_are_two_things() {
        let (client, _) = served(b"220 mail.example.com ESMTP\r\n".to_vec()).await;
        let error = client.send(asked()).await.unwrap_err();
        assert!(matches!(error, Silence::Broken(..)), "{error}");

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let host = "127.0.0.1".to_owned();
        let client = Client::new(Place::Tcp { host, port }).unwrap();
        let error = client.send(asked()).await.unwrap_err();
        assert!(matches!(error, Silence::Connect(..)), "{error}");

        let folder = tempfile::tempdir().unwrap();
        let client = Client::new(Place::Unix(folder.path().join("none.sock"))).unwrap();
        let error = client.send(asked()).await.unwrap_err();
        assert!(matches!(error, Silence::Connect(..)), "{error}");
    }

    #[tokio::test]
    async fn who_speaks_no_tls_is_told_from_who_is_not_there() {
        let (clear, _) = served(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await;
        let Place::Tcp { host, port } = clear.place().clone() else {
            unreachable!()
        };
        let client = Client::new(Place::Tls {
            host,
            port,
            ca: None,
        });
        // A machine without any authority cannot try.
        let Ok(client) = client else { return };
        let error = client.send(asked()).await.unwrap_err();
        assert!(
            matches!(error, Silence::Tls(..) | Silence::Late(..)),
            "{error}"
        );
    }

    #[test]
    fn a_file_without_certificates_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "nothing").unwrap();
        for ca in [path, folder.path().join("none.pem")] {
            let (host, port) = ("app.test".to_owned(), 443);
            let place = Place::Tls {
                host,
                port,
                ca: Some(ca),
            };
            assert!(matches!(Client::new(place), Err(Silence::Certificates(..))));
        }
    }

    #[test]
    fn a_place_is_written_as_in_an_address() {
        let host = "::1".to_owned();
        assert_eq!(Place::Tcp { host, port: 80 }.to_string(), "[::1]:80");
        assert_eq!(Place::Unix("/run/a".into()).to_string(), "unix:/run/a");
    }
}
