//! One connection to the program that is kept for several requests.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use super::support::browser::Browser;
use super::support::gate::HOST;
use super::support::wire::{Answer, Head, PATIENCE, connect, read_answer, read_head};

/// A connection, and the cookies of whose it is.
pub struct Line {
    pub stream: BufReader<TcpStream>,
    cookies: String,
}

impl Line {
    /// A stranger's.
    pub fn stranger(address: SocketAddr) -> Self {
        Self {
            stream: connect(address),
            cookies: String::new(),
        }
    }

    /// A stranger's from `127.0.0.x`.
    pub fn from(source: u8, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let own = SocketAddr::from(([127, 0, 0, source], 0));
        socket.bind(&own.into()).unwrap();
        socket.connect(&address.into()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream: BufReader::new(stream),
            cookies: String::new(),
        }
    }

    /// That of somebody's browser.
    pub fn of(browser: &Browser, address: SocketAddr) -> Self {
        Self {
            cookies: format!("Cookie: {}\r\n", browser.cookies().unwrap()),
            ..Self::stranger(address)
        }
    }

    /// Sends a request with this body; whether all of it got out, the answer will tell.
    pub fn begin(&mut self, method: &str, path: &str, body: &[u8]) {
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n{}{length}\r\n",
            self.cookies
        );
        drop(
            self.stream
                .get_mut()
                .write_all(&[head.as_bytes(), body].concat()),
        );
    }

    /// The answer; `None` if the connection ends instead.
    pub fn answer(&mut self) -> Option<Answer> {
        read_answer(&mut self.stream, false)
    }

    /// One request, one answer; `None` if the connection has ended.
    pub fn get(&mut self, path: &str) -> Option<Answer> {
        self.begin("GET", path, b"");
        self.answer()
    }

    /// The status alone, of an answer that has to come.
    pub fn status(&mut self, path: &str) -> u16 {
        self.get(path).expect("an answer").status()
    }

    /// The head alone.
    pub fn head(&mut self) -> Head {
        read_head(&mut self.stream).expect("a head")
    }

    /// Everything until the connection ends, however it does.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                panic!("the connection does not end after {} bytes", rest.len())
            }
            _ => rest,
        }
    }
}
