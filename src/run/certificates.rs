//! Keeps certificates fresh while the gateway runs, and says in time that one ends.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::observe::clock::Clock;
use crate::server::tls::Terms;
use crate::server::tls::certificates::{Certificates, Change, End};

/// How often their files are read: a new certificate is in use within a minute, a bad one is told within one, too,
/// though it has a second look to become whole. A few kilobytes from the page cache.
const LOOK: Duration = Duration::from_secs(10);

/// How often it is said that one ends.
const REMIND: Duration = Duration::from_hours(24);

/// Renewal is due long before: Let's Encrypt's clients do it 30 days ahead.
const SOON: u64 = 14 * 24 * 60 * 60;

/// What is looked at.
#[derive(Clone)]
pub(super) struct Renewals {
    pub(super) certificates: Arc<Certificates>,
    /// Where sites are served by https: those who vouch for their visitors.
    pub(super) tls: Option<Arc<Terms>>,
}

impl Renewals {
    /// Looks and tells until `shutdown`.
    pub(super) async fn keep(self, clock: Clock, shutdown: CancellationToken) {
        let mut tick = interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reminded: Option<Instant> = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = tick.tick() => {}
            }
            if reminded.is_none_or(|last| last.elapsed() >= REMIND) {
                reminded = Some(Instant::now());
                remind(&self.certificates.ends(), clock.wall());
            }
            let (own, clock) = (self.clone(), clock.clone());
            // A disk can take its time. A panic in there is a fault of ours that the next look may not meet.
            let looked = tokio::task::spawn_blocking(move || own.look(&clock)).await;
            if let Err(panicked) = looked {
                error!(error = %panicked, "the files of certificates could not be looked at");
            }
        }
    }

    /// Looks once, and tells what came of it.
    pub(super) fn look(&self, clock: &Clock) {
        let mut changes = self.certificates.look(clock.wall());
        changes.extend(self.tls.iter().flat_map(|tls| tls.look()));
        for change in changes {
            match change {
                Change::Renewed { chain, until } => {
                    let until = until.and_then(date);
                    info!(event = "certificate.renewed", file = %chain.display(), until, "a new certificate is in use");
                }
                Change::Refused(why) => {
                    let source = why.source().map(ToString::to_string);
                    error!(event = "certificate.refused", error = %why, source, "a new certificate cannot be used: the one before stays");
                }
            }
        }
    }
}

fn remind(ends: &[End], now: u64) {
    for End { chain, until } in ends {
        let (file, ends) = (chain.display(), date(*until));
        if *until < now {
            error!(event = "certificate.expired", %file, until = ends, "a certificate has expired: browsers refuse it");
        } else if *until - now < SOON {
            let days = (*until - now) / (24 * 60 * 60);
            warn!(event = "certificate.expires", %file, until = ends, days, "a certificate ends soon and has not been renewed");
        }
    }
}

/// As it is written in a log.
fn date(unix: u64) -> Option<String> {
    let time = Timestamp::from_second(unix.try_into().ok()?).ok()?;
    Some(time.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;
    use crate::secret::Secret;
    use crate::server::Certificate;

    #[tokio::test(start_paused = true)]
    async fn a_changed_file_is_taken_within_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let (chain, key_file) = (folder.path().join("crt"), folder.path().join("key"));
        let write = |until| {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
            params.not_after = date_time_ymd(until, 1, 1);
            fs::write(&chain, params.self_signed(&key).unwrap().pem()).unwrap();
            fs::write(&key_file, key.serialize_pem()).unwrap();
        };
        write(2040);
        let settings = Certificate {
            chain: chain.clone(),
            key: Secret::new(fs::read(&key_file).unwrap()),
            key_file: Some(key_file.clone()),
        };
        let read = |path: &std::path::Path| fs::read(path).map(Secret::new);
        let certificates = Certificates::open(&[settings], read).unwrap();
        let until = || certificates.ends()[0].until;
        let old = until();
        let shutdown = CancellationToken::new();
        let renewals = Renewals {
            certificates: Arc::clone(&certificates),
            tls: None,
        };
        let kept = tokio::spawn(renewals.keep(Clock::start(), shutdown.clone()));
        for year in [2041, 2042] {
            let old = until();
            write(year);
            let began = Instant::now();
            while until() == old && began.elapsed() < Duration::from_secs(60) {
                // The paused clock stands still while files are read.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            assert_ne!(until(), old, "{year}");
        }
        assert!(until() > old);
        shutdown.cancel();
        kept.await.unwrap();
    }
}
