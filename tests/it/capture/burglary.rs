//! What a burglar with somebody's password tries at a login by script, and odd answers to a login.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use super::{CLASSES, LIMITS, OWN, asked, location, submit};
use crate::support::app::{App, Recorded};
use crate::support::bare::Bare;
use crate::support::browser::{Browser, token};
use crate::support::gate::{Gate, Setup, other_than};
use crate::support::legacy::PASSWORD;
use crate::support::wire::{Answer, read_body, read_head};

/// As long as tokens are, and with all the letters that they have.
const TOKEN: &str = "T0ken-of_ann.0123456789~+/==";

/// Answers a login with `says`, and everything else with 200.
fn app(says: String) -> App {
    App::scripted(move |request, stream| {
        let text = if request.head.first.starts_with("POST /api/login") {
            &*says
        } else {
            "{\"open\": true}"
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            text.len()
        );
        let bytes = head + text;
        stream.get_mut().write_all(bytes.as_bytes()).is_ok()
    })
}

fn gate(app: &App) -> Gate {
    Setup::new(&app.url())
        .with(LIMITS)
        .raw_routes(&format!(
            "{CLASSES}[[sites.app.routes]]\npath = \"/api/login\"\nmethods = \"POST\"\ncapture = \"api\"\n\
             [[sites.app.routes]]\npath = \"/\"\nrequire = \"public\"\n\
             [sites.app.captures.api]\nscope = \"login\"\nusername = \"/username\"\npassword = \"/password\"\n\
             page = \"/\"\nanswer = \"relay\"\n"
        ))
        .start()
}

fn call(browser: &mut Browser, method: &str, path: &str, body: &str) -> Answer {
    let fields = [
        ("content-type", "application/json"),
        ("origin", OWN),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "empty"),
        ("sec-fetch-site", "same-origin"),
    ];
    browser.send(method, path, &fields, body.as_bytes())
}

fn log_in(browser: &mut Browser, user: &str) -> Answer {
    let body = format!("{{\"username\": \"{user}\", \"password\": \"{PASSWORD}\"}}");
    call(browser, "POST", "/api/login", &body)
}

/// An answer of so many bytes with a token in it.
fn of_length(length: usize) -> String {
    let start = "{\"access_token\": \"";
    let rest = format!("{TOKEN}\", \"x\": \"");
    let padding = "x".repeat(length - start.len() - rest.len() - 2);
    format!("{start}{rest}{padding}\"}}")
}

#[test]
fn an_answer_of_64_kib_is_relayed_and_one_byte_more_is_not() {
    for (length, status) in [(65_535, 200), (65_536, 200), (65_537, 502)] {
        let app = app(of_length(length));
        let gate = gate(&app);
        let answer = log_in(&mut gate.browser(), "ann");
        assert_eq!(answer.status(), status, "{length}");
        assert_eq!(answer.text().contains(TOKEN), status == 200, "{length}");
    }
}

#[test]
fn a_token_deeper_than_anybody_looks_is_not_given_away() {
    let (down, up) = ("{\"a\":".repeat(200), "}".repeat(200));
    for says in [
        format!("{down}{{\"access_token\": \"{TOKEN}\"}}{up}"),
        format!("{{\"access_token\": \"{TOKEN}\"}} {{\"more\": 1}}"),
        format!("\u{feff}{{\"access_token\": \"{TOKEN}\"}}"),
        format!("{{'access_token': '{TOKEN}'}}"),
    ] {
        let app = app(says.clone());
        let gate = gate(&app);
        let answer = log_in(&mut gate.browser(), "ann");
        assert_eq!(answer.status(), 502, "{says}");
        assert!(!answer.text().contains(TOKEN));
    }
}

