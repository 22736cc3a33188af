//! What stays: the key, limits, locks and sign-outs over a restart, and the people in their file while it changes.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use countersign::config;
use countersign::run::{self, NotStarted, Surroundings};
use countersign::store::durable::file::NotOpened;

use super::support::app::App;
use super::support::browser::{path_of, token};
use super::support::gate::{Gate, Setup, USERS, other_than};
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
fn a4_messages_are_counted_over_a_restart_and_for_as_long() {
    let app = App::new();
    let mut gate = Setup::new(&app.url())
        .with("[limits]\nsends_per_hour = { number = 3, network = 1000 }")
        .start();
    for n in 1..=3 {
        gate.browser().ask("/", "ann");
        assert_eq!(gate.sent(), n);
        gate = gate.restart();
    }
    gate.browser().ask("/", "ann");
    assert_eq!(gate.sent(), 3, "the number has had its messages");
    gate.browser().ask("/", "bob");
    assert_eq!(gate.sent(), 4, "another has not");
    gate.later(3600);
    let gate = gate.restart();
    gate.browser().ask("/", "ann");
    assert_eq!(gate.sent(), 5);
}

#[test]
fn a4_a_network_has_no_more_messages_after_a_restart() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .with("[limits]\nsends_per_hour = { number = 1000, network = 2 }")
        .start();
    for _ in 0..2 {
        gate.browser().ask("/", "nobody");
    }
    gate.settle();
    let gate = gate.restart();
    gate.browser().ask("/", "ann");
    assert_eq!(gate.sent(), 0, "whoever it was for");
}

#[test]
fn a4_a_lock_holds_over_restarts_and_only_against_strangers() {
    let app = App::new();
    let mut gate = gate(&app);
    let friend = gate.signed_in("ann");
    let mut wrong = 0;
    while wrong < 10 {
        let mut browser = gate.browser();
        let sent = gate.sent();
        let page = browser.ask("/", "ann");
        let code = other_than(&gate.messages.after(sent));
        for _ in 0..5 {
            browser.answer(&page, &code);
            wrong += 1;
        }
        gate = gate.restart();
    }
    let mut browser = gate.browser();
    let sent = gate.sent();
    let page = browser.ask("/", "ann");
    let code = gate.messages.after(sent);
    let locked = browser.get(&page).text();
    assert!(locked.contains("Signing in is locked until"), "{locked}");
    browser.answer(&page, &code);
    assert!(browser.cookie("-login").is_none(), "not even the right one");
    // Who passed a code before is not locked out by strangers, nor by a restart.
    friend
        .at(gate.address)
        .pass_step_up("/admin", &gate.messages);
    gate.later(61);
    let mut browser = gate.browser();
    browser.pass_ask("/", "ann", &gate.messages);
    assert_eq!(browser.get("/").status(), 200);
}

#[test]
fn s5_who_signed_out_stays_signed_out_over_a_restart() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    let thief = browser.clone();
    let bystander = gate.signed_in("bob");
    let page = browser.get("/.countersign/sign-out");
    browser.post("/.countersign/sign-out", &[("token", &token(&page))]);
    let gate = gate.restart();
    let refused = thief.at(gate.address).get("/");
    assert_eq!(location(&refused), "/.countersign/ask/login");
    assert_eq!(bystander.at(gate.address).get("/").status(), 200);
}

#[test]
fn a4_a_damaged_state_shuts_everything_until_it_is_removed() {
    let app = App::new();
    let gate = gate(&app);
    let signed_in = gate.signed_in("ann");
    let sent = gate.sent();
    fs::write(gate.file("garbage"), b"garbage").unwrap();
    fs::rename(gate.file("garbage"), gate.file("state/state.redb")).unwrap();
    let gate = gate.restart();
    let refused = signed_in.clone().at(gate.address).get("/");
    assert_eq!(
        refused.status(),
        303,
        "which grants were revoked is not known"
    );
    gate.browser().ask("/", "ann");
    assert_eq!(gate.sent(), sent);
    let aside = fs::read_dir(gate.file("state"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .find(|name| name.starts_with("state.redb.damaged-"))
        .unwrap();
    assert_eq!(
        fs::read(gate.file("state").join(aside)).unwrap(),
        b"garbage"
    );
    fs::remove_file(gate.file("state/state.redb")).unwrap();
    let gate = gate.restart();
    assert_eq!(signed_in.at(gate.address).get("/").status(), 200);
    gate.signed_in("bob");
}

#[test]
fn a_second_gateway_does_not_start_on_the_same_state() {
    let app = App::new();
    let gate = gate(&app);
    let config = config::load(&gate.file("countersign.toml")).config.unwrap();
    let bound = run::bind(&config.listen, NonZeroUsize::MIN).unwrap();
    match run::start(config, bound, Surroundings::default()) {
        Err(NotStarted::State(NotOpened::Locked(_))) => {}
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it counts apart"),
    }
    gate.signed_in("ann");
}

#[test]
fn without_durable_state_a_restart_begins_with_empty_limits() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .with("[limits]\nsends_per_hour = { number = 1, network = 1000 }")
        .start();
    let path = gate.file("countersign.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replace("[store.memory]\n", "[store.memory]\ndurable = false\n"),
    )
    .unwrap();
    fs::remove_file(gate.file("state/state.redb")).unwrap();
    let gate = gate.restart();
    gate.signed_in("ann");
    let gate = gate.restart();
    gate.signed_in("ann");
    assert!(!gate.file("state/state.redb").exists());
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
fn a3_a6_a_broken_users_file_changes_nothing() {
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
