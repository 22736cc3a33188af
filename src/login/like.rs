//! Names that some server takes for the wanted one.

use crate::target::{fold, read_latin_1, spell_out};

use super::{Place, json, urlencoded};

/// A wanted name, ready to be compared.
#[derive(Debug)]
pub(super) struct Name {
    /// As PHP registers it; `None` for a path of names.
    php: Option<Php>,
    /// As those read it who walk into objects: `a.b`, `a[b]` and `[a][b]` are one.
    parts: Vec<Vec<u8>>,
    has_colon: bool,
}

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
                has_colon: true,
            },
        }
    }

    /// A field's name as the operator wrote it.
    pub(super) fn of_field(text: &str) -> Self {
        let tidy = tidy(text.as_bytes());
        Self {
            php: Some(Php::of(&tidy)),
            parts: parts(&tidy),
            has_colon: text.contains(':'),
        }
    }

    /// Whether any server could take `name`, out of its first encoding, for this one: by decoding once more, by cutting at
    /// NUL, by dropping blanks and what does not show, by folding letters, and by what frameworks do to dots and brackets.
    pub(super) fn is_like(&self, name: &[u8]) -> bool {
        let mut round = name.to_vec();
        for _ in 0..=ROUNDS {
            if self.has_reading(&round)
                || read_latin_1(&round).is_some_and(|r| self.has_reading(&r))
            {
                return true;
            }
            let Some(next) = spell_out(&round) else {
                return false;
            };
            round = next;
        }
        false
    }

    /// Whether any server could find this name in a query.
    pub(super) fn is_in_query(&self, query: &str) -> bool {
        urlencoded::names(query.as_bytes()).any(|name| self.is_like(&name))
    }

    /// Whether a member of JSON in so many objects could be taken for this one: at the top, or for names with several
    /// parts the last of them anywhere.
    pub(super) fn is_member(&self, name: &[u8], depth: usize) -> bool {
        if depth <= 1 && self.is_like(name) {
            return true;
        }
        let last = self.parts.last().filter(|_| self.parts.len() > 1);
        last.is_some_and(|last| tidy(name) == *last)
    }

    fn has_reading(&self, name: &[u8]) -> bool {
        if self.is(name) {
            return true;
        }
        // What decodes before it splits finds a name behind any of these, what reads C strings one before the NUL.
        let mut pieces = name.split(|b| b"\0&;=?".contains(b));
        pieces.any(|piece| {
            // `u:string` is `u` in Zope.
            let typed = piece.iter().position(|&b| b == b':' && !self.has_colon);
            self.is(piece) || typed.is_some_and(|colon| self.is(&piece[..colon]))
        })
    }

    fn is(&self, name: &[u8]) -> bool {
        let tidy = tidy(name);
        if tidy.is_empty() {
            return false;
        }
        let other = parts(&tidy);
        if other == self.parts || tidy.contains(&b'[') && other.starts_with(&self.parts) {
            return true;
        }
        // `u[x]` makes an array of `u`, and `auth` puts a text where `auth[user]` was.
        self.php.as_ref().is_some_and(|php| {
            let other = Php::of(&tidy);
            other.base == php.base
                && (other.keys.starts_with(&php.keys) || php.keys.starts_with(&other.keys))
        })
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
            let key = inner[..end].trim_ascii();
            if !key.is_empty() {
                keys.push(key.to_vec());
            }
            rest = &inner[end + 1..];
        }
        Self { base, keys }
    }
}

fn parts(tidy: &[u8]) -> Vec<Vec<u8>> {
    tidy.split(|b| b".[]".contains(b))
        .map(<[u8]>::trim_ascii)
        .filter(|part| !part.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

/// Folded letters, without what shows nothing and without blanks around them.
fn tidy(name: &[u8]) -> Vec<u8> {
    let folded = fold(name);
    let mut out = Vec::with_capacity(folded.len());
    for chunk in folded.utf8_chunks() {
        let shown = chunk.valid().chars().filter(|&c| shows(c));
        out.extend(
            shown
                .map(|c| if c == '+' { ' ' } else { c })
                .collect::<String>()
                .bytes(),
        );
        out.extend_from_slice(chunk.invalid());
    }
    let out = out.trim_ascii();
    // Spring reads `!u` where there is no `u`.
    out.strip_prefix(b"!").unwrap_or(out).trim_ascii().to_vec()
}

/// A percent sign that is left over escapes nothing: classic ASP drops it.
fn shows(character: char) -> bool {
    character == ' '
        || character.is_ascii_graphic() && character != '%'
        || !character.is_ascii() && character.is_alphanumeric()
}
