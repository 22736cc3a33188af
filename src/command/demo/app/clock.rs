//! The time once a second, by WebSocket (RFC 6455) and as server-sent events.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper_util::rt::TokioIo;
use jiff::Zoned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Answer, plain};
use crate::upstream::tunnel;

/// Answers the handshake (RFC 6455 section 4.2.2) and leaves a task behind that tells the time.
pub(super) fn open(
    mut request: Request<Incoming>,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) -> Answer {
    let headers = request.headers();
    if !names(headers, &UPGRADE, "websocket") || !names(headers, &CONNECTION, "upgrade") {
        let mut answer = plain(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket\n");
        answer
            .headers_mut()
            .insert(UPGRADE, HeaderValue::from_static("websocket"));
        return answer;
    }
    if headers
        .get(SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != "13")
    {
        let mut answer = plain(
            StatusCode::UPGRADE_REQUIRED,
            "only version 13 is spoken here\n",
        );
        answer
            .headers_mut()
            .insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return answer;
    }
    let Some(accept) = headers.get(SEC_WEBSOCKET_KEY).and_then(accept) else {
        return plain(
            StatusCode::BAD_REQUEST,
            "the key is missing or not 16 bytes of base64\n",
        );
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tasks.spawn(shutdown.clone().run_until_cancelled_owned(async move {
        if let Ok(socket) = upgrade.await {
            // A peer that went away is how every clock ends.
            let _ = tell(TokioIo::new(socket)).await;
        }
    }));
    let mut answer = Response::new(Either::Left(Full::default()));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer
        .headers_mut()
        .insert(UPGRADE, HeaderValue::from_static("websocket"));
    answer.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
    answer
}

/// The time as server-sent events, until the reader has enough.
pub(super) fn events() -> Answer {
    let mut answer = Response::new(Either::Right(Ticks(every_second())));
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    answer
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// A body that never ends: one event a second, the first at once.
pub(super) struct Ticks(Interval);

impl Body for Ticks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.0.poll_tick(cx));
        Poll::Ready(Some(Ok(Frame::data(
            format!("data: {}\n\n", time()).into(),
        ))))
    }
}

/// Sends the time and minds what the other side says, until it says goodbye.
async fn tell(mut socket: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut seconds = every_second();
    let mut received = BytesMut::new();
    loop {
        while let Some(said) = next(&mut received) {
            match said {
                Said::Ping(payload) => socket.write_all(&frame(PONG, &payload)).await?,
                Said::Close(payload) => return socket.write_all(&frame(CLOSE, &payload)).await,
                Said::Broken(status) => {
                    return socket.write_all(&frame(CLOSE, &status.to_be_bytes())).await;
                }
                Said::Something => {}
            }
        }
        tokio::select! {
            _ = seconds.tick() => socket.write_all(&frame(TEXT, time().as_bytes())).await?,
            read = socket.read_buf(&mut received) => if read? == 0 { return Ok(()) },
        }
    }
}

/// What a client can say that matters to a clock.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Ping(Bytes),
    Close(Bytes),
    /// Text, data, a pong: nothing a clock answers.
    Something,
    /// It broke the rules; the status says which (RFC 6455 section 7.4.1).
    Broken(u16),
}

/// Takes the next whole frame out of what was received, if there is one (RFC 6455 section 5.2).
fn next(received: &mut BytesMut) -> Option<Said> {
    let (&first, &second) = (received.first()?, received.get(1)?);
    let masked = second & 0x80 != 0;
    let opcode = first & 0x0f;
    let (length, head) = match second & 0x7f {
        126 => (
            usize::from(u16::from_be_bytes([*received.get(2)?, *received.get(3)?])),
            4,
        ),
        127 => return Some(Said::Broken(TOO_BIG)),
        short => (usize::from(short), 2),
    };
    if !masked || (opcode >= CLOSE && length > 125) {
        return Some(Said::Broken(PROTOCOL_ERROR));
    }
    if length > LONGEST {
        return Some(Said::Broken(TOO_BIG));
    }
    if received.len() < head + 4 + length {
        return None;
    }
    received.advance(head);
    let mask = received.split_to(4);
    let mut payload = received.split_to(length);
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    Some(match opcode {
        CLOSE => Said::Close(payload.freeze()),
        PING => Said::Ping(payload.freeze()),
        _ => Said::Something,
    })
}

/// One final frame, unmasked as a server's are.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len())
        .ok()
        .filter(|length| *length < 126);
    let mut frame = Vec::with_capacity(2 + payload.len());
    frame.put_u8(0x80 | opcode);
    frame.put_u8(length.expect("control frames end at 125 bytes, and the time is shorter"));
    frame.put_slice(payload);
    frame
}

/// The answer to a client's key, if it is one: 16 bytes in base64.
fn accept(key: &HeaderValue) -> Option<HeaderValue> {
    STANDARD
        .decode(key.as_bytes())
        .ok()
        .filter(|nonce| nonce.len() == 16)?;
    HeaderValue::from_str(&tunnel::accept(key.as_bytes())).ok()
}

/// Whether a comma-separated field holds `word`, in any letter case.
fn names(headers: &HeaderMap, field: &HeaderName, word: &str) -> bool {
    let values = headers
        .get_all(field)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(word))
}

fn every_second() -> Interval {
    let mut seconds = interval(Duration::from_secs(1));
    // After a stall the time now is wanted, not all the times that were missed.
    seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    seconds
}

fn time() -> String {
    Zoned::now().strftime("%H:%M:%S").to_string()
}

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// RFC 6455 section 7.4.1.
const PROTOCOL_ERROR: u16 = 1002;
const TOO_BIG: u16 = 1009;

/// Nobody has reason to tell a clock more than this at once.
const LONGEST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_rfc_gets_the_answer_of_the_rfc() {
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept(&key).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for bad in [
            "",
            "dGhl",
            "dGhlIHNhbXBsZSBub25jZQ",
            "not base64 at all!!!!!!!",
        ] {
            assert_eq!(accept(&HeaderValue::from_static(bad)), None, "{bad:?}");
        }
    }

    #[test]
    fn a_frame_is_taken_only_when_it_is_whole() {
        // RFC 6455 section 5.7: a masked "Hello", here as a ping.
        let ping = [
            0x89, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        for cut in 0..ping.len() {
            let mut received = BytesMut::from(&ping[..cut]);
            assert_eq!(next(&mut received), None);
            assert_eq!(received.len(), cut, "nothing is lost of a part");
        }
        let mut received = BytesMut::from(&[&ping[..], &[0x88, 0x80, 1, 2, 3, 4]].concat()[..]);
        assert_eq!(
            next(&mut received),
            Some(Said::Ping(Bytes::from_static(b"Hello")))
        );
        assert_eq!(next(&mut received), Some(Said::Close(Bytes::new())));
        assert!(received.is_empty());
    }

    #[test]
    fn a_frame_that_breaks_the_rules_ends_the_clock() {
        for (bytes, status) in [
            (&[0x81, 0x01, b'x'][..], PROTOCOL_ERROR),
            (&[0x89, 0xfe, 0x00, 0x80], PROTOCOL_ERROR),
            (&[0x82, 0xfe, 0x10, 0x01], TOO_BIG),
            (&[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 1], TOO_BIG),
        ] {
            assert_eq!(
                next(&mut BytesMut::from(bytes)),
                Some(Said::Broken(status)),
                "{bytes:?}"
            );
        }
    }
}
