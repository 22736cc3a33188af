//! HTTP/2 over TLS in front of an application that speaks HTTP/1.1.

pub mod client;
mod frames;
mod heads;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::sync::mpsc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::runtime::Builder;

use self::client::{Client, Http1, Pieces};
use self::frames::{BROKEN, MALFORMED, Outcome, Raw};
use crate::support::app::App;
use crate::support::bare::{Bare, wait};
use crate::support::gate::{Gate, Setup};
use crate::support::recorder::Recorder;
use crate::support::wire::{read_body, read_head};

/// The site `https://app.localhost`, and the folder of its certificate.
pub(super) fn https(upstream: &str) -> (Gate, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["app.localhost".to_owned()]).unwrap();
    let (chain, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    fs::write(&chain, cert.pem()).unwrap();
    fs::write(&key, signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let gate = Setup::new(upstream)
        .site("url = \"https://app.localhost\"")
        .with(&format!(
            "[listen]\nhttps = [\"127.0.0.1:0\"]\ncert = \"{}\"\nkey = \"file:{}\"",
            chain.display(),
            key.display()
        ))
        .start();
    (gate, folder)
}

pub(super) fn run<T>(story: impl Future<Output = T>) -> T {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(story)
}

#[test]
fn the_whole_way_through_the_gate_over_http_2() {
    let app = App::new();
    let (gate, _folder) = https(&app.url());
    run(async {
        let mut client = Client::new(gate.address).await;
        client.pass_ask("/private?x=1", "ann", &gate.messages).await;
        assert!(
            app.seen().is_empty(),
            "nothing reaches the application before the code"
        );
        assert!(
            client
                .jar
                .jar
                .keys()
                .all(|name| name.starts_with("__Host-")),
            "{:?}",
            client.jar.jar
        );
        let page = client.get("/private?x=1").await;
        assert_eq!(
            (page.status(), page.text().as_str()),
            (200, "app saw GET /private?x=1 HTTP/1.1")
        );
    });
    let head = app.last().head;
    assert_eq!(head.field("host"), Some(app.address.to_string().as_str()));
    assert_eq!(head.field("x-forwarded-proto"), Some("https"));
    assert_eq!(head.field("x-forwarded-host"), Some("app.localhost"));
    assert_eq!(head.field("cookie"), None);
}

#[test]
fn r11_cookies_in_several_fields_are_one_to_the_application() {
    let app = App::new();
    let (gate, _folder) = https(&app.url());
    run(async {
        let mut client = Client::new(gate.address).await;
        client.pass_ask("/", "ann", &gate.messages).await;
        let own = client.jar.jar.clone();
        let mut fields: Vec<(String, String)> = own
            .iter()
            .map(|(name, value)| ("cookie".to_owned(), format!("{name}={value}")))
            .collect();
        for (at, theirs) in [(0, "a=1|2"), (1, "b=\"x y\"; c="), (3, "a=again")] {
            fields.insert(at, ("cookie".to_owned(), theirs.to_owned()));
        }
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        client.jar.jar.clear();
        assert_eq!(client.send("GET", "/", &fields, b"").await.status(), 200);
    });
    assert_eq!(
        app.last().head.all("cookie"),
        ["a=1|2; b=\"x y\"; c=; a=again"]
    );
}

#[test]
fn http_1_1_over_tls_is_chosen_by_alpn() {
    let app = App::new();
    let (gate, _folder) = https(&app.url());
    run(async {
        let mut client = Client::new(gate.address).await;
        client.pass_ask("/", "ann", &gate.messages).await;
        for alpn in [Some("http/1.1"), None] {
            let mut http1 = Http1::new(gate.address, alpn).await;
            let answer = http1.get("/old", &client.jar.cookies().unwrap()).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            assert!(answer.ends_with("app saw GET /old HTTP/1.1"), "{answer}");
        }
    });
}

#[test]
fn bodies_stream_both_ways_over_http_2() {
    let app = Bare::new(|_, mut stream| {
        let head = read_head(&mut stream).unwrap();
        assert_eq!(
            head.field("transfer-encoding"),
            Some("chunked"),
            "{}",
            head.raw
        );
        let mut chunk = [0; 10];
        stream.read_exact(&mut chunk).unwrap();
        assert_eq!(&chunk, b"5\r\nfirst\r\n");
        stream
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n")
            .unwrap();
        let mut rest = [0; 16];
        stream.read_exact(&mut rest).unwrap();
        assert_eq!(&rest, b"6\r\nsecond\r\n0\r\n\r\n", "without the trailers");
        stream
            .get_mut()
            .write_all(b"4\r\nlate\r\n0\r\nX-Trailer: 1\r\n\r\n")
            .unwrap();
    });
    let (gate, _folder) = https(&app.url());
    run(async {
        let mut client = Client::new(gate.address).await;
        client.pass_ask("/", "ann", &gate.messages).await;
        let (sender, body) = Pieces::new();
        sender
            .send(Frame::data(Bytes::from_static(b"first")))
            .unwrap();
        let mut answer = client
            .begin("POST", "/upload", &[("te", "trailers")], body)
            .await;
        assert_eq!(answer.status(), 200);
        assert_eq!(
            client::next(&mut answer).await.unwrap(),
            "early",
            "before the rest was sent"
        );
        sender
            .send(Frame::data(Bytes::from_static(b"second")))
            .unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-remote-user", HeaderValue::from_static("root"));
        sender.send(Frame::trailers(trailers)).unwrap();
        drop(sender);
        assert_eq!(client::next(&mut answer).await.unwrap(), "late");
        assert_eq!(
            client::next(&mut answer).await,
            None,
            "nothing behind the data"
        );
    });
}

#[test]
fn many_requests_of_one_connection_run_side_by_side() {
    let (go, gone) = mpsc::channel();
    let gone = Mutex::new(gone);
    let app = Bare::new(move |_, mut stream| {
        while let Some(head) = read_head(&mut stream) {
            read_body(&head, &mut stream, false);
            if head.first.contains("/slow") {
                wait(&gone.lock().unwrap());
            }
            stream
                .get_mut()
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .unwrap();
        }
    });
    let (gate, _folder) = https(&app.url());
    run(async {
        let mut client = Client::new(gate.address).await;
        client.pass_ask("/", "ann", &gate.messages).await;
        let slow = client.request("GET", "/slow", &[], Pieces::new().1);
        let slow = tokio::spawn(slow);
        for _ in 0..20 {
            assert_eq!(client.get("/quick").await.text(), "ok");
        }
        go.send(()).unwrap();
        assert_eq!(slow.await.unwrap().status(), 200);
    });
}

#[test]
fn r3_an_authority_of_nobody_gets_421() {
    let app = App::new();
    let (gate, _folder) = https(&app.url());
    run(async {
        let client = Client::new(gate.address).await;
        for authority in [
            "evil.example",
            "app.localhost:8443",
            "app.localhost.evil.example",
        ] {
            let answer = client
                .request_at(authority, "GET", "/", &[], Pieces::empty())
                .await;
            assert_eq!(answer.status(), 421, "{authority}");
        }
        let answer = client
            .request_at("app.localhost:443", "GET", "/", &[], Pieces::empty())
            .await;
        assert_eq!(
            answer.status(),
            303,
            "the scheme's own port may be written out"
        );
    });
    assert!(app.seen().is_empty());
}

#[test]
fn an_answer_that_breaks_off_is_reset_and_not_ended() {
    let app = Bare::new(|_, mut stream| {
        read_head(&mut stream).unwrap();
        stream
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
            .unwrap();
    });
    let (gate, _folder) = https(&app.url());
    run(async {
        let mut client = Client::new(gate.address).await;
        client.pass_ask("/", "ann", &gate.messages).await;
        let mut answer = client.begin("GET", "/", &[], Pieces::empty()).await;
        let mut pieces = Vec::new();
        let broke = loop {
            match http_body_util::BodyExt::frame(answer.body_mut()).await {
                Some(Ok(frame)) => pieces.push(frame),
                Some(Err(_)) => break true,
                None => break false,
            }
        };
        assert!(broke, "{pieces:?}");
    });
}

#[test]
fn r11_what_http_1_could_not_say_is_refused() {
    let recorder = Recorder::new();
    let (gate, _folder) = https(&recorder.url());
    let cookies = run(async {
        let mut client = Client::new(gate.address).await;
        client.pass_ask("/", "ann", &gate.messages).await;
        client.jar.cookies().unwrap()
    });
    let mut wrong = Vec::new();
    for cookies in [None, Some(cookies.as_str())] {
        for (name, fields) in MALFORMED {
            let outcome = Raw::new(gate.address).ask(fields, cookies, b"");
            if outcome != Outcome::Refused {
                wrong.push(format!("{name}: {outcome:?}"));
            }
        }
        for (name, fields, body) in BROKEN {
            let outcome = Raw::new(gate.address).ask(fields, cookies, body);
            if outcome == Outcome::Ok {
                wrong.push(format!("{name}: {outcome:?}"));
            }
        }
    }
    let good: &[(&str, &str)] = &[
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "app.localhost"),
        (":path", "/good"),
        ("host", "app.localhost"),
        ("te", "trailers"),
    ];
    for (cookies, outcome) in [
        (None, Outcome::Challenged),
        (Some(cookies.as_str()), Outcome::Ok),
    ] {
        let sound = Raw::new(gate.address).ask(good, cookies, b"");
        assert_eq!(sound, outcome, "the frames themselves are sound");
    }
    drop(gate);
    for arrived in recorder.finish() {
        let text = String::from_utf8_lossy(&arrived.bytes).into_owned();
        let broken = !arrived.complete && text.contains(" /broken");
        if !text.starts_with("GET /good HTTP/1.1\r\n") && !broken {
            wrong.push(text);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
