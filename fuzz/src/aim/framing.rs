//! What passes hyper and the check is one request to a strict reader, too, and ends where that one says (R1, R3, R6, R8).

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use countersign::request::{Checked, Framing, MAX_FIELDS, check};
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;

use self::strict::Message;

/// What heads are bent with.
pub const WORDS: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    " ",
    "\t",
    ":",
    ",",
    "\0",
    "\x0b",
    "\r\n ",
    "Host: a\r\n",
    "Host: b\r\n",
    "Host",
    "GET ",
    "POST ",
    "OPTIONS ",
    "CONNECT ",
    "TRACE ",
    " HTTP/1.1\r\n",
    " HTTP/1.0\r\n",
    "HTTP/1.1",
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: ",
    "Content_Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: ",
    "Transfer_Encoding: chunked\r\n",
    "chunked",
    "identity",
    "gzip",
    "0\r\n\r\n",
    "5\r\nabcde\r\n",
    "5;a=b\r\n",
    "0",
    "5",
    "+5",
    "0x5",
    "Connection: close\r\n",
    "Connection: ",
    "keep-alive",
    "Upgrade: h2c\r\n",
    "Upgrade: websocket\r\n",
    "Expect: 100-continue\r\n",
    "TE: trailers\r\n",
    "Trailer: X\r\n",
    "http://a/x",
    "http://b/",
    "//",
    "*",
    "/x?y",
    "%2f",
    "X-Forwarded-For: 1.2.3.4\r\n",
    "X_Forwarded_For: 1\r\n",
    "Remote-User: root\r\n",
    "X: y\r\n",
    "Cookie: a=b\r\n",
    "Proxy-Connection: x\r\n",
    "Proxy-X: x\r\n",
    "Proxy: x\r\n",
    "Keep-Alive: timeout=5\r\n",
    "HTTP2-Settings: AAMAAABk\r\n",
    "Connection: X, Proxy\r\n",
    "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
];

/// Requests of every framing are there, one behind the other, and those that only the check refuses.
pub const DEPTH: &[(&str, u64)] = &[
    (REFUSED, 50),
    (SECOND_REFUSED, 5),
    (HALF, 20),
    (ALONE, 20),
    (FOLLOWED, 20),
    (LONG, 20),
    (CHUNKED, 20),
];

const REFUSED: &str = "refused by the check";
const SECOND_REFUSED: &str = "one or more taken, then one refused by the check";
const HALF: &str = "taken, with a body that does not end as it should";
const ALONE: &str = "taken, without a body";
const FOLLOWED: &str = "several taken, the last without a body";
const LONG: &str = "taken, the last with a body of a length";
const CHUNKED: &str = "taken, the last with a body in chunks";

/// Every request that is taken is taken alike by the strict reader, in the same order, with the same body.
pub fn framing(bytes: &[u8]) -> &'static str {
    let mut rest = bytes;
    let mut came = "refused by hyper";
    for (at, taken) in served(bytes).into_iter().enumerate() {
        let Some(checked) = taken.checked else {
            return if at == 0 { REFUSED } else { SECOND_REFUSED };
        };
        let left = rest;
        let message = Message::head(&mut rest).unwrap_or_else(|| {
            let left = String::from_utf8_lossy(left);
            panic!("taken, and no request to a strict reader: {left:?}")
        });
        is_alike(&checked, &message);
        let Some(body) = taken.body else {
            return HALF;
        };
        let read = message.body(&mut rest);
        assert_eq!(
            read.as_deref(),
            Some(&*body),
            "the body of {:?}",
            String::from_utf8_lossy(bytes)
        );
        came = match (at, checked.framing()) {
            (0, Framing::Empty) => ALONE,
            (_, Framing::Empty) => FOLLOWED,
            (_, Framing::Length(_)) => LONG,
            (_, Framing::Chunked) => CHUNKED,
        };
        if checked.closing() {
            break;
        }
    }
    came
}

