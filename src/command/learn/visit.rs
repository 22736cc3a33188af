//! Going to the login page and signing in: with a wrong password, and with the right one.

use http::header;
use zeroize::Zeroize;

use super::ask::Credentials;
use super::failure::Failure;
use crate::capture::judge::Leads;
use crate::scout::browser::{Browser, Ended, Met};
use crate::scout::client::Silence;
use crate::scout::form::{Found, Login, login};
use crate::scout::jar::Kept;
use crate::scout::page::Page;
use crate::target::Target;

/// A login page that was found.
#[derive(Clone, Debug)]
pub(super) struct Door {
    /// The page, where the redirects to it ended.
    pub(super) at: Target,
    /// The page's answer.
    pub(super) met: Met,
    /// What is on it.
    pub(super) page: Page,
    /// How people sign in there.
    pub(super) way: Way,
}

/// How people sign in.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// By this form, which is sent to that target.
    Form(Box<Login>, Target),
    /// By the browser's own window: HTTP Basic.
    Basic,
}

/// One try to sign in, and what came of it.
pub(super) struct Attempt<'c> {
    /// The browser, with the cookies it has then.
    pub(super) browser: Browser<'c>,
    /// The cookies it had before.
    pub(super) before: Vec<Kept>,
    /// The answer to the login itself.
    pub(super) posted: Met,
    /// Where that led; `None` if it led to no page.
    pub(super) landed: Option<Met>,
}

/// Goes to the login page and finds out how people sign in there. The browser keeps the cookies of the way.
pub(super) async fn door(browser: &mut Browser<'_>, at: &Target) -> Result<Door, Failure> {
    let met = page(browser, at).await?;
    if met.wants_basic() {
        let page = Page::default();
        let at = met.at.clone();
        let way = Way::Basic;
        return Ok(Door { at, met, page, way });
    }
    let status = met.answer.status;
    if let Some(challenge) = met.answer.field(header::WWW_AUTHENTICATE) {
        let scheme = challenge.split(' ').next().unwrap_or_default();
        return Err(Failure::Challenge(scheme.to_owned()));
    }
    if status.as_u16() == 429 {
        return Err(Failure::Locked(status));
    }
    // Some show their login form with 401 or 403.
    let refused = status.is_client_error() && !met.answer.asks_for_password();
    if refused || status.is_server_error() {
        return Err(Failure::NoPage(status, met.at.raw().to_owned()));
    }
    if !met.answer.is_page() {
        return Err(match met.answer.body {
            None => Failure::Unreadable,
            Some(_) => Failure::NoForm(": it is no page at all".to_owned()),
        });
    }
    let page = Page::read(&met.answer.text());
    let found = match login(&page.forms) {
        Found::One(found) => found,
        Found::Script => return Err(Failure::Script(hint(&page))),
        Found::None if page.loose_password => return Err(Failure::Script(hint(&page))),
        Found::None => return Err(no_form(browser, &met, &page)),
        Found::Many(actions) => {
            let shown = |action: &String| format!("`{action}`");
            let actions: Vec<String> = actions.iter().map(shown).collect();
            return Err(Failure::Many(actions.join(" and ")));
        }
    };
    let action = match page.leads(&met.at, browser.origin(), &found.form.action) {
        Leads::Here(action) => action,
        Leads::Elsewhere { url, .. } => return Err(Failure::Away(url)),
        Leads::Nowhere => return Err(Failure::Script(hint(&page))),
    };
    let (at, way) = (met.at.clone(), Way::Form(found, action));
    Ok(Door { at, met, page, way })
}

/// Goes to a page and where it leads, and sees that it is the application's.
async fn page(browser: &mut Browser<'_>, at: &Target) -> Result<Met, Failure> {
    let met = match browser.walk(at).await? {
        Ended::At(met) => met,
        Ended::Endless(hops) => return Err(Failure::Endless(hops)),
        Ended::Away(url) if url.contains("/.countersign/") => return Err(Failure::Ourselves),
        Ended::Away(url) => return Err(Failure::Away(url)),
        Ended::Nowhere => return Err(Failure::Nowhere),
    };
    let ours = |kept: &Kept| {
        kept.name.starts_with(b"__Host-countersign-") || kept.name.starts_with(b"countersign-")
    };
    if met.at.path().starts_with("/.countersign") || browser.jar.kept().iter().any(ours) {
        return Err(Failure::Ourselves);
    }
    Ok(met)
}

