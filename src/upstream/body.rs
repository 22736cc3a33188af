//! Bodies on their way, in constant memory: up with a minimum rate, down for as long as the grant stands.
//!
//! Trailers are dropped both ways: what they would change was decided before they came (R6, S6).

use std::future::Future as _;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::FIRST_BYTE;
use super::rewrite::Rewriter;
use super::wire::Lease;
use crate::gate::Grants;
use crate::grant::Grant;

mod upload;

pub(super) use self::upload::Progress;
pub use self::upload::{GRACE, RATE, Upload};

/// The body of an answer: ours, or the application's.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every body is the large one"
)]
pub enum Body {
    /// Bytes at hand; none when they have been given.
    Bytes(Option<Bytes>),
    /// The application's, as it comes.
    Answer(Answer),
}

/// An application's answer that is still coming.
pub struct Answer {
    /// What was looked at. In a box, since few answers are and all of them are moved about.
    head: Option<Box<Bytes>>,
    incoming: Incoming,
    lease: Lease,
    /// How many pieces were given, up to [`FEW`].
    given: u8,
    /// In a box: few sites have it.
    rewriter: Option<Box<Rewriter>>,
    watch: Option<Watch>,
    tick: Option<Pin<Box<Sleep>>>,
    shutdown: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

/// The beginning of a body.
pub struct Peeked {
    /// What was read: no more than was asked for.
    pub bytes: Bytes,
    /// Whether that is all of it.
    pub whole: bool,
}

/// The grants that an answer or a tunnel runs under, and who knows whether they still stand.
pub struct Watch {
    /// Who knows.
    pub standing: Rc<dyn Standing>,
    /// All of these must stand.
    pub grants: Grants,
}

/// Says whether what was let through may still go on at this moment.
pub trait Standing {
    /// False when one of these was revoked or has run out.
    fn stands(&self, grants: &[Grant]) -> bool;
}

/// How often a quiet answer or tunnel looks whether its grant still stands: well within the 5 s of S5.
pub const LOOK: Duration = Duration::from_secs(2);

/// An answer of no more pieces than this never looks whether its grant stands: it is given at once.
const FEW: u8 = 8;

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The connection it came over failed.
    #[error("the body broke off")]
    Wire(#[from] hyper::Error),
    /// The visitor sent less than [`RATE`] bytes a second (A1).
    #[error("the body came too slowly")]
    Slow,
    /// The application did not get far enough with its answer within [`FIRST_BYTE`] (A1).
    #[error("the application stopped in the middle of its answer")]
    Stalled,
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
        self.standing.stands(&self.grants)
    }
}

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Self::Bytes(None)
    }

    /// A body at hand.
    pub fn bytes(bytes: Bytes) -> Self {
        Self::Bytes(at_hand(bytes))
    }

    /// An application's answer over a leased connection.
    pub(super) fn answer(incoming: Incoming, mut lease: Lease) -> Self {
        use http_body::Body as _;
        if incoming.is_end_stream() {
            lease.bring_home();
        }
        Self::Answer(Answer {
            head: None,
            incoming,
            lease,
            given: 0,
            rewriter: None,
            watch: None,
            tick: None,
            shutdown: None,
        })
    }

    /// Reads up to `most` bytes and gives them with a body that still begins with them.
    ///
    /// # Errors
    /// [`Broken`] if the body fails before that, or if the application needs more than [`FIRST_BYTE`] for it: who is
    /// made to wait for a look must not wait for an application that lets it drip (A1).
    pub async fn peek(mut self, most: usize) -> Result<(Peeked, Self), Broken> {
        let (bytes, whole) = tokio::time::timeout(FIRST_BYTE, begin(&mut self, most))
            .await
            .map_err(|_| Broken::Stalled)??;
        let peeked = Peeked {
            bytes: bytes.slice(..most.min(bytes.len())),
            whole,
        };
        match &mut self {
            Self::Answer(answer) if !whole => answer.head = at_hand(bytes).map(Box::new),
            _ => self = Self::bytes(bytes),
        }
        Ok((peeked, self))
    }

    /// Has what is still to come rewritten on its way.
    pub(super) fn rewrite(&mut self, rewriter: Rewriter) {
        if let Self::Answer(answer) = self {
            answer.rewriter = Some(Box::new(rewriter));
        }
    }

    /// Ends it when what it runs under has ended.
    pub fn watch(&mut self, watch: Watch) {
        if let Self::Answer(answer) = self {
            answer.watch = Some(watch);
        }
    }

    /// Ends it at the shutdown: for what has no end of its own, such as a stream of events.
    pub fn end_at(&mut self, shutdown: CancellationToken) {
        if let Self::Answer(answer) = self {
            answer.shutdown = Some(Box::pin(shutdown.cancelled_owned()));
        }
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
            Self::Answer(answer) => {
                answer.head.is_none()
                    && answer.incoming.is_end_stream()
                    && answer.rewriter.as_deref().is_none_or(Rewriter::has_ended)
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            // How long it becomes, only its end tells.
            Self::Answer(answer) if answer.rewriter.is_some() => SizeHint::default(),
            Self::Answer(answer) => both(answer.head.as_deref(), &answer.incoming),
        }
    }
}

impl Answer {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        use http_body::Body as _;
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(*head))));
        }
        // Who reads slowly never has to wait: the next piece is always there. A long answer is looked after all the same.
        if self.given >= FEW
            && let Poll::Ready(ended) = self.wait(cx)
        {
            return Poll::Ready(ended);
        }
        loop {
            match Pin::new(&mut self.incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.given = self.given.saturating_add(1);
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    if self.incoming.is_end_stream() {
                        self.lease.bring_home();
                    }
                    let data = match &mut self.rewriter {
                        None => data,
                        Some(rewriter) => match rewriter.push(data) {
                            nothing if nothing.is_empty() => continue,
                            rewritten => rewritten,
                        },
                    };
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Poll::Ready(Some(Err(error))) => {
                    // The visitor cannot be told any more: their connection just ends.
                    tracing::warn!(event = "upstream.broke_off", %error, "the application broke off in the middle of its answer");
                    return Poll::Ready(Some(Err(error.into())));
                }
                Poll::Ready(None) => {
                    self.lease.bring_home();
                    let rest = self
                        .rewriter
                        .as_mut()
                        .and_then(|rewriter| rewriter.finish());
                    return Poll::Ready(rest.map(|rest| Ok(Frame::data(rest))));
                }
                // Of short answers only those look at the clock that have to wait.
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

/// Reads frames until there are more than `most` bytes, or no more. Gives what came, and whether that is all.
async fn begin<B>(body: &mut B, most: usize) -> Result<(Bytes, bool), Broken>
where
    B: http_body::Body<Data = Bytes, Error = Broken> + Unpin,
{
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await.transpose()? {
        bytes.extend_from_slice(&frame.into_data().unwrap_or_default());
        if bytes.len() > most {
            return Ok((bytes.freeze(), false));
        }
    }
    Ok((bytes.freeze(), true))
}

/// How long a body is that begins with `head`.
fn both(head: Option<&Bytes>, rest: &Incoming) -> SizeHint {
    use http_body::Body as _;
    let head = head.map_or(0, |head| head.len() as u64);
    match rest.size_hint().exact() {
        Some(rest) => SizeHint::with_exact(head + rest),
        None => SizeHint::default(),
    }
}

/// As a body keeps it: a frame without bytes would be one too many.
fn at_hand(bytes: Bytes) -> Option<Bytes> {
    Some(bytes).filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests;
