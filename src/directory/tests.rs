use std::fs;

use super::*;

#[test]
fn people_are_found_by_name_alias_and_number() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("users.toml");
    fs::write(
        &path,
        "[[user]]\nname = \"ann\"\naliases = [\"ann@example.com\"]\nphone = \"+12025550143\"\n",
    )
    .unwrap();
    let settings = Settings {
        name: Name::parse("staff").unwrap(),
        kind: Kind::File(path),
    };
    let directory = Directory::open(&settings).unwrap();
    assert_eq!(directory.name(), &settings.name);
    let ann = directory
        .lookup(&Subject::parse("ANN@example.com").unwrap())
        .unwrap();
    assert_eq!(ann.subject.as_str(), "ann");
    assert_eq!(
        directory.by_phone(&Phone::parse("+12025550143").unwrap()),
        Some(ann)
    );
    assert_eq!(directory.lookup(&Subject::parse("bob").unwrap()), None);
}

#[test]
fn a_directory_that_cannot_be_used_says_which_and_why() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("users.toml");
    fs::write(&path, "[[user]]\n[[user]]\n").unwrap();
    let settings = Settings {
        name: Name::parse("staff").unwrap(),
        kind: Kind::File(path.clone()),
    };
    let unusable = Directory::open(&settings).err().unwrap();
    let wanted = format!(
        "directory staff: {} has 2 mistakes that must be mended first",
        path.display()
    );
    assert_eq!(unusable.to_string(), wanted);
    fs::remove_file(&path).unwrap();
    assert_eq!(Directory::open(&settings).err().unwrap().problems.len(), 1);
}
