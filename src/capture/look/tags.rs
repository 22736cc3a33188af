//! The `input` tags of a page, found as browsers find them (HTML Living Standard section 13.2.5), in one pass.
//!
//! No tree is built. What is text to a browser is passed over: comments, scripts, styles, titles, text areas.

use std::borrow::Cow;

use encoding_rs::{UTF_16BE, UTF_16LE};
use memchr::{memchr, memchr2, memmem};

/// An `input` tag: those of its attributes that are asked for, as written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Input<'h> {
    kind: &'h [u8],
    name: &'h [u8],
}

impl<'h> Input<'h> {
    /// The value of its `type`; nothing if it has none.
    pub(super) fn kind(&self) -> Cow<'h, [u8]> {
        referred(self.kind)
    }

    /// The value of its `name`; nothing if it has none.
    pub(super) fn name(&self) -> Cow<'h, [u8]> {
        referred(self.name)
    }
}

/// Whether `wanted` holds for some `input` of the page.
pub(super) fn any_input(html: &[u8], wanted: impl Fn(&Input<'_>) -> bool) -> bool {
    let text = plain(html);
    let mut page = Page {
        rest: &text,
        foreign: 0,
    };
    std::iter::from_fn(|| page.next_input()).any(|input| wanted(&input))
}

/// A page, and how far it has been read.
struct Page<'h> {
    rest: &'h [u8],
    /// How many `svg` and `math` elements are open.
    foreign: usize,
}

/// What one tag says.
struct Tag<'h> {
    name: &'h [u8],
    input: Input<'h>,
    closes_itself: bool,
}

/// Elements whose content is text up to their end tag.
const TEXTS: [&[u8]; 8] = [
    b"script",
    b"style",
    b"textarea",
    b"title",
    b"xmp",
    b"iframe",
    b"noembed",
    b"noframes",
];

impl<'h> Page<'h> {
    fn next_input(&mut self) -> Option<Input<'h>> {
        loop {
            self.rest = &self.rest[memchr(b'<', self.rest)? + 1..];
            match self.rest {
                [b'!', b'-', b'-', ..] => self.rest = after_comment(&self.rest[3..])?,
                [b'/', letter, ..] if letter.is_ascii_alphabetic() => {
                    self.rest = &self.rest[1..];
                    let tag = self.tag()?;
                    if is_foreign(&tag) {
                        self.foreign = self.foreign.saturating_sub(1);
                    }
                }
                // A doctype, or what browsers take for a comment for want of anything better.
                [b'!' | b'?' | b'/', ..] => self.rest = &self.rest[memchr(b'>', self.rest)? + 1..],
                [letter, ..] if letter.is_ascii_alphabetic() => {
                    let tag = self.tag()?;
                    if tag.name.eq_ignore_ascii_case(b"input") {
                        return Some(tag.input);
                    }
                    self.enter(&tag)?;
                }
                _ => {}
            }
        }
    }

    /// Goes on behind a start tag; `None` if all that follows is text.
    fn enter(&mut self, tag: &Tag<'h>) -> Option<()> {
        if is_foreign(tag) {
            self.foreign += usize::from(!tag.closes_itself);
        } else if tag.name.eq_ignore_ascii_case(b"plaintext") {
            return None;
        } else if self.foreign > 0 && (tag.closes_itself || tag.name.eq_ignore_ascii_case(b"title"))
        {
            // In a drawing `<title/>` is whole, and what stands in a title is markup.
        } else if let Some(text) = TEXTS
            .iter()
            .find(|text| tag.name.eq_ignore_ascii_case(text))
        {
            let script = *text == b"script";
            self.rest = if script {
                after_script(self.rest)?
            } else {
                after_text(self.rest, text)?
            };
        }
        Some(())
    }

    /// Reads a tag from its name on. `None` if it does not end: browsers drop it.
    fn tag(&mut self) -> Option<Tag<'h>> {
        let end = find(self.rest, |b| is_space(b) || matches!(b, b'/' | b'>'))?;
        let mut tag = Tag {
            name: &self.rest[..end],
            input: Input::default(),
            closes_itself: false,
        };
        let (mut has_kind, mut has_name) = (false, false);
        self.rest = &self.rest[end..];
        loop {
            let start = find(self.rest, |b| !is_space(b) && b != b'/')?;
            tag.closes_itself = start > 0 && self.rest[start - 1] == b'/';
            self.rest = &self.rest[start..];
            if let [b'>', rest @ ..] = self.rest {
                self.rest = rest;
                return Some(tag);
            }
            let (name, value) = self.attribute()?;
            // Of attributes with the same name the first one counts.
            if !has_kind && name.eq_ignore_ascii_case(b"type") {
                (has_kind, tag.input.kind) = (true, value);
            } else if !has_name && name.eq_ignore_ascii_case(b"name") {
                (has_name, tag.input.name) = (true, value);
            }
        }
    }

    fn attribute(&mut self) -> Option<(&'h [u8], &'h [u8])> {
        // An `=` that a name begins with is part of it.
        let ends = |b| is_space(b) || matches!(b, b'/' | b'>' | b'=');
        let end = find(&self.rest[1..], ends)? + 1;
        let name = &self.rest[..end];
        let behind = end + find(&self.rest[end..], |b| !is_space(b))?;
        if self.rest[behind] != b'=' {
            self.rest = &self.rest[end..];
            return Some((name, &[]));
        }
        let start = behind + 1 + find(&self.rest[behind + 1..], |b| !is_space(b))?;
        let rest = &self.rest[start..];
        let (value, rest) = match rest[0] {
            quote @ (b'"' | b'\'') => {
                let end = memchr(quote, &rest[1..])? + 1;
                (&rest[1..end], &rest[end + 1..])
            }
            _ => rest.split_at(find(rest, |b| is_space(b) || b == b'>')?),
        };
        self.rest = rest;
        Some((name, value))
    }
}

