//! What Bandwidth tells later, believed from nobody else.

use bytes::Bytes;

use super::*;
use crate::carrier::{Failure, taxonomy};

const GATEWAY: &str = "https://gw.example";

fn read(carrier: &dyn Carrier, headers: &HeaderMap, body: &str) -> Result<Vec<Receipt>, NotTaken> {
    carrier.receipts(&Report {
        headers,
        body: &Bytes::from(body.to_owned()),
        url: "https://gw.example/receipts/main/secret",
        now: NOW,
    })
}

fn carrier(callback: Option<(&str, &str)>) -> Box<dyn Carrier> {
    let callback = callback
        .map(|(name, password)| (name.to_owned(), Secret::new(password.as_bytes().to_vec())));
    let settings = Settings {
        callback,
        ..settings("http://localhost:1/")
    };
    reached_at(&settings, Some(GATEWAY))
}

/// As in Bandwidth's contract.
fn told(kind: &str, more: Value) -> Value {
    let mut told = json!({
        "time": "2026-11-22T19:30:05.000Z", "type": kind, "to": "+12025550143", "description": "x",
        "message": {
            "id": "1593110555875xo7watq5px6rbe5d", "owner": "+12025550101", "applicationId": "app-m",
            "time": "2026-11-22T19:30:00.000Z", "segmentCount": 1, "direction": "out", "to": ["+12025550143"],
            "from": "+12025550101", "text": "", "tag": "our-id",
        },
    });
    let Value::Object(more) = more else { panic!() };
    told.as_object_mut().unwrap().extend(more);
    told
}

fn failed(class: &'static str, code: Option<&str>) -> Fate {
    Fate::Failed {
        class,
        code: code.map(str::to_owned),
    }
}

#[test]
fn texts_are_told_of_in_a_list_of_one() {
    let code = |code: Value| told("message-failed", json!({"errorCode": code}));
    for (event, fate) in [
        (told("message-sending", json!({})), None),
        (told("message-sent", json!({})), Some(Fate::Sent)),
        (told("message-delivered", json!({})), Some(Fate::Delivered)),
        (told("message-read", json!({})), Some(Fate::Delivered)),
        (told("message-received", json!({})), None),
        (told("weather", json!({})), None),
        (code(json!(4720)), Some(failed("bad_number", Some("4720")))),
        (code(json!("4775")), Some(failed("opted_out", Some("4775")))),
        (code(json!(4770)), Some(failed("blocked", Some("4770")))),
        (code(json!(4432)), Some(failed("config", Some("4432")))),
        (code(json!(4780)), Some(failed("throttled", Some("4780")))),
        (code(json!(5610)), Some(failed("transient", Some("5610")))),
        (code(json!(4360)), Some(failed("expired", Some("4360")))),
        // No receipt came: that is no failure.
        (code(json!(9902)), None),
        (code(json!(9999)), None),
        (code(json!(4799)), Some(failed("blocked", Some("4799")))),
        (code(json!(1)), Some(failed("unknown", Some("1")))),
        (code(json!("a\nb")), Some(failed("unknown", Some("ab")))),
        (code(Value::Null), Some(failed("unknown", None))),
    ] {
        let receipts = read(
            &*carrier(None),
            &HeaderMap::new(),
            &json!([event]).to_string(),
        );
        let expected = fate.map(|fate| Receipt {
            id: "our-id".to_owned(),
            fate,
        });
        assert_eq!(receipts.unwrap(), Vec::from_iter(expected), "{event}");
    }
}

#[test]
fn a_message_without_our_name_has_theirs() {
    let mut event = told("message-sent", json!({}));
    for (tag, id) in [
        (json!("our-id"), "our-id"),
        (Value::Null, "1593110555875xo7watq5px6rbe5d"),
        (json!(""), "1593110555875xo7watq5px6rbe5d"),
        (json!("a b"), "1593110555875xo7watq5px6rbe5d"),
    ] {
        event["message"]["tag"] = tag;
        let receipts = read(
            &*carrier(None),
            &HeaderMap::new(),
            &json!([event]).to_string(),
        );
        assert_eq!(receipts.unwrap()[0].id, id);
    }
    event["message"] = Value::Null;
    let receipts = read(
        &*carrier(None),
        &HeaderMap::new(),
        &json!([event]).to_string(),
    );
    assert_eq!(receipts.unwrap(), []);
}

