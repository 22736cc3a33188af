//! The connection to a mail server: made, and made private before anything of ours goes over it.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use lettre::transport::smtp::extension::ClientId;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Settings, Stage, Tls, Unwilling, refused, unwilling};
use crate::carrier::{Cause, Failure};

/// A connection of either kind that reads no more than any server has to say.
pub(super) struct Wire {
    stream: Stream,
    peer: SocketAddr,
    /// What is read before anything else.
    first: &'static [u8],
    /// How many bytes may still come.
    left: usize,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// All replies of one conversation; a real one is under 2 KiB.
const LONGEST: usize = 64 * 1024;

/// A server does not greet again after STARTTLS (RFC 3207 section 4.2), but whoever takes the wire over waits for it.
/// Nothing that came in clear text is believed, so this stands for it.
const GREETING: &[u8] = b"220 ready\r\n";

/// Connects, as privately as the settings say. With the name under which we introduce ourselves: the address that the
/// server sees, since nobody has to have told this machine its name (RFC 5321 section 4.1.4).
pub(super) async fn open(
    settings: &Settings,
    tls: Option<&TlsConnector>,
) -> Result<(Wire, ClientId), Failure> {
    let unconnected = |error: io::Error| Failure::Transient(Cause::Connect(error.into()));
    let host = settings.host.to_str();
    let mut tcp = TcpStream::connect((&*host, settings.port))
        .await
        .map_err(unconnected)?;
    let peer = tcp.peer_addr().map_err(unconnected)?;
    let hello = match tcp.local_addr().map_err(unconnected)?.ip().to_canonical() {
        IpAddr::V4(address) => ClientId::Ipv4(address),
        IpAddr::V6(address) => ClientId::Ipv6(address),
    };
    let mut first: &[u8] = b"";
    let stream = match tls {
        None => Stream::Plain(tcp),
        Some(tls) => {
            if settings.tls == Tls::Starttls {
                starttls(&mut tcp, &hello).await?;
                first = GREETING;
            }
            let private = tls
                .connect(settings.host.clone(), tcp)
                .await
                .map_err(unconnected)?;
            Stream::Tls(Box::new(private))
        }
    };
    let wire = Wire {
        stream,
        peer,
        first,
        left: LONGEST,
    };
    Ok((wire, hello))
}

/// Goes in clear text as far as it must, and reads not a byte further: what somebody on the way puts behind the last
/// answer would else be taken for one that came encrypted.
async fn starttls(tcp: &mut TcpStream, hello: &ClientId) -> Result<(), Failure> {
    reply(tcp).await?;
    say(tcp, &format!("EHLO {hello}\r\n")).await?;
    let offers = reply(tcp).await?;
    let offered = |line: &str| {
        let word = line.get(4..).unwrap_or_default().trim();
        word.eq_ignore_ascii_case("STARTTLS")
    };
    if !offers.lines().any(offered) {
        return Err(unwilling(Unwilling::NoStarttls));
    }
    say(tcp, "STARTTLS\r\n").await?;
    reply(tcp).await?;
    Ok(())
}

async fn say(tcp: &mut TcpStream, line: &str) -> Result<(), Failure> {
    tcp.write_all(line.as_bytes()).await.map_err(broken)
}

/// A whole reply that says yes.
async fn reply(tcp: &mut TcpStream) -> Result<String, Failure> {
    let unreadable = || Failure::Transient(Cause::Unreadable);
    let (mut whole, mut begin) = (Vec::new(), 0);
    loop {
        if whole.len() == LONGEST {
            return Err(Failure::Transient(Cause::Oversized));
        }
        whole.push(tcp.read_u8().await.map_err(broken)?);
        if !whole.ends_with(b"\n") {
            continue;
        }
        // `250-` is followed by more of the same reply, `250 ` is its last line (RFC 5321 section 4.2.1).
        if whole.get(begin + 3) == Some(&b'-') {
            begin = whole.len();
            continue;
        }
        let text = String::from_utf8(whole).map_err(|_| unreadable())?;
        let code = text
            .get(begin..begin + 3)
            .and_then(|code| code.parse().ok());
        return match code.ok_or_else(unreadable)? {
            200..=299 => Ok(text),
            code => Err(refused(code, "", Stage::Server)),
        };
    }
}

fn broken(error: io::Error) -> Failure {
    Failure::Transient(Cause::Broken(error.into()))
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let (now, later) = self
                .first
                .split_at(self.first.len().min(buffer.remaining()));
            buffer.put_slice(now);
            self.first = later;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        let came = buffer.filled().len().saturating_sub(before);
        match self.left.checked_sub(came) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Err(io::Error::other("more than any server has to say"))),
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

/// The other end, and nothing of what went over it.
impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
