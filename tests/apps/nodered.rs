//! Node-RED: its login is a script's, which is given a token and no cookie, and its WebSocket opens to anybody. The code is
//! asked for at the gate, or after its own login, whose token opens nothing before.

use super::gate::{ALICE, Application, BOB, Gate, LONG};
use super::socket::Socket;
use super::visitor::{NAVIGATION, Visitor, code_page, location, value_of};
use super::wire::Answer;

/// The code first.
const ASKED: &str = "scopes = [\"login\"]";

/// Its own login first.
const SITE: &str = "scopes = [\"login\"]\npreset = \"nodered\"";

const PASSWORD: &str = "Nr-pw-1";

/// What a script of the editor says of itself.
const SCRIPT: &str = "Accept: application/json\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Site: same-origin\r\n\
                      Node-RED-API-Version: v2\r\n";

/// What stands in the flows, in the settings, and in what the runtime says of itself.
const MARKS: [&str; 5] = [
    "Flow 1",
    "public hello",
    "httpNodeRoot",
    "flowEncryptionType",
    "access_token",
];

/// Where the application itself shows one of them to who has a token, and where not.
const DOORS: [(&str, bool); 11] = [
    ("/flows", true),
    ("//flows", false),
    ("/%66lows", false),
    ("/FLOWS", true),
    ("/flows/", true),
    ("/settings", true),
    ("/flow/t1", true),
    ("/hello", true),
    ("/red/../flows", false),
    ("/vendor/%2e%2e/settings", false),
    ("/auth/token", false),
];

#[test]
fn node_red_is_reached_by_a_code_and_keeps_its_websocket() {
    let app = Application::start("nodered");
    let gate = Gate::before(&app, ASKED);
    assert_eq!(
        Socket::open(&gate.visitor(), "/comms", "").err(),
        Some(401),
        "an upgrade without a grant"
    );
    assert!(
        Socket::open(&app.visitor(), "/comms", "").is_ok(),
        "the application itself asks nobody"
    );
    gate.play("nodered.mjs");
}

#[test]
fn its_own_login_then_the_code_and_then_a_flow_is_deployed() {
    let app = Application::start("nodered");
    deploys(Gate::before(&app, SITE));
}

/// The application is never told of the name and the scheme.
#[test]
fn so_it_is_over_https_under_another_name() {
    let app = Application::start("nodered");
    deploys(Gate::over_tls(&app, SITE));
}

fn deploys(mut gate: Gate) {
    let mut alice = gate.visitor();
    let editor = alice.get("/");
    assert_eq!(editor.status(), 200);
    assert!(editor.text().contains("<title>Node-RED"));
    assert_eq!(
        call(&mut alice, "GET", "/auth/login", "", b"").status(),
        200
    );

    let refused = log_in(&mut alice, "alice", "wrong");
    assert_eq!(refused.status(), 403);
    assert!(
        refused.text().contains("invalid_grant"),
        "its own words: {}",
        refused.text()
    );
    let token = relayed(&mut alice, "alice");
    let message = gate.message();
    assert_eq!(message.to, ALICE, "the wrong password has sent nothing");

    // Its scripts are told where the person has to go; what the login is drawn with is there.
    let told = call(&mut alice, "GET", "/settings", &bearer(&token), b"");
    assert_eq!(told.status(), 401);
    assert_eq!(told.field("content-type"), Some("application/problem+json"));
    let drawn = call(&mut alice, "GET", "/auth/login", &bearer(&token), b"");
    assert_eq!(drawn.status(), 200, "{}", drawn.text());
    let page = code_page(&alice.get("/"));
    assert!(told.text().contains(&page), "{}", told.text());
    let freed = alice.enter(&page, &message.code);
    let (at, editor) = alice.follow(&page, freed);
    assert_eq!((at.as_str(), editor.status()), ("/", 200));

    // Everything works now: flows are read and deployed, and what happens is heard.
    let flows = call(&mut alice, "GET", "/flows", &bearer(&token), b"");
    let flows = flows.text();
    assert!(flows.contains("public hello"), "{flows}");
    let mut heard = listen(&alice, &token);
    let deployed = deploy(&mut alice, &bearer(&token), &revision(&flows), "deployed");
    assert_eq!(deployed.status(), 200, "{}", deployed.text());
    // The last deployment is told to everybody who begins to listen; this one's is told once its flows run.
    heard.until(&revision(&deployed.text()));
    assert_eq!(alice.get("/hello").text().trim(), "deployed");

    // A look at the same from another window changes nothing: no second message.
    assert_eq!(alice.get("/").status(), 200);
    gate.ends_having_sent(1);
}

