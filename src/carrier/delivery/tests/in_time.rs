//! What depends on time: the second try, rests, places, deadlines. The clock stands still but for timers, so the
//! carriers here are no sockets.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;
use crate::carrier::{Accepted, Carrier, Sending};
use crate::event::dispatch::Told;
use crate::phone::sender::Sender;
use http::StatusCode;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What a carrier does with the next message.
#[derive(Clone, Copy)]
enum Does {
    Takes,
    TakesIn(Duration),
    Is(fn() -> Failure),
    IsIn(Duration, fn() -> Failure),
    Hangs,
}

use Does::{Hangs, Is, IsIn, Takes, TakesIn};

/// A carrier that does as it is told, and takes everything once it has done that.
#[derive(Clone, Default)]
struct Scripted(Arc<Mutex<Play>>);

#[derive(Default)]
struct Play {
    script: VecDeque<Does>,
    then: Option<Does>,
    asked: Vec<Duration>,
    at_once: usize,
    most_at_once: usize,
}

impl Scripted {
    fn does(script: &[Does]) -> Self {
        let own = Self::default();
        own.0.lock().unwrap().script = script.iter().copied().collect();
        own
    }

    fn always(does: Does) -> Self {
        let own = Self::default();
        own.now(does);
        own
    }

    /// From now on.
    fn now(&self, does: Does) {
        self.0.lock().unwrap().then = Some(does);
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().asked.len()
    }

    /// How long it was given each time.
    fn given(&self) -> Vec<Duration> {
        self.0.lock().unwrap().asked.clone()
    }

    fn most_at_once(&self) -> usize {
        self.0.lock().unwrap().most_at_once
    }
}

impl Carrier for Scripted {
    fn send<'a>(&'a self, _: &'a Message, _: Option<&'a Sender>, within: Duration) -> Sending<'a> {
        let does = {
            let mut play = self.0.lock().unwrap();
            play.asked.push(within);
            play.at_once += 1;
            play.most_at_once = play.most_at_once.max(play.at_once);
            play.script.pop_front().or(play.then).unwrap_or(Takes)
        };
        let guard = Leaves(self.clone());
        Box::pin(async move {
            let _guard = guard;
            let taken = Ok(Accepted {
                id: "theirs".to_owned(),
            });
            match does {
                Takes => taken,
                TakesIn(time) => {
                    sleep(time).await;
                    taken
                }
                Is(failure) => Err(failure()),
                IsIn(time, failure) => {
                    sleep(time).await;
                    Err(failure())
                }
                Hangs => std::future::pending().await,
            }
        })
    }
}

struct Leaves(Scripted);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().at_once -= 1;
    }
}

/// Remembers which carriers rest.
#[derive(Default)]
struct Rests(Mutex<Vec<(String, bool)>>, Mutex<Vec<String>>);

