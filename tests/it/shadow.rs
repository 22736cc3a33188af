//! A scope in shadow: everything is decided and said, nobody is asked, and no scope in force is loosened by it.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::metrics::sample;
use super::support::app::App;
use super::support::browser::{Browser, path_of};
use super::support::gate::{Gate, Setup};
use super::support::legacy::{Failure, Legacy, PASSWORD, Portal, WRONG};
use super::support::program::Program;
use super::support::wire::Answer;

const LOGIN: &str = "[scopes.login]\nshadow = true\n";
const ADMIN: &str = "[scopes.admin]\nshadow = true\n";

const CLASSES: &str = r#"
[[sites.app.routes]]
path = "/public/**"
require = "public"
[[sites.app.routes]]
path = "/open/**"
require = "public-full"
[[sites.app.routes]]
path = "/closed"
require = "deny"
[[sites.app.routes]]
path = "/admin/**"
require = "admin"
"#;

/// A form at the application's login page, good for scope login.
const FORM: &str = r#"
[[sites.app.routes]]
path = "/login"
capture = "form"
[sites.app.captures.form]
scope = "login"
username = "username"
password = "password"
"#;

fn plain(app: &App, shadow: &str) -> Gate {
    let setup = Setup::new(&app.url()).site("identity.header = \"X-Remote-User\"");
    setup.raw_routes(CLASSES).with(shadow).start()
}

fn captured(portal: &Portal, shadow: &str, capture: &str) -> Gate {
    let setup = Setup::new(&portal.url()).raw_routes(&format!("{CLASSES}{FORM}{capture}\n"));
    setup.with(shadow).start()
}

fn both() -> String {
    [LOGIN, ADMIN].concat()
}

fn log_in(browser: &mut Browser, user: &str, password: &str) -> Answer {
    assert_eq!(browser.get("/login").status(), 200);
    browser.post("/login", &[("username", user), ("password", password)])
}

fn location(answer: &Answer) -> String {
    path_of(answer.field("location").unwrap_or_default())
}

pub fn would(gate: &Gate, scope: &str, would: &str) -> usize {
    let text = gate.running().flow().metrics.text().unwrap();
    let series = format!("countersign_shadow_total{{scope=\"{scope}\",would=\"{would}\"}}");
    let count = sample(&text, &series).unwrap_or_default();
    format!("{count}").parse().unwrap()
}

/// Nobody was asked for anything, and nothing waits.
fn idle(gate: &Gate) {
    assert_eq!(gate.sent(), 0);
    let text = gate.running().flow().metrics.text().unwrap();
    assert!(!text.contains("countersign_challenges_total{"), "{text}");
    assert!(gate.running().flow().store.quarantine.is_empty());
}

#[test]
fn a_request_that_would_be_asked_for_a_code_goes_on_as_if_nobody_stood_there() {
    let app = App::scripted(|_, stream| {
        let answer =
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: theirs=new; Path=/\r\n\r\nok";
        stream.get_mut().write_all(answer).is_ok()
    });
    let gate = plain(&app, &both());
    let mut browser = gate.browser();
    browser
        .jar
        .insert("sid".to_owned(), "0123456789abcdef".to_owned());
    let fields = [("authorization", "Bearer x"), ("accept", "text/html")];
    for (count, path) in ["/", "/admin/users", "/any/thing?x=1"].iter().enumerate() {
        let answer = browser.send("GET", path, &fields, b"");
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.head.all("set-cookie"), ["theirs=new; Path=/"]);
        let seen = app.last();
        assert_eq!(seen.head.field("authorization"), Some("Bearer x"));
        let cookies = seen.head.field("cookie").unwrap_or_default();
        assert!(cookies.contains("sid=0123456789abcdef"), "{cookies}");
        assert_eq!(
            would(&gate, "login", "ask") + would(&gate, "admin", "ask"),
            count + 1
        );
    }
    assert_eq!(would(&gate, "admin", "ask"), 1);
    // A posted body is the application's, whole.
    let body = vec![b'a'; 200 * 1024];
    let origin = [("origin", "http://app.localhost")];
    assert_eq!(
        browser.send("POST", "/upload", &origin, &body).status(),
        200
    );
    assert_eq!(app.last().body, body);
    idle(&gate);
}

