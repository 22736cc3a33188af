//! A visitor's body on its way up, with a minimum rate.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::{Broken, Peeked, at_hand, begin, both};

/// A request's body on its way up: what was read already, then the rest as it comes.
#[derive(Default)]
pub struct Upload {
    head: Option<Bytes>,
    rest: Option<Incoming>,
    pace: Option<Pace>,
}

/// How far an upload is.
#[derive(Clone)]
pub(in crate::upstream) struct Progress(Rc<Reached>);

struct Reached {
    /// When the last byte went up.
    last: Cell<Instant>,
    ended: Cell<bool>,
}

struct Pace {
    progress: Progress,
    /// What came, as far as it counts.
    bytes: u64,
    /// How long the visitor was waited for.
    waited: Duration,
    waiting_since: Option<Instant>,
    tick: Option<Pin<Box<Sleep>>>,
}

/// The least bytes a second that a visitor must send, once [`GRACE`] was waited for them (A1).
pub const RATE: u64 = 1024;

/// How long a visitor may be waited for before the rate counts (A1).
pub const GRACE: Duration = Duration::from_secs(5);

/// How long a visitor may be waited for who sent more than the rate before: a megabyte at once must not buy the
/// seventeen minutes that it would last.
const CREDIT: Duration = Duration::from_mins(1);

impl Upload {
    /// No body.
    pub fn empty() -> Self {
        Self::default()
    }

    /// A body at hand.
    pub fn bytes(bytes: Bytes) -> Self {
        Self {
            head: at_hand(bytes),
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

    /// Reads up to `most` bytes and gives them; the body still begins with them.
    ///
    /// # Errors
    /// [`Broken`] if the visitor's body fails or comes too slowly before that.
    pub async fn peek(&mut self, most: usize) -> Result<Peeked, Broken> {
        let (bytes, whole) = begin(self, most).await?;
        self.head = at_hand(bytes.clone());
        let bytes = bytes.slice(..most.min(bytes.len()));
        Ok(Peeked { bytes, whole })
    }

    pub(in crate::upstream) fn progress(&self) -> Option<Progress> {
        self.pace.as_ref().map(|pace| pace.progress.clone())
    }
}

impl Progress {
    /// When the last byte of it went up.
    pub(in crate::upstream) fn last(&self) -> Instant {
        self.0.last.get()
    }

    /// Whether nothing more of it goes up.
    pub(in crate::upstream) fn has_ended(&self) -> bool {
        self.0.ended.get()
    }
}

impl Pace {
    fn new() -> Self {
        let progress = Progress(Rc::new(Reached {
            last: Cell::new(Instant::now()),
            ended: Cell::new(false),
        }));
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
        self.progress.0.last.set(now);
    }

    /// Called while nothing comes: only time that the visitor was waited for counts, not the application's.
    fn poll_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let most = (self.waited + CREDIT).as_secs().saturating_mul(RATE);
        let since = *self.waiting_since.get_or_insert_with(|| {
            self.bytes = self.bytes.min(most);
            Instant::now()
        });
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

impl Drop for Pace {
    /// hyper lets go of a body once it has taken the last of it.
    fn drop(&mut self) {
        self.progress.0.ended.set(true);
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
        match &self.rest {
            Some(rest) => both(self.head.as_ref(), rest),
            None => SizeHint::with_exact(self.head.as_ref().map_or(0, |head| head.len() as u64)),
        }
    }
}

#[cfg(test)]
mod tests;
