use super::*;
use crate::carrier::tests::{PATIENCE, message};
use crate::message::draft::Draft;

fn spool(folder: &Path, format: Format, mode: u32) -> Spool {
    Spool {
        settings: Settings {
            path: folder.to_owned(),
            format,
            mode,
        },
    }
}

pub(in crate::carrier) fn into(folder: &Path) -> impl Carrier + use<> {
    spool(folder, Format::Json, MODE)
}

/// What all files of a folder say.
pub(in crate::carrier) fn all_of(folder: &Path) -> String {
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_message_is_one_file_in_its_format() {
    let from = Sender::parse("+12025550101").unwrap();
    for (format, mode) in [
        (Format::Json, 0o600),
        (Format::Text, 0o640),
        (Format::Gammu, 0o660),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let to_send = message("049271");
        let id = to_send.id.as_str();
        let spool = spool(folder.path(), format, mode);
        let accepted = spool.send(&to_send, Some(&from), PATIENCE).await.unwrap();
        assert_eq!(accepted.id, id);
        let text = "Example: 049271 is your Sign in code. Valid 5 min. Never share it.\n\n@portal.example.com #049271";
        let (name, whole) = match format {
            Format::Json => (
                format!("{id}.json"),
                serde_json::json!({
                    "id": id, "site": "portal", "scope": "login", "channel": "sms", "to": "+12025550143",
                    "from": "+12025550101", "text": text, "expires_at": "2026-11-22T19:35:00Z",
                })
                .to_string(),
            ),
            Format::Text => (
                format!("{id}.txt"),
                format!("To: +12025550143\nFrom: +12025550101\nId: {id}\nChannel: sms\nExpires: 2026-11-22T19:35:00Z\n\n{text}\n"),
            ),
            Format::Gammu => (
                format!("OUTC20261122_193000_00_+12025550143_{id}.txt"),
                text.to_owned(),
            ),
        };
        assert_eq!(names(folder.path()), std::slice::from_ref(&name));
        let path = folder.path().join(name);
        let written = fs::read_to_string(&path).unwrap();
        if format == Format::Json {
            let [is, wanted]: [serde_json::Value; 2] =
                [&written, &whole].map(|text| serde_json::from_str(text).unwrap());
            assert_eq!(is, wanted);
        } else {
            assert_eq!(written, whole);
        }
        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o7777,
            mode
        );
    }
}

#[tokio::test]
async fn gammu_gets_what_is_not_ascii_in_utf_16_and_no_calls() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path(), Format::Gammu, MODE);
    let mut to_send = message("049271");
    let name = "Café 😀".to_owned();
    to_send.draft = Draft {
        name,
        host: None,
        ..to_send.draft
    };
    spool.send(&to_send, None, PATIENCE).await.unwrap();
    let bytes = fs::read(folder.path().join(&names(folder.path())[0])).unwrap();
    let units: Vec<u16> = bytes
        .chunks(2)
        .map(|two| u16::from_be_bytes([two[0], two[1]]))
        .collect();
    assert_eq!(
        String::from_utf16(&units).unwrap(),
        "\u{feff}Café 😀: 049271 is your Sign in code. Valid 5 min. Never share it."
    );
    to_send.channel = Channel::Voice;
    let failure = spool.send(&to_send, None, PATIENCE).await.unwrap_err();
    assert!(
        matches!(
            failure,
            Failure::Config(Cause::WrongChannel(Channel::Voice))
        ),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [folder.path().join("gone"), file] {
        let failure = into(&path)
            .send(&message("049271"), None, PATIENCE)
            .await
            .unwrap_err();
        assert!(
            matches!(failure, Failure::Config(Cause::Write(_))),
            "{failure:?}"
        );
    }
}

/// `/dev/full` is a disk without room; a folder on one cannot be had in a test, but its error can.
#[test]
fn a_full_disk_may_pass_and_a_wrong_one_must_be_mended() {
    let error = File::options()
        .write(true)
        .open("/dev/full")
        .and_then(|mut full| full.write_all(b"x"));
    let full = failure(error.unwrap_err());
    assert_eq!(full.class(), "transient");
    let Failure::Transient(Cause::Write(error)) = full else {
        panic!("{full:?}")
    };
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    for kind in [
        io::ErrorKind::PermissionDenied,
        io::ErrorKind::ReadOnlyFilesystem,
    ] {
        assert_eq!(failure(kind.into()).class(), "config", "{kind}");
    }
}

#[tokio::test]
async fn a_folder_that_nobody_empties_takes_no_more() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..MOST - 1 {
        File::create(folder.path().join(number.to_string())).unwrap();
    }
    let spool = into(folder.path());
    spool
        .send(&message("049271"), None, PATIENCE)
        .await
        .unwrap();
    let failure = spool
        .send(&message("049272"), None, PATIENCE)
        .await
        .unwrap_err();
    assert!(
        matches!(
            failure,
            Failure::Throttled {
                cause: Cause::Full,
                ..
            }
        ),
        "{failure:?}"
    );
    assert_eq!(names(folder.path()).len(), MOST);
}

/// Whoever is first has the say.
#[test]
fn a_message_that_was_given_up_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let letter = Letter {
        folder: folder.path().to_owned(),
        name: "a.json".to_owned(),
        hidden: ".a.new".to_owned(),
        bytes: Zeroizing::new(b"049271".to_vec()),
        mode: MODE,
        settled: Arc::new(AtomicBool::new(true)),
    };
    let failure = letter.post().unwrap_err();
    assert_eq!(failure.class(), "transient");
    assert_eq!(names(folder.path()), [""; 0]);
    // And one that has a name already cannot be given up: the same flag says so.
    letter.settled.store(false, Ordering::Release);
    letter.post().unwrap();
    assert!(letter.settled.load(Ordering::Acquire));
    assert_eq!(names(folder.path()), ["a.json"]);
}

#[tokio::test]
async fn a_reader_never_sees_half_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let reader = std::thread::spawn(move || {
        let mut seen = 0;
        while seen < 50 {
            for entry in fs::read_dir(&path).unwrap() {
                let file = entry.unwrap();
                if file.file_name().as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                let whole = fs::read(file.path()).unwrap();
                serde_json::from_slice::<serde_json::Value>(&whole).unwrap();
                fs::remove_file(file.path()).unwrap();
                seen += 1;
            }
        }
    });
    let spool = into(folder.path());
    for _ in 0..50 {
        spool
            .send(&message("049271"), None, PATIENCE)
            .await
            .unwrap();
    }
    reader.join().unwrap();
}
