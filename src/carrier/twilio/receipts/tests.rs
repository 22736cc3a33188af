use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use http::HeaderValue;
use http::header::HeaderName;
use serde_json::{Value, json};

use super::*;
use crate::carrier::tests::NOW;
use crate::secret::Secret;

const FORM: &str = "application/x-www-form-urlencoded";

/// Where nothing special is in the address.
const URL: &str = "https://gw.example/.countersign/receipts/main/secret";

fn signature(hash: Hash) -> Signature {
    Signature {
        hash,
        key: Secret::new(b"12345".to_vec()),
    }
}

/// A report as it comes: its address, type, body, and what stands in the header of the signature.
struct Posted {
    url: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Posted {
    fn new(url: &str, kind: &str, body: &str, written: &str) -> Self {
        let mut posted = Self {
            url: url.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_owned()),
        };
        posted.add("content-type", kind);
        posted.add("x-twilio-signature", written);
        posted
    }

    fn add(&mut self, name: &'static str, value: &str) {
        let name = HeaderName::from_static(name);
        self.headers
            .append(name, HeaderValue::from_str(value).unwrap());
    }

    fn read_by(&self, signature: &Signature) -> Result<Vec<Receipt>, NotTaken> {
        let report = Report {
            headers: &self.headers,
            body: &self.body,
            url: &self.url,
            now: NOW,
        };
        read(signature, &report)
    }

    /// Whether the signature was found right, whatever the report says.
    fn is_believed(&self, hash: Hash) -> bool {
        self.read_by(&signature(hash)) != Err(NotTaken::Forged)
    }
}

/// What Twilio would write, computed here from its description and not from the code under test.
fn sign(hash: Hash, text: &str) -> String {
    let key = b"12345";
    let bytes = match hash {
        Hash::Sha1 => <Hmac<Sha1> as KeyInit>::new_from_slice(key)
            .unwrap()
            .chain_update(text)
            .finalize()
            .into_bytes()
            .to_vec(),
        Hash::Sha256 => <Hmac<Sha256> as KeyInit>::new_from_slice(key)
            .unwrap()
            .chain_update(text)
            .finalize()
            .into_bytes()
            .to_vec(),
    };
    STANDARD.encode(bytes)
}

/// A form to the plain address, rightly signed: `names` sorted by hand.
fn signed_form(body: &str, sorted: &str) -> Posted {
    Posted::new(
        URL,
        FORM,
        body,
        &sign(Hash::Sha1, &format!("{URL}{sorted}")),
    )
}

/// Computed with Twilio's own library.
mod vectors {
    pub(super) const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
    pub(super) const BODY: &str = "CallSid=CA1234567890ABCDE&From=%2B12349013030&To=%2B18005551212&Caller=%2B12349013030&Digits=1234";
    pub(super) const SHA1: &str = "0/KCTR6DLpKmkAf8muzZqo1nDgQ=";
    pub(super) const SHA256: &str = "Rmm4Vzj+Ky7JGoWXMCsZDZuHDszLr9xvdbvitrDr4/M=";
}

#[test]
fn the_signatures_of_twilios_own_library_are_believed() {
    for (hash, written) in [(Hash::Sha1, vectors::SHA1), (Hash::Sha256, vectors::SHA256)] {
        let posted = Posted::new(vectors::URL, FORM, vectors::BODY, written);
        assert!(posted.is_believed(hash), "{hash:?}");
        // The names in another order, and the body's type with a charset.
        let turned: Vec<&str> = vectors::BODY.split('&').rev().collect();
        let posted = Posted::new(
            vectors::URL,
            "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
            &turned.join("&"),
            written,
        );
        assert!(posted.is_believed(hash), "{hash:?}");
    }
}

#[test]
fn the_hash_is_the_operators_choice_and_not_the_requests() {
    for (hash, written, named) in [
        (Hash::Sha1, vectors::SHA256, "key=k,algorithm=HMAC_SHA256"),
        (Hash::Sha256, vectors::SHA1, "key=k,algorithm=HMAC_SHA1"),
    ] {
        let mut posted = Posted::new(vectors::URL, FORM, vectors::BODY, written);
        assert!(!posted.is_believed(hash), "{hash:?}");
        posted.add("x-twilio-webhooks-signature-settings", named);
        assert!(!posted.is_believed(hash), "{hash:?} {named}");
    }
    // And the header does not stand in the way of the right one.
    let mut posted = Posted::new(vectors::URL, FORM, vectors::BODY, vectors::SHA1);
    posted.add("x-twilio-webhooks-signature-settings", "algorithm=none");
    assert!(posted.is_believed(Hash::Sha1));
}

