//! Each rule of the strict reader catches its case, and nothing else is caught.

use super::*;

/// Heads: what stands between the request line and its end.
const HEADS: &[(Rule, &str)] = &[
    (Rule::Host, ""),
    (Rule::Host, "Host: a\r\nHost: a\r\n"),
    (Rule::Host, "Host:\r\n"),
    (Rule::Host, "Host: a, a\r\n"),
    (Rule::Host, "Host: me@a\r\n"),
    (Rule::Host, "Host: a/x\r\n"),
    (Rule::Host, "Host: a:b\r\n"),
    (Rule::Host, "Host: a:\r\n"),
    (Rule::BareLineFeed, "Host: a\n"),
    (Rule::BareLineFeed, "Host: a\r\nX: a\nY: b\r\n"),
    (Rule::BareCarriageReturn, "Host: a\r\nX: a\rY: b\r\n"),
    (Rule::BareCarriageReturn, "Host: a\r\r\n"),
    (Rule::Folded, "Host: a\r\n b\r\n"),
    (Rule::Folded, "Host: a\r\n\tb: c\r\n"),
    (Rule::Folded, "Host: a\r\n Content-Length: 5\r\n"),
    (Rule::FieldLine, "Host: a\r\nX\r\n"),
    (Rule::FieldName, "Host : a\r\n"),
    (Rule::FieldName, "Host: a\r\n: b\r\n"),
    (Rule::FieldName, "Host: a\r\nContent-Length\x0b: 5\r\n"),
    (Rule::FieldName, "Host: a\r\nContent Length: 5\r\n"),
    (Rule::FieldName, "Host: a\r\nX\0: b\r\n"),
    (Rule::FieldName, "Host: a\r\nX-é: b\r\n"),
    (Rule::FieldValue, "Host: a\r\nX: \0\r\n"),
    (Rule::FieldValue, "Host: a\r\nX: \x0b\r\n"),
    (Rule::FieldValue, "Host: a\r\nX: \x7f\r\n"),
    (
        Rule::TwoFramings,
        "Host: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n",
    ),
    (
        Rule::TwoFramings,
        "Host: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n",
    ),
    (
        Rule::Coding,
        "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ),
    (Rule::Coding, "Host: a\r\nTransfer-Encoding: identity\r\n"),
    (
        Rule::Coding,
        "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n",
    ),
    (
        Rule::Coding,
        "Host: a\r\nTransfer-Encoding: chunked;q=1\r\n",
    ),
    (Rule::Coding, "Host: a\r\nTransfer-Encoding: xchunked\r\n"),
    (Rule::Coding, "Host: a\r\nTransfer-Encoding:\r\n"),
    (Rule::Length, "Host: a\r\nContent-Length: +0\r\n"),
    (Rule::Length, "Host: a\r\nContent-Length: -0\r\n"),
    (Rule::Length, "Host: a\r\nContent-Length: 0, 0\r\n"),
    (Rule::Length, "Host: a\r\nContent-Length: 0x0\r\n"),
    (Rule::PaddedLength, "Host: a\r\nContent-Length: 00\r\n"),
    (Rule::Length, "Host: a\r\nContent-Length: 1 0\r\n"),
    (Rule::Length, "Host: a\r\nContent-Length:\r\n"),
    (
        Rule::Length,
        "Host: a\r\nContent-Length: 18446744073709551616\r\n",
    ),
    (Rule::LookAlike, "Host: a\r\nTransfer_Encoding: chunked\r\n"),
    (Rule::LookAlike, "Host: a\r\nTransfer.Encoding: chunked\r\n"),
    (Rule::LookAlike, "Host: a\r\nTransfer~encoding: chunked\r\n"),
    (Rule::LookAlike, "Host: a\r\nContent_Length: 5\r\n"),
    (Rule::LookAlike, "Host: a\r\nCONTENT+LENGTH: 5\r\n"),
    (Rule::LookAlike, "Host: a\r\n_Content-Length: 5\r\n"),
    (Rule::LookAlike, "Host: a\r\nContent-Length_: 5\r\n"),
    (Rule::LookAlike, "Host: a\r\nHost.: b\r\n"),
    (Rule::Upgrade, "Host: a\r\nUpgrade: h2c\r\n"),
    (Rule::Upgrade, "Host: a\r\nUpgrade: websocket, h2c\r\n"),
    (Rule::HopByHop, "Host: a\r\nConnection: close\r\n"),
    (Rule::HopByHop, "Host: a\r\nUpgrade: websocket\r\n"),
    (Rule::HopByHop, "Host: a\r\nTE: trailers\r\n"),
    (Rule::HopByHop, "Host: a\r\nTrailer: X\r\n"),
    (Rule::HopByHop, "Host: a\r\nKeep-Alive: 5\r\n"),
    (Rule::HopByHop, "Host: a\r\nHTTP2-Settings: AAMA\r\n"),
    (Rule::HopByHop, "Host: a\r\nExpect: 100-continue\r\n"),
    (Rule::HopByHop, "Host: a\r\nProxy-Connection: close\r\n"),
    (Rule::Identity, "Host: a\r\nRemote-User: root\r\n"),
    (Rule::Identity, "Host: a\r\nX_Remote.User: root\r\n"),
    (Rule::Identity, "Host: a\r\nX_Forwarded-For: 1\r\n"),
    (
        Rule::Identity,
        "Host: a\r\nX-Real-IP: 1\r\nX-Real-IP: 2\r\n",
    ),
];

/// Request lines.
const LINES: &[(Rule, &str)] = &[
    (Rule::RequestLine, "GET /"),
    (Rule::RequestLine, "GET  / HTTP/1.1"),
    (Rule::RequestLine, " GET / HTTP/1.1"),
    (Rule::RequestLine, "GET / HTTP/1.1 "),
    (Rule::RequestLine, "GET\t/\tHTTP/1.1"),
    (Rule::RequestLine, ""),
    (Rule::Method, "G(T / HTTP/1.1"),
    (Rule::Method, "CONNECT / HTTP/1.1"),
    (Rule::Trace, "TRACE / HTTP/1.1"),
    (Rule::Target, "GET /\u{e9} HTTP/1.1"),
    (Rule::Target, "GET /\x7f HTTP/1.1"),
    (Rule::Target, "GET a HTTP/1.1"),
    (Rule::Target, "GET * HTTP/1.1"),
    (Rule::Target, "GET /a#b HTTP/1.1"),
    (Rule::Target, "OPTIONS *a HTTP/1.1"),
    (Rule::Target, "GET ftp://a/ HTTP/1.1"),
    (Rule::OtherAuthority, "GET http://b/ HTTP/1.1"),
    (Rule::OtherAuthority, "GET http://me@a/ HTTP/1.1"),
    (Rule::AbsoluteForm, "GET http://a/ HTTP/1.1"),
    (Rule::Version, "GET / HTTP/1.2"),
    (Rule::Version, "GET / HTTP/2.0"),
    (Rule::Version, "GET / HTTP/11.1"),
    (Rule::Version, "GET / http/1.1"),
    (Rule::Version, "GET / HTTP/0.9"),
    (Rule::OldVersion, "GET / HTTP/1.0"),
];

/// Bodies in chunks.
const BODIES: &[(Rule, &str)] = &[
    (Rule::ChunkSize, "\r\n"),
    (Rule::ChunkSize, "+3\r\nabc\r\n0\r\n\r\n"),
    (Rule::ChunkSize, " 3\r\nabc\r\n0\r\n\r\n"),
    (Rule::ChunkSize, "3\nabc\r\n0\r\n\r\n"),
    (Rule::ChunkSize, "3;a\nabc\r\n0\r\n\r\n"),
    (Rule::ChunkSize, "000000003\r\nabc\r\n0\r\n\r\n"),
    (Rule::ChunkSize, "10000000000000003\r\nabc\r\n0\r\n\r\n"),
    (Rule::ChunkExtension, "0x3\r\nabc\r\n0\r\n\r\n"),
    (Rule::ChunkExtension, "3 \r\nabc\r\n0\r\n\r\n"),
    (Rule::ChunkExtension, "3;\r\nabc\r\n0\r\n\r\n"),
    (Rule::ChunkExtension, "3;a=\"b\"\r\nabc\r\n0\r\n\r\n"),
    (Rule::BareCarriageReturn, "3;a\rb\r\nabc\r\n0\r\n\r\n"),
    (Rule::ChunkEnd, "3\r\nabcd\r\n0\r\n\r\n"),
    (Rule::ChunkEnd, "3\r\nabc\n0\r\n\r\n"),
    (Rule::Extension, "3;a=b\r\nabc\r\n0\r\n\r\n"),
    (Rule::Trailer, "3\r\nabc\r\n0\r\nX: a\r\n\r\n"),
    (
        Rule::TrailerFrames,
        "3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n",
    ),
    (
        Rule::TrailerFrames,
        "0\r\nTransfer_Encoding: chunked\r\n\r\n",
    ),
    (Rule::FieldLine, "0\r\nGET / HTTP/1.1\r\n\r\n"),
    (Rule::RequestLine, "0\r\n\r\nabc\r\n"),
    (Rule::RequestLine, "0\r\n\r\n\r\n"),
];

fn finds(rule: Rule, bytes: &str) {
    let reading = read(bytes.as_bytes());
    let found: Vec<Rule> = reading.faults.iter().map(|fault| fault.rule).collect();
    assert!(
        found.contains(&rule),
        "{rule:?} is not in {found:?}: {bytes:?}"
    );
    assert_eq!(
        reading.ambiguous(),
        found.iter().any(|rule| rule.ambiguous())
    );
}

#[test]
fn every_rule_catches_its_case() {
    for (rule, head) in HEADS {
        finds(*rule, &format!("GET / HTTP/1.1\r\n{head}\r\n"));
    }
    for (rule, line) in LINES {
        finds(*rule, &format!("{line}\r\nHost: a\r\n\r\n"));
    }
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (rule, body) in BODIES {
        finds(*rule, &format!("{chunked}{body}"));
    }
    let long = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "a".repeat(MOST)
    );
    finds(Rule::Large, &long);
    finds(Rule::Endless, &"a".repeat(3 * MOST));
    finds(
        Rule::RequestLine,
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nab\r\n\r\n",
    );
}

#[test]
fn what_is_plain_is_read_to_its_end() {
    let bytes = "GET /a?b HTTP/1.1\r\nHost: a:80\r\nX:  a b\t\r\nX: \u{e9}\r\n\r\n\
        POST /c HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 3\r\n\r\nabc\
        PUT /d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\n\r\n\r\n0\r\n\r\n\
        GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n\
        OPTIONS * HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1\r\nX-Host: b\r\nContent-Length-Hint: 4\r\n\r\n\
        POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc";
    let reading = read(bytes.as_bytes());
    assert!(reading.faults.is_empty(), "{:?}", reading.faults);
    let told: Vec<_> = reading
        .messages
        .iter()
        .map(|one| (one.target.as_str(), one.body.as_slice(), one.complete))
        .collect();
    assert_eq!(
        told,
        [
            ("/a?b", &b""[..], true),
            ("/c", b"abc", true),
            ("/d", b"abc\r\n", true),
            ("/ws", b"", true),
            ("*", b"", true),
            ("/e", b"", false),
        ]
    );
    assert_eq!(reading.messages[0].all("x")[0], "a b");
}
