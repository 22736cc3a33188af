use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;
use crate::carrier::tests::{BRIEF, PATIENCE, message};

/// A shell with a script of its own, as an operator could write one.
fn shell(script: &str, arguments: &[&str]) -> Command {
    let own = ["-c", script, "send-text"];
    let given = own.iter().chain(arguments);
    Command {
        settings: Settings {
            program: "/bin/sh".to_owned(),
            arguments: given.map(|text| Argument::parse(text).unwrap()).collect(),
        },
    }
}

/// One that adds each message to a file.
pub(in crate::carrier) fn into(file: &Path) -> impl Carrier + use<> {
    shell(
        "text=$(cat); printf '%s\\n' \"$text\" >> \"$1\"",
        &[file.to_str().unwrap()],
    )
}

/// One that is not there.
pub(in crate::carrier) fn gone() -> impl Carrier {
    let mut gone = shell("", &[]);
    gone.settings.program = "/nonexistent/send-text".to_owned();
    gone
}

async fn run(script: &str) -> Result<Accepted, Failure> {
    shell(script, &[])
        .send(&message("049271"), None, PATIENCE)
        .await
}

#[tokio::test]
async fn a_program_gets_its_arguments_as_they_are_and_the_text_on_its_input() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let script = r#"{ printf '<%s>' "$@"; printf '|'; cat; printf '|'; pwd; } > "$0""#;
    let arguments = [
        "-c",
        script,
        out.to_str().unwrap(),
        "{TO}",
        "--from={FROM}",
        "$(id) * ;",
        "{CHANNEL}",
    ];
    let command = Command {
        settings: Settings {
            program: "sh".to_owned(),
            arguments: arguments
                .iter()
                .map(|text| Argument::parse(text).unwrap())
                .collect(),
        },
    };
    let (to_send, from) = (message("049271"), Sender::parse("A b").unwrap());
    let accepted = command.send(&to_send, Some(&from), PATIENCE).await.unwrap();
    assert_eq!(accepted.id, to_send.id.as_str());
    assert_eq!(
        fs::read_to_string(out).unwrap(),
        "<+12025550143><--from=A b><$(id) * ;><sms>|\
         Example: 049271 is your Sign in code. Valid 5 min. Never share it.\n\n@portal.example.com #049271|/\n"
    );
}

/// Secrets of the service are in its environment; everybody could read what is in arguments.
#[tokio::test]
async fn c8_a_program_sees_nothing_of_our_environment_but_path_and_lang() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let script =
        "tr '\\0' '\\n' < /proc/$$/environ > \"$1\"; tr '\\0' ' ' < /proc/$$/cmdline >> \"$1\"";
    let command = shell(script, &[out.to_str().unwrap()]);
    command
        .send(&message("049271"), None, PATIENCE)
        .await
        .unwrap();
    let seen = fs::read_to_string(out).unwrap();
    let names: Vec<&str> = seen
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    assert!(
        names
            .iter()
            .all(|name| ["PATH", "LANG"].contains(name) || name.contains("environ")),
        "{seen}"
    );
    assert!(seen.contains("LANG=") && seen.contains("PATH="), "{seen}");
    assert!(!seen.contains("049271"), "{seen}");
}

#[tokio::test]
async fn each_end_has_its_class() {
    for (script, class) in [
        ("exit 0", "taken"),
        ("exit 65", "bad_number"),
        ("exit 67", "bad_number"),
        ("exit 64", "config"),
        ("exit 77", "config"),
        ("exit 78", "config"),
        ("exec /nonexistent", "config"),
        ("exit 75", "transient"),
        ("exit 69", "transient"),
        ("exit 1", "transient"),
        ("exit 2", "transient"),
        ("exit 76", "unknown"),
        ("exit 137", "unknown"),
        ("kill -9 $$", "unknown"),
        ("kill -TERM $$", "unknown"),
    ] {
        let is = match run(script).await {
            Ok(_) => "taken",
            Err(failure) => failure.class(),
        };
        assert_eq!(is, class, "{script}");
    }
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    fs::write(&plain, "exit 0").unwrap();
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o600)).unwrap();
    for program in [
        "/nonexistent/send",
        plain.to_str().unwrap(),
        "/bin",
        "no-such-program-anywhere",
    ] {
        let mut command = shell("", &[]);
        command.settings.program = program.to_owned();
        let failure = command
            .send(&message("049271"), None, PATIENCE)
            .await
            .unwrap_err();
        assert!(
            matches!(failure, Failure::Config(Cause::Start(_))),
            "{program}: {failure:?}"
        );
    }
}