impl Witness for Rests {
    fn saw(&self, dispatch: &Dispatch<'_>) {
        let line = match dispatch.step {
            Step::LeftOut { carrier, why } => format!("{carrier} left out: {why}"),
            Step::Asked { carrier, again, .. } => format!("{carrier} asked, again: {again}"),
            _ => return,
        };
        self.1.lock().unwrap().push(line);
    }
    fn heard(&self, _: &Told<'_>) {}
    fn rests(&self, carrier: &Name, rests: bool) {
        self.0.lock().unwrap().push((carrier.to_string(), rests));
    }
}

impl Rests {
    fn told(&self) -> Vec<(String, bool)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn steps(&self) -> Vec<String> {
        std::mem::take(&mut self.1.lock().unwrap())
    }
}

/// Carriers in this order; the whole has 10 seconds, each of them 5.
fn among(carriers: &[(&str, &Scripted)]) -> (Arc<Dispatcher>, Arc<Rests>) {
    with_places(carriers, 32)
}

fn with_places(carriers: &[(&str, &Scripted)], at_once: usize) -> (Arc<Dispatcher>, Arc<Rests>) {
    let settings: Vec<Settings> = carriers
        .iter()
        .map(|(name, _)| Settings {
            timeout: Duration::from_secs(5),
            at_once,
            ..console(name)
        })
        .collect();
    let lanes = settings.iter().zip(carriers);
    let lanes = lanes.map(|(settings, (_, scripted))| {
        let service = Service::Transport(Box::new((*scripted).clone()));
        Arc::new(Lane::new(settings, service, true))
    });
    let delivery = Delivery {
        timeout: Duration::from_secs(10),
        ..delivery(&settings)
    };
    let witness = Arc::new(Rests::default());
    let own: Arc<dyn Witness> = Arc::clone(&witness) as _;
    let dispatcher = Dispatcher::of(lanes.collect(), &delivery, own).unwrap();
    (Arc::new(dispatcher), witness)
}

fn transient() -> Failure {
    Failure::Transient(Cause::Status(StatusCode::BAD_GATEWAY))
}

fn config() -> Failure {
    Failure::Config(Cause::Status(StatusCode::UNAUTHORIZED))
}

fn unknown() -> Failure {
    Failure::Unknown(Cause::Silence)
}

fn landline() -> Failure {
    Failure::Landline(Cause::Status(StatusCode::BAD_REQUEST))
}

fn throttled<const SECONDS: u64>() -> Failure {
    Failure::Throttled {
        retry_after: Some(Duration::from_secs(SECONDS)),
        cause: Cause::Status(StatusCode::TOO_MANY_REQUESTS),
    }
}

fn busy() -> Failure {
    Failure::Throttled {
        retry_after: None,
        cause: Cause::Status(StatusCode::TOO_MANY_REQUESTS),
    }
}

/// Sends one; who took it, or what became of it.
async fn send(dispatcher: &Dispatcher) -> Result<String, &'static str> {
    let sent = dispatcher.send(&message("049271")).await;
    sent.map(|sent| sent.carrier.to_string())
        .map_err(|failed| failed.failure.class())
}

