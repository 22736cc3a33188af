use super::*;
use crate::carrier::tests::peer::{self, Peer};
use crate::carrier::tests::{BRIEF, PATIENCE, Page, message, name};
use crate::phone::{Phone, Undeliverable};
use crate::secret::Secret;

const TAKEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const BROKEN: &str = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
const MISTAKEN: &str = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n";
const BUSY: &str = "HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n";
const LANDLINE: &str = "HTTP/1.1 422 No\r\nContent-Length: 22\r\n\r\n{\"refused\":\"landline\"}";
const HALF: &str = "HTTP/1.1 200 OK\r\nContent-";

fn hook(carrier: &str, url: &str) -> Settings {
    let settings = webhook::Settings {
        url: url.to_owned(),
        signing_key: Secret::new(b"hook key".to_vec()),
    };
    Settings {
        name: name(carrier),
        kind: Kind::Webhook(settings),
        timeout: PATIENCE,
    }
}

fn console(carrier: &str) -> Settings {
    Settings {
        name: name(carrier),
        kind: Kind::Console,
        timeout: PATIENCE,
    }
}

/// All of `carriers` for text messages in their order, nobody for calls.
fn delivery(carriers: &[Settings]) -> Delivery {
    Delivery {
        sms: carriers
            .iter()
            .map(|carrier| carrier.name.clone())
            .collect(),
        voice: Vec::new(),
        timeout: PATIENCE,
        countries: vec!["US".to_owned()],
        fictional: false,
    }
}

fn dispatcher(carriers: &[Settings]) -> Dispatcher {
    Dispatcher::open(carriers, &delivery(carriers), &Page::default().sink()).unwrap()
}

fn to(number: &str) -> Message {
    Message {
        to: Phone::parse(number).unwrap(),
        ..message("049271")
    }
}

#[tokio::test]
async fn the_first_carrier_that_works_takes_the_message_and_nobody_else() {
    let (first, second) = (Peer::answers(TAKEN).await, Peer::answers(TAKEN).await);
    let dispatcher = dispatcher(&[hook("main", &first.url), hook("spare", &second.url)]);
    let receipt = dispatcher.send(&message("049271")).await.unwrap();
    assert_eq!(receipt.carrier, name("main"));
    assert_eq!((first.seen().len(), second.seen().len()), (1, 0));
}

#[tokio::test]
async fn the_next_carrier_is_asked_only_where_the_last_was_at_fault() {
    for (answer, class, next) in [
        (BROKEN, "transient", true),
        (MISTAKEN, "config", true),
        (BUSY, "throttled", true),
        (LANDLINE, "landline", false),
        (HALF, "unknown", false),
    ] {
        let (first, second) = (Peer::answers(answer).await, Peer::answers(TAKEN).await);
        let dispatcher = dispatcher(&[hook("main", &first.url), hook("spare", &second.url)]);
        let sent = dispatcher.send(&message("049271")).await;
        assert_eq!(
            (first.seen().len(), second.seen().len()),
            (1, usize::from(next)),
            "{class}"
        );
        match sent {
            Ok(receipt) => assert!(next && receipt.carrier == name("spare"), "{class}"),
            Err(failed) => {
                assert!(!next && failed.carrier == Some(name("main")), "{class}");
                assert_eq!(failed.failure.class(), class);
            }
        }
        assert!(!dispatcher.trouble(Channel::Sms), "{class}");
    }
}

#[tokio::test]
async fn a_carrier_that_is_gone_costs_nothing_but_its_turn() {
    let second = Peer::answers(TAKEN).await;
    let dispatcher = dispatcher(&[
        hook("main", &peer::nobody().await),
        hook("spare", &second.url),
    ]);
    assert_eq!(
        dispatcher.send(&message("049271")).await.unwrap().carrier,
        name("spare")
    );
}

#[tokio::test]
async fn c7_trouble_is_when_no_carrier_works_and_ends_when_one_does() {
    let (broken, busy) = (Peer::answers(BROKEN).await, Peer::answers(BUSY).await);
    let carriers = [hook("main", &broken.url), hook("spare", &busy.url)];
    let troubled = dispatcher(&carriers);
    assert!(!troubled.trouble(Channel::Sms));
    let failed = troubled.send(&message("049271")).await.unwrap_err();
    assert_eq!(
        (failed.carrier, failed.failure.class()),
        (Some(name("spare")), "throttled")
    );
    assert!(troubled.trouble(Channel::Sms) && !troubled.trouble(Channel::Voice));
    // A number that is refused by our own policy says nothing about the carriers.
    troubled.send(&to("+19005550143")).await.unwrap_err();
    assert!(troubled.trouble(Channel::Sms));

    let page = Page::default();
    let pair = [hook("main", &broken.url), console("trial")];
    let mut settings = delivery(&pair);
    settings.voice = vec![name("main")];
    let mixed = Dispatcher::open(&pair, &settings, &page.sink()).unwrap();
    let call = Message {
        channel: Channel::Voice,
        ..message("049271")
    };
    mixed.send(&call).await.unwrap_err();
    assert!(mixed.trouble(Channel::Voice));
    mixed.send(&message("049271")).await.unwrap();
    assert!(mixed.trouble(Channel::Voice) && !mixed.trouble(Channel::Sms));
}

