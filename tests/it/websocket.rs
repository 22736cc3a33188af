//! `WebSockets` and event streams: let through after their gate, and ended with the grant that let them through.

use std::io::{Read, Write};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crate::support::app::App;
use crate::support::bare::{Bare, wait};
use crate::support::browser::{Browser, token};
use crate::support::gate::{Gate, HOST, Setup};
use crate::support::visitor::Visitor;
use crate::support::wire::{PATIENCE, read_head};

/// The key of RFC 6455 section 1.3, and what belongs to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const UPGRADE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat\r\nOrigin: http://app.localhost\r\n";

fn switching(accept: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\
         Sec-WebSocket-Protocol: chat\r\n\r\n"
    )
}

/// An application that greets, and sends everything back; it tells when one of its sockets has ended.
fn echo() -> (Bare, Receiver<()>) {
    let (told, ended) = mpsc::channel();
    let app = Bare::new(move |_, mut stream| {
        let head = read_head(&mut stream).unwrap();
        assert_eq!(head.field("sec-websocket-key"), Some(KEY));
        assert_eq!(head.field("sec-websocket-protocol"), Some("chat"));
        assert_eq!(
            (head.field("connection"), head.field("upgrade")),
            (Some("Upgrade"), Some("websocket"))
        );
        stream
            .get_mut()
            .write_all((switching(ACCEPT) + "hello").as_bytes())
            .unwrap();
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            stream.get_mut().write_all(&piece[..count]).unwrap();
        }
        told.send(()).unwrap();
    });
    (app, ended)
}

/// Opens a socket as somebody who is signed in.
fn opened(gate: &Gate, browser: &Browser) -> Visitor {
    let mut visitor = Visitor::stranger(gate);
    let cookies = format!("Cookie: {}\r\n", browser.cookies().unwrap());
    visitor.begin("GET /socket", &(cookies + UPGRADE));
    let head = read_head(&mut visitor.stream).unwrap();
    assert_eq!(head.first, "HTTP/1.1 101 Switching Protocols");
    assert_eq!(head.field("sec-websocket-accept"), Some(ACCEPT));
    assert_eq!(head.field("sec-websocket-protocol"), Some("chat"));
    assert!(
        head.field("connection")
            .unwrap()
            .eq_ignore_ascii_case("upgrade")
    );
    assert_eq!(
        visitor.bytes(5),
        b"hello",
        "what came with the 101 is not lost"
    );
    visitor
}

/// Whether bytes still go both ways.
fn echoes(visitor: &mut Visitor) {
    visitor.send(b"still here");
    assert_eq!(visitor.bytes(10), b"still here");
}

fn sign_out(browser: &mut Browser) {
    let page = browser.get("/.countersign/sign-out");
    let answer = browser.post("/.countersign/sign-out", &[("token", &token(&page))]);
    assert!(matches!(answer.status(), 200 | 303), "{}", answer.text());
}

#[test]
fn r9_bytes_go_both_ways_after_the_gate() {
    let (app, ended) = echo();
    let gate = Setup::new(&app.url()).start();
    let mut visitor = opened(&gate, &gate.signed_in("ann"));
    for size in [1, 100, 70_000] {
        let frame: Vec<u8> = (0..size).map(|n: u32| n.to_le_bytes()[0]).collect();
        visitor.send(&frame);
        assert!(visitor.bytes(frame.len()) == frame, "{size}");
    }
    drop(visitor);
    wait(&ended);
}

#[test]
fn r9_a_socket_ends_when_the_application_ends_it() {
    let app = Bare::new(|_, mut stream| {
        read_head(&mut stream).unwrap();
        stream
            .get_mut()
            .write_all((switching(ACCEPT) + "hello, bye").as_bytes())
            .unwrap();
    });
    let gate = Setup::new(&app.url()).start();
    assert_eq!(opened(&gate, &gate.signed_in("ann")).rest(), b", bye");
}

