use std::error::Error as _;

use super::*;
use crate::carrier::tests::PATIENCE;
use crate::carrier::tests::peer::{self, Peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What became of a POST to `url`, and the whole story of it.
async fn posted(url: &str, within: Duration) -> (Failure, String) {
    let client = HttpClient::new(RootCertStore::empty()).unwrap();
    let request = Request::post(url).body(Bytes::from_static(b"049271"));
    let failure = client.post(request.unwrap(), within).await.unwrap_err();
    let mut story = failure.to_string();
    let mut source = failure.source();
    while let Some(cause) = source {
        story = format!("{story}: {cause}");
        source = cause.source();
    }
    (failure, story)
}

/// An address where somebody answers everything, before it has said anything, with these bytes; or hangs up.
async fn says(answer: Option<&'static [u8]>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let Some(answer) = answer else { continue };
            drop(stream.write_all(answer).await);
            drop(stream.read_to_end(&mut Vec::new()).await);
        }
    });
    address.to_string()
}

#[tokio::test]
async fn what_keeps_a_connection_from_coming_about_is_told_and_nothing_was_sent() {
    let (strange, _) = Peer::answers_by_tls("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let plain = says(Some(b"HTTP/1.1 400 No\r\n\r\n")).await;
    let gone = says(None).await;
    for (url, word) in [
        (peer::nobody().await, "refused"),
        ("http://sms.invalid/send".to_owned(), "dns"),
        (format!("https://{plain}/"), "corrupt message"),
        (format!("https://{gone}/"), ""),
        (strange.url.clone(), "certificate"),
    ] {
        let (failure, story) = posted(&url, PATIENCE).await;
        assert!(
            matches!(failure, Failure::Transient(Cause::Connect(_))),
            "{url}: {story}"
        );
        assert!(story.contains(word), "{url}: {story}");
        assert!(!story.contains("049271"), "{story}");
    }
    assert!(strange.seen().is_empty());
}

#[test]
fn c8_an_answer_that_says_our_credentials_back_is_recognised() {
    let basic = HeaderValue::from_static("Basic YXBpLXVzZXI6aG9vayBrZXk=");
    let bearer = HeaderValue::from_static("Bearer one.two.three");
    let short = HeaderValue::from_static("Bearer one.two");
    for (body, shown, does) in [
        (r#"{"id":"YXBpLXVzZXI6aG9vayBrZXk="}"#, &basic, true),
        (r#"{"id":"Basic YXBpLXVzZXI6aG9vayBrZXk="}"#, &basic, true),
        (r#"{"code":"one.two.three"}"#, &bearer, true),
        (r#"{"code":"one.two"}"#, &short, false),
        (r#"{"id":"Basic"}"#, &basic, false),
        ("", &bearer, false),
        ("anything", &HeaderValue::from_static("Basic "), false),
    ] {
        assert_eq!(repeats(body.as_bytes(), shown), does, "{body}");
    }
}