#[test]
fn what_is_open_to_all_goes_on_with_cookies_and_is_not_spoken_of() {
    let app = App::new();
    let gate = plain(&app, &both());
    let mut browser = gate.browser();
    browser
        .jar
        .insert("sid".to_owned(), "0123456789abcdef".to_owned());
    for path in ["/public/news", "/open/news"] {
        assert_eq!(browser.get(path).status(), 200);
        assert_eq!(
            app.last().head.field("cookie"),
            Some("sid=0123456789abcdef"),
            "{path}"
        );
    }
    assert_eq!(would(&gate, "login", "ask"), 0);
    // A form there would be asked for.
    assert_eq!(browser.post("/public/form", &[("a", "b")]).status(), 200);
    assert_eq!(would(&gate, "login", "ask"), 1);
}

#[test]
fn what_is_no_scopes_matter_is_refused_as_ever() {
    let app = App::new();
    let gate = plain(&app, &both());
    let mut browser = gate.browser();
    assert_eq!(browser.get("/closed").status(), 403);
    assert_eq!(browser.get("/x/..%2fclosed").status(), 403);
    let foreign = [("origin", "https://evil.example")];
    assert_eq!(browser.send("POST", "/", &foreign, b"").status(), 403);
    let websocket = [
        ("origin", "https://evil.example"),
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];
    assert_eq!(browser.send("GET", "/", &websocket, b"").status(), 403);
    assert_eq!(browser.get("/.countersign/nothing").status(), 404);
    assert_eq!(browser.get("/%2ecountersign/sign-out").status(), 404);
    assert_eq!(browser.get("/a%00b").status(), 400);
    assert!(app.seen().is_empty());
}

#[test]
fn s6_nobody_is_anybody_for_the_application_and_our_cookies_stay_here() {
    let app = App::new();
    let gate = plain(&app, &both());
    let mut browser = gate.browser();
    let ours = "__Host-countersign-app".to_owned();
    browser.jar.insert(
        ours,
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
    );
    let claims = [("x-remote-user", "root"), ("X_Remote_User", "root")];
    assert_eq!(browser.send("GET", "/", &claims, b"").status(), 200);
    let seen = app.last();
    assert!(!seen.head.raw.contains("root"), "{}", seen.head.raw);
    assert!(!seen.head.raw.contains("countersign"), "{}", seen.head.raw);
}

