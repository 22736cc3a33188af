//! Radicale: calendars with HTTP Basic over HTTP/1.0, asked for by people's browsers and by programs that cannot type a code.

use super::gate::{ALICE, Application, BOB, Gate};
use super::header::{Known, field};
use super::visitor::{NAVIGATION, code_page};
use super::wire::Answer;

/// Whatever is nobody's folder is forbidden to who is known, and 401 to everybody else.
const SITE: &str = r#"
preset = "basic"
scopes = ["login"]

[sites.radicale.captures.header]
probe = "/nobody/"
"#;

/// The calendars on the same machine.
const MACHINES: &str =
    "machines = [{ path = [\"/alice/**\", \"/.well-known/caldav\"], from = [\"127.0.0.0/8\"] }]\n";

const PASSWORD: &str = "Rad-pw-1";
const PLAN: &str = "/alice/calendar.ics/plan.ics";
const BOBS_PLAN: &str = "/bob/calendar.ics/plan.ics";

/// What stands in alice's calendar, and in bob's.
const PRIVATE: &str = "heron-4-violet";
const BOBS: &str = "carp-7-orange";

const XML: &str = "application/xml; charset=utf-8";
const DEPTH: &str = "Depth: 1\r\nContent-Type: application/xml; charset=utf-8\r\n";
const EVENT_KIND: &str = "Content-Type: text/calendar; charset=utf-8\r\nIf-None-Match: *\r\n";
const EVENT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:tulip\r\n\
                     DTSTAMP:20261101T090000Z\r\nDTSTART:20261202T090000Z\r\nDTEND:20261202T100000Z\r\n\
                     SUMMARY:tulip-9-white\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

/// What a calendar program asks: all events, whole.
const QUERY: &str = "<?xml version=\"1.0\"?><c:calendar-query xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\">\
                     <d:prop><d:getetag/><c:calendar-data/></d:prop><c:filter><c:comp-filter name=\"VCALENDAR\"/></c:filter>\
                     </c:calendar-query>";

/// Ways to alice's plan, and what shows it to who has her password and no gateway before them.
const DOORS: [&str; 12] = [
    "GET /alice/calendar.ics/plan.ics",
    "GET /alice/calendar.ics/",
    "GET //alice/calendar.ics/plan.ics",
    "GET /%61lice/calendar.ics/plan.ics",
    "GET /alice/./calendar.ics/plan.ics",
    "GET /.web/../alice/calendar.ics/plan.ics",
    "GET /nobody/../alice/calendar.ics/plan.ics",
    "GET /alice/calendar.ics/plan.ics?x=/.web/",
    "GET /alice/calendar%2eics/plan.ics",
    "REPORT /alice/calendar.ics/",
    "REPORT //alice/calendar.ics/",
    "REPORT /%61lice/calendar.ics/",
];

#[test]
fn the_browsers_own_window_then_the_code_and_then_the_calendar_works() {
    let app = Application::start("radicale");
    let mut gate = Gate::before(&app, SITE);
    let nobody = gate.visitor().get("/.web/");
    assert_eq!(nobody.status(), 401);
    let how = nobody.field("www-authenticate");
    assert_eq!(
        how,
        Some("Basic realm=\"Legacy radicale\", charset=\"UTF-8\"")
    );

    let wrong = Known::new(gate.visitor(), "alice", "wrong").get(PLAN);
    assert_eq!(wrong.status(), 401);
    let text = wrong.text();
    assert!(text.contains("requested resource forbidden"), "{text}");
    let how = wrong.field("www-authenticate").unwrap_or_default();
    assert!(how.contains("Radicale"), "{how}");

    let mut alice = Known::new(gate.visitor(), "alice", PASSWORD);
    let page = code_page(&alice.get(PLAN));
    let shown = alice.visitor.get(&page).text();
    assert!(shown.contains("43"), "the login was good: {shown}");
    let (to, plan) = alice.clone().pass(&mut gate, PLAN);
    assert_eq!(to, ALICE, "the wrong password has sent nothing");
    assert!(plan.text().contains(PRIVATE), "{}", plan.text());
    gate.ends_having_sent(1);
}

