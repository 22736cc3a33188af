//! Carriers that misbehave at the socket: whoever waits for a code sees an honest page in time, and nobody gets a
//! message twice that they asked for once.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::ask::{OTHERS, PEOPLE, Visitor, all_alike, name_themselves, visitors};
use super::support::app::App;
use super::support::browser::path_of;
use super::support::gate::{Gate, Setup};
use super::support::wire::{Answer, PATIENCE, read_body, read_head};

/// What a vendor does with every request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// Takes it.
    Takes,
    /// Takes it once it is let.
    TakesLate,
    /// Writes this and closes.
    Says(&'static str),
    /// Reads it and never says a word.
    Hangs,
    /// Reads it and resets the connection.
    Resets,
    /// Takes the connection, and neither reads nor says anything.
    Mute,
}

/// A vendor at the socket. It counts what came whole; what is a message to its customer is up to its manner.
#[derive(Clone)]
struct Vendor {
    address: SocketAddr,
    seen: Arc<(Mutex<Vec<String>>, Condvar)>,
    manner: Arc<Mutex<Manner>>,
    may_answer: Arc<(Mutex<bool>, Condvar)>,
}

impl Vendor {
    fn new(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let vendor = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            manner: Arc::new(Mutex::new(manner)),
            may_answer: Arc::default(),
        };
        let own = vendor.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let own = own.clone();
                thread::spawn(move || own.serve(stream.unwrap()));
            }
        });
        vendor
    }

    fn now(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// The bodies of all requests so far.
    fn seen(&self) -> Vec<String> {
        self.seen.0.lock().unwrap().clone()
    }

    /// Waits until so many have come.
    fn wait_for(&self, requests: usize) {
        let (seen, more) = &*self.seen;
        let (_seen, late) = more
            .wait_timeout_while(seen.lock().unwrap(), PATIENCE, |seen| seen.len() < requests)
            .unwrap();
        assert!(!late.timed_out(), "request {requests} does not come");
    }

    fn let_answer(&self) {
        *self.may_answer.0.lock().unwrap() = true;
        self.may_answer.1.notify_all();
    }

    fn serve(&self, stream: TcpStream) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let manner = *self.manner.lock().unwrap();
        let mut stream = BufReader::new(stream);
        if manner == Manner::Mute {
            return hold(&stream);
        }
        if let Manner::Says(text) = manner {
            // Also to what is no request: a greeting by TLS.
            let mut first = [0];
            if stream.get_ref().peek(&mut first).unwrap_or(0) == 0 || first[0] != b'P' {
                drop(stream.get_mut().write_all(text.as_bytes()));
                return;
            }
        }
        let Some(head) = read_head(&mut stream) else {
            return;
        };
        let body = read_body(&head, &mut stream, false);
        let (seen, more) = &*self.seen;
        seen.lock().unwrap().push(String::from_utf8(body).unwrap());
        more.notify_all();
        match manner {
            Manner::Takes => answer(&mut stream, TAKEN),
            Manner::TakesLate => {
                let (may, changed) = &*self.may_answer;
                let guard = may.lock().unwrap();
                drop(changed.wait_timeout_while(guard, PATIENCE, |may| !*may));
                answer(&mut stream, TAKEN);
            }
            Manner::Says(text) => answer(&mut stream, text),
            Manner::Hangs | Manner::Mute => hold(&stream),
            Manner::Resets => {
                let socket = socket2::SockRef::from(stream.get_ref());
                socket.set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
    }
}

/// Keeps a connection until the other side gives it up.
fn hold(stream: &BufReader<TcpStream>) {
    let mut rest = stream.get_ref();
    drop(std::io::copy(&mut rest, &mut std::io::sink()));
}

fn answer(stream: &mut BufReader<TcpStream>, text: &str) {
    drop(stream.get_mut().write_all(text.as_bytes()));
    drop(stream.get_ref().shutdown(std::net::Shutdown::Write));
    hold(stream);
}

const TAKEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const BROKEN: &str = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
const REFUSES: &str = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n";
const FOR_EVER: &str =
    "HTTP/1.1 429 No\r\nRetry-After: 18446744073709551615\r\nContent-Length: 0\r\n\r\n";
const ELSEWHERE: &str =
    "HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
const SWITCHES: &str = "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
const HINTS_AND_BREAKS: &str =
    "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
const BUSY: &str = "HTTP/1.1 429 No\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n";
const HALF: &str = "HTTP/1.1 200 OK\r\nContent-";
const SHORT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"id\":";
const GARBAGE: &str = "SSH-2.0-OpenSSH_9.9\r\n\u{1}\u{2}\u{3}\r\n";

/// A gateway whose text messages go to `url` first, and to the console after that if `spare`.
struct Stage {
    gate: Gate,
    _key: tempfile::NamedTempFile,
}

fn stage(setup: Setup, url: &str, spare: bool) -> Stage {
    stage_of(setup, url, spare, ["1s", "3s"])
}

/// The same, with how long a carrier has and how long all have.
fn stage_of(setup: Setup, url: &str, spare: bool, [one, all]: [&str; 2]) -> Stage {
    let mut key = tempfile::NamedTempFile::new().unwrap();
    key.write_all(b"a key for the hook").unwrap();
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(key.path(), mode).unwrap();
    let carriers = if spare {
        "[\"main\", \"paper\"]"
    } else {
        "[\"main\"]"
    };
    let gate = setup
        .with(&format!(
            "[carriers.main.webhook]\nurl = \"{url}\"\nsigning_key = \"file:{}\"\ntimeout = \"{one}\"\n\
             [delivery]\nsms = {carriers}\nvoice = [\"paper\"]\ntimeout = \"{all}\"\nfictional = true\n\
             [limits]\nsends_per_hour = {{ network = 10000, number = 100 }}\nsends_per_day = {{ number = 100 }}",
            key.path().display()
        ))
        .start();
    Stage { gate, _key: key }
}

/// Every way to fail: the vendor's manner, the scheme that it is reached by, whether it is certain that nothing was
/// sent, and how many requests come whole for one message.
const FAULTS: [(Manner, &str, bool, usize); 15] = [
    (Manner::Says(BROKEN), "http", true, 2),
    (Manner::Says(REFUSES), "http", true, 1),
    (Manner::Says(BUSY), "http", true, 1),
    (Manner::Says(FOR_EVER), "http", true, 1),
    (Manner::Says(ELSEWHERE), "http", true, 1),
    (Manner::Says(SWITCHES), "http", true, 1),
    (Manner::Says(HINTS_AND_BREAKS), "http", true, 2),
    (Manner::Mute, "https", true, 0),
    (Manner::Says(GARBAGE), "https", true, 0),
    (Manner::Mute, "http", false, 0),
    (Manner::Hangs, "http", false, 1),
    (Manner::Says(HALF), "http", false, 1),
    (Manner::Says(SHORT), "http", false, 1),
    (Manner::Says(GARBAGE), "http", false, 1),
    (Manner::Resets, "http", false, 1),
];

/// Faults that this machine can show: https needs certificates to begin with.
#[expect(
    clippy::print_stderr,
    reason = "who reads the output is told what was left out"
)]
fn faults() -> impl Iterator<Item = (Manner, &'static str, bool, usize)> {
    let https = !rustls_native_certs::load_native_certs().certs.is_empty();
    if !https {
        eprintln!("skipped: faults of TLS; the system has no certificates to believe");
    }
    FAULTS
        .into_iter()
        .filter(move |(_, scheme, ..)| https || *scheme == "http")
}

