//! `[carriers.NAME.webhook]`

use http::Method;
use http::header::{HeaderName, HeaderValue};

use crate::carrier::webhook::answer::Rules;
use crate::carrier::webhook::template::{BadTemplate, Home, Place as Gap, Template};
use crate::carrier::webhook::{Body, Settings};
use crate::config::address::Hook;
use crate::config::diagnostic::{Diagnostic, Place};
use crate::config::notes::Notes;
use crate::config::reader::Reader;
use crate::config::rule::Rule;
use crate::config::secret::{self, Environment, Reference};
use crate::config::value::At;

mod answer;
mod receipt;

/// As written.
pub(in crate::config) struct Written {
    place: Place,
    url: Option<At<Hook>>,
    signing_key: Option<At<Reference>>,
    method: Option<At<Method>>,
    headers: Vec<(At<String>, At<String>)>,
    content_type: Option<At<String>>,
    body: Option<At<String>>,
    username: Option<At<String>>,
    password: Option<At<Reference>>,
    secret: Option<At<Reference>>,
    /// Whether the carrier has senders.
    from: bool,
    rules: Rules,
    receipt: Option<receipt::Written>,
}

/// Keys with which a request need not be ours, nor signed.
const TEMPLATE: [&str; 11] = [
    "method",
    "headers",
    "content_type",
    "body",
    "username",
    "password",
    "secret",
    "success",
    "errors",
    "id",
    "receipt",
];

impl Written {
    pub(super) fn read(table: &mut Reader<'_>) -> Self {
        let url: Option<At<Hook>> = table.required("url", "\"https://sms.example.net/send\"");
        let places = url.as_ref().is_some_and(|url| url.value.url.contains('{'));
        let templated = places || TEMPLATE.iter().any(|key| table.has(key));
        Self {
            place: table.place().clone(),
            url,
            signing_key: if templated {
                table.optional("signing_key")
            } else {
                table.required("signing_key", "\"credential:hook\"")
            },
            method: table.optional("method"),
            headers: table.placed_pairs(
                "headers",
                "a table such as { Authorization = \"Bearer {SECRET}\" }",
            ),
            content_type: table.optional("content_type"),
            body: table.optional("body"),
            username: table.optional("username"),
            password: table.optional("password"),
            secret: table.optional("secret"),
            from: table.has("from"),
            rules: answer::read(table),
            receipt: table
                .table_if_written("receipt")
                .map(receipt::Written::read),
        }
    }

    pub(super) fn settings(
        &self,
        public: Option<&str>,
        notes: &Notes,
        environment: &Environment,
    ) -> Option<Settings> {
        let fetch = |reference: &Option<At<Reference>>| match reference {
            None => Some(None),
            Some(reference) => secret::noted(reference, environment, notes).map(Some),
        };
        let url = self.url(notes);
        let headers = self.headers(notes);
        let body = self.body(notes);
        let secret = fetch(&self.secret);
        let password = fetch(&self.password);
        let login = match (&self.username, &self.password) {
            (Some(name), Some(_)) => password?.map(|password| (name.value.clone(), password)),
            (None, None) => None,
            (Some(lone), None) => {
                return half(notes, "password", "\"credential:NAME\"", &lone.place);
            }
            (None, Some(lone)) => return half(notes, "username", "\"…\"", &lone.place),
        };
        let settings = Settings {
            url: url?,
            signing_key: fetch(&self.signing_key)?,
            method: self
                .method
                .as_ref()
                .map_or(Method::POST, |method| method.value.clone()),
            headers: headers?,
            body: body?,
            login,
            secret: secret?,
            rules: self.rules.clone(),
            receipt: self.receipt.as_ref().and_then(receipt::Written::form),
        };
        let fits = self.fits_together(&settings, notes);
        if public.is_none() && settings.has(Gap::ReceiptUrl) {
            let problem = wrong(
                "nobody can bring receipts",
                &self.place,
                "says {RECEIPT_URL}",
            );
            notes.add(problem.help(
                "add under [delivery]: public_url = \"https://portal.example.com\", where the vendor reaches this gateway",
            ));
            return None;
        }
        fits.then_some(settings)
    }

