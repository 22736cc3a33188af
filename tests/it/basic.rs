//! HTTP Basic: the application's own check first, the code then, and the header goes up for nobody but who had both.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::support::app::{App, Recorded};
use super::support::browser::{Browser, path_of, token};
use super::support::gate::{Gate, HOST, Setup, other_than};
use super::support::wire::{Answer, connect, read_answer};

mod machines;

/// Stories that send much are not about how much may be sent.
const LIMITS: &str = "[limits]\nsends_per_hour = { number = 1000, network = 1000 }\nsends_per_day = { number = 1000 }\n";

/// An application with HTTP Basic: ann has the passwords `right` and, once it is changed, `changed`; bob has `his`.
struct Old {
    app: App,
    /// The status of every answer, if it is not the application's own.
    says: Arc<AtomicU16>,
    /// The same for whom it knows.
    says_to_friends: Arc<AtomicU16>,
    changed: Arc<AtomicBool>,
}

impl Old {
    fn new() -> Self {
        let (says, changed) = (
            Arc::new(AtomicU16::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let says_to_friends = Arc::new(AtomicU16::new(0));
        let (own, password) = (Arc::clone(&says), Arc::clone(&changed));
        let friends = Arc::clone(&says_to_friends);
        let app = App::scripted(move |request, stream| {
            let anns = if password.load(Ordering::Relaxed) {
                basic("ann", "changed")
            } else {
                basic("ann", "right")
            };
            let who = match request.head.field("authorization") {
                Some(shown) if shown == anns => Some("ann"),
                Some(shown) if shown == basic("bob", "his") => Some("bob"),
                Some(shown) if shown == basic("stranger", "x") => Some("stranger"),
                _ => None,
            };
            let status = match friends.load(Ordering::Relaxed) {
                own if own != 0 && who.is_some() => own,
                _ => own.load(Ordering::Relaxed),
            };
            let (status, fields, body) = match (status, who) {
                (0, Some(who)) => (
                    200,
                    "Set-Cookie: JSESSIONID=of-the-answer; Path=/; HttpOnly\r\n",
                    format!("hello {who}"),
                ),
                // As Tomcat writes it: without a reason.
                (0, None) => (
                    401,
                    "WWW-Authenticate: Basic realm=\"old\"\r\nSet-Cookie: JSESSIONID=of-nobody; Path=/\r\n",
                    "who are you?".to_owned(),
                ),
                (status, _) => (status, "Location: /elsewhere\r\n", "as told".to_owned()),
            };
            let answer = format!(
                "HTTP/1.1 {status} \r\n{fields}Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.get_mut().write_all(answer.as_bytes()).is_ok()
        });
        Self {
            app,
            says,
            says_to_friends,
            changed,
        }
    }

    fn gate(&self, capture: &str) -> Gate {
        self.gate_with("", capture)
    }

    fn gate_with(&self, routes: &str, capture: &str) -> Gate {
        Setup::new(&self.app.url())
            .with(LIMITS)
            .raw_routes(&format!(
                "[[sites.app.routes]]\npath = \"/admin/**\"\nrequire = \"admin\"\n{routes}\n\
                 [sites.app.captures.header]\nscope = \"login\"\nusername = \"basic\"\nprobe = \"/manager/html\"\n{capture}\n"
            ))
            .start()
    }

    fn seen(&self) -> Vec<Recorded> {
        self.app.seen()
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// What the application is asked over one login: with the credentials, and then without.
const QUESTIONS: [&str; 2] = ["GET /manager/html HTTP/1.1"; 2];

const NAVIGATES: [(&str, &str); 3] = [
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-site", "none"),
];

/// Goes to a page as somebody.
fn go(browser: &mut Browser, path: &str, authorization: &str) -> Answer {
    let fields: Vec<_> = NAVIGATES
        .into_iter()
        .chain([("authorization", authorization)])
        .collect();
    browser.send("GET", path, &fields, b"")
}

/// The address of the code page that an answer leads to.
fn asked(answer: &Answer) -> String {
    assert_eq!(answer.status(), 303, "{}", answer.head.raw);
    let page = path_of(answer.field("location").unwrap());
    assert!(page.starts_with("/.countersign/c/"), "{page}");
    assert!(
        !answer.head.raw.contains("JSESSIONID=of"),
        "{}",
        answer.head.raw
    );
    page
}

/// The whole way: the header, the code, and the way back. Gives where it leads.
fn pass(gate: &Gate, browser: &mut Browser, path: &str, authorization: &str) -> String {
    let before = gate.messages.count();
    let page = asked(&go(browser, path, authorization));
    let answer = browser.answer(&page, &gate.messages.after(before));
    assert_eq!(answer.status(), 303, "{}", answer.text());
    path_of(answer.field("location").unwrap())
}

#[test]
fn without_a_name_people_and_programs_are_asked_and_scripts_are_told() {
    let old = Old::new();
    let gate = old.gate("");
    let mut browser = gate.browser();
    let page = browser.get("/manager/html");
    assert_eq!(page.status(), 401);
    assert_eq!(
        page.field("www-authenticate"),
        Some("Basic realm=\"Example Portal\", charset=\"UTF-8\"")
    );
    assert_eq!(page.field("cache-control"), Some("no-store"));
    assert!(page.text().contains("name and a password"));
    // A program says nothing of itself.
    let tool = browser.send("PROPFIND", "/ann/", &[], b"");
    assert!(
        tool.field("www-authenticate")
            .unwrap()
            .starts_with("Basic ")
    );
    let script = browser.send(
        "GET",
        "/x",
        &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
        b"",
    );
    assert_eq!(script.status(), 401);
    assert_eq!(
        script.field("content-type"),
        Some("application/problem+json")
    );
    assert!(
        script
            .field("www-authenticate")
            .unwrap()
            .starts_with("Countersign ")
    );
    assert!(
        script
            .text()
            .contains("\"challenge_url\":\"/manager/html\""),
        "{}",
        script.text()
    );
    let image = browser.send(
        "GET",
        "/x",
        &[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        b"",
    );
    assert!(!image.head.raw.contains("Basic"), "{}", image.head.raw);
    assert!(old.seen().is_empty(), "nothing goes up");
}

#[test]
fn a_good_header_asks_for_the_code_and_then_goes_up() {
    let old = Old::new();
    let gate = old.gate("");
    let mut browser = gate.browser();
    browser
        .jar
        .insert("theirs".to_owned(), "a-cookie".to_owned());
    let ann = basic("ann", "right");
    let back = pass(&gate, &mut browser, "/manager/html?page=2", &ann);
    assert_eq!(back, "/manager/html?page=2");
    let seen = old.seen();
    assert_eq!(old.app.lines(), QUESTIONS, "the gateway's own alone");
    assert_eq!(
        seen[0].head.names(),
        [
            "authorization",
            "host",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-real-ip"
        ],
        "with that header alone"
    );
    let of_nobody = seen[1].head.names();
    assert!(!of_nobody.contains(&"authorization") && !of_nobody.contains(&"cookie"));
    assert!(
        !browser.jar.contains_key("JSESSIONID"),
        "what the question set is dropped"
    );
    let page = go(&mut browser, &back, &ann);
    assert_eq!((page.status(), &*page.text()), (200, "hello ann"));
    let last = old.seen().pop().unwrap();
    assert_eq!(last.head.field("authorization"), Some(&*ann));
    // And any request of it does: scripts, uploads.
    let script = browser.send(
        "GET",
        "/data",
        &[("sec-fetch-mode", "cors"), ("authorization", &ann)],
        b"",
    );
    assert_eq!(script.text(), "hello ann");
    let origin = format!("http://{HOST}");
    let put = browser.send(
        "PUT",
        "/upload",
        &[("authorization", &ann), ("origin", &origin)],
        &vec![7; 100_000],
    );
    assert_eq!(put.text(), "hello ann");
    assert_eq!(gate.sent(), 1);
}

#[test]
fn without_the_header_a_grant_goes_on_without_it_and_the_application_asks() {
    let old = Old::new();
    let gate = old.gate("");
    let mut browser = gate.browser();
    pass(&gate, &mut browser, "/", &basic("ann", "right"));
    let page = browser.get("/");
    assert_eq!((page.status(), &*page.text()), (401, "who are you?"));
    assert_eq!(page.field("www-authenticate"), Some("Basic realm=\"old\""));
}

#[test]
fn a_wrong_password_is_told_by_the_application_and_rings_nobody() {
    let old = Old::new();
    let gate = old.gate("");
    let mut browser = gate.browser();
    let page = go(&mut browser, "/x", &basic("ann", "wrong"));
    assert_eq!((page.status(), &*page.text()), (401, "who are you?"));
    assert_eq!(page.field("www-authenticate"), Some("Basic realm=\"old\""));
    assert_eq!(page.field("set-cookie"), None);
    assert_eq!(gate.sent(), 0);
    assert_eq!(old.app.lines(), ["GET /manager/html HTTP/1.1"]);
    old.says.store(403, Ordering::Relaxed);
    assert_eq!(go(&mut browser, "/x", &basic("ann", "right")).status(), 403);
    assert_eq!(gate.sent(), 0);
}

#[test]
fn an_application_in_trouble_has_said_nothing() {
    let old = Old::new();
    let gate = old.gate("");
    for status in [500, 503] {
        old.says.store(status, Ordering::Relaxed);
        let page = go(&mut gate.browser(), "/x", &basic("ann", "right"));
        assert_eq!(page.status(), 502);
        assert!(!page.text().contains("as told"));
    }
    assert_eq!(gate.sent(), 0);
}

#[test]
fn in_doubt_a_code_is_asked_for_and_the_page_shows_no_digits_of_the_number() {
    let old = Old::new();
    let gate = old.gate("");
    // What everybody gets tells nothing, a page neither.
    for status in [302, 404, 200] {
        old.says.store(status, Ordering::Relaxed);
        let mut browser = gate.browser();
        let page = asked(&go(&mut browser, "/x", &basic("ann", "right")));
        assert!(!browser.get(&page).text().contains("••43"), "{status}");
    }
    old.says.store(0, Ordering::Relaxed);
    let mut browser = gate.browser();
    let page = asked(&go(&mut browser, "/x", &basic("ann", "right")));
    assert!(
        browser.get(&page).text().contains("••43"),
        "who is known sees where it went"
    );
}

/// Radicale says 403 of what is not alice's own, Tomcat to who has another role: to nobody they say 401.
#[test]
fn who_is_answered_otherwise_than_nobody_is_known_whatever_the_page_is() {
    let old = Old::new();
    let gate = old.gate("");
    for status in [200, 302, 403, 404, 501] {
        old.says_to_friends.store(status, Ordering::Relaxed);
        let mut browser = gate.browser();
        let page = asked(&go(&mut browser, "/x", &basic("ann", "right")));
        assert!(browser.get(&page).text().contains("••43"), "{status}");
        let wrong = go(&mut gate.browser(), "/x", &basic("ann", "wrong"));
        assert_eq!(wrong.status(), 401, "{status}");
    }
    assert_eq!(gate.sent(), 5);
    // Too many questions say nothing of a password.
    old.says_to_friends.store(429, Ordering::Relaxed);
    let page = go(&mut gate.browser(), "/x", &basic("ann", "right"));
    assert_eq!(page.status(), 502);
    assert_eq!(gate.sent(), 5);
}

#[test]
fn a_running_challenge_is_joined_without_a_second_question_or_message() {
    let old = Old::new();
    let gate = old.gate("");
    let mut browser = gate.browser();
    let ann = basic("ann", "right");
    let page = asked(&go(&mut browser, "/x", &ann));
    assert_eq!(asked(&go(&mut browser, "/y", &ann)), page);
    let script = browser.send(
        "GET",
        "/z",
        &[
            ("sec-fetch-mode", "cors"),
            ("sec-fetch-dest", "empty"),
            ("authorization", &ann),
        ],
        b"",
    );
    assert_eq!(script.status(), 401);
    assert!(
        script.text().contains(&page),
        "a script is told where: {}",
        script.text()
    );
    assert_eq!(old.app.lines(), QUESTIONS);
    assert_eq!(gate.sent(), 1);
    // Another password is another login, and is asked about.
    assert_eq!(go(&mut browser, "/x", &basic("ann", "guess")).status(), 401);
    assert_eq!(old.seen().len(), 3);
}

#[test]
fn nothing_rings_for_scripts_and_programs() {
    let old = Old::new();
    let gate = old.gate("");
    let ann = basic("ann", "right");
    for fields in [
        &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")][..],
        &[("accept", "*/*"), ("user-agent", "curl/8")],
        &[("content-type", "text/xml")],
        &[
            ("accept", "text/html"),
            ("x-requested-with", "XMLHttpRequest"),
        ],
    ] {
        let all: Vec<_> = fields
            .iter()
            .copied()
            .chain([("authorization", &*ann)])
            .collect();
        for method in ["GET", "PROPFIND"] {
            let answer = gate.browser().send(method, "/ann/", &all, b"");
            if method == "PROPFIND" {
                assert!(matches!(answer.status(), 401 | 405), "{}", answer.head.raw);
                continue;
            }
            assert_eq!(answer.status(), 401, "{fields:?} {}", answer.head.raw);
            assert_eq!(
                answer.field("content-type"),
                Some("application/problem+json")
            );
            assert!(answer.text().contains("/manager/html"), "{}", answer.text());
        }
    }
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: {ann}\r\n\r\n"
    );
    let mut stream = connect(gate.address);
    stream.get_mut().write_all(head.as_bytes()).unwrap();
    assert_eq!(read_answer(&mut stream, false).unwrap().status(), 401);
    assert!(old.seen().is_empty());
    assert_eq!(gate.sent(), 0);
}

#[test]
fn a_page_that_is_fetched_ahead_asks_nobody_and_rings_nobody() {
    let old = Old::new();
    let gate = old.gate("");
    let mut fields = NAVIGATES.to_vec();
    fields.push(("sec-purpose", "prefetch"));
    let ann = basic("ann", "right");
    for more in [None, Some(("authorization", &*ann))] {
        let fields: Vec<_> = fields.iter().copied().chain(more).collect();
        let answer = gate.browser().send("GET", "/x", &fields, b"");
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.field("www-authenticate"), None);
    }
    assert!(old.seen().is_empty());
    assert_eq!(gate.sent(), 0);
}

#[test]
fn what_two_servers_could_read_differently_goes_nowhere() {
    let old = Old::new();
    let gate = old.gate("");
    let mut signed_in = gate.browser();
    let ann = basic("ann", "right");
    pass(&gate, &mut signed_in, "/", &ann);
    let before = old.seen().len();
    let odd = [
        "Digest username=\"ann\"".to_owned(),
        "Bearer YW5uOnJpZ2h0".to_owned(),
        "Negotiate YII=".to_owned(),
        "Basic".to_owned(),
        "Basic !!".to_owned(),
        "Basic YW5u".to_owned(),
        format!("Basic {}", STANDARD.encode(b"ann:\x07")),
        format!("Basic {}", STANDARD.encode(b"ann:\xff")),
        format!("{ann}, {ann}"),
    ];
    for browser in [&mut gate.browser(), &mut signed_in] {
        for value in &odd {
            let page = go(browser, "/x", value);
            assert_eq!(page.status(), 400, "{value}: {}", page.head.raw);
        }
        let fields: Vec<_> = NAVIGATES
            .into_iter()
            .chain([("authorization", &*ann), ("authorization", &*ann)])
            .collect();
        assert_eq!(browser.send("GET", "/x", &fields, b"").status(), 400);
    }
    assert_eq!(old.seen().len(), before, "with a grant and without one");
}

#[test]
fn g2_a_grant_never_serves_another_header() {
    let old = Old::new();
    let gate = old.gate("");
    let mut browser = gate.browser();
    let (ann, bob) = (basic("ann", "right"), basic("bob", "his"));
    pass(&gate, &mut browser, "/", &ann);
    // Bob's password in ann's browser: asked about alone, and bob's phone rings.
    let before = gate.sent();
    let page = asked(&go(&mut browser, "/secret", &bob));
    assert_eq!(old.app.lines(), [QUESTIONS, QUESTIONS].concat());
    assert_eq!(gate.sent(), before + 1);
    assert!(gate.messages.all().contains("+12025550167"));
    // Ann's code of earlier, or any other, opens nothing.
    let wrong = other_than(&gate.messages.after(before));
    browser.answer(&page, &wrong);
    asked(&go(&mut browser, "/secret", &bob));
    let answer = browser.answer(&page, &gate.messages.after(before));
    assert_eq!(path_of(answer.field("location").unwrap()), "/secret");
    assert_eq!(go(&mut browser, "/secret", &bob).text(), "hello bob");
    // And now it is bob's browser: ann's header asks again.
    asked(&go(&mut browser, "/secret", &ann));
}

#[test]
fn g2_one_persons_code_opens_no_other_header() {
    let old = Old::new();
    let gate = old.gate("");
    let mut browser = gate.browser();
    let (ann, bob) = (basic("ann", "right"), basic("bob", "his"));
    let anns = asked(&go(&mut browser, "/x", &ann));
    let code = gate.messages.after(0);
    let bobs = asked(&go(&mut browser, "/x", &bob));
    assert_ne!(anns, bobs);
    assert_eq!(browser.answer(&anns, &code).status(), 303);
    // The code was ann's: bob's header is as far as before.
    asked(&go(&mut browser, "/x", &bob));
    assert!(
        old.app
            .lines()
            .iter()
            .all(|line| line.contains("/manager/html"))
    );
}

#[test]
fn a_changed_password_needs_a_new_code() {
    let old = Old::new();
    let gate = old.gate("");
    let mut browser = gate.browser();
    pass(&gate, &mut browser, "/", &basic("ann", "right"));
    old.changed.store(true, Ordering::Relaxed);
    let changed = basic("ann", "changed");
    pass(&gate, &mut browser, "/x", &changed);
    assert_eq!(go(&mut browser, "/x", &changed).text(), "hello ann");
    assert_eq!(gate.sent(), 2);
}

#[test]
fn a_step_up_keeps_the_binding() {
    let old = Old::new();
    let gate = old.gate("");
    let mut browser = gate.browser();
    let ann = basic("ann", "right");
    pass(&gate, &mut browser, "/", &ann);
    let page = asked(&go(&mut browser, "/admin/x", &ann));
    let before = gate.sent();
    browser.press(&page, "send");
    let answer = browser.answer(&page, &gate.messages.after(before));
    assert_eq!(answer.status(), 303);
    assert_eq!(go(&mut browser, "/admin/x", &ann).text(), "hello ann");
    // Bob's header in that browser is nobody's yet, there as well.
    let lines = old.app.lines().len();
    asked(&go(&mut browser, "/admin/x", &basic("bob", "his")));
    assert_eq!(old.app.lines()[lines..], QUESTIONS);
}

#[test]
fn who_only_wants_the_other_scope_signs_in_first() {
    let old = Old::new();
    let gate = old.gate("");
    let mut browser = gate.browser();
    let ann = basic("ann", "right");
    assert_eq!(pass(&gate, &mut browser, "/admin/x", &ann), "/admin/x");
    asked(&go(&mut browser, "/admin/x", &ann));
}

#[test]
fn finding_7_no_spelling_of_a_path_takes_the_header_up() {
    let old = Old::new();
    let gate = old.gate_with(
        "[[sites.app.routes]]\npath = \"/open/**\"\nrequire = \"public-full\"\n[[sites.app.routes]]\npath = \"/public/**\"\nrequire = \"public\"\n",
        "",
    );
    let ann = basic("ann", "right");
    for path in [
        "/manager/html",
        "/manager;x/html",
        "/manager/html;jsessionid=1",
        "/%6danager/html",
        "//manager/html",
        "/./manager/html",
        "/open/../manager/html",
        "/open/..;/manager/html",
        "/open/%2e%2e/manager/html",
        "/public/..%2fmanager/html",
        "/open/news",
        "/public/news",
        "/MANAGER/html",
    ] {
        let before = old.seen().len();
        let fields = [("accept", "*/*"), ("authorization", &*ann)];
        gate.browser().send("GET", path, &fields, b"");
        for request in &old.seen()[before..] {
            assert_eq!(request.head.field("authorization"), None, "{path}");
        }
    }
    // Under the grant it goes to open pages, too.
    let mut browser = gate.browser();
    pass(&gate, &mut browser, "/", &ann);
    for path in ["/open/news", "/public/news"] {
        assert_eq!(go(&mut browser, path, &ann).text(), "hello ann", "{path}");
    }
}

#[test]
fn g2_session_cookies_bind_beside_the_header() {
    let old = Old::new();
    let gate = old.gate("auth_cookies = [\"JSESSIONID\"]");
    let mut browser = gate.browser();
    let ann = basic("ann", "right");
    browser
        .jar
        .insert("JSESSIONID".to_owned(), "from-before".to_owned());
    pass(&gate, &mut browser, "/", &ann);
    assert!(
        !browser.jar.contains_key("JSESSIONID"),
        "a session of before is forgotten"
    );
    assert_eq!(go(&mut browser, "/", &ann).text(), "hello ann");
    assert_eq!(browser.jar["JSESSIONID"], "of-the-answer");
    assert_eq!(go(&mut browser, "/", &ann).text(), "hello ann");
    assert_eq!(gate.sent(), 1);
    // Another's session beside ann's header does not go up.
    browser
        .jar
        .insert("JSESSIONID".to_owned(), "of-bob".to_owned());
    asked(&go(&mut browser, "/", &ann));
    assert!(
        old.seen()
            .iter()
            .all(|request| !request.head.raw.contains("of-bob"))
    );
}

#[test]
fn signing_out_ends_it_and_the_header_alone_opens_nothing() {
    let old = Old::new();
    let gate = old.gate("");
    let mut browser = gate.browser();
    let ann = basic("ann", "right");
    pass(&gate, &mut browser, "/", &ann);
    let shown = browser.get("/.countersign/sign-out");
    browser.post("/.countersign/sign-out", &[("token", &token(&shown))]);
    let lines = old.app.lines().len();
    asked(&go(&mut browser, "/x", &ann));
    assert_eq!(old.app.lines()[lines..], QUESTIONS);
}

#[test]
fn nobody_names_themselves_at_the_gate() {
    let old = Old::new();
    let gate = old.gate("");
    let answer = gate.browser().get("/.countersign/ask/login");
    assert_eq!(answer.status(), 303);
    assert_eq!(path_of(answer.field("location").unwrap()), "/manager/html");
}
