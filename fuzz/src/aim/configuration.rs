//! Configurations: whatever the file says, there is a configuration or a reason why there is none.

use std::path::PathBuf;
use std::{fs, process, thread};

use countersign::config::load;
use countersign::config::rule::Severity;
use toml::de::DeTable;

/// What files are bent with.
pub const WORDS: &[&str] = &[
    "\n",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    "\"",
    "'",
    "#",
    ",",
    ".",
    "\"\"\"",
    "[sites.app]\n",
    "[carriers.main.console]\n",
    "[directory.staff.file]\n",
    "[session]\n",
    "[delivery]\n",
    "[store.redis]\n",
    "[api]\n",
    "url = \"http://localhost\"\n",
    "upstream = \"http://127.0.0.1:1\"\n",
    "path = \"/admin\"\n",
    "require = \"admin\"\n",
    "scopes",
    "routes",
    "capture",
    "preset = \"wordpress\"\n",
    "true",
    "1979-05-27",
    "\"5m\"",
    "0x10",
    "-1",
    "1e400",
    "99999999999999999999",
    "\u{feff}",
    "\u{e9}",
    "**",
    "{a,b}",
    "/..",
    "include = [\"*\"]\n",
];

/// Files that are read to their end are there, if hardly one that is a whole configuration.
pub const DEPTH: &[(&str, u64)] = &[(MEANT, 100)];

const TAKEN: &str = "a configuration";
const MEANT: &str = "TOML, and no configuration";

/// The bytes as the one file of a configuration, in a folder of its own.
pub fn configuration(bytes: &[u8]) -> &'static str {
    let folder = own_folder();
    let path = folder.join("countersign.toml");
    fs::create_dir_all(&folder).expect("a folder for temporary files");
    fs::write(&path, bytes).expect("room for temporary files");
    fs::write(folder.join("users.toml"), USERS).expect("room for temporary files");
    let loaded = load(&path);
    let errors = loaded.count(Severity::Error);
    assert_eq!(loaded.config.is_none(), errors > 0, "{errors} errors");
    for problem in &loaded.problems {
        assert!(!problem.render(false).is_empty());
        assert!(problem.to_json().is_object());
    }
    let _ = fs::remove_dir_all(folder);
    let text = str::from_utf8(bytes).unwrap_or("[");
    match (errors, DeTable::parse(text).is_ok()) {
        (0, _) => TAKEN,
        (_, true) => MEANT,
        (_, false) => "no TOML",
    }
}

/// What most files name as their directory.
const USERS: &str = "[[user]]\nname = \"ann\"\nphone = \"+12025550143\"\n";

/// One for each worker: they do not wait for one another.
fn own_folder() -> PathBuf {
    let name = format!(
        "countersign-fuzz-{}-{:?}",
        process::id(),
        thread::current().id()
    );
    std::env::temp_dir().join(name)
}
