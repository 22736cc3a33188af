//! Conditions on bodies: `form = { do = "admin" }` shuts whatever some server could read so.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::app::App;
use crate::support::gate::{Gate, Setup};
use crate::support::visitor::Visitor;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

fn gate(app: &App) -> Gate {
    Setup::new(&app.url())
        .routes(&[("/never/**", "admin")])
        .raw_routes(
            "[[sites.app.routes]]\npath = \"/app.php\"\nform = { do = \"admin\" }\nrequire = \"admin\"\n\
             [[sites.app.routes]]\npath = \"/open.php\"\nform = { do = \"show\" }\nrequire = \"public-full\"\n",
        )
        .start()
}

/// Posts a body; `fields` are all that describes it but its length. Gives the status.
fn post(visitor: &Visitor, gate: &Gate, path: &str, fields: &str, body: &[u8]) -> u16 {
    let mut visitor = visitor.again(gate);
    let length = body.len();
    let fields = format!(
        "{fields}Content-Length: {length}\r\nOrigin: http://app.localhost\r\nSec-Fetch-Mode: cors\r\n"
    );
    visitor.begin(&format!("POST {path}"), &fields);
    visitor.send(body);
    visitor.answer().status()
}

fn kind(kind: &str) -> String {
    format!("Content-Type: {kind}\r\n")
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(body).unwrap();
    packed.finish().unwrap()
}

#[test]
fn g1_a_closing_condition_holds_in_every_kind_of_body() {
    let app = App::new();
    let gate = gate(&app);
    let visitor = Visitor::granted(&gate);
    let long = format!(
        "{{\"x\": \"{}\", \"do\": \"admin\"}}",
        "x".repeat(64 * 1024)
    );
    let packed = kind(FORM) + "Content-Encoding: gzip\r\n";
    let twice = kind(FORM) + &kind(JSON);
    let part = "--line\r\nContent-Disposition: form-data; name=\"do\"\r\n\r\nadmin\r\n--line--\r\n";
    for (fields, body) in [
        (kind(FORM), &b"do=admin"[..]),
        (kind(JSON), br#"{"do": "admin"}"#),
        (kind(JSON), br#"{"do": "show", "do": "admin"}"#),
        (kind(JSON), br#"{"do": "admin", "do": "show"}"#),
        (kind(JSON), br#"{"a": [{"b": {"do": "admin"}}]}"#),
        (kind(JSON), br#"{"do": ["admin"]}"#),
        (kind(JSON), br#"{"d\u006f": "\u0061dmin"}"#),
        (kind(JSON), br#"{"DO ": "Admin"}"#),
        (kind(JSON), br#"{"x": "&do=admin&"}"#),
        (kind(JSON), b"{'do': 'admin'}"),
        (kind(JSON), b"\xef\xbb\xbf{\"do\": \"admin\"}"),
        (kind(JSON), long.as_bytes()),
        (
            kind("application/json; charset=utf-16"),
            br#"{"do": "show"}"#,
        ),
        (kind("application/vnd.api+json"), br#"{"do": "admin"}"#),
        (kind("text/plain"), br#"{"do": "admin"}"#),
        (String::new(), br#"{"do": "admin"}"#),
        // What it is called is not what every server reads.
        (kind(FORM), br#"{"do": "admin"}"#),
        (kind(JSON), b"do=admin"),
        (kind(FORM), b" [{do: 'admin'}]"),
        (kind("multipart/form-data; boundary=line"), part.as_bytes()),
        (twice, b"do=show"),
        (packed, &gzip(b"do=admin")),
    ] {
        let status = post(&visitor, &gate, "/app.php", &fields, body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
        assert_ne!(status, 200, "{fields}{shown}");
        assert!(app.lines().is_empty(), "{fields}{shown}");
    }
}

#[test]
fn what_says_nothing_of_it_goes_up() {
    let app = App::new();
    let gate = gate(&app);
    let visitor = Visitor::granted(&gate);
    for (named, body) in [
        (FORM, "do=show"),
        (JSON, r#"{"do": "show", "title": "do=x", "admin": true}"#),
        (
            JSON,
            r#"{"content": "<p>admin</p>", "meta": {"id": [1, 2]}}"#,
        ),
        ("application/json; charset=utf-8", "[]"),
    ] {
        let status = post(&visitor, &gate, "/app.php", &kind(named), body.as_bytes());
        assert_eq!(status, 200, "{body}");
        assert_eq!(app.last().body, body.as_bytes());
    }
}

#[test]
fn g1_no_json_opens_what_a_form_opens() {
    let app = App::new();
    let gate = gate(&app);
    let stranger = Visitor::stranger(&gate);
    assert_eq!(
        post(&stranger, &gate, "/open.php", &kind(FORM), b"do=show"),
        200
    );
    app.forget();
    let packed = kind(FORM) + "Content-Encoding: gzip\r\n";
    for (fields, body) in [
        (kind(JSON), &br#"{"do": "show"}"#[..]),
        (kind(FORM), br#"{"do": "show"}"#),
        (kind(FORM), b"[&do=show"),
        (kind(FORM) + &kind(JSON), b"do=show"),
        (packed, b"do=show"),
    ] {
        let status = post(&stranger, &gate, "/open.php", &fields, body);
        assert_eq!(status, 401, "{fields}{}", String::from_utf8_lossy(body));
    }
    assert!(app.lines().is_empty());
}
