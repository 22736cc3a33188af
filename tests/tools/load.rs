//! Many at once, by h2load and wrk: every request of theirs gets the answer that it would get alone.

use std::fmt::Display;

use countersign::store::MOST_CHALLENGES;

use super::door::{Door, counted};
use super::support::app::App;
use super::tool::{before, run};

/// What came of requests: how many answers of 2xx, 3xx, 4xx and 5xx.
type Statuses = [usize; 4];

/// So many requests by so many clients with so many streams each.
struct Load(usize, usize, usize);

impl Load {
    /// By h2load. Every request has to be answered.
    fn comes(&self, door: &Door, path: &str, more: &[&str]) -> Statuses {
        let Self(requests, clients, streams) = self;
        let (to, url) = (
            format!("--connect-to={}", door.address()),
            format!("https://app.localhost{path}"),
        );
        let mut arguments: Vec<&dyn Display> = vec![&"-n", requests, &"-c", clients];
        arguments.extend::<[&dyn Display; 3]>([&"-m", streams, &to]);
        arguments.extend(more.iter().map(|one| one as &dyn Display));
        arguments.push(&url);
        let said = run("h2load", &arguments);
        let count = |word| before(&said, word);
        assert_eq!(count(" done,"), *requests);
        assert_eq!(count(" errored,") + count(" timeout"), 0, "{said}");
        [" 2xx,", " 3xx,", " 4xx,", " 5xx"].map(count)
    }
}

#[test]
fn all_streams_of_http_2_get_the_page_with_a_grant_and_none_without() {
    let app = App::new();
    let door = Door::new(&app.url());
    let grant = format!("-Hcookie: {}", door.grant);
    let script = "-Haccept: application/json";
    // As many streams as there may be, and twice as many as that.
    for load in [Load(3_000, 8, 20), Load(1_000, 1, 100), Load(1_000, 2, 200)] {
        let all = load.0;
        app.forget();
        assert_eq!(load.comes(&door, "/private", &[&grant]), [all, 0, 0, 0]);
        assert_eq!(app.seen().len(), all, "each went on once");
        app.forget();
        assert_eq!(load.comes(&door, "/private", &[]), [0, all, 0, 0]);
        assert_eq!(load.comes(&door, "/private", &[script]), [0, 0, all, 0]);
        let forged = grant.replace("login=", "login=x");
        assert_eq!(load.comes(&door, "/private", &[&forged]), [0, all, 0, 0]);
        assert!(app.seen().is_empty(), "nothing of that went on");
    }
    for fault in ["panic", "flood", "refused", "overdue", "handshake_failed"] {
        assert_eq!(counted(&door.program, fault), 0, "{fault}");
    }
}

/// Where a stranger wanted to go is kept for them, and one network has an eighth of the room for that.
#[test]
fn a1_a_stranger_who_wants_to_go_everywhere_takes_the_room_of_one_network() {
    let app = App::new();
    let door = Door::new(&app.url());
    let room = MOST_CHALLENGES / 8;
    let load = Load(room + 500, 4, 50);
    assert_eq!(load.comes(&door, "/private", &[]), [0, room, 0, 500]);
    let grant = format!("-Hcookie: {}", door.grant);
    let load = Load(200, 4, 50);
    assert_eq!(load.comes(&door, "/private", &[]), [0, 0, 0, 200]);
    assert_eq!(load.comes(&door, "/private", &[&grant]), [200, 0, 0, 0]);
    let to = format!("::{}", door.address());
    let mut arguments: Vec<&dyn Display> = vec![&"-sk", &"--interface", &"127.0.1.5"];
    arguments.extend::<[&dyn Display; 4]>([&"-w", &"%{http_code}", &"--connect-to", &to]);
    arguments.push(&"https://app.localhost/private");
    assert_eq!(run("curl", &arguments), "303\n", "another network");
    assert_eq!(app.seen().len(), 200);
}

#[test]
fn bodies_over_http_2_arrive_whole() {
    let app = App::new();
    let door = Door::new(&app.url());
    let grant = format!("-Hcookie: {}", door.grant);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    let body = b"0123456789abcdef".repeat(4 * 1024);
    std::fs::write(&file, &body).unwrap();
    let data = format!("--data={}", file.display());
    let load = Load(400, 4, 20);
    let statuses = load.comes(&door, "/private", &[&grant, &data]);
    assert_eq!(statuses, [400, 0, 0, 0]);
    let seen = app.seen();
    assert!(seen.len() == 400 && seen.iter().all(|request| request.body == body));
    app.forget();
    // Who has no grant is sent away whatever they bring.
    let statuses = load.comes(&door, "/private", &[&data]);
    assert_eq!(statuses[0] + statuses[3], 0, "{statuses:?}");
    assert!(app.seen().is_empty());
}

#[test]
fn every_connection_of_http_1_gets_the_page_with_a_grant_and_none_without() {
    let app = App::new();
    let door = Door::new(&app.url());
    let url = format!("https://{}/private", door.address());
    let wrk = |fields: &[&str]| {
        let mut arguments: Vec<&dyn Display> =
            vec![&"-t2", &"-c32", &"-d2s", &"-HHost: app.localhost"];
        arguments.extend(fields.iter().map(|field| field as &dyn Display));
        arguments.push(&url);
        let said = run("wrk", &arguments);
        assert!(!said.contains("Socket errors"), "{said}");
        let refused = if said.contains("Non-2xx") {
            // `Non-2xx or 3xx responses: 12`
            let (_, rest) = said.split_once("3xx responses:").unwrap();
            rest.split_whitespace().next().unwrap().parse().unwrap()
        } else {
            0
        };
        let answers = before(&said, " requests in");
        assert!(answers > 0);
        (answers, refused)
    };
    let (answers, refused) = wrk(&["-HAccept: application/json"]);
    assert_eq!(refused, answers, "each of them 401");
    assert!(app.seen().is_empty(), "nothing of that went on");
    let grant = format!("-HCookie: {}", door.grant);
    let (answers, refused) = wrk(&[&grant]);
    assert_eq!(refused, 0);
    assert!(app.seen().len() >= answers);
    for fault in ["panic", "refused", "overdue"] {
        assert_eq!(counted(&door.program, fault), 0, "{fault}");
    }
}
