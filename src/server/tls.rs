//! TLS for those who connect to us: what is negotiated, and what can be wrong with a certificate.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem;

use self::certificates::Certificates;

pub mod certificates;

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
    /// The cryptography does not work here.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

/// What all TLS connections share: TLS 1.2 and 1.3, `h2` before `http/1.1`, tickets for resumption (their key is changed
/// every six hours and the one before it still read, so that none is good for more than twelve), never early data (which
/// could be replayed).
///
/// # Errors
/// [`TlsError::Setup`].
pub fn server_config(certificates: &Arc<Certificates>) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::clone(certificates.provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TlsError::Setup)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::<Certificates>::clone(certificates));
    config.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Setup)?;
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
        server_config(&Certificates::open(&[certificate], never)?)
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
