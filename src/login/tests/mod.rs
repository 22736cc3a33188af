//! What the one reader promises, kind of body by kind of body.

use encoding_rs::{Encoding, UTF_8};

use super::*;

mod forms;
mod json;
mod models;
mod parts;
mod types;
mod wide;

const URLENCODED: Option<&str> = Some("application/x-www-form-urlencoded");
const JSON: Option<&str> = Some("application/json");

fn wanted(username: &str, password: &str) -> Wanted {
    Wanted {
        username: Some(Place::of(username)),
        password: Place::of(password),
    }
}

/// What is read of a body, without a query, on a site in UTF-8.
fn reading(
    wanted: &Wanted,
    content_type: Option<&str>,
    body: impl AsRef<[u8]>,
) -> Result<Option<String>, Ambiguous> {
    reading_in(UTF_8, wanted, content_type, body)
}

fn reading_in(
    site: &'static Encoding,
    wanted: &Wanted,
    content_type: Option<&str>,
    body: impl AsRef<[u8]>,
) -> Result<Option<String>, Ambiguous> {
    read(wanted, site, content_type, body.as_ref(), None).map(who)
}

fn who(login: Option<Login>) -> Option<String> {
    login.map(|login| login.username.unwrap_or_else(|| "nobody is asked".into()))
}

#[track_caller]
fn assert_login(read: &Result<Option<String>, Ambiguous>, user: &str, case: &str) {
    assert_eq!(*read, Ok(Some(user.to_owned())), "{case:?}");
}

#[test]
fn a_login_does_not_print_itself() {
    let login = Login {
        username: Some("ann".into()),
    };
    assert_eq!(format!("{login:?}"), "Login(…)");
}

#[test]
fn a_slash_makes_a_pointer() {
    assert_eq!(Place::of("/a/b"), Place::Pointer("/a/b".into()));
    for name in ["u", "auth[user]", "a/b", ""] {
        assert_eq!(Place::of(name), Place::Field(name.into()));
    }
}
