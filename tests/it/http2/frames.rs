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
pub struct Raw {
    stream: StreamOwned<ClientConnection, TcpStream>,
    /// Requests that were sent.
    asked: u32,
    /// The other side has ended it.
    over: bool,
}

/// How a field line is written.
pub type Coding = fn(&[u8], &[u8]) -> Vec<u8>;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// `:status: 303` without its first byte, which is the name in the static table, and how it is indexed: the digits in
/// Huffman's code (RFC 7541 section 6.2).
const SEE_OTHER: &[u8] = &[0x83, 0x64, 0x0c, 0xff];

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

impl Raw {
    /// Connects and sends the preface (RFC 9113 section 3.4).
    pub fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let name = ServerName::try_from(HOST).unwrap();
        let session = ClientConnection::new(Arc::new(trusting(&["h2"])), name).unwrap();
        let mut raw = Self {
            stream: StreamOwned::new(session, stream),
            asked: 0,
            over: false,
        };
        raw.stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .unwrap();
        // No dynamic table: each answer's head can be read by itself. And room for the bodies of all answers.
        raw.send(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]);
        raw.send(WINDOW_UPDATE, 0, 0, &[0x3f, 0, 0, 0]);
        raw
    }

    /// Whether another request can be sent; hyper bears with so many faults.
    pub fn is_open(&self) -> bool {
        !self.over && self.asked < 300
    }

    /// What the other side says in its first SETTINGS (RFC 9113 section 6.5.1).
    pub fn settings(&mut self) -> Vec<(u16, u32)> {
        loop {
            let (kind, _, payload) = self.frame().expect("SETTINGS come first");
            if kind == SETTINGS {
                return payload
                    .chunks(6)
                    .map(|pair| {
                        let (name, value) = pair.split_at(2);
                        (
                            u16::from_be_bytes(name.try_into().unwrap()),
                            u32::from_be_bytes(value.try_into().unwrap()),
                        )
                    })
                    .collect();
            }
        }
    }

    /// Sends one request and tells what became of it.
    pub fn ask(mut self, fields: &[(&str, &str)], cookies: Option<&str>, body: &[u8]) -> Outcome {
        let cookies = cookies.map(|cookies| ("cookie", cookies));
        let block: Vec<u8> = fields
            .iter()
            .copied()
            .chain(cookies)
            .flat_map(|(name, value)| literal(name.as_bytes(), value.as_bytes()))
            .collect();
        if body.is_empty() {
            self.told(&[(HEADERS, END_STREAM | END_HEADERS, &block)])
        } else {
            self.told(&[(HEADERS, END_HEADERS, &block), (DATA, END_STREAM, body)])
        }
    }

    /// Sends the frames of the next stream, each with its kind and its flags, and tells what became of it.
    pub fn told(&mut self, frames: &[(u8, u8, &[u8])]) -> Outcome {
        let stream = 2 * self.asked + 1;
        self.asked += 1;
        for (kind, flags, payload) in frames {
            self.send(*kind, *flags, stream, payload);
        }
        self.outcome(stream)
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let stream = stream.to_be_bytes();
        let bytes = [&length[1..], &[kind, flags], &stream, payload].concat();
        // It may be closed already: then that is the outcome.
        drop(self.stream.write_all(&bytes));
    }

    /// Kind, stream and payload.
    fn frame(&mut self) -> Option<(u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).ok()?;
        let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
        Some((head[3], stream, payload))
    }

    fn outcome(&mut self, wanted: u32) -> Outcome {
        loop {
            let Some((kind, stream, payload)) = self.frame() else {
                self.over = true;
                return Outcome::Refused;
            };
            match kind {
                GOAWAY => {
                    self.over = true;
                    return Outcome::Refused;
                }
                HEADERS if stream == wanted => {
                    // The new size of the table comes before the first field (RFC 7541 section 6.3).
                    let fields = payload
                        .iter()
                        .position(|byte| byte & 0xe0 != 0x20)
                        .map_or(&[][..], |at| &payload[at..]);
                    // The first field is the status: 200 stands in the static table.
                    return match fields {
                        [0x88, ..] => Outcome::Ok,
                        [_, rest @ ..] if rest.starts_with(SEE_OTHER) => Outcome::Challenged,
                        _ => Outcome::Refused,
                    };
                }
                RST_STREAM if stream == wanted => return Outcome::Refused,
                _ => {}
            }
        }
    }
}

/// A field line that no table knows (RFC 7541 section 6.2.2).
pub fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = vec![0];
    for text in [name, value] {
        string(&mut out, 0, text);
    }
    out
}

/// The same in Huffman's code.
pub fn huffman(name: &[u8], value: &[u8]) -> Vec<u8> {
    let table = codes();
    let mut out = vec![0];
    for text in [name, value] {
        let (mut coded, mut bits, mut free) = (Vec::new(), 0_u64, 64);
        for byte in text {
            let (code, length) = table[usize::from(*byte)];
            free -= length;
            bits |= u64::from(code) << free;
            while free <= 56 {
                coded.push(bits.to_be_bytes()[0]);
                bits <<= 8;
                free += 8;
            }
        }
        if free < 64 {
            // Filled up with the beginning of the longest code, which is all ones.
            coded.push(bits.to_be_bytes()[0] | (0xff_u8 >> (64 - free)));
        }
        string(&mut out, 0x80, &coded);
    }
    out
}

/// A length of seven bits and more, and the bytes (RFC 7541 sections 5.1 and 5.2).
fn string(out: &mut Vec<u8>, mark: u8, text: &[u8]) {
    let length = text.len();
    if length < 127 {
        out.push(mark | u8::try_from(length).unwrap());
    } else {
        out.push(mark | 127);
        let mut rest = length - 127;
        while rest >= 128 {
            out.push(u8::try_from(rest % 128).unwrap() | 128);
            rest /= 128;
        }
        out.push(u8::try_from(rest).unwrap());
    }
    out.extend_from_slice(text);
}

/// The code of each byte and its length. The shorter come first, and those of one length in the order of their bytes, so
/// that the lengths tell the codes (RFC 7541 appendix B).
fn codes() -> [(u32, u32); 256] {
    let mut codes = [(0, 0); 256];
    let mut next = 0_u32;
    for length in 5..=30 {
        next <<= 1;
        for (byte, of) in LENGTHS.iter().enumerate() {
            if u32::from(*of) == length {
                codes[byte] = (next, length);
                next += 1;
            }
        }
    }
    codes
}

#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

#[test]
fn the_code_is_huffmans() {
    // RFC 7541 sections C.4.1 and C.4.3.
    let coded = huffman(b"custom-key", b"www.example.com");
    let key = [0x88, 0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f];
    let value = [
        0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
    ];
    assert_eq!(coded, [&[0][..], &key, &value].concat());
    // The longest of all: a line feed, and the last byte.
    assert_eq!(codes()[10], (0x3fff_fffc, 30));
    assert_eq!(codes()[255], (0x03ff_ffee, 26));
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
