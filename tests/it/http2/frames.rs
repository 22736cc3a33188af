//! HTTP/2 by hand, for what no client lets one say.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::client::trusting;
use crate::support::gate::HOST;
use crate::support::wire::PATIENCE;

type Fields = &'static [(&'static str, &'static str)];

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Status 200.
    Ok,
    /// Status 303: who is it?
    Challenged,
    /// Any other status, a reset, or the end of the connection.
    Refused,
}

/// A connection.
pub struct Raw(StreamOwned<ClientConnection, TcpStream>);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

/// `:status: 303` as its name in the static table and its digits in Huffman's code (RFC 7541 section 6.2.1).
const SEE_OTHER: &[u8] = &[0x48, 0x83, 0x64, 0x0c, 0xff];

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

impl Raw {
    /// Connects and sends the preface (RFC 9113 section 3.4).
    pub fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let name = ServerName::try_from(HOST).unwrap();
        let session = ClientConnection::new(Arc::new(trusting(&["h2"])), name).unwrap();
        let mut raw = Self(StreamOwned::new(session, stream));
        raw.0
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .unwrap();
        raw.send(SETTINGS, 0, 0, &[]);
        raw
    }

    /// Sends one request and tells what became of it.
    pub fn ask(mut self, fields: &[(&str, &str)], cookies: Option<&str>, body: &[u8]) -> Outcome {
        let cookies = cookies.map(|cookies| ("cookie", cookies));
        let block: Vec<u8> = fields
            .iter()
            .copied()
            .chain(cookies)
            .flat_map(|(name, value)| literal(name, value))
            .collect();
        if body.is_empty() {
            self.send(HEADERS, END_STREAM | END_HEADERS, 1, &block);
        } else {
            self.send(HEADERS, END_HEADERS, 1, &block);
            self.send(DATA, END_STREAM, 1, body);
        }
        self.outcome()
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u8, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [
            length[1], length[2], length[3], kind, flags, 0, 0, 0, stream,
        ];
        // It may be closed already: then that is the outcome.
        drop(self.0.write_all(&[&head[..], payload].concat()));
    }

    fn outcome(&mut self) -> Outcome {
        loop {
            let mut head = [0; 9];
            if self.0.read_exact(&mut head).is_err() {
                return Outcome::Refused;
            }
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            if self.0.read_exact(&mut payload).is_err() {
                return Outcome::Refused;
            }
            match head[3] {
                // The first field is the status: 200 stands in the static table.
                HEADERS if payload[0] == 0x88 => return Outcome::Ok,
                HEADERS if payload.starts_with(SEE_OTHER) => return Outcome::Challenged,
                HEADERS | RST_STREAM | GOAWAY => return Outcome::Refused,
                _ => {}
            }
        }
    }
}

/// A field line that no table knows (RFC 7541 section 6.2.2).
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut out = vec![0];
    for text in [name, value] {
        let length = text.len();
        if length < 127 {
            out.push(u8::try_from(length).unwrap());
        } else {
            out.push(127);
            let mut rest = length - 127;
            while rest >= 128 {
                out.push(u8::try_from(rest % 128).unwrap() | 128);
                rest /= 128;
            }
            out.push(u8::try_from(rest).unwrap());
        }
        out.extend_from_slice(text.as_bytes());
    }
    out
}

