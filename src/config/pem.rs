//! Files that the configuration names: whether they can be read, and hold what they should.

use std::fs;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::diagnostic::Diagnostic;
use super::notes::Notes;
use super::rule::Rule;
use super::value::At;

/// Notes if the file holds no certificate.
pub(super) fn certified(path: &At<PathBuf>, what: &str, notes: &Notes) {
    if !readable(path, notes) {
        return;
    }
    let first = CertificateDer::pem_file_iter(&path.value)
        .ok()
        .and_then(|mut certificates| certificates.next());
    if !matches!(first, Some(Ok(_))) {
        notes.add(Diagnostic::new(
            Rule::NoFile,
            format!("no {what} is in {}", path.value.display()),
            &path.place,
            "a PEM file with a CERTIFICATE is wanted",
        ));
    }
}

pub(super) fn readable(path: &At<PathBuf>, notes: &Notes) -> bool {
    let Err(why) = opened(&path.value) else {
        return true;
    };
    notes.add(Diagnostic::new(
        Rule::NoFile,
        format!("cannot read {}: {why}", path.value.display()),
        &path.place,
        "this file is wanted",
    ));
    false
}

fn opened(path: &Path) -> std::io::Result<()> {
    let is_file = fs::File::open(path)?.metadata()?.is_file();
    if is_file {
        Ok(())
    } else {
        Err(std::io::Error::other("not a file"))
    }
}
