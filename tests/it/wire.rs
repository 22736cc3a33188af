//! Raw bytes in, raw bytes out: what two readers could read differently never reaches the application, neither from
//! a stranger nor from somebody with a grant, and nothing behind it is taken for a request.

mod malformed;

use std::io::{ErrorKind, Read, Write};

use self::malformed::{BODIES, Fate, HEADS, ODD, long};
use crate::support::gate::{Gate, Setup};
use crate::support::recorder::{Arrived, Recorder};
use crate::support::wire::connect;

/// What stands in a row for the host and the cookies.
const HOST: &[u8] = b"@H";
/// What stands in a row for its own name.
const TAG: &[u8] = b"@T";

struct Row {
    name: String,
    tag: String,
    bytes: Vec<u8>,
    fate: Fate,
}

/// All rows, with a second request behind each of them.
fn rows(cookies: Option<&str>) -> Vec<Row> {
    let heads = HEADS
        .iter()
        .map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec(), Fate::Refused));
    let bodies = BODIES
        .iter()
        .map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec(), Fate::BrokenOff));
    let odd = ODD
        .iter()
        .map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec(), Fate::Alone));
    let long = long()
        .into_iter()
        .map(|(name, bytes)| (name.to_owned(), bytes, Fate::Refused));
    let host = cookies.map_or_else(
        || "Host: app.localhost\r\n".to_owned(),
        |cookies| format!("Host: app.localhost\r\nCookie: {cookies}\r\n"),
    );
    heads
        .chain(bodies)
        .chain(odd)
        .chain(long)
        .enumerate()
        .map(|(number, (name, bytes, fate))| {
            let tag = format!("t{number:03}x");
            let all = [&bytes, &b"GET /after-@T HTTP/1.1\r\n@H\r\n"[..]].concat();
            let bytes = replace(&replace(&all, HOST, host.as_bytes()), TAG, tag.as_bytes());
            Row {
                name,
                tag,
                bytes,
                fate,
            }
        })
        .collect()
}

