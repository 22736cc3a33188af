//! Where people sign out of the application: found in its pages, never asked for.

use super::private::Private;
use super::visit::Attempt;
use super::words::{is_token, signs_out};
use crate::capture::judge::Leads;
use crate::scout::page::Page;
use crate::target::Target;

/// The addresses, as in `logout = […]`. None of them is one of these pages.
pub(super) fn found(right: &Attempt<'_>, private: &Private, pages: &[&Target]) -> Vec<String> {
    let landed = right.landed.as_ref();
    let landed = landed.map(|met| (met.at.clone(), Page::read(&met.answer.text())));
    let all = std::iter::once((private.at.clone(), private.page.clone())).chain(landed);
    let mut found = Vec::new();
    for (at, page) in all {
        for written in ways(&page) {
            let Leads::Here(target) = page.leads(&at, right.browser.origin(), &written) else {
                continue;
            };
            if let Some(address) =
                address(&target, pages).filter(|address| !found.contains(address))
            {
                found.push(address);
            }
        }
    }
    found.truncate(MOST);
    found
}

/// An application has one way out, or one in each of two menus.
const MOST: usize = 3;

/// Links and forms that sign out, as written.
pub(super) fn ways(page: &Page) -> Vec<String> {
    let links = page
        .links
        .iter()
        .filter(|link| signs_out(&link.href, &link.text));
    let forms = page.forms.iter().filter(|form| {
        let mut fields = form.fields.iter();
        signs_out(&form.action, "")
            || fields.any(|field| !field.text.is_empty() && signs_out("", &field.text))
    });
    let links = links.map(|link| link.href.clone());
    links.chain(forms.map(|form| form.action.clone())).collect()
}

/// The address without what is another every time.
fn address(target: &Target, pages: &[&Target]) -> Option<String> {
    let path = target.path();
    if path.contains(['*', '{', '}', ';']) {
        return None;
    }
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(target.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let says: Vec<_> = pairs
        .iter()
        .filter(|(name, value)| signs_out(name, value))
        .collect();
    let kept = if !says.is_empty() {
        says
    } else if signs_out(path, "") {
        Vec::new()
    } else {
        pairs
            .iter()
            .filter(|(name, value)| !is_token(name, value))
            .collect()
    };
    let plain = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_./:".contains(&b))
    };
    if kept.is_empty() {
        // The text alone said so: a path that shows a page must not sign anybody out.
        let own = pages.iter().any(|page| page.path() == path);
        return (!own && path != "/").then(|| path.to_owned());
    }
    let query: Option<Vec<String>> = kept
        .into_iter()
        .map(|(name, value)| (plain(name) && plain(value)).then(|| format!("{name}={value}")))
        .collect();
    Some(format!("{path}?{}", query?.join("&")))
}

#[cfg(test)]
mod tests {
    use http::uri::PathAndQuery;

    use super::*;

    fn told(text: &'static str) -> Option<String> {
        let target = |text| Target::parse(PathAndQuery::from_static(text)).unwrap();
        let page = target("/doku.php?do=login");
        address(&target(text), &[&page])
    }

    #[test]
    fn an_address_keeps_what_says_that_it_signs_out() {
        for (written, kept) in [
            ("/logout", Some("/logout")),
            ("/logout?_token=abc", Some("/logout")),
            (
                "/doku.php?id=start&do=logout&sectok=1f",
                Some("/doku.php?do=logout"),
            ),
            (
                "/wp-login.php?action=logout&_wpnonce=5f4dcc3b",
                Some("/wp-login.php?action=logout"),
            ),
            ("/index.php?route=/logout", Some("/index.php?route=/logout")),
            ("/x?a=1", Some("/x?a=1")),
            // What shows the login page, too.
            ("/doku.php", None),
            ("/doku.php?sectok=5f4dcc3b5aa7", None),
            ("/", None),
            ("/a*", None),
        ] {
            assert_eq!(told(written).as_deref(), kept, "{written}");
        }
    }

    #[test]
    fn links_and_buttons_are_found_in_pages() {
        let page = Page::read(
            "<a href=/out>Log out</a><a href=/about>About</a><form method=post action=/bye><button>Abmelden</button></form>\
             <form method=post action=/session/logout/></form>",
        );
        assert_eq!(ways(&page), ["/out", "/bye", "/session/logout/"]);
    }
}
