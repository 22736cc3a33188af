//! hyper's low-level client, and the list of idle connections. All of hyper's client is in this file: another
//! HTTP/1 client takes its place here and nowhere else.

use std::cell::RefCell;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::Failed;
use super::body::{Body, Progress, Upload};
use super::connect::Stream;
use super::room::Place;

/// A connection to an application, with nothing under way.
pub(super) struct Wire {
    sender: SendRequest<Upload>,
    place: Arc<Place>,
    since: Instant,
    /// For one answer only.
    once: bool,
}

/// No answer came.
pub(super) struct Unanswered {
    /// Why.
    pub(super) failed: Failed,
    /// Whether nothing of the request was written: then it is back in its place.
    pub(super) unsent: bool,
}

/// Idle connections, last in first out: the warmest is used, the others may end (performance.md section 3).
#[derive(Default)]
pub(super) struct Pool {
    idle: RefCell<Vec<Wire>>,
}

/// A connection that is busy with one answer, and goes back to its pool at the answer's end.
pub(super) struct Lease {
    wire: Option<Wire>,
    pool: Rc<Pool>,
    /// What goes up over it beside the answer.
    upload: Option<Progress>,
}

/// The most idle connections of one worker to one application.
const MOST_IDLE: usize = 256;

/// After so long an idle connection is not used again.
const IDLE: Duration = Duration::from_mins(1);

/// A connection that rested longer than this may have been closed at the other end without our knowing yet.
const RESTED: Duration = Duration::from_millis(500);

impl Wire {
    /// Speaks HTTP/1.1 over `stream`. hyper's connection runs in a task of its own on this worker and ends with the
    /// last of the sender and the answer's body.
    pub(super) async fn open(stream: Stream, place: Arc<Place>) -> Result<Self, hyper::Error> {
        let (sender, connection) = http1::Builder::new()
            .title_case_headers(true)
            .handshake(TokioIo::new(stream))
            .await?;
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(error = %error, "a connection to an application ended");
            }
        });
        Ok(Self {
            sender,
            place,
            since: Instant::now(),
            once: false,
        })
    }

    /// Whether it has been idle for a while.
    pub(super) fn rested(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) > RESTED
    }

    /// What it does next is a stranger's.
    pub(super) fn works_for_stranger(&self) {
        self.place.works_for_stranger();
    }

    /// Takes the request out of its place and sends it; an empty one is left there.
    pub(super) async fn send(
        &mut self,
        request: &mut Request<Upload>,
    ) -> Result<Response<Incoming>, Unanswered> {
        if let Err(error) = self.sender.ready().await {
            let failed = Failed::Broken(error);
            return Err(Unanswered {
                failed,
                unsent: true,
            });
        }
        let sent = self.sender.try_send_request(mem::take(request)).await;
        sent.map_err(|mut refused| {
            let back = refused.take_message();
            let unsent = back.is_some();
            if let Some(back) = back {
                *request = back;
            }
            let error = refused.into_error();
            let failed = if error.is_user() {
                Failed::Visitor(error)
            } else {
                Failed::Broken(error)
            };
            Unanswered { failed, unsent }
        })
    }

    /// Gives the answer's body the connection to bring home.
    pub(super) fn lend(
        mut self,
        response: Response<Incoming>,
        upload: Option<&Progress>,
        pool: &Rc<Pool>,
    ) -> Response<Body> {
        // To who answered in HTTP/1.0 hyper speaks so from then on, and then there are no chunks for an upload.
        self.once = response.version() == Version::HTTP_10;
        response.map(|incoming| {
            Body::answer(
                incoming,
                Lease {
                    wire: Some(self),
                    pool: Rc::clone(pool),
                    upload: upload.cloned(),
                },
            )
        })
    }
}

impl Pool {
    /// The connection that was used last, if one is still open.
    pub(super) fn take(&self, now: Instant) -> Option<Wire> {
        let mut idle = self.idle.borrow_mut();
        while let Some(wire) = idle.pop() {
            // Not `is_ready`: that is false for a moment after a body has ended.
            if !wire.sender.is_closed() && now.saturating_duration_since(wire.since) < IDLE {
                return Some(wire);
            }
        }
        None
    }

    /// How many connections rest here.
    pub(super) fn resting(&self) -> usize {
        self.idle.borrow().len()
    }

    /// Closes the one that has rested longest, if any does.
    pub(super) fn close_oldest(&self) -> bool {
        let mut idle = self.idle.borrow_mut();
        let any = !idle.is_empty();
        idle.drain(..usize::from(any));
        any
    }

    fn put(&self, wire: Wire) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() >= MOST_IDLE {
            idle.retain(|wire| !wire.sender.is_closed());
        }
        if idle.len() < MOST_IDLE && !wire.sender.is_closed() {
            idle.push(wire);
        }
    }
}

impl Lease {
    /// The answer was read to its end: the connection may be used again. Not if it came before the request's end: the next
    /// request would have to wait for whoever is still sending that one (A1), and the connection ends when they are done.
    pub(super) fn bring_home(&mut self) {
        let idle = self.upload.as_ref().is_none_or(Progress::has_ended);
        if let Some(mut wire) = self.wire.take().filter(|wire| idle && !wire.once) {
            wire.since = Instant::now();
            wire.place.rests();
            self.pool.put(wire);
        }
    }
}
