//! One connection, from the TLS handshake to its end.

use std::any::Any;
use std::convert::Infallible;
use std::future::poll_fn;
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
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::guard::Guard;
use super::roll::Seat;
use super::turn::{Answer, Turn};
use super::watch::{Order, Watch};
use super::{Connection, Service, Tally, said, tls};

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
    tls: Option<TlsAcceptor>,
    http1: http1::Builder,
    pub(super) tasks: TaskTracker,
    shutdown: CancellationToken,
    pub(super) tally: Arc<Tally>,
}

impl<S> Host<S> {
    /// Everything a connection needs beside its stream.
    pub(super) fn new(
        service: S,
        tls: Option<Arc<rustls::ServerConfig>>,
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
            tls: tls.map(TlsAcceptor::from),
            http1,
            tasks,
            shutdown,
            tally,
        }
    }
}

/// Serves what has been accepted, to its end.
pub(super) async fn serve<S: Service>(
    stream: TcpStream,
    peer: IpAddr,
    tls: bool,
    host: Rc<Host<S>>,
    seat: Seat,
) {
    let shutdown = host.shutdown.clone();
    if !tls {
        let connection = Connection {
            peer,
            tls,
            server_name: None,
            version2: false,
            shutdown,
        };
        speak(stream, connection, &host, &seat.watch).await;
    } else if let Some(stream) = shake_hands(stream, &host, &seat.watch).await {
        let (_, session) = stream.get_ref();
        let connection = Connection {
            peer,
            tls,
            server_name: session.server_name().map(str::to_ascii_lowercase),
            version2: session.alpn_protocol() == Some(tls::H2),
            shutdown,
        };
        // Boxed, so that a cleartext connection does not carry the room for a TLS session.
        speak(Box::new(stream), connection, &host, &seat.watch).await;
    }
    host.tally.closed.fetch_add(1, Relaxed);
}

/// The TLS handshake, within the time that the watch gives a head.
pub(super) async fn shake_hands<S, T>(
    stream: T,
    host: &Host<S>,
    watch: &Watch,
) -> Option<tokio_rustls::server::TlsStream<T>>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let acceptor = host.tls.as_ref()?;
    watch.head_since(Some(watch.now()));
    // Boxed, because it is large and soon over.
    let end = attend(Box::pin(acceptor.accept(stream)), |_| {}, watch).await;
    watch.head_since(None);
    match end {
        End::Done(Ok(stream)) => return Some(stream),
        End::Done(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        End::Cut => tracing::debug!("a TLS handshake took too long"),
        End::Panicked(panic) => report(&host.tally, &*panic),
    }
    host.tally.handshakes_failed.fetch_add(1, Relaxed);
    None
}

/// Speaks HTTP over `io` until the connection ends, or the tunnel that it became.
pub(super) async fn speak<S, T>(
    io: T,
    connection: Connection,
    host: &Rc<Host<S>>,
    watch: &Arc<Watch>,
) where
    S: Service,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (peer, version2) = (connection.peer, connection.version2);
    let connection = Rc::new(connection);
    let (guard, gone) = Guard::new(io, Arc::clone(watch), version2);
    let io = TokioIo::new(guard);
    let service = {
        let (host, watch) = (Rc::clone(host), Arc::clone(watch));
        service_fn(move |request: Request<Incoming>| {
            let turn = Turn::begin(&watch, !request.body().is_end_stream(), version2);
            answer(request, turn, host.service.clone(), Rc::clone(&connection))
        })
    };

    let end = if version2 {
        let streams = Streams(Rc::new((
            host.tasks.clone(),
            Arc::clone(&host.tally),
            Arc::clone(watch),
        )));
        let http2 = http2(streams).serve_connection(io, service);
        attend(
            http2,
            hyper::server::conn::http2::Connection::graceful_shutdown,
            watch,
        )
        .await
    } else {
        let http1 = host.http1.serve_connection(io, service).with_upgrades();
        attend(
            http1,
            hyper::server::conn::http1::UpgradeableConnection::graceful_shutdown,
            watch,
        )
        .await
    };
    if let Some(flood) = watch.flood() {
        host.tally.floods.fetch_add(1, Relaxed);
        tracing::warn!(error = %flood, %peer, "a connection was cut");
    }
    match end {
        End::Done(Ok(())) if watch.is_tunnel() => {
            attend(gone, |_| {}, watch).await;
        }
        End::Done(Ok(())) => {}
        End::Done(Err(error)) => tracing::debug!(%error, "a connection broke off"),
        End::Cut => tracing::debug!("a connection was cut"),
        End::Panicked(panic) => report(&host.tally, &*panic),
    }
}

/// Hands one request to the service, and follows it to the end of its answer.
async fn answer<S: Service>(
    request: Request<Incoming>,
    turn: Turn,
    service: S,
    connection: Rc<Connection>,
) -> Result<Response<Answer<S::Body>>, Infallible> {
    let answer = service.call(request, &connection).await;
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS && !connection.version2 {
        turn.becomes_tunnel();
    }
    Ok(answer.map(|body| turn.answer(body)))
}

fn http2(streams: Streams) -> http2::Builder<Streams> {
    let mut http2 = http2::Builder::new(streams);
    http2
        .timer(TokioTimer::new())
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
    future: F,
    leave: impl Fn(Pin<&mut F>),
    watch: &Watch,
) -> End<F::Output> {
    let mut future = pin!(future);
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

/// Counts and logs a panic.
fn report(tally: &Tally, panic: &(dyn Any + Send)) {
    tally.panics.fetch_add(1, Relaxed);
    tracing::error!(
        panic = said(panic),
        "serving a request panicked: its connection ends, the others go on"
    );
}
