//! What a login form says, read as every server would read it, or refused (design section 3, *one strict parser*).

use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use super::{FORM, OWN, PARTS, asked, form, gate, location, parts, send, setup};
use crate::support::gate::Gate;
use crate::support::legacy::{Legacy, PASSWORD, Portal};
use crate::support::wire::Answer;

const JSON: &str = "application/json";

/// What names two people, or one of them in two ways. `ann` is who a plain reader could find.
const GAMES: [(&str, &[u8]); 23] = [
    (FORM, b"username=ann&password=P&username=bob"),
    (FORM, b"username=ann&username=ann&password=P"),
    (FORM, b"username=ann&password=x&password=P"),
    (FORM, b"username=ann&password=P&username%00zz=bob"),
    (FORM, b"username=ann&password=P&%20username=bob"),
    (FORM, b"username=ann&password=P&++username=bob"),
    (FORM, b"username=ann&password=P&%09username=bob"),
    (FORM, b"username=ann&password=P&username[]=bob"),
    (FORM, b"username=ann&password=P&username%5B%5D=bob"),
    (FORM, b"username=ann&password=P&username[x]=bob"),
    (FORM, b"username=ann&password=P&user%6eame=bob"),
    (FORM, b"username=ann&password=P&username"),
    (FORM, b"username=ann%00bob&password=P"),
    (FORM, b"username=ann&password=P%00"),
    (FORM, b"username=%FFann&password=P"),
    (FORM, b"username=\xFFann&password=P"),
    (FORM, b"username=%C3&password=P"),
    (PARTS, b"--line\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nann\r\n--line\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nP\r\n--line\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nbob\r\n--line--\r\n"),
    (PARTS, b"--line\r\nContent-Disposition: form-data; name=username\r\n\r\nann\r\n--line\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nP\r\n--line\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nbob\r\n--line--\r\n"),
    (JSON, b"{\"username\": \"ann\", \"password\": \"P\", \"username\": \"bob\"}"),
    (JSON, b"{\"username\": \"ann\", \"password\": \"P\", \"user\\u006eame\": \"bob\"}"),
    (JSON, b"{\"username\": \"ann\\u0000\", \"password\": \"P\"}"),
    (JSON, b"{\"username\": \"\xFFann\", \"password\": \"P\"}"),
];

/// What is a login to one server and none to another.
const ODD: [(&str, &[u8]); 11] = [
    (FORM, b"username[]=ann&password=P"),
    (FORM, b" username=ann&password=P"),
    (FORM, b"username%00=ann&password=P"),
    (PARTS, b"--line\r\nContent-Disposition: form-data; name=\"username\"; name=\"other\"\r\n\r\nann\r\n--line\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nP\r\n--line--\r\n"),
    (PARTS, b"--line\r\nContent-Disposition: form-data; name=\"username\"; filename=\"f\"\r\n\r\nann\r\n--line\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nP\r\n--line--\r\n"),
    (PARTS, b"--line\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nann\r\n--line\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nP\r\n--line--\r\n--line\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nbob\r\n--line--\r\n"),
    (PARTS, b"--line\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nann\r\n--line\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nP\r\n"),
    ("multipart/form-data; boundary=line; boundary=other", b"--line\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nann\r\n--line\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nP\r\n--line--\r\n"),
    (JSON, b"{\"username\": [\"ann\"], \"password\": \"P\"}"),
    (JSON, b"{\"username\": \"ann\", \"password\": \"P\"} {\"username\": \"bob\", \"password\": \"P\"}"),
    (JSON, b"{\"username\": \"ann\", \"password\": \"P\","),
];

/// Nothing went up, nobody's phone rang, and the visitor is told why.
fn refused(what: &str, answer: &Answer, portal: &Portal, gate: &Gate) {
    assert_eq!(answer.status(), 400, "{what}: {}", answer.head.raw);
    let text = answer.text();
    assert!(text.contains("safely"), "{what}: {text}");
    assert!(!text.contains(PASSWORD) && !text.contains("bob"), "{text}");
    assert!(portal.logins().is_empty(), "{what} went up");
    assert_eq!(gate.sent(), 0, "{what}");
}

