//! A browser as far as the gateway can tell: it keeps cookies, follows forms, and sends what Chromium sends.

use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use cookie::Cookie;

use super::gate::Messages;
use super::wire::{Answer, connect, read_answer};

/// A browser at one site.
#[derive(Clone)]
pub struct Browser {
    address: SocketAddr,
    host: String,
    /// The address that a trusted proxy tells of it.
    pub from: Option<String>,
    /// Its jar, by name.
    pub jar: BTreeMap<String, String>,
}

impl Browser {
    /// A new one that finds `host` at `address`.
    pub fn new(address: SocketAddr, host: &str) -> Self {
        Self {
            address,
            host: host.to_owned(),
            from: None,
            jar: BTreeMap::new(),
        }
    }

    /// The same browser, which finds the host at another address now.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self {
            address,
            ..self.clone()
        }
    }

    /// The value of one of the gateway's cookies, by what stands behind the site's name.
    pub fn cookie(&self, suffix: &str) -> Option<&str> {
        self.jar
            .get(&format!("__Host-countersign-app{suffix}"))
            .map(String::as_str)
    }

    /// Goes to a path.
    pub fn get(&mut self, path: &str) -> Answer {
        self.send(
            "GET",
            path,
            &[
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
                ("sec-fetch-site", "none"),
            ],
            b"",
        )
    }

    /// Submits a form.
    pub fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let stream = self.begin_post(path, form);
        self.finish("POST", stream)
    }

    /// Submits a form and does not wait for the answer.
    pub fn begin_post(&self, path: &str, form: &[(&str, &str)]) -> BufReader<TcpStream> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let origin = format!("http://{}", self.host);
        let fields = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", origin.as_str()),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
            ("sec-fetch-site", "same-origin"),
        ];
        self.begin("POST", path, &fields, body.as_bytes())
    }

    /// Sends any request with its cookies and keeps the answer's.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let stream = self.begin(method, path, fields, body);
        self.finish(method, stream)
    }

    fn begin(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> BufReader<TcpStream> {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
            self.host
        );
        if let Some(cookies) = self.cookies() {
            head.push_str(&format!("Cookie: {cookies}\r\n"));
        }
        if let Some(from) = &self.from {
            head.push_str(&format!("X-Forwarded-For: {from}\r\n"));
        }
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut stream = connect(self.address);
        // Who is refused early may not get rid of all of a body; the answer counts.
        drop(
            stream
                .get_mut()
                .write_all(&[head.as_bytes(), body].concat()),
        );
        stream
    }

    /// Waits for the answer to what was begun, and keeps its cookies.
    pub fn finish(&mut self, method: &str, mut stream: BufReader<TcpStream>) -> Answer {
        let mut answer = read_answer(&mut stream, method == "HEAD").expect("an answer");
        while answer.status() == 100 {
            answer = read_answer(&mut stream, method == "HEAD").expect("an answer after 100");
        }
        self.keep(&answer);
        answer
    }

    /// The Cookie field, if there is anything to send.
    pub fn cookies(&self) -> Option<String> {
        let all: Vec<String> = self
            .jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Keeps the cookies of an answer.
    pub fn keep(&mut self, answer: &Answer) {
        for line in answer.head.all("set-cookie") {
            let cookie = Cookie::parse(line.to_owned()).unwrap();
            if cookie
                .max_age()
                .is_some_and(cookie::time::SignedDuration::is_zero)
            {
                self.jar.remove(cookie.name());
            } else {
                self.jar
                    .insert(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
    }

    /// Names itself on the ask page that `path` leads to. Gives the address of the code page.
    pub fn ask(&mut self, path: &str, user: &str) -> String {
        let to_ask = self.get(path);
        assert_eq!(to_ask.status(), 303, "{}", to_ask.text());
        let ask = path_of(to_ask.field("location").unwrap());
        assert!(ask.starts_with("/.countersign/ask/"), "{ask}");
        let page = self.get(&ask);
        assert_eq!(page.status(), 200, "{}", page.text());
        let answer = self.post(&ask, &[("token", &token(&page)), ("name", user)]);
        assert_eq!(answer.status(), 303, "{}", answer.text());
        path_of(answer.field("location").unwrap())
    }

    /// Presses a button of the code page: `send`, `voice`, `cancel`.
    pub fn press(&mut self, page: &str, what: &str) -> Answer {
        let shown = self.get(page);
        self.post(page, &[("token", &token(&shown)), ("do", what)])
    }

    /// Types a code into the code page.
    pub fn answer(&mut self, page: &str, code: &str) -> Answer {
        let shown = self.get(page);
        assert!(
            matches!(shown.status(), 200 | 429),
            "{} {}",
            shown.status(),
            shown.text()
        );
        self.post(
            page,
            &[("token", &token(&shown)), ("code", code), ("do", "answer")],
        )
    }

    /// The whole way through the ask page, with the code from the messages. Gives the answer to the right code.
    pub fn pass_ask(&mut self, path: &str, user: &str, messages: &Messages) -> Answer {
        let before = messages.count();
        let page = self.ask(path, user);
        let answer = self.answer(&page, &messages.after(before));
        assert_eq!(answer.status(), 303, "{}", answer.text());
        assert!(
            !path_of(answer.field("location").unwrap()).starts_with("/.countersign/c/"),
            "the code was refused: {}",
            self.get(&page).text()
        );
        answer
    }

    /// The whole way through a step-up: `path` leads to a page with a button, that to a code.
    pub fn pass_step_up(&mut self, path: &str, messages: &Messages) -> Answer {
        let page = self.step_up(path);
        let before = messages.count();
        self.press(&page, "send");
        self.answer(&page, &messages.after(before))
    }

    /// Goes to a path of another scope. Gives the address of the code page.
    pub fn step_up(&mut self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status(), 303, "{}", answer.text());
        let page = path_of(answer.field("location").unwrap());
        assert!(page.starts_with("/.countersign/c/"), "{page}");
        page
    }
}

/// The hidden token of a page's first form.
pub fn token(page: &Answer) -> String {
    let text = page.text();
    let (_, rest) = text
        .split_once("name=\"token\" value=\"")
        .unwrap_or_else(|| panic!("no form in {text}"));
    rest.split('"').next().unwrap().to_owned()
}

/// The path of an address, relative or absolute.
pub fn path_of(location: &str) -> String {
    match location.split_once("://") {
        Some((_, rest)) => rest
            .find('/')
            .map_or_else(|| "/".to_owned(), |at| rest[at..].to_owned()),
        None => location.to_owned(),
    }
}
