//! Somebody who has come by cookies and passwords, and tries every door with every one of them.

use base64::prelude::{BASE64_STANDARD, Engine};

use super::gate::{Application, Gate};
use super::visitor::{Jar, NAVIGATION, Visitor, set_by};
use super::wire::Answer;

/// A way in that somebody might find.
pub struct Door {
    /// `GET /path`.
    pub line: &'static str,
    /// A form, urlencoded, or JSON.
    pub body: &'static str,
    /// Whether the application itself shows something private there to who has a session: what no gateway guards is open.
    pub opens: bool,
}

/// The doors of an application, and how a break-in is known.
pub struct Burglar<'a> {
    pub gate: &'a Gate,
    pub app: &'a Application,
    pub doors: &'a [Door],
    /// Words that stand on private pages only.
    pub marks: &'a [&'a str],
    /// How names of cookies begin that make a session.
    pub sessions: &'a [&'a str],
    pub password: &'a str,
}

impl Door {
    pub const fn opens(line: &'static str) -> Self {
        Self {
            line,
            body: "",
            opens: true,
        }
    }

    pub const fn opens_with(line: &'static str, body: &'static str) -> Self {
        Self {
            line,
            body,
            opens: true,
        }
    }

    pub const fn shut(line: &'static str) -> Self {
        Self {
            line,
            body: "",
            opens: false,
        }
    }

    pub const fn shut_with(line: &'static str, body: &'static str) -> Self {
        Self {
            line,
            body,
            opens: false,
        }
    }
}

impl Burglar<'_> {
    /// The table of doors is true: without a gateway they open, with `session`, as it says.
    pub fn knows_the_application(&self, session: &Jar) {
        let visitor = self.app.visitor();
        for door in self.doors {
            let answer = knock(&visitor, door, &format!("{NAVIGATION}{}", session.field()));
            let shown = self.marks_in(&answer);
            assert_eq!(
                !shown.is_empty(),
                door.opens,
                "{} {:?} shows {shown:?} at the application itself: {}",
                door.line,
                door.body,
                answer.head.first
            );
        }
    }

    /// With these cookies, each alone, each jar with and without ours, and all of them together, nothing private is shown
    /// and no session handed out: to browsers, scripts, and who sends somebody's password along.
    pub fn gets_nothing(&self, loot: &[&Jar]) {
        let nothing = Jar::default();
        let all = loot.iter().fold(nothing.clone(), |all, jar| all.and(jar));
        let backwards = loot.iter().fold(nothing.clone(), |all, jar| jar.and(&all));
        let mut jars = vec![nothing, all.clone(), backwards, all.without_ours()];
        for jar in loot {
            jars.extend([(*jar).clone(), jar.without_ours()]);
        }
        jars.extend(all.each());
        let mut tried = Vec::new();
        jars.retain(|jar| {
            let new = !tried.contains(jar);
            tried.push(jar.clone());
            new
        });

        let basic = |user: &str| {
            let pair = BASE64_STANDARD.encode(format!("{user}:{}", self.password));
            format!("Authorization: Basic {pair}\r\n")
        };
        let manners = [
            NAVIGATION.to_owned(),
            String::new(),
            "Accept: application/json\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"
                .to_owned(),
            basic("alice") + NAVIGATION,
            basic("bob") + "Accept: application/json\r\nX-Requested-With: XMLHttpRequest\r\n",
        ];
        let visitor = self.gate.visitor();
        for jar in &jars {
            for manner in &manners {
                for door in self.doors {
                    let answer = knock(&visitor, door, &format!("{manner}{}", jar.field()));
                    let shown = self.marks_in(&answer);
                    assert!(
                        shown.is_empty(),
                        "{} {:?} with {manner:?} and {jar:?} shows {shown:?}:\n{}{}",
                        door.line,
                        door.body,
                        answer.head.raw,
                        answer.text()
                    );
                    self.no_session_in(&answer, door);
                }
            }
        }
    }

    fn no_session_in(&self, answer: &Answer, door: &Door) {
        for line in answer.head.all("set-cookie") {
            let given = set_by(line).filter(|(_, value)| value.is_some());
            let is_session = |name: &str| self.sessions.iter().any(|own| name.starts_with(own));
            assert!(
                !given.is_some_and(|(name, _)| is_session(name)),
                "{} {:?} hands out {line}",
                door.line,
                door.body
            );
        }
    }

    fn marks_in(&self, answer: &Answer) -> Vec<&str> {
        let all = format!("{}{}", answer.head.raw, answer.text());
        let shown = self.marks.iter().filter(|mark| all.contains(**mark));
        shown.copied().collect()
    }
}

fn knock(visitor: &Visitor, door: &Door, fields: &str) -> Answer {
    let (method, target) = door.line.split_once(' ').expect("a method and a target");
    if method == "GET" {
        return visitor.exchange(method, target, fields, b"");
    }
    let kind = if door.body.starts_with('{') {
        "application/json"
    } else {
        "application/x-www-form-urlencoded"
    };
    let origin = visitor.origin();
    visitor.exchange(
        method,
        target,
        &format!("Content-Type: {kind}\r\nOrigin: {origin}\r\n{fields}"),
        door.body.as_bytes(),
    )
}
