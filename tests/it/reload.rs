//! A configuration is changed while the gateway runs (A6): a bad file changes nothing and says why; a good one counts whole
//! for each request, with no moment without protection.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;

use countersign::run::reload::NotReloaded;

use super::http2::client::Client;
use super::http2::{https, run};
use super::metrics::sample;
use super::support::app::App;
use super::support::bare::{Bare, wait};
use super::support::browser::path_of;
use super::support::gate::{Gate, Setup, USERS, other_than};
use super::support::program::Program;
use super::support::visitor::Visitor;
use super::support::wire::{Answer, read_head};

const OPEN: &str = "path = \"/open\"\nrequire = \"public\"";
const CLOSED: &str = "path = \"/open\"\nrequire = \"login\"";

/// `/open` is open to all.
fn open(app: &App) -> Setup {
    Setup::new(&app.url()).routes(&[("/open", "public"), ("/admin", "admin")])
}

/// Who came through saw the application, everybody else the way to the code.
fn came_through(answer: &Answer) -> bool {
    match answer.status() {
        200 => true,
        303 => {
            let to = path_of(answer.field("location").unwrap());
            assert_eq!(to, "/.countersign/ask/login");
            false
        }
        other => panic!("by neither file: {other} {}", answer.text()),
    }
}

fn close(gate: &Gate) {
    gate.rewrite(OPEN, CLOSED);
    gate.reload().unwrap();
}

#[test]
fn a6_a_good_file_counts_for_connections_that_are_kept() {
    let app = App::new();
    let gate = open(&app).workers(2).start();
    // Enough that each worker has some of them.
    let mut kept: Vec<Visitor> = (0..16).map(|_| Visitor::stranger(&gate)).collect();
    for visitor in &mut kept {
        assert!(came_through(&visitor.ask("GET /open", "")));
    }
    let seen = app.seen().len();
    close(&gate);
    for visitor in &mut kept {
        assert!(!came_through(&visitor.ask("GET /open", "")));
    }
    assert_eq!(
        app.seen().len(),
        seen,
        "nothing of them came to the application"
    );
    gate.rewrite(CLOSED, OPEN);
    let reloaded = gate.reload().unwrap();
    assert_eq!(reloaded.generation, 3);
    assert!(reloaded.warnings.contains("C0601"), "{}", reloaded.warnings);
    for visitor in &mut kept {
        assert!(came_through(&visitor.ask("GET /open", "")));
    }
}

#[test]
fn a6_a_good_file_counts_for_streams_of_a_connection_that_is_kept() {
    let app = App::new();
    let (gate, _folder) = https(&app.url());
    gate.rewrite(
        "path = \"/admin\"",
        "path = \"/open\"\nrequire = \"public\"\n[[sites.app.routes]]\npath = \"/admin\"",
    );
    gate.reload().unwrap();
    run(async {
        let mut client = Client::new(gate.address).await;
        assert!(came_through(&client.get("/open").await));
        gate.rewrite(OPEN, CLOSED);
        // Beside this connection's own runtime.
        thread::scope(|scope| scope.spawn(|| gate.reload().unwrap()).join().unwrap());
        assert!(!came_through(&client.get("/open").await));
    });
}

