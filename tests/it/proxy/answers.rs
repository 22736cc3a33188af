//! Answers come down as the application meant them, whatever their framing.

use std::io::Write;

use crate::support::app::App;
use crate::support::bare::Bare;
use crate::support::gate::Setup;
use crate::support::visitor::Visitor;
use crate::support::wire::{Answer, connect, read_answer, read_head};

/// What a visitor with a grant gets when the application answers so.
fn answered(answer: &'static str, line: &str, fields: &str) -> Answer {
    let app = App::answering(answer);
    let gate = Setup::new(&app.url()).start();
    Visitor::granted(&gate).ask(line, fields)
}

#[test]
fn head_keeps_the_length_that_get_would_have() {
    let app = App::answering("HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nETag: \"v1\"\r\n\r\n");
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    let answer = visitor.ask("HEAD /file", "");
    assert_eq!(
        (
            answer.status(),
            answer.field("content-length"),
            answer.field("etag")
        ),
        (200, Some("12345"), Some("\"v1\""))
    );
    assert_eq!(
        visitor.ask("HEAD /again", "").status(),
        200,
        "no body is waited for"
    );
    assert_eq!(app.lines(), ["HEAD /file HTTP/1.1", "HEAD /again HTTP/1.1"]);
}

#[test]
fn head_of_an_answer_in_chunks_has_no_length_and_no_body() {
    let app = App::answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    let answer = visitor.ask("HEAD /file", "");
    assert_eq!(
        (answer.status(), answer.field("content-length")),
        (200, None)
    );
    assert_eq!(visitor.ask("HEAD /again", "").status(), 200);
}

#[test]
fn a_range_is_asked_for_and_answered_byte_for_byte() {
    let app = App::answering(
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-5/10\r\nContent-Length: 4\r\nAccept-Ranges: bytes\r\n\r\n2345",
    );
    let gate = Setup::new(&app.url()).start();
    let answer =
        Visitor::granted(&gate).ask("GET /file", "Range: bytes=2-5\r\nIf-Range: \"v1\"\r\n");
    assert_eq!((answer.status(), answer.text().as_str()), (206, "2345"));
    assert_eq!(answer.field("content-range"), Some("bytes 2-5/10"));
    let head = app.last().head;
    assert_eq!(
        (head.field("range"), head.field("if-range")),
        (Some("bytes=2-5"), Some("\"v1\""))
    );
}

#[test]
fn answers_without_a_body_have_none_and_the_connection_goes_on() {
    for (answer, status) in [
        ("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n", 304),
        (
            "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nContent-Length: 77\r\n\r\n",
            304,
        ),
        ("HTTP/1.1 204 No Content\r\nETag: \"v1\"\r\n\r\n", 204),
    ] {
        let app = App::answering(answer);
        let gate = Setup::new(&app.url()).start();
        let mut visitor = Visitor::granted(&gate);
        for path in ["GET /one", "GET /two"] {
            let came = visitor.ask(path, "If-None-Match: \"v1\"\r\n");
            assert_eq!(
                (came.status(), came.field("etag")),
                (status, Some("\"v1\"")),
                "{answer}"
            );
            assert_eq!(came.field("transfer-encoding"), None);
        }
        assert_eq!(app.seen()[1].head.field("if-none-match"), Some("\"v1\""));
    }
}

#[test]
fn every_framing_of_an_answer_arrives_whole() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello world",
        "HTTP/1.0 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\nhello world",
        "HTTP/1.0 200 OK\r\nX-Note: Connection: close\r\n\r\nhello world",
    ] {
        let app = App::answering(answer);
        let gate = Setup::new(&app.url()).start();
        let mut visitor = Visitor::granted(&gate);
        for path in ["GET /one", "GET /two"] {
            let came = visitor.ask(path, "");
            assert_eq!(
                (came.head.first.as_str(), came.text().as_str()),
                ("HTTP/1.1 200 OK", "hello world"),
                "{answer}"
            );
            assert_eq!(
                came.field("connection"),
                None,
                "its connection is not the visitor's: {answer}"
            );
        }
        assert_eq!(app.lines(), ["GET /one HTTP/1.1", "GET /two HTTP/1.1"]);
    }
}