#[test]
fn r9_without_a_grant_there_is_no_socket() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let mut stranger = Visitor::stranger(&gate);
    let answer = stranger.ask("GET /socket", UPGRADE);
    assert_eq!((answer.status(), answer.body.len()), (401, 0));
    assert!(
        answer
            .field("www-authenticate")
            .unwrap()
            .starts_with("Countersign scope=\"login\"")
    );
    assert_eq!(answer.field("upgrade"), None);
    let other = gate.signed_in("ann");
    let mut admin = Visitor::stranger(&gate);
    let cookies = format!("Cookie: {}\r\n", other.cookies().unwrap());
    assert_eq!(
        admin
            .ask("GET /admin/socket", &(cookies + UPGRADE))
            .status(),
        401,
        "each scope has its own"
    );
    assert!(app.seen().is_empty());
}

#[test]
fn a_socket_from_a_foreign_page_is_refused() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .routes(&[("/open", "public-full")])
        .start();
    let visitor = Visitor::granted(&gate);
    for origin in [
        "http://evil.example",
        "null",
        "https://app.localhost",
        "http://app.localhost:8080",
        "http://app.localhost.evil.example",
    ] {
        let fields = UPGRADE.replace("http://app.localhost", origin);
        for line in ["GET /socket", "GET /open"] {
            assert_eq!(
                visitor.again(&gate).ask(line, &fields).status(),
                403,
                "{origin} {line}"
            );
        }
    }
    assert!(app.seen().is_empty());
}

#[test]
fn r9_a_101_counts_only_with_the_right_accept() {
    for answer in [
        switching("AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        switching(""),
        switching(&format!("{ACCEPT}\r\nSec-WebSocket-Accept: {ACCEPT}")),
        switching(&ACCEPT.to_ascii_lowercase()),
        switching(ACCEPT).replace("Upgrade: websocket", "Upgrade: h2c"),
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            .to_owned(),
    ] {
        let text = answer.clone();
        let app = Bare::new(move |_, mut stream| {
            read_head(&mut stream).unwrap();
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
        });
        let gate = Setup::new(&app.url()).start();
        let mut visitor = Visitor::granted(&gate);
        assert_eq!(visitor.ask("GET /socket", UPGRADE).status(), 502, "{text}");
        assert_eq!(visitor.rest(), b"", "{text}");
    }
}

#[test]
fn r9_an_application_may_answer_otherwise() {
    for (answer, status) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain", 200),
        (
            "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nplain\r\n0\r\n\r\n",
            403,
        ),
        (
            "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 8\r\nContent-Length: 5\r\n\r\nplain",
            426,
        ),
    ] {
        let app = App::answering(answer);
        let gate = Setup::new(&app.url()).start();
        let mut visitor = Visitor::granted(&gate);
        let came = visitor.ask("GET /socket", UPGRADE);
        assert_eq!(
            (came.status(), came.text().as_str(), came.field("upgrade")),
            (status, "plain", None)
        );
        assert_eq!(
            visitor.ask("GET /next", "").status(),
            status,
            "the connection is no tunnel"
        );
        assert_eq!(app.lines(), ["GET /socket HTTP/1.1", "GET /next HTTP/1.1"]);
    }
}

#[test]
fn r9_nothing_else_is_upgraded_to() {
    for token in [
        "h2c",
        "TLS/1.3",
        "websocket, h2c",
        "WebSocket/13",
        "IRC/6.9",
    ] {
        let app = App::new();
        let gate = Setup::new(&app.url()).start();
        let fields = UPGRADE.replace("Upgrade: websocket", &format!("Upgrade: {token}"))
            + "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n";
        let came = Visitor::granted(&gate).ask("GET /socket", &fields);
        assert_eq!(
            (came.status(), came.field("upgrade")),
            (200, None),
            "{token}"
        );
        let head = app.last().head;
        for name in ["connection", "upgrade", "http2-settings"] {
            assert_eq!(head.field(name), None, "{token}");
        }
    }
}

