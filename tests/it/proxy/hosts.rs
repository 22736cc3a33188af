//! Names: which site is meant, what the application is called, and how its own name is kept from visitors.

use std::fs;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use crate::support::app::App;
use crate::support::bare::{self, Bare};
use crate::support::gate::{Gate, Setup};
use crate::support::visitor::Visitor;
use crate::support::wire::{Answer, connect, read_answer};

use std::io::Write;

/// One request by a stranger, under any name.
fn asked(gate: &Gate, line: &str, host: &str, fields: &str) -> Answer {
    let mut stream = connect(gate.address);
    let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n");
    stream.get_mut().write_all(request.as_bytes()).unwrap();
    read_answer(&mut stream, false).unwrap()
}

/// A second site of the same gateway.
fn second(url: &str, upstream: &str) -> String {
    format!(
        "[sites.second]\nname = \"Second\"\nurl = \"{url}\"\nupstream = \"{upstream}\"\nsupport = \"Help desk\"\ndirectory = \"people\"\n\
         scopes = [\"login\"]\n[[sites.second.routes]]\npath = \"/open\"\nrequire = \"public-full\"\n"
    )
}

#[test]
fn an_application_sees_itself_under_its_own_name() {
    let app = App::new();
    let gate = Setup::new(&app.url()).start();
    let mut visitor = Visitor::granted(&gate);
    visitor.ask(
        "POST /form",
        "Origin: http://app.localhost\r\nReferer: http://app.localhost/form?a=1\r\n",
    );
    let head = app.last().head;
    assert_eq!(head.field("host"), Some(app.address.to_string().as_str()));
    assert_eq!(head.field("origin"), Some(app.url().as_str()));
    assert_eq!(
        head.field("referer"),
        Some(format!("{}/form?a=1", app.url()).as_str())
    );
    visitor.ask("GET /", "Referer: http://app.localhost.evil.example/\r\n");
    assert_eq!(
        app.last().head.field("referer"),
        Some("http://app.localhost.evil.example/"),
        "another site's"
    );
}

#[test]
fn what_an_application_says_of_itself_comes_down_under_the_public_name() {
    let app = App::scripted(|request, stream| {
        let own = request.head.field("host").unwrap();
        let host = own.split(':').next().unwrap();
        let answer = format!(
            "HTTP/1.1 302 Found\r\nLocation: http://{own}/next?to=http://{own}/\r\nContent-Location: http://{own}/here\r\n\
             Refresh: 5; url=http://{own}/later\r\nSet-Cookie: a=1; Domain={host}; Path=/\r\nSet-Cookie: b=2; domain=.{host}\r\n\
             Set-Cookie: c=3; Domain=other.example\r\nSet-Cookie: d=\"{host}\"\r\nContent-Length: 0\r\n\r\n"
        );
        stream.get_mut().write_all(answer.as_bytes()).is_ok()
    });
    let gate = Setup::new(&app.url()).start();
    let answer = Visitor::granted(&gate).ask("GET /", "");
    let query = format!("to=http://{}/", app.address);
    assert_eq!(
        answer.field("location"),
        Some(format!("http://app.localhost/next?{query}").as_str())
    );
    assert_eq!(
        answer.field("content-location"),
        Some("http://app.localhost/here")
    );
    assert_eq!(
        answer.field("refresh"),
        Some("5; url=http://app.localhost/later")
    );
    assert_eq!(
        answer.head.all("set-cookie"),
        ["a=1; Path=/", "b=2", "c=3", "d=\"127.0.0.1\""]
    );
}

#[test]
fn what_points_elsewhere_stays() {
    for location in [
        "/relative",
        "relative?x",
        "https://elsewhere.example/",
        "http://127.0.0.1.evil.example/",
        "//127.0.0.1:1/x",
        "HTTP://app.localhost/",
        "",
    ] {
        let app = App::scripted(move |_, stream| {
            let answer =
                format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
            stream.get_mut().write_all(answer.as_bytes()).is_ok()
        });
        let gate = Setup::new(&app.url()).start();
        assert_eq!(
            Visitor::granted(&gate).ask("GET /", "").field("location"),
            Some(location)
        );
    }
}

