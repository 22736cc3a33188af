//! Cases worth beginning with: a line each, in printable ASCII, with `\r`, `\n`, `\t`, `\\` and `\x00` for the rest.
//!
//! `@FOLDER` stands for every TOML file of that folder, a case each.
//!
//! A case that was found is printed the same way: it is kept by putting the line into its file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The cases of an aim; lines that begin with `#` are for people.
///
/// # Errors
/// The file cannot be read.
pub fn read(name: &str) -> io::Result<Vec<Vec<u8>>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(here.join(format!("corpus/{name}.txt")))?;
    let mut cases = Vec::new();
    for line in text.lines() {
        match line.strip_prefix('@') {
            Some(folder) => cases.extend(files(&here.join(folder))?),
            None if line.is_empty() || line.starts_with('#') => {}
            None => cases.push(bytes_of(line)),
        }
    }
    Ok(cases)
}

fn files(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut paths: Vec<_> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    // A case follows from its number: the order is the same on every machine.
    paths.sort();
    let toml = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "toml");
    paths.iter().filter(toml).map(fs::read).collect()
}

/// The bytes that a line stands for; what is no escape stands for itself.
#[must_use]
pub fn bytes_of(line: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let tail = &rest[at + 1..];
        let hex = tail
            .strip_prefix('x')
            .and_then(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok());
        let (byte, taken) = match (tail.as_bytes().first(), hex) {
            (_, Some(byte)) => (byte, 3),
            (Some(b'r'), _) => (b'\r', 1),
            (Some(b'n'), _) => (b'\n', 1),
            (Some(b't'), _) => (b'\t', 1),
            (Some(b'\\'), _) => (b'\\', 1),
            _ => (b'\\', 0),
        };
        bytes.push(byte);
        rest = &tail[taken..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// The line that stands for these bytes.
#[must_use]
pub fn line_of(bytes: &[u8]) -> String {
    let mut line = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\r' => line.push_str("\\r"),
            b'\n' => line.push_str("\\n"),
            b'\t' => line.push_str("\\t"),
            b'\\' => line.push_str("\\\\"),
            b' '..=b'~' => line.push(char::from(byte)),
            _ => {
                let _ = write!(line, "\\x{byte:02x}");
            }
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AIMS;

    #[test]
    fn a_line_and_its_bytes_are_the_same_thing() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(bytes_of(&line_of(&all)), all);
        assert_eq!(bytes_of("a\\r\\n\\x00\\q\\"), b"a\r\n\0\\q\\");
    }

    #[test]
    fn every_aim_has_a_corpus_and_keeps_its_promise_on_it() {
        for aim in AIMS {
            let cases = read(aim.name).expect("a file for each aim");
            assert!(cases.len() >= 8, "{} has {}", aim.name, cases.len());
            for case in cases {
                let _ = (aim.run)(&case);
            }
        }
    }
}