fn with_password(body: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = body.to_vec();
    let at = text.iter().rposition(|b| *b == b'P').unwrap();
    [&text[..at], b"secret-word", &text[at + 1..]].concat()
}

#[test]
fn g2_what_two_servers_read_differently_rings_nobodys_phone() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    for (kind, body) in GAMES {
        let what = format!("{kind}: {}", String::from_utf8_lossy(body));
        let body = with_password(body);
        let answer = send(&mut gate.browser(), "POST", "/login", kind, &body);
        refused(&what, &answer, &portal, &gate);
    }
}

#[test]
fn g2_what_is_a_login_to_some_servers_only_does_not_go_up() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    for (kind, body) in ODD {
        let body = with_password(body);
        let answer = send(&mut gate.browser(), "POST", "/login", kind, &body);
        let what = format!("{kind}: {}", String::from_utf8_lossy(&body));
        assert!(
            matches!(answer.status(), 303 | 400),
            "{what}: {}",
            answer.head.raw
        );
        assert!(!location(&answer).starts_with("/.countersign/"), "{what}");
        assert!(portal.logins().is_empty(), "{what} went up");
    }
    assert_eq!(gate.sent(), 0);
}

#[test]
fn g2_a_credential_in_query_and_body_is_refused() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let body = form(&[("username", "ann"), ("password", PASSWORD)]);
    for target in [
        "/login?username=bob",
        "/login?user%6eame=bob",
        "/login?+username=bob",
        "/login?x&username[]=bob",
        "/login?password=x",
    ] {
        let answer = send(&mut gate.browser(), "POST", target, FORM, &body);
        refused(target, &answer, &portal, &gate);
    }
}

/// Names that PHP makes of others: `pma.username` is `pma_username` to it.
#[test]
fn g2_names_are_folded_as_php_folds_them() {
    let portal = Legacy {
        fields: (Some("pma_username"), "pma_password"),
        ..Legacy::default()
    }
    .start();
    let gate = gate(&portal);
    for other in [
        "pma.username",
        "pma username",
        "pma+username",
        "pma%20username",
        "pma%2Eusername",
        "pma[username",
        " pma.username",
        "pma.username%00x",
    ] {
        let body = format!("pma_username=ann&pma_password=x&{other}=bob");
        let answer = send(&mut gate.browser(), "POST", "/login", FORM, body.as_bytes());
        refused(other, &answer, &portal, &gate);
        // Nor is it a login to one server and none to another.
        let body = format!("{other}=ann&pma_password=x");
        send(&mut gate.browser(), "POST", "/login", FORM, body.as_bytes());
        assert!(portal.logins().is_empty(), "{other} went up");
    }
    assert_eq!(gate.sent(), 0);
}

#[test]
fn fields_in_brackets_are_names_like_others() {
    let portal = Legacy {
        fields: (Some("auth[username]"), "auth[password]"),
        ..Legacy::default()
    }
    .start();
    let gate = gate(&portal);
    let sound = form(&[
        ("auth[driver]", "server"),
        ("auth[username]", "ann"),
        ("auth[password]", PASSWORD),
    ]);
    for twice in ["auth[username]=bob", "auth%5Busername%5D=bob", "auth=bob"] {
        let body = [&sound, &b"&"[..], twice.as_bytes()].concat();
        let answer = send(&mut gate.browser(), "POST", "/login", FORM, &body);
        refused(twice, &answer, &portal, &gate);
    }
    asked(&send(&mut gate.browser(), "POST", "/login", FORM, &sound));
    assert_eq!(gate.sent(), 1);
}

