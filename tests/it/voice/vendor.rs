//! Bandwidth, as far as the gateway can tell: its socket, its events, and the connections that it makes to tell them.

use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http2::client::trusting;
use crate::support::app::App;
use crate::support::gate::{Gate, HOST, Setup};
use crate::support::wire::{Answer, connect, read_answer};

const TEXTS: &str = "POST /api/v2/users/9900000/messages HTTP/1.1";
pub const CALLS: &str = "POST /api/v2/accounts/9900000/calls HTTP/1.1";

/// Bandwidth at the socket: it takes every text and every call, and knows what its own requests look like.
pub struct Vendor {
    pub app: App,
    folder: TempDir,
}

/// A call that it was asked to make.
pub struct Call {
    pub order: Value,
    /// The vendor's name for it.
    pub id: String,
}

impl Vendor {
    pub fn new() -> Self {
        let app = App::scripted(|request, stream| {
            // Each request has a connection of its own: its number makes a name.
            let n = request.connection;
            let (status, body) = match &*request.head.first {
                TEXTS => ("202 Accepted", json!({ "id": format!("m-{n}") })),
                CALLS => ("201 Created", json!({ "callId": format!("c-{n}") })),
                _ => ("404 Not Found", json!({})),
            };
            let body = body.to_string();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.get_mut().write_all(answer.as_bytes()).is_ok()
        });
        let folder = tempfile::tempdir().unwrap();
        for (name, secret) in [
            ("vendor.key", "the account's"),
            ("callback.key", "of callbacks"),
        ] {
            let path = folder.path().join(name);
            fs::write(&path, secret).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        Self { app, folder }
    }

    /// A carrier of this vendor for texts and calls, of a gateway that it reaches at `public`.
    pub fn tables(&self, public: &str, more: &str) -> String {
        let (url, folder) = (self.app.url(), self.folder.path().display());
        format!(
            "[carriers.main.bandwidth]\naccount = \"9900000\"\nusername = \"api-user\"\npassword = \"file:{folder}/vendor.key\"\n\
             messaging_application = \"texts\"\nvoice_application = \"calls\"\nfrom = [\"+12025550101\"]\n\
             base_url = \"{url}/api/v2\"\nvoice_base_url = \"{url}/api/v2\"\n{more}\n\
             [delivery]\nsms = [\"main\"]\nvoice = [\"main\"]\npublic_url = \"{public}\"\n\
             [limits]\nsends_per_hour = {{ number = 100, network = 100 }}\nsends_per_day = {{ number = 100 }}\n"
        )
    }

    /// Everything that it was asked for by that request line, the first first, once all that was begun has ended.
    pub fn asked(&self, gate: &Gate, line: &str) -> Vec<(Value, usize)> {
        gate.settle();
        let seen = self.app.seen().into_iter();
        let of = seen.filter(|request| request.head.first == line);
        of.map(|request| {
            let shown = format!("Basic {}", STANDARD.encode("api-user:the account's"));
            assert_eq!(request.head.field("authorization"), Some(shown.as_str()));
            (
                serde_json::from_slice(&request.body).unwrap(),
                request.connection,
            )
        })
        .collect()
    }

    /// The code of the newest text.
    pub fn code(&self, gate: &Gate) -> String {
        let (text, _) = self.asked(gate, TEXTS).pop().expect("a text");
        let text = text["text"].as_str().unwrap();
        text.rsplit(" #").next().unwrap().to_owned()
    }

    /// The newest call.
    pub fn call(&self, gate: &Gate) -> Call {
        let (order, n) = self.asked(gate, CALLS).pop().expect("a call");
        let id = format!("c-{n}");
        Call { order, id }
    }
}

impl Call {
    pub fn text(&self, field: &str) -> &str {
        self.order[field].as_str().expect(field)
    }

    /// Where the vendor asks what to say, and where it tells how it ended.
    pub fn paths(&self, origin: &str) -> [&str; 2] {
        ["answerUrl", "disconnectUrl"].map(|field| self.text(field).strip_prefix(origin).unwrap())
    }

    /// An event of this call, as the vendor's documentation of its voice webhooks shows them.
    pub fn event(&self, kind: &str, cause: Option<&str>) -> Value {
        let mut event = json!({
            "eventType": kind,
            "eventTime": "2026-11-23T08:00:02.000Z",
            "accountId": "9900000",
            "applicationId": self.text("applicationId"),
            "to": self.text("to"),
            "from": self.text("from"),
            "direction": "outbound",
            "callId": self.id,
            "callUrl": format!("https://voice.bandwidth.com/api/v2/accounts/9900000/calls/{}", self.id),
            "startTime": "2026-11-23T08:00:00.000Z",
            "answerTime": "2026-11-23T08:00:02.000Z",
            "tag": self.text("tag"),
        });
        if let Some(cause) = cause {
            event["cause"] = json!(cause);
            event["endTime"] = json!("2026-11-23T08:00:30.000Z");
        }
        event
    }

