//! What every carrier promises, asked of each of them; and what the tests of all carriers need.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::console::{Console, Sink};
use super::email::tests::server::{Manner, Server as MailServer};
use super::http_client::HttpClient;
use super::webhook::{self, Webhook};
use super::*;
use crate::event::dispatch::{Dispatch, Told, Witness};
use crate::message::Template;
use crate::secret::Secret;
use peer::Peer;

pub(super) mod peer;

/// Longer than anything here takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// As long as a test waits for what never comes.
pub(super) const BRIEF: Duration = Duration::from_secs(1);

/// 2026-11-22 19:30:00 UTC.
pub(super) const NOW: Moment = Moment {
    unix: 1_795_375_800,
    mono: Duration::from_mins(1),
};

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A text message to a fictional number.
pub(super) fn message(code: &str) -> Message {
    Message {
        id: Id::draw(),
        site: name("portal"),
        scope: "login".to_owned(),
        to: Address::Phone(Phone::parse("+12025550143").unwrap()),
        channel: Channel::Sms,
        draft: Draft {
            template: Template::default(),
            name: "Example".to_owned(),
            scope: "Sign in".to_owned(),
            minutes: 5,
            host: Some("portal.example.com".to_owned()),
            digits: 6,
        },
        code: Code::of(code),
        from: None,
        ours: false,
        locale: None,
        life: Duration::from_mins(5),
        now: NOW,
    }
}

/// What carriers get to work with, where nobody can reach them.
pub(super) fn means() -> Means {
    Means {
        client: HttpClient::new(rustls::RootCertStore::empty()).unwrap(),
        receipts: None,
        voice: None,
    }
}

/// Somebody to whom nothing matters.
pub(super) struct Nobody;

