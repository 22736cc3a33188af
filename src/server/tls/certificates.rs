//! The certificates in use: which of them a client gets, and what is done when their files change.
//!
//! A new chain and key take the place of the old ones at once, for every handshake that begins from then on;
//! connections that are open do not notice. What cannot be used changes nothing: the old ones stay, and somebody is told.

use std::fs::File;
use std::io::{self, Read};
use std::mem;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::{TlsError, validity};
use crate::secret::Secret;
use crate::server::Certificate;

/// How a key's file is read again; it says no where others can read it, too (S10).
pub type ReadKey = fn(&Path) -> io::Result<Secret>;

/// Certificates with their keys, and the files that they are from.
#[derive(Debug)]
pub struct Certificates {
    provider: Arc<CryptoProvider>,
    read_key: ReadKey,
    /// The file of each chain, in the order of the configuration; never empty.
    chains: Vec<PathBuf>,
    /// What handshakes take: one for each of `chains`.
    used: ArcSwap<Vec<Arc<CertifiedKey>>>,
    /// One for each of `chains`. Only [`look`](Self::look) takes the lock: no handshake waits for a disk.
    files: Mutex<Vec<Files>>,
}

/// The files of one certificate, but for the path of its chain.
#[derive(Debug)]
struct Files {
    /// `None` where the key is from a variable, which cannot change.
    key: Option<PathBuf>,
    /// What was in them when they were read last.
    text: Text,
    trouble: Trouble,
}

/// What was wrong with files at the last look, and whether that was told.
#[derive(Debug, Default)]
pub(super) struct Trouble(Option<(String, bool)>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Text {
    chain: Vec<u8>,
    key: Secret,
}

/// What has become of a certificate whose files have changed.
#[derive(Debug)]
pub enum Change {
    /// The new one is in use.
    Renewed {
        /// The chain's file.
        chain: PathBuf,
        /// Its last second since 1970, where it says one.
        until: Option<u64>,
    },
    /// The new one cannot be used; the old one stays.
    Refused(TlsError),
}

/// The end of a certificate that is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The chain's file.
    pub chain: PathBuf,
    /// Its last second since 1970.
    pub until: u64,
}

/// More than any chain has; a wrong path must not fill the memory.
const LONGEST: u64 = 1024 * 1024;

