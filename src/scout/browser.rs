//! A browser without scripts: it asks as browsers do, keeps cookies, follows redirects where it is told to, submits forms.

use bytes::Bytes;
use encoding_rs::Encoding;
use http::header::{self, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, StatusCode};

use super::client::{Answer, Client, Silence};
use super::form::{Form, encoded};
use super::jar::Jar;
use crate::capture::judge::{Leads, resolve};
use crate::site::Origin;
use crate::target::Target;

/// Somebody who goes to one application by one name. Cloning it gives a second browser with the same cookies.
#[derive(Clone)]
pub struct Browser<'c> {
    client: &'c Client,
    origin: Origin,
    fields: Vec<(HeaderName, HeaderValue)>,
    now: u64,
    /// Its cookies.
    pub jar: Jar,
    /// How many requests it has sent.
    pub sent: usize,
}

/// An answer, and what it answers.
#[derive(Clone, Debug)]
pub struct Met {
    /// The target that was asked for.
    pub at: Target,
    /// What came.
    pub answer: Answer,
}

/// Where redirects ended.
#[derive(Debug)]
pub enum Ended {
    /// At an answer that is none.
    At(Met),
    /// They go on after so many.
    Endless(usize),
    /// At another origin; the whole address.
    Away(String),
    /// At nothing that could be asked for.
    Nowhere,
}

/// The most redirects that are followed; of 22 applications measured none needed more than 2.
pub const MOST_HOPS: usize = 5;

/// Old applications look for the word at its beginning, and some turn away who does not say it.
const NAME: &str = concat!(
    "Mozilla/5.0 (compatible; countersign/",
    env!("CARGO_PKG_VERSION"),
    ")"
);

impl<'c> Browser<'c> {
    /// One without cookies, that calls the application `origin`. `now` is unix seconds: which cookies have ended.
    pub fn new(client: &'c Client, origin: Origin, now: u64) -> Self {
        Self {
            client,
            origin,
            fields: Vec::new(),
            now,
            jar: Jar::default(),
            sent: 0,
        }
    }

    /// The same with one more field in every request.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.fields.push((name, value));
        self
    }

    /// The same name and fields without a cookie.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self {
            jar: Jar::default(),
            sent: 0,
            ..self.clone()
        }
    }

    /// What it calls the application.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Goes to a page; follows nothing.
    ///
    /// # Errors
    /// [`Silence`].
    pub async fn get(&mut self, at: &Target) -> Result<Met, Silence> {
        self.ask(Method::GET, at, None).await
    }

    /// Goes to a page and wherever it leads, by GET, within the origin.
    ///
    /// # Errors
    /// [`Silence`].
    pub async fn walk(&mut self, at: &Target) -> Result<Ended, Silence> {
        let met = self.get(at).await?;
        self.follow(met).await
    }

    /// Goes where an answer leads. 307 and 308 after a POST would send the password again, and end it.
    ///
    /// # Errors
    /// [`Silence`].
    pub async fn follow(&mut self, mut met: Met) -> Result<Ended, Silence> {
        for _ in 0..=MOST_HOPS {
            match self.lead(&met) {
                None => return Ok(Ended::At(met)),
                Some(Leads::Here(target)) => met = self.get(&target).await?,
                Some(Leads::Elsewhere { url, .. }) => return Ok(Ended::Away(url)),
                Some(Leads::Nowhere) => return Ok(Ended::Nowhere),
            }
        }
        Ok(Ended::Endless(MOST_HOPS))
    }

    /// Where an answer leads; `None` if it is no redirect.
    pub fn lead(&self, met: &Met) -> Option<Leads> {
        let redirects = matches!(met.answer.status.as_u16(), 301..=303 | 307 | 308);
        let location = met.answer.fields.get(header::LOCATION);
        let location = location.filter(|_| redirects)?;
        Some(resolve(&met.at, self.origin.text(), location))
    }

    /// Sends a form with these fields to `action`; follows nothing. `from` is the page it stands on.
    ///
    /// # Errors
    /// [`Silence`].
    pub async fn submit(
        &mut self,
        from: &Target,
        action: &Target,
        form: &Form,
        sent: &[(String, String)],
        charset: &'static Encoding,
    ) -> Result<Met, Silence> {
        if !form.post {
            let query = encoded(sent, charset);
            let whole = PathAndQuery::try_from(format!("{}?{query}", action.path()));
            let target = whole.ok().and_then(|whole| Target::parse(whole).ok());
            return self.get(target.as_ref().unwrap_or(action)).await;
        }
        let body = form.body(sent, charset);
        self.ask(Method::POST, action, Some((from, body))).await
    }

    async fn ask(
        &mut self,
        method: Method,
        at: &Target,
        posted: Option<(&Target, (String, Vec<u8>))>,
    ) -> Result<Met, Silence> {
        let mut request = Request::builder()
            .method(method)
            .uri(at.raw())
            .header(header::HOST, self.origin.authority())
            .header(header::USER_AGENT, NAME)
            .header(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            .header(header::ACCEPT_LANGUAGE, "en")
            .header(header::ACCEPT_ENCODING, "gzip, deflate")
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
            .header(header::CONNECTION, "close");
        for (name, value) in &self.fields {
            request = request.header(name, value);
        }
        if let Some(cookies) = self.jar.field(at) {
            request = request.header(header::COOKIE, cookies);
        }
        let mut body = Bytes::new();
        if let Some((from, (kind, bytes))) = posted {
            request = request
                .header(header::ORIGIN, self.origin.text())
                .header(
                    header::REFERER,
                    format!("{}{}", self.origin.text(), from.raw()),
                )
                .header(header::CONTENT_TYPE, kind)
                .header(header::CONTENT_LENGTH, bytes.len());
            body = bytes.into();
        }
        let broken =
            |error: http::Error| Silence::Broken(self.client.place().to_string(), error.into());
        let request = request.body(body).map_err(broken)?;
        self.sent += 1;
        let answer = self.client.send(request).await?;
        self.jar
            .take_in(self.origin.host(), at, &answer.fields, self.now);
        let at = at.clone();
        Ok(Met { at, answer })
    }
}

