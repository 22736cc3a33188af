//! The twilio adapter against the published contracts and the vendor's own SDK.

use std::process::Stdio;

use countersign::carrier::Failure;
use countersign::carrier::Kind;
use countersign::carrier::delivery::{Proof, Sent};
use countersign::carrier::twilio::{ApiKey, Hash, Product, Settings, Signature};
use countersign::challenge::Remote;
use countersign::message::Channel;
use countersign::secret::Secret;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::bench::{contract, dispatcher, message, name, refusals, vendors};
use crate::prism::{Front, Prism, Seen};

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const SERVICE: &str = "VA0123456789abcdef0123456789abcdef";
const POOL: &str = "MG0123456789abcdef0123456789abcdef";
const SM: &str = "SM0123456789abcdef0123456789abcdef";
const CA: &str = "CA0123456789abcdef0123456789abcdef";
const VE: &str = "VE0123456789abcdef0123456789abcdef";

const FROM: &[&str] = &["+12025550101"];
const TOKEN: &str = "the token";

fn settings(base_url: String, product: Product) -> Settings {
    Settings {
        account: ACCOUNT.to_owned(),
        token: Secret::new(TOKEN.into()),
        key: None,
        product,
        base_url,
    }
}

/// Messages and calls at that server.
fn ours(url: &str, messaging_service: Option<&str>) -> Kind {
    let product = Product::Messages {
        messaging_service: messaging_service.map(str::to_owned),
        signature: Signature {
            hash: Hash::Sha1,
            key: Secret::new(TOKEN.into()),
        },
    };
    Kind::Twilio(settings(format!("{url}/2010-04-01"), product))
}

/// Verify at that server.
fn theirs(url: &str) -> Kind {
    let service = SERVICE.to_owned();
    Kind::Twilio(settings(format!("{url}/v2"), Product::Verify { service }))
}

/// A verification of theirs.
fn remote() -> Remote {
    Remote {
        carrier: name("main"),
        handle: VE.to_owned(),
    }
}

/// The fields of a request's form, sorted: their order says nothing.
fn fields(seen: &Seen) -> Vec<(String, String)> {
    let mut fields: Vec<_> = form_urlencoded::parse(seen.body.as_bytes())
        .into_owned()
        .collect();
    fields.sort();
    fields
}

/// The same request without a field, or with another value for it.
fn but(seen: &Seen, field: &str, value: Option<&str>) -> Seen {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (own, was) in form_urlencoded::parse(seen.body.as_bytes()) {
        match value {
            _ if own != field => form.append_pair(&own, &was),
            Some(value) => form.append_pair(&own, value),
            None => &mut form,
        };
    }
    seen.with_body(form.finish())
}

/// The same request to another address.
fn elsewhere(seen: &Seen, from: &str, to: &str) -> Seen {
    Seen {
        target: seen.target.replace(from, to),
        ..seen.clone()
    }
}

async fn refused(spoiled: &[(Seen, u16)], front: &Front) {
    for (seen, status) in spoiled {
        let (got, body) = seen.said_to(&front.url).await;
        assert_eq!(got, *status, "{} {}: {body}", seen.target, seen.body);
    }
}

#[tokio::test]
async fn the_contract_of_messages_and_calls_is_kept() {
    let Some(prism) = Prism::of("twilio-api-v2010.json").await else {
        return;
    };
    let front = Front::before(&prism).await;
    let dispatcher_of = |pool, from| dispatcher(ours(&front.url, pool), from);
    // It documents none that says no: those of Twilio's own page are below.
    let file = contract("twilio-api-v2010.json").unwrap();
    for call in ["Messages", "Calls"] {
        let path = format!("/2010-04-01/Accounts/{{AccountSid}}/{call}.json");
        assert!(refusals(&file, &path).is_empty());
    }

    let sent = dispatcher_of(None, FROM).send(&message(Channel::Sms)).await;
    assert!(sent.unwrap().id.starts_with("SM"));
    let text = front.last();
    let sent = dispatcher_of(None, FROM)
        .send(&message(Channel::Voice))
        .await;
    assert!(sent.unwrap().id.starts_with("CA"));
    let call = front.last();
    dispatcher_of(Some(POOL), &[])
        .send(&message(Channel::Sms))
        .await
        .unwrap();
    let pooled = front.last();

    refused(
        &[
            (but(&text, "To", None), 422),
            (but(&text, "ValidityPeriod", Some("soon")), 422),
            (but(&text, "StatusCallback", Some("no address")), 422),
            (but(&pooled, "MessagingServiceSid", Some("MG1")), 422),
            (elsewhere(&text, ACCOUNT, "AC1"), 422),
            (elsewhere(&text, "Messages.json", "Message.json"), 404),
            (text.without("authorization"), 401),
            (but(&call, "To", None), 422),
            (but(&call, "From", None), 422),
            (but(&call, "Timeout", Some("long")), 422),
            (elsewhere(&call, ACCOUNT, "AC1"), 422),
            (call.without("authorization"), 401),
        ],
        &front,
    )
    .await;
}

