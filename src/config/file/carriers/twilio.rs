//! `[carriers.NAME.twilio]`

use crate::carrier::twilio::{ApiKey, Hash, Product, Settings, Signature};
use crate::config::address::Hook;
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::notes::Notes;
use crate::config::reader::Reader;
use crate::config::rule::Rule;
use crate::config::secret::{self, Environment, Reference};
use crate::config::tree::Value;
use crate::config::value::{At, Leaf, Wrong, choose};

/// As written. In a box, for it is by far the longest of the kinds.
pub(in crate::config) struct Written(Box<Keys>);

struct Keys {
    place: Place,
    account: Option<At<Sid<'A', 'C'>>>,
    token: Option<At<Reference>>,
    api_key: Option<At<Sid<'S', 'K'>>>,
    api_secret: Option<At<Reference>>,
    service: Option<At<Service>>,
    messaging_service: Option<At<Sid<'M', 'G'>>>,
    verify_service: Option<At<Sid<'V', 'A'>>>,
    signature: Option<At<Hash>>,
    signature_key: Option<At<Reference>>,
    base_url: Option<At<Hook>>,
    verify_base_url: Option<At<Hook>>,
    /// Whether something is written, rightly or not: then nothing is said about its not being there.
    has: Has,
}

struct Has {
    service: bool,
    from: bool,
    api_key: bool,
    api_secret: bool,
    messaging_service: bool,
    verify_service: bool,
    signature_key: bool,
}

impl Written {
    pub(super) fn read(table: &mut Reader<'_>) -> Self {
        Self(Box::new(Keys {
            place: table.place().clone(),
            account: table.required("account", "\"AC00000000000000000000000000000000\""),
            token: table.required("token", "\"credential:twilio\""),
            api_key: table.optional("api_key"),
            api_secret: table.optional("api_secret"),
            service: table.optional("service"),
            messaging_service: table.optional("messaging_service"),
            verify_service: table.optional("verify_service"),
            signature: table.optional("signature"),
            signature_key: table.optional("signature_key"),
            base_url: table.optional("base_url"),
            verify_base_url: table.optional("verify_base_url"),
            has: Has {
                service: table.has("service"),
                from: table.has("from"),
                api_key: table.has("api_key"),
                api_secret: table.has("api_secret"),
                messaging_service: table.has("messaging_service"),
                verify_service: table.has("verify_service"),
                signature_key: table.has("signature_key"),
            },
        }))
    }

    pub(super) fn settings(&self, notes: &Notes, environment: &Environment) -> Option<Settings> {
        self.0.settings(notes, environment)
    }
}

impl Keys {
    fn settings(&self, notes: &Notes, environment: &Environment) -> Option<Settings> {
        let errors = notes.errors();
        let secret = |reference: &At<Reference>| secret::noted(reference, environment, notes);
        let token = self.token.as_ref().and_then(secret);
        let api_secret = self.api_secret.as_ref().and_then(secret);
        let signature_key = self.signature_key.as_ref().and_then(secret);
        self.note_halves(notes);
        // Of a service that cannot be read nothing can be said.
        let service = match (&self.service, self.has.service) {
            (Some(service), _) => service.value,
            (None, false) => Service::Messages,
            (None, true) => return None,
        };
        self.note_what_has_no_use(service, notes);
        let (product, base_url) = match service {
            Service::Messages => {
                let missing = !self.has.from && !self.has.messaging_service;
                if missing {
                    notes.add(
                        self.cannot_work("nothing to send from", "has neither `from` nor `messaging_service`")
                            .help("add: from = [\"+12025550102\"], or messaging_service = \"MG00000000000000000000000000000000\""),
                    );
                }
                self.note_signature(notes);
                let product = token.clone().map(|token| Product::Messages {
                    messaging_service: self.messaging_service.as_ref().map(Sid::text),
                    signature: Signature {
                        hash: self.signature.as_ref().map_or(Hash::Sha1, |at| at.value),
                        key: signature_key.unwrap_or(token),
                    },
                });
                (product, url(self.base_url.as_ref(), API, notes))
            }
            Service::Verify => {
                if !self.has.verify_service {
                    notes.add(
                        self.cannot_work("Verify without its service", "has no `verify_service`")
                            .help("add: verify_service = \"VA00000000000000000000000000000000\""),
                    );
                }
                let product = self.verify_service.as_ref().map(|service| Product::Verify {
                    service: Sid::text(service),
                });
                (product, url(self.verify_base_url.as_ref(), VERIFY, notes))
            }
        };
        let key = self.api_key.as_ref().zip(api_secret);
        let settings = Settings {
            account: Sid::text(self.account.as_ref()?),
            token: token?,
            key: key.map(|(id, secret)| ApiKey {
                id: Sid::text(id),
                secret,
            }),
            product: product?,
            base_url,
        };
        // What is wrong may be a key that can be left out.
        (notes.errors() == errors).then_some(settings)
    }

