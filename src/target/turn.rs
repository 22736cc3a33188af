//! The ways in which servers and frameworks rewrite a path before they look at it.
//!
//! Each turn takes a path and gives it rewritten, or nothing if it would stay as it is. Order is none of their concern:
//! [`closure`](super::closure) tries them all on every outcome.

use unicode_normalization::UnicodeNormalization;

use super::spelling::{best_slash, decode_hex, each_char, is_blank, long_spelling};

/// Gives the path rewritten, or nothing if it would stay as it is.
type Apply = fn(&[u8]) -> Option<Vec<u8>>;

/// One way to rewrite a path.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    pub(super) apply: Apply,
    pub(super) effect: Effect,
}

/// What it means that a turn led to a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The reading is as good as what it was made from.
    Same,
    /// The same, and a round of decoding is over.
    Decodes,
    /// A farther guess: only closing routes look at it.
    Wide,
    /// The same, and no turn goes on from there unless it climbs: what comes of narrowed letters is all but random, and
    /// what could be done before need not be done again.
    Last,
}

/// Every turn, those of many applications first.
pub(super) const ALL: [Turn; 31] = {
    use Effect::{Decodes, Last, Same, Wide};
    const fn turn(apply: Apply, effect: Effect) -> Turn {
        Turn { apply, effect }
    }
    [
        turn(decode_once, Decodes),
        turn(decode_but_slashes, Decodes),
        turn(decode_u, Decodes),
        turn(drop_bad_escapes, Wide),
        turn(shorten_utf8, Same),
        turn(read_latin_1, Same),
        turn(compose, Same),
        turn(straighten_backslashes, Same),
        turn(straighten_slashes, Same),
        turn(cut_query, Same),
        turn(cut_fragment, Same),
        turn(drop_parameters, Same),
        turn(drop_cookieless, Same),
        turn(resolve_dots, Same),
        turn(drop_climbs, Same),
        turn(merge_slashes, Same),
        turn(drop_authority, Same),
        turn(drop_empty_authority, Same),
        turn(trim_segments, Same),
        turn(drop_line_ends, Same),
        turn(drop_blanks, Same),
        turn(drop_tails, Same),
        turn(cut_streams, Wide),
        turn(harden_hyphens, Wide),
        turn(take_plus_for_blank, Last),
        turn(narrow, Last),
        turn(narrow_and_tidy, Last),
        turn(drop_foreign, Last),
        turn(split_climbs, Wide),
        turn(drop_scripts, Wide),
        turn(follow_script, Wide),
    ]
};

/// True if `path` has a segment that is `.` or `..`.
pub(super) fn has_dot_segment(path: &[u8]) -> bool {
    segments(path).any(|segment| matches!(segment, b"." | b".."))
}

/// True if `segment` names a script: what follows one in a path is handed to it, and front controllers such as
/// `/index.php/admin` take that for the page. `index` alone is such a name where servers find the ending themselves (Apache's
/// `MultiViews`, seen: `/index/admin` runs `index.php` and tells it `/admin`).
pub(super) fn is_script(segment: &[u8]) -> bool {
    const ENDINGS: [&[u8]; 12] = [
        b"php", b"php5", b"phtml", b"cgi", b"fcgi", b"pl", b"py", b"asp", b"aspx", b"ashx", b"jsp",
        b"dll",
    ];
    let Some(dot) = segment.iter().rposition(|&b| b == b'.') else {
        return segment.eq_ignore_ascii_case(b"index");
    };
    let ending = &segment[dot + 1..];
    ENDINGS
        .iter()
        .any(|script| ending.eq_ignore_ascii_case(script))
}

/// Percent-decoding, one round; what is no escape stays.
pub(crate) fn decode_once(path: &[u8]) -> Option<Vec<u8>> {
    decode_if(path, |_| true)
}

