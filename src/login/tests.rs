use encoding_rs::UTF_8;

use super::*;

const URLENCODED: Option<&str> = Some("application/x-www-form-urlencoded");
const JSON: Option<&str> = Some("application/json");

fn wanted(username: &str, password: &str) -> Wanted {
    Wanted {
        username: Some(Place::of(username)),
        password: Place::of(password),
    }
}

fn user(name: &str) -> Result<Option<Login>, Ambiguous> {
    Ok(Some(Login {
        username: Some(name.to_owned()),
    }))
}

fn form(body: &str) -> Result<Option<Login>, Ambiguous> {
    read(&wanted("u", "p"), UTF_8, URLENCODED, body.as_bytes(), None)
}

#[test]
fn a_plain_form_tells_who() {
    assert_eq!(form("u=ann&p=x"), user("ann"));
}
