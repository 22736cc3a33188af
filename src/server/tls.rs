//! TLS for those who connect to us: what is negotiated, and what can be wrong with a certificate.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{Acceptor, NoServerSessionStorage, VerifierBuilderError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use self::authority::Authority;
use self::certificates::{Certificates, Change};

pub mod certificates;

mod authority;
mod validity;

/// HTTP/2 as TLS names it (RFC 9113 section 3.2).
pub(super) const H2: &[u8] = b"h2";
/// HTTP/1.1 as TLS names it (RFC 7301 section 6).
const HTTP1: &[u8] = b"http/1.1";

/// A certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate is configured.
    #[error("a listener for https needs a certificate")]
    None,
    /// The file cannot be read.
    #[error("cannot read the certificate {}", path.display())]
    Unreadable {
        /// The chain's file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The key's file cannot be read any more.
    #[error("cannot read the key {}", path.display())]
    UnreadableKey {
        /// The key's file.
        path: PathBuf,
        /// The system's word, or what is wrong with its mode.
        source: io::Error,
    },
    /// The file is no PEM.
    #[error("{} is no PEM file", path.display())]
    NotPem {
        /// The chain's file.
        path: PathBuf,
        /// What is wrong in it.
        source: pem::Error,
    },
    /// The file holds something else.
    #[error(
        "there is no certificate in {}: it needs a section \"BEGIN CERTIFICATE\", the server's own certificate first",
        path.display()
    )]
    NoCertificate {
        /// The chain's file.
        path: PathBuf,
    },
    /// The key's text is no key.
    #[error(
        "the key for {} is no private key in PEM: it needs a section \"BEGIN PRIVATE KEY\" (or RSA or EC PRIVATE KEY)",
        path.display()
    )]
    NoKey {
        /// The chain's file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The key asks for a passphrase.
    #[error(
        "the key for {} is encrypted: decrypt it with `openssl pkey -in KEY -out PLAIN` and protect the file by its mode",
        path.display()
    )]
    Encrypted {
        /// The chain's file.
        path: PathBuf,
    },
    /// Certificate and key do not belong together.
    #[error(
        "the key does not fit the first certificate in {}: the server's own certificate must stand before those of its issuers",
        path.display()
    )]
    Mismatch {
        /// The chain's file.
        path: PathBuf,
    },
    /// Certificate or key is of a kind that we cannot use.
    #[error("the certificate {} or its key cannot be used", path.display())]
    Unusable {
        /// The chain's file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// It has run out, and takes the place of one that has not.
    #[error("the certificate {} has expired", path.display())]
    Over {
        /// The chain's file.
        path: PathBuf,
    },
    /// Nobody in the file can vouch for a visitor.
    #[error("no authority in {} can vouch for visitors", path.display())]
    NoAuthority {
        /// The authorities' file.
        path: PathBuf,
        /// What is wrong.
        source: VerifierBuilderError,
    },
    /// The cryptography does not work here.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

/// What is agreed with whoever connects: with all alike, but for the hosts that want a certificate of their visitors.
#[derive(Debug)]
pub struct Terms {
    certificates: Arc<Certificates>,
    usual: Arc<ServerConfig>,
    wanting: Vec<Wanting>,
}

/// A host that wants certificates of its visitors.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// As browsers name it in the handshake, in lower case.
    pub host: String,
    /// Who signs them: a PEM file.
    pub ca: PathBuf,
}

#[derive(Debug)]
struct Wanting {
    host: String,
    authority: Authority,
    terms: ArcSwap<ServerConfig>,
}

impl Terms {
    /// Reads the authorities of those in `wanted`.
    ///
    /// # Errors
    /// [`TlsError`], which names the file and what to do.
    pub fn new(certificates: &Arc<Certificates>, wanted: &[Wanted]) -> Result<Arc<Self>, TlsError> {
        let mut wanting = Vec::new();
        for Wanted { host, ca } in wanted {
            let (authority, verifier) = Authority::open(ca, certificates.provider())?;
            let terms = ArcSwap::from(offered(certificates, Some(verifier))?);
            wanting.push(Wanting {
                host: host.clone(),
                authority,
                terms,
            });
        }
        Ok(Arc::new(Self {
            usual: offered(certificates, None)?,
            certificates: Arc::clone(certificates),
            wanting,
        }))
    }