async fn fail(dispatcher: &Dispatcher, times: usize) {
    for _ in 0..times {
        send(dispatcher).await.unwrap_err();
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_once_more_and_nothing_else_is() {
    for (failure, class, asked) in [
        (transient as fn() -> Failure, "transient", 2),
        (throttled::<1>, "throttled", 2),
        (throttled::<3>, "throttled", 1),
        (throttled::<86_400>, "throttled", 1),
        (busy, "throttled", 1),
        (config, "config", 1),
        (unknown, "unknown", 1),
        (landline, "landline", 1),
    ] {
        let main = Scripted::always(Is(failure));
        let (dispatcher, _) = among(&[("main", &main)]);
        assert_eq!(send(&dispatcher).await, Err(class));
        assert_eq!(main.asked(), asked, "{class}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_try_takes_a_message_that_the_first_did_not() {
    let (main, spare) = (Scripted::does(&[Is(transient)]), Scripted::default());
    let (dispatcher, witness) = among(&[("main", &main), ("spare", &spare)]);
    let start = Instant::now();
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("main"));
    let pause = start.elapsed().as_millis();
    assert!((200..=401).contains(&pause), "{pause}");
    assert_eq!(spare.asked(), 0);
    let steps = ["main asked, again: false", "main asked, again: true"];
    assert_eq!(witness.steps(), steps);
}

#[tokio::test(start_paused = true)]
async fn the_pauses_of_messages_that_failed_together_differ() {
    let mut pauses = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let main = Scripted::does(&[Is(transient)]);
        let (dispatcher, _) = among(&[("main", &main)]);
        let start = Instant::now();
        send(&dispatcher).await.unwrap();
        pauses.insert(start.elapsed().as_millis());
    }
    assert!(pauses.len() > 2, "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_failure_leaves_no_time_for_a_second_try() {
    let slow = IsIn(Duration::from_secs(3), transient);
    let (main, spare) = (Scripted::always(slow), Scripted::default());
    let (dispatcher, _) = among(&[("main", &main), ("spare", &spare)]);
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("spare"));
    assert_eq!(main.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_asks_to_wait_is_waited_for_only_where_nobody_else_is() {
    let (main, spare) = (Scripted::does(&[Is(throttled::<1>)]), Scripted::default());
    let (dispatcher, _) = among(&[("main", &main), ("spare", &spare)]);
    let start = Instant::now();
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("spare"));
    assert_eq!(start.elapsed(), Duration::ZERO);

    let alone = Scripted::does(&[Is(throttled::<1>)]);
    let (dispatcher, _) = among(&[("main", &alone)]);
    let start = Instant::now();
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("main"));
    assert!(start.elapsed() >= Duration::from_secs(1));
}

/// A clock cannot be put forward by what a vendor may write.
#[tokio::test(start_paused = true)]
async fn a1_who_asks_to_wait_for_ever_fails_and_breaks_nothing() {
    let alone = Scripted::does(&[Is(throttled::<{ u64::MAX }>)]);
    let (dispatcher, _) = among(&[("main", &alone)]);
    assert_eq!(send(&dispatcher).await, Err("throttled"));
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("main"));
}

/// A date in the past, or a zero, from a carrier that never works.
#[tokio::test(start_paused = true)]
async fn who_asks_for_no_wait_rests_like_whoever_fails() {
    let (main, spare) = (Scripted::always(Is(throttled::<0>)), Scripted::default());
    let (dispatcher, witness) = among(&[("main", &main), ("spare", &spare)]);
    for _ in 0..7 {
        assert_eq!(send(&dispatcher).await.as_deref(), Ok("spare"));
    }
    assert_eq!(main.asked(), 5);
    assert_eq!(witness.told(), [("main".to_owned(), true)]);
}

#[tokio::test(start_paused = true)]
async fn who_asks_to_wait_is_left_out_until_then() {
    let main = Scripted::does(&[Is(throttled::<60>)]);
    let spare = Scripted::default();
    let (dispatcher, witness) = among(&[("main", &main), ("spare", &spare)]);
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("spare"));
    witness.steps();
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("spare"));
    assert_eq!(
        witness.steps(),
        [
            "main left out: it asked to wait",
            "spare asked, again: false"
        ]
    );
    assert_eq!(main.asked(), 1);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("main"));
    assert!(witness.told().is_empty(), "it does not fail");

    // Nobody else: it is asked all the same.
    let alone = Scripted::does(&[Is(throttled::<60>)]);
    let (dispatcher, _) = among(&[("main", &alone)]);
    fail(&dispatcher, 1).await;
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("main"));

    // A day is not believed.
    let main = Scripted::does(&[Is(throttled::<86_400>)]);
    let (dispatcher, _) = among(&[("main", &main), ("spare", &spare)]);
    send(&dispatcher).await.unwrap();
    sleep(Duration::from_mins(5)).await;
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("main"));
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_fails_again_and_again_rests_and_comes_back() {
    let (main, spare) = (Scripted::always(Is(transient)), Scripted::default());
    let (dispatcher, witness) = among(&[("main", &main), ("spare", &spare)]);
    // Two tries each, and the fifth is the last.
    for asked in [2, 4, 5, 5, 5] {
        assert_eq!(send(&dispatcher).await.as_deref(), Ok("spare"));
        assert_eq!(main.asked(), asked);
    }
    assert_eq!(witness.told(), [("main".to_owned(), true)]);
    assert!(
        witness
            .steps()
            .contains(&"main left out: it failed again and again".to_owned())
    );
    assert!(dispatcher.health()[0].rests && !dispatcher.health()[1].rests);
    assert!(!dispatcher.trouble(Channel::Sms, 1));

    sleep(Duration::from_secs(30)).await;
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("spare"));
    assert_eq!(main.asked(), 6, "one probe, and no second try");
    assert!(witness.told().is_empty());

    main.now(Takes);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("main"));
    assert_eq!(witness.told(), [("main".to_owned(), false)]);
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("main"));
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_says_nothing_rests_too() {
    let (main, spare) = (Scripted::always(Hangs), Scripted::default());
    let (dispatcher, _) = among(&[("main", &main), ("spare", &spare)]);
    for _ in 0..5 {
        assert_eq!(send(&dispatcher).await, Err("unknown"));
    }
    assert_eq!(
        spare.asked(),
        0,
        "nobody else sends what may have been sent"
    );
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("spare"));
}

