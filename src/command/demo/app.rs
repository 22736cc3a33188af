//! The application that `countersign demo` protects: small, login-protected, and as innocent as somebody's legacy one.
//!
//! It has users, passwords, a login form and a session cookie of its own, and must not know that a gateway stands before
//! it: it reads none of its headers and asks for no code. The one trace is a link to `/.countersign/sign-out`, as an
//! operator would add it to a template.

mod clock;
mod page;
pub(super) mod session;
#[cfg(test)]
mod tests;
mod upload;

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use percent_encoding::percent_decode_str;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::page::Refused;
use self::session::Sessions;

/// Who may sign in: user name and password.
pub const USERS: [(&str, &str); 2] = [("ann", "demo"), ("bob", "demo")];

/// What the portal is called until somebody renames it in the admin area.
pub const TITLE: &str = "Example Portal";

/// A listener for [`serve`] on a free port of the loopback interface: the passwords are known to everybody.
///
/// # Errors
/// What the operating system says when it has no port to give.
pub async fn bind() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
}

/// Serves the application until `shutdown`, then drops every connection and waits for their tasks.
///
/// A caller who is not on this machine is not answered, whatever the listener is bound to.
pub async fn serve(listener: TcpListener, shutdown: CancellationToken) {
    let app = Arc::new(App::default());
    let tasks = TaskTracker::new();
    while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) if peer.ip().to_canonical().is_loopback() => {
                let connection =
                    connection(stream, Arc::clone(&app), tasks.clone(), shutdown.clone());
                tasks.spawn(shutdown.clone().run_until_cancelled_owned(connection));
            }
            Ok(_) => {}
            // Out of descriptors, or a peer that was gone before we looked: neither is worth spinning for.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    tasks.close();
    tasks.wait().await;
}

