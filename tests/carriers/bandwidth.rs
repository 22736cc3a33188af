//! The bandwidth adapter against the published contracts, played by Prism, and the vendor's own SDK.

use std::process::Stdio;

use bytes::Bytes;
use countersign::carrier::bandwidth::{Login, Product, Settings};
use countersign::carrier::delivery::{Dispatcher, Proof};
use countersign::carrier::{Kind, Report};
use countersign::challenge::Remote;
use countersign::message::Channel;
use countersign::secret::Secret;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::bench;
use crate::prism::{Front, Prism, Seen};

/// An account whose service is all at `url`: Prism's paths begin at the operation's.
fn settings(url: &str, product: Product) -> Settings {
    Settings {
        account: "9900000".to_owned(),
        login: Login::User {
            name: "api-user".to_owned(),
            // Without a colon: Prism takes only those for Basic credentials, unlike RFC 7617.
            password: Secret::new(b"password".to_vec()),
        },
        product,
        messaging_application: Some("93de2206-9669-4e07-948d-329f4b722ee2".to_owned()),
        voice_application: Some("04e88489-df02-4e34-a0ee-27a91849555f".to_owned()),
        base_url: url.to_owned(),
        voice_base_url: url.to_owned(),
        callback: None,
    }
}

fn carrier(front: &Front, product: Product) -> Dispatcher {
    let kind = Kind::Bandwidth(settings(&front.url, product));
    bench::dispatcher(kind, &["+19195550101"])
}

/// The class of a message's failure where the contract's answer for `status` is forced. Each has a carrier of its own:
/// nothing that failed before is left to tell.
async fn class_of(front: &Front, product: Product, channel: Channel, status: u16) -> &'static str {
    front.forces(Some(status));
    let sent = carrier(front, product).send(&bench::message(channel)).await;
    front.forces(None);
    sent.expect_err("a failure").failure.class()
}

/// What a status of theirs means to us. One that a contract documents and nobody has thought of fails the test.
fn meaning(status: u16) -> &'static str {
    match status {
        400 | 401 | 403 | 404 | 405 | 406 | 415 => "config",
        429 => "throttled",
        500 => "transient",
        other => panic!("what does {other} mean?"),
    }
}

/// Every field that the contract knows in `request` is of the type that it has there, each of the needed ones is needed,
/// and so are credentials.
async fn is_refused_spoiled(request: &Seen, prism: &Prism, needed: &[&str], untold: &[&str]) {
    let (status, body) = request.said_to(&prism.url).await;
    assert!((200..300).contains(&status), "{status} {body}");
    let fields: Vec<String> = request
        .json()
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    for field in fields
        .iter()
        .filter(|field| !untold.contains(&field.as_str()))
    {
        let spoiled = request.spoiled(|json| json[field] = json!({"wrong": true}));
        assert_eq!(
            spoiled.said_to(&prism.url).await.0,
            400,
            "{field} of another type"
        );
    }
    for field in needed {
        let spoiled = request.spoiled(|json| {
            json.as_object_mut().unwrap().remove(*field).expect(field);
        });
        assert_eq!(spoiled.said_to(&prism.url).await.0, 400, "no {field}");
    }
    let stranger = request.without("authorization");
    assert_eq!(stranger.said_to(&prism.url).await.0, 401);
}

async fn is_refused(request: &Seen, prism: &Prism, field: &str, value: Value) {
    let why = format!("{field}: {value}");
    let spoiled = request.spoiled(|json| json[field] = value);
    assert_eq!(spoiled.said_to(&prism.url).await.0, 400, "{why}");
}

#[tokio::test]
async fn texts_keep_the_contract_of_messaging() {
    let Some(prism) = Prism::of("bandwidth-messaging.yml").await else {
        return;
    };
    let front = Front::before(&prism).await;
    let message = bench::message(Channel::Sms);
    let sent = carrier(&front, Product::Messaging)
        .send(&message)
        .await
        .unwrap();
    assert_eq!(sent.proof, Proof::Ours);
    let request = front.last();
    assert_eq!(request.target, "/users/9900000/messages");
    let needed = ["applicationId", "to", "from"];
    is_refused_spoiled(&request, &prism, &needed, &[]).await;
    is_refused(&request, &prism, "to", json!("+19195550143")).await;
    is_refused(&request, &prism, "text", json!("x".repeat(2049))).await;
    is_refused(&request, &prism, "priority", json!("highest")).await;
    is_refused(&request, &prism, "expiration", json!("in five minutes")).await;
    let documented = documented("bandwidth-messaging.yml", "/users/{accountId}/messages");
    assert_eq!(
        documented,
        [400, 401, 403, 404, 405, 406, 415, 429, 500],
        "as it was when this was written"
    );
    for status in documented {
        let told = class_of(&front, Product::Messaging, Channel::Sms, status).await;
        assert_eq!(told, meaning(status), "{status}");
    }
    is_as_the_sdk_sends(&request, &prism, "message", &[]).await;
}

