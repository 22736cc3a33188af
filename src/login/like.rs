//! Names that some server takes for the wanted one.

use crate::target::{fold, read_latin_1, spell_out};

use super::{Place, json};

/// A wanted name, ready to be compared.
#[derive(Debug)]
pub(super) struct Name {
    /// As PHP registers it; `None` for a path of names.
    php: Option<Php>,
    /// As those read it who walk into objects: `a.b`, `a[b]` and `[a][b]` are one.
    parts: Vec<Vec<u8>>,
}

/// A name that was sent, in every spelling that some server makes of it, tidied up.
#[derive(Debug, Default)]
pub(super) struct Spellings(Vec<Vec<u8>>);

/// A variable of PHP and the keys behind it.
#[derive(Debug, PartialEq, Eq)]
struct Php {
    base: Vec<u8>,
    keys: Vec<Vec<u8>>,
}

/// How often an escaped name is decoded again.
const ROUNDS: usize = 5;

impl Name {
    /// The name at a place; of a pointer, the names on its way.
    pub(super) fn of(place: &Place) -> Self {
        let pointer = match place {
            Place::Field(name) => return Self::of_field(name),
            Place::Pointer(pointer) => pointer,
        };
        let tokens: Vec<_> = json::tokens(pointer).collect();
        match tokens.as_slice() {
            // Where members of JSON and fields of forms go into one bag, as in Rails, this is such a field.
            [only] => Self::of_field(only),
            tokens => Self {
                php: None,
                parts: tokens.iter().map(|token| tidy(token.as_bytes())).collect(),
            },
        }
    }

    /// A field's name as the operator wrote it.
    pub(super) fn of_field(text: &str) -> Self {
        let tidy = tidy(text.as_bytes());
        Self {
            php: Some(Php::of(&tidy)),
            parts: parts(&tidy),
        }
    }

    /// Whether any server could take what was sent for this one.
    pub(super) fn is_like(&self, sent: &Spellings) -> bool {
        sent.0.iter().any(|tidy| self.is(tidy))
    }

    /// Whether a member of JSON in so many objects could be taken for this one: at the top, or for names with several
    /// parts the last of them anywhere.
    pub(super) fn is_member(&self, sent: &Spellings, depth: usize) -> bool {
        if depth <= 1 && self.is_like(sent) {
            return true;
        }
        let last = self.parts.last().filter(|_| self.parts.len() > 1);
        last.is_some_and(|last| sent.0.contains(last))
    }

    fn is(&self, tidy: &[u8]) -> bool {
        if !tidy.iter().any(|b| b" .[]".contains(b)) {
            let is_variable = self.php.as_ref().is_some_and(|php| php.base == tidy);
            return is_variable || matches!(&*self.parts, [only] if only == tidy);
        }
        let way = parts(tidy);
        let has_brackets = tidy.iter().any(|b| b"[]".contains(b));
        if way == self.parts || has_brackets && way.starts_with(&self.parts) {
            return true;
        }
        // `u[x]` makes an array of `u`, and `auth` puts a text where `auth[user]` was.
        self.php.as_ref().is_some_and(|php| {
            let other = Php::of(tidy);
            other.base == php.base
                && (other.keys.starts_with(&php.keys) || php.keys.starts_with(&other.keys))
        })
    }
}

impl Spellings {
    /// A name out of its first encoding: as it is, decoded again, cut at NUL, without blanks and what does not show, in
    /// folded letters.
    pub(super) fn of(name: &[u8]) -> Self {
        let mut spellings = Self::default();
        spellings.add(name);
        spellings
    }

    /// Takes in another reading of the name.
    pub(super) fn add(&mut self, name: &[u8]) {
        if is_plain(name) {
            return self.add_one(name);
        }
        let mut round = name.to_vec();
        for _ in 0..=ROUNDS {
            self.add_round(&round);
            if let Some(latin) = read_latin_1(&round) {
                self.add_round(&latin);
            }
            match spell_out(&round) {
                Some(next) => round = next,
                None => break,
            }
        }
    }

    fn add_round(&mut self, name: &[u8]) {
        // What decodes before it splits finds a name behind any of these, what reads C strings one before the NUL.
        let separates = |b: &u8| b"\0&;=?".contains(b);
        if name.iter().any(separates) {
            self.add_one(name);
        }
        for piece in name.split(separates) {
            self.add_one(piece);
            // `u:string` is `u` in Zope.
            if let Some(colon) = piece.iter().position(|&b| b == b':') {
                self.add_one(&piece[..colon]);
            }
        }
    }

    fn add_one(&mut self, name: &[u8]) {
        let tidy = tidy(name);
        if !tidy.is_empty() {
            self.0.push(tidy);
        }
    }
}

impl Php {
    /// As `php_register_variable_ex` does it; keys that are empty, which PHP counts up, are left out.
    fn of(name: &[u8]) -> Self {
        let open = name
            .iter()
            .position(|&b| b == b'[')
            .filter(|&open| name[open..].contains(&b']'));
        let (base, mut rest) = name.split_at(open.unwrap_or(name.len()));
        let base = base
            .iter()
            .map(|b| if b" .[".contains(b) { b'_' } else { *b })
            .collect();
        let mut keys = Vec::new();
        while let Some(inner) = rest.strip_prefix(b"[") {
            let Some(end) = inner.iter().position(|&b| b == b']') else {
                break;
            };
            if end > 0 {
                keys.push(inner[..end].to_vec());
            }
            rest = &inner[end + 1..];
        }
        Self { base, keys }
    }
}

/// The names on a way through objects; what stands between a closing bracket and the next opening one is none.
fn parts(tidy: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut closed = false;
    for piece in tidy.split_inclusive(|b| b".[]".contains(b)) {
        let ([part @ .., b'.' | b'[' | b']'] | part) = piece;
        let part = part.trim_ascii();
        if !part.is_empty() && !closed {
            parts.push(part.to_vec());
        }
        closed = piece.ends_with(b"]");
    }
    parts
}

/// Folded letters, without what shows nothing and without blanks around them.
fn tidy(name: &[u8]) -> Vec<u8> {
    if is_plain(name) {
        return name.to_ascii_lowercase();
    }
    let mut out = String::with_capacity(name.len());
    // Bytes that are no text are dropped by those who clean their input.
    for chunk in fold(name).utf8_chunks() {
        let shown = chunk.valid().chars().filter(|&c| shows(c));
        out.extend(shown.map(|c| if c == '+' { ' ' } else { c }));
    }
    let out = out.trim_matches(' ');
    // Spring reads `!u` where there is no `u`.
    let out = out.strip_prefix('!').unwrap_or(out).trim_matches(' ');
    out.as_bytes().to_vec()
}

/// A percent sign that is left over escapes nothing: classic ASP drops it.
fn shows(character: char) -> bool {
    character == ' '
        || character.is_ascii_graphic() && character != '%'
        || !character.is_ascii() && character.is_alphanumeric()
}

/// Letters, digits and joints of which no server makes anything else.
fn is_plain(name: &[u8]) -> bool {
    name.iter()
        .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(b))
}