    /// Reads the files of authorities again, as [`Certificates::look`] does those of certificates.
    pub fn look(&self) -> Vec<Change> {
        let provider = self.certificates.provider();
        let mut changes = Vec::new();
        for Wanting {
            authority, terms, ..
        } in &self.wanting
        {
            match authority.look(provider) {
                Ok(None) => {}
                Ok(Some(verifier)) => match offered(&self.certificates, Some(verifier)) {
                    Ok(new) => {
                        terms.store(new);
                        changes.push(Change::Renewed {
                            chain: authority.path().to_owned(),
                            until: None,
                        });
                    }
                    Err(error) => changes.push(Change::Refused(error)),
                },
                Err(error) => changes.extend(error.map(Change::Refused)),
            }
        }
        changes
    }

    /// Shakes hands. Whom the visitor wants is known before anything is agreed on.
    pub(super) async fn shake_hands<T>(&self, stream: T) -> io::Result<TlsStream<T>>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        if self.wanting.is_empty() {
            let usual = TlsAcceptor::from(Arc::clone(&self.usual));
            return usual.accept(stream).await;
        }
        let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let terms = self.with(begun.client_hello().server_name());
        begun.into_stream(terms).await
    }

    fn with(&self, host: Option<&str>) -> Arc<ServerConfig> {
        let mut wanting = self.wanting.iter();
        let own =
            host.and_then(|host| wanting.find(|wanting| wanting.host.eq_ignore_ascii_case(host)));
        own.map_or_else(|| Arc::clone(&self.usual), |own| own.terms.load_full())
    }
}

/// TLS 1.2 and 1.3, `h2` before `http/1.1`, tickets for resumption (their key is changed every six hours and the one
/// before it still read, so that none is good for more than twelve), never early data (which could be replayed).
///
/// Where certificates of visitors are wanted nothing is resumed: whoever is not believed any more must show theirs anew.
fn offered(
    certificates: &Arc<Certificates>,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::clone(certificates.provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TlsError::Setup)?;
    let resumes = verifier.is_none();
    let config = match verifier {
        Some(verifier) => config.with_client_cert_verifier(verifier),
        None => config.with_no_client_auth(),
    };
    let mut config = config.with_cert_resolver(Arc::<Certificates>::clone(certificates));
    config.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
    if resumes {
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Setup)?;
    } else {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs;
    use std::path::Path;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;
    use crate::secret::Secret;
    use crate::server::Certificate;

    fn pem(name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    /// What comes of a chain and a key with these texts.
    fn config(chain: Option<&str>, key: &str) -> Result<Arc<ServerConfig>, TlsError> {
        let files = tempfile::tempdir().unwrap();
        let path = files.path().join("chain.pem");
        if let Some(chain) = chain {
            fs::write(&path, chain).unwrap();
        }
        let key = Secret::new(key.as_bytes().to_vec());
        let certificate = Certificate {
            chain: path,
            key,
            key_file: None,
        };
        let never = |_: &Path| Err(io::ErrorKind::Unsupported.into());
        offered(&Certificates::open(&[certificate], never)?, None)
    }

    #[test]
    fn a_chain_and_its_key_make_a_configuration() {
        let (leaf, key) = pem("a.example");
        let (issuer, _) = pem("ca.example");
        let config = config(Some(&format!("# comments are fine\n{leaf}{issuer}")), &key).unwrap();
        assert_eq!(config.alpn_protocols, [H2, HTTP1]);
        assert!(config.ticketer.enabled());
        assert_eq!(config.max_early_data_size, 0, "early data can be replayed");
    }

    #[test]
    fn every_mistake_names_the_file_and_what_to_do() {
        let (leaf, key) = pem("a.example");
        let (other, other_key) = pem("b.example");
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (chain, key, says) in [
            (None, &key, "cannot read the certificate"),
            (Some(""), &key, "there is no certificate in"),
            (Some(key.as_str()), &key, "there is no certificate in"),
            (Some(&leaf[..60]), &key, "is no PEM file"),
            (
                Some(leaf.as_str()),
                &String::new(),
                "is no private key in PEM",
            ),
            (Some(leaf.as_str()), &leaf, "is no private key in PEM"),
            (Some(leaf.as_str()), &encrypted, "is encrypted"),
            (Some(leaf.as_str()), &other_key, "does not fit"),
            (Some(&format!("{other}{leaf}")), &key, "does not fit"),
            (Some(garbage), &key, "cannot be used"),
        ] {
            let error = config(chain, key).expect_err(says);
            let text = error.to_string();
            assert!(
                text.contains(says) && text.contains("chain.pem"),
                "{text}, not {says}"
            );
            assert!(
                !text.contains("BEGIN PRIVATE KEY-----\n")
                    && error
                        .source()
                        .is_none_or(|source| source.source().is_none())
            );
        }
        let none = Certificates::open(&[], |_| Err(io::ErrorKind::Unsupported.into()));
        assert!(matches!(none, Err(TlsError::None)));
    }
}
