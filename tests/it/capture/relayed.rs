//! Applications that give a token to a script: `answer = "relay"`.

use std::io::{BufReader, Write};
use std::net::TcpStream;

use super::{LIMITS, OWN, location, theirs};
use crate::support::app::{App, Recorded};
use crate::support::browser::{Browser, token as form_token};
use crate::support::gate::{Gate, Setup};
use crate::support::legacy::PASSWORD;
use crate::support::wire::Answer;

/// What is open to all, and what is not.
const ROUTES: &str = r#"
[[sites.app.routes]]
path = "/api/login"
methods = "POST"
capture = "api"
[[sites.app.routes]]
path = ["/", "/public/**"]
require = "public"
[[sites.app.routes]]
path = "/open/**"
require = "public-full"
[[sites.app.routes]]
path = "/lost"
require = "login-page"
[sites.app.captures.api]
scope = "login"
username = "/username"
password = "/password"
page = "/"
auth_cookies = ["sid"]
answer = "relay"
"#;

/// What its login says besides: `{}` stands for the token.
pub(super) const PLAIN: &str = r#"{"access_token": "{}", "expires_in": 3600}"#;

/// An application that knows a token wherever it stands, and a cookie beside it. It draws another token at each login.
fn app(says: &'static str) -> App {
    App::scripted(move |request, stream| serve(says, request, stream))
}

pub(super) fn serve(says: &str, request: &Recorded, stream: &mut BufReader<TcpStream>) -> bool {
    let mut words = request.head.first.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let (status, text, cookie) = if (method, target) == ("POST", "/api/login") {
        let login: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        let user = login["username"].as_str().unwrap_or_default();
        if login["password"] == PASSWORD {
            let token = format!(
                "token-of-{user}-{:0>8}-{:0>8}",
                request.connection,
                stream_id()
            );
            let cookie =
                format!("Set-Cookie: sid=session-of-{user}-0123456789; Path=/; HttpOnly\r\n");
            (200, says.replace("{}", &token), cookie)
        } else {
            (
                401,
                "{\"error\": \"that password is not right\"}".to_owned(),
                String::new(),
            )
        }
    } else {
        let all = [
            request.head.field("authorization"),
            request.head.field("x-auth-token"),
            request.head.field("cookie"),
            Some(target),
        ];
        let shown: String = all.into_iter().flatten().collect();
        let users = ["ann", "bob", "nophone"].into_iter();
        let who: Vec<&str> = users
            .filter(|user| {
                shown.contains(&format!("token-of-{user}"))
                    || shown.contains(&format!("session-of-{user}"))
            })
            .collect();
        (
            200,
            format!("{{\"at\": \"{target}\", \"you\": {who:?}}}"),
            String::new(),
        )
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nX-Auth-Token: leak\r\n{cookie}\r\n",
        text.len()
    );
    stream
        .get_mut()
        .write_all((head + &text).as_bytes())
        .is_ok()
}

/// Another number each time.
fn stream_id() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static DRAWN: AtomicUsize = AtomicUsize::new(1);
    DRAWN.fetch_add(1, Ordering::Relaxed)
}

pub(super) fn gate(app: &App) -> Gate {
    setup(app, "").start()
}

/// `capture` are more lines of the capture.
pub(super) fn setup(app: &App, capture: &str) -> Setup {
    let routes = format!("{ROUTES}{capture}\n");
    Setup::new(&app.url()).with(LIMITS).raw_routes(&routes)
}

/// Sends something as a script of the site does.
pub(super) fn call(
    browser: &mut Browser,
    method: &str,
    path: &str,
    more: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut fields = vec![
        ("content-type", "application/json"),
        ("origin", OWN),
        ("referer", "http://app.localhost/"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "empty"),
        ("sec-fetch-site", "same-origin"),
    ];
    fields.extend(more);
    browser.send(method, path, &fields, body.as_bytes())
}

pub(super) fn log_in(browser: &mut Browser, user: &str, password: &str) -> Answer {
    let body = format!("{{\"username\": \"{user}\", \"password\": \"{password}\"}}");
    call(browser, "POST", "/api/login", &[], &body)
}