/// Any round of decoding that a field may go through: escapes of both kinds, overlong UTF-8.
pub(crate) fn spell_out(field: &[u8]) -> Option<Vec<u8>> {
    let decoded = decode_once(field);
    let spelled = decode_u(decoded.as_deref().unwrap_or(field)).or(decoded);
    shorten_utf8(spelled.as_deref().unwrap_or(field)).or(spelled)
}

/// As servers do that keep `%2F` apart from `/` (Apache's `AllowEncodedSlashes NoDecode`, Envoy, Jetty).
fn decode_but_slashes(path: &[u8]) -> Option<Vec<u8>> {
    decode_if(path, |byte| !matches!(byte, b'/' | b'\\'))
}

fn decode_if(path: &[u8], wanted: impl Fn(u8) -> bool) -> Option<Vec<u8>> {
    if !path.contains(&b'%') {
        return None;
    }
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match decode_hex(tail) {
            Some(decoded) if *byte == b'%' && wanted(decoded) => {
                out.push(decoded);
                rest = &tail[2..];
            }
            _ => out.push(*byte),
        }
    }
    changed(path, out)
}

/// `%u002e` and its like, as IIS and old JavaScript write them; surrogate pairs become one character.
pub(super) fn decode_u(path: &[u8]) -> Option<Vec<u8>> {
    fn unit(rest: &[u8]) -> Option<u16> {
        let [b'%', b'u' | b'U', high, low, third, fourth, ..] = rest else {
            return None;
        };
        let (high, low) = (decode_hex(&[*high, *low])?, decode_hex(&[*third, *fourth])?);
        Some(u16::from_be_bytes([high, low]))
    }
    if !path.contains(&b'%') {
        return None;
    }
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [byte, tail @ ..] = rest {
        let mut units = Vec::new();
        while let Some(unit) = unit(&rest[units.len() * 6..]) {
            units.push(unit);
        }
        if units.is_empty() {
            out.push(*byte);
            rest = tail;
        } else {
            out.extend_from_slice(String::from_utf16_lossy(&units).as_bytes());
            rest = &rest[units.len() * 6..];
        }
    }
    changed(path, out)
}

/// A `%` that begins no escape dropped, as ASP does: `/ad%min`. In the path as received there is none; it comes of `%25`.
fn drop_bad_escapes(path: &[u8]) -> Option<Vec<u8>> {
    if !path.contains(&b'%') {
        return None;
    }
    let stays = |&(at, &byte): &(usize, &u8)| byte != b'%' || decode_hex(&path[at + 1..]).is_some();
    let kept = path.iter().enumerate().filter(stays);
    changed(path, kept.map(|(_, &byte)| byte).collect())
}

/// Characters written in more UTF-8 bytes than they need (RFC 3629 section 10), and surrogate pairs written one by one.
pub(super) fn shorten_utf8(path: &[u8]) -> Option<Vec<u8>> {
    if path.is_ascii() {
        return None;
    }
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [byte, tail @ ..] = rest {
        if let Some((character, length)) = long_spelling(rest) {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            rest = &rest[length..];
        } else {
            out.push(*byte);
            rest = tail;
        }
    }
    changed(path, out)
}

