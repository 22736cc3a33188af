//! Which certificate a name gets, and what changes of files do.

use std::fs;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;

use super::*;

const NOW: u64 = 1_790_000_000; // 2026-09-21

/// A folder with pairs of files, and the certificates made of them.
struct Shelf {
    folder: TempDir,
    certificates: Option<Arc<Certificates>>,
}

fn pem(names: &[&str], until: i32) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_after = date_time_ymd(until, 1, 1);
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn plainly(path: &Path) -> io::Result<Secret> {
    fs::read(path).map(Secret::new)
}

impl Shelf {
    fn of(all: &[&[&str]]) -> Self {
        let mut shelf = Self {
            folder: tempfile::tempdir().unwrap(),
            certificates: None,
        };
        let mut settings = Vec::new();
        for (index, names) in all.iter().enumerate() {
            let (chain, key) = pem(names, 2040);
            shelf.write(index, Some(&chain), Some(&key));
            settings.push(Certificate {
                chain: shelf.path(index, "crt"),
                key: Secret::new(key.into_bytes()),
                key_file: Some(shelf.path(index, "key")),
            });
        }
        shelf.certificates = Some(Certificates::open(&settings, plainly).unwrap());
        shelf
    }

    fn path(&self, index: usize, end: &str) -> PathBuf {
        self.folder.path().join(format!("{index}.{end}"))
    }

    fn write(&self, index: usize, chain: Option<&str>, key: Option<&str>) {
        for (text, end) in [(chain, "crt"), (key, "key")] {
            if let Some(text) = text {
                fs::write(self.path(index, end), text).unwrap();
            }
        }
    }

    fn certificates(&self) -> &Certificates {
        self.certificates.as_ref().unwrap()
    }

    /// What a look says, in a word each.
    fn look(&self) -> Vec<String> {
        let changes = self.certificates().look(NOW).into_iter();
        let words = changes.map(|change| match change {
            Change::Renewed { chain, .. } => {
                format!("renewed {}", chain.file_name().unwrap().display())
            }
            Change::Refused(why) => why
                .to_string()
                .replace(&format!("{}/", self.folder.path().display()), ""),
        });
        words.collect()
    }

    /// The place of the certificate that a name finds.
    fn found(&self, name: &str) -> Option<usize> {
        let keys = self.certificates().used.load();
        let found = Certificates::find(&keys, name)?;
        keys.iter().position(|key| Arc::ptr_eq(key, found))
    }

    fn leaf(&self, index: usize) -> Vec<u8> {
        let keys = self.certificates().used.load();
        keys[index].end_entity_cert().unwrap().to_vec()
    }
}

#[test]
fn a_name_finds_the_certificate_that_names_it_before_one_with_a_wildcard() {
    let shelf = Shelf::of(&[
        &["main.example"],
        &["*.app.example"],
        &["one.app.example", "*.other.example"],
        &["one.app.example"],
        &["*.app.example"],
    ]);
    for (name, found) in [
        ("main.example", Some(0)),
        ("MAIN.example", Some(0)),
        ("one.app.example", Some(2)),
        ("two.app.example", Some(1)),
        ("x.other.example", Some(2)),
        // A wildcard is for one label, and not for none (RFC 6125 section 6.4.3).
        ("app.example", None),
        ("a.b.app.example", None),
        ("nobody.example", None),
        ("main", None),
    ] {
        assert_eq!(shelf.found(name), found, "{name}");
    }
}

#[test]
fn a_changed_file_is_taken_at_the_next_look_and_no_other() {
    let shelf = Shelf::of(&[&["a.example"], &["b.example"]]);
    assert!(shelf.look().is_empty());
    let before = (shelf.leaf(0), shelf.leaf(1));

    let (chain, key) = pem(&["b.example"], 2041);
    shelf.write(1, Some(&chain), Some(&key));
    assert_eq!(shelf.look(), ["renewed 1.crt"]);
    assert_eq!(shelf.leaf(0), before.0);
    assert_ne!(shelf.leaf(1), before.1);
    assert!(shelf.look().is_empty(), "it is new once");

    // Written again with the same text: nothing to tell.
    shelf.write(1, Some(&chain), Some(&key));
    assert!(shelf.look().is_empty());
}

#[test]
fn half_of_a_renewal_changes_nothing_and_is_not_told() {
    let shelf = Shelf::of(&[&["a.example"]]);
    let before = shelf.leaf(0);
    let (chain, key) = pem(&["a.example"], 2041);
    shelf.write(0, Some(&chain), None);
    assert!(shelf.look().is_empty(), "the key may come yet");
    assert_eq!(shelf.leaf(0), before);
    shelf.write(0, None, Some(&key));
    assert_eq!(shelf.look(), ["renewed 0.crt"]);
}

#[test]
fn a6_what_cannot_be_used_is_told_once_and_the_old_one_stays() {
    let shelf = Shelf::of(&[&["a.example"]]);
    let before = shelf.leaf(0);
    let (good, key) = pem(&["a.example"], 2041);
    let (over, over_key) = pem(&["a.example"], 2026);
    for (chain, key, says) in [
        ("", None, "there is no certificate in 0.crt"),
        (good.as_str(), None, "the key does not fit"),
        (&good[..60], None, "0.crt is no PEM file"),
        (&good, Some("nonsense"), "is no private key in PEM"),
        (&over, Some(&over_key), "the certificate 0.crt has expired"),
    ] {
        shelf.write(0, Some(chain), key);
        assert!(shelf.look().is_empty(), "{says}: not at the first look");
        let told = shelf.look();
        assert!(
            told.len() == 1 && told[0].contains(says),
            "{told:?}, not {says}"
        );
        assert!(shelf.look().is_empty(), "{says}: told once");
        assert_eq!(shelf.leaf(0), before);
    }

    for end in ["crt", "key"] {
        shelf.write(0, Some(&good), Some(&key));
        fs::remove_file(shelf.path(0, end)).unwrap();
        let told = [shelf.look(), shelf.look()].concat();
        assert!(told[0].contains("cannot read the"), "{told:?}");
        assert_eq!(shelf.leaf(0), before);
    }

    shelf.write(0, Some(&good), Some(&key));
    assert_eq!(shelf.look(), ["renewed 0.crt"]);
}

#[test]
fn one_that_cannot_be_used_keeps_no_other_back() {
    let shelf = Shelf::of(&[&["a.example"], &["b.example"]]);
    let (chain, key) = pem(&["b.example"], 2041);
    shelf.write(0, Some(""), None);
    shelf.write(1, Some(&chain), Some(&key));
    assert_eq!(shelf.look(), ["renewed 1.crt"]);
}

#[test]
fn the_ends_of_those_in_use_are_known() {
    let shelf = Shelf::of(&[&["a.example"]]);
    let end = |until| {
        let chain = shelf.path(0, "crt");
        [End { chain, until }]
    };
    assert_eq!(shelf.certificates().ends(), end(2_208_988_800));
    let (chain, key) = pem(&["a.example"], 2041);
    shelf.write(0, Some(&chain), Some(&key));
    shelf.look();
    assert_eq!(shelf.certificates().ends(), end(2_240_611_200));
}
