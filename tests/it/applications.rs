//! What `docs/applications.md` says of tests with real applications, and what `./test` installs for them, is true.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use countersign::config;
use countersign::preset;

use crate::support::gate::USERS;

/// How many points the page numbers.
const POINTS: usize = 9;

#[test]
fn every_test_that_the_page_names_exists() {
    let mut named = 0;
    for name in page().split('`').skip(1).step_by(2) {
        let Some((module, test)) = name.split_once("::") else {
            continue;
        };
        if !is_name(module) || !is_name(test) {
            continue;
        }
        let file = read(&format!("tests/apps/{module}.rs"));
        let stands = file.contains(&format!("#[test]\nfn {test}() {{"));
        assert!(stands, "tests/apps/{module}.rs has no test {test}");
        named += 1;
    }
    assert!(named > POINTS, "{named} tests are named");
}

#[test]
fn every_application_of_the_page_has_its_nine_points() {
    let page = page();
    let (_, tested) = page.split_once("\n## What is tested\n").unwrap();
    let tables = tested.split("\n### ").skip(1);
    let mut applications = 0;
    for table in tables {
        let (application, rows) = table.split_once('\n').unwrap();
        let points: Vec<(usize, &str)> = rows
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
            .filter_map(|(point, tests)| Some((point.parse().ok()?, tests)))
            .collect();
        let numbers: Vec<usize> = points.iter().map(|(point, _)| *point).collect();
        let all: Vec<usize> = (1..=POINTS).collect();
        assert_eq!(numbers, all, "{application}");
        for (point, tests) in points {
            let told = tests.contains("::")
                || tests.starts_with("none: ")
                || tests.starts_with("not tested");
            assert!(told, "{application}, point {point}: {tests}");
        }
        applications += 1;
    }
    assert!(applications > 0);
}

/// What is told to be pasted is taken as it is, with what every site has.
#[test]
fn every_block_of_the_page_can_be_pasted() {
    const COMMON: &str = "# name, url, upstream, support and directory as for every site\n";
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users.toml");
    fs::write(&users, USERS).unwrap();
    fs::set_permissions(&users, fs::Permissions::from_mode(0o600)).unwrap();
    let page = page();
    let mut pasted = 0;
    for block in page.split("\n```toml\n").skip(1) {
        let (block, _) = block.split_once("\n```").unwrap();
        assert!(block.contains(COMMON), "{block}");
        let site = block.replace(
            COMMON,
            "name = \"Example\"\nurl = \"http://localhost:8080\"\nupstream = \"http://127.0.0.1:8080\"\n\
             support = \"Help desk, +1 202 555 0100\"\ndirectory = \"staff\"\n",
        );
        let text = format!(
            "[listen]\nhttp = [\"127.0.0.1:0\"]\n{site}\n[scopes.login]\ntitle = \"Sign in\"\n\
             [directory.staff.file]\npath = \"{}\"\n[carriers.trial.console]\n[delivery]\nsms = [\"trial\"]\n\
             [store.memory]\npath = \"{}\"\n",
            users.display(),
            folder.path().join("state").display()
        );
        let file = folder.path().join("countersign.toml");
        fs::write(&file, &text).unwrap();
        let loaded = config::load(&file);
        let problems = config::diagnostic::render(&loaded.problems, false);
        assert!(loaded.config.is_some(), "{problems}\n{text}");
        pasted += 1;
    }
    assert!(pasted > POINTS, "{pasted} blocks");
}

/// Presets that nobody saw with their application say so, by saying nothing.
#[test]
fn every_preset_that_was_seen_to_work_stands_on_the_page() {
    let page = page();
    for preset in preset::all() {
        let named = page.contains(&format!("preset = \"{}\"", preset.name))
            || page.contains(&format!("preset `{}`", preset.name));
        assert!(
            preset.proven.is_none() || named,
            "the preset {} was seen with {:?}",
            preset.name,
            preset.proven
        );
    }
}

/// Else a test installs it in the middle of a run, one at a time, with the network and the package system in between.
#[test]
fn the_packages_of_every_application_are_installed_before_the_tests() {
    let script = read("test");
    let (_, packages) = script.split_once("<<'PACKAGES'\n").unwrap();
    let (packages, rest) = packages.split_once("\nPACKAGES\n").unwrap();
    let mut installed: BTreeSet<&str> = packages
        .lines()
        .filter_map(|line| Some(line.split_once(' ')?.1))
        .collect();
    if rest.contains("missing=\"$missing python3-venv\"") {
        installed.insert("python3-venv");
    }
    let php = read("tests/apps/lib.sh");
    let (_, php) = php.split_once("PHP_DEBS=\"").unwrap();
    let (php, _) = php.split_once('"').unwrap();

    let mut wanted = 0;
    for entry in fs::read_dir(root().join("tests/apps")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "sh") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap().replace("\\\n", " ");
        for line in text.lines().filter(|line| !line.starts_with("need_debs()")) {
            for call in line.split("need_debs ").skip(1) {
                let end = call.find([';', '|', '&', '}', '#']).unwrap_or(call.len());
                let call = call[..end].replace("$PHP_DEBS", php);
                for package in call.split_whitespace().filter(|word| *word != "\"$@\"") {
                    assert!(
                        installed.contains(package),
                        "{} needs {package}, which ./test does not install",
                        path.display()
                    );
                    wanted += 1;
                }
            }
        }
    }
    assert!(wanted > 0);
}

fn page() -> String {
    read("docs/applications.md")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A name as modules and tests have it.
fn is_name(word: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !word.is_empty() && word.bytes().all(letter)
}
