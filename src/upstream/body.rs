//! Bodies on their way, in constant memory: up with a minimum rate, down for as long as the grant stands.
//!
//! Trailers are dropped both ways: what they would change was decided before they came (R6, S6).

use std::cell::Cell;
use std::future::Future as _;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::wire::Lease;
use crate::gate::Grants;
use crate::grant::Grant;

/// The body of an answer: ours, or the application's.
pub enum Body {
    /// Bytes at hand; none when they have been given.
    Bytes(Option<Bytes>),
    /// The application's, as it comes.
    Answer(Answer),
}

/// An application's answer that is still coming.
pub struct Answer {
    incoming: Incoming,
    lease: Lease,
    watch: Option<Watch>,
    tick: Option<Pin<Box<Sleep>>>,
    shutdown: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

/// The grants that an answer or a tunnel runs under, and who knows whether they still stand.
pub struct Watch {
    /// Who knows.
    pub standing: Rc<dyn Standing>,
    /// All of these must stand.
    pub grants: Grants,
}

/// Says whether a grant still stands at this moment.
pub trait Standing {
    /// False when it was revoked or has run out.
    fn stands(&self, grant: &Grant) -> bool;
}

/// How often a quiet answer or tunnel looks whether its grant still stands: well within the 5 s of S5.
pub const LOOK: Duration = Duration::from_secs(2);

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The connection it came over failed.
    #[error("the body broke off")]
    Wire(#[from] hyper::Error),
    /// The visitor sent less than [`RATE`] bytes a second (A1).
    #[error("the body came too slowly")]
    Slow,
    /// The grant it ran under has ended (S5).
    #[error("the grant has ended")]
    Ended,
    /// It would not have ended by itself, and the server stops.
    #[error("the server stops")]
    Stopped,
}

impl Watch {
    /// Whether everything still stands.
    pub fn stands(&self) -> bool {
        self.grants.iter().all(|grant| self.standing.stands(grant))
    }
}

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Self::Bytes(None)
    }

    /// An application's answer over a leased connection.
    pub(super) fn answer(incoming: Incoming, mut lease: Lease) -> Self {
        use http_body::Body as _;
        if incoming.is_end_stream() {
            lease.bring_home();
        }
        Self::Answer(Answer {
            incoming,
            lease,
            watch: None,
            tick: None,
            shutdown: None,
        })
    }

    /// The same body, ended when what it runs under has ended.
    #[must_use]
    pub fn watched(mut self, watch: Watch) -> Self {
        if let Self::Answer(answer) = &mut self {
            answer.watch = Some(watch);
        }
        self
    }

    /// The same body, ended at the shutdown: for what has no end of its own, such as a stream of events.
    #[must_use]
    pub fn endless(mut self, shutdown: CancellationToken) -> Self {
        if let Self::Answer(answer) = &mut self {
            answer.shutdown = Some(Box::pin(shutdown.cancelled_owned()));
        }
        self
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Self::Bytes(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Answer(answer) => answer.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_none(),
            Self::Answer(answer) => answer.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Answer(answer) => answer.incoming.size_hint(),
        }
    }
}

impl Answer {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        use http_body::Body as _;
        loop {
            match Pin::new(&mut self.incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    if self.incoming.is_end_stream() {
                        self.lease.bring_home();
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(None) => {
                    self.lease.bring_home();
                    return Poll::Ready(None);
                }
                // Only who has to wait looks at the clock.
                Poll::Pending => return self.wait(cx),
            }
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(shutdown) = &mut self.shutdown
            && shutdown.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Some(Err(Broken::Stopped)));
        }
        let Some(watch) = &self.watch else {
            return Poll::Pending;
        };
        let tick = self
            .tick
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(LOOK)));
        loop {
            ready!(tick.as_mut().poll(cx));
            if !watch.stands() {
                return Poll::Ready(Some(Err(Broken::Ended)));
            }
            tick.as_mut().reset(Instant::now() + LOOK);
        }
    }
}

/// A request's body on its way up: what was read already, then the rest as it comes.
pub struct Upload {
    head: Option<Bytes>,
    rest: Option<Incoming>,
    pace: Option<Pace>,
}