#[test]
fn r9_an_upgrade_that_is_not_said_clearly_is_none() {
    let websocket = "Upgrade: websocket\r\n";
    for (name, fields) in [
        ("h2c", UPGRADE.replace("Upgrade: websocket", "Upgrade: h2c")),
        (
            "two fields",
            UPGRADE.replace(websocket, "Upgrade: websocket\r\nUpgrade: h2c\r\n"),
        ),
        (
            "two fields, the other way round",
            UPGRADE.replace(websocket, "Upgrade: h2c\r\nUpgrade: websocket\r\n"),
        ),
        (
            "twice the same",
            UPGRADE.replace(websocket, &websocket.repeat(2)),
        ),
        (
            "twice in one field",
            UPGRADE.replace(websocket, "Upgrade: websocket, websocket\r\n"),
        ),
        (
            "a comma behind it",
            UPGRADE.replace(websocket, "Upgrade: websocket,\r\n"),
        ),
        (
            "not named by Connection",
            UPGRADE.replace("keep-alive, Upgrade", "keep-alive"),
        ),
        (
            "named by nothing",
            UPGRADE.replace("Connection: keep-alive, Upgrade\r\n", ""),
        ),
        ("named alone", UPGRADE.replace(websocket, "")),
        (
            "settings of HTTP/2 named",
            UPGRADE
                .replace("Upgrade: websocket", "Upgrade: h2c")
                .replace("keep-alive, Upgrade", "Upgrade, HTTP2-Settings")
                + "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        ),
    ] {
        let app = App::new();
        let gate = Setup::new(&app.url()).start();
        let came = Visitor::granted(&gate).ask("GET /socket", &fields);
        assert_eq!(
            (came.status(), came.field("upgrade")),
            (200, None),
            "{name}"
        );
        let head = app.last().head;
        for field in ["connection", "upgrade", "http2-settings"] {
            assert_eq!(head.all(field), [""; 0], "{name}");
        }
    }
}

#[test]
fn r9_a_handshake_that_is_none_gets_400_and_goes_nowhere() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .routes(&[("/open", "public-full")])
        .start();
    let visitor = Visitor::granted(&gate);
    let (key, version) = (
        format!("Sec-WebSocket-Key: {KEY}\r\n"),
        "Sec-WebSocket-Version: 13\r\n",
    );
    let plain = UPGRADE.to_owned();
    let with_key = |other: &str| UPGRADE.replace(KEY, other);
    let with_version = |other: &str| UPGRADE.replace(version, other);
    for (name, line, fields) in [
        ("a POST", "POST /socket", plain.clone()),
        ("a HEAD", "HEAD /socket", plain.clone()),
        ("a small get", "get /socket", plain.clone()),
        ("a CONNECT", "CONNECT app.localhost:80", plain.clone()),
        (
            "a body",
            "GET /socket",
            format!("{plain}Content-Length: 5\r\n"),
        ),
        (
            "a body in chunks",
            "GET /socket",
            format!("{plain}Transfer-Encoding: chunked\r\n"),
        ),
        ("no key", "GET /socket", UPGRADE.replace(&key, "")),
        ("two keys", "GET /socket", plain.clone() + &key),
        ("an empty key", "GET /socket", with_key("")),
        ("15 bytes", "GET /socket", with_key("c2hvcnQgYnkgb25lLi4u")),
        (
            "17 bytes",
            "GET /socket",
            with_key("b25lIGJ5dGUgdG9vIG1hbnk="),
        ),
        (
            "no end of a key",
            "GET /socket",
            with_key("dGhlIHNhbXBsZSBub25jZQ"),
        ),
        (
            "no base64",
            "GET /socket",
            with_key("dGhlIHNhbXBs*SBub25jZQ=="),
        ),
        ("no version", "GET /socket", with_version("")),
        (
            "version 8",
            "GET /socket",
            with_version("Sec-WebSocket-Version: 8\r\n"),
        ),
        (
            "version 0",
            "GET /socket",
            with_version("Sec-WebSocket-Version: 0\r\n"),
        ),
        (
            "two versions",
            "GET /socket",
            with_version(&version.repeat(2)),
        ),
        (
            "a list of versions",
            "GET /socket",
            with_version("Sec-WebSocket-Version: 13, 8\r\n"),
        ),
    ] {
        for line in [line.to_owned(), line.replace("/socket", "/open/socket")] {
            let mut one = visitor.again(&gate);
            let came = one.ask(&line, &fields);
            let wanted = if line.starts_with("CONNECT") {
                405
            } else {
                400
            };
            assert_eq!(came.status(), wanted, "{name} {line}");
            assert_eq!(came.field("upgrade"), None, "{name} {line}");
            assert_eq!(one.rest(), b"", "{name}: and the end of the connection");
        }
    }
    let mut old = visitor.again(&gate);
    let head = old.head("GET /socket", UPGRADE);
    old.send(head.replace("HTTP/1.1", "HTTP/1.0"));
    assert_eq!(old.answer().status(), 400, "HTTP/1.0");
    assert!(app.seen().is_empty());
}

