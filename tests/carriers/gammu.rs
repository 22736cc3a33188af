//! The command and spool adapters against Debian's gammu-smsd with its dummy device.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use countersign::carrier::command::argument::Argument;
use countersign::carrier::spool::Format;
use countersign::carrier::{Cause, Failure, Kind, command, spool};
use countersign::message::Channel;
use tokio::process::{Child, Command};
use tokio::time::{interval, timeout};

use crate::bench::{self, PATIENCE};

/// A running gammu-smsd that reads `out` and has no modem.
struct Gammu {
    folder: tempfile::TempDir,
    daemon: Child,
}

impl Gammu {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        for name in ["in", "out", "sent", "failed", "device"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let settings = format!(
            "[gammu]\nmodel = dummy\nconnection = none\ndevice = {at}/device\n\n\
             [smsd]\nservice = files\nlogfile = {at}/log\ndebuglevel = 255\ninboxpath = {at}/in/\noutboxpath = {at}/out/\n\
             sentsmspath = {at}/sent/\nerrorsmspath = {at}/failed/\noutboxformat = standard\ntransmitformat = auto\n\
             commtimeout = 1\nloopsleep = 1\nchecksecurity = 0\ncheckbattery = 0\nchecksignal = 0\nchecknetwork = 0\n\
             statusfrequency = 0\nreceivefrequency = 0\n"
        );
        fs::write(folder.path().join("smsdrc"), settings).unwrap();
        let daemon = Command::new("gammu-smsd")
            .arg("-c")
            .arg(folder.path().join("smsdrc"))
            // Neither what it finds nor what it sends may depend on whoever runs the tests.
            .env_remove("LANG")
            .env_remove("LC_ALL")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Debian's gammu-smsd is installed");
        Self { folder, daemon }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Waits until a file with this in its name has been sent: its bytes.
    async fn sent(&mut self, name: &str) -> Vec<u8> {
        let mut every = interval(Duration::from_millis(50));
        let found = async {
            loop {
                if let Some(path) = find(&self.path("sent"), name) {
                    return fs::read(path).unwrap();
                }
                let ended = self.daemon.try_wait().unwrap();
                assert!(
                    ended.is_none() && find(&self.path("failed"), name).is_none(),
                    "{}",
                    self.log()
                );
                every.tick().await;
            }
        };
        let found = timeout(PATIENCE * 4, found).await;
        found.unwrap_or_else(|_| panic!("not sent: {}", self.log()))
    }

    fn log(&self) -> String {
        let log = fs::read(self.path("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths.find(|path| path.to_str().unwrap().contains(name))
}

/// `-text` would show the code to everybody who can list processes; without it the program reads its standard input.
#[tokio::test]
async fn gammu_smsd_inject_takes_the_text_from_its_input_and_it_is_sent() {
    let mut gammu = Gammu::start();
    let settings = gammu.path("smsdrc");
    let arguments = [
        "-c",
        settings.to_str().unwrap(),
        "TEXT",
        "{TO}",
        "-len",
        "400",
    ];
    let command = |arguments: &[&str]| {
        bench::dispatcher(
            Kind::Command(command::Settings {
                program: "gammu-smsd-inject".to_owned(),
                arguments: arguments
                    .iter()
                    .map(|text| Argument::parse(text).unwrap())
                    .collect(),
            }),
            &[],
        )
    };
    let message = bench::message(Channel::Sms);
    let sent = command(&arguments).send(&message).await.unwrap();
    // What it says tells the number: the message keeps our name for it.
    assert_eq!(sent.id, message.id.as_str());
    let text = gammu.sent("_+19195550143_").await;
    assert_eq!(String::from_utf8(text).unwrap(), message.text().as_str());

    // Its settings are not there: it says so by its end.
    let wrong = command(&["-c", "/nonexistent", "TEXT", "{TO}"]);
    let failed = wrong.send(&bench::message(Channel::Sms)).await.unwrap_err();
    assert!(
        matches!(failed.failure, Failure::Transient(Cause::Exit(_))),
        "{:?}",
        failed.failure
    );
}

#[tokio::test]
async fn what_is_spooled_for_gammu_is_sent() {
    let mut gammu = Gammu::start();
    let spool = bench::dispatcher(
        Kind::Spool(spool::Settings {
            path: gammu.path("out"),
            format: Format::Gammu,
            mode: 0o660,
        }),
        &[],
    );
    let plain = bench::message(Channel::Sms);
    spool.send(&plain).await.unwrap();
    let text = gammu.sent(plain.id.as_str()).await;
    assert_eq!(String::from_utf8(text).unwrap(), plain.text().as_str());
    assert!(
        gammu.log().contains("to \"+19195550143\""),
        "{}",
        gammu.log()
    );

    // Not in the GSM alphabet, and gammu runs without a locale.
    let mut polish = bench::message(Channel::Sms);
    polish.draft.name = "Łódź".to_owned();
    spool.send(&polish).await.unwrap();
    gammu.sent(polish.id.as_str()).await;
    let characters = polish.text().as_str().chars().count();
    // One message of 70 would be too short: it goes in parts, whose characters are counted.
    let unicode: Vec<usize> = gammu
        .log()
        .lines()
        .filter_map(|line| {
            line.split_once("Unicode SMS, length ")?
                .1
                .trim()
                .parse()
                .ok()
        })
        .collect();
    assert_eq!(unicode.iter().sum::<usize>(), characters, "{unicode:?}");
    assert!(
        find(&gammu.path("out"), "").is_none(),
        "the folder is empty"
    );
}
