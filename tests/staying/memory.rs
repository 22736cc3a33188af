//! Little memory (A7): whatever goes through or is kept has its bound, and the process is never ended for want of more.

use std::fs;
use std::io::{Read, Write, stderr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::client::{self, Client, Pieces};
use super::line::Line;
use super::room::{https, run};
use super::support::app::App;
use super::support::bare::{Bare, wait};
use super::support::browser::Browser;
use super::support::gate::{Gate, Setup};
use super::support::program::Program;
use super::support::wire::{read_body, read_head};

/// All that it may have, in bytes: what the kernel does not give ends the process.
const MOST: usize = 256 << 20;

/// Little memory: of data by a limit of the process, and of everything, the kernel's buffers for it among that, by a group
/// as `MemoryMax` of systemd makes one, where this may.
struct Little(Option<PathBuf>);

impl Little {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "countersign-staying-{}-{}",
            std::process::id(),
            NUMBER.fetch_add(1, Relaxed)
        );
        // Version 1 and version 2 of the kernel's groups.
        let group = [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ]
        .into_iter()
        .find_map(|(parent, limit)| {
            let group = Path::new(parent).join(&name);
            fs::create_dir(&group).ok()?;
            let limit = group.join(limit);
            let limited = limit.exists() && fs::write(limit, MOST.to_string()).is_ok();
            if !limited {
                fs::remove_dir(&group).unwrap();
            }
            limited.then_some(group)
        });
        if group.is_none() {
            let why = "no memory group can be made here: by a limit of the process alone";
            drop(writeln!(stderr(), "{why}"));
        }
        Self(group)
    }

    fn program(&self, gate: &Gate) -> Program {
        let data = format!("ulimit -d {}", MOST >> 10);
        let limits = match &self.0 {
            Some(group) => format!("echo $$ > {}/cgroup.procs && {data}", group.display()),
            None => data,
        };
        Program::limited(gate, &limits)
    }
}

impl Drop for Little {
    fn drop(&mut self) {
        if let Some(group) = &self.0 {
            fs::remove_dir(group).unwrap();
        }
    }
}

/// How much goes through at once: four times as much.
const STREAMS: usize = 16;
const EACH: usize = 32 << 20;

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
    let little = Little::new();
    let program = little.program(&gate);
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
    let little = Little::new();
    let program = little.program(&gate);
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
    let little = Little::new();
    let program = little.program(&gate);
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

/// 400 answers of 32 MiB over four connections whose visitors take no more than a byte of each.
#[test]
fn a1_a7_who_opens_no_window_makes_nobody_keep_their_answers() {
    let app = App::scripted(|request, stream| {
        let long = request.head.first.contains("/down");
        let length = if long { EACH } else { 0 };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        stream.get_mut().write_all(head.as_bytes()).is_ok()
            && (0..length >> 14).all(|_| stream.get_mut().write_all(&[b'x'; 1 << 14]).is_ok())
    });
    let (setup, _folder) = https(&app.url());
    let gate = setup.routes(&[("/open/**", "public-full")]).start();
    let gate = gate.stopped();
    let little = Little::new();
    let program = little.program(&gate);
    run(async {
        let mut kept = Vec::new();
        for _ in 0..4 {
            let stream = client::connect(program.address, &["h2"]).await;
            let shut = http2::Builder::new(TokioExecutor::new())
                .initial_stream_window_size(1)
                .handshake::<_, Pieces>(TokioIo::new(stream));
            let (mut sender, connection) = shut.await.unwrap();
            tokio::spawn(connection);
            for _ in 0..100 {
                let request = http::Request::get("https://app.localhost/open/down");
                let request = request.body(Pieces::empty()).unwrap();
                let answer = sender.send_request(request).await.unwrap();
                assert_eq!(answer.status(), 200);
                kept.push(answer);
            }
            let mut other = Client::new(program.address).await;
            assert_eq!(other.get("/open/news").await.status(), 200);
        }
        let mut other = Client::new(program.address).await;
        other.pass_ask("/", "ann", &program.messages).await;
        assert_eq!(other.get("/").await.status(), 200);
        assert_eq!(kept.len(), 400);
    });
    let news = run(async {
        let mut other = Client::new(program.address).await;
        other.get("/open/news").await
    });
    assert_eq!(news.status(), 200);
}
