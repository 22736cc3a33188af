//! `query = { do = "admin" }` and `form = { … }`: whether a field has a value, widely or exactly.

use crate::form::Form;
use crate::target::{Target, decode_once, fold, read_latin_1, spell_out};

use super::glob::{Cover, Glob};
use super::pattern::{alternatives, mark};

/// A field's name and the value that it must have.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    name: String,
    loose_name: Vec<u8>,
    exact: Vec<Glob>,
    folded: Vec<Glob>,
    loose: Vec<Glob>,
    /// No digit is wanted, so that `DokuWiki`'s habit of dropping zeros can be followed.
    wordy: bool,
}

/// R2 for fields: decoded to a fixed point, at most 5 rounds. What goes on changing holds on closing routes.
const MOST_ROUNDS: usize = 5;

impl Condition {
    /// The value may be a glob as in a path; where its braces do not pair they are letters.
    pub(super) fn new(name: &str, value: &str) -> Self {
        let marked = mark(value);
        let values = alternatives(&marked).unwrap_or_else(|| vec![marked.clone()]);
        let globs = |of: &dyn Fn(&[u8]) -> Vec<u8>| {
            values
                .iter()
                .filter_map(|value| Glob::parse(&of(value.as_bytes())))
                .collect()
        };
        Self {
            name: name.to_owned(),
            loose_name: loose(name.as_bytes(), false),
            exact: globs(&<[u8]>::to_vec),
            folded: globs(&fold),
            loose: globs(&|value| loose(value, false)),
            wordy: !value.bytes().any(|b| b.is_ascii_digit()),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// On a closing route: whether any server could find the field with this value anywhere in the query.
    pub(super) fn may_hold_in_query(&self, target: &Target) -> bool {
        let asked = target.query().map(str::as_bytes);
        asked
            .into_iter()
            .chain(target.hidden_queries())
            .any(|query| {
                let (rounds, settled) = rounds(query);
                !settled
                    || rounds
                        .iter()
                        .any(|query| pairs(query).any(|(name, value)| self.may_be(name, value)))
            })
    }

    /// On an opening route: whether every server finds the field once and with this value.
    pub(super) fn holds_in_query(&self, target: &Target) -> bool {
        let Some(query) = target.query() else {
            return false;
        };
        let (rounds, settled) = rounds(query.as_bytes());
        let once = |query: &[u8]| {
            pairs(query)
                .filter(|(name, _)| self.may_be_named(name))
                .count()
                == 1
        };
        let mut named = query
            .split('&')
            .filter(|pair| pair.split('=').next() == Some(&self.name));
        let pair = named.next().filter(|pair| !pair.contains([';', '?']));
        let value = pair
            .and_then(|pair| pair.split_once('='))
            .map(|(_, value)| value.as_bytes());
        settled
            && target.hidden_queries().next().is_none()
            && rounds.iter().all(|query| once(query))
            && value.is_some_and(|value| self.is_exactly(value))
    }

    /// On a closing route: whether any server could find the field with this value in the body.
    pub(super) fn may_hold_in_form(&self, form: &Form) -> bool {
        match form {
            Form::Unread | Form::Unreadable => true,
            Form::Fields(fields) | Form::Members(fields) => fields
                .iter()
                .any(|(name, value)| self.may_be(name.as_bytes(), value.as_bytes())),
        }
    }

    /// On an opening route: whether every server finds the field once and with this value.
    pub(super) fn holds_in_form(&self, form: &Form) -> bool {
        let Form::Fields(fields) = form else {
            return false;
        };
        if fields
            .iter()
            .any(|(name, value)| name.contains(';') || value.contains(';'))
        {
            return false;
        }
        let mut named = fields
            .iter()
            .filter(|(name, _)| self.may_be_named(name.as_bytes()));
        match (named.next(), named.next()) {
            (Some((name, value)), None) => {
                let settled = decode_once(value.as_bytes()).is_none();
                *name == self.name
                    && settled
                    && self.exact.iter().any(|glob| glob.matches(value.as_bytes()))
            }
            _ => false,
        }
    }

    /// Whether the value, as written in a query, is this one however often it is decoded.
    fn is_exactly(&self, written: &[u8]) -> bool {
        let (mut values, settled) = rounds(written);
        if values.len() > 1 {
            // No server takes a value with escapes in it as it stands.
            values.remove(0);
        }
        let spaced: Vec<Vec<u8>> = values.iter().map(|value| plus_to_blank(value)).collect();
        let is_wanted = |value: &Vec<u8>| self.exact.iter().any(|glob| glob.matches(value));
        settled && values.iter().chain(&spaced).all(is_wanted)
    }

    fn may_be(&self, name: &[u8], value: &[u8]) -> bool {
        self.may_be_named(name)
            && (self.may_be_valued(value) || keys(name).any(|key| self.may_be_valued(key)))
    }

    /// PHP cuts a name at NUL, drops leading blanks, turns `.`, ` ` and `[` into `_`, and takes what stands in brackets for
    /// the key of an array.
    fn may_be_named(&self, name: &[u8]) -> bool {
        let is_plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        if name.iter().all(is_plain) && !self.loose_name.is_empty() {
            // Nearly every name: nothing to decode, so nothing to allocate for it.
            let loose = name
                .iter()
                .filter(|b| b.is_ascii_alphanumeric())
                .map(u8::to_ascii_lowercase);
            return loose.eq(self.loose_name.iter().copied())
                || name.eq_ignore_ascii_case(&self.loose_name);
        }
        let (names, settled) = rounds(name);
        !settled
            || names.iter().any(|name| {
                let whole = name.split(|&b| b == 0).next().unwrap_or_default();
                let array = whole
                    .iter()
                    .skip(1)
                    .position(|&b| b == b'[')
                    .map_or(whole, |at| &whole[..=at]);
                [&name[..], whole, array]
                    .into_iter()
                    .any(|name| loose(name, false) == self.loose_name)
            })
    }

    pub(super) fn may_be_valued(&self, value: &[u8]) -> bool {
        let (values, settled) = rounds(value);
        !settled
            || values
                .iter()
                .flat_map(|value| [Some(value.clone()), read_latin_1(value)])
                .flatten()
                .any(|value| {
                    let cut = value.split(|&b| b == 0).next().unwrap_or_default();
                    let shown = fold(&plus_to_blank(cut));
                    let shown = shown.trim_ascii();
                    self.folded
                        .iter()
                        .any(|glob| glob.covers(shown) == Cover::Whole)
                        || self.is_loosely(&loose(&value, false))
                        || (self.wordy && self.is_loosely(&loose(&value, true)))
                })
    }

    fn is_loosely(&self, value: &[u8]) -> bool {
        self.loose
            .iter()
            .any(|glob| !glob.is_nothing() && glob.matches(value))
    }
}

/// Letters and digits only, folded, marks of globs kept: what is left when an application cleans its input. `DokuWiki` takes
/// `do=a.d.m.i.n`, and even `adm0in`, for `admin`.
pub(super) fn loose(text: &[u8], without_zeros: bool) -> Vec<u8> {
    let folded = fold(text);
    let mut out = Vec::with_capacity(folded.len());
    for chunk in folded.utf8_chunks() {
        for character in chunk.valid().chars() {
            let is_mark = matches!(character, '\u{e000}' | '\u{e001}');
            if is_mark || character.is_alphanumeric() && !(without_zeros && character == '0') {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
    if out.is_empty() && !without_zeros {
        folded
    } else {
        out
    }
}

/// `text` and what it becomes round after round, and whether it comes to rest.
pub(super) fn rounds(text: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut all = vec![text.to_vec()];
    for _ in 0..=MOST_ROUNDS {
        let last = &all[all.len() - 1];
        let Some(next) = spell_out(last) else {
            return (all, true);
        };
        all.push(next);
    }
    (all, false)
}

/// Names and values, split as any server might: at `&`, and at `;` and `?` as well.
pub(super) fn pairs(query: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let finer = query.split(|b| matches!(b, b'&' | b';' | b'?'));
    let coarser = query
        .split(|&b| b == b'&')
        .filter(|pair| pair.iter().any(|b| matches!(b, b';' | b'?')));
    finer.chain(coarser).map(|pair| {
        let equals = pair.iter().position(|&b| b == b'=').unwrap_or(pair.len());
        (&pair[..equals], pair.get(equals + 1..).unwrap_or_default())
    })
}

/// What stands in brackets in a name: `do[admin]=` is an array with the key `admin`.
fn keys(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let opened = name.split(|&b| b == b'[').skip(1);
    opened
        .map(|key| key.split(|&b| b == b']').next().unwrap_or_default())
        .filter(|key| !key.is_empty())
}

fn plus_to_blank(text: &[u8]) -> Vec<u8> {
    text.iter()
        .map(|&b| if b == b'+' { b' ' } else { b })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        Target::parse(text.parse().unwrap()).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn r2_a_closing_condition_holds_in_every_spelling() {
        let admin = Condition::new("do", "admin");
        for query in [
            "do=admin",
            "x=1&do=admin",
            "do=show&do=admin",
            "do=admin&do=show",
            "x=1;do=admin",
            "DO=ADMIN",
            "%64o=%61dmin",
            "%2564o=admin",
            "do=%2561dmin",
            "do=%25252561dmin",
            "do=admin%20",
            "do=+admin",
            "do=%09admin",
            "%20do=admin",
            "+do=admin",
            "do[]=admin",
            "do%5B%5D=admin",
            "do[admin]=1",
            "do%5badmin%5d",
            "do=a.d.m.i.n",
            "do=ad-min",
            "do=adm0in",
            "d.o=admin",
            "do=adm%C4%B1n",
            "do=%EF%BD%81dmin",
            "do=admin%2500x",
            "x=%26do=admin",
            "x%3D1%26do%3Dadmin",
            "do%3Dadmin",
            "do=admin%26x",
            "do=admin%23x",
            "do=admin;x=1",
            "?do=admin",
            "x?do=admin",
            "do=%2575dmin&do=%25u0061dmin",
            "do=%C1%A1dmin",
            "do=%E1dmin",
            "do=admin.",
            "do=admin/x",
            "do=%25252525252525252541",
        ] {
            assert!(
                admin.may_hold_in_query(&target(&format!("/x?{query}"))),
                "{query}"
            );
        }
        for path in [
            "/x%3Fdo=admin",
            "/x%253Fdo=admin",
            "/x%3Fa=b?c=d%26do=admin",
            "/a%3Fdo%3Dadmin/b",
        ] {
            assert!(admin.may_hold_in_query(&target(path)), "{path}");
        }
        for query in [
            "",
            "do",
            "do=",
            "do=show",
            "redo=admin",
            "do=administrator",
            "x=do=admin",
            "action=admin",
            "do2=admin",
            "q=do%20admin",
        ] {
            assert!(
                !admin.may_hold_in_query(&target(&format!("/x?{query}"))),
                "{query}"
            );
        }
        assert!(!admin.may_hold_in_query(&target("/do=admin")));
    }

    #[test]
    fn a_closing_value_may_be_a_glob() {
        let server = Condition::new("route", "/server/*");
        for query in [
            "route=/server/databases",
            "route=%2Fserver%2Fdatabases",
            "route=/SERVER/x",
            "route=//server//x",
            "route=/server/./x",
        ] {
            assert!(
                server.may_hold_in_query(&target(&format!("/?{query}"))),
                "{query}"
            );
        }
        for query in ["route=/table/x", "route=/", "route=/x/server"] {
            assert!(
                !server.may_hold_in_query(&target(&format!("/?{query}"))),
                "{query}"
            );
        }
        let special = Condition::new("title", "Special:{UserRights,Block}*");
        for query in [
            "title=Special:UserRights/Ann",
            "title=special%3Auser_rights",
            "title=Special:BlockList",
        ] {
            assert!(
                special.may_hold_in_query(&target(&format!("/?{query}"))),
                "{query}"
            );
        }
        assert!(!special.may_hold_in_query(&target("/?title=Special:Search")));
    }

    #[test]
    fn an_opening_condition_holds_only_where_nobody_can_read_it_otherwise() {
        let page = Condition::new("do", "lost");
        for query in [
            "do=lost",
            "a=b&do=lost",
            "do=lost&a=b",
            "do=l%6Fst",
            "do=lost&a=%26",
        ] {
            assert!(
                page.holds_in_query(&target(&format!("/x?{query}"))),
                "{query}"
            );
        }
        for query in [
            "",
            "do",
            "do=",
            "do=LOST",
            "DO=lost",
            "%64o=lost",
            "do=lost&do=lost",
            "do=lost&do=admin",
            "do=lost&DO=admin",
            "do=lost&do[]=admin",
            "do=lost&%64o=admin",
            "do=lost&+do=admin",
            "do=lost;do=admin",
            "do=lost;x",
            "do=lost&x=%26do=admin",
            "do=lost&x=%2526do=admin",
            "do=lost%20",
            "do=lost+",
            "do=%256Cost",
            "do=lost&x?do=admin",
            "do=lost&d%25256F=admin",
            "do=lost&do%2500x=admin",
            "do=lost&do[admin]",
        ] {
            assert!(
                !page.holds_in_query(&target(&format!("/x?{query}"))),
                "{query}"
            );
        }
        assert!(!page.holds_in_query(&target("/x%3Fdo=admin?do=lost")));
        assert!(!page.holds_in_query(&target("/x")));
    }

    #[test]
    fn a_form_condition_closes_when_in_doubt_and_opens_only_without() {
        let admin = Condition::new("do", "admin");
        let form =
            |body: &str| Form::read(Some("application/x-www-form-urlencoded"), body.as_bytes());
        for (form, closes, opens) in [
            (Form::Unread, true, false),
            (Form::Unreadable, true, false),
            (form(""), false, false),
            (form("do=admin"), true, true),
            (form("a=1&do=admin"), true, true),
            (form("do=%61dmin"), true, true),
            (form("do=admin&do=x"), true, false),
            (form("do=x&do=admin"), true, false),
            (form("do=admin;x"), true, false),
            (form("a;do=admin"), true, false),
            (form("do=%2561dmin"), true, false),
            (form("DO=admin"), true, false),
            (form("do%00x=admin"), true, false),
            (form("+do=Admin"), true, false),
            (form("do[admin]=1"), true, false),
            (form("do=%C1%A1dmin"), true, false),
            (form("do=show"), false, false),
        ] {
            assert_eq!(admin.may_hold_in_form(&form), closes, "{form:?}");
            assert_eq!(admin.holds_in_form(&form), opens, "{form:?}");
        }
    }
}
