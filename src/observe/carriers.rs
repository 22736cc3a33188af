//! What carriers do, in the log.

use tracing::{debug, info, warn};

use crate::event::dispatch::{Dispatch, Step, Told, Witness};
use crate::message::Channel;
use crate::name::Name;

/// Writes every step down, one line each, with nothing of the message in it but the masked number (A9).
#[derive(Debug, Default)]
pub struct Carriers;

impl Witness for Carriers {
    fn saw(&self, dispatch: &Dispatch<'_>) {
        let Dispatch {
            id,
            to,
            channel,
            step,
        } = dispatch;
        match step {
            Step::LeftOut { carrier, why } => {
                info!(carrier = %carrier, %id, %to, %channel, why, "carrier left out");
            }
            Step::Asked { carrier, again, .. } => {
                debug!(carrier = %carrier, %id, %to, %channel, again, "carrier asked");
            }
            Step::Taken {
                carrier,
                vendor_id,
                took,
                segments,
                micros,
            } => {
                let ms = took.as_millis();
                info!(carrier = %carrier, %id, %to, %channel, vendor_id, ms, segments, micros, "sent");
            }
            Step::Failed {
                carrier,
                class,
                reason,
                took,
            } => {
                let ms = took.as_millis();
                warn!(carrier = %carrier, %id, %to, %channel, class, reason, ms, "not sent");
            }
            Step::Unsent { class, reason } => {
                warn!(%id, %to, %channel, class, reason, "no carrier took it");
            }
        }
    }

    fn heard(&self, told: &Told<'_>) {
        let Told {
            carrier,
            channel,
            state,
            code,
            ..
        } = told;
        info!(carrier = %carrier, %channel, state, code, "receipt");
    }

    fn rests(&self, carrier: &Name, rests: bool) {
        if rests {
            warn!(carrier = %carrier, "carrier left out for a while: it fails again and again");
        } else {
            info!(carrier = %carrier, "carrier works again");
        }
    }

    fn conversion(&self, carrier: &Name, channel: Channel, percent: u8) {
        warn!(carrier = %carrier, %channel, percent, "few codes of this carrier are entered: do its messages arrive?");
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::address::Address;
    use crate::message::Id;
    use crate::phone::Phone;

    /// Everything that was logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What an operator sees, at the most talkative.
    fn logged(story: impl FnOnce(&Carriers)) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        // While there is one subscriber only, tracing asks whichever thread comes first to a log line whether anybody
        // wants it; a test beside this one would answer no for good. With two it asks the subscribers.
        let _second = tracing::Dispatch::new(tracing_subscriber::registry());
        tracing::subscriber::with_default(subscriber, || story(&Carriers));
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn main() -> Name {
        Name::parse("main").unwrap()
    }

    /// The line of one step, and the message's name.
    fn line(to: &str, step: Step<'_>) -> (String, String) {
        let (id, to) = (Id::draw(), Address::Phone(Phone::parse(to).unwrap()));
        let dispatch = Dispatch {
            id: &id,
            to: &to,
            channel: Channel::Sms,
            step,
        };
        let line = logged(|log| log.saw(&dispatch));
        (line, id.to_string())
    }

    #[test]
    fn c8_a9_each_step_is_one_line_that_names_carrier_message_and_failure_but_no_number() {
        let (carrier, took) = (&main(), Duration::from_millis(87));
        for (step, wanted) in [
            (
                Step::LeftOut {
                    carrier,
                    why: "it asked to wait",
                },
                &["INFO", "main", "it asked to wait"][..],
            ),
            (
                Step::Asked {
                    carrier,
                    from: None,
                    again: true,
                },
                &["DEBUG", "main", "again=true"],
            ),
            (
                Step::Taken {
                    carrier,
                    vendor_id: "SM-17",
                    took,
                    segments: 2,
                    micros: Some(8_000),
                },
                &[
                    "INFO",
                    "main",
                    "SM-17",
                    "segments=2",
                    "micros=8000",
                    "ms=87",
                ],
            ),
            (
                Step::Failed {
                    carrier,
                    class: "transient",
                    reason: "the carrier does not work: the answer was 500",
                    took,
                },
                &["WARN", "main", "transient", "500", "ms=87"],
            ),
            (
                Step::Unsent {
                    class: "refused",
                    reason: "not sent to: GB",
                },
                &["WARN", "refused", "GB"],
            ),
        ] {
            let (line, id) = line("+442079460018", step);
            assert_eq!(line.lines().count(), 1, "{line}");
            for part in wanted.iter().copied().chain(["+44••••18", "sms", &id]) {
                assert!(line.contains(part), "{part} is missing: {line}");
            }
            assert!(!line.contains("2079460018"), "{line}");
        }
    }

    #[test]
    fn a9_what_a_vendor_says_writes_no_line_of_its_own() {
        let step = Step::Failed {
            carrier: &main(),
            class: "transient",
            reason: "no\n2026-11-22 INFO everything is fine",
            took: Duration::ZERO,
        };
        assert_eq!(line("+12025550143", step).0.lines().count(), 1);
    }

    #[test]
    fn how_carriers_do_is_told_as_loudly_as_it_matters() {
        let carrier = main();
        let told = |state, code| Told {
            carrier: &carrier,
            id: "SM1",
            channel: Channel::Voice,
            state,
            code,
        };
        for (line, wanted) in [
            (
                logged(|log| log.heard(&told("delivered", None))),
                &["INFO", "main", "voice", "delivered"][..],
            ),
            (
                logged(|log| log.heard(&told("bad_number", Some("30005")))),
                &["INFO", "main", "voice", "bad_number", "30005"],
            ),
            (
                logged(|log| log.rests(&carrier, true)),
                &["WARN", "main", "left out for a while"],
            ),
            (
                logged(|log| log.rests(&carrier, false)),
                &["INFO", "main", "works again"],
            ),
            (
                logged(|log| log.conversion(&carrier, Channel::Sms, 41)),
                &["WARN", "main", "sms", "percent=41"],
            ),
        ] {
            assert_eq!(line.lines().count(), 1, "{line}");
            for part in wanted {
                assert!(line.contains(part), "{part} is missing: {line}");
            }
        }
    }
}