    /// The same event with another value in one field.
    pub fn spoiled(&self, field: &str, value: &str) -> String {
        let mut event = self.event("answer", None);
        assert_ne!(event[field], json!(value));
        event[field] = json!(value);
        event.to_string()
    }

    /// The line by which the vendor shows the credentials that it was given for this call.
    pub fn login(&self) -> String {
        basic(self.text("username"), self.text("password"))
    }
}

pub fn basic(name: &str, password: &str) -> String {
    format!(
        "Authorization: Basic {}",
        STANDARD.encode(format!("{name}:{password}"))
    )
}

/// How the vendor comes to the gateway: with a connection for each request.
#[derive(Clone, Copy)]
pub enum Door {
    Clear(SocketAddr),
    Tls(SocketAddr),
}

/// A POST as the vendor makes it: no cookies, no Origin.
pub fn told(door: Door, path: &str, lines: &[&str], body: &str) -> Answer {
    request(door, "POST", path, lines, body)
}

pub fn request(door: Door, method: &str, path: &str, lines: &[&str], body: &str) -> Answer {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: BandwidthAPI/2\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n{lines}\r\n{body}",
        body.len()
    );
    let answer = match door {
        Door::Clear(gate) => exchange(connect(gate).into_inner(), method, &head),
        Door::Tls(gate) => exchange(by_tls(gate), method, &head),
    };
    assert!(answer.head.all("set-cookie").is_empty());
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    answer
}

/// The code in a script, of whose text every third is the same.
pub fn said(script: &Answer) -> String {
    assert_eq!(script.status(), 200, "{}", script.text());
    assert_eq!(script.field("content-type"), Some("application/xml"));
    let text = script.text();
    assert!(text.starts_with("<?xml ") && text.ends_with("</Response>"));
    let mut spoken = String::new();
    for part in text.split('<') {
        spoken.push_str(part.split_once('>').map_or("", |(_, text)| text));
    }
    assert!(
        spoken.contains("Hello, this is Example Portal."),
        "{spoken}"
    );
    let (_, times) = spoken.split_once("Your code is ").unwrap();
    let times: Vec<String> = times
        .split("Again: ")
        .map(|time| {
            let digits = time.chars().filter(char::is_ascii_digit);
            digits.take(6).collect()
        })
        .collect();
    assert_eq!(times, [&times[0][..]; 3], "three times: {spoken}");
    assert_eq!(times[0].len(), 6, "{spoken}");
    times[0].clone()
}

/// The site `https://app.localhost` whose login is captured.
pub fn https(upstream: &str, vendor: &Vendor, folder: &TempDir) -> Gate {
    let names = ["app.localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (chain, key) = (at("cert.pem"), at("key.pem"));
    fs::write(&chain, cert.pem()).unwrap();
    fs::write(&key, signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let callbacks = format!(
        "callback_username = \"receipts\"\ncallback_password = \"file:{}/callback.key\"",
        vendor.folder.path().display()
    );
    Setup::new(upstream)
        .site("url = \"https://app.localhost\"")
        .raw_routes(
            "[[sites.app.routes]]\npath = \"/login\"\ncapture = \"form\"\n\
             [sites.app.captures.form]\nscope = \"login\"\nusername = \"username\"\npassword = \"password\"\n\
             auth_cookies = [\"sid\"]\n",
        )
        .with(&format!(
            "[listen]\nhttps = [\"127.0.0.1:0\"]\ncert = \"{chain}\"\nkey = \"file:{key}\""
        ))
        .with(&vendor.tables("https://app.localhost", &callbacks))
        .start()
}

fn exchange(stream: impl Read + Write, method: &str, request: &str) -> Answer {
    let mut stream = BufReader::new(stream);
    stream.get_mut().write_all(request.as_bytes()).unwrap();
    stream.get_mut().flush().unwrap();
    read_answer(&mut stream, method == "HEAD").unwrap()
}

fn by_tls(gate: SocketAddr) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from(HOST).unwrap();
    let session = ClientConnection::new(Arc::new(trusting(&["http/1.1"])), name).unwrap();
    StreamOwned::new(session, connect(gate).into_inner())
}