fn replace(bytes: &[u8], mark: &[u8], text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(mark.len()).position(|window| window == mark) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(text);
        rest = &rest[at + mark.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// Sends bytes and reads until the connection ends, however it does. Gives everything that came.
fn sent(gate: &Gate, bytes: &[u8]) -> String {
    let mut stream = connect(gate.address);
    // It may be closed before the last byte is out.
    drop(stream.get_mut().write_all(bytes));
    let mut came = Vec::new();
    if let Err(error) = stream.read_to_end(&mut came) {
        assert!(
            !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            "the connection stays open after {:?} was answered with {:?}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(400)]),
            String::from_utf8_lossy(&came)
        );
    }
    String::from_utf8_lossy(&came).into_owned()
}

/// The statuses of the answers in what came.
fn statuses(came: &str) -> Vec<u16> {
    came.match_indices("HTTP/1.")
        .map(|(at, _)| came[at + 9..at + 12].parse().unwrap())
        .collect()
}

#[test]
fn r3_r6_r7_r8_r11_nothing_malformed_of_a_stranger_arrives() {
    let recorder = Recorder::new();
    let gate = Setup::new(&recorder.url()).start();
    let mut wrong = Vec::new();
    for row in rows(None) {
        let came = sent(&gate, &row.bytes);
        let statuses = statuses(&came);
        let refused =
            |status: &u16| *status >= 400 || (row.fate != Fate::Refused && *status == 303);
        if statuses.len() > 1 || !statuses.iter().all(refused) {
            wrong.push(format!("{} was answered {statuses:?}", row.name));
        }
    }
    drop(gate);
    let arrived = recorder.finish();
    assert!(arrived.is_empty(), "{arrived:#?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn r3_r6_r7_r8_r11_nothing_malformed_arrives_with_a_grant_either() {
    let recorder = Recorder::new();
    let gate = Setup::new(&recorder.url()).start();
    let cookies = gate.signed_in("ann").cookies().unwrap();
    let rows = rows(Some(&cookies));
    let mut wrong = Vec::new();
    for row in &rows {
        let came = sent(&gate, &row.bytes);
        let statuses = statuses(&came);
        let fits = match row.fate {
            Fate::Refused | Fate::BrokenOff => statuses.iter().all(|status| *status >= 400),
            Fate::Alone => true,
        };
        if statuses.len() > 1 || !fits {
            wrong.push(format!("{} was answered {statuses:?}", row.name));
        }
    }
    drop(gate);
    let arrived = recorder.finish();
    for Arrived { bytes, complete } in &arrived {
        let text = String::from_utf8_lossy(bytes);
        let line = text.lines().next().unwrap_or_default();
        let row = rows.iter().find(|row| text.contains(&row.tag));
        let Some(row) = row.filter(|_| !line.contains("after") && !line.contains("smuggled"))
        else {
            wrong.push(format!("a request that nobody made arrived: {text}"));
            continue;
        };
        match row.fate {
            Fate::Refused => wrong.push(format!("{} arrived: {text}", row.name)),
            Fate::BrokenOff if *complete => {
                wrong.push(format!("{} arrived as if whole: {text}", row.name));
            }
            Fate::BrokenOff | Fate::Alone => {}
        }
    }
    for row in rows.iter().filter(|row| row.fate == Fate::Alone) {
        let times = arrived
            .iter()
            .filter(|one| String::from_utf8_lossy(&one.bytes).contains(&row.tag))
            .count();
        if times > 1 {
            wrong.push(format!("{} arrived {times} times", row.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(rows.len() > 120, "{}", rows.len());
}

/// Targets that look odd and are nobody's business (R4), and the few forms that say the same in another way.
const HARMLESS: [(&str, &str); 49] = [
    ("/", "/"),
    ("/plain", "/plain"),
    ("/a%2Fb", "/a%2Fb"),
    ("/a%2fb", "/a%2fb"),
    ("/caf%E9", "/caf%E9"),
    ("/caf%C3%A9", "/caf%C3%A9"),
    ("//a", "//a"),
    ("//a//b//", "//a//b//"),
    ("/a;v=1/b;w", "/a;v=1/b;w"),
    ("/;", "/;"),
    ("/.../a", "/.../a"),
    ("/a/./b", "/a/./b"),
    ("/a/../b", "/a/../b"),
    ("/..", "/.."),
    ("/a/%2e%2e/b", "/a/%2e%2e/b"),
    ("/A/b/C", "/A/b/C"),
    ("/%41", "/%41"),
    ("/~user", "/~user"),
    ("/%7Euser", "/%7Euser"),
    ("/a+b%20c", "/a+b%20c"),
    ("/a%25b", "/a%25b"),
    ("/a%252Fb", "/a%252Fb"),
    ("/!$&'()*,-._:@=", "/!$&'()*,-._:@="),
    ("/a|b^c", "/a|b^c"),
    ("/{a}", "/{a}"),
    ("/\"a\"", "/\"a\""),
    ("/[a]", "/[a]"),
    ("/a\\b", "/a\\b"),
    ("/a%5Cb", "/a%5Cb"),
    ("/a:80", "/a:80"),
    ("/user@host", "/user@host"),
    ("/a.json", "/a.json"),
    ("/a.", "/a."),
    ("/a%20", "/a%20"),
    ("/a%0A", "/a%0A"),
    ("/index.php/x", "/index.php/x"),
    ("/?", "/?"),
    ("/a?", "/a?"),
    ("/a??", "/a??"),
    ("/a?b", "/a?b"),
    ("/a?b=c&b=d&=&&", "/a?b=c&b=d&=&&"),
    ("/a?b=/../c//d", "/a?b=/../c//d"),
    ("/a?b=%2F%E9%20+", "/a?b=%2F%E9%20+"),
    ("/a?u=http://x/", "/a?u=http://x/"),
    ("/a?b[]=1&b[c]=2", "/a?b[]=1&b[c]=2"),
    // hyper cuts a fragment off before anybody sees it: what is judged is what is sent (design section 2).
    ("/a#b", "/a"),
    ("http://app.localhost/a?b", "/a?b"),
    ("http://APP.localhost/A", "/A"),
    ("http://app.localhost", "/"),
];

#[test]
fn r1_r4_what_is_harmless_passes_byte_for_byte() {
    let recorder = Recorder::new();
    let gate = Setup::new(&recorder.url()).start();
    let cookies = gate.signed_in("ann").cookies().unwrap();
    for (target, _) in HARMLESS {
        let host = if target.contains("APP") {
            "APP.localhost"
        } else {
            "app.localhost"
        };
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: {cookies}\r\n\r\n"
        );
        assert_eq!(
            statuses(&sent(&gate, request.as_bytes())),
            [200],
            "{target}"
        );
    }
    drop(gate);
    let mut lines: Vec<String> = recorder
        .finish()
        .iter()
        .map(|one| {
            String::from_utf8_lossy(&one.bytes)
                .lines()
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
    let mut wanted: Vec<String> = HARMLESS
        .iter()
        .map(|(_, target)| format!("GET {target} HTTP/1.1"))
        .collect();
    lines.sort();
    wanted.sort();
    assert_eq!(lines, wanted);
}

/// Empty lines before a request, a blank value, a lone LF: strange, but every reader takes them in one way.
#[test]
fn r6_what_is_only_strange_goes_up_in_order() {
    let recorder = Recorder::new();
    let gate = Setup::new(&recorder.url()).start();
    let cookies = gate.signed_in("ann").cookies().unwrap();
    for (request, line) in [
        ("\r\n\r\nGET /1 HTTP/1.1\r\n@H\r\n", "GET /1"),
        ("GET /2 HTTP/1.1\r\n@HX:    a   \r\n\r\n", "GET /2"),
        (
            "POST /3 HTTP/1.1\r\n@HContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
            "POST /3",
        ),
        (
            "POST /4 HTTP/1.1\r\n@HContent-Length: 0003\r\n\r\nabc",
            "POST /4",
        ),
        (
            "POST /5 HTTP/1.1\r\n@HtRANSFER-eNCODING: ChUnKeD\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "POST /5",
        ),
    ] {
        let host = format!("Host: app.localhost\r\nConnection: close\r\nCookie: {cookies}\r\n");
        let came = sent(&gate, request.replace("@H", &host).as_bytes());
        assert_eq!(statuses(&came), [200], "{line}");
    }
    drop(gate);
    let arrived = recorder.finish();
    assert_eq!(arrived.len(), 5);
    for Arrived { bytes, complete } in arrived {
        let text = String::from_utf8(bytes).unwrap();
        assert!(complete, "{text}");
        let framing = text.to_ascii_lowercase();
        assert!(
            framing.matches("content-length:").count()
                + framing.matches("transfer-encoding:").count()
                <= 1,
            "{text}"
        );
    }
}

/// Up to 64 KiB of it is taken in, and the connection goes on; what is longer ends it.
#[test]
fn r7_a_refused_body_of_more_than_64_kib_ends_its_connection() {
    let recorder = Recorder::new();
    let gate = Setup::new(&recorder.url())
        .routes(&[("/no", "deny")])
        .start();
    let next = "OPTIONS /no HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\n\r\n";
    for (length, answers) in [(64 * 1024, 2), (64 * 1024 + 1, 1)] {
        let body = "x".repeat(length);
        let request = format!(
            "POST /no HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: {length}\r\n\r\n{body}{next}"
        );
        let came = sent(&gate, request.as_bytes());
        assert_eq!(statuses(&came), vec![403; answers], "{length}");
    }
    drop(gate);
    assert!(recorder.finish().is_empty());
}

/// The body of somebody who must first type a code may look like a request; it is none.
#[test]
fn r7_the_body_of_a_challenged_request_is_no_request() {
    let recorder = Recorder::new();
    let gate = Setup::new(&recorder.url())
        .routes(&[("/open", "public-full"), ("/no", "deny")])
        .start();
    let smuggled = "GET /open?smuggled HTTP/1.1\r\nHost: app.localhost\r\n\r\n";
    let chunked = format!("{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
    let length = smuggled.len();
    for line in [
        "POST /private",
        "GET /private",
        "POST /no",
        "OPTIONS /private",
        "POST /.countersign/nothing",
        "PUT /.countersign/ask/login",
    ] {
        for (framing, body) in [
            (format!("Content-Length: {length}\r\n"), smuggled),
            (
                format!("Content-Length: {length}\r\nExpect: 100-continue\r\n"),
                smuggled,
            ),
            (
                format!("Content-Length: {}\r\n", length + 1_000_000),
                smuggled,
            ),
            ("Transfer-Encoding: chunked\r\n".to_owned(), &chunked),
        ] {
            let request = format!(
                "{line} HTTP/1.1\r\nHost: app.localhost\r\n{framing}\r\n{body}GET /open?after HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\n\r\n"
            );
            let came = sent(&gate, request.as_bytes());
            let statuses = statuses(&came);
            assert!(
                statuses[0] != 200 && statuses.len() <= 2,
                "{line} {framing}: {statuses:?}"
            );
        }
    }
    drop(gate);
    for arrived in recorder.finish() {
        let text = String::from_utf8_lossy(&arrived.bytes).into_owned();
        assert!(text.starts_with("GET /open?after HTTP/1.1\r\n"), "{text}");
    }
}
