//! Who gets a page and who gets JSON, what routes let through, and what never leaves the gateway.

use std::io::Write;

use super::support::app::{App, Recorded};
use super::support::browser::{Browser, path_of};
use super::support::gate::{Gate, HOST, Setup};
use super::support::wire::{Answer, connect, read_answer};

const OWN: &str = "http://app.localhost";

fn gate(app: &App) -> Gate {
    Setup::new(&app.url())
        .site("origins = [\"https://partner.example\"]")
        .start()
}

fn location(answer: &Answer) -> String {
    path_of(answer.field("location").unwrap_or_default())
}

fn json(answer: &Answer) -> serde_json::Value {
    assert_eq!(
        answer.field("content-type"),
        Some("application/problem+json")
    );
    serde_json::from_slice(&answer.body).unwrap()
}

const WEBSOCKET: [(&str, &str); 4] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

#[test]
fn each_audience_gets_what_it_can_use() {
    #[derive(Debug, PartialEq)]
    enum Gets {
        Page,
        Problem,
        Frame,
        Nothing,
    }
    let app = App::new();
    let gate = gate(&app);
    let navigate = ("sec-fetch-mode", "navigate");
    let cases: &[(&[(&str, &str)], Gets)] = &[
        (&[navigate, ("sec-fetch-dest", "document")], Gets::Page),
        (&[("accept", "text/html,application/xhtml+xml")], Gets::Page),
        (&[("accept", "*/*")], Gets::Page),
        (&[], Gets::Page),
        (&[navigate, ("sec-fetch-dest", "iframe")], Gets::Frame),
        (&[navigate, ("sec-fetch-dest", "embed")], Gets::Frame),
        (
            &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
            Gets::Problem,
        ),
        (
            &[
                ("sec-fetch-mode", "same-origin"),
                ("sec-fetch-dest", "empty"),
                ("accept", "text/html"),
            ],
            Gets::Problem,
        ),
        (
            &[
                ("x-requested-with", "XMLHttpRequest"),
                ("accept", "text/html"),
            ],
            Gets::Problem,
        ),
        (&[("content-type", "application/json")], Gets::Problem),
        (&[("accept", "application/json")], Gets::Problem),
        (
            &[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
            Gets::Nothing,
        ),
        (
            &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "font")],
            Gets::Nothing,
        ),
        (&WEBSOCKET, Gets::Nothing),
    ];
    for (fields, gets) in cases {
        let mut browser = gate.browser();
        let answer = browser.send("GET", "/private?x=1", fields, b"");
        let found = match (answer.status(), answer.field("content-type")) {
            (303, None) if location(&answer) == "/.countersign/ask/login" => Gets::Page,
            (401, Some("application/problem+json")) => Gets::Problem,
            (401, Some("text/html; charset=utf-8")) => Gets::Frame,
            (401, None) if answer.body.is_empty() => Gets::Nothing,
            _ => panic!("{fields:?}: {}", answer.head.raw),
        };
        assert_eq!(found, *gets, "{fields:?}");
        let challenge = answer.field("www-authenticate");
        assert_eq!(challenge.is_some(), answer.status() == 401, "{fields:?}");
        assert!(challenge.is_none_or(|text| text.starts_with("Countersign scope=\"login\"")));
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        if found == Gets::Nothing {
            assert!(answer.head.all("set-cookie").is_empty());
        }
        if found == Gets::Frame {
            assert!(
                answer.text().contains("target=\"_top\""),
                "{}",
                answer.text()
            );
            assert!(
                !answer
                    .field("content-security-policy")
                    .unwrap()
                    .contains("frame-ancestors 'none'"),
                "a page for frames must show in one"
            );
        }
    }
    assert!(app.seen().is_empty());
    assert_eq!(gate.sent(), 0);
}

#[test]
fn a_script_is_told_what_is_missing_and_where_to_get_it() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    let script = [
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "empty"),
        ("referer", "http://app.localhost/admin/app"),
    ];
    let answer = browser.send("GET", "/admin/data", &script, b"");
    assert_eq!(answer.status(), 401);
    let problem = json(&answer);
    assert_eq!(
        problem["type"],
        "https://countersign.invalid/problems/code-required"
    );
    assert_eq!(problem["title"], "A code is required");
    assert_eq!(problem["status"], 401);
    assert_eq!(problem["scope"], "admin");
    let url = problem["challenge_url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("/.countersign/c/"), "{url}");
    assert!(problem["expires_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(problem["reference"].as_str().unwrap().len(), 9);
    let challenge = format!("Countersign scope=\"admin\", challenge=\"{url}\"");
    assert_eq!(answer.field("www-authenticate"), Some(&*challenge));
    // The page it runs in is what the visitor comes back to.
    let before = gate.sent();
    browser.press(&url, "send");
    let released = browser.answer(&url, &gate.messages.after(before));
    assert_eq!(location(&released), "/admin/app");
}

#[test]
fn htmx_and_grpc_are_told_in_their_own_way() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let htmx = [
        ("hx-request", "true"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "empty"),
    ];
    let answer = browser.send("GET", "/part", &htmx, b"");
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.field("hx-redirect"), Some("/.countersign/ask/login"));
    assert_eq!(json(&answer)["challenge_url"], "/.countersign/ask/login");
    let grpc = [
        ("content-type", "application/grpc+proto"),
        ("te", "trailers"),
    ];
    let answer = browser.send("POST", "/svc/Call", &grpc, b"\0\0\0\0\0");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.field("grpc-status"), Some("16"));
    assert_eq!(answer.field("content-type"), Some("application/grpc"));
    assert!(answer.body.is_empty());
    assert!(app.seen().is_empty());
}

