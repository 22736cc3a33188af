//! Tomcat's manager: HTTP Basic on two applications of one server, session ids in addresses, a nonce in every form, uploads,
//! and interfaces for programs.

use std::path::Path;

use super::gate::{ALICE, Application, BOB, Gate};
use super::header::{Known, field};
use super::visitor::{NAVIGATION, code_page, location};
use super::wire::Answer;

/// What an operator adds to the preset.
const SITE: &str = r#"
preset = "tomcat"
scopes = ["login", "admin"]

[[sites.tomcat.routes]]
path = "/manager/text/**"
require = "login"

[scopes.admin]
title = "Administration"

[sites.tomcat.captures.header]
"#;

/// The deployments of the same machine, and of another.
const NEAR: &str = "machines = [{ path = \"/manager/text/**\", from = [\"127.0.0.0/8\"] }]\n";
const FAR: &str = "machines = [{ path = \"/manager/text/**\", from = [\"10.20.0.0/16\"] }]\n";

const PASSWORD: &str = "to-pw-1";
const MANAGER: &str = "/manager/html";
const HOSTS: &str = "/host-manager/html";

/// What stands on the manager's page, on the host manager's, and in the answers to programs.
const MARKS: [&str; 3] = [
    "Tomcat Web Application Manager",
    "Tomcat Virtual Host Manager",
    "OK - Listed applications",
];

/// Spellings under which Tomcat serves its manager to who has the password.
const DOORS: [&str; 9] = [
    "/manager/html",
    "/manager/html/",
    "/manager/html/list",
    "/manager;x/html",
    "/manager/html;jsessionid=1",
    "/%6danager/html",
    "//manager/html",
    "/manager/./html",
    "/x/../manager/html",
];

/// The same of the host manager.
const ADMIN: [&str; 6] = [
    "/host-manager/html",
    "/host-manager/html/",
    "/host-manager;x/html",
    "/%68ost-manager/html",
    "//host-manager/html",
    "/manager/../host-manager/html",
];

#[test]
fn tomcat_checks_the_password_then_the_code_and_then_everything_works() {
    let app = Application::start("tomcat");
    let mut gate = Gate::before(&app, SITE);
    let wrong = Known::new(gate.visitor(), "alice", "wrong").get(MANAGER);
    assert_eq!(wrong.status(), 401);
    let text = wrong.text();
    assert!(text.contains("tomcat-users.xml"), "its own page: {text}");
    let how = wrong.field("www-authenticate");
    assert_eq!(how, Some("Basic realm=\"Tomcat Manager Application\""));

    let mut alice = Known::new(gate.visitor(), "alice", PASSWORD);
    let page = code_page(&alice.get(MANAGER));
    let shown = alice.visitor.get(&page).text();
    assert!(shown.contains("43"), "the login was good: {shown}");
    let message = gate.message();
    assert_eq!(message.to, ALICE, "the wrong password has sent nothing");
    let released = alice.visitor.enter(&page, &message.code);
    assert_eq!(location(&released), MANAGER);
    deploys(&mut alice);

    // A form of another visit, or of nobody's.
    let stale = upload(&mut alice, "/manager/html/upload");
    assert_eq!(stale.status(), 403, "Tomcat wants its nonce");
    assert!(!stale.text().contains(MARKS[0]));
    gate.ends_having_sent(1);
}

#[test]
fn the_password_alone_opens_no_spelling_of_the_manager() {
    let app = Application::start("tomcat");
    let mut gate = Gate::before(&app, SITE);
    let direct = Known::new(app.visitor(), "alice", PASSWORD);
    let alice = Known::new(gate.visitor(), "alice", PASSWORD);
    for door in DOORS.iter().chain(&ADMIN) {
        let open = direct.program("GET", door, "", b"");
        assert_eq!(marks(&open).len(), 1, "{door}: {}", open.head.raw);
        for fields in [
            "",
            "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n",
            "X-Requested-With: XMLHttpRequest\r\n",
            "X-Forwarded-For: 127.0.0.1\r\nX-Remote-User: alice\r\n",
        ] {
            let shut = alice.program("GET", door, fields, b"");
            nothing(door, &shut);
            assert!(matches!(shut.status(), 400 | 401), "{door}");
        }
    }
    gate.visitor().get("/");
    // A person at every door is one person, who is asked once.
    let mut person = alice.clone();
    for door in DOORS {
        nothing(door, &person.get(door));
    }
    assert_eq!(gate.message().to, ALICE);
    gate.ends_having_sent(1);
}