fn url(vendor: &Vendor, scheme: &str) -> String {
    format!("{scheme}://{}/send", vendor.address)
}

const TROUBLE: &str = "We could not send the message";

#[test]
fn the_next_carrier_gets_what_was_certainly_not_sent_and_nothing_else() {
    let app = App::new();
    for (manner, scheme, safe, requests) in faults() {
        let vendor = Vendor::new(manner);
        let stage = stage(Setup::new(&app.url()), &url(&vendor, scheme), true);
        let gate = &stage.gate;
        let mut browser = gate.browser();
        let page = browser.ask("/private", "ann");
        let messages = gate.sent();
        assert_eq!(messages, usize::from(safe), "{manner:?} by {scheme}");
        assert_eq!(vendor.seen().len(), requests, "{manner:?} by {scheme}");
        let shown = browser.get(&page);
        assert_eq!(shown.status(), 200);
        assert!(!shown.text().contains(TROUBLE), "{manner:?} by {scheme}");
        if safe {
            let opened = browser.answer(&page, &gate.messages.code(1));
            assert_eq!(location(&opened), "/private", "{manner:?}");
            continue;
        }
        // It may have been sent, so it is sent again only when that is asked for; the carrier may work by then.
        vendor.now(Manner::Takes);
        gate.later(31);
        browser.press(&page, "send");
        assert_eq!((gate.sent(), vendor.seen().len()), (0, requests + 1));
        let opened = browser.answer(&page, &code(&vendor.seen()[requests]));
        assert_eq!(location(&opened), "/private", "{manner:?}");
    }
}

