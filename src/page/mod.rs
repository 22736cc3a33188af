//! Every page that Countersign serves itself, as pure text: no clock, no chance, no I/O.
//!
//! A page is one response without anything to fetch; it works with scripts off, and its style and script are constant
//! blocks that the content security policy names by their hashes. Equal arguments give equal bytes, so that nothing
//! but what is passed in can tell a known subject from an unknown one (C7).
//!
//! A template holds the structure, `locales/en.toml` the words; which words belong to which case is decided in Rust,
//! where a case cannot be forgotten.

mod accent;
mod ask;
mod code;
mod outcome;
mod policy;
mod problem;
mod refusal;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

use http::header::{self, HeaderMap};
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, context};

use crate::moment::Moment;
use crate::site::Origin;

use self::policy::{Policy, Use};
use self::text::{Fill, Texts};

pub use self::ask::{AskError, AskPage, Who};
pub use self::code::{CodeError, CodePage, Notice, State};
pub use self::outcome::Outcome;
pub use self::problem::{CONTENT_TYPE, Kind, Problem};
pub use self::refusal::Refusal;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

const TEMPLATES: [(&str, &str); 5] = [
    ("base.html", include_str!("templates/base.html")),
    ("ask.html", include_str!("templates/ask.html")),
    ("code.html", include_str!("templates/code.html")),
    ("plain.html", include_str!("templates/plain.html")),
    ("sign_out.html", include_str!("templates/sign_out.html")),
];

/// The pages, ready to render. Build once, share by reference or in an `Arc`.
#[derive(Debug)]
pub struct Pages {
    templates: Environment<'static>,
    texts: Arc<Texts>,
}

/// How a site presents itself.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Its title.
    pub site: &'a str,
    /// Whom to turn to.
    pub support: Option<&'a str>,
    /// Its colour, `#rrggbb`; anything else is as none.
    pub accent: Option<&'a str>,
}

/// A page. Links and actions are paths of the site.
#[derive(Clone, Copy, Debug)]
pub enum Page<'a> {
    /// Who is it?
    Ask(AskPage<'a>),
    /// What is the code?
    Code(CodePage<'a>),
    /// Really sign out? Posts `token`.
    SignOut {
        /// Where it is posted.
        action: &'a str,
        /// The value that binds the post to the browser secret (S8).
        token: &'a str,
    },
    /// They are signed out.
    SignedOut {
        /// Where to sign in again.
        again: &'a str,
    },
    /// The application's session outlived its grant, and is ended by the cookies that the caller sends along: without
    /// them the application would go on showing no sign-in form.
    SignInAgain {
        /// Its sign-in page.
        again: &'a str,
    },
    /// The code was right, but what it was asked for was not kept.
    SubmitAgain {
        /// Where it was submitted from.
        back: &'a str,
    },
    /// 401 inside a frame, where a code page would have no place. The caller adds `WWW-Authenticate`.
    Frame {
        /// The challenge page, opened in the whole window.
        link: &'a str,
    },
    /// It goes no further.
    Refused(Refusal<'a>),
}

/// A page as it goes out.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The status it is sent with.
    pub status: StatusCode,
    /// The whole document.
    pub html: String,
    policy: Policy,
    retry_after: Option<u64>,
}

impl Rendered {
    /// The headers it is sent with: content type, cache, policies, and `Retry-After` where waiting helps.
    ///
    /// `released_to` is the other origin that a held redirect leads to, if any: browsers apply `form-action` to every
    /// redirect that follows a form, and drop the navigation in silence. Where that origin leads on to a third one they
    /// still do.
    #[must_use]
    pub fn headers(&self, released_to: Option<&Origin>) -> HeaderMap {
        let mut headers = self.policy.headers(released_to);
        headers.extend(
            self.retry_after
                .map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds))),
        );
        headers
    }
}

impl Pages {
    /// The built-in pages in English.
    ///
    /// # Panics
    /// Never, as long as the templates and texts that are compiled in are sound; tests render all of them.
    #[must_use]
    pub fn new() -> Self {
        let texts = Texts::parse(include_str!("../../locales/en.toml"))
            .expect("the file is compiled in and tested");
        Self::with(texts)
    }

