//! Whatever a server may take an address for is judged with it (R1, R2).

use std::sync::LazyLock;

use self::servers::SERVERS;
use countersign::form::Form;
use countersign::name::Name;
use countersign::route::{Asked, Class, Pattern, Requirement, Route, Table};
use countersign::target::{NotATarget, Readings, Target};
use http::Method;
use http::uri::PathAndQuery;

mod servers;

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
    "%25%36%31",
    "%2525",
    "/public/..",
    "/pictures/",
    ".png",
    "/private%20area/",
    ".xml",
    ".json",
    ".html",
    "/http://host",
    "/x../",
    "....//",
    "%c3%a1",
    "%e1",
    "%c4%b0",
    "%e0%80%af",
    "%f0%80%80%ae",
    "%c2%a5",
    "%e2%88%95",
    "%ef%bc%ae",
    "%ef%bc%85",
    "%85",
    "%7f",
    "%0a",
    "%c0%2f",
    "%2b",
    ".php/",
    "/x.aspx/",
    "%3a%3a$DATA",
    "ADMINI~1",
];

/// Of a thousand cases so many say something: a page is hidden from whoever compares the address as it came.
pub const DEPTH: &[(&str, u64)] = &[(HIDDEN, 100), (LED_OUT, 50), (PLAINLY, 20)];

const HIDDEN: &str = "some server finds a closed page in an address that does not begin with it";
const LED_OUT: &str = "some server is led out of the open folder";
const PLAINLY: &str = "an address of a closed page as it stands";

/// What is forwarded is what came; a path that some server takes for `/admin` is closed like `/admin`; one that some
/// server takes for something else than `/public/…` is not open as that.
pub fn readings(bytes: &[u8]) -> &'static str {
    let Ok(whole) = PathAndQuery::try_from(bytes) else {
        return "no address to the HTTP library";
    };
    // `http` cuts a fragment off, as hyper does: what is left is both judged and sent.
    let end = bytes.iter().position(|&b| b == b'#').unwrap_or(bytes.len());
    if end == 0 {
        // `http` makes a slash of nothing; hyper refuses that before.
        return "no address to the HTTP library";
    }
    let target = match Target::parse(whole) {
        Ok(target) => target,
        Err(NotATarget::TooManyReadings) => return "refused: it can be read in too many ways",
        Err(_) => return "refused: malformed",
    };
    let sent = target.raw().as_bytes();
    assert_eq!(sent, &bytes[..end], "what is sent is not what came");
    assert!(sent.iter().all(|b| matches!(b, b'!'..=b'~')));
    if let Readings::Many(many) = target.readings() {
        assert_eq!(many.all()[0].path(), target.path().as_bytes());
        assert!(many.all().iter().all(|one| !one.path().contains(&0)));
    }
    let path = target.path().as_bytes();
    let needed = [&CLOSED, &OPEN].map(|table| needs(table, &target));
    let mut hidden = false;
    let mut led_out = false;
    for server in SERVERS {
        let read = server.read(path);
        judged(server.name, server.guesses, &read, needed);
        hidden |= is_closed(&read);
        led_out |= !server.guesses && !is_open(&read);
    }
    // And servers that nobody has met.
    for (read, steps) in servers::chance(path) {
        let name = format!("one that does {}", steps.join(", "));
        judged(&name, false, &read, needed);
        hidden |= is_closed(&read);
        led_out |= !is_open(&read);
    }
    match (is_closed(path), hidden, is_open(path), led_out) {
        (true, ..) => PLAINLY,
        (false, true, ..) => HIDDEN,
        (_, _, true, true) => LED_OUT,
        (_, _, true, false) => "an address of the open folder, to everybody",
        _ => "another address, to everybody",
    }
}

/// Somebody reads an address so: what it needs must not be less than what this reading needs.
fn judged(name: &str, guesses: bool, read: &[u8], [closed, open]: [Needs; 2]) {
    let shown = || String::from_utf8_lossy(read).into_owned();
    assert!(
        !is_closed(read) || closed == Needs::Admin,
        "{name}: reads {:?} and it needs {closed:?}",
        shown()
    );
    assert!(
        guesses || is_open(read) || open != Needs::Nothing,
        "{name}: reads {:?} and it is open",
        shown()
    );
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

/// Everything open but these two.
static CLOSED: LazyLock<Table> = LazyLock::new(|| {
    let admin = |path| (path, Class::Scope(name("admin")));
    table(&[
        admin("/admin"),
        admin("/private area/*.xml"),
        ("/**", Class::Public),
    ])
});

/// Everything closed but `/public/…` and some pictures.
static OPEN: LazyLock<Table> = LazyLock::new(|| {
    table(&[
        ("/public/**", Class::Public),
        ("/pictures/*.png", Class::Public),
    ])
});

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

/// Whether this, taken literally, is a page that is closed: `/admin`, whatever is no letter, digit, `-` or `_` behind it
/// (R2), and the files of a folder. A `%` is no such byte: what stands there is still to be read.
fn is_closed(path: &[u8]) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_%".contains(&byte);
    let admin = path.strip_prefix(b"/admin").is_some_and(|rest| {
        rest.first()
            .is_none_or(|&next| next.is_ascii() && !is_word(next))
    });
    let file = path
        .strip_prefix(b"/private area/")
        .and_then(|file| file.strip_suffix(b".xml"));
    admin || file.is_some_and(|file| !file.contains(&b'/'))
}

/// Whether this, taken literally, is a page that is open.
fn is_open(path: &[u8]) -> bool {
    let picture = path
        .strip_prefix(b"/pictures/")
        .and_then(|file| file.strip_suffix(b".png"));
    path.starts_with(b"/public/") || picture.is_some_and(|file| !file.contains(&b'/'))
}
