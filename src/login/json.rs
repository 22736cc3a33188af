//! JSON bodies: one strict walk that finds the credentials, and a wide one that finds names.

use std::cell::LazyCell;
use std::collections::HashSet;
use std::fmt;

use encoding_rs::{Encoding, UTF_8};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Ambiguous;
use super::like::{Name, Spellings};
use super::sought::{self, Sought};

/// How deep objects and arrays may lie in each other; logins are flat, and readers give up at different depths.
const DEEPEST: usize = 32;

/// One step of the way to a credential.
#[derive(Debug)]
pub(super) struct Step {
    text: String,
    name: Name,
}

impl Step {
    pub(super) fn of(text: String) -> Self {
        let name = Name::of_field(&text);
        Self { text, name }
    }
}

/// The tokens of a JSON pointer (RFC 6901 section 3).
pub(super) fn tokens(pointer: &str) -> impl Iterator<Item = String> {
    let tokens = pointer.split('/').skip(1);
    tokens.map(|token| token.replace("~1", "/").replace("~0", "~"))
}

/// Tells each of `sought` what a body has for it.
///
/// # Errors
/// [`Ambiguous`] for a body that is no JSON, or not to every reader the same.
pub(super) fn look(
    body: &[u8],
    charset: Option<&'static Encoding>,
    sought: &mut [Sought],
) -> Result<(), Ambiguous> {
    let text = std::str::from_utf8(body).map_err(|_| Ambiguous("the JSON is not UTF-8"))?;
    if charset.is_some_and(|charset| charset != UTF_8) && !text.is_ascii() {
        return Err(Ambiguous("the JSON is called something else than UTF-8"));
    }
    if text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
        return Ok(());
    }
    let mut reason = None;
    let mut json = serde_json::Deserializer::from_str(text);
    let walk = Walk {
        sought,
        reason: &mut reason,
        trails: [Trail::Exact; 2],
        depth: 0,
    };
    walk.deserialize(&mut json)
        .and_then(|()| json.end())
        .map_err(|_| reason.unwrap_or(Ambiguous("the JSON is malformed")))
}

/// How the way so far compares with the way to a credential.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trail {
    Exact,
    Like,
    Off,
}

/// The walk at one value. Every value is looked at, for names that stand twice may do so anywhere.
struct Walk<'a> {
    sought: &'a mut [Sought],
    reason: &'a mut Option<Ambiguous>,
    /// One for each of `sought`, which are two at most.
    trails: [Trail; 2],
    depth: usize,
}

impl Walk<'_> {
    /// Tells those whose way ends here what they have found.
    fn arrive(&mut self, value: Option<&str>) {
        for (sought, trail) in self.sought.iter_mut().zip(&self.trails) {
            if *trail != Trail::Off && sought.path.len() == self.depth {
                let role = sought.role;
                sought.found(*trail == Trail::Exact, || {
                    let text = value.ok_or(Ambiguous("a credential in JSON is no text"))?;
                    sought::presentable(role, text)
                });
            }
        }
    }

    /// The walk at a value one step farther, by the name of a member or its place in an array.
    fn step(&mut self, next: impl Fn(&Step) -> Trail) -> Walk<'_> {
        let mut trails = [Trail::Off; 2];
        for ((sought, before), trail) in self.sought.iter().zip(self.trails).zip(&mut trails) {
            match sought.path.get(self.depth) {
                Some(step) if before != Trail::Off => {
                    *trail = match next(step) {
                        Trail::Exact => before,
                        other => other,
                    }
                }
                _ => {}
            }
        }
        Walk {
            sought: self.sought,
            reason: self.reason,
            trails,
            depth: self.depth + 1,
        }
    }

    fn refuse<E: Error>(&mut self, why: &'static str) -> E {
        *self.reason = Some(Ambiguous(why));
        E::custom(why)
    }

    fn check_depth<E: Error>(&mut self) -> Result<(), E> {
        if self.depth < DEEPEST {
            Ok(())
        } else {
            Err(self.refuse("the JSON is too deep"))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        self.arrive(Some(text));
        Ok(())
    }

    fn visit_unit<E: Error>(mut self) -> Result<(), E> {
        self.arrive(None);
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        self.check_depth()?;
        self.arrive(None);
        for index in 0_usize.. {
            let index = index.to_string();
            let next = self.step(|step| {
                if step.text == index {
                    Trail::Exact
                } else {
                    Trail::Off
                }
            });
            if seq.next_element_seed(next)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.check_depth()?;
        self.arrive(None);
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            let spellings = LazyCell::new(|| Spellings::of(name.as_bytes()));
            let next = self.step(|step| {
                if step.text == name {
                    Trail::Exact
                } else if step.name.is_like(&spellings) {
                    Trail::Like
                } else {
                    Trail::Off
                }
            });
            map.next_value_seed(next)?;
            // Go and .NET take a member in whatever case. Upper comes first, so that `ſ` and the Kelvin sign are letters.
            let upper = name.chars().flat_map(char::to_uppercase);
            if !names.insert(upper.flat_map(char::to_lowercase).collect::<String>()) {
                return Err(self.refuse("the JSON has a member twice"));
            }
        }
        Ok(())
    }
}