#[test]
fn whatever_is_changed_makes_a_report_forged() {
    let other_url = vectors::URL.replace("bar=2", "bar=3");
    let other_host = vectors::URL.replace("mycompany", "yourcompany");
    let other_scheme = vectors::URL.replace("https", "http");
    let other_digits = vectors::BODY
        .replace("1234&", "1235&")
        .replace("=1234", "=1235");
    let more = format!("{}&A=", vectors::BODY);
    let less = vectors::BODY.replace("&Digits=1234", "");
    let right = vectors::SHA1;
    let bare = right.trim_end_matches('=');
    let longer = format!("{right}AA==");
    for (url, body, written) in [
        (other_url.as_str(), vectors::BODY, right),
        (&other_host, vectors::BODY, right),
        (&other_scheme, vectors::BODY, right),
        (vectors::URL, &other_digits, right),
        (vectors::URL, &more, right),
        (vectors::URL, &less, right),
        (vectors::URL, "", right),
        (vectors::URL, vectors::BODY, ""),
        (vectors::URL, vectors::BODY, "not base64!"),
        (vectors::URL, vectors::BODY, bare),
        (vectors::URL, vectors::BODY, &longer),
        (vectors::URL, vectors::BODY, "0/KCTR6DLpKmkAf8muzZqo1nDgR="),
    ] {
        let posted = Posted::new(url, FORM, body, written);
        assert_eq!(
            posted.read_by(&signature(Hash::Sha1)),
            Err(NotTaken::Forged),
            "{url} {body} {written}"
        );
    }
}

#[test]
fn one_signature_is_wanted_and_not_two() {
    let mut posted = Posted::new(vectors::URL, FORM, vectors::BODY, vectors::SHA1);
    posted.add("x-twilio-signature", vectors::SHA1);
    assert!(!posted.is_believed(Hash::Sha1));
    posted.headers.remove("x-twilio-signature");
    assert!(!posted.is_believed(Hash::Sha1));
}

#[test]
fn the_address_is_tried_with_and_without_its_port() {
    for (url, other) in [
        (
            "https://gw.example/a?b=c:9",
            "https://gw.example:443/a?b=c:9",
        ),
        ("http://gw.example/a", "http://gw.example:80/a"),
        ("https://gw.example:8443/a", "https://gw.example/a"),
        ("https://[::1]/a", "https://[::1]:443/a"),
        ("https://[::1]:8443/a", "https://[::1]/a"),
        ("https://gw.example", "https://gw.example:443"),
    ] {
        assert_eq!(with_and_without_port(url), [url, other]);
        for signed in [url, other] {
            let posted = Posted::new(url, FORM, "a=b", &sign(Hash::Sha1, &format!("{signed}ab")));
            assert!(posted.is_believed(Hash::Sha1), "{url} signed as {signed}");
        }
    }
}

#[test]
fn a_document_is_believed_by_its_hash_in_the_address() {
    let body = r#"{"MessageSid":"SM1","MessageStatus":"undelivered","ErrorCode":30006}"#;
    let hash = hex(&Sha256::digest(body));
    let url = format!("{URL}?bodySHA256={hash}");
    let written = sign(Hash::Sha1, &url);
    let posted = |kind: &str, body: &str, url: &str| Posted::new(url, kind, body, &written);
    assert_eq!(
        posted("application/json", body, &url).read_by(&signature(Hash::Sha1)),
        Ok(vec![Receipt {
            id: "SM1".to_owned(),
            fate: Fate::Failed {
                class: "landline",
                code: Some("30006".to_owned())
            }
        }])
    );
    let spoiled = body.replace("SM1", "SM2");
    for (kind, body, url) in [
        ("application/json", spoiled.as_str(), url.as_str()),
        ("application/json", body, URL),
        (
            "application/json",
            body,
            &url.replace("SHA256=", "SHA256=0"),
        ),
        // As a form it would be one name without value, which is not signed.
        (FORM, body, &url),
    ] {
        assert!(
            !posted(kind, body, url).is_believed(Hash::Sha1),
            "{kind} {url}"
        );
    }
    let garbage = "no document";
    let url = format!("{URL}?bodySHA256={}", hex(&Sha256::digest(garbage)));
    let posted = Posted::new(&url, "application/json", garbage, &sign(Hash::Sha1, &url));
    assert_eq!(
        posted.read_by(&signature(Hash::Sha1)),
        Err(NotTaken::Unreadable)
    );
}

