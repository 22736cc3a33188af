//! What is known of one connection, and when it has kept us waiting for too long (A1).
//!
//! No connection has a timer. The one that speaks for it notes what happens, in whole seconds of its worker's clock,
//! and one sweep a second over all connections of the worker looks for those that are overdue. So a request costs a
//! few plain stores instead of arming and disarming a timer, and a limit is kept to within two seconds, never early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Waker};

use super::frames::Flood;

/// Whole seconds on the worker's clock, which begins at 1; 0 stands for never.
pub(super) type Tick = u32;

/// A TLS handshake, and a request head from its first byte to its last (A1).
const HEAD: Tick = 10;
/// A connection without a request (A1).
const IDLE: Tick = 60;
/// Data of ours that waits for the peer and does not move (A1).
const STALL: Tick = 60;
/// A connection that was asked to go and has no request left.
const LEAVE: Tick = 10;
/// The rest of a request body after the last answer (R7).
const LINGER: Tick = 2;

/// The clock of one worker, moved on by its sweep.
#[derive(Clone, Debug)]
pub(super) struct Clock(Arc<AtomicU32>);

impl Clock {
    /// A clock that has just begun.
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU32::new(1)))
    }

    /// Sets the clock to `seconds` after its beginning.
    pub(super) fn set(&self, seconds: u64) {
        self.0
            .store(u32::try_from(seconds).unwrap_or(u32::MAX - 1) + 1, Relaxed);
    }

    /// The second that it is.
    pub(super) fn now(&self) -> Tick {
        self.0.load(Relaxed)
    }
}

/// The state of one connection.
///
/// hyper's upgrades want the stream under them to be `Send`, so this is made of atomics; but only the worker's own
/// thread writes, so loads and stores without any order will do, and no read-modify-write is needed.
#[derive(Debug)]
pub(super) struct Watch {
    clock: Clock,
    /// Requests in progress.
    busy: AtomicU32,
    /// When the last request ended, or the connection began.
    rest: AtomicU32,
    /// Since when a head, or the handshake, is incomplete.
    head: AtomicU32,
    /// Since when the socket takes nothing.
    blocked: AtomicU32,
    /// Response bodies that hyper has not asked for more since it got the last piece.
    unasked: AtomicU32,
    /// When hyper last asked any response body for more.
    asked: AtomicU32,
    /// Since when the rest of a request body is being thrown away.
    linger: AtomicU32,
    /// Since when the connection is asked to go.
    leave: AtomicU32,
    /// The latest request had a body.
    body: AtomicBool,
    /// The connection was upgraded: it is no longer HTTP.
    tunnel: AtomicBool,
    /// Why the frame counter ended the connection; hyper keeps no more of such an error than its text.
    flood: OnceLock<Flood>,
    order: AtomicU8,
    wakers: Mutex<Wakers>,
}

/// Whom to wake when an order was given: the connection's own task, and whoever waits to write into a tunnel.
#[derive(Debug, Default)]
struct Wakers {
    task: Option<Waker>,
    writer: Option<Waker>,
}

/// What the connection is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Go on.
    Stay,
    /// Finish the requests in progress, take no more.
    Leave,
    /// End now.
    Cut,
}

/// Which wait was too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// A head or a handshake.
    Head,
    /// The next request.
    Idle,
    /// The peer to take what we have for it.
    Stall,
    /// The peer to go.
    Leave,
}

impl Watch {
    /// A connection that has just been accepted.
    pub(super) fn new(clock: Clock) -> Self {
        let now = clock.now();
        Self {
            clock,
            busy: AtomicU32::new(0),
            rest: AtomicU32::new(now),
            head: AtomicU32::new(0),
            blocked: AtomicU32::new(0),
            unasked: AtomicU32::new(0),
            asked: AtomicU32::new(0),
            linger: AtomicU32::new(0),
            leave: AtomicU32::new(0),
            body: AtomicBool::new(false),
            tunnel: AtomicBool::new(false),
            flood: OnceLock::new(),
            order: AtomicU8::new(Order::Stay as u8),
            wakers: Mutex::default(),
        }
    }

