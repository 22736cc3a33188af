//! Answers to codes that vendors made: asked about one at a time, and for everybody as for somebody.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::warn;
use zeroize::Zeroizing;

use super::Flow;
use crate::challenge::{self, Browser, Mac};
use crate::code::Typed;
use crate::moment::Moment;
use crate::observe::chain;
use crate::store::Refused;
use crate::store::counters::Part;
use crate::store::entrusted::Consult;

/// What is known of an answer before it is compared.
pub(super) enum Opinion {
    /// Nobody else was asked, and nothing is counted yet.
    Ours,
    /// Its vendor says that it is the code.
    Right,
    /// It is not, or nobody has a code that it could be.
    Wrong,
    /// It is not looked at.
    Refused(Refused),
    /// The vendor did not say.
    Unknown,
}

/// How long an answer of a stranger takes where vendors check codes: most of them answer in less.
const ASKING: Duration = Duration::from_secs(2);

impl Flow {
    /// Asks the vendor of a code about an answer, if the code is a vendor's.
    ///
    /// A stranger must not see whether there is anybody whose vendor is asked (C7): by how long an answer takes, or has to
    /// wait for the one before, or what has been counted meanwhile. So theirs all take the same time, and one that does not
    /// come in that time is a no.
    pub(super) async fn opinion(
        self: &Arc<Self>,
        (id, browser): (&challenge::Id, &Browser),
        (mac, part): (Mac, Part),
        typed: Typed,
        proven: bool,
        now: Moment,
    ) -> Opinion {
        let Some(turn) = self.store.turn(id) else {
            return Opinion::Ours;
        };
        let turn = turn.lock_owned().await;
        let consult = self.store.consult(id, browser, &mac, part, !proven, now);
        // A browser gives its first request up for the second click, which must then find what the vendor said: a turn
        // lasts for as long as what it is for, whoever waits.
        let (held, kept) = if proven {
            (Some(turn), None)
        } else {
            (None, Some(turn))
        };
        let pause = kept.map(|turn| {
            self.slow.spawn(async move {
                sleep(ASKING).await;
                drop(turn);
            })
        });
        let (flow, id) = (Arc::clone(self), *id);
        let asked = match &consult {
            Consult::Vendor(remote) => {
                let (remote, typed) = (remote.clone(), Zeroizing::new(typed.as_str().to_owned()));
                let ask = async move {
                    let said = flow.dispatcher.check(&remote, &typed).await;
                    if let Ok(true) = said {
                        flow.store.vouch(&id, &remote, mac);
                    }
                    drop(held);
                    said
                };
                Some(self.slow.spawn(ask))
            }
            _ => None,
        };
        let said = async {
            match asked {
                Some(asked) if proven => asked.await.ok(),
                Some(asked) => timeout(ASKING, asked).await.ok().and_then(Result::ok),
                None => None,
            }
        };
        let pause = async {
            if let Some(pause) = pause {
                drop(pause.await);
            }
        };
        let (said, ()) = tokio::join!(said, pause);
        let remote = match consult {
            Consult::Nobody => return Opinion::Ours,
            Consult::Void => return Opinion::Wrong,
            Consult::Refused(refused) => return Opinion::Refused(refused),
            Consult::Vendor(remote) => remote,
        };
        match said {
            Some(Ok(true)) => return Opinion::Right,
            Some(Ok(false)) => return Opinion::Wrong,
            Some(Err(failure)) => {
                let (class, reason) = (failure.class(), chain(&failure));
                warn!(carrier = %remote.carrier, class, reason, "a code could not be checked");
            }
            None => warn!(carrier = %remote.carrier, "a code could not be checked in time"),
        }
        if proven {
            Opinion::Unknown
        } else {
            Opinion::Wrong
        }
    }
}
