//! A carrier of the operator's own: one HTTP request a message, [ours] or any that a template describes.
//!
//! The request is made of a method, an address, headers and a body, with [places](template) for what the message is; what
//! the answer means is told by [rules](answer), and receipts by a [form](receipt). Redirects are not followed.

use std::fmt::Display;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, Uri};
use zeroize::Zeroizing;

use super::endpoint::{self, BadUrl};
use super::http_client::HttpClient;
use super::{
    Accepted, Carrier, Cause, Failure, Means, Message, NotTaken, Receipt, Report, Sending,
    vendor_id,
};
use crate::phone::sender::Sender;
use crate::secret::Secret;

pub mod answer;
pub(super) mod ours;
pub mod receipt;
mod signed;
pub mod template;

use self::answer::Rules;
use self::ours::Signature;
use self::template::{Home, Place, Template};

/// `[carriers.NAME.webhook]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the message goes: http or https. Its path and query may hold places.
    pub url: String,
    /// The key of the signature; `None`: requests are not signed.
    pub signing_key: Option<Secret>,
    /// How it is asked for.
    pub method: Method,
    /// Header fields of the operator's.
    pub headers: Vec<(HeaderName, Template)>,
    /// What is sent.
    pub body: Body,
    /// User name and password of HTTP Basic.
    pub login: Option<(String, Secret)>,
    /// What `{SECRET}` stands for; UTF-8.
    pub secret: Option<Secret>,
    /// What the answers mean.
    pub rules: Rules,
    /// What the vendor's receipts look like; `None`: it sends none.
    pub receipt: Option<receipt::Form>,
}

/// What a request carries.
#[derive(Clone, Debug)]
pub enum Body {
    /// Our own JSON.
    Ours,
    /// Nothing.
    Empty,
    /// A text of the operator's.
    Template {
        /// The media type.
        content_type: HeaderValue,
        /// The text.
        text: Template,
    },
}

impl Settings {
    /// Our own JSON, signed.
    #[must_use]
    pub fn signed(url: String, key: Secret) -> Self {
        Self {
            url,
            signing_key: Some(key),
            method: Method::POST,
            headers: Vec::new(),
            body: Body::Ours,
            login: None,
            secret: None,
            rules: Rules::default(),
            receipt: None,
        }
    }

    /// Whether a place stands anywhere in the request.
    #[must_use]
    pub fn has(&self, place: Place) -> bool {
        let in_url = Template::parse(&self.url, Home::Url).is_ok_and(|url| url.has(place));
        let in_body = matches!(&self.body, Body::Template { text, .. } if text.has(place));
        in_url || in_body || self.headers.iter().any(|(_, value)| value.has(place))
    }
}

/// Sends each message to the address.
pub struct Webhook {
    settings: Settings,
    url: Template,
    basic: Option<HeaderValue>,
    signature: Option<Signature>,
    client: HttpClient,
    receipts: Option<String>,
}

impl Webhook {
    /// A carrier that sends by these means.
    ///
    /// # Errors
    /// [`BadUrl`] for an address that nothing can be sent to.
    pub(super) fn new(settings: &Settings, means: Means) -> Result<Self, BadUrl> {
        endpoint::parse(&settings.url)?;
        Ok(Self {
            url: Template::parse(&settings.url, Home::Url).map_err(|_| BadUrl)?,
            basic: settings
                .login
                .as_ref()
                .map(|(name, password)| basic(name, password)),
            signature: settings.signing_key.as_ref().map(Signature::new),
            client: means.client,
            receipts: means.receipts,
            settings: settings.clone(),
        })
    }

    async fn deliver(
        &self,
        message: &Message,
        from: Option<&Sender>,
        within: Duration,
    ) -> Result<Accepted, Failure> {
        let reply = self
            .client
            .post(self.request(message, from)?, within)
            .await?;
        let ours = matches!(self.settings.body, Body::Ours);
        let named = self
            .settings
            .rules
            .read(&reply, message)
            .map_err(|failure| {
                let of_the_number = ours.then(|| ours::of_the_number(&reply)).flatten();
                of_the_number
                    .filter(|_| self.settings.rules.errors.is_empty())
                    .unwrap_or(failure)
            })?;
        let by_our_rule = || vendor_id::fit(&ours::named(&reply)?, message);
        let named = named.or_else(|| ours.then(by_our_rule).flatten());
        Ok(Accepted {
            id: named.unwrap_or_else(|| message.id.to_string()),
        })
    }