    /// The second that it is.
    pub(super) fn now(&self) -> Tick {
        self.clock.now()
    }

    /// A head or a handshake is incomplete since then, or none is.
    pub(super) fn head_since(&self, since: Option<Tick>) {
        self.head.store(since.unwrap_or(0), Relaxed);
    }

    /// Bytes of HTTP/1 came in: if no request is in progress they begin a head.
    pub(super) fn bytes_came(&self) {
        if self.busy.load(Relaxed) == 0 && self.head.load(Relaxed) == 0 {
            self.head.store(self.now(), Relaxed);
        }
    }

    /// A request's head was complete; `body` tells whether more of it comes.
    ///
    /// With HTTP/2 another head may be incomplete, so only that protocol's frames tell when one is complete.
    pub(super) fn request_begins(&self, body: bool, version2: bool) {
        self.busy.store(self.busy.load(Relaxed) + 1, Relaxed);
        self.body.store(body, Relaxed);
        if !version2 {
            self.head.store(0, Relaxed);
        }
    }

    /// The request's answer is in hyper's hands to its end, or was given up.
    pub(super) fn request_ends(&self) {
        self.busy
            .store(self.busy.load(Relaxed).saturating_sub(1), Relaxed);
        self.rest.store(self.now(), Relaxed);
    }

    /// hyper holds a piece of an answer and has not asked for the next.
    pub(super) fn body_is_unasked(&self) {
        if self.unasked.load(Relaxed) == 0 {
            self.asked.store(self.now(), Relaxed);
        }
        self.unasked.store(self.unasked.load(Relaxed) + 1, Relaxed);
    }

    /// hyper asks for the next piece, or the body is gone.
    pub(super) fn body_is_asked(&self) {
        self.unasked
            .store(self.unasked.load(Relaxed).saturating_sub(1), Relaxed);
        self.asked.store(self.now(), Relaxed);
    }

    /// The answer was 101: from here on the bytes are somebody else's.
    pub(super) fn becomes_tunnel(&self) {
        self.tunnel.store(true, Relaxed);
    }

    /// Whether the connection was upgraded.
    pub(super) fn is_tunnel(&self) -> bool {
        self.tunnel.load(Relaxed)
    }

    /// Whether the latest request carried a body, of which a part may be on its way still.
    pub(super) fn had_body(&self) -> bool {
        self.body.load(Relaxed)
    }

    /// The socket takes nothing more for now.
    pub(super) fn write_waits(&self, cx: &Context<'_>) {
        if self.blocked.load(Relaxed) == 0 {
            self.blocked.store(self.now(), Relaxed);
        }
        if self.is_tunnel() {
            self.wakers().writer = Some(cx.waker().clone());
        }
    }

    /// The socket took something.
    pub(super) fn write_moved(&self) {
        if self.blocked.load(Relaxed) != 0 {
            self.blocked.store(0, Relaxed);
            self.rest.store(self.now(), Relaxed);
        }
    }

    /// What is left of a request body is being thrown away.
    pub(super) fn lingers(&self) {
        if self.linger.load(Relaxed) == 0 {
            self.linger.store(self.now(), Relaxed);
        }
    }

    /// The frame counter ends the connection.
    pub(super) fn flooded(&self, flood: Flood) {
        // The first one counts.
        let _ = self.flood.set(flood);
    }

    /// Whether, and why, the frame counter ended the connection.
    pub(super) fn flood(&self) -> Option<Flood> {
        self.flood.get().copied()
    }

    /// What the connection is to do.
    pub(super) fn order(&self) -> Order {
        match self.order.load(Relaxed) {
            0 => Order::Stay,
            1 => Order::Leave,
            _ => Order::Cut,
        }
    }

