//! What tells a right login from a wrong one, and which cookies make the session.

use std::collections::BTreeMap;

use http::header;

use super::failure::Failure;
use super::visit::Attempt;
use super::words::hex_run;
use crate::capture::cookie::{self, Names};
use crate::capture::judge::Leads;
use crate::scout::browser::Met;
use crate::scout::jar::Kept;
use crate::site::Origin;

/// What tells a right login from a wrong one without another request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs {
    /// Cookies that only the right one set, as patterns.
    pub(super) cookies: Vec<String>,
    /// The path that only the right one led to.
    pub(super) location: Option<String>,
}

/// Sees whether the right password was taken, as far as the answers tell: `password_field` is that of the login form.
pub(super) fn taken(
    right: &Attempt<'_>,
    wrong: &Attempt<'_>,
    password_field: &str,
) -> Result<(), Failure> {
    let status = right.posted.answer.status;
    match status.as_u16() {
        429 => return Err(Failure::Locked(status)),
        400..=499 => {
            return Err(Failure::Refused(format!(
                "it answers {status}, {}",
                if wrong.posted.answer.status == status {
                    "as to a wrong one"
                } else {
                    "though not to a wrong one"
                }
            )));
        }
        500..=599 => return Err(Failure::Broken(status)),
        _ => {}
    }
    let again = |attempt: &Attempt<'_>| {
        let landed = attempt.landed.as_ref();
        landed.is_some_and(|met| asks_again(met, password_field))
    };
    // WordPress without its test cookie shows the form again, and signs in.
    let fresh = right.fresh().any(|kept| {
        let both = wrong.fresh().any(|other| other.name == kept.name);
        kept.http_only && !both
    });
    if again(right) && !fresh {
        return Err(if again(wrong) {
            Failure::Refused("its login form comes again, as to a wrong one".to_owned())
        } else {
            Failure::Alike
        });
    }
    Ok(())
}

/// Whether a page asks for the login again: it has that very password field.
pub(super) fn asks_again(met: &Met, password_field: &str) -> bool {
    let has = |body: &Vec<u8>| crate::capture::look::has_field(body, password_field);
    met.answer.asks_for_password() && met.answer.body.as_ref().is_some_and(has)
}

/// The signs by which the two answers to the login differ.
pub(super) fn signs(right: &Attempt<'_>, wrong: &Attempt<'_>, own: &Origin, now: u64) -> Signs {
    let set = |met: &Met| -> Vec<Vec<u8>> {
        let fields = met.answer.fields.get_all(header::SET_COOKIE).iter();
        let sets = fields.filter_map(|field| cookie::set(field, now));
        let kept = sets.filter(|set| !set.deletes);
        kept.map(|set| set.name.to_vec()).collect()
    };
    let by_wrong: Vec<Vec<u8>> = set(&wrong.posted)
        .into_iter()
        .chain(
            wrong
                .browser
                .jar
                .kept()
                .iter()
                .map(|kept| kept.name.clone()),
        )
        .collect();
    let mut only: Vec<Vec<u8>> = set(&right.posted);
    only.retain(|name| {
        let known = right.before.iter().any(|kept| kept.name == *name);
        !known && !by_wrong.contains(name)
    });
    let path = |attempt: &Attempt<'_>| match attempt.browser.lead(&attempt.posted) {
        Some(Leads::Here(target)) => Some(target.path().to_owned()),
        _ => None,
    };
    let location =
        path(right).filter(|to| path(wrong).as_ref() != Some(to) && hex_run(to).is_none());
    let others: Vec<&[u8]> = by_wrong.iter().map(Vec::as_slice).collect();
    Signs {
        cookies: patterns(only.iter().map(Vec::as_slice), &others, own),
        location,
    }
}

/// The names as they are written into the configuration: what is random in them, or made of the application's address, as
/// a star. None of them means one of the `others`, which strangers have, too.
pub(super) fn patterns<'a>(
    names: impl Iterator<Item = &'a [u8]>,
    others: &[&[u8]],
    own: &Origin,
) -> Vec<String> {
    let mut patterns = BTreeMap::new();
    for (place, name) in names.enumerate() {
        let Ok(name) = std::str::from_utf8(name) else {
            continue;
        };
        // Not a name that can be written; nor one with a star, which would be read as more.
        if name.contains('*') || Names::parse([name]).is_err() {
            continue;
        }
        let pattern = pattern(name, own).filter(|pattern| {
            let names = Names::parse([pattern.as_str()]);
            names.is_ok_and(|names| !others.iter().any(|other| names.has(other)))
        });
        let written = pattern.unwrap_or_else(|| name.to_owned());
        patterns.entry(written).or_insert(place);
    }
    let mut ordered: Vec<(usize, String)> =
        patterns.into_iter().map(|(name, at)| (at, name)).collect();
    ordered.sort();
    ordered.into_iter().map(|(_, name)| name).collect()
}

/// A name without its changing part: random digits, or the host and port by which the application was asked.
fn pattern(name: &str, own: &Origin) -> Option<String> {
    let dashed: String = own
        .host()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let port = own.port().to_string();
    let at = [hex_run(name), name.find(&dashed), name.find(&port)]
        .into_iter()
        .flatten()
        .min()?;
    // A star alone would mean every cookie.
    let start = &name[..at];
    start
        .bytes()
        .any(|b| b.is_ascii_alphabetic())
        .then(|| format!("{start}*"))
}

/// A cookie that a login brought, and that is kept from scripts and long enough to be drawn by chance.
pub(super) fn is_session_like(kept: &Kept) -> bool {
    kept.http_only && kept.value.len() >= 16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(names: &[&str], others: &[&str]) -> Vec<String> {
        let own = Origin::parse("http://127.0.0.1:8888").unwrap();
        let others: Vec<&[u8]> = others.iter().map(|name| name.as_bytes()).collect();
        patterns(names.iter().map(|name| name.as_bytes()), &others, &own)
    }

    #[test]
    fn what_changes_in_a_name_becomes_a_star() {
        let md5 = "5f4dcc3b5aa765d61d8327deb882cf99";
        assert_eq!(written(&[&format!("DW{md5}")], &["DokuWiki"]), ["DW*"]);
        assert_eq!(
            written(&["username-127-0-0-1-8888"], &["_xsrf"]),
            ["username-*"]
        );
        assert_eq!(written(&["sessionid", "sessionid"], &[]), ["sessionid"]);
        assert_eq!(written(&["pmaAuth-1"], &[]), ["pmaAuth-1"]);
        assert_eq!(written(&["S8888"], &[]), ["S*"]);
    }

    #[test]
    fn no_pattern_means_a_cookie_that_strangers_have() {
        let name = "wordpress_5f4dcc3b5aa765d6";
        assert_eq!(written(&[name], &["wordpress_test_cookie"]), [name]);
        assert_eq!(
            written(
                &["wordpress_logged_in_5f4dcc3b5aa765d6"],
                &["wordpress_test_cookie"]
            ),
            ["wordpress_logged_in_*"]
        );
    }

    #[test]
    fn what_cannot_be_written_is_left_out() {
        assert!(
            written(&["a b", "", "x*y", "8888"], &["y"])
                .iter()
                .all(|name| name == "8888")
        );
        assert_eq!(written(&["5f4dcc3b5aa7"], &[]), ["5f4dcc3b5aa7"]);
    }
}
