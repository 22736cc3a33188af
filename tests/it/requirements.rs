//! What `docs/security.md` says of the requirements and their tests is true, and so are the breaks of `tests/breaks`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Value;

const SECTION: &str = "## The requirements and their tests\n";

/// A break, as `tests/breaks/run` makes it.
struct Break {
    name: String,
    requirement: String,
    file: String,
    out: String,
    instead: String,
    fails: Vec<String>,
}

#[test]
fn every_requirement_has_rows_and_every_test_in_them_exists_and_carries_its_number() {
    let page = read("docs/security.md");
    let (_, section) = page.split_once(SECTION).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut told = BTreeSet::new();
    let mut wrong = Vec::new();
    for table in section.split("\n### ").skip(1) {
        let number = table.split_whitespace().next().unwrap();
        let rows = table.lines().filter(|line| line.starts_with("| "));
        let rows: Vec<&str> = rows.skip(1).filter(|row| !row.contains("---")).collect();
        assert!(!rows.is_empty(), "{number} has no rows");
        for row in rows {
            let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
            let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
            if named.is_empty() && !tests.starts_with("none: ") {
                wrong.push(format!(
                    "{number}: neither a test nor why there is none: {row}"
                ));
            }
            for test in named {
                if !exists(test) {
                    wrong.push(format!("{number}: there is no {test}"));
                }
                if !carries(test, number) {
                    wrong.push(format!("{test} does not carry {number}"));
                }
            }
        }
        told.insert(number.to_owned());
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(told, requirements());
}

/// The text is there once, so that nobody has to say which; and what stands instead does as the code does until it is asked.
#[test]
fn every_break_can_be_made_and_every_test_that_has_to_fail_exists() {
    let breaks = breaks();
    let mut wrong = Vec::new();
    let mut names = BTreeSet::new();
    for Break {
        name,
        requirement,
        file,
        out,
        instead,
        fails,
    } in &breaks
    {
        let times = read(file).matches(out.as_str()).count();
        if times != 1 {
            wrong.push(format!("{name}: its text is {times} times in {file}"));
        }
        if !instead.contains("broken!()") {
            wrong.push(format!("{name}: nothing asks for it"));
        }
        if fails.is_empty() {
            wrong.push(format!("{name}: no test has to fail"));
        }
        if !requirements().contains(requirement) {
            wrong.push(format!("{name}: there is no requirement {requirement}"));
        }
        if !names.insert(name) {
            wrong.push(format!("{name} is there twice"));
        }
        let missing = fails.iter().filter(|test| !exists(test));
        wrong.extend(missing.map(|test| format!("{name}: there is no {test}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let broken: BTreeSet<String> = breaks.into_iter().map(|one| one.requirement).collect();
    assert_eq!(broken, requirements());
}

fn breaks() -> Vec<Break> {
    let mut breaks = Vec::new();
    for entry in fs::read_dir(root().join("tests/breaks")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "toml") {
            continue;
        }
        let file: Value = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for entry in file["break"].as_array().unwrap() {
            let text = |key: &str| entry[key].as_str().unwrap().to_owned();
            let fails = entry["fails"].as_array().unwrap().iter();
            breaks.push(Break {
                name: text("name"),
                requirement: text("requirement"),
                file: text("file"),
                out: text("out"),
                instead: text("in"),
                fails: fails
                    .map(|test| test.as_str().unwrap().to_owned())
                    .collect(),
            });
        }
    }
    breaks
}

fn requirements() -> BTreeSet<String> {
    let request_path = (1..=11).map(|number| format!("R{number}"));
    let staying_up = (1..=8).map(|number| format!("A{number}"));
    request_path.chain(staying_up).collect()
}

/// Whether `lib::request::tests::r6_…` or `it::wire::r6_…` stands in the sources.
fn exists(test: &str) -> bool {
    let mut path: Vec<&str> = test.split("::").collect();
    let (binary, name) = (path.remove(0), path.pop().unwrap());
    let top = match binary {
        "lib" => PathBuf::from("src"),
        _ => Path::new("tests").join(binary),
    };
    // A module is a file, a folder, or stands in the file of the one above it.
    let lengths = (0..=path.len()).rev();
    let mut files = lengths.flat_map(|length| {
        let stem = path[..length]
            .iter()
            .fold(top.clone(), |stem, module| stem.join(module));
        [
            stem.with_extension("rs"),
            stem.join("mod.rs"),
            stem.join("main.rs"),
        ]
    });
    let declared = format!("fn {name}(");
    files.any(|file| {
        fs::read_to_string(root().join(file)).is_ok_and(|text| text.contains(&declared))
    })
}

/// Whether the number is one of those that its name begins with, as in `r3_r6_…`.
fn carries(test: &str, number: &str) -> bool {
    let name = test.rsplit("::").next().unwrap_or_default();
    let numbers = name.split('_').take_while(|word| {
        let digits = word.get(1..).unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    numbers
        .into_iter()
        .any(|word| word.eq_ignore_ascii_case(number))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
