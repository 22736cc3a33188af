//! Small servers that read forms each in its own way. Where they read different users, nobody's phone may ring.

use std::collections::BTreeSet;

use encoding_rs::{SHIFT_JIS, UTF_16LE, WINDOWS_1252};
use percent_encoding::percent_decode;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Who logs in at a server that found both credentials.
type Found = Option<Vec<u8>>;

/// Finds a field among pairs.
type Server = fn(&Pairs, &str) -> Found;

fn split(body: &[u8], separators: &[u8]) -> Pairs {
    body.split(|b| separators.contains(b))
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut halves = pair.splitn(2, |&b| b == b'=');
            let mut next = || unescape(halves.next().unwrap_or_default());
            (next(), next())
        })
        .collect()
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|&b| if b == b'+' { b' ' } else { b })
        .collect();
    percent_decode(&spaced).collect()
}

fn first(pairs: &Pairs, is_it: impl Fn(&[u8]) -> bool) -> Found {
    pairs
        .iter()
        .find(|(name, _)| is_it(name))
        .map(|(_, value)| value.clone())
}

fn last(pairs: &Pairs, is_it: impl Fn(&[u8]) -> bool) -> Found {
    let value = pairs.iter().rev().find(|(name, _)| is_it(name));
    value.map(|(_, value)| value.clone())
}

/// Flask, Go: the first wins, names are exact.
fn flask(pairs: &Pairs, name: &str) -> Found {
    first(pairs, |other| other == name.as_bytes())
}

/// Django: the last wins, names are exact.
fn django(pairs: &Pairs, name: &str) -> Found {
    last(pairs, |other| other == name.as_bytes())
}

/// ASP.NET: any case, and several are joined.
fn dot_net(pairs: &Pairs, name: &str) -> Found {
    let values: Vec<_> = pairs
        .iter()
        .filter(|(other, _)| {
            let other = String::from_utf8_lossy(other).to_lowercase();
            other == name.to_lowercase()
        })
        .map(|(_, value)| value.as_slice())
        .collect();
    (!values.is_empty()).then(|| values.join(&b','))
}

/// PHP: the last wins; leading blanks go, NUL ends a name, some characters become `_`, brackets make arrays.
fn php(pairs: &Pairs, name: &str) -> Found {
    let mut wanted = name.splitn(2, '[');
    let base = wanted.next().unwrap_or_default();
    let key = wanted.next().and_then(|key| key.strip_suffix(']'));
    let mut value: Found = None;
    for (other, text) in pairs {
        let start = other.iter().position(|&b| b != b' ').unwrap_or(other.len());
        let other = other[start..].split(|&b| b == 0).next().unwrap_or_default();
        let open = other.iter().position(|&b| b == b'[');
        let close = open.and_then(|open| {
            let length = other[open..].iter().position(|&b| b == b']')?;
            Some(open + length)
        });
        let flat = |text: &[u8]| -> Vec<u8> {
            let flat = |&b: &u8| if b" .[".contains(&b) { b'_' } else { b };
            text.iter().map(flat).collect()
        };
        let (variable, index) = match (open, close) {
            (Some(0), _) => continue,
            (Some(open), Some(close)) => (flat(&other[..open]), Some(&other[open + 1..close])),
            _ => (flat(other), None),
        };
        if variable != base.as_bytes() {
            continue;
        }
        let deeper = close.is_some_and(|close| other.get(close + 1) == Some(&b'['));
        match (key, index) {
            (None, None) => value = Some(text.clone()),
            (Some(key), Some(index)) if key.as_bytes() == index && !deeper => {
                value = Some(text.clone());
            }
            (Some(key), Some(index)) if key.as_bytes() != index => {}
            // An array where a text was, or the other way round.
            _ => value = None,
        }
    }
    value
}

/// A script in C: any separator, NUL ends names and values.
fn cgi(pairs: &Pairs, name: &str) -> Found {
    let cut = |text: &[u8]| text.split(|&b| b == 0).next().unwrap_or_default().to_vec();
    first(pairs, |other| cut(other) == name.as_bytes()).map(|value| cut(&value))
}

/// Every server's user, where it finds both credentials.
fn users(username: &str, password: &str, body: &[u8], query: &[u8]) -> BTreeSet<Vec<u8>> {
    let plain = split(body, b"&");
    let semicolons = split(body, b"&;");
    let with_query = [plain.clone(), split(query, b"&")].concat();
    let query_first = [split(query, b"&;"), semicolons.clone()].concat();
    let twice = plain
        .iter()
        .map(|(name, value)| (percent_decode(name).collect(), value.clone()))
        .collect();
    let servers: [(Server, &Pairs); 11] = [
        (flask, &plain),
        (flask, &semicolons),
        (flask, &query_first),
        (flask, &twice),
        (django, &plain),
        (django, &with_query),
        (dot_net, &plain),
        (dot_net, &query_first),
        (php, &plain),
        (php, &with_query),
        (cgi, &semicolons),
    ];
    servers
        .iter()
        .filter_map(|(server, pairs)| server(pairs, password).and(server(pairs, username)))
        .collect()
}