/// What says it is something else than a form goes nowhere, whatever a generous server would find in it.
#[test]
fn a_login_of_another_kind_does_not_go_up() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let body = form(&[("username", "ann"), ("password", PASSWORD)]);
    for kind in [
        "text/plain",
        "application/octet-stream",
        "application/x-www-form-urlencoded, text/plain",
        "application/x-www-form-urlencoded; charset=utf-16",
        "multipart/form-data",
        "multipart/mixed; boundary=line",
        "application/json",
        "",
    ] {
        let answer = send(&mut gate.browser(), "POST", "/login", kind, &body);
        assert!(matches!(answer.status(), 303 | 400 | 401), "{kind}");
    }
    let twice = [
        ("content-type", FORM),
        ("content-type", JSON),
        ("origin", OWN),
    ];
    let answer = gate.browser().send("POST", "/login", &twice, &body);
    assert!(matches!(answer.status(), 303 | 400 | 401));
    let packed = [
        ("content-type", FORM),
        ("content-encoding", "gzip"),
        ("origin", OWN),
    ];
    let answer = gate.browser().send("POST", "/login", &packed, &body);
    assert!(matches!(answer.status(), 303 | 400 | 401 | 415));
    assert!(portal.app.seen().is_empty());
    assert_eq!(gate.sent(), 0);
}

#[test]
fn r1_a_login_goes_up_byte_for_byte() {
    let long = form(&[
        ("padding", &"x".repeat(64 * 1024 - 55)),
        ("username", "ann"),
        ("password", PASSWORD),
    ]);
    assert_eq!(long.len(), 64 * 1024);
    let json = format!(
        "\r\n{{ \"password\":\"{PASSWORD}\",\t\"x\": {{\"username\": [1e3]}}, \"user\\u006eame\": \"a\\u006En\" }}\n"
    );
    let odd = format!(
        "&&x&=&username=%61nn&a%5b%5D=1&a[]=2&password={}&z=%c3%A9+%2B",
        PASSWORD.replace(' ', "+")
    );
    let with_file = [
        &b"--line\r\nContent-Disposition: form-data; name=\"avatar\"; filename=\"a;b.png\"\r\nContent-Type: image/png\r\n\r\n\0\xFF\r\n--lin\r\n"[..],
        &parts(&[("username", "ann"), ("password", PASSWORD)]),
    ]
    .concat();
    for (kind, body) in [
        (FORM, long),
        (FORM, odd.into_bytes()),
        (
            "Application/X-WWW-Form-Urlencoded; Charset=UTF-8",
            form(&[("username", " ANN "), ("password", PASSWORD)]),
        ),
        (
            PARTS,
            parts(&[("username", "ann@example.com"), ("password", PASSWORD)]),
        ),
        (PARTS, with_file),
        ("application/json; charset=utf-8", json.into_bytes()),
    ] {
        let portal = Legacy::default().start();
        let gate = gate(&portal);
        let mut browser = gate.browser();
        let answer = send(&mut browser, "POST", "/login", kind, &body);
        let page = asked(&answer);
        let post = portal.logins().pop().unwrap();
        assert!(
            post.body == body,
            "{kind}: {}",
            String::from_utf8_lossy(&post.body)
        );
        assert_eq!(post.head.field("content-type"), Some(kind));
        assert_eq!(portal.logins().len(), 1, "once");
        assert_eq!(gate.sent(), 1);
        assert!(gate.messages.all().contains("+12025550143"));
        super::released(&mut browser, &page, &gate.messages.code(1));
        assert!(browser.get("/home").text().contains("Hello "));
    }
}

#[test]
fn a_login_in_chunks_goes_up_as_well() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let body = form(&[("username", "ann"), ("password", PASSWORD)]);
    let mut stream = crate::support::wire::connect(gate.address);
    let mut sent = format!("POST /login HTTP/1.1\r\nHost: app.localhost\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for piece in body.chunks(7) {
        sent.extend(format!("{:x}\r\n", piece.len()).bytes());
        sent.extend(piece.iter().chain(b"\r\n"));
    }
    sent.extend(b"0\r\n\r\n");
    io::Write::write_all(stream.get_mut(), &sent).unwrap();
    let answer = crate::support::wire::read_answer(&mut stream, false).unwrap();
    asked(&answer);
    assert_eq!(portal.logins()[0].body, body);
}

