//! `JupyterLab`: a password without a name, a token beside it, and kernels and terminals behind `WebSockets`.

use super::burglar::{Burglar, Door};
use super::gate::{ALICE, Application, Gate, LONG};
use super::socket::Socket;
use super::visitor::{Jar, Visitor, code_page, location, set_by, shapes, value_of};
use super::wire::Answer;

const SITE: &str = r#"
scopes = ["login", "admin"]
fixed_user = "alice"

[[sites.jupyter.routes]]
path = "/static/**"
require = "public"
[[sites.jupyter.routes]]
path = "/login"
capture = "form"
# A terminal is a shell: opening one and being connected to it wants a code of its own. The Lab looks at the list of
# them every few seconds, which is harmless.
[[sites.jupyter.routes]]
path = "/terminals/**"
require = "admin"
[[sites.jupyter.routes]]
path = "/api/terminals/**"
methods = ["POST", "DELETE", "PUT", "PATCH"]
require = "admin"
# A page to ask for that code: the Lab itself, under an address that people can keep.
[[sites.jupyter.routes]]
path = "/lab"
query = { terminals = "on" }
require = "admin"

[sites.jupyter.captures.form]
scope = "login"
password = "password"
probe = "/lab"
auth_cookies = ["username-*"]

[scopes.admin]
title = "Terminals"
"#;

const PRESET: &str = r#"
preset = "jupyter"
scopes = ["login", "admin"]
fixed_user = "alice"

[scopes.admin]
title = "Terminals"
"#;

const PASSWORD: &str = "Ju-pw-1";
const LOGIN: &str = "/login?next=%2Flab";

/// The second way in that the application has.
const TOKEN: &str = "Ju-token-1";

/// What stands in the Lab's page, in the file that is always there, and in what the server says of itself and its people.
const LAB: &str = "jupyter-config-data";
const LEDGER: &str = "the ledger of the herons";
const MARKS: [&str; 7] = [
    LAB,
    LEDGER,
    "\"ledger.txt\"",
    "\"kernelspecs\"",
    "\"identity\"",
    "\"last_activity\"",
    "\"connections\"",
];

/// How the names of its sessions begin; the rest is the host and port of which it thinks that it is.
const SESSIONS: [&str; 1] = ["username-"];

const DOORS: [Door; 23] = [
    Door::opens("GET /lab"),
    Door::opens("GET /lab/tree/ledger.txt"),
    Door::opens("GET /lab?terminals=on"),
    Door::shut("GET /%6cab"),
    Door::opens("GET /api/contents"),
    Door::opens("GET /api/contents/ledger.txt"),
    Door::opens("GET /api/contents/%6cedger.txt"),
    // Without the Referer that its pages send it gives no file away, even to who is signed in.
    Door::shut("GET /files/ledger.txt"),
    Door::shut("GET /files/%6cedger.txt"),
    Door::opens("GET /api/kernelspecs"),
    Door::opens("GET /api/status"),
    Door::opens("GET /api/me"),
    Door::shut("GET //lab"),
    Door::shut("GET /LAB"),
    Door::shut("GET /lab;x"),
    Door::shut("GET /static/../lab"),
    Door::shut("GET /static/..%2flab"),
    Door::shut("GET /static/%2e%2e/files/ledger.txt"),
    Door::shut("GET /login/../lab"),
    Door::shut("GET /login/%2e%2e/lab"),
    Door::shut("GET /files/..%2f..%2fconfig/jupyter_server_config.json"),
    Door::shut("GET /login?next=%2Flab"),
    Door::shut("GET /static/favicon.ico"),
];

/// The sockets of the application: to a kernel, to a terminal, and to what happens in the server.
const SOCKETS: [&str; 3] = [
    "/api/kernels/{kernel}/channels",
    "/terminals/websocket/{terminal}",
    "/api/events/subscribe",
];