/// What is told done counts: no request that began after it may be judged by the file before, and none before it by the
/// one after. Between them each of the two may be, and nothing else.
#[test]
fn a6_requests_all_the_time_go_by_one_file_or_the_other_whole() {
    const TURNS: usize = 40;
    let app = App::new();
    let gate = open(&app).workers(2).start();
    // How many reloads have begun, and how many are done: an even number leaves the path open.
    let (begun, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let over = AtomicBool::new(false);
    let sure: usize = thread::scope(|scope| {
        let visitors = (0..4).map(|_| {
            scope.spawn(|| {
                let mut visitor = Visitor::stranger(&gate);
                let mut sure = 0;
                while !over.load(SeqCst) {
                    let before = done.load(SeqCst);
                    let through = came_through(&visitor.ask("GET /open", ""));
                    if begun.load(SeqCst) == before {
                        assert_eq!(through, before % 2 == 0, "after reload {before}");
                        sure += 1;
                    }
                }
                sure
            })
        });
        let visitors: Vec<_> = visitors.collect();
        for turn in 1..=TURNS {
            let (from, to) = if turn % 2 == 1 {
                (OPEN, CLOSED)
            } else {
                (CLOSED, OPEN)
            };
            gate.rewrite(from, to);
            begun.store(turn, SeqCst);
            gate.reload().unwrap();
            done.store(turn, SeqCst);
            // One more answer that is sure to be by this file.
            let through = came_through(&Visitor::stranger(&gate).ask("GET /open", ""));
            assert_eq!(through, turn % 2 == 0);
        }
        over.store(true, SeqCst);
        visitors
            .into_iter()
            .map(|visitor| visitor.join().unwrap())
            .sum()
    });
    assert!(sure > 0, "some requests fell between two reloads");
}

/// All that can be wrong with a file, with what is said of it; requests run all the time.
#[test]
fn a6_a_bad_file_changes_nothing_and_says_why() {
    let app = App::new();
    let gate = open(&app).start();
    let path = gate.file("countersign.toml");
    let good = fs::read_to_string(&path).unwrap();
    let closed = good.replace(OPEN, CLOSED);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let visitor = scope.spawn(|| {
            let mut visitor = Visitor::stranger(&gate);
            while !over.load(SeqCst) {
                assert!(came_through(&visitor.ask("GET /open", "")));
            }
        });
        let users = gate.file("users.toml").display().to_string();
        for (bad, said) in [
            (format!("{closed}\n[oh no"), "error"),
            (format!("{closed}\n[nothing]\n"), "nothing"),
            (
                closed.replace("require = \"admin\"", "require = \"admn\""),
                "admn",
            ),
            (closed.replace("http = [\"127.0.0.1:0\"]", ""), "listen"),
            (
                closed.replace(&users, "/nowhere/users.toml"),
                "/nowhere/users.toml",
            ),
            (
                closed.replace("sms = [\"paper\"]", "sms = [\"pen\"]"),
                "pen",
            ),
            (String::new(), "error"),
        ] {
            assert_ne!(bad, closed);
            fs::write(&path, &bad).unwrap();
            match gate.reload() {
                Err(error @ NotReloaded::Configuration { .. }) => {
                    let NotReloaded::Configuration { problems } = &error else {
                        unreachable!()
                    };
                    assert!(problems.contains(said), "{said}: {problems}");
                }
                Err(error @ NotReloaded::NotUsable(_)) => {
                    let told = countersign::observe::chain(&error);
                    assert!(told.contains(said), "{said}: {told}");
                }
                other => panic!("{said}: {other:?}"),
            }
        }
        fs::remove_file(&path).unwrap();
        let gone = gate.reload();
        assert!(
            matches!(gone, Err(NotReloaded::Configuration { .. })),
            "{gone:?}"
        );
        over.store(true, SeqCst);
        visitor.join().unwrap();
    });
    fs::write(&path, closed).unwrap();
    assert_eq!(gate.reload().unwrap().generation, 2, "none of them was one");
    assert!(!came_through(
        &Visitor::stranger(&gate).ask("GET /open", "")
    ));
}

/// What is settled at the start: the rest of such a file is not taken, either.
#[test]
fn a6_a_file_that_needs_a_restart_is_refused_whole_and_names_the_keys() {
    let app = App::new();
    let gate = open(&app).start();
    let path = gate.file("countersign.toml");
    let good = fs::read_to_string(&path).unwrap();
    let closed = good.replace(OPEN, CLOSED);
    let state = gate.file("state").display().to_string();
    for (text, keys) in [
        (
            closed.replace("127.0.0.1:0", "127.0.0.1:9"),
            &["[listen] http"][..],
        ),
        (
            closed.replace(&state, &format!("{state}2")),
            &["[store.memory]"],
        ),
        (
            closed.replace("[listen]", "[listen]\ntrusted_proxies = [\"127.0.0.1\"]"),
            &["[listen] trusted_proxies"],
        ),
        (
            format!("{closed}\n[admin]\nhttp = \"127.0.0.1:0\"\n"),
            &["[admin]"],
        ),
        (
            format!("{closed}\n[log]\nformat = \"text\"\n"),
            &["[log] format"],
        ),
        (
            format!("{closed}\n[log]\nformat = \"json\"\n[admin]\nsocket = \"{state}.sock\"\n"),
            &["[admin]", "[log] format"],
        ),
    ] {
        fs::write(&path, &text).unwrap();
        match gate.reload() {
            Err(error @ NotReloaded::Fixed(_)) => {
                let told = error.to_string();
                assert!(keys.iter().all(|key| told.contains(key)), "{told}");
                assert!(told.contains("restart"), "{told}");
                let NotReloaded::Fixed(changed) = error else {
                    unreachable!()
                };
                assert_eq!(changed, keys);
            }
            other => panic!("{keys:?}: {other:?}"),
        }
        assert!(came_through(&Visitor::stranger(&gate).ask("GET /open", "")));
    }
    assert!(!Path::new(&format!("{state}2")).exists());
}