/// A name in a body that may be JSON, and how many objects it stands in.
pub(super) struct Found {
    pub(super) name: Vec<u8>,
    pub(super) depth: usize,
}

/// Every name that any reader could find, the lenient ones and those of cut-off texts included: names in single quotes or
/// none, `=` for the colon, comments, UTF-16.
pub(super) fn names(body: &[u8]) -> Vec<Found> {
    // What is ASCII in UTF-16 and UTF-32 is itself among NULs.
    let narrow: Vec<u8> = body.iter().copied().filter(|&b| b != 0).collect();
    let (mut found, has_comments) = scan(&narrow, true);
    if has_comments {
        found.extend(scan(&narrow, false).0);
    }
    found
}

/// Whether a body begins as an object or an array does.
pub(super) fn is_likely(body: &[u8]) -> bool {
    let first = body
        .iter()
        .find(|b| !b.is_ascii_whitespace() && !b"\0\xef\xbb\xbf\xfe\xff".contains(b));
    matches!(first, Some(b'{' | b'['))
}

/// Whether a body is JSON and nothing else.
pub(super) fn is_valid(body: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

fn scan(text: &[u8], skips_comments: bool) -> (Vec<Found>, bool) {
    let (mut found, mut has_comments) = (Vec::new(), false);
    let (mut depth, mut last, mut rest) = (0_usize, None, text);
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'{' | b'}' | b'[' | b']' | b',' | b';' => {
                last = None;
                match byte {
                    b'{' => depth += 1,
                    b'}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            b'"' | b'\'' => {
                let (name, after) = unquote(tail, *byte);
                (last, rest) = (Some(name), after);
            }
            b':' | b'=' => found.extend(last.take().map(|name| Found { name, depth })),
            b'/' | b'#' => {
                has_comments = true;
                if skips_comments {
                    rest = after_comment(*byte, tail);
                }
            }
            b' ' | b'\t'..=b'\r' => {}
            _ => {
                let is_end = |b: &u8| b.is_ascii_whitespace() || b"{}[],;\"':=/#".contains(b);
                let end = tail.iter().position(is_end).unwrap_or(tail.len());
                let mut word = vec![*byte];
                word.extend_from_slice(&tail[..end]);
                (last, rest) = (Some(word), &tail[end..]);
            }
        }
    }
    (found, has_comments)
}

fn after_comment(opener: u8, tail: &[u8]) -> &[u8] {
    let end = match (opener, tail) {
        (b'/', [b'*', inner @ ..]) => {
            let end = inner.windows(2).position(|two| two == b"*/");
            end.map(|end| end + 3)
        }
        (b'/', [b'/', ..]) | (b'#', _) => tail.iter().position(|b| b"\r\n".contains(b)),
        _ => Some(0),
    };
    &tail[end.unwrap_or(tail.len())..]
}

/// A text up to its closing quote or the end, its escapes undone, and what follows.
fn unquote(text: &[u8], quote: u8) -> (Vec<u8>, &[u8]) {
    let (mut out, mut rest) = (Vec::new(), text);
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match (byte, tail) {
            (b'\\', [b'u', digits @ ..]) if digits.len() >= 4 => {
                let code = std::str::from_utf8(&digits[..4])
                    .ok()
                    .and_then(|digits| u32::from_str_radix(digits, 16).ok())
                    .and_then(char::from_u32);
                out.extend(code.into_iter().collect::<String>().bytes());
                rest = &tail[1..];
                if code.is_some() {
                    rest = &tail[5..];
                }
            }
            (b'\\', [escaped, after @ ..]) => {
                out.push(*escaped);
                rest = after;
            }
            _ if *byte == quote => break,
            _ => out.push(*byte),
        }
    }
    (out, rest)
}
