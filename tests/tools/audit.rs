//! What testssl.sh says of the listener for https.

use serde_json::Value;

use super::door::Door;
use super::support::app::App;
use super::tool::Tool;

/// What is said of this machine and not of the gateway: its OpenSSL has neither engines nor RC4 to try.
const EXPLAINED: [&str; 2] = ["engine_problem", "RC4"];

/// Protocols, kinds of ciphers, forward secrecy, the head of an answer, and every weakness with a name that it knows.
#[test]
fn a1_an_audit_finds_no_protocol_below_1_2_and_no_weakness() {
    let app = App::new();
    let door = Door::new(&app.url());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("found.json");
    let to = format!("https://app.localhost:{}/", door.address().port());
    let checks = ["-p", "-s", "-f", "-h", "-U"];
    let mut arguments: Vec<String> = ["--quiet", "--color", "0", "--warnings", "off", "--fast"]
        .iter()
        .chain(&["--nodns", "none", "--ip", "127.0.0.1", "--jsonfile"])
        .map(|word| (*word).to_owned())
        .collect();
    arguments.push(file.display().to_string());
    arguments.extend(checks.map(str::to_owned));
    arguments.push(to);
    let arguments: Vec<&dyn std::fmt::Display> = arguments.iter().map(|word| word as _).collect();
    // It ends with the number of what it found.
    Tool::start("testssl", &arguments).said();

    let found = std::fs::read_to_string(&file).unwrap();
    let found: Vec<Value> = serde_json::from_str(&found).unwrap();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let of = |id: &str| {
        let one = found.iter().find(|one| one["id"] == id);
        text(one.unwrap_or_else(|| panic!("nothing on {id}")), "finding")
    };
    for old in ["SSLv2", "SSLv3", "TLS1", "TLS1_1"] {
        assert!(of(old).starts_with("not offered"), "{old}: {}", of(old));
    }
    for new in ["TLS1_2", "TLS1_3", "PFS", "cipherlist_STRONG"] {
        assert!(of(new).starts_with("offered"), "{new}: {}", of(new));
    }
    let weak = [
        "heartbleed",
        "secure_client_renego",
        "ticketbleed",
        "CRIME_TLS",
    ];
    for weakness in weak.iter().chain(&["LUCKY13", "POODLE_SSL", "SWEET32"]) {
        assert!(of(weakness).starts_with("not vulnerable"), "{weakness}");
    }
    assert_eq!(
        of("HSTS_time"),
        "365 days (=31536000 seconds) > 15552000 seconds"
    );
    let bad: Vec<String> = found
        .iter()
        .filter(|one| !["OK", "INFO"].contains(&one["severity"].as_str().unwrap()))
        .filter(|one| !EXPLAINED.contains(&one["id"].as_str().unwrap()))
        .map(|one| format!("{}: {}", text(one, "id"), text(one, "finding")))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}