    /// Wakes `cx` when an order is given.
    pub(super) fn heed(&self, cx: &Context<'_>) {
        self.wakers().task = Some(cx.waker().clone());
    }

    /// Gives an order; one that was given before is only ever made stricter.
    pub(super) fn give(&self, order: Order) {
        if order <= self.order() {
            return;
        }
        self.order.store(order as u8, Relaxed);
        if order == Order::Leave {
            self.leave.store(self.now(), Relaxed);
        }
        let Wakers { task, writer } = std::mem::take(&mut *self.wakers());
        if let Some(task) = &task {
            task.wake_by_ref();
        }
        if let Some(writer) = writer {
            writer.wake();
        }
        // The task stays to be woken by a stricter order.
        self.wakers().task = task;
    }

    /// Which wait is too long by now, if any.
    pub(super) fn overdue(&self) -> Option<Overdue> {
        let now = self.now();
        let past = |since: &AtomicU32, limit: Tick| {
            let since = since.load(Relaxed);
            since != 0 && now.saturating_sub(since) > limit
        };
        let busy = self.busy.load(Relaxed) > 0;
        let blocked = self.blocked.load(Relaxed) != 0;
        if past(&self.blocked, STALL) || self.unasked.load(Relaxed) > 0 && past(&self.asked, STALL)
        {
            Some(Overdue::Stall)
        } else if self.is_tunnel() {
            None
        } else if !blocked && past(&self.head, HEAD) {
            // While an answer waits for its reader, the next head waits for us.
            Some(Overdue::Head)
        } else if busy || blocked {
            None
        } else if past(&self.linger, LINGER) || past(&self.leave, LEAVE) && past(&self.rest, LEAVE)
        {
            Some(Overdue::Leave)
        } else if past(&self.rest, IDLE) {
            Some(Overdue::Idle)
        } else {
            None
        }
    }

    fn wakers(&self) -> MutexGuard<'_, Wakers> {
        // Nothing that can panic is done under the lock; and a waker is whole or not there.
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    fn counter() -> (Arc<Counter>, Waker) {
        let counter = Arc::new(Counter(AtomicUsize::new(0)));
        (Arc::clone(&counter), Waker::from(counter))
    }

    /// What is overdue right at `limit` seconds, and a second later.
    fn around(limit: Tick, happened: impl Fn(&Watch)) -> (Option<Overdue>, Option<Overdue>) {
        let watch = Watch::new(Clock::new());
        watch.clock.set(7);
        happened(&watch);
        let then = u64::from(watch.now() - 1 + limit);
        watch.clock.set(then);
        let at = watch.overdue();
        watch.clock.set(then + 1);
        (at, watch.overdue())
    }

    #[test]
    fn a1_every_wait_has_its_limit() {
        let (_, waker) = counter();
        let cx = Context::from_waker(&waker);
        let request = |watch: &Watch| {
            watch.request_begins(false, false);
            watch.request_ends();
        };
        for (name, limit, overdue, happened) in [
            ("a handshake", HEAD, Overdue::Head, &|watch: &Watch| {
                watch.head_since(Some(watch.now()));
            }),
            ("a head", HEAD, Overdue::Head, &|watch: &Watch| {
                watch.bytes_came();
            }),
            ("a second head", HEAD, Overdue::Head, &|watch: &Watch| {
                request(watch);
                watch.bytes_came();
            }),
            ("the next request", IDLE, Overdue::Idle, &request),
            ("the last write", IDLE, Overdue::Idle, &|watch: &Watch| {
                watch.write_waits(&cx);
                watch.write_moved();
            }),
            ("a write", STALL, Overdue::Stall, &|watch: &Watch| {
                watch.request_begins(false, false);
                watch.write_waits(&cx);
            }),
            (
                "a write into a tunnel",
                STALL,
                Overdue::Stall,
                &|watch: &Watch| {
                    watch.becomes_tunnel();
                    watch.write_waits(&cx);
                },
            ),
            (
                "an answer that the peer has no room for",
                STALL,
                Overdue::Stall,
                &|watch: &Watch| {
                    watch.request_begins(false, true);
                    watch.body_is_unasked();
                },
            ),
            ("the peer to go", LEAVE, Overdue::Leave, &|watch: &Watch| {
                request(watch);
                watch.give(Order::Leave);
            }),
            (
                "the rest of a body",
                LINGER,
                Overdue::Leave,
                &|watch: &Watch| {
                    request(watch);
                    watch.lingers();
                },
            ),
        ] as [(_, _, _, &dyn Fn(&Watch)); 10]
        {
            assert_eq!(around(limit, happened), (None, Some(overdue)), "{name}");
        }
    }

