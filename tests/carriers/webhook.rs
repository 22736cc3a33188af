//! The worked examples of `docs/webhook.md`: each is a good configuration, asks as its vendor wants to be asked, and
//! takes that vendor's answers and receipts for what they are.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use countersign::carrier::delivery::{Dispatcher, Failed};
use countersign::carrier::{Fate, Kind, Receipt, Report, Settings};
use countersign::config::{self, diagnostic};
use countersign::message::Channel;
use countersign::moment::Moment;
use countersign::phone::sender::Sender;
use http::HeaderMap;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::bench::{self, PATIENCE};
use crate::prism::Prism;

/// The carriers of `docs/webhook.md` as an operator has them who copies the blocks; `edit` changes the text before it is
/// read. Every credential reads `s3cret`.
pub(crate) fn examples(edit: impl Fn(&str) -> String) -> Vec<Settings> {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    fs::create_dir(&spool).unwrap();
    fs::set_permissions(&spool, fs::Permissions::from_mode(0o700)).unwrap();
    let key = folder.path().join("key");
    fs::write(&key, "s3cret\n").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let users = folder.path().join("users.toml");
    fs::write(&users, "").unwrap();
    fs::set_permissions(&users, fs::Permissions::from_mode(0o600)).unwrap();

    let blocks = edit(&blocks()).replace("/var/spool/countersign", spool.to_str().unwrap());
    let mut text = format!(
        "[listen]\nhttp = [\"127.0.0.1:8080\"]\n[sites.portal]\nurl = \"http://localhost:8080\"\n\
         upstream = \"http://127.0.0.1:3000\"\nsupport = \"Help desk\"\ndirectory = \"staff\"\nscopes = [\"login\"]\n\
         [scopes.login]\n[directory.staff.file]\npath = \"users.toml\"\n{blocks}\n"
    );
    while let Some(start) = text.find("\"credential:") {
        let end = start + 1 + text[start + 1..].find('"').unwrap();
        text.replace_range(start + 1..end, "file:key");
    }
    let names: Vec<String> = blocks
        .lines()
        .filter_map(|line| line.strip_prefix("[carriers.")?.strip_suffix(']'))
        .filter(|rest| rest.matches('.').count() == 1)
        .map(|rest| format!("{:?}", rest.split('.').next().unwrap()))
        .collect();
    let names = names.join(", ");
    text.push_str(&format!(
        "[delivery]\nsms = [{names}]\npublic_url = \"https://gw.example\"\n"
    ));
    let file = folder.path().join("countersign.toml");
    fs::write(&file, text).unwrap();
    let loaded = config::load(&file);
    let told = diagnostic::render(&loaded.problems, false);
    assert_eq!(told, "");
    loaded.config.expect("nothing is wrong with it").carriers
}

/// The blocks of the document that set up carriers.
fn blocks() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/webhook.md");
    let document = fs::read_to_string(path).unwrap();
    let (mut blocks, mut within) = (String::new(), false);
    for line in document.lines() {
        let code = line.strip_prefix("    ").or(line.is_empty().then_some(""));
        match code {
            Some(code) if code.starts_with('[') => within = code.starts_with("[carriers."),
            Some(_) => {}
            None => within = false,
        }
        if let Some(code) = code.filter(|_| within) {
            blocks.push_str(code);
            blocks.push('\n');
        }
    }
    blocks
}

/// One of the examples, asking `desk` instead of its vendor.
fn example(name: &str, desk: &str) -> Dispatcher {
    let carriers = examples(|blocks| {
        let lines = blocks.lines().map(|line| {
            let Some(url) = line.strip_prefix("url = \"") else {
                return line.to_owned();
            };
            let path = url.splitn(4, '/').nth(3).unwrap();
            format!("url = \"{desk}/{path}")
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    let carrier = carriers
        .into_iter()
        .find(|carrier| carrier.name.as_str() == name)
        .expect(name);
    let from: Vec<&str> = carrier.from.iter().map(Sender::as_str).collect();
    bench::dispatcher(carrier.kind, &from)
}

/// A server that gives every request the same answer and keeps what it was asked.
struct Desk {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

impl Desk {
    async fn says(status: &str, body: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let log = Arc::clone(&seen);
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read(&mut stream).await;
                log.lock().unwrap().push(request);
                stream.write_all(answer.as_bytes()).await.unwrap();
                let _ = stream.shutdown().await;
            }
        });
        Self { url, seen, task }
    }

    fn seen(&self) -> Seen {
        let [seen] = self
            .seen
            .lock()
            .unwrap()
            .clone()
            .try_into()
            .expect("asked once");
        seen
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request, whole.
pub(crate) async fn read(stream: &mut TcpStream) -> Seen {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8(bytes.clone()).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let (line, head) = head.split_once("\r\n").unwrap();
            let seen = Seen {
                line: line.to_owned(),
                head: head.to_owned(),
                body: body.to_owned(),
            };
            let length = seen
                .header("content-length")
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return seen;
            }
        }
        assert_ne!(
            stream.read_buf(&mut bytes).await.unwrap(),
            0,
            "half a request: {text:?}"
        );
    }
}

/// What one vendor wants and says, by `carriers.md` and the vendor's own documentation.
struct Vendor {
    name: &'static str,
    channel: Channel,
    line: &'static str,
    headers: &'static [(&'static str, &'static str)],
    /// The body, with `TEXT`, `ID` and `NOTIFY` in the places of what differs; `Null`: none.
    body: Value,
    /// Status, body, and the vendor's name for the message or a failure's class.
    answers: &'static [(&'static str, &'static str, &'static str)],
}

