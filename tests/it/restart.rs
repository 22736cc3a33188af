//! What stays: the key over a restart, and the people in their file while it changes.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::support::app::App;
use super::support::browser::path_of;
use super::support::gate::{Gate, Setup, USERS};
use super::support::wire::Answer;

const SENDS: &str = "[limits]\nsends_per_hour = { number = 1000, network = 1000 }";

fn gate(app: &App) -> Gate {
    Setup::new(&app.url()).with(SENDS).start()
}

fn location(answer: &Answer) -> String {
    path_of(answer.field("location").unwrap_or_default())
}

fn key(gate: &Gate) -> Vec<u8> {
    fs::read(gate.file("state/session_key")).unwrap()
}

/// Puts a file there as an editor does: whole, in the place of the old one.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(&new, path).unwrap();
}

#[test]
fn s10_the_key_is_made_at_the_first_start_and_closed_to_others() {
    let app = App::new();
    let first = gate(&app);
    let metadata = fs::metadata(first.file("state/session_key")).unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(first.file("state")).unwrap().mode() & 0o077, 0);
    assert!(key(&first).len() >= 32);
    assert_ne!(
        key(&first),
        key(&gate(&app)),
        "each installation has its own"
    );
}

#[test]
fn s10_grants_and_marks_survive_a_restart() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    browser.pass_step_up("/admin", &gate.messages);
    let before = key(&gate);
    let gate = gate.restart();
    assert_eq!(key(&gate), before);
    let mut browser = browser.at(gate.address);
    assert_eq!(browser.get("/").status(), 200);
    assert_eq!(browser.get("/admin").status(), 200);
}

#[test]
fn challenges_are_forgotten_by_a_restart_and_people_are_told() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let page = browser.ask("/private", "ann");
    let code = gate.messages.code(1);
    let gate = gate.restart();
    let mut browser = browser.at(gate.address);
    let gone = browser.get(&page);
    assert_eq!(gone.status(), 410);
    assert!(gone.text().contains("Start again"));
    let released = browser.pass_ask("/private", "ann", &gate.messages);
    assert_eq!(location(&released), "/private");
    assert_ne!(gate.messages.code(2), code);
}

#[test]
fn s10_a_grant_under_another_key_opens_nothing() {
    let app = App::new();
    let gate = gate(&app);
    let browser = gate.signed_in("ann");
    // The same site, the same person, another key.
    let other = self::gate(&app);
    let refused = browser.at(other.address).get("/");
    assert_eq!(location(&refused), "/.countersign/ask/login");
    // A key that was removed signs everybody out.
    fs::remove_file(gate.file("state/session_key")).unwrap();
    let gate = gate.restart();
    assert_eq!(
        location(&browser.at(gate.address).get("/")),
        "/.countersign/ask/login"
    );
    assert!(app.seen().is_empty());
}

#[test]
fn s10_named_keys_rotate_by_prepending() {
    let app = App::new();
    let gate = gate(&app);
    let config = fs::read_to_string(gate.file("countersign.toml")).unwrap();
    for (name, byte) in [("one", b'1'), ("two", b'2')] {
        let path = gate.file(name);
        fs::write(&path, [byte; 32]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let keyed = |gate: Gate, names: &[&str]| {
        let keys: Vec<String> = names
            .iter()
            .map(|name| format!("\"file:{}\"", gate.file(name).display()))
            .collect();
        let text = format!("{config}\n[session]\nkeys = [{}]\n", keys.join(", "));
        fs::write(gate.file("countersign.toml"), text).unwrap();
        gate.restart()
    };
    let gate = keyed(gate, &["one"]);
    let mut old = gate.signed_in("ann");
    let gate = keyed(gate, &["two", "one"]);
    let mut old = {
        old = old.at(gate.address);
        assert_eq!(old.get("/").status(), 200, "the older key still verifies");
        old
    };
    let new = gate.signed_in("ann");
    // A grant under the old key is issued anew under the new one.
    let untouched = old.clone();
    gate.later(61);
    assert_eq!(old.get("/").status(), 200);
    let gate = keyed(gate, &["two"]);
    assert_eq!(untouched.at(gate.address).get("/").status(), 303);
    assert_eq!(old.at(gate.address).get("/").status(), 200);
    assert_eq!(new.at(gate.address).get("/").status(), 200);
}

#[test]
fn a_new_number_in_the_users_file_counts_at_once() {
    let app = App::new();
    let gate = gate(&app);
    gate.browser().ask("/", "ann");
    gate.settle();
    replace(
        &gate.file("users.toml"),
        &USERS.replace("2025550143", "2025550188"),
    );
    let mut browser = gate.browser();
    browser.pass_ask("/", "ann", &gate.messages);
    let printed = gate.messages.all();
    assert!(printed.contains("+12025550143") && printed.contains("+12025550188"));
    let page = browser.step_up("/admin");
    assert!(browser.get(&page).text().contains("••88"));
    // A resend goes to the number of now.
    let mut waiting = gate.browser();
    let page = waiting.ask("/", "bob");
    gate.settle();
    replace(
        &gate.file("users.toml"),
        &USERS.replace("2025550167", "2025550189"),
    );
    gate.later(31);
    waiting.press(&page, "send");
    gate.settle();
    assert!(gate.messages.all().contains("+12025550189"));
}

#[test]
fn a_disabled_person_gets_no_more_codes() {
    let app = App::new();
    let gate = gate(&app);
    let mut signed_in = gate.signed_in("ann");
    let disabled = USERS.replace("name = \"ann\"", "name = \"ann\"\ndisabled = true");
    replace(&gate.file("users.toml"), &disabled);
    let sent = gate.sent();
    let mut browser = gate.browser();
    let page = browser.ask("/", "ann");
    assert_eq!(gate.sent(), sent);
    assert!(
        browser
            .get(&page)
            .text()
            .contains("If we have a phone number for you")
    );
    let page = signed_in.step_up("/admin");
    assert_eq!(signed_in.get(&page).status(), 403);
    replace(&gate.file("users.toml"), USERS);
    gate.signed_in("ann");
}

#[test]
fn a_broken_users_file_changes_nothing() {
    let app = App::new();
    let gate = gate(&app);
    for broken in [
        "[[user]\nname = ",
        "[[user]]\nname = \"ann\"\nphone = \"(202) 555-0143\"\n",
        "[[user]]\nname = \"ann\"\n\n[[user]]\nname = \"ANN\"\n",
        "[[user]]\nname = \"eve\"\nphones = \"+12025550143\"\n",
    ] {
        replace(&gate.file("users.toml"), broken);
        gate.signed_in("ann");
    }
    fs::remove_file(gate.file("users.toml")).unwrap();
    gate.signed_in("bob");
    // And a right one is taken up again.
    replace(
        &gate.file("users.toml"),
        "[[user]]\nname = \"eve\"\nphone = \"+12025550111\"\n",
    );
    gate.signed_in("eve");
    let sent = gate.sent();
    gate.browser().ask("/", "ann");
    assert_eq!(gate.sent(), sent);
}
