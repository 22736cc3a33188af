//! An application that keeps every byte of every connection, and answers what a strict reader takes for a request.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::strict::{Message, Reading, read};
use super::support::wire::PATIENCE;

/// The application.
pub struct Tape {
    /// Where it listens.
    pub address: SocketAddr,
    ends: Arc<AtomicBool>,
    accepts: JoinHandle<Vec<Conversation>>,
}

/// All that came on one connection.
pub struct Conversation {
    pub bytes: Vec<u8>,
    pub reading: Reading,
}

/// How it treats its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// They stay open for one request after another; what is no request is answered with 400, and closed.
    Kept,
    /// One answer each, to whatever came: who sends nonsense sends it once only, and all of it comes on one connection.
    Once,
}

/// What ends in no way that can be seen is answered after so long without another byte.
const QUIET: Duration = Duration::from_millis(400);

impl Tape {
    /// Begins to listen.
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let own = Arc::clone(&ends);
        let accepts = thread::spawn(move || {
            let mut conversations = Vec::new();
            loop {
                match listener.accept() {
                    Ok((stream, _)) => {
                        conversations.push(thread::spawn(move || converse(stream, manner)));
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                }
                // What was connected before the end waits in the listener's queue.
                listener
                    .set_nonblocking(own.load(Ordering::SeqCst))
                    .unwrap();
            }
            let told = conversations.into_iter().map(|one| one.join().unwrap());
            told.filter(|one| !one.bytes.is_empty()).collect()
        });
        Self {
            address,
            ends,
            accepts,
        }
    }

    /// `http://address`, for the configuration.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that came, once all connections to it have ended: whoever stands before it must be gone.
    pub fn finish(self) -> Vec<Conversation> {
        self.ends.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address).unwrap());
        self.accepts.join().unwrap()
    }
}

fn converse(mut stream: TcpStream, manner: Manner) -> Conversation {
    stream.set_nonblocking(false).unwrap();
    let mut bytes = Vec::new();
    let mut reading = Reading::default();
    let (mut answered, mut over, mut urged) = (0, false, false);
    let mut piece = [0; 16 * 1024];
    loop {
        let waits = manner == Manner::Once && !bytes.is_empty();
        let patience = if waits { QUIET } else { PATIENCE };
        stream.set_read_timeout(Some(patience)).unwrap();
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                assert_eq!(manner, Manner::Once, "a connection is still open");
                if over {
                    break;
                }
                over = true;
                answer(&mut stream, "200 OK", true);
                continue;
            }
            Err(_) => break,
        }
        reading = read(&bytes);
        while !over
            && reading
                .messages
                .get(answered)
                .is_some_and(|one| one.complete)
        {
            answered += 1;
            over = manner == Manner::Once;
            answer(&mut stream, "200 OK", over);
        }
        let waits = |one: &Message| !one.complete && !one.all("expect").is_empty();
        if !urged && !over && reading.messages.last().is_some_and(waits) {
            urged = true;
            drop(stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n"));
        }
        if !over && reading.ambiguous() {
            over = true;
            let status = match manner {
                Manner::Kept => "400 Bad Request",
                Manner::Once => "200 OK",
            };
            answer(&mut stream, status, true);
        }
    }
    Conversation { bytes, reading }
}

/// Answers, and says no more if that was the last. The other side may be gone.
fn answer(stream: &mut TcpStream, status: &str, last: bool) {
    let close = if last { "Connection: close\r\n" } else { "" };
    let text = format!("HTTP/1.1 {status}\r\n{close}Content-Length: 4\r\n\r\napp!");
    drop(stream.write_all(text.as_bytes()));
    if last {
        drop(stream.shutdown(Shutdown::Write));
    }
}
