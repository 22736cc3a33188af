//! Asks the gateway that runs, by its admin socket.

use std::fmt;
use std::io;
use std::path::Path;

use bytes::{Buf as _, Bytes};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::flow::trial::Order;
use crate::flow::trial::step::{Line, Step};

/// What it said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// All steps came.
    Ended {
        /// As in [`Step::End`].
        ok: bool,
    },
    /// The order makes no sense to it.
    Wrong(String),
    /// It has no such carrier.
    NotThere(String),
}

/// Nothing, or not all.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAsked {
    /// Nobody is there, or this process may not ask: nothing was ordered.
    #[error("nobody answers")]
    Nobody(#[source] io::Error),
    /// It answered, and then went away or said something else.
    #[error("{0}")]
    Lost(String),
}

/// A line of a few words; longer ones are nobody's of ours.
const LONGEST_LINE: usize = 64 * 1024;

/// Gives the order and hands each step on as it comes.
pub(super) async fn ask(
    socket: &Path,
    order: &Order,
    mut hear: impl FnMut(&Line),
) -> Result<Answered, NotAsked> {
    let stream = UnixStream::connect(socket)
        .await
        .map_err(NotAsked::Nobody)?;
    let body = serde_json::to_vec(order).map_err(lost)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    // It ends with the connection's other half.
    let connection = tokio::spawn(connection);
    let request = Request::post("/send-test")
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(lost)?;
    let response = sender.send_request(request).await.map_err(lost)?;
    let answered = match response.status() {
        StatusCode::OK => steps(response.into_body(), &mut hear).await,
        StatusCode::BAD_REQUEST => reason(response.into_body()).await.map(Answered::Wrong),
        StatusCode::NOT_FOUND => reason(response.into_body()).await.map(Answered::NotThere),
        status => Err(NotAsked::Lost(format!("it answered {status}"))),
    };
    connection.abort();
    answered
}

async fn steps(mut body: Incoming, hear: &mut impl FnMut(&Line)) -> Result<Answered, NotAsked> {
    let mut rest = bytes::BytesMut::new();
    let mut end = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(lost)?.into_data() else {
            continue;
        };
        rest.extend_from_slice(&data);
        while let Some(length) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Line = serde_json::from_slice(&rest[..length]).map_err(lost)?;
            rest.advance(length + 1);
            if let Step::End { ok } = line.step {
                end = Some(Answered::Ended { ok });
            }
            hear(&line);
        }
        if rest.len() > LONGEST_LINE {
            return Err(lost("a line without an end"));
        }
    }
    end.ok_or_else(|| lost("it ended in the middle"))
}

/// The sentence of a refusal.
async fn reason(body: Incoming) -> Result<String, NotAsked> {
    let body = Limited::new(body, LONGEST_LINE)
        .collect()
        .await
        .map_err(lost)?;
    let told: serde_json::Value = serde_json::from_slice(&body.to_bytes()).map_err(lost)?;
    let why = told["error"]
        .as_str()
        .ok_or_else(|| lost("no reason given"))?;
    Ok(why.to_owned())
}

fn lost(why: impl fmt::Display) -> NotAsked {
    NotAsked::Lost(format!("{why}"))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixListener;

    use super::*;

    fn order() -> Order {
        Order {
            to: "+12025550143".to_owned(),
            channel: None,
            carrier: None,
            dry_run: false,
            wait: 0,
        }
    }

    /// What is made of these bytes, and the steps that were heard.
    async fn answered(answer: String) -> (Result<Answered, NotAsked>, Vec<Line>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let peer = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        let mut heard = Vec::new();
        let answered = ask(&path, &order(), |line| heard.push(line.clone())).await;
        assert!(
            peer.await
                .unwrap()
                .starts_with("POST /send-test HTTP/1.1\r\n")
        );
        (answered, heard)
    }

    fn whole(status: &str, body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}")
    }

    fn in_chunks(chunks: &[&str]) -> String {
        let mut answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
        for chunk in chunks {
            write!(answer, "{:x}\r\n{chunk}\r\n", chunk.len()).unwrap();
        }
        answer
    }

    #[tokio::test]
    async fn steps_are_heard_as_they_come_and_the_last_is_the_result() {
        let (said, heard) = answered(in_chunks(&[
            "{\"ms\":1,\"step\":\"wait",
            "ing\",\"seconds\":30}\n{\"",
            "ms\":2,\"step\":\"end\",\"ok\":false}",
            "\n",
            "",
        ]))
        .await;
        assert_eq!(said.unwrap(), Answered::Ended { ok: false });
        assert_eq!(heard.len(), 2);
        assert_eq!(heard[0].step, Step::Waiting { seconds: 30 });
        assert_eq!(heard[1].ms, 2);
    }

    #[tokio::test]
    async fn a_refusal_is_told_by_its_sentence() {
        let (said, _) = answered(whole("404 Not Found", "{\"error\":\"no such thing\"}")).await;
        let there = Answered::NotThere("no such thing".to_owned());
        assert_eq!(said.unwrap(), there);
        let (said, _) = answered(whole("400 Bad Request", "{\"error\":\"wrong\"}")).await;
        assert_eq!(said.unwrap(), Answered::Wrong("wrong".to_owned()));
    }

    #[tokio::test]
    async fn a_gateway_that_goes_away_in_the_middle_is_not_taken_for_one_that_is_done() {
        let long = "x".repeat(LONGEST_LINE + 1);
        let step = "{\"ms\":1,\"step\":\"waiting\",\"seconds\":30}\n";
        let whole_step = whole("200 OK", step);
        for cut in [
            in_chunks(&["{\"ms\":1,\"step\":\"end\",\"ok\":true}"]),
            in_chunks(&[step]),
            in_chunks(&[&long]),
            whole_step[..whole_step.len() - 1].to_owned(),
            whole_step.clone(),
            whole("200 OK", ""),
            whole("200 OK", "hello\n"),
            whole("502 Bad Gateway", ""),
            whole("404 Not Found", "not found\n"),
            whole("404 Not Found", "{}"),
            String::new(),
        ] {
            let (said, _) = answered(cut.clone()).await;
            assert!(matches!(said, Err(NotAsked::Lost(_))), "{cut}: {said:?}");
        }
    }

    #[tokio::test]
    async fn where_nobody_listens_nothing_was_ordered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let said = ask(&path, &order(), |_| panic!("nobody is there")).await;
        assert!(matches!(said, Err(NotAsked::Nobody(_))), "{said:?}");
        drop(UnixListener::bind(&path).unwrap());
        let said = ask(&path, &order(), |_| panic!("nobody is there")).await;
        assert!(matches!(said, Err(NotAsked::Nobody(_))), "{said:?}");
    }
}
