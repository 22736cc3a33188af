use hmac::{Hmac, KeyInit as _, Mac as _};
use rustls::RootCertStore;
use sha2::Sha256;

use http::StatusCode;

use super::*;
use crate::carrier::Cause;
use crate::carrier::tests::peer::{self, Peer};
use crate::carrier::tests::{BRIEF, NOW, PATIENCE, means, message, webhook_to};
use crate::carrier::webhook::answer::{Class, Condition};

const TAKEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// An answer with that status line, headers and body.
fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn sent_to(peer: &Peer) -> Result<Accepted, Failure> {
    webhook_to(&peer.url)
        .send(&message("049271"), None, PATIENCE)
        .await
}

#[tokio::test]
async fn the_request_is_as_documented() {
    let peer = Peer::answers(TAKEN).await;
    let mut to_send = message("049271");
    to_send.locale = Some("en".to_owned());
    let accepted = webhook_to(&peer.url)
        .send(&to_send, None, PATIENCE)
        .await
        .unwrap();
    assert_eq!(accepted.id, to_send.id.as_str());

    let [seen] = peer.seen().try_into().unwrap();
    assert!(
        seen.head.starts_with("POST /send?a=1 HTTP/1.1\r\n"),
        "{}",
        seen.head
    );
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("idempotency-key"), Some(to_send.id.as_str()));
    let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({
            "id": to_send.id.as_str(), "site": "portal", "scope": "login", "channel": "sms", "to": "+12025550143",
            "text": "Example: 049271 is your Sign in code. Valid 5 min. Never share it.\n\n@portal.example.com #049271",
            "locale": "en", "expires_at": "2026-11-22T19:35:00Z",
        })
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(b"hook key").unwrap();
    mac.update(format!("{}.{}", NOW.unix, seen.body).as_bytes());
    let hex: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .flat_map(|b| [b >> 4, b & 15])
        .map(digit)
        .collect();
    assert_eq!(
        seen.header("x-countersign-signature"),
        Some(format!("t={},v1={hex}", NOW.unix).as_str())
    );
}

fn digit(half: u8) -> char {
    char::from_digit(u32::from(half), 16).unwrap()
}