/// Bob has a code of his own, and ann's password.
#[test]
fn g2_a_token_that_waits_goes_up_in_no_path_and_no_body() {
    let app = app(format!("{{\"access_token\": \"{TOKEN}\"}}"));
    let gate = gate(&app);
    let mut bob = gate.browser();
    // The application gives everybody one token: bob has none of his own.
    let anns = log_in(&mut gate.browser(), "ann");
    assert!(anns.text().contains(TOKEN));
    let coded: String = TOKEN.bytes().map(|b| format!("%{b:02X}")).collect();
    let escaped: String = TOKEN.bytes().map(|b| format!("\\u{b:04x}")).collect();
    let (down, up) = ("[".repeat(200), "]".repeat(200));
    app.forget();
    for path in [
        format!("/open/bot/{coded}/get"),
        format!("/open/x;key={coded}"),
        format!("/open/x?anything={coded}"),
    ] {
        let answer = call(&mut bob, "GET", &path, "");
        assert!(
            matches!(answer.status(), 400 | 401),
            "{path}: {}",
            answer.status()
        );
        assert!(app.lines().is_empty(), "{path}");
    }
    for body in [
        format!("{{\"access_token\": \"{TOKEN}\"}}"),
        format!("{{\"auth\": \"{escaped}\"}}"),
        format!("\u{feff}{{\"auth\": \"{TOKEN}\"}}"),
        format!("{{\"a\": {down}{up}, \"auth\": \"{TOKEN}\"}}"),
        format!("{{\"auth\": \"{TOKEN}\", broken"),
        format!("auth={coded}"),
        format!("a=1&access_token={coded}"),
    ] {
        let answer = call(&mut bob, "POST", "/open/x", &body);
        assert_eq!(answer.status(), 401, "{body}");
        assert!(app.lines().is_empty(), "{body}");
    }
    assert_eq!(
        call(&mut bob, "POST", "/open/x", "{\"auth\": \"x\"}").status(),
        200
    );
}

/// A code page that another browser opens, and a code that two requests bring at once.
#[test]
fn c2_a_code_is_good_in_its_browser_and_once() {
    let app = app(format!("{{\"access_token\": \"{TOKEN}\"}}"));
    let gate = gate(&app);
    let mut ann = gate.browser();
    assert_eq!(log_in(&mut ann, "ann").status(), 200);
    let page = location(&ann.get("/flows"));
    let code = gate.messages.code(1);
    let mut other = gate.browser();
    log_in(&mut other, "bob");
    for browser in [&mut gate.browser(), &mut other] {
        assert_ne!(browser.get(&page).status(), 200);
        let form = [("token", "x"), ("code", &*code), ("do", "answer")];
        browser.post(&page, &form);
        assert!(browser.cookie("-login").is_none());
    }
    let shown = ann.get(&page);
    let form = [
        ("token", &*token(&shown)),
        ("code", &*code),
        ("do", "answer"),
    ];
    let both = [ann.begin_post(&page, &form), ann.begin_post(&page, &form)];
    let ends: Vec<String> = both
        .into_iter()
        .map(|stream| location(&ann.finish("POST", stream)))
        .collect();
    assert_eq!(ends, ["/flows", "/flows"], "a double click loses nothing");
    assert_eq!(ann.get("/flows").status(), 200);
}