#[tokio::test(start_paused = true)]
async fn where_the_account_is_refused_a_carrier_rests_sooner() {
    let (main, spare) = (Scripted::always(Is(config)), Scripted::default());
    let (dispatcher, witness) = among(&[("main", &main), ("spare", &spare)]);
    for asked in [1, 2, 3, 3] {
        assert_eq!(send(&dispatcher).await.as_deref(), Ok("spare"));
        assert_eq!(main.asked(), asked);
    }
    assert_eq!(witness.told(), [("main".to_owned(), true)]);
}

#[tokio::test(start_paused = true)]
async fn a_number_at_fault_says_nothing_against_its_carrier() {
    let main = Scripted::always(Is(landline));
    let (dispatcher, witness) = among(&[("main", &main)]);
    fail(&dispatcher, 20).await;
    assert_eq!((main.asked(), witness.told()), (20, vec![]));
    assert!(!dispatcher.trouble(Channel::Sms, 1));
}

#[tokio::test(start_paused = true)]
async fn people_can_sign_in_as_soon_as_any_carrier_works_again() {
    let (main, spare) = (
        Scripted::always(Is(config)),
        Scripted::always(Is(transient)),
    );
    let (dispatcher, witness) = among(&[("main", &main), ("spare", &spare)]);
    fail(&dispatcher, 4).await;
    assert_eq!(witness.told().len(), 2);
    let (before, also) = (main.asked(), spare.asked());
    fail(&dispatcher, 1).await;
    assert_eq!(
        (main.asked(), spare.asked()),
        (before + 1, also + 1),
        "each is tried once"
    );
    spare.now(Takes);
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("spare"));
    // The one that rests is also the last hope where the other fails.
    main.now(Takes);
    spare.now(Is(config));
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("main"));
}

#[tokio::test(start_paused = true)]
async fn the_one_that_will_be_back_first_is_the_first_hope() {
    let (main, spare) = (Scripted::always(Is(config)), Scripted::always(Is(config)));
    let (dispatcher, _) = among(&[("main", &main), ("spare", &spare)]);
    fail(&dispatcher, 3).await;
    // Another failed probe each, of which main's rest is by now the longer one.
    sleep(Duration::from_secs(30)).await;
    spare.now(Takes);
    send(&dispatcher).await.unwrap();
    spare.now(Is(config));
    fail(&dispatcher, 3).await;
    spare.now(Takes);
    let before = main.asked();
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("spare"));
    assert_eq!(main.asked(), before);
}

