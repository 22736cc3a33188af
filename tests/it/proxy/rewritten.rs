//! `rewrite`: the application's own addresses in its pages lead to the public one.

use std::io::Write;
use std::sync::mpsc;

use crate::support::app::{App, Recorded};
use crate::support::bare::{Bare, wait};
use crate::support::gate::Setup;
use crate::support::visitor::Visitor;
use crate::support::wire::{Answer, read_head};

const BOTH: &str = "rewrite = [\"upstream\", \"http://old.example.com\"]";

/// An application that answers so, with `{own}` in place of its own `host:port`, and ends the connection.
fn answering(answer: &'static str) -> App {
    App::scripted(move |request, stream| {
        let answer = answer.replace("{own}", own(request));
        drop(stream.get_mut().write_all(answer.as_bytes()));
        false
    })
}

fn own(request: &Recorded) -> &str {
    request.head.field("host").unwrap()
}

/// What a visitor with a grant gets when the application answers so.
fn answered(answer: &'static str, line: &str) -> Answer {
    let app = answering(answer);
    let gate = Setup::new(&app.url()).site(BOTH).start();
    Visitor::granted(&gate).ask(line, "")
}

#[test]
fn addresses_of_the_application_in_a_page_lead_to_the_public_origin() {
    let app = answering(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nETag: \"v1\"\r\nAccept-Ranges: bytes\r\n\
         Content-MD5: x\r\nConnection: close\r\n\r\n\
         <a href=\"http://{own}/a\"> <a href='https://{own}/b'> <img src=//{own}/c> {\"u\":\"http:\\/\\/{own}\\/d\"}\
         <a href=\"http://old.example.com\"> http://{own}0/ http://old.example.com.evil/ http://{own}",
    );
    let gate = Setup::new(&app.url()).site(BOTH).start();
    let came = Visitor::granted(&gate).ask("GET /", "");
    let longer = format!("http://{}0/", app.address);
    assert_eq!(
        came.text().replace(&longer, "http://LONGER/"),
        "<a href=\"http://app.localhost/a\"> <a href='http://app.localhost/b'> <img src=//app.localhost/c> \
         {\"u\":\"http:\\/\\/app.localhost\\/d\"}<a href=\"http://app.localhost\"> http://LONGER/ \
         http://old.example.com.evil/ http://app.localhost"
    );
    assert_eq!(came.field("etag"), Some("W/\"v1\""));
    for name in ["accept-ranges", "content-md5", "content-length"] {
        assert_eq!(came.field(name), None, "{name}");
    }
}

#[test]
fn a_page_of_a_known_length_is_whole_when_its_length_changes() {
    let app = App::scripted(|request, stream| {
        let page = format!(
            "<a href=\"http://{}/{}\">",
            own(request),
            "x".repeat(100_000)
        );
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n",
            page.len()
        );
        stream
            .get_mut()
            .write_all((head + &page).as_bytes())
            .is_ok()
    });
    let gate = Setup::new(&app.url()).site(BOTH).start();
    let mut visitor = Visitor::granted(&gate);
    for _ in 0..3 {
        let came = visitor.ask("GET /", "");
        assert_eq!(came.field("content-length"), None);
        let expected = format!("<a href=\"http://app.localhost/{}\">", "x".repeat(100_000));
        assert!(came.text() == expected, "{}", came.body.len());
    }
    assert_eq!(app.last().connection, 1, "the connection goes on");
}

