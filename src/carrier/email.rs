//! Mail by SMTP (RFC 5321): one connection a mail, with STARTTLS (RFC 3207) or TLS from the first byte (RFC 8314).
//!
//! Up to the full stop that ends the mail nothing has been sent, whatever goes wrong; from then on only an answer says
//! what became of it. What a server says beside its reply code is kept to itself: it often repeats the address (C8).

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::delivery::{Unusable, native_roots};
use super::{Accepted, Carrier, Cause, Failure, Message, Sending, Service};
use crate::address::Address;
use crate::email::Email;
use crate::phone::sender::Sender;
use crate::secret::Secret;

mod letter;
mod wire;

/// `[carriers.NAME.email]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The mail server: its certificate must be made out to this name or address.
    pub host: ServerName<'static>,
    /// Its port.
    pub port: u16,
    /// How the connection is kept private.
    pub tls: Tls,
    /// The authorities to believe instead of the system's.
    pub authorities: Option<Authorities>,
    /// Who we are there, if it asks.
    pub login: Option<Login>,
    /// Whose mail it is, and who hears of mail that did not arrive.
    pub sender: Email,
    /// The name beside that address; `None`: the site's.
    pub name: Option<String>,
}

/// How a connection to a mail server is kept private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// It begins in clear text and goes no further so (RFC 3207).
    Starttls,
    /// From the first byte (RFC 8314).
    Implicit,
    /// Not at all: for a server on this very machine.
    None,
}

/// Certificates of authorities; they print as how many there are.
#[derive(Clone)]
pub struct Authorities(pub Vec<CertificateDer<'static>>);

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.0.len())
    }
}

/// Who we are to a mail server. A user name there is often a mail address: it is not printed.
#[derive(Clone)]
pub struct Login {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

impl Settings {
    /// Whether the server is on this machine: what goes there goes over no network.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// Whether that is this machine itself.
#[must_use]
pub fn is_loopback(host: &ServerName<'_>) -> bool {
    match host {
        ServerName::DnsName(name) => name.as_ref().eq_ignore_ascii_case("localhost"),
        ServerName::IpAddress(address) => std::net::IpAddr::from(*address).is_loopback(),
        _ => false,
    }
}

/// The carrier made ready.
///
/// # Errors
/// [`Unusable`] if there is nobody whose certificates are believed.
pub(super) fn open(settings: &Settings) -> Result<Service, Unusable> {
    Ok(Service::Transport(Box::new(Mail::new(settings)?)))
}

/// Whether it reaches nobody but this machine.
pub(super) fn is_trial(settings: &Settings) -> bool {
    settings.is_loopback()
}

/// The carrier.
struct Mail {
    settings: Settings,
    /// `None` where the connection is not encrypted.
    tls: Option<TlsConnector>,
}

/// How far a conversation has come: what a refusal is about, and whether the mail may be on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The server, and who we are to it.
    Server,
    /// The recipient.
    Recipient,
    /// The mail has been handed over.
    HandedOver,
}

/// What keeps us from going on with a server that did not refuse.
#[derive(Debug, thiserror::Error)]
enum Unwilling {
    #[error("the server offers no STARTTLS, and nothing goes to it in clear text")]
    NoStarttls,
    #[error("the server offers no way to sign in that this gateway knows: PLAIN or LOGIN")]
    NoLogin,
    #[error("the password is not text")]
    NotText,
}

impl Mail {
    fn new(settings: &Settings) -> Result<Self, Unusable> {
        let tls = match settings.tls {
            Tls::None => None,
            Tls::Starttls | Tls::Implicit => {
                let roots = match &settings.authorities {
                    Some(own) => {
                        let mut roots = RootCertStore::empty();
                        roots.add_parsable_certificates(own.0.iter().cloned());
                        roots
                    }
                    None => native_roots()?,
                };
                let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
                let config = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .map_err(Unusable::Tls)?
                    .with_root_certificates(roots)
                    .with_no_client_auth();
                Some(TlsConnector::from(Arc::new(config)))
            }
        };
        Ok(Self {
            settings: settings.clone(),
            tls,
        })
    }

