//! An application that dies, hangs or talks nonsense: a page in time, a connection that is right, and nothing left over.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::clock::faked;
use super::line::Line;
use super::support::bare::{Bare, wait};
use super::support::gate::{Gate, Setup};
use super::support::program::Program;
use super::support::wire::read_head;

/// What an application does after it has said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// It closes in order.
    Close,
    /// It is gone, as one that was killed with something unread.
    Reset,
    /// It says no more, until the gateway lets go of it.
    Hang,
}

use Then::{Close, Hang, Reset};

/// What is no answer: what it says, and what it does then.
const NO_ANSWER: &[(&[u8], Then)] = &[
    (b"", Close),
    (b"", Reset),
    (b"HTTP/1.1 2", Close),
    (b"HTTP/1.1 200 OK\r\nContent-Le", Close),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", Reset),
    (b"SSH-2.0-OpenSSH_9.2p1\r\n", Hang),
    (b"220 mail.example.com ESMTP\r\n", Hang),
    (b"\x15\x03\x01\x00\x02\x02\x46", Hang),
    (b"\x00\x00\x00\x04\x00\x00\x00\x00\x00", Hang),
    (&[0; 4096], Hang),
    (b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n", Hang),
    (b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", Hang),
    (b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nOK", Hang),
    (b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nOK", Hang),
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nOK",
        Hang,
    ),
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nOK",
        Hang,
    ),
    (
        b"HTTP/1.1 200 OK\r\nA b: c\r\nContent-Length: 2\r\n\r\nOK",
        Hang,
    ),
    (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        Hang,
    ),
];

/// Answers that do not come to their end.
const HALF: &[(&[u8], Then)] = &[
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf",
        Close,
    ),
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf",
        Reset,
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        Close,
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        Reset,
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n8\r\nhalf",
        Close,
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
        Hang,
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nfffffffffffffffff\r\n",
        Hang,
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalfOOPS\r\n",
        Hang,
    ),
];

/// Plays a table: the number in a path says which row. `/open/well` is answered well. What hangs tells when
/// it begins to, and when it is let go.
fn plays(table: &'static [(&'static [u8], Then)]) -> (Bare, Receiver<()>) {
    let (told, hangs) = mpsc::channel();
    let app = Bare::new(move |_, mut stream| {
        let Some(head) = read_head(&mut stream) else {
            return;
        };
        let path = head.first.split(' ').nth(1).unwrap();
        let number = path.strip_prefix("/open/").unwrap();
        match number.parse::<usize>() {
            Ok(row) => act(stream, table[row], &told),
            Err(_) => act(stream, (WELL, Close), &told),
        }
    });
    (app, hangs)
}

const WELL: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nwell";

fn act(mut stream: BufReader<TcpStream>, (says, then): (&[u8], Then), told: &Sender<()>) {
    // Who is refused in the middle of a word hangs up.
    drop(stream.get_mut().write_all(says));
    match then {
        Close => {}
        Reset => SockRef::from(stream.get_ref())
            .set_linger(Some(Duration::ZERO))
            .unwrap(),
        Hang => {
            stream.get_ref().set_read_timeout(None).unwrap();
            told.send(()).unwrap();
            drop(stream.read_to_end(&mut Vec::new()));
            told.send(()).unwrap();
        }
    }
}

/// The program before it, with everything below `/open` for anyone.
fn before(url: &str) -> Program {
    Program::start(&before_any(url))
}

fn before_any(url: &str) -> Gate {
    Setup::new(url)
        .with("[log]\nformat = \"json\"")
        .routes(&[("/open/**", "public-full")])
        .start()
        .stopped()
}

#[test]
fn a3_what_is_no_answer_is_a_page_and_the_visitor_goes_on() {
    let (app, hangs) = plays(NO_ANSWER);
    let program = before(&app.url());
    let open = program.open();
    let mut visitor = Line::stranger(program.address);
    assert_eq!(visitor.status("/open/well"), 200);
    for (row, (says, then)) in NO_ANSWER.iter().enumerate() {
        let says = String::from_utf8_lossy(says);
        visitor.begin("GET", &format!("/open/{row}"), b"");
        let answer = visitor.answer().expect("an answer");
        assert_eq!(answer.status(), 502, "{says:?} {then:?}");
        assert_eq!(visitor.status("/open/well"), 200, "after {says:?} {then:?}");
        // How much of a body is still to come nobody knows then.
        let mut posting = Line::stranger(program.address);
        posting.begin("POST", &format!("/open/{row}"), b"a=1");
        let answer = posting.answer().expect("an answer");
        assert_eq!(answer.status(), 502, "POST {says:?} {then:?}");
        assert_eq!(answer.field("connection"), Some("close"));
        assert_eq!(posting.rest(), b"");
        for _ in 0..2 {
            if *then == Hang {
                wait(&hangs);
                wait(&hangs);
            }
        }
    }
    drop(visitor);
    program.closes(open);
    let failed = program
        .log()
        .matches("\"event\":\"upstream.failed\"")
        .count();
    assert_eq!(failed, 2 * NO_ANSWER.len(), "each is told");
}