/// Names to play with, each with its password's.
const NAMES: [(&str, &str); 4] = [
    ("u", "p"),
    ("pma_username", "pma_password"),
    ("auth[username]", "auth[password]"),
    ("Input.Email", "Input.Password"),
];

/// Pieces of which games are made; `NAME` stands for the user's field, `BASE` for what is before its bracket.
const PIECES: [&str; 48] = [
    "&",
    "&",
    "&",
    "=",
    "=",
    "&NAME=bob",
    "&NAME=",
    "NAME",
    "BASE",
    "&BASE",
    "=bob",
    "mallory",
    "bob",
    "x",
    "%00",
    "%00zz",
    "\0",
    "+",
    "%20",
    " ",
    ";",
    ";NAME=bob",
    "[",
    "]",
    "[]",
    "[x]",
    "%5B",
    "%5D",
    ".",
    "_",
    "%2E",
    "%",
    "%zz",
    "%26",
    "%3D",
    "%u0075",
    "%C3%A9",
    "%E9",
    "%C1%B5",
    "é",
    "%0A",
    "\r\n",
    "%25",
    "U",
    "u",
    "p",
    "username]",
    "&PASS=y",
];

fn game() -> impl Strategy<Value = (usize, String, String)> {
    // Half of them begin as a good form; what is put where is drawn.
    let inserted = vec((0_usize..64, select(&PIECES[..])), 0..4);
    let query = vec(select(&PIECES[..]), 0..3);
    (0..NAMES.len(), any::<bool>(), inserted, query).prop_map(
        |(names, swapped, inserted, query)| {
            let (username, password) = NAMES[names];
            let base = username.split('[').next().unwrap_or_default();
            let fill = |piece: &str| {
                let piece = piece.replace("NAME", username);
                piece.replace("BASE", base).replace("PASS", password)
            };
            let (user, pass) = (format!("{username}=mallory"), format!("{password}=x"));
            let mut body = if swapped {
                format!("{pass}&{user}")
            } else {
                format!("{user}&{pass}")
            };
            for (at, piece) in inserted {
                let at = at % (body.len() + 1);
                let at = (0..=at)
                    .rev()
                    .find(|&at| body.is_char_boundary(at))
                    .unwrap_or(0);
                body.insert_str(at, &fill(piece));
            }
            (names, body, query.into_iter().map(fill).collect())
        },
    )
}

/// The promise of this module, as far as these servers go.
fn check(names: usize, body: &str, query: &str) -> Result<bool, TestCaseError> {
    let (username, password) = NAMES[names];
    let users = users(username, password, body.as_bytes(), query.as_bytes());
    let wanted = wanted(username, password);
    let read = read(&wanted, UTF_8, URLENCODED, body.as_bytes(), Some(query)).map(who);
    match &read {
        Ok(Some(user)) => {
            let all_alike = users.iter().all(|other| other == user.as_bytes());
            prop_assert!(all_alike, "{user} of {body} and {query}: {users:?}");
        }
        Ok(None) => prop_assert!(users.is_empty(), "{body} and {query}: {users:?}"),
        Err(_) => {}
    }
    if let Ok(Some(_)) = read {
        let both = [Place::of(username), Place::of(password)];
        prop_assert!(
            both.iter()
                .all(|place| in_body(place, URLENCODED, body.as_bytes()))
        );
    }
    Ok(matches!(read, Ok(Some(_))))
}

#[test]
fn whenever_servers_read_different_users_nobody_is_asked() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::with_cases(5_000), rng);
    let logins = std::cell::Cell::new(0);
    let run = runner.run(&game(), |(names, body, query)| {
        logins.set(logins.get() + usize::from(check(names, &body, &query)?));
        Ok(())
    });
    run.unwrap();
    // Refusing everything would be safe as well.
    assert!(logins.get() > 250, "{logins:?} logins");
}

#[test]
fn the_models_are_as_different_as_the_servers() {
    let read = |body: &str| -> Vec<String> {
        let users = users("u", "p", body.as_bytes(), b"");
        users
            .iter()
            .map(|user| String::from_utf8_lossy(user).into_owned())
            .collect()
    };
    assert_eq!(read("u=ann&p=x"), ["ann"]);
    for (body, users) in [
        (
            "u=mallory&u=bob&p=x",
            &["bob", "mallory", "mallory,bob"][..],
        ),
        ("u=mallory&p=x&u%00zz=bob", &["bob", "mallory"]),
        ("u=mallory&p=x&%20u=bob", &["bob", "mallory"]),
        ("u=mallory&p=x&U=bob", &["mallory", "mallory,bob"]),
        (
            "x=1;u=bob&u=mallory&p=x",
            &["bob", "bob,mallory", "mallory"],
        ),
        ("u=mallory&p=x&u[]=bob", &["mallory"]),
    ] {
        assert_eq!(read(body), users, "{body}");
    }
}

