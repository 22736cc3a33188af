//! `[carriers.NAME.email]`

use std::path::PathBuf;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};

use crate::carrier::email::{Authorities, Login, Settings, Tls, is_loopback};
use crate::config::diagnostic::Diagnostic;
use crate::config::notes::Notes;
use crate::config::pem::certified;
use crate::config::reader::Reader;
use crate::config::rule::Rule;
use crate::config::secret::{self, Environment, Reference};
use crate::config::tree::Value;
use crate::config::value::{At, Leaf, Words, Wrong};
use crate::email::Email;

/// As written.
pub(in crate::config) struct Written {
    host: Option<At<Host>>,
    port: Option<u16>,
    tls: Option<At<Tls>>,
    username: Option<At<Words>>,
    password: Option<At<Reference>>,
    from: Option<At<From>>,
    ca: Option<At<PathBuf>>,
}

/// Something is wrong, which is noted.
struct Noted;

/// Whom a mail server's certificate is made out to.
struct Host(ServerName<'static>);

/// Whose mail it is: `codes@example.com`, or `Example Portal <codes@example.com>`.
struct From {
    name: Option<String>,
    sender: Email,
}

/// Where mail is handed in (RFC 6409), and where it is with TLS from the first byte (RFC 8314).
const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;

impl Written {
    pub(super) fn read(table: &mut Reader<'_>) -> Self {
        let port = table.has("port");
        let number = table.number("port", 1..=u16::MAX, SUBMISSION);
        Self {
            host: table.required("host", "\"smtp.example.com\""),
            port: port.then_some(number),
            tls: table.optional("tls"),
            username: table.optional("username"),
            password: table.optional("password"),
            from: table.required("from", "\"codes@example.com\""),
            ca: table.optional("ca"),
        }
    }

    pub(super) fn settings(&self, notes: &Notes, environment: &Environment) -> Option<Settings> {
        let authorities = self.ca.as_ref().map(|ca| authorities(ca, notes));
        let login = self.login(notes, environment);
        let host = self.host.as_ref()?;
        let tls = self.tls.as_ref().map_or(
            match self.port {
                Some(SUBMISSIONS) => Tls::Implicit,
                _ => Tls::Starttls,
            },
            |tls| tls.value,
        );
        if let Some(written) = self.tls.as_ref().filter(|_| tls == Tls::None) {
            if !is_loopback(&host.value.0) {
                let problem = Diagnostic::new(
                    Rule::BadCarrier,
                    "codes and addresses would go over the network in clear text",
                    &written.place,
                    "only for a server on this machine",
                );
                notes.add(
                    problem
                        .also(&host.place, "this is another machine")
                        .help("write tls = \"starttls\", or \"implicit\" for port 465"),
                );
            }
            if let Some(ca) = &self.ca {
                notes.add(Diagnostic::new(
                    Rule::NotUsed,
                    "a certificate authority that is not used",
                    &ca.place,
                    "there is no TLS",
                ));
            }
        }
        let from = &self.from.as_ref()?.value;
        Some(Settings {
            host: host.value.0.clone(),
            port: self.port.unwrap_or(match tls {
                Tls::Starttls => SUBMISSION,
                Tls::Implicit => SUBMISSIONS,
                Tls::None => 25,
            }),
            tls,
            authorities,
            login: login.ok()?,
            sender: from.sender.clone(),
            name: from.name.clone(),
        })
    }

    /// Who we are to the server, if it is to be told.
    fn login(&self, notes: &Notes, environment: &Environment) -> Result<Option<Login>, Noted> {
        let half = |place, there: &str, missing: &str| {
            let problem = Diagnostic::new(
                Rule::BadCarrier,
                format!("`{there}` without `{missing}`"),
                place,
                "one goes with the other",
            );
            notes.add(problem.help(format!(
                "add `{missing}`, or leave both out where the server does not ask"
            )));
        };
        match (&self.username, &self.password) {
            (None, None) => Ok(None),
            (Some(username), None) => {
                half(&username.place, "username", "password");
                Err(Noted)
            }
            (None, Some(password)) => {
                half(&password.place, "password", "username");
                Err(Noted)
            }
            (Some(username), Some(password)) => {
                let password = secret::noted(password, environment, notes).ok_or(Noted)?;
                Ok(Some(Login {
                    username: username.value.0.clone(),
                    password,
                }))
            }
        }
    }
}

/// The certificates of the file; none if there are none, which is noted.
fn authorities(ca: &At<PathBuf>, notes: &Notes) -> Authorities {
    certified(ca, "certificate", notes);
    let all = CertificateDer::pem_file_iter(&ca.value)
        .into_iter()
        .flatten();
    Authorities(all.filter_map(Result::ok).collect())
}

impl Leaf for Host {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("the name of a mail server")?;
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
            .unwrap_or(text);
        ServerName::try_from(bare.to_owned())
            .map(Self)
            .map_err(|_| {
                let wrong = Wrong::new(
                    Rule::BadCarrier,
                    format!("`{text}` is no mail server"),
                    "a host's name or address and nothing else",
                );
                match text.rsplit_once(':') {
                    Some((host, port)) if port.parse::<u16>().is_ok() => {
                        let host = host.rsplit('/').next().unwrap_or(host);
                        wrong.help(format!("write host = \"{host}\" and port = {port}"))
                    }
                    _ => wrong.help("write host = \"smtp.example.com\""),
                }
            })
    }
}

impl Leaf for Tls {
    fn read(value: &Value) -> Result<Self, Wrong> {
        match value.text("\"starttls\", \"implicit\" or \"none\"")? {
            "starttls" => Ok(Self::Starttls),
            "implicit" => Ok(Self::Implicit),
            "none" => Ok(Self::None),
            other => Err(Wrong::new(
                Rule::BadCarrier,
                format!("`{other}` is no kind of TLS"),
                "\"starttls\", \"implicit\" or \"none\"",
            )
            .help("\"starttls\" begins in clear text and goes on encrypted (port 587); \"implicit\" is encrypted from the first byte (port 465)")),
        }
    }
}

impl Leaf for From {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a mail address")?.trim();
        let (name, address) = match text.strip_suffix('>').and_then(|text| text.split_once('<')) {
            Some((name, address)) => (Some(name.trim().trim_matches('"').trim()), address),
            None => (None, text),
        };
        let bad = |label: String| {
            Wrong::new(Rule::BadSender, "mail cannot come from there", label)
                .help("write \"codes@example.com\" or \"Example Portal <codes@example.com>\"")
        };
        let name = name.filter(|name| !name.is_empty());
        if name.is_some_and(|name| name.chars().any(char::is_control) || name.chars().count() > 100)
        {
            return Err(bad(
                "the name has at most 100 characters in one line".to_owned()
            ));
        }
        Ok(Self {
            name: name.map(str::to_owned),
            sender: Email::parse(address).map_err(|error| bad(error.to_string()))?,
        })
    }
}
