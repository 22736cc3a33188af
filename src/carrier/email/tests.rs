//! The adapter against a mail server that does as it is told.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::carrier::tests::{BRIEF, PATIENCE, message};
use crate::message::{Channel, Template};
use server::{Manner, Server};

pub(in crate::carrier) mod server;

/// A mail to ann.
pub(in crate::carrier) fn mail(code: &str) -> Message {
    Message {
        to: Address::Email(Email::parse("ann@example.org").unwrap()),
        channel: Channel::Email,
        ..message(code)
    }
}

pub(in crate::carrier) fn carrier(server: &Server) -> impl Carrier + use<> {
    Mail::new(&server.settings()).unwrap()
}

fn with_login(server: &Server, password: &[u8]) -> Mail {
    let login = Some(Login {
        username: "portal@example.com".to_owned(),
        password: Secret::new(password.to_vec()),
    });
    Mail::new(&Settings {
        login,
        ..server.settings()
    })
    .unwrap()
}

async fn sent_by(manner: Manner) -> (Result<Accepted, Failure>, Server) {
    let server = Server::start(manner).await;
    let sent = carrier(&server).send(&mail("049271"), None, PATIENCE).await;
    (sent, server)
}

/// Everything that an error says to somebody who prints all of it.
fn whole(failure: &Failure) -> String {
    let mut all = format!("{failure} {failure:?}");
    let mut source = failure.source();
    while let Some(cause) = source {
        let _ = write!(all, " {cause} {cause:?}");
        source = cause.source();
    }
    all
}

/// The fields of a mail by name, unfolded, and its text.
fn read(mail: &str) -> (Vec<(String, String)>, String) {
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let fields = head.split("\r\n").map(|line| {
        let (name, value) = line.split_once(": ").expect(line);
        (name.to_owned(), value.to_owned())
    });
    (
        fields.collect(),
        body.trim_end_matches("\r\n.\r\n").to_owned(),
    )
}

fn written(message: &Message, settings: &Settings) -> (Vec<(String, String)>, String) {
    let Address::Email(to) = &message.to else {
        panic!("no mail");
    };
    let mail = letter::write(message, settings, to).unwrap();
    read(str::from_utf8(&mail).unwrap())
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    let mut all = fields.iter().filter(|(own, _)| own == name);
    let found = all.next().unwrap_or_else(|| panic!("{name} in {fields:?}"));
    assert!(all.next().is_none(), "{name} twice in {fields:?}");
    &found.1
}

fn settings() -> Settings {
    Settings {
        host: ServerName::try_from("localhost").unwrap(),
        port: 25,
        tls: Tls::None,
        authorities: None,
        login: None,
        sender: Email::parse("codes@example.com").unwrap(),
        name: None,
    }
}

#[tokio::test]
async fn a_mail_is_handed_over_in_private_and_says_what_it_must() {
    for tls in [Tls::Starttls, Tls::Implicit] {
        let server = Server::start(Manner {
            tls,
            ..Manner::default()
        })
        .await;
        let message = mail("049271");
        let sent = with_login(&server, b"open sesame")
            .send(&message, None, PATIENCE)
            .await;
        assert_eq!(sent.unwrap().id, message.id.as_str());
        let heard = server.heard();
        let clear: Vec<&str> = heard
            .iter()
            .filter(|heard| !heard.private)
            .map(|heard| heard.text.as_str())
            .collect();
        match tls {
            Tls::Starttls => assert_eq!(clear, ["EHLO [127.0.0.1]", "STARTTLS"]),
            _ => assert_eq!(clear, [""; 0]),
        }
        let said: Vec<&str> = heard
            .iter()
            .filter(|heard| heard.private && !heard.text.contains("\r\n\r\n"))
            .map(|heard| heard.text.as_str())
            .collect();
        assert_eq!(
            said,
            [
                "EHLO [127.0.0.1]",
                "AUTH PLAIN AHBvcnRhbEBleGFtcGxlLmNvbQBvcGVuIHNlc2FtZQ==",
                "MAIL FROM:<codes@example.com>",
                "RCPT TO:<ann@example.org>",
                "DATA",
                "QUIT"
            ]
        );
        let mails = server.mails();
        assert_eq!(mails.len(), 1);
        let (fields, text) = read(&mails[0]);
        assert_eq!(
            text,
            "Example: 049271 is your Sign in code. Valid 5 min. Never share it."
        );
        assert_eq!(field(&fields, "From"), "Example <codes@example.com>");
        assert_eq!(field(&fields, "To"), "ann@example.org");
        assert_eq!(field(&fields, "Subject"), "Example: your code");
        assert_eq!(field(&fields, "Date"), "Sun, 22 Nov 2026 19:30:00 +0000");
        assert_eq!(field(&fields, "Auto-Submitted"), "auto-generated");
        assert_eq!(
            field(&fields, "Message-ID"),
            format!("<{}@example.com>", message.id)
        );
        assert_eq!(field(&fields, "MIME-Version"), "1.0");
        assert_eq!(field(&fields, "Content-Type"), "text/plain; charset=utf-8");
        assert_eq!(fields.len(), 9, "nothing else: {fields:?}");
    }
}

