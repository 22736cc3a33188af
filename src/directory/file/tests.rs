use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::subject::Subject;

const ANN: &str = "[[user]]\nname = \"ann\"\nphone = \"+12025550143\"\n";
const ANN_AND_BOB: &str = "[[user]]\nname = \"ann\"\n[[user]]\nname = \"bob\"\n";

/// A directory of its own, a file in it, and the file in use.
struct Used {
    _dir: TempDir,
    path: PathBuf,
    file: UsersFile,
}

fn used(text: &str) -> Used {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("users.toml");
    write(&path, text);
    let file = UsersFile::open(Name::parse("staff").unwrap(), path.clone()).unwrap();
    Used {
        _dir: dir,
        path,
        file,
    }
}

/// Puts a new file in the old one's place, as editors do: another inode, whatever the clock says.
fn write(path: &Path, text: &str) {
    let fresh = path.with_extension("new");
    fs::write(&fresh, text).unwrap();
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o640)).unwrap();
    fs::rename(&fresh, path).unwrap();
}

impl Used {
    fn knows(&self, name: &str) -> bool {
        self.file
            .current()
            .by_name(&Subject::parse(name).unwrap())
            .is_some()
    }
}

#[test]
fn a_change_of_the_file_is_in_use_at_the_next_lookup() {
    let used = used(ANN);
    assert!(used.knows("ann") && !used.knows("bob"));
    write(&used.path, ANN_AND_BOB);
    assert!(used.knows("ann") && used.knows("bob"));
    write(&used.path, ANN);
    assert!(!used.knows("bob"));
}

#[test]
fn a_file_written_in_place_is_read_again_too() {
    let used = used(ANN);
    fs::write(&used.path, ANN_AND_BOB).unwrap();
    assert!(used.knows("bob"));
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let used = used(ANN);
    assert!(Arc::ptr_eq(&used.file.current(), &used.file.current()));
}

#[test]
fn a6_a_bad_file_leaves_the_old_one_in_use_until_it_is_mended() {
    let used = used(ANN);
    write(
        &used.path,
        "[[user]]\nname = \"bob\"\nphone = \"(202) 555-0143\"\n",
    );
    assert!(used.knows("ann") && !used.knows("bob"));
    // Its state is noted: it is not read with every lookup.
    assert!(!used.file.is_changed());
    write(&used.path, ANN_AND_BOB);
    assert!(used.knows("bob"));
}

#[test]
fn a3_a_vanished_file_leaves_the_old_one_in_use_until_it_is_back() {
    let used = used(ANN);
    fs::remove_file(&used.path).unwrap();
    assert!(used.knows("ann"));
    assert!(!used.file.is_changed());
    write(&used.path, ANN_AND_BOB);
    assert!(used.knows("bob"));
}

#[test]
fn one_bad_file_is_complained_of_once_and_without_numbers() {
    let lines = logged(|| {
        let used = used(ANN);
        write(
            &used.path,
            "[[user]]\nname = \"bob\"\nphone = \"(202) 555-0143\"\n",
        );
        for _ in 0..5 {
            used.knows("ann");
        }
        fs::remove_file(&used.path).unwrap();
        for _ in 0..5 {
            used.knows("ann");
        }
    });
    assert_eq!(lines.matches("ERROR").count(), 2, "{lines}");
    assert!(
        lines.contains("a phone number is + and digits only") && lines.contains("line=3"),
        "{lines}"
    );
    assert!(!lines.contains("0143"), "{lines}");
}

#[test]
fn lookups_go_on_while_the_file_is_read_again() {
    let used = used(ANN);
    let held = used.file.reading.lock().unwrap();
    write(&used.path, ANN_AND_BOB);
    assert!(used.knows("ann") && !used.knows("bob"));
    drop(held);
    assert!(used.knows("bob"));
}

#[test]
fn many_lookups_during_many_changes_never_miss_who_is_in_all_of_them() {
    let used = used(ANN);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..500).for_each(|_| assert!(used.knows("ann"))));
        }
        for n in 0..100 {
            write(&used.path, if n % 2 == 0 { ANN_AND_BOB } else { ANN });
        }
    });
}

#[test]
fn the_first_reading_must_succeed() {
    let dir = TempDir::new().unwrap();
    let name = Name::parse("staff").unwrap();
    let open = |path: PathBuf| {
        UsersFile::open(name.clone(), path)
            .err()
            .expect("a refusal")
    };
    let missing = open(dir.path().join("none.toml"));
    assert!(
        missing[0].line == 0 && missing[0].message.contains("cannot be read"),
        "{missing:?}"
    );
    assert_eq!(open(dir.path().to_owned())[0].message, "this is no file");
    let binary = dir.path().join("binary.toml");
    fs::write(&binary, b"[[user]]\nname = \"ann\"\nemail = \"\xe9@x\"\n").unwrap();
    let binary = open(binary);
    assert_eq!(
        (binary[0].line, binary[0].message.as_str()),
        (3, "this line is not UTF-8")
    );
    let bad = dir.path().join("bad.toml");
    fs::write(&bad, "[[user]]\n[[user]]\n").unwrap();
    assert_eq!(open(bad).len(), 2);
}

#[test]
fn a_pipe_in_the_files_place_is_refused_and_not_waited_for() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("users.toml");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert_eq!(read(&path).unwrap_err()[0].message, "this is no file");
}

#[test]
fn a_file_of_more_than_64_mib_is_not_read_whole() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("users.toml");
    File::create(&path).unwrap().set_len(LARGEST + 1).unwrap();
    assert!(read(&path).unwrap_err()[0].message.contains("64 MiB"));
}

#[test]
fn a_file_open_to_others_is_used_with_a_warning() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("users.toml");
    fs::write(&path, ANN).unwrap();
    for (mode, warned) in [
        (0o600, false),
        (0o640, false),
        (0o644, true),
        (0o666, true),
        (0o602, true),
    ] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let users = read(&path).unwrap();
        assert_eq!(users.warnings().len(), usize::from(warned), "{mode:o}");
        assert_eq!(users.len(), 1);
    }
}

/// What is logged meanwhile.
fn logged(story: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // While there is one subscriber only, tracing asks whichever thread comes first to a log line whether anybody wants
    // it; a test beside this one would answer no for good. With two it asks the subscribers.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    tracing::subscriber::with_default(subscriber, story);
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}
