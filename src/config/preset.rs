//! What a site's `preset` brings, put beneath the site's own tables before they are read.
//!
//! The site's own keys win; its own routes come first, but for a last `/**` on no condition, which stays the last; a capture
//! of the same name is completed key by key. Everything keeps its place, so that a problem shows the preset's line, and the line that names the preset.

use std::path::PathBuf;

use super::diagnostic::Source;
use super::reader::nearest;
use super::rule::Rule;
use super::tree::{self, Entry, Kind, Table, Value};
use super::value::{Leaf, Wrong};
use crate::preset;
use crate::scope::RESERVED;

/// `preset = "wordpress"`
#[derive(Clone, Copy, Debug)]
pub(super) struct Preset(pub(super) &'static preset::Preset);

impl Leaf for Preset {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("the name of a preset such as \"wordpress\"")?;
        if let Some(preset) = preset::named(text) {
            return Ok(Self(preset));
        }
        let names = || preset::all().iter().map(|preset| preset.name);
        let wrong = Wrong::new(
            Rule::NoSuchThing,
            format!("there is no preset `{}`", text.escape_debug()),
            "not known",
        );
        Err(match nearest(text, names()) {
            Some(near) => wrong.help(format!("did you mean \"{near}\"?")),
            None => wrong.help(format!(
                "those that exist: {}; for another application begin with \"generic\"",
                names().collect::<Vec<_>>().join(", ")
            )),
        })
    }
}

/// `base = "/blog"`: where the application begins, without a slash at the end.
#[derive(Clone, Debug)]
pub(super) struct Base(pub(super) String);

impl Leaf for Base {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a path such as \"/blog\"")?;
        let bad = |label: &str| {
            Wrong::new(
                Rule::BadPath,
                format!("`{}` is no path to begin with", text.escape_debug()),
                label,
            )
        };
        let inner = text.trim_matches('/');
        if inner.is_empty() {
            return Err(bad("applications begin at / where nothing is said").help("leave it out"));
        }
        if text != format!("/{inner}") {
            return Err(
                bad("one slash before it, none behind it").help(format!("write \"/{inner}\""))
            );
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
        let dots = inner
            .split('/')
            .any(|segment| matches!(segment, "" | "." | ".."));
        if dots || !inner.chars().all(plain) {
            return Err(
                bad("letters, digits, `-`, `.`, `_`, `~` and single slashes")
                    .help("write the path as the address bar shows it"),
            );
        }
        Ok(Self(text.to_owned()))
    }
}

/// Puts beneath each site what its preset brings. What cannot be read brings nothing: it is told where it is read.
pub(super) fn complete(root: &mut Table) {
    let sites = root.entries.iter_mut().find(|entry| entry.key == "sites");
    let Some(Kind::Table(sites)) = sites.map(|entry| &mut entry.value.kind) else {
        return;
    };
    for entry in &mut sites.entries {
        if let Kind::Table(site) = &mut entry.value.kind
            && let Some(brought) = brought(site)
        {
            beneath(site, brought);
        }
    }
}

/// The `[site]` of the preset that the site names, in the site's own words.
fn brought(site: &Table) -> Option<Table> {
    let named = site.get("preset")?;
    let preset = preset::named(text_of(&named.value)?)?;
    let source = Source::built_in(
        PathBuf::from(format!("preset {}", preset.name)),
        preset.text.to_owned(),
        named.value.place.clone(),
    );
    // A test reads each of them.
    let file = tree::parse(&source).ok()?;
    let brought = file.entries.into_iter().find(|entry| entry.key == "site")?;
    let Kind::Table(mut brought) = brought.value.kind else {
        return None;
    };
    if let Some(base) = site.get("base")
        && let Ok(Base(base)) = Base::read(&base.value)
    {
        below(&base, &mut brought);
    }
    name_scopes(&own_scopes(site), &mut brought);
    Some(brought)
}

/// Adds to the site what it does not say itself.
fn beneath(site: &mut Table, brought: Table) {
    for entry in brought.entries {
        let Some(own) = site.entries.iter_mut().find(|own| own.key == entry.key) else {
            site.entries.push(entry);
            continue;
        };
        match (&mut own.value.kind, entry.value.kind) {
            (Kind::List(own), Kind::List(further)) if entry.key == "routes" => {
                // In front of the preset's it would leave nothing to them: `public` on it would open the application.
                let rest = own.last().is_some_and(is_for_all).then(|| own.pop());
                own.extend(further);
                own.extend(rest.flatten());
            }
            // Captures by name, and each of them key by key.
            (Kind::Table(own), Kind::Table(further)) if entry.key == "captures" => {
                for capture in further.entries {
                    complete_capture(own, capture);
                }
            }
            _ => {}
        }
    }
}