/// Signs in with this password, as a browser that has just come.
pub(super) async fn attempt<'c>(
    from: &Browser<'c>,
    at: &Target,
    who: &Credentials,
    password: &str,
) -> Result<Attempt<'c>, Failure> {
    let mut browser = from.fresh();
    let door = match door(&mut browser, at).await {
        Err(Failure::NoForm(_) | Failure::NoPage(..)) => return Err(Failure::Gone),
        door => door?,
    };
    let before = browser.jar.kept().to_vec();
    let posted = submit(&mut browser, &door, &who.username, password).await?;
    let landed = match browser.follow(posted.clone()).await? {
        Ended::At(met) => Some(met),
        Ended::Away(url) => return Err(Failure::Away(url)),
        Ended::Endless(_) | Ended::Nowhere => None,
    };
    Ok(Attempt {
        browser,
        before,
        posted,
        landed,
    })
}

/// Fills the form of a login page in and sends it; follows nothing.
pub(super) async fn submit(
    browser: &mut Browser<'_>,
    door: &Door,
    username: &str,
    password: &str,
) -> Result<Met, Silence> {
    let Way::Form(login, action) = &door.way else {
        return Ok(door.met.clone());
    };
    let mut typed = vec![(login.password.as_str(), password)];
    if let Some(field) = &login.username {
        typed.push((field.as_str(), username));
    }
    let mut sent = login.form.filled(&typed);
    let charset = door.met.answer.charset();
    let posted = browser.submit(&door.at, action, &login.form, &sent, charset);
    let posted = posted.await;
    // It holds the password.
    for (_, value) in &mut sent {
        value.zeroize();
    }
    posted
}

impl Attempt<'_> {
    /// The cookies that this login brought, that were not there before.
    pub(super) fn fresh(&self) -> impl Iterator<Item = &Kept> {
        let known = |kept: &Kept| self.before.iter().any(|old| old.name == kept.name);
        let kept = self.browser.jar.kept();
        kept.iter().filter(move |kept| !known(kept))
    }
}

/// What the operator of an application whose login is a script can do.
fn hint(page: &Page) -> String {
    let title = match page.title.as_str() {
        "" => String::new(),
        title => format!(" (\"{title}\")"),
    };
    format!(
        "open the page{title} in a browser with its developer tools, sign in, and see to which address the password is posted, \
         as JSON or as a form; then write a capture with answer = \"relay\", or ask for the code at the gate \
         (docs/how-capture-works.md, \"Logins by script\")"
    )
}

/// Says what is on a page without a login form.
fn no_form(browser: &Browser<'_>, met: &Met, page: &Page) -> Failure {
    let refresh = page.refresh.iter().map(String::as_str);
    let links = page
        .links
        .iter()
        .filter(|link| signs_in(&link.href, &link.text));
    let mut to = refresh.chain(links.map(|link| link.href.as_str()));
    let found = to.find_map(|href| match page.leads(&met.at, browser.origin(), href) {
        Leads::Here(target) => Some(target.raw().to_owned()),
        _ => None,
    });
    if let Some(found) = found {
        return Failure::NoForm(format!(", but it leads to {found}: give that address"));
    }
    if page.scripts > 0 && page.forms.is_empty() && page.links.len() < 5 {
        return Failure::Script(hint(page));
    }
    let asks = page.forms.iter().any(|form| {
        let mut fields = form.fields.iter();
        fields.any(|field| field.autocomplete.contains("username") || field.name.contains("user"))
    });
    Failure::NoForm(if asks {
        ", only one that asks who it is: where the password is asked for on a second page, ask for the code at the gate".to_owned()
    } else {
        ": give the address of the page with the password field".to_owned()
    })
}

fn signs_in(href: &str, text: &str) -> bool {
    const WORDS: [&str; 14] = [
        "login",
        "log-in",
        "log in",
        "log_in",
        "signin",
        "sign-in",
        "sign in",
        "anmelden",
        "einloggen",
        "connexion",
        "iniciar sesi",
        "accedi",
        "ログイン",
        "登录",
    ];
    let (href, text) = (href.to_lowercase(), text.to_lowercase());
    WORDS
        .iter()
        .any(|word| href.contains(word) || text.contains(word))
}