/// Bandwidth's documentation of MFA webhooks: an object and not a list.
#[test]
fn mfa_tells_without_the_list() {
    let event = json!({
        "time": "2026-11-22T19:30:05.000Z", "type": "message-failed", "description": "x",
        "platform": "NorthAmericaSMS", "errorCode": "4721", "message": {"id": "m-1"},
    });
    let settings = Settings {
        product: Product::Mfa,
        ..settings("http://localhost:1/")
    };
    let Ok(Service::Managed(mfa)) = open(&settings, means()) else {
        panic!("the code is theirs")
    };
    let receipts = mfa.receipts(&Report {
        headers: &HeaderMap::new(),
        body: &Bytes::from(event.to_string()),
        url: "https://gw.example/receipts/main/secret",
        now: NOW,
    });
    let fate = failed("bad_number", Some("4721"));
    let id = "m-1".to_owned();
    assert_eq!(receipts.unwrap(), [Receipt { id, fate }]);
}

#[test]
fn calls_are_told_of_as_they_end() {
    for (cause, fate) in [
        ("hangup", Some(Fate::Delivered)),
        ("busy", Some(failed("transient", Some("cause:busy")))),
        ("timeout", Some(failed("transient", Some("cause:timeout")))),
        ("cancel", Some(failed("transient", Some("cause:cancel")))),
        ("rejected", Some(failed("blocked", Some("cause:rejected")))),
        (
            "callback-error",
            Some(failed("config", Some("cause:callback-error"))),
        ),
        (
            "invalid-bxml",
            Some(failed("config", Some("cause:invalid-bxml"))),
        ),
        (
            "account-limit",
            Some(failed("throttled", Some("cause:account-limit"))),
        ),
        (
            "node-capacity-exceeded",
            Some(failed("transient", Some("cause:node-capacity-exceeded"))),
        ),
        ("error", Some(failed("transient", Some("cause:error")))),
        ("unknown", None),
        ("something-new", None),
    ] {
        let event =
            json!({"eventType": "disconnect", "callId": "c-1", "cause": cause, "tag": "our-id"});
        let receipts = read(&*carrier(None), &HeaderMap::new(), &event.to_string());
        let expected = fate.map(|fate| Receipt {
            id: "our-id".to_owned(),
            fate,
        });
        assert_eq!(receipts.unwrap(), Vec::from_iter(expected), "{cause}");
    }
    let answered = json!({"eventType": "answer", "callId": "c-1", "tag": "our-id"});
    let receipts = read(&*carrier(None), &HeaderMap::new(), &answered.to_string());
    assert_eq!(receipts.unwrap(), []);
}

#[test]
fn what_is_no_receipt_is_told_so() {
    for body in [
        "",
        "{",
        "17",
        "\"x\"",
        "[17]",
        "[[]]",
        r#"{"type":17}"#,
        "null",
    ] {
        let receipts = read(&*carrier(None), &HeaderMap::new(), body);
        assert_eq!(receipts, Err(NotTaken::Unreadable), "{body}");
    }
}

#[test]
fn with_credentials_only_who_shows_them_is_believed() {
    let carrier = carrier(Some(("receipts", "pass")));
    let event = json!([told("message-delivered", json!({}))]).to_string();
    let shown = |name: &str, password: &str| {
        let mut headers = HeaderMap::new();
        let value = Basic::new(name, password.as_bytes()).header();
        headers.insert(AUTHORIZATION, value);
        headers
    };
    assert!(read(&*carrier, &shown("receipts", "pass"), &event).is_ok());
    for headers in [
        HeaderMap::new(),
        shown("receipts", "past"),
        shown("receipts", ""),
        shown("receipt", "pass"),
        shown("receipts:pass", ""),
    ] {
        assert_eq!(
            read(&*carrier, &headers, &event),
            Err(NotTaken::Forged),
            "{headers:?}"
        );
        // Whether it could be read is nobody else's business.
        assert_eq!(read(&*carrier, &headers, "{"), Err(NotTaken::Forged));
    }
    assert_eq!(
        read(&*carrier, &shown("receipts", "pass"), "{"),
        Err(NotTaken::Unreadable)
    );
}

