//! An application whose answers somebody else has a hand in: whatever it says, the next visitor gets their own answer and
//! no other, and so does this one.

use std::io::Write;

use crate::support::app::App;
use crate::support::gate::Setup;
use crate::support::visitor::Visitor;

/// Stands for a whole answer that is nobody's.
const POISON: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Poison: 1\r\n\r\npoison";
const OWN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nown";

/// What is asked, and what comes for it; the poison is behind it.
const ANSWERS: &[(&str, &str)] = &[
    // Two answers to one request, and a length that is too short.
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\r\n"),
    ("POST", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    // A body where there is none.
    ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n"),
    (
        "HEAD",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 204 No Content\r\nContent-Length: 60\r\n\r\n",
    ),
    ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
    (
        "GET",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 60\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
    ),
    // What comes before an answer, and what only looks so.
    (
        "GET",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 103 Early Hints\r\nSet-Cookie: a=poison\r\nLink: </poison>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 102 Processing\r\nContent-Length: 60\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 199 Odd\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    ),
    ("GET", "HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    ("GET", "HTTP/1.1 000 Odd\r\nContent-Length: 0\r\n\r\n"),
    ("GET", "HTTP/1.1 99 Odd\r\nContent-Length: 0\r\n\r\n"),
    ("GET", "HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n"),
    ("GET", "HTTP/1.1 1000 Odd\r\nContent-Length: 0\r\n\r\n"),
    // Lengths.
    (
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    ),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok"),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 0\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 2\r\n\r\nok",
    ),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2, 60\r\n\r\nok"),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok"),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok"),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok"),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2 \r\n\r\nok"),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 02\r\n\r\nok"),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok"),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551618\r\n\r\nok",
    ),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok"),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nContent_Length: 60\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ),
    // Codings.
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: \"chunked\"\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked;q=1\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok",
    ),
    // Chunks.
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=\"\r\n\"\r\nok\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\n0\n\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+2\r\nok\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000002\r\nok\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: a=poison\r\nContent-Length: 60\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n00000000000000000\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n0\r\n\r\n",
    ),
    // Lines.
    ("GET", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nX-A: a\rContent-Length: 60\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nX-A: a\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nX-A: a\r\n Content-Length: 60\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\n Content-Length: 60\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nX-A\r\nContent-Length: 2\r\n\r\nok",
    ),
    ("GET", "HTTP/1.1 200 a\rb\r\nContent-Length: 2\r\n\r\nok"),
    ("GET", "HTTP/1.1 200 \u{e9}\r\nContent-Length: 2\r\n\r\nok"),
    ("GET", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"),
    ("GET", "HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ("GET", "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ("GET", "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ("GET", "ICY 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    (
        "GET",
        "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nConnection: Content-Length\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nConnection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ),
];

#[test]
fn r6_a_second_answer_is_nobodys_however_the_first_is_framed() {
    let app = App::scripted(|request, stream| {
        let path = request.head.first.split(' ').nth(1).unwrap();
        let Some(number) = path.strip_prefix("/answers/") else {
            return stream.get_mut().write_all(OWN.as_bytes()).is_ok();
        };
        let (number, ends) = number.split_once('/').unwrap();
        let (_, answer) = ANSWERS[number.parse::<usize>().unwrap()];
        // In one write, so that all of it is there when the first answer ends.
        let all = [answer, POISON].concat();
        stream.get_mut().write_all(all.as_bytes()).is_ok() && ends == "stays"
    });
    let gate = Setup::new(&app.url()).workers(1).start();
    let visitor = Visitor::granted(&gate);
    let mut wrong = Vec::new();
    for (number, (method, answer)) in ANSWERS.iter().enumerate() {
        for ends in ["stays", "ends"] {
            let mut first = visitor.again(&gate);
            first.begin(&format!("{method} /answers/{number}/{ends}"), "");
            first.begin("GET /own", "Connection: close\r\n");
            let came = String::from_utf8_lossy(&first.rest()).into_owned();
            // It is one that can be read and the own one behind it; or it broke off, and nothing is behind it.
            let sound = came.ends_with("\r\n\r\nown") || came.matches("HTTP/1.").count() <= 1;
            if came.contains("oison") || !sound {
                wrong.push(format!("{method} {answer:?} came down as {came:?}"));
            }
            for _ in 0..2 {
                let came = visitor.again(&gate).ask("GET /own", "");
                if (came.status(), came.text().as_str()) != (200, "own") {
                    wrong.push(format!("behind {method} {answer:?}: {}", came.head.raw));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(app.seen().len() > ANSWERS.len() * 6);
}

/// The framing that a visitor gets is one that every reader knows, or there is no answer.
#[test]
fn r6_a_length_that_is_no_number_is_not_handed_on() {
    let app = App::scripted(|request, stream| {
        let path = request.head.first.split(' ').nth(1).unwrap();
        let lengths = path.strip_prefix("/lengths/").unwrap_or("3");
        let fields: String = lengths
            .split('/')
            .map(|length| format!("Content-Length: {}\r\n", length.replace('+', " ")))
            .collect();
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\nown");
        stream.get_mut().write_all(answer.as_bytes()).is_ok()
    });
    let gate = Setup::new(&app.url()).start();
    let visitor = Visitor::granted(&gate);
    for (lengths, status) in [
        ("3", 200),
        ("3/3", 200),
        ("+3+", 200),
        ("3,3", 502),
        ("3,+3", 502),
        ("3,3/3", 502),
        (",3", 502),
    ] {
        let came = visitor
            .again(&gate)
            .ask(&format!("GET /lengths/{lengths}"), "");
        assert_eq!(came.status(), status, "{lengths}");
        if status == 200 {
            assert_eq!(came.field("content-length"), Some("3"), "{lengths}");
        }
    }
}
