//! Any bytes: whatever hyper takes and the check passes is written as requests that the strict reader takes without a fault.

use std::env;

use super::case::{self, Verdict};
use super::table::write;
use super::{control_bytes, send_all};
use crate::support::gate::Setup;
use crate::tape::{Manner, Tape};

/// So many, unless `FRAMING_CASES` says otherwise.
const CASES: usize = 3_000;

/// Unless `FRAMING_SEED` says otherwise.
const SEED: u64 = 1;

/// As few as may arrive, in a hundred: what is refused proves nothing here.
const ARRIVING: usize = 20;

/// What requests are bent with.
const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"\0",
    b"\x0b",
    b"\x7f",
    b"\xff",
    b"_",
    b"~",
    b"#",
    b"%0d%0a",
    b"\r\n ",
    b"0",
    b"5",
    b"5\r\nabcde\r\n",
    b"5;a=b\r\nabcde\r\n",
    b"0\r\n\r\n",
    b"chunked",
    b" HTTP/1.1",
    b"HTTP/1.0",
    b"http://app.localhost",
    b"Host: app.localhost\r\n",
    b"X-Host: a\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: 5\r\n",
    b"Content_Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer.Encoding: chunked\r\n",
    b"Connection: keep-alive\r\n",
    b"Connection: X-A, close\r\n",
    b"Upgrade: h2c\r\n",
    b"Expect: 100-continue\r\n",
    b"TE: trailers\r\n",
    b"Trailer: X-A\r\n",
    b"Proxy-Authorization: a\r\n",
    b"X-Forwarded-For: 6.6.6.6\r\n",
    b"X_Real.IP: 6.6.6.6\r\n",
    b"Remote~User: root\r\n",
    b"X-A: a\r\n",
    b"\xe9: a\r\n",
    b"GET /inner HTTP/1.1\r\n",
];

#[test]
fn r1_r6_r8_r10_any_bytes_that_pass_are_written_as_one_request_each() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse().unwrap());
    let cases = number("FRAMING_CASES").map_or(CASES, |cases: u64| usize::try_from(cases).unwrap());
    let seed = number("FRAMING_SEED").unwrap_or(SEED);
    let tape = Tape::start(Manner::Kept);
    let host = tape.address.to_string();
    let gate = Setup::new(&tape.url()).start();
    let cookies = gate.signed_in("ann").cookies().unwrap();
    let mut dice = Dice(seed);
    let all = bent(&cookies, cases, &mut dice);
    send_all(gate.address, &all);
    drop(gate);
    let told = tape.finish();
    let mut arrived = 0;
    for one in &told {
        let shown = one.bytes.escape_ascii();
        assert!(
            one.reading.faults.is_empty(),
            "{:?} in {shown}",
            one.reading.faults
        );
        for message in &one.reading.messages {
            arrived += 1;
            assert_eq!(message.all("host"), [host.as_str()], "{shown}");
            assert_eq!(message.all("x-forwarded-for"), ["127.0.0.1"], "{shown}");
            assert_eq!(message.all("x-real-ip"), ["127.0.0.1"], "{shown}");
        }
    }
    assert!(
        arrived * 100 > cases * ARRIVING,
        "only {arrived} arrived of {cases}"
    );
    let told = format!(
        "{cases} cases by seed {seed}: {arrived} requests arrived
"
    );
    write("framing-any.txt", &told);
}

/// Requests that pass and requests that do not, each bent in up to three places.
fn bent(cookies: &str, cases: usize, dice: &mut Dice) -> Vec<Vec<u8>> {
    let harmless = control_bytes(Some(cookies));
    let (passing, refused): (Vec<_>, Vec<_>) = case::all(Some(cookies))
        .into_iter()
        .filter(|sent| sent.bytes.len() < 4_096)
        .partition(|sent| sent.verdict == Verdict::Once);
    (0..cases)
        .map(|_| {
            let mut bytes = match dice.below(10) {
                0..=5 => harmless[dice.below(harmless.len())].clone(),
                6..=8 => passing[dice.below(passing.len())].bytes.clone(),
                _ => refused[dice.below(refused.len())].bytes.clone(),
            };
            for _ in 0..=dice.below(3) {
                bend(&mut bytes, dice);
            }
            bytes
        })
        .collect()
}

fn bend(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let lines: Vec<usize> = (1..bytes.len())
        .filter(|at| bytes[at - 1] == b'\n')
        .collect();
    let at = dice.below(bytes.len());
    let line = lines
        .get(dice.below(lines.len().max(1)))
        .copied()
        .unwrap_or(0);
    let word = WORDS[dice.below(WORDS.len())];
    match dice.below(6) {
        0 => drop(bytes.splice(at..at, word.iter().copied())),
        // Most words are lines.
        1 | 2 => drop(bytes.splice(line..line, word.iter().copied())),
        3 => {
            let end = bytes.len().min(at + 1 + dice.below(4));
            drop(bytes.splice(at..end, word.iter().copied()));
        }
        4 => bytes[at] = u8::try_from(dice.below(256)).unwrap(),
        _ => {
            let end = lines
                .iter()
                .copied()
                .find(|end| *end > line)
                .unwrap_or(bytes.len());
            let copy = bytes[line..end].to_vec();
            drop(bytes.splice(line..line, copy));
        }
    }
}

/// The same throws for the same seed (`SplitMix64`).
struct Dice(u64);

impl Dice {
    /// Less than `end`, which is at least 1.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut thrown = self.0;
        thrown = (thrown ^ (thrown >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        thrown = (thrown ^ (thrown >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        thrown ^= thrown >> 31;
        usize::try_from(thrown % u64::try_from(end).unwrap()).unwrap()
    }
}
