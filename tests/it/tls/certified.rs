//! Sites whose visitors have to show a certificate, beside one whose visitors have none.

use std::fs;
use std::process::Command;

use tokio::runtime::Builder;

use super::visitor::{Authority, Visitor};
use crate::http2::client::{Client, Pieces};
use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::gate::{Gate, Setup};

const OPEN: &str = "app.localhost";
const STRICT: &str = "strict.localhost";

/// `https://app.localhost` without and `https://strict.localhost` with certificates of `people`; both names, `third.localhost`
/// and the address stand in the gateway's own.
fn gate(app: &App, own: &Authority, people: &Authority) -> Gate {
    let names = [OPEN, STRICT, "third.localhost", "127.0.0.1"];
    own.write("app", &names, 2040);
    Setup::new(&app.url())
        .site("url = \"https://app.localhost\"")
        .routes(&[("/open", "public")])
        .with(&format!(
            "[listen]\nhttps = [\"127.0.0.1:0\"]\nhttp = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.1/32\"]\n{}\n\
             [sites.strict]\nurl = \"https://strict.localhost\"\nupstream = \"{}\"\nsupport = \"Help desk\"\n\
             directory = \"people\"\nscopes = [\"login\"]\nclient_ca = \"{}\"\n\
             [[sites.strict.routes]]\npath = \"/open\"\nrequire = \"public\"",
            own.listed("app"),
            app.url(),
            people.write_own().display(),
        ))
        .start()
}

/// What a visitor gets who shakes hands for `name` and asks for `host`; nothing, where the connection ends instead.
fn got(gate: &Gate, visitor: &Visitor, name: &str, host: &str) -> Option<u16> {
    // With TLS 1.3 a client has shaken hands before the other side has seen its certificate.
    let mut line = visitor.connect(gate.address, name).ok()?;
    line.ask("GET /open", host).map(|answer| answer.status())
}

#[test]
fn nobody_gets_to_the_site_without_a_certificate_of_its_authority() {
    let (app, own, people, others) = (
        App::new(),
        Authority::new(),
        Authority::new(),
        Authority::new(),
    );
    let gate = gate(&app, &own, &people);
    for visitor in [own.visitor(), own.visitor_of(&others), own.visitor_of(&own)] {
        assert_eq!(got(&gate, &visitor, STRICT, STRICT), None);
    }
    app.quiet();
    let ann = own.visitor_of(&people);
    assert_eq!(got(&gate, &ann, STRICT, STRICT), Some(200));
    // The certificate stands beside the code, and not for it.
    let mut line = ann.connect(gate.address, STRICT).unwrap();
    assert_eq!(line.ask("GET /private", STRICT).unwrap().status(), 303);
    assert!(!ann.connect(gate.address, STRICT).unwrap().resumed());
    // Who is not asked for one may have it all the same.
    assert_eq!(got(&gate, &ann, OPEN, OPEN), Some(200));
    assert_eq!(got(&gate, &own.visitor(), OPEN, OPEN), Some(200));
}

/// RFC 9110 section 15.5.20: what was agreed for one host is not good for another.
#[test]
fn r3_a_connection_for_another_host_is_misdirected() {
    let (app, own, people) = (App::new(), Authority::new(), Authority::new());
    let gate = gate(&app, &own, &people);
    let (ann, stranger) = (own.visitor_of(&people), own.visitor());
    for (visitor, name, host, status) in [
        (&stranger, OPEN, STRICT, 421),
        (&stranger, OPEN, "STRICT.localhost:443", 421),
        (&ann, OPEN, STRICT, 421),
        // A name that no site has, and none at all: an address is not told in a handshake.
        (&stranger, "third.localhost", STRICT, 421),
        (&stranger, "127.0.0.1", STRICT, 421),
        (&ann, STRICT, OPEN, 421),
    ] {
        assert_eq!(
            got(&gate, visitor, name, host),
            Some(status),
            "{name}, {host}"
        );
    }
    let strict = format!("GET http://{STRICT}/open");
    let mut line = stranger.connect(gate.address, OPEN).unwrap();
    assert_eq!(line.ask(&strict, STRICT).unwrap().status(), 421);
    app.quiet();
    for (name, host) in [("third.localhost", OPEN), ("127.0.0.1", OPEN)] {
        assert_eq!(got(&gate, &stranger, name, host), Some(200), "{name}");
    }
    // A kept connection is judged at each request.
    let mut line = stranger.connect(gate.address, OPEN).unwrap();
    assert_eq!(line.ask("GET /open", OPEN).unwrap().status(), 200);
    assert_eq!(line.ask("GET /open", STRICT).unwrap().status(), 421);
    assert!(line.ask("GET /open", OPEN).is_none(), "it ends");
}