fn location(answer: &Answer) -> String {
    path_of(answer.field("location").unwrap_or_default())
}

/// The code in a body.
fn code(body: &str) -> String {
    let (_, rest) = body.split_once(" #").expect("a last line for autofill");
    rest.chars().take_while(char::is_ascii_digit).collect()
}

#[test]
fn c7_whatever_a_carrier_does_strangers_cannot_tell_who_is_known() {
    let app = App::new();
    for (manner, scheme, safe, _) in faults() {
        let vendor = Vendor::new(manner);
        let setup = Setup::new(&app.url()).users(PEOPLE);
        let stage = stage(setup, &url(&vendor, scheme), false);
        let gate = &stage.gate;
        for name in OTHERS {
            gate.browser().ask("/", name);
        }
        let mut people = visitors(gate);
        name_themselves(&mut people);
        gate.settle();
        let what = format!("{manner:?} by {scheme}");
        let pages = all_alike(&what, &mut people, |visitor: &mut Visitor| {
            vec![visitor.browser.get(&visitor.page)]
        });
        let text = pages[0].text();
        assert_eq!(text.contains(TROUBLE), safe, "{what}: {text}");
        assert!(text.contains("name=\"code\"") || safe, "{what}: {text}");
    }
}

#[test]
fn who_has_shown_who_they_are_is_told_the_truth_in_time() {
    let app = App::new();
    // The first code is spoken by the console.
    let login = "[scopes.login]\ntitle = \"Sign in\"\nchannels = [\"voice\"]";
    for (manner, scheme, safe, requests) in faults() {
        let vendor = Vendor::new(manner);
        let setup = Setup::new(&app.url()).with(login);
        let stage = stage(setup, &url(&vendor, scheme), false);
        let mut browser = stage.gate.signed_in("ann");
        let page = browser.step_up("/admin");
        // This waits for what becomes of the message.
        assert_eq!(browser.press(&page, "send").status(), 303);
        assert_eq!(vendor.seen().len(), requests, "{manner:?} by {scheme}");
        let shown = browser.get(&page).text();
        assert_eq!(shown.contains(TROUBLE), safe, "{manner:?}: {shown}");
    }
}

#[test]
fn a_name_that_nobody_has_sends_the_message_to_the_next_carrier() {
    let app = App::new();
    let stage = stage(Setup::new(&app.url()), "http://sms.invalid/send", true);
    let mut browser = stage.gate.browser();
    let page = browser.ask("/private", "ann");
    let opened = browser.answer(&page, &stage.gate.messages.code(1));
    assert_eq!(location(&opened), "/private");
    assert_eq!(stage.gate.sent(), 1);
}