#[tokio::test]
async fn calls_keep_the_contract_of_voice() {
    let Some(prism) = Prism::of("bandwidth-voice.yml").await else {
        return;
    };
    let front = Front::before(&prism).await;
    let message = bench::message(Channel::Voice);
    let carrier = carrier(&front, Product::Messaging);
    let sent = carrier.send(&message).await.unwrap();
    let request = front.last();
    assert_eq!(request.target, "/accounts/9900000/calls");

    // The contract's own example of a call is answered, and asks what to say.
    let made = request.json();
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    let answer_url = text("answerUrl");
    let token = answer_url.rsplit('/').next().unwrap();
    let mut headers = HeaderMap::new();
    let shown = base64(&format!("{}:{}", text("username"), text("password")));
    headers.insert(AUTHORIZATION, format!("Basic {shown}").parse().unwrap());
    let body = json!({"eventType": "answer", "callId": sent.id, "tag": text("tag")});
    let body = Bytes::from(body.to_string());
    let report = Report {
        headers: &headers,
        body: &body,
        url: &answer_url,
        now: message.now,
    };
    let stranger = Report {
        headers: &HeaderMap::new(),
        ..report
    };
    assert!(carrier.speak(token, &stranger).is_none());
    let said = carrier.speak(token, &report).unwrap();
    assert!(said.as_str().contains("<SpeakSentence"));
    assert!(carrier.speak(token, &report).is_none(), "once");

    let needed = ["applicationId", "to", "from", "answerUrl"];
    is_refused_spoiled(&request, &prism, &needed, &[]).await;
    is_refused(&request, &prism, "answerUrl", json!("not an address")).await;
    is_refused(&request, &prism, "answerMethod", json!("PUT")).await;
    is_refused(&request, &prism, "callTimeout", json!(301)).await;
    is_refused(&request, &prism, "priority", json!(0)).await;
    let documented = documented("bandwidth-voice.yml", "/accounts/{accountId}/calls");
    assert_eq!(documented, [400, 401, 403, 404, 405, 415, 429, 500]);
    for status in documented {
        // The example of 400 blames the address.
        let told = class_of(&front, Product::Messaging, Channel::Voice, status).await;
        assert_eq!(told, meaning(status), "{status}");
    }
    // What the SDK sends unasked are the contract's own defaults.
    let defaults = ["answerFallbackMethod", "callbackTimeout"];
    is_as_the_sdk_sends(&request, &prism, "call", &defaults).await;
}

#[tokio::test]
async fn codes_keep_the_contract_of_mfa() {
    let Some(prism) = Prism::of("bandwidth-mfa.yml").await else {
        return;
    };
    let front = Front::before(&prism).await;
    let mut remote = None;
    for (channel, target, operation) in [
        (
            Channel::Sms,
            "/accounts/9900000/code/messaging",
            "code_by_text",
        ),
        (
            Channel::Voice,
            "/accounts/9900000/code/voice",
            "code_by_call",
        ),
    ] {
        let message = bench::message(channel);
        let sent = carrier(&front, Product::Mfa).send(&message).await.unwrap();
        let Proof::Theirs(own) = sent.proof else {
            panic!("the code is theirs")
        };
        remote = Some(own);
        let request = front.last();
        assert_eq!(request.target, target);
        // The documentation of its webhooks has this one; the contract does not.
        let untold = ["callbackUrl"];
        let needed = ["applicationId", "to", "from", "message", "digits"];
        is_refused_spoiled(&request, &prism, &needed, &untold).await;
        for (field, value) in [
            ("to", json!("19195550143")),
            ("from", json!("73737")),
            ("digits", json!(3)),
            ("digits", json!(9)),
            ("scope", json!("x".repeat(26))),
            ("message", json!("x".repeat(2049))),
            ("applicationId", json!("x".repeat(51))),
        ] {
            is_refused(&request, &prism, field, value).await;
        }
        let template = target.replace("9900000", "{accountId}");
        let documented = documented("bandwidth-mfa.yml", &template);
        assert_eq!(documented, [400, 401, 403, 500]);
        for status in documented {
            let told = class_of(&front, Product::Mfa, channel, status).await;
            assert_eq!(told, meaning(status), "{status}");
        }
        let known = request.spoiled(|json| {
            json.as_object_mut().unwrap().remove("callbackUrl");
        });
        is_as_the_sdk_sends(&known, &prism, operation, &[]).await;
    }
    let remote = remote.unwrap();
    // The contract's own example says that it is right.
    let right = carrier(&front, Product::Mfa).check(&remote, "123456").await;
    assert!(right.unwrap());
    let request = front.last();
    assert_eq!(request.target, "/accounts/9900000/code/verify");
    let needed = ["to", "expirationTimeInMinutes", "code"];
    is_refused_spoiled(&request, &prism, &needed, &[]).await;
    is_refused(&request, &prism, "expirationTimeInMinutes", json!(16)).await;
    is_refused(&request, &prism, "code", json!("123")).await;
    let documented = documented("bandwidth-mfa.yml", "/accounts/{accountId}/code/verify");
    assert_eq!(documented, [400, 401, 403, 429, 500]);
    for status in documented {
        let told = class_of_check(&front, &remote, status).await;
        assert_eq!(told, meaning(status), "{status}");
    }
    is_as_the_sdk_sends(&request, &prism, "verify", &[]).await;
}

