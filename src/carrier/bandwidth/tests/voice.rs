//! Calls: a code waits where the whole world can ask for it, and only Bandwidth gets it, once.

use bytes::Bytes;

use super::*;
use crate::carrier::bandwidth::voice::MOST;
use crate::moment::Moment;

const GATEWAY: &str = "https://gw.example/own";

fn call() -> Message {
    Message {
        channel: Channel::Voice,
        ..message("049271")
    }
}

/// What Bandwidth was told of a call, and so may say.
struct Known {
    token: String,
    authorization: Option<String>,
    tag: String,
}

impl Known {
    fn of(seen: &peer::Seen) -> Self {
        let body = json_of(&seen.body);
        let text = |key: &str| body[key].as_str().map(str::to_owned);
        let answer_url = text("answerUrl").unwrap();
        Self {
            token: answer_url.rsplit('/').next().unwrap().to_owned(),
            authorization: text("username").map(|name| {
                let password = text("password").unwrap();
                let shown = Basic::new(&name, password.as_bytes()).header();
                shown.to_str().unwrap().to_owned()
            }),
            tag: text("tag").unwrap(),
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        }
        headers
    }

    fn event(&self, call: &str) -> Value {
        json!({
            "eventType": "answer", "eventTime": "2026-11-22T19:30:05.000Z", "accountId": "5500001",
            "applicationId": "app-v", "from": "+12025550101", "to": "+12025550143", "direction": "outbound",
            "callId": call, "callUrl": "https://voice.bandwidth.com/x", "enqueuedTime": "2026-11-22T19:30:00.000Z",
            "startTime": "2026-11-22T19:30:01.000Z", "answerTime": "2026-11-22T19:30:05.000Z", "tag": self.tag,
        })
    }
}

fn asks(
    carrier: &dyn Carrier,
    token: &str,
    headers: &HeaderMap,
    event: &Value,
    now: Moment,
) -> Option<String> {
    let report = Report {
        headers,
        body: &Bytes::from(event.to_string()),
        url: "https://gw.example/own/voice/x",
        now,
    };
    let said = carrier.speak(token, &report)?;
    Some(said.as_str().to_owned())
}

