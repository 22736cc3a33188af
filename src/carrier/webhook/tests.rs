use rustls::RootCertStore;

use super::*;
use crate::carrier::Cause;
use crate::carrier::tests::peer::{self, Peer};
use crate::carrier::tests::{BRIEF, NOW, PATIENCE, means, message, webhook_to};

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
    let signed = webhook_to("http://localhost/").sign(1_795_375_800, br#"{"id":"x"}"#);
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
    let settings = Settings {
        url: peer.url.clone(),
        signing_key: Secret::new(b"hook key".to_vec()),
    };
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
        let settings = Settings {
            url: url.to_owned(),
            signing_key: Secret::new(Vec::new()),
        };
        assert_eq!(Webhook::new(&settings, means()).is_ok(), fits, "{url}");
    }
}
