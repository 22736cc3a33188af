//! What the API sends goes the way of all messages: by the carriers of `[delivery]`, with their receipts and health.

use std::io::Write;

use countersign::message::Channel;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::gate::{Api, FROM, HOOK_KEY, PAPER};
use super::sdk::order;
use super::support::app::App;
use super::support::gate::other_than;
use super::support::wire::{Answer, connect, read_answer};
use super::wire::{Client, valid};

const ANN: &str = "+12025550143";

/// A service of the vendor's that makes codes of its own stands first, a webhook second; and a site, at whose door
/// vendors tell of messages.
fn program(mfa: &App, hook: &App) -> Api {
    Api::program(&format!(
        "[listen]\nhttp = [\"127.0.0.1:0\"]\n\
         [sites.gw]\nurl = \"http://gw.localhost\"\nupstream = \"{mfa}\"\nsupport = \"Help desk\"\ndirectory = \"people\"\n\
         scopes = [\"login\"]\n[scopes.login]\nchannels = [\"sms\"]\n[directory.people.file]\npath = \"users.toml\"\n\
         [carriers.codes.bandwidth]\nservice = \"mfa\"\naccount = \"9900000\"\nusername = \"u\"\npassword = \"file:hook.key\"\n\
         messaging_application = \"texts\"\nvoice_application = \"calls\"\nfrom = [\"+12025550199\"]\nbase_url = \"{mfa}/api/v1\"\n\
         [carriers.hook.webhook]\nurl = \"{hook}\"\nsigning_key = \"file:hook.key\"\nfrom = [\"{FROM}\"]\n\
         [delivery]\nsms = [\"codes\", \"hook\"]\nvoice = [\"codes\", \"hook\"]\npublic_url = \"http://gw.localhost\"\n",
        mfa = mfa.url(),
        hook = hook.url(),
    ))
}

#[test]
fn a_carrier_that_makes_codes_of_its_own_is_left_out_and_receipts_of_the_next_are_heard() {
    let mfa =
        App::answering("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"messageId\": \"m-1\"}");
    let hook =
        App::answering("HTTP/1.1 202 Accepted\r\nContent-Length: 13\r\n\r\n{\"id\": \"V-1\"}");
    let api = program(&mfa, &hook);
    let mut client = Client::new(&api);

    // What only the first sends from, nobody sends from here.
    let mut theirs = order(ANN, "login");
    theirs["from"] = json!("+12025550199");
    for call in ["messaging", "voice"] {
        let (status, told) = client.call(call, &theirs);
        let expected = "from number is not one that this gateway sends from";
        assert_eq!((status, told["error"].as_str()), (400, Some(expected)));
    }

    let (status, told) = client.call("messaging", &order(ANN, "login"));
    assert_eq!((status, told), (200, json!({ "messageId": "V-1" })));
    let message: Value = serde_json::from_slice(&hook.last().body).unwrap();
    assert_eq!(message["from"], FROM);
    let text = message["text"].as_str().unwrap();
    let code: String = text.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(
        client.verify(ANN, "login", &other_than(&code)),
        valid(false)
    );

    // By the vendor's name for it and by ours; the second time it is no news.
    for (id, state, status) in [
        (json!("V-1"), "sent", 204),
        (json!("V-2"), "failed", 204),
        (message["id"].clone(), "delivered", 204),
        (message["id"].clone(), "delivered", 204),
    ] {
        let word = json!({ "id": id, "state": state });
        assert_eq!(tell(&api, &message, &word).status(), status, "{word}");
    }
    assert_eq!(client.verify(ANN, "login", &code), valid(true));

    let (status, told) = client.call("voice", &order(ANN, "login"));
    assert_eq!((status, told), (200, json!({ "callId": "V-1" })));
    let call: Value = serde_json::from_slice(&hook.last().body).unwrap();
    assert_eq!(call["channel"], "voice");
    let failed = json!({ "id": call["id"], "state": "failed", "reason": "landline" });
    assert_eq!(tell(&api, &call, &failed).status(), 204);

    assert!(
        mfa.seen().is_empty(),
        "neither the vendor nor the application was asked"
    );
    drop(client);
    let log = api.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("A9: {line}")))
        .collect();
    let receipts: Vec<[&str; 3]> = lines
        .iter()
        .filter(|line| line["message"] == "receipt")
        .map(|line| ["carrier", "channel", "state"].map(|field| line[field].as_str().unwrap()))
        .collect();
    assert_eq!(
        receipts,
        [
            ["hook", "sms", "sent"],
            ["hook", "sms", "delivered"],
            ["hook", "voice", "landline"]
        ],
        "{log}"
    );
    assert!(!log.contains(&code) && !log.contains("2025550143"), "{log}");
}

/// Its codes that are entered are counted as those that were taken are: else a carrier of the API alone would look as
/// if nothing that it takes arrived.
#[test]
fn a_code_that_was_verified_speaks_for_the_carrier_that_brought_it() {
    let api = Api::here(PAPER);
    let mut client = Client::new(&api);
    assert_eq!(client.call("messaging", &order(ANN, "login")).0, 200);
    assert_eq!(client.call("voice", &order(ANN, "call")).0, 200);
    let (text, call) = (api.messages.code(1), api.messages.code(2));
    assert_eq!(
        client.verify(ANN, "login", &other_than(&text)),
        valid(false)
    );
    assert_eq!(api.health(Channel::Sms), (1, 0));
    assert_eq!(client.verify(ANN, "login", &text), valid(true));
    assert_eq!(client.verify(ANN, "login", &text), valid(false));
    assert_eq!(api.health(Channel::Sms), (1, 1));
    assert_eq!(api.health(Channel::Voice), (1, 0));
    assert_eq!(client.verify(ANN, "call", &call), valid(true));
    assert_eq!(api.health(Channel::Voice), (1, 1));
}

/// Tells of that message at the address that it came with.
fn tell(api: &Api, message: &Value, word: &Value) -> Answer {
    let url = message["receipts"].as_str().unwrap();
    let path = url.strip_prefix("http://gw.localhost").unwrap();
    let (body, unix) = (word.to_string(), now());
    let mut mac = Hmac::<Sha256>::new_from_slice(HOOK_KEY.as_bytes()).unwrap();
    mac.update(format!("{unix}.{body}").as_bytes());
    let hash = mac.finalize().into_bytes();
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut stream = connect(api.sites());
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: gw.localhost\r\nCountersign-Signature: t={unix},v1={hex}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.get_mut().write_all(request.as_bytes()).unwrap();
    read_answer(&mut stream, false).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a vendor has a clock")]
fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_secs()
}
