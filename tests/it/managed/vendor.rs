//! A vendor of both kinds: it makes codes, and says whether what was typed is one.

use std::collections::HashMap;
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

use crate::support::bare::Bare;
use crate::support::wire::{read_body, read_head};

/// The vendor. Its codes are 100001, 100002 and so on.
pub struct Vendor {
    bare: Bare,
    desk: Arc<Desk>,
}

#[derive(Default)]
struct Desk {
    book: Mutex<Book>,
    moved: Condvar,
}

#[derive(Default)]
struct Book {
    /// Codes that nobody has typed yet: with MFA by number and scope, with Verify by the verification.
    open: HashMap<String, String>,
    /// Verify's verifications that are open, by number.
    pending: HashMap<String, String>,
    made: usize,
    newest: String,
    checked: usize,
    says: Option<&'static str>,
    /// Who is told that a check has come, and that it is not answered for now.
    held: Option<Sender<()>>,
}

impl Vendor {
    pub fn new() -> Self {
        let desk = Arc::<Desk>::default();
        let own = Arc::clone(&desk);
        let bare = Bare::new(move |_, stream| serve(&own, stream));
        Self { bare, desk }
    }

    pub fn url(&self) -> String {
        self.bare.url()
    }

    /// The code that it sent last.
    pub fn newest(&self) -> String {
        self.book(|book| book.newest.clone())
    }

    /// How often it was asked about one.
    pub fn checked(&self) -> usize {
        self.book(|book| book.checked)
    }

    /// From now on it answers so to every question about a code; `None`: as it should.
    pub fn says(&self, line: Option<&'static str>) {
        self.book(|book| book.says = line);
    }

    /// It takes the next question about a code, says so here, and does not answer for now.
    pub fn holds_back(&self) -> Receiver<()> {
        let (sender, receiver) = channel();
        self.book(|book| book.held = Some(sender));
        receiver
    }

    /// It answers again.
    pub fn goes_on(&self) {
        self.book(|book| book.held = None);
        self.desk.moved.notify_all();
    }

    fn book<T>(&self, look: impl FnOnce(&mut Book) -> T) -> T {
        look(&mut self.desk.book.lock().unwrap())
    }
}

fn serve(desk: &Desk, mut stream: BufReader<TcpStream>) {
    while let Some(head) = read_head(&mut stream) {
        let body = read_body(&head, &mut stream, false);
        let path = head.raw.split(' ').nth(1).unwrap().to_owned();
        let fields: Value = if path.starts_with("/mfa/") {
            serde_json::from_slice(&body).unwrap()
        } else {
            let pairs = form_urlencoded::parse(&body);
            pairs
                .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let (status, said) = desk.answer(&path, &fields);
        let said = said.to_string();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nLocation: /\r\nContent-Length: {}\r\n\r\n{said}",
            said.len()
        );
        if stream.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

impl Desk {
    fn answer(&self, path: &str, fields: &Value) -> (&'static str, Value) {
        let field = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
        let mut book = self.book.lock().unwrap();
        match path.rsplit('/').next().unwrap() {
            way @ ("messaging" | "voice") => {
                assert!(field("message").contains("{CODE}"), "{fields}");
                book.make(field("to") + &field("scope"));
                let name = if way == "voice" {
                    "callId"
                } else {
                    "messageId"
                };
                ("200 OK", json!({ name: format!("m-{}", book.made) }))
            }
            "Verifications" => {
                let sid = if let Some(sid) = book.pending.get(&field("To")).cloned() {
                    book.newest = book.open[&sid].clone();
                    sid
                } else {
                    let sid = format!("VE{:032}", book.made + 1);
                    book.make(sid.clone());
                    book.pending.insert(field("To"), sid.clone());
                    sid
                };
                (
                    "201 Created",
                    json!({ "sid": sid, "status": "pending", "valid": false }),
                )
            }
            "verify" => {
                let right = self.right(book, &(field("to") + &field("scope")), &field("code"));
                right.unwrap_or_else(|right| ("200 OK", json!({ "valid": right == Some(true) })))
            }
            "VerificationCheck" => {
                let sid = field("VerificationSid");
                let right = self.right(book, &sid, &field("Code"));
                right.unwrap_or_else(|right| match right {
                    None => ("404 Not Found", json!({ "code": 20404, "status": 404 })),
                    Some(right) => {
                        let status = if right { "approved" } else { "pending" };
                        (
                            "200 OK",
                            json!({ "sid": sid, "status": status, "valid": right }),
                        )
                    }
                })
            }
            _ => panic!("{path}"),
        }
    }

    /// Whether that is the code under a name, which is then used up; `None` if there is none. Or what it says instead.
    fn right(
        &self,
        mut book: std::sync::MutexGuard<'_, Book>,
        name: &str,
        typed: &str,
    ) -> Result<(&'static str, Value), Option<bool>> {
        book.checked += 1;
        if let Some(line) = book.says {
            return Ok((line, json!("odd")));
        }
        if let Some(sender) = &book.held
            && sender.send(()).is_ok()
        {
            book = self
                .moved
                .wait_while(book, |book| book.held.is_some())
                .unwrap();
        }
        let right = book.open.get(name).map(|code| code == typed);
        if right == Some(true) {
            book.open.remove(name);
            book.pending.retain(|_, sid| sid != name);
        }
        Err(right)
    }
}

impl Book {
    fn make(&mut self, name: String) {
        self.made += 1;
        self.newest = format!("{}", 100_000 + self.made);
        self.open.insert(name, self.newest.clone());
    }
}
