//! The HTTP client of all carriers: one POST, a deadline, a bounded answer, and the failures that all of them share.
//!
//! What it must get right is what it does not know: a message that may have been sent must not be sent again, one that
//! certainly was not may go to the next carrier.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Cause, Failure};

/// A client that keeps no connection: an idle one that the other side has just closed would turn a code nobody got into
/// an outcome that nobody knows, and one handshake a message is cheap.
#[derive(Clone)]
pub(super) struct HttpClient(Client<HttpsConnector<HttpConnector>, Outgoing>);

/// An answer that came in whole, or one whose status says no.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// At most 64 KiB; empty where the status says no and the rest did not come.
    pub(super) body: Bytes,
}

impl HttpClient {
    /// A client that believes the certificates of `roots`.
    ///
    /// # Errors
    /// If the TLS provider knows no protocol version that rustls does.
    pub(super) fn new(roots: RootCertStore) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self(
            Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(0)
                .build(connector),
        ))
    }

    /// Sends `request`, of whatever method, and reads the answer. Redirects are answers like others.
    ///
    /// Half of `within` may be spent before the connection stands, so that the next carrier has the other half.
    ///
    /// # Errors
    /// [`Failure::Transient`] as long as nothing of the body was written, or of the head where the body is empty;
    /// [`Failure::Unknown`] from then on.
    pub(super) async fn post(
        &self,
        request: Request<Bytes>,
        within: Duration,
    ) -> Result<Reply, Failure> {
        let start = Instant::now();
        let deadline = start + within;
        let shown = request.headers().get(AUTHORIZATION).cloned();
        let gate = Arc::new(Gate::default());
        let request = request.map(|bytes| Outgoing {
            bytes: Some(bytes),
            gate: Arc::clone(&gate),
        });
        let mut answer = self.0.request(request);
        let early = tokio::select! {
            answer = &mut answer => Some(answer),
            () = gate.opened.notified() => None,
            () = sleep_until(start + within / 2) => {
                if gate.shut() {
                    return Err(Failure::Transient(Cause::SlowConnect));
                }
                None
            }
        };
        let answer = match early {
            Some(answer) => answer,
            None => timeout_at(deadline, answer)
                .await
                .map_err(|_| Failure::Unknown(Cause::Silence))?,
        };
        let response = answer.map_err(|error| {
            if gate.shut() {
                Failure::Transient(Cause::Connect(error.into()))
            } else {
                Failure::Unknown(Cause::Broken(error.into()))
            }
        })?;
        let mut reply = read(response, deadline).await?;
        if shown.is_some_and(|shown| repeats(&reply.body, &shown)) {
            reply.body = Bytes::new();
        }
        Ok(reply)
    }
}

/// Whether an answer says our own credentials back. Nobody honest does, and what such an answer calls the message or its
/// mistake would bring them into the log (C8): of that answer the status alone counts.
fn repeats(body: &[u8], shown: &HeaderValue) -> bool {
    let proof = shown.as_bytes().rsplit(|&byte| byte == b' ').next();
    // A shorter one stands in an answer by chance, and to be taken for nothing would cost a message its receipt.
    let proof = proof.filter(|proof| proof.len() >= 12);
    proof.is_some_and(|proof| memchr::memmem::find(body, proof).is_some())
}

impl Reply {
    /// What the status means with every carrier; `None` if it is a success.
    ///
    /// `now` in seconds since 1970: some write the end of the wait as a date.
    pub(super) fn refusal(&self, now: u64) -> Option<Failure> {
        let retry_after = self.retry_after(now);
        let cause = Cause::Status(self.status);
        match self.status.as_u16() {
            200..=299 => None,
            429 => Some(Failure::Throttled { retry_after, cause }),
            408 | 425 | 500..=599 => Some(match retry_after {
                Some(_) => Failure::Throttled { retry_after, cause },
                None => Failure::Transient(cause),
            }),
            // A redirect too: somebody who is not the carrier may be answering.
            _ => Some(Failure::Config(cause)),
        }
    }

    /// `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3).
    fn retry_after(&self, now: u64) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let end = jiff::fmt::rfc2822::parse(text)
            .ok()?
            .timestamp()
            .as_second();
        Some(Duration::from_secs(
            u64::try_from(end).unwrap_or(0).saturating_sub(now),
        ))
    }
}

/// Reads the body of an answer. Once a status has said no, nothing that happens afterwards makes it a yes.
async fn read(response: Response<Incoming>, deadline: Instant) -> Result<Reply, Failure> {
    let (head, body) = response.into_parts();
    let whole = timeout_at(deadline, Limited::new(body, LONGEST_ANSWER).collect()).await;
    let body = match whole {
        Ok(Ok(body)) => body.to_bytes(),
        _ if !head.status.is_success() => Bytes::new(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err(Failure::Unknown(Cause::Oversized));
        }
        Ok(Err(error)) => return Err(Failure::Unknown(Cause::Broken(error))),
        Err(_) => return Err(Failure::Unknown(Cause::Silence)),
    };
    Ok(Reply {
        status: head.status,
        headers: head.headers,
        body,
    })
}

/// Bytes of an answer: a carrier says a sentence, not a book (A1).
const LONGEST_ANSWER: usize = 64 * 1024;

/// The body of a request, which passes the gate before its first byte goes out.
struct Outgoing {
    bytes: Option<Bytes>,
    gate: Arc<Gate>,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        let Some(bytes) = self.bytes.take() else {
            return Poll::Ready(None);
        };
        Poll::Ready(Some(if self.gate.open() {
            Ok(Frame::data(bytes))
        } else {
            Err(GivenUp)
        }))
    }

    /// An empty body has no first byte: what is to be sent stands in the head, which hyper writes as soon as this is
    /// true, so the gate is passed here.
    fn is_end_stream(&self) -> bool {
        match &self.bytes {
            None => true,
            Some(bytes) => bytes.is_empty() && self.gate.open(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.bytes {
            None => SizeHint::with_exact(0),
            // Asked only where the gate is shut already: a head that promises what never comes is no request.
            Some(bytes) if bytes.is_empty() => SizeHint::with_exact(1),
            Some(bytes) => SizeHint::with_exact(bytes.len() as u64),
        }
    }
}

/// The connection stood only after nobody waited for it any more: the message does not go out.
#[derive(Debug, thiserror::Error)]
#[error("given up before it was written")]
struct GivenUp;

/// Decides once whether a message goes out: hyper writes on a task of its own, and may reach the body in the instant in
/// which we give up.
#[derive(Default)]
struct Gate {
    state: AtomicU8,
    opened: Notify,
}

const UNDECIDED: u8 = 0;
const OPENED: u8 = 1;
const SHUT: u8 = 2;

impl Gate {
    /// Lets the body out; false if it was shut.
    fn open(&self) -> bool {
        let opened = self.decide(OPENED);
        self.opened.notify_one();
        opened
    }

    /// Keeps the body in; false if it is already out.
    fn shut(&self) -> bool {
        self.decide(SHUT)
    }

    fn decide(&self, wanted: u8) -> bool {
        match self
            .state
            .compare_exchange(UNDECIDED, wanted, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => true,
            Err(decided) => decided == wanted,
        }
    }
}

#[cfg(test)]
mod tests;
