//! A panic in the program itself (A8).
//!
//! None is known that a visitor could cause. The system can: where it gives no thread, the runtime panics that wants one
//! to look up an application's name, in the middle of a request.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use super::line::Line;
use super::support::app::App;
use super::support::gate::Setup;
use super::support::program::Program;

/// Half of what a thread's stack needs.
const NO_THREAD: u64 = 1 << 20;

#[test]
fn a8_a_panic_ends_one_connection_is_counted_and_the_others_go_on() {
    let app = App::new();
    let gate = Setup::new(&format!("http://localhost:{}", app.address.port()))
        .with("[log]\nformat = \"json\"\n[admin]\nhttp = \"127.0.0.1:0\"")
        .routes(&[("/open/**", "public-full")])
        .start()
        .stopped();
    let program = Program::start(&gate);
    let mut visitor = Line::stranger(program.address);
    assert_eq!(visitor.status("/"), 303);
    let panics = |count: usize| {
        let told = format!("countersign_connections_total{{what=\"panic\"}} {count}\n");
        // It is counted when its connection has ended.
        let counted = (0..1000).any(|_| program.metrics().contains(&told));
        assert!(counted, "{count}: {}", program.metrics());
    };
    panics(0);

    program.memory(Some(NO_THREAD));
    for count in 1..=5 {
        let mut unlucky = Line::stranger(program.address);
        assert!(unlucky.get("/open/news").is_none(), "it ends");
        assert_eq!(visitor.status("/"), 303, "and this one goes on");
        panics(count);
    }
    assert_eq!(Line::stranger(program.address).status("/"), 303);
    assert_eq!(app.lines().len(), 0);

    program.memory(None);
    assert_eq!(visitor.status("/open/news"), 200, "over its old connection");
    panics(5);
    for event in ["panic", "connection.panicked"] {
        let told = program
            .log()
            .matches(&format!("\"event\":\"{event}\""))
            .count();
        assert_eq!(told, 5, "each is told under its name");
    }
}

/// A message that is on its way to a carrier by name: its sending ends, and nothing else does.
#[test]
fn a8_a_panic_in_slow_work_ends_that_and_nothing_else() {
    let (app, hook) = (App::new(), App::new());
    let key = tempfile::NamedTempFile::new().unwrap();
    fs::write(key.path(), b"a key for the hook").unwrap();
    fs::set_permissions(key.path(), fs::Permissions::from_mode(0o600)).unwrap();
    let gate = Setup::new(&app.url())
        .with(&format!(
            "[carriers.main.webhook]\nurl = \"http://localhost:{}/\"\nsigning_key = \"file:{}\"\n\
             [delivery]\nsms = [\"main\"]\nvoice = [\"paper\"]\nfictional = true\n[log]\nformat = \"json\"",
            hook.address.port(),
            key.path().display()
        ))
        .routes(&[("/open/**", "public-full")])
        .start()
        .stopped();
    let program = Program::start(&gate);
    let mut visitor = Line::stranger(program.address);
    assert_eq!(visitor.status("/open/news"), 200);
    program.memory(Some(NO_THREAD));
    let mut unlucky = program.browser();
    let page = unlucky.ask("/", "ann");
    program.says("\"event\":\"panic\"");
    assert_eq!(unlucky.get(&page).status(), 200);
    assert_eq!(visitor.status("/open/news"), 200);
    assert_eq!(hook.lines().len(), 0);

    program.memory(None);
    program.browser().ask("/", "bob");
    let sent = (0..300_000).any(|_| {
        thread::yield_now();
        !hook.lines().is_empty()
    });
    assert!(sent, "{}", program.log());
    assert_eq!(visitor.status("/open/news"), 200);
}
