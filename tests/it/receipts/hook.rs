//! A vendor: it takes messages as a webhook does, and tells of them when a story wants it to.

use std::fs;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex, OnceLock};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;

use crate::support::app::App;
use crate::support::bare::Bare;
use crate::support::browser::Browser;
use crate::support::gate::{Gate, HOST, Setup};
use crate::support::wire::{Answer, connect, read_answer, read_body, read_head};

const KEY: &[u8] = b"the key of both hooks, 32 bytes long";

/// The vendor. It answers every message with a name of its own, `V-1`, `V-2` and so on.
pub struct Hook {
    bare: Bare,
    folder: TempDir,
    messages: Arc<Mutex<Vec<Value>>>,
    gate: Arc<OnceLock<SocketAddr>>,
    hasty: Arc<Mutex<Option<Value>>>,
    down: Arc<Mutex<bool>>,
}

/// The page of a step-up whose code was asked for by text message, and who looks at it.
pub struct Waiting {
    pub browser: Browser,
    pub page: String,
}

impl Hook {
    pub fn new() -> Self {
        let messages = Arc::new(Mutex::new(Vec::new()));
        let gate = Arc::new(OnceLock::new());
        let hasty = Arc::new(Mutex::new(None::<Value>));
        let down = Arc::new(Mutex::new(false));
        let own = (
            Arc::clone(&messages),
            Arc::clone(&gate),
            Arc::clone(&hasty),
            Arc::clone(&down),
        );
        let bare = Bare::new(move |_, stream| {
            let (messages, gate, hasty, down) = &own;
            serve(stream, |message| {
                if *down.lock().unwrap() {
                    return None;
                }
                let mut all = messages.lock().unwrap();
                all.push(message.clone());
                let id = format!("V-{}", all.len());
                drop(all);
                if let Some(mut word) = hasty.lock().unwrap().take() {
                    word["id"] = json!(id);
                    let told = tell(*gate.get().unwrap(), &message, &word);
                    assert_eq!(told.status(), 204, "before the message is answered for");
                }
                Some(id)
            });
        });
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        fs::write(&key, KEY).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        Self {
            bare,
            folder,
            messages,
            gate,
            hasty,
            down,
        }
    }

    /// A gateway that sends texts by one carrier of this vendor and calls by another.
    pub fn gate(&self, app: &App) -> Gate {
        self.start(Setup::new(&app.url()))
    }

    /// The same, from a set-up of the story's own.
    pub fn start(&self, setup: Setup) -> Gate {
        let gate = setup.with(&self.carriers()).start();
        self.gate.set(gate.address).unwrap();
        gate
    }

    fn carriers(&self) -> String {
        let key = self.folder.path().join("key").display().to_string();
        let carrier = |name: &str| {
            format!(
                "[carriers.{name}.webhook]\nurl = \"{}/{name}\"\nsigning_key = \"file:{key}\"\n",
                self.bare.url()
            )
        };
        format!(
            "{}{}[delivery]\nsms = [\"hook\"]\nvoice = [\"spare\"]\npublic_url = \"http://{HOST}\"\n\
             [limits]\nsends_per_hour = {{ number = 100, network = 100 }}\nsends_per_day = {{ number = 100 }}\n",
            carrier("hook"),
            carrier("spare"),
        )
    }

    /// Message number `n`, from 1.
    pub fn message(&self, n: usize) -> Value {
        self.messages.lock().unwrap()[n - 1].clone()
    }

    /// How many messages there are, once all that were asked for are here.
    pub fn count(&self, gate: &Gate) -> usize {
        gate.settle();
        self.messages.lock().unwrap().len()
    }

    /// The code in message number `n`.
    pub fn code(&self, n: usize) -> String {
        let message = self.message(n);
        let text = message["text"].as_str().unwrap();
        let digits: String = text
            .split("Your code is ")
            .nth(1)
            .unwrap_or(text.rsplit(" #").next().unwrap())
            .chars()
            .filter(char::is_ascii_digit)
            .take(6)
            .collect();
        assert_eq!(digits.len(), 6, "{text}");
        digits
    }

    /// Tells this of the next message before it answers for it.
    pub fn is_hasty(&self, word: Value) {
        *self.hasty.lock().unwrap() = Some(word);
    }

