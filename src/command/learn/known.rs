//! Applications that this one looks like: by the marks of the presets.

use std::collections::BTreeMap;

use http::header;

use super::asked::target;
use super::visit::Door;
use crate::preset::{self, Mark, Preset};
use crate::scout::browser::{Browser, Met};
use crate::target::Target;

/// What this application looks like.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Presets of the same look: names and titles.
    pub(super) presets: Vec<(&'static str, &'static str)>,
    /// The pages that are private in them.
    pub(super) pages: Vec<Target>,
}

/// These fit everything, and say nothing.
const ANY: [&str; 3] = ["generic", "basic", "flask"];

/// Tries the marks of all presets, each path once. What does not answer has no mark.
pub(super) async fn like(browser: &Browser<'_>, door: &Door) -> Known {
    let mut asked: BTreeMap<&str, Option<Met>> = BTreeMap::new();
    let mut known = Known::default();
    for preset in preset::all()
        .iter()
        .filter(|preset| !ANY.contains(&preset.name))
    {
        for mark in &preset.marks {
            if !asked.contains_key(mark.path.as_str()) {
                let met = if mark.path == door.at.raw() {
                    Some(door.met.clone())
                } else {
                    ask(browser, mark).await
                };
                asked.insert(&mark.path, met);
            }
            let Some(Some(met)) = asked.get(mark.path.as_str()) else {
                continue;
            };
            if bears(met, mark) {
                known.presets.push((preset.name, preset.title.as_str()));
                known.pages.extend(probe(preset));
                break;
            }
        }
    }
    known
}

async fn ask(browser: &Browser<'_>, mark: &Mark) -> Option<Met> {
    browser.fresh().get(&target(&mark.path)?).await.ok()
}

fn bears(met: &Met, mark: &Mark) -> bool {
    let body = || met.answer.text();
    let by_body = mark
        .body
        .as_ref()
        .is_some_and(|text| body().contains(text.as_str()));
    let by_cookie = mark.cookie.as_ref().is_some_and(|name| {
        let sets = met.answer.fields.get_all(header::SET_COOKIE);
        let start = format!("{name}=");
        sets.iter()
            .any(|set| set.as_bytes().starts_with(start.as_bytes()))
    });
    let by_header = mark.header.as_ref().is_some_and(|header| {
        let Some((name, start)) = header.split_once(": ") else {
            return false;
        };
        let mut fields = met.answer.fields.get_all(name).iter();
        fields.any(|field| field.as_bytes().starts_with(start.as_bytes()))
    });
    by_body || by_cookie || by_header
}

/// The page by which the preset judges, if it has one.
fn probe(preset: &Preset) -> Option<Target> {
    let written: toml::Table = preset.text.parse().ok()?;
    let captures = written.get("site")?.get("captures")?.as_table()?;
    let mut probes = captures
        .values()
        .filter_map(|capture| capture.get("probe")?.as_str());
    target(probes.next()?)
}