impl Certificates {
    /// Reads them all.
    ///
    /// # Errors
    /// [`TlsError`], which names the file and what to do.
    pub fn open(settings: &[Certificate], read_key: ReadKey) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let (mut used, mut files) = (Vec::new(), Vec::new());
        for certificate in settings {
            let text = Text {
                chain: read(&certificate.chain)?,
                key: certificate.key.clone(),
            };
            used.push(certified(&certificate.chain, &text, &provider)?);
            files.push(Files {
                key: certificate.key_file.clone(),
                text,
                trouble: Trouble::default(),
            });
        }
        if used.is_empty() {
            return Err(TlsError::None);
        }
        let chains = settings.iter().map(|one| one.chain.clone()).collect();
        Ok(Arc::new(Self {
            provider,
            read_key,
            chains,
            used: ArcSwap::from_pointee(used),
            files: Mutex::new(files),
        }))
    }

    /// Reads the files again and takes what is new in them; `now` is seconds since 1970. Waits for the disk.
    ///
    /// What cannot be used is told when it is still so at the next look: chain and key are two files, and whoever
    /// renews them writes one after the other.
    pub fn look(&self, now: u64) -> Vec<Change> {
        // A panic in here would leave nothing half done: what is kept is replaced as a whole.
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used = Vec::clone(&self.used.load());
        let mut changes = Vec::new();
        let files = files.iter_mut().zip(&mut used).zip(&self.chains);
        for ((files, used), chain) in files {
            match self.renewed(chain, files, used, now) {
                Ok(None) => files.trouble = Trouble::default(),
                Ok(Some((key, text))) => {
                    *used = key;
                    files.text = text;
                    files.trouble = Trouble::default();
                    changes.push(Change::Renewed {
                        chain: chain.clone(),
                        until: valid(used).map(|valid| *valid.end()),
                    });
                }
                Err(error) => changes.extend(files.trouble.tell(error).map(Change::Refused)),
            }
        }
        if changes
            .iter()
            .any(|change| matches!(change, Change::Renewed { .. }))
        {
            self.used.store(Arc::new(used));
        }
        changes
    }

    /// When those in use end, in the order of the configuration. Waits for nothing.
    pub fn ends(&self) -> Vec<End> {
        let used = self.used.load();
        let both = self.chains.iter().zip(used.iter());
        both.filter_map(|(chain, key)| {
            Some(End {
                chain: chain.clone(),
                until: *valid(key)?.end(),
            })
        })
        .collect()
    }

    pub(super) fn provider(&self) -> &Arc<CryptoProvider> {
        &self.provider
    }

    /// What is in the files now, if that is something else than before.
    fn renewed(
        &self,
        chain: &Path,
        files: &Files,
        used: &CertifiedKey,
        now: u64,
    ) -> Result<Option<(Arc<CertifiedKey>, Text)>, TlsError> {
        let key = match &files.key {
            Some(path) => (self.read_key)(path).map_err(|source| TlsError::UnreadableKey {
                path: path.clone(),
                source,
            })?,
            None => files.text.key.clone(),
        };
        let text = Text {
            chain: read(chain)?,
            key,
        };
        if text == files.text {
            return Ok(None);
        }
        let key = certified(chain, &text, &self.provider)?;
        let is_over = |key| valid(key).is_some_and(|valid| *valid.end() < now);
        // An old copy that was put back by mistake.
        if is_over(&key) && !is_over(used) {
            return Err(TlsError::Over {
                path: chain.to_owned(),
            });
        }
        Ok(Some((key, text)))
    }

    /// The certificate for a name: one that names it before one that has it by a wildcard, and among those the first.
    ///
    /// Certificates are parsed again in each handshake, since the parsed form borrows from its bytes; that is a
    /// hundredth of a signature, and nothing where there is only one.
    fn find<'a>(keys: &'a [Arc<CertifiedKey>], name: &str) -> Option<&'a Arc<CertifiedKey>> {
        let asked = ServerName::try_from(name).ok()?;
        let sibling = name
            .split_once('.')
            .and_then(|(_, parent)| ServerName::try_from(format!("any-other.{parent}")).ok());
        let mut by_wildcard = None;
        for key in keys {
            let Ok(leaf) = key.end_entity_cert().and_then(ParsedCertificate::try_from) else {
                continue;
            };
            if verify_server_name(&leaf, &asked).is_err() {
                continue;
            }
            let wide = |sibling| verify_server_name(&leaf, sibling).is_ok();
            if !sibling.as_ref().is_some_and(wide) {
                return Some(key);
            }
            by_wildcard = by_wildcard.or(Some(key));
        }
        by_wildcard
    }
}

/// Whoever asks for no name, or for one that no certificate has, gets the first: which site a request is for its Host
/// says, and a wrong one is refused then (R3).
impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let keys = self.used.load();
        let named = match hello.server_name() {
            Some(name) if keys.len() > 1 => Self::find(&keys, name),
            _ => None,
        };
        named.or(keys.first()).cloned()
    }
}

impl Trouble {
    /// The error, once, when it is the same as at the look before.
    pub(super) fn tell(&mut self, error: TlsError) -> Option<TlsError> {
        let said = error.to_string();
        match &mut self.0 {
            Some((before, told)) if *before == said => {
                let told = mem::replace(told, true);
                (!told).then_some(error)
            }
            trouble => {
                *trouble = Some((said, false));
                None
            }
        }
    }
}

fn valid(key: &CertifiedKey) -> Option<RangeInclusive<u64>> {
    validity::of(key.end_entity_cert().ok()?)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut text));
    read.map_err(|source| TlsError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    Ok(text)
}

fn certified(
    path: &Path,
    text: &Text,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let path = || path.to_owned();
    let chain = CertificateDer::pem_slice_iter(&text.chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| TlsError::NotPem {
            path: path(),
            source,
        })?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: path() });
    }
    let pem = text.key.expose();
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|source| {
        let encrypted = pem
            .windows(28)
            .any(|text| text == b"BEGIN ENCRYPTED PRIVATE KEY-");
        if encrypted {
            TlsError::Encrypted { path: path() }
        } else {
            TlsError::NoKey {
                path: path(),
                source,
            }
        }
    })?;
    CertifiedKey::from_der(chain, key, provider)
        .map(Arc::new)
        .map_err(|source| match source {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                TlsError::Mismatch { path: path() }
            }
            source => TlsError::Unusable {
                path: path(),
                source,
            },
        })
}

#[cfg(test)]
mod tests;