#[test]
fn each_status_says_what_became_of_the_message() {
    let failed = |class, code: Option<&str>| {
        Some(Fate::Failed {
            class,
            code: code.map(str::to_owned),
        })
    };
    for (status, code, fate) in [
        ("accepted", "", None),
        ("scheduled", "", None),
        ("queued", "", None),
        ("sending", "", None),
        ("sent", "", Some(Fate::Sent)),
        ("delivered", "", Some(Fate::Delivered)),
        ("read", "", Some(Fate::Delivered)),
        ("undelivered", "30005", failed("bad_number", Some("30005"))),
        ("undelivered", "30006", failed("landline", Some("30006"))),
        ("undelivered", "30007", failed("blocked", Some("30007"))),
        ("undelivered", "30008", failed("transient", Some("30008"))),
        ("undelivered", "30999", failed("transient", Some("30999"))),
        ("failed", "21610", failed("opted_out", Some("21610"))),
        ("failed", "30034", failed("config", Some("30034"))),
        ("failed", "30036", failed("expired", Some("30036"))),
        ("failed", "99999", failed("transient", Some("99999"))),
        ("failed", "a b\u{1b}", failed("transient", Some("ab"))),
        ("failed", "", failed("transient", None)),
        ("canceled", "", failed("transient", None)),
        ("a new word", "", None),
    ] {
        let escaped: String = form_urlencoded::byte_serialize(code.as_bytes()).collect();
        let posted = signed_form(
            &format!(
                "MessageSid=SM1&MessageStatus={}&ErrorCode={escaped}",
                status.replace(' ', "+")
            ),
            &format!("ErrorCode{code}MessageSidSM1MessageStatus{status}"),
        );
        let told = posted.read_by(&signature(Hash::Sha1)).unwrap();
        let id = "SM1".to_owned();
        let wanted: Vec<Receipt> = fate.map(|fate| Receipt { id, fate }).into_iter().collect();
        assert_eq!(told, wanted, "{status} {code}");
    }
}

#[test]
fn each_status_says_what_became_of_the_call() {
    let failed = |class, code: &str| {
        Some(Fate::Failed {
            class,
            code: Some(code.to_owned()),
        })
    };
    for (status, fate) in [
        ("queued", None),
        ("initiated", None),
        ("ringing", Some(Fate::Sent)),
        ("in-progress", Some(Fate::Sent)),
        ("completed", Some(Fate::Delivered)),
        ("busy", failed("transient", "busy")),
        ("no-answer", failed("transient", "no-answer")),
        ("canceled", failed("transient", "canceled")),
        ("failed", failed("bad_number", "failed")),
    ] {
        let posted = signed_form(
            &format!("CallStatus={status}&CallSid=CA1"),
            &format!("CallSidCA1CallStatus{status}"),
        );
        let told = posted.read_by(&signature(Hash::Sha1)).unwrap();
        let id = "CA1".to_owned();
        let wanted: Vec<Receipt> = fate.map(|fate| Receipt { id, fate }).into_iter().collect();
        assert_eq!(told, wanted, "{status}");
    }
}

#[test]
fn a_report_that_names_nothing_is_unreadable() {
    for (body, sorted) in [
        ("", ""),
        ("MessageSid=SM1", "MessageSidSM1"),
        ("MessageStatus=sent", "MessageStatussent"),
        (
            "MessageSid=&MessageStatus=sent",
            "MessageSidMessageStatussent",
        ),
        ("CallSid=CA1", "CallSidCA1"),
    ] {
        let posted = signed_form(body, sorted);
        let read = posted.read_by(&signature(Hash::Sha1));
        assert_eq!(read, Err(NotTaken::Unreadable), "{body}");
    }
}