#[test]
fn an_application_that_knows_the_public_name_sees_it() {
    let app = App::scripted(|request, stream| {
        let answer = format!(
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nX-Path: {}\r\nSet-Cookie: a=1; Domain=app.localhost\r\nContent-Length: 0\r\n\r\n",
            request.head.first
        );
        stream.get_mut().write_all(answer.as_bytes()).is_ok()
    });
    let gate = Setup::new(&app.url()).site("host = \"preserve\"").start();
    let mut visitor = Visitor::granted(&gate);
    let answer = visitor.ask(
        "POST /form",
        "Origin: http://app.localhost\r\nReferer: http://app.localhost/form\r\n",
    );
    let head = app.last().head;
    assert_eq!(head.field("host"), Some("app.localhost"));
    assert_eq!(head.field("origin"), Some("http://app.localhost"));
    assert_eq!(head.field("referer"), Some("http://app.localhost/form"));
    assert_eq!(
        answer.field("location"),
        Some("http://127.0.0.1:1/"),
        "nothing is mapped"
    );
    assert_eq!(
        answer.field("set-cookie"),
        Some("a=1; Domain=app.localhost")
    );
}

#[test]
fn each_site_has_its_own_application_and_its_own_grants() {
    let (one, two) = (App::new(), App::new());
    let gate = Setup::new(&one.url())
        .with(&second("http://second.localhost", &two.url()))
        .start();
    let visitor = Visitor::granted(&gate);
    assert_eq!(visitor.again(&gate).ask("GET /first", "").status(), 200);
    for host in [
        "second.localhost",
        "SECOND.localhost",
        "second.localhost:80",
    ] {
        assert_eq!(asked(&gate, "GET /open", host, "").status(), 200, "{host}");
    }
    let foreign = asked(
        &gate,
        "GET /private",
        "second.localhost",
        &format!("Cookie: {}\r\n", visitor.cookies()),
    );
    assert_eq!(foreign.status(), 303, "a grant is good for its own site");
    assert_eq!(one.lines(), ["GET /first HTTP/1.1"]);
    assert_eq!(two.lines(), ["GET /open HTTP/1.1"; 3]);
}

#[test]
fn r3_a_host_that_is_no_site_gets_421() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .routes(&[("/open", "public-full")])
        .start();
    for host in [
        "evil.example",
        "app.localhost.evil.example",
        "evil.app.localhost",
        "app.localhost:8080",
        "app.localhost:443",
        "127.0.0.1",
        "app.localhost.",
        "[::1]",
        "app.localhost, evil.example",
        "app.localhost/",
        "@app.localhost",
        "app.localhost@evil",
    ] {
        let answer = asked(&gate, "GET /open", host, "");
        assert!(
            matches!(answer.status(), 421 | 400),
            "{host}: {}",
            answer.status()
        );
        assert_eq!(answer.field("connection"), Some("close"), "{host}");
    }
    assert_eq!(asked(&gate, "GET /open", "evil.example", "").status(), 421);
    assert!(app.seen().is_empty());
}

/// Two sites whose urls differ in nothing but the scheme are two sites.
#[test]
fn a_site_that_is_only_there_by_https_sends_people_there() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .with("[listen]\nhttp = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.7\"]")
        .site("url = \"https://app.localhost\"")
        .routes(&[("/open", "public-full")])
        .start();
    for (line, location) in [
        ("GET /open?a=%2F&b", "https://app.localhost/open?a=%2F&b"),
        (
            "GET //evil.example/x",
            "https://app.localhost//evil.example/x",
        ),
        ("HEAD /", "https://app.localhost/"),
    ] {
        let answer = asked(&gate, line, "app.localhost", "");
        assert_eq!(
            (answer.status(), answer.field("location")),
            (308, Some(location))
        );
        assert!(answer.head.all("set-cookie").is_empty());
    }
    let claimed = asked(
        &gate,
        "GET /open",
        "app.localhost",
        "X-Forwarded-Proto: https\r\n",
    );
    assert_eq!(claimed.status(), 308, "anybody can claim that");
    assert_eq!(
        asked(&gate, "POST /open", "app.localhost", "").status(),
        403,
        "it has been sent in clear"
    );
    assert!(app.seen().is_empty());
}