    async fn deliver(&self, message: &Message, within: Duration) -> Result<Accepted, Failure> {
        let Address::Email(to) = &message.to else {
            return Err(Failure::Config(Cause::WrongChannel(message.channel)));
        };
        let deadline = Instant::now() + within;
        let late = |cause| move |_| Failure::Transient(cause);
        let mail = letter::write(message, &self.settings, to)
            .map_err(|error| Failure::Config(Cause::Write(io::Error::other(error))))?;
        let mut server = timeout_at(deadline, self.greet())
            .await
            .map_err(late(Cause::SlowConnect))??;
        timeout_at(deadline, self.announce(&mut server, to))
            .await
            .map_err(late(Cause::Silence))??;
        timeout_at(deadline, server.message(&mail))
            .await
            .map_err(|_| Failure::Unknown(Cause::Silence))?
            .map_err(|error| failure(&error, Stage::HandedOver))?;
        // A courtesy, and not worth waiting for.
        let _ = timeout_at(deadline.min(Instant::now() + FAREWELL), server.quit()).await;
        Ok(Accepted {
            id: message.id.to_string(),
        })
    }

    /// A connection that is as private as it must be, to a server that knows who we are.
    async fn greet(&self) -> Result<AsyncSmtpConnection, Failure> {
        let at_the_server = |error| failure(&error, Stage::Server);
        let (wire, hello) = wire::open(&self.settings, self.tls.as_ref()).await?;
        let mut server = AsyncSmtpConnection::connect_with_transport(Box::new(wire), &hello)
            .await
            .map_err(at_the_server)?;
        if let Some(login) = &self.settings.login {
            let offers = |mechanism| server.server_info().supports_auth_mechanism(mechanism);
            if !DEFAULT_MECHANISMS.iter().copied().any(offers) {
                return Err(unwilling(Unwilling::NoLogin));
            }
            let password = str::from_utf8(login.password.expose())
                .map_err(|_| unwilling(Unwilling::NotText))?;
            let known = Credentials::new(login.username.clone(), password.to_owned());
            server
                .auth(DEFAULT_MECHANISMS, &known)
                .await
                .map_err(at_the_server)?;
        }
        Ok(server)
    }

    /// Says from whom to whom, and that the mail comes now.
    async fn announce(&self, server: &mut AsyncSmtpConnection, to: &Email) -> Result<(), Failure> {
        let sender = letter::address(&self.settings.sender);
        server
            .command(MailFrom::new(Some(sender), Vec::new()))
            .await
            .map_err(|error| failure(&error, Stage::Server))?;
        let at_the_recipient = |error| failure(&error, Stage::Recipient);
        server
            .command(Rcpt::new(letter::address(to), Vec::new()))
            .await
            .map_err(at_the_recipient)?;
        server.command(Data).await.map_err(at_the_recipient)?;
        Ok(())
    }
}

impl Carrier for Mail {
    fn send<'a>(
        &'a self,
        message: &'a Message,
        _from: Option<&'a Sender>,
        within: Duration,
    ) -> Sending<'a> {
        Box::pin(self.deliver(message, within))
    }
}

/// How long a server may take to answer a good-bye.
const FAREWELL: Duration = Duration::from_secs(1);

fn unwilling(why: Unwilling) -> Failure {
    Failure::Config(Cause::Connect(why.into()))
}

/// What an error of the conversation means. Nothing of it is kept but the reply code, or what the system said.
fn failure(error: &smtp::Error, stage: Stage) -> Failure {
    let said = error.source().map(ToString::to_string);
    if let Some(code) = error.status() {
        return refused(code.into(), said.as_deref().unwrap_or_default(), stage);
    }
    let network = error.source().is_some_and(<dyn Error>::is::<io::Error>);
    let cause = match said.filter(|_| network) {
        Some(said) => Cause::Broken(said.into()),
        None => Cause::Unreadable,
    };
    match stage {
        Stage::HandedOver => Failure::Unknown(cause),
        Stage::Server | Stage::Recipient => Failure::Transient(cause),
    }
}

/// What a reply code means (RFC 5321 section 4.2.3, RFC 4954 section 6, RFC 7504).
///
/// A refusal before the recipient was named is about the server or about us. Of the others those with an enhanced code
/// X.7.Y (RFC 3463: security or policy) are no word about whether anybody is there.
fn refused(code: u16, said: &str, stage: Stage) -> Failure {
    let cause = Cause::Smtp { code };
    let policy = said.trim_start().get(1..4) == Some(".7.");
    match code {
        400..=499 => Failure::Transient(cause),
        530 | 534 | 535 | 538 => Failure::Config(cause),
        _ if stage == Stage::Server => Failure::Config(cause),
        550 if policy => Failure::Blocked(cause),
        550 | 551 | 553 | 556 => Failure::BadNumber(cause),
        552 | 554 => Failure::Blocked(cause),
        _ => Failure::Config(cause),
    }
}

#[cfg(test)]
pub(super) mod tests;