/// Logs in, and gives the token that the script has then.
pub(super) fn relayed(browser: &mut Browser, user: &str) -> String {
    let answer = log_in(browser, user, PASSWORD);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(
        answer.field("content-type"),
        Some("application/json"),
        "{}\n{}",
        answer.head.raw,
        answer.text()
    );
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    assert_eq!(answer.field("x-auth-token"), None);
    assert!(theirs(&answer).is_empty(), "{}", answer.head.raw);
    let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    said["access_token"].as_str().unwrap().to_owned()
}

/// The code page that the next navigation meets, wherever it goes.
fn meets(browser: &mut Browser, path: &str) -> String {
    let answer = browser.get(path);
    assert_eq!(answer.status(), 303, "{path}: {}", answer.text());
    let page = location(&answer);
    assert!(page.starts_with("/.countersign/c/"), "{path}: {page}");
    page
}

/// The whole way in; gives the token.
pub(super) fn signed_in(gate: &Gate, browser: &mut Browser, user: &str) -> String {
    let before = gate.sent();
    let token = relayed(browser, user);
    let page = meets(browser, "/");
    let free = browser.answer(&page, &gate.messages.after(before));
    assert_eq!((free.status(), &*location(&free)), (303, "/"));
    token
}

pub(super) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Calls with a token in Authorization.
pub(super) fn with_token(browser: &mut Browser, path: &str, token: &str) -> Answer {
    call(
        browser,
        "GET",
        path,
        &[("authorization", &bearer(token))],
        "",
    )
}

/// That nothing was said and nothing went up.
pub(super) fn nothing(app: &App, answer: &Answer) {
    assert_eq!(
        answer.status(),
        401,
        "{}\n{}",
        answer.head.raw,
        answer.text()
    );
    assert!(!answer.text().contains("\"you\""), "{}", answer.text());
    assert!(app.lines().is_empty(), "{:?}", app.lines());
}

#[test]
fn the_script_has_its_answer_and_the_person_meets_the_code_wherever_they_go() {
    let app = app(PLAIN);
    let gate = gate(&app);
    let mut browser = gate.browser();
    browser.get("/");
    let token = relayed(&mut browser, "ann");
    assert_eq!(gate.sent(), 1);
    app.forget();
    // Public pages too; and where they went last is where they come back to.
    let page = meets(&mut browser, "/");
    for path in ["/public/help", "/open/news", "/lost", "/flows?tab=1"] {
        assert_eq!(meets(&mut browser, path), page);
    }
    nothing(&app, &with_token(&mut browser, "/flows", &token));
    let free = browser.answer(&page, &gate.messages.code(1));
    assert_eq!((free.status(), &*location(&free)), (303, "/flows?tab=1"));
    assert_eq!(theirs(&free).len(), 1, "{}", free.head.raw);
    let answer = with_token(&mut browser, "/flows", &token);
    assert_eq!(answer.text(), "{\"at\": \"/flows\", \"you\": [\"ann\"]}");
    assert_eq!(
        app.last().head.field("authorization"),
        Some(&*bearer(&token))
    );
    assert_eq!(gate.sent(), 1);
}

#[test]
fn a_script_that_goes_on_calling_is_told_of_the_code_page() {
    let app = app(PLAIN);
    let gate = gate(&app);
    let mut browser = gate.browser();
    let token = relayed(&mut browser, "ann");
    app.forget();
    let page = meets(&mut browser, "/");
    for fields in [vec![], vec![("authorization", bearer(&token))]] {
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let answer = call(&mut browser, "GET", "/flows", &fields, "");
        nothing(&app, &answer);
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(problem["challenge_url"], page);
    }
}

#[test]
fn a_wrong_password_is_relayed_as_it_is_and_costs_nothing() {
    let app = app(PLAIN);
    let gate = gate(&app);
    let mut browser = gate.browser();
    let answer = log_in(&mut browser, "ann", "wrong");
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.text(), "{\"error\": \"that password is not right\"}");
    assert_eq!(gate.sent(), 0);
    assert_eq!(browser.get("/").status(), 200);
    signed_in(&gate, &mut browser, "ann");
}

