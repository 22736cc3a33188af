//! A `WebSocket` as a page's script opens one: text goes in, text comes out, and its end is heard (RFC 6455).

use std::io::{BufReader, Read, Write};

use super::tls::Stream;
use super::visitor::Visitor;
use super::wire::read_head;

/// A connection that was switched over.
pub struct Socket(BufReader<Box<dyn Stream>>);

/// Opcodes, RFC 6455 section 5.2.
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

impl Socket {
    /// Opens one with the visitor's cookies and further fields; the status where the server does not switch.
    pub fn open(visitor: &Visitor, target: &str, fields: &str) -> Result<Self, u16> {
        let (origin, authority) = (visitor.origin(), visitor.authority());
        let mut stream = visitor.connect();
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: {authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: {origin}\r\n{fields}{}\r\n",
            visitor.jar.field()
        );
        stream
            .get_mut()
            .write_all(head.as_bytes())
            .expect("somebody listens");
        let head = read_head(&mut stream).expect("an answer to the handshake");
        match head.first.split(' ').nth(1) {
            Some("101") => Ok(Self(stream)),
            Some(status) => Err(status.parse().expect("a status")),
            None => panic!("no status in {:?}", head.first),
        }
    }

    /// Sends a text in one frame, masked with zeros: a mask is for proxies, and these bytes are nobody's secret.
    pub fn say(&mut self, text: &str) {
        let length = u16::try_from(text.len()).expect("what a test says is short");
        let mut frame = vec![0x80 | TEXT, 0x80 | 0x7e];
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        self.0.get_mut().write_all(&frame).expect("it is open");
    }

    /// The next text, or bytes as text; `None` when the socket has ended. Panics where nothing comes for long.
    pub fn hear(&mut self) -> Option<String> {
        loop {
            let mut head = [0; 2];
            if !self.fill(&mut head) {
                return None;
            }
            let length = match head[1] & 0x7f {
                126 => self.number(2),
                127 => self.number(8),
                short => usize::from(short),
            };
            let mut said = vec![0; length];
            if !self.fill(&mut said) {
                return None;
            }
            match head[0] & 0x0f {
                // None of these applications cuts a message into frames.
                TEXT | BINARY => return Some(String::from_utf8_lossy(&said).into_owned()),
                CLOSE => return None,
                PING => self.answer_ping(&said),
                _ => {}
            }
        }
    }

    fn answer_ping(&mut self, said: &[u8]) {
        let length = u8::try_from(said.len()).expect("a control frame is short");
        let frame = [&[0x80 | PONG, 0x80 | length, 0, 0, 0, 0], said].concat();
        // Who asks and goes away at once does not hear it.
        drop(self.0.get_mut().write_all(&frame));
    }

    fn number(&mut self, bytes: usize) -> usize {
        let mut number = [0; 8];
        assert!(self.fill(&mut number[8 - bytes..]), "a frame breaks off");
        usize::try_from(u64::from_be_bytes(number)).expect("it fits into memory")
    }

    /// Whether that many bytes came before the end. Silence is no end.
    fn fill(&mut self, place: &mut [u8]) -> bool {
        use std::io::ErrorKind::{TimedOut, WouldBlock};
        match self.0.read_exact(place) {
            Ok(()) => true,
            Err(error) if matches!(error.kind(), TimedOut | WouldBlock) => {
                panic!("the socket says nothing and does not end")
            }
            Err(_) => false,
        }
    }
}
