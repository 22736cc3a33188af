//! One connection, from the PROXY header and the TLS handshake to its end.

use std::any::Any;
use std::convert::Infallible;
use std::fmt::Display;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use http::{Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bind::Way;
use super::guard::Guard;
use super::roll::Seat;
use super::tls::Terms;
use super::turn::{Answer, Turn};
use super::watch::{Order, Watch};
use super::{Connection, Service, Tally, address_text, said, tls};
use crate::peer::header::{self, NoHeader, Reading, Source};

/// A request head (A1). hyper answers 431 above it; a head of more than 100 fields gets 431 as well, by hyper's own
/// default, which must not be set: it would then allocate for every request.
const HEAD: usize = 32 * 1024;
/// What hyper keeps of an HTTP/1 connection in each direction.
const BUFFER: usize = 128 * 1024;

/// HTTP/2 streams at once, and a field section (A2).
const STREAMS: u32 = 100;
const SECTION: u32 = 16 * 1024;
/// What a peer may send ahead of whoever reads it, on a stream and on all of them: enough for 10 MB/s over 25 ms, and
/// the most that a connection can make us keep.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 512 * 1024;
/// What is kept of an answer that the peer has no room for, on each stream.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams reset before we looked at them: as many as may be open, since a browser that is sent elsewhere cancels all
/// at once. More over time are the frame counter's.
const PENDING_RESETS: usize = 100;
/// Streams that we reset for the peer's faults in the life of a connection (A2; RUSTSEC-2024-0003).
const ERROR_RESETS: usize = 1_000;

/// What all connections of a worker share.
pub(super) struct Host<S> {
    service: S,
    tls: Option<Arc<Terms>>,
    http1: http1::Builder,
    pub(super) tasks: TaskTracker,
    shutdown: CancellationToken,
    pub(super) tally: Arc<Tally>,
}

impl<S> Host<S> {
    /// Everything a connection needs beside its stream.
    pub(super) fn new(
        service: S,
        tls: Option<Arc<Terms>>,
        tasks: TaskTracker,
        shutdown: CancellationToken,
        tally: Arc<Tally>,
    ) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .half_close(false)
            .keep_alive(true)
            .max_header_size(HEAD)
            .max_buf_size(BUFFER)
            // Set and reset for every request; the sweep does the same for nothing.
            .header_read_timeout(None)
            // Names are the same in any case, but clients as old as the applications here are known to look for
            // `Set-Cookie` as it is written. Costs a few instructions a letter.
            .title_case_headers(true);
        Self {
            service,
            tls,
            http1,
            tasks,
            shutdown,
            tally,
        }
    }
}

/// Serves what has been accepted, to its end.
pub(super) async fn serve<S: Service>(
    mut stream: TcpStream,
    mut peer: IpAddr,
    way: Way,
    host: Rc<Host<S>>,
    mut seat: Seat,
) {
    let (tls, mut untold) = (way.tls, false);
    if way.proxied {
        // Boxed, because it is soon over, and most connections have none.
        match Box::pin(announced(&mut stream, peer, &host, &mut seat)).await {
            Some(Source::Visitor(visitor)) => peer = visitor,
            Some(Source::Untold) => untold = true,
            None => return,
        }
    }
    let watch = &seat.watch;
    let shutdown = host.shutdown.clone();
    if !tls {
        let connection = Connection {
            peer,
            untold,
            peer_text: address_text(peer),
            tls,
            server_name: None,
            version2: false,
            shutdown,
        };
        http1(stream, connection, &host, watch).await;
    } else if let Some(stream) = shake_hands(stream, &host, watch).await {
        let (_, session) = stream.get_ref();
        let connection = Connection {
            peer,
            untold,
            peer_text: address_text(peer),
            tls,
            server_name: session.server_name().map(str::to_ascii_lowercase),
            version2: session.alpn_protocol() == Some(tls::H2),
            shutdown,
        };
        if connection.version2 {
            Box::pin(http2(stream, connection, &host, watch)).await;
        } else {
            http1(stream, connection, &host, watch).await;
        }
    }
}

