//! The same page under another spelling: guarded pages are asked for in ways that the routes do not know them by.
//!
//! Whatever the gate wants as much for as for the page itself is not asked about. Every spelling is held against the same spelling
//! of a page that nobody has: an application that answers both alike does not say anything.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Visit;
use super::ask::Question;
use super::finding::Finding;
use super::need::need;
use crate::config::rule::Severity;
use crate::config::sample;
use crate::route::{Class, Route};

/// A name that no application has, as long as names of pages are.
const NOBODY: &str = "zq7doctor";

/// The most pages of a site that are asked for under other spellings.
const MOST_PAGES: usize = 24;

/// Asks for the site's guarded pages.
pub(super) async fn look(visit: &mut Visit<'_>) {
    let pages = pages(visit);
    let (mut spelled, mut asked, mut untold) = (0, 0, 0);
    for page in &pages {
        let nobody = page.nobody();
        let (Some(answer), Some(nothing)) = (
            visit.ask(&Question::get(page.whole())).await,
            visit.ask(&Question::get(nobody.whole())).await,
        ) else {
            continue;
        };
        if answer.is_nothing() || answer.status.as_u16() >= 400 || answer.is_like(&nothing) {
            untold += 1;
            continue;
        }
        for (spelling, control) in page.spellings().into_iter().zip(nobody.spellings()) {
            spelled += 1;
            let site = &visit.settings.site;
            let (own, other) = (need(site, &page.whole()), need(site, &spelling));
            if !other.is_less_than(&own) {
                continue;
            }
            let words = (other.words(), own.words());
            asked += 1;
            let (Some(same), Some(none)) = (
                visit.ask(&Question::get(&*spelling)).await,
                visit.ask(&Question::get(&*control)).await,
            ) else {
                continue;
            };
            if same.is_like(&answer) && !same.is_like(&none) {
                visit.found(Finding {
                    severity: Severity::Error,
                    site: Some(visit.site_name()),
                    seen: format!(
                        "GET {spelling}: {}, as GET {}",
                        same.status.as_u16(),
                        page.whole()
                    ),
                    why: format!(
                        "the same page, which needs {} there and {} here",
                        words.0, words.1
                    ),
                    write: format!(
                        "write above the route that lets it pass: {}",
                        as_route(&spelling, &page.class)
                    ),
                });
            }
        }
    }
    let untold = match untold {
        0 => String::new(),
        some => {
            format!("; {some} more cannot be told from pages that are not there without signing in")
        }
    };
    visit.tried(format!(
        "{} in {spelled} spellings, {asked} of which need less{untold}",
        super::counted(pages.len(), "guarded page")
    ));
}

/// `path = "/", query = { q = "admin" }, require = "admin"`
fn as_route(spelling: &str, class: &str) -> String {
    let (path, query) = spelling.split_once('?').unwrap_or((spelling, ""));
    let fields: Vec<String> = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| format!("{name:?} = {value:?}"))
        .collect();
    let query = if fields.is_empty() {
        String::new()
    } else {
        format!("query = {{ {} }}, ", fields.join(", "))
    };
    format!("path = {path:?}, {query}require = {class:?}")
}

/// A page that only some may see.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Guarded {
    path: String,
    /// Name and value, where the route wants one.
    query: Option<(String, String)>,
    /// What its route is written to require.
    class: String,
}

/// The pages that closing routes name, and those that captures are judged by.
fn pages(visit: &Visit<'_>) -> Vec<Guarded> {
    let site = &visit.settings.site;
    let mut found: Vec<Guarded> = Vec::new();
    let mut add = |page: Guarded| {
        if found.len() < MOST_PAGES && !found.contains(&page) {
            found.push(page);
        }
    };
    for route in site.routes.routes() {
        let class = match &route.class {
            Class::Deny => "deny",
            Class::Scope(scope) => scope.as_str(),
            _ => continue,
        };
        named(route, class).into_iter().for_each(&mut add);
    }
    let first = site.first_scope().name.as_str();
    for probe in site
        .captures
        .iter()
        .filter_map(|capture| capture.probe.as_ref())
    {
        let (path, query) = probe.split_once('?').unwrap_or((probe, ""));
        let query = query.split('&').find_map(|pair| pair.split_once('='));
        add(Guarded {
            path: path.to_owned(),
            query: query.map(|(name, value)| (name.to_owned(), value.to_owned())),
            class: first.to_owned(),
        });
    }
    found
}

fn named(route: &Route, class: &str) -> Vec<Guarded> {
    // What a body says, and what a socket is, no GET shows.
    if !route.form.is_empty() || route.websocket == Some(true) {
        return Vec::new();
    }
    let query = route.query.first();
    let query = query.map(|(name, value)| (name.clone(), sample::some_of(value)));
    let pages = route.paths.iter().map(|pattern| {
        let text = pattern.as_str();
        // Of a glob the folder that it begins in.
        let star = text.find('*').unwrap_or(text.len());
        let folder = text[..star].rfind('/').map_or(0, |slash| slash + 1);
        let text = if star == text.len() {
            text
        } else {
            &text[..folder]
        };
        Guarded {
            path: sample::some_of(text),
            query: query.clone(),
            class: class.to_owned(),
        }
    });
    pages
        .filter(|page| page.path != "/" || page.query.is_some())
        .collect()
}