#[test]
fn a_password_without_a_name_then_the_code_and_then_a_kernel_computes() {
    let app = Application::start("jupyter");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();

    let (at, form) = alice.walk("/lab");
    assert!(at.starts_with("/login"), "{at}");
    assert!(form.text().contains("name=\"password\""));
    assert!(alice.jar.value("_xsrf").is_some(), "its scripts read it");
    let refused = log_in(&mut alice, "wrong");
    assert_eq!(refused.status(), 401);
    assert!(
        refused.text().contains("Invalid credentials"),
        "{}",
        refused.text()
    );

    let page = code_page(&log_in(&mut alice, PASSWORD));
    let message = gate.message();
    assert_eq!(message.to, ALICE, "the wrong password has sent nothing");
    let released = alice.enter(&page, &message.code);
    let set = released.head.all("set-cookie");
    let session = set.iter().find(|line| line.starts_with(SESSIONS[0]));
    let session = session.unwrap_or_else(|| panic!("its session is handed out: {set:?}"));
    // Quoted where there is a sign that wants it, which hangs on the name that it gives the visitor; bars always.
    let value = session.split_once('=').map_or("", |(_, value)| value);
    let plain = value.trim_start_matches('"');
    assert!(plain.starts_with("2|1:0|10:"), "as it came: {session}");
    assert!(!value.contains('%'), "as it came: {session}");
    let (at, lab) = alice.follow(&page, released);
    assert_eq!(at, "/lab");
    assert!(lab.text().contains(LAB), "{}", lab.text());

    // A kernel, over its socket.
    let kernel = start_kernel(&mut alice);
    let channels = format!("/api/kernels/{kernel}/channels");
    let mut socket = Socket::open(&alice, &channels, "").expect("a socket after the code");
    assert_eq!(compute(&mut socket, "6*7"), "42");
    assert!(Socket::open(&alice, "/api/events/subscribe", "").is_ok());
    let foreign = Socket::open(&gate.visitor(), &channels, "").err();
    assert_eq!(foreign, Some(401), "a stranger has no part in it");

    // Files, up and down.
    let text = "x".repeat(3_000_000);
    let body = format!(r#"{{"type":"file","format":"text","content":"{text}"}}"#);
    let saved = script(&mut alice, "PUT", "/api/contents/scan.txt", &body);
    assert_eq!(saved.status(), 201, "{}", saved.text());
    let referer = format!("Referer: {}/lab\r\n", alice.origin());
    let came = alice.send("GET", "/files/scan.txt", &referer, b"");
    assert_eq!(came.status(), 200, "{}", came.head.raw);
    let (came, whole) = (came.text(), text.len());
    assert!(came == text, "{} of {whole} as they went up", came.len());

    // A shell wants a code of its own; the Lab's page asks for it.
    let refused = script(&mut alice, "POST", "/api/terminals", "");
    assert_eq!(refused.status(), 401, "{}", refused.text());
    assert!(refused.text().contains("admin"), "{}", refused.text());
    assert_eq!(script(&mut alice, "GET", "/api/terminals", "").text(), "[]");
    let page = code_page(&alice.get("/lab?terminals=on"));
    alice.ask_for_code(&page);
    let opened = alice.enter(&page, &gate.message().code);
    let (at, lab) = alice.follow(&page, opened);
    assert_eq!(at, "/lab?terminals=on");
    assert!(lab.text().contains(LAB));
    let terminal = start_terminal(&mut alice);
    let shell = format!("/terminals/websocket/{terminal}");
    let mut shell = Socket::open(&alice, &shell, "").expect("a socket after its code");
    shell.say(r#"["stdin", "echo heron$((6*7))\r"]"#);
    while !shell.hear().expect("it answers").contains("heron42") {}

    // Its own logout ends its session; in again, the grant is still alice's.
    alice.get("/logout");
    assert!(alice.walk("/lab").0.starts_with("/login"));
    let again = log_in(&mut alice, PASSWORD);
    assert_eq!(location(&again), "/lab", "{}", again.head.raw);
    assert!(alice.get("/lab").text().contains(LAB));
    gate.ends_having_sent(2);
}

/// The sockets end within seconds of the sign-out: they are waited for, for no longer than anything here.
#[test]
fn s5_signing_out_ends_the_kernels_and_the_terminals_socket() {
    let app = Application::start("jupyter");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();
    pass(&mut gate, &mut alice);
    let page = code_page(&alice.get("/lab?terminals=on"));
    alice.ask_for_code(&page);
    alice.enter(&page, &gate.message().code);
    let (kernel, terminal) = (start_kernel(&mut alice), start_terminal(&mut alice));
    let sockets = addresses(&kernel, &terminal);
    let mut open: Vec<Socket> = sockets
        .iter()
        .map(|at| Socket::open(&alice, at, "").unwrap_or_else(|no| panic!("{at}: {no}")))
        .collect();
    assert_eq!(compute(&mut open[0], "6*7"), "42");

    let kept = alice.clone();
    let shown = alice.get("/.countersign/sign-out");
    let token = value_of(&shown.text(), "token");
    let left = alice.post("/.countersign/sign-out", &[("token", &token)]);
    assert!(matches!(left.status(), 200 | 303), "{}", left.text());
    for socket in &mut open {
        while socket.hear().is_some() {}
    }
    for at in &sockets {
        assert_eq!(Socket::open(&kept, at, "").err(), Some(401), "{at}");
    }
    assert!(!kept.clone().walk("/lab").1.text().contains(LAB));
    gate.ends_having_sent(2);
}

#[test]
fn no_cookie_of_any_moment_and_no_token_opens_the_lab_without_its_grant() {
    let app = Application::start("jupyter");
    nobody_comes_in_without_a_grant(&app, SITE);
}

#[test]
fn the_preset_alone_lets_alice_in_and_no_burglar() {
    let app = Application::start("jupyter");
    nobody_comes_in_without_a_grant(&app, PRESET);
}

fn nobody_comes_in_without_a_grant(app: &Application, site: &str) {
    let mut gate = Gate::before(app, site);
    // An attacker who was signed in before there was a gateway, and left a kernel and a terminal there.
    let mut old = app.visitor();
    assert_eq!(location(&log_in(&mut old, PASSWORD)), "/lab");
    let (kernel, terminal) = (start_kernel(&mut old), start_terminal(&mut old));
    let sockets = addresses(&kernel, &terminal);
    for at in &sockets {
        assert!(Socket::open(&old, at, "").is_ok(), "{at} is there");
    }

    let mut alice = gate.visitor();
    alice.walk("/lab");
    let before = alice.jar.clone();
    let page = code_page(&log_in(&mut alice, PASSWORD));
    let message = gate.message();
    let during = alice.jar.clone();
    assert_eq!(during.without_ours(), before.without_ours(), "held");

    let burglar = Burglar {
        gate: &gate,
        app,
        doors: &DOORS,
        marks: &MARKS,
        sessions: &SESSIONS,
        password: PASSWORD,
    };
    burglar.knows_the_application(&old.jar);
    burglar.gets_nothing(&[&before, &during, &old.jar]);
    let no_socket = |loot: &[&Jar]| {
        for jar in loot {
            let mut thief = gate.visitor();
            thief.jar = (*jar).clone();
            for at in &sockets {
                for (at, fields) in [
                    (at.clone(), String::new()),
                    (at.clone(), token_field()),
                    (format!("{at}?token={TOKEN}"), String::new()),
                ] {
                    let no = Socket::open(&thief, &at, &fields).err();
                    assert!(matches!(no, Some(401 | 403)), "{at} with {jar:?}: {no:?}");
                }
            }
        }
    };
    no_socket(&[&before, &during, &old.jar]);

    let released = alice.enter(&page, &message.code);
    let (_, home) = alice.follow(&page, released);
    assert!(home.text().contains(LAB), "{}", home.text());
    let after = alice.jar.without_ours();
    burglar.gets_nothing(&[&before, &during, &after]);
    no_socket(&[&before, &during, &after]);
    let shell = Socket::open(&alice, &sockets[1], "").err();
    assert_eq!(
        shell,
        Some(401),
        "the code of the login is not the terminal's"
    );
    assert!(alice.get("/lab").text().contains(LAB), "alice goes on");
    gate.ends_having_sent(1);
}

/// The token opens everything at the application itself, and hands out a session on any page; at the gate it does neither,
/// not even where the login page stands open.
#[test]
fn the_token_in_the_query_and_in_a_field_opens_nothing() {
    let app = Application::start("jupyter");
    let gate = Gate::before(&app, SITE);
    for target in [
        "/lab",
        "/files/ledger.txt",
        "/api/contents/ledger.txt",
        "/api/me",
        "/login",
        "/login?next=%2Flab",
        "/static/favicon.ico",
    ] {
        let sign = if target.contains('?') { '&' } else { '?' };
        let queried = format!("{target}{sign}token={TOKEN}");
        for (target, fields) in [(target, token_field()), (&*queried, String::new())] {
            let open = app.visitor().exchange("GET", target, &fields, b"");
            let known = SESSIONS.iter().any(|name| open.head.raw.contains(name));
            assert!(known, "{target}: {}", open.head.raw);

            let answer = gate.visitor().exchange("GET", target, &fields, b"");
            let all = format!("{}{}", answer.head.raw, answer.text());
            for mark in MARKS.iter().chain(&SESSIONS) {
                assert!(
                    !all.contains(mark),
                    "{target} {fields:?} shows {mark}:\n{all}"
                );
            }
        }
    }
    // In the form's place it is a password like another: it asks for the code.
    let mut alice = gate.visitor();
    let held = log_in(&mut alice, TOKEN);
    code_page(&held);
    gate.ends_having_sent(1);
}

/// Nearly as long as a login is held at all; and its cookie comes as it was set, quotes and bars and all, and works.
#[test]
fn a_login_held_for_nearly_five_minutes_is_released_as_it_came() {
    let app = Application::start("jupyter");
    let mut gate = Gate::with_a_clock(&app, SITE);
    let given = shapes(&log_in(&mut app.visitor(), PASSWORD));
    let session = given.iter().find(|line| line.starts_with(SESSIONS[0]));
    assert!(session.is_some_and(|line| line.contains('|')), "{given:?}");
    let mut alice = gate.visitor();
    let page = code_page(&log_in(&mut alice, PASSWORD));
    let message = gate.message();
    gate.later(LONG);
    let released = alice.enter(&page, &message.code);
    assert_eq!(shapes(&released), given);
    // Its server puts a value in quotes where one of its letters wants them (Python's http.cookies); they stay, or stay away.
    let set = released.head.all("set-cookie");
    let session = set.iter().find_map(|line| {
        let (name, value) = set_by(line)?;
        name.starts_with(SESSIONS[0]).then_some(value).flatten()
    });
    let session = session.expect("its session is handed out");
    assert_eq!(
        session.contains(['=', '/']),
        session.starts_with('"'),
        "{session}"
    );
    let (_, lab) = alice.follow(&page, released);
    assert!(lab.text().contains(LAB), "{}", lab.text());
    gate.ends_having_sent(1);
}

/// Tornado takes the last of two fields, and those of the query, too. The phone is the same whoever types; the password that
/// is looked at must be the one that counts.
#[test]
fn a_password_that_two_servers_read_differently_rings_nobody() {
    let app = Application::start("jupyter");
    let gate = Gate::before(&app, SITE);
    let kind = "application/x-www-form-urlencoded";
    for (target, fields) in [
        (LOGIN, "password=wrong&password=Ju-pw-1"),
        (LOGIN, "password=wrong&%20password=Ju-pw-1"),
        (LOGIN, "password=wrong&password%00x=Ju-pw-1"),
        ("/login?password=Ju-pw-1", "password=wrong"),
    ] {
        let mut visitor = gate.visitor();
        visitor.get(LOGIN);
        let token = visitor.jar.value("_xsrf").expect("it was set");
        let body = format!("_xsrf={token}&{fields}");
        let answer = visitor.post_bytes(target, kind, body.as_bytes());
        assert_eq!(answer.status(), 400, "{target} {fields}: {}", answer.text());
    }
    gate.ends_having_sent(0);
}

/// By its own name and port, as it is reached behind the gate, and by the public one, once it was told that name: sockets too.
#[test]
fn https_under_another_name_is_none_of_the_labs_business() {
    for (host, settings) in [
        ("upstream", &[][..]),
        ("preserve", &[("BEHIND_PROXY", "1")][..]),
    ] {
        let app = Application::start_with("jupyter", settings);
        if settings.is_empty() {
            let gate = Gate::over_tls(&app, &format!("host = \"preserve\"{SITE}"));
            let unknown = gate.visitor().get(LOGIN);
            assert_eq!(unknown.status(), 403, "{}", unknown.text());
        }
        let mut gate = Gate::over_tls(&app, &format!("host = \"{host}\"{SITE}"));
        let mut alice = gate.visitor();
        assert!(alice.walk("/lab").0.starts_with("/login"), "{host}");
        assert_eq!(log_in(&mut alice, "wrong").status(), 401, "{host}");
        pass(&mut gate, &mut alice);
        let kernel = start_kernel(&mut alice);
        let channels = format!("/api/kernels/{kernel}/channels");
        let mut socket = Socket::open(&alice, &channels, "").expect("a socket after the code");
        assert_eq!(compute(&mut socket, "6*7"), "42");
        alice.get("/logout");
        assert!(alice.walk("/lab").0.starts_with("/login"), "{host}");
        gate.ends_having_sent(1);
    }
}

/// By https and another name, as everybody uses it: HTTP/2, sockets beside it, cookies for https alone.
#[test]
fn the_story_is_the_same_in_a_browser() {
    let app = Application::start("jupyter");
    Gate::over_tls(&app, PRESET).play("jupyter.mjs");
}

fn token_field() -> String {
    format!("Authorization: token {TOKEN}\r\n")
}

/// Where the sockets are.
fn addresses(kernel: &str, terminal: &str) -> [String; 3] {
    SOCKETS.map(|at| {
        at.replace("{kernel}", kernel)
            .replace("{terminal}", terminal)
    })
}

/// Password and code. Panics where the Lab does not follow.
fn pass(gate: &mut Gate, visitor: &mut Visitor) {
    let page = code_page(&log_in(visitor, PASSWORD));
    let released = visitor.enter(&page, &gate.message().code);
    let (at, lab) = visitor.follow(&page, released);
    assert_eq!(at, "/lab");
    assert!(lab.text().contains(LAB), "{}", lab.text());
}

/// Opens the login page and submits its form.
fn log_in(visitor: &mut Visitor, password: &str) -> Answer {
    visitor.get(LOGIN);
    let token = visitor.jar.value("_xsrf").expect("it was set").to_owned();
    visitor.post(LOGIN, &[("_xsrf", &token), ("password", password)])
}

/// Asks as the Lab's scripts do: the token that they read out of the cookie stands in a field.
fn script(visitor: &mut Visitor, method: &str, target: &str, body: &str) -> Answer {
    let token = visitor.jar.value("_xsrf").unwrap_or_default().to_owned();
    let origin = visitor.origin();
    let fields = format!(
        "Accept: */*\r\nContent-Type: application/json\r\nX-XSRFToken: {token}\r\nOrigin: {origin}\r\n\
         Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Site: same-origin\r\n"
    );
    visitor.send(method, target, &fields, body.as_bytes())
}

/// Starts a kernel; gives its id.
fn start_kernel(visitor: &mut Visitor) -> String {
    let started = script(visitor, "POST", "/api/kernels", r#"{"name":"python3"}"#);
    assert_eq!(started.status(), 201, "{}", started.text());
    member(&started.text(), "id")
}

/// Starts a terminal; gives its name.
fn start_terminal(visitor: &mut Visitor) -> String {
    let started = script(visitor, "POST", "/api/terminals", "");
    assert_eq!(started.status(), 200, "{}", started.text());
    member(&started.text(), "name")
}

/// Has a kernel compute something; gives the result as it prints it (Jupyter's messaging protocol 5.3, `execute_request`).
fn compute(kernel: &mut Socket, code: &str) -> String {
    kernel.say(&format!(
        r#"{{"channel":"shell","header":{{"msg_id":"m1","msg_type":"execute_request","username":"","session":"s1","version":"5.3"}},
           "parent_header":{{}},"metadata":{{}},"content":{{"code":"{code}","silent":false,"store_history":false,
           "user_expressions":{{}},"allow_stdin":false,"stop_on_error":true}}}}"#
    ));
    loop {
        let said = kernel.hear().expect("the kernel answers");
        if said.contains("\"execute_result\"") {
            return member(&said, "text/plain");
        }
    }
}

/// The first string of this name in a JSON text.
fn member(json: &str, name: &str) -> String {
    let (_, rest) = json
        .split_once(&format!("\"{name}\":"))
        .unwrap_or_else(|| panic!("no {name} in {json}"));
    rest.split('"').nth(1).unwrap_or_default().to_owned()
}
