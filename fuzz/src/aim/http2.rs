//! What passes hyper as HTTP/2 and then the check is one request in HTTP/1.1, too (R11).

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Waker};

use bytes::Bytes;
use countersign::request::{Checked, Framing, MAX_FIELDS, check};
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;

use super::framing::{Taken, Wire, goes_on};

/// What field sections are bent with.
pub const WORDS: &[&str] = &[
    "\n",
    "\n\n",
    ":method: GET\n",
    ":method: POST\n",
    ":method: CONNECT\n",
    ":method: OPTIONS\n",
    ":scheme: http\n",
    ":scheme: https\n",
    ":scheme: ftp\n",
    ":path: /x\n",
    ":path: *\n",
    ":path: x\n",
    ":path: \n",
    ":path: http://b/x\n",
    ":path: //b/x\n",
    ":authority: a\n",
    ":authority: b\n",
    ":authority: u@a\n",
    ":authority: \n",
    ":protocol: websocket\n",
    ":status: 200\n",
    "host: a\n",
    "host: b\n",
    "host: A\n",
    "Host: a\n",
    "connection: x\n",
    "connection: upgrade\n",
    "upgrade: websocket\n",
    "transfer-encoding: chunked\n",
    "keep-alive: 1\n",
    "proxy-connection: x\n",
    "proxy-x: x\n",
    "proxy: x\n",
    "http2-settings: AAMAAABk\n",
    "te: trailers\n",
    "te: gzip\n",
    "trailer: x\n",
    "content-length: 0\n",
    "content-length: 5\n",
    "content-length: 05\n",
    "content-length: +5\n",
    "content_length: 5\n",
    "transfer_encoding: chunked\n",
    "expect: 100-continue\n",
    "expect: x\n",
    "cookie: a=b\n",
    "cookie: __Host-countersign-app-login=x\n",
    "x-forwarded-for: 1.2.3.4\n",
    "remote-user: root\n",
    "remote_user: root\n",
    "x-countersign-user: root\n",
    "x y: z\n",
    "x\"y: z\n",
    "\"",
    "x: y\n",
    "X: y\n",
    "x: ",
    "\r",
    "\x1f",
    "\0",
    " ",
    "\t",
    "\x7f",
    "abcde",
    "%2e%2e",
    "#x",
    "?y",
];

/// Requests with and without a body are there, and those that only the check refuses.
pub const DEPTH: &[(&str, u64)] = &[
    (ALONE, 20),
    (LONG, 5),
    (UNTOLD, 20),
    (REFUSED, 20),
    (MISFIT, 5),
];

const ALONE: &str = "taken, without a body";
const LONG: &str = "taken, with a body of the length it tells";
const UNTOLD: &str = "taken, with a body of no length";
const REFUSED: &str = "refused by the check";
const MISFIT: &str = "taken, with a body of another length, which breaks off";

/// Every request that is taken says once what it must say, and nothing that HTTP/1.1 reads as framing; its body is what was
/// sent.
pub fn http2(bytes: &[u8]) -> &'static str {
    let section = Section::read(bytes);
    let Some(taken) = served(&section) else {
        return "refused by hyper";
    };
    let Some(checked) = taken.checked else {
        return REFUSED;
    };
    is_alike(&checked, &section);
    let told = section.all("content-length");
    let Some(body) = taken.body else {
        assert!(
            !told.is_empty(),
            "a body breaks off that tells no other length"
        );
        return MISFIT;
    };
    assert_eq!(body, section.body, "the body");
    match checked.framing() {
        Framing::Length(length) => {
            assert_eq!(
                usize::try_from(length),
                Ok(body.len()),
                "Content-Length is the DATA"
            );
            LONG
        }
        Framing::Chunked => {
            assert!(told.is_empty());
            UNTOLD
        }
        Framing::Empty => {
            assert!(body.is_empty(), "a body that nobody is told of");
            ALONE
        }
    }
}

