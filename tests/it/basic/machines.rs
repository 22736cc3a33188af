//! Programs that cannot type a code: let in by path and network, with a password that the application judges.

use super::*;
use crate::support::program::Program;

/// Where its programs are, as a proxy tells it.
const NEAR: &str = "10.20.3.4";
const FAR: &str = "10.21.3.4";

/// The programs of `/text` call from 10.20.0.0/16.
fn gate(old: &Old) -> Gate {
    Setup::new(&old.app.url())
        .with(LIMITS)
        .with("[listen]\nhttp = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.1\"]")
        .raw_routes(
            "[[sites.app.routes]]\npath = \"/text/admin/**\"\nrequire = \"admin\"\n\
             [[sites.app.routes]]\npath = \"/text/shut/**\"\nrequire = \"deny\"\n\
             [[sites.app.routes]]\npath = \"/text/form\"\nform = { do = \"admin\" }\nrequire = \"admin\"\n\
             [sites.app.captures.header]\nscope = \"login\"\nusername = \"basic\"\nprobe = \"/manager/html\"\n\
             [[sites.app.captures.header.machines]]\npath = \"/text/**\"\nfrom = [\"10.20.0.0/16\"]\n",
        )
        .start()
}

/// What a program sends, from somewhere.
fn call(gate: &Gate, from: &str, line: &str, fields: &[(&str, &str)]) -> Answer {
    let (method, path) = line.split_once(' ').unwrap();
    let mut program = gate.browser();
    program.from = Some(from.to_owned());
    program.send(method, path, fields, b"")
}

#[test]
fn a_program_passes_on_its_path_and_from_its_network_without_a_code() {
    let old = Old::new();
    let gate = gate(&old);
    let ann = basic("ann", "right");
    let fields = [
        ("authorization", &*ann),
        ("cookie", "JSESSIONID=of-bob; theirs=1"),
    ];
    for line in [
        "GET /text/list",
        "PUT /text/deploy?path=/a",
        "PROPFIND /text/ann/",
        "REPORT /text/ann/",
        // By this a calendar finds out what a server can do.
        "OPTIONS /text/ann/",
    ] {
        let answer = call(&gate, NEAR, line, &fields);
        assert_eq!((answer.status(), &*answer.text()), (200, "hello ann"));
        assert_eq!(answer.field("set-cookie"), None, "{line}");
        let head = old.seen().pop().unwrap().head;
        assert!(head.first.starts_with(line), "{}", head.first);
        assert_eq!(head.field("authorization"), Some(&*ann));
        assert_eq!(head.field("cookie"), None, "{line}");
        assert_eq!(head.field("x-forwarded-for"), Some(NEAR));
    }
    // The application judges the password.
    let wrong = basic("ann", "wrong");
    let answer = call(&gate, NEAR, "GET /text/list", &[("authorization", &wrong)]);
    assert_eq!((answer.status(), &*answer.text()), (401, "who are you?"));
    assert_eq!(gate.sent(), 0);
}

#[test]
fn a_program_elsewhere_is_told_and_nothing_of_it_goes_up() {
    let old = Old::new();
    let gate = gate(&old);
    let ann = basic("ann", "right");
    let fields = [("authorization", &*ann), ("accept", "*/*")];
    for (from, line) in [
        (FAR, "GET /text/list"),
        ("::1", "GET /text/list"),
        (NEAR, "GET /"),
        (NEAR, "GET /text"),
        (NEAR, "GET /manager/html"),
        (NEAR, "GET /text/admin/users"),
    ] {
        let answer = call(&gate, from, line, &fields);
        assert_eq!(answer.status(), 401, "{from} {line} {}", answer.head.raw);
        assert_eq!(
            answer.field("content-type"),
            Some("application/problem+json"),
            "{from} {line}"
        );
    }
    let shut = call(&gate, NEAR, "GET /text/shut/x", &fields);
    assert_eq!(shut.status(), 403);
    // Whatever a body may say that nobody has read.
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let form = call(
        &gate,
        NEAR,
        "POST /text/form",
        &[&fields[..], &kind].concat(),
    );
    assert_eq!(form.status(), 401, "{}", form.head.raw);
    assert!(old.seen().is_empty());
    assert_eq!(gate.sent(), 0);
}

/// Finding 7: every server has to read the path as one of theirs.
#[test]
fn r4_no_spelling_takes_a_program_to_another_page() {
    let old = Old::new();
    let gate = gate(&old);
    let ann = basic("ann", "right");
    for path in [
        "/text/../manager/html",
        "/text/..;/manager/html",
        "/text/%2e%2e/manager/html",
        "/text/..%2fmanager/html",
        "/text/x;/../../manager/html",
        "/manager/html;/text/x",
        "//text/../manager/html",
        "/text/%252e%252e/manager/html",
        "/text/..\\manager/html",
        "/text/admin;x/users",
        "/text/%61dmin/users",
        "/TEXT/list",
    ] {
        let line = format!("GET {path}");
        let answer = call(&gate, NEAR, &line, &[("authorization", &ann)]);
        assert!(
            matches!(answer.status(), 400 | 401 | 403),
            "{path} {}",
            answer.head.raw
        );
    }
    assert!(old.seen().is_empty());
}

