//! An application with HTTP Basic: no form, no page of its own.

use super::ask::Credentials;
use super::asked::{Asked, target};
use super::block::{Block, Host};
use super::compare::is_session_like;
use super::failure::Failure;
use super::known;
use super::proof::with_basic;
use super::visit::Door;
use super::{Learned, compare, say};
use crate::scout::browser::Browser;
use crate::target::Target;

/// Asks with a wrong password and with the right one, and finds a page that tells them apart.
pub(super) async fn explore(
    browser: &Browser<'_>,
    door: &Door,
    asked: &Asked,
    who: &Credentials,
    wrong: &str,
) -> Result<Learned, Failure> {
    let at = asked.probe.as_ref().unwrap_or(&door.at);
    say("asking once with a wrong password, which counts as a failed login, and once with yours");
    let bad = with_basic(browser.fresh(), &who.username, wrong)
        .get(at)
        .await?;
    let mut own = with_basic(browser.fresh(), &who.username, who.password());
    let good = own.get(at).await?;
    let status = good.answer.status;
    say(&format!(
        "{}: the wrong one got {}, yours {status}",
        at.raw(),
        bad.answer.status
    ));
    match status.as_u16() {
        401 => {
            return Err(Failure::Refused(
                "it answers 401, as to a wrong one".to_owned(),
            ));
        }
        429 => return Err(Failure::Locked(status)),
        500..=599 => return Err(Failure::Broken(status)),
        _ if !bad.wants_basic() => {
            return Err(Failure::Probe(at.raw().to_owned(), "anybody gets it"));
        }
        _ => {}
    }
    let Some(probe) = judge(browser, at, who, wrong).await? else {
        return Err(Failure::Forbidden(status, at.raw().to_owned()));
    };
    let known = known::like(browser, door).await;
    let session = own.jar.kept().iter().filter(|kept| is_session_like(kept));
    let session: Vec<&[u8]> = session.map(|kept| kept.name.as_slice()).collect();
    let block = Block {
        auth_cookies: compare::patterns(session.into_iter(), &[], browser.origin()),
        presets: known.presets,
        personal: probe.path().contains(&who.username),
        probe: Some(probe.clone()),
        ..asked.block()
    };
    Ok(Learned {
        block,
        hosts: vec![Host::Upstream, Host::Preserved],
        private: probe,
        shared: false,
        refusal: bad.answer.status.as_u16(),
    })
}

/// The page itself, or one near it, that answers 2xx to the right password and 401 to a wrong one.
async fn judge(
    browser: &Browser<'_>,
    at: &Target,
    who: &Credentials,
    wrong: &str,
) -> Result<Option<Target>, Failure> {
    let root = target("/");
    let person = target(&format!("/{}/", who.username));
    for page in [Some(at.clone()), root, person].into_iter().flatten() {
        let right = with_basic(browser.fresh(), &who.username, who.password());
        let met = right.clone().get(&page).await?;
        if !met.answer.status.is_success() {
            continue;
        }
        let stranger = browser.fresh().get(&page).await?;
        // One try with a wrong password was made there already.
        let refused = page.raw() == at.raw()
            || with_basic(browser.fresh(), &who.username, wrong)
                .get(&page)
                .await?
                .wants_basic();
        if stranger.wants_basic() && refused {
            return Ok(Some(page));
        }
    }
    Ok(None)
}