#[test]
fn s5_a_grant_from_before_is_not_needed_not_told_and_not_renewed() {
    let app = App::new();
    let strict = plain(&app, "");
    let mut browser = strict.signed_in("ann");
    browser.get("/");
    assert_eq!(app.last().head.field("x-remote-user"), Some("ann"));
    // The same house, with its scopes in shadow.
    let file = strict.file("countersign.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text
        .replace("[scopes.login]", LOGIN.trim_end())
        .replace("[scopes.admin]", ADMIN.trim_end());
    std::fs::write(&file, text).unwrap();
    let gate = strict.restart();
    let mut browser_there = browser.at(gate.address);
    gate.later(10 * 60);
    let answer = browser_there.get("/");
    assert_eq!(answer.status(), 200);
    assert!(
        answer.head.all("set-cookie").is_empty(),
        "{}",
        answer.head.raw
    );
    assert_eq!(app.last().head.field("x-remote-user"), None);
    // Who has it would not have been asked.
    assert_eq!(would(&gate, "login", "ask"), 0);
    browser = browser_there;
    gate.later(31 * 60);
    assert_eq!(browser.get("/").status(), 200);
    assert_eq!(would(&gate, "login", "ask"), 1);
    // That of her first login was the last.
    assert_eq!(gate.sent(), 1);
}

#[test]
fn s3_a_step_up_in_shadow_leaves_its_routes_to_the_first_scope() {
    let app = App::new();
    let gate = plain(&app, ADMIN);
    let refused = gate.browser().get("/admin/users");
    assert!(
        location(&refused).starts_with("/.countersign/ask/login"),
        "{}",
        refused.head.raw
    );
    assert!(app.seen().is_empty());
    let mut ann = gate.signed_in("ann");
    assert_eq!(ann.get("/admin/users").status(), 200);
    assert_eq!(app.last().head.field("x-remote-user"), Some("ann"));
    assert_eq!(would(&gate, "admin", "ask"), 1);
    assert_eq!(would(&gate, "login", "ask"), 0);
}

#[test]
fn s3_a_first_scope_in_shadow_opens_nothing_that_another_guards() {
    let app = App::new();
    let gate = plain(&app, LOGIN);
    let mut browser = gate.browser();
    assert_eq!(browser.get("/").status(), 200);
    app.forget();
    for path in [
        "/admin/users",
        "/x/..;/admin/users",
        "/ADMIN/users",
        "/x/%2e%2e/admin/",
    ] {
        let refused = browser.get(path);
        assert!(refused.status() >= 300, "{path} {}", refused.head.raw);
        let fields = [("origin", "http://app.localhost")];
        assert!(
            browser.send("POST", path, &fields, b"a=b").status() >= 300,
            "{path}"
        );
    }
    assert!(app.seen().is_empty());
    browser.pass_ask("/admin/users", "ann", &gate.messages);
    assert_eq!(browser.get("/admin/users").status(), 200);
    assert_eq!(app.last().head.field("x-remote-user"), Some("ann"));
    // And only there is she who has a grant.
    assert_eq!(browser.get("/").status(), 200);
    assert_eq!(app.last().head.field("x-remote-user"), None);
}

#[test]
fn a_login_goes_through_at_once_and_nothing_is_sent_or_held() {
    let portal = Legacy::default().start();
    for capture in ["", "auth_cookies = [\"sid\"]", "probe = \"/home\""] {
        let gate = captured(&portal, &both(), capture);
        let mut browser = gate.browser();
        let answer = log_in(&mut browser, "ann", PASSWORD);
        assert_eq!(
            (answer.status(), &*location(&answer)),
            (302, "/home"),
            "{capture}"
        );
        assert!(browser.get("/home").text().contains("ann"));
        assert_eq!(would(&gate, "login", "send"), 1, "{capture}");
        let wrong = log_in(&mut gate.browser(), "ann", "wrong");
        assert_eq!(wrong.status(), 200);
        assert!(wrong.text().contains(WRONG));
        assert_eq!(would(&gate, "login", "nothing"), 1);
        // Nobody can be reached by that name, and they are let in all the same.
        let mut stranger = gate.browser();
        assert_eq!(log_in(&mut stranger, "stranger", PASSWORD).status(), 302);
        assert!(stranger.get("/home").text().contains("stranger"));
        assert_eq!(would(&gate, "login", "nothing"), 2);
        idle(&gate);
    }
}

#[test]
fn a_login_is_judged_as_ever_and_nothing_of_that_is_lost_on_the_browser() {
    // Right and wrong get one and the same redirect: the page behind it tells, once.
    let manners = [
        Legacy::in_place(),
        Legacy {
            failure: Failure::Flash,
            ..Legacy::default()
        },
        Legacy {
            steps: 2,
            ..Legacy::in_place()
        },
        Legacy {
            rotates: true,
            ..Legacy::in_place()
        },
    ];
    for manner in manners {
        let portal = manner.start();
        let gate = captured(&portal, &both(), "");
        let mut browser = gate.browser();
        let wrong = log_in(&mut browser, "ann", "wrong");
        assert!(matches!(wrong.status(), 302 | 303));
        let told = followed(&mut browser, &wrong);
        assert!(told.text().contains(WRONG), "{}", told.text());
        assert_eq!(would(&gate, "login", "nothing"), 1);
        let right = log_in(&mut browser, "ann", PASSWORD);
        let home = followed(&mut browser, &right);
        assert!(home.text().contains("ann"), "{}", home.text());
        assert!(browser.get("/home").text().contains("ann"));
        assert_eq!(would(&gate, "login", "send"), 1);
        idle(&gate);
    }
}

fn followed(browser: &mut Browser, answer: &Answer) -> Answer {
    let mut page = browser.get(&location(answer));
    for _ in 0..4 {
        if page.status() == 200 {
            break;
        }
        page = browser.get(&location(&page));
    }
    page
}

#[test]
fn a_login_under_another_name_ends_what_somebody_else_holds_in_a_scope_in_force() {
    let portal = Legacy::default().start();
    // One login page, good for admin where its address says so.
    let staff = "[[sites.app.routes]]\npath = \"/login\"\nquery = { as = \"admin\" }\ncapture = \"staff\"\n\
        [sites.app.captures.staff]\nscope = \"admin\"\nusername = \"username\"\npassword = \"password\"\npage = \"/login?as=admin\"\n";
    let setup = Setup::new(&portal.url()).raw_routes(&format!("{CLASSES}{staff}{FORM}"));
    let gate = setup.with(LOGIN).start();
    let mut browser = gate.browser();
    browser.get("/login?as=admin");
    let form = |user| [("username", user), ("password", PASSWORD)];
    let held = browser.post("/login?as=admin", &form("ann"));
    let page = location(&held);
    assert!(page.starts_with("/.countersign/c/"), "{}", held.head.raw);
    let code = gate.messages.after(0);
    assert_eq!(browser.answer(&page, &code).status(), 303);
    assert!(browser.get("/admin/users").text().contains("ann"));
    let thief = browser.clone();
    // Her own login again ends nothing.
    assert_eq!(browser.post("/login", &form("ann")).status(), 302);
    assert!(browser.get("/admin/users").text().contains("ann"));
    // A wrong password ends nothing either.
    browser.post("/login", &[("username", "bob"), ("password", "wrong")]);
    assert!(browser.cookie("-admin").is_some());
    assert_eq!(browser.post("/login", &form("bob")).status(), 302);
    assert!(browser.cookie("-admin").is_none());
    for mut browser in [browser, thief] {
        let refused = browser.get("/admin/users");
        assert_eq!(refused.status(), 303, "{}", refused.text());
        assert!(!refused.text().contains("bob"));
    }
}

#[test]
fn an_odd_login_is_the_applications_own_matter_and_spoken_of() {
    let portal = Legacy::default().start();
    let gate = captured(&portal, &both(), "");
    let mut browser = gate.browser();
    browser.get("/login");
    let answer = browser.send(
        "POST",
        "/login",
        &[
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", "http://app.localhost"),
        ],
        format!(
            "username=ann&username=bob&password={}",
            PASSWORD.replace(' ', "+")
        )
        .as_bytes(),
    );
    assert_eq!(answer.status(), 302);
    assert_eq!(would(&gate, "-", "refuse"), 1);
    // Where another scope is in force it is refused as ever.
    let gate = captured(&portal, ADMIN, "");
    let form = [
        ("username", "ann"),
        ("username", "bob"),
        ("password", PASSWORD),
    ];
    assert_eq!(gate.browser().post("/login", &form).status(), 400);
}

#[test]
fn http_basic_in_shadow_goes_up_and_tells_who_would_be_asked() {
    let ann = format!("Basic {}", STANDARD.encode("ann:right"));
    let right = ann.clone();
    let app = App::scripted(move |request, stream| {
        let answer: &[u8] = if request.head.field("authorization") == Some(&right) {
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nann"
        } else {
            b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"old\"\r\nContent-Length: 0\r\n\r\n"
        };
        stream.get_mut().write_all(answer).is_ok()
    });
    let gate = Setup::new(&app.url())
        .raw_routes(
            "[sites.app.captures.header]\nscope = \"login\"\nusername = \"basic\"\nprobe = \"/\"\n",
        )
        .with(LOGIN)
        .with("[scopes.admin]\nshadow = true\n")
        .start();
    let mut browser = gate.browser();
    let asks = browser.get("/");
    assert_eq!(asks.field("www-authenticate"), Some("Basic realm=\"old\""));
    assert_eq!(
        (would(&gate, "login", "ask"), would(&gate, "login", "send")),
        (1, 0)
    );
    let shown = [("authorization", &*ann), ("sec-fetch-mode", "navigate")];
    assert_eq!(browser.send("GET", "/", &shown, b"").text(), "ann");
    assert_eq!(would(&gate, "login", "send"), 1);
    // A program is let through as well: nobody's phone would ring for it, and it would be turned away.
    assert_eq!(browser.send("GET", "/", &shown[..1], b"").text(), "ann");
    assert_eq!(would(&gate, "login", "send"), 1);
    let wrong = [
        ("authorization", "Basic eDp5"),
        ("sec-fetch-mode", "navigate"),
    ];
    assert_eq!(browser.send("GET", "/", &wrong, b"").status(), 401);
    assert_eq!(would(&gate, "login", "nothing"), 1);
    let odd = [
        ("authorization", "Digest x"),
        ("sec-fetch-mode", "navigate"),
    ];
    browser.send("GET", "/", &odd, b"");
    assert_eq!(app.last().head.field("authorization"), Some("Digest x"));
    assert_eq!(would(&gate, "-", "refuse"), 1);
    idle(&gate);
}

#[test]
fn a_login_by_script_in_shadow_gets_its_token_and_the_token_is_good() {
    let app = App::scripted(|request, stream| {
        let body = if request.head.first.starts_with("POST /api/login") {
            "{\"access_token\": \"token-of-ann-0123456789abcdef\"}"
        } else {
            "{\"you\": \"ann\"}"
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Own: x\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.get_mut().write_all((head + body).as_bytes()).is_ok()
    });
    let routes = "[[sites.app.routes]]\npath = \"/api/login\"\nmethods = \"POST\"\ncapture = \"api\"\n\
        [sites.app.captures.api]\nscope = \"login\"\nusername = \"/username\"\npassword = \"/password\"\npage = \"/\"\nanswer = \"relay\"\n";
    let gate = Setup::new(&app.url())
        .raw_routes(routes)
        .with(&both())
        .start();
    let mut browser = gate.browser();
    let fields = [
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("sec-fetch-mode", "cors"),
        ("origin", "http://app.localhost"),
    ];
    let login = browser.send(
        "POST",
        "/api/login",
        &fields,
        b"{\"username\": \"ann\", \"password\": \"x\"}",
    );
    assert!(login.text().contains("token-of-ann"));
    // Whole, as the application gave it.
    assert_eq!(login.field("x-own"), Some("x"));
    assert_eq!(would(&gate, "login", "send"), 1);
    let bearer = [("authorization", "Bearer token-of-ann-0123456789abcdef")];
    assert_eq!(browser.send("GET", "/api/me", &bearer, b"").status(), 200);
    assert_eq!(app.last().head.field("authorization"), Some(bearer[0].1));
    assert_eq!(browser.get("/").status(), 200);
    idle(&gate);
}

#[test]
fn c8_the_log_tells_what_would_have_been_done_and_no_secret() {
    let portal = Legacy::default().start();
    let program = Program::start(&captured(&portal, &both(), "").stopped());
    assert!(
        program.log().contains("scope login is in shadow"),
        "{}",
        program.log()
    );
    let mut browser = program.browser();
    browser.get("/home");
    program.logs(&["shadow.ask"], 0);
    log_in(&mut browser, "ann", PASSWORD);
    program.logs(&["shadow.send"], 0);
    log_in(&mut program.browser(), "bob", "mistaken-guess");
    program.logs(&["shadow.login"], 0);
    let log = program.log();
    assert!(log.contains("would ask for a code"), "{log}");
    assert!(log.contains("\"audience\":\"navigation\""), "{log}");
    assert!(log.contains("\"route\":\"no route names it\""), "{log}");
    assert!(
        log.contains("would send a code to +1••••43 by sms via paper"),
        "{log}"
    );
    for secret in ["2025550143", PASSWORD, "correct", "mistaken"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    program.kill();
}
