//! An application that is away or speaks nonsense: the visitor learns so, and loses nothing.

use std::io::Write;

use crate::support::app::App;
use crate::support::bare::{self, Bare};
use crate::support::gate::Setup;
use crate::support::visitor::Visitor;
use crate::support::wire::{read_body, read_head};

const NAVIGATION: &str = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
const SCRIPT: &str =
    "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nAccept: application/json\r\n";

#[test]
fn without_an_application_there_is_a_page_and_the_grant_stays_good() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("app.sock");
    let gate = Setup::new(&format!("unix:{}", socket.display())).start();
    let visitor = Visitor::granted(&gate);

    let page = visitor.again(&gate).ask("GET /", NAVIGATION);
    assert_eq!(page.status(), 502);
    assert!(page.field("content-type").unwrap().starts_with("text/html"));
    assert!(
        page.text().contains("Example Portal") && !page.text().contains("app.sock"),
        "{}",
        page.text()
    );
    assert_eq!(page.field("cache-control"), Some("no-store"));
    assert_eq!(page.head.all("set-cookie"), [""; 0]);

    let problem = visitor.again(&gate).ask("GET /api", SCRIPT);
    assert_eq!(
        (problem.status(), problem.field("content-type")),
        (502, Some("application/problem+json"))
    );
    let json: serde_json::Value = serde_json::from_slice(&problem.body).unwrap();
    assert_eq!(json["status"], 502);

    bare::unix(&socket);
    let answer = visitor.again(&gate).ask("GET /back", NAVIGATION);
    assert_eq!(answer.status(), 200);
    assert!(answer.text().starts_with("GET /back HTTP/1.1\r\n"));
    assert_eq!(gate.messages.count(), 1, "nobody was asked again");
}

#[test]
fn an_answer_that_is_no_http_is_a_502() {
    for garbage in [
        "hello\r\n\r\n",
        "\r\n\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
    ] {
        let app = Bare::new(move |_, mut stream| {
            if let Some(head) = read_head(&mut stream) {
                read_body(&head, &mut stream, false);
                stream.get_mut().write_all(garbage.as_bytes()).unwrap();
            }
        });
        let gate = Setup::new(&app.url()).start();
        let mut visitor = Visitor::granted(&gate);
        let answer = visitor.ask("GET /", SCRIPT);
        assert_eq!(answer.status(), 502, "{garbage:?}: {}", answer.text());
        assert_eq!(
            answer.field("content-type"),
            Some("application/problem+json")
        );
    }
}

#[test]
fn an_endless_head_is_a_502() {
    let app = Bare::new(|_, mut stream| {
        read_head(&mut stream).unwrap();
        let line = format!("X-Fill: {}\r\n", "x".repeat(8_000));
        let writer = stream.get_mut();
        let mut open = writer.write_all(b"HTTP/1.1 200 OK\r\n").is_ok();
        while open {
            open = writer.write_all(line.as_bytes()).is_ok();
        }
    });
    let gate = Setup::new(&app.url()).start();
    assert_eq!(Visitor::granted(&gate).ask("GET /", "").status(), 502);
}

#[test]
fn one_bad_answer_does_not_spoil_the_next() {
    let app = App::scripted(|request, stream| {
        let bad = request.head.first.contains("/bad");
        let answer: &[u8] = if bad {
            b"what?\r\n\r\n"
        } else {
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
        };
        stream.get_mut().write_all(answer).is_ok()
    });
    let gate = Setup::new(&app.url()).start();
    let visitor = Visitor::granted(&gate);
    for _ in 0..3 {
        assert_eq!(visitor.again(&gate).ask("GET /bad", "").status(), 502);
        assert_eq!(visitor.again(&gate).ask("GET /good", "").text(), "fine");
    }
}
