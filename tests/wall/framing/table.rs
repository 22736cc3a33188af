//! The same cases through other gateways before the same application, in the same run, and the table of what they pass on.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::{fs, thread};

use super::case::{self, CLASSES, Sent};
use super::controls::CONTROLS;
use super::{Fate, changed, control_bytes, fates, ours, send_all, shown};
use crate::rival::Rival;
use crate::support::gate::Setup;
use crate::tape::{Manner, Tape};

/// What stands in a column.
struct Column {
    name: String,
    /// Cases of each class that were passed on.
    passed_on: BTreeMap<&'static str, usize>,
    /// Controls that arrived unchanged.
    unchanged: usize,
    /// What was passed on and why, and what was changed.
    told: String,
}

impl Column {
    fn new(name: String, all: &[Sent], fates: &[Fate], changed: &BTreeMap<usize, String>) -> Self {
        let mut column = Self {
            name,
            passed_on: BTreeMap::new(),
            unchanged: CONTROLS.len() - changed.len(),
            told: String::new(),
        };
        for (sent, fate) in all.iter().zip(fates).filter(|(_, fate)| fate.passed_on()) {
            *column.passed_on.entry(sent.class).or_default() += 1;
            writeln!(column.told, "{}: {}\n  {fate:?}", column.name, shown(sent)).unwrap();
        }
        for (number, why) in changed {
            writeln!(
                column.told,
                "{}: changed {:?}\n  {why}",
                column.name, CONTROLS[*number]
            )
            .unwrap();
        }
        column
    }

    /// Another gateway: first the cases, then what is harmless, each before an application of its own.
    fn of(start: fn(SocketAddr) -> Rival) -> Self {
        let all = case::all(None);
        let bytes: Vec<Vec<u8>> = all.iter().map(|sent| sent.bytes.clone()).collect();
        let tape = Tape::start(Manner::Once);
        let rival = start(tape.address);
        send_all(rival.address, &bytes);
        let name = format!("{} {}", rival.name, rival.version);
        drop(rival);
        let fates = fates(&all, &tape.finish());

        let tape = Tape::start(Manner::Once);
        let rival = start(tape.address);
        send_all(rival.address, &control_bytes(None));
        drop(rival);
        Self::new(name, &all, &fates, &changed(&tape.finish()))
    }

    fn countersign() -> Self {
        let (all, fates, wrong) = ours();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let tape = Tape::start(Manner::Kept);
        let gate = Setup::new(&tape.url()).start();
        let cookies = gate.signed_in("ann").cookies().unwrap();
        send_all(gate.address, &control_bytes(Some(&cookies)));
        drop(gate);
        Self::new(
            "Countersign".to_owned(),
            &all,
            &fates,
            &changed(&tape.finish()),
        )
    }
}

#[test]
fn r6_r7_the_table_of_what_gateways_pass_on() {
    let columns: Vec<Column> = thread::scope(|scope| {
        let others = [Rival::nginx, Rival::haproxy, Rival::apache];
        let others = others.map(|start| scope.spawn(move || Column::of(start)));
        let own = scope.spawn(Column::countersign);
        let all = others.into_iter().chain([own]);
        all.map(|one| one.join().unwrap()).collect()
    });
    let table = table(&columns);
    write("framing.md", &table);
    let told: String = columns.iter().map(|column| column.told.as_str()).collect();
    write("framing.txt", &told);

    // How others fare depends on their versions; the number of cases and Countersign's column do not.
    let documented = fs::read_to_string("docs/security.md").unwrap();
    for line in table.lines().skip(2) {
        let (class, cases, own) = ends(line).unwrap();
        let found = documented
            .lines()
            .filter_map(ends)
            .any(|row| row == (class, cases, own));
        assert!(found, "docs/security.md says something else than\n{table}");
        if class == HARMLESS {
            assert_eq!(cases, own, "{line}");
        } else {
            assert_eq!(own, "0", "{line}");
        }
    }
}

/// Leaves a file for people to read, `target/tmp/wall/NAME`.
pub fn write(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wall");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), text).unwrap();
}

const HARMLESS: &str = "harmless, and arrives once and unchanged";

fn table(columns: &[Column]) -> String {
    let sent = case::all(None);
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut table = format!("| class | cases | {} |\n", names.join(" | "));
    writeln!(table, "| --- | ---: |{}", " ---: |".repeat(columns.len())).unwrap();
    let mut row = |class: &str, cases: usize, count: &dyn Fn(&Column) -> usize| {
        let counts: Vec<String> = columns
            .iter()
            .map(|column| count(column).to_string())
            .collect();
        writeln!(table, "| {class} | {cases} | {} |", counts.join(" | ")).unwrap();
    };
    for class in CLASSES {
        let cases = sent.iter().filter(|sent| sent.class == class).count();
        row(class, cases, &|column| {
            column.passed_on.get(class).copied().unwrap_or(0)
        });
    }
    row("all", sent.len(), &|column| column.passed_on.values().sum());
    row(HARMLESS, CONTROLS.len(), &|column| column.unchanged);
    table
}

/// The first two cells of a row and the last.
fn ends(line: &str) -> Option<(&str, &str, &str)> {
    let cells: Vec<&str> = line
        .trim()
        .trim_matches('|')
        .split('|')
        .map(str::trim)
        .collect();
    match *cells {
        [class, cases, .., own] => Some((class, cases, own)),
        _ => None,
    }
}