#[test]
fn r10_a_trusted_proxy_says_where_a_visitor_is_and_how_they_came() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .with(
            "[listen]\nhttp = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]",
        )
        .site("url = \"https://app.localhost\"")
        .routes(&[("/open", "public-full")])
        .start();
    let fields = "X-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.66, 203.0.113.9, 10.1.2.3\r\nX-Real-IP: 192.0.2.66\r\n";
    assert_eq!(
        asked(&gate, "GET /open", "app.localhost", fields).status(),
        200
    );
    let head = app.last().head;
    assert_eq!(
        head.field("x-forwarded-for"),
        Some("203.0.113.9"),
        "the last that no proxy of ours is"
    );
    assert_eq!(head.field("x-real-ip"), Some("203.0.113.9"));
    assert_eq!(head.field("x-forwarded-proto"), Some("https"));
    let page = asked(&gate, "GET /private", "app.localhost", fields);
    assert_eq!(page.status(), 303);
    let cookie = page.field("set-cookie").unwrap();
    assert!(
        cookie.starts_with("__Host-countersign-app=") && cookie.contains("; Secure"),
        "{cookie}"
    );
    assert_eq!(
        asked(
            &gate,
            "GET /open",
            "app.localhost",
            "X-Forwarded-Proto: http\r\n"
        )
        .status(),
        308
    );
}

#[test]
fn an_application_on_a_unix_socket_is_called_localhost() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("app.sock");
    bare::unix(&socket);
    let gate = Setup::new(&format!("unix:{}", socket.display())).start();
    let mut visitor = Visitor::granted(&gate);
    for path in ["/one", "/two"] {
        let answer = visitor.ask(&format!("GET {path}"), "");
        assert!(
            answer
                .text()
                .starts_with(&format!("GET {path} HTTP/1.1\r\n")),
            "{}",
            answer.text()
        );
        assert!(
            answer
                .text()
                .to_ascii_lowercase()
                .contains("\r\nhost: localhost\r\n")
        );
    }
}

/// An authority, and a server's settings under its signature.
fn authority() -> (String, ServerConfig) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &ca)
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (ca.pem(), config)
}

#[test]
fn an_application_behind_tls_is_believed_by_its_authority_only() {
    let folder = tempfile::tempdir().unwrap();
    let (own, config) = authority();
    let (other, _) = authority();
    let app = Bare::tls(config);
    for (name, pem, host, status) in [
        ("own.pem", &own, "localhost", 200),
        ("other.pem", &other, "localhost", 502),
        ("own.pem", &own, "127.0.0.1", 502),
    ] {
        let ca = folder.path().join(name);
        fs::write(&ca, pem).unwrap();
        let gate = Setup::new(&format!("https://{host}:{}", app.address.port()))
            .site(&format!("upstream_ca = \"{}\"", ca.display()))
            .start();
        let mut visitor = Visitor::granted(&gate);
        let answer = visitor.ask("GET /secret", "Origin: http://app.localhost\r\n");
        assert_eq!(answer.status(), status, "{name} {host}");
        if status == 200 {
            let head = answer.text().to_ascii_lowercase();
            assert!(
                head.contains(&format!("\r\nhost: localhost:{}\r\n", app.address.port())),
                "{head}"
            );
            assert!(
                head.contains(&format!(
                    "\r\norigin: https://localhost:{}\r\n",
                    app.address.port()
                )),
                "{head}"
            );
        } else {
            assert!(!answer.text().contains("/secret"));
        }
    }
}