/// Asks Twilio's own `RequestValidator` about hundreds of reports, and expects its judgement.
#[test]
#[allow(clippy::print_stderr, reason = "a test that is skipped says why")]
fn reports_are_judged_as_by_twilios_own_library() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vendors/venv-peers/bin/python");
    if !python.exists() {
        eprintln!("skipped: tests/vendors/install has not installed Twilio's library");
        return;
    }
    let cases = cases();
    let judged = ask(&python, &cases);
    assert_eq!(judged.len(), cases.len());
    let (mut right, mut wrong) = (0, 0);
    for (case, judged) in cases.iter().zip(judged) {
        let hash = if case["hash"] == "HMAC_SHA1" {
            Hash::Sha1
        } else {
            Hash::Sha256
        };
        let text = |name: &str| case[name].as_str().unwrap();
        // What it computed for one form of the address, and its judgement of it for the other.
        for (written, valid) in judged
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_bool().unwrap()))
        {
            let posted = Posted::new(text("url"), text("kind"), text("body"), written);
            assert_eq!(posted.is_believed(hash), valid, "{case} {written}");
            if valid { right += 1 } else { wrong += 1 }
        }
    }
    assert!(right > 300 && wrong > 300, "{right} right, {wrong} wrong");
}

/// Reports of all sorts: names in any order, twice, without a value, in any script, in any escaping.
fn cases() -> Vec<Value> {
    let names = ["MessageSid", "A", "a", "é", "名", "", "ErrorCode", "A B"];
    let values = [
        "",
        "SM1",
        "+12025550143",
        "a b",
        "ü&=+%",
        "名前",
        "\u{1f600}",
        "Z",
    ];
    let urls = [
        "https://gw.example/.countersign/receipts/main/x",
        "https://gw.example:8443/r?foo=1&bar=2",
        "http://gw.example:80/r",
        "https://gw.example:443/r?x=a%20b",
        "http://127.0.0.1:9999/r",
        "http://127.0.0.1/r?bodySHA256=",
    ];
    // A generator of its own, so that every run asks the same.
    let mut state = 7_u32;
    let mut next = |bound: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize % bound
    };
    let mut cases = Vec::new();
    for number in 0..240 {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for _ in 0..next(7) {
            form.append_pair(names[next(names.len())], values[next(values.len())]);
        }
        let hash = ["HMAC_SHA1", "HMAC_SHA256"][number % 2];
        let url = urls[next(urls.len())];
        cases.push(json!({ "url": url, "kind": FORM, "body": form.finish(), "hash": hash }));
    }
    for number in 0..40 {
        let body = json!({ "MessageSid": number, "text": values[next(values.len())] }).to_string();
        let told = hex(&Sha256::digest(if number % 3 == 0 { "x" } else { &body }));
        let empty = ["", "bodySHA256=&"][number % 2];
        let url = format!(
            "{}?a=b&{empty}bodySHA256={told}",
            urls[number % 3].split('?').next().unwrap()
        );
        cases.push(
            json!({ "url": url, "kind": "application/json", "body": body, "hash": "HMAC_SHA1" }),
        );
    }
    cases
}

/// For each case: signatures, and whether Twilio's library believes them.
fn ask(python: &Path, cases: &[Value]) -> Vec<Value> {
    const PROGRAM: &str = r#"
import json, sys
from urllib.parse import parse_qsl, urlparse
from twilio.request_validator import RequestValidator, add_port, remove_port

class Form(dict):
    def getlist(self, name):
        return self[name]

def form(body):
    pairs = Form()
    for name, value in parse_qsl(body, keep_blank_values=True):
        pairs.setdefault(name, []).append(value)
    return pairs

def judge(case):
    own, other = RequestValidator("12345"), RequestValidator("54321")
    url, algorithm = case["url"], case["hash"]
    is_form = case["kind"].startswith("application/x-www")
    params = form(case["body"]) if is_form else case["body"]
    signed = params if is_form else {}
    parsed = urlparse(url)
    written = [own.compute_signature(u, signed, algorithm) for u in (add_port(parsed), remove_port(parsed))]
    written.append(own.compute_signature(url + "/", signed, algorithm))
    written.append(own.compute_signature(url, {"A": "B"}, algorithm))
    written.append(other.compute_signature(url, signed, algorithm))
    return [(one, own.validate(url, params, one, algorithm)) for one in written]

json.dump([judge(case) for case in json.load(sys.stdin)], sys.stdout)
"#;
    let mut child = Command::new(python)
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = serde_json::to_vec(cases).unwrap();
    child.stdin.take().unwrap().write_all(&asked).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}
