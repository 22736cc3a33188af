use std::collections::BTreeSet;

use super::*;
use crate::address::Address;
use crate::code::Reference;
use crate::email::Email;
use crate::phone::Phone;
use crate::subject::Subject;

const NOW: Moment = Moment {
    unix: 1_795_375_800,
    mono: Duration::ZERO,
};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn metrics() -> Metrics {
    Metrics::new([&name("main"), &name("spare")], NOW)
}

/// One message: its steps are told in their order.
struct Story<'m> {
    metrics: &'m Metrics,
    id: Id,
    to: Address,
    channel: Channel,
}

impl<'m> Story<'m> {
    fn begin(metrics: &'m Metrics) -> Self {
        Self {
            metrics,
            id: Id::draw(),
            to: Address::Phone(Phone::parse("+12025550143").unwrap()),
            channel: Channel::Sms,
        }
    }

    fn step(&self, step: Step<'_>) -> &Self {
        self.metrics.saw(&Dispatch {
            id: &self.id,
            to: &self.to,
            channel: self.channel,
            step,
        });
        self
    }

    fn asked(&self, carrier: &str) -> &Self {
        self.step(Step::Asked {
            carrier: &name(carrier),
            from: None,
            again: false,
        })
    }

    fn taken(&self, carrier: &str, segments: usize, micros: Option<u64>) -> &Self {
        self.step(Step::Taken {
            carrier: &name(carrier),
            vendor_id: "SM12025550143",
            took: Duration::from_millis(200),
            segments,
            micros,
        })
    }

    fn failed(&self, carrier: &str, class: &'static str) -> &Self {
        self.step(Step::Failed {
            carrier: &name(carrier),
            class,
            reason: "the answer was 400, code 21211 about +12025550143",
            took: Duration::from_secs(3),
        })
    }

    fn unsent(&self, class: &'static str) -> &Self {
        self.step(Step::Unsent {
            class,
            reason: "nobody took 049271 to +12025550143",
        })
    }
}

/// The value of a sample by its whole left side; `None` if there is none.
fn sample(metrics: &Metrics, series: &str) -> Option<f64> {
    let text = metrics.text().unwrap();
    let mut lines = text.lines().filter_map(|line| line.rsplit_once(' '));
    lines
        .find(|(own, _)| *own == series)
        .map(|(_, value)| value.parse().unwrap())
}