/// Bandwidth shows a call's own credentials with the event of its end.
#[tokio::test]
async fn the_end_of_a_call_is_believed_by_the_calls_own_password() {
    let peer = Peer::answers(answer(201, r#"{"callId":"c-1"}"#)).await;
    let settings = Settings {
        callback: Some(("receipts".to_owned(), Secret::new(b"pass".to_vec()))),
        ..settings(&peer.url)
    };
    let carrier = reached_at(&settings, Some(GATEWAY));
    let call = Message {
        channel: Channel::Voice,
        ..message("049271")
    };
    sent(&*carrier, &call).await.unwrap();
    let made = json_of(&peer.seen()[0].body);
    let [name, password] = ["username", "password"].map(|key| made[key].as_str().unwrap());
    let mut headers = HeaderMap::new();
    headers.insert(
        AUTHORIZATION,
        Basic::new(name, password.as_bytes()).header(),
    );
    let end = |tag: &str| {
        json!({"eventType": "disconnect", "callId": "c-1", "cause": "hangup", "tag": tag})
            .to_string()
    };
    let own = read(&*carrier, &headers, &end(call.id.as_str())).unwrap();
    assert_eq!(own[0].fate, Fate::Delivered);
    // It is for this call alone, and for nothing that is told of texts.
    assert_eq!(
        read(&*carrier, &headers, &end("another")),
        Err(NotTaken::Forged)
    );
    let mut text = told("message-delivered", json!({}));
    text["message"]["tag"] = json!(call.id.as_str());
    let text = json!([text]).to_string();
    assert_eq!(read(&*carrier, &headers, &text), Err(NotTaken::Forged));
    let both = json!({"eventType": "disconnect", "cause": "hangup", "tag": call.id.as_str(),
        "type": "message-failed", "message": {"id": "m-1", "tag": "another"}});
    let both = read(&*carrier, &headers, &both.to_string());
    assert_eq!(both, Err(NotTaken::Forged));
    assert_eq!(
        read(&*carrier, &HeaderMap::new(), &end(call.id.as_str())),
        Err(NotTaken::Forged)
    );
}

/// The table of Bandwidth's messaging errors, by what each asks of us.
#[test]
fn every_documented_code_has_its_class() {
    for (class, codes) in [
        ("bad_number", "4303 4350 4404 4406 4434 4720 4721"),
        ("blocked", "4470 4482 4492 4750 4753 4770 4771 4772 4790"),
        ("opted_out", "4775"),
        (
            "config",
            "4302 4403 4405 4407 4409 4420 4421 4431 4432 4433 4451 4452 4481 4493 4740 4773 4774 4791 4792 4793 4795",
        ),
        ("throttled", "4780 4781 4785"),
        (
            "transient",
            "4701 4702 4730 5100 5500 5600 5610 5620 5630 5650 5999 4360",
        ),
        ("unknown", "9902 9999"),
    ] {
        for code in codes.split(' ') {
            let failure = taxonomy::failure("bandwidth", StatusCode::BAD_REQUEST, code, None);
            let failure = failure.expect(code);
            assert_eq!(failure.class(), class, "{code}");
            let means = taxonomy::means("bandwidth", code).unwrap();
            assert!(!means.contains("not listed"), "{code}");
            let said = std::error::Error::source(&failure).unwrap().to_string();
            assert!(said.contains(code) && said.contains(means), "{said}");
        }
    }
    // Those of tomorrow are told by their first digits.
    for (code, class) in [("4499", "config"), ("4799", "blocked"), ("9001", "unknown")] {
        let failure: Option<Failure> =
            taxonomy::failure("bandwidth", StatusCode::BAD_REQUEST, code, None);
        assert_eq!(failure.unwrap().class(), class, "{code}");
    }
}