/// Heads that are none (R11; RFC 9113 section 8).
pub const MALFORMED: &[(&str, Fields)] = &[
    (
        "connection",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("connection", "close"),
        ],
    ),
    (
        "keep-alive",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("keep-alive", "1"),
        ],
    ),
    (
        "proxy-connection",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("proxy-connection", "close"),
        ],
    ),
    (
        "transfer-encoding",
        &[
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("transfer-encoding", "chunked"),
        ],
    ),
    (
        "upgrade",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("upgrade", "websocket"),
        ],
    ),
    (
        "a TE of anything but trailers",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("te", "gzip"),
        ],
    ),
    (
        "an upper-case name",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("X-Upper", "1"),
        ],
    ),
    (
        "a blank in a name",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("x y", "1"),
        ],
    ),
    (
        "a colon in a name",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("x:y", "1"),
        ],
    ),
    (
        "a line end in a name",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("x\r\ny", "1"),
        ],
    ),
    (
        "no name",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("", "1"),
        ],
    ),
    (
        "a line end in a value",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("x", "a\r\ny: b"),
        ],
    ),
    (
        "a line feed in a value",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("x", "a\nb"),
        ],
    ),
    (
        "a NUL in a value",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("x", "a\0b"),
        ],
    ),
    (
        "a look-alike of a framing field",
        &[
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("transfer_encoding", "chunked"),
        ],
    ),
    (
        "a length and no body",
        &[
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("content-length", "5"),
        ],
    ),
    (
        "a length that is no number",
        &[
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("content-length", "+0"),
        ],
    ),
    (
        "a request in the path",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x HTTP/1.1\r\nHost: y\r\n\r\nGET /smuggled"),
        ],
    ),
    (
        "a blank in the path",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x y"),
        ],
    ),
    (
        "bytes beyond ASCII in the path",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x\u{e9}"),
        ],
    ),
    (
        "a bad escape",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x%zz"),
        ],
    ),
    (
        "an escaped NUL",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x%00"),
        ],
    ),
    (
        "a path without a slash",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "x"),
        ],
    ),
    (
        "an empty path",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", ""),
        ],
    ),
    (
        "no path",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
        ],
    ),
    (
        "two paths",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            (":path", "/y"),
        ],
    ),
    (
        "the star for GET",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "*"),
        ],
    ),
    (
        "a whole URL as path",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "https://evil.example/x"),
        ],
    ),
    (
        "a request in the method",
        &[
            (":method", "GET /smuggled HTTP/1.1\r\n"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
        ],
    ),
    (
        "a blank in the method",
        &[
            (":method", "GE T"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
        ],
    ),
    (
        "no method",
        &[
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
        ],
    ),
    (
        "two methods",
        &[
            (":method", "GET"),
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
        ],
    ),
    (
        "CONNECT",
        &[(":method", "CONNECT"), (":authority", "app.localhost:443")],
    ),
    (
        "extended CONNECT",
        &[
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
        ],
    ),
    (
        "TRACE",
        &[
            (":method", "TRACE"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
        ],
    ),
    (
        "no authority",
        &[(":method", "GET"), (":scheme", "https"), (":path", "/x")],
    ),
    (
        "an empty authority",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", ""),
            (":path", "/x"),
        ],
    ),
    (
        "two authorities",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":authority", "app.localhost"),
            (":path", "/x"),
        ],
    ),
    (
        "user information",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "me@app.localhost"),
            (":path", "/x"),
        ],
    ),
    (
        "a path in the authority",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost/y"),
            (":path", "/x"),
        ],
    ),
    (
        "a Host that is another",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("host", "evil.example"),
        ],
    ),
    (
        "two Hosts",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            ("host", "app.localhost"),
            ("host", "app.localhost"),
        ],
    ),
    (
        "an authority of nobody",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "evil.example"),
            (":path", "/x"),
        ],
    ),
    (
        "another scheme",
        &[
            (":method", "GET"),
            (":scheme", "ftp"),
            (":authority", "app.localhost"),
            (":path", "/x"),
        ],
    ),
    (
        "no scheme",
        &[
            (":method", "GET"),
            (":authority", "app.localhost"),
            (":path", "/x"),
        ],
    ),
    (
        "a pseudo field that is none",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            (":admin", "1"),
        ],
    ),
    (
        "an answer's pseudo field",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/x"),
            (":status", "200"),
        ],
    ),
    (
        "a pseudo field behind others",
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            ("x", "1"),
            (":path", "/x"),
        ],
    ),
];

/// Bodies that are not as long as they say (R11).
pub const BROKEN: &[(&str, Fields, &[u8])] = &[
    (
        "more than it says",
        &[
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/broken"),
            ("content-length", "3"),
        ],
        b"12345",
    ),
    (
        "less than it says",
        &[
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/broken"),
            ("content-length", "9"),
        ],
        b"12345",
    ),
    (
        "two lengths",
        &[
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "app.localhost"),
            (":path", "/broken"),
            ("content-length", "5"),
            ("content-length", "4"),
        ],
        b"12345",
    ),
];
