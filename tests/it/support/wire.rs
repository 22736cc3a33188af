//! HTTP/1 as bytes: a reader that believes nothing and a few writers.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Nothing here waits longer than this; a test that gets so far has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A head as it came: the first line, and the fields in their order with names in lower case.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// Request line or status line.
    pub first: String,
    /// Names in lower case, values as they came.
    pub fields: Vec<(String, String)>,
    /// The bytes, with the empty line.
    pub raw: String,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status line and fields.
    pub head: Head,
    /// What followed, out of its framing.
    pub body: Vec<u8>,
}

impl Head {
    /// The values of a field, in their order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The value of a field that is there once.
    pub fn field(&self, name: &str) -> Option<&str> {
        match *self.all(name) {
            [] => None,
            [only] => Some(only),
            _ => panic!("{name} stands more than once:\n{}", self.raw),
        }
    }

    /// The names of all fields, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }
}

impl Answer {
    /// The status.
    pub fn status(&self) -> u16 {
        self.head.first.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of a field that is there once.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.field(name)
    }
}

/// A connection to `address`.
pub fn connect(address: SocketAddr) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    BufReader::new(stream)
}

/// Reads a head; `None` if the connection ends before one begins.
pub fn read_head(stream: &mut impl BufRead) -> Option<Head> {
    let mut head = Head::default();
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).ok()?;
        if line.is_empty() {
            assert!(head.raw.is_empty(), "the head breaks off:\n{}", head.raw);
            return None;
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        head.raw.push_str(&text);
        let text = text
            .strip_suffix("\r\n")
            .unwrap_or_else(|| panic!("a line without CRLF: {text:?}"));
        if text.is_empty() {
            return Some(head);
        }
        if head.first.is_empty() {
            head.first = text.to_owned();
            continue;
        }
        let (name, value) = text
            .split_once(':')
            .unwrap_or_else(|| panic!("a field without a colon: {text:?}"));
        head.fields
            .push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// Reads the body that belongs to `head`; `bodiless` for answers to HEAD.
pub fn read_body(head: &Head, stream: &mut impl BufRead, until_close: bool) -> Vec<u8> {
    let mut body = Vec::new();
    if head
        .field("transfer-encoding")
        .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
    {
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            let size = usize::from_str_radix(line.trim(), 16)
                .unwrap_or_else(|_| panic!("a chunk size: {line:?}"));
            if size == 0 {
                let mut end = String::new();
                stream.read_line(&mut end).unwrap();
                assert_eq!(end, "\r\n", "trailers");
                return body;
            }
            let start = body.len();
            body.resize(start + size, 0);
            stream.read_exact(&mut body[start..]).unwrap();
            let mut end = [0; 2];
            stream.read_exact(&mut end).unwrap();
            assert_eq!(&end, b"\r\n");
        }
    }
    if let Some(length) = head.field("content-length") {
        body.resize(length.parse().unwrap(), 0);
        stream.read_exact(&mut body).unwrap();
    } else if until_close {
        stream.read_to_end(&mut body).unwrap();
    }
    body
}

/// Reads one answer; `to_head` if it answers HEAD.
pub fn read_answer(stream: &mut impl BufRead, to_head: bool) -> Option<Answer> {
    let head = read_head(stream)?;
    let status: u16 = head.first.split(' ').nth(1).unwrap().parse().unwrap();
    let none = to_head || status < 200 || matches!(status, 204 | 304);
    let body = if none {
        Vec::new()
    } else {
        read_body(&head, stream, true)
    };
    Some(Answer { head, body })
}