/// Readers of JSON: first wins, last wins, any case.
fn json_users(body: &str) -> BTreeSet<String> {
    let Ok(Members(members)) = serde_json::from_str::<Members>(body) else {
        return BTreeSet::new();
    };
    let exact = |name: &'static str| move |(other, _): &&(String, serde_json::Value)| other == name;
    let any_case = |name: &'static str| {
        move |(other, _): &&(String, serde_json::Value)| other.to_lowercase() == name
    };
    let text = |member: Option<&(String, serde_json::Value)>| {
        member.and_then(|(_, value)| value.as_str().map(str::to_owned))
    };
    let found = [
        (
            text(members.iter().find(exact("u"))),
            members.iter().any(|m| exact("p")(&m)),
        ),
        (
            text(members.iter().rfind(exact("u"))),
            members.iter().any(|m| exact("p")(&m)),
        ),
        (
            text(members.iter().find(any_case("u"))),
            members.iter().any(|m| any_case("p")(&m)),
        ),
        (
            text(members.iter().rfind(any_case("u"))),
            members.iter().any(|m| any_case("p")(&m)),
        ),
    ];
    found
        .into_iter()
        .filter_map(|(user, has_password)| user.filter(|_| has_password))
        .collect()
}

/// The members of an object, all of them, in order.
struct Members(Vec<(String, serde_json::Value)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> serde::de::Visitor<'de> for All {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

const MEMBERS: [&str; 16] = [
    r#""u":"mallory""#,
    r#""u":"mallory""#,
    r#""u":"bob""#,
    r#""U":"bob""#,
    r#""\u0075":"bob""#,
    r#""u":1"#,
    r#""u":null"#,
    r#""u":["bob"]"#,
    r#""p":"x""#,
    r#""p":"x""#,
    r#""P":"x""#,
    r#""x":{"u":"bob","p":"x"}"#,
    r#""u\u0000":"bob""#,
    r#""n":1"#,
    r#""n":2"#,
    r#""Ｕ":"bob""#,
];

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(400) })]

    #[test]
    fn readers_of_json_that_differ_are_never_asked_to_agree(members in vec(select(&MEMBERS[..]), 0..5)) {
        let body = format!("{{{}}}", members.join(","));
        let users = json_users(&body);
        match reading(&wanted("u", "p"), JSON, &body) {
            Ok(Some(user)) => prop_assert!(users.iter().all(|other| *other == user), "{}", body),
            Ok(None) => prop_assert!(users.is_empty(), "{}", body),
            Err(_) => {}
        }
    }

    #[test]
    fn what_a_browser_encodes_comes_back(user in "\\PC{0,24}", pass in any::<String>(), other in any::<String>()) {
        let pass = pass.replace('\0', "");
        let mut form = form_urlencoded::Serializer::new(String::new());
        let body = form
            .append_pair("csrf", &other)
            .append_pair("u", &user)
            .append_pair("p", &pass)
            .append_pair("next", &other)
            .finish();
        let read = reading(&wanted("u", "p"), URLENCODED, &body);
        prop_assert_eq!(read, Ok(Some(user)), "{}", body);
    }

    #[test]
    fn what_a_script_writes_as_json_comes_back(user in "\\PC{0,24}", pass in any::<String>(), other in any::<String>()) {
        let pass = pass.replace('\0', "");
        let body = serde_json::json!({ "u": user, "other": [other], "p": pass }).to_string();
        let read = reading(&wanted("u", "p"), JSON, &body);
        prop_assert_eq!(read, Ok(Some(user)), "{}", body);
    }

    #[test]
    fn no_bytes_are_too_odd(
        kind in "(application/(x-www-form-urlencoded|json|x)|multipart/form-data)?(; ?(charset|boundary|x)=\"?[a-z0-9-]{0,8}\"?){0,2}|\\PC*",
        body in prop_oneof![vec(any::<u8>(), 0..200), vec(select(&b"up&;=%0uU[]{}\"':,\\/*#. +\xc1\xb5\xe9"[..]), 0..60)],
        query in "[!-~]{0,40}",
        place in prop_oneof![Just("u".to_owned()), "\\PC{0,8}", "(/[~01ua]{0,3}){1,3}", "[a\\[\\].]{0,6}"],
        site in select(vec![UTF_8, SHIFT_JIS, WINDOWS_1252, UTF_16LE]),
    ) {
        let place = Place::of(&place);
        for content_type in [None, URLENCODED, JSON, Some(kind.as_str())] {
            for username in [None, Some(place.clone())] {
                let wanted = Wanted { username, password: Place::of("p") };
                let _ = read(&wanted, site, content_type, &body, Some(&query));
            }
            let _ = in_body(&place, content_type, &body);
        }
        let _ = in_query(&place, &query);
    }
}