    /// A key without its secret, or the other way round.
    fn note_halves(&self, notes: &Notes) {
        let (there, missing, example) = match (self.has.api_key, self.has.api_secret) {
            (true, false) => ("api_key", "api_secret", "\"credential:twilio_key\""),
            (false, true) => (
                "api_secret",
                "api_key",
                "\"SK00000000000000000000000000000000\"",
            ),
            _ => return,
        };
        notes.add(
            self.cannot_work(
                "half of an API key",
                format!("has `{there}` and no `{missing}`"),
            )
            .help(format!("add: {missing} = {example}")),
        );
    }

    /// Twilio signs with SHA-256 under a shared key alone: with the token no receipt would ever be right.
    fn note_signature(&self, notes: &Notes) {
        let sha256 = self
            .signature
            .as_ref()
            .filter(|at| at.value == Hash::Sha256);
        if let Some(at) = sha256.filter(|_| !self.has.signature_key) {
            let problem = Diagnostic::new(
                Rule::BadCarrier,
                "signatures without their key",
                &at.place,
                "there is no `signature_key`",
            );
            notes.add(problem.help(
                "add: signature_key = \"credential:twilio_signature\", the shared key's secret",
            ));
        }
    }

    /// What only the other service uses: it would be believed to do something.
    fn note_what_has_no_use(&self, service: Service, notes: &Notes) {
        let idle = match service {
            Service::Messages => vec![
                ("verify_service", place(self.verify_service.as_ref())),
                ("verify_base_url", place(self.verify_base_url.as_ref())),
            ],
            Service::Verify => vec![
                ("messaging_service", place(self.messaging_service.as_ref())),
                ("base_url", place(self.base_url.as_ref())),
                ("signature", place(self.signature.as_ref())),
                ("signature_key", place(self.signature_key.as_ref())),
                ("from", self.has.from.then_some(&self.place)),
            ],
        };
        for (key, place) in idle {
            let Some(place) = place else { continue };
            let (now, other) = service.words();
            let problem = Diagnostic::new(
                Rule::BadCarrier,
                format!("`{key}` has no use here"),
                place,
                format!("the service is \"{now}\""),
            );
            notes.add(problem.help(format!("take it out, or write service = \"{other}\"")));
        }
    }

    fn cannot_work(&self, title: &str, label: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Rule::BadCarrier, title, &self.place, label)
    }
}

fn place<T>(written: Option<&At<T>>) -> Option<&Place> {
    written.map(|at| &at.place)
}

const API: &str = "https://api.twilio.com/2010-04-01";
const VERIFY: &str = "https://verify.twilio.com/v2";

/// The address that is used; codes do not leave this machine in clear text without a word.
fn url(written: Option<&At<Hook>>, default: &str, notes: &Notes) -> String {
    let Some(At { value, place }) = written else {
        return default.to_owned();
    };
    if !value.origin.https() && !value.origin.loopback() {
        let problem = Diagnostic::new(
            Rule::CleartextHook,
            "codes, numbers and the token go over the network in clear text",
            place,
            "not encrypted",
        );
        notes.add(problem.help("write https://"));
    }
    if value.url.contains('?') {
        let problem = Diagnostic::new(
            Rule::BadCarrier,
            "an address that nothing can be added to",
            place,
            "paths are put behind it",
        );
        notes.add(problem.help(format!("write it without `?`, such as \"{default}\"")));
    }
    value.url.clone()
}

/// What of Twilio's is used.
#[derive(Clone, Copy, Debug)]
enum Service {
    Messages,
    Verify,
}

impl Service {
    /// How it is written, and the other one.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Messages => ("messages", "verify"),
            Self::Verify => ("verify", "messages"),
        }
    }
}

impl Leaf for Service {
    fn read(value: &Value) -> Result<Self, Wrong> {
        choose(
            value,
            "\"messages\" or \"verify\"",
            &[("messages", Self::Messages), ("verify", Self::Verify)],
            &[],
        )
    }
}

impl Leaf for Hash {
    fn read(value: &Value) -> Result<Self, Wrong> {
        choose(
            value,
            "\"sha1\" or \"sha256\"",
            &[("sha1", Self::Sha1), ("sha256", Self::Sha256)],
            &[],
        )
    }
}

/// Twilio's name for something: two letters of its kind, and 32 hexadecimal digits.
#[derive(Clone, Debug)]
struct Sid<const A: char, const B: char>(String);

impl<const A: char, const B: char> Sid<A, B> {
    fn text(at: &At<Self>) -> String {
        at.value.0.clone()
    }
}

impl<const A: char, const B: char> Leaf for Sid<A, B> {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a name of Twilio's, two letters and 32 hexadecimal digits")?;
        let digits = text.strip_prefix(A).and_then(|rest| rest.strip_prefix(B));
        if digits
            .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            return Ok(Self(text.to_owned()));
        }
        // It looks like a token that is in the wrong place (C8).
        if text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            value.place.hide();
        }
        let label = format!("{A}{B} and 32 hexadecimal digits are wanted");
        Err(
            Wrong::new(Rule::BadCarrier, "this is none of Twilio's names", label)
                .help("copy it from Twilio's console"),
        )
    }
}