/// Bytes that are no UTF-8 taken for Latin-1.
pub(crate) fn read_latin_1(path: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        out.extend_from_slice(chunk.valid().as_bytes());
        for &byte in chunk.invalid() {
            out.extend_from_slice(char::from(byte).encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    changed(path, out)
}

/// NFKC: full-width letters, dots and slashes become plain ones.
fn compose(path: &[u8]) -> Option<Vec<u8>> {
    if path.is_ascii() {
        return None;
    }
    let mut out = Vec::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        out.extend(chunk.valid().nfkc().collect::<String>().bytes());
        out.extend_from_slice(chunk.invalid());
    }
    changed(path, out)
}

/// `\` alone, as where text is Unicode: next to it a yen sign is part of a name.
fn straighten_backslashes(path: &[u8]) -> Option<Vec<u8>> {
    each_char(
        path,
        |character| if character == '\\' { '/' } else { character },
    )
}

/// `\` and everything that Windows code pages turn into `/` or `\`.
fn straighten_slashes(path: &[u8]) -> Option<Vec<u8>> {
    each_char(path, |character| best_slash(character).unwrap_or(character))
}

/// A `?` that came to light in the path ends it.
fn cut_query(path: &[u8]) -> Option<Vec<u8>> {
    cut(path, b'?')
}

/// So does a `#`; a `?` before it need not (`/public/%3f/../..%23`).
fn cut_fragment(path: &[u8]) -> Option<Vec<u8>> {
    cut(path, b'#')
}

fn cut(path: &[u8], before: u8) -> Option<Vec<u8>> {
    let end = path.iter().position(|&b| b == before)?;
    Some(path[..end].to_vec())
}

/// `;…` up to the next slash, as servlet containers do before they resolve dots.
fn drop_parameters(path: &[u8]) -> Option<Vec<u8>> {
    each_segment(path, b';', |segment| {
        let end = segment.iter().position(|&b| b == b';');
        &segment[..end.unwrap_or(segment.len())]
    })
}

/// `(S(…))`, which ASP.NET takes out of the path as its session: `/prot/(S(x))ected` (CVE-2023-36899). The first one; the
/// next is for the next turn, since whoever looks for one session leaves the others where they are.
fn drop_cookieless(path: &[u8]) -> Option<Vec<u8>> {
    let mut start = 0;
    while let Some(rest) = path.get(start..).filter(|rest| !rest.is_empty()) {
        if !matches!(rest, [b'(', letter, b'(', ..] if letter.is_ascii_alphabetic()) {
            start += 1;
            continue;
        }
        // Whatever ends the search is where the next one begins: that keeps this linear.
        let stops = |&at: &usize| rest[at] == b'/' || rest[at..].starts_with(b"))");
        let stop = (0..rest.len()).find(stops).unwrap_or(rest.len());
        if rest[stop..].starts_with(b"))") {
            return Some([&path[..start], &rest[stop + 2..]].concat());
        }
        start += stop;
    }
    None
}

/// `.` and `..` as RFC 3986 section 5.2.4 has it, empty segments being segments; never above the root.
fn resolve_dots(path: &[u8]) -> Option<Vec<u8>> {
    if !has_dot_segment(path) {
        return None;
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut ends_in_dots = false;
    for segment in segments(path) {
        ends_in_dots = matches!(segment, b"." | b"..");
        match segment {
            b"." => {}
            b".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    if ends_in_dots {
        kept.push(b"");
    }
    changed(path, join(kept))
}

/// `../` cut out as text, once, as careless scripts do: `/....//admin` then says `/../admin`, and `/ad../min` `/admin`.
fn drop_climbs(path: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [byte, tail @ ..] = rest {
        if let Some(after) = rest.strip_prefix(b"../") {
            rest = after;
        } else {
            out.push(*byte);
            rest = tail;
        }
    }
    changed(path, out)
}

fn merge_slashes(path: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(path.len());
    for &byte in path {
        if byte != b'/' || out.last() != Some(&b'/') {
            out.push(byte);
        }
    }
    changed(path, out)
}

/// `//host/path` and `/scheme://host/path` read as `/path`, with any number of slashes before the host.
fn drop_authority(path: &[u8]) -> Option<Vec<u8>> {
    let authority = authority(path)?;
    let host = authority
        .iter()
        .position(|&b| b != b'/')
        .unwrap_or(authority.len());
    let authority = &authority[host..];
    let rest = authority.iter().position(|&b| b == b'/');
    Some(rest.map_or_else(|| b"/".to_vec(), |start| authority[start..].to_vec()))
}

/// `/scheme:///path` read as `/path`, by the letter of RFC 3986: the host may be empty.
fn drop_empty_authority(path: &[u8]) -> Option<Vec<u8>> {
    let rest = authority(path)?;
    rest.starts_with(b"/").then(|| rest.to_vec())
}

/// What follows `//` or `/scheme://` at the beginning of `path`.
fn authority(path: &[u8]) -> Option<&[u8]> {
    let schemed = || {
        let colon = path.iter().position(|&b| b == b':')?;
        let scheme = &path[1..colon];
        let is_scheme = scheme.first()?.is_ascii_alphabetic()
            && scheme
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b));
        is_scheme.then_some(())?;
        path[colon + 1..].strip_prefix(b"//")
    };
    path.strip_prefix(b"//").or_else(schemed)
}

/// Blanks and controls off both ends of each segment.
fn trim_segments(path: &[u8]) -> Option<Vec<u8>> {
    if !has_blank(path) {
        return None;
    }
    let kept = segments(path).map(|segment| trim_end(trim_start(segment), is_blank));
    changed(path, join(kept))
}

/// Tabs and line ends alone, as parsers of URLs drop them (WHATWG URL section 4.4, Python's `urlsplit`): blanks stay.
fn drop_line_ends(path: &[u8]) -> Option<Vec<u8>> {
    let stays = |byte: &u8| !matches!(byte, b'\t' | b'\n' | b'\r');
    changed(path, path.iter().copied().filter(stays).collect())
}

/// Blanks, controls, and what is no UTF-8, dropped wherever it stands.
fn drop_blanks(path: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        out.extend(
            chunk
                .valid()
                .chars()
                .filter(|&c| !is_blank(c))
                .collect::<String>()
                .bytes(),
        );
    }
    changed(path, out)
}

