//! MFA: the code is theirs, and the challenge's scope is ours.

use super::*;

const HANDLE: &str = "s-abcdefghijkm +12025550143 300";

fn managed(url: &str, public: Option<&str>) -> Box<dyn Managed> {
    let settings = Settings {
        product: Product::Mfa,
        ..settings(url)
    };
    match open(&settings, means_at(public)).unwrap() {
        Service::Managed(managed) => managed,
        Service::Transport(_) => panic!("the code is theirs"),
    }
}

#[tokio::test]
async fn a_code_is_asked_for_as_bandwidth_documents_it() {
    for (channel, path, application, id, text) in [
        (
            Channel::Sms,
            "messaging",
            "app-m",
            "messageId",
            "Example: {CODE} is your Sign in code. Valid 5 min. Never share it.\n\n@portal.example.com #{CODE}",
        ),
        // What browsers read is not said.
        (
            Channel::Voice,
            "voice",
            "app-v",
            "callId",
            "Example: {CODE} is your Sign in code. Valid 5 min. Never share it.",
        ),
    ] {
        let peer = Peer::answers(answer(200, &format!(r#"{{"{id}":"v-1"}}"#))).await;
        let service = managed(&peer.url, Some("https://gw.example"));
        let from = sender_of("+12025550101");
        let to_send = Message {
            channel,
            ..message("049271")
        };
        let started = service
            .start(&to_send, Some(&from), PATIENCE)
            .await
            .unwrap();
        assert_eq!(started.id, "v-1");
        let [seen] = peer.seen().try_into().unwrap();
        let first = format!("POST /api/accounts/5500001/code/{path} HTTP/1.1\r\n");
        assert!(seen.head.starts_with(&first), "{}", seen.head);
        let body = json_of(&seen.body);
        let scope = body["scope"].as_str().unwrap();
        assert_eq!(
            body,
            json!({
                "to": "+12025550143", "from": "+12025550101", "applicationId": application, "scope": scope,
                "message": text, "digits": 6, "callbackUrl": "https://gw.example/receipts/main/secret",
            })
        );
        assert!(scope.starts_with("s-") && scope.len() == 14, "{scope}");
        assert_eq!(started.handle, format!("{scope} +12025550143 300"));
        // Our own code plays no part.
        assert!(!seen.body.contains("049271"));
    }
}

#[tokio::test]
async fn what_was_typed_is_checked_under_the_challenges_own_scope() {
    for (valid, body) in [
        (true, r#"{"valid":true}"#),
        (false, r#"{"valid":false,"more":1}"#),
    ] {
        let peer = Peer::answers(answer(200, body)).await;
        let service = managed(&peer.url, None);
        assert_eq!(
            service.check(HANDLE, "123456", PATIENCE).await.unwrap(),
            valid
        );
        let [seen] = peer.seen().try_into().unwrap();
        assert!(
            seen.head
                .starts_with("POST /api/accounts/5500001/code/verify HTTP/1.1\r\n")
        );
        assert_eq!(
            json_of(&seen.body),
            json!({"to": "+12025550143", "scope": "s-abcdefghijkm", "expirationTimeInMinutes": 5, "code": "123456"})
        );
    }
}

#[tokio::test]
async fn anything_unclear_is_no_yes() {
    for (reply, class) in [
        (answer(200, "{}"), "unknown"),
        (answer(200, r#"{"valid":"true"}"#), "unknown"),
        (answer(200, r#"{"valid":1}"#), "unknown"),
        (answer(200, "true"), "unknown"),
        (answer(200, "<html>"), "unknown"),
        (answer(204, ""), "unknown"),
        (answer(302, r#"{"valid":true}"#), "config"),
        (
            answer(400, r#"{"error":"400 Request is malformed","valid":true}"#),
            "config",
        ),
        (answer(401, r#"{"message":"Unauthorized"}"#), "config"),
        (answer(403, r#"{"Message":"explicit deny"}"#), "config"),
        (answer(500, r#"{"error":"Internal Error"}"#), "transient"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"valid\":true}".to_owned(),
            "unknown",
        ),
        (String::new(), "unknown"),
    ] {
        let peer = Peer::answers(reply.clone()).await;
        let failure = managed(&peer.url, None)
            .check(HANDLE, "123456", PATIENCE)
            .await
            .expect_err(&reply);
        assert_eq!(failure.class(), class, "{reply}");
        let story = story(&failure);
        assert!(
            !story.contains("123456") && !story.contains("2025550143"),
            "{story}"
        );
    }
}

#[tokio::test]
async fn too_many_wrong_codes_are_a_wait_of_two_minutes_unless_another_is_told() {
    let body = r#"{"error":"This number has exceeded verification attempts, please wait 2 minutes","requestId":"x"}"#;
    let plain = answer(429, body);
    let with = |value: &str| {
        plain.replace(
            "Content-Type",
            &format!("Retry-After: {value}\r\nContent-Type"),
        )
    };
    for (reply, wait) in [
        (plain.clone(), 120),
        (with("35"), 35),
        // The time of day is not known there.
        (with("Sun, 22 Nov 2026 19:31:00 GMT"), 120),
    ] {
        let peer = Peer::answers(reply).await;
        let failure = managed(&peer.url, None)
            .check(HANDLE, "123456", PATIENCE)
            .await;
        assert!(
            matches!(failure, Err(Failure::Throttled { retry_after: Some(told), .. }) if told.as_secs() == wait),
            "{wait}: {failure:?}"
        );
    }
}

#[tokio::test]
async fn what_can_be_no_code_and_no_handle_is_not_asked_about() {
    let peer = Peer::answers(answer(200, r#"{"valid":true}"#)).await;
    let service = managed(&peer.url, None);
    for (handle, typed) in [
        (HANDLE, ""),
        (HANDLE, "123"),
        (HANDLE, "123456789"),
        (HANDLE, "12345é"),
        ("", "123456"),
        ("s-a +12025550143", "123456"),
    ] {
        assert!(
            !service.check(handle, typed, PATIENCE).await.unwrap(),
            "{handle} {typed}"
        );
    }
    assert!(peer.seen().is_empty());
}

#[tokio::test]
async fn what_mfa_cannot_do_is_told_and_not_asked_of_the_vendor() {
    let peer = Peer::answers(answer(200, r#"{"messageId":"1"}"#)).await;
    let service = managed(&peer.url, None);
    let number = sender_of("+12025550101");
    let (short, named) = (sender_of("73737"), sender_of("ACME"));
    let text = message("049271");
    let mail = Message {
        channel: Channel::Email,
        ..message("049271")
    };
    let mut long = message("049271");
    long.draft.name = "x".repeat(2048);
    for (message, from, says) in [
        (&text, Some(&short), "country code"),
        (&text, Some(&named), "country code"),
        (&text, None, "`from`"),
        (&mail, Some(&number), "email"),
        (&long, Some(&number), "2048"),
    ] {
        let failure = service.start(message, from, PATIENCE).await.unwrap_err();
        assert_eq!(failure.class(), "config", "{says}");
        assert!(story(&failure).contains(says), "{}", story(&failure));
    }
    assert!(peer.seen().is_empty());
}

#[tokio::test]
async fn a_start_fails_in_the_same_words() {
    for (reply, class) in [
        (answer(200, "{}"), "unknown"),
        (answer(200, r#"{"callId":"c-1"}"#), "unknown"),
        (
            answer(400, r#"{"error":"to number is invalid"}"#),
            "bad_number",
        ),
        (
            answer(403, r#"{"message":"Missing Authentication Token"}"#),
            "config",
        ),
        (answer(500, r#"{"error":"Internal Error"}"#), "transient"),
    ] {
        let peer = Peer::answers(reply.clone()).await;
        let from = sender_of("+12025550101");
        let failure = managed(&peer.url, None)
            .start(&message("049271"), Some(&from), PATIENCE)
            .await
            .expect_err(&reply);
        assert_eq!(failure.class(), class, "{reply}");
    }
}