    fn request(&self, message: &Message, from: Option<&Sender>) -> Result<Request<Bytes>, Failure> {
        let value = |place| self.value(place, message, from);
        let fill = |template: &Template| {
            let filled = template.fill(&value).map_err(unfilled)?;
            Ok::<_, Failure>(Bytes::from_owner(filled))
        };
        let url = Uri::from_maybe_shared(fill(&self.url)?).map_err(|_| unfilled(Place::Text))?;
        let (content_type, body) = match &self.settings.body {
            Body::Ours => (
                Some(HeaderValue::from_static("application/json")),
                Bytes::from_owner(ours::render(message, from, self.receipts.as_deref())),
            ),
            Body::Empty => (None, Bytes::new()),
            Body::Template { content_type, text } => (Some(content_type.clone()), fill(text)?),
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.settings.method.clone();
        *request.uri_mut() = url;
        let agent = HeaderValue::from_static(concat!("countersign/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        if let Some(signature) = &self.signature {
            let signed = signature.sign(message.now.unix, request.body());
            let headers = request.headers_mut();
            headers.insert(IDEMPOTENCY_KEY, visible(&message.id));
            headers.insert(SIGNATURE, visible(&signed));
        }
        let headers = request.headers_mut();
        headers.extend(content_type.map(|content_type| (CONTENT_TYPE, content_type)));
        headers.extend(self.basic.clone().map(|basic| (AUTHORIZATION, basic)));
        for (name, template) in &self.settings.headers {
            let mut value =
                HeaderValue::from_maybe_shared(fill(template)?).map_err(|_| unfilled(Place::To))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(request)
    }

    /// What stands for a place, in a string that is wiped after use (C8).
    fn value(
        &self,
        place: Place,
        message: &Message,
        from: Option<&Sender>,
    ) -> Option<Zeroizing<String>> {
        let life = message.life.as_secs();
        let text = match place {
            Place::To => message.to.as_str().to_owned(),
            Place::ToDigits => message.phone()?.e164().trim_start_matches('+').to_owned(),
            Place::From => from?.as_str().to_owned(),
            Place::FromDigits => from?.as_str().trim_start_matches('+').to_owned(),
            Place::Text => message.text().as_str().to_owned(),
            Place::Code => message.code.as_str().to_owned(),
            Place::Id => message.id.to_string(),
            Place::Site => message.site.to_string(),
            Place::Channel => message.channel.to_string(),
            Place::Locale => message.locale.as_deref().unwrap_or("en").to_owned(),
            Place::Expires => ours::expires(message),
            Place::Life => life.to_string(),
            Place::Minutes => life.div_ceil(60).to_string(),
            Place::Secret => {
                let secret = self.settings.secret.as_ref()?.expose();
                std::str::from_utf8(secret).ok()?.to_owned()
            }
            Place::ReceiptUrl => self.receipts.clone()?,
            Place::Twiml => message.script().twiml().as_str().to_owned(),
            Place::Bxml => message.script().bxml().as_str().to_owned(),
            Place::Ncco => message.script().ncco().as_str().to_owned(),
        };
        Some(Zeroizing::new(text))
    }
}

impl Carrier for Webhook {
    fn send<'a>(
        &'a self,
        message: &'a Message,
        from: Option<&'a Sender>,
        within: Duration,
    ) -> Sending<'a> {
        Box::pin(self.deliver(message, from, within))
    }

    fn receipts(&self, report: &Report<'_>) -> Result<Vec<Receipt>, NotTaken> {
        match (&self.settings.receipt, &self.settings.body, &self.signature) {
            (Some(form), ..) => form.read(report),
            (None, Body::Ours, Some(signature)) => signed::read(signature.key(), report),
            _ => Err(NotTaken::None),
        }
    }
}

fn unfilled(place: Place) -> Failure {
    Failure::Config(Cause::Unfilled(place.name()))
}

/// The credentials of HTTP Basic (RFC 7617).
fn basic(name: &str, password: &Secret) -> HeaderValue {
    let mut plain = Zeroizing::new(Vec::with_capacity(name.len() + 1 + password.expose().len()));
    plain.extend_from_slice(name.as_bytes());
    plain.push(b':');
    plain.extend_from_slice(password.expose());
    let mut value =
        visible(&Zeroizing::new(format!("Basic {}", STANDARD.encode(&*plain))).as_str());
    value.set_sensitive(true);
    value
}

/// A header of what is visible ASCII by its making.
fn visible(text: &impl Display) -> HeaderValue {
    text.to_string()
        .try_into()
        .expect("base64, hexadecimal digits and punctuation")
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const SIGNATURE: HeaderName = HeaderName::from_static("x-countersign-signature");

#[cfg(test)]
pub(in crate::carrier) mod tests;