/// A route for whatever no other names: `/**`, on no condition.
fn is_for_all(route: &Value) -> bool {
    let Kind::Table(table) = &route.kind else {
        return false;
    };
    let path = table.get("path").map(|entry| &entry.value);
    let path = match path.map(|path| &path.kind) {
        Some(Kind::List(paths)) if paths.len() == 1 => paths.first(),
        _ => path,
    };
    path.and_then(text_of) == Some("/**")
        && table
            .entries
            .iter()
            .all(|entry| matches!(entry.key.as_str(), "path" | "require"))
}

fn complete_capture(captures: &mut Table, brought: Entry) {
    let known = captures
        .entries
        .iter_mut()
        .find(|own| own.key == brought.key);
    let Some(own) = known else {
        captures.entries.push(brought);
        return;
    };
    if let (Kind::Table(own), Kind::Table(brought)) = (&mut own.value.kind, brought.value.kind) {
        let further: Vec<Entry> = brought
            .entries
            .into_iter()
            .filter(|entry| own.get(&entry.key).is_none())
            .collect();
        own.entries.extend(further);
    }
}

/// Moves every path of the preset below `base`.
fn below(base: &str, brought: &mut Table) {
    for entry in &mut brought.entries {
        match (entry.key.as_str(), &mut entry.value.kind) {
            ("routes", Kind::List(routes)) => {
                for route in routes {
                    prefix(base, &mut route.kind, &["path"]);
                }
            }
            ("captures", Kind::Table(captures)) => {
                for capture in &mut captures.entries {
                    let pages = ["page", "probe", "success_location"];
                    prefix(base, &mut capture.value.kind, &pages);
                }
            }
            ("sign_out", kind) => prefix(base, kind, &["path"]),
            ("logout", kind) => prefixed(base, kind),
            _ => {}
        }
    }
}

/// Prefixes the values of `keys` in a table.
fn prefix(base: &str, kind: &mut Kind, keys: &[&str]) {
    let Kind::Table(table) = kind else { return };
    for entry in &mut table.entries {
        if keys.contains(&entry.key.as_str()) {
            prefixed(base, &mut entry.value.kind);
        }
    }
}

/// Prefixes a path, or each path of a list.
fn prefixed(base: &str, kind: &mut Kind) {
    match kind {
        Kind::Text(path) => path.insert_str(0, base),
        Kind::List(paths) => {
            for path in paths {
                prefixed(base, &mut path.kind);
            }
        }
        _ => {}
    }
}

/// The site's scopes as far as they can be read.
fn own_scopes(site: &Table) -> Vec<String> {
    match site.get("scopes").map(|entry| &entry.value.kind) {
        Some(Kind::List(scopes)) => scopes
            .iter()
            .filter_map(text_of)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

/// Gives the preset's words for scopes the names that the site has: `login` is its first scope, any other the one of
/// that name, else the first. Words for classes stay: nothing opens by this.
fn name_scopes(own: &[String], brought: &mut Table) {
    let Some(first) = own.first() else { return };
    let rename = |kind: &mut Kind, key: &str| {
        let Kind::Table(table) = kind else { return };
        let entry = table.entries.iter_mut().find(|entry| entry.key == key);
        if let Some(Kind::Text(scope)) = entry.map(|entry| &mut entry.value.kind)
            // Classes are written with `-`, where names have `_`.
            && !RESERVED.contains(&scope.replace('-', "_").as_str())
            && (scope == "login" || !own.contains(scope))
        {
            scope.clone_from(first);
        }
    };
    for entry in &mut brought.entries {
        match (entry.key.as_str(), &mut entry.value.kind) {
            ("routes", Kind::List(routes)) => {
                for route in routes {
                    rename(&mut route.kind, "require");
                }
            }
            ("captures", Kind::Table(captures)) => {
                for capture in &mut captures.entries {
                    rename(&mut capture.value.kind, "scope");
                }
            }
            _ => {}
        }
    }
}

fn text_of(value: &Value) -> Option<&str> {
    match &value.kind {
        Kind::Text(text) => Some(text),
        _ => None,
    }
}