impl Met {
    /// Whether this is what somebody gets who is signed in: 2xx, and no page that asks for a password.
    pub fn opens(&self) -> bool {
        self.answer.status.is_success() && !self.answer.asks_for_password()
    }

    /// Whether it is refused for want of HTTP Basic (RFC 7617): 401 and a challenge of that scheme.
    pub fn wants_basic(&self) -> bool {
        let mut challenges = self.answer.fields.get_all(header::WWW_AUTHENTICATE).iter();
        self.answer.status == StatusCode::UNAUTHORIZED && challenges.any(has_basic)
    }
}

/// Whether one of the challenges of a field is Basic.
fn has_basic(field: &HeaderValue) -> bool {
    let mut challenges = field.as_bytes().split(|&b| b == b',');
    challenges.any(|challenge| {
        let scheme = challenge.trim_ascii().split(|&b| b == b' ').next();
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::scout::client::Place;
    use crate::scout::form::{Field, Kind};

    /// An application that answers by the first line of a request, and tells what it was sent.
    async fn application(
        answers: impl Fn(&str) -> String + Send + 'static,
    ) -> (Client, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (came, seen) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut text = String::new();
                loop {
                    let mut piece = [0; 4096];
                    let count = stream.read(&mut piece).await.unwrap();
                    text.push_str(std::str::from_utf8(&piece[..count]).unwrap());
                    let Some((head, body)) = text.split_once("\r\n\r\n") else {
                        continue;
                    };
                    let length = head
                        .lines()
                        .find_map(|line| line.strip_prefix("Content-Length: "));
                    if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                        break;
                    }
                }
                let answer = answers(text.lines().next().unwrap());
                drop(stream.write_all(answer.as_bytes()).await);
                drop(came.send(text));
            }
        });
        let host = "127.0.0.1".to_owned();
        (Client::new(Place::Tcp { host, port }).unwrap(), seen)
    }

    fn to(location: &str, more: &str) -> String {
        format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\n{more}Content-Length: 0\r\n\r\n")
    }

    fn target(text: &'static str) -> Target {
        Target::parse(PathAndQuery::from_static(text)).unwrap()
    }

    fn origin() -> Origin {
        Origin::parse("http://app.test").unwrap()
    }

    #[tokio::test]
    async fn redirects_are_followed_with_the_cookies_of_the_way() {
        let (client, mut seen) = application(|line| match line {
            "GET / HTTP/1.1" => to("http://app.test/a", "Set-Cookie: a=1\r\n"),
            "GET /a HTTP/1.1" => to("b?c", "Set-Cookie: b=2\r\n"),
            _ => "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere".to_owned(),
        })
        .await;
        let mut browser = Browser::new(&client, origin(), 0);
        let Ended::At(met) = browser.walk(&target("/")).await.unwrap() else {
            panic!()
        };
        assert_eq!((met.at.raw(), &*met.answer.text()), ("/b?c", "here"));
        assert!(met.opens());
        assert_eq!(browser.sent, 3);
        let mut last = String::new();
        while let Ok(request) = seen.try_recv() {
            last = request;
        }
        assert!(last.contains("\r\nCookie: a=1; b=2\r\n"), "{last}");
        assert!(last.contains("\r\nHost: app.test\r\n"), "{last}");
        assert!(browser.fresh().jar.is_empty());
    }

    #[tokio::test]
    async fn a_circle_and_a_way_out_are_told() {
        let (client, _) = application(|line| match line {
            "GET /away HTTP/1.1" => to("https://app.test/x", ""),
            "GET /odd HTTP/1.1" => to("javascript:alert(1)", ""),
            _ => to("/", ""),
        })
        .await;
        let mut browser = Browser::new(&client, origin(), 0);
        let ended = browser.walk(&target("/")).await.unwrap();
        assert!(matches!(ended, Ended::Endless(MOST_HOPS)), "{ended:?}");
        let ended = browser.walk(&target("/away")).await.unwrap();
        assert!(
            matches!(&ended, Ended::Away(url) if url == "https://app.test/x"),
            "{ended:?}"
        );
        let ended = browser.walk(&target("/odd")).await.unwrap();
        assert!(matches!(ended, Ended::Nowhere), "{ended:?}");
    }

    #[tokio::test]
    async fn a_form_is_sent_as_the_page_of_that_origin_sends_it() {
        let (client, mut seen) =
            application(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned()).await;
        let field = |kind, name: &str| Field {
            kind,
            name: name.to_owned(),
            ..Field::default()
        };
        let mut form = Form {
            post: true,
            fields: vec![field(Kind::Text, "user"), field(Kind::Password, "pw")],
            ..Form::default()
        };
        let sent = form.filled(&[("user", "ann"), ("pw", "a b&c")]);
        let mut browser = Browser::new(&client, origin(), 0);
        let (page, action) = (target("/login"), target("/in?x=1"));
        let utf8 = encoding_rs::UTF_8;
        browser
            .submit(&page, &action, &form, &sent, utf8)
            .await
            .unwrap();
        let posted = seen.recv().await.unwrap();
        assert!(posted.starts_with("POST /in?x=1 HTTP/1.1\r\n"), "{posted}");
        assert!(
            posted.contains("\r\nOrigin: http://app.test\r\n"),
            "{posted}"
        );
        assert!(
            posted.contains("\r\nReferer: http://app.test/login\r\n"),
            "{posted}"
        );
        assert!(posted.ends_with("\r\n\r\nuser=ann&pw=a+b%26c"), "{posted}");

        form.post = false;
        browser
            .submit(&page, &action, &form, &sent, utf8)
            .await
            .unwrap();
        let asked = seen.recv().await.unwrap();
        assert!(
            asked.starts_with("GET /in?user=ann&pw=a+b%26c HTTP/1.1\r\n"),
            "{asked}"
        );
        assert!(!asked.contains("Origin:"), "{asked}");
    }

    #[test]
    fn a_challenge_of_http_basic_is_told_from_others() {
        let wants = |status, challenge: &'static str| {
            let mut fields = http::HeaderMap::new();
            fields.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            );
            let answer = Answer {
                status,
                fields,
                body: None,
            };
            let at = target("/");
            Met { at, answer }.wants_basic()
        };
        let no = StatusCode::UNAUTHORIZED;
        assert!(wants(no, "Basic realm=\"x\""));
        assert!(wants(no, "basic"));
        assert!(wants(no, "Negotiate, Basic realm=\"x\""));
        assert!(!wants(no, "Bearer realm=\"Basic things\""));
        assert!(!wants(no, "Digest realm=\"x\""));
        assert!(!wants(StatusCode::OK, "Basic realm=\"x\""));
    }
}