#[test]
fn r9_a_101_that_nobody_asked_for_is_a_502() {
    for version in ["HTTP/1.1", "HTTP/1.0"] {
        let app = Bare::new(|_, mut stream| {
            read_head(&mut stream).unwrap();
            let unasked = switching(ACCEPT) + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrap";
            stream.get_mut().write_all(unasked.as_bytes()).unwrap();
        });
        let gate = Setup::new(&app.url()).start();
        let mut visitor = Visitor::granted(&gate);
        let head = visitor.head("GET /page", "").replace("HTTP/1.1", version);
        visitor.send(head);
        let came = visitor.answer();
        assert_eq!(came.status(), 502, "{version}");
        assert!(!came.text().contains("trap"), "{version}");
    }
}

/// What stands behind the request is the socket's, and goes up when there is one; or it is the next request, and judged.
#[test]
fn r9_bytes_before_the_101_go_up_only_after_it() {
    // It answers otherwise: what came early is another request, which its sender has no grant for.
    let app = App::answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    let smuggled = format!("GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let head = visitor.head("GET /socket", UPGRADE);
    visitor.send(head + &smuggled);
    assert_eq!(visitor.answer().status(), 403);
    assert_ne!(visitor.answer().status(), 403, "it is asked who they are");
    assert_eq!(app.lines(), ["GET /socket HTTP/1.1"]);

    // Its 101 is none: nothing but the request has arrived.
    let (told, rest) = mpsc::channel();
    let app = Bare::new(move |_, mut stream| {
        read_head(&mut stream).unwrap();
        stream
            .get_mut()
            .write_all(switching("AAAAAAAAAAAAAAAAAAAAAAAAAAA=").as_bytes())
            .unwrap();
        let mut rest = Vec::new();
        drop(stream.read_to_end(&mut rest));
        told.send(rest).unwrap();
    });
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    let head = visitor.head("GET /socket", UPGRADE);
    visitor.send(head + &smuggled);
    assert_eq!(visitor.answer().status(), 502);
    assert_eq!(rest.recv_timeout(PATIENCE).unwrap(), b"");

    // There is a socket: not one of them is lost.
    let (app, _ended) = echo();
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    let head = visitor.head("GET /socket", UPGRADE);
    visitor.send(head + "early");
    let switched = read_head(&mut visitor.stream).unwrap();
    assert_eq!(switched.first, "HTTP/1.1 101 Switching Protocols");
    assert_eq!(visitor.bytes(10), b"helloearly");
}

#[test]
fn s5_a_socket_ends_with_the_sign_out() {
    let (app, ended) = echo();
    let gate = Setup::new(&app.url()).start();
    let mut browser = gate.signed_in("ann");
    let (mut hers, mut his) = (
        opened(&gate, &browser),
        opened(&gate, &gate.signed_in("bob")),
    );
    sign_out(&mut browser);
    assert_eq!(hers.rest(), b"");
    wait(&ended);
    his.send("still here");
    assert_eq!(his.bytes(10), b"still here", "it was not his grant");
}

#[test]
fn s5_a_socket_ends_with_the_life_of_its_grant() {
    let (app, ended) = echo();
    let gate = Setup::new(&app.url()).start();
    let mut visitor = opened(&gate, &gate.signed_in("ann"));
    gate.clock.advance(Duration::from_secs(11 * 60 * 60));
    visitor.send("in use");
    assert_eq!(
        visitor.bytes(6),
        b"in use",
        "a running socket keeps its grant from being idle"
    );
    gate.clock.advance(Duration::from_secs(60 * 60));
    assert_eq!(visitor.rest(), b"");
    wait(&ended);
}

#[test]
fn s5_an_event_stream_ends_with_the_sign_out() {
    let (told, ended) = mpsc::channel();
    let app = Bare::new(move |_, mut stream| {
        read_head(&mut stream).unwrap();
        stream
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n")
            .unwrap();
        assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0);
        told.send(()).unwrap();
    });
    let gate = Setup::new(&app.url()).start();
    let mut browser = gate.signed_in("ann");
    let mut visitor = Visitor::stranger(&gate);
    visitor.begin(
        "GET /events",
        &format!("Cookie: {}\r\n", browser.cookies().unwrap()),
    );
    read_head(&mut visitor.stream).unwrap();
    assert_eq!(visitor.bytes(14), b"9\r\ndata: 1\n\n\r\n");
    sign_out(&mut browser);
    assert_eq!(visitor.rest(), b"", "cut off, not ended");
    wait(&ended);
}

