//! An application asked directly, as the gateway would ask it: one question, one connection, one answer of bounded size.

use std::collections::HashSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use encoding_rs::Encoding;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, StatusCode, Version};

use crate::capture::look;
use crate::config::SiteSettings;
use crate::scout::client::{self, Client, Place, Silence};
use crate::scout::page::Page;
use crate::upstream::{Address, HostMode};

/// How long one answer may take, its body with it: somebody waits at a terminal.
const PATIENCE: Duration = Duration::from_secs(10);

/// A name that nobody has, and a password that is nobody's.
pub(super) const INVENTED: (&str, &str) = ("countersign-doctor", "not-a-password");

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) method: Method,
    /// Path and query, byte for byte.
    pub(super) target: String,
    /// Whether the invented user signs in by HTTP Basic.
    pub(super) basic: bool,
    /// As a WebSocket handshake.
    pub(super) websocket: bool,
    /// Its type and its text.
    pub(super) body: Option<(&'static str, String)>,
}

impl Question {
    pub(super) fn get(target: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            target: target.into(),
            basic: false,
            websocket: false,
            body: None,
        }
    }

    pub(super) fn post(target: impl Into<String>, kind: &'static str, text: String) -> Self {
        Self {
            method: Method::POST,
            body: Some((kind, text)),
            ..Self::get(target)
        }
    }

    /// As it would come from a browser; `None` if no client could send it.
    pub(super) fn request(&self, host: &str) -> Option<Request<Bytes>> {
        let target: PathAndQuery = self.target.parse().ok()?;
        let body = self.body.as_ref();
        let bytes = body.map_or_else(Bytes::new, |(_, text)| Bytes::from(text.clone()));
        let length = bytes.len();
        let mut request = Request::new(bytes);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = target.into();
        *request.version_mut() = Version::HTTP_11;
        let fields = request.headers_mut();
        fields.insert(header::HOST, HeaderValue::from_str(host).ok()?);
        // As most browsers do; some applications turn away who says nothing.
        let accept = HeaderValue::from_static("text/html,application/xhtml+xml,*/*;q=0.8");
        fields.insert(header::ACCEPT, accept);
        let agent = concat!("countersign-doctor/", env!("CARGO_PKG_VERSION"));
        fields.insert(header::USER_AGENT, HeaderValue::from_static(agent));
        if let Some((kind, _)) = body {
            fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            fields.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        if self.basic {
            let words = STANDARD.encode(format!("{}:{}", INVENTED.0, INVENTED.1));
            let words = HeaderValue::from_str(&format!("Basic {words}")).ok()?;
            fields.insert(header::AUTHORIZATION, words);
        }
        if self.websocket {
            // RFC 6455 section 4.1; the key is that of its section 1.3.
            for (name, value) in [
                (header::CONNECTION, "Upgrade"),
                (header::UPGRADE, "websocket"),
                (header::SEC_WEBSOCKET_VERSION, "13"),
                (header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
            ] {
                fields.insert(name, HeaderValue::from_static(value));
            }
        }
        Some(request)
    }
}

/// `POST /xmlrpc.php`
impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.target.escape_debug())
    }
}

/// What came.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) fields: HeaderMap,
    /// Out of its coding, and no more of it than [`look::MOST`]; empty where nobody can tell what it says.
    pub(super) body: Vec<u8>,
    charset: &'static Encoding,
}

