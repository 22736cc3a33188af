//! What the visitor sent with a login, and whether they had a hand in where its answer leads.
//!
//! `next=/admin/delete?id=1` is the visitor's wish; before the code nothing is asked for on their behalf. So words are
//! compared, not texts: an application may cut a value up, encode it anew, or put something in front of it, and an address
//! that says one word of theirs where it might matter is left alone. Wrong guesses err to that side, and cost no more than a
//! judgement in doubt.

use std::collections::HashSet;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header;
use memchr::memmem;
use serde_json::Value;

use super::super::{Capture, cookie};
use crate::login::Place;
use crate::request::Checked;
use crate::target::{Target, fold, read_latin_1, spell_out};

/// Everything that the visitor had a say in, in folded words.
pub(super) struct Sent<'a> {
    /// Paths of the login: its page, and where it was posted to.
    login: [&'a str; 2],
    words: HashSet<String>,
    /// Names and values, for values too short to be words of their own.
    pairs: HashSet<(String, String)>,
    /// The words of values that are paths.
    paths: HashSet<Vec<String>>,
    /// Who logs in, as typed, and to what, where that stands in one array with it (`auth[server]` beside `auth[username]`).
    own: Own,
    /// Something is encoded so often that nobody knows what it says.
    unclear: bool,
}

/// As in R2: what changes with every round of decoding is not understood.
const MOST_ROUNDS: usize = 5;

/// Words of so many addresses that they say nothing.
const COMMON: [&str; 10] = [
    "index", "php", "html", "htm", "asp", "aspx", "jsp", "cgi", "pl", "py",
];

/// Either alphabet of RFC 4648 is brought to this one, and its padding cut off.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

impl<'a> Sent<'a> {
    /// Reads the posted login: its query, its body, its Referer, and cookies that keep a path.
    pub(super) fn of(capture: &'a Capture, asked: &'a Checked, body: &[u8]) -> Self {
        let page = capture.page.split(['?', '#']).next().unwrap_or_default();
        let posted = asked.target().path();
        let mut sent = Self {
            login: [page, posted],
            words: HashSet::new(),
            pairs: HashSet::new(),
            paths: HashSet::new(),
            own: Own::default(),
            unclear: false,
        };
        // `/login.php/admin` is a page with a value behind it.
        if let Some(behind) = posted
            .strip_prefix(page)
            .filter(|rest| rest.starts_with('/'))
        {
            sent.value(behind.as_bytes());
        }
        sent.fields_of(asked.target().query().unwrap_or_default().as_bytes());
        for referer in asked.fields().get_all(header::REFERER) {
            sent.referer(referer.as_bytes());
        }
        for (_, value) in cookie::pairs(asked.fields().get_all(header::COOKIE).iter()) {
            sent.cookie(value);
        }
        let kind = asked.field(header::CONTENT_TYPE).unwrap_or_default();
        sent.body(kind, body);
        if let Some(Place::Field(name)) = capture.form().and_then(|form| form.username.as_ref()) {
            sent.own = Own::of(name, kind, body);
        }
        sent
    }

    /// Whether `target` repeats anything of it. `/` and the login page itself without a query are never the visitor's; nor is
    /// the login page with nothing in its query but who logs in (Adminer's `?server=db&username=alice`, right or wrong).
    pub(super) fn had_a_hand_in(&self, target: &Target) -> bool {
        let is_login = self.login.contains(&target.path());
        if target.raw() == "/" || is_login && target.query().is_none_or(|query| self.own.are(query))
        {
            return false;
        }
        self.unclear || self.repeats_path(target.path()) || self.repeats_query(target.query())
    }

    fn repeats_path(&self, path: &str) -> bool {
        // Folders that the login is in are no news: they are in every Referer.
        let own = self.login.iter().map(|login| common(path, login)).max();
        let rest = &path[own.unwrap_or(0)..];
        let (Some(whole), Some(rest)) = (settled(path.as_bytes()), settled(rest.as_bytes())) else {
            return true;
        };
        self.paths.contains(&words(&whole))
            || words(&rest).iter().any(|word| self.words.contains(word))
    }

    fn repeats_query(&self, query: Option<&str>) -> bool {
        fields(query.unwrap_or_default().as_bytes()).any(|(name, value)| {
            let (Some(name), Some(value)) = (settled(name), settled(value)) else {
                return true;
            };
            let long = |word: &String| word.chars().nth(1).is_some();
            let repeats_word = words(&name)
                .iter()
                .chain(&words(&value))
                .any(|word| long(word) && self.words.contains(word));
            repeats_word || self.pairs.contains(&(plain(&name), plain(&value)))
        })
    }