/// A line of clear text behind the answer to STARTTLS is not one that came encrypted (CVE-2011-0411 and its kin).
#[tokio::test]
async fn what_comes_in_clear_text_behind_starttls_is_not_believed() {
    let (sent, server) = sent_by(Manner {
        answers: &[("STARTTLS", "220 go on\r\n250-forged\r\n250 AUTH PLAIN")],
        ..Manner::default()
    })
    .await;
    assert!(
        matches!(sent, Err(Failure::Transient(Cause::Connect(_)))),
        "{sent:?}"
    );
    assert_eq!(server.verbs(), ["EHLO", "STARTTLS"]);
}

#[tokio::test]
async fn a_server_without_starttls_hears_nothing_worth_hearing() {
    let server = Server::start(Manner {
        tls: Tls::None,
        ..Manner::default()
    })
    .await;
    let settings = Settings {
        tls: Tls::Starttls,
        ..server.settings()
    };
    let mut mail_by = with_login(&server, b"open sesame");
    mail_by.tls = Mail::new(&settings).unwrap().tls;
    mail_by.settings.tls = Tls::Starttls;
    let failure = mail_by
        .send(&mail("049271"), None, PATIENCE)
        .await
        .unwrap_err();
    assert!(matches!(failure, Failure::Config(_)) && failure.is_of_the_carrier());
    assert!(whole(&failure).contains("no STARTTLS"), "{failure:?}");
    assert_eq!(server.verbs(), ["EHLO"]);
}

#[tokio::test]
async fn a_certificate_for_somebody_else_or_from_nobody_is_refused() {
    let elsewhere = Manner {
        certificate: "mail.example.net",
        ..Manner::default()
    };
    let (sent, server) = sent_by(elsewhere).await;
    assert!(
        matches!(sent, Err(Failure::Transient(Cause::Connect(_)))),
        "{sent:?}"
    );
    assert_eq!(server.verbs(), ["EHLO", "STARTTLS"]);

    let server = Server::start(Manner::default()).await;
    let other = Server::start(Manner::default()).await;
    let settings = Settings {
        authorities: other.settings().authorities,
        ..server.settings()
    };
    let sent = Mail::new(&settings)
        .unwrap()
        .send(&mail("049271"), None, PATIENCE)
        .await;
    assert!(
        matches!(sent, Err(Failure::Transient(Cause::Connect(_)))),
        "{sent:?}"
    );
    assert_eq!(server.verbs(), ["EHLO", "STARTTLS"]);
}

