//! Bandwidth's own SDKs, each a process of its own that makes the calls it is told to.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::gate::{ACCOUNT, FROM, PASSWORD, USER};

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Python23,
    Python14,
    Node8,
}

/// One that runs.
pub(crate) struct Sdk {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// One call to be made.
#[derive(Clone)]
pub(crate) struct Call {
    name: &'static str,
    body: Value,
    account: &'static str,
    user: &'static str,
    password: &'static str,
    oauth: bool,
}

impl Sdk {
    /// Starts it, pointed at `url`. `None` where it is not installed, which is said.
    pub(crate) fn start(kind: Kind, url: &str) -> Option<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api");
        let (program, script) = match kind {
            Kind::Python23 => (vendors().join("venv-bandwidth/bin/python"), "python.py"),
            Kind::Python14 => (vendors().join("venv-bandwidth-old/bin/python"), "python.py"),
            Kind::Node8 => (PathBuf::from("node"), "node.mjs"),
        };
        let needed = match kind {
            Kind::Node8 => vendors().join("node_modules/bandwidth-sdk"),
            _ => program.clone(),
        };
        if !installed(&needed) {
            return None;
        }
        let mut child = Command::new(program)
            .arg(here.join(script))
            .arg(url)
            .arg(vendors())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Some(Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        })
    }

    /// Makes a call; the status and the body as the SDK gives them.
    pub(crate) fn make(&mut self, call: &Call) -> (u64, Value) {
        let told = self.tell(call);
        (told["status"].as_u64().unwrap(), told["body"].clone())
    }

    /// Makes a call; the name of what the SDK raises, or an empty one.
    pub(crate) fn raises(&mut self, call: &Call) -> String {
        let told = self.tell(call);
        told["raised"].as_str().unwrap_or_default().to_owned()
    }

    fn tell(&mut self, call: &Call) -> Value {
        let asked = json!({ "call": call.name, "account": call.account, "body": call.body,
            "user": call.user, "password": call.password, "oauth": call.oauth });
        writeln!(self.input.as_mut().unwrap(), "{asked}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the SDK ended at {asked}: {line}"))
    }
}

impl Drop for Sdk {
    fn drop(&mut self) {
        // It ends when nothing more can come.
        drop(self.input.take());
        drop(self.child.wait());
    }
}

impl Call {
    /// Send a code by text message.
    pub(crate) fn messaging(to: &str, scope: &str) -> Self {
        Self::new("messaging", order(to, scope))
    }

    /// Say one on the phone.
    pub(crate) fn voice(to: &str, scope: &str) -> Self {
        Self::new("voice", order(to, scope))
    }

    /// Is this the code?
    pub(crate) fn verify(to: &str, scope: &str, code: &str) -> Self {
        let body = json!({ "to": to, "scope": scope, "expirationTimeInMinutes": 3, "code": code });
        Self::new("verify", body)
    }

    fn new(name: &'static str, body: Value) -> Self {
        Self {
            name,
            body,
            account: ACCOUNT,
            user: USER,
            password: PASSWORD,
            oauth: false,
        }
    }

    /// With another value of one field.
    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.body[field] = value.into();
        self
    }

    /// With this login.
    pub(crate) fn by(mut self, user: &'static str, password: &'static str) -> Self {
        (self.user, self.password) = (user, password);
        self
    }

    /// For this account.
    pub(crate) fn of_account(mut self, account: &'static str) -> Self {
        self.account = account;
        self
    }

    /// With a token.
    pub(crate) fn oauth(mut self, oauth: bool) -> Self {
        self.oauth = oauth;
        self
    }
}

/// A good order. The text holds what [`Messages`](super::support::gate::Messages) looks for.
pub(crate) fn order(to: &str, scope: &str) -> Value {
    json!({ "to": to, "from": FROM, "applicationId": "66fd98ae", "scope": scope,
        "message": "{NAME} {SCOPE}: Your code is {CODE}.", "digits": 6 })
}

/// Where the vendors' own programs were installed.
pub(crate) fn vendors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vendors")
}

/// Whether it is there; if not, that is said.
pub(crate) fn installed(path: &Path) -> bool {
    let is = path.exists();
    if !is {
        eprintln!(
            "skipped: there is no {}; tests/vendors/install installs it",
            path.display()
        );
    }
    is
}