#[test]
fn r3_so_is_a_stream_of_http_2_and_what_a_proxy_says_of_https() {
    let (app, own, people) = (App::new(), Authority::new(), Authority::new());
    let gate = gate(&app, &own, &people);
    let story = async {
        let client = Client::new(gate.address).await;
        let ask = |host| client.request_at(host, "GET", "/open", &[], Pieces::empty());
        assert_eq!(ask(STRICT).await.status(), 421);
        assert_eq!(ask(OPEN).await.status(), 200, "the connection goes on");
    };
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(story);
    app.forget();
    let mut addresses = gate.running().addresses().iter();
    let clear = addresses.find(|address| !address.tls).unwrap().socket;
    let forwarded = |host| {
        let mut proxy = Browser::new(clear, host);
        let fields = [
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", "192.0.2.7"),
        ];
        proxy.send("GET", "/open", &fields, b"").status()
    };
    assert_eq!(forwarded(STRICT), 421);
    assert!(app.seen().is_empty());
    assert_eq!(forwarded(OPEN), 200);
}

#[test]
fn a_changed_authority_holds_from_the_next_handshake_on() {
    let (app, own, first, second) = (
        App::new(),
        Authority::new(),
        Authority::new(),
        Authority::new(),
    );
    let gate = gate(&app, &own, &first);
    let (ann, bob) = (own.visitor_of(&first), own.visitor_of(&second));
    let mut open = ann.connect(gate.address, STRICT).unwrap();
    assert_eq!(open.ask("GET /open", STRICT).unwrap().status(), 200);
    assert_eq!(got(&gate, &bob, STRICT, STRICT), None);

    let file = first.write_own();
    for bad in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA"] {
        fs::write(&file, bad).unwrap();
        gate.running().look_at_certificates();
        gate.running().look_at_certificates();
        assert_eq!(got(&gate, &ann, STRICT, STRICT), Some(200), "{bad:?}");
        assert_eq!(got(&gate, &own.visitor(), STRICT, STRICT), None, "{bad:?}");
    }
    fs::copy(second.write_own(), &file).unwrap();
    gate.running().look_at_certificates();
    assert_eq!(got(&gate, &ann, STRICT, STRICT), None);
    assert_eq!(got(&gate, &bob, STRICT, STRICT), Some(200));
    assert_eq!(open.ask("GET /open", STRICT).unwrap().status(), 200);
}

/// By a client that we did not write: curl with OpenSSL.
#[test]
#[expect(
    clippy::print_stderr,
    reason = "who reads the output is told what was left out"
)]
fn curl_shows_its_certificate_and_gets_the_page() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: there is no curl");
        return;
    }
    let (app, own, people) = (App::new(), Authority::new(), Authority::new());
    let gate = gate(&app, &own, &people);
    let believed = own.write_own();
    people.write("ann", &["ann.example"], 2040);
    let asked = |more: &[String]| {
        let to = format!("::127.0.0.1:{}", gate.address.port());
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--output", "/dev/null", "--max-time", "30"])
            .args(["--write-out", "%{http_code}", "--connect-to", &to])
            .arg("--cacert")
            .arg(&believed)
            .args(more)
            .arg(format!("https://{STRICT}/open"));
        String::from_utf8(curl.output().unwrap().stdout).unwrap()
    };
    let file = |name: &str| people.path(name).display().to_string();
    let shown = [
        "--cert".into(),
        file("ann.crt"),
        "--key".into(),
        file("ann.key"),
    ];
    for version in ["1.2", "1.3"] {
        let most = ["--tls-max".to_owned(), version.to_owned()];
        assert_eq!(asked(&[&shown[..], &most].concat()), "200", "TLS {version}");
        assert_eq!(asked(&most), "000", "TLS {version}");
    }
}
