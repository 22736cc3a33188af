//! One connection of somebody who has a grant, or none: what goes over it is written byte by byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::gate::{Gate, HOST};
use super::wire::{Answer, connect, read_answer};

/// A connection, and the cookies that go with what is sent over it.
pub struct Visitor {
    /// The connection.
    pub stream: BufReader<TcpStream>,
    cookies: Option<String>,
}

impl Visitor {
    /// Somebody who has asked as `ann` and typed the code.
    pub fn granted(gate: &Gate) -> Self {
        Self {
            stream: connect(gate.address),
            cookies: gate.signed_in("ann").cookies(),
        }
    }

    /// Somebody whom nobody knows.
    pub fn stranger(gate: &Gate) -> Self {
        Self {
            stream: connect(gate.address),
            cookies: None,
        }
    }

    /// Somebody whom nobody knows, wherever that is.
    pub fn to(address: SocketAddr) -> Self {
        Self {
            stream: connect(address),
            cookies: None,
        }
    }

    /// The same person over another connection.
    pub fn again(&self, gate: &Gate) -> Self {
        Self {
            stream: connect(gate.address),
            cookies: self.cookies.clone(),
        }
    }

    /// A head: `GET /path`, further fields (each with its CRLF).
    pub fn head(&self, line: &str, fields: &str) -> String {
        let cookies = self
            .cookies
            .as_ref()
            .map(|cookies| format!("Cookie: {cookies}\r\n"))
            .unwrap_or_default();
        format!("{line} HTTP/1.1\r\nHost: {HOST}\r\n{cookies}{fields}\r\n")
    }

    /// The value of the Cookie field.
    pub fn cookies(&self) -> &str {
        self.cookies.as_deref().unwrap_or_default()
    }

    /// Sends a head.
    pub fn begin(&mut self, line: &str, fields: &str) {
        let head = self.head(line, fields);
        self.send(head);
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// Reads one answer.
    pub fn answer(&mut self) -> Answer {
        read_answer(&mut self.stream, false).expect("an answer")
    }

    /// One request without a body, one answer.
    pub fn ask(&mut self, line: &str, fields: &str) -> Answer {
        self.begin(line, fields);
        read_answer(&mut self.stream, line.starts_with("HEAD ")).expect("an answer")
    }

    /// Reads so many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Reads on until these words are there.
    pub fn until(&mut self, words: &str) {
        let mut came = Vec::new();
        while !came.ends_with(words.as_bytes()) {
            came.extend(self.bytes(1));
        }
    }

    /// Reads until a line ends.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line
    }

    /// Everything until the connection ends; however it does.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!(
                    "the connection does not end after {:?}",
                    String::from_utf8_lossy(&rest)
                )
            }
            _ => rest,
        }
    }
}