/// Nearly as long as its code is good.
#[test]
fn a_token_that_waits_for_nearly_five_minutes_is_freed() {
    let app = Application::start("nodered");
    let mut gate = Gate::with_a_clock(&app, SITE);
    let mut alice = gate.visitor();
    let token = relayed(&mut alice, "alice");
    let page = code_page(&alice.get("/"));
    let message = gate.message();
    gate.later(LONG);
    let waiting = call(&mut alice, "GET", "/flows", &bearer(&token), b"");
    assert_eq!(waiting.status(), 401, "{}", waiting.text());
    let freed = alice.enter(&page, &message.code);
    assert_eq!(location(&freed), "/", "{}", freed.text());
    let flows = call(&mut alice, "GET", "/flows", &bearer(&token), b"");
    assert!(flows.text().contains("Flow 1"), "{}", flows.text());
    gate.ends_having_sent(1);
}

/// It takes a form and JSON, where the last of two members counts.
#[test]
fn a_login_that_two_servers_read_differently_rings_nobody() {
    let app = Application::start("nodered");
    let gate = Gate::before(&app, SITE);
    let form = "application/x-www-form-urlencoded";
    let json = "application/json";
    let rest = "client_id=node-red-editor&grant_type=password&scope=&password=Nr-pw-1";
    let members =
        r#""client_id":"node-red-editor","grant_type":"password","scope":"","password":"Nr-pw-1""#;
    for (kind, target, body) in [
        (
            form,
            "/auth/token",
            format!("{rest}&username=alice&username=bob"),
        ),
        (
            form,
            "/auth/token",
            format!("{rest}&username=alice&username[]=bob"),
        ),
        (
            form,
            "/auth/token",
            format!("{rest}&username=alice&%20username=bob"),
        ),
        (
            form,
            "/auth/token",
            format!("{rest}&username=alice&username%00x=bob"),
        ),
        (
            form,
            "/auth/token?username=bob",
            format!("{rest}&username=alice"),
        ),
        (
            json,
            "/auth/token",
            format!(r#"{{{members},"username":"alice","username":"bob"}}"#),
        ),
        (
            json,
            "/auth/token",
            format!(r#"{{{members},"username":"alice","\u0075sername":"bob"}}"#),
        ),
        (
            json,
            "/auth/token?username=bob",
            format!(r#"{{{members},"username":"alice"}}"#),
        ),
    ] {
        let fields = format!("Content-Type: {kind}\r\n");
        let answer = call(
            &mut gate.visitor(),
            "POST",
            target,
            &fields,
            body.as_bytes(),
        );
        assert_eq!(answer.status(), 400, "{target} {body}: {}", answer.text());
    }
    gate.ends_having_sent(0);
}

#[test]
fn no_token_opens_anything_without_its_grant() {
    let app = Application::start("nodered");
    let mut gate = Gate::before(&app, SITE);
    let old = token_of(&log_in(&mut app.visitor(), "alice", PASSWORD));
    let mut direct = app.visitor();
    for (path, opens) in DOORS {
        let answer = call(&mut direct, "GET", path, &bearer(&old), b"");
        let shown = marks_in(&answer);
        assert_eq!(
            !shown.is_empty(),
            opens,
            "{path} itself shows {shown:?}: {}",
            answer.head.first
        );
    }
    let coded: String = percent(&old);
    let answer = call(
        &mut direct,
        "GET",
        &format!("/flows?access_token={coded}"),
        "",
        b"",
    );
    assert!(
        answer.text().contains("public hello"),
        "it takes it from the query, too"
    );
    let body = format!("{{\"access_token\":\"{old}\",\"flows\":1}}");
    let kind = "Content-Type: application/json\r\n";
    let answer = call(&mut direct, "POST", "/flows", kind, body.as_bytes());
    assert_ne!(answer.status(), 401, "and from the body");

    let mut alice = gate.visitor();
    let waiting = relayed(&mut alice, "alice");
    let message = gate.message();
    gets_nothing(&gate, &alice, &[&old, &waiting]);
    let page = code_page(&alice.get("/"));
    alice.enter(&page, &message.code);
    // The grant stays with its browser, whoever has the token.
    gets_nothing(&gate, &gate.visitor(), &[&old, &waiting]);
    let flows = call(&mut alice, "GET", "/flows", &bearer(&waiting), b"");
    assert!(flows.text().contains("public hello"), "alice goes on");
    gate.ends_having_sent(1);
}

#[test]
fn alices_grant_never_serves_bobs_token() {
    let app = Application::start("nodered");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();
    let own = pass(&mut gate, &mut alice, "alice");
    let mut bob = gate.visitor();
    let passed = pass(&mut gate, &mut bob, "bob");
    let direct = token_of(&log_in(&mut app.visitor(), "bob", PASSWORD));
    // She knows his password, and has another browser.
    let waiting = relayed(&mut gate.visitor(), "bob");
    assert_eq!(gate.message().to, BOB);

    let who = call(&mut alice, "GET", "/settings", &bearer(&own), b"");
    assert!(
        who.text().contains("\"username\":\"alice\""),
        "{}",
        who.text()
    );
    for token in [&passed, &direct, &waiting] {
        let coded = percent(token);
        let form = format!("access_token={coded}");
        let json = format!("{{\"access_token\":\"{token}\",\"flows\":[]}}");
        for answer in [
            call(&mut alice, "GET", "/settings", &bearer(token), b""),
            call(
                &mut alice,
                "GET",
                &format!("/settings?access_token={coded}"),
                "",
                b"",
            ),
            call(
                &mut alice,
                "POST",
                "/flows",
                "Content-Type: application/json\r\n",
                json.as_bytes(),
            ),
            call(
                &mut alice,
                "POST",
                "/flows",
                "Content-Type: application/x-www-form-urlencoded\r\n",
                form.as_bytes(),
            ),
        ] {
            assert_eq!(answer.status(), 401, "{}{}", answer.head.raw, answer.text());
            assert!(!answer.text().contains("bob"), "{}", answer.text());
        }
        let query = format!("/comms?access_token={coded}");
        assert_eq!(Socket::open(&alice, &query, "").err(), Some(401), "{query}");
    }
    let flows = call(&mut alice, "GET", "/flows", &bearer(&own), b"");
    assert!(
        flows.text().contains("public hello"),
        "nothing was deployed"
    );

    // His login in her browser ends her grant.
    relayed(&mut alice, "bob");
    let answer = call(&mut alice, "GET", "/settings", &bearer(&own), b"");
    assert_eq!(answer.status(), 401);
    gate.ends_having_sent(4);
}

/// S5: at the gateway's own sign-out, and at Node-RED's.
#[test]
fn s5_signing_out_ends_the_open_sockets() {
    let app = Application::start("nodered");
    let mut gate = Gate::before(&app, SITE);
    for by_the_application in [false, true] {
        let mut alice = gate.visitor();
        let token = pass(&mut gate, &mut alice, "alice");
        let heard = listen(&alice, &token);
        let kept = alice.clone();
        if by_the_application {
            let form = format!("token={}", percent(&token));
            let fields = bearer(&token) + "Content-Type: application/x-www-form-urlencoded\r\n";
            let answer = call(&mut alice, "POST", "/auth/revoke", &fields, form.as_bytes());
            assert_eq!(answer.status(), 200, "{}", answer.text());
            assert_eq!(alice.jar.value("__Host-countersign-nodered-login"), None);
        } else {
            let out = "/.countersign/sign-out";
            let form = alice.get(out).text();
            alice.post(out, &[("token", &value_of(&form, "token"))]);
        }
        heard.ends();
        for mut visitor in [alice, kept] {
            let answer = call(&mut visitor, "GET", "/flows", &bearer(&token), b"");
            assert_eq!(answer.status(), 401, "{}", answer.text());
            assert_eq!(Socket::open(&visitor, "/comms", "").err(), Some(401));
        }
    }
    gate.ends_having_sent(2);
}

#[test]
fn the_editor_in_a_browser_logs_in_by_itself_and_then_the_code() {
    let app = Application::start("nodered");
    Gate::before(&app, SITE).play("nodered_login.mjs");
}

/// Everywhere with every token, in whatever manner.
fn gets_nothing(gate: &Gate, browser: &Visitor, tokens: &[&String]) {
    for (path, _) in DOORS {
        for token in tokens {
            let coded = percent(token);
            let query = format!("{path}?access_token={coded}");
            for (target, fields) in [
                (path, bearer(token) + SCRIPT),
                (path, bearer(token) + NAVIGATION),
                (path, bearer(token)),
                (query.as_str(), SCRIPT.to_owned()),
                (query.as_str(), NAVIGATION.to_owned()),
                (path, format!("Cookie: access_token={token}\r\n")),
            ] {
                for mut visitor in [gate.visitor(), browser.clone()] {
                    if fields.starts_with("Cookie") {
                        visitor.jar = visitor.jar.without_ours();
                    }
                    let answer = visitor.send("GET", target, &fields, b"");
                    let shown = marks_in(&answer);
                    assert!(
                        shown.is_empty(),
                        "{target} with {fields:?} shows {shown:?}: {}",
                        answer.text()
                    );
                }
            }
        }
    }
    for token in tokens {
        let query = format!("/comms?access_token={}", percent(token));
        for fields in ["", &bearer(token)] {
            for target in ["/comms", "//comms", "/%63omms", &query] {
                assert_eq!(
                    Socket::open(browser, target, fields).err(),
                    Some(401),
                    "{target}"
                );
            }
        }
    }
}

fn marks_in(answer: &Answer) -> Vec<&'static str> {
    let text = answer.text();
    let shown = MARKS.into_iter().filter(|mark| text.contains(mark));
    shown.collect()
}

/// The whole way in; gives the token.
fn pass(gate: &mut Gate, visitor: &mut Visitor, user: &str) -> String {
    let token = relayed(visitor, user);
    let page = code_page(&visitor.get("/"));
    let freed = visitor.enter(&page, &gate.message().code);
    assert_eq!(location(&freed), "/");
    token
}

/// Logs in; gives the token that its script has at once.
fn relayed(visitor: &mut Visitor, user: &str) -> String {
    token_of(&log_in(visitor, user, PASSWORD))
}

fn log_in(visitor: &mut Visitor, user: &str, password: &str) -> Answer {
    let form = format!(
        "client_id=node-red-editor&grant_type=password&scope=&username={user}&password={password}"
    );
    let kind = "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n";
    call(visitor, "POST", "/auth/token", kind, form.as_bytes())
}

fn token_of(answer: &Answer) -> String {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let text = answer.text();
    let (_, rest) = text.split_once("\"access_token\":\"").expect("a token");
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// Calls as the editor's scripts do.
fn call(visitor: &mut Visitor, method: &str, target: &str, fields: &str, body: &[u8]) -> Answer {
    let origin = if method == "GET" {
        String::new()
    } else {
        format!("Origin: {}\r\n", visitor.origin())
    };
    visitor.send(method, target, &format!("{SCRIPT}{origin}{fields}"), body)
}

/// The revision of the flows, as the editor is told it.
fn revision(answer: &str) -> String {
    let (_, rest) = answer.split_once("\"rev\":\"").expect("a revision");
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// Puts other words behind `/hello`.
fn deploy(visitor: &mut Visitor, authorization: &str, rev: &str, words: &str) -> Answer {
    let flows = format!(
        r#"{{"rev":"{rev}","flows":[{{"id":"t1","type":"tab","label":"Flow 1"}},
        {{"id":"a1","type":"http in","z":"t1","url":"/hello","method":"get","wires":[["b1"]]}},
        {{"id":"b1","type":"template","z":"t1","template":"{words}","wires":[["c1"]]}},
        {{"id":"c1","type":"http response","z":"t1","wires":[]}}]}}"#
    );
    let fields = format!(
        "{authorization}Content-Type: application/json\r\nNode-RED-Deployment-Type: full\r\n"
    );
    call(visitor, "POST", "/flows", &fields, flows.as_bytes())
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// As it stands in a query or a form.
fn percent(token: &str) -> String {
    form_urlencoded::byte_serialize(token.as_bytes()).collect()
}

/// What the editor hears.
struct Heard(Socket);

/// Opens the editor's socket and shows it the token, as the editor does.
fn listen(visitor: &Visitor, token: &str) -> Heard {
    let mut socket = Socket::open(visitor, "/comms", "").expect("under a grant");
    socket.say(&format!("{{\"auth\":\"{token}\"}}"));
    let mut heard = Heard(socket);
    heard.until("\"auth\":\"ok\"");
    heard.0.say("{\"subscribe\":\"notification/#\"}");
    heard
}

impl Heard {
    fn until(&mut self, word: &str) {
        while let Some(said) = self.0.hear() {
            if said.contains(word) {
                return;
            }
        }
        panic!("it ended before {word}");
    }

    fn ends(mut self) {
        while self.0.hear().is_some() {}
    }
}
