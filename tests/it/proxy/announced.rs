//! Behind a proxy that only carries bytes: its PROXY header says who is there, nobody else's does, and it is needed.

use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::support::app::App;
use crate::support::gate::{Gate, HOST, Setup};
use crate::support::visitor::Visitor;
use crate::support::wire::{PATIENCE, read_answer};

/// A gateway whose proxies are at `trusted`, and its application.
fn behind(trusted: &str) -> (App, Gate) {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .with(&format!(
            "[listen]\nhttp = [\"127.0.0.1:0\"]\ntrusted_proxies = [{trusted}]\nproxy_protocol = true"
        ))
        .routes(&[("/open", "public-full")])
        .start();
    (app, gate)
}

/// A connection from another loopback address.
fn from(address: &str, gate: &Gate) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let here = SocketAddr::new(address.parse::<IpAddr>().unwrap(), 0);
    socket.bind(&here.into()).unwrap();
    socket.connect(&gate.address.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A request without a grant.
fn open(fields: &str) -> String {
    format!("GET /open HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n")
}

/// Version 2, from an IPv4 address, with something of a vendor's behind.
fn block(command: u8, source: [u8; 4]) -> Vec<u8> {
    let rest = [
        &source[..],
        &[198, 51, 100, 1, 0xdc, 4, 1, 0xbb],
        b"\xea\0\x02hi",
    ]
    .concat();
    let head = [
        b"\r\n\r\n\0\r\nQUIT\n",
        &[command, 0x11, 0, u8::try_from(rest.len()).unwrap()][..],
    ];
    [head.concat(), rest].concat()
}

/// Sends the parts and reads the answer; `None` if the connection ends without one.
fn said(gate: &Gate, parts: &[&[u8]]) -> Option<u16> {
    let mut visitor = Visitor::stranger(gate);
    for part in parts {
        // It may have been closed by now.
        if visitor.stream.get_mut().write_all(part).is_err() {
            break;
        }
    }
    read_answer(&mut visitor.stream, false).map(|answer| answer.status())
}

const HEADER: &str = "PROXY TCP4 203.0.113.9 198.51.100.1 56324 443\r\n";

#[test]
fn r10_a_trusted_proxy_says_by_its_header_who_is_there() {
    let (app, gate) = behind("\"127.0.0.1\"");
    let request = open("");
    for (header, address) in [
        (HEADER.as_bytes().to_vec(), "203.0.113.9"),
        (
            b"PROXY TCP6 2001:db8::9 ::1 1 2\r\n".to_vec(),
            "2001:db8::9",
        ),
        (block(0x21, [203, 0, 113, 10]), "203.0.113.10"),
        // These tell none: it is the proxy's.
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        (block(0x20, [203, 0, 113, 11]), "127.0.0.1"),
    ] {
        // In one piece, cut at the header's end, and cut within it.
        for cut in [0, header.len(), 1, header.len() - 1, 14] {
            let all = [&header, request.as_bytes()].concat();
            assert_eq!(said(&gate, &[&all[..cut], &all[cut..]]), Some(200));
            let head = app.last().head;
            assert_eq!(head.field("x-forwarded-for"), Some(address), "cut at {cut}");
            assert_eq!(head.field("x-real-ip"), Some(address));
        }
    }
}

#[test]
fn r10_one_header_counts_for_all_requests_of_a_connection() {
    let (app, gate) = behind("\"127.0.0.1\"");
    let mut visitor = Visitor::stranger(&gate);
    visitor.send(HEADER);
    for _ in 0..3 {
        visitor.send(open(""));
        assert_eq!(visitor.answer().status(), 200);
        assert_eq!(app.last().head.field("x-real-ip"), Some("203.0.113.9"));
    }
    // A second one is no request.
    visitor.send(HEADER);
    visitor.send(open(""));
    assert_eq!(visitor.answer().status(), 400);
    visitor.rest();
    assert_eq!(app.seen().len(), 3);
}

#[test]
fn r10_a_header_of_anybody_else_is_never_taken() {
    let (app, gate) = behind("\"127.0.0.1\"");
    for bytes in [format!("{HEADER}{}", open("")), open("")] {
        let mut stranger = from("127.0.0.2", &gate);
        // It may have been closed by now.
        let _ = stranger.write_all(bytes.as_bytes());
        let answer = read_answer(&mut std::io::BufReader::new(stranger), false);
        assert!(answer.is_none(), "{answer:?}");
    }
    assert!(app.seen().is_empty());
    assert_eq!(
        said(&gate, &[format!("{HEADER}{}", open("")).as_bytes()]),
        Some(200)
    );
}

#[test]
fn r10_a_trusted_proxy_without_a_header_is_not_served() {
    let (app, gate) = behind("\"127.0.0.1\"");
    for begins in [
        "",
        "\r\n",
        "PROXY TCP4 203.0.113.9 198.51.100.1 56324\r\n",
        "PROXY TCP4 203.0.113.9 198.51.100.1 56324 443\n",
        "proxy TCP4 203.0.113.9 198.51.100.1 56324 443\r\n",
        "PROXY UDP4 203.0.113.9 198.51.100.1 56324 443\r\n",
        "\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0",
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\0",
    ] {
        let bytes = format!("{begins}{}", open(""));
        assert_eq!(said(&gate, &[bytes.as_bytes()]), None, "{begins:?}");
    }
    assert!(app.seen().is_empty());
}

/// Without `proxy_protocol` a header is what it looks like to HTTP: no request.
#[test]
fn r10_a_header_is_taken_only_where_one_is_wanted() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .with("[listen]\nhttp = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.1\"]")
        .routes(&[("/open", "public-full")])
        .start();
    let bytes = format!("{HEADER}{}", open(""));
    assert_eq!(said(&gate, &[bytes.as_bytes()]), Some(400));
    assert!(app.seen().is_empty());
}

/// What carries bytes carries a visitor's lies, too: their fields count only if the address in the header is a proxy's.
#[test]
fn r10_behind_a_header_forwarded_fields_are_the_visitors_own() {
    let (app, gate) = behind("\"127.0.0.1\", \"10.0.0.0/8\"");
    let lies = open("X-Forwarded-For: 192.0.2.66\r\nX-Real-IP: 192.0.2.66\r\n");
    for (header, address) in [
        (HEADER, "203.0.113.9"),
        ("PROXY UNKNOWN\r\n", "127.0.0.1"),
        (
            "PROXY TCP4 10.1.2.3 198.51.100.1 56324 443\r\n",
            "192.0.2.66",
        ),
    ] {
        assert_eq!(
            said(&gate, &[header.as_bytes(), lies.as_bytes()]),
            Some(200)
        );
        let head = app.last().head;
        assert_eq!(head.field("x-forwarded-for"), Some(address), "{header}");
        assert_eq!(head.field("x-real-ip"), Some(address), "{header}");
    }
}