#[test]
fn a_storm_of_failures_keeps_nobody_out_and_spares_the_carrier() {
    let app = App::new();
    let vendor = Vendor::new(Manner::Says(BROKEN));
    let stage = stage(Setup::new(&app.url()), &url(&vendor, "http"), true);
    let gate = &stage.gate;
    for n in 1..=8 {
        let mut browser = gate.browser();
        let page = browser.ask("/", if n % 2 == 0 { "ann" } else { "bob" });
        let opened = browser.answer(&page, &gate.messages.code(n));
        assert_eq!(location(&opened), "/");
    }
    // Two tries a message, and after the fifth failure none any more.
    assert_eq!((gate.sent(), vendor.seen().len()), (8, 5));
}

#[test]
fn the_second_try_is_the_same_message() {
    let app = App::new();
    let vendor = Vendor::new(Manner::Says(BROKEN));
    let stage = stage(Setup::new(&app.url()), &url(&vendor, "http"), false);
    stage.gate.browser().ask("/", "ann");
    stage.gate.settle();
    let seen = vendor.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0], seen[1], "by its id the vendor knows it again");
}

#[test]
fn a4_a_send_under_way_ends_before_the_gateway_does() {
    let app = App::new();
    let vendor = Vendor::new(Manner::TakesLate);
    let stage = stage(Setup::new(&app.url()), &url(&vendor, "http"), true);
    let Stage { gate, _key } = stage;
    let address = gate.address;
    gate.browser().ask("/", "ann");
    vendor.wait_for(1);
    let let_go = Arc::new(AtomicBool::new(false));
    let stopping = {
        let let_go = Arc::clone(&let_go);
        thread::spawn(move || {
            let gate = gate.stopped();
            assert!(let_go.load(Ordering::SeqCst), "the send was not waited for");
            gate
        })
    };
    // Nobody is let in any more, and so nothing new begins.
    while TcpStream::connect(address).is_ok() {
        thread::yield_now();
    }
    let_go.store(true, Ordering::SeqCst);
    vendor.let_answer();
    let gate = stopping.join().unwrap();
    assert_eq!(vendor.seen().len(), 1);
    assert_eq!(gate.messages.count(), 0, "the next carrier was not needed");
}

/// What waits for a slow carrier are messages, as many of them there as `at_once` allows and the others behind them: no
/// visitor does.
#[test]
fn a1_a_carrier_that_takes_its_time_keeps_no_stranger_waiting() {
    const VISITORS: usize = 60;
    let app = App::new();
    let vendor = Vendor::new(Manner::TakesLate);
    let url = url(&vendor, "http");
    let stage = stage_of(Setup::new(&app.url()), &url, false, ["10s", "30s"]);
    let gate = &stage.gate;
    for n in 0..VISITORS {
        let name = ["ann", "bob", "nobody"][n % 3];
        let mut browser = gate.browser();
        let page = browser.ask("/", name);
        assert!(browser.get(&page).text().contains("name=\"code\""));
    }
    vendor.wait_for(1);
    assert!(gate.running().flow().tasks.len() > 1, "they are under way");
    vendor.let_answer();
    gate.settle();
    let to_people = (0..VISITORS).filter(|n| n % 3 != 2).count();
    assert_eq!(vendor.seen().len(), to_people, "each went out once");
}

/// What needs no code needs no carrier; what needs one stays shut.
#[test]
fn a3_while_no_carrier_works_open_pages_do_and_closed_ones_stay_shut() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .routes(&[("/open/**", "public"), ("/admin", "admin")])
        .start();
    let mut known = gate.signed_in("ann");
    gate.messages.break_down();
    let mut stranger = gate.browser();
    app.forget();
    assert_eq!(stranger.get("/open/news").status(), 200);
    assert_eq!(known.get("/private").status(), 200);
    let page = known.step_up("/admin");
    known.press(&page, "send");
    gate.settle();
    let shown = known.get(&page).text();
    assert!(shown.contains("We could not send the message"), "{shown}");
    stranger.ask("/private", "bob");
    gate.settle();
    for (browser, path) in [(&mut known, "/admin"), (&mut stranger, "/private")] {
        assert_eq!(browser.get(path).status(), 303, "{path}");
    }
    assert_eq!(
        app.lines(),
        ["GET /open/news HTTP/1.1", "GET /private HTTP/1.1"]
    );
}
