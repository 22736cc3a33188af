//! The way to an application: one [`Upstream`] a site and worker, with idle connections of its own.
//!
//! It takes nothing but a [`Checked`] request with a [`Pass`], and writes everything that goes up anew. hyper's
//! low-level client does the wire for now; it is behind [`wire`] and nothing else here knows it.
//!
//! An `async fn` keeps room for an argument beside what it makes of it, and so does everybody who waits for it. A request
//! is large, so it is written before the first wait, and lies in one place until a connection takes it out of there.

use std::fmt;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use rustls::ClientConfig;
use tokio::time::Instant;

use crate::gate::{Pass, Way};
use crate::request::Checked;
use crate::site::Origin;

pub mod answer;
pub mod body;
pub mod connect;
pub mod head;
pub mod identity;
mod rewrite;
pub mod room;
pub mod tunnel;
mod wire;

use self::body::{Body, Upload};
use self::connect::Connector;
use self::head::Surroundings;
use self::room::{Room, Share};
use self::wire::{Pool, Unanswered, Wire};

/// Where an application is and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The socket.
    pub address: Address,
    /// `host` or `host:port` of `upstream = "…"`; for a unix socket `localhost`.
    pub authority: String,
    /// Which Host, Origin and Referer the application sees.
    pub host: HostMode,
    /// The origins that stand for the public one in its pages; usually none.
    pub rewrite: Vec<Origin>,
}

/// The socket of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `http://host:port`.
    Tcp {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
    },
    /// `https://host:port`.
    Tls {
        /// A name or an address; also the name its certificate must bear.
        host: String,
        /// The port.
        port: u16,
        /// The operator's own authority; the system's store if none is named.
        ca: Option<PathBuf>,
    },
    /// `unix:/run/app.sock`.
    Unix(PathBuf),
}

/// Which Host, Origin and Referer the application sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HostMode {
    /// The application's own; answers are mapped back.
    #[default]
    Upstream,
    /// The public ones.
    Preserve,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// No connection could be made.
    #[error("cannot connect to the application")]
    Connect(#[source] std::io::Error),
    /// Connecting took longer than [`CONNECT`].
    #[error("connecting to the application took too long")]
    ConnectTimeout,
    /// There are as many connections as there may be, or as strangers may have (A1).
    #[error("there is no room for another connection to the application")]
    Full,
    /// No answer began within [`FIRST_BYTE`].
    #[error("the application did not begin to answer in time")]
    Timeout,
    /// The connection broke, or what came was no HTTP.
    #[error("the application's answer cannot be read")]
    Broken(#[source] hyper::Error),
    /// The answer is HTTP that two readers could read differently, or an upgrade that was not asked for.
    #[error("the application's answer is not sound: {0}")]
    Unsound(&'static str),
    /// The visitor's own body failed on the way up.
    #[error("the visitor's request broke off")]
    Visitor(#[source] hyper::Error),
    /// The same, while its end was waited for.
    #[error("the visitor's request broke off")]
    Upload(#[source] body::Broken),
    /// The application speaks HTTP/1.0, and the visitor does not say how long the body is.
    #[error(
        "the application speaks HTTP/1.0 and takes no body without a length of more than 1 MiB"
    )]
    TooLong,
}

/// How long a connection may take to stand (A1).
pub const CONNECT: Duration = Duration::from_secs(5);

/// How long the answer may take to begin, counted from the last byte that went up (A1).
pub const FIRST_BYTE: Duration = Duration::from_mins(1);

/// So much of a body without a length is read before an application hears of it that understands no chunks: as much as is
/// held of a POST anywhere (design section 3).
pub const UNMEASURED: usize = 1024 * 1024;

/// A request as it goes up, until a connection takes it. Only [`Upstream::write`] makes one.
pub struct Written(Request<Upload>);

/// An application as one worker reaches it.
pub struct Upstream {
    settings: Arc<Settings>,
    connector: Connector,
    pool: Rc<Pool>,
    share: Share,
}

impl Failed {
    /// The status a visitor sees.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::ConnectTimeout | Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
            Self::Visitor(_) | Self::Upload(_) => StatusCode::BAD_REQUEST,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Connect(_) | Self::Broken(_) | Self::Unsound(_) => StatusCode::BAD_GATEWAY,
        }
    }
}

