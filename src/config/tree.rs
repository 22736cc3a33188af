//! The files as one tree in which every key and every value knows its place.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::Glob;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Diagnostic, Place, Source};
use super::rule::Rule;

/// Far more than anybody writes by hand; a wrong path (a log, a device) must not fill the memory.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// A table, its keys in the order in which they are written.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) place: Place,
    pub(super) entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) value: Value,
}

/// A value at its place.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) place: Place,
    pub(super) kind: Kind,
}

/// The kinds of value there are in TOML. Floats and dates are kept only as what they are: no key takes one.
#[derive(Debug)]
pub(super) enum Kind {
    Text(String),
    /// `None`: too large for any key.
    Number(Option<i64>),
    Boolean(bool),
    Float,
    Date,
    List(Vec<Value>),
    Table(Table),
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

/// Reads `main` and what it includes. `None` if a file cannot be had or is no TOML: then all such problems are in
/// `problems`, and nothing else is said, for what stands in a broken file is guesswork.
pub(super) fn read(main: &Path, problems: &mut Vec<Diagnostic>) -> Option<Table> {
    let mut root = parse_file(main, 0, None, problems)?;
    let before = problems.len();
    for (rank, (path, named)) in included(&root, main, problems).iter().enumerate() {
        let Some(mut table) = parse_file(path, rank + 1, Some(named), problems) else {
            continue;
        };
        if let Some(index) = table
            .entries
            .iter()
            .position(|entry| entry.key == "include")
        {
            let place = table.entries.remove(index).place;
            problems.push(Diagnostic::new(
                Rule::Include,
                "`include` in a file that is itself included",
                &place,
                "only the main file includes others",
            ));
        }
        merge(&mut root, table, problems);
    }
    let broken = problems[before..].iter().any(|problem| {
        matches!(
            problem.rule,
            Rule::Unreadable | Rule::Syntax | Rule::Include
        )
    });
    (!broken).then_some(root)
}

/// The files that `include` names, in name order within each pattern, and where it names them.
fn included(root: &Table, main: &Path, problems: &mut Vec<Diagnostic>) -> Vec<(PathBuf, Place)> {
    let folder = main.parent().unwrap_or(Path::new(""));
    let mut paths: Vec<(PathBuf, Place)> = Vec::new();
    // A value or pattern of another type is reported where the key's type is checked.
    let patterns = match root.get("include").map(|entry| &entry.value) {
        Some(Value {
            kind: Kind::List(patterns),
            ..
        }) => &patterns[..],
        Some(one) => std::slice::from_ref(one),
        None => return paths,
    };
    for pattern in patterns {
        let Kind::Text(text) = &pattern.kind else {
            continue;
        };
        match matches(folder, text) {
            Ok(found) => {
                let others = found.into_iter().filter(|path| path != main);
                paths.extend(others.map(|path| (path, pattern.place.clone())));
            }
            Err(why) => problems.push(Diagnostic::new(
                Rule::Include,
                format!("cannot include `{text}`"),
                &pattern.place,
                why,
            )),
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    paths.retain(|(path, _)| seen.insert(path.clone()));
    paths
}

/// What one pattern names: `conf.d/*.toml`, or one file. A folder that is not there holds nothing.
fn matches(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let is_glob = |text: &str| text.contains(['*', '?', '[', '{']);
    if !is_glob(pattern) {
        return Ok(vec![folder.join(pattern)]);
    }
    let (inner, last) = pattern
        .rsplit_once('/')
        .map_or(("", pattern), |(inner, last)| (inner, last));
    if is_glob(inner) {
        return Err("only the file name can hold `*`".to_owned());
    }
    let glob = Glob::new(last)
        .map_err(|error| error.kind().to_string())?
        .compile_matcher();
    let entries = match fs::read_dir(folder.join(inner)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.to_string()),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| error.to_string())?.file_name();
        // As shells do: editors keep their own files beside ours under such names.
        if !name.as_encoded_bytes().starts_with(b".") && glob.is_match(&name) {
            found.push(folder.join(inner).join(name));
        }
    }
    found.sort();
    Ok(found)
}

/// Reads one file; `named` is where another one names it, if one does.
fn parse_file(
    path: &Path,
    rank: usize,
    named: Option<&Place>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Table> {
    let (text, why) = match read_text(path) {
        Ok(text) => (text, None),
        Err(why) => (String::new(), Some(why)),
    };
    let source = Source::new(path.to_owned(), text, rank);
    if let Some(why) = why {
        problems.push(Diagnostic::new(
            Rule::Unreadable,
            format!("cannot read {}: {why}", path.display()),
            named.unwrap_or(&Place::whole(&source)),
            if named.is_some() { "named here" } else { "" },
        ));
        return None;
    }
    parse(&source).map_err(|wrong| problems.extend(wrong)).ok()
}

/// Reads a text as TOML; else everything that is wrong with it.
pub(super) fn parse(source: &Arc<Source>) -> Result<Table, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(source.text());
    if errors.is_empty() {
        return Ok(convert(table.get_ref(), Place::whole(source), source));
    }
    let told = errors.iter().map(|error| {
        let place = error
            .span()
            .map_or_else(|| Place::whole(source), |span| Place::new(source, span));
        let (title, label) = error
            .message()
            .split_once(", ")
            .unwrap_or((error.message(), ""));
        Diagnostic::new(Rule::Syntax, format!("not TOML: {title}"), &place, label)
    });
    Err(told.collect())
}

fn read_text(path: &Path) -> Result<String, String> {
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("more than {MOST_BYTES} bytes"));
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
}

