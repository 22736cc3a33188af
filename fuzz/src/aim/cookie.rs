//! Cookies: an application never sees one of ours, and its own stay as they are (S6).

use countersign::capture::cookie::{Jar, pairs, placed, set};
use countersign::seal::cookies::{is_ours, sets_ours, without_ours};
use http::header::{COOKIE, HeaderMap, HeaderValue};

/// What cookies are bent with.
pub const WORDS: &[&str] = &[
    ";",
    "; ",
    "=",
    " ",
    "\t",
    ",",
    "\"",
    "__Host-countersign-",
    "__host-COUNTERSIGN-",
    "countersign-",
    "app-login=x",
    "a=b",
    "$Version=1",
    "Path=/",
    "; Path=",
    "; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    "; Expires=",
    "; Max-Age=0",
    "; Max-Age=-1",
    "; HttpOnly",
    "; Secure",
    "; Domain=x",
    "sessionid=",
    "PHPSESSID",
    "%3d",
    "[0]",
    "\u{e9}",
    "__Host-",
    "__Secure-",
    "99999999999999999999",
    "Feb",
    "23:59:60",
    "2038",
];

/// The gateway's own cookies are there, and others.
pub const DEPTH: &[(&str, u64)] = &[(SETS, 50), (HAS, 50), (OTHERS, 100)];

const SETS: &str = "a Set-Cookie of one of the gateway's";
const HAS: &str = "one of the gateway's among others";
const OTHERS: &str = "other cookies";

/// The bytes as a Cookie field, and as a Set-Cookie field.
pub fn cookie(bytes: &[u8]) -> &'static str {
    let Ok(field) = HeaderValue::from_bytes(bytes) else {
        return "no field's value";
    };
    sent(&field);
    brought(&field);
    let pair = |pair: &[u8]| is_ours(pair.trim_ascii());
    match (sets_ours(&field), bytes.split(|&b| b == b';').any(pair)) {
        (true, _) => SETS,
        (false, true) => HAS,
        (false, false) => OTHERS,
    }
}

fn sent(field: &HeaderValue) {
    let mut fields = HeaderMap::new();
    fields.append(COOKIE, field.clone());
    let whole = without_ours(&fields);
    let after: Vec<_> = pairs(whole.iter()).collect();
    assert!(!after.iter().any(|(name, _)| is_ours(name)), "one of ours");
    let apart = field
        .as_bytes()
        .split(|&b| b == b';')
        .map(<[u8]>::trim_ascii);
    let own: Vec<&[u8]> = apart.filter(|pair| !is_ours(pair)).collect();
    let own = HeaderValue::from_bytes(&own.join(&b';')).expect("parts of a field");
    let kept: Vec<_> = pairs(std::iter::once(&own)).collect();
    assert_eq!(after, kept, "not what the application set");
    // A second field, as HTTP/2 clients send them, changes nothing about the first.
    fields.append(
        COOKIE,
        HeaderValue::from_static("__Host-countersign-app-login=x"),
    );
    let split = without_ours(&fields);
    let after: Vec<_> = pairs(split.iter()).collect();
    assert_eq!(after, kept, "not what the application set, in two fields");

    let jar = Jar::of(kept.iter().copied());
    if let Some(printed) = jar.field() {
        let again: Vec<_> = pairs(std::iter::once(&printed)).collect();
        let held: Vec<_> = jar.pairs().collect();
        assert_eq!(again, held, "a jar is not what it prints");
    }
}

fn brought(field: &HeaderValue) {
    // What a browser makes of it (RFC 6265bis section 5.6) and sends back: of a cookie without a name the value alone.
    let whole = field
        .as_bytes()
        .split(|&b| b == b';')
        .next()
        .unwrap_or_default();
    let named = whole.trim_ascii();
    let back = named.strip_prefix(b"=").map_or(named, <[u8]>::trim_ascii);
    assert!(!is_ours(back) || sets_ours(field), "it sets one of ours");
    let now = 1_800_000_000;
    let placed = placed(field, "/a/b;c/d");
    assert_eq!(sets_ours(field), sets_ours(&placed));
    let (one, other) = (set(field, now), set(&placed, now));
    assert_eq!(one, other, "a place changes more than the place");
    if let Some(one) = one {
        let mut jar = Jar::default();
        jar.take_in(&one);
        assert_eq!(jar.has(one.name, one.value), !one.deletes);
    }
}
