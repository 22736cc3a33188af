//! What goes on for long at an application that gives tokens to scripts: `WebSockets` and event streams end with the grant,
//! whatever ends it; and a token is known for as long as its grant, whatever becomes of the keys.

use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::{self, Receiver, Sender};

use super::relayed::{PLAIN, bearer, nothing, relayed, serve, setup, signed_in, with_token};
use crate::support::app::{App, Recorded};
use crate::support::bare::wait;
use crate::support::browser::{Browser, token as form_token};
use crate::support::gate::Gate;
use crate::support::visitor::Visitor;
use crate::support::wire::read_head;

/// The key and what belongs to it: RFC 6455 section 1.3.
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://app.localhost\r\n";
const SWITCHING: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                           Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello";

const EVENTS: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
                        9\r\ndata: 1\n\n\r\n";

/// Both of them: path, further fields, and what is heard first.
const STREAMS: [(&str, &str, &[u8]); 2] = [
    ("/socket", UPGRADE, b"hello"),
    (
        "/events",
        "Accept: text/event-stream\r\n",
        b"9\r\ndata: 1\n\n\r\n",
    ),
];

/// Its streams go on until the other side leaves, which it tells then.
fn app() -> (App, Receiver<()>) {
    let (told, ended) = mpsc::channel();
    let app = App::scripted(move |request, stream| stream_or(&told, request, stream));
    (app, ended)
}

fn stream_or(told: &Sender<()>, request: &Recorded, stream: &mut BufReader<TcpStream>) -> bool {
    let target = request.head.first.split(' ').nth(1).unwrap();
    let path = target.split('?').next().unwrap();
    let begins: &[u8] = match path {
        "/socket" => SWITCHING,
        "/events" => EVENTS,
        _ => return serve(PLAIN, request, stream),
    };
    stream.get_mut().write_all(begins).unwrap();
    while let Ok(1..) = stream.read(&mut [0; 64]) {}
    told.send(()).unwrap();
    false
}

fn gate(app: &App) -> Gate {
    let site = "[[sites.app.routes]]\npath = \"/bye\"\nrequire = \"login\"\n";
    setup(app, site).site("logout = \"/bye\"").start()
}

/// Opens a stream with this browser's cookies, and hears its beginning.
fn opened(gate: &Gate, browser: &Browser, (path, fields, first): (&str, &str, &[u8])) -> Visitor {
    let mut visitor = Visitor::stranger(gate);
    let cookies = format!("Cookie: {}\r\n", browser.cookies().unwrap());
    visitor.begin(&format!("GET {path}"), &(cookies + fields));
    let head = read_head(&mut visitor.stream).unwrap();
    assert!(
        head.first.contains(" 101 ") || head.first.contains(" 200 "),
        "{}",
        head.raw
    );
    assert_eq!(visitor.bytes(first.len()), first);
    visitor
}

/// The status that somebody gets who is refused.
fn refused(gate: &Gate, browser: Option<&Browser>, path: &str, fields: &str) -> u16 {
    let mut visitor = Visitor::stranger(gate);
    let cookies = browser.and_then(Browser::cookies);
    let cookies = cookies.map_or(String::new(), |cookies| format!("Cookie: {cookies}\r\n"));
    visitor
        .ask(&format!("GET {path}"), &(cookies + fields))
        .status()
}

/// That a stream ends, on both sides, by what is done with the browser; another person's goes on.
fn ends_by(ending: impl Fn(&Gate, &mut Browser)) {
    for stream in STREAMS {
        let (app, ended) = app();
        let gate = gate(&app);
        let mut browser = gate.browser();
        signed_in(&gate, &mut browser, "ann");
        let mut bobs = gate.browser();
        signed_in(&gate, &mut bobs, "bob");
        let (mut hers, mut his) = (
            opened(&gate, &browser, stream),
            opened(&gate, &bobs, stream),
        );
        ending(&gate, &mut browser);
        assert_eq!(hers.rest(), b"", "{}", stream.0);
        wait(&ended);
        his.send("still here");
        assert!(ended.try_recv().is_err(), "it was not his grant");
    }
}