/// Dots and blanks off the end of each segment, as Windows does; `.` and `..` stay.
fn drop_tails(path: &[u8]) -> Option<Vec<u8>> {
    let kept = segments(path).map(|segment| {
        let kept = trim_end(segment, |c| c == '.' || is_blank(c));
        let few_dots = segment.iter().filter(|&&b| b == b'.').nth(2).is_none();
        if kept.is_empty() && few_dots {
            segment
        } else {
            kept
        }
    });
    changed(path, join(kept))
}

/// NTFS streams: `/admin::$DATA`, `/admin:$i30:$INDEX_ALLOCATION/users` (CVE-1999-0278, CVE-2010-2731).
fn cut_streams(path: &[u8]) -> Option<Vec<u8>> {
    each_segment(path, b':', |segment| {
        let end = segment.iter().position(|&b| b == b':');
        match end {
            Some(end) if segment.windows(2).any(|two| two == b":$") => &segment[..end],
            _ => segment,
        }
    })
}

/// The soft hyphen as the hyphen that Windows code pages make of it (CVE-2024-4577); others never show it.
fn harden_hyphens(path: &[u8]) -> Option<Vec<u8>> {
    if path.is_ascii() {
        return None;
    }
    let mut out = Vec::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        out.extend(chunk.valid().replace('\u{ad}', "-").bytes());
        out.extend_from_slice(chunk.invalid());
    }
    changed(path, out)
}

/// `+` read as a blank, as by form decoders that are let loose on a path, and then what is done about blanks.
fn take_plus_for_blank(path: &[u8]) -> Option<Vec<u8>> {
    if !path.contains(&b'+') {
        return None;
    }
    let blank = path
        .iter()
        .map(|&b| if b == b'+' { b' ' } else { b })
        .collect();
    Some(all_of(&[trim_segments, merge_slashes], blank))
}

/// Characters cut down to their low byte, as old Node, Netty and Jetty wrote them: U+FF2E is then a dot.
fn narrow(path: &[u8]) -> Option<Vec<u8>> {
    if path.is_ascii() {
        return None;
    }
    let mut out = Vec::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for character in chunk.valid().chars() {
            let [low, ..] = (character as u32).to_le_bytes();
            if (character as u32) < 0x100 || low == 0 {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                out.push(low);
            }
        }
        out.extend_from_slice(chunk.invalid());
    }
    changed(path, out)
}