#[test]
fn an_http_1_0_application_is_asked_once_a_connection() {
    let app = App::answering("HTTP/1.0 200 OK\r\nX-Note: Connection: close\r\n\r\nold");
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    for _ in 0..3 {
        assert_eq!(visitor.ask("GET /", "").text(), "old");
    }
    let connections: Vec<usize> = app
        .seen()
        .iter()
        .map(|request| request.connection)
        .collect();
    assert_eq!(connections, [1, 2, 3]);
}

#[test]
fn an_http_1_0_visitor_gets_an_answer_that_ends_with_the_connection() {
    let app = App::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    );
    let gate = Setup::new(&app.url()).start();
    let visitor = Visitor::granted(&gate);
    let mut old = visitor.again(&gate);
    old.send(visitor.head("GET /", "").replace("HTTP/1.1", "HTTP/1.0"));
    let head = read_head(&mut old.stream).unwrap();
    assert!(head.first.ends_with("200 OK"), "{}", head.first);
    assert_eq!(head.field("transfer-encoding"), None);
    assert_eq!(old.rest(), b"hello");
    assert_eq!(
        app.lines(),
        ["GET / HTTP/1.1"],
        "the application hears this gateway's version"
    );
}

#[test]
fn the_reason_phrase_is_the_applications() {
    for (line, answer) in [
        (
            "HTTP/1.1 200 Fine",
            "HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "HTTP/1.1 404 Nothing here (yet), \"sorry\"!",
            "HTTP/1.1 404 Nothing here (yet), \"sorry\"!\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "HTTP/1.1 299 All's well;\tthat=ends",
            "HTTP/1.1 299 All's well;\tthat=ends\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "HTTP/1.1 200 OK",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ),
    ] {
        assert_eq!(answered(answer, "GET /", "").head.first, line);
    }
}

#[test]
fn set_cookie_keeps_its_order_and_its_bytes() {
    let cookies = [
        "b=\"quoted, with blank\"; Path=/",
        "a=1|2=3==; path=/x; HttpOnly; SAMESITE=none",
        "b=second; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
        "odd; ;; =nothing",
        "a={\"json\":[1,2]}",
        "latin=caf\u{e9}",
    ];
    let answer = format!(
        "HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n",
        cookies
            .map(|cookie| format!("Set-Cookie: {cookie}\r\n"))
            .concat()
    );
    let answer: &'static str = answer.leak();
    let mut came = answered(answer, "GET /", "");
    came.head
        .fields
        .retain(|(_, value)| !value.contains("countersign"));
    assert_eq!(came.head.all("set-cookie"), cookies);
}

#[test]
fn s6_an_application_cannot_set_or_clear_cookies_of_ours() {
    let came = answered(
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: __Host-countersign-app-login=x; Path=/; Secure\r\n\
         Set-Cookie: countersign-app=; Max-Age=0\r\nSet-Cookie: b=2\r\nClear-Site-Data: \"cookies\"\r\nContent-Length: 0\r\n\r\n",
        "GET /",
        "",
    );
    assert_eq!(came.head.all("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(came.field("clear-site-data"), None);
}

#[test]
fn r8_hop_by_hop_fields_of_an_answer_end_here() {
    let came = answered(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Internal, Set-Cookie\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n\
         Proxy-Authentication-Info: x\r\nProxy-Connection: close\r\nTrailer: X-Late\r\nTE: trailers\r\nHTTP2-Settings: AAAA\r\n\
         Connection: X-Second\r\nX-Second: 1\r\nUpgrade: h2c\r\nX-Internal: 10.0.0.7\r\nX-Public: yes\r\nSet-Cookie: a=1\r\nContent-Length: 2\r\n\r\nok",
        "GET /",
        "",
    );
    for name in [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-connection",
        "trailer",
        "te",
        "http2-settings",
        "upgrade",
        "x-internal",
        "x-second",
    ] {
        assert_eq!(came.head.all(name), [""; 0], "{name}");
    }
    assert_eq!(came.field("x-public"), Some("yes"));
    assert_eq!(
        came.field("set-cookie"),
        Some("a=1"),
        "what belongs to the visitor is not taken away"
    );
    assert_eq!(came.text(), "ok");
}

#[test]
fn fields_that_nobody_knows_pass_with_their_bytes() {
    let came = answered(
        "HTTP/1.1 200 OK\r\nX-Empty:\r\nX-Twice: a\r\nX-Twice: b\r\nWWW-Authenticate: Negotiate\r\nContent-Encoding: br\r\n\
         Server: Old/1.0 (sure)\r\nContent-Length: 3\r\n\r\n\u{7f}ok",
        "GET /",
        "",
    );
    assert_eq!(came.field("x-empty"), Some(""));
    assert_eq!(came.head.all("x-twice"), ["a", "b"]);
    assert_eq!(came.field("www-authenticate"), Some("Negotiate"));
    assert_eq!(
        came.field("content-encoding"),
        Some("br"),
        "nothing is unpacked"
    );
    assert_eq!(came.field("server"), Some("Old/1.0 (sure)"));
    assert_eq!(came.body, b"\x7fok");
}

#[test]
fn an_application_that_dies_in_the_middle_never_looks_complete() {
    for (answer, complete) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
            "Content-Length",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            "chunk",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
            "bad chunk",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf",
            "chunk in two",
        ),
    ] {
        let app = Bare::new(move |_, mut stream| {
            read_head(&mut stream).unwrap();
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
        });
        let gate = Setup::new(&app.url()).start();
        let mut visitor = Visitor::granted(&gate);
        visitor.begin("GET /", "");
        let all = String::from_utf8(visitor.rest()).unwrap();
        assert!(!all.ends_with("0\r\n\r\n"), "{complete}: {all}");
        if let Some((head, body)) = all.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length: ")
                    .map(str::to_owned)
            });
            assert!(
                head.contains(" 502 ")
                    || length.is_none_or(|length| body.len() < length.parse().unwrap()),
                "{complete}: {all}"
            );
            assert!(
                head.contains(" 502 ") || length_is_told(head),
                "{complete}: its end could be taken for the end of the body: {all}"
            );
        }
    }
}

fn length_is_told(head: &str) -> bool {
    let head = head.to_ascii_lowercase();
    head.contains("content-length:") || head.contains("transfer-encoding: chunked")
}

#[test]
fn a_visitor_who_leaves_does_not_disturb_the_next() {
    let app = App::scripted(|_, stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
        stream.get_mut().write_all(head.as_bytes()).is_ok()
            && stream.get_mut().write_all(&vec![b'x'; 1_000_000]).is_ok()
    });
    let gate = Setup::new(&app.url()).start();
    let first = Visitor::granted(&gate);
    for _ in 0..5 {
        let mut leaving = first.again(&gate);
        leaving.begin("GET /big", "");
        leaving.bytes(100);
    }
    let mut staying = first.again(&gate);
    let whole = staying.ask("GET /big", "");
    assert!(whole.body.len() == 1_000_000 && whole.body.iter().all(|b| *b == b'x'));
}

#[test]
fn the_gateway_itself_speaks_to_nobody_before_a_request() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let mut stream = connect(gate.address);
    stream
        .get_mut()
        .shutdown(std::net::Shutdown::Write)
        .unwrap();
    assert!(read_answer(&mut stream, false).is_none());
    assert!(app.seen().is_empty());
}