impl Guarded {
    fn whole(&self) -> String {
        let query = self.query.as_ref();
        let query = query.map(|(name, value)| format!("?{name}={value}"));
        format!("{}{}", self.path, query.unwrap_or_default())
    }

    /// Its neighbour that nobody has.
    fn nobody(&self) -> Self {
        let mut other = self.clone();
        if let Some((_, value)) = &mut other.query {
            NOBODY.clone_into(value);
            return other;
        }
        let (folder, last) = self.split();
        let slash = if last.ends_with('/') { "/" } else { "" };
        other.path = format!("{folder}{NOBODY}{slash}");
        other
    }

    /// Folder and name: `/a/` and `b/` of `/a/b/`.
    fn split(&self) -> (&str, &str) {
        let bare = self.path.strip_suffix('/').unwrap_or(&self.path);
        let cut = bare.rfind('/').map_or(0, |slash| slash + 1);
        self.path.split_at(cut)
    }

    /// In other spellings; the same number of them, in the same order, for every page of its kind.
    fn spellings(&self) -> Vec<String> {
        let query = self.query.as_ref();
        let behind = query.map(|(name, value)| format!("?{name}={value}"));
        let behind = behind.unwrap_or_default();
        let mut all: Vec<String> = self
            .paths()
            .into_iter()
            .map(|path| format!("{path}{behind}"))
            .collect();
        if let Some((name, value)) = query {
            all.extend(
                queries(name, value)
                    .into_iter()
                    .map(|query| format!("{}?{query}", self.path)),
            );
        } else {
            all.extend(self.front_controllers());
        }
        all
    }

    fn paths(&self) -> Vec<String> {
        let path = &self.path;
        if path == "/" {
            let same = [
                "//",
                "/./",
                "/%2f",
                "/x/..",
                "/;x",
                "/index.php",
                "/index.html",
            ];
            return same.map(str::to_owned).to_vec();
        }
        let bare = path.strip_suffix('/').unwrap_or(path);
        let (folder, last) = self.split();
        let mut letters = last.chars();
        let first = letters.next().unwrap_or('/');
        let rest = letters.as_str();
        let code = u32::from(first);
        let mut all = vec![
            format!("{folder}{}", last.to_uppercase()),
            format!("{folder}{}{rest}", first.to_uppercase()),
            path.to_uppercase(),
            // Encoded, twice, overlong (RFC 3629 section 10), in IIS's own way, and in full width.
            format!("{folder}%{code:02x}{rest}"),
            format!("{folder}%25{code:02x}{rest}"),
            format!(
                "{folder}%{:02x}%{:02x}{rest}",
                0xc0 | (code >> 6),
                0x80 | (code & 0x3f)
            ),
            format!("{folder}%u{code:04x}{rest}"),
            format!("{folder}{}{rest}", wide(first)),
            // Slashes that are none, or are too many.
            format!("/{path}"),
            format!("{folder}/{last}"),
            format!("{folder}./{last}"),
            format!("{folder}x/../{last}"),
            format!("{folder}%2e/{last}"),
            format!("{folder}x/..%2f{last}"),
            format!("/%2f{}", path.trim_start_matches('/')),
            format!("/\\{}", path.trim_start_matches('/')),
            format!("/%5c{}", path.trim_start_matches('/')),
            format!("/x/..\\{}", path.trim_start_matches('/')),
            // What Java's servers cut off.
            format!("{folder}x/..;/{last}"),
            format!("/;/{}", path.trim_start_matches('/')),
            format!("{folder};x/{last}"),
        ];
        // What many servers cut off at the end, or add there.
        for end in [
            "/",
            ".",
            "..",
            "%20",
            "%09",
            "%2f",
            "/.",
            "/x/..",
            ";",
            ";x",
            ";.css",
            "/.css",
            "/x.css",
            "/index.php",
            "/index.html",
            "%3f",
            "%23",
            "::$DATA",
            "~",
            ".php",
            ".html",
            ".json",
            ".xml",
            ".do",
            ".aspx",
        ] {
            all.push(format!("{bare}{end}"));
        }
        all
    }

