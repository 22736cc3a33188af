//! What a capture tells of the application: the fields of its login, its pages, its cookies, its encoding.

use encoding_rs::Encoding;
use http::uri::PathAndQuery;

use super::reader::nearest;
use super::rule::Rule;
use super::sample::visible;
use super::tree::Value;
use super::value::{Leaf, Wrong, choose};
use crate::capture::cookie::Names;
use crate::login::Place;
use crate::route::Pattern;
use crate::target::Target;

/// `username = "…"`
#[derive(Clone, Debug)]
pub(super) enum Username {
    /// The login stands in a field of the body.
    Field(Place),
    /// It comes in the Authorization header: for a later version.
    Basic,
}

impl Leaf for Username {
    fn read(value: &Value) -> Result<Self, Wrong> {
        if value.text(Field::WANTED)? == "basic" {
            return Ok(Self::Basic);
        }
        Field::read(value).map(|field| Self::Field(field.0))
    }
}

/// `password = "…"`: a form field or a JSON pointer.
#[derive(Clone, Debug)]
pub(super) struct Field(pub(super) Place);

impl Field {
    const WANTED: &str = "the name of a form field such as \"password\"";
}

impl Leaf for Field {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text(Self::WANTED)?;
        let bad = |label: &str| {
            Wrong::new(
                Rule::BadField,
                format!("`{}` names no form field", text.escape_debug()),
                label,
            )
        };
        // Servers drop blanks around a name, or do not: no reader could be strict about it.
        if text.is_empty()
            || text.trim() != text
            || text.chars().count() > 200
            || text.chars().any(char::is_control)
        {
            return Err(
                bad("1 to 200 characters in one line, no blanks around them")
                    .help("write what stands in the application's page: <input name=\"password\">"),
            );
        }
        // RFC 6901 section 3: a tilde stands before 0 or 1.
        let escaped = text
            .split('~')
            .skip(1)
            .all(|rest| rest.starts_with(['0', '1']));
        if text.starts_with('/') && !escaped {
            return Err(
                bad("in a JSON pointer `~` is written ~0, and `/` in a name ~1")
                    .help(format!("write \"{}\"", text.replace('~', "~0"))),
            );
        }
        Ok(Self(Place::of(text)))
    }
}

/// `page = "…"`, `probe = "…"`: path and query of one page of the application.
#[derive(Clone, Debug)]
pub(super) struct Page(pub(super) String);

impl Leaf for Page {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a path such as \"/login\"")?;
        let bad = |label: &str| {
            Wrong::new(
                Rule::BadPath,
                format!("`{}` is no page", text.escape_debug()),
                label,
            )
        };
        if !text.starts_with('/') {
            let inside = path_of(text);
            return Err(
                bad("a path and perhaps a query, beginning with `/`").help(format!(
                    "write \"{}\"",
                    inside.map_or_else(|| format!("/{text}"), str::to_owned)
                )),
            );
        }
        if text.starts_with("//") || text.starts_with("/\\") {
            return Err(bad("browsers take this for another host").help(format!(
                "write \"/{}\"",
                text.trim_start_matches(['/', '\\'])
            )));
        }
        if text.starts_with("/.countersign") {
            return Err(bad("these paths are the gateway's own"));
        }
        if let Some((before, _)) = text.split_once('#') {
            return Err(bad("what stands behind `#` never leaves the browser")
                .help(format!("write \"{before}\"")));
        }
        if text
            .split('?')
            .next()
            .is_some_and(|path| path.contains(['*', '{', '}']))
        {
            return Err(bad("one page is wanted, not a pattern"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(bad("a browser asks for it in visible ASCII")
                .help(format!("write \"{}\"", visible(text))));
        }
        match text.parse::<PathAndQuery>().map(Target::parse) {
            Ok(Ok(_)) => Ok(Self(text.to_owned())),
            Ok(Err(why)) => Err(bad(&why.to_string())),
            Err(_) => Err(bad("no browser can ask for it")),
        }
    }
}

/// The path of a whole address, if `text` is one.
fn path_of(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    Some(rest.find('/').map_or("/", |start| &rest[start..]))
}

/// `success_location = "…"`: a pattern over the path of Location alone.
#[derive(Clone, Debug)]
pub(super) struct Location(pub(super) Pattern);