/// A redirect would be followed by the script without seeing it, past the code.
#[test]
fn a_redirect_is_given_to_no_script() {
    let app = App::answering(
        "HTTP/1.1 302 Found\r\nLocation: /home\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    );
    let gate = gate(&app);
    let answer = log_in(&mut gate.browser(), "ann");
    assert_eq!(answer.status(), 401, "{}", answer.head.raw);
    assert_eq!(answer.field("location"), None);
}

/// A code page without a try left leads nowhere: the page with the login must be within reach.
#[test]
fn who_has_no_try_left_sees_the_login_again() {
    let app = app(format!("{{\"access_token\": \"{TOKEN}\"}}"));
    let gate = gate(&app);
    let mut ann = gate.browser();
    assert_eq!(log_in(&mut ann, "ann").status(), 200);
    let page = location(&ann.get("/"));
    let code = gate.messages.code(1);
    for _ in 0..5 {
        ann.answer(&page, &other_than(&code));
    }
    assert_eq!(ann.get("/").status(), 200);
}

/// Cookies as real applications set them at a login.
fn odd() -> Vec<Vec<u8>> {
    let mut cookies: Vec<Vec<u8>> = [
        &b"phpMyAdmin=first; path=/; HttpOnly"[..],
        b"phpMyAdmin=last|counts; path=/; HttpOnly",
        b"ttrss_sid=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0; path=/",
        b"ttrss_sid=abc; path=/",
        b"wordpress_x=ann%7C17|a=b==; path=/wp-admin; HttpOnly",
        b"wordpress_x=ann%7C17|a=b==; path=/wp-content/plugins; HttpOnly",
        b"empty=",
        b"no-equals-at-all",
        b"quoted=\"2|1:0|10:17=|a b\"; Path=/",
        b"high=\xe4\xf6\xff\x80",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    cookies.push([b"long=", &b"x".repeat(4096)[..]].concat());
    cookies.extend((0..45).map(|number| format!("c{number}={number}").into_bytes()));
    cookies
}

/// They as they come out: those without a path are for the folder that they were set in, and say so.
fn released_as() -> Vec<Vec<u8>> {
    let is_path = |bytes: &[u8]| bytes.eq_ignore_ascii_case(b"path=/");
    let placed = |mut cookie: Vec<u8>| {
        if !cookie.windows(6).any(is_path) {
            cookie.extend(b"; Path=/");
        }
        cookie
    };
    odd().into_iter().map(placed).collect()
}

/// The Set-Cookie lines of an answer's bytes, without ours.
fn set(bytes: &[u8]) -> Vec<Vec<u8>> {
    let lines = bytes.split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end);
    let fields = lines.filter(|line| line.to_ascii_lowercase().starts_with(b"set-cookie: "));
    fields
        .map(|line| line[12..].to_vec())
        .filter(|cookie| !cookie.starts_with(b"__Host-countersign"))
        .collect()
}

#[test]
fn s7_odd_cookies_of_a_login_are_released_byte_for_byte_in_every_framing() {
    let page = b"<form method=\"post\"><input name=\"username\"><input type=\"password\" name=\"password\"></form>";
    for framing in [
        &b"Content-Length: 4\r\n\r\nmove"[..],
        b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nmo\r\n2\r\nve\r\n0\r\nX-Trailer: a\r\n\r\n",
        b"Connection: close\r\n\r\nmove",
        b"Content-Length: 0\r\n\r\n",
    ] {
        let cookies: Vec<Vec<u8>> = odd()
            .iter()
            .map(|one| [b"Set-Cookie: ", &one[..], b"\r\n"].concat())
            .collect();
        let moved = [
            &b"HTTP/1.1 302 Weiter \xfc\r\nLocation: /home\r\n"[..],
            &cookies.concat(),
            framing,
        ]
        .concat();
        let sent = Arc::new(Mutex::new(Vec::<Recorded>::new()));
        let seen = Arc::clone(&sent);
        let app = Bare::new(move |_, mut stream| {
            let Some(head) = read_head(&mut stream) else {
                return;
            };
            let body = read_body(&head, &mut stream, false);
            let first = head.first.clone();
            seen.lock().unwrap().push(Recorded {
                head,
                body,
                connection: 1,
            });
            let answer = match first.split(' ').next() {
                Some("POST") => moved.clone(),
                _ if first.contains("/login") => [
                    &b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"[..],
                    page,
                ]
                .concat(),
                _ => b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\nhome"
                    .to_vec(),
            };
            drop(stream.get_mut().write_all(&answer));
        });
        let gate = Setup::new(&app.url())
            .with(LIMITS)
            .raw_routes(
                "[[sites.app.routes]]\npath = \"/login\"\ncapture = \"form\"\n\
                 [sites.app.captures.form]\nscope = \"login\"\nusername = \"username\"\npassword = \"password\"\n",
            )
            .start();
        let mut browser = gate.browser();
        let shown = browser.get("/login");
        let code_page = asked(&submit(&mut browser, "/login", &shown, "ann", PASSWORD));
        let shown = browser.get(&code_page);
        let code = gate.messages.code(1);
        let form = [
            ("token", &*token(&shown)),
            ("code", &*code),
            ("do", "answer"),
        ];
        let mut bytes = Vec::new();
        browser
            .begin_post(&code_page, &form)
            .read_to_end(&mut bytes)
            .unwrap();
        assert!(
            bytes.starts_with(b"HTTP/1.1 303 "),
            "{}",
            bytes.escape_ascii()
        );
        assert!(set(&bytes) == released_as(), "{}", bytes.escape_ascii());
        let posts = sent.lock().unwrap();
        assert_eq!(
            posts
                .iter()
                .filter(|one| one.head.first.starts_with("POST"))
                .count(),
            1
        );
    }
}