/// Anybody can write what a proxy would: only a proxy of ours is believed.
#[test]
fn r10_who_only_says_to_call_from_there_is_refused() {
    let old = Old::new();
    let gate = Setup::new(&old.app.url())
        .raw_routes(
            "[sites.app.captures.header]\nscope = \"login\"\nusername = \"basic\"\n\
             machines = [{ path = \"/text/**\", from = [\"10.20.0.0/16\"] }]\n",
        )
        .start();
    let ann = basic("ann", "right");
    let fields = [("authorization", &*ann), ("x-real-ip", NEAR)];
    let answer = call(&gate, NEAR, "GET /text/list", &fields);
    assert_eq!(answer.status(), 401);
    assert!(old.seen().is_empty());
}

#[test]
fn a_program_without_one_clean_name_and_password_is_asked_for_them() {
    let old = Old::new();
    let gate = gate(&old);
    let asked = call(&gate, NEAR, "GET /text/list", &[]);
    assert_eq!(asked.status(), 401);
    let how = asked.field("www-authenticate").unwrap();
    assert!(how.starts_with("Basic "), "{how}");
    let ann = basic("ann", "right");
    for fields in [
        &[("authorization", "Bearer YW5uOnJpZ2h0")][..],
        &[("authorization", "Digest username=\"ann\"")],
        &[("authorization", "Basic YW5u")],
        &[("authorization", &ann), ("authorization", &ann)],
    ] {
        let answer = call(&gate, NEAR, "GET /text/list", fields);
        assert_eq!(answer.status(), 400, "{fields:?}");
    }
    assert!(old.seen().is_empty());
}

/// A browser sends the password that it was given to any page that asks for it, be it another site's picture.
#[test]
fn a_persons_browser_is_no_program_wherever_it_is() {
    let old = Old::new();
    let gate = gate(&old);
    let ann = basic("ann", "right");
    let mut browser = gate.browser();
    browser.from = Some(NEAR.to_owned());
    asked(&go(&mut browser, "/text/list", &ann));
    for (mode, destination, site) in [
        ("no-cors", "image", "cross-site"),
        ("cors", "empty", "same-origin"),
    ] {
        let fields = [
            ("authorization", &*ann),
            ("sec-fetch-mode", mode),
            ("sec-fetch-dest", destination),
            ("sec-fetch-site", site),
        ];
        let answer = call(&gate, NEAR, "GET /text/undeploy?path=/a", &fields);
        assert_eq!(answer.status(), 401, "{mode}");
    }
    let foreign = [("authorization", &*ann), ("origin", "https://evil.example")];
    let answer = call(&gate, NEAR, "POST /text/undeploy", &foreign);
    assert_eq!(answer.status(), 403);
    let questions = old.seen();
    let mut lines = questions.iter().map(|seen| &*seen.head.first);
    assert!(lines.all(|line| line == "GET /manager/html HTTP/1.1"));
}

#[test]
fn a_person_passes_there_by_their_grant_as_anywhere() {
    let old = Old::new();
    let gate = gate(&old);
    let mut browser = gate.browser();
    browser.from = Some(FAR.to_owned());
    let ann = basic("ann", "right");
    pass(&gate, &mut browser, "/", &ann);
    assert_eq!(go(&mut browser, "/text/list", &ann).text(), "hello ann");
}

#[test]
fn a9_each_request_of_a_program_is_logged_and_no_password_is() {
    let old = Old::new();
    let program = Program::start(&gate(&old).stopped());
    let ann = basic("ann", "right");
    let before = program.lines();
    for _ in 0..2 {
        let mut machine = program.browser();
        machine.from = Some(NEAR.to_owned());
        let fields = [("authorization", &*ann)];
        let answer = machine.send("GET", "/text/list", &fields, b"");
        assert_eq!(answer.status(), 200);
    }
    program.logs(&["machine.passed"], before + 1);
    let log = program.log();
    let told: Vec<serde_json::Value> = log
        .lines()
        .filter(|line| line.contains("\"machine.passed\""))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(told.len(), 2, "{log}");
    assert_eq!(told[0]["from"], NEAR);
    assert_eq!(told[0]["site"], "app");
    assert_eq!(told[0]["capture"], "header");
    assert!(!log.contains(&ann[6..]) && !log.contains("right"), "{log}");
}