    fn body(&mut self, content_type: &str, body: &[u8]) {
        let is = |part: &str| content_type.to_ascii_lowercase().contains(part);
        if is("multipart/") {
            self.parts(body);
        } else if is("json") {
            match serde_json::from_slice(body) {
                Ok(value) => self.json("", &value),
                Err(_) => self.value(body),
            }
        } else if is("x-www-form-urlencoded") {
            self.fields_of(body);
        } else {
            self.value(body);
        }
    }

    fn fields_of(&mut self, text: &[u8]) {
        for (name, value) in fields(text) {
            self.field(name, value);
        }
    }

    /// Parts of a multipart body, split wherever a server might; their headers name fields and files.
    fn parts(&mut self, body: &[u8]) {
        let starts = memmem::find_iter(body, b"\n--").chain([body.len()]);
        let mut start = 0;
        for end in starts {
            let part = &body[start..end];
            start = end;
            let blank = [&b"\r\n\r\n"[..], b"\n\n"]
                .iter()
                .filter_map(|blank| Some((memmem::find(part, blank)?, blank.len())))
                .min();
            let Some((at, length)) = blank else {
                self.value(part);
                continue;
            };
            let (head, value) = (&part[..at], &part[at + length..]);
            self.value(value);
            for name in memmem::find_iter(head, b"name=") {
                let name = &head[name + b"name=".len()..];
                let name = match name {
                    [b'"', name @ ..] => name.split(|&b| b == b'"').next(),
                    _ => name.split(|b| b";\r\n".contains(b)).next(),
                };
                self.field(name.unwrap_or_default(), value);
            }
        }
    }

