//! A disk without room: codes stop, everything else goes on, and when there is room again codes do, too.

use super::support::app::App;
use super::support::browser::{path_of, token};
use super::support::gate::Setup;
use super::support::program::Program;

#[test]
fn a3_a7_a_full_disk_stops_codes_and_nothing_else_until_there_is_room() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .with("[limits]\nsends_per_hour = { number = 1000, network = 100000 }\n[log]\nformat = \"json\"")
        .routes(&[("/open", "public"), ("/admin", "admin")])
        .start();
    let mut ann = gate.signed_in("ann");
    let gate = gate.stopped();
    let program = Program::start(&gate);
    ann = ann.at(program.address);
    let mut bob = program.browser();
    let page = bob.ask("/", "bob");
    let code = program.messages.code(1);
    let token = token(&bob.get(&page));

    program.room(false);
    assert_eq!(ann.get("/").status(), 200, "who is signed in goes on");
    assert_eq!(program.browser().get("/open").status(), 200);
    let answer = [("token", &*token), ("code", &*code), ("do", "answer")];
    let refused = bob.post(&page, &answer);
    assert_eq!(refused.status(), 503, "not even for the right code");
    assert!(refused.field("retry-after").is_some() && bob.cookie("-login").is_none());
    let mut stranger = program.browser();
    let ask = path_of(stranger.get("/").field("location").unwrap());
    let form = stranger.get(&ask);
    let named = [("token", &*self::token(&form)), ("name", "ann")];
    assert_eq!(stranger.post(&ask, &named).status(), 503);
    assert_eq!(ann.get("/").status(), 200);
    let thief = ann.clone();
    let sign_out = ann.get("/.countersign/sign-out");
    let signed_out = ann.post(
        "/.countersign/sign-out",
        &[("token", &self::token(&sign_out))],
    );
    assert_eq!(signed_out.status(), 503, "it holds, but might be forgotten");
    assert!(ann.cookie("-login").is_none());
    assert_eq!(thief.clone().get("/").status(), 303);
    assert_eq!(program.messages.count(), 1, "no message went out");

    program.room(true);
    // It tries again within a second; the code is good meanwhile.
    let released = (0..100_000)
        .map(|_| bob.post(&page, &answer))
        .find(|answer| answer.status() != 503)
        .unwrap();
    assert_eq!(released.status(), 303, "{}", released.text());
    assert_eq!(bob.get("/").status(), 200);
    program.browser().pass_ask("/", "ann", &program.messages);
    // What was revoked meanwhile is on the disk now.
    drop(program);
    let program = Program::start(&gate);
    assert_eq!(thief.at(program.address).get("/").status(), 303);
    assert_eq!(bob.at(program.address).get("/").status(), 200);
}
