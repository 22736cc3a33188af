use std::fmt::Write as _;

use http::HeaderMap;
use serde_json::{Value, json};

use super::*;
use crate::carrier::tests::peer::{self, Peer};
use crate::carrier::tests::{BRIEF, NOW, PATIENCE, means, message};
use crate::carrier::{Fate, Managed};

mod login;
mod mfa;
mod receipts;
mod voice;

/// An answer with that status and body.
fn answer(status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An account whose services are all at the host of `url`.
pub(in crate::carrier) fn settings(url: &str) -> Settings {
    let host = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    Settings {
        account: "5500001".to_owned(),
        login: Login::User {
            name: "api-user".to_owned(),
            password: Secret::new(b"hook key".to_vec()),
        },
        product: Product::Messaging,
        messaging_application: Some("app-m".to_owned()),
        voice_application: Some("app-v".to_owned()),
        base_url: format!("{host}/api"),
        voice_base_url: format!("{host}/voice"),
        callback: None,
    }
}

pub(in crate::carrier) fn transport(settings: &Settings) -> Box<dyn Carrier> {
    reached_at(settings, None)
}

/// Where vendors reach us, if they do.
fn reached_at(settings: &Settings, public: Option<&str>) -> Box<dyn Carrier> {
    match open(settings, means_at(public)).unwrap() {
        Service::Transport(carrier) => carrier,
        Service::Managed(_) => panic!("the code is ours"),
    }
}

fn means_at(public: Option<&str>) -> Means {
    Means {
        receipts: public.map(|public| format!("{public}/receipts/main/secret")),
        voice: public.map(|public| format!("{public}/voice/")),
        ..means()
    }
}

fn sender_of(text: &str) -> Sender {
    Sender::parse(text).unwrap()
}

async fn sent(carrier: &dyn Carrier, message: &Message) -> Result<Accepted, Failure> {
    let from = sender_of("+12025550101");
    carrier.send(message, Some(&from), PATIENCE).await
}

fn json_of(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

/// What a failure says, to the last cause.
fn story(failure: &Failure) -> String {
    let mut all = format!("{failure} {failure:?}");
    let mut source = std::error::Error::source(failure);
    while let Some(cause) = source {
        let _ = write!(all, " {cause} {cause:?}");
        source = cause.source();
    }
    all
}

#[tokio::test]
async fn a_text_is_as_bandwidth_documents_it() {
    let peer = Peer::answers(answer(202, r#"{"id":"1589228074636lm4k2je7j7jklbn2"}"#)).await;
    let to_send = message("049271");
    let accepted = sent(&*transport(&settings(&peer.url)), &to_send)
        .await
        .unwrap();
    assert_eq!(accepted.id, "1589228074636lm4k2je7j7jklbn2");
    let [seen] = peer.seen().try_into().unwrap();
    assert!(
        seen.head
            .starts_with("POST /api/users/5500001/messages HTTP/1.1\r\n"),
        "{}",
        seen.head
    );
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(
        seen.header("authorization"),
        Some("Basic YXBpLXVzZXI6aG9vayBrZXk=")
    );
    assert_eq!(
        json_of(&seen.body),
        json!({
            "applicationId": "app-m", "to": ["+12025550143"], "from": "+12025550101",
            "text": "Example: 049271 is your Sign in code. Valid 5 min. Never share it.\n\n@portal.example.com #049271",
            "tag": to_send.id.as_str(), "priority": "high", "expiration": "2026-11-22T19:35:00Z",
        })
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table, to be read as one")]
async fn each_answer_has_its_class() {
    let of = |kind: &str, fields: &[&str]| {
        let fields: Vec<Value> = fields
            .iter()
            .map(|name| json!({"fieldName": name, "description": "'+12025550143' is 049271"}))
            .collect();
        json!({"type": kind, "description": "+12025550143 049271", "fieldErrors": fields})
            .to_string()
    };
    let voice = |text: &str| json!({"type": "validation", "description": text}).to_string();
    let long = "x".repeat(70_000);
    for (reply, class, says) in [
        // Messaging: the blamed field decides; one that can be mended comes before the number.
        (
            answer(400, &of("request-validation", &["to"])),
            "bad_number",
            "field:to",
        ),
        (
            answer(400, &of("request-validation", &["to[0]"])),
            "bad_number",
            "field:to",
        ),
        (
            answer(400, &of("request-validation", &["from"])),
            "config",
            "field:from",
        ),
        (
            answer(400, &of("request-validation", &["to", "from"])),
            "config",
            "field:from",
        ),
        (
            answer(400, &of("request-validation", &["applicationId"])),
            "config",
            "no such application",
        ),
        (
            answer(400, &of("request-validation", &["weather"])),
            "config",
            "request-validation",
        ),
        (
            answer(400, &of("request-validation", &[])),
            "config",
            "the request is refused",
        ),
        (
            answer(400, &of("forty-two", &[])),
            "config",
            "code forty-two",
        ),
        (answer(400, &of("+12025550143", &[])), "config", "400"),
        (answer(400, "<html>"), "config", "400"),
        (
            answer(400, r#"{"type":17,"fieldErrors":"to"}"#),
            "config",
            "400",
        ),
        // Voice: the sentence begins with the field.
        (
            answer(400, &voice("Invalid to: must be an E.164 telephone number")),
            "bad_number",
            "field:to",
        ),
        (
            answer(
                400,
                &voice("Invalid answerUrl: only http and https are allowed."),
            ),
            "config",
            "public_url",
        ),
        (answer(400, &voice("to be or not")), "config", "validation"),
        (answer(400, &voice("Invalid")), "config", "validation"),
        (answer(400, &voice("Ungültig é")), "config", "validation"),
        // MFA has no type.
        (
            answer(400, r#"{"error":"to number is required","requestId":"x"}"#),
            "bad_number",
            "field:to",
        ),
        (
            answer(400, r#"{"error":"from number is required"}"#),
            "config",
            "field:from",
        ),
        (
            answer(400, r#"{"error":"400 Request is malformed or invalid"}"#),
            "config",
            "400",
        ),
        // Everywhere else the status decides, whatever the words say.
        (answer(401, &of("unauthorized", &[])), "config", "are wrong"),
        (answer(401, &of("validation", &["to"])), "config", "401"),
        (
            answer(401, r#"{"message":"Unauthorized"}"#),
            "config",
            "401",
        ),
        (
            answer(403, &of("forbidden", &[])),
            "config",
            "not for this account",
        ),
        (answer(404, &of("resource-not-found", &[])), "config", "404"),
        (answer(405, ""), "config", "405"),
        (answer(409, &voice("Conflict")), "config", "409"),
        (
            answer(415, &of("unsupported-media-type", &[])),
            "config",
            "415",
        ),
        (
            answer(429, &of("max-message-queue-size-exceeded", &[])),
            "throttled",
            "at a time",
        ),
        (answer(429, &voice("slow down")), "throttled", "429"),
        (
            answer(500, &of("internal-error", &[])),
            "transient",
            "Bandwidth's side",
        ),
        (answer(502, ""), "transient", "502"),
        (
            answer(503, &of("system-overloaded", &[])),
            "transient",
            "503",
        ),
        (answer(500, &long), "transient", "500"),
        (answer(302, ""), "config", "302"),
        // A success without what makes it one.
        (answer(202, ""), "unknown", "cannot be understood"),
        (answer(202, "[]"), "unknown", "cannot be understood"),
        (
            answer(202, r#"{"id":17}"#),
            "unknown",
            "cannot be understood",
        ),
        (
            answer(202, r#"{"id":"a\nb"}"#),
            "unknown",
            "cannot be understood",
        ),
        (
            answer(202, r#"{"callId":"c-1"}"#),
            "unknown",
            "cannot be understood",
        ),
        (answer(202, &long), "unknown", "64 KiB"),
        (
            "HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\n{".to_owned(),
            "unknown",
            "broke",
        ),
        (String::new(), "unknown", "broke"),
    ] {
        let peer = Peer::answers(reply.clone()).await;
        let shown = &reply[..reply.len().min(200)];
        let failure = sent(&*transport(&settings(&peer.url)), &message("049271"))
            .await
            .expect_err(shown);
        let story = story(&failure);
        assert_eq!(failure.class(), class, "{shown}: {story}");
        assert!(story.contains(says), "{shown}: {story}");
        // Their sentences are never repeated (C8).
        for secret in ["049271", "2025550143", "hook key", "YXBpLXVz"] {
            assert!(!story.contains(secret), "{shown}: {story}");
        }
        assert_eq!(peer.seen().len(), 1, "tried twice: {shown}");
    }
}

#[tokio::test]
async fn the_wait_that_is_asked_for_is_told() {
    let reply = answer(429, "{}").replace("Content-Type", "Retry-After: 30\r\nContent-Type");
    let peer = Peer::answers(reply).await;
    let failure = sent(&*transport(&settings(&peer.url)), &message("049271")).await;
    assert!(
        matches!(failure, Err(Failure::Throttled { retry_after: Some(wait), .. }) if wait.as_secs() == 30),
        "{failure:?}"
    );
}

#[tokio::test]
async fn silence_is_an_unknown_outcome_and_no_connection_is_none() {
    let silent = Peer::is_silent().await;
    let carrier = transport(&settings(&silent.url));
    let from = sender_of("+12025550101");
    let failure = carrier.send(&message("049271"), Some(&from), BRIEF).await;
    assert!(
        matches!(failure, Err(Failure::Unknown(Cause::Silence))),
        "{failure:?}"
    );
    let gone = transport(&settings(&peer::nobody().await));
    let failure = sent(&*gone, &message("049271")).await;
    assert!(
        matches!(failure, Err(Failure::Transient(Cause::Connect(_)))),
        "{failure:?}"
    );
}

#[tokio::test]
async fn what_is_missing_here_is_told_and_not_asked_of_the_vendor() {
    let peer = Peer::answers(answer(202, r#"{"id":"1"}"#)).await;
    let bare = Settings {
        messaging_application: None,
        voice_application: None,
        ..settings(&peer.url)
    };
    let from = sender_of("+12025550101");
    let text = message("049271");
    let call = Message {
        channel: Channel::Voice,
        ..message("049271")
    };
    let mail = Message {
        channel: Channel::Email,
        ..message("049271")
    };
    let mut long = message("049271");
    long.draft.name = "x".repeat(2048);
    let (bare, whole) = (transport(&bare), transport(&settings(&peer.url)));
    for (carrier, message, from, says) in [
        (&bare, &text, Some(&from), "messaging_application"),
        (&bare, &call, Some(&from), "voice_application"),
        (&whole, &text, None, "`from`"),
        (&whole, &call, None, "`from`"),
        // Nobody can reach us.
        (&whole, &call, Some(&from), "public_url"),
        (&whole, &mail, Some(&from), "email"),
        (&whole, &long, Some(&from), "2048"),
    ] {
        let failure = carrier.send(message, from, PATIENCE).await.unwrap_err();
        assert_eq!(failure.class(), "config", "{says}");
        assert!(story(&failure).contains(says), "{}", story(&failure));
    }
    assert!(peer.seen().is_empty());
}

#[test]
fn a_trial_reaches_nobody_by_text_or_call() {
    let real = "https://messaging.bandwidth.com/api/v2";
    let of = |base: &str, voice: &str, application: Option<&str>, product| Settings {
        base_url: base.to_owned(),
        voice_base_url: voice.to_owned(),
        voice_application: application.map(str::to_owned),
        product,
        ..settings("http://localhost:1/")
    };
    let here = "http://127.0.0.1:1/api";
    let (ours, theirs) = (Product::Messaging, Product::Mfa);
    for (settings, trial, https) in [
        (of(here, here, Some("v"), ours), true, false),
        (of(here, real, Some("v"), ours), false, true),
        (of(here, real, None, ours), true, true),
        (of(here, real, Some("v"), theirs), true, true),
        (of(real, here, Some("v"), ours), false, true),
    ] {
        assert_eq!(
            (is_trial(&settings), is_https(&settings)),
            (trial, https),
            "{settings:?}"
        );
    }
    let client = Settings {
        login: Login::Client {
            id: "c".to_owned(),
            secret: Secret::new(b"s".to_vec()),
            token_url: "https://api.bandwidth.com/token".to_owned(),
        },
        ..of(here, here, None, ours)
    };
    assert!(is_https(&client));
}

#[test]
fn an_address_that_cannot_be_posted_to_is_told_at_the_start() {
    let good = settings("http://localhost:1/");
    let token = Login::Client {
        id: "c".to_owned(),
        secret: Secret::new(b"s".to_vec()),
        token_url: "api.bandwidth.com/token".to_owned(),
    };
    for bad in [
        Settings {
            base_url: "ftp://x".to_owned(),
            ..good.clone()
        },
        Settings {
            voice_base_url: "https://a:b@x".to_owned(),
            ..good.clone()
        },
        Settings {
            account: "a b".to_owned(),
            ..good.clone()
        },
        Settings {
            login: token,
            ..good.clone()
        },
        Settings {
            product: Product::Mfa,
            base_url: String::new(),
            ..good.clone()
        },
    ] {
        assert!(open(&bad, means()).is_err(), "{bad:?}");
    }
    assert!(open(&good, means()).is_ok());
}

#[test]
fn c8_settings_do_not_show_their_secrets() {
    let shown = format!("{:?}", settings("http://localhost:1/"));
    assert!(!shown.contains("hook key"), "{shown}");
}