const NOTIFY: &str = "https://gw.example/.countersign/receipts/main/receipt-secret";

/// `you@example.com:s3cret`
const BASIC: &str = "Basic eW91QGV4YW1wbGUuY29tOnMzY3JldA==";

#[allow(clippy::too_many_lines, reason = "it is a table")]
fn vendors() -> Vec<Vendor> {
    vec![
        Vendor {
            name: "clicksend",
            channel: Channel::Sms,
            line: "POST /v3/sms/send HTTP/1.1",
            headers: &[
                ("authorization", BASIC),
                ("content-type", "application/json"),
            ],
            body: json!({"messages": [{"to": "+19195550143", "from": "+12025550101", "body": "TEXT"}]}),
            answers: CLICKSEND,
        },
        Vendor {
            name: "clicksend_voice",
            channel: Channel::Voice,
            line: "POST /v3/voice/send HTTP/1.1",
            headers: &[
                ("authorization", BASIC),
                ("content-type", "application/json"),
            ],
            body: json!({"messages": [{
                "to": "+19195550143", "body": "TEXT", "lang": "en-us", "voice": "female", "country": "US",
                "custom_string": "ID",
            }]}),
            answers: CLICKSEND_VOICE,
        },
        Vendor {
            name: "infobip",
            channel: Channel::Sms,
            line: "POST /sms/2/text/advanced HTTP/1.1",
            headers: &[
                ("authorization", "App s3cret"),
                ("content-type", "application/json"),
            ],
            body: json!({"messages": [{
                "from": "12025550101", "destinations": [{"to": "19195550143"}], "text": "TEXT", "validityPeriod": 5,
                "notifyUrl": NOTIFY, "notifyContentType": "application/json",
            }]}),
            answers: INFOBIP,
        },
        Vendor {
            name: "sinch",
            channel: Channel::Sms,
            line: "POST /xms/v1/SERVICE_PLAN_ID/batches HTTP/1.1",
            headers: &[
                ("authorization", "Bearer s3cret"),
                ("content-type", "application/json"),
            ],
            body: json!({
                "from": "+12025550101", "to": ["+19195550143"], "body": "TEXT", "expire_at": "2026-11-22T19:35:00Z",
                "delivery_report": "per_recipient", "callback_url": NOTIFY,
            }),
            answers: &[
                (
                    "201 Created",
                    r#"{"id":"01FC66621XXXXX119Z8PMV1QPQ","to":["19195550143"]}"#,
                    "01FC66621XXXXX119Z8PMV1QPQ",
                ),
                ("200 OK", "{}", "unknown"),
                ("401 Unauthorized", "", "config"),
                (
                    "403 Forbidden",
                    r#"{"code":"missing_callback_url","text":"x"}"#,
                    "config",
                ),
                ("429 Too Many Requests", "", "throttled"),
                ("503 No", "", "transient"),
            ],
        },
        Vendor {
            name: "messagebird",
            channel: Channel::Sms,
            line: "POST /messages HTTP/1.1",
            headers: &[
                ("authorization", "AccessKey s3cret"),
                ("content-type", "application/json"),
            ],
            body: json!({
                "originator": "12025550101", "recipients": ["19195550143"], "body": "TEXT", "datacoding": "auto",
                "validity": 300, "reference": "ID", "reportUrl": NOTIFY,
            }),
            answers: &[
                (
                    "201 Created",
                    r#"{"id":"f28bbe526fc14974b3e7e663a6139b53","recipients":{"items":[{"status":"sent"}]}}"#,
                    "f28bbe526fc14974b3e7e663a6139b53",
                ),
                (
                    "422 No",
                    r#"{"errors":[{"code":9,"description":"no (correct) recipients found","parameter":"recipient"}]}"#,
                    "bad_number",
                ),
                ("422 No", r#"{"errors":[{"code":10}]}"#, "bad_number"),
                (
                    "401 No",
                    r#"{"errors":[{"code":2,"description":"Request not allowed (incorrect access_key)","parameter":"access_key"}]}"#,
                    "config",
                ),
                ("402 No", r#"{"errors":[{"code":25}]}"#, "config"),
                ("429 No", "", "throttled"),
                ("500 No", "", "transient"),
            ],
        },
        Vendor {
            name: "kannel",
            channel: Channel::Sms,
            line: "POST /cgi-bin/sendsms HTTP/1.1",
            headers: &[
                ("content-type", "text/plain; charset=UTF-8"),
                ("x-kannel-username", "countersign"),
                ("x-kannel-password", "s3cret"),
                ("x-kannel-to", "+19195550143"),
                ("x-kannel-from", "24273"),
                ("x-kannel-validity", "5"),
                ("x-kannel-dlr-mask", "31"),
            ],
            body: json!("TEXT"),
            answers: KANNEL,
        },
        Vendor {
            name: "kannel_get",
            channel: Channel::Sms,
            line: "GET /cgi-bin/sendsms?username=countersign&password=s3cret&to=%2B19195550143&from=24273&text=",
            headers: &[],
            body: Value::Null,
            answers: KANNEL,
        },
        Vendor {
            name: "gateway",
            channel: Channel::Sms,
            line: "POST /v1/messages HTTP/1.1",
            headers: &[("authorization", "Bearer s3cret")],
            body: json!({"to": "+19195550143", "text": "TEXT", "validity": 300}),
            answers: &[
                ("202 Accepted", r#"{"message":{"id":17}}"#, "17"),
                ("200 OK", "", "unknown"),
            ],
        },
    ]
}

const CLICKSEND: &[(&str, &str, &str)] = &[
    (
        "200 OK",
        r#"{"http_code":200,"data":{"messages":[{"status":"SUCCESS","message_id":"BF7AD270"}]}}"#,
        "BF7AD270",
    ),
    (
        "200 OK",
        r#"{"data":{"messages":[{"status":"INVALID_RECIPIENT","message_id":"x"}]}}"#,
        "bad_number",
    ),
    (
        "200 OK",
        r#"{"data":{"messages":[{"status":"INSUFFICIENT_CREDIT"}]}}"#,
        "config",
    ),
    (
        "200 OK",
        r#"{"data":{"messages":[{"status":"INVALID_SENDER_ID"}]}}"#,
        "config",
    ),
    (
        "200 OK",
        r#"{"data":{"messages":[{"status":"THROTTLED"}]}}"#,
        "throttled",
    ),
    (
        "401 Unauthorized",
        r#"{"http_code":401,"response_code":"UNAUTHORIZED"}"#,
        "config",
    ),
    (
        "200 OK",
        r#"{"data":{"messages":[{"status":"SOMETHING_NEW"}]}}"#,
        "unknown",
    ),
    ("429 No", "", "throttled"),
    ("500 No", "", "transient"),
];

/// Those that calls have, too.
const CLICKSEND_VOICE: &[(&str, &str, &str)] =
    &[CLICKSEND[0], CLICKSEND[1], CLICKSEND[2], CLICKSEND[5]];

const INFOBIP: &[(&str, &str, &str)] = &[
    (
        "200 OK",
        r#"{"messages":[{"messageId":"2250be2d","status":{"groupId":1,"groupName":"PENDING","id":26,"name":"PENDING_ACCEPTED"}}]}"#,
        "2250be2d",
    ),
    (
        "200 OK",
        r#"{"messages":[{"messageId":"x","status":{"groupId":5,"name":"REJECTED_PREFIX_MISSING"}}]}"#,
        "bad_number",
    ),
    (
        "200 OK",
        r#"{"messages":[{"messageId":"x","status":{"groupId":5,"name":"REJECTED_DESTINATION"}}]}"#,
        "blocked",
    ),
    (
        "200 OK",
        r#"{"messages":[{"messageId":"x","status":{"groupId":5,"name":"REJECTED_NOT_ENOUGH_CREDITS"}}]}"#,
        "config",
    ),
    (
        "200 OK",
        r#"{"messages":[{"messageId":"x","status":{"groupId":5,"name":"REJECTED_FLOODING_FILTER"}}]}"#,
        "throttled",
    ),
    (
        "200 OK",
        r#"{"messages":[{"messageId":"x","status":{"groupId":4,"name":"EXPIRED_UNKNOWN"}}]}"#,
        "transient",
    ),
    (
        "200 OK",
        r#"{"messages":[{"messageId":"x","status":{"groupId":9}}]}"#,
        "unknown",
    ),
    (
        "401 No",
        r#"{"requestError":{"serviceException":{"messageId":"UNAUTHORIZED"}}}"#,
        "config",
    ),
    ("403 No", "", "config"),
    ("429 No", "", "throttled"),
    ("502 No", "", "transient"),
];

const KANNEL: &[(&str, &str, &str)] = &[
    ("202 Accepted", "0: Accepted for delivery", "ours"),
    ("202 Accepted", "3: Queued for later delivery", "ours"),
    ("202 Accepted", "4: Something else", "unknown"),
    (
        "403 Forbidden",
        "Authorization failed for sendsms",
        "config",
    ),
    (
        "400 Bad Request",
        "Missing receiver number, rejected",
        "bad_number",
    ),
    (
        "400 Bad Request",
        "Number(s) has/have been denied by white- and/or black-lists.",
        "bad_number",
    ),
    ("400 Bad Request", "Invalid content-type", "config"),
    ("503 Service Unavailable", "", "transient"),
];

#[tokio::test]
async fn each_example_asks_as_its_vendor_wants_to_be_asked() {
    for vendor in vendors() {
        let (status, said, _) = vendor.answers[0];
        let desk = Desk::says(status, said).await;
        let message = bench::message(vendor.channel);
        example(vendor.name, &desk.url)
            .send(&message)
            .await
            .expect(vendor.name);
        let seen = desk.seen();
        let name = vendor.name;
        assert!(seen.line.starts_with(vendor.line), "{name}: {}", seen.line);
        for (header, value) in vendor.headers {
            assert_eq!(seen.header(header), Some(*value), "{name}: {header}");
        }
        let (id, text) = (message.id.as_str(), message.text());
        match vendor.body {
            Value::Null => {
                let url = format!("http://x{}", seen.line.split(' ').nth(1).unwrap());
                let query = url.split_once('?').unwrap().1;
                let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes())
                    .into_owned()
                    .collect();
                let dlr = format!("{NOTIFY}?id={id}&s=%d");
                for (key, value) in [
                    ("text", text.as_str()),
                    ("dlr-url", &dlr),
                    ("validity", "5"),
                    ("dlr-mask", "31"),
                ] {
                    assert!(
                        pairs.contains(&(key.to_owned(), value.to_owned())),
                        "{name}: {key} of {pairs:?}"
                    );
                }
                assert_eq!(seen.body, "");
            }
            Value::String(_) => {
                assert_eq!(seen.body, text.as_str(), "{name}");
                let dlr = format!("{NOTIFY}?id={id}&s=%d");
                assert_eq!(seen.header("x-kannel-dlr-url"), Some(dlr.as_str()));
            }
            body => {
                let wanted = body.to_string().replace("\"ID\"", &json!(id).to_string());
                let wanted = wanted.replace("\"TEXT\"", &json!(text.as_str()).to_string());
                let [is, wanted]: [Value; 2] =
                    [&seen.body, &wanted].map(|json| serde_json::from_str(json).unwrap());
                assert_eq!(is, wanted, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn each_example_takes_its_vendors_answers_for_what_they_are() {
    for vendor in vendors() {
        for (status, said, wanted) in vendor.answers {
            let desk = Desk::says(status, said).await;
            let message = bench::message(vendor.channel);
            let is = match example(vendor.name, &desk.url).send(&message).await {
                Ok(sent) if sent.id == message.id.as_str() => "ours".to_owned(),
                Ok(sent) => sent.id,
                Err(Failed { failure, .. }) => failure.class().to_owned(),
            };
            assert_eq!(is, *wanted, "{}: {status} {said}", vendor.name);
        }
    }
}

#[tokio::test]
async fn each_example_reads_its_vendors_receipts() {
    let failed = |code: &str| Fate::Failed {
        class: "undelivered",
        code: Some(code.to_owned()),
    };
    for (name, query, body, told) in [
        (
            "infobip",
            "",
            r#"{"results":[{"messageId":"m","status":{"groupId":3,"groupName":"DELIVERED"},"error":{"name":"NO_ERROR","permanent":false}}]}"#,
            Some(Fate::Delivered),
        ),
        (
            "infobip",
            "",
            r#"{"results":[{"messageId":"m","status":{"groupId":2,"groupName":"UNDELIVERABLE"},"error":{"name":"EC_ABSENT_SUBSCRIBER","permanent":false}}]}"#,
            Some(failed("EC_ABSENT_SUBSCRIBER")),
        ),
        (
            "sinch",
            "",
            r#"{"type":"recipient_delivery_report_sms","batch_id":"m","recipient":"19195550143","code":401,"status":"Dispatched"}"#,
            Some(Fate::Sent),
        ),
        (
            "sinch",
            "",
            r#"{"type":"recipient_delivery_report_sms","batch_id":"m","recipient":"19195550143","code":0,"status":"Delivered"}"#,
            Some(Fate::Delivered),
        ),
        (
            "sinch",
            "",
            r#"{"type":"recipient_delivery_report_sms","batch_id":"m","recipient":"19195550143","code":412,"status":"Aborted"}"#,
            Some(failed("412")),
        ),
        (
            "messagebird",
            "?id=m&reference=r&recipient=19195550143&status=delivered&statusDatetime=2026",
            "",
            Some(Fate::Delivered),
        ),
        ("messagebird", "?id=m&status=buffered", "", Some(Fate::Sent)),
        (
            "messagebird",
            "?id=m&status=delivery_failed",
            "",
            Some(failed("delivery_failed")),
        ),
        ("kannel", "?id=m&s=8", "", Some(Fate::Sent)),
        ("kannel", "?id=m&s=1", "", Some(Fate::Delivered)),
        ("kannel", "?id=m&s=16", "", Some(failed("16"))),
        ("kannel", "?id=m&s=32", "", None),
    ] {
        let told = told.map(|fate| Receipt {
            id: "m".to_owned(),
            fate,
        });
        let dispatcher = example(name, "http://127.0.0.1:1");
        let read = receipts(&dispatcher, query, body);
        assert_eq!(read, Vec::from_iter(told), "{name} {query}{body}");
    }
}

/// What a carrier makes of a report.
pub(crate) fn receipts(dispatcher: &Dispatcher, query: &str, body: &str) -> Vec<Receipt> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    let report = Report {
        headers: &headers,
        body: &Bytes::copy_from_slice(body.as_bytes()),
        url: &format!("{NOTIFY}{query}"),
        now: Moment {
            unix: 1_795_375_800,
            mono: PATIENCE,
        },
    };
    dispatcher.receipts("main", &report).unwrap().1
}

#[test]
fn every_other_block_of_the_document_is_a_good_configuration() {
    let carriers = examples(str::to_owned);
    let kinds: Vec<(&str, &str)> = carriers
        .iter()
        .map(|carrier| {
            let kind = match carrier.kind {
                Kind::Webhook(_) => "webhook",
                Kind::Command(_) => "command",
                Kind::Spool(_) => "spool",
                _ => "another",
            };
            (carrier.name.as_str(), kind)
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("inhouse", "webhook"),
            ("gateway", "webhook"),
            ("clicksend", "webhook"),
            ("clicksend_voice", "webhook"),
            ("infobip", "webhook"),
            ("sinch", "webhook"),
            ("messagebird", "webhook"),
            ("kannel", "webhook"),
            ("kannel_get", "webhook"),
            ("modem", "command"),
            ("folder", "spool"),
        ]
    );
}

/// `MessageBird`'s published contract, mocked by Prism: our request is right, one without a recipient is not.
#[tokio::test]
async fn messagebird_takes_our_request_by_its_own_contract() {
    let Some(prism) = Prism::of("messagebird-sms.yml").await else {
        return;
    };
    let base = prism.url.clone();
    let sent = example("messagebird", &base)
        .send(&bench::message(Channel::Sms))
        .await;
    assert_eq!(sent.unwrap().id, "f28bbe526fc14974b3e7e663a6139b53");

    let spoiled = examples(|blocks| {
        let blocks = blocks.replace("https://rest.messagebird.com", &base);
        blocks.replace(
            "\"recipients\": [\"{TO_DIGITS}\"]",
            "\"recipient\": \"{TO_DIGITS}\"",
        )
    });
    let carrier = spoiled
        .into_iter()
        .find(|carrier| carrier.name.as_str() == "messagebird")
        .unwrap();
    let failed = bench::dispatcher(carrier.kind, &["+12025550101"])
        .send(&bench::message(Channel::Sms))
        .await
        .unwrap_err();
    // 422 and the contract's own example of it: there are no recipients.
    assert_eq!(failed.failure.class(), "bad_number", "{:?}", failed.failure);
}
