//! Imports go down only, and the rooms in the middle do not know each other (style section 1).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors of the house, top to bottom; a name is a file or a folder under `src/`.
const FLOORS: [(&str, &[&str]); 7] = [
    ("commands", &["main", "lib", "command"]),
    ("run", &["run", "config"]),
    ("gateway", &["api", "gateway"]),
    ("flow", &["flow"]),
    (
        "rooms",
        &[
            "admin",
            "carrier",
            "directory",
            "observe",
            "page",
            "scout",
            "server",
            "store",
            "upstream",
        ],
    ),
    (
        "decisions",
        &[
            "capture",
            "challenge",
            "event",
            "gate",
            "grant",
            "hold",
            "limit",
            "route",
            "seal",
            "site",
        ],
    ),
    (
        "words",
        &[
            "address", "code", "email", "form", "login", "message", "moment", "name", "peer",
            "phone", "preset", "request", "scope", "secret", "subject", "target",
        ],
    ),
];

#[test]
fn imports_go_down_only() {
    let floor: BTreeMap<&str, usize> = FLOORS
        .iter()
        .enumerate()
        .flat_map(|(floor, (_, names))| names.iter().map(move |name| (*name, floor)))
        .collect();
    let mut wrong = Vec::new();
    for path in sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
        let own = module_of(&path);
        let from = *floor
            .get(own.as_str())
            .unwrap_or_else(|| panic!("{own} has no floor: add it to the map"));
        for used in uses(&fs::read_to_string(&path).unwrap()) {
            let Some(to) = floor.get(used.as_str()) else {
                continue;
            };
            let room = FLOORS[from].0 == "rooms" && *to == from && used != own;
            let config = used == "config"
                && !matches!(own.as_str(), "config" | "run" | "command" | "main" | "lib");
            if *to < from || room || config {
                wrong.push(format!("{} imports {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn words_and_decisions_wait_for_nothing_and_read_no_clock() {
    let low: Vec<&str> = FLOORS[5].1.iter().chain(FLOORS[6].1).copied().collect();
    let mut wrong = Vec::new();
    for path in sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
        if !low.contains(&module_of(&path).as_str()) || path.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for banned in [
            "async fn",
            ".await",
            "tokio::",
            "std::fs",
            "std::net::Tcp",
            "Instant::now",
            "SystemTime::now",
        ] {
            if code.contains(banned) {
                wrong.push(format!("{} has {banned}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The first part of a file's path under `src/`, without its ending.
fn module_of(path: &Path) -> String {
    let under = path
        .strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
        .unwrap();
    let first = under
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules that a file names by `crate::…`, in imports and in paths; tests at its bottom may look around.
fn uses(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let mut found = Vec::new();
    for line in lines {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            if let Some(group) = rest.strip_prefix('{') {
                let names = group.trim_end_matches(';').trim_end_matches('}').split(',');
                found.extend(names.map(|name| name.trim().split("::").next().unwrap().to_owned()));
            } else {
                found.push(
                    rest.chars()
                        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                        .collect(),
                );
            }
        }
    }
    found
}
