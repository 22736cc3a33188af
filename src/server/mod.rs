//! Where connections come in: accepts them, speaks HTTP/1.1 and HTTP/2, hands each request to a [`Service`], and
//! bounds every wait (A1, A2, A7, A8).
//!
//! A worker is one thread with its own runtime and its own listeners; nothing of it is shared with the others but
//! its [`Tally`]. The room knows nothing of sites, gates or grants. What it does not bound is how slowly a request's
//! body may come: only who reads it knows that it is wanted.

use std::any::Any;
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::bind::{Listener, Way};
use self::connection::Host;
use self::roll::Roll;
use self::tls::Terms;
use self::watch::Order;
use crate::secret::Secret;

pub mod bind;
pub mod tls;
pub mod worker;

mod connection;
mod files;
mod frames;
mod guard;
mod roll;
mod turn;
mod watch;

/// `[listen]`: where connections come in.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Sockets that speak TLS.
    pub https: Vec<SocketAddr>,
    /// Sockets that speak cleartext.
    pub http: Vec<SocketAddr>,
    /// Chosen by server name; the first is the default. Not empty if `https` is not.
    pub certificates: Vec<Certificate>,
    /// Whether all of them are reached through proxies that say by a PROXY header whose connection it is ([`crate::peer::header`]).
    pub proxy_protocol: bool,
}

/// A certificate chain and its key.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// A PEM file, the leaf first.
    pub chain: PathBuf,
    /// The PEM text of the private key.
    pub key: Secret,
    /// Where that was read, and is read again when it changes; `None` for a variable.
    pub key_file: Option<PathBuf>,
}

/// What answers requests. Each worker has one; it never leaves its thread.
pub trait Service: Clone + 'static {
    /// The body of an answer.
    type Body: http_body::Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>
        + Unpin
        + 'static;

    /// Answers one request. Dropped before it is done when the client goes away or, with HTTP/2, gives up.
    ///
    /// An answer of 101 turns the connection into a tunnel (HTTP/1.1 only): take it with [`hyper::upgrade::on`].
    /// The server then no longer minds how quiet it is; whoever has it ends it when [`Connection::shutdown`] is
    /// cancelled.
    fn call(
        &self,
        request: Request<Incoming>,
        connection: &Rc<Connection>,
    ) -> impl Future<Output = Response<Self::Body>>;
}

/// What a request came over.
#[derive(Debug)]
pub struct Connection {
    /// The address at the other end, or the one that a PROXY header told; IPv4 written as IPv6 is IPv4 here.
    pub peer: IpAddr,
    /// Whether a PROXY header came and told no address: `peer` is the proxy's then, and whoever speaks may be anybody,
    /// so that nothing is to be believed because `peer` is trusted.
    pub untold: bool,
    /// The same as text, for a field of the requests that go on: made once.
    pub peer_text: HeaderValue,
    /// Whether it is encrypted.
    pub tls: bool,
    /// The name that the client asked for in its TLS handshake, in lower case.
    pub server_name: Option<String>,
    /// Whether it speaks HTTP/2.
    pub version2: bool,
    /// Cancelled when the server shuts down: what has no end of its own (an event stream, a tunnel) ends then.
    pub shutdown: CancellationToken,
}

/// An address as a field's value.
///
/// # Panics
/// Never: an address is visible ASCII.
pub fn address_text(address: IpAddr) -> HeaderValue {
    HeaderValue::from_str(&address.to_string()).expect("an address is visible ASCII")
}

/// How much one worker takes on.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address, or one /64 of IPv6.
    pub per_source: usize,
    /// Proxies that speak for many: they count in all, but not by source.
    pub trusted: Vec<IpNet>,
}

impl Default for Limits {
    /// 20,000 in all: with 25 KB each, half a gigabyte at the worst. 1,000 from one address: an office behind one
    /// router has some six for each person, and one stranger takes no more than a twentieth.
    fn default() -> Self {
        Self {
            connections: 20_000,
            per_source: 1_000,
            trusted: Vec::new(),
        }
    }
}

/// What one worker counts, since it began.
#[derive(Debug, Default)]
pub struct Tally {
    /// Connections taken in.
    pub accepted: AtomicU64,
    /// Connections that have ended; what is left of `accepted` is open.
    pub closed: AtomicU64,
    /// Connections turned away at a limit.
    pub refused: AtomicU64,
    /// Connections that came past the proxy, or without its PROXY header, where one is wanted (R10).
    pub unannounced: AtomicU64,
    /// Times that the system gave no connection, as when files run out (A7).
    pub accept_errors: AtomicU64,
    /// TLS handshakes that failed or took too long.
    pub handshakes_failed: AtomicU64,
    /// Connections cut because they kept us waiting (A1).
    pub overdue: AtomicU64,
    /// Connections cut because of too many frames (A2).
    pub floods: AtomicU64,
    /// Panics, each of which ended one connection (A8).
    pub panics: AtomicU64,
}