#[test]
fn s5_a_stream_ends_with_the_sign_out() {
    ends_by(|_, browser| {
        let out = "/.countersign/sign-out";
        let form = [("token", &*form_token(&browser.get(out)))];
        browser.post(out, &form);
    });
}

#[test]
fn s5_a_stream_ends_with_the_applications_own_logout() {
    ends_by(|_, browser| {
        assert_eq!(browser.get("/bye").status(), 200);
    });
}

/// G2: the grant was hers, and the browser is another's now.
#[test]
fn a_stream_ends_with_another_persons_login() {
    ends_by(|_, browser| {
        relayed(browser, "bob");
    });
}

#[test]
fn a_stream_ends_with_the_life_of_its_grant() {
    for stream in STREAMS {
        let (app, ended) = app();
        let gate = gate(&app);
        let mut browser = gate.browser();
        signed_in(&gate, &mut browser, "ann");
        let mut hers = opened(&gate, &browser, stream);
        gate.later(12 * 60 * 60);
        assert_eq!(hers.rest(), b"", "{}", stream.0);
        wait(&ended);
    }
}

#[test]
fn r9_a_stream_needs_the_code_whoever_shows_the_token() {
    let (app, _ended) = app();
    let gate = gate(&app);
    let mut waiting = gate.browser();
    let token = relayed(&mut waiting, "bob");
    let mut ann = gate.browser();
    signed_in(&gate, &mut ann, "ann");
    app.forget();
    for (path, fields, _) in STREAMS {
        let shown = format!("{fields}Authorization: {}\r\n", bearer(&token));
        let protocol = format!("{fields}Sec-WebSocket-Protocol: chat, {token}\r\n");
        let query = format!("{path}?token={token}");
        for browser in [Some(&waiting), Some(&ann), None] {
            for (path, fields) in [(path, &*shown), (path, &*protocol), (&*query, fields)] {
                let status = refused(&gate, browser, path, fields);
                assert_eq!(status, 401, "{path} {fields}");
            }
        }
        for browser in [Some(&waiting), None] {
            assert_eq!(refused(&gate, browser, path, fields), 401, "{path}");
        }
    }
    assert!(app.lines().is_empty(), "{:?}", app.lines());
}

/// Writes keys, and the configuration that names them, the first first.
fn rotate(gate: &Gate, keys: &[&str]) {
    let path = gate.file("countersign.toml");
    let text = fs::read_to_string(&path).unwrap();
    let before = text.split("[session]").next().unwrap();
    let mut named = String::new();
    for key in keys {
        let file = gate.file(key);
        fs::write(&file, key.repeat(40)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        named += &format!("\"file:{}\", ", file.display());
    }
    fs::write(&path, format!("{before}[session]\nkeys = [{named}]\n")).unwrap();
}

/// Also where no request had the token while both keys were there but those that it was asked with.
#[test]
fn s10_a_token_is_known_over_a_rotation_of_the_keys() {
    let (app, _ended) = app();
    let mut gate = gate(&app);
    rotate(&gate, &["a"]);
    gate = gate.restart();
    let mut browser = gate.browser();
    let token = signed_in(&gate, &mut browser, "ann");
    let his = signed_in(&gate, &mut gate.browser(), "bob");
    // By the token alone: its cookie would show her, too.
    browser.jar.remove("sid");
    for keys in [&["b", "a"][..], &["b"], &["c", "b"], &["c"]] {
        rotate(&gate, keys);
        gate = gate.restart();
        browser = browser.at(gate.address);
        let answer = with_token(&mut browser, "/flows", &token);
        assert!(
            answer.text().contains("[\"ann\"]"),
            "{keys:?}: {}",
            answer.text()
        );
        let answer = with_token(&mut browser, "/flows", &his);
        assert!(answer.text().contains("[]"), "{keys:?}: {}", answer.text());
    }
    app.forget();
    rotate(&gate, &["d"]);
    gate = gate.restart();
    nothing(
        &app,
        &with_token(&mut browser.at(gate.address), "/flows", &token),
    );
}
