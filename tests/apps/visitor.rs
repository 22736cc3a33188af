//! Somebody at a door, over raw sockets: a jar of cookies, forms that are filled in, redirects that are followed.

use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};

use super::tls::{Stream, Trust};
use super::wire::{Answer, connect, read_answer};

/// A browser as far as a server can tell.
#[derive(Clone)]
pub struct Visitor {
    host: &'static str,
    port: u16,
    /// Whom it believes to be that host, over TLS.
    trust: Option<Trust>,
    pub jar: Jar,
}

/// Cookies, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jar(Vec<(String, String)>);

/// What Chromium says of itself when it goes somewhere.
pub const NAVIGATION: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nSec-Fetch-Mode: navigate\r\n\
                              Sec-Fetch-Dest: document\r\nSec-Fetch-Site: same-origin\r\n";

/// More redirects than any of these applications needs.
const MOST_STEPS: usize = 10;

impl Visitor {
    /// Somebody new who calls the server on loopback by this name.
    pub fn at(host: &'static str, port: u16) -> Self {
        Self {
            host,
            port,
            trust: None,
            jar: Jar::default(),
        }
    }

    /// The same over TLS.
    pub fn over_tls(host: &'static str, port: u16, trust: Trust) -> Self {
        Self {
            trust: Some(trust),
            ..Self::at(host, port)
        }
    }

    /// What a browser writes into Origin.
    pub fn origin(&self) -> String {
        let scheme = if self.trust.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.authority())
    }

    /// What a browser writes into Host.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// A new connection to the host, whatever address its name has elsewhere.
    pub fn connect(&self) -> BufReader<Box<dyn Stream>> {
        let plain = connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))).into_inner();
        BufReader::new(match &self.trust {
            Some(trust) => trust.shake_hands(self.host, plain),
            None => Box::new(plain),
        })
    }

    /// Goes to a page; follows nothing.
    pub fn get(&mut self, target: &str) -> Answer {
        self.send("GET", target, NAVIGATION, b"")
    }

    /// Goes to a page and wherever that leads. Gives the target where it ends.
    pub fn walk(&mut self, target: &str) -> (String, Answer) {
        let answer = self.get(target);
        self.follow(target, answer)
    }

    /// Goes where an answer leads. `target` is what it answers.
    pub fn follow(&mut self, target: &str, mut answer: Answer) -> (String, Answer) {
        let mut target = target.to_owned();
        for _ in 0..MOST_STEPS {
            if !matches!(answer.status(), 301..=303) {
                return (target, answer);
            }
            target = location(&answer);
            answer = self.get(&target);
        }
        panic!("round and round, at last to {target}");
    }

    /// Submits a form.
    pub fn post(&mut self, target: &str, form: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        self.post_bytes(target, "application/x-www-form-urlencoded", body.as_bytes())
    }

    /// Submits a form that has a file in it.
    pub fn upload(
        &mut self,
        target: &str,
        form: &[(&str, &str)],
        (field, name, content): (&str, &str, &[u8]),
    ) -> Answer {
        let mut body = Vec::with_capacity(content.len() + 1024);
        let part = |body: &mut Vec<u8>, head: &str, content: &[u8]| {
            body.extend_from_slice(b"--------part\r\nContent-Disposition: form-data; ");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(b"\r\n\r\n");
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        };
        for (name, value) in form {
            part(&mut body, &format!("name=\"{name}\""), value.as_bytes());
        }
        let head = format!(
            "name=\"{field}\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream"
        );
        part(&mut body, &head, content);
        body.extend_from_slice(b"--------part--\r\n");
        self.post_bytes(target, "multipart/form-data; boundary=------part", &body)
    }

    /// Submits whatever as a page of this origin does.
    pub fn post_bytes(&mut self, target: &str, kind: &str, body: &[u8]) -> Answer {
        let fields = format!(
            "{NAVIGATION}Content-Type: {kind}\r\nOrigin: {}\r\n",
            self.origin()
        );
        self.send("POST", target, &fields, body)
    }

    /// Sends any request with the jar's cookies, and keeps those of the answer.
    pub fn send(&mut self, method: &str, target: &str, fields: &str, body: &[u8]) -> Answer {
        let cookies = self.jar.field();
        let answer = self.exchange(method, target, &format!("{fields}{cookies}"), body);
        for line in answer.head.all("set-cookie") {
            self.jar.keep(line);
        }
        answer
    }

    /// One request with exactly these fields besides Host, over a connection of its own.
    pub fn exchange(&self, method: &str, target: &str, fields: &str, body: &[u8]) -> Answer {
        let mut head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\n",
            self.authority()
        );
        if !fields.contains("Connection:") {
            head += "Connection: close\r\n";
        }
        if !body.is_empty() || method == "POST" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head += fields;
        head += "\r\n";
        let mut stream = self.connect();
        // Who is refused early may not get rid of all of a body; the answer counts.
        drop(
            stream
                .get_mut()
                .write_all(&[head.as_bytes(), body].concat()),
        );
        read_answer(&mut stream, method == "HEAD")
            .unwrap_or_else(|| panic!("no answer to {method} {target}"))
    }

    /// Types a code into a code page.
    pub fn enter(&mut self, page: &str, code: &str) -> Answer {
        let shown = self.get(page);
        let token = value_of(&shown.text(), "token");
        self.post(page, &[("token", &token), ("code", code), ("do", "answer")])
    }

    /// Signs out of the gateway.
    pub fn sign_out(&mut self) {
        let at = "/.countersign/sign-out";
        let token = value_of(&self.get(at).text(), "token");
        let left = self.post(at, &[("token", &token)]);
        assert_eq!((left.status(), &*location(&left)), (303, at));
    }

    /// Asks a code page for a code.
    pub fn ask_for_code(&mut self, page: &str) {
        let shown = self.get(page);
        let token = value_of(&shown.text(), "token");
        self.post(page, &[("token", &token), ("do", "send")]);
    }
}

