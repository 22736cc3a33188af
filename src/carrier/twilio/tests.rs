use super::*;
use crate::carrier::tests::peer::{self, Peer};
use crate::carrier::tests::{NOW, PATIENCE, means, message, whole};
use crate::carrier::{Accepted, Started};
use crate::message::Text;

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const SERVICE: &str = "VA0123456789abcdef0123456789abcdef";
const POOL: &str = "MG0123456789abcdef0123456789abcdef";
const SM: &str = "SM0123456789abcdef0123456789abcdef";
const CA: &str = "CA0123456789abcdef0123456789abcdef";
const VE: &str = "VE0123456789abcdef0123456789abcdef";

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

fn settings(base_url: &str, product: Product) -> Settings {
    Settings {
        account: ACCOUNT.to_owned(),
        token: secret("the token"),
        key: None,
        product,
        base_url: base_url.to_owned(),
    }
}

fn messages() -> Product {
    Product::Messages {
        messaging_service: None,
        signature: Signature {
            hash: Hash::Sha1,
            key: secret("the token"),
        },
    }
}

/// The carrier whose service is at `url`, where receipts come in at an address of ours.
fn transport(settings: &Settings) -> Box<dyn Carrier> {
    let means = Means {
        receipts: Some("https://gw.example/r/main/x".to_owned()),
        ..means()
    };
    match open(settings, means) {
        Service::Transport(carrier) => carrier,
        Service::Managed(_) => panic!("not ours"),
    }
}

fn managed(url: &str) -> Box<dyn crate::carrier::Managed> {
    let service = SERVICE.to_owned();
    match open(&settings(url, Product::Verify { service }), means()) {
        Service::Managed(managed) => managed,
        Service::Transport(_) => panic!("ours"),
    }
}

