//! Little memory (A7): whatever goes through or is kept has its bound, and the process is never ended for want of more.

use std::io::{Read, Write};
use std::sync::mpsc;
use std::thread;

use super::line::Line;
use super::support::app::App;
use super::support::bare::{Bare, wait};
use super::support::browser::Browser;
use super::support::gate::Setup;
use super::support::program::Program;
use super::support::wire::{read_body, read_head};

/// All that it may have of data, in KiB: what the kernel does not give ends the process.
const DATA: &str = "ulimit -d 262144";

/// How much goes through at once: four times as much.
const STREAMS: usize = 16;
const EACH: usize = 64 << 20;

/// An application that takes a body in, or gives one, when it is told to.
fn slow() -> (Bare, mpsc::Receiver<usize>, mpsc::Sender<()>) {
    let (told, came) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel::<()>();
    let goes_on = std::sync::Mutex::new(goes_on);
    let app = Bare::new(move |_, mut stream| {
        let Some(head) = read_head(&mut stream) else {
            return;
        };
        if head.first.contains("/down") {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {EACH}\r\n\r\n");
            drop(stream.get_mut().write_all(head.as_bytes()));
            let piece = vec![b'x'; 1 << 20];
            let sent = (0..EACH >> 20).all(|_| stream.get_mut().write_all(&piece).is_ok());
            told.send(usize::from(sent)).unwrap();
            return;
        }
        if head.first.contains("/up") {
            told.send(0).unwrap();
            wait(&goes_on.lock().unwrap());
        }
        let body = read_body(&head, &mut stream, false);
        let text = body.len().to_string();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        drop(stream.get_mut().write_all(answer.as_bytes()));
    });
    (app, came, go_on)
}

#[test]
fn a7_bodies_stream_through_little_memory_while_nobody_reads() {
    let (app, came, go_on) = slow();
    let gate = Setup::new(&app.url())
        .with("[log]\nformat = \"json\"")
        .routes(&[("/open/**", "public-full")])
        .start()
        .stopped();
    let program = Program::limited(&gate, DATA);
    let mut visitors: Vec<Line> = (0..STREAMS)
        .map(|_| {
            let mut visitor = Line::stranger(program.address);
            visitor.begin("GET", "/open/down", b"");
            assert_eq!(visitor.head().first, "HTTP/1.1 200 OK");
            visitor
        })
        .collect();
    let address = program.address;
    let uploads: Vec<_> = (0..STREAMS)
        .map(|_| {
            thread::spawn(move || {
                let mut visitor = Line::stranger(address);
                visitor.begin("POST", "/open/up", &vec![b'x'; EACH]);
                visitor.answer().expect("an answer").text()
            })
        })
        .collect();
    for _ in 0..STREAMS {
        assert_eq!(
            wait(&came),
            0,
            "an upload has begun, and no download is over"
        );
    }
    assert_eq!(Line::stranger(address).status("/open/news"), 200);
    for _ in 0..STREAMS {
        go_on.send(()).unwrap();
    }
    for upload in uploads {
        assert_eq!(upload.join().unwrap(), EACH.to_string());
    }
    for visitor in &mut visitors {
        let mut piece = vec![0; EACH];
        visitor.stream.read_exact(&mut piece).unwrap();
        assert!(piece.iter().all(|byte| *byte == b'x'));
    }
    assert_eq!(Line::stranger(address).status("/open/news"), 200);
}

/// One network has 32 MiB of what is kept for later; what is more is not kept, and said so.
#[test]
fn a7_what_is_kept_for_later_has_its_bound() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .with("[limits]\nsends_per_hour = { number = 1000, network = 100000 }\n[log]\nformat = \"json\"")
        .start();
    let ann = gate.signed_in("ann");
    let gate = gate.stopped();
    let program = Program::limited(&gate, DATA);
    let body = [b"a=".as_slice(), &vec![b'x'; (1 << 20) - 2]].concat();
    let fields = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", "http://app.localhost"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-site", "same-origin"),
    ];
    // Each is a browser of its own for the gateway, with the same grant.
    let (mut kept, mut refused) = (0, 0);
    for _ in 0..300 {
        let mut browser: Browser = ann.at(program.address);
        browser.jar.remove("__Host-countersign-app");
        let answer = browser.send("POST", "/admin/things", &fields, &body);
        match answer.status() {
            303 => kept += 1,
            413 | 503 => refused += 1,
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert!(kept > 0 && refused > 0, "{kept} kept, {refused} refused");
    assert_eq!(ann.at(program.address).get("/").status(), 200);
}

/// Heads that never end, from several sources.
#[test]
fn a7_many_who_say_half_a_word_leave_room_for_others() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .with("[log]\nformat = \"json\"")
        .routes(&[("/open/**", "public-full")])
        .start()
        .stopped();
    let program = Program::limited(&gate, DATA);
    let half = format!(
        "GET /open/news HTTP/1.1\r\nHost: app.localhost\r\nX: {}",
        "x".repeat(30 << 10)
    );
    let crowd: Vec<Line> = (0..400)
        .map(|number| {
            let source = 2 + u8::try_from(number % 8).unwrap();
            let mut visitor = Line::from(source, program.address);
            visitor.stream.get_mut().write_all(half.as_bytes()).unwrap();
            visitor
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(Line::stranger(program.address).status("/open/news"), 200);
    }
    drop(crowd);
    assert_eq!(Line::stranger(program.address).status("/open/news"), 200);
}
