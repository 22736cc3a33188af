//! What messages and calls come from: the sender that may, and for one person always the same.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use tempfile::TempDir;

use super::support::app::App;
use super::support::gate::{Gate, Setup};

/// Somebody in the United States, somebody abroad. Nobody has these numbers: the vendors of these stories are on this
/// machine, where such numbers are sent to.
const PEOPLE: &str = "[[user]]\nname = \"ann\"\nphone = \"+12025550143\"\n\
                      [[user]]\nname = \"kate\"\nphone = \"+447700900123\"\n";

const LIMITS: &str = "[limits]\nsends_per_hour = { number = 100, network = 100 }\nsends_per_day = { number = 100 }\n";

/// A vendor that takes everything.
struct Vendor {
    app: App,
    folder: TempDir,
}

impl Vendor {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        fs::write(&key, "the key of all hooks, 32 bytes long").unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        Self {
            app: App::answering("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"),
            folder,
        }
    }

    /// One of its carriers.
    fn carrier(&self, name: &str, from: &str) -> String {
        let (url, folder) = (self.app.url(), self.folder.path().display());
        format!(
            "[carriers.{name}.webhook]\nurl = \"{url}/{name}\"\nsigning_key = \"file:{folder}/key\"\nfrom = {from}\n"
        )
    }

    /// Which carrier the newest message went by, how, and what it came from, once all that were asked for are here.
    fn newest(&self, gate: &Gate) -> [String; 3] {
        gate.settle();
        let request = self.app.last();
        let path = request.head.first.split(' ').nth(1).unwrap();
        let message: Value = serde_json::from_slice(&request.body).unwrap();
        let text = |field: &str| message[field].as_str().unwrap_or_default().to_owned();
        [path[1..].to_owned(), text("channel"), text("from")]
    }
}

#[test]
fn a_short_code_sends_texts_and_never_calls() {
    let (app, vendor) = (App::new(), Vendor::new());
    let gate = Setup::new(&app.url())
        .with(LIMITS)
        .with(&vendor.carrier("short", "[\"73737\"]"))
        .with(&vendor.carrier("both", "[\"73737\", \"+12025550101\"]"))
        .with("[delivery]\nsms = [\"short\"]\nvoice = [\"both\"]")
        .start();
    let mut browser = gate.browser();
    let page = browser.ask("/", "ann");
    assert_eq!(vendor.newest(&gate), ["short", "sms", "73737"]);
    gate.later(31);
    browser.press(&page, "voice");
    assert_eq!(vendor.newest(&gate), ["both", "voice", "+12025550101"]);
}

#[test]
fn a_name_sends_abroad_and_never_to_country_code_1() {
    let (app, vendor) = (App::new(), Vendor::new());
    let gate = Setup::new(&app.url())
        .users(PEOPLE)
        .with(LIMITS)
        .with(&vendor.carrier("names", "[\"ACME\"]"))
        .with(&vendor.carrier("numbers", "[\"+12025550101\"]"))
        .with(&vendor.carrier("both", "[\"ACME\", \"+12025550102\"]"))
        .with("[delivery]\nsms = [\"names\", \"numbers\"]\nvoice = [\"both\"]\ncountries = [\"US\", \"GB\"]")
        .start();
    for (user, carrier, from) in [
        ("ann", "numbers", "+12025550101"),
        ("kate", "names", "ACME"),
    ] {
        let mut browser = gate.browser();
        let page = browser.ask("/", user);
        assert_eq!(vendor.newest(&gate), [carrier, "sms", from]);
        gate.later(31);
        browser.press(&page, "voice");
        assert_eq!(vendor.newest(&gate), ["both", "voice", "+12025550102"]);
    }
}

#[test]
fn everybody_keeps_their_sender_over_restarts() {
    let (app, vendor) = (App::new(), Vendor::new());
    let users: Vec<String> = (0..12).map(|n| format!("user{n}")).collect();
    let people: String = users
        .iter()
        .enumerate()
        .map(|(n, name)| format!("[[user]]\nname = \"{name}\"\nphone = \"+120255501{n:02}\"\n"))
        .collect();
    let four = "[\"+12025550191\", \"+12025550192\", \"+18005550193\", \"73737\"]";
    let mut gate = Setup::new(&app.url())
        .users(&people)
        .with(LIMITS)
        .with(&vendor.carrier("main", four))
        .with("[delivery]\nsms = [\"main\"]\nvoice = [\"main\"]")
        .start();
    let mut first: Option<Vec<String>> = None;
    for _ in 0..3 {
        let senders: Vec<String> = users
            .iter()
            .map(|user| {
                gate.browser().ask("/", user);
                let [_, _, from] = vendor.newest(&gate);
                from
            })
            .collect();
        let first = first.get_or_insert_with(|| senders.clone());
        assert_eq!(senders, *first);
        gate = gate.restart();
    }
    let mut used = first.unwrap();
    used.sort();
    used.dedup();
    assert_eq!(used.len(), 4, "all four are used: {used:?}");
}