/// The page as one byte a letter where it matters: out of UTF-16, and without NUL bytes.
fn plain(html: &[u8]) -> Cow<'_, [u8]> {
    let wide = match html {
        [0xff, 0xfe, rest @ ..] => Some(UTF_16LE.decode_without_bom_handling(rest).0),
        [0xfe, 0xff, rest @ ..] => Some(UTF_16BE.decode_without_bom_handling(rest).0),
        _ => None,
    };
    let text = match wide {
        Some(text) => Cow::Owned(text.into_owned().into_bytes()),
        None => Cow::Borrowed(html),
    };
    if memchr(0, &text).is_some() {
        Cow::Owned(text.iter().copied().filter(|&b| b != 0).collect())
    } else {
        text
    }
}

/// What follows a comment whose `<!--` was read. `None` if it does not end.
fn after_comment(text: &[u8]) -> Option<&[u8]> {
    // `<!-->` and `<!--->` are whole.
    if let Some(rest) = text.strip_prefix(b">").or_else(|| text.strip_prefix(b"->")) {
        return Some(rest);
    }
    let mut rest = text;
    loop {
        rest = &rest[memmem::find(rest, b"--")?..];
        let ended = rest
            .strip_prefix(b"-->")
            .or_else(|| rest.strip_prefix(b"--!>"));
        if ended.is_some() {
            return ended;
        }
        rest = &rest[1..];
    }
}

/// The end tag of `name` and what follows.
fn after_text<'h>(text: &'h [u8], name: &[u8]) -> Option<&'h [u8]> {
    let mut rest = text;
    loop {
        rest = &rest[memchr(b'<', rest)?..];
        if is_tag(&rest[1..], b"/", name) {
            return Some(rest);
        }
        rest = &rest[1..];
    }
}

/// The end tag of a script and what follows. Inside `<!--` a script may hold another one, tags and all.
fn after_script(text: &[u8]) -> Option<&[u8]> {
    let (mut rest, mut escaped, mut double) = (text, false, false);
    loop {
        rest = &rest[memchr2(b'<', b'-', rest)?..];
        if rest.starts_with(b"-->") {
            (escaped, double) = (false, false);
        } else if rest.starts_with(b"<!--") {
            escaped = true;
            // The dashes may be those that end it.
            rest = &rest[1..];
        } else if rest[0] == b'<' && is_tag(&rest[1..], b"/", b"script") {
            if !double {
                return Some(rest);
            }
            double = false;
        } else if rest[0] == b'<' && is_tag(&rest[1..], b"", b"script") {
            double = escaped;
        }
        rest = &rest[1..];
    }
}

fn is_tag(text: &[u8], slash: &[u8], name: &[u8]) -> bool {
    text.strip_prefix(slash).is_some_and(|text| {
        let ends = |b: &u8| is_space(*b) || matches!(b, b'/' | b'>');
        text.get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name))
            && text.get(name.len()).is_some_and(ends)
    })
}

fn is_foreign(tag: &Tag<'_>) -> bool {
    tag.name.eq_ignore_ascii_case(b"svg") || tag.name.eq_ignore_ascii_case(b"math")
}

/// A value with its character references replaced: numbers, and the five names that every writer of HTML knows.
fn referred(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'&', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = memchr(b'&', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        if let Some((character, length)) = reference(&rest[1..]) {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            rest = &rest[1 + length..];
        } else {
            out.push(b'&');
            rest = &rest[1..];
        }
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// The character that is referred to behind a `&`, and how many bytes that takes. Numbers need no semicolon.
fn reference(text: &[u8]) -> Option<(char, usize)> {
    const NAMES: [(&[u8], char); 5] = [
        (b"amp;", '&'),
        (b"lt;", '<'),
        (b"gt;", '>'),
        (b"quot;", '"'),
        (b"apos;", '\''),
    ];
    if let Some((name, character)) = NAMES.iter().find(|(name, _)| text.starts_with(name)) {
        return Some((*character, name.len()));
    }
    let (start, radix) = match text {
        [b'#', b'x' | b'X', ..] => (2, 16),
        [b'#', ..] => (1, 10),
        _ => return None,
    };
    let digits = text[start..]
        .iter()
        .map_while(|&b| char::from(b).to_digit(radix));
    let (code, count) = digits.fold((0_u32, 0), |(code, count), digit| {
        (code.saturating_mul(radix).saturating_add(digit), count + 1)
    });
    if count == 0 {
        return None;
    }
    let end = start + count;
    let semicolon = usize::from(text.get(end) == Some(&b';'));
    let character = char::from_u32(code).filter(|&c| c != '\0');
    Some((
        character.unwrap_or(char::REPLACEMENT_CHARACTER),
        end + semicolon,
    ))
}

fn find(text: &[u8], wanted: impl Fn(u8) -> bool) -> Option<usize> {
    text.iter().position(|&b| wanted(b))
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}
