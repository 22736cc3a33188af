//! A message to try the carriers out: every step told as it happens, up to the receipt.
//!
//! It says of itself that its code opens nothing, and it does not: no challenge knows it. It counts in metrics and in no
//! limit of anybody's; numbers that nobody is sent to are refused here, too.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::Flow;
use crate::address::Address;
use crate::carrier::Message;
use crate::carrier::delivery::trial::Plan;
use crate::carrier::delivery::{Dispatcher, Sent};
use crate::code::Code;
use crate::email::{Email, NotAnEmail};
use crate::event::dispatch::{self, Dispatch, Told, Witness};
use crate::message::draft::Draft;
use crate::message::{self, Channel, NotAChannel, Template, segments};
use crate::moment::Moment;
use crate::name::Name;
use crate::observe::fan::{Heard, Relay};
use crate::phone::{NotAPhone, Phone, Policy};

pub mod step;

use self::step::{Asked, Line, Step};

/// What is sent.
const TEXT: &str = "{NAME}: test message {CODE}. It opens nothing.";

/// The code of a message that is only shown.
const MADE_UP: &str = "000000";

/// How long the code pretends to be good, for carriers that want to know.
const LIFE: Duration = Duration::from_secs(300);

/// The longest wait for a receipt.
pub const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// An order as it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// A number in E.164, or a mail address.
    pub to: String,
    /// `sms`, `voice` or `email`; by default what fits the address.
    pub channel: Option<String>,
    /// The one carrier to ask.
    pub carrier: Option<String>,
    /// Only show what would be sent.
    #[serde(default)]
    pub dry_run: bool,
    /// How long to wait for receipts, in seconds; at most ten minutes.
    #[serde(default)]
    pub wait: u64,
}

/// An order that can be carried out.
#[derive(Debug)]
pub struct Trial {
    to: Address,
    channel: Channel,
    carrier: Option<Name>,
    dry: bool,
    wait: Duration,
}

/// Why one cannot. For whoever gave it: it may hold the number.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotTried {
    /// The number is none.
    #[error(transparent)]
    Phone(#[from] NotAPhone),
    /// The mail address is none.
    #[error(transparent)]
    Email(#[from] NotAnEmail),
    /// The channel is none.
    #[error(transparent)]
    Channel(#[from] NotAChannel),
    /// A mail to a number, or a call to a mail address.
    #[error("{0} does not go to {1}")]
    Unfit(Channel, &'static str),
    /// There is no such carrier.
    #[error("no carrier is named `{name}`{}", hint(like.as_ref(), all))]
    NoCarrier {
        /// As it was written.
        name: String,
        /// The one that was perhaps meant.
        like: Option<Name>,
        /// Those that there are.
        all: Vec<Name>,
    },
}

/// Whose message a trial's is, and who is sent to at all.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The site that it is sent for.
    pub site: Name,
    /// What stands for `{NAME}`.
    pub title: String,
    /// Who is sent to.
    pub policy: Policy,
    /// Whether vendors can reach this gateway.
    pub public: bool,
}

/// What receipts come in by: a gateway at work.
pub struct Gateway<'a> {
    /// Takes them in.
    pub flow: &'a Flow,
    /// Tells them on.
    pub relay: &'a Relay,
}

/// Who hears of every step, at once, and keeps nobody waiting.
pub type Tell = Arc<dyn Fn(Line) + Send + Sync>;

impl Order {
    /// What the order means to these carriers.
    ///
    /// # Errors
    /// [`NotTried`]
    pub fn understood<'a>(
        &self,
        carriers: impl Iterator<Item = &'a Name>,
    ) -> Result<Trial, NotTried> {
        let (to, channel) = self.address()?;
        let known: Vec<&Name> = carriers.collect();
        let carrier = self.carrier.as_deref().map(|wanted| {
            let found = known.iter().find(|name| name.as_str() == wanted);
            let name = found.ok_or_else(|| NotTried::NoCarrier {
                name: wanted.to_owned(),
                like: nearest(wanted, &known),
                all: known.iter().copied().cloned().collect(),
            });
            name.map(|name| Name::clone(name))
        });
        Ok(Trial {
            to,
            channel,
            carrier: carrier.transpose()?,
            dry: self.dry_run,
            wait: Duration::from_secs(self.wait).min(LONGEST_WAIT),
        })
    }

    /// Where it goes and how, if that fits together.
    ///
    /// # Errors
    /// [`NotTried`]
    pub fn address(&self) -> Result<(Address, Channel), NotTried> {
        let mail = self.to.contains('@');
        let fitting = if mail { Channel::Email } else { Channel::Sms };
        let channel = match self.channel.as_deref() {
            Some(channel) => channel.parse()?,
            None => fitting,
        };
        match (channel, mail) {
            (Channel::Email, false) => Err(NotTried::Unfit(channel, "a number")),
            (Channel::Sms | Channel::Voice, true) => {
                Err(NotTried::Unfit(channel, "a mail address"))
            }
            (_, true) => Ok((Address::Email(Email::parse(&self.to)?), channel)),
            (_, false) => Ok((Address::Phone(Phone::parse(&self.to)?), channel)),
        }
    }
}

