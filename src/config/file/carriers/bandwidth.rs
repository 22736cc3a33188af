//! `[carriers.NAME.bandwidth]`

use crate::carrier::Delivery;
use crate::carrier::bandwidth::{Login, Product, Settings};
use crate::config::address::Hook;
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::notes::Notes;
use crate::config::reader::Reader;
use crate::config::rule::Rule;
use crate::config::secret::{self, Environment, Reference};
use crate::config::tree::Value;
use crate::config::value::{At, Leaf, Wrong, choose};
use crate::name::Name;
use crate::phone::sender::{Kind, Sender};
use crate::secret::Secret;

/// As written.
pub(in crate::config) struct Written {
    place: Place,
    account: Option<At<Identifier>>,
    user: Pair,
    client: Pair,
    token_url: Option<At<Hook>>,
    service: Option<At<Product>>,
    messaging_application: Option<At<Identifier>>,
    voice_application: Option<At<Identifier>>,
    /// Whether those two are written, rightly or not.
    applications: [bool; 2],
    base_url: Option<At<Hook>>,
    voice_base_url: Option<At<Hook>>,
    callback: Pair,
}

/// A name and a secret, which go together.
struct Pair {
    names: [&'static str; 2],
    name: Option<At<String>>,
    secret: Option<At<Reference>>,
    /// Whether both keys are written, rightly or not.
    written: [bool; 2],
}

impl Written {
    pub(super) fn read(table: &mut Reader<'_>) -> Self {
        let written = Self {
            place: table.place().clone(),
            account: table.required("account", "\"5500001\""),
            user: Pair::read(table, ["username", "password"]),
            client: Pair::read(table, ["client_id", "client_secret"]),
            token_url: table.optional("token_url"),
            service: table.optional("service"),
            messaging_application: table.optional("messaging_application"),
            voice_application: table.optional("voice_application"),
            applications: ["messaging_application", "voice_application"].map(|key| table.has(key)),
            base_url: table.optional("base_url"),
            voice_base_url: table.optional("voice_base_url"),
            callback: Pair::read(table, ["callback_username", "callback_password"]),
        };
        if !table.has("from") {
            let problem = Diagnostic::new(
                Rule::Missing,
                "`from` is missing",
                &written.place,
                "has no `from`",
            );
            table
                .notes()
                .add(problem.help("add: from = [\"+12025550101\"], numbers of the account"));
        }
        written
    }

    pub(super) fn settings(
        &self,
        from: &[Sender],
        notes: &Notes,
        environment: &Environment,
    ) -> Option<Settings> {
        let service = self.service.as_ref();
        let product = service.map_or(Product::Messaging, |service| service.value);
        let urls = [&self.token_url, &self.base_url, &self.voice_base_url];
        for url in urls.into_iter().flatten() {
            not_in_clear_text(url, notes);
        }
        if let Some(service) = service.filter(|_| product == Product::Mfa) {
            self.mfa(from, service, notes);
        }
        let login = self.login(notes, environment);
        let callback = self.callback.secret(&self.place, notes, environment);
        let id = |own: &Option<At<Identifier>>| own.as_ref().map(|own| own.value.0.clone());
        let url = |own: &Option<At<Hook>>, default: &str| {
            let own = own.as_ref().map_or(default, |url| url.value.url.as_str());
            own.trim_end_matches('/').to_owned()
        };
        Some(Settings {
            account: id(&self.account)?,
            login: login?,
            product,
            messaging_application: id(&self.messaging_application),
            voice_application: id(&self.voice_application),
            base_url: url(
                &self.base_url,
                match product {
                    Product::Messaging => "https://messaging.bandwidth.com/api/v2",
                    Product::Mfa => "https://mfa.bandwidth.com/api/v1",
                },
            ),
            voice_base_url: url(&self.voice_base_url, "https://voice.bandwidth.com/api/v2"),
            callback: callback.ok()?,
        })
    }

    /// What cannot work in the places that `[delivery]` gives this carrier.
    pub(super) fn placed(&self, name: &Name, delivery: &Delivery, notes: &Notes) {
        let problem = |title: String, label: &str, help: &str| {
            let problem = Diagnostic::new(Rule::BadCarrier, title, &self.place, label);
            notes.add(problem.help(help));
        };
        let mfa = self
            .service
            .as_ref()
            .is_some_and(|service| service.value == Product::Mfa);
        let [texts, calls] = self.applications;
        if delivery.sms.contains(name) && !texts {
            problem(
                format!("carrier `{name}` cannot send texts"),
                "has no `messaging_application`",
                "add: messaging_application = \"…\", the identifier of the account's messaging application",
            );
        }
        if !delivery.voice.contains(name) {
            return;
        }
        if !calls {
            problem(
                format!("carrier `{name}` cannot call"),
                "has no `voice_application`",
                "add: voice_application = \"…\", the identifier of the account's voice application",
            );
        }
        if !mfa && delivery.public.is_none() {
            problem(
                format!("carrier `{name}` cannot call"),
                "Bandwidth asks this gateway what to say, and does not know where it is",
                "add: [delivery] public_url = \"https://portal.example.com\", or call by service = \"mfa\"",
            );
        }
    }