/// People with a grant, people with a code under way, limits, and who carries: nobody has to begin anew.
#[test]
fn a6_challenges_grants_and_counters_go_on_over_a_reload() {
    let app = App::new();
    let gate = open(&app).start();
    let mut signed_in = gate.signed_in("ann");
    let mut waiting = gate.browser();
    let before = gate.messages.count();
    let page = waiting.ask("/", "bob");
    let code = gate.messages.after(before);
    for _ in 0..4 {
        waiting.answer(&page, &other_than(&code));
    }
    gate.rewrite("[carriers.paper.console]", "[carriers.pen.console]");
    gate.rewrite("[\"paper\"]", "[\"pen\"]");
    gate.rewrite("name = \"Example Portal\"", "name = \"Other Portal\"");
    gate.reload().unwrap();
    assert_eq!(signed_in.get("/private").status(), 200);
    assert!(waiting.get(&page).text().contains("Other Portal"));
    let mut other = waiting.clone();
    let answer = waiting.answer(&page, &code);
    assert_eq!(
        path_of(answer.field("location").unwrap()),
        "/",
        "{}",
        answer.text()
    );
    assert_eq!(waiting.get("/private").status(), 200);
    // By the new carrier, with the new name.
    let before = gate.messages.count();
    gate.browser().ask("/", "ann");
    gate.messages.after(before);
    assert!(gate.messages.all().contains("Other Portal"));
    // Four wrong answers before and one after are five.
    other.jar.clear();
    let before = gate.messages.count();
    let page = other.ask("/", "ann");
    let code = gate.messages.after(before);
    for _ in 0..4 {
        other.answer(&page, &other_than(&code));
    }
    gate.reload().unwrap();
    other.answer(&page, &other_than(&code));
    let answer = other.answer(&page, &code);
    assert_eq!(
        path_of(answer.field("location").unwrap()),
        page,
        "it is spent"
    );
}

#[test]
fn a6_users_and_limits_are_those_of_the_new_file() {
    let app = App::new();
    let gate = open(&app).start();
    let other = USERS.replace("name = \"bob\"", "name = \"eve\"");
    let path = gate.file("others.toml");
    fs::write(&path, other).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    gate.rewrite("users.toml", "others.toml");
    gate.rewrite(
        "[listen]",
        "[limits]\nsends_per_hour = { number = 2 }\n[listen]",
    );
    gate.reload().unwrap();
    for (user, sent) in [("bob", 0), ("eve", 1), ("eve", 1), ("eve", 0)] {
        let before = gate.sent();
        gate.browser().ask("/", user);
        assert_eq!(gate.sent() - before, sent, "{user}");
    }
}

/// What a challenge was begun for may be gone when its code comes: then there is nothing to be had for it.
#[test]
fn a6_a_scope_that_is_gone_is_asked_of_nobody_and_its_grants_open_nothing() {
    let app = App::new();
    let gate = open(&app).start();
    let mut browser = gate.signed_in("ann");
    browser.pass_step_up("/admin", &gate.messages);
    assert_eq!(browser.get("/admin").status(), 200);
    let mut waiting = gate.signed_in("bob");
    let page = waiting.step_up("/admin");
    let before = gate.messages.count();
    waiting.press(&page, "send");
    gate.messages.after(before);
    gate.rewrite(
        "scopes = [\"login\", \"admin\"]",
        "scopes = [\"login\", \"vault\"]",
    );
    gate.rewrite("require = \"admin\"", "require = \"vault\"");
    gate.rewrite("[scopes.admin]", "[scopes.vault]");
    gate.reload().unwrap();
    let answer = browser.get("/admin");
    assert_eq!(answer.status(), 303, "a step-up for the new scope");
    assert_eq!(
        browser.get("/private").status(),
        200,
        "the other grant is as good as before"
    );
    assert_eq!(waiting.get(&page).status(), 410);
}

