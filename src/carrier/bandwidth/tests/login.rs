//! Tokens: one at a time, kept, replaced, and never the reason why a message's fate is unknown.

use super::*;

const TAKEN: &str = r#"{"id":"m-1"}"#;

fn token(name: &str, life: u64) -> String {
    answer(
        200,
        &format!(r#"{{"access_token":"{name}","token_type":"Bearer","expires_in":{life}}}"#),
    )
}

/// A client that gets its tokens at `tokens` and sends to `messages`.
fn client(tokens: &str, messages: &str) -> Box<dyn Carrier> {
    transport(&Settings {
        login: Login::Client {
            id: "client".to_owned(),
            secret: Secret::new(b"s:ecret".to_vec()),
            token_url: tokens.to_owned(),
        },
        ..settings(messages)
    })
}

fn shown(peer: &Peer) -> Vec<String> {
    let shown = |seen: &peer::Seen| seen.header("authorization").unwrap().to_owned();
    peer.seen().iter().map(shown).collect()
}

#[tokio::test]
async fn a_token_is_got_as_rfc_6749_says_and_kept() {
    let tokens = Peer::answers_in_turn([token("one", 3600), token("two", 3600)]).await;
    let messages = Peer::answers(answer(202, TAKEN)).await;
    let carrier = client(&tokens.url, &messages.url);
    for _ in 0..3 {
        sent(&*carrier, &message("049271")).await.unwrap();
    }
    let [asked] = tokens.seen().try_into().unwrap();
    assert!(asked.head.starts_with("POST /send?a=1 HTTP/1.1\r\n"));
    assert_eq!(asked.body, "grant_type=client_credentials");
    assert_eq!(
        asked.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    // client:s:ecret
    assert_eq!(
        asked.header("authorization"),
        Some("Basic Y2xpZW50OnM6ZWNyZXQ=")
    );
    assert_eq!(shown(&messages), ["Bearer one"; 3]);
}

#[tokio::test]
async fn who_needs_a_token_while_one_is_asked_for_waits_for_it() {
    let tokens = Peer::answers(token("one", 3600)).await;
    let messages = Peer::answers(answer(202, TAKEN)).await;
    let carrier = client(&tokens.url, &messages.url);
    let [a, b, c] = ["111111", "222222", "333333"].map(message);
    let all = tokio::join!(
        sent(&*carrier, &a),
        sent(&*carrier, &b),
        sent(&*carrier, &c)
    );
    assert!(matches!(all, (Ok(_), Ok(_), Ok(_))), "{all:?}");
    assert_eq!(tokens.seen().len(), 1);
}

#[tokio::test]
async fn a_token_is_used_until_a_minute_before_its_end() {
    let untold = answer(200, r#"{"access_token":"x"}"#);
    for (life, asked) in [
        (token("x", 60), 2),
        (token("x", 0), 2),
        (untold, 2),
        (token("x", 400), 1),
        (token("x", u64::MAX), 1),
    ] {
        let tokens = Peer::answers(life.clone()).await;
        let messages = Peer::answers(answer(202, TAKEN)).await;
        let carrier = client(&tokens.url, &messages.url);
        for _ in 0..2 {
            sent(&*carrier, &message("049271")).await.unwrap();
        }
        assert_eq!(tokens.seen().len(), asked, "{life}");
    }
}

#[tokio::test]
async fn a_kept_token_that_is_refused_is_replaced_once() {
    let tokens = Peer::answers_in_turn([token("one", 3600), token("two", 3600)]).await;
    let (yes, no) = (answer(202, TAKEN), answer(401, "{}"));
    let messages = Peer::answers_in_turn([yes.clone(), no.clone(), yes]).await;
    let carrier = client(&tokens.url, &messages.url);
    for _ in 0..2 {
        sent(&*carrier, &message("049271")).await.unwrap();
    }
    assert_eq!(shown(&messages), ["Bearer one", "Bearer one", "Bearer two"]);
    // The new one is not refused a second time: then it is the account.
    let messages = Peer::answers_in_turn([answer(202, TAKEN), no]).await;
    let tokens = Peer::answers(token("one", 3600)).await;
    let carrier = client(&tokens.url, &messages.url);
    sent(&*carrier, &message("049271")).await.unwrap();
    let failure = sent(&*carrier, &message("049271")).await.unwrap_err();
    assert_eq!(failure.class(), "config");
    assert_eq!((tokens.seen().len(), messages.seen().len()), (2, 3));
}

#[tokio::test]
async fn a_fresh_token_or_a_password_that_is_refused_is_refused() {
    let tokens = Peer::answers(token("one", 3600)).await;
    let messages = Peer::answers(answer(401, "{}")).await;
    for carrier in [
        client(&tokens.url, &messages.url),
        transport(&settings(&messages.url)),
    ] {
        let before = messages.seen().len();
        let failure = sent(&*carrier, &message("049271")).await.unwrap_err();
        assert_eq!(failure.class(), "config");
        assert_eq!(messages.seen().len(), before + 1);
    }
    assert_eq!(tokens.seen().len(), 1);
}

#[tokio::test]
async fn without_a_token_the_message_is_certainly_not_sent() {
    let messages = Peer::answers(answer(202, TAKEN)).await;
    for (reply, class) in [
        (answer(400, r#"{"error":"invalid_client"}"#), "config"),
        (answer(401, r#"{"error":"invalid_client"}"#), "config"),
        (answer(429, ""), "throttled"),
        (answer(500, ""), "transient"),
        (answer(200, ""), "transient"),
        (answer(200, r#"{"access_token":"a\nb"}"#), "transient"),
        (answer(200, r#"{"access_token":17}"#), "transient"),
        (String::new(), "transient"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned(),
            "transient",
        ),
    ] {
        let tokens = Peer::answers(reply.clone()).await;
        let carrier = client(&tokens.url, &messages.url);
        let failure = sent(&*carrier, &message("049271")).await.expect_err(&reply);
        assert_eq!(failure.class(), class, "{reply}: {failure:?}");
        assert!(!story(&failure).contains("ecret"));
    }
    let from = sender_of("+12025550101");
    let silent = Peer::is_silent().await;
    let carrier = client(&silent.url, &messages.url);
    let failure = carrier.send(&message("049271"), Some(&from), BRIEF).await;
    assert!(
        matches!(failure, Err(Failure::Transient(Cause::Silence))),
        "{failure:?}"
    );
    let carrier = client(&peer::nobody().await, &messages.url);
    let failure = sent(&*carrier, &message("049271")).await;
    assert!(
        matches!(failure, Err(Failure::Transient(Cause::Connect(_)))),
        "{failure:?}"
    );
    assert!(messages.seen().is_empty());
}

#[test]
fn basic_credentials_are_shown_whole_and_once() {
    let own = Basic::new("receipts", b"pass:word");
    let mut good = HeaderMap::new();
    good.insert(AUTHORIZATION, own.header());
    assert!(own.shown_in(&good));
    let encoded = "cmVjZWlwdHM6cGFzczp3b3Jk";
    for (value, shows) in [
        (format!("Basic {encoded}"), true),
        (format!("basic  {encoded} "), true),
        (format!("Bearer {encoded}"), false),
        (format!("Basic {}", &encoded[..20]), false),
        ("Basic cmVjZWlwdHM6".to_owned(), false),
        ("Basic".to_owned(), false),
        ("Basic !!!".to_owned(), false),
        (String::new(), false),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        assert_eq!(own.shown_in(&headers), shows, "{value}");
    }
    assert!(!own.shown_in(&HeaderMap::new()));
    good.append(AUTHORIZATION, own.header());
    assert!(!own.shown_in(&good), "two are none");
}