/// Whose connection a trusted proxy says it is, within the time that the watch gives a head; the visitor is counted.
/// `None`: it does not say, or there is no room for one more from there.
async fn announced<S>(
    stream: &mut TcpStream,
    proxy: IpAddr,
    host: &Host<S>,
    seat: &mut Seat,
) -> Option<Source> {
    let watch = &seat.watch;
    watch.head_since(Some(watch.now()));
    let end = attend(pin!(read_header(stream)), |_| {}, watch).await;
    watch.head_since(None);
    match end {
        End::Done(Ok(source)) => {
            if let Source::Visitor(visitor) = source
                && seat.speaks_for(visitor).is_err()
            {
                host.tally.refused.fetch_add(1, Relaxed);
                return None;
            }
            return Some(source);
        }
        // Whether somebody listens here is found out so, too.
        End::Done(Err(NotAnnounced::Gone(error))) => {
            tracing::debug!(%error, peer = %proxy, "a proxy went away before its PROXY header was there");
        }
        End::Done(Err(NotAnnounced::NoHeader(error))) => unannounced(&host.tally, proxy, &error),
        End::Cut => unannounced(&host.tally, proxy, &"its PROXY header took too long"),
        End::Panicked(panic) => report(&host.tally, &*panic),
    }
    None
}

/// Why nobody knows whose connection it is.
#[derive(Debug)]
enum NotAnnounced {
    Gone(io::Error),
    NoHeader(NoHeader),
}

/// Reads the header and not one byte more: what follows is TLS's or HTTP's.
async fn read_header(stream: &mut TcpStream) -> Result<Source, NotAnnounced> {
    let mut bytes = vec![0; header::MOST];
    let mut own = 0;
    loop {
        let came = stream.peek(&mut bytes[own..]).await?;
        if came == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let reading = header::read(&bytes[..own + came]).map_err(NotAnnounced::NoHeader)?;
        // What is short is all header; taken off, so that the next look waits for more.
        let (length, source) = match reading {
            Reading::Short => (own + came, None),
            Reading::Whole { length, source } => (length, Some(source)),
        };
        stream.read_exact(&mut bytes[own..length]).await?;
        own = length;
        if let Some(source) = source {
            return Ok(source);
        }
    }
}

impl From<io::Error> for NotAnnounced {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

/// Counts a connection that is closed because it came past the proxy or without its header. The first one of a worker is
/// told aloud, since a proxy or the configuration may be wrong; strangers must not fill the log with more.
pub(super) fn unannounced(tally: &Tally, peer: IpAddr, why: &dyn Display) {
    if tally.unannounced.fetch_add(1, Relaxed) == 0 {
        tracing::warn!(error = %why, %peer, "a connection without a PROXY header of a trusted proxy was closed; more of them are not told");
    } else {
        tracing::debug!(error = %why, %peer, "a connection without a PROXY header of a trusted proxy was closed");
    }
}

/// The TLS handshake, within the time that the watch gives a head. What comes of it is boxed, so that a cleartext
/// connection does not carry the room for a TLS session.
pub(super) async fn shake_hands<S, T>(
    stream: T,
    host: &Host<S>,
    watch: &Watch,
) -> Option<Box<tokio_rustls::server::TlsStream<T>>>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let terms = host.tls.as_ref()?;
    watch.head_since(Some(watch.now()));
    // Boxed, because it is large and soon over.
    let mut shaking = Box::pin(terms.shake_hands(stream));
    let end = attend(shaking.as_mut(), |_| {}, watch).await;
    watch.head_since(None);
    match end {
        End::Done(Ok(stream)) => return Some(Box::new(stream)),
        End::Done(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        End::Cut => tracing::debug!("a TLS handshake took too long"),
        End::Panicked(panic) => report(&host.tally, &*panic),
    }
    host.tally.handshakes_failed.fetch_add(1, Relaxed);
    None
}

/// Speaks HTTP/1 over `io` until the connection ends, or the tunnel that it became.
pub(super) async fn http1<S, T>(
    io: T,
    connection: Connection,
    host: &Rc<Host<S>>,
    watch: &Arc<Watch>,
) where
    S: Service,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = connection.peer;
    let (guard, gone) = Guard::new(io, Arc::clone(watch), false);
    let service = {
        let (service, connection, watch) =
            (host.service.clone(), Rc::new(connection), Arc::clone(watch));
        service_fn(move |request| answer(request, &service, &connection, &watch))
    };
    let http1 = host
        .http1
        .serve_connection(TokioIo::new(guard), service)
        .with_upgrades();
    let end = attend(
        pin!(http1),
        http1::UpgradeableConnection::graceful_shutdown,
        watch,
    )
    .await;
    let whole = matches!(end, End::Done(Ok(())));
    record(end, peer, &host.tally, watch);
    if whole && watch.is_tunnel() {
        attend(pin!(gone), |_| {}, watch).await;
    }
}

