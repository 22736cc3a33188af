//! Bodies stream both ways and are collected nowhere.

use std::io::{Read, Write};
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;

use crate::support::app::App;
use crate::support::bare::{Bare, wait};
use crate::support::gate::Setup;
use crate::support::visitor::Visitor;
use crate::support::wire::{read_answer, read_body, read_head};

#[test]
fn an_answer_may_begin_when_half_of_the_upload_is_there() {
    let app = Bare::new(|_, mut stream| {
        let head = read_head(&mut stream).unwrap();
        assert_eq!(head.field("content-length"), Some("20"));
        let mut half = [0; 10];
        stream.read_exact(&mut half).unwrap();
        stream
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\nhalf")
            .unwrap();
        let mut rest = [0; 10];
        stream.read_exact(&mut rest).unwrap();
        stream.get_mut().write_all(&half).unwrap();
        stream.get_mut().write_all(&rest).unwrap();
    });
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    visitor.begin("POST /upload", "Content-Length: 20\r\n");
    visitor.send("0123456789");
    let head = read_head(&mut visitor.stream).unwrap();
    assert_eq!(head.field("content-length"), Some("24"));
    assert_eq!(visitor.bytes(4), b"half", "before the other half was sent");
    visitor.send("abcdefghij");
    assert_eq!(visitor.bytes(20), b"0123456789abcdefghij");
}

#[test]
fn a_download_begins_before_its_end_is_written() {
    for framing in [
        "Content-Length: 11",
        "Transfer-Encoding: chunked",
        "Connection: close",
    ] {
        let (go, gone) = mpsc::channel();
        let gone = Mutex::new(gone);
        let app = Bare::new(move |_, mut stream| {
            read_head(&mut stream).unwrap();
            let chunked = framing.contains("chunked");
            let chunk = |text: &str| match chunked {
                true => format!("{:x}\r\n{text}\r\n", text.len()),
                false => text.to_owned(),
            };
            let begin = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{}", chunk("first"));
            stream.get_mut().write_all(begin.as_bytes()).unwrap();
            wait(&gone.lock().unwrap());
            let end = chunk("second") + if chunked { "0\r\n\r\n" } else { "" };
            stream.get_mut().write_all(end.as_bytes()).unwrap();
        });
        let gate = Setup::new(&app.url()).start();
        let mut visitor = Visitor::granted(&gate);
        visitor.begin("GET /slow", "");
        let head = read_head(&mut visitor.stream).unwrap();
        let mut came = Vec::new();
        while !came.ends_with(b"first") {
            came.extend(visitor.bytes(1));
        }
        go.send(()).unwrap();
        let came = [
            came,
            if head.field("content-length").is_some() {
                visitor.bytes(6)
            } else {
                visitor.bytes(17 - 1)
            },
        ]
        .concat();
        let came = String::from_utf8(came).unwrap();
        assert!(came.contains("second"), "{framing}: {came}");
    }
}

#[test]
fn events_arrive_one_by_one() {
    let (next, asked) = mpsc::channel();
    let asked = Mutex::new(asked);
    let app = Bare::new(move |_, mut stream| {
        read_head(&mut stream).unwrap();
        stream
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            .unwrap();
        for event in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
            wait(&asked.lock().unwrap());
            let chunk = format!("{:x}\r\n{event}\r\n", event.len());
            stream.get_mut().write_all(chunk.as_bytes()).unwrap();
        }
        stream.get_mut().write_all(b"0\r\n\r\n").unwrap();
    });
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    visitor.begin("GET /events", "Accept: text/event-stream\r\n");
    let head = read_head(&mut visitor.stream).unwrap();
    assert_eq!(
        head.field("content-type"),
        Some("text/event-stream"),
        "the head comes before any event"
    );
    for event in 1..=3 {
        next.send(()).unwrap();
        assert_eq!(visitor.line(), "9\r\n");
        assert_eq!(
            visitor.bytes(11),
            format!("data: {event}\n\n\r\n").as_bytes()
        );
    }
    assert_eq!(visitor.line(), "0\r\n");
}

const BIG: u64 = 200 * 1024 * 1024;
const PIECE: usize = 256 * 1024;

/// What all of this process may grow by while so much goes through.
const ROOM: u64 = 32 * 1024;

