//! Connections to applications have a bound of their own (A1, A7).

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use super::client::{Client, Pieces};
use super::support::app::App;
use super::support::gate::Setup;
use super::support::program::Program;

/// A setup for `https://app.localhost`, with its certificate in a folder.
pub fn https(upstream: &str) -> (Setup, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["app.localhost".to_owned()]).unwrap();
    let (chain, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    fs::write(&chain, cert.pem()).unwrap();
    fs::write(&key, signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let setup = Setup::new(upstream)
        .site("url = \"https://app.localhost\"")
        .with(&format!(
            "[listen]\nhttps = [\"127.0.0.1:0\"]\ncert = \"{}\"\nkey = \"file:{}\"\n[log]\nformat = \"json\"",
            chain.display(),
            key.display()
        ));
    (setup, folder)
}

/// A story that needs no more than one thread.
pub fn run<T>(story: impl Future<Output = T>) -> T {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(story)
}

/// Twelve strangers with a hundred requests each under way at an application that lets them wait: a few hundred times
/// what there are files for.
#[test]
fn a1_a7_many_requests_of_few_strangers_leave_room_for_who_has_a_grant() {
    const STRANGERS: usize = 12;
    let gone_on = Arc::new((Mutex::new(false), Condvar::new()));
    let own = Arc::clone(&gone_on);
    let app = App::scripted(move |request, stream| {
        if request.head.first.contains("/wait") {
            let on = own.0.lock().unwrap();
            drop(own.1.wait_while(on, |on| !*on).unwrap());
        }
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
        stream.get_mut().write_all(answer.as_bytes()).is_ok()
    });
    let (setup, _folder) = https(&app.url());
    let gate = setup.routes(&[("/open/**", "public-full")]).start();
    let gate = gate.stopped();
    let workers = thread::available_parallelism().unwrap().get();
    // 64 files for each worker: 27 for visitors, 14 of them from one address, and 36 for applications, 27 of these for strangers.
    let program = Program::limited(&gate, &format!("ulimit -n {}", 64 + workers * 2 * 32));
    run(async {
        let mut ann = Client::new(program.address).await;
        ann.pass_ask("/", "ann", &program.messages).await;
        let mut strangers = Vec::new();
        let mut requests = JoinSet::new();
        for _ in 0..STRANGERS {
            let stranger = Client::new(program.address).await;
            for _ in 0..100 {
                let wait = stranger.request("GET", "/open/wait", &[], Pieces::empty());
                requests.spawn(wait);
            }
            strangers.push(stranger);
        }
        let most = workers * 27;
        let mut refused = 0;
        while refused + most < STRANGERS * 100 {
            let answer = requests.join_next().await.unwrap().unwrap();
            assert_eq!(answer.status(), 503);
            assert!(answer.headers().contains_key("retry-after"));
            refused += 1;
        }
        for _ in 0..50 {
            assert_eq!(ann.get("/").await.status(), 200, "who has a grant has room");
        }
        assert_eq!(
            strangers[0].get("/").await.status(),
            303,
            "what needs no application does not wait for one"
        );
        let log = program.log();
        assert!(!log.contains("os error 24") && !log.contains("no new connections"));

        *gone_on.0.lock().unwrap() = true;
        gone_on.1.notify_all();
        let mut served = 0;
        while let Some(answer) = requests.join_next().await {
            match answer.unwrap().status().as_u16() {
                200 => served += 1,
                // Some worker had fewer strangers than it had room for.
                503 => refused += 1,
                other => panic!("{other}"),
            }
        }
        assert!(
            served >= 27 && served <= most,
            "{served} of {refused} refused"
        );
        for stranger in &mut strangers {
            assert_eq!(stranger.get("/open/news").await.status(), 200, "room again");
        }
    });
    let waiting = app.lines();
    let waiting = waiting.iter().filter(|line| line.contains("/wait")).count();
    assert!(waiting <= workers * 27, "{waiting} reached the application");
}