/// Quarantine: from the answer on, whoever shows it and wherever (design section 3).
#[test]
fn a_token_opens_nothing_before_its_code() {
    let app = app(PLAIN);
    let gate = gate(&app);
    let token = relayed(&mut gate.browser(), "bob");
    let ann = {
        let mut ann = gate.browser();
        signed_in(&gate, &mut ann, "ann");
        ann
    };
    let (authorization, pair) = (bearer(&token), format!("chat, {token}"));
    let query = format!("anything={token}");
    let coded = token.replace('-', "%2D");
    app.forget();
    for (mut browser, stranger) in [(gate.browser(), true), (ann, false)] {
        for path in ["/flows", "/", "/public/help", "/open/news", "/lost"] {
            // What goes up anonymously leaves these behind: the login page is to be had with an old token.
            let stays = stranger && matches!(path, "/" | "/public/help");
            if !stays {
                nothing(&app, &with_token(&mut browser, path, &token));
            }
            for field in [
                ("authorization", &*token),
                ("x-auth-token", &token),
                ("sec-websocket-protocol", &pair),
                (
                    "cookie",
                    format!(
                        "{}; t={token}",
                        browser.cookies().filter(|_| !stays).unwrap_or_default()
                    )
                    .trim_start_matches("; "),
                ),
            ] {
                let mut browser = browser.clone();
                if field.0 == "cookie" {
                    browser.jar.clear();
                }
                let answer = call(&mut browser, "GET", path, &[field], "");
                if stays && matches!(field.0, "authorization" | "cookie") {
                    assert!(answer.text().ends_with("\"you\": []}"), "{}", answer.text());
                    app.forget();
                } else {
                    nothing(&app, &answer);
                }
            }
            for query in [
                &query,
                &format!("access_token={coded}"),
                &format!("t={authorization}").replace(' ', "%20"),
            ] {
                let path = format!("{path}?{query}");
                nothing(&app, &call(&mut browser, "GET", &path, &[], ""));
            }
        }
        let upgrade = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let path = format!("/comms?access_token={token}");
        nothing(&app, &call(&mut browser, "GET", &path, &upgrade, ""));
    }
}

/// RFC 6750 section 2.2, and interfaces that have the token in each body.
#[test]
fn a_token_in_a_body_opens_nothing_either() {
    let app = app(PLAIN);
    let gate = gate(&app);
    let passed = signed_in(&gate, &mut gate.browser(), "bob");
    let waiting = relayed(&mut gate.browser(), "bob");
    let mut ann = gate.browser();
    let own = signed_in(&gate, &mut ann, "ann");
    app.forget();
    let json = |token: &str, name: &str| format!("{{\"a\": [{{\"{name}\": \"{token}\"}}]}}");
    for mut browser in [ann.clone(), gate.browser()] {
        for path in ["/flows", "/open/news"] {
            for body in [json(&waiting, "access_token"), json(&waiting, "auth")] {
                nothing(&app, &call(&mut browser, "POST", path, &[], &body));
            }
        }
    }
    // One that is not theirs, by the name that every server reads.
    let named = json(&passed, "access_token");
    nothing(&app, &call(&mut ann, "POST", "/flows", &[], &named));
    for form in [
        format!("access_token={passed}"),
        format!("x={}", waiting.replace('-', "%2d")),
    ] {
        let urlencoded = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", OWN),
        ];
        let answer = ann.send("POST", "/flows", &urlencoded, form.as_bytes());
        assert!(matches!(answer.status(), 303 | 401), "{}", answer.text());
        assert!(app.lines().is_empty(), "{:?}", app.lines());
    }
    let answer = call(&mut ann, "POST", "/flows", &[], &json(&own, "access_token"));
    assert_eq!(answer.status(), 200, "{}", answer.text());
}

/// Its script would keep a page with status 200 as what it asked for.
#[test]
fn a_script_that_has_to_log_in_again_is_told_so_in_its_own_words() {
    let app = app(PLAIN);
    let gate = gate(&app);
    relayed(&mut gate.browser(), "ann");
    // The session that this login is given waits for the code of another browser.
    let answer = log_in(&mut gate.browser(), "ann", PASSWORD);
    assert_eq!(answer.status(), 401, "{}", answer.text());
    assert_eq!(
        answer.field("content-type"),
        Some("application/problem+json")
    );
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(problem["challenge_url"], "/");
}

