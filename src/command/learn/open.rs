//! What answers to anybody: the files that the login page is drawn with, which are opened, and pages, which are only told.

use std::collections::{BTreeMap, BTreeSet};

use http::header;

use super::private::opens;
use super::visit::{Attempt, Door};
use super::words::{hex_run, is_token, rank};
use crate::capture::cookie;
use crate::capture::judge::Leads;
use crate::scout::browser::Met;
use crate::scout::page::Page;
use crate::target::Target;

/// What strangers may have.
#[derive(Clone, Debug, Default)]
pub(super) struct Open {
    /// Routes that the login page needs.
    pub(super) files: Vec<Files>,
    /// Folders of theirs in which a program could hide: `/x.php/y.css` runs a program.
    pub(super) folders: Vec<String>,
    /// Pages that anybody gets now; told, and never opened.
    pub(super) pages: Vec<String>,
}

/// One route.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// Its path: a literal or a pattern.
    pub(super) path: String,
    /// The one condition that tells a file from a page at the same path.
    pub(super) query: Option<(String, String)>,
    /// One that is behind it, to be tried.
    pub(super) sample: Target,
}

/// What files end in that do nothing.
const ENDS: [&str; 17] = [
    "css", "js", "mjs", "map", "png", "gif", "svg", "jpg", "jpeg", "ico", "webp", "avif", "woff",
    "woff2", "ttf", "otf", "eot",
];

/// How many files and how many pages are asked for.
const MOST: usize = 60;
const MOST_PAGES: usize = 8;

/// Finds them. Every path in `taken` is a page's own; `session` are the cookies of who is signed in.
pub(super) async fn find(
    door: &Door,
    right: &Attempt<'_>,
    field: &str,
    session: &[Vec<u8>],
    taken: &[&Target],
    now: u64,
) -> Open {
    let mut searched = Search {
        right,
        field,
        session,
        now,
        folders: BTreeMap::new(),
        single: Vec::new(),
        asked: BTreeSet::new(),
    };
    let mut styles = Vec::new();
    for written in &door.page.assets {
        let Leads::Here(target) = door.page.leads(&door.at, right.browser.origin(), written) else {
            continue;
        };
        if let Some(met) = searched.look(&target, taken).await
            && end_of(target.path()) == Some("css")
        {
            styles.push(met);
        }
    }
    // What styles load: one of each kind in each folder stands for the others.
    for style in styles {
        let text = style.answer.text().into_owned();
        for written in loaded(&text) {
            let leads = Page::default().leads(&style.at, right.browser.origin(), &written);
            if let Leads::Here(target) = leads
                && !searched.knows(&target)
            {
                searched.look(&target, taken).await;
            }
        }
    }
    let pages = pages(door, right, field, taken).await;
    let runs_programs = door.at.path().contains(".php")
        || taken.iter().any(|target| target.path().contains(".php"))
        || searched
            .single
            .iter()
            .any(|file| file.path.contains(".php"));
    let files = searched.files();
    let folders = files.iter().filter(|_| runs_programs);
    let folders = folders.filter_map(|files| files.path.split_once("**."));
    Open {
        folders: folders
            .map(|(folder, _)| format!("{folder}**.php"))
            .collect(),
        files,
        pages,
    }
}

struct Search<'a, 'c> {
    right: &'a Attempt<'c>,
    field: &'a str,
    session: &'a [Vec<u8>],
    now: u64,
    folders: BTreeMap<String, (BTreeSet<&'static str>, Target)>,
    single: Vec<Files>,
    asked: BTreeSet<String>,
}

impl Search<'_, '_> {
    /// Asks for a file as a stranger and as who is signed in, and keeps it if both get the same. Gives the stranger's.
    async fn look(&mut self, target: &Target, taken: &[&Target]) -> Option<Met> {
        if self.asked.len() >= MOST || !self.asked.insert(target.raw().to_owned()) {
            return None;
        }
        if target.path().contains(['*', '{', '}', ';']) {
            return None;
        }
        let met = self.right.browser.fresh().get(target).await.ok()?;
        let own = self.right.browser.clone().get(target).await.ok()?;
        let mut sets = met.answer.fields.get_all(header::SET_COOKIE).iter();
        let sets_session = sets.any(|field| {
            let set = cookie::set(field, self.now);
            set.is_some_and(|set| self.session.iter().any(|name| name == set.name))
        });
        let is_page = met.answer.fields.contains_key(header::CONTENT_TYPE) && met.answer.is_page();
        let same = own.answer.status == met.answer.status && own.answer.body == met.answer.body;
        if !opens(&met, self.field) || is_page || sets_session || !same {
            return None;
        }
        self.keep(target, taken);
        Some(met)
    }

