//! Finds the routes that may name a path without trying all of them (G17).

use std::collections::HashMap;
use std::fmt;

use super::glob::{Glob, is_word};

/// Routes by the leading segments of their literal heads, up to three; those without any are tried for every path.
#[derive(Default)]
pub(super) struct Index {
    by_key: HashMap<Box<[u8]>, Vec<usize>>,
    general: Vec<usize>,
    all: Vec<usize>,
}

/// Without the map, whose order is another in every process: a table that is printed is compared.
impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("all", &self.all)
            .finish_non_exhaustive()
    }
}

/// Routes to try, in their order.
#[derive(Debug)]
pub(super) struct Candidates<'i> {
    lists: [&'i [usize]; DEPTH + 1],
}

const DEPTH: usize = 3;
/// Segments that would make a longer key are not part of it.
const KEY_BYTES: usize = 96;

impl Index {
    /// Notes that `route` has these globs; to be called in the order of routes.
    pub(super) fn add<'g>(&mut self, route: usize, globs: impl IntoIterator<Item = &'g Glob>) {
        note(&mut self.all, route);
        for glob in globs {
            let mut key = Key::default();
            let lengths = key.read(glob.head(), glob.is_literal());
            match lengths.into_iter().rev().find(|&length| length > 0) {
                Some(length) => note(
                    self.by_key.entry(key.bytes[..length].into()).or_default(),
                    route,
                ),
                None => note(&mut self.general, route),
            }
        }
    }

    /// The routes that may name `path`.
    pub(super) fn candidates(&self, path: &[u8]) -> Candidates<'_> {
        let mut lists = [&[][..]; DEPTH + 1];
        lists[DEPTH] = &self.general;
        if !self.by_key.is_empty() {
            let mut key = Key::default();
            let lengths = key.read(path, true);
            for (list, length) in lists
                .iter_mut()
                .zip(lengths)
                .filter(|(_, length)| *length > 0)
            {
                *list = self
                    .by_key
                    .get(&key.bytes[..length])
                    .map_or(&[], |routes| routes);
            }
        }
        Candidates { lists }
    }

    /// Every route.
    pub(super) fn all(&self) -> Candidates<'_> {
        Candidates {
            lists: [&self.all, &[], &[], &[]],
        }
    }
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let next = *self.lists.iter().filter_map(|list| list.first()).min()?;
        for list in &mut self.lists {
            if list.first() == Some(&next) {
                *list = &list[1..];
            }
        }
        Some(next)
    }
}

fn note(routes: &mut Vec<usize>, route: usize) {
    if routes.last() != Some(&route) {
        routes.push(route);
    }
}

/// `first/second/third` in lower case.
struct Key {
    bytes: [u8; KEY_BYTES],
}

impl Default for Key {
    fn default() -> Self {
        Self {
            bytes: [0; KEY_BYTES],
        }
    }
}

impl Key {
    /// Reads the leading words of `path` and gives the length of the key after each, 0 where there is none.
    ///
    /// A path that a pattern covers begins with the pattern's words, and goes on behind each with the same byte or with one
    /// that is no part of a word: so both have the same key. `complete` is false if more may follow the last word.
    fn read(&mut self, path: &[u8], complete: bool) -> [usize; DEPTH] {
        let mut lengths = [0; DEPTH];
        let mut used = 0;
        let mut rest = path;
        for length in &mut lengths {
            let Some(segment) = rest.strip_prefix(b"/") else {
                break;
            };
            let word = segment.iter().position(|&b| !is_word(b));
            if word.is_none() && !complete {
                break;
            }
            let end = word.unwrap_or(segment.len());
            let start = if used == 0 { 0 } else { used + 1 };
            if end == 0 || start + end > KEY_BYTES {
                break;
            }
            if start > 0 {
                self.bytes[used] = b'/';
            }
            let place = &mut self.bytes[start..start + end];
            place.copy_from_slice(&segment[..end]);
            place.make_ascii_lowercase();
            used = start + end;
            *length = used;
            rest = &segment[end..];
        }
        lengths
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Pattern;

    fn index(patterns: &[&str]) -> Index {
        let mut index = Index::default();
        for (route, text) in patterns.iter().enumerate() {
            index.add(route, Pattern::parse(text).unwrap().closing());
        }
        index
    }

    fn found(index: &Index, path: &str) -> Vec<usize> {
        index.candidates(path.as_bytes()).collect()
    }

    #[test]
    fn only_routes_that_share_the_leading_words_are_tried_in_their_order() {
        let index = index(&[
            "/app/a",
            "/",
            "/app",
            "/app/*",
            "/app/a/b/c/d",
            "/other",
            "/{app,other}/b",
            "/app.x",
        ]);
        assert_eq!(found(&index, "/app/a"), [0, 1, 2, 3, 7]);
        assert_eq!(found(&index, "/APP/a.json"), [0, 1, 2, 3, 7]);
        assert_eq!(found(&index, "/app/a/b/c/d"), [0, 1, 2, 3, 4, 7]);
        assert_eq!(found(&index, "/other/b/x"), [1, 5, 6]);
        assert_eq!(found(&index, "/apple"), [1]);
        assert_eq!(found(&index, "*"), [1]);
        assert_eq!(index.all().count(), 8);
    }

    #[test]
    fn g17_ten_thousand_routes_under_one_folder_leave_one_to_try() {
        let texts: Vec<String> = (0..10_000).map(|n| format!("/app/r{n}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let index = index(&texts);
        assert_eq!(found(&index, "/app/r77/x"), [77]);
        assert_eq!(found(&index, "/app/x"), [0_usize; 0]);
    }

    #[test]
    fn words_too_long_for_a_key_are_tried_all_the_same() {
        let (long, longer) = (
            format!("/{}", "a".repeat(96)),
            format!("/{}", "a".repeat(97)),
        );
        let index = index(&[&long, &longer, &format!("/b{long}")]);
        assert_eq!(found(&index, &long), [0, 1]);
        assert_eq!(found(&index, &longer), [1]);
        assert_eq!(found(&index, &format!("/b{long}/x")), [1, 2]);
    }
}
