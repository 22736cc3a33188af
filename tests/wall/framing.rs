//! Malformed requests and smuggling (R3, R6, R7, R8, R9): what two servers could read differently never reaches the
//! application, and nothing that is hidden in it or behind it is taken for a request.

mod any;
mod case;
mod chunks;
mod codings;
mod controls;
mod heads;
mod hops;
mod lengths;
mod table;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use self::case::{Sent, Verdict};
use self::controls::{CONTROLS, Control};
use super::strict::Message;
use super::support::gate::Setup;
use super::support::wire::{PATIENCE, connect};
use super::tape::{Conversation, Manner, Tape};

/// What came of one case.
#[derive(Debug, Default)]
struct Fate {
    /// How often it arrived as a request, whole or not.
    arrived: usize,
    /// Whether one of these was whole.
    whole: bool,
    /// How often the request behind it arrived.
    after: usize,
    /// How often the request within it arrived, or what it claims to be.
    smuggled: usize,
    /// The request behind it arrived as a part of a body.
    swallowed: bool,
    /// Some of its bytes arrived.
    touched: bool,
    /// Why the bytes that arrived can be read in two ways.
    ambiguous: Vec<String>,
    /// What else Countersign never sends.
    unwanted: Vec<String>,
}

impl Fate {
    /// Whether an application could be misled: what arrived is read differently by different servers, or is another number of
    /// requests than was sent.
    fn passed_on(&self) -> bool {
        !self.ambiguous.is_empty()
            || self.smuggled > 0
            || self.arrived > 1
            || self.after > 1
            || self.swallowed
    }
}

/// A connection on which nothing comes for so long is closed from this side.
const QUIET: Duration = Duration::from_millis(1_000);

/// So many cases are under way at once.
const AT_ONCE: usize = 24;

/// Sends bytes and reads until the connection ends, however it does. Gives everything that came.
fn send(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(address);
    let socket = stream.get_mut();
    socket.set_read_timeout(Some(QUIET)).unwrap();
    // It may be closed before the last byte is out.
    drop(socket.write_all(bytes));
    let mut came = Vec::new();
    let mut piece = [0; 4096];
    let mut over = false;
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => came.extend_from_slice(&piece[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                let text = String::from_utf8_lossy(bytes);
                assert!(!over, "the connection stays open after {text:?}");
                over = true;
                let socket = stream.get_mut();
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                drop(socket.shutdown(Shutdown::Write));
            }
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&came).into_owned()
}

/// Sends all of them, each on a connection of its own, and gives what came for each.
fn send_all(address: SocketAddr, all: &[Vec<u8>]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let came = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(bytes) = all.get(number) else { return };
                    let text = send(address, bytes);
                    came.lock().unwrap().insert(number, text);
                }
            });
        }
    });
    came.into_inner().unwrap().into_values().collect()
}

/// The statuses of the answers in what came, without those that only say to go on.
fn statuses(came: &str) -> Vec<u16> {
    came.match_indices("HTTP/1.")
        .filter_map(|(at, _)| came.get(at + 9..at + 12)?.parse().ok())
        .filter(|status| *status >= 200)
        .collect()
}

/// Tells by the tags what came of each case.
fn fates(all: &[Sent], told: &[Conversation]) -> Vec<Fate> {
    let mut fates: Vec<Fate> = all.iter().map(|_| Fate::default()).collect();
    for Conversation { bytes, reading } in told {
        let text = String::from_utf8_lossy(bytes);
        let tags = tags(&text);
        for number in &tags {
            fates[*number].touched = true;
        }
        for message in &reading.messages {
            read_message(message, &mut fates);
        }
        for fault in &reading.faults {
            let what = format!("{:?}: {}", fault.rule, fault.line);
            for number in &tags {
                let fate = &mut fates[*number];
                if fault.rule.ambiguous() {
                    fate.ambiguous.push(what.clone());
                } else {
                    fate.unwanted.push(what.clone());
                }
            }
        }
    }
    fates
}

