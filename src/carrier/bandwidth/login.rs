//! Who we are to Bandwidth, and how its callbacks prove who they are: Basic credentials, and tokens by OAuth 2.0.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{HeaderMap, Request, Uri};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

use super::super::endpoint::{self, BadUrl};
use super::super::http_client::HttpClient;
use super::super::{Cause, Failure};
use super::{AGENT, Login};

/// The way in.
pub(super) enum Door {
    /// The same credentials every time.
    Open(HeaderValue),
    /// A token for them.
    Tokens(Box<Tokens>),
}

/// What one request shows.
pub(super) struct Pass {
    /// The value of `Authorization`.
    pub(super) header: HeaderValue,
    /// Whether it was got for an earlier request, and so may be good no more.
    pub(super) kept: bool,
}

impl Door {
    /// The way in for that login.
    ///
    /// # Errors
    /// [`BadUrl`] for an address of tokens that cannot be posted to.
    pub(super) fn new(login: &Login, client: HttpClient) -> Result<Self, BadUrl> {
        Ok(match login {
            Login::User { name, password } => {
                Self::Open(Basic::new(name, password.expose()).header())
            }
            Login::Client {
                id,
                secret,
                token_url,
            } => Self::Tokens(Box::new(Tokens {
                url: endpoint::parse(token_url)?,
                client,
                login: Basic::new(id, secret.expose()).header(),
                current: Mutex::new(None),
            })),
        })
    }

    /// What a request is to show. `refused` was shown and is not good: another one is wanted.
    ///
    /// # Errors
    /// Never [`Failure::Unknown`]: no message went out yet.
    pub(super) async fn pass(
        &self,
        refused: Option<&Pass>,
        within: Duration,
    ) -> Result<Pass, Failure> {
        match self {
            Self::Open(header) => Ok(Pass {
                header: header.clone(),
                kept: false,
            }),
            Self::Tokens(tokens) => tokens.pass(refused, within).await,
        }
    }
}

/// Tokens of client credentials (RFC 6749 section 4.4), one at a time.
pub(super) struct Tokens {
    url: Uri,
    client: HttpClient,
    login: HeaderValue,
    /// Held while a new token is asked for: who needs one meanwhile waits for it, and does not ask for another.
    current: Mutex<Option<Token>>,
}

struct Token {
    header: HeaderValue,
    until: Instant,
}

impl Tokens {
    async fn pass(&self, refused: Option<&Pass>, within: Duration) -> Result<Pass, Failure> {
        let deadline = Instant::now() + within;
        let mut current = timeout(within, self.current.lock())
            .await
            .map_err(|_| Failure::Transient(Cause::SlowConnect))?;
        let good = current.as_ref().filter(|token| {
            token.until > Instant::now() && refused.is_none_or(|old| old.header != token.header)
        });
        if let Some(token) = good {
            return Ok(Pass {
                header: token.header.clone(),
                kept: true,
            });
        }
        *current = None;
        // Half of the time, so that the message has the other half.
        let left = deadline.saturating_duration_since(Instant::now());
        let token = self.ask(left / 2).await.map_err(|failure| match failure {
            // Whatever became of the token, the message did not go out.
            Failure::Unknown(cause) => Failure::Transient(cause),
            other => other,
        })?;
        let pass = Pass {
            header: token.header.clone(),
            kept: false,
        };
        *current = Some(token);
        Ok(pass)
    }

    async fn ask(&self, within: Duration) -> Result<Token, Failure> {
        let request = Request::post(&self.url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, AGENT)
            .header(AUTHORIZATION, self.login.clone())
            .body(Bytes::from_static(b"grant_type=client_credentials"))
            .expect("a parsed address, and header values that are some");
        let asked = Instant::now();
        let reply = self.client.post(request, within).await?;
        // A wait until a date cannot be told without the time of day; nobody asks for one here.
        if let Some(failure) = reply.refusal(u64::MAX) {
            return Err(failure);
        }
        let unreadable = || Failure::Transient(Cause::Unreadable);
        let said: Granted = serde_json::from_slice(&reply.body).map_err(|_| unreadable())?;
        let token = Zeroizing::new(said.access_token);
        let bearer = Zeroizing::new(format!("Bearer {}", token.as_str()));
        let mut header = HeaderValue::from_str(&bearer).map_err(|_| unreadable())?;
        header.set_sensitive(true);
        let life = Duration::from_secs(said.expires_in.min(LONGEST_LIFE));
        Ok(Token {
            header,
            until: asked + life.saturating_sub(EARLY),
        })
    }
}

/// How long before its end a token is used no more: a request that begins with it must end with it.
const EARLY: Duration = Duration::from_secs(60);

/// Seconds: longer than any token of theirs, and no clock overflows by it.
const LONGEST_LIFE: u64 = 24 * 60 * 60;

/// RFC 6749 section 5.1. A token that does not say how long it is good is used once.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: u64,
}

/// A user name and a password (RFC 7617).
pub(super) struct Basic(Zeroizing<Vec<u8>>);

impl Basic {
    /// These two. A name with a colon in it is another name to whoever reads it: `config` refuses it.
    pub(super) fn new(name: &str, password: &[u8]) -> Self {
        Self(Zeroizing::new([name.as_bytes(), b":", password].concat()))
    }

    /// The value of `Authorization` by which we show them.
    pub(super) fn header(&self) -> HeaderValue {
        let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(&*self.0)));
        let mut header = HeaderValue::from_str(&text).expect("base64 is ASCII");
        header.set_sensitive(true);
        header
    }

    /// Whether a request shows them; compared in constant time.
    pub(super) fn shown_in(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        let encoded = value.to_str().ok().and_then(|text| text.split_once(' '));
        let Some((_, encoded)) = encoded.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        else {
            return false;
        };
        STANDARD
            .decode(encoded.trim())
            .map(Zeroizing::new)
            .is_ok_and(|shown| shown.ct_eq(&self.0).into())
    }
}