#[tokio::test]
async fn trouble_ends_with_the_first_message_that_is_taken() {
    let page = Page::default();
    let pair = [console("trial")];
    let dispatcher = Dispatcher::open(&pair, &delivery(&pair), &page.sink()).unwrap();
    dispatcher.note(Channel::Sms, true);
    dispatcher.send(&message("049271")).await.unwrap();
    assert!(!dispatcher.trouble(Channel::Sms));
}

#[tokio::test]
async fn a_channel_without_carriers_is_a_matter_of_configuration() {
    let dispatcher = dispatcher(&[console("trial")]);
    let call = Message {
        channel: Channel::Voice,
        ..message("049271")
    };
    let failed = dispatcher.send(&call).await.unwrap_err();
    assert!(matches!(
        failed,
        Failed {
            carrier: None,
            failure: Failure::Config(Cause::NoCarrier(Channel::Voice))
        }
    ));
    assert!(dispatcher.trouble(Channel::Voice));
}

#[tokio::test]
async fn c6_a_number_outside_the_policy_reaches_no_carrier() {
    let peer = Peer::answers(TAKEN).await;
    let dispatcher = dispatcher(&[hook("main", &peer.url)]);
    for (number, refusal) in [
        ("+19005550143", Undeliverable::Premium),
        ("+18005550143", Undeliverable::TollFree),
        ("+14165550200", Undeliverable::Country("CA")),
        ("+442079460000", Undeliverable::Country("GB")),
        ("+881612345678", Undeliverable::UnknownPrefix),
    ] {
        let failed = dispatcher.send(&to(number)).await.unwrap_err();
        let Failed {
            carrier: None,
            failure: Failure::Refused(why),
        } = failed
        else {
            panic!("{number}: {failed:?}")
        };
        assert_eq!(why, refusal, "{number}");
    }
    assert!(peer.seen().is_empty());
}

#[tokio::test]
async fn fictional_numbers_go_to_trial_carriers_or_by_leave_only() {
    let far = hook("main", "https://sms.invalid/send");
    let fictional = to("+12025550143");
    let open = |carriers: &[Settings], fictional: bool, page: &Page| {
        let settings = Delivery {
            fictional,
            ..delivery(carriers)
        };
        Dispatcher::with_roots(carriers, &settings, &page.sink(), RootCertStore::empty()).unwrap()
    };
    let page = Page::default();

    let refused = open(std::slice::from_ref(&far), false, &page)
        .send(&fictional)
        .await
        .unwrap_err();
    assert!(
        matches!(refused.failure, Failure::Refused(Undeliverable::Fictional)),
        "{refused:?}"
    );

    let receipt = open(&[far, console("trial")], false, &page)
        .send(&fictional)
        .await
        .unwrap();
    assert_eq!(receipt.carrier, name("trial"));

    let near = Peer::answers(TAKEN).await;
    let receipt = open(&[hook("main", &near.url)], false, &page)
        .send(&fictional)
        .await
        .unwrap();
    assert_eq!(receipt.carrier, name("main"));

    // By leave it goes out. That address is not taken for loopback, and nobody listens there.
    let far = hook(
        "main",
        &peer::nobody().await.replace("127.0.0.1", "0.0.0.0"),
    );
    let failed = open(&[far], true, &page)
        .send(&fictional)
        .await
        .unwrap_err();
    assert!(
        matches!(failed.failure, Failure::Transient(_)),
        "{failed:?}"
    );
}

