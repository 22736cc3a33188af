//! What a witness hears of a message: enough to find it again at the vendor, and nothing that opens anything.

use std::fmt::Write as _;
use std::sync::Mutex;

use super::*;
use crate::event::dispatch::Told;

/// Writes down everything it is given.
#[derive(Default)]
struct Notes(Mutex<String>);

impl Witness for Notes {
    fn saw(&self, dispatch: &Dispatch<'_>) {
        let Dispatch {
            id,
            to,
            channel,
            step,
        } = dispatch;
        let mut notes = self.0.lock().unwrap();
        write!(notes, "{id} {to} {to:?} {channel} ").unwrap();
        match step {
            Step::LeftOut { carrier, why } => writeln!(notes, "left out {carrier}: {why}"),
            Step::Asked {
                carrier,
                from,
                again,
            } => writeln!(notes, "asked {carrier} {from:?} {again}"),
            Step::Taken {
                carrier,
                vendor_id,
                took: _,
                segments,
                micros,
            } => writeln!(
                notes,
                "taken {carrier} {vendor_id} segments={segments} {micros:?}"
            ),
            Step::Failed {
                carrier,
                class,
                reason,
                took: _,
            } => writeln!(notes, "failed {carrier} {class}: {reason}"),
            Step::Unsent { class, reason } => writeln!(notes, "unsent {class}: {reason}"),
        }
        .unwrap();
    }
    fn heard(&self, _: &Told<'_>) {}
    fn rests(&self, _: &Name, _: bool) {}
}

/// What is told of one message by these carriers.
async fn told(carriers: &[Settings], message: &Message) -> String {
    let notes = Arc::new(Notes::default());
    let surroundings = Surroundings {
        sink: Page::default().sink(),
        witness: Arc::clone(&notes) as _,
        receipt_secret: &|_| "secret".to_owned(),
    };
    let mut settings = delivery(carriers);
    settings.voice.clone_from(&settings.sms);
    let dispatcher =
        Dispatcher::with_roots(carriers, &settings, &surroundings, RootCertStore::empty()).unwrap();
    drop(dispatcher.send(message).await);
    notes.0.lock().unwrap().clone()
}

#[tokio::test]
async fn c8_a_witness_hears_of_carrier_message_and_failure_but_of_neither_code_nor_number() {
    let taken = r#"{"id":"SM-17"}"#;
    let taken = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{taken}",
        taken.len()
    );
    let works = Peer::answers(taken).await;
    let broken = Peer::answers("HTTP/1.1 500 049271\r\nContent-Length: 6\r\n\r\n049271").await;
    let (works, broken) = (hook("main", &works.url), hook("main", &broken.url));
    let to_send = message("049271");
    let abroad = Message {
        to: Address::Phone(Phone::parse("+442079460000").unwrap()),
        ..message("049271")
    };
    for (carrier, message, wanted) in [
        (
            &works,
            &to_send,
            &[
                "asked main None false",
                "taken main SM-17",
                "+1••••43",
                "sms",
            ][..],
        ),
        (
            &broken,
            &to_send,
            &[
                "asked main None true",
                "failed main transient: ",
                "500",
                "unsent transient",
                "+1••••43",
            ],
        ),
        (&works, &abroad, &["unsent refused", "GB", "+44••••00"]),
    ] {
        let lines = told(std::slice::from_ref(carrier), message).await;
        for part in wanted.iter().copied().chain([message.id.as_str()]) {
            assert!(lines.contains(part), "{part} is missing: {lines}");
        }
        for secret in ["049271", "2025550143", "2079460000", "hook key"] {
            assert!(!lines.contains(secret), "{secret} is in: {lines}");
        }
    }
}

#[tokio::test]
async fn a_message_costs_its_segments_and_a_call_a_minute() {
    let priced = Settings {
        price: Some("0.004 USD".parse().unwrap()),
        ..console("trial")
    };
    let long = |mut message: Message| {
        message.draft.name = "Ä very long name ".repeat(10);
        message
    };
    let call = Message {
        channel: Channel::Voice,
        ..message("049271")
    };
    for (message, segments, micros) in [
        (message("049271"), 1, 4_000),
        (long(message("049271")), 2, 8_000),
        (long(call), 1, 4_000),
    ] {
        let lines = told(std::slice::from_ref(&priced), &message).await;
        let wanted = format!("segments={segments} Some({micros})");
        assert!(lines.contains(&wanted), "{wanted}: {lines}");
    }
    let lines = told(&[console("trial")], &message("049271")).await;
    assert!(lines.contains("segments=1 None"), "{lines}");
}