impl Leaf for Location {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a path such as \"/home/**\"")?;
        let path = path_of(text).unwrap_or(text);
        let path = path.split(['?', '#']).next().unwrap_or_default();
        if path != text && path.starts_with('/') {
            return Err(Wrong::new(
                Rule::BadPath,
                format!("`{}` is no path", text.escape_debug()),
                "only the path of Location is compared",
            )
            .help(format!("write \"{path}\"")));
        }
        Pattern::read(value).map(Self)
    }
}

/// `answer = "…"`: what becomes of the answer to a login by script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// The script is told of the code page.
    Held,
    /// The script gets it, and its tokens open nothing yet.
    Relay,
}

impl Leaf for Manner {
    fn read(value: &Value) -> Result<Self, Wrong> {
        choose(
            value,
            "\"held\" or \"relay\"",
            &[("held", Self::Held), ("relay", Self::Relay)],
            &[],
        )
    }
}

/// One of `token`: a JSON pointer into the answer to a login.
#[derive(Clone, Debug)]
pub(super) struct Token(pub(super) String);

impl Leaf for Token {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a JSON pointer such as \"/access_token\"")?;
        if !text.starts_with('/') {
            let name = if text.is_empty() {
                "access_token"
            } else {
                text
            };
            return Err(Wrong::new(
                Rule::BadField,
                format!("`{}` is no JSON pointer", text.escape_debug()),
                "it begins with a slash",
            )
            .help(format!("write \"/{}\"", name.escape_debug())));
        }
        // What could be no field's place in a login could be no token's.
        Field::read(value)?;
        Ok(Self(text.to_owned()))
    }
}

/// One of `auth_cookies` or `success_cookie`, as written: a name, or a glob with `*`.
#[derive(Clone, Debug)]
pub(super) struct Cookie(pub(super) String);

impl Leaf for Cookie {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("the name of a cookie such as \"sessionid\"")?;
        Names::parse([text]).map_err(|error| {
            let wrong = Wrong::new(
                Rule::BadCookie,
                format!("`{}` names no cookie", text.escape_debug()),
                error.to_string(),
            );
            match text.split_once('=') {
                Some((name, _)) if !name.trim().is_empty() => {
                    wrong.help(format!("write \"{}\": the name alone", name.trim()))
                }
                _ => wrong.help("write \"sessionid\" or \"wordpress_logged_in_*\""),
            }
        })?;
        Ok(Self(text.to_owned()))
    }
}

/// `charset = "…"`
#[derive(Clone, Copy, Debug)]
pub(super) struct Charset(pub(super) &'static Encoding);

impl Leaf for Charset {
    fn read(value: &Value) -> Result<Self, Wrong> {
        // The labels that people look for, as the Encoding Standard writes them.
        const USUAL: [&str; 14] = [
            "utf-8",
            "iso-8859-1",
            "iso-8859-2",
            "iso-8859-15",
            "windows-1250",
            "windows-1251",
            "windows-1252",
            "koi8-r",
            "shift_jis",
            "euc-jp",
            "euc-kr",
            "gb18030",
            "gbk",
            "big5",
        ];
        let text = value.text("an encoding such as \"utf-8\"")?;
        let bad = |label: &str| {
            Wrong::new(
                Rule::BadCharset,
                format!("no form is encoded in `{}`", text.escape_debug()),
                label,
            )
        };
        match Encoding::for_label(text.as_bytes()) {
            Some(encoding) if encoding.is_ascii_compatible() => Ok(Self(encoding)),
            // Among them `replacement`, to which the Encoding Standard maps labels that are known to be dangerous.
            Some(encoding) => {
                let wrong = bad("in this encoding bytes of ASCII can be other letters");
                Err(if encoding.output_encoding() == encoding_rs::UTF_8 {
                    wrong.help("leave it out: browsers send such forms in UTF-8")
                } else {
                    wrong.help("its logins cannot be read safely: leave the capture out, and visitors name themselves at the gate")
                })
            }
            None => {
                let wrong = bad("no encoding has this name");
                Err(match nearest(text, USUAL) {
                    Some(near) => wrong.help(format!("did you mean \"{near}\"?")),
                    None => wrong.help(format!("write one such as \"{}\"", USUAL.join("\", \""))),
                })
            }
        }
    }
}