    #[test]
    fn a1_a_new_connection_may_be_idle_for_a_minute() {
        let watch = Watch::new(Clock::new());
        watch.clock.set(u64::from(IDLE));
        assert_eq!(watch.overdue(), None);
        watch.clock.set(u64::from(IDLE) + 1);
        assert_eq!(watch.overdue(), Some(Overdue::Idle));
    }

    #[test]
    fn a_request_in_progress_may_take_its_time() {
        for happened in [
            &|watch: &Watch| watch.request_begins(true, false),
            // Bytes of its body begin no head.
            &|watch: &Watch| {
                watch.bytes_came();
                watch.request_begins(true, false);
                watch.bytes_came();
            },
            // An answer that hyper waits for is the application's to give.
            &|watch: &Watch| {
                watch.request_begins(false, true);
                watch.body_is_unasked();
                watch.body_is_asked();
            },
            // One of two has ended.
            &|watch: &Watch| {
                watch.request_begins(false, true);
                watch.request_begins(false, true);
                watch.request_ends();
            },
            &|watch: &Watch| {
                watch.request_begins(false, false);
                watch.give(Order::Leave);
            },
            &|watch: &Watch| {
                watch.becomes_tunnel();
                watch.bytes_came();
            },
        ] as [&dyn Fn(&Watch); 6]
        {
            assert_eq!(around(100_000, happened), (None, None));
        }
    }

    #[test]
    fn a_head_sent_ahead_waits_for_the_answer_before_it_to_be_read() {
        let (_, waker) = counter();
        let watch = Watch::new(Clock::new());
        watch.request_begins(false, false);
        watch.request_ends();
        watch.write_waits(&Context::from_waker(&waker));
        watch.bytes_came();
        watch.clock.set(30);
        assert_eq!(watch.overdue(), None);
        watch.write_moved();
        assert_eq!(watch.overdue(), Some(Overdue::Head));
    }

    #[test]
    fn a1_a_write_that_moves_starts_its_wait_anew() {
        let (_, waker) = counter();
        let cx = Context::from_waker(&waker);
        let watch = Watch::new(Clock::new());
        watch.request_begins(false, false);
        for minute in 1..10 {
            watch.write_waits(&cx);
            watch.clock.set(minute * 55);
            watch.write_waits(&cx);
            assert_eq!(watch.overdue(), None);
            watch.write_moved();
        }
    }

    #[test]
    fn an_order_wakes_whoever_has_to_hear_it() {
        let (task, task_waker) = counter();
        let (writer, writer_waker) = counter();
        let watch = Watch::new(Clock::new());
        watch.heed(&Context::from_waker(&task_waker));
        watch.becomes_tunnel();
        watch.write_waits(&Context::from_waker(&writer_waker));
        watch.give(Order::Leave);
        watch.give(Order::Leave);
        assert_eq!((task.0.load(Relaxed), writer.0.load(Relaxed)), (1, 1));
        watch.give(Order::Cut);
        watch.give(Order::Leave);
        assert_eq!(task.0.load(Relaxed), 2);
        assert_eq!(watch.order(), Order::Cut, "an order is never softened");
    }
}