impl Answer {
    #[cfg(test)]
    pub(super) fn made(status: u16, fields: &[(&'static str, &str)], body: &str) -> Self {
        let mut made = Self {
            status: StatusCode::from_u16(status).unwrap(),
            fields: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
            charset: encoding_rs::UTF_8,
        };
        for (name, value) in fields {
            made.fields.append(*name, value.parse().unwrap());
        }
        made
    }

    /// A field's value, if it can be read.
    pub(super) fn field(&self, name: &HeaderName) -> Option<&str> {
        self.fields.get(name)?.to_str().ok()
    }

    /// What a browser makes of it.
    pub(super) fn page(&self) -> Page {
        let (text, ..) = self.charset.decode(&self.body);
        Page::read(&text)
    }

    /// Where it leads, without the query.
    pub(super) fn leads_to(&self) -> Option<&str> {
        let location = self.field(&header::LOCATION)?;
        location.split(['?', '#']).next()
    }

    /// Whether it is a page with a password field.
    pub(super) fn asks_for_a_password(&self) -> bool {
        self.status.is_success()
            && look::is_html(&self.fields)
            && look::has_password_field(&self.body)
    }

    /// The schemes by which it asks for a login, such as `Basic`, as far as they are known.
    pub(super) fn schemes(&self) -> Vec<&'static str> {
        const KNOWN: [&str; 4] = ["Basic", "Digest", "NTLM", "Negotiate"];
        let asked = self.fields.get_all(header::WWW_AUTHENTICATE).iter();
        let asked: Vec<&str> = asked.filter_map(|value| value.to_str().ok()).collect();
        let names = |scheme: &&str| {
            let mut words = asked
                .iter()
                .flat_map(|value| value.split(',').map(str::trim_start));
            words.any(|word| {
                let first = word.split([' ', '=']).next().unwrap_or_default();
                first.eq_ignore_ascii_case(scheme)
            })
        };
        if self.status != StatusCode::UNAUTHORIZED {
            return Vec::new();
        }
        KNOWN.into_iter().filter(names).collect()
    }

    /// Whether nothing is there: not found, gone, or not made.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.status.as_u16(), 404 | 410 | 501)
    }

    /// Whether it cannot be told from `other`, but for what answers to two requests differ in anyway: their own address,
    /// tokens, times.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        if self.status != other.status {
            return false;
        }
        if self.status.is_redirection() {
            return self.leads_to() == other.leads_to();
        }
        let (long, short) = (
            self.body.len().max(other.body.len()),
            self.body.len().min(other.body.len()),
        );
        let close = long - short <= 64.max(long / 20);
        close && title(&self.body) == title(&other.body) && alike(&self.body, &other.body)
    }
}

/// The first title of a page.
fn title(body: &[u8]) -> Option<&[u8]> {
    let start = memchr::memmem::find(body, b"<title")?;
    let end = memchr::memmem::find(&body[start..], b"</title")?;
    Some(&body[start..start + end])
}

/// Whether most of their lines are the same; texts of one line are compared word by word.
fn alike(a: &[u8], b: &[u8]) -> bool {
    let parts = |text: &[u8]| -> Vec<Vec<u8>> {
        let lines = text.split(|&byte| byte == b'\n' || byte == b'>');
        let lines: Vec<Vec<u8>> = lines.map(<[u8]>::to_vec).collect();
        if lines.len() > 4 {
            return lines;
        }
        let words = text.split(|&byte| byte.is_ascii_whitespace() || byte == b'>');
        words.map(<[u8]>::to_vec).collect()
    };
    let (a, b) = (parts(a), parts(b));
    let known: HashSet<&Vec<u8>> = b.iter().collect();
    let same = a.iter().filter(|part| known.contains(part)).count();
    same * 10 >= a.len().max(b.len()) * 7
}

