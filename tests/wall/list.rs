//! The list of spellings: `spellings/*.txt`, a class a file, and `harmless.txt`.

use std::fs;
use std::path::{Path, PathBuf};

/// Spellings of one kind.
pub struct Class {
    /// As the table calls it.
    pub name: String,
    pub rows: Vec<Row>,
}

/// One spelling of something that is guarded.
pub struct Row {
    /// What stands between the method and the version.
    pub target: Vec<u8>,
    /// Who takes it for something guarded, as [`read`](super::reader::read) knows them.
    pub reader: String,
    /// What that reader reads.
    pub meaning: String,
}

/// All classes, in the order of their files' names.
pub fn classes() -> Vec<Class> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder().join("spellings"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| class(file)).collect()
}

/// Spellings that are nobody's secret and must pass.
pub fn harmless() -> Vec<Vec<u8>> {
    let text = fs::read_to_string(folder().join("harmless.txt")).unwrap();
    text.lines().map(unescape).collect()
}

/// A target as it can be shown in a line of text.
pub fn show(target: &[u8]) -> String {
    target.escape_ascii().to_string()
}

fn class(file: &Path) -> Class {
    let text = fs::read_to_string(file).unwrap();
    let mut lines = text.lines();
    let name = lines.next().and_then(|line| line.strip_prefix("= "));
    let _source = lines.next().and_then(|line| line.strip_prefix("= "));
    let rows = lines.map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let [target, reader, meaning] = words[..] else {
            panic!("{}: {line}", file.display());
        };
        Row {
            target: unescape(target),
            reader: reader.to_owned(),
            meaning: meaning.to_owned(),
        }
    });
    Class {
        name: name.expect("a file begins with its name").to_owned(),
        rows: rows.collect(),
    }
}

/// `\\` is a backslash, `\x09` a byte.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let (said, after) = match rest {
            [b'\\', b'\\', after @ ..] => (b'\\', after),
            [b'\\', b'x', high, low, after @ ..] => {
                let digits = [*high, *low];
                let digits = str::from_utf8(&digits).unwrap();
                (u8::from_str_radix(digits, 16).unwrap(), after)
            }
            _ => (*byte, tail),
        };
        out.push(said);
        rest = after;
    }
    out
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wall")
}
