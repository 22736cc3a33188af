//! HTTP Basic: the login that comes with every request, in its Authorization field (RFC 7617).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};

use super::judge::Judgement;
use crate::login::Ambiguous;

/// Under this name a grant knows the credentials that it was earned with. No cookie has a `;` in its name.
pub const PRINT: &[u8] = b";basic";

/// Under this name stands an Authorization that is no Basic, or stands there twice: no grant knows that.
const NEVER: &[u8] = b";authorization";

/// A name and a password, as one Authorization field shows them.
pub struct Shown {
    /// Who, as typed.
    pub username: String,
    /// The field as it came: it goes up unchanged.
    pub field: HeaderValue,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown(…)")
    }
}

impl Shown {
    /// What a grant keeps a print of: the bytes behind the scheme.
    pub fn credentials(&self) -> &[u8] {
        token(self.field.as_bytes()).unwrap_or_default()
    }
}

/// Reads the login of a request; `None` if it has no Authorization at all.
///
/// # Errors
/// [`Ambiguous`] for whatever two servers could read differently: two fields, another scheme, base64 with an error in it,
/// no colon, control characters, text that is not UTF-8, nobody's name.
pub fn read(fields: &HeaderMap) -> Result<Option<Shown>, Ambiguous> {
    let mut all = fields.get_all(header::AUTHORIZATION).iter();
    let (Some(field), another) = (all.next(), all.next()) else {
        return Ok(None);
    };
    if another.is_some() {
        return Err(Ambiguous("two Authorization fields"));
    }
    let token = token(field.as_bytes()).ok_or(Ambiguous("an Authorization that is not Basic"))?;
    let bytes = STANDARD
        .decode(token)
        .map_err(|_| Ambiguous("an Authorization that is no base64"))?;
    let text = String::from_utf8(bytes).map_err(|_| Ambiguous("an Authorization not in UTF-8"))?;
    if text.chars().any(char::is_control) {
        return Err(Ambiguous("an Authorization with control characters"));
    }
    // RFC 7617 section 2: a name has no colon, a password may have.
    match text.split_once(':') {
        Some((username, _)) if !username.trim().is_empty() => Ok(Some(Shown {
            username: username.to_owned(),
            field: field.clone(),
        })),
        Some(_) => Err(Ambiguous("an Authorization without a name")),
        None => Err(Ambiguous("an Authorization without a colon")),
    }
}

/// What a grant has to know of the Authorization fields of a request: as which name, and which bytes. One for each field;
/// two are two credentials, and no grant knows the second.
pub fn prints(fields: &HeaderMap) -> impl Iterator<Item = (&'static [u8], &[u8])> {
    let all = fields.get_all(header::AUTHORIZATION);
    let twice = all.iter().nth(1).is_some();
    let mut all = all.iter();
    std::iter::from_fn(move || {
        let bytes = all.next()?.as_bytes();
        Some(match token(bytes).filter(|_| !twice) {
            Some(token) => (PRINT, token),
            None => (NEVER, bytes),
        })
    })
}

/// How the application took the credentials, by its answer to the gateway's own GET; `None` if it is in trouble, and has
/// said nothing.
pub fn judged(status: StatusCode) -> Option<Judgement> {
    if status.is_success() {
        Some(Judgement::Good)
    } else if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        Some(Judgement::Bad)
    } else if status.is_server_error() {
        None
    } else {
        Some(Judgement::Doubt)
    }
}

/// Whether a person looks at what comes back. Programs call again by themselves, with the password that they keep: for
/// them nobody's phone rings.
pub fn is_persons(method: &Method, fields: &HeaderMap) -> bool {
    let has = |name: &str, value: &str| {
        fields
            .get(name)
            .and_then(|own| own.to_str().ok())
            .is_some_and(|own| own.contains(value))
    };
    match fields.get("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        // Every browser that is too old to say so asks for pages by name.
        None => {
            matches!(*method, Method::GET | Method::HEAD | Method::POST)
                && has(header::ACCEPT.as_str(), "text/html")
                && !fields.contains_key("x-requested-with")
                && !fields.contains_key("hx-request")
        }
    }
}

/// Whether the browser may ask for a name and a password in its own window (`WWW-Authenticate: Basic`): where somebody
/// goes to a page, and for programs, which know what to do with it. A script's call must not open one.
pub fn may_ask(fields: &HeaderMap) -> bool {
    !fields.contains_key("hx-request")
        && fields
            .get("sec-fetch-mode")
            .is_none_or(|mode| mode == "navigate")
}

/// The challenge of a site of this title (RFC 7617 section 2). What is no visible ASCII in it becomes `?`.
pub fn challenge(title: &str) -> HeaderValue {
    let realm: String = title
        .chars()
        .map(|c| match c {
            '"' | '\\' => '\'',
            ' '..='~' => c,
            _ => '?',
        })
        .collect();
    HeaderValue::from_str(&format!("Basic realm=\"{realm}\", charset=\"UTF-8\""))
        .unwrap_or_else(|_| HeaderValue::from_static("Basic realm=\"\", charset=\"UTF-8\""))
}