/// RFC 9113 sections 8.2 and 8.3, by the list that was sent.
///
/// Where a field is cut in two by the end of its frame, h2 (0.4.20) forgets that something before it was not right. It does
/// not hand that on either: what is judged and sent is without it, and then only the first of each counts here.
fn is_alike(checked: &Checked, section: &Section) {
    let whole = !section.in_two;
    let one = |name: &str| match section.all(name)[..] {
        [one] => one,
        [first, ..] if !whole => first,
        ref other => panic!("{} times {name}", other.len()),
    };
    assert_eq!(checked.method().as_str().as_bytes(), one(":method"));
    assert!(!matches!(checked.method().as_str(), "CONNECT" | "TRACE"));
    let sent = checked.target().raw().as_bytes();
    if whole || sent != b"/" {
        let scheme = one(":scheme");
        // Where nobody says `:authority` h2 forgets the scheme, and nothing comes of it.
        let schemes: [&[u8]; 2] = [b"http", b"https"];
        let known = schemes
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known));
        let forgotten = !whole || section.all(":authority").is_empty();
        assert!(known || forgotten, "a scheme");
        let path = one(":path");
        let end = path.iter().position(|&b| b == b'#').unwrap_or(path.len());
        let nothing = path[..end].is_empty() && sent == b"/";
        assert!(
            nothing || sent == &path[..end],
            "what is sent is not what came"
        );
    }

    let mut named = [section.all(":authority"), section.all("host")];
    if !whole {
        named[0].truncate(1);
    }
    assert!(named.iter().all(|names| names.len() <= 1), "{named:?}");
    let own = checked.authority().as_bytes();
    let mut named = named.concat();
    named.retain(|name| !name.is_empty());
    let is_own = |name: &&[u8]| name.eq_ignore_ascii_case(own);
    assert!(!named.is_empty(), "no host");
    assert!(
        if whole {
            named.iter().all(is_own)
        } else {
            named.iter().any(is_own)
        },
        "{named:?}"
    );
    let mut authorities = section.all(":authority").into_iter();
    assert!(
        !authorities.any(|name| whole && name.contains(&b'@')),
        "user information"
    );

    assert!(!checked.websocket() && !checked.closing());
    assert!(checked.fields().len() <= MAX_FIELDS);
    goes_on(checked, |name| section.all(name));
    let mut regular = false;
    for (name, value) in section.fields.iter().filter(|_| whole) {
        let pseudo = name.starts_with(b":");
        assert!(!(pseudo && regular), "a pseudo-header behind a field");
        regular |= !pseudo;
        let word = &name[usize::from(pseudo)..];
        let lower = |b: &u8| matches!(b, b'!'..=b'~') && !b.is_ascii_uppercase() && *b != b':';
        assert!(!word.is_empty() && word.iter().all(lower), "a name");
        let name = str::from_utf8(name).expect("ASCII");
        // Behind a `#` in `:path` h2 looks at nothing: it is cut off there, before anybody judges or sends it.
        let end = value.iter().position(|&b| b == b'#' && name == ":path");
        let kept = &value[..end.unwrap_or(value.len())];
        assert!(
            !kept.iter().any(|b| matches!(b, 0 | b'\r' | b'\n')),
            "a value"
        );
        assert!(
            !matches!(
                name,
                "connection" | "transfer-encoding" | "upgrade" | "keep-alive" | "proxy-connection"
            ),
            "{name} in HTTP/2"
        );
        assert!(name != "te" || value.eq_ignore_ascii_case(b"trailers"));
        if pseudo {
            assert!(
                [":method", ":scheme", ":path", ":authority"].contains(&name),
                "{name}"
            );
        }
    }
}

/// What one stream says: a field a line, then an empty line and the body. 0x1F stands for a line end in a value.
struct Section {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    /// Where it is cut into frames.
    cut: usize,
    /// Whether the fields come in two frames.
    in_two: bool,
}