#[test]
fn a_login_that_is_too_long_to_be_read_does_not_go_up() {
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    for padding in [64 * 1024, 3 * 1024 * 1024] {
        let body = form(&[
            ("username", "ann"),
            ("password", PASSWORD),
            ("padding", &"x".repeat(padding)),
        ]);
        let answer = send(&mut gate.browser(), "POST", "/login", FORM, &body);
        assert!(
            matches!(answer.status(), 303 | 400 | 413),
            "{}",
            answer.head.raw
        );
        assert!(!location(&answer).starts_with("/.countersign/"));
    }
    assert!(portal.app.seen().is_empty());
    assert_eq!(gate.sent(), 0);
}

/// Old applications post in old encodings: the site says which.
#[test]
fn names_are_read_in_the_charset_of_the_site() {
    const PEOPLE: &str = "[[user]]\nname = \"jürgen\"\nphone = \"+12025550143\"\n";
    for (charset, user, sound) in [
        ("iso-8859-1", &b"j%FCrgen"[..], true),
        // Browsers never send it so, and servers differ.
        ("iso-8859-1", b"J\xDCRGEN", false),
        ("iso-8859-1", b"J%DCRGEN", true),
        ("windows-1252", b"%20j%fcrgen%20", true),
        ("utf-8", b"j%C3%BCrgen", true),
        ("utf-8", b"ju%CC%88rgen", true),
        ("utf-8", b"j%FCrgen", false),
        ("shift_jis", b"%81", false),
    ] {
        let portal = Legacy::default().start();
        let gate = setup(&portal, "")
            .site(&format!("charset = \"{charset}\""))
            .users(PEOPLE)
            .start();
        let password = &form(&[("password", PASSWORD)]);
        let body = [b"username=", user, b"&", password].concat();
        let answer = send(&mut gate.browser(), "POST", "/login", FORM, &body);
        let what = format!("{charset} {}", String::from_utf8_lossy(user));
        if sound {
            asked(&answer);
            assert_eq!(gate.sent(), 1, "{what}");
            assert_eq!(portal.logins()[0].body, body);
        } else {
            refused(&what, &answer, &portal, &gate);
        }
    }
}

/// Everything that was logged in this process.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Only where every test is a process of its own can its log be told from that of others.
#[test]
fn a9_the_log_says_why_a_login_was_refused_and_not_what_was_in_it() {
    if std::env::var_os("NEXTEST").is_none() {
        return;
    }
    let log = Log::default();
    let logger = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(logger).unwrap();
    let portal = Legacy::default().start();
    let gate = gate(&portal);
    let mut references = Vec::new();
    for body in [
        &b"username=ann&password=hunter2&username=bob-the-second"[..],
        b"Username=bob-the-second&password=hunter2",
        b"username=ann%FF&password=hunter2",
    ] {
        let answer = send(&mut gate.browser(), "POST", "/login", FORM, body);
        assert_eq!(answer.status(), 400);
        let text = answer.text();
        let (_, rest) = text.split_once("Reference <bdi dir=\"ltr\">").unwrap();
        references.push(rest.split('<').next().unwrap().to_owned());
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let mut reasons = Vec::new();
    for reference in &references {
        let line = log.lines().find(|line| line.contains(reference));
        let line = line.unwrap_or_else(|| panic!("{reference} is not in {log}"));
        // A line is its time, its event, its fields: without what differs anyhow, the reason is left.
        let (_, said) = line.split_once("countersign").unwrap_or((line, line));
        reasons.push(said.replace(reference, ""));
    }
    reasons.dedup();
    assert!(reasons.len() == 3, "each has its own reason: {reasons:#?}");
    for secret in ["hunter2", "bob-the-second"] {
        assert!(!log.contains(secret), "{secret} was logged");
    }
}
