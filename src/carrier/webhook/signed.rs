//! What the receiver of a webhook tells later: signed JSON, as our own requests to it are.
//!
//! ```text
//! POST /.countersign/receipts/inhouse/4kGy… HTTP/1.1
//! Content-Type: application/json
//! Countersign-Signature: t=1795375800,v1=5257a869…
//!
//! {"id":"3q2-7wAAAAAAAAAAAAAAAA","state":"failed","reason":"landline"}
//! ```
//! One such object, or a list of them; other members are none of ours. `id` is ours or the receiver's own, `state` is
//! `sent`, `delivered` or `failed`. The signature is made as ours is, over time and body under the signing key; its
//! field has no `X-`, since fields that begin with `X-Countersign-` are taken off whatever comes in (R10).

use hmac::{Hmac, Mac};
use http::HeaderName;
use serde::Deserialize;
use sha2::Sha256;

use crate::carrier::{Fate, NotTaken, Receipt, Report};

/// How far `t` may be off, in seconds: what the receiver of our own requests is told to allow.
const TOLERANCE: u64 = 5 * 60;

const SIGNATURE: HeaderName = HeaderName::from_static("countersign-signature");

/// The receipts in a report.
///
/// # Errors
/// [`NotTaken::Forged`] without a fresh signature under the key, before anything of the body is read;
/// [`NotTaken::Unreadable`] if it is not as above.
pub(super) fn read(key: &Hmac<Sha256>, report: &Report<'_>) -> Result<Vec<Receipt>, NotTaken> {
    signed(key, report).ok_or(NotTaken::Forged)?;
    let posted: Posted = serde_json::from_slice(report.body).map_err(|_| NotTaken::Unreadable)?;
    Ok(match posted {
        Posted::One(told) => vec![told.receipt()],
        Posted::Many(all) => all.into_iter().map(Told::receipt).collect(),
    })
}

fn signed(key: &Hmac<Sha256>, report: &Report<'_>) -> Option<()> {
    let mut all = report.headers.get_all(SIGNATURE).iter();
    let (Some(only), None) = (all.next(), all.next()) else {
        return None;
    };
    let (time, mac) = only.to_str().ok()?.strip_prefix("t=")?.split_once(",v1=")?;
    let unix: u64 = time.parse().ok()?;
    if unix.abs_diff(report.now.unix) > TOLERANCE {
        return None;
    }
    let expected = key
        .clone()
        .chain_update(time)
        .chain_update(".")
        .chain_update(report.body);
    expected.verify_slice(&bytes(mac)?).ok()
}

/// The 32 bytes of 64 hexadecimal digits.
fn bytes(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = hex.as_bytes();
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? << 4 | low?).ok()?;
    }
    Some(bytes)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Posted {
    One(Told),
    Many(Vec<Told>),
}

#[derive(Deserialize)]
struct Told {
    id: String,
    state: State,
    reason: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Sent,
    Delivered,
    Failed,
}

impl Told {
    fn receipt(self) -> Receipt {
        let fate = match self.state {
            State::Sent => Fate::Sent,
            State::Delivered => Fate::Delivered,
            State::Failed => Fate::Failed {
                class: class(self.reason.as_deref()),
                code: self.reason.filter(|reason| is_word(reason)),
            },
        };
        Receipt { id: self.id, fate }
    }
}

/// The words that a refusal may have, and one for all other reasons.
fn class(reason: Option<&str>) -> &'static str {
    match reason {
        Some("bad_number") => "bad_number",
        Some("blocked") => "blocked",
        Some("opted_out") => "opted_out",
        Some("landline") => "landline",
        _ => "transient",
    }
}

