//! The gateway as the admin listener sees it: its metrics, its health, and a message to try carriers out.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::admin::bind::Bound;
use crate::admin::serve::serve;
use crate::admin::{Health, Inside, Lines, Refused};
use crate::carrier::delivery::health::Health as Doing;
use crate::config::Config;
use crate::flow::trial::step::{Line, Step};
use crate::flow::trial::{Gateway, NotTried, Order, Sender, Tell};
use crate::message::Channel;
use crate::name::Name;
use crate::observe::fan::Relay;
use crate::observe::{self, metrics};
use crate::phone::Policy;
use crate::server::Tally;
use crate::server::tls::certificates::Certificates;

use super::reload::{NotReloaded, Reload, Reloaded};

/// Where the admin listener is, and the task that it is.
pub(super) struct Admin {
    pub(super) address: Option<SocketAddr>,
    pub(super) socket: Option<PathBuf>,
    pub(super) task: JoinHandle<()>,
}

/// Lets the admin listener serve, beside the slow work.
pub(super) fn open(
    bound: Bound,
    reload: Arc<Reload>,
    relay: Arc<Relay>,
    tallies: Vec<Arc<Tally>>,
    certificates: Option<Arc<Certificates>>,
    shutdown: &CancellationToken,
) -> Admin {
    let (address, socket) = (bound.address(), bound.path().map(Path::to_owned));
    let named = socket.as_ref().map(|path| path.display().to_string());
    let slow = reload.lasting.ground.slow.clone();
    let room = Room {
        reload,
        relay,
        tallies,
        certificates,
        shutdown: shutdown.clone(),
        named: named.unwrap_or_default(),
    };
    let served = serve(bound, Arc::new(room), shutdown.clone());
    let task = slow.spawn(async move {
        if let Err(error) = served.await {
            tracing::error!(%error, "the admin listener cannot work");
        }
    });
    Admin {
        address,
        socket,
        task,
    }
}

/// What the admin listener leads to.
struct Room {
    reload: Arc<Reload>,
    relay: Arc<Relay>,
    /// What each worker counts.
    tallies: Vec<Arc<Tally>>,
    certificates: Option<Arc<Certificates>>,
    shutdown: CancellationToken,
    /// Which gateway it is, for whoever gives orders.
    named: String,
}

/// Whose a test message is: the first site's.
pub(crate) fn sender(config: &Config) -> Sender {
    let site = config.sites.first().map(|settings| &settings.site);
    Sender {
        site: site.map_or_else(
            || Name::parse("countersign").expect("a constant"),
            |site| site.name.clone(),
        ),
        title: site.map_or_else(|| "Countersign".to_owned(), |site| site.title.clone()),
        policy: Policy {
            countries: config.delivery.countries.clone(),
            fictional: config.delivery.fictional,
        },
        public: config.delivery.public.is_some(),
    }
}

impl Inside for Room {
    fn metrics(&self) -> Option<String> {
        let metrics = &self.reload.lasting.ground.metrics;
        metrics.connections(self.tallies.iter().flat_map(|tally| tally.counts()));
        let ends = self.certificates.iter().flat_map(|own| own.ends());
        let ends: Vec<_> = ends.collect();
        metrics.certificates(ends.iter().map(|end| (&*end.chain, end.until)));
        metrics.text().ok()
    }