#[test]
fn scripts_of_trusted_origins_can_read_the_refusal_and_no_others() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    for (origin, trusted) in [
        ("https://partner.example", true),
        (OWN, true),
        ("https://evil.example", false),
        ("https://partner.example.evil.example", false),
        ("http://partner.example", false),
    ] {
        let fields = [
            ("origin", origin),
            ("sec-fetch-mode", "cors"),
            ("sec-fetch-dest", "empty"),
        ];
        let answer = browser.send("GET", "/data", &fields, b"");
        assert_eq!(answer.status(), 401);
        let allowed = answer.field("access-control-allow-origin");
        assert_eq!(allowed, trusted.then_some(origin), "{origin}");
        let credentials = answer.field("access-control-allow-credentials");
        assert_eq!(credentials, trusted.then_some("true"));
        assert_eq!(answer.field("vary"), Some("Origin"));
    }
}

#[test]
fn options_is_answered_here_unless_a_grant_stands_behind_it() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .site("origins = [\"https://partner.example\"]")
        .raw_routes(
            "[[sites.app.routes]]\npath = \"/closed\"\nrequire = \"deny\"\n\
             [[sites.app.routes]]\npath = \"/open/**\"\nrequire = \"public\"\n\
             [[sites.app.routes]]\npath = \"/admin\"\nrequire = \"admin\"\n",
        )
        .start();
    let mut browser = gate.browser();
    let preflight = |origin| {
        [
            ("origin", origin),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "x-token"),
        ]
    };
    for path in ["/private", "/open/x", "/admin"] {
        let answer = browser.send("OPTIONS", path, &preflight("https://partner.example"), b"");
        assert_eq!(answer.status(), 204, "{path}");
        for (name, value) in [
            ("access-control-allow-origin", "https://partner.example"),
            ("access-control-allow-methods", "PUT"),
            ("access-control-allow-headers", "x-token"),
            ("access-control-allow-credentials", "true"),
        ] {
            assert_eq!(answer.field(name), Some(value), "{path}");
        }
        for fields in [
            &preflight("https://evil.example")[..],
            &[("origin", OWN)],
            &[],
        ] {
            let answer = browser.send("OPTIONS", path, fields, b"");
            assert_eq!(answer.status(), 403, "{path} {fields:?}");
            assert!(answer.field("access-control-allow-origin").is_none());
        }
    }
    let closed = browser.send(
        "OPTIONS",
        "/closed",
        &preflight("https://partner.example"),
        b"",
    );
    assert_eq!(closed.status(), 403);
    assert!(app.seen().is_empty());
    let mut person = gate.signed_in("ann");
    assert_eq!(person.send("OPTIONS", "/private", &[], b"").status(), 200);
    assert_eq!(person.send("OPTIONS", "*", &[], b"").status(), 200);
    assert_eq!(
        app.lines(),
        ["OPTIONS /private HTTP/1.1", "OPTIONS * HTTP/1.1"]
    );
}

#[test]
fn unsafe_requests_come_from_the_sites_own_pages() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    for (fields, passes) in [
        (&[("origin", OWN)][..], true),
        (&[("origin", "https://partner.example")], true),
        (&[], true),
        (
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
            true,
        ),
        (&[("origin", "null")], false),
        (
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            false,
        ),
        (&[("origin", "https://evil.example")], false),
        (&[("origin", "https://app.localhost")], false),
        (&[("origin", "http://app.localhost:8080")], false),
        (
            &[("origin", OWN), ("origin", "https://evil.example")],
            false,
        ),
    ] {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let before = app.seen().len();
            let answer = browser.send(method, "/save", fields, b"x");
            let expected = if passes { 200 } else { 403 };
            assert_eq!(answer.status(), expected, "{method} {fields:?}");
            assert_eq!(app.seen().len() - before, usize::from(passes));
        }
        let upgrade = [&WEBSOCKET[..], fields].concat();
        let answer = browser.send("GET", "/socket", &upgrade, b"");
        assert_eq!(answer.status() == 403, !passes, "websocket {fields:?}");
    }
    // Reading is nobody's harm.
    assert_eq!(
        browser
            .send("GET", "/", &[("origin", "https://evil.example")], b"")
            .status(),
        200
    );
}

