//! Posted forms: what the strict reader takes for a login, the wide ones find, too.

use countersign::form::Form;
use countersign::login::{Place, Wanted, in_body, in_query, read};
use encoding_rs::UTF_8;

/// What forms are bent with.
pub const WORDS: &[&str] = &[
    "&",
    "=",
    ";",
    "+",
    "%26",
    "%3d",
    "%00",
    "%",
    "user",
    "pass",
    "user=ann",
    "&pass=secret",
    "pass[]",
    "pass.",
    " pass",
    "%20pass",
    "PASS",
    "user%00",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    ":",
    ",",
    "\"user\":\"ann\"",
    "\"pass\":\"x\"",
    "\\u0070ass",
    "null",
    "1e9",
    "\u{feff}",
    "--b",
    "--b--",
    "\r\n",
    "\r\n\r\n",
    "Content-Disposition: form-data; ",
    "name=\"user\"",
    "name=\"pass\"",
    "name=pass",
    "filename=\"x\"",
    "name*=utf-8''pass",
    "Content-Type: text/plain\r\n",
    "_charset_=",
    "utf-8",
    "\u{e9}",
    "a=b",
];

/// Logins are there, and forms that two servers would read differently.
pub const DEPTH: &[(&str, u64)] = &[(A_LOGIN, 50), (REFUSED, 50)];

const A_LOGIN: &str = "a login";
const REFUSED: &str = "refused: no login, or two";

/// The bytes as a body of each kind there is. The password is `pass`, in no other place and by no other name.
pub fn form(bytes: &[u8]) -> &'static str {
    let mut came = "no login";
    for kind in KINDS {
        for wanted in wanted() {
            let read = read(&wanted, UTF_8, *kind, bytes, Some("a=b"));
            if read.is_err() && came != A_LOGIN {
                came = REFUSED;
            }
            if let Ok(Some(_)) = read {
                came = A_LOGIN;
                assert!(
                    in_body(&wanted.password, *kind, bytes),
                    "a login of {kind:?} in which nobody finds a password"
                );
            }
            let _ = in_body(&wanted.password, *kind, bytes);
        }
        if let Form::Fields(fields) | Form::Members(fields) = Form::read(*kind, bytes) {
            assert!(fields.len() <= 4 * bytes.len() + 1, "fields out of nothing");
        }
    }
    if let Ok(query) = str::from_utf8(bytes) {
        let place = Place::of("pass");
        let plain = query
            .split('&')
            .any(|pair| pair.split('=').next() == Some("pass"));
        assert!(!plain || in_query(&place, query), "a password in the open");
    }
    came
}

const KINDS: &[Option<&str>] = &[
    Some("application/x-www-form-urlencoded"),
    Some("multipart/form-data; boundary=b"),
    Some("application/json"),
    Some("text/plain"),
    None,
];

fn wanted() -> [Wanted; 2] {
    [("user", "pass"), ("/user", "/in/pass")].map(|(user, pass)| Wanted {
        username: Some(Place::of(user)),
        password: Place::of(pass),
    })
}