/// G2: a grant is bound to its tokens.
#[test]
fn anns_grant_never_serves_bobs_token() {
    let app = app(PLAIN);
    let gate = gate(&app);
    let mut ann = gate.browser();
    let own = signed_in(&gate, &mut ann, "ann");
    let bobs = signed_in(&gate, &mut gate.browser(), "bob");
    ann.jar.remove("sid");
    for (token, you) in [(&own, "[\"ann\"]"), (&bobs, "[]")] {
        for path in ["/flows", "/", "/open/news"] {
            let answer = with_token(&mut ann, path, token);
            assert_eq!(
                answer.text(),
                format!("{{\"at\": \"{path}\", \"you\": {you}}}")
            );
        }
    }
    app.forget();
    nothing(
        &app,
        &call(
            &mut ann,
            "GET",
            &format!("/flows?access_token={bobs}"),
            &[],
            "",
        ),
    );
    let answer = call(
        &mut ann,
        "GET",
        &format!("/flows?access_token={own}"),
        &[],
        "",
    );
    assert_eq!(answer.status(), 200);
    // And with no grant neither serves anybody.
    app.forget();
    for token in [&own, &bobs] {
        nothing(&app, &with_token(&mut gate.browser(), "/flows", token));
    }
}

#[test]
fn a_token_of_another_login_of_theirs_moves_along() {
    let app = app(PLAIN);
    let gate = gate(&app);
    let mut browser = gate.browser();
    let first = signed_in(&gate, &mut browser, "ann");
    let answer = log_in(&mut browser, "ann", PASSWORD);
    let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let second = said["access_token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(gate.sent(), 1);
    for token in [&first, &second] {
        let answer = with_token(&mut browser, "/flows", token);
        assert!(answer.text().contains("ann"), "{}", answer.text());
    }
}

#[test]
fn another_persons_login_ends_the_grant() {
    let app = app(PLAIN);
    let gate = gate(&app);
    let mut browser = gate.browser();
    let anns = signed_in(&gate, &mut browser, "ann");
    let bobs = relayed(&mut browser, "bob");
    app.forget();
    for token in [&anns, &bobs] {
        nothing(&app, &with_token(&mut browser, "/flows", token));
    }
    meets(&mut browser, "/");
}

#[test]
fn a_token_stands_where_the_operator_says_and_its_login_is_then_good() {
    let app = app(r#"{"access_token": "not-the-one-at-all", "data": {"key": "{}"}}"#);
    let gate = setup(&app, "token = [\"/data/key\", \"/other\"]").start();
    let mut browser = gate.browser();
    let answer = log_in(&mut browser, "ann", PASSWORD);
    let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let token = said["data"]["key"].as_str().unwrap();
    let page = meets(&mut browser, "/");
    // Whose password was right may know the end of their number.
    assert!(browser.get(&page).text().contains("43"));
    app.forget();
    nothing(&app, &with_token(&mut gate.browser(), "/open/news", token));
    browser.answer(&page, &gate.messages.code(1));
    assert!(
        with_token(&mut browser, "/flows", token)
            .text()
            .contains("ann")
    );
}

#[test]
fn what_nobody_can_read_is_not_given_away() {
    let large = Box::leak(
        format!(
            "{{\"pad\": \"{}\", \"token\": \"{{}}\"}}",
            "x".repeat(70_000)
        )
        .into_boxed_str(),
    );
    for says in [large, "<p>no JSON at all {}</p>"] {
        let app = app(says);
        let gate = gate(&app);
        let mut browser = gate.browser();
        let answer = log_in(&mut browser, "ann", PASSWORD);
        assert_eq!(answer.status(), 502, "{}", answer.head.raw);
        assert!(!answer.text().contains("token-of") && theirs(&answer).is_empty());
        assert_eq!(gate.sent(), 0);
    }
}

#[test]
fn nothing_is_given_to_a_script_whose_person_cannot_be_reached() {
    let app = app(PLAIN);
    let gate = setup(&app, "token = \"/access_token\"").start();
    let mut browser = gate.browser();
    let answer = log_in(&mut browser, "nophone", PASSWORD);
    assert!(!answer.text().contains("token-of"), "{}", answer.text());
    assert!(
        theirs(&answer)
            .iter()
            .all(|cookie| cookie.contains("Max-Age=0"))
    );
    assert_eq!(gate.sent(), 0);
}

#[test]
fn another_browser_goes_on_and_so_does_one_that_gave_up() {
    let app = app(PLAIN);
    let gate = gate(&app);
    let mut browser = gate.browser();
    let token = relayed(&mut browser, "ann");
    assert_eq!(gate.browser().get("/").status(), 200);
    let page = meets(&mut browser, "/");
    browser.press(&page, "cancel");
    assert_eq!(browser.get("/").status(), 200);
    app.forget();
    nothing(&app, &with_token(&mut browser, "/open/news", &token));
}

#[test]
fn s5_signing_out_ends_what_the_token_opened() {
    let app = app(PLAIN);
    let gate = gate(&app);
    let mut browser = gate.browser();
    let token = signed_in(&gate, &mut browser, "ann");
    let out = "/.countersign/sign-out";
    let form = [("token", &*form_token(&browser.get(out)))];
    browser.post(out, &form);
    app.forget();
    nothing(&app, &with_token(&mut browser, "/flows", &token));
}

#[test]
fn a_prefetch_does_not_take_the_person_away() {
    let app = app(PLAIN);
    let gate = gate(&app);
    let mut browser = gate.browser();
    relayed(&mut browser, "ann");
    let fields = [
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-purpose", "prefetch"),
    ];
    assert_eq!(browser.send("GET", "/", &fields, b"").status(), 503);
}

#[test]
fn a4_the_token_stays_kept_back_over_a_restart() {
    let app = app(PLAIN);
    let gate = gate(&app);
    let mut browser = gate.browser();
    let token = relayed(&mut browser, "ann");
    let gate = gate.restart();
    let mut browser = browser.at(gate.address);
    app.forget();
    nothing(&app, &with_token(&mut browser, "/open/news", &token));
    assert_eq!(browser.get("/").status(), 200);
}

/// What a server unpacks, takes apart, or reads in what it has read.
#[test]
fn a_token_in_a_body_is_seen_however_it_is_wrapped() {
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    let app = app(PLAIN);
    let gate = gate(&app);
    let waiting = relayed(&mut gate.browser(), "bob");
    let mut ann = gate.browser();
    let own = signed_in(&gate, &mut ann, "ann");
    app.forget();
    let form = "application/x-www-form-urlencoded";
    let plain = format!("access_token={waiting}").into_bytes();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&plain).unwrap();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(&plain).unwrap();
    let part = super::parts(&[("a", "b"), ("access_token", &waiting)]);
    let inner = format!("payload=%7B%22auth%22%3A%22{waiting}%22%7D").into_bytes();
    let nested = format!("{{\"params\": \"{{\\\"auth\\\": \\\"{waiting}\\\"}}\"}}").into_bytes();
    for (kind, coding, body) in [
        (form, "gzip", gzip.finish().unwrap()),
        (form, "deflate", zlib.finish().unwrap()),
        (form, "br", b"whatever that is".to_vec()),
        (form, "identity", plain.clone()),
        (super::PARTS, "identity", part),
        (form, "identity", inner),
        ("application/json", "identity", nested),
        (
            "text/plain",
            "identity",
            format!("<auth>{waiting}</auth>").into_bytes(),
        ),
    ] {
        let fields = [
            ("content-type", kind),
            ("content-encoding", coding),
            ("origin", OWN),
            ("sec-fetch-mode", "cors"),
            ("sec-fetch-dest", "empty"),
        ];
        let answer = ann.send("POST", "/flows", &fields, &body);
        assert_eq!(answer.status(), 401, "{kind} {coding}: {}", answer.text());
        assert!(app.lines().is_empty(), "{kind} {coding}");
    }
    // Her own goes up, packed or not.
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    write!(packed, "access_token={own}").unwrap();
    let packed = packed.finish().unwrap();
    let own_parts = super::parts(&[("access_token", &own)]);
    for (kind, coding, body) in [
        (super::PARTS, "identity", own_parts),
        (form, "gzip", packed),
    ] {
        let fields = [
            ("content-type", kind),
            ("content-encoding", coding),
            ("origin", OWN),
        ];
        ann.send("POST", "/upload", &fields, &body);
        assert_eq!(app.lines(), ["POST /upload HTTP/1.1"], "{kind} {coding}");
        app.forget();
    }
}

/// RFC 6750 section 2.2 wants an urlencoded form; servers that read parts find it there, too.
#[test]
fn g2_anothers_token_by_its_name_in_parts_stays_here_even_with_a_grant_of_its_own() {
    let app = app(PLAIN);
    let gate = gate(&app);
    let passed = signed_in(&gate, &mut gate.browser(), "bob");
    let mut ann = gate.browser();
    signed_in(&gate, &mut ann, "ann");
    app.forget();
    let body = super::parts(&[("access_token", &passed)]);
    let fields = [("content-type", super::PARTS), ("origin", OWN)];
    ann.send("POST", "/flows", &fields, &body);
    assert!(app.lines().is_empty(), "{:?}", app.lines());
}