/// The application of a site.
pub(super) struct Application {
    client: Client,
    host: String,
    forwarded: [(&'static str, String); 4],
}

impl Application {
    /// What the gateway would send besides the question, it sends too.
    ///
    /// # Errors
    /// [`Silence`] if its certificate could not be checked.
    pub(super) fn of(settings: &SiteSettings) -> Result<Self, Silence> {
        let (site, upstream) = (&settings.site, &settings.upstream);
        let public = site.origin.authority();
        let host = match upstream.host {
            HostMode::Upstream => &upstream.authority,
            HostMode::Preserve => public,
        };
        let scheme = if site.origin.https() { "https" } else { "http" };
        Ok(Self {
            client: Client::new(place(&upstream.address))?.within(PATIENCE, client::MOST),
            host: host.to_owned(),
            forwarded: [
                ("x-forwarded-host", public.to_owned()),
                ("x-forwarded-proto", scheme.to_owned()),
                ("x-forwarded-for", "127.0.0.1".to_owned()),
                ("x-real-ip", "127.0.0.1".to_owned()),
            ],
        })
    }

    /// Asks once. Redirects are answers like others. `None` if no client could ask so.
    ///
    /// # Errors
    /// [`Silence`].
    pub(super) async fn ask(&self, question: &Question) -> Result<Option<Answer>, Silence> {
        let Some(mut request) = question.request(&self.host) else {
            return Ok(None);
        };
        for (name, value) in &self.forwarded {
            if let Ok(value) = HeaderValue::from_str(value) {
                request.headers_mut().insert(*name, value);
            }
        }
        let came = self.client.send(request).await?;
        Ok(Some(Answer {
            status: came.status,
            charset: came.charset(),
            body: came.body.unwrap_or_default(),
            fields: came.fields,
        }))
    }
}

/// The same socket in the scout's words.
fn place(address: &Address) -> Place {
    let bare = |host: &str| host.trim_matches(['[', ']']).to_owned();
    match address {
        Address::Tcp { host, port } => Place::Tcp {
            host: bare(host),
            port: *port,
        },
        Address::Tls { host, port, ca } => Place::Tls {
            host: bare(host),
            port: *port,
            ca: ca.clone(),
        },
        Address::Unix(path) => Place::Unix(path.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, fields: &[(&'static str, &str)], body: &str) -> Answer {
        Answer::made(status, fields, body)
    }

    #[test]
    fn schemes_are_read_from_whatever_list_they_stand_in() {
        for (fields, schemes) in [
            (&["Basic realm=\"x\""][..], &["Basic"][..]),
            (&["basic"], &["Basic"]),
            (&["Bearer", "NTLM"], &["NTLM"]),
            (
                &["Negotiate, Digest realm=\"Basic\", nonce=\"n\""],
                &["Digest", "Negotiate"],
            ),
            (&["Bearer realm=\"Basic\""], &[]),
            (&["Countersign scope=\"login\""], &[]),
        ] {
            let fields: Vec<_> = fields
                .iter()
                .map(|value| ("www-authenticate", *value))
                .collect();
            assert_eq!(answer(401, &fields, "").schemes(), schemes, "{fields:?}");
            assert!(answer(200, &fields, "").schemes().is_empty());
        }
    }

    #[test]
    fn answers_are_alike_though_their_tokens_differ() {
        let page = |title: &str, token: &str| {
            let text = format!(
                "<title>{title}</title>\n<p>Users</p>\n<table>\n<tr>\n<td>ann</td>\n</tr>\n</table>\n<i>{token}</i>\n"
            );
            answer(200, &[], &text)
        };
        let users = page("Users", "8c2f9d");
        assert!(users.is_like(&page("Users", "77aa01")));
        assert!(!users.is_like(&page("Not found", "8c2f9d")));
        assert!(!users.is_like(&answer(404, &[], "")));
        let other = "<title>Users</title>\n<p>a</p>\n<p>b</p>\n<p>c</p>\n<p>d</p>\n<p>e</p>\n<p>f</p>\n<p>g</p>\n<p>h</p>\n<p>i</p>\n";
        assert!(!users.is_like(&answer(200, &[], other)));
        let to = |place: &str| answer(302, &[("location", place)], "");
        assert!(to("/login?next=/a").is_like(&to("/login?next=/b")));
        assert!(!to("/login").is_like(&to("/a/")));
    }

    #[test]
    fn a_password_is_asked_for_by_a_page_and_by_nothing_else() {
        let form = "<form><input type=password name=p></form>";
        let html = &[("content-type", "text/html")];
        assert!(answer(200, html, form).asks_for_a_password());
        assert!(!answer(404, html, form).asks_for_a_password());
        assert!(!answer(200, &[("content-type", "text/plain")], form).asks_for_a_password());
    }

    #[test]
    fn what_no_client_can_send_is_not_asked() {
        assert!(Question::get("/a b").request("app").is_none());
        assert!(Question::get("/a%20b").request("app").is_some());
        let mut login = Question::get("/");
        login.basic = true;
        let request = login.request("app").unwrap();
        assert!(request.headers().contains_key("authorization"));
        assert!(
            !format!("{login:?}{login}").contains(INVENTED.1),
            "though it is nobody's"
        );
    }
}