/// The beginning of a body.
pub struct Peeked {
    /// What was read.
    pub bytes: Bytes,
    /// Whether that is all of it.
    pub whole: bool,
}

/// When the last byte of an upload went up.
#[derive(Clone)]
pub(super) struct Progress(Rc<Cell<Instant>>);

struct Pace {
    progress: Progress,
    bytes: u64,
    waited: Duration,
    waiting_since: Option<Instant>,
    tick: Option<Pin<Box<Sleep>>>,
}

/// The least bytes a second that a visitor must send, once [`GRACE`] was waited for them (A1).
pub const RATE: u64 = 1024;

/// How long a visitor may be waited for before the rate counts (A1).
pub const GRACE: Duration = Duration::from_secs(5);

impl Upload {
    /// No body.
    pub fn empty() -> Self {
        Self {
            head: None,
            rest: None,
            pace: None,
        }
    }

    /// A body at hand.
    pub fn bytes(bytes: Bytes) -> Self {
        Self {
            head: Some(bytes).filter(|bytes| !bytes.is_empty()),
            ..Self::empty()
        }
    }

    /// What was read already, and the rest.
    pub fn stream(head: Bytes, rest: Incoming) -> Self {
        Self {
            rest: Some(rest),
            pace: Some(Pace::new()),
            ..Self::bytes(head)
        }
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.head.is_none() && self.rest.is_none()
    }

    /// Reads up to `most` bytes and gives them with a body that still begins with them.
    ///
    /// # Errors
    /// [`Broken`] if the visitor's body fails or comes too slowly before that.
    pub async fn peek(mut self, most: usize) -> Result<(Peeked, Self), Broken> {
        use http_body_util::BodyExt as _;
        let mut bytes = BytesMut::new();
        let whole = loop {
            match self.frame().await.transpose()? {
                None => break true,
                Some(frame) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
            }
            if bytes.len() > most {
                break false;
            }
        };
        let bytes = bytes.freeze();
        self.head = Some(bytes.clone()).filter(|bytes| !bytes.is_empty());
        Ok((Peeked { bytes, whole }, self))
    }

    pub(super) fn progress(&self) -> Option<Progress> {
        self.pace.as_ref().map(|pace| pace.progress.clone())
    }
}

impl Progress {
    /// When.
    pub(super) fn last(&self) -> Instant {
        self.0.get()
    }
}

impl Pace {
    fn new() -> Self {
        let progress = Progress(Rc::new(Cell::new(Instant::now())));
        Self {
            progress,
            bytes: 0,
            waited: Duration::ZERO,
            waiting_since: None,
            tick: None,
        }
    }

    fn came(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        let now = Instant::now();
        if let Some(since) = self.waiting_since.take() {
            self.waited += now - since;
        }
        self.progress.0.set(now);
    }

    /// Called while nothing comes: only time that the visitor was waited for counts, not the application's.
    fn poll_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let tick = self
            .tick
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(GRACE)));
        loop {
            ready!(tick.as_mut().poll(cx));
            let now = Instant::now();
            let waited = self.waited + (now - since);
            if waited >= GRACE && self.bytes < RATE.saturating_mul(waited.as_secs()) {
                return Poll::Ready(());
            }
            tick.as_mut().reset(now + GRACE);
        }
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        if let Some(head) = this.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        let Some(rest) = &mut this.rest else {
            return Poll::Ready(None);
        };
        loop {
            match Pin::new(&mut *rest).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    if let Some(pace) = &mut this.pace {
                        pace.came(data.remaining());
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    let Some(pace) = &mut this.pace else {
                        return Poll::Pending;
                    };
                    ready!(pace.poll_slow(cx));
                    return Poll::Ready(Some(Err(Broken::Slow)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.head.is_none()
            && self
                .rest
                .as_ref()
                .is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let head = self.head.as_ref().map_or(0, |head| head.len() as u64);
        let rest = self.rest.as_ref().map(http_body::Body::size_hint);
        match rest.map(|rest| rest.exact()) {
            None => SizeHint::with_exact(head),
            Some(Some(rest)) => SizeHint::with_exact(head + rest),
            Some(None) => SizeHint::default(),
        }
    }
}