#[tokio::test]
async fn the_first_line_names_the_message_unless_it_tells_of_it() {
    for (script, name) in [
        ("echo SM-17; echo more", Some("SM-17")),
        ("printf SM-17", Some("SM-17")),
        ("printf 'SM-17\\r\\n'", Some("SM-17")),
        ("printf '\\nSM-17\\n'", None),
        ("echo a b", None),
        ("printf '\\033[2J'", None),
        ("printf '\\377'", None),
        ("cat", None),
        ("echo queued-for-+12025550143", None),
        ("echo 049271", None),
        ("echo late >&2", None),
        (":", None),
        // Without an end of the line, and far longer than a pipe holds: nobody waits for anybody.
        ("head -c 1000000 /dev/zero", None),
        ("echo SM-17; head -c 1000000 /dev/zero; cat", Some("SM-17")),
    ] {
        let (to_send, command) = (message("049271"), shell(script, &[]));
        let accepted = command.send(&to_send, None, PATIENCE).await.expect(script);
        assert_eq!(accepted.id, name.unwrap_or(to_send.id.as_str()), "{script}");
    }
}

/// What it leaves running keeps its output open, and is none of ours.
#[tokio::test]
async fn a_program_is_over_when_it_has_ended() {
    let accepted = run("sleep 600 & echo $!").await.unwrap();
    let left = Pid::from_raw(accepted.id.parse().unwrap()).unwrap();
    rustix::process::kill_process(left, Signal::KILL).expect("it runs on");
}

#[tokio::test]
async fn a_program_that_does_not_end_is_killed_with_all_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let script =
        "sleep 600 & echo $! $$ > \"$1.new\"; mv \"$1.new\" \"$1\"; trap '' TERM; wait; sleep 600";
    let command = shell(script, &[pids.to_str().unwrap()]);
    let failure = command
        .send(&message("049271"), None, BRIEF)
        .await
        .unwrap_err();
    assert!(
        matches!(failure, Failure::Unknown(Cause::Silence)),
        "{failure:?}"
    );
    all_gone(&pids).await;

    // Whoever is given up by the one who asked goes, too.
    fs::remove_file(&pids).unwrap();
    let to_send = message("049271");
    let mut every = tokio::time::interval(Duration::from_millis(10));
    tokio::select! {
        _ = command.send(&to_send, None, PATIENCE) => panic!("it does not end"),
        () = async { while !pids.exists() { every.tick().await; } } => {}
    }
    all_gone(&pids).await;
}

/// Waits until none of the processes runs any more.
async fn all_gone(pids: &Path) {
    let pids = fs::read_to_string(pids).unwrap();
    let runs = |pid: &str| {
        fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    };
    let mut every = tokio::time::interval(Duration::from_millis(10));
    timeout(PATIENCE, async {
        while pids.split_whitespace().any(runs) {
            every.tick().await;
        }
    })
    .await
    .expect("they are gone");
}

#[tokio::test]
async fn a_program_that_reads_nothing_is_judged_by_its_end() {
    for _ in 0..20 {
        assert!(run("exec true <&-").await.is_ok());
    }
}

#[tokio::test]
async fn what_the_message_does_not_have_is_told_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let command = shell("touch \"$1\"", &[out.to_str().unwrap(), "{FROM}"]);
    let failure = command
        .send(&message("049271"), None, PATIENCE)
        .await
        .unwrap_err();
    assert!(
        matches!(failure, Failure::Config(Cause::Unfilled("FROM"))),
        "{failure:?}"
    );
    assert!(!out.exists());
}