impl Witness for Nobody {
    fn saw(&self, _: &Dispatch<'_>) {}
    fn heard(&self, _: &Told<'_>) {}
    fn rests(&self, _: &Name, _: bool) {}
}

/// What a console carrier printed.
#[derive(Clone, Default)]
pub(super) struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    pub(super) fn sink(&self) -> Sink {
        Arc::new(Mutex::new(Box::new(self.clone())))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn webhook_to(url: &str) -> Webhook {
    let settings = webhook::Settings::signed(url.to_owned(), Secret::new(b"hook key".to_vec()));
    Webhook::new(&settings, means()).unwrap()
}

/// Everything that can be read from an error, as a careless log line would.
pub(super) fn whole(failure: &Failure) -> String {
    let mut all = format!("{failure} {failure:?}");
    let mut source = std::error::Error::source(failure);
    while let Some(cause) = source {
        let _ = write!(all, " {cause} {cause:?}");
        source = cause.source();
    }
    all
}

#[expect(
    clippy::too_many_lines,
    reason = "one suite for all carriers, each of which needs its peer"
)]
#[tokio::test]
async fn every_carrier_keeps_the_same_promises() {
    let taken = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    let (page, hook) = (Page::default(), Peer::answers(taken).await);
    let (reader, broken) = io::pipe().unwrap();
    drop(reader);
    let (console, closed) = (
        Console::new(page.sink()),
        Console::new(Arc::new(Mutex::new(Box::new(broken)))),
    );
    let (webhook, nobody) = (webhook_to(&hook.url), webhook_to(&peer::nobody().await));
    let said = "HTTP/1.1 202 Accepted\r\nContent-Length: 12\r\n\r\n{\"id\":\"17\"}\n";
    let vendor = Peer::answers(said).await;
    let (bandwidth, no_bandwidth) = (
        bandwidth::tests::transport(&bandwidth::tests::settings(&vendor.url)),
        bandwidth::tests::transport(&bandwidth::tests::settings(&peer::nobody().await)),
    );
    let from = Sender::parse("+12025550101").unwrap();
    let from = Some(&from);
    let (sms, unheard) = (
        Peer::answers(twilio::tests::taken()).await,
        peer::nobody().await,
    );
    let (twilio, absent) = (
        twilio::tests::pooled(&sms.url),
        twilio::tests::pooled(&unheard),
    );
    let (post, shut) = (
        MailServer::start(Manner::default()).await,
        MailServer::start(Manner {
            answers: &[("RCPT", "451 not now")],
            ..Manner::default()
        })
        .await,
    );
    let (email, no_email) = (email::tests::carrier(&post), email::tests::carrier(&shut));
    let text = Peer::answers(taken).await;
    let (template, dead_end) = (
        webhook::tests::get_from(&text.url),
        webhook::tests::get_from(&peer::nobody().await),
    );
    let folder = tempfile::tempdir().unwrap();
    let (command, no_command) = (
        command::tests::into(&folder.path().join("command")),
        command::tests::gone(),
    );
    let spooled = folder.path().join("spool");
    std::fs::create_dir(&spooled).unwrap();
    let (spool, no_spool) = (
        spool::tests::into(&spooled),
        spool::tests::into(&folder.path().join("gone")),
    );
    let kinds: [(&str, &dyn Carrier, &dyn Carrier); 8] = [
        ("bandwidth", &*bandwidth, &*no_bandwidth),
        ("twilio", &*twilio, &*absent),
        ("email", &email, &no_email),
        ("console", &console, &closed),
        ("webhook", &webhook, &nobody),
        ("webhook by template", &template, &dead_end),
        ("command", &command, &no_command),
        ("spool", &spool, &no_spool),
    ];
    for (kind, works, gone) in kinds {
        let message = match kind {
            "email" => email::tests::mail,
            _ => message,
        };
        // A message is taken, and the carrier has a name for it.
        let accepted = works
            .send(&message("049271"), from, PATIENCE)
            .await
            .expect(kind);
        assert!(!accepted.id.is_empty(), "{kind}");
        // Several at once come out whole, each once.
        let codes = ["880000", "881111", "882222"];
        let [a, b, c] = codes.map(message);
        let sent = tokio::join!(
            works.send(&a, from, PATIENCE),
            works.send(&b, from, PATIENCE),
            works.send(&c, from, PATIENCE)
        );
        assert!(matches!(sent, (Ok(_), Ok(_), Ok(_))), "{kind}: {sent:?}");
        let out = match kind {
            "console" => page.text(),
            "bandwidth" => vendor.seen().into_iter().map(|seen| seen.body).collect(),
            "twilio" => sms.seen().iter().map(twilio::tests::body).collect(),
            "email" => post.mails().concat(),
            "webhook" => hook.seen().into_iter().map(|seen| seen.body).collect(),
            "command" => std::fs::read_to_string(folder.path().join("command")).unwrap(),
            "spool" => spool::tests::all_of(&spooled),
            _ => {
                let heads = text.seen().into_iter().map(|seen| seen.head);
                heads
                    .collect::<String>()
                    .replace("%20", " ")
                    .replace("%3A", ":")
            }
        };
        for code in codes {
            assert_eq!(
                out.matches(&format!("Example: {code} is your")).count(),
                1,
                "{kind} {code}"
            );
        }
        // One that does not work says so, in a way that lets another one try, and keeps the message to itself (C8).
        let failure = gone
            .send(&message("049271"), from, PATIENCE)
            .await
            .expect_err(kind);
        assert!(failure.is_of_the_carrier(), "{kind}: {failure:?}");
        let said = whole(&failure);
        assert!(
            ["049271", "2025550143", "ann@", "hook key", "the token"]
                .iter()
                .all(|secret| !said.contains(secret)),
            "{kind}: {said}"
        );
    }
}

#[test]
fn only_what_is_certainly_not_sent_may_go_to_the_next_carrier() {
    let status = || Cause::Status(StatusCode::BAD_GATEWAY);
    for (failure, class, next) in [
        (Failure::BadNumber(status()), "bad_number", false),
        (Failure::Blocked(status()), "blocked", false),
        (Failure::OptedOut(status()), "opted_out", false),
        (Failure::Landline(status()), "landline", false),
        (Failure::Refused(Undeliverable::Premium), "refused", false),
        (
            Failure::Config(Cause::NoCarrier(Channel::Sms)),
            "config",
            true,
        ),
        (
            Failure::Throttled {
                retry_after: None,
                cause: status(),
            },
            "throttled",
            true,
        ),
        (Failure::Transient(status()), "transient", true),
        (Failure::Unknown(Cause::Silence), "unknown", false),
    ] {
        assert_eq!(
            (failure.class(), failure.is_of_the_carrier()),
            (class, next)
        );
    }
}
