//! Who vouches for visitors that show a certificate, read again when the file changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::TlsError;
use super::certificates::{Trouble, read};

/// What checks the certificates of visitors; none is let in without one.
type Verifier = Arc<dyn ClientCertVerifier>;

/// A file of authorities.
#[derive(Debug)]
pub(super) struct Authority {
    path: PathBuf,
    /// What was in it, and what was wrong with it since. Only a look takes the lock.
    last: Mutex<(Vec<u8>, Trouble)>,
}

impl Authority {
    /// Reads it.
    pub(super) fn open(
        path: &Path,
        provider: &Arc<CryptoProvider>,
    ) -> Result<(Self, Verifier), TlsError> {
        let text = read(path)?;
        let verifier = verifier(path, &text, provider)?;
        let authority = Self {
            path: path.to_owned(),
            last: Mutex::new((text, Trouble::default())),
        };
        Ok((authority, verifier))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it now, if that is something else than before.
    ///
    /// # Errors
    /// What is wrong with it, once, when it is still so at the second look.
    pub(super) fn look(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Verifier>, Option<TlsError>> {
        // What is kept is replaced as a whole.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, trouble) = &mut *last;
        let new = read(&self.path).and_then(|text| {
            if text == *before {
                return Ok(None);
            }
            let verifier = verifier(&self.path, &text, provider)?;
            *before = text;
            Ok(Some(verifier))
        });
        match new {
            Ok(new) => {
                *trouble = Trouble::default();
                Ok(new)
            }
            Err(error) => Err(trouble.tell(error)),
        }
    }
}

fn verifier(
    path: &Path,
    text: &[u8],
    provider: &Arc<CryptoProvider>,
) -> Result<Verifier, TlsError> {
    let path = || path.to_owned();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text) {
        let certificate = certificate.map_err(|source| TlsError::NotPem {
            path: path(),
            source,
        })?;
        roots
            .add(certificate)
            .map_err(|source| TlsError::Unusable {
                path: path(),
                source,
            })?;
    }
    if roots.is_empty() {
        return Err(TlsError::NoCertificate { path: path() });
    }
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let verifier = verifier.build().map_err(|source| TlsError::NoAuthority {
        path: path(),
        source,
    })?;
    Ok(verifier)
}