async fn connection(
    stream: TcpStream,
    app: Arc<App>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
) {
    let service = service_fn(move |request| {
        let (app, tasks, shutdown) = (Arc::clone(&app), tasks.clone(), shutdown.clone());
        async move { Ok::<_, Infallible>(app.answer(request, &tasks, &shutdown).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // The one error there can be is a peer that broke off, and the demonstration has no log to put it in.
    let _ = served.await;
}

/// Everything the application remembers; gone when the demonstration ends.
struct App {
    sessions: Sessions,
    /// What the portal is called at the moment.
    title: Mutex<String>,
}

type Answer = Response<Either<Full<Bytes>, clock::Ticks>>;

impl Default for App {
    fn default() -> Self {
        Self {
            sessions: Sessions::default(),
            title: Mutex::new(TITLE.to_owned()),
        }
    }
}

impl App {
    async fn answer(
        &self,
        request: Request<Incoming>,
        tasks: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Answer {
        let user = self.sessions.user(request.headers());
        let read = matches!(*request.method(), Method::GET | Method::HEAD);
        let post = request.method() == Method::POST;
        match (request.uri().path(), user) {
            ("/", Some(_)) if read => see("/home"),
            ("/", None) if read => see("/login"),
            ("/style.css", _) if read => style(),
            ("/login", _) if read => self.login_form(request.headers(), None),
            ("/login", _) if post => self.sign_in(request).await,
            ("/logout", _) if read || post => self.sign_out(request.headers()),
            ("/clock" | "/events", None) => plain(StatusCode::FORBIDDEN, "sign in first\n"),
            ("/home" | "/admin/" | "/admin/rename" | "/upload", None) => see("/login"),
            ("/home", Some(user)) if read => self.html(Some(user), &page::home(user)),
            ("/admin/", Some(user)) if read => self.html(Some(user), &page::admin(&self.title())),
            ("/admin/rename", Some(_)) if post => self.rename(request).await,
            ("/upload", Some(user)) if post => self.upload(user, request).await,
            ("/clock", Some(_)) if read => clock::open(request, tasks, shutdown),
            ("/events", Some(_)) if read => clock::events(),
            ("/" | "/home" | "/admin/" | "/clock" | "/events" | "/style.css", _) => {
                not_allowed("GET, HEAD")
            }
            ("/login" | "/logout", _) => not_allowed("GET, HEAD, POST"),
            ("/admin/rename" | "/upload", _) => not_allowed("POST"),
            _ => plain(StatusCode::NOT_FOUND, "there is no such page\n"),
        }
    }

    /// The form, with a token that is good in this browser only: without it another site could sign a visitor in as
    /// somebody else. The forms behind the login need none, since `SameSite` keeps the session from other sites' posts.
    fn login_form(&self, headers: &HeaderMap, refused: Option<&Refused>) -> Answer {
        let known = session::ids(headers).next();
        let id = known.clone().unwrap_or_else(session::draw);
        let mut answer = self.html(None, &page::login(&self.sessions.token(&id), refused));
        if known.is_none() {
            answer
                .headers_mut()
                .insert(SET_COOKIE, session::cookie(&id));
        }
        answer
    }

    async fn sign_in(&self, request: Request<Incoming>) -> Answer {
        let headers = request.headers().clone();
        let Some(form) = form(request).await else {
            return plain(
                StatusCode::PAYLOAD_TOO_LARGE,
                "that is too much for a form\n",
            );
        };
        let typed = field(&form, "user");
        let token = field(&form, "token");
        if !session::ids(&headers)
            .next()
            .is_some_and(|id| self.sessions.fits(&token, &id))
        {
            return self.login_form(&headers, Some(&Refused::Stale(typed)));
        }
        // Right or wrong: whoever was signed in here has left.
        self.sessions.end(&headers);
        let login = (typed.trim(), field(&form, "password"));
        match USERS
            .into_iter()
            .find(|(user, password)| login == (*user, (*password).to_owned()))
        {
            Some((user, _)) => {
                let mut answer = see("/home");
                answer
                    .headers_mut()
                    .insert(SET_COOKIE, session::cookie(&self.sessions.open(user)));
                answer
            }
            // 200, as most applications that were written before status codes mattered to anybody.
            None => self.login_form(&headers, Some(&Refused::Wrong(typed))),
        }
    }

    fn sign_out(&self, headers: &HeaderMap) -> Answer {
        self.sessions.end(headers);
        let mut answer = see("/login");
        answer
            .headers_mut()
            .insert(SET_COOKIE, session::no_cookie());
        answer
    }

    async fn rename(&self, request: Request<Incoming>) -> Answer {
        let Some(form) = form(request).await else {
            return plain(
                StatusCode::PAYLOAD_TOO_LARGE,
                "that is too much for a form\n",
            );
        };
        let wanted: String = field(&form, "title")
            .trim()
            .chars()
            .take(TITLE_CHARS)
            .collect();
        if !wanted.is_empty() {
            *lock(&self.title) = wanted;
        }
        see("/admin/")
    }

    async fn upload(&self, user: &str, request: Request<Incoming>) -> Answer {
        match upload::count(request).await {
            Ok(file) => self.html(Some(user), &page::uploaded(&file)),
            Err(refused) => plain(StatusCode::BAD_REQUEST, &format!("{refused}\n")),
        }
    }

    fn title(&self) -> String {
        lock(&self.title).clone()
    }

    fn html(&self, user: Option<&str>, content: &str) -> Answer {
        let mut answer = Response::new(Either::Left(Full::from(page::whole(
            &self.title(),
            user,
            content,
        ))));
        answer.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        answer
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }
}

/// The body of a posted form, or nothing if it is longer than any form of ours or breaks off.
async fn form(request: Request<Incoming>) -> Option<String> {
    let body = Limited::new(request.into_body(), FORM_BYTES)
        .collect()
        .await
        .ok()?
        .to_bytes();
    Some(String::from_utf8_lossy(&body).into_owned())
}

/// The first value of that name in an urlencoded form, or nothing in words.
fn field(form: &str, name: &str) -> String {
    let raw = form
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name);
    let spaced = raw.map_or("", |(_, value)| value).replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

fn style() -> Answer {
    let mut answer = Response::new(Either::Left(Full::from(page::STYLE)));
    answer.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/css; charset=utf-8"),
    );
    answer
}

fn see(location: &'static str) -> Answer {
    let mut answer = plain(StatusCode::SEE_OTHER, "");
    answer
        .headers_mut()
        .insert(LOCATION, HeaderValue::from_static(location));
    answer
}

fn not_allowed(methods: &'static str) -> Answer {
    let mut answer = plain(
        StatusCode::METHOD_NOT_ALLOWED,
        "that is not how this page is asked for\n",
    );
    answer
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(methods));
    answer
}

fn plain(status: StatusCode, words: &str) -> Answer {
    let mut answer = Response::new(Either::Left(Full::from(words.to_owned())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    answer
}

/// What these locks guard is whole after every single statement, so a panic under one spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Two short fields, percent-encoded.
const FORM_BYTES: usize = 8 * 1024;
/// A title fits on a line.
const TITLE_CHARS: usize = 60;
/// How long to let be after a failed accept.
const PAUSE: Duration = Duration::from_millis(100);