/// An answer that takes a message.
pub(in crate::carrier) fn taken() -> String {
    says(
        "201 Created",
        &format!(r#"{{"sid":"{SM}","status":"queued"}}"#),
    )
}

/// The carrier whose service is at `url`, with a pool of senders.
pub(in crate::carrier) fn pooled(url: &str) -> Box<dyn Carrier> {
    let base_url = url.split("/send").next().unwrap();
    transport(&settings(base_url, with_pool()))
}

/// The text in a request for a message.
pub(in crate::carrier) fn body(seen: &peer::Seen) -> String {
    let (_, text) = fields(&seen.body)
        .into_iter()
        .find(|(name, _)| name == "Body")
        .unwrap();
    text
}

fn with_pool() -> Product {
    let Product::Messages { signature, .. } = messages() else {
        unreachable!()
    };
    Product::Messages {
        messaging_service: Some(POOL.to_owned()),
        signature,
    }
}

fn sender() -> Sender {
    Sender::parse("+12025550101").unwrap()
}

/// An answer of the vendor's.
fn says(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The address of a peer, up to its path.
fn prefix(peer: &Peer) -> String {
    peer.url.split("/send").next().unwrap().to_owned()
}

/// The fields of a form, in their order.
fn fields(body: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(own).collect()
}

/// What becomes of a text message, answered so.
async fn sent(reply: impl Into<Vec<u8>>) -> Result<Accepted, Failure> {
    let peer = Peer::answers(reply).await;
    transport(&settings(&prefix(&peer), messages()))
        .send(&message("049271"), Some(&sender()), PATIENCE)
        .await
}

/// What becomes of an order to Verify, answered so.
async fn started(reply: &str) -> Result<Started, Failure> {
    let peer = Peer::answers(reply).await;
    managed(&prefix(&peer))
        .start(&message("049271"), None, PATIENCE)
        .await
}

/// What Verify says of a code, answered so.
async fn checked(reply: &str) -> Result<bool, Failure> {
    let peer = Peer::answers(reply).await;
    managed(&prefix(&peer)).check(VE, "123456", PATIENCE).await
}

#[tokio::test]
async fn a_message_is_a_form_with_everything_that_twilio_needs() {
    let reply = says(
        "201 Created",
        &format!(r#"{{"sid":"{SM}","status":"queued","error_code":null}}"#),
    );
    let peer = Peer::answers(reply).await;
    let carrier = transport(&settings(
        &format!("{}/2010-04-01/", prefix(&peer)),
        messages(),
    ));
    let accepted = carrier
        .send(&message("049271"), Some(&sender()), PATIENCE)
        .await
        .unwrap();
    assert_eq!(accepted.id, SM);
    let [seen] = peer.seen().try_into().unwrap();
    let line = format!("POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP/1.1\r\n");
    assert!(seen.head.starts_with(&line), "{}", seen.head);
    assert_eq!(
        seen.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    let basic = format!("Basic {}", STANDARD.encode(format!("{ACCOUNT}:the token")));
    assert_eq!(seen.header("authorization"), Some(basic.as_str()));
    assert_eq!(
        fields(&seen.body),
        pairs(&[
            ("To", "+12025550143"),
            ("From", "+12025550101"),
            (
                "Body",
                "Example: 049271 is your Sign in code. Valid 5 min. Never share it.\n\n@portal.example.com #049271"
            ),
            ("ValidityPeriod", "300"),
            ("StatusCallback", "https://gw.example/r/main/x"),
        ])
    );
}

#[tokio::test]
async fn a_messaging_service_chooses_the_sender_unless_one_is_named() {
    let reply = says(
        "201 Created",
        &format!(r#"{{"sid":"{SM}","status":"accepted"}}"#),
    );
    let peer = Peer::answers(reply).await;
    let carrier = transport(&settings(&prefix(&peer), with_pool()));
    for from in [None, Some(&sender())] {
        carrier
            .send(&message("049271"), from, PATIENCE)
            .await
            .unwrap();
    }
    let [without, with] = peer.seen().try_into().unwrap();
    let is_sender = |(name, _): &(String, String)| name == "From" || name == "MessagingServiceSid";
    let senders = |body| {
        fields(body)
            .into_iter()
            .filter(is_sender)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        senders(&without.body),
        pairs(&[("MessagingServiceSid", POOL)])
    );
    assert_eq!(
        senders(&with.body),
        pairs(&[("From", "+12025550101"), ("MessagingServiceSid", POOL)])
    );
}

#[tokio::test]
async fn without_a_sender_nothing_is_ordered() {
    let peer = Peer::answers(says("201 Created", "{}")).await;
    let url = prefix(&peer);
    let mut call = message("049271");
    call.channel = Channel::Voice;
    let mut mail = message("049271");
    mail.channel = Channel::Email;
    for (product, message) in [
        (messages(), &message("049271")),
        (messages(), &call),
        // A pool sends texts; it does not call.
        (with_pool(), &call),
        (messages(), &mail),
    ] {
        let carrier = transport(&settings(&url, product));
        let failure = carrier.send(message, None, PATIENCE).await.unwrap_err();
        assert_eq!(failure.class(), "config");
    }
    assert_eq!(peer.seen().len(), 0);
}

#[tokio::test]
async fn a_call_brings_its_words_along() {
    let reply = says(
        "201 Created",
        &format!(r#"{{"sid":"{CA}","status":"queued"}}"#),
    );
    let peer = Peer::answers(reply).await;
    let mut call = message("049271");
    call.channel = Channel::Voice;
    let carrier = transport(&settings(&prefix(&peer), messages()));
    let accepted = carrier
        .send(&call, Some(&sender()), PATIENCE)
        .await
        .unwrap();
    assert_eq!(accepted.id, CA);
    let [seen] = peer.seen().try_into().unwrap();
    let line = format!("POST /Accounts/{ACCOUNT}/Calls.json HTTP/1.1\r\n");
    assert!(seen.head.starts_with(&line), "{}", seen.head);
    let script: Text = call.script().twiml();
    assert_eq!(
        fields(&seen.body),
        pairs(&[
            ("To", "+12025550143"),
            ("From", "+12025550101"),
            ("Twiml", script.as_str()),
            ("Timeout", "20"),
            ("StatusCallback", "https://gw.example/r/main/x"),
        ])
    );
}

#[test]
fn the_longest_script_is_one_that_twilio_takes() {
    let mut longest = message("04927100");
    // As long as a site's name may be, every character of it escaped.
    longest.draft.name = "\"".repeat(200);
    longest.draft.minutes = 10;
    let script = longest.script().twiml();
    assert!(script.as_str().chars().count() <= 4_000);
}

#[tokio::test]
async fn nobody_is_asked_for_receipts_who_cannot_bring_them() {
    let reply = says("201 Created", &format!(r#"{{"sid":"{SM}"}}"#));
    let peer = Peer::answers(reply).await;
    let Service::Transport(carrier) = open(&settings(&prefix(&peer), messages()), means()) else {
        panic!()
    };
    carrier
        .send(&message("049271"), Some(&sender()), PATIENCE)
        .await
        .unwrap();
    assert!(!peer.seen()[0].body.contains("StatusCallback"));
}

#[tokio::test]
async fn an_api_key_stands_in_for_the_token() {
    let reply = says("201 Created", &format!(r#"{{"sid":"{SM}"}}"#));
    let peer = Peer::answers(reply).await;
    let mut settings = settings(&prefix(&peer), messages());
    settings.key = Some(ApiKey {
        id: "SK0123456789abcdef0123456789abcdef".to_owned(),
        secret: secret("the key's secret"),
    });
    transport(&settings)
        .send(&message("049271"), Some(&sender()), PATIENCE)
        .await
        .unwrap();
    let basic = STANDARD.encode("SK0123456789abcdef0123456789abcdef:the key's secret");
    let seen = &peer.seen()[0];
    assert_eq!(
        seen.header("authorization"),
        Some(format!("Basic {basic}").as_str())
    );
    // The account stays the one whose number it is.
    assert!(seen.head.contains(ACCOUNT));
}

#[tokio::test]
async fn each_answer_has_its_class() {
    let problem = |code: u32| {
        format!(
            r#"{{"code":{code},"message":"The 'To' number +12025550143 is bad","more_info":"x","status":400}}"#
        )
    };
    for (status, code, class) in [
        ("400 Bad Request", 21211, "bad_number"),
        ("400 Bad Request", 21214, "bad_number"),
        ("400 Bad Request", 21614, "landline"),
        ("400 Bad Request", 21635, "landline"),
        ("400 Bad Request", 21610, "opted_out"),
        ("403 Forbidden", 60410, "blocked"),
        ("401 Unauthorized", 20003, "config"),
        ("400 Bad Request", 21606, "config"),
        ("400 Bad Request", 21659, "config"),
        ("400 Bad Request", 21408, "config"),
        ("400 Bad Request", 21608, "config"),
        ("400 Bad Request", 21617, "config"),
        ("400 Bad Request", 21609, "config"),
        ("404 Not Found", 20404, "config"),
        ("429 Too Many Requests", 20429, "throttled"),
        ("429 Too Many Requests", 14107, "throttled"),
        ("429 Too Many Requests", 63038, "config"),
        ("429 Too Many Requests", 99999, "throttled"),
        ("400 Bad Request", 21611, "throttled"),
        // Unknown ones: of the twenty-one thousands only where the request was at fault.
        ("400 Bad Request", 21999, "blocked"),
        ("403 Forbidden", 21999, "config"),
        ("400 Bad Request", 30999, "transient"),
        ("400 Bad Request", 12345, "config"),
        // Once it is Twilio's own fault, the code does not matter.
        ("500 Internal Server Error", 21211, "transient"),
        ("503 Service Unavailable", 20503, "transient"),
        ("302 Found", 21211, "config"),
    ] {
        let failure = sent(says(status, &problem(code))).await.unwrap_err();
        assert_eq!(failure.class(), class, "{status} {code}");
        let said = whole(&failure);
        assert!(
            !said.contains("2025550143") && !said.contains("number +"),
            "{said}"
        );
        if status.starts_with('4') {
            assert!(said.contains(&code.to_string()), "{said}");
        }
    }
    for (status, body, class) in [
        ("401 Unauthorized", "", "config"),
        ("404 Not Found", "<html>", "config"),
        ("400 Bad Request", "{}", "config"),
        ("400 Bad Request", r#"{"code":null}"#, "config"),
        ("400 Bad Request", r#"{"code":"21211"}"#, "bad_number"),
        ("429 Too Many Requests", "[]", "throttled"),
        ("408 Request Timeout", r#"{"code":1}"#, "transient"),
    ] {
        let failure = sent(says(status, body)).await.unwrap_err();
        assert_eq!(failure.class(), class, "{status} {body}");
    }
}

#[tokio::test]
async fn a_wait_that_twilio_asks_for_is_told() {
    let body = r#"{"code":20429}"#;
    let reply = format!(
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let failure = sent(reply).await.unwrap_err();
    assert!(
        matches!(failure, Failure::Throttled { retry_after: Some(wait), .. } if wait == Duration::from_secs(7)),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_message_that_failed_as_soon_as_it_was_made_is_not_taken() {
    for (status, code, class) in [
        ("failed", "21610", "opted_out"),
        ("undelivered", "30006", "landline"),
        ("failed", "null", "transient"),
        ("failed", "99999", "transient"),
        ("canceled", "null", "transient"),
        ("queued", "30034", "config"),
    ] {
        let body = format!(r#"{{"sid":"{SM}","status":"{status}","error_code":{code}}}"#);
        let failure = sent(says("201 Created", &body)).await.unwrap_err();
        assert_eq!(failure.class(), class, "{status} {code}");
    }
}

#[tokio::test]
async fn a_success_that_names_nothing_may_be_on_its_way() {
    let long = format!(r#"{{"sid":"SM{}"}}"#, "0".repeat(40));
    for body in [
        "",
        "<html>",
        "{}",
        r#"{"sid":null}"#,
        r#"{"sid":"x\ny"}"#,
        &format!(r#"{{"sid":"{CA}"}}"#),
        &long,
    ] {
        let failure = sent(says("201 Created", body)).await.unwrap_err();
        assert_eq!(failure.class(), "unknown", "{body}");
    }
}

#[tokio::test]
async fn verify_is_ordered_by_channel_and_keeps_its_name() {
    let reply = says(
        "201 Created",
        &format!(r#"{{"sid":"{VE}","status":"pending","valid":false}}"#),
    );
    let peer = Peer::answers(reply).await;
    let verify = managed(&format!("{}/v2", prefix(&peer)));
    let mail = crate::email::Email::parse("ann@example.com").unwrap();
    let (sms, mut call, mut letter) = (message("1"), message("1"), message("1"));
    call.channel = Channel::Voice;
    letter.channel = Channel::Email;
    letter.to = crate::address::Address::Email(mail);
    for message in [&sms, &call, &letter] {
        let started = verify.start(message, None, PATIENCE).await.unwrap();
        assert_eq!((started.id.as_str(), started.handle.as_str()), (VE, VE));
    }
    let wanted = [
        ("+12025550143", "sms"),
        ("+12025550143", "call"),
        ("ann@example.com", "email"),
    ];
    for (seen, (to, channel)) in peer.seen().iter().zip(wanted) {
        let line = format!("POST /v2/Services/{SERVICE}/Verifications HTTP/1.1\r\n");
        assert!(seen.head.starts_with(&line), "{}", seen.head);
        assert_eq!(
            fields(&seen.body),
            pairs(&[("To", to), ("Channel", channel)])
        );
    }
}

#[tokio::test]
async fn verify_that_does_not_begin_says_why() {
    let body = |status: &str| format!(r#"{{"sid":"{VE}","status":"{status}"}}"#);
    for (reply, class) in [
        (says("201 Created", &body("canceled")), "transient"),
        (
            says("201 Created", &body("max_attempts_reached")),
            "transient",
        ),
        (says("201 Created", &body("a new word")), "unknown"),
        (says("201 Created", r#"{"status":"pending"}"#), "unknown"),
        (says("201 Created", "{}"), "unknown"),
        (says("400 Bad Request", r#"{"code":60200}"#), "bad_number"),
        (says("403 Forbidden", r#"{"code":60205}"#), "landline"),
        (says("403 Forbidden", r#"{"code":60410}"#), "blocked"),
        (says("404 Not Found", r#"{"code":20404}"#), "config"),
        (
            says("429 Too Many Requests", r#"{"code":60203}"#),
            "throttled",
        ),
        (
            says("429 Too Many Requests", r#"{"code":60212}"#),
            "throttled",
        ),
    ] {
        assert_eq!(started(&reply).await.unwrap_err().class(), class, "{reply}");
    }
}

#[tokio::test]
async fn a_code_is_right_only_where_twilio_says_so() {
    let body = |status: &str, valid: &str| {
        says(
            "200 OK",
            &format!(r#"{{"sid":"{VE}","status":"{status}","valid":{valid}}}"#),
        )
    };
    let gone = says("404 Not Found", r#"{"code":20404,"status":404}"#);
    for (reply, right) in [
        (body("approved", "true"), true),
        (body("approved", "null"), true),
        (body("pending", "false"), false),
        (body("canceled", "false"), false),
        (body("max_attempts_reached", "false"), false),
        (body("expired", "false"), false),
        (gone, false),
    ] {
        assert_eq!(checked(&reply).await.unwrap(), right, "{reply}");
    }
    for (reply, class) in [
        // It contradicts itself, or says nothing: nobody knows.
        (body("approved", "false"), "unknown"),
        (body("pending", "true"), "unknown"),
        (body("a new word", "true"), "unknown"),
        (says("200 OK", r#"{"valid":true}"#), "unknown"),
        (says("200 OK", "<html>"), "unknown"),
        // Somebody else's 404.
        (says("404 Not Found", "<html>"), "config"),
        (says("401 Unauthorized", r#"{"code":20003}"#), "config"),
        (
            says("429 Too Many Requests", r#"{"code":60202}"#),
            "throttled",
        ),
        (says("500 Internal Server Error", "{}"), "transient"),
    ] {
        assert_eq!(checked(&reply).await.unwrap_err().class(), class, "{reply}");
    }
}

#[tokio::test]
async fn a_check_says_which_verification_and_what_was_typed() {
    let peer = Peer::answers(says("200 OK", r#"{"status":"pending","valid":false}"#)).await;
    let verify = managed(&prefix(&peer));
    assert!(!verify.check(VE, "12 34&56", PATIENCE).await.unwrap());
    let [seen] = peer.seen().try_into().unwrap();
    let line = format!("POST /Services/{SERVICE}/VerificationCheck HTTP/1.1\r\n");
    assert!(seen.head.starts_with(&line), "{}", seen.head);
    assert_eq!(
        fields(&seen.body),
        pairs(&[("Code", "12 34&56"), ("VerificationSid", VE)])
    );
}

#[tokio::test]
async fn c8_no_secret_code_or_number_is_in_a_failure_or_in_debug() {
    let settings = settings("http://localhost:1", messages());
    let shown = format!("{settings:?}");
    assert!(!shown.contains("the token"), "{shown}");
    for base_url in [peer::nobody().await, "http://local host".to_owned()] {
        let carrier = transport(&Settings {
            base_url,
            ..settings.clone()
        });
        let failure = carrier
            .send(&message("049271"), Some(&sender()), PATIENCE)
            .await
            .unwrap_err();
        assert!(failure.is_of_the_carrier(), "{failure:?}");
        let said = whole(&failure);
        for secret in ["049271", "2025550143", "the token", "dGhl"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
}

#[test]
fn a_receipt_comes_in_by_the_same_carrier() {
    let carrier = transport(&settings("http://localhost:1", messages()));
    let (headers, body) = (
        http::HeaderMap::new(),
        Bytes::from("MessageSid=SM1&MessageStatus=sent"),
    );
    let report = Report {
        headers: &headers,
        body: &body,
        url: "https://gw.example/r/main/x",
        now: NOW,
    };
    assert_eq!(carrier.receipts(&report), Err(NotTaken::Forged));
}