/// The same, and then what servers do to every path. Dots are left: that it climbs must be seen.
fn narrow_and_tidy(path: &[u8]) -> Option<Vec<u8>> {
    let tidy = [straighten_backslashes, drop_parameters, merge_slashes];
    Some(all_of(&tidy, narrow(path)?))
}

/// What is not ASCII dropped, as where names are cleaned for old systems.
fn drop_foreign(path: &[u8]) -> Option<Vec<u8>> {
    changed(path, path.iter().copied().filter(u8::is_ascii).collect())
}

fn all_of(turns: &[Apply], path: Vec<u8>) -> Vec<u8> {
    turns
        .iter()
        .fold(path, |path, turn| turn(&path).unwrap_or(path))
}

/// `/static../admin`: an alias without its slash makes two segments of one. The first such segment; the next is for the
/// next turn, since `/static../admin../x` is as good.
fn split_climbs(path: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(path.len() + 4);
    let mut split = false;
    for segment in segments(path) {
        out.push(b'/');
        match segment.strip_suffix(b"..") {
            Some(name) if !split && name.last().is_some_and(|&b| b != b'.') => {
                split = true;
                out.extend_from_slice(name);
                out.extend_from_slice(b"/..");
            }
            _ => out.extend_from_slice(segment),
        }
    }
    changed(path, out)
}

/// `/app/index.php/admin` as `/app/admin`.
fn drop_scripts(path: &[u8]) -> Option<Vec<u8>> {
    let last = path
        .iter()
        .rposition(|&b| b == b'/')
        .filter(|&last| last > 0)?;
    let kept = segments(&path[..last]).filter(|segment| !is_script(segment));
    changed(path, join(kept.chain([&path[last + 1..]])))
}

/// `/app/index.php/admin` as `/admin`.
fn follow_script(path: &[u8]) -> Option<Vec<u8>> {
    let mut start = 1;
    for segment in segments(path) {
        let end = start + segment.len();
        if is_script(segment) && end < path.len() {
            return Some(path[end..].to_vec());
        }
        start = end + 1;
    }
    None
}

fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.strip_prefix(b"/")
        .unwrap_or(path)
        .split(|&b| b == b'/')
}

fn join<'p>(segments: impl IntoIterator<Item = &'p [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for segment in segments {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    if out.is_empty() { b"/".to_vec() } else { out }
}

fn each_segment(path: &[u8], needle: u8, keep: impl Fn(&[u8]) -> &[u8]) -> Option<Vec<u8>> {
    if !path.contains(&needle) {
        return None;
    }
    changed(path, join(segments(path).map(keep)))
}

fn has_blank(path: &[u8]) -> bool {
    path.utf8_chunks()
        .any(|chunk| chunk.valid().chars().any(is_blank))
}

fn trim_start(mut segment: &[u8]) -> &[u8] {
    loop {
        // A character has at most four bytes: looking at the first four is enough, and keeps this linear.
        let head = segment.get(..4).unwrap_or(segment);
        let chunk = head.utf8_chunks().next();
        match chunk.and_then(|chunk| chunk.valid().chars().next()) {
            Some(first) if is_blank(first) => segment = &segment[first.len_utf8()..],
            _ => return segment,
        }
    }
}

fn trim_end(mut segment: &[u8], unwanted: impl Fn(char) -> bool) -> &[u8] {
    // A character has at most four bytes: looking at the last four is enough, and keeps this linear.
    loop {
        let tail = &segment[segment.len().saturating_sub(4)..];
        let last = (1..=tail.len())
            .find_map(|length| std::str::from_utf8(&tail[tail.len() - length..]).ok());
        match last.and_then(|text| text.chars().next_back()) {
            Some(last) if unwanted(last) => segment = &segment[..segment.len() - last.len_utf8()],
            _ => return segment,
        }
    }
}

fn changed(path: &[u8], out: Vec<u8>) -> Option<Vec<u8>> {
    (out != path).then_some(out)
}
