use super::*;
use crate::address::Address;
use crate::carrier::tests::peer::{self, Peer};
use crate::carrier::tests::{BRIEF, Nobody, PATIENCE, Page, message, name};
use crate::carrier::webhook;
use crate::phone::{Phone, Undeliverable};
use crate::secret::Secret;

mod in_time;
mod senders;
mod told;

const TAKEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const BROKEN: &str = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
const MISTAKEN: &str = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n";
const BUSY: &str = "HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n";
const LANDLINE: &str = "HTTP/1.1 422 No\r\nContent-Length: 22\r\n\r\n{\"refused\":\"landline\"}";
const HALF: &str = "HTTP/1.1 200 OK\r\nContent-";

fn hook(carrier: &str, url: &str) -> Settings {
    let settings = webhook::Settings::signed(url.to_owned(), Secret::new(b"hook key".to_vec()));
    Settings {
        name: name(carrier),
        kind: Kind::Webhook(settings),
        timeout: PATIENCE,
        from: Vec::new(),
        price: None,
        at_once: 32,
    }
}

fn console(carrier: &str) -> Settings {
    Settings {
        name: name(carrier),
        kind: Kind::Console,
        timeout: PATIENCE,
        from: Vec::new(),
        price: None,
        at_once: 32,
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
        email: Vec::new(),
        by_country: Vec::new(),
        public: None,
        timeout: PATIENCE,
        countries: vec!["US".to_owned()],
        fictional: false,
    }
}

fn dispatcher(carriers: &[Settings]) -> Dispatcher {
    open(carriers, &delivery(carriers), &Page::default()).unwrap()
}

fn open(carriers: &[Settings], delivery: &Delivery, page: &Page) -> Result<Dispatcher, Unusable> {
    with_roots(carriers, delivery, page, RootCertStore::empty())
}

fn with_roots(
    carriers: &[Settings],
    delivery: &Delivery,
    page: &Page,
    roots: RootCertStore,
) -> Result<Dispatcher, Unusable> {
    let surroundings = Surroundings {
        sink: page.sink(),
        witness: Arc::new(Nobody),
        receipt_secret: &|_| "secret".to_owned(),
    };
    Dispatcher::with_roots(carriers, delivery, &surroundings, roots)
}

fn to(number: &str) -> Message {
    Message {
        to: Address::Phone(Phone::parse(number).unwrap()),
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
    // What may pass is tried once more before that.
    for (answer, class, asked, next) in [
        (BROKEN, "transient", 2, true),
        (MISTAKEN, "config", 1, true),
        (BUSY, "throttled", 1, true),
        (LANDLINE, "landline", 1, false),
        (HALF, "unknown", 1, false),
    ] {
        let (first, second) = (Peer::answers(answer).await, Peer::answers(TAKEN).await);
        let dispatcher = dispatcher(&[hook("main", &first.url), hook("spare", &second.url)]);
        let sent = dispatcher.send(&message("049271")).await;
        assert_eq!(
            (first.seen().len(), second.seen().len()),
            (asked, usize::from(next)),
            "{class}"
        );
        match sent {
            Ok(receipt) => assert!(next && receipt.carrier == name("spare"), "{class}"),
            Err(failed) => {
                assert!(!next && failed.carrier == Some(name("main")), "{class}");
                assert_eq!(failed.failure.class(), class);
            }
        }
        assert!(!dispatcher.trouble(Channel::Sms, 1), "{class}");
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
    let down = |channel| troubled.trouble(channel, SEVERAL);
    let failed = troubled.send(&message("049271")).await.unwrap_err();
    for number in ["+12125550143", "+12125550143", "+13125550143"] {
        // One person more or less must not be seen, however often they ask.
        assert!(!down(Channel::Sms) && troubled.trouble(Channel::Sms, 1));
        troubled.send(&to(number)).await.unwrap_err();
    }
    assert_eq!(
        (failed.carrier, failed.failure.class()),
        (Some(name("spare")), "throttled")
    );
    assert!(down(Channel::Sms) && !troubled.trouble(Channel::Voice, 1));
    // A number that is refused by our own policy says nothing about the carriers.
    troubled.send(&to("+19005550143")).await.unwrap_err();
    assert!(down(Channel::Sms));

    let page = Page::default();
    let pair = [hook("main", &broken.url), console("trial")];
    let mut settings = delivery(&pair);
    settings.voice = vec![name("main")];
    let mixed = open(&pair, &settings, &page).unwrap();
    let call = Message {
        channel: Channel::Voice,
        ..message("049271")
    };
    mixed.send(&call).await.unwrap_err();
    assert!(mixed.trouble(Channel::Voice, 1));
    mixed.send(&message("049271")).await.unwrap();
    assert!(mixed.trouble(Channel::Voice, 1) && !mixed.trouble(Channel::Sms, 1));
}

#[tokio::test]
async fn trouble_ends_with_the_first_message_that_is_taken() {
    let page = Page::default();
    let pair = [console("trial")];
    let dispatcher = open(&pair, &delivery(&pair), &page).unwrap();
    for number in ["+12125550143", "+13125550143", "+14155550143"] {
        dispatcher.note(&to(number), true);
    }
    assert!(dispatcher.trouble(Channel::Sms, SEVERAL));
    dispatcher.send(&message("049271")).await.unwrap();
    assert!(!dispatcher.trouble(Channel::Sms, 1));
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
    assert!(dispatcher.trouble(Channel::Voice, 1));
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
        with_roots(carriers, &settings, page, RootCertStore::empty()).unwrap()
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
    let dispatcher = open(&carriers, &settings, &Page::default()).unwrap();
    assert_eq!(
        dispatcher.send(&message("049271")).await.unwrap().carrier,
        name("spare")
    );

    // Nothing is left for anybody: nobody is asked for longer than that.
    let settings = Delivery {
        timeout: Duration::ZERO,
        ..delivery(&carriers)
    };
    let dispatcher = open(&carriers, &settings, &Page::default()).unwrap();
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
    assert!(dispatcher.trouble(Channel::Sms, 1));
}

#[test]
fn what_cannot_work_is_refused_at_once() {
    let page = Page::default();
    let bad = [hook("main", "sms.example.net")];
    assert!(matches!(
        open(&bad, &delivery(&bad), &page),
        Err(Unusable::Url(_, BadUrl))
    ));
    let missing = open(&[], &delivery(&bad), &page);
    assert!(matches!(missing, Err(Unusable::NoCarrier(carrier)) if carrier == name("main")));
}