/// Computed with Python's `hmac`.
#[test]
fn the_signature_is_hmac_sha_256_over_time_and_body() {
    let key = Secret::new(b"hook key".to_vec());
    let signed = Signature::new(&key).sign(1_795_375_800, br#"{"id":"x"}"#);
    assert_eq!(
        signed,
        "t=1795375800,v1=16bcce20408a8fa9839686189cc3f7b94fa4d135024a339215f27e28502de28b"
    );
}

#[tokio::test]
async fn a_success_is_taken_by_whatever_name_the_receiver_gives_it() {
    for (reply, id) in [
        (answer("200 OK", "", r#"{"id":"SM-17"}"#), Some("SM-17")),
        (
            answer("202 Accepted", "", r#"{"id":"x","more":[1]}"#),
            Some("x"),
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), None),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n".to_owned(),
            None,
        ),
        (answer("200 OK", "", "<html>thanks</html>"), None),
        (answer("200 OK", "", r#"{"id":17}"#), None),
        (answer("200 OK", "", r#"{"id":""}"#), None),
        (answer("200 OK", "", r#"{"id":"a\nb"}"#), None),
        (
            answer("200 OK", "", &format!(r#"{{"id":"{}"}}"#, "x".repeat(129))),
            None,
        ),
    ] {
        let peer = Peer::answers(reply.clone()).await;
        let to_send = message("049271");
        let accepted = webhook_to(&peer.url)
            .send(&to_send, None, PATIENCE)
            .await
            .expect(&reply);
        assert_eq!(accepted.id, id.unwrap_or(to_send.id.as_str()), "{reply}");
    }
}

#[tokio::test]
async fn each_answer_has_its_class() {
    let refused = |what: &str| format!(r#"{{"refused":"{what}"}}"#);
    let long = "x".repeat(70_000);
    for (reply, class) in [
        (answer("422 No", "", &refused("bad_number")), "bad_number"),
        (answer("400 No", "", &refused("blocked")), "blocked"),
        (answer("422 No", "", &refused("opted_out")), "opted_out"),
        (answer("422 No", "", &refused("landline")), "landline"),
        (answer("422 No", "", &refused("weather")), "config"),
        (answer("403 No", "", &refused("blocked")), "config"),
        (answer("500 No", "", &refused("blocked")), "transient"),
        (answer("400 Bad Request", "", ""), "config"),
        (answer("401 Unauthorized", "", ""), "config"),
        (answer("402 Payment Required", "", ""), "config"),
        (answer("403 Forbidden", "", ""), "config"),
        (answer("404 Not Found", "", ""), "config"),
        (answer("410 Gone", "", ""), "config"),
        (answer("408 Request Timeout", "", ""), "transient"),
        (answer("425 Too Early", "", ""), "transient"),
        (answer("500 Internal Server Error", "", ""), "transient"),
        (answer("502 Bad Gateway", "", ""), "transient"),
        (answer("503 Service Unavailable", "", ""), "transient"),
        (answer("429 Too Many Requests", "", ""), "throttled"),
        (
            answer("503 Service Unavailable", "Retry-After: 30\r\n", ""),
            "throttled",
        ),
        (answer("500 Internal Server Error", "", &long), "transient"),
        (
            "HTTP/1.1 500 No\r\nContent-Length: 100\r\n\r\nhalf".to_owned(),
            "transient",
        ),
        (answer("200 OK", "", &long), "unknown"),
        (format!("HTTP/1.1 200 OK\r\n\r\n{long}"), "unknown"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_owned(),
            "unknown",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Le".to_owned(), "unknown"),
        ("220 mail.example.com ESMTP\r\n".to_owned(), "unknown"),
        (String::new(), "unknown"),
    ] {
        let peer = Peer::answers(reply.clone()).await;
        let failure = sent_to(&peer).await.expect_err(&reply);
        assert_eq!(
            failure.class(),
            class,
            "{}: {failure:?}",
            &reply[..reply.len().min(60)]
        );
        assert_eq!(
            peer.seen().len(),
            1,
            "tried twice: {}",
            &reply[..reply.len().min(60)]
        );
    }
}

#[tokio::test]
async fn the_wait_a_carrier_asks_for_is_read_as_seconds_or_date() {
    for (value, wait) in [
        ("30", Some(30)),
        (" 0 ", Some(0)),
        ("Sun, 22 Nov 2026 19:31:00 GMT", Some(60)),
        ("Sun, 22 Nov 2026 19:29:00 GMT", Some(0)),
        ("soon", None),
        ("-5", None),
        ("99999999999999999999999", None),
    ] {
        let peer = Peer::answers(answer("429 No", &format!("Retry-After: {value}\r\n"), "")).await;
        let failure = sent_to(&peer).await.unwrap_err();
        let Failure::Throttled { retry_after, .. } = failure else {
            panic!("{value}: {failure:?}")
        };
        assert_eq!(retry_after, wait.map(Duration::from_secs), "{value}");
    }
}

/// One that was kept could be closed by the other side in the very moment of the next message.
#[tokio::test]
async fn a_connection_carries_one_message() {
    // The answer promises to keep the connection; whatever comes next on it is not answered.
    let peer = Peer::stalls(TAKEN).await;
    let webhook = webhook_to(&peer.url);
    for _ in 0..2 {
        webhook
            .send(&message("049271"), None, PATIENCE)
            .await
            .unwrap();
    }
    assert_eq!(peer.seen().len(), 2);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Peer::answers(TAKEN).await;
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let peer = Peer::answers(answer(
            status,
            &format!("Location: {}\r\n", elsewhere.url),
            "",
        ))
        .await;
        let failure = sent_to(&peer).await.unwrap_err();
        assert!(
            matches!(failure, Failure::Config(Cause::Status(_))),
            "{status}: {failure:?}"
        );
    }
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn silence_after_the_request_is_an_unknown_outcome() {
    let peer = Peer::is_silent().await;
    let failure = webhook_to(&peer.url)
        .send(&message("049271"), None, BRIEF)
        .await
        .unwrap_err();
    assert!(
        matches!(failure, Failure::Unknown(Cause::Silence)),
        "{failure:?}"
    );
    assert_eq!(peer.seen().len(), 1);
}

#[tokio::test]
async fn an_answer_that_trickles_for_ever_is_an_unknown_outcome() {
    // The head comes, the body's end never does: the connection stays open, since the peer awaits our close.
    let peer = Peer::stalls("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{").await;
    let failure = webhook_to(&peer.url)
        .send(&message("049271"), None, BRIEF)
        .await
        .unwrap_err();
    assert!(
        matches!(failure, Failure::Unknown(Cause::Silence)),
        "{failure:?}"
    );
}

#[tokio::test]
async fn what_never_left_is_a_transient_failure() {
    let failure = webhook_to(&peer::nobody().await)
        .send(&message("049271"), None, PATIENCE)
        .await
        .unwrap_err();
    assert!(
        matches!(failure, Failure::Transient(Cause::Connect(_))),
        "{failure:?}"
    );

    // TCP stands, but the handshake that must come before the request never ends.
    let mute = Peer::is_silent().await;
    let url = mute.url.replace("http://", "https://");
    let failure = webhook_to(&url)
        .send(&message("049271"), None, BRIEF)
        .await
        .unwrap_err();
    assert!(
        matches!(failure, Failure::Transient(Cause::SlowConnect)),
        "{failure:?}"
    );
    assert!(mute.seen().is_empty());
}

#[tokio::test]
async fn https_goes_only_to_those_whose_certificate_is_believed() {
    let (peer, certificate) = Peer::answers_by_tls(TAKEN).await;
    let failure = sent_to(&peer).await.unwrap_err();
    assert!(
        matches!(failure, Failure::Transient(Cause::Connect(_))),
        "{failure:?}"
    );
    assert!(peer.seen().is_empty());

    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let settings = Settings::signed(peer.url.clone(), Secret::new(b"hook key".to_vec()));
    let webhook = Webhook::new(
        &settings,
        Means {
            client: HttpClient::new(roots).unwrap(),
            ..means()
        },
    )
    .unwrap();
    assert!(
        webhook
            .send(&message("049271"), None, PATIENCE)
            .await
            .is_ok()
    );
    assert_eq!(peer.seen().len(), 1);
}

#[test]
fn an_address_is_http_or_https_with_a_host_and_no_password() {
    for (url, fits) in [
        ("https://sms.example.net/send", true),
        ("http://127.0.0.1:8080", true),
        ("http://[::1]/x?y=z", true),
        ("ftp://sms.example.net/", false),
        ("https://ann:secret@sms.example.net/", false),
        ("sms.example.net/send", false),
        ("/send", false),
        ("", false),
        ("https://sms example.net/", false),
    ] {
        let settings = Settings::signed(url.to_owned(), Secret::new(Vec::new()));
        assert_eq!(Webhook::new(&settings, means()).is_ok(), fits, "{url}");
    }
}

/// A templated webhook with this body, and `change` made to it.
fn templated(url: &str, body: &str, change: impl FnOnce(&mut Settings)) -> Webhook {
    let mut settings = Settings {
        signing_key: None,
        body: Body::Template {
            content_type: HeaderValue::from_static("application/json"),
            text: Template::parse(body, Home::Json).unwrap(),
        },
        ..Settings::signed(url.to_owned(), Secret::new(Vec::new()))
    };
    change(&mut settings);
    let receipts = Some("https://gw.example/.countersign/receipts/main/s".to_owned());
    let means = Means {
        receipts,
        ..means()
    };
    Webhook::new(&settings, means).unwrap()
}

/// One that asks with everything in the address.
pub(in crate::carrier) fn get_from(url: &str) -> Webhook {
    let base = url.split('?').next().unwrap();
    templated(
        &format!("{base}?to={{TO}}&text={{TEXT}}"),
        "{}",
        |settings| {
            settings.method = Method::GET;
            settings.body = Body::Empty;
        },
    )
}

fn header(name: &'static str, value: &str) -> (HeaderName, Template) {
    let value = Template::parse(value, Home::Header).unwrap();
    (HeaderName::from_static(name), value)
}

fn status(codes: &[u16]) -> Vec<StatusCode> {
    codes
        .iter()
        .map(|&code| StatusCode::from_u16(code).unwrap())
        .collect()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[tokio::test]
async fn a_request_is_what_its_template_says() {
    let peer = Peer::answers(TAKEN).await;
    let body = r#"{"to":["{TO_DIGITS}"],"from":"{FROM}","text":"{TEXT}","life":{LIFE},"min":{MINUTES},"until":"{EXPIRES}","ref":"{ID}","code":"{CODE}","notify":"{RECEIPT_URL}?id={ID}&s=%d","l":"{LOCALE}/{SITE}/{CHANNEL}"}"#;
    let webhook = templated(&format!("{}&to={{TO}}", peer.url), body, |settings| {
        settings.method = Method::PUT;
        settings.headers = vec![
            header("authorization", "App {SECRET}"),
            header("x-to", "{TO}"),
            header("user-agent", "mine"),
        ];
        settings.secret = Some(Secret::new(b"s3cret".to_vec()));
    });
    let (to_send, from) = (message("049271"), Sender::parse("+12025550101").unwrap());
    webhook.send(&to_send, Some(&from), PATIENCE).await.unwrap();
    let [seen] = peer.seen().try_into().unwrap();
    assert!(
        seen.head
            .starts_with("PUT /send?a=1&to=%2B12025550143 HTTP/1.1\r\n"),
        "{}",
        seen.head
    );
    for (name, value) in [
        ("authorization", "App s3cret"),
        ("x-to", "+12025550143"),
        ("user-agent", "mine"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    assert_eq!(seen.head.matches("ser-agent").count(), 1);
    assert_eq!(seen.header("x-countersign-signature"), None);
    let id = to_send.id.as_str();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&seen.body).unwrap(),
        serde_json::json!({
            "to": ["12025550143"], "from": "+12025550101", "life": 300, "min": 5, "until": "2026-11-22T19:35:00Z",
            "text": "Example: 049271 is your Sign in code. Valid 5 min. Never share it.\n\n@portal.example.com #049271",
            "ref": id, "code": "049271", "l": "en/portal/sms",
            "notify": format!("https://gw.example/.countersign/receipts/main/s?id={id}&s=%d"),
        })
    );
}

#[tokio::test]
async fn a_get_has_all_of_it_in_its_address_and_no_body() {
    let peer = Peer::answers(TAKEN).await;
    get_from(&peer.url)
        .send(&message("049271"), None, PATIENCE)
        .await
        .unwrap();
    let [seen] = peer.seen().try_into().unwrap();
    assert!(
        seen.head.starts_with(
            "GET /send?to=%2B12025550143&text=Example%3A%20049271%20is%20your%20Sign%20in%20code.%20Valid%205%20min.%20Never%20share%20it.%0A%0A%40portal.example.com%20%23049271 HTTP/1.1\r\n"
        ),
        "{}",
        seen.head
    );
    assert_eq!(
        (seen.body.as_str(), seen.header("content-length")),
        ("", None)
    );
}

/// Its message is in the head: once that is out, nobody knows.
#[tokio::test]
async fn a_get_that_is_not_answered_is_an_unknown_outcome() {
    for (peer, broken) in [
        (Peer::is_silent().await, false),
        (Peer::answers("").await, true),
    ] {
        let failure = get_from(&peer.url)
            .send(&message("049271"), None, BRIEF)
            .await
            .unwrap_err();
        let fits = match failure {
            Failure::Unknown(Cause::Silence) => !broken,
            Failure::Unknown(Cause::Broken(_)) => broken,
            _ => false,
        };
        assert!(fits, "{failure:?}");
        assert_eq!(peer.seen().len(), 1);
    }
}

/// TCP stands, but not TLS: nothing of the address went out.
#[tokio::test]
async fn a_get_that_never_left_is_a_transient_failure() {
    let mute = Peer::is_silent().await;
    let url = mute.url.replace("http://", "https://");
    let failure = get_from(&url)
        .send(&message("049271"), None, BRIEF)
        .await
        .unwrap_err();
    assert!(
        matches!(failure, Failure::Transient(Cause::SlowConnect)),
        "{failure:?}"
    );
    assert!(mute.seen().is_empty());
}

#[tokio::test]
async fn basic_credentials_and_a_signature_stand_beside_a_template() {
    let peer = Peer::answers(TAKEN).await;
    let webhook = templated(&peer.url, r#"["{TO}","{TEXT}"]"#, |settings| {
        settings.login = Some(("Aladdin".to_owned(), Secret::new(b"open sesame".to_vec())));
        settings.signing_key = Some(Secret::new(b"hook key".to_vec()));
    });
    let to_send = message("049271");
    webhook.send(&to_send, None, PATIENCE).await.unwrap();
    let [seen] = peer.seen().try_into().unwrap();
    // RFC 7617 section 2.
    assert_eq!(
        seen.header("authorization"),
        Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    );
    let signed =
        Signature::new(&Secret::new(b"hook key".to_vec())).sign(NOW.unix, seen.body.as_bytes());
    assert_eq!(
        seen.header("x-countersign-signature"),
        Some(signed.as_str())
    );
    assert_eq!(seen.header("idempotency-key"), Some(to_send.id.as_str()));
}

#[tokio::test]
async fn our_own_json_names_the_sender_where_there_is_one() {
    let peer = Peer::answers(TAKEN).await;
    let from = Sender::parse("24273").unwrap();
    webhook_to(&peer.url)
        .send(&message("049271"), Some(&from), PATIENCE)
        .await
        .unwrap();
    let body: serde_json::Value = serde_json::from_str(&peer.seen()[0].body).unwrap();
    assert_eq!(body["from"], "24273");
}

#[tokio::test]
async fn what_a_message_does_not_have_is_told_and_nothing_is_sent() {
    let peer = Peer::answers(TAKEN).await;
    let mail = crate::email::Email::parse("ann@example.com").unwrap();
    for (body, place) in [
        (r#"["{FROM}"]"#, "FROM"),
        (r#"["{FROM_DIGITS}"]"#, "FROM_DIGITS"),
        (r#"["{SECRET}"]"#, "SECRET"),
        (r#"["{TO_DIGITS}"]"#, "TO_DIGITS"),
    ] {
        let mut to_send = message("049271");
        to_send.to = crate::address::Address::Email(mail.clone());
        let failure = templated(&peer.url, body, |_| {})
            .send(&to_send, None, PATIENCE)
            .await;
        let Err(Failure::Config(Cause::Unfilled(named))) = failure else {
            panic!("{body}: {failure:?}")
        };
        assert_eq!(named, place);
    }
    assert!(peer.seen().is_empty());
}

/// A vendor that says 200 to everything and means it once.
fn liar(url: &str) -> Webhook {
    templated(url, r#"["{TO}","{TEXT}"]"#, |settings| {
        let at = |equals: &[&str]| Condition {
            pointer: Some("/messages/0/status".to_owned()),
            equals: texts(equals),
            ..Condition::default()
        };
        settings.rules = Rules {
            success: Some(Condition {
                status: status(&[200, 202]),
                ..at(&["0", "OK"])
            }),
            errors: vec![
                (at(&["6"]), Class::BadNumber),
                (at(&["7"]), Class::Blocked),
                (at(&["8"]), Class::OptedOut),
                (at(&["9"]), Class::Landline),
                (at(&["1"]), Class::Throttled),
                (at(&["5"]), Class::Transient),
                (at(&["99"]), Class::Unknown),
                (at(&["true"]), Class::Config),
                (
                    Condition {
                        status: status(&[403]),
                        ..Condition::default()
                    },
                    Class::Blocked,
                ),
                (
                    Condition {
                        starts_with: texts(&["No funds"]),
                        ..Condition::default()
                    },
                    Class::Config,
                ),
                (
                    Condition {
                        status: status(&[200]),
                        ..at(&[])
                    },
                    Class::Transient,
                ),
            ],
            id: Some("/messages/0/id".to_owned()),
        };
    })
}

#[tokio::test]
async fn the_operators_rules_say_what_an_answer_means() {
    let said = |status: &str| format!(r#"{{"messages":[{{"status":{status},"id":17}}]}}"#);
    for (line, headers, body, class) in [
        ("200 OK", "", said("\"0\""), "taken"),
        ("202 Accepted", "", said("0"), "taken"),
        ("200 OK", "", said("\"OK\""), "taken"),
        ("200 OK", "", said("\"6\""), "bad_number"),
        ("200 OK", "", said("6"), "bad_number"),
        ("200 OK", "", said("7"), "blocked"),
        ("200 OK", "", said("8"), "opted_out"),
        ("200 OK", "", said("9"), "landline"),
        ("200 OK", "", said("1"), "throttled"),
        ("200 OK", "", said("5"), "transient"),
        ("200 OK", "", said("99"), "unknown"),
        ("200 OK", "", said("true"), "config"),
        // The last rule: that there is a status at all.
        ("200 OK", "", said("\"WEATHER\""), "transient"),
        ("200 OK", "", said("{}"), "transient"),
        // Neither yes nor no: it may have been sent.
        ("200 OK", "", said("null"), "unknown"),
        ("200 OK", "", "<html>thanks</html>".to_owned(), "unknown"),
        ("200 OK", "", String::new(), "unknown"),
        ("201 Created", "", said("0"), "unknown"),
        ("200 OK", "", "  No funds left".to_owned(), "config"),
        ("500 No", "", "No funds left".to_owned(), "config"),
        ("403 No", "", String::new(), "blocked"),
        ("400 No", "", said("6"), "bad_number"),
        // What no rule describes is judged by its status.
        ("400 No", "", String::new(), "config"),
        (
            "400 No",
            "",
            r#"{"refused":"landline"}"#.to_owned(),
            "config",
        ),
        ("503 No", "", String::new(), "transient"),
        ("429 No", "", String::new(), "throttled"),
        (
            "302 Found",
            "Location: http://localhost/\r\n",
            String::new(),
            "config",
        ),
    ] {
        let peer = Peer::answers(answer(line, headers, &body)).await;
        let sent = liar(&peer.url)
            .send(&message("049271"), None, PATIENCE)
            .await;
        let is = match &sent {
            Ok(accepted) => {
                assert_eq!(accepted.id, "17");
                "taken"
            }
            Err(failure) => failure.class(),
        };
        assert_eq!(is, class, "{line} {body}: {sent:?}");
    }
    let wait = answer("503 No", "Retry-After: 30\r\n", &said("1"));
    let peer = Peer::answers(wait).await;
    let failure = liar(&peer.url)
        .send(&message("049271"), None, PATIENCE)
        .await
        .unwrap_err();
    let Failure::Throttled { retry_after, .. } = failure else {
        panic!("{failure:?}")
    };
    assert_eq!(retry_after, Some(Duration::from_secs(30)));
}

#[tokio::test]
async fn c8_what_a_vendor_says_back_is_not_told_further() {
    let rules = |settings: &mut Settings| {
        settings.rules = Rules {
            errors: vec![(
                Condition {
                    pointer: Some("/error".to_owned()),
                    ..Condition::default()
                },
                Class::BadNumber,
            )],
            id: Some("/id".to_owned()),
            success: None,
        };
    };
    for (said, shown) in [
        ("E-17 a\\u0007b", "the answer was 200 OK, code E-17ab"),
        ("no route to +12025550143", "the answer was 200 OK"),
        ("12025550143", "the answer was 200 OK"),
        ("Example: 049271 is your code", "the answer was 200 OK"),
    ] {
        let peer = Peer::answers(answer("200 OK", "", &format!(r#"{{"error":"{said}"}}"#))).await;
        let webhook = templated(&peer.url, r#"["{TEXT}"]"#, rules);
        let failure = webhook
            .send(&message("049271"), None, PATIENCE)
            .await
            .unwrap_err();
        let Failure::BadNumber(cause) = failure else {
            panic!("{failure:?}")
        };
        assert_eq!(cause.to_string(), shown, "{said}");
    }
    let peer = Peer::answers(answer("200 OK", "", r#"{"id":"to-12025550143"}"#)).await;
    let to_send = message("049271");
    let webhook = templated(&peer.url, r#"["{TEXT}"]"#, rules);
    let accepted = webhook.send(&to_send, None, PATIENCE).await.unwrap();
    assert_eq!(accepted.id, to_send.id.as_str());
}

#[test]
fn receipts_are_taken_only_where_their_form_is_known() {
    let (headers, body) = (http::HeaderMap::new(), Bytes::new());
    let report = Report {
        headers: &headers,
        body: &body,
        url: "https://gw.example/.countersign/receipts/main/s?id=a&s=1",
        now: NOW,
    };
    let plain = webhook_to("http://localhost/");
    assert_eq!(plain.receipts(&report), Err(NotTaken::Forged), "not signed");
    let without = templated("http://localhost/", r#"["{TEXT}"]"#, |_| {});
    assert_eq!(without.receipts(&report), Err(NotTaken::None));
    let webhook = templated("http://localhost/", r#"["{TEXT}"]"#, |settings| {
        settings.receipt = Some(receipt::Form {
            each: None,
            id: receipt::Field::parse("id"),
            state: receipt::Field::parse("s"),
            code: None,
            sent: Vec::new(),
            delivered: texts(&["1"]),
            failed: Vec::new(),
        });
    });
    let fate = crate::carrier::Fate::Delivered;
    assert_eq!(
        webhook.receipts(&report),
        Ok(vec![Receipt {
            id: "a".to_owned(),
            fate
        }])
    );
}
