//! The files in `systemd/`, judged by systemd's own tools; they need no running systemd.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[test]
fn the_unit_means_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let unit = unit(folder.path());
    let Some(verified) = run(
        "systemd-analyze",
        &["verify", "--man=no", unit.to_str().unwrap()],
    ) else {
        return;
    };
    // It tells of an unknown key and goes on with success.
    assert!(
        verified.status.success() && said(&verified).is_empty(),
        "{}",
        said(&verified)
    );
}

#[test]
fn the_unit_leaves_no_more_exposed_than_a_gateway_needs() {
    let folder = tempfile::tempdir().unwrap();
    let unit = unit(folder.path());
    // In tenths: 1.1 (design.md: what is left is the network, the system's root and unix sockets).
    let rated = run(
        "systemd-analyze",
        &[
            "security",
            "--offline=yes",
            "--threshold=11",
            unit.to_str().unwrap(),
        ],
    );
    let Some(rated) = rated else { return };
    assert!(rated.status.success(), "{}", said(&rated));
}

#[test]
fn the_user_of_the_unit_is_made() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("etc")).unwrap();
    let root = format!("--root={}", folder.path().display());
    let users = source("countersign.sysusers");
    let Some(made) = run("systemd-sysusers", &[&root, users.to_str().unwrap()]) else {
        return;
    };
    assert!(made.status.success(), "{}", said(&made));
    let passwd = fs::read_to_string(folder.path().join("etc/passwd")).unwrap();
    assert!(
        passwd.starts_with("countersign:") && passwd.trim_end().ends_with(":/usr/sbin/nologin"),
        "{passwd}"
    );
    assert!(
        fs::read_to_string(source("countersign.service"))
            .unwrap()
            .contains("\nUser=countersign\n")
    );
}

/// A copy of the unit that starts the binary under test: systemd looks whether what a unit starts is there.
fn unit(folder: &Path) -> PathBuf {
    let text = fs::read_to_string(source("countersign.service")).expect("a file of ours");
    assert!(text.contains("\nExecStart=/usr/bin/countersign "));
    let copy = folder.join("countersign.service");
    fs::write(
        &copy,
        text.replace("/usr/bin/countersign", env!("CARGO_BIN_EXE_countersign")),
    )
    .expect("a fresh folder");
    copy
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("systemd")
        .join(name)
}

/// Runs a tool of systemd's, or says that it is not here and this test therefore shows nothing.
#[expect(
    clippy::print_stderr,
    reason = "the harness catches it, and shows it beside the test's name"
)]
fn run(tool: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(tool).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("skipped: there is no {tool} on this machine (Debian: package systemd)");
            None
        }
        Err(error) => panic!("{tool}: {error}"),
    }
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