#[test]
fn an_address_that_comes_in_two_pieces_is_found_and_what_stands_before_it_does_not_wait() {
    let (go_on, may_go_on) = mpsc::channel();
    let may_go_on = std::sync::Mutex::new(may_go_on);
    let app = Bare::new(move |_, mut stream| {
        let head = read_head(&mut stream).unwrap();
        let (first, second) = head.field("host").unwrap().split_at(5);
        let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
        let begin = chunk(&format!("<p>first</p><a href=\"http://{first}"));
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n{begin}"
        );
        stream.get_mut().write_all(answer.as_bytes()).unwrap();
        wait(&may_go_on.lock().unwrap());
        let rest = format!("{}0\r\n\r\n", chunk(&format!("{second}/x\">")));
        stream.get_mut().write_all(rest.as_bytes()).unwrap();
    });
    let gate = Setup::new(&app.url()).site(BOTH).start();
    let mut visitor = Visitor::granted(&gate);
    visitor.begin("GET /", "");
    let head = read_head(&mut visitor.stream).unwrap();
    assert_eq!(head.field("transfer-encoding"), Some("chunked"));
    let begin = "<p>first</p><a href=\"";
    let expected = format!("{:X}\r\n{begin}\r\n", begin.len());
    let came = visitor.bytes(expected.len());
    assert_eq!(String::from_utf8(came).unwrap(), expected);
    go_on.send(()).unwrap();
    let rest = "http://app.localhost/x\">";
    let expected = format!("{:X}\r\n{rest}\r\n0\r\n\r\n", rest.len());
    let came = visitor.bytes(expected.len());
    assert_eq!(String::from_utf8(came).unwrap(), expected);
}

#[test]
fn what_is_no_page_in_clear_passes_byte_for_byte() {
    for (answer, line, status) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 22\r\nETag: \"v1\"\r\n\r\nhttp://old.example.com",
            "GET /",
            200,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: br\r\nContent-Length: 22\r\nETag: \"v1\"\r\n\r\nhttp://old.example.com",
            "GET /",
            200,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-16\r\nContent-Length: 22\r\nETag: \"v1\"\r\n\r\nhttp://old.example.com",
            "GET /",
            200,
        ),
        (
            "HTTP/1.1 206 Partial Content\r\nContent-Type: text/html\r\nContent-Range: bytes 0-21/99\r\nContent-Length: 22\r\nETag: \"v1\"\r\n\r\nhttp://old.example.com",
            "GET /",
            206,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 22\r\nETag: \"v1\"\r\n\r\n",
            "HEAD /",
            200,
        ),
    ] {
        let came = answered(answer, line);
        assert_eq!(
            (
                came.status(),
                came.field("etag"),
                came.field("content-length")
            ),
            (status, Some("\"v1\""), Some("22")),
            "{answer}"
        );
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(came.text(), body, "{answer}");
    }
    let came = answered(
        "HTTP/1.1 304 Not Modified\r\nContent-Type: text/html\r\nETag: \"v1\"\r\n\r\n",
        "GET /",
    );
    assert_eq!((came.status(), came.field("etag")), (304, Some("\"v1\"")));
}

#[test]
fn only_a_site_that_rewrites_asks_for_pages_unpacked() {
    for (site, fields, expected) in [
        (BOTH, "Accept: text/html\r\n", "identity"),
        (BOTH, "Accept: */*\r\nSec-Fetch-Dest: style\r\n", "gzip, br"),
        ("", "Accept: text/html\r\n", "gzip, br"),
    ] {
        let app = answering(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 22\r\n\r\nhttp://old.example.com",
        );
        let gate = Setup::new(&app.url()).site(site).start();
        let came =
            Visitor::granted(&gate).ask("GET /", &format!("{fields}Accept-Encoding: gzip, br\r\n"));
        let asked = app.last().head;
        assert_eq!(
            asked.field("accept-encoding"),
            Some(expected),
            "{site} {fields}"
        );
        if site.is_empty() {
            assert_eq!(came.text(), "http://old.example.com");
        }
    }
}

#[test]
fn a_rewritten_page_that_breaks_off_never_looks_complete() {
    let app = Bare::new(|_, mut stream| {
        read_head(&mut stream).unwrap();
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\nhalf http://old.exa";
        stream.get_mut().write_all(answer.as_bytes()).unwrap();
    });
    let gate = Setup::new(&app.url()).site(BOTH).start();
    let mut visitor = Visitor::granted(&gate);
    visitor.begin("GET /", "");
    let all = String::from_utf8(visitor.rest()).unwrap();
    assert!(!all.ends_with("0\r\n\r\n"), "{all}");
}
