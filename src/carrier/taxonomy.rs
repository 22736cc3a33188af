//! What the codes of vendors mean: read from `carriers/errors.toml`, so that a vendor's new code is a change of data.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::LazyLock;
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

use super::{Cause, Failure, Fate};

/// One line of the table.
#[derive(Debug)]
pub(super) struct Entry {
    class: Class,
    codes: Vec<Codes>,
    means: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Class {
    BadNumber,
    Blocked,
    OptedOut,
    Landline,
    Config,
    Throttled,
    Transient,
    Unknown,
    Expired,
}

#[derive(Debug)]
enum Codes {
    One(String),
    Range(RangeInclusive<u32>),
}

/// The failure that an answer with this code of that vendor is; `None` if the code is not in the table.
pub(super) fn failure(
    vendor: &str,
    status: StatusCode,
    code: &str,
    retry_after: Option<Duration>,
) -> Option<Failure> {
    let entry = find(vendor, code)?;
    let cause = Cause::Vendor {
        status,
        code: shown(code),
        means: Some(entry.means.as_str()),
    };
    Some(match entry.class {
        Class::BadNumber => Failure::BadNumber(cause),
        Class::Blocked => Failure::Blocked(cause),
        Class::OptedOut => Failure::OptedOut(cause),
        Class::Landline => Failure::Landline(cause),
        Class::Config => Failure::Config(cause),
        Class::Throttled => Failure::Throttled { retry_after, cause },
        Class::Transient | Class::Expired => Failure::Transient(cause),
        Class::Unknown => Failure::Unknown(cause),
    })
}

/// The same for a receipt. `None` for a code that tells of no failure, and for one that is not in the table.
pub(super) fn fate(vendor: &str, code: &str) -> Option<Fate> {
    let class = match find(vendor, code)?.class {
        Class::BadNumber => "bad_number",
        Class::Blocked => "blocked",
        Class::OptedOut => "opted_out",
        Class::Landline => "landline",
        Class::Config => "config",
        Class::Throttled => "throttled",
        Class::Transient => "transient",
        Class::Expired => "expired",
        Class::Unknown => return None,
    };
    Some(Fate::Failed {
        class,
        code: Some(shown(code)),
    })
}

/// What a code of that vendor means, in our words; `None` if it is not in the table.
pub(super) fn means(vendor: &str, code: &str) -> Option<&'static str> {
    find(vendor, code).map(|entry| entry.means.as_str())
}

/// A vendor's code as it may stand in a log: nothing that could write a line of its own, nothing long, and nothing that
/// could be a number, a code or a mail address (C8).
pub(super) fn shown(code: &str) -> String {
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    // Between them stands at most what people write into numbers.
    let apart = |c: char| !(c.is_ascii_digit() || "+-().,/ ".contains(c));
    let secret = code.split(apart).any(|run| digits(run) > LONGEST_CODE) || code.contains('@');
    code.chars()
        .filter(char::is_ascii_graphic)
        .map(|c| match c {
            c if secret && c.is_ascii_alphanumeric() => '*',
            c => c,
        })
        .take(32)
        .collect()
}

/// Digits of a vendor's code: Twilio's have 5, and nobody's more.
const LONGEST_CODE: usize = 5;

fn find(vendor: &str, code: &str) -> Option<&'static Entry> {
    let entries = TABLE.get(vendor)?;
    let number: Option<u32> = code.parse().ok();
    let by = |matches: &dyn Fn(&Codes) -> bool| {
        entries.iter().find(|entry| entry.codes.iter().any(matches))
    };
    by(&|codes| matches!(codes, Codes::One(one) if one == code)).or_else(|| {
        by(&|codes| matches!((codes, number), (Codes::Range(range), Some(number)) if range.contains(&number)))
    })
}

static TABLE: LazyLock<BTreeMap<String, Vec<Entry>>> =
    LazyLock::new(|| read(include_str!("../../carriers/errors.toml")));

/// The table as a value. The file is part of the program, and a test reads it: it cannot fail at run time.
fn read(text: &str) -> BTreeMap<String, Vec<Entry>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        class: Class,
        codes: Vec<String>,
        means: String,
    }
    let written: BTreeMap<String, Vec<Written>> =
        toml::from_str(text).expect("a test reads the file that is built in");
    let entry = |written: Written| Entry {
        class: written.class,
        codes: written.codes.iter().map(|codes| parse(codes)).collect(),
        means: written.means,
    };
    written
        .into_iter()
        .map(|(vendor, entries)| (vendor, entries.into_iter().map(entry).collect()))
        .collect()
}

fn parse(codes: &str) -> Codes {
    let range = codes
        .split_once('-')
        .and_then(|(first, last)| Some(first.parse().ok()?..=last.parse().ok()?));
    range.map_or_else(|| Codes::One(codes.to_owned()), Codes::Range)
}

#[cfg(test)]
mod tests;