    /// From now on it refuses messages.
    pub fn breaks_down(&self) {
        *self.down.lock().unwrap() = true;
    }

    /// Tells of message number `n` by the vendor's name for it.
    pub fn tells(&self, gate: &Gate, n: usize, state: &str) {
        let word = json!({"id": format!("V-{n}"), "state": state});
        let answer = tell(gate.address, &self.message(n), &word);
        assert_eq!((answer.status(), answer.body.len()), (204, 0));
    }

    /// Signs in and asks for a code for another scope: the first two messages.
    pub fn waiting(&self, gate: &Gate) -> Waiting {
        let mut browser = gate.browser();
        let page = browser.ask("/", "ann");
        let count = self.count(gate);
        assert_eq!(browser.answer(&page, &self.code(count)).status(), 303);
        let page = browser.step_up("/admin");
        browser.press(&page, "send");
        assert_eq!(self.count(gate), count + 1);
        Waiting { browser, page }
    }
}

impl Waiting {
    /// The page as it is now.
    pub fn shown(&mut self) -> String {
        let page = self.browser.get(&self.page);
        assert_eq!(page.status(), 200, "{}", page.text());
        page.text()
    }

    /// What the page's script is told.
    pub fn told(&mut self) -> Value {
        let answer = poll(&mut self.browser, &self.page);
        assert_eq!(answer.status(), 200);
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// The state alone.
    pub fn state(&mut self) -> String {
        self.told()["state"].as_str().unwrap().to_owned()
    }
}

/// Asks as the script of a page does.
pub fn poll(browser: &mut Browser, page: &str) -> Answer {
    let fields = [
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "empty"),
        ("sec-fetch-site", "same-origin"),
    ];
    browser.send("GET", &format!("{page}/state"), &fields, b"")
}

/// The path at which the vendor may tell of that message.
pub fn path(message: &Value) -> String {
    let url = message["receipts"]
        .as_str()
        .expect("an address for receipts");
    let path = url.strip_prefix(&format!("http://{HOST}")).expect("ours");
    assert!(path.starts_with("/.countersign/receipts/"), "{path}");
    path.to_owned()
}

/// Posts a word, rightly signed at this time of the gateway's.
pub fn tell(gate: SocketAddr, message: &Value, word: &Value) -> Answer {
    let body = word.to_string();
    post(
        gate,
        &path(message),
        &[&signature(KEY, now(), &body)],
        &body,
    )
}

/// The wall clock, which the gateways of these stories have not put forward.
#[expect(clippy::disallowed_methods, reason = "a vendor has a clock")]
pub fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_secs()
}

/// A line with the signature of a body under the vendor's own key.
pub fn signed(unix: u64, body: &str) -> String {
    signature(KEY, unix, body)
}

/// The same under any key.
pub fn signature(key: &[u8], unix: u64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(format!("{unix}.{body}").as_bytes());
    let hex: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("Countersign-Signature: t={unix},v1={hex}")
}

/// A POST by a machine: no cookies, no Origin, and these lines.
pub fn post(gate: SocketAddr, path: &str, lines: &[&str], body: &str) -> Answer {
    request(gate, "POST", path, lines, body)
}

/// Any request by a machine.
pub fn request(gate: SocketAddr, method: &str, path: &str, lines: &[&str], body: &str) -> Answer {
    let mut stream = connect(gate);
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: vendor/1\r\nContent-Length: {}\r\n{lines}\r\n",
        body.len()
    );
    let bytes = [head.as_bytes(), body.as_bytes()].concat();
    // Who is refused early may not get rid of all of a body; the answer counts.
    drop(stream.get_mut().write_all(&bytes));
    read_answer(&mut stream, method == "HEAD").unwrap()
}

/// Answers every message on a connection with the vendor's name for it, or not at all.
fn serve(mut stream: BufReader<TcpStream>, take: impl Fn(Value) -> Option<String>) {
    while let Some(head) = read_head(&mut stream) {
        let body = read_body(&head, &mut stream, false);
        let message = serde_json::from_slice(&body).unwrap();
        let answer = match take(message) {
            Some(id) => {
                let named = json!({ "id": id }).to_string();
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{named}",
                    named.len()
                )
            }
            None => "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_owned(),
        };
        if stream.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
