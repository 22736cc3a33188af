//! The other side of a carrier's socket, misbehaving to order.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A server on loopback that gives every request the same answer.
pub(in crate::carrier) struct Peer {
    pub(in crate::carrier) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

/// What is written, and whether the connection ends with it.
#[derive(Clone)]
struct Answer {
    /// In turn; the last for every request after it.
    bytes: Vec<Vec<u8>>,
    end: bool,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(in crate::carrier) struct Seen {
    pub(in crate::carrier) head: String,
    pub(in crate::carrier) body: String,
}

impl Seen {
    /// The value of a header, by its lower-case name.
    pub(in crate::carrier) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

impl Peer {
    /// Writes those bytes to every request and closes the connection.
    pub(in crate::carrier) async fn answers(answer: impl Into<Vec<u8>>) -> Self {
        Self::start(
            Answer {
                bytes: vec![answer.into()],
                end: true,
            },
            None,
        )
        .await
    }

    /// Like [`Peer::answers`], with another answer each time, and from the last on always that one.
    pub(in crate::carrier) async fn answers_in_turn<const N: usize>(answers: [String; N]) -> Self {
        Self::start(
            Answer {
                bytes: answers.map(String::into_bytes).to_vec(),
                end: true,
            },
            None,
        )
        .await
    }

    /// Writes those bytes to every request and nothing more, without closing.
    pub(in crate::carrier) async fn stalls(answer: impl Into<Vec<u8>>) -> Self {
        Self::start(
            Answer {
                bytes: vec![answer.into()],
                end: false,
            },
            None,
        )
        .await
    }

    /// Reads the request and says nothing.
    pub(in crate::carrier) async fn is_silent() -> Self {
        Self::stalls("").await
    }

    /// Like [`Peer::answers`], by TLS as `localhost`; gives its certificate too.
    pub(in crate::carrier) async fn answers_by_tls(
        answer: impl Into<Vec<u8>>,
    ) -> (Self, CertificateDer<'static>) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let answer = Answer {
            bytes: vec![answer.into()],
            end: true,
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        (
            Self::start(answer, Some(TlsAcceptor::from(Arc::new(config)))).await,
            cert.der().clone(),
        )
    }

    /// The requests that came whole.
    pub(in crate::carrier) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    async fn start(answer: Answer, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (answer, log, tls) = (answer.clone(), Arc::clone(&log), tls.clone());
                connections.spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, answer, &log).await;
                            }
                        }
                        None => serve(stream, answer, &log).await,
                    }
                });
            }
        });
        Self {
            url: format!("{scheme}://localhost:{port}/send?a=1"),
            seen,
            task,
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An address where nobody listens.
pub(in crate::carrier) async fn nobody() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: Answer,
    log: &Mutex<Vec<Seen>>,
) {
    let mut bytes = Vec::new();
    let seen = loop {
        if let Some(seen) = whole(&bytes) {
            break seen;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let turn = {
        let mut log = log.lock().unwrap();
        log.push(seen);
        log.len().min(answer.bytes.len()) - 1
    };
    let _ = stream.write_all(&answer.bytes[turn]).await;
    let _ = stream.flush().await;
    if answer.end {
        let _ = stream.shutdown().await;
    }
    // Reading on keeps the close from becoming a reset, which would take the answer with it.
    let _ = stream.read_to_end(&mut bytes).await;
}

/// The request, once all of it has come.
fn whole(bytes: &[u8]) -> Option<Seen> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let seen = Seen {
        head,
        body: String::from_utf8(bytes[end..].to_vec()).unwrap_or_default(),
    };
    // Only a request without a body comes without a length.
    let length: usize = seen
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    (bytes.len() - end >= length).then_some(seen)
}