#[tokio::test]
async fn the_contract_of_verify_is_kept() {
    let Some(prism) = Prism::of("twilio-verify-v2.json").await else {
        return;
    };
    let front = Front::before(&prism).await;
    let dispatcher = dispatcher(theirs(&front.url), &[]);

    for channel in [Channel::Sms, Channel::Voice] {
        let Sent { id, proof, .. } = dispatcher.send(&message(channel)).await.unwrap();
        assert!(id.starts_with("VE"), "{id}");
        assert!(matches!(proof, Proof::Theirs(_)));
    }
    let order = front.last();
    // What its example says of the code is the contract's business; that it is understood is ours.
    dispatcher.check(&remote(), "123456").await.unwrap();
    let check = front.last();

    // Every status that it documents: 429 is the only one that says no, and a check is taken with 200 and with 201.
    let file = contract("twilio-verify-v2.json").unwrap();
    let begun = refusals(&file, "/v2/Services/{ServiceSid}/Verifications");
    assert_eq!(begun, [429]);
    assert!(refusals(&file, "/v2/Services/{ServiceSid}/VerificationCheck").is_empty());
    front.forces(Some(429));
    let failed = dispatcher.send(&message(Channel::Sms)).await.unwrap_err();
    assert!(
        matches!(failed.failure, Failure::Throttled { .. }),
        "{failed:?}"
    );
    for status in [200, 201] {
        front.forces(Some(status));
        dispatcher.check(&remote(), "123456").await.unwrap();
    }
    front.forces(None);
    refused(
        &[
            (but(&order, "To", None), 422),
            (but(&order, "Channel", None), 422),
            (elsewhere(&order, SERVICE, "VA1"), 422),
            (order.without("authorization"), 401),
            (but(&check, "VerificationSid", Some("VE1")), 422),
            (elsewhere(&check, SERVICE, "VA1"), 422),
            (check.without("authorization"), 401),
        ],
        &front,
    )
    .await;
}

