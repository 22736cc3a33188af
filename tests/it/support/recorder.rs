//! An application that keeps every byte. It tells what it got once nobody can send it any more.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::wire::PATIENCE;

/// The application.
pub struct Recorder {
    address: SocketAddr,
    ends: Arc<AtomicBool>,
    accepts: JoinHandle<Vec<Arrived>>,
}

/// A request, or what came of one.
#[derive(Debug)]
pub struct Arrived {
    /// Head and body.
    pub bytes: Vec<u8>,
    /// Whether it came to its end, as its framing tells.
    pub complete: bool,
}

impl Recorder {
    /// Begins to listen.
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let own = Arc::clone(&ends);
        let accepts = thread::spawn(move || {
            let mut conversations = Vec::new();
            loop {
                match listener.accept() {
                    Ok((stream, _)) => conversations.push(thread::spawn(move || record(stream))),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                }
                // What was connected before the end waits in the listener's queue.
                listener
                    .set_nonblocking(own.load(Ordering::SeqCst))
                    .unwrap();
            }
            conversations
                .into_iter()
                .flat_map(|one| one.join().unwrap())
                .collect()
        });
        Self {
            address,
            ends,
            accepts,
        }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that came, once all connections to it have ended: the gateway must be gone.
    pub fn finish(self) -> Vec<Arrived> {
        self.ends.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address).unwrap());
        self.accepts.join().unwrap()
    }
}

fn record(mut stream: TcpStream) -> Vec<Arrived> {
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut arrived = Vec::new();
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        while let Some(length) = end(&bytes) {
            let rest = bytes.split_off(length);
            arrived.push(Arrived {
                bytes: std::mem::replace(&mut bytes, rest),
                complete: true,
            });
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\napp!"));
        }
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                panic!("a connection is still open")
            }
            Err(_) => break,
        }
    }
    if !bytes.is_empty() {
        arrived.push(Arrived {
            bytes,
            complete: false,
        });
    }
    arrived
}

/// Where the first request of these bytes ends, if it does.
fn end(bytes: &[u8]) -> Option<usize> {
    let head = find(bytes, b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    if text.contains("\r\ntransfer-encoding:") {
        let mut at = head;
        loop {
            let line = find(&bytes[at..], b"\r\n")?;
            let size = std::str::from_utf8(&bytes[at..at + line]).unwrap();
            let size = usize::from_str_radix(size, 16)
                .unwrap_or_else(|_| panic!("a chunk size: {size:?}"));
            at += line + 2 + size + 2;
            if bytes.len() < at {
                return None;
            }
            if size == 0 {
                return Some(at);
            }
        }
    }
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    (bytes.len() >= head + length).then_some(head + length)
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}
