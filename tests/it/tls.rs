//! TLS as visitors and operators meet it: which certificate is shown, and what happens when one is renewed.

mod certified;
mod visitor;

use std::fs;

use self::visitor::Authority;
use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::gate::{Gate, Setup};

/// The site `https://app.localhost` with the certificate that `authority` wrote as `app`.
fn https(app: &App, authority: &Authority, more: &str) -> Gate {
    Setup::new(&app.url())
        .site("url = \"https://app.localhost\"")
        .routes(&[("/open", "public")])
        .with(&format!(
            "[listen]\nhttps = [\"127.0.0.1:0\"]\n{}\n{more}",
            authority.listed("app")
        ))
        .start()
}

#[test]
fn a_renewed_certificate_is_shown_from_the_next_handshake_on_and_no_connection_ends() {
    let (app, authority) = (App::new(), Authority::new());
    authority.write("app", &["app.localhost"], 2040);
    let gate = https(&app, &authority, "");
    let connect = || {
        let visitor = authority.visitor();
        visitor.connect(gate.address, "app.localhost").unwrap()
    };
    let mut before = connect();
    let old = before.shown();
    assert_eq!(
        before.ask("GET /open", "app.localhost").unwrap().status(),
        200
    );

    authority.write("app", &["app.localhost"], 2041);
    gate.running().look_at_certificates();
    let mut after = connect();
    assert_ne!(after.shown(), old);
    assert_eq!(
        after.ask("GET /open", "app.localhost").unwrap().status(),
        200
    );
    let still = before.ask("GET /open", "app.localhost");
    assert_eq!(still.expect("the connection stands").status(), 200);
}

#[test]
fn a6_a_bad_certificate_changes_nothing() {
    let (app, authority) = (App::new(), Authority::new());
    authority.write("app", &["app.localhost"], 2040);
    let gate = https(&app, &authority, "");
    let shown = || {
        let visitor = authority.visitor();
        let line = visitor.connect(gate.address, "app.localhost").unwrap();
        line.shown()
    };
    let old = shown();
    let key = authority.path("app.key");
    let good = fs::read(&key).unwrap();
    for (file, text) in [
        ("app.crt", &b"nonsense"[..]),
        ("app.key", b"nonsense"),
        ("app.key", b""),
    ] {
        fs::write(authority.path(file), text).unwrap();
        for _ in 0..2 {
            gate.running().look_at_certificates();
            assert_eq!(shown(), old, "{file}");
        }
    }
    // The same key beside a new chain that others could read: not that either.
    fs::write(&key, good).unwrap();
    authority.write("app", &["app.localhost"], 2041);
    open_to_all(&key);
    gate.running().look_at_certificates();
    assert_eq!(shown(), old, "a key that everybody can read");
    authority.write("app", &["app.localhost"], 2041);
    gate.running().look_at_certificates();
    assert_ne!(shown(), old);
}

fn open_to_all(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}

const HSTS: &str = "strict-transport-security";

#[test]
fn every_answer_of_an_https_site_says_hsts_and_none_in_clear_text_does() {
    let (app, authority) = (App::new(), Authority::new());
    authority.write("app", &["app.localhost"], 2040);
    for (written, says) in [
        ("", None),
        ("hsts = {}", Some("max-age=31536000")),
        ("hsts = { life = \"0d\" }", Some("max-age=0")),
        (
            "hsts = { life = \"30d\", subdomains = true }",
            Some("max-age=2592000; includeSubDomains"),
        ),
    ] {
        let gate = Setup::new(&app.url())
            .site(&format!("url = \"https://app.localhost\"\n{written}"))
            .routes(&[("/open", "public"), ("/shut", "deny")])
            .with(&format!(
                "[listen]\nhttps = [\"127.0.0.1:0\"]\nhttp = [\"127.0.0.1:0\"]\n{}",
                authority.listed("app")
            ))
            .start();
        let addresses = gate.running().addresses();
        let https = addresses.iter().find(|address| address.tls).unwrap().socket;
        let http = addresses
            .iter()
            .find(|address| !address.tls)
            .unwrap()
            .socket;
        let visitor = authority.visitor();
        for (path, status) in [
            ("/open", 200),
            ("/shut", 403),
            ("/private", 303),
            ("/.countersign/ask/login", 200),
        ] {
            let mut line = visitor.connect(https, "app.localhost").unwrap();
            let answer = line.ask(&format!("GET {path}"), "app.localhost").unwrap();
            assert_eq!(
                (answer.status(), answer.field(HSTS)),
                (status, says),
                "{path}"
            );
        }
        let mut line = visitor.connect(https, "app.localhost").unwrap();
        let nobodys = line.ask("GET /", "evil.example").unwrap();
        assert_eq!((nobodys.status(), nobodys.field(HSTS)), (421, None));

        let mut clear = Browser::new(http, "app.localhost");
        let sent = clear.get("/open?a=1&b=%2F");
        assert_eq!((sent.status(), sent.field(HSTS)), (308, None));
        assert_eq!(
            sent.field("location"),
            Some("https://app.localhost/open?a=1&b=%2F")
        );
        let posted = clear.post("/.countersign/sign-out", &[]);
        assert_eq!((posted.status(), posted.field(HSTS)), (403, None));
    }
}

#[test]
fn what_the_application_says_of_hsts_is_its_own() {
    let app = App::answering(
        "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=5\r\nContent-Length: 2\r\n\r\nok",
    );
    let authority = Authority::new();
    authority.write("app", &["app.localhost"], 2040);
    let gate = Setup::new(&app.url())
        .site("url = \"https://app.localhost\"\nhsts = {}")
        .routes(&[("/open", "public")])
        .with(&format!(
            "[listen]\nhttps = [\"127.0.0.1:0\"]\n{}",
            authority.listed("app")
        ))
        .start();
    let mut line = authority
        .visitor()
        .connect(gate.address, "app.localhost")
        .unwrap();
    let answer = line.ask("GET /open", "app.localhost").unwrap();
    assert_eq!(answer.field(HSTS), Some("max-age=5"));
}

#[test]
fn a_session_is_resumed_and_not_by_another_gateway() {
    let (app, authority) = (App::new(), Authority::new());
    authority.write("app", &["app.localhost"], 2040);
    let (gate, other) = (https(&app, &authority, ""), https(&app, &authority, ""));
    let visitor = authority.visitor();
    let resumed = |gate: &Gate| {
        let mut line = visitor.connect(gate.address, "app.localhost").unwrap();
        // Tickets come with the first answer.
        line.ask("GET /open", "app.localhost").unwrap();
        line.resumed()
    };
    assert!(!resumed(&gate));
    assert!(resumed(&gate));
    // Across a renewal, too: who has a ticket has seen the one before.
    authority.write("app", &["app.localhost"], 2041);
    gate.running().look_at_certificates();
    assert!(resumed(&gate));
    assert!(!resumed(&other), "its key is its own");
}