#[test]
fn an_upload_of_200_megabytes_goes_through_in_constant_memory() {
    let app = Bare::new(|_, mut stream| {
        while read_head(&mut stream).is_some_and(|head| {
            let length: u64 = head.field("content-length").unwrap().parse().unwrap();
            let mut piece = vec![0; PIECE];
            let mut came = 0;
            while came < length {
                let count = stream.read(&mut piece).unwrap();
                assert!(count > 0 && piece[..count].iter().all(|b| *b == b'u'));
                came += count as u64;
            }
            let text = came.to_string();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}",
                text.len()
            );
            stream.get_mut().write_all(answer.as_bytes()).is_ok()
        }) {}
    });
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    let piece = vec![b'u'; PIECE];
    let mut upload = |size: u64| {
        visitor.begin("PUT /big", &format!("Content-Length: {size}\r\n"));
        let mut most = 0;
        for _ in 0..size / PIECE as u64 {
            visitor.send(&piece);
            most = most.max(resident());
        }
        assert_eq!(visitor.answer().text(), size.to_string());
        most
    };
    let before = upload(8 * PIECE as u64);
    let most = upload(BIG);
    assert!(
        most < before + ROOM,
        "{before} kB before, {most} kB at the most"
    );
}

#[test]
fn a_download_of_200_megabytes_goes_through_in_constant_memory() {
    let app = Bare::new(|_, mut stream| {
        let piece = vec![b'd'; PIECE];
        while let Some(head) = read_head(&mut stream) {
            let size: u64 = head
                .first
                .split(['/', ' '])
                .nth(2)
                .unwrap()
                .parse()
                .unwrap();
            let begin = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n");
            stream.get_mut().write_all(begin.as_bytes()).unwrap();
            for _ in 0..size / PIECE as u64 {
                stream.get_mut().write_all(&piece).unwrap();
            }
        }
    });
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    let mut piece = vec![0; PIECE];
    let mut download = |size: u64| {
        visitor.begin(&format!("GET /{size}"), "");
        read_head(&mut visitor.stream).unwrap();
        let (mut most, mut came) = (0, 0);
        while came < size {
            let count = visitor.stream.read(&mut piece).unwrap();
            assert!(count > 0, "it broke off after {came}");
            came += count as u64;
            if came % (1 << 20) < count as u64 {
                most = most.max(resident());
            }
        }
        most
    };
    let before = download(8 * PIECE as u64);
    let most = download(BIG);
    assert!(
        most < before + ROOM,
        "{before} kB before, {most} kB at the most"
    );
}

/// Kilobytes of this process that are in memory (proc(5)): gateway, application and visitor together.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A reader that stops must stop the writer, or the gateway keeps what is between them.
#[test]
fn a_visitor_who_does_not_read_holds_the_application_back() {
    let (told, written) = mpsc::channel();
    let app = Bare::new(move |_, mut stream| {
        read_head(&mut stream).unwrap();
        let writer = stream.get_mut();
        writer
            .set_write_timeout(Some(std::time::Duration::from_millis(300)))
            .unwrap();
        writer
            .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            .unwrap();
        let piece = vec![b'd'; PIECE];
        let mut sent = 0_u64;
        // The sockets between take some megabytes; then a write does not get through any more.
        while sent < BIG && writer.write_all(&piece).is_ok() {
            sent += PIECE as u64;
        }
        told.send(sent).unwrap();
    });
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    visitor.begin("GET /big", "");
    let sent = wait(&written);
    assert!(sent < BIG / 2, "{sent} bytes went into nowhere");
}

#[test]
fn r6_a_chunked_upload_goes_up_anew_without_extensions_and_trailers() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    visitor.begin(
        "POST /chunks",
        "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n",
    );
    visitor.send("5;name=value\r\nhello\r\n1 \r\n,\r\n006\r\n world\r\n0\r\nX-Sum: 12\r\nX-Remote-User: root\r\n\r\n");
    assert_eq!(visitor.answer().status(), 200);
    let arrived = app.last();
    assert_eq!(arrived.body, b"hello, world");
    assert_eq!(arrived.head.field("transfer-encoding"), Some("chunked"));
    assert_eq!(arrived.head.field("trailer"), None);
    assert_eq!(visitor.rest(), b"", "a chunked request ends its connection");
}

#[test]
fn r6_trailers_of_an_answer_are_dropped() {
    let app = App::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Set-Cookie\r\n\r\n5;x=y\r\nhello\r\n0\r\nSet-Cookie: evil=1\r\n\r\n",
    );
    let gate = Setup::new(&app.url()).start();
    // The reader of the harness fails on anything between the last chunk and the end.
    let mut visitor = Visitor::granted(&gate);
    let answer = visitor.ask("GET /", "TE: trailers\r\n");
    assert_eq!(
        (answer.text().as_str(), answer.field("trailer")),
        ("hello", None)
    );
    assert_eq!(
        visitor.ask("GET /again", "").status(),
        200,
        "the connection is still in step"
    );
    assert_eq!(app.last().head.field("te"), None);
}