/// One request is at the application when the file changes, another one comes after: each by its own file.
#[test]
fn a6_a_request_that_has_begun_ends_as_it_began() {
    let (arrived, at) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let slow = Bare::new(move |_, mut stream| {
        read_head(&mut stream).unwrap();
        arrived.send(()).unwrap();
        gone.lock().unwrap().recv().unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nbefore";
        stream.get_mut().write_all(answer).unwrap();
    });
    let other = App::answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nafter");
    let gate = Setup::new(&slow.url())
        .routes(&[("/open", "public")])
        .workers(1)
        .start();
    let mut visitor = Visitor::stranger(&gate);
    visitor.begin("GET /open", "");
    wait(&at);
    gate.rewrite(&slow.url(), &other.url());
    gate.reload().unwrap();
    let next = Visitor::stranger(&gate).ask("GET /open", "");
    assert_eq!(next.text(), "after");
    go.send(()).unwrap();
    assert_eq!(visitor.answer().text(), "before");
    assert_eq!(visitor.ask("GET /open", "").text(), "after");
}

/// The program itself: SIGHUP, what it logs, and what its metrics say.
#[test]
fn a6_the_program_reads_its_file_again_at_sighup() {
    let app = App::new();
    let gate = open(&app)
        .with("[admin]\nhttp = \"127.0.0.1:0\"")
        .start()
        .stopped();
    let program = Program::start(&gate);
    let last = |program: &Program| {
        sample(
            &program.metrics(),
            "countersign_config_last_reload_successful",
        )
    };
    let mut visitor = Visitor::to(program.address);
    assert!(came_through(&visitor.ask("GET /open", "")));
    let from = program.lines();
    gate.rewrite(OPEN, "path = \"/open\"\nrequire = \"pubic\"");
    program.hangup();
    assert_eq!(
        program.logs(&["reload.applied", "reload.refused"], from),
        "reload.refused"
    );
    assert!(program.log().contains("pubic"), "{}", program.log());
    assert!(came_through(&visitor.ask("GET /open", "")));
    assert_eq!(last(&program), Some(0.0));
    let from = program.lines();
    gate.rewrite("path = \"/open\"\nrequire = \"pubic\"", CLOSED);
    program.hangup();
    assert_eq!(
        program.logs(&["reload.applied", "reload.refused"], from),
        "reload.applied"
    );
    assert!(!came_through(&visitor.ask("GET /open", "")));
    assert_eq!(last(&program), Some(1.0));
}

fn reload(gate: &Gate, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["reload", "--config"])
        .arg(gate.file("countersign.toml"))
        .args(more)
        .output()
        .unwrap()
}

#[test]
fn a6_the_command_waits_for_what_comes_of_it() {
    let app = App::new();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("admin.sock");
    let gate = open(&app)
        .with(&format!("[admin]\nsocket = \"{}\"", socket.display()))
        .start();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut visitor = Visitor::stranger(&gate);
    gate.rewrite(OPEN, CLOSED);
    let done = reload(&gate, &[]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(text(&done.stderr).starts_with("warning[C0601]"));
    assert!(text(&done.stdout).starts_with("configuration 2 counts"));
    assert!(!came_through(&visitor.ask("GET /open", "")));
    gate.rewrite(CLOSED, "path = \"/open\"\nrequire = \"pubic\"");
    let refused = reload(&gate, &[]);
    let said = text(&refused.stderr);
    assert_eq!(
        (refused.status.code(), text(&refused.stdout).as_str()),
        (Some(3), "")
    );
    assert!(
        said.contains("pubic") && said.contains("nothing has changed"),
        "{said}"
    );
    assert!(!came_through(&visitor.ask("GET /open", "")));
    gate.rewrite("require = \"pubic\"", "require = \"public\"");
    gate.rewrite("127.0.0.1:0", "127.0.0.1:9");
    let refused = reload(&gate, &["--json"]);
    let said: serde_json::Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(refused.status.code(), Some(3));
    assert!(
        said["error"].as_str().unwrap().contains("[listen] http"),
        "{said}"
    );
    gate.rewrite("127.0.0.1:9", "127.0.0.1:0");
    let gate = gate.stopped();
    assert_eq!(reload(&gate, &[]).status.code(), Some(4));
}
