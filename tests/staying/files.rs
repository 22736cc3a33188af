//! Out of file descriptors (A7).

use std::io::{BufRead, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use super::line::Line;
use super::support::app::App;
use super::support::bare::wait;
use super::support::gate::Setup;
use super::support::program::Program;
use super::support::wire::PATIENCE;

/// What the log says when the system gives no connection.
const NONE_LEFT: &str = "the system gives no new connections";

/// Few files for visitors and their requests, and a crowd that wants far more: the newest are turned away,
/// and who is here is served, over a new connection to the application, too.
#[test]
fn a7_a_crowd_leaves_files_for_those_who_are_here() {
    let (told, waits) = mpsc::channel();
    let gone_on = Arc::new((Mutex::new(false), Condvar::new()));
    let own = Arc::clone(&gone_on);
    let app = App::scripted(move |request, stream| {
        let waiting = request.head.first.contains("/wait");
        if waiting {
            told.send(()).unwrap();
            let on = own.0.lock().unwrap();
            drop(own.1.wait_while(on, |on| !*on).unwrap());
        }
        let close = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nOK";
        let _ = stream.get_mut().write_all(close.as_bytes());
        false
    });
    let gate = Setup::new(&app.url())
        .with("[log]\nformat = \"json\"")
        .routes(&[("/open/**", "public-full")])
        .start();
    let ann = gate.signed_in("ann");
    let gate = gate.stopped();
    let workers = thread::available_parallelism().unwrap().get();
    let program = Program::limited(&gate, &format!("ulimit -n {}", 64 + workers * 2 * 16));
    assert!(program.log().contains("\"event\":\"few_files\""));
    let mut ann = Line::of(&ann, program.address);
    assert_eq!(ann.status("/"), 200);
    let before = program.open();

    let mut crowd = Vec::new();
    let mut turned_away = 0;
    for number in 0..workers * 16 * 6 {
        let source = 2 + u8::try_from(number % 8).unwrap();
        let mut visitor = Line::from(source, program.address);
        match visitor.get("/open/here") {
            Some(answer) => {
                assert_eq!(answer.status(), 200, "{}", answer.text());
                crowd.push(visitor);
            }
            None => turned_away += 1,
        }
    }
    assert!(turned_away > 0 && crowd.len() <= workers * 16);
    assert!(crowd.len() > workers * 4, "{} came in", crowd.len());

    // All of them wait for the application at once: the most that they can take.
    for visitor in &mut crowd {
        visitor.begin("GET", "/open/wait", b"");
    }
    for _ in &crowd {
        wait(&waits);
    }
    for _ in 0..20 {
        assert_eq!(ann.status("/"), 200, "who was here before is served");
    }
    assert!(!program.log().contains(NONE_LEFT), "{}", program.log());

    *gone_on.0.lock().unwrap() = true;
    gone_on.1.notify_all();
    for mut visitor in crowd {
        assert_eq!(visitor.answer().unwrap().status(), 200, "and so is each");
    }
    program.closes(before);
    let mut late = Line::stranger(program.address);
    assert_eq!(late.status("/open/here"), 200, "there is room again");
}

/// Not one file more, whoever has them: nobody new comes in, those who are here are served as far as no file is needed,
/// and everything goes on when there are files again.
#[test]
fn a7_with_no_file_left_nobody_comes_in_and_nobody_is_lost() {
    let app = App::scripted(|request, stream| {
        let closes = request.head.first.contains("/bye");
        let field = if closes { "Connection: close\r\n" } else { "" };
        let answer = format!("HTTP/1.1 200 OK\r\n{field}Content-Length: 2\r\n\r\nOK");
        stream.get_mut().write_all(answer.as_bytes()).is_ok() && !closes
    });
    let gate = Setup::new(&app.url())
        .with("[log]\nformat = \"json\"\n[admin]\nhttp = \"127.0.0.1:0\"")
        .routes(&[("/open/**", "public-full")])
        .start();
    let ann = gate.signed_in("ann");
    let gate = gate.stopped();
    let program = Program::start(&gate);
    let mut ann = Line::of(&ann, program.address);
    assert_eq!(ann.status("/"), 200);

    program.files(false);
    let mut waiting = Line::stranger(program.address);
    waiting.begin("GET", "/open/news", b"");
    program.says(NONE_LEFT);
    // A second in which nothing happens but that somebody waits. Who tries again at once would need all of it.
    let before = program.ticks();
    let socket = waiting.stream.get_ref();
    socket
        .set_read_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let early = waiting.stream.fill_buf().map(<[u8]>::len);
    assert_eq!(early.unwrap_err().kind(), ErrorKind::WouldBlock);
    let used = program.ticks() - before;
    assert!(used < 20, "{used} hundredths of a second for waiting");
    let socket = waiting.stream.get_ref();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..200 {
        assert_eq!(ann.status("/"), 200, "over the connections that are open");
    }
    assert_eq!(ann.status("/bye"), 200);
    let refused = ann.get("/").unwrap();
    assert_eq!(refused.status(), 502, "there is no file for another");
    assert_eq!(
        ann.status("/.countersign/sign-out"),
        200,
        "our own pages need none"
    );

    program.files(true);
    let answer = waiting.answer().expect("it was kept waiting, not lost");
    assert_eq!(answer.status(), 200);
    assert_eq!(ann.status("/"), 200, "over the same connection");
    assert_eq!(Line::stranger(program.address).status("/open/news"), 200);
    let log = program.log();
    assert_eq!(log.matches(NONE_LEFT).count(), 1, "it is told once: {log}");
    let metrics = program.metrics();
    let none = |what: &str| {
        metrics.contains(&format!(
            "countersign_connections_total{{what=\"{what}\"}} 0\n"
        ))
    };
    assert!(!none("accept_error") && none("panic"), "{metrics}");
}
