//! What a case is, how its bytes are made, and all of them by class.

use super::{chunks, codings, heads, hops, lengths};

/// What may come of a case when somebody with a grant sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not a byte of it arrives, nor of what is behind it.
    Refuse,
    /// Its fault is in its body: the head may have arrived, but never the end, nor what is behind it.
    Break,
    /// It may arrive, once, as one request that is read in one way; and so may the next.
    Once,
}

/// What may come of it, the request line, the fields beside Host and Cookie, and the body.
pub type Case = (Verdict, &'static [u8], &'static [u8], &'static [u8]);

pub const GET: &[u8] = b"GET /@T HTTP/1.1";
pub const POST: &[u8] = b"POST /@T HTTP/1.1";
/// In the place of a request line: the fields are the whole, as it is sent.
pub const RAW: &[u8] = b"";
/// A request in a chunk.
pub const IN_CHUNKS: &[u8] = b"@X\r\n@S\r\n0\r\n\r\n";

/// What is sent on a connection.
pub struct Sent {
    pub class: &'static str,
    pub verdict: Verdict,
    /// With a second request behind it; its number stands in every target of it (`t007x`), and in no other's.
    pub bytes: Vec<u8>,
}

/// Everything, as a visitor with these cookies would send it.
pub fn all(cookies: Option<&str>) -> Vec<Sent> {
    let mut all: Vec<(&str, Verdict, Vec<u8>)> = Vec::new();
    let mut whole = |class: &'static str, cases: &[Case]| {
        for (verdict, line, fields, body) in cases {
            let bytes = match *line {
                RAW => fields.to_vec(),
                line => [line, b"\r\n@H@C", fields, b"\r\n", body].concat(),
            };
            all.push((class, *verdict, bytes));
        }
    };
    whole(LENGTHS, lengths::LENGTHS);
    whole(BOTH, lengths::BOTH);
    whole(BODILESS, lengths::BODILESS);
    whole(CODINGS, codings::OTHERS);
    whole(ALIKE, codings::ALIKE);
    whole(FIELDS, heads::FIELDS);
    whole(CONNECTION, hops::CONNECTION);
    whole(UPGRADES, hops::UPGRADES);
    whole(EXPECT, hops::EXPECT);
    whole(OTHERS, hops::OTHERS);
    for (verdict, fields) in codings::CODINGS {
        let bytes = [POST, b"\r\n@H@C", fields, b"\r\n", IN_CHUNKS].concat();
        all.push((CODINGS, *verdict, bytes));
    }
    for (class, bodies) in [
        (SIZES, chunks::SIZES),
        (EXTENSIONS, chunks::EXTENSIONS),
        (TRAILERS, chunks::TRAILERS),
    ] {
        for (verdict, body) in bodies {
            let head = b"\r\n@H@CTransfer-Encoding: chunked\r\n\r\n";
            all.push((class, *verdict, [POST, head, body].concat()));
        }
    }
    for (verdict, line) in heads::LINES {
        all.push((LINES, *verdict, [line, &b"\r\n@H@C\r\n"[..]].concat()));
    }
    for (verdict, line, fields, body) in heads::HOSTS {
        // These say the end of the head themselves.
        let bytes = [*line, b"\r\n@C", *fields, *body].concat();
        all.push((HOSTS, *verdict, bytes));
    }
    all.extend(
        bounds()
            .into_iter()
            .map(|(verdict, bytes)| (BOUNDS, verdict, bytes)),
    );
    all.sort_by_key(|(class, ..)| CLASSES.iter().position(|own| own == class));
    all.into_iter()
        .enumerate()
        .map(|(number, (class, verdict, bytes))| {
            let tag = format!("t{number:03}x");
            let all = [
                &bytes,
                &b"GET /after-@T HTTP/1.1\r\n@H@CConnection: close\r\n\r\n"[..],
            ];
            Sent {
                class,
                verdict,
                bytes: fill(&all.concat(), &tag, cookies),
            }
        })
        .collect()
}

const LENGTHS: &str = "Content-Length: two, odd, none (CL.CL)";
const BOTH: &str = "both framing fields (CL.TE, TE.CL)";
const CODINGS: &str = "Transfer-Encoding in disguise (TE.TE)";
const ALIKE: &str = "look-alikes of framing fields";
const BODILESS: &str = "bodies where none is awaited (CL.0, 0.CL)";
const SIZES: &str = "chunk sizes and ends";
const EXTENSIONS: &str = "chunk extensions";
const TRAILERS: &str = "trailers";
const LINES: &str = "request lines, methods, versions";
const HOSTS: &str = "Host and absolute targets";
const FIELDS: &str = "field lines: folds, blanks, bare ends, controls";
const CONNECTION: &str = "Connection and what ends at a hop";
const UPGRADES: &str = "upgrades";
const EXPECT: &str = "Expect";
const OTHERS: &str = "other protocols";
const BOUNDS: &str = "too long, too many";