#[test]
fn own_paths_are_never_forwarded_in_any_spelling() {
    let app = App::new();
    let gate = gate(&app);
    let mut stranger = gate.browser();
    let mut person = gate.signed_in("ann");
    for path in [
        "/.countersign",
        "/.countersign/",
        "/.countersign/nothing",
        "/.countersign/c/",
        "/.countersign/c/AAAAAAAAAAAAAAAAAAAAAAA",
        "/.countersign/ask/nobody",
        "/.countersign/ask/login/x",
        "/.countersign/sign-out/",
        "/.CounterSign/sign-out",
        "/%2ecountersign/sign-out",
        "/%2Ecountersign/ask/login",
        "/.%63ountersign/sign-out",
        "/x/../.countersign/sign-out",
        "/x/%2e%2e/.countersign/sign-out",
        "//.countersign/sign-out",
        "/./.countersign/sign-out",
        "/.countersign%2fsign-out",
        "/.countersign;a=b/sign-out",
        "/%252ecountersign/sign-out",
        "/\\.countersign/sign-out",
    ] {
        for browser in [&mut stranger, &mut person] {
            for method in ["GET", "HEAD", "POST"] {
                let answer = browser.send(method, path, &[("origin", OWN)], b"");
                assert!(
                    matches!(answer.status(), 400 | 404),
                    "{method} {path}: {}",
                    answer.status()
                );
            }
        }
    }
    for path in ["/.countersign/ask/login", "/.countersign/sign-out"] {
        for method in ["PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
            let answer = person.send(method, path, &[], b"");
            assert_eq!(answer.status(), 405, "{method} {path}");
            assert_eq!(answer.field("allow"), Some("GET, HEAD, POST"));
        }
    }
    assert!(app.seen().is_empty());
    assert_eq!(person.get("/").status(), 200);
}

/// An application that sets cookies and says how it may be cached.
fn setting() -> App {
    App::scripted(|request: &Recorded, stream| {
        let length = if request.head.first.starts_with("HEAD") {
            ""
        } else {
            "hello"
        };
        let head = "HTTP/1.1 200 OK\r\nSet-Cookie: session=1\r\nSet-Cookie: b=2\r\nVary: Accept\r\nContent-Length: 5\r\n\r\n";
        stream
            .get_mut()
            .write_all(format!("{head}{length}").as_bytes())
            .is_ok()
    })
}

/// Cookies, credentials, and a field of no matter.
const BRINGS: [(&str, &str); 3] = [
    ("cookie", "session=stolen; theme=dark"),
    ("authorization", "Basic YTpi"),
    ("x-plain", "1"),
];

fn classed(app: &App) -> Gate {
    Setup::new(&app.url())
        .routes(&[
            ("/closed", "deny"),
            ("/open/**", "public"),
            ("/full/**", "public-full"),
            ("/lost", "login-page"),
            ("/admin", "admin"),
        ])
        .start()
}

#[test]
fn what_is_denied_is_denied_to_everybody() {
    let app = setting();
    let gate = classed(&app);
    let mut person = gate.signed_in("ann");
    person.pass_step_up("/admin", &gate.messages);
    for browser in [&mut gate.browser(), &mut person] {
        for path in [
            "/closed",
            "/closed/below",
            "/CLOSED",
            "/x/../closed",
            "/%63losed",
        ] {
            for method in ["GET", "HEAD", "POST", "OPTIONS", "DELETE"] {
                let answer = browser.send(method, path, &[], b"");
                assert_eq!(answer.status(), 403, "{method} {path}");
            }
        }
        let page = browser.get("/closed");
        assert!(page.text().contains("This page is closed"));
        let script = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")];
        let problem = json(&browser.send("GET", "/closed", &script, b""));
        assert_eq!(
            problem["type"],
            "https://countersign.invalid/problems/denied"
        );
    }
    assert!(app.seen().is_empty());
}