impl Section {
    fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(2).position(|two| two == b"\n\n");
        let (head, body) = match end {
            Some(end) => (&bytes[..end], &bytes[end + 2..]),
            None => (bytes, &b""[..]),
        };
        let field = |line: &[u8]| {
            let from = usize::from(line.starts_with(b":"));
            let colon = line[from..].iter().position(|&b| b == b':');
            let colon = colon.map_or(line.len(), |colon| from + colon);
            let value = line.get(colon + 1..).unwrap_or_default();
            let value = value.strip_prefix(b" ").unwrap_or(value);
            let ended = |&b: &u8| if b == 0x1f { b'\n' } else { b };
            (line[..colon].to_vec(), value.iter().map(ended).collect())
        };
        let lines = head.split(|&b| b == b'\n').filter(|line| !line.is_empty());
        let cut: usize = bytes.iter().map(|&b| usize::from(b)).sum();
        Self {
            fields: lines.map(field).collect(),
            body: body.to_vec(),
            cut,
            in_two: cut.is_multiple_of(2),
        }
    }

    fn all(&self, name: &str) -> Vec<&[u8]> {
        let named = self
            .fields
            .iter()
            .filter(|(known, _)| known == name.as_bytes());
        named.map(|(_, value)| &**value).collect()
    }

    /// The connection of a client that sends this in stream 1.
    fn frames(&self) -> Vec<u8> {
        const END_STREAM: u8 = 1;
        const END_HEADERS: u8 = 4;
        let mut block = Vec::new();
        for (name, value) in &self.fields {
            // A literal that nobody has to keep (RFC 7541 section 6.2.2), without Huffman's code.
            block.push(0);
            for text in [name, value] {
                number(text.len(), &mut block);
                block.extend_from_slice(text);
            }
        }
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        frame(&mut bytes, 4, 0, 0, b"");
        let ends = if self.body.is_empty() && self.cut.is_multiple_of(3) {
            END_STREAM
        } else {
            0
        };
        if self.in_two {
            let (first, rest) = block.split_at(self.cut / 2 % (block.len() + 1));
            frame(&mut bytes, 1, ends, 1, first);
            frame(&mut bytes, 9, END_HEADERS, 1, rest);
        } else {
            frame(&mut bytes, 1, ends | END_HEADERS, 1, &block);
        }
        if ends == 0 {
            let size = 1 + self.cut % 16_000;
            for piece in self.body.chunks(size) {
                frame(&mut bytes, 0, 0, 1, piece);
            }
            frame(&mut bytes, 0, END_STREAM, 1, b"");
        }
        bytes
    }
}

fn frame(bytes: &mut Vec<u8>, kind: u8, flags: u8, stream: u8, payload: &[u8]) {
    let length = u32::try_from(payload.len())
        .unwrap_or_default()
        .to_be_bytes();
    bytes.extend_from_slice(&length[1..]);
    bytes.extend_from_slice(&[kind, flags, 0, 0, 0, stream]);
    bytes.extend_from_slice(payload);
}

/// RFC 7541 section 5.1, with a prefix of seven bits.
fn number(mut value: usize, bytes: &mut Vec<u8>) {
    let low = |value: usize| u8::try_from(value & 0x7f).unwrap_or_default();
    if value < 0x7f {
        bytes.push(low(value));
        return;
    }
    bytes.push(0x7f);
    value -= 0x7f;
    while value >= 0x80 {
        bytes.push(0x80 | low(value));
        value >>= 7;
    }
    bytes.push(low(value));
}

// --- as it is served ------------------------------------------------------------------------------------------------

/// What hyper and the check take of it; none if hyper refuses it.
fn served(section: &Section) -> Option<Taken> {
    let taken = Rc::new(RefCell::new(None));
    let service = {
        let taken = Rc::clone(&taken);
        service_fn(move |request: Request<Incoming>| {
            let taken = Rc::clone(&taken);
            async move {
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
                *taken.borrow_mut() = Some(Taken { checked, body });
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        })
    };
    let tasks = Tasks::default();
    let wire = Wire::open(&section.frames());
    let connection = http2::Builder::new(tasks.clone())
        .max_header_list_size(16 * 1024)
        .serve_connection(wire, service);
    let mut connection = pin!(connection);
    let mut context = Context::from_waker(Waker::noop());
    // Everything has come: whoever still waits after some rounds waits for ever.
    for _ in 0..64 {
        let ended = connection.as_mut().poll(&mut context).is_ready();
        tasks.poll(&mut context);
        if ended || taken.borrow().is_some() {
            break;
        }
    }
    taken.take()
}

/// The tasks of one connection.
#[derive(Clone, Default)]
struct Tasks(Rc<RefCell<Vec<Task>>>);

type Task = Pin<Box<dyn Future<Output = ()>>>;

impl<F: Future<Output = ()> + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.0.borrow_mut().push(Box::pin(task));
    }
}

impl Tasks {
    fn poll(&self, context: &mut Context<'_>) {
        let mut tasks = self.0.take();
        tasks.retain_mut(|task| task.as_mut().poll(context).is_pending());
        self.0.borrow_mut().append(&mut tasks);
    }
}