#[test]
fn neither_a_session_nor_a_grant_serves_another_person() {
    let app = Application::start("tomcat");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = Known::new(gate.visitor(), "alice", PASSWORD);
    alice.pass(&mut gate, MANAGER);
    alice.get(MANAGER);
    let session = alice.visitor.jar.value("JSESSIONID").unwrap().to_owned();
    let in_path = format!("{MANAGER};jsessionid={session}");
    // Tomcat keeps who came with it.
    let mut direct = app.visitor();
    assert_eq!(marks(&direct.get(&in_path)), [MARKS[0]]);

    let mut thief = gate.visitor();
    thief.jar = alice.visitor.jar.without_ours();
    for target in [MANAGER, &in_path] {
        let shut = thief.get(target);
        nothing(target, &shut);
        assert_eq!(shut.status(), 401);
    }
    // Nor does it in the browser of bob, who has a grant of his own.
    let mut bob = Known::new(gate.visitor(), "bob", PASSWORD);
    let (to, _) = bob.pass(&mut gate, MANAGER);
    assert_eq!(to, BOB);
    let mut thief = gate.visitor();
    thief.jar = bob
        .visitor
        .jar
        .ours()
        .and(&alice.visitor.jar.without_ours());
    nothing(MANAGER, &thief.get(MANAGER));
    let mut thief = gate.visitor();
    thief.jar = bob.visitor.jar.clone();
    for target in [&in_path, &in_path.replace("jsessionid", "JSESSIONID")] {
        let led = thief.get(target);
        nothing(target, &led);
        assert_eq!(location(&led), MANAGER, "{}", led.head.raw);
    }

    // Nor does her grant let his name and password up.
    let bobs = field("bob", PASSWORD);
    let script = "Accept: */*\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n";
    let answer = alice
        .visitor
        .send("GET", MANAGER, &format!("{script}{bobs}"), b"");
    nothing(MANAGER, &answer);
    let both = format!("{NAVIGATION}{}{bobs}", alice.field);
    let answer = alice.visitor.send("GET", MANAGER, &both, b"");
    nothing(MANAGER, &answer);
    assert_eq!(answer.status(), 400);
    let mut bob = Known {
        visitor: alice.visitor.clone(),
        field: bobs,
    };
    let (to, page) = bob.pass(&mut gate, MANAGER);
    assert_eq!(to, BOB);
    assert_eq!(marks(&page), [MARKS[0]]);
    gate.ends_having_sent(3);
}

#[test]
fn the_host_manager_needs_a_code_of_its_own() {
    let app = Application::start("tomcat");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = Known::new(gate.visitor(), "alice", PASSWORD);
    alice.pass(&mut gate, MANAGER);
    for target in ADMIN {
        let answer = alice.get(target);
        nothing(target, &answer);
        code_page(&answer);
    }
    assert_eq!(marks(&alice.get(MANAGER)), [MARKS[0]], "alice goes on");
    let page = code_page(&alice.get(HOSTS));
    alice.visitor.ask_for_code(&page);
    let second = gate.message();
    assert_eq!(second.to, ALICE);
    alice.visitor.enter(&page, &second.code);
    assert_eq!(marks(&alice.get(HOSTS)), [MARKS[1]]);
    // Two applications, two sessions of one name: neither is a stranger's.
    assert_eq!(marks(&alice.get(MANAGER)), [MARKS[0]]);
    assert_eq!(marks(&alice.get(HOSTS)), [MARKS[1]]);

    // Who has another role is told so by Tomcat.
    let mut bob = Known::new(gate.visitor(), "bob", PASSWORD);
    bob.pass(&mut gate, MANAGER);
    let page = code_page(&bob.get(HOSTS));
    bob.visitor.ask_for_code(&page);
    let code = gate.message().code;
    bob.visitor.enter(&page, &code);
    let refused = bob.get(HOSTS);
    assert_eq!(refused.status(), 403);
    assert!(refused.text().contains("tomcat-users.xml"));
    gate.ends_having_sent(4);
}

#[test]
fn deployments_pass_from_where_they_may_and_from_nowhere_else() {
    let app = Application::start("tomcat");
    let gate = Gate::before(&app, &format!("{SITE}{NEAR}"));
    let robot = Known::new(gate.visitor(), "robot", PASSWORD);
    let list = robot.program("GET", "/manager/text/list", "", b"");
    assert_eq!(marks(&list), [MARKS[2]], "{}", list.text());
    let put = robot.program("PUT", "/manager/text/deploy?path=/robots", "", &war());
    assert!(put.text().starts_with("OK - Deployed"), "{}", put.text());
    let gone = robot.program("GET", "/manager/text/undeploy?path=/robots", "", b"");
    assert!(
        gone.text().starts_with("OK - Undeployed"),
        "{}",
        gone.text()
    );
    // Tomcat says who it is not.
    let alice = Known::new(gate.visitor(), "alice", PASSWORD);
    let role = alice.program("GET", "/manager/text/list", "", b"");
    assert_eq!(role.status(), 403);
    let wrong = Known::new(gate.visitor(), "robot", "wrong");
    let wrong = wrong.program("GET", "/manager/text/list", "", b"");
    assert_eq!(wrong.status(), 401);
    for target in [
        MANAGER,
        HOSTS,
        "/manager/status",
        "/manager/text/../html",
        "/manager/text/..;/html",
        "/manager/text/%2e%2e/html",
        "/manager/text;x/list",
        "/%6danager/text/list",
    ] {
        let shut = alice.program("GET", target, "", b"");
        nothing(target, &shut);
        assert!(matches!(shut.status(), 400 | 401 | 403), "{target}");
    }
    for target in ["/manager/jmxproxy/?qry=*", "/host-manager/text/list"] {
        let shut = robot.program("GET", target, "", b"");
        assert_eq!(shut.status(), 403, "{target}");
        assert_ne!(shut.field("cache-control"), Some("private"), "not Tomcat's");
    }
    gate.ends_having_sent(0);

    let gate = Gate::before(&app, &format!("{SITE}{FAR}"));
    let robot = Known::new(gate.visitor(), "robot", PASSWORD);
    for fields in ["", "X-Forwarded-For: 10.20.3.4\r\nX-Real-IP: 10.20.3.4\r\n"] {
        let shut = robot.program("GET", "/manager/text/list", fields, b"");
        assert_eq!(shut.status(), 401);
        let kind = shut.field("content-type");
        assert_eq!(kind, Some("application/problem+json"));
    }
    gate.ends_having_sent(0);
}