    fn json(&mut self, name: &str, value: &Value) {
        match value {
            Value::Object(members) => members
                .iter()
                .for_each(|(name, value)| self.json(name, value)),
            Value::Array(items) => items.iter().for_each(|item| self.json(name, item)),
            Value::String(text) => self.field(name.as_bytes(), text.as_bytes()),
            Value::Number(number) => self.field(name.as_bytes(), number.to_string().as_bytes()),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Names are the form's, not the visitor's, unless they stand without a value or look like something else.
    fn field(&mut self, name: &[u8], value: &[u8]) {
        let (Some(name), Some(value)) = (settled(name), settled(value)) else {
            self.unclear = true;
            return;
        };
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"_-[]".contains(b);
        if value.is_empty() || !name.iter().all(is_name) {
            self.value(&name);
        }
        self.value(&value);
        self.pair(&name, &value);
    }

    fn pair(&mut self, name: &[u8], value: &[u8]) {
        if !words(value).is_empty() {
            self.pairs.insert((plain(name), plain(value)));
        }
    }

    /// The page on which the form stood, if that is not the login page itself.
    fn referer(&mut self, referer: &[u8]) {
        let path = without_origin(referer);
        let (path, query) = match memchr::memchr(b'?', path) {
            Some(at) => (&path[..at], &path[at + 1..]),
            None => (path, &[][..]),
        };
        if !self.login.iter().any(|login| login.as_bytes() == path) {
            self.value(path);
        }
        self.fields_of(query);
    }

    /// A cookie is the application's own word, unless there is a path in it.
    fn cookie(&mut self, value: &[u8]) {
        let text = settled(value).unwrap_or_default();
        if text.contains(&b'/') {
            self.text(&text);
        }
        for hidden in hidden(&text).filter(|hidden| hidden.contains(&b'/')) {
            self.text(&hidden);
        }
    }

    fn value(&mut self, value: &[u8]) {
        let Some(text) = settled(value) else {
            self.unclear = true;
            return;
        };
        self.text(&text);
        // Some applications write addresses in base64 (Joomla's `return`).
        for hidden in hidden(&text) {
            self.text(&settled(&hidden).unwrap_or(hidden));
        }
    }

    /// A value that means what it says.
    fn text(&mut self, text: &[u8]) {
        let path = without_origin(text);
        if path.contains(&b'/') {
            let end = path.iter().position(|b| b"?#".contains(b));
            let path = words(&path[..end.unwrap_or(path.len())]);
            if !path.is_empty() {
                self.paths.insert(path);
            }
        }
        let inner = text.iter().position(|&b| b == b'?').map_or(0, |at| at + 1);
        for (name, value) in fields(&text[inner..]) {
            self.pair(name, value);
        }
        let said = words(text).into_iter();
        self.words
            .extend(said.filter(|word| !COMMON.contains(&&**word)));
    }
}

/// Names of what somebody logs in to. Any other field is the visitor's to add, and an application that goes back to an
/// address of theirs would show a page of their choice there.
const WHERE: [&[u8]; 7] = [
    b"server",
    b"driver",
    b"host",
    b"db",
    b"database",
    b"domain",
    b"realm",
];

/// What an application says of a login when it leads back to its own login page.
#[derive(Default)]
struct Own {
    /// Of the field that says who: `auth[username]`, and in short `username`.
    name: Vec<u8>,
    short: Vec<u8>,
    username: Vec<u8>,
    /// Short names: `server` for `auth[server]`. Only those of [`WHERE`].
    beside: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Own {
    fn of(username: &str, kind: &str, body: &[u8]) -> Self {
        let mut own = Self {
            name: username.into(),
            ..Self::default()
        };
        if !kind.to_ascii_lowercase().contains("x-www-form-urlencoded") {
            return own;
        }
        let array = username
            .split_once('[')
            .map(|(array, _)| format!("{array}[").into_bytes());
        for (name, value) in fields(body) {
            let Some((name, value)) = settled(name).zip(plain_word(value)) else {
                continue;
            };
            let short = array.as_ref().and_then(|array| {
                name.strip_prefix(&array[..])
                    .and_then(|rest| rest.strip_suffix(b"]"))
            });
            if name == username.as_bytes() {
                own.username.clone_from(&value);
                own.short = short.unwrap_or(&name).to_vec();
            } else if let Some(short) = short.filter(|short| WHERE.contains(short)) {
                own.beside.push((short.to_vec(), value));
            }
        }
        own
    }

    /// Whether all fields of a query are these.
    fn are(&self, query: &str) -> bool {
        !self.username.is_empty()
            && fields(query.as_bytes()).all(|(name, value)| {
                let Some((name, value)) = settled(name).zip(plain_word(value)) else {
                    return false;
                };
                let is_named = name == self.name || name == self.short;
                is_named && value == self.username || self.beside.contains(&(name, value))
            })
    }
}

/// A value that leads nowhere: no path and no query, once nothing is left to decode.
fn plain_word(value: &[u8]) -> Option<Vec<u8>> {
    let spaced = value.iter().map(|&b| if b == b'+' { b' ' } else { b });
    settled(&spaced.collect::<Vec<_>>()).filter(|value| {
        let leads = |b: &u8| b"/\\?&=#;".contains(b) || b.is_ascii_control();
        !value.iter().any(leads)
    })
}

/// How many bytes of `path` are folders, or the whole, that it has in common with `login`.
fn common(path: &str, login: &str) -> usize {
    let mut length = 0;
    for (ours, theirs) in path.split('/').zip(login.split('/')) {
        if ours != theirs {
            break;
        }
        length += ours.len() + 1;
    }
    length.min(path.len())
}

/// Names and values, split as any server might.
fn fields(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|b| b"&;\r\n".contains(b))
        .filter(|pair| !pair.is_empty())
        .map(|pair| match memchr::memchr(b'=', pair) {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (&[][..], pair),
        })
}

/// What stands behind the host, if there is one.
fn without_origin(text: &[u8]) -> &[u8] {
    let Some(at) = memmem::find(text, b"://") else {
        return text;
    };
    let rest = &text[at + 3..];
    let path = rest.iter().position(|b| b"/?#".contains(b));
    path.map_or(&[], |path| &rest[path..])
}

/// `text` with nothing left to decode; `None` if that takes too many rounds.
fn settled(text: &[u8]) -> Option<Vec<u8>> {
    let mut text = text.to_vec();
    for _ in 0..=MOST_ROUNDS {
        match spell_out(&text) {
            Some(next) => text = next,
            None => return Some(read_latin_1(&text).unwrap_or(text)),
        }
    }
    None
}

/// Texts that are written in base64 somewhere in `text`.
fn hidden(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let is_digit = |b: &u8| b.is_ascii_alphanumeric() || b"+/-_".contains(b);
    text.split(move |b| !is_digit(b))
        .filter(|run| run.len() >= 4)
        .filter_map(|run| {
            let standard: Vec<u8> = run
                .iter()
                .map(|b| match b {
                    b'-' => b'+',
                    b'_' => b'/',
                    other => *other,
                })
                .collect();
            let decoded = BASE64.decode(standard).ok()?;
            let is_text = std::str::from_utf8(&decoded)
                .is_ok_and(|text| !text.contains(|c: char| c.is_control() && c != '\n'));
            is_text.then_some(decoded)
        })
}

/// Runs of letters and digits, folded.
fn words(text: &[u8]) -> Vec<String> {
    let folded = fold(text);
    String::from_utf8_lossy(&folded)
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn plain(text: &[u8]) -> String {
    String::from_utf8_lossy(&fold(text.trim_ascii())).to_lowercase()
}
