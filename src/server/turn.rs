//! A request in progress, from the end of its head to the end of its answer, as the connection's watch counts it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::watch::Watch;

/// One request in progress; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn(Arc<Watch>);

impl Turn {
    /// Begins one; `body` tells whether more of the request is to come.
    pub(super) fn begin(watch: &Arc<Watch>, body: bool, version2: bool) -> Self {
        watch.request_begins(body, version2);
        Self(Arc::clone(watch))
    }

    /// The answer is 101.
    pub(super) fn becomes_tunnel(&self) {
        self.0.becomes_tunnel();
    }

    /// Goes on until `body` is sent or given up.
    pub(super) fn answer<B>(self, body: B) -> Answer<B> {
        self.0.body_is_unasked();
        Answer {
            body,
            unasked: true,
            turn: self,
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.request_ends();
    }
}

/// The body of an answer.
///
/// hyper asks for the next piece when it has room for it. With HTTP/2 that is the only place where a peer shows that
/// never opens its window: nothing waits at the socket then.
#[derive(Debug)]
pub(super) struct Answer<B> {
    body: B,
    unasked: bool,
    turn: Turn,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        if this.unasked {
            this.turn.0.body_is_asked();
        }
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        this.unasked = matches!(frame, Poll::Ready(Some(Ok(_))));
        if this.unasked {
            this.turn.0.body_is_unasked();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Answer<B> {
    fn drop(&mut self) {
        if self.unasked {
            self.turn.0.body_is_asked();
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full};

    use super::super::watch::{Clock, Overdue};
    use super::*;

    #[tokio::test]
    async fn a_request_ends_with_its_answer() {
        let clock = Clock::new();
        let watch = Arc::new(Watch::new(clock.clone()));
        let ended = || {
            clock.set(u64::from(watch.now()) + 60);
            watch.overdue() == Some(Overdue::Idle)
        };

        let turn = Turn::begin(&watch, false, true);
        assert!(!ended());
        let mut body = turn.answer(Full::new(Bytes::from_static(b"hello")));
        assert_eq!(body.size_hint().exact(), Some(5));
        assert!(body.frame().await.is_some());
        assert!(body.is_end_stream());
        drop(body);
        assert!(ended());

        drop(Turn::begin(&watch, false, true));
        assert!(ended(), "given up before it was answered");
    }

    #[tokio::test]
    async fn a1_an_answer_that_is_not_asked_for_is_overdue() {
        let clock = Clock::new();
        let watch = Arc::new(Watch::new(clock.clone()));
        let mut body =
            Turn::begin(&watch, false, true).answer(Full::new(Bytes::from_static(b"hello")));
        clock.set(61);
        assert_eq!(
            watch.overdue(),
            Some(Overdue::Stall),
            "not even its first piece"
        );
        let _ = body.frame().await;
        assert_eq!(watch.overdue(), None);
        clock.set(122);
        assert_eq!(
            watch.overdue(),
            Some(Overdue::Stall),
            "there is no room for what it has"
        );
        let _ = body.frame().await;
        clock.set(1_000);
        assert_eq!(watch.overdue(), None, "hyper waits for the application");
    }
}