/// Whether a reason may stand in logs: one short word with no more digits than any vendor's code has, so that neither a
/// number nor a text comes in with it (C8).
fn is_word(reason: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=32).contains(&reason.len())
        && reason.bytes().all(plain)
        && reason.bytes().filter(u8::is_ascii_digit).count() <= 5
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::carrier::Carrier;
    use crate::carrier::tests::{NOW, webhook_to};
    use crate::carrier::webhook::ours::Signature;
    use crate::moment::Moment;
    use crate::secret::Secret;

    /// The key that `webhook_to` has, too.
    fn signature() -> Signature {
        Signature::new(&Secret::new(b"hook key".to_vec()))
    }

    /// What comes of a body with these signatures.
    fn read_with(signatures: &[&str], body: &str, now: Moment) -> Result<Vec<Receipt>, NotTaken> {
        let mut headers = HeaderMap::new();
        for signature in signatures {
            headers.append(SIGNATURE, HeaderValue::from_str(signature).unwrap());
        }
        webhook_to("http://localhost/").receipts(&Report {
            headers: &headers,
            body: &Bytes::copy_from_slice(body.as_bytes()),
            url: "https://portal.example.com/.countersign/receipts/inhouse/x",
            now,
        })
    }

    /// The same, rightly signed.
    fn taken(body: &str) -> Result<Vec<Receipt>, NotTaken> {
        let signature = signature().sign(NOW.unix, body.as_bytes());
        read_with(&[&signature], body, NOW)
    }

    fn failed(class: &'static str, code: Option<&str>) -> Fate {
        let code = code.map(str::to_owned);
        Fate::Failed { class, code }
    }

    #[test]
    fn each_state_is_read() {
        for (members, fate) in [
            (r#""state":"sent""#, Fate::Sent),
            (
                r#""state":"delivered","reason":"odd","more":[1]"#,
                Fate::Delivered,
            ),
            (r#""state":"failed""#, failed("transient", None)),
            (
                r#""state":"failed","reason":null"#,
                failed("transient", None),
            ),
            (
                r#""state":"failed","reason":"landline""#,
                failed("landline", Some("landline")),
            ),
            (
                r#""state":"failed","reason":"opted_out""#,
                failed("opted_out", Some("opted_out")),
            ),
            (
                r#""state":"failed","reason":"30003""#,
                failed("transient", Some("30003")),
            ),
        ] {
            let body = format!(r#"{{"id":"SM-17",{members}}}"#);
            let id = "SM-17".to_owned();
            assert_eq!(taken(&body), Ok(vec![Receipt { id, fate }]), "{body}");
        }
        let many = r#"[{"id":"a","state":"sent"},{"id":"b","state":"delivered"}]"#;
        let ids: Vec<String> = taken(many)
            .unwrap()
            .into_iter()
            .map(|told| told.id)
            .collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(taken("[]"), Ok(Vec::new()));
    }

    #[test]
    fn c8_a_reason_brings_nothing_into_logs_but_a_word() {
        for reason in [
            "+12025550143",
            "2025550143",
            "049271",
            "no such number",
            "",
            "a\\nb",
            "x{}",
            &"x".repeat(33),
        ] {
            let body = format!(r#"{{"id":"x","state":"failed","reason":"{reason}"}}"#);
            let receipts = taken(&body).unwrap();
            assert_eq!(receipts[0].fate, failed("transient", None), "{reason}");
        }
    }

    #[test]
    fn c9_what_is_not_signed_right_is_not_read() {
        let body = r#"{"id":"x","state":"sent"}"#;
        let right = signature().sign(NOW.unix, body.as_bytes());
        assert!(read_with(&[&right], body, NOW).is_ok());
        let other = signature().sign(NOW.unix, b"{}");
        let (time, mac) = right.split_once(",v1=").unwrap();
        let wrong = |signature: &str| read_with(&[signature], body, NOW);
        for signature in [
            String::new(),
            other,
            mac.to_owned(),
            format!("{time},v1="),
            format!("{time},v1={}", &mac[2..]),
            format!("{time},v1={mac}00"),
            format!("{time},v1={}zz", &mac[2..]),
            format!("{time},v0={mac}"),
            format!("v1={mac},{time}"),
            // Another spelling of the same second is other bytes than were signed.
            right.replacen("t=", "t=0", 1),
            right.replacen("t=", "t=+", 1),
            right.replacen("t=1", "t=2", 1),
        ] {
            assert_eq!(wrong(&signature), Err(NotTaken::Forged), "{signature}");
        }
        assert_eq!(read_with(&[], body, NOW), Err(NotTaken::Forged));
        let twice = read_with(&[&right, &right], body, NOW);
        assert_eq!(twice, Err(NotTaken::Forged), "which one is it?");
        // Not even its form is told to who cannot sign.
        assert_eq!(read_with(&[&right], "{", NOW), Err(NotTaken::Forged));
    }

    #[test]
    fn c9_a_signature_is_good_for_five_minutes() {
        let body = r#"{"id":"x","state":"sent"}"#;
        let signature = signature().sign(NOW.unix, body.as_bytes());
        for (unix, good) in [
            (NOW.unix + 300, true),
            (NOW.unix + 301, false),
            (NOW.unix - 300, true),
            (NOW.unix - 301, false),
        ] {
            let told = read_with(&[&signature], body, Moment { unix, ..NOW });
            assert_eq!(told.is_ok(), good, "{unix}");
        }
    }

    #[test]
    fn what_is_no_receipt_is_refused() {
        for body in [
            "",
            "null",
            "17",
            "{}",
            r#"{"id":"x"}"#,
            r#"{"state":"sent"}"#,
            r#"{"id":17,"state":"sent"}"#,
            r#"{"id":"x","state":"lost"}"#,
            r#"{"id":"x","state":"failed","reason":17}"#,
            r#"[{"id":"x","state":"sent"},{}]"#,
            // Our own request, sent back.
            r#"{"id":"x","site":"portal","scope":"login","channel":"sms","to":"+12025550143","text":"…"}"#,
        ] {
            assert_eq!(taken(body), Err(NotTaken::Unreadable), "{body}");
        }
        assert_eq!(taken(&"[".repeat(60_000)), Err(NotTaken::Unreadable));
    }
}
