//! A mail server on loopback that does as it is told, also what no real one would.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::super::{Authorities, Settings, Tls};
use crate::email::Email;

/// What a server says, and how its connection is kept private.
#[derive(Clone)]
pub(in crate::carrier) struct Manner {
    pub(in crate::carrier) tls: Tls,
    /// Beside SIZE, and STARTTLS where it has it.
    pub(in crate::carrier) offers: &'static str,
    /// Other answers than the usual ones: to what begins with the word, or to `CONNECT` and `.`. An empty one is
    /// silence, `!` the end of the connection.
    pub(in crate::carrier) answers: &'static [(&'static str, &'static str)],
    /// What its certificate is made out to.
    pub(in crate::carrier) certificate: &'static str,
}

/// A server of that manner.
pub(in crate::carrier) struct Server {
    port: u16,
    certificate: CertificateDer<'static>,
    tls: Tls,
    heard: Arc<Mutex<Vec<Heard>>>,
    task: JoinHandle<()>,
}

/// A line that came in, or a whole mail.
#[derive(Clone, Debug)]
pub(in crate::carrier) struct Heard {
    pub(in crate::carrier) private: bool,
    pub(in crate::carrier) text: String,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            tls: Tls::Starttls,
            offers: "AUTH PLAIN LOGIN",
            answers: &[],
            certificate: "localhost",
        }
    }
}

impl Server {
    pub(in crate::carrier) async fn start(manner: Manner) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([manner.certificate.to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (log, tls) = (Arc::clone(&heard), manner.tls);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (manner, acceptor, log) = (manner.clone(), acceptor.clone(), Arc::clone(&log));
                connections.spawn(async move {
                    // However it ends: what was heard is what counts.
                    let _ = serve(stream, &manner, &acceptor, &log).await;
                });
            }
        });
        Self {
            port,
            certificate: cert.der().clone(),
            tls,
            heard,
            task,
        }
    }

    /// How it is reached, without a login.
    pub(in crate::carrier) fn settings(&self) -> Settings {
        Settings {
            host: ServerName::try_from("localhost").unwrap(),
            port: self.port,
            tls: self.tls,
            authorities: Some(Authorities(vec![self.certificate.clone()])),
            login: None,
            sender: Email::parse("codes@example.com").unwrap(),
            name: None,
        }
    }

    pub(in crate::carrier) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// The first words of what it heard.
    pub(in crate::carrier) fn verbs(&self) -> Vec<String> {
        let first = |heard: Heard| {
            let words = heard.text.split([' ', ':', '\r']);
            words.map(str::to_owned).next().unwrap_or_default()
        };
        self.heard().into_iter().map(first).collect()
    }

    /// The mails that came whole.
    pub(in crate::carrier) fn mails(&self) -> Vec<String> {
        let mails = self.heard().into_iter().map(|heard| heard.text);
        mails.filter(|text| text.contains("\r\n\r\n")).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

async fn serve(
    stream: tokio::net::TcpStream,
    manner: &Manner,
    acceptor: &TlsAcceptor,
    log: &Mutex<Vec<Heard>>,
) -> std::io::Result<()> {
    let mut private = manner.tls == Tls::Implicit;
    let mut wire: Box<dyn Wire> = if private {
        Box::new(acceptor.accept(stream).await?)
    } else {
        Box::new(stream)
    };
    if !say(&mut wire, manner, "CONNECT", "220 here I am").await? {
        return Ok(());
    }
    loop {
        let line = until(&mut wire, b"\r\n").await?;
        let text = line.trim_end().to_owned();
        log.lock().unwrap().push(Heard { private, text });
        let word = line.split([' ', ':', '\r']).next().unwrap_or_default();
        let usual = match word {
            "EHLO" if manner.tls == Tls::Starttls && !private => {
                format!(
                    "250-localhost\r\n250-STARTTLS\r\n250-{}\r\n250 SIZE",
                    manner.offers
                )
            }
            "EHLO" => format!("250-localhost\r\n250-{}\r\n250 SIZE", manner.offers),
            "AUTH" => "235 welcome".to_owned(),
            "STARTTLS" => "220 go on".to_owned(),
            "DATA" => "354 go on".to_owned(),
            "QUIT" => "221 bye".to_owned(),
            _ => "250 fine".to_owned(),
        };
        if !say(&mut wire, manner, word, &usual).await? {
            return Ok(());
        }
        let answered = |word: &str| manner.answers.iter().any(|(to, _)| *to == word);
        match word {
            "STARTTLS" => {
                wire = Box::new(acceptor.accept(wire).await?);
                private = true;
            }
            "DATA" if !answered("DATA") => {
                let text = until(&mut wire, b"\r\n.\r\n").await?;
                log.lock().unwrap().push(Heard { private, text });
                if !say(&mut wire, manner, ".", "250 taken").await? {
                    return Ok(());
                }
            }
            "QUIT" => return Ok(()),
            _ => {}
        }
    }
}

/// Answers as usual or as told; false where the connection ends with it.
async fn say(
    wire: &mut Box<dyn Wire>,
    manner: &Manner,
    word: &str,
    usual: &str,
) -> std::io::Result<bool> {
    let told = manner.answers.iter().find(|(to, _)| *to == word);
    match told.map_or(usual, |(_, answer)| answer) {
        "!" => return Ok(false),
        "" => std::future::pending().await,
        answer => {
            wire.write_all(answer.as_bytes()).await?;
            wire.write_all(b"\r\n").await?;
            wire.flush().await?;
        }
    }
    Ok(true)
}

/// What comes up to and with `end`.
async fn until(wire: &mut Box<dyn Wire>, end: &[u8]) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end) {
        bytes.push(wire.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
