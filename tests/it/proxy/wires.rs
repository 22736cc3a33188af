//! Odd applications on the wire: what they mean comes through, what could mean two things does not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::support::app::App;
use crate::support::bare::Bare;
use crate::support::gate::{Gate, Setup};
use crate::support::visitor::Visitor;
use crate::support::wire::{Answer, read_head};

/// An application that answers every connection once with these bytes and closes it.
fn answering(answer: impl AsRef<[u8]> + Send + Sync + 'static) -> Bare {
    Bare::new(move |_, mut stream| {
        read_head(&mut stream);
        drop(stream.get_mut().write_all(answer.as_ref()));
    })
}

/// What a visitor with a grant gets when the application answers so.
fn answered(answer: impl AsRef<[u8]> + Send + Sync + 'static) -> Answer {
    let app = answering(answer);
    let gate = Setup::new(&app.url()).start();
    Visitor::granted(&gate).ask("GET /", "")
}

/// All the bytes that a visitor with a grant gets, without cookies of ours.
fn raw(gate: &Gate) -> Vec<u8> {
    let mut visitor = Visitor::granted(gate);
    visitor.begin("GET /", "Connection: close\r\n");
    visitor.rest()
}

fn lines(head: &[u8], start: &[u8]) -> Vec<Vec<u8>> {
    let lines = head.split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end);
    let ours = |line: &[u8]| line.windows(11).any(|part| part == b"countersign");
    lines
        .filter(|line| line.len() >= start.len() && line[..start.len()].eq_ignore_ascii_case(start))
        .filter(|line| !ours(line))
        .map(|line| line[start.len()..].to_vec())
        .collect()
}

#[test]
fn every_cookie_comes_down_byte_for_byte_and_in_its_place() {
    let mut cookies: Vec<Vec<u8>> = [
        &b"phpMyAdmin=first; path=/"[..],
        b"phpMyAdmin=last; path=/",
        b"ttrss_sid=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0; path=/",
        b"ttrss_sid=abc; path=/",
        b"wordpress_x=ann%7C17|a=b==; path=/wp-admin; HttpOnly",
        b"wordpress_x=ann%7C17|a=b==; path=/wp-content/plugins; HttpOnly",
        b"empty=",
        b"no-equals-at-all",
        b"=no-name",
        b"quoted=\"a b; c\"",
        b"high=\xe4\xf6\xff\x80",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    cookies.push([b"long=", &b"x".repeat(4096)[..]].concat());
    cookies.extend((0..60).map(|number| format!("c{number}={number}").into_bytes()));
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n".to_vec();
    for cookie in &cookies {
        answer.extend_from_slice(&[b"Set-Cookie: ", &cookie[..], b"\r\n"].concat());
    }
    answer.extend_from_slice(b"\r\n");
    let app = answering(answer);
    let gate = Setup::new(&app.url()).start();
    assert_eq!(lines(&raw(&gate), b"set-cookie: "), cookies);
}

#[test]
fn every_cookie_goes_up_byte_for_byte_and_in_its_place() {
    let (told, heard) = std::sync::mpsc::channel();
    let app = Bare::new(move |_, mut stream: BufReader<TcpStream>| {
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            if stream.read_until(b'\n', &mut asked).unwrap() == 0 {
                return;
            }
        }
        told.send(asked).unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        drop(stream.get_mut().write_all(answer));
    });
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    let mut theirs =
        b"a=\"x, y\"; b=1|2=3==; c=%7C; d=; e; a=again; f=\xe4\xff; g={\"j\":[1]}; h= b".to_vec();
    theirs.extend_from_slice(&[b"; long=", &b"x".repeat(4096)[..]].concat());
    for number in 0..60 {
        theirs.extend_from_slice(format!("; c{number}={number}").as_bytes());
    }
    let ours = visitor.cookies().to_owned();
    let request = [
        b"GET / HTTP/1.1\r\nHost: app.localhost\r\nCookie: ",
        &theirs[..],
        b"; ",
        ours.as_bytes(),
        b"\r\n\r\n",
    ]
    .concat();
    visitor.send(request);
    assert_eq!(visitor.answer().status(), 200);
    let heard = heard.recv().unwrap();
    assert!(
        lines(&heard, b"cookie: ") == [theirs],
        "{}",
        heard.escape_ascii()
    );
}