fn convert(table: &DeTable<'_>, place: Place, source: &Arc<Source>) -> Table {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| {
            let place = Place::new(source, key.span());
            Entry {
                key: key.get_ref().to_string(),
                value: convert_value(value, &place, source),
                place,
            }
        })
        .collect();
    entries.sort_by_key(|entry| entry.place.order());
    Table { place, entries }
}

/// `key` is where the value's key stands: a table is best shown by its name.
fn convert_value(value: &Spanned<DeValue<'_>>, key: &Place, source: &Arc<Source>) -> Value {
    let place = Place::new(source, value.span());
    let kind = match value.get_ref() {
        DeValue::String(text) => Kind::Text(text.to_string()),
        DeValue::Integer(number) => {
            Kind::Number(i64::from_str_radix(number.as_str(), number.radix()).ok())
        }
        DeValue::Boolean(is) => Kind::Boolean(*is),
        DeValue::Float(_) => Kind::Float,
        DeValue::Datetime(_) => Kind::Date,
        DeValue::Array(items) => Kind::List(
            items
                .iter()
                .map(|item| convert_value(item, &Place::new(source, item.span()), source))
                .collect(),
        ),
        DeValue::Table(table) => Kind::Table(convert(table, key.clone(), source)),
    };
    Value { place, kind }
}

/// Adds the keys of `from`. Tables grow together; any other key that both have is a mistake, for the order of files
/// should never decide.
fn merge(into: &mut Table, from: Table, problems: &mut Vec<Diagnostic>) {
    for entry in from.entries {
        match into.entries.iter_mut().find(|known| known.key == entry.key) {
            None => into.entries.push(entry),
            Some(Entry {
                value:
                    Value {
                        kind: Kind::Table(known),
                        ..
                    },
                ..
            }) if matches!(entry.value.kind, Kind::Table(_)) => {
                if let Kind::Table(more) = entry.value.kind {
                    merge(known, more, problems);
                }
            }
            Some(known) => problems.push(
                Diagnostic::new(
                    Rule::Twice,
                    format!("`{}` is set twice", entry.key),
                    &entry.place,
                    "set here again",
                )
                .also(&known.place, "set here first")
                .help("no file wins over another: leave it in one of them"),
            ),
        }
    }
}