fn read_message(message: &Message, fates: &mut [Fate]) {
    let fields: String = message
        .fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect();
    let Some(number) = tags(&message.target)
        .into_iter()
        .chain(tags(&fields))
        .next()
    else {
        return;
    };
    let fate = &mut fates[number];
    if message.target.contains("after-") {
        fate.after += 1;
    } else if message.target.contains("smuggled") {
        fate.smuggled += 1;
    } else {
        fate.arrived += 1;
        fate.whole |= message.complete;
    }
    let body = String::from_utf8_lossy(&message.body);
    fate.swallowed |= message.complete && body.contains("/after-");
}

/// The numbers of the cases whose tags are in a text.
fn tags(text: &str) -> Vec<usize> {
    let mut numbers: Vec<usize> = text
        .split('t')
        .filter_map(|rest| {
            let digits = rest.get(..3)?.parse().ok()?;
            rest[3..].starts_with('x').then_some(digits)
        })
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Countersign, asked for everything by somebody with a grant; what it did that it must not, and each case's fate.
fn ours() -> (Vec<Sent>, Vec<Fate>, Vec<String>) {
    let tape = Tape::start(Manner::Kept);
    let gate = Setup::new(&tape.url()).start();
    let cookies = gate.signed_in("ann").cookies().unwrap();
    let all = case::all(Some(&cookies));
    let bytes: Vec<Vec<u8>> = all.iter().map(|sent| sent.bytes.clone()).collect();
    let came = send_all(gate.address, &bytes);
    drop(gate);
    let fates = fates(&all, &tape.finish());
    let mut wrong = Vec::new();
    for ((sent, fate), came) in all.iter().zip(&fates).zip(&came) {
        let statuses = statuses(came);
        let refused = statuses.len() <= 1 && statuses.iter().all(|status| *status >= 400);
        let fits = match sent.verdict {
            Verdict::Refuse => refused && !fate.touched,
            Verdict::Break => refused && !fate.whole && fate.after == 0,
            Verdict::Once => statuses.len() <= 2,
        };
        if !fits || fate.passed_on() || !fate.unwanted.is_empty() {
            wrong.push(format!("{}\n  {statuses:?} {fate:?}", shown(sent)));
        }
    }
    (all, fates, wrong)
}

fn shown(sent: &Sent) -> String {
    let bytes = &sent.bytes[..sent.bytes.len().min(500)];
    format!("{} {:?} {}", sent.class, sent.verdict, bytes.escape_ascii())
}

#[test]
fn r3_r6_r7_r8_r9_nothing_that_two_could_read_arrives_with_a_grant() {
    let (all, fates, wrong) = ours();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    // Refusing everything would be no proof: what may pass does, most of it.
    let may = all
        .iter()
        .filter(|sent| sent.verdict == Verdict::Once)
        .count();
    let passed = fates.iter().filter(|fate| fate.whole).count();
    assert!(passed * 3 > may * 2, "only {passed} of {may} passed");
    assert!(all.len() >= 200, "{}", all.len());
}

#[test]
fn r3_r6_r7_nothing_at_all_of_a_strangers_arrives() {
    let tape = Tape::start(Manner::Kept);
    let gate = Setup::new(&tape.url()).start();
    let all = case::all(None);
    let bytes: Vec<Vec<u8>> = all.iter().map(|sent| sent.bytes.clone()).collect();
    let came = send_all(gate.address, &bytes);
    drop(gate);
    let told = tape.finish();
    let arrived: Vec<String> = told
        .iter()
        .map(|one| one.bytes.escape_ascii().to_string())
        .collect();
    assert!(arrived.is_empty(), "{arrived:#?}");
    let mut wrong = Vec::new();
    for (sent, came) in all.iter().zip(&came) {
        let statuses = statuses(came);
        let refused = statuses.len() <= 1 && statuses.iter().all(|status| *status >= 400);
        let fits = match sent.verdict {
            Verdict::Refuse => refused,
            // A stranger is asked before the body is read; what is behind it is never answered.
            Verdict::Break => statuses.len() <= 1 && !statuses.contains(&200),
            Verdict::Once => statuses.len() <= 2 && !statuses.contains(&200),
        };
        if !fits {
            wrong.push(format!("{}\n  {statuses:?}", shown(sent)));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

// --- what is harmless -----------------------------------------------------------------------------------------------

/// The bytes of each control, for somebody with these cookies.
fn control_bytes(cookies: Option<&str>) -> Vec<Vec<u8>> {
    let cookies = cookies.map_or(String::new(), |cookies| format!("Cookie: {cookies}\r\n"));
    CONTROLS
        .iter()
        .enumerate()
        .map(|(number, (line, fields, body, _))| {
            let line = line.replace("@T", &format!("t{number:03}x"));
            let head = format!(
                "{line}\r\nHost: app.localhost\r\n{cookies}{fields}Connection: close\r\n\r\n"
            );
            [head.as_bytes(), body].concat()
        })
        .collect()
}

/// The numbers of the controls that did not arrive once and unchanged, and why.
fn changed(told: &[Conversation]) -> BTreeMap<usize, String> {
    let mut arrived: BTreeMap<usize, Vec<&Message>> = BTreeMap::new();
    for message in told.iter().flat_map(|one| &one.reading.messages) {
        if let [number] = *tags(&message.target) {
            arrived.entry(number).or_default().push(message);
        }
    }
    let mut changed = BTreeMap::new();
    for (number, control) in CONTROLS.iter().enumerate() {
        let told = match arrived.get(&number).map(Vec::as_slice) {
            Some([one]) => difference(number, control, one),
            others => Some(format!("arrived {} times", others.map_or(0, <[_]>::len))),
        };
        if let Some(told) = told {
            changed.insert(number, told);
        }
    }
    changed
}

fn difference(
    number: usize,
    (line, fields, _, body): &Control,
    arrived: &Message,
) -> Option<String> {
    let line = line.trim_start().replace("@T", &format!("t{number:03}x"));
    let mut words = line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    if arrived.method != method || arrived.target != target {
        return Some(format!("{} {}", arrived.method, arrived.target));
    }
    if arrived.body != *body || !arrived.complete {
        return Some(format!(
            "the body is {:?}",
            arrived.body.escape_ascii().to_string()
        ));
    }
    let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for field in fields.split_terminator("\r\n") {
        let (name, value) = field.split_once(':')?;
        let name = name.to_ascii_lowercase();
        // How the body ends is written anew, and what is waited for ends here.
        if !["content-length", "transfer-encoding", "expect"].contains(&&*name) {
            let value = value.trim_matches([' ', '\t']).bytes().map(char::from);
            wanted.entry(name).or_default().push(value.collect());
        }
    }
    wanted.into_iter().find_map(|(name, values)| {
        let all = arrived.all(&name);
        // RFC 9110 section 5.3: lines of one name are one list.
        (all.join(", ") != values.join(", ")).then(|| format!("{name} is {all:?}"))
    })
}

#[test]
fn r1_r4_r6_what_is_harmless_arrives_unchanged() {
    let tape = Tape::start(Manner::Kept);
    let gate = Setup::new(&tape.url()).start();
    let cookies = gate.signed_in("ann").cookies().unwrap();
    let came = send_all(gate.address, &control_bytes(Some(&cookies)));
    drop(gate);
    let told = tape.finish();
    let changed = changed(&told);
    assert!(changed.is_empty(), "{changed:#?}");
    for (control, came) in CONTROLS.iter().zip(&came) {
        assert_eq!(statuses(came), [200], "{control:?}");
    }
    for one in &told {
        assert!(one.reading.faults.is_empty(), "{:?}", one.reading.faults);
    }
    assert!(CONTROLS.len() >= 60, "{}", CONTROLS.len());
}