    fn url(&self, notes: &Notes) -> Option<String> {
        let url = self.url.as_ref()?;
        if !url.value.origin.https() && !url.value.origin.loopback() {
            let problem = Diagnostic::new(
                Rule::CleartextHook,
                "codes and numbers go over the network in clear text",
                &url.place,
                "not encrypted",
            );
            notes.add(problem.help("write https://"));
        }
        let query = url.value.url.split_once('?').map_or("", |(_, query)| query);
        literal(query, &url.place, notes)?;
        template(&url.value.url, Home::Url, "url", &url.place, notes)?;
        Some(url.value.url.clone())
    }

    fn headers(&self, notes: &Notes) -> Option<Vec<(HeaderName, Template)>> {
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            let own = name.value.to_ascii_lowercase();
            let Ok(parsed) = HeaderName::try_from(own.as_str()) else {
                notes.add(wrong(
                    "a header that cannot be one",
                    &name.place,
                    "no name of a header",
                ));
                continue;
            };
            let instead = match own.as_str() {
                "content-type" => Some("write content_type = \"…\""),
                "host" | "content-length" | "connection" | "transfer-encoding" | "expect"
                | "te" | "trailer" | "upgrade" => Some("leave it out: it follows from the request"),
                _ => None,
            };
            if let Some(instead) = instead {
                let problem = wrong("a header that is not yours to set", &name.place, "not here");
                notes.add(problem.help(instead));
            } else if is_secret(&own) && !value.value.contains("{SECRET}") {
                literal_secret(&value.place, notes);
            } else {
                let value = template(&value.value, Home::Header, &name.value, &value.place, notes);
                headers.extend(value.map(|value| (parsed, value)));
            }
        }
        (headers.len() == self.headers.len()).then_some(headers)
    }

    fn body(&self, notes: &Notes) -> Option<Body> {
        let get = match &self.method {
            Some(method) if method.value == Method::GET => true,
            Some(At { value, place }) if ![Method::POST, Method::PUT].contains(value) => {
                notes.add(wrong(
                    format!("no message is sent by {value}"),
                    place,
                    "\"POST\", \"PUT\" or \"GET\"",
                ));
                return None;
            }
            _ => false,
        };
        let Some(body) = &self.body else {
            if let Some(lone) = &self.content_type {
                let problem = wrong("a content type of nothing", &lone.place, "without a `body`");
                notes.add(problem.help("write a body, or leave it out: ours is application/json"));
                return None;
            }
            return Some(if get { Body::Empty } else { Body::Ours });
        };
        if get {
            let problem = wrong("a GET with a body", &body.place, "GET has none");
            notes.add(
                problem.help("put the places into `url`, or leave `method` out: POST has a body"),
            );
            return None;
        }
        let (media, place) = self
            .content_type
            .as_ref()
            .map_or(("application/json", &body.place), |media| {
                (&*media.value, &media.place)
            });
        let (Some(home), Ok(content_type)) = (Home::of(media), HeaderValue::try_from(media)) else {
            let problem = wrong(
                format!("`{media}` cannot be written"),
                place,
                "not known here",
            );
            notes.add(problem.help(
                "there are application/json, application/x-www-form-urlencoded, application/xml and text/plain",
            ));
            return None;
        };
        if home == Home::Form {
            literal(&body.value, &body.place, notes)?;
        }
        // The line end before the closing quotes of a long text is none of the form.
        let text = if home == Home::Form {
            body.value.trim()
        } else {
            &body.value
        };
        let text = template(text, home, "body", &body.place, notes)?;
        Some(Body::Template { content_type, text })
    }

    /// Whether each place has its value, and the message is in the request.
    fn fits_together(&self, settings: &Settings, notes: &Notes) -> bool {
        let has = |gaps: &[Gap]| gaps.iter().any(|gap| settings.has(*gap));
        let secret = match (&self.secret, &settings.secret) {
            (None, _) if has(&[Gap::Secret]) => Some(
                wrong("a secret that is not there", &self.place, "says {SECRET}")
                    .help("add: secret = \"credential:NAME\""),
            ),
            (Some(unused), _) if !has(&[Gap::Secret]) => Some(
                wrong("a secret that nothing uses", &unused.place, "no {SECRET} in the request")
                    .help("write headers = { Authorization = \"Bearer {SECRET}\" }, or as the vendor wants it"),
            ),
            (Some(odd), Some(secret))
                if std::str::from_utf8(secret.expose()).is_err_and(|_| true)
                    || secret.expose().iter().any(u8::is_ascii_control) =>
            {
                Some(wrong("a secret that is no text", &odd.place, "one line of UTF-8 is wanted"))
            }
            _ => None,
        };
        let sender = (has(&[Gap::From, Gap::FromDigits]) && !self.from).then(|| {
            wrong("a sender that is not there", &self.place, "says {FROM}")
                .help("add: from = [\"+12025550101\"]")
        });
        let receipts = (has(&[Gap::ReceiptUrl]) && self.receipt.is_none()).then(|| {
            wrong("receipts that nobody would understand", &self.place, "says {RECEIPT_URL}")
                .help("add: receipt = { id = \"/id\", state = \"/status\", delivered = [\"delivered\"], failed = [\"failed\"] }")
        });
        let ours = matches!(settings.body, Body::Ours);
        let words = [Gap::Text, Gap::Code, Gap::Twiml, Gap::Bxml, Gap::Ncco];
        let message = (!ours && !has(&words)).then(|| {
            wrong(
                "a request without the message",
                &self.place,
                "the text is nowhere in it",
            )
            .help("put {TEXT} into `body`, or into `url` with method = \"GET\"")
        });
        let number = (!ours && !has(&[Gap::To, Gap::ToDigits])).then(|| {
            wrong(
                "a request without the number",
                &self.place,
                "whom it is for is nowhere in it",
            )
            .help("put {TO} into it: +12025550143; or {TO_DIGITS}: 12025550143")
        });
        let mut fits = true;
        for problem in [secret, sender, receipts, message, number]
            .into_iter()
            .flatten()
        {
            notes.add(problem);
            fits = false;
        }
        fits
    }
}