fn is_alike(checked: &Checked, message: &Message<'_>) {
    assert_eq!(checked.method().as_str().as_bytes(), message.method);
    assert!(!matches!(checked.method().as_str(), "CONNECT" | "TRACE"));
    let sent = checked.target().raw().as_bytes();
    assert_eq!(sent, message.path(), "what is sent is not what came");

    let hosts = message.all("host");
    assert_eq!(hosts, [checked.authority().as_bytes()], "one Host");
    assert!(message.fields.len() <= MAX_FIELDS);
    let (codings, lengths) = (
        message.all("transfer-encoding"),
        message.all("content-length"),
    );
    match checked.framing() {
        Framing::Chunked => {
            assert!(message.newer, "chunked is younger than HTTP/1.0");
            assert!(codings.len() == 1 && codings[0].eq_ignore_ascii_case(b"chunked"));
            assert!(checked.closing(), "a length may have been there");
        }
        framing => {
            assert!(codings.is_empty(), "a coding that nobody saw");
            let length = match framing {
                Framing::Length(length) => length,
                _ => 0,
            };
            assert!(
                lengths
                    .iter()
                    .all(|text| strict::decimal(text) == Some(length))
            );
            assert!(length == 0 || !lengths.is_empty(), "a length from nowhere");
        }
    }
    for named in message.all("connection") {
        for name in named.split(|&b| b == b',') {
            let name = String::from_utf8_lossy(name.trim_ascii());
            assert!(!checked.fields().contains_key(&*name), "{name} goes on");
        }
    }
    goes_on(checked, |name| message.all(name));
}

/// Fields of one hop (R8), those that are written anew (R6), and `Proxy` (R10).
const ENDS_HERE: &[&str] = &[
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "expect",
    "proxy",
    "host",
    "content-length",
];

/// What goes on was sent, and is none of what must not; `sent` gives the values that came under a name.
pub(super) fn goes_on<'b>(checked: &Checked, sent: impl Fn(&str) -> Vec<&'b [u8]>) {
    for (name, value) in checked.fields() {
        let name = name.as_str();
        assert!(strict::is_token(name.as_bytes()), "{name:?} goes on");
        assert!(!ENDS_HERE.contains(&name), "{name} goes on");
        assert!(!name.starts_with("proxy-"), "{name} goes on");
        let plain = name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let claims = [
            "x-forwarded-",
            "x-countersign-",
            "x-auth-request-",
            "ssl-client-",
        ];
        let claimed = claims.iter().any(|claim| plain.starts_with(claim));
        assert!(!claimed && plain != "remote-user", "{name} goes on");
        assert!(sent(name).contains(&value.as_bytes()), "{name} is new");
    }
}

// --- as it is served ------------------------------------------------------------------------------------------------

/// What hyper made of one request.
pub(super) struct Taken {
    /// None if the check refuses it.
    pub(super) checked: Option<Checked>,
    /// None if it has no end.
    pub(super) body: Option<Bytes>,
}

/// What hyper and the check take of these bytes, set up as the program's listeners are.
pub(super) fn served(bytes: &[u8]) -> Vec<Taken> {
    let taken = Rc::new(RefCell::new(Vec::new()));
    let service = service_fn(|request: Request<Incoming>| {
        let taken = Rc::clone(&taken);
        async move { Ok::<_, Infallible>(answer(request, &taken).await) }
    });
    let connection = http1::Builder::new()
        .half_close(false)
        .keep_alive(true)
        .max_header_size(32 * 1024)
        .max_buf_size(128 * 1024)
        .header_read_timeout(None)
        .serve_connection(Wire::ended(bytes), service);
    let mut connection = pin!(connection);
    let mut context = Context::from_waker(Waker::noop());
    // Whoever waits is asked again at once, so nobody has to be woken.
    let ended = (0..100_000).any(|_| connection.as_mut().poll(&mut context).is_ready());
    assert!(ended, "the connection hangs");
    taken.take()
}