#[tokio::test]
async fn a_call_is_as_bandwidth_documents_it() {
    let peer = Peer::answers(answer(201, r#"{"callId":"c-1"}"#)).await;
    let carrier = reached_at(&settings(&peer.url), Some(GATEWAY));
    let to_send = call();
    assert_eq!(sent(&*carrier, &to_send).await.unwrap().id, "c-1");
    let [seen] = peer.seen().try_into().unwrap();
    assert!(
        seen.head
            .starts_with("POST /voice/accounts/5500001/calls HTTP/1.1\r\n"),
        "{}",
        seen.head
    );
    let mut body = json_of(&seen.body);
    let known = Known::of(&seen);
    assert_eq!(
        body["answerUrl"],
        format!("{GATEWAY}/voice/{}", known.token)
    );
    assert_eq!(known.token.len(), 43, "256 bits");
    assert_eq!(body["password"].as_str().unwrap().len(), 43, "256 bits");
    for key in ["answerUrl", "password"] {
        body.as_object_mut().unwrap().remove(key);
    }
    assert_eq!(
        body,
        json!({
            "applicationId": "app-v", "to": "+12025550143", "from": "+12025550101", "answerMethod": "POST",
            "disconnectUrl": format!("{GATEWAY}/receipts/main/secret"), "disconnectMethod": "POST",
            "username": "call", "callTimeout": 30, "priority": 1, "tag": to_send.id.as_str(),
        })
    );
    // The code is nowhere in it.
    assert!(!seen.body.contains("049271"));
}

#[tokio::test]
async fn a_code_is_said_once_to_whoever_bandwidth_is() {
    let peer = Peer::answers(answer(201, r#"{"callId":"c-1"}"#)).await;
    let carrier = reached_at(&settings(&peer.url), Some(GATEWAY));
    sent(&*carrier, &call()).await.unwrap();
    sent(&*carrier, &call()).await.unwrap();
    let [known, other] = [0, 1].map(|at| Known::of(&peer.seen()[at]));
    let (own, others) = (known.headers(), other.headers());
    let good = known.event("c-1");
    let with = |key: &str, value: Value| {
        let mut event = good.clone();
        event[key] = value;
        event
    };
    // Nobody else gets it, and takes it from nobody.
    for (why, token, headers, event) in [
        ("no password", &known.token, &HeaderMap::new(), good.clone()),
        (
            "another call's password",
            &known.token,
            &others,
            good.clone(),
        ),
        ("another token", &other.token, &own, good.clone()),
        ("no token", &String::new(), &own, good.clone()),
        (
            "another call",
            &known.token,
            &own,
            with("callId", json!("c-2")),
        ),
        ("no call", &known.token, &own, with("callId", Value::Null)),
        (
            "another tag",
            &known.token,
            &own,
            with("tag", json!(other.tag)),
        ),
        ("no tag", &known.token, &own, with("tag", Value::Null)),
        (
            "another event",
            &known.token,
            &own,
            with("eventType", json!("disconnect")),
        ),
        ("nothing", &known.token, &own, Value::Null),
    ] {
        assert_eq!(asks(&*carrier, token, headers, &event, NOW), None, "{why}");
    }
    let said = asks(&*carrier, &known.token, &own, &good, NOW).unwrap();
    assert_eq!(said, call().script().bxml().as_str());
    assert_eq!(
        asks(&*carrier, &known.token, &own, &good, NOW),
        None,
        "twice"
    );
    assert!(asks(&*carrier, &other.token, &others, &other.event("c-1"), NOW).is_some());
}

#[tokio::test]
async fn a_code_that_has_expired_is_not_said() {
    let peer = Peer::answers(answer(201, r#"{"callId":"c-1"}"#)).await;
    for (after, said) in [(299, true), (300, false)] {
        let carrier = reached_at(&settings(&peer.url), Some(GATEWAY));
        sent(&*carrier, &call()).await.unwrap();
        let known = Known::of(peer.seen().last().unwrap());
        let now = NOW.later(Duration::from_secs(after));
        let asked = asks(
            &*carrier,
            &known.token,
            &known.headers(),
            &known.event("c-1"),
            now,
        );
        assert_eq!(asked.is_some(), said, "{after}");
    }
}

/// Somebody may pick up before the answer to our request has come: then what is known is the tag and the password.
#[tokio::test]
async fn a_call_that_is_answered_before_we_know_its_name_is_spoken_in() {
    let peer = Peer::is_silent().await;
    let carrier = reached_at(&settings(&peer.url), Some(GATEWAY));
    let (to_send, from) = (call(), sender_of("+12025550101"));
    let failure = carrier.send(&to_send, Some(&from), BRIEF).await;
    // No answer ever came: it may be ringing, so the script is still there.
    assert!(matches!(failure, Err(Failure::Unknown(_))), "{failure:?}");
    let known = Known::of(&peer.seen()[0]);
    let mut event = known.event("c-9");
    event["tag"] = json!("another");
    assert!(asks(&*carrier, &known.token, &known.headers(), &event, NOW).is_none());
    let event = known.event("c-9");
    assert!(asks(&*carrier, &known.token, &known.headers(), &event, NOW).is_some());
}

#[tokio::test]
async fn a_call_that_is_not_made_leaves_nothing_to_say() {
    let peer = Peer::answers(answer(403, r#"{"type":"authorization-error"}"#)).await;
    let carrier = reached_at(&settings(&peer.url), Some(GATEWAY));
    let failure = sent(&*carrier, &call()).await.unwrap_err();
    assert_eq!(failure.class(), "config");
    let known = Known::of(&peer.seen()[0]);
    let asked = asks(
        &*carrier,
        &known.token,
        &known.headers(),
        &known.event("c-1"),
        NOW,
    );
    assert_eq!(asked, None);
}

/// The vendor refuses a password for an address in clear text; there is no public one on loopback.
#[tokio::test]
async fn in_clear_text_there_is_no_password() {
    let peer = Peer::answers(answer(201, r#"{"callId":"c-1"}"#)).await;
    let carrier = reached_at(&settings(&peer.url), Some("http://127.0.0.1:1"));
    sent(&*carrier, &call()).await.unwrap();
    let known = Known::of(&peer.seen()[0]);
    assert_eq!(known.authorization, None);
    assert!(!peer.seen()[0].body.contains("password"));
    let asked = asks(
        &*carrier,
        &known.token,
        &HeaderMap::new(),
        &known.event("c-1"),
        NOW,
    );
    assert!(asked.is_some());
}

/// A flood of calls fills no memory (A1), and ends with the codes' lives.
#[tokio::test]
async fn calls_under_way_have_a_bound() {
    let calls = Calls::new(Some("https://gw.example/".to_owned()));
    let first = call();
    for _ in 0..MOST {
        calls.expect(&first).unwrap();
    }
    let failure = calls.expect(&first).unwrap_err();
    assert!(
        matches!(failure, Failure::Transient(Cause::Busy)),
        "{failure:?}"
    );
    let later = Message {
        now: NOW.later(Duration::from_mins(5)),
        ..call()
    };
    assert!(calls.expect(&later).is_ok());
}