#[test]
fn a_100_continue_comes_only_after_the_gate() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    visitor.begin(
        "POST /form",
        "Expect: 100-continue\r\nContent-Length: 4\r\n",
    );
    let first = read_answer(&mut visitor.stream, false).unwrap();
    assert_eq!(first.head.first, "HTTP/1.1 100 Continue");
    visitor.send("body");
    assert_eq!(visitor.answer().status(), 200);
    assert_eq!(
        (app.last().body.as_slice(), app.last().head.field("expect")),
        (&b"body"[..], None)
    );

    for (fields, status) in [
        ("", 303),
        ("Origin: https://evil.example\r\n", 403),
        ("X-Requested-With: XMLHttpRequest\r\n", 401),
    ] {
        let mut stranger = Visitor::stranger(&gate);
        stranger.begin(
            "POST /form",
            &format!("Expect: 100-continue\r\nContent-Length: 4\r\n{fields}"),
        );
        assert_eq!(stranger.answer().status(), status, "no 100 before it");
        assert_eq!(stranger.rest(), b"", "what would follow is not waited for");
    }
    assert_eq!(app.lines().len(), 1);
}

#[test]
fn a_100_of_the_application_itself_is_not_the_answer() {
    let app = App::answering(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    visitor.begin("POST /form", "Content-Length: 4\r\n");
    visitor.send("body");
    let answer = visitor.answer();
    assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"));
}

#[test]
fn an_answer_that_comes_before_the_end_of_the_upload_is_given() {
    let (read, go) = mpsc::channel();
    let go = Mutex::new(go);
    let app = Bare::new(move |_, mut stream| {
        read_head(&mut stream).unwrap();
        stream
            .get_mut()
            .write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\nConnection: close\r\n\r\ntoo big")
            .unwrap();
        wait(&go.lock().unwrap());
    });
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    visitor.begin("POST /upload", "Content-Length: 10000000\r\n");
    visitor.send(vec![b'x'; 20_000]);
    let answer = visitor.answer();
    assert_eq!((answer.status(), answer.text().as_str()), (413, "too big"));
    read.send(()).unwrap();
    assert_eq!(visitor.rest(), b"", "the rest of the upload is no request");
}

#[test]
fn an_upload_that_breaks_off_is_never_whole_for_the_application() {
    for (framing, sent) in [
        ("Content-Length: 10\r\n", "12345"),
        ("Transfer-Encoding: chunked\r\n", "5\r\n12345\r\n"),
        ("Transfer-Encoding: chunked\r\n", "5\r\n12345\r\n0\r\n"),
    ] {
        let (told, saw) = mpsc::channel();
        let app = Bare::new(move |_, mut stream| {
            read_head(&mut stream).unwrap();
            let mut body = Vec::new();
            // An error is as good as an end.
            drop(stream.read_to_end(&mut body));
            told.send(body).unwrap();
        });
        let gate = Setup::new(&app.url()).start();
        let mut visitor = Visitor::granted(&gate);
        visitor.begin("POST /upload", framing);
        visitor.send(sent);
        visitor
            .stream
            .get_mut()
            .shutdown(std::net::Shutdown::Both)
            .unwrap();
        let body = String::from_utf8(wait(&saw)).unwrap();
        assert!(
            body.contains("12345") || body.is_empty(),
            "{framing}: {body:?}"
        );
        assert!(!body.ends_with("0\r\n\r\n"), "{framing}: {body:?}");
    }
}

#[test]
fn a_body_is_read_by_its_own_length_and_the_next_request_after_it() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    let both =
        visitor.head("POST /one", "Content-Length: 4\r\n") + "GET " + &visitor.head("GET /two", "");
    visitor.send(both);
    assert_eq!(visitor.answer().text(), "app saw POST /one HTTP/1.1");
    assert_eq!(visitor.answer().text(), "app saw GET /two HTTP/1.1");
    assert_eq!(app.seen()[0].body, b"GET ");
}

#[test]
fn many_visitors_stream_side_by_side() {
    let app = App::scripted(|request, stream| {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            request.body.len()
        );
        stream.get_mut().write_all(answer.as_bytes()).is_ok()
            && stream.get_mut().write_all(&request.body).is_ok()
    });
    let gate = Setup::new(&app.url()).start();
    let first = Visitor::granted(&gate);
    thread::scope(|scope| {
        for number in 0..8_u8 {
            let mut visitor = first.again(&gate);
            scope.spawn(move || {
                let body = vec![b'a' + number; 300_000];
                visitor.begin("POST /echo", &format!("Content-Length: {}\r\n", body.len()));
                visitor.send(&body);
                let head = read_head(&mut visitor.stream).unwrap();
                assert!(
                    read_body(&head, &mut visitor.stream, false) == body,
                    "{number}"
                );
            });
        }
    });
}