impl Trial {
    /// Sends it, and tells every step; the last is [`Step::End`]. Waits for receipts where `gateway` takes them in, until
    /// the last one, the order's patience, or `over`.
    pub async fn run(
        &self,
        dispatcher: &Dispatcher,
        sender: &Sender,
        gateway: Option<&Gateway<'_>>,
        (now, tell): (Moment, Tell),
        over: impl Future<Output = ()>,
    ) {
        let teller = Arc::new(Teller {
            began: Instant::now(),
            tell,
        });
        let ok = self
            .tried(dispatcher, sender, gateway, now, &teller, over)
            .await;
        teller.step(Step::End { ok });
    }

    async fn tried(
        &self,
        dispatcher: &Dispatcher,
        sender: &Sender,
        gateway: Option<&Gateway<'_>>,
        now: Moment,
        teller: &Arc<Teller>,
        over: impl Future<Output = ()>,
    ) -> bool {
        let refused = self.address(&sender.policy);
        let not_sent_to = matches!(
            &refused,
            Step::Address {
                refused: Some(_),
                ..
            }
        );
        teller.step(refused);
        if not_sent_to {
            return false;
        }
        let Ok(code) = Code::draw(6) else {
            teller.step(Step::Unsent {
                class: "transient".to_owned(),
                reason: "the operating system's random generator failed".to_owned(),
            });
            return false;
        };
        let message = self.message(sender, code, now);
        let aside = dispatcher.aside(self.carrier.as_ref(), Arc::<Teller>::clone(teller));
        let plan = aside.plan(&message);
        teller.step(self.order(&plan));
        for Plan { carrier, from, .. } in &plan {
            if let Err(why) = from {
                teller.step(Step::LeftOut {
                    carrier: carrier.to_string(),
                    why: why.clone(),
                });
            }
        }
        if self.dry {
            teller.step(shown(&message));
            return plan.iter().any(|plan| plan.from.is_ok());
        }
        // From now on, so that none is missed that is quicker than the vendor's own answer.
        let receipts = gateway.map(|gateway| gateway.relay.follow());
        let Ok(sent) = aside.send(&message).await else {
            return false;
        };
        if let Some(gateway) = gateway {
            gateway.flow.taken(&message, &sent, None);
        }
        if let Err(why) = self.receipts_come(dispatcher, (sender, gateway), &sent, now) {
            let why = why.to_owned();
            teller.step(Step::NoReceipt { why });
            return true;
        }
        let Some(receipts) = receipts else {
            return true;
        };
        teller.step(Step::Waiting {
            seconds: self.wait.as_secs(),
        });
        let followed = follow(receipts, &sent, &message.id, teller);
        tokio::select! {
            delivered = followed => delivered,
            () = tokio::time::sleep(self.wait) => {
                let why = "none that is the last came in that time".to_owned();
                teller.step(Step::NoReceipt { why });
                true
            }
            () = over => true,
        }
    }

    /// The number under the rules of who is sent to. Those that nobody has are for carriers to refuse: some are for trials.
    fn address(&self, policy: &Policy) -> Step {
        let Address::Phone(phone) = &self.to else {
            return Step::Address {
                to: self.to.as_str().to_owned(),
                country: None,
                kind: "a mail address".to_owned(),
                refused: None,
            };
        };
        let country = phone.country();
        let anywhere = Policy {
            countries: country.into_iter().map(str::to_owned).collect(),
            fictional: false,
        };
        let kind = phone.refusal(&anywhere);
        let refused = phone.refusal(&Policy {
            fictional: true,
            ..policy.clone()
        });
        Step::Address {
            to: phone.e164().to_owned(),
            country: country.map(str::to_owned),
            kind: kind.map_or_else(|| "an ordinary number".to_owned(), |kind| kind.to_string()),
            refused: refused.map(|refused| refused.to_string()),
        }
    }

    fn message(&self, sender: &Sender, code: Code, now: Moment) -> Message {
        let template = Template::parse(TEXT).expect("a constant, parsed in a test");
        Message {
            id: message::Id::draw(),
            site: sender.site.clone(),
            scope: "test".to_owned(),
            to: self.to.clone(),
            channel: self.channel,
            draft: Draft {
                template,
                name: sender.title.clone(),
                scope: "test".to_owned(),
                minutes: LIFE.as_secs() / 60,
                // No line by which a browser would fill it in somewhere.
                host: None,
                digits: 6,
            },
            code,
            from: None,
            ours: false,
            locale: None,
            life: LIFE,
            now,
        }
    }

