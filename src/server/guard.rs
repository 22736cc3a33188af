//! The stream under hyper: notes what comes and goes, and refuses to go on when the connection is over.
//!
//! It sits above TLS, so that it can read the frames of HTTP/2. It must be `Send` for hyper's upgrades, although it
//! never leaves its worker.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

use super::frames::Frames;
use super::watch::{Order, Watch};

/// So much of a request body is read and thrown away after the last answer (R7). Closing a socket while bytes for it
/// are on their way makes the kernel send a reset, and the peer may lose the answer.
const LINGER: usize = 64 * 1024;

/// A stream of which the [`Watch`] knows what happens.
#[derive(Debug)]
pub(super) struct Guard<T> {
    io: T,
    watch: Arc<Watch>,
    /// With HTTP/2 only; boxed, since most connections of a cleartext listener have none.
    frames: Option<Box<Frames>>,
    /// The last flush did not get through.
    flushing: bool,
    /// Bytes thrown away after the last answer, once the writing side is closed.
    lingered: Option<usize>,
    /// Never sent on: dropped with this, it tells the connection's task that an upgraded stream is gone.
    _alive: oneshot::Sender<Infallible>,
}

impl<T> Guard<T> {
    /// Puts `io` under guard; the receiver resolves when the guard is dropped, wherever it went.
    pub(super) fn new(
        io: T,
        watch: Arc<Watch>,
        version2: bool,
    ) -> (Self, oneshot::Receiver<Infallible>) {
        let (alive, gone) = oneshot::channel();
        let frames = version2.then(|| Box::new(Frames::new()));
        let guard = Self {
            io,
            watch,
            frames,
            flushing: false,
            lingered: None,
            _alive: alive,
        };
        (guard, gone)
    }

    fn may_go_on(&self) -> io::Result<()> {
        if self.watch.order() == Order::Cut {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            Ok(())
        }
    }

