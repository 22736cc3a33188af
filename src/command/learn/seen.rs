//! What was seen of a login by form, put together.

use super::ask::Credentials;
use super::asked::{Asked, target};
use super::block::{Block, Capture, Who};
use super::compare::{self, Signs};
use super::failure::Failure;
use super::leave;
use super::open::Open;
use super::private::Private;
use super::visit::{self, Attempt, Door, Way};
use crate::scout::browser::Browser;
use crate::scout::form::Login;
use crate::site::Origin;
use crate::target::Target;

/// What was seen of a login by form.
pub(super) struct Seen<'s, 'c> {
    pub(super) door: &'s Door,
    pub(super) form: &'s Login,
    pub(super) action: &'s Target,
    pub(super) good: &'s Attempt<'c>,
    pub(super) private: &'s Private,
    pub(super) session: &'s [Vec<u8>],
}

impl Seen<'_, '_> {
    /// The address of the login page with as little of a query as still shows the form; but with enough that the private
    /// page is not at the same address.
    pub(super) async fn page(&self, browser: &Browser<'_>) -> Result<Target, Failure> {
        let at = &self.door.at;
        let apart = |page: &Target| page.path() != self.private.at.path() || page.query().is_some();
        let mut tried: Vec<Target> = Vec::new();
        let pairs: Vec<(String, String)> =
            form_urlencoded::parse(at.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        if !pairs.is_empty() {
            tried.extend(target(at.path()));
            if pairs.len() > 1 {
                for pair in &pairs {
                    let query = form_urlencoded::Serializer::new(String::new())
                        .extend_pairs([pair])
                        .finish();
                    tried.extend(target(&format!("{}?{query}", at.path())));
                }
            }
        } else if !apart(at) && self.action.query().is_some() {
            // In place, as single-script applications do: the form's own address may show it, too.
            tried.push(self.action.clone());
        }
        for page in tried.into_iter().filter(apart) {
            let Ok(door) = visit::door(&mut browser.fresh(), &page).await else {
                continue;
            };
            let same = |login: &Login| {
                login.password == self.form.password && login.username == self.form.username
            };
            if door.at.raw() == page.raw()
                && matches!(&door.way, Way::Form(login, _) if same(login))
            {
                return Ok(page);
            }
        }
        Ok(at.clone())
    }

    /// The block, with the first of the hosts and the judges.
    pub(super) fn block(
        &self,
        asked: &Asked,
        page: Target,
        signs: &Signs,
        open: Open,
        presets: Vec<(&'static str, &'static str)>,
        who: &Credentials,
    ) -> Block {
        let own = self.good.browser.origin();
        let names = self.session.iter().map(Vec::as_slice);
        let others: Vec<&[u8]> = self
            .good
            .browser
            .jar
            .kept()
            .iter()
            .map(|kept| kept.name.as_slice())
            .collect();
        let others: Vec<&[u8]> = others
            .into_iter()
            .filter(|name| !self.session.iter().any(|own| own == name))
            .collect();
        let charset = self.door.met.answer.charset();
        Block {
            charset: (charset != encoding_rs::UTF_8).then(|| charset.name()),
            auth_cookies: compare::patterns(names, &others, own),
            logout: leave::found(self.good, self.private, &[&page, &self.private.at]),
            probe: self.private.judges.then(|| self.private.at.clone()),
            success_cookie: signs.cookies.clone(),
            success_location: signs.location.clone(),
            capture: Capture::Form {
                page,
                action: self.action.path().to_owned(),
                who: match &self.form.username {
                    Some(field) => Who::Field(field.clone()),
                    None => Who::Fixed(who.username.clone()),
                },
                password: self.form.password.clone(),
            },
            open,
            presets,
            ..asked.block()
        }
    }

    /// Whether the application writes the address that it was asked by into its pages.
    pub(super) fn names_itself(&self, own: &Origin) -> bool {
        let pages = [Some(&self.door.met), self.good.landed.as_ref()];
        pages.into_iter().flatten().any(|met| {
            let text = met.answer.text();
            // In scripts the slashes are escaped.
            text.contains(&format!("{}/", own.text()))
                || text.contains(&own.text().replace('/', "\\/"))
        })
    }
}
