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

/// What the application said to the gateway's own GET with the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// That they are wrong (RFC 9110 section 15.5.2): of six applications with Basic all say so, on open pages too (measured).
    No,
    /// Something that means what it differs in from the answer to nobody: see [`judged`].
    Perhaps,
    /// Nothing of the credentials: it is in trouble, or has had too many questions.
    Nothing,
}

/// Takes in the answer to the credentials.
pub fn heard(with: StatusCode) -> Heard {
    match with {
        StatusCode::UNAUTHORIZED => Heard::No,
        // WebDAV servers have nothing to show of a folder, and say so by 501 to whom they know.
        StatusCode::NOT_IMPLEMENTED => Heard::Perhaps,
        StatusCode::TOO_MANY_REQUESTS => Heard::Nothing,
        other if other.is_server_error() => Heard::Nothing,
        _ => Heard::Perhaps,
    }
}

/// How the application took the credentials: `with` them it answered so, and `without` them so, if it did.
///
/// Who is asked for a name, and is not any more once it is given, is somebody to the application, whatever it shows then:
/// Radicale says 401 to nobody and 403 or 404 to alice, Tomcat 403 to who has another role (measured). A page that
/// everybody gets tells nothing.
pub fn judged(with: StatusCode, without: Option<StatusCode>) -> Judgement {
    match (with, without) {
        (StatusCode::UNAUTHORIZED, _) => Judgement::Bad,
        (_, Some(StatusCode::UNAUTHORIZED)) => Judgement::Good,
        (StatusCode::FORBIDDEN, _) => Judgement::Bad,
        (_, Some(StatusCode::FORBIDDEN)) => Judgement::Good,
        // Such as a page of a login for nobody.
        (shown, Some(other)) if shown.is_success() && other.is_redirection() => Judgement::Good,
        _ => Judgement::Doubt,
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
    fn what_differs_for_somebody_and_nobody_is_a_yes() {
        use Judgement::{Bad, Doubt, Good};
        for (with, without, judgement) in [
            (200, Some(401), Good),
            (204, Some(401), Good),
            (302, Some(401), Good),
            (403, Some(401), Good),
            (404, Some(401), Good),
            (501, Some(401), Good),
            (200, Some(403), Good),
            (404, Some(403), Good),
            (200, Some(302), Good),
            // What everybody gets tells nothing.
            (200, Some(200), Doubt),
            (302, Some(302), Doubt),
            (404, Some(404), Doubt),
            (404, Some(200), Doubt),
            (302, Some(200), Doubt),
            // And so does what is compared with nothing.
            (200, Some(500), Doubt),
            (200, None, Doubt),
            (404, None, Doubt),
            (401, Some(200), Bad),
            (401, Some(401), Bad),
            (401, None, Bad),
            (403, Some(403), Bad),
            (403, Some(200), Bad),
            (403, None, Bad),
        ] {
            let status = |code| StatusCode::from_u16(code).unwrap();
            assert_eq!(
                judged(status(with), without.map(status)),
                judgement,
                "{with} {without:?}"
            );
        }
    }

    #[test]
    fn an_application_in_trouble_says_nothing_of_a_password() {
        for (status, said) in [
            (401, Heard::No),
            (403, Heard::Perhaps),
            (200, Heard::Perhaps),
            (501, Heard::Perhaps),
            (429, Heard::Nothing),
            (500, Heard::Nothing),
            (503, Heard::Nothing),
        ] {
            assert_eq!(
                heard(StatusCode::from_u16(status).unwrap()),
                said,
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
