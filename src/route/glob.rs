//! One pattern without braces, run over a path in one pass: linear in the path, whatever it says.

/// Stands for `*` where a pattern is taken through the turns of a path.
pub(super) const MARK_STAR: &str = "\u{e000}";
/// Stands for `**`.
pub(super) const MARK_DEEP: &str = "\u{e001}";

/// A literal head, and what follows from the first star on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    head: Vec<u8>,
    rest: Vec<Token>,
    /// The whole with its marks, for short names.
    marked: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Byte(u8),
    /// Any run without a slash.
    Star,
    /// Any run.
    Deep,
    /// Nothing, or any run that ends in a slash: `**/` at the start of a segment.
    Folders,
}

/// How much of a path a closing pattern takes in; more is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cover {
    /// Nothing.
    No,
    /// It would if the path ended in one more slash, as many servers read it, or if a short name in it stands for the long
    /// one: the route has a say, but so have those behind it.
    Partly,
    /// The path, up to its end or to where a word ends.
    Whole,
}

impl Glob {
    /// Takes a path in which stars are marked; nothing if there are more than 255 tokens behind the first.
    pub(super) fn parse(marked: &[u8]) -> Option<Self> {
        let mut tokens = Vec::with_capacity(marked.len());
        let mut rest = marked;
        while let [byte, tail @ ..] = rest {
            let after_slash = matches!(tokens.last(), Some(Token::Byte(b'/') | Token::Folders));
            if let Some(tail) = rest.strip_prefix(MARK_STAR.as_bytes()) {
                tokens.push(Token::Star);
                rest = tail;
            } else if let Some(tail) = rest.strip_prefix(MARK_DEEP.as_bytes()) {
                rest = tail;
                match tail.strip_prefix(b"/") {
                    Some(tail) if after_slash => {
                        tokens.push(Token::Folders);
                        rest = tail;
                    }
                    _ => tokens.push(Token::Deep),
                }
            } else {
                tokens.push(Token::Byte(*byte));
                rest = tail;
            }
        }
        let first_star = tokens
            .iter()
            .position(|token| !matches!(token, Token::Byte(_)));
        let rest = tokens.split_off(first_star.unwrap_or(tokens.len()));
        let head = tokens.iter().filter_map(|token| match token {
            Token::Byte(byte) => Some(*byte),
            _ => None,
        });
        (rest.len() < Active::SIZE).then(|| Self {
            head: head.collect(),
            rest,
            marked: marked.to_vec(),
        })
    }

    /// The literal bytes before the first star.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// True without any star.
    pub(super) fn is_literal(&self) -> bool {
        self.rest.is_empty()
    }

    /// True for the empty pattern.
    pub(super) fn is_nothing(&self) -> bool {
        self.marked.is_empty()
    }

    /// True if this is the whole of `path`, byte for byte.
    pub(super) fn matches(&self, path: &[u8]) -> bool {
        let Some(tail) = path.strip_prefix(&self.head[..]) else {
            return false;
        };
        if self.rest.is_empty() {
            return tail.is_empty();
        }
        let mut active = Active::start(&self.rest);
        for &byte in tail {
            active = active.step(&self.rest, byte);
            if active.is_empty() {
                return false;
            }
        }
        active.accepts(&self.rest)
    }