async fn answer(request: Request<Incoming>, taken: &RefCell<Vec<Taken>>) -> Response<Empty<Bytes>> {
    let (parts, body) = request.into_parts();
    let checked = check(parts, body.is_end_stream()).ok();
    let body = match &checked {
        None => None,
        Some(_) => body
            .collect()
            .await
            .ok()
            .map(http_body_util::Collected::to_bytes),
    };
    let goes_on = body.is_some() && checked.as_ref().is_some_and(|checked| !checked.closing());
    taken.borrow_mut().push(Taken { checked, body });
    let mut response = Response::new(Empty::new());
    if !goes_on {
        let close = http::HeaderValue::from_static("close");
        response
            .headers_mut()
            .insert(http::header::CONNECTION, close);
    }
    response
}

/// A connection on which everything has come already, and that takes every answer.
pub(super) struct Wire {
    rest: Bytes,
    step: usize,
    /// How often it is still asked in vain for more, before it is known that no more comes. hyper drops a request whose
    /// client is gone before anybody looks at it.
    waits: usize,
}

impl Wire {
    /// These bytes, and no end.
    pub(super) fn open(bytes: &[u8]) -> Self {
        Self {
            waits: usize::MAX,
            ..Self::ended(bytes)
        }
    }

    fn ended(bytes: &[u8]) -> Self {
        Self {
            rest: Bytes::copy_from_slice(bytes),
            // Where a read ends must not matter: it differs from case to case.
            step: 1 + bytes.iter().map(|&b| usize::from(b)).sum::<usize>() % 97,
            waits: 16,
        }
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() && self.waits > 0 {
            self.waits -= 1;
            return Poll::Pending;
        }
        let most = self.step.min(self.rest.len()).min(into.remaining());
        into.put_slice(&self.rest.split_to(most));
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

// --- the strict reader ----------------------------------------------------------------------------------------------

mod strict {
    //! A reader of RFC 9112 that refuses what the document forbids. Where it allows a choice this one takes hyper's: a
    //! bare LF ends a line of a head (section 2.2).

    /// A request's head.
    pub(super) struct Message<'b> {
        pub(super) method: &'b [u8],
        target: &'b [u8],
        /// HTTP/1.1, and not 1.0.
        pub(super) newer: bool,
        pub(super) fields: Vec<(String, &'b [u8])>,
    }

    impl<'b> Message<'b> {
        /// Takes a head off `bytes`.
        pub(super) fn head(bytes: &mut &'b [u8]) -> Option<Self> {
            let mut line = next_line(bytes)?;
            // Empty lines before a request are passed over (section 2.2).
            while line.is_empty() {
                line = next_line(bytes)?;
            }
            let mut words = line.split(|&b| b == b' ');
            let (method, target, version) = (words.next()?, words.next()?, words.next()?);
            if words.next().is_some() || !is_token(method) || target.is_empty() {
                return None;
            }
            if !target.iter().all(|b| matches!(b, b'!'..=b'~')) {
                return None;
            }
            let newer = match version {
                b"HTTP/1.1" => true,
                b"HTTP/1.0" => false,
                _ => return None,
            };
            let mut fields = Vec::new();
            loop {
                let line = next_line(bytes)?;
                if line.is_empty() {
                    break;
                }
                fields.push(field(line)?);
            }
            Some(Self {
                method,
                target,
                newer,
                fields,
            })
        }

        pub(super) fn all(&self, name: &str) -> Vec<&'b [u8]> {
            let named = self.fields.iter().filter(|(known, _)| known == name);
            named.map(|(_, value)| *value).collect()
        }

        /// What a request line to the application may say: path and query.
        pub(super) fn path(&self) -> &'b [u8] {
            let end = self.target.iter().position(|&b| b == b'#');
            let target = &self.target[..end.unwrap_or(self.target.len())];
            let scheme = target.windows(3).position(|three| three == b"://");
            let Some(scheme) = scheme.filter(|_| !target.starts_with(b"/")) else {
                return target;
            };
            let rest = &target[scheme + 3..];
            let path = rest.iter().position(|b| matches!(b, b'/' | b'?'));
            path.map_or(b"/", |path| &rest[path..])
        }

        /// Takes the body off `bytes`, if it is there to its end.
        pub(super) fn body(&self, bytes: &mut &'b [u8]) -> Option<Vec<u8>> {
            if !self.all("transfer-encoding").is_empty() {
                return chunks(bytes);
            }
            let length = match self.all("content-length").first() {
                None => 0,
                Some(text) => usize::try_from(decimal(text)?).ok()?,
            };
            let (body, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            Some(body.to_vec())
        }
    }

    pub(super) fn decimal(text: &[u8]) -> Option<u64> {
        let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
    }

    /// Section 7.1.
    fn chunks(bytes: &mut &[u8]) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = next_crlf(bytes)?;
            let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
            let (size, rest) = line.split_at(digits);
            let extension = rest.trim_ascii_start();
            if !(extension.is_empty() || extension.starts_with(b";")) || rest.contains(&b'\r') {
                return None;
            }
            let size = usize::from_str_radix(str::from_utf8(size).ok()?, 16).ok()?;
            if size == 0 {
                break;
            }
            let (chunk, rest) = bytes.split_at_checked(size)?;
            body.extend_from_slice(chunk);
            *bytes = rest.strip_prefix(b"\r\n")?;
        }
        loop {
            let line = next_line(bytes)?;
            if line.is_empty() {
                return Some(body);
            }
            field(line)?;
        }
    }

    /// A field line without blanks before its name (no folding, section 5.2) or behind it (section 5.1).
    fn field(line: &[u8]) -> Option<(String, &[u8])> {
        let colon = line.iter().position(|&b| b == b':')?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        let start = value.iter().position(|b| !matches!(b, b' ' | b'\t'));
        let end = value.iter().rposition(|b| !matches!(b, b' ' | b'\t'));
        let value = match (start, end) {
            (Some(start), Some(end)) => &value[start..=end],
            _ => b"",
        };
        let clean = value.iter().all(|&b| b == b'\t' || b >= b' ' && b != 0x7f);
        if !is_token(name) || !clean {
            return None;
        }
        Some((String::from_utf8(name.to_ascii_lowercase()).ok()?, value))
    }

    /// RFC 9110 section 5.6.2.
    pub(super) fn is_token(text: &[u8]) -> bool {
        let is_mark = |b: &u8| b"!#$%&'*+-.^_`|~".contains(b);
        !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || is_mark(b))
    }

    fn next_line<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
        let end = bytes.iter().position(|&b| b == b'\n')?;
        let line = &bytes[..end];
        *bytes = &bytes[end + 1..];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    fn next_crlf<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
        let end = bytes.windows(2).position(|two| two == b"\r\n")?;
        let line = &bytes[..end];
        *bytes = &bytes[end + 2..];
        (!line.contains(&b'\n')).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_connection_carries_is_taken_one_by_one() {
        let bytes = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: a\r\n\r\n";
        let taken = served(bytes);
        assert_eq!(taken.len(), 2);
        assert_eq!(taken[0].body.as_deref(), Some(&b"abc"[..]));
        assert_eq!(
            taken[1].checked.as_ref().map(|it| it.target().raw()),
            Some("/b")
        );
        framing(bytes);
    }

    #[test]
    fn the_strict_reader_refuses_what_two_could_read() {
        for head in [
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nX: a\rY: b\r\n\r\n",
            "GET / HTTP/2.0\r\n\r\n",
        ] {
            assert!(Message::head(&mut head.as_bytes()).is_none(), "{head:?}");
        }
    }
}
