//! The sockets, bound before anything else starts, so that a mistake in an address ends the start and nothing less.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::Settings;

/// Connections that wait for a worker: one that is busy for 100 ms at 40,000 new ones a second loses none.
/// `net.core.somaxconn` caps it; 4096 is its default.
const BACKLOG: i32 = 4096;

/// A peer that vanished without a word is found out after so long, wherever no other limit does: in a tunnel.
const KEEPALIVE: Duration = Duration::from_mins(2);

/// The sockets of all workers.
#[derive(Debug)]
pub struct Bound {
    addresses: Vec<Address>,
    workers: Vec<Vec<Listener>>,
}

/// Where connections can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Address and port; the port that the system chose where 0 was asked for.
    pub socket: SocketAddr,
    /// Whether it speaks TLS.
    pub tls: bool,
}

/// One worker's socket for one address.
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: TcpListener,
    pub(super) way: Way,
}

/// What its connections begin with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// A PROXY header, from trusted proxies only.
    pub(super) proxied: bool,
    /// A TLS handshake; after the header, if there is one.
    pub(super) tls: bool,
}

/// An address could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Something listens there already.
    #[error(
        "another program, or another Countersign, already listens on {address}: stop it or choose another port"
    )]
    Taken {
        /// The address as configured.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// Ports below 1024 are not for everybody.
    #[error(
        "no permission to listen on {address}: ports below 1024 need CAP_NET_BIND_SERVICE, which the systemd unit gives"
    )]
    NotAllowed {
        /// The address as configured.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// The address belongs to another machine.
    #[error("this machine has no address {}: use one of its own, or 0.0.0.0 or [::] for all", address.ip())]
    NotOurs {
        /// The address as configured.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// Anything else.
    #[error("cannot listen on {address}")]
    Failed {
        /// The address as configured.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
}

impl Bound {
    /// Takes every address of `settings` for so many workers.
    ///
    /// An IPv6 address is for IPv6 alone, so `[::]` and `0.0.0.0` stand side by side.
    ///
    /// # Errors
    /// [`BindError`] for the first address that cannot be had.
    pub fn bind(settings: &Settings, workers: NonZeroUsize) -> Result<Self, BindError> {
        let mut bound = Self {
            addresses: Vec::new(),
            workers: (0..workers.get()).map(|_| Vec::new()).collect(),
        };
        let https = settings.https.iter().map(|address| (*address, true));
        let http = settings.http.iter().map(|address| (*address, false));
        for (asked, tls) in https.chain(http) {
            let told = |source| BindError::new(asked, source);
            if asked.port() != 0 {
                probe(asked).map_err(told)?;
            }
            let mut address = asked;
            for listeners in &mut bound.workers {
                let socket = listen(address).map_err(told)?;
                address = socket.local_addr().map_err(told)?;
                let proxied = settings.proxy_protocol;
                let way = Way { proxied, tls };
                listeners.push(Listener { socket, way });
            }
            bound.addresses.push(Address {
                socket: address,
                tls,
            });
        }
        Ok(bound)
    }

    /// Where connections can be made, in the order of the settings, `https` first.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// How many workers they are for.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// The sockets, worker by worker.
    pub fn into_workers(self) -> Vec<Vec<Listener>> {
        self.workers
    }
}

impl BindError {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::Taken { address, source },
            io::ErrorKind::PermissionDenied => Self::NotAllowed { address, source },
            io::ErrorKind::AddrNotAvailable => Self::NotOurs { address, source },
            _ => Self::Failed { address, source },
        }
    }
}

/// Finds out whether somebody else listens there: with `SO_REUSEPORT` a second process of the same user would simply
/// get half of the connections.
fn probe(address: SocketAddr) -> io::Result<()> {
    let socket = socket(address)?;
    socket.bind(&address.into())
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address)?;
    socket.set_reuse_port(true)?;
    // Accepted sockets inherit both, which saves two calls for each.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    // Connections of the process before us may still be closing.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    fn settings(http: &[&str], https: &[&str]) -> Settings {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Settings {
            http: parse(http),
            https: parse(https),
            ..Settings::default()
        }
    }

    fn workers(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    #[test]
    fn every_worker_listens_on_the_port_that_the_first_one_got() {
        let bound = Bound::bind(&settings(&["127.0.0.1:0"], &["127.0.0.1:0"]), workers(3)).unwrap();
        let [https, http] = bound.addresses() else {
            panic!("{bound:?}");
        };
        assert!(https.tls && !http.tls);
        assert_ne!(http.socket.port(), 0);
        let addresses = [*https, *http];
        for listeners in bound.into_workers() {
            let here: Vec<_> = listeners
                .iter()
                .map(|one| Address {
                    socket: one.socket.local_addr().unwrap(),
                    tls: one.way.tls,
                })
                .collect();
            assert_eq!(here, addresses);
        }
    }

    #[test]
    fn a_port_that_another_program_has_is_an_error_even_if_it_would_share() {
        let other = Bound::bind(&settings(&["127.0.0.1:0"], &[]), workers(2)).unwrap();
        let taken = other.addresses()[0].socket.to_string();
        let error = Bound::bind(&settings(&[&taken], &[]), workers(1)).unwrap_err();
        assert!(matches!(error, BindError::Taken { .. }), "{error}");
        assert!(error.to_string().contains(&taken), "{error}");
        assert!(error.source().is_some());
        drop(other);
        Bound::bind(&settings(&[&taken], &[]), workers(2)).unwrap();
    }

    #[test]
    fn an_address_of_another_machine_is_an_error() {
        let error = Bound::bind(&settings(&["192.0.2.1:0"], &[]), workers(1)).unwrap_err();
        assert!(matches!(error, BindError::NotOurs { .. }), "{error}");
    }

    #[test]
    fn what_is_accepted_sends_at_once_and_is_kept_alive() {
        let bound = Bound::bind(&settings(&["127.0.0.1:0"], &[]), workers(1)).unwrap();
        let address = bound.addresses()[0].socket;
        let listener = bound.into_workers().remove(0).remove(0).socket;
        let _client = std::net::TcpStream::connect(address).unwrap();
        listener.set_nonblocking(false).unwrap();
        let accepted = Socket::from(listener.accept().unwrap().0);
        assert!(accepted.tcp_nodelay().unwrap());
        assert!(accepted.keepalive().unwrap());
        assert_eq!(accepted.tcp_keepalive_time().unwrap(), KEEPALIVE);
    }
}