#[tokio::test]
async fn each_reply_code_has_its_meaning() {
    for (answers, class, code) in [
        (&[("CONNECT", "554 go away")] as &'static [_], "config", 554),
        (&[("CONNECT", "421 later")], "transient", 421),
        (&[("EHLO", "502 no")], "config", 502),
        (&[("STARTTLS", "454 not now")], "transient", 454),
        (&[("AUTH", "535 5.7.8 wrong password")], "config", 535),
        (&[("AUTH", "454 4.7.0 not now")], "transient", 454),
        (&[("MAIL", "530 sign in first")], "config", 530),
        (&[("MAIL", "550 5.1.8 not from you")], "config", 550),
        (&[("RCPT", "550 5.1.1 nobody")], "bad_number", 550),
        (&[("RCPT", "551 moved")], "bad_number", 551),
        (&[("RCPT", "553 what a name")], "bad_number", 553),
        (&[("RCPT", "556 5.1.10 takes no mail")], "bad_number", 556),
        (
            &[("RCPT", "550-5.7.26 not so\r\n550 5.7.26 indeed")],
            "blocked",
            550,
        ),
        (&[("RCPT", "552 full")], "blocked", 552),
        (&[("RCPT", "554 no")], "blocked", 554),
        (&[("RCPT", "530 5.7.0 sign in first")], "config", 530),
        (&[("RCPT", "450 grey")], "transient", 450),
        (&[("RCPT", "451 oops")], "transient", 451),
        (&[("RCPT", "452 busy")], "transient", 452),
        (&[("RCPT", "501 what?")], "config", 501),
        (&[("DATA", "451 oops")], "transient", 451),
        (&[(".", "554 5.7.1 spam")], "blocked", 554),
        (&[(".", "550 nobody after all")], "bad_number", 550),
        (&[(".", "452 no room")], "transient", 452),
    ] {
        let server = Server::start(Manner {
            answers,
            ..Manner::default()
        })
        .await;
        let sent = with_login(&server, b"open sesame")
            .send(&mail("049271"), None, PATIENCE)
            .await;
        let failure = sent.expect_err(answers[0].1);
        assert_eq!(failure.class(), class, "{answers:?}");
        assert!(
            whole(&failure).contains(&format!("the mail server answered {code}")),
            "{answers:?}: {failure:?}"
        );
        let mails = usize::from(answers[0].0 == ".");
        assert_eq!(server.mails().len(), mails, "{answers:?}");
    }
}

#[tokio::test]
async fn until_the_mail_is_handed_over_nothing_was_sent_and_then_nobody_knows() {
    for (answers, class) in [
        (&[("CONNECT", "")] as &'static [_], "transient"),
        (&[("CONNECT", "!")], "transient"),
        (&[("CONNECT", "what is this")], "transient"),
        (&[("EHLO", "")], "transient"),
        (&[("MAIL", "")], "transient"),
        (&[("RCPT", "!")], "transient"),
        (&[("DATA", "")], "transient"),
        (&[(".", "")], "unknown"),
        (&[(".", "!")], "unknown"),
        (&[(".", "thank you")], "unknown"),
    ] {
        let server = Server::start(Manner {
            answers,
            ..Manner::default()
        })
        .await;
        let silent = answers[0].1.is_empty();
        let within = if silent { BRIEF } else { PATIENCE };
        let sent = carrier(&server).send(&mail("049271"), None, within).await;
        let failure = sent.expect_err(answers[0].0);
        assert_eq!(failure.class(), class, "{answers:?}: {failure:?}");
    }
}

#[tokio::test]
async fn a_mail_that_was_taken_is_taken_whatever_happens_at_the_good_bye() {
    for answer in ["", "!", "500 stay"] {
        let answers: &'static [_] = match answer {
            "" => &[("QUIT", "")],
            "!" => &[("QUIT", "!")],
            _ => &[("QUIT", "500 stay")],
        };
        let (sent, _) = sent_by(Manner {
            answers,
            ..Manner::default()
        })
        .await;
        sent.expect(answer);
    }
}

/// A server that never stops talking ends its own conversation, not this process.
#[tokio::test]
async fn a1_a_server_that_says_too_much_is_left() {
    static ENDLESS: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| "250".repeat(40_000));
    for (tls, word) in [
        (Tls::Starttls, "CONNECT"),
        (Tls::Implicit, "CONNECT"),
        (Tls::Starttls, "MAIL"),
    ] {
        let answers = Box::leak(Box::new([(word, ENDLESS.as_str())]));
        let (sent, _) = sent_by(Manner {
            tls,
            answers,
            ..Manner::default()
        })
        .await;
        assert!(
            matches!(sent, Err(Failure::Transient(_))),
            "{tls:?} {word}: {sent:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_knows_no_way_to_sign_in_hears_no_password() {
    let server = Server::start(Manner {
        offers: "AUTH GSSAPI",
        ..Manner::default()
    })
    .await;
    let sent = with_login(&server, b"open sesame")
        .send(&mail("049271"), None, PATIENCE)
        .await;
    assert_eq!(sent.unwrap_err().class(), "config");
    assert_eq!(server.verbs(), ["EHLO", "STARTTLS", "EHLO"]);
}

#[tokio::test]
async fn c8_no_error_and_no_setting_prints_what_is_nobodys_business() {
    let secrets = [
        "049271",
        "ann@example.org",
        "ann@",
        "open sesame",
        "portal@",
        "AHBvcnRhbEBleGFtcGxlLmNvbQBvcGVuIHNlc2FtZQ==",
    ];
    for answers in [
        &[("AUTH", "535 no portal@example.com with open sesame")] as &'static [_],
        &[("RCPT", "550 5.1.1 ann@example.org is not here")],
        &[("RCPT", "<ann@example.org>?")],
        &[(".", "049271 for ann@example.org?")],
    ] {
        let server = Server::start(Manner {
            answers,
            ..Manner::default()
        })
        .await;
        let by = with_login(&server, b"open sesame");
        let failure = by.send(&mail("049271"), None, PATIENCE).await.unwrap_err();
        let told = format!("{} {:?}", whole(&failure), by.settings);
        for secret in secrets {
            assert!(!told.contains(secret), "{secret} in {told}");
        }
    }
}

#[tokio::test]
async fn a_text_message_is_not_for_mail() {
    let server = Server::start(Manner::default()).await;
    let sent = carrier(&server)
        .send(&message("049271"), None, PATIENCE)
        .await;
    assert!(matches!(
        sent,
        Err(Failure::Config(Cause::WrongChannel(Channel::Sms)))
    ));
    assert_eq!(server.verbs(), [""; 0]);
}

#[test]
fn the_name_beside_the_address_is_the_operators_or_the_sites() {
    let mut settings = settings();
    let (fields, _) = written(&mail("049271"), &settings);
    assert_eq!(field(&fields, "From"), "Example <codes@example.com>");
    // A comma separates addresses: the name is written so that it cannot (RFC 2047).
    settings.name = Some("Codes, Inc.".to_owned());
    let (fields, _) = written(&mail("049271"), &settings);
    assert_eq!(
        field(&fields, "From"),
        "=?utf-8?b?Q29kZXMsIEluYy4=?= <codes@example.com>"
    );
}

#[test]
fn a_text_beyond_ascii_and_its_places_arrive() {
    let mut message = mail("049271");
    message.draft.template = Template::parse("{NAME}: {CODE}, für {HOST}.").unwrap();
    let (fields, text) = written(&message, &settings());
    assert_eq!(
        field(&fields, "Content-Transfer-Encoding"),
        "quoted-printable"
    );
    assert_eq!(text, "Example: 049271, f=C3=BCr portal.example.com.");
}

/// Names that a header could trip over: line ends, other scripts, endless ones.
fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,300}",
        Just("Ex\r\nBcc: eve@example.com\r\n\r\nample".to_owned()),
        Just("Bücher & Söhne".repeat(20)),
        Just("x".repeat(5000)),
        Just("\u{2028}\u{85}\u{b}".to_owned()),
    ]
}