fn wrong(title: impl Into<String>, place: &Place, label: &str) -> Diagnostic {
    Diagnostic::new(Rule::BadCarrier, title, place, label)
}

fn half<T>(notes: &Notes, missing: &str, example: &str, place: &Place) -> Option<T> {
    let problem = wrong("half of a login", place, &format!("without `{missing}`"));
    notes.add(problem.help(format!("add: {missing} = {example}")));
    None
}

fn template(text: &str, home: Home, key: &str, place: &Place, notes: &Notes) -> Option<Template> {
    let bad = match Template::parse(text, home) {
        Ok(template) => return Some(template),
        Err(bad) => bad,
    };
    let problem = wrong(format!("`{key}` cannot be filled"), place, &bad.to_string());
    notes.add(match bad {
        BadTemplate::Unknown { ref name, .. } if name == "PASSWORD" => {
            problem.help("a password is a secret: {SECRET}, and secret = \"credential:NAME\"")
        }
        BadTemplate::Lines(_) => problem.help("put it into `body`"),
        _ => problem,
    });
    None
}

/// Notes the value of a field of a query or form that is a secret by its name (S10).
fn literal(form: &str, place: &Place, notes: &Notes) -> Option<()> {
    let written = form.split('&').any(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        is_secret(&name.to_ascii_lowercase()) && !value.is_empty() && !value.contains("{SECRET}")
    });
    if written {
        literal_secret(place, notes);
        return None;
    }
    Some(())
}

fn literal_secret(place: &Place, notes: &Notes) {
    // Excerpts of this and of other problems must not show it (C8).
    place.hide();
    let problem = Diagnostic::new(
        Rule::LiteralSecret,
        "a secret is written in the file",
        place,
        "secrets are never written here",
    );
    notes.add(problem.help("write {SECRET} in its place, and secret = \"credential:NAME\""));
}

/// Whether a field of that name, in lower case, holds what nobody else may know.
fn is_secret(name: &str) -> bool {
    let words = [
        "authorization",
        "password",
        "passwd",
        "secret",
        "token",
        "apikey",
        "api-key",
        "api_key",
    ];
    words.iter().any(|word| name.contains(word))
}
