//! Connections to the application rest between requests, and one that ended meanwhile costs nobody anything.

use std::io::Write;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use crate::support::app::App;
use crate::support::bare::{Bare, wait};
use crate::support::gate::Setup;
use crate::support::visitor::Visitor;
use crate::support::wire::{read_body, read_head};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn requests_of_one_visitor_use_one_connection() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    for line in ["GET /1", "POST /2", "HEAD /3", "GET /4"] {
        assert_eq!(visitor.ask(line, "").status(), 200);
    }
    let connections: Vec<usize> = app
        .seen()
        .iter()
        .map(|request| request.connection)
        .collect();
    assert_eq!(connections, [1, 1, 1, 1]);
}

#[test]
fn so_do_requests_with_bodies() {
    let app = App::new();
    let gate = Setup::new(&app.url()).workers(1).start();
    let visitor = Visitor::granted(&gate);
    for (fields, body) in [
        ("Content-Length: 4\r\n", "body"),
        ("Transfer-Encoding: chunked\r\n", "4\r\nbody\r\n0\r\n\r\n"),
        ("Content-Length: 4\r\n", "body"),
    ] {
        let mut one = visitor.again(&gate);
        one.begin("POST /", fields);
        one.send(body);
        assert_eq!(one.answer().status(), 200);
    }
    let seen = app.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|request| request.connection == 1));
}

#[test]
fn a_connection_is_not_lent_twice_at_a_time() {
    let (told, arrived) = mpsc::channel();
    let (go, gone) = mpsc::channel();
    let gone = Mutex::new(gone);
    let app = Bare::new(move |connection, mut stream| {
        while read_head(&mut stream).is_some() {
            told.send(connection).unwrap();
            wait(&gone.lock().unwrap());
            stream.get_mut().write_all(OK).unwrap();
        }
    });
    let gate = Setup::new(&app.url()).workers(1).start();
    let mut first = Visitor::granted(&gate);
    let mut second = first.again(&gate);
    first.begin("GET /first", "");
    assert_eq!(wait(&arrived), 1);
    second.begin("GET /second", "");
    assert_eq!(wait(&arrived), 2, "the first is busy");
    go.send(()).unwrap();
    go.send(()).unwrap();
    assert_eq!(
        (first.answer().status(), second.answer().status()),
        (200, 200)
    );
}

/// The application closes without saying so. Nothing was written by then: everything may be sent anew.
#[test]
fn a_connection_that_ended_while_it_rested_is_not_used_again() {
    let (told, closed) = mpsc::channel();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&seen);
    let app = Bare::new(move |connection, mut stream| {
        if let Some(head) = read_head(&mut stream) {
            read_body(&head, &mut stream, false);
            own.lock().unwrap().push((connection, head.first));
            stream.get_mut().write_all(OK).unwrap();
            drop(stream);
            told.send(()).unwrap();
        }
    });
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    for line in ["GET /1", "GET /2", "POST /3", "POST /4", "GET /5"] {
        assert_eq!(visitor.ask(line, "").status(), 200, "{line}");
        wait(&closed);
    }
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 5, "each came once: {seen:?}");
    assert!(
        seen.iter()
            .enumerate()
            .all(|(at, (connection, _))| *connection == at + 1),
        "{seen:?}"
    );
}

/// It may have been done already, and only its answer lost.
#[test]
fn a_post_is_never_sent_twice() {
    for (line, fields, body) in [
        ("POST /pay", "Content-Length: 4\r\n", "once"),
        ("POST /pay", "", ""),
        ("PATCH /pay", "", ""),
        ("PUT /pay", "Content-Length: 4\r\n", "once"),
    ] {
        let payments = Arc::new(Mutex::new(0));
        let own = Arc::clone(&payments);
        let app = Bare::new(move |_, mut stream| {
            while let Some(head) = read_head(&mut stream) {
                read_body(&head, &mut stream, false);
                if head.first.contains("/pay") {
                    *own.lock().unwrap() += 1;
                    return;
                }
                stream.get_mut().write_all(OK).unwrap();
            }
        });
        let gate = Setup::new(&app.url()).start();
        let mut visitor = Visitor::granted(&gate);
        assert_eq!(visitor.ask("GET /", "").status(), 200);
        visitor.begin(line, fields);
        visitor.send(body);
        assert_eq!(visitor.answer().status(), 502, "{line}");
        assert_eq!(*payments.lock().unwrap(), 1, "{line}");
    }
}

#[test]
fn an_answer_that_says_close_ends_its_connection() {
    let app = App::scripted(|_, stream| {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        stream.get_mut().write_all(answer).is_ok()
    });
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    visitor.ask("GET /1", "");
    visitor.ask("GET /2", "");
    let connections: Vec<usize> = app
        .seen()
        .iter()
        .map(|request| request.connection)
        .collect();
    assert_eq!(connections, [1, 2]);
}

/// What an application says unasked on a resting connection must not become the answer to the next request.
#[test]
fn bytes_behind_an_answer_are_nobodys_answer() {
    let app = App::scripted(|request, stream| {
        let poison = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
        let more: &[u8] = if request.connection == 1 { poison } else { b"" };
        stream.get_mut().write_all(&[OK, more].concat()).is_ok()
    });
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    for _ in 0..3 {
        assert_eq!(visitor.ask("GET /", "").text(), "ok");
    }
}

/// An application may answer before it has read what a visitor sends, and the visitor may take their time with the rest:
/// the connection is busy with it for as long.
#[test]
fn a1_nobody_waits_for_the_upload_of_another_visitor() {
    let (told, arrived) = mpsc::channel();
    let app = Bare::new(move |connection, mut stream| {
        while let Some(head) = read_head(&mut stream) {
            stream.get_mut().write_all(OK).unwrap();
            if head.first.starts_with("GET") {
                told.send(connection).unwrap();
            }
            read_body(&head, &mut stream, false);
        }
    });
    let gate = Setup::new(&app.url()).workers(1).start();
    let mut slow = Visitor::granted(&gate);
    let mut other = slow.again(&gate);
    slow.begin("POST /upload", "Content-Length: 100000\r\n");
    slow.send(vec![b'x'; 70_000]);
    assert_eq!(slow.answer().text(), "ok");
    assert_eq!(other.ask("GET /other", "").text(), "ok");
    assert_eq!(wait(&arrived), 2, "the first is busy");
    slow.send(vec![b'x'; 30_000]);
    assert_eq!(slow.ask("GET /afterwards", "").text(), "ok");
}
