//! Somebody whose browser sends a name and a password with every request: HTTP Basic.

use base64::prelude::{BASE64_STANDARD, Engine};

use super::gate::Gate;
use super::visitor::{NAVIGATION, Visitor, code_page, location};
use super::wire::Answer;

/// A visitor, and what they have typed into their browser's own window.
#[derive(Clone)]
pub struct Known {
    pub visitor: Visitor,
    /// The field, with its line end.
    pub field: String,
}

/// The Authorization field of somebody, with its line end.
pub fn field(user: &str, password: &str) -> String {
    let pair = BASE64_STANDARD.encode(format!("{user}:{password}"));
    format!("Authorization: Basic {pair}\r\n")
}

impl Known {
    pub fn new(visitor: Visitor, user: &str, password: &str) -> Self {
        Self {
            visitor,
            field: field(user, password),
        }
    }

    /// Goes to a page.
    pub fn get(&mut self, target: &str) -> Answer {
        let fields = format!("{NAVIGATION}{}", self.field);
        self.visitor.send("GET", target, &fields, b"")
    }

    /// What a page's script sends.
    pub fn script(&mut self, method: &str, target: &str, kind: &str, body: &[u8]) -> Answer {
        let fields = format!(
            "Accept: */*\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Site: same-origin\r\n\
             Content-Type: {kind}\r\nOrigin: {}\r\n{}",
            self.visitor.origin(),
            self.field
        );
        self.visitor.send(method, target, &fields, body)
    }

    /// What a program sends that is no browser: no cookies, and nothing about itself.
    pub fn program(&self, method: &str, target: &str, fields: &str, body: &[u8]) -> Answer {
        let fields = format!(
            "Accept: */*\r\nUser-Agent: program/1.0\r\n{fields}{}",
            self.field
        );
        self.visitor.exchange(method, target, &fields, body)
    }

    /// The whole way to a page: the password, the code, and the page itself. Gives whom the message went to, too.
    pub fn pass(&mut self, gate: &mut Gate, target: &str) -> (String, Answer) {
        let page = code_page(&self.get(target));
        let message = gate.message();
        let released = self.visitor.enter(&page, &message.code);
        assert_eq!(released.status(), 303, "{}", released.text());
        assert_eq!(location(&released), target);
        (message.to, self.get(target))
    }
}