    /// Notes how a write went.
    fn note(&mut self, written: &Poll<io::Result<usize>>, cx: &Context<'_>) {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.watch.write_moved();
                if let Some(frames) = &mut self.frames {
                    frames.wrote(*bytes);
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.watch.write_waits(cx),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Guard<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.may_go_on()?;
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        let came = &buf.filled()[before..];
        match &mut this.frames {
            _ if came.is_empty() => {}
            Some(frames) => {
                if let Err(flood) = frames.read(came, this.watch.now()) {
                    this.watch.flooded(flood);
                    return Poll::Ready(Err(io::Error::other(flood)));
                }
                this.watch.head_since(frames.section_since());
            }
            None => this.watch.bytes_came(),
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.may_go_on()?;
        let written = Pin::new(&mut this.io).poll_write(cx, buf);
        this.note(&written, cx);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.may_go_on()?;
        let written = Pin::new(&mut this.io).poll_write_vectored(cx, bufs);
        this.note(&written, cx);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// Waits only for TLS, whose records may be left when the socket is full.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.io).poll_flush(cx);
        if flushed.is_pending() {
            this.may_go_on()?;
            this.flushing = true;
            this.watch.write_waits(cx);
        } else if this.flushing {
            this.flushing = false;
            this.watch.write_moved();
        }
        flushed
    }

    /// Closes the writing side; after HTTP/1 requests with a body it then takes in what is still on its way.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.may_go_on()?;
        if this.lingered.is_none() {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            this.lingered = Some(0);
        }
        if this.frames.is_some() || this.watch.is_tunnel() || !this.watch.had_body() {
            return Poll::Ready(Ok(()));
        }
        let mut rest = [0; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut rest);
            let Poll::Ready(read) = Pin::new(&mut this.io).poll_read(cx, &mut buf) else {
                this.watch.lingers();
                return Poll::Pending;
            };
            let came = buf.filled().len();
            let lingered = this.lingered.get_or_insert(0);
            *lingered += came;
            // The answer is out: how its reader goes away is no error.
            if read.is_err() || came == 0 || *lingered >= LINGER {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::super::watch::{Clock, Overdue};
    use super::*;

    struct Bench {
        clock: Clock,
        watch: Arc<Watch>,
        guard: Guard<DuplexStream>,
        gone: oneshot::Receiver<Infallible>,
        peer: DuplexStream,
    }

    fn bench(version2: bool) -> Bench {
        let clock = Clock::new();
        let watch = Arc::new(Watch::new(clock.clone()));
        let (io, peer) = duplex(1024);
        let (guard, gone) = Guard::new(io, Arc::clone(&watch), version2);
        Bench {
            clock,
            watch,
            guard,
            gone,
            peer,
        }
    }

    /// Polls once, as hyper does.
    async fn once<T>(future: impl Future<Output = T>) -> Option<T> {
        // A task that never yields finds the pipe closed to it after a while, whatever is in there.
        tokio::task::yield_now().await;
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(out) => Poll::Ready(Some(out)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    #[tokio::test]
    async fn a1_the_first_byte_of_a_head_starts_its_time() {
        let mut bench = bench(false);
        let mut buf = [0; 64];
        assert!(once(bench.guard.read(&mut buf)).await.is_none());
        bench.clock.set(30);
        bench.peer.write_all(b"GET").await.unwrap();
        assert_eq!(bench.guard.read(&mut buf).await.unwrap(), 3);
        bench.clock.set(35);
        bench.peer.write_all(b" / HTTP/1.1").await.unwrap();
        assert_eq!(bench.guard.read(&mut buf).await.unwrap(), 11);
        bench.clock.set(40);
        assert_eq!(bench.watch.overdue(), None);
        bench.clock.set(41);
        assert_eq!(
            bench.watch.overdue(),
            Some(Overdue::Head),
            "more bytes do not buy more time"
        );
    }

    #[tokio::test]
    async fn a1_a_reader_that_stops_is_overdue_and_one_that_is_slow_is_not() {
        let mut bench = bench(false);
        bench.watch.request_begins(false, false);
        let page = vec![b'x'; 1024];
        bench.guard.write_all(&page).await.unwrap();
        for minute in 1..5 {
            assert!(once(bench.guard.write(&page)).await.is_none());
            bench.clock.set(minute * 59);
            assert_eq!(bench.watch.overdue(), None);
            bench.peer.read_exact(&mut [0; 10]).await.unwrap();
            assert_eq!(bench.guard.write(&page).await.unwrap(), 10);
        }
        assert!(once(bench.guard.write(&page)).await.is_none());
        bench.clock.set(1_000);
        assert_eq!(bench.watch.overdue(), Some(Overdue::Stall));
    }

    /// Takes everything, but lets nothing through until it is told to.
    struct Dammed(bool);

    impl AsyncRead for Dammed {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Dammed {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(buf.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            if self.0 {
                Poll::Pending
            } else {
                Poll::Ready(Ok(()))
            }
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a1_records_that_are_stuck_below_are_overdue() {
        let clock = Clock::new();
        let watch = Arc::new(Watch::new(clock.clone()));
        let (mut guard, _) = Guard::new(Dammed(true), Arc::clone(&watch), false);
        guard.write_all(b"HTTP/1.1 200 OK").await.unwrap();
        assert!(once(guard.flush()).await.is_none());
        clock.set(61);
        assert_eq!(watch.overdue(), Some(Overdue::Stall));
        guard.io.0 = false;
        guard.flush().await.unwrap();
        assert_eq!(watch.overdue(), None);
    }

    #[tokio::test]
    async fn nothing_moves_after_the_connection_is_cut() {
        let mut bench = bench(false);
        bench.peer.write_all(b"GET").await.unwrap();
        bench.watch.give(Order::Cut);
        let timed_out = |error: io::Error| error.kind() == io::ErrorKind::TimedOut;
        assert!(bench.guard.read(&mut [0; 8]).await.is_err_and(timed_out));
        assert!(bench.guard.write(b"HTTP").await.is_err_and(timed_out));
        assert!(bench.guard.shutdown().await.is_err_and(timed_out));
    }

    #[tokio::test]
    async fn a2_a_flood_ends_the_stream() {
        let mut bench = bench(true);
        let mut buf = [0; 512];
        bench
            .peer
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .unwrap();
        let error = loop {
            bench
                .peer
                .write_all(&[0, 0, 0, 4, 1, 0, 0, 0, 0].repeat(50))
                .await
                .unwrap();
            if let Err(error) = bench.guard.read(&mut buf).await {
                break error;
            }
        };
        assert_eq!(error.to_string(), "too many SETTINGS frames");
    }

    #[tokio::test]
    async fn a2_what_we_write_earns_window_updates() {
        let mut bench = bench(true);
        let mut sink = vec![0; 64 * 1024];
        for _ in 0..1_000 {
            let chunk = [0; 1024];
            bench.guard.write_all(&chunk).await.unwrap();
            bench.peer.read_exact(&mut sink[..1024]).await.unwrap();
        }
        bench
            .peer
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .unwrap();
        let update = [0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 4, 0];
        let mut allowed = 0;
        loop {
            bench.peer.write_all(&update).await.unwrap();
            if bench.guard.read(&mut sink).await.is_err() {
                break;
            }
            allowed += 1;
        }
        assert_eq!(allowed, 11_000);
    }

    #[tokio::test]
    async fn r7_the_rest_of_a_refused_body_is_taken_in_within_a_bound() {
        // Nobody waits for what did not come.
        let mut quiet = bench(false);
        assert!(once(quiet.guard.shutdown()).await.is_some());

        let mut bench = bench(false);
        bench.watch.request_begins(true, false);
        bench.watch.request_ends();
        assert!(
            once(bench.guard.shutdown()).await.is_none(),
            "the peer may still be sending"
        );
        assert_eq!(
            bench.peer.read(&mut [0; 8]).await.unwrap(),
            0,
            "our side is closed at once"
        );
        let mut taken = 0;
        while taken < LINGER {
            bench.peer.write_all(&[b'x'; 1024]).await.unwrap();
            taken += 1024;
            assert_eq!(
                once(bench.guard.shutdown()).await.is_some(),
                taken >= LINGER,
                "{taken}"
            );
        }
    }

    #[tokio::test]
    async fn r7_lingering_ends_with_the_peer_or_with_its_time() {
        let mut bench = bench(false);
        bench.watch.request_begins(true, false);
        bench.watch.request_ends();
        assert!(once(bench.guard.shutdown()).await.is_none());
        bench.clock.set(2);
        assert_eq!(bench.watch.overdue(), None);
        bench.clock.set(3);
        assert_eq!(bench.watch.overdue(), Some(Overdue::Leave));
        drop(bench.peer);
        bench.guard.shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn the_task_hears_when_the_stream_is_gone() {
        let mut bench = bench(false);
        assert!(
            bench
                .gone
                .try_recv()
                .is_err_and(|error| error == oneshot::error::TryRecvError::Empty)
        );
        drop(bench.guard);
        assert!(
            bench
                .gone
                .try_recv()
                .is_err_and(|error| error == oneshot::error::TryRecvError::Closed)
        );
    }

    #[test]
    fn hyper_may_send_it_away_after_an_upgrade() {
        fn sent<T: Send>() {}
        sent::<Guard<tokio_rustls::server::TlsStream<tokio::net::TcpStream>>>();
    }
}