    fn keep(&mut self, target: &Target, taken: &[&Target]) {
        let path = target.path();
        let folder = folder_of(path);
        if let Some(end) = end_of(path).filter(|_| folder.len() > 1) {
            let entry = self.folders.entry(folder.to_owned());
            let (ends, _) = entry.or_insert_with(|| (BTreeSet::new(), target.clone()));
            ends.insert(end);
            return;
        }
        let mut query = None;
        if let Some(page) = taken.iter().find(|page| page.path() == path) {
            // A page stands there: only what tells them apart may open it.
            let theirs = pairs(page);
            query = pairs(target).into_iter().find(|(name, value)| {
                let other = theirs
                    .iter()
                    .any(|(other, is)| other == name && is != value);
                other && !is_token(name, value) && !value.contains(['*', '{', '}'])
            });
            if query.is_none() {
                return;
            }
        }
        let files = Files {
            path: path.to_owned(),
            query,
            sample: target.clone(),
        };
        let same = |known: &Files| known.path == files.path && known.query == files.query;
        if !self.single.iter().any(same) {
            self.single.push(files);
        }
    }

    fn knows(&self, target: &Target) -> bool {
        let end = end_of(target.path());
        let known = self.folders.get(folder_of(target.path()));
        known.is_some_and(|(ends, _)| end.is_some_and(|end| ends.contains(end)))
    }

    fn files(self) -> Vec<Files> {
        let covered = |folder: &str, ends: &BTreeSet<&str>| {
            self.folders.iter().any(|(other, (wider, _))| {
                other.len() < folder.len()
                    && folder.starts_with(other.as_str())
                    && ends.is_subset(wider)
            })
        };
        let folders = self
            .folders
            .iter()
            .filter(|(folder, (ends, _))| !covered(folder, ends));
        let folders = folders.map(|(folder, (ends, sample))| {
            let ends: Vec<&str> = ends.iter().copied().collect();
            let ends = match ends[..] {
                [one] => one.to_owned(),
                _ => format!("{{{}}}", ends.join(",")),
            };
            Files {
                path: format!("{folder}**.{ends}"),
                query: None,
                sample: sample.clone(),
            }
        });
        folders.chain(self.single.iter().cloned()).collect()
    }
}

/// Pages that strangers get, of those that are linked; none is opened by itself.
async fn pages(door: &Door, right: &Attempt<'_>, field: &str, taken: &[&Target]) -> Vec<String> {
    let mut found = BTreeSet::new();
    let landed = right
        .landed
        .as_ref()
        .map(|met| (met.at.clone(), Page::read(&met.answer.text())));
    let pages = std::iter::once((door.at.clone(), door.page.clone())).chain(landed);
    let mut asked = BTreeSet::new();
    for (at, page) in pages {
        for link in page
            .links
            .iter()
            .filter(|link| rank(&link.href, &link.text).is_some())
        {
            let Leads::Here(target) = page.leads(&at, right.browser.origin(), &link.href) else {
                continue;
            };
            let is_own = taken.iter().any(|page| page.raw() == target.raw());
            if is_own || asked.len() >= MOST_PAGES || !asked.insert(target.path().to_owned()) {
                continue;
            }
            if let Ok(met) = right.browser.fresh().get(&target).await
                && opens(&met, field)
            {
                found.insert(target.path().to_owned());
            }
        }
    }
    found.into_iter().collect()
}

fn pairs(target: &Target) -> Vec<(String, String)> {
    form_urlencoded::parse(target.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect()
}

fn end_of(path: &str) -> Option<&'static str> {
    let (_, end) = path.rsplit('/').next()?.rsplit_once('.')?;
    let end = end.to_ascii_lowercase();
    ENDS.into_iter().find(|known| *known == end)
}

/// The folder of a file, with its slash; without what is named anew with every version.
fn folder_of(path: &str) -> &str {
    let mut folder = path.rfind('/').map_or("/", |at| &path[..=at]);
    if let Some(at) = hex_run(folder) {
        folder = folder[..at].rfind('/').map_or("/", |at| &folder[..=at]);
    }
    folder
}

/// What a style sheet loads: `url(…)` and `@import "…"`.
fn loaded(css: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (mark, end) in [("url(", ')'), ("@import \"", '"'), ("@import '", '\'')] {
        for (at, _) in css.match_indices(mark) {
            let rest = &css[at + mark.len()..];
            let written = rest.split(end).next().unwrap_or_default();
            let written = written.trim().trim_matches(['"', '\'']);
            let known = |known: &String| known == written;
            if !written.is_empty()
                && !written.starts_with(['#'])
                && !written.starts_with("data:")
                && !found.iter().any(known)
            {
                found.push(written.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_cut_where_a_version_begins() {
        assert_eq!(folder_of("/static/css/a.css"), "/static/css/");
        assert_eq!(folder_of("/static/5f4dcc3b5aa7/css/a.css"), "/static/");
        assert_eq!(folder_of("/5f4dcc3b5aa7/a.css"), "/");
        assert_eq!(folder_of("/a.css"), "/");
    }

    #[test]
    fn only_files_that_do_nothing_have_an_end() {
        assert_eq!(end_of("/a/b.CSS"), Some("css"));
        assert_eq!(end_of("/css.php"), None);
        assert_eq!(end_of("/x.php/y"), None);
        assert_eq!(end_of("/a.html"), None);
    }

    #[test]
    fn what_a_style_loads() {
        let css = "@import 'base.css'; a{background:url( \"../img/x.png\" )} b{src:url(data:x) , url(f.woff2)} c{fill:url(#g)}";
        assert_eq!(loaded(css), ["../img/x.png", "f.woff2", "base.css"]);
    }
}