/// An application that never stops talking leaves no quiet moment in which to look.
#[test]
fn s5_a_busy_stream_ends_with_the_sign_out_too() {
    let (told, ended) = mpsc::channel();
    let app = Bare::new(move |_, mut stream| {
        read_head(&mut stream).unwrap();
        let mut open = stream
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .is_ok();
        let chunk = format!("{:x}\r\n{}\r\n", 60_000, "x".repeat(60_000));
        while open {
            open = stream.get_mut().write_all(chunk.as_bytes()).is_ok();
        }
        told.send(()).unwrap();
    });
    let gate = Setup::new(&app.url()).start();
    let mut browser = gate.signed_in("ann");
    let mut visitor = Visitor::stranger(&gate);
    visitor.begin(
        "GET /endless",
        &format!("Cookie: {}\r\n", browser.cookies().unwrap()),
    );
    read_head(&mut visitor.stream).unwrap();
    sign_out(&mut browser);
    let mut piece = vec![0; 1 << 20];
    while let Ok(1..) = visitor.stream.read(&mut piece) {}
    wait(&ended);
}

#[test]
fn what_has_no_end_of_its_own_ends_with_the_gateway() {
    let (app, ended) = echo();
    let events = Bare::new(|_, mut stream| {
        read_head(&mut stream).unwrap();
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\ndata: 1\n\n").unwrap();
        drop(stream.read(&mut [0; 1]));
    });
    let second = format!(
        "[sites.second]\nname = \"Second\"\nurl = \"http://second.localhost\"\nupstream = \"{}\"\nsupport = \"Help desk\"\n\
         directory = \"people\"\nscopes = [\"login\"]\n[[sites.second.routes]]\npath = \"/\"\nrequire = \"public-full\"\n",
        events.url()
    );
    let gate = Setup::new(&app.url()).with(&second).start();
    let mut socket = opened(&gate, &gate.signed_in("ann"));
    let mut stream = Visitor::stranger(&gate);
    let head = stream.head("GET /", "").replace(HOST, "second.localhost");
    stream.send(head);
    read_head(&mut stream.stream).unwrap();
    gate.running().shutdown().cancel();
    // Less than what requests in progress get.
    for visitor in [&socket, &stream] {
        visitor
            .stream
            .get_ref()
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
    }
    assert_eq!(socket.rest(), b"");
    assert!(
        String::from_utf8(stream.rest())
            .unwrap()
            .contains("data: 1")
    );
    wait(&ended);
}