/// What stands behind `Basic` and its spaces.
fn token(field: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = field.split_at_checked(6)?;
    let token = rest.trim_ascii_start();
    (scheme.eq_ignore_ascii_case(b"basic ") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(*name, HeaderValue::from_str(value).unwrap());
        }
        fields
    }

    fn basic(bytes: &[u8]) -> String {
        format!("Basic {}", STANDARD.encode(bytes))
    }

    #[test]
    fn one_basic_field_says_who_it_is() {
        for (value, name) in [
            (basic(b"ann:x"), "ann"),
            (basic(b"ann:"), "ann"),
            (basic(b"ann:a:b"), "ann"),
            (basic("änn:ü".as_bytes()), "änn"),
            (basic(b"ann:x").replace("Basic", "bASIC"), "ann"),
            (basic(b"ann:x").replace(' ', "   "), "ann"),
        ] {
            let shown = read(&fields(&[("authorization", &value)]))
                .unwrap()
                .unwrap();
            assert_eq!(shown.username, name, "{value}");
            assert_eq!(shown.field, value);
            assert_eq!(shown.credentials(), value[5..].trim().as_bytes());
            assert!(!format!("{shown:?}").contains("nn"));
        }
        assert!(read(&fields(&[])).unwrap().is_none());
    }

    #[test]
    fn what_two_servers_could_read_differently_is_no_login() {
        let good = basic(b"ann:x");
        for value in [
            "Digest username=\"ann\"",
            "Bearer x",
            "Negotiate YII=",
            "Basic",
            "Basic ",
            "Basicx YTpi",
            "Basic YTpi YTpi",
            "Basic YTp",
            "Basic YTpi!",
            &basic(b"ann"),
            &basic(b":x"),
            &basic(b" :x"),
            &basic(b"ann:\x00"),
            &basic(b"a\nnn:x"),
            &basic(b"ann:\xe9"),
            &good.replace('=', ""),
        ] {
            assert!(
                read(&fields(&[("authorization", value)])).is_err(),
                "{value}"
            );
        }
        assert!(
            read(&fields(&[
                ("authorization", &good),
                ("authorization", &good)
            ]))
            .is_err()
        );
    }

    #[test]
    fn a_grant_is_shown_the_bytes_behind_the_scheme_and_never_another_scheme_as_those() {
        let of = |lines: &[(&'static str, &str)]| -> Vec<(Vec<u8>, Vec<u8>)> {
            let fields = fields(lines);
            let all = prints(&fields);
            all.map(|(name, bytes)| (name.to_vec(), bytes.to_vec()))
                .collect()
        };
        let basic = (PRINT.to_vec(), b"YTpi".to_vec());
        assert_eq!(of(&[]), []);
        assert_eq!(of(&[("authorization", "Basic YTpi")]), vec![basic.clone()]);
        assert_eq!(of(&[("authorization", "basic  YTpi")]), vec![basic.clone()]);
        for lines in [
            &[("authorization", "Bearer YTpi")][..],
            &[
                ("authorization", "Basic YTpi"),
                ("authorization", "Basic YTpi"),
            ],
            &[
                ("authorization", "Basic YTpi"),
                ("authorization", "Bearer x"),
            ],
        ] {
            let all = of(lines);
            assert_eq!(all.len(), lines.len());
            assert!(!all.contains(&basic), "{lines:?}");
        }
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        for (status, judgement) in [
            (200, Some(Judgement::Good)),
            (204, Some(Judgement::Good)),
            (302, Some(Judgement::Doubt)),
            (404, Some(Judgement::Doubt)),
            (401, Some(Judgement::Bad)),
            (403, Some(Judgement::Bad)),
            (500, None),
            (503, None),
        ] {
            assert_eq!(
                judged(StatusCode::from_u16(status).unwrap()),
                judgement,
                "{status}"
            );
        }
    }

    #[test]
    fn programs_are_no_people_and_scripts_open_no_window() {
        for (lines, persons, asks) in [
            (&[("sec-fetch-mode", "navigate")][..], true, true),
            (
                &[("sec-fetch-mode", "cors"), ("accept", "text/html")],
                false,
                false,
            ),
            (&[("accept", "text/html,*/*")], true, true),
            (
                &[("accept", "text/html"), ("x-requested-with", "x")],
                false,
                true,
            ),
            (
                &[("accept", "text/html"), ("hx-request", "true")],
                false,
                false,
            ),
            (&[("accept", "*/*")], false, true),
            (&[], false, true),
        ] {
            let fields = fields(lines);
            assert_eq!(is_persons(&Method::GET, &fields), persons, "{lines:?}");
            assert_eq!(may_ask(&fields), asks, "{lines:?}");
        }
        let old = fields(&[("accept", "text/html")]);
        assert!(!is_persons(&Method::from_bytes(b"PROPFIND").unwrap(), &old));
    }

    #[test]
    fn a_title_cannot_leave_its_quotes() {
        assert_eq!(
            challenge("My \"Site\"\\"),
            "Basic realm=\"My 'Site''\", charset=\"UTF-8\""
        );
        assert_eq!(
            challenge("Büro\n"),
            "Basic realm=\"B?ro?\", charset=\"UTF-8\""
        );
    }
}