/// Speaks HTTP/2 over `io` until the connection ends.
pub(super) async fn http2<S, T>(
    io: T,
    connection: Connection,
    host: &Rc<Host<S>>,
    watch: &Arc<Watch>,
) where
    S: Service,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = connection.peer;
    let (guard, _) = Guard::new(io, Arc::clone(watch), true);
    let service = {
        let (service, connection, watch) =
            (host.service.clone(), Rc::new(connection), Arc::clone(watch));
        service_fn(move |request| answer(request, &service, &connection, &watch))
    };
    let streams = Streams(Rc::new((
        host.tasks.clone(),
        Arc::clone(&host.tally),
        Arc::clone(watch),
    )));
    let http2 = builder2(streams).serve_connection(TokioIo::new(guard), service);
    let end = attend(pin!(http2), http2::Connection::graceful_shutdown, watch).await;
    record(end, peer, &host.tally, watch);
}

/// Hands one request to the service, and follows it to the end of its answer.
fn answer<S: Service>(
    request: Request<Incoming>,
    service: &S,
    connection: &Rc<Connection>,
    watch: &Arc<Watch>,
) -> impl Future<Output = Result<Response<Answer<S::Body>>, Infallible>> + use<S> {
    let turn = Turn::begin(watch, !request.body().is_end_stream(), connection.version2);
    let (service, connection) = (service.clone(), Rc::clone(connection));
    async move {
        let answer = service.call(request, &connection).await;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS && !connection.version2 {
            turn.becomes_tunnel();
        }
        Ok(answer.map(|body| turn.answer(body)))
    }
}

fn builder2(streams: Streams) -> http2::Builder<Streams> {
    let mut http2 = http2::Builder::new(streams);
    http2
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(SECTION)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(ERROR_RESETS);
    http2
}

/// Runs the streams of one HTTP/2 connection as tasks of the worker.
#[derive(Clone)]
struct Streams(Rc<(TaskTracker, Arc<Tally>, Arc<Watch>)>);

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let shared = Rc::clone(&self.0);
        self.0.0.spawn_local(async move {
            let (_, tally, watch) = &*shared;
            let mut stream = pin!(stream);
            if let Err(panic) = poll_fn(|cx| caught(stream.as_mut(), cx)).await {
                report(tally, &*panic);
                watch.give(Order::Cut);
            }
        });
    }
}

/// How a part of a connection's life ended.
enum End<T> {
    Done(T),
    Cut,
    Panicked(Box<dyn Any + Send>),
}

/// Polls `future` to its end, unless the watch says to cut it; calls `leave` once, when the watch says to leave.
async fn attend<F: Future>(
    mut future: Pin<&mut F>,
    leave: impl Fn(Pin<&mut F>),
    watch: &Watch,
) -> End<F::Output> {
    let mut heard = false;
    let mut left = false;
    poll_fn(|cx| {
        if !heard {
            // A task's waker stays the same, and nothing is polled in between.
            watch.heed(cx);
            heard = true;
        }
        match watch.order() {
            Order::Stay => {}
            Order::Leave if left => {}
            Order::Leave => {
                left = true;
                leave(future.as_mut());
            }
            Order::Cut => return Poll::Ready(End::Cut),
        }
        match caught(future.as_mut(), cx) {
            Poll::Ready(Ok(out)) => Poll::Ready(End::Done(out)),
            Poll::Ready(Err(panic)) => Poll::Ready(End::Panicked(panic)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Polls once; a panic is the end (A8). The future is not to be polled again, only dropped.
fn caught<F: Future>(
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Box<dyn Any + Send>>> {
    match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    }
}

/// Counts and logs how a connection ended, if not by its own will.
fn record(end: End<hyper::Result<()>>, peer: IpAddr, tally: &Tally, watch: &Watch) {
    if let Some(flood) = watch.flood() {
        tally.floods.fetch_add(1, Relaxed);
        tracing::warn!(error = %flood, %peer, "a connection was cut");
    }
    match end {
        End::Done(Ok(())) => {}
        End::Done(Err(error)) => tracing::debug!(%error, %peer, "a connection broke off"),
        End::Cut => tracing::debug!(%peer, "a connection was cut"),
        End::Panicked(panic) => report(tally, &*panic),
    }
}

/// Counts and logs a panic.
fn report(tally: &Tally, panic: &(dyn Any + Send)) {
    tally.panics.fetch_add(1, Relaxed);
    tracing::error!(
        event = "connection.panicked",
        panic = said(panic),
        "serving a request panicked: its connection ends, the others go on"
    );
}
