//! One request as raw bytes over a connection of its own, and what came back.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::support::gate::HOST;
use super::support::wire::PATIENCE;

/// What came back: all of it, whatever it is.
pub struct Reply(pub Vec<u8>);

/// The field that tells one request from the others wherever it goes.
pub const NUMBER: &str = "X-Number";

/// GETs `target`, written as it stands, from whoever listens at `address`.
pub fn get(address: SocketAddr, target: &[u8], number: usize) -> Reply {
    get_at(address, HOST, target, number)
}

/// The same under another name.
pub fn get_at(address: SocketAddr, host: &str, target: &[u8], number: usize) -> Reply {
    let rest =
        format!(" HTTP/1.1\r\nHost: {host}\r\n{NUMBER}: {number}\r\nConnection: close\r\n\r\n");
    send(address, &[b"GET ", target, rest.as_bytes()].concat())
}

/// Sends these bytes, and reads until the other side hangs up.
pub fn send(address: SocketAddr, bytes: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    // Who refuses in the middle of a word hangs up: what it said is read all the same.
    let _ = stream.write_all(bytes);
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    let _ = stream.shutdown(Shutdown::Both);
    Reply(said)
}

impl Reply {
    /// The status, 0 if there is none.
    pub fn status(&self) -> u16 {
        let line = self.0.split(|&b| b == b'\r').next().unwrap_or_default();
        let word = String::from_utf8_lossy(line)
            .split(' ')
            .nth(1)
            .map(str::to_owned);
        word.and_then(|word| word.parse().ok()).unwrap_or(0)
    }

    /// Whether this word stands anywhere in it.
    pub fn has(&self, word: &str) -> bool {
        memchr::memmem::find(&self.0, word.as_bytes()).is_some()
    }

    /// All of it, to be shown.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}