    fn media_type(&self) -> &'static str {
        metrics::MEDIA_TYPE
    }

    fn health(&self) -> Pin<Box<dyn Future<Output = Vec<Health>> + Send + '_>> {
        Box::pin(async {
            // Written as if something had been counted: only that shows whether it can be.
            let store = &self.reload.lasting.store;
            store.touch();
            let kept = store.settled().await;
            let mut parts = vec![
                // It was read and found right, or there would be nobody to ask.
                part("configuration", None),
                part("store", kept.err().map(|error| error.to_string())),
            ];
            let current = self.reload.current.load_full();
            parts.extend(channels(&current.flow.dispatcher.health()));
            parts
        })
    }

    fn send_test(&self, order: &Bytes) -> Result<Lines, Refused> {
        let current = self.reload.current.load_full();
        let order: Order = serde_json::from_slice(order)
            .map_err(|error| refused(StatusCode::BAD_REQUEST, &error.to_string()))?;
        let trial = order
            .understood(current.flow.dispatcher.names())
            .map_err(|error| {
                let status = match error {
                    NotTried::NoCarrier { .. } => StatusCode::NOT_FOUND,
                    _ => StatusCode::BAD_REQUEST,
                };
                refused(status, &error.to_string())
            })?;
        let (to, lines) = mpsc::unbounded_channel();
        let written = to.clone();
        let tell: Tell = Arc::new(move |line: Line| {
            // Who does not listen any more does not want to know.
            drop(written.send(print(&line)));
        });
        tell(Line {
            ms: 0,
            step: Step::Configuration {
                from: self.named.clone(),
                gateway: true,
            },
        });
        let (flow, relay) = (Arc::clone(&current.flow), Arc::clone(&self.relay));
        let (sender, shutdown) = (current.sender.clone(), self.shutdown.clone());
        let tracked = current.flow.tasks.track_future(async move {
            let gateway = Gateway {
                flow: &flow,
                relay: &relay,
            };
            let over = async {
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = to.closed() => {}
                }
            };
            let now = flow.clock.now();
            trial
                .run(&flow.dispatcher, &sender, Some(&gateway), (now, tell), over)
                .await;
        });
        current.flow.slow.spawn(tracked);
        Ok(lines)
    }

    fn reload(&self) -> Pin<Box<dyn Future<Output = Result<Bytes, Refused>> + Send + '_>> {
        Box::pin(async {
            // In a task of its own: who goes away in the middle does not leave half of the workers behind.
            let reload = Arc::clone(&self.reload);
            let slow = &self.reload.lasting.ground.slow;
            let outcome = slow.spawn(async move { reload.reload().await }).await;
            match outcome {
                Ok(Ok(Reloaded {
                    generation,
                    warnings,
                })) => {
                    let told = json!({ "generation": generation, "warnings": warnings });
                    Ok(told.to_string().into())
                }
                Ok(Err(error)) => Err(not_reloaded(&error)),
                Err(panicked) => Err(refused(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    &panicked.to_string(),
                )),
            }
        })
    }
}

/// By channel, whether a carrier is left that is not left alone after failing again and again.
fn channels(doing: &[Doing]) -> Vec<Health> {
    let all = [Channel::Sms, Channel::Voice, Channel::Email];
    let parts = all.into_iter().filter_map(|channel| {
        let own = || doing.iter().filter(|doing| doing.channel == channel);
        own().next()?;
        let trouble = own().all(|doing| doing.rests).then(|| {
            let names: Vec<&str> = own().map(|doing| doing.carrier.as_str()).collect();
            format!("failed again and again: {}", names.join(", "))
        });
        Some(part(channel.as_str(), trouble))
    });
    parts.collect()
}

/// 422 for what is wrong with the file, with all that `check` would say.
fn not_reloaded(error: &NotReloaded) -> Refused {
    let status = match error {
        NotReloaded::NoFile => StatusCode::NOT_FOUND,
        NotReloaded::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        error if error.is_configuration() => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let problems = match error {
        NotReloaded::Configuration { problems } => problems.as_str(),
        _ => "",
    };
    let body = json!({ "error": observe::chain(error), "problems": problems });
    Refused {
        status,
        body: body.to_string().into(),
    }
}

fn part(part: &str, trouble: Option<String>) -> Health {
    Health {
        part: part.to_owned(),
        trouble,
    }
}

fn refused(status: StatusCode, why: &str) -> Refused {
    Refused {
        status,
        body: json!({ "error": why }).to_string().into(),
    }
}

/// One line; a step has no map with keys that are no text, so that it can always be written.
fn print(line: &Line) -> Bytes {
    let mut text = serde_json::to_string(line).unwrap_or_default();
    text.push('\n');
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doing(carrier: &str, channel: Channel, rests: bool) -> Doing {
        Doing {
            carrier: Name::parse(carrier).unwrap(),
            channel,
            sent: 0,
            entered: 0,
            percent: None,
            rests,
            under_way: 0,
        }
    }

    #[test]
    fn a_channel_is_in_trouble_when_all_its_carriers_are() {
        let told = |first, second| {
            channels(&[
                doing("main", Channel::Sms, first),
                doing("spare", Channel::Sms, second),
                doing("main", Channel::Voice, first),
            ])
        };
        let voice = |trouble: Option<&str>| part("voice", trouble.map(str::to_owned));
        assert_eq!(told(false, false), [part("sms", None), voice(None)]);
        let alone = Some("failed again and again: main");
        assert_eq!(told(true, false), [part("sms", None), voice(alone)]);
        let both = Some("failed again and again: main, spare".to_owned());
        assert_eq!(told(true, true), [part("sms", both), voice(alone)]);
        assert_eq!(channels(&[]), []);
    }

    #[test]
    fn a_step_is_one_line() {
        let line = Line {
            ms: 12,
            step: Step::Text {
                text: "two\nlines".to_owned(),
                segments: None,
            },
        };
        let printed = print(&line);
        assert_eq!(
            printed,
            "{\"ms\":12,\"step\":\"text\",\"text\":\"two\\nlines\",\"segments\":null}\n"
        );
        assert_eq!(serde_json::from_slice::<Line>(&printed).unwrap(), line);
    }
}