#[tokio::test]
async fn a1_all_carriers_together_have_one_deadline() {
    let mute = Peer::is_silent().await;
    let tls = |carrier: &str| hook(carrier, &mute.url.replace("http://", "https://"));
    let second = Peer::answers(TAKEN).await;
    // The first spends half of what there is before its connection stands; the second still has the other half.
    let carriers = [tls("main"), hook("spare", &second.url)];
    let settings = Delivery {
        timeout: 2 * BRIEF,
        ..delivery(&carriers)
    };
    let dispatcher = Dispatcher::with_roots(
        &carriers,
        &settings,
        &Page::default().sink(),
        RootCertStore::empty(),
    )
    .unwrap();
    assert_eq!(
        dispatcher.send(&message("049271")).await.unwrap().carrier,
        name("spare")
    );

    // Nothing is left for anybody: nobody is asked for longer than that.
    let settings = Delivery {
        timeout: Duration::ZERO,
        ..delivery(&carriers)
    };
    let dispatcher = Dispatcher::with_roots(
        &carriers,
        &settings,
        &Page::default().sink(),
        RootCertStore::empty(),
    )
    .unwrap();
    assert!(dispatcher.send(&message("049271")).await.is_err());
    assert_eq!(second.seen().len(), 1);
}

#[tokio::test]
async fn a1_each_carrier_has_its_own_time() {
    let silent = Peer::is_silent().await;
    let carrier = Settings {
        timeout: BRIEF,
        ..hook("main", &silent.url)
    };
    let dispatcher = dispatcher(&[carrier]);
    // All carriers together would have more than twice as long as this.
    let sent = tokio::time::timeout(PATIENCE / 2, dispatcher.send(&message("049271"))).await;
    let failed = sent
        .expect("given up in the carrier's own time")
        .unwrap_err();
    assert!(
        matches!(failed.failure, Failure::Unknown(Cause::Silence)),
        "{failed:?}"
    );
}

#[tokio::test]
async fn a_carrier_that_may_not_send_there_does_not_hide_why_another_failed() {
    let broken = Peer::answers(BROKEN).await;
    let carriers = [hook("main", &broken.url), hook("far", "http://0.0.0.0:1/")];
    let dispatcher = dispatcher(&carriers);
    let failed = dispatcher.send(&to("+12025550143")).await.unwrap_err();
    assert_eq!(
        (failed.carrier, failed.failure.class()),
        (Some(name("main")), "transient")
    );
    assert!(dispatcher.trouble(Channel::Sms));
}

#[test]
fn what_cannot_work_is_refused_at_once() {
    let sink = Page::default().sink();
    let bad = [hook("main", "sms.example.net")];
    assert!(matches!(
        Dispatcher::open(&bad, &delivery(&bad), &sink),
        Err(Unusable::Url(_, BadUrl))
    ));
    let missing = Dispatcher::open(&[], &delivery(&bad), &sink);
    assert!(matches!(missing, Err(Unusable::NoCarrier(carrier)) if carrier == name("main")));
}

/// Everything of a subscriber's lines, as an operator would see them.
fn logged(dispatcher: &Dispatcher, message: &Message) -> String {
    #[derive(Clone, Default)]
    struct Lines(Page);
    impl tracing_subscriber::fmt::MakeWriter<'_> for Lines {
        type Writer = Page;
        fn make_writer(&self) -> Page {
            self.0.clone()
        }
    }
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    // While there is one subscriber only, tracing asks whichever thread comes first to a log line whether anybody wants
    // it; a test beside this one would answer no for good. With two it asks the subscribers.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tracing::subscriber::with_default(subscriber, || {
        let _ = runtime.block_on(dispatcher.send(message));
    });
    lines.0.text()
}

#[test]
fn c8_the_log_names_carrier_message_and_failure_but_neither_code_nor_number() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let taken = r#"{"id":"SM-17"}"#;
    let taken = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{taken}",
        taken.len()
    );
    let works = runtime.block_on(Peer::answers(taken));
    let broken = runtime.block_on(Peer::answers(
        "HTTP/1.1 500 049271\r\nContent-Length: 6\r\n\r\n049271",
    ));
    let (works, broken) = (hook("main", &works.url), hook("main", &broken.url));
    let to_send = message("049271");
    let abroad = Message {
        to: Phone::parse("+442079460000").unwrap(),
        ..message("049271")
    };
    for (carrier, message, wanted) in [
        (
            &works,
            &to_send,
            &["INFO", "main", "SM-17", "+1••••43", "sms"][..],
        ),
        (
            &broken,
            &to_send,
            &["WARN", "main", "transient", "500", "+1••••43"],
        ),
        (&works, &abroad, &["WARN", "refused", "GB", "+44••••00"]),
    ] {
        let lines = logged(&dispatcher(std::slice::from_ref(carrier)), message);
        for part in wanted.iter().copied().chain([message.id.as_str()]) {
            assert!(lines.contains(part), "{part} is missing: {lines}");
        }
        for secret in ["049271", "2025550143", "2079460000", "hook key"] {
            assert!(!lines.contains(secret), "{secret} is in: {lines}");
        }
    }
}