impl Failed {
    /// Whether it is certain that nothing of the request reached the application.
    pub fn nothing_sent(&self) -> bool {
        matches!(
            self,
            Self::Connect(_) | Self::ConnectTimeout | Self::Full | Self::Upload(_) | Self::TooLong
        )
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Upstream {
    /// An application with no connection yet. `tls` is what [`connect::trust`] made of the settings.
    pub fn new(settings: Arc<Settings>, tls: Option<Arc<ClientConfig>>, room: &Room) -> Self {
        let connector = Connector::new(&settings.address, tls);
        let pool = Rc::default();
        let share = room.share(&pool);
        Self {
            settings,
            connector,
            pool,
            share,
        }
    }

    /// Where it is and how it is spoken to.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Writes the request for the application.
    pub fn write(
        &self,
        pass: &Pass,
        checked: Checked,
        upload: Upload,
        surroundings: &Surroundings<'_>,
    ) -> Written {
        Written(head::write(
            pass,
            checked,
            upload,
            &self.settings,
            surroundings,
        ))
    }

    /// Writes the request, sends it up and gives its answer's head, cleaned, with the body still running.
    ///
    /// # Errors
    /// [`Failed`]; nothing of an answer came then.
    pub fn forward(
        &self,
        pass: &Pass,
        checked: Checked,
        upload: Upload,
        surroundings: &Surroundings<'_>,
    ) -> impl Future<Output = Result<Response<Body>, Failed>> {
        let mut written = self.write(pass, checked, upload, surroundings);
        async move { self.send(pass, &mut written, surroundings).await }
    }

    /// Sends what was written under this pass and in these surroundings, as [`Upstream::forward`] does.
    ///
    /// # Errors
    /// [`Failed`]; nothing of an answer came then.
    pub async fn send(
        &self,
        pass: &Pass,
        written: &mut Written,
        surroundings: &Surroundings<'_>,
    ) -> Result<Response<Body>, Failed> {
        let Written(request) = written;
        let key = key(request);
        let known = &surroundings.constant.old;
        let mut in_chunks = request.headers().contains_key(header::TRANSFER_ENCODING);
        if in_chunks && known.get() {
            Box::pin(measure(request)).await?;
            in_chunks = false;
        }
        let stranger = !matches!(pass.way(), Way::Granted(_));
        let mut response = self.exchange(request, stranger).await?;
        let old = response.version() == Version::HTTP_10;
        known.set(old);
        if old && in_chunks && is_yes(response.status()) {
            return Err(Failed::Unsound(
                "it says yes to a body that it has not read",
            ));
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let key = key.ok_or(Failed::Unsound("it switches protocols unasked"))?;
            tunnel::check_accept(&key, response.headers())?;
        }
        answer::clean(&mut response, pass, &self.settings, surroundings)?;
        if let Some(rewrite) = &surroundings.constant.rewrite {
            rewrite.begin(&mut response);
        }
        Ok(response)
    }

    async fn exchange(
        &self,
        request: &mut Request<Upload>,
        stranger: bool,
    ) -> Result<Response<Body>, Failed> {
        if stranger && !self.share.takes_strangers() {
            return Err(Failed::Full);
        }
        let progress = request.body().progress();
        loop {
            let now = Instant::now();
            let Some(wire) = self.pool.take(now) else {
                break;
            };
            if stranger {
                wire.works_for_stranger();
            }
            // A connection that rested may be closing at this very moment. A request that means the same when it
            // is sent twice, and can be, then goes out again (RFC 9110 section 9.2.2). In a box: few have one.
            let spare = wire
                .rested(now)
                .then(|| head::copy(request).map(Box::new))
                .flatten();
            let Unanswered { failed, unsent } = match self
                .exchange_over(wire, request, progress.as_ref(), now)
                .await
            {
                Ok(response) => return Ok(response),
                Err(unanswered) => unanswered,
            };
            if !unsent {
                match spare {
                    Some(again) if !matches!(failed, Failed::Timeout) => *request = *again,
                    _ => return Err(failed),
                }
            }
        }
        // Boxed: connecting takes much room, and nearly every request finds a connection.
        Box::pin(self.exchange_first(request, progress.as_ref(), stranger)).await
    }

    /// Sends the request over a connection made for it.
    async fn exchange_first(
        &self,
        request: &mut Request<Upload>,
        progress: Option<&body::Progress>,
        stranger: bool,
    ) -> Result<Response<Body>, Failed> {
        let place = self.share.take(stranger).await.ok_or(Failed::Full)?;
        let connect = self.connector.connect(Arc::clone(&place));
        let stream = tokio::time::timeout(CONNECT, connect)
            .await
            .map_err(|_| Failed::ConnectTimeout)?
            .map_err(Failed::Connect)?;
        let wire = Wire::open(stream, place).await.map_err(Failed::Broken)?;
        self.exchange_over(wire, request, progress, Instant::now())
            .await
            .map_err(|unanswered| unanswered.failed)
    }

    async fn exchange_over(
        &self,
        mut wire: Wire,
        request: &mut Request<Upload>,
        progress: Option<&body::Progress>,
        now: Instant,
    ) -> Result<Response<Body>, Unanswered> {
        let answered = wait_for(pin!(wire.send(request)), progress, now).await;
        let timeout = || Unanswered {
            failed: Failed::Timeout,
            unsent: false,
        };
        Ok(wire.lend(answered.ok_or_else(timeout)??, progress, &self.pool))
    }
}

/// The key of the WebSocket that the request asks for.
fn key(request: &Request<Upload>) -> Option<HeaderValue> {
    let fields = request.headers();
    fields.get(header::UPGRADE)?;
    fields.get(header::SEC_WEBSOCKET_KEY).cloned()
}

/// Tells the length of the body in its head. An HTTP/1.0 server takes a body in chunks for none, and the chunks for the
/// next request; nobody may send it any who knows (RFC 9112 section 6.1).
async fn measure(request: &mut Request<Upload>) -> Result<(), Failed> {
    let upload = request.body_mut();
    let peeked = upload.peek(UNMEASURED).await.map_err(Failed::Upload)?;
    if !peeked.whole {
        return Err(Failed::TooLong);
    }
    let length = HeaderValue::from(peeked.bytes.len() as u64);
    *upload = Upload::bytes(peeked.bytes);
    let fields = request.headers_mut();
    fields.remove(header::TRANSFER_ENCODING);
    fields.insert(header::CONTENT_LENGTH, length);
    Ok(())
}

/// Whether a visitor would believe that what they sent has arrived.
fn is_yes(status: StatusCode) -> bool {
    status.is_success() || status.is_redirection()
}

/// Waits for an answer. While the visitor still uploads, the application may wait with it.
async fn wait_for<T>(
    mut answer: Pin<&mut impl Future<Output = T>>,
    progress: Option<&body::Progress>,
    now: Instant,
) -> Option<T> {
    let mut last = progress.map_or(now, body::Progress::last);
    loop {
        if let Ok(done) = tokio::time::timeout_at(last + FIRST_BYTE, answer.as_mut()).await {
            return Some(done);
        }
        last = progress
            .map(body::Progress::last)
            .filter(|later| *later > last)?;
    }
}

#[cfg(test)]
mod tests;