    /// How much of `path` this takes in; the pattern is folded, the path too but for ASCII capitals.
    pub(super) fn covers(&self, path: &[u8]) -> Cover {
        // `OPTIONS *` asks for everything.
        let path = if path == b"*" { b"/" } else { path };
        let length = self.head.len();
        let Some(start) = path.get(..length) else {
            let slashed = path.len() + 1 == length && self.head.ends_with(b"/");
            let is_head = slashed && path.eq_ignore_ascii_case(&self.head[..length - 1]);
            let rest_is_nothing = is_head && Active::start(&self.rest).accepts(&self.rest);
            return if rest_is_nothing {
                Cover::Partly
            } else {
                Cover::No
            };
        };
        if !start.eq_ignore_ascii_case(&self.head) {
            return Cover::No;
        }
        let mut active = Active::start(&self.rest);
        for (at, byte) in path.iter().enumerate().skip(length) {
            if active.accepts(&self.rest) && word_ends(path, at) {
                return Cover::Whole;
            }
            active = active.step(&self.rest, byte.to_ascii_lowercase());
            if active.is_empty() {
                return Cover::No;
            }
        }
        if active.accepts(&self.rest) {
            return Cover::Whole;
        }
        let slashed = active.step(&self.rest, b'/').accepts(&self.rest);
        if slashed { Cover::Partly } else { Cover::No }
    }

    /// Whether this covers `path` when segments such as `ADMINI~1` are taken for the long names they may stand for.
    ///
    /// Wide where it cannot know: a segment with a star in it takes any segment, `**` everything.
    pub(super) fn covers_short_names(&self, path: &[u8]) -> bool {
        let mut asked = path.split(|&b| b == b'/');
        let mut wanted = self.marked.split(|&b| b == b'/').peekable();
        while let Some(wanted_segment) = wanted.next() {
            if contains(wanted_segment, MARK_DEEP) {
                return true;
            }
            let Some(segment) = asked.next() else {
                return wanted_segment.is_empty() && wanted.peek().is_none();
            };
            let last = wanted.peek().is_none();
            let same = contains(wanted_segment, MARK_STAR)
                || segment.eq_ignore_ascii_case(wanted_segment)
                || (last && wanted_segment.is_empty())
                || (last && starts_word(segment, wanted_segment))
                || is_short_for(segment, wanted_segment);
            if !same {
                return false;
            }
        }
        true
    }
}

/// True if a word of letters, digits, `-` and `_` ends before `path[at]` (R2).
fn word_ends(path: &[u8], at: usize) -> bool {
    let is_end = |b: &u8| !is_word(*b);
    path.get(at).is_none_or(is_end) || at.checked_sub(1).is_some_and(|before| path[before] == b'/')
}

/// Letters, digits, `-` and `_`.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn starts_word(segment: &[u8], word: &[u8]) -> bool {
    let start = segment.get(..word.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(word)) && word_ends(segment, word.len())
}

fn contains(segment: &[u8], mark: &str) -> bool {
    segment
        .windows(mark.len())
        .any(|three| three == mark.as_bytes())
}

/// True if Windows may have given the file `long` the 8.3 name `segment`: the first letters, `~`, a number, and three
/// letters of its ending; or, after four collisions, two letters and four digits of a hash.
fn is_short_for(segment: &[u8], long: &[u8]) -> bool {
    let Some(tilde) = segment.iter().position(|&b| b == b'~') else {
        return false;
    };
    let (base, after) = (&segment[..tilde], &segment[tilde + 1..]);
    let digits = after.iter().take_while(|b| b.is_ascii_digit()).count();
    if base.is_empty() || digits == 0 || digits > 6 {
        return false;
    }
    let dot = long.iter().rposition(|&b| b == b'.').unwrap_or(long.len());
    let name: Vec<u8> = long[..dot]
        .iter()
        .copied()
        .filter(|b| !matches!(b, b'.' | b' '))
        .collect();
    let ending = long.get(dot + 1..).unwrap_or_default();
    let ending = ending.get(..3).unwrap_or(ending);
    let same_ending = ending.is_empty()
        || after[digits..].strip_prefix(b".").is_some_and(|short| {
            short
                .get(..ending.len())
                .is_some_and(|short| short.eq_ignore_ascii_case(ending))
        });
    let starts = |letters: &[u8]| {
        name.get(..letters.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(letters))
    };
    let is_hash =
        base.len() == 6 && base[2..].iter().all(u8::is_ascii_hexdigit) && starts(&base[..2]);
    let is_start = starts(base) && base.len() >= name.len().min(7 - digits);
    same_ending && (is_start || is_hash)
}