/// Its head went up to the visitor already: all that is left is to end the connection, so that nobody takes half for whole.
#[test]
fn a3_half_an_answer_is_never_given_for_whole() {
    let (app, hangs) = plays(HALF);
    let program = before(&app.url());
    let open = program.open();
    let mut other = Line::stranger(program.address);
    let mut pages = 0;
    for (row, (says, then)) in HALF.iter().enumerate() {
        let says = String::from_utf8_lossy(says);
        let mut visitor = Line::stranger(program.address);
        visitor.begin("GET", &format!("/open/{row}"), b"");
        let rest = String::from_utf8_lossy(&visitor.rest()).into_owned();
        // A fault that was read together with the head may still become a page.
        if rest.starts_with("HTTP/1.1 200 ") {
            assert!(!rest.ends_with("0\r\n\r\n"), "{says:?} {then:?}: {rest}");
            let body = rest.split_once("\r\n\r\n").unwrap().1;
            assert!(body.len() < 1000, "{says:?} {then:?}: {rest}");
        } else {
            pages += 1;
            assert!(
                rest.starts_with("HTTP/1.1 502 "),
                "{says:?} {then:?}: {rest}"
            );
        }
        if *then == Hang {
            wait(&hangs);
            wait(&hangs);
        }
        assert_eq!(other.status("/open/well"), 200, "others notice nothing");
    }
    drop(other);
    program.closes(open);
    let told = program
        .log()
        .matches("\"event\":\"upstream.broke_off\"")
        .count();
    assert_eq!(told, HALF.len() - pages, "each is told");
}

/// `kill -9` of a real process, in the middle of its answer.
#[test]
fn a3_an_application_that_is_killed_ends_its_answers_and_is_down_until_it_is_back() {
    let script = r#"
        $| = 1;
        my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
        print $s->sockport, "\n";
        while (my $c = $s->accept) {
            while (<$c>) { last if $_ eq "\r\n" }
            syswrite $c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhalf";
            push @kept, $c;
        }"#;
    let mut process = Command::new("perl")
        .args(["-MIO::Socket::INET", "-e", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut port)
        .unwrap();
    let program = before(&format!("http://127.0.0.1:{}", port.trim()));
    let open = program.open();
    let mut visitors: Vec<Line> = (0..20)
        .map(|_| {
            let mut visitor = Line::stranger(program.address);
            visitor.begin("GET", "/open/long", b"");
            assert_eq!(visitor.head().first, "HTTP/1.1 200 OK");
            let mut came = [0; 4];
            visitor.stream.read_exact(&mut came).unwrap();
            assert_eq!(&came, b"half");
            visitor
        })
        .collect();
    process.kill().unwrap();
    process.wait().unwrap();
    for visitor in &mut visitors {
        assert_eq!(visitor.rest(), b"", "it ends, and nothing is made up");
    }
    drop(visitors);
    program.closes(open);
    let mut visitor = Line::stranger(program.address);
    assert_eq!(visitor.status("/open/long"), 502);
    assert_eq!(
        visitor.status("/"),
        303,
        "what is shut needs no application"
    );
    let ask = visitor.get("/").unwrap();
    let ask = super::support::browser::path_of(ask.field("location").unwrap());
    assert_eq!(visitor.status(&ask), 200, "nor do our own pages");
}

/// Nothing holds on to an application that nobody waits for any more.
#[test]
fn a7_a_visitor_who_leaves_takes_their_place_at_the_application_along() {
    const HANGS: &[(&[u8], Then)] = &[
        (b"", Hang),
        (b"HTTP/1.1 200 OK\r\nX: ", Hang),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf",
            Hang,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            Hang,
        ),
    ];
    let (app, hangs) = plays(HANGS);
    let program = before(&app.url());
    let open = program.open();
    for (row, (says, _)) in HANGS.iter().enumerate() {
        let mut visitors = Vec::new();
        for _ in 0..10 {
            let mut visitor = Line::stranger(program.address);
            visitor.begin("GET", &format!("/open/{row}"), b"");
            if says.ends_with(b"half") || says.ends_with(b"half\r\n") {
                visitor.head();
                visitor.stream.fill_buf().unwrap();
            }
            visitors.push(visitor);
        }
        for _ in 0..10 {
            wait(&hangs);
        }
        drop(visitors);
        for _ in 0..10 {
            wait(&hangs);
        }
    }
    program.closes(open);
}

/// Its queue is full, so that the kernel answers nothing: 5 s.
#[test]
fn a1_an_application_that_takes_no_connection_is_given_up_after_five_seconds() {
    let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    full.bind(&any.into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    let crowd: Vec<Socket> = (0..8)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            // It is under way, which is no success yet.
            drop(socket.connect(&address));
            socket
        })
        .collect();
    let program = before(&format!("http://{}", address.as_socket().unwrap()));
    let mut visitor = Line::stranger(program.address);
    assert_eq!(visitor.status("/open/news"), 504);
    assert_eq!(visitor.status("/"), 303, "the connection goes on");
    drop(crowd);
}

/// Hangs before its head, a minute: the page comes by itself, and the application is let go. The program's minutes have
/// three seconds here, all of its clocks being twenty times as fast.
#[test]
fn a1_an_application_that_never_answers_is_given_up_after_a_minute() {
    const HANGS: &[(&[u8], Then)] = &[(b"", Hang), (b"HTTP/1.1 200 OK\r\nX: ", Hang)];
    let (app, hangs) = plays(HANGS);
    let gate = before_any(&app.url());
    let program = Program::limited(&gate, &faked("FAKETIME='+0 x20'"));
    let mut visitors = [0, 1].map(|row| {
        let mut visitor = Line::stranger(program.address);
        visitor.begin("GET", &format!("/open/{row}"), b"");
        visitor
    });
    for visitor in &mut visitors {
        assert_eq!(visitor.answer().expect("a page").status(), 504);
        assert_eq!(visitor.status("/open/well"), 200);
    }
    for _ in 0..4 {
        wait(&hangs);
    }
}
