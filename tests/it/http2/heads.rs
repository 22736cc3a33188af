//! Heads of HTTP/2 byte by byte (R11): exactly what is a request in HTTP/1.1 as well reaches the application.

use std::net::SocketAddr;

use super::client::Client;
use super::frames::{
    CONTINUATION, Coding, DATA, END_HEADERS, END_STREAM, HEADERS, Outcome, Raw, huffman, literal,
};
use super::{https, run};
use crate::support::recorder::Recorder;

/// A recording application behind a gate: what is asked of it, and what may arrive.
struct Trial {
    address: SocketAddr,
    wire: Raw,
    cookies: Option<String>,
    coding: Coding,
    /// The lines that an application sees, each in a request of its own.
    wanted: Vec<Vec<u8>>,
    wrong: Vec<String>,
}

/// What stands in front of a name, a value or a path to tell the requests apart.
fn tag(number: usize) -> String {
    format!("t{number:04}")
}

impl Trial {
    /// Sends a head with these fields after its pseudo fields, in one frame, without a body.
    fn ask(&mut self, pseudo: &[(&[u8], &[u8])], fields: &[(&[u8], &[u8])]) -> Outcome {
        let head = self.head(pseudo, fields);
        self.told(&[(HEADERS, END_STREAM | END_HEADERS, &head)])
    }

    fn head(&self, pseudo: &[(&[u8], &[u8])], fields: &[(&[u8], &[u8])]) -> Vec<u8> {
        let cookies = self.cookies.as_ref();
        let cookies = cookies.map(|cookies| (&b"cookie"[..], cookies.as_bytes()));
        pseudo
            .iter()
            .copied()
            .chain(cookies)
            .chain(fields.iter().copied())
            .flat_map(|(name, value)| (self.coding)(name, value))
            .collect()
    }

    fn told(&mut self, frames: &[(u8, u8, &[u8])]) -> Outcome {
        if !self.wire.is_open() {
            self.wire = Raw::new(self.address);
        }
        self.wire.told(frames)
    }

    /// Notes how a request was answered: `line` is what the application sees of it, if it may.
    fn note(&mut self, name: &str, came: &Outcome, line: Option<Vec<u8>>) {
        let wanted = match (&line, &self.cookies) {
            (None, _) => Outcome::Refused,
            (Some(_), None) => Outcome::Challenged,
            (Some(_), Some(_)) => Outcome::Ok,
        };
        if *came != wanted {
            self.wrong.push(format!("{name}: {came:?}"));
        }
        if self.cookies.is_some() {
            self.wanted.extend(line);
        }
    }
}