    /// A user's name and password, or a client's.
    fn login(&self, notes: &Notes, environment: &Environment) -> Option<Login> {
        let some = |pair: &Pair| pair.written.contains(&true);
        if some(&self.user) == some(&self.client) {
            let (title, label) = if some(&self.user) {
                ("two kinds of credentials", "has a user and a client")
            } else {
                ("credentials are missing", "has none")
            };
            let problem = Diagnostic::new(Rule::BadCarrier, title, &self.place, label);
            notes.add(problem.help(
                "write either `username` and `password`, or `client_id` and `client_secret`",
            ));
            return None;
        }
        if let Some(url) = self.token_url.as_ref().filter(|_| some(&self.user)) {
            let problem = Diagnostic::new(
                Rule::BadCarrier,
                "an address of tokens, and no client that gets them",
                &url.place,
                "users need none",
            );
            notes.add(problem.help("leave it out, or write `client_id` and `client_secret`"));
        }
        if some(&self.user) {
            let (name, password) = self.user.secret(&self.place, notes, environment).ok()??;
            return Some(Login::User { name, password });
        }
        let (id, secret) = self.client.secret(&self.place, notes, environment).ok()??;
        let token_url = self.token_url.as_ref();
        Some(Login::Client {
            id,
            secret,
            token_url: token_url.map_or_else(
                || "https://api.bandwidth.com/api/v1/oauth2/token".to_owned(),
                |url| url.value.url.clone(),
            ),
        })
    }

    /// What MFA does not have.
    fn mfa(&self, from: &[Sender], service: &At<Product>, notes: &Notes) {
        let unfit = |from: &&Sender| matches!(from.kind(), Kind::ShortCode | Kind::Alphanumeric);
        if let Some(from) = from.iter().find(unfit) {
            let problem = Diagnostic::new(
                Rule::BadSender,
                format!("`{}` cannot be sent from by MFA", from.as_str()),
                &service.place,
                "it sends from numbers with their country code only",
            );
            notes.add(problem.help("leave it out of `from`, or leave out `service`"));
        }
        if let Some(url) = &self.voice_base_url {
            let problem = Diagnostic::new(
                Rule::BadCarrier,
                "an address of calls that MFA does not use",
                &url.place,
                "MFA calls by `base_url`",
            );
            notes.add(problem.help("leave it out"));
        }
    }
}

/// Something is wrong, and the operator is told.
struct Noted;

impl Pair {
    fn read(table: &mut Reader<'_>, names: [&'static str; 2]) -> Self {
        Self {
            names,
            written: names.map(|name| table.has(name)),
            name: table.optional(names[0]),
            secret: table.optional(names[1]),
        }
    }

    /// Both, or none of them if neither is written.
    ///
    /// # Errors
    /// [`Noted`].
    fn secret(
        &self,
        table: &Place,
        notes: &Notes,
        environment: &Environment,
    ) -> Result<Option<(String, Secret)>, Noted> {
        let [first, second] = self.names;
        match self.written {
            [false, false] => return Ok(None),
            [true, true] => {}
            [named, _] => {
                let (own, other) = if named {
                    (first, second)
                } else {
                    (second, first)
                };
                let problem = Diagnostic::new(
                    Rule::Missing,
                    format!("`{own}` without `{other}`"),
                    table,
                    format!("has no `{other}`"),
                );
                notes.add(problem.help("they go together"));
                return Err(Noted);
            }
        }
        let secret = self.secret.as_ref();
        let secret = secret.and_then(|secret| secret::noted(secret, environment, notes));
        let name = self.name.as_ref().ok_or(Noted)?;
        if name.value.is_empty() || name.value.contains(|c: char| c == ':' || c.is_control()) {
            let problem = Diagnostic::new(
                Rule::BadCarrier,
                format!("`{first}` that cannot be one"),
                &name.place,
                "something is wanted, without a colon (RFC 7617)",
            );
            notes.add(problem.help("write it as Bandwidth's dashboard shows it"));
            return Err(Noted);
        }
        Ok(Some((name.value.clone(), secret.ok_or(Noted)?)))
    }
}

impl Leaf for Product {
    fn read(value: &Value) -> Result<Self, Wrong> {
        choose(
            value,
            "\"messaging\" or \"mfa\"",
            &[("messaging", Self::Messaging), ("mfa", Self::Mfa)],
            &[],
        )
    }
}

fn not_in_clear_text(url: &At<Hook>, notes: &Notes) {
    if url.value.origin.https() || url.value.origin.loopback() {
        return;
    }
    let problem = Diagnostic::new(
        Rule::CleartextHook,
        "codes and numbers go over the network in clear text",
        &url.place,
        "not encrypted",
    );
    notes.add(problem.help("write https://"));
}

/// An identifier as it stands in paths and requests (Bandwidth's contract: at most 50 characters).
struct Identifier(String);

impl Leaf for Identifier {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a text such as \"5500001\"")?;
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if (1..=50).contains(&text.len()) && text.bytes().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        let wrong = Wrong::new(
            Rule::BadCarrier,
            "an identifier that Bandwidth does not give",
            "letters, digits and dashes are wanted, 50 at most",
        );
        Err(wrong.help("write it as Bandwidth's dashboard shows it"))
    }
}