/// The tokens that may come next; one bit each, the last for being through.
#[derive(Clone, Copy)]
struct Active([u64; 4]);

impl Active {
    const SIZE: usize = 256;

    fn start(tokens: &[Token]) -> Self {
        let mut active = Self([0; 4]);
        active.enter(tokens, 0);
        active
    }

    fn set(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    /// Comes before `at`, and before what follows if the token there may be nothing.
    fn enter(&mut self, tokens: &[Token], at: usize) {
        let mut at = at;
        self.set(at);
        while matches!(
            tokens.get(at),
            Some(Token::Star | Token::Deep | Token::Folders)
        ) {
            at += 1;
            self.set(at);
        }
    }

    fn step(self, tokens: &[Token], byte: u8) -> Self {
        let mut next = Self([0; 4]);
        for (word, &bits) in self.0.iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                let at = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                match tokens.get(at) {
                    Some(Token::Byte(wanted)) if *wanted == byte => next.enter(tokens, at + 1),
                    Some(Token::Star) if byte != b'/' => next.enter(tokens, at),
                    Some(Token::Deep) => next.enter(tokens, at),
                    Some(Token::Folders) if byte == b'/' => next.enter(tokens, at),
                    // In the middle of a folder's name nothing may follow yet.
                    Some(Token::Folders) => next.set(at),
                    _ => {}
                }
            }
        }
        next
    }

    fn accepts(self, tokens: &[Token]) -> bool {
        self.0[tokens.len() / 64] >> (tokens.len() % 64) & 1 == 1
    }

    fn is_empty(self) -> bool {
        self.0 == [0; 4]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glob(text: &str) -> Glob {
        Glob::parse(super::super::pattern::mark(text).as_bytes()).unwrap()
    }

    /// The plainest definition there is; exponential, for short texts only.
    fn by_definition(pattern: &[u8], path: &[u8], after_slash: bool) -> bool {
        match pattern {
            [] => path.is_empty(),
            [b'*', b'*', b'/', rest @ ..] if after_slash => {
                let folders = (0..path.len())
                    .filter(|&at| path[at] == b'/')
                    .map(|at| at + 1);
                std::iter::once(0)
                    .chain(folders)
                    .any(|at| by_definition(rest, &path[at..], true))
            }
            [b'*', b'*', rest @ ..] => {
                (0..=path.len()).any(|at| by_definition(rest, &path[at..], false))
            }
            [b'*', rest @ ..] => {
                let segment = path.iter().position(|&b| b == b'/').unwrap_or(path.len());
                (0..=segment).any(|at| by_definition(rest, &path[at..], false))
            }
            [byte, rest @ ..] => {
                path.first() == Some(byte) && by_definition(rest, &path[1..], *byte == b'/')
            }
        }
    }

    proptest! {
        #[test]
        fn one_pass_agrees_with_the_definition(
            pattern in "/([ab/]|\\*\\*/|\\*[ab/]|\\*\\*[ab]){0,5}",
            path in "/[ab/]{0,8}",
        ) {
            prop_assert_eq!(glob(&pattern).matches(path.as_bytes()), by_definition(pattern.as_bytes(), path.as_bytes(), false));
        }

        #[test]
        fn what_matches_is_covered_with_everything_below(pattern in "/([ab/]|\\*[ab/]|\\*\\*[ab]){0,5}", path in "/[ab/]{0,8}") {
            if glob(&pattern).matches(path.as_bytes()) {
                for tail in ["", "/", "/x", ".json", ";x", "%20"] {
                    prop_assert_eq!(glob(&pattern).covers(format!("{path}{tail}").as_bytes()), Cover::Whole);
                }
            }
        }
    }

    #[test]
    fn a_hostile_path_takes_one_pass() {
        let stars = glob(&format!("/{}", "*a".repeat(100)));
        let path = format!("/{}b", "a".repeat(8000));
        assert!(!stars.matches(path.as_bytes()));
    }
}