/// Tells `story` as a stranger, and with a grant in either way of writing; then looks at what arrived.
fn everybody(story: impl Fn(&mut Trial)) {
    let recorder = Recorder::new();
    let (gate, _folder) = https(&recorder.url());
    let cookies = run(async {
        let mut client = Client::new(gate.address).await;
        client.pass_ask("/", "ann", &gate.messages).await;
        client.jar.cookies().unwrap()
    });
    let mut trial = Trial {
        address: gate.address,
        wire: Raw::new(gate.address),
        cookies: None,
        coding: literal,
        wanted: Vec::new(),
        wrong: Vec::new(),
    };
    story(&mut trial);
    trial.cookies = Some(cookies);
    story(&mut trial);
    trial.coding = huffman;
    story(&mut trial);
    let Trial {
        wire,
        wanted,
        mut wrong,
        ..
    } = trial;
    drop(wire);
    drop(gate);
    let mut arrived: Vec<Vec<u8>> = recorder
        .finish()
        .into_iter()
        .filter(|request| {
            // It said that it has no body, and so it may have gone up before there was one.
            let alone = request.bytes.starts_with(b"POST /nothing ") && request.complete;
            // The head of a request whose body is none may have gone up, but not its end.
            let broken = request.bytes.starts_with(b"POST /broken ") && !request.complete;
            !alone && !broken
        })
        .map(|request| request.bytes)
        .collect();
    for line in wanted {
        let found = arrived.iter().position(|bytes| {
            let mut lines = bytes.split(|byte| *byte == b'\n');
            // Names go up with capitals, as old applications know them.
            lines.any(|own| {
                own.strip_suffix(b"\r")
                    .is_some_and(|own| own.eq_ignore_ascii_case(&line))
            })
        });
        match found {
            Some(found) => drop(arrived.swap_remove(found)),
            None => wrong.push(format!("{} did not arrive", line.escape_ascii())),
        }
    }
    for bytes in arrived {
        wrong.push(format!("arrived: {}", bytes.escape_ascii()));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const GET: &[(&[u8], &[u8])] = &[
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":authority", b"app.localhost"),
    (b":path", b"/x"),
];

/// The pseudo fields of a GET, one of them with another value.
fn get<'v>(name: &[u8], value: &'v [u8]) -> Vec<(&'static [u8], &'v [u8])> {
    GET.iter()
        .map(|(own, usual)| (*own, if *own == name { value } else { *usual }))
        .collect()
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[test]
fn r11_each_byte_of_a_name_is_one_of_http_1() {
    everybody(|trial| {
        for byte in 0..=255 {
            let name = [b"x", &[byte][..], b"y"].concat();
            let value = tag(usize::from(byte));
            let came = trial.ask(GET, &[(&name, value.as_bytes())]);
            let fits = is_token(byte) && !byte.is_ascii_uppercase();
            let line = [&name[..], b": ", value.as_bytes()].concat();
            trial.note(
                &format!("name {}", name.escape_ascii()),
                &came,
                fits.then(|| line.clone()),
            );
        }
    });
}

#[test]
fn r11_each_byte_of_a_value_is_one_of_http_1() {
    everybody(|trial| {
        for byte in 0..=255_u8 {
            let value = [tag(usize::from(byte)).as_bytes(), &[byte], b"z"].concat();
            let came = trial.ask(GET, &[(b"x", &value)]);
            // RFC 9110 section 5.5: visible, blank, tab, and what is not ASCII.
            let fits = byte == b'\t' || (byte >= b' ' && byte != 0x7f);
            let line = [b"x: ", &value[..]].concat();
            let name = format!("value {}", value.escape_ascii());
            trial.note(&name, &came, fits.then_some(line));
        }
    });
}

#[test]
fn r11_each_byte_of_a_target_is_one_of_http_1() {
    everybody(|trial| {
        for byte in 0..=255_u8 {
            let path = [b"/", tag(usize::from(byte)).as_bytes(), &[byte], b"z"].concat();
            let came = trial.ask(&get(b":path", &path), &[]);
            // R3. A number sign is cut off with what follows it before anybody judges; a percent sign needs two digits.
            let fits = byte.is_ascii_graphic() && byte != b'%' && !b"<>`".contains(&byte);
            let sent = match byte {
                b'#' => &path[..path.len() - 2],
                _ => &path[..],
            };
            let line = [b"GET ", sent, b" HTTP/1.1"].concat();
            let name = format!("path {}", path.escape_ascii());
            trial.note(&name, &came, fits.then_some(line));
        }
    });
}

#[test]
fn r11_each_byte_of_a_method_an_authority_and_a_scheme_is_one_of_http_1() {
    everybody(|trial| {
        for byte in 0..=255_u8 {
            let method = [b"GE", &[byte][..], b"T"].concat();
            let path = format!("/{}", tag(usize::from(byte)));
            let mut pseudo = get(b":method", &method);
            pseudo[3].1 = path.as_bytes();
            let came = trial.ask(&pseudo, &[]);
            let line = [&method[..], b" ", path.as_bytes(), b" HTTP/1.1"].concat();
            let name = format!("method {}", method.escape_ascii());
            trial.note(&name, &came, is_token(byte).then_some(line));

            // No site is called so, whatever the byte is.
            let authority = [b"app.localhost", &[byte][..]].concat();
            let came = trial.ask(&get(b":authority", &authority), &[]);
            let name = format!("authority {}", authority.escape_ascii());
            trial.note(&name, &came, None);

            let scheme = [b"https", &[byte][..]].concat();
            let came = trial.ask(&get(b":scheme", &scheme), &[]);
            let name = format!("scheme {}", scheme.escape_ascii());
            trial.note(&name, &came, None);
        }
    });
}

/// A name, the pseudo fields, the fields, and the line that the application sees.
type Row = (
    &'static str,
    &'static [(&'static [u8], &'static [u8])],
    &'static [(&'static [u8], &'static [u8])],
    Option<&'static [u8]>,
);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Passes, cleaned.
    ("a Host and no authority", &[(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/r1")], &[(b"host", b"app.localhost")], Some(b"GET /r1 HTTP/1.1")),
    ("an authority in capitals", &[(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"APP.localhost"), (b":path", b"/r2")], &[(b"host", b"app.LOCALHOST")], Some(b"GET /r2 HTTP/1.1")),
    ("the scheme's port", &[(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"app.localhost:443"), (b":path", b"/r3")], &[], Some(b"GET /r3 HTTP/1.1")),
    ("pseudo fields in another order", &[(b":path", b"/r4"), (b":authority", b"app.localhost"), (b":scheme", b"https"), (b":method", b"GET")], &[], Some(b"GET /r4 HTTP/1.1")),
    // It came by TLS, whatever it says.
    ("the scheme of clear text", &[(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"app.localhost"), (b":path", b"/r6")], &[], Some(b"GET /r6 HTTP/1.1")),
    ("a length of nothing", &[(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"app.localhost"), (b":path", b"/r7")], &[(b"content-length", b"0")], Some(b"POST /r7 HTTP/1.1")),
    // A fragment is cut off before anybody judges; what is left of this one is nothing, and nothing is the root.
    ("a path that is a fragment", &[(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"app.localhost"), (b":path", b"#/x")], &[], Some(b"GET / HTTP/1.1")),
    // Refused.
    ("a path that is a query", &[(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"app.localhost"), (b":path", b"?x")], &[], None),
    ("a script as scheme", &[(b":method", b"GET"), (b":scheme", b"javascript"), (b":authority", b"app.localhost"), (b":path", b"/x")], &[], None),
    ("a file as scheme", &[(b":method", b"GET"), (b":scheme", b"file"), (b":authority", b"app.localhost"), (b":path", b"/x")], &[], None),
    ("a scheme with its colon", &[(b":method", b"GET"), (b":scheme", b"https:"), (b":authority", b"app.localhost"), (b":path", b"/x")], &[], None),
    ("a URL as scheme", &[(b":method", b"GET"), (b":scheme", b"https://app.localhost/admin?"), (b":authority", b"app.localhost"), (b":path", b"/x")], &[], None),
    ("an empty scheme", &[(b":method", b"GET"), (b":scheme", b""), (b":authority", b"app.localhost"), (b":path", b"/x")], &[], None),
    ("two schemes", &[(b":method", b"GET"), (b":scheme", b"https"), (b":scheme", b"https"), (b":authority", b"app.localhost"), (b":path", b"/x")], &[], None),
    ("an empty method", &[(b":method", b""), (b":scheme", b"https"), (b":authority", b"app.localhost"), (b":path", b"/x")], &[], None),
    ("a WebSocket as a method", &[(b":method", b"GET"), (b":protocol", b"websocket"), (b":scheme", b"https"), (b":authority", b"app.localhost"), (b":path", b"/x")], &[], None),
    ("CONNECT with a path", &[(b":method", b"CONNECT"), (b":scheme", b"https"), (b":authority", b"app.localhost"), (b":path", b"/x")], &[], None),
    ("a path of a host", &[(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"app.localhost"), (b":path", b"app.localhost:443")], &[], None),
    ("a star and more", &[(b":method", b"OPTIONS"), (b":scheme", b"https"), (b":authority", b"app.localhost"), (b":path", b"*/x")], &[], None),
    ("a number sign in the authority", &[(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"app.localhost#@evil.example"), (b":path", b"/x")], &[], None),
    ("a list of authorities", &[(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"app.localhost, evil.example"), (b":path", b"/x")], &[], None),
    ("an empty Host", GET, &[(b"host", b"")], None),
    ("a Host with a port", GET, &[(b"host", b"app.localhost:443")], None),
    ("a quotation mark in a name", GET, &[(b"x\"y", b"1")], None),
    ("a look-alike of a pseudo field", GET, &[(b":", b"x")], None),
    ("a pseudo field behind others, again", GET, &[(b"x", b"y"), (b":authority", b"app.localhost")], None),
    ("an empty connection", GET, &[(b"connection", b"")], None),
    ("a connection that names a cookie", GET, &[(b"connection", b"cookie")], None),
    ("an upgrade to clear text", GET, &[(b"connection", b"upgrade, http2-settings"), (b"upgrade", b"h2c"), (b"http2-settings", b"AAMAAABkAAQAAP__")], None),
    ("trailers and more", GET, &[(b"te", b"trailers, chunked")], None),
    ("chunks without a body", GET, &[(b"transfer-encoding", b"chunked")], None),
    ("no coding at all", GET, &[(b"transfer-encoding", b"identity")], None),
    ("a look-alike of a length", GET, &[(b"content_length", b"5")], None),
    ("a length and the end", GET, &[(b"content-length", b"5")], None),
    ("a length with a sign", GET, &[(b"content-length", b"-0")], None),
    ("a length twice", GET, &[(b"content-length", b"0, 0")], None),
    ("a length beyond 64 bits", GET, &[(b"content-length", b"18446744073709551616")], None),
    ("another expectation", GET, &[(b"expect", b"200-ok")], None),
];

#[test]
fn r11_pseudo_fields_and_fields_of_the_connection() {
    everybody(|trial| {
        for (name, pseudo, fields, line) in ROWS {
            let came = trial.ask(pseudo, fields);
            trial.note(name, &came, line.map(<[u8]>::to_vec));
        }
        // Not one of these goes on (R8, R10); the request does.
        for (number, field) in [
            "te: trailers",
            "http2-settings: AAMAAABkAAQAAP__",
            "proxy-authorization: Basic eDp5",
            "proxy: http://evil.example",
            "trailer: x-remote-user",
            "expect: 100-continue",
            "priority: u=1",
            "x-remote-user: root",
            "x_forwarded_for: 192.0.2.1",
            "forwarded: for=192.0.2.1",
            "x-countersign-user: root",
        ]
        .iter()
        .enumerate()
        {
            let (name, value) = field.split_once(": ").unwrap();
            let path = format!("/dropped-{number}");
            let came = trial.ask(
                &get(b":path", path.as_bytes()),
                &[(name.as_bytes(), value.as_bytes())],
            );
            let line = format!("GET {path} HTTP/1.1");
            trial.note(field, &came, Some(line.into_bytes()));
        }
        // A hundred of a few bytes are no head any more (A1), and neither are 16 KiB (A2).
        for (count, value, fits) in [(90, "y", true), (101, "y", false), (9, "y", true)] {
            let path = format!("/many-{count}");
            let fields = vec![(&b"x"[..], value.as_bytes()); count];
            let came = trial.ask(&get(b":path", path.as_bytes()), &fields);
            let line = format!("GET {path} HTTP/1.1").into_bytes();
            trial.note(&path, &came, fits.then_some(line));
        }
        let long = "y".repeat(17_000);
        let came = trial.ask(GET, &[(b"x", long.as_bytes())]);
        trial.note("a section of 17 KiB", &came, None);
        let path = format!("/{}", "y".repeat(8_192));
        let came = trial.ask(&get(b":path", path.as_bytes()), &[]);
        trial.note("a target over 8 KiB", &came, None);
    });
}

/// Kind, flags and payload of each.
type Frames<'a> = &'a [(u8, u8, &'a [u8])];

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn r11_a_body_is_as_long_as_it_says_and_its_trailers_end_here() {
    const END: u8 = END_STREAM;
    everybody(|trial| {
        let coding = trial.coding;
        let trailers = coding(b"x-remote-user", b"root");
        let pseudo = coding(b":path", b"/admin");
        let upper = coding(b"X-Upper", b"1");
        let hop = coding(b"connection", b"close");
        let line_end = coding(b"x", b"a\r\nb");
        // Length, frames behind the head, and whether a whole request comes of it.
        let rows: [(&str, &str, Frames<'_>, bool); 17] = [
            (
                "as long as it says",
                "5",
                &[(DATA, 0, b"ab"), (DATA, END, b"cde")],
                true,
            ),
            (
                "with padding",
                "5",
                &[(DATA, END | 8, b"\x03abcde\0\0\0")],
                true,
            ),
            (
                "with an empty end",
                "5",
                &[(DATA, 0, b"abcde"), (DATA, END, b"")],
                true,
            ),
            (
                "with an empty piece",
                "5",
                &[(DATA, 0, b"ab"), (DATA, 0, b""), (DATA, END, b"cde")],
                true,
            ),
            ("of no given length", "", &[(DATA, END, b"abcde")], true),
            (
                "with trailers",
                "5",
                &[(DATA, 0, b"abcde"), (HEADERS, END | END_HEADERS, &trailers)],
                true,
            ),
            (
                "of no given length with trailers",
                "",
                &[(DATA, 0, b"abcde"), (HEADERS, END | END_HEADERS, &trailers)],
                true,
            ),
            (
                "with trailers in two frames",
                "",
                &[
                    (DATA, 0, b"abcde"),
                    (HEADERS, END, &trailers[..3]),
                    (CONTINUATION, END_HEADERS, &trailers[3..]),
                ],
                true,
            ),
            ("longer", "4", &[(DATA, END, b"abcde")], false),
            (
                "longer by padding taken for data",
                "9",
                &[(DATA, END | 8, b"\x03abcde\0\0\0")],
                false,
            ),
            ("shorter", "6", &[(DATA, END, b"abcde")], false),
            (
                "shorter with trailers",
                "6",
                &[(DATA, 0, b"abcde"), (HEADERS, END | END_HEADERS, &trailers)],
                false,
            ),
            ("nothing", "6", &[(DATA, END, b"")], false),
            (
                "trailers with a pseudo field",
                "",
                &[(DATA, 0, b"abcde"), (HEADERS, END | END_HEADERS, &pseudo)],
                // h2 drops it without a word, and all trailers are dropped.
                true,
            ),
            (
                "trailers with a capital",
                "",
                &[(DATA, 0, b"abcde"), (HEADERS, END | END_HEADERS, &upper)],
                false,
            ),
            (
                "trailers of the connection",
                "",
                &[(DATA, 0, b"abcde"), (HEADERS, END | END_HEADERS, &hop)],
                false,
            ),
            (
                "trailers with a line end",
                "",
                &[(DATA, 0, b"abcde"), (HEADERS, END | END_HEADERS, &line_end)],
                false,
            ),
        ];
        for (number, (name, length, frames, whole)) in rows.into_iter().enumerate() {
            let path = if whole {
                format!("/whole-{number}")
            } else {
                "/broken".to_owned()
            };
            let mut pseudo = get(b":path", path.as_bytes());
            pseudo[0].1 = b"POST";
            let length = Some((&b"content-length"[..], length.as_bytes()));
            let length: Vec<_> = length
                .into_iter()
                .filter(|(_, said)| !said.is_empty())
                .collect();
            let head = trial.head(&pseudo, &length);
            let all: Vec<(u8, u8, &[u8])> = [(HEADERS, END_HEADERS, &head[..])]
                .into_iter()
                .chain(frames.iter().copied())
                .collect();
            let came = trial.told(&all);
            if whole {
                let line = format!("POST {path} HTTP/1.1").into_bytes();
                trial.note(name, &came, Some(line));
            } else if trial.cookies.is_some() && came != Outcome::Refused {
                // A stranger is sent to the question before their body is read.
                trial.wrong.push(format!("{name}: {came:?}"));
            }
        }
        let mut pseudo = get(b":path", b"/nothing");
        pseudo[0].1 = b"POST";
        let head = trial.head(&pseudo, &[(b"content-length", b"0")]);
        trial.told(&[(HEADERS, END_HEADERS, &head), (DATA, END, b"abcde")]);
    });
}

#[test]
fn r11_nobody_is_told_that_connect_could_be_extended() {
    let recorder = Recorder::new();
    let (gate, _folder) = https(&recorder.url());
    let settings = Raw::new(gate.address).settings();
    // SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 section 3).
    assert!(settings.iter().all(|(name, _)| *name != 8), "{settings:?}");
    drop(gate);
    assert!(recorder.finish().is_empty());
}