/// Every status that says no, in a contract that is here.
fn documented(contract: &str, path: &str) -> Vec<u16> {
    bench::refusals(&bench::contract(contract).unwrap(), path)
}

async fn class_of_check(front: &Front, remote: &Remote, status: u16) -> &'static str {
    front.forces(Some(status));
    let checked = carrier(front, Product::Mfa).check(remote, "123456").await;
    front.forces(None);
    checked.expect_err("a failure").class()
}

/// The SDK, asked for a token at the same place, asks in the same way, and shows it in the same way.
#[tokio::test]
async fn tokens_are_asked_for_as_by_the_sdk() {
    if bench::contract("bandwidth-mfa.yml").is_none() {
        return;
    }
    let both = json!({"access_token": "tok", "token_type": "Bearer", "expires_in": 3600, "messageId": "m-1"});
    let front = Front::answering(200, &both.to_string()).await;
    let mut settings = settings(&front.url, Product::Mfa);
    settings.login = Login::Client {
        id: "client".to_owned(),
        secret: Secret::new(b"s:ecret".to_vec()),
        token_url: format!("{}/oauth2/token", front.url),
    };
    let carrier = bench::dispatcher(Kind::Bandwidth(settings), &["+19195550101"]);
    carrier.send(&bench::message(Channel::Sms)).await.unwrap();
    let [own_token, own_code] = front.seen().try_into().unwrap();
    let known = own_code.spoiled(|json| {
        json.as_object_mut().unwrap().remove("callbackUrl");
    });

    let sdk = Front::answering(200, &both.to_string()).await;
    let token_url = format!("{}/oauth2/token", sdk.url);
    by_sdk("code_by_text", &sdk, &known, Some(&token_url)).await;
    let [their_token, their_code] = sdk.seen().try_into().unwrap();
    assert_eq!(own_token.body, their_token.body);
    for (own, theirs) in [(&own_token, &their_token), (&own_code, &their_code)] {
        is_said_alike(own, theirs);
    }
    assert_eq!(own_code.header("authorization"), Some("Bearer tok"));
}

/// Compares our request with the one that the vendor's SDK makes of the same values, which must pass Prism, too:
/// everything that is told there is the same, and nothing is told by one of them alone but `defaults`.
async fn is_as_the_sdk_sends(own: &Seen, prism: &Prism, operation: &str, defaults: &[&str]) {
    let front = Front::before(prism).await;
    by_sdk(operation, &front, own, None).await;
    let theirs = front.last();
    is_said_alike(own, &theirs);
    let mut told = theirs.json();
    for field in defaults {
        told.as_object_mut().unwrap().remove(*field).expect(field);
    }
    // The same instant, in the two forms of UTC that RFC 3339 has.
    if let Some(expiration) = told["expiration"].as_str() {
        let same = expiration.replace("+00:00", "Z");
        told["expiration"] = same.into();
    }
    assert_eq!(own.json(), told, "{operation}");
}

fn is_said_alike(own: &Seen, theirs: &Seen) {
    assert_eq!((&own.method, &own.target), (&theirs.method, &theirs.target));
    for header in ["authorization", "content-type", "accept"] {
        // The SDK accepts anything where it asks for a token.
        if theirs.header(header).is_some() {
            assert_eq!(
                own.header(header),
                theirs.header(header),
                "{header} {}",
                own.target
            );
        }
    }
}

/// Lets the SDK send what we sent.
async fn by_sdk(operation: &str, front: &Front, own: &Seen, token_url: Option<&str>) {
    let python = bench::vendors().join("venv-bandwidth/bin/python");
    assert!(
        python.exists(),
        "{} is missing: run tests/vendors/install",
        python.display()
    );
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/carriers/bandwidth_sdk.py"
    );
    let mut process = Command::new(python)
        .arg(script)
        .args([operation, &front.url])
        .args(token_url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = process.stdin.take().unwrap();
    input.write_all(own.body.as_bytes()).await.unwrap();
    drop(input);
    let output = timeout(4 * bench::PATIENCE, process.wait_with_output());
    let output = output.await.expect("the SDK ends").unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{operation}: {said}");
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
