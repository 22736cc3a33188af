//! Spellings of guarded paths, and how many each gateway lets through (R1-R5).
//!
//! A spelling is let through if it reaches the application, and what arrived there is a guarded path to the reader that the
//! list names for it, or to nginx, Apache or Tomcat. Harmless is what arrives byte for byte.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;

use super::ask;
use super::bend;
use super::gate::{self, GUARDED};
use super::list::{self, Class, Row, show};
use super::reader;
use super::recorder::Recorder;
use super::rival::Rival;

/// What is compared is a gateway that does its work: each denies the plain spelling and all below it, and passes the rest.
#[test]
fn r5_every_gateway_denies_the_plain_spelling_and_passes_the_rest() {
    let app = Recorder::new();
    let ours = gate::before(&app.url());
    let rivals = Rival::all(app.address);
    let others = rivals
        .iter()
        .map(|rival| (format!("{} {}", rival.name, rival.version), rival.address));
    for (name, address) in others.chain([("Countersign".to_owned(), ours.address)]) {
        for guarded in GUARDED {
            for below in ["", "/", "/users", "?x=y"] {
                let reply = ask::get(address, format!("{guarded}{below}").as_bytes(), 1);
                assert!(
                    [401, 403, 303].contains(&reply.status()),
                    "{name}: {}",
                    reply.text()
                );
                assert_eq!(app.take(1), None, "{name} {guarded}{below}");
            }
        }
        for open in ["/", "/news", "/a/b?c=d", "/public/admin"] {
            let reply = ask::get(address, open.as_bytes(), 2);
            assert_eq!(reply.status(), 200, "{name}: {}", reply.text());
            assert_eq!(app.take(2).as_deref(), Some(open.as_bytes()), "{name}");
        }
    }
}