    fn order(&self, plan: &[Plan]) -> Step {
        let asked = plan.iter().filter_map(|plan| {
            let from = plan.from.as_ref().ok()?;
            Some(Asked {
                carrier: plan.carrier.to_string(),
                from: from.as_ref().map(|from| from.as_str().to_owned()),
                managed: plan.managed,
                rests: plan.rests.map(str::to_owned),
            })
        });
        Step::Order {
            channel: self.channel.to_string(),
            carriers: asked.collect(),
        }
    }

    /// Whether receipts can come; if not, why.
    fn receipts_come(
        &self,
        dispatcher: &Dispatcher,
        (sender, gateway): (&Sender, Option<&Gateway<'_>>),
        sent: &Sent,
        now: Moment,
    ) -> Result<(), &'static str> {
        match gateway {
            // That was said at the beginning.
            None => Err("no gateway that runs takes it in"),
            Some(_) if self.wait.is_zero() => Err("it is not waited for"),
            Some(_) if !dispatcher.has_receipts(&sent.carrier, now) => {
                Err("this carrier does not tell what becomes of its messages")
            }
            Some(_) if !sender.public => {
                Err("vendors do not know where to bring it: set [delivery] public_url")
            }
            Some(_) => Ok(()),
        }
    }
}

/// Tells what comes of this message; true if it arrived, false if it did not and will not.
async fn follow(
    mut receipts: broadcast::Receiver<Heard>,
    sent: &Sent,
    ours: &message::Id,
    teller: &Teller,
) -> bool {
    loop {
        let heard = match receipts.recv().await {
            Ok(heard) => heard,
            Err(RecvError::Lagged(_)) => continue,
            // The gateway is going down.
            Err(RecvError::Closed) => return true,
        };
        let own = heard.id == sent.id || heard.id == ours.as_str();
        if !own || heard.carrier != sent.carrier {
            continue;
        }
        let state = heard.state;
        teller.step(Step::Receipt {
            carrier: heard.carrier.to_string(),
            state: state.to_owned(),
            code: heard.code,
        });
        match state {
            "sent" => {}
            "delivered" => return true,
            _ => return false,
        }
    }
}

/// What would be sent, with a code that is none.
fn shown(message: &Message) -> Step {
    let text = match message.channel {
        Channel::Sms | Channel::Email => message.draft.text(MADE_UP),
        Channel::Voice => message.draft.script(MADE_UP).plain(),
    };
    let count = (message.channel == Channel::Sms).then(|| segments::count(text.as_str()).segments);
    Step::Text {
        text: text.as_str().to_owned(),
        segments: count,
    }
}

/// Stamps each step with the time since the beginning, and hears those of the dispatcher.
struct Teller {
    began: Instant,
    tell: Tell,
}

impl Teller {
    fn step(&self, step: Step) {
        (self.tell)(Line {
            ms: step::milliseconds(self.began.elapsed()),
            step,
        });
    }
}

impl Witness for Teller {
    fn saw(&self, dispatch: &Dispatch<'_>) {
        self.step(match dispatch.step {
            dispatch::Step::LeftOut { carrier, why } => Step::LeftOut {
                carrier: carrier.to_string(),
                why: why.to_owned(),
            },
            dispatch::Step::Asked {
                carrier,
                from,
                again,
            } => Step::Asked {
                carrier: carrier.to_string(),
                from: from.map(|from| from.as_str().to_owned()),
                again,
            },
            dispatch::Step::Taken {
                carrier,
                vendor_id,
                took,
                segments,
                micros,
            } => Step::Taken {
                carrier: carrier.to_string(),
                id: vendor_id.to_owned(),
                took_ms: step::milliseconds(took),
                segments,
                micros,
            },
            dispatch::Step::Failed {
                carrier,
                class,
                reason,
                took,
            } => Step::Failed {
                carrier: carrier.to_string(),
                class: class.to_owned(),
                reason: reason.to_owned(),
                took_ms: step::milliseconds(took),
            },
            dispatch::Step::Unsent { class, reason } => Step::Unsent {
                class: class.to_owned(),
                reason: reason.to_owned(),
            },
        });
    }

    fn heard(&self, _: &Told<'_>) {}

    fn rests(&self, _: &Name, _: bool) {}
}

/// The name that was probably meant: a letter or two away, or the start of it.
fn nearest(text: &str, names: &[&Name]) -> Option<Name> {
    let scored = names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(text, name.as_str()), *name));
    scored
        .filter(|(distance, name)| {
            *distance <= name.as_str().len().max(text.len()).div_ceil(4)
                || (text.len() > 2 && name.as_str().starts_with(text))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name.clone())
}

/// The end of [`NotTried::NoCarrier`]'s sentence.
fn hint(like: Option<&Name>, all: &[Name]) -> String {
    match (like, all) {
        (Some(like), _) => format!("; did you mean `{like}`?"),
        (None, []) => "; there is none at all".to_owned(),
        (None, all) => {
            let names: Vec<String> = all.iter().map(|name| format!("`{name}`")).collect();
            format!("; there are {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests;
