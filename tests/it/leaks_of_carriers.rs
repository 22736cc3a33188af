//! What no carrier writes down, whatever its vendor says: codes, whole numbers, mail addresses, credentials (C8).
//!
//! Each story has the real gateway with one kind of carrier, a log at its most talkative, and a vendor that answers
//! with all it was told. Everything that came out is searched: the log, every page and every answer.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use countersign::observe::{self, Format};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha1::Sha1;
use sha2::Sha256;
use tempfile::TempDir;
use tracing_subscriber::fmt::MakeWriter;

use self::mail::Server;
use self::vendor::{Echo, Mood, Vendor, code_in, decoded};
use crate::support::app::App;
use crate::support::browser::{Browser, token};
use crate::support::gate::{Gate, HOST, Setup, other_than};
use crate::support::wire::Answer;

mod mail;
mod vendor;

/// The number of everybody here, without what stands before it, and the mail address.
const ANN: &str = "2025550143";
const MAIL: &str = "leaks-mailed@example.com";

/// The code that vendors draw who draw it themselves.
const DRAWN: &str = "735164";

/// One of the secrets that all tests share.
fn secret(name: &str) -> &'static str {
    let all = include_str!("../secrets.txt").lines();
    let mut pairs = all.filter_map(|line| line.split_once(' '));
    let (_, value) = pairs.find(|(own, _)| *own == name).expect("it is listed");
    value.trim()
}

/// All moods in which a vendor that speaks HTTP can be.
const MOODS: [Mood; 20] = [
    Mood::Takes,
    Mood::Names,
    Mood::Repeats(200, Echo::Number),
    Mood::Repeats(200, Echo::Code),
    Mood::Repeats(200, Echo::Credentials),
    Mood::Repeats(302, Echo::Everything),
    Mood::Repeats(400, Echo::Number),
    Mood::Repeats(400, Echo::Code),
    Mood::Repeats(400, Echo::Credentials),
    Mood::Repeats(401, Echo::Credentials),
    Mood::Repeats(403, Echo::Code),
    Mood::Repeats(404, Echo::Number),
    Mood::Repeats(422, Echo::Everything),
    Mood::Repeats(429, Echo::Code),
    Mood::Repeats(500, Echo::Everything),
    Mood::Repeats(503, Echo::Number),
    Mood::Garbage,
    Mood::Half,
    Mood::HangsUp,
    Mood::Silent,
];

/// One story: a gateway whose second scope sends by the carrier `odd`, and everything that comes out of it.
struct Story {
    gate: Gate,
    written: Log,
    codes: BTreeSet<String>,
    keys: TempDir,
    _app: App,
}

/// Everything that was logged, and every answer that anybody got.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

/// Of a process, as a log is.
static WRITTEN: OnceLock<Log> = OnceLock::new();

/// Somebody before the page that asks for a code by the carrier `odd`.
struct Waiting {
    browser: Browser,
    page: String,
}

