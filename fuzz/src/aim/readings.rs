//! Whatever a server may take an address for is judged with it (R1, R2).
//!
//! The servers here are written from what they are known to do, not from the program's own turns: a reader that is wrong
//! in the same way as the program would find nothing.

use std::sync::LazyLock;

use countersign::form::Form;
use countersign::name::Name;
use countersign::route::{Asked, Class, Pattern, Requirement, Route, Table};
use countersign::target::{Readings, Target};
use http::Method;
use http::uri::PathAndQuery;
use unicode_normalization::UnicodeNormalization;

/// What addresses are bent with.
pub const WORDS: &[&str] = &[
    "/",
    "//",
    "/./",
    "/../",
    "..",
    ".",
    "%2e",
    "%2E%2e",
    "%2f",
    "%2F",
    "%5c",
    "\\",
    ";",
    ";x=1",
    "..;/",
    "%3b",
    "%25",
    "%252e",
    "%252f",
    "%u0061",
    "%25u002f",
    "%25u002e",
    "%c0%af",
    "%c0%ae",
    "%c1%a1",
    "%ef%bc%8f",
    "%ef%bc%8e",
    "%ef%bd%81",
    "%20",
    "%09",
    "+",
    ".",
    "%3f",
    "%23",
    "?",
    "#",
    "admin",
    "ADMIN",
    "aDmIn",
    "public",
    "/admin",
    "/public/",
    "index.php",
    "/index.php/",
    "http://",
    "//host/",
    "(S(x))",
    "~1",
    ":$i30:$INDEX_ALLOCATION",
    "%c4%b1",
    "%00",
    "%ff",
    "%e2%80%8b",
    "%0d%0a",
    "%c2%a0",
    "::$DATA",
    "%2561",
];

