//! `countersign preset list|show`: the presets that are built in, and what each brings.

use std::io::{self, Write};

use clap::Subcommand;
use serde_json::json;

use super::{Exit, fail};
use crate::config;
use crate::preset::{self, Preset};

/// What is asked.
#[derive(Debug, Subcommand)]
pub enum Question {
    /// List the applications that are known
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Print what a preset brings, as it would stand in the configuration
    Show {
        /// The name, such as wordpress
        name: String,
    },
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
enum NotShown {
    #[error("there is no preset `{0}`: {1}")]
    Unknown(String, String),
    #[error("cannot write the answer")]
    Print(#[from] io::Error),
}

/// Prints the answer.
pub fn preset(question: &Question) -> Exit {
    match tell(question, &mut io::stdout().lock()) {
        Ok(()) => Exit::Ok,
        Err(error @ NotShown::Unknown(..)) => {
            fail(&error);
            Exit::NotFound
        }
        Err(error) => fail(&error),
    }
}

fn tell(question: &Question, to: &mut impl Write) -> Result<(), NotShown> {
    match question {
        Question::List { json: true } => list_json(to)?,
        Question::List { json: false } => list(to)?,
        Question::Show { name } => match preset::named(name) {
            Some(preset) => show(preset, to)?,
            None => return Err(unknown(name)),
        },
    }
    Ok(())
}

fn unknown(name: &str) -> NotShown {
    let names: Vec<&str> = preset::all().iter().map(|preset| preset.name).collect();
    let way_out = match config::nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", names.join(", ")),
    };
    NotShown::Unknown(name.escape_debug().to_string(), way_out)
}

/// What an operator wants to know first: the name to write, and whether it was seen to work.
fn list(to: &mut impl Write) -> io::Result<()> {
    for preset in preset::all() {
        let proven = match &preset.proven {
            Some(on) => format!("seen with {on}"),
            None => "not tried with the real one yet".to_owned(),
        };
        writeln!(to, "{:<11} {:<34} {proven}", preset.name, preset.title)?;
    }
    Ok(())
}

fn list_json(to: &mut impl Write) -> io::Result<()> {
    let told: Vec<_> = preset::all()
        .iter()
        .map(|preset| {
            json!({ "name": preset.name, "title": preset.title, "about": preset.about, "proven": preset.proven })
        })
        .collect();
    writeln!(to, "{}", serde_json::Value::Array(told))
}

/// As TOML: what is said of it in comments, then the tables.
fn show(preset: &Preset, to: &mut impl Write) -> io::Result<()> {
    writeln!(to, "# {}. {}", preset.title, preset.about)?;
    match &preset.proven {
        Some(on) => writeln!(to, "# Seen with {on}.")?,
        None => writeln!(to, "# Not tried with the real one yet.")?,
    }
    for door in &preset.doors {
        writeln!(to, "# Shut: {} {} ({})", door.method, door.path, door.what)?;
    }
    writeln!(
        to,
        "# In place of all this: preset = \"{}\" in [sites.NAME]. `login` stands for the site's first scope, `admin` for the\n\
         # scope of that name, or for the first where there is none.",
        preset.name
    )?;
    write!(to, "{}", preset.pasted("NAME"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(question: &Question) -> String {
        let mut to = Vec::new();
        tell(question, &mut to).unwrap();
        String::from_utf8(to).unwrap()
    }

    fn show(name: &str) -> Question {
        Question::Show {
            name: name.to_owned(),
        }
    }

    #[test]
    fn the_list_has_a_line_for_each_with_the_name_to_write_first() {
        let told = told(&Question::List { json: false });
        let names: Vec<_> = told
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        let all: Vec<_> = preset::all().iter().map(|preset| preset.name).collect();
        assert_eq!(names, all);
    }

    #[test]
    fn programs_get_an_array() {
        let told: serde_json::Value =
            serde_json::from_str(&told(&Question::List { json: true })).unwrap();
        let told = told.as_array().unwrap();
        assert_eq!(told.len(), preset::all().len());
        assert!(
            told.iter()
                .any(|preset| preset["name"] == "wordpress" && preset["title"] == "WordPress")
        );
    }

    #[test]
    fn what_is_shown_is_toml_and_says_what_to_know() {
        for preset in preset::all() {
            let told = told(&show(preset.name));
            assert!(told.contains(&preset.about), "{told}");
            let table: toml::Table = toml::from_str(&told).unwrap();
            assert!(table["sites"]["NAME"]["host"].is_str(), "{told}");
        }
    }

    #[test]
    fn an_unknown_name_is_told_the_near_one_or_all() {
        let refused = |name| tell(&show(name), &mut Vec::new()).unwrap_err().to_string();
        assert_eq!(
            refused("wordpres"),
            "there is no preset `wordpres`: did you mean `wordpress`?"
        );
        assert!(refused("xyzzy").ends_with("tomcat, ttrss, wordpress"));
        assert_eq!(preset(&show("xyzzy")), Exit::NotFound);
    }
}