proptest! {
    #[test]
    fn nothing_from_outside_ends_a_header(site in names(), name in proptest::option::of(names())) {
        let mut message = mail("049271");
        message.draft.name.clone_from(&site);
        message.draft.template = Template::parse("{CODE}").unwrap();
        let settings = Settings { name, ..settings() };
        let Address::Email(to) = &message.to else { unreachable!() };
        let mail = letter::write(&message, &settings, to).unwrap();
        let text = str::from_utf8(&mail).unwrap();
        prop_assert!(text.is_ascii());
        prop_assert!(text.lines().all(|line| line.len() <= 998), "RFC 5322 section 2.1.1");
        prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
        let (fields, body) = read(text);
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        let expected = ["Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"];
        prop_assert_eq!(names.len(), expected.len());
        prop_assert!(expected.iter().all(|name| names.contains(name)), "{:?}", names);
        prop_assert_eq!(body.trim_end(), "049271");
        prop_assert!(!field(&fields, "Subject").contains("049271") || site.contains("049271"));
        prop_assert!(field(&fields, "From").ends_with("<codes@example.com>") || field(&fields, "From") == "codes@example.com");
    }

    #[test]
    fn every_address_that_is_one_can_be_written(local in "[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\\.[a-z0-9]{1,5}){0,3}", domain in "([a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?\\.){1,3}[a-z]{2,8}") {
        let email = Email::parse(&format!("{local}@{domain}")).unwrap();
        let message = Message { to: Address::Email(email.clone()), ..mail("049271") };
        let settings = Settings { sender: email.clone(), ..settings() };
        let mail = letter::write(&message, &settings, &email).unwrap();
        let (fields, _) = read(str::from_utf8(&mail).unwrap());
        prop_assert_eq!(field(&fields, "To"), email.as_str());
    }
}