/// The contract documents no errors of Messages and Calls: these are as Twilio's page on its responses shows them.
#[tokio::test]
async fn each_error_is_told_apart_and_nothing_of_it_is_told_on() {
    for (status, code, class) in [
        (400, 21211, "bad_number"),
        (400, 21610, "opted_out"),
        (400, 21635, "landline"),
        (400, 21606, "config"),
        (401, 20003, "config"),
        (403, 20005, "config"),
        (404, 20404, "config"),
        (429, 20429, "throttled"),
        (500, 20500, "transient"),
        (503, 20503, "transient"),
    ] {
        let problem = json!({
            "code": code, "status": status, "message": "Invalid 'To' Phone Number: +1919555XXXX",
            "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        });
        let front = Front::answering(status, &problem.to_string()).await;
        let dispatcher = dispatcher(ours(&front.url, None), FROM);
        for channel in [Channel::Sms, Channel::Voice] {
            let failed = dispatcher.send(&message(channel)).await.unwrap_err();
            assert_eq!(failed.failure.class(), class, "{status} {code}");
            let said = format!("{failed:?}");
            assert!(
                !said.contains("Invalid") && !said.contains("1919555"),
                "{said}"
            );
        }
    }
}

#[tokio::test]
async fn each_request_is_as_twilios_own_sdk_makes_it() {
    let python = vendors().join("venv-peers/bin/python");
    assert!(
        python.exists(),
        "{} is missing: run tests/vendors/install",
        python.display()
    );
    let (text, call) = (message(Channel::Sms), message(Channel::Voice));
    let receipts = "https://gw.example/.countersign/receipts/main/receipt-secret";

    let theirs_seen = {
        let front = Front::answering(201, r#"{"sid":"SM1"}"#).await;
        let asked = json!({
            "url": front.url, "account": ACCOUNT, "token": TOKEN, "service": SERVICE, "pool": POOL, "verification": VE,
            "to": text.to.as_str(), "from": FROM[0], "body": text.text().as_str(),
            "twiml": call.script().twiml().as_str(), "receipts": receipts,
        });
        sdk(&python, &asked).await;
        front.seen()
    };

    let mut ours_seen = Vec::new();
    let front = Front::answering(201, &json!({ "sid": SM, "status": "queued" }).to_string()).await;
    for (pool, from) in [(None, FROM), (Some(POOL), &[])] {
        let dispatcher = dispatcher(ours(&front.url, pool), from);
        dispatcher.send(&text).await.unwrap();
        ours_seen.push(front.last());
    }
    let front = Front::answering(201, &json!({ "sid": CA, "status": "queued" }).to_string()).await;
    dispatcher(ours(&front.url, None), FROM)
        .send(&call)
        .await
        .unwrap();
    ours_seen.push(front.last());
    let pending = json!({ "sid": VE, "status": "pending", "valid": false });
    let front = Front::answering(201, &pending.to_string()).await;
    let verify = dispatcher(theirs(&front.url), &[]);
    verify.send(&text).await.unwrap();
    verify.send(&call).await.unwrap();
    assert!(!verify.check(&remote(), "123456").await.unwrap());
    ours_seen.extend(front.seen());

    assert_eq!(ours_seen.len(), 6);
    assert_eq!(theirs_seen.len(), 6);
    for (own, sdk) in ours_seen.iter().zip(&theirs_seen) {
        assert_eq!((&own.method, &own.target), (&sdk.method, &sdk.target));
        assert_eq!(fields(own), fields(sdk), "{}", own.target);
        for header in ["authorization", "content-type", "accept"] {
            assert_eq!(own.header(header), sdk.header(header), "{}", own.target);
        }
    }
}

/// An API key goes into the same place in which the SDK puts it: `Client(key, secret, account)`.
#[tokio::test]
async fn an_api_key_is_used_as_twilios_own_sdk_uses_it() {
    const PROGRAM: &str = r#"
import json, sys
from twilio.rest import Client
asked = json.load(sys.stdin)
client = Client(asked["key"], "its secret", asked["account"])
client.api.base_url = asked["url"]
client.messages.create(to="+19195550143", from_="+12025550101", body="x")
"#;
    let key = "SK0123456789abcdef0123456789abcdef";
    let front = Front::answering(201, &json!({ "sid": SM }).to_string()).await;
    let Kind::Twilio(mut own) = ours(&front.url, None) else {
        unreachable!()
    };
    own.key = Some(ApiKey {
        id: key.to_owned(),
        secret: Secret::new(b"its secret".to_vec()),
    });
    dispatcher(Kind::Twilio(own), FROM)
        .send(&message(Channel::Sms))
        .await
        .unwrap();
    let own = front.last();
    let asked = json!({ "url": front.url, "account": ACCOUNT, "key": key });
    run(&vendors().join("venv-peers/bin/python"), PROGRAM, &asked).await;
    let sdk = front.last();
    assert_eq!(front.seen().len(), 2);
    assert_eq!(own.target, sdk.target);
    assert_eq!(own.header("authorization"), sdk.header("authorization"));
}

/// Lets the SDK say the same as our adapter, in the order of the test.
async fn sdk(python: &std::path::Path, asked: &serde_json::Value) {
    const PROGRAM: &str = r#"
import json, sys
from twilio.rest import Client
a = json.load(sys.stdin)
client = Client(a["account"], a["token"])
client.api.base_url = a["url"]
client.verify.base_url = a["url"]
text = dict(to=a["to"], body=a["body"], validity_period=300, status_callback=a["receipts"])
client.messages.create(from_=a["from"], **text)
client.messages.create(messaging_service_sid=a["pool"], **text)
client.calls.create(to=a["to"], from_=a["from"], twiml=a["twiml"], timeout=20, status_callback=a["receipts"])
service = client.verify.v2.services(a["service"])
service.verifications.create(to=a["to"], channel="sms")
service.verifications.create(to=a["to"], channel="call")
service.verification_checks.create(code="123456", verification_sid=a["verification"])
"#;
    run(python, PROGRAM, asked).await;
}

async fn run(python: &std::path::Path, program: &str, asked: &serde_json::Value) {
    let mut child = Command::new(python)
        .args(["-c", program])
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(asked.to_string().as_bytes()).await.unwrap();
    drop(input);
    assert!(child.wait().await.unwrap().success());
}