impl Jar {
    /// The value of a cookie.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find_map(|(own, value)| (own == name).then_some(value.as_str()))
    }

    /// The same cookies without the gateway's own.
    pub fn without_ours(&self) -> Self {
        self.filtered(|name| !is_ours(name))
    }

    /// The gateway's own cookies.
    pub fn ours(&self) -> Self {
        self.filtered(is_ours)
    }

    /// These cookies and then those, same names and all.
    pub fn and(&self, other: &Self) -> Self {
        Self([&self.0[..], &other.0].concat())
    }

    /// Each cookie as a jar of its own.
    pub fn each(&self) -> impl Iterator<Item = Self> {
        self.0.iter().map(|pair| Self(vec![pair.clone()]))
    }

    /// The values.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, value)| value.as_str())
    }

    /// The Cookie field with its line end, or nothing.
    pub fn field(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("Cookie: {}\r\n", pairs.join("; "))
    }

    fn filtered(&self, stays: impl Fn(&str) -> bool) -> Self {
        let pairs = self.0.iter().filter(|(name, _)| stays(name));
        Self(pairs.cloned().collect())
    }

    fn keep(&mut self, line: &str) {
        let Some((name, value)) = set_by(line) else {
            return;
        };
        self.0.retain(|(own, _)| own != name);
        if let Some(value) = value {
            self.0.push((name.to_owned(), value.to_owned()));
        }
    }
}

/// Name and value of a Set-Cookie field; no value where it takes the cookie away.
pub fn set_by(line: &str) -> Option<(&str, Option<&str>)> {
    let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
    let (name, value) = pair.trim().split_once('=')?;
    let attributes = attributes.to_ascii_lowercase();
    let ends = attributes.contains("max-age=0") || attributes.contains("expires=thu, 01 jan 1970");
    Some((name, (!ends).then_some(value)))
}

/// How the application's cookies look that an answer sets, in their order: names and attributes as they are; of the values and
/// dates, which differ from login to login, the signs that a parser could take for its own (quotes come and go with the value).
pub fn shapes(answer: &Answer) -> Vec<String> {
    let lines = answer.head.all("set-cookie").into_iter();
    let theirs = lines.filter(|line| set_by(line).is_some_and(|(name, _)| !is_ours(name)));
    theirs
        .map(|line| {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let signs: String = value.chars().filter(|c| "|:, \\".contains(*c)).collect();
            let lasting: Vec<&str> = attributes
                .split(';')
                .filter(|own| !own.trim().to_ascii_lowercase().starts_with("expires="))
                .collect();
            format!("{name}={signs};{}", lasting.join(";"))
        })
        .collect()
}

fn is_ours(name: &str) -> bool {
    name.starts_with("__Host-countersign-")
}

/// Path and query of an answer's Location.
pub fn location(answer: &Answer) -> String {
    let to = answer.field("location").unwrap_or_default();
    match to.split_once("://") {
        Some((_, rest)) => rest
            .find('/')
            .map_or_else(|| "/".to_owned(), |at| rest[at..].to_owned()),
        None => to.to_owned(),
    }
}

/// The address of the code page that an answer leads to. It brings nothing of the application's.
pub fn code_page(answer: &Answer) -> String {
    assert_eq!(
        answer.status(),
        303,
        "{}\n{}",
        answer.head.raw,
        answer.text()
    );
    let page = location(answer);
    assert!(page.starts_with("/.countersign/c/"), "{page}");
    for line in answer.head.all("set-cookie") {
        assert!(
            set_by(line).is_none_or(|(name, value)| is_ours(name) || value.is_none()),
            "{line}"
        );
    }
    page
}

/// The value of an input of a page.
pub fn value_of(page: &str, name: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap_or_else(|| panic!("no {name} in {page}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}