/// The grant is as good as it was, but there is no such scope any more.
#[test]
fn s5_a6_a_reload_without_a_scope_ends_its_sockets_and_no_other() {
    let (app, ended) = echo();
    let gate = Setup::new(&app.url()).start();
    let mut browser = gate.signed_in("ann");
    browser.pass_step_up("/admin", &gate.messages);
    let mut login = opened(&gate, &browser);
    let mut admin = Visitor::stranger(&gate);
    let cookies = format!("Cookie: {}\r\n", browser.cookies().unwrap());
    admin.begin("GET /admin/socket", &(cookies + UPGRADE));
    admin.until("hello");
    gate.rewrite("name = \"Example Portal\"", "name = \"Other Portal\"");
    gate.reload().unwrap();
    echoes(&mut login);
    echoes(&mut admin);
    gate.rewrite("scopes = [\"login\", \"admin\"]", "scopes = [\"login\"]");
    gate.rewrite("require = \"admin\"", "require = \"deny\"");
    gate.reload().unwrap();
    assert_eq!(admin.rest(), b"");
    wait(&ended);
    echoes(&mut login);
}

#[test]
fn s5_a6_a_reload_without_a_scope_ends_its_event_streams() {
    let (told, ended) = mpsc::channel();
    let app = Bare::new(move |_, mut stream| {
        read_head(&mut stream).unwrap();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ndata:\r\n";
        stream.get_mut().write_all(head.as_bytes()).unwrap();
        // Says no more; the other side hangs up.
        let mut piece = [0; 64];
        while let Ok(1..) = stream.read(&mut piece) {}
        told.send(()).unwrap();
    });
    let gate = Setup::new(&app.url()).start();
    let mut browser = gate.signed_in("ann");
    browser.pass_step_up("/admin", &gate.messages);
    let mut visitor = Visitor::stranger(&gate);
    let cookies = format!("Cookie: {}\r\n", browser.cookies().unwrap());
    visitor.begin("GET /admin/events", &cookies);
    visitor.until("data:");
    gate.rewrite("scopes = [\"login\", \"admin\"]", "scopes = [\"login\"]");
    gate.rewrite("require = \"admin\"", "require = \"deny\"");
    gate.reload().unwrap();
    wait(&ended);
}

/// What is open is judged again, once, by the new file: with the grants that it has, or none.
#[test]
fn a6_a_socket_that_the_new_file_would_not_open_ends() {
    let (app, ended) = echo();
    let gate = Setup::new(&app.url())
        .routes(&[("/open", "public-full"), ("/other", "public-full")])
        .start();
    let open = |path: &str| {
        let mut visitor = Visitor::stranger(&gate);
        visitor.begin(&format!("GET {path}"), UPGRADE);
        visitor.until("hello");
        visitor
    };
    let (mut public, mut other) = (open("/open"), open("/other"));
    let mut granted = opened(&gate, &gate.signed_in("ann"));
    gate.rewrite(
        "path = \"/open\"\nrequire = \"public-full\"",
        "path = \"/open\"\nrequire = \"login\"",
    );
    gate.reload().unwrap();
    assert_eq!(public.rest(), b"");
    wait(&ended);
    gate.rewrite(
        "path = \"/other\"",
        "path = \"/socket\"\nrequire = \"admin\"\n[[sites.app.routes]]\npath = \"/other\"",
    );
    gate.reload().unwrap();
    assert_eq!(granted.rest(), b"", "its scope is there, but not enough");
    wait(&ended);
    echoes(&mut other);
}