    /// As applications know it that send everything through one program.
    fn front_controllers(&self) -> Vec<String> {
        let path = &self.path;
        let inner = path.trim_matches('/');
        let coded = utf8_percent_encode(path, NON_ALPHANUMERIC);
        let inner_coded = utf8_percent_encode(inner, NON_ALPHANUMERIC);
        let mut all = Vec::new();
        for program in ["/index.php", "/app.php", "/index.cgi", "/cgi-bin/index.cgi"] {
            all.push(format!("{program}{path}"));
            all.push(format!("{program}?{path}"));
        }
        for name in [
            "q",
            "r",
            "p",
            "page",
            "path",
            "url",
            "route",
            "action",
            "do",
            "rest_route",
        ] {
            for program in ["/", "/index.php"] {
                all.push(format!("{program}?{name}={inner_coded}"));
                all.push(format!("{program}?{name}={coded}"));
            }
        }
        all.push(format!("/?{path}"));
        all.push(format!("/?{inner}"));
        all.push(format!("/#!{path}"));
        all.push(format!("/~{path}"));
        all
    }
}

/// The letter in full width (U+FF01 to U+FF5E), which some servers take for the plain one.
fn wide(letter: char) -> String {
    let wide = char::from_u32(u32::from(letter) + 0xfee0).unwrap_or(letter);
    utf8_percent_encode(&wide.to_string(), NON_ALPHANUMERIC).to_string()
}

/// A field of a query as other servers read it, and beside others.
fn queries(name: &str, value: &str) -> Vec<String> {
    let (upper, shout) = (name.to_uppercase(), value.to_uppercase());
    let first = name.chars().next().map_or(0, u32::from);
    let rest = name.chars().skip(1).collect::<String>();
    let mut all = vec![
        format!("{upper}={value}"),
        format!("{name}={shout}"),
        format!("{name}[]={value}"),
        format!("{name}%5b%5d={value}"),
        format!("{name}[0]={value}"),
        format!("%{first:02x}{rest}={value}"),
        format!("+{name}={value}"),
        format!("%20{name}={value}"),
        format!("{name}%20={value}"),
        format!("{name}%00x={value}"),
        format!("{name}={value}%20"),
        format!("{name}=%20{value}"),
        format!("{name}={value}/"),
        format!("{name}={NOBODY}&{name}={value}"),
        format!("{name}={value}&{name}={NOBODY}"),
        format!("x=1;{name}={value}"),
        format!("x=1%26{name}={value}"),
        format!("x=1&amp;{name}={value}"),
        format!("?{name}={value}"),
        format!("&{name}={value}"),
    ];
    // PHP takes these for an underscore.
    for stands in [".", "%20", "+", "["] {
        all.push(format!("{}={value}", name.replacen('_', stands, 1)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str, query: Option<(&str, &str)>) -> Guarded {
        Guarded {
            path: path.to_owned(),
            query: query.map(|(name, value)| (name.to_owned(), value.to_owned())),
            class: "admin".to_owned(),
        }
    }

    #[test]
    fn every_spelling_has_its_control() {
        for page in [
            page("/admin", None),
            page("/admin/", None),
            page("/wp-admin/users.php", None),
            page("/doku.php", Some(("do", "admin"))),
            page("/", Some(("rest_route", "/wp"))),
        ] {
            let (own, control) = (page.spellings(), page.nobody().spellings());
            assert_eq!(own.len(), control.len());
            assert!(own.len() > 25, "{page:?}");
            assert!(
                own.iter().all(|spelling| spelling.starts_with('/')),
                "{own:#?}"
            );
            assert!(page.nobody().whole().contains(NOBODY));
        }
    }

    #[test]
    fn the_spellings_that_servers_are_known_for_are_there() {
        let own = page("/a/admin", None).spellings();
        for spelling in [
            "/a/Admin",
            "/a/ADMIN",
            "/a/%61dmin",
            "/a/%2561dmin",
            "/a/%c1%a1dmin",
            "/a/%EF%BD%81dmin",
            "//a/admin",
            "/a/./admin",
            "/a/x/../admin",
            "/\\a/admin",
            "/a/admin/",
            "/a/admin.",
            "/a/admin%20",
            "/a/admin;x",
            "/a/admin/x.css",
            "/index.php/a/admin",
            "/?q=a%2Fadmin",
            "/index.php?route=%2Fa%2Fadmin",
        ] {
            assert!(
                own.iter().any(|known| known == spelling),
                "{spelling}: {own:#?}"
            );
        }
        let own = page("/doku.php", Some(("do", "admin"))).spellings();
        for spelling in [
            "/doku.php?do[]=admin",
            "/doku.php?DO=admin",
            "/doku.php?%64o=admin",
            "/doku.php?do=zq7doctor&do=admin",
            "/DOKU.PHP?do=admin",
        ] {
            assert!(
                own.iter().any(|known| known == spelling),
                "{spelling}: {own:#?}"
            );
        }
    }

    #[test]
    fn what_to_write_is_a_route() {
        assert_eq!(
            as_route("/?q=admin", "admin"),
            "path = \"/\", query = { \"q\" = \"admin\" }, require = \"admin\""
        );
        assert_eq!(
            as_route("/x/admin", "deny"),
            "path = \"/x/admin\", require = \"deny\""
        );
    }
}
