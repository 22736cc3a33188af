//! The API's own description: it is what is served, and what is served is what it says.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::gate::{Api, PAPER, PASSWORD, USER};
use super::sdk::{installed, vendors};
use super::wire::Client;

/// Every description in the file that another one refers to.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if let (Some(to), "$ref") = (value.as_str(), name.as_str()) {
                    found.push(to.to_owned());
                }
                references(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn the_description_is_served_to_everybody_and_whole() {
    let api = Api::here(PAPER);
    let answer = Client::new(&api).get("/api/v1/openapi.json");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.field("content-type"), Some("application/json"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    assert_eq!(answer.text(), fs::read_to_string(file).unwrap());
    let description: Value = serde_json::from_slice(&answer.body).unwrap();
    let mut found = Vec::new();
    references(&description, &mut found);
    assert!(found.len() > 20);
    for to in found {
        let pointer = to.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{to}");
    }
}

/// Bandwidth's own fields, statuses and ranges are in it, as far as their contract is at hand.
#[test]
fn the_description_has_what_bandwidths_has() {
    let theirs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/specs/bandwidth-mfa.yml");
    let Ok(theirs) = fs::read_to_string(&theirs) else {
        eprintln!("skipped: the vendor's contract is not here; it is not part of this repository");
        return;
    };
    let ours = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json"))
        .unwrap();
    for word in [
        "/accounts/{accountId}/code/messaging",
        "/accounts/{accountId}/code/voice",
        "/accounts/{accountId}/code/verify",
        "applicationId",
        "expirationTimeInMinutes",
        "messageId",
        "callId",
        "requestId",
        "digits",
        "scope",
    ] {
        assert!(theirs.contains(word) && ours.contains(word), "{word}");
    }
}

#[test]
fn schemathesis_finds_nothing_that_the_description_does_not_say() {
    let program = vendors().join("venv-schemathesis/bin/schemathesis");
    if !installed(&program) {
        return;
    }
    let api = Api::program(PAPER);
    let folder = tempfile::tempdir().unwrap();
    let run = Command::new(program)
        .current_dir(folder.path())
        .env("NO_COLOR", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg("run")
        .arg(format!("{}/openapi.json", api.url()))
        .args(["--auth", &format!("{USER}:{PASSWORD}")])
        .args(["--workers", "1", "--seed", "1", "--max-examples", "40"])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--generation-database",
            "none",
        ])
        // Not: `positive_data_acceptance`, since a pattern cannot say which numbers there are and a limit is a limit;
        // `ignored_auth`, whose wrong passwords would use up those that an address has.
        .args(["--exclude-checks", "positive_data_acceptance,ignored_auth"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    let complained = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}{complained}");
    let log = api.log();
    assert!(!log.contains("panic"), "{log}");
}