/// What is forwarded is what came; a path that some server takes for `/admin` is closed like `/admin`; one that some
/// server takes for something else than `/public/…` is not open as that.
pub fn readings(bytes: &[u8]) {
    let Ok(whole) = PathAndQuery::try_from(bytes) else {
        return;
    };
    // `http` cuts a fragment off, as hyper does: what is left is both judged and sent.
    let end = bytes.iter().position(|&b| b == b'#').unwrap_or(bytes.len());
    if end == 0 {
        // `http` makes a slash of nothing; hyper refuses that before.
        return;
    }
    let Ok(target) = Target::parse(whole) else {
        return;
    };
    let sent = target.raw().as_bytes();
    assert_eq!(sent, &bytes[..end], "what is sent is not what came");
    assert!(sent.iter().all(|b| matches!(b, b'!'..=b'~')));
    if let Readings::Many(many) = target.readings() {
        assert_eq!(many.all()[0].path(), target.path().as_bytes());
        assert!(many.all().iter().all(|one| !one.path().contains(&0)));
    }
    let (admin, all) = (needs(&CLOSED, &target), needs(&OPEN, &target));
    for server in SERVERS {
        let read = server.read(target.path().as_bytes());
        let shown = || String::from_utf8_lossy(&read).into_owned();
        if is_below(&read, b"/admin") {
            assert!(
                admin == Needs::Admin,
                "{} reads {} and it needs {admin:?}",
                server.name,
                shown()
            );
        }
        if !server.guesses && !read.starts_with(b"/public/") {
            assert!(
                all != Needs::Nothing,
                "{} reads {} and it is open",
                server.name,
                shown()
            );
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    Login,
    Admin,
}

fn needs(table: &Table, target: &Target) -> Needs {
    let asked = Asked {
        method: &Method::GET,
        overriding: None,
        target,
        websocket: false,
        form: &Form::Unread,
        logins: &[],
    };
    assert!(!table.wants_form(&asked), "there is no condition on a body");
    match table.judge(&asked) {
        Requirement::Deny(_) => unreachable!("nothing is denied"),
        Requirement::Open(..) => Needs::Nothing,
        Requirement::Scopes(needed) => {
            let admin = needed.scopes().any(|scope| scope.as_str() == "admin");
            if admin { Needs::Admin } else { Needs::Login }
        }
    }
}

/// Everything open but `/admin`.
static CLOSED: LazyLock<Table> = LazyLock::new(|| {
    let admin = Class::Scope(name("admin"));
    table(&[("/admin", admin), ("/**", Class::Public)])
});

/// Everything closed but `/public/…`.
static OPEN: LazyLock<Table> = LazyLock::new(|| table(&[("/public/**", Class::Public)]));

fn table(routes: &[(&str, Class)]) -> Table {
    let route = |(path, class): &(&str, Class)| Route {
        paths: vec![Pattern::parse(path).expect("a path")],
        methods: Vec::new(),
        query: Vec::new(),
        form: Vec::new(),
        websocket: None,
        class: class.clone(),
        place: String::new(),
    };
    Table::new(routes.iter().map(route).collect(), name("login"))
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

// --- servers --------------------------------------------------------------------------------------------------------

type Step = fn(&[u8]) -> Vec<u8>;

/// Something that reads addresses, step by step.
struct Server {
    name: &'static str,
    steps: &'static [Step],
    /// It hands a part of the path to a script: few do, so only closing routes look that far.
    guesses: bool,
}

impl Server {
    fn read(&self, path: &[u8]) -> Vec<u8> {
        self.steps
            .iter()
            .fold(path.to_vec(), |path, step| step(&path))
    }
}

const SERVERS: &[Server] = &[
    sure("nothing", &[]),
    sure("nginx", &[decode, cut, merge, dots]),
    sure("Apache", &[decode, dots, merge]),
    sure("Apache, slashes kept", &[decode, dots]),
    sure("Tomcat", &[parameters, decode, merge, dots]),
    sure(
        "Tomcat on Windows",
        &[parameters, decode, straight, merge, dots, trim],
    ),
    sure("Jetty", &[parameters, dots, decode]),
    sure("Spring", &[parameters, decode, merge]),
    sure(
        "IIS",
        &[decode, microsoft, straight, merge, dots, trim, lower],
    ),
    sure(
        "IIS, decoding twice",
        &[
            decode, microsoft, decode, straight, merge, dots, trim, lower,
        ],
    ),
    sure("a file system that folds", &[decode, merge, dots, lower]),
    sure("an old decoder of UTF-8", &[decode, overlong, merge, dots]),
    sure(
        "an application that composes",
        &[decode, compose, merge, dots, lower],
    ),
    sure(
        "a client that takes // for a host",
        &[authority, decode, dots],
    ),
    sure(
        "nginx before Tomcat",
        &[decode, cut, merge, dots, parameters, decode, merge, dots],
    ),
    sure(
        "Apache before an application that decodes",
        &[decode, dots, merge, decode, dots],
    ),
    sure(
        "three that decode",
        &[decode, dots, decode, merge, decode, straight, dots],
    ),
    sure(
        "dots, then slashes, then dots",
        &[dots, decode, merge, dots],
    ),
    Server {
        name: "PHP behind nginx",
        steps: &[decode, cut, merge, dots, script],
        guesses: true,
    },
    Server {
        name: "PHP behind Apache",
        steps: &[decode, dots, merge, script],
        guesses: true,
    },
];

const fn sure(name: &'static str, steps: &'static [Step]) -> Server {
    Server {
        name,
        steps,
        guesses: false,
    }
}

/// Percent-decoding, once.
fn decode(path: &[u8]) -> Vec<u8> {
    let digit = |at: usize| char::from(*path.get(at)?).to_digit(16);
    let mut out = Vec::with_capacity(path.len());
    let mut at = 0;
    while at < path.len() {
        match (path[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// `%u0061`, where it stands for an ASCII character.
fn microsoft(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut at = 0;
    while at < path.len() {
        let four = path
            .get(at + 2..at + 6)
            .filter(|_| path[at..].starts_with(b"%u"));
        let code = four
            .and_then(|four| str::from_utf8(four).ok())
            .filter(|four| four.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|four| u8::from_str_radix(four, 16).ok())
            .filter(u8::is_ascii);
        out.push(code.unwrap_or(path[at]));
        at += if code.is_some() { 6 } else { 1 };
    }
    out
}

/// Two bytes that say an ASCII character in UTF-8 (`C0 AF`), which has been forbidden since 2003.
fn overlong(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut at = 0;
    while at < path.len() {
        match (path[at], path.get(at + 1)) {
            (first @ (0xc0 | 0xc1), Some(second @ 0x80..=0xbf)) => {
                out.push((first & 1) << 6 | second & 0x3f);
                at += 2;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

fn compose(path: &[u8]) -> Vec<u8> {
    match str::from_utf8(path) {
        Ok(text) => text.nfkc().collect::<String>().into_bytes(),
        Err(_) => path.to_vec(),
    }
}

/// RFC 3986 section 5.2.4, letter by letter.
fn dots(path: &[u8]) -> Vec<u8> {
    let mut input = path;
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    while !input.is_empty() {
        if input.starts_with(b"/./") {
            input = &input[2..];
        } else if input == b"/." {
            input = b"/";
        } else if input.starts_with(b"/../") || input == b"/.." {
            input = if input.len() > 3 { &input[3..] } else { b"/" };
            let last = out.iter().rposition(|&b| b == b'/').unwrap_or(0);
            out.truncate(last);
        } else {
            let next = input[1..].iter().position(|&b| b == b'/');
            let end = next.map_or(input.len(), |next| next + 1);
            out.extend_from_slice(&input[..end]);
            input = &input[end..];
        }
    }
    out
}

fn merge(path: &[u8]) -> Vec<u8> {
    let mut out = path.to_vec();
    out.dedup_by(|one, other| *one == b'/' && *other == b'/');
    out
}

fn straight(path: &[u8]) -> Vec<u8> {
    let turned = |&byte: &u8| if byte == b'\\' { b'/' } else { byte };
    path.iter().map(turned).collect()
}

fn lower(path: &[u8]) -> Vec<u8> {
    path.to_ascii_lowercase()
}

/// A query that came to light.
fn cut(path: &[u8]) -> Vec<u8> {
    let end = path.iter().position(|&b| b == b'?');
    path[..end.unwrap_or(path.len())].to_vec()
}

/// `;…`, to the end of its segment.
fn parameters(path: &[u8]) -> Vec<u8> {
    each(path, |segment| {
        segment.split(|&b| b == b';').next().unwrap_or_default()
    })
}

/// Dots and blanks at the end of a name, which Windows drops.
fn trim(path: &[u8]) -> Vec<u8> {
    each(path, |segment| {
        let last = segment.iter().rposition(|b| !matches!(b, b'.' | b' '));
        // Of dots alone there is nothing to drop: `..` is the folder above.
        last.map_or(segment, |last| &segment[..=last])
    })
}

/// `//host/x` as `/x`.
fn authority(path: &[u8]) -> Vec<u8> {
    let Some(rest) = path.strip_prefix(b"//") else {
        return path.to_vec();
    };
    match rest.iter().position(|&b| b == b'/') {
        Some(slash) => rest[slash..].to_vec(),
        None => b"/".to_vec(),
    }
}

/// What follows the first `.php`, as the script is told in `PATH_INFO`.
fn script(path: &[u8]) -> Vec<u8> {
    let found = path.windows(5).position(|five| five == b".php/");
    path[found.map_or(0, |at| at + 4)..].to_vec()
}

fn each(path: &[u8], turn: impl Fn(&[u8]) -> &[u8]) -> Vec<u8> {
    let segments: Vec<&[u8]> = path.split(|&b| b == b'/').map(turn).collect();
    segments.join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_read_as_their_manuals_say() {
        for (name, path, read) in [
            ("nginx", "/x/..%2fadmin//a", "/admin/a"),
            ("Apache", "/x/%2e%2e/admin", "/admin"),
            ("Tomcat", "/x;y/..;z/admin", "/admin"),
            ("IIS", "/x\\..%5cADMIN. ./a", "/admin/a"),
            ("IIS, decoding twice", "/%2561dmin", "/admin"),
            ("an old decoder of UTF-8", "/x/..%c0%afadmin", "/admin"),
            (
                "a client that takes // for a host",
                "//host/admin",
                "/admin",
            ),
            ("PHP behind nginx", "/a/index.php/admin", "/admin"),
        ] {
            let server = SERVERS.iter().find(|server| server.name == name);
            let found = server.expect(name).read(path.as_bytes());
            assert_eq!(String::from_utf8_lossy(&found), read, "{name} {path}");
        }
    }
}