#[tokio::test(start_paused = true)]
async fn one_message_finds_out_and_the_others_wait_for_it() {
    let main = Scripted::always(Is(config));
    let (dispatcher, _) = among(&[("main", &main)]);
    fail(&dispatcher, 3).await;
    for (does, taken, asked) in [
        (IsIn(Duration::from_secs(1), config), 0, 1),
        (TakesIn(Duration::from_secs(1)), 10, 10),
    ] {
        main.now(does);
        let before = main.asked();
        let mut crowd = JoinSet::new();
        for _ in 0..10 {
            let dispatcher = Arc::clone(&dispatcher);
            crowd.spawn(async move { send(&dispatcher).await.is_ok() });
        }
        let outcomes = crowd.join_all().await;
        assert_eq!(outcomes.iter().filter(|is| **is).count(), taken);
        assert_eq!(main.asked() - before, asked);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_given_up_keeps_nobody_from_finding_out() {
    let main = Scripted::always(Is(config));
    let (dispatcher, _) = among(&[("main", &main)]);
    fail(&dispatcher, 3).await;
    main.now(Hangs);
    let text = message("049271");
    let given_up = tokio::time::timeout(Duration::from_secs(1), dispatcher.send(&text)).await;
    assert!(given_up.is_err());
    main.now(Takes);
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("main"));
    assert_eq!(dispatcher.health()[0].under_way, 0);
}

#[tokio::test(start_paused = true)]
async fn a_carrier_does_no_more_at_once_than_it_may() {
    let main = Scripted::always(TakesIn(Duration::from_secs(1)));
    let (dispatcher, _) = with_places(&[("main", &main)], 2);
    let mut crowd = JoinSet::new();
    for _ in 0..8 {
        let dispatcher = Arc::clone(&dispatcher);
        crowd.spawn(async move { send(&dispatcher).await.is_ok() });
    }
    sleep(Duration::from_millis(500)).await;
    assert_eq!(dispatcher.health()[0].under_way, 2);
    assert!(crowd.join_all().await.iter().all(|taken| *taken));
    assert_eq!((main.most_at_once(), main.asked()), (2, 8));
    assert_eq!(dispatcher.health()[0].under_way, 0);
}

#[tokio::test(start_paused = true)]
async fn who_finds_no_place_in_time_goes_to_the_next() {
    let (main, spare) = (Scripted::always(Hangs), Scripted::default());
    let (dispatcher, witness) = with_places(&[("main", &main), ("spare", &spare)], 1);
    let own = Arc::clone(&dispatcher);
    let first = tokio::spawn(async move { send(&own).await });
    tokio::task::yield_now().await;
    let start = Instant::now();
    assert_eq!(send(&dispatcher).await.as_deref(), Ok("spare"));
    assert!(start.elapsed() < Duration::from_secs(3), "half of its time");
    assert!(
        witness
            .steps()
            .contains(&"main left out: it has too many sends under way".to_owned())
    );
    assert_eq!(first.await.unwrap(), Err("unknown"));

    // Nobody else: then all of its time, and nothing was sent.
    let alone = Scripted::always(Hangs);
    let (dispatcher, _) = with_places(&[("main", &alone)], 1);
    let own = Arc::clone(&dispatcher);
    let first = tokio::spawn(async move {
        let text = message("049271");
        tokio::time::timeout(Duration::from_secs(9), own.send(&text)).await
    });
    tokio::task::yield_now().await;
    let (one, other) = tokio::join!(send(&dispatcher), send(&dispatcher));
    let mut outcomes = [one.unwrap_err(), other.unwrap_err()];
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["transient", "transient"]);
    assert_eq!(alone.asked(), 1);
    assert!(first.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a1_no_message_takes_longer_than_all_may_together() {
    for does in [
        Hangs,
        IsIn(Duration::from_secs(4), transient),
        IsIn(Duration::from_millis(900), transient),
        IsIn(Duration::from_millis(2400), throttled::<2>),
        TakesIn(Duration::from_secs(60)),
    ] {
        let own = [(); 5].map(|()| Scripted::always(does));
        let names = ["a", "b", "c", "d", "e"];
        let carriers: Vec<(&str, &Scripted)> = names.into_iter().zip(&own).collect();
        let (dispatcher, _) = among(&carriers);
        let start = Instant::now();
        send(&dispatcher).await.unwrap_err();
        assert!(start.elapsed() <= Duration::from_secs(10));
        for given in own.iter().flat_map(Scripted::given) {
            assert!(given <= Duration::from_secs(5));
            assert!(given >= TOO_SHORT, "nobody is asked in a hurry: {given:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn codes_that_are_entered_count_for_their_carrier_and_channel() {
    let main = Scripted::default();
    let (dispatcher, _) = among(&[("main", &main)]);
    for _ in 0..20 {
        send(&dispatcher).await.unwrap();
    }
    for _ in 0..15 {
        dispatcher.entered(&name("main"), Channel::Sms);
    }
    dispatcher.entered(&name("main"), Channel::Voice);
    dispatcher.entered(&name("gone"), Channel::Sms);
    assert_eq!(
        dispatcher.health()[0].percent,
        None,
        "they may still be typed"
    );
    sleep(Duration::from_mins(6)).await;
    let health = dispatcher.health();
    assert_eq!(
        health,
        [Health {
            carrier: name("main"),
            channel: Channel::Sms,
            sent: 20,
            entered: 15,
            percent: Some(75),
            rests: false,
            under_way: 0,
        }]
    );
}

#[tokio::test(start_paused = true)]
async fn a_place_that_comes_too_late_is_none() {
    let main = Scripted::always(TakesIn(Duration::from_millis(4800)));
    let (dispatcher, _) = with_places(&[("main", &main)], 1);
    let (one, other) = tokio::join!(send(&dispatcher), send(&dispatcher));
    assert_eq!(
        (one.as_deref(), other),
        (Ok("main"), Err("transient")),
        "the second was not sent, and that is known"
    );
    assert_eq!(main.asked(), 1);
}