/// A list that says what it does not mean would prove nothing.
#[test]
fn r2_each_reader_of_the_list_takes_its_spelling_for_a_guarded_path() {
    let mut wrong = Vec::new();
    for class in list::classes() {
        for row in class.rows {
            let read = reader::read(&row.target, &row.reader);
            if show(&read) != row.meaning || !reader::is_guarded(&read) {
                wrong.push(format!(
                    "{} {} {} {}",
                    show(&row.target),
                    row.reader,
                    show(&read),
                    reader::is_guarded(&read)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Besides the one that the list names.
const SERVERS: [&str; 3] = ["nginx", "apache", "tomcat"];

/// The table's columns: what was sent through each.
struct Column {
    name: String,
    /// Of each class, what it let through.
    through: Vec<Vec<String>>,
    /// What is harmless, and did not arrive as it was sent.
    changed: Vec<String>,
}

#[test]
fn r1_r2_r3_r4_no_spelling_of_a_guarded_path_is_let_through_and_what_is_harmless_passes_unchanged()
{
    let app = Recorder::new();
    let ours = gate::before(&app.url());
    let rivals = Rival::all(app.address);
    let (classes, harmless) = (list::classes(), list::harmless());
    let gateways: Vec<(String, SocketAddr)> = rivals
        .iter()
        .map(|rival| (format!("{} {}", rival.name, rival.version), rival.address))
        .chain([("Countersign".to_owned(), ours.address)])
        .collect();
    let columns: Vec<Column> = thread::scope(|all| {
        let runs: Vec<_> = gateways
            .iter()
            .enumerate()
            .map(|(at, (name, address))| {
                let (app, classes, harmless) = (&app, &classes, &harmless);
                all.spawn(move || column(name, *address, at * 100_000, app, classes, harmless))
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let table = table(&classes, harmless.len(), &columns);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wall");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("spellings.md"), &table).unwrap();
    let every = columns.iter().map(|column| {
        let through: String = column.through.concat().join("\n");
        format!(
            "# {}\n{through}\n# changed\n{}\n",
            column.name,
            column.changed.join("\n")
        )
    });
    fs::write(folder.join("spellings.txt"), every.collect::<String>()).unwrap();

    let own = columns.last().unwrap();
    assert_eq!(own.through.concat(), [""; 0], "let through");
    assert_eq!(own.changed, [""; 0], "harmless");
    assert_eq!(
        own_columns(&table),
        own_columns(&in_the_docs()),
        "docs/security.md"
    );
}

/// Nothing is open but one folder: no spelling makes a guarded path look as if it were in there.
#[test]
fn r2_no_spelling_of_a_guarded_path_is_open_as_something_else() {
    let app = Recorder::new();
    let ours = gate::narrow(&app.url());
    let classes = list::classes();
    let own = column("Countersign", ours.address, 0, &app, &classes, &[]);
    assert_eq!(own.through.concat(), [""; 0]);
    let open = b"/public/app.css?v=1";
    assert_eq!(ask::get(ours.address, open, 1).status(), 200);
    assert_eq!(app.take(1).as_deref(), Some(&open[..]));
}

/// Further tricks on top of the list, for all of its readers at once.
#[test]
fn r2_nothing_that_is_made_of_the_list_is_let_through_to_any_of_its_readers() {
    let app = Recorder::new();
    let ours = gate::before(&app.url());
    let rows: Vec<Row> = list::classes()
        .into_iter()
        .flat_map(|class| class.rows)
        .collect();
    let readers: BTreeSet<&str> = rows.iter().map(|row| row.reader.as_str()).collect();
    let listed: Vec<Vec<u8>> = rows.iter().map(|row| row.target.clone()).collect();
    let mut through = Vec::new();
    let mut arrived = 0;
    for (number, target) in bend::more(&listed).iter().enumerate() {
        ask::get(ours.address, target, number);
        let Some(came) = app.take(number) else {
            continue;
        };
        arrived += 1;
        let reads = |steps: &&&str| reader::is_guarded(&reader::read(&came, steps));
        if let Some(steps) = readers.iter().find(reads) {
            through.push(format!("{} {steps}", show(&came)));
        }
    }
    assert!(
        through.is_empty(),
        "{arrived} arrived:\n{}",
        through.join("\n")
    );
}

fn column(
    name: &str,
    address: SocketAddr,
    from: usize,
    app: &Recorder,
    classes: &[Class],
    harmless: &[Vec<u8>],
) -> Column {
    let mut number = from;
    let mut send = |target: &[u8]| {
        number += 1;
        ask::get(address, target, number);
        app.take(number)
    };
    let through = classes.iter().map(|class| {
        let rows = class.rows.iter().filter_map(|row| {
            let came = send(&row.target)?;
            let own = row.reader.as_str();
            let mut readers = SERVERS.into_iter().chain([own]);
            let guarded = readers.any(|steps| reader::is_guarded(&reader::read(&came, steps)));
            guarded.then(|| format!("{} as {}", show(&row.target), show(&came)))
        });
        rows.collect()
    });
    let through = through.collect();
    let changed = harmless.iter().filter_map(|target| {
        let came = send(target);
        let shown = || came.as_deref().map_or("nothing".to_owned(), show);
        (came.as_ref() != Some(target)).then(|| format!("{} as {}", show(target), shown()))
    });
    Column {
        name: name.to_owned(),
        through,
        changed: changed.collect(),
    }
}

/// As it stands in the docs.
fn table(classes: &[Class], harmless: usize, columns: &[Column]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
    let mut text = format!("| class | cases | {} |\n", names.join(" | "));
    text.push_str(&"| --- ".repeat(columns.len() + 2));
    text.push_str("|\n");
    let mut row = |name: &str, cases: usize, counts: &dyn Fn(&Column) -> usize| {
        let counts: String = columns
            .iter()
            .map(|column| format!(" {} |", counts(column)))
            .collect();
        writeln!(text, "| {name} | {cases} |{counts}").unwrap();
    };
    for (at, class) in classes.iter().enumerate() {
        row(&class.name, class.rows.len(), &|column| {
            column.through[at].len()
        });
    }
    let all = classes.iter().map(|class| class.rows.len()).sum();
    row("**let through**", all, &|column| {
        column.through.concat().len()
    });
    row("**harmless, passed unchanged**", harmless, &|column| {
        harmless - column.changed.len()
    });
    text
}

/// Name, cases and Countersign's number of each row: what others let through is a matter of their versions.
fn own_columns(table: &str) -> Vec<[String; 3]> {
    let cells = table.lines().map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        [cells[0], cells[1], cells[cells.len() - 1]].map(str::to_owned)
    });
    cells.collect()
}

fn in_the_docs() -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
    let docs = fs::read_to_string(docs).unwrap();
    let lines = docs
        .lines()
        .skip_while(|line| !line.starts_with("| class | cases | nginx"));
    lines
        .take_while(|line| line.starts_with('|'))
        .fold(String::new(), |all, line| all + line + "\n")
}