#[test]
fn https_under_another_name_is_none_of_tomcats_business() {
    let app = Application::start("tomcat");
    let mut gate = Gate::over_tls(&app, SITE);
    let mut alice = Known::new(gate.visitor(), "alice", PASSWORD);
    alice.pass(&mut gate, MANAGER);
    let front = alice.get("/manager");
    assert_eq!(front.status(), 302, "{}", front.head.raw);
    let to = front.field("location").unwrap_or_default();
    let own = alice.visitor.origin();
    assert!(to.starts_with('/') || to.starts_with(&own), "{to}");
    deploys(&mut alice);
    gate.ends_having_sent(1);
}

#[test]
fn the_story_of_a_deployment_is_the_same_in_a_browser() {
    let app = Application::start("tomcat");
    Gate::before(&app, SITE).play("tomcat.mjs");
}

/// An application is uploaded by the manager's own form, answers, and is taken away again.
fn deploys(person: &mut Known) {
    let page = person.get(MANAGER);
    assert_eq!(page.status(), 200, "{}", page.head.raw);
    let text = page.text();
    let form = address_of(&text, "/manager/html/upload");
    // Before it knows that cookies come back, Tomcat writes the session into its links.
    assert!(form.contains("CSRF_NONCE"), "{form}");
    let uploaded = upload(person, &form);
    assert_eq!(uploaded.status(), 200, "{}", uploaded.text());
    let hello = person.get("/hello/index.html");
    assert!(hello.text().contains("tulip-9-white"), "{}", hello.text());

    let text = person.get(MANAGER).text();
    let all: Vec<&str> = text.split("action=\"").collect();
    let undeploy = all
        .iter()
        .map(|rest| plain(rest.split('"').next().unwrap_or_default()))
        .find(|action| {
            action.starts_with("/manager/html/undeploy") && action.contains("path=/hello")
        });
    let undeploy = undeploy.expect("the form of what was uploaded");
    let fields = format!(
        "{NAVIGATION}Content-Type: application/x-www-form-urlencoded\r\nOrigin: {}\r\n{}",
        person.visitor.origin(),
        person.field
    );
    let gone = person.visitor.send("POST", &undeploy, &fields, b"");
    assert!(
        gone.text().contains("Undeployed application"),
        "{}",
        gone.text()
    );
}

/// Submits the form by which files come.
fn upload(person: &mut Known, target: &str) -> Answer {
    let mut body =
        b"--part\r\nContent-Disposition: form-data; name=\"deployWar\"; filename=\"hello.war\"\r\n\
                     Content-Type: application/octet-stream\r\n\r\n"
            .to_vec();
    body.extend_from_slice(&war());
    body.extend_from_slice(b"\r\n--part--\r\n");
    let fields = format!(
        "{NAVIGATION}Content-Type: multipart/form-data; boundary=part\r\nOrigin: {}\r\n{}",
        person.visitor.origin(),
        person.field
    );
    person.visitor.send("POST", target, &fields, &body)
}

/// What the script has packed.
fn war() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::read(folder.join("apps/tomcat/hello.war")).expect("tomcat.sh has made it")
}

/// The first address of a page that begins so.
fn address_of(page: &str, start: &str) -> String {
    let page = plain(page);
    let at = page
        .find(start)
        .unwrap_or_else(|| panic!("no {start} in {page}"));
    let rest = &page[at..];
    rest.split(['"', '\''])
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Without the references that Tomcat writes for slashes.
fn plain(html: &str) -> String {
    html.replace("&#47;", "/").replace("&amp;", "&")
}

fn marks(answer: &Answer) -> Vec<&'static str> {
    let text = answer.text();
    let shown = MARKS.iter().filter(|mark| text.contains(**mark));
    shown.copied().collect()
}

/// Nothing private is shown, and no session handed out.
fn nothing(target: &str, answer: &Answer) {
    assert!(marks(answer).is_empty(), "{target}: {}", answer.text());
    let set = answer.head.all("set-cookie");
    let given = set
        .iter()
        .any(|line| line.starts_with("JSESSIONID=") && !line.contains("Max-Age=0"));
    assert!(!given, "{target}: {}", answer.head.raw);
}