#[test]
fn a_message_that_was_taken_is_counted_with_what_it_cost() {
    let metrics = metrics();
    let story = Story::begin(&metrics);
    story.asked("main").taken("main", 2, Some(8_000));
    Story::begin(&metrics)
        .asked("main")
        .taken("main", 1, Some(4_000));
    for (series, value) in [
        (
            r#"countersign_messages_total{carrier="main",channel="sms",result="taken"}"#,
            2.0,
        ),
        (r#"countersign_message_segments_total{carrier="main"}"#, 3.0),
        (
            r#"countersign_message_cost_usd_total{carrier="main",channel="sms"}"#,
            0.012,
        ),
        (
            r#"countersign_message_send_duration_seconds_count{carrier="main"}"#,
            2.0,
        ),
        (
            r#"countersign_message_send_duration_seconds_bucket{le="0.1",carrier="main"}"#,
            0.0,
        ),
        (
            r#"countersign_message_send_duration_seconds_bucket{le="0.25",carrier="main"}"#,
            2.0,
        ),
    ] {
        assert_eq!(sample(&metrics, series), Some(value), "{series}");
    }
}

#[test]
fn a_carrier_without_a_price_costs_nothing_that_anybody_knows() {
    let metrics = metrics();
    Story::begin(&metrics).asked("main").taken("main", 1, None);
    assert!(!metrics.text().unwrap().contains("cost_usd_total{"));
}

#[test]
fn a_message_that_another_carrier_takes_is_one_failure_one_success_and_one_failover() {
    let metrics = metrics();
    Story::begin(&metrics)
        .asked("main")
        .failed("main", "config")
        .asked("spare")
        .taken("spare", 1, None);
    for series in [
        r#"countersign_messages_total{carrier="main",channel="sms",result="config"}"#,
        r#"countersign_messages_total{carrier="spare",channel="sms",result="taken"}"#,
        r#"countersign_carrier_failovers_total{from="main",to="spare"}"#,
    ] {
        assert_eq!(sample(&metrics, series), Some(1.0), "{series}");
    }
}

#[test]
fn asking_the_same_carrier_again_is_no_failover_and_neither_is_another_message() {
    let metrics = metrics();
    let first = Story::begin(&metrics);
    first.asked("main").failed("main", "transient");
    Story::begin(&metrics)
        .asked("spare")
        .taken("spare", 1, None);
    first.asked("main").failed("main", "transient");
    first.unsent("transient");
    assert!(!metrics.text().unwrap().contains("failovers_total{"));
    let series = r#"countersign_messages_total{carrier="main",channel="sms",result="transient"}"#;
    assert_eq!(sample(&metrics, series), Some(2.0));
    assert!(!metrics.text().unwrap().contains(r#"carrier="-""#));
}

#[test]
fn a_message_for_which_nobody_was_asked_is_nobodys() {
    let metrics = metrics();
    Story::begin(&metrics).unsent("refused");
    let series = r#"countersign_messages_total{carrier="-",channel="sms",result="refused"}"#;
    assert_eq!(sample(&metrics, series), Some(1.0));
}

#[test]
fn messages_that_were_given_up_half_way_do_not_pile_up() {
    let metrics = metrics();
    for _ in 0..=UNDER_WAY {
        Story::begin(&metrics).failed("main", "transient");
    }
    assert!(metrics.on_their_way().len() <= UNDER_WAY);
}

#[test]
fn receipts_are_counted_by_carrier_and_reason() {
    let (metrics, main) = (metrics(), name("main"));
    for (state, code) in [
        ("sent", None),
        ("delivered", None),
        ("blocked", Some("30007")),
        ("blocked", Some("30003")),
    ] {
        metrics.heard(&Told {
            carrier: &main,
            id: "SM12025550143",
            channel: Channel::Sms,
            state,
            code,
        });
    }
    for (status, count) in [("sent", 1.0), ("delivered", 1.0), ("blocked", 2.0)] {
        let series = format!(
            r#"countersign_message_deliveries_total{{carrier="main",channel="sms",status="{status}"}}"#
        );
        assert_eq!(sample(&metrics, &series), Some(count), "{status}");
    }
}

#[test]
fn a_carrier_is_up_until_it_is_left_out_and_again_when_it_works() {
    let (metrics, main) = (metrics(), name("main"));
    let up = || sample(&metrics, r#"countersign_carrier_up{carrier="main"}"#);
    assert_eq!(up(), Some(1.0));
    metrics.rests(&main, true);
    assert_eq!(up(), Some(0.0));
    let other = sample(&metrics, r#"countersign_carrier_up{carrier="spare"}"#);
    assert_eq!(other, Some(1.0));
    metrics.rests(&main, false);
    assert_eq!(up(), Some(1.0));
}

fn record(metrics: &Metrics, what: What<'_>) {
    metrics.record(&Event {
        reference: Reference::draw(),
        site: Some(&name("portal")),
        what,
    });
}

#[test]
fn challenges_and_answers_are_counted_by_scope() {
    let (metrics, scope) = (metrics(), name("login"));
    let subject = Subject::parse("ann").unwrap();
    let entry = Entry::StepUp;
    record(
        &metrics,
        What::ChallengeCreated {
            scope: &scope,
            entry,
        },
    );
    for why in [
        "not the code",
        "no code lives",
        "the challenge's answers are used up",
        "the subject is locked",
        "answered before",
    ] {
        record(
            &metrics,
            What::ChallengeFailed {
                scope: &scope,
                subject: &subject,
                why,
            },
        );
    }
    record(
        &metrics,
        What::ChallengeVerified {
            scope: &scope,
            subject: &subject,
            entry,
        },
    );
    record(&metrics, What::Full);
    metrics.limit("sends");
    for series in [
        r#"countersign_challenges_total{scope="login",flow="step_up"}"#,
        r#"countersign_challenge_outcomes_total{scope="login",outcome="verified"}"#,
        r#"countersign_code_checks_total{scope="login",result="right"}"#,
        r#"countersign_code_checks_total{scope="login",result="wrong"}"#,
        r#"countersign_code_checks_total{scope="login",result="expired"}"#,
        r#"countersign_code_checks_total{scope="login",result="spent"}"#,
        r#"countersign_code_checks_total{scope="login",result="locked"}"#,
        r#"countersign_code_checks_total{scope="login",result="finished"}"#,
        r#"countersign_limit_hits_total{limit="wrong_per_challenge"}"#,
        r#"countersign_limit_hits_total{limit="wrong_per_hour"}"#,
        r#"countersign_limit_hits_total{limit="room"}"#,
        r#"countersign_limit_hits_total{limit="sends"}"#,
    ] {
        assert_eq!(sample(&metrics, series), Some(1.0), "{series}");
    }
    assert!(!metrics.text().unwrap().contains("result=\"refused\""));
}

/// A sentence that this file does not know would be counted as something else without anybody noticing.
#[test]
fn every_sentence_of_the_log_about_an_answer_has_its_word() {
    let check = include_str!("../../flow/check.rs");
    let (_, arms) = check.split_once("failed(match refused {").unwrap();
    let (arms, _) = arms.split_once("});").unwrap();
    let sentences: Vec<&str> = arms
        .lines()
        .filter_map(|arm| arm.split('"').nth(1))
        .collect();
    assert!(sentences.len() >= 5, "{arms}");
    for sentence in sentences {
        assert_ne!(result(sentence), "refused", "{sentence}");
    }
}

#[test]
fn the_text_says_what_runs_since_when_and_ends_as_openmetrics_wants_it() {
    let metrics = metrics();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        sample(
            &metrics,
            &format!(r#"countersign_build_info{{version="{version}"}}"#)
        ),
        Some(1.0)
    );
    assert_eq!(
        sample(&metrics, "process_start_time_seconds"),
        Some(1_795_375_800.0)
    );
    assert!(metrics.text().unwrap().ends_with("# EOF\n"));
}

#[test]
fn what_the_workers_count_is_one_sum() {
    let metrics = metrics();
    let told = || sample(&metrics, "countersign_connections_total{what=\"accepted\"}");
    assert_eq!(told(), None);
    metrics.connections([("accepted", 7), ("accepted", 4)]);
    assert_eq!(told(), Some(11.0));
    metrics.connections([("accepted", 8), ("accepted", 4)]);
    assert_eq!(told(), Some(12.0), "not added to what was");
}

#[test]
fn a_certificate_is_told_by_its_file_and_the_newest_end_of_it() {
    let metrics = metrics();
    let series = "countersign_certificate_expires_seconds{file=\"/etc/tls/app.pem\"}";
    assert_eq!(sample(&metrics, series), None);
    for end in [1_800_000_000, 1_900_000_000] {
        metrics.certificates([(Path::new("/etc/tls/app.pem"), end)]);
        #[expect(clippy::cast_precision_loss, reason = "whole seconds are exact")]
        let end = end as f64;
        assert_eq!(sample(&metrics, series), Some(end));
    }
}

/// The page of metrics names every series that there can be, so that nobody looks for one that is not there.
#[test]
fn the_page_of_metrics_lists_every_one() {
    let page = include_str!("../../../docs/metrics.md");
    let metrics = metrics();
    everything_happens(&metrics);
    let text = metrics.text().unwrap();
    let described: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .collect();
    assert_eq!(described.len(), 17, "{described:#?}");
    for line in described {
        let (name, kind) = line.split_once(' ').unwrap();
        let listed = match kind {
            "counter" => format!("`{name}_total"),
            "info" => format!("`{name}_info"),
            _ => format!("`{name}"),
        };
        assert!(page.contains(&listed), "{listed} is not in docs/metrics.md");
    }
}

/// Every label is read: they are names and words, without a number, code, person, reason or identifier among them.
#[test]
fn c8_a9_no_label_can_hold_a_number_a_code_or_a_person() {
    let metrics = metrics();
    everything_happens(&metrics);
    let text = metrics.text().unwrap();
    let labels: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('{')?.1.rsplit_once('}'))
        .flat_map(|(labels, _)| labels.split(','))
        .collect();
    assert!(labels.len() > 10, "{labels:?}");
    for label in labels {
        let (key, value) = label.split_once('=').unwrap();
        let value = value.trim_matches('"');
        let number = ["le", "version"].contains(&key);
        if key == "file" {
            assert_eq!(value, "/etc/tls/app.pem", "as the configuration has it");
            continue;
        }
        let word = value.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        assert!(number || word || value == "-", "{label}");
        assert_ne!(value, "ann");
    }
    for secret in ["049271", "2025550143", "example.com"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

/// Tells all that messages, receipts and events can carry, with secrets wherever there is room for one.
fn everything_happens(metrics: &Metrics) {
    let (carrier, scope) = (name("main"), name("login"));
    metrics.connections([("accepted", 7), ("panic", 1)]);
    metrics.certificates([(Path::new("/etc/tls/app.pem"), 1_800_000_000)]);
    let story = Story::begin(metrics);
    story.asked("main").failed("main", "unknown");
    story.asked("spare").taken("spare", 1, Some(1));
    let mail = Story {
        to: Address::Email(Email::parse("ann@example.com").unwrap()),
        channel: Channel::Email,
        ..Story::begin(metrics)
    };
    mail.step(Step::LeftOut {
        carrier: &carrier,
        why: "ann@example.com",
    })
    .unsent("config");
    metrics.heard(&Told {
        carrier: &carrier,
        id: "+12025550143",
        channel: Channel::Sms,
        state: "delivered",
        code: Some("049271"),
    });
    let subject = Subject::parse("ann").unwrap();
    let (scope, subject, entry) = (&scope, &subject, Entry::Ask);
    for what in [
        What::ChallengeCreated { scope, entry },
        What::ChallengeVerified {
            scope,
            subject,
            entry,
        },
        What::ChallengeFailed {
            scope,
            subject,
            why: "ann typed 049271",
        },
        What::Full,
    ] {
        record(metrics, what);
    }
}
