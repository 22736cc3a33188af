//! Takes connections in, a few at a time and none for ever.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::Inside;
use super::answer::{Caller, Door, answer};
use super::bind::Bound;

/// Connections of each socket at once. A program that watches needs one.
const AT_ONCE: usize = 16;

/// How long a connection lives: longer than the longest wait for a receipt.
const LIFE: Duration = Duration::from_secs(15 * 60);

/// How long a head may take to come, and how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The least that hyper takes (`max_buf_size`), and more than any head here needs.
const BUFFER: usize = 8192;

/// After an accept that failed, as for want of a file descriptor.
const PAUSE: Duration = Duration::from_millis(100);

/// How long answers may take to end when the process does.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Serves both sockets until `shutdown`, and gives what is under way a moment to end. The socket's file is gone then.
///
/// # Errors
/// If the sockets cannot be used by this runtime.
pub async fn serve(
    bound: Bound,
    inside: Arc<dyn Inside>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let connections = TaskTracker::new();
    let host = Host {
        inside,
        shutdown,
        connections: connections.clone(),
    };
    let http = bound.http.map(TcpListener::from_std).transpose()?;
    let (socket, made) = match bound.socket {
        Some((socket, made)) => (Some(UnixListener::from_std(socket)?), Some(made)),
        None => (None, None),
    };
    tokio::join!(host.loopback(http), host.socket(socket));
    drop(made);
    connections.close();
    drop(tokio::time::timeout(LAST_ANSWERS, connections.wait()).await);
    Ok(())
}

struct Host {
    inside: Arc<dyn Inside>,
    shutdown: CancellationToken,
    connections: TaskTracker,
}

impl Host {
    async fn loopback(&self, listener: Option<TcpListener>) {
        let Some(listener) = listener else { return };
        let seats = Arc::new(Semaphore::new(AT_ONCE));
        while let Some(accepted) = self.shutdown.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, _)) => self.spawn(stream, Door::Loopback, &seats),
                Err(error) => pause(&error).await,
            }
        }
    }

    async fn socket(&self, listener: Option<UnixListener>) {
        let Some(listener) = listener else { return };
        let seats = Arc::new(Semaphore::new(AT_ONCE));
        while let Some(accepted) = self.shutdown.run_until_cancelled(listener.accept()).await {
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    pause(&error).await;
                    continue;
                }
            };
            match caller(&stream) {
                Ok(caller) => self.spawn(stream, Door::Socket(caller), &seats),
                Err(error) => warn!(%error, "who opened the admin socket cannot be told"),
            }
        }
    }

    /// Serves one connection; where all seats are taken it is closed at once.
    fn spawn<S>(&self, stream: S, door: Door, seats: &Arc<Semaphore>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Ok(seat) = Arc::clone(seats).try_acquire_owned() else {
            return;
        };
        let (inside, shutdown) = (Arc::clone(&self.inside), self.shutdown.clone());
        self.connections.spawn(async move {
            // Whoever was too slow, or went away, knows it.
            drop(tokio::time::timeout(LIFE, converse(stream, door, inside, shutdown)).await);
            drop(seat);
        });
    }
}

async fn pause(error: &io::Error) {
    warn!(%error, "the admin listener cannot accept");
    tokio::time::sleep(PAUSE).await;
}

async fn converse<S>(
    stream: S,
    door: Door,
    inside: Arc<dyn Inside>,
    shutdown: CancellationToken,
) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let inside = Arc::clone(&inside);
        async move { Ok::<_, Infallible>(answer(request, door, &*inside).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .half_close(false)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = poll_fn(|context| connection.as_mut().poll(context)) => Some(ended),
        () = shutdown.cancelled() => None,
    };
    if let Some(ended) = ended {
        return ended;
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

fn caller(stream: &UnixStream) -> io::Result<Caller> {
    let credentials = stream.peer_cred()?;
    Ok(Caller {
        uid: credentials.uid(),
        gid: credentials.gid(),
        pid: credentials.pid(),
    })
}

#[cfg(test)]
mod tests;