#[test]
fn an_http_1_0_application_is_understood_in_each_of_its_ways() {
    for answer in [
        "HTTP/1.0 200\r\n\r\nold",
        "HTTP/1.0 200 \r\n\r\nold",
        "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nold",
        "HTTP/1.1 200\r\nConnection: close\r\n\r\nold",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nold",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b;c=\"d\"\r\nold\r\n0\r\nX-Trailer: a\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTRANSFER-encoding: Chunked\r\n\r\n0003\r\nold\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold",
    ] {
        let came = answered(answer);
        assert_eq!(
            (came.status(), came.text().as_str()),
            (200, "old"),
            "{answer}"
        );
        assert!(came.head.first.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(came.field("x-trailer"), None);
    }
}

/// One that answers as HTTP/1.0 servers with keep-alive do.
fn old() -> App {
    App::answering("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nold")
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\nOrigin: http://app.localhost\r\n";

/// A request in chunks over a connection of its own, which every such request closes.
fn in_chunks(visitor: &Visitor, gate: &Gate, chunks: impl IntoIterator<Item = usize>) -> Answer {
    let mut sender = visitor.again(gate);
    sender.begin("POST /upload", CHUNKED);
    for size in chunks {
        sender.send(format!("{size:x}\r\n{}\r\n", "x".repeat(size)));
    }
    sender.send("0\r\n\r\n");
    sender.answer()
}

/// After an HTTP/1.0 answer hyper's client speaks HTTP/1.0 over that connection, without chunks and with a
/// `Connection: keep-alive` that nobody wrote: each request goes over a connection that has answered nothing yet.
#[test]
fn an_http_1_0_application_that_keeps_its_connection_hears_http_1_1_every_time() {
    let app = old();
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    for round in 1..=3 {
        assert_eq!(visitor.ask("GET /", "").text(), "old");
        // The recording application takes nothing but HTTP/1.1.
        assert_eq!(app.last().connection, round);
    }
}

/// RFC 9112 section 6.1: such a server takes a body in chunks for none, and its chunks for the next request.
#[test]
fn an_http_1_0_application_gets_uploads_with_a_length_or_not_at_all() {
    const MIB: usize = 1024 * 1024;
    let app = old();
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    // Nobody knows yet what it speaks: what it says then is not believed.
    assert_eq!(in_chunks(&visitor, &gate, [4]).status(), 502);
    assert_eq!(visitor.ask("GET /", "").text(), "old");
    for chunks in [&[][..], &[4, 5], &[MIB - 1, 1]] {
        let came = in_chunks(&visitor, &gate, chunks.iter().copied());
        assert_eq!(came.text(), "old");
        let (last, length) = (app.last(), chunks.iter().sum::<usize>());
        assert_eq!(last.head.field("transfer-encoding"), None);
        assert_eq!(
            last.head.field("content-length"),
            Some(&*length.to_string())
        );
        assert_eq!(last.body.len(), length);
    }
    let before = app.lines().len();
    let came = in_chunks(&visitor, &gate, [MIB, 1]);
    assert_eq!(came.status(), 413);
    assert_eq!(app.lines().len(), before);
    // What says its length itself may have any.
    let mut sender = visitor.again(&gate);
    let length = format!(
        "Content-Length: {}\r\nOrigin: http://app.localhost\r\n",
        2 * MIB
    );
    sender.begin("POST /upload", &length);
    sender.send("x".repeat(2 * MIB));
    assert_eq!(sender.answer().text(), "old");
    assert_eq!(app.last().body.len(), 2 * MIB);
}

#[test]
fn an_http_1_1_application_gets_chunks_as_they_come() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    assert_eq!(visitor.ask("GET /", "").status(), 200);
    assert_eq!(in_chunks(&visitor, &gate, [4, 5]).status(), 200);
    let last = app.last();
    assert_eq!(last.head.field("transfer-encoding"), Some("chunked"));
    assert_eq!(last.body.len(), 9);
}

#[test]
fn an_http_1_0_application_that_refuses_an_upload_is_heard() {
    let app = App::answering("HTTP/1.0 411 Length Required\r\nContent-Length: 3\r\n\r\nold");
    let gate = Setup::new(&app.url()).start();
    let visitor = Visitor::granted(&gate);
    assert_eq!(in_chunks(&visitor, &gate, [4]).status(), 411);
}

#[test]
fn what_two_readers_could_read_differently_is_a_502() {
    for answer in [
        "HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\nContent-Length: 3\r\n\r\nold",
        "HTTP/1.1 200 OK\r\n X-First: a\r\nContent-Length: 3\r\n\r\nold",
        "HTTP/1.1 200 OK\r\nX Blank: a\r\nContent-Length: 3\r\n\r\nold",
        "HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nold",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nold!",
        "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nold",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nNo colon\r\nContent-Length: 3\r\n\r\nold",
        "HTTP/2.0 200 OK\r\nContent-Length: 3\r\n\r\nold",
        "<html>HTTP/0.9 speaks so</html>",
    ] {
        assert_eq!(answered(answer).status(), 502, "{answer}");
    }
}

#[test]
fn odd_names_and_phrases_come_through() {
    let long = "x".repeat(60 * 1024);
    let answer = format!(
        "HTTP/1.1 200 \r\nx_under_score: 1\r\nX!#$%&'*+-.^_`|~9: 2\r\nlower: 3\r\nX-Long: {long}\r\nContent-Length: 3\r\n\r\nold"
    );
    let came = answered(answer);
    assert_eq!((came.status(), came.text().as_str()), (200, "old"));
    assert_eq!(came.field("x_under_score"), Some("1"));
    assert_eq!(came.field("x!#$%&'*+-.^_`|~9"), Some("2"));
    assert_eq!(came.field("lower"), Some("3"));
    assert!(came.field("x-long") == Some(&long));
    let came = answered(b"HTTP/1.1 404 Gibt\xb4s nicht\r\nContent-Length: 3\r\n\r\nold".to_vec());
    assert_eq!((came.status(), came.text().as_str()), (404, "old"));
}

#[test]
fn a_body_longer_than_its_length_ends_there_and_spoils_nothing() {
    let app = Bare::new(|_, mut stream| {
        while read_head(&mut stream).is_some() {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noldHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong";
            if stream.get_mut().write_all(answer).is_err() {
                return;
            }
        }
    });
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    for _ in 0..4 {
        assert_eq!(visitor.ask("GET /", "").text(), "old");
    }
}

#[test]
fn a_session_in_the_path_goes_up_as_it_is_and_comes_back_in_redirects() {
    let app = App::scripted(|request, stream| {
        let own = request.head.field("host").unwrap();
        let answer = format!(
            "HTTP/1.1 302 Found\r\nLocation: http://{own}/list;jsessionid=0A1B.node1?x=1\r\nContent-Length: 0\r\n\r\n"
        );
        stream.get_mut().write_all(answer.as_bytes()).is_ok()
    });
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    for path in [
        "/shop;jsessionid=0A1B.node1",
        "/a;v=1/b;w=2;x/c;?q=;",
        "/;jsessionid=0A1B",
    ] {
        let came = visitor.ask(&format!("GET {path}"), "");
        assert_eq!(
            came.field("location"),
            Some("http://app.localhost/list;jsessionid=0A1B.node1?x=1")
        );
        assert_eq!(app.last().head.first, format!("GET {path} HTTP/1.1"));
    }
}

#[test]
fn g1_a_session_in_the_path_is_no_way_round_the_gate() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .routes(&[("/open", "public"), ("/admin/**", "admin")])
        .start();
    let mut stranger = Visitor::stranger(&gate);
    for path in [
        "/shop;jsessionid=0A1B",
        "/;jsessionid=0A1B/shop",
        "/open;jsessionid=1/../shop",
    ] {
        assert_ne!(
            stranger.ask(&format!("GET {path}"), "").status(),
            200,
            "{path}"
        );
    }
    let mut visitor = Visitor::granted(&gate);
    for path in [
        "/admin;jsessionid=0A1B/x",
        "/admin;a=1;b/users;jsessionid=0A1B",
        "/x;y/..;z/admin/x",
    ] {
        assert_ne!(
            visitor.ask(&format!("GET {path}"), "").status(),
            200,
            "{path}"
        );
    }
    assert!(app.lines().is_empty(), "{:?}", app.lines());
}

#[test]
fn an_application_that_answers_and_hangs_up_has_answered() {
    let app = Bare::new(|_, mut stream| {
        read_head(&mut stream).unwrap();
        let mut begin = [0; 4];
        stream.read_exact(&mut begin).unwrap();
        let answer = b"HTTP/1.0 413 Too much\r\n\r\ntoo much";
        stream.get_mut().write_all(answer).unwrap();
    });
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    visitor.begin(
        "POST /",
        "Content-Length: 4\r\nOrigin: http://app.localhost\r\n",
    );
    visitor.send("body");
    let came = visitor.answer();
    assert_eq!((came.status(), came.text().as_str()), (413, "too much"));
}