#[test]
fn a_persons_grant_lets_scripts_write_and_ask() {
    let app = Application::start("radicale");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = Known::new(gate.visitor(), "alice", PASSWORD);
    let (_, web) = alice.pass(&mut gate, "/.web/");
    assert!(web.text().contains("Radicale Web Interface"));
    works(&mut |method, target, kind, body| alice.script(method, target, kind, body.as_bytes()));
    // Without the header the grant alone is nobody to Radicale.
    let bare = alice.visitor.get(PLAN);
    assert_eq!(bare.status(), 401);
    assert!(!bare.text().contains(PRIVATE));
    gate.ends_having_sent(1);
}

#[test]
fn the_password_alone_opens_no_door_and_rings_nobody() {
    let app = Application::start("radicale");
    let gate = Gate::before(&app, SITE);
    let direct = Known::new(app.visitor(), "alice", PASSWORD);
    let alice = Known::new(gate.visitor(), "alice", PASSWORD);
    for door in DOORS {
        let (method, target) = door.split_once(' ').expect("a method and a target");
        let body = if method == "GET" { "" } else { QUERY };
        let open = direct.program(method, target, DEPTH, body.as_bytes());
        assert!(open.text().contains(PRIVATE), "{door}: {}", open.head.raw);
        for fields in [
            DEPTH.to_owned(),
            format!("{DEPTH}Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"),
            format!("{DEPTH}X-Requested-With: XMLHttpRequest\r\n"),
            format!("{DEPTH}X-Forwarded-For: 127.0.0.1\r\nX-Remote-User: alice\r\n"),
        ] {
            let shut = alice.program(method, target, &fields, body.as_bytes());
            let shown = format!("{}{}", shut.head.raw, shut.text());
            assert!(!shown.contains(PRIVATE), "{door} {fields}: {shown}");
            assert!(matches!(shut.status(), 400 | 401), "{door}: {shown}");
        }
    }
    let put = alice.program(
        "PUT",
        "/alice/calendar.ics/a.ics",
        EVENT_KIND,
        EVENT.as_bytes(),
    );
    assert_eq!(put.status(), 401);
    let kept = direct.program("GET", "/alice/calendar.ics/a.ics", "", b"");
    assert_eq!(kept.status(), 404, "nothing was written");
    gate.ends_having_sent(0);
}

#[test]
fn alices_grant_never_serves_bobs_header() {
    let app = Application::start("radicale");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = Known::new(gate.visitor(), "alice", PASSWORD);
    alice.pass(&mut gate, PLAN);

    let bobs = field("bob", PASSWORD);
    let mut thief = alice.visitor.clone();
    for fields in ["", "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"] {
        let answer = thief.send(
            "GET",
            BOBS_PLAN,
            &format!("Accept: */*\r\n{fields}{bobs}"),
            b"",
        );
        assert_eq!(answer.status(), 401, "{}", answer.text());
    }
    let both = thief.send(
        "GET",
        BOBS_PLAN,
        &format!("{NAVIGATION}{}{bobs}", alice.field),
        b"",
    );
    assert_eq!(both.status(), 400);
    let mut bob = Known {
        visitor: thief,
        field: bobs,
    };
    let (to, plan) = bob.pass(&mut gate, BOBS_PLAN);
    assert_eq!(to, BOB);
    assert!(plan.text().contains(BOBS));
    // In this browser alice is nobody now.
    alice.visitor = bob.visitor;
    code_page(&alice.get(PLAN));
    assert_eq!(gate.message().to, ALICE);
    gate.ends_having_sent(3);
}

