//! What servers make of a target, step by step: the readers that the list of spellings names.
//!
//! Written from what servers are known to do, not from the program's own turns: a reader that is wrong in the same way
//! as the program would find nothing.

use unicode_normalization::UnicodeNormalization;

use super::gate::GUARDED;

/// The path that a reader takes `target` for; `steps` are its ways, in their order, `decode,dots` or the name of a server.
pub fn read(target: &[u8], steps: &str) -> Vec<u8> {
    let whole = steps.split(',').any(|step| step == "whole");
    let end = target
        .iter()
        .position(|b| matches!(b, b'?' | b'#') && !whole);
    let path = target[..end.unwrap_or(target.len())].to_vec();
    steps.split(',').fold(path, |path, step| take(step, &path))
}

/// Whether what a reader reads is guarded: a prefix, or something below it.
pub fn is_guarded(path: &[u8]) -> bool {
    GUARDED.iter().any(|guarded| {
        let rest = path.strip_prefix(guarded.as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    })
}

#[expect(clippy::too_many_lines, reason = "a line or two for each step")]
fn take(step: &str, path: &[u8]) -> Vec<u8> {
    let all = |steps: &[&str]| {
        steps
            .iter()
            .fold(path.to_vec(), |path, step| take(step, &path))
    };
    match step {
        // Servers.
        "path" | "whole" => path.to_vec(),
        "nginx" => all(&["absolute", "decode", "merge", "dots"]),
        "apache" => all(&["absolute", "decode", "dots", "merge"]),
        "tomcat" => all(&["absolute", "params", "decode", "merge", "dots"]),
        "iis" => all(&[
            "absolute",
            "decode",
            "microsoft",
            "straight",
            "merge",
            "dots",
            "trim",
            "lower",
        ]),
        // Octets.
        "decode" => decode(path),
        "microsoft" => microsoft(path),
        "overlong" => overlong(path),
        "drop-bad" => path
            .utf8_chunks()
            .map(|chunk| chunk.valid())
            .collect::<String>()
            .into(),
        "drop-percent" => drop_bad_percents(path),
        "drop-escape" => drop_bad_escapes(path),
        // Characters.
        "lower" => path.to_ascii_lowercase(),
        "fold" => chars(path, fold),
        "compose" => chars(path, |text| text.nfkc().collect()),
        "best-fit" => each_char(path, |c| if SLASHES.contains(&c) { '/' } else { c }),
        "best-letter" => each_char(path, best_letter),
        "best-dash" => each_char(path, |c| if DASHES.contains(&c) { '-' } else { c }),
        "narrow" => chars(path, |text| {
            text.chars()
                .map(|c| char::from((c as u32).to_le_bytes()[0]))
                .collect()
        }),
        // Segments.
        "straight" => path
            .iter()
            .map(|&b| if b == b'\\' { b'/' } else { b })
            .collect(),
        "merge" => {
            let mut out = path.to_vec();
            out.dedup_by(|one, other| *one == b'/' && *other == b'/');
            out
        }
        "dots" => dots(path),
        "climbs" => replace(path, b"../", b""),
        "alias" => each(path, |segment| match segment.strip_suffix(b"..") {
            Some(name) if name.last().is_some_and(|&b| b != b'.') => [name, b"/.."].concat(),
            _ => segment.to_vec(),
        }),
        "params" => each(path, |segment| until(segment, b";").to_vec()),
        "streams" => each(path, |segment| {
            let is = segment.windows(2).any(|two| two == b":$");
            if is { until(segment, b":") } else { segment }.to_vec()
        }),
        "trim" => each(path, |segment| {
            let last = segment.iter().rposition(|b| !matches!(b, b'.' | b' '));
            // Of dots alone there is nothing to drop: `..` is the folder above.
            last.map_or(segment, |last| &segment[..=last]).to_vec()
        }),
        "strip" => each(path, |segment| match str::from_utf8(segment) {
            Ok(text) => text.trim().as_bytes().to_vec(),
            Err(_) => segment.trim_ascii().to_vec(),
        }),
        "blanks" => chars(path, |text| {
            text.chars().filter(|c| !is_nothing(*c)).collect()
        }),
        "ending" => each(path, |segment| {
            let name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
            let end = segment.iter().position(|b| !name(b));
            segment[..end.unwrap_or(segment.len())].to_vec()
        }),
        "plus" => path
            .iter()
            .map(|&b| if b == b'+' { b' ' } else { b })
            .collect(),
        "cookieless" => cookieless(path),
        // What is in front of the path, and what is behind it.
        "cut" => until(path, b"?#").to_vec(),
        "rooted" => match path.first() {
            Some(b'/') => path.to_vec(),
            _ => [b"/", path].concat(),
        },
        "first" => path[path.iter().position(|&b| b == b'/').unwrap_or(0)..].to_vec(),
        "scheme" => match path.iter().position(|&b| b == b':') {
            Some(colon) if path[..colon].iter().all(u8::is_ascii_alphanumeric) => {
                take("rooted", &path[colon + 1..])
            }
            _ => path.to_vec(),
        },
        "authority" => match path.strip_prefix(b"//") {
            Some(rest) => {
                let rest = &rest[rest.iter().position(|&b| b != b'/').unwrap_or(0)..];
                take("first", rest)
            }
            None => path.to_vec(),
        },
        "absolute" => absolute(path),
        "script" => follow_script(path),
        "views" => {
            let lower = path.to_ascii_lowercase();
            let at = lower.windows(7).position(|seven| seven == b"/index/");
            path[at.map_or(0, |at| at + 6)..].to_vec()
        }
        _ => panic!("no reader has a step {step:?}"),
    }
}

fn decode(path: &[u8]) -> Vec<u8> {
    percent_encoding::percent_decode(path).collect()
}

/// `%u0061` and its like.
fn microsoft(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = path;
    while let [byte, tail @ ..] = rest {
        let four = rest
            .get(2..6)
            .filter(|_| rest[0] == b'%' && matches!(rest[1], b'u' | b'U'))
            .and_then(|four| str::from_utf8(four).ok())
            .and_then(|four| u32::from_str_radix(four, 16).ok())
            .and_then(char::from_u32);
        if let Some(character) = four {
            out.extend_from_slice(character.to_string().as_bytes());
            rest = &rest[6..];
        } else {
            out.push(*byte);
            rest = tail;
        }
    }
    out
}

/// As decoders read UTF-8 that look at the bits only.
fn overlong(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = path;
    while let [byte, tail @ ..] = rest {
        let (bits, more) = match byte {
            0xc0 | 0xc1 => (byte & 0x1f, 1),
            0xe0 => (0, 2),
            0xf0 => (0, 3),
            _ => (*byte, 0),
        };
        let code = tail.get(..more).map(|tail| {
            tail.iter()
                .fold(u32::from(bits), |code, b| code << 6 | u32::from(b & 0x3f))
        });
        if let Some(code) = code.and_then(|code| u8::try_from(code).ok()) {
            out.push(code);
            rest = &tail[more..];
        } else {
            out.push(*byte);
            rest = tail;
        }
    }
    out
}

/// RFC 3986 section 5.2.4.
fn dots(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path.split(|&b| b == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            b"." => {}
            b".." => drop(kept.pop()),
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if last {
            kept.push(b"");
        }
    }
    [b"/".as_slice(), &kept.join(&b'/')].concat()
}

fn absolute(path: &[u8]) -> Vec<u8> {
    let start = path.strip_prefix(b"/").unwrap_or(path);
    let Some(colon) = start.windows(3).position(|three| three == b"://") else {
        return path.to_vec();
    };
    if !start[..colon].iter().all(u8::is_ascii_alphanumeric) {
        return path.to_vec();
    }
    let rest = &start[colon + 3..];
    rest[rest.iter().position(|&b| b == b'/').unwrap_or(rest.len())..].to_vec()
}

/// What a script is told in `PATH_INFO`.
fn follow_script(path: &[u8]) -> Vec<u8> {
    const ENDINGS: [&str; 10] = [
        ".php", ".php5", ".phtml", ".cgi", ".fcgi", ".pl", ".py", ".aspx", ".ashx", ".jsp",
    ];
    let lower = path.to_ascii_lowercase();
    let behind = ENDINGS.iter().chain(&[".dll"]).filter_map(|ending| {
        let ending = format!("{ending}/");
        let at = memchr::memmem::find(&lower, ending.as_bytes())?;
        Some(at + ending.len() - 1)
    });
    path[behind.min().unwrap_or(0)..].to_vec()
}

/// `(S(…))`, which ASP.NET takes out.
fn cookieless(path: &[u8]) -> Vec<u8> {
    let mut out = path.to_vec();
    while let Some(start) = out
        .windows(3)
        .position(|three| matches!(three, [b'(', b'A'..=b'Z' | b'a'..=b'z', b'(']))
        && let Some(end) = out[start..].windows(2).position(|two| two == b"))")
    {
        out.drain(start..start + end + 2);
    }
    out
}

/// A `%` and the two bytes behind it, where that is no escape.
fn drop_bad_escapes(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = path;
    while let [byte, tail @ ..] = rest {
        let two = tail.get(..2);
        match two {
            Some(two) if *byte == b'%' && !two.iter().all(u8::is_ascii_hexdigit) => {
                rest = &tail[2..];
            }
            _ => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    out
}

/// A `%` that begins no escape.
fn drop_bad_percents(path: &[u8]) -> Vec<u8> {
    let is_escape = |at: usize| {
        let two = path.get(at + 1..at + 3);
        two.is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    };
    let kept = (0..path.len()).filter(|&at| path[at] != b'%' || is_escape(at));
    kept.map(|at| path[at]).collect()
}

/// As databases and file systems compare: no case, no accents.
fn fold(text: &str) -> String {
    text.nfkd()
        .filter(|c| !unicode_normalization::char::is_combining_mark(*c))
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

const SLASHES: [char; 8] = [
    '\u{2215}', '\u{2044}', '\u{a5}', '\u{20a9}', '\u{2216}', '\u{29f5}', '\u{29f8}', '\u{ff0f}',
];

const DASHES: [char; 5] = ['\u{2010}', '\u{2011}', '\u{2013}', '\u{2212}', '\u{ad}'];

fn best_letter(character: char) -> char {
    match character {
        'đ' | 'ð' => 'd',
        'α' => 'a',
        'ε' => 'e',
        'σ' => 's',
        other => other,
    }
}

fn is_nothing(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}')
}

fn until<'p>(path: &'p [u8], ends: &[u8]) -> &'p [u8] {
    let end = path.iter().position(|b| ends.contains(b));
    &path[..end.unwrap_or(path.len())]
}

fn replace(path: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = path;
    while let Some(at) = memchr::memmem::find(rest, what) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(with);
        rest = &rest[at + what.len()..];
    }
    out.extend_from_slice(rest);
    out
}

fn each(path: &[u8], turn: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let segments: Vec<Vec<u8>> = path.split(|&b| b == b'/').map(turn).collect();
    segments.join(&b'/')
}

fn chars(path: &[u8], turn: impl Fn(&str) -> String) -> Vec<u8> {
    str::from_utf8(path).map_or_else(|_| path.to_vec(), |text| turn(text).into_bytes())
}

fn each_char(path: &[u8], turn: impl Fn(char) -> char) -> Vec<u8> {
    chars(path, |text| text.chars().map(&turn).collect())
}