impl Story {
    /// `kind` is the last name of the carrier's table, `lines` are its lines, with `KEYS` for the folder of secrets.
    fn of(channel: &str, kind: &str, lines: &str) -> Self {
        let keys = tempfile::tempdir().unwrap();
        for line in include_str!("../secrets.txt").lines() {
            let name = line.split(' ').next().unwrap_or_default();
            if !name.is_empty() && name != "#" {
                let path = keys.path().join(name);
                fs::write(&path, secret(name)).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
        let lines = lines.replace("KEYS", &keys.path().display().to_string());
        let written = WRITTEN.get_or_init(|| {
            let written = Log::default();
            let logger = observe::logger(Format::Text, "trace", written.clone());
            tracing::dispatcher::set_global_default(logger).unwrap();
            written
        });
        let first = if channel == "voice" { "sms" } else { "voice" };
        let other = if channel == "email" {
            "sms = [\"paper\"]\n"
        } else {
            ""
        };
        let app = App::new();
        let gate = Setup::new(&app.url())
            .users(&format!(
                "[[user]]\nname = \"ann\"\nphone = \"+1{ANN}\"\nemail = \"{MAIL}\"\n"
            ))
            .with(&format!(
                "[scopes.login]\ntitle = \"Sign in\"\nchannels = [\"{first}\"]\n\
                 [scopes.admin]\ntitle = \"Administration\"\nchannels = [\"{channel}\"]\n\
                 [carriers.odd.{kind}]\ntimeout = \"1s\"\n{lines}\n\
                 [delivery]\n{first} = [\"paper\"]\n{channel} = [\"odd\"]\n{other}public_url = \"http://{HOST}\"\nfictional = true\n\
                 [limits]\nsends_per_hour = {{ number = 100, network = 100 }}\nsends_per_day = {{ number = 100 }}\n\
                 wrong_per_hour = 100\n"
            ))
            .start();
        Self {
            gate,
            written: written.clone(),
            codes: BTreeSet::from([DRAWN.to_owned()]),
            keys,
            _app: app,
        }
    }

    /// Signs in, goes on to the second scope and has a code sent by the carrier.
    fn waiting(&mut self) -> Waiting {
        let mut browser = self.gate.browser();
        browser.pass_ask("/", "ann", &self.gate.messages);
        self.codes
            .insert(self.gate.messages.code(self.gate.messages.count()));
        let page = browser.step_up("/admin");
        let shown = browser.get(&page);
        let text = shown.text();
        let button = text.split("name=\"do\" value=\"").nth(1).unwrap();
        let button = button.split('"').next().unwrap();
        let form = [("token", &*token(&shown)), ("do", button)];
        let pressed = browser.post(&page, &form);
        self.gate.settle();
        let mut waiting = Waiting { browser, page };
        self.keep(&pressed);
        self.look(&mut waiting);
        waiting
    }

    /// Looks at the page, and asks as its script does.
    fn look(&mut self, waiting: &mut Waiting) {
        for path in [waiting.page.clone(), format!("{}/state", waiting.page)] {
            let shown = waiting.browser.get(&path);
            self.keep(&shown);
        }
    }

    /// Types a code and looks at what comes of it.
    fn answer(&mut self, waiting: &mut Waiting, code: &str) {
        let answer = waiting.browser.answer(&waiting.page.clone(), code);
        self.keep(&answer);
        self.look(waiting);
    }

    /// A vendor's request to one of our own addresses.
    fn tell(&mut self, path: &str, lines: &[String], body: &str) -> u16 {
        let mut stream = crate::support::wire::connect(self.gate.address);
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\n{lines}\r\n{body}",
            body.len()
        );
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        let answer = crate::support::wire::read_answer(&mut stream, false).unwrap();
        self.keep(&answer);
        answer.status()
    }

    /// The same at the address of the carrier's receipts, and at one with another secret.
    fn receipt(&mut self, lines: &[String], body: &str) -> u16 {
        let path = self.receipts();
        self.tell(&format!("{path}x"), lines, body);
        self.tell(&path, lines, body)
    }

    fn receipts(&self) -> String {
        let secret = self.gate.running().flow().ring.receipt_secret("odd");
        format!("/.countersign/receipts/odd/{secret}")
    }

    fn keep(&mut self, answer: &Answer) {
        let mut written = self.written.0.lock().unwrap();
        written.extend_from_slice(answer.head.raw.as_bytes());
        written.extend_from_slice(&answer.body);
    }

    /// Goes through every mood of a vendor of a carrier that has our code.
    fn through_all_moods(&mut self, vendor: &Vendor) {
        for mood in MOODS {
            vendor.is(mood);
            let mut waiting = self.waiting();
            self.answer(&mut waiting, "000000");
        }
        self.codes.extend(vendor.codes());
    }

    /// Stops the gateway and searches everything that it wrote. `told` are lines that must be there: that it was heard.
    fn ends(self, told: &[&str]) {
        let secret_path = self.receipts();
        let path_secret = secret_path.rsplit('/').next().unwrap().to_owned();
        drop(self.gate);
        drop(self.keys);
        let written = String::from_utf8_lossy(&self.written.0.lock().unwrap()).into_owned();
        for line in told {
            assert!(
                written.contains(line),
                "nothing tells of {line:?}: {written}"
            );
        }
        let mut all = vec![path_secret];
        for line in include_str!("../secrets.txt").lines() {
            if let Some((name, value)) = line.split_once(' ').filter(|(name, _)| *name != "#") {
                assert!(!name.is_empty());
                all.extend(forms(value.trim()));
            }
        }
        for pair in [
            ("api-user", "bandwidth"),
            ("receipts", "callbacks"),
            ("client", "client"),
        ]
        .into_iter()
        .chain([
            (ACCOUNT, "twilio"),
            (KEY, "twilio_key"),
            ("vendor", "vendor_password"),
        ]) {
            all.push(STANDARD.encode(format!("{}:{}", pair.0, secret(pair.1))));
        }
        all.push(STANDARD.encode(format!("\0codes\0{}", secret("smtp"))));
        all.extend(["(202) 555-0143", "202-555-0143", "202.555.0143"].map(str::to_owned));
        for secret in all {
            if let Some(at) = written.find(&secret) {
                panic!("{secret} was written: {}", around(&written, at));
            }
        }
        assert!(self.codes.len() > 1, "no code was sent");
        for code in &self.codes {
            let digits: Vec<String> = code.chars().map(String::from).collect();
            for apart in [", ", " ", "-", "<break time='500ms'/>"] {
                assert!(!written.contains(&digits.join(apart)), "code {code}, said");
            }
            for (at, _) in written.match_indices(code.as_str()) {
                let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
                let (before, after) = (&written[..at], &written[at + code.len()..]);
                let longer = digit(before.chars().next_back()) || digit(after.chars().next());
                // A log's times have six digits behind the point, too.
                let time = before.ends_with('.') && after.starts_with('Z');
                assert!(longer || time, "code {code}: {}", around(&written, at));
            }
        }
        assert!(
            written.contains("••••43") || written.contains("••••@"),
            "{written}"
        );
    }
}

/// A secret as it is, and as it is written in headers, addresses and dumps.
fn forms(secret: &str) -> Vec<String> {
    let percent = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
    let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![
        secret.to_owned(),
        percent.to_string(),
        form,
        STANDARD.encode(secret),
        URL_SAFE.encode(secret),
        hex,
    ];
    all.dedup();
    all
}

fn around(text: &str, at: usize) -> String {
    let start = text[..at]
        .char_indices()
        .rev()
        .nth(300)
        .map_or(0, |(at, _)| at);
    text[start..].chars().take(700).collect()
}

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const KEY: &str = "SK0123456789abcdef0123456789abcdef";

fn hmac<M: Mac + KeyInit>(key: &str, text: &str) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn basic(name: &str, password: &str) -> String {
    let pair = STANDARD.encode(format!("{name}:{password}"));
    format!("Authorization: Basic {pair}")
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn c8_nothing_of_a_signed_webhook_is_written_down() {
    let vendor = Vendor::new();
    let lines = format!(
        "url = \"{}/send\"\nsigning_key = \"file:KEYS/hook\"\nfrom = [\"+12025550101\"]",
        vendor.url()
    );
    for channel in ["sms", "voice"] {
        let mut story = Story::of(channel, "webhook", &lines);
        story.through_all_moods(&vendor);
        vendor.is(Mood::Takes);
        let mut waiting = story.waiting();
        let code = code_in(&vendor.last_with("our")).unwrap();
        for said in [format!("+1{ANN}"), code.clone(), secret("hook").to_owned()] {
            let body = json!({"id": "M-17", "state": "failed", "reason": said, "code": said, said.clone(): said});
            let body = body.to_string();
            let unix = crate::receipts::hook::now();
            let signature = hmac::<Hmac<Sha256>>(secret("hook"), &format!("{unix}.{body}"));
            let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
            let right = format!("Countersign-Signature: t={unix},v1={hex}");
            assert_eq!(story.receipt(&[right], &body), 204);
            let wrong = format!("Countersign-Signature: t={unix},v1={said}");
            assert_eq!(story.receipt(&[wrong], &body), 403);
        }
        story.look(&mut waiting);
        story.answer(&mut waiting, &other_than(&code));
        story.answer(&mut waiting, &code);
        story.codes.extend(vendor.codes());
        story.ends(&[
            "a receipt was refused",
            "the answer was 429",
            "no answer in time",
        ]);
    }
}

#[test]
fn c8_nothing_of_a_webhook_by_template_is_written_down() {
    let vendor = Vendor::new();
    let mut story = Story::of(
        "sms",
        "webhook",
        &format!(
            "url = \"{}/{{TO}}/send?key={{SECRET}}&text={{TEXT}}\"\nmethod = \"POST\"\nheaders = {{ X-Key = \"{{SECRET}}\" }}\n\
             secret = \"file:KEYS/vendor\"\nusername = \"vendor\"\npassword = \"file:KEYS/vendor_password\"\n\
             body = '{{\"to\": \"{{TO}}\", \"text\": \"{{TEXT}}\", \"tell\": \"{{RECEIPT_URL}}\"}}'\nid = \"/id\"\n\
             from = [\"+12025550101\"]\n\
             errors = [{{ status = [400], pointer = \"/error\", class = \"bad_number\" }}, {{ pointer = \"/code\", class = \"transient\" }}]\n\
             receipt = {{ id = \"/id\", state = \"/state\", code = \"/code\", delivered = [\"d\"], failed = [\"f\"] }}",
            vendor.url()
        ),
    );
    story.through_all_moods(&vendor);
    vendor.is(Mood::Takes);
    let mut waiting = story.waiting();
    let code = code_in(&vendor.last_with("our")).unwrap();
    for said in [
        format!("+1{ANN}"),
        code.clone(),
        secret("vendor").to_owned(),
    ] {
        let body = json!({"id": "M-17", "state": "f", "code": said}).to_string();
        assert_eq!(story.receipt(&[], &body), 204);
        assert_eq!(story.receipt(&[], &format!("{{{said}")), 400);
    }
    story.answer(&mut waiting, &code);
    story.codes.extend(vendor.codes());
    story.ends(&["bad_number", "a receipt was refused"]);
}

const BANDWIDTH: &str = "account = \"5500001\"\nfrom = [\"+12025550101\"]\nmessaging_application = \"m\"\nvoice_application = \"v\"\n\
                         callback_username = \"receipts\"\ncallback_password = \"file:KEYS/callbacks\"\n";

#[test]
fn c8_nothing_of_bandwidths_texts_and_calls_is_written_down() {
    let vendor = Vendor::new();
    let lines = format!(
        "{BANDWIDTH}username = \"api-user\"\npassword = \"file:KEYS/bandwidth\"\nbase_url = \"{0}/api\"\nvoice_base_url = \"{0}/voice\"",
        vendor.url()
    );
    for channel in ["sms", "voice"] {
        let mut story = Story::of(channel, "bandwidth", &lines);
        story.through_all_moods(&vendor);
        vendor.is(Mood::Takes);
        let mut waiting = story.waiting();
        let code = if channel == "sms" {
            code_in(&vendor.last_with("our")).unwrap()
        } else {
            story.picks_up(&vendor)
        };
        for said in [
            format!("+1{ANN}"),
            code.clone(),
            secret("callbacks").to_owned(),
        ] {
            let event = json!({
                "type": "message-failed", "errorCode": said, "description": said, "to": said,
                "message": {"id": "M-17", "text": said},
            });
            let ended = json!({"eventType": "disconnect", "callId": "M-17", "cause": said, "errorMessage": said});
            for body in [json!([event]).to_string(), ended.to_string()] {
                assert_eq!(
                    story.receipt(&[basic("receipts", secret("callbacks"))], &body),
                    204
                );
                assert_eq!(
                    story.receipt(&[basic("receipts", &said.replace('+', "-"))], &body),
                    403
                );
            }
        }
        story.look(&mut waiting);
        story.answer(&mut waiting, &code);
        story.codes.insert(code);
        story.ends(&["a receipt was refused", "no answer in time"]);
    }
}

impl Story {
    /// Somebody picks up, and Bandwidth asks what to say: as it does, and in other ways before.
    fn picks_up(&mut self, vendor: &Vendor) -> String {
        let call = vendor.last_with("answerUrl");
        let part = |name: &str| {
            let (_, rest) = call.split_once(&format!("\"{name}\":\"")).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let path = part("answerUrl").replace(&format!("http://{HOST}"), "");
        let body = json!({"eventType": "answer", "callId": "M-17", "tag": part("tag"), "to": format!("+1{ANN}")});
        let body = body.to_string();
        assert_eq!(self.tell(&format!("{path}x"), &[], &body), 404);
        assert_eq!(self.tell(&path, &[], &body.replace("answer", ANN)), 404);
        let mut stream = crate::support::wire::connect(self.gate.address);
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        // This one answer says the code, to Bandwidth alone.
        let words = crate::support::wire::read_answer(&mut stream, false).unwrap();
        self.written.write_all(words.head.raw.as_bytes()).unwrap();
        code_in(&words.text()).unwrap_or_else(|| panic!("{}", words.text()))
    }
}

#[test]
fn c8_nothing_of_bandwidths_own_codes_is_written_down() {
    let vendor = Vendor::new();
    let mut story = Story::of(
        "sms",
        "bandwidth",
        &format!(
            "{BANDWIDTH}service = \"mfa\"\nclient_id = \"client\"\nclient_secret = \"file:KEYS/client\"\n\
             token_url = \"{0}/token\"\nbase_url = \"{0}/api\"",
            vendor.url()
        ),
    );
    story.managed(&vendor);
    for said in [format!("+1{ANN}"), DRAWN.to_owned()] {
        let event = json!({"type": "message-failed", "errorCode": said, "description": said, "message": {"id": "M-17"}});
        assert_eq!(
            story.receipt(
                &[basic("receipts", secret("callbacks"))],
                &event.to_string()
            ),
            204
        );
        assert_eq!(story.receipt(&[], &event.to_string()), 403);
    }
    story.ends(&["a receipt was refused", "no answer in time"]);
}

impl Story {
    /// Goes through every mood of a vendor that makes the code: when it is to send one, and when it is to check one.
    ///
    /// A check that is never answered ends all the same: the page does not wait for ever.
    fn managed(&mut self, vendor: &Vendor) {
        for mood in MOODS {
            vendor.is(mood);
            let mut waiting = self.waiting();
            vendor.is(Mood::Takes);
            self.answer(&mut waiting, DRAWN);
        }
        for mood in MOODS {
            vendor.is(Mood::Takes);
            let mut waiting = self.waiting();
            vendor.is(mood);
            self.answer(&mut waiting, DRAWN);
            let closed = waiting.browser.get("/admin");
            assert_eq!(closed.status(), 303, "{mood:?} is no yes");
        }
    }
}

#[test]
fn c8_nothing_of_twilios_texts_and_calls_is_written_down() {
    let vendor = Vendor::new();
    for (channel, keyed) in [("sms", ""), ("voice", "api")] {
        let key = format!("api_key = \"{KEY}\"\napi_secret = \"file:KEYS/twilio_key\"\n");
        let key = if keyed.is_empty() { "" } else { &key };
        let mut story = Story::of(
            channel,
            "twilio",
            &format!(
                "account = \"{ACCOUNT}\"\ntoken = \"file:KEYS/twilio\"\n{key}from = [\"+12025550101\"]\nbase_url = \"{}/api\"",
                vendor.url()
            ),
        );
        story.through_all_moods(&vendor);
        vendor.is(Mood::Takes);
        let mut waiting = story.waiting();
        let code = code_in(&vendor.last_with("our")).unwrap();
        let form = "Content-Type: application/x-www-form-urlencoded".to_owned();
        for said in [
            format!("+1{ANN}"),
            code.clone(),
            secret("twilio").to_owned(),
        ] {
            let kind = if channel == "sms" { "Message" } else { "Call" };
            let sid = format!("{}{:a<32}", if channel == "sms" { "SM" } else { "CA" }, "");
            let (name, status) = (format!("{kind}Sid"), format!("{kind}Status"));
            let pairs = BTreeSet::from([
                ("ErrorCode", said.as_str()),
                ("To", said.as_str()),
                (&name, &sid),
                (&status, "failed"),
            ]);
            let body = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&pairs)
                .finish();
            let mut signed = format!("http://{HOST}{}", story.receipts());
            for (name, value) in &pairs {
                signed.push_str(name);
                signed.push_str(value);
            }
            let right = STANDARD.encode(hmac::<Hmac<Sha1>>(secret("twilio"), &signed));
            let right = format!("X-Twilio-Signature: {right}");
            assert_eq!(story.receipt(&[form.clone(), right], &body), 204);
            let wrong = format!("X-Twilio-Signature: {}", STANDARD.encode(&said));
            assert_eq!(story.receipt(&[form.clone(), wrong], &body), 403);
        }
        story.look(&mut waiting);
        story.answer(&mut waiting, &code);
        story.codes.extend(vendor.codes());
        story.ends(&["a receipt was refused", "no answer in time"]);
    }
}

#[test]
fn c8_nothing_of_twilios_own_codes_is_written_down() {
    let vendor = Vendor::new();
    let mut story = Story::of(
        "sms",
        "twilio",
        &format!(
            "service = \"verify\"\naccount = \"{ACCOUNT}\"\ntoken = \"file:KEYS/twilio\"\n\
             verify_service = \"VA0123456789abcdef0123456789abcdef\"\nverify_base_url = \"{}/v2\"",
            vendor.url()
        ),
    );
    story.managed(&vendor);
    story.ends(&["no answer in time"]);
}

#[test]
fn c8_nothing_of_mail_is_written_down() {
    let server = Server::start();
    let lines = |tls: &str| {
        format!(
            "host = \"127.0.0.1\"\nport = {}\ntls = \"{tls}\"\nusername = \"codes\"\npassword = \"file:KEYS/smtp\"\n\
             from = \"codes@example.com\"",
            server.port()
        )
    };
    let mut story = Story::of("email", "email", &lines("none"));
    for manner in mail::MANNERS {
        server.is(manner);
        let mut waiting = story.waiting();
        story.answer(&mut waiting, "000000");
    }
    server.is(("", ""));
    let mut waiting = story.waiting();
    let mails = server.mails();
    let code = code_in(mails.last().unwrap()).unwrap();
    story.answer(&mut waiting, &code);
    story
        .codes
        .extend(mails.iter().filter_map(|mail| code_in(mail)));
    story.ends(&["the mail server answered 550", "no answer in time"]);
    // No TLS where there must be some.
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let ca = tempfile::NamedTempFile::new().unwrap();
    fs::write(ca.path(), own.cert.pem()).unwrap();
    for tls in ["starttls", "implicit"] {
        let ca = format!("\nca = \"{}\"", ca.path().display());
        let mut story = Story::of("email", "email", &(lines(tls) + &ca));
        story.waiting();
        story.ends(&[]);
    }
}

#[test]
fn c8_nothing_of_a_program_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let script = format!(
        "text=$(cat); echo \"$text\" >>{0}; echo \"$1 $text\" >&2; echo \"$1-$text\"; read how <{1}; \
         case $how in silent) exec tail -f /dev/null;; *) exit $how;; esac",
        at("sent"),
        at("how")
    );
    let mut story = Story::of(
        "sms",
        "command",
        &format!("argv = [\"/bin/sh\", \"-c\", '''{script}''', \"sh\", \"{{TO}}\"]"),
    );
    for how in ["0", "1", "64", "65", "75", "76", "130", "silent"] {
        fs::write(at("how"), how).unwrap();
        let mut waiting = story.waiting();
        story.answer(&mut waiting, "000000");
    }
    let sent = fs::read_to_string(at("sent")).unwrap();
    story.codes.extend(sent.lines().filter_map(code_in));
    story.ends(&["ended with", "no answer in time"]);
}

#[test]
fn c8_nothing_of_a_folder_is_written_down() {
    for format in ["json", "text", "gammu"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        let mut story = Story::of(
            "sms",
            "spool",
            &format!("path = \"{}\"\nformat = \"{format}\"", path.display()),
        );
        story.waiting();
        story.codes.extend(codes_of(&path));
        fs::remove_dir_all(&path).unwrap();
        story.waiting();
        fs::write(&path, "no folder").unwrap();
        story.waiting();
        story.ends(&["it cannot be written"]);
    }
}

fn codes_of(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    files
        .filter_map(|file| code_in(&decoded(&fs::read(file.unwrap().path()).unwrap())))
        .collect()
}

#[test]
fn c8_a_console_prints_the_message_and_the_log_does_not() {
    let mut story = Story::of("sms", "console", "");
    let mut waiting = story.waiting();
    let code = story.gate.messages.code(2);
    story.answer(&mut waiting, &other_than(&code));
    story.gate.messages.break_down();
    story.gate.later(31);
    let shown = waiting.browser.get(&waiting.page.clone());
    let again = [("token", &*token(&shown)), ("do", "send")];
    let pressed = waiting.browser.post(&waiting.page.clone(), &again);
    story.gate.settle();
    story.keep(&pressed);
    story.look(&mut waiting);
    story.answer(&mut waiting, &code);
    story.codes.insert(code);
    story.codes.insert(story.gate.messages.code(1));
    story.ends(&["it cannot be written", "a grant was issued"]);
}