    fn with(texts: Texts) -> Self {
        let texts = Arc::new(texts);
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in TEMPLATES {
            templates
                .add_template(name, source)
                .expect("the template is compiled in and tested");
        }
        templates.add_global("style", Value::from_safe_string(STYLE.to_owned()));
        templates.add_global("script", Value::from_safe_string(SCRIPT.to_owned()));
        templates.add_global("language", texts.language.clone());
        templates.add_global("direction", texts.direction.clone());
        let words = Arc::clone(&texts);
        templates.add_function("t", move |key: &str| {
            let known = words.has(key).then(|| words.html(key, &[]));
            known.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("no text `{key}`")))
        });
        Self { templates, texts }
    }

    /// Renders `page` in the site's look. `reference` is what stands in the log; `now` is for how long is left.
    ///
    /// # Panics
    /// Never, as long as the templates that are compiled in are sound; tests render every page in every state.
    #[must_use]
    pub fn render(
        &self,
        page: &Page<'_>,
        look: &Look<'_>,
        reference: &str,
        now: Moment,
    ) -> Rendered {
        let draft = self.draft(page, look, reference, now);
        let title_key = if draft.error.is_some() {
            "page.title_error"
        } else {
            "page.title"
        };
        let title_fills = [
            ("heading", Fill::Html(draft.title.to_string())),
            ("site", Fill::Words(look.site)),
        ];
        let accent = look.accent.and_then(accent::style);
        let styles: Vec<&str> = std::iter::once(STYLE).chain(accent.as_deref()).collect();
        let its_use = match page {
            Page::Frame { .. } => Use::Framed,
            Page::Code(code) if code.asks().is_some() => Use::Asks,
            _ => Use::Shown,
        };
        let policy = Policy::new(&styles, SCRIPT, its_use);
        let base = context! {
            title => self.texts.html(title_key, &title_fills),
            heading => draft.heading,
            error => draft.error,
            scope => draft.scope,
            site => look.site,
            accent => accent.map(Value::from_safe_string),
            reference,
        };
        let html = self
            .templates
            .get_template(draft.template)
            .and_then(|template| template.render(context! { ..base, ..draft.rest }))
            .expect("the template is compiled in, and every state of it is rendered in tests");
        Rendered {
            status: draft.status,
            html,
            policy,
            retry_after: draft.retry_after,
        }
    }

    fn draft(&self, page: &Page<'_>, look: &Look<'_>, reference: &str, now: Moment) -> Draft {
        let say = |key: &str| self.texts.html(key, &[("site", Fill::Words(look.site))]);
        let plain = |heading: &str, lead: &str, link: &str, to: &str, top: bool| {
            let link = context! { to, text => say(link), top };
            Draft::new(
                "plain.html",
                say(heading),
                context! { lead => say(lead), help => (), link },
            )
        };
        match page {
            Page::Ask(page) => page.draft(&self.texts, look),
            Page::Code(page) => page.draft(&self.texts, look, reference, now),
            Page::SignOut { action, token } => Draft::new(
                "sign_out.html",
                say("sign_out.heading"),
                context! { lead => say("sign_out.lead"), action => *action, token => *token },
            ),
            Page::SignedOut { again } => plain(
                "signed_out.heading",
                "signed_out.lead",
                "signed_out.link",
                again,
                false,
            ),
            Page::SignInAgain { again } => plain(
                "sign_in_again.heading",
                "sign_in_again.lead",
                "sign_in_again.link",
                again,
                false,
            ),
            Page::SubmitAgain { back } => plain(
                "submit_again.heading",
                "submit_again.lead",
                "submit_again.link",
                back,
                false,
            ),
            Page::Frame { link } => {
                let draft = plain("frame.heading", "frame.lead", "frame.link", link, true);
                Draft {
                    status: StatusCode::UNAUTHORIZED,
                    ..draft
                }
            }
            Page::Refused(refusal) => refusal.draft(&self.texts, look, now),
        }
    }
}

impl Default for Pages {
    fn default() -> Self {
        Self::new()
    }
}

/// What a page is made of before its template is filled.
struct Draft {
    template: &'static str,
    status: StatusCode,
    retry_after: Option<u64>,
    /// For `<title>`, in front of the site; mostly the heading.
    title: Value,
    heading: Value,
    /// The scope's title, where the page is about one.
    scope: Option<String>,
    /// `text`, `at` (an id) and `help`; with it the page begins with a summary that has the focus.
    error: Option<Value>,
    /// What else the template takes.
    rest: Value,
}

impl Draft {
    fn new(template: &'static str, heading: Value, rest: Value) -> Self {
        Self {
            template,
            status: StatusCode::OK,
            retry_after: None,
            title: heading.clone(),
            heading,
            scope: None,
            error: None,
            rest,
        }
    }
}

/// A time of day, which the script turns into the visitor's own.
fn time(unix: u64) -> Fill<'static> {
    let at = timestamp(unix);
    Fill::Html(format!(
        "<time datetime=\"{at}\">{}</time>",
        at.strftime("%H:%M UTC")
    ))
}

fn timestamp(unix: u64) -> Timestamp {
    i64::try_from(unix)
        .ok()
        .and_then(|second| Timestamp::from_second(second).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Minutes until `unix`, begun ones counted whole; at least one, since "0 minutes" helps nobody.
fn minutes_left(unix: u64, now: Moment) -> Fill<'static> {
    Fill::Count(unix.saturating_sub(now.unix).div_ceil(60).max(1))
}
