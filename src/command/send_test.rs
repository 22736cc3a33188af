//! `countersign send-test NUMBER`: one message to try the carriers out, every step with its time.
//!
//! The gateway that runs sends it, if its admin socket answers: only there receipts come in. Otherwise this process
//! does, with the carriers of the configuration.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Exit, check, fail};
use crate::carrier::console::{self, Sink};
use crate::carrier::delivery::{Dispatcher, Surroundings, Unusable};
use crate::config::{self, Config};
use crate::event::dispatch::{Dispatch, Told, Witness};
use crate::flow::trial::step::{Line, Step};
use crate::flow::trial::{LONGEST_WAIT, NotTried, Order, Tell};
use crate::name::Name;
use crate::observe::clock::Clock;
use crate::run::inside;

mod ask;
mod print;

use self::ask::{Answered, NotAsked};

/// What `send-test` is asked.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A number such as +15087696555, or a mail address
    #[arg(allow_hyphen_values = true)]
    number: String,
    /// sms, voice or email. Default: what fits the address
    #[arg(long)]
    channel: Option<String>,
    /// Ask this carrier alone
    #[arg(long, value_name = "NAME")]
    carrier: Option<String>,
    /// Show who would be asked and what would be sent; send nothing
    #[arg(long)]
    dry_run: bool,
    /// How long to wait for the receipt, at most 10m
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = patience)]
    wait: Duration,
    /// Print one JSON object a step
    #[arg(long)]
    json: bool,
    /// The configuration
    #[arg(long, default_value = super::CONFIG)]
    config: PathBuf,
}

fn patience(text: &str) -> Result<Duration, String> {
    let wait = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if wait > LONGEST_WAIT {
        return Err("at most 10m".to_owned());
    }
    Ok(wait)
}

/// Why nothing can be sent from here.
#[derive(Debug, thiserror::Error)]
enum NotSent {
    #[error(transparent)]
    Carriers(#[from] Unusable),
    #[error("the system does not let this process start")]
    Runtime(#[source] io::Error),
}

/// Sends it and prints what happens.
pub fn send_test(arguments: &Arguments) -> Exit {
    let order = Order {
        to: arguments.number.clone(),
        channel: arguments.channel.clone(),
        carrier: arguments.carrier.clone(),
        dry_run: arguments.dry_run,
        wait: arguments.wait.as_secs(),
    };
    let out = Out::new(arguments.json);
    // Whatever the carriers are: a wrong number is told before anybody is asked.
    if let Err(error) = order.address() {
        let why = format!("nothing goes to `{}`: {error}", order.to);
        return out.refused(&why, Exit::Usage);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(&NotSent::Runtime(error)),
    };
    let socket = super::admin_socket(&arguments.config);
    let asked = runtime.block_on(ask::ask(&socket, &order, |line| out.line(line)));
    match asked {
        Ok(answered) => out.answered(answered),
        Err(NotAsked::Lost(error)) => {
            out.aside(&format!(
                "the gateway at {} went away, and whether the message was sent is not known: {error}",
                socket.display()
            ));
            Exit::Unreachable
        }
        Err(NotAsked::Nobody(error)) => {
            let loaded = config::load(&arguments.config);
            out.aside(&format!(
                "no gateway answers at {} ({error}): this command sends by itself, and receipts cannot be followed",
                socket.display()
            ));
            let Some(config) = loaded.config else {
                check::tell(&loaded.problems);
                return Exit::Configuration;
            };
            runtime.block_on(by_itself(&arguments.config, &config, &order, &out))
        }
    }
}

/// Sends it with carriers of its own.
async fn by_itself(path: &Path, config: &Config, order: &Order, out: &Out) -> Exit {
    let mut delivery = config.delivery.clone();
    // Nobody here would take a receipt in, or answer a vendor who asks what to say.
    delivery.public = None;
    let surroundings = Surroundings {
        sink: out.sink(),
        witness: Arc::new(Nobody),
        receipt_secret: &|_| String::new(),
    };
    let dispatcher = match Dispatcher::open(&config.carriers, &delivery, &surroundings) {
        Ok(dispatcher) => dispatcher,
        Err(error) => return fail(&NotSent::Carriers(error)),
    };
    let trial = match order.understood(dispatcher.names()) {
        Ok(trial) => trial,
        Err(error) => {
            let exit = match error {
                NotTried::NoCarrier { .. } => Exit::NotFound,
                _ => Exit::Usage,
            };
            return out.refused(&error.to_string(), exit);
        }
    };
    let ended = Arc::new(Mutex::new(Exit::Failed));
    let (told, to) = (Arc::clone(&ended), out.clone());
    let tell: Tell = Arc::new(move |line: Line| {
        if let Step::End { ok } = line.step {
            *told.lock().unwrap_or_else(PoisonError::into_inner) = result(ok);
        }
        to.line(&line);
    });
    tell(Line {
        ms: 0,
        step: Step::Configuration {
            from: path.display().to_string(),
            gateway: false,
        },
    });
    let now = Clock::start().now();
    let sender = inside::sender(config);
    trial
        .run(
            &dispatcher,
            &sender,
            None,
            (now, tell),
            std::future::pending(),
        )
        .await;
    *ended.lock().unwrap_or_else(PoisonError::into_inner)
}

fn result(ok: bool) -> Exit {
    if ok { Exit::Ok } else { Exit::Failed }
}

/// Where steps are printed. Who closed the pipe does not want to read them; the exit code still tells.
#[derive(Clone)]
struct Out {
    json: bool,
}

impl Out {
    fn new(json: bool) -> Self {
        Self { json }
    }

    /// One step, on standard output.
    fn line(&self, line: &Line) {
        let text = if self.json {
            serde_json::to_string(line).unwrap_or_default()
        } else {
            match print::text(line) {
                Some(text) => text,
                None => return,
            }
        };
        let mut out = io::stdout().lock();
        drop(writeln!(out, "{text}").and_then(|()| out.flush()));
    }

    /// What is no step: on standard error.
    #[expect(
        clippy::unused_self,
        reason = "it is printed beside what `line` prints"
    )]
    fn aside(&self, text: &str) {
        drop(writeln!(io::stderr(), "countersign: {text}"));
    }

    /// Nothing was sent, since the order makes no sense.
    fn refused(&self, why: &str, exit: Exit) -> Exit {
        if self.json {
            self.line(&Line {
                ms: 0,
                step: Step::Refused {
                    why: why.to_owned(),
                },
            });
        } else {
            self.aside(why);
        }
        exit
    }

    fn answered(&self, answered: Answered) -> Exit {
        match answered {
            Answered::Ended { ok } => result(ok),
            Answered::Wrong(why) => self.refused(&why, Exit::Usage),
            Answered::NotThere(why) => self.refused(&why, Exit::NotFound),
        }
    }

    /// Where console carriers print: beside the steps, but not among objects.
    fn sink(&self) -> Sink {
        if self.json {
            Arc::new(Mutex::new(Box::new(io::stderr())))
        } else {
            console::stdout()
        }
    }
}

/// What a trial tells, it tells by itself.
struct Nobody;

impl Witness for Nobody {
    fn saw(&self, _: &Dispatch<'_>) {}

    fn heard(&self, _: &Told<'_>) {}

    fn rests(&self, _: &Name, _: bool) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_a_duration_of_ten_minutes_at_most() {
        assert_eq!(patience("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(patience("0s"), Ok(Duration::ZERO));
        assert_eq!(patience("10m"), Ok(LONGEST_WAIT));
        assert_eq!(patience("601s"), Err("at most 10m".to_owned()));
        assert!(patience("soon").is_err());
    }
}