#[test]
fn the_anonymous_zone_has_no_cookies_in_either_direction() {
    let app = setting();
    let gate = classed(&app);
    let mut browser = gate.browser();
    for method in ["GET", "HEAD"] {
        let answer = browser.send(method, "/open/a?b=c", &BRINGS, b"");
        assert_eq!(answer.status(), 200);
        assert!(
            answer.head.all("set-cookie").is_empty(),
            "{}",
            answer.head.raw
        );
        assert_eq!(answer.head.all("vary"), ["Accept", "Cookie"]);
        assert_eq!(answer.text(), if method == "GET" { "hello" } else { "" });
        let seen = app.last();
        assert_eq!(seen.head.first, format!("{method} /open/a?b=c HTTP/1.1"));
        assert!(seen.head.field("cookie").is_none() && seen.head.field("authorization").is_none());
        assert_eq!(seen.head.field("x-plain"), Some("1"));
    }
    // Everything else there needs the first scope.
    let count = app.seen().len();
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let answer = browser.send(method, "/open/a", &[("origin", OWN)], b"x=1");
        assert_eq!(
            (answer.status(), &*location(&answer)),
            (303, "/.countersign/ask/login"),
            "{method}"
        );
    }
    assert_eq!(
        browser.send("GET", "/open/a", &WEBSOCKET, b"").status(),
        401
    );
    assert_eq!(browser.send("OPTIONS", "/open/a", &[], b"").status(), 403);
    // Another reading of the path is elsewhere.
    for path in [
        "/open/../private",
        "/open/%2e%2e/private",
        "/open/..;/private",
    ] {
        assert_ne!(browser.get(path).status(), 200, "{path}");
    }
    assert_eq!(app.seen().len(), count);
}

#[test]
fn with_a_grant_the_anonymous_zone_is_the_first_scope() {
    let app = setting();
    let gate = classed(&app);
    let mut browser = gate.signed_in("ann");
    browser.jar.insert("session".to_owned(), "own".to_owned());
    let answer = browser.send("GET", "/open/a", &[("authorization", "Basic YTpi")], b"");
    assert_eq!(answer.head.all("set-cookie"), ["session=1", "b=2"]);
    let seen = app.last();
    assert_eq!(
        seen.head.field("cookie"),
        Some("session=own"),
        "S6: without ours"
    );
    assert_eq!(
        browser
            .send("POST", "/open/a", &[("origin", OWN)], b"x")
            .status(),
        200
    );
}

#[test]
fn open_classes_pass_cookies_but_never_ours() {
    let app = setting();
    let gate = classed(&app);
    let mut browser = gate.browser();
    browser.get("/private");
    assert!(browser.cookie("").is_some());
    browser.jar.insert("theme".to_owned(), "dark".to_owned());
    for path in ["/full/a", "/lost"] {
        for method in ["GET", "HEAD", "POST", "OPTIONS"] {
            let answer = browser.clone().send(method, path, &[("origin", OWN)], b"");
            assert_eq!(answer.status(), 200, "{method} {path}");
            assert_eq!(answer.head.all("set-cookie"), ["session=1", "b=2"]);
            let seen = app.last();
            assert!(seen.head.first.starts_with(method));
            assert_eq!(
                seen.head.field("cookie"),
                Some("theme=dark"),
                "S6: without ours"
            );
        }
    }
    // Opening routes open exactly what they say.
    for path in ["/lost/x", "/LOST", "/full", "/lost;x"] {
        assert_eq!(browser.get(path).status(), 303, "{path}");
    }
}

#[test]
fn a_host_that_is_no_site_is_misdirected_and_asks_nobody() {
    let app = App::new();
    let gate = gate(&app);
    let mut stranger = Browser::new(gate.address, "other.localhost");
    assert_eq!(stranger.get("/").status(), 421);
    assert_eq!(stranger.get("/.countersign/ask/login").status(), 421);
    // A grant of one site is nothing at another's name.
    let mut elsewhere = Browser::new(gate.address, "other.localhost");
    elsewhere.jar = gate.signed_in("ann").jar.clone();
    assert_eq!(elsewhere.get("/").status(), 421);
    assert!(app.seen().is_empty());
}

/// R7: what is left of a refused request is never the next one.
#[test]
fn r7_the_body_of_a_refused_request_is_not_the_next_request() {
    let app = App::new();
    let gate = classed(&app);
    let hidden = "GET /full/hidden HTTP/1.1\r\nHost: app.localhost\r\n\r\n";
    for path in ["/private", "/closed", "/.countersign/ask/login", "/open/x"] {
        let mut stream = connect(gate.address);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {HOST}\r\nOrigin: {OWN}\r\nContent-Length: {}\r\n\r\n{hidden}",
            hidden.len()
        );
        stream.get_mut().write_all(head.as_bytes()).unwrap();
        let first = read_answer(&mut stream, false).unwrap();
        assert!(first.status() >= 300, "{path}");
        stream
            .get_mut()
            .shutdown(std::net::Shutdown::Write)
            .unwrap();
        assert!(read_answer(&mut stream, false).is_none(), "{path}");
    }
    assert!(app.seen().is_empty());
}
