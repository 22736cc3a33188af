//! A browser that speaks HTTP/2 over TLS, by hyper.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::browser::{Browser, path_of, token};
use crate::support::gate::{HOST, Messages};
use crate::support::wire::{Answer, Head};

/// One connection, and a jar of cookies.
pub struct Client {
    sender: SendRequest<Pieces>,
    /// Its cookies.
    pub jar: Browser,
}

/// A body that is sent piece by piece.
pub struct Pieces(UnboundedReceiver<Frame<Bytes>>);

impl Pieces {
    /// One that is still open.
    pub fn new() -> (UnboundedSender<Frame<Bytes>>, Self) {
        let (sender, pieces) = unbounded_channel();
        (sender, Self(pieces))
    }

    /// None.
    pub fn empty() -> Self {
        Self::new().1
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_closed() && self.0.is_empty()
    }
}

impl Client {
    /// Connects, with HTTP/2 by ALPN.
    pub async fn new(address: SocketAddr) -> Self {
        let stream = connect(address, &["h2", "http/1.1"]).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        Self {
            sender,
            jar: Browser::new(address, HOST),
        }
    }

    /// Goes to a path.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(
            "GET",
            path,
            &[
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
            ],
            b"",
        )
        .await
    }

    /// Submits a form.
    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let fields = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", "https://app.localhost"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        self.send("POST", path, &fields, body.as_bytes()).await
    }

    /// Sends a request with its cookies, reads the answer and keeps its cookies.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let (sender, pieces) = Pieces::new();
        if !body.is_empty() {
            sender
                .send(Frame::data(Bytes::copy_from_slice(body)))
                .unwrap();
        }
        drop(sender);
        let (parts, body) = self.begin(method, path, fields, pieces).await.into_parts();
        let head = Head {
            first: format!("HTTP/2 {}", parts.status.as_u16()),
            fields: parts
                .headers
                .iter()
                .map(|(name, value)| {
                    (
                        name.as_str().to_owned(),
                        String::from_utf8_lossy(value.as_bytes()).into_owned(),
                    )
                })
                .collect(),
            raw: String::new(),
        };
        for name in ["connection", "keep-alive", "transfer-encoding"] {
            assert_eq!(head.field(name), None, "it means nothing here");
        }
        let answer = Answer {
            head,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        };
        self.jar.keep(&answer);
        answer
    }

    /// Sends a head with its cookies; gives the answer's head when it is there.
    pub async fn begin(
        &mut self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: Pieces,
    ) -> Response<Incoming> {
        self.request(method, path, fields, body).await
    }

    /// The same as something that can run by itself.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: Pieces,
    ) -> impl Future<Output = Response<Incoming>> + use<> {
        self.request_at(HOST, method, path, fields, body)
    }

    /// The same for another authority.
    pub fn request_at(
        &self,
        authority: &str,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: Pieces,
    ) -> impl Future<Output = Response<Incoming>> + use<> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://{authority}{path}"));
        if let Some(cookies) = self.jar.cookies() {
            request = request.header("cookie", cookies);
        }
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(body).unwrap();
        let mut sender = self.sender.clone();
        async move { sender.send_request(request).await.unwrap() }
    }

    /// The whole way through the ask page.
    pub async fn pass_ask(&mut self, path: &str, user: &str, messages: &Messages) {
        let to_ask = self.get(path).await;
        assert_eq!(to_ask.status(), 303, "{}", to_ask.text());
        let ask = path_of(to_ask.field("location").unwrap());
        let page = self.get(&ask).await;
        let before = messages.count();
        let named = self
            .post(&ask, &[("token", &token(&page)), ("name", user)])
            .await;
        assert_eq!(named.status(), 303, "{}", named.text());
        let code_page = path_of(named.field("location").unwrap());
        let shown = self.get(&code_page).await;
        let code = messages.after(before);
        let answer = self
            .post(
                &code_page,
                &[("token", &token(&shown)), ("code", &code), ("do", "answer")],
            )
            .await;
        assert_eq!(
            (
                answer.status(),
                path_of(answer.field("location").unwrap()).as_str()
            ),
            (303, path)
        );
    }
}

/// The next piece of an answer as text; `None` at its end. Trailers fail the test.
pub async fn next(answer: &mut Response<Incoming>) -> Option<String> {
    loop {
        let frame = answer.body_mut().frame().await?.unwrap();
        let data = frame.into_data().expect("no trailers");
        // The end of a stream may come in a frame of its own.
        if !data.is_empty() {
            return Some(String::from_utf8(data.to_vec()).unwrap());
        }
    }
}

/// HTTP/1.1 over TLS.
pub struct Http1(TlsStream<TcpStream>);

impl Http1 {
    /// Connects, and offers this protocol or none.
    pub async fn new(address: SocketAddr, alpn: Option<&str>) -> Self {
        let stream = connect(address, alpn.as_slice()).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), alpn.map(str::as_bytes));
        Self(stream)
    }

    /// One request; everything that comes.
    pub async fn get(&mut self, path: &str, cookies: &str) -> String {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nCookie: {cookies}\r\n\r\n"
        );
        self.0.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

/// A connection over TLS that offers these protocols.
pub async fn connect(address: SocketAddr, alpn: &[&str]) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(HOST).unwrap();
    TlsConnector::from(Arc::new(trusting(alpn)))
        .connect(name, stream)
        .await
        .unwrap()
}

/// What offers these protocols and believes any certificate: what is shown here is not TLS.
pub fn trusting(alpn: &[&str]) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