/// The rows of the table, in order.
pub const CLASSES: [&str; 16] = [
    LENGTHS, BOTH, CODINGS, ALIKE, BODILESS, SIZES, EXTENSIONS, TRAILERS, LINES, HOSTS, FIELDS,
    CONNECTION, UPGRADES, EXPECT, OTHERS, BOUNDS,
];

/// Too long to be written out (A1).
fn bounds() -> Vec<(Verdict, Vec<u8>)> {
    use Verdict::{Break, Once, Refuse};
    let filled = |begin: &str, fill: &str, times: usize, end: &str| {
        format!("{begin}{}{end}", fill.repeat(times)).into_bytes()
    };
    let head = "GET /@T HTTP/1.1\r\n@H@C";
    let chunked = "POST /@T HTTP/1.1\r\n@H@CTransfer-Encoding: chunked\r\n\r\n";
    vec![
        (
            Refuse,
            filled("GET /@T", "a", 8 * 1024 + 1, " HTTP/1.1\r\n@H@C\r\n"),
        ),
        (
            Refuse,
            filled("GET /@T?", "a", 40 * 1024, " HTTP/1.1\r\n@H@C\r\n"),
        ),
        (
            Refuse,
            filled("GET /@T?", "a", 100 * 1024, " HTTP/1.1\r\n@H@C\r\n"),
        ),
        (
            Refuse,
            filled("", "A", 40 * 1024, " /@T HTTP/1.1\r\n@H@C\r\n"),
        ),
        (
            Refuse,
            filled(&format!("{head}X: "), "a", 33 * 1024, "\r\n\r\n"),
        ),
        (
            Refuse,
            filled(head, &format!("X: {}\r\n", "a".repeat(1_000)), 34, "\r\n"),
        ),
        (
            Refuse,
            filled(
                head,
                "",
                0,
                &format!("{}: a\r\n\r\n", "x".repeat(33 * 1024)),
            ),
        ),
        (Refuse, filled(head, "X: a\r\n", 101, "\r\n")),
        (Refuse, filled(head, "X: a\r\n", 5_000, "\r\n")),
        (Refuse, filled(head, "Cookie: a=b\r\n", 101, "\r\n")),
        (
            Refuse,
            filled(&format!("{head}X: a"), "\r\n a", 10_000, "\r\n\r\n"),
        ),
        (Refuse, filled(head, "Content-Length: 0\r\n", 101, "\r\n")),
        (
            Break,
            filled(
                &format!("{chunked}3;"),
                "a",
                100 * 1024,
                "\r\nabc\r\n0\r\n\r\n",
            ),
        ),
        (
            Break,
            filled(&format!("{chunked}0\r\n"), "X: a\r\n", 5_000, "\r\n"),
        ),
        (
            Break,
            filled(&format!("{chunked}0\r\nX: "), "a", 100 * 1024, "\r\n\r\n"),
        ),
        // A name whose length, kept in eight bits, ends at Content-Length, and the length that a front believes
        // (HAProxy's CVE-2021-40346).
        (
            Once,
            filled(
                "POST /@T HTTP/1.1\r\n@H@CContent-Length0",
                "a",
                255,
                ":\r\nContent-Length: @N\r\n\r\n@S",
            ),
        ),
        (
            Once,
            filled("\r\n\r\n", "\r\n", 100, &format!("{head}\r\n")),
        ),
        (Once, filled(head, "Content-Length: 0\r\n", 20, "\r\n")),
        (
            Once,
            filled(chunked, "0", 100 * 1024, "3\r\nabc\r\n0\r\n\r\n"),
        ),
        (
            Once,
            filled(&format!("{chunked}1;"), "a", 1_000, "\r\na\r\n0\r\n\r\n"),
        ),
    ]
}

/// Puts in what stands for itself: `@H` Host, `@C` Cookie, `@S` a whole request, `@N` and `@X` its length, `@T` the tag.
fn fill(bytes: &[u8], tag: &str, cookies: Option<&str>) -> Vec<u8> {
    let host = "Host: app.localhost\r\n";
    let cookies = cookies.map_or(String::new(), |cookies| format!("Cookie: {cookies}\r\n"));
    let smuggled = format!("GET /smuggled-{tag} HTTP/1.1\r\n{host}{cookies}\r\n");
    let length = smuggled.len().to_string();
    let hexadecimal = format!("{:x}", smuggled.len());
    let mut filled = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(&byte) = rest.next() {
        let mark = (byte == b'@').then(|| rest.as_slice().first()).flatten();
        let text = match mark {
            Some(b'H') => host,
            Some(b'C') => &cookies,
            Some(b'S') => &smuggled,
            Some(b'N') => &length,
            Some(b'X') => &hexadecimal,
            Some(b'T') => tag,
            _ => {
                filled.push(byte);
                continue;
            }
        };
        rest.next();
        filled.extend_from_slice(text.as_bytes());
    }
    filled
}
