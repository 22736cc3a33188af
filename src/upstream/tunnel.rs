//! A WebSocket once it stands: bytes both ways, until either side, the grant or the server ends (R9, S5).

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderValue};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;

use super::Failed;
use super::body::{LOOK, Watch};

/// RFC 6455 section 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The Sec-WebSocket-Accept that belongs to a key (RFC 6455 section 4.2.2).
pub fn accept(key: &[u8]) -> String {
    STANDARD.encode(digest::digest(
        &digest::SHA1_FOR_LEGACY_USE_ONLY,
        &[key, GUID].concat(),
    ))
}

/// A 101 counts only with the right accept value for the key that was sent (R9).
pub(super) fn check_accept(key: &HeaderValue, answer: &HeaderMap) -> Result<(), Failed> {
    let mut accepts = answer.get_all("sec-websocket-accept").iter();
    let right = accepts
        .next()
        .is_some_and(|value| value == accept(key.as_bytes()).as_str())
        && accepts.next().is_none();
    let websocket = answer
        .get(header::UPGRADE)
        .is_some_and(|token| token.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if right && websocket {
        Ok(())
    } else {
        Err(Failed::Unsound(
            "its WebSocket handshake does not fit the request",
        ))
    }
}

/// Runs the tunnel to its end. A WebSocket has none of its own: a server that stops would wait for it in vain.
pub async fn run(
    visitor: OnUpgrade,
    application: OnUpgrade,
    watch: Option<Watch>,
    shutdown: CancellationToken,
) {
    let (visitor, application) = match tokio::try_join!(visitor, application) {
        Ok(both) => both,
        Err(error) => {
            tracing::debug!(error = %error, "a WebSocket did not come about");
            return;
        }
    };
    let (mut visitor, mut application) = (TokioIo::new(visitor), TokioIo::new(application));
    tokio::select! {
        ended = tokio::io::copy_bidirectional(&mut visitor, &mut application) => {
            if let Err(error) = ended {
                tracing::debug!(error = %error, "a WebSocket broke off");
            }
        }
        () = shutdown.cancelled() => {}
        () = until_ended(watch) => tracing::info!(event = "tunnel.ended", "a WebSocket was closed: its grant has ended"),
    }
}

async fn until_ended(watch: Option<Watch>) {
    let Some(watch) = watch else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(LOOK).await;
        if !watch.stands() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and the value of RFC 6455 section 1.3.
    #[test]
    fn r9_only_the_accept_of_this_key_opens_a_tunnel() {
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        let answered = |fields: &[(&'static str, &'static str)]| {
            let mut answer = HeaderMap::new();
            for (name, value) in fields {
                answer.append(*name, HeaderValue::from_static(value));
            }
            check_accept(&key, &answer)
        };
        let upgrade = ("upgrade", "WebSocket");
        let right = ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(answered(&[upgrade, right]).is_ok());
        for wrong in [
            &[upgrade] as &[_],
            &[right],
            &[("upgrade", "h2c"), right],
            &[upgrade, right, right],
            &[upgrade, ("sec-websocket-accept", "")],
            &[
                upgrade,
                ("sec-websocket-accept", "S3PPLMBITXAQ9KYGZZHZRBK+XOO="),
            ],
        ] {
            assert!(answered(wrong).is_err(), "{wrong:?}");
        }
    }
}
