//! The steps of a trial for people.

use std::fmt::Write as _;

use crate::flow::trial::step::{Asked, Line, Step};

/// A step as a line with its time before it; `None` for those that go without saying.
pub(super) fn text(line: &Line) -> Option<String> {
    let said = match &line.step {
        Step::Configuration {
            from,
            gateway: true,
        } => format!("the gateway at {from} sends"),
        Step::Configuration { from, .. } => format!("configuration {from} read"),
        Step::Address {
            to,
            country,
            kind,
            refused,
        } => {
            let mut said = format!("{to}: {kind}");
            if let Some(country) = country {
                // Writing to a String cannot fail.
                let _ = write!(said, ", {country}");
            }
            if let Some(refused) = refused {
                let _ = write!(said, "; not sent to: {refused}");
            }
            said
        }
        Step::Order { channel, carriers } => {
            let names: Vec<String> = carriers.iter().map(asked).collect();
            match names.as_slice() {
                [] => format!("no carrier for {channel}"),
                names => format!("order for {channel}: {}", names.join(", ")),
            }
        }
        Step::Text { text, segments } => {
            let mut said = match segments {
                Some(1) => "the text, 1 segment, with a made-up code:".to_owned(),
                Some(many) => format!("the text, {many} segments, with a made-up code:"),
                None => "the text, with a made-up code:".to_owned(),
            };
            for line in text.lines() {
                let _ = write!(said, "\n          | {}", plain(line));
            }
            said
        }
        Step::LeftOut { carrier, why } => format!("{carrier}: left out: {why}"),
        Step::Asked {
            carrier,
            from,
            again,
        } => {
            let again = if *again { " once more" } else { "" };
            match from {
                Some(from) => format!("{carrier}: asked{again}, from {from}"),
                None => format!("{carrier}: asked{again}"),
            }
        }
        Step::Taken {
            carrier,
            id,
            took_ms,
            segments,
            micros,
        } => {
            let segments = match segments {
                1 => "1 segment".to_owned(),
                many => format!("{many} segments"),
            };
            let cost = micros.map_or_else(
                || "no price set".to_owned(),
                |micros| format!("{}.{:06} USD", micros / 1_000_000, micros % 1_000_000),
            );
            format!(
                "{carrier}: took it in {took_ms} ms, as {}; {segments}, {cost}",
                plain(id)
            )
        }
        Step::Failed {
            carrier,
            class,
            reason,
            took_ms,
        } => format!(
            "{carrier}: failed after {took_ms} ms: {} ({class})",
            plain(reason)
        ),
        Step::Unsent { class, reason } => format!("not sent: {} ({class})", plain(reason)),
        Step::Waiting { seconds } => format!("waiting for the receipt, {seconds} s at the most"),
        Step::Receipt {
            carrier,
            state,
            code,
        } => match code {
            Some(code) => format!("{carrier}: receipt: {state}, code {}", plain(code)),
            None => format!("{carrier}: receipt: {state}"),
        },
        Step::NoReceipt { why } => format!("no receipt: {why}"),
        Step::Refused { why } => why.clone(),
        Step::End { .. } => return None,
    };
    Some(format!(
        "{:>5}.{:03} s  {said}",
        line.ms / 1000,
        line.ms % 1000
    ))
}

fn asked(asked: &Asked) -> String {
    let mut said = asked.carrier.clone();
    if let Some(from) = &asked.from {
        let _ = write!(said, " from {from}");
    }
    if asked.managed {
        said.push_str(" (makes a code of its own)");
    }
    if let Some(rests) = &asked.rests {
        let _ = write!(said, " (last: {rests})");
    }
    said
}

/// A vendor's words: nothing in them may move the cursor.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(step: Step) -> String {
        text(&Line { ms: 1_207, step }).unwrap()
    }

    #[test]
    fn every_step_is_a_sentence_with_its_time() {
        let carrier = || "main".to_owned();
        for (step, line) in [
            (
                Step::Address {
                    to: "+12025550143".to_owned(),
                    country: Some("US".to_owned()),
                    kind: "a number kept for fiction".to_owned(),
                    refused: None,
                },
                "    1.207 s  +12025550143: a number kept for fiction, US",
            ),
            (
                Step::Order {
                    channel: "sms".to_owned(),
                    carriers: vec![
                        Asked {
                            carrier: carrier(),
                            from: Some("+12025550101".to_owned()),
                            managed: false,
                            rests: None,
                        },
                        Asked {
                            carrier: "spare".to_owned(),
                            from: None,
                            managed: true,
                            rests: Some("it asked to wait".to_owned()),
                        },
                    ],
                },
                "    1.207 s  order for sms: main from +12025550101, spare (makes a code of its own) (last: it asked to wait)",
            ),
            (
                Step::Order {
                    channel: "voice".to_owned(),
                    carriers: Vec::new(),
                },
                "    1.207 s  no carrier for voice",
            ),
            (
                Step::Asked {
                    carrier: carrier(),
                    from: None,
                    again: true,
                },
                "    1.207 s  main: asked once more",
            ),
            (
                Step::Taken {
                    carrier: carrier(),
                    id: "SM1".to_owned(),
                    took_ms: 212,
                    segments: 1,
                    micros: Some(4_000),
                },
                "    1.207 s  main: took it in 212 ms, as SM1; 1 segment, 0.004000 USD",
            ),
            (
                Step::Failed {
                    carrier: carrier(),
                    class: "config".to_owned(),
                    reason: "the carrier is not set up right: the answer was 401".to_owned(),
                    took_ms: 9,
                },
                "    1.207 s  main: failed after 9 ms: the carrier is not set up right: the answer was 401 (config)",
            ),
            (
                Step::Receipt {
                    carrier: carrier(),
                    state: "blocked".to_owned(),
                    code: Some("30007".to_owned()),
                },
                "    1.207 s  main: receipt: blocked, code 30007",
            ),
        ] {
            assert_eq!(said(step), line);
        }
        let end = Line {
            ms: 0,
            step: Step::End { ok: true },
        };
        assert_eq!(text(&end), None);
    }

    #[test]
    fn nothing_that_a_vendor_says_moves_the_cursor() {
        for step in [
            Step::Taken {
                carrier: "main".to_owned(),
                id: "a\x1b[2Jb\n".to_owned(),
                took_ms: 0,
                segments: 2,
                micros: None,
            },
            Step::Unsent {
                class: "unknown".to_owned(),
                reason: "\r\x07gone".to_owned(),
            },
            Step::Receipt {
                carrier: "main".to_owned(),
                state: "sent".to_owned(),
                code: Some("\x08".to_owned()),
            },
        ] {
            assert!(!said(step).contains(char::is_control));
        }
    }
}
