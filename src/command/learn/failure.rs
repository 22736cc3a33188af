//! Why nothing is learned: one sentence each, with what to do.

use std::io;
use std::path::PathBuf;

use http::StatusCode;

use crate::scout::client::Silence;

/// Nothing was learned, and nothing is printed or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Not an address.
    #[error(
        "`{0}` is no address of a login page: write it with http:// or https://, host and path"
    )]
    Address(String),
    /// Not an upstream.
    #[error("`{0}` is no upstream: write http://HOST:PORT, https://HOST or unix:/PATH")]
    Upstream(String),
    /// Not a public address.
    #[error("`{0}` is no public address: write scheme and host, such as https://wiki.example.com")]
    Public(String),
    /// Not a page.
    #[error("`{0}` is no page: write a path that begins with `/`")]
    Page(String),
    /// Nobody typed a name or a password.
    #[error(
        "a user name and a password are needed: type them, or give them as two lines on standard input"
    )]
    Nobody,
    /// The terminal or standard input.
    #[error("cannot read the user name and the password")]
    Unread(#[source] io::Error),
    /// The application.
    #[error("the application cannot be reached: give the address at which it listens itself")]
    Unreachable(#[source] Silence),
    /// Its certificate.
    #[error(
        "its certificate is not believed: name its authority with --upstream-ca FILE, or give its http:// address"
    )]
    NotBelieved(#[source] Silence),
    /// An answer without an end.
    #[error("the page is longer than any login page: give the address of the login form itself")]
    TooLong(#[source] Silence),
    /// A chain of redirects.
    #[error(
        "{0} redirects came, and no page: look at the address in a browser, and give the one where it stops"
    )]
    Endless(usize),
    /// A redirect, or a form, that leads to another origin.
    #[error(
        "the application leads to {0}: if that is its public address, add --url; if it is where the application is, give that address"
    )]
    Away(String),
    /// A redirect to nothing.
    #[error(
        "the application redirects to something that no browser asks for: look at the address in a browser"
    )]
    Nowhere,
    /// A gateway of ours.
    #[error(
        "this is Countersign itself, which is to stand before the application: give the application's own address"
    )]
    Ourselves,
    /// An error instead of a page.
    #[error("the application answers {0} to {1}: give the address of the page with the login form")]
    NoPage(StatusCode, String),
    /// Another kind of challenge.
    #[error(
        "the application asks for `{0}`, which Countersign cannot check: ask for the code at the gate, without a capture"
    )]
    Challenge(String),
    /// A page that cannot be read.
    #[error("the page comes in a coding that was not asked for, and cannot be read")]
    Unreadable,
    /// A page without a password field.
    #[error("this page has no login form{0}")]
    NoForm(String),
    /// A page whose login is a script.
    #[error("a script signs people in here, not a form, and `learn` runs no scripts: {0}")]
    Script(String),
    /// More than one login.
    #[error(
        "this page has several login forms, which lead to {0}: give the address of a page that has one of them"
    )]
    Many(String),
    /// The page shows no form the second time.
    #[error(
        "the login form was there once and is not any more: the application may have locked this address out; wait, and try again"
    )]
    Gone,
    /// 429, or a page that says so.
    #[error("the application answers {0}, as if it had been tried too often: wait, and try again")]
    Locked(StatusCode),
    /// 5xx to the login.
    #[error("the application fails: it answers {0} to the login; look into its log")]
    Broken(StatusCode),
    /// Refused, or the form again.
    #[error("the application does not take this user name and password: {0}")]
    Refused(String),
    /// Right and wrong look the same.
    #[error(
        "the answers to the right and to a wrong password look alike, so the password seems wrong; if it is right, name a page that only a signed-in person gets with --probe"
    )]
    Alike,
    /// `--probe` is no judge.
    #[error("{0} is no page that only a signed-in person gets: {1}")]
    Probe(String, &'static str),
    /// Nothing private was found.
    #[error(
        "no page was found that only a signed-in person gets, so nothing can be tested: name one with --probe"
    )]
    NoPrivate,
    /// HTTP Basic and nothing behind it.
    #[error(
        "with this user name and password the application answers {0} to {1}: give the address of a page that this person may see"
    )]
    Forbidden(StatusCode, String),
    /// The block did not hold.
    #[error("what was learned does not hold in a gateway, so it is not printed: {0}")]
    DoesNotHold(String),
    /// Our own gateway.
    #[error("cannot run a gateway of its own to test what was learned")]
    Gateway(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The file is there already.
    #[error("{0} is there already: name another file, or move it away")]
    Exists(PathBuf),
    /// The file cannot be written.
    #[error("cannot write {0}")]
    Write(PathBuf, #[source] io::Error),
    /// Standard output is gone.
    #[error("cannot print what was learned")]
    Print(#[source] io::Error),
    /// The system gives no threads.
    #[error("the system does not let this process work")]
    Runtime(#[source] io::Error),
}

impl From<Silence> for Failure {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Tls(..) | Silence::Certificates(..) | Silence::Settings(_) => {
                Self::NotBelieved(silence)
            }
            Silence::TooLong(..) => Self::TooLong(silence),
            Silence::Connect(..) | Silence::Late(..) | Silence::Broken(..) => {
                Self::Unreachable(silence)
            }
        }
    }
}