#[test]
fn programs_keep_their_calendars_from_where_they_may() {
    let app = Application::start("radicale");
    let gate = Gate::before(&app, &format!("{SITE}{MACHINES}"));
    let alice = Known::new(gate.visitor(), "alice", PASSWORD);
    let options = alice.program("OPTIONS", "/alice/", "", b"");
    let dav = options.field("dav").unwrap_or_default();
    assert!(dav.contains("calendar-access"), "{}", options.head.raw);
    let found = alice.program("PROPFIND", "/.well-known/caldav", DEPTH, b"");
    assert!(
        matches!(found.status(), 301 | 302 | 207),
        "{}",
        found.head.raw
    );
    works(&mut |method, target, kind, body| {
        let fields = format!("Depth: 1\r\nContent-Type: {kind}\r\n");
        alice.program(method, target, &fields, body.as_bytes())
    });
    let wrong = Known::new(gate.visitor(), "alice", "wrong").program("GET", PLAN, "", b"");
    assert_eq!(wrong.status(), 401);
    let how = wrong.field("www-authenticate").unwrap_or_default();
    assert!(how.contains("Radicale"), "{how}");
    // Bob's programs have not been named, and a browser is none.
    let bob = Known::new(gate.visitor(), "bob", PASSWORD);
    told(&bob.program("GET", BOBS_PLAN, "", b""));
    told(&alice.clone().script("GET", PLAN, XML, b""));
    gate.ends_having_sent(0);

    let elsewhere = MACHINES.replace("127.0.0.0/8", "10.20.0.0/16");
    let gate = Gate::before(&app, &format!("{SITE}{elsewhere}"));
    let alice = Known::new(gate.visitor(), "alice", PASSWORD);
    let forged = "X-Forwarded-For: 10.20.3.4\r\nForwarded: for=10.20.3.4\r\n";
    told(&alice.program("GET", PLAN, forged, b""));
    told(&alice.program("PROPFIND", "/alice/", DEPTH, b""));
    gate.ends_having_sent(0);
}

#[test]
fn https_under_another_name_is_none_of_radicales_business() {
    let app = Application::start("radicale");
    let mut gate = Gate::over_tls(&app, SITE);
    let mut alice = Known::new(gate.visitor(), "alice", PASSWORD);
    let (_, plan) = alice.pass(&mut gate, PLAN);
    assert!(plan.text().contains(PRIVATE));
    works(&mut |method, target, kind, body| alice.script(method, target, kind, body.as_bytes()));
    // It says where its page is, and whoever is sent there gets there.
    let front = alice.get("/");
    assert_eq!(front.status(), 302);
    let to = front.field("location").unwrap_or_default();
    let own = alice.visitor.origin();
    assert!(to.starts_with('/') || to.starts_with(&own), "{to}");
    gate.ends_having_sent(1);
}

#[test]
fn the_story_of_a_calendar_is_the_same_in_a_browser() {
    let app = Application::start("radicale");
    Gate::before(&app, SITE).play("radicale.mjs");
}

/// A calendar is listed, written to, asked and cleared.
fn works(send: &mut dyn FnMut(&str, &str, &str, &str) -> Answer) {
    let own = "/alice/calendar.ics/tulip.ics";
    let listed = send("PROPFIND", "/alice/", XML, "");
    assert_eq!(listed.status(), 207, "{}", listed.head.raw);
    assert!(listed.text().contains("/alice/"), "{}", listed.text());
    let put = send("PUT", own, "text/calendar; charset=utf-8", EVENT);
    assert_eq!(put.status(), 201, "{}", put.head.raw);
    let told = send("REPORT", "/alice/calendar.ics/", XML, QUERY);
    assert_eq!(told.status(), 207, "{}", told.head.raw);
    for word in [PRIVATE, "tulip-9-white"] {
        assert!(told.text().contains(word), "{}", told.text());
    }
    assert_eq!(send("DELETE", own, XML, "").status(), 200);
    assert_eq!(send("GET", own, XML, "").status(), 404);
}

/// A program is told that a person is wanted.
fn told(answer: &Answer) {
    assert_eq!(answer.status(), 401, "{}", answer.head.raw);
    assert_eq!(
        answer.field("content-type"),
        Some("application/problem+json")
    );
    assert!(!answer.text().contains(PRIVATE) && !answer.text().contains(BOBS));
}
