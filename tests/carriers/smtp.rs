//! The email adapter against a real SMTP server: aiosmtpd, which reads the mail back with Python's own parser.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use countersign::address::Address;
use countersign::carrier::delivery::{Dispatcher, Failed, Sent};
use countersign::carrier::email::{Authorities, Login, Settings, Tls};
use countersign::carrier::{Failure, Kind, Message};
use countersign::email::Email;
use countersign::message::{Channel, Template};
use countersign::secret::Secret;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;

use super::bench::{PATIENCE, dispatcher_within, message, vendors};

const PASSWORD: &str = "öffne dich";

/// A mail server of its own; it ends with this.
struct Server {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
    port: u16,
    certificate: CertificateDer<'static>,
}

impl Server {
    /// Starts one whose certificate is made out to `name`. `None` where aiosmtpd is not installed.
    fn start(kind: &str, name: &str) -> Option<Self> {
        let python = vendors().join("venv-peers/bin/python");
        if !python.exists() {
            eprintln!("skipped: aiosmtpd is not here; run tests/vendors/install");
            return None;
        }
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([name.to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/carriers/smtp.py");
        let mut child = Command::new(python)
            .arg(script)
            .arg(kind)
            .arg(write("cert.pem", &cert.pem()))
            .arg(write("key.pem", &signing_key.serialize_pem()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut server = Self {
            child,
            said,
            port: 0,
            certificate: cert.der().clone(),
        };
        // It has read its files by then.
        let port = server.next()["port"].as_u64().unwrap();
        server.port = port.try_into().unwrap();
        Some(server)
    }

    fn settings(&self, tls: Tls) -> Settings {
        Settings {
            host: ServerName::try_from("localhost").unwrap(),
            port: self.port,
            tls,
            authorities: Some(Authorities(vec![self.certificate.clone()])),
            login: None,
            sender: Email::parse("codes@example.com").unwrap(),
            name: None,
        }
    }

    /// The next thing it says.
    fn next(&mut self) -> Value {
        let line = self.said.next().expect("it speaks").unwrap();
        serde_json::from_str(&line).expect(&line)
    }

    /// What it has said up to its end, which is now.
    fn rest(&mut self) -> Vec<Value> {
        self.child.kill().unwrap();
        let mut rest = Vec::new();
        for line in self.said.by_ref() {
            rest.push(serde_json::from_str(&line.unwrap()).unwrap());
        }
        rest
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signed_in(settings: Settings, password: &str) -> Settings {
    let login = Some(Login {
        username: "portal@example.com".to_owned(),
        password: Secret::new(password.as_bytes().to_vec()),
    });
    Settings { login, ..settings }
}

fn mail(to: &str) -> Message {
    Message {
        to: Address::Email(Email::parse(to).unwrap()),
        ..message(Channel::Email)
    }
}

fn by(settings: Settings, within: Duration) -> Dispatcher {
    dispatcher_within(Kind::Email(settings), &[], within)
}

async fn send(settings: Settings, message: &Message) -> Result<Sent, Failed> {
    by(settings, PATIENCE).send(message).await
}

/// Everything that an error says to somebody who prints all of it.
fn whole(failed: &Failed) -> String {
    let mut all = format!("{failed} {failed:?}");
    let mut source = std::error::Error::source(failed);
    while let Some(cause) = source {
        all = format!("{all} {cause} {cause:?}");
        source = cause.source();
    }
    all
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_meant() {
    for (kind, tls) in [("starttls", Tls::Starttls), ("implicit", Tls::Implicit)] {
        let Some(mut server) = Server::start(kind, "localhost") else {
            return;
        };
        let mut mail = mail("ann@example.org");
        mail.draft.name = "Bücherei\r\nBcc: eve@example.com".to_owned();
        mail.draft.template =
            Template::parse("{NAME}: {CODE} ist dein Code für {HOST}.\n.\n..\nEnde").unwrap();
        let settings = signed_in(server.settings(tls), PASSWORD);
        let sent = send(settings, &mail).await.unwrap();
        assert_eq!(sent.id, mail.id.as_str());
        if kind == "starttls" {
            assert_eq!(server.next()["private"], false, "the first EHLO");
        }
        let hello = server.next();
        assert_eq!(
            (&hello["private"], &hello["ehlo"]),
            (&true.into(), &"[127.0.0.1]".into())
        );
        let login = server.next();
        assert_eq!(
            (&login["right"], &login["private"]),
            (&true.into(), &true.into())
        );
        let came = server.next();
        assert_eq!(
            (&came["private"], &came["known"]),
            (&true.into(), &true.into())
        );
        assert_eq!(
            came["envelope"],
            serde_json::json!(["codes@example.com", "ann@example.org"])
        );
        assert_eq!(came["defects"], serde_json::json!([]));
        let site = "Bücherei Bcc: eve@example.com";
        let head: Vec<(&str, &str)> = came["head"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| (field[0].as_str().unwrap(), field[1].as_str().unwrap()))
            .collect();
        let field = |name: &str| {
            let mut all = head.iter().filter(|(own, _)| *own == name);
            let found = all.next().map(|(_, value)| *value);
            assert!(all.next().is_none(), "{name} twice");
            found
        };
        assert_eq!(
            field("Subject"),
            Some(format!("{site}: your code").as_str())
        );
        let from = field("From").unwrap();
        assert!(
            from.contains(site) && from.ends_with("<codes@example.com>"),
            "{from}"
        );
        assert_eq!(field("To"), Some("ann@example.org"));
        assert_eq!(
            field("Message-ID"),
            Some(format!("<{}@example.com>", mail.id).as_str())
        );
        assert_eq!(field("Auto-Submitted"), Some("auto-generated"));
        assert_eq!(field("Date"), Some("Sun, 22 Nov 2026 19:30:00 +0000"));
        assert_eq!((field("Bcc"), field("Reply-To")), (None, None));
        let text = came["text"].as_str().unwrap().replace("\r\n", "\n");
        assert_eq!(
            text.trim_end_matches('\n'),
            format!(
                "{}: {} ist dein Code für portal.example.com.\n.\n..\nEnde",
                mail.draft.name.replace("\r\n", "\n"),
                mail.code.as_str()
            )
        );
        assert!(
            !head
                .iter()
                .any(|(_, value)| value.contains(mail.code.as_str()))
        );
    }
}

#[tokio::test]
async fn a_server_on_this_machine_may_do_without_tls() {
    let Some(mut server) = Server::start("none", "localhost") else {
        return;
    };
    let settings = signed_in(server.settings(Tls::None), PASSWORD);
    send(settings, &mail("ann@example.org")).await.unwrap();
    assert_eq!(server.rest().last().unwrap()["known"], true);
}

#[tokio::test]
async fn a_wrong_password_is_the_operators_to_mend() {
    let Some(mut server) = Server::start("starttls", "localhost") else {
        return;
    };
    let settings = signed_in(server.settings(Tls::Starttls), "öffne dich nicht");
    let failed = send(settings, &mail("ann@example.org")).await.unwrap_err();
    assert_eq!(failed.failure.class(), "config");
    let told = whole(&failed);
    assert!(told.contains("answered 535"), "{told}");
    assert!(
        !told.contains("öffne") && !told.contains("portal@"),
        "{told}"
    );
    let said = server.rest();
    assert!(
        said.iter().all(|said| said.get("text").is_none()),
        "no mail: {said:?}"
    );
    assert_eq!(said.last().unwrap()["right"], false);
}

#[tokio::test]
async fn who_is_unknown_is_told_apart_from_a_server_that_is_busy() {
    let Some(mut server) = Server::start("starttls", "localhost") else {
        return;
    };
    let by = by(server.settings(Tls::Starttls), PATIENCE);
    let failed = by.send(&mail("nobody@example.org")).await.unwrap_err();
    assert!(
        matches!(failed.failure, Failure::BadNumber(_)),
        "{failed:?}"
    );
    let told = whole(&failed);
    assert!(
        told.contains("answered 550") && !told.contains("nobody@"),
        "{told}"
    );
    let failed = by.send(&mail("later@example.org")).await.unwrap_err();
    assert!(
        matches!(failed.failure, Failure::Transient(_)),
        "{failed:?}"
    );
    by.send(&mail("ann@example.org")).await.unwrap();
    let mails = server.rest();
    let mails = mails.iter().filter(|said| said.get("text").is_some());
    assert_eq!(mails.count(), 1);
}

#[tokio::test]
async fn no_answer_to_the_whole_mail_leaves_it_open_and_it_is_not_sent_again() {
    let Some(mut server) = Server::start("starttls", "localhost") else {
        return;
    };
    let by = by(server.settings(Tls::Starttls), Duration::from_secs(6));
    let failed = by.send(&mail("silence@example.org")).await.unwrap_err();
    assert!(matches!(failed.failure, Failure::Unknown(_)), "{failed:?}");
    let mails = server.rest();
    let mails = mails.iter().filter(|said| said.get("text").is_some());
    assert_eq!(mails.count(), 1);
}

/// Whoever takes STARTTLS out of the offers on the way must not get to see a password or a code.
#[tokio::test]
async fn without_starttls_nothing_is_said_in_clear_text() {
    let Some(mut server) = Server::start("none", "localhost") else {
        return;
    };
    let settings = signed_in(server.settings(Tls::Starttls), PASSWORD);
    let failed = send(settings, &mail("ann@example.org")).await.unwrap_err();
    assert!(matches!(failed.failure, Failure::Config(_)), "{failed:?}");
    assert!(whole(&failed).contains("no STARTTLS"), "{failed:?}");
    let said = server.rest();
    assert_eq!(
        said,
        [serde_json::json!({"ehlo": "[127.0.0.1]", "private": false})]
    );
}

#[tokio::test]
async fn a_certificate_must_be_the_servers_own_and_from_somebody_believed() {
    for (kind, tls) in [("starttls", Tls::Starttls), ("implicit", Tls::Implicit)] {
        for name in ["mail.example.net", "localhost"] {
            let Some(mut server) = Server::start(kind, name) else {
                return;
            };
            let mut settings = signed_in(server.settings(tls), PASSWORD);
            if name == "localhost" {
                // Those of the system do not know it.
                settings.authorities = None;
            }
            let failed = send(settings, &mail("ann@example.org")).await.unwrap_err();
            assert!(
                matches!(failed.failure, Failure::Transient(_)),
                "{failed:?}"
            );
            assert!(whole(&failed).contains("certificate"), "{failed:?}");
            let private = |said: &Value| said["private"] == true;
            assert!(!server.rest().iter().any(private), "{kind} {name}");
        }
    }
}
