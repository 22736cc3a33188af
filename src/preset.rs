//! What is known of applications: for each a data file under `presets/`, built in.
//!
//! Its `[site]` has the shape of `[sites.NAME]` and is read by the configuration; the rest is read here.

use std::sync::LazyLock;

use serde::Deserialize;

/// What is known of one application.
#[derive(Debug)]
pub struct Preset {
    /// As in `preset = "wordpress"`.
    pub name: &'static str,
    /// The whole data file, TOML.
    pub text: &'static str,
    /// What people call it.
    pub title: String,
    /// What is guarded, what stays public, and what the operator should know.
    pub about: String,
    /// The real application that it was seen to work with; `None` where it comes from documentation alone.
    pub proven: Option<String>,
    /// How to recognise the application: any of these will do.
    pub marks: Vec<Mark>,
    /// Other ways to sign in, which must be shut.
    pub doors: Vec<Door>,
}

/// That a GET of `path` is answered in a way that only this application has. One of the three is there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Path and query, below the application's base.
    pub path: String,
    /// A text in the body.
    pub body: Option<String>,
    /// The name of a cookie that is set.
    pub cookie: Option<String>,
    /// `Name: beginning of the value`.
    pub header: Option<String>,
}

/// A way to sign in beside the login form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Door {
    /// Path and query, below the application's base.
    pub path: String,
    /// The method, such as `POST`.
    pub method: String,
    /// What is behind it, in words for the operator.
    pub what: String,
}

impl Preset {
    /// `[site]` and what is below it, under the name that a site of the operator's has: to be pasted and changed.
    #[must_use]
    pub fn pasted(&self, site: &str) -> String {
        let start = self.text.find("[site]").unwrap_or(self.text.len());
        let mut pasted = String::new();
        for line in self.text[start..].lines() {
            let table = ["[[site.", "[site.", "[site]"]
                .into_iter()
                .find(|table| line.starts_with(table));
            let line = match table {
                Some(_) => line.replacen("[site", &format!("[sites.{site}"), 1),
                None => line.to_owned(),
            };
            pasted.push_str(&line);
            pasted.push('\n');
        }
        pasted
    }
}

/// All of them, by name.
#[must_use]
pub fn all() -> &'static [Preset] {
    static ALL: LazyLock<Vec<Preset>> = LazyLock::new(|| {
        // A test sees that each can be read.
        FILES
            .iter()
            .filter_map(|(name, text)| read(name, text).ok())
            .collect()
    });
    &ALL
}

/// The preset of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Preset> {
    all().iter().find(|preset| preset.name == name)
}

macro_rules! files {
    ($($name:literal)*) => {
        /// Names and data files, by name.
        const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../presets/", $name, ".toml")))),*];
    };
}

files! {
    "adminer" "basic" "cockpit" "django" "dokuwiki" "flask" "generic" "jupyter" "mediawiki" "nodered" "phpmyadmin"
    "tomcat" "ttrss" "wordpress"
}

fn read(name: &'static str, text: &'static str) -> Result<Preset, toml::de::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        title: String,
        about: String,
        proven: Option<String>,
        mark: Vec<Mark>,
        #[serde(default)]
        doors: Vec<Door>,
        /// Read by the configuration.
        #[serde(rename = "site")]
        _site: toml::Table,
    }
    let written: Written = toml::from_str(text)?;
    Ok(Preset {
        name,
        text,
        title: written.title,
        about: written.about,
        proven: written.proven,
        marks: written.mark,
        doors: written.doors,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_file_is_a_preset() {
        for (name, text) in FILES {
            read(name, text).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        assert_eq!(all().len(), FILES.len());
        assert!(all().windows(2).all(|pair| pair[0].name < pair[1].name));
        let mut on_disk: Vec<_> =
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/presets"))
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
                .collect();
        on_disk.sort();
        let built_in: Vec<_> = all().iter().map(|preset| preset.name).collect();
        assert_eq!(built_in, on_disk, "each file of the folder is built in");
    }

    #[test]
    fn marks_and_doors_can_be_tried() {
        for preset in all() {
            let name = preset.name;
            assert!(!preset.marks.is_empty(), "{name} cannot be recognised");
            for mark in &preset.marks {
                let ways = [&mark.body, &mark.cookie, &mark.header];
                assert_eq!(ways.iter().filter(|way| way.is_some()).count(), 1, "{name}");
                let header = mark.header.as_ref();
                assert!(header.is_none_or(|header| header.contains(": ")), "{name}");
                assert!(mark.path.starts_with('/'), "{name}");
            }
            for door in &preset.doors {
                assert!(door.path.starts_with('/'), "{name}: {}", door.path);
                assert!(["GET", "POST"].contains(&&*door.method), "{name}");
                assert!(!door.what.is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn a_preset_is_found_by_its_own_name_alone() {
        assert_eq!(named("wordpress").unwrap().title, "WordPress");
        assert!(named("WordPress").is_none() && named("").is_none());
    }

    #[test]
    fn what_is_pasted_bears_the_name_of_the_site() {
        let pasted = named("wordpress").unwrap().pasted("blog");
        assert!(pasted.starts_with("[sites.blog]\n"), "{pasted}");
        assert!(pasted.contains("\n[[sites.blog.routes]]\n"));
        assert!(pasted.contains("\n[sites.blog.captures.form]\n"));
        assert!(!pasted.contains("[site.") && !pasted.contains("[site]"));
    }
}