impl Tally {
    /// Each count, with a word for it.
    pub fn counts(&self) -> [(&'static str, u64); 9] {
        [
            ("accepted", &self.accepted),
            ("closed", &self.closed),
            ("refused", &self.refused),
            ("unannounced", &self.unannounced),
            ("accept_error", &self.accept_errors),
            ("handshake_failed", &self.handshakes_failed),
            ("overdue", &self.overdue),
            ("flood", &self.floods),
            ("panic", &self.panics),
        ]
        .map(|(what, count)| (what, count.load(Relaxed)))
    }
}

/// Requests in progress have so long to finish at shutdown.
const GRACE: Duration = Duration::from_secs(30);
/// Connections that are cut then have so long to notice.
const LAST: Duration = Duration::from_secs(1);
/// How often waits are looked at.
const SWEEP: Duration = Duration::from_secs(1);
/// Rest after the system gave no connection: long enough to burn nothing, short enough not to be noticed.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Serves until `shutdown`, then lets requests in progress finish for up to 30 s.
///
/// To be called on a runtime where tasks can be spawned that are not `Send`, see [`worker::Workers`]. Connections to
/// a listener for TLS are closed if `tls` is `None`.
///
/// # Errors
/// If the runtime does not take a listener over.
///
/// # Panics
/// Only if one of its own loops does; a panic in a service ends one connection.
pub async fn serve<S: Service>(
    listeners: Vec<Listener>,
    service: S,
    tls: Option<Arc<Terms>>,
    shutdown: CancellationToken,
    limits: Limits,
    tally: Arc<Tally>,
) -> io::Result<()> {
    // A token of our own: all connections clone it, and clones of one token share a lock.
    let shutdown = shutdown.child_token();
    let roll = Roll::new(limits, Arc::clone(&tally));
    let tasks = TaskTracker::new();
    let host = Rc::new(Host::new(
        service,
        tls,
        tasks.clone(),
        shutdown.clone(),
        tally,
    ));
    let mut accepting = JoinSet::new();
    for Listener { socket, way } in listeners {
        let listener = TcpListener::from_std(socket)?;
        let (host, roll) = (Rc::clone(&host), roll.clone());
        accepting.spawn_local(async move { accept(|| listener.accept(), way, &host, &roll).await });
    }

    let mut sweep = interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = sweep.tick() => roll.sweep(),
            Some(Err(ended)) = accepting.join_next() => resume(ended),
        }
    }

    accepting.shutdown().await;
    drop(host);
    tasks.close();
    roll.give(Order::Leave);
    let grace = sleep(GRACE);
    tokio::pin!(grace);
    loop {
        tokio::select! {
            () = tasks.wait() => return Ok(()),
            () = &mut grace => break,
            _ = sweep.tick() => roll.sweep(),
        }
    }
    let cut = roll.give(Order::Cut);
    tracing::warn!(
        connections = cut,
        "requests were still in progress at the end of the shutdown and are cut"
    );
    // Whatever is left after this goes with the runtime.
    let _ = timeout(LAST, tasks.wait()).await;
    Ok(())
}

/// Takes connections in for ever. Never waits for a peer: everything else is the connection's own task.
async fn accept<S: Service>(
    mut next: impl AsyncFnMut() -> io::Result<(TcpStream, SocketAddr)>,
    way: Way,
    host: &Rc<Host<S>>,
    roll: &Roll,
) {
    let tally = &host.tally;
    let mut failing = false;
    loop {
        match next().await {
            Ok((stream, peer)) => {
                failing = false;
                let peer = peer.ip().to_canonical();
                if way.proxied && !roll.trusts(peer) {
                    // Not one byte is read: it could be a header.
                    connection::unannounced(tally, peer, &"it is none of `trusted_proxies`");
                } else if let Ok(seat) = roll.admit(peer) {
                    let connection = connection::serve(stream, peer, way, Rc::clone(host), seat);
                    host.tasks.spawn_local(connection);
                } else {
                    tally.refused.fetch_add(1, Relaxed);
                }
            }
            Err(error) if concerns_one(&error) => {}
            Err(error) => {
                tally.accept_errors.fetch_add(1, Relaxed);
                if !failing {
                    tracing::error!(%error, "the system gives no new connections; serving goes on for those that are open");
                    failing = true;
                }
                sleep(BACK_OFF).await;
            }
        }
    }
}

/// The error is that of a connection which ended before it was accepted (`accept(2)`, "Error handling").
fn concerns_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// Panics on in the place of a task of ours that did.
fn resume(ended: tokio::task::JoinError) {
    if let Ok(panic) = ended.try_into_panic() {
        std::panic::resume_unwind(panic);
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests;
